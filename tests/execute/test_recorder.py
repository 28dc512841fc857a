"""The record is what ChartMimic's official evaluators log, oddities included.

Recorded reference values: tests/golden/chartmimic/traces.json (ours), and all of the reference
pairs where a folder with them is given (--golden DIR, else ../shared/golden).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from viscodex.execute import runtime
from viscodex.execute.chart import ChartPool
from viscodex.execute.sandbox import Limits
from viscodex.types import Execution

HERE = Path(__file__).parents[1]
OURS = HERE / "golden" / "chartmimic" / "traces.json"


@pytest.fixture(scope="module")
def pool() -> Iterator[ChartPool]:
    runtime.install("chartmimic")
    with ChartPool("chartmimic", workers=1, limits=Limits(wall=120, cpu=12)) as charts:
        yield charts


def _logs(execution: Execution) -> dict[str, Any]:
    figure = execution.figure
    if figure is None:
        return {"text": [], "chart_type": {}, "layout": [], "color": []}
    return {
        "text": list(figure.texts),
        "chart_type": figure.calls,
        "layout": [list(layout) for layout in figure.layouts],
        "color": ["--".join(color) for color in figure.colors],
    }


def _wanted(item: dict[str, Any], side: str) -> dict[str, Any]:
    wanted = dict(item["traces"][side])
    if "color_unfiltered" in item:  # what stands before the filter of more than ten colours
        wanted["color"] = sorted(item["color_unfiltered"][side])
    return wanted


def _run(pool: ChartPool, item: dict[str, Any], code: str, **how: Any) -> Execution:
    code = code.replace("<OUT_PDF>", "out.pdf")
    return pool.run(code, name=item["name"], record="chartmimic", **how)


ITEMS = json.loads(OURS.read_text("utf-8"))["items"]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item['id']}-{item['candidate_kind'][:30]}")  # fmt: skip
def test_record_equals_the_official_logs(pool: ChartPool, item: dict[str, Any]) -> None:
    reference = _run(pool, item, item["reference"], images=False)
    assert _logs(reference) == _wanted(item, "gt")
    candidate = _run(pool, item, item["candidate_as_executed"])
    assert _logs(candidate) == _wanted(item, "cand")
    assert (candidate.status == "ok") == item["exec_ok"]
    assert len(candidate.images) == item["exec_ok"]


def test_record_equals_the_official_logs_of_all_reference_pairs(
    pool: ChartPool, pytestconfig: pytest.Config
) -> None:
    folder = Path(pytestconfig.getoption("--golden", str(HERE.parents[1] / "shared" / "golden")))
    file = folder / "chartmimic" / "golden.json"
    if not file.exists():
        pytest.skip("the reference pairs are not here: --golden DIR")
    wrong = []
    known = {item["id"] for item in ITEMS}
    for item in json.loads(file.read_text("utf-8"))["items"]:
        if item["id"] in known:
            continue
        scripts = {
            "gt": (file.parent / f"{item['id']}_gt.py").read_text("utf-8"),
            "cand": item["candidate_as_executed"],
        }
        for side, code in scripts.items():
            got, wanted = _logs(_run(pool, item, code, images=False)), _wanted(item, side)
            wrong += [f"{item['id']} {side} {log}" for log in wanted if got[log] != wanted[log]]
    assert not wrong


# --- single rules, each with its own script (docs/sandbox.md) -------------------------------------

PLT = "import matplotlib.pyplot as plt, numpy as np\n"
SAVE = "\nplt.savefig('x.pdf')"


def _record(pool: ChartPool, body: str, name: str = "line_1") -> dict[str, Any]:
    return _logs(pool.run(PLT + body, name=name, record="chartmimic", images=False))


def test_text_counts_every_save_and_every_line(pool: ChartPool) -> None:
    body = (
        "plt.title('a\\nb')\nplt.gca().set_axis_off()\nplt.savefig('x.pdf')\nplt.savefig('y.pdf')"
    )
    assert _record(pool, body)["text"] == ["a", "b"] * 2


def test_text_of_other_formats_does_not_count(pool: ChartPool) -> None:
    assert _record(pool, "plt.title('a')\nplt.savefig('x.png')")["text"] == []


def test_figure_saved_by_its_own_method_keeps_its_ticks(pool: ChartPool) -> None:
    assert "0" in _record(pool, "fig, ax = plt.subplots()\nax.set_xticks([0])\nfig.savefig('x.pdf')")["text"]  # fmt: skip


def test_code_after_the_save_counts_for_the_other_logs(pool: ChartPool) -> None:
    body = "plt.plot([1])\nplt.savefig('x.pdf')\nplt.bar([1], [1], color='red')\nplt.title('late')"
    logs = _record(pool, body)
    assert logs["text"] == []
    assert logs["chart_type"] == {
        "matplotlib/axes/_axes.py-plot": 1,
        "matplotlib/__init__.py-bar": 1,
    }
    assert "matplotlib/__init__.py/bar--#FF0000" in logs["color"]


def test_graphs_have_one_layout(pool: ChartPool) -> None:
    body = "plt.subplots(2, 3)" + SAVE
    assert _record(pool, body, name="graph_1")["layout"] == [[1, 1, 0, 1, 0, 1]] * 6


def test_axes_without_a_cell_have_no_layout(pool: ChartPool) -> None:
    body = "plt.subplot(2, 2, 3)\nplt.gcf().add_axes([0, 0, 1, 1])\nplt.gca().twinx()" + SAVE
    assert _record(pool, body)["layout"] == [[2, 2, 1, 1, 0, 0]]


def test_colour_at_the_end_counts_of_the_artist_that_was_kept(pool: ChartPool) -> None:
    body = "for c in 'rgb':\n    line, = plt.plot([1, 2], color='k')\n    line.set_color(c)" + SAVE
    assert _record(pool, body)["color"] == ["matplotlib/axes/_base.py/_makeline--#0000FF"]


def test_busy_flag_stays_after_a_failing_call(pool: ChartPool) -> None:
    body = (
        "try:\n    plt.bar([1, 2], [1, 2, 3])\nexcept ValueError:\n    pass\nplt.plot([1])" + SAVE
    )
    logs = _record(pool, body)
    assert logs["chart_type"] == {"matplotlib/__init__.py-bar": 1}
    assert logs["color"] == []


def test_failing_colour_hook_is_run_again_as_the_official_one(pool: ChartPool) -> None:
    body = """
try:
    from matplotlib_venn import venn2
    venn2((10, 0, 0))
    plt.plot([1], color='r')
except Exception:
    pass
plt.savefig('x.pdf')"""
    logs = _record(pool, body)
    assert logs["chart_type"] == {
        "matplotlib/patches.py-__init__": 2,
        "matplotlib_venn/_common.py-__init__": 1,
        "matplotlib/axes/_axes.py-plot": 1,
    }
    assert not [color for color in logs["color"] if "_makeline" in color]


def test_script_that_fails_has_no_logs(pool: ChartPool) -> None:
    execution = pool.run(PLT + "plt.plot([1])\n1/0", record="chartmimic")
    assert execution.status == "error"
    assert _logs(execution) == {"text": [], "chart_type": {}, "layout": [], "color": []}


@pytest.mark.parametrize(
    ("body", "function", "color"),
    [
        ("plt.imshow([[1, 2]], cmap='magma')", "matplotlib/__init__.py/imshow", "magma"),
        ("plt.scatter([1], [1], c=[1], cmap='cool')", "matplotlib/__init__.py/scatter", "cool"),
        ("plt.fill([0, 1, 1], [0, 0, 1], 'r')", "matplotlib/axes/_axes.py/fill", "#FF0000"),
        ("plt.fill_between([1, 2], [1, 2], color='b')", "matplotlib/axes/_axes.py/_fill_between_x_or_y", "#0000FF"),
        ("plt.axhspan(0, 1, color='g')", "matplotlib/axes/_axes.py/axhspan", "#008000"),
        ("plt.boxplot([1, 2], patch_artist=True, boxprops={'facecolor': 'r'})", "matplotlib/__init__.py/boxplot", "#FF0000"),
        ("plt.axes(projection='polar').plot([1], color='r')", "matplotlib/axes/_axes.py/plot_polar_polar", "#FF0000"),
        ("plt.axes(projection='3d').scatter([1], [1], [1], color='r')", "matplotlib/__init__.py/scatter_3d_3d", "#FF0000"),
        ("plt.axes(projection='3d').bar([1], [1], color='r')", "matplotlib/__init__.py/bar_3d_3d", "#FF0000"),
        ("plt.axes(projection='3d').plot([1], [1], [1], color='r')", "mpl_toolkits/mplot3d/axes3d.py/plot_3d_3d", "#FF0000"),
        ("import networkx as nx\nnx.draw_networkx_nodes(nx.path_graph(2), {0: (0, 0), 1: (1, 1)}, node_color='r')", "networkx/drawing/nx_pylab.py/draw_networkx_nodes", "#FF0000"),
        ("import squarify\nsquarify.plot([1], color=['r'])", "squarify/__init__.py/plot_squarify", "#FF0000"),
    ],
)  # fmt: skip
def test_colour_is_logged_under_its_function(
    pool: ChartPool, body: str, function: str, color: str
) -> None:
    assert f"{function}--{color}" in _record(pool, body + SAVE)["color"]

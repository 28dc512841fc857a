"""Charts: one run gives every picture and the record; in each runtime, by each way to show."""

from __future__ import annotations

import io
import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from viscodex.errors import MissingPart
from viscodex.execute import runtime
from viscodex.execute.chart import ChartPool, run_chart
from viscodex.execute.sandbox import Limits
from viscodex.types import AxesRecord, Execution, from_json, to_json

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n"


@pytest.fixture(scope="module", params=runtime.NAMES)
def pool(request: pytest.FixtureRequest) -> Iterator[ChartPool]:
    runtime.install(request.param)
    with ChartPool(request.param, workers=2, limits=Limits(wall=120, cpu=20)) as charts:
        yield charts


def _pixels(picture: bytes | None) -> Any:
    from matplotlib.image import imread

    assert picture is not None
    return imread(io.BytesIO(picture))


def _drawn(execution: Execution) -> list[AxesRecord]:
    assert (execution.status, execution.reason) == ("ok", "")
    assert execution.figure is not None
    return list(execution.figure.axes)


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "names"),
    [
        ("", ["a"]),
        ("plt.show()", ["a"]),
        ("plt.savefig('x.png')", ["a"]),
        ("plt.savefig('x.png', dpi=300, bbox_inches='tight')", ["a"]),
        ("plt.savefig('x.pdf')\nplt.close()", ["a"]),
        ("plt.savefig('x.svg')\nplt.close('all')", ["a"]),
        ("fig.savefig('x.png')\nplt.close(fig)", ["a"]),
        ("plt.savefig(__import__('io').BytesIO(), format='png')\nplt.close(fig)", ["a"]),
        ("plt.close()", []),
        ("plt.savefig('x.png')\nplt.title('b')", ["b"]),
        ("plt.savefig('x.png')\nplt.figure()\nplt.plot([1])\nplt.title('b')", ["a", "b"]),
        ("plt.show()\nplt.plot([1])\nplt.title('b')\nplt.show()", ["a", "b"]),
        ("plt.show()\nplt.savefig('x.png')", ["a"]),
        ("plt.savefig('x.png')\nplt.close()\nplt.plot([1])\nplt.title('b')", ["a", "b"]),
        ("fig.show()\nplt.close(fig)", ["a"]),
    ],
)
def test_every_figure_is_taken_however_it_is_shown(
    pool: ChartPool, ending: str, names: list[str]
) -> None:
    execution = pool.run(
        f"{PLT}fig, ax = plt.subplots()\nax.plot([1, 3, 2])\nax.set_title('a')\n{ending}"
    )
    assert [ax.title for ax in _drawn(execution)] == names
    assert len(execution.images) == len(names)
    assert all(_pixels(image).shape == (480, 640, 4) for image in execution.images)


def test_picture_is_what_matplotlib_itself_draws(pool: ChartPool) -> None:
    """The file that a script saves in the usual way, read back, has the same pixels."""
    execution = pool.run(
        PLT + "fig, ax = plt.subplots(figsize=(4, 3))\nax.bar(['a', 'b'], [1, 2])\n"
        "fig.canvas.draw()\nprint(np.asarray(fig.canvas.buffer_rgba()).sum(), fig.canvas.get_width_height())"
    )
    total, width, height = (
        execution.stdout.replace("(", "").replace(")", "").replace(",", "").split()
    )
    pixels = (_pixels(execution.image) * 255).round().astype(int)
    assert (int(total), int(width), int(height)) == (pixels.sum(), pixels.shape[1], pixels.shape[0])


def test_saved_file_can_be_read_back(pool: ChartPool) -> None:
    execution = pool.run(
        PLT + "import pathlib\nplt.plot([1, 2])\nplt.savefig(pathlib.Path('x.png'), dpi=200)\n"
        "print(plt.imread('x.png').shape)"
    )
    assert (execution.status, execution.stdout) == ("ok", "(480, 640, 4)\n")


def test_size_and_dpi_of_the_script_are_kept(pool: ChartPool) -> None:
    execution = pool.run(PLT + "plt.figure(figsize=(5, 2), dpi=150)\nplt.plot([1])")
    assert _pixels(execution.image).shape[:2] == (300, 750)


def test_equal_runs_give_equal_bytes_in_any_worker(pool: ChartPool) -> None:
    code = (
        PLT + "import random\nplt.scatter(np.random.rand(9), [random.random() for _ in range(9)])"
    )
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(lambda _: pool.run(code), range(8)))
    assert len({run.images for run in runs}) == 1
    assert len({run.figure.axes for run in runs if run.figure}) == 1
    assert pool.run(code, seed=1).images != runs[0].images


@pytest.mark.parametrize(
    "line",
    [
        "matplotlib.use('TkAgg')",
        "matplotlib.use('Qt5Agg', force=True)",
        "plt.switch_backend('MacOSX')",
        "matplotlib.rcParams['backend'] = 'GTK3Agg'",
    ],
)
def test_backends_with_windows_do_not_fail(pool: ChartPool, line: str) -> None:
    execution = pool.run(f"import matplotlib\n{PLT}{line}\nplt.plot([1])\nplt.show()")
    assert (execution.status, len(execution.images), execution.stderr) == ("ok", 1, "")


KINDS = {
    "3d": "plt.axes(projection='3d').plot_surface(*np.meshgrid([0, 1], [0, 1]), np.ones((2, 2)))",
    "polar": "plt.axes(projection='polar').plot([0, 1, 2], [1, 2, 3])",
    "seaborn": "import seaborn as sns\nsns.violinplot(data=[[1, 2, 3], [2, 3, 4]])",
    "seaborn_grid": "import seaborn as sns, pandas as pd\nsns.pairplot(pd.DataFrame({'a': [1, 2, 3], 'b': [3, 1, 2]}))",
    "pandas": "import pandas as pd\npd.DataFrame({'a': [1, 2]}, index=['x', 'y']).plot.bar()",
    "pandas_dates": "import pandas as pd\npd.Series([1, 2], pd.date_range('2024-01-01', periods=2)).plot()",
    "networkx": "import networkx as nx\nnx.draw(nx.path_graph(3), with_labels=True)",
    "venn": "from matplotlib_venn import venn2\nvenn2((1, 2, 3))",
    "squarify": "import squarify\nsquarify.plot([3, 2, 1], label=['a', 'b', 'c'])",
    "contour": "plt.contourf(np.arange(9).reshape(3, 3))\nplt.colorbar()",
    "quiver": "plt.quiver([0, 1], [0, 1], [1, 1], [1, -1])\nplt.streamplot(np.arange(3), np.arange(3), np.ones((3, 3)), np.ones((3, 3)))",
    "mosaic": "fig, axs = plt.subplot_mosaic('AB;CC', layout='constrained')\naxs['A'].stairs([1, 2])",
    "pie": "plt.pie([1, 2, 3], labels=list('abc'), autopct='%d')",
    "table": "plt.table([['a', 'b']])",
    "image": "plt.imshow(np.zeros((3, 3, 3)))\nplt.pcolormesh(np.eye(3))\nplt.hexbin(np.arange(9), np.arange(9))",
    "log": "plt.loglog([1, 10, 100], [1, 10, 100])\nplt.errorbar([1, 2], [1, 2], yerr=0.1)",
    "sankey": "from matplotlib.sankey import Sankey\nSankey(flows=[1, -1], labels=['', '']).finish()",
    "animation": "from matplotlib.animation import FuncAnimation\nfig, ax = plt.subplots()\na = FuncAnimation(fig, lambda i: ax.plot([i]), frames=2)\na.save('x.gif', writer='pillow')",
    "scipy": "from scipy.stats import gaussian_kde\nplt.plot(gaussian_kde([1., 2, 4])(np.arange(5)))",
    "xkcd": "with plt.xkcd():\n    plt.plot([1, 2])",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_kind_of_chart_runs_and_is_recorded(pool: ChartPool, kind: str) -> None:
    execution = pool.run(PLT + KINDS[kind])
    axes = _drawn(execution)
    assert len(execution.images) == 1
    assert _pixels(execution.image).std() > 0.01
    assert any(ax.series for ax in axes) or kind in ("table",)
    assert from_json(Execution, to_json(execution)) == execution


# --- the record of a plain run --------------------------------------------------------------------


def test_record_tells_title_labels_legend_grid_scale_and_data(pool: ChartPool) -> None:
    execution = pool.run(
        PLT
        + """
fig, (left, right) = plt.subplots(1, 2)
left.plot([1, 2, 4], [10, 100, 1000], "r--", label="up")
left.set(title="T", xlabel="X", ylabel="Y", yscale="log", xlim=(0, 5))
left.grid(True)
left.legend(title="L")
right.bar(["a", "b"], [3, 5], color=["#112233", "#445566"], label="bars")
"""
    )
    left, right = _drawn(execution)
    assert (left.title, left.labels, left.scales) == ("T", ("X", "Y"), ("linear", "log"))
    assert (left.grid, right.grid) == ((True, True), (False, False))
    assert (left.legend, left.legend_title, right.legend) == (("up",), "L", None)
    assert left.limits[0] == (0.0, 5.0)
    (line,) = left.series
    assert (line.kind, line.label, line.colors) == ("line", "up", ("#ff0000ff",))
    assert (line.x, line.y) == ((1.0, 2.0, 4.0), (10.0, 100.0, 1000.0))
    (bars,) = right.series
    assert (bars.kind, bars.colors) == ("bar", ("#112233ff", "#445566ff"))
    assert (bars.x, bars.y) == (("a", "b"), (3.0, 5.0))
    assert execution.figure is not None
    assert set(execution.figure.texts) == {"T", "X", "Y", "up", "L"}
    assert execution.figure.layouts == ((1, 2, 0, 0, 0, 0), (1, 2, 0, 0, 1, 1))
    assert execution.figure.calls == {
        "matplotlib/axes/_axes.py-plot": 1,
        "matplotlib/__init__.py-bar": 1,
    }
    assert dict(execution.figure.colors)["matplotlib/axes/_base.py/_makeline"] == "#FF0000"


@pytest.mark.parametrize("angle", [0, 30, 90, -45])
def test_boxes_of_texts_lie_where_the_ink_is(pool: ChartPool, angle: int) -> None:
    body = f"plt.figure(figsize=(4, 3)).text(0.4, 0.5, 'Wagging', rotation={angle}, size=20)"
    execution = pool.run(PLT + body)
    assert execution.figure is not None
    (box,) = execution.figure.boxes
    dark = np.argwhere(_pixels(execution.image)[:, :, :3].mean(axis=2) < 0.5)
    x, y = dark[:, 1] - box.x, dark[:, 0] - box.y
    turn = np.radians(box.angle)
    along, across = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    assert (box.text, box.tick, box.figure, box.angle % 360) == ("Wagging", False, 0, angle % 360)
    assert box.size == pytest.approx(20 * 100 / 72)
    assert np.ptp(along) == pytest.approx(box.width, abs=8)
    assert np.ptp(across) == pytest.approx(box.height, abs=8)
    assert abs(along.max() + along.min()) < 8
    assert abs(across.max() + across.min()) < 8


def test_tick_labels_have_boxes_but_are_no_texts(pool: ChartPool) -> None:
    execution = pool.run(PLT + "plt.bar(['ab', 'cd'], [1, 2]); plt.ylabel('why'); plt.show()")
    assert execution.figure is not None
    ticks = {box.text for box in execution.figure.boxes if box.tick}
    assert ticks >= {"ab", "cd", "0.50"}
    assert execution.figure.texts == ("why",)
    assert [box.text for box in execution.figure.boxes if not box.tick] == ["why"]
    assert not pool.run(PLT + "plt.title('a')", record="chartmimic").figure.boxes  # type: ignore[union-attr]


def test_calls_have_the_same_names_in_every_runtime(pool: ChartPool) -> None:
    execution = pool.run(
        PLT + "plt.scatter([1], [1])\nplt.hist([1, 2])\nplt.boxplot([1, 2])\nplt.plot([1])"
    )
    assert execution.figure is not None
    assert execution.figure.calls == {
        "matplotlib/__init__.py-scatter": 1,
        "matplotlib/__init__.py-hist": 1,
        "matplotlib/__init__.py-boxplot": 1,
        "matplotlib/axes/_axes.py-plot": 1,
    }


def test_dates_and_missing_numbers_are_told(pool: ChartPool) -> None:
    execution = pool.run(
        PLT + "import datetime\nd = [datetime.datetime(2024, 1, n) for n in (1, 2)]\n"
        "plt.plot(d, [1, float('nan')])"
    )
    ((line,),) = (ax.series for ax in _drawn(execution))
    assert str(line.x[0]).startswith("2024-01-01T00:00:00")
    assert line.y == (1.0, "nan")


def test_seaborn_without_colours_runs_under_the_hooks(pool: ChartPool) -> None:
    execution = pool.run("import seaborn as sns\nsns.lineplot(x=[0, 1], y=[1, 2])\nsns.barplot(x=['a'], y=[1])")  # fmt: skip
    assert execution.status == "ok"


# --- status ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "reason"),
    [
        ("", "no_code", None, "no code"),
        ("  \n", "no_code", None, "no code"),
        ("plt.plot([1])", "error", 1, "NameError: name 'plt' is not defined"),
        ("def f(:", "error", 1, "SyntaxError"),
        ("x = 'a\0b'", "error", None, "null bytes"),
        ("raise SystemExit", "ok", 0, ""),
        ("import sys\nsys.exit(0)", "ok", 0, ""),
        ("import sys\nsys.exit(3)", "error", 3, "status 3"),
        ("import sys\nsys.exit('bad')", "error", 1, "status 1"),
        ("raise KeyboardInterrupt", "error", 1, "KeyboardInterrupt"),
        ("raise MemoryError", "memory", 1, "MemoryError"),
        (
            "import matplotlib.pyplot as plt\nplt.title('$\\\\nope{$')",
            "error",
            1,
            "cannot be drawn",
        ),
        ("x = '\ud800'", "ok", 0, ""),
    ],
)
def test_status_says_what_happened(
    pool: ChartPool, code: str, status: str, exit_code: int | None, reason: str
) -> None:
    execution = pool.run(code)
    assert (execution.status, execution.exit_code) == (status, exit_code)
    assert reason in execution.reason
    assert execution.tier in ("A", "B")
    assert execution.stamp["runtime"] == pool.runtime.name


def test_failing_script_keeps_what_it_drew_and_its_traceback(pool: ChartPool) -> None:
    execution = pool.run(PLT + "plt.plot([1])\nprint('seen')\n1/0", name="my chart")
    assert (execution.status, execution.reason) == ("error", "ZeroDivisionError: division by zero")
    assert execution.stdout == "seen\n"
    assert 'my_chart.py", line 5' in execution.stderr
    assert "zygote" not in execution.stderr
    assert len(execution.images) == 1


def test_script_is_main_with_a_file_and_a_directory_of_its_own(pool: ChartPool) -> None:
    execution = pool.run(
        "import os, sys\n"
        "own = [n for n in os.listdir() if n not in sys.prefix.split('/')]  # a runtime below /tmp\n"
        "print(__name__, os.path.basename(__file__), sys.argv == [__file__], own)\n"
        "import __main__\nprint(__main__.__dict__ is globals(), open(__file__).read()[:6])",
        name="bar_1",
    )
    assert execution.stdout == "__main__ bar_1.py True ['bar_1.py']\nTrue import\n"


def test_stamp_names_what_decides_pixels(pool: ChartPool) -> None:
    pins = runtime.pins_of(pool.runtime.name)
    execution = pool.run(
        "import matplotlib, numpy\nprint(matplotlib.__version__, numpy.__version__)"
    )
    assert execution.stdout.split() == [pins["matplotlib"], pins["numpy"]]
    assert execution.stamp["matplotlib"] == pins["matplotlib"]
    assert {"fonts", "dpi", "python", "pins", "seaborn", "pandas"} <= set(execution.stamp)


def test_only_the_fonts_of_the_wheel_are_seen(pool: ChartPool) -> None:
    execution = pool.run(
        "from matplotlib import font_manager as f, get_data_path\n"
        "print({x.fname.startswith(get_data_path()) for x in f.fontManager.ttflist}, f.findSystemFonts())"
    )
    assert execution.stdout == "{True} []\n"


def test_no_pictures_where_none_are_wanted(pool: ChartPool) -> None:
    with_, without = (pool.run(PLT + "plt.plot([1])", images=wanted) for wanted in (True, False))
    assert (len(with_.images), len(without.images)) == (1, 0)
    assert with_.figure == without.figure


def test_closed_pool_says_so(pool: ChartPool) -> None:
    with ChartPool(pool.runtime.name, workers=1) as other:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        other.run("print(1)")


def test_missing_runtime_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("VISCODEX_HOME", str(tmp_path))
    with pytest.raises(MissingPart, match="viscodex runtime install current"):
        run_chart("print(1)")


def test_one_chart_without_a_pool_of_ones_own() -> None:
    execution = run_chart(PLT + "plt.plot([1])", limits=Limits(wall=60, cpu=20))
    assert (execution.status, len(execution.images)) == ("ok", 1)
    assert np.isfinite(execution.cpu_seconds)


@pytest.mark.filterwarnings("ignore:This process")
def test_a_forked_process_has_a_worker_of_its_own() -> None:
    script = PLT + "import time\nplt.title('{0}'); time.sleep(0.3); print('{0}')"
    with ChartPool(workers=1) as pool:
        pool.run("x = 1")
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            said = pool.run(script.format("child")).stdout
            pool.close()
            os.write(into, said.encode())
            os._exit(0)
        parent = pool.run(script.format("parent"))
        os.close(into)
        with os.fdopen(out) as pipe:
            assert pipe.read() == "child\n"
        os.waitpid(child, 0)
        assert parent.stdout == "parent\n" and parent.figure and "parent" in parent.figure.texts
        assert pool.run("print('still here')").stdout == "still here\n"


def test_charts_run_beside_a_thousand_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("so many files cannot be opened here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert run_chart("print(1)").stdout == "1\n"
    finally:
        for descriptor in held:
            os.close(descriptor)


@pytest.mark.parametrize(
    "head",
    [
        '{"status":"ok","reason":"","exit_code":1e999,"more":[],"failed":"","logs":[],"pictures":[],"record":null}',
        "[" * 100_000,
        "[" + "[]," * 8_000_000 + "[]]",
    ],
    ids=["infinite", "deep", "large"],
)
def test_a_record_that_is_none_is_a_status(head: str) -> None:
    # what the trusted frame writes is bound before the script: so the message itself is made here
    from viscodex.execute.chart import _read_reply
    from viscodex.execute.pool import Reply

    body = head.encode()
    facts = {"status": "", "reason": "", "exit_code": 0, "seconds": 0.0, "cpu": 0.0}
    message = len(body).to_bytes(4, "little") + body
    assert _read_reply(Reply(facts, b"", b"", message)).status == "blocked"


def test_a_late_run_is_told_that_the_pool_is_closed() -> None:
    pool = ChartPool(workers=1)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"), pool._worker():
        raise AssertionError("got a worker")

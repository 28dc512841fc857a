"""ChartMimic's scores equal the official ones: all digits of text, type, layout; colour to 1e-9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from viscodex.execute import runtime
from viscodex.execute.sandbox import Limits
from viscodex.tasks import chart_metrics, chart_scripts
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.chart_metrics import Color, colors
from viscodex.tasks.chartmimic import ChartScorer
from viscodex.tasks.task import Item
from viscodex.text import read_answer
from viscodex.types import Completion, FigureRecord, Score

NAMES = {"text": "text", "layout": "layout", "chart_type": "type", "color": "color"}


@pytest.fixture(scope="module", params=["chartmimic", "current"])
def scorer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChartScorer]:
    """In the runtime of the recordings, and in the newest one, where nothing differs."""
    runtime.install(request.param)
    limits = Limits(wall=120, cpu=4, memory=2 << 30, disk=64 << 20, output=1 << 20)
    cache = tmp_path_factory.mktemp("references")
    with ChartScorer(workers=1, cache=cache, limits=limits, runtime_name=request.param) as made:
        yield made


def _items(folder: Path) -> list[dict[str, Any]]:
    """Ours hold the scripts in the file; a given folder has them beside it."""
    ours = folder / "chartmimic" / "scores.json"
    if ours.exists():
        items: list[dict[str, Any]] = json.loads(ours.read_text("utf-8"))["items"]
        return items
    file = folder / "chartmimic" / "golden.json"
    if not file.exists():
        pytest.skip(f"no {file}")
    items = json.loads(file.read_text("utf-8"))["items"]
    known = {item["id"] for item in _items(Path(__file__).parents[1] / "golden")}
    items = [item for item in items if item["id"] not in known]
    for item in items:
        item["reference"] = (file.parent / f"{item['id']}_gt.py").read_text("utf-8")
        item["candidate"] = (file.parent / f"{item['id']}_cand.py").read_text("utf-8")
    return items


def _score(scorer: ChartScorer, item: dict[str, Any]) -> Score:
    chart = ChartItem(item["name"], item["task"], item["reference"])
    reply = f"Here it is.\n```python\n{item['candidate']}```\n"
    answer = read_answer(item["name"], Completion(reply), "python")
    (score,) = scorer.score(Item(item["name"], (), (), chart), answer)
    return score


def test_scores_equal_the_official_ones(scorer: ChartScorer, goldens: Path) -> None:
    wrong = []
    items = _items(goldens)
    for item in items:
        score = _score(scorer, item)
        if bool(score.values["exec_rate"]) != item["exec_ok"]:
            wrong.append(f"{item['id']} exec_rate {score.reason}")
        for official, name in NAMES.items():
            if name == "color" and item["color_order_dependent"]:
                continue
            wanted = item["metrics"][official]["f1"]
            found = score.values[f"{name}_no_filter"]
            if abs(found - wanted) > (1e-9 if name == "color" else 0):
                wrong.append(f"{item['id']} {name} {found} {wanted}")
            assert score.values[name] == (found if item["exec_ok"] else 0)
    assert not wrong
    assert items


def test_precision_and_recall_from_the_official_logs(goldens: Path) -> None:
    file = goldens / "chartmimic" / "golden.json"
    if not file.exists():
        pytest.skip("the logs of ours are in traces.json, see tests/execute/test_recorder.py")
    for item in json.loads(file.read_text("utf-8"))["items"]:
        reference, candidate = (_record(item["traces"][side]) for side in ("gt", "cand"))
        found = chart_metrics.low_level(reference, candidate)
        for official, name in NAMES.items():
            for kind in ("precision", "recall", "f1"):
                wanted, got = item["metrics"][official][kind], getattr(found[name], kind)
                assert abs(got - wanted) <= (1e-9 if name == "color" else 0), item["id"]


def _record(trace: dict[str, Any]) -> FigureRecord:
    pairs = [tuple(color.rsplit("--", 1)) for color in trace["color"]]
    layouts = tuple(tuple(one) for one in trace["layout"])
    return FigureRecord(tuple(trace["text"]), layouts, trace["chart_type"], tuple(pairs))


def _sides(item: dict[str, Any]) -> list[list[Color]]:
    return [
        [
            (name, color)
            for name, color in (c.rsplit("--", 1) for c in item["color_unfiltered"][side])
        ]
        for side in ("gt", "cand")
    ]


def _outcomes(side: list[Color]) -> list[list[Color]]:
    """All that the filter keeps in some order: the maximal sets without two that are too alike."""
    names = [name for _, name in side]
    near = chart_metrics.alike(names, names) > chart_metrics.TOO_ALIKE
    clash = [
        sum(1 << j for j in range(len(side)) if near[i, j] and i != j) for i in range(len(side))
    ]
    if len(side) <= chart_metrics.MOST_COLORS:
        return [side]
    found: list[list[Color]] = []

    def grow(kept: int, open_: int, out: int) -> None:  # Bron and Kerbosch, on what does not clash
        if not open_ and not out:
            found.append([side[i] for i in range(len(side)) if kept >> i & 1])
        for i in range(len(side)):
            if open_ >> i & 1:
                grow(kept | 1 << i, open_ & ~clash[i] & ~(1 << i), out & ~clash[i])
                open_, out = open_ & ~(1 << i), out | 1 << i

    grow(0, (1 << len(side)) - 1, 0)
    return found


def test_order_dependent_colours_give_a_reachable_value(scorer: ChartScorer, goldens: Path) -> None:
    """All official values, and ours, are among those that orders of the two sets can give."""
    items = [item for item in _items(goldens) if item["color_order_dependent"]]
    for item in items:
        wanted, found = (_outcomes(side) for side in _sides(item))
        reachable = {round(colors(a, b).f1, 9) for a in wanted for b in found}
        official = {round(v["f1"], 9) for v in item["color_metrics_by_hash_seed"].values()}
        assert official <= reachable
        assert len(reachable) > 1
        assert round(_score(scorer, item).values["color_no_filter"], 9) in reachable
    if not items:
        pytest.skip("no order-dependent pair")


def test_similarity_of_colours(goldens: Path) -> None:
    file = goldens / "chartmimic" / "similarity.json"
    pairs = json.loads(file.read_text("utf-8"))["pairs"]
    for pair in pairs:
        assert abs(chart_metrics.alike([pair["a"]], [pair["b"]])[0, 0] - pair["similarity"]) < 1e-12
        assert abs(chart_metrics.alike([pair["b"]], [pair["a"]])[0, 0] - pair["reverse"]) < 1e-12
    assert len(pairs) > 50


def test_evaluated_script_is_the_official_one(golden: Path) -> None:
    file = golden / "chartmimic" / "golden.json"
    if not file.exists():
        pytest.skip(f"no {file}")
    said = f"__import__('os').write(2, {chart_scripts.MARK.encode()!r})"
    for item in json.loads(file.read_text("utf-8"))["items"]:
        code = (file.parent / f"{item['id']}_cand.py").read_text("utf-8")
        block = chart_scripts.extract(f"```python\n{code}```")
        assert block is not None
        if item["task"] == "customized":
            reference = (file.parent / f"{item['id']}_gt.py").read_text("utf-8")
            block = chart_scripts.with_data(block, reference)
        made = chart_scripts.evaluated(block, "OUT").replace(said, "pass")
        assert made == item["candidate_as_executed"].replace("<OUT_PDF>", "OUT.pdf"), item["id"]

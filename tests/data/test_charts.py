"""Charts of the grammar: equal everywhere, every type runs, what is said of them is true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from random import Random
from statistics import mean
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from viscodex.data.charts import ChartSource
from viscodex.data.charts.compose import compose
from viscodex.data.charts.describe import describe
from viscodex.data.charts.kinds import KINDS
from viscodex.data.charts.look import color_word, ink_on, luma
from viscodex.data.charts.questions import about, questions
from viscodex.data.charts.script import literal
from viscodex.data.charts.tables import by_group, over_time, plural
from viscodex.data.charts.tell import csv, markdown, reading_order
from viscodex.data.charts.verify import disagreements, plain
from viscodex.data.draft import Draft, Evidence, Machine
from viscodex.errors import BadRecipe
from viscodex.types import Sample

ALL = (*KINDS, "multi")
INVERSE = {"describe": 1.0, "table": 1.0, "question": 1.0, "ocr": 1.0}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine(workers=2) as machine:
        yield machine


def _only(kind: str, difficulty: float, seed: int = 0) -> ChartSource:
    weights = {name: float(name == kind) for name in ALL}
    span = (max(0.0, difficulty - 0.05), min(1.0, difficulty + 0.05))
    return ChartSource(seed, kinds=weights, difficulty=span, inverse=INVERSE)


# --- drafts ---------------------------------------------------------------------------------------


def test_at_least_the_types_of_the_issue() -> None:
    wanted = """line bar grouped stacked barh scatter bubble pie donut histogram box violin heatmap
        contour quiver radar polar area errorbar step stem surface graph treemap multi twin"""
    assert set(wanted.split()) <= set(ALL)
    assert len(ALL) >= 24


def test_a_draft_depends_on_seed_and_index_alone() -> None:
    one, other = ChartSource(7), ChartSource(7)
    forward = [one.draft(i) for i in range(30)]
    assert [other.draft(i) for i in reversed(range(30))] == forward[::-1]
    assert len({d.code for d in forward}) == len({d.id for d in forward}) == 30
    assert ChartSource(8).draft(0).code != forward[0].code


def test_another_process_makes_the_same_drafts() -> None:
    code = (
        "import hashlib; from viscodex.data.charts import ChartSource; s = ChartSource(7);"
        "print(hashlib.sha256(repr([s.draft(i) for i in range(40)]).encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "OPENBLAS_NUM_THREADS": "1"},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1] != ""


@given(st.integers(0, 10**9), st.sampled_from(ALL), st.floats(0, 1))
def test_any_seed_gives_a_script_that_parses(seed: int, kind: str, difficulty: float) -> None:
    chart = compose(kind, difficulty, Random(seed), (5.5, 8.0))
    tree = ast.parse(chart.code)
    assigned = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    imported = {
        a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
    }
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert not assigned & imported  # no data hides a module
    assert imported - {"matplotlib.dates"} <= used  # and none is imported in vain
    assert "plt.show()" in chart.code or "savefig(" in chart.code
    assert all(asdict(panel)["title"] for panel in chart.panels)


def test_no_panel_assigns_a_name_of_the_data_that_another_one_draws() -> None:
    for seed in range(150):
        chart = compose("multi", 1.0, Random(f"names {seed}"), (5.5, 8.0))
        data, figure = chart.code.split("\nfig", 1)
        before, after = (
            {n.id for n in ast.walk(ast.parse(part)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            for part in (_without_functions(data), "fig" + figure)
        )  # fmt: skip
        assert not (before & after) - {"v"}, (before & after, chart.code)


def _without_functions(code: str) -> str:
    tree = ast.parse(code)
    tree.body = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return ast.unparse(tree)


def test_every_idiom_of_a_type_is_used() -> None:
    for kind, about_kind in KINDS.items():
        drawn = {compose(kind, 0.5, Random(f"{kind}{i}"), (5.5, 8.0)).idiom for i in range(60)}
        wanted = set(about_kind.idioms) - ({"pyplot"} if about_kind.projection == "3d" else set())
        assert drawn == wanted


def test_the_dial_goes_from_plain_to_dense() -> None:
    def sizes(difficulty: float) -> tuple[float, float, float]:
        charts = [
            compose(kind, difficulty, Random(f"{kind} {i}"), (5.5, 8.0))
            for kind in ALL
            for i in range(6)
        ]
        numbers = [sum(len(r) - 1 for p in c.panels for r in p.rows) for c in charts]
        return (
            mean(len(c.code.splitlines()) for c in charts),
            mean(numbers),
            mean(len(p.legend) for c in charts for p in c.panels),
        )

    low, middle, high = sizes(0.0), sizes(0.5), sizes(1.0)
    assert all(a < b < c for a, b, c in zip(low, middle, high, strict=True))
    assert high[1] > 2 * low[1]
    assert all(
        len(compose("line", 0, Random(i), (5.5, 8)).panels[0].columns) == 2 for i in range(20)
    )
    assert max(len(compose("multi", 1, Random(i), (5.5, 8)).panels) for i in range(20)) == 6
    assert {len(compose("multi", 0, Random(i), (5.5, 8)).panels) for i in range(20)} == {2}


def test_weights_and_span_of_the_dial_are_kept() -> None:
    source = ChartSource(
        1, kinds=dict.fromkeys(ALL, 0.0) | {"pie": 1, "line": 3}, difficulty=(0.2, 0.4)
    )
    drafts = [source.draft(i) for i in range(200)]
    assert all(0.2 <= d.difficulty <= 0.4 for d in drafts)
    counts = Counter(d.kind for d in drafts)
    assert set(counts) == {"pie", "line"}
    assert 0.6 < counts["line"] / 200 < 0.9


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kinds": {"pye": 1}}, "did you mean pie"),
        ({"kinds": dict.fromkeys(ALL, 0.0)}, "not all 0"),
        ({"kinds": {"pie": -1}}, "0 or more"),
        ({"inverse": {"ocr": 2}}, "inverse ocr is 2"),
        ({"inverse": {"orc": 0.5}}, "did you mean ocr"),
        ({"thresholds": {"min_inc": 1}}, "did you mean min_ink"),
        ({"difficulty": [0.8, 0.2]}, "difficulty is"),
        ({"inches": [1, 2]}, "inches is"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRecipe, match=re.escape(words)):
        ChartSource(0, **settings)


def test_settings_are_plain_data_with_the_defaults_filled_in() -> None:
    source = ChartSource(3, thresholds={"min_marks": 9})
    assert source.settings["thresholds"]["min_marks"] == 9
    assert set(source.settings["kinds"]) == set(ALL)
    assert ChartSource(**source.settings).settings == source.settings


# --- every type runs and passes -------------------------------------------------------------------


def _kept(source: ChartSource, machine: Machine, index: int) -> tuple[Draft, Evidence, str]:
    draft = source.draft(index)
    evidence = source.execute(draft, machine)
    run = evidence.executions[0]
    assert (run.status, run.reason, run.stderr) == ("ok", "", ""), draft.code
    found = [f"{f.name}: {r.reason}" for f in source.filters if (r := f.check(draft, evidence))]
    return draft, evidence, "; ".join(found)


@pytest.mark.parametrize("kind", ALL)
def test_every_type_runs_passes_and_shows_what_its_facts_say(kind: str, machine: Machine) -> None:
    rejected = []
    for difficulty in (0.05, 0.5, 0.95):
        source = _only(kind, difficulty, seed=11)
        draft, evidence, found = _kept(source, machine, 0)
        rejected += [found] if found else []
        figure = evidence.executions[0].figure
        assert figure is not None
        for panel in draft.facts["panels"]:
            assert disagreements(panel, figure) == [], draft.code
        _check_samples(source.tell(draft, evidence), draft, evidence)
    assert len(rejected) < 2, rejected


def _check_samples(samples: tuple[Sample, ...], draft: Draft, evidence: Evidence) -> None:
    figure = evidence.executions[0].figure
    assert figure is not None
    code, *others = samples
    assert (code.id, code.task, code.reference) == (draft.id, "code", draft.code)
    assert code.answer == f"```python\n{draft.code.rstrip()}\n```"
    assert code.meta["stamp"] == evidence.executions[0].stamp
    assert {"describe", "question"} <= {s.task for s in others}
    for sample in samples:
        assert sample.images == evidence.images
        assert sum(m.content.count("<image>") for m in sample.messages) == 1
        assert [m.role for m in sample.messages] == ["user", "assistant"] * (
            len(sample.messages) // 2
        )
        assert all(m.content.strip() for m in sample.messages)
        assert sample.meta["licence"] == "CC0-1.0"
    for sample in others:
        assert sample.id == f"{draft.id}-{sample.task}"
        assert sample.reference == ""
        if sample.task == "ocr":
            wanted = [plain(b.text) for b in figure.boxes]
            assert Counter(sample.answer.split("\n")) == Counter(w for w in wanted if w)
            titles = {plain(t) for t in figure.texts} - {""}
            assert titles <= set(sample.answer.split("\n"))


def test_tables_hold_the_values_of_the_record(machine: Machine) -> None:
    """Read back from the answer's own text and compared with what was drawn."""
    for kind, axis in (("bar", "y"), ("barh", "x"), ("grouped", "y"), ("line", "y")):
        source = _only(kind, 0.5, seed=2)
        draft = source.draft(0)
        evidence = source.execute(draft, machine)
        (table,) = (s for s in source.tell(draft, evidence) if s.task == "table")
        body = table.answer.removeprefix("```csv\n").removesuffix("\n```")
        cells = [
            [c.strip() for c in (line.strip("|").split("|") if "|" in line else line.split(","))]
            for line in body.split("\n")
            if "---" not in line
        ]
        columns = list(zip(*cells, strict=True))[1:]
        figure = evidence.executions[0].figure
        assert figure is not None
        drawn = [sorted(float(v) for v in getattr(s, axis)) for s in figure.axes[0].series]
        for column in columns:
            values = sorted(float(v) for v in column[1:])
            assert any(values == pytest.approx(found) for found in drawn)


def test_drawn_at_once_or_alone_the_evidence_is_the_same(machine: Machine) -> None:
    source = ChartSource(21)
    draft = source.draft(4)
    one, other = source.execute(draft, machine), source.execute(draft, machine)
    assert one.images == other.images
    assert one.numbers == other.numbers
    assert source.tell(draft, one) == source.tell(draft, other)


def test_facts_that_the_picture_does_not_show_are_not_told(machine: Machine) -> None:
    source = _only("bar", 0.3)
    draft = source.draft(0)
    evidence = source.execute(draft, machine)
    assert {s.task for s in source.tell(draft, evidence)} == {"code", *INVERSE}
    facts = draft.facts
    facts["panels"][0]["rows"][0][1] += 1000
    assert {s.task for s in source.tell(draft, evidence)} == {"code", "ocr"}
    without = Evidence(evidence.executions, evidence.images, evidence.numbers)
    plain_draft = Draft("x-1", "chart", "web", draft.code, "python", 0.0, 1)
    assert {s.task for s in source.tell(plain_draft, without)} == {"code", "ocr"}


# --- answers --------------------------------------------------------------------------------------

FACTS: dict[str, Any] = {
    "kind": "bar", "name": "bar chart", "title": "Sales by region", "x_label": "Region",
    "y_label": "Sales (t)", "columns": ["Region", "Sales"], "rows": [["North", 10.0], ["South", 30.0], ["East", 5.5]],
    "unit": "t", "measure": "Sales", "labelled": True, "readable": True, "timed": False, "whole": True,
    "colors": {"North": "#d62728", "South": "#1f77b4"}, "legend": [], "notes": [], "decimals": 1,
}  # fmt: skip


def _asked(facts: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for seed in range(60):
        for kind, question, answer in questions(facts, Random(seed)):
            found.setdefault(kind, set()).add((question, answer))
    return found


def test_answers_are_those_that_a_person_reads_off() -> None:
    asked = _asked(FACTS)
    assert ("What value is shown for South?", "30.0 t") in asked["lookup"]
    assert asked["extreme"] == {
        ("Which region has the highest sales?", "South"),
        ("Which region has the lowest sales?", "East"),
    }
    assert ("By how much do North and East differ in sales?", "4.5 t") in asked["difference"]
    assert asked["sum"] == {("What is the total over all regions of sales?", "45.5 t")}
    assert ("How many regions are shown?", "3") in asked["count"]
    assert ("Which series is red?", "North") in asked["color"]
    assert ("What is the title of the chart?", "Sales by region") in asked["title"]
    for question, answer in asked["threshold"]:
        limit = float(re.search(r"exceed ([\d.]+)", question)[1])  # type: ignore[index]
        assert int(answer) == sum(v > limit for _, v in FACTS["rows"])


def test_values_that_are_not_printed_are_asked_and_told_roughly() -> None:
    asked = _asked({**FACTS, "labelled": False})
    assert "difference" not in asked
    assert "sum" not in asked
    assert all(answer.startswith("about ") for _, answer in asked["lookup"])
    near = {**FACTS, "labelled": False, "rows": [["A", 30.0], ["B", 29.9], ["C", 5.0]]}
    assert not [q for q, _ in _asked(near)["extreme"] if "highest" in q]


@given(st.floats(0.01, 1e6), st.floats(0.01, 1.0))
def test_a_rough_value_is_within_a_fiftieth_of_the_largest(top: float, share: float) -> None:
    value = top * share
    facts = {"rows": [["a", top], ["b", value]]}
    assert abs(float(about(value, facts)) - value) <= top / 50


def test_descriptions_say_what_the_facts_say() -> None:
    words = describe([FACTS], "", Random(1))
    for part in ("bar chart", "Sales by region", "South (30.0 t)", "East (5.5 t)", "3 regions"):
        assert part in words
    two = describe([FACTS, {**FACTS, "title": "Other"}], "Overview", Random(1))
    assert two.startswith('The figure has 2 panels under the heading "Overview".')
    assert '2. "Other": a bar chart.' in two


def test_tables_in_markdown_and_csv() -> None:
    assert markdown(FACTS).split("\n")[2] == "| North | 10.0 |"
    assert csv({**FACTS, "rows": [["a, b", 1]]}).split("\n")[2] == '"a, b",1'


def test_texts_are_read_from_top_to_bottom_and_left_to_right(machine: Machine) -> None:
    run = machine.charts.run(
        "import matplotlib.pyplot as plt\nfig = plt.figure()\n"
        "for x, y, s in [(.8, .5, 'd'), (.1, .1, 'e'), (.1, .9, 'a'), (.8, .9, 'b'), (.1, .5, 'c')]:\n"
        "    fig.text(x, y, s)\nplt.show()"
    )
    assert run.figure is not None
    assert [box.text for box in reading_order(run.figure.boxes)] == ["a", "b", "c", "d", "e"]


def test_mathtext_and_minus_signs_are_written_as_they_are_read() -> None:
    assert plain(r"$\mathdefault{10^{2}}$") == "10^2"
    assert plain("\u22120.5") == "-0.5"
    assert plain("10 $ and") == "10 $ and"


def test_instructions_vary() -> None:
    source = ChartSource(4)
    blank = Evidence((), (b"",), {})
    asked = Counter()
    for i in range(60):
        draft = source.draft(i)
        from viscodex.types import Execution

        (sample,) = source.tell(draft, Evidence((Execution("ok"),), blank.images))
        asked[sample.messages[0].content] += 1
    assert len(asked) > 10


# --- parts ----------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(3, 8), st.integers(1, 4), st.booleans())
def test_tables_are_whole_and_within_their_bounds(seed: int, n: int, m: int, whole: bool) -> None:
    for table in (by_group(Random(seed), n, m, whole=whole), over_time(Random(seed), n, m)):
        assert len(table.values) == len(table.series) == len(set(table.series))
        assert all(len(column) == len(table.rows) for column in table.values)
        assert len(set(table.rows)) == len(table.rows)
        flat = [v for column in table.values for v in column]
        assert min(flat) > 0
        assert table.topic.most is None or max(flat) <= table.topic.most


@example([0, [], -(10**13), [0, 0, 0, 0, -(10**10), -(10**11), "0AA-AA000000"]])
@given(st.recursive(st.integers() | st.text(max_size=20), lambda s: st.lists(s, max_size=9)))
def test_literals_read_back_as_they_were(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value
    assert ast.literal_eval(literal({"key": value})) == {"key": value}


def test_words_of_colors_and_their_inks() -> None:
    words = {
        "#d62728": "red",
        "#1f77b4": "blue",
        "#2ca02c": "green",
        "#7f7f7f": "gray",
        "#ff7f0e": "orange",
    }
    assert {c: color_word(c) for c in words} == words
    assert ink_on("#000080") == "white"
    assert ink_on("#ffff00") == "black"
    assert luma("#ffffff") == pytest.approx(255)
    assert [plural(w) for w in ("country", "day", "species", "epoch")] == [
        "countries",
        "days",
        "species",
        "epochs",
    ]

"""A run of scoring: survives, resumes, hides nothing, sums up; the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from viscodex.cli import app
from viscodex.errors import BadInput, BadRecipe, OutputRefused
from viscodex.tasks import summary
from viscodex.tasks.answers import read_answers
from viscodex.tasks.kept import input_picture, read_items
from viscodex.tasks.run import RunFolder, score_answers
from viscodex.tasks.task import Benchmark, Item, Picture, mean_of_attempts, protocols_of, task
from viscodex.types import Answer, Completion, Message, Report, Score, from_json, to_json


class Lengths:
    """A benchmark whose scorer counts letters, and fails on some."""

    name = "lengths"
    language = ""
    headline = ("score",)

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.settings: dict[str, Any] = {"tier": "none"}

    def scorer(self, benchmark: Benchmark, *, protocols: Sequence[str], **how: Any) -> Lengths:
        return self

    def __enter__(self) -> Lengths:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        text = answer.completion.text
        self.seen.append(text)
        if text == "interrupt":
            raise KeyboardInterrupt
        if text == "fault":
            raise ZeroDivisionError("oh")
        values = {"score": len(text) / 10}
        return (Score(item.id, values, status="ok", attempt=answer.attempt, protocol="paper"),)

    values = staticmethod(lambda item, scores: mean_of_attempts(scores))
    totals = staticmethod(lambda benchmark, rows, protocol: {"rows": len(rows)})


BENCHMARK = Benchmark(
    "lengths",
    tuple(
        Item(f"i{n}", (), (), None, {"half": ("first" if n < 3 else "second",)}) for n in range(5)
    ),
    "here",
    "r1",
)


def _run(place: Path, texts: Mapping[str, str | list[str]], task_: Lengths | None = None) -> Report:
    answers = {
        key: [Completion(one) for one in ([text] if isinstance(text, str) else text)]
        for key, text in texts.items()
    }
    reports = score_answers(
        task_ or Lengths(),  # type: ignore[arg-type]
        BENCHMARK, answers, place, protocols=("paper",), workers=1,
    )  # fmt: skip
    return reports["paper"]


def test_both_denominators_unanswered_and_unscored_are_counted(tmp_path: Path) -> None:
    report = _run(tmp_path / "run", {"i0": "x" * 10, "i1": "x" * 5, "i2": "fault", "i4": ""})
    mean = report.metrics["score"]
    assert (report.n, report.n_answered, mean.n_scored) == (5, 4, 3)
    assert mean.all == pytest.approx(1.5 / 5)
    assert mean.scored == pytest.approx(1.5 / 3)
    assert mean.low <= mean.scored <= mean.high
    assert report.unscored == {"fault of the scorer: ZeroDivisionError: oh": 1}
    assert report.problems == {"no_code": 1, "no_fence": 1, "unanswered": 1}
    assert report.groups["half"]["first"]["score"].all == pytest.approx(0.5)
    assert report.groups["half"]["second"]["score"].all == 0
    assert report.settings["revision"] == "r1"


def test_report_and_scores_are_on_disk_as_they_were(tmp_path: Path) -> None:
    report = _run(tmp_path, {"i0": "abc", "i1": "fault"})
    lines = (tmp_path / "scores.jsonl").read_text().splitlines()
    kept = {from_json(Score, line).sample_id: from_json(Score, line) for line in lines}
    assert kept == {score.sample_id: score for score in report.rows}
    told = json.loads((tmp_path / "report.json").read_text())["paper"]
    assert from_json(Report, json.dumps(told)).metrics["score"].n_scored == 1
    assert to_json(from_json(Report, to_json(report))) == to_json(report)


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    texts: dict[str, str | list[str]] = {"i0": "a", "i1": "bb", "i2": "interrupt", "i3": "dddd"}
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, texts)
    kept = (tmp_path / "scores.jsonl").read_bytes()
    (tmp_path / "scores.jsonl").write_bytes(
        kept + b'{"sample_id": "i3", "val'
    )  # killed while writing
    lengths = Lengths()
    report = _run(tmp_path, {**texts, "i2": "ccc"}, lengths)
    assert report.metrics["score"].all == pytest.approx(0.1 * (1 + 2 + 3 + 4) / 5)
    assert len(lengths.seen) + kept.count(b"\n") == 4
    again = Lengths()
    assert _run(tmp_path, {**texts, "i2": "ccc"}, again).metrics == report.metrics
    assert again.seen == []


def test_a_changed_answer_is_scored_again(tmp_path: Path) -> None:
    _run(tmp_path, {"i0": "a"})
    report = _run(tmp_path, {"i0": "aaaa"})
    assert report.metrics["score"].scored == pytest.approx(0.4)
    assert report.n_answered == 1


def test_several_answers_to_a_question_are_one_row(tmp_path: Path) -> None:
    report = _run(tmp_path, {"i0": ["a", "aaa"], "i1": ["bb"]})
    assert report.metrics["score"].scored == pytest.approx(0.2)
    assert len(report.rows) == 3


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(OutputRefused, match="not empty"):
        _run(tmp_path, {})
    with pytest.raises(OutputRefused, match="is a file"):
        RunFolder(tmp_path / "x").open({})
    RunFolder(tmp_path / "run").open(
        {"task": "lengths", "revision": "other", "protocols": ["paper"]}
    )
    with pytest.raises(OutputRefused, match="other"):
        _run(tmp_path / "run", {})


# --- means ----------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.randoms())
def test_intervals_hold_the_mean_and_do_not_depend_on_order(
    values: list[float], random: Any
) -> None:
    low, high = summary.interval(values)
    mean = sum(values) / len(values)
    assert low - 1e-9 <= mean <= high + 1e-9 or max(values) - min(values) < 1e-6 or len(values) < 5
    assert summary.interval(random.sample(values, len(values))) == (low, high)


def test_interval_is_as_wide_as_theory_says() -> None:
    values = [0.0, 1.0] * 200
    low, high = summary.interval(values)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(400), rel=0.1)
    assert all(map(math.isnan, summary.interval([1.0])))


def test_metrics_that_an_item_has_not_do_not_count_against_it() -> None:
    items = [Item("a", (), (), None, metrics=("x",)), Item("b", (), (), None, metrics=("y",))]
    means = summary.means(items, {"a": {"x": 1.0}, "b": {"y": 0.5}})
    assert (means["x"].all, means["y"].all) == (1.0, 0.5)


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "a", "answer": "x"}',
        '{"sample_id": "a", "text": "x", "finish_reason": "stop"}',
        '{"problem_id": "a", "responses": ["x"]}',
        '{"id": "a", "completion": {"text": "x", "completion_tokens": 3}}',
        '{"name": "a", "prediction": "x", "seconds": 1.5}',
    ],
)
def test_answers_are_read_by_their_usual_names(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(line + "\n\n")
    ((key, (completion,)),) = read_answers(tmp_path / "a.jsonl").items()
    assert (key, completion.text) == ("a", "x")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "a"}', "no id, or no answer"),
        ('{"answer": "x"}', "no id, or no answer"),
        ('{"id": "a", "answer": 3}', "no text"),
        ("[1]", "row 1"),
        ("{", "line 1"),
        ("{", "answers cannot be read"),
        ("\n", "no answers in it"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(BadInput, match=said):
        read_answers(tmp_path / "a.jsonl")


def test_a_missing_answer_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "a", "answer": null}\n{"id": "a", "answer": "x"}')
    assert [c.text for c in read_answers(tmp_path / "a.jsonl")["a"]] == ["", "x"]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(BadRecipe, match="no such benchmark"):
        task("chartmimik")
    with pytest.raises(BadRecipe, match="no such protocol"):
        protocols_of(task("infibench_v"), "paper")
    assert protocols_of(task("chartmimic"), "both") == ("paper", "strict")


# --- command line ---------------------------------------------------------------------------------


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    rows = [
        {"problem_id": f"p{n}", "question": "Add. ![image](1.png)", "data_split": "test",
         "input_output": json.dumps({"inputs": [f"{n} 1"], "outputs": [str(n + 1)]}), "image_tags": ["Math"]}
        for n in range(3)
    ]  # fmt: skip
    file = tmp_path / "mmcode_test.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [
        {"id": "p0", "answer": "```python\na, b = map(int, input().split())\nprint(a + b)\n```"},
        {"id": "p1", "answer": "```py\nprint(sum(map(int, input().split())))\n```"},
        {"id": "p9", "answer": "what?"},
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers))
    return file


def _invoke(problems: Path, *more: str) -> Any:
    place = problems.parent
    words = ["score", "mmcode", "--data", str(problems), "--answers", str(place / "answers.jsonl"), "-o", str(place / "run")]  # fmt: skip
    return CliRunner().invoke(app, [*words, *more])


def test_command_scores_and_prints_both_protocols(problems: Path) -> None:
    done = _invoke(problems)
    assert done.exit_code == 0, done.output
    assert "protocol paper" in done.output
    assert "of all 3" in done.output
    assert "1 answers belong to no item" in done.output
    told = json.loads((problems.parent / "run" / "report.json").read_text())
    assert told["paper"]["metrics"]["pass@1"]["all"] == pytest.approx(
        1 / 3
    )  # ```py is no code there
    assert told["strict"]["metrics"]["pass@1"]["all"] == pytest.approx(2 / 3)
    assert told["paper"]["problems"] == {"unanswered": 1}


def test_command_prints_json(problems: Path) -> None:
    done = _invoke(problems, "--json", "--protocol", "strict", "--limit", "2")
    told = json.loads(done.stdout)
    assert list(told) == ["strict"]
    assert told["strict"]["n"] == 2
    assert told["strict"]["settings"]["limit"] == 2


def test_command_refuses_answers_to_other_questions(problems: Path) -> None:
    (problems.parent / "answers.jsonl").write_text('{"id": "zzz", "answer": "x"}')
    done = _invoke(problems)
    assert isinstance(done.exception, BadInput)
    assert "p0" in str(done.exception)


# --- what a run keeps -----------------------------------------------------------------------------


def test_a_run_keeps_what_was_asked_and_answered_with_its_values(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG")
    asked = (Message("system", "s"), Message("user", "<image>draw"))
    items = (
        Item("a/1", asked, (Picture(picture), Picture(b"GIF89a")), None, {"half": ("first",)}),
        Item("b", asked, (Picture(tmp_path / "missing.png"),), None),
    )
    answers = {"a/1": [Completion("half \ud83d of a smile"), Completion("fault")]}
    benchmark = Benchmark("lengths", items, "here", "r1")
    score_answers(
        Lengths(), benchmark, answers, tmp_path / "run", protocols=("paper",), workers=1  # type: ignore[arg-type]
    )  # fmt: skip
    first, second = read_items(tmp_path / "run")
    assert (first.id, first.prompt, first.n_images) == ("a/1", "s\n\n<image>draw", 2)
    assert [answer.text for answer in first.answers] == ["half \ufffd of a smile", "fault"]
    assert first.values["paper"]["score"] == pytest.approx(1.7)
    assert (second.answers, second.values) == ((), {})
    assert input_picture(tmp_path / "run", "a/1") == b"\x89PNG"
    assert input_picture(tmp_path / "run", "a/1", 1) == b"GIF89a"
    assert input_picture(tmp_path / "run", "b") is None
    (tmp_path / "run" / "items.jsonl").write_text("{")
    with pytest.raises(BadInput, match="line 1"):
        list(read_items(tmp_path / "run"))

"""A record of a judge: the same marks again, and none for what was never asked."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from viscodex.cli import app
from viscodex.errors import BadRecipe
from viscodex.tasks.infibench import InfiBenchV
from viscodex.tasks.judge import RecordedJudge, judge_of
from viscodex.tasks.questions import response_question
from viscodex.types import Answer, Completion

PUBLIC = Path(__file__).parents[2] / "suites" / "infibench_v_public"
KEYS = ("be-13", "fe-11")  # graded by a judge alone; be-13 with a threshold


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Two cases of the public suite, with its record."""
    folder = tmp_path / "few"
    for key in KEYS:
        for name in (f"cases/{key}.yaml", f"pictures/{key}.png"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PUBLIC / name, folder / name)
    lines = "".join(f"  - cases/{key}.yaml\n" for key in KEYS)
    (folder / "suite.yaml").write_text(f"version: 1\ncases:\n{lines}")
    return folder


def _answers(name: str) -> dict[str, str]:
    lines = (PUBLIC / "answers" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row["answer"] for row in map(json.loads, lines) if row["id"] in KEYS}


def _score(few: Path, answers: dict[str, str], record: Path, out: Path) -> tuple[int, Any]:
    file = few.parent / f"{out.name}.jsonl"
    file.write_text("".join(json.dumps({"id": k, "answer": a}) + "\n" for k, a in answers.items()))
    given = ["--data", str(few), "--answers", str(file), "-o", str(out)]
    done = CliRunner().invoke(
        app, ["score", "infibench_v", *given, "--judge", f"recorded/{record}", "--json"]
    )
    scores = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    return done.exit_code, {row["sample_id"]: row for row in scores}


def test_a_record_scores_and_the_record_of_that_run_scores_alike(few: Path) -> None:
    record = PUBLIC / "answers" / "judge.jsonl"
    wrong = _answers("wrong")
    code, first = _score(few, wrong, record, few.parent / "one")
    assert code == 0
    assert first["be-13"]["values"]["judge"] == 0  # below its threshold
    assert first["fe-11"]["values"]["judge"] == pytest.approx((2 + 8) / 100)
    own = few.parent / "one" / "judge.jsonl"
    rows = [json.loads(line) for line in own.read_text().splitlines()]
    assert sorted(row["sample_id"] for row in rows) == list(KEYS)
    assert all(row["cached"] and row["judge"] == "the authors of the suite" for row in rows)
    code, again = _score(few, wrong, own, few.parent / "two")
    assert code == 0
    assert {k: row["values"] for k, row in again.items()} == {
        k: row["values"] for k, row in first.items()
    }


def test_an_answer_that_was_never_judged_is_unscored(few: Path) -> None:
    record = PUBLIC / "answers" / "judge.jsonl"
    answers = {**_answers("reference"), "fe-11": "Use a larger number."}
    code, rows = _score(few, answers, record, few.parent / "run")
    assert code == 1
    assert rows["be-13"]["values"]["score"] == 1
    assert rows["fe-11"]["values"]["score"] == "NaN" or math.isnan(rows["fe-11"]["values"]["score"])
    assert "no reply to this answer" in rows["fe-11"]["reason"]


@pytest.mark.parametrize("change", ["prompt", "reference", "picture"])
def test_a_mark_is_of_all_that_was_asked(few: Path, change: str) -> None:
    (item,) = (i for i in InfiBenchV().read(few).items if i.id == "fe-11")
    text = _answers("wrong")["fe-11"]
    answer = Answer("fe-11", Completion(text, "stop"), text)
    asked = response_question(item, answer, item.data.strict, text)
    judge = RecordedJudge(PUBLIC / "answers" / "judge.jsonl")
    assert judge.mark(asked, "strict").points == {"correctness": 2, "completeness": 8}
    if change == "picture":
        other = (PUBLIC / "pictures" / "be-13.png").read_bytes()
        pictures = tuple((label, other) for label, _ in asked.pictures)
        texts = asked.texts
    else:
        slot = {"prompt": "question"}.get(change, change)
        pictures, texts = asked.pictures, {**asked.texts, slot: asked.texts[slot] + " "}
    changed = type(asked)(asked.sample_id, asked.attempt, asked.rubric, texts, pictures)
    mark = judge.mark(changed, "strict")
    assert mark.points == {}
    assert "no reply" in mark.reason


def test_a_reply_that_is_none_is_no_mark(few: Path) -> None:
    rows = [json.loads(x) for x in (PUBLIC / "answers/judge.jsonl").read_text().splitlines()]
    file = few.parent / "judge.jsonl"
    file.write_text("".join(json.dumps({**row, "reply": "very good"}) + "\n" for row in rows))
    code, scores = _score(few, _answers("reference"), file, few.parent / "run")
    assert code == 1
    assert "no JSON object" in scores["fe-11"]["reason"]


def test_a_record_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="no such record"):
        judge_of(f"recorded/{tmp_path / 'none.jsonl'}")

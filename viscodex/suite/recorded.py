"""The recorded judge of a suite: marks that were given once, to responses that are known.

in:  rows {id, answer, sha256, reply, by}; Questions
out: the reply to the response of a Question, read by the rubric as any judge's
not covered: judges that are asked (tasks/judge.py)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from viscodex.errors import BadDataset
from viscodex.suite.layout import JUDGE, sha256_of
from viscodex.tasks.judge import FunctionJudge
from viscodex.tasks.rubrics import read_parts
from viscodex.tasks.task import Question


@dataclass(frozen=True, slots=True)
class RecordedMark:
    """One reply of a judge to one response."""

    id: str  # of the case
    answer: str  # reference or wrong
    sha256: str  # of the response
    reply: str  # {"correctness": N, "completeness": N, "reason": ...}, as a judge writes it
    by: str  # who: a model, or the expert

    def __post_init__(self) -> None:
        points = read_parts(self.reply)
        if isinstance(points, str):
            raise ValueError(f"{self.id}, {self.answer}: {points}")


def mark_of(
    case: str, answer: str, response: str, correctness: int, completeness: int, by: str, why: str
) -> RecordedMark:
    """The mark that a person gives: two whole numbers of 0 to 50.

    Raises:
        ValueError: out of range.
    """
    reply = {"correctness": correctness, "completeness": completeness, "reason": why}
    return RecordedMark(case, answer, sha256_of(response), json.dumps(reply), by)


def read_marks(rows: Iterable[Mapping[str, Any]]) -> list[RecordedMark]:
    """The marks of the rows of judge.jsonl.

    Raises:
        BadDataset: a row that is none.
    """
    marks = []
    for number, row in enumerate(rows, 1):
        try:
            marks.append(RecordedMark(**row))
        except (TypeError, ValueError) as error:
            todo = "Keys are id, answer, sha256, reply, by; the reply is what a judge would write."
            raise BadDataset(
                "no mark of a judge", f"{JUDGE}, row {number}: {error}", todo
            ) from None
    return marks


def marks_text(marks: Iterable[RecordedMark]) -> str:
    """judge.jsonl of marks, in the order of cases and answers."""
    rows = sorted(marks, key=lambda mark: (mark.id, mark.answer))
    return "".join(json.dumps(asdict(mark), ensure_ascii=False) + "\n" for mark in rows)


def recorded_judge(marks: Iterable[RecordedMark]) -> FunctionJudge:
    """A judge that knows these responses and gives no mark for any other."""
    known = {(mark.id, mark.sha256): mark.reply for mark in marks}

    def reply(question: Question) -> str:
        found = known.get((question.sample_id, sha256_of(question.texts["response"])))
        if found is None:
            raise LookupError("no mark is recorded for this response")
        return found

    return FunctionJudge("recorded", reply)

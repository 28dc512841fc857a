"""Marks of a judge that drafts keep: given once, to responses that are known by their hash.

in:  what a judge or an expert says of the reference or the wrong answer
out: RecordedMark; a judge that says it again
not covered: judges that are asked, the record of a frozen suite (tasks/judge.py)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from viscodex.suite.layout import sha256_of
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


def recorded_judge(marks: Iterable[RecordedMark]) -> FunctionJudge:
    """A judge that knows these responses and gives no mark for any other."""
    known = {(mark.id, mark.sha256): mark.reply for mark in marks}

    def reply(question: Question) -> str:
        found = known.get((question.sample_id, sha256_of(question.texts["response"])))
        if found is None:
            raise LookupError("no mark is recorded for this response")
        return found

    return FunctionJudge("recorded", reply)

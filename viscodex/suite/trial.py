"""A case tried out: its reference must score 1, its plausible wrong answer below 0.5, nothing 0.

in:  a Case, responses, a judge
out: a Verdict on each of the three responses; the score of any other one
not covered: where cases come from (drafts.py, tasks/suite.py); grading (tasks/grading.py)

Graded by the scorer of `viscodex score infibench_v`; unit tests run in the sandbox.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from viscodex.tasks.cases import Case
from viscodex.tasks.infibench import InfiScorer
from viscodex.tasks.run import score_one
from viscodex.tasks.suite import InfiItem
from viscodex.tasks.task import Item, Judge, Picture
from viscodex.text import read_answer
from viscodex.types import Completion, Message, Score

ANSWERS = ("reference", "wrong", "empty")
BELOW = 0.5
"""What a plausible wrong answer must not reach."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one response."""

    answer: str  # reference, wrong or empty; own: a response that is just tried
    score: float  # 0..1; NaN where it could not be graded
    holds: bool  # the score is what it must be
    reason: str = ""  # one line: what is wrong, or what the grader says
    values: dict[str, float] = field(default_factory=dict)  # metric -> share of its points
    detail: dict[str, Any] = field(default_factory=dict)  # JSON: rules, tests, the judge's reply
    missing: bool = False  # not graded, since this machine lacks something

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}


def item_of(case: Case) -> Item:
    """A case as the scorer takes it."""
    pictures = tuple(Picture(image.path) for image in case.images)
    return Item(case.id, (Message("user", case.prompt),), pictures, InfiItem(None, case))


def try_response(
    case: Case, response: str, *, judge: Judge | None = None, answer: str = "own", **where: Any
) -> Verdict:
    """Grade one response.

    Args:
        answer: what it is, one of ANSWERS; of another one any score holds.
        where: seconds, tier, allow_unsafe of the unit tests.
    """
    item = item_of(case)
    found = read_answer(case.id, Completion(response, "stop"), case.lang)
    with InfiScorer(("strict",), visual=True, judge=judge, **where) as scorer:
        (score,) = score_one(scorer, item, found, ("strict",))
    return _verdict(answer, score)


def three_ways(
    case: Case, responses: Mapping[str, str], *, judge: Judge | None = None, **where: Any
) -> tuple[Verdict, ...]:
    """The verdicts on the reference, the plausible wrong answer and the empty one.

    Args:
        responses: reference and wrong; one that is not there does not hold.
        judge, where: as try_response takes them.
    """
    verdicts = []
    for answer in ANSWERS:
        response = "" if answer == "empty" else responses.get(answer, "")
        if answer != "empty" and not response.strip():
            verdicts.append(Verdict(answer, math.nan, False, f"there is no {answer} answer"))
        else:
            verdicts.append(try_response(case, response, judge=judge, answer=answer, **where))
    return tuple(verdicts)


def _verdict(answer: str, score: Score) -> Verdict:
    value = score.values.get("score", math.nan)
    parts = {name: share for name, share in score.values.items() if name != "score"}
    missing = score.reason.startswith("not run: ")
    wanted = {"reference": "1", "wrong": f"below {BELOW}", "empty": "0"}.get(answer)
    holds = {
        "reference": abs(value - 1) < 1e-9,
        "wrong": value < BELOW,
        "empty": abs(value) < 1e-9,
    }.get(answer, True)
    reason = score.reason
    if not holds and not math.isnan(value):
        shares = ", ".join(f"{name} {share:.2f}" for name, share in parts.items())
        said = f"; {reason}" if reason else ""
        reason = f"the {answer} answer scores {value:.2f}, not {wanted} ({shares}){said}"
    elif math.isnan(value):
        reason = f"the {answer} answer is not graded: {reason or 'no reason given'}"
    return Verdict(answer, value, holds, " ".join(reason.split()), parts, score.detail, missing)

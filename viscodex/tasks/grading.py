"""The score of one response to one case of InfiBench or InfiBench-V.

in:  a Case, a response
out: points and total of each metric, the score of the case
not covered: several responses to a case, sums over cases (totals.py)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from viscodex.errors import MissingPart
from viscodex.tasks.blanks import grade_blanks
from viscodex.tasks.cases import Case, Similarity
from viscodex.tasks.keywords import grade_keywords
from viscodex.tasks.patterns import Fault
from viscodex.tasks.rouge import METRICS as ROUGE
from viscodex.tasks.rouge import rouge
from viscodex.tasks.unit_tests import run_test

MAX_RESPONSE = 100_000  # characters that are graded
Mark = Callable[[Case, str], tuple[float, str]]
"""A judge of a response: (points of 100 as 0..1, or NaN; why it is NaN)."""


@dataclass(slots=True)
class Grade:
    """What grading found; `score` is NaN where a part could not be graded."""

    score: float = math.nan  # points of the case, of case.full_score
    points: dict[str, tuple[float, float]] = field(default_factory=dict)  # metric -> (got, of)
    detail: dict[str, Any] = field(default_factory=dict)  # metric -> lines, verdicts, raw values
    status: str = ""  # of the worst unit test
    reason: str = ""


def grade(
    case: Case,
    response: str,
    *,
    official: bool = False,
    mark: Mark | None = None,
    seconds: float = 1.0,
    **where: Any,
) -> Grade:
    """Grade a response.

    Args:
        official: as InfiBench's grader does it, faults included.
        mark: the judge; without one, cases that need it are NaN.
        seconds: factor on the limits of unit tests.
        where: tier, allow_unsafe, python: of the unit tests.

    Raises:
        Fault: a pattern, condition or handler fails on this response; the official grader drops
            the whole case then.
    """
    response = response[:MAX_RESPONSE]
    found, spec = Grade(), case.grading
    if spec.keywords is not None:
        score, total, context = grade_keywords(spec.keywords, response, official=official)
        found.detail["keywords"] = context
        if spec.keywords_handler:
            score, total, _ = _handled(spec.keywords_handler, score, total, context)
        found.points["keywords"] = score, total
    if spec.blank_filling is not None:
        score, total, lines = grade_blanks(spec.blank_filling, response, official=official)
        found.detail["blank_filling"] = lines
        if spec.blanks_handler:
            score, total, _ = _handled(spec.blanks_handler, score, total, lines)
        found.points["blank_filling"] = score, total
    if spec.unit_test is not None:
        _unit_tests(case, response, found, official, seconds, where)
    if spec.similarity is not None:
        each = [_similarity(entry, response) for entry in spec.similarity]
        found.points["similarity"] = sum(e[0] for e in each), sum(s.weight for s in spec.similarity)
        found.detail["similarity"] = [values for _, values in each]
    if spec.customized is not None:
        score, total, lines = _handled(spec.customized, response)
        found.points["customized"], found.detail["customized"] = (score, total), lines
    if spec.judge is not None:
        value, why = mark(case, response) if mark else (math.nan, "there is no judge")
        found.points["judge"], found.reason = (value, 1.0), found.reason or why
    found.score = combine(case, found.points)
    return found


def _handled(handler: Callable[..., Any], *given: Any) -> tuple[float, float, Any]:
    try:
        score, total, detail = handler(*given)
        return float(score), float(total), detail
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise Fault(f"the handler failed: {type(error).__name__}: {error}") from error


def _unit_tests(
    case: Case, response: str, found: Grade, official: bool, seconds: float, where: dict[str, Any]
) -> None:
    spec = case.grading
    score = total = 0.0
    verdicts = []
    for test in spec.unit_test or ():
        total += test.weight
        try:
            done = run_test(
                response, spec.unit_test_lang, test, official=official, seconds=seconds, **where
            )
        except MissingPart as error:  # not the answer's fault: no score instead of 0
            found.reason = f"not run: {error.what}"
            score = math.nan
            continue
        verdicts.append({"passed": done.status == "ok", "reason": done.reason})
        score += test.weight if done.status == "ok" else 0.0
        if found.status in ("", "ok"):
            found.status = done.status
            found.reason = found.reason or (done.reason if done.status != "ok" else "")
    found.points["unit_test"] = score, total
    found.detail["unit_test"] = verdicts


def _similarity(entry: Similarity, response: str) -> tuple[float, dict[str, float]]:
    best = {
        metric: max((rouge(metric, ref, response) for ref in entry.references), default=0.0)
        for metric in ROUGE
    }
    value = (best[entry.metric] - entry.low) / (entry.high - entry.low)
    value = min(max(value, 0.0), 1.0) * entry.weight
    return value, {**best, "normalized_score": value}


def combine(case: Case, points: dict[str, tuple[float, float]]) -> float:
    """The score of a case from the points of its metrics.

    Raises:
        Fault: there is nothing to get points for.
    """
    spec = case.grading
    if spec.combine == "mean":
        weights = {name: metric_weight(case, name) for name in points}
        whole = sum(weights.values())
        if not whole:
            raise Fault("all weights are 0")
        return case.full_score * sum(w * share(*points[n]) for n, w in weights.items()) / whole
    raw, total = sum(got for got, _ in points.values()), sum(of for _, of in points.values())
    raw, total = clipped(raw, total, spec.max_score, spec.min_score)
    if not total:
        raise Fault("there is nothing to get points for")
    return raw / total * case.full_score


def metric_weight(case: Case, name: str) -> float:
    """What a metric weighs in the mean of a case."""
    judged = case.grading.judge.weight if name == "judge" and case.grading.judge else 1.0
    return case.grading.metric_weights.get(name, judged)


def share(got: float, of: float) -> float:
    """Points as a share of their total, in 0..1; NaN stays NaN."""
    if math.isnan(got):
        return got
    return min(max(got / of, 0.0), 1.0) if of else 0.0


def clipped(
    raw: float, total: float, max_score: float | None, min_score: float | None
) -> tuple[float, float]:
    """InfiBench's limits: max_score replaces the total, also where it is larger."""
    if max_score is not None:
        raw, total = min(raw, max_score), max_score
    return raw if min_score is None else max(raw, min_score), total


def reduce(mode: str, scores: Sequence[float]) -> tuple[float, float]:
    """(score, deviation) of several answers to one case.

    Args:
        mode: avg, max, min, or avg_max_N: the mean of the best of each N in a row, with the sample
            deviation of these.
    """
    if mode == "max":
        return max(scores), 0.0
    if mode == "min":
        return min(scores), 0.0
    if mode == "avg":
        return float(np.mean(scores)), 0.0
    size = int(mode.removeprefix("avg_max_"))
    best = [max(scores[at : at + size]) for at in range(0, len(scores), size)]
    return float(np.mean(best)), deviation(best)


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation (n - 1); 0 for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

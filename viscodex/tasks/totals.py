"""InfiBench's sums over cases, as its statistics tool makes them.

in:  points of every response to every case
out: score, deviation and full score: overall, by language, type and metric
not covered: grading (grading.py), tables for people
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viscodex.tasks.grading import clipped, deviation

GROUP = 10
"""Answers of which the best counts."""


@dataclass(frozen=True, slots=True)
class CasePoints:
    """The points of all responses to a case."""

    lang: str
    type: str
    points: tuple[Mapping[str, tuple[float, float]], ...]  # per response: metric -> (got, of)
    full_score: float = 1.0
    max_score: float | None = None
    min_score: float | None = None
    area: str = ""


@dataclass(slots=True)
class _Line:
    """One line of the table while it grows."""

    freq: float = 0.0
    full: float = 0.0
    groups: dict[int, float] = field(default_factory=dict)

    def add(self, group: int, score: float) -> None:
        """Points in one group of answers."""
        self.groups[group] = self.groups.get(group, 0.0) + score

    def told(self, n_groups: int) -> dict[str, float]:
        """Mean and deviation over the groups."""
        values = [self.groups.get(group, 0.0) for group in range(n_groups)]
        mean = sum(values) / n_groups if n_groups else 0.0
        return {"n": self.freq, "score": mean, "std": deviation(values), "full": self.full}


def totals(cases: Sequence[CasePoints], group: int = GROUP) -> dict[str, Any]:
    """{overall, lang, type, area, metric}: n, score, std, full.

    In each group of answers the response with the most points (before limits; of equals the
    later) stands for the case. Because of max_score the full scores of metrics need not add up.

    Args:
        group: answers of which the best counts.
    """
    lines: dict[tuple[str, str], _Line] = {}
    n_groups = max((-(-len(case.points) // group) for case in cases), default=0)
    for case in cases:
        labels = [("overall", ""), ("lang", case.lang), ("type", case.type)]
        labels += [("area", case.area)] if case.area else []
        for label in labels:
            line = lines.setdefault(label, _Line())
            line.freq += 1
            line.full += case.full_score
        for at in range(0, len(case.points), group):
            _add(case, case.points[at : at + group], at // group, lines, labels)
    told: dict[str, Any] = {"lang": {}, "type": {}, "area": {}, "metric": {}}
    for (kind, name), line in lines.items():
        if kind == "overall":
            told["overall"] = line.told(n_groups)
        else:
            told[kind][name] = line.told(n_groups)
    return told


def _add(
    case: CasePoints,
    answers: Sequence[Mapping[str, tuple[float, float]]],
    group: int,
    lines: dict[tuple[str, str], _Line],
    labels: Sequence[tuple[str, str]],
) -> None:
    sums = [sum(got for got, _ in points.values()) for points in answers]
    chosen = answers[max(range(len(sums)), key=lambda n: (sums[n], n))]
    raw, total = sum(got for got, _ in chosen.values()), sum(of for _, of in chosen.values())
    raw, total = clipped(raw, total, case.max_score, case.min_score)
    if not total:
        return
    for label in labels:
        lines[label].add(group, raw / total)
    for name, (got, of) in chosen.items():
        line = lines.setdefault(("metric", name), _Line())
        line.add(group, got * case.full_score / total)
        if group == 0:
            line.freq += 1
            line.full += of * case.full_score / total

"""Two systems on the same questions: is one better, by how much, where, and why.

in:  two runs of one benchmark, or two systems with several
out: Comparison: paired differences by metric and group, their causes, the samples that changed
not covered: the tests themselves (statistics.py), pages (compare_page.py)

Runs are refused where a difference would not be the systems': other benchmarks, other data, other
renderers. What else differs is listed as a caution. The causes sum up to the difference exactly.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viscodex.errors import BadInput
from viscodex.report.outcomes import code_change
from viscodex.report.run import Run, System
from viscodex.report.statistics import Paired, holm, paired
from viscodex.report.table import PAPER_COLUMNS, lead_metric

MIN_GROUP = 5
"""Smaller groups are left out: their differences say nothing."""

DECIDES = ("revision", "render", "condition")
"""Settings in which runs must agree: the data, what draws the pixels, what was done to the pictures."""

JUDGED = ("high_level", "overall", "judge")
"""Metrics that are a judge's, or hold one's."""

_OWN = {"answers", "model", "place", "limit", "usage", "code"}  # fmt: skip
"""Settings in which two systems may differ: they are what is compared, or told elsewhere."""


@dataclass(frozen=True, slots=True)
class Change:
    """One item under both systems."""

    id: str
    a: float | None  # value of the lead metric; NaN unscored, None unanswered
    b: float | None
    status_a: str
    status_b: str
    groups: dict[str, tuple[str, ...]]

    @property
    def difference(self) -> float:
        """b - a, what is missing counting 0."""
        return _zero(self.b) - _zero(self.a)


@dataclass(frozen=True, slots=True)
class Cause:
    """A part of the difference: items that went one way."""

    name: str
    n: int
    share: float  # of the difference: the causes sum up to it


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one benchmark under one protocol; b against a."""

    task: str
    protocol: str
    a: str
    b: str
    metric: str  # the lead metric
    metrics: dict[str, Paired]  # over all common items, what is missing counting 0
    both_scored: dict[str, Paired]  # over the items scored in both
    adjusted: dict[str, float]  # metric -> p, Holm-corrected over these metrics
    groups: dict[str, dict[str, Paired]]  # kind -> group -> of the lead metric
    causes: tuple[Cause, ...]
    changes: tuple[Change, ...]  # largest difference first
    cautions: tuple[str, ...]
    code: str = ""  # bits per byte of code, in words; empty where neither run says it

    @property
    def lead(self) -> Paired:
        """Of the lead metric, over all common items."""
        return self.metrics[self.metric]


def _zero(value: float | None) -> float:
    return 0.0 if value is None or math.isnan(value) else value


def compare_systems(
    first: System, second: System, *, anyway: bool = False
) -> tuple[Comparison, ...]:
    """All benchmarks that both have, under all protocols that both have.

    Raises:
        BadInput: they share none; or runs must not be compared, see `compare_runs`.
    """
    tasks = [task for task in first.runs if task in second.runs]
    if not tasks:
        raise BadInput(
            "the two have no benchmark in common",
            f"{first.name}: {', '.join(first.runs)}\n{second.name}: {', '.join(second.runs)}",
            "Compare runs of the same benchmark.",
        )
    return tuple(
        one
        for task in tasks
        for one in compare_runs(first.runs[task], second.runs[task], anyway=anyway)
    )


def compare_runs(a: Run, b: Run, *, anyway: bool = False) -> tuple[Comparison, ...]:
    """Compare two runs of a benchmark, once for each protocol that both have.

    Args:
        anyway: compare runs on other data or of another renderer, on the items in common; the
            differences are then cautions.

    Raises:
        BadInput: other benchmarks, no protocol or no item in common; other data, renderers or
            conditions, unless `anyway`.
    """
    protocols = [protocol for protocol in a.reports if protocol in b.reports]
    if a.task != b.task or not protocols:
        raise BadInput(
            "runs of different benchmarks" if a.task != b.task else "no protocol in common",
            f"{a.place}: {a.task}, {', '.join(a.reports)}\n{b.place}: {b.task}, {', '.join(b.reports)}",
            "Compare runs of the same benchmark under the same protocol.",
        )
    differing = list(_deciding(a.settings, b.settings))
    if differing and not anyway:
        raise BadInput(
            "the runs must not be compared: not only the systems differ",
            "\n".join(differing),
            "Score both on the same data, with the same renderer; or see what the common items\n"
            "say with --anyway.",
        )
    cautions = [*differing, *_cautions(a, b)]
    return tuple(_compare(a, b, protocol, cautions) for protocol in protocols)


def _deciding(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for key in DECIDES:
        if a.get(key) != b.get(key):
            yield f"{key} differs: {_differing(a.get(key), b.get(key))}"


def _differing(a: Any, b: Any) -> str:
    """Both values; of two mappings the entries that differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
        return "; ".join(f"{key} {_differing(a.get(key), b.get(key))}" for key in keys)
    return f"{_short(a)} against {_short(b)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cautions(a: Run, b: Run) -> Iterator[str]:
    for key in {**a.settings, **b.settings}:
        one, other = a.settings.get(key), b.settings.get(key)
        if key not in (*DECIDES, *_OWN) and one != other:
            note = "; the judge's metrics are left out" if key == "judge" else ""
            yield f"{key} differs: {_differing(one, other)}{note}"
    ids_a, ids_b = {item.id for item in a.items}, {item.id for item in b.items}
    if ids_a != ids_b:
        n = len(ids_a & ids_b)
        yield f"only the {n} items in common count: {a.name} has {len(ids_a)}, {b.name} {len(ids_b)}"


def _compare(a: Run, b: Run, protocol: str, cautions: Sequence[str]) -> Comparison:
    in_b = {item.id for item in b.items}
    items = [item for item in a.items if item.id in in_b]
    if not items:
        raise BadInput("the runs have no item in common", f"{a.place}\n{b.place}", "Check --limit.")
    metric, pairs, scored = lead_metric(a), {}, {}
    for name in _metrics(a, b, protocol):
        left, right = a.values(protocol, name), b.values(protocol, name)
        ids = [item.id for item in items if item.id in left and item.id in right]
        pairs[name] = paired([_zero(left[i]) for i in ids], [_zero(right[i]) for i in ids])
        known = [
            (x, y) for i in ids if _known(x := left[i]) and _known(y := right[i])
        ]  # fmt: skip
        scored[name] = paired([_zero(x) for x, _ in known], [_zero(y) for _, y in known])
    metric = metric if metric in pairs else next(iter(pairs))
    left, right = a.values(protocol, metric), b.values(protocol, metric)
    changes = [
        Change(
            item.id, left[item.id], right[item.id],
            a.status(protocol, item.id), b.status(protocol, item.id), item.groups,
        )
        for item in items
        if item.id in left and item.id in right
    ]  # fmt: skip
    return Comparison(
        task=a.task,
        protocol=protocol,
        a=a.name,
        b=b.name,
        metric=metric,
        metrics=pairs,
        both_scored=scored,
        adjusted=holm({name: pair.p for name, pair in pairs.items()}),
        groups=_groups(changes),
        causes=_causes(changes),
        changes=tuple(sorted(changes, key=lambda c: (-abs(c.difference), c.id))),
        cautions=tuple(cautions),
        code=code_change(a, b),
    )


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _metrics(a: Run, b: Run, protocol: str) -> list[str]:
    """Headline metrics and the paper's columns that both runs have scores of, the lead one first."""
    one, other = a.reports[protocol], b.reports[protocol]
    wanted = [lead_metric(a), *one.headline]
    wanted += [column.metric for column in PAPER_COLUMNS if column.task == a.task]
    same_judge = a.settings.get("judge") == b.settings.get("judge")
    found = [
        name
        for name in dict.fromkeys(wanted)
        if name in one.metrics and name in other.metrics
        if one.metrics[name].n_scored and other.metrics[name].n_scored
        if same_judge or name not in JUDGED
    ]
    if not found:
        raise BadInput(
            "the runs have no metric in common",
            f"{a.place}: {', '.join(one.metrics)}\n{b.place}: {', '.join(other.metrics)}",
            "Score both with the same judge and the same CLIP.",
        )
    return found


def _groups(changes: Sequence[Change]) -> dict[str, dict[str, Paired]]:
    members: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        for kind, names in change.groups.items():
            for name in dict.fromkeys(names):
                members[kind][name].append(change)
    return {
        kind: {
            name: paired([_zero(c.a) for c in inside], [_zero(c.b) for c in inside])
            for name, inside in sorted(found.items())
            if len(inside) >= MIN_GROUP
        }
        for kind, found in members.items()
    }


_CAUSES = {  # (ran before, runs now)
    (False, True): "failed before, run now",
    (True, False): "ran before, fail now",
    (True, True): "run in both",
    (False, False): "fail in both",
}


def _causes(changes: Sequence[Change]) -> tuple[Cause, ...]:
    """The difference by what became of the answers' code; "run in both" split by its sign."""
    sums: dict[str, list[float]] = {}
    for change in changes:
        name = _CAUSES[change.status_a == "ok", change.status_b == "ok"]
        if name == "run in both" and change.difference:
            name += ", better" if change.difference > 0 else ", worse"
        elif name == "run in both":
            name += ", equal"
        sums.setdefault(name, []).append(change.difference)
    n = len(changes)
    causes = [Cause(name, len(each), math.fsum(each) / n) for name, each in sums.items()]
    return tuple(sorted(causes, key=lambda cause: -abs(cause.share)))


# --- in words -------------------------------------------------------------------------------------


def points(value: float, *, sign: bool = False) -> str:
    """A share as points of 100: 3.4, or +3.4."""
    if math.isnan(value):
        return "-"
    text = f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"
    return text.replace("-0.0", "0.0").replace("+0.0", "0.0").replace("-", "\u2212")


def p_text(p: float) -> str:
    """p = 0.012, p < 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.0995 else f"p = {p:.2f}"


def verdict(one: Comparison) -> str:
    """Which is better, by how much, how sure."""
    pair = one.lead
    if pair.is_clear:
        better, worse = (one.b, one.a) if pair.difference > 0 else (one.a, one.b)
        return f"{better} is better than {worse}: {_by(one, abs(pair.difference))}"
    if not pair.wins and not pair.losses:
        return f"{one.a} and {one.b} do equally well on every item"
    return f"No clear difference between {one.a} and {one.b}: {_by(one, pair.difference)}"


def _by(one: Comparison, difference: float) -> str:
    pair = one.lead
    low, high = pair.low, pair.high
    if difference != pair.difference:  # told from the better one's side
        low, high = -high, -low
    return (
        f"{points(difference, sign=True)} points of {one.metric} "
        f"(95 % interval {points(low, sign=True)} to {points(high, sign=True)}, {p_text(pair.p)})"
    )


_TOLD = {
    "failed before, run now": ("failed before and runs now", "failed before and run now"),
    "ran before, fail now": ("ran before and fails now", "ran before and fail now"),
    "run in both, better": ("runs in both and scores better", "run in both and score better"),
    "run in both, worse": ("runs in both and scores worse", "run in both and score worse"),
    "run in both, equal": ("runs in both and scores the same", "run in both and score the same"),
    "fail in both": ("fails in both", "fail in both"),
}
"""Cause -> what is said of one answer, and of several."""


def reasons(one: Comparison) -> list[str]:
    """Why, in sentences: the causes, and where it is largest."""
    sentences = [
        f"{cause.n:,} answer{'s' * (cause.n != 1)} {_TOLD[cause.name][cause.n != 1]}: "
        f"{points(cause.share, sign=True)} points."
        for cause in one.causes
        if abs(cause.share) >= 0.0005
    ]
    for kind, groups in one.groups.items():
        if len(groups) < 2:
            continue
        ranked = sorted(groups.items(), key=lambda pair: pair[1].difference)
        (low, least), (high, most) = ranked[0], ranked[-1]
        if most.difference - least.difference >= 0.005:
            sentences.append(
                f"By {kind} it goes from {points(least.difference, sign=True)} ({low}, {least.n:,} items) to "
                f"{points(most.difference, sign=True)} ({high}, {most.n:,} items)."
            )
    return sentences

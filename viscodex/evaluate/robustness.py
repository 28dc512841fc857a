"""A benchmark under disturbed pictures, as curves.

in:  a benchmark, a system, kinds of disturbance and severities
out: a run folder for the plain pictures and one for each disturbance; robustness.json with the curves
not covered: what is done to pictures (perturb.py), the curves as a picture (plots.py) and a page (report/)

Every point is asked, executed, scored and resumed as a run of its own. The difference to the plain
pictures is paired by item, with a bootstrap interval over items.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from viscodex.errors import BadRecipe
from viscodex.evaluate.perturb import KINDS, SEVERITIES, STRENGTHS, Perturbation
from viscodex.evaluate.run import Outcome, Plan
from viscodex.files import write_atomically
from viscodex.tasks.kept import read_items
from viscodex.tasks.summary import interval
from viscodex.types import Report

RESULT = "robustness.json"
PAGE = "robustness.html"
PLAIN = "plain"
FORMAT = "viscodex-robustness/1"


def points_of(kinds: str, severities: str) -> list[Perturbation]:
    """The disturbances of `blur,jpeg` (empty: all kinds) and `1,3,5`.

    Raises:
        BadRecipe: no such kind or severity.
    """
    chosen = [name.strip() for name in kinds.split(",") if name.strip()] or list(KINDS)
    levels = [level.strip() for level in severities.split(",") if level.strip()]
    unknown = [name for name in chosen if name not in KINDS]
    unknown += [level for level in levels if level not in map(str, SEVERITIES)]
    if unknown or not levels:
        raise BadRecipe(
            "there is no such disturbance of pictures",
            ", ".join(unknown) or "no severity",
            f"Kinds are {', '.join(KINDS)}; severities 1 to 5.",
        )
    steps = sorted({int(level) for level in levels})
    return [Perturbation(kind, step) for kind in dict.fromkeys(chosen) for step in steps]


def measure(
    run: Callable[[Path, Plan], Outcome],
    place: Path,
    plan: Plan,
    points: Sequence[Perturbation],
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run the plain benchmark and every point; write and return the curves.

    Args:
        run: evaluates into a folder with a plan.
        place: gets a folder for each run and robustness.json, which holds what is there so far.
        plan: of the plain run.
        say: told before each run.

    Raises:
        ViscodexError: see evaluate; what is done is kept.
    """
    place.mkdir(parents=True, exist_ok=True)
    say("plain pictures")
    plain = run(place / PLAIN, replace(plan, perturb=None))
    found: dict[str, Any] = {
        "format": FORMAT,
        "runs": {},
        "stopped": plain.stopped,
        "protocols": {},
    }
    for protocol, report in plain.reports.items():
        found["protocols"][protocol] = {
            "task": report.task, "n": report.n, "headline": list(report.headline),
            "metric": _main(report), "plain": _means(report), "curves": {},
        }  # fmt: skip
    for point in points:
        say(f"pictures under {point}")
        name = f"{point.kind}-{point.severity}"
        done = run(place / name, replace(plan, perturb=point))
        found["runs"][str(point)] = name
        found["stopped"] = found["stopped"] or done.stopped
        for protocol, report in done.reports.items():
            curves = found["protocols"][protocol]["curves"]
            curves.setdefault(point.kind, []).append(
                {
                    "severity": point.severity,
                    "level": (level := KINDS[point.kind][1][point.severity - 1]),
                    "strength": STRENGTHS[point.kind].format(level),
                    "means": _means(report),
                    "change": _changes(place / PLAIN, place / name, protocol, report.headline),
                }
            )
        write_atomically(place / RESULT, json.dumps(found, indent=1))
    write_atomically(place / RESULT, json.dumps(found, indent=1))
    return found


def _main(report: Report) -> str:
    """The last metric of the headline that has a value: what the others are summed up in."""
    known = [n for n in report.headline if n in report.metrics and report.metrics[n].n_scored]
    return known[-1] if known else report.headline[-1]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _means(report: Report) -> dict[str, dict[str, float | int | None]]:
    """Headline metric -> both means and the interval; null where there is none."""
    return {
        name: {
            "all": _number(mean.all), "scored": _number(mean.scored), "low": _number(mean.low),
            "high": _number(mean.high), "n_scored": mean.n_scored,
        }
        for name in report.headline
        if (mean := report.metrics.get(name)) is not None
    }  # fmt: skip


def _changes(
    plain: Path, other: Path, protocol: str, metrics: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """Headline metric -> mean paired difference to the plain run, with its interval."""
    before, after = (_values(place, protocol) for place in (plain, other))
    changes: dict[str, dict[str, float | int | None]] = {}
    for name in metrics:
        pairs = [
            after[key][name] - row[name]
            for key, row in before.items()
            if name in row and name in after.get(key, {})
        ]
        known = [value for value in pairs if not math.isnan(value)]
        if known:
            low, high = interval(known)
            changes[name] = {
                "mean": float(np.mean(known)), "low": _number(low), "high": _number(high),
                "n": len(known),
            }  # fmt: skip
    return changes


def _values(place: Path, protocol: str) -> dict[str, dict[str, float]]:
    return {item.id: item.values.get(protocol, {}) for item in read_items(place)}

"""Charts from a grammar: every draft a function of (seed, index), every sample run and checked.

in:  a seed and settings: kinds, difficulty, shares of the inverse tasks, thresholds, sizes
out: ChartSource, a Source of the pipeline (data/draft.py)
not covered: charts from a teacher or from GitHub, which use the same filters
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from random import Random
from typing import Any

from viscodex.data.charts.compose import compose
from viscodex.data.charts.filters import THRESHOLDS, filters, uses_chance
from viscodex.data.charts.kinds import KINDS
from viscodex.data.charts.measure import difference, measure
from viscodex.data.charts.tell import TASKS, tell
from viscodex.data.draft import Draft, Evidence, Filter, Machine
from viscodex.errors import BadRecipe
from viscodex.types import Category, Sample

MULTI = 2.0  # weight of figures of several panels


class ChartSource:
    """Scripts of matplotlib, seaborn, pandas and networkx, and what is asked of their pictures.

    Args:
        seed: of all drafts.
        difficulty: from and to, within 0 .. 1; a draft's is drawn evenly between them.
        kinds: weight of each type of chart; types that are not named keep their default weight.
            0 leaves one out.
        inverse: share of the drafts of which a further task is told: describe, table, question,
            ocr.
        thresholds: of the filters; names and defaults in filters.THRESHOLDS.
        inches: smallest and largest width of a figure with one axes.

    Raises:
        BadRecipe: a setting that cannot be meant.
    """

    name = "chart"
    category: Category = "chart"

    def __init__(
        self,
        seed: int = 0,
        *,
        difficulty: Sequence[float] = (0.0, 1.0),
        kinds: Mapping[str, float] | None = None,
        inverse: Mapping[str, float] | None = None,
        thresholds: Mapping[str, float] | None = None,
        inches: Sequence[float] = (5.5, 8.0),
    ) -> None:
        self.seed = int(seed)
        usual = {name: kind.weight for name, kind in KINDS.items()} | {"multi": MULTI}
        weights = _merged("kinds", usual, kinds)
        self._difficulty = _span("difficulty", difficulty, 0.0, 1.0)
        self._inches = _span("inches", inches, 4.0, 16.0)
        shares = _merged("inverse", TASKS, inverse)
        limits = _merged(
            "thresholds", {name: t.value for name, t in THRESHOLDS.items()}, thresholds
        )
        _check_shares(weights, shares)
        self._weights, self._shares = weights, shares
        self.filters: tuple[Filter, ...] = filters(limits)
        self.settings: Mapping[str, Any] = {
            "seed": self.seed,
            "difficulty": list(self._difficulty),
            "kinds": weights,
            "inverse": shares,
            "thresholds": limits,
            "inches": list(self._inches),
        }

    def draft(self, index: int) -> Draft:
        """The draft of this index; equal on every machine and in every order."""
        seed = stable_seed(self.seed, "chart", index)
        rng = Random(seed)
        kind = rng.choices(list(self._weights), list(self._weights.values()))[0]
        difficulty = round(rng.uniform(*self._difficulty), 3)
        chart = compose(kind, difficulty, rng, self._inches)
        facts = {
            "idiom": chart.idiom,
            "title": chart.title,
            "panels": [asdict(panel) for panel in chart.panels],
        }
        return Draft(
            f"chart-{index:07d}", "chart", kind, chart.code, "python", difficulty, seed, facts
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run it; a second time with another seed where the text hints at chance."""
        first = machine.charts.run(draft.code)
        numbers = measure(first)
        runs = [first]
        if first.status == "ok" and first.images and uses_chance(draft.code):
            runs.append(machine.charts.run(draft.code, seed=1))
            other = runs[-1].image
            same = difference(first.images[0], other) if other is not None else 1.0
            numbers["repeat_difference"] = same
        return Evidence(tuple(runs), first.images[:1], numbers)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The code sample, then the inverse tasks that this draft's seed draws."""
        return tell(draft, evidence, self._shares)


def stable_seed(*parts: object) -> int:
    """The same 63-bit number for the same parts, everywhere."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def _merged(
    setting: str, usual: Mapping[str, float], given: Mapping[str, float] | None
) -> dict[str, float]:
    for name in given or {}:
        if name not in usual:
            near = difflib.get_close_matches(name, usual, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadRecipe(
                f"chart source: unknown name in {setting}: {name}{hint}",
                todo=f"known are: {', '.join(usual)}",
            )
    return {name: float((given or {}).get(name, value)) for name, value in usual.items()}


def _span(setting: str, given: Sequence[float], low: float, high: float) -> tuple[float, float]:
    if len(given) != 2 or not low <= given[0] <= given[1] <= high:
        raise BadRecipe(
            f"chart source: {setting} is {list(given)}",
            todo=f"give two numbers, the smaller one first, between {low:g} and {high:g}",
        )
    return float(given[0]), float(given[1])


def _check_shares(weights: Mapping[str, float], shares: Mapping[str, float]) -> None:
    if min(weights.values()) < 0 or not any(weights.values()):
        raise BadRecipe(
            "chart source: the weights of kinds must be 0 or more, and not all 0",
            todo="give at least one kind a positive weight",
        )
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise BadRecipe(
                f"chart source: inverse {name} is {share:g}", todo="a share lies between 0 and 1"
            )

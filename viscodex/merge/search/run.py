"""A search from its recipe to the chosen recipe; goes on where it was killed.

in:  a SearchRecipe, a folder
out: points.jsonl as they come; a Search with all that was found
not covered: files for people (result.py), the proposals of the optimiser (propose.py)

Everything that is decided depends on the points before it alone: a search that was killed and goes
on makes the same points as one that was not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from viscodex import __version__
from viscodex.errors import MergeRefused, ViscodexError
from viscodex.merge.memory import Merger
from viscodex.merge.search.dev import Dev, read_dev
from viscodex.merge.search.features import Compass
from viscodex.merge.search.objective import Evaluator, evaluator, open_search_model
from viscodex.merge.search.place import InPlace
from viscodex.merge.search.points import Kind, Point, PointFile
from viscodex.merge.search.propose import propose
from viscodex.merge.search.recipe import SearchRecipe
from viscodex.merge.search.space import PAPER_LAMBDA, Params, curve_params, merge_data
from viscodex.recipe import MergeRecipe, check_recipe

Progress = Callable[[str, int, int], None]
CHUNK = 16  # items between two looks at whether a point is hopeless
MIN_LOOK = 12  # items before the first look
SIGMAS = 3.0  # standard errors below the best, item by item, at which a point is given up


@dataclass(frozen=True, slots=True)
class Search:
    """A search with all that was found."""

    recipe: SearchRecipe
    points: tuple[Point, ...]
    facts: dict[str, Any]  # versions, hashes, counts

    @property
    def best(self) -> Point | None:
        """The best of the points that were evaluated on all items."""
        return best_of(self.points, self.recipe)

    @property
    def paper(self) -> Point | None:
        """The paper's merge: task arithmetic with lambda 0.7, where it was evaluated."""
        wanted = merge_data(self.recipe, paper_params(self.recipe))
        found = [p for p in self.points if p.kind != "confirm" and p.state == "done"]
        return next((point for point in found if point.recipe == wanted), None)


def paper_params(recipe: SearchRecipe) -> Params:
    """The paper's merge as a point; several code models share 1 - lambda evenly."""
    shares = {f"share_{n}": 1.0 for n in range(len(recipe.code))} if recipe.together else {}
    return {"method": "task_arithmetic", "lam": PAPER_LAMBDA, **shares}


def best_of(points: Sequence[Point], recipe: SearchRecipe) -> Point | None:
    """The point with the best mean; of equal ones the first."""
    done = [p for p in points if p.state == "done" and p.kind != "confirm" and p.known]
    sign = -1.0 if recipe.objective.is_lower_better else 1.0
    return max(done, key=lambda point: (sign * point.mean, -point.number), default=None)


def search(
    recipe: SearchRecipe,
    out: Path,
    *,
    threads: int | None = None,
    progress: Progress = lambda phase, done, total: None,
) -> Search:
    """Run a search, or what is left of it.

    Raises:
        BadRecipe: the dev split is too small or shares items with the test set; a bad metric.
        OutputRefused: the folder has something else.
        MergeRefused, BadCheckpoint: no point could be merged.
        MissingPart: what the objective or the optimiser needs is not here.
    """
    dev = read_dev(recipe.objective, recipe.test)
    with Merger(threads or min(16, len(os.sched_getaffinity(0)))) as merger:
        work = merger.plan(_checked(merge_data(recipe, paper_params(recipe))))
        identity = {
            "recipe": recipe.identity(),
            "dev": dev.identity,
            "models": _prints(recipe, merger),
            "viscodex": __version__,
        }
        with PointFile(out, identity) as file:
            runner = _Runner(recipe, dev, file, progress)
            if runner.is_finished():
                return runner.result()
            model = open_search_model(
                work.target.checkpoint, recipe.objective, recipe.device, recipe.dtype
            )
            with model, evaluator(recipe.objective, model, dev) as values:
                compass = Compass(_models(recipe), merger.reader)
                runner.run(InPlace(model.module, merger, compass.see), compass, values)
            return runner.result()


def _checked(data: Mapping[str, Any]) -> MergeRecipe:
    return check_recipe(MergeRecipe, data, where="a point of the search")


def _models(recipe: SearchRecipe) -> dict[str, Any]:
    """Label -> model of every input, base included."""
    from viscodex.merge.checkpoint import read_checkpoint
    from viscodex.merge.layout import understand

    names = {"vlm": recipe.vlm, **({"base": recipe.base} if recipe.base else {})}
    many = len(recipe.code) > 1
    names |= {f"code_{n}" if many else "code": name for n, name in enumerate(recipe.code, 1)}
    vlm = understand(read_checkpoint(recipe.vlm), "vlm", None)
    return {
        label: vlm if label == "vlm" else understand(read_checkpoint(name), label, vlm)
        for label, name in names.items()
    }


def _prints(recipe: SearchRecipe, merger: Merger) -> dict[str, str]:
    from viscodex.merge.checkpoint import fingerprint

    return {
        label: fingerprint(model.checkpoint, merger.reader)
        for label, model in _models(recipe).items()
    }


def _grid(recipe: SearchRecipe) -> Iterator[Params]:
    """The points of the curves, in order."""
    if recipe.curve is None:
        return
    codes = recipe.code[:1] if recipe.together else recipe.code
    for method in recipe.curve.methods:
        for code in codes:
            for lam in recipe.curve.lam:
                yield curve_params(recipe, method, code, lam)


class _Runner:
    """Makes the points that are missing, in order."""

    def __init__(self, recipe: SearchRecipe, dev: Dev, file: PointFile, progress: Progress) -> None:
        self.recipe, self.dev, self.file, self.progress = recipe, dev, file, progress
        self.grid = list(_grid(recipe))
        self.n_trials = recipe.optimise.trials if recipe.optimise else 0

    def _count(self, kind: Kind) -> int:
        return sum(point.kind == kind for point in self.file.points)

    def is_finished(self) -> bool:
        """Whether every point of the recipe is there."""
        chosen = self._count("curve") >= len(self.grid) and self._count("trial") >= self.n_trials
        return chosen and all(self._confirmed(point) for point in self._finalists() if point)

    def run(self, place: InPlace, compass: Compass, values: Evaluator) -> None:
        """All points: curves, trials, then the finalists on fresh items."""
        self._place, self._compass, self._values = place, compass, values
        total = len(self.grid) + self.n_trials
        for n in range(self._count("curve"), len(self.grid)):
            self.progress("points", n, total)
            self._make("curve", self.grid[n], self.dev.items, prune=False)
        if self.file.points and all(p.state == "failed" for p in self.file.points):
            raise MergeRefused(
                "no point of the curve could be evaluated",
                self.file.points[-1].reason,
                f"See {self.file.folder / 'points.jsonl'}; start again in another folder.",
            )
        wanted = self.recipe.optimise
        for n in range(self._count("trial"), self.n_trials):
            self.progress("points", len(self.grid) + n, total)
            assert wanted is not None
            params = propose(self.recipe, self.file.points, n)
            self._make("trial", params, self.dev.items, prune=wanted.prune)
        self.progress("points", total, total)
        for point in self._finalists():
            if point is not None and not self._confirmed(point):
                self._make("confirm", point.params, self.dev.confirm, prune=False)

    def _finalists(self) -> list[Point | None]:
        result = self.result()
        best, paper = result.best, result.paper
        same = best is not None and paper is not None and best.key == paper.key
        return [best, None if same else paper] if self.dev.confirm else [None, None]

    def _confirmed(self, point: Point) -> bool:
        return any(p.kind == "confirm" and p.key == point.key for p in self.file.points)

    def _make(self, kind: Kind, params: Params, items: Sequence[Any], *, prune: bool) -> None:
        number, began = len(self.file.points), time.perf_counter()
        data = merge_data(self.recipe, params)
        new = Point(number, kind, dict(params), data, "done")
        same = next((p for p in self.file.points if p.key == new.key and p.kind != "confirm"), None)
        if same is not None and kind != "confirm":  # asked for again: nothing is paid twice
            state, found, reason, features = same.state, same.values, same.reason, same.features
        else:
            state, found, reason, features = self._evaluate(data, items, prune)
        seconds = round(time.perf_counter() - began, 3)
        self.file.add(
            Point(number, kind, dict(params), data, state, tuple(found), reason, features, seconds)
        )

    def _evaluate(self, data: Mapping[str, Any], items: Sequence[Any], prune: bool) -> Any:
        """State, values, reason and features of a merge."""
        try:
            self._place.set(_checked(data))
        except ViscodexError as error:
            return "failed", (), f"{error.what}: {' '.join(error.where.split())}"[:300], {}
        features = self._compass.features()
        if self.recipe.objective.kind == "function":
            return "done", self._values.values(()), "", features
        best = best_of(self.file.points, self.recipe) if prune else None
        values: list[float | None] = []
        for start in range(0, len(items), CHUNK):
            values += self._values.values(items[start : start + CHUNK])
            is_last = start + CHUNK >= len(items)
            if best is not None and not is_last and self._is_hopeless(values, best):
                reason = f"worse than point {best.number} on the first {len(values)} items"
                return "pruned", values, reason, features
        if all(value is None for value in values):
            return "failed", values, "no item could be scored", features
        return "done", values, "", features

    def _is_hopeless(self, values: Sequence[float | None], best: Point) -> bool:
        """Whether the point lies SIGMAS standard errors below the best, on the same items."""
        sign = -1.0 if self.recipe.objective.is_lower_better else 1.0
        pairs = zip(values, best.values, strict=False)
        gaps = np.array([sign * (v - b) for v, b in pairs if v is not None and b is not None])
        if len(gaps) < MIN_LOOK:
            return False
        return bool(gaps.mean() + SIGMAS * gaps.std(ddof=1) / np.sqrt(len(gaps)) < 0)

    def result(self) -> Search:
        """What there is so far."""
        facts = {
            "viscodex": __version__,
            "dev items": len(self.dev.items),
            "dev hash": self.dev.identity[:16],
            "fresh items for the finalists": len(self.dev.confirm),
            "test items that none of them is": self.dev.n_test,
        }
        return Search(self.recipe, tuple(self.file.points), facts)

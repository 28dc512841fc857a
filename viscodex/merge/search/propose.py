"""The optimiser: where to look next, given all points so far.

in:  the points, the number of the trial
out: parameters; the same for the same points, whatever happened in between
not covered: evaluating them (run.py)

optuna's study is made anew from the points for each trial, with a sampler seeded by its number: so
a search that was killed goes on as if nothing had been.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from viscodex.errors import MissingPart
from viscodex.merge.search.points import Point
from viscodex.merge.search.recipe import SearchRecipe
from viscodex.merge.search.space import Params, merge_data, suggest

STARTUP = 8  # trials at random before the model of the objective is asked; curve points count


def propose(recipe: SearchRecipe, points: Sequence[Point], number: int) -> Params:
    """Parameters of a trial.

    Raises:
        MissingPart: optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingPart(
            "the optimiser needs optuna",
            "optimise: in the recipe",
            "pip install 'viscodex[search]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    assert recipe.optimise is not None
    seed = recipe.optimise.seed * 100_003 + number
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ExperimentalWarning of multivariate sampling
        sampler: Any
        if recipe.optimise.sampler == "random":
            sampler = optuna.samplers.RandomSampler(seed=seed)
        else:
            sampler = optuna.samplers.TPESampler(
                seed=seed, multivariate=True, group=False, n_startup_trials=STARTUP
            )
        lower = recipe.objective.is_lower_better
        study = optuna.create_study(sampler=sampler, direction="minimize" if lower else "maximize")
        distributions = _distributions(recipe, optuna)
        for point in points:
            if point.kind != "confirm" and point.state != "failed" and point.known:
                told = _trial(point, distributions, optuna)
                if told is not None:
                    study.add_trial(told)
        return _new(study, recipe, points)


def _new(study: Any, recipe: SearchRecipe, points: Sequence[Point]) -> Params:
    """A proposal that is not one of the points, where ten attempts find one."""
    known = {point.key for point in points}
    params: Params = {}
    for _ in range(10):
        params = suggest(study.ask(), recipe)
        if Point(0, "trial", {}, merge_data(recipe, params), "done").key not in known:
            break
    return params


def _distributions(recipe: SearchRecipe, optuna: Any) -> dict[str, Any]:
    """Those of the recipe's parameters."""
    trial = optuna.create_study().ask()
    suggest(trial, recipe)
    return dict(trial.distributions)


def _trial(point: Point, distributions: dict[str, Any], optuna: Any) -> Any:
    """A point as a finished trial; None where its parameters are not the optimiser's."""
    params = {name: point.params[name] for name in distributions if name in point.params}
    fits = len(params) == len(distributions) == len(point.params) and all(
        distribution._contains(distribution.to_internal_repr(params[name]))
        for name, distribution in distributions.items()
    )
    if not fits:
        return None
    state = optuna.trial.TrialState
    if point.state == "pruned":
        steps = {len(point.values): point.mean}
        return optuna.trial.create_trial(
            params=params,
            distributions=distributions,
            state=state.PRUNED,
            intermediate_values=steps,
        )
    return optuna.trial.create_trial(params=params, distributions=distributions, value=point.mean)

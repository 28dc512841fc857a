"""Points of a search: parameters of an optimiser, and the merge recipe that each means.

in:  a SearchRecipe, a trial of optuna
out: plain parameters; the MergeRecipe of a point, rounded so that the file says exactly what ran
not covered: evaluating it (objective.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from viscodex.merge.methods import METHODS
from viscodex.merge.search.recipe import SearchRecipe

Params = dict[str, float | str]
DIGITS = 3  # of a coefficient
STEP = 0.001
PAPER_LAMBDA = 0.7
REST = "others"  # the lambda of tensors that no module of the recipe names


def suggest(trial: Any, recipe: SearchRecipe) -> Params:
    """Parameters of the next trial."""
    wanted = recipe.optimise
    assert wanted is not None, "there are trials only where the recipe has an optimiser"
    params: Params = {}
    if len(wanted.methods) > 1:
        params["method"] = trial.suggest_categorical("method", list(wanted.methods))
    if len(recipe.code) > 1 and not recipe.together:
        params["code"] = trial.suggest_categorical("code", list(recipe.code))
    for name in lambda_names(recipe):
        params[name] = _rounded(trial.suggest_float(name, *wanted.lam, step=STEP))
    if recipe.together:
        for n in range(len(recipe.code)):
            params[f"share_{n}"] = _rounded(trial.suggest_float(f"share_{n}", 0.0, 1.0, step=STEP))
    if any("density" in METHODS[name].per_model for name in wanted.methods):
        params["density"] = _rounded(trial.suggest_float("density", *wanted.density, step=STEP))
    return params


def lambda_names(recipe: SearchRecipe) -> list[str]:
    """The names of an optimiser's lambdas: one; one for each knot; one for each module."""
    wanted = recipe.optimise
    if wanted is None or wanted.coefficients == "global":
        return ["lam"]
    if wanted.coefficients == "depth":
        return [f"lam_{n}" for n in range(wanted.knots)]
    return [f"lam.{name}" for name in (*wanted.modules, REST)]


def curve_params(recipe: SearchRecipe, method: str, code: str, lam: float) -> Params:
    """A point of a curve as an optimiser with global, depth or module coefficients would say it."""
    assert recipe.curve is not None
    params: Params = dict.fromkeys(lambda_names(recipe), lam)
    wanted = recipe.optimise
    if wanted is None or len(wanted.methods) > 1 or method not in wanted.methods:
        params["method"] = method
    if len(recipe.code) > 1 and not recipe.together:
        params["code"] = code
    if recipe.together:
        params |= {f"share_{n}": 1.0 for n in range(len(recipe.code))}
    if "density" in METHODS[method].per_model and recipe.curve.density is not None:
        params["density"] = recipe.curve.density
    return params


def merge_data(recipe: SearchRecipe, params: Mapping[str, float | str]) -> dict[str, Any]:
    """The merge recipe of a point, as plain data for a YAML file."""
    methods = recipe.optimise.methods if recipe.optimise else ("task_arithmetic",)
    method = str(params.get("method", methods[0]))
    lam = _lambda(recipe, params)
    parameters: dict[str, Any] = {}
    if "density" in params and "density" in METHODS[method].per_model:
        parameters["density"] = params["density"]
    data: dict[str, Any] = {"merge_method": method, "vlm": recipe.vlm}
    if recipe.together:
        data["models"] = _models(recipe, params, lam)
    else:
        data |= {"code": str(params.get("code", recipe.code[0])), "lam": lam}
    if recipe.base is not None and method not in ("linear", "slerp"):
        data["base_model" if recipe.together else "base"] = recipe.base
    if parameters:
        data["parameters"] = parameters
    return data


def _lambda(recipe: SearchRecipe, params: Mapping[str, float | str]) -> Any:
    """One number, a list over depth, or rules by module; equal ones become one number."""
    names = [name for name in params if name == "lam" or name.startswith(("lam_", "lam."))]
    values = [float(params[name]) for name in names]
    if len(set(values)) == 1:
        return values[0]
    if names[0].startswith("lam_"):
        return values
    rules: list[dict[str, Any]] = []
    for name, value in zip(names, values, strict=True):
        module = name.removeprefix("lam.")
        rules.append({"value": value} if module == REST else {"filter": module, "value": value})
    return rules


def _models(recipe: SearchRecipe, params: Mapping[str, float | str], lam: Any) -> list[dict[str, Any]]:  # fmt: skip
    """The VLM with lambda, the code models with their shares of the rest; each sum is 1 exactly."""
    raw = [Decimal(str(params[f"share_{n}"])) for n in range(len(recipe.code))]
    whole = sum(raw)
    shares = [(one / whole if whole else Decimal(1) / len(raw)) for one in raw]
    columns = [_weights(value, shares) for value in _leaves(lam)]
    weights = [
        _rebuilt(lam, iter([column[k] for column in columns])) for k in range(1 + len(shares))
    ]
    return [
        {"model": model, "parameters": {"weight": weight}}
        for model, weight in zip((recipe.vlm, *recipe.code), weights, strict=True)
    ]


def _weights(lam: float, shares: list[Decimal]) -> list[float]:
    rest = 1 - Decimal(str(lam))
    parts = [(rest * share).quantize(Decimal("0.0001")) for share in shares[:-1]]
    return [lam, *map(float, parts), float(rest - sum(parts))]


def _leaves(lam: Any) -> list[float]:
    if isinstance(lam, list):
        return [leaf for item in lam for leaf in _leaves(item)]
    return [float(lam["value"] if isinstance(lam, dict) else lam)]


def _rebuilt(lam: Any, values: Any) -> Any:
    """The same form with other numbers."""
    if isinstance(lam, list):
        return [_rebuilt(item, values) for item in lam]
    return {**lam, "value": next(values)} if isinstance(lam, dict) else next(values)


def _rounded(value: float) -> float:
    return round(value, DIGITS)


def label_of(data: Mapping[str, Any]) -> str:
    """A merge recipe in one line: method, code model where it was chosen, coefficients."""
    parts = [str(data["merge_method"])]
    if "models" in data:
        weights = [_short(entry["parameters"]["weight"]) for entry in data["models"]]
        parts.append("weights " + " | ".join(weights))
    else:
        parts.append(f"lambda {_short(data['lam'])}")
    parts += [f"{name} {value:g}" for name, value in data.get("parameters", {}).items()]
    return ", ".join(parts)


def _short(setting: Any) -> str:
    """A number; a list over depth; rules as module: value."""
    if not isinstance(setting, list):
        return f"{setting:g}"
    if not isinstance(setting[0], dict):
        return "[" + ", ".join(f"{value:g}" for value in setting) + "]"
    return ", ".join(f"{rule.get('filter', REST)}: {_short(rule['value'])}" for rule in setting)

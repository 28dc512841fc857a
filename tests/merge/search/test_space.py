"""What a point of a search means, and where it looks next; needs no model."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.errors import BadRecipe, OutputRefused
from viscodex.merge.search.points import Point, PointFile
from viscodex.merge.search.propose import propose
from viscodex.merge.search.recipe import SearchRecipe
from viscodex.merge.search.space import curve_params, label_of, merge_data
from viscodex.recipe import MergeRecipe, check_recipe, setting_at

FUNCTION = {"kind": "function", "function": "a:b"}


def recipe(**more: Any) -> SearchRecipe:
    """A search of two names that need not exist."""
    data = {"vlm": "V", "code": "C", "base": "B", "objective": FUNCTION, "test": [], **more}
    return check_recipe(SearchRecipe, data)


def _weights(data: dict[str, Any], tensor: str, depth: float) -> list[Any]:
    (section,) = check_recipe(MergeRecipe, data).sections()
    return [section.setting("weight", entry, tensor, depth) for entry in section.models]


def test_module_coefficients_become_rules_by_name() -> None:
    wanted = recipe(optimise={"coefficients": "module", "modules": ["self_attn", "mlp"]})
    data = merge_data(wanted, {"lam.self_attn": 0.2, "lam.mlp": 0.8, "lam.others": 0.5})
    assert _weights(data, "model.layers.0.self_attn.q_proj.weight", 0.0) == [0.2, 0.8]
    assert _weights(data, "model.layers.3.mlp.up_proj.weight", 1.0) == [0.8, 0.2]
    assert _weights(data, "model.norm.weight", 0.0) == [0.5, 0.5]
    same = merge_data(wanted, {"lam.self_attn": 0.4, "lam.mlp": 0.4, "lam.others": 0.4})
    assert same["lam"] == 0.4
    assert label_of(same) == "task_arithmetic, lambda 0.4"
    assert label_of(data) == "task_arithmetic, lambda self_attn: 0.2, mlp: 0.8, others: 0.5"


def test_depth_coefficients_are_linear_between_their_knots() -> None:
    wanted = recipe(optimise={"coefficients": "depth", "knots": 3})
    data = merge_data(wanted, {"lam_0": 0.2, "lam_1": 0.6, "lam_2": 1.0})
    assert _weights(data, "model.layers.1.mlp.up_proj.weight", 0.25)[0] == pytest.approx(0.4)
    assert setting_at(tuple(data["lam"]), "x", 1.0) == 1.0


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_weights_of_several_code_models_sum_to_one_exactly(lam: float, shares: list[float]) -> None:
    codes = [f"C{n}" for n in range(len(shares))]
    wanted = recipe(code=codes, together=True, optimise={})
    params: dict[str, float | str] = {"lam": round(lam, 3)}
    params |= {f"share_{n}": round(share, 3) for n, share in enumerate(shares)}
    data = merge_data(wanted, params)
    weights = _weights(data, "model.norm.weight", 0.0)
    assert sum(Decimal(str(weight)) for weight in weights) == 1
    assert weights[0] == round(lam, 3)
    assert data["base_model"] == "B"


def test_methods_get_what_they_take() -> None:
    wanted = recipe(optimise={"methods": ["task_arithmetic", "ties", "slerp"]})
    ties = merge_data(wanted, {"method": "ties", "lam": 0.5, "density": 0.4})
    assert (ties["merge_method"], ties["parameters"], ties["base"]) == ("ties", {"density": 0.4}, "B")  # fmt: skip
    plain = merge_data(wanted, {"method": "task_arithmetic", "lam": 0.5, "density": 0.4})
    assert "parameters" not in plain
    assert "base" not in merge_data(wanted, {"method": "slerp", "lam": 0.5})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "nothing to search"),
        ({"optimise": {"lam": [0.9, 0.1]}}, "is no range"),
        ({"optimise": {"methods": ["replace"]}}, "no lambda to search"),
        ({"optimise": {}, "code": ["C", "C"]}, "several different ones"),
        ({"optimise": {}, "together": True}, "several code models"),
        ({"optimise": {}, "objective": {"kind": "task", "data": "d"}}, "task: names the benchmark"),
        ({"optimise": {}, "objective": {"kind": "loss"}}, "needs data"),
        ({"optimise": {"trails": 3}}, "did you mean trials"),
    ],
)
def test_bad_recipes_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        recipe(**more)


# --- the optimiser --------------------------------------------------------------------------------


def _value(params: dict[str, Any]) -> float:
    """A known optimum: 0.31 for attention, 0.74 for the MLP, the others do not matter."""
    return -((params["lam.self_attn"] - 0.31) ** 2) - (params["lam.mlp"] - 0.74) ** 2


def _points(wanted: SearchRecipe, n: int, points: list[Point] | None = None) -> list[Point]:
    points = list(points or [])
    for number in range(len(points), n):
        params = propose(wanted, points, number)
        value = _value(params)
        points.append(Point(number, "trial", params, merge_data(wanted, params), "done", (value,)))
    return points


def test_the_optimiser_finds_a_known_optimum_and_goes_on_as_if_nothing_had_been() -> None:
    wanted = recipe(optimise={"coefficients": "module", "modules": ["self_attn", "mlp"], "seed": 1})
    points = _points(wanted, 40)
    best = max(points, key=lambda point: point.mean)
    assert best.params["lam.self_attn"] == pytest.approx(0.31, abs=0.12)
    assert best.params["lam.mlp"] == pytest.approx(0.74, abs=0.12)
    late = [point.mean for point in points[25:]]
    assert np.mean(late) > np.mean([point.mean for point in points[:8]])  # it learns
    assert len({point.key for point in points}) == 40
    assert _points(wanted, 12, points[:10]) == points[:12]


def test_losses_pruned_and_foreign_points_are_understood() -> None:
    wanted = recipe(
        optimise={"methods": ["task_arithmetic", "ties"]},
        objective={"kind": "loss", "data": "d"},
    )
    told: list[Point] = []
    for n in range(14):
        params = propose(wanted, told, n)
        assert set(params) == {"method", "lam", "density"}
        loss = abs(float(params["lam"]) - 0.5)
        state = "pruned" if n % 3 == 0 else "done"
        told.append(Point(n, "trial", params, merge_data(wanted, params), state, (loss, None)))  # type: ignore[arg-type]
    curve = curve_params(recipe(curve={}, optimise={"coefficients": "depth"}), "task_arithmetic", "C", 0.7)  # fmt: skip
    assert curve == {"lam_0": 0.7, "lam_1": 0.7, "lam_2": 0.7}
    foreign = Point(14, "curve", {"lam": 0.5, "odd": 1.0}, {"x": 1}, "done", (0.0,))
    assert propose(wanted, [*told, foreign], 15) == propose(wanted, told, 15)


# --- the folder -----------------------------------------------------------------------------------


def test_torn_lines_are_cut_off_and_other_searches_refused(tmp_path: Path) -> None:
    folder, identity = tmp_path / "s", {"recipe": {"vlm": "V"}, "dev": "1"}
    point = Point(0, "curve", {"lam": 0.5}, {"lam": 0.5}, "done", (1.0, None), features={"a": 1.0})
    with PointFile(folder, identity) as file:
        file.add(point)
        with pytest.raises(OutputRefused, match="runs there now"), PointFile(folder, identity):
            pass
    with (folder / "points.jsonl").open("ab") as stream:
        stream.write(b'{"number": 1, "kin')
    with PointFile(folder, identity) as file:
        assert file.points == [point]
        assert file.points[0].mean == 1.0
        file.add(Point(1, "trial", {}, {}, "failed", (), "no"))
    assert len((folder / "points.jsonl").read_text().splitlines()) == 2
    with pytest.raises(OutputRefused, match="another search"), PointFile(folder, {**identity, "dev": "2"}):  # fmt: skip
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("mine")
    with pytest.raises(OutputRefused, match="holds no search"), PointFile(tmp_path / "other", {}):
        pass
    assert math.isnan(Point(0, "curve", {}, {}, "failed").mean)
    assert json.loads((folder / "search.json").read_text()) == identity

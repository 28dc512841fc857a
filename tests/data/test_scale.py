"""Estimates: arithmetic by hand, rates of a real build, the recipes at the paper's size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from viscodex.cli import app
from viscodex.data.build import build
from viscodex.data.recipe import DataRecipe
from viscodex.data.scale import RATES, Rate, disk_line, rates_of, scale_of, teacher_hours
from viscodex.data.teacher.estimate import Estimate
from viscodex.data.teacher.settings import TeacherSettings
from viscodex.errors import BadInput, BadRecipe
from viscodex.recipe import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes" / "data"
SIZES = {
    "chart_210k": 210_000, "html_200k": 200_000, "qa_59k": 59_000, "algorithm_129k": 129_000,
    "mcd_598k": 598_000,
}  # fmt: skip


def a_recipe(**keys: Any) -> DataRecipe:
    cards = {"source": "tests.data.small_sources:Cards", "n": 12}
    return DataRecipe.model_validate({"sources": {"card": cards}, "workers": 2, **keys})


def test_scale_by_hand() -> None:
    scale = scale_of(a_recipe(), {"card": Rate(3.0, 0.5, 1000.0, "here")})
    one = scale.sources["card"]
    assert (one.drafts, one.hours) == (24, 24 * 3 / 3600)
    assert one.bytes == (12 + 12 * 0.25) * 1000
    assert scale.hours == one.hours / 2 and scale.peak_bytes > 2 * scale.bytes
    assert "measured: here" in scale.lines()[0]


def test_drafts_end_where_the_tries_do() -> None:
    scale = scale_of(a_recipe(), {"card": Rate(1.0, 0.01, 1.0, "")})
    assert scale.sources["card"].drafts == 48  # tries: 4
    assert "assumed" in scale.lines()[0]


def test_a_source_without_a_rate_is_named() -> None:
    with pytest.raises(BadRecipe, match=r"sources\.card"):
        scale_of(a_recipe())


def test_hours_of_a_teacher_are_those_of_its_slowest_limit() -> None:
    estimate = Estimate((600, 1200), (6e5, 1.2e6), (6e4, 1.2e5))
    plain = TeacherSettings(model="m", concurrency=10)
    assert teacher_hours(plain, estimate, 2, reply_s=12)[0] == 600 * 12 / 3600 / 20
    slow = TeacherSettings(model="m", concurrency=10, requests_per_minute=5)
    assert teacher_hours(slow, estimate, 2) == (2.0, 4.0)
    assert teacher_hours(TeacherSettings(model="m", replay="x"), estimate, 2) == (0.0, 0.0)


def test_a_disk_that_is_too_small_is_said(tmp_path: Path) -> None:
    scale = scale_of(a_recipe(), {"card": Rate(1.0, 1.0, 1e15, "")})
    assert "GB are needed" in disk_line(scale, tmp_path / "not" / "there")
    assert disk_line(scale_of(a_recipe(), {"card": Rate(1.0, 1.0, 1.0, "")}), tmp_path) == ""


def test_rates_are_read_from_a_build(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="finished build"):
        rates_of(tmp_path)
    report = build(a_recipe(workers=1), tmp_path / "set")
    rate = rates_of(tmp_path / "set")["card"]
    row = report.sources["card"]
    assert rate.keep == row.kept / row.candidates and rate.seconds > 0 and rate.bytes > 100
    assert scale_of(a_recipe(), {"card": rate}).bytes < 1e7


@pytest.mark.parametrize("name", SIZES)
def test_recipes_at_the_papers_size(name: str) -> None:
    recipe = read_recipe(DataRecipe, RECIPES / f"{name}.yaml")
    assert sum(entry.n for entry in recipe.sources.values()) == SIZES[name]
    assert len(recipe.decontaminate) == 4 and set(recipe.wanted) <= set(RATES)
    scale = scale_of(recipe)
    assert 1 < scale.hours < 1000 and 1e8 < scale.bytes < 2e11
    if "post" in recipe.sources:
        assert {"cc-by-sa-2.5", "cc-by-sa-3.0", "cc-by-sa-4.0"} <= set(
            recipe.filters.licences or ()
        )


def _estimate(recipe: str, out: Path) -> str:
    words = ["data", "build", str(RECIPES / recipe), "--estimate", "-o", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert not out.exists()
    return done.output


def test_estimate_says_what_it_cannot_know_and_makes_nothing(tmp_path: Path) -> None:
    told = _estimate("qa_59k.yaml", tmp_path / "out")
    assert "post: 59,000 samples" in told and "assumed" in told
    assert "post: not in the estimate of the teacher: there is no such store" in told


def test_a_source_without_its_material_leaves_the_others_their_estimate(tmp_path: Path) -> None:
    told = _estimate("chart_210k.yaml", tmp_path / "out")
    assert "chart_script: not in the estimate of the teacher: there is nothing" in told
    assert re.search(r"teacher gpt-4o: 328,000 to 984,000 requests, .* of a budget of 3,000", told)

"""viscodex data build --estimate: what a recipe takes in time and disk, and of its teachers.

in:  a recipe, a folder for the output, a finished build to measure rates on
out: lines on stdout
not covered: the arithmetic (data/scale.py, data/teacher/estimate.py)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from viscodex.errors import ViscodexError

if TYPE_CHECKING:
    from viscodex.data.recipe import DataRecipe


def say_scale(recipe: DataRecipe, out: Path, rates: Path | None) -> None:
    """Hours, gigabytes, requests, tokens and money of a recipe; makes nothing.

    A source whose material is not on this machine has no estimate of its teacher; that is said.

    Raises:
        BadInput: `rates` is no finished build.
        BadRecipe: a source of which no rate is known.
    """
    from viscodex.data.scale import disk_line, rates_of, scale_of

    scale = scale_of(recipe, None if rates is None else rates_of(rates))
    for line in scale.lines():
        typer.echo(line)
    if short := disk_line(scale, out):
        typer.echo(short)
    if recipe.teacher is not None or recipe.judge is not None:
        _say_teachers(recipe, out, scale.workers)


def _say_teachers(recipe: DataRecipe, out: Path, workers: int) -> None:
    from viscodex.data.parts import Workplace
    from viscodex.data.scale import teacher_hours
    from viscodex.data.sources import make_source
    from viscodex.data.teacher.estimate import Estimate, estimates, told

    found: dict[str, Estimate] = {}
    for label in recipe.wanted:
        try:
            own = estimates(recipe, {label: make_source(recipe, label)})
        except ViscodexError as error:
            why = f"{error.what}: {error.where}. {error.todo}"
            typer.echo(f"{label}: not in the estimate of the teacher: {why}")
            continue
        for name, one in own.items():
            found[name] = found.get(name, Estimate()) + one
    for name, one in found.items():
        settings = recipe.teacher if name == "teacher" else recipe.judge
        assert settings is not None
        for line in told(name, settings, one, Workplace(out).folder):
            typer.echo(line)
        low, high = teacher_hours(settings, one, workers)
        typer.echo(f"{name}: {low:,.1f} to {high:,.1f} hours, by its rates and 20 s a reply")

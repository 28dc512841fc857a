"""All templates by name: problems in words, and problems whose data stands in a picture.

in:  the modules of templates
out: TEMPLATES, PICTURES: kind -> function of a Draw that gives a Problem
not covered: choosing among them (source.py)
"""

from __future__ import annotations

from collections.abc import Callable

from viscodex.data.problems import (
    arrays,
    choices,
    drawn_graphs,
    drawn_grids,
    games,
    graphs,
    machines,
    matrices,
    numbers,
    strings,
)
from viscodex.data.problems.draw import Draw
from viscodex.data.problems.problem import Problem

Template = Callable[[Draw], Problem]

TEMPLATES: dict[str, Template] = {
    **arrays.TEMPLATES,
    **strings.TEMPLATES,
    **numbers.TEMPLATES,
    **choices.TEMPLATES,
    **matrices.TEMPLATES,
    **graphs.TEMPLATES,
    **machines.TEMPLATES,
    **games.TEMPLATES,
}
PICTURES: dict[str, Template] = {**drawn_grids.TEMPLATES, **drawn_graphs.TEMPLATES}

"""All kinds of questions by name.

in:  the modules of templates
out: TEMPLATES: kind -> function of a Draw that gives a Question
not covered: choosing among them (source.py)
"""

from __future__ import annotations

from collections.abc import Callable

from viscodex.data.problems.draw import Draw
from viscodex.data.questions import diagrams, errors, layouts, outputs, plots, tables
from viscodex.data.questions.question import Question

Template = Callable[[Draw], Question]

TEMPLATES: dict[str, Template] = {
    **errors.TEMPLATES,
    **plots.TEMPLATES,
    **layouts.TEMPLATES,
    **tables.TEMPLATES,
    **diagrams.TEMPLATES,
    **outputs.TEMPLATES,
}

"""A question about a picture, with its answer and the ways in which it is verified.

in:  nothing; the templates fill it
out: Question
not covered: running and showing it (source.py), screens (screens.py)

How an answer is verified follows from `mode`:

    error   broken fails in the sandbox with an exception; the answer runs and prints `wanted`
    output  the answer prints `wanted`; broken, where there is one, prints something else
    plot    the answer's picture equals that of the script `wanted`; broken's differs visibly
    page    the same for pages
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["error", "output", "plot", "page"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question, drawn from a template."""

    mode: Mode
    ask: str  # what the user writes; the mark of the picture is put before or after it
    prose: str  # cause and cure
    code: str  # of the answer; runs
    wanted: str  # text that it prints, or script or page whose picture it must give
    language: str = "python"
    broken: str = ""
    beside: str = ""  # goes before (setup) what runs, but not into the answer
    behind: str = ""  # goes behind what runs: calls that test the answer
    screen: dict[str, Any] = field(default_factory=dict)  # see screens.screen_html
    show: str = "broken"  # broken, wanted, both: which picture a plot or page question shows
    width_px: int = 760  # of a page
    difficulty: float = 0.3
    seen: str = ""  # text of the picture where that is known beforehand, for reading tasks
    after: str = ""  # prose behind the code

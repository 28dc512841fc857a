"""Options that several commands have, in the same words.

in:  nothing
out: types of parameters for typer
not covered: options of one command (its own file)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AllowUnsafe = Annotated[
    bool, typer.Option(help="Run even where only resource limits confine the code.")
]

# --- of a benchmark: viscodex score, viscodex eval ------------------------------------------------

Run = Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run.")]
Split = Annotated[str, typer.Option(help="One of several subsets or suites.")]
Protocol = Annotated[str, typer.Option(help="paper, strict or both.")]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N items.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Answers executed at once.")]
Pictures = Annotated[bool, typer.Option(help="Keep what answers drew in RUN/pictures.")]
Judge = Annotated[
    str | None,
    typer.Option(
        metavar="M", help="openai/NAME@URL, package.module:name or recorded/FILE; marks answers."
    ),
]
JudgePrice = Annotated[
    str | None, typer.Option(metavar="IN,OUT", help="Price of a million tokens of the judge.")
]
JudgeBudget = Annotated[
    float | None, typer.Option(metavar="X", min=0, help="Stop before the judge costs more.")
]
Clip = Annotated[
    str | None, typer.Option(metavar="M", help="CLIP ViT-B/32: folder or hub name (design2code).")
]
AsJson = Annotated[bool, typer.Option("--json", help="The reports as JSON, no table.")]

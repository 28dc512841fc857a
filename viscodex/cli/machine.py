"""viscodex doctor, viscodex demo.

in:  arguments
out: what this machine has; the demonstration
not covered: the work (doctor.py, nano/)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from viscodex.cli.options import AllowUnsafe
from viscodex.cli.terminal import console, say


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """What this machine has: libraries, GPU, browser, isolation, languages; what is missing."""
    import json
    from dataclasses import asdict

    from viscodex.doctor import examine

    findings = examine()
    if as_json:
        typer.echo(json.dumps([asdict(f) for f in findings], indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "here", "for", "how to get it")
    for finding in findings:
        state = finding.value if finding.found else f"missing ({finding.value})"
        todo = "" if finding.found else finding.remedy
        table.add_row(
            finding.name,
            state,
            finding.purpose,
            escape(todo),
            style=None if finding.found else "yellow",
        )
    console().print(table)


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where to work.")] = Path(
        "demo"
    ),
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The family. Default: the embedded one.")
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Pictures with NAME.py or NAME.html beside. Default: examples/pictures.",
        ),
    ] = None,
    allow_unsafe: AllowUnsafe = False,
) -> None:
    """Merge nano-vlm and nano-code, turn pictures into code with nano, run it, write a report.

    Exit status: 0 if the merge is the recorded one and the code of nine pictures in ten runs, else 1.
    """
    from viscodex.models.model import weights_folder
    from viscodex.nano.demo import run_demo

    embedded = weights_folder("nano").parent
    if pictures is None:
        pictures = embedded.parents[2] / "examples" / "pictures"
        if not pictures.is_dir():
            pictures = Path("examples/pictures")
    page, shown = run_demo(
        out,
        typer.echo,
        weights=embedded if weights is None else weights,
        pictures=pictures,
        allow_unsafe=allow_unsafe,
    )
    if not shown.ok:
        say(f"not as it should be: {'; '.join(shown.faults)}; see {page}")
        raise typer.Exit(1)

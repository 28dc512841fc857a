"""viscodex doctor, viscodex demo.

in:  arguments
out: what this machine has; the demonstration
not covered: the work (doctor.py, nano/)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from viscodex.cli.terminal import console


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
) -> None:
    """Make a small trio of models, merge it, load the result in transformers, print the report."""
    from viscodex.nano.demo import run_demo

    run_demo(out, typer.echo)

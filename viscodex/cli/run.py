"""viscodex run, viscodex runtime.

in:  arguments
out: an Execution as JSON, a summary for people
not covered: the work (execute/)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viscodex.cli.options import AllowUnsafe
from viscodex.cli.terminal import printable, say
from viscodex.errors import BadRecipe

if TYPE_CHECKING:
    from viscodex.types import Execution

RUN_EXAMPLES = """
Examples:

\b
  viscodex run chart.py --render chart.png
  viscodex run page.html --render page.png
  viscodex run solution.cpp --stdin input.txt --timeout 2 --memory 256
  viscodex run chart.py --json | jq .figure.texts

The Execution is printed as JSON. Exit status: 0 if its status is ok, else 1.
"""


def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Chart (.py), page (.html), program.")
    ],
    render: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Write the picture here (NAME-2.png, ... too)."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="S", min=0.1, max=86400, help="Seconds, of CPU and of the clock."),
    ] = None,
    memory: Annotated[int | None, typer.Option(metavar="MB", min=16, help="Default: 2048.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--as", help="chart, page or program; default: by suffix and imports."),
    ] = None,
    runtime: Annotated[
        str, typer.Option(help="Environment of charts: current, chartmimic.")
    ] = "current",
    stdin: Annotated[Path | None, typer.Option(metavar="FILE", help="A program's input.")] = None,
    allow_unsafe: AllowUnsafe = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON only, no summary on stderr.")
    ] = False,
) -> None:
    """Run one chart script, page or program in the sandbox; print the Execution as JSON."""
    import os

    from viscodex.execute.file import read_text, run_file, write_pictures

    if kind not in (None, "chart", "page", "program"):
        raise BadRecipe("no such kind of file", f"--as {kind}", "chart, page or program")
    if render is not None and (
        not render.name or render.is_dir() or not os.access(render.parent, os.W_OK)
    ):
        raise BadRecipe(
            "the picture cannot be written there",
            f"--render {render}",
            "Give the name of a file in a directory that is there and yours.",
        )
    result = run_file(
        file,
        kind=kind,
        seconds=timeout,
        memory=None if memory is None else memory << 20,
        runtime=runtime,
        stdin=read_text(stdin) if stdin else "",
        allow_unsafe=allow_unsafe,
    )
    written = write_pictures(result, render) if render else []
    typer.echo(_execution_json(result, written))
    if not as_json:
        _show_execution(result, written, wanted=render)
    if result.status != "ok":
        raise typer.Exit(1)


runtimes = typer.Typer(
    help="Pinned environments in which generated charts run.", no_args_is_help=True
)

RUNTIME_EXAMPLES = """
Examples:

\b
  viscodex runtime install current
  viscodex runtime install chartmimic
  viscodex runtime list
"""


@runtimes.command("install", epilog=RUNTIME_EXAMPLES)
def runtime_install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="current or chartmimic.")],
) -> None:
    """Make a pinned environment; quick when it is already there."""
    from viscodex.execute.runtime import install

    typer.echo(f"{name}: {install(name, progress=say)}")


@runtimes.command("list", epilog=RUNTIME_EXAMPLES)
def runtime_list() -> None:
    """Which environments there are, and where."""
    from viscodex.execute.runtime import installed

    for name, place in installed().items():
        typer.echo(f"{name}: {place or 'not installed; viscodex runtime install ' + name}")


def _execution_json(result: Execution, written: list[Path]) -> str:
    """As `to_json`, with each picture's size, hash and place instead of its bytes."""
    import hashlib
    import json

    from viscodex.types import to_json

    values = json.loads(to_json(replace(result, images=())))
    values["images"] = [
        {
            "width": int.from_bytes(picture[16:20], "big"),  # of the IHDR chunk
            "height": int.from_bytes(picture[20:24], "big"),
            "bytes": len(picture),
            "sha256": hashlib.sha256(picture).hexdigest(),
            "path": str(written[i]) if i < len(written) else None,
        }
        for i, picture in enumerate(result.images)
    ]
    return json.dumps(values, indent=1)


def _show_execution(result: Execution, written: list[Path], *, wanted: Path | None) -> None:
    """A summary for people; nothing that the program wrote reaches the terminal raw."""
    reason = f": {printable(result.reason)}" if result.reason else ""
    isolation = f"isolation {result.tier}" if result.tier else "not run"
    say(
        f"{result.status}{reason} ({result.seconds:.2f} s, {result.cpu_seconds:.2f} s CPU, {isolation})"
    )
    for path in written:
        say(f"written: {path}")
    if wanted is not None and not written:
        say(f"no picture: {wanted} is not written")

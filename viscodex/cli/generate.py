"""viscodex generate: pictures in, running code out.

in:  pictures or folders of them, a model
out: code on stdout or in a file; JSON lines for many pictures; renders; the answer as it is written, on a
     terminal
not covered: the work (generate/)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.options import AllowUnsafe
from viscodex.cli.terminal import Progress, printable, say

if TYPE_CHECKING:
    from viscodex.generate.generated import Generated

WATCHED_LINES = 12  # of an answer that is being written

GENERATE_EXAMPLES = """
Examples:

\b
  viscodex generate chart.png
  viscodex generate chart.png -o chart.py --render again.png
  viscodex generate page.png --task html --best-of 4 --repair 2 -o page.html
  viscodex generate pictures/ -o results.jsonl --render renders/
  viscodex generate chart.png --model openai/my-model@http://localhost:8000/v1
  viscodex generate plot.png --task qa --prompt "Which month is highest?"

Several pictures or a folder give JSON lines, one for each picture; a run that was interrupted goes on with
the same -o. Exit status: 1 if code of some picture is missing or does not run.
"""


def generate(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE ...", help="Pictures, folders.")],
    model: Annotated[
        str,
        typer.Option(
            metavar="M",
            help="nano, a checkpoint directory, a hub name, openai/NAME@URL or replay/FILE.jsonl.",
        ),
    ] = "nano",
    task: Annotated[
        str | None, typer.Option(metavar="T", help="chart, html or qa. Default: found by itself.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to ask instead of our own question.")
    ] = None,
    repair: Annotated[
        int, typer.Option(metavar="N", min=0, help="Rounds of mending what fails or differs.")
    ] = 0,
    best_of: Annotated[
        int, typer.Option(metavar="N", min=1, help="Answers of which the best one is taken.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Code, or JSON lines.")
    ] = None,
    render: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="What the code draws; a folder for many pictures."),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest answer.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an answer.")] = 2048,
    seed: Annotated[int, typer.Option(help="Of answers that are drawn.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ... of local models.")] = None,
    run: Annotated[bool, typer.Option(help="Run the code and compare what it draws.")] = True,
    allow_unsafe: AllowUnsafe = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Results as JSON instead of code.")
    ] = False,
) -> None:
    """Turn pictures into code that runs: charts into matplotlib, pages into HTML."""
    from viscodex.errors import BadRecipe
    from viscodex.generate.picture import find_pictures
    from viscodex.generate.writer import Writer
    from viscodex.models.model import Decoding

    is_many = len(images) > 1 or images[0].is_dir()
    paths = find_pictures(images)
    _check_places(out, render, is_many=is_many)
    if render is not None and not run:
        raise BadRecipe(
            "what is not run draws nothing",
            f"--no-run and --render {render}",
            "Leave one of them out.",
        )
    how: dict[str, Any] = {
        "task": task, "prompt": prompt, "repair": repair, "best_of": best_of, "run": run,
        "allow_unsafe": allow_unsafe, "device": device,
        "decoding": Decoding(max_tokens=max_tokens, temperature=temperature, seed=seed),
    }  # fmt: skip
    if not is_many:
        from viscodex.generate.picture import read_picture

        picture = read_picture(paths[0])  # before the model is loaded
        with Writer(model, **how) as writer, Watched() as watched:
            watch = watched.watch if sys.stderr.isatty() else None
            result = writer.write([picture], watched.update, watch)[0]
        _show(result, out, render, as_json=as_json)
        raise typer.Exit(0 if result.ok else 1)
    with Writer(model, **how) as writer, Progress() as progress:
        n_failed = _many(paths, writer, out, render, progress, as_json=as_json)
    say(f"{len(paths)} pictures, {n_failed} of them without code that runs")
    raise typer.Exit(1 if n_failed else 0)


def _check_places(out: Path | None, render: Path | None, *, is_many: bool) -> None:
    from viscodex.errors import OutputRefused

    for name, place in (("-o", out), ("--render", render)):
        if place is None:
            continue
        wants_folder = is_many and name == "--render"
        if place.is_dir() and not wants_folder:
            raise OutputRefused("the output is a folder", f"{name} {place}", "Give a file.")
        if place.is_file() and wants_folder:
            raise OutputRefused(
                "many pictures need a folder for what they draw",
                f"{name} {place}",
                "Give a folder.",
            )
        if not place.parent.is_dir():
            raise OutputRefused(
                "the folder of the output is not there", f"{name} {place}", "Make it first."
            )


class Watched(Progress):
    """Progress, and the last lines of an answer as it is written: on stderr, gone when it is done."""

    def __enter__(self) -> Watched:
        super().__enter__()
        self._text = ""
        self._live: Any = None
        return self

    def watch(self, piece: str) -> None:
        """A further piece of the answer."""
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            self._live = Live(console=Console(stderr=True), transient=True)
            self._live.start()
        self._text += piece
        lines = self._text[-4000:].splitlines()[-WATCHED_LINES:]
        self._live.update(Text("\n".join(map(printable, lines)), "dim"))

    def update(self, phase: str, done: int, total: int) -> None:
        """See Progress; the answer makes room."""
        self._end()
        super().update(phase, done, total)

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __exit__(self, *error: Any) -> None:
        self._end()
        super().__exit__(*error)


def _show(result: Generated, out: Path | None, render: Path | None, *, as_json: bool) -> None:
    """The code to its place; what happened to stderr."""
    import json

    for notice in result.notices:
        say(f"notice: {printable(notice)}")
    if out is not None and result.output.strip():
        result.save(out)
    elif out is not None:
        say(f"there is no code: nothing is written to {out}")
    if as_json:
        typer.echo(json.dumps(result.row(), ensure_ascii=False, indent=1))
    elif out is None and result.output:
        typer.echo(result.output.rstrip("\n"))
    if result.render is not None and render is not None:
        result.save_render(render)
    if not result.ok:
        say(f"{result.status}: {printable(result.reason)}")
    elif result.render is not None:
        tried = f", best of {len(result.attempts)}" if len(result.attempts) > 1 else ""
        say(f"runs; likeness of its picture {result.likeness:.2f}{tried}")


def _many(
    paths: list[Path],
    writer: Any,
    out: Path | None,
    renders: Path | None,
    progress: Progress,
    *,
    as_json: bool,
) -> int:
    """Rows to the file, or to stdout; how many pictures have no code that runs."""
    import json

    from viscodex.generate.many import generate_many

    n_failed = 0
    for row in generate_many(paths, writer, out, renders=renders, progress=progress.update):
        if row["status"] != "ok":
            n_failed += 1
            say(f"{printable(row['image'])}: {row['status']}: {printable(row['reason'] or '')}")
        if out is None or as_json:
            typer.echo(json.dumps(row, ensure_ascii=False))
    return n_failed

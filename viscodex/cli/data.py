"""viscodex data: make a data set.

in:  arguments
out: a table of what was kept and rejected, or JSON; progress on stderr
not covered: the work (data/)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli import dataset, posts
from viscodex.cli.scale import say_scale
from viscodex.cli.terminal import console, say
from viscodex.errors import BadRecipe, MissingPart

if TYPE_CHECKING:
    from viscodex.data.build import BuildReport
    from viscodex.data.progress import Snapshot
    from viscodex.data.recipe import DataRecipe

data = typer.Typer(
    help="Make, look at, check and hand on data sets of pictures and verified code.",
    no_args_is_help=True,
)

BUILD_EXAMPLES = """
Examples:

\b
  viscodex data build recipes/data/tiny.yaml -o tiny
  viscodex data build recipes/data/mini.yaml sources.chart.n=200 workers=2 -o mini
  viscodex data build recipes/data/mini.yaml executor=ray -o mini

Interrupted or killed, the same command goes on. Exit status: 0 done, 1 a quota was not reached or
jobs of Slurm are under way, 2 bad recipe, 130 interrupted.
"""


@data.command("build", epilog=BUILD_EXAMPLES)
def build(
    words: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE.yaml [KEY=VALUE]...", help="Recipe and overrides."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write.")],
    resubmit: Annotated[
        bool, typer.Option(help="On Slurm: submit the parts again that are missing.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option(help="Say what it takes: hours, disk, a teacher's tokens; make nothing.")
    ] = False,
    rates: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --estimate: a finished build to measure rates on."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make a data set: draw, execute, filter, take near-duplicates out, write; or go on with one."""
    needs_data()
    from viscodex.data.build import build as make
    from viscodex.data.recipe import DataRecipe
    from viscodex.recipe import read_recipe
    from viscodex.types import to_json

    files = [word for word in words if "=" not in word]
    if len(files) != 1:
        raise BadRecipe(
            "one recipe at a time" if files else "nothing to build",
            " ".join(words),
            "Give one RECIPE.yaml; an override has the form key=value.",
        )
    recipe = read_recipe(DataRecipe, Path(files[0]), [word for word in words if "=" in word])
    if estimate:
        say_scale(recipe, out, rates)
        return
    if recipe.teacher is not None or recipe.judge is not None:
        say_estimate(recipe, out)
    with BuildProgress() as progress:
        report = make(recipe, out, watch=progress.update, resubmit=resubmit)
    if as_json:
        typer.echo(to_json(report, indent=1))
    else:
        show_report(report)
    if report.status != "done":
        raise typer.Exit(1)


def say_estimate(recipe: DataRecipe, out: Path) -> None:
    """What the teachers of a recipe will be asked, on stderr."""
    from viscodex.data.parts import Workplace
    from viscodex.data.sources import make_sources
    from viscodex.data.teacher.estimate import estimates, told

    work = Workplace(out).folder
    for name, one in estimates(recipe, make_sources(recipe)).items():
        settings = recipe.teacher if name == "teacher" else recipe.judge
        assert settings is not None
        for line in told(name, settings, one, work):
            say(line)


def needs_data() -> None:
    """Refuse where the libraries of the extra `data` are missing.

    Raises:
        MissingPart: with the name of the library.
    """
    from importlib.util import find_spec

    for library in ("datatrove", "pyarrow", "PIL"):
        if find_spec(library) is None:
            raise MissingPart(
                "a library for data sets is missing", library, "pip install 'viscodex[data]'"
            )


def show_report(report: BuildReport) -> None:
    """A row for each source, then what a person must know."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("source", "category")
    for name in ("kept", "of", "drafts", "rejected", "text tokens", "vision tokens", "task s"):
        table.add_column(name, justify="right")
    table.add_column("rejected by", overflow="fold")
    for label, row in report.sources.items():
        by = sorted(row.rejected.items(), key=lambda item: (-item[1], item[0]))
        counts = (
            row.kept,
            row.wanted,
            row.candidates,
            sum(row.rejected.values()),
            row.n_text_tokens,
            row.n_vision_tokens,
            round(row.seconds),
        )
        reasons = ", ".join(f"{name} {n}" for name, n in by)
        table.add_row(escape(label), row.category, *(f"{n:,}" for n in counts), escape(reasons))
    console().print(table)
    for line in report.shortages() if report.status != "submitted" else []:
        say(f"not reached: {line}")
    if report.status == "submitted":
        typer.echo(report.note)
        return
    if report.teachers:
        from viscodex.data.teacher.estimate import spent_line

        for name, spent in report.teachers.items():
            typer.echo(f"{name}: {spent_line(spent)}")
    typer.echo(
        f"{report.n_samples:,} samples kept, {report.n_rejects:,} rejected, rounds: "
        f"{report.rounds}; hash {report.content}\nwritten: {report.folder}"
    )


class BuildProgress:
    """Progress on stderr: a bar for each source on a terminal, a line every ten seconds elsewhere."""

    def __enter__(self) -> BuildProgress:
        self._stderr = sys.stderr
        self._said, self._phase = time.monotonic(), ""
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        if self._stderr.isatty():
            from rich import progress
            from rich.console import Console

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[more]}"),
                console=Console(file=self._stderr),
                transient=True,
            )
            self._bars.start()
        return self

    def update(self, snapshot: Snapshot) -> None:
        """Say how far it is."""
        if self._bars is not None:
            self._draw(snapshot)
            return
        now = time.monotonic()
        if now - self._said >= 10:
            self._said = now
            self._stderr.write(f"{snapshot.line()}\n")
            self._stderr.flush()

    def _draw(self, snapshot: Snapshot) -> None:
        from viscodex.data.progress import duration

        left = snapshot.seconds_left
        rest = "" if left is None else f"{duration(left)} left"
        rows = {
            label: (s.kept, s.wanted, f"{sum(s.rejected.values())} rejected, {s.rate:.1f}/s")
            for label, s in snapshot.sources.items()
        } or {snapshot.phase: (snapshot.done, max(1, snapshot.total), "")}
        for number, (label, (done, total, more)) in enumerate(rows.items()):
            if label not in self._tasks:
                self._tasks[label] = self._bars.add_task(label, total=total, more="")
            more = f"{more}  {rest}" if number == len(rows) - 1 else more
            self._bars.update(self._tasks[label], completed=done, total=total, more=more)
        for label in [label for label in self._tasks if label not in rows]:
            self._bars.remove_task(self._tasks.pop(label))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
        if kind is KeyboardInterrupt:
            self._stderr.write("finished parts are kept; the same command goes on with them\n")


data.command("stats", epilog=dataset.STATS_EXAMPLES)(dataset.stats)
data.command("check", epilog=dataset.CHECK_EXAMPLES)(dataset.check)
data.command("view", epilog=dataset.VIEW_EXAMPLES)(dataset.view)
data.command("export", epilog=dataset.EXPORT_EXAMPLES)(dataset.export)
data.command("import", epilog=dataset.IMPORT_EXAMPLES)(dataset.import_)
data.command("audit", epilog=dataset.AUDIT_EXAMPLES)(dataset.audit)
data.command("posts", epilog=posts.POSTS_EXAMPLES)(posts.posts)

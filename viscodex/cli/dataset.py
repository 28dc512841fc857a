"""viscodex data stats, check, view, export, import: what there is to do with a data set.

in:  arguments
out: tables on stdout (or JSON with --json), progress and errors on stderr, the exit status
not covered: the work (data/); making a data set (cli/data.py)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.terminal import Progress, console, printable, say
from viscodex.errors import BadRecipe, MissingPart

if TYPE_CHECKING:
    from viscodex.data.check import CheckReport
    from viscodex.data.manifest import Manifest
    from viscodex.data.stats import Stats

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the data set.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write.")]

STATS_EXAMPLES = """
Examples:

\b
  viscodex data stats mini
  viscodex data stats mini --no-pictures --json
"""

CHECK_EXAMPLES = """
Examples:

\b
  viscodex data check mini                 everything; exit status 1 if anything fails
  viscodex data check mini --limit 200     200 samples, spread evenly
  viscodex data check mini --no-run        hashes, pictures, messages; run nothing
  viscodex data check suite --benchmark infibench_v    all broken cases of a benchmark
"""

AUDIT_EXAMPLES = """
Examples:

\b
  viscodex data audit mcd                  all answers; 2,000 rows are run, spread evenly
  viscodex data audit mcd --limit 0        every row is run; killed, the same command goes on
  viscodex data audit mcd --json
"""

VIEW_EXAMPLES = """
Examples:

\b
  viscodex data view mini                  all samples and rejects, on a page for this machine
  viscodex data view mini --port 8010
  viscodex data view mini --files          where the galleries lie
"""

EXPORT_EXAMPLES = """
Examples:

\b
  viscodex data export mini --format mcd -o mcd
  viscodex data export mini --format llamafactory -o LLaMA-Factory/data/viscodex
  viscodex data export mini --format openai --category chart --task code -o chat
  viscodex data export mini --format parquet -o hub
"""

IMPORT_EXAMPLES = """
Examples:

\b
  viscodex data import mcd_598k.json --images mcd_images.zip -o mcd
  viscodex data import LLaMA-Factory/data/viscodex -o mine
  viscodex data import chat.jsonl --category qa --licence cc-by-4.0 -o chat

Exit status: 0 done, though rows may be rejected (see the table); 1 nothing was kept or a file was
not whole; 2 not a file of records.
"""


def _needs_data() -> None:
    from importlib.util import find_spec

    for library in ("pyarrow", "PIL"):
        if find_spec(library) is None:
            raise MissingPart(
                "a library for data sets is missing", library, "pip install 'viscodex[data]'"
            )


# --- stats ----------------------------------------------------------------------------------------


def stats(
    folder: Folder,
    pictures: Annotated[
        bool, typer.Option(help="Look for equal pictures: reads all of them.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Counts, tokens, sizes, languages, licences, equal pictures."""
    _needs_data()
    from viscodex.data.stats import measure
    from viscodex.data.store import open_dataset
    from viscodex.types import to_json

    with Progress() as progress:
        found = measure(open_dataset(folder), pictures=pictures, progress=progress.update)
    if as_json:
        typer.echo(to_json(found, indent=1))
    else:
        _show_stats(found)


def _show_stats(found: Stats) -> None:
    from rich.markup import escape
    from rich.table import Table

    from viscodex.data.stats import count_rows, histogram_lines

    screen = console()
    typer.echo(
        f"{found.n_samples:,} samples of {found.n_drafts:,} drafts, "
        f"{found.n_bytes / 1e6:,.1f} MB; {found.n_rejects:,} rejects"
    )
    kinds = Table("category", "task", "kind")
    kinds.add_column("samples", justify="right")
    for category, task, kind, n in count_rows(found):
        kinds.add_row(*(escape(printable(word)) for word in (category, task, kind)), f"{n:,}")
    screen.print(kinds)
    lengths = Table("")
    for name in ("samples", "total", "mean", "least", "median", "90 %", "99 %", "most"):
        lengths.add_column(name, justify="right")
    for name, spread in found.spreads.items():
        numbers = (spread.min, spread.p50, spread.p90, spread.p99, spread.max)
        cells = (f"{number:,}" for number in numbers)
        lengths.add_row(name, f"{spread.n:,}", f"{spread.total:,}", f"{spread.mean:,.1f}", *cells)
    screen.print(lengths)
    if found.agreement is not None:
        typer.echo(
            f"judge and local score of quality: rank correlation {found.agreement.spearman:.2f} "
            f"over {found.agreement.n:,} samples that were kept"
        )
    typer.echo(f"{found.histogram_of}, samples:")
    for line in histogram_lines(found):
        typer.echo(line)
    groups = {
        "languages": found.languages,
        "sources": found.sources,
        "licences": found.licences,
        "rejected by": found.rejects,
    }
    for title, counts in groups.items():
        listed = ", ".join(f"{printable(name)} {n:,}" for name, n in counts.items())
        typer.echo(f"{title}: {listed or 'none'}")
    if found.pictures is not None:
        seen = found.pictures
        typer.echo(
            f"pictures: {seen.n:,}, {seen.distinct:,} of them distinct; "
            f"{seen.shared:,} in samples of several drafts"
        )
        for ids in seen.examples:
            typer.echo(f"  {', '.join(map(printable, ids))}")


# --- check ----------------------------------------------------------------------------------------


def check(
    folder: Folder,
    run: Annotated[bool, typer.Option(help="Run code and pages, too.")] = True,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Samples to look at, spread evenly.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Codes at once. Default: all cores, at most 8.")
    ] = None,
    runtime: Annotated[str, typer.Option(help="In which charts run.")] = "current",
    benchmark: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="DIR is a benchmark: name its broken cases, run nothing."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every picture opens, marks match, hashes agree, every code still runs."""
    if benchmark is not None:
        _check_benchmark(folder, benchmark, as_json)
        return
    _needs_data()
    from viscodex.data.check import check_dataset
    from viscodex.data.store import open_dataset
    from viscodex.types import to_json

    dataset = open_dataset(folder, sizes=False)
    with Progress() as progress:
        report = check_dataset(
            dataset,
            run=run,
            limit=limit,
            workers=workers,
            runtime=runtime,
            progress=progress.update,
        )
    if as_json:
        typer.echo(to_json(report, indent=1))
    else:
        _show_check(report)
    if not report.sound:
        raise typer.Exit(1)


def _check_benchmark(place: Path, name: str, as_json: bool) -> None:
    from viscodex.tasks.check import check_benchmark
    from viscodex.types import to_json

    found = check_benchmark(place, name)
    if as_json:
        typer.echo(to_json(found, indent=1))
    else:
        for where, why in found.broken.items():
            typer.echo(f"{printable(where)}: {printable(why)}")
        typer.echo(f"{found.n_items:,} items read, {len(found.broken):,} broken")
    if found.broken:
        raise typer.Exit(1)


def _show_check(report: CheckReport) -> None:
    from rich.markup import escape
    from rich.table import Table

    if report.failures:
        table = Table("id", "what", "why", "where")
        for failure in report.failures:
            cells = (failure.id, failure.what, failure.why, failure.where)
            table.add_row(*(escape(printable(cell)) for cell in cells))
        console().print(table)
    for why, n in report.skipped.items():
        say(f"not run: {n:,} samples: {printable(why)}")
    typer.echo(
        f"{report.n_samples:,} samples, {report.n_pictures:,} pictures; {report.n_ran:,} codes ran, "
        f"{report.n_tested:,} of them against tests, {report.n_redrawn:,} drew the same picture; "
        f"{len(report.failures):,} failures"
    )


# --- view -----------------------------------------------------------------------------------------


def view(
    folder: Folder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 0,
    files: Annotated[
        bool, typer.Option("--files", help="Print where the galleries lie, and end.")
    ] = False,
) -> None:
    """Look at samples and rejects in a browser; read-only, for this machine alone."""
    _needs_data()
    from viscodex.data.store import open_dataset

    dataset = open_dataset(folder)
    if files:
        for name in ("gallery.html", "rejects.html"):
            path = folder.absolute() / name
            if not path.is_file():
                raise BadRecipe(
                    "the data set has no gallery", str(path), "Look at it without --files."
                )
            typer.echo(str(path))
        return
    from viscodex.data.view import Viewer

    with Viewer(dataset, port) as server:
        typer.echo(server.address)
        say("Ctrl-C ends it.")
        server.serve_forever()


# --- audit ----------------------------------------------------------------------------------------


def audit(
    folder: Folder,
    limit: Annotated[
        int, typer.Option(min=0, help="Rows whose code is run, spread evenly; 0: all.")
    ] = 2_000,
    workers: Annotated[int | None, typer.Option(min=1, help="Codes at once.")] = None,
    runtime: Annotated[str, typer.Option(help="In which charts run.")] = "current",
    as_json: AsJson = False,
) -> None:
    """What a data set of others is worth: pictures that open, code that runs, answers that are cut."""
    _needs_data()
    from viscodex.data.audit import audit_dataset, audit_markdown
    from viscodex.data.store import open_dataset
    from viscodex.types import to_json

    notes = folder.with_name(f"{folder.name}.audit.json")
    with Progress() as progress:
        found = audit_dataset(
            open_dataset(folder), limit=limit or None, workers=workers, runtime=runtime,
            notes=notes, progress=progress.update,
        )  # fmt: skip
    typer.echo(to_json(found, indent=1) if as_json else audit_markdown(found))


# --- export, import -------------------------------------------------------------------------------


def export(
    folder: Folder,
    format: Annotated[
        str, typer.Option("--format", "-f", help="mcd, llamafactory, openai or parquet.")
    ],
    out: Out,
    category: Annotated[
        list[str] | None, typer.Option(help="Only this category; may be repeated.")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task: code, describe, ...")
    ] = None,
) -> None:
    """Write a data set in the layout of another tool."""
    _needs_data()
    from viscodex.data.export import export_dataset
    from viscodex.data.store import open_dataset

    dataset = open_dataset(folder)
    if category or task:
        dataset = dataset.filter(category=category or None, task=task or None)
    if not len(dataset):
        raise BadRecipe(
            "no sample is of that category and task",
            f"--category {category or 'all'} --task {task or 'all'}",
            f"See viscodex data stats {folder}.",
        )
    with Progress() as progress:
        n = export_dataset(dataset, out, format, progress=progress.update)
    typer.echo(f"{n:,} samples written: {out}")


def import_(
    path: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="Records: .json, .jsonl, .parquet.")
    ],
    out: Out,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR|ZIP", help="Pictures. Default: beside the file."),
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Of rows that do not say it: chart, html, qa, algorithm.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Of rows that do not say it.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Rows to read at most.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Bring in a data set in MCD's, LLaMA-Factory's, OpenAI's or our layout; count the bad rows."""
    _needs_data()
    from viscodex.data.importing import import_dataset
    from viscodex.types import CATEGORIES, to_json

    if not path.exists():
        raise BadRecipe("there is no such file", str(path), "Give a file or folder of records.")
    chosen: Any = category
    if category is not None and category not in CATEGORIES:
        raise BadRecipe(
            "not a category", f"--category {category}", f"Choose one of {', '.join(CATEGORIES)}."
        )
    with Progress() as progress:
        manifest = import_dataset(
            path,
            out,
            images=images,
            category=chosen,
            licence=licence,
            limit=limit,
            progress=progress.update,
        )
    typer.echo(to_json(manifest, indent=1)) if as_json else _show_import(manifest, out)
    broken = any(f.n_rejects for f in manifest.filters if f.name in ("cut_off", "damaged"))
    if broken or not manifest.n_samples:
        raise typer.Exit(1)


def _show_import(manifest: Manifest, out: Path) -> None:
    from rich.table import Table

    table = Table("rejected for", "what is asked of a row")
    table.add_column("rows", justify="right")
    for note in manifest.filters:
        if note.n_rejects:
            table.add_row(note.name, note.explain, f"{note.n_rejects:,}")
    if manifest.n_rejects:
        console().print(table)
    typer.echo(
        f"{manifest.n_samples:,} samples kept, {manifest.n_rejects:,} rejected; "
        f"hash {manifest.content}\nwritten: {out}"
    )

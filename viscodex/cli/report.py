"""viscodex report, viscodex compare.

in:  arguments
out: tables for people, pages, Markdown, LaTeX, JSON
not covered: the work (report/)
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from viscodex.cli.terminal import console, printable, say
from viscodex.errors import BadRecipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viscodex.report.compare import Comparison
    from viscodex.report.run import System
    from viscodex.report.table import Table

REPORT_EXAMPLES = """
Examples:

\b
  viscodex report runs/mine
  viscodex report runs/vlm runs/merged --html report.html
  viscodex report before=runs/vlm after=runs/merged --markdown docs/results.md --latex table.tex
  viscodex report runs/vlm runs/merged --search runs/search/lambda --markdown docs/results.md

A RUN is a folder of viscodex score or eval, or a folder of such folders: one system on several
benchmarks. NAME=RUN names the system; runs of one name are one row.
"""


def report(
    runs: Annotated[list[str], typer.Argument(metavar="[NAME=]RUN ...", help="Runs to report.")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Page with samples side by side.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="'-': stdout.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="'-': stdout.")] = None,
    search: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Searches whose sections follow in the Markdown."),
    ] = None,
    title: Annotated[str, typer.Option(help="Of the page.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="All numbers as JSON, no table.")] = False,
) -> None:
    """The paper's table of runs beside the published rows; a page with every sample."""
    from viscodex.report import page, text
    from viscodex.report.run import read_systems
    from viscodex.report.table import make_table

    systems = read_systems(runs)
    if html is not None:
        _write(html, page.report_page(systems, title))
    if markdown is not None:
        more = [word for place in search or () for word in ("--search", str(place))]
        command = shlex.join(["viscodex", "report", *runs, *more, "--markdown", str(markdown)])
        sections = [_search_section(place, markdown) for place in search or ()]
        _write(markdown, "\n".join([text.report_markdown(systems, command), *sections]))
    if latex is not None:
        _write(latex, text.report_latex(systems))
    if as_json:
        typer.echo(text.as_json(text.report_data(systems)))
    elif not {Path("-")} & {html, markdown, latex}:
        for protocol in page.protocols_of(systems):
            _show_table(make_table(systems, protocol))


COMPARE_EXAMPLES = """
Examples:

\b
  viscodex compare runs/vlm runs/merged
  viscodex compare runs/vlm runs/merged --html compare.html
  viscodex compare before=runs/vlm after=runs/merged --json

The second is held against the first, on the same items. Exit status 2 if data, renderer or protocol
differ: then a difference would not be the systems'.
"""


def compare(
    run_a: Annotated[str, typer.Argument(metavar="[NAME=]RUN_A")],
    run_b: Annotated[str, typer.Argument(metavar="[NAME=]RUN_B")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Page with the samples that changed.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="'-': stdout.")] = None,
    anyway: Annotated[
        bool, typer.Option(help="Compare what is in common though data or renderer differ.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, no table.")] = False,
) -> None:
    """Paired difference of two runs with interval and test, and the samples that changed."""
    from viscodex.report import text
    from viscodex.report.compare import compare_systems
    from viscodex.report.compare_page import compare_page

    first, second = _two(run_a, run_b)
    found = compare_systems(first, second, anyway=anyway)
    if html is not None:
        _write(html, compare_page(first, second, found))
    if markdown is not None:
        _write(markdown, "\n".join(text.comparison_markdown(one) for one in found))
    if as_json:
        typer.echo(text.as_json([text.comparison_data(one) for one in found]))
    elif not {Path("-")} & {html, markdown}:
        for one in found:
            _show_comparison(one)


def _two(run_a: str, run_b: str) -> tuple[System, System]:
    """Both systems; told apart where they are called alike."""
    from viscodex.report.run import read_systems

    if run_a == run_b:
        raise BadRecipe("a run cannot be compared with itself", run_a, "Give two runs.")
    (first,), (second,) = read_systems([run_a]), read_systems([run_b])
    if first.name != second.name:
        return first, second
    one, other = (_place(word) for word in (run_a, run_b))
    name = first.name.replace("=", "-")
    (first,), (second,) = read_systems([f"{name} (a)={one}"]), read_systems([f"{name} (b)={other}"])
    return first, second


def _search_section(place: Path, markdown: Path) -> str:
    """The section that a search wrote, its curve found from the document's folder."""
    from viscodex.errors import BadInput

    try:
        text = (place / "search.md").read_text("utf-8")
    except OSError as error:
        raise BadInput(
            "there is no finished search in it", str(place), "Give the folder of viscodex search."
        ) from error
    curve = Path(os.path.relpath(place / "curve.svg", markdown.parent)).as_posix()
    return text.replace("](curve.svg)", f"]({curve})")


def _place(word: str) -> str:
    return word if Path(word).exists() else word.partition("=")[2]


def _write(file: Path, text: str) -> None:
    from viscodex.files import write_atomically

    if file == Path("-"):
        sys.stdout.write(text)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text)
    say(f"written: {file}")


# --- tables ---------------------------------------------------------------------------------------


def _show_table(table: Table) -> None:
    from rich.table import Table as Grid

    from viscodex.report.compare import points
    from viscodex.report.page import cell_notes, table_note

    grid = Grid(title=f"percent, protocol {table.protocol}", title_justify="left")
    grid.add_column("")
    for column in table.columns:
        grid.add_column(column.title, justify="right")
    if table.has_average:  # a single column is its own
        average = "average" if table.is_whole else f"average of {len(table.averaged)}"
        grid.add_column(average, justify="right")
    for line in table.lines:
        cells = []
        for column in table.columns:
            cell = line.cells.get(column.key)
            cells.append("-" if cell is None else "\n".join([points(cell.all), *cell_notes(cell)]))
        mean = [points(line.average)] * table.has_average
        grid.add_row(printable(line.name), *cells, *mean, end_section=line is table.lines[-1])
    for row in table.published:
        cells = [f"{row.values[c.key]:.1f}" if c.key in row.values else "" for c in table.columns]
        grid.add_row(
            f"{row.name}, published", *cells, *[points(row.average / 100)] * table.has_average
        )
    terminal = console()
    terminal.print(grid)
    terminal.print(table_note(table), markup=False, highlight=False)


def _show_comparison(one: Comparison) -> None:
    from rich.table import Table as Grid

    from viscodex.report.compare import p_text, points, reasons, verdict

    terminal = console()
    terminal.print(f"{one.task}, protocol {one.protocol}", markup=False, highlight=False)
    terminal.print(f"{printable(verdict(one))}.", markup=False, highlight=False, style="bold")
    grid = Grid("metric", "items", printable(one.a), printable(one.b), "difference", "95 % interval", "test", "better / equal / worse")  # fmt: skip
    for name, pair in one.metrics.items():
        grid.add_row(
            name, str(pair.n), points(pair.a), points(pair.b), points(pair.difference, sign=True),
            f"{points(pair.low, sign=True)} to {points(pair.high, sign=True)}", p_text(pair.p),
            f"{pair.wins} / {pair.ties} / {pair.losses}",
        )  # fmt: skip
    terminal.print(grid)
    _print_all("why", reasons(one))
    _print_all("code", [one.code] if one.code else [])
    _print_all("caution", one.cautions)
    changed = [change for change in one.changes if abs(change.difference) > 1e-9][:5]
    _print_all("changed most", [f"{c.id} {points(c.difference, sign=True)}" for c in changed])


def _print_all(label: str, lines: Sequence[str]) -> None:
    for line in lines:
        console().print(f"{label}: {printable(line)}", markup=False, highlight=False)

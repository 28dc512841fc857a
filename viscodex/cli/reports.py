"""What viscodex score and viscodex eval share: the benchmark that is read, the reports that are told.

in:  a task and where its data are; reports
out: a Benchmark; tables on the terminal, or JSON
not covered: scoring (tasks/), options of judges (judging.py)
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from viscodex.cli.judging import show_judging
from viscodex.cli.terminal import console, printable, say
from viscodex.errors import BadRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viscodex.tasks.task import Benchmark, ProtocolName, Task
    from viscodex.types import Mean, Report


def read_benchmark(of: Task, data: Path | None, split: str, limit: int | None) -> Benchmark:
    """The benchmark as published, or built in; its first items with a limit. Says what is not whole.

    Raises:
        BadRecipe: no data were given, and none are built in.
    """
    from dataclasses import replace

    place = data or getattr(of, "built_in", None)
    if place is None:
        raise BadRecipe(
            "the data of this benchmark are not here",
            of.name,
            "Give the folder or file as it was published with --data; docs/evaluation.md says\n"
            "where each is found.",
        )
    benchmark = of.read(place, split)
    if limit is not None:
        settings = {**benchmark.settings, "limit": limit}
        benchmark = replace(benchmark, items=benchmark.items[:limit], settings=settings)
    for note in benchmark.notes:
        say(f"not whole: {note}")
    return benchmark


def tell_reports(reports: Mapping[ProtocolName, Report], written: str, *, as_json: bool) -> None:
    """The reports of all protocols: tables and where they were written, or JSON alone."""
    import json
    from dataclasses import replace

    from viscodex.types import to_json

    if as_json:
        told = {name: json.loads(to_json(replace(r, rows=()))) for name, r in reports.items()}
        typer.echo(json.dumps(told, indent=1))
        return
    for each in reports.values():
        show_report(each)
    say(written)


def show_report(report: Report) -> None:
    """The report for a person: both denominators, intervals, problems by kind."""
    from rich.table import Table

    title = f"{report.task}, protocol {report.protocol}: {report.n_answered} of {report.n} items answered"
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    for column in (f"of all {report.n}", "of the scored", "95 % interval", "scored"):
        table.add_column(column, justify="right")
    for name in _order(report):
        mean = report.metrics[name]
        table.add_row(name, *_cells(mean))
    console().print(table)
    if no_filter := report.totals.get("no_filter"):
        told = ", ".join(f"{name} {value:.2f}" for name, value in no_filter.items())
        console().print(
            f"crashed answers keep partial credit (no_filter), of all {report.n}: {told}"
        )
    for kind, table_ in (("overall", report.totals.get("overall")),):
        if table_:
            console().print(
                f"{kind}: {table_['score']:.2f} ± {table_['std']:.2f} points of {table_['full']:.2f}"
            )
    show_judging(report)
    _show_groups(report)
    for what, counted in (
        ("answers", report.problems),
        ("executions", report.statuses),
        ("unscored", report.unscored),
    ):
        if counted:
            told = ", ".join(f"{printable(name)} {n}" for name, n in counted.items())
            console().print(f"{what}: {told}")


def _order(report: Report) -> list[str]:
    """Headline first; precision, recall and what is told elsewhere left out."""
    shown = [name for name in report.headline if name in report.metrics]
    hidden = ("_precision", "_recall", "_no_filter")
    return shown + [n for n in report.metrics if n not in shown and not n.endswith(hidden)]


def _cells(mean: Mean) -> list[str]:
    if not mean.n_scored:  # nothing measured it: no weights of CLIP, no judge
        return ["-", "-", "", "0"]
    interval = "" if math.isnan(mean.low) else f"{100 * mean.low:.2f} .. {100 * mean.high:.2f}"
    values = ["-" if math.isnan(v) else f"{100 * v:.2f}" for v in (mean.all, mean.scored)]
    return [*values, interval, str(mean.n_scored)]


def _show_groups(report: Report) -> None:
    for kind, groups in report.groups.items():
        if len(groups) > 1:
            console().print(_group_table(kind, groups, report.headline))


def _group_table(
    kind: str, groups: Mapping[str, Mapping[str, Mean]], headline: tuple[str, ...]
) -> Any:
    from rich.table import Table

    table = Table(title=f"by {kind}, of all", title_justify="left")
    table.add_column(kind)
    for name in headline:
        table.add_column(name, justify="right")
    for group, means in groups.items():
        cells = [
            f"{100 * means[n].all:.2f}" if n in means and means[n].n_scored else "-"
            for n in headline
        ]
        table.add_row(printable(group), *cells)
    return table

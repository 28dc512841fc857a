"""viscodex score: recorded answers of any system on a benchmark.

in:  arguments
out: a run folder; a table, or with --json the reports
not covered: the work (tasks/); asking a model (viscodex eval)
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.judging import price_teller, scorer_options, show_judging
from viscodex.cli.terminal import Progress, console, printable, say
from viscodex.errors import BadInput, BadRecipe, RunStopped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viscodex.types import Mean, Report

SCORE_EXAMPLES = """
Examples:

\b
  viscodex score chartmimic --data dataset-iclr/direct_600 --answers answers.jsonl -o runs/mine
  viscodex score mmcode --data mmcode_test.jsonl.gz --answers answers.jsonl -o runs/mine
  viscodex score infibench --data suite_v2.1.yaml --answers answers.jsonl --protocol paper -o runs/mine
  viscodex score chartmimic --data direct_600 --answers a.jsonl -o RUN --judge openai/gpt-4o --judge-price 2.5,10

Each line of the answers: {"id": "...", "answer": "..."}. Lines with the same id are further answers.
A run that was interrupted, or stopped by --judge-budget, goes on where it ended. Exit status: 1 if
answers could not be scored, or the run was stopped.
"""


def score(
    task_name: Annotated[
        str,
        typer.Argument(metavar="TASK", help="chartmimic, mmcode, infibench, infibench_v, ..."),
    ],
    answers: Annotated[Path, typer.Option(metavar="FILE", help="Recorded answers, JSON lines.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", help="Folder of the run.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The benchmark as it was published.")
    ] = None,
    split: Annotated[str, typer.Option(help="One of several subsets or suites.")] = "",
    protocol: Annotated[str, typer.Option(help="paper, strict or both.")] = "both",
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N items.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Answers at once.")] = None,
    pictures: Annotated[bool, typer.Option(help="Keep what answers drew in RUN/pictures.")] = True,
    allow_unsafe: Annotated[
        bool, typer.Option(help="Run even where only resource limits confine the code.")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="M",
            help="openai/NAME@URL, package.module:name or recorded/FILE; marks answers.",
        ),
    ] = None,
    judge_price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Price of a million tokens of the judge.")
    ] = None,
    judge_budget: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Stop before the judge costs more.")
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option(metavar="M", help="CLIP ViT-B/32: folder or hub name (design2code)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The reports as JSON, no table.")] = False,
) -> None:
    """Score recorded answers of any system on a benchmark."""
    import json
    from dataclasses import replace

    from viscodex.tasks.answers import read_answers
    from viscodex.tasks.run import score_answers, unknown_ids
    from viscodex.tasks.task import protocols_of, task
    from viscodex.types import to_json

    benchmark_task = task(task_name)
    protocols = protocols_of(benchmark_task, protocol)
    data = data or getattr(benchmark_task, "built_in", None)
    if data is None:
        raise BadRecipe(
            "the data of this benchmark are not here",
            task_name,
            "Give the folder or file as it was published with --data; docs/evaluation.md says\n"
            "where each is found.",
        )
    benchmark = benchmark_task.read(data, split)
    if limit is not None:
        benchmark = replace(
            benchmark,
            items=benchmark.items[:limit],
            settings={**benchmark.settings, "limit": limit},
        )
    options = scorer_options(
        benchmark_task, out, judge=judge, price=judge_price, budget=judge_budget, clip=clip
    )
    found = read_answers(answers)
    _check_ids(unknown_ids(benchmark, found), len(found), benchmark.items[0].id, limit)
    for note in benchmark.notes:
        say(f"not whole: {note}")
    try:
        with Progress() as progress:
            reports = score_answers(
                benchmark_task,
                benchmark,
                found,
                out,
                protocols=protocols,
                workers=workers,
                pictures=pictures,
                settings={"answers": answers.name},
                progress=progress.update,
                before=price_teller(benchmark_task, options.get("judge")),
                allow_unsafe=allow_unsafe,
                **options,
            )
    except RunStopped as error:
        say(str(error))
        raise typer.Exit(1) from None
    if as_json:
        told = {name: json.loads(to_json(replace(r, rows=()))) for name, r in reports.items()}
        typer.echo(json.dumps(told, indent=1))
    else:
        for each in reports.values():
            show_report(each)
        say(f"scores and report: {out}")
    if any(each.unscored for each in reports.values()):
        raise typer.Exit(1)


def _check_ids(unknown: list[str], n: int, example: str, limit: int | None) -> None:
    if unknown and len(unknown) == n:
        raise BadInput(
            "no answer belongs to an item of this benchmark",
            f"answers to {', '.join(unknown[:3])}, ...; items are called {example}, ...",
            "Use the ids of the benchmark, or check --data and --split.",
        )
    if unknown and limit is None:
        shown = printable(", ".join(unknown[:3]))
        say(f"{len(unknown)} answers belong to no item and are left out: {shown}, ...")


# --- tables ---------------------------------------------------------------------------------------


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

"""viscodex score: recorded answers of any system on a benchmark.

in:  arguments
out: a run folder; a table, or with --json the reports
not covered: the work (tasks/); asking a model (viscodex eval)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from viscodex.cli import options
from viscodex.cli.judging import price_teller, scorer_options
from viscodex.cli.reports import read_benchmark, tell_reports
from viscodex.cli.terminal import Progress, printable, say
from viscodex.errors import BadInput, RunStopped

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
    out: options.Run,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The benchmark as it was published.")
    ] = None,
    split: options.Split = "",
    protocol: options.Protocol = "both",
    limit: options.Limit = None,
    workers: options.Workers = None,
    pictures: options.Pictures = True,
    allow_unsafe: options.AllowUnsafe = False,
    judge: options.Judge = None,
    judge_price: options.JudgePrice = None,
    judge_budget: options.JudgeBudget = None,
    clip: options.Clip = None,
    as_json: options.AsJson = False,
) -> None:
    """Score recorded answers of any system on a benchmark."""
    from viscodex.tasks.answers import read_answers
    from viscodex.tasks.run import score_answers, unknown_ids
    from viscodex.tasks.task import protocols_of, task

    benchmark_task = task(task_name)
    protocols = protocols_of(benchmark_task, protocol)
    benchmark = read_benchmark(benchmark_task, data, split, limit)
    scoring = scorer_options(
        benchmark_task, out, judge=judge, price=judge_price, budget=judge_budget, clip=clip
    )
    found = read_answers(answers)
    _check_ids(unknown_ids(benchmark, found), len(found), benchmark.items[0].id, limit)
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
                before=price_teller(benchmark_task, scoring.get("judge")),
                allow_unsafe=allow_unsafe,
                **scoring,
            )
    except RunStopped as error:
        say(str(error))
        raise typer.Exit(1) from None
    tell_reports(reports, f"scores and report: {out}", as_json=as_json)
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

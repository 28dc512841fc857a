"""viscodex eval: a model on a benchmark - asked, executed, scored, summed up.

in:  arguments
out: a run folder, or with --robustness a folder of them; a table, or with --json the reports
not covered: the work (evaluate/, tasks/); answers that are there already (viscodex score)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli import options
from viscodex.cli.judging import price_teller, scorer_options
from viscodex.cli.reports import read_benchmark, tell_reports
from viscodex.cli.terminal import Progress, say
from viscodex.errors import BadRecipe, RunStopped

if TYPE_CHECKING:
    from viscodex.evaluate.run import Outcome, Plan
    from viscodex.evaluate.system import System
    from viscodex.tasks.task import Benchmark, Task

EVAL_EXAMPLES = """
Examples:

\b
  viscodex eval chartmimic --model nano --data dataset-iclr --split direct_600 -o runs/nano
  viscodex eval mmcode --model ./merged --data mmcode_test.jsonl.gz --epochs 5 --temperature 0.8 -o runs/merged
  viscodex eval design2code --model openai/Qwen2.5-VL-7B@http://localhost:8000/v1 --data testset_final -o runs/vllm
  viscodex eval infibench_v --model openai/gpt-4o --data suite --price 2.5,10 --cost-limit 5 -o RUN
  viscodex eval chartmimic --model nano --data direct_600 --limit 50 --robustness -o runs/robust
  viscodex eval retention --model ./merged -o runs/kept

M is nano, a checkpoint directory, a hub name, openai/NAME@URL, replay/FILE.jsonl, or inspect/PROVIDER/NAME
for any provider of inspect_ai. The same command again goes on where a run ended; nothing is asked or
executed twice. Exit status: 1 if answers are missing or could not be scored, or a limit stopped the run.
"""


def evaluate(
    task_name: Annotated[
        str,
        typer.Argument(metavar="TASK", help="chartmimic, design2code, mmcode, infibench_v, ..."),
    ],
    out: options.Run,
    model: Annotated[str, typer.Option(metavar="M", help="What is evaluated.")] = "nano",
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The benchmark as published; of lm_eval: own tasks."),
    ] = None,
    split: options.Split = "",
    protocol: options.Protocol = "both",
    limit: options.Limit = None,
    epochs: Annotated[int, typer.Option(min=1, help="Answers to each question.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Share of probability that is drawn from.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an answer.")] = 2048,
    seed: Annotated[int, typer.Option(help="Of the first answer; further ones count up.")] = 0,
    time_limit: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="Ask for no more than S seconds.")
    ] = None,
    token_limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tokens of the run, in and out.")
    ] = None,
    cost_limit: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Money of the run; needs --price.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Of a million tokens of the model.")
    ] = None,
    perturb: Annotated[
        str | None, typer.Option(metavar="KIND:S", help="Disturb the pictures, such as blur:2.")
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="All disturbances of pictures, as curves and a page."),
    ] = False,
    kinds: Annotated[str, typer.Option(help="Of --robustness: blur,jpeg,...; all if empty.")] = "",
    severities: Annotated[str, typer.Option(help="Of --robustness, 1 to 5.")] = "1,3,5",
    batch: Annotated[
        int | None, typer.Option(min=1, help="Prompts of a local model at once.")
    ] = None,
    connections: Annotated[
        int | None, typer.Option(min=1, help="Requests to an endpoint at once.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", min=0.001, help="Of one request.")
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(min=0, help="Of a request that failed; then it is a missing answer."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="Of a local model: cpu, cuda, ...")] = None,
    dtype: Annotated[str | None, typer.Option(help="Of a local model.")] = None,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Of a picture that a local model sees.")
    ] = None,
    workers: options.Workers = None,
    pictures: options.Pictures = True,
    allow_unsafe: options.AllowUnsafe = False,
    judge: options.Judge = None,
    judge_price: options.JudgePrice = None,
    judge_budget: options.JudgeBudget = None,
    clip: options.Clip = None,
    as_json: options.AsJson = False,
) -> None:
    """Evaluate a model on a benchmark."""
    if task_name.partition("/")[0] in ("lm_eval", "lmms_eval"):
        _harness(task_name, model, out, data, limit, batch, device, as_json)
        return
    from viscodex.evaluate.limits import Limits
    from viscodex.evaluate.perturb import perturbation
    from viscodex.evaluate.run import Plan
    from viscodex.evaluate.system import open_system
    from viscodex.models.model import Decoding
    from viscodex.tasks.judge_cost import read_price
    from viscodex.tasks.task import protocols_of, task

    if robustness and perturb is not None:
        raise BadRecipe(
            "one disturbance, or all of them", "--perturb with --robustness",
            "Leave one out; --kinds and --severities choose among all.",
        )  # fmt: skip
    of = task(task_name)
    protocols = protocols_of(of, protocol)
    benchmark = read_benchmark(of, data, split, limit)
    paid = None if price is None else read_price(price)
    plan = Plan(
        Decoding(max_tokens, temperature, top_p, seed),
        epochs,
        Limits(time_limit, token_limit, cost_limit, paid),
        None if perturb is None else perturbation(perturb),
    )
    scoring = scorer_options(
        of, out, judge=judge, price=judge_price, budget=judge_budget, clip=clip
    )
    scoring |= {
        "protocols": protocols, "workers": workers, "pictures": pictures,
        "allow_unsafe": allow_unsafe, "before": price_teller(of, scoring.get("judge")),
        "about": {"data": str(data or ""), "split": split, "limit": limit},
    }  # fmt: skip
    opening = {
        "device": device, "dtype": dtype, "batch": batch, "max_pixels": max_pixels,
        "workers": connections, "timeout_s": timeout, "max_retries": retries,
    }  # fmt: skip
    try:
        with open_system(model, **opening) as system:
            if robustness:
                _curves(of, benchmark, system, out, plan, scoring, kinds, severities, as_json)
            else:
                outcome = _run(of, benchmark, system, out, plan, scoring)
                _finish(outcome, out, as_json)
    except RunStopped as error:
        say(str(error))
        raise typer.Exit(1) from None


def _run(
    of: Task, benchmark: Benchmark, system: System, out: Path, plan: Plan, scoring: dict[str, Any]
) -> Outcome:
    from viscodex.evaluate.run import evaluate as run

    with Progress() as progress:
        return run(of, benchmark, system, out, plan, progress=progress.update, **scoring)


def _finish(outcome: Outcome, out: Path, as_json: bool) -> None:
    """Tell what came out."""
    reports = outcome.reports
    tell_reports(reports, f"answers, scores and report: {out}", as_json=as_json)
    if outcome.stopped:
        say(f"stopped: {outcome.stopped} is reached; the same command with a higher one goes on")
    if outcome.stopped or any(each.unscored for each in reports.values()):
        raise typer.Exit(1)


def _curves(
    of: Task,
    benchmark: Benchmark,
    system: System,
    out: Path,
    plan: Plan,
    scoring: dict[str, Any],
    kinds: str,
    severities: str,
    as_json: bool,
) -> None:
    """Run every point; write the curves, as pictures and as a page."""
    import json

    from viscodex.evaluate.robustness import PAGE, RESULT, measure, points_of
    from viscodex.files import write_atomically
    from viscodex.plots import robustness_plot
    from viscodex.report.robustness_page import robustness_page

    if not any(item.images for item in benchmark.items):
        raise BadRecipe("these questions have no pictures", of.name, "Leave --robustness out.")

    def run(place: Path, point: Plan) -> Outcome:
        return _run(of, benchmark, system, place, point, scoring)

    found = measure(run, out, plan, points_of(kinds, severities), say)
    for protocol in found["protocols"]:
        write_atomically(out / f"robustness-{protocol}.svg", robustness_plot(found, protocol))
    write_atomically(out / PAGE, robustness_page(out, found))
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        _show_curves(found)
        say(f"curves: {out / PAGE}, {out / RESULT}, {out}/robustness-*.svg")
    if found["stopped"]:
        say(f"stopped: {found['stopped']} is reached; the same command with a higher one goes on")
        raise typer.Exit(1)


def _show_curves(found: dict[str, Any]) -> None:
    """A row for each kind, a column for each severity: the main metric, of all items."""
    from rich.table import Table

    from viscodex.cli.terminal import console

    for protocol, told in found["protocols"].items():
        metric = told["metric"]
        plain = told["plain"].get(metric, {}).get("all")
        shown = "-" if plain is None else f"{100 * plain:.2f}"
        title = f"{told['task']}, protocol {protocol}: {metric} of all {told['n']}, plain {shown}"
        table = Table(title=title, title_justify="left")
        table.add_column("pictures under")
        steps = [point["severity"] for point in next(iter(told["curves"].values()), [])]
        for step in steps:
            table.add_column(f"severity {step}", justify="right")
        for kind, curve in told["curves"].items():
            values = [point["means"].get(metric, {}).get("all") for point in curve]
            table.add_row(kind, *("-" if v is None else f"{100 * v:.2f}" for v in values))
        console().print(table)


def _harness(
    name: str,
    model: str,
    out: Path,
    tasks_in: Path | None,
    limit: int | None,
    batch: int | None,
    device: str | None,
    as_json: bool,
) -> None:
    """A task of lm-eval or lmms-eval."""
    import json

    from viscodex.evaluate.harness import run_harness

    found = run_harness(
        name, model, out, tasks_in=tasks_in, limit=limit, batch=batch, device=device
    )
    if as_json:
        typer.echo(json.dumps(found, indent=1, default=str))
    else:
        for task, values in found.get("results", {}).items():
            told = ", ".join(f"{k} {v:.4f}" for k, v in values.items() if isinstance(v, float))
            typer.echo(f"{task}: {told}")
        say(f"results: {out}")

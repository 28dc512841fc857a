"""viscodex train.

in:  a recipe, overrides
out: progress on stderr, the report on stdout; what the model writes is run in the sandbox
not covered: the work (train/)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.terminal import Progress, console, say
from viscodex.errors import BadRecipe, MissingPart

if TYPE_CHECKING:
    from viscodex.train.parts import PartRow
    from viscodex.train.recipe import TrainRecipe
    from viscodex.train.samples import Written
    from viscodex.train.trainer import Measured
    from viscodex.types import Execution

TRAIN_EXAMPLES = """
Examples:

\b
  viscodex train recipes/paper/8b_merge_sft.yaml
  viscodex train recipes/paper/8b_lora.yaml lr=2e-4 lora.rank=32 out=runs/lora-32
  accelerate launch --config_file recipes/train/accelerate/fsdp2.yaml -m viscodex train RECIPE.yaml
  viscodex train RECIPE.yaml --export runs/mine/checkpoint-000500 -o model-at-500

The same command goes on where a killed run stopped.
"""


def train(
    recipe: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE.yaml [KEY=VALUE]...", help="Recipe and overrides."),
    ],
    export: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINT", help="Make a model of a checkpoint of this recipe."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where --export writes.")
    ] = None,
    run_samples: Annotated[
        bool, typer.Option(help="Run the code that the model writes, in the sandbox.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Fine-tune a checkpoint by a recipe, or pre-train a language model."""
    checked = _recipe(recipe)
    if (export is None) != (out is None):
        raise BadRecipe(
            "--export and -o go together",
            f"--export {export}, -o {out}",
            "A run writes to the recipe's out: give out=DIR.",
        )
    _quiet()
    if export is not None and out is not None:
        from viscodex.train.run import export_checkpoint

        export_checkpoint(checked, export, out)
        typer.echo(f"written: {out}")
        return
    from viscodex.train.run import train
    from viscodex.train.watch import Show
    from viscodex.types import to_json

    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(Progress())
        wanted = checked.sample_every is not None and run_samples and _is_main()
        execute = _executor(stack) if wanted else None
        lines = StepLines(checked.log_every)
        show = Show(say, progress.update, _show_parts, lines.step) if _is_main() else Show()
        report = train(checked, execute=execute, show=show)
    if not _is_main():
        return
    if as_json:
        typer.echo(to_json(report, indent=1))
        return
    loss = "" if report.loss is None else f", loss {report.loss:.4f}"
    tested = "" if report.eval_loss is None else f", evaluation {report.eval_loss:.4f}"
    typer.echo(
        f"{report.steps:,} steps, {report.n_samples:,} samples ({report.n_rejected:,} rejected), "
        f"{report.n_answer_tokens:,} answer tokens{loss}{tested}\nwritten: {report.model}"
    )


def _recipe(words: Sequence[str]) -> TrainRecipe:
    from viscodex.recipe import read_recipe
    from viscodex.train.recipe import TrainRecipe

    files = [word for word in words if "=" not in word]
    if len(files) != 1:
        raise BadRecipe(
            "one recipe at a time",
            " ".join(words),
            "viscodex train RECIPE.yaml [key=value ...]",
        )
    return read_recipe(TrainRecipe, Path(files[0]), [word for word in words if "=" in word])


def _is_main() -> bool:
    import os

    return os.environ.get("RANK", "0") == "0"


def _quiet() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def _show_parts(rows: Sequence[PartRow]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name, side in (
        ("part", "left"),
        ("parameters", "right"),
        ("learns", "right"),
        ("lr", "right"),
        ("", "left"),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for row in rows:
        share = 100 * row.learns / max(row.parameters, 1)
        learns = "no" if not row.learns else f"{row.learns:,} ({share:.3g} %)"
        rate = "" if row.lr is None else f"{row.lr:g}"
        table.add_row(row.part, f"{row.parameters:,}", learns, rate, row.note)
    terminal: Any = console()
    terminal.stderr = True
    terminal.print(table)


class StepLines:
    """A line per `every` steps: loss, speed, time left."""

    def __init__(self, every: int) -> None:
        self._every, self._seconds, self._tokens, self._n = every, 0.0, 0, 0

    def step(self, step: Measured, n_steps: int) -> None:
        """Tell of a step, where its turn has come."""
        self._seconds += step.seconds
        self._tokens += step.n_tokens
        self._n += 1
        if step.step % self._every and step.step != n_steps:
            return
        left = (n_steps - step.step) * self._seconds / self._n
        say(
            f"step {step.step:,}/{n_steps:,}  epoch {step.epoch:.2f}  loss {step.loss:.4f}  "
            f"lr {step.lr:.2e}  norm {step.grad_norm:.2f}  "
            f"{self._tokens / max(self._seconds, 1e-9):,.0f} tokens/s  {_time(left)} left"
        )
        if step.rejected:
            say(f"  {len(step.rejected)} samples could not be read: see rejects.jsonl")
        if self._n >= 50:  # the speed of late, not of the whole run
            self._seconds, self._tokens, self._n = 0.0, 0, 0


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _executor(
    stack: contextlib.ExitStack,
) -> Callable[[Sequence[Written]], list[Execution | None]] | None:
    """Runs charts and pages among the answers; pools start when they are first needed."""
    from viscodex.execute.chart import ChartPool
    from viscodex.execute.page import PagePool
    from viscodex.text import read_answer
    from viscodex.types import Completion

    pools: dict[str, Any] = {}

    def one(written: Written) -> Execution | None:
        sample = written.sample
        if sample.category not in ("chart", "html") or sample.task != "code":
            return None
        language = "html" if sample.category == "html" else "python"
        reason = "stop" if written.is_finished else "length"
        answer = read_answer(sample.id, Completion(written.text, reason), language)
        if sample.category not in pools:
            pool = PagePool(1) if language == "html" else ChartPool(workers=1)
            pools[sample.category] = stack.enter_context(pool)
        pool = pools[sample.category]
        return pool.render(answer.code) if language == "html" else pool.run(answer.code)  # type: ignore[no-any-return]

    def execute(written: Sequence[Written]) -> list[Execution | None]:
        try:
            return [one(each) for each in written]
        except MissingPart as error:
            say(f"samples are shown without running them:\n{error}")
            return [None] * len(written)

    return execute

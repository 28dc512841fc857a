"""Options of viscodex score that only some benchmarks have: the judge and its price, CLIP.

in:  option values
out: arguments of a scorer; what judging will cost, told before; what became of it, told after
not covered: judging (tasks/judge.py)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viscodex.cli.terminal import console, printable, say
from viscodex.errors import BadRecipe

if TYPE_CHECKING:
    from viscodex.tasks.judge import FunctionJudge, ModelJudge, RecordedJudge
    from viscodex.tasks.task import Item, Task
    from viscodex.types import Answer, Report


def scorer_options(
    task: Task,
    out: Path,
    *,
    judge: str | None,
    price: str | None,
    budget: float | None,
    clip: str | None,
) -> dict[str, Any]:
    """What the scorer of a task is given beside the usual.

    Raises:
        BadRecipe: the benchmark has no use for an option, or an option makes no sense.
    """
    for name, value in (("judge", judge), ("clip", clip)):
        if value is not None and name not in getattr(task, "options", ()):
            raise BadRecipe(
                f"this benchmark has no use for --{name}", task.name, "Leave the option out."
            )
    if judge is None:
        if price is not None or budget is not None:
            raise BadRecipe(
                "a price or budget is given, but no judge",
                task.name,
                "Add --judge openai/NAME@URL.",
            )
        return {"clip": clip} if clip is not None else {}
    from viscodex.tasks.judge import judge_of
    from viscodex.tasks.judge_cost import read_price

    chosen = judge_of(
        judge,
        record=out / "judge.jsonl",
        price=None if price is None else read_price(price),
        budget=budget,
    )
    return {"judge": chosen}


def price_teller(
    task: Task, judge: ModelJudge | FunctionJudge | RecordedJudge | None
) -> Callable[[Sequence[tuple[Item, Answer]]], None]:
    """A function that says what judging the answers that are left will cost."""

    def tell(left: Sequence[tuple[Item, Answer]]) -> None:
        from viscodex.tasks.judge import ModelJudge
        from viscodex.tasks.judge_cost import total

        ask = getattr(task, "question", None)
        if not isinstance(judge, ModelJudge) or ask is None:
            return
        purse = judge.purse
        estimate = total(ask(item, answer) for item, answer in left)
        say(f"judge {printable(judge.endpoint.model)}: {estimate.told(purse.price)}")
        if purse.budget is not None:
            say(f"budget {purse.budget:g}, {purse.spent:.4f} of it spent; the run stops there")

    return tell


def show_judging(report: Report) -> None:
    """How many marks there are, and how they go with the rules."""
    judging = report.totals.get("judge")
    if not judging:
        return
    counts = {name: n for name, n in judging.items() if name != "agreement"}
    told = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items())
    console().print(f"judge: {told}")
    for name, found in judging["agreement"].items():
        values = [
            "-" if found[kind] is None else f"{found[kind]:.3f}" for kind in ("pearson", "spearman")
        ]
        console().print(
            f"judge with {name}, {found['n']} answers: Pearson {values[0]}, Spearman {values[1]}"
        )

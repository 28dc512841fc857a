"""Evaluating a model on a benchmark: ask, execute and score, sum up - each resumes by itself.

in:  a benchmark, a system
out: a run folder as `viscodex score` makes it, with answers.jsonl; the reports
not covered: asking (asking.py), scoring (tasks/run.py), pages for people (report)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viscodex.evaluate.asking import Asking, check_epochs
from viscodex.evaluate.inspect_tasks import prompt_of
from viscodex.evaluate.limits import Limits
from viscodex.evaluate.perplexity import code_perplexity
from viscodex.evaluate.perturb import Perturbation, perturbed_prompt
from viscodex.evaluate.system import System
from viscodex.models.model import Decoding, Prompt, decoding_facts
from viscodex.tasks.folder import RunFolder
from viscodex.tasks.retention import Retention
from viscodex.tasks.run import Progress, identity_of, score_answers
from viscodex.tasks.task import Benchmark, Item, ProtocolName, Task
from viscodex.types import Report


@dataclass(frozen=True, slots=True)
class Plan:
    """How a benchmark is asked."""

    decoding: Decoding = field(default_factory=Decoding)
    epochs: int = 1  # answers to each question
    limits: Limits = field(default_factory=Limits)
    perturb: Perturbation | None = None  # of the pictures that the model sees


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    reports: dict[ProtocolName, Report]
    stopped: str  # the limit that was reached before all was asked; empty: none


def _facts(decoding: Decoding) -> dict[str, Any]:
    """A Decoding without the number of answers, which attempts count."""
    return {name: value for name, value in decoding_facts(decoding).items() if name != "n"}


def evaluate(
    task: Task,
    benchmark: Benchmark,
    system: System,
    place: Path,
    plan: Plan,
    *,
    protocols: Sequence[ProtocolName] = ("paper", "strict"),
    about: Mapping[str, Any] | None = None,
    progress: Progress = lambda phase, done, total: None,
    **scoring: Any,
) -> Outcome:
    """Ask all questions, score all answers, sum up; goes on where an earlier session ended.

    Args:
        place: of the run folder.
        about: what else run.json shall say.
        scoring: further arguments of score_answers: workers, pictures, before, judge, ...

    Raises:
        OutputRefused: the place has something else, or a run of another model.
        BadRecipe: a plan that cannot be meant.
        ViscodexError: no question can be answered, or no answer scored; the run can go on.
    """
    check_epochs(system, plan.decoding, plan.epochs)
    condition = str(plan.perturb) if plan.perturb else None
    identity = {
        "model": system.identity, "decoding": _facts(plan.decoding), "condition": condition,
    }  # fmt: skip
    told = {"system": system.name, "epochs": plan.epochs, **(about or {})}
    folder = RunFolder(place)
    folder.open(identity_of(benchmark, protocols, scoring.get("judge"), identity), told)
    question: Callable[[Item], Prompt] = prompt_of
    if plan.perturb:
        question = perturbed_prompt(plan.perturb, place, keep=scoring.get("pictures", True))
    asking = Asking(benchmark.items, folder, system, plan.decoding, question, plan.epochs, progress)
    asking.run(plan.limits)
    asked = asking.finish()
    settings = {
        **identity,
        "model": {"name": system.name, **system.identity},
        "epochs": plan.epochs,
        "stopped": asked.stopped,
    }
    if isinstance(task, Retention):
        settings["code"] = code_perplexity(system, benchmark, place)
    reports = score_answers(
        task,
        benchmark,
        asked.answers,
        place,
        protocols=protocols,
        settings=settings,
        identity=identity,
        about=told,
        progress=progress,
        **scoring,
    )
    return Outcome(reports, asked.stopped)

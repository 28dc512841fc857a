"""The benchmarks as tasks of inspect_ai: `inspect eval viscodex/chartmimic --model ... -T data=DIR`.

in:  the benchmark as it was published
out: a Task: the items with their pictures, a scorer that runs and scores each answer
not covered: the run folder that `viscodex eval` keeps (run.py)

A picture is read when its sample begins and is let go when it ends. Of several answers to a question
(--epochs) each is scored by itself; inspect_ai's reducers (mean, pass_at_1, ...) make one of them.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from viscodex import __version__
from viscodex.errors import BadRecipe
from viscodex.evaluate.messages import chat_from_prompt, completion_from_output
from viscodex.models.model import Decoding, Prompt
from viscodex.tasks import task as tasks
from viscodex.tasks.run import score_one
from viscodex.tasks.task import Benchmark, Item, ProtocolName, protocols_of
from viscodex.text import read_answer


def prompt_of(item: Item) -> Prompt:
    """The question of an item, its pictures read.

    Raises:
        OSError: a picture cannot be read.
    """
    return Prompt(item.prompt, tuple(picture.read() for picture in item.images), item.id)


@solver
def ask(items: Sequence[Item]) -> Solver:
    """Ask the question of an item; epochs are further attempts, with further seeds."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        prompt = prompt_of(items[state.metadata["number"]])
        attempt = state.epoch - 1
        state.messages = chat_from_prompt(prompt, attempt)
        return await generate(state, seed=attempt)

    return solve


@scorer(metrics={"*": [mean(), stderr()]}, name="viscodex")
def run_and_score(
    of: tasks.Task, benchmark: Benchmark, protocol: ProtocolName, how: dict[str, Any]
) -> Scorer:
    """The headline of a benchmark for each answer; NaN where it cannot be scored, with the reason."""
    held = _Held(of, benchmark, protocol, how)

    async def score(state: TaskState, target: Target) -> Score:
        item = benchmark.items[state.metadata["number"]]
        completion = completion_from_output(state.output)
        answer = read_answer(item.id, completion, of.language, state.epoch - 1)
        (found,) = await anyio.to_thread.run_sync(
            lambda: score_one(held.scorer(), item, answer, (protocol,)), limiter=held.threads
        )
        values = {name: found.values.get(name, math.nan) for name in of.headline}
        told = {"status": found.status, "problem": found.problem, **found.values}
        if all(map(math.isnan, values.values())):
            return Score.unscored(reason=found.reason, answer=answer.code, metadata=told)
        return Score(
            value={**values}, answer=answer.code, explanation=found.reason or None, metadata=told
        )

    return score


class _Held:
    """The scorer of a benchmark: opened with the first answer, closed when the process ends."""

    def __init__(
        self, of: tasks.Task, benchmark: Benchmark, protocol: ProtocolName, how: dict[str, Any]
    ) -> None:
        self._of, self._benchmark, self._protocol, self._how = of, benchmark, protocol, how
        self._lock, self._stack = threading.Lock(), contextlib.ExitStack()
        self._scorer: tasks.Scorer | None = None

    @property
    def threads(self) -> anyio.CapacityLimiter:
        """As many answers at once as there are cores."""
        if not hasattr(self, "_threads"):
            self._threads = anyio.CapacityLimiter(len(os.sched_getaffinity(0)))
        return self._threads

    def scorer(self) -> tasks.Scorer:
        """The scorer; from any thread."""
        with self._lock:
            if self._scorer is None:
                made = self._of.scorer(self._benchmark, protocols=(self._protocol,), **self._how)
                self._scorer = self._stack.enter_context(made)
                atexit.register(self._stack.close)
            return self._scorer


def inspect_task(
    name: str,
    data: str,
    split: str = "",
    protocol: str = "strict",
    judge: str | None = None,
    **how: Any,
) -> Task:
    """A benchmark as a task of inspect_ai.

    Args:
        name: as `viscodex eval` has it.
        data: folder or file as it was published.
        split, protocol: as there.
        judge: openai/NAME@URL or package.module:name.
        how: further arguments of the scorer: clip, tier, allow_unsafe, ...

    Raises:
        BadRecipe, BadDataset: no such benchmark or protocol; the data are not whole.
    """
    of = tasks.task(name)
    if protocol == "both":
        raise BadRecipe(
            "a task of inspect_ai has one protocol", f"{name}: both", "Give paper or strict."
        )
    (chosen,) = protocols_of(of, protocol)
    benchmark = of.read(Path(data), split)
    if judge is not None:
        from viscodex.tasks.judge import judge_of

        how["judge"] = judge_of(judge)
    samples = [
        Sample(
            id=item.id,
            input=item.prompt[-1].content,
            metadata={"number": number, **{kind: list(g) for kind, g in item.groups.items()}},
        )
        for number, item in enumerate(benchmark.items)
    ]
    usual = Decoding()
    return Task(
        dataset=MemoryDataset(samples, name=name, location=data),
        solver=ask(benchmark.items),
        scorer=run_and_score(of, benchmark, chosen, how),
        config=GenerateConfig(max_tokens=usual.max_tokens, temperature=usual.temperature),
        fail_on_error=False,
        version=__version__,
        metadata={
            "revision": benchmark.revision, "protocol": chosen, "headline": list(of.headline),
            **benchmark.settings,
        },
    )  # fmt: skip


@task
def chartmimic(
    data: str, split: str = "", protocol: str = "strict", judge: str | None = None
) -> Task:
    """ChartMimic; see docs/evaluation.md."""
    return inspect_task("chartmimic", data, split, protocol, judge)


@task
def design2code(
    data: str, split: str = "", protocol: str = "strict", clip: str | None = None
) -> Task:
    """Design2Code; see docs/evaluation.md."""
    return inspect_task("design2code", data, split, protocol, clip=clip)


@task
def mmcode(data: str, split: str = "", protocol: str = "strict") -> Task:
    """MMCode; see docs/evaluation.md."""
    return inspect_task("mmcode", data, split, protocol)


@task
def infibench(
    data: str, split: str = "", protocol: str = "strict", judge: str | None = None
) -> Task:
    """InfiBench; see docs/evaluation.md."""
    return inspect_task("infibench", data, split, protocol, judge)


@task
def infibench_v(
    data: str, split: str = "", protocol: str = "strict", judge: str | None = None
) -> Task:
    """InfiBench-V; see docs/evaluation.md."""
    return inspect_task("infibench_v", data, split, protocol, judge)

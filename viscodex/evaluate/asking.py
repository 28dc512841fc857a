"""Asking a model all questions of a benchmark: each answer is on disk as soon as it is there.

in:  items, a system, the answers that are there
out: RUN/answers.jsonl: one line for each question and attempt, failed ones with the reason
not covered: scoring (tasks/run.py), what a run may take (limits.py)

An answer is known by the hash of all that it depends on: the model's identity (weights hash, URL,
versions), prompt and pictures, decoding with its seed, version of viscodex. What has another hash is
asked again, what has the same is never asked twice. A question that gets no answer is a line with an
error, which the next session asks again; no question stops a run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.solver import Generate, Solver, TaskState, solver

from viscodex import __version__
from viscodex.errors import BadInput, BadRecipe, RunStopped, ViscodexError
from viscodex.evaluate.limits import Budget, Limits
from viscodex.evaluate.messages import chat_from_prompt, completion_from_output
from viscodex.evaluate.system import System
from viscodex.models.model import Decoding, Prompt, decoding_facts, prompt_hash
from viscodex.tasks.folder import Given, RunFolder
from viscodex.tasks.run import Progress
from viscodex.tasks.task import Item
from viscodex.types import Completion

PromptOf = Callable[[Item], Prompt]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking."""

    answers: dict[
        str, list[Completion]
    ]  # item -> one for each attempt; those without have an error
    stopped: str  # the limit that was reached; empty: all questions were asked


def answer_key(system: System, prompt: Prompt, decoding: Decoding) -> str:
    """Hash of all that an answer depends on; decoding has the seed of its attempt."""
    told = [system.identity, prompt_hash(prompt), decoding_facts(decoding), __version__]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:32]


def check_epochs(system: System, decoding: Decoding, epochs: int) -> None:
    """Refuse several greedy answers to a question.

    Raises:
        BadRecipe: they would all be the same.
    """
    if epochs > 1 and decoding.temperature == 0 and not system.recorded:
        raise BadRecipe(
            "several greedy answers to a question are all the same",
            f"--epochs {epochs} --temperature 0", "Set a temperature, such as --temperature 0.8.",
        )  # fmt: skip


class Asking:
    """The questions that are left, and what became of them; one event loop uses it.

    Args:
        prompt_of: the question of an item, its pictures as the model shall see them.
    """

    def __init__(
        self,
        items: Sequence[Item],
        folder: RunFolder,
        system: System,
        decoding: Decoding,
        prompt_of: PromptOf,
        epochs: int,
        progress: Progress,
    ) -> None:
        self.folder, self.system, self.prompt_of = folder, system, prompt_of
        self.decodings = [replace(decoding, seed=decoding.seed + k) for k in range(epochs)]
        self.progress = progress
        self.rows = folder.read_answers()
        self.questions = [(item, k) for k in range(epochs) for item in items]
        self.left = [question for question in self.questions if not self._is_answered(*question)]
        for item, attempt in self.left:  # failed, or the answer to something else
            self.rows.pop((item.id, attempt), None)
        self.fatal: ViscodexError | None = None
        self.n_done = len(self.questions) - len(self.left)
        self.budget = Budget(Limits())
        self._file: BinaryIO | None = None

    def _is_answered(self, item: Item, attempt: int) -> bool:
        row = self.rows.get((item.id, attempt))
        if row is None or row.completion.error:
            return False
        try:
            prompt = self.prompt_of(item)
        except (OSError, BadInput):
            return False
        return row.key == answer_key(self.system, prompt, self.decodings[attempt])

    def run(self, limits: Limits) -> None:
        """Ask all that is left; what comes is appended to the file at once.

        Raises:
            ViscodexError: no question can be answered, as the model says.
            RunStopped: inspect_ai gave up.
        """
        self.progress("asking", self.n_done, len(self.questions))
        if not self.left:
            return
        self.budget = Budget(limits, (row.completion for row in self.rows.values()))
        with self.folder.answers.open("ab") as self._file:
            _evaluate(self)
        if self.fatal is not None:
            raise self.fatal

    async def one(self, number: int, state: TaskState, generate: Generate) -> TaskState:
        """Ask one question. What a provider raises is kept and passed on: inspect_ai goes on."""
        item, attempt = self.left[number]
        if self.fatal is not None or self.budget.stopped:
            return state
        decoding, began = self.decodings[attempt], time.perf_counter()
        try:
            prompt = self.prompt_of(item)
            state.messages = chat_from_prompt(prompt, attempt)
            leave = await self.budget.leave(prompt, decoding)
        except (OSError, BadInput) as error:
            self._keep(item, attempt, "", _failed(f"the question cannot be asked: {error}"))
            return state
        if leave is None:
            return state
        key, completion = answer_key(self.system, prompt, decoding), None
        try:
            state = await generate(state, seed=decoding.seed)
            completion = completion_from_output(state.output)
        except ViscodexError as error:
            self.fatal = self.fatal or error
            return state
        except BaseException as error:
            if isinstance(error, Exception):
                self._keep(item, attempt, key, _failed(f"{type(error).__name__}: {error}"))
            raise
        finally:
            self.budget.settle(leave, completion)
            state.messages = []  # lets go of the pictures
        if completion.seconds is None:
            completion = replace(completion, seconds=time.perf_counter() - began)
        self._keep(item, attempt, key, completion)
        return state

    def _keep(self, item: Item, attempt: int, key: str, completion: Completion) -> None:
        given = Given(item.id, attempt, completion, key)
        self.rows[item.id, attempt] = given
        if self._file is not None:
            self._file.write(given.line.encode() + b"\n")
            self._file.flush()
        self.n_done += 1
        self.progress("asking", self.n_done, len(self.questions))

    def finish(self) -> Asked:
        """Put the file in order; the answers by item, with a reason where there is none."""
        places = {item.id: n for n, (item, _) in enumerate(self.questions)}
        last = len(places)
        rows = sorted(
            self.rows.values(),
            key=lambda r: (places.get(r.sample_id, last), r.sample_id, r.attempt),
        )
        self.folder.write_answers(rows)
        nothing = _failed(f"not asked: {self.budget.stopped or 'the run ended before'}")
        answers: dict[str, list[Completion]] = {}
        for item, attempt in self.questions:
            row = self.rows.get((item.id, attempt))
            answers.setdefault(item.id, []).append(row.completion if row else nothing)
        return Asked(answers, self.budget.stopped)


def _failed(why: str) -> Completion:
    return Completion("", "error", error=" ".join(why.split())[:500])


@solver
def _one_by_one(asking: Asking) -> Solver:
    """Each sample is one question that is left."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return await asking.one(state.metadata["number"], state, generate)

    return solve


def _evaluate(asking: Asking) -> None:
    """Let inspect_ai run the questions: concurrency, retries of foreign providers, interruption."""
    system, decoding = asking.system, asking.decodings[0]
    samples = [
        Sample(id=n + 1, input=f"{item.id}, attempt {attempt}", metadata={"number": n})
        for n, (item, attempt) in enumerate(asking.left)
    ]
    (log,) = inspect_ai.eval(
        Task(dataset=MemoryDataset(samples), solver=_one_by_one(asking), name="viscodex"),
        model=system.model,
        score=False,
        fail_on_error=False,
        display="none",
        log_level="critical",
        log_dir=str(asking.folder.place / "logs"),
        log_samples=False,
        log_realtime=False,
        log_images=False,
        log_model_api=False,
        log_header_only=True,
        ctl_server=False,
        max_samples=system.connections,
        max_connections=system.connections,
        max_retries=system.max_retries,
        attempt_timeout=system.attempt_timeout_s,
        max_tokens=decoding.max_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p if decoding.top_p < 1 else None,
        stop_seqs=list(decoding.stop) or None,
    )
    if log.status == "cancelled":
        raise KeyboardInterrupt
    if log.status != "success" and asking.fatal is None:
        why = log.error.message if log.error else log.status
        raise RunStopped(
            "inspect_ai gave up", why[:500], "What is answered is kept; run the same command again."
        )

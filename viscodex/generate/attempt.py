"""One answer, run: what its code does, and how alike what it draws is to the picture.

in:  a picture, a completion
out: an Attempt
not covered: which attempt is taken (generated.py), running code (execute/)
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from viscodex.errors import BadInput
from viscodex.execute.chart import ChartPool
from viscodex.execute.page import PagePool
from viscodex.generate.likeness import likeness
from viscodex.generate.picture import Picture
from viscodex.generate.question import LANGUAGE, TaskName
from viscodex.text import read_answer
from viscodex.types import Answer, Completion, Execution

Kind = Literal["first", "drawn", "repair"]
MIN_WIDTH, MAX_WIDTH, USUAL_WIDTH = 200, 2560, 1280  # CSS px of the window of a page


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer and what became of it."""

    kind: Kind
    answer: Answer
    execution: Execution | None = None  # None: nothing was run
    likeness: float = math.nan  # of its first picture to the one that was asked about

    @property
    def render(self) -> bytes | None:
        """What the code draws, PNG; None where it failed."""
        done = self.execution
        return done.image if done is not None and done.status == "ok" else None

    @property
    def rank(self) -> tuple[bool, float, bool, bool]:
        """What the best attempt has most of: running, likeness, code at all, a reply at all."""
        alike = -1.0 if math.isnan(self.likeness) else self.likeness
        has_code = bool(self.answer.code.strip())
        return self.render is not None, alike, has_code, not self.answer.completion.error


class Stage:
    """Runs answers: pools that start when they are first needed. A context manager.

    Args:
        workers: answers at once.
        runtime: of the charts (viscodex runtime install NAME).
        run: off: code is found, and not run.
        allow_unsafe: go on where only resource limits confine the code (tier C).
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        runtime: str = "current",
        run: bool = True,
        allow_unsafe: bool = False,
    ) -> None:
        self.workers, self.runs = workers, run
        self._runtime, self._unsafe = runtime, allow_unsafe
        self._stack, self._lock = contextlib.ExitStack(), threading.Lock()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @cached_property
    def _charts(self) -> ChartPool:
        pool = ChartPool(self._runtime, workers=self.workers, allow_unsafe=self._unsafe)
        return self._stack.enter_context(pool)

    @cached_property
    def _pages(self) -> PagePool:
        pool = PagePool(self.workers, allow_unsafe=self._unsafe)
        return self._stack.enter_context(pool)

    def prepare(self, tasks: Iterable[TaskName]) -> None:
        """Open what answers of these tasks run in: what is missing shows before a model is asked.

        Raises:
            MissingPart, IsolationMissing: nothing of the kind can be run here.
        """
        wanted = set(tasks) if self.runs else set()
        with self._lock:
            if "chart" in wanted:
                _ = self._charts
            if "html" in wanted:
                _ = self._pages

    def run_all(self, jobs: list[tuple[Picture, TaskName, Completion, Kind]]) -> list[Attempt]:
        """The attempts of completions, in order.

        Raises:
            MissingPart, IsolationMissing: nothing can be run here.
        """
        with ThreadPoolExecutor(self.workers) as threads:
            return list(threads.map(lambda job: self.run(*job), jobs))

    def run(self, picture: Picture, task: TaskName, completion: Completion, kind: Kind) -> Attempt:
        """One attempt: code is found, run and compared."""
        answer = read_answer(picture.name, completion, LANGUAGE[task])
        if task == "qa" or not self.runs:
            return Attempt(kind, answer)
        done = self._execute(answer, picture)
        if done.status != "ok" or done.image is None:
            return Attempt(kind, answer, done)
        try:
            return Attempt(kind, answer, done, likeness(picture.data, done.image))
        except BadInput as error:  # bytes that only begin and end as a picture; `picture` was read
            reason = f"what it draws cannot be read: {error.where}"
            return Attempt(kind, answer, replace(done, status="error", reason=reason, images=()))

    def _execute(self, answer: Answer, picture: Picture) -> Execution:
        if not answer.code.strip():
            return Execution("no_code", reason="there is no code in the answer")
        if answer.language == "html":
            with self._lock:
                pages = self._pages
            fits = MIN_WIDTH <= picture.width <= MAX_WIDTH
            width = picture.width if fits else USUAL_WIDTH
            height = min(picture.height, 1440) if fits else 720
            return pages.render(answer.code, width=width, height=max(1, height))
        if answer.language == "python":
            with self._lock:
                charts = self._charts
            done = charts.run(answer.code)
            if done.status == "ok" and done.image is None:
                return Execution("error", reason="the script draws nothing", stderr=done.stderr)
            return done
        return Execution("no_code", reason=f"the answer is {answer.language}, which draws nothing")

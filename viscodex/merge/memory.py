"""Merging in memory, again and again: the tensors that files would hold, and only those that changed.

in:  recipes over the same models
out: merged tensors: the very bytes that `viscodex merge` writes
not covered: files (apply.py), setting weights into a model (search/place.py)

The inputs are read once and stay in memory; a tensor is computed again only where its formula,
settings or sources differ from the last recipe's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from viscodex.errors import BadRecipe
from viscodex.merge.apply import TensorTask
from viscodex.merge.block import bytes_of, keep_freed_memory
from viscodex.merge.checkpoint import TensorReader, fingerprint
from viscodex.merge.plan import Job, Work, plan_work
from viscodex.recipe import MergeRecipe
from viscodex.types import TensorInfo, to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MemoryReader(TensorReader):
    """Reads every tensor from disk once and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[Path, str], memoryview] = {}
        self._lock = threading.Lock()

    def read_into(self, info: TensorInfo, start: int, buffer: memoryview) -> None:
        """As TensorReader.read_into."""
        key = (info.file, info.name)
        kept = self._kept.get(key)
        if kept is None:
            kept = bytes_of(np.empty(info.nbytes, dtype=np.uint8))
            super().read_into(info, 0, kept)
            with self._lock:
                kept = self._kept.setdefault(key, kept)
        buffer[:] = kept[start : start + len(buffer)]

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        return sum(len(kept) for kept in self._kept.values())


class _Room:
    """A Sink for one tensor."""

    def __init__(self, nbytes: int) -> None:
        self.data: NDArray[np.uint8] = np.empty(nbytes, dtype=np.uint8)

    def write(self, name: str, start: int, data: memoryview) -> None:
        """As Sink.write."""
        self.data[start : start + len(data)] = np.frombuffer(data, dtype=np.uint8)


class Merger:
    """Merges in memory; close it to free the inputs.

    Args:
        threads: tensors at once.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.reader = MemoryReader()
        self._prints: dict[Path, str] = {}
        self._last: dict[str, str] = {}
        keep_freed_memory()

    def __enter__(self) -> Merger:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def plan(self, recipe: MergeRecipe) -> Work:
        """The plan of a recipe.

        Raises:
            ViscodexError: as `plan_merge`; BadRecipe for another output dtype.
        """
        work = plan_work(recipe, threads=self.threads)
        cast = [
            job for job in work.jobs.values() if job.step.action == "copy" and not job.is_byte_copy
        ]
        if cast:
            raise BadRecipe(
                "merging in place keeps the dtype of the vision-language model",
                f"dtype {recipe.output_dtype}; {cast[0].step.name} is {cast[0].source.dtype}",
                "Leave dtype and out_dtype out of the recipe.",
            )
        return work

    def prints(self, work: Work) -> dict[str, str]:
        """Label -> content identity of each input, as in a merge's identity."""
        for model in work.inputs:
            place = model.checkpoint.path
            if place not in self._prints:
                self._prints[place] = fingerprint(model.checkpoint, self.reader)
        return {model.label: self._prints[model.checkpoint.path] for model in work.inputs}

    def changed(self, work: Work) -> Iterator[tuple[Job, NDArray[np.uint8]]]:
        """The bytes of each tensor of the language model that differs from the last call's.

        Raises:
            MergeRefused, BadCheckpoint: as `merge`.
        """
        prints = self.prints(work)
        todo = []
        for name, job in work.jobs.items():
            key = self._key(job, work, prints)
            if job.step.action != "copy" and self._last.get(name) != key:
                todo.append((name, job, key))
        for name in [name for name in self._last if name not in work.jobs]:
            del self._last[name]
        with ThreadPoolExecutor(self.threads) as lanes:
            running: deque[tuple[str, Job, str, Future[NDArray[np.uint8]]]] = deque()
            waiting = iter(todo)
            while True:
                while len(running) <= self.threads and (one := next(waiting, None)):
                    running.append(
                        (*one, lanes.submit(self._merge, one[1], work.recipe.seed, prints))
                    )
                if not running:
                    return
                name, job, key, future = running.popleft()
                data = future.result()
                self._last.pop(name, None)  # not there while the caller sets it
                yield job, data
                self._last[name] = key

    def _key(self, job: Job, work: Work, prints: dict[str, str]) -> str:
        sources = [(prints[label], info.name) for label, info in job.models]
        base = (prints[job.base_label], job.base.name) if job.base else None
        rows = sorted(job.alignment.counts.items()) if job.alignment else None
        return f"{to_json(job.step)} {sources} {base} {rows} {work.recipe.seed}"

    def _merge(self, job: Job, seed: int, prints: dict[str, str]) -> NDArray[np.uint8]:
        room = _Room(job.step.nbytes)
        with ThreadPoolExecutor(1) as io, np.errstate(all="ignore"):
            task = TensorTask(job, seed, prints, self.reader, room, "cpu", io, lambda _: None)
            task.run()
        return room.data

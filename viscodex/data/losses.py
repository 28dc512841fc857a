"""Notices worker processes that were killed, and a pool that cannot end because of one.

in:  the parts of a round, while datatrove's local pool makes them
out: Lost, raised in the main thread
not covered: beginning the round again (executors.py); workers of Ray and Slurm

A pool of processes waits for ever where one of them is killed: for the result of its task, or for
the lock of the queue, which an idle worker holds. So each worker is on a roll, a file of its own
until it exits in order. Who is on it and not alive was killed. And where all parts are there, their
reports are enough: the pool is given some time to end, and then left.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import multiprocess  # type: ignore[import-untyped]
from multiprocess import util

from viscodex.data.parts import Part, Workplace
from viscodex.data.progress import Tracker, every, lives

LOOK_S = 1.0
PATIENCE_S = 10.0
"""What a pool may take to end: after its last part, and after Lost was raised in it."""


class Lost(Exception):
    """A worker process is gone, or the pool does not end; who was lost, in words."""


@functools.cache
def enrol(place: Workplace) -> None:
    """Put this worker on the roll, until it exits."""
    file = _roll(place) / str(os.getpid())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    util.Finalize(None, file.unlink, kwargs={"missing_ok": True}, exitpriority=100)


@contextlib.contextmanager
def watched(tracker: Tracker, parts: Sequence[Part]) -> Iterator[None]:
    """Leave the block by Lost when a worker is killed or the pool does not end.

    Lost is raised again where the block has not ended after PATIENCE_S: the end of a pool may itself
    wait for the lock. Processes that the block leaves behind are killed. Only in the main thread; in
    another nothing is watched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _strike_dead(tracker.place)  # of a build that was killed
    before = set(multiprocess.active_children())
    watch = _Watch(tracker, parts)
    handler = signal.signal(signal.SIGUSR1, watch.leave)
    try:
        with every(LOOK_S, watch.look):
            yield
    finally:
        signal.signal(signal.SIGUSR1, handler)
        for child in set(multiprocess.active_children()) - before:
            child.kill()
            child.join()


class _Watch:
    def __init__(self, tracker: Tracker, parts: Sequence[Part]) -> None:
        self.tracker = tracker
        self.left = deque(parts)
        self.gone: list[str] = []
        self.due: float | None = None

    def look(self) -> None:
        """Raise Lost in the main thread, if it is time."""
        place, now = self.tracker.place, time.monotonic()
        while self.left and place.report(self.left[0]).exists():
            self.left.popleft()
        for beat in self.tracker.lost():
            self.gone.append(f"part {beat.report.part.name}")
            (place.progress / f"{beat.report.part.name}.json").unlink(missing_ok=True)
        self.gone += [f"process {pid}" for pid in _strike_dead(place)]
        if self.due is None and (self.gone or not self.left):
            self.due = now if self.gone else now + PATIENCE_S
        if self.due is not None and now >= self.due:
            self.due = now + PATIENCE_S
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def leave(self, number: int, frame: object) -> None:
        """What the main thread does then."""
        raise Lost(", ".join(self.gone) or "the pool did not end")


def _roll(place: Workplace) -> Path:
    return place.progress / "workers"


def _strike_dead(place: Workplace) -> list[str]:
    """Take workers that were killed off the roll."""
    dead = [file for file in _roll(place).glob("[0-9]*") if not lives(int(file.name))]
    for file in dead:
        file.unlink(missing_ok=True)
    return [file.name for file in dead]

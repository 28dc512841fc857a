"""What a worker process keeps from part to part: its machine, whose pools take seconds to start.

in:  the runtime of a recipe
out: a Machine: kept until the process ends, where it is one that keeps; else for one part
not covered: a process that is killed: its sandboxes end with it, by themselves (execute/)
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from multiprocess import util  # type: ignore[import-untyped]

from viscodex.data.draft import Machine

_kept: contextlib.ExitStack | None = None  # what this process keeps, if it does
_machines: dict[str, Machine] = {}
_INSIST_S = 0.2


@contextlib.contextmanager
def machine_for(runtime: str) -> Iterator[Machine]:
    """The machine of this process, for one part."""
    if _kept is None:
        with Machine(runtime) as machine:
            yield machine
        return
    if runtime not in _machines:
        _machines[runtime] = _kept.enter_context(Machine(runtime))
    yield _machines[runtime]


@contextlib.contextmanager
def kept_machines() -> Iterator[None]:
    """Machines are kept while the block runs, and closed at its end."""
    global _kept
    with contextlib.ExitStack() as stack:
        _kept = stack
        stack.callback(_forget)
        yield


def _forget() -> None:
    global _kept
    _kept = None
    _machines.clear()


def keep_until_exit() -> None:
    """Machines are kept until this process ends: one of a pool, which ends it by SIGTERM."""
    if _kept is None:
        block, ending = kept_machines(), threading.Event()

        def close() -> None:
            ending.set()
            block.__exit__(None, None, None)

        block.__enter__()
        util.Finalize(None, close, exitpriority=10)
        _exit_on_terminate(ending)


def _exit_on_terminate(ending: threading.Event) -> None:
    """SIGTERM unwinds the main thread, wherever it waits, until `ending` is set.

    The kernel may hand the signal to another thread, and the main thread would sleep on; and what
    is raised while an object is thrown away, which a worker does after each task, is lost. So
    whoever gets the signal writes to a pipe, and a thread of ours sends it to the main thread
    until that has listened.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if not ending.is_set() and not _in_finalizer(frame):
            sys.exit(128 + number)

    def insist(main: int) -> None:
        os.read(ours, 1)
        while not ending.is_set():
            signal.pthread_kill(main, signal.SIGTERM)
            ending.wait(_INSIST_S)

    ours, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=insist, args=(threading.get_ident(),), daemon=True).start()


def _in_finalizer(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is util.Finalize.__call__.__code__:
            return True
        frame = frame.f_back
    return False

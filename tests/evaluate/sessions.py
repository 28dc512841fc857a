"""Sessions of `viscodex eval` that can be killed: real processes, forked where everything is imported already.

in:  the words of a command line
out: a process in a group of its own; what it printed is in a file
not covered: what a session does
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["viscodex.cli", "viscodex.evaluate.run", "viscodex.models.endpoint"]
)


def start(log: Path, *words: object) -> ForkServerProcess:
    """`viscodex eval WORDS` in a process of its own."""
    process = _SERVER.Process(target=_session, args=(str(log), tuple(map(str, words))))
    process.start()
    return process


def _session(log: str, words: tuple[str, ...]) -> None:
    os.setpgid(0, 0)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    from viscodex.cli import app

    app(["eval", *words])


def kill_when(process: ForkServerProcess, is_time: Callable[[], bool]) -> None:
    """SIGKILL as soon as it is time; the process must not come to its end before."""
    assert process.pid is not None
    while process.exitcode is None:
        if is_time():
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.005)
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it was done before it was killed"


def finish(process: ForkServerProcess, log: Path) -> None:
    """Wait for a session that does all that is left."""
    process.join(300)
    assert process.exitcode == 0, log.read_text()


def has_lines(file: Path, n: int) -> Callable[[], bool]:
    """Whether a file has so many lines by now."""
    return lambda: file.exists() and file.read_bytes().count(b"\n") >= n


def executions(run: Path) -> dict[str, int]:
    """What was executed, and when."""
    return {file.name: file.stat().st_mtime_ns for file in run.glob("executions/*.json")}

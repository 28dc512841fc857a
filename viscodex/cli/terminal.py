"""What people read: the console, one line on stderr, progress.

in:  text, counts
out: stdout and stderr
not covered: results for programs; commands print those as JSON
"""

from __future__ import annotations

import sys
from typing import Any

import typer


def console() -> Any:
    """The terminal, or 140 columns where there is none."""
    from rich.console import Console

    here = Console()
    return here if here.is_terminal else Console(width=140)


def say(line: str) -> None:
    """A line for a person, on stderr."""
    typer.echo(line, err=True)


def printable(text: str) -> str:
    """Text that does nothing to a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class Progress:
    """Progress on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

    def __enter__(self) -> Progress:
        import threading
        import time

        self._lock, self._clock = threading.Lock(), time.monotonic
        self._phase, self._start, self._said, self._first = "", 0.0, 0.0, 0
        self._bar: Any = None
        self._task: Any = None
        return self

    def update(self, phase: str, done: int, total: int) -> None:
        """Say how far a phase is."""
        with self._lock:
            now = self._clock()
            if phase != self._phase:
                self._phase, self._start, self._said, self._first = phase, now, now, done
                self._open_bar(phase, total)
            if self._bar is not None:
                self._bar.update(self._task, completed=done)
            elif now - self._said > 10:
                self._said = now
                rate = (done - self._first) / (now - self._start)
                left = f"{(total - done) / rate:.0f} s left" if rate > 0 else ""
                sys.stderr.write(f"{phase}: {100 * done // max(1, total)} %, {left}\n")

    def _open_bar(self, phase: str, total: int) -> None:
        if not sys.stderr.isatty():
            return
        from rich import progress
        from rich.console import Console

        self._close()
        is_bytes = phase == "merging"
        columns: list[Any] = [progress.TextColumn("{task.description}"), progress.BarColumn()]
        if is_bytes:
            columns += [progress.DownloadColumn(), progress.TransferSpeedColumn()]
        else:
            columns += [progress.MofNCompleteColumn()]
        columns += [progress.TimeRemainingColumn()]
        self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(phase, total=total)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close()
        if kind is KeyboardInterrupt and self._phase == "merging":
            sys.stderr.write("interrupted: what is finished is kept; go on with --resume\n")

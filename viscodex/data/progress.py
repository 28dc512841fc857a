"""How far a build is: each part says it in a small file, whoever watches adds them up.

in:  reports of parts in work and of finished parts
out: Snapshot: kept and rejected by source, rate, time left; a line of text for it
not covered: bars on a terminal (cli/data.py)

Files, because a part may be made on another machine: all that they share is the folder.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from viscodex.data.parts import Part, PartReport, Workplace
from viscodex.types import from_json, to_json

BEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class Beat:
    """A part in work: who is at it and what there is so far."""

    host: str
    pid: int
    report: PartReport


class Pulse:
    """The worker's end: says at most once a second how far its part is.

    Args:
        path: of the file, which goes away with the block.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._next = path, 0.0

    def beat(self, report: PartReport) -> None:
        """Say it, if the last time is a second ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + BEAT_S
            beside = self.path.with_name(self.path.name + ".part")
            beside.write_text(to_json(Beat(socket.gethostname(), os.getpid(), report)))
            beside.replace(self.path)

    def __enter__(self) -> Pulse:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far one source is."""

    wanted: int  # samples
    kept: int
    candidates: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    rate: float = 0.0  # samples kept a second, since this start of the build


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a build is."""

    phase: str  # parts, duplicates, writing, ...
    sources: Mapping[str, SourceProgress]
    seconds: float  # since this start
    seconds_left: float | None  # None: cannot be said yet
    done: int = 0  # of `total`, in phases other than parts
    total: int = 0

    def line(self) -> str:
        """One line for a log."""
        if self.phase != "making samples":
            return f"{self.phase}: {self.done} of {self.total}"
        words = [
            f"{label} {s.kept}/{s.wanted} (-{sum(s.rejected.values())}, {s.rate:.1f}/s)"
            for label, s in self.sources.items()
        ]
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        return f"{duration(self.seconds)}: {', '.join(words)}{left}"


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Tracker:
    """Adds up what the parts of a build say."""

    def __init__(self, place: Workplace, wanted: Mapping[str, int]) -> None:
        self.place, self.wanted = place, wanted
        self.parts: tuple[Part, ...] = ()
        self._finished: dict[str, PartReport] = {}
        self._start = time.monotonic()
        self._first: dict[str, int] = {}

    def follow(self, parts: Iterable[Part]) -> None:
        """Take the parts of a further round in; what is done already counts for no rate."""
        self.parts += tuple(parts)
        for label, now in self._counts().items():
            self._first.setdefault(label, now.kept)

    def snapshot(self) -> Snapshot:
        """How far it is now."""
        seconds = time.monotonic() - self._start
        sources: dict[str, SourceProgress] = {}
        for label, counts in self._counts().items():
            rate = (counts.kept - self._first.get(label, 0)) / seconds if seconds > 0 else 0.0
            sources[label] = SourceProgress(
                counts.wanted, counts.kept, counts.candidates, counts.rejected, rate
            )
        left = sum(max(0, s.wanted - s.kept) for s in sources.values())
        made = sum(s.kept - self._first.get(label, 0) for label, s in sources.items())
        return Snapshot(
            "making samples", sources, seconds, left * seconds / made if made > 0 else None
        )

    def _counts(self) -> dict[str, SourceProgress]:
        reports: dict[str, list[PartReport]] = {label: [] for label in self.wanted}
        beats = {beat.report.part.name: beat.report for beat in self.beats()}
        for part in self.parts:
            if part.name not in self._finished:
                report = self.place.read_report(part)
                if report is not None:
                    self._finished[part.name] = report
            report = self._finished.get(part.name) or beats.get(part.name)
            if report is not None:
                reports[part.source].append(report)
        return {
            label: SourceProgress(
                wanted,
                sum(r.n_kept for r in reports[label]),
                sum(r.n_candidates for r in reports[label]),
                dict(sum((Counter(r.rejected) for r in reports[label]), Counter())),
            )
            for label, wanted in self.wanted.items()
        }

    def beats(self) -> list[Beat]:
        """The parts in work, by the last that was heard of them."""
        found = []
        for path in sorted(self.place.progress.glob("*.json")):
            with contextlib.suppress(OSError, ValueError):
                found.append(from_json(Beat, path.read_bytes()))
        return found

    def lost(self) -> list[Beat]:
        """Parts in work whose process on this machine is gone."""
        here = socket.gethostname()
        return [beat for beat in self.beats() if beat.host == here and not lives(beat.pid)]


def lives(pid: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def every(seconds: float, call: Callable[[], object]) -> Iterator[None]:
    """Call something again and again, in a thread, while the block runs."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            call()

    thread = threading.Thread(target=repeat, name="viscodex-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

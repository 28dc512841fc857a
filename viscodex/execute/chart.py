"""Charts: run a plotting script, take its pictures, record what it drew.

in:  the text of a Python script that draws with matplotlib
out: an Execution: status, output, one PNG per figure, the FigureRecord, the render stamp
not covered: cutting scripts out of answers, ChartMimic's edits and scores (tasks/chartmimic.py)
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import struct
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from viscodex.execute.pool import Lost, Reply, Worker, limits_as_data
from viscodex.execute.runtime import Runtime
from viscodex.execute.runtime import runtime as installed_runtime
from viscodex.execute.sandbox import Limits, isolation
from viscodex.types import AxesRecord, Execution, FigureRecord, Series, Status, TextBox

CHART_LIMITS = Limits(wall=120.0, cpu=20.0, memory=2 << 30, disk=64 << 20, output=1 << 20)
"""CPU time decides; the wall limit only ends what waits."""

MAX_PIXELS = 50_000_000  # of one figure
MAX_RECORD = 16 << 20  # bytes of JSON; what it becomes takes much more
_LOGS: Mapping[str, object] = {"texts": (), "layouts": (), "calls": {}, "colors": ()}


class ChartPool:
    """Warm processes in the sandbox; each script runs in a fork of one, alone and in the dark.

        with ChartPool() as pool:
            execution = pool.run("import matplotlib.pyplot as plt; plt.plot([1, 3, 2])")

    Args:
        runtime: "current" or "chartmimic" (viscodex runtime install NAME).
        workers: scripts at once; None takes the number of cores.
        limits: of a run; also the most memory, disk and processes that a run may ask for.
        tier: of the isolation; None takes the best of this machine.
        allow_unsafe: go on where only resource limits confine the code (tier C).

    Raises:
        MissingPart: the runtime is not installed.
        IsolationMissing: generated code cannot be confined here.
    """

    def __init__(
        self,
        runtime: str = "current",
        *,
        workers: int | None = None,
        limits: Limits = CHART_LIMITS,
        tier: str | None = None,
        allow_unsafe: bool = False,
    ) -> None:
        self.runtime: Runtime = installed_runtime(runtime)
        self.limits = limits
        self.tier = tier or isolation().tier
        count = workers or len(os.sched_getaffinity(0))
        self.workers = [Worker(self.runtime, limits, tier, allow_unsafe) for _ in range(count)]
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()  # the warmest first
        for worker in reversed(self.workers):
            self._idle.put(worker)
        self._closed = threading.Event()

    def __enter__(self) -> ChartPool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; runs that are under way finish first."""
        if self._closed.is_set():
            return
        self._closed.set()
        for _ in self.workers:
            worker = self._idle.get()
            assert worker is not None
            worker.close()
        self._idle.put(None)  # wakes a run that came too late

    def run(
        self,
        code: str,
        *,
        name: str = "chart",
        limits: Limits | None = None,
        seed: int = 0,
        record: Literal["plain", "chartmimic"] = "plain",
        images: bool = True,
    ) -> Execution:
        """Run one script; may be called from several threads at once.

        Args:
            code: Python source.
            name: of the item; the script sees it as its file name. With record="chartmimic", a
                name that begins with "graph" switches the layout as the official code does.
            limits: of this run; None takes the pool's.
            seed: of random and numpy.random.
            record: "plain" records in one run, with tick labels left out of the texts and wrappers
                that seaborn understands; "chartmimic" gives exactly what the official evaluators
                log, in one to four runs. The script is taken as it is: ChartMimic's cutting and
                re-indenting are the caller's.
            images: take pictures. Off saves time with record="chartmimic" only: a plain record is
                what drawing the picture showed.

        Returns:
            status "ok", or why not; pictures and record of what was drawn until then. A script
            without code has status "no_code".

        Raises:
            IsolationMissing: the sandbox cannot be set up.
        """
        if self._closed.is_set():
            raise RuntimeError("this ChartPool is closed")
        if not code.strip():
            return Execution("no_code", reason="there is no code", tier=self.tier, stamp=self.stamp)
        if "\0" in code:
            return self._failed("error", "SyntaxError: source code cannot contain null bytes")
        limits = self._bounded(limits)
        request: dict[str, Any] = {
            "code": code.encode("utf-8", "replace").decode(),
            "name": re.sub(r"[^\w.-]", "_", name.removesuffix(".py"))[:80] or "chart",
            "limits": limits_as_data(limits),
            "seed": seed,
            "record": record,
            "images": images,
            "logs": None,
        }
        with self._worker() as worker:
            try:
                first = _read_reply(worker.call(request, limits.wall))
                runs = [first]
                while record == "chartmimic" and runs[-1].sound and (logs := _next(runs)):
                    again = {**request, "logs": logs, "images": False}
                    runs.append(_read_reply(worker.call(again, limits.wall)))
            except Lost as error:
                if error.out_of_memory:
                    return self._failed("memory", "more memory than the worker may use")
                return self._failed("error", f"ended the process that ran it, twice: {error}")
        return self._execution(runs)

    @property
    def stamp(self) -> dict[str, str]:
        """What decides pixels: runtime, versions, fonts, dpi."""
        return dict(self.runtime.stamp)

    def _failed(self, status: Status, reason: str) -> Execution:
        return Execution(status, reason=reason[:300], tier=self.tier, stamp=self.stamp)

    def _bounded(self, limits: Limits | None) -> Limits:
        if limits is None:
            return self.limits
        most = self.limits
        return replace(
            limits,
            memory=min(limits.memory, most.memory),
            disk=min(limits.disk, most.disk),
            processes=min(limits.processes, most.processes),
        )

    @contextlib.contextmanager
    def _worker(self) -> Any:
        worker = self._idle.get()
        if worker is None:
            self._idle.put(None)
            raise RuntimeError("this ChartPool is closed")
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def _execution(self, runs: list[_Run]) -> Execution:
        first = runs[0]
        logs: dict[str, Any] = dict(_LOGS)
        for run in runs:
            if run.record is not None:
                logs |= {log: run.record[log] for log in run.logs}
        figure = None
        if first.record is not None:
            notes = dict.fromkeys(note for run in runs for note in run.notes)
            figure = FigureRecord(
                **logs,
                axes=first.record["axes"],
                notes=tuple(notes),
                boxes=first.record["boxes"],
            )
        return Execution(
            status=first.status,
            stdout=first.reply.stdout.decode(errors="replace"),
            stderr=first.reply.stderr.decode(errors="replace"),
            seconds=sum(run.reply.head["seconds"] for run in runs),
            cpu_seconds=sum(run.reply.head["cpu"] for run in runs),
            exit_code=first.exit_code,
            reason=first.reason,
            tier=self.tier,
            images=first.images,
            figure=figure,
            stamp=self.stamp,
        )


def run_chart(
    code: str,
    *,
    runtime: str = "current",
    limits: Limits = CHART_LIMITS,
    tier: str | None = None,
    allow_unsafe: bool = False,
    **how: Any,
) -> Execution:
    """Run one script in a pool of its own.

    Args:
        code: Python source.
        runtime, limits, tier, allow_unsafe: as ChartPool takes them.
        how: further arguments of ChartPool.run.

    Raises:
        MissingPart: the runtime is not installed, or code cannot be confined.
    """
    with ChartPool(runtime, workers=1, limits=limits, tier=tier, allow_unsafe=allow_unsafe) as pool:
        return pool.run(code, **how)


# --- messages: the script's own account, read with suspicion --------------------------------------


class _Run:
    """One reply, understood."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.status: Status = reply.head["status"] or "ok"
        self.reason = str(reply.head["reason"])
        self.exit_code: int | None = reply.head["exit_code"]
        self.record: dict[str, Any] | None = None
        self.images: tuple[bytes, ...] = ()
        self.logs: list[str] = []
        self.more: list[list[str]] = []
        self.failed = False
        self.notes: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """The script ran to its end."""
        return self.status == "ok"


_STATUSES = ("ok", "error", "memory", "blocked")
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def _read_reply(reply: Reply) -> _Run:
    run = _Run(reply)
    if reply.head["status"]:
        if run.exit_code is not None and run.exit_code < 0:
            run.exit_code = 128 - run.exit_code
        return run
    try:
        _read_message(run, reply.message)
    except (
        ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, struct.error
    ):  # fmt: skip
        run.status, run.reason = "blocked", "sent a record that is none"
        run.record, run.images = None, ()
    return run


def _read_message(run: _Run, message: bytes) -> None:
    (size,) = struct.unpack_from("<I", message)
    if size > MAX_RECORD:
        raise ValueError("size of a record")
    head = json.loads(message[4 : 4 + size], parse_constant=_no_constant)
    if head["status"] not in _STATUSES:
        raise ValueError("status")
    run.status, run.reason = head["status"], str(head["reason"])[:300]
    run.exit_code = int(head["exit_code"]) & 255
    run.logs = [log for log in head["logs"] or () if log in _LOGS]
    run.more = [[log for log in logs if log in _LOGS] for logs in head["more"][:4]]
    run.failed = bool(head["failed"])
    at, images = 4 + size, []
    for length in head["pictures"]:
        picture = message[at : at + length]
        at += length
        if picture:
            _check_png(picture)
            images.append(picture)
    run.images = tuple(images)
    if head["record"] is not None:
        run.record = _record(head["record"])
        run.notes = run.record.pop("notes")


def _no_constant(word: str) -> float:
    raise ValueError(word)


def _check_png(picture: bytes) -> None:
    """Header and size; the rest is decoded by whoever needs the pixels, under limits of its own."""
    if not picture.startswith(_PNG) or not picture.endswith(b"IEND\xaeB`\x82"):
        raise ValueError("not a PNG")
    width, height = struct.unpack_from(">II", picture, len(_PNG))
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError("size of a PNG")


def _record(data: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the types of viscodex.types, whatever came."""
    return {
        "texts": _words(data["texts"]),
        "layouts": tuple(tuple(int(v) for v in layout) for layout in data["layouts"]),
        "calls": {str(name): int(count) for name, count in data["calls"].items()},
        "colors": tuple((str(name), str(color)) for name, color in data["colors"]),
        "axes": tuple(_axes(ax) for ax in data["axes"]),
        "notes": _words(data["notes"]),
        "boxes": tuple(_box(box) for box in data["boxes"]),
    }


def _words(data: Any) -> tuple[str, ...]:
    return tuple(str(word) for word in data)


def _numbers(data: Any) -> tuple[int | float | str, ...]:
    return tuple(v if isinstance(v, int | float | str) else str(v) for v in data)


def _box(data: Mapping[str, Any]) -> TextBox:
    return TextBox(
        text=str(data["text"]),
        x=float(data["x"]),
        y=float(data["y"]),
        width=float(data["width"]),
        height=float(data["height"]),
        angle=float(data["angle"]),
        size=float(data["size"]),
        tick=bool(data["tick"]),
        figure=int(data["figure"]),
    )


def _axes(data: Mapping[str, Any]) -> AxesRecord:
    return AxesRecord(
        figure=int(data["figure"]),
        kind=str(data["kind"]),
        title=str(data["title"]),
        labels=_words(data["labels"]),
        limits=tuple((float(low), float(high)) for low, high in data["limits"]),
        scales=_words(data["scales"]),
        grid=tuple(bool(on) for on in data["grid"]),
        legend=None if data["legend"] is None else _words(data["legend"]),
        legend_title=str(data["legend_title"]),
        series=tuple(
            Series(
                kind=str(one["kind"]),
                label=str(one["label"]),
                colors=_words(one["colors"]),
                x=_numbers(one["x"]),
                y=_numbers(one["y"]),
                z=_numbers(one["z"]),
            )
            for one in data["series"]
        ),
    )


def _next(runs: list[_Run]) -> list[str] | None:
    """The logs that a further run must give; None when all are there."""
    first = runs[0]
    wanted = [*first.more]
    if first.failed and ["colors"] not in wanted:
        wanted.append(["colors"])  # the official hook would have failed inside the script
    done = len(runs) - 1
    return wanted[done] if done < len(wanted) else None

"""The host's side of the warm pool: starts a zygote in the sandbox and talks to it.

in:  requests (plain data), one at a time for each worker
out: replies: what became of the script, its output, its message
not covered: what the messages mean (chart.py), the inside (zygote.py), the walls (sandbox.py)
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import platform
import struct
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from viscodex.errors import IsolationMissing
from viscodex.execute import sandbox, seccomp
from viscodex.execute.confined import readable
from viscodex.execute.runtime import Runtime
from viscodex.execute.sandbox import Confined, Limits

INSIDE = ("zygote.py", "recorder.py", "axes.py", "guard.py")
"""Our files that go into the sandbox; everything else of the repository stays outside."""

MAX_REPLY = 160 << 20  # bytes
_START_S = 180.0  # a loaded machine may take long to load the libraries
_GRACE_S = 20.0  # beyond a job's wall limit, before a zygote counts as wedged

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_CLONE_THREAD = 0x10000
_NUMBERS = {"x86_64": (56, (13, 57, 58)), "aarch64": (220, (134,))}
"""Of clone; of rt_sigaction, fork, vfork."""


def single_process_filter() -> bytes:
    """A further system call filter: threads yes, processes no, no signal handlers.

    A handler could run in the middle of the audit hook that holds the nonce.
    """
    clone, refused = _NUMBERS[platform.machine()]
    code = [(_LOAD, 0, 0, 0)]
    for number in refused:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, seccomp.EPERM)]
    code += [(_EQUAL, 0, 4, clone), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _CLONE_THREAD)]
    code += [(_RETURN, 0, 0, seccomp.ALLOW), (_RETURN, 0, 0, seccomp.EPERM)]
    code.append((_RETURN, 0, 0, seccomp.ALLOW))
    return b"".join(struct.pack("<HBBI", *line) for line in code)


@dataclass(frozen=True, slots=True)
class Reply:
    """One frame of a zygote: its head, and the bytes that follow."""

    head: Mapping[str, Any]
    stdout: bytes
    stderr: bytes
    message: bytes


class Lost(Exception):
    """A zygote is dead, wedged, or says what it never may."""

    out_of_memory = False  # the kernel ended it at the memory limit of the worker


class Worker:
    """One zygote; started when it is first needed, and again when it is lost. Not thread-safe.

    Args:
        runtime: the environment it loads.
        limits: the largest that a job may ask for; they bound the whole worker.
        tier: of the sandbox; None takes the best.
        allow_unsafe: tier C may be used.
    """

    def __init__(
        self, runtime: Runtime, limits: Limits, tier: str | None = None, allow_unsafe: bool = False
    ) -> None:
        self.runtime, self.limits, self.tier, self.allow_unsafe = (
            runtime,
            limits,
            tier,
            allow_unsafe,
        )
        self._job: Confined | None = None
        self._owner = os.getpid()
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Outermost process of the worker; None where none runs."""
        return None if self._job is None else self._job.pid

    def call(self, request: Mapping[str, Any], wall: float) -> Reply:
        """Send one request; a lost zygote is started again and asked once more.

        Args:
            request: plain data.
            wall: the job's limit, seconds.

        Raises:
            IsolationMissing: the sandbox cannot be set up.
            Lost: the second zygote was lost, too.
        """
        try:
            return self._call(request, wall)
        except Lost:
            return self._call(request, wall)

    def _call(self, request: Mapping[str, Any], wall: float) -> Reply:
        if self._owner != os.getpid():  # after a fork the zygote is the parent's
            self._job, self._owner = None, os.getpid()
        if self._job is None:
            self._start()
        try:
            self._send(json.dumps(request).encode())
            reply = self._receive(wall + _GRACE_S)
            if reply.head.get("status") == "lost":
                raise Lost(reply.head.get("reason", ""))
            return reply
        except Lost as lost:
            lost.out_of_memory = self._job is not None and self._job.out_of_memory()
            self.close()
            raise
        except BaseException:  # an interrupted exchange leaves no usable channel
            self.close()
            raise

    def _start(self) -> None:
        tier = self.tier or sandbox.isolation().tier
        here = Path(__file__).parent
        refused = ["socket", "socketpair", "execve", "execveat"]
        if tier != "A":  # no pid namespace is in the way
            refused += seccomp.SIGNALS
            refused += [] if os.geteuid() == 0 else seccomp.SAME_USER
        filters = [seccomp.deny_filter(extra=[*seccomp.OUTSIDE, *refused]), single_process_filter()]
        setup = {"tier": tier, "filters": [base64.b64encode(code).decode() for code in filters]}
        files = {name: (here / name).read_bytes() for name in INSIDE}
        files["setup.json"] = json.dumps(setup).encode()
        whole = replace(
            self.limits, memory=self.limits.memory + (1 << 30) + 2 * self.limits.disk,
            processes=self.limits.processes + 16, disk=max(self.limits.disk, 16 << 20),
        )  # fmt: skip
        self._job = sandbox.start(
            [str(self.runtime.python), "-s", "-P", "zygote.py"],
            limits=whole,
            tier=self.tier,
            allow_unsafe=self.allow_unsafe,
            files=files,
            read_only=[self.runtime.folder],
            env={"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"},
            nested=True,
        )
        self.starts += 1
        try:
            ready = self._receive(_START_S)
            if "ready" not in ready.head:
                raise Lost("no greeting")
        except Lost as error:
            said = self._said()
            self.close()
            raise IsolationMissing(
                "the warm process for charts did not start",
                said or str(error),
                "`viscodex doctor` says what this machine can do.",
            ) from error

    def _said(self) -> str:
        """The last lines that the zygote wrote on standard error."""
        assert self._job is not None and self._job.stderr is not None
        said = b""
        while len(said) < 1 << 16 and readable(self._job.stderr.fileno()):
            part = os.read(self._job.stderr.fileno(), 1 << 16)
            if not part:
                break
            said += part
        return said.decode(errors="replace").strip()[-2000:]

    def _send(self, body: bytes) -> None:
        assert self._job is not None and self._job.stdin is not None
        view = memoryview(struct.pack("<I", len(body)) + body)
        try:
            while view:
                view = view[os.write(self._job.stdin.fileno(), view) :]
        except OSError as error:
            raise Lost(f"the warm process is gone: {error.strerror}") from error

    def _receive(self, seconds: float) -> Reply:
        end = time.monotonic() + seconds
        sizes = struct.unpack("<4I", self._read(16, end))
        if sum(sizes) > MAX_REPLY:
            raise Lost("a reply of more than it may be")
        body = self._read(sum(sizes), end)
        parts, at = [], 0
        for size in sizes:
            parts.append(body[at : at + size])
            at += size
        self._said()  # so that its pipe never fills
        return Reply(json.loads(parts[0]), parts[1], parts[2], parts[3])

    def _read(self, size: int, end: float) -> bytes:
        assert self._job is not None and self._job.stdout is not None
        descriptor = self._job.stdout.fileno()
        got = bytearray()
        while len(got) < size:
            left = end - time.monotonic()
            if left <= 0 or not readable(descriptor, left):
                raise Lost("the warm process does not answer")
            part = os.read(descriptor, min(size - len(got), 1 << 20))
            if not part:
                raise Lost(f"the warm process ended: {self._said()}")
            got += part
        return bytes(got)

    def close(self) -> None:
        """End the zygote and everything below it."""
        job, self._job = self._job, None
        if job is not None and self._owner == os.getpid():
            with contextlib.suppress(OSError):
                job.kill()
            job.close()


def limits_as_data(limits: Limits) -> dict[str, float]:
    """Limits as the zygote reads them."""
    return asdict(limits)

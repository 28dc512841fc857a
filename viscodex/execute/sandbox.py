"""One program under limits, confined: namespaces, system call filter, rlimits, control groups.

in:  a command, limits, files for its private working directory, host directories it may read
out: an Outcome when it has ended (run), or a Confined process tree to talk to (start)
not covered: what the program is and whether it did right (program.py, chart.py, page.py)

Three tiers, probed once by really trying, named in every result:

    A  bubblewrap: its own user or a uid nobody else has, pid, net, ipc, uts, cgroup and mount
       namespaces; /usr read-only; a private working directory of limited size; system call filter
    B  no namespaces: landlock, a stricter system call filter, rlimits (guard.py)
    C  rlimits only; refused unless the caller passes allow_unsafe
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

from viscodex.errors import IsolationMissing, MissingPart
from viscodex.execute import guard
from viscodex.execute.bubblewrap import start_namespaces
from viscodex.execute.cgroup import Cgroup
from viscodex.execute.confined import (
    DEFAULT,
    ENVIRONMENT,
    GRACE_S,
    SHOWN,
    WORK,
    Confined,
    Job,
    Limits,
    readable,
)
from viscodex.execute.guarded import disk_usage, start_guard
from viscodex.types import Status

__all__ = ["WORK", "Confined", "Isolation", "Limits", "Outcome", "isolation", "run", "start"]

MAX_FILES = 1000
"""Given to one job."""

_POLL_S = 0.05  # how often CPU time and memory of a tree are looked at
_NEVER_SHOWN = (
    "/", "/boot", "/dev", "/home", "/proc", "/root", "/run", "/sys", "/tmp", "/var", WORK,
)  # fmt: skip
_NO_MEMORY = re.compile(
    rb"MemoryError|std::bad_alloc|out of memory|OutOfMemoryError|memory allocation of \d+ bytes"
    rb"|cannot allocate memory|Allowed memory size of|cannot allocate vector of size",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """What this machine can do to confine a program."""

    tier: str  # A, B or C
    holds: tuple[str, ...]  # sentences
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command."""

    status: Status
    exit_code: int | None  # None: stopped by us; 128 + n: ended by signal n
    stdout: bytes
    stderr: bytes
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    reason: str  # one line for a person; empty when all is well
    tier: str


# --- starting -------------------------------------------------------------------------------------


def start(
    argv: Sequence[str],
    *,
    limits: Limits,
    tier: str | None = None,
    allow_unsafe: bool = False,
    read_only: Sequence[Path] = (),
    files: Mapping[str, bytes] = {},
    env: Mapping[str, str] = {},
    pass_fds: Sequence[int] = (),
    proc: bool = True,
    seccomp: bool = True,
    nested: bool = False,
    address_space: bool = True,
    refuse: Sequence[str] = (),
) -> Confined:
    """Start a command in the sandbox; wall time and output are the caller's to watch.

    Args:
        argv: a program on the path, an absolute one (what it needs of its own environment is made
            readable), or one of `files` as "./name".
        limits: wall and output are not looked at here.
        tier: "A", "B" or "C"; None takes the best of this machine.
        allow_unsafe: tier C may be used.
        read_only: host directories, readable at their own path.
        files: relative name -> content, below the working directory.
        env: added to a minimal environment.
        pass_fds: open descriptors that the program inherits under the same numbers.
        proc: mount /proc (tier A).
        seccomp: load the system call filter.
        nested: the program makes namespaces of its own and confines its jobs itself: a filter
            that lets it, no limit of CPU and address space on it.
        address_space: limits.memory bounds the address space; off for runtimes that reserve far
            more than they use (Java, Node, Go).
        refuse: names of further system calls to refuse (seccomp.NUMBERS).

    Raises:
        ValueError: files that cannot all lie in the working directory; a directory that is never
            shown to a job.
        IsolationMissing: the tier does not exist here, or could not be set up.
        MissingPart: the program does not exist.
    """
    chosen = _choose(tier, allow_unsafe)
    command, roots = _resolve(argv)
    job = Job(
        command, limits, [*roots, *(Path(p).absolute() for p in read_only)], dict(files),
        {**ENVIRONMENT, **env}, list(pass_fds), proc, seccomp, nested, address_space,
        list(refuse),
    )  # fmt: skip
    _check_files(files, limits)
    for place in job.readable:
        if place in (Path.home(), *map(Path, _NEVER_SHOWN)) or ".." in place.parts:
            raise ValueError(f"this directory is never shown to a job: {place}")
    return start_namespaces(job) if chosen == "A" else start_guard(job, chosen)


def _check_files(files: Mapping[str, bytes], limits: Limits) -> None:
    folders: set[PurePosixPath] = set()
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise ValueError(f"a file of a job must lie in its working directory: {name!r}")
        if max(len(part.encode()) for part in path.parts) > 255:
            raise ValueError(f"a name of more than 255 bytes: {name!r}")
        folders.update(path.parents)
    for name in files:
        if PurePosixPath(name) in folders:
            raise ValueError(f"both a file and a directory of a job: {name!r}")
    if len(files) > MAX_FILES or sum(map(len, files.values())) > limits.disk:
        raise ValueError(
            f"the files of a job: {len(files)} of at most {MAX_FILES}, "
            f"{sum(map(len, files.values())):,} bytes of at most {limits.disk:,}"
        )


def _choose(tier: str | None, allow_unsafe: bool) -> str:
    best = isolation()
    chosen = tier or best.tier
    if chosen not in ("A", "B", "C"):
        raise ValueError(f"tier must be A, B or C, is {chosen!r}")
    if chosen < best.tier:
        raise IsolationMissing(
            f"generated code cannot be confined in tier {chosen} here",
            "\n".join(best.missing),
            "`viscodex doctor` says how to get it.",
        )
    if chosen == "C" and not allow_unsafe:
        raise IsolationMissing(
            "generated code cannot be confined on this machine",
            "\n".join(best.missing),
            "`viscodex doctor` says how to get it; allow unsafe runs only on a machine that holds nothing of worth.",
        )
    return chosen


def _resolve(argv: Sequence[str]) -> tuple[list[str], list[Path]]:
    """The command with an absolute program, and what must be readable for it outside of /usr."""
    if "/" in argv[0] and not argv[0].startswith("/"):
        return list(argv), []  # one of the job's own files
    found = shutil.which(argv[0], path=ENVIRONMENT["PATH"]) or shutil.which(argv[0])
    if found is None:
        raise MissingPart("a program is missing", argv[0], "Install it, or give its full path.")
    program = Path(found).absolute()
    return [str(program), *argv[1:]], _roots(program)


def _roots(program: Path) -> list[Path]:
    """Directories (or the file alone) that an executable outside of /usr needs."""
    found: list[Path] = []
    hop = program
    for _ in range(20):  # each link on the way to the file
        if any(hop.is_relative_to(place) for place in SHOWN):
            break
        prefix = hop.parent.parent
        settings = prefix / "pyvenv.cfg"
        if settings.is_file():
            found.append(prefix)
            home = re.search(r"^home\s*=\s*(.+)$", settings.read_text(), re.MULTILINE)
            base = Path(home[1].strip()).parent if home else Path("/usr")
            if base != Path("/usr") and _is_python(base):
                found.append(base)
        else:  # never a whole ~/.local for a link in its bin
            found.append(prefix if _is_python(prefix) else hop)
        if not hop.is_symlink():
            break
        hop = Path(os.path.normpath(hop.parent / hop.readlink()))
    return found


def _is_python(prefix: Path) -> bool:
    """Whether a directory is the installation of a Python."""
    return len(prefix.parts) > 1 and any(prefix.glob("lib/python3*/os.py"))


# --- running --------------------------------------------------------------------------------------


def run(
    argv: Sequence[str], *, stdin: bytes = b"", limits: Limits = DEFAULT, **how: Any
) -> Outcome:
    """Run a command to its end, or to its limits; its whole tree is dead afterwards.

    Args:
        stdin: what it reads; standard input is closed after that.
        how: arguments of start.

    Returns:
        status "ok" (exit status 0), "error", "timeout", "memory", or "blocked": stopped because
        of too much output, a full disk, or a system call that nothing honest makes.

    Raises:
        IsolationMissing, MissingPart: as start does.
    """
    with start(argv, limits=limits, **how) as job:
        begin = time.monotonic()
        stopped, output = _watch(job, stdin, limits)
        seconds = time.monotonic() - begin
        code = job.wait(GRACE_S)
        cpu, peak = job.usage()
        out, err = bytes(output[job.stdout]), bytes(output[job.stderr])
        if code is None or not (job.set_up() or stopped):
            raise IsolationMissing(
                "the sandbox could not be set up",
                err.decode(errors="replace").strip() or f"exit status {code}",
                "`viscodex doctor` says what this machine can do.",
            )
        status, reason = stopped or _judge(code, err, cpu, limits, job.out_of_memory())
    return Outcome(
        status, None if stopped else code, out, err, seconds, cpu, peak, reason, job.tier
    )


def _judge(
    code: int, err: bytes, cpu: float, limits: Limits, out_of_memory: bool
) -> tuple[Status, str]:
    """(status, reason) of a program that ended by itself or by the kernel."""
    if code == 0:
        return "ok", ""
    if out_of_memory:
        return "memory", f"more than {limits.memory >> 20} MB of memory"
    if code == 128 + signal.SIGXCPU or (code == 128 + signal.SIGKILL and cpu >= 0.9 * limits.cpu):
        return "timeout", f"more than {limits.cpu:g} s of CPU time"
    if code == 128 + signal.SIGSYS:
        return "blocked", "a system call that is never allowed"
    if _NO_MEMORY.search(err[-4096:]):
        return "memory", f"out of memory; the limit is {limits.memory >> 20} MB"
    if code - 128 in signal.valid_signals():
        return "error", f"ended by signal {signal.strsignal(code - 128)}"
    return "error", f"exit status {code}"


def _watch(
    job: Confined, stdin: bytes, limits: Limits
) -> tuple[tuple[Status, str] | None, dict[IO[bytes], bytearray]]:
    """Feed, drain and watch a tree until it has ended.

    Returns:
        (status, reason) if we stopped it, and what it wrote by stream, cut at limits.output.
    """
    end = time.monotonic() + limits.wall
    output = {job.stdout: bytearray(), job.stderr: bytearray()}
    left = memoryview(stdin)
    stopped: tuple[Status, str] | None = None
    written = 0

    def drain(stream: IO[bytes]) -> bool:
        """Read what is there; False at the end of the stream."""
        nonlocal written
        try:
            part = stream.read(1 << 16)
        except OSError:
            return False
        if part is None:
            return True
        room = max(0, limits.output - written)
        output[stream] += part[:room]
        written += len(part)
        return bool(part)

    with selectors.DefaultSelector() as selector:
        for pipe in (job.stdin, job.stdout, job.stderr):
            os.set_blocking(pipe.fileno(), False)
        selector.register(job.stdin, selectors.EVENT_WRITE)
        selector.register(job.stdout, selectors.EVENT_READ)
        selector.register(job.stderr, selectors.EVENT_READ)
        selector.register(job, selectors.EVENT_READ)
        look = time.monotonic() + _POLL_S
        while stopped is None:
            now = time.monotonic()
            ready = {key.fileobj for key, _ in selector.select(max(0.0, min(look, end) - now))}
            if job.stdin in ready and not (left := _feed(job.stdin, left)):
                selector.unregister(job.stdin)
                job.stdin.close()
            for stream in output:
                if stream in ready and not drain(stream):
                    selector.unregister(stream)
            now = time.monotonic()
            if written > limits.output:
                stopped = "blocked", f"more than {limits.output} bytes of output"
            elif job in ready:
                break
            elif now >= end:
                stopped = "timeout", f"more than {limits.wall:g} s of wall time"
            elif now >= look:
                look = now + _POLL_S
                stopped = _over(job, limits)
    if stopped:
        job.kill()
    for stream in output:  # the tree is dead: what is left lies in the pipes
        while drain(stream) and written <= limits.output and readable(stream.fileno()):
            pass
    if not stopped and written > limits.output:
        stopped = "blocked", f"more than {limits.output} bytes of output"
    return stopped, output


def _feed(pipe: IO[bytes], left: memoryview) -> memoryview:
    try:
        return left[os.write(pipe.fileno(), left[: 1 << 16]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:  # it does not want to read
        return left[:0]


def _over(job: Confined, limits: Limits) -> tuple[Status, str] | None:
    """(status, reason) when the tree as a whole is beyond a limit."""
    cpu, peak = job.usage()
    if cpu > limits.cpu:
        return "timeout", f"more than {limits.cpu:g} s of CPU time"
    if not job.counts_memory and peak > limits.memory + limits.disk:
        return "memory", f"more than {limits.memory >> 20} MB of memory"
    if job.folder and disk_usage(job.folder, limits.disk) > limits.disk:
        return "blocked", f"more than {limits.disk >> 20} MB on disk"
    return None


# --- what this machine can do ---------------------------------------------------------------------


@cache
def isolation() -> Isolation:
    """The best tier of this machine, found by really trying, once a process."""
    holds: list[str] = []
    missing: list[str] = []
    tier = "C"
    abi = guard.landlock_abi()
    if abi:
        scope = "files, TCP and signals" if abi >= 6 else "files and TCP" if abi >= 4 else "files"
        holds.append(f"landlock: ABI {abi}, {scope}")
    else:
        missing.append("landlock: not offered by this kernel (5.13 or newer has it)")
    if why := _fails(start_namespaces):
        missing.append(f"namespaces: {why}")
        if abi and not (why := _fails(lambda job: start_guard(job, "B"))):
            tier = "B"
        elif abi:
            missing.append(f"landlock: {why}")
    else:
        tier = "A"
        holds.append("namespaces: user, pid, net, ipc, uts, cgroup and mount, by bubblewrap")
    if tier != "C":
        holds.append("system call filter: loaded in every job")
    group = Cgroup.make(memory=1 << 28, processes=16)
    if group is not None:
        group.remove()
        holds.append("control groups: memory, processes and CPU time of whole trees are limited")
    else:
        missing.append("control groups: not writable; whole trees are watched, not limited")
    return Isolation(tier, tuple(holds), tuple(missing))


def _fails(begin: Callable[[Job], Confined]) -> str:
    """Why a command cannot be run in this way; empty when it can."""
    limits = Limits(wall=10, cpu=5, memory=1 << 30, disk=1 << 20)
    environment = dict(ENVIRONMENT)
    job = Job(["/bin/true"], limits, [], {}, environment, [], True, True, False, True, [])
    try:
        with begin(job) as tried:
            code = tried.wait(10)
            tried.kill()
            if code == 0:
                return ""
            said = tried.stderr.read().decode(errors="replace").strip()
            return said or f"exit status {code}"
    except (MissingPart, OSError) as error:
        return " ".join(str(error).split())

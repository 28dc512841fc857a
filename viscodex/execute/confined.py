"""A job and its started process tree: what all tiers share.

in:  limits, and the handles of a process that a tier has started
out: Confined: wait, kill, usage, close; the whole tree dies with it
not covered: how a tier confines (bubblewrap.py, guarded.py), clocks and output (sandbox.py)
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import secrets
import select
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from viscodex.execute import guard
from viscodex.execute.cgroup import Cgroup

WORK = "/work"
"""The private working directory of a job in tier A; also its HOME, TMPDIR and /tmp."""

SHOWN = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives")
"""What every job may read."""
ETC = (
    "alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types",
    "mono", "nsswitch.conf", "php", "protocols", "R", "services",
)  # fmt: skip
"""Of /etc, what every job may read."""
GRACE_S = 5.0  # a killed tree is gone by then, or the kernel is stuck
ENVIRONMENT = {
    "HOME": WORK,
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",  # each thread costs address space and one of the allowed processes
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TMPDIR": WORK,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. Seconds and bytes."""

    wall: float = 30.0
    cpu: float = 10.0  # of each process; of the whole tree where it can be measured
    memory: int = 2 << 30  # address space of each process; of the tree, files in memory included
    disk: int = 64 << 20  # working directory, and shared memory, each
    output: int = 1 << 20  # standard output and error together
    processes: int = 64  # threads count
    files: int = 256  # open at once

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"limit {name} must be above 0, is {getattr(self, name)}")


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of sandbox.start, put in order."""

    argv: list[str]
    limits: Limits
    readable: list[Path]
    files: dict[str, bytes]
    env: dict[str, str]
    pass_fds: list[int]
    proc: bool
    seccomp: bool
    nested: bool
    address_space: bool
    refuse: list[str]

    def rlimits(self) -> dict[int, tuple[int, int]]:
        """Resource -> soft and hard limit."""
        few = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: self.limits.disk,
            resource.RLIMIT_MSGQUEUE: 0,
            resource.RLIMIT_NOFILE: self.limits.files,
            resource.RLIMIT_NPROC: self.limits.processes,
        }
        found = {name: (value, value) for name, value in few.items()}
        if not self.nested:
            seconds = math.ceil(self.limits.cpu)
            found[resource.RLIMIT_CPU] = (seconds, seconds + 1)
            if self.address_space:
                found[resource.RLIMIT_AS] = (self.limits.memory, self.limits.memory)
        for name, (soft, hard) in found.items():  # ours may be lower; only root can go up
            top = resource.getrlimit(name)[1]
            if top != resource.RLIM_INFINITY and os.geteuid() != 0:
                found[name] = (min(soft, top), min(hard, top))
        return found


class Confined:
    """A started, confined process tree; a context manager that leaves nothing behind.

    Attributes:
        pid: our child, the outermost process of the tree.
        stdin, stdout, stderr: unbuffered pipes.
        tier: A, B or C.
        folder: its working directory on this machine's disk (tiers B and C).
        set_up: asked after the end, whether the sandbox was made and the program begun.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        tier: str,
        root: int,
        kill: Callable[[], None],
        finish: Callable[[], None],
        release: Callable[[], None],
        set_up: Callable[[], bool],
        group: Cgroup | None,
        folder: Path | None = None,
    ) -> None:
        self.folder = folder
        self.pid, self.tier, self.set_up = process.pid, tier, set_up
        assert process.stdin and process.stdout and process.stderr
        self.stdin: IO[bytes] = process.stdin
        self.stdout: IO[bytes] = process.stdout
        self.stderr: IO[bytes] = process.stderr
        self._process, self._root, self._group = process, root, group
        self._kill, self._finish, self._release = kill, finish, release
        self._handle = os.pidfd_open(process.pid)
        self._lock = threading.Lock()
        self._code: int | None = None
        self._rusage: resource.struct_rusage | None = None
        self._last_usage = (0.0, 0)
        self._closed = False

    def __enter__(self) -> Confined:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Readable when the tree has ended: for select and its kin."""
        return self._handle

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit status (128 + n after signal n), or None if the time (seconds) is over first."""
        if self._code is None and not readable(self._handle, timeout):
            return None
        with self._lock:
            if self._code is None:
                self._reap()
        return self._code

    def _reap(self) -> None:
        try:
            _, status, self._rusage = os.wait4(self.pid, 0)
            code = os.waitstatus_to_exitcode(status)
        except ChildProcessError:  # the caller's process ignores SIGCHLD: the kernel reaped it
            code = 255
        self._finish()
        self._code = self._process.returncode = code if code >= 0 else 128 - code

    def kill(self) -> None:
        """End the whole tree; it is dead when this returns."""
        if self.wait(0) is not None:
            return
        self._kill()
        if self.wait(GRACE_S) is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self.wait(GRACE_S)

    def usage(self) -> tuple[float, int]:
        """CPU seconds and peak bytes of the tree so far, as well as this machine can tell."""
        if self._group is not None:
            with contextlib.suppress(OSError):
                self._last_usage = self._group.usage()
        else:
            cpu, now = _tree_usage(self._root)
            if self._rusage is not None:  # has ended; not all of the tree is counted in tier A
                cpu = self._rusage.ru_utime + self._rusage.ru_stime
            self._last_usage = (max(cpu, self._last_usage[0]), max(now, self._last_usage[1]))
        return self._last_usage

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the tree at the memory limit."""
        if self._group is not None:
            with contextlib.suppress(OSError):
                return self._group.out_of_memory() > 0
        return False

    @property
    def counts_memory(self) -> bool:
        """Whether the kernel holds the tree to its memory limit."""
        return self._group is not None

    def close(self) -> None:
        """Kill what still runs, close the pipes, remove the control group."""
        if self._closed:
            return
        self.kill()
        self.usage()
        self._closed = True
        for pipe in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        self._release()
        os.close(self._handle)
        if self._group is not None:
            self._group.remove()


def _tree_usage(root: int) -> tuple[float, int]:
    """CPU seconds and memory in use of a process and all its descendants, from /proc."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu = memory = 0
    tree = (root, *guard.descendants(root))
    for pid in tree:
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu += sum(int(value) for value in fields[11:15])  # its own and its waited-for children
            resident = int(fields[21]) * page
            memory += resident if len(tree) < 4 else min(resident, _own_memory(pid))
    return cpu / tick, memory


def _own_memory(pid: int) -> int:
    """Bytes of a process, with its share of what it has in common with others since a fork."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 1 << 62


# --- starting -------------------------------------------------------------------------------------

_spawners: dict[int, ThreadPoolExecutor] = {}


def spawn(argv: Sequence[str], env: Mapping[str, str], fds: Sequence[int]) -> Any:
    """Popen in a thread that lives as long as we do.

    The kernel ends a --die-with-parent tree when the thread dies that started it, not the process.
    """
    spawner = _spawners.get(os.getpid())
    if spawner is None:  # two at once: the loser's thread idles, nothing is lost
        spawner = _spawners.setdefault(os.getpid(), ThreadPoolExecutor(1, "viscodex-spawn"))
    return spawner.submit(
        subprocess.Popen,
        list(argv),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        pass_fds=list(fds),
        start_new_session=True,
        cwd="/",
    ).result()


def write_all(descriptor: int, content: bytes) -> None:
    """All of it, however much one call takes."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def memory_file(content: bytes) -> int:
    """A descriptor to read the content from."""
    descriptor = os.memfd_create("viscodex", os.MFD_CLOEXEC)
    write_all(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def closed_to_others(path: Path) -> Path | None:
    """What keeps users other than the owner from reading a path: a folder on the way, or itself."""
    real = path.resolve()
    shut = [folder for folder in real.parents if not folder.stat().st_mode & 0o001]
    if shut:
        return shut[-1]
    return None if real.stat().st_mode & 0o004 else real


def readable(descriptor: int, timeout: float | None = 0.0) -> bool:
    """Whether a descriptor (of any number, unlike select's) has something to read, or has ended."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if timeout is None else math.ceil(timeout * 1000)))


def fresh_uid() -> int:
    """A user that nobody else is: RLIMIT_NPROC counts by user, and two jobs must not share it.

    The range is free of the accounts, containers and directory services that systemd's and sssd's
    tables name, and below 2^31.
    """
    return 2_010_000_000 + secrets.randbelow(130_000_000)

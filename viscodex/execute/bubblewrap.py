"""Tier A: namespaces made by bubblewrap.

in:  a Job
out: its started process tree, in a mount tree of its own and, for root, as a user of its own
not covered: limits of time and output (sandbox.py); the system call filter itself (seccomp.py)

bwrap waits at a gate until the limits are set and the control group is entered. As root it makes
the mounts, so that it can show parts of closed directories, and setpriv then gives up the user.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from viscodex.errors import IsolationMissing
from viscodex.execute.cgroup import Cgroup
from viscodex.execute.confined import (
    ETC,
    GRACE_S,
    SHOWN,
    WORK,
    Confined,
    Job,
    fresh_uid,
    memory_file,
    readable,
    spawn,
)
from viscodex.execute.seccomp import deny_filter


@cache
def _system() -> tuple[str, ...]:
    """bwrap arguments for the read-only system, the same for all jobs."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/", name)
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    words += ["--perms", "0755", "--dir", "/etc"]
    names = [*ETC, *(path.name for path in Path("/etc").glob("java-*"))]
    for name in names:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    if Path("/var/cache/fontconfig").is_dir():
        words += ["--perms", "0755", "--dir", "/var", "--perms", "0755", "--dir", "/var/cache"]
        words += ["--ro-bind", "/var/cache/fontconfig", "/var/cache/fontconfig"]
    return tuple(words)


def _bind(paths: Sequence[Path]) -> Iterator[str]:
    """Arguments for directories at their own path, parents that everybody may cross included."""
    done: list[Path] = []
    made = {Path("/"), Path("/tmp"), Path("/etc")}
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if any(path.is_relative_to(other) for other in [*done, *map(Path, SHOWN)]):
            continue
        for parent in reversed(path.parents):
            if parent not in made:
                made.add(parent)
                yield from ("--perms", "0755", "--dir", str(parent))
        done.append(path)
        yield from ("--ro-bind", str(path), str(path))


def _bwrap_arguments(job: Job, uid: int | None, data: Callable[[bytes], str]) -> list[str]:
    words = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent", "--new-session"]
    if uid is None:
        words.append("--unshare-user")
    words += _system()
    if job.proc:
        words += ["--proc", "/proc"]
    size = str(job.limits.disk)
    words += ["--dev", "/dev", "--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"]
    words += ["--perms", "0777", "--size", size, "--tmpfs", WORK, "--symlink", WORK[1:], "/tmp"]
    words += _bind(job.readable)
    user = os.geteuid() if uid is None else uid
    accounts = f"root:x:0:0::/:/bin/false\nuser:x:{user}:{user}::{WORK}:/bin/sh\n"
    words += ["--perms", "0644", "--ro-bind-data", data(accounts.encode()), "/etc/passwd"]
    names = b"127.0.0.1 localhost\n::1 localhost\n"
    words += ["--perms", "0644", "--ro-bind-data", data(names), "/etc/hosts"]
    folders: set[PurePosixPath] = set()
    for name, content in job.files.items():
        path = PurePosixPath(WORK, name)
        for parent in reversed(path.parents[: len(path.parts) - 2]):
            if parent not in folders:
                folders.add(parent)
                words += ["--perms", "0777", "--dir", str(parent)]
        words += ["--perms", "0777", "--file", data(content), str(path)]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK]
    if job.seccomp:
        words += ["--seccomp", data(deny_filter(extra=job.refuse, nested=job.nested))]
    return words


def _setpriv() -> str:
    found = shutil.which("setpriv")
    if found is None:
        raise IsolationMissing("a program is missing", "setpriv", "apt-get install util-linux")
    return found


def _child_of(news: int, process: subprocess.Popen[bytes]) -> int:
    """What bwrap says of its child, the first process of the new namespaces.

    Raises:
        IsolationMissing: bwrap could not make them.
    """
    said = b""
    while b"}" not in said:
        part = os.read(news, 4096)
        if not part:
            message = process.communicate()[1].decode(errors="replace").strip()
            raise IsolationMissing(
                "bubblewrap could not make the sandbox",
                message or f"exit status {process.returncode}",
                "`viscodex doctor` says what this machine can do.",
            )
        said += part
    return int(json.loads(said)["child-pid"])


def start_namespaces(job: Job) -> Confined:
    """Start a job in tier A.

    Raises:
        IsolationMissing: bubblewrap or setpriv is missing, or the kernel lets it not do its work.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise IsolationMissing("bubblewrap is missing", "bwrap", "apt-get install bubblewrap")
    uid = fresh_uid() if os.geteuid() == 0 else None
    fds: list[int] = []  # ours, closed when bwrap has its copies
    kept: list[int] = []  # ours until the tree is dead

    def data(content: bytes) -> str:
        fds.append(memory_file(content))
        return str(fds[-1])

    def release() -> None:
        for descriptor in kept:
            os.close(descriptor)

    process: subprocess.Popen[bytes] | None = None
    group: Cgroup | None = None
    try:
        words = _bwrap_arguments(job, uid, data)
        news, tell = os.pipe()
        gate, opener = os.pipe()
        kept += [news, gate, opener]
        fds.append(tell)
        words += ["--info-fd", str(tell), "--block-fd", str(gate), "--"]
        if uid is not None:
            user = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--no-new-privs"]
            words += [_setpriv(), *user, "--"]
        everything = [bwrap, *words, *job.argv]
        process = spawn(everything, job.env, [*fds, gate, *job.pass_fds])
        for descriptor in fds:
            os.close(descriptor)
        fds.clear()
        child = _child_of(news, process)
        kept.append(os.pidfd_open(child))
        limits = job.limits
        group = Cgroup.make(memory=limits.memory + limits.disk, processes=limits.processes + 2)
        with contextlib.suppress(ProcessLookupError):  # bwrap failed: set_up will say so
            if group is not None:
                group.add(child)
            for name, value in job.rlimits().items():
                resource.prlimit(child, name, value)
        handle = kept[-1]

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)

        def finish() -> None:  # bwrap may end a moment before its namespace
            kill()
            readable(handle, GRACE_S)

        def set_up() -> bool:  # bwrap takes the byte when all mounts are made
            return not readable(gate)

        os.write(opener, b"x")
        return Confined(
            process, tier="A", root=child, kill=kill, finish=finish, release=release,
            set_up=set_up, group=group,
        )  # fmt: skip
    except BaseException:
        for descriptor in [*fds, *kept]:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if process is not None:
            process.kill()
            process.communicate()
        if group is not None:
            group.remove()
        raise

"""Tiers B and C from the outside: starting the guard and cleaning after it.

in:  a Job
out: its started process tree, in a directory of its own on this machine's disk
not covered: what the guard does inside (guard.py); limits of time, output and disk (sandbox.py)
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from viscodex.errors import IsolationMissing, MissingPart
from viscodex.execute import guard
from viscodex.execute.cgroup import Cgroup
from viscodex.execute.confined import (
    ETC,
    SHOWN,
    Confined,
    Job,
    closed_to_others,
    fresh_uid,
    readable,
    spawn,
    write_all,
)
from viscodex.execute.seccomp import OUTSIDE, SAME_USER, SIGNALS, deny_filter


def start_guard(job: Job, tier: str) -> Confined:
    """Start a job in tier B (landlock) or C.

    Raises:
        IsolationMissing: the guard could not start.
        MissingPart: as root, what the job needs is closed to the user it runs as.
    """
    uid = fresh_uid() if os.geteuid() == 0 else None
    _check_readable(job, uid)
    folder = Path(tempfile.mkdtemp(prefix=f"viscodex-job-{os.getpid()}-"))
    ours: list[int] = []  # descriptors of ours until the tree is dead
    theirs: list[int] = []

    def pipe(*, we_read: bool) -> tuple[int, int]:
        reader, writer = os.pipe()
        mine, other = (reader, writer) if we_read else (writer, reader)
        ours.append(mine)
        theirs.append(other)
        return mine, other

    def release() -> None:
        for descriptor in ours:
            os.close(descriptor)
        _remove(folder)

    process: subprocess.Popen[bytes] | None = None
    group: Cgroup | None = None
    try:
        _fill(folder, job.files, uid)
        news, status = pipe(we_read=True)
        order_in, order_out = pipe(we_read=False)
        opener, gate = pipe(we_read=False)
        control_in, control = pipe(we_read=False)
        order = {
            "argv": job.argv, "env": job.env | {"HOME": str(folder), "TMPDIR": str(folder)},
            "folder": str(folder), "parent": os.getpid(), "uid": uid, "rlimits": list(job.rlimits().items()),
            "landlock": tier == "B", "read": _landlock_reads(job), "filter": _guard_filter(job, uid),
            "write": [str(folder), *(f"/dev/{name}" for name in ("full", "null", "zero"))],
            "gate": gate, "status": status, "control": control, "pass_fds": job.pass_fds,
        }  # fmt: skip
        words = [sys.executable, "-I", "-S", guard.__file__, str(order_out)]
        process = spawn(words, {}, [*theirs, *job.pass_fds])
        for descriptor in theirs:
            os.close(descriptor)
        theirs.clear()
        write_all(order_in, json.dumps(order).encode())
        os.close(order_in)
        ours.remove(order_in)
        child = _guarded(news, process)
        limits = job.limits
        group = Cgroup.make(memory=limits.memory + limits.disk, processes=limits.processes + 1)
        if group is not None:
            group.add(child)

        def kill() -> None:
            if control_in in ours:
                os.close(control_in)
                ours.remove(control_in)

        def set_up() -> bool:
            return readable(news) and os.read(news, 1) == b"k"

        os.write(opener, b"x")
        return Confined(
            process, tier=tier, root=process.pid, kill=kill, finish=lambda: None,
            release=release, set_up=set_up, group=group, folder=folder,
        )  # fmt: skip
    except BaseException:
        for descriptor in [*ours, *theirs]:
            os.close(descriptor)
        if process is not None:
            process.communicate()  # the guard ends by itself when its control pipe is closed
        if group is not None:
            group.remove()
        _remove(folder)
        raise


def _guarded(news: int, process: subprocess.Popen[bytes]) -> int:
    """What the guard says of its child."""
    said = b""
    while b"\n" not in said:
        part = os.read(news, 1)  # no more: what follows is for set_up
        if not part:
            message = process.communicate()[1].decode(errors="replace").strip()
            raise IsolationMissing("the guard could not start", message, "")
        said += part
    return int(said)


def _guard_filter(job: Job, uid: int | None) -> str:
    """The filter in hexadecimal; empty: none."""
    if not job.seccomp:
        return ""
    if job.nested:
        return deny_filter(extra=job.refuse, nested=True).hex()
    extra = [*OUTSIDE, *job.refuse]
    if guard.landlock_abi() < 6:
        extra += SIGNALS
    if uid is None:
        extra += SAME_USER
    return deny_filter(extra=extra).hex()


def _landlock_reads(job: Job) -> list[str]:
    system = [*SHOWN, "/dev/random", "/dev/urandom", "/var/cache/fontconfig"]
    system += [f"/etc/{name}" for name in (*ETC, "ssl/openssl.cnf")]
    system += map(str, Path("/etc").glob("java-*"))
    known: tuple[str, ...] = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "version")
    if job.proc:
        known = (*known, "self", "sys/vm/overcommit_memory")
    system += [f"/proc/{name}" for name in known]
    return [*system, *map(str, job.readable)]


def _check_readable(job: Job, uid: int | None) -> None:
    """Without mounts, a program in a closed home cannot be shown to another user."""
    if uid is None:
        return
    for path in job.readable:
        if shut := closed_to_others(path):
            raise MissingPart(
                "the user that generated code runs as cannot read what it needs",
                f"{path}: {shut} is closed to others",
                "Install it where others can read, or install bubblewrap.",
            )


def _fill(folder: Path, files: Mapping[str, bytes], uid: int | None) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o777)
    if uid is not None:
        for place in (folder, *folder.rglob("*")):
            os.chown(place, uid, uid)


def _remove(folder: Path) -> None:
    """Delete a dead job's directory, whatever it did to depth and permissions."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):  # neither follows links
        subprocess.run(
            [*command, "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def disk_usage(folder: Path, enough: int) -> int:
    """Bytes on disk below a directory, counted until they are enough."""
    total, todo = 0, [str(folder)]
    while todo and total <= enough:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    total += max(512, entry.stat(follow_symlinks=False).st_blocks * 512)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # so deep that nobody can count it
                return enough + 1
    return total

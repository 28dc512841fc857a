"""Control groups: memory, number of processes and CPU time of a whole tree, where they are writable.

in:  the limits of one job
out: a group to put its first process into; what the tree used; whether memory ran out
not covered: limits of single processes (sandbox.py sets rlimits)

Version 1 has a hierarchy for each controller, version 2 one for all. A job's group lies below our
own group, or beside it where version 2 wants groups with processes to be leaves.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CONTROLLERS = ("memory", "pids", "cpuacct")
_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where new groups are made: controller -> directory; "all" in version 2."""

    version: int
    parents: dict[str, Path]


class Cgroup:
    """The group of one job. `make` it, `add` a process, `remove` it when the tree is dead."""

    def __init__(self, version: int, folders: dict[str, Path]) -> None:
        self._version, self._folders = version, folders

    @classmethod
    def make(cls, *, memory: int, processes: int) -> Cgroup | None:
        """A new group with limits in bytes and tasks; None where none can be made."""
        layout = _layout()
        return None if layout is None else _make(layout, memory, processes)

    def add(self, pid: int) -> None:
        """Put a process in; its later children are born there.

        Raises:
            OSError: the process is gone, or may not be moved.
        """
        for folder in self._folders.values():
            (folder / "cgroup.procs").write_text(str(pid))

    def usage(self) -> tuple[float, int]:
        """CPU seconds and peak bytes (page cache included) of the tree so far."""
        if self._version == 1:
            cpu = int((self._folders["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
            return cpu, int((self._folders["memory"] / "memory.max_usage_in_bytes").read_text())
        folder = self._folders["all"]
        cpu = _field(folder / "cpu.stat", "usage_usec") / 1e6
        peak = folder / "memory.peak"
        return cpu, int(peak.read_text()) if peak.exists() else 0

    def out_of_memory(self) -> int:
        """How many processes the kernel ended because the group reached its memory limit."""
        if self._version == 1:
            return _field(self._folders["memory"] / "memory.oom_control", "oom_kill")
        return _field(self._folders["all"] / "memory.events", "oom_kill")

    def kill(self) -> None:
        """End every process in the group, however it was born."""
        folder = next(iter(self._folders.values()))
        if (folder / "cgroup.kill").exists():
            (folder / "cgroup.kill").write_text("1")
        for _ in range(1000):
            pids = (folder / "cgroup.procs").read_text().split()
            if not pids:
                return
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.001)

    def remove(self) -> None:
        """Forget the group; its processes must be dead (the kernel may need a moment for them)."""
        for folder in self._folders.values():
            for pause in (0.0, 0.001, 0.01, 0.1, 0.5):
                time.sleep(pause)
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break


def _field(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        if line.startswith(f"{name} "):
            return int(line.split()[1])
    return 0


def _make(layout: _Layout, memory: int, processes: int) -> Cgroup | None:
    name = f"viscodex-{os.getpid()}-{next(_counter)}"
    folders = {controller: parent / name for controller, parent in layout.parents.items()}
    group = Cgroup(layout.version, folders)
    try:
        for folder in folders.values():
            folder.mkdir()
        if layout.version == 1:
            (folders["memory"] / "memory.limit_in_bytes").write_text(str(memory))
            swap = folders["memory"] / "memory.memsw.limit_in_bytes"
            if swap.exists():
                swap.write_text(str(memory))
            (folders["pids"] / "pids.max").write_text(str(processes))
        else:
            folder = folders["all"]
            (folder / "memory.max").write_text(str(memory))
            if (folder / "memory.swap.max").exists():
                (folder / "memory.swap.max").write_text("0")
            (folder / "pids.max").write_text(str(processes))
    except OSError:
        for folder in folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()
        return None
    return group


@cache
def _layout() -> _Layout | None:
    """Found by making a group and moving a process into it."""
    for layout in _candidates():
        for parent in layout.parents.values():
            _sweep(parent)
        group = _make(layout, 1 << 28, 16)
        if group is None:
            continue
        child = os.posix_spawn("/bin/sh", ["sh", "-c", "read line"], {}, file_actions=_no_files())
        try:
            group.add(child)
            group.usage()
            return layout
        except OSError:
            continue
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
            group.remove()
    return None


def _no_files() -> list[tuple[int, int, str, int, int]]:
    """Standard input that never ends, so that the probe waits to be killed; no output."""
    return [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/zero", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
    ]


def _sweep(parent: Path) -> None:
    """Groups of processes of ours that died before they could remove them."""
    for folder in parent.glob("viscodex-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _candidates() -> Iterator[_Layout]:
    """Places where groups might be made, best first."""
    try:
        ours = _own_groups()
    except OSError:
        return
    if all(name in ours for name in _CONTROLLERS):
        yield _Layout(1, {name: ours[name] for name in _CONTROLLERS})
    if "" in ours:
        for parent in (ours[""], ours[""].parent):
            given = parent / "cgroup.subtree_control"
            with contextlib.suppress(OSError):
                if {"memory", "pids"} <= set(given.read_text().split()):
                    yield _Layout(2, {"all": parent})


def _own_groups() -> dict[str, Path]:
    """Controller ("" in version 2) -> directory of the group that we are in."""
    paths: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        root, place = left.split()[3:5]
        kind, _, options = right.split(" ", 2)
        names = [""] if kind == "cgroup2" else options.split(",") if kind == "cgroup" else []
        for name in names:
            if name in paths and f"{paths[name]}/".startswith(root.rstrip("/") + "/"):
                found.setdefault(
                    name, Path(place) / paths[name][len(root.rstrip("/")) :].strip("/")
                )
    return found

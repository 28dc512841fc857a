"""The output directory: written beside its place, resumable, renamed when it is whole.

in:  the layout of the output files and what each finished tensor hashed to
out: a directory under the final name, or DIR.partial with a journal to resume from
not covered: what is written (apply.py)

    DIR.partial/lock           held while a merge runs
    DIR.partial/journal.jsonl  first line: identity of the merge; then one line per finished tensor
    DIR.partial/model/         becomes DIR, by one rename, after everything else
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from viscodex.errors import NotEnoughSpace, OutputRefused
from viscodex.merge.checkpoint import PAGE_BYTES, Shard, TensorReader, hash_tensor

SLACK_BYTES = 32 << 20  # left free on the disk


class Sink(Protocol):
    """Where merged bytes go: files (Output), or memory (memory.py)."""

    def write(self, name: str, start: int, data: memoryview) -> None:
        """Take bytes of a tensor from its byte `start` on; any thread, any order."""
        ...


def check_output(out: Path, inputs: Sequence[Path]) -> None:
    """Refuse a place that is taken, or that an input lies in or under.

    Raises:
        OutputRefused: with the reason.
    """
    place = out.resolve()
    if out.is_symlink() or place == Path.cwd():
        raise OutputRefused(
            "the output cannot be a link or the current directory", str(out), "Choose a new name."
        )
    if not _existing(place).is_dir() or not os.access(_existing(place), os.W_OK):
        raise OutputRefused(
            "the output cannot be created there",
            f"{out}: {_existing(place)} is not a writable directory",
            "Choose another place.",
        )
    for path in inputs:
        other = path.resolve()
        if place == other or other in place.parents or place in other.parents:
            raise OutputRefused(
                "the output and an input lie inside one another",
                f"output {out}\ninput  {path}",
                "Choose an output directory outside of all inputs.",
            )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputRefused(
            "the output exists already", str(out), "Choose another directory, or remove this one."
        )


def _existing(place: Path) -> Path:
    """The nearest directory or file above a place that exists."""
    place = place.parent
    while not place.exists():
        place = place.parent
    return place


def partial_of(out: Path) -> Path:
    """Where an unfinished output lies."""
    place = out.absolute()
    return place.with_name(place.name + ".partial")


def check_space(out: Path, needed: int) -> None:
    """Refuse a disk that is too small, before any work.

    Raises:
        NotEnoughSpace: with both numbers.
    """
    place = partial_of(out).absolute()
    held = sum(f.stat().st_blocks * 512 for f in place.rglob("*") if f.is_file())
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free + held
    if free < needed + SLACK_BYTES:
        raise NotEnoughSpace(
            "the disk is too small for the output",
            f"{place}: {free / 1e6:,.0f} MB free, {(needed + SLACK_BYTES) / 1e6:,.0f} MB needed",
            "Free some space, or give an output directory on another disk.",
        )


class Output:
    """One merge's output while it is written; a context manager that holds the lock.

    Args:
        identity: hash of all that decides the output's bytes; a journal of another is not resumed.

    Raises:
        OutputRefused: another merge is running there, or one was interrupted and `resume` is False,
            or what was interrupted is not this merge.
        NotEnoughSpace: the files cannot be allocated.
    """

    def __init__(self, out: Path, shards: Sequence[Shard], identity: str, *, resume: bool) -> None:
        self.out, self.partial = out, partial_of(out)
        self.folder = self.partial / "model"
        self.done: dict[str, Any] = {}  # tensor -> journal entry
        self._shards, self._identity, self._resume = shards, identity, resume
        self._where = {
            name: (shard, info) for shard in shards for name, info in shard.tensors.items()
        }
        self._descriptors: dict[str, int] = {}
        self._direct: dict[str, int] = {}  # the same files, written past the page cache
        self._journal_lock = threading.Lock()
        self._lock: int | None = None
        self._journal: int | None = None

    def __enter__(self) -> Output:
        self._take_lock()
        try:
            check_output(self.out, [])  # what finished between our first look and the lock
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def _take_lock(self) -> None:
        file = self.partial / "lock"
        while True:
            self.partial.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._close()
                raise OutputRefused(
                    "another merge is writing there", str(self.partial), "Wait for it, or stop it."
                ) from error
            with contextlib.suppress(OSError):
                if os.fstat(self._lock).st_ino == file.stat().st_ino:
                    return
            self._close()  # a merge that just ended removed the file that we locked

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and not self.done and self._lock is not None:
            shutil.rmtree(self.partial, ignore_errors=True)  # nothing to go on from
        self._close()

    def _close(self) -> None:
        self._close_files()
        for descriptor in (self._journal, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._journal, self._lock = None, None

    def _close_files(self) -> None:
        for descriptor in [*self._descriptors.values(), *self._direct.values()]:
            os.close(descriptor)
        self._descriptors, self._direct = {}, {}

    # .. journal

    def _open(self) -> None:
        journal = self.partial / "journal.jsonl"
        entries = list(_journal_entries(journal))
        if entries and not self._resume:
            raise OutputRefused(
                "an interrupted merge lies there",
                f"{self.partial}: {len(entries) - 1} tensors are done",
                f"Go on with --resume, or remove {self.partial} to start anew.",
            )
        if entries and entries[0].get("identity") != self._identity:
            raise OutputRefused(
                "the interrupted merge is another one: recipe, inputs or version differ",
                str(self.partial),
                f"Give the same recipe and inputs, or remove {self.partial} to start anew.",
            )
        if not entries:
            for leftover in (journal, self.folder):
                if leftover.is_dir():
                    shutil.rmtree(leftover)
                else:
                    leftover.unlink(missing_ok=True)
        self.folder.mkdir(exist_ok=True)
        with out_of_space(self.out):
            for shard in self._shards:
                self._allocate(shard)
            self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            if not entries:
                self._write_line({"identity": self._identity})
            else:
                # what kill -9 cut in the middle of a line goes away: the next line starts whole
                lines = journal.read_bytes().split(b"\n")[: len(entries)]
                os.ftruncate(self._journal, sum(len(line) + 1 for line in lines))
        self.done = {entry["tensor"]: entry for entry in entries[1:]}

    def _allocate(self, shard: Shard) -> None:
        """Create a file in its full size with its header, so that a full disk shows at once."""
        flags = os.O_RDWR | os.O_CREAT
        descriptor = os.open(self.folder / shard.name, flags, 0o644)
        self._descriptors[shard.name] = descriptor
        os.posix_fallocate(descriptor, 0, shard.nbytes)
        _pwrite_all(descriptor, memoryview(shard.header), 0)
        with contextlib.suppress(OSError, AttributeError):  # not every file system can
            self._direct[shard.name] = os.open(self.folder / shard.name, os.O_WRONLY | os.O_DIRECT)

    def _write_line(self, entry: dict[str, Any]) -> None:
        assert self._journal is not None
        line = json.dumps(entry).encode() + b"\n"
        with self._journal_lock:
            os.write(self._journal, line)

    def finish_tensor(self, name: str, entry: dict[str, Any]) -> None:
        """Record that all bytes of a tensor are written."""
        entry = {"tensor": name, **entry}
        with out_of_space(self.out):
            self._write_line(entry)
        self.done[name] = entry

    def verify(self, threads: int) -> None:
        """Hash again what the journal says is done; forget what is not so (a power failure)."""

        names = [name for name in self.done if name in self._where]
        with TensorReader() as reader, ThreadPoolExecutor(threads) as pool:

            def holds(name: str) -> bool:
                shard, info = self._where[name]
                placed = replace(info, file=self.folder / shard.name)
                return bool(hash_tensor(reader, placed) == self.done[name].get("hash"))

            good = dict(zip(names, pool.map(holds, names), strict=True))
        self.done = {name: self.done[name] for name in names if good[name]}

    # .. bytes

    def write(self, name: str, start: int, data: memoryview) -> None:
        """Write bytes of a tensor from its byte `start` on; any thread, any order.

        Whole pages from aligned memory go past the page cache: that takes less CPU time,
        and the output does not push the inputs out of memory.
        """
        shard, info = self._where[name]
        offset = info.offset + start
        with out_of_space(self.out):
            direct = self._direct.get(shard.name)
            if direct is not None and _is_aligned(data, offset):
                try:
                    written = os.pwrite(direct, data, offset)
                except OSError as error:
                    if error.errno != errno.EINVAL:
                        raise
                    written = 0  # another alignment than ours
                data, offset = data[written:], offset + written
            _pwrite_all(self._descriptors[shard.name], data, offset)

    def publish(self) -> None:
        """Give the finished directory its name."""
        for descriptor in self._descriptors.values():
            os.fsync(descriptor)
        self._close_files()
        try:
            if self.out.exists():
                self.out.rmdir()  # empty: check_output
            self.folder.rename(self.out)
        except OSError as error:
            raise OutputRefused(
                "the finished output cannot be given its name",
                f"{self.folder} -> {self.out}: {error.strerror}",
                "It is whole: move what stands there away and run again with --resume.",
            ) from error
        shutil.rmtree(self.partial, ignore_errors=True)


def _journal_entries(journal: Path) -> Iterator[dict[str, Any]]:
    """Whole lines of a journal; a last one that was cut is left out."""
    if not journal.exists():
        return
    for line in journal.read_bytes().split(b"\n")[:-1]:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if not isinstance(entry, dict):
            return
        yield entry


def _is_aligned(data: memoryview, offset: int) -> bool:
    address = np.frombuffer(data, dtype=np.uint8).ctypes.data if len(data) else 0
    return (offset | len(data) | address) % PAGE_BYTES == 0


def _pwrite_all(descriptor: int, data: memoryview, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], offset + done)


@contextlib.contextmanager
def out_of_space(out: Path) -> Iterator[None]:
    """Turn a full disk into the error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise NotEnoughSpace(
            "the disk filled up",
            f"{partial_of(out)}: {error.strerror}",
            "What is finished is kept: free some space and go on with --resume.",
        ) from error

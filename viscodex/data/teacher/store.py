"""Replies on disk, by what was asked: a request is paid once, whoever asks, however often.

in:  keys, replies
out: CACHE/ab/abcd....json, whole or not there; recordings (.jsonl, .jsonl.gz)
not covered: what makes a key (teacher.py), what was spent (ledger.py)
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import io
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from viscodex.errors import BadInput
from viscodex.files import write_atomically
from viscodex.types import from_json, to_json

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a request."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: str = ""  # why there is no text: "declined: ..." or "silent: ..."


class Cache:
    """A folder of replies; safe to use from threads and processes, also on a shared file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._locks: dict[str, tuple[threading.Lock, int]] = {}
        self._guard = threading.Lock()

    def read(self, key: str) -> Stored | None:
        """The reply; None where there is none, or one that cannot be read."""
        try:
            data = json.loads(self._place(key).read_bytes())
            return from_json(Stored, json.dumps(data["reply"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def write(self, key: str, asked: Mapping[str, Any], reply: Stored) -> None:
        """Keep a reply, with what was asked."""
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        told = {"asked": asked, "reply": json.loads(to_json(reply))}
        write_atomically(place, json.dumps(told, indent=1))

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    @contextlib.contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Nobody else asks this meanwhile: no other thread, and no other process on this folder."""
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = lock, users + 1
        try:
            with lock, self._locked_file(key):
                yield
        finally:
            with self._guard:
                lock, users = self._locks.pop(key)
                if users > 1:
                    self._locks[key] = lock, users - 1

    @contextlib.contextmanager
    def _locked_file(self, key: str) -> Iterator[None]:
        """The lock ends with its process; its file stays, one for each of 4096 groups of keys."""
        place = self.folder / ".locks" / key[:3]
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with file_lock(descriptor):
                yield
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def file_lock(descriptor: int) -> Iterator[None]:
    """Hold a lock on an open file; others wait. Each holder opens the file anew."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                raise
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


# --- recordings -----------------------------------------------------------------------------------


class Recording:
    """Recorded replies: nothing else is asked.

    Args:
        place: a file of `record`, or a folder that was a cache.

    Raises:
        BadInput: there is none, or a line of it is no reply.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._cache = Cache(place) if place.is_dir() else None
        self._replies = {} if place.is_dir() else dict(_lines(place))

    def read(self, key: str) -> Stored | None:
        """The reply to a request; None where it was not recorded."""
        return self._cache.read(key) if self._cache is not None else self._replies.get(key)


def _lines(place: Path) -> Iterator[tuple[str, Stored]]:
    try:
        with _opened(place, "rt") as file:
            for number, line in enumerate(file, 1):
                try:
                    data = json.loads(line)
                    yield data["key"], from_json(Stored, json.dumps(data["reply"]))
                except (ValueError, LookupError, TypeError) as error:
                    where = f"{place}, line {number}: {str(error).splitlines()[0][:200]}"
                    raise BadInput(
                        "a recording has a line that is no reply", where, "Record it again."
                    ) from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        todo = "Give the file that `record:` wrote, or the folder that was the cache."
        raise BadInput("there is no such recording", f"{place}: {error}", todo) from None


def record(place: Path, replies: Iterable[tuple[str, Stored]]) -> int:
    """Write a recording, whole or not at all; equal replies give equal bytes.

    Returns:
        How many replies it has.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(place.name + ".part")
    n = 0
    with _opened(beside, "wt", place.suffix == ".gz") as file:
        for key, reply in replies:
            told = {"key": key, "reply": json.loads(to_json(reply))}
            file.write(json.dumps(told, ensure_ascii=False) + "\n")
            n += 1
    beside.replace(place)
    return n


@contextlib.contextmanager
def _opened(place: Path, mode: str, packed: bool | None = None) -> Iterator[IO[str]]:
    packed = place.suffix == ".gz" if packed is None else packed
    if not packed:
        with place.open(mode, encoding="utf-8") as plain:
            yield plain
    elif mode == "rt":
        with gzip.open(place, "rt", encoding="utf-8") as text:
            yield text
    else:  # no name and no time in the header
        with (
            place.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as binary,
            io.TextIOWrapper(binary, "utf-8") as text,
        ):
            yield text

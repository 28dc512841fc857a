"""Published files of benchmarks: folders, zip and tar archives, tables.

in:  a path
out: named members; rows of JSON, JSON lines, TSV, parquet, each plain or gzipped where usual
not covered: what the rows mean (the reader of each benchmark); fetching anything
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from viscodex.errors import BadDataset
from viscodex.execute import runtime
from viscodex.tasks.task import Picture

MAX_MEMBER = 1 << 30  # bytes of one file, unpacked
_TABLES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".tsv", ".parquet")
Row = dict[str, Any]


def is_table(name: str) -> bool:
    """The name is that of a file with rows."""
    return name.lower().endswith(_TABLES)


class Tree:
    """The files of a folder or archive, by their names in it; safe to read from several threads.

    Args:
        place: a directory, a .zip, a .tar or .tar.gz.

    Raises:
        BadDataset: there is nothing, or it is no archive.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._zip: zipfile.ZipFile | None = None
        self._members: dict[str, bytes] = {}
        if not place.is_dir():
            self._packed = tuple(sorted(self._open()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All files; a folder is looked through when this is first asked."""
        if not self.place.is_dir():
            return self._packed
        found = [p.relative_to(self.place).as_posix() for p in self.place.rglob("*") if p.is_file()]
        return tuple(sorted(found))

    def _open(self) -> list[str]:
        try:
            if zipfile.is_zipfile(self.place):
                self._zip = zipfile.ZipFile(self.place)
                return [i.filename for i in self._zip.infolist() if not i.is_dir()]
            with tarfile.open(self.place) as tar:  # read once: a .tar.gz cannot be searched
                for member in tar:
                    file = tar.extractfile(member) if member.isfile() else None
                    if file and member.size <= MAX_MEMBER:
                        self._members[member.name.removeprefix("./")] = file.read()
        except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
            raise BadDataset(
                "this is no folder, zip or tar archive",
                f"{self.place}: {error}",
                "Give the folder or archive as it was published.",
            ) from error
        return list(self._members)

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            BadDataset: there is none of that name, or it is too large.
        """
        if name in self._members:
            return self._members[name]
        try:
            if self._zip is None:
                if name not in self.names:
                    raise KeyError(name)
                return (self.place / name).read_bytes()
            with self._lock:
                if self._zip.getinfo(name).file_size > MAX_MEMBER:
                    raise KeyError(f"{name} has more than {MAX_MEMBER:,} bytes")
                return self._zip.read(name)
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise BadDataset(
                "a file of the benchmark is missing or cannot be read",
                f"{self.place}: {name}",
                "Fetch or unpack it again.",
            ) from error

    def text(self, name: str) -> str:
        """A member as text; bytes that are not UTF-8 are replaced."""
        return self.read(name).decode("utf-8-sig", "replace")

    def picture(self, name: str) -> Picture:
        """A member as a picture of a question."""
        on_disk = self._zip is None and name not in self._members
        return Picture(self.place / name if on_disk else self.read(name))

    def folders(self) -> dict[str, list[str]]:
        """Directory -> its files, of all directories."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(PurePosixPath(name).parent.as_posix(), []).append(name)
        return found

    def find(self, path: str) -> str | None:
        """The member that a table means by a path: that very one, or the only one that ends so."""
        path = PurePosixPath(path).as_posix().lstrip("./")
        if path in self.names:
            return path
        ends = [name for name in self.names if name.endswith(f"/{path}")]
        return ends[0] if len(ends) == 1 else None


def read_rows(name: str, data: bytes) -> list[Row]:
    """The rows of a table.

    Args:
        name: decides the format.

    Raises:
        BadDataset: with the number of the line.
    """
    try:
        return list(_rows(name.lower(), data))
    except (ValueError, TypeError, csv.Error, OSError, EOFError, RecursionError) as error:
        raise BadDataset(
            "this table cannot be read", f"{name}: {error}", "Fetch it again."
        ) from error


def _rows(name: str, data: bytes) -> Iterator[Row]:
    if name.endswith(".gz"):
        data, name = gzip.decompress(data), name.removesuffix(".gz")
    if name.endswith(".parquet"):
        from pyarrow import ArrowException, parquet

        try:
            yield from parquet.read_table(io.BytesIO(data)).to_pylist()
        except ArrowException as error:
            raise ValueError(str(error)) from error
        return
    text = data.decode("utf-8-sig")
    if name.endswith(".tsv"):
        csv.field_size_limit(MAX_MEMBER)
        yield from csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
    elif name.endswith(".json"):
        content = json.loads(text)
        rows = list(content.values()) if isinstance(content, dict) else content
        yield from (_row(row, n) for n, row in enumerate(rows, 1))
    else:
        for n, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    yield _row(json.loads(line), n)
                except ValueError as error:
                    raise ValueError(f"line {n}: {error}") from error


def _row(row: Any, n: int) -> Row:
    if not isinstance(row, dict):
        raise ValueError(f"row {n} is no mapping")
    return row


def picture_of(value: Any) -> Picture | None:
    """A picture as tables hold it: bytes, {"bytes": ...}, base64 text; None for anything else."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return Picture(value)
    if isinstance(value, str):
        try:
            return Picture(base64.b64decode(value.partition("base64,")[2] or value, validate=True))
        except (binascii.Error, ValueError):
            return None
    return None


def unpacked(place: Path) -> Path:
    """An archive's files on disk, below the cache directory, once for each content.

    Raises:
        BadDataset: it is no archive, or a name leads out of it.
    """
    digest = hashlib.sha256(place.read_bytes()).hexdigest()[:32]
    folder = runtime.home() / "unpacked" / digest
    if folder.is_dir():
        return folder
    tree = Tree(place)
    beside = folder.with_name(f"{digest}.{os.getpid()}.part")
    for name in tree.names:
        path = (beside / name).resolve()
        if not path.is_relative_to(beside.resolve()):
            raise BadDataset(
                "a name leads out of the archive", f"{place}: {name}", "Do not use it."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tree.read(name))
    with contextlib.suppress(OSError):  # another process was faster
        beside.rename(folder)
    shutil.rmtree(beside, ignore_errors=True)
    return folder

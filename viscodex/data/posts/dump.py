"""Rows of a Stack Exchange dump, one at a time, however large the file and however broken the rows.

in:  Posts.xml or Users.xml: plain, .bz2, or in a .7z archive
out: raw rows with their place, Posts; what cannot be read is counted by reason
not covered: joining questions and answers (index.py), what a row means (post.py)

In a dump "<" never stands inside a value, so a row is what lies between two "<row": one that is
broken spoils only itself. Memory holds one row, and for .7z a few blocks of the decompressor.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import itertools
import lzma
import queue
import re
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from viscodex.data.posts.post import BadRow, Post, post_from_row
from viscodex.errors import BadInput, MissingPart

MAX_ROW = 4 << 20  # bytes; posts are limited to 30,000 characters, so this is no post
_CHUNK = 1 << 20
_QUEUED = 4  # blocks that wait between the decompressor of a .7z and its reader
_ROW = b"<row"
_PACKED = (".bz2", ".7z")
_ROOT = re.compile(rb"<([A-Za-z]\w*)")
_FILES = ("badges", "comments", "posthistory", "postlinks", "posts", "tags", "users", "votes")
"""First elements of the files of a dump."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file."""

    number: int  # from 0, broken ones included
    at: int  # byte of the uncompressed file at which it begins
    text: bytes  # " Id=... />"; empty for a row above MAX_ROW
    problem: str = ""  # too_large


def read_rows(path: Path, *, member: str = "Posts.xml", start: int = 0) -> Iterator[RawRow]:
    """The rows of a dump, in order.

    Args:
        path: .xml, .xml.bz2 or .7z.
        member: the file that is wanted of an archive; `sub/folder/Posts.xml` counts too.
        start: byte of the uncompressed file from which to read: the `at` of a row, to go on there.
            Numbers begin with 0 again.

    Raises:
        BadInput: not a dump, another encoding than UTF-8, damaged or cut short.
        MissingPart: a .7z, and py7zr is not installed.
    """
    chunks = _chunks(path, member)
    try:
        buffer = bytearray(next(chunks, b""))
        _check_begin(bytes(buffer[:400]), path)
        _check_root(bytes(buffer[:400]), path, member)
        if start > len(buffer) and path.suffix not in _PACKED:
            chunks, buffer, at = _chunks(path, member, start), bytearray(), start
        else:
            at = _skip(chunks, buffer, path, start)
        number, begun = 0, False
        for chunk in itertools.chain((b"",), chunks):
            buffer += chunk
            while (end := buffer.find(_ROW, len(_ROW) if begun else 0)) >= 0:
                if begun:
                    yield _raw(number, at, bytes(buffer[len(_ROW) : end]))
                    number += 1
                at, begun = at + end, True
                del buffer[:end]
            if begun and len(buffer) > MAX_ROW:
                yield RawRow(number, at, b"", "too_large")
                number, begun = number + 1, False
            if not begun and len(buffer) > len(_ROW):  # nothing of a row in it but its last bytes
                at += len(buffer) - len(_ROW)
                del buffer[: -len(_ROW)]
        if begun:
            tail = bytes(buffer[len(_ROW) :])
            _check_end(tail, path)
            yield _raw(number, at, tail[: tail.rfind(b"</")])
    finally:
        chunks.close()


def check_file(path: Path, member: str) -> None:
    """Whether a file is what it is given as, as far as its beginning tells; .7z: whether it has it.

    Raises:
        BadInput, MissingPart: as read_rows.
    """
    if path.suffix == ".7z" and path.is_file():
        _member(_archive(path).getnames(), member, path)
    else:
        next(iter(read_rows(path, member=member)), None)


def _raw(number: int, at: int, text: bytes) -> RawRow:
    return (
        RawRow(number, at, text) if len(text) <= MAX_ROW else RawRow(number, at, b"", "too_large")
    )


def _check_end(tail: bytes, path: Path) -> None:
    if b"</" not in tail:
        raise BadInput(
            "the dump ends inside a row or before its closing tag",
            f"{path}: ends with {tail[-40:]!r}",
            "Copy it again; it is cut short.",
        )


def _skip(chunks: Iterator[bytes], buffer: bytearray, path: Path, start: int) -> int:
    """Pass over what lies before `start`; where the buffer now begins."""
    at = 0
    while len(buffer) < start - at:
        at += len(buffer)
        block = next(chunks, None)
        if block is None:
            raise BadInput(
                "the dump is shorter than it was", f"{path}: {at:,} bytes", "Begin a new index."
            )
        buffer[:] = block
    del buffer[: max(0, start - at)]
    return max(at, start)


def _check_begin(head: bytes, path: Path) -> None:
    todo = "Give Posts.xml of a dump from archive.org, plain, as .bz2 or .7z."
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BadInput("the dump is not UTF-8", f"{path}: begins as UTF-16", todo)
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text.startswith(b"<"):
        raise BadInput("the file is no dump", f"{path}: begins with {head[:24]!r}", todo)
    declared = text.split(b"?>")[0].lower() if text.startswith(b"<?xml") else b""
    if b"encoding=" in declared and b"utf-8" not in declared:
        raise BadInput(
            "the dump is not UTF-8", f"{path}: {declared[:80].decode(errors='replace')}", todo
        )


def _check_root(head: bytes, path: Path, member: str) -> None:
    """Another file of the same dump has rows, too, and would be read as one without posts."""
    found, wanted = _ROOT.search(head), Path(member).stem.lower()
    root = found[1].decode().lower() if found else wanted
    if root in _FILES and root != wanted:
        raise BadInput(
            f"the file is another one than {member}",
            f"{path}: begins with <{root}>",
            f"Give {member}.",
        )


# --- bytes ----------------------------------------------------------------------------------------


def _chunks(path: Path, member: str, start: int = 0) -> Generator[bytes, None, None]:
    """The uncompressed file, block by block; one that is not packed also from a place in it."""
    if not path.is_file():
        raise BadInput("there is no such dump", str(path), "Give a file: .xml, .bz2 or .7z.")
    if path.suffix == ".7z":
        yield from _unpacked(path, member)
        return
    try:
        with contextlib.closing(_opened(path)) as stream:
            stream.seek(start)
            while block := stream.read(_CHUNK):
                yield block
    except (EOFError, OSError) as error:
        raise _damaged(path, error) from None


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", bz2.open(path)) if path.suffix == ".bz2" else path.open("rb")


def _damaged(path: Path, error: BaseException) -> BadInput:
    return BadInput("the dump is damaged", f"{path}: {error}", "Copy it again.")


class _Stopped(Exception):
    """The reader wants no more."""


class _Hose:
    """What py7zr writes into: it pushes, the reader pulls; a short queue lies between them."""

    def __init__(self) -> None:
        self.blocks: queue.Queue[bytes | BaseException | None] = queue.Queue(_QUEUED)
        self.stopped = threading.Event()
        self._size = 0

    def put(self, item: bytes | BaseException | None) -> None:
        """Wait for room, but not for a reader that is gone."""
        while not self.stopped.is_set():
            with contextlib.suppress(queue.Full):
                self.blocks.put(item, timeout=0.2)
                return
        raise _Stopped

    def write(self, data: bytes | bytearray) -> int:
        """A block of the decompressor, in pieces."""
        for at in range(0, len(data), _CHUNK):
            self.put(bytes(data[at : at + _CHUNK]))
        self._size += len(data)
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        """Nothing: py7zr asks only where it writes archives."""
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """The place does not change."""
        return offset

    def flush(self) -> None:
        """All is handed on already."""

    def size(self) -> int:
        """Bytes so far."""
        return self._size

    def close(self) -> None:
        """The end of the member is told by the thread that unpacks it."""


class _Factory:
    """Gives py7zr the hose for the one member that is wanted."""

    def __init__(self, hose: _Hose) -> None:
        self._hose = hose

    def create(self, filename: str) -> _Hose:
        """The hose."""
        return self._hose


def _unreadable() -> tuple[type[Exception], ...]:
    """What a damaged archive may raise."""
    from py7zr.exceptions import ArchiveError

    return (
        ArchiveError, lzma.LZMAError, zlib.error, struct.error, OSError, EOFError, ValueError,
        RuntimeError, LookupError, TypeError,
    )  # fmt: skip


def _archive(path: Path) -> Any:
    try:
        import py7zr
    except ImportError:
        raise MissingPart(
            "archives of the kind .7z cannot be read", str(path), "pip install 'viscodex[mcd]'"
        ) from None
    unreadable = _unreadable()
    try:
        return py7zr.SevenZipFile(path)
    except unreadable as error:
        raise _damaged(path, error) from None


def _unpacked(path: Path, member: str) -> Generator[bytes, None, None]:
    """A member of a .7z, unpacked by a thread of its own."""
    hose, archive = _Hose(), _archive(path)
    name = _member(archive.getnames(), member, path)
    unpacker = threading.Thread(target=_unpack, args=(archive, name, hose), daemon=True)
    unpacker.start()
    try:
        while (block := hose.blocks.get()) is not None:
            if isinstance(block, BaseException):
                raise _damaged(path, block)
            yield block
    finally:
        hose.stopped.set()
        unpacker.join()


def _unpack(archive: Any, name: str, hose: _Hose) -> None:
    unreadable = _unreadable()
    with contextlib.suppress(_Stopped):
        try:
            with archive:
                archive.extract(targets=[name], factory=_Factory(hose))
            hose.put(None)
        except unreadable as error:
            hose.put(error)
        except BaseException as error:  # the reader must not wait for ever
            hose.put(error)
            raise


def _member(names: list[str], member: str, path: Path) -> str:
    found = [name for name in names if name == member or name.endswith(f"/{member}")]
    found = found or ([names[0]] if len(names) == 1 and names[0].endswith(".xml") else [])
    if not found:
        raise BadInput(
            f"the archive has no {member}", f"{path}: {', '.join(names[:8])}", "Give another one."
        )
    return found[0]


# --- posts ----------------------------------------------------------------------------------------


def read_posts(path: Path, skipped: Counter[str] | None = None) -> Iterator[Post]:
    """All posts of a dump, in order.

    Args:
        skipped: counts the rows that are no posts, by reason (post.PROBLEMS, too_large).

    Raises:
        BadInput, MissingPart: as read_rows.
    """
    for row in read_rows(path):
        try:
            if row.problem:
                raise BadRow(row.problem, "")
            yield post_from_row(row.text)
        except BadRow as error:
            if skipped is not None:
                skipped[error.problem] += 1

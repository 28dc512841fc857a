"""Records out of files that may be broken: JSON arrays, JSON lines, parquet.

in:  a file of any size
out: its records in order, one at a time, each with its text; what cannot be read is a Record too
not covered: what a record means (importing.py)

An array is cut at its commas before anything is decoded, so that a broken record, be it no JSON or
no UTF-8, spoils only itself, and memory holds one record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from viscodex.data.dataset import open_parquet
from viscodex.errors import BadInput

MAX_RECORD = 32 << 20  # bytes; a larger one cannot be told from a file that is cut
_CHUNK = 1 << 20
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in the file."""

    number: int  # from 0
    data: Any  # None where it could not be read
    text: str  # of the record, or its beginning; for people
    problem: str = ""  # bad_json, not_unicode, cut_off, too_large, damaged
    why: str = ""
    at: int = 0  # bytes of the file that are behind it, about


def read_records(path: Path, skip: int = 0) -> Iterator[Record]:
    """The records of a .json (array), .jsonl or .parquet file.

    Args:
        skip: records at the beginning that are passed over without being decoded.

    Raises:
        BadInput: the file as a whole is none of these.
    """
    if path.suffix == ".parquet":
        yield from _parquet_records(path, skip)
        return
    with path.open("rb") as stream:
        cut = _lines if path.suffix in (".jsonl", ".ndjson") else _elements
        at = 0
        for number, (piece, problem, why) in enumerate(cut(stream, path)):
            at += len(piece) + 1
            if number < skip:
                continue
            yield replace(_record(number, piece, problem, why), at=at)


def _record(number: int, piece: bytes, problem: str, why: str) -> Record:
    text = piece[:4000].decode(errors="backslashreplace")
    if problem:
        return Record(number, None, text, problem, why)
    try:
        return Record(number, json.loads(piece.decode(), parse_constant=_no_constant), text)
    except UnicodeDecodeError as error:
        where = f"byte {error.start} of the record: {error.reason}"
        return Record(number, None, text, "not_unicode", f"not UTF-8: {where}")
    except (ValueError, RecursionError) as error:
        return Record(number, None, text, "bad_json", f"not JSON: {error}"[:300])


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


# --- JSON -----------------------------------------------------------------------------------------

Piece = tuple[bytes, str, str]  # bytes of a record, problem, why

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)
"""A string, a sign of structure; a lone quote begins a string that is not all there."""


def _elements(stream: BinaryIO, path: Path) -> Iterator[Piece]:
    """The elements of one array."""
    buffer = stream.read(_CHUNK).removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK)
    if not buffer.startswith(b"["):
        raise BadInput(
            "the file is no JSON array of records",
            f"{path}: begins with {buffer[:20]!r}",
            "Give an array [...], or one record a line in a .jsonl file.",
        )
    start = at = 1  # of the element; where to look on
    opened = bytearray()  # brackets of the element that wait for their partners
    while True:
        token = _TOKEN.search(buffer, at)
        if token is None or token[0] == b'"':
            at = len(buffer) if token is None else token.start()
            more = stream.read(_CHUNK)
            if not more or len(buffer) - start > MAX_RECORD:
                yield _unfinished(buffer[start:], bool(more))
                return
            buffer, at, start = buffer[start:] + more, at - start, 0
            continue
        at, sign = token.end(), token[0]
        if opened or sign not in b"],":
            _nest(opened, sign)
            continue
        piece = buffer[start : at - 1].strip(_BLANK)
        if piece or sign == b",":
            yield piece, "", ""
        start = at
        if sign == b"]":
            if rest := (buffer[at:] + stream.read(_CHUNK)).strip(_BLANK):
                yield rest[:4000], "bad_json", "there is more after the end of the array"
            return


_PARTNER = {b"}": b"{", b"]": b"["}


def _nest(opened: bytearray, sign: bytes) -> None:
    """Follow the brackets; those that have no partner in a broken element are passed over."""
    if sign in (b"[", b"{"):
        opened += sign
    elif sign in _PARTNER and (at := opened.rfind(_PARTNER[sign])) >= 0:
        del opened[at:]


def _unfinished(piece: bytes, is_long: bool) -> Piece:
    if is_long:
        why = f"a record of more than {MAX_RECORD >> 20} MiB; what follows was not read"
        return piece[:4000], "too_large", why
    return piece[:4000].strip(_BLANK), "cut_off", "the file ends inside its array"


def _lines(stream: BinaryIO, path: Path) -> Iterator[Piece]:
    """One record a line; blank lines are none."""
    first = True
    while line := stream.readline(MAX_RECORD + 1):
        if len(line) > MAX_RECORD and not line.endswith(b"\n"):
            yield line[:4000], "too_large", f"a line of more than {MAX_RECORD >> 20} MiB"
            while (more := stream.readline(MAX_RECORD)) and not more.endswith(b"\n"):
                pass
            continue
        piece = (line.removeprefix(b"\xef\xbb\xbf") if first else line).strip(_BLANK)
        first = False
        if piece:
            yield piece, "", ""


# --- parquet --------------------------------------------------------------------------------------


def _parquet_records(path: Path, skip: int) -> Iterator[Record]:
    """The rows of a file; the rows of a damaged row group are Records with a problem."""
    number = 0
    try:
        file = open_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise BadInput(
            "the file is no parquet file", f"{path}: {first}", "Copy it again."
        ) from None
    with file:
        size = path.stat().st_size
        for group in range(file.num_row_groups):
            at = size * (group + 1) // file.num_row_groups
            rows = file.metadata.row_group(group).num_rows
            if number + rows <= skip:
                number += rows
                continue
            try:
                batches = file.iter_batches(32, row_groups=[group], use_threads=False)
                for batch in batches:
                    for row in batch.to_pylist():
                        if number >= skip:
                            yield Record(number, row, f"row {number} of {path.name}", at=at)
                        number += 1
                        rows -= 1
            except (OSError, ValueError, pa.ArrowException) as error:
                why = f"row group {group} of {path.name} is damaged: {str(error).splitlines()[0]}"
                for _ in range(rows):
                    if number >= skip:
                        yield Record(number, None, "", "damaged", why[:300], at)
                    number += 1

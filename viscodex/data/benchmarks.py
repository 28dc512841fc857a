"""Benchmark folders read as questions, code and pictures, whatever their layout.

in:  a folder: Design2Code, ChartMimic, MMCode, InfiBench or InfiBench-V, or any other
out: BenchmarkItem, one at a time, in the order of the files; a ReadLog of what was not read
not covered: rows of tables (benchmark_rows.py), what repeats an item (decontaminate.py)

Every file is an item by itself: a page, a script, a picture, a text; every row of a table is one.
Items are named by their path without suffix, so 12.html and 12.png are both item 12. Layouts are
told apart for the report alone.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import yaml

from viscodex.data.benchmark_rows import BenchmarkItem, ReadLog, items_of_row
from viscodex.errors import BadInput
from viscodex.text import fences

MAX_FILE = 256 << 20
"""Bytes of a file that is read whole, and of one line of JSON."""

LANGUAGES = {
    ".py": "python", ".html": "html", ".htm": "html", ".css": "css", ".js": "javascript",
    ".jsx": "javascript", ".ts": "typescript", ".tsx": "typescript", ".vue": "vue",
    ".java": "java", ".kt": "kotlin", ".swift": "swift", ".dart": "dart", ".c": "c", ".h": "c",
    ".cpp": "c++", ".cc": "c++", ".cs": "c#", ".go": "go", ".rs": "rust", ".rb": "ruby",
    ".php": "php", ".r": "r", ".sh": "bash", ".sql": "sql",
}  # fmt: skip
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
TEXTS = (".md", ".txt")
ABOUT = ("readme", "license", "licence", "changelog", "contributing", "citation", "notice")
"""Beginnings of names of texts that are about a folder and in no benchmark."""

_FILE_LAYOUTS = {".html": "design2code", ".py": "chartmimic"}
"""Files that have a picture, or a drawing, of the same name."""

_UNREADABLE = (
    OSError, EOFError, ValueError, RecursionError, zlib.error, yaml.YAMLError, pa.ArrowException,
)  # fmt: skip


def read_benchmark(folder: str | Path, log: ReadLog | None = None) -> Iterator[BenchmarkItem]:
    """The items of a benchmark folder.

    Args:
        folder: any of the layouts above, or any folder with pictures, code, texts or tables.
        log: gets what could not be read, and what was not tried.

    Raises:
        BadInput: no such folder, or nothing in it.
    """
    folder = Path(folder)
    log = ReadLog() if log is None else log
    files = benchmark_files(folder)
    partners: dict[Path, set[str]] = defaultdict(set)  # path without suffix -> suffixes
    for file in files:
        partners[file.with_suffix("")].add(file.suffix.casefold())
    for file in files:
        name, (suffix, read) = file.relative_to(folder).as_posix(), _reader(file)
        if read is None:
            log.ignored[suffix or "(none)"] += 1
            continue
        item = BenchmarkItem(
            benchmark=folder.resolve().name,
            id=name[: -len(suffix)],
            file=name,
            layout=_file_layout(partners[file.with_suffix("")]),
        )
        try:
            yield from read(file, item, log)
        except _UNREADABLE as error:
            log.note(name, f"{type(error).__name__}: {error}")


def benchmark_files(folder: Path) -> list[Path]:
    """All files below a folder but hidden ones and texts about it, in the order of their names.

    Raises:
        BadInput: no such folder, or nothing in it.
    """
    found = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else []
    files = [
        file
        for file in found
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and not file.name.casefold().startswith(ABOUT)
    ]
    if not files:
        why = "no files in it" if folder.is_dir() else "not a folder"
        raise BadInput("no such benchmark", f"{folder}: {why}", "give the folder of its files")
    return files


def _file_layout(suffixes: set[str]) -> str:
    """The layout that files of one name and these suffixes speak for."""
    pictured = suffixes & {*PICTURES, ".pdf"}
    found = (name for suffix, name in _FILE_LAYOUTS.items() if pictured and suffix in suffixes)
    return next(found, "folder")


Read = Callable[[Path, BenchmarkItem, ReadLog], Iterator[BenchmarkItem]]


def _reader(file: Path) -> tuple[str, Read | None]:
    """The suffix of a file, and what reads such files."""
    suffixes = [s.casefold() for s in file.suffixes]
    suffix = "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])
    if suffix in LANGUAGES:
        return suffix, _code_file
    if suffix in PICTURES:
        return suffix, _picture_file
    return suffix, _TABLES.get(suffix) or (_text_file if suffix in TEXTS else None)


# --- single files ---------------------------------------------------------------------------------


def _bytes(file: Path) -> bytes:
    size = file.stat().st_size
    if size > MAX_FILE:
        raise ValueError(f"{size} bytes; the limit is {MAX_FILE}")
    return file.read_bytes()


def _code_file(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    code = _bytes(file).decode("utf-8", "replace")
    yield replace(item, code=(code,), language=LANGUAGES[file.suffix.casefold()])


def _picture_file(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    yield replace(item, images=(_bytes(file),))


def _text_file(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    text = _bytes(file).decode("utf-8", "replace")
    yield replace(item, question=text, code=tuple(block.code for block in fences(text)))


# --- tables ---------------------------------------------------------------------------------------


def _opened(file: Path) -> BinaryIO:
    packed = file.suffix.casefold() == ".gz"
    return cast("BinaryIO", gzip.open(file)) if packed else file.open("rb")


def _json_lines(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    with _opened(file) as stream:
        number = 0
        while line := stream.readline(MAX_FILE + 1):
            number += 1
            if len(line) > MAX_FILE:
                raise ValueError(f"line {number} is longer than {MAX_FILE} bytes")
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                log.note(f"{item.file}:{number}", f"not JSON: {error}")
                continue
            yield from items_of_row(row, item, number, log)


def _json_file(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    if file.suffix.casefold() == ".gz":
        with gzip.open(file) as stream:
            data = stream.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ValueError(f"unpacks to more than {MAX_FILE} bytes")
    else:
        data = _bytes(file)
    yield from _document(json.loads(data), item, log)


def _yaml_file(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    yield from _document(yaml.safe_load(_bytes(file).decode("utf-8", "replace")), item, log)


def _document(found: Any, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    """A file that is one row, a list of rows, or rows by name."""
    if isinstance(found, dict) and not (found and all(isinstance(v, dict) for v in found.values())):
        yield from items_of_row(found, item, 0, log)
        return
    rows = (
        found.values() if isinstance(found, dict) else found if isinstance(found, list) else [found]
    )
    for number, row in enumerate(rows, 1):
        yield from items_of_row(row, item, number, log)


def _parquet_file(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    with pyarrow.parquet.ParquetFile(file) as table:
        number = 0
        for batch in table.iter_batches(batch_size=32):
            for row in batch.to_pylist():
                number += 1
                yield from items_of_row(row, item, number, log)


def _separated(file: Path, item: BenchmarkItem, log: ReadLog) -> Iterator[BenchmarkItem]:
    parse = pyarrow.csv.ParseOptions(
        delimiter="\t" if file.suffix.casefold() == ".tsv" else ",", newlines_in_values=True
    )
    with pyarrow.csv.open_csv(
        file, pyarrow.csv.ReadOptions(block_size=32 << 20, use_threads=False), parse
    ) as table:
        number = 0
        for batch in table:
            for row in batch.to_pylist():
                number += 1
                yield from items_of_row(row, item, number, log)


_TABLES: dict[str, Read] = {
    ".jsonl": _json_lines, ".jsonl.gz": _json_lines, ".json": _json_file, ".json.gz": _json_file,
    ".yaml": _yaml_file, ".yml": _yaml_file, ".parquet": _parquet_file, ".tsv": _separated,
    ".csv": _separated,
}  # fmt: skip

"""Data sets of other layouts become ours; every bad row is a counted reject.

in:  MCD's JSON with its pictures, LLaMA-Factory's folders and files (sharegpt, alpaca), OpenAI's
    chat lines, parquet files of ours or alike
out: a data set; its rejects say of every row that is missing why
not covered: running the code of the rows (check.py, audit.py)

A killed import goes on with the shards that it has: the same call passes over the records behind
them without decoding any, and ends with the same bytes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from viscodex import __version__
from viscodex.data.ahead import in_order
from viscodex.data.card import finish_dataset
from viscodex.data.conversion import EXTRA, Defaults, Layout, Unfit, layout_of, sample_from_record
from viscodex.data.draft import Reject
from viscodex.data.manifest import FilterNote, Manifest
from viscodex.data.parts import disk_checked
from viscodex.data.pictures import FolderPictures, Pictures, ZipPictures
from viscodex.data.records import Record, read_records
from viscodex.data.shards import (
    ShardInfo,
    numbered_shards,
    rejects_path,
    write_rejects,
    write_shards,
)
from viscodex.data.sound import FLAWS, Flaw
from viscodex.data.staging import Stage, resumed_folder
from viscodex.errors import BadInput
from viscodex.types import Category, Sample

REASONS: dict[str, str] = {
    **FLAWS,
    "bad_json": "every record is JSON",
    "cut_off": "the file is whole",
    "damaged": "all row groups of a parquet file can be read",
    "wrong_type": "the keys of a record have the types of its layout",
    "missing_image": "every picture that is named is there",
    "duplicate_id": "no two samples have the same id",
}
"""Why a row is rejected -> what is looked for."""

FLUSH_ROWS = 1_000  # rejects held in memory
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of records."""

    path: Path
    layout: Layout
    pictures: Pictures


def import_dataset(
    path: Path,
    out: Path,
    *,
    images: Path | None = None,
    category: Category | None = None,
    licence: str = "",
    limit: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Bring a data set of another layout in.

    Args:
        path: .json, .jsonl or .parquet file; a folder of them, or one with a dataset_info.json.
        out: folder to write; it is there only when it is whole. What a killed call left beside it
            is gone on with.
        images: folder or zip archive of the pictures; default: beside the file.
        category: of records that do not say it.
        licence: of records that do not say it.
        limit: records to read at most.
        progress: called with ("importing", bytes done, total).

    Returns:
        The manifest; n_rejects of its filters are the bad rows by reason.

    Raises:
        BadInput: the input as a whole is not what it should be.
        OutputRefused: `out` is taken, or was begun with another input.
        NotEnoughSpace: the disk is full; what is finished is kept.
    """
    pictures = _open_pictures(images)
    try:
        files = find_files(path, pictures)
        defaults = Defaults(category, path.stem, licence)
        identity = _identity(files, images, category, licence, limit)
        with disk_checked(out), resumed_folder(out, identity) as stage:
            folder = stage.folder
            begun = _Begun.read(stage)
            sink = _RejectSink(folder, begun.n_reject_files, begun.next)

            def save(shards: Sequence[ShardInfo]) -> None:
                n_files = sink.flush()
                rows = [asdict(shard) for shard in shards]
                stage.save(shards=rows, n_reject_files=n_files, next=sink.at)

            outcomes = _outcomes(files, defaults, limit, progress, begun)
            shards = write_shards(folder, sink.kept(outcomes), done=begun.shards, saved=save)
            sink.close()
            notes = (FilterNote(name, explain) for name, explain in REASONS.items())
            command = f"viscodex data import {path.name} -o DIR"
            return finish_dataset(
                folder, shards=shards, filters=notes, rebuild=command, name=path.stem
            )
    finally:
        if isinstance(pictures, ZipPictures):
            pictures.close()


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a killed import left."""

    shards: tuple[ShardInfo, ...]
    n_reject_files: int
    next: int  # number of the first record that is in none of them
    ids: set[int]  # hashes of the ids in the shards

    @classmethod
    def read(cls, stage: Stage) -> _Begun:
        """Look at the folder; what came behind the last note is removed."""
        state = stage.state
        shards = tuple(ShardInfo(**row) for row in state.get("shards", ()))
        n_files = int(state.get("n_reject_files", 0))
        ids: set[int] = set()
        for below, n in (("data", len(shards)), ("rejects", n_files)):
            numbered_shards(stage.folder / below, n)
        for shard in shards:
            column = pq.read_table(stage.folder / "data" / shard.file, columns=["id"])["id"]
            ids.update(_hash(str(one)) for one in column.to_pylist())
        return cls(shards, n_files, int(state.get("next", 0)), ids)


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def _identity(
    files: Sequence[InputFile],
    images: Path | None,
    category: str | None,
    licence: str,
    limit: int | None,
) -> dict[str, Any]:
    """What decides the bytes of an import, as far as may be told without reading it."""
    inputs = [file.path for file in files] + ([images] if images and images.is_file() else [])
    sizes = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in inputs]
    return {
        "inputs": sizes,
        "images": images.name if images else None,
        "category": category,
        "licence": licence,
        "limit": limit,
        "versions": [__version__, pa.__version__],
    }


# --- what to read ---------------------------------------------------------------------------------


def _open_pictures(images: Path | None) -> Pictures | None:
    if images is None:
        return None
    if images.is_dir():
        return FolderPictures(images)
    if not images.exists():
        raise BadInput("there are no such pictures", str(images), "Give a folder or a zip file.")
    return ZipPictures(images)


def find_files(path: Path, pictures: Pictures | None = None) -> list[InputFile]:
    """The files of records at a path, with what their keys mean.

    Raises:
        BadInput: there are none.
    """
    info = path / "dataset_info.json" if path.is_dir() else path
    if info.name == "dataset_info.json" and info.is_file():
        return _described(info, pictures)
    if path.is_file():
        return [InputFile(path, Layout(), pictures or FolderPictures(path.parent))]
    shards = sorted(path.glob("data/*.parquet")) or sorted(path.glob("*.parquet"))
    found = shards or sorted(path.glob("*.json")) + sorted(path.glob("*.jsonl"))
    found = [file for file in found if file.name not in ("manifest.json", f"{EXTRA}.jsonl")]
    if not found:
        raise BadInput(
            "there is nothing to import",
            f"{path}: neither .json, .jsonl nor .parquet",
            "Give a file of records or a folder that has some.",
        )
    return [InputFile(file, Layout(), pictures or FolderPictures(path)) for file in found]


def _described(info: Path, pictures: Pictures | None) -> list[InputFile]:
    """What LLaMA-Factory's dataset_info.json lists."""
    try:
        entries = json.loads(info.read_bytes())
        named = [e for e in entries.values() if isinstance(e, dict) and "file_name" in e]
        found = [(info.parent / str(entry["file_name"]), layout_of(entry)) for entry in named]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("dataset_info.json cannot be read", f"{info}: {error}") from None
    missing = [str(file) for file, _ in found if not file.is_file()]
    if missing or not found:
        where = f"{info}: {', '.join(missing) or 'no entry with a file_name'}"
        raise BadInput("dataset_info.json names no files that are there", where)
    return [
        InputFile(file, layout, pictures or FolderPictures(info.parent)) for file, layout in found
    ]


# --- rows -----------------------------------------------------------------------------------------


def _outcomes(
    files: Sequence[InputFile],
    defaults: Defaults,
    limit: int | None,
    progress: Progress | None,
    begun: _Begun,
) -> Iterator[tuple[int, Sample | Reject]]:
    """(number, sample or reject) of the records that are left, in their order."""
    before, total = _sizes(files)
    ids = set(begun.ids)

    def convert(item: tuple[InputFile, int, Record]) -> Sample | Reject:
        return _convert(*item, defaults)

    left = _numbered(files, begun.next, limit)
    for (file, number, record), outcome in in_order(convert, left):
        if progress is not None:
            progress("importing", before[file.path] + record.at, total)
        if isinstance(outcome, Sample):
            digest = _hash(outcome.id)
            if digest in ids:
                flaw = Flaw("duplicate_id", f"id {outcome.id!r} was there before")
                yield number, _reject(outcome.id, outcome.category, record, flaw)
                continue
            ids.add(digest)
        yield number, outcome


def _numbered(
    files: Sequence[InputFile], first: int, limit: int | None
) -> Iterator[tuple[InputFile, int, Record]]:
    """The records from a number on, counted over all files."""
    start = 0
    for file in files:
        n = 0
        for record in _records(file.path, max(0, first - start)):
            n = record.number + 1
            if limit is not None and start + record.number >= limit:
                return
            yield file, start + record.number, record
        if not n:  # all of it was passed over, or it is empty
            n = sum(1 for _ in read_records(file.path)) if first > start else 0
        start += n


def _sizes(files: Sequence[InputFile]) -> tuple[dict[Path, int], int]:
    """(bytes of all files before each, bytes of all)."""
    sizes = [file.path.stat().st_size for file in files]
    starts = itertools.accumulate(sizes, initial=0)
    return dict(zip((file.path for file in files), starts, strict=False)), sum(sizes)


def _records(path: Path, skip: int) -> Iterator[Record]:
    """The records of a file; what an export put into a file beside goes back into them."""
    beside = path.with_name(f"{EXTRA}.jsonl")
    if path.name != "chat.jsonl" or not beside.is_file():
        yield from read_records(path, skip)
        return
    both = itertools.zip_longest(read_records(path, skip), read_records(beside, skip))
    for record, extra in both:
        if record is None or extra is None:
            raise BadInput(
                "two files do not belong together",
                f"{path} and {beside} have different numbers of lines",
                f"Remove {beside.name} to import without it.",
            )
        if isinstance(record.data, dict) and isinstance(extra.data, dict):
            data = {**record.data, EXTRA: extra.data, "category": extra.data.get("category")}
            yield replace(record, data=data)
        else:
            yield record


def _convert(file: InputFile, number: int, record: Record, defaults: Defaults) -> Sample | Reject:
    name = f"row-{number:07d}"
    if record.problem:
        return _reject(name, "", record, Flaw(record.problem, record.why))
    try:
        return sample_from_record(record.data, number, file.pictures, file.layout, defaults)
    except Unfit as error:
        category = record.data.get("category") if isinstance(record.data, dict) else ""
        return _reject(name, category if isinstance(category, str) else "", record, error.flaw)


def _reject(name: str, category: str, record: Record, flaw: Flaw) -> Reject:
    numbers = {**flaw.numbers, "row": float(record.number)}
    return Reject(name, category, flaw.name, flaw.why, numbers, code=record.text)


class _RejectSink:
    """Takes the rejects out of a stream and writes them in files of FLUSH_ROWS.

    Attributes:
        at: number of the sample that was taken last.
    """

    def __init__(self, folder: Path, n_files: int, at: int) -> None:
        self._folder, self._held, self._n = folder, list[Reject](), n_files
        self.at = at

    def kept(self, outcomes: Iterable[tuple[int, Sample | Reject]]) -> Iterator[Sample]:
        """The samples of the stream."""
        for number, outcome in outcomes:
            if isinstance(outcome, Sample):
                self.at = number
                yield outcome
            else:
                self._held.append(outcome)
                if len(self._held) == FLUSH_ROWS:
                    self.flush()

    def flush(self) -> int:
        """Write what is held; the number of files so far."""
        if self._held:
            write_rejects(self._folder / "rejects" / f"{self._n:05d}.parquet", self._held)
            self._held.clear()
            self._n += 1
        return self._n

    def close(self) -> None:
        """Write the last ones; give the files their names."""
        for index in range(self.flush()):
            place = rejects_path(self._folder, index, self._n)
            (place.parent / f"{index:05d}.parquet").rename(place)

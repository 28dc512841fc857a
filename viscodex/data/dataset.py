"""The samples of a data set: by number, in order, or as light rows without their pictures.

in:  parquet shards that are there and have our columns (store.py looks)
out: Samples and Rows; a few row groups in memory at a time
not covered: the folder and its manifest (store.py)
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from viscodex.data.columns import SAMPLE_SCHEMA, sample_from_row
from viscodex.data.manifest import Manifest
from viscodex.errors import BadDataset
from viscodex.types import Sample

CACHED_GROUPS = 4
OPEN_FILES = 16

_LIGHT = (
    "id", "category", "task", "kind", "language", "image_sizes", "n_characters",
    "n_text_tokens", "n_vision_tokens", "source", "licence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a sample without reading its text and pictures."""

    index: int  # in the Dataset that gave it
    id: str
    category: str
    task: str
    kind: str
    language: str
    image_sizes: tuple[tuple[int, int], ...]  # width, height, px
    n_characters: int  # of all messages
    n_text_tokens: int | None
    n_vision_tokens: int | None
    source: str = ""
    licence: str = ""


class Shard:
    """One parquet file: where its row groups begin, and their tables."""

    def __init__(self, path: Path, schema: pa.Schema = SAMPLE_SCHEMA) -> None:
        self.path, self.schema = path, schema
        footer = _footer(path, schema)
        self.rows: int = footer.num_rows
        self.groups = [footer.row_group(index).num_rows for index in range(footer.num_row_groups)]

    def read(self, group: int, file: pq.ParquetFile | None = None) -> pa.Table:
        """The table of one row group, whole.

        Raises:
            BadDataset: its bytes are damaged.
        """
        with self._reading(f"row group {group}"):
            file = file or open_parquet(self.path)
            table = file.read_row_group(group, columns=self.schema.names, use_threads=False)
            return table.select(self.schema.names).cast(self.schema)

    def read_all(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of all rows.

        Raises:
            BadDataset: their bytes are damaged.
        """
        with self._reading(", ".join(columns)), open_parquet(self.path) as file:
            table = file.read(columns=list(columns), use_threads=False).select(list(columns))
            return table.cast(pa.schema([self.schema.field(name) for name in columns]))

    @contextlib.contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            raise BadDataset(
                "a shard is damaged",
                f"{self.path}, {what}: {str(error).splitlines()[0]}",
                "Copy the data set again, or build it again.",
            ) from None


def open_parquet(path: Path) -> pq.ParquetFile:
    """A parquet file whose pages are checked when they are read."""
    return pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)


def _footer(path: Path, schema: pa.Schema) -> pq.FileMetaData:
    try:
        with open_parquet(path) as file:
            footer, names = file.metadata, file.schema_arrow.names
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BadDataset(
            "a shard cannot be opened",
            f"{path}: {str(error).splitlines()[0]}",
            "It was cut short or is no parquet file: copy the data set again.",
        ) from None
    if missing := sorted(set(schema.names) - set(names)):
        raise BadDataset(
            "the parquet files have other columns",
            f"{path}: no {', '.join(missing[:8])}",
            "Only data sets of viscodex are opened; bring others in by `viscodex data import`.",
        )
    return footer


class Dataset(Sequence[Sample]):
    """The samples of a folder, by number; a few row groups of them in memory at a time.

    May be used from several threads and be sent to other processes. Made by open_dataset.

    Attributes:
        folder: where it lies.
        manifest: None where the folder has none.
    """

    def __init__(
        self,
        folder: Path,
        shards: tuple[Shard, ...],
        manifest: Manifest | None,
        indices: Sequence[int] | None = None,
    ) -> None:
        self.folder, self.manifest = folder, manifest
        self._shards, self._indices = shards, indices
        self._groups = [(shard, group) for shard in shards for group in range(len(shard.groups))]
        rows = (n for shard in shards for n in shard.groups)
        self._starts = list(itertools.accumulate(rows, initial=0))  # of each group, and the end
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._tables: OrderedDict[int, pa.Table] = OrderedDict()
        self._files: OrderedDict[Path, pq.ParquetFile] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("_lock", "_tables", "_files")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    @property
    def n_bytes(self) -> int:
        """Size of all shards on disk, whichever samples of them are selected."""
        return sum(shard.path.stat().st_size for shard in self._shards)

    def fingerprint(self) -> str:
        """Hash of which samples these are, without reading them: the manifest, files, numbers."""
        digest = xxhash.xxh3_128()
        for path in (self.folder / "manifest.json", *(shard.path for shard in self._shards)):
            if path.exists():
                seen = path.stat()
                digest.update(f"{path.name} {seen.st_size} {seen.st_mtime_ns}\n".encode())
        for number in self._indices if self._indices is not None else ():
            digest.update(number.to_bytes(8, "little"))
        return digest.hexdigest()

    def __len__(self) -> int:
        return self._starts[-1] if self._indices is None else len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Sample | Dataset:
        """The sample of a number; a slice gives a Dataset.

        Raises:
            BadDataset: its shard is damaged.
        """
        if isinstance(index, slice):
            return self.select(range(len(self))[index])
        group, place = self._place(index)
        return self._sample(self._table(group).slice(place, 1).to_pylist()[0], group)

    def _place(self, index: int) -> tuple[int, int]:
        """(row group, row in it) of a sample."""
        number = range(len(self))[index]  # counts from the end, too, and raises IndexError
        number = number if self._indices is None else self._indices[number]
        group = bisect_right(self._starts, number) - 1
        return group, number - self._starts[group]

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def rows(self) -> Iterator[Row]:
        """What is known of each sample without its text and pictures; reads small columns only.

        Raises:
            BadDataset: a shard is damaged.
        """
        table = pa.concat_tables(shard.read_all(_LIGHT) for shard in self._shards)
        if self._indices is not None:
            table = table.take(pa.array(self._indices, pa.int64()))
        index = itertools.count()
        for batch in table.to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                sizes = tuple((size["width"], size["height"]) for size in row["image_sizes"] or ())
                names = {key: row[key] or "" for key in ("kind", "source", "licence")}
                yield Row(next(index), **{**row, **names, "image_sizes": sizes})

    def metas(self) -> Iterator[str]:
        """The meta of each sample as JSON, without what has a column of its own.

        Raises:
            BadDataset: a shard is damaged.
        """
        table = pa.concat_tables(shard.read_all(["meta"]) for shard in self._shards)
        if self._indices is not None:
            table = table.take(pa.array(self._indices, pa.int64()))
        for batch in table.to_batches(max_chunksize=1024):
            yield from (text or "{}" for text in batch.column("meta").to_pylist())

    def where(self, index: int) -> str:
        """File and row of a sample: "data/train-00000-of-00002.parquet row 17"."""
        group, place = self._place(index)
        shard, number = self._groups[group]
        return f"data/{shard.path.name} row {sum(shard.groups[:number]) + place}"

    def pictures(self) -> Iterator[tuple[int, bytes]]:
        """(index, picture) of all pictures in order.

        Raises:
            BadDataset: a shard is damaged.
        """
        for index in range(len(self)):
            group, place = self._place(index)
            for image in self._table(group).column("images")[place].as_py() or ():
                if image is not None and image["bytes"] is not None:
                    yield index, image["bytes"]

    def filter(
        self,
        *,
        category: str | Iterable[str] | None = None,
        task: str | Iterable[str] | None = None,
    ) -> Dataset:
        """The samples of these categories and tasks, in order; None keeps all."""
        categories, tasks = _names(category), _names(task)
        kept = [
            row.index
            for row in self.rows()
            if (categories is None or row.category in categories)
            and (tasks is None or row.task in tasks)
        ]
        return self.select(kept)

    def shard(self, name: str) -> Dataset:
        """The samples of one file.

        Raises:
            KeyError: there is no such file.
        """
        for shard in self._shards:
            if shard.path.name == name:
                return Dataset(self.folder, (shard,), self.manifest)
        raise KeyError(name)

    def select(self, places: Sequence[int]) -> Dataset:
        """The samples at these places of this Dataset, in this order."""
        view, base = copy.copy(self), self._indices
        view._indices = places if base is None else [base[place] for place in places]
        return view

    def _sample(self, row: dict[str, Any], group: int) -> Sample:
        try:
            return sample_from_row(row)
        except (ValueError, TypeError, KeyError) as error:
            raise BadDataset(
                "a row is no sample",
                f"{self._groups[group][0].path}, id {row['id']!r}: {error}",
                "Build the data set again.",
            ) from None

    def _table(self, group: int) -> pa.Table:
        """A row group, from the last few or from its file."""
        with self._lock:
            if group in self._tables:
                self._tables.move_to_end(group)
                return self._tables[group]
            shard, place = self._groups[group]
            table = shard.read(place, self._file(shard))
            self._tables[group] = table
            if len(self._tables) > CACHED_GROUPS:
                self._tables.popitem(last=False)
            return table

    def _file(self, shard: Shard) -> pq.ParquetFile | None:
        """The shard, held open: reading its footer each time would cost more than the rows."""
        if shard.path not in self._files:
            try:
                self._files[shard.path] = open_parquet(shard.path)
            except (OSError, ValueError):
                return None  # read() opens it again, and says what is wrong
            if len(self._files) > OPEN_FILES:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(shard.path)
        return self._files[shard.path]


def _names(given: str | Iterable[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    return frozenset([given] if isinstance(given, str) else given)

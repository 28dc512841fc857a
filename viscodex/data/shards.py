"""Parquet shards: written in row groups, whole or not there, with known bytes and hashes.

in:  samples or rejects, in order, however many
out: one file, and what it is (ShardInfo)
not covered: the folder that shards make up (store.py), what a row looks like (columns.py)
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from viscodex.data.columns import (
    REJECT_SCHEMA,
    SAMPLE_SCHEMA,
    sample_hash,
    table_from_rejects,
    table_from_samples,
)
from viscodex.data.draft import Reject
from viscodex.types import Sample

GROUP_ROWS = 32
GROUP_BYTES = 4 << 20  # pictures and text of a row group; one sample alone may have more
SHARD_ROWS = 4_096
SHARD_BYTES = 256 << 20  # pictures and text of a shard of write_shards, about
_NUMBER = re.compile(r"(?:train-|rejects-)?(\d{5})(?:-of-\d{5})?\.parquet")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """One written file."""

    file: str  # name without folder
    rows: int
    bytes: int
    xxh3: str  # 128 bits, of the file
    content: str = ""  # 128 bits, of the samples, whatever version of parquet wrote them


def shard_path(folder: Path, index: int, total: int) -> Path:
    """Where the samples of part `index` of `total` belong."""
    return folder / "data" / f"train-{index:05d}-of-{total:05d}.parquet"


def rejects_path(folder: Path, index: int, total: int) -> Path:
    """Where the rejects of part `index` of `total` belong."""
    return folder / "rejects" / f"rejects-{index:05d}-of-{total:05d}.parquet"


def write_shard(path: Path, samples: Iterable[Sample]) -> ShardInfo:
    """Write samples, in their order, to one parquet file; streaming, beside its place, renamed.

    The same samples give the same bytes under the same version of pyarrow. Folders are made.

    Raises:
        BadInput: a sample cannot be stored (columns.table_from_samples).
    """
    hashes = xxhash.xxh3_128()

    def tables() -> Iterator[pa.Table]:
        for group in _grouped(samples, _weight):
            for sample in group:
                hashes.update(sample_hash(sample).encode())
            yield table_from_samples(group)

    rows, size, digest = _write(path, SAMPLE_SCHEMA, tables())
    return ShardInfo(path.name, rows, size, digest, hashes.hexdigest())


def write_shards(
    folder: Path,
    samples: Iterable[Sample],
    *,
    done: Sequence[ShardInfo] = (),
    saved: Callable[[Sequence[ShardInfo]], None] | None = None,
) -> tuple[ShardInfo, ...]:
    """Write samples into as many shards as they need; at least one, though it be empty.

    Args:
        done: shards that an earlier call wrote and `saved` was told of; `samples` go on behind them.
        saved: called whenever a shard is there, with all so far; the one sample behind it has been
            taken from the stream by then.

    Raises:
        BadInput: a sample cannot be stored.
    """
    stream = iter(samples)
    waiting = deque(itertools.islice(stream, 1))
    infos: list[ShardInfo] = list(done)

    def portion() -> Iterator[Sample]:
        rows = held = 0
        while waiting and rows < SHARD_ROWS and held < SHARD_BYTES:
            sample = waiting.popleft()
            rows, held = rows + 1, held + _weight(sample)
            waiting.extend(itertools.islice(stream, 1))
            yield sample

    while waiting or not infos:
        infos.append(write_shard(folder / "data" / f"{len(infos):05d}.parquet", portion()))
        if saved is not None and waiting:
            saved(infos)
    places = [shard_path(folder, index, len(infos)) for index in range(len(infos))]
    for info, place in zip(infos, places, strict=True):
        (folder / "data" / info.file).rename(place)
    return tuple(replace(i, file=place.name) for i, place in zip(infos, places, strict=True))


def numbered_shards(folder: Path, n: int) -> None:
    """Make a folder of shards what it was when n of them had been noted, for write_shards to go on.

    Later ones and halves are removed; what has got its last name already gets its number back.
    """
    for path in sorted(folder.glob("*.parquet*")):
        found = _NUMBER.match(path.name)
        if found is None or int(found[1]) >= n or path.suffix != ".parquet":
            path.unlink()
        else:
            path.rename(path.with_name(f"{int(found[1]):05d}.parquet"))


def write_rejects(path: Path, rejects: Iterable[Reject]) -> ShardInfo:
    """Write rejects as write_shard writes samples; no content of theirs is refused."""
    groups = _grouped(rejects, lambda reject: len(reject.code) + len(reject.image or b""))
    rows, size, digest = _write(path, REJECT_SCHEMA, map(table_from_rejects, groups))
    return ShardInfo(path.name, rows, size, digest)


def _weight(sample: Sample) -> int:
    return sum(map(len, sample.images)) + sum(len(m.content) for m in sample.messages)


def _grouped(items: Iterable[Item], weight: Callable[[Item], int]) -> Iterator[list[Item]]:
    group: list[Item] = []
    held = 0
    for item in items:
        if group and (len(group) == GROUP_ROWS or held + weight(item) > GROUP_BYTES):
            yield group
            group, held = [], 0
        group.append(item)
        held += weight(item)
    if group:
        yield group


def _write(path: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> tuple[int, int, str]:
    """(rows, bytes, hash)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    rows = 0
    try:
        with beside.open("wb") as stream:
            with pq.ParquetWriter(
                stream,
                schema,
                compression=_compression(schema),
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
            ) as writer:
                for table in tables:
                    writer.write_table(table, row_group_size=len(table))
                    rows += len(table)
            stream.flush()
            os.fsync(stream.fileno())
        size, digest = beside.stat().st_size, hash_file(beside)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    return rows, size, digest


def _compression(schema: pa.Schema) -> dict[str, str]:
    """zstd for text; PNG, JPEG and WebP are compressed already."""
    return {name: "none" if name.endswith(".bytes") else "zstd" for name in _leaves(schema)}


def _leaves(schema: pa.Schema) -> list[str]:
    """Names of the columns as parquet has them: images.list.element.bytes, ..."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    stored = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [stored.column(index).path for index in range(len(stored.names))]


def hash_file(path: Path) -> str:
    """XXH3 (128 bits) of a file's bytes."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

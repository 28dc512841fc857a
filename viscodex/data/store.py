"""Data sets on disk: a folder of parquet shards with a manifest, a card and galleries.

in:  the folder of a data set
out: a Dataset to index, iterate and filter; its rejects
not covered: writing shards (shards.py), reading samples (dataset.py), card and galleries (card.py,
    gallery.py), other formats (export.py, importing.py); the names of the first two are here too

    FOLDER/README.md                            the card; its front matter is what load_dataset reads
    FOLDER/manifest.json                        shards, hashes, counts, recipe, filters, versions
    FOLDER/data/train-00000-of-00003.parquet    samples
    FOLDER/rejects/rejects-00000-of-00003.parquet
    FOLDER/gallery.html  rejects.html           pictures, answers, reasons
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from viscodex.data.columns import REJECT_SCHEMA, reject_from_row
from viscodex.data.dataset import Dataset, Row, Shard
from viscodex.data.draft import Reject
from viscodex.data.manifest import FilterNote, Manifest, read_manifest, write_manifest
from viscodex.data.shards import (
    ShardInfo,
    hash_file,
    rejects_path,
    shard_path,
    write_rejects,
    write_shard,
)
from viscodex.errors import BadDataset

__all__ = [
    "Dataset", "FilterNote", "Manifest", "Rejects", "Row", "ShardInfo", "open_dataset", "read_manifest",
    "read_rejects", "rejects_path", "shard_path", "write_manifest", "write_rejects", "write_shard",
]  # fmt: skip


def open_dataset(folder: Path | str, *, verify: bool = False, sizes: bool = True) -> Dataset:
    """Open a data set; reads the footers of its shards, no samples.

    Args:
        verify: hash every shard too and compare with the manifest (reads all bytes).
        sizes: compare the shards with the manifest at all; `data check` tells of each itself.

    Raises:
        BadDataset: the folder is none, a shard is missing, cut short, changed or of other columns.
    """
    folder = Path(folder)
    files = _shard_files(folder)
    manifest = read_manifest(folder)
    if manifest is not None and sizes:
        _check_against(manifest, folder, files)
    shards = tuple(Shard(path) for path in files)
    if manifest is not None and sizes:
        for shard, info in zip(shards, manifest.shards, strict=True):
            _check_shard(shard, info, verify)
    return Dataset(folder, shards, manifest)


def read_rejects(folder: Path | str) -> Iterator[Reject]:
    """All rejects of a data set, in order; none where it keeps none.

    Raises:
        BadDataset: a file of them cannot be read.
    """
    for shard, group in _reject_groups(Path(folder)):
        for row in shard.read(group).to_pylist():
            yield reject_from_row(row)


class Rejects:
    """The rejects of a data set by number, without holding them.

    Attributes:
        labels: (filter, category, kind) of each.

    Raises:
        BadDataset: a file of them cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._groups = list(_reject_groups(folder))
        counts = (shard.groups[group] for shard, group in self._groups)
        self._starts: list[int] = list(itertools.accumulate(counts, initial=0))
        shards = dict.fromkeys(shard for shard, _ in self._groups)
        tables = (shard.read_all(("filter", "category", "kind")) for shard in shards)
        self.labels = [tuple(row.values()) for table in tables for row in table.to_pylist()]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, index: int) -> Reject:
        number = range(len(self))[index]
        place = bisect_right(self._starts, number) - 1
        shard, group = self._groups[place]
        row = shard.read(group).slice(number - self._starts[place], 1).to_pylist()[0]
        return reject_from_row(row)


def _reject_groups(folder: Path) -> Iterator[tuple[Shard, int]]:
    for path in sorted((folder / "rejects").glob("*.parquet")):
        shard = Shard(path, REJECT_SCHEMA)
        for group in range(len(shard.groups)):
            yield shard, group


# --- the folder -----------------------------------------------------------------------------------


def _shard_files(folder: Path) -> list[Path]:
    todo = "Give the folder that `viscodex data build` or `viscodex data import` wrote."
    if not folder.is_dir():
        what = "a data set is a folder" if folder.exists() else "there is no such data set"
        raise BadDataset(what, str(folder), todo)
    files = sorted((folder / "data").glob("*.parquet"))
    if not files and (folder / ".build").is_dir():
        raise BadDataset(
            "the data set is not finished",
            f"{folder}: a build was begun there",
            "Give its `viscodex data build` again: it goes on.",
        )
    if not files:
        raise BadDataset("the folder is not a data set", f"{folder}: no data/*.parquet", todo)
    totals = {int(m[1]) for f in files if (m := re.search(r"-of-(\d+)\.parquet$", f.name))}
    wanted = {shard_path(folder, i, total).name for total in totals for i in range(total)}
    if missing := sorted(wanted - {file.name for file in files}):
        raise _incomplete(folder, missing)
    return files


def _check_against(manifest: Manifest, folder: Path, files: Sequence[Path]) -> None:
    known, there = [info.file for info in manifest.shards], [file.name for file in files]
    if missing := sorted(set(known) - set(there)):
        raise _incomplete(folder, missing)
    if known != there:
        extra = sorted(set(there) - set(known))
        raise BadDataset(
            "the data set has shards that its manifest does not know",
            f"{folder / 'data'}: {', '.join(extra[:5])}",
            "Remove them, or build the data set again.",
        )


def _incomplete(folder: Path, missing: Sequence[str]) -> BadDataset:
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return BadDataset(
        "shards are missing",
        f"{folder / 'data'}: {', '.join(missing[:5])}{more}",
        "Copy the data set again, or finish its build.",
    )


def _check_shard(shard: Shard, info: ShardInfo, verify: bool) -> None:
    found: tuple[Any, ...] = (shard.path.stat().st_size, shard.rows)
    wanted: tuple[Any, ...] = (info.bytes, info.rows)
    if found == wanted and verify:
        found, wanted = (hash_file(shard.path),), (info.xxh3,)
    if found != wanted:
        words = ("bytes, rows", "hash")[len(found) == 1]
        raise BadDataset(
            "a shard is not the one that was written",
            f"{shard.path}\n{words}: {', '.join(map(str, found))} here, "
            f"{', '.join(map(str, wanted))} in manifest.json",
            "Copy the data set again, or build it again.",
        )

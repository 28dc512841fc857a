"""Rows of a problem set in KodCode's layout, by number, in memory that does not grow.

in:  a parquet or JSON lines file, or a folder of them
out: the rows of chosen subsets and styles: their number, each by its place in a drawn order
not covered: what a row means (source.py)

Of parquet only the columns that decide are read at first, later one row group at a time; of JSON
lines the places of the lines are held, eight bytes each.
"""

from __future__ import annotations

import bisect
import itertools
import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from viscodex.data.dataset import open_parquet
from viscodex.errors import BadInput, BadRecipe

MAX_LINE = 32 << 20
HELD_GROUPS = 4
DECIDING = ("subset", "style")


class ProblemRows:
    """The rows that are wanted, in an order drawn from the seed; safe to use from several threads.

    Args:
        path: file or folder.
        subsets, styles: as the file calls them, in any case; empty: all.
        columns: to read of a row; those that the file lacks are left out.

    Attributes:
        counts: (subset, style) -> rows in the files.

    Raises:
        BadInput: no such file, or not of this layout.
        BadRecipe: a subset or style that no row is of.
    """

    def __init__(
        self,
        path: Path,
        seed: int,
        subsets: Collection[str] = (),
        styles: Collection[str] = (),
        columns: Collection[str] = (),
    ) -> None:
        self._files = [_open(file, columns) for file in _find(path)]
        self._starts = list(itertools.accumulate((len(f) for f in self._files), initial=0))
        labels = [label for file in self._files for label in file.labels]
        self.counts = Counter(labels)
        for name, wanted, place in (("subsets", subsets, 0), ("styles", styles, 1)):
            known = {_plain(label[place]): label[place] for label in self.counts}
            if unknown := [one for one in wanted if _plain(one) not in known]:
                there = ", ".join(sorted(filter(None, known.values())))
                raise BadRecipe(
                    f"{name} that no row is of",
                    f"{path}: {', '.join(unknown)}",
                    f"There are: {there}",
                )
        of, in_style = {_plain(s) for s in subsets}, {_plain(s) for s in styles}
        chosen = [
            number
            for number, (subset, style) in enumerate(labels)
            if (not of or _plain(subset) in of) and (not in_style or _plain(style) in in_style)
        ]
        self._order = np.random.default_rng(seed).permutation(np.array(chosen, np.int64))

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: int) -> dict[str, Any]:
        """The row at a place of the drawn order; "row" and "file" say where it stands.

        Raises:
            BadInput: it cannot be read.
        """
        number = int(self._order[place])
        at = bisect.bisect_right(self._starts, number) - 1
        file = self._files[at]
        row = file.read(number - self._starts[at])
        return {**row, "file": file.path.name, "row": number - self._starts[at]}


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _find(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(path.rglob("*.parquet")) or sorted(path.rglob("*.jsonl"))
    if not found:
        raise BadInput(
            "there are no problems", f"{path}: neither .parquet nor .jsonl", "Give file or folder."
        )
    return found


def _open(path: Path, columns: Collection[str]) -> _Parquet | _Lines:
    return _Parquet(path, columns) if path.suffix == ".parquet" else _Lines(path, columns)


class _Parquet:
    """A parquet file."""

    def __init__(self, path: Path, columns: Collection[str]) -> None:
        self.path, self._lock = path, threading.Lock()
        try:
            self._file = open_parquet(path)
            names = set(self._file.schema_arrow.names)
            self._columns = [name for name in columns if name in names] if columns else None
            deciding = [name for name in DECIDING if name in names]
            table = self._file.read(columns=deciding)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise BadInput("the file is no parquet file", f"{path}: {error}"[:300]) from None
        lists = [
            [str(v or "") for v in table.column(name).to_pylist()]
            if name in deciding
            else [""] * self._file.metadata.num_rows
            for name in DECIDING
        ]
        self.labels = list(zip(*lists, strict=True))
        groups = range(self._file.num_row_groups)
        sizes = (self._file.metadata.row_group(group).num_rows for group in groups)
        self._starts = list(itertools.accumulate(sizes, initial=0))
        self._held: OrderedDict[int, pa.Table] = OrderedDict()

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, number: int) -> dict[str, Any]:
        """A row."""
        group = bisect.bisect_right(self._starts, number) - 1
        with self._lock:
            if group not in self._held:
                try:
                    table = self._file.read_row_group(
                        group, columns=self._columns, use_threads=False
                    )
                except (OSError, ValueError, pa.ArrowException) as error:
                    where = f"{self.path}, row group {group}: {error}"
                    raise BadInput("rows of a parquet file are damaged", where[:300]) from None
                self._held[group] = table
                if len(self._held) > HELD_GROUPS:
                    self._held.popitem(last=False)
            table = self._held[group]
        found: dict[str, Any] = table.slice(number - self._starts[group], 1).to_pylist()[0]
        return found


class _Lines:
    """A file of JSON lines; a line that is none is a row of no subset."""

    def __init__(self, path: Path, columns: Collection[str]) -> None:
        self.path, self._columns = path, set(columns)
        places: list[int] = []
        self.labels: list[tuple[str, str]] = []
        at = 0
        with path.open("rb") as stream:
            while line := stream.readline(MAX_LINE):
                if line.strip():
                    places.append(at)
                    row = _decoded(line)
                    self.labels.append((str(row.get("subset") or ""), str(row.get("style") or "")))
                at += len(line)
        self._places = np.array(places, np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, number: int) -> dict[str, Any]:
        """A row."""
        with self.path.open("rb") as stream:
            stream.seek(int(self._places[number]))
            row = _decoded(stream.readline(MAX_LINE))
        if not row:
            raise BadInput("a line is no JSON object", f"{self.path}, row {number}")
        return {k: v for k, v in row.items() if not self._columns or k in self._columns}


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}

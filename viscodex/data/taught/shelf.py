"""What lies in a folder, by number: single files, and the rows of tables.

in:  a folder (or one file), suffixes, what the columns of tables mean
out: Items; equal folders give equal numbers
not covered: what an item is (material.py, seeds.py)

Row groups are read whole, and the last one is kept: neighbours cost nothing.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from viscodex.data.dataset import open_parquet
from viscodex.errors import BadRecipe

TABLE = ".parquet"


@dataclass(frozen=True, slots=True)
class Item:
    """A file, or a row of a table."""

    name: str  # relative to the folder; of a row: table and row
    path: Path
    row: Mapping[str, Any] | None = field(default=None)  # role -> value; None: a file


class Shelf:
    """Files and rows below a place, in the order of their names.

    Args:
        place: folder or file.
        suffixes: of files that are taken; tables always are.
        roles: role -> names that its column may have, the first that is there.
        named: role -> column, where a table calls it otherwise.
        needed: the role without which a table is refused.

    Raises:
        BadRecipe: there is nothing, or a table lacks a column.
    """

    def __init__(
        self,
        place: Path,
        suffixes: Sequence[str],
        roles: Mapping[str, Sequence[str]],
        named: Mapping[str, str] | None,
        needed: str,
    ) -> None:
        self.place, self._roles, self._named, self._needed = place, roles, named or {}, needed
        if unknown := sorted(set(self._named) - set(roles)):
            raise BadRecipe(
                "a column with a role that there is not", ", ".join(unknown), f"Roles: {', '.join(roles)}."
            )  # fmt: skip
        below = [place] if place.is_file() else place.rglob("*")
        taken = {*suffixes, TABLE}
        self.paths = sorted(
            p for p in below if p.suffix.lower() in taken and p.is_file() and p.name[0] != "."
        )
        sizes = [_rows(path) if path.suffix == TABLE else 1 for path in self.paths]
        self._ends = list(accumulate(sizes))
        if not len(self):
            wanted = ", ".join((*suffixes, TABLE))
            raise BadRecipe("there is nothing to work on", f"{place}: no {wanted}", "Name another.")
        self._columns = {p: self._meaning(p) for p in self.paths if p.suffix == TABLE}
        self._group: tuple[Path, int, list[dict[str, Any]]] | None = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def fingerprint(self) -> str:
        """Hash of names and sizes: another folder has another one."""
        told = [[self._short(path), path.stat().st_size] for path in self.paths]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def __getitem__(self, number: int) -> Item:
        k = bisect_right(self._ends, number)
        path = self.paths[k]
        if path.suffix != TABLE:
            return Item(self._short(path), path)
        row = number - (self._ends[k - 1] if k else 0)
        rows, first = self._around(path, row)
        data = rows[row - first]
        name = str(data.get("name") or f"row {row}")
        return Item(f"{self._short(path)}: {name}", path, data)

    def _short(self, path: Path) -> str:
        return path.relative_to(self.place).as_posix() if self.place.is_dir() else path.name

    def _meaning(self, path: Path) -> dict[str, str]:
        """Role -> column of a table."""
        with open_parquet(path) as file:
            there = file.schema_arrow.names
        wrong = [f"{role}: {column}" for role, column in self._named.items() if column not in there]
        found = {
            role: self._named.get(role) or next((n for n in names if n in there), "")
            for role, names in self._roles.items()
        }
        if wrong or not found[self._needed]:
            raise BadRecipe(
                "a table has other columns",
                f"{path}: it has {', '.join(there)}",
                f"Name them: columns: {{{self._needed}: ...}}.",
            )
        return {role: column for role, column in found.items() if column}

    def _around(self, path: Path, row: int) -> tuple[list[dict[str, Any]], int]:
        """The rows of the row group that a row is in, by roles; the number of the first of them."""
        known = self._group  # one read of it: other threads may put another one there
        if known is None or known[0] != path or not known[1] <= row < known[1] + len(known[2]):
            rows, first = _read_group(path, row, self._columns[path])
            known = self._group = path, first, rows
        return known[2], known[1]


def _rows(path: Path) -> int:
    try:
        with open_parquet(path) as file:
            rows: int = file.metadata.num_rows
            return rows
    except (OSError, ValueError, pa.ArrowException) as error:
        why = f"{path}: {str(error).splitlines()[0]}"
        raise BadRecipe("a table cannot be opened", why, "Copy it again.") from None


def _read_group(
    path: Path, row: int, columns: Mapping[str, str]
) -> tuple[list[dict[str, Any]], int]:
    """A damaged group gives rows without anything."""
    with open_parquet(path) as file:
        first = size = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if row < first + size:
                break
            first += size
        try:
            names = sorted(set(columns.values()))
            table = file.read_row_group(group, columns=names, use_threads=False)
        except (OSError, ValueError, pa.ArrowException):
            return [{} for _ in range(size)], first
    rows = [{role: data[column] for role, column in columns.items()} for data in table.to_pylist()]
    return rows, first

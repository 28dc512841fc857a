"""The points of a search on disk: each whole or not there.

in:  a folder
out: points.jsonl, a line as each point is done; what a killed search left unfinished is cut off
not covered: how points come about (run.py)
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from viscodex.errors import OutputRefused
from viscodex.files import whole_lines, write_atomically

State = Literal["done", "pruned", "failed"]
Kind = Literal["curve", "trial", "confirm"]


@dataclass(frozen=True, slots=True)
class Point:
    """One merge that was evaluated."""

    number: int
    kind: Kind
    params: dict[str, float | str]
    recipe: dict[str, Any]  # of the merge
    state: State
    values: tuple[float | None, ...] = ()  # of the items, in the dev split's order
    reason: str = ""
    features: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def known(self) -> list[float]:
        """The values that there are."""
        return [value for value in self.values if value is not None]

    @property
    def mean(self) -> float:
        """Over the items that have a value; NaN without any."""
        known = self.known
        return math.fsum(known) / len(known) if known else math.nan

    @property
    def key(self) -> str:
        """Equal for equal merges."""
        return json.dumps(self.recipe, sort_keys=True)


class PointFile:
    """A search's folder while it grows; a context manager that holds the lock.

    Args:
        identity: what a resumed search must agree in.

    Raises:
        OutputRefused: something else is there, another search, or one that runs now.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = json.loads(json.dumps(identity))
        self._file = folder / "points.jsonl"
        self._lock: Any = None
        self.points: list[Point] = []

    def __enter__(self) -> PointFile:
        import fcntl

        if self.folder.exists() and not self.folder.is_dir():
            raise OutputRefused("the output is a file", str(self.folder), "Choose another with -o.")
        self.folder.mkdir(parents=True, exist_ok=True)
        known = self.folder / "search.json"
        if not known.exists() and any(self.folder.iterdir()):
            raise OutputRefused(
                "the folder is not empty and holds no search",
                str(self.folder),
                "Choose another with -o.",
            )
        if known.exists():
            self._check(known)
        else:
            write_atomically(known, json.dumps(self._identity, indent=1))
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise OutputRefused(
                "a search runs there now",
                str(self.folder),
                "Wait for it, or choose another with -o.",
            ) from error
        self.points = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def _check(self, known: Path) -> None:
        try:
            there = json.loads(known.read_text("utf-8"))
        except ValueError:
            there = {}
        differ = [key for key in self._identity if there.get(key) != self._identity[key]]
        if differ:
            raise OutputRefused(
                "this folder has another search",
                "\n".join(
                    f"{k}: {there.get(k)} there, {self._identity[k]} asked" for k in differ[:5]
                ),
                "Choose another folder with -o. Only the number of trials may change.",
            )

    def _read(self) -> list[Point]:
        lines = whole_lines(self._file)
        try:
            return [_point(json.loads(line)) for line in lines]
        except (ValueError, TypeError, KeyError) as error:
            raise OutputRefused(
                "the points of this search cannot be read",
                f"{self._file}: {error}",
                "Choose another folder with -o, or remove this one.",
            ) from error

    def add(self, point: Point) -> None:
        """Append a point, on the disk before this returns."""
        with self._file.open("ab") as file:
            file.write(json.dumps(asdict(point)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.points.append(point)


def _point(row: dict[str, Any]) -> Point:
    return Point(**{**row, "values": tuple(row["values"])})

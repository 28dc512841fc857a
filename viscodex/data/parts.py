"""Parts: what one task of a build makes, how the parts of a round are laid out, what they leave.

in:  how many samples are wanted of a source, and how many there are already
out: Part, the plan of a round; PartReport and the files beside it
not covered: how a part is made (blocks.py)

    FOLDER/.build/begun.json                 what the folder was begun with: recipe, versions
    FOLDER/.build/lock                       held while a build runs
    FOLDER/.build/parts/chart-0-00003.parquet       samples, before near-duplicates are taken out
    FOLDER/.build/parts/chart-0-00003.rejects.parquet
    FOLDER/.build/parts/chart-0-00003.signatures.parquet
    FOLDER/.build/parts/chart-0-00003.json   the report; it is written last: the part is whole
    FOLDER/.build/progress/                  what each part in work has done so far
    FOLDER/.build/final/                     the shards, until all of them are there
    FOLDER/.build/done.json                  the report of the finished build
    FOLDER/.build/logs/                      datatrove's markers and statistics; failures
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from viscodex.data.decontaminate import Contamination
from viscodex.data.recipe import DataRecipe
from viscodex.errors import NotEnoughSpace
from viscodex.types import from_json


@dataclass(frozen=True, slots=True)
class Part:
    """What one task makes: `quota` samples of the candidates first, first + step, ..."""

    name: str  # chart-0-00003: key of the source in the recipe, round, number
    source: str  # key in the recipe
    round: int
    number: int  # in its round
    of: int  # parts of this source in the round
    quota: int  # samples wanted
    tries: int  # candidates at most
    first: int  # index of the first candidate
    step: int

    def indexes(self) -> range:
        """The indexes of the candidates, in order; those of two parts never meet."""
        return range(self.first, self.first + self.tries * self.step, self.step)


@dataclass(frozen=True, slots=True)
class PartReport:
    """What became of a part."""

    part: Part
    n_kept: int  # samples
    n_candidates: int
    rejected: Mapping[str, int] = field(default_factory=dict)  # filter -> drafts and samples
    n_text_tokens: int = 0
    n_vision_tokens: int = 0
    seconds: float = 0.0
    told: tuple[int, ...] = ()  # samples of each draft that was kept, in the signatures' order
    contaminations: tuple[Contamination, ...] = ()

    @property
    def filled(self) -> bool:
        """As many samples as were wanted."""
        return self.n_kept == self.part.quota

    @property
    def next_index(self) -> int:
        """The index after the last candidate that was drawn."""
        return self.part.first + (self.n_candidates - 1) * self.part.step + 1


@dataclass(frozen=True, slots=True)
class Workplace:
    """The hidden folder in which a build works."""

    out: Path

    @property
    def folder(self) -> Path:
        """Everything of the build that is not the data set."""
        return self.out / ".build"

    @property
    def parts(self) -> Path:
        """Finished parts."""
        return self.folder / "parts"

    @property
    def progress(self) -> Path:
        """Parts in work."""
        return self.folder / "progress"

    @property
    def final(self) -> Path:
        """The data set until it is whole."""
        return self.folder / "final"

    @property
    def benchmarks(self) -> Path:
        """The index of the benchmarks that no sample may resemble."""
        return self.folder / "benchmarks"

    @property
    def logs(self) -> Path:
        """Logs, datatrove's markers and its statistics."""
        return self.folder / "logs"

    def samples(self, part: Part) -> Path:
        """The samples of a part."""
        return self.parts / f"{part.name}.parquet"

    def rejects(self, part: Part) -> Path:
        """The rejects of a part."""
        return self.parts / f"{part.name}.rejects.parquet"

    def signatures(self, part: Part) -> Path:
        """One row for each draft that was kept."""
        return self.parts / f"{part.name}.signatures.parquet"

    def report(self, part: Part) -> Path:
        """Its presence says that the part is whole."""
        return self.parts / f"{part.name}.json"

    def failure(self, part: Part) -> Path:
        """Why the last try at a part ended early."""
        return self.logs / "failures" / f"{part.name}.json"

    def read_report(self, part: Part) -> PartReport | None:
        """The report of a part; None where the part is not finished."""
        try:
            return from_json(PartReport, self.report(part).read_bytes())
        except (FileNotFoundError, ValueError):
            return None


def plan_round(
    recipe: DataRecipe, number: int, wanted: Mapping[str, int], first: Mapping[str, int]
) -> tuple[Part, ...]:
    """The parts of a round, so ordered that all sources begin early; a function of its arguments.

    Args:
        number: of the round.
        wanted: samples, by the source's key in the recipe.
        first: the index from which candidates are drawn, by the same keys; default 0.
    """
    parts: list[tuple[float, Part]] = []
    for label, entry in recipe.wanted.items():
        n = wanted.get(label, 0)
        count = -(-n // recipe.samples_per_part)
        for i in range(count):
            quota = n // count + (i < n % count)
            part = Part(
                name=f"{label}-{number}-{i:05d}",
                source=label,
                round=number,
                number=i,
                of=count,
                quota=quota,
                tries=math.ceil(quota * entry.tries),
                first=first.get(label, 0) + i,
                step=count,
            )
            parts.append(((i + 0.5) / count, part))
    parts.sort(key=lambda item: item[0])
    return tuple(part for _, part in parts)


def in_order(parts: Sequence[Part], label: str) -> list[Part]:
    """The parts of one source in the order of their numbers, round after round."""
    own = [part for part in parts if part.source == label]
    return sorted(own, key=lambda part: (part.round, part.number))


@contextlib.contextmanager
def disk_checked(place: Path) -> Iterator[None]:
    """Turn the error of a full disk into ours.

    Raises:
        NotEnoughSpace: the disk, the quota or the largest size of a file is used up.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise NotEnoughSpace(
            "the disk filled up while a data set was being made",
            f"{error.filename or place}: {error.strerror}",
            "Finished parts are kept. Free some space and give the same command again.",
        ) from error


@contextlib.contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock that ends with the process and that its children do not have.

    Yields:
        Whether the lock is held; with `wait` always.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except (BlockingIOError, PermissionError):
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)

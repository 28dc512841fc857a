"""Decontamination: no training sample repeats an item of a benchmark.

in:  benchmark folders; samples, one at a time
out: Contamination: which item a sample repeats, how, and how much of it; a report
not covered: reading the folders (benchmarks.py), duplicates within the data (duplicates.py)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from viscodex.types import Sample


@dataclass(frozen=True, slots=True)
class Contamination:
    """A sample that repeats an item of a benchmark."""

    sample: str  # id
    benchmark: str
    item: str
    file: str  # of the item, relative to its folder
    kind: Literal["code", "question", "image"]
    overlap: float  # 0..1: share of the item's runs of tokens, or of the picture's edges


class BenchmarkIndex:
    """All items of some benchmarks, ready to be looked up."""

    @classmethod
    def build(cls, folders: Iterable[str | Path], cache: Path | None = None) -> BenchmarkIndex:
        """Read the folders, or the index of the same content from the cache folder.

        Raises:
            BadInput: no such folder.
        """
        raise NotImplementedError

    def match(self, sample: Sample) -> Contamination | None:
        """What of a benchmark the sample repeats most; None: nothing.

        Raises:
            BadInput: a picture that cannot be read.
        """
        raise NotImplementedError

    def report(self, found: Iterable[Contamination], n_samples: int) -> dict[str, object]:
        """What was indexed, what could not be read, and what matched what; plain data."""
        raise NotImplementedError

"""Benchmark folders, read as questions, code and pictures, whatever their layout.

in:  a folder: Design2Code, ChartMimic, MMCode, InfiBench or InfiBench-V, or any other
out: BenchmarkItem, one at a time; files that cannot be read are listed, never fatal
not covered: what matches them (decontaminate.py), scoring (tasks/)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One piece of a benchmark that a training set must not contain."""

    benchmark: str  # design2code, chartmimic, mmcode, infibench; else the folder's name
    id: str
    file: str  # relative to the folder
    code: tuple[str, ...] = ()  # references and solutions
    language: str = "python"  # of the code
    question: str = ""
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file or row of a benchmark that could not be read."""

    file: str
    reason: str


def read_benchmark(folder: Path, bad: list[BadFile] | None = None) -> Iterator[BenchmarkItem]:
    """The items of a benchmark folder, in the order of its files.

    Args:
        folder: any of the layouts above, or any folder with pictures, code, pages or rows.
        bad: gets what could not be read.

    Raises:
        BadInput: no such folder.
    """
    raise NotImplementedError

"""Whether a benchmark's files are whole, before anything is scored on them.

in:  a folder or file, the name of the benchmark
out: how many items are sound, and what is wrong with each that is not
not covered: data sets for training (viscodex/data)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from viscodex.errors import BadDataset
from viscodex.tasks.handlers import Handler
from viscodex.tasks.suite import read_suite
from viscodex.tasks.task import task


@dataclass(frozen=True, slots=True)
class BenchmarkCheck:
    """What a check found."""

    task: str
    n_items: int  # read, broken or not
    broken: dict[str, str]  # file or id -> what is wrong
    revision: str = ""


def check_benchmark(
    place: Path, name: str, split: str = "", handlers: Mapping[str, Handler] | None = None
) -> BenchmarkCheck:
    """Read every item of a benchmark and name all that are broken.

    Args:
        name: of the task: infibench_v, infibench, chartmimic, mmcode, ...
        handlers: further handlers that InfiBench's cases may name.
    """
    if name in ("infibench", "infibench_v"):
        try:
            suite = read_suite(place, split, visual=name == "infibench_v", handlers=handlers)
        except BadDataset as error:
            return BenchmarkCheck(name, 0, {error.where: error.what})
        return BenchmarkCheck(name, len(suite.items), dict(suite.broken), suite.revision)
    try:
        benchmark = task(name).read(place, split)
    except BadDataset as error:
        return BenchmarkCheck(name, 0, {error.where: error.what})
    return BenchmarkCheck(name, len(benchmark.items), {}, benchmark.revision)

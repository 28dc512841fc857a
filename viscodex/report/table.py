"""The paper's table: systems down, benchmarks across, the published rows beneath.

in:  systems
out: Table: columns, cells with both denominators and intervals, averages, published rows
not covered: how it is written (text.py, page.py), single samples (samples.py)

A cell's main number is over all items, what is unanswered or unscored counting 0. Its interval is
bootstrapped over the same items; that of the average resamples every benchmark's items, all columns
of a benchmark together, so that their correlation counts.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from viscodex.report.run import Run, System
from viscodex.report.statistics import resampled_means
from viscodex.tasks.summary import interval

TITLES = {
    "design2code": "Design2Code",
    "chartmimic": "ChartMimic",
    "mmcode": "MMCode",
    "infibench_v": "InfiBench-V",
    "infibench": "InfiBench",
}
"""Benchmark -> how papers write it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of one benchmark."""

    task: str
    metric: str
    label: str  # low, high; empty where a benchmark has one column

    @property
    def key(self) -> str:
        """Its name in published.json and in JSON output."""
        return f"{self.task}.{self.metric}"

    @property
    def title(self) -> str:
        """Its name in tables."""
        return f"{TITLES.get(self.task, self.task)} {self.label}".strip()


PAPER_COLUMNS = (
    Column("design2code", "low_level", "low"),
    Column("design2code", "clip", "high"),
    Column("chartmimic", "low_level", "low"),
    Column("chartmimic", "high_level", "high"),
    Column("mmcode", "pass@1", ""),
    Column("infibench_v", "score", ""),
)
"""The columns of the paper's main table; its average is their plain mean."""


def lead_metric(run: Run) -> str:
    """The metric that a benchmark is compared by: its first column, else its last headline."""
    for column in PAPER_COLUMNS:
        if column.task == run.task:
            return column.metric
    report = next(iter(run.reports.values()))
    return report.headline[-1] if report.headline else next(iter(report.metrics))


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a table, 0 to 1."""

    all: float  # over all items
    low: float  # 95 % interval of `all`
    high: float
    scored: float  # over the scored
    n: int
    n_scored: int
    protocol: str  # the one that the benchmark has, where the wanted one is not there


@dataclass(frozen=True, slots=True)
class Line:
    """A system under one protocol."""

    name: str
    cells: dict[str, Cell]  # column key -> cell; what was not measured is not there
    average: float  # of the columns that `Table.averaged` names; NaN if one is missing
    average_low: float
    average_high: float


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """A row of the paper; percent, as printed there."""

    name: str
    values: dict[str, float]
    average: float  # over the averaged columns of this table
    printed_average: float


@dataclass(frozen=True, slots=True)
class Table:
    """All systems under one protocol."""

    protocol: str
    columns: tuple[Column, ...]  # that at least one system has; the paper's first
    averaged: tuple[str, ...]  # keys of the paper's columns that all systems have
    lines: tuple[Line, ...]
    published: tuple[PublishedLine, ...]
    source: str

    @property
    def is_whole(self) -> bool:
        """Whether the average is over the paper's six columns."""
        return len(self.averaged) == len(PAPER_COLUMNS)

    @property
    def has_average(self) -> bool:
        """Whether there is one to show: a single column is its own."""
        return len(self.averaged) > 1

    def best(self, key: str) -> set[str]:
        """The systems with the highest number in a column, as it is printed.

        None where the numbers of items differ: means over different items are no contest.
        """
        if len({line.cells[key].n for line in self.lines if key in line.cells}) > 1:
            return set()
        shown = {
            line.name: round(100 * line.cells[key].all, 1)
            for line in self.lines
            if key in line.cells
        }
        known = [value for value in shown.values() if not math.isnan(value)]
        return {name for name, value in shown.items() if known and value == max(known)}


@cache
def _published() -> dict[str, object]:
    text = resources.files("viscodex.report").joinpath("published.json").read_text("utf-8")
    data: dict[str, object] = json.loads(text)
    return data


def published_rows(averaged: Sequence[str]) -> tuple[PublishedLine, ...]:
    """The rows of the paper, their average over the given columns."""
    data = _published()
    rows: list[PublishedLine] = []
    for row in data["rows"]:  # type: ignore[attr-defined]
        values = dict(zip(data["columns"], row["values"], strict=True))  # type: ignore[call-overload]
        chosen = [values[key] for key in averaged]
        mean = math.fsum(chosen) / len(chosen) if chosen else math.nan
        rows.append(PublishedLine(row["name"], values, mean, row["average"]))
    return tuple(rows)


def make_table(systems: Sequence[System], protocol: str) -> Table:
    """The table of a protocol; a benchmark without it shows the one that it has."""
    cells = {
        system.name: {
            column.key: cell
            for column in _columns(systems)
            if (run := system.runs.get(column.task))
            and (cell := _cell(run, run.protocol(protocol), column.metric)) is not None
        }
        for system in systems
    }
    columns = tuple(
        column for column in _columns(systems) if any(column.key in row for row in cells.values())
    )
    averaged = tuple(
        column.key
        for column in PAPER_COLUMNS
        if all(column.key in row and row[column.key].n_scored for row in cells.values())
    )
    lines = tuple(_line(system, cells[system.name], averaged, protocol) for system in systems)
    reports = [run.reports for system in systems for run in system.runs.values()]
    is_comparable = protocol == "paper" or not any("paper" in held for held in reports)
    has_paper = is_comparable and any(column in PAPER_COLUMNS for column in columns)
    return Table(
        protocol,
        columns,
        averaged,
        lines,
        published_rows(averaged) if has_paper else (),
        str(_published()["source"]),
    )


def _columns(systems: Sequence[System]) -> list[Column]:
    """The paper's, then the lead metric of each other benchmark."""
    known = {column.task for column in PAPER_COLUMNS}
    runs = [run for system in systems for run in system.runs.values()]
    extra = {run.task: lead_metric(run) for run in runs if run.task not in known}
    return [*PAPER_COLUMNS, *(Column(task, metric, "") for task, metric in extra.items())]


def _cell(run: Run, protocol: str, metric: str) -> Cell | None:
    mean = run.reports[protocol].metrics.get(metric)
    if mean is None or not mean.n_scored:
        return None
    values = [v or 0.0 if v == v else 0.0 for v in run.values(protocol, metric).values()]
    low, high = interval(values)
    whole = not math.isclose(_mean(values), mean.all, abs_tol=1e-9)
    if whole:  # a run that kept no items: its unanswered ones are not in the list
        low, high = mean.low, mean.high
    n = len(values) if not whole else run.reports[protocol].n
    return Cell(mean.all, low, high, mean.scored, n, mean.n_scored, protocol)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _line(
    system: System, cells: Mapping[str, Cell], averaged: Sequence[str], protocol: str
) -> Line:
    if not averaged:
        return Line(system.name, dict(cells), math.nan, math.nan, math.nan)
    means = np.concatenate([_resampled(run, averaged, protocol) for run in system.runs.values()], 1)
    low, high = np.percentile(means.mean(axis=1), [2.5, 97.5])
    average = math.fsum(cells[key].all for key in averaged) / len(averaged)
    return Line(system.name, dict(cells), average, float(low), float(high))


def _resampled(run: Run, averaged: Sequence[str], protocol: str) -> np.ndarray:
    """Bootstrap means of a benchmark's averaged columns: (resamples, columns)."""
    metrics = [key.partition(".")[2] for key in averaged if key.partition(".")[0] == run.task]
    there = run.protocol(protocol)
    rows = [run.values(there, metric) for metric in metrics]
    names = [item.id for item in run.items]
    data = np.nan_to_num(
        np.array([[row.get(name) or 0.0 for row in rows] for name in names], dtype=np.float64)
    ).reshape(len(names), len(metrics))
    return resampled_means(data, seed=zlib.crc32(run.task.encode()))

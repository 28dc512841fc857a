"""How long a build takes and how much disk it needs, before it begins: from measured rates.

in:  a recipe; a finished build to measure rates on, or the table below
out: Scale: drafts, hours of work, hours by the clock, gigabytes, for each source; as text
not covered: tokens and money (teacher/estimate.py)

What was measured on a few hundred samples holds for a hundred thousand: parts are independent, and
a part costs what its drafts cost. What does not grow in a straight line is said in docs/scale.md.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from viscodex.data.executors import worker_count
from viscodex.data.store import open_dataset
from viscodex.errors import BadInput, BadRecipe
from viscodex.types import from_json

if TYPE_CHECKING:
    from viscodex.data.recipe import DataRecipe
    from viscodex.data.teacher.estimate import Estimate
    from viscodex.data.teacher.settings import TeacherSettings


@dataclass(frozen=True, slots=True)
class Rate:
    """What a source costs."""

    seconds: float  # of a worker, for each draft, without waiting for a teacher
    keep: float  # samples that come of a draft, inverse tasks included
    bytes: float  # of a sample in the data set
    measured: str  # where; empty: not all of it was
    assumed: str = "assumed, not measured"  # what of it, where not all was measured


_IDLE = "mini.yaml, two idle cores"
_KEPT = "share kept assumed"
_CPU = "seconds of CPU measured on made-up material; share kept and size assumed"
RATES: dict[str, Rate] = {
    "chart": Rate(0.327, 2.02, 50_000, _IDLE),
    "html": Rate(0.230, 1.57, 110_000, _IDLE),
    "algorithm": Rate(0.195, 1.03, 11_600, _IDLE),
    "qa": Rate(0.280, 1.03, 28_300, _IDLE),
    "chart_written": Rate(0.327, 0.6, 50_000, "", f"seconds and size measured of chart; {_KEPT}"),
    "chart_script": Rate(0.327, 0.4, 60_000, "", f"seconds measured of chart; size and {_KEPT}"),
    "html_designed": Rate(
        0.230,
        0.36,
        150_000,
        "",
        "seconds measured of html; share kept as the paper has it, size assumed",
    ),
    "post": Rate(0.158, 0.25, 60_000, "", _CPU),
    "kodcode": Rate(0.085, 0.6, 8_000, "", _CPU),
}
"""Source -> rates; measured by `viscodex data build recipes/data/mini.yaml`, of posts and problem sets by
`python benchmarks/mcd.py --only rates --sources kodcode post`."""

REPLY_S = 20.0
"""Of a reply of a teacher, where nothing else is known; assumed."""
WORK_SHARE = 1.2
"""Disk of the parts of a build in work, by that of the data set: samples, rejects, signatures."""
REJECT_SHARE = 0.25
"""Disk of a reject, by that of a sample: a thumbnail's worth of picture, code and reason."""


@dataclass(frozen=True, slots=True)
class SourceScale:
    """What one source of a recipe takes."""

    samples: int
    drafts: int
    hours: float  # of one worker
    bytes: float  # in the data set, rejects included
    rate: Rate


@dataclass(frozen=True, slots=True)
class Scale:
    """What a recipe takes."""

    sources: dict[str, SourceScale]
    workers: int
    hours: float  # by the clock, without a teacher
    bytes: float  # of the data set
    peak_bytes: float  # while it is made

    def lines(self) -> list[str]:
        """For a person."""
        told = []
        for label, s in self.sources.items():
            basis = f"measured: {s.rate.measured}" if s.rate.measured else s.rate.assumed
            told.append(
                f"{label}: {s.samples:,} samples of about {s.drafts:,} drafts, {s.hours:,.1f} hours "
                f"of a worker, {s.bytes / 1e9:,.2f} GB ({basis})"
            )
        workers = f"{self.workers} workers" if self.workers != 1 else "one worker"
        told.append(
            f"together: {self.hours:,.1f} hours with {workers}, "
            f"{self.bytes / 1e9:,.2f} GB, {self.peak_bytes / 1e9:,.2f} GB while it is made"
        )
        return told


def scale_of(recipe: DataRecipe, rates: Mapping[str, Rate] | None = None) -> Scale:
    """What a recipe takes.

    Args:
        rates: by the source's key in the recipe or its name; before those of RATES.

    Raises:
        BadRecipe: a source of which no rate is known.
    """
    known = {**RATES, **(rates or {})}
    found: dict[str, SourceScale] = {}
    for label, entry in recipe.wanted.items():
        rate = known.get(label) or known.get(entry.source or label)
        if rate is None:
            raise BadRecipe(
                "no rate of a source is known",
                f"sources.{label}: {entry.source or label}",
                "Build a few hundred samples of the recipe (sources.X.n=200) and give that folder: "
                "--rates DIR.",
            )
        drafts = min(entry.n / rate.keep, entry.n * entry.tries)
        lost = max(0.0, drafts - entry.n / max(rate.keep, 1.0))
        found[label] = SourceScale(
            samples=entry.n,
            drafts=round(drafts),
            hours=drafts * rate.seconds / 3600,
            bytes=(entry.n + lost * REJECT_SHARE) * rate.bytes,
            rate=rate,
        )
    workers = worker_count(recipe) if recipe.executor == "local" else recipe.workers or 1
    size = sum(s.bytes for s in found.values())
    hours = sum(s.hours for s in found.values()) / workers
    return Scale(found, workers, hours, size, size * (1 + WORK_SHARE))


def rates_of(folder: Path) -> dict[str, Rate]:
    """The rates of a finished build, by its sources' keys.

    `seconds` are those of its tasks: where a teacher was waited for, that is in them.

    Raises:
        BadInput: it is none, or not finished.
        BadDataset: a shard is damaged.
    """
    from viscodex.data.build import BuildReport

    done = folder / ".build" / "done.json"
    if not done.is_file():
        raise BadInput(
            "rates are measured on a finished build", str(folder), "Build a small one first."
        )
    report = from_json(BuildReport, done.read_bytes())
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for sample in open_dataset(folder):
        texts = sum(len(message.content.encode()) for message in sample.messages)
        sizes[sample.category] += sum(map(len, sample.images)) + texts + len(sample.tests)
        counts[sample.category] += 1
    stored = sum(path.stat().st_size for path in (folder / "data").glob("*.parquet"))
    packed = stored / max(1, sum(sizes.values()))
    return {
        label: Rate(
            seconds=row.seconds / max(1, row.candidates),
            keep=max(row.kept, 1) / max(1, row.candidates),
            bytes=packed * sizes[row.category] / max(1, counts[row.category]),
            measured=f"{folder.name}, {row.candidates:,} drafts",
        )
        for label, row in report.sources.items()
        if row.candidates
    }


def teacher_hours(
    settings: TeacherSettings, estimate: Estimate, workers: int, reply_s: float = REPLY_S
) -> tuple[float, float]:
    """Hours for which a teacher works, from below and above: by its rates, and by its replies."""

    def hours(end: int) -> float:
        requests = estimate.requests[end]
        tokens = estimate.tokens_in[end] + estimate.tokens_out[end]
        least = [requests * reply_s / 3600 / (settings.concurrency * max(1, workers))]
        if settings.requests_per_minute:
            least.append(requests / settings.requests_per_minute / 60)
        if settings.tokens_per_minute:
            least.append(tokens / settings.tokens_per_minute / 60)
        return max(least)

    return (0.0, 0.0) if settings.replay is not None else (hours(0), hours(1))


def disk_line(scale: Scale, out: Path) -> str:
    """Whether the disk is large enough; empty where it is."""
    place = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    if free >= scale.peak_bytes:
        return ""
    return f"disk: {free / 1e9:,.2f} GB are free at {place}, {scale.peak_bytes / 1e9:,.2f} GB are needed"

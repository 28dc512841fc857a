"""Figures of a data set: what is in it, how long it is, what it may be used for.

in:  the rows of a Dataset; on demand its pictures
out: Stats, and its tables as text
not covered: whether the samples are sound (check.py), the card (card.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash

from viscodex.data.agreement import Agreement, agreement, pairs_of
from viscodex.data.dataset import Dataset, Row
from viscodex.data.duplicates import draft_of
from viscodex.data.store import read_rejects

Counts = dict[str, int]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is distributed."""

    n: int  # samples that have it
    total: int
    mean: float
    min: int
    p50: int
    p90: int
    p99: int
    max: int


@dataclass(frozen=True, slots=True)
class PictureCounts:
    """Which pictures are the same, byte for byte."""

    n: int
    distinct: int
    shared: int  # pictures that occur in samples of more than one draft
    examples: tuple[tuple[str, ...], ...] = ()  # ids of samples that share one, at most ten groups


@dataclass(frozen=True, slots=True)
class Stats:
    """All figures of a data set."""

    n_samples: int
    n_drafts: int  # that these samples were told of
    n_bytes: int  # of the shards
    counts: dict[str, dict[str, Counts]]  # category -> task -> kind -> samples
    languages: Counts
    sources: Counts
    licences: Counts
    spreads: dict[str, Spread]  # text tokens, vision tokens, ...
    histogram: tuple[tuple[int, int, int], ...]  # from, below, samples
    histogram_of: str  # "tokens", or "characters" where tokens were not counted
    rejects: Counts  # filter -> rejects
    pictures: PictureCounts | None = None  # None: not looked at
    agreement: Agreement | None = None  # of both scores of quality; None: no sample has them

    @property
    def n_rejects(self) -> int:
        """Everything that was not kept."""
        return sum(self.rejects.values())


def measure(dataset: Dataset, *, pictures: bool = False, progress: Progress | None = None) -> Stats:
    """Count and measure a data set.

    Args:
        pictures: look for equal pictures, too; reads all of them.
        progress: called with ("pictures", done, total).

    Raises:
        BadDataset: a shard is damaged.
    """
    tally = _Tally()
    for row in dataset.rows():
        tally.add(row)
    rejects = Counter(reject.filter for reject in read_rejects(dataset.folder))
    tokens = tally.numbers["tokens"]
    measured = tokens or tally.numbers["characters"]
    pairs = pairs_of(dataset.metas())
    return Stats(
        n_samples=len(dataset),
        n_drafts=len(tally.drafts),
        n_bytes=dataset.n_bytes,
        counts=_nested(tally.kinds),
        languages=_ordered(tally.languages),
        sources=_ordered(tally.sources),
        licences=_ordered(tally.licences),
        spreads={name: _spread(found) for name, found in tally.numbers.items() if found},
        histogram=histogram(measured),
        histogram_of="tokens" if tokens else "characters",
        rejects=_ordered(rejects),
        pictures=_count_pictures(dataset, progress) if pictures else None,
        agreement=agreement(pairs) if pairs else None,
    )


@dataclass(slots=True)
class _Tally:
    """What adds up while the rows go by."""

    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    drafts: set[str] = field(default_factory=set)
    languages: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, list[int]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "tokens", "text tokens", "vision tokens", "characters",
                "pictures", "width, px", "height, px",
            )
        }
    )  # fmt: skip

    def add(self, row: Row) -> None:
        """Count one row."""
        self.drafts.add(draft_of(row.id, row.task))
        self.kinds[row.category, row.task, row.kind] += 1
        self.languages[row.language or "(none)"] += 1
        self.sources[row.source or "(unknown)"] += 1
        self.licences[row.licence or "(unknown)"] += 1
        numbers = self.numbers
        numbers["characters"].append(row.n_characters)
        numbers["pictures"].append(len(row.image_sizes))
        for width, height in row.image_sizes:
            numbers["width, px"].append(width)
            numbers["height, px"].append(height)
        text, vision = row.n_text_tokens, row.n_vision_tokens
        if text is not None:
            numbers["text tokens"].append(text)
        if vision is not None:
            numbers["vision tokens"].append(vision)
        if text is not None and vision is not None:
            numbers["tokens"].append(text + vision)


def _nested(kinds: Counter[tuple[str, str, str]]) -> dict[str, dict[str, Counts]]:
    counts: dict[str, dict[str, Counts]] = {}
    for (category, task, kind), n in sorted(kinds.items()):
        counts.setdefault(category, {}).setdefault(task, {})[kind] = n
    return counts


def _ordered(counter: Counter[str]) -> Counts:
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


def _spread(found: Sequence[int]) -> Spread:
    values = np.sort(np.array(found, np.int64))  # (N,)
    n = len(values)
    p50, p90, p99 = (int(values[-(-n * p // 100) - 1]) for p in (50, 90, 99))  # nearest rank
    total = int(values.sum())
    return Spread(n, total, total / n, int(values[0]), p50, p90, p99, int(values[-1]))


def histogram(found: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    """(from, below, how many) for bins that double in width; from the first to the last in use."""
    if not found:
        return ()
    counts = Counter(max(7, value.bit_length()) for value in found)
    return tuple(
        (0 if bits == 7 else 1 << bits - 1, 1 << bits, counts[bits])
        for bits in range(min(counts), max(counts) + 1)
    )


def _count_pictures(dataset: Dataset, progress: Progress | None) -> PictureCounts:
    rows = [(row.id, row.task) for row in dataset.rows()]
    seen: dict[bytes, list[int]] = {}
    n = 0
    for index, picture in dataset.pictures():
        seen.setdefault(xxhash.xxh3_128_digest(picture), []).append(index)
        n += 1
        if progress is not None:
            progress("pictures", index + 1, len(dataset))
    shared = [
        group for places in seen.values() if len(group := _drafts(rows[i] for i in places)) > 1
    ]
    return PictureCounts(n, len(seen), len(shared), tuple(group[:5] for group in shared[:10]))


def _drafts(rows: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """One id for each draft among these ids and tasks."""
    return tuple({draft_of(name, task): name for name, task in rows}.values())


# --- text -----------------------------------------------------------------------------------------


def histogram_lines(stats: Stats, width: int = 40) -> Iterator[str]:
    """The histogram as bars of text."""
    most = max((n for _, _, n in stats.histogram), default=1)
    for low, high, n in stats.histogram:
        bar = "█" * max(round(width * n / most), 1 if n else 0)
        yield f"{low:>9,} - {high:<9,} {n:>9,} {bar}".rstrip()


def count_rows(stats: Stats) -> Iterator[tuple[str, str, str, int]]:
    """(category, task, kind, samples) in order."""
    for category, tasks in stats.counts.items():
        for task, kinds in tasks.items():
            for kind, n in kinds.items():
                yield category, task, kind, n

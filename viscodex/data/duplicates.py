"""Near-duplicates: the same program, the same question or the same picture, told twice.

in:  samples, one at a time, for their signatures; then all signatures of a data set
out: Signature (about 1.4 kB), Duplicate: which sample goes, because of which one that stays, why
not covered: samples that repeat a benchmark (decontaminate.py)

The samples of one draft (ID, ID-describe, ...) are one group: it is judged by its code sample, is
never a duplicate of itself and is kept or dropped whole. Of two groups that are alike the one
whose id comes first stays; the order in which signatures come does not matter. A group is compared
with groups that stay, so likeness is not handed on along a chain.

When two groups are alike:

    both have a question of their own     the questions are alike, and so are code and pictures
    (qa, algorithm, samples with no code)  where both have some
    else, within and across categories    the code is alike, or all pictures are
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

from viscodex.data.shingles import CODE_RUN, TEXT_RUN, code_tokens, shingles, text_tokens
from viscodex.errors import BadRecipe
from viscodex.images import SKETCH_BYTES, content_hash, image_hash, image_sketch, open_image
from viscodex.text import fences
from viscodex.types import Sample

Kind = Literal["exact", "code", "question", "image"]

PERMUTATIONS = 128
"""Values of a MinHash; the estimate's standard error is sqrt(s (1 - s) / 128), 0.03 at s = 0.85."""
CODE_SIMILARITY = 0.85
"""Jaccard similarity of code shingles from which two programs are one."""
QUESTION_SIMILARITY = 0.8
"""Jaccard similarity of word shingles from which two questions are one."""
IMAGE_DISTANCE = 4
"""Bits in which the 64-bit hashes of two pictures may differ to be looked at further."""
IMAGE_SIMILARITY = 0.85
"""Share of edges, of those in either picture, that must be in both."""
COLOR_DISTANCE = 24
"""Levels of 255 by which no cell's mean colour may differ."""

ASKED = ("qa", "algorithm")
"""Categories whose question says what is asked; in the others it is a set phrase."""


# --- signatures -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """What is kept of a sample to find its duplicates; every field is a parquet column as it is."""

    id: str
    group: str  # the draft it was told of: its id without "-describe" and the like
    category: str
    task: str
    exact: str  # hash of all that is compared, in full
    code: bytes = b""  # MinHash: 128 x uint32, little endian; empty where there is no code
    question: bytes = b""  # the same of the question; empty where the question is a set phrase
    images: tuple[int, ...] = ()  # image_hash of each picture
    sketches: tuple[bytes, ...] = ()  # image_sketch of each picture


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A sample that goes because of one that stays; all samples of its group go with it."""

    kept: str  # id
    dropped: str  # id
    kind: Kind
    similarity: float  # 0..1: Jaccard of shingles, or of edges of the pictures
    samples: tuple[str, ...] = ()  # ids of all samples of the dropped group


def group_of(sample: Sample) -> str:
    """The id of the draft that a sample was told of: meta["draft"], or the id without its task."""
    draft = sample.meta.get("draft")
    return draft if isinstance(draft, str) and draft else draft_of(sample.id, sample.task)


def draft_of(sample_id: str, task: str) -> str:
    """The draft of a sample by its name: chart-0000017 for chart-0000017-describe."""
    return sample_id if task == "code" else re.sub(rf"-{re.escape(task)}(-?\d+)?$", "", sample_id)


def code_of(sample: Sample) -> str:
    """The reference, or else the fenced blocks of the answer."""
    return sample.reference or "\n".join(block.code for block in fences(sample.answer))


def question_of(sample: Sample) -> str:
    """What the user says, without the marks of pictures."""
    said = (message.content for message in sample.messages if message.role == "user")
    return "\n".join(said).replace("<image>", " ").strip()


def signature(sample: Sample) -> Signature:
    """What is kept of a sample.

    Raises:
        BadInput: a picture that cannot be read.
    """
    code = code_tokens(code_of(sample), sample.language)
    asked = sample.category in ASKED or not code
    question = text_tokens(question_of(sample)) if asked else []
    pictures = [open_image(data, where=sample.id) for data in sample.images]
    whole = [*code, "\n", *question, "\n", *map(content_hash, sample.images)]
    return Signature(
        id=sample.id,
        group=group_of(sample),
        category=sample.category,
        task=sample.task,
        exact=xxhash.xxh3_128_hexdigest("\0".join(whole).encode("utf-8", "surrogatepass")),
        code=minhash(shingles(code, CODE_RUN)),
        question=minhash(shingles(question, TEXT_RUN)),
        images=tuple(map(image_hash, pictures)),
        sketches=tuple(map(image_sketch, pictures)),
    )


def minhash(values: NDArray[np.uint64]) -> bytes:
    """128 minima, each under a hash function of its own, of a set of 64-bit hashes (Broder 1997).

    Multiply-shift hashing in numpy, as datasketch does it, without its modulus and its loop over
    the values (a program of 300 shingles: 0.32 ms against 0.49 ms), and without scipy, which that
    brings along. Permutations are from names, not from a generator of another library's version.

    Args:
        values: shingle hashes. # (S,)

    Returns:
        128 x uint32, little endian; empty for the empty set.
    """
    if not len(values):
        return b""
    factors, terms = _permutations()
    least = np.full(PERMUTATIONS, np.iinfo(np.uint64).max, np.uint64)
    for start in range(0, len(values), 2048):  # 2 MB at a time: stays in the cache
        mixed = values[start : start + 2048, None] * factors + terms  # (S, 128)
        np.minimum(least, mixed.min(axis=0), out=least)
    return (least >> np.uint64(32)).astype("<u4").tobytes()


@cache
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Odd factors and terms, the same for ever: stored signatures must stay comparable."""
    seeds = [
        xxhash.xxh3_64_intdigest(f"viscodex minhash {i}".encode()) for i in range(2 * PERMUTATIONS)
    ]
    drawn = np.array(seeds, np.uint64)
    return drawn[:PERMUTATIONS] | np.uint64(1), drawn[PERMUTATIONS:]


# --- find -----------------------------------------------------------------------------------------


def find_duplicates(
    signatures: Iterable[Signature],
    *,
    code_similarity: float = CODE_SIMILARITY,
    question_similarity: float = QUESTION_SIMILARITY,
    image_distance: int = IMAGE_DISTANCE,
    image_similarity: float = IMAGE_SIMILARITY,
) -> list[Duplicate]:
    """The groups that repeat an earlier one, in the order of their ids.

    Only groups that share a band of a MinHash, or a piece of a picture's hash, are compared
    (locality-sensitive hashing; Leskovec et al., Mining of Massive Datasets, section 3.4), so the
    time grows with the number of groups and of pairs that are somewhat alike.

    Args:
        code_similarity: least Jaccard similarity of code shingles, 0..1.
        question_similarity: the same of questions.
        image_distance: most bits in which the hashes of two pictures differ, 0..64.
        image_similarity: least share of common edges, 0..1.

    Raises:
        BadRecipe: a threshold out of its range.
    """
    for value in (code_similarity, question_similarity, image_similarity):
        if not 0 < value <= 1:
            raise BadRecipe("a similarity out of range", str(value), "give a number in (0, 1]")
    if not 0 <= image_distance <= 64:
        raise BadRecipe("an image_distance out of range", str(image_distance), "give 0 to 64 bits")
    groups: dict[str, list[Signature]] = defaultdict(list)
    for each in signatures:
        groups[each.group].append(each)
    leaders = sorted(
        (min(g, key=lambda s: (s.task != "code", s.id)) for g in groups.values()),
        key=lambda s: s.id,
    )
    if not leaders:
        return []
    limits = _Limits(code_similarity, question_similarity, image_distance, image_similarity)
    table = _Table(leaders, limits)
    return [
        Duplicate(
            leaders[kept].id,
            leaders[dropped].id,
            kind,
            round(similarity, 4),
            tuple(sorted(member.id for member in groups[leaders[dropped].group])),
        )
        for kept, dropped, kind, similarity in table.duplicates()
    ]


@dataclass(frozen=True, slots=True)
class _Limits:
    code: float
    question: float
    distance: int
    image: float


class _Table:
    """Signatures as columns, in order, and the buckets in which likely pairs meet."""

    def __init__(self, leaders: list[Signature], limits: _Limits) -> None:
        self.limits = limits
        self.exact = [leader.exact for leader in leaders]
        self.sketches = [leader.sketches for leader in leaders]
        self.hashes = [leader.images for leader in leaders]
        self.code, self.has_code = _minhashes([leader.code for leader in leaders])
        self.question, self.has_question = _minhashes([leader.question for leader in leaders])
        self.pictures = np.array([len(leader.images) for leader in leaders])
        self.first_hash = np.array([next(iter(x.images), 0) for x in leaders], np.uint64)
        blank = bytes(SKETCH_BYTES)
        firsts = (next(iter(x.sketches), blank)[:SKETCH_BYTES] for x in leaders)
        self.edges = np.frombuffer(b"".join(firsts), np.uint64).reshape(len(leaders), -1)
        self.keys = np.column_stack(
            [
                *_bands(self.code, self.has_code, limits.code),
                *_bands(self.question, self.has_question, limits.question),
                *_pieces(self.first_hash, self.pictures > 0, limits.distance),
            ]
        )

    def duplicates(self) -> Iterator[tuple[int, int, Kind, float]]:
        """(row that stays, row that goes, kind, similarity), in the order of rows."""
        buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
        seen: dict[str, int] = {}
        for row in range(len(self.exact)):
            if (first := seen.get(self.exact[row])) is not None:
                yield first, row, "exact", 1.0
                continue
            places = [(c, k) for c, k in enumerate(self.keys[row].tolist()) if k]
            near = {other for place in places for other in buckets[place]} if places else set()
            found = self._alike(row, np.array(sorted(near), np.int64)) if near else None
            if found is None:
                seen[self.exact[row]] = row
                for place in places:
                    buckets[place].append(row)
            else:
                yield found[0], row, found[1], found[2]

    def _alike(self, row: int, others: NDArray[np.int64]) -> tuple[int, Kind, float] | None:
        """The first of the rows that this one repeats."""
        code = (self.code[others] == self.code[row]).mean(axis=1)
        code[~(self.has_code[others] & self.has_code[row])] = np.nan
        question = (self.question[others] == self.question[row]).mean(axis=1)
        both_asked = self.has_question[others] & self.has_question[row]
        image = self._images(row, others)
        code_fits = code >= self.limits.code
        asked = both_asked & (question >= self.limits.question)
        asked &= (code_fits | np.isnan(code)) & ((image > 0) | np.isnan(image))
        by_code, by_image = ~both_asked & code_fits, ~both_asked & (image > 0)
        hits = np.flatnonzero(asked | by_code | by_image)
        if not len(hits):
            return None
        hit = hits[0]
        if asked[hit]:
            return int(others[hit]), "question", float(question[hit])
        if by_code[hit]:
            return int(others[hit]), "code", float(code[hit])
        return int(others[hit]), "image", float(image[hit])

    def _images(self, row: int, others: NDArray[np.int64]) -> NDArray[np.float64]:
        """Common edges of the pictures; 0 where they are not alike, NaN where one side has none."""
        counts, count = self.pictures[others], self.pictures[row]
        out = np.zeros(len(others))
        out[(counts == 0) | (count == 0)] = np.nan
        if not count:
            return out
        distance = np.bitwise_count(self.first_hash[others] ^ self.first_hash[row])
        for at in np.flatnonzero((counts == count) & (distance <= self.limits.distance)):
            out[at] = self._pictures_alike(row, int(others[at]))
        return out

    def _pictures_alike(self, row: int, other: int) -> float:
        likeness = 1.0
        for mine, theirs, h, g in zip(
            self.sketches[row],
            self.sketches[other],
            self.hashes[row],
            self.hashes[other],
            strict=True,
        ):
            if (h ^ g).bit_count() > self.limits.distance:
                return 0.0
            likeness = min(likeness, sketch_similarity(mine, theirs))
        return likeness if likeness >= self.limits.image else 0.0


def sketch_similarity(one: bytes, two: bytes) -> float:
    """Share of edges, of those in either sketch, that are in both; 0 where the colours differ."""
    a, b = np.frombuffer(one, np.uint8), np.frombuffer(two, np.uint8)
    colors = np.abs(a[SKETCH_BYTES:].astype(np.int16) - b[SKETCH_BYTES:])
    if colors.max(initial=0) > COLOR_DISTANCE:
        return 0.0
    a, b = a[:SKETCH_BYTES].view(np.uint64), b[:SKETCH_BYTES].view(np.uint64)
    either = int(np.bitwise_count(a | b).sum())
    return int(np.bitwise_count(a & b).sum()) / either if either else 1.0


def _minhashes(values: list[bytes]) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """The signatures as rows, zeros where there is none; # (N, 128), (N,)"""
    none = bytes(4 * PERMUTATIONS)
    rows = np.frombuffer(b"".join(value or none for value in values), "<u4")
    return rows.reshape(len(values), PERMUTATIONS), np.array([bool(v) for v in values], np.bool_)


def _bands(
    rows: NDArray[np.uint32], there: NDArray[np.bool_], similarity: float
) -> Iterator[NDArray[np.uint64]]:
    """One column of keys a band: the widest bands that miss under 0.5 % of pairs at the limit."""
    width = max(
        (w for w in range(1, 17) if (1 - similarity**w) ** (PERMUTATIONS // w) < 0.005), default=1
    )
    for start in range(0, PERMUTATIONS - width + 1, width):
        band = np.zeros(len(rows), np.uint64)
        for column in range(start, start + width):
            band = (band ^ rows[:, column]) * np.uint64(0x9E3779B97F4A7C15)
            band ^= band >> np.uint64(31)
        yield _shared(band, there)


def _pieces(
    hashes: NDArray[np.uint64], there: NDArray[np.bool_], distance: int
) -> Iterator[NDArray[np.uint64]]:
    """One column a piece: of distance + 1 pieces one is equal in any two hashes that near."""
    edges = np.linspace(0, 64, min(distance, 63) + 2).astype(int).tolist()
    for low, high in pairwise(edges):
        mask = np.uint64((1 << (high - low)) - 1)
        yield _shared((hashes >> np.uint64(low)) & mask, there)


def _shared(keys: NDArray[np.uint64], there: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Numbers of buckets, 1 upwards; 0 for rows that are alone in theirs or have nothing."""
    out = np.zeros(len(keys), np.uint64)
    _, bucket, counts = np.unique(keys[there], return_inverse=True, return_counts=True)
    out[there] = np.where(counts[bucket] > 1, bucket + 1, 0)
    return out

"""The token budget: how long every sample is, before anything is computed.

in:  the items of a mixture, an encoder, the limits
out: a Budget: units with their lengths, rejects with their reasons, a histogram
not covered: the order of the units (plan.py)

A sample that is too long has its pictures resized to fewer pixels, down to `min_pixels`; where that
does not help it is rejected. Nothing is cut: no text, no picture. Only a document of plain text goes on
in another unit.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from viscodex.files import write_atomically
from viscodex.train.encode import Document, Encoded, Encoder, Item, Rejected
from viscodex.train.pictures import Pictures
from viscodex.train.rows import Seen

Progress = Callable[[str, int, int], None]
SHRINK = 0.8  # factor on the pixels from one try to the next


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that is not learnt from."""

    item: int
    id: str
    kind: str  # empty_answer, images, missing_image, special_token, too_long, bad_row, ...
    reason: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Lengths by unit: a sample, or a window of a document."""

    item: NDArray[np.int64]
    start: NDArray[np.int64]  # first token; 0 but for windows of documents
    n_text: NDArray[np.int64]
    n_vision: NDArray[np.int64]
    n_answer: NDArray[np.int64]
    max_pixels: NDArray[np.int64]  # of a picture; 0: the recipe's
    refusals: tuple[Refusal, ...] = ()

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each unit."""
        return self.n_text + self.n_vision

    def units_of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the units of these items."""
        return np.flatnonzero(np.isin(self.item, items))


class Reader:
    """Reads items as the model sees them: the same way for the budget, training and samples.

    Args:
        items: the mixture.
        pictures: None for a model without eyes.
        max_tokens: of a unit.
        resize: whether pictures may shrink so that a sample fits.
    """

    def __init__(
        self,
        items: Sequence[Item],
        encoder: Encoder,
        pictures: Pictures | None,
        max_tokens: int,
        resize: bool = True,
    ) -> None:
        self.items, self.encoder, self.pictures = items, encoder, pictures
        self.max_tokens, self.resize = max_tokens, resize

    def measure(self, number: int) -> list[tuple[int, int, int, int, int]]:
        """(start, text, vision, answer tokens, pixels) of each unit of an item.

        Raises:
            Rejected: it is not learnt from.
        """
        item = self.items[number]
        if isinstance(item, Document):
            n = len(self.encoder.encode(item))
            pieces = range(0, n, self.max_tokens)
            sizes = [(start, min(self.max_tokens, n - start)) for start in pieces]
            return [(start, size, 0, size - 1, 0) for start, size in sizes if size > 1]
        sizes_px = [] if self.pictures is None else [self.pictures.size(i) for i in item.images]
        plain = self.encoder.encode(item, [1] * len(item.images))
        n_text, n_answer = len(plain) - len(item.images), int(plain.learnt[1:].sum())
        vision, pixels = self._fit(n_text, sizes_px)
        return [(0, n_text, vision, n_answer, pixels)]

    def _fit(self, n_text: int, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """(vision tokens, pixels of a picture; 0 for the recipe's) with which a sample fits."""
        if self.pictures is None or not sizes:
            if n_text > self.max_tokens:
                raise Rejected("too_long", f"{n_text} tokens of text > {self.max_tokens}")
            return 0, 0
        pixels = self.pictures.max_pixels
        while True:
            n = sum(
                self.pictures.n_tokens(self.pictures.grid(*size, max_pixels=pixels))
                for size in sizes
            )
            if n_text + n <= self.max_tokens:
                return n, 0 if pixels == self.pictures.max_pixels else pixels
            smaller = int(pixels * SHRINK)
            if not self.resize or smaller < self.pictures.min_pixels:
                raise Rejected(
                    "too_long",
                    f"{n_text} tokens of text and {n} of {len(sizes)} pictures > {self.max_tokens}",
                )
            pixels = smaller

    def see(self, number: int, start: int = 0, max_pixels: int = 0) -> Seen:
        """A unit as it is computed.

        Raises:
            Rejected: a picture cannot be decoded after all.
        """
        item = self.items[number]
        if isinstance(item, Document):
            whole = self.encoder.encode(item)
            window = slice(start, start + self.max_tokens)
            return Seen(Encoded(whole.ids[window], whole.learnt[window], whole.is_image[window]))
        patches, grids, tokens = self.look(item.images, max_pixels)
        return Seen(self.encoder.encode(item, tokens), patches, grids)

    def look(self, images: Sequence[bytes], max_pixels: int = 0) -> tuple[tuple, tuple, list[int]]:  # type: ignore[type-arg]
        """Patches, grids and numbers of vision tokens of pictures."""
        if self.pictures is None:
            return (), (), [1] * len(images)
        seen = [self.pictures.patches(image, max_pixels or None) for image in images]
        grids = tuple(grid for _, grid in seen)
        return tuple(p for p, _ in seen), grids, [self.pictures.n_tokens(grid) for grid in grids]


def measure(
    reader: Reader, numbers: NDArray[np.int64], progress: Progress = lambda *_: None
) -> Budget:
    """The budget of these items; what cannot be learnt from is refused with a reason."""
    rows: list[tuple[int, int, int, int, int, int]] = []
    refusals: list[Refusal] = []
    for done, number in enumerate(numbers.tolist()):
        try:
            rows += [(number, *unit) for unit in reader.measure(number)]
        except Rejected as error:
            refusals.append(Refusal(number, _id(reader.items, number), error.kind, str(error)))
        if done % 256 == 0:
            progress("token budget", done, len(numbers))
    columns = np.array(rows, np.int64).reshape(-1, 6).T.copy()
    return Budget(**dict(zip(_COLUMNS, columns, strict=True)), refusals=tuple(refusals))


def _id(items: Sequence[Item], number: int) -> str:
    try:
        return str(items[number].id)
    except Rejected:
        return f"item {number}"


def save_budget(budget: Budget, path: Path, identity: str) -> None:
    """Keep a budget for the next start; a few bytes per sample."""
    stream = io.BytesIO()
    columns = {name: getattr(budget, name) for name in _COLUMNS}
    told = [(r.item, r.id, r.kind, r.reason) for r in budget.refusals]
    np.savez_compressed(
        stream, identity=np.array(identity), refusals=np.array(told, dtype=np.str_), **columns
    )
    write_atomically(path, stream.getvalue())


def load_budget(path: Path, identity: str) -> Budget | None:
    """The budget that was kept; None where there is none, or one of other data or limits."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            if str(kept["identity"]) != identity:
                return None
            told = kept["refusals"].reshape(-1, 4)
            refusals = tuple(Refusal(int(r[0]), *map(str, r[1:])) for r in told)
            return Budget(**{name: kept[name] for name in _COLUMNS}, refusals=refusals)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


_COLUMNS = ("item", "start", "n_text", "n_vision", "n_answer", "max_pixels")


def identity_of(*facts: object) -> str:
    """A hash of whatever decides a budget."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def histogram(budget: Budget, max_tokens: int) -> list[str]:
    """The lengths as lines of text: bins of powers of two, with bars and shares."""
    lengths = budget.lengths
    if not len(lengths):
        return ["no sample is left"]
    edges = [0, 64]
    while edges[-1] < max(int(lengths.max()), 1):
        edges.append(edges[-1] * 2)
    counts, _ = np.histogram(lengths, edges)
    lines = [
        f"  {low + 1:>7,} - {high:<7,} {n:>9,}  {'█' * round(40 * n / counts.max())}"
        for low, high, n in zip(edges, edges[1:], counts.tolist(), strict=False)
        if n
    ]
    vision = int(budget.n_vision.sum())
    lines.append(
        f"  {len(lengths):,} samples, {int(lengths.sum()):,} tokens: {vision:,} of pictures, "
        f"{int(budget.n_answer.sum()):,} of answers; median {int(np.median(lengths)):,}, "
        f"longest {int(lengths.max()):,} of {max_tokens:,}"
    )
    shrunk = int((budget.max_pixels > 0).sum())
    if shrunk:
        lines.append(f"  {shrunk:,} samples fit with smaller pictures")
    for kind, n in Counter(refusal.kind for refusal in budget.refusals).most_common():
        first = next(r for r in budget.refusals if r.kind == kind)
        lines.append(f"  {n:,} rejected, {kind}: {first.id}: {first.reason}")
    return lines

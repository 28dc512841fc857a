"""Exact order statistics of magnitudes over a tensor that is only ever seen in blocks.

in:  a function that gives a fresh pass over the blocks of several tensors of one size
out: the k-th largest magnitudes, exact
not covered: what they are used for (methods.py: ties, breadcrumbs)

The bit pattern of a non-negative float64 orders as an integer. Each pass counts the elements by the
next bits of the pattern and fixes those bits of the answer, until few elements are left: these
are gathered and sorted. Two passes suffice for ordinary weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

DIGITS = (44, 25, 6, 0)  # bits to the right of what each pass fixes; 63 bits in all
GATHER_LIMIT = 1 << 21  # elements; 16 MiB


@dataclass(slots=True)
class _Search:
    """The search for one order statistic: the k-th largest among those that share `prefix`."""

    tensor: int
    k: int
    prefix: int = 0
    shift: int = 63  # bits to the right of the prefix
    candidates: int = -1  # elements with this prefix; -1: not counted yet
    value: float | None = None
    counts: Integers | None = None
    gathered: list[Floats] = field(default_factory=list)

    @property
    def next_shift(self) -> int:
        return next(shift for shift in DIGITS if shift < self.shift)

    def feed(self, bits: Integers, sizes: Floats) -> None:
        """Take in one block: int64 patterns and the float64 magnitudes that they are of."""
        if 0 <= self.candidates <= GATHER_LIMIT:
            low = np.int64(self.prefix << self.shift)
            high = np.int64(low + (1 << self.shift) - 1)
            self.gathered.append(sizes[(bits >= low) & (bits <= high)])
            return
        chosen = bits >> np.int64(self.next_shift)
        width = self.shift - self.next_shift
        if self.shift < 63:
            chosen = chosen[(chosen >> np.int64(width)) == self.prefix]
            chosen &= np.int64((1 << width) - 1)
        counts = np.bincount(chosen, minlength=1 << width)
        if self.counts is None:
            self.counts = counts
        else:
            self.counts += counts

    def finish_pass(self) -> None:
        """Fix the answer, or the next bits of it."""
        if self.gathered:
            values = np.concatenate(self.gathered)
            place = len(values) - self.k
            self.value = float(np.partition(values, place)[place])
            self.gathered = []
            return
        assert self.counts is not None
        from_top = self.counts[::-1].cumsum()  # (bins,) elements in this bin or a larger one
        place = int((from_top < self.k).sum())
        above = int(from_top[place - 1]) if place else 0
        digit = len(self.counts) - 1 - place
        self.candidates = int(self.counts[digit])
        self.prefix = (self.prefix << (self.shift - self.next_shift)) | digit
        self.shift, self.k, self.counts = self.next_shift, self.k - above, None
        if self.shift == 0:
            self.value = float(np.array([self.prefix], dtype=np.int64).view(np.float64)[0])


def kth_largest_magnitudes(
    passes: Callable[[], Iterator[Sequence[Floats]]], ranks: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], float]:
    """Exact k-th largest |x| for several tensors and several k.

    Args:
        passes: a fresh iterator over the blocks; each item has one block per tensor.
        ranks: (number of the tensor, k), k from 1 for the largest.

    Returns:
        (number of the tensor, k) -> magnitude.
    """
    searches = {rank: _Search(*rank) for rank in ranks}
    while open_ones := [search for search in searches.values() if search.value is None]:
        for block in passes():
            for number in {search.tensor for search in open_ones}:
                sizes: Any = np.abs(block[number].reshape(-1))
                bits = sizes.view(np.int64)
                for search in open_ones:
                    if search.tensor == number:
                        search.feed(bits, sizes)
        for search in open_ones:
            search.finish_pass()
    return {rank: search.value for rank, search in searches.items() if search.value is not None}

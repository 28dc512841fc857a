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
from typing import TYPE_CHECKING

import numpy as np

from viscodex.merge.kernels import count_digits, gather_prefix

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

    def feed(self, values: Floats) -> None:
        """Take in one block, flat."""
        if 0 <= self.candidates <= GATHER_LIMIT:
            found = np.empty_like(values)
            n = gather_prefix(values, self.prefix, self.shift, found)
            self.gathered.append(found[:n].copy())
            return
        if self.counts is None:
            self.counts = np.zeros(1 << (self.shift - self.next_shift), dtype=np.int64)
        count_digits(values, self.prefix, self.shift, self.next_shift, self.counts)

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
            for search in open_ones:
                search.feed(np.ascontiguousarray(block[search.tensor]).reshape(-1))
        for search in open_ones:
            search.finish_pass()
    return {rank: search.value for rank, search in searches.items() if search.value is not None}

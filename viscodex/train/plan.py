"""The batch plan: which samples make a step, and in which rows they are computed.

in:  tokens of every sample, sizes of the mixture, one seed
out: Plan.rows(step): the same on every machine, whatever came before: so resuming is exact
not covered: the tensors of a row (rows.py)

A step is a fixed set of samples, `batch` of them, whatever the number of devices. Its samples are then
dealt to rows; a row is what one device computes at once. The number of rows is a multiple of the
number of devices, and the rows are of about equal length, so no device waits long for another.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Row = tuple[int, ...]
"""Numbers of the samples of a row; an empty row is a device's blank turn."""


@dataclass(frozen=True, slots=True)
class Part:
    """One data set as the plan sees it."""

    indices: NDArray[np.int64]  # of its samples among all
    weight: float  # passes an epoch

    @property
    def per_epoch(self) -> int:
        """Samples that it gives to an epoch."""
        whole = math.floor(self.weight)
        return whole * len(self.indices) + round((self.weight - whole) * len(self.indices))


class Plan:
    """Steps and rows of a run.

    Args:
        lengths: tokens of each sample, by its number.
        parts: the mixture.
        batch: samples of a step; the last step of an epoch may have fewer.
        row_tokens: of one row. A sample alone in its row may be as long as it is.
        world: devices.
        pack: rows are samples one behind the other; else padded side by side.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        parts: Sequence[Part],
        *,
        batch: int,
        row_tokens: int,
        world: int = 1,
        seed: int = 0,
        pack: bool = True,
    ) -> None:
        self.lengths, self.parts = lengths, tuple(parts)
        self.batch, self.row_tokens, self.world = batch, row_tokens, world
        self.seed, self.pack = seed, pack
        self.per_epoch = sum(part.per_epoch for part in self.parts)
        self.steps_per_epoch = math.ceil(self.per_epoch / batch)
        self._order = lru_cache(maxsize=2)(self._draw)

    def n_steps(self, epochs: float) -> int:
        """Steps of so many epochs; at least one."""
        return max(1, math.ceil(round(epochs * self.steps_per_epoch, 6)))

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        """The order of an epoch: every part's share of it, shuffled together."""
        chosen: list[NDArray[np.int64]] = []
        for number, part in enumerate(self.parts):
            whole, rest = divmod(part.per_epoch, len(part.indices))
            chosen += [part.indices] * whole
            generator = np.random.default_rng([self.seed, epoch, number])
            chosen.append(generator.permutation(part.indices)[:rest])
        return np.random.default_rng([self.seed, epoch]).permutation(np.concatenate(chosen))

    def samples(self, step: int) -> list[int]:
        """Numbers of the samples of a step, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        found: list[int] = self._order(epoch)[
            place * self.batch : (place + 1) * self.batch
        ].tolist()
        return found

    def rows(self, step: int) -> list[Row]:
        """The rows of a step; device r computes rows r, r + world, ..."""
        samples = self.samples(step)
        length = {index: int(self.lengths[index]) for index in samples}
        if self.pack:
            return packed(samples, length, self.row_tokens, self.world)
        return padded(samples, length, self.row_tokens, self.world)

    def own_rows(self, step: int, rank: int) -> list[Row]:
        """The rows of one device."""
        return self.rows(step)[rank :: self.world]

    def largest(self) -> Row:
        """As full a row as any step may have: the longest samples that fit into one."""
        everything = np.concatenate([part.indices for part in self.parts])
        order = everything[np.argsort(-self.lengths[everything], kind="stable")]
        row, room = [int(order[0])], self.row_tokens - int(self.lengths[order[0]])
        longest = int(self.lengths[order[0]])
        for index in order[1:].tolist():
            length = int(self.lengths[index])
            fits = length <= room if self.pack else (len(row) + 1) * longest <= self.row_tokens
            if fits:
                row.append(index)
                room -= length
            if len(row) >= self.batch or room < 8:
                break
        return tuple(row)

    def waste(self, step: int) -> tuple[int, int]:
        """(tokens of padding, tokens computed) of a step."""
        used = sum(int(self.lengths[index]) for index in self.samples(step))
        if self.pack:
            return 0, used
        computed = sum(
            len(row) * max(int(self.lengths[index]) for index in row)
            for row in self.rows(step)
            if row
        )
        return computed - used, computed


def packed(samples: Sequence[int], length: dict[int, int], room: int, world: int) -> list[Row]:
    """Deal samples to as few rows of about equal length as their tokens fit into.

    Longest first, each into the row that is shortest so far (Graham 1969, LPT).
    """
    order = sorted(range(len(samples)), key=lambda place: (-length[samples[place]], place))
    total = sum(length[index] for index in samples)
    n_rows = world * max(1, math.ceil(total / room / world))
    while True:
        rows: list[list[int]] = [[] for _ in range(n_rows)]
        heap = [(0, number) for number in range(n_rows)]
        for place in order:
            used, number = heapq.heappop(heap)
            rows[number].append(place)
            heapq.heappush(heap, (used + length[samples[place]], number))
        fits = all(len(rows[number]) <= 1 or used <= room for used, number in heap)
        if fits:
            return [tuple(samples[place] for place in sorted(row)) for row in rows]
        n_rows += world


def padded(samples: Sequence[int], length: dict[int, int], room: int, world: int) -> list[Row]:
    """Group samples of like length; a row's samples times its longest fit into `room`."""
    order = sorted(samples, key=lambda index: -length[index])
    rows: list[list[int]] = []
    for index in order:
        if rows and (len(rows[-1]) + 1) * length[rows[-1][0]] <= room:
            rows[-1].append(index)
        else:
            rows.append([index])
    while len(rows) % world:
        fullest = max(rows, key=len)
        if len(fullest) < 2:
            rows.append([])
            continue
        half = len(fullest) // 2
        rows.append(fullest[half:])
        del fullest[half:]
    return [tuple(row) for row in rows]

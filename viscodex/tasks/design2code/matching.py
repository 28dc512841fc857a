"""Which block of a candidate is which of the reference: neighbours merged, then one assignment.

in:  the blocks of both pages
out: a Match: both lists after merging, the assignment, the pairs that count
not covered: finding blocks (blocks.py), comparing matched ones (visual.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description. A cost is
minus the similarity of two texts, difflib's ratio with the candidate's text first (by
cydifflib, which computes the same several times faster).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cydifflib import SequenceMatcher
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from viscodex.tasks.design2code.blocks import Block

Costs = NDArray[np.float64]  # (candidate blocks, reference blocks)

_GAIN = 0.05  # a merge must improve the mean cost by more
_CONTEXT = 0.1  # weight of the neighbours' costs
_CONFIDENT = -0.5  # costs below it look at their neighbours
_KEPT = 0.5  # least similarity of a pair that counts


@dataclass(frozen=True, slots=True)
class Pair:
    """A block of the candidate and the one of the reference that it stands for."""

    candidate: int
    reference: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Match:
    """What belongs together.

    `reference_joined` is the reference before its neighbours were merged: the picture for CLIP is
    masked by it, but by the merged list of the candidate, as officially.
    """

    candidate: tuple[Block, ...]
    reference: tuple[Block, ...]
    reference_joined: tuple[Block, ...]
    assignment: tuple[tuple[int, int], ...]
    pairs: tuple[Pair, ...]


def match(candidate: Sequence[Block], reference: Sequence[Block]) -> Match:
    """Match two pages; neither list may be empty."""
    joined = join_equal_boxes(reference)
    ratios = _Ratios()
    ours, theirs = _merge(join_equal_boxes(candidate), list(joined), ratios)
    costs = ratios.costs(ours, theirs)
    rows, columns = linear_sum_assignment(_with_context(costs))
    pairs = [
        Pair(int(i), int(j), -float(costs[i, j]))
        for i, j in zip(rows, columns, strict=True)
        if -costs[i, j] >= _KEPT
    ]
    assignment = tuple((int(i), int(j)) for i, j in zip(rows, columns, strict=True))
    return Match(tuple(ours), tuple(theirs), tuple(joined), assignment, tuple(pairs))


def join_equal_boxes(blocks: Sequence[Block]) -> list[Block]:
    """Blocks with the very same box become one, in the place of the first."""
    joined: dict[tuple[float, ...], Block] = {}
    for block in blocks:
        old = joined.get(block.box)
        if old is None:
            joined[block.box] = block
        else:
            color = [(a + b) / 2 for a, b in zip(old.color, block.color, strict=True)]
            joined[block.box] = Block(
                f"{old.text} {block.text}", old.box, (color[0], color[1], color[2])
            )
    return list(joined.values())


class _Ratios:
    """difflib's ratio of two texts, each pair computed once, second texts analysed once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], float] = {}
        self._matchers: dict[str, SequenceMatcher] = {}

    def __call__(self, first: str, second: str) -> float:
        """Not symmetric; characters frequent in a second text of 200 or more are no anchors."""
        key = first, second
        if key not in self._known:
            matcher = self._matchers.get(second)
            if matcher is None:
                matcher = self._matchers[second] = SequenceMatcher(None, "", second)
            matcher.set_seq1(first)
            self._known[key] = matcher.ratio()
        return self._known[key]

    def costs(self, candidate: Sequence[Block], reference: Sequence[Block]) -> Costs:
        """(candidate blocks, reference blocks)"""
        rows = [[-self(a.text, b.text) for b in reference] for a in candidate]
        return np.array(rows, dtype=np.float64)


def _merge(
    candidate: list[Block], reference: list[Block], ratios: _Ratios
) -> tuple[list[Block], list[Block]]:
    """Merge neighbours on either side until none improves the assignment."""
    while True:
        n_before = len(candidate) + len(reference)
        candidate = _merge_side(candidate, reference, ratios, axis=0)
        reference = _merge_side(reference, candidate, ratios, axis=1)
        if len(candidate) + len(reference) == n_before:
            return candidate, reference


def _merge_side(
    blocks: list[Block], others: list[Block], ratios: _Ratios, *, axis: int
) -> list[Block]:
    """One round over one side: neighbours that are better off as one block become one.

    Args:
        blocks: the side whose neighbours are tried: the candidate (axis 0 of the costs) or the
            reference (axis 1). The matrix is solved with the candidate's blocks as rows either way:
            among equally good assignments scipy's choice depends on it.
        others: the other side, as it is.
    """
    costs = ratios.costs(blocks, others) if axis == 0 else ratios.costs(others, blocks)
    before = _assigned_costs(costs)
    gains = []
    for i in range(len(blocks) - 1):
        joined = [_join(blocks[i], blocks[i + 1])]
        line = ratios.costs(joined, others) if axis == 0 else ratios.costs(others, joined)
        trial = np.delete(costs, i + 1, axis=axis)
        (trial if axis == 0 else trial.T)[i] = line.ravel()
        gain = _gain(before, _assigned_costs(trial))
        if gain > _GAIN:
            gains.append((i, gain))
    merged: set[int] = set()  # first ones of the pairs
    for i, _ in sorted(gains, key=lambda item: -item[1]):
        if not merged & {i - 1, i, i + 1}:
            merged.add(i)
    return [
        _join(block, blocks[i + 1]) if i in merged else block
        for i, block in enumerate(blocks)
        if i - 1 not in merged
    ]


def _assigned_costs(costs: Costs) -> list[float]:
    rows, columns = linear_sum_assignment(costs)
    return [float(cost) for cost in costs[rows, columns]]


def _gain(before: list[float], after: list[float]) -> float:
    """How much lower the mean cost is, of what differs; it must show in the lowest cost as well."""
    old, new = Counter(before), Counter(after)
    gone, come = list((old - new).elements()), list((new - old).elements())
    gain = (sum(gone) / len(gone) if gone else 0.0) - (sum(come) / len(come) if come else 0.0)
    if gain > 0 and min(gone) <= min(come):
        return 0.0
    return gain


def _join(a: Block, b: Block) -> Block:
    """Two neighbours as one block."""
    x, y = min(a.box[0], b.box[0]), min(a.box[1], b.box[1])
    right = max(a.box[0] + a.box[2], b.box[0] + b.box[2])
    bottom = max(a.box[1] + a.box[3], b.box[1] + b.box[3])
    red, green, blue = ((p + q) // 2 for p, q in zip(a.color, b.color, strict=True))
    return Block(f"{a.text} {b.text}", (x, y, right - x, bottom - y), (red, green, blue))


def _with_context(costs: Costs) -> Costs:
    """Costs that lean towards pairs whose neighbours match too."""
    adjusted = costs.copy()
    for i, j in zip(*np.nonzero(costs < _CONFIDENT), strict=True):
        around = costs[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2].ravel().tolist()
        around.remove(costs[i, j])
        adjusted[i, j] += _CONTEXT * sum(sorted(around)[:2])
    return adjusted

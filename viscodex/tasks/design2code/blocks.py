"""Text blocks of a page, found by the colours of its recoloured copies.

in:  three screenshots of one page: as it is, and of both recoloured copies; the strings to find
out: blocks: text, box as fractions of the picture, mean colour
not covered: making the copies (markup.py), rendering them (execute/page.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description: it compares
pixels one by one in Python; here the text pixels are sorted by their colour once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viscodex.tasks.design2code.markup import SHIFT, Rgb, Text

Pixels = NDArray[np.uint8]  # (height, width, 3)

_CLOSE = 8  # between the copies, on each channel
_NEAR = 4  # between a pixel and the colour that is looked for
_STEP, _FIRST, _LEVELS = 16, 10, 16  # of the colour pool: 10, 26, ..., 250


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text on a page."""

    text: str
    box: tuple[float, float, float, float]  # x, y, width, height; fractions of the own picture
    color: tuple[float, float, float]  # mean of the page's own pixels

    @property
    def area(self) -> float:
        """Fraction of the picture."""
        return self.box[2] * self.box[3]


def find_blocks(page: Pixels, first: Pixels, second: Pixels, texts: Sequence[Text]) -> list[Block]:
    """Blocks in the order of their texts.

    Args:
        page: screenshot of the page itself.
        first, second: of both recoloured copies.
        texts: strings and their colours in the first copy.

    Returns:
        No blocks at all where the copies differ in size, or the page is smaller than they are.
    """
    if first.shape != second.shape:
        return []
    height, width = first.shape[:2]
    moved = first + np.uint8(SHIFT)  # wraps, as the pool's colours did
    gap = np.maximum(moved, second) - np.minimum(moved, second)
    ys, xs = np.nonzero((gap <= _CLOSE).all(axis=2))  # (P,) text pixels
    ink = _Ink(first[ys, xs], ys, xs)
    blocks = []
    for text in texts:
        rows, columns = ink.of(text.color)
        if not len(rows):
            continue
        if rows.max() >= page.shape[0] or columns.max() >= page.shape[1]:
            return []
        x, y = int(columns.min()), int(rows.min())
        w, h = int(columns.max()) - x + 1, int(rows.max()) - y + 1
        mean = page[rows, columns].mean(axis=0)  # (3,)
        blocks.append(
            Block(
                text.text.lower(),
                (x / width, y / height, w / width, h / height),
                (float(int(mean[0])), float(int(mean[1])), float(int(mean[2]))),
            )
        )
    return blocks


class _Ink:
    """Text pixels, found by colour: sorted by the level of the pool that is next to each."""

    def __init__(self, colors: Pixels, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> None:
        self._colors, self._ys, self._xs = colors, ys, xs  # (P, 3), (P,), (P,)
        level = (colors.astype(np.int32) - _FIRST + _STEP // 2) // _STEP
        near = np.abs(colors - (level * _STEP + _FIRST)) <= _NEAR
        keys = (level[:, 0] * _LEVELS + level[:, 1]) * _LEVELS + level[:, 2]
        keys[~near.all(axis=1)] = -1
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def of(self, color: Rgb) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(rows, columns) of the pixels within 4 of a colour on each channel."""
        if any((value - _FIRST) % _STEP or value < _FIRST for value in color):
            return self._slowly(color)
        r, g, b = ((value - _FIRST) // _STEP for value in color)
        key = (r * _LEVELS + g) * _LEVELS + b
        low, high = np.searchsorted(self._keys, [key, key + 1])
        chosen = self._order[low:high]
        return self._ys[chosen], self._xs[chosen]

    def _slowly(self, color: Rgb) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """A colour outside the pool; bounds wrap at 256 as officially, so black finds nothing."""
        wanted = np.array(color, dtype=np.uint8)
        low, high = wanted - np.uint8(_NEAR), wanted + np.uint8(_NEAR)
        chosen = ((self._colors >= low) & (self._colors <= high)).all(axis=1)
        return self._ys[chosen], self._xs[chosen]

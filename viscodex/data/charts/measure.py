"""What a chart's picture and record show that filters go by; of any script's, not only ours.

in:  an Execution of a chart script
out: numbers: size, ink, edge, marks, texts that overlap, are cut off, small or faint
not covered: thresholds (filters.py)
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from viscodex.types import Execution, FigureRecord, TextBox

MAX_BOXES = 600  # of a picture; of more, evenly chosen ones are compared
_MARKLESS = ("image", "mesh", "contour", "surface", "quiver")  # one of them is a full picture

Pixels = Any  # numpy.ndarray (height, width, 3), uint8


def pixels(picture: bytes) -> Pixels:
    """RGB of a PNG on white.

    Raises:
        OSError: it cannot be decoded.
    """
    with Image.open(io.BytesIO(picture)) as image:
        flat = Image.new("RGBA", image.size, "white")
        flat.alpha_composite(image.convert("RGBA"))
        return np.asarray(flat.convert("RGB"))  # (H, W, 3)


def measure(execution: Execution) -> dict[str, float]:
    """Numbers of the first picture of a run; without a picture only their count.

    Returns:
        figures: pictures drawn.
        width, height: pixels.
        ink: share of the pixels that are not of the most common colour.
        edge: share of the outermost ring of pixels that are not of its most common colour.
        marks: data points drawn; a matrix or a surface counts all its cells.
        texts: lines of text.
        outside: the most pixels by which a line of text leaves the picture; negative: all inside.
        overlap: largest share of a line of text that another one covers, 0 .. 1.
        smallest: height of the smallest font, pixels.
        contrast: least difference in brightness, 0 .. 255, between a line of text and its ground.
    """
    if not execution.images:
        return {"figures": 0.0}
    picture = pixels(execution.images[0])
    height, width = picture.shape[:2]
    found = {
        "figures": float(len(execution.images)), "width": float(width), "height": float(height),
        "ink": _ink(picture), "edge": _edge(picture),
    }  # fmt: skip
    if execution.figure is not None:
        found["marks"] = float(marks(execution.figure))
        boxes = [b for b in execution.figure.boxes if b.figure == 0 and b.text.strip()]
        found |= _texts(boxes, picture)
    return found


def _packed(picture: Pixels) -> Any:
    wide = picture.astype(np.uint32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]  # (H, W)


def _ink(picture: Pixels) -> float:
    values = _packed(picture).ravel()
    _, counts = np.unique(values, return_counts=True)
    return 1.0 - float(counts.max()) / len(values)


def _edge(picture: Pixels) -> float:
    packed = _packed(picture)
    ring = np.concatenate([packed[0], packed[-1], packed[1:-1, 0], packed[1:-1, -1]])
    _, counts = np.unique(ring, return_counts=True)
    return 1.0 - float(counts.max()) / len(ring)


def difference(one: bytes, other: bytes) -> float:
    """Share of the pixels that differ between two pictures; 1 where their sizes do."""
    if one == other:
        return 0.0
    a, b = pixels(one), pixels(other)
    return 1.0 if a.shape != b.shape else float((a != b).any(axis=2).mean())


def marks(figure: FigureRecord) -> int:
    """Data points of the first picture."""
    total = 0
    for ax in figure.axes:
        for series in ax.series if ax.figure == 0 else ():
            n = max(len(series.x), len(series.y), len(series.z))
            shape = series.kind in ("rectangle", "wedge", "polygon", "ellipse", "arrow")
            total += 1 if shape else n
            total += 10 * (series.kind in _MARKLESS)
    return total


# --- texts ----------------------------------------------------------------------------------------


def _texts(boxes: Sequence[TextBox], picture: Pixels) -> dict[str, float]:
    if not boxes:
        return {"texts": 0.0}
    if len(boxes) > MAX_BOXES:
        boxes = [boxes[i] for i in np.linspace(0, len(boxes) - 1, MAX_BOXES).astype(int)]
    height, width = picture.shape[:2]
    return {
        "texts": float(len(boxes)),
        "outside": max(_outside(box, width, height) for box in boxes),
        "overlap": max((_overlap(a, b) for a, b in _near(boxes)), default=0.0),
        "smallest": min(box.size for box in boxes),
        "contrast": min(_contrast(box, picture) for box in boxes),
    }


def extent(box: TextBox) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the upright rectangle around a line of text."""
    turn = math.radians(box.angle)
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    w, h = (box.width * c + box.height * s) / 2, (box.width * s + box.height * c) / 2
    return box.x - w, box.y - h, box.x + w, box.y + h


def _outside(box: TextBox, width: int, height: int) -> float:
    left, top, right, bottom = extent(box)
    return max(-left, -top, right - width, bottom - height)


def _near(boxes: Sequence[TextBox]) -> Iterator[tuple[TextBox, TextBox]]:
    """Pairs whose upright rectangles meet; the same text drawn twice in one place is no pair."""
    order = sorted(boxes, key=lambda box: extent(box)[0])
    for i, a in enumerate(order):
        _, top, right, bottom = extent(a)
        for b in order[i + 1 :]:
            other = extent(b)
            if other[0] >= right:
                break
            same = a.text == b.text and math.hypot(a.x - b.x, a.y - b.y) < 2
            if other[1] < bottom and other[3] > top and not same:
                yield a, b


def _corners(box: TextBox) -> Any:
    turn = math.radians(box.angle)
    along = np.array([math.cos(turn), -math.sin(turn)]) * box.width / 2
    up = np.array([-math.sin(turn), -math.cos(turn)]) * box.height / 2
    centre = np.array([box.x, box.y])
    return np.array(
        [centre - along - up, centre + along - up, centre + along + up, centre - along + up]
    )


def _overlap(a: TextBox, b: TextBox) -> float:
    """Area that two turned rectangles share, as a share of the smaller one."""
    shape = [tuple(p) for p in _corners(a)]
    other = [tuple(p) for p in _corners(b)]
    sign = math.copysign(1.0, _area(other))
    for (x0, y0), (x1, y1) in pairwise([*other, other[0]]):
        sides = [sign * ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) for x, y in shape]
        shape = list(_clip(shape, sides))
        if len(shape) < 3:
            return 0.0
    smaller = min(a.width * a.height, b.width * b.height)
    return abs(_area(shape)) / smaller if smaller > 0 else 0.0


Point = tuple[float, float]


def _clip(shape: list[Point], sides: list[float]) -> Iterator[Point]:
    """The part of a polygon whose corners lie on the side >= 0; Sutherland and Hodgman."""
    for k, (p, d) in enumerate(zip(shape, sides, strict=True)):
        q, e = shape[k - 1], sides[k - 1]
        if (d >= 0) != (e >= 0):
            t = e / (e - d)
            yield q[0] + t * (p[0] - q[0]), q[1] + t * (p[1] - q[1])
        if d >= 0:
            yield p


def _area(shape: Sequence[Point]) -> float:
    pairs = zip(shape, [*shape[1:], shape[0]], strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs) / 2


def _contrast(box: TextBox, picture: Pixels) -> float:
    """How far the ink of a text stands out: most of the difference to the usual colour there."""
    left, top, right, bottom = (round(v) for v in extent(box))
    part = picture[max(0, top) : max(0, bottom) + 1, max(0, left) : max(0, right) + 1]
    if part.size == 0:
        return 255.0  # outside: another number tells that
    luma = part.reshape(-1, 3) @ np.array([0.2126, 0.7152, 0.0722])  # (pixels,)
    return float(np.abs(luma - np.median(luma)).max())

"""How alike a render is to the picture that was asked about. No reference code is known here.

in:  two pictures
out: a number from 0 (nothing alike) to 1 (equal); where and in what they differ, in words
not covered: scores against reference code (tasks/)

    likeness = shape * (0.7 * structure + 0.3 * color)

shape: the smaller of the two ratios of width to height over the larger one. structure: SSIM (Wang et
al. 2004, eq. 13) of the brightness with windows of 7 px, the render stretched to the picture's size, at 256 and
64 px of the longer side, averaged over the windows in which either picture shows something: paper that both
leave blank says nothing. color: what two histograms of 5 x 5 x 5 colours share, each of the square roots of
its shares, so that small marks count beside a large ground.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from viscodex.images import open_image

SIDES = (256, 64)  # px of the longer side
WINDOW = 7  # px
LEVELS = 5  # of each colour channel
SAME = 0.985
"""From here on there is nothing left to repair: a render of the picture's own code has 1."""

Array = Any  # numpy.ndarray of float64

_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
_NAMES = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (214, 39, 40),
    "orange": (255, 127, 14), "yellow": (240, 220, 60), "green": (44, 160, 44), "blue": (31, 119, 180),
    "purple": (148, 103, 189), "brown": (140, 86, 75), "pink": (240, 130, 200), "teal": (40, 150, 150),
}  # fmt: skip


def likeness(picture: bytes, render: bytes) -> float:
    """How alike they are, 0 .. 1.

    Raises:
        BadInput: one of them cannot be read.
    """
    one, other = open_image(picture), open_image(render)
    structure = float(np.mean([_mean(*_structure(one, other, side)) for side in SIDES]))
    return _shape(one, other) * (0.7 * structure + 0.3 * _color(one, other))


def differences(picture: bytes, render: bytes) -> str:
    """Where and in what the render differs, in a sentence or two; for a model that shall mend it.

    Raises:
        BadInput: one of them cannot be read.
    """
    one, other = open_image(picture), open_image(render)
    said = []
    if _shape(one, other) < 0.97:
        said.append(
            f"The picture is {one.width} x {one.height} px, yours is {other.width} x {other.height} px."
        )
    places = _worst(*_structure(one, other, SIDES[0]))
    if places:
        said.append(f"It differs most at the {', '.join(places)}.")
    lacks, extra = _color_words(one, other)
    if lacks:
        said.append(f"These colours are missing: {', '.join(lacks)}.")
    if extra:
        said.append(f"These colours are not in the picture: {', '.join(extra)}.")
    return " ".join(said) or "Small details differ."


def _shape(one: Image.Image, other: Image.Image) -> float:
    a, b = one.width / one.height, other.width / other.height
    return min(a, b) / max(a, b)


def _structure(one: Image.Image, other: Image.Image, side: int) -> tuple[Array, Array]:
    """SSIM of each window, and whether it shows something: both (H, W)."""
    scale = min(1.0, side / max(one.size))
    wide, high = (max(WINDOW + 1, round(n * scale)) for n in one.size)
    x, y = (
        np.asarray(p.convert("L").resize((wide, high), Image.Resampling.BOX), np.float64)
        for p in (one, other)
    )
    mean_x, mean_y = _box(x), _box(y)
    var_x, var_y = _box(x * x) - mean_x**2, _box(y * y) - mean_y**2
    both = _box(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = ((2 * mean_x * mean_y + c1) * (2 * both + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    shows = (np.maximum(var_x, var_y) > 16) | (np.abs(mean_x - mean_y) > 8)
    return np.clip(ssim, 0, 1), shows


def _box(x: Array) -> Array:
    """Means of all windows (H - WINDOW + 1, W - WINDOW + 1)."""
    sums = np.pad(x, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    k = WINDOW
    found: Array = (sums[k:, k:] - sums[:-k, k:] - sums[k:, :-k] + sums[:-k, :-k]) / k**2
    return found


def _mean(ssim: Array, shows: Array) -> float:
    return float(ssim[shows].mean()) if shows.any() else 1.0


def _color(one: Image.Image, other: Image.Image) -> float:
    a, b = _histogram(one), _histogram(other)
    return float(np.minimum(a, b).sum())


def _histogram(picture: Image.Image) -> Array:
    """Of LEVELS**3 colours, roots of the shares, summing to 1."""
    small = picture.copy()
    small.thumbnail((SIDES[0], SIDES[0]), Image.Resampling.NEAREST)  # makes no new colours
    levels = np.asarray(small, np.int64) * LEVELS // 256
    index = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    roots = np.sqrt(np.bincount(index.ravel(), minlength=LEVELS**3) / index.size)
    found: Array = roots / roots.sum()
    return found


def _worst(ssim: Array, shows: Array) -> list[str]:
    """Up to three of nine parts that are least alike, by how much of them differs and how far."""
    parts = []
    for i, rows in enumerate(np.array_split(np.arange(ssim.shape[0]), 3)):
        for j, columns in enumerate(np.array_split(np.arange(ssim.shape[1]), 3)):
            cell = np.ix_(rows, columns)
            name = "middle" if i == j == 1 else f"{_ROWS[i]} {_COLUMNS[j]}"
            parts.append((float(((1 - ssim) * shows)[cell].mean()), name))
    return [name for value, name in sorted(parts, reverse=True)[:3] if value > 0.1]


def _color_words(one: Image.Image, other: Image.Image) -> tuple[list[str], list[str]]:
    """Plain names of colours that only one of them has to a visible extent."""
    a, b = _named(one), _named(other)
    lacks = [name for name, share in a.items() if share > 0.01 and b.get(name, 0) < share / 10]
    extra = [name for name, share in b.items() if share > 0.01 and a.get(name, 0) < share / 10]
    return lacks, extra


def _named(picture: Image.Image) -> dict[str, float]:
    small = picture.copy()
    small.thumbnail((96, 96), Image.Resampling.NEAREST)
    flat = np.asarray(small, np.int64).reshape(-1, 1, 3)
    palette = np.array(list(_NAMES.values()))[None]
    nearest = ((flat - palette) ** 2).sum(-1).argmin(1)  # (pixels,)
    shares = np.bincount(nearest, minlength=len(_NAMES)) / len(flat)
    return {name: float(share) for name, share in zip(_NAMES, shares, strict=True) if share}

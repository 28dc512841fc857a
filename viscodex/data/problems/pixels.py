"""Measures of pictures: how much is drawn, how far two are apart.

in:  PNG bytes that the sandbox made
out: shares of pixels
not covered: hashes of pictures and near-duplicates (the pipeline)
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def ink(png: bytes) -> float:
    """Share of the pixels that differ from the most frequent colour."""
    pixels = _pixels(png).reshape(-1, 3)
    packed = (pixels.astype(np.uint32) * (65536, 256, 1)).sum(axis=1)
    return 1.0 - float(np.unique(packed, return_counts=True)[1].max()) / len(packed)


def changed(a: bytes, b: bytes) -> float:
    """Share of the pixels that differ visibly; 1.0 where the sizes differ."""
    one, other = _pixels(a), _pixels(b)
    if one.shape != other.shape:
        return 1.0
    far = np.abs(one.astype(np.int16) - other.astype(np.int16)).max(axis=2) > 24
    return float(far.mean())


def size_px(png: bytes) -> tuple[int, int]:
    """Width and height."""
    with Image.open(io.BytesIO(png)) as image:
        return image.size


def beside(left: bytes, right: bytes, gap: int = 24) -> bytes:
    """Two pictures side by side on white."""
    with Image.open(io.BytesIO(left)) as a, Image.open(io.BytesIO(right)) as b:
        whole = Image.new("RGB", (a.width + gap + b.width, max(a.height, b.height)), "white")
        whole.paste(a.convert("RGB"), (0, 0))
        whole.paste(b.convert("RGB"), (a.width + gap, 0))
    out = io.BytesIO()
    whole.save(out, "PNG")
    return out.getvalue()


def _pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))

"""What the embedded model was made for, and pictures that are outside of it.

in:  a picture; the probability that a model gave its own answer
out: notices for a person
not covered: other models, which know their own limits

The model is asked all the same: these are cheap signs, not a verdict.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from viscodex.images import open_image

MAX_PIXELS = 108 * 28 * 28
"""At which the embedded model looks at a picture: 108 vision tokens of 28 x 28 px, or 336 x 252 px.

It has seen two sizes, charts of 336 x 252 px and pages of 336 x 224 px, and none of them made smaller. The
limits below leave little room around them: text made smaller by more than a fifth it has never read.
"""
SHRINK = 1.2  # times smaller on a side
RATIO = 1.6  # of the longer side to the shorter one; 1.33 and 1.5 are what it has seen
SMALLEST = 180  # px of the shorter side; 224 is the least that it has seen
COLORS, FLAT = 32, 0.6  # in drawings the most common colours, of 4096, cover this share
UNSURE = 0.7  # geometric mean of the probabilities of the tokens of an answer


def notices_of(data: bytes) -> list[str]:
    """Why a picture is outside of what the embedded model was trained on; empty: it is inside."""
    picture = open_image(data)
    width, height = picture.size
    found = []
    shrink = math.sqrt(width * height / MAX_PIXELS)
    if shrink > SHRINK:
        found.append(
            f"{width} x {height} px is larger than any picture nano has seen, and it sees this one "
            f"{shrink:.1f} times smaller; draw it at about 336 x 252 px, crop it, or use a larger model"
        )
    if min(width, height) < SMALLEST:
        found.append(f"{width} x {height} px is smaller than any picture nano has seen")
    if max(width, height) > RATIO * min(width, height):
        found.append(f"{width} x {height} px is longer and narrower than any picture nano has seen")
    if (share := flatness(picture)) < FLAT:
        found.append(
            f"it looks like a photo ({100 * share:.0f} % in its {COLORS} main colours); nano knows "
            "charts and pages alone"
        )
    return found


def unsure(probability: float | None) -> list[str]:
    """A notice where a model gave its own answer little probability."""
    if probability is None or probability >= UNSURE:
        return []
    return [f"nano was unsure of this answer (mean token probability {probability:.2f})"]


def flatness(picture: Image.Image) -> float:
    """Share of the pixels in the COLORS most common of 16 x 16 x 16 colours."""
    small = picture.copy()
    small.thumbnail((256, 256), Image.Resampling.NEAREST)
    levels = np.asarray(small, np.int64) >> 4
    index = (levels[..., 0] << 8) | (levels[..., 1] << 4) | levels[..., 2]
    counts = np.sort(np.bincount(index.ravel(), minlength=4096))[::-1]
    return float(counts[:COLORS].sum() / index.size)

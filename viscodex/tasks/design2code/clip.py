"""What CLIP sees of a page, and how alike two pages are to it.

in:  a screenshot and the boxes of its text
out: a square picture with the text painted over; the cosine of two embeddings
not covered: where the boxes come from (matching.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from typing import Any

import cv2
import numpy as np
from PIL import Image

from viscodex.errors import MissingPart
from viscodex.tasks.design2code.blocks import Block, Pixels

SIZE_PX = 224  # of CLIP ViT-B/32
_RADIUS_PX = 3  # of the painting
_MARGIN_PX = 4  # what a painted pixel can depend on


def masked_square(page: Pixels, blocks: Iterable[Block]) -> Image.Image:
    """The page without its text, squeezed into a square of its shorter side."""
    mask = np.zeros(page.shape[:2], np.uint8)
    height, width = mask.shape
    for block in blocks:
        x, y, w, h = block.box
        left, top = int(x * width), int(y * height)
        mask[top : top + int(h * height), left : left + int(w * width)] = 255
    side = min(height, width)
    return Image.fromarray(_painted(page, mask)).resize((side, side), Image.Resampling.LANCZOS)


def _painted(page: Pixels, mask: Pixels) -> Pixels:
    """Telea's inpainting, each connected piece of the mask in a crop of its own: the same pixels."""
    if not mask.any():
        return page
    bgr = page[:, :, ::-1].copy()
    done = bgr.copy()
    count, labels, places, _ = cv2.connectedComponentsWithStats(
        cv2.dilate(mask, np.ones((2 * _MARGIN_PX + 1, 2 * _MARGIN_PX + 1), np.uint8))
    )
    for left, top, w, h, _ in places[1:count]:
        area = np.s_[top : top + h, left : left + w]
        piece = np.where(labels[area] == labels[area].max(), mask[area], 0)
        painted = cv2.inpaint(bgr[area], piece, _RADIUS_PX, cv2.INPAINT_TELEA)
        done[area][piece > 0] = painted[piece > 0]
    return np.asarray(done[:, :, ::-1], dtype=np.uint8)

"""What CLIP sees of a page, and how alike two pages are to it.

in:  a screenshot and the boxes of its text; weights of CLIP ViT-B/32
out: a picture of 224 x 224 with the text painted over; its embedding
not covered: where the boxes come from (matching.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viscodex.errors import BadCheckpoint, MissingPart
from viscodex.tasks.design2code.blocks import Block, Pixels

MODEL = "openai/clip-vit-base-patch32"
SIZE_PX = 224
_RADIUS_PX = 3  # of the painting
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)


def clip_picture(page: Pixels, blocks: Iterable[Block]) -> Image.Image:
    """The page without its text, squeezed into a square, at CLIP's size."""
    square = masked_square(page, blocks)
    return square.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)


def masked_square(page: Pixels, blocks: Iterable[Block]) -> Image.Image:
    """The page with its text painted over (Telea), squeezed into a square of its shorter side."""
    height, width = page.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    for block in blocks:
        x, y, w, h = block.box
        left, top = int(x * width), int(y * height)
        mask[top : top + int(h * height), left : left + int(w * width)] = 255
    if mask.any():
        painted = cv2.inpaint(page[:, :, ::-1].copy(), mask, _RADIUS_PX, cv2.INPAINT_TELEA)
        page = np.ascontiguousarray(painted[:, :, ::-1])
    side = min(height, width)
    return Image.fromarray(page).resize((side, side), Image.Resampling.LANCZOS)


class Clip:
    """The image side of CLIP, on the CPU in float32; safe to use from several threads.

    Args:
        model: directory of a checkpoint, or name on the hub.

    Raises:
        MissingPart: torch or transformers is not installed.
        BadCheckpoint: there is no CLIP model of that name to be had.
    """

    def __init__(self, model: str = MODEL) -> None:
        try:
            import torch
            from transformers import CLIPVisionModelWithProjection
        except ImportError as error:
            raise MissingPart(
                "CLIP needs torch and transformers", str(error), "pip install 'viscodex[model]'"
            ) from error
        self.name = model
        self._torch: Any = torch
        self._lock = threading.Lock()
        try:
            self._model: Any = CLIPVisionModelWithProjection.from_pretrained(model).eval()
        except (OSError, ValueError, KeyError) as error:
            raise BadCheckpoint(
                "no CLIP model could be loaded",
                f"{model}: {' '.join(str(error).split())[:200]}",
                f"Give the directory of a checkpoint of {MODEL}, or leave CLIP out.",
            ) from error

    def embed(self, picture: Image.Image) -> NDArray[np.float32]:
        """The unit embedding of a picture of 224 x 224: (D,)"""
        raw = np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
        pixels: NDArray[np.float32] = (raw - _MEAN) / _STD  # (224, 224, 3)
        with self._lock, self._torch.inference_mode():
            batch = self._torch.from_numpy(pixels.transpose(2, 0, 1)[None])  # (1, 3, 224, 224)
            found = self._model(pixel_values=batch).image_embeds[0].float().numpy()  # (D,)
        return np.asarray(found / np.linalg.norm(found), dtype=np.float32)

"""Pictures of samples as the patches that a vision tower takes.

in:  PNG, JPEG or WebP bytes; limits in pixels
out: the grid of a size without opening the picture; pixel_values and image_grid_thw
not covered: where a picture stands in the text (encode.py)

The checkpoint's own image processor does the work. Nothing is cached: a picture is read, resized
and cut into patches when its row is made.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from transformers import AutoImageProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from viscodex.errors import BadCheckpoint, BadInput
from viscodex.images import image_size, open_image
from viscodex.train.encode import Rejected

Grid = tuple[int, int, int]
"""Time, height, width, in patches."""


class Pictures:
    """The image processor of a checkpoint with our limits.

    Args:
        folder: of the checkpoint.
        min_pixels, max_pixels: of a picture after resizing; never cut.

    Raises:
        BadCheckpoint: the checkpoint has no image processor of the Qwen kind.
    """

    def __init__(self, folder: Path, min_pixels: int, max_pixels: int) -> None:
        self.min_pixels, self.max_pixels = min_pixels, max_pixels
        try:
            self.processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
            self.patch, self.merge = int(self.processor.patch_size), int(self.processor.merge_size)
        except (OSError, ValueError, AttributeError) as error:
            raise BadCheckpoint(
                "the checkpoint has no image processor that can be used",
                f"{folder}: {str(error).splitlines()[0]}",
                "Copy preprocessor_config.json from the vision-language model.",
            ) from error

    @property
    def factor(self) -> int:
        """Pixels along the side of the square that becomes one vision token."""
        return self.patch * self.merge

    def grid(self, width: int, height: int, max_pixels: int | None = None) -> Grid:
        """Patches of a picture of this size, px, after resizing.

        Raises:
            Rejected: so long and narrow that the model does not take it.
        """
        try:
            high, wide = smart_resize(
                height, width, self.factor, self.min_pixels, max_pixels or self.max_pixels
            )
        except (ValueError, ZeroDivisionError) as error:
            raise Rejected("images", f"a picture of {width} x {height} px: {error}") from None
        return 1, high // self.patch, wide // self.patch

    def n_tokens(self, grid: Grid) -> int:
        """Vision tokens of a grid."""
        return math.prod(grid) // self.merge**2

    def size(self, data: bytes) -> tuple[int, int]:
        """Width and height, px, from the header alone.

        Raises:
            Rejected: no picture, or one that decompresses to an unreasonable size.
        """
        try:
            return image_size(data)
        except BadInput as error:
            raise Rejected("images", f"{error.what}: {error.where}") from None

    def patches(self, data: bytes, max_pixels: int | None = None) -> tuple[torch.Tensor, Grid]:
        """pixel_values (P, channels * 2 * patch * patch) of one picture, and its grid.

        Raises:
            Rejected: the picture cannot be decoded.
        """
        size = {"shortest_edge": self.min_pixels, "longest_edge": max_pixels or self.max_pixels}
        try:
            picture = open_image(data)
            done: Any = self.processor(images=[picture], size=size, return_tensors="pt")
        except BadInput as error:
            raise Rejected("images", f"{error.what}: {error.where}") from None
        except ValueError as error:
            raise Rejected("images", f"the image processor: {error}") from None
        time, high, wide = done["image_grid_thw"][0].tolist()
        return done["pixel_values"], (time, high, wide)

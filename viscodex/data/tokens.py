"""Tokens of a sample, text and vision, counted without a model.

in:  samples; a tokenizer, from a checkpoint directory or the hub, or none
out: TokenCount, histogram
not covered: refusing samples that are too long (build.py), training batches (train/)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from viscodex.images import image_size, vision_tokens
from viscodex.types import Sample


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one sample as a model reads it, chat template included."""

    text: int  # all but the picture's own tokens
    vision: int
    estimated: bool = False  # text was estimated from its bytes

    @property
    def total(self) -> int:
        """What counts against the model's context."""
        return self.text + self.vision


BYTES_PER_TOKEN = 3.0
"""Of the estimate without a tokenizer."""


class TokenCounter:
    """Counts the tokens of samples for one model.

    Args:
        tokenizer: a checkpoint directory with tokenizer.json, or a name on the hub; None: the text
            is estimated from its bytes, and counts say so.
        patch_size, merge_size, min_pixels, max_pixels: of the image processor; None: what the
            checkpoint's preprocessor_config.json says, else those of Qwen2.5-VL.

    Raises:
        BadInput: no tokenizer there, or one that cannot be read.
        MissingPart: the tokenizers library is not installed.
    """

    def __init__(
        self,
        tokenizer: str | Path | None = None,
        *,
        patch_size: int | None = None,
        merge_size: int | None = None,
        min_pixels: int | None = None,
        max_pixels: int | None = None,
    ) -> None:
        self.vision = {
            "patch_size": patch_size or 14,
            "merge_size": merge_size or 2,
            "min_pixels": min_pixels or 3136,
            "max_pixels": max_pixels or 12_845_056,
        }

    def __call__(self, sample: Sample) -> TokenCount:
        """Count one sample.

        Raises:
            BadInput: a picture whose size cannot be read, or of a shape that the model refuses.
        """
        pictures = sum(
            vision_tokens(*image_size(d, where=sample.id), **self.vision) for d in sample.images
        )
        size = sum(len(m.content.encode()) + 12 for m in sample.messages)
        return TokenCount(round(size / BYTES_PER_TOKEN), pictures, estimated=True)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long the samples of a data set are."""

    edges: tuple[int, ...]  # of the bins, n + 1
    counts: tuple[int, ...]  # samples in each bin: edges[i] <= tokens < edges[i + 1]
    quantiles: Mapping[str, int]  # min, p50, p90, p99, max
    total: int  # tokens of all samples


def histogram(totals: Iterable[int], bins: int = 20) -> Histogram:
    """Counts of token totals in bins of a round width."""
    raise NotImplementedError

"""Rows: the tensors of what one device computes at once, and the loss over them.

in:  encoded samples and the patches of their pictures
out: a RowBatch: model inputs, where the answers are predicted, what they should be
not covered: which samples make a row (plan.py), attention within samples (attention.py)

A packed row holds several samples one behind the other, without padding. Each keeps positions of its
own from 0 (M-RoPE: text, time, height, width), and by its text positions transformers and
attention.py know where one sample ends: no token sees another sample. Logits are computed only where
an answer token is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from viscodex.train.encode import Encoded
from viscodex.train.pictures import Grid

LOGIT_ROWS = 2048  # positions whose logits are in float32 at once


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample ready to be computed."""

    encoded: Encoded
    patches: tuple[torch.Tensor, ...] = ()  # one per picture, (P, C)
    grids: tuple[Grid, ...] = ()
    counts: bool = True  # False: a blank that only keeps devices in step


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Tensors of a row.

    `inputs` goes to the model as it is; logits come back for `inputs["logits_to_keep"]`, K places.
    """

    inputs: dict[str, torch.Tensor]
    targets: torch.Tensor  # (B, K) the token that follows each place; -100 where none is learnt
    n_answer_tokens: int  # learnt, blanks left out
    n_tokens: int  # computed, padding included
    n_padding: int

    def to(self, device: torch.device | str) -> RowBatch:
        """The same on another device."""
        inputs = {name: t.to(device, non_blocking=True) for name, t in self.inputs.items()}
        targets = self.targets.to(device, non_blocking=True)
        return RowBatch(inputs, targets, self.n_answer_tokens, self.n_tokens, self.n_padding)


def mrope_positions(
    is_image: NDArray[np.bool_], grids: Sequence[Grid], merge: int
) -> NDArray[np.int64]:
    """Positions of a sample with pictures, time, height and width: (3, T).

    What `get_rope_index` of Qwen2.5-VL and Qwen3-VL gives for pictures (a test holds them together):
    text counts on; a picture's tokens stand at (0, row, column) from where it begins, and the text
    behind it goes on at the longer side.
    """
    positions = np.zeros((3, len(is_image)), np.int64)
    here, at = 0, 0
    for time, high, wide in grids:
        start = at + int(np.argmax(is_image[at:]))
        positions[:, at:start] = here + np.arange(start - at)
        here += start - at
        rows, columns = high // merge, wide // merge
        n = time * rows * columns
        grid = np.indices((time, rows, columns)).reshape(3, n)
        positions[:, start : start + n] = here + grid
        here += max(rows, columns)
        at = start + n
    positions[:, at:] = here + np.arange(len(is_image) - at)
    return positions


def packed_row(samples: Sequence[Seen], merge: int | None) -> RowBatch:
    """One row of samples behind one another.

    Args:
        merge: patches along the side of a vision token; None for a model without M-RoPE.
    """
    n = [len(sample.encoded) for sample in samples]
    starts = np.cumsum([0, *n])
    ids = np.concatenate([sample.encoded.ids for sample in samples])
    text = np.concatenate([np.arange(length) for length in n])
    if merge is None:
        positions = text[None]  # (1, T)
    else:
        vision = [mrope_positions(s.encoded.is_image, s.grids, merge) for s in samples]
        positions = np.concatenate([text[None], np.concatenate(vision, axis=1)])[:, None]
    places: list[NDArray[np.int64]] = []
    targets: list[NDArray[np.int64]] = []
    for start, sample in zip(starts, samples, strict=False):
        learnt = np.flatnonzero(sample.encoded.learnt[1:])
        places.append(learnt + start)
        following = sample.encoded.ids[1:][learnt]
        targets.append(following if sample.counts else np.full_like(following, -100))
    wanted = np.concatenate(targets)
    inputs = {
        "input_ids": torch.from_numpy(ids)[None],  # (1, T)
        "position_ids": torch.from_numpy(positions),  # (4, 1, T) or (1, T)
        "logits_to_keep": torch.from_numpy(np.concatenate(places)),  # (K,)
        **_pictures(samples),
    }
    return RowBatch(
        inputs,
        torch.from_numpy(wanted)[None],
        int((wanted != -100).sum()),
        len(ids),
        0,
    )


def padded_row(samples: Sequence[Seen], pad_id: int) -> RowBatch:
    """Samples side by side, padded on the right; for models whose positions are theirs to find."""
    longest = max(len(sample.encoded) for sample in samples)
    shape = (len(samples), longest)
    ids = np.full(shape, pad_id, np.int64)
    labels = np.full(shape, -100, np.int64)
    mask = np.zeros(shape, np.int64)
    kinds = np.zeros(shape, np.int32)
    for place, sample in enumerate(samples):
        e = sample.encoded
        ids[place, : len(e)] = e.ids
        mask[place, : len(e)] = 1
        kinds[place, : len(e)] = e.is_image
        if sample.counts:
            labels[place, : len(e)][e.learnt] = e.ids[e.learnt]
    kept = np.flatnonzero((labels[:, 1:] != -100).any(axis=0))
    if not len(kept):  # a blank: its loss is 0, and its gradient
        kept = np.arange(1)
    wanted = labels[:, kept + 1]
    pictures = _pictures(samples)
    inputs = {
        "input_ids": torch.from_numpy(ids),  # (B, T)
        "attention_mask": torch.from_numpy(mask),
        "logits_to_keep": torch.from_numpy(kept),
        **pictures,
    }
    if pictures:
        inputs["mm_token_type_ids"] = torch.from_numpy(kinds)
    n_padding = int((mask == 0).sum())
    n_answer = int((wanted != -100).sum())
    return RowBatch(inputs, torch.from_numpy(wanted), n_answer, ids.size, n_padding)


def _pictures(samples: Sequence[Seen]) -> dict[str, torch.Tensor]:
    patches = [one for sample in samples for one in sample.patches]
    if not patches:
        return {}
    grids = [grid for sample in samples for grid in sample.grids]
    return {"pixel_values": torch.cat(patches), "image_grid_thw": torch.tensor(grids)}


def row_loss(model: Any, row: RowBatch) -> torch.Tensor:
    """Cross-entropy summed over the answer tokens of a row; 0 for a blank, with a gradient of 0."""
    logits = model(**row.inputs, use_cache=False).logits  # (B, K, V)
    flat, targets = logits.flatten(0, 1), row.targets.flatten()
    total = logits.new_zeros((), dtype=torch.float32)
    for start in range(0, len(targets), LOGIT_ROWS):
        piece = (flat[start : start + LOGIT_ROWS], targets[start : start + LOGIT_ROWS])
        if len(targets) > LOGIT_ROWS and torch.is_grad_enabled():
            total = total + checkpoint(_cross_entropy, *piece, use_reentrant=False)
        else:
            total = total + _cross_entropy(*piece)
    return total


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits.float(), targets, ignore_index=-100, reduction="sum")


def n_right(model: Any, row: RowBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss sum, answer tokens whose most likely prediction is right) without a gradient."""
    with torch.no_grad():
        logits = model(**row.inputs, use_cache=False).logits.flatten(0, 1)
        targets = row.targets.flatten()
        right = (logits.argmax(-1) == targets).sum()
        return _cross_entropy(logits, targets), right

"""Causal attention within the samples of a packed row.

in:  queries, keys and values of a row; the text positions of its tokens
out: attention in which no token sees another sample; registered with transformers as "segments"
not covered: flash attention, which finds the samples of a row by the same positions on its own

The samples of a row are attended to one after the other, so the cost is the sum of their squares, not
the square of the row, and no mask of T x T is made. Whatever is no packed row - padded rows, generation -
goes through transformers' sdpa unchanged.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "segments"


def segment_lengths(position_ids: torch.Tensor | None) -> list[int]:
    """Lengths of the samples of a packed row by its text positions (1, T), each from 0."""
    if position_ids is None or position_ids.shape[0] != 1:
        return []
    known = getattr(position_ids, "segment_lengths", None)  # once for all layers of a pass
    if known is None:
        marks = [*torch.nonzero(position_ids[0] == 0).flatten().tolist(), position_ids.shape[1]]
        known = [end - start for start, end in itertools.pairwise(marks)] if not marks[0] else []
        position_ids.segment_lengths = known
    return list(known)


def segments_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of transformers' interface; query (B, H, T, d), result (B, T, H, d)."""
    lengths = segment_lengths(kwargs.get("position_ids"))
    if attention_mask is not None or len(lengths) < 2 or query.shape[2] != key.shape[2]:
        result: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return result
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    pieces = [
        functional.scaled_dot_product_attention(
            q, k, v, dropout_p=dropout, is_causal=True, scale=scaling
        )
        for q, k, v in zip(
            query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True
        )
    ]
    return torch.cat(pieces, 2).transpose(1, 2).contiguous(), None


def segments_mask(*args: Any, **kwargs: Any) -> torch.Tensor | None:
    """No mask for a whole row without padding; else transformers' own."""
    whole = kwargs.get("q_length") == kwargs.get("kv_length") and not kwargs.get("q_offset")
    if whole and kwargs.get("attention_mask") is None:
        return None
    made: torch.Tensor | None = sdpa_mask(*args, **kwargs)
    return made


def register() -> None:
    """Make `attn_implementation="segments"` known to transformers."""
    AttentionInterface.register(NAME, segments_attention)
    AttentionMaskInterface.register(NAME, segments_mask)

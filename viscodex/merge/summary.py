"""What a person wants to know of one checkpoint.

in:  a Model
out: parts, tensors, parameters, sizes, vocabulary; plain data for a table or JSON
not covered: how several models relate (geometry.py)
"""

from __future__ import annotations

from typing import Any

from viscodex.merge.layout import EMBED, SIZES, Model
from viscodex.merge.vocabulary import read_tokens


def describe(model: Model) -> dict[str, Any]:
    """What a person wants to know of a checkpoint: parts, sizes, vocabulary; plain data."""
    parts: dict[str, dict[str, Any]] = {}
    for name, info in model.checkpoint.tensors.items():
        row = parts.setdefault(
            model.parts[name], {"tensors": 0, "parameters": 0, "bytes": 0, "dtypes": []}
        )
        row["tensors"] += 1
        row["parameters"] += info.n_elements
        row["bytes"] += info.nbytes
        if info.dtype not in row["dtypes"]:
            row["dtypes"].append(info.dtype)
    total = {
        key: sum(row[key] for row in parts.values()) for key in ("tensors", "parameters", "bytes")
    }
    parts["all"] = {**total, "dtypes": sorted({d for row in parts.values() for d in row["dtypes"]})}
    tokens = read_tokens(model.checkpoint.path)
    n_rows = model.language_model[EMBED].shape[0]
    known = "no tokenizer files" if tokens is None else f"{len(tokens):,} tokens"
    return {
        "label": model.label,
        "path": str(model.checkpoint.path),
        "model_type": str(model.checkpoint.config.get("model_type")),
        "layout": model.layout,
        "parts": parts,
        "sizes": {
            key: model.text_config[key] for key in SIZES if model.text_config.get(key) is not None
        },
        "vocabulary": f"{n_rows:,} rows, {known}, head {'tied' if model.is_tied else 'untied'}",
    }

"""Vocabularies: which row of one model's embedding belongs to which row of another's.

in:  tokenizer files (tokenizer.json, or vocab.json with added_tokens.json) of two checkpoints
out: per output row the row of the other model, or -1
not covered: what is computed with the rows (methods.py)

The output keeps the vision-language model's rows, padding and tokenizer. Where both models give the
same numbers to the same tokens in equally many rows, the embedding merges like any other tensor.
Otherwise rows are matched by token; a row whose token some model lacks stays the VLM's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viscodex.errors import BadCheckpoint, MergeRefused
from viscodex.merge.checkpoint import read_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the vocabulary rows of the sources map onto the output's."""

    rows: dict[str, Rows] | None  # label -> (V_out,) source row or -1; None: number by number
    counts: dict[str, int]  # rows of the output by where they come from
    notice: str = ""


def read_tokens(path: Path) -> dict[str, int] | None:
    """Token -> number, of a checkpoint directory; None where it has no tokenizer that we read.

    Raises:
        BadCheckpoint: tokenizer files that are not of their format.
    """
    file = path / "tokenizer.json"
    try:
        if file.exists():
            return _from_tokenizer_json(read_json(file))
        file = path / "vocab.json"
        if not file.exists():
            return None
        tokens = dict(read_json(file))
        file = path / "added_tokens.json"
        if file.exists():
            tokens.update(read_json(file))
        file = path / "tokenizer_config.json"
        if file.exists():
            added = read_json(file).get("added_tokens_decoder") or {}
            tokens.update({entry["content"]: int(number) for number, entry in added.items()})
        return _checked(tokens)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BadCheckpoint(
            "a tokenizer file is not of its format", f"{file}: {error}", "Fetch the file again."
        ) from error


def _from_tokenizer_json(data: Any) -> dict[str, int]:
    vocab = data["model"]["vocab"]
    if isinstance(vocab, list):  # Unigram: [[token, score], ...]
        vocab = {token: number for number, (token, _) in enumerate(vocab)}
    tokens = dict(vocab)
    tokens.update({entry["content"]: entry["id"] for entry in data.get("added_tokens") or ()})
    return _checked(tokens)


def _checked(tokens: dict[Any, Any]) -> dict[str, int]:
    for token, number in tokens.items():
        if type(token) is not str or type(number) is not int or number < 0:
            raise ValueError(f"not a token and its number: {json.dumps([token, number])[:80]}")
    return tokens


def align(
    vlm: Path, n_rows: int, others: Sequence[tuple[str, Path, int]], target: str = "vlm"
) -> Alignment:
    """Match the vocabulary rows of other models to the output's.

    Args:
        vlm: directory of the model to write; its rows and padding are the output's.
        n_rows: rows of its embedding.
        others: (label, directory, rows of its embedding) of every other source.
        target: label of the model to write.

    Raises:
        MergeRefused: different numbers of rows, and no tokenizer to match them by.
    """
    tokens = read_tokens(vlm)
    tables = {label: read_tokens(path) for label, path, _ in others}
    unknown = [label for label, table in tables.items() if table is None]
    if tokens is None or unknown:
        other_sizes = {label: rows for label, _, rows in others if rows != n_rows}
        where = "the " + " and ".join([target] * (tokens is None) + unknown)
        if other_sizes:
            raise MergeRefused(
                "the vocabularies differ in size and there is no tokenizer to match them by",
                f"{target}: {n_rows} rows; "
                + ", ".join(f"{label}: {rows} rows" for label, rows in other_sizes.items())
                + f"\nno tokenizer.json or vocab.json in {where}",
                "Put the tokenizer files of each model beside its weights.",
            )
        notice = f"vocabulary rows matched number by number: no tokenizer files in {where}"
        return Alignment(None, {"merged": n_rows}, notice)
    if all(rows == n_rows and tables[label] == tokens for label, _, rows in others):
        return Alignment(None, {"merged": n_rows})
    return _by_token(tokens, n_rows, others, tables, target)


def _by_token(
    tokens: dict[str, int],
    n_rows: int,
    others: Sequence[tuple[str, Path, int]],
    tables: dict[str, dict[str, int] | None],
    target: str,
) -> Alignment:
    import numpy as np

    rows: dict[str, Rows] = {}
    for label, _, other_rows in others:
        table = tables[label] or {}
        found = np.full(n_rows, -1, dtype=np.int64)
        for token, number in tokens.items():
            other = table.get(token, -1)
            if number < n_rows and other < other_rows:
                found[number] = other
        rows[label] = found
    shared = np.all([found >= 0 for found in rows.values()], axis=0)
    numbered = np.zeros(n_rows, dtype=bool)
    numbered[[number for number in tokens.values() if number < n_rows]] = True
    counts = {
        "merged": int(shared.sum()),
        f"{target}_only_tokens": int((numbered & ~shared).sum()),
        f"{target}_padding": int((~numbered).sum()),
    }
    for label, _, other_rows in others:
        used = len(np.unique(rows[label][shared]))
        counts[f"{label}_rows_dropped"] = other_rows - used
    for found in rows.values():
        found[~shared] = -1
    return Alignment(rows, counts)

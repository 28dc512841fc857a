"""How likely a local model finds a text: what perplexity is made of.

in:  a LocalModel, texts
out: the sum of log-probabilities and the number of tokens, text by text
not covered: which texts (tasks/retention.py); models behind endpoints, which do not tell
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from viscodex.errors import BadInput
from viscodex.models.local import LocalModel


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of one text, given its first token."""

    log_probability: float  # natural logarithm, summed over tokens
    n_tokens: int
    n_bytes: int


def likelihoods(model: LocalModel, texts: Iterable[str]) -> Iterator[Likelihood]:
    """The likelihood of each text by itself, without a chat template, in float32.

    Raises:
        BadInput: the model is closed.
    """
    for text in texts:
        ids = model.encoder.tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) < 2:
            yield Likelihood(0.0, 0, len(text.encode()))
            continue
        logits = _logits(model, ids)  # (T, V)
        targets = torch.tensor(ids[1:], device=logits.device)  # (T - 1,)
        loss = torch.nn.functional.cross_entropy(logits[:-1].float(), targets, reduction="sum")
        yield Likelihood(-float(loss), len(ids) - 1, len(text.encode()))


def _logits(model: LocalModel, ids: list[int]) -> torch.Tensor:
    with model._lock, torch.inference_mode():
        if model._model is None:
            raise BadInput("the model is closed", model.name, "Open it again.")
        inputs = torch.tensor([ids], device=model.device)  # (1, T)
        logits: torch.Tensor = model._model(input_ids=inputs).logits[0]
        return logits


def perplexity(found: Iterable[Likelihood]) -> dict[str, float]:
    """Per token, and bits per byte, which two tokenizers can be compared in."""
    each = list(found)
    total = -math.fsum(one.log_probability for one in each)
    n_tokens, n_bytes = sum(o.n_tokens for o in each), sum(o.n_bytes for o in each)
    return {
        "perplexity": math.exp(min(total / max(1, n_tokens), 700)),
        "bits_per_byte": total / math.log(2) / max(1, n_bytes),
        "n_texts": len(each),
        "n_tokens": n_tokens,
    }

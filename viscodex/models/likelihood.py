"""How likely a local model finds a text, or an answer: what perplexity and losses are made of.

in:  a LocalModel; texts, or samples with pictures
out: the sum of log-probabilities and the number of tokens, text by text; the loss of each answer
not covered: which texts (tasks/retention.py); models behind endpoints, which do not tell
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from viscodex.errors import BadInput
from viscodex.models.inputs import Encoded
from viscodex.models.local import LocalModel
from viscodex.models.model import Prompt
from viscodex.types import Sample


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


class AnswerLosses:
    """The loss of answers under the weights that a model has now; rows are encoded once.

    Args:
        batch: answers at once.
        max_tokens: of an answer; what is longer is cut.
    """

    def __init__(self, model: LocalModel, *, batch: int = 8, max_tokens: int = 4096) -> None:
        self._model, self._batch, self._max_tokens = model, batch, max_tokens
        self._encoded: dict[str, tuple[Encoded, int] | None] = {}

    def of(self, samples: Sequence[Sample]) -> list[float | None]:
        """Mean negative log-likelihood of each answer's tokens, its end token included; nats a token.

        None for a sample that the model cannot take.
        """
        found: list[float | None] = [None] * len(samples)
        rows = [(n, one) for n, sample in enumerate(samples) if (one := self._encode(sample))]
        rows.sort(key=lambda row: len(row[1][0].ids))
        for start in range(0, len(rows), self._batch):
            batch = rows[start : start + self._batch]
            losses = self._losses([one for _, one in batch])
            for (n, _), loss in zip(batch, losses, strict=True):
                found[n] = loss
        return found

    def _encode(self, sample: Sample) -> tuple[Encoded, int] | None:
        """Prompt and answer as one row, and the answer's tokens; None where it is refused."""
        if sample.id not in self._encoded:
            encoder = self._model.encoder
            try:
                asked = encoder.encode(Prompt(sample.messages[:-1], sample.images, sample.id))
            except BadInput:
                self._encoded[sample.id] = None
                return None
            said = encoder.tokenizer.encode(sample.answer, add_special_tokens=False)
            said = [*said, encoder.eos_ids[0]][: self._max_tokens]
            row = Encoded([*asked.ids, *said], asked.patches, asked.grids)
            self._encoded[sample.id] = (row, len(said))
        return self._encoded[sample.id]

    def _losses(self, rows: Sequence[tuple[Encoded, int]]) -> list[float]:
        model = self._model
        inputs = model.encoder.batch([row for row, _ in rows], model.device)
        longest = max(n for _, n in rows)
        with torch.inference_mode():
            logits = model._model(**inputs, logits_to_keep=longest + 1).logits  # (B, K, V)
            log_p = torch.log_softmax(logits[:, :-1].float(), dim=-1)  # (B, K - 1, V)
        targets = inputs["input_ids"][:, -longest:]  # (B, K - 1); rows are padded on the left
        picked = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, K - 1)
        return [-float(row[-n:].mean()) for row, (_, n) in zip(picked, rows, strict=True)]

"""How tokens are chosen: greedy or drawn, each row by its own random numbers; texts that end a row.

in:  logits of a step, the Decoding, a seed for each row
out: logits whose largest is the choice; probabilities of what was chosen; which rows are done
not covered: running the model (local.py)

A draw is the largest of the logits plus Gumbel noise (Gumbel-max trick; Maddison et al. 2014, sec. 2),
with a generator for each row. So an answer does not depend on what else is in its batch.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria

from viscodex.models.model import Decoding

TAIL = 24  # tokens at the end of a row in which a text that ends it is looked for


class Chooser(LogitsProcessor):  # type: ignore[misc]
    """Temperature, top_p and noise; keeps the probability of every choice.

    Args:
        decoding: temperature and top_p.
        seeds: of each row.
        eos_ids: tokens that end a row; what follows them is padding and does not count.
    """

    def __init__(self, decoding: Decoding, seeds: Sequence[int], eos_ids: Sequence[int]) -> None:
        self.temperature, self.top_p = decoding.temperature, decoding.top_p
        self._noise = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._eos = eos_ids
        n = len(seeds)
        self._log_sum, self._counts = torch.zeros(n), torch.zeros(n)
        self._open = torch.ones(n, dtype=torch.bool)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (B, V) whose largest is the choice."""
        logs = torch.log_softmax(scores.float(), -1)  # (B, V)
        chosen = logs if self.temperature == 0 else self._drawn(logs)
        best = chosen.argmax(-1)  # (B,)
        said = logs.gather(-1, best[:, None])[:, 0].cpu()
        self._log_sum += torch.where(self._open, said, 0.0)
        self._counts += self._open
        ended = torch.isin(best.cpu(), torch.tensor(self._eos))
        self._open &= ~ended
        return chosen

    def _drawn(self, logs: torch.Tensor) -> torch.Tensor:
        warm = torch.log_softmax(logs / self.temperature, -1)
        if self.top_p < 1:
            warm = _nucleus(warm, self.top_p)
        size = warm.shape[-1]
        even = torch.stack([torch.rand(size, generator=g) for g in self._noise])  # (B, V)
        tiny = torch.finfo(torch.float32).tiny
        gumbel = -(-even.clamp_min(tiny).log()).clamp_min(tiny).log()
        return warm + gumbel.to(warm.device)

    def probability(self, row: int) -> float | None:
        """Geometric mean of the probabilities of a row's tokens; None where it has none."""
        n = float(self._counts[row])
        return float((self._log_sum[row] / n).exp()) if n else None


def _nucleus(logs: torch.Tensor, top_p: float) -> torch.Tensor:
    """The fewest tokens whose probabilities sum to top_p; others are impossible."""
    ordered, order = logs.sort(-1, descending=True)
    before = ordered.exp().cumsum(-1) - ordered.exp()
    return logs.masked_fill((before >= top_p).scatter(-1, order, before >= top_p), -torch.inf)


class Ends(StoppingCriteria):  # type: ignore[misc]
    """A row is done when one of some texts stands in it; all are, when nobody wants them any more.

    Args:
        tokenizer: that makes texts of the ids.
        start: tokens of the prompt, which do not count.
        texts: that end a row.
        cancelled: set by who no longer wants an answer.
    """

    def __init__(
        self, tokenizer: Any, start: int, texts: Sequence[str], cancelled: threading.Event
    ) -> None:
        self._tokenizer, self._start, self._texts = tokenizer, start, tuple(texts)
        self._cancelled = cancelled
        self._tail = TAIL + max((len(text) for text in texts), default=0)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Which rows are done (B,)."""
        n = input_ids.shape[0]
        if self._cancelled.is_set():
            return torch.ones(n, dtype=torch.bool, device=input_ids.device)
        if not self._texts:
            return torch.zeros(n, dtype=torch.bool, device=input_ids.device)
        tails = input_ids[:, max(self._start, input_ids.shape[1] - self._tail) :].tolist()
        done = [any(text in self._tokenizer.decode(tail) for text in self._texts) for tail in tails]
        return torch.tensor(done, device=input_ids.device)

"""One answer in pieces, as it is written.

in:  the tokens that `generate` puts in, from another thread
out: pieces of text: whole characters, without the texts that end an answer
not covered: writing it (local.py)
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence

import torch

from viscodex.models.inputs import Encoder


class Pieces:
    """What generate puts tokens into; texts come out of it, whole characters only."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._ids: list[int] = []
        self._said = 0
        self._is_prompt = True
        self.texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def put(self, value: torch.Tensor) -> None:
        """The prompt first, then a token a step."""
        if self._is_prompt:
            self._is_prompt = False
            return
        self._ids += [t for t in value.flatten().tolist() if t not in self._encoder.eos_ids]
        self._say(is_last=False)

    def end(self) -> None:
        """Called by generate, and again by us where it broke off."""
        self._say(is_last=True)
        self.texts.put(None)

    def _say(self, *, is_last: bool) -> None:
        text = self._encoder.tokenizer.decode(self._ids, skip_special_tokens=True)
        if len(text) > self._said and (is_last or not text.endswith("\ufffd")):
            self.texts.put(text[self._said :])
            self._said = len(text)


def until(pieces: Pieces, stops: Sequence[str]) -> Iterator[str]:
    """The pieces up to one of some texts; what might be the beginning of one is held back."""
    held = ""
    while (piece := pieces.texts.get()) is not None:
        held += piece
        cut = min((at for stop in stops if (at := held.find(stop)) >= 0), default=None)
        if cut is not None:
            if cut:
                yield held[:cut]
            return
        keep = max(
            (k for stop in stops for k in range(1, len(stop)) if held.endswith(stop[:k])), default=0
        )
        if len(held) > keep:
            yield held[: len(held) - keep]
            held = held[len(held) - keep :]
    if held:
        yield held

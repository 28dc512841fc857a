"""What a run may take: time, tokens, money; it stops before it would pass them.

in:  limits, what was taken already, the prompts that are about to be asked
out: leave to ask, or the reason why there is none
not covered: asking (asking.py); the judge has a budget of its own (tasks/judge_cost.py)

What requests under way may take at most is set aside first, so that tokens and money are never passed;
time is looked at when a request begins.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio

from viscodex.errors import BadRecipe, RunStopped
from viscodex.models.model import Decoding, Prompt
from viscodex.tasks.judge_cost import MILLION, Estimate, Price, Purse, picture_tokens
from viscodex.types import Completion

_OVERHEAD = 20  # tokens of a request beside its texts and pictures
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a whole run, earlier sessions included; time of this session alone. None is no limit."""

    seconds: float | None = None
    tokens: int | None = None  # of prompts and answers
    cost: float | None = None  # in the currency of the price
    price: Price | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            BadRecipe: a limit on money without a price.
        """
        if self.cost is not None and self.price is None:
            raise BadRecipe(
                "a limit on money needs a price", f"--cost-limit {self.cost:g}",
                "Say what a million tokens cost with --price IN,OUT.",
            )  # fmt: skip


@dataclass(slots=True)
class _Account:
    """One limit that tokens count against."""

    purse: Purse
    told: str  # what is reached


@dataclass(slots=True)
class Leave:
    """Leave to make one request, and what is set aside for it."""

    asked: Estimate
    aside: list[float] = field(default_factory=list)


class Budget:
    """Gives leave to ask; belongs to one event loop.

    Args:
        earlier: answers of earlier sessions, which count.
    """

    def __init__(self, limits: Limits, earlier: Iterable[Completion] = ()) -> None:
        self.limits = limits
        self.stopped = ""  # why there is no more leave
        self._until = math.inf if limits.seconds is None else time.monotonic() + limits.seconds
        self._under_way = 0
        self._accounts: list[_Account] = []
        if limits.tokens is not None:  # at a price of 1 a token
            purse = Purse(Price(MILLION, MILLION), limits.tokens)
            self._accounts.append(_Account(purse, f"the limit of {limits.tokens:,} tokens"))
        if limits.cost is not None:
            purse = Purse(limits.price, limits.cost)
            self._accounts.append(_Account(purse, f"the limit of {limits.cost:g} in money"))
        for one in earlier:
            self._book(one.prompt_tokens or 0, one.completion_tokens or 0)

    async def leave(self, prompt: Prompt, decoding: Decoding) -> Leave | None:
        """Leave for a request, at once or when others are done; None: a limit is reached."""
        asked = _estimate(prompt, decoding) if self._accounts else Estimate()
        while not self.stopped:
            if time.monotonic() >= self._until:
                self.stopped = f"the limit of {self.limits.seconds:g} s"
                break
            leave = Leave(asked)
            refused = self._set_aside(leave)
            if not refused:
                self._under_way += 1
                return leave
            if not self._under_way:
                self.stopped = refused
                break
            await anyio.sleep(_PAUSE_S)
        return None

    def settle(self, leave: Leave, completion: Completion | None) -> None:
        """Book what a request took: as estimated from above where nobody says it."""
        self._under_way -= 1
        asked = leave.asked
        tokens_in = tokens_out = 0
        if completion is not None and not completion.error:
            counts = completion.prompt_tokens, completion.completion_tokens
            tokens_in = asked.in_high if counts[0] is None else counts[0]
            tokens_out = asked.out_high if counts[1] is None else counts[1]
        for account, aside in zip(self._accounts, leave.aside, strict=True):
            account.purse.settle(aside, tokens_in, tokens_out)

    def _set_aside(self, leave: Leave) -> str:
        """What refuses; empty where nothing does."""
        for account in self._accounts:
            try:
                leave.aside.append(account.purse.set_aside(leave.asked))
            except RunStopped:
                for before, aside in zip(self._accounts, leave.aside, strict=False):
                    before.purse.settle(aside, 0, 0)
                return account.told
        return ""

    def _book(self, tokens_in: int, tokens_out: int) -> None:
        for account in self._accounts:
            account.purse.settle(0.0, tokens_in, tokens_out)


def _estimate(prompt: Prompt, decoding: Decoding) -> Estimate:
    """Tokens of a request from above: 3 bytes a token, pictures as the dearer way of counting has them."""
    size = sum(len(m.content.encode("utf-8", "replace")) for m in prompt.messages)
    pictures = sum(max(picture_tokens(picture)) for picture in prompt.images)
    high = math.ceil(size / 3) + pictures + _OVERHEAD
    return Estimate(1, 0, high, 0, decoding.max_tokens)

"""What judging costs: tokens estimated before, counted after, and a budget that stops.

in:  messages of a request, usage of a reply, prices per million tokens
out: estimates from below and above; RunStopped before the budget would be passed
not covered: asking (judge.py)
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from viscodex.errors import BadRecipe, RunStopped
from viscodex.tasks.rubrics import RUBRICS
from viscodex.tasks.task import Question

MILLION = 1_000_000
_SHORT_REPLY = 150  # tokens; the least that a rubric's reply has
_OVERHEAD = 20  # tokens of a request beside its texts and pictures


@dataclass(frozen=True, slots=True)
class Price:
    """Price of a million tokens, in the user's currency."""

    tokens_in: float
    tokens_out: float

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """What these tokens cost."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / MILLION


def read_price(text: str) -> Price:
    """The price of `IN,OUT`.

    Raises:
        BadRecipe: it is no two numbers.
    """
    try:
        tokens_in, tokens_out = (float(part) for part in text.split(","))
    except ValueError:
        tokens_in = tokens_out = math.nan
    if not (0 <= tokens_in < math.inf and 0 <= tokens_out < math.inf):
        raise BadRecipe(
            "a price is two numbers", f"--judge-price {text}",
            "Give what a million tokens cost, in and out: --judge-price 2.50,10",
        )  # fmt: skip
    return Price(tokens_in, tokens_out)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens of requests, from below and above."""

    requests: int = 0
    in_low: int = 0
    in_high: int = 0
    out_low: int = 0
    out_high: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.requests + other.requests,
            self.in_low + other.in_low,
            self.in_high + other.in_high,
            self.out_low + other.out_low,
            self.out_high + other.out_high,
        )

    def told(self, price: Price | None) -> str:
        """The estimate for a person."""
        said = (
            f"at most {self.requests:,} requests, about {self.in_low:,} to {self.in_high:,} tokens in "
            f"and {self.out_low:,} to {self.out_high:,} out"
        )
        if price is None:
            return f"{said}; no price is given"
        low, high = price.of(self.in_low, self.out_low), price.of(self.in_high, self.out_high)
        return (
            f"{said}: {low:,.2f} to {high:,.2f} at {price.tokens_in:g} in, {price.tokens_out:g} out"
        )


def estimate(question: Question) -> Estimate:
    """Tokens of one request: models count texts and pictures differently, hence two ends."""
    rubric = RUBRICS[question.rubric]
    size = len(rubric.text.encode()) + sum(len(text.encode()) for text in question.texts.values())
    low, high = math.ceil(size / 4), math.ceil(size / 3)
    for label, png in question.pictures:
        tiles, patches = picture_tokens(png)
        words = math.ceil(len(label) / 3)
        low, high = low + words + min(tiles, patches), high + words + max(tiles, patches)
    return Estimate(1, low, high + _OVERHEAD, _SHORT_REPLY, rubric.max_tokens)


def picture_tokens(png: bytes) -> tuple[int, int]:
    """(tiles of 512 pixels as OpenAI counts them, patches of 28 pixels as Qwen does)."""
    with Image.open(io.BytesIO(png)) as picture:
        width, height = picture.size
    shrink = min(1.0, 2048 / max(width, height))
    shrink = min(shrink, 768 / min(width, height))
    tiles = math.ceil(width * shrink / 512) * math.ceil(height * shrink / 512)
    patches = min(16_384, math.ceil(width / 28) * math.ceil(height / 28))
    return 85 + 170 * tiles, patches


def total(questions: Iterable[Question | None]) -> Estimate:
    """The estimate of many questions; None is not asked."""
    return sum((estimate(one) for one in questions if one is not None), Estimate())


class Purse:
    """What a run has spent and may spend; safe to use from several threads.

    What requests on their way may cost at most is set aside first, so that the budget holds with
    several of them under way.

    Args:
        price: None: tokens are counted, money is not.
        budget: of the whole run, earlier sessions included; None: no limit.
    """

    def __init__(self, price: Price | None = None, budget: float | None = None) -> None:
        if budget is not None and price is None:
            raise BadRecipe(
                "a budget needs a price", f"--judge-budget {budget:g}",
                "Say what a million tokens cost with --judge-price IN,OUT.",
            )  # fmt: skip
        self.price, self.budget = price, budget
        self.tokens_in = self.tokens_out = 0
        self._aside = 0.0
        self._lock = threading.Lock()

    @property
    def spent(self) -> float:
        """Money; 0 without a price."""
        return self.price.of(self.tokens_in, self.tokens_out) if self.price else 0.0

    def set_aside(self, asked: Estimate) -> float:
        """Money for one request.

        Raises:
            RunStopped: it might not be enough.
        """
        if self.price is None or self.budget is None:
            return 0.0
        most = self.price.of(asked.in_high, asked.out_high)
        with self._lock:
            if self.spent + self._aside + most > self.budget:
                raise RunStopped(
                    "the budget of the judge is spent",
                    f"{self.spent:.4f} of {self.budget:g} spent, {self._aside:.4f} under way; the next "
                    f"request may cost {most:.4f}",
                    "What is scored is kept. Run the same command with a higher --judge-budget.",
                )
            self._aside += most
        return most

    def settle(self, aside: float, tokens_in: int, tokens_out: int) -> None:
        """Book what a request took, and free what was set aside for it."""
        with self._lock:
            self._aside -= aside
            self.tokens_in += tokens_in
            self.tokens_out += tokens_out

"""What a build will ask of its teachers, before it asks: requests, tokens, money.

in:  a recipe and its sources
out: an estimate for each teacher, from below and above; a line of text for it
not covered: what was spent (ledger.py)

A source says by `request(index)` what it will ask for a draft. A few drafts are looked at, and the rest
is taken to be like them. From below: every draft is kept, and replies are as long as is typical. From
above: all tries are used up, and every reply is as long as it may be. Pictures that are judged are not
drawn yet; they are taken to be charts of 1000 x 750 pixels, or pages of 1280 x 1500.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from viscodex.data.teacher.ledger import Ledger, Spent
from viscodex.data.teacher.prompts import messages
from viscodex.data.teacher.settings import TeacherSettings
from viscodex.data.teacher.teacher import Request, Teacher, picture_tokens, text_bytes

if TYPE_CHECKING:
    from viscodex.data.draft import Source
    from viscodex.data.recipe import DataRecipe

LOOKED_AT = 12
"""Drafts of each source whose requests are measured."""
_PICTURE = (600, 2500)  # tokens of a picture that is judged, as models count them


@dataclass(frozen=True, slots=True)
class Estimate:
    """Requests and tokens, from below and above."""

    requests: tuple[float, float] = (0, 0)
    tokens_in: tuple[float, float] = (0, 0)
    tokens_out: tuple[float, float] = (0, 0)

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            _sum(self.requests, other.requests),
            _sum(self.tokens_in, other.tokens_in),
            _sum(self.tokens_out, other.tokens_out),
        )

    def times(self, low: float, high: float) -> Estimate:
        """Of so many drafts."""
        return Estimate(
            (self.requests[0] * low, self.requests[1] * high),
            (self.tokens_in[0] * low, self.tokens_in[1] * high),
            (self.tokens_out[0] * low, self.tokens_out[1] * high),
        )


def estimates(recipe: DataRecipe, sources: Mapping[str, Source]) -> dict[str, Estimate]:
    """The estimate of the teacher, and of the judge where the recipe has one: name -> Estimate."""
    found = {
        name: Estimate()
        for name, settings in (("teacher", recipe.teacher), ("judge", recipe.judge))
        if settings is not None
    }
    for label, source in sources.items():
        entry = recipe.sources[label]
        low, high = float(entry.n), math.ceil(entry.n * entry.tries)
        for name, one in _of_source(source):
            name = name if name in found else "teacher"
            found[name] += one.times(low, high)
    return found


def _of_source(source: Source) -> Iterator[tuple[str, Estimate]]:
    """What a draft of a source asks, on the average: (teacher or judge, estimate)."""
    teacher, request = getattr(source, "teacher", None), getattr(source, "request", None)
    if isinstance(teacher, Teacher) and request is not None:
        asked = [one for one in map(request, range(LOOKED_AT)) if one is not None]
        if asked:
            total = sum((measured(teacher, one) for one in asked), Estimate())
            yield "teacher", total.times(1 / len(asked), 1 / len(asked))
    for prompt in getattr(source, "judging", ()):
        size = len(prompt.system.encode()) + len(prompt.user.encode())
        tokens_in = (size / 4 + _PICTURE[0], size / 3 + _PICTURE[1])
        tokens_out = (prompt.typical_tokens, prompt.max_tokens)
        yield "judge", Estimate((1, 1), tokens_in, tokens_out)


def measured(teacher: Teacher, request: Request) -> Estimate:
    """One request: models count texts and pictures differently, hence two ends."""
    prompt = teacher.prompt(request.prompt)
    size = text_bytes(messages(prompt, request.slots))
    counts = [picture_tokens(picture) for picture in request.pictures]
    low = size / 4 + sum(min(count) for count in counts)
    high = size / 3 + sum(max(count) for count in counts)
    return Estimate((1, 1), (low, high), (prompt.typical_tokens, prompt.max_tokens))


def told(
    name: str, settings: TeacherSettings, estimate: Estimate, work: Path | None = None
) -> list[str]:
    """The estimate for a person, with what was spent already.

    Args:
        work: folder of the build.
    """
    if settings.replay is not None:
        return [f"{name}: all replies come from {settings.replay}; nothing is asked"]
    words = [
        f"{name} {settings.model}: {_range(estimate.requests)} requests, "
        f"{_range(estimate.tokens_in)} tokens in, {_range(estimate.tokens_out)} out"
    ]
    low = _money(settings, estimate, 0)
    if settings.price is not None:
        words[0] += f": {low:,.2f} to {_money(settings, estimate, 1):,.2f}"
        words[0] += "" if settings.budget is None else f" of a budget of {settings.budget:,.2f}"
    else:
        words[0] += "; no price is given"
    spent = _spent(settings, work / name if work is not None else None)
    if spent is not None and spent.requests:
        words.append(f"{name}: spent so far {spent_line(spent)}")
    if settings.budget is not None and low > settings.budget:
        words.append(f"{name}: the budget will end the build before all is made")
    least = estimate.tokens_in[0] + estimate.tokens_out[0]
    if settings.token_budget is not None and least > settings.token_budget:
        words.append(f"{name}: the budget of tokens will end the build before all is made")
    return words


def spent_line(spent: Spent) -> str:
    """What was spent, for a person."""
    money = f", {spent.money:,.4f}" if spent.money else ""
    lost = f"; {spent.open} requests have no end" if spent.open else ""
    return (
        f"{spent.requests:,} requests, {spent.replies:,} replies, {spent.tokens_in:,} tokens in, "
        f"{spent.tokens_out:,} out{money}; {spent.known:,} replies were in the cache{lost}"
    )


def _spent(settings: TeacherSettings, folder: Path | None) -> Spent | None:
    place = None if folder is None else folder / "ledger.jsonl"
    return Ledger(place, settings).spent() if place is not None and place.exists() else None


def _money(settings: TeacherSettings, estimate: Estimate, end: int) -> float:
    if settings.price is None:
        return 0.0
    return settings.price.of(round(estimate.tokens_in[end]), round(estimate.tokens_out[end]))


def _range(pair: tuple[float, float]) -> str:
    low, high = (f"{value:,.0f}" for value in pair)
    return low if low == high else f"{low} to {high}"


def _sum(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]

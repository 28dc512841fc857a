"""The form in which a trade is written down.

in:  nothing
out: Trade, Measure
not covered: the trades (trades.py, trades_more.py)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that such a company watches."""

    label: str
    low: int
    high: int
    unit: str = ""  # "$" stands before the number, "%" and "min" after it


SESSIONS = (
    "Open hours", "Guided tour", "Workshop", "Consultation", "Introduction", "Members only", "Talk",
    "Drop-in hour", "Team meeting", "Training", "By appointment", "Family hour",
)  # fmt: skip
"""What any place can offer at an hour of the week."""


@dataclass(frozen=True, slots=True)
class Trade:
    """What a kind of company talks about."""

    label: str
    firsts: str  # words, a brand's first
    seconds: tuple[str, ...]  # a brand's second
    things: str  # "we make {things}"
    audience: str  # "for {audience}"
    sections: str  # words of a navigation
    offers: tuple[tuple[str, int, int], ...]  # name, lowest and highest price
    points: tuple[tuple[str, str], ...]  # title, sentence
    lines: tuple[str, ...]  # sentences of articles
    topics: tuple[str, ...]  # titles of articles
    questions: tuple[tuple[str, str], ...]
    measures: tuple[Measure, ...]
    roles: tuple[str, ...]
    headlines: tuple[str, ...]
    sessions: tuple[str, ...] = SESSIONS  # what stands in a timetable

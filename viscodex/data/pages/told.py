"""A page with what is known about it: the notes of who drew it, checked by what the browser showed.

in:  a Draft and the PageRecord of its rendering
out: Told, which quotes only what is to be seen
not covered: what is asked (answers.py, prose.py, questions.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from viscodex.data.draft import Draft
from viscodex.data.pages.filters import reading_lines
from viscodex.data.pages.look import color_name
from viscodex.types import PageRecord


class Unseen(Exception):
    """A text that an answer wants to quote is not on the page."""


class Told:
    """A page, its notes and its texts.

    Attributes:
        parts: the notes in the order of the page: {"part": "hero", "heading": ...}.
        lines: the visible texts in reading order.
    """

    def __init__(self, draft: Draft, record: PageRecord, rng: Random) -> None:
        self.draft, self.record, self.rng = draft, record, rng
        self.parts: list[dict[str, Any]] = draft.facts.get("parts", [])
        self.colors: dict[str, str] = draft.facts.get("colors", {})
        self.lines = reading_lines(record.blocks)
        self._shown = {_key(text): text for text in self.lines}
        self._shown |= {_key(block.text): block.text for block in record.blocks}
        self._exact = {*self.lines, *(block.text for block in record.blocks)}

    def shown(self, text: str) -> str:
        """The text as it is displayed, upper case where the style makes it so.

        Raises:
            Unseen: no text of the page is this one.
        """
        plain = " ".join(text.split())
        found = plain if plain in self._exact else self._shown.get(_key(text))
        if found is None:
            raise Unseen(text)
        return found

    def only(self, text: str) -> str:
        """The displayed text of the one place where it stands.

        Raises:
            Unseen: it is not to be seen, or more than once: then it names nothing.
        """
        if sum(_key(block.text) == _key(text) for block in self.record.blocks) != 1:
            raise Unseen(text)
        return self.shown(text)

    def quoted(self, text: str) -> str:
        """The displayed text in quotes."""
        return f"“{self.shown(text)}”"

    def listed(self, texts: Iterable[str]) -> str:
        """Displayed texts in quotes: “a”, “b” and “c”."""
        return enumerate_words([self.quoted(text) for text in texts])

    def color(self, name: str) -> str:
        """Plain name of a colour of the palette, or of #rrggbb."""
        return color_name(name if name.startswith("#") else self.colors[name])

    def ground(self, tone: str) -> str:
        """Plain name of the colour of a band of this tone."""
        if tone == "gradient":
            return f"{self.color('primary')} to {self.color('accent')} gradient"
        return self.color({"plain": "background"}.get(tone, tone))

    def of(self, *names: str) -> Iterator[dict[str, Any]]:
        """The notes of these parts."""
        return (part for part in self.parts if part["part"] in names)


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


def enumerate_words(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def with_article(noun: str) -> str:
    """a bar, an orange bar."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def links(told: Told, texts: list[str]) -> str:
    """the link “a”; the links “a” and “b”."""
    return f"the {'link' if len(texts) == 1 else 'links'} {told.listed(texts)}"


_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve"


def count(n: int, noun: str, plural: str = "") -> str:
    """three cards, one card."""
    words = _NUMBERS.split(" ")
    number = words[n] if n < len(words) else str(n)
    return f"{number} {noun if n == 1 else plural or noun + 's'}"

"""The markup of Design2Code's metric: a candidate cleaned, and two copies in tell-tale colours.

in:  HTML text
out: the cleaned text; two recoloured texts; the strings to look for with their colours
not covered: rendering (execute/page.py), finding the colours in a picture (blocks.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from PIL import ImageColor

Rgb = tuple[int, int, int]

COLORED_TAGS = (
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "div", "span", "a", "b", "li", "table", "td", "th",
    "button", "footer", "header", "figcaption",
)  # fmt: skip
_LEVELS = range(10, 256, 16)
POOL: tuple[Rgb, ...] = tuple((r, g, b) for r in _LEVELS for g in _LEVELS for b in _LEVELS)
"""Colours to tell tags apart, used from the end; 4,096, so that one more tag has none."""

SHIFT = 50  # of each channel, modulo 256, in the second copy

_TAG = re.compile(r"<.*?>")
_CHUNK = 100  # characters
_REPEATS = 5  # chunks alike from which on the text is a loop
_ALIKE = 0.8
_SAME_ELEMENT = 50  # copies of one element that stay


class CannotRecolor(Exception):
    """The official code would have raised here; the page has no official score."""


def clean(html: str) -> str:
    """The candidate as the official preprocessing leaves it; idempotent.

    Text that runs in a loop is cut where the loop begins, bare text gets a body, and of elements
    with the same markup only the first 50 stay.
    """
    html = html[: _loop_start(html)]
    if not re.search(r"<html[^>]*>", html, re.IGNORECASE):
        html = f"<html><body><p>{html}</p></body></html>"
    soup = BeautifulSoup(html, "html.parser")
    seen: Counter[str] = Counter()
    for element in soup.find_all(True):
        if element.decomposed:
            continue
        text = str(element)
        seen[text] += 1
        if seen[text] > _SAME_ELEMENT:
            element.decompose()
    return str(soup)


def _loop_start(html: str) -> int | None:
    """Where a text begins to repeat itself; None where it does not.

    The limit to beat starts as the length of the text without tags while the places count tags, as
    officially: a loop late in a page of many tags stays.
    """
    text = _TAG.sub("", html)
    places: list[int] = []
    at = 0
    for character in text:
        at = html.find(character, at)
        places.append(at)
        at += 1
    best, found = len(text), None
    classes: dict[str, list[int]] = {}
    for start in range(0, len(text), _CHUNK):
        chunk = text[start : start + _CHUNK]
        first = next((known for known in classes if _are_alike(chunk, known)), None)
        if first is None:
            classes[chunk] = [start]
            continue
        members = classes[first]
        members.append(start)
        if len(members) == _REPEATS and places[members[0]] < best:
            best = found = places[members[0]]
    return found


def _are_alike(chunk: str, known: str) -> bool:
    matcher = SequenceMatcher(None, chunk, known)
    return (
        matcher.real_quick_ratio() >= _ALIKE  # bounds from above, quickly had
        and matcher.quick_ratio() >= _ALIKE
        and matcher.ratio() >= _ALIKE
    )


@dataclass(frozen=True, slots=True)
class Text:
    """A visible string and the colour that it has in the first recoloured copy."""

    text: str
    color: Rgb


@dataclass(frozen=True, slots=True)
class Recolored:
    """A page in two copies whose every listed tag has a colour of its own."""

    first: str
    second: str  # the same, each channel shifted
    texts: tuple[Text, ...]  # in document order


def recolor(html: str) -> Recolored:
    """Both recoloured copies and what to look for in them.

    Raises:
        CannotRecolor: more than 4,096 listed tags, an empty inline colour, or too deep nesting;
            the official code ends with an exception.
    """
    try:
        first, second = _colored(html, 0), _colored(html, SHIFT)
        return Recolored(first, second, tuple(_texts(first)))
    except RecursionError as error:
        raise CannotRecolor("elements are nested too deeply") from error


def _colored(html: str, shift: int) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for element in soup.find_all(True):
        _restyle(
            element,
            ("background-color",),
            ("background-color: rgba(255, 255, 255, 0.0) !important",),
        )
    pool = list(POOL)
    for element in soup.find_all(COLORED_TAGS):
        if not pool:
            raise CannotRecolor(f"more than {len(POOL)} elements with text")
        r, g, b = ((value + shift) % 256 for value in pool.pop())
        _restyle(
            element,
            ("color", "opacity"),
            (f"color: #{r:02X}{g:02X}{b:02X} !important", "opacity: 1.0 !important"),
        )
    return str(soup)


def _restyle(element: Tag, dropped: tuple[str, ...], added: tuple[str, ...]) -> None:
    raise NotImplementedError


def _texts(html: str) -> Iterator[Text]:
    body = BeautifulSoup(html, "html.parser").body
    if body is not None:
        yield from _walk(body, "#000000")


def _walk(element: Tag, color: str) -> Iterator[Text]:
    color = _own_color(element) or color
    for child in element.children:
        if isinstance(child, Tag):
            yield from _walk(child, color)
        elif isinstance(child, NavigableString) and not isinstance(child, Comment):
            text = child.strip()
            if text:
                rgb = _rgb(color)
                if rgb:
                    yield Text(text, rgb)


def _own_color(element: Tag) -> str | None:
    raise NotImplementedError


def _rgb(color: str) -> Rgb | None:
    raise NotImplementedError

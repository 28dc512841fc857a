"""The markup of Design2Code's metric: a candidate cleaned, and two copies in tell-tale colours.

in:  HTML text
out: the cleaned text; two recoloured texts; the strings to look for with their colours
not covered: rendering (execute/page.py), finding the colours in a picture (blocks.py)

The official algorithm, NoviScl/Design2Code at 7a575e4, written anew from a description.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from bs4 import BeautifulSoup, Comment, Tag
from bs4.element import NavigableString
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
    sizes = _least_sizes(soup)
    seen: Counter[str] = Counter()
    gone: set[int] = set()
    for element in soup.find_all(True):
        if id(element) in gone or sizes[id(element)] * _SAME_ELEMENT > sizes[id(soup)]:
            continue  # the latter is too large to be there so often
        text = str(element)
        seen[text] += 1
        if seen[text] > _SAME_ELEMENT:
            gone.update(map(id, element.descendants))
            element.extract()
    return str(soup)


def _least_sizes(soup: BeautifulSoup) -> dict[int, int]:
    """id of an element -> what its markup has at least, characters. Without it, cleaning thousands
    of elements in one another would take their number squared."""
    sizes: dict[int, int] = {id(soup): 0}
    for node in reversed(list(soup.descendants)):  # children before their parents
        own = len("<p>") if isinstance(node, Tag) else len(str(node))
        size = sizes[id(node)] = sizes.get(id(node), 0) + own
        sizes[id(node.parent)] = sizes.get(id(node.parent), 0) + size
    return sizes


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
        CannotRecolor: more than 4,096 listed tags or an empty inline colour; the official code ends
            with an exception. (It does for some 300 to 900 elements in one another, too; here
            their depth does not matter.)
    """
    first, second = _colored(html, 0), _colored(html, SHIFT)
    return Recolored(first, second, tuple(_texts(first)))


def _colored(html: str, shift: int) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for element in soup.find_all(True):
        _declare(element, "background-color", "rgba(255, 255, 255, 0.0)")
    pool = list(POOL)
    for element in soup.find_all(COLORED_TAGS):
        if not pool:
            raise CannotRecolor(f"more than {len(POOL)} elements with text")
        r, g, b = ((value + shift) % 256 for value in pool.pop())
        _declare(element, "color", f"#{r:02X}{g:02X}{b:02X}")
        _declare(element, "opacity", "1.0")
    return str(soup)


def _declare(element: Tag, name: str, value: str) -> None:
    """Set a property inline; whatever begins with its name goes, color-scheme for color too."""
    old = str(element.get("style", "")).split(";")
    kept = [text for text in old if text.strip() and not text.strip().startswith(name)]
    element["style"] = "; ".join([*kept, f"{name}: {value} !important"]).strip()


def _texts(html: str) -> Iterator[Text]:
    """The strings of the body, each with the colour of the nearest element that names one."""
    body = BeautifulSoup(html, "html.parser").body
    if body is None:
        return
    colors = {id(body): _own_color(body) or "#000000"}
    for node in body.descendants:
        inherited = colors[id(node.parent)]
        if isinstance(node, Tag):
            colors[id(node)] = _own_color(node) or inherited
        elif isinstance(node, NavigableString) and not isinstance(node, Comment):
            text = node.strip()
            rgb = _rgb(inherited) if text else None
            if rgb is not None:
                yield Text(text, rgb)


def _own_color(element: Tag) -> str | None:
    """The colour that an element's style attribute names, as text; None: it inherits.

    Any declaration with "color" in it counts, border-color too, the last one wins.
    """
    wanted = None
    for text in str(element.get("style", "")).split(";"):
        if "color" in text and "background-color" not in text:
            wanted = text
    if wanted is None:
        return None
    value = wanted.partition(":")[2].partition(":")[0].strip()
    if not value:
        raise CannotRecolor(f"an inline style says {wanted.strip()!r}")
    value = value.removesuffix("!important").strip()
    if value.startswith("#"):
        return value
    if found := re.fullmatch(r"rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)", value):
        r, g, b = map(int, found.groups())
        return f"#{r:02x}{g:02x}{b:02x}"
    with contextlib.suppress(ValueError):
        r, g, b = ImageColor.getrgb(value)[:3]
        return f"#{r:02x}{g:02x}{b:02x}"
    return None


def _rgb(color: str) -> Rgb | None:
    """#rrggbb as numbers; None for a short form, whose text is not looked for."""
    digits = color.removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F]{6,}", digits):
        return None
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)

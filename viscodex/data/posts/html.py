"""The HTML of a post as Markdown: code kept to the letter, pictures marked and named.

in:  the body of a question or an answer
out: Text: Markdown with a mark for each picture; the blocks of code with their languages
not covered: getting the pictures (fetch.py), whether the code runs (source.py)

markdownify converts; blocks of code go past it, so that neither escapes nor fences inside them
change a character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from viscodex.text import ALIASES

MAX_CHARACTERS = 200_000  # of a body; a post may have 30,000
MARK = "<image>"
_OPEN, _CLOSE = "\ue000", "\ue001"  # around the number of a picture until all is converted
_PRIVATE = re.compile(f"[{_OPEN}{_CLOSE}]")
_HELD = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp|bmp)\Z", re.IGNORECASE)
_NO_LANGUAGE = ("", "none", "default", "prettyprint", "override")
_HINTS = {
    "lang-py": "python", "language-py": "python", "lang-js": "javascript", "language-js": "javascript",
    "lang-cs": "c#", "lang-cpp": "c++", "lang-c": "c", "lang-rb": "ruby", "lang-sh": "bash",
}  # fmt: skip
_LOOKS: dict[str, re.Pattern[str]] = {
    "html": re.compile(
        r"<!doctype\s+html|<(?:html|body|div|table|form|ul|ol|span|input|button|section|svg|p|a|img|style)\b[^>]*>",
        re.IGNORECASE,
    ),
    "python": re.compile(
        r"^\s*(?:import \w[\w.]*(?: as \w+)?(?:, \w+)*\s*$|from [\w.]+ import |def \w+\(.*\)\s*(?:->.*)?:\s*$"
        r"|class \w+.*:\s*$|@\w[\w.]*(?:\(.*\))?\s*$|print\(|for .+ in .+:\s*$|if .+:\s*$|with .+:\s*$|>>> )"
        r"|^\w+ = (?:np|pd|plt|df|\w+)\.\w+\(|^(?:plt|ax|fig|df|np|pd)\.\w+",
        re.MULTILINE,
    ),
}  # fmt: skip
"""What code of these languages looks like where nothing says what it is."""
_OTHERS = re.compile(
    r"^\s*(?:#include|using namespace|public (?:static|class|void)|private |fn \w+|func \w+|package \w+;?$"
    r"|const \w+ = |let \w+ = |var \w+ = |function\b|<\?php|SELECT |library\()|[;{]\s*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Link:
    """A picture that a post shows."""

    url: str
    alt: str
    shown: bool  # False: only linked, as those write who may not show pictures yet
    thumbnail: str = ""  # what is shown, where it links to a larger one


@dataclass(frozen=True, slots=True)
class Code:
    """One block of code."""

    text: str
    language: str  # said, or what it looks like; empty: not known


@dataclass(frozen=True, slots=True)
class Text:
    """A post."""

    markdown: str  # with MARK where pictures[0], pictures[1], ... stand
    pictures: tuple[Link, ...]
    codes: tuple[Code, ...]


class BadText(Exception):
    """A body of which no text can be made: too long, nested too deep, with marks of its own."""


def text_of(body: str, tags: Sequence[str] = ()) -> Text:
    """A post as Markdown.

    Args:
        body: HTML, however broken.
        tags: of the question; what they say of a language decides where the code does not.

    Raises:
        BadText: with the reason.
    """
    if len(body) > MAX_CHARACTERS:
        raise BadText(f"{len(body):,} characters")
    try:
        soup = _soup(_PRIVATE.sub("\ufffd", body))
        links = _hold_pictures(soup)
        codes = tuple(_code(block, tags) for block in soup.find_all("pre"))
        markdown = _converter().convert_soup(soup)
    except RecursionError:
        raise BadText("elements nested too deep") from None
    if MARK in markdown:
        raise BadText(f"the text has {MARK} in it, which stands for pictures")
    text = _HELD.sub(MARK, markdown).strip()
    return Text(text, tuple(links), tuple(code for code in codes if code.text.strip()))


def links_of(body: str) -> tuple[Link, ...]:
    """The pictures of a post, without the rest.

    Raises:
        BadText: too long.
    """
    if len(body) > MAX_CHARACTERS:
        raise BadText(f"{len(body):,} characters")
    return tuple(_hold_pictures(_soup(body)))


def _soup(body: str) -> Any:
    from bs4 import BeautifulSoup, Comment

    soup = BeautifulSoup(f"<div>{body}</div>", "html.parser")
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for dead in soup.find_all(["script", "style", "iframe", "object", "noscript"]):
        dead.decompose()
    return soup


# --- pictures -------------------------------------------------------------------------------------


def _hold_pictures(soup: Any) -> list[Link]:
    """Put a numbered mark in place of each picture; the same picture again is left out."""
    found: dict[str, Link] = {}
    for element in soup.find_all(["img", "a"]):
        if element.parent is None or element.find_parent("pre"):
            continue
        link = _shown(element) if element.name == "img" else _linked(element)
        if link is None:
            if element.name == "img":
                element.decompose()
            continue
        again = link.url in found
        number = list(found).index(link.url) if again else len(found)
        found.setdefault(link.url, link)
        mark = "" if again else f"{_OPEN}{number}{_CLOSE}"
        if link.shown:
            element.replace_with(mark)
        elif not again:
            element.insert_after(f" {mark}")
    return list(found.values())


def _shown(image: Any) -> Link | None:
    url = _address(image.get("src"))
    if not url:
        return None
    around = image.find_parent("a")
    larger = _address(around.get("href")) if around is not None else ""
    if around is not None and larger != url and _PICTURE.search(urlsplit(larger).path):
        link = Link(larger, image.get("alt") or "", True, url)
    else:
        link = Link(url, image.get("alt") or "", True)
    if around is not None:
        around.unwrap()
    return link


def _linked(anchor: Any) -> Link | None:
    """A link to a picture that no picture stands for."""
    url = _address(anchor.get("href"))
    if not url or anchor.find("img") or not _PICTURE.search(urlsplit(url).path):
        return None
    link = Link(url, anchor.get_text(" ", strip=True), False)
    if anchor.get_text(strip=True) == url:
        anchor.string = "picture"
    del anchor["href"]
    return link


def _address(given: object) -> str:
    """An absolute address of the web; empty for all others."""
    if not isinstance(given, str) or len(given) > 2_000:
        return ""
    url = given.strip()
    url = f"https:{url}" if url.startswith("//") else url
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme.lower() in ("http", "https") and parts.hostname else ""


# --- code -----------------------------------------------------------------------------------------


def _code(block: Any, tags: Sequence[str]) -> Code:
    text = block.get_text().replace("\r\n", "\n").strip("\n")
    return Code(text, _said(block) or looks_like(text, tags))


def _said(block: Any) -> str:
    """The language that a class of the block or of its code names; empty: none."""
    classes: list[str] = []
    for element in (block, block.find("code")):
        given = element.get("class") if element is not None else None
        classes += given if isinstance(given, list) else str(given or "").split()
    for name in (name.lower() for name in classes):
        if name in _HINTS:
            return _HINTS[name]
        if name.startswith(("lang-", "language-")):
            word = name.split("-", 1)[1]
            if word not in _NO_LANGUAGE:
                known = (language for language, words in ALIASES.items() if word in words)
                return next(known, word)
    return ""


def looks_like(code: str, tags: Sequence[str] = ()) -> str:
    """python or html, where code looks like it; empty: neither.

    Code that looks like both, or only a little, is what the tags of its question say.
    """
    told = {
        "python": any(tag.startswith(("python", "pandas", "numpy", "matplotlib", "django")) for tag in tags),
        "html": any(tag in ("html", "css", "html5", "svg", "bootstrap") for tag in tags),
    }  # fmt: skip
    hits = {name: len(pattern.findall(code)) for name, pattern in _LOOKS.items()}
    if code.lstrip().startswith("<"):
        return "html" if hits["html"] else ""
    if _OTHERS.search(code) and not told["python"]:
        return ""
    if hits["python"] and (told["python"] or hits["python"] >= 2):
        return "python"
    return "html" if told["html"] and hits["html"] >= 2 and not hits["python"] else ""


def fence(code: str, language: str) -> str:
    """A block of code whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    mark = "`" * (longest + 1)
    return f"{mark}{language}\n{code}\n{mark}"


def _converter() -> Any:
    from markdownify import MarkdownConverter

    class Converter(MarkdownConverter):
        """Blocks of code as they are."""

        def convert_pre(self, el: Any, text: str, parent_tags: Any) -> str:
            code = _code(el, ())
            return f"\n\n{fence(code.text, code.language)}\n\n" if code.text.strip() else ""

    return Converter(
        heading_style="ATX",
        bullets="-",
        escape_underscores=False,
        escape_asterisks=False,
        escape_misc=False,
    )

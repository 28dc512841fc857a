"""The items of Design2Code as they are published.

in:  a folder, zip or tar of N.html with N.png (and rick.jpg); or parquet with image and text columns
out: a Benchmark
not covered: scores (task.py); fetching anything
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from bs4 import BeautifulSoup, Comment

from viscodex.errors import BadDataset
from viscodex.tasks.archive import Tree, is_table, picture_of, read_rows
from viscodex.tasks.task import Benchmark, Item, Picture
from viscodex.types import Message

Prompt = Literal["direct", "text_augmented"]

PLACEHOLDER = "rick.jpg"
_STEPS = (
    "Fetch Design2Code (484 pages; SALT-NLP/Design2Code or -hf) or Design2Code-HARD (80 pages) from\n"
    "its data set page, and give the folder, archive or parquet file."
)
_SYSTEM = "You write web pages: HTML with CSS."
_RULES = (
    f"Write one HTML file with all CSS inside it. Use {PLACEHOLDER} for every picture, also where the "
    "screenshot shows a plain blue box. Load nothing else and use no JavaScript. Take care of the "
    "sizes, texts, positions, colours and the layout of all elements. Answer with the file alone."
)
"""Our wording of what the paper asks; the hash of the prompts stands in every report."""
_DIRECT = f"<image>\nYou are an expert web developer. This is a screenshot of a web page. {_RULES}"
_TEXT_AUGMENTED = (
    "<image>\nYou are an expert web developer. This is a screenshot of a web page, and these are "
    "all the texts of that page:\n\n{texts}\n\nPut each text in its right place. " + _RULES
)
_SELF_REVISION = (
    "<image>\n<image>\nYou are an expert web developer. The first picture is a screenshot of a web "
    "page; the second shows how this attempt at it looks:\n\n```html\n{attempt}\n```\n\nThe texts of the page "
    "are:\n\n{texts}\n\nFind what differs and write the corrected page. " + _RULES
)


@dataclass(frozen=True, slots=True)
class PageItem:
    """What scoring needs of an item."""

    reference: str  # HTML
    files: dict[str, bytes]  # what both pages may load


def read_design2code(place: Path, prompt: Prompt = "direct") -> Benchmark:
    """All pages of a folder, archive or table.

    Raises:
        BadDataset: nothing is there.
    """
    if not place.exists():
        raise BadDataset("there is no such folder or file", str(place), _STEPS)
    rick: bytes | None = None
    if place.is_file() and is_table(place.name):
        found = list(_from_rows(place))
        beside = place.with_name(PLACEHOLDER)
        rick = beside.read_bytes() if beside.is_file() else None
    else:
        tree = Tree(place)
        found = list(_from_tree(tree))
        tables = [] if found else [name for name in tree.names if name.endswith(".parquet")]
        found += [page for name in tables for page in _from_rows(place / name)]
        name = tree.find(PLACEHOLDER)
        rick = tree.read(name) if name else None
    files = {} if rick is None else {PLACEHOLDER: rick}
    if not found:
        raise BadDataset("there are no pages in it", str(place), _STEPS)
    told = hashlib.sha256()
    for name, html, _ in found:
        told.update(f"{name}\0{html}\0".encode("utf-8", "replace"))
    items = tuple(_item(name, html, picture, files, prompt) for name, html, picture in found)
    notes = () if files else (f"no {PLACEHOLDER} beside the pages: a plain grey one stands for it",)
    return Benchmark("design2code", items, str(place), told.hexdigest(), notes, {"prompt": prompt})


Found = tuple[str, str, Picture | None]


def _from_tree(tree: Tree) -> Iterator[Found]:
    by_name = {PurePosixPath(name).name: name for name in tree.names}
    pages = [name for name in tree.names if re.search(r"\.html?$", name)]
    for name in sorted(pages, key=_natural):
        stem = PurePosixPath(name).stem
        picture = by_name.get(f"{stem}.png")
        yield stem, _text(tree.read(name)), tree.picture(picture) if picture else None


def _natural(name: str) -> tuple[int, str]:
    digits = re.search(r"\d+", PurePosixPath(name).stem)
    return int(digits[0]) if digits else -1, name


def _from_rows(file: Path) -> Iterator[Found]:
    for n, row in enumerate(read_rows(file.name, file.read_bytes())):
        html = row.get("text") or row.get("html")
        if not isinstance(html, str):
            raise BadDataset("a row has no page", f"{file}: row {n + 1}: {', '.join(row)}", _STEPS)
        name = str(row.get("id", row.get("index", n)))
        yield name, html, picture_of(row.get("image"))


def _text(data: bytes) -> str:
    """As Python opens a text file: line ends become one character."""
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def visible_texts(html: str) -> list[str]:
    """The strings of a page in document order, for the prompts that give them."""
    soup = BeautifulSoup(html, "html.parser")
    hidden = ("script", "style", "head", "template")
    return [
        " ".join(text.split())
        for text in soup.find_all(string=True)
        if text.strip() and not isinstance(text, Comment) and not text.find_parent(hidden)
    ]


def _item(
    name: str, html: str, picture: Picture | None, files: dict[str, bytes], prompt: Prompt
) -> Item:
    asked = _DIRECT
    if prompt == "text_augmented":
        asked = _TEXT_AUGMENTED.replace("{texts}", "\n".join(visible_texts(html)))
    return Item(
        id=name,
        prompt=(Message("system", _SYSTEM), Message("user", asked)),
        images=(picture,) if picture else (),
        data=PageItem(html, files),
    )


def revision_prompt(item: Item, attempt: str) -> tuple[Message, ...]:
    """The question of self-revision: the reference's picture, then that of the attempt."""
    texts = "\n".join(visible_texts(item.data.reference))
    asked = _SELF_REVISION.replace("{attempt}", attempt).replace("{texts}", texts)
    return Message("system", _SYSTEM), Message("user", asked)

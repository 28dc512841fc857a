"""What is said of a page is true: checked against what the browser showed and against the picture."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from viscodex.data.draft import Draft, Evidence, Machine
from viscodex.data.pages import PageSource
from viscodex.data.pages.answers import INVERSE_TASKS, markdown_table
from viscodex.data.pages.kinds import KINDS
from viscodex.data.pages.look import color_name
from viscodex.data.pages.questions import ask
from viscodex.data.pages.source import ground_of
from viscodex.data.pages.told import Told, Unseen, count, enumerate_words
from viscodex.types import PageRecord

Page = tuple[Draft, Evidence]


@pytest.fixture(scope="module")
def pages() -> dict[str, list[Page]]:
    """Two pages of every kind, rendered once."""
    rendered: dict[str, list[Page]] = {}
    with Machine() as machine:
        for kind in KINDS:
            for i, difficulty in enumerate((0.15, 0.85)):
                span = (difficulty, difficulty)
                source = PageSource(seed=21, kinds={kind: 1}, difficulty=span)
                draft = source.draft(i)
                rendered.setdefault(kind, []).append((draft, source.execute(draft, machine)))
    return rendered


def _told(page: Page, seed: int = 0) -> Told:
    record = page[1].executions[0].page
    assert record is not None
    return Told(page[0], record, Random(seed))


def _texts(record: PageRecord) -> str:
    return "\n".join(" ".join(block.text.split()) for block in record.blocks)


def _each(pages: dict[str, list[Page]]) -> Iterator[Page]:
    for rows in pages.values():
        yield from rows


def test_every_page_can_be_described_and_asked_about(pages: dict[str, list[Page]]) -> None:
    for page in _each(pages):
        told = _told(page)
        description = INVERSE_TASKS["describe"](told)
        assert description is not None, page[0].kind
        assert len(description[1]) > 80
        assert ask(told) is not None, page[0].kind


def test_every_part_is_mentioned_in_the_description(pages: dict[str, list[Page]]) -> None:
    """No part of a page is left out because a text of it was noted wrongly."""
    from viscodex.data.pages import prose

    for page in _each(pages):
        told = _told(page)
        for note in told.parts:
            assert note["part"] in prose._PARTS, note["part"]
            assert prose._PARTS[note["part"]](told, note), (page[0].kind, note)


def test_quotes_in_descriptions_and_answers_are_on_the_page(pages: dict[str, list[Page]]) -> None:
    for page in _each(pages):
        record = page[1].executions[0].page
        assert record is not None
        texts = _texts(record)
        for seed in range(6):
            told = _told(page, seed)
            for task in ("describe", "question"):
                pair = INVERSE_TASKS[task](told)
                assert pair is not None
                said = pair[1] if task == "describe" else "\n".join(pair)
                for quote in re.findall(r"“([^“”]+)”", said):
                    joined = any(quote in line for line in told.lines)
                    assert quote in texts or joined, (page[0].kind, task, quote)


def test_tables_hold_only_cells_of_the_page_row_by_row(pages: dict[str, list[Page]]) -> None:
    told_of = 0
    for page in _each(pages):
        record = page[1].executions[0].page
        assert record is not None
        texts = {" ".join(block.text.split()) for block in record.blocks}
        pair = INVERSE_TASKS["table"](_told(page))
        if pair is None:
            continue
        told_of += 1
        lines = [line[2:-2].split(" | ") for line in pair[1].splitlines()]
        assert len({len(line) for line in lines}) == 1
        for line in lines[2:]:
            cells = [cell.strip() for cell in line]
            assert {cell for cell in cells if cell} <= texts
    assert told_of >= 18


def test_the_texts_are_all_texts_in_order(pages: dict[str, list[Page]]) -> None:
    for page in _each(pages):
        record = page[1].executions[0].page
        assert record is not None
        pair = INVERSE_TASKS["ocr"](_told(page))
        if "<select" in page[0].code:
            assert pair is None  # what a select shows is not recorded
            continue
        assert pair is not None
        squeezed = re.sub(r"\s", "", pair[1])
        assert squeezed == re.sub(r"\s", "", "".join(block.text for block in record.blocks))


class Counter(HTMLParser):
    """How many elements of each name there are, and links within nav."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.depth = 0
        self.links = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.depth += tag == "nav"
        self.links += tag == "a" and self.depth == 1 and self.names.count("nav") == 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "nav"


def _counted(code: str) -> Counter:
    counter = Counter()
    counter.feed(code)
    return counter


def _answers(page: Page, question: str) -> set[str]:
    """All answers that are given to a question, over many draws."""
    found = set()
    for seed in range(150):
        pair = ask(_told(page, seed))
        if pair is not None and question in pair[0]:
            found.add(pair[1])
    return found


def test_numbers_in_answers_are_those_of_the_markup(pages: dict[str, list[Page]]) -> None:
    checked = 0
    for kind, question, element in (
        ("gallery", "How many pictures", "figure"),
        ("table", "How many rows", "tr"),
        ("inbox", "How many links does the navigation", "nav"),
        ("message", "How many links does the navigation", "nav"),
    ):
        for page in pages[kind]:
            counter = _counted(page[0].code)
            wanted = counter.links if element == "nav" else counter.names.count(element)
            wanted -= element == "tr"
            for answer in _answers(page, question):
                number = answer.lower().split()[0]
                assert number in {str(wanted), count(wanted, "x").split()[0]}
                checked += 1
    assert checked >= 4


def test_prices_and_extremes_are_right(pages: dict[str, list[Page]]) -> None:
    page = pages["shop"][1]
    (goods,) = _told(page).of("goods")
    prices = {name: float(re.sub(r"[$,]", "", price)) for name, price in goods["items"]}
    shown = dict(goods["items"])
    for seed in range(300):
        pair = ask(_told(page, seed))
        assert pair is not None
        if found := re.fullmatch(r"What does “(.+)” cost\?", pair[0]):
            assert pair[1] == f"{shown[found[1]]}."
        if "cheapest" in pair[0] or "most expensive" in pair[0]:
            pick: Any = min if "cheapest" in pair[0] else max
            name = pick(prices, key=prices.__getitem__)
            assert pair[1] == f"“{name}”, at {shown[name]}."


def _grounds(page: Page, text: str, pixels: np.ndarray[Any, Any]) -> set[str]:
    """Names of the colours behind the places where a text stands."""
    record = page[1].executions[0].page
    assert record is not None
    blocks = [block for block in record.blocks if block.text.casefold() == text.casefold()]
    found = [ground_of(block, pixels) for block in blocks]
    return {color_name("#{:02x}{:02x}{:02x}".format(*ground)) for ground in found if ground}


def test_colours_that_are_named_are_those_of_the_picture(pages: dict[str, list[Page]]) -> None:
    """What the notes say of buttons, bars and bands is what the browser painted behind texts."""
    checked = dict.fromkeys(("button", "navigation", "footer", "hero", "call", "stats"), 0)
    for page in _each(pages):
        with Image.open(io.BytesIO(page[1].images[0])) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        told = _told(page)
        for note in told.parts:
            part = note["part"]
            texts = note.get("buttons") or [note.get("button", "")]
            if "button_color" in note and texts[0]:
                assert color_name(note["button_color"]) in _grounds(page, texts[0], pixels), note
                checked["button"] += 1
            if part in ("navigation", "footer"):
                text = note["links"][-1] if part == "navigation" else note["text"]
                assert color_name(note["ground"]) in _grounds(page, text, pixels), note
                checked[part] += 1
            if part in ("hero", "call", "stats") and note["tone"] != "gradient":
                text = note["items"][0][1] if part == "stats" else note["heading"]
                if page[0].kind != "message":
                    assert told.ground(note["tone"]) in _grounds(page, text, pixels), note
                checked[part] += 1
    assert min(checked.values()) >= 2
    assert checked["button"] >= 20


def test_unseen_texts_are_never_quoted(pages: dict[str, list[Page]]) -> None:
    page = pages["shop"][1]
    told = _told(page)
    told.parts = [
        {"part": "goods", "items": [["No such thing", "$1"]], "columns": 1, "button": ""},
        {
            "part": "navigation",
            "brand": "Nobody",
            "links": ["x"],
            "button": "",
            "ground": "#ffffff",
        },
    ]
    with pytest.raises(Unseen):
        told.shown("No such thing")
    assert INVERSE_TASKS["describe"](told) is None
    assert INVERSE_TASKS["table"](told) is None
    assert ask(told) is None


def test_words_are_put_together_as_people_do() -> None:
    assert enumerate_words(["a"]) == "a"
    assert enumerate_words(["a", "b", "c"]) == "a, b and c"
    assert count(1, "card") == "one card"
    assert count(3, "person", "people") == "three people"
    assert count(25, "row") == "25 rows"
    assert markdown_table(["a|b"], [["1"]]) == "| a\\|b |\n| --- |\n| 1 |"

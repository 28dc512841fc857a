"""What is asked of a page's picture, and true answers: code, prose, tables, questions, texts.

in:  a Draft with notes of what is on the page, the PageRecord of what the browser showed
out: pairs of instruction and answer; None where a page has nothing to ask about
not covered: rendering (source.py)

Every text that an answer quotes is taken from the record as it is shown (upper case where the
style makes it so); parts of which a text is not to be seen are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from viscodex.data.pages.prose import describe
from viscodex.data.pages.questions import ask
from viscodex.data.pages.told import Told, Unseen

INSTRUCTIONS = (
    "Write the HTML and CSS of this web page. Use rick.jpg as the source of every picture.",
    "Turn this screenshot into a single HTML file with its CSS inside. Pictures are placeholders: use rick.jpg for each of them.",
    "You are an expert web developer. A user shows you a screenshot of a web page. Return one HTML file that reproduces "
    "it exactly, with all CSS in the same file. For every picture use \"rick.jpg\". Do not load other files and do not use JavaScript. "
    "Mind sizes, texts, positions and colours of all elements.",
    "Recreate this page in HTML. Keep the layout, texts and colours. The image source is rick.jpg.",
    "Please code this design: HTML5, self-contained, styles in a style element, rick.jpg where there is a picture.",
    "Generate the source code of the web page in the screenshot. Any images should point to rick.jpg.",
    "What HTML would produce this page? Answer with the complete document; use rick.jpg for pictures.",
    "Convert the design into a web page. Requirements: one file, no external resources except rick.jpg for images, no scripts, and as close to the picture as possible.",
    "I need this mock-up as a static page. Write the full HTML document with CSS. All pictures are called rick.jpg.",
    "Reproduce the screenshot as HTML with CSS. Grey areas are pictures; write them as <img src=\"rick.jpg\">.",
    "Build this user interface with plain HTML and CSS (placeholder pictures: rick.jpg).",
    "Implement this web page so that it looks the same in a browser window of the same width. Use rick.jpg for images.",
    "Here is a screenshot of a website. Give me the HTML file, with the CSS in it and rick.jpg for all images.",
    "Screenshot to code: return only the HTML document. Images: rick.jpg.",
)  # fmt: skip


def instruction(rng: Random) -> str:
    """One wording of: write this page."""
    return rng.choice(INSTRUCTIONS)


def read_texts(told: Told) -> tuple[str, str] | None:
    """All visible texts in reading order; none where a select shows a text that is not recorded."""
    if any(note.get("selects") for note in told.parts) or not told.lines:
        return None
    wording = told.rng.choice((
        "Read all texts of this page, in reading order, one a line.",
        "Transcribe every visible text of the screenshot from top to bottom.",
        "Which texts does this page show? List them line by line.",
        "Do an OCR of this screenshot. Keep the order in which one reads.",
    ))  # fmt: skip
    return wording, "\n".join(told.lines)


def write_table(told: Told) -> tuple[str, str] | None:
    """One of the page's tables, or goods, plans, figures and the like, as Markdown."""
    notes = list(told.of(*_TABLES))
    told.rng.shuffle(notes)
    notes.sort(key=lambda note: note["part"] != "table")  # true tables first
    for note in notes:
        what, head, rows = _TABLES[note["part"]](note)
        try:
            if sum(other["part"] == note["part"] for other in notes) > 1:
                if not note.get("title"):
                    continue
                what = f"{what} below the heading {told.quoted(note['title'])}"
            cells = [[told.shown(cell) if cell else "" for cell in row] for row in rows]
            names = [told.shown(name) for name in head] if note["part"] == "table" else head
        except Unseen:
            continue
        wording = told.rng.choice((
            f"Write {what} of this page as a Markdown table.",
            f"Read {what} in the screenshot and answer with a table in Markdown.",
            f"Turn {what} shown here into a Markdown table.",
        ))  # fmt: skip
        return wording, markdown_table(names, cells)
    return None


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; bars within cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )


_Rows = tuple[str, list[str], list[list[str]]]

_TABLES: dict[str, Callable[[dict[str, Any]], _Rows]] = {
    "table": lambda n: ("the table", n["head"], n["rows"]),
    "goods": lambda n: ("the products with their prices", ["Product", "Price"], n["items"]),
    "plans": lambda n: (
        "the plans with their prices", ["Plan", "Price"], [[p["name"], p["price"]] for p in n["items"]],
    ),
    "summary": lambda n: ("the lines of the order", ["Item", "Amount"], n["items"]),
    "tiles": lambda n: ("the figures", ["Name", "Value"], n["items"]),
    "stats": lambda n: ("the figures", ["Name", "Value"], n["items"]),
    "people": lambda n: ("the people with their roles", ["Name", "Role"], n["items"]),
    "events": lambda n: ("the list of events", ["Event", "When"], n["items"]),
    "agenda": lambda n: (
        "the programme", ["Time", "Title"], [[slot["time"], slot["title"]] for slot in n["items"]],
    ),
    "messages": lambda n: (
        "the messages", ["From", "Text", "Date"], [[m["from"], m["text"], m["date"]] for m in n["items"]],
    ),
    "questions": lambda n: ("the questions with their answers", ["Question", "Answer"], n["items"]),
}  # fmt: skip
"""Part -> what it is called, head, rows."""

INVERSE_TASKS: dict[str, Callable[[Told], tuple[str, str] | None]] = {
    "describe": describe,
    "table": write_table,
    "question": ask,
    "ocr": read_texts,
}
"""Task -> instruction and answer; None if the page does not allow it."""

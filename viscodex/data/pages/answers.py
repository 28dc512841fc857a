"""What is asked of a page's picture, and true answers: code, prose, tables, questions, texts.

in:  a Draft with notes of what is on the page, the PageRecord of what the browser showed
out: pairs of instruction and answer; None where a page has nothing to ask about
not covered: rendering (source.py)

Every text that an answer quotes is taken from the record as it is shown (upper case where the
style makes it so); parts of which a text is not to be seen are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from viscodex.data.draft import Draft
from viscodex.data.pages.filters import reading_lines
from viscodex.types import PageRecord

_INSTRUCTIONS = (
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
    return rng.choice(_INSTRUCTIONS)


class Told:
    """A page with what is known about it."""

    def __init__(self, draft: Draft, record: PageRecord, rng: Random) -> None:
        self.draft, self.record, self.rng = draft, record, rng


def read_texts(told: Told) -> tuple[str, str] | None:
    """All visible texts."""
    lines = reading_lines(told.record.blocks)
    ask = told.rng.choice((
        "Read all texts of this page, in reading order, one a line.",
        "Transcribe every visible text of the screenshot from top to bottom.",
        "Which texts does this page show? List them line by line.",
        "Do an OCR of this screenshot. Keep the order in which one reads.",
    ))  # fmt: skip
    return (ask, "\n".join(lines)) if lines else None


INVERSE_TASKS: dict[str, Callable[[Told], tuple[str, str] | None]] = {
    "ocr": read_texts,
}
"""Task -> instruction and answer; None if the page does not allow it."""

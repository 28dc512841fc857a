"""The frame of most pages: header above, footer below, as the difficulty allows.

in:  a Page and its content
out: the text of the page
not covered: what stands in header and footer (furniture.py)
"""

from __future__ import annotations

from viscodex.data.pages.furniture import footer, header, notice
from viscodex.data.pages.markup import Tag
from viscodex.data.pages.page import Page


def framed(
    page: Page, title: str, *content: Tag | list[Tag] | None, active: int | None = None
) -> str:
    """Content between header and footer, as many of them as the difficulty allows."""
    over = notice(page) if page.d > 0.35 and page.chance(0.2) else None
    body = [part for part in content if part is not None]
    bottom = footer(page) if page.d > 0.12 else None  # its ground is chosen after the last band's
    top = header(page, active) if page.d > 0.12 else None
    page.notes.sort(key=lambda note: _ORDER.get(note["part"], 1))
    return page.document(
        title, over, top, page.comment("Content"), body, page.comment("Footer"), bottom
    )


_ORDER = {"notice": 0, "navigation": 0, "footer": 2}

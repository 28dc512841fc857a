"""The kinds of pages.

in:  nothing
out: KINDS, name -> function that draws a page at its difficulty and returns its text; OLD_KINDS
not covered: how they are drawn (kinds_front.py, kinds_reading.py, kinds_work.py)
"""

from __future__ import annotations

from collections.abc import Callable

from viscodex.data.pages import kinds_front as front
from viscodex.data.pages import kinds_reading as reading
from viscodex.data.pages import kinds_work as work
from viscodex.data.pages.page import Page

KINDS: dict[str, Callable[[Page], str]] = {
    "landing": front.landing,
    "article": front.article,
    "pricing": front.pricing,
    "shop": front.shop,
    "product": front.product,
    "gallery": front.gallery,
    "profile": front.profile,
    "docs": reading.docs,
    "faq": reading.faq,
    "blog": reading.blog,
    "news": reading.news,
    "directory": reading.directory,
    "about": front.about,
    "search": reading.search,
    "message": reading.missing,
    "classic": reading.classic,
    "login": work.login,
    "contact": work.contact,
    "checkout": work.checkout,
    "survey": work.survey,
    "settings": work.settings,
    "dashboard": work.dashboard,
    "table": work.table,
    "schedule": work.schedule,
    "board": work.board,
    "invoice": work.invoice,
    "inbox": work.messages,
}
"""Kind -> how it is drawn."""

OLD_KINDS = frozenset({"classic"})
"""Kinds that look twenty years old."""

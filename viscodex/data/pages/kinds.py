"""The kinds of pages: which sections each of them puts together, from sparse to dense.

in:  a Page with its difficulty
out: KINDS, name -> function that draws the page and returns its text
not covered: the sections themselves (sections.py, furniture.py, forms.py, figures.py)
"""

from __future__ import annotations

from collections.abc import Callable

from viscodex.data.pages import sections as s
from viscodex.data.pages.furniture import breadcrumbs, footer, header, notice, side_menu
from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import (
    band,
    button,
    card,
    heading,
    photo,
    side_by_side,
    small,
)


def framed(
    page: Page, title: str, *content: Tag | list[Tag] | None, active: int | None = None
) -> str:
    """Content between header and footer, as many of them as the difficulty allows."""
    over = notice(page) if page.d > 0.35 and page.chance(0.2) else None
    top = header(page, active) if page.d > 0.12 else None
    body = [part for part in content if part is not None]
    bottom = footer(page) if page.d > 0.12 else None
    page.notes.sort(key=lambda note: _ORDER.get(note["part"], 1))
    return page.document(
        title, over, top, page.comment("Content"), body, page.comment("Footer"), bottom
    )


_ORDER = {"notice": 0, "navigation": 0, "footer": 2}


def landing(page: Page) -> str:
    """A company's front page."""
    parts: list[Tag] = [s.hero(page)]
    pool = [
        s.features,
        s.stats,
        s.testimonials,
        s.rows,
        _plans_band,
        _questions_band,
        _team_band,
        s.call,
    ]
    n = page.upto(0, 5)
    chosen = page.some(pool[:-1], n)
    if n > 1 and page.chance(0.6):
        chosen[-1] = s.call
    parts += [draw(page) for draw in chosen]
    return framed(page, f"{page.say.brand} | {page.say.trade.label}", parts)


def _plans_band(page: Page) -> Tag:
    title = page.pick(("Plans and prices", "Simple pricing", "Choose your plan"))
    page.note("heading", heading=title, text="")
    return band(page, heading(page, title), s.plans(page, 3), tone=page.pick(("plain", "soft")))


def _questions_band(page: Page) -> Tag:
    title = page.pick(("Questions and answers", "Good to know", "Frequently asked questions"))
    page.note("heading", heading=title, text="")
    return band(page, heading(page, title), s.questions(page, page.upto(2, 5)))


def _team_band(page: Page) -> Tag:
    title = page.pick(("Meet the team", "Our people", "Who we are"))
    page.note("heading", heading=title, text="")
    return band(page, heading(page, title), s.people(page, page.pick((3, 4))))


def article(page: Page) -> str:
    """A long text with a title, an author and perhaps a sidebar."""
    say = page.say
    title, author, date = say.topic(), say.person(), say.date()
    page.centered = False
    page.rule(".prose h1", f"font-size: {page.font_px(2.2)}; margin-bottom: {page.px(1.5)}")
    page.note("article", heading=title, author=author, date=date)
    line = small(page, f"By {author} · {date} · {page.rng.randint(3, 14)} min read")
    page.rule(".prose .muted", f"margin-bottom: {page.px(3)}")
    lead_photo = (
        photo(page, title, page.pick((260, 320, 360)), "lead-photo") if page.d > 0.2 else None
    )
    page.rule(".lead-photo", f"margin-bottom: {page.px(3)}")
    text = s.prose(page, page.upto(1, 9))
    last = (
        button(page, page.pick(("Subscribe", "Share this article", "All articles")))
        if page.d < 0.3
        else None
    )
    body = tag("article", tag("h1", title), line, lead_photo, text, last, cls="prose")
    if page.d > 0.4 and page.chance(0.6):
        extra = tag("aside", _aside_cards(page), cls="aside")
        inner = side_by_side(page, body, extra, (68, 32), "layout")
        return framed(page, title, s.plain_main(page, inner))
    related: Tag | None = None
    if page.d > 0.5:
        page.note("heading", heading="Related articles", text="")
        related = band(page, heading(page, "Related articles"), s.posts(page, 3, 3), tone="soft")
    crumbs = breadcrumbs(page, "Home", page.pick(("Journal", "Blog", "Stories")), title) if page.d > 0.3 and page.chance(0.5) else None  # fmt: skip
    return framed(page, title, s.narrow(page, crumbs, body), related)


def _aside_cards(page: Page) -> list[Tag]:
    say = page.say
    page.rule(".aside-card", f"margin-bottom: {page.px(3)}")
    links = [say.topic() for _ in range(page.upto(3, 5))]
    first = card(page, side_menu(page, page.pick(("Most read", "Latest", "In this series")), links, -1), name="aside-card")  # fmt: skip
    text = say.about()
    page.note("aside", heading=f"About {say.brand}", text=text)
    page.rule(".aside-card h3", f"font-size: {page.font_px(1.05)}; margin-bottom: {page.px(1)}")
    return [
        first,
        card(page, tag("h3", f"About {say.brand}"), small(page, text), name="aside-card"),
    ]


def pricing(page: Page) -> str:
    """Plans side by side, with questions below."""
    page.centered = True
    title, text = (
        page.pick(
            ("Plans for everybody", "Pricing", "Fair prices, no surprises", "Choose your plan")
        ),
        page.say.lead(),
    )
    page.note("heading", heading=title, text=text)
    top = heading(page, title, text, level=1)
    if page.d < 0.12:
        body = [band(page, top, s.plans(page, 2))]
    else:
        body = [band(page, top, s.plans(page))]
    if page.d > 0.4:
        body.append(_questions_band(page))
    if page.d > 0.7:
        body.append(s.testimonials(page))
    if page.d > 0.55 and page.chance(0.6):
        body.append(s.call(page))
    return framed(page, f"Pricing | {page.say.brand}", body)


def shop(page: Page) -> str:
    """Goods in rows, perhaps with filters at the side."""
    page.centered = False
    n, per_row = page.pick(((2, 2), (3, 3))) if page.d < 0.25 else page.pick(((4, 4), (6, 3), (8, 4), (9, 3))) if page.d > 0.5 else page.pick(((3, 3), (4, 4), (6, 3)))  # fmt: skip
    title = page.pick(("All products", "New arrivals", "Our favourites", "This season", "Shop"))
    text = f"{n} products" if page.chance(0.5) else page.say.lead()
    page.note("heading", heading=title, text=text)
    top = heading(page, title, text, level=1)
    crumbs = (
        breadcrumbs(page, "Home", "Shop", title) if page.d > 0.45 and page.chance(0.6) else None
    )
    if page.d > 0.5 and page.chance(0.5):
        menu = tag("aside", side_menu(page, "Categories", page.say.sections(5)))
        body = tag("div", top, s.goods(page, *page.pick(((6, 3), (4, 2), (9, 3)))))
        body_tag = side_by_side(page, menu, body, (22, 78), "layout")
        page.notes[-3]["text"] = ""
        return framed(
            page, f"{title} | {page.say.brand}", s.plain_main(page, crumbs, body_tag), active=0
        )
    grid = s.goods(page, n, per_row)
    extra = s.testimonials(page) if page.d > 0.75 else None
    return framed(
        page, f"{title} | {page.say.brand}", s.plain_main(page, crumbs, top, grid), extra, active=0
    )


KINDS: dict[str, Callable[[Page], str]] = {
    "landing": landing,
    "article": article,
    "pricing": pricing,
    "shop": shop,
}
"""Kind -> how it is drawn."""
OLD_KINDS: frozenset[str] = frozenset()
"""Kinds that look twenty years old."""

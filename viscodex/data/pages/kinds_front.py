"""Kinds of pages that present: front pages, articles, prices, shops, galleries, people.

in:  a Page with its difficulty
out: functions that draw the page and return its text
not covered: documents and lists (kinds_reading.py), forms and tables (kinds_work.py)
"""

from __future__ import annotations

from viscodex.data.pages import figures as f
from viscodex.data.pages import heroes
from viscodex.data.pages import sections as s
from viscodex.data.pages.frame import framed
from viscodex.data.pages.furniture import breadcrumbs, side_menu
from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import (
    avatar,
    badge,
    band,
    button,
    card,
    columns,
    heading,
    photo,
    side_by_side,
    small,
)


def landing(page: Page) -> str:
    """A company's front page."""
    parts: list[Tag] = [heroes.hero(page)]
    pool = [
        s.features,
        s.stats,
        s.testimonials,
        s.rows,
        _plans_band,
        _questions_band,
        _team_band,
        heroes.newsletter,
        heroes.steps,
        heroes.partners,
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
    return band(page, heading(page, title), s.plans(page, 3), tone=page.tone("plain", "soft"))


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
        extra = tag("aside", aside_cards(page), cls="aside")
        inner = side_by_side(page, body, extra, (68, 32), "layout")
        return framed(page, title, s.plain_main(page, inner))
    related: Tag | None = None
    if page.d > 0.5:
        page.note("heading", heading="Related articles", text="")
        related = band(page, heading(page, "Related articles"), s.posts(page, 3, 3), tone="soft")
    crumbs = breadcrumbs(page, "Home", page.pick(("Journal", "Blog", "Stories")), title) if page.d > 0.3 and page.chance(0.5) else None  # fmt: skip
    return framed(page, title, s.narrow(page, crumbs, body), related)


def aside_cards(page: Page) -> list[Tag]:
    """Boxes beside an article: what is read most, who writes."""
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


def product(page: Page) -> str:
    """One product: picture, price, text, details."""
    page.centered = False
    c, say = page.look.palette, page.say
    ((name, price),) = say.offers(1)
    text, add = say.paragraph(1, 2), page.pick(("Add to cart", "Buy now", "Add to basket"))
    page.rule(".product-info h1", f"font-size: {page.font_px(2)}; margin-bottom: {page.px(1)}")
    page.rule(
        ".product-price",
        f"font-size: {page.font_px(1.6)}; font-weight: 700; color: {c.primary}; margin-bottom: {page.px(2)}",
    )
    page.rule(".product-info p", f"margin-bottom: {page.px(2)}")
    facts = [(title, body) for title, body in say.points(page.upto(0, 4))]
    page.note("product", name=name, price=price, text=text, button=add, button_color=c.primary)
    detail = None
    if facts:
        page.rule(".facts", f"margin: {page.px(3)} 0 0 {page.px(2.5)}; padding: 0")
        page.rule(".facts li", f"margin-bottom: {page.px(0.8)}")
        detail = tag("ul", [tag("li", body) for _, body in facts], cls="facts")
        page.note("list", items=[body for _, body in facts])
    mark = (
        badge(page, page.pick(("In stock", "New", "Only a few left"))) if page.chance(0.5) else None
    )
    info = tag("div", mark, tag("h1", name), tag("p", price, cls="product-price"), tag("p", text),
               button(page, add, name="button"), detail, cls="product-info")  # fmt: skip
    main = side_by_side(
        page,
        tag("div", photo(page, name, page.pick((360, 400, 440)), "product-photo")),
        info,
        (50, 50),
        "product-row",
    )
    crumbs = (
        breadcrumbs(page, "Home", page.pick(say.trade.sections.split()), name)
        if page.d > 0.3
        else None
    )
    more: list[Tag] = []
    if page.d > 0.55:
        page.note("heading", heading="You may also like", text="")
        more.append(
            band(page, heading(page, "You may also like"), s.goods(page, 4, 4), tone="soft")
        )
    if page.d > 0.75:
        more.append(s.testimonials(page))
    return framed(page, f"{name} | {say.brand}", s.plain_main(page, crumbs, main), more)


def gallery(page: Page) -> str:
    """Pictures with captions."""
    c = page.look.palette
    n, per_row = (
        page.pick(((2, 2), (3, 3), (4, 2)))
        if page.d < 0.3
        else page.pick(((6, 3), (8, 4), (9, 3), (12, 4), (6, 2)))
    )
    title = page.pick(
        ("Gallery", "Our pictures", f"A year in {page.say.city}", "Portfolio", "Moments")
    )
    text = page.say.lead() if page.chance(0.6) else ""
    page.note("heading", heading=title, text=text)
    height = {2: 300, 3: 220, 4: 170}[per_row]
    captioned, items, noted = page.chance(0.8), [], []
    page.rule(".shot", "margin: 0")
    page.rule(
        ".shot figcaption",
        f"padding: {page.px(1)} 0; font-size: {page.font_px(0.9)}; color: {c.muted}",
    )
    for i in range(n):
        words = (
            page.say.topic()
            if i % 3
            else f"{page.pick(page.say.trade.offers)[0]}, {page.say.year + i}"
        )
        caption = tag("figcaption", words) if captioned else None
        noted.append(words)
        items.append(tag("figure", photo(page, words, height), caption, cls="shot"))
    page.note("gallery", items=noted if captioned else [], pictures=n, columns=per_row)
    extra = s.call(page) if page.d > 0.6 and page.chance(0.4) else None
    grid = columns(page, "gallery", items, per_row, page.pick((1.5, 2, 3)))
    return framed(
        page,
        f"{title} | {page.say.brand}",
        s.plain_main(page, heading(page, title, text, level=1), grid),
        extra,
    )


def profile(page: Page) -> str:
    """A person with work, skills and figures."""
    c, say = page.look.palette, page.say
    name, role = say.person(), page.pick(say.trade.roles)
    text = f"{role} in {say.city}. {say.sentence()}"
    page.rule(".profile-head", f"text-align: center; padding: {page.px(6)} 0; background: {c.soft}")
    page.rule(
        ".profile-head h1", f"font-size: {page.font_px(2)}; margin: {page.px(2)} 0 {page.px(1)}"
    )
    page.rule(".profile-head p", f"max-width: 560px; margin: 0 auto {page.px(2.5)}")
    act = page.pick(("Follow", "Contact me", "Hire me", "Send a message", "Download CV"))
    page.note("profile", name=name, role=role, text=text, button=act, button_color=c.primary)
    top = tag(
        "section",
        avatar(page, name, 110),
        tag("h1", name),
        tag("p", text),
        button(page, act),
        cls="profile-head",
    )
    page.rule(".avatar-110", "margin: 0 auto")
    parts: list[Tag] = [top]
    if page.d > 0.25:
        parts.append(s.stats(page))
    if page.d > 0.4:
        title = page.pick(("Selected work", "Projects", "Recent work"))
        page.note("heading", heading=title, text="")
        parts.append(band(page, heading(page, title), s.posts(page, *page.pick(((2, 2), (3, 3))))))
    if page.d > 0.55:
        parts.append(band(page, f.bars(page), tone="soft"))
    if page.d > 0.7:
        parts.append(s.testimonials(page))
    return framed(page, f"{name} | {role}", parts)


def about(page: Page) -> str:
    """A company's story: text, years, people."""
    c, say = page.look.palette, page.say
    title = page.pick(("About us", "Our story", f"About {say.brand}", "Who we are"))
    text = say.about()
    page.note("heading", heading=title, text=text)
    parts: list[Tag] = [
        band(
            page,
            heading(page, title, text, level=1),
            tag("div", s.prose(page, page.upto(1, 2)), cls="prose"),
        )
    ]
    if page.d > 0.3:
        page.rule(
            ".years",
            f"list-style: none; margin: 0; padding: 0 0 0 {page.px(3)}; border-left: 3px solid {c.primary}",
        )
        page.rule(".years li", f"margin-bottom: {page.px(2.5)}")
        page.rule(".years strong", f"display: block; color: {c.primary}")
        year, items, noted = say.year, [], []
        for _ in range(page.upto(2, 5)):
            line = say.sentence()
            noted.append([str(year), line])
            items.append(tag("li", tag("strong", str(year)), line))
            year += page.rng.randint(1, 4)
        page.note("years", items=noted)
        parts.append(band(page, tag("ul", items, cls="years"), tone="soft"))
    if page.d > 0.45:
        parts.append(_team_band(page))
    if page.d > 0.65:
        parts.append(s.stats(page))
    return framed(page, f"{title} | {say.brand}", parts)

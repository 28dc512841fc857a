"""Kinds of pages for reading: documentation, questions, blogs, news, links, results.

in:  a Page with its difficulty
out: functions that draw the page and return its text
not covered: pages that present (kinds_front.py), forms and tables (kinds_work.py)
"""

from __future__ import annotations

from viscodex.data.pages import figures as f
from viscodex.data.pages import sections as s
from viscodex.data.pages.frame import framed
from viscodex.data.pages.furniture import side_menu
from viscodex.data.pages.kinds_front import aside_cards
from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import (
    button,
    card,
    columns,
    heading,
    photo,
    side_by_side,
    small,
)

_CALLS = (
    ("GET", "/v1/{}"), ("POST", "/v1/{}"), ("GET", "/v1/{}/:id"), ("DELETE", "/v1/{}/:id"), ("PATCH", "/v1/{}/:id"),
)  # fmt: skip


def docs(page: Page) -> str:
    """A technical page: menu at the side, text, code, a table."""
    page.centered = False
    c, look, say = page.look.palette, page.look, page.say
    things = page.pick(("orders", "users", "reports", "bookings", "payments", "events"))
    title = page.pick(
        (
            "Getting started",
            f"Working with {things}",
            "Authentication",
            "Quick start",
            "Errors and retries",
        )
    )
    domain = say.domain()
    page.rule(".doc h1", f"font-size: {page.font_px(2)}; margin-bottom: {page.px(1.5)}")
    page.rule(".doc h2", f"font-size: {page.font_px(1.4)}; margin: {page.px(4)} 0 {page.px(1.5)}")
    page.rule(
        ".doc pre",
        f"background: {c.deep}; color: {c.on_deep}; padding: {page.px(2)}; overflow-x: auto; margin: {page.px(2)} 0; "
        f"border-radius: {min(look.radius_px, 8)}px; font-family: {look.mono}; font-size: {page.font_px(0.88)}; line-height: 1.5",
    )
    page.rule(".doc code", f"font-family: {look.mono}; font-size: 0.92em")
    page.rule(".doc p code", f"background: {c.soft}; padding: 1px 5px; border-radius: 3px")
    snippets = [
        f"curl https://api.{domain}/v1/{things} \\\n  -H \"Authorization: Bearer $TOKEN\"",
        f"import requests\n\nreply = requests.get(\n    \"https://api.{domain}/v1/{things}\",\n    headers={{\"Authorization\": f\"Bearer {{token}}\"}},\n)\nprint(reply.json())",
        f"npm install {domain.split('.')[0]}-client",
        f"{{\n  \"id\": \"{things[:3]}_{page.rng.randint(1000, 9999)}\",\n  \"status\": \"ready\",\n  \"total\": {page.rng.randint(10, 900)}\n}}",
    ]  # fmt: skip
    intro = f"This guide shows how to read and write {things} with the {say.brand} interface."
    body: list[Tag] = [
        tag("h1", title),
        tag("p", intro, " Requests go to ", tag("code", f"/v1/{things}"), "."),
    ]
    heads: list[str] = []
    pool = page.some(
        (
            ("Install the client", 2),
            ("Send a request", 0),
            ("From Python", 1),
            ("What comes back", 3),
        ),
        page.upto(1, 4),
    )
    for head, i in pool:
        heads.append(head)
        body += [
            tag("h2", head),
            tag("p", say.fill(page.pick(_DOC_LINES))),
            tag("pre", tag("code", snippets[i])),
        ]
    page.note(
        "doc", heading=title, text=intro, headings=heads, snippets=[snippets[i] for _, i in pool]
    )
    if page.d > 0.35:
        page.rule(
            ".callout",
            f"border-left: 4px solid {c.accent}; background: {c.soft}; padding: {page.px(1.5)} {page.px(2)}; margin: {page.px(3)} 0",
        )
        hint = page.pick(
            (
                "Tokens expire after one hour.",
                "Limits: 100 requests a minute.",
                "Test keys never send real messages.",
            )
        )
        page.note("callout", text=f"Note: {hint}")
        body.append(tag("div", tag("strong", "Note:"), f" {hint}", cls="callout"))
    if page.d > 0.5:
        rows = tuple(
            (verb, path.format(things), page.pick(("Yes", "No")))
            for verb, path in page.some(_CALLS, page.upto(3, 5))
        )
        body += [
            tag("h2", "Endpoints"),
            f.draw_table(page, f.Sheet("Endpoints", ("Method", "Path", "Paged"), rows)),
        ]
        heads.append("Endpoints")
    text = tag("article", body, cls="doc")
    if page.d < 0.2:
        return framed(page, title, s.narrow(page, text, width_px=820))
    names = [
        "Introduction",
        "Getting started",
        "Authentication",
        "Errors",
        "Pagination",
        "Webhooks",
        "Libraries",
        "Limits",
    ][: page.upto(4, 8)]
    menu = tag(
        "aside",
        side_menu(
            page,
            page.pick(("Guide", "Documentation", "Contents")),
            names,
            page.rng.randrange(len(names)),
        ),
    )
    return framed(
        page,
        f"{title} | {say.brand} docs",
        s.plain_main(page, side_by_side(page, menu, text, (22, 78), "layout")),
    )


_DOC_LINES = (
    "Copy the lines below and replace the token by your own.", "All answers are JSON and use UTF-8.",
    "You find your key in the settings of the workspace.", "The same call works from every language.",
    "A request that fails may be sent again; it is counted once.", "Dates are written as in ISO 8601, in UTC.",
)  # fmt: skip


def faq(page: Page) -> str:
    """Questions and answers."""
    title, text = (
        page.pick(
            (
                "Frequently asked questions",
                "Help centre",
                "How can we help?",
                "Questions and answers",
            )
        ),
        page.say.lead(),
    )
    page.note("heading", heading=title, text=text)
    parts = [
        s.narrow(
            page,
            heading(page, title, text, level=1),
            s.questions(page, page.upto(2, 6)),
            width_px=page.pick((720, 800, 860)),
        )
    ]
    if page.d > 0.45:
        parts.append(s.call(page))
    return framed(page, f"{title} | {page.say.brand}", parts)


def blog(page: Page) -> str:
    """Teasers of articles, in columns or with a sidebar."""
    page.centered = page.chance(0.4)
    title = page.pick(
        ("Journal", "The blog", f"{page.say.brand} stories", "News and notes", "From the workshop")
    )
    text = page.say.lead() if page.chance(0.7) else ""
    page.note("heading", heading=title, text=text)
    head = heading(page, title, text, level=1)
    if page.d > 0.45 and page.chance(0.55):
        page.centered = False
        list_ = s.posts(page, page.upto(2, 4), 1)
        side = tag("aside", aside_cards(page))
        inner: Tag = side_by_side(page, list_, side, (68, 32), "layout")
    else:
        inner = s.posts(
            page,
            *page.pick(((1, 1), (2, 2)) if page.d < 0.25 else ((3, 3), (4, 2), (6, 3), (2, 2))),
        )
    pages = None
    if page.d > 0.4:
        page.rule(".pages", f"margin-top: {page.px(4)}; text-align: center")
        page.rule(
            ".pages a",
            f"display: inline-block; padding: {page.px(0.8)} {page.px(1.6)}; margin: 0 3px; border: 1px solid {page.look.palette.border}; border-radius: {min(page.look.radius_px, 8)}px; text-decoration: none",
        )
        page.rule(
            ".pages .current",
            f"background: {page.look.palette.primary}; color: {page.look.palette.on_primary}",
        )
        names = [*map(str, range(1, page.upto(3, 6))), "Next"]
        page.note("pages", items=names)
        pages = tag(
            "nav",
            [tag("a", n, href="#", cls="current" if n == "1" else None) for n in names],
            cls="pages",
        )
    return framed(page, f"{title} | {page.say.brand}", s.plain_main(page, head, inner, pages))


def news(page: Page) -> str:
    """A front page of a paper: a lead story, columns, a list."""
    page.centered = False
    c, say = page.look.palette, page.say
    say.brand = say.city + page.pick((" Media", " Press", " Today", " Online"))
    say.words = ("Local", "World", "Culture", "Sport", "Science", "Opinion", "Weather", "Letters")
    page.rule(
        ".paper-name",
        f"text-align: center; font-size: {page.font_px(2.4)}; padding: {page.px(2.5)} 0; border-bottom: 3px double {c.text}; font-family: {page.pick(('Georgia, serif', page.look.heading_font))}",
    )
    paper = f"The {say.city} {page.pick(('Courier', 'Herald', 'Observer', 'Gazette', 'Post'))}"
    lead, author = say.topic(), say.person()
    page.note("paper", heading=paper, lead=lead, author=author)
    page.rule(".lead-story h2", f"font-size: {page.font_px(2)}; margin: {page.px(1.5)} 0")
    story = tag("article", photo(page, lead, 320) if page.d > 0.2 else None, tag("h2", lead), small(page, f"By {author}"),
                tag("p", say.paragraph(3, 4)), tag("p", say.paragraph()) if page.d > 0.5 else None, cls="lead-story")  # fmt: skip
    page.rule(".brief", f"padding: {page.px(1.5)} 0; border-bottom: 1px solid {c.border}")
    page.rule(".brief h3", f"font-size: {page.font_px(1.08)}; margin: 0 0 {page.px(0.5)}")
    page.rule(".brief p", "margin: 0")
    briefs, noted = [], []
    for _ in range(page.upto(2, 5)):
        title = say.topic()
        noted.append(title)
        briefs.append(tag("article", tag("h3", title), small(page, say.sentence()), cls="brief"))
    page.note("briefs", items=noted)
    parts: list[Tag] = [side_by_side(page, story, tag("aside", briefs), (66, 34), "front")]
    if page.d > 0.45:
        page.rule(
            ".more-news",
            f"margin-top: {page.px(4)}; border-top: 1px solid {c.border}; padding-top: {page.px(3)}",
        )
        parts.append(tag("section", s.posts(page, 3, 3), cls="more-news"))
    name = tag("h1", paper, cls="paper-name")
    return framed(page, paper, name, s.plain_main(page, parts))


def directory(page: Page) -> str:
    """A page that is mostly links in groups."""
    c, say = page.look.palette, page.say
    title = page.pick(("Site map", "All topics", "Browse by subject", "Directory", "Library"))
    page.note("heading", heading=title, text="")
    stock = [
        *say.trade.topics,
        *(name for name, _ in say.trade.points),
        *(name for name, _, _ in say.trade.offers),
    ]
    page.rule(
        ".group h2",
        f"font-size: {page.font_px(1.15)}; margin-bottom: {page.px(1)}; color: {c.primary}",
    )
    page.rule(".group ul", "list-style: none; margin: 0; padding: 0")
    page.rule(".group li", f"padding: {page.px(0.5)} 0")
    page.rule(".group a", f"color: {c.text}; text-decoration: {page.pick(('none', 'underline'))}")
    groups, noted = [], []
    n = page.pick((2, 3)) if page.d < 0.3 else page.pick((4, 6, 6))
    for name in say.sections(min(n, 6)):
        links = page.some(stock, page.upto(3, 7))
        noted.append({"name": name, "items": links})
        inside = (tag("h2", name), tag("ul", [tag("li", tag("a", x, href="#")) for x in links]))
        groups.append(
            card(page, inside, name="group")
            if page.look.radius_px > 4
            else tag("div", inside, cls="group")
        )
    page.note("groups", items=noted)
    row = columns(
        page,
        "groups",
        groups,
        2
        if len(groups) in (2, 4) and page.chance(0.4)
        else min(len(groups), 3 if len(groups) != 4 else 4),
        4,
    )
    return framed(
        page, f"{title} | {say.brand}", s.plain_main(page, heading(page, title, level=1), row)
    )


def search(page: Page) -> str:
    """A search line and what was found."""
    page.centered = False
    c, say = page.look.palette, page.say
    word = page.pick(say.trade.sections.split()).lower()
    n = page.upto(2, 7)
    line = f"{page.rng.randint(n, 480)} results for “{word}”"
    page.rule(
        ".search",
        f"display: flex; gap: {page.px(1)}; max-width: 620px; margin-bottom: {page.px(2)}",
    )
    page.rule(
        ".search input",
        f"flex: 1; padding: {page.px(1.3)} {page.px(2)}; border: 1px solid {c.border}; border-radius: {page.look.button_radius_px}px; font: inherit; background: {c.surface}; color: {c.text}",
    )
    bar = tag(
        "form",
        tag("input", type="text", value=word),
        button(page, page.pick(("Search", "Find", "Go")), name="submit"),
        cls="search",
    )
    page.rule(
        ".result", f"padding: {page.px(2)} 0; border-bottom: 1px solid {c.border}; max-width: 760px"
    )
    page.rule(".result h3", f"font-size: {page.font_px(1.15)}; margin: 0")
    page.rule(".result p", "margin: 0")
    page.rule(".result-url", f"color: {c.accent}; font-size: {page.font_px(0.85)}")
    items, noted = [], []
    for _ in range(n):
        title = say.topic()
        url = f"{say.domain()}/{title.lower().replace(' ', '-').replace(',', '').replace('?', '').replace(':', '').replace(chr(39), '')}"
        noted.append(title)
        items.append(
            tag(
                "article",
                tag("h3", tag("a", title, href="#")),
                tag("p", url, cls="result-url"),
                tag("p", say.paragraph(1, 2)),
                cls="result",
            )
        )
    page.note("results", word=word, line=line, items=noted)
    return framed(page, f"{word} - search", s.plain_main(page, bar, small(page, line), items))


def missing(page: Page) -> str:
    """A small page with one message: not found, thank you, coming soon."""
    c, say = page.look.palette, page.say
    title, text, act = page.pick((
        ("404", "We could not find the page that you were looking for.", "Back to the start"),
        ("Thank you!", "Your order is on its way. A receipt is in your inbox.", "Continue"),
        ("Coming soon", f"{say.brand} opens in {say.city} on {say.date(False)}.", "Tell me when"),
        ("Please wait", "We are tidying up and will be back within the hour.", "Try again"),
        ("You are in", f"Welcome to {say.brand}. Here is what to do first.", "Show me around"),
        ("Nothing here yet", "Add your first entry and it will appear on this page.", "Add an entry"),
    ))  # fmt: skip
    page.rule(
        ".message",
        f"text-align: {page.pick(('center', 'center', 'left'))}; max-width: 560px; margin: {page.px(10)} auto; padding: {page.px(4)}",
    )
    page.rule(
        ".message h1",
        f"font-size: {page.font_px(page.pick((2.2, 3, 4)))}; margin-bottom: {page.px(1.5)}; color: {page.pick((c.text, c.primary))}",
    )
    page.rule(".message p", f"margin-bottom: {page.px(3)}")
    page.note(
        "hero",
        heading=title,
        text=text,
        buttons=[act],
        picture="",
        tone="plain",
        button_color=c.primary,
        centered=False,
    )
    inside = (tag("h1", title), tag("p", text), button(page, act))
    box = (
        card(page, inside, name="message", element="main")
        if page.chance(0.4)
        else tag("main", inside, cls="message")
    )
    links = None
    if page.d > 0.5:
        names = say.sections(4)
        page.rule(".links", f"text-align: center; margin-bottom: {page.px(6)}")
        page.rule(".links a", f"margin: 0 {page.px(1.5)}")
        page.note("links", items=names)
        links = tag("p", [tag("a", n, href="#") for n in names], cls="links")
    return framed(page, title, box, links)


def classic(page: Page) -> str:
    """A page as they were made twenty years ago: a layout table, bars, many links, small type."""
    page.centered = False
    c, say = page.look.palette, page.say
    page.rule(
        ".page-box",
        f"width: {page.look.width_px}px; margin: 10px auto; background: {c.surface}; border: 1px solid {c.border}",
    )
    page.rule(".old-head", f"background: {c.primary}; color: {c.on_primary}; padding: 14px 18px")
    page.rule(".old-head h1", f"font-size: {page.font_px(1.9)}; margin: 0")
    page.rule(
        ".old-bar", f"background: {c.soft}; padding: 6px 18px; border-bottom: 1px solid {c.border}"
    )
    page.rule(".old-bar a", "margin-right: 8px")
    links = ["Home", *say.sections(page.upto(3, 6))]
    motto = say.lead()
    page.note("navigation", brand=say.brand, links=links, button="", ground=c.soft)
    page.note("heading", heading=say.brand, text=motto)
    bar: list[Tag | str] = []
    for i, text in enumerate(links):
        bar += [" | " if i else "", tag("a", text, href="#")]
    page.rule(".old-layout", "width: 100%; border-collapse: collapse")
    page.rule(".old-layout td", "vertical-align: top; padding: 14px 18px")
    page.rule(
        ".old-side", f"width: 210px; background: {c.soft}; border-right: 1px solid {c.border}"
    )
    page.rule(
        ".old-text h2",
        f"font-size: {page.font_px(1.35)}; margin: 0 0 8px; color: {c.primary}; border-bottom: 1px solid {c.border}",
    )
    page.rule(".old-text p", "margin: 0 0 12px")
    main: list[Tag] = []
    heads: list[str] = []
    for _ in range(page.upto(1, 4)):
        heads.append(say.topic())
        main += [
            tag("h2", heads[-1]),
            tag(
                "p", small(page, f"Posted {say.date()} by {say.person()}").children[0], cls="muted"
            ),
            tag("p", say.paragraph()),
        ]
        if page.chance(0.4):
            main.append(tag("p", say.paragraph()))
    page.note("prose", headings=heads, paragraphs=len(heads))
    if page.d > 0.35:
        sheet = page.pick((f.stock, f.months))(page, page.upto(3, 6))
        page.note("heading", heading=sheet.title, text="")
        main += [tag("h2", sheet.title), f.draw_table(page, sheet)]
    names = [say.topic() for _ in range(page.upto(3, 6))]
    page.rule(".old-side ul", "margin: 0 0 14px; padding: 0 0 0 16px")
    page.rule(".old-side h3", f"font-size: {page.font_px(1.05)}; margin: 0 0 6px")
    page.note("menu", title="Latest", links=names, active="")
    side = (tag("h3", "Latest"), tag("ul", [tag("li", tag("a", n, href="#")) for n in names]))
    cells: tuple[Tag, ...] = (tag("td", side, cls="old-side"), tag("td", main, cls="old-text"))
    if page.d < 0.2:
        cells = (cells[1],)
        page.notes.pop()
    page.rule(
        ".old-foot",
        f"text-align: center; padding: 10px; border-top: 1px solid {c.border}; font-size: 11px; color: {c.muted}",
    )
    end = f"Copyright {page.rng.randint(2001, 2009)} {say.brand}. Best viewed at 1024 x 768."
    page.note("footer", text=end, links=[], columns={}, ground=c.surface)
    box = tag("div", tag("div", tag("h1", say.brand), motto, cls="old-head"), tag("div", bar, cls="old-bar"),
              tag("table", tag("tr", cells), cls="old-layout"), tag("div", end, cls="old-foot"), cls="page-box")  # fmt: skip
    return page.document(say.brand, box)

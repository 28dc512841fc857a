"""Numbers on pages: tables, cards with figures, bars, lists of events, timetables.

in:  a Page
out: tags, with notes that hold every cell
not covered: the pages around them (kinds.py)
"""

from __future__ import annotations

from dataclasses import dataclass

from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import badge, card, columns, small
from viscodex.data.pages.wording import DAYS, MONTHS


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table's content."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()  # columns of numbers
    marked: int | None = None  # a column of badges


_STATES = (("Paid", "Pending", "Refunded"), ("Shipped", "Packed", "Open"), ("Active", "Paused", "Closed"),
           ("Done", "In review", "Planned"))  # fmt: skip


def orders(page: Page, n: int) -> Sheet:
    """Orders with customers and states."""
    states, first = page.pick(_STATES), page.rng.randint(1000, 8800)
    rows = []
    for i in range(n):
        _, low, high = page.pick(page.say.trade.offers)
        rows.append((f"#{first + i * page.rng.randint(1, 3) + i * 3}", page.say.person(), page.say.date(False),
                     f"${page.rng.randint(low + 4, high * 2)}.{page.pick(('00', '50', '90'))}", page.pick(states)))  # fmt: skip
    title = page.pick(("Recent orders", "Orders", "Latest invoices"))
    return Sheet(
        title, ("Number", "Customer", "Date", "Amount", "Status"), tuple(rows), frozenset({3}), 4
    )


def stock(page: Page, n: int) -> Sheet:
    """Goods with prices and numbers in stock."""
    rows = tuple(
        (name, price, str(page.rng.randint(0, 240)), page.pick(page.say.trade.sections.split()))
        for name, price in page.say.offers(n)
    )
    title = page.pick(("Price list", "Our range", "Stock", "What we offer"))
    return Sheet(title, ("Item", "Price", "Available", "Category"), rows, frozenset({1, 2}))


def months(page: Page, n: int) -> Sheet:
    """Numbers by month."""
    measures = page.some(page.say.trade.measures, 3)
    start = page.rng.randrange(12)
    rows = tuple(
        (MONTHS[(start + i) % 12], *(page.say.figure(measure) for measure in measures))
        for i in range(min(n, 12))
    )
    title = page.pick(("Results by month", "Monthly report", "The year so far"))
    return Sheet(title, ("Month", *(m.label for m in measures)), rows, frozenset({1, 2, 3}))


def staff(page: Page, n: int) -> Sheet:
    """People with roles and places."""
    rows = tuple(
        (page.say.person(), page.pick(page.say.trade.roles), page.pick(("Head office", "North branch", "Online", "South branch")),
         str(page.rng.randint(page.say.year, 2025)))
        for _ in range(n)
    )  # fmt: skip
    return Sheet(
        page.pick(("Our people", "Staff directory", "Who does what")),
        ("Name", "Role", "Place", "Since"),
        rows,
    )


def comparison(page: Page, n: int) -> Sheet:
    """Points against plans."""
    names = page.pick(
        (("Basic", "Plus", "Pro"), ("Starter", "Team", "Business"), ("Bronze", "Silver", "Gold"))
    )
    rows = []
    for title, _ in page.say.points(n):
        level = page.rng.randrange(3)
        rows.append((title, *("Yes" if i >= level else "–" for i in range(3))))  # noqa: RUF001
    return Sheet(page.pick(("Compare plans", "What is included")), ("Feature", *names), tuple(rows))


SHEETS = (orders, stock, months, staff, comparison)
"""What a table may hold."""


def draw_table(page: Page, sheet: Sheet) -> Tag:
    """The table itself."""
    look, c = page.look, page.look.palette
    manner = page.pick(("lines", "striped", "grid", "head"))
    pad = page.px(1.0 if page.d > 0.7 else 1.4)
    page.rule(".table-box", f"width: 100%; border-collapse: collapse; background: {c.surface}")
    page.rule(".table-box th, .table-box td", f"padding: {pad} {page.px(2)}; text-align: left")
    page.rule(".table-box th", f"font-weight: 600; font-size: {page.font_px(0.92)}")
    if look.uppercase:
        page.rule(".table-box th", "text-transform: uppercase; letter-spacing: 0.04em")
    if manner == "grid":
        page.rule(".table-box th, .table-box td", f"border: 1px solid {c.border}")
    else:
        page.rule(".table-box th, .table-box td", f"border-bottom: 1px solid {c.border}")
    if manner == "striped":
        page.rule(".table-box tbody tr:nth-child(even)", f"background: {c.soft}")
    if manner == "head":
        page.rule(".table-box th", f"background: {c.primary}; color: {c.on_primary}")
    else:
        page.rule(".table-box th", f"background: {c.soft}; color: {c.text}")
    page.rule(".table-box .num", "text-align: right")
    head = [
        tag("th", text, cls="num" if i in sheet.right else None)
        for i, text in enumerate(sheet.head)
    ]
    body = []
    for row in sheet.rows:
        cells = [
            tag(
                "td",
                badge(page, text) if i == sheet.marked else text,
                cls="num" if i in sheet.right else None,
            )
            for i, text in enumerate(row)
        ]
        body.append(tag("tr", cells))
    page.note(
        "table", title=sheet.title, head=list(sheet.head), rows=[list(row) for row in sheet.rows]
    )
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", body), cls="table-box")


def tiles(page: Page, n: int) -> Tag:
    """Cards with one number each."""
    c = page.look.palette
    numbers = page.say.measures(n)
    page.rule(".tile-label", f"color: {c.muted}; font-size: {page.font_px(0.88)}")
    page.rule(
        ".tile-value",
        f"font-size: {page.font_px(1.8)}; font-weight: 700; line-height: 1.3; margin: 0",
    )
    page.rule(".tile-note", f"font-size: {page.font_px(0.85)}; color: {c.primary}; margin: 0")
    compared, items = page.chance(0.6), []
    for label, value in numbers:
        change = f"{page.pick(('+', '+', '-'))}{page.rng.randint(1, 24)}% {page.pick(('this week', 'this month'))}"
        below = tag("p", change, cls="tile-note") if compared else None
        items.append(
            card(
                page,
                tag("p", label, cls="tile-label"),
                tag("p", value, cls="tile-value"),
                below,
                name="tile",
            )
        )
    page.note("tiles", items=[list(pair) for pair in numbers])
    return columns(page, "tiles", items, n, 2.5)


def bars(page: Page) -> Tag:
    """Horizontal bars, each with a name and a share."""
    c, say = page.look.palette, page.say
    names = say.sections(page.upto(3, 5))
    shares = [page.rng.randint(12, 96) for _ in names]
    title = page.pick(("By category", "Progress", "Share of goals reached", "Capacity in use"))
    page.rule(".bar-line", f"margin-bottom: {page.px(1.6)}")
    page.rule(".bar-name", f"font-size: {page.font_px(0.9)}; margin: 0 0 {page.px(0.5)}")
    page.rule(
        ".bar",
        f"height: {page.pick((8, 10, 14))}px; background: {c.soft}; border-radius: {page.look.radius_px}px; overflow: hidden",
    )
    page.rule(".bar-fill", f"height: 100%; background: {page.pick((c.primary, c.accent))}")
    lines = [
        tag("div", tag("p", f"{name} ({share}%)", cls="bar-name"),
            tag("div", tag("div", style=f"width: {share}%", cls="bar-fill"), cls="bar"), cls="bar-line")
        for name, share in zip(names, shares, strict=True)
    ]  # fmt: skip
    page.note("bars", title=title, items=[[n, f"{s}%"] for n, s in zip(names, shares, strict=True)])
    return panel(page, title, *lines)


def chart(page: Page) -> Tag:
    """Upright bars for days or months."""
    c = page.look.palette
    names = (
        [day[:3] for day in DAYS]
        if page.chance(0.5)
        else [m[:3] for m in MONTHS[: page.pick((6, 8, 12))]]
    )
    shares = [page.rng.randint(18, 100) for _ in names]
    title = f"{page.pick(page.say.trade.measures).label} by {'day' if len(names) == 7 else 'month'}"
    page.rule(".chart", f"display: flex; align-items: flex-end; gap: {page.px(1.2)}; height: 190px")
    page.rule(
        ".chart-bar",
        f"flex: 1; background: {c.primary}; border-radius: {min(page.look.radius_px, 6)}px {min(page.look.radius_px, 6)}px 0 0",
    )
    page.rule(".chart-names", f"display: flex; gap: {page.px(1.2)}; margin-top: {page.px(0.8)}")
    page.rule(
        ".chart-names span",
        f"flex: 1; text-align: center; font-size: {page.font_px(0.78)}; color: {c.muted}",
    )
    page.note("chart", title=title, names=names, heights=shares)
    return panel(
        page, title,
        tag("div", [tag("div", style=f"height: {share}%", cls="chart-bar") for share in shares], cls="chart"),
        tag("div", [tag("span", name) for name in names], cls="chart-names"),
    )  # fmt: skip


def events(page: Page) -> Tag:
    """What happened lately."""
    c, say = page.look.palette, page.say
    title = page.pick(("Recent activity", "Latest events", "Today"))
    page.rule(".events", "list-style: none; margin: 0; padding: 0")
    page.rule(".events li", f"padding: {page.px(1.1)} 0; border-bottom: 1px solid {c.border}")
    page.rule(".events .muted", "margin: 0")
    verbs = (
        "placed an order",
        "left a review",
        "sent a message",
        "changed a booking",
        "signed up",
        "asked for a refund",
    )
    items, noted = [], []
    for _ in range(page.upto(3, 5)):
        what = f"{say.person()} {page.pick(verbs)}"
        when = f"{page.rng.randint(2, 59)} minutes ago"
        noted.append([what, when])
        items.append(tag("li", tag("p", what), small(page, when)))
    page.note("events", title=title, items=noted)
    return panel(page, title, tag("ul", items, cls="events"))


def panel(page: Page, title: str, *content: Tag) -> Tag:
    """A card with a heading."""
    page.rule(".panel h2", f"font-size: {page.font_px(1.1)}; margin-bottom: {page.px(2)}")
    return card(page, tag("h2", title), content, name="panel")


def timetable(page: Page) -> Sheet:
    """Hours against days."""
    days = DAYS[: 5 if page.d > 0.45 else 3]
    start, step = page.pick((7, 8, 9)), page.pick((1, 2))
    names = page.say.trade.sessions
    rows = []
    for i in range(page.upto(3, 7)):
        hour = start + i * step
        cells = (page.pick(names) if page.chance(0.7) else "" for _ in days)
        rows.append((f"{hour:02d}:00", *cells))
    return Sheet(page.pick(("Timetable", "This week", "Weekly plan")), ("Time", *days), tuple(rows))


def agenda(page: Page, n: int) -> Tag:
    """Times with titles and speakers."""
    c, say = page.look.palette, page.say
    page.rule(
        ".slot",
        f"display: flex; gap: {page.px(3)}; padding: {page.px(2)} 0; border-bottom: 1px solid {c.border}",
    )
    page.rule(".slot-time", f"flex: 0 0 90px; font-weight: 700; color: {c.primary}")
    page.rule(".slot h3", f"font-size: {page.font_px(1.08)}; margin-bottom: {page.px(0.5)}")
    minutes, items, noted = page.pick((8, 9, 10)) * 60, [], []
    for _ in range(n):
        time = f"{minutes // 60:02d}:{minutes % 60:02d}"
        title, speaker = say.topic(), say.person()
        text = f"{speaker}, {page.pick(say.trade.roles).lower()}"
        items.append(
            tag(
                "div",
                tag("div", time, cls="slot-time"),
                tag("div", tag("h3", title), small(page, text)),
                cls="slot",
            )
        )
        noted.append({"time": time, "title": title, "speaker": speaker})
        minutes += page.pick((30, 45, 60, 75))
    page.note("agenda", items=noted)
    return tag("div", items, cls="agenda")

"""Kinds of pages for doing something: forms, dashboards, tables, boards, documents.

in:  a Page with its difficulty
out: functions that draw the page and return its text
not covered: pages for reading and buying (kinds_reading.py); the list of kinds (kinds.py)
"""

from __future__ import annotations

from viscodex.data.pages import figures as f
from viscodex.data.pages import forms
from viscodex.data.pages import sections as s
from viscodex.data.pages.frame import framed
from viscodex.data.pages.furniture import breadcrumbs, side_menu
from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import (
    avatar,
    badge,
    button,
    card,
    columns,
    heading,
    photo,
    side_by_side,
    small,
)


def login(page: Page) -> str:
    """Sign in or sign up, in a box in the middle or beside a picture."""
    c = page.look.palette
    fields = forms.login_fields(page)
    new = fields[0].label == "Full name"
    title = page.pick(("Create your account", "Sign up")) if new else page.pick(("Welcome back", "Sign in", "Log in to your account"))  # fmt: skip
    text = page.say.lead() if page.chance(0.5) else ""
    send = "Create account" if new else page.pick(("Sign in", "Log in", "Continue"))
    form = forms.draw_form(page, title, fields, send, text, level=1)
    other = "Already have an account? Sign in" if new else "No account yet? Create one"
    if page.d > 0.15:
        page.rule(
            ".form-end",
            f"text-align: center; margin-top: {page.px(2)}; font-size: {page.font_px(0.9)}; color: {c.muted}",
        )
        question, _, link = other.partition("? ")
        page.note("link", text=link)
        form = tag(
            "form",
            form.children,
            tag("p", f"{question}? ", tag("a", link, href="#"), cls="form-end"),
            cls="form",
        )
    if page.d > 0.45 and page.chance(0.5):
        page.rule(
            ".form", "box-shadow: none; border: 0; max-width: 420px; margin: 60px auto; width: 100%"
        )
        picture = photo(page, page.say.brand, 720, "cover")
        page.rule(".cover", "border-radius: 0")
        inner = side_by_side(page, picture, form, (50, 50), "login-row", "center")
        page.rule(".login-row", "gap: 0")
        page.note("picture", side="left")
        return page.document(f"{title} | {page.say.brand}", inner)
    page.rule(
        ".form",
        f"max-width: {page.pick((380, 400, 440))}px; margin: {page.px(page.pick((5, 8)))} auto",
    )
    return framed(page, f"{title} | {page.say.brand}", tag("main", form))


def contact(page: Page) -> str:
    """A contact form, perhaps beside address and opening hours."""
    page.centered = False
    title = page.pick(("Contact us", "Get in touch", "Write to us", "Say hello"))
    form = forms.draw_form(page, title, forms.contact_fields(page), page.pick(("Send message", "Send", "Submit")),
                           page.say.lead() if page.chance(0.6) else "", level=1, boxed=page.chance(0.6))  # fmt: skip
    if page.d < 0.3:
        page.rule(".form", "max-width: 620px")
        return framed(page, f"{title} | {page.say.brand}", s.narrow(page, form, width_px=680))
    lines = [("Address", page.say.address()), ("Phone", page.say.phone()), ("Email", page.say.email()),
             ("Opening hours", f"Monday to Friday, {page.pick((8, 9))} am to {page.pick((5, 6))} pm")]  # fmt: skip
    page.rule(".info h3", f"font-size: {page.font_px(1)}; margin-bottom: {page.px(0.5)}")
    page.rule(".info p", f"margin-bottom: {page.px(2.5)}")
    page.note("facts", items=[list(line) for line in lines])
    info = tag("aside", [(tag("h3", name), tag("p", value)) for name, value in lines],
               photo(page, "Map", 200) if page.chance(0.6) else None, cls="info")  # fmt: skip
    return framed(
        page,
        f"{title} | {page.say.brand}",
        s.plain_main(page, side_by_side(page, form, info, (64, 36), "layout")),
    )


def checkout(page: Page) -> str:
    """Address and payment beside a summary of the order."""
    page.centered = False
    form = forms.draw_form(page, page.pick(("Checkout", "Delivery and payment", "Your details")),
                           forms.order_fields(page), page.pick(("Place order", "Pay now", "Continue to payment")), level=1)  # fmt: skip
    offers = page.say.trade.offers
    chosen, total, noted = page.some(offers, page.upto(1, 4)), 0, []
    c = page.look.palette
    page.rule(
        ".sum-line",
        f"padding: {page.px(1.2)} 0; border-bottom: 1px solid {c.border}; overflow: hidden",
    )
    page.rule(".sum-line span", "float: right")
    page.rule(".sum-total", "border-bottom: 0; font-weight: 700")
    lines: list[Tag] = []
    for name, low, high in chosen:
        number, price = page.pick((1, 1, 1, 2, 3)), page.rng.randint(low, high)
        total += number * price
        label = f"{name} × {number}"  # noqa: RUF001
        lines.append(tag("p", label, tag("span", f"${number * price:,}"), cls="sum-line"))
        noted.append([label, f"${number * price:,}"])
    ship = page.pick((0, 5, 8, 12))
    shown = f"${ship}" if ship else "Free"
    lines.append(tag("p", "Delivery", tag("span", shown), cls="sum-line"))
    lines.append(tag("p", "Total", tag("span", f"${total + ship:,}"), cls="sum-line sum-total"))
    noted += [["Delivery", shown], ["Total", f"${total + ship:,}"]]
    title = page.pick(("Order summary", "Your basket", "In your cart"))
    page.note("summary", title=title, items=noted)
    box = f.panel(page, title, *lines)
    page.rule(".sum-line + .sum-line", "margin-top: 0")
    if page.d < 0.2:
        page.rule(".panel", f"margin-bottom: {page.px(3)}")
        return framed(page, f"Checkout | {page.say.brand}", s.narrow(page, box, form, width_px=640))
    return framed(
        page,
        f"Checkout | {page.say.brand}",
        s.plain_main(page, side_by_side(page, form, box, (62, 38), "layout")),
    )


def survey(page: Page) -> str:
    """Questions with choices."""
    title = page.pick(
        (
            "Tell us what you think",
            "A short survey",
            "Your opinion counts",
            "Two minutes for feedback",
        )
    )
    form = forms.draw_form(page, title, forms.survey_fields(page), page.pick(("Send answers", "Submit", "Finish")),
                           page.say.lead(), level=1, boxed=page.chance(0.7))  # fmt: skip
    return framed(page, title, s.narrow(page, form, width_px=page.pick((620, 680, 740))))


def settings(page: Page) -> str:
    """An account's settings with a menu at the side."""
    page.centered = False
    title = page.pick(("Profile settings", "Account", "Your profile", "Preferences"))
    form = forms.draw_form(page, title, forms.settings_fields(page), page.pick(("Save changes", "Save", "Update profile")),
                           level=1)  # fmt: skip
    if page.d < 0.2:
        return framed(page, title, s.narrow(page, form))
    names = ["Profile", "Security", "Notifications", "Billing", "Team", "Connections"][
        : page.upto(3, 6)
    ]
    menu = tag(
        "aside", side_menu(page, page.pick(("", "Settings")), names, page.rng.randrange(len(names)))
    )
    return framed(
        page, title, s.plain_main(page, side_by_side(page, menu, form, (24, 76), "layout"))
    )


def dashboard(page: Page) -> str:
    """Figures of a company, with a bar at the top or at the side."""
    page.centered = False
    title = page.pick(
        (
            "Dashboard",
            "Overview",
            "This week at a glance",
            f"Good morning, {page.say.person().split()[0]}",
        )
    )
    parts: list[Tag] = []
    menu = _rail(page) if page.d > 0.4 and page.chance(0.6) else None
    page.note("heading", heading=title, text="")
    parts.append(heading(page, title, level=1))
    parts.append(f.tiles(page, 2 if page.d < 0.2 else page.pick((3, 4)) if page.d < 0.7 else 4))
    page.rule(".tiles, .panels, .panel-solo", f"margin-bottom: {page.px(3)}")
    if page.d > 0.3:
        left, right = page.some((f.chart, f.bars, f.events), 2)
        shares = page.pick(((50, 50), (60, 40), (66, 34)))
        parts.append(side_by_side(page, left(page), right(page), shares, "panels"))
        if page.look.layout != "float":
            page.rule(".panels", f"gap: {page.px(2.5)}; align-items: stretch")
    if page.d > 0.5:
        make = page.pick((f.orders, f.stock, f.months))
        sheet = make(page, page.upto(4, 8))
        parts.append(
            tag("div", f.panel(page, sheet.title, f.draw_table(page, sheet)), cls="panel-solo")
        )
    if menu is None:
        return framed(page, f"{title} | {page.say.brand}", s.plain_main(page, parts))
    page.rule(".shell", "display: flex; min-height: 100vh")
    page.rule(".shell > main", f"flex: 1; min-width: 0; padding: {page.px(4)}")
    return page.document(
        f"{title} | {page.say.brand}", tag("div", menu, tag("main", parts), cls="shell")
    )


def _rail(page: Page) -> Tag:
    """A dark or light bar with links at the left edge."""
    c = page.look.palette
    ground, ink, faint = page.pick(((c.deep, c.on_deep, c.on_deep_muted), (c.surface, c.text, c.muted),
                                    (c.primary, c.on_primary, c.on_primary)))  # fmt: skip
    names = page.some(
        ("Overview", "Orders", "Customers", "Reports", "Messages", "Calendar", "Team", "Settings"),
        page.upto(4, 8),
    )
    page.rule(
        ".rail",
        f"flex: 0 0 {page.pick((200, 220, 240))}px; background: {ground}; color: {ink}; padding: {page.px(3)} {page.px(2)}; border-right: 1px solid {c.border}",
    )
    page.rule(
        ".rail-brand",
        f"font-size: {page.font_px(1.2)}; font-weight: 700; margin-bottom: {page.px(3)}; padding-left: {page.px(1.5)}",
    )
    page.rule(
        ".rail a",
        f"display: block; padding: {page.px(1.1)} {page.px(1.5)}; color: {faint}; text-decoration: none; border-radius: {page.look.radius_px}px",
    )
    page.rule(".rail .current", f"color: {ink}; font-weight: 700")
    page.note("rail", brand=page.say.brand, links=names, active=names[0], ground=ground)
    links = [
        tag("a", name, href="#", cls="current" if i == 0 else None) for i, name in enumerate(names)
    ]
    return tag("aside", tag("p", page.say.brand, cls="rail-brand"), tag("nav", links), cls="rail")


def table(page: Page) -> str:
    """One table, perhaps two, with a heading and a search line."""
    page.centered = False
    make = page.pick(f.SHEETS)
    sheet = make(page, page.upto(3, 12))
    text = page.say.lead() if page.chance(0.6) else ""
    page.note("heading", heading=sheet.title, text=text)
    head = heading(page, sheet.title, text, level=1)
    crumbs = (
        breadcrumbs(page, "Home", page.say.sections(1)[0], sheet.title)
        if page.d > 0.4 and page.chance(0.4)
        else None
    )
    parts = [head, f.draw_table(page, sheet)]
    page.rule(".table-foot", f"margin-top: {page.px(2)}")
    if page.d > 0.3:
        line = f"Showing {len(sheet.rows)} of {page.rng.randint(len(sheet.rows), 480)} entries"
        page.note("line", text=line)
        parts.append(tag("div", small(page, line), cls="table-foot"))
    else:
        text = page.pick(("Download as CSV", "Print", "Add a row"))
        page.note("buttons", items=[text], button_color=page.look.palette.primary)
        parts.append(tag("div", button(page, text), cls="table-foot"))
    if page.d > 0.75:
        other = page.pick([m for m in f.SHEETS if m is not make])(page, page.upto(3, 5))
        page.note("heading", heading=other.title, text="")
        page.rule(".second", f"margin-top: {page.px(5)}")
        parts.append(
            tag("section", heading(page, other.title), f.draw_table(page, other), cls="second")
        )
    return framed(page, f"{sheet.title} | {page.say.brand}", s.plain_main(page, crumbs, parts))


def schedule(page: Page) -> str:
    """A timetable or the programme of a day."""
    page.centered = False
    if page.chance(0.5):
        sheet = f.timetable(page)
        title, content = sheet.title, f.draw_table(page, sheet)
    else:
        title = page.pick(("Programme", "Agenda", "Talks and workshops"))
        content = f.agenda(page, page.upto(3, 9))
    text = page.pick((page.say.date(), page.say.lead(), f"{page.say.city}, {page.say.date()}"))
    page.note("heading", heading=title, text=text)
    extra = s.call(page) if page.d > 0.6 and page.chance(0.5) else None
    return framed(
        page,
        f"{title} | {page.say.brand}",
        s.plain_main(page, heading(page, title, text, level=1), content),
        extra,
    )


def board(page: Page) -> str:
    """Columns of cards: a plan of work."""
    page.centered = False
    c = page.look.palette
    title = page.pick(("Project board", "Sprint plan", "Team tasks", "Roadmap"))
    names = page.pick(
        (
            ("To do", "In progress", "Done"),
            ("Backlog", "Next", "Doing", "Shipped"),
            ("Ideas", "Planned", "Live"),
        )
    )
    page.rule(
        ".lane",
        f"background: {c.soft}; border-radius: {page.look.radius_px}px; padding: {page.px(2)}",
    )
    page.rule(".lane h2", f"font-size: {page.font_px(1.02)}; margin-bottom: {page.px(2)}")
    page.rule(".task", f"padding: {page.px(1.8)}; margin-bottom: {page.px(1.5)}")
    page.rule(".task p", "margin: 0")
    page.rule(".task h3", f"font-size: {page.font_px(0.98)}; margin: {page.px(0.8)} 0")
    lanes, noted = [], []
    for name in names:
        tasks = [page.say.topic() for _ in range(max(1, page.upto(1, 4) - page.rng.randrange(2)))]
        cards = []
        for text in tasks:
            mark = (
                badge(page, page.pick(page.say.trade.sections.split()))
                if page.chance(page.d + 0.2)
                else None
            )
            cards.append(
                card(page, mark, tag("h3", text), small(page, page.say.person()), name="task")
            )
        lanes.append(tag("div", tag("h2", f"{name} ({len(tasks)})"), cards, cls="lane"))
        noted.append({"name": name, "items": tasks})
    page.note("heading", heading=title, text="")
    page.note("board", items=noted)
    head = heading(page, title, page.say.lead() if page.chance(0.4) else "", level=1)
    row = columns(page, "board", lanes, len(lanes), 2)
    if page.look.layout == "grid":
        page.rule(".board", "align-items: start")
    return framed(page, f"{title} | {page.say.brand}", s.plain_main(page, head, row))


def invoice(page: Page) -> str:
    """A bill as a document."""
    page.centered = False
    c, say = page.look.palette, page.say
    number, date, customer = (
        f"{page.rng.randint(2023, 2026)}-{page.rng.randint(101, 998)}",
        say.date(),
        say.person(),
    )
    rows, total = [], 0
    for name, low, high in page.some(say.trade.offers, page.upto(2, 6)):
        n, price = page.pick((1, 1, 2, 3, 5)), page.rng.randint(low, high)
        total += n * price
        rows.append((name, str(n), f"${price:,}", f"${n * price:,}"))
    word = page.pick(("Invoice", "Receipt", "Statement"))
    sheet = f.Sheet(
        f"{word} {number}",
        ("Item", "Quantity", "Price", "Amount"),
        tuple(rows),
        frozenset({1, 2, 3}),
    )
    page.rule(
        ".paper",
        f"max-width: {page.pick((760, 820))}px; margin: {page.px(4)} auto; padding: {page.px(5)}",
    )
    page.rule(".paper h1", f"font-size: {page.font_px(1.9)}; margin-bottom: {page.px(0.5)}")
    page.rule(".paper-head", f"margin-bottom: {page.px(4)}; overflow: hidden")
    page.rule(".paper-from", "float: right; text-align: right")
    page.rule(".paper-to", f"margin-bottom: {page.px(3)}")
    page.rule(
        ".paper-total",
        f"text-align: right; font-size: {page.font_px(1.25)}; font-weight: 700; margin-top: {page.px(2)}; color: {c.primary}",
    )
    page.note("invoice", heading=sheet.title, customer=customer, date=date, total=f"${total:,}")
    top = tag("div", tag("div", tag("strong", say.brand), tag("p", say.address()), tag("p", say.email("billing")), cls="paper-from"),
              tag("h1", sheet.title), small(page, f"Issued {date}"), cls="paper-head")  # fmt: skip
    page.rule(".paper-from p + p", "margin: 0")
    to = tag("div", small(page, "Billed to"), tag("p", tag("strong", customer)), cls="paper-to")
    page.rule(".paper-to p + p", "margin: 0")
    thanks = (
        small(
            page,
            f"Please pay within {page.pick((14, 30))} days. Thank you for choosing {say.brand}.",
        )
        if page.d > 0.3
        else None
    )
    body = card(page, top, to, f.draw_table(page, sheet), tag("p", f"Total {f'${total:,}'}", cls="paper-total"), thanks,
                name="paper", element="main")  # fmt: skip
    if page.d < 0.6:
        return page.document(f"{sheet.title} | {say.brand}", body)
    return framed(page, f"{sheet.title} | {say.brand}", body)


def messages(page: Page) -> str:
    """A list of messages with faces."""
    page.centered = False
    c, say = page.look.palette, page.say
    title = page.pick(("Inbox", "Messages", "Notifications"))
    page.rule(
        ".mail",
        f"display: flex; gap: {page.px(2)}; align-items: flex-start; padding: {page.px(2)}; border-bottom: 1px solid {c.border}; background: {c.surface}",
    )
    page.rule(".mail-text", "flex: 1; min-width: 0")
    page.rule(".mail h3", f"font-size: {page.font_px(1)}; margin: 0")
    page.rule(".mail p", "margin: 0")
    page.rule(".unread", f"border-left: 4px solid {c.primary}")
    items, noted = [], []
    for _ in range(page.upto(2, 9)):
        who, text, when = say.person(), say.sentence(), say.date(False)
        fresh = page.chance(0.3)
        line = tag("div", tag("h3", who), tag("p", text), cls="mail-text")
        items.append(
            tag(
                "div",
                avatar(page, who, 40),
                line,
                small(page, when, "span"),
                cls="mail unread" if fresh else "mail",
            )
        )
        noted.append({"from": who, "text": text, "date": when})
    page.note("heading", heading=title, text="")
    page.note("messages", items=noted)
    return framed(
        page,
        f"{title} | {say.brand}",
        s.plain_main(page, heading(page, title, level=1), tag("div", items, cls="mails")),
    )

"""Sections of content: heroes, features, figures, voices, plans, goods, posts, questions.

in:  a Page
out: tags, with notes of what they show
not covered: forms (forms.py), tables and dashboards (figures.py), frames (furniture.py)
"""

from __future__ import annotations

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
    wrap,
)
from viscodex.data.pages.trades import SOFTWARE

CALLS = (
    "Get started", "Learn more", "See the plans", "Start free trial", "Contact us", "Book a visit",
    "Browse all", "Read our story", "Order now", "Join today", "Talk to us", "Discover more",
)  # fmt: skip


_WHY = (
    "Why {brand}",
    "What you get",
    "Made for {audience}",
    "What we do",
    "How we work",
    "What sets us apart",
)


def features(page: Page) -> Tag:
    """Points as cards, as columns without a ground, or as a list."""
    c = page.look.palette
    n = page.pick((3, 3, 4, 6)) if page.d > 0.3 else page.pick((2, 3))
    points, title = page.say.points(n), page.say.fill(page.pick(_WHY))
    manner = page.pick(("cards", "cards", "icons", "lines"))
    page.rule(".point h3", f"font-size: {page.font_px(1.12)}; margin-bottom: {page.px(1)}")
    numbered, items = page.chance(0.5), []
    for i, (name, text) in enumerate(points):
        mark = None
        if manner == "icons":
            page.rule(
                ".icon",
                f"width: 44px; height: 44px; line-height: 44px; text-align: center; font-weight: 700; "
                f"background: {c.primary}; color: {c.on_primary}; border-radius: "
                f"{page.pick((50, 50, 22)) if i == 0 else 50}%; margin-bottom: {page.px(1.5)}",
            )
            mark = tag("div", str(i + 1) if numbered else name[0], cls="icon")
        inside = (mark, tag("h3", name), small(page, text))
        if manner == "lines":
            page.rule(".point", f"border-top: 3px solid {c.primary}; padding-top: {page.px(1.5)}")
        items.append(card(page, *inside) if manner == "cards" else tag("div", *inside, cls="point"))
    if manner == "cards":
        page.rule(".card h3", f"font-size: {page.font_px(1.12)}; margin-bottom: {page.px(1)}")
    n_columns = {2: 2, 3: 3, 4: page.pick((2, 4)), 6: 3}[n]
    page.note("features", heading=title, items=[name for name, _ in points],
              texts=[text for _, text in points], columns=n_columns)  # fmt: skip
    sub = page.say.lead() if page.chance(0.4) else ""
    return band(page, heading(page, title, sub), columns(page, "cards", items, n_columns),
                tone=page.tone("plain", "soft"))  # fmt: skip


def rows(page: Page) -> Tag:
    """Picture and text in turn."""
    n = page.upto(1, 3)
    points = page.say.points(n)
    parts = []
    page.rule(".row-text h2", f"font-size: {page.font_px(1.5)}; margin-bottom: {page.px(1.5)}")
    page.rule(".feature-row", f"margin-bottom: {page.px(5)}")
    for i, (name, text) in enumerate(points):
        more = page.say.sentence()
        words = tag("div", tag("h2", name), tag("p", text), tag("p", more), cls="row-text")
        picture = tag("div", photo(page, name, 240))
        pair = (words, picture) if i % 2 == 0 else (picture, words)
        row = side_by_side(page, pair[0], pair[1], (50, 50), "feature-pair", "center")
        parts.append(tag("div", row, cls="feature-row"))
    page.note("rows", items=[name for name, _ in points], texts=[text for _, text in points])
    return band(page, parts)


def stats(page: Page) -> Tag:
    """A row of numbers."""
    c = page.look.palette
    numbers = page.say.measures(page.pick((3, 4)) if page.d > 0.25 else 3)
    tone = page.tone("plain", "soft", "deep", "primary")
    ink = {"deep": c.on_deep, "primary": c.on_primary}.get(tone, c.primary)
    faint = {"deep": c.on_deep_muted, "primary": c.on_primary}.get(tone, c.muted)
    cls = page.variant("stat", tone)
    page.rule(f".{cls}", "text-align: center")
    page.rule(
        f".{cls} strong",
        f"display: block; font-size: {page.font_px(2)}; color: {ink}; line-height: 1.2",
    )
    page.rule(f".{cls} span", f"color: {faint}; font-size: {page.font_px(0.9)}")
    items = [
        tag("div", tag("strong", value), tag("span", label), cls=cls) for label, value in numbers
    ]
    page.note("stats", items=[[label, value] for label, value in numbers], tone=tone)
    return band(page, columns(page, "stats", items, len(items)), tone=tone)


_VOICES = (
    "What our customers say",
    "Kind words",
    "Loved by {audience}",
    "In their words",
    "Voices",
)


def testimonials(page: Page) -> Tag:
    """Quotes of customers."""
    c, say = page.look.palette, page.say
    n = page.pick((2, 3)) if page.d > 0.25 else 1
    title = say.fill(page.pick(_VOICES))
    page.rule(".quote-text", f"font-style: italic; margin-bottom: {page.px(2)}")
    page.rule(".quote-by", f"font-size: {page.font_px(0.9)}; color: {c.muted}")
    page.rule(".stars", f"color: {c.accent}; letter-spacing: 2px; margin-bottom: {page.px(1)}")
    starred, items, noted = page.chance(0.4), [], []
    for _ in range(n):
        text, name, role = say.praise(), say.person(), page.pick(("Customer", "Teacher", "Engineer", "Designer", "Nurse", "Student"))  # fmt: skip
        stars = tag("div", "★" * page.pick((5, 5, 4)), cls="stars") if starred else None
        who = tag("figcaption", tag("strong", name), f", {role}", cls="quote-by")
        items.append(card(page, stars, tag("blockquote", f"“{text}”", cls="quote-text"), who,
                          name="quote", element="figure"))  # fmt: skip
        noted.append([name, text])
    page.note("testimonials", heading=title, items=noted)
    return band(
        page,
        heading(page, title),
        columns(page, "cards", items, n),
        tone=page.tone("plain", "soft"),
    )


def call(page: Page) -> Tag:
    """A band that asks for one thing."""
    c, say = page.look.palette, page.say
    tone = page.tone("primary", "deep", "soft")
    title = say.fill(page.pick(("Ready to begin?", "Visit us in {city}", "Questions? We are glad to help.",
                                "Start with {brand} today", "Come and see for yourself")))  # fmt: skip
    text, press = say.lead(), page.pick(CALLS)
    faint = {"deep": c.on_deep_muted, "primary": c.on_primary}.get(tone, c.muted)
    page.rule(".call", "text-align: center")
    page.rule(".call h2", f"font-size: {page.font_px(1.7)}; margin-bottom: {page.px(1)}")
    page.rule(".call p", f"color: {faint}; margin-bottom: {page.px(3)}")
    page.note("call", heading=title, text=text, buttons=[press], tone=tone,
              button_color=c.on_primary if tone == "primary" else c.primary)  # fmt: skip
    inner = tag("div", tag("h2", title), tag("p", text), button(page, press, on=tone), cls="call")
    return band(page, inner, tone=tone)


_PLAN_NAMES = (("Basic", "Plus", "Pro", "Team"), ("Starter", "Standard", "Premium", "Enterprise"),
               ("Free", "Personal", "Business", "Scale"), ("Bronze", "Silver", "Gold", "Platinum"))  # fmt: skip
_PERKS = (
    "Email support", "Phone support", "Everything in one place", "Monthly report", "Weekly report", "First in line",
    "One location", "All locations", "Two guest passes", "Early access", "Free delivery", "Cancel any time",
    "Personal contact", "Members' evenings", "Ten per cent off", "Free first month", "No booking fee", "Welcome pack",
)  # fmt: skip
_DIGITAL_PERKS = (
    "Email support", "Phone support", "All features", "Up to 5 seats", "Unlimited seats", "10 GB of storage",
    "100 GB of storage", "Monthly report", "Audit log", "Priority queue", "Custom branding", "Single sign-on",
    "Daily backups", "Own domain", "Early access", "99.9% uptime", "Cancel any time", "Dedicated contact",
)  # fmt: skip


def plans(page: Page, n: int = 0) -> Tag:
    """Plans with prices side by side; one is recommended."""
    c = page.look.palette
    n = n or (3 if page.d < 0.75 else page.pick((3, 4)))
    names = page.pick(_PLAN_NAMES)[:n]
    digital = page.trade in SOFTWARE
    price, period = (
        page.pick((0, 5, 9, 12)),
        page.pick(("month", "month", "year", "seat" if digital else "person")),
    )
    best, items, noted = page.rng.randrange(n), [], []
    ask = page.pick(("Choose plan", "Select", "Get started", "Sign up"))
    mark = page.pick(("Most popular", "Recommended", "Best value"))
    page.rule(".plan", "text-align: center")
    page.rule(".plan .tag", f"margin-bottom: {page.px(1)}")
    page.rule(".plan h3", f"font-size: {page.font_px(1.2)}")
    page.rule(".price", f"font-size: {page.font_px(2.1)}; font-weight: 700; margin: {page.px(1)} 0")
    page.rule(".price span", f"font-size: {page.font_px(0.88)}; font-weight: 400; color: {c.muted}")
    page.rule(".perks", f"list-style: none; margin: {page.px(2)} 0 {page.px(3)}; padding: 0")
    page.rule(".perks li", f"padding: {page.px(0.9)} 0; border-bottom: 1px solid {c.border}")
    page.rule(".best", f"border: 2px solid {c.primary}")
    for i, name in enumerate(names):
        perks = page.some(_DIGITAL_PERKS if digital else _PERKS, page.upto(2, 5))
        amount = f"${price}"
        box = card(
            page,
            badge(page, mark, "strong") if i == best else None,
            tag("h3", name),
            tag("p", amount, tag("span", f" / {period}"), cls="price"),
            tag("ul", [tag("li", perk) for perk in perks], cls="perks"),
            button(page, ask, ghost=i != best),
            name="plan",
        )
        items.append(tag("div", box.children, cls="plan best") if i == best else box)
        noted.append({"name": name, "price": amount, "period": period, "perks": perks})
        price += page.pick((8, 10, 14, 20, 29)) + price // 2
    page.note("plans", items=noted, best=names[best], mark=mark, button=ask)
    return columns(page, "plans", items, n)


def goods(page: Page, n: int, per_row: int) -> Tag:
    """Products with picture, name, price and a button."""
    c = page.look.palette
    offers = page.say.offers(n)
    add = page.pick(("Add to cart", "Buy now", "Add to basket", "View", "Choose"))
    height, with_button = page.pick((150, 170, 190)), page.chance(0.75)
    starred, marked = page.chance(0.5), page.chance(0.5)
    page.rule(
        ".goods-name", f"font-size: {page.font_px(1.02)}; margin: {page.px(1.5)} 0 {page.px(0.5)}"
    )
    page.rule(
        ".goods-price", f"font-weight: 700; color: {c.primary}; margin-bottom: {page.px(1.5)}"
    )
    page.rule(
        ".product .button",
        f"display: block; text-align: center; padding: {page.px(1)}; width: 100%",
    )
    page.rule(".stars", f"color: {c.accent}; font-size: {page.font_px(0.9)}")
    items, noted = [], []
    for name, price in offers:
        full = page.rng.randint(3, 5)
        sale = marked and page.chance(0.2)
        stars = tag("div", "★" * full + "☆" * (5 - full), cls="stars") if starred else None
        items.append(card(
            page,
            photo(page, name, height),
            tag("h3", name, cls="goods-name"),
            stars,
            tag("p", price, badge(page, page.pick(("Sale", "New", "Last few")), "strong") if sale else None, cls="goods-price"),
            button(page, add, name="button") if with_button else None,
            name="product", element="article",
        ))  # fmt: skip
        page.rule(".goods-price .tag", f"margin-left: {page.px(1)}")
        noted.append([name, price])
    page.rule(".product", f"padding: {page.px(2)}")
    page.note("goods", items=noted, columns=per_row, button=add if with_button else "")
    return columns(page, "goods", items, per_row)


def posts(page: Page, n: int, per_row: int) -> Tag:
    """Teasers of articles."""
    c, say = page.look.palette, page.say
    items, noted = [], []
    pictured = page.chance(0.7)
    page.rule(".post h3", f"font-size: {page.font_px(1.15)}; margin: {page.px(1)} 0")
    page.rule(".post h3 a", f"color: {c.text}; text-decoration: none")
    page.rule(
        ".more",
        f"display: inline-block; margin-top: {page.px(1)}; color: {c.primary}; font-weight: 600; text-decoration: none",
    )
    more = page.pick(("Read more", "Continue reading", "Read the article", "More →"))
    for _ in range(n):
        title, date, author = say.topic(), say.date(), say.person()
        text = say.paragraph(1, 2)
        picture = photo(page, title, 160 if per_row > 1 else 220) if pictured else None
        items.append(card(page, picture, small(page, f"{date} · {author}"), tag("h3", tag("a", title, href="#")),
                          tag("p", text), tag("a", more, href="#", cls="more"), name="post", element="article"))  # fmt: skip
        noted.append({"title": title, "date": date, "author": author})
    page.note("posts", items=noted, columns=per_row)
    return columns(page, "posts", items, per_row)


def questions(page: Page, n: int) -> Tag:
    """Questions with their answers."""
    c = page.look.palette
    pairs = page.say.questions(n)
    manner = page.pick(("list", "cards", "details"))
    page.rule(".question h3", f"font-size: {page.font_px(1.08)}; margin-bottom: {page.px(0.8)}")
    page.rule(".question", f"padding: {page.px(2)} 0; border-bottom: 1px solid {c.border}")
    page.rule(
        ".question summary", f"font-weight: 600; cursor: pointer; margin-bottom: {page.px(0.8)}"
    )
    items = []
    for ask, answer in pairs:
        if manner == "details":
            items.append(
                tag("details", tag("summary", ask), tag("p", answer), open=True, cls="question")
            )
        elif manner == "cards":
            page.rule(".card h3", f"font-size: {page.font_px(1.08)}; margin-bottom: {page.px(0.8)}")
            items.append(card(page, tag("h3", ask), small(page, answer)))
        else:
            items.append(tag("div", tag("h3", ask), tag("p", answer), cls="question"))
    page.note("questions", items=[list(pair) for pair in pairs])
    if manner == "cards":
        return columns(page, "cards", items, 2 if len(items) > 1 else 1)
    return tag("div", items, cls="question-list")


def people(page: Page, n: int) -> Tag:
    """A team: faces, names and roles."""
    say = page.say
    items, noted = [], []
    roles = page.some(say.trade.roles, n)
    pictured = page.chance(0.5)
    page.rule(".person", "text-align: center")
    page.rule(".person h3", f"font-size: {page.font_px(1.05)}; margin-top: {page.px(1.5)}")
    for role in roles:
        name = say.person()
        face = photo(page, name, 180, "portrait") if pictured else avatar(page, name, 72)
        items.append(card(page, face, tag("h3", name), small(page, role), name="person"))
        noted.append([name, role])
    page.note("people", items=noted)
    return columns(page, "people", items, min(len(items), 4))


def prose(page: Page, paragraphs: int) -> list[Tag]:
    """Text of an article: paragraphs, sub-headings, a quote, a list."""
    c, say = page.look.palette, page.say
    page.rule(".prose p", f"margin-bottom: {page.px(2)}")
    page.rule(".prose h2", f"font-size: {page.font_px(1.4)}; margin: {page.px(4)} 0 {page.px(1.5)}")
    parts: list[Tag] = [tag("p", say.paragraph())]
    heads: list[str] = []
    for i in range(1, paragraphs):
        if i % 3 == 1 and paragraphs > 2:
            heads.append(say.topic())
            parts.append(tag("h2", heads[-1]))
        if i % 4 == 2 and page.chance(0.6):
            page.rule(
                ".prose blockquote",
                f"border-left: 4px solid {c.primary}; padding: {page.px(1)} {page.px(2)}; "
                f"margin: {page.px(3)} 0; background: {c.soft}; font-style: italic",
            )
            parts.append(tag("blockquote", say.sentence()))
        if i % 4 == 3 and page.chance(0.6):
            page.rule(".prose ul, .prose ol", f"margin: 0 0 {page.px(2)} {page.px(3)}; padding: 0")
            page.rule(".prose li", f"margin-bottom: {page.px(0.8)}")
            items = [
                tag("li", tag("strong", f"{name}:"), f" {text}") for name, text in say.points(3)
            ]
            parts.append(tag(page.pick(("ul", "ol")), items))
        parts.append(tag("p", say.paragraph()))
    page.note("prose", headings=heads, paragraphs=paragraphs)
    return parts


def narrow(page: Page, *children: Tag | list[Tag] | None, width_px: int = 720) -> Tag:
    """A column for reading."""
    page.rule(
        ".narrow", f"max-width: {width_px}px; margin: 0 auto; padding: {page.px(5)} {page.px(3)}"
    )
    return tag("main", *children, cls="narrow")


def plain_main(page: Page, *children: Tag | list[Tag] | None) -> Tag:
    """The content of a page without bands."""
    page.rule(".page-main", f"padding: {page.px(4)} 0")
    return tag("main", wrap(page, *children), cls="page-main")

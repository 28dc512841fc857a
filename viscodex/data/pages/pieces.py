"""The small pieces that sections are made of: containers, grids, buttons, headings, cards.

in:  a Page and children
out: tags; their rules go to the page's style sheet
not covered: whole sections (sections.py, furniture.py, forms.py, figures.py)
"""

from __future__ import annotations

from collections.abc import Sequence

from viscodex.data.pages.markup import Child, Tag, tag
from viscodex.data.pages.page import Page


def wrap(page: Page, *children: Child) -> Tag:
    """The column in the middle that holds the content."""
    page.rule(
        ".wrap", f"max-width: {page.look.width_px}px; margin: 0 auto; padding: 0 {page.px(3)}"
    )
    return tag("div", *children, cls="wrap")


def band(page: Page, *children: Child, tone: str = "plain", name: str = "section") -> Tag:
    """A section over the whole width; tone is plain, soft, deep or primary."""
    c = page.look.palette
    page.rule(f".{name}", f"padding: {page.px(5 if page.d > 0.6 else 7)} 0")
    if tone == "soft":
        page.rule(".soft", f"background: {c.soft}")
    elif tone == "deep":
        page.rule(".dark", f"background: {c.deep}; color: {c.on_deep}")
        page.rule(".dark .muted", f"color: {c.on_deep_muted}")
    elif tone == "primary":
        page.rule(".tinted", f"background: {c.primary}; color: {c.on_primary}")
    elif tone == "gradient":
        page.rule(
            ".gradient",
            f"background: linear-gradient({page.look.angle}deg, {c.primary}, {c.accent}); "
            f"color: {c.on_primary}",
        )
    extra = {"soft": " soft", "deep": " dark", "primary": " tinted", "gradient": " gradient"}
    return tag("section", wrap(page, *children), cls=name + extra.get(tone, ""))


def columns(page: Page, name: str, items: Sequence[Tag], n: int, gap: float = 3) -> Tag:
    """Items side by side, n in a row, in the page's manner: grid, flex or float."""
    space = round(gap * page.look.unit_px)
    cls = page.variant(name, n, space)
    if page.look.layout == "grid":
        page.rule(
            f".{cls}",
            f"display: grid; grid-template-columns: repeat({n}, 1fr); gap: {space}px",
        )
    elif page.look.layout == "flex":
        page.rule(f".{cls}", f"display: flex; flex-wrap: wrap; gap: {space}px")
        page.rule(f".{cls} > *", f"width: calc((100% - {space * (n - 1)}px) / {n})")
    else:
        page.rule(f".{cls} > *", f"float: left; width: {(102 - 2 * n) / n:.4g}%")
        page.rule(f".{cls} > *", f"margin: 0 2% {space}px 0")
        page.rule(f".{cls} > :nth-child({n}n)", "margin-right: 0")
        page.rule(f".{cls} > :nth-child({n}n+1)", "clear: left")
        page.rule(f".{cls}::after", "content: ''; display: block; clear: both")
    return tag("div", items, cls=cls)


def side_by_side(page: Page, left: Tag, right: Tag, shares: tuple[int, int], name: str,
                 align: str = "start") -> Tag:  # fmt: skip
    """Two blocks beside each other; shares are their parts of the width, in percent."""
    gap = 6 * page.look.unit_px
    a, b = shares
    cls = page.variant(name, shares, align)
    if page.look.layout == "grid":
        page.rule(
            f".{cls}",
            f"display: grid; grid-template-columns: {a}fr {b}fr; gap: {gap}px; align-items: {align}",
        )
    elif page.look.layout == "flex":
        stand = "flex-start" if align == "start" else align
        page.rule(f".{cls}", f"display: flex; gap: {gap}px; align-items: {stand}")
        page.rule(f".{cls} > :first-child", f"flex: {a}; min-width: 0")
        page.rule(f".{cls} > :last-child", f"flex: {b}; min-width: 0")
    else:
        page.rule(f".{cls} > :first-child", f"float: left; width: {a - 2}%")
        page.rule(f".{cls} > :last-child", f"float: right; width: {b - 2}%")
        page.rule(f".{cls}::after", "content: ''; display: block; clear: both")
    return tag("div", left, right, cls=cls)


def button(page: Page, text: str, ghost: bool = False, name: str = "a", on: str = "plain") -> Tag:
    """A button, or a link that looks like one; on is the tone of the band below it."""
    look, c = page.look, page.look.palette
    page.rule(
        ".button",
        f"display: inline-block; padding: {page.px(1.4)} {page.px(3)}; "
        f"border-radius: {look.button_radius_px}px; border: 1px solid {c.primary}; "
        f"background: {c.primary}; color: {c.on_primary}; font: inherit; font-weight: 600; "
        "text-decoration: none; cursor: pointer",
    )
    if look.uppercase:
        page.rule(
            ".button",
            f"text-transform: uppercase; letter-spacing: 0.05em; font-size: {page.font_px(0.85)}",
        )
    cls = "button"
    if on in ("primary", "gradient") and ghost:
        page.rule(
            ".button-clear", f"background: transparent; color: {c.on_primary}; border-color: {c.on_primary}"
        )  # fmt: skip
        cls = "button button-clear"
    elif on in ("primary", "gradient"):
        page.rule(
            ".button-inverse", f"background: {c.on_primary}; color: {c.primary}; border-color: {c.on_primary}"
        )  # fmt: skip
        cls = "button button-inverse"
    elif on == "deep" and ghost:
        page.rule(
            ".button-line", f"background: transparent; color: {c.on_deep}; border-color: {c.on_deep_muted}"
        )  # fmt: skip
        cls = "button button-line"
    elif ghost:
        page.rule(".ghost", f"background: transparent; color: {c.primary}")
        cls = "button ghost"
    if name == "a":
        return tag("a", text, href="#", cls=cls)
    return tag("button", text, type="submit" if name == "submit" else "button", cls=cls)


def heading(page: Page, title: str, text: str = "", level: int = 2, kicker: str = "") -> Tag:
    """A section's heading with a sentence below it."""
    c = page.look.palette
    page.rule(".section-head", f"margin-bottom: {page.px(4)}")
    if page.centered:
        page.rule(".section-head", "text-align: center")
        page.rule(".section-head p", "max-width: 620px; margin: 0 auto")
    size = {1: 2.1, 2: 1.65, 3: 1.25}[level]
    page.rule(
        f".section-head h{level}",
        f"font-size: {page.font_px(size)}; margin-bottom: {page.px(1)}",
    )
    page.rule(".section-head .muted", f"color: {c.muted}")
    over = kicker_line(page, kicker) if kicker else None
    below = tag("p", text, cls="muted") if text else None
    return tag("div", over, tag(f"h{level}", title), below, cls="section-head")


def kicker_line(page: Page, text: str) -> Tag:
    """The small line above a heading."""
    page.rule(
        ".kicker",
        f"color: {page.look.palette.accent}; font-size: {page.font_px(0.82)}; font-weight: 700; "
        f"text-transform: uppercase; letter-spacing: 0.08em; margin-bottom: {page.px(1)}",
    )
    return tag("p", text, cls="kicker")


def card(page: Page, *children: Child, name: str = "card", element: str = "div") -> Tag:
    """A box with a ground of its own."""
    look, c = page.look, page.look.palette
    edge = (
        f"border: 1px solid {c.border}" if look.shadow == "none" else f"box-shadow: {look.shadow}"
    )
    page.rule(
        f".{name}",
        f"background: {c.surface}; {edge}; border-radius: {look.radius_px}px; "
        f"padding: {page.px(3)}",
    )
    return tag(element, *children, cls=name)


def small(page: Page, text: str, element: str = "p") -> Tag:
    """Text of less weight."""
    page.rule(".muted", f"color: {page.look.palette.muted}; font-size: {page.font_px(0.88)}")
    return tag(element, text, cls="muted")


def badge(page: Page, text: str, tone: str = "soft") -> Tag:
    """A small mark: New, Sale, Paid; tone is soft or strong."""
    c = page.look.palette
    page.rule(
        ".tag",
        f"display: inline-block; padding: 2px {page.px(1.2)}; font-size: {page.font_px(0.78)}; "
        f"font-weight: 600; border-radius: {min(page.look.button_radius_px, 12)}px; "
        f"background: {c.soft}; color: {c.primary}; border: 1px solid {c.border}",
    )
    if tone == "strong":
        page.rule(
            ".tag-strong",
            f"background: {c.accent}; color: {c.on_primary}; border-color: {c.accent}",
        )
        return tag("span", text, cls="tag tag-strong")
    return tag("span", text, cls="tag")


def photo(page: Page, what: str, height_px: int, name: str = "photo") -> Tag:
    """A picture of fixed height that fills its column."""
    cls = f"{name}"
    page.rule(
        f".{cls}",
        f"display: block; width: 100%; height: {height_px}px; object-fit: cover; "
        f"border-radius: {page.look.radius_px}px",
    )
    return tag("img", src="rick.jpg", alt=what, cls=cls)


def initials(name: str) -> str:
    """Two letters for a person."""
    return "".join(word[0] for word in name.split()[:2]).upper()


def avatar(page: Page, name: str, size_px: int = 44) -> Tag:
    """A disc with the person's initials, or a round picture."""
    c = page.look.palette
    disc = f"width: {size_px}px; height: {size_px}px; border-radius: 50%; flex-shrink: 0"
    cls = f"avatar-{size_px}"
    if page.d > 0.3 and page.look.unit_px % 2:
        page.rule(f".{cls}", f"{disc}; object-fit: cover")
        return tag("img", src="rick.jpg", alt=name, cls=cls)
    page.rule(
        f".{cls}",
        f"display: inline-block; {disc}; line-height: {size_px}px; text-align: center; "
        f"background: {c.primary}; color: {c.on_primary}; font-weight: 700; "
        f"font-size: {round(size_px * 0.36)}px",
    )
    return tag("div", initials(name), cls=cls)

"""What frames a page: header with navigation, breadcrumbs, notices, sidebars, footer.

in:  a Page
out: tags, with notes of what they show
not covered: the content between them (sections.py, forms.py, figures.py)
"""

from __future__ import annotations

from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import button, columns, wrap

_ACTIONS = ("Sign in", "Get started", "Log in", "Book now", "Contact us", "Sign up", "Try it free")


def header(page: Page, active: int | None = None, action: bool | None = None) -> Tag:
    """Brand and navigation."""
    c, say = page.look.palette, page.say
    tone = page.tone("surface", "surface", "plain", "deep", "primary")
    ground, ink, faint = {
        "surface": (c.surface, c.text, c.muted),
        "plain": (c.background, c.text, c.muted),
        "deep": (c.deep, c.on_deep, c.on_deep_muted),
        "primary": (c.primary, c.on_primary, c.on_primary),
    }[tone]
    links = say.sections(page.upto(2, 6))
    if page.chance(0.4):
        links[0] = "Home"
    active = active if active is not None and active < len(links) else None
    with_button = page.chance(0.2 + 0.5 * page.d) if action is None else action
    page.rule(".header", f"background: {ground}; color: {ink}; padding: {page.px(2)} 0")
    if tone in ("surface", "plain"):
        page.rule(".header", f"border-bottom: 1px solid {c.border}")
    page.rule(
        ".brand",
        f"font-size: {page.font_px(1.3)}; font-weight: 700; color: {ink}; text-decoration: none",
    )
    page.rule(".nav a", f"color: {faint}; text-decoration: none")
    page.rule(".nav .current", f"color: {ink}; font-weight: 600")
    items = [tag("a", text, href="#", cls="current" if i == active else None)
             for i, text in enumerate(links)]  # fmt: skip
    as_list = page.chance(0.5)
    nav = tag(
        "nav", tag("ul", [tag("li", item) for item in items]) if as_list else items, cls="nav"
    )
    act = page.pick(_ACTIONS)
    press = (
        button(page, act, on="primary" if tone == "primary" else "plain") if with_button else None
    )
    brand = tag("a", say.brand, href="#", cls="brand")
    page.note(
        "navigation", brand=say.brand, links=links, button=act if press else "", ground=ground
    )
    _lay_header(page, as_list, centred=not press and page.chance(0.18))
    floats = page.look.layout == "float"  # what stands first floats farthest to the right
    row = (brand, press, nav) if floats else (brand, nav, press)
    inner = tag("div", row, cls="wrap header-row")
    wrap(page)
    return tag("header", inner, cls="header")


def _lay_header(page: Page, as_list: bool, centred: bool) -> None:
    """The rules that put brand, links and button into a row."""
    gap = page.px(3)
    target = ".nav ul" if as_list else ".nav"
    if as_list:
        page.rule(".nav ul", "list-style: none; margin: 0; padding: 0")
    if centred:
        page.rule(".header-row", "text-align: center")
        page.rule(".brand", f"display: block; margin-bottom: {page.px(1)}")
        page.rule(
            ".nav li" if as_list else ".nav a", f"display: inline-block; margin: 0 {page.px(1.5)}"
        )
    elif page.look.layout == "float":
        page.rule(".brand", "float: left")
        page.rule(".nav", f"float: right; margin: {page.px(0.8)} 0")
        page.rule(".nav li" if as_list else ".nav a", f"display: inline-block; margin-left: {gap}")
        page.rule(".header-row .button", f"float: right; margin-left: {gap}")
        page.rule(".header-row::after", "content: ''; display: block; clear: both")
        page.rule(".nav", "max-width: 70%")
    else:
        page.rule(
            ".header-row",
            f"display: flex; align-items: center; justify-content: space-between; gap: {gap}",
        )
        page.rule(target, f"display: flex; gap: {gap}; align-items: center")
        if page.chance(0.4):
            page.rule(".nav", "margin-left: auto")


def breadcrumbs(page: Page, *trail: str) -> Tag:
    """Home / Section / This page."""
    c = page.look.palette
    mark = page.pick(("/", "/", "»", ">"))
    page.rule(
        ".crumbs", f"font-size: {page.font_px(0.88)}; color: {c.muted}; padding: {page.px(2)} 0"
    )
    page.rule(".crumbs a", f"color: {c.primary}; text-decoration: none")
    page.rule(".crumbs span", f"margin: 0 {page.px(0.8)}")
    parts: list[Tag | str] = []
    for name in trail[:-1]:
        parts += [tag("a", name, href="#"), tag("span", mark)]
    page.note("breadcrumbs", trail=list(trail))
    return tag("nav", parts, tag("strong", trail[-1]), cls="crumbs", aria_label="Breadcrumb")


_NOTICES = (
    "Free shipping on orders over $60 until Sunday.", "New: our opening hours change on {day}.",
    "We will be closed on {day} for stocktaking.", "Planned maintenance on {day} from 2 to 4 am.",
    "Read our report for the year: what worked and what did not.", "Summer offers are live: up to 30% off.",
)  # fmt: skip


def notice(page: Page) -> Tag:
    """A line over the page that announces something."""
    c = page.look.palette
    ground, ink = page.pick(((c.deep, c.on_deep), (c.accent, c.on_primary), (c.soft, c.text)))
    text = page.say.fill(page.pick(_NOTICES))
    page.rule(
        ".notice",
        f"background: {ground}; color: {ink}; text-align: center; padding: {page.px(1)} {page.px(2)}; "
        f"font-size: {page.font_px(0.88)}",
    )
    page.note("notice", text=text, ground=ground)
    return tag("div", text, cls="notice")


def side_menu(page: Page, title: str, links: list[str], active: int = 0) -> Tag:
    """A list of links at the side."""
    c = page.look.palette
    page.rule(".side-menu", "list-style: none; margin: 0; padding: 0")
    page.rule(".side-menu li", f"margin-bottom: {page.px(0.5)}")
    page.rule(
        ".side-menu a",
        f"display: block; padding: {page.px(0.8)} {page.px(1.5)}; color: {c.text}; "
        f"text-decoration: none; border-radius: {page.look.radius_px}px",
    )
    page.rule(".side-menu .current", f"background: {c.soft}; color: {c.primary}; font-weight: 600")
    page.rule(".side-title", f"font-size: {page.font_px(0.95)}; margin-bottom: {page.px(1)}")
    items = [
        tag("li", tag("a", text, href="#", cls="current" if i == active else None))
        for i, text in enumerate(links)
    ]
    page.note("menu", title=title, links=links, active=links[active] if links else "")
    return tag("div", tag("h3", title, cls="side-title") if title else None,
               tag("ul", items, cls="side-menu"))  # fmt: skip


_FOOT = {
    "Company": ("About us", "Careers", "Press", "Partners", "Our story"),
    "Help": ("Contact", "Support", "Shipping", "Returns", "Questions"),
    "Legal": ("Privacy", "Terms", "Cookies", "Imprint", "Accessibility"),
    "Follow": ("Newsletter", "Instagram", "Podcast", "YouTube", "Mastodon"),
}


def footer(page: Page, rich: bool | None = None) -> Tag:
    """The end of the page: one line, or columns of links."""
    c, say = page.look.palette, page.say
    tone = page.tone("deep", "deep", "soft", "plain")
    ground, ink, faint = {
        "deep": (c.deep, c.on_deep, c.on_deep_muted),
        "soft": (c.soft, c.text, c.muted),
        "plain": (c.surface, c.text, c.muted),
    }[tone]
    rich = page.chance(page.d) if rich is None else rich
    page.rule(
        ".footer",
        f"background: {ground}; color: {faint}; padding: {page.px(4 if rich else 2.5)} 0; "
        f"font-size: {page.font_px(0.9)}",
    )
    if tone != "deep":
        page.rule(".footer", f"border-top: 1px solid {c.border}")
    page.rule(".footer a", f"color: {faint}; text-decoration: none")
    owner = f"© {page.pick((2023, 2024, 2025, 2026))} {say.brand}"
    line = page.pick((f"{owner}. All rights reserved.", owner, f"{owner} · {say.city}"))
    if not rich:
        links = page.some(_FOOT["Legal"], page.upto(0, 3))
        page.note("footer", text=line, links=links, columns={}, ground=ground)
        return tag("footer", _plain_footer(page, line, links), cls="footer")
    titles = page.some(_FOOT, page.upto(2, 4))
    lists = {title: page.some(_FOOT[title], page.upto(3, 5)) for title in titles}
    page.note("footer", text=line, links=[], columns=lists, ground=ground)
    return tag("footer", _rich_footer(page, line, lists, ink), cls="footer")


def _plain_footer(page: Page, line: str, links: list[str]) -> Tag:
    if not links:
        page.rule(".footer", "text-align: center")
        return wrap(page, tag("p", line))
    page.rule(".footer-links a", f"margin-right: {page.px(2)}")
    if page.look.layout != "float":
        page.rule(
            ".footer-row", f"display: flex; justify-content: space-between; gap: {page.px(3)}"
        )
    wrap(page)
    return tag("div", tag("p", line), tag("div", [tag("a", link, href="#") for link in links],
               cls="footer-links"), cls="wrap footer-row")  # fmt: skip


def _rich_footer(page: Page, line: str, lists: dict[str, list[str]], ink: str) -> Tag:
    say = page.say
    page.rule(
        ".footer h4", f"color: {ink}; margin-bottom: {page.px(1.5)}; font-size: {page.font_px(1)}"
    )
    page.rule(".footer ul", "list-style: none; margin: 0; padding: 0")
    page.rule(".footer li", f"margin-bottom: {page.px(0.8)}")
    page.rule(
        ".footer-end",
        f"margin-top: {page.px(4)}; padding-top: {page.px(2)}; border-top: 1px solid "
        f"{page.look.palette.on_deep_muted if page.look.dark else page.look.palette.muted}",
    )
    about = tag("div", tag("h4", say.brand), tag("p", say.lead()))
    if page.chance(0.5):
        about = tag("div", tag("h4", say.brand), tag("p", say.address()), tag("p", say.phone()))
    blocks = [about] + [
        tag("div", tag("h4", title), tag("ul", [tag("li", tag("a", x, href="#")) for x in links]))
        for title, links in lists.items()
    ]
    return wrap(page, columns(page, "columns", blocks, len(blocks), 4),
                tag("p", line, cls="footer-end"))  # fmt: skip

"""What opens a landing page, and bands that only landing pages have.

in:  a Page
out: tags, with notes of what they show
not covered: the other sections (sections.py)
"""

from __future__ import annotations

from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import (
    band,
    button,
    columns,
    heading,
    kicker_line,
    photo,
    side_by_side,
    small,
)
from viscodex.data.pages.sections import CALLS
from viscodex.data.pages.wording import FAMILY


def hero(page: Page) -> Tag:
    """The first thing on a landing page: words alone, beside a picture, or below a wide one."""
    c, say = page.look.palette, page.say
    tone = page.tone("plain", "soft", "soft", "deep", "primary", "gradient")
    picture = page.pick(("beside", "beside", "above", "", "", "")) if page.d > 0.15 else ""
    title, text = say.headline(), say.lead()
    calls = page.some(CALLS, 2 if page.d > 0.3 and page.chance(0.6) else 1)
    page.rule(".hero h1", f"font-size: {page.font_px(2.7)}; margin-bottom: {page.px(2)}")
    bright = tone in ("primary", "gradient")
    faint = c.on_primary if bright else c.on_deep_muted if tone == "deep" else c.muted
    page.rule(
        ".lead", f"font-size: {page.font_px(1.15)}; color: {faint}; margin-bottom: {page.px(3)}"
    )
    page.rule(".hero .button + .button", f"margin-left: {page.px(1.5)}")
    over = (
        kicker_line(page, say.trade.label)
        if tone in ("plain", "soft") and page.chance(0.3)
        else None
    )
    press = [button(page, text_, ghost=i == 1, on=tone) for i, text_ in enumerate(calls)]
    words = tag("div", over, tag("h1", title), tag("p", text, cls="lead"), tag("div", press))
    centered = picture != "beside" and page.centered
    page.note("hero", heading=title, text=text, buttons=calls, picture=picture, tone=tone,
              button_color=c.on_primary if bright else c.primary, centered=centered)  # fmt: skip
    if picture == "beside":
        shot = photo(page, title, page.pick((280, 320, 360)), "hero-photo")
        first, second = (words, shot) if page.chance(0.7) else (shot, words)
        return band(
            page,
            side_by_side(page, first, second, (50, 50), "split", "center"),
            tone=tone,
            name="hero",
        )
    page.rule(".lead", "max-width: 640px")
    if centered:
        page.rule(".hero", "text-align: center")
        page.rule(".lead", "margin-left: auto; margin-right: auto")
    opening = band(page, words, tone=tone, name="hero")
    if picture == "above":
        wide = photo(page, title, page.pick((240, 300, 340)), "wide-photo")
        page.rule(".wide-photo", "border-radius: 0")
        return tag("div", wide, opening)
    return opening


def newsletter(page: Page) -> Tag:
    """A line to sign up with one's address."""
    c = page.look.palette
    tone = page.tone("soft", "deep", "plain")
    title = page.pick(
        ("Stay in touch", "News once a month", "Join our newsletter", "Be the first to know")
    )
    text, send = page.say.lead(), page.pick(("Subscribe", "Sign me up", "Join"))
    page.rule(".newsletter", "text-align: center")
    page.rule(".newsletter h2", f"font-size: {page.font_px(1.5)}; margin-bottom: {page.px(1)}")
    page.rule(".newsletter p", f"margin-bottom: {page.px(2.5)}")
    page.rule(
        ".newsletter input",
        f"padding: {page.px(1.4)} {page.px(2)}; width: 300px; max-width: 60%; border: 1px solid {c.border}; border-radius: {min(page.look.button_radius_px, 24)}px; font: inherit; margin-right: {page.px(1)}; background: {c.surface}; color: {c.text}",
    )
    field = tag("input", type="email", placeholder="you@mail.example")
    page.note("newsletter", heading=title, text=text, button=send, tone=tone)
    form = tag("form", field, button(page, send, name="submit", on=tone))
    return band(
        page, tag("div", tag("h2", title), tag("p", text), form, cls="newsletter"), tone=tone
    )


def steps(page: Page) -> Tag:
    """Numbered steps in a row."""
    c = page.look.palette
    title = page.pick(("How it works", "In three steps", "From first call to last detail"))
    points = page.say.points(3)
    page.rule(
        ".step-number",
        f"width: 40px; height: 40px; line-height: 40px; border-radius: 50%; text-align: center; font-weight: 700; background: {c.accent}; color: {c.on_primary}; margin-bottom: {page.px(1.5)}",
    )
    page.rule(".step h3", f"font-size: {page.font_px(1.12)}; margin-bottom: {page.px(0.8)}")
    if page.centered:
        page.rule(".step", "text-align: center")
        page.rule(".step-number", "margin-left: auto; margin-right: auto")
    items = [
        tag(
            "div",
            tag("div", str(i + 1), cls="step-number"),
            tag("h3", name),
            small(page, text),
            cls="step",
        )
        for i, (name, text) in enumerate(points)
    ]
    page.note("steps", heading=title, items=[name for name, _ in points])
    return band(page, heading(page, title), columns(page, "steps", items, 3, 4))


def partners(page: Page) -> Tag:
    """Names of others in a row."""
    c = page.look.palette
    title = page.pick(("Trusted by", "Seen in", "Our partners", "They work with us"))
    names = [
        f"{name} {page.pick(('Ltd', 'Group', 'Media', 'Foods', 'Rail', 'House'))}"
        for name in page.some(FAMILY, page.pick((4, 5)))
    ]
    page.rule(
        ".partners-title", f"text-align: center; color: {c.muted}; margin-bottom: {page.px(2)}"
    )
    page.rule(
        ".partner",
        f"text-align: center; font-weight: 700; font-size: {page.font_px(1.15)}; color: {c.muted}",
    )
    page.note("partners", heading=title, items=names)
    row = columns(
        page, "partners", [tag("div", name, cls="partner") for name in names], len(names), 2
    )
    return band(page, tag("p", title, cls="partners-title"), row, name="strip")

"""Forms: fields with labels, choices, buttons; log in, contact, order, survey, settings.

in:  a Page
out: tags, with notes of what they show
not covered: the pages around them (kinds.py)
"""

from __future__ import annotations

from dataclasses import dataclass

from viscodex.data.pages.markup import Tag, tag
from viscodex.data.pages.page import Page
from viscodex.data.pages.pieces import button, card


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form."""

    label: str
    kind: str = "text"  # text, email, tel, password, area, select, radio, check, scale
    hint: str = ""  # placeholder or value
    options: tuple[str, ...] = ()
    half: bool = False  # two of them share a line


def field_rules(page: Page) -> None:
    """How fields look."""
    look, c = page.look, page.look.palette
    page.rule(".field", f"margin-bottom: {page.px(2)}")
    page.rule(".field label", f"display: block; font-weight: 600; margin-bottom: {page.px(0.6)}")
    page.rule(
        ".field input, .field select, .field textarea",
        f"width: 100%; padding: {page.px(1.2)} {page.px(1.4)}; border: 1px solid {c.border}; "
        f"border-radius: {min(look.radius_px, 8)}px; font: inherit; color: {c.text}; "
        f"background: {c.background if look.dark else '#ffffff'}",
    )
    if page.look.unit_px % 2 and page.d < 0.6:  # quieter labels
        page.rule(".field label", f"font-size: {page.font_px(0.88)}; color: {c.muted}")


def draw_field(page: Page, field: Field, number: int) -> Tag:
    """A field with its label."""
    name = "-".join(field.label.lower().replace("?", "").replace(",", "").split()[:3]) or "field"
    key = f"{name}-{number}" if number else name
    if field.kind in ("radio", "check", "scale"):
        return _choices(page, field, key)
    label = tag("label", field.label, for_=key)
    if field.kind == "area":
        page.rule(".field textarea", "min-height: 110px; resize: vertical")
        box = tag(
            "textarea",
            field.hint if page.chance(0.1) else None,
            id=key,
            placeholder=field.hint,
            rows=4,
        )
    elif field.kind == "select":
        box = tag("select", [tag("option", text) for text in field.options], id=key)
    else:
        value = field.hint if field.kind != "password" and page.chance(0.25) else None
        hint = None if value or field.kind == "password" else field.hint
        box = tag("input", type=field.kind, id=key, placeholder=hint, value=value)
    return tag("div", label, box, cls="field")


def _choices(page: Page, field: Field, key: str) -> Tag:
    kind = "checkbox" if field.kind == "check" else "radio"
    page.rule(".choice", f"display: block; margin-bottom: {page.px(0.7)}")
    page.rule(".choice input", f"width: auto; margin-right: {page.px(1)}")
    page.rule(".field legend", f"font-weight: 600; padding: 0; margin-bottom: {page.px(0.8)}")
    page.rule(".choices", f"border: 0; padding: 0; margin: 0 0 {page.px(2.5)}")
    cls = "choice"
    if field.kind == "scale":
        cls = "choice-inline"
        page.rule(".choice-inline", f"display: inline-block; margin-right: {page.px(2.5)}")
        page.rule(".choice-inline input", f"margin-right: {page.px(0.6)}")
    picked = page.rng.randrange(len(field.options)) if page.chance(0.6) else -1
    items = [
        tag("label", tag("input", type=kind, name=key, checked=i == picked), f" {text}", cls=cls)
        for i, text in enumerate(field.options)
    ]
    page.rule(".choices .choice, .choices .choice-inline", "font-weight: 400")
    page.rule(".choices legend", f"font-weight: 600; padding: 0; margin-bottom: {page.px(0.8)}")
    return tag(
        "fieldset", tag("legend", field.label) if field.label else None, items, cls="choices"
    )


def draw_form(page: Page, title: str, fields: list[Field], send: str, text: str = "",
              level: int = 2, boxed: bool = True) -> Tag:  # fmt: skip
    """A form with a heading and one button."""
    c = page.look.palette
    field_rules(page)
    page.rule(
        f".form h{level}",
        f"margin-bottom: {page.px(1.5)}; font-size: {page.font_px(1.9 if level == 1 else 1.45)}",
    )
    page.rule(".form-text", f"color: {c.muted}; margin-bottom: {page.px(3)}")
    rows: list[Tag] = []
    pending: Tag | None = None
    for i, field in enumerate(fields):
        drawn = draw_field(page, field, 0 if i == 0 or page.look.indent == 4 else i)
        if field.half and pending is None:
            pending = drawn
            continue
        if pending is not None:
            rows.append(_half_line(page, pending, drawn) if field.half else pending)
            if not field.half:
                rows.append(drawn)
            pending = None
            continue
        rows.append(drawn)
    if pending is not None:
        rows.append(pending)
    wide = page.chance(0.5)
    if wide:
        page.rule(".form .button", "width: 100%; text-align: center")
    opaque = [f.label for f in fields if f.kind == "select"]
    page.note("form", heading=title, fields=[f.label for f in fields], button=send,
              button_color=c.primary, selects=opaque,
              choices={f.label: list(f.options) for f in fields if f.kind in ("radio", "check", "scale")})  # fmt: skip
    inner = (tag(f"h{level}", title), tag("p", text, cls="form-text") if text else None, rows,
             button(page, send, name="submit"))  # fmt: skip
    if boxed:
        return card(page, inner, name="form", element="form")
    return tag("form", inner, cls="form")


def _half_line(page: Page, left: Tag, right: Tag) -> Tag:
    gap = 2 * page.look.unit_px
    if page.look.layout == "float":
        page.rule(".half > *", "float: left; width: 49%")
        page.rule(".half > :first-child", "margin-right: 2%")
        page.rule(".half::after", "content: ''; display: block; clear: both")
    else:
        page.rule(".half", f"display: flex; gap: {gap}px")
        page.rule(".half > *", "flex: 1")
    return tag("div", left, right, cls="half")


def login_fields(page: Page) -> list[Field]:
    """E-mail and password, perhaps more."""
    fields = [
        Field("Email address", "email", page.say.email("name")),
        Field("Password", "password"),
    ]
    if page.d > 0.35:
        fields.append(Field("", "check", options=("Keep me signed in",)))
    if page.d > 0.6:
        fields.insert(0, Field("Full name", "text", page.say.person()))
    return fields


def contact_fields(page: Page) -> list[Field]:
    """What a contact form asks."""
    pool = [
        Field("Name", "text", page.say.person(), half=True),
        Field("Email", "email", "you@mail.example", half=True),
        Field("Phone", "tel", page.say.phone()),
        Field("Topic", "select", options=(page.say.topic(), "Something else")),
        Field("Company", "text", "Where do you work?"),
        Field(
            "How should we answer?", "radio", options=("By email", "By phone", "It does not matter")
        ),
    ]
    n = page.upto(2, 6)
    return [
        *pool[:n],
        Field(
            "Message",
            "area",
            page.pick(("How can we help?", "Tell us what you need", "Your message")),
        ),
    ]


def order_fields(page: Page) -> list[Field]:
    """Address and payment."""
    say = page.say
    fields = [
        Field("First name", "text", say.person().split()[0], half=True),
        Field("Last name", "text", say.person().split()[1], half=True),
        Field("Email", "email", "you@mail.example"),
        Field("Street", "text", say.address().split(",")[0]),
        Field("City", "text", say.city, half=True),
        Field("Postcode", "text", str(page.rng.randint(10000, 99999)), half=True),
        Field("Country", "select", options=("Portugal", "Germany", "United States", "Canada")),
        Field("Delivery", "radio", options=("Standard, 3 to 5 days", "Express, next day", "Collect in store")),
        Field("Card number", "text", "0000 0000 0000 0000"),
        Field("Expires", "text", "MM / YY", half=True),
        Field("Security code", "text", "123", half=True),
    ]  # fmt: skip
    if page.d < 0.25:
        return fields[:4]
    if page.d < 0.5:
        return [*fields[:6], *fields[8:]]
    return fields


def survey_fields(page: Page) -> list[Field]:
    """Questions of a survey."""
    say = page.say
    pool = [
        Field(f"How satisfied are you with {say.brand}?", "scale", options=("1", "2", "3", "4", "5")),
        Field("How did you hear about us?", "radio", options=("From a friend", "Search engine", "Social media", "In the press")),
        Field("What matters most to you?", "check", options=tuple(name for name, _ in say.points(4))),
        Field("How often do you visit?", "radio", options=("Every week", "Every month", "A few times a year")),
        Field("What should we improve?", "area", "Be as honest as you like"),
        Field("Would you recommend us?", "scale", options=("Yes", "Perhaps", "No")),
        Field("Which of these have you used?", "check", options=tuple(name for name, _ in say.offers(3))),
        Field("Your age group", "select", options=("Under 25", "25 to 40", "41 to 60", "Over 60")),
    ]  # fmt: skip
    return page.some(pool, page.upto(2, 7))


def settings_fields(page: Page) -> list[Field]:
    """An account's settings."""
    name = page.say.person()
    fields = [
        Field("Display name", "text", name, half=True),
        Field("User name", "text", name.split()[0].lower(), half=True),
        Field("Email", "email", page.say.email(name)),
        Field("About you", "area", page.say.sentence()),
        Field("Language", "select", options=("English", "Deutsch", "Português")),
        Field("Notify me about", "check", options=("New messages", "Weekly summary", "Product news")),
        Field("Who can see my profile?", "radio", options=("Everybody", "Only members", "Nobody")),
        Field("Website", "text", page.say.domain()),
    ]  # fmt: skip
    return fields[: page.upto(3, 8)]

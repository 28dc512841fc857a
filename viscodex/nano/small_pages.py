"""Small web pages: what a model of a few million parameters can read in 96 vision tokens and write.

in:  a seed and an index
out: SmallPages, a Source of the data pipeline: a window of 336 x 224 px, a style sheet of a few rules
not covered: pages of true size (viscodex/data/pages), whose words, colours and filters these share

    sources:
      html: {n: 1000, source: "viscodex.nano.small_pages:SmallPages"}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape, unescape
from random import Random
from typing import Any

from viscodex.data.draft import Draft, Evidence, Filter, Machine
from viscodex.data.pages.answers import instruction
from viscodex.data.pages.filters import THRESHOLDS, page_filters
from viscodex.data.pages.look import Look, color_name, draw_look
from viscodex.data.pages.source import measure, page_sample
from viscodex.data.pages.trades import TRADES
from viscodex.data.pages.wording import Wording
from viscodex.types import Category, Sample

WINDOW = (336, 224)
"""Width and height, px: 12 x 8 vision tokens."""

Body = tuple[list[str], list[str]]  # rules of the style sheet, lines of HTML


class SmallPages:
    """Small pages from a grammar; a pure function of the seed and the index."""

    name = "html"
    category: Category = "html"

    def __init__(self, seed: int = 0, *, inverse: float = 1.0) -> None:
        self.seed, self.inverse = seed, inverse
        limits = {
            **THRESHOLDS,
            "min_letters": 10,
            "min_height_px": WINDOW[1],
            "max_height_px": WINDOW[1] + 4,
        }
        self.filters: tuple[Filter, ...] = page_filters(limits)
        self.settings: Mapping[str, Any] = {"seed": seed, "inverse": inverse, "thresholds": limits}

    def draft(self, index: int) -> Draft:
        """The page of this index."""
        digest = hashlib.blake2b(f"small {self.seed} {index}".encode(), digest_size=6).digest()
        seed = int.from_bytes(digest, "big")
        rng = Random(seed)
        look = draw_look(rng)
        say = Wording(rng, rng.choice(TRADES))
        kind = rng.choice(list(KINDS))
        code = _document(kind, look, say, rng)
        facts = {"ground": look.palette.background, "primary": look.palette.primary}
        return Draft(f"html-{index:07d}", "html", kind, code, "html", 0.0, seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Render it and measure the picture."""
        shown = machine.pages.render(draft.code, width=WINDOW[0], height=WINDOW[1])
        numbers = {"window_width": float(WINDOW[0])}
        if shown.image is not None and shown.page is not None:
            numbers |= measure(shown, THRESHOLDS["min_contrast"])
        return Evidence((shown,), shown.images, numbers)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The page as code; then its texts, and what it is."""
        shown = evidence.executions[0]
        assert shown.page is not None
        rng = Random(draft.seed ^ 0x5A11)
        turns = {"code": (instruction(rng), f"```html\n{draft.code.strip()}\n```")}
        if rng.random() < self.inverse:
            blocks = sorted(shown.page.blocks, key=lambda block: (round(block.y / 6), block.x))
            lines = [" ".join(block.text.split()) for block in blocks]
            turns["ocr"] = ("Read all texts of this page, one a line.", "\n".join(lines))
            turns["describe"] = ("Describe this page.", describe(draft, lines))
        return tuple(page_sample(draft, shown, task, pair, WINDOW) for task, pair in turns.items())


def told(code: str) -> list[str]:
    """The texts of a page that has not been rendered, in the order of its code."""
    body = code.partition("<body>")[2]
    found = re.findall(r">([^<>]+)<", body)
    return [line for text in found if (line := " ".join(unescape(text).split()))]


def describe(draft: Draft, lines: Sequence[str]) -> str:
    """What kind of page, its colours and its texts, in two sentences."""
    ground, brand = (color_name(draft.facts[key]) for key in ("ground", "primary"))
    texts = ", ".join(f'"{line}"' for line in lines)
    kind = draft.kind.replace("_", " ")
    return (
        f"A small web page, a {kind}, on {ground} with {brand} as its main colour. It says {texts}."
    )


def _document(kind: str, look: Look, say: Wording, rng: Random) -> str:
    """A whole page: one kind of body in a common frame."""
    c, font = look.palette, rng.choice(("Arial, sans-serif", "Arial, sans-serif", "Georgia, serif"))
    rules, lines = KINDS[kind](look, say, rng)
    heading = f"h1 {{ font-size: {rng.choice((18, 20, 22))}px; margin: 0 0 8px; color: {rng.choice((c.text, c.primary))}; }}"
    head = [
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        '<meta charset="UTF-8">',
        "<style>",
        f"body {{ margin: {rng.choice((12, 16, 20))}px; font-family: {font}; font-size: 14px; "
        f"color: {c.text}; background: {c.background}; }}",
        heading,
        *rules,
        "</style>",
        "</head>",
        "<body>",
    ]
    return "\n".join([*head, *lines, "</body>", "</html>", ""])


def _short(make: Callable[[], str], limit: int) -> str:
    """The first text within a length, of several tries; the shortest otherwise, cut at a word."""
    texts = [make() for _ in range(6)]
    fit = [text for text in texts if len(text) <= limit]
    return _cut(fit[0] if fit else min(texts, key=len), limit)


def _cut(text: str, limit: int) -> str:
    """A text as HTML, cut at a word where it is too long."""
    return escape(text if len(text) <= limit else text[: limit + 1].rsplit(" ", 1)[0], quote=False)


def _h1(say: Wording) -> str:
    return f"<h1>{_short(say.headline, 26)}</h1>"


def _button(look: Look, name: str = "a") -> str:
    c = look.palette
    return (
        f"{name} {{ display: inline-block; padding: 6px 14px; background: {c.primary}; "
        f"color: {c.on_primary}; border: 0; border-radius: {look.button_radius_px % 12}px; text-decoration: none; }}"
    )


def _notice(look: Look, say: Wording, rng: Random) -> Body:
    label = rng.choice(("Read more", "Start now", "Contact us", "Sign up", "Learn more"))
    rules = ["p { margin: 0 0 12px; line-height: 1.4; }", _button(look)]
    return rules, [_h1(say), f"<p>{_short(say.lead, 90)}</p>", f'<a href="#">{label}</a>']


def _login(look: Look, say: Wording, rng: Random) -> Body:
    title = rng.choice(("Sign in", "Log in", "Create account", "Subscribe"))
    fields = rng.choice((("Email", "Password"), ("Name", "Email"), ("Email",)))
    rules = [
        "label { display: block; margin: 0 0 2px; font-size: 13px; }",
        f"input {{ width: 200px; height: 24px; margin: 0 0 8px; border: 1px solid {look.palette.border}; "
        f"background: {look.palette.surface}; }}",
        _button(look, "button"),
    ]
    lines = [f"<h1>{title}</h1>"]
    for name in fields:
        lines += [f"<label>{name}</label>", "<input>"]
    label = rng.choice((title, "Continue", "Send"))
    return rules, [*lines, f"<div><button>{label}</button></div>"]


def _list(look: Look, say: Wording, rng: Random) -> Body:
    rules = ["ul { margin: 0; padding: 0 0 0 20px; }", "li { margin: 0 0 6px; }"]
    items = [f"<li>{_cut(title, 30)}</li>" for title, _ in say.points(rng.randint(3, 5))]
    return rules, [_h1(say), "<ul>", *items, "</ul>"]


def _table(look: Look, say: Wording, rng: Random) -> Body:
    rules = [
        "table { border-collapse: collapse; }",
        f"td, th {{ padding: 4px 10px; border: 1px solid {look.palette.border}; text-align: left; }}",
        f"th {{ background: {look.palette.primary}; color: {look.palette.on_primary}; }}",
    ]
    rows = [
        f"<tr><td>{_cut(name, 22)}</td><td>{price}</td></tr>"
        for name, price in say.offers(rng.randint(2, 4))
    ]
    head = rng.choice(("Item", "Product", "Name")), rng.choice(("Price", "Cost"))
    top = f"<tr><th>{head[0]}</th><th>{head[1]}</th></tr>"
    return rules, [_h1(say), "<table>", top, *rows, "</table>"]


def _card(look: Look, say: Wording, rng: Random) -> Body:
    (name, price), *_ = say.offers(1)
    c = look.palette
    rules = [
        f".card {{ width: {rng.choice((200, 220, 240))}px; padding: 14px; background: {c.surface}; "
        f"border: 1px solid {c.border}; border-radius: {look.radius_px % 14}px; }}",
        f".price {{ font-size: 24px; margin: 0 0 8px; color: {c.primary}; }}",
        "p { margin: 0 0 10px; }",
        _button(look),
    ]
    lines = [
        '<div class="card">',
        f"<h1>{_cut(name, 22)}</h1>",
        f'<p class="price">{price}</p>',
        f"<p>{_short(say.about, 50)}</p>",
        f'<a href="#">{rng.choice(("Buy", "Order", "Add to cart", "Choose"))}</a>',
        "</div>",
    ]
    return rules, lines


def _navigation(look: Look, say: Wording, rng: Random) -> Body:
    c = look.palette
    rules = [
        f"nav {{ margin: 0 0 14px; padding: 8px 12px; background: {c.primary}; }}",
        f"nav a {{ margin-right: 14px; color: {c.on_primary}; text-decoration: none; }}",
        "p { margin: 0; line-height: 1.4; }",
    ]
    links = "".join(f'<a href="#">{_cut(word, 9)}</a>' for word in say.sections(rng.randint(2, 4)))
    return rules, [f"<nav>{links}</nav>", _h1(say), f"<p>{_short(say.about, 80)}</p>"]


def _numbers(look: Look, say: Wording, rng: Random) -> Body:
    c = look.palette
    rules = [
        ".row { display: flex; gap: 10px; }",
        f".box {{ flex: 1; padding: 10px; background: {c.soft}; }}",
        f"b {{ display: block; font-size: 20px; color: {c.primary}; }}",
    ]
    boxes = [
        f'<div class="box"><b>{escape(value, quote=False)}</b>{_cut(name, 18)}</div>'
        for name, value in say.measures(rng.randint(2, 3))
    ]
    return rules, [_h1(say), '<div class="row">', *boxes, "</div>"]


def _quote(look: Look, say: Wording, rng: Random) -> Body:
    rules = [
        f"blockquote {{ margin: 0 0 10px; padding: 0 0 0 12px; border-left: 4px solid {look.palette.primary}; "
        "font-style: italic; line-height: 1.4; }",
        f"small {{ color: {look.palette.muted}; }}",
    ]
    return rules, [
        _h1(say),
        f"<blockquote>{_short(say.praise, 90)}</blockquote>",
        f"<small>{escape(say.person(), quote=False)}</small>",
    ]


KINDS: dict[str, Callable[[Look, Wording, Random], Body]] = {
    "notice": _notice,
    "form": _login,
    "list": _list,
    "table": _table,
    "price_card": _card,
    "navigation": _navigation,
    "row_of_numbers": _numbers,
    "quotation": _quote,
}
"""Kind -> body; all alike in weight."""

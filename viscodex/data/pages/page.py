"""A page being drawn: its dice, its style sheet, and the record of what was put on it.

in:  a kind, a seed, a difficulty
out: the text of the page, and facts about it as JSON
not covered: which sections there are (sections.py), what is asked about them (answers.py)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from viscodex.data.pages.look import Look, draw_look
from viscodex.data.pages.markup import Child, Tag, comment, tag, write
from viscodex.data.pages.trade import Trade
from viscodex.data.pages.trades import GOODS, SOFTWARE, TRADES
from viscodex.data.pages.wording import Wording

T = TypeVar("T")

PICTURE = "rick.jpg"
"""The file that stands for every picture, as in Design2Code."""

_SYNONYMS = {
    "header": ("header", "site-header", "topbar", "masthead", "page-header"),
    "brand": ("brand", "logo", "site-name", "brand-name"),
    "nav": ("nav", "main-nav", "menu", "nav-links", "links"),
    "wrap": ("container", "wrap", "wrapper", "inner", "content-width"),
    "hero": ("hero", "intro", "banner", "jumbotron", "splash"),
    "lead": ("lead", "subtitle", "tagline", "intro-text", "summary"),
    "button": ("btn", "button", "cta", "action"),
    "ghost": ("btn-outline", "secondary", "ghost", "btn-light"),
    "section": ("section", "block", "band", "area"),
    "cards": ("cards", "grid", "card-grid", "tiles", "items"),
    "card": ("card", "tile", "box", "panel", "item"),
    "icon": ("icon", "badge-icon", "mark", "symbol"),
    "stats": ("stats", "numbers", "metrics", "figures"),
    "stat": ("stat", "number", "metric", "figure"),
    "quote": ("quote", "testimonial", "review"),
    "plan": ("plan", "tier", "price-card", "package"),
    "price": ("price", "amount", "cost"),
    "table-box": ("table-wrap", "table-box", "data", "sheet"),
    "aside": ("sidebar", "aside", "rail", "side"),
    "main": ("main", "content", "primary", "body-content"),
    "crumbs": ("breadcrumbs", "breadcrumb", "crumbs", "path"),
    "footer": ("footer", "site-footer", "page-footer", "bottom"),
    "columns": ("columns", "footer-grid", "cols", "footer-cols"),
    "field": ("field", "form-group", "form-row", "input-group"),
    "form": ("form", "form-card", "form-box", "signup"),
    "muted": ("muted", "meta", "note", "small-text", "hint"),
    "tag": ("tag", "badge", "label", "pill", "chip"),
    "post": ("post", "entry", "teaser", "story"),
    "photo": ("photo", "thumb", "media", "image", "picture"),
    "person": ("person", "member", "profile-card", "people-card"),
    "bar": ("bar", "meter", "progress", "track"),
    "layout": ("layout", "page-layout", "shell", "frame", "two-col"),
    "kicker": ("eyebrow", "kicker", "overline", "pre-title"),
}


class Page:
    """One page, from its seed; sections put tags, rules and notes on it.

    Attributes:
        rng: the page's dice; nothing else may be random.
        d: difficulty, 0 to 1.
        look, trade, say: its style, what its company does, its copy.
        centered: whether headings of sections stand in the middle.
        boxed: whether the whole page is a sheet in the middle of the window.
        notes: what was put on it, in document order: {"part": "hero", "heading": ...}.
    """

    def __init__(self, kind: str, seed: int, difficulty: float, old: bool = False) -> None:
        self.rng = Random(seed)
        self.kind, self.d = kind, difficulty
        self.look: Look = draw_look(self.rng, old)
        trades = GOODS if kind in ("shop", "product", "checkout") else TRADES
        self.trade: Trade = self.rng.choice(SOFTWARE if kind == "docs" else trades)
        self.say = Wording(self.rng, self.trade)
        self.centered = self.chance(0.45)  # headings of sections
        self.boxed = self.look.width_px < 1100 and self.chance(0.14)  # the page is a sheet
        self.notes: list[dict[str, Any]] = []
        self._tone = ""
        self._rules: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._variants: dict[str, list[tuple[object, ...]]] = {}

    # .. dice

    def pick(self, options: Sequence[T]) -> T:
        """One of them."""
        return self.rng.choice(options)

    def some(self, options: Iterable[T], n: int) -> list[T]:
        """n different ones in random order; all if there are fewer."""
        pool = list(options)
        return self.rng.sample(pool, min(n, len(pool)))

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return self.rng.random() < share

    def upto(self, low: int, high: int) -> int:
        """A number that grows with the difficulty."""
        return min(high, max(low, round(low + self.d * (high - low) + self.rng.uniform(-0.6, 0.6))))

    def tone(self, *options: str) -> str:
        """The ground of the next band: one of them, but not that of the band above it."""
        self._tone = self.rng.choice([o for o in options if o != self._tone or o == "plain"])
        return self._tone

    # .. style

    def rule(self, selector: str, declarations: str) -> None:
        """Add declarations, "a: b; c: d"; of a selector that is there, what is new of them."""
        there = self._rules.setdefault(selector, [])
        for declaration in filter(None, (part.strip() for part in declarations.split(";"))):
            if declaration not in there:
                there.append(declaration)

    def variant(self, name: str, *looks: object) -> str:
        """The class for this look: cards for the first, cards-2 for the next, and so on."""
        known = self._variants.setdefault(name, [])
        if looks not in known:
            known.append(looks)
        number = known.index(looks) + 1
        return name if number == 1 else f"{name}-{number}"

    def px(self, units: float) -> str:
        """A distance in the page's own unit."""
        return f"{round(units * self.look.unit_px)}px"

    def font_px(self, factor: float) -> str:
        """A font size relative to running text."""
        grown = 1 + (factor - 1) * self.look.scale if factor > 1.3 else factor
        return f"{max(11, round(self.look.size_px * grown))}px"

    # .. content

    def note(self, part: str, **facts: Any) -> None:
        """Remember what was put on the page."""
        self.notes.append({"part": part, **facts})

    def picture(self, what: str, width: int | None = None, height: int | None = None) -> Tag:
        """A picture's place."""
        return tag("img", src=PICTURE, alt=what, width=width, height=height)

    def comment(self, text: str) -> Tag | None:
        """A comment, on pages that have some."""
        return comment(text) if self.look.comments else None

    def document(self, title: str, *body: Child) -> str:
        """The whole page."""
        self._foundation()
        content = tag("body", *body)
        inline = self._inline_styles(content) if self.look.css == "inline" else {}

        def attributes(node: Tag) -> tuple[tuple[str, str], ...]:
            return self._attributes(node, inline)

        body_text = write(content, self.look.indent, attributes)
        pad = " " * self.look.indent
        style = self._sheet(inline, pad * 2)
        head = [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            f'{pad}<meta charset="UTF-8">',
            f'{pad}<meta name="viewport" content="width=device-width, initial-scale=1.0">',
            pad + write(tag("title", title), 2, lambda node: node.attrs),
            f"{pad}<style>",
            style,
            f"{pad}</style>",
            "</head>",
        ]
        return "\n".join([*head, body_text, "</html>", ""])

    def _foundation(self) -> None:
        look, c = self.look, self.look.palette
        own, self._rules = self._rules, {}
        self.rule("*", "box-sizing: border-box")
        if self.chance(0.5):
            self.rule("*", "margin: 0; padding: 0")
            self.rule("p + p", f"margin-top: {self.px(1.5)}")
        else:
            self.rule("h1, h2, h3, h4, p, ul, ol, figure, blockquote", "margin: 0")
            self.rule("ul, ol", "padding: 0")
            self.rule("p + p", f"margin-top: {self.px(1.5)}")
        self.rule(
            "body",
            f"margin: 0; font-family: {look.font}; font-size: {look.size_px}px; "
            f"line-height: {look.line_height}; color: {c.text}; background: {c.background}",
        )
        if self.boxed:
            self.rule("html", f"background: {c.soft}")
            self.rule("body", f"max-width: {look.width_px + 60}px; margin: 0 auto")
            self.rule("body", f"border: 1px solid {c.border}; border-width: 0 1px")
        heading = f"line-height: 1.25; font-weight: {look.heading_weight}"
        if look.heading_font != look.font:
            heading = f"font-family: {look.heading_font}; {heading}"
        self.rule("h1, h2, h3, h4", heading)
        self.rule("a", f"color: {c.primary}")
        self.rule("img", "max-width: 100%")
        self._rules.update(own)

    def class_name(self, name: str) -> str:
        """What a class of ours is called on this page."""
        if name not in self._names:
            stem, _, number = name.rpartition("-") if name[-1].isdigit() else (name, "", "")
            options = [o for o in _SYNONYMS.get(stem, (stem,)) if o not in self._names.values()]
            chosen = self._cased(self.rng.choice(options or [stem]))
            if number:
                chosen = f"{self.class_name(stem)}-{number}"
            while chosen in self._names.values():
                chosen += "-alt"
            self._names[name] = chosen
        return self._names[name]

    def _cased(self, name: str) -> str:
        if self.look.case == "camel":
            first, *rest = name.split("-")
            return first + "".join(word.capitalize() for word in rest)
        if self.look.case == "snake":
            return name.replace("-", "_")
        if self.look.case == "prefix":
            return f"{self.say.initials}-{name}"
        return name

    def _attributes(self, node: Tag, inline: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        if not node.classes:
            return node.attrs
        styles = [inline[name] for name in node.classes if name in inline]
        names = " ".join(self.class_name(name) for name in node.classes if name not in inline)
        attrs = [(key, names if key == "class" else value) for key, value in node.attrs]
        if styles:
            own = dict(attrs).get("style", "")
            attrs = [pair for pair in attrs if pair[0] != "style"]
            attrs.append(("style", "; ".join(filter(None, [*styles, own]))))
        return tuple(pair for pair in attrs if pair != ("class", ""))

    def _inline_styles(self, body: Tag) -> dict[str, str]:
        """Class -> declarations, for the classes whose only rule is `.name`."""
        used = " ".join(selector for selector in self._rules if not _PLAIN.fullmatch(selector))
        return {
            selector[1:]: "; ".join(declarations)
            for selector, declarations in self._rules.items()
            if _PLAIN.fullmatch(selector) and not re.search(rf"\{selector}(?![\w-])", used)
        }

    def _sheet(self, inline: Mapping[str, str], pad: str) -> str:
        deeper = pad + " " * self.look.indent
        lines: list[str] = []
        for selector, declarations in self._rules.items():
            if selector[1:] in inline or not declarations:
                continue
            shown = _CLASS.sub(lambda found: "." + self.class_name(found[1]), selector)
            if self.look.compact_css:
                lines.append(f"{pad}{shown} {{ {'; '.join(declarations)}; }}")
            else:
                lines += [f"{pad}{shown} {{", *(f"{deeper}{d};" for d in declarations), f"{pad}}}"]
        sheet = "\n".join(lines)
        if self.look.css != "variables":
            return sheet
        names = self.look.palette.names()
        used = {color: name for color, name in names.items() if color in sheet}
        for color, name in used.items():
            sheet = sheet.replace(color, f"var(--{name.replace('_', '-')})")
        root = [f"{deeper}--{name.replace('_', '-')}: {color};" for color, name in used.items()]
        return "\n".join([f"{pad}:root {{", *root, f"{pad}}}", sheet])


_PLAIN = re.compile(r"\.[a-z][\w-]*")
_CLASS = re.compile(r"\.([a-z][\w-]*)")

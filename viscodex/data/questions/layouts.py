"""Pages whose layout is broken by a small fault in the CSS.

in:  a Draw
out: Questions of mode "page"
not covered: whole pages (the html source)
"""

from __future__ import annotations

from dataclasses import dataclass

from viscodex.data.problems.draw import Draw
from viscodex.data.questions.question import Question


@dataclass(frozen=True, slots=True)
class Flaw:
    """A page with a rule that is wrong, and two right ones."""

    body: str
    css: str  # rules around; {} stands where the fault is
    wrong: str
    right: str
    wanted: str
    sees: str
    wants: str
    cause: str


_PALETTES = (("#1d3557", "#e63946", "#f1faee"), ("#264653", "#e76f51", "#faf3dd"), ("#2b2d42", "#8d99ae", "#edf2f4"), ("#14532d", "#f59e0b", "#f7fee7"), ("#3b0764", "#a855f7", "#faf5ff"), ("#0f172a", "#38bdf8", "#f8fafc"))  # fmt: skip
_WORDS = (
    "Overview",
    "Pricing",
    "Contact",
    "About us",
    "Gallery",
    "News",
    "Support",
    "Careers",
    "Events",
    "Docs",
)
_PLANS = ("Starter", "Team", "Studio", "Pro", "Basic", "Plus")
_SHOPS = ("Alpine Gear", "Tea House", "Paper & Ink", "Green Roof", "Night Radio", "Bike Lab")


def _cards(d: Draw) -> tuple[str, int]:
    n = d.randint(3, 4)
    names = d.some(n, _PLANS)
    items = "\n".join(
        f'  <div class="card"><h3>{name}</h3><p>{d.pick("Everything to begin with.", "For growing teams.", "All features, no limits.", "One seat, one project.")}</p></div>'
        for name in names
    )
    return f'<div class="cards">\n{items}\n</div>', n


def _cards_css(d: Draw) -> str:
    dark, accent, light = d.pick(*_PALETTES)
    return f".cards {{ padding: {d.pick(12, 16, 20)}px; background: {light}; {{}} }}\n.card {{ background: white; color: {dark}; border-top: 4px solid {accent}; padding: 14px; }}\n.card h3 {{ margin: 0 0 6px; }}\n.card p {{ margin: 0; font-size: 14px; }}"


def _not_in_row(d: Draw) -> Flaw:
    body, n = _cards(d)
    gap = d.pick(10, 14, 18)
    return Flaw(body, _cards_css(d), f"gap: {gap}px;", f"display: flex; gap: {gap}px;", f"display: flex; flex-direction: row; column-gap: {gap}px;", f"the {n} cards stand below each other", f"them next to each other with a gap of {gap} pixels", "`gap` has no effect on a block container. Make it a flex container with `display: flex`.")  # fmt: skip


def _no_wrap(d: Draw) -> Flaw:
    n = d.randint(7, 9)
    tags = "\n".join(f'  <span class="tag">{d.choice(_WORDS)} {k}</span>' for k in range(n))
    dark, accent, light = d.pick(*_PALETTES)
    css = f".tags {{ display: flex; gap: 8px; width: 420px; padding: 14px; background: {light}; border: 1px solid {dark}; {{}} }}\n.tag {{ background: {accent}; color: white; padding: 6px 12px; border-radius: 12px; white-space: nowrap; }}"
    return Flaw(f'<div class="tags">\n{tags}\n</div>', css, "", "flex-wrap: wrap;", "flex-flow: row wrap;", "the tags run out of their box on the right", "them to continue on the next line", "Flex items stay on one line by default. Allow line breaks with `flex-wrap: wrap`.")  # fmt: skip


def _not_centred(d: Draw) -> Flaw:
    dark, accent, light = d.pick(*_PALETTES)
    h, w = d.pick(180, 220, 260), d.pick(160, 200)
    css = f".stage {{ height: {h}px; background: {light}; {{}} }}\n.box {{ width: {w}px; padding: 20px; background: {dark}; color: white; border-bottom: 5px solid {accent}; text-align: center; }}"
    body = f'<div class="stage">\n  <div class="box">{d.choice(_SHOPS)}</div>\n</div>'
    return Flaw(body, css, "text-align: center; vertical-align: middle;", "display: flex; justify-content: center; align-items: center;", "display: grid; justify-items: center; align-items: center;", "the box sticks to the upper left corner", "it in the middle of the area, horizontally and vertically", "`text-align` only moves inline content and `vertical-align` only works on inline elements and table cells, not on a block with a width. A flex container centres its child in both directions.")  # fmt: skip


def _box_sizing(d: Draw) -> Flaw:
    dark, accent, light = d.pick(*_PALETTES)
    pad, border = d.pick(16, 20, 24), d.pick(2, 4, 6)
    css = f".form {{ width: 400px; padding: 16px; background: {light}; }}\n.field {{ width: 100%; height: 46px; padding: 0 {pad}px; border: {border}px solid {accent}; margin-bottom: 12px; background: white; color: {dark}; line-height: 34px; {{}} }}"
    rows = "\n".join(
        f'  <div class="field">{word}</div>'
        for word in d.some(3, ("Name", "E-mail", "City", "Phone", "Company"))
    )
    return Flaw(f'<div class="form">\n{rows}\n</div>', css, "", "box-sizing: border-box;", "box-sizing: border-box; max-width: 100%;", "the fields are wider than the form around them", "them to end where the padding of the form begins", "By default `width: 100%` is the width of the content only; padding and border are added to it. `box-sizing: border-box` includes them.")  # fmt: skip


def _float_collapse(d: Draw) -> Flaw:
    dark, accent, light = d.pick(*_PALETTES)
    h = d.pick(70, 90, 110)
    css = f".media {{ background: {light}; border: 2px solid {dark}; padding: 12px; margin: 12px; {{}} }}\n.media .picture {{ float: {(side := d.pick('left', 'right'))}; width: {h + 20}px; height: {h}px; background: {accent}; margin-{'right' if side == 'left' else 'left'}: 12px; }}\n.next {{ margin: 12px; color: {dark}; }}"
    body = f'<div class="media"><div class="picture"></div>{d.choice(_SHOPS)}: open daily</div>\n<p class="next">{d.choice(_WORDS)}</p>'
    return Flaw(body, css, "", "display: flow-root;", "overflow: hidden;", "the coloured picture sticks out of the bottom of its box", "the box to enclose it", "A floated element does not contribute to the height of its parent. `display: flow-root` makes the parent contain its floats.")  # fmt: skip


def _absolute_badge(d: Draw) -> Flaw:
    dark, accent, light = d.pick(*_PALETTES)
    top, side = d.pick(8, 10, 12), d.pick("right", "left")
    css = f".wrap {{ padding: 40px 60px; background: {light}; }}\n.tile {{ width: 260px; height: 120px; background: {dark}; color: white; padding: 16px; box-sizing: border-box; {{}} }}\n.badge {{ position: absolute; top: {top}px; {side}: {top}px; background: {accent}; color: white; padding: 4px 10px; border-radius: 10px; font-size: 13px; }}"
    body = f'<div class="wrap">\n  <div class="tile"><br>{d.choice(_SHOPS)}<span class="badge">{d.pick("new", "sale", "-20%", "hot")}</span></div>\n</div>'
    return Flaw(body, css, "", "position: relative;", "position: relative; top: 0;", "the small badge sits in the corner of the page", f"it in the upper {side} corner of the dark tile", "An absolutely positioned element refers to its nearest positioned ancestor; there is none, so it refers to the page. Give the tile `position: relative`.")  # fmt: skip


def _grid_columns(d: Draw) -> Flaw:
    dark, accent, light = d.pick(*_PALETTES)
    n = d.pick(2, 3, 4)
    cells = "\n".join(f'  <div class="cell">{k + 1}</div>' for k in range(n * 2))
    gap = d.pick(8, 12, 16)
    css = f".grid {{ display: grid; gap: {gap}px; padding: {gap}px; background: {light}; {{}} }}\n.cell {{ background: {accent}; color: {dark}; height: 60px; font-size: 22px; line-height: 60px; text-align: center; }}"
    return Flaw(f'<div class="grid">\n{cells}\n</div>', css, f"grid-template-rows: repeat({n}, 1fr);", f"grid-template-columns: repeat({n}, 1fr);", f"grid-template-columns: {' '.join(['1fr'] * n)};", "all cells are below each other", f"{n} equal columns", "`grid-template-rows` describes rows; without columns there is just one. Use `grid-template-columns`.")  # fmt: skip


def _nav_spread(d: Draw) -> Flaw:
    dark, accent, _ = d.pick(*_PALETTES)
    links = d.some(3, _WORDS)
    css = f".nav {{ background: {dark}; color: white; padding: 14px 20px; display: flex; align-items: center; }}\n.nav .links {{ {{}} }}\n.nav a {{ color: {accent}; margin-left: 18px; text-decoration: none; }}"
    body = (
        f'<div class="nav"><b>{d.choice(_SHOPS)}</b><div class="links">'
        + "".join(f'<a href="#">{w}</a>' for w in links)
        + "</div></div>"
    )
    return Flaw(body, css, "float: right;", "margin-left: auto;", "flex: 1; text-align: right;", "the links stand directly behind the name", "them at the right end of the bar", "Inside of a flex container `float` is ignored. An automatic left margin takes all free space and pushes the links to the right.")  # fmt: skip


def _specificity(d: Draw) -> Flaw:
    dark, accent, light = d.pick(*_PALETTES)
    names = d.some(3, _WORDS)
    css = f".panel {{ padding: 16px; background: {light}; }}\n.panel .button {{ background: {dark}; color: white; display: inline-block; padding: 12px 26px; margin-right: 10px; }}\n{{}}"
    body = (
        '<div class="panel">\n'
        + "\n".join(
            f'  <span class="button{" primary" if k == 1 else ""}">{w}</span>'
            for k, w in enumerate(names)
        )
        + "\n</div>"
    )
    return Flaw(body, css, f".primary {{ background: {accent}; }}", f".panel .button.primary {{ background: {accent}; }}", f".panel .primary.button {{ background-color: {accent}; }}", f"the button \"{names[1]}\" has the same colour as the others", f"it in {accent}", "The selector `.panel .button` (two classes) is more specific than `.primary` (one class) and wins, whatever the order. Make the rule at least as specific.")  # fmt: skip


FLAWS = (_not_in_row, _no_wrap, _not_centred, _box_sizing, _float_collapse, _absolute_badge, _grid_columns, _nav_spread, _specificity)  # fmt: skip


def _layout_question(d: Draw, show: str) -> Question:
    flaw = d.pick(*FLAWS)(d)
    font = d.pick("Arial, sans-serif", "Georgia, serif", "Verdana, sans-serif")

    def page(part: str) -> str:
        css = flaw.css.replace("{}", part).replace("; }", "; }").replace(";  }", "; }")
        return f"<!DOCTYPE html>\n<html>\n<head>\n<style>\nbody {{ margin: 0; font-family: {font}; }}\n{css}\n</style>\n</head>\n<body>\n{flaw.body}\n</body>\n</html>\n"

    if show == "broken":
        ask = d.pick(
            "In the screenshot {sees}. I want {wants}. What is wrong with my CSS?",
            "My page looks like this: {sees}. How do I get {wants}?",
            "Why do I get the layout in the image ({sees})? It should be {wants}.",
        ).format(sees=flaw.sees, wants=flaw.wants)
    else:
        ask = d.pick(
            "Left: what my page looks like. Right: what it should look like. How do I fix the CSS?",
            "My layout (left) does not look like the design (right). What do I have to change?",
        )
    ask = (
        ask.replace("It should be them", "I expected them")
        .replace("It should be it", "I expected it")
        .replace("It should be the", "I expected the")
    )
    ask += f"\n\n```html\n{page(flaw.wrong).rstrip()}\n```"
    return Question("page", ask, flaw.cause, page(flaw.right), page(flaw.wanted), "html", broken=page(flaw.wrong), show=show, width_px=d.pick(560, 640, 720), difficulty=0.3)  # fmt: skip


def broken_layout(d: Draw) -> Question:
    """The broken page alone."""
    return _layout_question(d, "broken")


def layout_pair(d: Draw) -> Question:
    """Broken and wanted page side by side."""
    return _layout_question(d, "both")


TEMPLATES = {"broken_layout": broken_layout, "layout_pair": layout_pair}

"""A whole script: one chart or several panels, from imports to savefig.

in:  a kind, a difficulty and a random.Random
out: the script's text and the facts of its panels
not covered: seeds and settings (source.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from viscodex.data.charts.kinds import KINDS
from viscodex.data.charts.look import draw_look
from viscodex.data.charts.script import Panel, Script, Sketch, fit, literal, text
from viscodex.data.charts.tables import identifier


@dataclass(frozen=True, slots=True)
class Chart:
    """A script and what its picture shows."""

    code: str
    kind: str
    idiom: str
    title: str  # above all panels; empty where there is one
    panels: tuple[Panel, ...]


def compose(kind: str, difficulty: float, rng: Random, inches: tuple[float, float]) -> Chart:
    """A chart of a kind.

    Args:
        kind: of KINDS, or "multi".
        difficulty: 0 .. 1.
        rng: decides all the rest.
        inches: smallest and largest width of a single chart.
    """
    look = draw_look(rng, difficulty)
    script = Script(look, rng)
    _head(script)
    if kind == "multi":
        return _multi(script, difficulty, rng)
    return _single(script, kind, difficulty, rng, inches)


def _head(script: Script) -> None:
    look = script.look
    if look.style:
        script.head.append(f"plt.style.use({text(look.style)})")
    settings: dict[str, object] = {}
    if look.family:
        settings["font.family"] = look.family
    if look.style == "fivethirtyeight" or look.base != 10:
        settings["font.size"] = int(look.base)
    if look.style == "fivethirtyeight":
        settings |= {
            "xtick.labelsize": int(look.base),
            "ytick.labelsize": int(look.base),
            "axes.labelsize": int(look.base),
        }
    if len(settings) > 1 and script.rng.random() < 0.6:
        script.head.append(f"plt.rcParams.update({literal(settings)})")
    else:
        script.head += [f"plt.rcParams[{text(k)}] = {literal(v)}" for k, v in settings.items()]


def _single(
    script: Script, kind: str, difficulty: float, rng: Random, inches: tuple[float, float]
) -> Chart:
    chosen, look = KINDS[kind], script.look
    idiom = rng.choice(chosen.idioms)
    flat = idiom == "pyplot"
    if chosen.projection and flat and chosen.projection == "3d":
        flat, idiom = False, "object"
    width = rng.choice([w / 2 for w in range(round(2 * inches[0]), round(2 * inches[1]) + 1)])
    height = round(2 * width / rng.uniform(*chosen.shape)) / 2
    width = (
        width + 1.5 if difficulty > 0.7 and width < inches[1] and not chosen.projection else width
    )
    script.taken |= {"plt", "np", "pd", "sns", "nx", "stats"}
    sketch = Sketch(
        script, rng, difficulty, idiom=idiom, ax="plt" if flat else "ax", size=(width, height)
    )
    chosen.draw(sketch)
    if sketch.panel.legend and kind in ("pie", "donut", "radar", "polar"):
        width = round(3.2 * height) / 2  # a circle leaves room beside it for its legend
    size = f"figsize=({width:g}, {height:g})"
    if look.dpi:
        size += f", dpi={look.dpi}"
    constrained = look.layout == "constrained" and chosen.projection != "3d"
    options = size + (', layout="constrained"' if constrained else "")
    _figure(script, options, chosen.projection, flat)
    _tail(
        script, sketch.panel.title, tight=not constrained, flat=flat, projection=chosen.projection
    )
    return Chart(script.source(), kind, idiom, "", (sketch.panel,))


def _figure(script: Script, options: str, projection: str, flat: bool) -> None:
    if not projection:
        line = f"plt.figure({options})" if flat else f"fig, ax = plt.subplots({options})"
        lines = [line]
    elif flat:
        lines = [f"plt.figure({options})", f"plt.subplot(projection={text(projection)})"]
    elif script.rng.random() < 0.5:
        lines = [
            f"fig = plt.figure({options})",
            f"ax = fig.add_subplot(projection={text(projection)})",
        ]
    else:
        lines = [
            f'fig, ax = plt.subplots({options}, subplot_kw={{"projection": {text(projection)}}})'
        ]
    script.body[:0] = lines


def _tail(script: Script, title: str, *, tight: bool, flat: bool, projection: str) -> None:
    rng, look = script.rng, script.look
    if tight:
        script.tail.append(
            "plt.tight_layout()" if flat or rng.random() < 0.6 else "fig.tight_layout()"
        )
    if look.ending == "show":
        script.tail.append("plt.show()")
    else:
        name = identifier(title)[:40].strip("_") or "figure"
        script.tail.append(
            f'plt.savefig("{name}.png")'
            if flat or rng.random() < 0.7
            else f'fig.savefig("{name}.png")'
        )


# --- several panels -------------------------------------------------------------------------------

_GRIDS: Mapping[int, tuple[tuple[int, int], ...]] = {
    2: ((1, 2), (2, 1)), 3: ((1, 3),), 4: ((2, 2),), 6: ((2, 3), (3, 2)),
}  # fmt: skip


def _multi(script: Script, difficulty: float, rng: Random) -> Chart:
    counts = [n for n in _GRIDS if n <= 2 + round(4 * difficulty)]
    n = counts[-1] if rng.random() < 0.5 else rng.choice(counts)
    rows, columns = rng.choice(_GRIDS[n])
    width, height = rng.choice((4.2, 4.6, 5.0)), rng.choice((3.4, 3.8, 4.0))
    fit_kinds = [name for name, kind in KINDS.items() if kind.panel]
    by_subplot = rng.random() < 0.35
    if not by_subplot:
        fit_kinds = [name for name in fit_kinds if not KINDS[name].projection]
    chosen = [rng.choice(fit_kinds)] * n if rng.random() < 0.2 else rng.sample(fit_kinds, n)
    script.taken |= {"plt", "np", "pd", "sns", "nx", "stats"}
    script.shared = True
    panels, bodies = [], []
    for k, name in enumerate(chosen):
        kind = KINDS[name]
        idiom = (
            rng.choice([i for i in kind.idioms if i != "pyplot"])
            if rng.random() < 0.4
            else "object"
        )
        sketch = Sketch(
            script, rng, difficulty * 0.6, idiom=idiom, ax="ax", size=(width, height), crowded=True
        )
        script.body = []
        kind.draw(sketch)
        sketch.panel.kind = name
        panels.append(sketch.panel)
        r, c = divmod(k, columns)
        place = f"axes[{k}]" if 1 in (rows, columns) else f"axes[{r}, {c}]"
        if by_subplot:
            projection = f", projection={text(kind.projection)}" if kind.projection else ""
            opening = f"ax = fig.add_subplot({rows}, {columns}, {k + 1}{projection})"
        else:
            opening = f"ax = {place}"
        comment = [f"# {sketch.panel.title}"] if script.look.comments else []
        bodies.append("\n".join([*comment, opening, *script.body]))
    title = _headline(script, rng, columns * width)
    _assemble(script, bodies, (rows, columns), (columns * width, rows * height), title, by_subplot)
    return Chart(script.source(), "multi", "object", title, tuple(panels))


_HEADLINES = (
    "Overview",
    "Dashboard",
    "Key figures",
    "Quarterly review",
    "Summary of results",
    "At a glance",
    "Annual report",
    "Findings",
)


def _headline(script: Script, rng: Random, width: float) -> str:
    return rng.choice(_HEADLINES) if rng.random() < 0.55 else ""


def _assemble(
    script: Script,
    bodies: list[str],
    grid: tuple[int, int],
    size: tuple[float, float],
    title: str,
    by_subplot: bool,
) -> None:
    rows, columns = grid
    look, rng = script.look, script.rng
    constrained = look.layout == "constrained"
    options = f"figsize=({size[0]:g}, {size[1]:g})" + (
        ', layout="constrained"' if constrained else ""
    )
    opening = (
        f"fig = plt.figure({options})"
        if by_subplot
        else f"fig, axes = plt.subplots({rows}, {columns}, {options})"
    )
    script.body = ["\n\n".join([opening, *bodies])]
    if title:
        weight = ', fontweight="bold"' if rng.random() < 0.5 else ""
        script.tail.append(
            f"fig.suptitle({text(fit(title, size[0], 16))}, fontsize={int(look.title_size) + 2}{weight})"
        )
    _tail(script, title or "figure", tight=not constrained, flat=False, projection="")

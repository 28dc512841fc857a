"""The text of a plotting script, as a person would lay it out, and what its picture shows.

in:  imports, data and drawing lines, in any order
out: Script: the whole text; Sketch: one axes of it, in the idiom that it is written in; Panel:
     facts about that axes, from which questions and descriptions are made
not covered: which lines (kinds), how the script is judged (filters.py)
"""

from __future__ import annotations

import builtins
import json
import keyword
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from viscodex.data.charts.look import Look

WIDTH = 88  # of the lines of a script

_IMPORTS = (
    "import matplotlib.pyplot as plt",
    "from matplotlib.patches import Rectangle",
    "import networkx as nx",
    "import numpy as np",
    "import pandas as pd",
    "import seaborn as sns",
    "from scipy import stats",
)
"""In the order in which they stand."""

_BY_NAME = {
    "plt": 0, "patches": 1, "nx": 2, "np": 3, "pd": 4, "sns": 5, "stats": 6,
}  # fmt: skip


def text(value: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)


def literal(value: object, start: int = 0) -> str:
    """Python source of lists, dicts, strings and numbers, wrapped as a formatter would.

    Args:
        value: of those types.
        start: column at which it begins.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        rows = [f"    {text(str(k))}: {literal(v, 6 + len(str(k)))}," for k, v in value.items()]
        return "{\n" + "\n".join(row.replace("\n", "\n    ") for row in rows) + "\n}"
    if not isinstance(value, list | tuple):
        return repr(value)
    parts = [literal(part) for part in value]
    line = f"[{', '.join(parts)}]"
    if start + len(line) <= WIDTH and not any("\n" in part for part in parts):
        return line
    if value and isinstance(value[0], list | tuple):
        return "[\n" + "\n".join(f"    {part}," for part in parts) + "\n]"
    wrapped = textwrap.wrap(
        ", ".join(p.replace(" ", "\x00") for p in parts),
        WIDTH - 8,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "[\n" + "\n".join("    " + w.replace("\x00", " ") for w in wrapped) + ",\n]"


@dataclass(slots=True)
class Panel:
    """What one axes shows: everything that is asked of it later is true by this."""

    kind: str
    name: str  # "grouped bar chart"
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    columns: list[str] = field(default_factory=list)  # the first one names the rows
    rows: list[list[Any]] = field(default_factory=list)  # [row name, value, value, ...]
    unit: str = ""
    measure: str = ""  # what the values are, without unit
    labelled: bool = False  # the values stand in the picture as text
    readable: bool = True  # a person could make the table from the picture
    timed: bool = False
    whole: bool = False  # values add up
    colors: dict[str, str] = field(default_factory=dict)  # series -> #rrggbb
    legend: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # true sentences of its own
    decimals: int = 1


_DRAWING_NAMES = frozenset((
    "fig", "ax", "axes", "angle", "arrows", "bars", "base", "body", "bottom", "box", "boxes",
    "closed", "color", "container", "curve", "ends", "filled", "group", "h", "high", "i", "im",
    "ink", "intercept", "j", "label", "labels", "left", "line", "lines", "low", "middle", "name",
    "p", "part", "parts", "patch", "percents", "points", "side", "slope", "surface", "texts",
    "value", "values", "w", "wedges", "weights", "x", "y", "markerline", "stemlines", "baseline",
))  # fmt: skip
"""Assigned where things are drawn."""

_DATA_NAMES = frozenset(
    ("base", "labels", "low", "high", "name", "points", "texts", "values", "x", "y")
)
"""Of these, names that the data of a chart of its own may have all the same."""


@dataclass(slots=True)
class Script:
    """A script that grows part by part."""

    look: Look
    rng: Random
    imports: set[str] = field(default_factory=lambda: {"plt"})
    head: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    shared: bool = False  # several panels: no data may have a name that a drawing part assigns

    def name(self, wanted: str) -> str:
        """A variable name that is not taken yet."""
        name, k = wanted, 2
        if keyword.iskeyword(name) or hasattr(builtins, name):
            name = wanted = f"{wanted}_values"
        barred = _DRAWING_NAMES if self.shared else _DRAWING_NAMES - _DATA_NAMES
        while name in self.taken or name in barred:
            name, k = f"{wanted}_{k}", k + 1
        self.taken.add(name)
        return name

    def source(self) -> str:
        """The whole text."""
        lines = [
            line for i, line in enumerate(_IMPORTS) if i in {_BY_NAME[n] for n in self.imports}
        ]
        parts = ["\n".join(lines), "\n".join(self.head)]
        parts += ["\n" + "\n".join(self.functions) + "\n"] if self.functions else []
        parts += ["\n".join(self.data), "\n".join(self.body), "\n".join(self.tail)]
        return "\n\n".join(part for part in parts if part) + "\n"


_SETTERS = {
    "title": "set_title", "xlabel": "set_xlabel", "ylabel": "set_ylabel", "xlim": "set_xlim",
    "ylim": "set_ylim", "xscale": "set_xscale", "yscale": "set_yscale",
}  # fmt: skip


class Sketch:
    """One axes of a script.

    Args:
        script: that it belongs to.
        rng: decides what is drawn.
        difficulty: 0 plain .. 1 dense.
        idiom: pyplot, object, pandas or seaborn.
        ax: the expression that draws: "plt", "ax", "axes[0, 1]", ...
        size: of the axes with its labels, inches.
        crowded: one of several panels: shorter titles, smaller fonts.
    """

    def __init__(
        self, script: Script, rng: Random, difficulty: float, *, idiom: str, ax: str, size: tuple[float, float], crowded: bool = False
    ) -> None:  # fmt: skip
        self.script, self.rng, self.difficulty = script, rng, difficulty
        self.idiom, self.ax, self.size, self.crowded = idiom, ax, size, crowded
        self.look = script.look
        self.panel = Panel("", "")
        self.base = self.look.base - (1 if crowded else 0)
        self.legend_size = self.base - 1

    # data

    def use(self, *names: str) -> None:
        """Import np, pd, sns, nx, ..."""
        self.script.imports.update(names)

    def let(self, name: str, value: object) -> str:
        """A data line; gives the name of the variable."""
        name = self.script.name(name)
        self.script.data.append(f"{name} = {literal(value, len(name) + 3)}")
        return name

    def set(self, name: str, code: str) -> str:
        """A data line whose right side is code."""
        name = self.script.name(name)
        self.script.data.append(f"{name} = {code}")
        return name

    def note(self, words: str) -> None:
        """A comment above the data, where this script has comments."""
        if self.look.comments:
            self.script.data.append(f"# {words}")

    # drawing

    def draw(self, *lines: str) -> None:
        """Lines of the drawing part, as they are."""
        self.script.body.extend(lines)

    def call(self, method: str, *args: str, **kwargs: object) -> None:
        """A method of the axes, or pyplot's function of that name; kwargs are code."""
        self.draw(self.code(method, *args, **kwargs))

    def code(self, method: str, *args: str, **kwargs: object) -> str:
        """The text of such a call, wrapped where it is long."""
        if self.ax != "plt":
            method = _SETTERS.get(method, method)
        parts = [*args, *(f"{key}={value}" for key, value in kwargs.items() if value is not None)]
        start = f"{self.ax}.{method}("
        line = f"{start}{', '.join(parts)})"
        if len(line) <= WIDTH + 4:
            return line
        inner = ", ".join(parts)
        if len(inner) <= WIDTH - 4:
            return f"{start}\n    {inner}\n)"
        return f"{start}\n" + "".join(f"    {part},\n" for part in parts) + ")"

    @property
    def axes(self) -> str:
        """An expression for the axes object."""
        return "plt.gca()" if self.ax == "plt" else self.ax

    # decorations

    def title(self, words: str, *, pad: float | None = None) -> None:
        """Title that fits the width, on two lines where it must."""
        look = self.look
        size = look.title_size - (2.5 if self.crowded else 0)
        words = fit(
            words,
            self.size[0] * (0.84 if not self.crowded else 0.9),
            size * (1.1 if look.title_bold else 1),
        )
        self.panel.title = words.replace("\n", " ")
        self.call(
            "title", text(words),
            fontsize=_short(size),
            fontweight=text("bold") if look.title_bold else None,
            loc=text("left") if look.title_loc == "left" and "3d" not in self.ax else None,
            pad=pad,
        )  # fmt: skip

    def labels(self, x: str, y: str) -> None:
        """Axis labels; an empty one is left out."""
        self.panel.x_label, self.panel.y_label = x, y
        for method, words, room in (
            ("xlabel", x, self.size[0] * 0.8),
            ("ylabel", y, self.size[1] * 0.72),
        ):
            if words:
                words = fit(words, room, self.base)
                size = (
                    _short(self.base)
                    if self.crowded or self.look.style == "fivethirtyeight"
                    else None
                )
                self.call(method, text(words), fontsize=size)

    def legend(
        self, names: Sequence[str], *, title: str = "", place: str = "", handles: str = ""
    ) -> None:
        """A legend of drawn labels; outside on the right where it would hide data."""
        self.panel.legend = list(names)
        kwargs: dict[str, object] = {"handles": handles or None}
        if title:
            kwargs["title"] = text(title)
        if place == "right":
            kwargs |= {"loc": text("upper left"), "bbox_to_anchor": "(1.02, 1)"}
        elif place == "top":
            kwargs |= {
                "loc": text("lower center"),
                "bbox_to_anchor": "(0.5, 1.0)",
                "ncol": len(names),
            }
        elif place:
            kwargs["loc"] = text(place)
        if self.crowded or self.rng.random() < 0.4 or self.look.style == "fivethirtyeight":
            kwargs["fontsize"] = _short(self.legend_size)
        if self.rng.random() < 0.25:
            kwargs["frameon"] = False
        self.call("legend", **kwargs)

    def grid(self, axis: str = "") -> None:
        """Grid lines, where this script's look has them."""
        wanted = self.look.grid
        if not wanted:
            return
        if axis and wanted != "both":
            wanted = axis
        kwargs: dict[str, object] = {} if wanted == "both" else {"axis": text(wanted)}
        if self.look.grid_line != "-":
            kwargs["linestyle"] = text(self.look.grid_line)
        self.call("grid", "True", **kwargs, alpha=self.rng.choice((0.3, 0.4, 0.5, 0.6)))
        if self.ax != "plt":
            self.call("set_axisbelow", "True")

    def despine(self) -> None:
        """Hide the top and right spine, where this script's look does."""
        if self.look.despine:
            if "sns" in self.script.imports and self.ax == "ax" and not self.crowded:
                self.draw("sns.despine()")
            elif self.ax == "plt":
                self.draw("ax = plt.gca()", 'ax.spines[["top", "right"]].set_visible(False)')
            else:
                self.draw(f'{self.ax}.spines[["top", "right"]].set_visible(False)')

    def limits(self, axis: str, low: object, high: object) -> None:
        """Limits of x or y; None leaves one end."""
        if low is None:
            side = {"x": "right", "y": "top"}[axis]
            self.call(f"{axis}lim", **{side: high})
        elif high is None:
            side = {"x": "left", "y": "bottom"}[axis]
            self.call(f"{axis}lim", **{side: low})
        else:
            self.call(f"{axis}lim", str(low), str(high))

    def ticks(
        self,
        axis: str,
        places: str,
        names: str = "",
        *,
        rotation: int = 0,
        fontsize: int | None = None,
    ) -> None:
        """Tick places and, where given, their names."""
        more: dict[str, object] = {"rotation": rotation or None}
        if rotation and rotation < 90 and axis == "x":
            more["ha"] = text("right")
        more["fontsize"] = fontsize
        if self.ax == "plt":
            self.call(f"{axis}ticks", places, *([names] if names else []), **more)
        elif names:
            self.call(f"set_{axis}ticks", places, names, **more)
        else:
            self.call(f"set_{axis}ticks", places)
            if rotation:
                self.turn(rotation)

    def turn(self, rotation: int) -> None:
        """Turn the x tick labels that are there."""
        right = ', ha="right"' if rotation < 90 else ""
        if self.ax == "plt":
            self.draw(f"plt.xticks(rotation={rotation}{right})")
        elif right:
            self.draw(f"plt.setp({self.ax}.get_xticklabels(), rotation={rotation}{right})")
        else:
            self.draw(f'{self.ax}.tick_params(axis="x", rotation={rotation})')

    def rotation(self, names: Sequence[object], *, width: float | None = None) -> int:
        """The angle at which so many tick labels do not touch one another."""
        room = 72 * (width or self.size[0] * 0.78) / max(1, len(names))
        longest = max((len(str(name)) for name in names), default=1)
        if longest * 0.64 * self.base + 5 <= room:
            return 0
        return 45 if room > 1.75 * self.base else 90

    def footer(self) -> None:
        """Grid and spines: what a cartesian axes ends with."""
        self.grid("y")
        self.despine()


def fit(words: str, inches: float, size: float) -> str:
    """Words on as many lines as they need at a font size in points."""
    most = max(8, int(inches * 72 / (size * 0.58)))
    return words if len(words) <= most else "\n".join(textwrap.wrap(words, most))


def _short(number: float) -> int | float:
    return int(number) if number == int(number) else number

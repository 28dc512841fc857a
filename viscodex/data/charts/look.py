"""How charts look: palettes, styles, fonts, grids, sizes.

in:  a random.Random and the difficulty
out: Look: what one script keeps to throughout
not covered: what is drawn (kinds)
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

PALETTES: Mapping[str, tuple[str, ...]] = {
    "tableau": ("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#9c755f"),
    "category": ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"),
    "dark": ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#666666"),
    "soft": ("#66c2a5", "#fc8d62", "#8da0cb", "#e78ac3", "#a6d854", "#ffd92f", "#e5c494", "#b3b3b3"),
    "okabe": ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#b8a800", "#555555"),
    "ocean": ("#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51", "#8ab17d", "#287271", "#b5838d"),
    "nordic": ("#5e81ac", "#bf616a", "#a3be8c", "#ebcb8b", "#b48ead", "#88c0d0", "#d08770", "#4c566a"),
    "economist": ("#006ba2", "#db444b", "#379a8b", "#ebb434", "#9a607f", "#3ebcd2", "#758d99", "#b4ba39"),
    "earth": ("#6b4226", "#c8963e", "#7a8450", "#a44a3f", "#3d5a6c", "#d9b08c", "#52796f", "#8d5b4c"),
    "berry": ("#5f0f40", "#9a031e", "#fb8b24", "#0f4c5c", "#e36414", "#7b8f3a", "#3a6ea5", "#a26769"),
    "flat": ("#3498db", "#e74c3c", "#2ecc71", "#f1c40f", "#9b59b6", "#1abc9c", "#e67e22", "#34495e"),
    "slate": ("#2f4b7c", "#f95d6a", "#ffa600", "#665191", "#a05195", "#d45087", "#003f5c", "#ff7c43"),
}  # fmt: skip
"""Eight colours each, apart from one another."""

NAMED: tuple[str, ...] = (
    "steelblue", "seagreen", "indianred", "darkorange", "slateblue", "teal", "tomato",
    "cornflowerblue", "mediumpurple", "goldenrod", "crimson", "royalblue", "darkcyan", "coral",
)  # fmt: skip
"""What people write for a single series."""

SEQUENTIAL = (
    "viridis",
    "plasma",
    "cividis",
    "Blues",
    "YlGnBu",
    "YlOrRd",
    "magma",
    "Greens",
    "BuPu",
)
DIVERGING = ("coolwarm", "RdBu_r", "RdYlBu_r", "PiYG", "Spectral_r", "BrBG")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
HATCHES = ("//", "..", "xx", "\\\\", "++", "oo", "--", "**")

_STYLES: tuple[tuple[str, float, float], ...] = (  # name, weight, base font size it brings
    ("", 10, 10),
    ("seaborn-v0_8-whitegrid", 2, 10),
    ("ggplot", 1.6, 10),
    ("bmh", 1, 10),
    ("seaborn-v0_8-darkgrid", 1, 10),
    ("seaborn-v0_8-ticks", 0.8, 10),
    ("seaborn-v0_8-white", 0.6, 10),
    ("Solarize_Light2", 0.5, 10),
    ("fivethirtyeight", 0.6, 14),
    ("dark_background", 0.8, 10),
)


@dataclass(frozen=True, slots=True)
class Look:
    """Decisions that hold for a whole script."""

    style: str
    palette: tuple[str, ...]
    single: str  # colour of a chart with one series
    cmap: str
    diverging: str
    family: str  # empty: the style's
    base: float  # font size of tick labels and annotations, pt
    title_size: float
    title_loc: Literal["center", "left"]
    title_bold: bool
    grid: str  # empty, y, both
    grid_line: str
    despine: bool
    layout: Literal["tight", "constrained"]
    comments: bool
    ending: Literal["save", "show"]
    dpi: int
    edge: str  # colour of outlines; empty: none
    hatches: bool
    dashes: bool

    @property
    def dark(self) -> bool:
        """Text is light on a dark ground."""
        return self.style == "dark_background"

    @property
    def ink(self) -> str:
        """The colour of texts and of thin lines."""
        return "white" if self.dark else "black"

    @property
    def paper(self) -> str:
        """The colour of gaps between areas."""
        return "black" if self.dark else "white"

    def colors(self, n: int) -> list[str]:
        """The first n of the palette."""
        return [self.palette[i % len(self.palette)] for i in range(n)]


def _apart(palette: list[str], least: float = 110.0) -> list[str]:
    """The same colours, those that resemble an earlier one moved to the end."""
    first: list[str] = []
    for color in palette:
        if all(_distance(color, other) >= least for other in first):
            first.append(color)
    return first + [color for color in palette if color not in first]


def _distance(one: str, other: str) -> float:
    parts = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return math.sqrt(sum((a - b) ** 2 for a, b in parts))


def luma(color: str) -> float:
    """Brightness of #rrggbb as it is seen, 0 .. 255 (Rec. 709)."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(color: str) -> str:
    """The colour of a text that is written on #rrggbb."""
    return "white" if luma(color) < 140 else "black"


def draw_look(rng: Random, difficulty: float) -> Look:
    """A look; plain at difficulty 0."""
    names, weights, sizes = zip(*_STYLES, strict=True)
    k = rng.choices(range(len(names)), weights)[0] if rng.random() < 0.25 + 0.6 * difficulty else 0
    fancy = rng.random() < 0.3 + 0.5 * difficulty
    family = rng.choices(
        ("", "DejaVu Serif", "STIXGeneral", "DejaVu Sans Mono"), (9, 1.4, 1.0, 0.4)
    )[0]
    palette = list(PALETTES[rng.choice(list(PALETTES))])
    turn = rng.randrange(len(palette)) if rng.random() < 0.4 else 0
    palette = palette[turn:] + palette[:turn]
    ground = 0 if names[k] == "dark_background" else 255
    palette.sort(key=lambda color: abs(luma(color) - ground) < 75)  # faint ones come last
    palette = _apart(palette)
    base = 10.0 if sizes[k] > 10 else rng.choice((9.0, 10.0, 10.0, 10.0, 11.0))
    framed = bool(names[k])
    return Look(
        style=names[k],
        palette=tuple(palette),
        single=palette[0] if rng.random() < 0.6 else rng.choice(NAMED),
        cmap=rng.choice(SEQUENTIAL),
        diverging=rng.choice(DIVERGING),
        family=family,
        base=base,
        title_size=base + rng.choice((2, 3, 4, 5)),
        title_loc="left" if fancy and rng.random() < 0.3 else "center",
        title_bold=rng.random() < 0.3,
        grid="" if framed else rng.choices(("", "y", "both"), (4, 3, 2))[0],
        grid_line=rng.choice(("--", ":", "-")),
        despine=fancy and not framed and rng.random() < 0.45,
        layout="constrained" if rng.random() < 0.25 else "tight",
        comments=rng.random() < 0.55,
        ending="save" if rng.random() < 0.6 else "show",
        dpi=rng.choices((0, 100, 120, 150), (8, 2, 1, 0.6))[0],
        edge=rng.choice(("", "", "black", "white")) if names[k] != "dark_background" else "",
        hatches=rng.random() < 0.12 + 0.12 * difficulty,
        dashes=rng.random() < 0.3,
    )


_HUES: tuple[tuple[float, str], ...] = (
    (12, "red"), (42, "orange"), (68, "yellow"), (160, "green"), (195, "teal"), (255, "blue"),
    (295, "purple"), (340, "pink"), (360, "red"),
)  # fmt: skip


def color_word(color: str) -> str:
    """What a person calls a colour given as #rrggbb; empty where people would differ.

    Colours near the border of two hues, and dull or dark ones, have no sure word.
    """
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, vivid = colorsys.rgb_to_hls(red, green, blue)
    hue *= 360
    if max(red, green, blue) - min(red, green, blue) < 0.06:
        return "gray" if 0.25 < light < 0.8 else ""
    if vivid < 0.28 or not 0.22 < light < 0.8:
        return ""
    if min(abs(hue - limit) for limit, _ in _HUES[:-1]) < 5:
        return ""
    word = next(name for limit, name in _HUES if hue <= limit)
    return "brown" if word == "orange" and light < 0.42 and vivid < 0.75 else word

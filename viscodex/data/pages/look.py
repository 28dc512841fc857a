"""How a page looks: colours with enough contrast, fonts, spacing, corners, shadows, layout manner.

in:  a random generator
out: a Look, the same for the same generator
not covered: what stands on the page (sections.py, kinds.py)
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, fields
from random import Random

SANS = (
    "Arial, Helvetica, sans-serif",
    "'Helvetica Neue', Helvetica, Arial, sans-serif",
    "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "'Segoe UI', Tahoma, Geneva, Verdana, sans-serif",
    "Inter, 'Helvetica Neue', Arial, sans-serif",
    "Verdana, Geneva, sans-serif",
    "'Open Sans', Arial, sans-serif",
    "'Liberation Sans', Arial, sans-serif",
)
SERIF = (
    "Georgia, 'Times New Roman', serif",
    "'Times New Roman', Times, serif",
    "'Playfair Display', Georgia, serif",
    "'Liberation Serif', 'Times New Roman', serif",
)
MONO = ("'Courier New', Courier, monospace", "'SFMono-Regular', Consolas, 'Liberation Mono', monospace")  # fmt: skip
NARROW = ("'Arial Narrow', 'Liberation Sans Narrow', Arial, sans-serif",)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a page, #rrggbb."""

    background: str  # of the page
    surface: str  # of cards, forms, tables
    soft: str  # of bands and table heads: background with a little of the brand
    text: str
    muted: str  # text of less weight
    border: str
    primary: str  # the brand
    on_primary: str  # text on it
    accent: str  # a second colour that may carry on_primary too
    deep: str  # of dark bands and footers
    on_deep: str
    on_deep_muted: str

    def names(self) -> dict[str, str]:
        """Colour -> name of its field; the first field keeps a colour that two share."""
        found: dict[str, str] = {}
        for field in fields(self):
            found.setdefault(getattr(self, field.name), field.name)
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """Everything of a page's style that is not its content."""

    palette: Palette
    dark: bool
    font: str
    heading_font: str
    mono: str
    size_px: int  # of running text
    scale: float  # of headings
    line_height: float
    heading_weight: int
    unit_px: int  # spacing is a multiple of it
    radius_px: int
    button_radius_px: int
    shadow: str  # of cards; "none" with a border instead
    layout: str  # grid, flex, float
    width_px: int  # of the content
    uppercase: bool  # small labels and buttons
    css: str  # classes, variables, inline
    compact_css: bool  # a rule a line
    indent: int
    angle: int  # of gradients, degrees
    comments: bool
    case: str  # of class names: kebab, camel, snake, prefix


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb, 0 to 1; WCAG 2.2."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21; WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def hsl(hue: float, saturation: float, lightness: float) -> str:
    """#rrggbb of a hue in degrees, saturation and lightness 0 to 1."""
    rgb = colorsys.hls_to_rgb(hue % 360 / 360, min(max(lightness, 0), 1), saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def readable(hue: float, saturation: float, lightness: float, on: str, ratio: float) -> str:
    """The colour nearest to this lightness that has the contrast on a ground."""
    step = -0.02 if luminance(on) > 0.3 else 0.02
    while contrast(hsl(hue, saturation, lightness), on) < ratio and 0 < lightness < 1:
        lightness += step
    return hsl(hue, saturation, lightness)


_HUES = (("red", 10), ("orange", 40), ("yellow", 66), ("green", 165), ("teal", 190), ("blue", 255),
         ("purple", 290), ("pink", 345), ("red", 360))  # fmt: skip


def color_name(color: str) -> str:
    """A plain name of #rrggbb: "dark blue", "pale green", "cream", "white"."""
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(r, g, b)
    chroma = max(r, g, b) - min(r, g, b)
    if light > 0.985:
        return "white"
    if light < 0.06:
        return "black"
    if light > 0.93 and chroma < 0.06:
        warm = chroma > 0.012 and 15 < hue * 360 < 70
        return "cream" if warm else "off-white" if light > 0.96 else "very light grey"
    shade = (
        "dark " if light < 0.3 else "pale " if light > 0.86 else "light " if light > 0.75 else ""
    )
    if saturation < 0.13 or chroma < 0.06:
        return f"{'light ' if shade == 'pale ' else shade}grey"
    name = next(name for name, end in _HUES if hue * 360 <= end)
    if name in ("orange", "yellow") and light < 0.36:
        return "brown" if shade == "" else "dark brown"
    return shade + name


def draw_look(rng: Random, old: bool = False) -> Look:
    """A look; `old` is that of a page of twenty years ago."""
    dark = not old and rng.random() < 0.18
    palette = _dark_palette(rng) if dark else _light_palette(rng, old)
    family = rng.choices((SANS, SERIF, MONO), (0.8, 0.17, 0.03))[0]
    font = rng.choice(family)
    other = rng.choices((font, rng.choice(SERIF), rng.choice(SANS), rng.choice(NARROW)), (6, 2, 2, 0.4))[0]  # fmt: skip
    radius = rng.choice((0, 0, 3, 4, 6, 8, 8, 10, 12, 16))
    return Look(
        palette=palette,
        dark=dark,
        font=font,
        heading_font=other,
        mono=rng.choice(MONO),
        size_px=rng.choice((13, 14)) if old else rng.choice((15, 16, 16, 16, 17)),
        scale=rng.uniform(0.85, 1.2),
        line_height=rng.choice((1.4, 1.5, 1.6, 1.6, 1.7)),
        heading_weight=rng.choice((600, 700, 700, 800)),
        unit_px=rng.choice((6, 7, 8, 8, 8, 9)),
        radius_px=0 if old else radius,
        button_radius_px=rng.choice((radius, radius, 4, 999)) if not old else 0,
        shadow="none" if dark or old or rng.random() < 0.45 else _shadow(rng),
        layout="float" if old or rng.random() < 0.08 else rng.choice(("grid", "flex", "grid")),
        width_px=rng.choice((880, 940, 960)) if old else rng.choice((960, 1040, 1080, 1100, 1140)),
        uppercase=rng.random() < 0.2,
        css=rng.choices(("classes", "variables", "inline"), (0.6, 0.3, 0.1))[0],
        compact_css=rng.random() < 0.2,
        angle=rng.choice((90, 135, 135, 160, 180)),
        indent=rng.choices((2, 4), (0.6, 0.4))[0],
        comments=rng.random() < 0.35,
        case=rng.choices(("kebab", "camel", "snake", "prefix"), (0.78, 0.08, 0.06, 0.08))[0],
    )


def _shadow(rng: Random) -> str:
    y, blur = rng.choice(((1, 3), (2, 6), (2, 8), (4, 12), (4, 16), (6, 20)))
    return f"0 {y}px {blur}px rgba(0, 0, 0, {rng.choice((0.06, 0.08, 0.1, 0.12))})"


def _light_palette(rng: Random, old: bool) -> Palette:
    hue, saturation = rng.uniform(0, 360), rng.uniform(0.45, 0.85)
    ground = rng.choice(("white", "white", "tinted", "warm", "grey"))
    tint = 36 if ground == "warm" else hue
    background = {
        "white": "#ffffff",
        "tinted": hsl(tint, 0.4, 0.975),
        "warm": hsl(tint + rng.uniform(-8, 8), 0.45, 0.965),
        "grey": rng.choice(("#f4f5f7", "#f5f5f5", "#f3f4f6", "#fafafa", "#eef0f2")),
    }[ground]
    surface = "#ffffff" if ground != "white" or rng.random() < 0.6 else hsl(hue, 0.2, 0.98)
    primary = readable(hue, saturation, rng.uniform(0.28, 0.5), "#ffffff", 4.6)
    second = hue + rng.choice((150, 180, 210, 30, -30, 120))
    neutral = rng.choice((hue, 220, 0)), rng.choice((0.0, 0.1, 0.2))
    deep_hue = rng.choice((hue, 220, 30))
    deep = hsl(deep_hue, rng.choice((0.1, 0.3, 0.45)), rng.uniform(0.1, 0.18))
    soft = hsl(hue, 0.35, 0.945) if not old else hsl(hue, 0.3, 0.9)
    return Palette(
        background=background,
        surface=surface,
        soft=soft,
        text=hsl(*neutral, rng.uniform(0.1, 0.2)),
        muted=readable(*neutral, 0.45, soft, 4.6),
        border=hsl(*neutral, rng.uniform(0.82, 0.89)),
        primary=primary,
        on_primary="#ffffff",
        accent=readable(second, saturation, 0.45, "#ffffff", 4.6),
        deep=deep,
        on_deep=hsl(deep_hue, 0.15, 0.94),
        on_deep_muted=readable(deep_hue, 0.12, 0.68, deep, 5.5),
    )


def _dark_palette(rng: Random) -> Palette:
    hue, saturation = rng.uniform(0, 360), rng.uniform(0.5, 0.85)
    tint = rng.choice((hue, 222, 222, 0)), rng.choice((0.04, 0.12, 0.25))
    low = rng.uniform(0.06, 0.1)
    background, surface = hsl(*tint, low), hsl(*tint, low + 0.05)
    soft = hsl(*tint, low + 0.03)
    primary = readable(hue, saturation, rng.uniform(0.58, 0.68), background, 5.5)
    second = hue + rng.choice((150, 180, 210, 60))
    return Palette(
        background=background,
        surface=surface,
        soft=soft,
        text=hsl(*tint, 0.92),
        muted=readable(*tint, 0.66, surface, 5.0),
        border=hsl(*tint, low + 0.13),
        primary=primary,
        on_primary=hsl(hue, 0.3, 0.06),
        accent=readable(second, saturation, 0.62, background, 5.5),
        deep=hsl(*tint, max(low - 0.035, 0.02)),
        on_deep=hsl(*tint, 0.9),
        on_deep_muted=hsl(*tint, 0.62),
    )

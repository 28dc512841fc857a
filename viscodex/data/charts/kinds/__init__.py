"""The types of chart that the source can draw.

in:  a Sketch
out: KINDS: by name, how one is drawn and in which idioms
not covered: multi-panel figures, which are made of these (compose.py)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from viscodex.data.charts.kinds import bars, circles, courses, fields, plans, points, spreads
from viscodex.data.charts.script import Sketch


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of chart.

    Attributes:
        draw: writes its lines and its facts.
        weight: how often it is drawn, relative to the others.
        idioms: beside pyplot and object, those in which it can be written.
        projection: of its axes, where that is not the plain one.
        panel: may be one of several in a figure.
        shape: width over height that suits it, from and to.
    """

    draw: Callable[[Sketch], None]
    weight: float = 1.0
    idioms: tuple[str, ...] = ("pyplot", "object")
    projection: str = ""
    panel: bool = True
    shape: tuple[float, float] = (1.2, 1.8)


_PLAIN = ("pyplot", "object")
_PANDAS = (*_PLAIN, "pandas")
_ALL = (*_PLAIN, "pandas", "seaborn")
_SEABORN = (*_PLAIN, "seaborn")

KINDS: Mapping[str, Kind] = {
    "bar": Kind(bars.bar, 1.4, _ALL),
    "barh": Kind(bars.barh, 1.1, _ALL),
    "grouped": Kind(bars.grouped, 1.4, _ALL),
    "stacked": Kind(bars.stacked, 1.2, _PANDAS),
    "waterfall": Kind(bars.waterfall, 0.5),
    "line": Kind(courses.line, 1.8, _ALL),
    "step": Kind(courses.step, 0.8),
    "area": Kind(courses.area, 1.1, _PANDAS),
    "errorbar": Kind(courses.errorbar, 1.0),
    "stem": Kind(courses.stem, 0.8),
    "twin": Kind(courses.twin, 1.0, ("object",), panel=False),
    "candlestick": Kind(courses.candlestick, 0.6),
    "scatter": Kind(points.scatter, 1.4, _ALL),
    "bubble": Kind(points.bubble, 1.0, _SEABORN),
    "pie": Kind(circles.pie, 1.1, _PANDAS, shape=(1.0, 1.4)),
    "donut": Kind(circles.donut, 0.9, shape=(1.0, 1.4)),
    "radar": Kind(circles.radar, 0.9, projection="polar", shape=(1.0, 1.3)),
    "polar": Kind(circles.polar, 0.8, projection="polar", shape=(1.0, 1.3)),
    "histogram": Kind(spreads.histogram, 1.2, _ALL),
    "density": Kind(spreads.density, 0.7, _SEABORN),
    "box": Kind(spreads.box, 1.1, _SEABORN),
    "violin": Kind(spreads.violin, 1.0, _SEABORN),
    "ridgeline": Kind(spreads.ridgeline, 0.5, panel=False),
    "heatmap": Kind(fields.heatmap, 1.2, _SEABORN, shape=(1.1, 1.5)),
    "contour": Kind(fields.contour, 1.0, shape=(1.1, 1.5)),
    "quiver": Kind(fields.quiver, 0.9, shape=(1.1, 1.4)),
    "surface": Kind(fields.surface, 0.9, projection="3d", shape=(1.1, 1.4)),
    "graph": Kind(plans.graph, 0.9, shape=(1.1, 1.5)),
    "treemap": Kind(plans.treemap, 0.8, shape=(1.3, 1.7)),
    "timeline": Kind(plans.timeline, 0.6, panel=False, shape=(1.5, 2.0)),
}
"""All but "multi", which is made of several of them."""

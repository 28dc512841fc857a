"""Charts of two variables: heatmap, contour, quiver, surface.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: clouds of points (points.py)
"""

from __future__ import annotations

import math

from viscodex.data.charts.kinds.bars import facts, wrap
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import Table, by_group, over_time, rounded
from viscodex.data.charts.vocabulary import FIELDS, FLOWS, Field


def _bar(s: Sketch, mapped: str, label: str, **kwargs: object) -> None:
    """A colour bar beside the axes."""
    more = "".join(f", {k}={v}" for k, v in kwargs.items())
    words = f", label={text(label)}" if label else ""
    s.draw(
        f"plt.colorbar({mapped}{words}{more})"
        if s.ax == "plt"
        else f"fig.colorbar({mapped}, ax={s.ax}{words}{more})"
    )


def heatmap(s: Sketch) -> None:
    """A matrix of colours, often with its numbers."""
    if s.rng.random() < 0.3 and not s.crowded:
        _correlations(s)
        return
    room_x, room_y = int(s.size[0] * 0.66 / 0.55), int(s.size[1] * 0.7 / 0.34)
    m = s.rng.randint(3, max(3, min(room_y, 4 + round(4 * s.difficulty), 6)))
    n = s.rng.randint(4, max(4, min(room_x, 5 + round(6 * s.difficulty), 12)))
    table = (
        by_group(s.rng, min(n, 8), m, short=True)
        if s.rng.random() < 0.5
        else over_time(s.rng, n, m)
    )
    facts(s, table, "heatmap", "heatmap")
    s.panel.title = table.title
    _matrix(s, table)


def _matrix(s: Sketch, table: Table) -> None:
    s.use("np")
    p, decimals = s.panel, table.topic.decimals
    columns = s.let("columns", table.rows)
    rows = s.let("rows", table.series)
    name = s.script.name("values")
    s.script.data.append(
        f"{name} = np.array({literal([list(c) for c in table.values]) if len(table.values) > 1 else literal([list(table.values[0])])})"
    )
    width = max(len(str(v)) for c in table.values for v in c) * 0.62 * (s.base - 1)
    annotated = width + 4 < s.size[0] * 0.66 * 72 / len(table.rows) and s.rng.random() < 0.8
    p.labelled = p.readable = annotated
    form = "d" if decimals == 0 else f".{decimals}f"
    turned = s.rotation(table.rows, width=s.size[0] * 0.64)
    if s.idiom == "seaborn":
        s.use("sns")
        s.draw(wrap("sns.heatmap", [name], annot="True" if annotated else None, fmt=text(form) if annotated else None, cmap=text(s.look.cmap),
                    xticklabels=columns, yticklabels=rows, linewidths=s.rng.choice((None, 0.5, 1)),
                    annot_kws="{" + f'"fontsize": {max(7, int(s.base) - 1)}' + "}" if annotated else None,
                    cbar_kws="{" + f'"label": {text(table.topic.label)}' + "}", ax=s.axes))  # fmt: skip
        s.draw(f'{s.axes}.tick_params(axis="y", rotation=0)')
        if turned:
            s.turn(turned)
    else:
        s.draw("im = " + s.code("imshow", name, cmap=text(s.look.cmap), aspect=text("auto")))
        _bar(s, "im", table.topic.label)
        s.ticks("x", f"range(len({columns}))", columns, rotation=turned)
        s.ticks("y", f"range(len({rows}))", rows)
        if s.look.style:
            s.call("grid", "False")
        if annotated:
            _cell_numbers(s, name, form)
    s.labels(
        table.by.capitalize() if s.rng.random() < 0.5 else "",
        table.split.capitalize() if s.rng.random() < 0.5 else "",
    )
    s.title(table.title)


def _cell_numbers(s: Sketch, name: str, form: str) -> None:
    """Numbers in the cells, light on dark and dark on light."""
    light_low = s.look.cmap in ("viridis", "plasma", "cividis", "magma")
    dark, light = ("white", "black") if light_low else ("black", "white")
    s.draw(
        f"middle = ({name}.max() + {name}.min()) / 2",
        f"for i in range({name}.shape[0]):",
        f"    for j in range({name}.shape[1]):",
        f'        color = "{light}" if {name}[i, j] > middle else "{dark}"',
        f'        {s.ax}.text(j, i, f"{{{name}[i, j]:{form}}}", ha="center", va="center", color=color, fontsize={max(7, int(s.base) - 1)})',
    )  # fmt: skip


_FEATURES = (
    ("Age", "Income", "Tenure", "Spend", "Visits", "Rating", "Returns", "Distance"),
    ("Temp", "Humidity", "Wind", "Pressure", "Rain", "Cloud", "Solar", "Ozone"),
    ("Height", "Weight", "BMI", "Glucose", "Insulin", "Pulse", "Sleep", "Steps"),
)


def _correlations(s: Sketch) -> None:
    s.use("np")
    names = list(s.rng.choice(_FEATURES))[: s.rng.randint(4, 5 + round(3 * s.difficulty))]
    n = len(names)
    loads = [(s.rng.gauss(0, 1), s.rng.gauss(0, 1), s.rng.uniform(0.4, 1.2)) for _ in names]

    def correlation(i: int, j: int) -> float:
        if i == j:
            return 1.0
        (a, b, e), (c, d, f) = loads[i], loads[j]
        norm = math.sqrt((a * a + b * b + e * e) * (c * c + d * d + f * f))
        return round((a * c + b * d) / norm, 2) + 0.0

    matrix = [[correlation(i, j) for j in range(n)] for i in range(n)]
    features = s.let("features", names)
    name = s.script.name("corr")
    s.script.data.append(f"{name} = np.array({literal(matrix)})")
    if s.idiom == "seaborn":
        s.use("sns")
        s.draw(wrap("sns.heatmap", [name], annot="True", fmt=text(".2f"), cmap=text(s.look.diverging), vmin="-1", vmax="1", square="True",
                    xticklabels=features, yticklabels=features, annot_kws="{" + f'"fontsize": {max(7, int(s.base) - 2)}' + "}", ax=s.axes))  # fmt: skip
        s.draw(f'{s.axes}.tick_params(axis="y", rotation=0)')
        s.turn(s.rotation(names, width=s.size[0] * 0.5) or 45)
    else:
        s.draw("im = " + s.code("imshow", name, cmap=text(s.look.diverging), vmin="-1", vmax="1"))
        _bar(s, "im", "Correlation")
        s.ticks("x", f"range({n})", features, rotation=45)
        s.ticks("y", f"range({n})", features)
        if s.look.style:
            s.call("grid", "False")
        s.draw(f"for i in range({n}):", f"    for j in range({n}):",
               f'        color = "white" if abs({name}[i, j]) > 0.65 else "black"',
               f'        {s.ax}.text(j, i, f"{{{name}[i, j]:.2f}}", ha="center", va="center", color=color, fontsize={max(7, int(s.base) - 2)})')  # fmt: skip
    s.title(s.rng.choice(("Correlation matrix", "Feature correlations", "Pairwise correlation")))
    p = s.panel
    p.kind, p.name, p.labelled, p.measure, p.decimals = (
        "heatmap",
        "heatmap of correlations",
        True,
        "Correlation",
        2,
    )
    p.columns, p.rows = ["Feature", *names], [[names[i], *matrix[i]] for i in range(n)]


def _numbers(s: Sketch, field: Field) -> dict[str, float]:
    return {
        k: rounded(s.rng.uniform(*span), 2 if span[1] < 20 else 0)
        for k, span in (("a", field.a), ("b", field.b), ("c", field.c))
    }


def _grid(s: Sketch, field: Field, n: int, m: int | None = None) -> tuple[str, str]:
    s.use("np")
    x0, x1, y0, y1 = field.span
    x = s.set("x", f"np.linspace({x0}, {x1}, {n})")
    y = s.set("y", f"np.linspace({y0}, {y1}, {m or n})")
    a, b = s.script.name("X"), s.script.name("Y")
    s.script.data.append(f"{a}, {b} = np.meshgrid({x}, {y})")
    return a, b


def _formula(formula: str, numbers: dict[str, float], x: str, y: str) -> str:
    import re

    code = formula.format(**numbers)
    return re.sub(r"\bY\b", y, re.sub(r"\bX\b", x, code))


def _diverges(field: Field) -> bool:
    return field.quantity.startswith(("Amplitude", "Potential"))


def contour(s: Sketch) -> None:
    """Lines or bands of equal value."""
    field = s.rng.choice(FIELDS)
    if s.difficulty > 0.3:
        s.note(field.quantity)
    x, y = _grid(s, field, s.rng.choice((80, 100, 120, 150)))
    z = s.set("Z", _formula(field.formula, _numbers(s, field), x, y))
    cmap = text(s.look.diverging if _diverges(field) else s.look.cmap)
    levels = s.rng.choice((8, 10, 12, 15))
    style = s.rng.choice(("filled", "filled", "both", "lines"))
    if field.title.startswith("Electric"):
        lines = s.set("levels", f"np.linspace(-3, 3, {levels + 1})")
        extend = text("both")
    else:
        lines, extend = str(levels), None
    if style in ("filled", "both"):
        s.draw("filled = " + s.code("contourf", x, y, z, levels=lines, cmap=cmap, extend=extend))
        _bar(s, "filled", field.quantity)
    if style in ("lines", "both"):
        color = text(s.look.ink if style == "lines" or s.rng.random() < 0.5 else "white")
        s.draw("lines = " + s.code("contour", x, y, z, levels=lines, colors=color if style == "both" else None,
                                   cmap=cmap if style == "lines" else None, linewidths=0.7 if style == "both" else 1.4))  # fmt: skip
        if style == "lines":
            _bar(s, "lines", field.quantity)
        elif s.rng.random() < 0.5:
            s.call("clabel", "lines", inline="True", fontsize=8)
    s.labels(field.x, field.y)
    s.title(field.title)
    p = s.panel
    p.kind, p.readable, p.measure = "contour", False, field.quantity
    p.name = {
        "filled": "filled contour plot",
        "lines": "contour plot",
        "both": "filled contour plot with lines",
    }[style]
    p.notes.append(f"Colour stands for {field.quantity}.")


def quiver(s: Sketch) -> None:
    """Arrows of a vector field."""
    field = s.rng.choice(FLOWS)
    n = s.rng.randint(9, 11 + round(8 * s.difficulty)) if not s.crowded else 9
    x, y = _grid(s, field, n)
    numbers = _numbers(s, field)
    assert field.flow is not None
    u = s.set("U", _formula(field.flow[0], numbers, x, y))
    v = s.set("V", _formula(field.flow[1], numbers, x, y))
    colored = s.rng.random() < 0.3 + 0.4 * s.difficulty
    if colored:
        speed = s.set("speed", f"np.hypot({u}, {v})")
        s.draw("arrows = " + s.code("quiver", x, y, u, v, speed, cmap=text(s.look.cmap)))
        _bar(s, "arrows", field.quantity)
    else:
        s.call(
            "quiver",
            x,
            y,
            u,
            v,
            color=text(s.look.single),
            pivot=text("mid") if s.rng.random() < 0.5 else None,
        )
    s.labels(field.x, field.y)
    s.title(field.title)
    s.grid()
    p = s.panel
    p.kind, p.name, p.readable, p.measure = (
        "quiver",
        "quiver plot of a vector field",
        False,
        field.quantity,
    )
    p.notes.append(
        f"It shows {n * n} arrows on a grid of {n} by {n}"
        + (f", coloured by {field.quantity}." if colored else ".")
    )


def surface(s: Sketch) -> None:
    """A surface in three dimensions."""
    field = s.rng.choice([f for f in FIELDS if not f.title.startswith("Electric")])
    n = s.rng.choice((40, 50, 60))
    x, y = _grid(s, field, n)
    z = s.set("Z", _formula(field.formula, _numbers(s, field), x, y))
    cmap = text(s.look.diverging if _diverges(field) else s.look.cmap)
    wire = s.rng.random() < 0.2
    if wire:
        s.call(
            "plot_wireframe",
            x,
            y,
            z,
            color=text(s.look.single),
            linewidth=0.7,
            rstride=2,
            cstride=2,
        )
    else:
        code = s.code("plot_surface", x, y, z, cmap=cmap, edgecolor=text(s.rng.choice(("none", "none", "k"))), linewidth=0.2,
                      alpha=s.rng.choice((None, 0.9)))  # fmt: skip
        bar = s.rng.random() < 0.6 and not s.crowded
        s.draw(f"surface = {code}" if bar else code)
        if bar:
            _bar(s, "surface", "", shrink=0.6, pad=0.12)
    if s.difficulty > 0.5 and not wire and s.rng.random() < 0.4:
        s.call("contour", x, y, z, zdir=text("z"), offset=f"{z}.min()", cmap=cmap)
    s.call("set_box_aspect", "None", zoom=s.rng.choice((0.84, 0.86)))
    s.call("view_init", elev=s.rng.choice((25, 30, 35)), azim=s.rng.choice((-60, -45, -125, 45)))
    s.labels(field.x, field.y)
    quantity = field.quantity
    s.draw(f"{s.ax}.set_zlabel({text(quantity)})")
    s.title(field.title)
    p = s.panel
    p.kind, p.name, p.readable, p.measure = (
        "surface",
        "3-D wireframe plot" if wire else "3-D surface plot",
        False,
        quantity,
    )
    p.notes.append(f"The height stands for {quantity}.")

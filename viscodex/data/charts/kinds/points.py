"""Charts of points: scatter and bubble.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: points over time (courses.py)
"""

from __future__ import annotations

import math

from viscodex.data.charts.kinds.bars import wrap
from viscodex.data.charts.look import MARKERS
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import Value, identifier, rounded
from viscodex.data.charts.vocabulary import PAIRS, Measure, Pair


def _place(measure: Measure, share: float, log: bool = False) -> Value:
    share = min(1.0, max(0.0, share))
    if log:
        value = math.exp(math.log(measure.low) + share * math.log(measure.high / measure.low))
    else:
        value = measure.low + share * (measure.high - measure.low)
    return rounded(value, measure.decimals)


def _inside(s: Sketch, mean: float, deviation: float) -> float:
    """A normal number within 0.03 .. 0.97, drawn anew until it is."""
    while True:
        value = s.rng.gauss(mean, deviation)
        if 0.03 <= value <= 0.97:
            return value


def _cloud(s: Sketch, pair: Pair, n: int, shift: float) -> list[tuple[Value, Value, Value]]:
    points = []
    for _ in range(n):
        t = _inside(s, 0.5 + shift, 0.2)
        noise = s.rng.gauss(0, 0.22 * math.sqrt(1 - pair.slope**2) + 0.05)
        up = t if pair.slope > 0 else 1 - t
        y = 0.5 + (up - 0.5) * abs(pair.slope) + noise
        y = (
            y
            if 0.02 < y < 0.98
            else s.rng.uniform(0.8, 0.97)
            if y > 0.5
            else s.rng.uniform(0.03, 0.2)
        )
        size = min(1.0, max(0.05, s.rng.betavariate(1.6, 2.6)))
        points.append((_place(pair.x, t, pair.log_x), _place(pair.y, y), _place(pair.size, size)))
    return points


def _title(s: Sketch, pair: Pair) -> str:
    x, y = pair.x.name, pair.y.name
    low = x[0].lower() + x[1:] if x[1:2].islower() else x
    return s.rng.choice((f"{y} vs. {low}", f"{y} and {low} of {pair.things}", f"{y} against {low}"))


def _facts(s: Sketch, pair: Pair, kind: str, name: str, n: int, *, sure: bool = True) -> None:
    p = s.panel
    p.kind, p.name, p.readable, p.measure = kind, name, False, pair.y.name
    way = "rises" if pair.slope > 0 else "falls"
    trend = f"; {pair.y.name} generally {way} with {pair.x.name}" if sure else ""
    p.notes.append(f"It shows {n} {pair.things}{trend}.")


def _follows(pair: Pair, points: list[tuple[Value, Value, Value]]) -> bool:
    """Whether the points show the slope that their measures usually have: Pearson's r."""
    xs = [math.log(p[0]) if pair.log_x else float(p[0]) for p in points]
    ys = [float(p[1]) for p in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    joint = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    spread = math.sqrt(sum((x - mx) ** 2 for x in xs) * sum((y - my) ** 2 for y in ys))
    return spread > 0 and joint / spread * math.copysign(1, pair.slope) > 0.45


def scatter(s: Sketch) -> None:
    """Points of two measures, in groups."""
    pair = s.rng.choice(PAIRS)
    m = s.rng.randint(1, min(len(pair.groups), 1 + round(3 * s.difficulty)))
    n = s.rng.randint(8 + round(8 * s.difficulty), 18 + round(45 * s.difficulty)) // m + 3
    groups = s.rng.sample(pair.groups, m)
    marker, alpha = s.rng.choice(("o", "o", "o", "^", "s", "D")), s.rng.choice((None, 0.7, 0.8))
    log = pair.log_x and s.rng.random() < 0.6
    clouds = [_cloud(s, pair, n, 0.28 * (j / (m - 1) - 0.5) if m > 1 else 0.0) for j in range(m)]
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    edge = text(s.look.edge) if s.look.edge and s.rng.random() < 0.7 else None
    _facts(
        s,
        pair,
        "scatter",
        "scatter plot",
        n * m,
        sure=_follows(pair, [p for cloud in clouds for p in cloud]),
    )
    s.note(f"{pair.y.label} against {pair.x.label}")
    x_name, y_name = identifier(pair.x.name), identifier(pair.y.name)
    seeded = s.idiom in ("pyplot", "object") and m == 1 and s.rng.random() < 0.3
    if s.idiom in ("pandas", "seaborn") and m > 1:
        _framed(s, pair, groups, clouds, colors, marker)
    elif seeded:
        clouds = []
        _random_points(s, pair, n * 2, log, marker, alpha)
        s.panel.notes.clear()
        _facts(s, pair, "scatter", "scatter plot", n * 2)
    else:
        for j, (group, cloud) in enumerate(zip(groups, clouds, strict=True)):
            suffix = f"_{identifier(group)}" if m > 1 else ""
            xs = s.let(x_name + suffix, [p[0] for p in cloud])
            ys = s.let(y_name + suffix, [p[1] for p in cloud])
            s.call("scatter", xs, ys, s=s.rng.choice((None, 30, 40, 50)) if j == 0 else None, color=text(colors[j]), alpha=alpha,
                   marker=text(MARKERS[j] if s.look.dashes else marker) if marker != "o" or s.look.dashes else None,
                   edgecolors=edge, label=text(group) if m > 1 else None)  # fmt: skip
            if m == 1 and s.difficulty > 0.25 and s.rng.random() < 0.5 and not log:
                _fit_line(s, xs, ys)
    s.labels(pair.x.label, pair.y.label)
    s.title(_title(s, pair))
    if m > 1:
        s.panel.colors = dict(zip(groups, colors, strict=True))
        s.legend(
            groups,
            title=pair.grouping.capitalize() if s.rng.random() < 0.6 else "",
            place="right" if not s.crowded and s.rng.random() < 0.4 else "",
        )
    if log:
        s.call("xscale", text("log"))
    s.footer()


def _framed(
    s: Sketch,
    pair: Pair,
    groups: list[str],
    clouds: list[list[tuple[Value, Value, Value]]],
    colors: list[str],
    marker: str,
) -> None:
    s.use("pd")
    x, y, by = identifier(pair.x.name), identifier(pair.y.name), identifier(pair.grouping)
    rows = [(g, p) for g, cloud in zip(groups, clouds, strict=True) for p in cloud]
    name = s.script.name("df")
    columns = {by: [g for g, _ in rows], x: [p[0] for _, p in rows], y: [p[1] for _, p in rows]}
    body = literal(columns)
    per = len(clouds[0])
    repeats = " + ".join(f"[{text(g)}] * {per}" for g in groups)
    body = body.replace(f"{text(by)}: {_quoted(columns[by], by)}", f"{text(by)}: {repeats}")
    s.script.data.append(f"{name} = pd.DataFrame({body})")
    if s.idiom == "seaborn":
        s.use("sns")
        s.draw(wrap("sns.scatterplot", [f"data={name}", f"x={text(x)}", f"y={text(y)}", f"hue={text(by)}"],
                    style=text(by) if s.look.dashes else None, palette=literal(colors, 20), s=s.rng.choice((40, 60)), ax=s.axes))  # fmt: skip
    else:
        palette = s.set(
            "colors",
            "{"
            + ", ".join(f"{text(g)}: {text(c)}" for g, c in zip(groups, colors, strict=True))
            + "}",
        )
        s.draw(f"for group, part in {name}.groupby({text(by)}, sort=False):",
               f"    part.plot.scatter(x={text(x)}, y={text(y)}, color={palette}[group], label=group, ax={s.axes})")  # fmt: skip


def _quoted(values: object, key: str) -> str:
    return literal(values, 6 + len(key)).replace("\n", "\n    ")


def _random_points(
    s: Sketch, pair: Pair, n: int, log: bool, marker: str, alpha: float | None
) -> None:
    """Points made by numpy with a seed: the picture is known only when it has run."""
    s.use("np")
    rng = s.set("rng", f"np.random.default_rng({s.rng.randrange(1000)})")
    low, high = pair.x.low, pair.x.high
    span = pair.y.high - pair.y.low
    x = s.set(identifier(pair.x.name), f"{rng}.uniform({low}, {high}, {n})")
    slope = abs(pair.slope) * span / (high - low) * (1 if pair.slope > 0 else -1)
    start = pair.y.low if pair.slope > 0 else pair.y.high
    y = s.set(
        identifier(pair.y.name),
        f"{start} + {slope:.3g} * ({x} - {low}) + {rng}.normal(0, {span * 0.07:.3g}, {n})",
    )
    s.call(
        "scatter",
        x,
        y,
        color=text(s.look.single),
        alpha=alpha,
        s=s.rng.choice((None, 20, 30)),
        marker=text(marker) if marker != "o" else None,
    )
    if s.rng.random() < 0.5 and not log:
        _fit_line(s, x, y)


def _fit_line(s: Sketch, xs: str, ys: str) -> None:
    s.use("np")
    color = "black" if not s.look.dark else "white"
    s.draw(
        f"slope, intercept = np.polyfit({xs}, {ys}, 1)", f"ends = np.array([min({xs}), max({xs})])"
    )
    label = s.rng.choice(("Linear fit", "Trend", "Least squares"))
    s.call("plot", "ends", "slope * ends + intercept", color=text(s.rng.choice((color, "gray", "crimson"))),
           linestyle=text(s.rng.choice(("--", "-"))), linewidth=1.5, label=text(label))  # fmt: skip
    s.legend([label])
    s.panel.notes.append("A straight line is fitted to the points.")


def bubble(s: Sketch) -> None:
    """Points whose area is a third measure."""
    pair = s.rng.choice(PAIRS)
    named = bool(pair.names) and s.rng.random() < 0.6 and not s.crowded
    n = s.rng.randint(5, 7) if named else s.rng.randint(8, 12 + round(14 * s.difficulty))
    cloud = _spaced(s, _cloud(s, pair, n * 3, 0.0), n, pair) if named else _cloud(s, pair, n, 0.0)
    n = len(cloud)
    scale = round(650 / max(float(p[2]) for p in cloud), 2)
    s.note(f"Bubble area: {pair.size.label}")
    xs, ys, sizes = (
        s.let(identifier(m.name), [p[k] for p in cloud])
        for k, m in enumerate((pair.x, pair.y, pair.size))
    )
    log = pair.log_x and s.rng.random() < 0.5
    mapped = s.rng.random() < 0.5
    if s.idiom == "seaborn" and not named:
        s.use("sns")
        s.draw(wrap("sns.scatterplot", [f"x={xs}", f"y={ys}", f"size={sizes}"], sizes="(40, 600)", alpha=0.6,
                    color=text(s.look.single), legend="False", ax=s.axes))  # fmt: skip
    else:
        code = s.code("scatter", xs, ys, s=f"[v * {scale} for v in {sizes}]", alpha=s.rng.choice((0.5, 0.6, 0.7)),
                      c=sizes if mapped else None, cmap=text(s.look.cmap) if mapped else None,
                      color=None if mapped else text(s.look.single), edgecolors=text(s.look.ink if s.rng.random() < 0.4 else s.look.paper))  # fmt: skip
        s.draw(f"points = {code}" if mapped else code)
        if mapped:
            target = (
                "plt.colorbar(points, " if s.ax == "plt" else f"fig.colorbar(points, ax={s.ax}, "
            )
            s.draw(f"{target}label={text(pair.size.label)})")
    if named:
        names = s.let(identifier(pair.things), s.rng.sample(pair.names, n))
        s.draw(f"for name, x, y in zip({names}, {xs}, {ys}):",
               f'    {s.ax}.annotate(name, (x, y), ha="center", va="center", fontsize={max(7, int(s.base) - 2)})')  # fmt: skip
    s.labels(pair.x.label, pair.y.label)
    s.title(_title(s, pair))
    if log:
        s.call("xscale", text("log"))
    if s.ax == "plt":
        s.draw(f"plt.margins({s.rng.choice((0.12, 0.15))})")
    else:
        s.draw(f"{s.ax}.margins({s.rng.choice((0.12, 0.15))})")
    s.footer()
    _facts(s, pair, "bubble", "bubble chart", n, sure=_follows(pair, cloud))
    s.panel.notes.append(f"The area of a bubble stands for {pair.size.label}.")


def _spaced(
    s: Sketch, cloud: list[tuple[Value, Value, Value]], n: int, pair: Pair
) -> list[tuple[Value, Value, Value]]:
    """Points whose names would not lie on one another."""
    kept: list[tuple[Value, Value, Value]] = []
    for p in cloud:

        def apart(q: tuple[Value, Value, Value], p: tuple[Value, Value, Value] = p) -> bool:
            dx = abs(p[0] - q[0]) / (pair.x.high - pair.x.low)
            dy = abs(p[1] - q[1]) / (pair.y.high - pair.y.low)
            return dx > 0.2 or dy > 0.08

        if all(apart(q) for q in kept) and len(kept) < n:
            kept.append(p)
    return kept

"""Charts of courses: line, step, area, error bars, stem, twin axes, candlesticks.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: bars over time (bars.py)
"""

from __future__ import annotations

from viscodex.data.charts.kinds.bars import data, facts, frame, melt, wrap
from viscodex.data.charts.look import DASHES, MARKERS
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import Table, identifier, lower_first, over_time, rounded
from viscodex.data.charts.vocabulary import RELATED, TICKERS


def _n_points(s: Sketch, low: int = 5, high: int = 26) -> int:
    top = low + round((high - low) * (0.25 + 0.75 * s.difficulty))
    return s.rng.randint(low + (top - low) // 3, top)


def _n_series(s: Sketch, most: int = 6) -> int:
    most = min(most, 3) if s.crowded else most
    return s.rng.randint(
        1 + (s.difficulty > 0.35),
        max(1, 1 + round((most - 1) * s.difficulty)) + (s.difficulty > 0.35),
    )


def _time_axis(s: Sketch, table: Table, rows: str) -> None:
    """Tick labels of a time axis that neither touch nor show half years."""
    n = len(table.rows)
    if isinstance(table.rows[0], str):
        longest = max(len(str(r)) for r in table.rows)
        room = s.size[0] * 0.78 * 72 / n
        if longest * 0.64 * s.base + 5 > room:
            s.turn(45 if room > 1.6 * s.base else 90)
    elif table.by == "year":
        most = max(2, int(s.size[0] * 0.78 * 72 / (4 * 0.64 * s.base + 12)))
        step = -(-n // most)
        places = rows if step == 1 else f"{rows}[::{step}]"
        if n <= 30:
            s.ticks("x", places)


def _x_name(table: Table) -> str:
    return {"epoch": "Epoch", "hour": "Hour", "day": "Day", "week": "Week"}.get(
        table.by, table.by.capitalize()
    )


def _finish(s: Sketch, table: Table, rows: str, label: str = "") -> None:
    x = _x_name(table)
    plain = isinstance(table.rows[0], str) and s.rng.random() < 0.5
    s.labels("" if plain else x, label or table.topic.label)
    s.title(table.title)
    _time_axis(s, table, rows)


def _series_legend(s: Sketch, table: Table) -> None:
    if len(table.series) < 2:
        return
    s.panel.legend = list(table.series)
    title = table.split.capitalize() if s.rng.random() < 0.3 else ""
    outside = len(table.series) > 4 or s.rng.random() < 0.3
    if outside and not s.crowded:
        s.legend(table.series, title=title, place="right")
    else:
        s.legend(table.series, title=title, place="" if s.rng.random() < 0.4 else "best")


def line(s: Sketch) -> None:
    """Lines over time."""
    table = over_time(s.rng, _n_points(s), _n_series(s))
    facts(s, table, "line", "line chart" if len(table.series) == 1 else "multi-line chart")
    m = len(table.series)
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    if m > 1:
        s.panel.colors = dict(zip(table.series, colors, strict=True))
    markers = s.rng.random() < 0.55 and len(table.rows) <= 24
    width = s.rng.choice((None, 1.5, 2, 2.5))
    if s.idiom == "pandas":
        name = frame(s, table)
        marker = text("o") if markers else None
        s.draw(
            wrap(
                f"{name}.plot",
                [f"ax={s.axes}"],
                marker=marker,
                color=literal(colors, 20),
                linewidth=width,
                legend="False",
            )
        )
        rows = f"{name}.index"
        if isinstance(table.rows[0], str):
            s.ticks("x", f"range(len({name}))", rows)
    elif s.idiom == "seaborn" and m > 1:
        s.use("sns")
        name = frame(s, table, index=False)
        long = melt(s, name, table)
        value = identifier(table.topic.short or table.topic.subject)
        s.draw(wrap("sns.lineplot", [f"data={long}", f"x={text(table.by)}", f"y={text(value)}", f"hue={text(table.split)}"],
                    style=text(table.split) if markers else None, markers="True" if markers else None,
                    palette=literal(colors, 20), linewidth=width, ax=s.axes))  # fmt: skip
        rows = f"{name}[{text(table.by)}]"
    else:
        rows = _lines(s, table, colors, markers, width)
    if m == 1 and s.difficulty > 0.25 and s.rng.random() < 0.5:
        _mark_peak(s, table)
    if m == 1 and s.rng.random() < 0.25 and s.idiom in ("pyplot", "object"):
        values = s.script.data[-1].split(" = ")[0]
        if values.isidentifier() and "\n" not in s.script.data[-1].split(" = ")[0]:
            s.call(
                "fill_between",
                rows,
                values,
                color=text(colors[0]),
                alpha=s.rng.choice((0.15, 0.2, 0.3)),
            )
    _finish(s, table, rows)
    _series_legend(s, table)
    spread = max(max(c) for c in table.values) / max(1e-9, min(min(c) for c in table.values))
    if spread > 20:
        s.call("yscale", text("log"))
    s.footer()


def _lines(s: Sketch, table: Table, colors: list[str], markers: bool, width: float | None) -> str:
    rows, names = data(s, table)
    m = len(table.series)
    for j, (label, values) in enumerate(zip(table.series, names, strict=True)):
        s.call(
            "plot", rows, values,
            label=text(label) if m > 1 else None,
            color=text(colors[j]),
            marker=text(MARKERS[j % 6] if s.look.dashes else "o") if markers else None,
            markersize=s.rng.choice((None, 4, 5)) if markers and j == 0 else None,
            linestyle=text(DASHES[j % 4]) if s.look.dashes and j % 4 else None,
            linewidth=width,
        )  # fmt: skip
    return rows


def _mark_peak(s: Sketch, table: Table) -> None:
    values = table.values[0]
    k = values.index(max(values))
    if values.count(max(values)) > 1 or s.idiom not in ("pyplot", "object"):
        return
    n = len(values)
    x = table.rows[k]
    place = k if isinstance(x, str) else x
    word = s.rng.choice(("Peak", "Maximum", "High"))
    align = "right" if k > n * 0.7 else "left" if k < n * 0.3 else "center"
    low, top = min(values), max(values)
    above = rounded(top + (top - low) * 0.16, table.topic.decimals + 1)
    s.call(
        "annotate", text(f"{word}: {values[k]}"), xy=f"({place}, {values[k]})",
        xytext=f"({place}, {above})", ha=text(align),
        arrowprops='{"arrowstyle": "->", "color": ' + text("gray") + "}",
    )  # fmt: skip
    s.limits("y", None, rounded(top + (top - low) * 0.3, table.topic.decimals + 1))
    s.panel.notes.append(f"An arrow marks the highest point, {values[k]}.")


def step(s: Sketch) -> None:
    """Values that hold until the next point."""
    table = over_time(s.rng, _n_points(s, 6, 24), min(3, _n_series(s, 3)))
    facts(s, table, "step", "step chart")
    m = len(table.series)
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    if m > 1:
        s.panel.colors = dict(zip(table.series, colors, strict=True))
    rows, names = data(s, table)
    where = s.rng.choice(("mid", "post", "pre"))
    for j, (label, values) in enumerate(zip(table.series, names, strict=True)):
        s.call("step", rows, values, where=text(where), label=text(label) if m > 1 else None, color=text(colors[j]),
               linewidth=s.rng.choice((None, 1.8, 2)))  # fmt: skip
        if m == 1 and s.rng.random() < 0.5:
            s.call(
                "fill_between", rows, values, step=text(where), alpha=0.25, color=text(colors[0])
            )
        if s.rng.random() < 0.25:
            s.call("plot", rows, values, text("o"), color=text(colors[j]), markersize=4, alpha=0.6)
    _finish(s, table, rows)
    _series_legend(s, table)
    s.footer()


def area(s: Sketch) -> None:
    """Stacked areas, or one filled line."""
    m = min(5, 1 + round(s.difficulty * 4 * s.rng.uniform(0.6, 1))) if s.difficulty > 0.15 else 1
    table = over_time(s.rng, _n_points(s, 6, 24), m, whole=m > 1)
    m = len(table.series)
    facts(s, table, "area", "area chart" if m == 1 else "stacked area chart")
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    if m > 1:
        s.panel.colors = dict(zip(table.series, colors, strict=True))
    alpha = s.rng.choice((0.6, 0.7, 0.8, 0.9))
    if s.idiom == "pandas" and m > 1:
        name = frame(s, table)
        s.draw(
            wrap(
                f"{name}.plot.area",
                [f"ax={s.axes}"],
                color=literal(colors, 20),
                alpha=alpha,
                linewidth=0,
                legend="False",
            )
        )
        rows = f"{name}.index"
        if isinstance(table.rows[0], str):
            s.ticks("x", f"range(len({name}))", rows)
    else:
        rows, names = data(s, table)
        if m > 1:
            s.call(
                "stackplot",
                rows,
                *names,
                labels=literal(table.series, 20),
                colors=literal(colors, 20),
                alpha=alpha,
            )
        else:
            s.call(
                "fill_between", rows, names[0], color=text(colors[0]), alpha=round(alpha - 0.2, 1)
            )
            s.call("plot", rows, names[0], color=text(colors[0]), linewidth=s.rng.choice((1.5, 2)))
    _finish(s, table, rows)
    totals = [sum(column) for column in zip(*table.values, strict=True)]
    s.limits(
        "y",
        0,
        rounded(max(totals) * (1.45 if m > 1 and s.crowded else 1.2), max(0, table.topic.decimals)),
    )
    if not isinstance(table.rows[0], str) and s.rng.random() < 0.6:
        s.limits("x", table.rows[0], table.rows[-1])
    _series_legend(s, table)
    s.despine()


def errorbar(s: Sketch) -> None:
    """Means with their uncertainty."""
    table = over_time(s.rng, _n_points(s, 5, 16), min(4, _n_series(s, 3)))
    facts(s, table, "errorbar", "line chart with error bars")
    m, decimals = len(table.series), max(1, table.topic.decimals)
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    if m > 1:
        s.panel.colors = dict(zip(table.series, colors, strict=True))
    rows, names = data(s, table)
    share = s.rng.uniform(0.03, 0.09)
    joined = s.rng.random() < 0.65
    for j, (label, values) in enumerate(zip(table.series, names, strict=True)):
        errors = s.let(
            f"{values}_err",
            [
                rounded(v * share * s.rng.uniform(0.6, 1.5), decimals) or 0.1
                for v in table.values[j]
            ],
        )
        s.call(
            "errorbar", rows, values, yerr=errors, label=text(label) if m > 1 else None,
            fmt=text((MARKERS[j] if s.look.dashes else "o") + ("-" if joined else "")),
            color=text(colors[j]), capsize=s.rng.choice((3, 4, 5)),
            ecolor=text("gray") if s.rng.random() < 0.15 else None,
        )  # fmt: skip
    s.panel.name = "line chart with error bars" if joined else "point chart with error bars"
    s.panel.notes.append("Vertical bars show the uncertainty of each point.")
    _finish(s, table, rows)
    _series_legend(s, table)
    s.footer()


def stem(s: Sketch) -> None:
    """Stems (lollipops) over time."""
    table = over_time(s.rng, _n_points(s, 6, 26))
    facts(s, table, "stem", "stem plot")
    rows, (values,) = data(s, table)
    color = s.look.single
    if s.rng.random() < 0.6:
        code = s.code("stem", rows, values, basefmt=text(" "))
        s.draw(f"markerline, stemlines, baseline = {code}")
        s.draw(f"plt.setp(markerline, color={text(color)}, markersize={s.rng.choice((5, 6, 7))})",
               f"plt.setp(stemlines, color={text(color)}, linewidth={s.rng.choice((1.2, 1.5, 2))})")  # fmt: skip
    else:
        s.call(
            "vlines",
            rows,
            "0",
            values,
            color=text(color),
            linewidth=s.rng.choice((1.5, 2)),
            alpha=0.7,
        )
        s.call(
            "plot", rows, values, text("o"), color=text(color), markersize=s.rng.choice((5, 6, 7))
        )
        s.panel.name = "lollipop chart"
    _finish(s, table, rows)
    s.limits("y", 0, None)
    s.footer()


def twin(s: Sketch) -> None:
    """Two measures of one time axis, each with its own scale."""
    n = _n_points(s, 6, 14)
    first = second = over_time(s.rng, n)
    for _ in range(500):
        first, second = over_time(s.rng, n), over_time(s.rng, n)
        one, other = first.topic, second.topic
        close = one.domain == other.domain or any({one.domain, other.domain} <= r for r in RELATED)
        if close and one.clock == other.clock and one.subject != other.subject:
            break
    second.rows, second.by = first.rows, first.by
    k = min(len(first.values[0]), len(second.values[0]), len(first.rows))
    for table in (first, second):
        table.rows = table.rows[:k]
        table.values = [column[:k] for column in table.values]
        table.series = [table.topic.short or table.topic.subject]
    if first.series == second.series:
        second.series = [second.topic.subject]
    _draw_twin(s, first, second)


def _draw_twin(s: Sketch, first: Table, second: Table) -> None:
    color, other = s.look.colors(2)
    rows, (values,) = data(s, first)
    others = s.let(identifier(second.series[0]), second.values[0])
    bars = s.rng.random() < 0.5
    name = s.rng.choice(("ax2", "twin", "ax_right")) if s.ax == "ax" else "ax2"
    ax = s.ax
    if bars:
        s.call(
            "bar",
            rows,
            values,
            color=text(color),
            alpha=s.rng.choice((0.6, 0.7, 0.8)),
            label=text(first.series[0]),
        )
    else:
        s.call(
            "plot", rows, values, color=text(color), marker=text("o"), label=text(first.series[0])
        )
    s.labels(_x_name(first), first.topic.label)
    tinted = s.rng.random() < 0.6
    if tinted:
        s.draw(f'{ax}.tick_params(axis="y", labelcolor={text(color)})')
    joint = f"{first.topic.subject} and {lower_first(second.topic.subject)}"
    s.title(s.rng.choice((joint, joint.replace(" and ", " vs. ", 1))))
    if isinstance(first.rows[0], str) or first.by == "year":
        _time_axis(s, first, rows)
    s.draw("", f"{name} = {ax}.twinx()")
    s.draw(
        f"{name}.plot({rows}, {others}, color={text(other)}, marker={text('s')}, linestyle={text(s.rng.choice(('-', '--')))}, label={text(second.series[0])})"
    )
    s.draw(
        f"{name}.set_ylabel({text(second.topic.label)}{f', color={text(other)}' if tinted else ''})"
    )
    if tinted:
        s.draw(f'{name}.tick_params(axis="y", labelcolor={text(other)})')
    if s.look.style:
        s.draw(f"{name}.grid(False)")
    top = max(first.values[0])
    low = 0 if bars else min(first.values[0])
    s.limits("y", 0 if bars else None, rounded(top + (top - low) * 0.35, first.topic.decimals))
    top2, low2 = max(second.values[0]), min(second.values[0])
    s.draw(f"{name}.set_ylim(top={rounded(top2 + (top2 - low2) * 0.4, second.topic.decimals + 1)})")
    s.draw(f"lines, labels = {ax}.get_legend_handles_labels()", f"lines2, labels2 = {name}.get_legend_handles_labels()",
           f'{ax}.legend(lines + lines2, labels + labels2, loc={text(s.rng.choice(("upper left", "upper right")))}, fontsize={max(7, int(s.base) - 1)})')  # fmt: skip
    p = s.panel
    p.kind, p.name = (
        "twin",
        "chart with two y-axes (" + ("bars and a line)" if bars else "two lines)"),
    )
    p.columns = [first.by.capitalize(), first.series[0], second.series[0]]
    p.rows = [
        [r, a, b] for r, a, b in zip(first.rows, first.values[0], second.values[0], strict=True)
    ]
    p.timed, p.measure, p.unit = True, "", ""
    p.legend = [first.series[0], second.series[0]]
    p.colors = {first.series[0]: color, second.series[0]: other}
    p.decimals = max(first.topic.decimals, second.topic.decimals)
    p.notes.append(f"The left axis shows {first.topic.label}, the right axis {second.topic.label}.")


def candlestick(s: Sketch) -> None:
    """Open, high, low and close of trading days."""
    s.use("np")
    n = min(_n_points(s, 8, 40), int(s.size[0] / 0.13))
    ticker, price = s.rng.choice(TICKERS), s.rng.uniform(18, 240)
    opens, highs, lows, closes = [], [], [], []
    for _ in range(n):
        close = price * (1 + s.rng.gauss(0.001, 0.018))
        opens.append(round(price, 2))
        closes.append(round(close, 2))
        highs.append(round(max(price, close) * (1 + abs(s.rng.gauss(0, 0.007))), 2))
        lows.append(round(min(price, close) * (1 - abs(s.rng.gauss(0, 0.007))), 2))
        price = close
    o, h = s.let("open_", opens), s.let("high", highs)
    low, c = s.let("low", lows), s.let("close", closes)
    days = s.set("days", f"np.arange(1, {n + 1})")
    good, bad = s.rng.choice(
        (
            ("#2ca02c", "#d62728"),
            ("#26a69a", "#ef5350"),
            ("seagreen", "firebrick"),
            tuple(s.look.colors(2)),
        )
    )
    color = s.set("colors", f"np.where(np.array({c}) >= np.array({o}), {text(good)}, {text(bad)})")
    s.call("vlines", days, low, h, color=color, linewidth=1)
    s.call(
        "bar",
        days,
        f"np.abs(np.subtract({c}, {o}))",
        bottom=f"np.minimum({o}, {c})",
        color=color,
        width=0.6,
    )
    average = s.difficulty > 0.5 and n >= 10
    if average:
        s.call("plot", f"{days}[4:]", f'np.convolve({c}, np.ones(5) / 5, mode="valid")', color=text("orange"),
               linewidth=1.5, label=text("5-day average"))  # fmt: skip
        s.legend(["5-day average"])
    step = 2 if n <= 20 else 5
    s.ticks("x", f"{days}[{step - 1}::{step}]")
    s.labels("Trading day", "Price (USD)")
    s.title(
        s.rng.choice(
            (
                f"{ticker} daily prices",
                f"{ticker}: open, high, low, close",
                f"Share price of {ticker}",
            )
        )
    )
    s.footer()
    p = s.panel
    p.kind, p.name, p.unit, p.measure, p.decimals = (
        "candlestick",
        "candlestick chart",
        "USD",
        "Price",
        2,
    )
    p.columns = ["Day", "Open", "High", "Low", "Close"]
    p.rows = [[i + 1, *row] for i, row in enumerate(zip(opens, highs, lows, closes, strict=True))]
    p.timed, p.readable = True, False
    rising = sum(b >= a for a, b in zip(opens, closes, strict=True))
    p.notes.append(
        f"It covers {n} trading days; the price closes at or above its opening on {rising} of them."
    )

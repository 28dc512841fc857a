"""Charts of bars: plain, horizontal, grouped, stacked, waterfall.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: histograms (distributions.py)
"""

from __future__ import annotations

from collections.abc import Mapping

from viscodex.data.charts.look import ink_on
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import Table, by_group, identifier, plural, rounded
from viscodex.data.charts.vocabulary import BRIDGES


def facts(s: Sketch, table: Table, kind: str, name: str) -> None:
    """What the panel of a table shows."""
    panel, topic = s.panel, table.topic
    panel.kind, panel.name = kind, name
    panel.columns = [table.by.capitalize(), *table.series]
    panel.rows = [[row, *(c[i] for c in table.values)] for i, row in enumerate(table.rows)]
    panel.unit, panel.measure = topic.unit, topic.short or topic.subject
    panel.timed, panel.whole, panel.decimals = table.timed, topic.whole, topic.decimals


def data(s: Sketch, table: Table) -> tuple[str, list[str]]:
    """Lists of the rows and of each series; their variable names."""
    s.note(f"{table.topic.label} by {table.by}")
    rows = s.let(plural(identifier(table.by)), table.rows)
    names = []
    for name, values in zip(table.series, table.values, strict=True):
        wanted = (
            identifier(name)
            if len(table.series) > 1
            else identifier(table.topic.short or table.topic.subject)
        )
        names.append(s.let(wanted, values))
    return rows, names


def frame(s: Sketch, table: Table, index: bool = True) -> str:
    """A pandas frame, rows as index or as a column; its variable name."""
    s.use("pd")
    s.note(f"{table.topic.label} by {table.by}")
    name = s.script.name("df" if not s.crowded else f"df_{identifier(table.topic.domain)}")
    columns = dict(zip(table.series, table.values, strict=True))
    columns = {str(k): v for k, v in columns.items()}
    if index:
        start = f"{name} = pd.DataFrame("
        s.script.data.append(f"{start}\n    {_inner(columns)},\n    index={_index(table)},\n)")
    else:
        s.script.data.append(
            f"{name} = pd.DataFrame({_inner({table.by: table.rows, **columns}, 0)})"
        )
    return name


def _inner(columns: Mapping[str, object], indent: int = 4) -> str:
    return literal(columns).replace("\n", "\n" + " " * indent)


def _index(table: Table) -> str:
    return literal(table.rows, 10).replace("\n", "\n    ")


def melt(s: Sketch, frame_name: str, table: Table) -> str:
    """The long form of a frame, for seaborn; its variable name."""
    value = identifier(table.topic.short or table.topic.subject)
    return s.set(
        "long",
        f"{frame_name}.melt(id_vars={text(table.by)}, var_name={text(table.split)}, value_name={text(value)})",
    )


def _value_labels(s: Sketch, table: Table, container: str, **kwargs: object) -> None:
    s.panel.labelled = True
    form = "%d" if table.topic.decimals == 0 else f"%.{table.topic.decimals}f"
    s.call("bar_label", container, fmt=text(form), fontsize=_size(s), **kwargs)


def _size(s: Sketch) -> int:
    return max(7, int(s.base) - 1)


def n_rows(s: Sketch, low: int, high: int, inches: float) -> int:
    """More rows with difficulty, as many as there is room for."""
    room = int(s.size[0] / inches)
    most = min(high, max(low, room))
    top = low + round((most - low) * (0.35 + 0.65 * s.difficulty))
    return s.rng.randint(min(low + (top - low) // 2, top), top)


def bar(s: Sketch) -> None:
    """Upright bars of one series."""
    table = by_group(s.rng, n_rows(s, 4, 10, 0.55), short=s.rng.random() < 0.7)
    if s.rng.random() < 0.35 and table.by != "age group":
        _sort(table)
    facts(s, table, "bar", "bar chart")
    look = s.look
    several = s.rng.random() < 0.2 + 0.2 * s.difficulty
    wants_labels = s.rng.random() < 0.3 + 0.4 * s.difficulty and _labels_fit(
        s, table, len(table.rows)
    )
    edge = text(look.edge) if look.edge else None
    if s.idiom == "seaborn":
        s.use("sns")
        name = frame(s, table, index=False)
        color = None if several else text(look.single)
        more: dict[str, object] = {"ax": s.axes}
        if several:
            more |= {
                "hue": text(table.by),
                "palette": _palette(s, len(table.rows)),
                "legend": "False",
            }
        call = _wrap(
            "sns.barplot", [f"data={name}", f"x={text(table.by)}", f"y={text(table.series[0])}"],
            color=color, edgecolor=edge, **more,
        )  # fmt: skip
        s.draw(call)
        if wants_labels and not several:
            _value_labels(s, table, f"{s.axes}.containers[0]", padding=2)
    elif s.idiom == "pandas":
        name = frame(s, table)
        s.draw(_wrap(f"{name}[{text(table.series[0])}].plot.bar", [f"ax={s.axes}"], color=text(look.single),
                     edgecolor=edge, width=s.rng.choice((0.6, 0.7, 0.8)), rot=0))  # fmt: skip
        if wants_labels:
            _value_labels(s, table, f"{s.axes}.containers[0]", padding=2)
    else:
        rows, (values,) = data(s, table)
        color = _palette(s, len(table.rows)) if several else text(look.single)
        hatch = text(s.rng.choice(("//", "..", "xx"))) if look.hatches else None
        code = s.code("bar", rows, values, color=color, edgecolor=edge or (text(look.ink) if hatch else None),
                      width=s.rng.choice((None, 0.6, 0.7)), hatch=hatch)  # fmt: skip
        s.draw(f"bars = {code}" if wants_labels else code)
        if wants_labels:
            _value_labels(s, table, "bars", padding=2)
    if s.difficulty > 0.45 and s.rng.random() < 0.4:
        _mean_line(s, table)
    elif s.panel.labelled:
        s.limits("y", None, _nice_top(table.top * 1.08))
    _upright(s, table)


def _mean_line(s: Sketch, table: Table) -> None:
    values = table.values[0]
    mean = rounded(sum(values) / len(values), max(1, table.topic.decimals))
    color = "crimson" if s.look.single not in ("crimson", "indianred", "tomato") else "navy"
    color = "orange" if s.look.dark else color
    label = f"Mean: {mean}"
    s.call(
        "axhline",
        repr(mean),
        color=text(color),
        linestyle=text("--"),
        linewidth=1.3,
        label=text(label),
    )
    s.legend([label])
    s.limits("y", None, _nice_top(table.top * 1.22))
    s.panel.notes.append(f"A dashed horizontal line marks the mean, {mean}.")


def _nice_top(value: float) -> float | int:
    from math import floor, log10

    step = 10 ** (floor(log10(value)) - 1)
    top = (int(value / step) + 1) * step
    return int(top) if top >= 10 else round(top, 4)


def _upright(s: Sketch, table: Table) -> None:
    """Title, labels and tick rotation of upright bars."""
    turned = s.rotation(table.rows)
    x = table.by.capitalize() if turned == 0 or s.rng.random() < 0.5 else ""
    s.labels(x, table.topic.label)
    s.title(table.title)
    if turned:
        s.turn(turned)
    s.footer()


def _labels_fit(s: Sketch, table: Table, n: int) -> bool:
    longest = max(len(str(v)) for column in table.values for v in column)
    return longest * 0.64 * _size(s) + 3 < s.size[0] * 0.74 * 72 / max(1, n)


def _sort(table: Table) -> None:
    order = sorted(range(len(table.rows)), key=lambda i: -table.values[0][i])
    table.rows = [table.rows[i] for i in order]  # type: ignore[assignment]
    table.values = [[column[i] for i in order] for column in table.values]


def _palette(s: Sketch, n: int) -> str:
    return literal(s.look.colors(n), 20)


def _wrap(call: str, args: list[str], **kwargs: object) -> str:
    parts = args + [f"{key}={value}" for key, value in kwargs.items() if value is not None]
    line = f"{call}({', '.join(parts)})"
    if len(line) <= 88:
        return line
    inner = ", ".join(parts)
    if len(inner) <= 84 and "\n" not in inner:
        return f"{call}(\n    {inner}\n)"
    return f"{call}(\n" + "".join(f"    {p},\n".replace("\n", "\n    ")[:-4] for p in parts) + ")"


wrap = _wrap


def barh(s: Sketch) -> None:
    """Horizontal bars, one series."""
    room = int(s.size[1] * 0.72 / 0.27)
    high = min(14, max(4, room))
    table = by_group(s.rng, s.rng.randint(4, 4 + round((high - 4) * (0.3 + 0.7 * s.difficulty))))
    if s.rng.random() < 0.6 and table.by != "age group":
        _sort(table)
        if s.rng.random() < 0.6:  # largest on top
            table.rows.reverse()
            table.values[0].reverse()
    facts(s, table, "barh", "horizontal bar chart")
    edge = text(s.look.edge) if s.look.edge else None
    labelled = s.rng.random() < 0.3 + 0.4 * s.difficulty
    if s.idiom == "pandas":
        name = frame(s, table)
        s.draw(
            wrap(
                f"{name}[{text(table.series[0])}].plot.barh",
                [f"ax={s.axes}"],
                color=text(s.look.single),
                edgecolor=edge,
            )
        )
        holder = f"{s.axes}.containers[0]"
    elif s.idiom == "seaborn":
        s.use("sns")
        name = frame(s, table, index=False)
        s.draw(wrap("sns.barplot", [f"data={name}", f"x={text(table.series[0])}", f"y={text(table.by)}"], color=text(s.look.single),
                    edgecolor=edge, ax=s.axes))  # fmt: skip
        holder = f"{s.axes}.containers[0]"
    else:
        rows, (values,) = data(s, table)
        color = _palette(s, len(table.rows)) if s.rng.random() < 0.2 else text(s.look.single)
        code = s.code(
            "barh", rows, values, color=color, edgecolor=edge, height=s.rng.choice((None, 0.6, 0.7))
        )
        s.draw(f"bars = {code}" if labelled else code)
        holder = "bars"
    if labelled:
        _value_labels(s, table, holder, padding=3)
        s.limits("x", 0, _nice_top(table.top * 1.12))
    s.labels(table.topic.label, table.by.capitalize() if s.rng.random() < 0.6 else "")
    s.title(table.title)
    s.grid("x")
    s.despine()


def grouped(s: Sketch) -> None:
    """Several series side by side."""
    m = s.rng.randint(2, 2 + round(3 * s.difficulty)) if not s.crowded else 2
    table = by_group(s.rng, min(n_rows(s, 3, 8, 0.24 * m + 0.35), 8), m, short=True)
    facts(s, table, "grouped", "grouped bar chart")
    colors = s.look.colors(len(table.series))
    s.panel.colors = dict(zip(table.series, colors, strict=True))
    m = len(table.series)
    edge = text(s.look.edge) if s.look.edge else None
    crowded = len(table.rows) * m
    labelled = s.rng.random() < 0.25 + 0.35 * s.difficulty and _labels_fit(
        s, table, crowded + len(table.rows)
    )
    if s.idiom == "pandas":
        name = frame(s, table)
        s.draw(
            wrap(
                f"{name}.plot.bar",
                [f"ax={s.axes}"],
                color=_palette(s, m),
                edgecolor=edge,
                width=0.8,
                rot=0,
            )
        )
        if labelled:
            s.draw(f"for container in {s.axes}.containers:")
            s.draw("    " + f"{s.axes}.bar_label(container, fontsize={_size(s)}, padding=2)")
    elif s.idiom == "seaborn":
        s.use("sns")
        name = frame(s, table, index=False)
        long = melt(s, name, table)
        value = identifier(table.topic.short or table.topic.subject)
        s.draw(wrap("sns.barplot", [f"data={long}", f"x={text(table.by)}", f"y={text(value)}", f"hue={text(table.split)}"],
                    palette=_palette(s, m), edgecolor=edge, ax=s.axes))  # fmt: skip
        if labelled:
            s.draw(f"for container in {s.axes}.containers:")
            s.draw("    " + f"{s.axes}.bar_label(container, fontsize={_size(s)}, padding=2)")
    else:
        _side_by_side(s, table, colors, labelled)
    s.panel.labelled = labelled
    _upright(s, table)
    _room_for_legend(s, table, table.top * 1.04)


def _side_by_side(s: Sketch, table: Table, colors: list[str], labelled: bool) -> None:
    s.use("np")
    m = len(table.series)
    rows, names = data(s, table)
    x = s.set("x", f"np.arange(len({rows}))")
    width = s.set("width", repr(round(0.8 / m, 2)))
    edge = text(s.look.edge) if s.look.edge else None
    hatch = s.look.hatches
    if m > 2 and s.rng.random() < 0.5:  # a loop over a dictionary
        pairs = ", ".join(f"{text(n)}: {v}" for n, v in zip(table.series, names, strict=True))
        groups = s.set("groups", f"{{{pairs}}}")
        palette = s.set("colors", _palette(s, m))
        s.draw(f"for i, (label, values) in enumerate({groups}.items()):")
        offset = f"{x} + (i - {(m - 1) / 2}) * {width}"
        edges = f", edgecolor={edge}" if edge else ""
        s.draw(
            f"    bars = {s.ax}.bar({offset}, values, {width}, label=label, color={palette}[i]{edges})"
        )
        if labelled:
            s.draw(f"    {s.ax}.bar_label(bars, fontsize={_size(s)}, padding=2)")
    else:
        for j, (label, values) in enumerate(zip(table.series, names, strict=True)):
            shift = round(j - (m - 1) / 2, 1)
            place = x if shift == 0 else f"{x} {'-' if shift < 0 else '+'} {abs(shift)} * {width}"
            code = s.code("bar", place, values, width, label=text(label), color=text(colors[j]),
                          edgecolor=edge or (text(s.look.ink) if hatch else None), hatch=text(("//", "..", "xx", "\\\\", "++")[j % 5]) if hatch else None)  # fmt: skip
            s.draw(f"bars = {code}" if labelled else code)
            if labelled:
                s.call("bar_label", "bars", fontsize=_size(s), padding=2)
    s.ticks("x", x, rows, rotation=s.rotation(table.rows))


def _room_for_legend(s: Sketch, table: Table, top: float) -> None:
    """Beside the axes, or above the data in room that is made for it."""
    title = table.split.capitalize() if s.rng.random() < 0.4 or s.idiom == "seaborn" else ""
    if not s.crowded and (len(table.series) > 4 or s.rng.random() < 0.35):
        s.legend(table.series, title=title, place="right")
    else:
        lines = len(table.series) + bool(title)
        share = min(0.42, lines * 0.24 / (s.size[1] * 0.7) + 0.04)
        if s.difficulty > 0.3 or share < 0.35:
            s.limits("y", 0, _nice_top(top / (1 - share)))
        s.legend(
            table.series, title=title, place="upper right" if s.rng.random() < 0.6 else "upper left"
        )


def stacked(s: Sketch) -> None:
    """Series on top of one another, as values or as shares."""
    m = s.rng.randint(2, 2 + round(3 * s.difficulty)) if not s.crowded else s.rng.randint(2, 3)
    table = by_group(s.rng, n_rows(s, 3, 9, 0.6), m, whole=True, short=True)
    m = len(table.series)
    facts(s, table, "stacked", "stacked bar chart")
    colors = s.look.colors(m)
    s.panel.colors = dict(zip(table.series, colors, strict=True))
    edge = text(s.look.edge or s.look.paper) if s.rng.random() < 0.5 else None
    flat = s.idiom != "pandas" and s.rng.random() < 0.2
    if s.idiom == "pandas":
        name = frame(s, table)
        s.draw(
            wrap(
                f"{name}.plot",
                ['kind="bar"', "stacked=True", f"ax={s.axes}"],
                color=_palette(s, m),
                edgecolor=edge,
                rot=0,
            )
        )
    else:
        s.use("np")
        rows, names = data(s, table)
        labelled = (
            s.rng.random() < 0.3 and not s.look.dark and _labels_fit(s, table, len(table.rows))
        )
        labelled = labelled and min(map(min, table.values)) > 0.09 * max(
            map(sum, zip(*table.values, strict=True))
        )
        inks = {ink_on(color) for color in colors}
        labelled = labelled and len(inks) == 1
        s.panel.labelled = labelled
        base = s.script.name("left" if flat else "bottom")
        s.draw(f"{base} = np.zeros(len({rows}))")
        pairs = ", ".join(
            f"({text(n)}, {v}, {text(c)})"
            for n, v, c in zip(table.series, names, colors, strict=True)
        )
        s.draw(f"for label, values, color in [{pairs}]:" if len(pairs) < 60 else
               "for label, values, color in [\n" + "".join(f"    ({text(n)}, {v}, {text(c)}),\n" for n, v, c in zip(table.series, names, colors, strict=True)) + "]:")  # fmt: skip
        method, place = ("barh", "left") if flat else ("bar", "bottom")
        edges = f", edgecolor={edge}" if edge else ""
        code = f"{s.ax}.{method}({rows}, values, {place}={base}, label=label, color=color{edges})"
        s.draw(f"    bars = {code}" if labelled else f"    {code}")
        if labelled:
            s.draw(
                f'    {s.ax}.bar_label(bars, label_type="center", fontsize={_size(s)}, color="{inks.pop()}")'
            )
        s.draw(f"    {base} += np.array(values)")
    if flat:
        s.panel.name = "horizontal stacked bar chart"
        s.labels(table.topic.label, "")
        s.title(table.title)
        s.grid("x")
        s.despine()
        s.legend(table.series, place="right" if not s.crowded else "lower right")
        return
    _upright(s, table)
    _room_for_legend(s, table, max(map(sum, zip(*table.values, strict=True))) * 1.02)


def waterfall(s: Sketch) -> None:
    """Steps up and down from an opening to a closing value."""
    s.use("np")
    title, unit, first, middle, last = s.rng.choice(BRIDGES)
    n = s.rng.randint(3, len(middle)) if s.difficulty > 0.3 else 3
    start = s.rng.randint(40, 160) * s.rng.choice((1, 1, 10))
    down = {"Retired", "Resigned", "Transfers out", "Cancelled", "Paused", "New labs"}
    up = {"Other income", "Hired", "Transfers in", "Tax refund", "New", "Reactivated", "New labs"}
    steps, names, level = [], [first], start
    for name in middle[:n]:
        size = max(1, round(start * s.rng.uniform(0.04, 0.16)))
        sign = 1 if name in up else -1
        sign = -1 if name in down and name not in up else sign
        steps.append(sign * size)
        names.append(name)
        level += sign * size
    names.append(last)
    changes = s.let("changes", [start, *steps])
    labels = s.let("labels", names)
    good, bad = s.rng.choice(
        (
            ("#2a9d8f", "#e76f51"),
            ("seagreen", "indianred"),
            ("#4caf50", "#f44336"),
            ("#59a14f", "#e15759"),
        )
    )
    total = s.rng.choice(("steelblue", "#4e79a7", "slategray", "gray"))
    ends = s.set("levels", f"np.cumsum({changes})")
    base = s.set("base", f"np.append(np.minimum({ends}, {ends} - {changes}), 0)")
    height = s.set("heights", f"np.append(np.abs({changes}), {ends}[-1])")
    colors = s.set(
        "colors",
        f"[{text(total)}] + [{text(good)} if c > 0 else {text(bad)} for c in {changes}[1:]] + [{text(total)}]",
    )
    code = s.code("bar", labels, height, bottom=base, color=colors, width=s.rng.choice((0.6, 0.7)))
    s.draw(f"bars = {code}")
    signed = s.set(
        "texts", f'[str({changes}[0])] + [f"{{c:+d}}" for c in {changes}[1:]] + [str({ends}[-1])]'
    )
    s.call("bar_label", "bars", signed, fontsize=_size(s), padding=2)
    s.panel.labelled, s.panel.kind, s.panel.name = True, "waterfall", "waterfall chart"
    s.panel.columns = ["Step", "Change"]
    s.panel.rows = [
        [name, value] for name, value in zip(names, [start, *steps, level], strict=True)
    ]
    s.panel.unit, s.panel.measure, s.panel.decimals = unit, "Change", 0
    s.panel.readable = True
    s.panel.notes.append(f"It starts at {start} ({first}) and ends at {level} ({last}).")
    top = max(start, level, max(start + sum(steps[: k + 1]) for k in range(n)))
    s.limits("y", None, _nice_top(top * 1.1))
    s.labels("", unit[:1].upper() + unit[1:])
    s.title(title)
    turned = s.rotation(names)
    if turned:
        s.turn(turned)
    s.footer()

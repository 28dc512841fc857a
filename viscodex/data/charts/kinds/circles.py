"""Charts in a circle: pie, donut, radar, polar bars and polar curves.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: other charts of shares (bars.stacked, plans.treemap)
"""

from __future__ import annotations

from viscodex.data.charts.kinds.bars import data, facts, frame, wrap
from viscodex.data.charts.look import ink_on
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import Table, by_group, identifier
from viscodex.data.charts.vocabulary import CITIES


def _shares(s: Sketch) -> Table:
    """A table of parts, large ones first or shuffled, none too small to be labelled."""
    table = by_group(s.rng, s.rng.randint(3, 4 + round(3 * s.difficulty)), whole=True)
    if s.rng.random() < 0.5 and table.by != "age group":
        order = sorted(range(len(table.rows)), key=lambda i: -table.values[0][i])
        table.rows = [table.rows[i] for i in order]  # type: ignore[assignment]
        table.values = [[table.values[0][i] for i in order]]
    return table


def _wedges(s: Sketch, table: Table, kind: str, name: str) -> tuple[str, list[str]]:
    facts(s, table, kind, name)
    s.panel.colors = dict(zip(map(str, table.rows), s.look.colors(len(table.rows)), strict=True))
    colors = s.look.colors(len(table.rows))
    return literal(colors, 20), [str(r) for r in table.rows]


def pie(s: Sketch) -> None:
    """Shares of a whole."""
    table = _shares(s)
    palette, names = _wedges(s, table, "pie", "pie chart")
    percent = s.rng.random() < 0.8
    start = s.rng.choice((None, 90, 90, 140))
    legend = s.rng.random() < 0.3 + 0.2 * s.difficulty and not s.crowded
    explode = s.difficulty > 0.3 and s.rng.random() < 0.4
    pull = [0.08 if v == max(table.values[0]) else 0 for v in table.values[0]]
    autopct = text("%1.1f%%" if s.rng.random() < 0.75 else "%1.0f%%") if percent else None
    edges = (
        "{" + f'"edgecolor": {text(s.look.paper)}, "linewidth": {s.rng.choice((1, 1.5, 2))}' + "}"
        if s.rng.random() < 0.4
        else None
    )
    options: dict[str, object] = {
        "autopct": autopct, "startangle": start, "colors": palette, "wedgeprops": edges,
        "shadow": "True" if s.rng.random() < 0.08 else None,
        "counterclock": "False" if start == 90 and s.rng.random() < 0.5 else None,
        "explode": repr(pull) if explode else None,
        "textprops": "{" + f'"fontsize": {max(7, int(s.base) - 1)}' + "}" if s.crowded or s.look.style == "fivethirtyeight" else None,
    }  # fmt: skip
    if s.idiom == "pandas":
        frame_name = frame(s, table)
        options["colors"] = literal(_PASTELS[: len(table.rows)], 20)
        s.panel.colors = dict(zip(map(str, table.rows), _PASTELS, strict=False))
        if s.look.dark:
            options["autopct"] = None
            percent = False
        s.draw(
            wrap(
                f"{frame_name}[{text(table.series[0])}].plot.pie",
                [f"ax={s.axes}", 'ylabel=""'],
                **options,
            )
        )
        legend = False
    else:
        rows, (values,) = data(s, table)
        code = s.code("pie", values, labels=None if legend else rows, **options)
        _draw_pie(s, code, len(table.rows), percent)
        if legend:
            s.call("legend", rows, title=text(table.by.capitalize()), loc=text("center left"), bbox_to_anchor="(1, 0.5)",
                   fontsize=max(7, int(s.base) - 1))  # fmt: skip
            s.panel.legend = names
    s.title(_share_title(s, table))
    _percent_facts(s, table, percent)


_PASTELS = ["#8dd3c7", "#fdb462", "#bebada", "#fb8072", "#80b1d3", "#b3de69", "#fccde5", "#d9d9d9"]
"""Light enough for the black text that pandas writes on them."""


def _draw_pie(s: Sketch, code: str, n: int, percent: bool) -> None:
    """The call, and percentages in a colour that can be read on each wedge."""
    inks = [ink_on(color) for color in s.look.colors(n)]
    if not percent or set(inks) == {s.look.ink}:
        s.draw(code)
        return
    s.draw(f"wedges, texts, percents = {code}")
    if len(set(inks)) == 1:
        s.draw(f"plt.setp(percents, color={text(inks[0])})")
    else:
        s.draw(f"for label, color in zip(percents, {literal(inks)}):", "    label.set_color(color)")


def _share_title(s: Sketch, table: Table) -> str:
    subject = table.topic.subject
    low = subject[0].lower() + subject[1:] if subject[1:2].islower() else subject
    return s.rng.choice((table.title, f"Share of {low} by {table.by}", f"{subject} by {table.by}"))


def _percent_facts(s: Sketch, table: Table, percent: bool) -> None:
    """What the picture shows of a pie are shares, not values."""
    total = table.total
    shares = [round(100 * v / total, 1) for v in table.values[0]]
    p = s.panel
    p.columns = [table.by.capitalize(), "Share (%)"]
    p.rows = [[str(r), v] for r, v in zip(table.rows, shares, strict=True)]
    p.unit, p.measure, p.labelled, p.whole, p.decimals = "%", "Share", percent, False, 1
    p.readable = percent


def donut(s: Sketch) -> None:
    """A pie with a hole, often with the total in it."""
    table = _shares(s)
    palette, names = _wedges(s, table, "donut", "donut chart")
    rows, (values,) = data(s, table)
    width = s.rng.choice((0.35, 0.4, 0.45))
    percent = s.rng.random() < 0.75
    legend = s.rng.random() < 0.4 and not s.crowded
    code = s.code(
        "pie", values, labels=None if legend else rows,
        autopct=text("%1.1f%%") if percent else None,
        pctdistance=round(1 - width / 2, 2) if percent else None, startangle=s.rng.choice((90, 0, 120)),
        colors=palette, wedgeprops="{" + f'"width": {width}, "edgecolor": {text(s.look.paper)}' + "}",
        textprops="{" + f'"fontsize": {max(7, int(s.base) - (2 if s.crowded else 1))}' + "}" if s.crowded or s.rng.random() < 0.3 or s.look.style == "fivethirtyeight" else None,
    )  # fmt: skip
    _draw_pie(s, code, len(table.rows), percent)
    if s.rng.random() < 0.6:
        total = sum(table.values[0])
        shown = f"{total:,.0f}" if table.topic.decimals == 0 else f"{total:,.1f}"
        unit = table.topic.unit if len(table.topic.unit) < 9 else ""
        words = "\n".join(filter(None, ("Total" if s.rng.random() < 0.7 else "", shown, unit)))
        s.call("text", "0", "0", text(words), ha=text("center"), va=text("center"), fontsize=int(s.base) + (0 if s.crowded else 2),
               fontweight=text("bold") if s.rng.random() < 0.6 else None)  # fmt: skip
        s.panel.notes.append(
            f"The middle of the ring gives the total, {shown}{' ' + unit if unit else ''}."
        )
    if legend:
        s.call(
            "legend",
            rows,
            loc=text("center left"),
            bbox_to_anchor="(1, 0.5)",
            fontsize=max(7, int(s.base) - 1),
        )
        s.panel.legend = names
    s.title(_share_title(s, table))
    _percent_facts(s, table, percent)


def radar(s: Sketch) -> None:
    """Profiles over several criteria."""
    s.use("np")
    criteria, what, subjects, most = s.rng.choice(_PROFILES)
    n = s.rng.randint(5, min(len(criteria), 5 + round(3 * s.difficulty)))
    m = 1 if s.crowded else s.rng.randint(1, min(len(subjects), 1 + round(2.4 * s.difficulty)))
    rows, series = s.rng.sample(criteria, n), s.rng.sample(subjects, m)
    values = [
        [round(most * s.rng.uniform(0.35, 0.96), 0 if most > 20 else 1) for _ in rows]
        for _ in series
    ]
    values = [[int(v) if most > 20 else v for v in column] for column in values]
    labels = s.let("criteria", rows)
    scores = s.let("scores", dict(zip(series, values, strict=True)))
    angles = s.set("angles", f"np.linspace(0, 2 * np.pi, len({labels}), endpoint=False).tolist()")
    s.script.data.append(f"{angles} += {angles}[:1]")
    colors = s.look.colors(m)
    palette = s.set("colors", literal(colors, 9))
    s.draw(f"for (label, values), color in zip({scores}.items(), {palette}):",
           "    closed = values + values[:1]",
           f"    {s.ax}.plot({angles}, closed, color=color, linewidth={s.rng.choice((1.5, 2))}, label=label)",
           f"    {s.ax}.fill({angles}, closed, color=color, alpha={s.rng.choice((0.1, 0.2, 0.25))})")  # fmt: skip
    upright = s.rng.random() < 0.6
    if upright:
        s.draw(f"{s.axes}.set_theta_offset(np.pi / 2)", f"{s.axes}.set_theta_direction(-1)")
    s.ticks(
        "x",
        f"{angles}[:-1]",
        labels,
        fontsize=max(7, int(s.base) - 1)
        if s.crowded or s.look.style == "fivethirtyeight"
        else None,
    )
    if s.rng.random() < 0.6:
        s.draw(
            f"for label, angle in zip({s.axes}.get_xticklabels(), {angles}):",
            f"    side = round(np.{'sin' if upright else 'cos'}(angle), 2)",
            '    label.set_horizontalalignment("left" if side > 0 else "right" if side < 0 else "center")',
        )
    else:
        s.draw(f'{s.axes}.tick_params(axis="x", pad={s.rng.choice((14, 16, 18))})')
    s.limits("y", 0, most)
    step = most // 5 if most > 20 else most / 5
    marks = [int(step * k) if most > 20 else round(step * k, 1) for k in range(1, 5)]
    s.ticks("y", repr(marks), fontsize=8 if s.ax == "plt" else None)
    if m > 1:
        s.panel.legend = list(series)
        s.call(
            "legend",
            loc=text("upper left"),
            bbox_to_anchor="(1.08, 1.08)",
            fontsize=max(7, int(s.base) - 1),
        )
    s.title(what if m > 1 else f"{what}: {series[0]}", pad=18)
    p = s.panel
    p.kind, p.name, p.measure, p.decimals = "radar", "radar chart", "Score", 0 if most > 20 else 1
    p.columns, p.rows = (
        ["Criterion", *series],
        [[r, *(c[i] for c in values)] for i, r in enumerate(rows)],
    )
    if m > 1:
        p.colors = dict(zip(series, colors, strict=True))


_PROFILES: tuple[tuple[tuple[str, ...], str, tuple[str, ...], int], ...] = (
    (("Speed", "Passing", "Shooting", "Defense", "Stamina", "Vision", "Dribbling", "Strength"), "Player profile", ("Okoye", "Larsen", "Moretti", "Tanaka"), 100),
    (("Camera", "Battery", "Display", "Price", "Design", "Speed", "Storage"), "Phone review scores", ("Model A", "Model B", "Model C"), 10),
    (("Accuracy", "Latency", "Memory", "Robustness", "Fairness", "Calibration"), "Model evaluation", ("CNN", "Transformer", "Hybrid"), 100),
    (("Safety", "Health", "Schools", "Transit", "Housing", "Culture", "Parks"), "Quality of life", ("Vienna", "Osaka", "Toronto", "Lisbon"), 10),
    (("Acidity", "Body", "Aroma", "Sweetness", "Bitterness", "Aftertaste"), "Coffee tasting notes", ("Ethiopia", "Colombia", "Sumatra"), 10),
    (("Python", "SQL", "Statistics", "Writing", "Cloud", "Teamwork", "Design"), "Team skill assessment", ("Analysts", "Engineers", "Managers"), 5),
)  # fmt: skip


def polar(s: Sketch) -> None:
    """A wind rose of bars, or curves in polar coordinates."""
    s.use("np")
    if s.rng.random() < 0.6:
        _rose(s)
    else:
        _curves(s)


def _rose(s: Sketch) -> None:
    points = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    if s.difficulty > 0.6 and not s.crowded:
        points = [
            "N",
            "NNE",
            "NE",
            "ENE",
            "E",
            "ESE",
            "SE",
            "SSE",
            "S",
            "SSW",
            "SW",
            "WSW",
            "W",
            "WNW",
            "NW",
            "NNW",
        ]
    main, n = s.rng.randrange(len(points)), len(points)
    what, unit, top = s.rng.choice(
        (
            ("Wind frequency", "%", 22.0),
            ("Mean wind speed", "m/s", 11.0),
            ("Dust flux", "g/m²", 40.0),
        )
    )
    values = []
    for k in range(n):
        gap = min((k - main) % n, (main - k) % n) / n
        values.append(round(top * (0.22 + 0.75 * (1 - 2 * gap) ** 2) * s.rng.uniform(0.75, 1.1), 1))
    if unit == "%":
        total = sum(values)
        values = [round(100 * v / total, 1) for v in values]
    directions, heights = s.let("directions", points), s.let(identifier(what), values)
    angles = s.set("angles", f"np.deg2rad(np.arange(0, 360, {360 / n:g}))")
    width = s.set("width", f"2 * np.pi / {n} * {s.rng.choice((0.8, 0.9, 1.0))}")
    color = text(s.look.single)
    if s.rng.random() < 0.4:
        color = f"plt.cm.{s.look.cmap}(np.array({heights}) / max({heights}))"
    s.call(
        "bar",
        angles,
        heights,
        width=width,
        color=color,
        edgecolor=text(s.look.paper),
        alpha=s.rng.choice((None, 0.85)),
    )
    s.draw(f'{s.axes}.set_theta_zero_location("N")', f"{s.axes}.set_theta_direction(-1)")
    small = max(7, int(s.base) - 2) if n > 8 or s.crowded else None
    s.ticks("x", angles, directions, fontsize=small)
    s.draw(
        f"{s.axes}.set_rlabel_position({s.rng.choice((11, 33, 57)) if n == 16 else s.rng.choice((22.5, 67.5))})"
    )
    city = s.rng.choice(CITIES)
    s.title(f"{what} by direction, {city} ({unit})", pad=16)
    p = s.panel
    p.kind, p.name, p.unit, p.measure, p.decimals = (
        "polar",
        "polar bar chart (wind rose)",
        unit,
        what,
        1,
    )
    p.columns, p.rows = ["Direction", what], [[d, v] for d, v in zip(points, values, strict=True)]


def _curves(s: Sketch) -> None:
    theta = s.set("theta", f"np.linspace(0, 2 * np.pi, {s.rng.choice((200, 360, 400))})")
    forms = (
        ("Cardioid", "{a} * (1 + np.cos({t}))"), ("Dipole", "{a} * np.abs(np.cos({t}))"),
        ("Quadrupole", "{a} * np.abs(np.cos(2 * {t}))"), ("Omnidirectional", "{a} * np.ones_like({t})"),
        ("Supercardioid", "{a} * np.abs(0.37 + 0.63 * np.cos({t}))"),
    )  # fmt: skip
    m = 1 if s.crowded else s.rng.randint(1, 1 + round(2 * s.difficulty))
    chosen = s.rng.sample(forms, m)
    colors = s.look.colors(m)
    for (name, form), color in zip(chosen, colors, strict=True):
        radius = s.set(identifier(name), form.format(a=s.rng.choice((0.5, 0.8, 1.0, 1.2)), t=theta))
        s.call(
            "plot",
            theta,
            radius,
            color=text(color),
            linewidth=s.rng.choice((1.5, 2, 2.5)),
            label=text(name),
        )
        if m == 1:
            s.call("fill", theta, radius, color=text(color), alpha=0.2)
    s.draw(f"{s.axes}.set_rlabel_position({s.rng.choice((112, 135, 160))})")
    if m > 1:
        s.call(
            "legend",
            loc=text("upper left"),
            bbox_to_anchor="(1.08, 1.05)",
            fontsize=max(7, int(s.base) - 1),
        )
        s.panel.legend = [name for name, _ in chosen]
        s.panel.colors = {name: c for (name, _), c in zip(chosen, colors, strict=True)}
    s.title(
        s.rng.choice(("Microphone pickup patterns", "Antenna gain patterns", "Directivity")), pad=16
    )
    s.panel.kind, s.panel.name, s.panel.readable = "polar", "polar line chart", False
    s.panel.notes.append(
        f"It shows {m} curve{'s' if m > 1 else ''} over the full circle: {', '.join(n for n, _ in chosen)}."
    )

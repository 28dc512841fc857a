"""Charts of distributions: histogram, density, box, violin, ridgeline.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: error bars (courses.py)
"""

from __future__ import annotations

from viscodex.data.charts.kinds.bars import wrap
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import Value, identifier, rounded
from viscodex.data.charts.vocabulary import SAMPLES, Spread


def _groups(s: Sketch, m: int, spread: Spread) -> tuple[list[str], list[tuple[float, float]]]:
    """Names of groups, and mean and deviation of each."""
    names = (
        list(spread.groups[:m])
        if spread.grouping == "age group"
        else s.rng.sample(spread.groups, min(m, len(spread.groups)))
    )
    made = []
    for _ in names:
        mean = s.rng.uniform(*spread.mean)
        made.append((mean, mean * spread.deviation * s.rng.uniform(0.75, 1.3)))
    return names, made


def _samples(s: Sketch, spread: Spread, stats: tuple[float, float], n: int) -> list[Value]:
    mean, deviation = stats
    if spread.skewed:
        sigma = min(0.6, deviation / mean)
        return [
            rounded(mean * 2.718281828 ** s.rng.gauss(-sigma * sigma / 2, sigma), spread.decimals)
            for _ in range(n)
        ]
    return [rounded(s.rng.gauss(mean, deviation), spread.decimals) for _ in range(n)]


def _code(spread: Spread, stats: tuple[float, float], n: int, rng: str) -> str:
    """numpy code that draws such a sample."""
    mean, deviation = stats
    if spread.skewed:
        import math

        sigma = min(0.6, deviation / mean)
        return f"{rng}.lognormal({math.log(mean) - sigma * sigma / 2:.3f}, {sigma:.3f}, {n})"
    return f"{rng}.normal({mean:.4g}, {deviation:.3g}, {n})"


def _generator(s: Sketch) -> str:
    """A seeded numpy generator, in one of the ways people write it."""
    s.use("np")
    seed = s.rng.choice((0, 1, 7, 42, 123, s.rng.randrange(2000)))
    if "np.random.seed" in "".join(s.script.data) or s.rng.random() < 0.4:
        s.script.data.append(f"np.random.seed({seed})")
        return "np.random"
    return s.set("rng", f"np.random.default_rng({seed})")


def _title(s: Sketch, spread: Spread, several: bool) -> str:
    subject = spread.subject
    low = subject[0].lower() + subject[1:] if subject[1:2].islower() else subject
    if several:
        return s.rng.choice(
            (f"{subject} by {spread.grouping}", f"Distribution of {low} by {spread.grouping}")
        )
    return s.rng.choice(
        (f"Distribution of {low}", f"{subject}: distribution", f"Histogram of {low}")
    )


def histogram(s: Sketch) -> None:
    """Counts in bins, of one or more groups."""
    spread = s.rng.choice(SAMPLES)
    m = 1 if s.difficulty < 0.35 or s.rng.random() < 0.45 else s.rng.randint(2, 3)
    names, stats = _groups(s, m, spread)
    n = s.rng.choice((200, 300, 400, 500, 800, 1000))
    bins = s.rng.choice((10, 12, 15, 20, 25, 30))
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    drawn = s.rng.random() < 0.65 or m > 1
    if drawn:
        rng = _generator(s)
        variables = [
            s.set(
                identifier(name) if m > 1 else identifier(spread.subject), _code(spread, st, n, rng)
            )
            for name, st in zip(names, stats, strict=True)
        ]
    else:
        n = s.rng.randint(40, 90)
        bins = min(bins, 12)
        variables = [s.let(identifier(spread.subject), sorted(_samples(s, spread, stats[0], n)))]
    p = s.panel
    p.kind, p.name, p.readable, p.measure = "histogram", "histogram", False, "Frequency"
    edge = text(s.look.edge or s.look.paper) if s.rng.random() < 0.75 else None
    hist_type = text("step") if m > 1 and s.rng.random() < 0.15 else None
    for j, variable in enumerate(variables):
        label = text(names[j]) if m > 1 else None
        if s.idiom == "seaborn":
            s.use("sns")
            s.draw(wrap("sns.histplot", [variable], bins=bins, color=text(colors[j]), kde="True" if m == 1 and j == 0 and s.rng.random() < 0.5 else None,
                        label=label, alpha=0.55 if m > 1 else None, ax=s.axes))  # fmt: skip
        elif s.idiom == "pandas":
            s.use("pd")
            s.draw(wrap(f"pd.Series({variable}).plot.hist", [f"bins={bins}"], color=text(colors[j]), edgecolor=edge, label=label,
                        alpha=0.55 if m > 1 else None, ax=s.axes))  # fmt: skip
        else:
            s.call("hist", variable, bins=bins, color=text(colors[j]), edgecolor=None if hist_type else edge, histtype=hist_type,
                   linewidth=1.8 if hist_type else None, alpha=0.55 if m > 1 and not hist_type else None, label=label)  # fmt: skip
    if m == 1 and s.difficulty > 0.25 and s.rng.random() < 0.5:
        s.use("np")
        s.call(
            "axvline",
            f"np.mean({variables[0]})",
            color=text("crimson"),
            linestyle=text("--"),
            label=text("Mean"),
        )
        s.legend(["Mean"])
        p.notes.append("A dashed vertical line marks the mean.")
    elif m > 1:
        p.colors = dict(zip(names, colors, strict=True))
        s.legend(names, title=spread.grouping.capitalize() if s.rng.random() < 0.4 else "")
    p.notes.append(f"{n} values{' of each group' if m > 1 else ''} are counted in {bins} bins.")
    s.labels(
        spread.label, s.rng.choice(("Frequency", "Count")) if s.idiom != "seaborn" else "Count"
    )
    s.title(_title(s, spread, m > 1))
    s.footer()


def density(s: Sketch) -> None:
    """Kernel density curves."""
    spread = s.rng.choice(SAMPLES)
    m = s.rng.randint(1, 2 + round(2 * s.difficulty))
    names, stats = _groups(s, m, spread)
    m = len(names)
    rng = _generator(s)
    n = s.rng.choice((150, 200, 300, 500))
    variables = [
        s.set(identifier(name) if m > 1 else identifier(spread.subject), _code(spread, st, n, rng))
        for name, st in zip(names, stats, strict=True)
    ]
    colors = [s.look.single] if m == 1 else s.look.colors(m)
    seaborn = s.idiom == "seaborn"
    if seaborn:
        s.use("sns")
    else:
        s.use("stats")
        joint = f"np.concatenate([{', '.join(variables)}])" if m > 1 else variables[0]
        grid = s.set(
            "grid",
            f"np.linspace({joint}.min(), {joint}.max(), 300)"
            if m == 1
            else "np.linspace(low, high, 300)",
        )
        if m > 1:
            line = s.script.data.pop()
            s.script.data += [
                f"low = min(v.min() for v in ({', '.join(variables)}))",
                f"high = max(v.max() for v in ({', '.join(variables)}))",
                line,
            ]
    for j, variable in enumerate(variables):
        label = text(names[j]) if m > 1 else None
        if seaborn:
            s.draw(
                wrap(
                    "sns.kdeplot",
                    [variable],
                    color=text(colors[j]),
                    fill="True",
                    alpha=0.35,
                    label=label,
                    ax=s.axes,
                )
            )
        else:
            curve = f"stats.gaussian_kde({variable})({grid})"
            s.draw(f"curve = {curve}")
            s.call("plot", grid, "curve", color=text(colors[j]), linewidth=2, label=label)
            s.call("fill_between", grid, "curve", color=text(colors[j]), alpha=0.25)
    s.labels(spread.label, "Density")
    s.title(_title(s, spread, m > 1).replace("Histogram", "Density"))
    if m > 1:
        s.panel.colors = dict(zip(names, colors, strict=True))
        s.legend(names)
    s.limits("y", 0, None)
    s.footer()
    p = s.panel
    p.kind, p.name, p.readable = "density", "density plot", False


def _sampled(s: Sketch, m: int, literals: bool) -> tuple[Spread, list[str], list[str], int]:
    """A spread, its group names, the variables or code of their samples, values per group."""
    spread = s.rng.choice([x for x in SAMPLES if len(x.groups) >= min(m, 4)])
    names, stats = _groups(s, m, spread)
    if literals:
        n = s.rng.randint(12, 20)
        return spread, names, [literal(_samples(s, spread, st, n)) for st in stats], n
    rng = _generator(s)
    n = s.rng.choice((50, 80, 100, 150))
    return spread, names, [_code(spread, st, n, rng) for st in stats], n


def _grouped_data(s: Sketch, kind: str) -> tuple[Spread, list[str], str, str, int]:
    """(spread, names, variable of the lists, variable of the names, values per group)."""
    m = s.rng.randint(3, 4 + round(3 * s.difficulty)) if not s.crowded else 3
    literals = s.rng.random() < 0.35 and kind == "box"
    spread, names, samples, n = _sampled(s, m, literals)
    m = len(names)
    s.note(f"{spread.label} by {spread.grouping}")
    labels = s.let("labels", names)
    name = s.script.name(identifier(spread.subject) if s.rng.random() < 0.5 else "samples")
    s.script.data.append(
        f"{name} = [\n" + "".join(f"    {c},\n".replace("\n", "\n    ")[:-4] for c in samples) + "]"
    )
    return spread, names, name, labels, n


def box(s: Sketch) -> None:
    """Quartiles and outliers of groups."""
    spread, names, samples, labels, n = _grouped_data(s, "box")
    colors = s.look.colors(len(names))
    flat = s.rng.random() < 0.2 and max(map(len, names)) < 13
    varied = s.rng.random() < 0.6
    if s.idiom == "seaborn":
        s.use("sns")
        s.draw(wrap("sns.boxplot", [f"data={samples}"], palette=literal(colors, 20) if varied else None,
                    color=None if varied else text(s.look.single), width=0.6, ax=s.axes))  # fmt: skip
        flat = False
        s.ticks("x", f"range(len({labels}))", labels, rotation=s.rotation(names))
    else:
        options: dict[str, object] = {
            "tick_labels": labels,
            "patch_artist": "True",
            "widths": s.rng.choice((None, 0.5, 0.6)),
        }
        if flat:
            options["orientation"] = text("horizontal")
        if n >= 80 and s.rng.random() < 0.4:
            options["notch"] = "True"
        if s.rng.random() < 0.25:
            options["showmeans"] = "True"
            s.panel.notes.append("A marker in each box shows the mean.")
        if s.rng.random() < 0.5:
            options["medianprops"] = (
                '{"color": "black"}' if not s.look.dark else '{"color": "white"}'
            )
        s.draw("boxes = " + s.code("boxplot", samples, **options))
        if varied:
            palette = s.set("colors", literal(colors, 9))
            s.draw(
                f'for patch, color in zip(boxes["boxes"], {palette}):',
                "    patch.set_facecolor(color)",
            )
        else:
            s.draw(
                'for patch in boxes["boxes"]:', f"    patch.set_facecolor({text(s.look.single)})"
            )
    _spread_end(s, spread, names, n, "box", "box plot", flat)
    if not flat and s.idiom != "seaborn" and (turned := s.rotation(names)):
        s.turn(turned)
    s.footer()


def violin(s: Sketch) -> None:
    """Shapes of the distributions of groups."""
    spread, names, samples, labels, n = _grouped_data(s, "violin")
    colors = s.look.colors(len(names))
    if s.idiom == "seaborn":
        s.use("sns")
        s.draw(
            wrap(
                "sns.violinplot",
                [f"data={samples}"],
                palette=literal(colors, 20),
                inner=text(s.rng.choice(("box", "quartile"))),
                ax=s.axes,
            )
        )
        s.ticks("x", f"range(len({labels}))", labels, rotation=s.rotation(names))
    else:
        inner = s.rng.choice(("showmedians", "showmeans"))
        s.draw(
            "parts = "
            + s.code(
                "violinplot",
                samples,
                **{inner: "True", "showextrema": s.rng.choice((None, "False"))},
            )
        )
        if s.rng.random() < 0.7:
            palette = s.set("colors", literal(colors, 9))
            s.draw(
                f'for body, color in zip(parts["bodies"], {palette}):',
                "    body.set_facecolor(color)",
                "    body.set_alpha(0.7)",
            )
        s.ticks("x", f"range(1, len({labels}) + 1)", labels, rotation=s.rotation(names))
        s.panel.notes.append(f"A short line in each violin shows the {inner[4:-1]}.")
    _spread_end(s, spread, names, n, "violin", "violin plot", False)
    s.footer()


def _spread_end(
    s: Sketch, spread: Spread, names: list[str], n: int, kind: str, name: str, flat: bool
) -> None:
    group = spread.grouping.capitalize() if s.rng.random() < 0.6 else ""
    s.labels(*((spread.label, group) if flat else (group, spread.label)))
    s.title(_title(s, spread, True))
    p = s.panel
    p.kind, p.name, p.readable, p.measure, p.unit = kind, name, False, spread.subject, spread.unit
    p.columns, p.rows = [spread.grouping.capitalize()], [[n_] for n_ in names]
    p.notes.append(f"It compares {len(names)} groups: {', '.join(names)}.")


def ridgeline(s: Sketch) -> None:
    """Densities of groups above one another."""
    s.use("stats")
    spread = s.rng.choice([x for x in SAMPLES if len(x.groups) >= 4])
    m = s.rng.randint(4, min(len(spread.groups), 5 + round(3 * s.difficulty)))
    names, st = _groups(s, m, spread)
    rng = _generator(s)
    n = s.rng.choice((150, 200, 300))
    samples = s.script.name("samples")
    s.script.data.append(
        f"{samples} = {{\n"
        + "".join(
            f"    {text(a)}: {_code(spread, b, n, rng)},\n" for a, b in zip(names, st, strict=True)
        )
        + "}"
    )
    s.script.data.append(
        f"grid = np.linspace(min(v.min() for v in {samples}.values()), max(v.max() for v in {samples}.values()), 300)"
    )
    palette = s.set(
        "colors",
        f"plt.cm.{s.look.cmap}(np.linspace(0.2, 0.85, len({samples})))"
        if s.rng.random() < 0.5
        else literal(s.look.colors(m), 9),
    )
    overlap = s.rng.choice((0.7, 0.8, 0.9))
    s.draw(f"for i, (label, values) in enumerate({samples}.items()):",
           "    curve = stats.gaussian_kde(values)(grid)",
           f"    curve = curve / curve.max() * {round(1 / overlap, 2)}",
           f"    base = len({samples}) - 1 - i",
           f"    {s.ax}.fill_between(grid, base, base + curve, color={palette}[i], alpha=0.75, zorder=i + 1)",
           f"    {s.ax}.plot(grid, base + curve, color={text(s.look.ink)}, linewidth=0.8, zorder=i + 1)")  # fmt: skip
    s.ticks("y", f"range(len({samples}))", f"list({samples})[::-1]")
    s.labels(spread.label, "")
    s.title(_title(s, spread, True))
    s.despine()
    p = s.panel
    p.kind, p.name, p.readable = "ridgeline", "ridgeline plot", False
    p.columns, p.rows = [spread.grouping.capitalize()], [[a] for a in names]
    p.notes.append(f"It shows the densities of {m} groups above one another: {', '.join(names)}.")

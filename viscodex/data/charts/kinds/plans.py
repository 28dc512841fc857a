"""Charts of parts and links: graph, treemap, timeline.

in:  a Sketch to draw on
out: lines of its script and the facts of its panel
not covered: charts with a number axis for the values
"""

from __future__ import annotations

from viscodex.data.charts.look import ink_on
from viscodex.data.charts.script import Sketch, literal, text
from viscodex.data.charts.tables import by_group, identifier, plural
from viscodex.data.charts.vocabulary import NETWORKS, PROJECTS, Network

Edges = list[tuple[str, str]]


def graph(s: Sketch) -> None:
    """Nodes and edges, drawn by networkx."""
    s.use("nx")
    net = s.rng.choice(NETWORKS)
    nodes, edges = _wiring(s, net)
    weights = [s.rng.randint(1, 20) for _ in edges]
    weighted = bool(net.weight) and s.rng.random() < 0.6
    name = _declare(s, net, edges, weights if weighted else [])
    _draw_graph(s, net, name, nodes, weighted)
    s.title(net.title + (f" ({net.weight})" if weighted and "(" not in net.title else ""))
    p = s.panel
    p.kind, p.name, p.decimals = "graph", "directed graph" if net.directed else "network graph", 0
    p.readable = p.labelled = weighted
    if weighted:
        p.columns, p.measure, p.unit = ["Edge", net.weight], net.weight, ""
        p.rows = [[f"{a} - {b}", w] for (a, b), w in zip(edges, weights, strict=True)]
    way = "directed " if net.directed else ""
    p.notes.append(f"It has {len(nodes)} nodes and {len(edges)} {way}edges.")
    degree = {v: sum(v in e for e in edges) for v in nodes}
    best = max(degree.values())
    hubs = [v for v in nodes if degree[v] == best]
    if len(hubs) == 1:
        p.notes.append(f"{hubs[0]} has the most edges, {best}.")


def _wiring(s: Sketch, net: Network) -> tuple[list[str], Edges]:
    """Some of the nodes, joined by a random tree and a few edges more."""
    most = min(len(net.nodes), (7 if s.crowded else 10))
    n = s.rng.randint(5, max(5, 5 + round((most - 5) * (0.3 + 0.7 * s.difficulty))))
    nodes = s.rng.sample(net.nodes, n)
    pairs = {(nodes[s.rng.randrange(i)], nodes[i]) for i in range(1, n)}
    for _ in range(round(n * (0.2 + 0.6 * s.difficulty))):
        a, b = sorted(s.rng.sample(range(n), 2))
        pairs.add((nodes[a], nodes[b]))
    return nodes, sorted(pairs, key=lambda e: (nodes.index(e[0]), nodes.index(e[1])))


def _declare(s: Sketch, net: Network, edges: Edges, weights: list[int]) -> str:
    """The edges as data and the graph made of them; its variable name."""
    kind = "DiGraph" if net.directed else "Graph"
    name, listed = s.script.name("G"), s.script.name("edges")
    if weights:
        rows = [f"({text(a)}, {text(b)}, {w})" for (a, b), w in zip(edges, weights, strict=True)]
        made = [f"{name} = nx.{kind}()", f"{name}.add_weighted_edges_from({listed})"]
    else:
        rows = [f"({text(a)}, {text(b)})" for a, b in edges]
        made = [f"{name} = nx.{kind}({listed})"]
    s.script.data += [f"{listed} = [\n" + "".join(f"    {r},\n" for r in rows) + "]", *made]
    return name


def _draw_graph(s: Sketch, net: Network, name: str, nodes: list[str], weighted: bool) -> None:
    longest = max(map(len, nodes))
    layout = s.rng.choice(("circular", "kamada_kawai", "kamada_kawai", "spring"))
    layout = "circular" if longest > 6 else layout
    more = {
        "circular": "",
        "kamada_kawai": ", weight=None",
        "spring": f", seed={s.rng.randrange(100)}, k=2, weight=None",
    }
    pos = s.set("pos", f"nx.{layout}_layout({name}{more[layout]})")
    size = round((700 + 260 * max(0, longest - 3)) * (0.62 if s.crowded else 1))
    light = s.rng.choice(("#add8e6", "#90ee90", "#ffd8a8", "#d3d3d3", "#cdb4db"))
    color = s.look.colors(1)[0] if s.rng.random() < 0.5 else light
    font = max(7, int(s.base) - (2 if s.crowded or longest > 7 else 1))
    flat = s.ax == "plt"
    ax = "" if flat else f", ax={s.ax}"
    inked = f" font_color={text(ink_on(color))}," if ink_on(color) == "white" else ""
    arrows = ", arrowsize=14" if net.directed else ""
    edge_color = text(s.rng.choice(("gray", "#888888", "dimgray")))
    s.draw(
        f"{'nx.draw_networkx' if flat else 'nx.draw'}(\n    {name}, {pos},"
        f"{'' if flat else ' with_labels=True,'} node_color={text(color)}, node_size={size},\n"
        f"    font_size={font},{inked} edge_color={edge_color}, "
        f"width={s.rng.choice((1.2, 1.5, 2))}{arrows}{ax},\n)"
    )
    if weighted:
        s.draw(
            f'weights = nx.get_edge_attributes({name}, "weight")',
            f"nx.draw_networkx_edge_labels({name}, {pos}, edge_labels=weights, font_size={max(7, font - 1)}{ax})",
        )
    s.draw(f"{s.ax}.margins(0.12)")
    if flat:
        s.draw('plt.axis("off")')


_SQUARIFY = '''def squarify(sizes, x, y, width, height):
    """Rectangles of the given areas that fill a frame, as square as possible."""
    if not sizes:
        return []
    short = min(width, height)

    def worst(row):
        total = sum(row)
        return max(max(short**2 * v / total**2, total**2 / (short**2 * v)) for v in row)

    row = [sizes[0]]
    while len(row) < len(sizes) and worst(row + [sizes[len(row)]]) <= worst(row):
        row.append(sizes[len(row)])
    depth, rest = sum(row) / short, sizes[len(row):]
    rectangles, offset = [], 0
    for value in row:
        side = value / depth
        if width >= height:
            rectangles.append((x, y + offset, depth, side))
        else:
            rectangles.append((x + offset, y, side, depth))
        offset += side
    if width >= height:
        return rectangles + squarify(rest, x + depth, y, width - depth, height)
    return rectangles + squarify(rest, x, y + depth, width, height - depth)
'''

_SLICES = '''def treemap(sizes, x, y, width, height):
    """Split a frame into rectangles of the given areas, halving the list each time."""
    if len(sizes) == 1:
        return [(x, y, width, height)]
    half = len(sizes) // 2
    share = sum(sizes[:half]) / sum(sizes)
    if width >= height:
        first = treemap(sizes[:half], x, y, width * share, height)
        return first + treemap(sizes[half:], x + width * share, y, width * (1 - share), height)
    first = treemap(sizes[:half], x, y, width, height * share)
    return first + treemap(sizes[half:], x, y + height * share, width, height * (1 - share))
'''


def treemap(s: Sketch) -> None:
    """Rectangles whose areas are parts of a whole."""
    s.use("patches")
    table = by_group(s.rng, s.rng.randint(4, 5 + round(3 * s.difficulty)), whole=True, short=True)
    order = sorted(range(len(table.rows)), key=lambda i: -table.values[0][i])
    rows, values = [table.rows[i] for i in order], [table.values[0][i] for i in order]
    squared = s.rng.random() < 0.6
    function, name = (_SQUARIFY, "squarify") if squared else (_SLICES, "treemap")
    if name not in s.script.taken:
        s.script.taken.add(name)
        s.script.functions.append(function.rstrip())
    width, height = 100, 60
    labels = s.let(plural(identifier(table.by)), rows)
    sizes = s.let(identifier(table.topic.short or table.topic.subject), values)
    area = s.set("areas", f"[v * {width * height} / sum({sizes}) for v in {sizes}]")
    palette = s.set("colors", literal(s.look.colors(len(rows)), 9))
    shares = s.rng.random() < 0.4
    value = f"{{100 * value / sum({sizes}):.1f}}%" if shares else "{value}"
    small = max(7, int(s.base) - (1 if len(rows) > 6 else 0) - s.crowded)
    inks = [ink_on(color) for color in s.look.colors(len(rows))]
    one = set(inks) == {"white"}
    ink = text("white") if one else "ink"
    if not one:
        palette = f"{palette}, {s.set('inks', literal(inks, 7))}"
    s.draw(
        f"boxes = {name}({area}, 0, 0, {width}, {height})",
        f"for (x, y, w, h), label, value, color{'' if one else ', ink'} in zip(boxes, {labels}, {sizes}, {palette}):",
        f"    {s.axes}.add_patch(Rectangle((x, y), w, h, facecolor=color, edgecolor={text(s.look.paper)}, linewidth=2))",
        f'    {s.ax}.text(x + w / 2, y + h / 2, f"{{label}}\\n{value}", ha="center", va="center", color={ink}, fontsize={small})',
    )  # fmt: skip
    s.limits("x", 0, width)
    s.limits("y", 0, height)
    s.call("axis", text("off"))
    unit = f" ({table.topic.unit})" if table.topic.unit and not shares else ""
    s.title(table.title + (unit if not shares else ""))
    p = s.panel
    p.kind, p.name, p.labelled, p.measure, p.unit = (
        "treemap",
        "treemap",
        True,
        table.topic.short or table.topic.subject,
        table.topic.unit,
    )
    p.columns, p.decimals, p.whole = [table.by.capitalize(), p.measure], table.topic.decimals, True
    p.rows = [[r, v] for r, v in zip(rows, values, strict=True)]
    if shares:
        p.columns[1], p.unit, p.measure, p.decimals, p.whole = "Share (%)", "%", "Share", 1, False
        p.rows = [
            [r, float(f"{100 * v / sum(values):.1f}")] for r, v in zip(rows, values, strict=True)
        ]
    p.colors = dict(zip(map(str, rows), s.look.colors(len(rows)), strict=True))
    p.notes.append("The area of a rectangle stands for its value.")


def timeline(s: Sketch) -> None:
    """Tasks of a plan as horizontal bars from start to end (Gantt)."""
    title, tasks = s.rng.choice(PROJECTS)
    n = s.rng.randint(4, max(4, min(len(tasks), 5 + round(3 * s.difficulty))))
    names = list(tasks[:n])
    starts, lengths, at = [], [], 0
    for _ in names:
        length = s.rng.randint(1, 5)
        starts.append(at)
        lengths.append(length)
        at += max(1, length - s.rng.randint(0, 2))
    end = max(a + b for a, b in zip(starts, lengths, strict=True))
    rows, begin, duration = (
        s.let("tasks", names),
        s.let("start", starts),
        s.let("duration", lengths),
    )
    varied = s.rng.random() < 0.5
    color = literal(s.look.colors(n), 20) if varied else text(s.look.single)
    used = s.look.colors(n) if varied else [s.look.single]
    inks = {ink_on(c) if c.startswith("#") else "white" for c in used}
    labelled = s.rng.random() < 0.6 and len(inks) == 1
    ink = inks.pop()
    code = s.code(
        "barh",
        rows,
        duration,
        left=begin,
        color=color,
        height=s.rng.choice((0.5, 0.6)),
        edgecolor=text(s.look.edge) if s.look.edge else None,
    )
    s.draw(f"bars = {code}" if labelled else code)
    if labelled:
        s.call(
            "bar_label",
            "bars",
            f'[f"{{d}} w" for d in {duration}]',
            label_type=text("center"),
            color=text(ink),
            fontsize=max(7, int(s.base) - 1),
        )
    s.draw("plt.gca().invert_yaxis()" if s.ax == "plt" else f"{s.ax}.invert_yaxis()")
    s.limits("x", 0, end + 1)
    s.ticks("x", f"range(0, {end + 2}{', 2' if end > 14 else ''})")
    s.labels("Week", "")
    s.title(title)
    s.grid("x")
    s.despine()
    p = s.panel
    p.kind, p.name, p.labelled, p.unit, p.measure, p.decimals = (
        "timeline",
        "Gantt chart",
        labelled,
        "weeks",
        "Duration",
        0,
    )
    p.columns = ["Task", "Start (week)", "Duration (weeks)"]
    p.rows = [[t, a, b] for t, a, b in zip(names, starts, lengths, strict=True)]
    p.notes.append(f"The plan has {n} tasks and ends in week {end}.")

"""Problems whose graph, tree, points or polygon stands in a picture.

in:  a Draw
out: Problems with a matplotlib script; the reference embeds what the script draws
not covered: grids, tables and charts (drawn_grids.py)
"""

from __future__ import annotations

import math

from viscodex.data.problems.draw import Draw, fill
from viscodex.data.problems.drawn_grids import PALETTES
from viscodex.data.problems.problem import Problem

_GRAPH = """
import matplotlib.pyplot as plt

places = $places
edges = $edges
fig, ax = plt.subplots(figsize=($size, $size))
for a, b, label, at in edges:
    (x1, y1), (x2, y2) = places[a], places[b]
    ax.annotate("", (x2, y2), (x1, y1), arrowprops=dict(arrowstyle="$arrow", color="$line", lw=1.6, shrinkA=17, shrinkB=17))
    if label != "":
        ax.text(x1 + at * (x2 - x1), y1 + at * (y2 - y1), label, ha="center", va="center", fontsize=11.5, bbox=dict(boxstyle="round,pad=0.18", fc="white", ec="none"))
for name, (x, y) in places.items():
    ax.plot(x, y, "o", ms=29, mfc="$light", mec="$dark", mew=1.8)
    ax.text(x, y - 0.006, name, ha="center", va="center", fontsize=13, color="$dark", fontweight="bold")
ax.set_xlim(-1.25, 1.25)
ax.set_ylim(-1.25, 1.25)
ax.set_aspect("equal")
ax.axis("off")
fig.tight_layout(pad=0.2)
plt.show()
"""


def _ring(d: Draw, names: list[str]) -> dict[str, tuple[float, float]]:
    """Places on a slightly shaken ring: no edge passes through a third place."""
    turn = d.random()
    found = {}
    for k, name in enumerate(names):
        angle = 2 * math.pi * (k + turn) / len(names)
        r = 1.0 - 0.1 * d.random()
        found[name] = (round(r * math.cos(angle), 3), round(r * math.sin(angle), 3))
    return found


def _edges(d: Draw, names: list[str], more: int, weight: int) -> list[tuple[str, str, int]]:
    """A random tree and some further edges."""
    pairs = [(names[d.randrange(k)], names[k]) for k in range(1, len(names))]
    rest = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if (a, b) not in pairs]
    pairs += d.some(min(more, len(rest)), rest)
    return [(a, b, d.randint(1, weight)) for a, b in pairs]


def _label_places(
    places: dict[str, tuple[float, float]], edges: list[tuple[str, str, object]]
) -> list[tuple[str, str, object, float]]:
    """The edges with the share of their length at which a label is farthest from all others."""
    done: list[tuple[str, str, object, float]] = []
    taken: list[tuple[float, float]] = []

    def spot(a: str, b: str, t: float) -> tuple[float, float]:
        (x1, y1), (x2, y2) = places[a], places[b]
        return x1 + t * (x2 - x1), y1 + t * (y2 - y1)

    for a, b, label in edges:
        lines = [spot(p, q, k / 12) for p, q, _ in edges if (p, q) != (a, b) for k in range(13)]

        def room(
            t: float, a: str = a, b: str = b, lines: list[tuple[float, float]] = lines
        ) -> float:
            here = spot(a, b, t)
            near = min((math.dist(here, other) for other in lines), default=1.0)
            return min([near, *(math.dist(here, other) / 2 for other in taken)])

        best = max((0.5, 0.42, 0.58, 0.34, 0.66, 0.28, 0.72), key=room)
        taken.append(spot(a, b, best))
        done.append((a, b, label, best))
    return done


def _script(
    d: Draw,
    places: dict[str, tuple[float, float]],
    edges: list[tuple[str, str, object]],
    arrow: str,
) -> str:
    dark, light, _ = d.pick(*PALETTES)
    line = d.pick("#666666", "#8a94a6", dark)
    return fill(
        _GRAPH, places=repr(places), edges=repr(_label_places(places, edges)),
        size=d.pick(5, 5.5, 6), arrow=arrow, line=line, light=light, dark=dark,
    )  # fmt: skip


def _names(d: Draw, low: int, high: int) -> list[str]:
    n = d.randint(low, high)
    first = d.pick("ABCDEFGHIJ", "PQRSTUVWXY", "KLMNOPQRST")
    return list(first[:n])


def _listed(edges: list[tuple[str, str, int]]) -> dict[str, str]:
    return {f"{a}-{b}": str(w) for a, b, w in edges}


def drawn_weights(d: Draw) -> Problem:
    """An undirected graph with weights; cheapest ways."""
    names = _names(d, 5, 8)
    edges = _edges(d, names, d.randint(3, 6), 15)
    goal, cost = d.pick(
        ("the length of the shortest way from `a` to `b`, where the numbers are lengths of roads", "far + length"), ("the smallest possible value of the largest number on a way from `a` to `b`", "max(far, length)"), ("the cost of the cheapest way from `a` to `b`, where each road costs its number and each change of road (each place in between) costs 2 more", "far + length + (2 if v != a else 0)"), ("the cost of the cheapest way from `a` to `b`, where a road costs its number, but at most 8", "far + min(length, 8)"), ("the cost of the cheapest way from `a` to `b`, where a road with an even number costs half of it", "far + (length // 2 if length % 2 == 0 else length)"),
    )  # fmt: skip
    listed = ", ".join(f'("{a}", "{b}", {w})' for a, b, w in edges)
    code = f"""
import heapq

EDGES = [{listed}]


def {d.pick("cheapest", "shortest_way", "road")}(a: str, b: str) -> int:
    near = {{}}
    for p, q, length in EDGES:
        near.setdefault(p, []).append((q, length))
        near.setdefault(q, []).append((p, length))
    best = {{}}
    heap = [(0, a)]
    while heap:
        far, v = heapq.heappop(heap)
        if v in best:
            continue
        best[v] = far
        for w, length in near[v]:
            heapq.heappush(heap, ({cost}, w))
    return best[b]
"""
    brute = f"""
EDGES = [{listed}]


def {code.split("def ")[1].split("(")[0]}(a: str, b: str) -> int:
    best = {{a: 0}}
    for _ in range({len(names)}):
        for p, q, length in EDGES:
            for v, w in ((p, q), (q, p)):
                if v in best:
                    far = best[v]
                    best[w] = min(best.get(w, 10**9), {cost})
    return best[b]
"""
    ask = f"The picture shows places and the roads between them; the number on a road counts in both directions. Return {goal}. (For a = b it is 0.)"
    cases = d.cases(12, lambda: d.some(2, names), [names[0], names[0]])
    return Problem(ask, code, cases, "The edges are read off the picture; Dijkstra's algorithm finds the best way.", ("a and b are names of places in the picture",), brute, picture=_script(d, _ring(d, names), list(edges), "-"), shown={"title": "An undirected graph with these edges and weights.", "data": _listed(edges)}, difficulty=0.6)  # fmt: skip


def drawn_arrows(d: Draw) -> Problem:
    """A directed graph; ways, depths, reachability."""
    names = _names(d, 5, 8)
    order = d.some(len(names), names)
    edges = sorted((a, b) for a, b, _ in _edges(d, order, d.randint(3, 6), 1))
    table = {v: "".join(sorted(b for a, b in edges if a == v)) for v in names}
    goal, body, end = d.pick(
        ("how many different ways along the arrows lead from `a` to `b` (1 if a = b)", "1 if v == b else sum(go(w) for w in AFTER[v])", "go(a)"), ("the number of arrows on the longest way that starts at `a` and at no point visits `b` (unless a = b)", "max((1 + go(w) for w in AFTER[v] if w != b), default=0)", "go(a)"),
        ("the number of arrows on the longest way from `a` to `b`, or -1 if there is no way", "0 if v == b else max((1 + go(w) for w in AFTER[v] if go(w) >= 0), default=-1)", "go(a)"), ("the number of arrows on the shortest way from `a` to `b`, or -1 if there is no way", "0 if v == b else min((1 + go(w) for w in AFTER[v] if go(w) >= 0), default=-1)", "go(a)"),
    )  # fmt: skip
    listed = ", ".join(f'"{v}": "{w}"' for v, w in table.items())
    code = f"""
AFTER = {{{listed}}}


def {d.pick("ways", "follow", "arrows")}(a: str, b: str) -> int:
    def go(v):
        return {body}

    return {end}
"""
    ask = f"In the picture, arrows lead from some nodes to others (there are no cycles). Return {goal}."
    cases = d.cases(
        16,
        lambda: [d.choice(names), d.choice(names)],
        [order[0], order[-1]],
        [order[0], order[0]],
        [order[-1], order[0]],
        [order[0], order[-2]],
    )
    return Problem(ask, code, cases, "A recursion along the arrows ends because there are no cycles.", ("a and b are names of nodes",), picture=_script(d, _ring(d, names), [(a, b, "") for a, b in edges], "-|>"), shown={"title": "A directed graph with these arrows.", "data": {f"from {v}": ", ".join(w) or "none" for v, w in table.items()}}, difficulty=0.55)  # fmt: skip


def drawn_tree(d: Draw) -> Problem:
    """A rooted tree with values; ancestors, subtrees, depths."""
    n = d.randint(7, 12)
    parent = [-1, *(d.randint(max(0, (k - 2) // 2 - 1), max(0, (k - 1) // 2)) for k in range(1, n))]
    depth = [0] * n
    for v in range(1, n):
        depth[v] = depth[parent[v]] + 1
    children = [[w for w in range(n) if parent[w] == v] for v in range(n)]
    place: dict[int, float] = {}

    def lay(v: int, at: float) -> float:
        if not children[v]:
            place[v] = at
            return at + 1
        for w in children[v]:
            at = lay(w, at)
        place[v] = (place[children[v][0]] + place[children[v][-1]]) / 2
        return at

    width = lay(0, 0.0)
    numbers = d.some(n, range(1, 60))
    goal, body = d.pick(
        ("the number of the lowest common ancestor of the nodes `a` and `b` (a node counts as an ancestor of itself)", "    above = set()\n    while a:\n        above.add(a)\n        a = PARENT[a]\n    while b not in above:\n        b = PARENT[b]\n    return b"),
        ("the number of edges on the path between the nodes `a` and `b`", "    above = {}\n    steps = 0\n    while a:\n        above[a] = steps\n        a = PARENT[a]\n        steps += 1\n    steps = 0\n    while b not in above:\n        b = PARENT[b]\n        steps += 1\n    return steps + above[b]"),
        ("the sum of the numbers of all nodes that lie on both ways up to the root, from `a` and from `b` (both ways include their start and the root)", "    above = set()\n    while a:\n        above.add(a)\n        a = PARENT[a]\n    total = 0\n    while b:\n        if b in above:\n            total += b\n        b = PARENT[b]\n    return total"),
        ("the sum of the numbers on the path from `a` to `b`, both ends included", "    up = []\n    while a:\n        up.append(a)\n        a = PARENT[a]\n    total = 0\n    while b not in up:\n        total += b\n        b = PARENT[b]\n    return total + sum(up[:up.index(b) + 1])"),
    )  # fmt: skip
    listed = ", ".join(f"{numbers[v]}: {numbers[parent[v]] if v else 0}" for v in range(n))
    code = f"""
PARENT = {{{listed}}}  # the root has 0


def {d.pick("tree_query", "ancestors", "family")}(a: int, b: int) -> int:
{body}
"""
    dark, light, accent = d.pick(*PALETTES)
    script = fill("""
import matplotlib.pyplot as plt

nodes = $nodes
edges = $edges
fig, ax = plt.subplots(figsize=($w, $h))
for a, b in edges:
    ax.plot([nodes[a][0], nodes[b][0]], [nodes[a][1], nodes[b][1]], color="$line", lw=1.6, zorder=1)
for number, (x, y) in nodes.items():
    ax.scatter([x], [y], s=680, c="$light", edgecolors="$dark", linewidths=1.8, zorder=2)
    ax.text(x, y, str(number), ha="center", va="center", fontsize=12, color="$dark", zorder=3)
ax.margins(0.12)
ax.axis("off")
fig.tight_layout(pad=0.2)
plt.show()
""", nodes=repr({numbers[v]: (round(place[v], 2), -depth[v]) for v in range(n)}), edges=repr([(numbers[parent[v]], numbers[v]) for v in range(1, n)]), w=round(1.4 + 0.85 * width, 1), h=round(1.2 + 0.95 * max(depth), 1), line=d.pick("#777777", accent), light=light, dark=dark)  # fmt: skip
    ask = f"The picture shows a tree; its root is at the top and each node has a number of its own. Return {goal}."
    cases = d.cases(
        12,
        lambda: d.some(2, numbers),
        [numbers[0], numbers[-1]],
        [numbers[-1], numbers[-1]],
        [numbers[-1], numbers[-2]],
    )
    return Problem(ask, code, cases, "A dictionary of parents is all that is needed; ways up to the root are compared.", ("a and b are numbers of nodes",), picture=script, shown={"title": f"A tree with the root {numbers[0]}.", "data": {f"children of {numbers[v]}": ", ".join(str(numbers[w]) for w in children[v]) for v in range(n) if children[v]}}, difficulty=0.5)  # fmt: skip


_PLANE = """
import matplotlib.pyplot as plt

points = $points
fig, ax = plt.subplots(figsize=(5.4, 5.4))
$shape
for name, (x, y) in points.items():
    ax.plot(x, y, "o", color="$accent", ms=8)
    ax.annotate(name, (x, y), (7, 6), textcoords="offset points", fontsize=13, color="$dark")
ax.set_xticks(range(0, $top))
ax.set_yticks(range(0, $top))
ax.set_xlim(-0.5, $top - 0.5)
ax.set_ylim(-0.5, $top - 0.5)
ax.grid(color="#cccccc", linewidth=0.8)
ax.set_aspect("equal")
fig.tight_layout()
plt.show()
"""


def drawn_points(d: Draw) -> Problem:
    """Named points on a grid; distances."""
    top = d.randint(9, 12)
    names = _names(d, 5, 8)
    places = d.some(len(names), [(x, y) for x in range(top) for y in range(top)])
    table = dict(zip(names, places, strict=True))
    goal, body, kind = d.pick(
        ("the squared distance between the points `a` and `b`", "    return (x1 - x2) ** 2 + (y1 - y2) ** 2", "int"), ("the Manhattan distance between the points `a` and `b`", "    return abs(x1 - x2) + abs(y1 - y2)", "int"), ("the number of king's moves (one step in any of eight directions) from `a` to `b`", "    return max(abs(x1 - x2), abs(y1 - y2))", "int"),
        ("how many of the points, a and b included, lie in the smallest rectangle with sides parallel to the axes that contains `a` and `b` (border included)", "    return sum(min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2) for x, y in POINTS.values())", "int"),
        ("twice the area of the triangle formed by `a`, `b` and the origin (0, 0)", "    return abs(x1 * y2 - x2 * y1)", "int"), ("how many points lie strictly closer to `a` than to `b`, in straight distance", "    return sum((x - x1) ** 2 + (y - y1) ** 2 < (x - x2) ** 2 + (y - y2) ** 2 for x, y in POINTS.values())", "int"),
        ("how many of the other points are farther from the origin than both `a` and `b`", "    far = max(x1 * x1 + y1 * y1, x2 * x2 + y2 * y2)\n    return sum(x * x + y * y > far for x, y in POINTS.values())", "int"),
    )  # fmt: skip
    listed = ", ".join(f'"{name}": {p}' for name, p in table.items())
    code = f"""
POINTS = {{{listed}}}


def {d.pick("points", "plane", "between")}(a: str, b: str) -> {kind}:
    x1, y1 = POINTS[a]
    x2, y2 = POINTS[b]
{body}
"""
    dark, _, accent = d.pick(*PALETTES)
    script = fill(_PLANE, points=repr(table), shape="", accent=accent, dark=dark, top=top)
    ask = f"The picture shows named points with whole-numbered coordinates (x to the right, y upwards). Return {goal}."
    cases = d.cases(12, lambda: d.some(2, names), [names[0], names[1]], [names[1], names[0]])
    return Problem(ask, code, cases, "The coordinates are read off the grid; the rest is a formula.", ("a and b are different names of points",), picture=script, shown={"title": "Points in the plane.", "data": {k: str(v) for k, v in table.items()}}, difficulty=0.4)  # fmt: skip


def drawn_polygon(d: Draw) -> Problem:
    """A polygon on a grid; which points lie inside, areas cut off."""
    top, n = 11, d.randint(4, 7)
    corners: list[tuple[int, int]] = []
    for k in range(n):
        angle = 2 * math.pi * (k + 0.25 + 0.5 * d.random()) / n
        r = 2.6 + 2.3 * d.random()
        corners.append((round(5 + r * math.cos(angle)), round(5 + r * math.sin(angle))))
    corners = list(dict.fromkeys(corners))
    inside = """    inside = False
    for k, (x1, y1) in enumerate(CORNERS):
        x2, y2 = CORNERS[k - 1]
        if (y1 > y) != (y2 > y):
            cross = (x - x1) * (y2 - y1) - (y - y1) * (x2 - x1)
            if (cross < 0) == (y2 > y1):
                inside = not inside
    return inside"""
    goal, signature, body = d.pick(
        ("how many corners of the polygon lie at most `k` steps (Manhattan distance) from the point (`x`, `y`)", "x: int, y: int, k: int", "    return sum(abs(x - p) + abs(y - q) <= k for p, q in CORNERS)"),
        ("twice the area of the polygon after all its corners were moved: each x is multiplied by `p` and each y by `q`, and then each x is increased by its y", "p: int, q: int", "    moved = [(p * x + q * y, q * y) for x, y in CORNERS]\n    total = 0\n    for k, (x, y) in enumerate(moved):\n        u, v = moved[k - 1]\n        total += u * y - x * v\n    return abs(total)"),
        ("whether the point (`x` + 0.5, `y` + 0.5) lies inside of the polygon", "x: int, y: int", inside.replace("CORNERS):", "CORNERS):", 1)),
        ("how many edges of the polygon cross the vertical line at x = `x` + 0.5", "x: int", "    return sum((p <= x) != (CORNERS[k - 1][0] <= x) for k, (p, _) in enumerate(CORNERS))"),
        ("the largest squared distance between the point (`x`, `y`) and a corner of the polygon", "x: int, y: int", "    return max((x - p) ** 2 + (y - q) ** 2 for p, q in CORNERS)"),
    )  # fmt: skip
    kind = "bool" if "whether" in goal else "int"
    listed = ", ".join(map(str, corners))
    data = f"CORNERS = [{listed}]"
    if kind == "bool":  # all doubled, so that the middle of a cell is a whole number
        body = "    x, y = 2 * x + 1, 2 * y + 1\n" + body.replace(
            "in enumerate(CORNERS)", "in enumerate(DOUBLED)"
        ).replace("CORNERS[k - 1]", "DOUBLED[k - 1]")
        data += "\nDOUBLED = [(2 * x, 2 * y) for x, y in CORNERS]"
    code = f"\n{data}\n\n\ndef {d.pick('polygon', 'shape', 'outline')}({signature}) -> {kind}:\n{body}\n"
    dark, light, accent = d.pick(*PALETTES)
    shape = f'ax.fill({[x for x, _ in corners]}, {[y for _, y in corners]}, facecolor="{light}", edgecolor="{dark}", linewidth=2)'
    script = fill(
        _PLANE, points=repr({"": corners[0]}), shape=shape, accent=dark, dark=dark, top=top
    ).replace('ax.plot(x, y, "o"', 'ax.plot(x, y, "o", alpha=0.0')
    del accent
    count = signature.count(":")
    low = 1 if signature.startswith("p") else 0
    cases = d.cases(
        14,
        lambda: [d.randint(low, 9) if low == 0 else d.randint(1, 6) for _ in range(count)],
        *([[5, 5]] if kind == "bool" else []),
    )
    ask = f"The picture shows a polygon whose corners have whole-numbered coordinates (x to the right, y upwards). Return {goal}."
    return Problem(ask, code, cases, "The corners are read off the grid in order.", (f"{low} <= all arguments <= 9",), picture=script, shown={"title": "A polygon; its corners in order.", "data": {f"corner {k}": str(c) for k, c in enumerate(corners, 1)}}, difficulty=0.55)  # fmt: skip


def drawn_machine(d: Draw) -> Problem:
    """A finite automaton as a picture; words it accepts."""
    names = [str(k) for k in range(d.randint(4, 5))]
    letters = d.pick("ab", "xy", "01")
    table = {v: [d.choice([w for w in names if w != v]) for _ in letters] for v in names}
    final = sorted(d.some(d.randint(1, 2), names))
    edges: list[tuple[str, str, object]] = []
    for v in names:
        one, two = table[v]
        if one == two:
            edges.append((v, one, ",".join(letters)))
        else:
            edges += [(v, one, letters[0]), (v, two, letters[1])]
    goal, end, kind = d.pick(
        (
            f"whether the machine is in state {' or '.join(final)} after reading `word`",
            f"state in {final}",
            "bool",
        ),
        (
            "the number of the state in which the machine is after reading `word`",
            "int(state)",
            "int",
        ),
        (
            f"how often the machine enters state {final[0]} while it reads `word` (the start does not count)",
            "count",
            "int",
        ),
    )
    listed = ", ".join(
        f'("{v}", "{c}"): "{w}"' for v in names for c, w in zip(letters, table[v], strict=True)
    )
    counting = "count" in end
    code = f"""
NEXT = {{{listed}}}


def {d.pick("machine", "automaton", "read_word")}(word: str) -> {kind}:
    state = "0"
{"    count = 0" + chr(10) if counting else ""}    for c in word:
        state = NEXT[state, c]
{f'        if state == "{final[0]}":' + chr(10) + "            count += 1" + chr(10) if counting else ""}    return {end}
"""
    script = _script(d, _ring(d, names), edges, "-|>").replace('arrowprops=dict(', 'arrowprops=dict(connectionstyle="arc3,rad=0.18", ')  # fmt: skip
    script = script.replace(
        "ax.text(x1 + at * (x2 - x1), y1 + at * (y2 - y1), label",
        "ax.text(x1 + 0.5 * (x2 - x1) + 0.09 * (y2 - y1), y1 + 0.5 * (y2 - y1) - 0.09 * (x2 - x1), label",
    )
    ask = f"The picture shows a machine that reads words over the letters {letters[0]} and {letters[1]}. It starts in state 0; each letter takes it along the arrow with that letter to the next state. Return {goal}."
    cases = d.cases(
        14,
        lambda: [d.text(d.randint(1, 9), letters)],
        [letters[0]],
        [letters[1]],
        [letters],
        [letters[::-1]],
    )
    return Problem(ask, code, cases, "The arrows become a dictionary from state and letter to the next state.", (f"the word consists of {letters[0]} and {letters[1]}", "1 <= len(word) <= 1000"), picture=script, shown={"title": "A state machine with these arrows.", "data": {f"state {v}, letter {c}": f"to {w}" for v in names for c, w in zip(letters, table[v], strict=True)}}, difficulty=0.45)  # fmt: skip


def drawn_ladders(d: Draw) -> Problem:
    """A track of numbered cells with jumps."""
    size = d.pick(24, 30, 36)
    columns = 6
    free = d.some(14, range(2, size))
    pairs = [(free[2 * k], free[2 * k + 1]) for k in range(7)]
    jumps = dict([p for p in pairs if (p[0] - 1) // columns != (p[1] - 1) // columns][:5])
    chain, loop = d.pick(
        ("a jump that ends at the start of another one is not followed by that one", False),
        ("if a jump ends at the start of another one, that one is taken, too", True),
    )
    if loop:
        jumps = {a: b for a, b in jumps.items() if not (b in jumps and jumps[b] in jumps)}
    stop, test = d.pick(
        (f"A move that would go beyond cell {size} is not made.", f"here + roll <= {size}"),
        (f"A move beyond cell {size} ends on cell {size}.", ""),
    )
    move = (
        f"        if {test}:\n            here += roll"
        if test
        else f"        here = min(here + roll, {size})"
    )
    take = (
        "        while here in JUMPS:\n            here = JUMPS[here]"
        if loop
        else "        here = JUMPS.get(here, here)"
    )
    goal, init, count, end = d.pick(
        ("the number of the cell on which the token stands in the end", "", "", "here"),
        (
            "how many of the moves end in the upper half of the numbers (above "
            + str(size // 2)
            + "), jumps included",
            "    total = 0\n",
            f"        if here > {size // 2}:\n            total += 1\n",
            "total",
        ),
        (
            "the largest cell number on which the token stood after a move",
            "    total = 0\n",
            "        total = max(total, here)\n",
            "total",
        ),
    )
    listed = ", ".join(f"{a}: {b}" for a, b in sorted(jumps.items()))
    code = f"""
JUMPS = {{{listed}}}


def {d.pick("play", "track", "token")}(rolls: list[int]) -> int:
    here = 1
{init}    for roll in rolls:
{move}
{take}
{count}    return {end}
"""
    dark, light, accent = d.pick(*PALETTES)
    script = fill("""
import matplotlib.pyplot as plt

jumps = $jumps
fig, ax = plt.subplots(figsize=(6.2, $h))


def place(cell):
    row, column = divmod(cell - 1, $columns)
    return (column if row % 2 == 0 else $columns - 1 - column) + 0.5, row + 0.5


for cell in range(1, $size + 1):
    x, y = place(cell)
    ax.add_patch(plt.Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="$light" if cell % 2 else "white", edgecolor="#888888"))
    ax.text(x - 0.42, y + 0.26, str(cell), fontsize=11, color="$dark", fontweight="bold")
for start, end in jumps.items():
    ax.annotate("", place(end), place(start), arrowprops=dict(arrowstyle="-|>", connectionstyle="arc3,rad=0.12", color="$accent", lw=2.2, shrinkA=4, shrinkB=4, mutation_scale=18))
    ax.plot(*place(start), "o", color="$accent", ms=8)
ax.set_xlim(0, $columns)
ax.set_ylim(0, $size / $columns)
ax.set_aspect("equal")
ax.axis("off")
fig.tight_layout(pad=0.2)
plt.show()
""", jumps=repr(jumps), h=1.0 * size / columns + 0.2, columns=columns, size=size, light=light, dark=dark, accent=accent)  # fmt: skip
    ask = f"A token starts on cell 1 of the track in the picture. For each number in `rolls` it moves on by that many cells along the numbers; if it then stands on a cell with a dot, it jumps along the arrow to the cell at its head; {chain}. {stop} Return {goal}."
    cases = d.cases(
        12,
        lambda: [d.ints(d.randint(3, 10), 1, 6)],
        [[]],
        [[1]],
        *[
            [[*[6] * ((a - 1) // 6), *([(a - 1) % 6] if (a - 1) % 6 else [])]]
            for a in sorted(jumps)[:3]
        ],
    )
    return Problem(ask, code, cases, "The jumps are read off the picture into a dictionary.", ("0 <= len(rolls) <= 100", "1 <= each roll <= 6"), picture=script, shown={"title": f"A track of {size} cells with jumps.", "data": {f"from {a}": f"to {b}" for a, b in sorted(jumps.items())}}, difficulty=0.45)  # fmt: skip


TEMPLATES = {
    "drawn_weights": drawn_weights, "drawn_arrows": drawn_arrows, "drawn_tree": drawn_tree, "drawn_points": drawn_points,
    "drawn_polygon": drawn_polygon, "drawn_machine": drawn_machine, "drawn_ladders": drawn_ladders,
}  # fmt: skip

"""Problems whose grid, board, table or plot stands in a picture.

in:  a Draw
out: Problems with a matplotlib script; the reference embeds what the script draws
not covered: graphs and trees (drawn_graphs.py)
"""

from __future__ import annotations

from typing import Any

from viscodex.data.problems.draw import Draw, fill
from viscodex.data.problems.matrices import EIGHT, FOUR
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import number_property

PALETTES = (
    ("#22577a", "#e8f1f5", "#f29f05"), ("#5b2a86", "#f3ecfa", "#2a9d8f"), ("#7f1d1d", "#fdf0ee", "#1d4ed8"), ("#14532d", "#eef7f0", "#d97706"),
    ("#1f2937", "#f3f4f6", "#dc2626"), ("#0f766e", "#ecfdf9", "#be185d"),
)  # fmt: skip
"""Dark, light, accent."""

CELLS = """
import matplotlib.pyplot as plt

GRID = $grid
rows, columns = len(GRID), len(GRID[0])
fig, ax = plt.subplots(figsize=(0.62 * columns + 0.9, 0.62 * rows + 0.9))
for r in range(rows):
    for c in range(columns):
        mark = GRID[r][c]
        $paint
for c in range(columns):
    ax.text(c + 0.5, -0.3, str(c), ha="center", va="center", color="#777777", fontsize=11)
for r in range(rows):
    ax.text(-0.3, r + 0.5, str(r), ha="center", va="center", color="#777777", fontsize=11)
ax.set_xlim(-0.6, columns + 0.1)
ax.set_ylim(rows + 0.1, -0.6)
ax.set_aspect("equal")
ax.axis("off")
fig.tight_layout(pad=0.3)
plt.show()
"""
"""A grid with row and column numbers, counted from 0."""

_LINES = 'ax.add_patch(plt.Rectangle((c, r), 1, 1, facecolor="{face}", edgecolor="{edge}", linewidth=1.2))'


def _cells(grid: list[Any], paint: str) -> str:
    return fill(CELLS, grid=repr(grid), paint=paint)


def _number_cells(d: Draw, grid: list[list[int]]) -> str:
    dark, light, accent = d.pick(*PALETTES)
    checked = d.pick(
        f'face = "{light}" if (r + c) % 2 else "white"', 'face = "white"', f'face = "{light}"'
    )
    edge = d.pick(dark, "#999999")
    return _cells(grid, f'{checked}\nax.add_patch(plt.Rectangle((c, r), 1, 1, facecolor=face, edgecolor="{edge}", linewidth=1.2))\nax.text(c + 0.5, r + 0.5, str(mark), ha="center", va="center", fontsize={d.pick(13, 14, 15)}, color="{d.pick(dark, "black", accent)}")')  # fmt: skip


def _rows_text(grid: list[Any]) -> dict[str, str]:
    return {
        f"row {r}": (" ".join(map(str, row)) if isinstance(row, list) else row)
        for r, row in enumerate(grid)
    }


def drawn_numbers(d: Draw) -> Problem:
    """A grid of numbers; questions about rectangles or rows of it."""
    rows, columns = d.randint(3, 6), d.randint(3, 7)
    grid = [d.ints(columns, 1, d.pick(9, 30, 99)) for _ in range(rows)]
    words, test = number_property(d)
    goal, expression = d.pick(
        ("the sum of the numbers in the rectangle", "sum(inside)"), ("the largest number in the rectangle", "max(inside)"), (f"how many of the numbers in the rectangle are {words}", f"sum(1 for x in inside if {test})"),
        ("the difference between the largest and the smallest number in the rectangle", "max(inside) - min(inside)"), ("how many different numbers the rectangle holds", "len(set(inside))"), (f"the sum of those numbers in the rectangle that are {words}", f"sum(x for x in inside if {test})"),
    )  # fmt: skip
    name = d.pick("ask_grid", "rectangle", "query")
    code = f"""
GRID = [
{chr(10).join(f"    {row}," for row in grid)}
]


def {name}(top: int, left: int, bottom: int, right: int) -> int:
    inside = []
    for row in GRID[top:bottom + 1]:
        inside += row[left:right + 1]
    return {expression}
"""

    def make() -> list[int]:
        r, c = sorted(d.ints(2, 0, rows - 1)), sorted(d.ints(2, 0, columns - 1))
        return [r[0], c[0], r[1], c[1]]

    ask = f"The grid in the picture holds whole numbers; rows and columns are counted from 0. A query names a rectangle of cells by its first row `top`, first column `left`, last row `bottom` and last column `right` (all included). Return {goal}."
    cases = d.cases(
        12,
        make,
        [0, 0, rows - 1, columns - 1],
        [0, 0, 0, 0],
        [rows - 1, columns - 1, rows - 1, columns - 1],
    )
    return Problem(ask, code, cases, "The grid is read off the picture; slices cut the rectangle out of it.", ("0 <= top <= bottom < number of rows", "0 <= left <= right < number of columns"), picture=_number_cells(d, grid), shown={"title": f"A grid of {rows} rows and {columns} columns.", "data": _rows_text(grid)}, difficulty=0.3 + 0.01 * rows * columns)  # fmt: skip


def drawn_maze(d: Draw) -> Problem:
    """Walls in a picture; shortest ways between cells."""
    rows, columns = d.randint(4, 8), d.randint(4, 9)
    grid = ["".join("#" if d.flag(0.3) else "." for _ in range(columns)) for _ in range(rows)]
    dark, light, _ = d.pick(*PALETTES)
    words, ways = d.pick(
        ("up, down, left or right", FOUR), ("to any of the eight neighbouring cells", EIGHT)
    )
    goal, end, parameters = d.pick(
        ("the smallest number of moves from cell (r1, c1) to cell (r2, c2), or -1 if there is no way", "steps.get((r2, c2), -1)", "r1: int, c1: int, r2: int, c2: int"),
        ("how many cells can be reached from cell (r1, c1), itself included", "len(steps)", "r1: int, c1: int"), ("how many cells are exactly `k` moves away from cell (r1, c1)", "list(steps.values()).count(k)", "r1: int, c1: int, k: int"),
        ("the distance, in moves, of the reachable cell that is farthest from cell (r1, c1)", "max(steps.values())", "r1: int, c1: int"),
    )  # fmt: skip
    code = f"""
from collections import deque

GRID = [
{chr(10).join(f'    "{row}",' for row in grid)}
]


def {d.pick("maze", "explore", "walk")}({parameters}) -> int:
    steps = {{(r1, c1): 0}}
    queue = deque([(r1, c1)])
    while queue:
        r, c = queue.popleft()
        for dr, dc in {ways}:
            p, q = r + dr, c + dc
            if 0 <= p < {rows} and 0 <= q < {columns} and GRID[p][q] == "." and (p, q) not in steps:
                steps[p, q] = steps[r, c] + 1
                queue.append((p, q))
    return {end}
"""
    free = [(r, c) for r in range(rows) for c in range(columns) if grid[r][c] == "."]

    def make() -> list[int]:
        found = [*d.choice(free)]
        return found + (
            [*d.choice(free)]
            if "r2" in parameters
            else [d.randint(1, 6)]
            if "k:" in parameters
            else []
        )

    paint = f'ax.add_patch(plt.Rectangle((c, r), 1, 1, facecolor="{dark}" if mark == "#" else "{d.pick(light, "white")}", edgecolor="#aaaaaa", linewidth=0.8))'
    ask = f"The picture shows a maze. Dark cells are walls, light cells are free; rows (top to bottom) and columns are counted from 0. A move goes {words}, from a free cell to a free cell. Return {goal}. All given cells are free."
    return Problem(ask, code, d.cases(12, make), "The maze is written down row by row; breadth-first search does the rest.", ("given cells are inside of the maze",), picture=_cells(grid, paint), shown={"title": "A maze; # is a wall, . is free.", "data": _rows_text(grid)}, difficulty=0.45 + 0.004 * rows * columns)  # fmt: skip


def drawn_colours(d: Draw) -> Problem:
    """Coloured cells; regions and counts."""
    rows, columns = d.randint(4, 7), d.randint(4, 8)
    colours = {
        "R": ("red", "#d1495b"),
        "G": ("green", "#66a182"),
        "B": ("blue", "#2e6fa7"),
        "Y": ("yellow", "#edc948"),
    }
    used = "".join(d.some(d.randint(2, 4), "RGBY"))
    grid = [d.text(columns, used) for _ in range(rows)]
    for _ in range(rows * columns // 3):  # larger patches than chance gives
        r, c = d.randrange(rows - 1), d.randrange(columns)
        grid[r + 1] = grid[r + 1][:c] + grid[r][c] + grid[r + 1][c + 1 :]
    goal, end = d.pick(
        (
            "the size of the largest region of the colour `colour` (0 if there is none)",
            "max(sizes, default=0)",
        ),
        ("the number of regions of the colour `colour`", "len(sizes)"),
        (
            "the number of cells of colour `colour` that form a region of their own (a single cell)",
            "sizes.count(1)",
        ),
        (
            "the sum of the squares of the sizes of all regions of the colour `colour`",
            "sum(n * n for n in sizes)",
        ),
    )
    words, ways = d.pick(("side", FOUR), ("side or corner", EIGHT))
    code = f"""
GRID = [
{chr(10).join(f'    "{row}",' for row in grid)}
]


def {d.pick("regions", "patches", "colour_query")}(colour: str) -> int:
    seen = set()
    sizes = []
    for r in range({rows}):
        for c in range({columns}):
            if GRID[r][c] != colour or (r, c) in seen:
                continue
            seen.add((r, c))
            stack, size = [(r, c)], 0
            while stack:
                y, x = stack.pop()
                size += 1
                for dy, dx in {ways}:
                    p, q = y + dy, x + dx
                    if 0 <= p < {rows} and 0 <= q < {columns} and GRID[p][q] == colour and (p, q) not in seen:
                        seen.add((p, q))
                        stack.append((p, q))
            sizes.append(size)
    return {end}
"""
    code = (
        code.replace("(colour: str)", "(colour: str, top: int)")
        .replace(f"for r in range({rows}):", f"for r in range(top, {rows}):")
        .replace("if 0 <= p", "if top <= p")
    )
    names = ", ".join(f"{k} ({colours[k][0]})" for k in sorted(used))
    table = {k: colours[k][1] for k in used}
    paint = f'ax.add_patch(plt.Rectangle((c, r), 1, 1, facecolor={table!r}[mark], edgecolor="white", linewidth=1.5))'
    ask = f"The cells of the grid in the picture are {names}; use these letters for the colours. Cells of one colour that are joined by a chain of such cells, each touching the next at a {words}, form a region. Only rows from number `top` on (counted from 0) are looked at; the rows above are cut off. Return {goal}."
    cases = [[k, t] for t in range(rows) for k in sorted(used)]
    d.shuffle(cases)
    return Problem(ask, code, cases[:12], "A depth-first search for each region that was not seen yet.", (f"colour is one of {', '.join(sorted(used))}", f"0 <= top < {rows}"), picture=_cells(grid, paint), shown={"title": f"A grid of coloured cells: {names}.", "data": _rows_text(grid)}, difficulty=0.5 + 0.004 * rows * columns)  # fmt: skip


def drawn_board(d: Draw) -> Problem:
    """Chess-like pieces on a board; attacks."""
    n = d.randint(5, 8)
    kinds = d.some(d.randint(2, 3), ["R", "B", "N", "K", "Q"])
    places = d.some(d.randint(4, 7), [(r, c) for r in range(n) for c in range(n)])
    board = [["."] * n for _ in range(n)]
    for r, c in places:
        board[r][c] = d.choice(kinds)
    grid = ["".join(row) for row in board]
    straight, diagonal = (
        "((0, 1), (1, 0), (0, -1), (-1, 0))",
        "((1, 1), (1, -1), (-1, -1), (-1, 1))",
    )
    table = {
        "R": (straight, "n"),
        "B": (diagonal, "n"),
        "Q": (EIGHT, "n"),
        "K": (EIGHT, "1"),
        "N": ("((1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1))", "1"),
    }
    words = {
        "R": "R (rook): any distance along rows and columns",
        "B": "B (bishop): any distance along diagonals",
        "Q": "Q (queen): any distance along rows, columns and diagonals",
        "K": "K (king): one step in any of the eight directions",
        "N": "N (knight): two steps straight and one to the side, jumping over others",
    }
    used = sorted({grid[r][c] for r, c in places})
    reach = "".join(
        f'    "{k}": ({table[k][0]}, {n if table[k][1] == "n" else 1}),\n' for k in used
    )
    goal, end, kind = d.pick(
        ("how many pieces attack the cell in row `r` and column `c`", "total", "int"),
        (
            "whether at least two pieces attack the cell in row `r` and column `c`",
            "total >= 2",
            "bool",
        ),
        (
            "the sum of row and column numbers of all pieces that attack the cell in row `r` and column `c`",
            "total",
            "int",
        ),
    )
    add = "y + x" if goal.startswith("the sum") else "1"
    code = f"""
BOARD = [
{chr(10).join(f'    "{row}",' for row in grid)}
]
REACH = {{
{reach}}}


def {d.pick("attackers", "attacks", "threats")}(r: int, c: int) -> {kind}:
    total = 0
    for y in range({n}):
        for x in range({n}):
            if BOARD[y][x] == "." or (y, x) == (r, c):
                continue
            ways, far = REACH[BOARD[y][x]]
            for dy, dx in ways:
                for k in range(1, far + 1):
                    p, q = y + k * dy, x + k * dx
                    if not (0 <= p < {n} and 0 <= q < {n}):
                        break
                    if (p, q) == (r, c):
                        total += {add}
                    if BOARD[p][q] != ".":
                        break
    return {end}
"""
    dark, light, accent = d.pick(*PALETTES)
    paint = f'ax.add_patch(plt.Rectangle((c, r), 1, 1, facecolor="{light}" if (r + c) % 2 == 0 else "#c9ced6", edgecolor="#888888", linewidth=0.8))\nif mark != ".":\n    ax.add_patch(plt.Circle((c + 0.5, r + 0.5), 0.36, facecolor="{d.pick(dark, accent)}", edgecolor="white"))\n    ax.text(c + 0.5, r + 0.52, mark, ha="center", va="center", color="white", fontsize=14, fontweight="bold")'
    listed = "; ".join(words[k] for k in used)
    ask = f"The picture shows a board of {n} by {n} cells with some pieces; rows (from the top) and columns are counted from 0. The pieces move like this: {listed}. A piece attacks each cell that it could reach in one move if a piece of the other side stood there; rooks, bishops and queens are blocked by pieces in between, and no piece attacks its own cell. Return {goal}."
    cases = d.cases(14, lambda: d.ints(2, 0, n - 1), list(places[0]), [0, 0], [n - 1, n - 1])
    return Problem(ask, code, cases, "For every piece its rays are followed until they hit something.", (f"0 <= r, c < {n}",), picture=_cells(grid, paint), shown={"title": "A board with pieces; . is an empty cell.", "data": _rows_text(grid)}, difficulty=0.6)  # fmt: skip


def drawn_distances(d: Draw) -> Problem:
    """A table of distances with headings; tours."""
    names = sorted(
        d.some(
            d.randint(4, 6), ["Arn", "Bek", "Cor", "Dun", "Elm", "Fox", "Gil", "Hay", "Ivy", "Jov"]
        )
    )
    n = len(names)
    table = [[0] * n for _ in range(n)]
    for a in range(n):
        for b in range(a):
            table[a][b] = table[b][a] = d.randint(3, 80)
    goal, body, parameters, answer = d.pick(
        ("the length of the tour that visits the places in `route` in this order", "    return sum(TABLE[a][b] for a, b in zip(places, places[1:]))", "route", ""), ("the length of the tour that visits the places in `route` in this order and goes back to the first one", "    return sum(TABLE[a][b] for a, b in zip(places, places[1:] + places[:1]))", "route", ""),
        ("the length of the longest single leg of the tour that visits the places in `route` in this order", "    return max(TABLE[a][b] for a, b in zip(places, places[1:]))", "route", ""),
        ("the length of the shortest tour that starts at the first place of `route`, visits all the others of `route` once in any order, and ends anywhere", "    best = None\n    for order in permutations(places[1:]):\n        length = sum(TABLE[a][b] for a, b in zip((places[0], *order), order))\n        if best is None or length < best:\n            best = length\n    return best", "route", "from itertools import permutations\n\n"),
    )  # fmt: skip
    del parameters
    code = f"""
{answer}NAMES = {names}
TABLE = [
{chr(10).join(f"    {row}," for row in table)}
]


def {d.pick("tour", "travel", "route_length")}(route: list[str]) -> int:
    places = [NAMES.index(name) for name in route]
{body}
"""
    dark, light, _ = d.pick(*PALETTES)
    script = fill("""
import matplotlib.pyplot as plt

names = $names
rows = $rows
fig, ax = plt.subplots(figsize=($w, $h))
ax.axis("off")
table = ax.table(cellText=rows, rowLabels=names, colLabels=names, loc="center", cellLoc="center")
table.set_fontsize(13)
table.scale(1, 2)
for (r, c), cell in table.get_celld().items():
    cell.set_edgecolor("#999999")
    if r == 0 or c == -1:
        cell.set_facecolor("$dark")
        cell.set_text_props(color="white", weight="bold")
    elif r == c + 1:
        cell.set_facecolor("$light")
fig.tight_layout(pad=0.4)
plt.show()
""", names=repr(names), rows=repr([["-" if a == b else table[a][b] for b in range(n)] for a in range(n)]), w=1.0 + 0.75 * n, h=0.8 + 0.45 * n, dark=dark, light=light)  # fmt: skip
    ask = f"The table in the picture gives the distances between {n} places; it is symmetric. `route` lists at least two different places by their names. Return {goal}."
    cases = d.cases(12, lambda: [d.some(d.randint(2, n), names)], [names[:2]], [names])
    return Problem(ask, code, cases, "The table is written down as a list of rows; names become indices.", (f"2 <= len(route) <= {n}",), picture=script, shown={"title": "A table of distances between places.", "data": {name: ", ".join(f"{other} {table[a][b]}" for b, other in enumerate(names) if a != b) for a, name in enumerate(names)}}, difficulty=0.4)  # fmt: skip


def drawn_bars(d: Draw) -> Problem:
    """A bar chart with labelled values."""
    n = d.randint(6, 11)
    names = d.pick(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"][:n],
        [f"W{k}" for k in range(1, n + 1)],
        [f"Q{k}" for k in range(1, n + 1)],
        list("ABCDEFGHIJK"[:n]),
    )
    values = d.some(n, range(3, 99))
    k = d.randint(2, 5)
    goal, body = d.pick(
        ("the sum of the values from the bar `first` to the bar `last`, both included", "sum(part)"), ("the largest value among the bars from `first` to `last`, both included", "max(part)"), (f"how many bars from `first` to `last`, both included, have a value divisible by {k}", f"sum(v % {k} == 0 for v in part)"),
        ("how often the value rises from one bar to the next between `first` and `last`, both included", "sum(p < q for p, q in zip(part, part[1:]))"), ("the largest rise from one bar to a later one (not necessarily the next) between `first` and `last`, or 0 if there is none", "max((part[j] - part[i] for j in range(len(part)) for i in range(j)), default=0) if len(part) > 1 else 0"),
        ("the smallest value among the bars from `first` to `last`, both included, that is larger than the value of `first`, or -1", "min((v for v in part if v > part[0]), default=-1)"),
    )  # fmt: skip
    body = body.replace(
        "max((part[j] - part[i] for j in range(len(part)) for i in range(j)), default=0) if len(part) > 1 else 0",
        "max([0] + [part[j] - part[i] for j in range(len(part)) for i in range(j)])",
    )
    code = f"""
NAMES = {names}
VALUES = {values}


def {d.pick("bars", "chart_query", "between")}(first: str, last: str) -> int:
    start, end = NAMES.index(first), NAMES.index(last)
    part = VALUES[start:end + 1]
    return {body}
"""
    dark, _, accent = d.pick(*PALETTES)
    flat = d.flag(0.35)
    bars = (
        f'bars = ax.barh(names, values, color="{d.pick(dark, accent)}")\nax.invert_yaxis()'
        if flat
        else f'bars = ax.bar(names, values, color="{d.pick(dark, accent)}", width=0.7)'
    )
    script = fill("""
import matplotlib.pyplot as plt

names = $names
values = $values
fig, ax = plt.subplots(figsize=($size))
$bars
ax.bar_label(bars, padding=3)
for side in ("top", "right"):
    ax.spines[side].set_visible(False)
ax.set_title("$title")
ax.margins($margin=0.1)
fig.tight_layout()
plt.show()
""", names=repr(names), values=repr(values), size="6, 4.6" if flat else f"{1.5 + 0.55 * n:.1f}, 3.8", bars=bars, title=d.pick("Visitors", "Orders", "Parcels sent", "Readings", "Tickets closed"), margin="x" if flat else "y")  # fmt: skip

    def make() -> list[str]:
        a, b = sorted(d.ints(2, 0, n - 1))
        return [names[a], names[b]]

    order = "from top to bottom" if flat else "from left to right"
    ask = f"The bar chart in the picture shows a value for each name, {order}. Given the names `first` and `last` of two bars (`first` is not behind `last`), return {goal}."
    return Problem(ask, code, d.cases(12, make, [names[0], names[-1]], [names[1], names[1]]), "Names and values are read off the chart in order.", (), picture=script, shown={"title": "A bar chart.", "data": dict(zip(names, values, strict=True))}, difficulty=0.3)  # fmt: skip


def drawn_timeline(d: Draw) -> Problem:
    """Bars on a time axis; who is active when."""
    n = d.randint(4, 8)
    names = list("ABCDEFGH"[:n])
    spans = []
    for _ in range(n):
        start = d.randint(0, 14)
        spans.append((start, start + d.randint(2, 7)))
    limit = d.randint(2, 3)
    goal, code_body, parameters = d.pick(
        ("how many tasks are running at the moment `t` + 0.5", "    return sum(start <= t < end for start, end in SPANS.values())", "t: int"), ("the names of the tasks that are running at the moment `t` + 0.5, in alphabetical order and joined without a separator", "    return \"\".join(name for name, (start, end) in SPANS.items() if start <= t < end)", "t: int"),
        ("for how long, in total, at least one task runs between the times `a` and `b`", "    return sum(any(start <= t < end for start, end in SPANS.values()) for t in range(a, b))", "a: int, b: int"), (f"for how long, in total, at least {limit} tasks run at once between the times `a` and `b`", f"    return sum(sum(start <= t < end for start, end in SPANS.values()) >= {limit} for t in range(a, b))", "a: int, b: int"),
        ("how many tasks run, from their start to their end, completely between the times `a` and `b` (touching is allowed)", "    return sum(a <= start and end <= b for start, end in SPANS.values())", "a: int, b: int"),
    )  # fmt: skip
    kind = "str" if "joined" in goal else "int"
    table = "".join(
        f'    "{name}": ({a}, {b}),\n' for name, (a, b) in zip(names, spans, strict=True)
    )
    code = f"\nSPANS = {{\n{table}}}\n\n\ndef {d.pick('timeline', 'running', 'schedule')}({parameters}) -> {kind}:\n{code_body}\n"
    dark, light, accent = d.pick(*PALETTES)
    script = fill("""
import matplotlib.pyplot as plt

spans = $spans
fig, ax = plt.subplots(figsize=(7.6, $h))
for k, (name, (start, end)) in enumerate(spans.items()):
    ax.barh(k, end - start, left=start, height=0.6, color="$dark" if k % 2 else "$accent")
ax.set_yticks(range(len(spans)), list(spans))
ax.invert_yaxis()
ax.set_xticks(range(0, 23))
ax.set_xlim(0, 22)
ax.grid(axis="x", color="#bbbbbb", linewidth=0.7)
ax.set_axisbelow(True)
ax.set_xlabel("$unit")
fig.tight_layout()
plt.show()
""", spans=repr(dict(zip(names, spans, strict=True))), h=1.1 + 0.42 * n, dark=dark, accent=accent, unit=d.pick("hour", "day", "week", "minute"))  # fmt: skip
    del light

    def make() -> list[int]:
        return [d.randint(0, 20)] if parameters == "t: int" else sorted(d.some(2, range(22)))

    ask = f"The chart in the picture shows when each task runs: from the left end of its bar to the right end (whole numbers). Return {goal}."
    return Problem(ask, code, d.cases(12, make), "Start and end of each bar are read off the axis.", ("0 <= all times <= 22",), picture=script, shown={"title": "Tasks on a time axis, from start to end.", "data": {k: f"{a} to {b}" for k, (a, b) in zip(names, spans, strict=True)}}, difficulty=0.4)  # fmt: skip


def drawn_cipher(d: Draw) -> Problem:
    """A square of letters; texts as coordinates."""
    size = d.randint(4, 5)
    letters = d.some(size * size, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    grid = [letters[k * size : (k + 1) * size] for k in range(size)]
    goal, step, kind = d.pick(
        ("the text in which each letter is replaced by its row and column number, all digits joined", 'done += f"{r}{c}"', "str"), ("the text in which each letter is replaced by its right neighbour (the first letter of the row for the last one)", f"done += SQUARE[r][(c + 1) % {size}]", "str"),
        ("the text in which each letter is replaced by the one below it (the top letter of the column for the lowest one)", f"done += SQUARE[(r + 1) % {size}][c]", "str"), ("the text in which each letter is replaced by the one at exchanged row and column number", "done += SQUARE[c][r]", "str"),
        ("the sum of (row number + 1) times (column number + 1) over all letters", "done += (r + 1) * (c + 1)", "int"), ("the total number of steps (up, down, left, right) of a finger that moves from letter to letter, starting on the first one", "if last:\n            done += abs(r - last[0]) + abs(c - last[1])\n        last = (r, c)", "int"),
    )  # fmt: skip
    code = f"""
SQUARE = [
{chr(10).join(f'    "{"".join(row)}",' for row in grid)}
]


def {d.pick("encode", "translate", "on_the_square")}(text: str) -> {kind}:
    done = {'""' if kind == "str" else 0}
{"    last = None" + chr(10) if "last" in step else ""}    for letter in text:
        r = next(k for k, row in enumerate(SQUARE) if letter in row)
        c = SQUARE[r].index(letter)
        {step}
    return done
"""
    dark, light, _ = d.pick(*PALETTES)
    paint = f'ax.add_patch(plt.Rectangle((c, r), 1, 1, facecolor="{d.pick(light, "white")}", edgecolor="{dark}", linewidth=1.4))\nax.text(c + 0.5, r + 0.52, mark, ha="center", va="center", fontsize=17, color="{dark}")'
    ask = f"The square in the picture holds {size * size} different letters; rows and columns are counted from 0. Given a `text` of such letters, return {goal}."
    cases = d.cases(
        10,
        lambda: [d.text(d.randint(2, 7), "".join(letters))],
        [letters[0]],
        [letters[-1]],
        [grid[0][-1] + grid[-1][0]],
    )
    return Problem(ask, code, cases, "The square is copied row by row; each letter is looked up in it.", ("1 <= len(text) <= 100",), picture=_cells([list(row) for row in grid], paint), shown={"title": "A square of letters.", "data": _rows_text(grid)}, difficulty=0.35, form="calls" if kind == "str" else "")  # fmt: skip


TEMPLATES = {
    "drawn_numbers": drawn_numbers, "drawn_maze": drawn_maze, "drawn_colours": drawn_colours, "drawn_board": drawn_board,
    "drawn_distances": drawn_distances, "drawn_bars": drawn_bars, "drawn_timeline": drawn_timeline, "drawn_cipher": drawn_cipher,
}  # fmt: skip

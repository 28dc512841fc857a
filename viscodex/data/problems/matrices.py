"""Problems about tables and mazes: scans, turns, neighbours, floods, shortest walks.

in:  a Draw
out: Problems
not covered: tables that stand in a picture (drawn_grids.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import number_property

FOUR = "((0, 1), (1, 0), (0, -1), (-1, 0))"
EIGHT = "((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))"
KNIGHT = "((1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1))"
DIAGONAL = "((1, 1), (1, -1), (-1, -1), (-1, 1))"


def some_table(d: Draw, low: int = -9, high: int = 20) -> list[list[int]]:
    """A rectangular table of 2..4 rows and columns."""
    rows, columns = d.randint(2, 4), d.randint(2, 4)
    return [d.ints(columns, low, high) for _ in range(rows)]


def some_maze(d: Draw, marks: str = "", walls: float = 0.28) -> list[str]:
    """A maze of . and #, with each mark once in a free cell."""
    rows, columns = d.randint(3, 5), d.randint(3, 6)
    cells = [["#" if d.flag(walls) else "." for _ in range(columns)] for _ in range(rows)]
    places = d.some(len(marks), [(r, c) for r in range(rows) for c in range(columns)])
    for (r, c), mark in zip(places, marks, strict=True):
        cells[r][c] = mark
    return ["".join(row) for row in cells]


def moves(d: Draw) -> tuple[str, str]:
    """(words, tuple of moves as source)."""
    return d.pick(
        ("up, down, left or right", FOUR),
        ("to any of the eight neighbouring cells", EIGHT),
        ("like a knight in chess", KNIGHT),
        ("to a diagonal neighbour", DIAGONAL),
    )


def lines_of_table(d: Draw) -> Problem:
    """Select rows or columns, aggregate."""
    words, test = number_property(d)
    across, lines = d.pick(("row", "table"), ("column", "zip(*table)"))
    rule, condition = d.pick(
        (f"that hold at least one number that is among those that are {words}", f"any({test} for x in line)"), (f"in which all numbers are {words}", f"all({test} for x in line)"),
        ("whose first number is smaller than their last one", "line[0] < line[-1]"), ("in which the largest number is unique", "list(line).count(max(line)) == 1"),
        ("that are in non-decreasing order", "list(line) == sorted(line)"),
    )  # fmt: skip
    rule = rule.replace(
        "at least one number that is among those that are", "at least one of the numbers that are"
    )
    goal, end = d.pick(
        ("the sum of all numbers in them", "sum(sum(line) for line in kept)"),
        ("how many there are", "len(kept)"),
        (
            "the largest sum of one of them (0 if there is none)",
            "max((sum(line) for line in kept), default=0)",
        ),
        ("the sum of their largest numbers", "sum(max(line) for line in kept)"),
    )
    code = f"""
def scan(table: list[list[int]]) -> int:
    kept = []
    for line in {lines}:
        if {condition}:
            kept.append(line)
    return {end}
"""
    ask = f"Consider the {across}s of the rectangular `table` of integers {rule}. Return {goal}."
    cases = d.cases(12, lambda: [some_table(d)], [[[3]]], [[[1, 2, 3]]], [[[2], [4], [6]]])
    return Problem(
        ask,
        code,
        cases,
        f"Each {across} is tested on its own.",
        ("up to 100 rows and columns, at least one of each",),
        difficulty=0.2,
    )


def turn_table(d: Draw) -> Problem:
    """Turns, mirrors, rolls, one after the other."""
    steps = [
        ("turn it clockwise by 90 degrees", "[list(row) for row in zip(*table[::-1])]"), ("transpose it", "[list(row) for row in zip(*table)]"),
        ("mirror it left to right", "[row[::-1] for row in table]"), ("mirror it top to bottom", "table[::-1]"), ("turn it counterclockwise by 90 degrees", "[list(row) for row in zip(*table)][::-1]"),
        ("move its first row to the end", "table[1:] + table[:1]"), ("move its first column to the end", "[row[1:] + row[:1] for row in table]"),
        ("replace every row by its running sums", "[[sum(row[:k + 1]) for k in range(len(row))] for row in table]"), ("sort each row", "[sorted(row) for row in table]"),
        ("reverse every second row, beginning with the second", "[row[::-1] if k % 2 else row for k, row in enumerate(table)]"),
    ]  # fmt: skip
    chosen = d.some(d.randint(2, 4), steps)
    body = "\n".join(f"    table = {expression}" for _, expression in chosen)
    code = f"\ndef change(table: list[list[int]]) -> list[list[int]]:\n{body}\n    return table\n"
    listed = "; then ".join(words for words, _ in chosen)
    ask = f"Change the rectangular `table` step by step: {listed}. Return the resulting table."
    cases = d.cases(10, lambda: [some_table(d)], [[[3]]], [[[1, 2, 3]]], [[[5], [4]]])
    return Problem(
        ask,
        code,
        cases,
        "`zip(*table)` exchanges rows and columns.",
        ("up to 50 rows and columns",),
        difficulty=0.3,
        form="calls",
    )


def neighbours(d: Draw) -> Problem:
    """Cells compared with their neighbours."""
    words, ways = d.pick(
        ("four direct neighbours (up, down, left, right)", FOUR),
        ("up to eight neighbours (diagonals included)", EIGHT),
        ("diagonal neighbours", DIAGONAL),
    )
    rule, test = d.pick(
        ("larger than all of its", "all(x > y for y in around)"), ("smaller than all of its", "all(x < y for y in around)"), ("equal to at least one of its", "x in around"),
        ("at least as large as the sum of its", "x >= sum(around)"), ("different from all of its", "x not in around"), ("larger than at least two of its", "sum(x > y for y in around) >= 2"),
    )  # fmt: skip
    goal, start, add = d.pick(
        ("how many cells hold a number that is {}", "0", "1"),
        ("the sum of the numbers that are {}", "0", "x"),
        (
            "the sum of row index times column index (from 0) over the cells whose number is {}",
            "0",
            "r * c",
        ),
    )
    code = f"""
def survey(table: list[list[int]]) -> int:
    total = {start}
    for r, row in enumerate(table):
        for c, x in enumerate(row):
            around = []
            for dr, dc in {ways}:
                if 0 <= r + dr < len(table) and 0 <= c + dc < len(row):
                    around.append(table[r + dr][c + dc])
            if {test}:
                total += {add}
    return total
"""
    ask = f"In the rectangular `table`, return {goal.format(rule)} {words}. Cells at the border have fewer neighbours; a condition on all of none holds."
    cases = d.cases(12, lambda: [some_table(d, 0, 6)], [[[3]]], [[[1, 2, 1]]], [[[2, 2], [2, 2]]])
    return Problem(
        ask,
        code,
        cases,
        "The neighbours inside of the table are collected for each cell.",
        ("up to 100 rows and columns",),
        difficulty=0.35,
    )


def regions(d: Draw) -> Problem:
    """Connected regions in a character grid."""
    words, ways = d.pick(("side", FOUR), ("side or corner", EIGHT), ("corner", DIAGONAL))
    mark, thing = d.pick(("#", "land"), ("*", "stars"), ("o", "stones"), ("x", "mould"))
    goal, end = d.pick(
        ("the number of regions", "len(sizes)"),
        ("the size of the largest region (0 if there is none)", "max(sizes, default=0)"),
        ("the sum of the squares of the sizes of all regions", "sum(n * n for n in sizes)"),
        ("the number of regions that consist of a single cell", "sizes.count(1)"),
        ("the sizes of all regions in ascending order", "sorted(sizes)"),
        ("the size of the smallest region (0 if there is none)", "min(sizes, default=0)"),
    )
    kind = "list[int]" if "all regions in" in goal else "int"
    code = f"""
def regions(grid: list[str]) -> {kind}:
    seen = set()
    sizes = []
    for r, row in enumerate(grid):
        for c, mark in enumerate(row):
            if mark != "{mark}" or (r, c) in seen:
                continue
            seen.add((r, c))
            stack, size = [(r, c)], 0
            while stack:
                y, x = stack.pop()
                size += 1
                for dy, dx in {ways}:
                    p, q = y + dy, x + dx
                    if 0 <= p < len(grid) and 0 <= q < len(row) and grid[p][q] == "{mark}" and (p, q) not in seen:
                        seen.add((p, q))
                        stack.append((p, q))
            sizes.append(size)
    return {end}
"""

    def make() -> list[object]:
        rows, columns = d.randint(2, 5), d.randint(3, 6)
        return [[d.text(columns, f"{mark}..") for _ in range(rows)]]

    ask = f"In the rectangular `grid`, `{mark}` stands for {thing} and `.` for nothing. Two cells of {thing} belong to the same region if they are joined by a chain of such cells, each touching the next at a {words}. Return {goal}."
    cases = d.cases(12, make, [["."]], [[mark]], [[mark + "." + mark, "." + mark + "."]])
    return Problem(
        ask,
        code,
        cases,
        "A depth-first search marks one region at a time.",
        ("up to 100 rows and columns",),
        difficulty=0.45,
    )


def maze(d: Draw) -> Problem:
    """Breadth-first search."""
    words, ways = moves(d)
    goal, end, late = d.pick(
        ("the smallest number of moves from S to E, or -1 if there is no way", "E", "-1"),
        ("how many cells can be reached from S, S included", "reach", "len(steps)"),
        ("the number of moves to the farthest cell that can be reached from S", "far", "max(steps.values())"),
        ("how many cells can be reached from S in at most `k` moves, S included", "near", "sum(n <= k for n in steps.values())"),
        ("how many cells need exactly `k` moves from S", "ring", "list(steps.values()).count(k)"),
    )  # fmt: skip
    with_k = end in ("near", "ring")
    slow, cost = d.pick(
        ("", False),
        (
            " Cells marked ~ can be entered only at an even number of moves so far (the move into it is number 1, 3, 5, ...).",
            True,
        ),
    )
    guard = ' and not (grid[p][q] == "~" and steps[r, c] % 2 == 1)' if cost else ""
    stop = '        if grid[r][c] == "E":\n            return steps[r, c]\n' if end == "E" else ""
    code = f"""
from collections import deque


def explore(grid: list[str]{", k: int" if with_k else ""}) -> int:
    start = next((r, row.index("S")) for r, row in enumerate(grid) if "S" in row)
    steps = {{start: 0}}
    queue = deque([start])
    while queue:
        r, c = queue.popleft()
{stop}        for dr, dc in {ways}:
            p, q = r + dr, c + dc
            if 0 <= p < len(grid) and 0 <= q < len(grid[0]) and grid[p][q] != "#" and (p, q) not in steps{guard}:
                steps[p, q] = steps[r, c] + 1
                queue.append((p, q))
    return {late}
"""
    note = (
        " A cell counts with the number of moves at which this search first enters it."
        if cost
        else ""
    )
    ask = f"The rectangular `grid` is a maze: `#` is a wall, `S` the start, `E` the exit and `.` is free (S and E are free, too). A move goes {words}, not onto walls and not out of the grid.{slow}{note} Return {goal}."
    if cost:
        ask = ask.replace(
            " Cells marked ~ can be entered only at an even number of moves so far (the move into it is number 1, 3, 5, ...).",
            " Cells marked `~` may only be entered by a move of odd number (the 1st, 3rd, 5th ... of the walk). No cell is visited twice: breadth-first search, in which every cell is entered at the first possible move, is meant.",
        )
        ask = ask.replace(note, "")

    def make() -> list[object]:
        grid = some_maze(d, "SE~~~" if cost else "SE")
        return [grid, d.randint(1, 4)] if with_k else [grid]

    edges = [["SE"], ["S#E"], ["S..", "##.", "E.."], ["S...", "....", "...E"]]
    return Problem(
        ask,
        code,
        d.cases(12, make, *[[e, 2] if with_k else [e] for e in edges]),
        "Breadth-first search visits the cells in the order of their distance.",
        ("up to 100 rows and columns",),
        difficulty=0.5,
    )


def spiral(d: Draw) -> Problem:
    """Ways to read a table."""
    order, body = d.pick(
        ("in a spiral: along the first row, down the last column, back along the last row, up the first column, and so on inwards", "    while table:\n        found += table[0]\n        table = [list(row) for row in zip(*table[1:])][::-1]"),
        ("along the diagonals that run down to the right, beginning with the one in the lower left corner; each from top left to bottom right", "    rows, columns = len(table), len(table[0])\n    for shift in range(1 - rows, columns):\n        for r in range(rows):\n            if 0 <= r + shift < columns:\n                found.append(table[r][r + shift])"),
        ("along the diagonals that run up to the right, beginning in the upper left corner; each from bottom left to top right", "    rows, columns = len(table), len(table[0])\n    for total in range(rows + columns - 1):\n        for r in range(rows - 1, -1, -1):\n            if 0 <= total - r < columns:\n                found.append(table[r][total - r])"),
        ("column by column, odd columns (counted from 0) from bottom to top, the others from top to bottom", "    for c, column in enumerate(zip(*table)):\n        found += column[::-1] if c % 2 else column"),
        ("ring by ring from the outside, each ring in ascending order of its numbers", "    while table and table[0]:\n        rows, columns = len(table), len(table[0])\n        ring = [x for r, row in enumerate(table) for c, x in enumerate(row) if r in (0, rows - 1) or c in (0, columns - 1)]\n        found += sorted(ring)\n        table = [row[1:-1] for row in table[1:-1]]"),
    )  # fmt: skip
    goal, end, kind = d.pick(
        ("Return the numbers in this order", "found", "list[int]"),
        (
            "Return the sum of every second number in this order, beginning with the first",
            "sum(found[::2])",
            "int",
        ),
        (
            "Return how many numbers are larger than the one read just before",
            "sum(p < q for p, q in zip(found, found[1:]))",
            "int",
        ),
        (
            "Return the largest sum of two numbers that are read one directly after the other (0 for a single cell)",
            "max((p + q for p, q in zip(found, found[1:])), default=0)",
            "int",
        ),
    )
    code = f"\ndef read_table(table: list[list[int]]) -> {kind}:\n    found = []\n{body}\n    return {end}\n"
    ask = f"The rectangular `table` is read {order}. {goal}."
    cases = d.cases(10, lambda: [some_table(d, 0, 30)], [[[3]]], [[[1, 2, 3]]], [[[5], [4]]])
    return Problem(
        ask,
        code,
        cases,
        "The order of reading is built step by step in a list.",
        ("up to 50 rows and columns",),
        difficulty=0.4,
        form="calls" if kind == "list[int]" else "",
    )


def life(d: Draw) -> Problem:
    """Cellular automata with drawn rules."""
    born, stay = sorted(d.some(d.randint(1, 2), [1, 2, 3, 4])), sorted(d.some(2, [1, 2, 3, 4]))
    words, ways = d.pick(("eight", EIGHT), ("four direct", FOUR))
    wrap = d.flag(0.4)
    at = "grid[(r + dr) % rows][(c + dc) % columns]" if wrap else "grid[r + dr][c + dc]"
    inside = "" if wrap else " if 0 <= r + dr < rows and 0 <= c + dc < columns"
    goal, end, kind = d.pick(
        ("how many cells live in the end", 'sum(row.count("#") for row in grid)', "int"),
        ("the grid in the end", "grid", "list[str]"),
        (
            "how many rows hold no living cell in the end",
            'sum("#" not in row for row in grid)',
            "int",
        ),
    )
    code = f"""
def evolve(grid: list[str], rounds: int) -> {kind}:
    rows, columns = len(grid), len(grid[0])
    for _ in range(rounds):
        new = []
        for r in range(rows):
            line = ""
            for c in range(columns):
                near = sum({at} == "#" for dr, dc in {ways}{inside})
                rule = {stay} if grid[r][c] == "#" else {born}
                line += "#" if near in rule else "."
            new.append(line)
        grid = new
    return {end}
"""
    edge = (
        "The grid is a torus: opposite borders touch."
        if wrap
        else "Outside of the grid nothing lives."
    )
    ask = f"In `grid`, `#` is a living cell and `.` a dead one. In each round all cells change at the same time: a living cell lives on if it has {' or '.join(map(str, stay))} living neighbours among its {words} ones, and a dead one comes to life with {' or '.join(map(str, born))}. {edge} Return {goal} after `rounds` rounds."
    cases = d.cases(10, lambda: [[d.text(5, "#..") for _ in range(d.randint(3, 5))], d.randint(1, 3)], [["...", ".#.", "..."], 1], [["###", "###", "###"], 1], [["....", ".##.", "...."], 0])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The next grid is built from the present one, never in place.",
        ("3 <= rows, columns <= 50", "0 <= rounds <= 20"),
        difficulty=0.45,
        form="calls" if kind == "list[str]" else "",
    )


TEMPLATES = {
    "lines_of_table": lines_of_table, "turn_table": turn_table, "neighbours": neighbours, "regions": regions,
    "maze": maze, "spiral": spiral, "life": life,
}  # fmt: skip

"""Problems about best choices: dynamic programming, greedy, intervals, recursion with counting.

in:  a Draw
out: Problems
not covered: paths in graphs (graphs.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import a_list, number_property


def skip_neighbours(d: Draw) -> Problem:
    """Best sum of elements with a gap."""
    a, opening = a_list(d)
    gap = d.randint(1, 3)
    words, test = number_property(d)
    extra, value = d.pick(
        ("", "x"), (f" Numbers that are {words} count twice.", f"2 * x if {test} else x"),
        (f" Only numbers that are {words} may be chosen.", f"x if {test} else 0"), (" A chosen number counts with its absolute value.", "abs(x)"),
        (" Each chosen number costs 2 points, which are subtracted.", "x - 2"),
    )  # fmt: skip
    code = f"""
def best_choice({a}: list[int]) -> int:
    best = [0] * (len({a}) + 1)
    for k, x in enumerate({a}, 1):
        worth = {value}
        take = worth + best[max(k - {gap + 1}, 0)]
        best[k] = max(best[k - 1], take)
    return best[-1]
"""
    brute = f"""
def best_choice({a}: list[int]) -> int:
    def go(k):
        if k >= len({a}):
            return 0
        x = {a}[k]
        return max(go(k + 1), ({value}) + go(k + {gap + 1}))
    return go(0)
"""
    ask = f"{opening} Choose some of the numbers (perhaps none) such that at least {gap} other element{'s stand' if gap > 1 else ' stands'} between any two chosen ones, with the largest possible sum.{extra} Return that sum."
    cases = d.cases(
        12,
        lambda: [d.ints(d.randint(4, 11), -6, 20)],
        [[]],
        [[5]],
        [[-3, -1]],
        [[4, 9, 4, 4, 9, 4]],
    )
    return Problem(
        ask,
        code,
        cases,
        "best[k] is the answer for the first k numbers: leave the last one, or take it.",
        (f"0 <= len({a}) <= 10**5",),
        brute,
        difficulty=0.45,
    )


def knapsack(d: Draw) -> Problem:
    """Knapsack with variants."""
    name, one, two = d.pick(
        ("items", "weight", "value"),
        ("courses", "hours", "credits"),
        ("jobs", "time", "pay"),
        ("dishes", "cost", "taste"),
    )
    unlimited = d.flag()
    goal = d.pick("value", "ways", "full", "fewest")
    order = "range($w, limit + 1)" if unlimited else "range(limit, $w - 1, -1)"
    order = order.replace("$w", one)
    init, update, end, text = {
        "value": ("[0] * (limit + 1)", f"best[room] = max(best[room], best[room - {one}] + {two})", "best[limit]", f"Return the largest total {two} for a total {one} of at most `limit`."),
        "ways": ("[1] + [0] * limit", f"best[room] += best[room - {one}]", "best[limit]", f"Return in how many ways a total {one} of exactly `limit` can be reached (as sets of positions{', each with its multiplicity' if unlimited else ''}; the {two} plays no role)."),
        "full": ("[0] + [-10**9] * limit", f"best[room] = max(best[room], best[room - {one}] + {two})", "max(best[limit], -1)", f"Return the largest total {two} for a total {one} of exactly `limit`, or -1 if that cannot be reached."),
        "fewest": ("[0] + [10**9] * limit", f"best[room] = min(best[room], best[room - {one}] + 1)", "best[limit] if best[limit] < 10**9 else -1", f"Return the smallest number of {name} with a total {one} of exactly `limit`, or -1 if that cannot be reached (the {two} plays no role)."),
    }[goal]  # fmt: skip
    unused = goal in ("ways", "fewest")
    code = f"""
def plan({name}: list[list[int]], limit: int) -> int:
    best = {init}
    for {one}, {"_" if unused else two} in {name}:
        for room in {order}:
            {update}
    return {end}
"""
    start = {
        "value": "0",
        "ways": "1 if room == 0 else 0",
        "full": "0 if room == 0 else -10**9",
        "fewest": "0 if room == 0 else 10**9",
    }[goal]
    fold = {
        "value": f"max(go(k + 1, room), go({{0}}, room - w) + {two})",
        "ways": "go(k + 1, room) + go({0}, room - w)",
        "full": f"max(go(k + 1, room), go({{0}}, room - w) + {two})",
        "fewest": "min(go(k + 1, room), go({0}, room - w) + 1)",
    }[goal].format("k" if unlimited else "k + 1")
    final = {
        "value": "result",
        "ways": "result",
        "full": "max(result, -1)",
        "fewest": "result if result < 10**9 else -1",
    }[goal]
    brute = f"""
def plan({name}: list[list[int]], limit: int) -> int:
    def go(k, room):
        if k == len({name}):
            return {start}
        w, {two} = {name}[k]
        if w > room:
            return go(k + 1, room)
        return {fold}
    result = go(0, limit)
    return {final}
"""
    often = "any number of times" if unlimited else "at most once"
    ask = (
        f"Each entry of `{name}` is a pair: {one}, {two}. Every entry may be chosen {often}. {text}"
    )
    cases = d.cases(12, lambda: [[[d.randint(1, 6), d.randint(1, 9)] for _ in range(d.randint(2, 5))], d.randint(4, 13)], [[[3, 5]], 2], [[[1, 1], [1, 1]], 2], [[[2, 3], [4, 7]], 0], [[[4, 1]], 6])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The table holds the best result for every smaller limit; the order of the inner loop decides whether an entry can be used again.",
        ("1 <= number of entries <= 100", "0 <= limit <= 10**4"),
        brute,
        difficulty=0.55,
    )


def longest_subsequence(d: Draw) -> Problem:
    """Longest chains in a list."""
    a, opening = a_list(d)
    k = d.randint(2, 4)
    rule, test = d.pick(
        ("strictly increasing", "p < x"), ("non-increasing", "p >= x"), (f"such that each number is at least {k} larger than the one before", "p + {k} <= x"),
        (f"such that neighbouring numbers differ by exactly {k}", "abs(p - x) == {k}"), ("such that neighbouring numbers have different parity", "p % 2 != x % 2"),
        ("strictly increasing in absolute value", "abs(p) < abs(x)"), ("such that neighbouring numbers have a sum divisible by 3", "(p + x) % 3 == 0"),
        (f"increasing, with steps of at most {k}", "p < x <= p + {k}"),
    )  # fmt: skip
    test = test.format(k=k)
    goal, add, start = d.pick(
        ("the length of the longest subsequence that is {}", "1", "1"),
        ("the largest sum of a non-empty subsequence that is {}", "x", "x"),
    )
    code = f"""
def chain({a}: list[int]) -> int:
    best = []
    for k, x in enumerate({a}):
        here = {start}
        for j in range(k):
            p = {a}[j]
            if {test}:
                here = max(here, best[j] + {add})
        best.append(here)
    return max(best, default=0)
"""
    brute = f"""
def chain({a}: list[int]) -> int:
    found = []
    for mask in range(1, 1 << len({a})):
        part = [x for k, x in enumerate({a}) if mask >> k & 1]
        if all({test} for p, x in zip(part, part[1:])):
            found.append({"len(part)" if add == "1" else "sum(part)"})
    return max(found, default=0)
"""
    ask = f"{opening} A subsequence keeps the order but may leave elements out. Return {goal.format(rule)} (0 for an empty list)."
    cases = d.cases(
        12, lambda: [d.ints(d.randint(3, 8), -5, 12)], [[]], [[4]], [[3, 3, 3]], [[1, 2, 3, 4]]
    )
    return Problem(
        ask,
        code,
        cases,
        "best[k] is the best chain that ends at k; all possible predecessors are tried.",
        (f"0 <= len({a}) <= 1000",),
        brute,
        difficulty=0.5,
    )


def stairs(d: Draw) -> Problem:
    """Counting paths with a set of steps."""
    steps = sorted(d.some(d.randint(2, 3), [1, 2, 3, 4, 5]))
    each = f"({', '.join(map(str, steps))})"
    extra, state = d.pick(
        ("", "plain"),
        (" Steps listed in `broken` must not be stepped on.", "broken"),
        (" No step length may be used twice in a row.", "twice"),
    )
    mod = d.pick(1000007, 9973, 10**9 + 7)
    if state == "twice":
        body = f"""    ways = {{(0, 0): 1}}
    for place in range(1, n + 1):
        for step in {each}:
            total = 0
            for last in (0, *{each}):
                if last != step:
                    total += ways.get((place - step, last), 0)
            ways[place, step] = total % {mod}
    return sum(ways.get((n, step), 0) for step in (0, *{each})) % {mod}"""
    else:
        guard = "        if place in broken:\n            continue\n" if state == "broken" else ""
        body = f"""    ways = [1] + [0] * n
    for place in range(1, n + 1):
{guard}        for step in {each}:
            if step <= place:
                ways[place] += ways[place - step]
        ways[place] %= {mod}
    return ways[n]"""
    parameters = "n: int, broken: list[int]" if state == "broken" else "n: int"
    name = d.pick("climb", "count_ways", "routes")
    code = f"\ndef {name}({parameters}) -> int:\n{body}\n"
    who = d.pick("A frog", "A robot", "Somebody on a staircase", "A token on a strip of cells")
    ask = f"{who} starts at place 0 and moves to place `n` in jumps of length {', '.join(map(str, steps[:-1]))} or {steps[-1]}.{extra.replace('Steps listed', 'Places listed')} In how many different ways (sequences of jumps) can place `n` be reached? Return the number modulo {mod}."

    def make() -> list[object]:
        n = d.randint(3, 40)
        return [n, sorted(d.some(min(3, n - 1), range(1, n)))] if state == "broken" else [n]

    edges: list[list[object]] = (
        [[0, []], [1, []], [5, [5]]] if state == "broken" else [[0], [1], [2], [3]]
    )
    return Problem(
        ask,
        code,
        d.cases(10, make, *edges),
        "The ways to a place are the sum of the ways to its predecessors.",
        ("0 <= n <= 10**5",),
        difficulty=0.35,
    )


def coins(d: Draw) -> Problem:
    """Fixed coins; some have a price or a limit."""
    values = (
        [1, *sorted(d.some(d.randint(2, 4), [3, 4, 5, 6, 7, 9, 10, 12]))]
        if d.flag()
        else sorted(d.some(3, [2, 3, 5, 6, 7, 9, 11]))
    )
    listed = ", ".join(map(str, values))
    goal, init, update, end = d.pick(
        ("the smallest number of coins that add up to `amount`, or -1", "[0] + [INFINITE] * amount", "best[total] = min(best[total], best[total - coin] + 1)", "best[amount] if best[amount] < INFINITE else -1"),
        ("in how many ways `amount` can be paid (the order of the coins does not count)", "[1] + [0] * amount", "best[total] += best[total - coin]", "best[amount]"),
        ("the largest number of coins that add up to exactly `amount`, or -1", "[0] + [-INFINITE] * amount", "best[total] = max(best[total], best[total - coin] + 1)", "best[amount] if best[amount] >= 0 else -1"),
        ("how many of the amounts 1, ..., `amount` can be paid exactly", "[True] + [False] * amount", "best[total] = best[total] or best[total - coin]", "sum(best[1:])"),
    )  # fmt: skip
    infinite = "INFINITE = 10**9\n" if "INFINITE" in init else ""
    code = f"""
COINS = [{listed}]
{infinite}

def pay(amount: int) -> int:
    best = {init}
    for coin in COINS:
        for total in range(coin, amount + 1):
            {update}
    return {end}
"""
    ask = f"The coins of a country have the values {listed}; there are as many of each as needed. Return {goal}."
    cases = d.cases(
        12,
        lambda: [d.randint(2, 60)],
        [0],
        [1],
        [values[-1]],
        [values[-1] + 1],
        [values[0] + values[1]],
    )
    return Problem(
        ask,
        code,
        cases,
        "A table over all smaller amounts, coin by coin.",
        ("0 <= amount <= 10**4",),
        difficulty=0.35,
    )


def intervals(d: Draw) -> Problem:
    """Sets of intervals."""
    name = d.pick("meetings", "bookings", "shifts", "spans", "intervals")
    goal, body, idea = d.pick(
        ("the total length that is covered by at least one of them", f"    total = 0\n    reach = None\n    for start, end in sorted({name}):\n        if reach is None or start > reach:\n            total += end - start\n            reach = end\n        elif end > reach:\n            total += end - reach\n            reach = end\n    return total", "Sorted by start, each one adds what lies beyond the reach so far."),
        ("the largest number of them that contain a common moment (touching ends do not count)", f"    events = []\n    for start, end in {name}:\n        events.append((start, 1))\n        events.append((end, -1))\n    best = running = 0\n    for _, change in sorted(events):\n        running += change\n        best = max(best, running)\n    return best", "Starts and ends are events on a line; ends come first on ties."),
        ("the largest number of them that can be chosen without overlap (touching is allowed)", f"    chosen = 0\n    free = None\n    for start, end in sorted({name}, key=lambda s: s[1]):\n        if free is None or start >= free:\n            chosen += 1\n            free = end\n    return chosen", "The one that ends first is always a safe choice."),
        ("the smallest number that must be removed so that no two of the others overlap (touching is allowed)", f"    removed = 0\n    free = None\n    for start, end in sorted({name}, key=lambda s: s[1]):\n        if free is None or start >= free:\n            free = end\n        else:\n            removed += 1\n    return removed", "Keep what ends first; what overlaps it goes."),
        ("the length of the longest gap between the first start and the last end in which none of them runs (0 if there is none)", f"    longest = 0\n    reach = None\n    for start, end in sorted({name}):\n        if reach is not None and start > reach:\n            longest = max(longest, start - reach)\n        reach = end if reach is None else max(reach, end)\n    return longest", "Sorted by start, a gap opens where the next start lies beyond all ends so far."),
        ("how many unordered pairs of them overlap in more than a point", f"    total = 0\n    for k, (start, end) in enumerate({name}):\n        for p, q in {name}[:k]:\n            if max(start, p) < min(end, q):\n                total += 1\n    return total", "Two overlap if the later start lies before the earlier end."),
        ("how many moments t + 0.5 with integer t are covered by exactly two of them", f"    change = {{}}\n    for start, end in {name}:\n        change[start] = change.get(start, 0) + 1\n        change[end] = change.get(end, 0) - 1\n    total = running = 0\n    last = None\n    for t in sorted(change):\n        if running == 2:\n            total += t - last\n        running += change[t]\n        last = t\n    return total", "The number of open ones changes only at their ends."),
    )  # fmt: skip
    k = d.randint(2, 4)
    extra, change = d.pick(
        ("", ""),
        (
            f" Those shorter than {k} are ignored.",
            f"    {name} = [s for s in {name} if s[1] - s[0] >= {k}]\n",
        ),
        (
            " Before that, each is made longer by 1 at its end.",
            f"    {name} = [(start, end + 1) for start, end in {name}]\n",
        ),
        (" Equal ones count only once.", f"    {name} = sorted({{tuple(s) for s in {name}}})\n"),
    )
    code = f"\ndef schedule({name}: list[list[int]]) -> int:\n{change}{body}\n"

    def make() -> list[object]:
        found = []
        for _ in range(d.randint(3, 8)):
            start = d.randint(0, 20)
            found.append([start, start + d.randint(1, 8)])
        return [found]

    ask = f"Each entry of `{name}` is a pair start, end of integers with start < end. Return {goal}.{extra}"
    cases = d.cases(
        12,
        make,
        [[[1, 5]]],
        [[[0, 4], [4, 9]]],
        [[[0, 10], [2, 4], [2, 4], [6, 12]]],
        [[[5, 6], [1, 2]]],
    )
    return Problem(
        ask,
        code,
        cases,
        idea,
        (f"1 <= len({name}) <= 1000", "0 <= start < end <= 10**6"),
        difficulty=0.4,
    )


def grid_paths(d: Draw) -> Problem:
    """Paths to the right and down through a table."""
    diagonal = d.flag()
    froms = "(r - 1, c), (r, c - 1)" + (", (r - 1, c - 1)" if diagonal else "")
    words = (
        "to the right, down or diagonally down to the right" if diagonal else "to the right or down"
    )
    goal, pick, text = d.pick(
        ("largest", "max", "the largest possible sum"),
        ("smallest", "min", "the smallest possible sum"),
    )
    value, counting, expression = d.pick(
        ("numbers", "", "table[r][c]"),
        ("absolute values of the numbers", "", "abs(table[r][c])"),
        (
            "numbers",
            "; numbers on odd-numbered rows (counted from 0) are subtracted, not added",
            "table[r][c] * (1 - r % 2 * 2)",
        ),
        ("numbers", "; negative numbers count as 0", "max(table[r][c], 0)"),
    )
    block, guard = d.pick(
        ("", ""),
        (
            " Cells that hold 0 must not be visited, except the two corners; if there is no path, return -999.",
            "zero",
        ),
    )
    test = (
        "            if table[r][c] == 0 and (r, c) not in ((0, 0), (rows - 1, columns - 1)):\n                continue\n"
        if guard
        else ""
    )
    code = f"""
def walk(table: list[list[int]]) -> int:
    rows, columns = len(table), len(table[0])
    best = {{}}
    for r in range(rows):
        for c in range(columns):
{test}            before = [best[place] for place in ({froms}) if place in best]
            if before or (r, c) == (0, 0):
                best[r, c] = {expression} + {pick}(before, default=0)
    return best.get((rows - 1, columns - 1), -999)
"""
    brute = f"""
def walk(table: list[list[int]]) -> int:
    rows, columns = len(table), len(table[0])
    sums = []
    def go(r, c, total):
        if r >= rows or c >= columns:
            return
        if {"table[r][c] == 0 and (r, c) not in ((0, 0), (rows - 1, columns - 1))" if guard else "False"}:
            return
        total += {expression}
        if (r, c) == (rows - 1, columns - 1):
            sums.append(total)
        go(r + 1, c, total)
        go(r, c + 1, total)
        {"go(r + 1, c + 1, total)" if diagonal else "pass"}
    go(0, 0, 0)
    return {pick}(sums, default=-999)
"""
    ask = f"A walk through the rectangular `table` begins in the upper left cell and ends in the lower right one; each move goes {words}. Return {text} of the {value} on the cells of such a walk, both ends included{counting}.{block}"
    low = 0 if guard else -9

    def make() -> list[object]:
        rows, columns = d.randint(2, 4), d.randint(2, 4)
        return [[d.ints(columns, low, 6 if guard else 12) for _ in range(rows)]]

    return Problem(
        ask,
        code,
        d.cases(10, make, [[[5]]], [[[1, 2, 3]]], [[[4], [-1]]]),
        f"best holds the {goal} sum of a walk to each cell.",
        ("up to 100 rows and columns",),
        brute,
        difficulty=0.45,
    )


def partitions(d: Draw) -> Problem:
    """Recursive counting with memory."""
    k = d.randint(2, 4)
    rule, next_top, test = d.pick(
        ("in any order of size, largest first, so 2 + 1 and 1 + 2 are the same", "part", "True"), ("with all parts different", "part - 1", "True"),
        ("into odd parts only", "part", "part % 2 == 1"), (f"into parts that are not divisible by {k}", "part", f"part % {k} != 0"),
        (f"such that any two parts differ by at least {k}", f"part - {k}", "True"), (f"into parts of at least {k}", "part", f"part >= {k}"),
        ("into perfect squares", "part", "int(part**0.5 + 0.5) ** 2 == part"),
    )  # fmt: skip
    code = f"""
from functools import lru_cache


def partitions(n: int) -> int:
    @lru_cache(None)
    def ways(rest, top):
        if rest == 0:
            return 1
        total = 0
        for part in range(1, min(rest, top) + 1):
            if {test}:
                total += ways(rest - part, {next_top})
        return total

    return ways(n, n)
"""
    if test == "True":
        code = code.replace("            if True:\n                total", "            total")
    ask = f"In how many ways can the positive integer `n` be written as a sum of positive integers {rule}? The order of the parts does not count; a single part is allowed."
    return Problem(
        ask,
        code,
        d.cases(10, lambda: [d.randint(4, 40)], [1], [2], [3], [7]),
        "Recursion over the largest part; results are remembered.",
        ("1 <= n <= 60",),
        difficulty=0.45,
    )


def merge_cost(d: Draw) -> Problem:
    """Greedy with a heap."""
    name = d.pick("ropes", "piles", "files", "loads")
    first, second, word = d.pick(
        ("heapq.heappop(heap)", "heapq.heappop(heap)", "smallest"),
        ("-heapq.heappop(heap)", "-heapq.heappop(heap)", "largest"),
    )
    negative = word == "largest"
    made, result = d.pick(
        ("their sum", "p + q"),
        ("their difference (as an absolute value)", "abs(p - q)"),
        ("their maximum plus 1", "max(p, q) + 1"),
        ("half of their sum, rounded down", "(p + q) // 2"),
        ("their bitwise xor", "p ^ q"),
    )
    goal, init, add, end = d.pick(
        ("the sum of all numbers that were put back", "total = 0", "total += new", "total"),
        ("the number that is left at the end", "", "", "{left}"),
        (
            "the largest number that was ever put back (0 if none was)",
            "total = 0",
            "total = max(total, new)",
            "total",
        ),
    )
    sign = "-" if negative else ""
    end = end.replace("{left}", f"{sign}heap[0]")
    code = f"""
import heapq


def combine({name}: list[int]) -> int:
    heap = [{sign}x for x in {name}]
    heapq.heapify(heap)
    {init}
    while len(heap) > 1:
        p, q = {first}, {second}
        new = {result}
        {add}
        heapq.heappush(heap, {sign}new)
    return {end}
"""
    code = "\n".join(line for line in code.split("\n") if line.strip() or line == "")
    brute = f"""
def combine({name}: list[int]) -> int:
    rest = list({name})
    total = 0
    while len(rest) > 1:
        rest.sort({"reverse=True" if negative else ""})
        p, q = rest[0], rest[1]
        new = {result}
        rest = rest[2:] + [new]
        {add or "pass"}
    return {"rest[0]" if "heap" in end else "total"}
"""
    ask = f"As long as `{name}` holds more than one number, the two {word} numbers p and q are taken out and {made} is put back. Return {goal}."
    cases = d.cases(
        12,
        lambda: [d.ints(d.randint(3, 8), 1, 25)],
        [[4]],
        [[3, 3]],
        [[1, 2, 3, 4]],
        [[9, 1, 1, 8, 20]],
    )
    return Problem(
        ask,
        code,
        cases,
        f"A heap gives the {word} numbers again and again.",
        (f"1 <= len({name}) <= 10**5", "1 <= every number <= 10**6"),
        brute,
        difficulty=0.4,
    )


def boats(d: Draw) -> Problem:
    """Greedy pairing after sorting."""
    people, unit = d.pick(
        ("people", "boat"), ("parcels", "trolley"), ("files", "disc"), ("planks", "shelf")
    )
    twist, low = d.pick(
        ("", "weights[light] + weights[heavy] <= limit"),
        (
            " Two of them only go together if, in addition, their weights differ by at most `gap`.",
            "gap",
        ),
    )
    if twist:
        code = f"""
def count_{unit}s(weights: list[int], limit: int, gap: int) -> int:
    rest = sorted(weights)
    used = 0
    while rest:
        heavy = rest.pop()
        used += 1
        for k in range(len(rest) - 1, -1, -1):
            if rest[k] + heavy <= limit and heavy - rest[k] <= gap:
                rest.pop(k)
                break
    return used
"""
        ask = f"`weights` are those of {people}. They are loaded from the heaviest to the lightest: each {unit} takes the heaviest one left and, in addition, the heaviest other one left for which the sum is at most `limit` and the difference at most `gap`. Return how many {unit}s are used."
        cases = d.cases(12, lambda: [d.ints(d.randint(3, 9), 1, 9), d.randint(9, 14), d.randint(0, 5)], [[], 9, 1], [[5], 9, 0], [[5, 5], 10, 0], [[1, 9, 5, 5], 10, 8])  # fmt: skip
        return Problem(
            ask,
            code,
            cases,
            "The rule is followed literally on the sorted list.",
            ("every weight is at most `limit`",),
            difficulty=0.35,
        )
    code = f"""
def count_{unit}s(weights: list[int], limit: int) -> int:
    weights = sorted(weights)
    light, heavy = 0, len(weights) - 1
    used = 0
    while light <= heavy:
        if {low}:
            light += 1
        heavy -= 1
        used += 1
    return used
"""
    ask = f"`weights` are those of {people}. A {unit} holds at most two of them, with a total weight of at most `limit`. Return the smallest number of {unit}s for all."
    cases = d.cases(12, lambda: [d.ints(d.randint(3, 9), 1, 9), d.randint(9, 14)], [[], 9], [[5], 9], [[5, 5], 10], [[1, 9, 5, 5], 10])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The heaviest goes with the lightest if that fits, otherwise alone.",
        ("every weight is at most `limit`",),
        difficulty=0.35,
    )


TEMPLATES = {
    "skip_neighbours": skip_neighbours, "knapsack": knapsack, "longest_subsequence": longest_subsequence, "stairs": stairs,
    "coins": coins, "intervals": intervals, "grid_paths": grid_paths, "partitions": partitions,
    "merge_cost": merge_cost, "boats": boats,
}  # fmt: skip

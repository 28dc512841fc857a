"""Problems about graphs and trees that are given as lists of edges or parents.

in:  a Draw
out: Problems
not covered: graphs that stand in a picture (drawn_graphs.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw
from viscodex.data.problems.problem import Problem

_PLACES = (("cities", "roads"), ("stations", "tracks"), ("islands", "bridges"), ("servers", "links"), ("rooms", "doors"), ("lakes", "canals"))  # fmt: skip


def some_edges(d: Draw, n: int, count: int, weight: int = 0) -> list[list[int]]:
    """Different undirected edges of n vertices, in any order and direction."""
    pairs = [(a, b) for a in range(n) for b in range(a)]
    found = []
    for a, b in d.some(min(count, len(pairs)), pairs):
        edge = [a, b] if d.flag() else [b, a]
        found.append([*edge, d.randint(1, weight)] if weight else edge)
    return found


def reach(d: Draw) -> Problem:
    """Components and what they consist of."""
    places, links = d.pick(*_PLACES)
    goal, end = d.pick(
        ("the number of groups", "len(sizes)"), ("the size of the largest group", "max(sizes)"), ("the number of unordered pairs of {0} in different groups", "(n * n - sum(s * s for s in sizes)) // 2"),
        ("how many {1} must be added at least to join all groups into one", "len(sizes) - 1"), ("the sizes of all groups in ascending order", "sorted(sizes)"),
        ("how many {0} are in a group with an odd number of members", "sum(s for s in sizes if s % 2)"), ("the number of groups of the most frequent size", "max(sizes.count(s) for s in sizes)"),
    )  # fmt: skip
    kind = "list[int]" if "all groups in" in goal else "int"
    extra, test = d.pick(
        ("", ""),
        (
            f" {links.capitalize()} between two {places} whose numbers differ by 1 are closed and do not count.",
            "abs(a - b) == 1",
        ),
        (
            f" {links.capitalize()} between two even numbers are closed and do not count.",
            "a % 2 == 0 and b % 2 == 0",
        ),
        (f" {links.capitalize()} at number 0 are closed and do not count.", "a * b == 0"),
    )
    guard = f"        if {test}:\n            continue\n" if test else ""
    union = d.flag()
    if union:
        body = f"""    leader = list(range(n))

    def find(v):
        while leader[v] != v:
            leader[v] = leader[leader[v]]
            v = leader[v]
        return v

    for a, b in {links}:
{guard}        leader[find(a)] = find(b)
    roots = [find(v) for v in range(n)]
    sizes = [roots.count(root) for root in set(roots)]"""
        idea = "Union-find joins the ends of every edge."
    else:
        body = f"""    near = [[] for _ in range(n)]
    for a, b in {links}:
{guard}        near[a].append(b)
        near[b].append(a)
    seen, sizes = set(), []
    for start in range(n):
        if start in seen:
            continue
        seen.add(start)
        stack, size = [start], 0
        while stack:
            v = stack.pop()
            size += 1
            for w in near[v]:
                if w not in seen:
                    seen.add(w)
                    stack.append(w)
        sizes.append(size)"""
        idea = "A depth-first search from every vertex that was not seen yet finds one group at a time."
    code = f"\ndef groups(n: int, {links}: list[list[int]]) -> {kind}:\n{body}\n    return {end}\n"
    ask = f"There are `n` {places}, numbered from 0; each entry a, b of `{links}` joins two of them in both directions.{extra} A group consists of all {places} that can be reached from one another. Return {goal.format(places, links)}."

    def make() -> list[object]:
        n = d.randint(4, 9)
        return [n, some_edges(d, n, d.randint(2, n))]

    return Problem(
        ask,
        code,
        d.cases(12, make, [1, []], [4, []], [4, [[0, 1], [2, 3]]], [5, [[0, 2], [2, 4], [1, 3]]]),
        idea,
        ("1 <= n <= 1000", "no edge occurs twice"),
        difficulty=0.45,
    )


def shortest(d: Draw) -> Problem:
    """Dijkstra with variations of the cost."""
    places, links = d.pick(*_PLACES)
    rule, cost, start = d.pick(
        ("the sum of the lengths", "far + length", "0"), ("the largest length that occurs on it", "max(far, length)", "0"),
        ("the sum of the lengths plus 2 for every place that is entered", "far + length + 2", "0"), ("the sum of the lengths, where a length above 5 counts as 5", "far + min(length, 5)", "0"),
        ("the sum of the squares of the lengths", "far + length * length", "0"), ("the sum of the lengths plus the number of each place that is entered", "far + length + w", "0"),
    )  # fmt: skip
    one_way = d.flag(0.4)
    back = "" if one_way else "        near[b].append((a, length))\n"
    goal, end = d.pick(
        (
            "the smallest cost of a way from 0 to n - 1, or -1 if there is none",
            "best.get(n - 1, -1)",
        ),
        (
            "the largest of the smallest costs from 0 to all places that can be reached",
            "max(best.values())",
        ),
        (
            "the sum of the smallest costs from 0 to all places that can be reached",
            "sum(best.values())",
        ),
        (
            "how many places can be reached from 0 at a cost of at most 10, place 0 included",
            "sum(far <= 10 for far in best.values())",
        ),
    )
    code = f"""
import heapq


def cheapest(n: int, {links}: list[list[int]]) -> int:
    near = [[] for _ in range(n)]
    for a, b, length in {links}:
        near[a].append((b, length))
{back}    best = {{}}
    heap = [({start}, 0)]
    while heap:
        far, v = heapq.heappop(heap)
        if v in best:
            continue
        best[v] = far
        for w, length in near[v]:
            heapq.heappush(heap, ({cost}, w))
    return {end}
"""
    brute = f"""
def cheapest(n: int, {links}: list[list[int]]) -> int:
    best = {{0: {start}}}
    for _ in range(n):
        for a, b, length in {links}:
            for v, w in ((a, b),{"" if one_way else " (b, a)"}):
                if v in best:
                    far = best[v]
                    best[w] = min(best.get(w, 10**9), {cost})
    return {end}
"""
    ask = f"`n` {places} are numbered from 0. Each entry a, b, length of `{links}` can be travelled {'from a to b only' if one_way else 'in both directions'}. The cost of a way is {rule}. Return {goal}."

    def make() -> list[object]:
        n = d.randint(3, 7)
        return [n, some_edges(d, n, d.randint(n - 1, 2 * n), 9)]

    return Problem(
        ask,
        code,
        d.cases(12, make, [1, []], [3, [[0, 1, 4]]], [3, [[0, 1, 1], [1, 2, 1], [0, 2, 3]]]),
        "Dijkstra's algorithm with a heap; the cost never falls along a way.",
        ("1 <= n <= 1000", "1 <= length <= 1000"),
        brute,
        difficulty=0.6,
    )


def schedule(d: Draw) -> Problem:
    """Topological order."""
    thing = d.pick("tasks", "courses", "modules", "recipes", "patches")
    tie, sign = d.pick(("the smallest number", ""), ("the largest number", "-"))
    goal, end, kind = d.pick(
        (f"the order in which all {thing} are done if always {tie} among those that are ready comes next; the empty list if there is no order", "order if len(order) == n else []", "list[int]"),
        (f"how many {thing} can be done at all (those on or behind a cycle cannot)", "len(order)", "int"),
        (f"the least number of days, if any number of ready {thing} can be done on the same day and each takes one day; -1 if they cannot all be done", "max(day) if len(order) == n else -1", "int"),
        (f"whether all {thing} can be done in some order", "len(order) == n", "bool"),
        (f"how many {thing} are done on the first day when they become possible and that day is day 2, where each takes one day and any number can be done on the same day", "sum(day[v] == 2 for v in order)", "int"),
    )  # fmt: skip
    flip = d.flag()
    a, b, text = (
        ("a", "b", "a must be done before b")
        if flip
        else ("b", "a", "a needs b to be done before it")
    )
    code = f"""
import heapq


def plan(n: int, needs: list[list[int]]) -> {kind}:
    after = [[] for _ in range(n)]
    open_needs = [0] * n
    for a, b in needs:
        after[{a}].append({b})
        open_needs[{b}] += 1
    ready = [{sign}v for v in range(n) if open_needs[v] == 0]
    heapq.heapify(ready)
    order, day = [], [1] * n
    while ready:
        v = {sign}heapq.heappop(ready)
        order.append(v)
        for w in after[v]:
            day[w] = max(day[w], day[v] + 1)
            open_needs[w] -= 1
            if open_needs[w] == 0:
                heapq.heappush(ready, {sign}w)
    return {end}
"""
    if "day" not in end:
        code = code.replace("            day[w] = max(day[w], day[v] + 1)\n", "").replace(
            "order, day = [], [1] * n", "order = []"
        )
    if "heap" in code and kind != "list[int]":
        code = (
            code.replace("import heapq\n\n\n", "")
            .replace("    heapq.heapify(ready)\n", "")
            .replace(f"{sign}heapq.heappop(ready)", "ready.pop()")
            .replace(f"heapq.heappush(ready, {sign}w)", "ready.append(w)")
            .replace(f"[{sign}v for", "[v for")
        )
    ask = f"There are `n` {thing}, numbered from 0. A pair a, b in `needs` means that {text}. Return {goal}."

    def make() -> list[object]:
        n = d.randint(3, 7)
        pairs = (
            [[x, y] for x in range(n) for y in range(n) if (x < y) != flip]
            if d.flag(0.7)
            else [[x, y] for x in range(n) for y in range(n) if x != y]
        )
        return [n, d.some(min(len(pairs), d.randint(2, n + 1)), pairs)]

    return Problem(
        ask,
        code,
        d.cases(12, make, [1, []], [3, []], [2, [[0, 1], [1, 0]]], [4, [[0, 1], [1, 2], [2, 3]]]),
        "What has no open needs is ready; doing it frees what waited for it.",
        ("1 <= n <= 1000",),
        difficulty=0.5,
        form="calls" if kind == "list[int]" else "",
    )


def tree_measure(d: Draw) -> Problem:
    """A tree as a list of parents."""
    goal, body, idea = d.pick(
        ("the largest depth of a node (the root has depth 0)", "    depth = {0: 0}\n    for v in range(1, len(parent)):\n        depth[v] = depth[parent[v]] + 1\n    return max(depth.values())", "Parents come before their children, so one pass gives all depths."),
        ("how many nodes have no children", "    return len(set(range(len(parent))) - set(parent[1:]))", "Leaves are the nodes that are nobody's parent."),
        ("the size of the largest subtree of a child of the root (0 if the root is alone)", "    size = [1] * len(parent)\n    for v in range(len(parent) - 1, 0, -1):\n        size[parent[v]] += size[v]\n    return max((size[v] for v in range(1, len(parent)) if parent[v] == 0), default=0)", "Going backwards, every node adds its size to its parent."),
        ("the number of edges on the longest path between two nodes", "    high = [0] * len(parent)\n    best = 0\n    for v in range(len(parent) - 1, 0, -1):\n        up = parent[v]\n        best = max(best, high[up] + high[v] + 1)\n        high[up] = max(high[up], high[v] + 1)\n    return best", "The longest path turns at some node, where the two highest branches meet."),
        ("the sum of the values of all nodes at even depth (the root has depth 0)", "    depth = {0: 0}\n    for v in range(1, len(parent)):\n        depth[v] = depth[parent[v]] + 1\n    return sum(value[v] for v in depth if depth[v] % 2 == 0)", "One pass gives the depths, another one the sum."),
        ("the largest sum of values on a path from the root down to some node", "    total = [value[0]]\n    for v in range(1, len(parent)):\n        total.append(total[parent[v]] + value[v])\n    return max(total)", "Sums from the root follow from those of the parents."),
        ("the largest total value of a set of nodes that contains no node together with its parent", "    take, leave = list(value), [0] * len(parent)\n    for v in range(len(parent) - 1, 0, -1):\n        up = parent[v]\n        take[up] += leave[v]\n        leave[up] += max(take[v], leave[v])\n    return max(take[0], leave[0])", "For each subtree: the best with its root, and the best without."),
        ("the largest number of children of one node", "    return max([0, *(parent[1:].count(v) for v in range(len(parent)))])", "Children are counted in the list of parents."),
        ("how many nodes have a value larger than all values on the way from the root to their parent (the root counts)", "    top = [value[0]]\n    total = 1\n    for v in range(1, len(parent)):\n        above = top[parent[v]]\n        if value[v] > above:\n            total += 1\n        top.append(max(above, value[v]))\n    return total", "The maximum on the way is handed down from parent to child."),
        ("how many nodes lie on the deepest level", "    depth = [0] * len(parent)\n    for v in range(1, len(parent)):\n        depth[v] = depth[parent[v]] + 1\n    return depth.count(max(depth))", "One pass gives the depths."),
    )  # fmt: skip
    valued = "value" in body
    k = d.randint(2, 5)
    extra, change = (
        d.pick(
            ("", ""),
            (
                " Before that, every value is reduced by its node's number.",
                "    value = [x - v for v, x in enumerate(value)]\n",
            ),
            (
                f" Before that, values divisible by {k} are set to 0.",
                f"    value = [0 if x % {k} == 0 else x for x in value]\n",
            ),
        )
        if valued
        else d.pick(
            ("", ""),
            (
                " Before that, every node whose number is even and greater than 0 is hung below the root instead.",
                "    parent = [0 if v % 2 == 0 and v else p for v, p in enumerate(parent)]\n",
            ),
            (
                f" Before that, a new node is hung below the node with number len(parent) // {k} and added at the end of the list.",
                f"    parent = parent + [len(parent) // {k}]\n",
            ),
        )
    )
    name = d.pick("measure_tree", "tree", "hierarchy")
    parameters = "parent: list[int], value: list[int]" if valued else "parent: list[int]"
    code = f"\ndef {name}({parameters}) -> int:\n{change}{body}\n"
    ask = "A tree has its root at node 0; `parent[v]` is the parent of node v (parent[0] is -1, and a parent's number is smaller than that of its children)."
    ask += f"{' `value[v]` is the value of node v.' if valued else ''} Return {goal}.{extra}"

    def make() -> list[object]:
        n = d.randint(3, 9)
        parent = [-1, *(d.randint(max(0, v - 4), v - 1) for v in range(1, n))]
        return [parent, d.ints(n, -5, 12)] if valued else [parent]

    edges = [[-1], [-1, 0, 1, 2], [-1, 0, 0, 0, 0]]
    return Problem(
        ask,
        code,
        d.cases(12, make, *[[e, d.ints(len(e), -5, 9)] if valued else [e] for e in edges]),
        idea,
        ("1 <= len(parent) <= 10**5",),
        difficulty=0.5,
    )


def degrees(d: Draw) -> Problem:
    """Local properties of a graph: degrees, triangles, colours."""
    goal, end, kind = d.pick(
        ("the vertices with the largest number of neighbours, in ascending order", "[v for v in range(n) if len(near[v]) == max(map(len, near))]", "list[int]"),
        ("the number of triangles (three vertices that are all joined to each other)", "sum(1 for a in range(n) for b in near[a] if a < b for c in near[a] & near[b] if b < c)", "int"),
        ("how many vertices have an odd number of neighbours", "sum(len(s) % 2 for s in near)", "int"),
        ("how many unordered pairs of vertices are not joined but have a common neighbour", "sum(1 for a in range(n) for b in range(a) if b not in near[a] and near[a] & near[b])", "int"),
        ("the largest number of common neighbours of two different vertices (0 for a single vertex)", "max((len(near[a] & near[b]) for a in range(n) for b in range(a)), default=0)", "int"),
        ("how many vertices are joined only to vertices with a larger number than their own (vertices without neighbours count)", "sum(all(w > v for w in near[v]) for v in range(n))", "int"),
        ("how many vertices have more neighbours than each of their neighbours has (vertices without neighbours do not count)", "sum(bool(near[v]) and all(len(near[v]) > len(near[w]) for w in near[v]) for v in range(n))", "int"),
    )  # fmt: skip
    change, lines = d.pick(
        ("", ""),
        (
            " First, each vertex v is additionally joined to v + 1, up to n - 1.",
            "    for v in range(n - 1):\n        near[v].add(v + 1)\n        near[v + 1].add(v)\n",
        ),
        (
            " First, vertex 0 is additionally joined to all others.",
            "    for v in range(1, n):\n        near[0].add(v)\n        near[v].add(0)\n",
        ),
        (
            " First, all edges between two odd vertices are removed.",
            "    for v in range(1, n, 2):\n        near[v] = {w for w in near[v] if w % 2 == 0}\n",
        ),
    )
    code = f"""
def inspect_graph(n: int, edges: list[list[int]]) -> {kind}:
    near = [set() for _ in range(n)]
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
{lines}    return {end}
"""
    ask = f"An undirected graph has the vertices 0 to n - 1; each entry of `edges` joins two of them.{change} Return {goal}."

    def make() -> list[object]:
        n = d.randint(4, 7)
        return [n, some_edges(d, n, d.randint(n - 1, 2 * n))]

    return Problem(
        ask,
        code,
        d.cases(
            12, make, [1, []], [3, [[0, 1], [1, 2], [0, 2]]], [4, []], [4, [[0, 1], [0, 2], [0, 3]]]
        ),
        "Sets of neighbours make the tests short.",
        ("1 <= n <= 300",),
        difficulty=0.4,
    )


def two_colours(d: Draw) -> Problem:
    """Bipartite test with variations."""
    goal, kind, bad, end = d.pick(
        ("whether this is possible", "bool", "False", "True"), ("in how many ways this is possible", "int", "0", "2**parts"),
        ("the largest possible size of one team, or -1 if it is impossible", "int", "-1", "largest"),
        ("the smallest possible size of one team, or -1 if it is impossible", "int", "-1", "n - largest"),
    )  # fmt: skip
    who, word = d.pick(
        ("pupils", "quarrel"),
        ("dogs", "fight"),
        ("players", "know each other too well"),
        ("servers", "must not share a rack"),
    )
    also, second = d.pick(
        ("", ""),
        (
            " Numbers 0 and n - 1 must be in different teams, too (for n > 1).",
            "    if n > 1:\n        pairs = pairs + [[0, n - 1]]\n",
        ),
        (
            " Numbers 0 and 1 must be in different teams, too (for n > 1).",
            "    if n > 1:\n        pairs = pairs + [[0, 1]]\n",
        ),
    )
    code = f"""
def split(n: int, pairs: list[list[int]]) -> {kind}:
{second}    near = [[] for _ in range(n)]
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    team = {{}}
    parts = largest = 0
    for start in range(n):
        if start in team:
            continue
        parts += 1
        team[start] = 0
        queue, sizes = [start], [1, 0]
        for v in queue:
            for w in near[v]:
                if w not in team:
                    team[w] = 1 - team[v]
                    sizes[team[w]] += 1
                    queue.append(w)
                elif team[w] == team[v]:
                    return {bad}
        largest += max(sizes)
    return {end}
"""
    brute_end = {
        "True": "len(sizes) > 0",
        "2**parts": "len(sizes)",
        "largest": "max(sizes, default=-1)",
        "n - largest": "min(sizes, default=-1)",
    }[end]
    brute = f"""
def split(n: int, pairs: list[list[int]]) -> {kind}:
{second}    sizes = [bin(m).count("1") for m in range(1 << n) if all((m >> a & 1) != (m >> b & 1) for a, b in pairs)]
    return {brute_end}
"""
    if "parts" not in end:
        code = code.replace("    parts = largest = 0\n", "    largest = 0\n").replace(
            "        parts += 1\n", ""
        )
    if "largest" not in end:
        code = (
            code.replace("parts = largest = 0", "parts = 0")
            .replace("        largest += max(sizes)\n", "")
            .replace("queue, sizes = [start], [1, 0]", "queue = [start]")
            .replace("                    sizes[team[w]] += 1\n", "")
            .replace("    largest = 0\n", "")
        )
    ask = f"`n` {who}, numbered from 0, are to be split into a red and a blue team (one may be empty). Each entry a, b of `pairs` names two that {word} and must be in different teams.{also} Return {goal}."

    def make() -> list[object]:
        n = d.randint(4, 7)
        edges = some_edges(d, n, d.randint(2, n))
        return [n, [e for e in edges if (e[0] + e[1]) % 2] if d.flag(0.6) else edges]

    return Problem(
        ask,
        code,
        d.cases(12, make, [1, []], [3, [[0, 1], [1, 2], [0, 2]]], [4, [[0, 1], [2, 3]]], [3, []]),
        "Each component is coloured from one start; a contradiction ends the search.",
        ("1 <= n <= 1000",),
        brute,
        difficulty=0.55,
    )


TEMPLATES = {
    "reach": reach, "shortest": shortest, "schedule": schedule, "tree_measure": tree_measure,
    "degrees": degrees, "two_colours": two_colours,
}  # fmt: skip

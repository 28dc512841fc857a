"""Problems about lists: scans, windows, prefix sums, two pointers, sorting, searching.

in:  a Draw
out: Problems
not covered: dynamic programming and greedy choices (choices.py), tables (matrices.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw, fill
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import a_list, change_of_number, number_property

SIZE = "0 <= len({}) <= 200"
_RANGE = "every number lies between -1000 and 1000"


def pipeline(d: Draw) -> Problem:
    """Keep some, change them, aggregate."""
    a, opening = a_list(d)
    (words, test), (change, expression) = number_property(d), change_of_number(d)
    goal, result = d.pick(
        ("the sum of what is left", "sum(kept)"),
        ("the largest result, or 0 if nothing is left", "max(kept, default=0)"),
        ("the difference between the largest and the smallest result (0 if nothing is left)", "max(kept) - min(kept) if kept else 0"),
        ("how many different results there are", "len(set(kept))"),
        ("the alternating sum first - second + third - ... of the results", "sum(kept[::2]) - sum(kept[1::2])"),
        ("the last result, or -1 if nothing is left", "kept[-1] if kept else -1"),
    )  # fmt: skip
    code = fill(
        """
def evaluate($a: list[int]) -> int:
    kept = []
    for x in $a:
        if $test:
            kept.append($expression)
    return $result
""", a=a, test=test, expression=expression, result=result)  # fmt: skip
    brute = fill(
        """
def evaluate($a: list[int]) -> int:
    kept = [$expression for x in filter(lambda x: $test, $a)]
    return $result
""", a=a, test=test, expression=expression, result=result)  # fmt: skip
    ask = f"{opening} Keep only the numbers that are {words}; each of them is then {change}. Return {goal}."
    cases = d.cases(12, lambda: [d.ints(d.randint(4, 14), -30, 60)], [[]], [[7]], [[0, 4, -3]])
    return Problem(
        ask,
        code,
        cases,
        "One pass keeps and changes the numbers; the aggregate follows.",
        (SIZE.format(a), _RANGE),
        brute,
        difficulty=0.1,
    )


def longest_run(d: Draw) -> Problem:
    """Longest or first run of numbers with a property."""
    a, opening = a_list(d)
    words, test = number_property(d)
    goal, start, update, end = d.pick(
        ("the length of the longest block of neighbouring numbers that are all {}", "0", "max(best, run)", "best"),
        ("how many blocks there are; a block is a maximal stretch of neighbouring numbers that are all {}", "0", "best + (run == 1)", "best"),
        ("the number of non-empty contiguous blocks (overlapping ones count) whose numbers are all {}", "0", "best + run", "best"),
    )  # fmt: skip
    code = fill(
        """
def blocks($a: list[int]) -> int:
    best = $start
    run = 0
    for x in $a:
        if $test:
            run += 1
            best = $update
        else:
            run = 0
    return $end
""", a=a, test=test, start=start, update=update, end=end)  # fmt: skip
    ask = f"{opening} Return {goal.format(words)}."
    cases = d.cases(12, lambda: [d.ints(d.randint(5, 16), -9, 20)], [[]], [[4]], [[-2, -2, -2]])
    return Problem(
        ask,
        code,
        cases,
        "A counter grows inside a block and falls to zero outside of it.",
        (SIZE.format(a), _RANGE),
        difficulty=0.15,
    )


def window(d: Draw) -> Problem:
    """Windows of a fixed width."""
    a, opening = a_list(d)
    best, word = d.pick(("max", "largest"), ("min", "smallest"))
    goal, value = d.pick(
        ("sum", "sum({})"),
        ("range (maximum minus minimum)", "max({0}) - min({0})"),
        ("number of different values", "len(set({}))"),
        ("median-like middle element after sorting (index width // 2)", "sorted({})[width // 2]"),
        ("sum of absolute values", "sum(abs(x) for x in {})"),
    )
    extra, keep = d.pick(
        ("", ""),
        (" Windows that contain a zero are skipped.", "        if 0 in part:\n            continue\n"),
        (" Only windows that start at an even index count.", "        if left % 2 == 1:\n            continue\n"),
        (" Windows whose first element is larger than their last one are skipped.", "        if part[0] > part[-1]:\n            continue\n"),
    )  # fmt: skip
    code = f"""
def best_window({a}: list[int], width: int) -> int:
    found = []
    for left in range(len({a}) - width + 1):
        part = {a}[left:left + width]
{keep}        found.append({value.format("part")})
    return {best}(found) if found else -1
"""
    ask = f"{opening} A window consists of `width` neighbouring elements. Return the {word} {goal} of a window.{extra} If no window qualifies, return -1."
    cases = d.cases(
        12, lambda: [d.ints(d.randint(4, 14), -9, 15), d.randint(1, 5)], [[], 1], [[5, 0], 3], [[1, 2, 3], 3]
    )  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Every window is looked at once.",
        (SIZE.format(a), "1 <= width <= 20"),
        difficulty=0.25,
    )


def prefix_queries(d: Draw) -> Problem:
    """Many range questions answered by prefix sums."""
    a, opening = a_list(d)
    words, test = number_property(d)
    goal, amount = d.pick(
        (f"how many numbers of that range are {words}", "1 if {} else 0"),
        (f"the sum of the numbers of that range that are {words}", "x if {} else 0"),
        (
            f"the sum of the squares of the numbers of that range that are {words}",
            "x * x if {} else 0",
        ),
    )
    inclusive = d.flag()
    end, text = ("right + 1", "both ends included") if inclusive else ("right", "`right` excluded")
    amount = amount.format(test)
    code = f"""
def answer_queries({a}: list[int], queries: list[list[int]]) -> list[int]:
    prefix = [0]
    for x in {a}:
        prefix.append(prefix[-1] + ({amount}))
    return [prefix[{end}] - prefix[left] for left, right in queries]
"""
    brute = f"""
def answer_queries({a}: list[int], queries: list[list[int]]) -> list[int]:
    return [sum(({amount}) for x in {a}[left:{end}]) for left, right in queries]
"""
    ask = f"{opening} Each entry of `queries` is a pair left, right of indices counted from 0 ({text}). For every query, in order, return {goal}."

    def make() -> list[object]:
        values = d.ints(d.randint(4, 12), -9, 25)
        pairs = [sorted(d.ints(2, 0, len(values) - 1)) for _ in range(d.randint(2, 6))]
        return [values, pairs]

    return Problem(
        ask,
        code,
        d.cases(10, make, [[3], [[0, 0]]]),
        "Prefix sums answer each query in constant time.",
        (f"1 <= len({a}) <= 10000", "1 <= len(queries) <= 10000", "0 <= left <= right < length"),
        brute,
        difficulty=0.3,
    )


def pair_target(d: Draw) -> Problem:
    """Pairs that fit together, by dictionary."""
    a, opening = a_list(d)
    relation, need, test = d.pick(
        ("add up to `target`", "target - x", "p + q == target"),
        ("differ by exactly `target`, the later one being larger", "x - target", "q - p == target"),
        ("have the bitwise xor `target`", "x ^ target", "p ^ q == target"),
        (
            "are such that the later one equals `target` times the earlier one",
            None,
            "q == target * p",
        ),
    )
    if need is None:
        need = "x // target if target and x % target == 0 else None"
        brute_test = "target != 0 and q == target * p"
    else:
        brute_test = test
    goal = d.pick(
        "how many index pairs i < j exist whose elements {}",
        "whether two elements at indices i < j exist that {}",
    )
    count = goal.startswith("how")
    kind, body, end = (
        ("int", "total += seen.get({0}, 0)", "total")
        if count
        else ("bool", "if seen.get({0}, 0):\n            return True", "False")
    )
    code = f"""
def pairs({a}: list[int], target: int) -> {kind}:
    seen = {{}}
    total = 0
    for x in {a}:
        {body.format(need if "if" not in need else "(" + need + ")")}
        seen[x] = seen.get(x, 0) + 1
    return {end}
"""
    brute = f"""
def pairs({a}: list[int], target: int) -> {kind}:
    total = sum(1 for j, q in enumerate({a}) for p in {a}[:j] if {brute_test})
    return {"total" if count else "total > 0"}
"""
    code = code if count else code.replace("    total = 0\n", "")
    note = " For target 0 there are no such pairs." if "times" in relation else ""
    ask = f"{opening} Determine {goal.format(relation)}.{note}"
    cases = d.cases(12, lambda: [d.ints(d.randint(4, 12), 0, 12), d.randint(0, 14)], [[], 3], [[2], 4], [[4, 4, 4], 8], [[1, 5, 5, 0], 0])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "A dictionary counts what came before; each number asks it for its partner.",
        (SIZE.format(a), "numbers and target lie between 0 and 1000"),
        brute,
        difficulty=0.3,
    )


def two_pointers(d: Draw) -> Problem:
    """Longest or number of windows under a bound."""
    a, opening = a_list(d)
    bound, add, drop, start, bad, check = d.pick(
        ("whose sum is at most `limit`", "load += x", "load -= {0}[left]", "load = 0", "load > limit", "sum(part) <= limit"),
        ("with at most `limit` numbers that are {words}", "load += {test}", "load -= {testleft}", "load = 0", "load > limit", "sum({test} for x in part) <= limit"),
        ("with at most `limit` different values", "load[x] = load.get(x, 0) + 1", "load[{0}[left]] -= 1\n            if load[{0}[left]] == 0:\n                del load[{0}[left]]", "load = {{}}", "len(load) > limit", "len(set(part)) <= limit"),
        ("in which no value occurs more than `limit` times", "load[x] = load.get(x, 0) + 1", "load[{0}[left]] -= 1", "load = {{}}", "load[x] > limit", "max(part.count(x) for x in part) <= limit"),
    )  # fmt: skip
    words, test = number_property(d)
    put = {
        "words": words,
        "test": f"int({test})",
        "testleft": f"int({test.replace('x', a + '[left]')})"
        if "ex" not in test and "max" not in test
        else f"int({test})",
    }
    if "{words}" in bound and ("for" in test or "int(" in test):
        words, test = d.pick(
            ("even", "x % 2 == 0"), ("divisible by 3", "x % 3 == 0"), ("above 5", "x > 5")
        )
        put = {
            "words": words,
            "test": f"int({test})",
            "testleft": f"int({test.replace('x', a + '[left]')})",
        }
    goal, update = d.pick(
        ("the length of the longest contiguous part", "best = max(best, right - left + 1)"),
        ("how many non-empty contiguous parts there are", "best += right - left + 1"),
    )
    code = f"""
def parts({a}: list[int], limit: int) -> int:
    {start.format(a, **put)}
    left = best = 0
    for right, x in enumerate({a}):
        {add.format(a, **put)}
        while {bad}:
            {drop.format(a, **put)}
            left += 1
        {update}
    return best
"""
    brute = f"""
def parts({a}: list[int], limit: int) -> int:
    sizes = []
    for left in range(len({a})):
        for right in range(left + 1, len({a}) + 1):
            part = {a}[left:right]
            if {check.format(a, **put)}:
                sizes.append(right - left)
    return {"max(sizes, default=0)" if "max" in update else "len(sizes)"}
"""
    ask = f"{opening} Return {goal} {bound.format(a, **put)} (0 if there is none)."
    cases = d.cases(12, lambda: [d.ints(d.randint(4, 13), 1, 9), d.randint(1, 14 if "sum" in bound else 3)], [[], 2], [[9], 1], [[2, 2, 2, 2], 2])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "The right end moves on; the left end follows while the condition is broken.",
        (f"0 <= len({a}) <= 100000", "1 <= every number <= 1000", "1 <= limit"),
        brute,
        difficulty=0.45,
    )


def sort_by(d: Draw) -> Problem:
    """Sorting by two keys."""
    a, opening = a_list(d)
    keys = [
        ("by digit sum of the absolute value", "sum(int(c) for c in str(abs(x)))"),
        ("by the last decimal digit", "abs(x) % 10"),
        ("by the number of one bits of the absolute value", 'bin(abs(x)).count("1")'),
        ("by absolute value", "abs(x)"),
        ("with even numbers before odd ones", "x % 2"),
        (f"by distance from {(k := d.randint(3, 12))}", f"abs(x - {k})"),
        (f"by the remainder modulo {(m := d.randint(3, 7))}", f"x % {m}"),
        ("by how often the number occurs in the list", f"{a}.count(x)"),
        ("by the number of decimal digits", "len(str(abs(x)))"),
    ]
    (one, first), (two, second) = d.some(2, keys)
    down = d.flag()
    third, last = d.pick(("smaller numbers first", "x"), ("larger numbers first", "-x"))
    code = f"""
def arrange({a}: list[int]) -> list[int]:
    return sorted({a}, key=lambda x: ({"-" if down else ""}({first}), {second}, {last}))
"""
    brute = f"""
def arrange({a}: list[int]) -> list[int]:
    def key(x):
        return [{"-" if down else ""}({first}), {second}, {last}]
    done = []
    for x in {a}:
        k = 0
        while k < len(done) and key(done[k]) <= key(x):
            k += 1
        done.insert(k, x)
    return done
"""
    ask = f"{opening} Sort the list {one}{' in descending order' if down and 'before' not in one else ' in reverse' if down else ''}; equal ones among these {two}, and remaining ties with {third}. Return the sorted list."
    cases = d.cases(10, lambda: [d.ints(d.randint(5, 12), -20, 60)], [[]], [[8]], [[3, 3, 12, 21]])
    return Problem(
        ask,
        code,
        cases,
        "A tuple as sort key orders by several criteria at once.",
        (SIZE.format(a), _RANGE),
        brute,
        difficulty=0.25,
        form="calls",
    )


def binary_search(d: Draw) -> Problem:
    """Bounds in a sorted list."""
    a = d.pick("prices", "times", "heights", "values", "marks")
    order = d.flag()
    word = "non-decreasing" if order else "non-increasing"
    goal, back = d.pick(
        ("the index of the first element that is {} `limit`, or the length if there is none", "low"),
        ("how many elements are still before the first one that is {} `limit`", "low"),
        ("how many elements, from the first one that is {} `limit` to the end, there are", "len({a}) - low"),
    )  # fmt: skip
    strict = d.flag()
    sign = (">" if order else "<") + ("" if strict else "=")
    words = {">": "greater than", "<": "less than", ">=": "at least", "<=": "at most"}[sign]
    code = f"""
def locate({a}: list[int], limit: int) -> int:
    low, high = 0, len({a})
    while low < high:
        middle = (low + high) // 2
        if {a}[middle] {sign} limit:
            high = middle
        else:
            low = middle + 1
    return {back.format(a=a)}
"""
    value = "k" if back == "low" else f"len({a}) - k"
    none = f"len({a})" if back == "low" else "0"
    brute = f"""
def locate({a}: list[int], limit: int) -> int:
    for k, x in enumerate({a}):
        if x {sign} limit:
            return {value}
    return {none}
"""
    ask = f"The list `{a}` is sorted in {word} order. In logarithmic time, return {goal.format(words)}."
    cases = d.cases(12, lambda: [sorted(d.ints(d.randint(3, 12), 0, 15), reverse=not order), d.randint(0, 15)], [[], 4], [[5], 5], [[2, 2, 2], 2], [[7, 7], 3])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Binary search keeps the answer between `low` and `high`.",
        (f"0 <= len({a}) <= 10**6",),
        brute,
        difficulty=0.3,
    )


def rotate_blocks(d: Draw) -> Problem:
    """Cut a list into blocks and change each."""
    a, opening = a_list(d)
    change, expression = d.pick(
        ("reversed", "block[::-1]"),
        ("rotated left by one place", "block[1:] + block[:1]"),
        ("rotated right by one place", "block[-1:] + block[:-1]"),
        ("sorted in descending order", "sorted(block, reverse=True)"),
        ("replaced by its running sums", "[sum(block[:k + 1]) for k in range(len(block))]"),
        ("replaced by its sum and its length", "[sum(block), len(block)]"),
    )
    which, test = d.pick(
        ("Every block", ""), ("Every second block, beginning with the first,", "number % 2 == 0"),
        ("Every second block, beginning with the second,", "number % 2 == 1"),
        ("Every block of full length", "len(block) == size"),
        ("Every block whose sum is even", "sum(block) % 2 == 0"),
    )  # fmt: skip
    line = f"result += {expression} if {test} else block" if test else f"result += {expression}"
    code = f"""
def rearrange({a}: list[int], size: int) -> list[int]:
    result = []
    for number, start in enumerate(range(0, len({a}), size)):
        block = {a}[start:start + size]
        {line}
    return result
"""
    if "number" not in line:
        code = code.replace(
            "number, start in enumerate(range(0, len(" + a + "), size))",
            f"start in range(0, len({a}), size)",
        )
    rest = "" if not test else " Other blocks stay as they are."
    ask = f"{opening} Cut it into blocks of `size` elements; the last one may be shorter. {which} is {change}.{rest} Return all blocks joined together again."
    cases = d.cases(10, lambda: [d.ints(d.randint(5, 13), -5, 20), d.randint(1, 5)], [[], 3], [[1, 2, 3, 4, 5], 2], [[9], 4])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Slices cut the blocks; each is changed on its own.",
        (SIZE.format(a), "1 <= size <= 50"),
        difficulty=0.2,
    )


def frequency(d: Draw) -> Problem:
    """Counting with a dictionary."""
    a, opening = a_list(d)
    goal, expression = d.pick(
        ("the values that occur exactly `k` times, in ascending order", "sorted(x for x in count if count[x] == k)"),
        ("the values that occur at least `k` times, in descending order", "sorted((x for x in count if count[x] >= k), reverse=True)"),
        ("the values that occur less than `k` times, in order of their first appearance", "[x for x in count if count[x] < k]"),
        ("the `k` most frequent values, most frequent first and smaller values first on ties", "sorted(count, key=lambda x: (-count[x], x))[:k]"),
        ("the `k` rarest values, rarest first and larger values first on ties", "sorted(count, key=lambda x: (count[x], -x))[:k]"),
        ("the values whose number of occurrences is a multiple of `k`, in ascending order", "sorted(x for x in count if count[x] % k == 0)"),
    )  # fmt: skip
    words, test = number_property(d)
    filtered = d.flag()
    condition = f"\n        if not ({test}):\n            continue" if filtered else ""
    code = f"""
def select({a}: list[int], k: int) -> list[int]:
    count = {{}}
    for x in {a}:{condition}
        count[x] = count.get(x, 0) + 1
    return {expression}
"""
    note = f" Only numbers that are {words} are considered." if filtered else ""
    ask = f"{opening} Return {goal}.{note}"
    cases = d.cases(12, lambda: [d.ints(d.randint(6, 16), -2, 7) + d.ints(3, 2, 12), d.randint(1, 3)], [[], 1], [[4, 4, 2], 2], [[5], 1])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "A dictionary holds how often each value occurs.",
        (SIZE.format(a), "1 <= k <= 20"),
        difficulty=0.25,
    )


def leaders(d: Draw) -> Problem:
    """Elements that stand out against those before or after them."""
    a, opening = a_list(d)
    side, order = d.pick(("before", ""), ("after", "[::-1]"))
    sign, word = d.pick(
        (">", "greater than"),
        ("<", "smaller than"),
        (">=", "at least as large as"),
        ("<=", "at most as large as"),
    )
    goal, end = d.pick(
        ("how many such elements there are", "len(found)"),
        ("the sum of these elements", "sum(found)"),
        (
            "the sum of the gaps between neighbouring such elements, as absolute values",
            "sum(abs(p - q) for p, q in zip(found, found[1:]))",
        ),
    )
    brute = f"""
def leaders({a}: list[int]) -> int:
    found = []
    for k, x in enumerate({a}):
        others = {a}[:k] if {side == "before"} else {a}[k + 1:]
        if all(x {sign} y for y in others):
            found.append(x)
    return {end}
"""
    ask = f"{opening} Call an element a leader if it is {word} every element {side} it (the {'first' if side == 'before' else 'last'} element always is). Return {goal}."
    code = f"""
def leaders({a}: list[int]) -> int:
    found = []
    record = None
    for x in {a}{order}:
        if record is None or x {sign} record:
            found.append(x)
            record = x
    return {end}
"""
    cases = d.cases(
        12, lambda: [d.ints(d.randint(4, 12), -9, 15)], [[]], [[6]], [[1, 2, 3]], [[3, 2, 2, 1]]
    )
    return Problem(
        ask,
        code,
        cases,
        "One pass remembers the record so far.",
        (SIZE.format(a), _RANGE),
        brute,
        difficulty=0.25,
    )


TEMPLATES = {
    "pipeline": pipeline, "longest_run": longest_run, "window": window, "prefix_queries": prefix_queries,
    "pair_target": pair_target, "two_pointers": two_pointers, "sort_by": sort_by,
    "binary_search": binary_search, "rotate_blocks": rotate_blocks, "frequency": frequency, "leaders": leaders,
}  # fmt: skip

"""Problems about numbers: divisors, digits, bases, sequences, bits, counting, geometry.

in:  a Draw
out: Problems
not covered: lists of numbers (arrays.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw, fill
from viscodex.data.problems.problem import Problem


def divisors(d: Draw) -> Problem:
    """Divisors with a property."""
    k = d.randint(3, 7)
    words, test = d.pick(
        ("odd", "t % 2 == 1"), ("even", "t % 2 == 0"), (f"not divisible by {k}", f"t % {k} != 0"),
        ("perfect squares", "int(t**0.5 + 0.5) ** 2 == t"), ("smaller than n itself and greater than 1", "1 < t < n"),
        ("of an odd number of decimal digits", "len(str(t)) % 2 == 1"), (f"at least {k}", f"t >= {k}"),
        ("coprime to their codivisor n / t", "gcd(t, n // t) == 1"), ("square-free", "all(t % (p * p) for p in range(2, int(t**0.5) + 1))"),
    )  # fmt: skip
    goal, end = d.pick(
        ("the number", "len(found)"),
        ("the sum", "sum(found)"),
        ("the largest (0 if there is none)", "max(found, default=0)"),
        ("the sum of the last decimal digits", "sum(t % 10 for t in found)"),
    )
    head = "from math import gcd\n\n\n" if "gcd" in test else ""
    code = f"""
{head}def divisors(n: int) -> int:
    found = []
    low = 1
    while low * low <= n:
        if n % low == 0:
            for t in {{low, n // low}}:
                if {test}:
                    found.append(t)
        low += 1
    return {end}
"""
    brute = f"""
{head}def divisors(n: int) -> int:
    found = [t for t in range(1, n + 1) if n % t == 0 and {test}]
    return {end}
"""
    ask = f"Return {goal} of the positive divisors t of `n` that are {words}."
    cases = d.cases(12, lambda: [d.randint(2, 600)], [1], [2], [36], [97], [64])
    return Problem(
        ask,
        code,
        cases,
        "Divisors come in pairs; it is enough to look up to the square root.",
        ("1 <= n <= 10**9",),
        brute,
        difficulty=0.25,
    )


def digit_game(d: Draw) -> Problem:
    """A number is changed until something happens."""
    even, f = d.pick(("halved", "n // 2"), ("divided by 2 and increased by 1", "n // 2 + 1"))
    k, m = d.pick((3, 1), (3, 5), (1, 1), (1, 7), (5, 1), (1, 3))
    cap = d.randint(20, 60)
    goal, end = d.pick(
        ("how many steps that takes", "steps"),
        ("the largest number seen, the start included", "top"),
        ("how many of the numbers before the end, the start included, are odd", "odd"),
    )
    code = f"""
def play(n: int) -> int:
    seen = set()
    steps, top, odd = 0, n, 0
    while n not in seen and steps < {cap}:
        seen.add(n)
        odd += n % 2
        n = {f} if n % 2 == 0 else {k} * n + {m}
        top = max(top, n)
        steps += 1
    return {end}
"""
    used = {"steps": ("steps",), "top": ("steps", "top"), "odd": ("steps", "odd")}[end]
    if "top" not in used:
        code = code.replace("        top = max(top, n)\n", "").replace(
            "steps, top, odd = 0, n, 0", "steps, odd = 0, 0"
        )
    if "odd" not in used:
        code = (
            code.replace("        odd += n % 2\n", "")
            .replace("steps, top, odd = 0, n, 0", "steps, top = 0, n")
            .replace("steps, odd = 0, 0", "steps = 0")
        )
    ask = f"Starting from the positive integer `n`, an even number is {even} and an odd number is {'multiplied by ' + str(k) + ' and then ' if k > 1 else ''}increased by {m}. This is repeated until a number comes up for the second time, but at most {cap} times. Return {goal}."
    cases = d.cases(12, lambda: [d.randint(2, 300)], [1], [2], [16], [27])
    return Problem(
        ask,
        code,
        cases,
        "A set of the numbers seen so far tells when to stop.",
        ("1 <= n <= 10**6",),
        difficulty=0.2,
    )


def digits(d: Draw) -> Problem:
    """Digits in a base."""
    base = d.pick(2, 3, 4, 5, 7, 8, 10, 10, 10, 12)
    goal, end = d.pick(
        ("the sum of its digits", "sum(digits)"), ("the product of its non-zero digits", "product"),
        ("how many different digits it has", "len(set(digits))"), ("how many times neighbouring digits are equal", "sum(p == q for p, q in zip(digits, digits[1:]))"),
        ("the largest difference of two neighbouring digits (0 for a single digit)", "max((abs(p - q) for p, q in zip(digits, digits[1:])), default=0)"),
        ("the value of the number with its digits in reverse order", "value"), ("the alternating sum of its digits, the last digit counting positive", "sum(digits[::2]) - sum(digits[1::2])"),
        ("the length of its longest run of equal digits", "longest"),
    )  # fmt: skip
    more = {
        "product": "    product = 1\n    for t in digits:\n        product *= t or 1\n",
        "value": f"    value = 0\n    for t in digits:\n        value = value * {base} + t\n",
        "longest": "    longest = run = 1\n    for p, q in zip(digits, digits[1:]):\n        run = run + 1 if p == q else 1\n        longest = max(longest, run)\n",
    }.get(end, "")  # fmt: skip
    code = f"""
def analyse(n: int) -> int:
    digits = [n % {base}]
    while n >= {base}:
        n //= {base}
        digits.append(n % {base})
{more}    return {end}
"""
    ask = f"The positive integer `n` is written in base {base}. Return {goal}."
    cases = d.cases(
        12, lambda: [d.randint(10, 99999)], [1], [base], [base * base + base + 1], [base**3]
    )
    return Problem(
        ask,
        code,
        cases,
        "Remainders give the digits from the last one to the first.",
        ("1 <= n <= 10**18",),
        difficulty=0.15,
    )


def count_range(d: Draw) -> Problem:
    """Numbers of an interval with two properties."""
    k, m = d.randint(3, 8), d.randint(3, 9)
    options = [
        (f"divisible by {k}", f"n % {k} == 0"), (f"not divisible by {m}", f"n % {m} != 0"), ("prime", "n > 1 and all(n % p for p in range(2, int(n**0.5) + 1))"),
        ("of even digit sum", "sum(map(int, str(n))) % 2 == 0"), ("a palindrome in base ten", "str(n) == str(n)[::-1]"), ("without repeated decimal digits", "len(set(str(n))) == len(str(n))"),
        (f"free of the digit {k}", f'"{k}" not in str(n)'), ("of non-decreasing decimal digits from left to right", "list(str(n)) == sorted(str(n))"),
        ("a multiple of its last digit (which is not 0)", "n % 10 != 0 and n % (n % 10) == 0"), ("of at most three one bits in binary", 'bin(n).count("1") <= 3'),
        ("divisible by its digit sum", "n > 0 and n % sum(map(int, str(n))) == 0"),
    ]  # fmt: skip
    (one, p), (two, q) = d.some(2, options)
    both = d.pick("and", "or", "and not")
    code = f"""
def count(low: int, high: int) -> int:
    total = 0
    for n in range(low, high + 1):
        first = {p}
        second = {q}
        if first {both} second:
            total += 1
    return total
"""
    brute = f"""
def count(low: int, high: int) -> int:
    return len([n for n in range(low, high + 1) if ({p}) {both} ({q})])
"""
    phrase = {
        "and": f"{one} and also {two}",
        "or": f"{one} or {two} (or both)",
        "and not": f"{one} but not {two}",
    }[both]
    ask = f"How many integers from `low` to `high`, both included, are {phrase}?"

    def make() -> list[int]:
        low = d.randint(1, 300)
        return [low, low + d.randint(5, 150)]

    return Problem(
        ask,
        code,
        d.cases(12, make, [1, 1], [10, 99], [5, 5], [121, 121]),
        "The range is small enough to test every number.",
        ("1 <= low <= high <= 10**5",),
        brute,
        difficulty=0.15,
    )


def recurrence(d: Draw) -> Problem:
    """A sequence by recursion, modulo something."""
    a, b, c = d.randint(1, 3), d.randint(-2, 3) or 1, d.randint(0, 4)
    extra, more = d.pick(
        ("", ""),
        (" + n", " + n"),
        (" + (n mod 3)", " + n % 3"),
        (" if n is even, and one less if n is odd", " - n % 2"),
    )
    mod = d.pick(97, 1000, 1009, 10007)
    s, t = d.randint(0, 3), d.randint(1, 5)
    goal, end = d.pick(
        ("f(n)", "now"),
        ("the sum f(0) + f(1) + ... + f(n) modulo the same number", f"total % {mod}"),
        ("the largest of f(0), ..., f(n)", "top"),
    )
    init = {"now": "", "top": f"    top = max({s}, {t}) if n else {s}\n"}.get(
        end, f"    total = {s} + {t} if n else {s}\n"
    )
    step = {"now": "", "top": "        top = max(top, now)\n"}.get(end, "        total += now\n")
    code = f"""
def sequence(n: int) -> int:
    before, now = {s}, {t}
{init}    if n == 0:
        return {s}
    for n in range(2, n + 1):
        before, now = now, ({a} * now + {b} * before + {c}{more}) % {mod}
{step}    return {end}
"""
    ask = f"A sequence is given by f(0) = {s}, f(1) = {t} and, for n >= 2, f(n) = {a}*f(n-1) + ({b})*f(n-2) + {c}{extra}, where every value is taken modulo {mod} (results lie from 0 to {mod - 1}). Return {goal}."
    cases = d.cases(12, lambda: [d.randint(4, 60)], [0], [1], [2], [3])
    return Problem(
        ask,
        code,
        cases,
        "Only the last two values are needed.",
        ("0 <= n <= 10**5",),
        difficulty=0.2,
    )


def bits(d: Draw) -> Problem:
    """Operations on the binary form."""
    steps = [
        ("clear the lowest one bit", "n &= n - 1"), ("set the lowest zero bit", "n |= n + 1"), ("shift it left by one place", "n <<= 1"),
        ("shift it right by one place", "n >>= 1"), ("replace it by its xor with itself shifted right by one place", "n ^= n >> 1"),
        ("toggle the bit of value `1 << k`", "n ^= 1 << k"), ("keep only the lowest 8 bits", "n &= 255"), ("clear the bit of value `1 << k`", "n &= ~(1 << k)"),
        ("add `k`", "n += k"),
    ]  # fmt: skip
    chosen = d.some(d.randint(3, 4), steps)
    goal, end = d.pick(
        ("the resulting number", "n"),
        ("how many one bits the result has", 'bin(n).count("1")'),
        ("the number of binary digits of the result (0 for 0)", "n.bit_length()"),
    )
    lines = "\n".join(f"        {line}" for _, line in chosen)
    code = f"""
def twiddle(n: int, k: int, rounds: int) -> int:
    for _ in range(rounds):
{lines}
    return {end}
"""
    listed = "; ".join(f"({i}) {words}" for i, (words, _) in enumerate(chosen, 1))
    ask = f"A non-negative integer `n` goes through `rounds` rounds. In every round these steps are done in this order: {listed}. Return {goal}."
    cases = d.cases(12, lambda: [d.randint(1, 1000), d.randint(0, 6), d.randint(1, 4)], [0, 0, 1], [1, 1, 1], [255, 3, 2], [7, 2, 0])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Each step is one bit operation.",
        ("0 <= n <= 10**6", "0 <= k <= 10", "0 <= rounds <= 10"),
        difficulty=0.3,
    )


def lattice(d: Draw) -> Problem:
    """Lattice points by a condition of geometry."""
    shape, test, bound = d.pick(
        ("on or inside the circle of radius `r` around the origin", "x * x + y * y <= r * r", "r"),
        ("strictly inside the circle of radius `r` around the origin", "x * x + y * y < r * r", "r"),
        ("with |x| + |y| <= r", "abs(x) + abs(y) <= r", "r"), ("with max(|x|, |y|) <= r and |x - y| <= r", "abs(x - y) <= r", "r"),
        ("in the ring r*r/4 <= x*x + y*y <= r*r", "r * r <= 4 * (x * x + y * y) <= 4 * r * r", "r"),
        ("with x*y <= r and |x|, |y| <= r", "x * y <= r", "r"),
    )  # fmt: skip
    k = d.randint(2, 4)
    extra, more = d.pick(
        ("", ""),
        (" and with x + y even", "(x + y) % 2 == 0"),
        (" and with x > 0", "x > 0"),
        (f" and with x + {k}*y divisible by 3", f"(x + {k} * y) % 3 == 0"),
        (" and with coprime coordinates", "gcd(x, y) == 1"),
        (" and with x < y", "x < y"),
    )
    whole = f"{test} and {more}" if more else test
    head = "from math import gcd\n\n\n" if "gcd" in more else ""
    goal, init, add = d.pick(
        ("how many points with integer coordinates (x, y) lie", "0", "1"),
        ("the sum of x*x over all points with integer coordinates (x, y) that lie", "0", "x * x"),
        (
            "the sum of |x| + |y| over all points with integer coordinates (x, y) that lie",
            "0",
            "abs(x) + abs(y)",
        ),
    )
    code = f"""
{head}def lattice(r: int) -> int:
    total = {init}
    for x in range(-{bound}, {bound} + 1):
        for y in range(-{bound}, {bound} + 1):
            if {whole}:
                total += {add}
    return total
"""
    ask = f"Return {goal} {shape}{extra}."
    return Problem(
        ask,
        code,
        d.cases(10, lambda: [d.randint(4, 25)], [0], [1], [2], [3]),
        "All candidates lie in a square and are tested one by one.",
        ("0 <= r <= 200",),
        difficulty=0.2,
    )


def polygon(d: Draw) -> Problem:
    """Distances and areas of points in the plane; integers only."""
    goal, body, idea = d.pick(
        ("twice the area of the polygon with these corners in order", "    total = 0\n    for k, (x, y) in enumerate(points):\n        p, q = points[k - 1]\n        total += p * y - x * q\n    return abs(total)", "The shoelace formula."),
        ("the smallest squared distance between two of the points", "    best = None\n    for k, (x, y) in enumerate(points):\n        for p, q in points[:k]:\n            far = (x - p) ** 2 + (y - q) ** 2\n            if best is None or far < best:\n                best = far\n    return best", "All pairs are compared."),
        ("the length of the walk that visits the points in order, moving only parallel to the axes, and returns to the start", "    total = 0\n    for k, (x, y) in enumerate(points):\n        p, q = points[k - 1]\n        total += abs(x - p) + abs(y - q)\n    return total", "Manhattan distances of neighbours are added."),
        ("how many unordered pairs of points can see each other along a row or a column (equal x or equal y)", "    total = 0\n    for k, (x, y) in enumerate(points):\n        for p, q in points[:k]:\n            if x == p or y == q:\n                total += 1\n    return total", "Each pair is tested."),
        ("how many turns to the left a walk through the points in order makes (the first and last points are no turns)", "    total = 0\n    for a, b, c in zip(points, points[1:], points[2:]):\n        cross = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])\n        if cross > 0:\n            total += 1\n    return total", "The sign of the cross product tells the side."),
        ("the area of the smallest rectangle with sides parallel to the axes that contains all points", "    xs = [x for x, _ in points]\n    ys = [y for _, y in points]\n    return (max(xs) - min(xs)) * (max(ys) - min(ys))", "Extremes of both coordinates give the box."),
        ("the number of triples of points that lie on one straight line", "    total = 0\n    for i, a in enumerate(points):\n        for j, b in enumerate(points[:i]):\n            for c in points[:j]:\n                if (b[0] - a[0]) * (c[1] - a[1]) == (b[1] - a[1]) * (c[0] - a[0]):\n                    total += 1\n    return total", "Three points are collinear if the cross product vanishes."),
    )  # fmt: skip
    move, shift = d.pick(
        ("", ""),
        (
            " Before that, every point (x, y) is moved to (x + y, y).",
            "    points = [(x + y, y) for x, y in points]\n",
        ),
        (
            " Before that, points with negative x are thrown away, unless fewer than three would be left.",
            "    right = [point for point in points if point[0] >= 0]\n    points = right if len(right) >= 3 else points\n",
        ),
        (
            " Before that, the coordinates of each point are halved, rounding down.",
            "    points = [(x // 2, y // 2) for x, y in points]\n",
        ),
    )
    name = d.pick("measure", "plane", "points_in_plane")
    code = f"\ndef {name}(points: list[list[int]]) -> int:\n{shift}{body}\n"
    ask = f"Each entry of `points` holds the integer coordinates x, y of a point; there are at least three, no two equal. Return {goal}.{move}"

    def make() -> list[object]:
        cells = [[x, y] for x in range(-6, 9) for y in range(-6, 9)]
        return [d.some(d.randint(3, 8), cells)]

    return Problem(
        ask,
        code,
        d.cases(10, make, [[[0, 0], [4, 0], [0, 3]]], [[[0, 0], [1, 1], [2, 2], [3, 3]]]),
        idea,
        ("3 <= len(points) <= 100", "coordinates from -1000 to 1000"),
        difficulty=0.35,
    )


def primes_table(d: Draw) -> Problem:
    """The sieve and what follows from it."""
    goal, body = d.pick(
        ("how many pairs (p, p + {k}) of primes with p + {k} <= n exist", "sum(1 for p in primes if p + {k} <= n and sieve[p + {k}])"),
        ("the sum of the primes up to n that are {r} modulo {m}", "sum(p for p in primes if p % {m} == {r})"),
        ("the largest gap between successive primes up to n (0 if there are fewer than two)", "max((q - p for p, q in zip(primes, primes[1:])), default=0)"),
        ("how many primes up to n stay prime when their decimal digits are reversed and do not exceed n then", "sum(1 for p in primes if int(str(p)[::-1]) <= n and sieve[int(str(p)[::-1])])"),
        ("how many primes up to n are the sum of two smaller primes", "sum(1 for p in primes if p > 2 and sieve[p - 2])"),
        ("how many ways there are to write n as p + q with primes p <= q", "sum(1 for p in primes if 2 * p <= n and sieve[n - p])"),
        ("the sum of every second prime up to n, beginning with the first", "sum(primes[::2])"),
    )  # fmt: skip
    put = {"k": d.pick(2, 4, 6, 8, 10), "m": (m := d.randint(3, 8)), "r": d.pick(1, m - 1)}
    code = f"""
def primes(n: int) -> int:
    sieve = [False, False] + [True] * (n - 1)
    for p in range(2, int(n**0.5) + 1):
        if sieve[p]:
            for multiple in range(p * p, n + 1, p):
                sieve[multiple] = False
    primes = [p for p in range(2, n + 1) if sieve[p]]
    return {body.format(**put)}
"""
    brute = (
        code[: code.index("    sieve")]
        + f"""    sieve = [p > 1 and all(p % t for t in range(2, p)) for p in range(n + 1)]
    primes = [p for p, good in enumerate(sieve) if good]
    return {body.format(**put)}
"""
    )
    ask = f"Given the integer `n`, return {goal.format(**put)}."
    return Problem(
        ask,
        code,
        d.cases(10, lambda: [d.randint(10, 260)], [2], [3], [10], [50]),
        "A sieve marks all primes up to n.",
        ("2 <= n <= 10**6",),
        brute,
        difficulty=0.3,
    )


def roman(d: Draw) -> Problem:
    """Numerals of an invented system."""
    letters = d.some(5, "ABCDEFGHKLMPRSTUVXYZ")
    values = [1, *sorted(d.some(4, [3, 4, 5, 7, 10, 12, 20, 25, 30, 50, 60, 100]))]
    table = dict(zip(letters, values, strict=True))
    rule, test = d.pick(
        ("a sign that stands directly before one of greater value is subtracted", "k + 1 < len(numeral) and VALUE[numeral[k + 1]] > VALUE[sign]"),
        ("a sign is subtracted if any sign of greater value follows later on", "any(VALUE[later] > VALUE[sign] for later in numeral[k + 1:])"),
        ("a sign that directly follows an equal one is subtracted", "k > 0 and numeral[k - 1] == sign"),
        ("a sign that directly follows one of smaller value is subtracted", "k > 0 and VALUE[numeral[k - 1]] < VALUE[sign]"),
    )  # fmt: skip
    code = fill("""
VALUE = $table


def value_of(numeral: str) -> int:
    total = 0
    for k, sign in enumerate(numeral):
        if $test:
            total -= VALUE[sign]
        else:
            total += VALUE[sign]
    return total
""", table=repr(table).replace("'", '"'), test=test)  # fmt: skip
    listed = ", ".join(f"{sign} = {value}" for sign, value in table.items())
    ask = f"In an invented numeral system the signs are {listed}. The value of a numeral is the sum of its signs, but {rule}. Return the value of `numeral`."
    return Problem(
        ask,
        code,
        d.cases(
            10,
            lambda: [d.text(d.randint(2, 8), "".join(letters))],
            [letters[0]],
            [letters[0] + letters[1]],
            [letters[2] * 2],
        ),
        "Each sign is added or subtracted, depending on its neighbours.",
        ("1 <= len(numeral) <= 50",),
        difficulty=0.25,
    )


TEMPLATES = {
    "divisors": divisors, "digit_game": digit_game, "digits": digits, "count_range": count_range, "recurrence": recurrence,
    "bits": bits, "lattice": lattice, "polygon": polygon, "primes_table": primes_table, "roman": roman,
}  # fmt: skip

"""Problems about games, orders found by backtracking, accounts, people in a circle.

in:  a Draw
out: Problems
not covered: other simulations (machines.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import number_property


def arrangements(d: Draw) -> Problem:
    """Backtracking over orders and subsets."""
    k = d.randint(2, 3)
    over, rule, test = d.pick(
        ("order", f"neighbours differ by at least {k}", f"abs(p - x) >= {k}"), ("order", f"neighbours differ by at most {k}", f"abs(p - x) <= {k}"),
        ("order", "neighbours have an odd sum", "(p + x) % 2 == 1"), ("order", "no number is followed by one that is larger by exactly 1", "x != p + 1"),
        ("order", "one of any two neighbours divides the other", "x % p == 0 or p % x == 0"), ("order", "neighbours never have a sum divisible by 4", "(p + x) % 4 != 0"), ("order", "every second step goes up and the others go down, beginning with a step up", "(x > p) == (len(row) % 2 == 1)"),
    )  # fmt: skip
    del over
    first, start = d.pick(
        ("", ""),
        (" The first number must be even.", "x % 2 == 1"),
        (" The first number must be the smallest or the largest one.", "x not in (1, n)"),
        (" The last number must not be 1.", "last"),
    )
    guard = (
        f"            if not row and {start}:\n                continue\n"
        if start and start != "last"
        else ""
    )
    finish = "1 if row[-1] != 1 else 0" if start == "last" else "1"
    code = f"""
def arrange(n: int) -> int:
    def extend(row):
        if len(row) == n:
            return {finish}
        total = 0
        for x in range(1, n + 1):
            if x in row:
                continue
{guard}            if row:
                p = row[-1]
                if not ({test}):
                    continue
            total += extend(row + [x])
        return total

    return extend([])
"""
    ask = f"In how many orders can the numbers 1, ..., `n` be put in a row so that {rule}?{first}"
    return Problem(
        ask,
        code,
        [[n] for n in (4, 3, 1, 2, 5, 6, 7)] + [[8]],
        "The row is extended number by number; a dead end is left at once.",
        ("1 <= n <= 8",),
        difficulty=0.5,
    )


def game(d: Draw) -> Problem:
    """Taking games: who wins, or how often."""
    takes = sorted(d.some(d.randint(2, 3), [1, 2, 3, 4, 5, 6]))
    last, base = d.pick(("wins", "False"), ("loses", "True"))
    extra, more = d.pick(
        ("", ""),
        (" Half of the stones (rounded down) may be taken, too, if that is at least one.", "half"),
    )
    ways = f"[t for t in ({', '.join(map(str, takes))}) if t <= n]" + (
        " + ([n // 2] if n > 1 else [])" if more else ""
    )
    goal, kind, end = d.pick(
        ("whether the player who moves first can force a win", "bool", "win[stones]"),
        (
            "for how many of the start sizes 1, ..., `stones` the player who moves first can force a win",
            "int",
            "sum(win[1:])",
        ),
        (
            "the smallest number of stones that the first player can take now to force a win in the end, or 0 if there is none",
            "int",
            "take",
        ),
    )
    tail = (
        f"    n = stones\n    take = min((t for t in {ways} if not win[n - t]), default=0)\n"
        if end == "take"
        else ""
    )
    code = f"""
def play(stones: int) -> {kind}:
    win = [{"True" if base == "True" else "False"}]
    for n in range(1, stones + 1):
        choices = {ways}
        win.append(any(not win[n - t] for t in choices){" or not choices" if base == "True" else ""})
{tail}    return {end}
"""
    stuck = (
        " A player who cannot move wins." if base == "True" else " A player who cannot move loses."
    )
    ask = f"Two players take turns at a heap of `stones` stones; each takes {', '.join(map(str, takes[:-1]))} or {takes[-1]} of them, as long as there are enough.{extra}{stuck} Return {goal}, both playing perfectly."
    del last
    cases = d.cases(
        14,
        lambda: [d.randint(3, 40)],
        [1],
        [2],
        [3],
        [takes[-1]],
        [takes[-1] + 1],
        [takes[-1] + takes[0]],
    )
    return Problem(
        ask,
        code,
        cases,
        "A position is won if some move leads to a lost one.",
        ("1 <= stones <= 10**4",),
        difficulty=0.5,
    )


def accounts(d: Draw) -> Problem:
    """A log of bookings with rules."""
    fee = d.randint(1, 4)
    refuse, test = d.pick(
        ("a withdrawal that would make the balance negative is refused", "balance[who] < amount"),
        (
            f"a withdrawal that would take the balance below -{10 * fee} is refused",
            f"balance[who] - amount < -{10 * fee}",
        ),
        (f"a withdrawal of more than {5 + fee} is refused", f"amount > {5 + fee}"),
    )
    punish, lines = d.pick(
        ("", ""),
        (
            f" Each refusal costs a fee of {fee}, which may make the balance negative.",
            f"                balance[who] -= {fee}\n",
        ),
        (" After its third refusal in all, an account accepts no further withdrawals.", "count"),
    )
    blocked = lines == "count"
    goal, end, kind = d.pick(
        ("the number of refused withdrawals", "refused", "int"),
        (
            "the balances in alphabetical order of the names, as a list of texts `name balance`",
            '[f"{who} {balance[who]}" for who in sorted(balance)]',
            "list[str]",
        ),
        (
            "the largest balance of an account in the end (0 if there is no account)",
            "max(balance.values(), default=0)",
            "int",
        ),
        ("the sum of all balances in the end", "sum(balance.values())", "int"),
    )
    check = f"{test} or strikes.get(who, 0) >= 3" if blocked else test
    extra = "                strikes[who] = strikes.get(who, 0) + 1\n" if blocked else lines
    code = f"""
def book(log: list[str]) -> {kind}:
    balance = {{}}
{"    strikes = {}" + chr(10) if blocked else ""}    refused = 0
    for entry in log:
        who, action, amount = entry.split()
        amount = int(amount)
        balance.setdefault(who, 0)
        if action == "in":
            balance[who] += amount
        elif action == "out":
            if {check}:
                refused += 1
{extra}                continue
            balance[who] -= amount
    return {end}
"""
    if end != "refused":
        code = code.replace("                refused += 1\n", "").replace("    refused = 0\n", "")
    ask = f"Each text in `log` has the form `name action amount`, where the action is `in` (pay in) or `out` (withdraw). Accounts start at 0 when they are first named; {refuse}.{punish} Return {goal}."

    def make() -> list[object]:
        return [
            [
                f"{d.pick('ann', 'bob', 'eve')} {d.pick('in', 'out')} {d.randint(1, 12)}"
                for _ in range(d.randint(4, 12))
            ]
        ]

    edges = [
        [["ann in 5", "ann out 5"]],
        [["bob out 3", "bob out 3", "bob out 30", "bob in 9", "bob out 2"]],
        [["eve in 10", "eve out 11", "ann in 1"]],
    ]
    return Problem(
        ask,
        code,
        d.cases(10, make, *edges),
        "A dictionary of balances, changed entry by entry.",
        ("1 <= len(log) <= 1000",),
        difficulty=0.3,
        form="calls" if kind == "list[str]" else "",
    )


def rounds(d: Draw) -> Problem:
    """People in a circle, cards in a deck."""
    words, test = number_property(d)
    story, body = d.pick(
        ("`n` people stand in a circle, numbered 1 to n. Counting starts at number 1; every `k`-th person leaves, and counting goes on with the next one, until one is left. Return {}.", "    circle = list(range(1, n + 1))\n    place = 0\n    gone = []\n    while len(circle) > 1:\n        place = (place + k - 1) % len(circle)\n        gone.append(circle.pop(place))\n    last = circle[0]"),
        ("A deck holds the cards 1 (on top) to n. As long as there is more than one card, the top card is thrown away and then the next `k` cards are moved one by one from the top to the bottom. Return {}.", "    cards = list(range(1, n + 1))\n    gone = []\n    while len(cards) > 1:\n        gone.append(cards.pop(0))\n        turn = k % len(cards)\n        cards = cards[turn:] + cards[:turn]\n    last = cards[0]"),
        ("`n` people stand in a circle, numbered 1 to n. Starting with number 1, people count 1, 2, 3, ... in turn; whoever says a multiple of `k` leaves, and so does whoever says a number that contains the digit 7, until one is left. Return {}.", "    circle = list(range(1, n + 1))\n    gone = []\n    said = 0\n    while len(circle) > 1:\n        said += 1\n        who = circle.pop(0)\n        if said % k == 0 or \"7\" in str(said):\n            gone.append(who)\n        else:\n            circle.append(who)\n    last = circle[0]"),
    )  # fmt: skip
    goal, end = d.pick(
        ("the number of the last one", "last"),
        (
            "the number of the one that leaves (or is thrown away) last before the end, or 0",
            "gone[-1] if gone else 0",
        ),
        (f"how many of the numbers that leave are {words}", f"sum(1 for x in gone if {test})"),
        (
            "the sum of those numbers that leave at an odd turn (the first, third, ...)",
            "sum(gone[::2])",
        ),
    )
    if "gone" not in end:
        body = (
            body.replace("gone.append(circle.pop(place))", "circle.pop(place)")
            .replace("gone.append(cards.pop(0))", "cards.pop(0)")
            .replace("    gone = []\n", "")
            .replace(
                '        if said % k == 0 or "7" in str(said):\n            gone.append(who)\n        else:\n            circle.append(who)\n',
                '        if said % k and "7" not in str(said):\n            circle.append(who)\n',
            )
        )
    if "last" not in end:
        body = "\n".join(line for line in body.split("\n") if "last =" not in line)
    code = f"\ndef rounds(n: int, k: int) -> int:\n{body}\n    return {end}\n"
    cases = d.cases(
        12, lambda: [d.randint(3, 25), d.randint(2, 6)], [1, 2], [2, 3], [10, 2], [7, 7]
    )
    return Problem(
        story.format(goal),
        code,
        cases,
        "The circle is small enough to be acted out with a list.",
        ("1 <= n <= 1000", "2 <= k <= 1000"),
        difficulty=0.35,
    )


TEMPLATES = {"arrangements": arrangements, "game": game, "accounts": accounts, "rounds": rounds}

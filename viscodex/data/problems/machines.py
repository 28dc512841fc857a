"""Problems that follow rules step by step: stacks, queues, robots, caches, small languages.

in:  a Draw
out: Problems
not covered: cellular automata (matrices.py), games and backtracking (games.py)
"""

from __future__ import annotations

from viscodex.data.problems.draw import Draw
from viscodex.data.problems.problem import Problem
from viscodex.data.problems.vocabulary import a_list


def robot(d: Draw) -> Problem:
    """A robot with a drawn set of commands."""
    commands = [
        ("F", "moves one step forward", "x, y = x + dx, y + dy"), ("B", "moves one step backward", "x, y = x - dx, y - dy"), ("L", "turns left by 90 degrees", "dx, dy = -dy, dx"),
        ("R", "turns right by 90 degrees", "dx, dy = dy, -dx"), ("J", "jumps two steps forward", "x, y = x + 2 * dx, y + 2 * dy"), ("U", "turns round", "dx, dy = -dx, -dy"),
        ("O", "goes back to the origin, keeping its direction", "x, y = 0, 0"), ("M", "is mirrored at the origin, keeping its direction", "x, y = -x, -y"),
        ("S", "steps one place to its left without turning", "x, y = x - dy, y + dx"), ("X", "swaps its two coordinates", "x, y = y, x"),
    ]  # fmt: skip
    chosen = [d.pick(commands[0], commands[4]), d.pick(commands[2], commands[3]), *d.some(d.randint(1, 3), [c for c in commands if c[0] in "BUOMSX"])]  # fmt: skip
    goal, end = d.pick(
        ("the Manhattan distance from the origin in the end", "abs(x) + abs(y)"),
        ("how many different places it has been on, the origin included", "len(seen)"),
        ("its final x coordinate times 1000 plus its final y coordinate", "1000 * x + y"),
        (
            "the largest Manhattan distance from the origin it has had",
            "max(abs(p) + abs(q) for p, q in seen)",
        ),
        (
            "how often it ended a command on a place where it had already been before that command (turns on the spot count)",
            "again",
        ),
    )
    lines = "".join(
        f'        {"elif" if k else "if"} c == "{name}":\n            {action}\n'
        for k, (name, _, action) in enumerate(chosen)
    )
    seen = "seen" in end or end == "again"
    again = end == "again"
    code = f"""
def drive(program: str) -> int:
    x, y, dx, dy = 0, 0, 0, 1
{"    seen = {(0, 0)}" + chr(10) if seen else ""}{"    again = 0" + chr(10) if again else ""}    for c in program:
{lines}{"        again += (x, y) in seen" + chr(10) if again else ""}{"        seen.add((x, y))" + chr(10) if seen else ""}    return {end}
"""
    listed = "; ".join(f"{name} - {words}" for name, words, _ in chosen)
    letters = "".join(name for name, _, _ in chosen)
    who = d.pick("A robot", "A lawn mower", "A turtle", "A drone")
    ask = f"{who} stands at the origin of a plane and looks north (towards positive y). The string `program` holds its commands: {listed}. Return {goal}."
    cases = d.cases(
        12,
        lambda: [d.text(d.randint(4, 14), letters + letters[0])],
        [letters[0]],
        [letters[1]],
        [letters],
        [letters[0] * 4],
    )
    return Problem(
        ask,
        code,
        cases,
        "Place and direction are two pairs of numbers; each command changes them.",
        ("1 <= len(program) <= 10**5",),
        difficulty=0.25,
    )


def stack_machine(d: Draw) -> Problem:
    """A small stack language."""
    operations = [
        ("add", "replaces the two topmost numbers by their sum", 2, "stack.append(stack.pop() + stack.pop())"), ("mul", "replaces the two topmost numbers by their product", 2, "stack.append(stack.pop() * stack.pop())"),
        ("dup", "doubles the topmost number", 1, "stack.append(stack[-1])"), ("neg", "negates the topmost number", 1, "stack.append(-stack.pop())"), ("swap", "exchanges the two topmost numbers", 2, "stack[-1], stack[-2] = stack[-2], stack[-1]"),
        ("drop", "removes the topmost number", 1, "stack.pop()"), ("max", "replaces the two topmost numbers by the larger one", 2, "stack.append(max(stack.pop(), stack.pop()))"), ("rot", "moves the topmost number to the bottom", 1, "stack.insert(0, stack.pop())"),
        ("inc", "adds 1 to the topmost number", 1, "stack[-1] += 1"), ("over", "puts a copy of the second number from the top on top", 2, "stack.append(stack[-2])"), ("size", "puts the number of numbers on the stack on top", 0, "stack.append(len(stack))"),
    ]  # fmt: skip
    chosen = d.some(d.randint(3, 5), operations)
    bad, on_bad = d.pick(("is ignored", "continue"), ("ends the program at once", "break"))
    goal, end = d.pick(
        ("the topmost number in the end (-1 for an empty stack)", "stack[-1] if stack else -1"),
        ("the sum of all numbers on the stack in the end", "sum(stack)"),
        ("how many numbers are on the stack in the end", "len(stack)"),
        (
            "the smallest number on the stack in the end (0 for an empty stack)",
            "min(stack, default=0)",
        ),
    )
    lines = "".join(
        f'        elif word == "{name}":\n            {action}\n' for name, _, _, action in chosen
    )
    needs = ", ".join(f'"{name}": {need}' for name, _, need, _ in chosen)
    code = f"""
NEEDS = {{{needs}}}


def run(program: str) -> int:
    stack = []
    for word in program.split():
        if len(stack) < NEEDS.get(word, 0):
            {on_bad}
        if word not in NEEDS:
            stack.append(int(word))
{lines}    return {end}
"""
    listed = "; ".join(f"`{name}` {words}" for name, words, _, _ in chosen)
    names = [name for name, _, _, _ in chosen]

    def make() -> list[str]:
        words = [
            str(d.randint(0, 9)) if d.flag(0.55) else d.choice(names)
            for _ in range(d.randint(4, 11))
        ]
        return [" ".join([str(d.randint(1, 9)), str(d.randint(1, 9)), *words])]

    ask = f"A machine has a stack of integers, empty in the beginning. Its `program` consists of words separated by blanks: a number is put on top; {listed}. A word that finds too few numbers {bad}. Return {goal}."
    return Problem(
        ask,
        code,
        d.cases(
            12,
            make,
            ["5"],
            [names[0]],
            [f"3 4 {names[0]} {names[1]} {names[2]}"],
            [f"1 2 3 {names[-1]} {names[-1]} {names[-1]} {names[-1]} 7"],
        ),
        "Each word is looked up and applied to a Python list as the stack.",
        ("1 <= number of words <= 1000",),
        difficulty=0.35,
    )


def brackets(d: Draw) -> Problem:
    """Bracket texts."""
    pairs = d.some(d.randint(1, 3), ["()", "[]", "{}", "<>"])
    rule, test = d.pick(
        ("", ""),
        (" In addition, the nesting must never be deeper than 3.", "len(stack) > 3"),
        (
            " In addition, a bracket pair must not directly contain another pair of its own kind.",
            "len(stack) > 1 and stack[-1] == stack[-2]",
        ),
    )
    goal, kind, end = d.pick(
        ("whether the text is correct", "bool", None), ("the length of the longest prefix that is correct", "int", "best"),
        ("the index of the first character at which it is clear that the text cannot be continued to a correct one, or -1", "int", "fault"),
    )  # fmt: skip
    table = "{" + ", ".join(f'"{p[1]}": "{p[0]}"' for p in pairs) + "}"
    fail = {None: "return False", "best": "return best", "fault": "return k"}[end]
    guard = f"            if {test}:\n                {fail}\n" if test else ""
    keep = "        if not stack:\n            best = k + 1\n" if end == "best" else ""
    final = {None: "not stack", "best": "best", "fault": "-1"}[end]
    code = f"""
OPENING = {table}


def check(text: str) -> {kind}:
    stack = []
{"    best = 0" + chr(10) if end == "best" else ""}    for {"k, c in enumerate(text)" if end else "c in text"}:
        if c in OPENING.values():
            stack.append(c)
{guard}        elif c in OPENING:
            if not stack or stack.pop() != OPENING[c]:
                {fail}
{keep}    return {final}
"""
    letters = "".join(pairs) + "a"

    def make() -> list[str]:
        text = ""
        stack: list[str] = []
        for _ in range(d.randint(3, 12)):
            if stack and d.flag(0.45):
                text += stack.pop()
            elif d.flag(0.12):
                text += d.choice(letters)
            else:
                pair = d.choice(pairs)
                text, stack = text + pair[0], [*stack, pair[1]]
        return [text + ("".join(reversed(stack)) if d.flag(0.75) else "")]

    p = pairs[0]
    ask = f"A text with brackets of the kind{'s' if len(pairs) > 1 else ''} {' and '.join(pairs)} is correct if each opening bracket is closed by one of its kind, in the right order.{rule} Other characters do not matter. Return {goal} for `text`."
    cases = d.cases(14, make, [p], [p[0]], [p[1]], [p[0] * 2 + p[1]], ["".join(q[0] for q in pairs) + "".join(q[1] for q in pairs)], [p[0] * 4 + p[1] * 4], [p * 2], ["a"])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "Opening brackets wait on a stack for their partner.",
        ("1 <= len(text) <= 10**5",),
        difficulty=0.35,
    )


def next_beyond(d: Draw) -> Problem:
    """Monotone stack."""
    a, opening = a_list(d)
    sign, word = d.pick(
        (">", "greater"), ("<", "smaller"), (">=", "greater or equal"), ("<=", "smaller or equal")
    )
    keep = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}[sign]
    goal, value, none = d.pick(
        ("the number of steps to", "j - k", "0"),
        ("the value of", f"{a}[j]", "-1"),
        ("the index of", "j", "-1"),
        ("the difference (later minus earlier) to", f"{a}[j] - {a}[k]", "0"),
    )
    total, kind = d.pick((False, "list[int]"), (True, "int"))
    end = "sum(result)" if total else "result"
    code = f"""
def look_ahead({a}: list[int]) -> {kind}:
    result = [{none}] * len({a})
    stack = []
    for k in range(len({a}) - 1, -1, -1):
        while stack and {a}[stack[-1]] {keep} {a}[k]:
            stack.pop()
        if stack:
            j = stack[-1]
            result[k] = {value}
        stack.append(k)
    return {end}
"""
    brute = f"""
def look_ahead({a}: list[int]) -> {kind}:
    result = []
    for k, x in enumerate({a}):
        found = [j for j in range(k + 1, len({a})) if {a}[j] {sign} x]
        j = found[0] if found else 0
        result.append({value} if found else {none})
    return {end}
"""
    ask = f"{opening} For every element consider {goal} the nearest later element that is {word} ({none} if there is none). Return {'the sum of these numbers' if total else 'the list of these numbers'}."
    cases = d.cases(
        12, lambda: [d.ints(d.randint(3, 10), 0, 12)], [[]], [[4]], [[1, 2, 3]], [[3, 2, 2, 1]]
    )
    return Problem(
        ask,
        code,
        cases,
        "From right to left, a stack holds the elements that can still be an answer.",
        (f"0 <= len({a}) <= 10**5",),
        brute,
        difficulty=0.45,
        form="" if total else "calls",
    )


def cache(d: Draw) -> Problem:
    """Caches with several rules of replacement."""
    thing = d.pick("pages", "keys", "tiles", "films")
    rule, hit, victim = d.pick(
        (
            "the one that was not used for the longest time",
            "        store.remove(key)\n        store.append(key)\n",
            "store.pop(0)",
        ),
        ("the one that has been in it for the longest time", "", "store.pop(0)"),
        ("the one that came in last", "", "store.pop()"),
        ("the one with the smallest number", "", "store.remove(min(store))"),
        (
            "the one that was used most recently",
            "        store.remove(key)\n        store.append(key)\n",
            "store.pop()",
        ),
        ("the one with the largest number", "", "store.remove(max(store))"),
    )
    goal, end = d.pick(
        ("how many requests find their key in the cache", "hits"),
        ("how many keys are thrown out in all", "thrown"),
        ("the sum of the keys that are in the cache in the end", "sum(store)"),
    )
    k = d.randint(2, 5)
    extra, test = d.pick(
        ("", ""),
        (f" Keys divisible by {k} are never stored (and never found).", f"key % {k} == 0"),
        (
            " A request for the same key as the request just before is skipped altogether.",
            "number > 0 and key == requests[number - 1]",
        ),
    )
    guard = f"        if {test}:\n            continue\n" if test else ""
    indent_hit = "".join(
        f"        {line.strip()}\n" and f"            {line.strip()}\n"
        for line in hit.split("\n")
        if line.strip()
    )
    code = f"""
def serve(requests: list[int], size: int) -> int:
    store = []
    hits = thrown = 0
    for {"number, key in enumerate(requests)" if "number" in test else "key in requests"}:
{guard}        if key in store:
            hits += 1
{indent_hit}            continue
        if len(store) == size:
            {victim}
            thrown += 1
        store.append(key)
    return {end}
"""
    if end != "hits":
        code = code.replace("            hits += 1\n", "").replace("hits = thrown", "thrown")
    if end != "thrown":
        code = (
            code.replace("            thrown += 1\n", "")
            .replace("hits = thrown = 0", "hits = 0")
            .replace("    thrown = 0\n", "")
        )
    ask = f"A cache has room for `size` {thing}, each known by a number, its key. The list `requests` is served in order: a key that is in the cache is found (a hit) and stays; any other one is put in, and if the cache is full, {rule} is thrown out first.{extra} Return {goal}."
    cases = d.cases(12, lambda: [d.ints(d.randint(6, 16), 1, 8), d.randint(1, 4)], [[], 2], [[3, 3, 3], 1], [[1, 2, 3, 1, 4, 1, 2], 3], [[6, 2, 4, 2, 6, 8, 2], 2])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "A list in order of age or use is enough.",
        ("0 <= len(requests) <= 1000", "1 <= size <= 100"),
        difficulty=0.4,
    )


def queue_line(d: Draw) -> Problem:
    """Queues at counters."""
    place, who, unit = d.pick(
        ("bank", "customers", "minutes"),
        ("post office", "customers", "minutes"),
        ("print server", "documents", "seconds"),
        ("toll station", "lorries", "seconds"),
    )
    choice, key = d.pick(
        ("that is free first (the one with the smallest number on ties)", "free"),
        ("that has served the fewest so far (the one with the smallest number on ties)", "served"),
    )
    goal, end = d.pick(
        ("when the last one is done", "max(free)"),
        ("the largest time one of them waits before being served", "longest"),
        ("the sum of the times that they wait before being served", "waited"),
        ("how many of them are served at counter 0", "served[0]"),
    )
    gap = d.randint(0, 3)
    arrive, when = d.pick(
        ("All of them arrive at time 0, in this order.", "0"),
        (f"Number k (from 0) arrives at time {gap + 1}k.", f"{gap + 1} * k" if gap else "k"),
    )
    code = f"""
def simulate(times: list[int], counters: int) -> int:
    free = [0] * counters
    served = [0] * counters
    waited = longest = 0
    for k, time in enumerate(times):
        arrival = {when}
        counter = {key}.index(min({key}))
        wait = max(free[counter] - arrival, 0)
        waited += wait
        longest = max(longest, wait)
        free[counter] = arrival + wait + time
        served[counter] += 1
    return {end}
"""
    if "waited" not in end:
        code = code.replace("        waited += wait\n", "").replace(
            "waited = longest = 0", "longest = 0"
        )
    if "longest" not in end:
        code = (
            code.replace("        longest = max(longest, wait)\n", "")
            .replace("waited = longest = 0", "waited = 0")
            .replace("    longest = 0\n", "")
        )
    ask = f"In a {place}, {who} need the {unit} listed in `times`. {arrive.replace('1k', 'k')} One after the other, each goes to the counter {choice} and waits there if it is still busy; the `counters` counters are numbered from 0. Return {goal} (0 if `times` is empty)."
    cases = d.cases(12, lambda: [d.ints(d.randint(3, 9), 1, 9), d.randint(1, 3)], [[], 1], [[5], 2], [[3, 3, 3, 3], 2], [[9, 1, 1, 1, 1], 2])  # fmt: skip
    return Problem(
        ask,
        code,
        cases,
        "For each counter it is enough to know when it becomes free.",
        ("0 <= len(times) <= 1000", "1 <= counters <= 20"),
        difficulty=0.35,
    )


def expression(d: Draw) -> Problem:
    """Arithmetic with unusual rules of precedence."""
    rule = d.pick("equal", "plus first", "right", "usual")
    second, do = d.pick(
        ("*", "left * right"),
        ("#", "max(left, right)"),
        ("@", "left * 2 + right"),
        ("%", "abs(left - right)"),
    )
    meaning = {
        "*": "multiplies",
        "#": "takes the larger one of its two numbers",
        "@": "stands for twice its left number plus its right number",
        "%": "gives the distance of its two numbers",
    }[second]
    if rule == "equal":
        body = f"""    words = expression.split()
    left = int(words[0])
    for sign, word in zip(words[1::2], words[2::2]):
        right = int(word)
        left = left + right if sign == "+" else {do}
    return left"""
        text = "Both signs bind equally strongly; the expression is evaluated from left to right."
    elif rule == "right":
        body = f"""    words = expression.split()
    right = int(words[-1])
    for k in range(len(words) - 2, 0, -2):
        left = int(words[k - 1])
        right = left + right if words[k] == "+" else {do}
    return right"""
        text = "Both signs bind equally strongly; the expression is evaluated from right to left."
    else:
        outer, inner = ("+", second) if rule == "usual" else (second, "+")
        inside = do if inner == second else "left + right"
        outside = do if outer == second else "left + right"
        body = f"""    def fold(parts, combine):
        left = parts[0]
        for right in parts[1:]:
            left = combine(left, right)
        return left

    terms = []
    for term in expression.split(" {outer} "):
        numbers = [int(word) for word in term.split(" {inner} ")]
        terms.append(fold(numbers, lambda left, right: {inside}))
    return fold(terms, lambda left, right: {outside})"""
        text = f"`{inner}` binds more strongly than `{outer}`; equal signs are evaluated from left to right."
    code = f"\ndef evaluate(expression: str) -> int:\n{body}\n"

    def make() -> list[str]:
        words = [str(d.randint(0, 9))]
        for _ in range(d.randint(2, 5)):
            words += [d.pick("+", second), str(d.randint(0, 9))]
        return [" ".join(words)]

    ask = f"`expression` holds non-negative integers and the signs + and {second}, all separated by single blanks. + adds; {second} {meaning}. {text} Return the value."
    return Problem(
        ask,
        code,
        d.cases(12, make, ["7"], ["2 + 3"], [f"2 {second} 3 + 4"], [f"2 + 3 {second} 4"]),
        "The text is cut at its signs and folded in the order of the rule.",
        ("at most 50 numbers",),
        difficulty=0.4,
    )


TEMPLATES = {
    "robot": robot, "stack_machine": stack_machine, "brackets": brackets, "next_beyond": next_beyond,
    "cache": cache, "queue_line": queue_line, "expression": expression,
}  # fmt: skip

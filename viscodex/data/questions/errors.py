"""Scripts that fail: a real traceback as a picture, the cause, and code that runs.

in:  a Draw
out: Questions of mode "error"
not covered: scripts that run but print or draw the wrong thing (outputs.py, plots.py)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from viscodex.data.problems.draw import Draw
from viscodex.data.questions.question import Question
from viscodex.data.questions.screens import THEMES


@dataclass(frozen=True, slots=True)
class Bug:
    """A script with a fault: parts that it shares with the repaired one, and what is wrong."""

    head: str  # before the faulty part, in both
    wrong: str
    right: str
    tail: str  # behind it, in both
    wanted: str  # what the repaired script prints
    cause: str
    topic: str  # what the script is for: "reads ..., sums ..."


_THINGS = (
    ("stock", "item", ["bolts", "nuts", "washers", "screws", "hinges", "nails"]), ("scores", "player", ["mia", "noah", "lena", "omar", "ivy", "theo"]),
    ("visits", "page", ["home", "about", "blog", "shop", "login", "help"]), ("harvest", "field", ["north", "south", "east", "west", "hill", "lake"]),
    ("trips", "city", ["Oslo", "Rome", "Lima", "Kyoto", "Cairo", "Quito"]), ("orders", "dish", ["soup", "pasta", "salad", "curry", "pizza", "cake"]),
    ("downloads", "package", ["parser", "router", "logger", "cache", "codec", "mailer"]), ("sightings", "bird", ["robin", "heron", "finch", "owl", "crane", "tern"]),
)  # fmt: skip
_ASK = (
    "I get the error in the screenshot when I run my script. What does it mean and how do I fix it?",
    "My script {topic}, but it crashes as shown in the image. What am I doing wrong?",
    "Can somebody explain this error? The script {topic}.",
    "Why do I get this exception, and what would the corrected code look like?",
    "This worked in my head, but running it gives the traceback in the picture. Please help me fix it. The script {topic}.",
    "See the attached screenshot. How can I get rid of this error without changing what the script is meant to do?",
)


def _things(d: Draw) -> tuple[str, str, list[str]]:
    name, one, values = d.pick(*_THINGS)
    return name, one, d.some(d.randint(3, 5), values)


def _missing_key(d: Draw) -> Bug:
    name, one, keys = _things(d)
    log = [d.choice(keys) for _ in range(d.randint(6, 10))]
    right = d.pick(
        f"    {name}[{one}] = {name}.get({one}, 0) + 1",
        f"    {name}.setdefault({one}, 0)\n    {name}[{one}] += 1",
    )
    count = {key: log.count(key) for key in sorted(set(log))}
    wanted = "\n".join(f"{k}: {v}" for k, v in count.items())
    return Bug(f"log = {log!r}\n\n{name} = {{}}\nfor {one} in log:\n", f"    {name}[{one}] += 1", right, f"\n\nfor {one} in sorted({name}):\n    print(f\"{{{one}}}: {{{name}[{one}]}}\")\n", wanted, f"`{name}[{one}] += 1` first reads `{name}[{one}]`, but for a {one} that comes up for the first time there is no such key yet, hence the `KeyError`. Give the key a start value of 0.", f"counts how often each {one} occurs")  # fmt: skip


def _off_by_one(d: Draw) -> Bug:
    name, _, _ = d.pick(*_THINGS)
    values = d.ints(d.randint(4, 7), 1, 60)
    options: tuple[tuple[str, str, Callable[[int, int], int]], ...] = (
        ("change", f"{name}[i + 1] - {name}[i]", lambda p, q: q - p),
        ("sum", f"{name}[i] + {name}[i + 1]", lambda p, q: p + q),
        ("larger", f"max({name}[i], {name}[i + 1])", lambda p, q: max(p, q)),
    )
    word, expression, function = d.choice(options)
    wanted = str([function(p, q) for p, q in itertools.pairwise(values)])
    return Bug(f"{name} = {values}\n\nresult = []\n", f"for i in range(len({name})):", f"for i in range(len({name}) - 1):", f"\n    {word} = {expression}\n    result.append({word})\nprint(result)\n", wanted, f"The loop looks at pairs `{name}[i]`, `{name}[i + 1]`. For the last `i` the index `i + 1` equals `len({name})`, one behind the end of the list. There is one pair less than there are elements, so the range must stop at `len({name}) - 1`.", "compares neighbouring numbers of a list")  # fmt: skip


def _text_plus_number(d: Draw) -> Bug:
    name, one, keys = _things(d)
    table = {key: d.randint(1, 90) for key in keys}
    wanted = (
        "\n".join(f"{one} {k}: {v}" for k, v in table.items()) + f"\ntotal: {sum(table.values())}"
    )
    right = d.pick(
        f'    print(f"{one} {{key}}: {{value}}")', f'    print("{one} " + key + ": " + str(value))'
    )
    return Bug(f"{name} = {table!r}\n\nfor key, value in {name}.items():\n", f'    print("{one} " + key + ": " + value)', right, f'\nprint(f"total: {{sum({name}.values())}}")\n', wanted, "`+` joins two strings or adds two numbers, but never a string and an `int`. Convert the number, for example with an f-string or `str(...)`.", f"prints a small report about {name}")  # fmt: skip


def _parse_number(d: Draw) -> Bug:
    kind = d.pick("thousands", "decimal", "unit", "empty")
    values = d.ints(d.randint(3, 5), 1000, 9000)
    name = d.pick(*_THINGS)[0]
    if kind == "thousands":
        words, right, numbers = [f"{v:,}" for v in values], 'int(word.replace(",", ""))', values
        cause = '`int()` does not accept a thousands separator: `"1,200"` is no literal of an integer. Remove the commas first.'
    elif kind == "decimal":
        words, right, numbers = (
            [f"{v / 100}" for v in values],
            "round(float(word))",
            [round(v / 100) for v in values],
        )
        cause = "`int()` only takes texts of whole numbers. A text with a decimal point has to go through `float()`; `round()` then makes it an integer."
    elif kind == "unit":
        unit = d.pick("kg", "ms", "km", "px")
        words, right, numbers = (
            [f"{v}{unit}" for v in values],
            f'int(word.removesuffix("{unit}"))',
            values,
        )
        cause = (
            f"The texts end with the unit `{unit}`, which `int()` cannot read. Take it off first."
        )
    else:
        words = [str(v) for v in values]
        words.insert(d.randint(1, len(words) - 1), "")
        right, numbers = 'int(word or "0")', [int(w or "0") for w in words]
        cause = 'One of the fields is empty, and `int("")` has no value to give. Treat an empty field as 0 (or skip it).'
    return Bug(f"raw = \"{';'.join(words)}\"\n\n{name} = []\nfor word in raw.split(\";\"):\n", "    " + f"{name}.append(int(word))", f"    {name}.append({right})", f"\nprint({name})\nprint(\"sum:\", sum({name}))\n", f"{numbers}\nsum: {sum(numbers)}", cause, "reads numbers from one line of a file")  # fmt: skip


def _none_result(d: Draw) -> Bug:
    name, _, _ = d.pick(*_THINGS)
    values = d.some(d.randint(4, 7), range(5, 80))
    k = d.randint(1, 3)
    wrong, right, result, call = d.pick(
        (f"ordered = {name}.sort()", f"ordered = sorted({name})", sorted(values), "`list.sort()` sorts in place and returns `None`"),
        (f"ordered = {name}.reverse()", f"ordered = {name}[::-1]", values[::-1], "`list.reverse()` works in place and returns `None`"),
        (f"ordered = {name}.sort(reverse=True)", f"ordered = sorted({name}, reverse=True)", sorted(values, reverse=True), "`list.sort()` sorts in place and returns `None`"),
    )  # fmt: skip
    return Bug(f"{name} = {values}\n\n", wrong, right, f"\nfirst = ordered[:{k}]\nprint(\"first {k}:\", first)\nprint(\"average:\", sum(first) / len(first))\n", f"first {k}: {result[:k]}\naverage: {sum(result[:k]) / k}", f"{call}, so `ordered` is `None` and cannot be sliced. Use an expression that returns a new list.", "takes the first few of a sorted list")  # fmt: skip


def _shadowed(d: Draw) -> Bug:
    name = d.pick(*_THINGS)[0]
    values = d.ints(d.randint(4, 6), 1, 50)
    builtin, result = d.pick(
        ("sum", sum(values)), ("max", max(values)), ("min", min(values)), ("len", len(values))
    )
    start = {"sum": "0", "max": f"{name}[0]", "min": f"{name}[0]", "len": "0"}[builtin]
    update = {
        "sum": "+= value",
        "max": "= value if value > {0} else {0}",
        "min": "= value if value < {0} else {0}",
        "len": "+= 1",
    }[builtin]

    def loop(n: str) -> str:
        return f'{n} = {start}\nfor value in {name}:\n    {n} {update.format(n)}\nprint("first pass:", {n})'

    return Bug(f"{name} = {values}\n\n", loop(builtin), loop("result"), f"\n\nother = [x * {(k := d.randint(2, 4))} for x in {name}]\nprint(\"second pass:\", {builtin}(other))\n", f"first pass: {result}\nsecond pass: {result * (1 if builtin == 'len' else k)}", f"The variable `{builtin}` hides the built-in function of that name. From then on `{builtin}` is an integer, and `{builtin}(other)` tries to call it. Give the variable another name.", "works through a list twice")  # fmt: skip


def _local_counter(d: Draw) -> Bug:
    name, one, keys = _things(d)
    total = d.pick("total", "counter", "seen", "handled")
    step = d.randint(1, 5)
    right = d.pick(
        f"def register({one}):\n    global {total}\n    {total} += {step}\n    print({total}, {one})\n\n\nfor {one} in {keys!r}:\n    register({one})",
        f"def register({one}, {total}):\n    {total} += {step}\n    print({total}, {one})\n    return {total}\n\n\nfor {one} in {keys!r}:\n    {total} = register({one}, {total})",
    )
    wrong = f"def register({one}):\n    {total} += {step}\n    print({total}, {one})\n\n\nfor {one} in {keys!r}:\n    register({one})"
    wanted = "\n".join(f"{(k + 1) * step} {key}" for k, key in enumerate(keys))
    return Bug(f"{total} = 0\n\n\n", wrong, right, f"\nprint(\"end:\", {total})\n", f"{wanted}\nend: {len(keys) * step}", f"Because the function assigns to `{total}`, Python treats it as a local variable everywhere in that function, and it has no value yet when `+=` reads it. Either declare it `global`, or (cleaner) pass it in and return it.", f"numbers each {one} in {name}")  # fmt: skip


def _empty_average(d: Draw) -> Bug:
    name, one, keys = _things(d)
    table: dict[str, list[int]] = {key: d.ints(d.randint(1, 4), 1, 20) for key in keys}
    empty = d.choice(keys[1:])
    table[empty] = []
    right = d.pick(
        "    average = sum(values) / len(values) if values else 0.0",
        "    average = sum(values) / max(len(values), 1)",
    )
    wanted = "\n".join(f"{k:8} {(sum(v) / len(v) if v else 0.0):.2f}" for k, v in table.items())
    return Bug(f"{name} = {table!r}\n\nfor {one}, values in {name}.items():\n", "    average = sum(values) / len(values)", right, f"\n    print(f\"{{{one}:8}} {{average:.2f}}\")\n", wanted, f"The list of `{empty}` is empty, so `len(values)` is 0 and the division fails. Decide what the average of nothing is to be; here it is 0.", f"prints the average for each {one}")  # fmt: skip


def _changed_while_iterating(d: Draw) -> Bug:
    name, one, keys = _things(d)
    table = {key: d.randint(0, 9) for key in keys}
    limit = sorted(table.values())[len(keys) // 2] + 1
    table[keys[0]] = 0
    right = d.pick(
        f"for {one} in list({name}):",
        f"for {one} in tuple({name}.keys()):",
        f"for {one} in sorted({name}):",
    )
    kept = {k: v for k, v in table.items() if v >= limit}
    return Bug(f"{name} = {table!r}\n\n", f"for {one} in {name}:", right, f"\n    if {name}[{one}] < {limit}:\n        del {name}[{one}]\nprint({name})\n", str(kept), "Entries are deleted from the dictionary while the loop walks over it; Python notices that the size changed and stops. Walk over a copy of the keys instead.", f"removes small entries of {name}")  # fmt: skip


def _unpack(d: Draw) -> Bug:
    one, keys = d.pick(*_THINGS)[1:]
    chosen = d.some(d.randint(2, 4), keys)
    rows = [f"{key}={d.randint(1, 9)}" for key in chosen]
    rows[-1] = f"{chosen[-1]}={(a := d.randint(1, 9))}={(b := d.randint(1, 9))}"
    right = '    key, value = row.split("=", 1)'
    wanted = "\n".join(f"{k} -> {r.split('=', 1)[1]}" for k, r in zip(chosen, rows, strict=True))
    del a, b
    return Bug(f"rows = {rows!r}\n\nfor row in rows:\n", '    key, value = row.split("=")', right, '\n    print(key, "->", value)\n', wanted, "The last row contains two equals signs, so `split(\"=\")` gives three parts for two names. Limit the number of splits with `split(\"=\", 1)`; everything behind the first sign then belongs to the value.", f"splits settings of each {one}")  # fmt: skip


def _attribute_of_dict(d: Draw) -> Bug:
    name, one, keys = _things(d)
    field = d.pick("price", "count", "rank", "age", "weight")
    rows: list[dict[str, Any]] = [{"name": key, field: d.randint(1, 99)} for key in keys]
    best = max(rows, key=lambda row: (row[field], row["name"]))
    total = sum(int(row[field]) for row in rows)
    return Bug(f"{name} = [\n" + "".join(f"    {row!r},\n" for row in rows) + f"]\n\ntotal = 0\nfor {one} in {name}:\n", f"    total += {one}.{field}", f'    total += {one}["{field}"]', f"\nprint(\"total {field}:\", total)\nprint(max({name}, key=lambda row: (row[\"{field}\"], row[\"name\"]))[\"name\"])\n", f"total {field}: {total}\n{best['name']}", f"Each {one} is a dictionary. Its entries are read with square brackets, `{one}[\"{field}\"]`; the dot looks for an attribute of the `dict` object.", f"adds up the {field} of all {name}")  # fmt: skip


def _missing_self(d: Draw) -> Bug:
    cls, method = d.pick(
        ("Account", "deposit"), ("Counter", "advance"), ("Tank", "fill"), ("Playlist", "extend_by")
    )
    start, steps = d.randint(0, 20), d.ints(d.randint(2, 4), 1, 9)
    calls = "".join(f"thing.{method}({k})\n" for k in steps)
    return Bug(f"class {cls}:\n    def __init__(self, level):\n        self.level = level\n\n", f"    def {method}(amount):\n        self.level += amount", f"    def {method}(self, amount):\n        self.level += amount", f"\n\n\nthing = {cls}({start})\n{calls}print(thing.level)\n", str(start + sum(steps)), f"A method gets the object itself as its first argument. `{method}(amount)` has no place for it, so the call passes two arguments to a function that takes one. Add `self`.", f"uses a small class `{cls}`")  # fmt: skip


def _list_as_key(d: Draw) -> Bug:
    points = [[d.randint(0, 2), d.randint(0, 2)] for _ in range(d.randint(5, 8))]
    count: dict[tuple[int, ...], int] = {}
    for p in points:
        count[tuple(p)] = count.get(tuple(p), 0) + 1
    name = d.pick("seen", "hits", "visited", "count")
    return Bug(f"points = {points}\n\n{name} = {{}}\nfor point in points:\n", f"    {name}[point] = {name}.get(point, 0) + 1", f"    key = tuple(point)\n    {name}[key] = {name}.get(key, 0) + 1", f"\nfor key in sorted({name}):\n    print(key, {name}[key])\n", "\n".join(f"{k} {count[k]}" for k in sorted(count)), "Keys of a dictionary must be hashable, and lists are not, because they can change. Convert the point to a tuple.", "counts how often each grid point was hit")  # fmt: skip


def _date_format(d: Draw) -> Bug:
    days = [
        (d.randint(13, 28), d.randint(1, 12), d.randint(2019, 2025)) for _ in range(d.randint(2, 4))
    ]
    shape, right, wrong = d.pick(
        ("{0:02d}.{1:02d}.{2}", "%d.%m.%Y", "%Y-%m-%d"),
        ("{2}-{1:02d}-{0:02d}", "%Y-%m-%d", "%d.%m.%Y"),
        ("{0:02d}/{1:02d}/{2}", "%d/%m/%Y", "%m/%d/%Y"),
        ("{2}/{1:02d}/{0:02d}", "%Y/%m/%d", "%Y-%m-%d"),
    )
    texts = [shape.format(*day) for day in days]
    wanted = "\n".join(f"{y}-{m:02d}" for _, m, y in days)
    return Bug(f"from datetime import datetime\n\ndates = {texts!r}\n\nfor text in dates:\n", f'    day = datetime.strptime(text, "{wrong}")', f'    day = datetime.strptime(text, "{right}")', '\n    print(day.strftime("%Y-%m"))\n', wanted, f"The format string does not describe the texts: they look like `{texts[0]}`, which is `{right}`, not `{wrong}`.", "reads dates and prints year and month")  # fmt: skip


def _mixed_sort(d: Draw) -> Bug:
    name = d.pick(*_THINGS)[0]
    values: list[int | str] = [*d.some(d.randint(4, 6), range(1, 60))]
    for k in d.some(2, range(len(values))):
        values[k] = str(values[k])
    key, function = d.pick(("int", int), ("float", float))
    ordered = sorted(values, key=function)
    return Bug(f"{name} = {values!r}\n\n", f"ordered = sorted({name})", f"ordered = sorted({name}, key={key})", "\nprint(ordered)\nprint(\"smallest:\", ordered[0])\n", f"{ordered!r}\nsmallest: {ordered[0]}", f"The list mixes numbers and texts of numbers, and `<` is not defined between `str` and `int`. A key makes them comparable: `key={key}` (or convert the list once and for all).", "sorts values that come from two sources")  # fmt: skip


def _json_quotes(d: Draw) -> Bug:
    one, keys = d.pick(*_THINGS)[1:]
    key, value = d.choice(keys), d.randint(2, 90)
    wrong, right, cause = d.pick(
        (f"text = \"{{'{one}': '{key}', 'n': {value}}}\"", f"text = '{{\"{one}\": \"{key}\", \"n\": {value}}}'", "JSON allows double quotes only; names in single quotes are no JSON."),
        (f"text = '{{\"{one}\": \"{key}\", \"n\": {value},}}'", f"text = '{{\"{one}\": \"{key}\", \"n\": {value}}}'", "JSON does not allow a comma behind the last entry."),
        (f"text = '{{\"{one}\": \"{key}\", \"n\": {value}, \"ok\": True}}'", f"text = '{{\"{one}\": \"{key}\", \"n\": {value}, \"ok\": true}}'", "The literals of JSON are `true`, `false` and `null`; `True` is Python's."),
    )  # fmt: skip
    return Bug("import json\n\n", wrong, right, f"\ndata = json.loads(text)\nprint(data[\"{one}\"], data[\"n\"] * 2)\n", f"{key} {value * 2}", cause + " The position in the message points at the first character that cannot be.", f"reads a {one} from JSON")  # fmt: skip


def _no_colon(d: Draw) -> Bug:
    name, one, keys = _things(d)
    limit = d.randint(3, 5)
    head, wrong, right = d.pick(
        ("", f"def long_names({name})", f"def long_names({name}):"), ("", f"def long_names({name}:", f"def long_names({name}):"),
    )  # fmt: skip
    cause = "The line that begins the function " + (
        "lacks its colon." if not wrong.endswith(":") else "lacks the closing parenthesis."
    )
    kept = [key for key in keys if len(key) > limit]
    return Bug(head, wrong, right, f"\n    return [{one} for {one} in {name} if len({one}) > {limit}]\n\n\nprint(long_names({keys!r}))\n", repr(kept), cause + " Python only notices at the next token that it cannot go on.", f"keeps long names of {name}")  # fmt: skip


BUGS = (
    _missing_key, _off_by_one, _text_plus_number, _parse_number, _none_result, _shadowed, _local_counter, _empty_average,
    _changed_while_iterating, _unpack, _attribute_of_dict, _missing_self, _list_as_key, _date_format, _mixed_sort,
    _json_quotes, _no_colon,
)  # fmt: skip


def screen_of(d: Draw, style: str, code: str, name: str) -> dict[str, Any]:
    """The screen on which a script's output is shown."""
    user = d.pick("dev", "anna", "jonas", "student", "mk", "priya")
    project = d.pick("project", "scripts", "analysis", "homework", "tools", "reports")
    file = f"{name}.py"
    theme = d.pick(*THEMES[:4]) if style == "terminal" and d.flag(0.8) else d.pick(*THEMES)
    return {
        "style": style, "theme": theme, "size": d.pick(13, 14, 15), "file": file, "folder": f"/home/{user}/{project}",
        "user": user, "host": d.pick("laptop", "thinkpad", "ws-12", "ubuntu", "devbox"), "command": d.pick("python ", "python3 ") + file,
        "code": code, "other": d.pick("utils.py", "README.md", "config.yaml", "notes.txt"), "flavour": "Python 3.11",
        "number": d.randint(1, 30), "colour": d.flag(0.3),
    }  # fmt: skip


def question_of(d: Draw, bug: Bug, style: str) -> Question:
    """A bug as a question whose picture is a screen with the traceback."""
    broken, code = (f"{bug.head}{part}{bug.tail}" for part in (bug.wrong, bug.right))
    file = d.pick("main", "report", "analyse", "run", "load_data", "summary", "check", "stats")
    ask = d.pick(*_ASK).format(topic=bug.topic)
    if style == "terminal":
        ask += f"\n\n```python\n{broken.rstrip()}\n```"
    after = d.pick(
        "",
        f"It now prints:\n```\n{bug.wanted.rstrip()}\n```",
        "The rest of the script can stay as it is.",
    )
    return Question(
        "error",
        ask,
        bug.cause,
        code,
        bug.wanted,
        broken=broken,
        screen=screen_of(d, style, broken, file),
        difficulty=0.25 + 0.02 * len(code.splitlines()),
        after=after,
    )


def error_terminal(d: Draw) -> Question:
    """A traceback in a terminal; the script stands in the question."""
    return question_of(d, d.pick(*BUGS)(d), "terminal")


def error_editor(d: Draw) -> Question:
    """An editor with the script and the traceback below it."""
    return question_of(d, d.pick(*BUGS)(d), "editor")


def error_notebook(d: Draw) -> Question:
    """A cell of a notebook that failed."""
    return question_of(d, d.pick(*BUGS)(d), "notebook")


TEMPLATES = {
    "error_terminal": error_terminal,
    "error_editor": error_editor,
    "error_notebook": error_notebook,
}

"""Programs that run but print the wrong thing; outputs and trees that code shall reproduce.

in:  a Draw
out: Questions of mode "output"
not covered: programs that fail (errors.py)
"""

from __future__ import annotations

import html
import json
from typing import Any

from viscodex.data.problems.draw import Draw
from viscodex.data.questions.errors import screen_of
from viscodex.data.questions.question import Question
from viscodex.data.questions.screens import MONO, THEMES

Case = tuple[str, str, str, str]  # broken, code, wanted, cause


def _script_cases(d: Draw) -> Case:
    a, b, c = d.ints(3, 2, 60)
    values = d.some(d.randint(5, 7), range(3, 99))
    words = d.some(4, ["delta", "Alpha", "gamma", "Beta", "omega", "Kappa", "sigma"])
    k, limit = d.randint(2, 3), sorted(values)[len(values) // 2]
    kept = [v for v in values if v <= limit]
    rows, columns = d.randint(2, 3), d.randint(2, 4)
    grid = [[a if (r, q) == (0, 0) else 0 for q in range(columns)] for r in range(rows)]
    sliced = values[-k:]
    price = d.pick(0.1, 0.7, 1.1)
    return d.pick(
        (f"def add(item, items=[]):\n    items.append(item)\n    return items\n\n\nprint(add({a}))\nprint(add({b}))\nprint(add({c}))\n", f"def add(item, items=None):\n    if items is None:\n        items = []\n    items.append(item)\n    return items\n\n\nprint(add({a}))\nprint(add({b}))\nprint(add({c}))\n", f"[{a}]\n[{b}]\n[{c}]", "A default value is made once, when the function is defined. All calls share the same list. Use `None` as the default and make a new list inside."),
        (f"grid = [[0] * {columns}] * {rows}\ngrid[0][0] = {a}\nfor row in grid:\n    print(row)\n", f"grid = [[0] * {columns} for _ in range({rows})]\ngrid[0][0] = {a}\nfor row in grid:\n    print(row)\n", "\n".join(map(str, grid)), f"`[row] * {rows}` puts the same row object into the list {rows} times, so a change shows in all of them. A comprehension makes a new list for each row."),
        (f"values = {values}\nfor v in values:\n    if v > {limit}:\n        values.remove(v)\nprint(values)\n", f"values = {values}\nvalues = [v for v in values if v <= {limit}]\nprint(values)\n", repr(kept), "Removing elements shifts the rest of the list while the loop goes on counting, so neighbours of removed elements are skipped. Build a new list."),
        (f"actions = []\nfor n in range({k + 1}):\n    actions.append(lambda x: x + n)\nprint([f({a}) for f in actions])\n", f"actions = []\nfor n in range({k + 1}):\n    actions.append(lambda x, n=n: x + n)\nprint([f({a}) for f in actions])\n", str([a + n for n in range(k + 1)]), "The functions look up `n` when they are called, and by then it has its last value. A default argument keeps the present value."),
        (f"words = {words}\nprint(sorted(words))\n", f"words = {words}\nprint(sorted(words, key=str.lower))\n", repr(sorted(words, key=str.lower)), "Capital letters come before all small ones in the character table. Compare in lower case with `key=str.lower`."),
        (f"values = {values}\nlast = values[-{k}:-1]\nprint(\"last {k}:\", last)\n", f"values = {values}\nlast = values[-{k}:]\nprint(\"last {k}:\", last)\n", f"last {k}: {sliced}", "The end of a slice is excluded, so `-1` leaves the last element out. Omit the end."),
        (f"total = 0\nfor _ in range(3):\n    total += {price}\nprint(total == {round(3 * price, 1)})\n", f"import math\n\ntotal = 0\nfor _ in range(3):\n    total += {price}\nprint(math.isclose(total, {round(3 * price, 1)}))\n", "True", "Binary floating point cannot represent these decimals exactly, so the sum is off in the last digit. Compare with a tolerance (or use `decimal`)."),
        (f"numbers = \"{' '.join(map(str, values))}\".split()\nprint(max(numbers), min(numbers))\n" if len({len(str(v)) for v in values}) > 1 and (max(map(str, values)), min(map(str, values))) != (str(max(values)), str(min(values))) else f"numbers = \"9 {a + 100} 25\".split()\nprint(max(numbers), min(numbers))\n", f"numbers = [int(word) for word in \"{' '.join(map(str, values))}\".split()]\nprint(max(numbers), min(numbers))\n" if len({len(str(v)) for v in values}) > 1 and (max(map(str, values)), min(map(str, values))) != (str(max(values)), str(min(values))) else f"numbers = [int(word) for word in \"9 {a + 100} 25\".split()]\nprint(max(numbers), min(numbers))\n", f"{max(values)} {min(values)}" if len({len(str(v)) for v in values}) > 1 and (max(map(str, values)), min(map(str, values))) != (str(max(values)), str(min(values))) else f"{a + 100} 9", "`split` gives strings, and strings are compared letter by letter: \"9\" is greater than \"25\". Convert to integers."),
        (f"x = {a}\ny = x / {k}\nprint(\"items per box:\", y)\n", f"x = {a}\ny = x // {k}\nprint(\"items per box:\", y)\n", f"items per box: {a // k}", "`/` always gives a float in Python 3. For whole items use floor division, `//`."),
        (f"squares = (v * v for v in {values})\nprint(\"sum:\", sum(squares))\nprint(\"largest:\", max(squares, default=0))\n", f"squares = [v * v for v in {values}]\nprint(\"sum:\", sum(squares))\nprint(\"largest:\", max(squares, default=0))\n", f"sum: {sum(v * v for v in values)}\nlargest: {max(values) ** 2}", "A generator can be walked through only once; after `sum` it is exhausted. A list can be used again."),
    )  # fmt: skip


def wrong_output(d: Draw) -> Question:
    """A Python script whose output is not the expected one."""
    broken, code, wanted, cause = _script_cases(d)
    style = d.pick("terminal", "editor", "notebook")
    screen = screen_of(d, style, broken, d.pick("main", "test", "demo", "try_it", "script"))
    ask = d.pick(
        "The screenshot shows what my script prints. I expected this instead:\n```\n{w}\n```\nWhy is that, and how do I fix it?",
        "No error, but a wrong result (see picture). It should print\n```\n{w}\n```\nWhat am I missing?",
        "Why is the output not what I think it should be?\n```\n{w}\n```\nThis is what I expect; the image shows what I get.",
    ).format(w=wanted)
    if style == "terminal":
        ask += f"\n\nThe script:\n```python\n{broken.rstrip()}\n```"
    return Question(
        "output", ask, cause, code, wanted, broken=broken, screen=screen, difficulty=0.35
    )


def _console_cases(d: Draw) -> Case:
    values = [d.randint(2, 9), d.randint(10, 30), d.randint(100, 300), d.randint(31, 99)]
    d.shuffle(values)
    a, b = d.randint(2, 40), d.randint(2, 40)
    key = d.pick("name", "title", "city", "label")
    who = d.pick("Ada", "Grace", "Linus", "Alan", "Edsger")
    digits = [str(d.randint(1, 9)) for _ in range(d.randint(3, 5))]
    return d.pick(
        (f"const prices = {values};\nprices.sort();\nconsole.log(prices.join(\", \"));\n", f"const prices = {values};\nprices.sort((a, b) => a - b);\nconsole.log(prices.join(\", \"));\n", ", ".join(map(str, sorted(values))), "Without a comparison function `sort` compares the elements as strings. Pass `(a, b) => a - b` for numbers."),
        (f"const words = {json.dumps(digits)};\nconst numbers = words.map(parseInt);\nconsole.log(numbers.join(\" \"));\n", f"const words = {json.dumps(digits)};\nconst numbers = words.map(Number);\nconsole.log(numbers.join(\" \"));\n", " ".join(digits), "`map` passes the index as second argument, and `parseInt` takes it for the base. Use `Number`, or an arrow function with one argument."),
        (f"const callbacks = [];\nfor (var i = 0; i < {a % 3 + 2}; i++) {{\n  callbacks.push(() => i * {b});\n}}\nconsole.log(callbacks.map((f) => f()).join(\" \"));\n", f"const callbacks = [];\nfor (let i = 0; i < {a % 3 + 2}; i++) {{\n  callbacks.push(() => i * {b});\n}}\nconsole.log(callbacks.map((f) => f()).join(\" \"));\n", " ".join(str(i * b) for i in range(a % 3 + 2)), "`var` makes one variable for the whole loop; all functions see its last value. `let` makes a new one in each round."),
        (f"const form = {{ first: \"{a}\", second: \"{b}\" }};\nconst total = form.first + form.second;\nconsole.log(\"total: \" + total);\n", f"const form = {{ first: \"{a}\", second: \"{b}\" }};\nconst total = Number(form.first) + Number(form.second);\nconsole.log(\"total: \" + total);\n", f"total: {a + b}", "Values of input fields are strings, and `+` joins strings. Convert them with `Number`."),
        (f"const user = {{ {key}: \"{who}\" }};\nconst copy = user;\ncopy.{key} = \"someone else\";\nconsole.log(user.{key});\n", f"const user = {{ {key}: \"{who}\" }};\nconst copy = {{ ...user }};\ncopy.{key} = \"someone else\";\nconsole.log(user.{key});\n", who, "`copy = user` copies the reference, not the object. Spread it into a new object."),
        (f"const counter = {{\n  n: {a},\n  add: function (steps) {{\n    [...Array(steps)].forEach(function () {{\n      this.n = (this.n || 0) + 1;\n    }});\n  }},\n}};\ncounter.add({b % 4 + 1});\nconsole.log(counter.n);\n", f"const counter = {{\n  n: {a},\n  add: function (steps) {{\n    [...Array(steps)].forEach(() => {{\n      this.n = (this.n || 0) + 1;\n    }});\n  }},\n}};\ncounter.add({b % 4 + 1});\nconsole.log(counter.n);\n", str(a + b % 4 + 1), "A `function` has a `this` of its own, which is not the counter. An arrow function keeps that of its surroundings."),
        (f"function area(w, h) {{\n  return\n    w * h;\n}}\nconsole.log(area({a}, {b}));\n", f"function area(w, h) {{\n  return w * h;\n}}\nconsole.log(area({a}, {b}));\n", str(a * b), "A semicolon is inserted behind a `return` that ends its line, so the function returns `undefined`. Begin the expression on the same line."),
        (f"async function load() {{\n  return {a};\n}}\nconst value = load();\nconsole.log(\"loaded \" + value);\n", f"async function load() {{\n  return {a};\n}}\nload().then((value) => console.log(\"loaded \" + value));\n", f"loaded {a}", "An async function returns a promise. Its value is there only after `await` or in `then`."),
        (f"const rows = Array({a % 2 + 2}).fill([]);\nrows[0].push({b});\nconsole.log(JSON.stringify(rows));\n", f"const rows = Array.from({{ length: {a % 2 + 2} }}, () => []);\nrows[0].push({b});\nconsole.log(JSON.stringify(rows));\n", json.dumps([[b], *([] for _ in range(a % 2 + 1))], separators=(",", ":")), "`fill` puts the same array into all places. `Array.from` with a function makes a new one for each."),
        (f"const stock = {{ apples: 0, pears: {a} }};\nconst apples = stock.apples || \"unknown\";\nconsole.log(\"apples: \" + apples);\n", f"const stock = {{ apples: 0, pears: {a} }};\nconst apples = stock.apples ?? \"unknown\";\nconsole.log(\"apples: \" + apples);\n", "apples: 0", "`||` takes the right side for every falsy value, 0 among them. `??` does so only for `null` and `undefined`."),
    )  # fmt: skip


def js_console(d: Draw) -> Question:
    """JavaScript with a surprising result in the console."""
    broken, code, wanted, cause = _console_cases(d)
    screen = {
        "style": "console",
        "theme": d.pick(*THEMES),
        "size": d.pick(13, 14),
        "code": broken,
        "file": d.pick("app.js", "index.js", "VM112", "main.js"),
    }
    ask = d.pick(
        "I typed this into the browser's console (see picture). Why is the result not `{w}`, and what is the right code?",
        "The console shows something else than the `{w}` that I expected. What is going on here?",
        "JavaScript puzzle for me: the code in the screenshot should print `{w}`. How do I fix it?",
    ).format(w=wanted)
    return Question("output", ask, cause, code, wanted, "javascript", broken=broken, screen=screen, width_px=d.pick(620, 680), difficulty=0.35)  # fmt: skip


_LOGS = (
    (r"(?P<time>\d\d:\d\d:\d\d) (?P<level>\w+) +(?P<service>\w+): .* in (?P<ms>\d+) ms", "{t} {level:<5} {service}: {noun} in {ms} ms"),
    (r"\[(?P<level>\w+)\] (?P<time>[\d:]+) (?P<service>\w+) - .* \((?P<ms>\d+)ms\)", "[{level}] {t} {service} - {noun} ({ms}ms)"),
    (r"time=(?P<time>\S+) level=(?P<level>\w+) service=(?P<service>\w+) ms=(?P<ms>\d+)", 'time={t} level={level} service={service} ms={ms} msg="{noun}"'),
    (r"(?P<service>\w+)\s+(?P<time>[\d:]+)\s+(?P<level>\w+)\s+(?P<ms>\d+) ms", "{service:<8} {t} {level:<5} {ms:>4} ms  {noun}"),
    (r"(?P<level>\w+) (?P<time>[\d:]+) \S+ (?P<service>\w+)/.* (?P<ms>\d+)$", "{level} {t} host1 {service}/{noun} {ms}"),
)  # fmt: skip
"""Pattern of a line of a log, and how it is written."""


def terminal_log(d: Draw) -> Question:
    """Output of a command that a script shall summarise."""
    services = d.some(
        3,
        ["auth", "billing", "search", "mail", "images", "queue", "cart", "login", "export", "sync"],
    )
    pattern, show = d.pick(*_LOGS)
    noun = d.pick("request done", "query finished", "page built", "message sent", "job ended")
    name, rows = (
        d.pick("summary", "digest", "report", "overview"),
        d.pick("records", "entries", "parsed"),
    )
    lines = []
    for _ in range(d.randint(7, 11)):
        level = d.pick("INFO", "INFO", "WARN", "ERROR")
        lines.append(
            (
                f"{d.randint(8, 19):02d}:{d.randint(0, 59):02d}:{d.randint(0, 59):02d}",
                level,
                d.choice(services),
                d.randint(3, 900),
            )
        )
    lines.sort()
    text = [show.format(t=t, level=level, service=s, ms=ms, noun=noun) for t, level, s, ms in lines]
    names = sorted({row[2] for row in lines})
    slow: dict[str, int] = {n: max(row[3] for row in lines if row[2] == n) for n in names}
    counts = {
        lv: sum(row[1] == lv for row in lines)
        for lv in ("ERROR", "INFO", "WARN")
        if any(row[1] == lv for row in lines)
    }
    limit = sorted(row[3] for row in lines)[len(lines) // 2]
    body, wanted, want = d.pick(
        (f"slowest = {{}}\n    for _, _, service, ms in {rows}(log):\n        slowest[service] = max(slowest.get(service, 0), ms)\n    return dict(sorted(slowest.items()))", repr(slow), "the largest time in ms for each service, as a dictionary sorted by name"),
        (f"counts = {{}}\n    for _, level, _, _ in {rows}(log):\n        counts[level] = counts.get(level, 0) + 1\n    return dict(sorted(counts.items()))", repr(counts), "how many lines there are for each level, as a dictionary sorted by level"),
        (f"return [time for time, _, _, ms in {rows}(log) if ms > {limit}]", repr([r[0] for r in lines if r[3] > limit]), f"the times of day of all lines that took more than {limit} ms, as a list"),
        (f"busy = {{}}\n    for _, _, service, ms in {rows}(log):\n        busy[service] = busy.get(service, 0) + ms\n    return max(sorted(busy), key=busy.get)", max(names, key=lambda n: sum(row[3] for row in lines if row[2] == n)), "the service with the largest sum of times (on a tie the first in the alphabet)"),
        (f"hours = {{}}\n    for time, _, _, ms in {rows}(log):\n        hours.setdefault(time[:2], []).append(ms)\n    return {{hour: sum(ms) // len(ms) for hour, ms in sorted(hours.items())}}", repr({h: sum(v) // len(v) for h in sorted({r[0][:2] for r in lines}) for v in [[r[3] for r in lines if r[0][:2] == h]]}), "the average time in ms (rounded down) for each hour, as a dictionary from the hour's two digits"),
    )  # fmt: skip
    code = f'import re\n\nLINE = re.compile(r"{pattern}")\n\n\ndef {rows}(log):\n    for line in log.splitlines():\n        found = LINE.match(line)\n        if found:\n            yield found["time"], found["level"], found["service"], int(found["ms"])\n\n\ndef {name}(log):\n    {body}\n'
    behind = f"print({name}({chr(10).join(text)!r}))\n"
    screen = screen_of(d, "terminal", "", "log") | {
        "command": d.pick("tail app.log", "cat app.log", "journalctl -u app -o cat"),
        "colour": False,
    }
    ask = d.pick(
        "My log looks like the terminal in the picture. Write a Python function `{f}(log)` that takes the text of the log and returns {w}.",
        "How can I parse lines like these (screenshot) in Python? I need `{f}(log)` to return {w}.",
        "Please write `{f}(log)` for logs in the format of the image; it should give {w}.",
    ).format(w=want, f=name)
    shown = "\n".join(text)
    # the picture shows the log, not what the test prints: a log that prints itself
    screen["body_text"] = shown
    return Question("output", ask, "A regular expression takes each line apart; lines in another format are skipped.", code, wanted, behind=behind, screen=screen, width_px=d.pick(640, 700), difficulty=0.4, seen=shown, after=d.pick("", f"For the log in the picture it returns `{wanted}`."))  # fmt: skip


def _tree(value: Any, name: str, depth: int) -> str:
    pad = f'<div style="padding-left:{18 * depth}px">'
    label = f'<span style="color:#8250df">{html.escape(name)}</span>' if name else ""
    if isinstance(value, dict | list):
        kind = f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        rows = "".join(_tree(v, str(k), depth + 1) for k, v in inner)
        return f'{pad}▾ {label} <span style="color:#8b949e">{kind}</span></div>{rows}'
    colour = "#0a7f3f" if isinstance(value, str) else "#0550ae"
    return f'{pad}<span style="visibility:hidden">▾</span> {label}: <span style="color:{colour}">{html.escape(json.dumps(value))}</span></div>'


def json_tree(d: Draw) -> Question:
    """A JSON document in a viewer; code that takes something out of it."""
    root, group, item = d.pick(
        ("shop", "orders", "items"),
        ("school", "classes", "pupils"),
        ("fleet", "trucks", "stops"),
        ("library", "shelves", "books"),
        ("hotel", "floors", "rooms"),
        ("clinic", "wards", "beds"),
        ("festival", "stages", "bands"),
        ("farm", "fields", "crops"),
        ("museum", "halls", "exhibits"),
        ("league", "clubs", "players"),
    )
    field, flag = d.pick(
        ("price", "paid"), ("points", "present"), ("km", "done"), ("pages", "lent"),
        ("weight", "checked"), ("age", "active"), ("minutes", "open"), ("score", "public"),
    )  # fmt: skip
    name = d.pick("extract", "collect", "pick_out", "find_it")
    data = {
        root: {
            "name": d.pick("Nord", "Delta", "Terra", "Luna"),
            group: [
                {
                    "id": 100 + k,
                    flag: d.flag(),
                    item: [
                        {"code": d.text(3, "ABCDEFGH"), field: d.randint(2, 60)}
                        for _ in range(d.randint(1, 3))
                    ],
                }
                for k in range(d.randint(2, 3))
            ],
        }
    }
    groups: Any = data[root][group]
    k = d.randint(10, 40)
    expression, value, want = d.pick(
        (f"sum(x[\"{field}\"] for g in data[\"{root}\"][\"{group}\"] for x in g[\"{item}\"])", sum(x[field] for g in groups for x in g[item]), f"the sum of all `{field}` values"),
        (f"[x[\"code\"] for g in data[\"{root}\"][\"{group}\"] for x in g[\"{item}\"] if x[\"{field}\"] > {k}]", [x["code"] for g in groups for x in g[item] if x[field] > k], f"the codes of all {item} with `{field}` above {k}, in order"),
        (f"{{g[\"id\"]: len(g[\"{item}\"]) for g in data[\"{root}\"][\"{group}\"]}}", {g["id"]: len(g[item]) for g in groups}, f"a dictionary from the id of each entry of `{group}` to its number of {item}"),
        (f"[g[\"id\"] for g in data[\"{root}\"][\"{group}\"] if g[\"{flag}\"]]", [g["id"] for g in groups if g[flag]], f"the ids of the entries of `{group}` for which `{flag}` is true"),
        (f"max((x for g in data[\"{root}\"][\"{group}\"] for x in g[\"{item}\"]), key=lambda x: (x[\"{field}\"], x[\"code\"]))[\"code\"]", max((x for g in groups for x in g[item]), key=lambda x: (x[field], x["code"]))["code"], f"the code with the largest `{field}` (on a tie the later one in the alphabet)"),
    )  # fmt: skip
    code = f"def {name}(data):\n    return {expression}\n"
    behind = f"import json\nprint({name}(json.loads({json.dumps(data)!r})))\n"
    body = (
        f'<div style="font:{d.pick(13, 14)}px/1.6 {MONO};color:#24292f">{_tree(data, "", 0)}</div>'
    )
    ask = d.pick(
        "The picture shows the structure of a JSON response. How do I get {w} in Python, if `data` is the parsed response? Please write `{f}(data)`.",
        "I have parsed the JSON document in the screenshot into `data`. Write a function `{f}(data)` that returns {w}.",
    ).format(w=want, f=name)
    return Question("output", ask, "Walk down the levels by their names: dictionaries by key, lists by a loop.", code, str(value), behind=behind, screen={"style": "drawn", "body": body}, width_px=d.pick(420, 480), difficulty=0.35, seen=json.dumps(data, indent=2), after=d.pick("", f"For the document in the picture the result is `{value}`."))  # fmt: skip


TEMPLATES = {
    "wrong_output": wrong_output,
    "js_console": js_console,
    "terminal_log": terminal_log,
    "json_tree": json_tree,
}

"""Diagrams that code shall implement: classes, tables with keys, states, flow charts.

in:  a Draw
out: Questions of mode "output": the answer's code is tested
not covered: graphs as data of a problem (data/problems)
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from viscodex.data.problems.draw import Draw
from viscodex.data.questions.question import Question
from viscodex.data.questions.screens import SANS

_TINTS = (("#eef4ff", "#3b6fd4"), ("#fff7e8", "#c77d0a"), ("#eefaf1", "#2c8a4b"), ("#f7f0ff", "#7a4fd0"), ("#fdf0f0", "#c0433f"), ("#f2f4f7", "#44546a"))  # fmt: skip
_KINDS = {"int": "7", "str": '"x"', "float": "1.5", "bool": "True"}


def _svg(width: int, height: int, parts: Sequence[str], stroke: str) -> str:
    marks = f'<defs><marker id="a" markerWidth="10" markerHeight="8" refX="9" refY="4" orient="auto"><path d="M0,0 L10,4 L0,8 z" fill="{stroke}"/></marker><marker id="t" markerWidth="14" markerHeight="14" refX="13" refY="7" orient="auto"><path d="M1,1 L13,7 L1,13 z" fill="white" stroke="{stroke}"/></marker></defs>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="{SANS}" font-size="14">{marks}{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {more}>{html.escape(text)}</text>'


def _box(
    x: float,
    y: float,
    width: float,
    title: str,
    sections: Sequence[Sequence[str]],
    tint: tuple[str, str],
) -> tuple[str, float]:
    fill, stroke = tint
    height = 34 + sum(12 + 20 * len(lines) for lines in sections)
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="white" stroke="{stroke}" stroke-width="1.5"/><rect x="{x}" y="{y}" width="{width}" height="34" fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>',
        _text(x + width / 2, y + 22, title, more='font-weight="bold"'),
    ]
    at = y + 34
    for k, lines in enumerate(sections):
        if k:
            parts.append(f'<line x1="{x}" y1="{at}" x2="{x + width}" y2="{at}" stroke="{stroke}"/>')
        for line in lines:
            at += 20
            parts.append(_text(x + 10, at, line, "start"))
        at += 12
    return "".join(parts), height


def class_diagram(d: Draw) -> Question:
    """A base class with subclasses: attributes, methods, inheritance."""
    base, subs = d.pick(
        ("Vehicle", ["Car", "Truck", "Bicycle"]),
        ("Account", ["Savings", "Business", "Youth"]),
        ("Shape", ["Disc", "Slab", "Ring"]),
        ("Employee", ["Manager", "Engineer", "Trainee"]),
        ("Device", ["Sensor", "Display", "Router"]),
        ("Ticket", ["Single", "Group", "Season"]),
        ("Animal", ["Heron", "Lizard", "Salmon"]),
        ("Message", ["Mail", "Note", "Alert"]),
        ("Building", ["School", "Tower", "Cabin"]),
        ("Payment", ["Card", "Cash", "Voucher"]),
        ("Course", ["Lecture", "Seminar", "Workshop"]),
        ("Plant", ["Tree", "Fern", "Moss"]),
    )
    method = d.pick("summary", "describe", "overview", "as_text")
    fields = d.some(
        d.randint(2, 3),
        [
            ("name", "str"),
            ("year", "int"),
            ("weight", "float"),
            ("active", "bool"),
            ("owner", "str"),
            ("rank", "int"),
            ("city", "str"),
            ("price", "float"),
            ("size", "int"),
            ("hidden", "bool"),
            ("code", "str"),
            ("speed", "float"),
        ],
    )
    extra = [
        ("limit", "int"),
        ("rate", "float"),
        ("seats", "int"),
        ("label", "str"),
        ("open", "bool"),
        ("area", "float"),
        ("colour", "str"),
        ("level", "int"),
        ("shared", "bool"),
        ("length", "float"),
    ]
    subs = d.some(d.randint(1, 2), subs)
    own = {s: d.some(d.randint(1, 2), extra) for s in subs}
    tint = d.pick(*_TINTS)
    width = 190
    total = max(1, len(subs)) * (width + 40) + 20
    top, high = _box(
        total / 2 - width / 2,
        14,
        width,
        base,
        [[f"+ {n}: {t}" for n, t in fields], [f"+ {method}(): str"]],
        tint,
    )
    parts, low = [top], 0.0
    for k, s in enumerate(subs):
        x = 30 + k * (width + 40)
        box, h = _box(x, high + 80, width, s, [[f"+ {n}: {t}" for n, t in own[s]]], tint)
        low = max(low, h)
        parts += [
            box,
            f'<line x1="{x + width / 2}" y1="{high + 80}" x2="{total / 2}" y2="{high + 16}" stroke="{tint[1]}" stroke-width="1.5" marker-end="url(#t)"/>',
        ]
    code = (
        f"from dataclasses import dataclass\n\n\n@dataclass\nclass {base}:\n"
        + "".join(f"    {n}: {t}\n" for n, t in fields)
        + f"\n    def {method}(self) -> str:\n"
        + '        return ", ".join(f"{key}={value}" for key, value in vars(self).items())\n'
    )
    code += "".join(
        f"\n\n@dataclass\nclass {s}({base}):\n" + "".join(f"    {n}: {t}\n" for n, t in own[s])
        for s in subs
    )
    calls, wanted = [], []
    for s in subs:
        every = [*fields, *own[s]]
        calls.append(
            f"thing = {s}("
            + ", ".join(f"{n}={_KINDS[t]}" for n, t in every)
            + f")\nprint(isinstance(thing, {base}), thing.{method}())\nprint([f.name for f in dataclasses.fields({base})], {s}.__mro__[1].__name__)"
        )
        wanted += [
            f"True {', '.join(f'{n}={_KINDS[t].strip(chr(34))}' for n, t in every)}",
            f"{[n for n, _ in fields]} {base}",
        ]
    ask = d.pick(
        "Please turn the class diagram into Python dataclasses. `{m}()` returns all attributes as `name=value`, joined by a comma and a blank, in the order of the diagram (those of the base class first).",
        "Write the classes of this UML diagram in Python, as dataclasses. The method `{m}` should give `name=value` pairs separated by `, `, inherited attributes first.",
        "How would this UML class diagram look as Python code (dataclasses)? Let `{m}()` list all attributes in order, like `a=1, b=x`.",
    ).format(m=method)
    return Question("output", ask, "The hollow arrow is inheritance: the subclass gets the fields of its base class and adds its own ones.", code, "\n".join(wanted), behind="import dataclasses\n" + "\n".join(calls), screen={"style": "drawn", "body": _svg(total, int(high + 100 + low), parts, tint[1])}, width_px=total + 28, difficulty=0.4)  # fmt: skip


def _default(d: Draw, kind: str) -> str:
    """A literal of SQL."""
    if kind == "TEXT":
        return repr(d.pick("new", "none", "open", "n/a", "basic", "home", "draft", "other"))
    return str(d.randint(0, 99)) if kind == "INTEGER" else str(d.randint(1, 99) / 2)


def er_diagram(d: Draw) -> Question:
    """Tables with keys; CREATE TABLE statements."""
    one, many = d.pick(
        ("authors", "books"),
        ("customers", "invoices"),
        ("teams", "players"),
        ("rooms", "bookings"),
        ("artists", "albums"),
        ("clinics", "visits"),
        ("ships", "voyages"),
        ("farms", "deliveries"),
        ("museums", "exhibits"),
        ("owners", "dogs"),
        ("projects", "tasks"),
        ("streets", "houses"),
        ("labs", "samples"),
        ("trainers", "courses"),
    )
    key = one[:-1] + "_id"
    options = [
        ("name", "TEXT"),
        ("city", "TEXT"),
        ("founded", "INTEGER"),
        ("score", "REAL"),
        ("email", "TEXT"),
        ("country", "TEXT"),
        ("area", "REAL"),
        ("phone", "TEXT"),
        ("members", "INTEGER"),
        ("active", "INTEGER"),
    ]
    other = [
        ("title", "TEXT"),
        ("price", "REAL"),
        ("year", "INTEGER"),
        ("pages", "INTEGER"),
        ("note", "TEXT"),
        ("day", "TEXT"),
        ("status", "TEXT"),
        ("weight", "REAL"),
        ("colour", "TEXT"),
        ("minutes", "INTEGER"),
        ("rating", "REAL"),
    ]
    first, second = d.some(d.randint(1, 3), options), d.some(d.randint(1, 4), other)
    needed = {n for n, _ in first + second if d.flag(0.5)}
    preset = {n: _default(d, t) for n, t in first + second if d.flag(0.5)}
    tint = d.pick(*_TINTS)

    def lines(table: str, columns: list[tuple[str, str]]) -> list[str]:
        found = ["PK  id  INTEGER"] + ([f"FK  {key}  INTEGER  *"] if table == many else [])
        return found + [
            f"      {n}  {t}{f' = {preset[n]}' if n in preset else ''}{'  *' if n in needed else ''}"
            for n, t in columns
        ]

    def column(n: str, t: str) -> str:
        default = f" DEFAULT {preset[n]}" if n in preset else ""
        return f",\n    {n} {t}{' NOT NULL' if n in needed else ''}{default}"

    left, h1 = _box(20, 16, 240, one, [lines(one, first)], tint)
    right, h2 = _box(350, 16, 240, many, [lines(many, second)], tint)
    y = 70
    link = (
        f'<line x1="260" y1="{y}" x2="350" y2="{y}" stroke="{tint[1]}" stroke-width="1.5"/>'
        + _text(274, y - 7, "1")
        + _text(336, y - 7, "n")
        + _text(305, int(max(h1, h2)) + 46, "* NOT NULL, = DEFAULT", more='fill="#666"')
    )
    ddl = [
        f"CREATE TABLE {one} (\n    id INTEGER PRIMARY KEY"
        + "".join(column(n, t) for n, t in first)
        + "\n);"
    ]
    ddl.append(
        f"CREATE TABLE {many} (\n    id INTEGER PRIMARY KEY,\n    {key} INTEGER NOT NULL REFERENCES {one}(id)"
        + "".join(column(n, t) for n, t in second)
        + "\n);"
    )
    rows = [
        (one, "id", "INTEGER", 0, "", 1),
        *((one, n, t, int(n in needed), preset.get(n, ""), 0) for n, t in first),
        (many, "id", "INTEGER", 0, "", 1),
        (many, key, "INTEGER", 1, "", 0),
        *((many, n, t, int(n in needed), preset.get(n, ""), 0) for n, t in second),
    ]
    wanted = ["|".join(map(str, row)) for row in rows] + [f"{one}|{key}|id"]
    behind = f'SELECT m.name, i.name, i.type, i."notnull", i.dflt_value, i.pk FROM sqlite_master m, pragma_table_info(m.name) i WHERE m.type = \'table\' ORDER BY m.name = \'{many}\', i.cid;\nSELECT "table", "from", "to" FROM pragma_foreign_key_list(\'{many}\');'
    ask = d.pick(
        "Write the CREATE TABLE statements (SQLite) for this entity-relationship diagram. Columns with * must not be null; a default stands behind =.",
        "How do I create the two tables in the picture with SQL (SQLite), with primary and foreign key? A star marks NOT NULL, = a default.",
        "Please translate the ER diagram into DDL for SQLite; * stands for NOT NULL and = for DEFAULT.",
    )
    return Question("output", ask, f"One row of `{one}` belongs to many rows of `{many}`, so the foreign key `{key}` is in `{many}`.", "\n\n".join(ddl), "\n".join(wanted), "sql", behind=behind, screen={"style": "drawn", "body": _svg(610, int(max(h1, h2)) + 62, [left, right, link], tint[1])}, width_px=640, difficulty=0.4)  # fmt: skip


def state_machine(d: Draw) -> Question:
    """States on a ring, arrows with events; a transition function."""
    import math

    names = d.pick(
        ["idle", "armed", "alarm", "off", "test"],
        ["draft", "review", "final", "public", "archived"],
        ["closed", "open", "locked", "stuck", "moving"],
        ["red", "green", "amber", "dark", "blink"],
        ["new", "paid", "packed", "sent", "lost"],
    )
    states = d.some(d.randint(3, 4), names)
    events = d.some(d.randint(2, 3), ["tick", "push", "stop", "pay", "reset", "key", "next"])
    n, size, tint = len(states), 400, d.pick(*_TINTS)
    table: dict[tuple[str, str], str] = {}
    free = [(a, b) for a in range(n) for b in range(n) if a != b]
    for a, b in d.some(min(len(free), d.randint(n, n + 3)), free):
        left = [e for e in events if (states[a], e) not in table]
        if left:
            table[states[a], d.choice(left)] = states[b]
    spots = {
        s: (
            size / 2 + 140 * math.sin(2 * math.pi * k / n),
            size / 2 - 140 * math.cos(2 * math.pi * k / n),
        )
        for k, s in enumerate(states)
    }
    parts = []
    for (origin, event), target in table.items():
        (x1, y1), (x2, y2) = spots[origin], spots[target]
        length = math.hypot(x2 - x1, y2 - y1)
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        ox, oy = -uy * 14, ux * 14  # arrows there and back do not lie on each other
        sx, sy, ex, ey = x1 + ux * 42 + ox, y1 + uy * 42 + oy, x2 - ux * 44 + ox, y2 - uy * 44 + oy
        lx, ly = sx + (ex - sx) * 0.36, sy + (ey - sy) * 0.36
        parts.append(
            f'<line x1="{sx:.1f}" y1="{sy:.1f}" x2="{ex:.1f}" y2="{ey:.1f}" stroke="{tint[1]}" stroke-width="1.6" marker-end="url(#a)"/>'
            + f'<rect x="{lx - 4.3 * len(event) - 3:.1f}" y="{ly - 10:.1f}" width="{8.6 * len(event) + 6:.1f}" height="19" rx="3" fill="white"/>'
            + _text(round(lx, 1), round(ly + 5, 1), event, more='font-size="13"')
        )
    for s, (x, y) in spots.items():
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="40" fill="{tint[0]}" stroke="{tint[1]}" stroke-width="2"/>'
            + _text(round(x, 1), round(y + 5, 1), s, more='font-weight="bold" font-size="13"')
        )
    x, y = spots[states[0]]
    parts.append(
        f'<circle cx="{x - 82:.1f}" cy="{y:.1f}" r="6" fill="{tint[1]}"/><line x1="{x - 76:.1f}" y1="{y:.1f}" x2="{x - 42:.1f}" y2="{y:.1f}" stroke="{tint[1]}" stroke-width="1.6" marker-end="url(#a)"/>'
    )
    rows = "".join(f'    ("{a}", "{e}"): "{b}",\n' for (a, e), b in sorted(table.items()))
    code = f'TRANSITIONS = {{\n{rows}}}\n\n\ndef run(events):\n    state = "{states[0]}"\n    for event in events:\n        state = TRANSITIONS.get((state, event), state)\n    return state\n'
    trials = [[d.choice(events) for _ in range(d.randint(1, 6))] for _ in range(10)]

    def final(trial: list[str]) -> str:
        state = states[0]
        for event in trial:
            state = table.get((state, event), state)
        return state

    behind = f"for events in {trials!r}:\n    print(run(events))\n"
    ask = d.pick(
        "Implement the state machine of the picture in Python: `run(events)` starts in the state with the black dot and returns the name of the state after all events. An event without an arrow changes nothing.",
        "Please write a function `run(events)` for this state diagram; it returns the final state. The dot marks the start; events for which a state has no arrow are ignored.",
    )
    return Question("output", ask, "A dictionary from (state, event) to the next state is the diagram as data; `get` with the present state as default ignores unknown events.", code, "\n".join(map(final, trials)), behind=behind, screen={"style": "drawn", "body": _svg(size, size, parts, tint[1])}, width_px=size + 30, difficulty=0.45)  # fmt: skip


def flow_chart(d: Draw) -> Question:
    """A loop with a decision, drawn as a flow chart."""
    tint = d.pick(*_TINTS)
    start = d.randint(0, 5)
    k, m, step, stop = d.randint(2, 5), d.randint(1, 4), d.randint(1, 3), d.randint(0, 2)
    test = d.pick(
        f"n % {k} == 0", f"n > {k + 6}", f"total % {k} == {d.randint(0, 1)}", "n % 2 == 1"
    )
    yes = d.pick(
        f"total = total + n * {m}",
        f"total = total + {m}",
        "total = total + n // 2",
        f"total = total - {m}",
    )
    no = d.pick(
        "total = total + n", "total = total * 2", "total = total - n", f"total = total + {k}"
    )
    labels = [
        f"total = {start}",
        f"n > {stop} ?",
        f"{test} ?",
        yes,
        no,
        f"n = n - {step}",
        "return total",
    ]
    code = f"def f(n):\n    total = {start}\n    while n > {stop}:\n        if {test}:\n            {yes}\n        else:\n            {no}\n        n = n - {step}\n    return total\n"
    s = tint[1]

    def box(x: int, y: int, text: str, shape: str) -> str:
        if shape == "diamond":
            body = f'<path d="M{x},{y - 30} L{x + 100},{y} L{x},{y + 30} L{x - 100},{y} z" fill="{tint[0]}" stroke="{s}" stroke-width="1.6"/>'
        else:
            body = f'<rect x="{x - 90}" y="{y - 19}" width="180" height="38" rx="{19 if shape == "round" else 3}" fill="{tint[0]}" stroke="{s}" stroke-width="1.6"/>'
        return body + _text(x, y + 5, text)

    def line(*points: tuple[int, int]) -> str:
        path = " ".join(f"{'L' if i else 'M'}{x},{y}" for i, (x, y) in enumerate(points))
        return (
            f'<path d="{path}" fill="none" stroke="{s}" stroke-width="1.6" marker-end="url(#a)"/>'
        )

    cx, lx, rx = 270, 140, 400
    parts = [
        box(cx, 30, "f(n)", "round"), box(cx, 96, labels[0], "rect"), box(cx, 176, labels[1], "diamond"), box(cx, 268, labels[2], "diamond"), box(lx, 350, labels[3], "rect"), box(rx, 350, labels[4], "rect"), box(cx, 426, labels[5], "rect"), box(520, 176, labels[6], "round"),
        line((cx, 49), (cx, 76)), line((cx, 115), (cx, 145)), line((cx, 206), (cx, 237)), line((cx + 100, 176), (429, 176)), line((cx - 100, 268), (lx, 268), (lx, 330)), line((cx + 100, 268), (rx, 268), (rx, 330)),
        line((lx, 369), (lx, 426), (179, 426)), line((rx, 369), (rx, 426), (361, 426)), line((cx, 445), (cx, 470), (24, 470), (24, 176), (169, 176)),
        _text(cx + 14, 226, "yes", "start"), _text(cx + 112, 168, "no", "start"), _text(cx - 130, 260, "yes"), _text(cx + 130, 260, "no"),
    ]  # fmt: skip
    names: dict[str, int] = {}

    def value(n: int) -> int:
        total = start
        while n > stop:
            names.update(n=n, total=total)
            total = _apply(yes if _holds(test, names) else no, n, total)
            n -= step
        return total

    inputs = [0, 1, 2, 3, *d.some(5, range(4, 16))]
    behind = f"print([f(n) for n in {inputs}])\n"
    ask = d.pick(
        "Write the flow chart as a Python function `f(n)`.",
        "What does this flow chart look like as Python code? The function should be called `f(n)`.",
        "Please implement the algorithm of the diagram in Python as `f(n)`.",
    )
    return Question("output", ask, "The arrow back to the first decision is a `while` loop; the second decision is an `if` / `else` inside of it.", code, str([value(n) for n in inputs]), behind=behind, screen={"style": "drawn", "body": _svg(630, 490, parts, s)}, width_px=660, difficulty=0.4)  # fmt: skip


def _holds(test: str, names: dict[str, int]) -> bool:
    """A drawn condition: NAME % A == B, or NAME > A."""
    words = test.split()
    left = names[words[0]]
    return left > int(words[2]) if words[1] == ">" else left % int(words[2]) == int(words[4])


def _apply(action: str, n: int, total: int) -> int:
    """A drawn action: total = total SIGN (a number, n, n * A or n // A)."""
    words = action.split()
    sign, right = words[3], words[4:]
    number = n if right[0] == "n" else int(right[0])
    if len(right) == 3:
        number = number * int(right[2]) if right[1] == "*" else number // int(right[2])
    return total + number if sign == "+" else total - number if sign == "-" else total * number


TEMPLATES = {
    "class_diagram": class_diagram,
    "er_diagram": er_diagram,
    "state_machine": state_machine,
    "flow_chart": flow_chart,
}

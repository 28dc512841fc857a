"""Questions about drawn tables: data frames, SQL, spreadsheets, patterns.

in:  a Draw
out: Questions of mode "output"; the data stands in the picture
not covered: tables of charts (the chart source)
"""

from __future__ import annotations

from typing import Any

from viscodex.data.problems.draw import Draw
from viscodex.data.questions.question import Question

_FRAMES = (
    (
        "orders",
        "city",
        ["Oslo", "Rome", "Lima", "Kyoto"],
        "product",
        ["lamp", "desk", "chair"],
        "units",
        "price",
    ),
    (
        "runs",
        "runner",
        ["Ana", "Ben", "Cleo", "Dev"],
        "track",
        ["park", "hill", "lake"],
        "laps",
        "minutes",
    ),
    ("trips", "driver", ["Mo", "Pia", "Rui", "Tess"], "zone", ["A", "B", "C"], "parcels", "km"),
    (
        "exams",
        "student",
        ["Ida", "Jon", "Kim", "Lea"],
        "subject",
        ["maths", "physics", "art"],
        "points",
        "hours",
    ),
    (
        "harvest",
        "field",
        ["north", "south", "east", "west"],
        "crop",
        ["rye", "oats", "corn"],
        "sacks",
        "acres",
    ),
    (
        "tickets",
        "agent",
        ["Uma", "Vic", "Wes", "Zoe"],
        "queue",
        ["mail", "phone", "chat"],
        "solved",
        "open",
    ),
)


class Table:
    """A drawn table: two columns of names, two of numbers."""

    def __init__(self, d: Draw, n: int) -> None:
        self.name, self.who, people, self.what, kinds, self.p, self.q = d.pick(*_FRAMES)
        self.rows: list[list[Any]] = [
            [d.choice(people), d.choice(kinds), d.randint(1, 30), d.randint(1, 60)]
            for _ in range(n)
        ]
        self.columns = [self.who, self.what, self.p, self.q]
        self.people = sorted({row[0] for row in self.rows})
        self.kinds = sorted({row[1] for row in self.rows})

    def sums(self, key: int, value: int) -> dict[str, int]:
        """Column sums by a column of names."""
        found: dict[str, int] = {}
        for row in self.rows:
            found[row[key]] = found.get(row[key], 0) + row[value]
        return dict(sorted(found.items()))

    @property
    def text(self) -> str:
        """All of it, for a reading task."""
        lines = [" | ".join(map(str, row)) for row in [self.columns, *self.rows]]
        return "\n".join(lines)


def _frame_tasks(d: Draw, t: Table) -> tuple[str, str, str, str]:
    """(what is asked, expression, what it prints, prose)."""
    k = sorted(row[2] for row in t.rows)[len(t.rows) // 2]
    kind = d.choice(t.kinds)
    by = t.sums(0, 2)
    top = max(by, key=lambda name: (by[name], name))
    order = sorted(t.rows, key=lambda row: (-row[3], row[2], row[0], row[1]))[:3]
    kept = [row for row in t.rows if row[1] == kind and row[2] >= k]
    share = {name: round(100 * value / sum(by.values()), 1) for name, value in by.items()}
    best: dict[str, int] = {}
    for row in t.rows:
        best[row[0]] = max(best.get(row[0], 0), row[3])
    pivot = {
        w: {x: sum(r[2] for r in t.rows if r[0] == w and r[1] == x) for x in t.kinds}
        for w in t.people
    }
    ratio = [round(row[2] / row[3], 2) for row in t.rows]
    return d.pick(
        (f"the sum of `{t.p}` for each `{t.who}`, as a dictionary with sorted keys", f"df.groupby(\"{t.who}\")[\"{t.p}\"].sum().to_dict()", repr(by), f"`groupby` makes one group for each {t.who} and sorts the keys; `sum` adds up within the groups."),
        (f"the `{t.who}` with the largest sum of `{t.p}` (on a tie, the one that comes last in the alphabet)", f"df.groupby(\"{t.who}\")[\"{t.p}\"].sum().sort_index(ascending=False).idxmax()", top, "`idxmax` gives the index of the first largest sum; sorting the index downwards before settles ties."),
        (f"the rows with `{t.what}` equal to \"{kind}\" and `{t.p}` of at least {k}, as a list of lists", f"df[(df[\"{t.what}\"] == \"{kind}\") & (df[\"{t.p}\"] >= {k})].values.tolist()", repr(kept), "Each condition goes in parentheses; `&` combines them row by row."),
        (f"the three rows with the largest `{t.q}`; ties by smaller `{t.p}`, then by `{t.who}` and `{t.what}`, as a list of lists", f"df.sort_values([\"{t.q}\", \"{t.p}\", \"{t.who}\", \"{t.what}\"], ascending=[False, True, True, True]).head(3).values.tolist()", repr(order), "`sort_values` takes a list of columns with a direction for each."),
        (f"the share of each `{t.who}` in the sum of `{t.p}`, in percent, rounded to one digit, as a dictionary", f"(100 * df.groupby(\"{t.who}\")[\"{t.p}\"].sum() / df[\"{t.p}\"].sum()).round(1).to_dict()", repr(share), "The sums of the groups are divided by the total; pandas does that for all of them at once."),
        (f"the largest `{t.q}` of each `{t.who}`, as a dictionary", f"df.groupby(\"{t.who}\")[\"{t.q}\"].max().to_dict()", repr(dict(sorted(best.items()))), f"One group for each {t.who}, then `max` of the column."),
        (f"a table with a row for each `{t.who}`, a column for each `{t.what}` and the sums of `{t.p}` in its cells (0 where there is none), as a dictionary of dictionaries by row", f"df.pivot_table(index=\"{t.who}\", columns=\"{t.what}\", values=\"{t.p}\", aggfunc=\"sum\", fill_value=0).T.to_dict()", repr(pivot), "`pivot_table` spreads one column over the columns of a new table; `fill_value` replaces missing cells."),
        (f"a new column `rate` = `{t.p}` / `{t.q}`, rounded to two digits, as a list", f"df.assign(rate=(df[\"{t.p}\"] / df[\"{t.q}\"]).round(2))[\"rate\"].tolist()", repr(ratio), "Arithmetic on columns works row by row; `assign` adds the result as a new column."),
        (f"how many rows each `{t.what}` has, as a dictionary with sorted keys", f"df[\"{t.what}\"].value_counts().sort_index().to_dict()", repr({x: sum(r[1] == x for r in t.rows) for x in t.kinds}), "`value_counts` counts; `sort_index` brings the keys into alphabetical order."),
    )  # fmt: skip


def data_frame(d: Draw) -> Question:
    """A data frame in a notebook; a transformation of it."""
    t = Table(d, d.randint(5, 9))
    want, expression, wanted, prose = _frame_tasks(d, t)
    data = ",\n".join(f"    {row!r}" for row in t.rows)
    code = f"import pandas as pd\n\ndf = pd.DataFrame(\n    [\n{data.replace('    [', '        [')},\n    ],\n    columns={t.columns!r},\n)\nresult = {expression}\nprint(result)\n"
    ask = d.pick(
        "The picture shows my data frame `df`. How do I get {w}? Please include code that builds the frame, so that I can run it.",
        "Given the pandas DataFrame in the screenshot, write code that creates it and prints {w}.",
        "I have this table in pandas (see image). I need {w}. How would you write that? A complete script, please.",
    ).format(w=want)
    screen: dict[str, Any] = {
        "style": "frame",
        "size": d.pick(13, 14, 15),
        "number": d.randint(1, 20),
        "tables": [[d.pick("df", "df.head(10)", t.name), t.columns, t.rows]],
        "note": f"{len(t.rows)} rows \u00d7 4 columns",
    }
    if screen["tables"][0][0] == t.name:
        ask = ask.replace("`df`", f"`{t.name}` (call it `df`)")
    return Question("output", ask, prose, code, wanted, screen=screen, width_px=d.pick(480, 520, 600), difficulty=0.35, seen=t.text, after=d.pick("", f"For the table in the picture this prints `{wanted}`."))  # fmt: skip


def sql_table(d: Draw) -> Question:
    """Two drawn tables and a query over them."""
    t = Table(d, d.randint(6, 9))
    place, places = d.pick(
        ("region", ["west", "east", "north"]),
        ("office", ["Bern", "Graz", "Lyon"]),
        ("shift", ["early", "late", "night"]),
        ("level", ["junior", "senior", "lead"]),
        ("floor", ["first", "second", "third"]),
    )
    regions = {person: d.choice(places) for person in t.people}
    base, people = t.name, t.who + "s"
    by = t.sums(0, 2)
    k = sorted(by.values())[len(by) // 2]
    region: dict[str, int] = {}
    for row in t.rows:
        region[regions[row[0]]] = region.get(regions[row[0]], 0) + row[2]
    missing = sorted(set(t.people) - {row[0] for row in t.rows if row[1] == t.kinds[0]})
    best = sorted(((row[0], row[1], row[3]) for row in t.rows), key=lambda r: (-r[2], r[0], r[1]))[
        0
    ]
    join = f"FROM {base} AS b\nJOIN {people} AS p ON p.name = b.{t.who}"
    wanted: Any
    want, code, wanted, prose = d.pick(
        (f"the sum of `{t.p}` for each `{place}`, in alphabetical order", f"SELECT p.{place}, SUM(b.{t.p}) AS total\n{join}\nGROUP BY p.{place}\nORDER BY p.{place};", [(r, v) for r, v in sorted(region.items())], f"The {place} is in the other table, so the two are joined before grouping."),
        (f"every `{t.who}` whose sum of `{t.p}` is at least {k}, with that sum, largest first (ties by name)", f"SELECT {t.who}, SUM({t.p}) AS total\nFROM {base}\nGROUP BY {t.who}\nHAVING SUM({t.p}) >= {k}\nORDER BY total DESC, {t.who};", sorted(((w, v) for w, v in by.items() if v >= k), key=lambda r: (-r[1], r[0])), "`WHERE` filters rows before grouping; a condition on a sum belongs into `HAVING`."),
        (f"the names in `{people}` that have no row with `{t.what}` = '{t.kinds[0]}' in `{base}`, in alphabetical order", f"SELECT name\nFROM {people}\nWHERE name NOT IN (\n    SELECT {t.who} FROM {base} WHERE {t.what} = '{t.kinds[0]}'\n)\nORDER BY name;", [(w,) for w in missing], "The sub-query collects those that have such a row; `NOT IN` keeps the others."),
        (f"the number of rows and the average of `{t.q}` (rounded to one digit) for each `{t.what}`, in alphabetical order", f"SELECT {t.what}, COUNT(*) AS n, ROUND(AVG({t.q}), 1) AS average\nFROM {base}\nGROUP BY {t.what}\nORDER BY {t.what};", [(x, len(v), float(f"{sum(v) / len(v) + 1e-9:.1f}")) for x in t.kinds for v in [[r[3] for r in t.rows if r[1] == x]]], "Both aggregates are computed for each group."),
        (f"`{t.who}`, `{t.what}` and `{t.q}` of the row with the largest `{t.q}` (ties by `{t.who}`, then `{t.what}`)", f"SELECT {t.who}, {t.what}, {t.q}\nFROM {base}\nORDER BY {t.q} DESC, {t.who}, {t.what}\nLIMIT 1;", [best], "Sort by the column and keep the first row."),
    )  # fmt: skip
    rows = ",\n".join(
        "  (" + ", ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in row) + ")"
        for row in t.rows
    )
    names = ", ".join(f"('{n}', '{r}')" for n, r in regions.items())
    setup = f"CREATE TABLE {base} ({t.who} TEXT, {t.what} TEXT, {t.p} INTEGER, {t.q} INTEGER);\nINSERT INTO {base} VALUES\n{rows};\nCREATE TABLE {people} (name TEXT, {place} TEXT);\nINSERT INTO {people} VALUES {names};"
    ask = d.pick(
        "Write one SQL query over the tables in the picture that lists {w}.",
        "The image shows my tables `{a}` and `{b}`. Which SQL query gives {w}?",
        "How can I get {w} from these two tables with SQL (SQLite)?",
    ).format(w=want, a=base, b=people)
    shown = "\n".join("|".join(str(v) for v in row) for row in wanted)
    screen = {"style": "query", "size": d.pick(13, 14), "accent": d.pick("#0969da", "#1a7f37", "#57606a", "#8250df", "#bc4c00"), "tables": [[base, t.columns, t.rows], [people, ["name", place], [list(p) for p in regions.items()]]]}  # fmt: skip
    return Question("output", ask, prose, code, shown, "sql", beside=setup, screen=screen, width_px=d.pick(640, 720), difficulty=0.45, seen=t.text, after=d.pick("", f"With the rows of the picture it returns:\n```\n{shown}\n```"))  # fmt: skip


def spreadsheet(d: Draw) -> Question:
    """A formula for a drawn sheet."""
    from viscodex.data.questions.formulas import evaluate

    t = Table(d, d.randint(5, 9))
    end = len(t.rows) + 1
    a, b, c, e = (f"{x}2:{x}{end}" for x in "ABCD")
    who, kind = d.choice(t.rows)[0], d.choice(t.rows)[1]
    k = sorted(row[2] for row in t.rows)[len(t.rows) // 2]
    both = d.choice(t.rows)
    chosen = [row for row in t.rows if row[0] == who]
    value: Any
    want, formula, value, prose = d.pick(
        (f"the sum of \"{t.p}\" over the rows with {t.who} {who}", f'=SUMIF({a},"{who}",{c})', sum(r[2] for r in chosen), "`SUMIF` takes the range to test, the criterion, and the range to add."),
        (f"the number of rows with \"{t.p}\" of at least {k}", f'=COUNTIF({c},">={k}")', sum(r[2] >= k for r in t.rows), "A criterion with a comparison is a text."),
        (f"the sum of \"{t.q}\" over the rows with {t.who} {both[0]} and {t.what} {both[1]}", f'=SUMIFS({e},{a},"{both[0]}",{b},"{both[1]}")', sum(r[3] for r in t.rows if r[:2] == both[:2]), "In `SUMIFS` the range to add comes first, then pairs of range and criterion."),
        (f"the {t.who} of the row with the largest \"{t.q}\"", f"=INDEX({a},MATCH(MAX({e}),{e},0))", max(t.rows, key=lambda r: r[3])[0], "`MATCH` finds the place of the maximum, `INDEX` fetches the name at that place."),
        (f"the sum of \"{t.p}\" times \"{t.q}\" over all rows", f"=SUMPRODUCT({c},{e})", sum(r[2] * r[3] for r in t.rows), "`SUMPRODUCT` multiplies the ranges cell by cell and adds the products."),
        (f"the average of \"{t.p}\" for {t.who} {who}, rounded to two digits", f'=ROUND(AVERAGEIF({a},"{who}",{c}),2)', f"{round(sum(r[2] for r in chosen) / len(chosen) + 1e-12, 2):.10g}", "`AVERAGEIF` works like `SUMIF`; `ROUND` takes the number of digits."),
        (f"the largest \"{t.p}\" among the rows with {t.what} {kind}", f'=MAXIFS({c},{b},"{kind}")', max(r[2] for r in t.rows if r[1] == kind), "`MAXIFS` takes the range of values, then range and criterion."),
        (f"the difference between the second largest and the smallest \"{t.q}\"", f"=LARGE({e},2)-SMALL({e},1)", sorted(r[3] for r in t.rows)[-2] - min(r[3] for r in t.rows), "`LARGE` and `SMALL` give the k-th value in either order."),
        (f"the share of {who} in the sum of \"{t.p}\", in percent, rounded to one digit", f'=ROUND(100*SUMIF({a},"{who}",{c})/SUM({c}),1)', f"{round(100 * sum(r[2] for r in chosen) / sum(r[2] for r in t.rows) + 1e-12, 1):.10g}", "The sum for one name is divided by the sum of the whole column."),
        (f"the number of rows in which {t.what} is {kind} and \"{t.q}\" is below {(m := d.randint(20, 45))}", f'=COUNTIFS({b},"{kind}",{e},"<{m}")', sum(r[1] == kind and r[3] < m for r in t.rows), "`COUNTIFS` counts rows that meet all criteria."),
    )  # fmt: skip
    columns = [w.capitalize() for w in t.columns]
    assert evaluate(formula, columns, t.rows) is not None
    cell = f"{d.pick('F', 'G')}{d.randint(2, 4)}"
    ask = d.pick(
        "Which formula gives {w} in this sheet?",
        "I have the spreadsheet in the picture. What do I put into cell {c} to get {w}?",
        "Spreadsheet question (see image): I need {w} as a formula.",
    ).format(w=want, c=cell)
    screen = {
        "style": "sheet",
        "size": d.pick(13, 14),
        "columns": columns,
        "rows": t.rows,
        "cell": cell,
    }
    return Question("output", ask, prose, formula, str(value), "formula", screen=screen, width_px=d.pick(560, 620), difficulty=0.3, seen=t.text, after=f"The result for this sheet is {value}.")  # fmt: skip


def regex_table(d: Draw) -> Question:
    """Texts that shall match and texts that shall not."""
    a, b = d.text(2, "ABCDEFGHKLMNPRSTUVWXZ"), d.text(3, "abcdefghkmnprst")
    n, m = d.randint(2, 4), d.randint(2, 4)

    def digits(k: int) -> str:
        return d.text(k, "0123456789")

    name, pattern, good, bad, prose = d.pick(
        ("order numbers", rf"{a}-\d{{{n}}}", [f"{a}-{digits(n)}" for _ in range(4)], [f"{a}{digits(n)}", f"{a.lower()}-{digits(n)}", f"{a}-{digits(n + 1)}", f"{a}-{digits(n - 1)}x"], f"`{a}-` literally, then exactly {n} digits"),
        ("times", r"([01]\d|2[0-3]):[0-5]\d", [f"{d.randint(0, 23):02d}:{d.randint(0, 59):02d}" for _ in range(4)], [f"24:{digits(2)}", "7:30", f"{d.randint(0, 23):02d}:{d.randint(60, 99)}", "12.45"], "hours 00 to 23 and minutes 00 to 59, two digits each"),
        ("file names", rf"{b}_\d+\.(csv|txt)", [f"{b}_{digits(d.randint(1, 4))}.{d.pick('csv', 'txt')}" for _ in range(4)], [f"{b}_.csv", f"{b}_{digits(2)}.pdf", f"{b}{digits(2)}.txt", f"x{b}_{digits(1)}.csv"], f"`{b}_`, one or more digits, a dot and one of two endings"),
        ("hex colours", r"#[0-9a-fA-F]{6}", ["#" + d.text(6, "0123456789abcdefABCDEF") for _ in range(4)], ["#" + d.text(5, "0123456789abc"), d.text(6, "abcdef01"), "#" + d.text(5, "abc12") + "g", "#" + d.text(7, "0123abc")], "`#` and exactly six hexadecimal digits"),
        ("identifiers", rf"[a-z]{{1,{n}}}(_[a-z]{{{m}}})*", [d.text(n, "abcxyz"), d.text(1, "abc") + "_" + d.text(m, "klm"), d.text(n, "pqr") + "_" + d.text(m, "abc") + "_" + d.text(m, "xyz")], ["_" + d.text(m, "abc"), d.text(n + 1, "abc"), d.text(1, "abc") + "_" + d.text(m + 1, "abc"), d.text(1, "abc") + "_"], f"one to {n} letters, then any number of groups of an underscore and {m} letters"),
        ("version tags", r"v\d+\.\d+(\.\d+)?", [f"v{d.randint(0, 9)}.{d.randint(0, 20)}", f"v{d.randint(1, 20)}.{d.randint(0, 9)}.{d.randint(0, 9)}", f"v{d.randint(0, 9)}.{d.randint(0, 9)}.{d.randint(0, 99)}"], [f"{d.randint(0, 9)}.{d.randint(0, 9)}", f"v{d.randint(0, 9)}", "v1.2.", "v1.2.3.4", "v.1.2"], "`v`, two numbers with a dot, and optionally a third one"),
        ("dates", r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", [f"{d.randint(1980, 2031)}-{d.randint(1, 12):02d}-{d.randint(1, 28):02d}" for _ in range(4)], [f"{d.randint(1980, 2031)}-{d.randint(13, 40)}-0{d.randint(1, 9)}", f"{d.randint(1, 28)}.{d.randint(1, 12)}.{d.randint(1990, 2030)}", f"{digits(4)}-0{d.randint(1, 9)}-{d.randint(32, 60)}", f"20-0{d.randint(1, 9)}-1{digits(1)}"], "four digits, a month from 01 to 12 and a day from 01 to 31, with hyphens"),
        ("percentages", r"(100|[1-9]?\d)%", [f"{d.randint(10, 99)}%", f"{d.randint(0, 9)}%", d.pick("100%", f"{d.randint(10, 99)}%"), f"{d.randint(10, 99)}%"], [f"{d.randint(101, 400)}%", f"0{d.randint(1, 9)}%", str(d.randint(1, 99)), f"-{d.randint(1, 99)}%"], "a whole number from 0 to 100 without leading zeros, then `%`"),
        ("user names", rf"@[a-z][a-z0-9_]{{{n},{n + 6}}}", ["@" + d.text(1, "abcdefg") + d.text(d.randint(n, n + 6), "hijklm0123_") for _ in range(4)], ["@" + d.text(1, "abc"), d.text(n + 3, "abcdef"), "@" + digits(1) + d.text(n, "abc"), "@" + d.text(n + 2, "ABCD")], f"`@`, a small letter, then {n} to {n + 6} small letters, digits or underscores"),
        ("room codes", rf"[{a}]\d\.\d{{{n}}}[a-d]?", [f"{d.choice(list(a))}{digits(1)}.{digits(n)}{d.pick('', 'a', 'b', 'c', 'd')}" for _ in range(4)], [f"{a}{digits(1)}.{digits(n)}", f"{a[0]}{digits(1)}{digits(n)}", f"{a[1]}{digits(1)}.{digits(n)}e", f"{a[0]}.{digits(n)}"], f"`{a[0]}` or `{a[1]}`, a digit, a dot, {n} digits, and perhaps a letter from a to d"),
        ("plates", rf"[A-Z]{{1,3}} [A-Z]{{1,2}}\d{{1,{n}}}", [d.text(d.randint(1, 3), "ABKLM") + " " + d.text(d.randint(1, 2), "XYZ") + digits(d.randint(1, n)) for _ in range(4)], [d.text(4, "ABC") + " X" + digits(1), d.text(2, "ABC") + "-X" + digits(1), d.text(2, "abc") + " X" + digits(1), "B XY" + digits(n + 1)], f"one to three capitals, a blank, one or two capitals, one to {n} digits"),
    )  # fmt: skip
    call = d.pick("matches", "is_valid", "accepts", "fits")
    good, bad = sorted(set(good)), sorted(set(bad) - set(good))
    rows = [[text, d.pick("✓ yes")] for text in good] + [[text, "✗ no"] for text in bad]
    d.shuffle(rows)
    ordered = [row[0] for row in rows]
    code = f'import re\n\nPATTERN = re.compile(r"{pattern}")\n\n\ndef {call}(text):\n    return PATTERN.fullmatch(text) is not None\n'
    behind = f"for text in {ordered!r}:\n    print({call}(text))\n"
    wanted = "\n".join(str(row[1].endswith("yes")) for row in rows)
    ask = d.pick(
        'I need a regular expression that accepts exactly the {n} marked "yes" in this table and rejects those marked "no". Please give Python code.',
        "Which pattern tells the valid {n} in the picture from the invalid ones? A function `{f}(text)` in Python would be ideal.",
        "See the image: which of these {n} are valid. Write `{f}(text)` with a regex that agrees with the table.",
    ).format(n=name, f=call)
    screen = {
        "style": "query",
        "size": d.pick(14, 15),
        "accent": d.pick("#0969da", "#1a7f37", "#57606a", "#8250df"),
        "tables": [[name, ["text", "valid"], rows]],
    }
    return Question("output", ask, f"The valid {name} consist of {prose}. `fullmatch` makes sure that nothing stands before or behind.", code, wanted, behind=behind, screen=screen, width_px=d.pick(360, 420), difficulty=0.35, seen="\n".join(" ".join(row) for row in rows))  # fmt: skip


TEMPLATES = {
    "data_frame": data_frame,
    "sql_table": sql_table,
    "spreadsheet": spreadsheet,
    "regex_table": regex_table,
}

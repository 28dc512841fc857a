"""Plots that came out wrong, beside the wanted ones or alone.

in:  a Draw
out: Questions of mode "plot"; library scripts that fail (mode "error")
not covered: charts as such (the chart source)
"""

from __future__ import annotations

from dataclasses import dataclass

from viscodex.data.problems.draw import Draw
from viscodex.data.questions.errors import Bug, question_of
from viscodex.data.questions.question import Question


@dataclass(frozen=True, slots=True)
class Fault:
    """Parts of a script: shared head and tail, the wrong part, two right ones."""

    head: str
    wrong: str
    right: str  # of the answer
    wanted: str  # another way to the same picture
    tail: str
    sees: str  # what the asker complains about
    wants: str
    cause: str


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_TOPICS = (
    ("Rainfall", "mm", "North", "South"), ("Visitors", "thousand", "Museum", "Zoo"), ("Output", "tons", "Plant A", "Plant B"), ("Revenue", "k$", "Online", "Stores"),
    ("Energy use", "kWh", "Office", "Lab"), ("Downloads", "per day", "iOS", "Android"), ("Latency", "ms", "cached", "uncached"), ("Harvest", "kg", "Apples", "Pears"),
)  # fmt: skip
_COLOURS = (
    "tab:blue",
    "tab:orange",
    "tab:green",
    "crimson",
    "teal",
    "slateblue",
    "darkgoldenrod",
    "black",
)


def _base(d: Draw, n: int = 0) -> tuple[str, str, str, str, list[str], list[int], list[int], str]:
    topic, unit, one, two = d.pick(*_TOPICS)
    n = n or d.randint(5, 8)
    months = _MONTHS[(k := d.randint(0, 12 - n)) : k + n]
    size = d.pick("(6, 4)", "(7, 4)", "(6.4, 4.8)", "(5.5, 4)")
    a, b = d.ints(n, 20, 90), d.ints(n, 10, 70)
    head = f"import matplotlib.pyplot as plt\n\nmonths = {months}\nfirst = {a}\nsecond = {b}\n\nfig, ax = plt.subplots(figsize={size})\n"
    return topic, unit, one, two, months, a, b, head


def _tail(d: Draw, topic: str, unit: str, more: str = "") -> str:
    return f'{more}ax.set_title("{topic}")\nax.set_ylabel("{unit}")\n{d.pick("", "ax.grid(alpha=0.3)" + chr(10))}plt.show()\n'


def _no_legend(d: Draw) -> Fault:
    topic, unit, one, two, _, _, _, head = _base(d)
    c, e = d.some(2, _COLOURS)
    place = d.pick("upper left", "upper right", "lower right")
    lines = f'ax.plot(months, first, color="{c}", label="{one}")\nax.plot(months, second, color="{e}", label="{two}")'
    bare = lines.replace(f', label="{one}"', "").replace(f', label="{two}"', "")
    return Fault(head, lines, f"{lines}\nax.legend(loc=\"{place}\")", f"{bare}\nax.legend([\"{one}\", \"{two}\"], loc=\"{place}\")", "\n" + _tail(d, topic, unit), "there is no legend although I gave both lines a label", f"a legend in the {place} corner", "`label=` only stores a name with the line. The legend itself is drawn by `ax.legend()`.")  # fmt: skip


def _bars_on_top(d: Draw) -> Fault:
    topic, unit, one, two, _, _, _, head = _base(d, d.randint(4, 6))
    c, e = d.some(2, _COLOURS)
    w = d.pick(0.35, 0.4, 0.3)
    wrong = f'ax.bar(months, first, width={w}, color="{c}", label="{one}")\nax.bar(months, second, width={w}, color="{e}", label="{two}")'
    right = f'x = range(len(months))\nax.bar([i - {w} / 2 for i in x], first, width={w}, color="{c}", label="{one}")\nax.bar([i + {w} / 2 for i in x], second, width={w}, color="{e}", label="{two}")\nax.set_xticks(list(x), months)'
    wanted = f'import numpy as np\nx = np.arange(len(months))\nfor k, (values, c, name) in enumerate([(first, "{c}", "{one}"), (second, "{e}", "{two}")]):\n    ax.bar(x + (k - 0.5) * {w}, values, {w}, color=c, label=name)\nax.set_xticks(x)\nax.set_xticklabels(months)'
    return Fault(head, wrong, right, wanted, "\nax.legend()\n" + _tail(d, topic, unit), "the bars of the second series cover those of the first one", f"the bars of {one} and {two} side by side in each month", "Both calls of `bar` use the same x positions, so the bars lie on top of each other. Use numeric positions, shift one series to the left and the other one to the right by half of the width, and set the tick labels yourself.")  # fmt: skip


def _text_numbers(d: Draw) -> Fault:
    topic, unit, _, _, months, _, _, _ = _base(d)
    values = d.some(len(months), range(3, 140))
    c, mark = d.pick(*_COLOURS), d.pick("o", "s", "^")
    head = f'import matplotlib.pyplot as plt\n\nmonths = {months}\nraw = "{" ".join(map(str, values))}"\n\nfig, ax = plt.subplots()\n'
    line = f'\nax.plot(months, values, marker="{mark}", color="{c}")\n'
    return Fault(head, "values = raw.split()", "values = [int(word) for word in raw.split()]", "values = list(map(float, raw.split()))", line + _tail(d, topic, unit), "the y axis is not in numerical order; it lists the values in the order in which they come up", "an ordinary numeric y axis", "`split()` gives strings, and matplotlib treats strings as categories, placed in the order of their appearance. Convert them to numbers before plotting.")  # fmt: skip


def _unsorted_line(d: Draw) -> Fault:
    topic, unit, *_ = _base(d)
    n = d.randint(7, 12)
    xs = d.some(n, range(1, 40))
    while xs == sorted(xs):
        d.shuffle(xs)
    ys = [round(x * d.pick(0.8, 1.1, 1.4) + d.randint(-4, 4), 1) for x in xs]
    c = d.pick(*_COLOURS)
    head = f"import matplotlib.pyplot as plt\n\nx = {xs}\ny = {ys}\n\nfig, ax = plt.subplots()\n"
    end = f', color="{c}", marker="o")'
    right = f"pairs = sorted(zip(x, y))\nax.plot([p[0] for p in pairs], [p[1] for p in pairs]{end}"
    wanted = f"order = sorted(range(len(x)), key=lambda k: x[k])\nax.plot([x[k] for k in order], [y[k] for k in order]{end}"
    return Fault(head, f"ax.plot(x, y{end}", right, wanted, "\n" + _tail(d, topic, unit), "the line zigzags back and forth instead of going from left to right", "one line from the smallest x to the largest", "`plot` joins the points in the order of the lists, and `x` is not sorted. Sort the pairs by x first (or use `scatter` if no line is wanted).")  # fmt: skip


def _histogram_bins(d: Draw) -> Fault:
    topic, unit, *_ = _base(d)
    low, step = d.pick((0, 10), (0, 5), (10, 5), (20, 10))
    values = [d.randint(low, low + 6 * step - 1) for _ in range(60)]
    c = d.pick(*_COLOURS[:7])
    head = f"import matplotlib.pyplot as plt\n\nvalues = {values}\n\nfig, ax = plt.subplots()\n"
    edges = [low + k * step for k in range(7)]
    return Fault(head, f"ax.hist(values, color=\"{c}\", edgecolor=\"white\")", f"ax.hist(values, bins=range({low}, {low + 6 * step + 1}, {step}), color=\"{c}\", edgecolor=\"white\")", f"ax.hist(values, bins={edges}, facecolor=\"{c}\", edgecolor=\"white\")", "\n" + _tail(d, topic, "count", f"ax.set_xlabel(\"{unit}\")\n"), "the borders of the bars are at odd numbers", f"bars that each cover {step} units, starting at {low}", f"By default `hist` cuts the range of the data into 10 equal parts. Give the edges yourself: `bins=range({low}, {low + 6 * step + 1}, {step})` (the end of a range is excluded, hence {low + 6 * step + 1} and not {low + 6 * step}).")  # fmt: skip


def _upside_down(d: Draw) -> Fault:
    n, m = d.randint(4, 6), d.randint(5, 8)
    cmap = d.pick("viridis", "magma", "coolwarm", "YlGnBu")
    rows = [d.ints(m, 0, 20 * (r + 1)) for r in range(n)]
    head = f"import matplotlib.pyplot as plt\n\nheights = {rows}\n\nfig, ax = plt.subplots()\n"
    return Fault(head, f"image = ax.imshow(heights, cmap=\"{cmap}\")", f"image = ax.imshow(heights, cmap=\"{cmap}\", origin=\"lower\")", f"plt.rcParams[\"image.origin\"] = \"lower\"\nimage = ax.imshow(heights, cmap=\"{cmap}\")", "\nfig.colorbar(image)\nax.set_xlabel(\"x\")\nax.set_ylabel(\"y\")\nplt.show()\n", "row 0 is shown at the top and y grows downwards", "y to grow upwards, with row 0 at the bottom", "`imshow` follows the convention of images: row 0 is at the top. Pass `origin=\"lower\"` to put it at the bottom.")  # fmt: skip


def _oval_circle(d: Draw) -> Fault:
    r, c = d.randint(2, 6), d.pick(*_COLOURS)
    k = d.pick(3, 4, 5, 6, 8, 60)
    name = {3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon", 8: "octagon", 60: "circle"}[k]
    head = f'import math\n\nimport matplotlib.pyplot as plt\n\nangles = [2 * math.pi * i / {k} for i in range({k + 1})]\nx = [{r} * math.cos(a) for a in angles]\ny = [{r} * math.sin(a) for a in angles]\n\nfig, ax = plt.subplots(figsize=({d.pick(6, 7, 8)}, {d.pick(3, 4)}))\nax.plot(x, y, color="{c}")\n'
    return Fault(head, "ax.grid(True)", "ax.grid(True)\nax.set_aspect(\"equal\")", "ax.grid(True)\nax.axis(\"scaled\")\nax.autoscale()\nax.set_aspect(1)", f"\nax.set_title(\"{name}, radius {r}\")\nplt.show()\n", f"my regular {name} looks squashed", "one unit of x to be as long as one unit of y", "The axes fill the figure, so a unit of x and a unit of y have different lengths on the screen. `ax.set_aspect(\"equal\")` makes them equal.")  # fmt: skip


def _twin_scale(d: Draw) -> Fault:
    topic, unit, one, _, _, _, _, head = _base(d)
    factor = d.pick(40, 60, 100)
    c, e = d.some(2, _COLOURS)
    head += f"share = [v / {factor} for v in second]\n"
    wrong = f'ax.plot(months, first, color="{c}")\nax.plot(months, share, color="{e}")'
    right = f'ax.plot(months, first, color="{c}")\nother = ax.twinx()\nother.plot(months, share, color="{e}")\nother.set_ylabel("share", color="{e}")'
    wanted = f'other = ax.twinx()\nother.plot(months, share, "-", c="{e}")\nother.yaxis.label.set_color("{e}")\nother.set_ylabel("share")\nax.plot(months, first, "-", c="{c}")'
    return Fault(head, wrong, right, wanted, "\n" + _tail(d, f"{topic}: {one}", unit), "the second line looks flat at the bottom", "the second line with an axis of its own on the right, labelled share", "Both lines share one y axis, and the second one has values about a hundred times smaller. `ax.twinx()` makes a second y axis over the same x axis.")  # fmt: skip


def _overlapping_ticks(d: Draw) -> Fault:
    topic, unit, *_ = _base(d)
    names = d.some(
        d.randint(8, 10),
        [
            "Amsterdam North",
            "Birmingham",
            "Copenhagen",
            "Dresden Central",
            "Edinburgh West",
            "Frankfurt am Main",
            "Gothenburg",
            "Hamburg Harbour",
            "Innsbruck",
            "Jerez",
            "Kaiserslautern",
            "Luxembourg City",
        ],
    )
    values, c, angle = d.ints(len(names), 10, 95), d.pick(*_COLOURS[:7]), d.pick(45, 60, 90)
    head = f'import matplotlib.pyplot as plt\n\nnames = {names}\nvalues = {values}\n\nfig, ax = plt.subplots()\nax.bar(names, values, color="{c}")\n'
    align = "" if angle == 90 else ', ha="right"'
    return Fault(head, "ax.margins(x=0.02)", f"ax.margins(x=0.02)\nplt.xticks(rotation={angle}{align})\nfig.subplots_adjust(bottom=0.35)", f"ax.margins(x=0.02)\nfor label in ax.get_xticklabels():\n    label.set_rotation({angle})\n" + ("" if angle == 90 else "    label.set_horizontalalignment(\"right\")\n") + "plt.subplots_adjust(bottom=0.35)", "\n" + _tail(d, topic, unit), "the names below the bars run into each other", f"the names turned by {angle} degrees and not cut off", "Long names need more room than a bar is wide. Rotate the tick labels and enlarge the bottom margin so that they are not cut off.")  # fmt: skip


def _stacked_without_bottom(d: Draw) -> Fault:
    topic, unit, one, two, _, _, _, head = _base(d, d.randint(4, 6))
    c, e = d.some(2, _COLOURS[:7])
    wrong = f'ax.bar(months, first, color="{c}", label="{one}")\nax.bar(months, second, color="{e}", label="{two}")'
    right = f'ax.bar(months, first, color="{c}", label="{one}")\nax.bar(months, second, bottom=first, color="{e}", label="{two}")'
    wanted = f'ax.bar(months, first, color="{c}", label="{one}")\nfor k, (low, value) in enumerate(zip(first, second)):\n    ax.bar(months[k], value, bottom=low, color="{e}", label="{two}" if k == 0 else "")'
    return Fault(head, wrong, right, wanted, "\nax.legend()\n" + _tail(d, topic, unit), "the bars are not stacked; both start at zero", "the second series to stand on top of the first one", "Every bar starts at 0 unless it is told otherwise. Pass the first series as `bottom` of the second one.")  # fmt: skip


FAULTS = (
    _no_legend, _bars_on_top, _text_numbers, _unsorted_line, _histogram_bins, _upside_down, _oval_circle,
    _twin_scale, _overlapping_ticks, _stacked_without_bottom,
)  # fmt: skip


def _plot_question(d: Draw, show: str) -> Question:
    fault = d.pick(*FAULTS)(d)
    broken, code, wanted = (
        f"{fault.head}{part}{fault.tail}" for part in (fault.wrong, fault.right, fault.wanted)
    )
    if show == "broken":
        ask = d.pick(
            "My plot looks like the picture: {sees}. I would like {wants}. What do I have to change?",
            "As you can see in the image, {sees}. How do I get {wants}?",
            "Why does matplotlib draw it like this ({sees})? I want {wants}.",
        ).format(sees=fault.sees, wants=fault.wants)
    elif show == "both":
        ask = d.pick(
            "On the left is what my script draws, on the right what I want. What must I change?",
            "The left plot is mine, the right one is how it should look. Please correct the script.",
            "How do I get from the left picture to the right one?",
        )
    else:
        ask = d.pick(
            "The first picture is what I get, the second one what I am after. Where is my mistake?",
            "My script draws the first image; it should look like the second one. Please fix it.",
        )
    ask += f"\n\n```python\n{broken.rstrip()}\n```"
    return Question("plot", ask, fault.cause, code, wanted, broken=broken, show=show, difficulty=0.3 + (0.15 if show == "both" else 0))  # fmt: skip


def wrong_plot(d: Draw) -> Question:
    """The wrong plot alone."""
    return _plot_question(d, "broken")


def plot_pair(d: Draw) -> Question:
    """Wrong and wanted plot in one picture."""
    return _plot_question(d, "both")


def _library_bugs(d: Draw) -> Bug:
    _, unit, one, two, months, a, b, _ = _base(d)
    n = len(months)
    key = one.lower().replace(" ", "_")
    frame = f'import pandas as pd\n\ndf = pd.DataFrame({{"month": {months}, "{key}": {a}}})\n'
    limit = sorted(a)[n // 2]
    kept = [m for m, v in zip(months, a, strict=True) if v > limit and m != months[0]]
    size = d.randint(2, 4)
    matrix = [d.ints(size, 0, 9) for _ in range(size + 1)]
    vector = d.ints(size + 1, 1, 5)
    product = [sum(matrix[r][c] * vector[r] for r in range(size + 1)) for c in range(size)]
    money = [f"{v},{w:03d}" for v, w in zip(a, d.ints(n, 0, 999), strict=True)]
    total = sum(int(m.replace(",", "")) for m in money)
    return d.pick(
        Bug(frame, f"print(df[\"{key.capitalize()}\"].sum())", f"print(df[\"{key}\"].sum())", f"\nprint(df[\"{key}\"].max())\n", f"{sum(a)}\n{max(a)}", f"Names of columns are case-sensitive: the frame has `{key}`, not `{key.capitalize()}`. `df.columns` shows the names.", "adds up a column"),
        Bug(frame, f"chosen = df[df[\"{key}\"] > {limit} and df[\"month\"] != \"{months[0]}\"]", f"chosen = df[(df[\"{key}\"] > {limit}) & (df[\"month\"] != \"{months[0]}\")]", "\nprint(list(chosen[\"month\"]))\n", repr(kept), "`and` asks each Series for one truth value, which it does not have. Combine conditions element by element with `&` (or `|`), each one in parentheses.", "selects rows by two conditions"),
        Bug(f"import numpy as np\n\nmatrix = np.array({matrix})\nvector = np.array({vector})\n\n", "result = matrix @ vector", "result = matrix.T @ vector", "\nprint(result.tolist())\n", repr(product), f"The shapes ({size + 1}, {size}) and ({size + 1},) do not fit: the inner dimensions must agree. The matrix has to be transposed.", "multiplies a matrix and a vector"),
        Bug(f"import pandas as pd\n\ndf = pd.DataFrame({{\"month\": {months}, \"{key}\": {money}}})\n", f"df[\"{key}\"] = df[\"{key}\"].astype(int)", f"df[\"{key}\"] = df[\"{key}\"].str.replace(\",\", \"\").astype(int)", f"\nprint(df[\"{key}\"].sum())\n", str(total), "The column holds texts with a thousands separator, which `astype(int)` cannot read. Remove the commas first (or read the file with `thousands=\",\"`).", "converts a column to numbers"),
        Bug(frame, f"df[\"{two.lower()[:4]}\"] = {b[:-1]}", f"df[\"{two.lower()[:4]}\"] = {b}", f"\nprint(df.shape)\nprint(int(df[\"{two.lower()[:4]}\"].iloc[-1]))\n", f"({n}, 3)\n{b[-1]}", f"The frame has {n} rows but the list has only {n - 1} values. A new column needs one value for each row; the last month was missing.", "adds a column to a frame"),
        Bug(frame, f"row = {{\"month\": \"new\", \"{key}\": {b[0]}}}\ndf = df.append(row, ignore_index=True)", f"row = {{\"month\": \"new\", \"{key}\": {b[0]}}}\ndf = pd.concat([df, pd.DataFrame([row])], ignore_index=True)", f"\nprint(len(df), int(df[\"{key}\"].sum()))\n", f"{n + 1} {sum(a) + b[0]}", "`DataFrame.append` was removed in pandas 2.0. Use `pd.concat` with a frame of the new rows.", "appends a row"),
        Bug(f"import numpy as np\n\na = np.array({a})\nb = np.array({b[:-1]})\n\n", "difference = a - b", "difference = a[: len(b)] - b", "\nprint(difference.tolist())\n", repr([p - q for p, q in zip(a, b[:-1], strict=False)]), f"The arrays have {n} and {n - 1} elements and cannot be subtracted element by element. Cut the longer one to the common length (and check why a value is missing).", "compares two series"),
        Bug(f"import matplotlib.pyplot as plt\n\nvalues = {a}\nother = {b}\nfig, axes = plt.subplots({2}, {2})\n", "axes[0].plot(values)\naxes[1].plot(other)", "axes[0, 0].plot(values)\naxes[0, 1].plot(other)", "\nprint(len(fig.axes), len(axes[0, 0].lines))\n", "4 1", "With two rows and two columns `axes` is a 2 x 2 array; `axes[0]` is a whole row of axes, which has no `plot`. Use two indices.", "draws two panels"),
        Bug(f"import matplotlib.pyplot as plt\n\nx = list(range({n}))\ny = {[*a, b[0]]}\nfig, ax = plt.subplots()\n", "ax.plot(x, y)", "ax.plot(x, y[: len(x)])", "\nprint(len(ax.lines[0].get_xdata()))\n", str(n), f"`x` has {n} elements and `y` has {n + 1}; `plot` needs a pair for each point. Cut the longer list (or find out which value is surplus).", "plots two lists"),
        Bug(f"import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot({a})\n", f"ax.{(w := d.pick('xlabel', 'ylabel', 'title', 'xlim', 'ylim'))}({(v := repr(unit) if w in ('xlabel', 'ylabel', 'title') else '0, 100')})", f"ax.set_{w}({v})", f"\nprint(ax.get_{w}())\n", unit if ("l" in w and "lim" not in w) or w == "title" else "(np.float64(0.0), np.float64(100.0))", f"`plt.{w}` exists, but the method of an axes object is called `set_{w}`.", f"sets the {w} of an axes object"),
    )  # fmt: skip


def error_library(d: Draw) -> Question:
    """A failing script with numpy, pandas or matplotlib, in a notebook or an editor."""
    return question_of(d, _library_bugs(d), "notebook")


TEMPLATES = {"wrong_plot": wrong_plot, "plot_pair": plot_pair, "error_library": error_library}

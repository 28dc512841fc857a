"""What people get of a search: the chosen recipe, the curve, a page, Markdown, JSON.

in:  a Search
out: DIR/recipe.yaml, curve.svg, search.html, search.md, result.json
not covered: the search (run.py), drawing (viscodex/curve.py)
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from viscodex.curve import Dot, Series, curve_svg
from viscodex.files import write_atomically
from viscodex.merge.search.features import Correlation, correlations
from viscodex.merge.search.points import Point
from viscodex.merge.search.recipe import SearchRecipe
from viscodex.merge.search.run import Search
from viscodex.merge.search.space import PAPER_LAMBDA, label_of
from viscodex.report.compare import p_text
from viscodex.report.samples import STYLE
from viscodex.report.statistics import Paired, paired
from viscodex.tasks.summary import interval
from viscodex.web import page_of, plain


def write_result(found: Search, out: Path) -> None:
    """Write all files; each is whole or not there."""
    best = found.best
    if best is not None:
        write_atomically(out / "recipe.yaml", recipe_text(found, out))
    svg = lambda_curve(found)
    if svg:
        write_atomically(out / "curve.svg", svg + "\n")
    write_atomically(out / "result.json", json.dumps(result_data(found), indent=1) + "\n")
    write_atomically(out / "search.md", search_markdown(found, out))
    write_atomically(out / "search.html", search_page(found, out))


def recipe_text(found: Search, out: Path) -> str:
    """The chosen merge as a recipe file that begins with its command."""
    best = found.best
    assert best is not None, "there is a recipe only where a point was evaluated"
    command = shlex.join(["viscodex", "merge", str(out / "recipe.yaml"), "-o", str(out / "merged")])
    body = yaml.safe_dump(best.recipe, sort_keys=False, allow_unicode=True)
    lines = [f"# {command}", *(f"# {line}" for line in sentences(found)[:2])]
    return "\n".join(lines) + f"\n{body}"


# --- numbers --------------------------------------------------------------------------------------


def shown(recipe: SearchRecipe, value: float, *, sign: bool = False) -> str:
    """A value as people read it: percent of a benchmark, nats of a loss."""
    if math.isnan(value):
        return "-"
    form = "+" if sign else ""
    if recipe.objective.kind == "task":
        return f"{100 * value:{form}.1f}".replace("-", "\u2212")
    return f"{value:{form}.4f}".replace("-", "\u2212")


def against(better: Point, other: Point) -> Paired:
    """Two points on the items that both have values of."""
    pairs = [
        (b, a)
        for b, a in zip(better.values, other.values, strict=False)
        if a is not None and b is not None
    ]
    return paired([a for _, a in pairs], [b for b, _ in pairs])


def name_of(recipe: SearchRecipe) -> str:
    """What is measured."""
    wanted = recipe.objective
    if wanted.kind == "loss":
        return "loss of the answers, nats a token (lower is better)"
    if wanted.kind == "function":
        return str(wanted.function)
    return f"{wanted.task} {wanted.metric or ''}, protocol {wanted.protocol}".replace(" ,", ",")


def sentences(found: Search) -> list[str]:
    """Which point is best, by how much, how sure; the first thing that is read."""
    recipe, best, paper = found.recipe, found.best, found.paper
    if best is None:
        return ["No point could be evaluated on all items."]
    said = [f"Best on the dev split: {_label(recipe, best)}; {_value(recipe, best)}."]
    if paper is not None and paper.key == best.key:
        said.append(f"That is the paper's lambda {PAPER_LAMBDA}.")
    elif paper is not None:
        said.append(
            f"The paper's lambda {PAPER_LAMBDA}: {_value(recipe, paper)}; difference "
            f"{_difference(recipe, against(best, paper))}."
        )
    fresh = {p.key: p for p in found.points if p.kind == "confirm"}
    if paper is not None and paper.key != best.key and {best.key, paper.key} <= set(fresh):
        pair = against(fresh[best.key], fresh[paper.key])
        said.append(
            f"On {pair.n} fresh items that no choice was made on: difference "
            f"{_difference(recipe, pair)}."
        )
    n = sum(point.kind != "confirm" for point in found.points)
    said.append(
        f"The best of {n} points looks better on the dev split than it is: measure it on the test set."
    )
    if not found.recipe.test:
        said.append("No test set was named, so nothing was held against it.")
    return said


def _label(recipe: SearchRecipe, point: Point) -> str:
    chosen = len(recipe.code) > 1 and "code" in point.recipe
    return label_of(point.recipe) + (f", code {point.recipe['code']}" if chosen else "")


def _value(recipe: SearchRecipe, point: Point) -> str:
    low, high = interval(point.known)
    text = shown(recipe, point.mean)
    if not math.isnan(low):
        text += f" (95 % interval {shown(recipe, low)} to {shown(recipe, high)})"
    return text


def _difference(recipe: SearchRecipe, pair: Paired) -> str:
    ends = [shown(recipe, value, sign=True) for value in (pair.low, pair.high)]
    clear = "clear" if pair.is_clear else "not clear"
    return (
        f"{shown(recipe, pair.difference, sign=True)} (95 % interval {ends[0]} to {ends[1]}, "
        f"{p_text(pair.p)}: {clear})"
    )


def geometry(found: Search) -> tuple[Correlation, ...]:
    """How features of the points go with their score; of a loss, with its negative."""
    sign = -1.0 if found.recipe.objective.is_lower_better else 1.0
    done = {p.key: p for p in found.points if p.state == "done" and p.kind != "confirm" and p.known}
    points = list(done.values())
    return correlations([p.features for p in points], [sign * p.mean for p in points])


def result_data(found: Search) -> dict[str, Any]:
    """All of it as JSON data."""
    best, paper = found.best, found.paper
    pair = against(best, paper) if best is not None and paper is not None else None
    return {
        "objective": name_of(found.recipe),
        "lower_is_better": found.recipe.objective.is_lower_better,
        "said": sentences(found),
        "best": None if best is None else _point_data(best),
        "paper": None if paper is None else _point_data(paper),
        "best_against_paper": None if pair is None else _plain(asdict(pair)),
        "geometry": [_plain(asdict(one)) for one in geometry(found)],
        "points": [_point_data(point) for point in found.points],
        "facts": found.facts,
        "recipe": found.recipe.model_dump(mode="json"),
    }


def _point_data(point: Point) -> dict[str, Any]:
    low, high = interval(point.known)
    data = {key: value for key, value in asdict(point).items() if key != "values"}
    return _plain({**data, "mean": point.mean, "low": low, "high": high, "n": len(point.known)})


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in data.items()
    }


# --- curves ---------------------------------------------------------------------------------------


def _dot(recipe: SearchRecipe, x: float, point: Point) -> Dot:
    factor = 100 if recipe.objective.kind == "task" else 1
    low, high = interval(point.known)
    return Dot(x, factor * point.mean, factor * low, factor * high, point.state == "pruned")


def _curves(found: Search) -> dict[str, list[Point]]:
    """Method and code model -> its points, by lambda."""
    rows: dict[str, list[Point]] = {}
    for point in found.points:
        if point.kind == "curve" and point.state == "done":
            code = str(point.recipe.get("code", "")) if len(found.recipe.code) > 1 else ""
            name = f"{point.recipe['merge_method']} {Path(code).name}".strip()
            rows.setdefault(name, []).append(point)
    return {name: sorted(points, key=_lam) for name, points in rows.items()}


def _lam(point: Point) -> float:
    return next(
        float(v) for k, v in point.params.items() if k == "lam" or k.startswith(("lam_", "lam."))
    )


def lambda_curve(found: Search) -> str:
    """The objective over lambda, with 95 % bands, the paper's lambda and the best point."""
    recipe, rows = found.recipe, _curves(found)
    series = [
        Series(name, tuple(_dot(recipe, _lam(p), p) for p in points))
        for name, points in rows.items()
    ]
    best = found.best
    on_curve = best is not None and (
        "lam" in best.params or any(best.key == p.key for points in rows.values() for p in points)
    )
    ring = _dot(recipe, _lam(best), best) if best is not None and on_curve else None
    return curve_svg(
        series,
        title=f"{name_of(recipe)}, dev split, 95 % intervals",
        x_label="lambda: weight of the vision-language model",
        y_label="percent" if recipe.objective.kind == "task" else "value",
        mark=(PAPER_LAMBDA, "paper"),
        best=ring,
    )


def _history(found: Search) -> str:
    """Every trial in order, pruned ones hollow, and the best so far."""
    recipe = found.recipe
    trials = [p for p in found.points if p.kind == "trial" and p.known]
    if not trials:
        return ""
    better = min if recipe.objective.is_lower_better else max
    so_far: list[Dot] = []
    held: float | None = None
    for point in found.points:
        if point.state == "done" and point.kind != "confirm" and point.known:
            held = point.mean if held is None else better(held, point.mean)
        if point.kind == "trial" and held is not None:
            factor = 100 if recipe.objective.kind == "task" else 1
            so_far.append(Dot(len(so_far) + 1, factor * held))
    dots = tuple(_dot(recipe, n, point) for n, point in enumerate(trials, 1))
    return curve_svg(
        [
            Series("trials (hollow: given up)", dots, line=False),
            Series("best so far", tuple(so_far)),
        ],
        title="The optimiser's trials",
        x_label="trial",
        y_label="percent" if recipe.objective.kind == "task" else "value",
    )


# --- page and Markdown ----------------------------------------------------------------------------


def _rows(found: Search) -> list[list[str]]:
    sign = -1.0 if found.recipe.objective.is_lower_better else 1.0
    points = [p for p in found.points if p.kind != "confirm"]
    points.sort(
        key=lambda p: (p.state != "done", p.state, -sign * (0.0 if math.isnan(p.mean) else p.mean))
    )
    rows = []
    for point in points:
        low, high = interval(point.known)
        ends = (
            "" if math.isnan(low) else f"{shown(found.recipe, low)} to {shown(found.recipe, high)}"
        )
        rows.append(
            [str(point.number), point.kind, _label(found.recipe, point),
             shown(found.recipe, point.mean), ends, str(len(point.known)), f"{point.seconds:.1f}",
             point.state + (f": {point.reason}" if point.reason else "")]
        )  # fmt: skip
    return rows


HEADS = ("point", "of", "merge", "value", "95 % interval", "items", "seconds", "state")


def search_page(found: Search, out: Path) -> str:
    """The page: what was found, the curve, the trials, the recipe, the geometry, every point."""
    said = sentences(found)
    n_first = 3 if any(point.kind == "confirm" for point in found.points) else 2
    figures = "".join(f"<figure class=\"plot\">{svg}</figure>" for svg in (lambda_curve(found), _history(found)) if svg)  # fmt: skip
    parts = [
        "".join(
            f'<p class="{"verdict" if n < n_first else "note"}">{plain(text)}</p>'
            for n, text in enumerate(said)
        ),
        f'<div class="plots">{figures}</div>',
    ]
    if found.best is not None:
        parts.append(f"<h2>The chosen recipe</h2><pre>{plain(recipe_text(found, out))}</pre>")
    parts += [
        _geometry_section(geometry(found)),
        "<h2>Every point</h2>",
        f'<div class="points">{_html_table(HEADS, _rows(found))}</div>',
    ]
    facts = "".join(f"<dt>{plain(k)}</dt><dd>{plain(str(v))}</dd>" for k, v in found.facts.items())
    settings = plain(yaml.safe_dump(found.recipe.model_dump(mode="json"), sort_keys=False))
    parts.append(f'<h2>To repeat it</h2><dl class="facts">{facts}</dl><pre>{settings}</pre>')
    style = ".plots { display: flex; flex-wrap: wrap; gap: 1rem; } .plot { flex: 1 1 24rem; max-width: 44rem; } .points td, .points th { text-align: left; } .points td:last-child { white-space: normal; min-width: 12rem; } svg { width: 100%; }"  # fmt: skip
    lead = f"{name_of(found.recipe)}; {len(found.points)} points"
    return page_of("Search for lambda", lead, "", "".join(parts), style=STYLE + style)


def _geometry_section(rows: Sequence[Correlation]) -> str:
    if not rows:
        return ""
    cells = [
        [one.feature, f"{one.rho:+.2f}", f"{one.low:+.2f} to {one.high:+.2f}", str(one.n)]
        for one in rows
    ]
    note = (
        "Spearman's rank correlation over the points of this search; positive: points with more of it "
        "score better. The points were chosen by the search, so this describes them and proves no cause."
    )
    table = _html_table(("where the merged weights lie", "correlation with the score", "95 % interval", "points"), cells)  # fmt: skip
    return f'<h2>Geometry and score</h2>{table}<p class="note">{plain(note)}</p>'


def _html_table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{plain(text)}</th>" for text in heads)
    body = "".join(
        f"<tr><th>{plain(row[0])}</th>{''.join(f'<td>{plain(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def search_markdown(found: Search, out: Path, picture: str = "curve.svg") -> str:
    """A section for docs/results.md.

    Args:
        picture: where the curve lies, as seen from the file.
    """
    lines = [f"## Search for lambda: {name_of(found.recipe)}", ""]
    lines += [f"- {text}" for text in sentences(found)]
    if lambda_curve(found):
        lines += ["", f"![lambda curve]({picture})"]
    heads = HEADS[2:6]
    lines += ["", f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    rows = [row for row in _rows(found) if row[7] == "done"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row[2:6])} |" for row in rows[:30]]
    if found.best is not None:
        lines += ["", "```yaml", recipe_text(found, out).rstrip(), "```"]
    facts = ", ".join(f"{key} {value}" for key, value in found.facts.items())
    return "\n".join([*lines, "", facts + ".", ""])

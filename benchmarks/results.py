"""docs/results.md by one command: what a family reached, and what a search finds for its merge.

    viscodex nano unpack --size tables -o FAMILY     # or one's own: viscodex nano train
    python benchmarks/results.py FAMILY [--limit 40] [--trials 24] [-o docs/results.md]

in:  the folder of a family
out: the Markdown file, and beside it a folder of its name with the curves as SVG
not covered: training; `viscodex nano measure` and `viscodex nano tables` with more samples: what these have
     measured before is read, what they have not is measured here with --limit, --steps and --seeds

    members    each on held-out samples, paired where it stands on another's shoulders
    settings   lambda, TIES, DARE, replacing: merged, and fine-tuned with several seeds
    dev        charts of a seed of their own; two searches, by the loss of their code and of what is seen
    test       the best recipe of the first against the paper's lambda, on held-out charts that no choice saw

Everything lies in FAMILY/results and goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from viscodex import __version__
from viscodex.cli.terminal import say
from viscodex.curve import Dot, Series, curve_svg
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset, shard_path, write_shard
from viscodex.errors import BadInput, ViscodexError
from viscodex.evaluate.run import Plan, evaluate
from viscodex.evaluate.system import open_system
from viscodex.files import write_atomically
from viscodex.merge.apply import merge
from viscodex.merge.search.points import Point
from viscodex.merge.search.recipe import SearchRecipe
from viscodex.merge.search.result import sentences, shown, write_result
from viscodex.merge.search.run import Search, search
from viscodex.merge.search.space import PAPER_LAMBDA, label_of
from viscodex.models.likelihood import AnswerLosses
from viscodex.models.model import Decoding, open_model
from viscodex.nano.family import Family, recipe_of
from viscodex.nano.measure import MAX_TOKENS, Figure, kinds_for, measure
from viscodex.nano.tables import CURVE, SETTINGS, Effort, Setting, losses_of, make_tables, places_of
from viscodex.recipe import check_recipe, read_recipe
from viscodex.report.compare import (  # fmt: skip
    Comparison,
    compare_runs,
    compare_systems,
    p_text,
    points,
    reasons,
    verdict,
)
from viscodex.report.run import read_run, read_systems
from viscodex.report.statistics import Paired, paired
from viscodex.tasks.from_samples import benchmark_of_samples
from viscodex.tasks.summary import interval
from viscodex.tasks.task import task
from viscodex.train.watch import Show, read_lines
from viscodex.types import Sample

DEV_SEED = 2_000_000  # added to the seed of the charts' recipe; held-out samples have another
MEMBERS = ("vlm", "code", "merged", "nano")
WHAT = {"code": "code", "seen": "what is seen"}
FEW = ("lambda_0", "lambda_0.7", "lambda_1", "ties", "replace_aligned")
"""Settings whose fine-tuning is drawn over the number of samples."""
STEPS = (("vlm", "merged"), ("merged", "nano"))  # who stands on whose shoulders


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is measured."""

    limit: int = 40  # samples of each kind, where none were measured before
    charts: int = 40  # that each setting writes
    steps: int = 40  # of fine-tuning of each setting
    seeds: int = 3
    dev: int = 160  # charts of the dev split; three in five are searched on
    trials: int = 24
    batch: int = 16

    @property
    def effort(self) -> Effort:
        """Of each setting."""
        return Effort(self.charts, self.limit, self.steps, seeds=self.seeds)


@dataclass(frozen=True, slots=True)
class Tested:
    """Two merges on held-out charts: the paper's lambda, and what the search chose."""

    charts: Comparison  # code that was written, run and compared
    losses: dict[str, Paired]  # code, seen: nats a token


# --- members ----------------------------------------------------------------------------------------


def members(family: Family, wanted: Wanted) -> dict[str, list[Figure]]:
    """The figures of each member; what `viscodex nano measure` left is read."""
    held_out = family.folder / "held_out"
    found = {}
    for name in MEMBERS:
        there = kinds_for(held_out, sees=name != "code")
        place = family.folder / "measured" / name
        with open_model(str(family.model(name)), batch=wanted.batch) as model:
            found[name] = measure(model, held_out, place, wanted.limit, say, there)
    return found


def members_markdown(figures: dict[str, list[Figure]], said: Sequence[str]) -> list[str]:
    """A row for each figure, a column for each member."""
    cells = {(f.data, f.metric, name): f for name, each in figures.items() for f in each}
    # the data around shipped members are not those that they learnt from: no telling solutions apart
    rows = dict.fromkeys((data, metric) for data, metric, _ in cells if "solution" not in metric)
    lines = ["## The family on held-out samples", "", *(f"- {text}" for text in said), ""]
    lines += [f"| data | metric | {' | '.join(figures)} |", "|---|---|" + "---:|" * len(figures)]
    for data, metric in rows:
        told = [_cell(cells.get((data, metric, name))) for name in figures]
        lines.append(f"| {data} | {metric} | {' | '.join(told)} |")
    note = "Percent of n samples of seeds that no training set has, with 95 % bootstrap intervals."
    return [*lines, "", note, ""]


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    ends = f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"
    return f"{100 * figure.value:.1f} ({ends}; n {figure.n})"


def steps(family: Family) -> list[str]:
    """One sentence for each benchmark of each pair of members, by the paired test."""
    said = []
    for pair in STEPS:
        names = [f"{name}={family.folder / 'measured' / name}" for name in pair]
        try:
            first, second = read_systems(names)
            found = compare_systems(first, second)
        except BadInput as error:  # measured on other numbers of samples
            said.append(f"{pair[1]} and {pair[0]} cannot be compared: {error.what}.")
            continue
        said += [f"{one.task}: {verdict(one)}." for one in found]
    return said


def learning_curve(family: Family) -> str:
    """Held-out loss of every stage over its steps."""
    series = []
    for name in family.stages:
        rows = [r for r in read_lines(family.folder / name / "metrics.jsonl") if "eval_loss" in r]
        if rows:
            series.append(Series(name, tuple(Dot(r["step"], r["eval_loss"]) for r in rows)))
    return curve_svg(
        series, title="Held-out loss of each stage", x_label="step", y_label="nats a token"
    )


# --- settings -----------------------------------------------------------------------------------------


def settings(family: Family, wanted: Wanted, chosen: Sequence[Setting]) -> list[dict[str, Any]]:
    """The rows of `viscodex nano tables`; made where they are not there."""
    file = make_tables(family, wanted.effort, say, chosen)
    rows: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return rows


def settings_curve(rows: Iterable[dict[str, Any]], metrics: Sequence[str], title: str) -> str:
    """Figures of charts over lambda, merged and fine-tuned."""
    series: dict[str, list[Dot]] = {}
    scale = 1 if "loss" in metrics else 100
    for row in rows:
        if row["lam"] is not None and row["data"] == "charts" and row["metric"] in metrics:
            dot = Dot(row["lam"], *(scale * row[key] for key in ("value", "low", "high")))
            series.setdefault(f"{row['metric']}, {row['stage']}", []).append(dot)
    return curve_svg(
        [Series(name, tuple(dots)) for name, dots in series.items()],
        title=title,
        x_label="lambda: weight of the vision-language model",
        y_label="nats a token" if "loss" in metrics else "percent",
        mark=(PAPER_LAMBDA, "paper"),
    )


def settings_markdown(rows: Sequence[dict[str, Any]], wanted: Wanted) -> list[str]:
    """A row for each setting and stage."""
    shown = (row for row in rows if row["metric"] in CURVE)
    columns = list(dict.fromkeys((row["data"], row["metric"]) for row in shown))
    columns.sort(key=lambda column: column[1] == "loss")
    by_place: dict[tuple[str, str], dict[tuple[str, str], dict[str, Any]]] = {}
    for row in rows:
        place = by_place.setdefault((row["setting"], row["stage"]), {})
        place[row["data"], row["metric"]] = row
    heads = [f"{metric} of {data}" for data, metric in columns]
    lines = [
        "## Ways to merge, as they are and fine-tuned", "",
        f"Losses of {wanted.limit} held-out answers of each kind at most, nats a token, lower is better; {wanted.charts} charts written and run. `seeing` is",
        f"what is asked of charts beside their code. Fine-tuned: {wanted.steps} steps of {wanted.effort.batch} samples, constant learning rate, mean of {wanted.seeds} seeds",
        "(smallest and largest of them in brackets), every setting on the same samples. `lambda_1` is vlm itself: no merge. `lambda_0`",
        "has the weights of code: replacing in one stage. `replace_aligned`: the projector learns alone first, as many steps again.", "",
        f"| setting | stage | {' | '.join(heads)} |", "|---|---|" + "---:|" * len(heads),
    ]  # fmt: skip
    for stage in ("alone", "merged", "tuned"):
        for (setting, its), cells in by_place.items():
            if its == stage:
                told = [_setting_cell(cells.get(column)) for column in columns]
                lines.append(f"| {setting} | {stage} | {' | '.join(told)} |")
    return [*lines, ""]


def _setting_cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    scale, form = (1, ".3f") if row["metric"] == "loss" else (100, ".1f")
    value, *ends = (scale * x for x in (row["value"], min(row["seeds"]), max(row["seeds"])))
    seeds = f" ({ends[0]:{form}} to {ends[1]:{form}})" if len(row["seeds"]) > 1 else ""
    return f"{value:{form}}{seeds}"


def merging_markdown(family: Family, wanted: Wanted, chosen: Sequence[Setting]) -> list[str]:
    """Each setting against no merge, by the losses of the same held-out answers."""
    none = next((one for one in chosen if one.lam == 1.0), None)
    if none is None:
        return []
    lines = ["## Against no merge (`lambda_1`)", "",
             "Difference of the loss, mean over seeds, paired by held-out answer; 95 % bootstrap intervals over answers. Negative: the",
             "setting is better. Bold: interval and permutation test agree that it differs. In brackets: in how many of the seeds it is",
             "below.", ""]  # fmt: skip
    effort = wanted.effort
    stages = ("tuned",) if effort.steps else ()
    ours = {stage: losses_of(p) for stage, p in places_of(family, none, effort, stages).items()}
    kinds = list(ours["merged"])
    lines += [f"| setting | stage | {' | '.join(kinds)} |", "|---|---|" + "---:|" * len(kinds)]
    for stage in ours:
        for setting in chosen:
            if setting is not none:
                theirs = losses_of(places_of(family, setting, effort, stages)[stage])
                told = [_against(ours[stage][kind], theirs[kind]) for kind in kinds]
                lines.append(f"| {setting.name} | {stage} | {' | '.join(told)} |")
    return [*lines, ""]


def _against(none: Sequence[Sequence[float]], each: Sequence[Sequence[float]]) -> str:
    """The cell of a setting: each has, for every seed, the losses of the same answers."""
    averages = [[fmean(same) for same in zip(*seeds, strict=True)] for seeds in (none, each)]
    pair = paired(averages[0], averages[1])
    below = sum(fmean(b) < fmean(a) for a, b in zip(none, each, strict=True))
    text = f"{pair.difference:+.3f} ({pair.low:+.3f} to {pair.high:+.3f})"
    text = f"**{text}**" if pair.is_clear else text
    return f"{text} [{below} of {len(none)}]" if len(none) > 1 else text


def samples_curve(family: Family, chosen: Sequence[Setting], wanted: Wanted) -> str:
    """Loss of the samples that fine-tuning holds out, over the samples it has seen: little data to more."""
    series = []
    for setting in (one for one in chosen if one.name in FEW):
        runs = [
            family.folder / "tables" / f"{setting.name}_tuned_{seed}"
            for seed in range(wanted.seeds)
        ]
        found: dict[int, list[float]] = {}
        for run in runs:
            for row in read_lines(run / "metrics.jsonl"):
                if "eval_loss" in row:
                    found.setdefault(row["step"], []).append(row["eval_loss"])
        dots = (
            Dot(step * wanted.effort.batch, fmean(each), min(each), max(each))
            for step, each in sorted(found.items())
        )
        series.append(Series(setting.name, tuple(dots)))
    return curve_svg(
        series,
        title="Fine-tuning on few samples: mean and range of the seeds",
        x_label="samples of fine-tuning",
        y_label="held-out loss, nats a token",
    )


# --- search -------------------------------------------------------------------------------------------


def dev_split(family: Family, n: int) -> dict[str, Path]:
    """Charts of a seed of their own: their code, and what else is asked of their pictures."""
    from viscodex.data.build import build

    recipe = read_recipe(DataRecipe, Path(family.recipe.data["charts"]))
    sources = {
        label: entry.model_copy(update={"n": 5 * n})  # a chart is told in up to five samples
        for label, entry in recipe.sources.items()
    }
    whole = family.folder / "results" / "dev" / "charts"
    build(recipe.model_copy(update={"seed": recipe.seed + DEV_SEED, "sources": sources}), whole)
    found = {}
    for name, samples in by_skill(open_dataset(whole)).items():
        found[name] = family.folder / "results" / "dev" / name
        write_shard(shard_path(found[name], 0, 1), samples)
    return found


def by_skill(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Those that ask for code, and those that ask what is seen."""
    found: dict[str, list[Sample]] = {"code": [], "seen": []}
    for sample in samples:
        found["code" if sample.task == "code" else "seen"].append(sample)
    return {name: each for name, each in found.items() if each}


def searched(family: Family, name: str, dev: Path, wanted: Wanted) -> Search:
    """The lambda curve by the loss of these answers; for code the optimiser too."""
    n = len(open_dataset(dev))
    chosen = max(2, 3 * min(n, wanted.dev) // 5)
    recipe: dict[str, Any] = {
        **{one: str(family.model(one)) for one in ("vlm", "code", "base")},
        "objective": {
            "kind": "loss", "data": str(dev), "n": chosen, "batch": wanted.batch,
            "confirm": min(n, wanted.dev) - chosen if name == "code" else 0,
        },
        "test": [{"data": str(family.folder / "held_out" / "charts")}],
        "curve": {},
    }  # fmt: skip
    if name == "code" and wanted.trials:
        recipe["optimise"] = {
            "trials": wanted.trials, "coefficients": "module",
            "methods": ["task_arithmetic", "ties", "dare_linear"],
        }  # fmt: skip
    place = family.folder / "results" / f"search_{name}"
    found = search(check_recipe(SearchRecipe, recipe, where=f"search of {name}"), place)
    write_result(found, place)
    return found


def trade(found: dict[str, Search]) -> str:
    """What a lambda costs and brings: both losses over it."""
    series = [Series(f"loss of {WHAT[name]}", tuple(_dots(one))) for name, one in found.items()]
    return curve_svg(
        series,
        title="Dev split, charts: losses over lambda, 95 % intervals (lower is better)",
        x_label="lambda: weight of the vision-language model",
        y_label="nats a token",
        mark=(PAPER_LAMBDA, "paper"),
    )


def _dots(found: Search) -> Iterable[Dot]:
    for point in sorted(found.points, key=lambda p: _lam(p)):
        if point.kind == "curve" and point.state == "done":
            yield Dot(_lam(point), point.mean, *interval(point.known))


def _lam(point: Point) -> float:
    return next((float(v) for k, v in point.params.items() if k.startswith("lam")), math.nan)


def search_markdown(found: dict[str, Search]) -> list[str]:
    """What each search says."""
    lines = ["## Search for lambda, on the dev split", ""]
    for name, one in found.items():
        what = f"Loss of {WHAT[name]}, nats a token, lower is better; {len(one.points)} points:"
        lines += [what, "", *(f"- {text}" for text in sentences(one)[:-1]), ""]
    return lines


# --- test ---------------------------------------------------------------------------------------------


def tested(family: Family, found: Search, wanted: Wanted) -> Tested | None:
    """The chosen recipe against the paper's lambda; None where they are the same."""
    best, paper = found.best, found.paper
    if best is None or paper is None or best.key == paper.key:
        return None
    samples = by_skill(open_dataset(family.folder / "held_out" / "charts"))
    values = {}
    for name, point in (("paper", paper), ("best", best)):
        place = family.folder / "results" / name
        if not (place / "model" / "config.json").exists():
            merge(recipe=point.recipe, out=place / "model", resume=(place / "model").exists())
        _run_charts(place, samples["code"][: wanted.limit], wanted)
        values[name] = {skill: _losses(place / "model", each) for skill, each in samples.items()}
    runs = [read_run(family.folder / "results" / n / "charts", n) for n in ("paper", "best")]
    (charts,) = compare_runs(*runs)
    return Tested(charts, {s: _paired(values["paper"][s], values["best"][s]) for s in samples})


def _run_charts(place: Path, samples: Sequence[Sample], wanted: Wanted) -> None:
    plan = Plan(Decoding(max_tokens=MAX_TOKENS["charts"]))
    with open_system(str(place / "model"), batch=wanted.batch) as system:
        benchmark = benchmark_of_samples("chartmimic", samples)
        evaluate(
            task("chartmimic"), benchmark, system, place / "charts", plan, protocols=("strict",)
        )


def _losses(model: Path, samples: Sequence[Sample]) -> list[float | None]:
    file = model.parent / f"loss_{samples[0].task}_{len(samples)}.json"
    if not file.exists():
        with open_model(str(model)) as opened:
            write_atomically(file, json.dumps(AnswerLosses(opened).of(samples)))  # type: ignore[arg-type]
    found: list[float | None] = json.loads(file.read_text("utf-8"))
    return found


def _paired(a: Sequence[float | None], b: Sequence[float | None]) -> Paired:
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return paired([x for x, _ in both], [y for _, y in both])


def test_markdown(found: Search, test: Tested | None) -> list[str]:
    """Whether the search was worth it, on samples that it never saw."""
    lines = [f"## The chosen recipe against lambda {PAPER_LAMBDA}, on held-out charts", ""]
    best = found.best
    if best is None:
        return [*lines, "No point could be evaluated.", ""]
    if test is None:
        return [*lines, f"The search chose lambda {PAPER_LAMBDA} itself: there is nothing to compare.", ""]  # fmt: skip
    lines += [
        f"Chosen on the dev split: {label_of(best.recipe)}.", "",
        f"- Charts written, run and compared: {verdict(test.charts)}.",
        *(f"- {text}" for text in reasons(test.charts)[:3]),
    ]  # fmt: skip
    for skill, pair in test.losses.items():
        word = ("lower" if pair.difference < 0 else "higher") if pair.is_clear else "not clearly other"  # fmt: skip
        lines.append(f"- The loss of {WHAT[skill]} is {word}: {_loss(found, pair)}.")
    heads = "| metric | n | lambda 0.7 | chosen | difference | 95 % interval | test |"
    lines += ["", heads, "|---|---:|---:|---:|---:|---:|---:|"]
    rows = [(name, pair, points) for name, pair in test.charts.metrics.items()]
    for name, pair, form in rows:
        ends = f"{form(pair.low, sign=True)} to {form(pair.high, sign=True)}"
        lines.append(
            f"| {name} | {pair.n} | {form(pair.a)} | {form(pair.b)} | {form(pair.difference, sign=True)} "
            f"| {ends} | {p_text(pair.p)} |"
        )
    for skill, pair in test.losses.items():
        low, high = (shown(found.recipe, x, sign=True) for x in (pair.low, pair.high))
        lines.append(
            f"| loss, {skill} | {pair.n} | {pair.a:.4f} | {pair.b:.4f} "
            f"| {shown(found.recipe, pair.difference, sign=True)} | {low} to {high} | {p_text(pair.p)} |"
        )
    return [*lines, "", "No choice was made on these charts.", ""]


def _loss(found: Search, pair: Paired) -> str:
    return f"{shown(found.recipe, pair.difference, sign=True)} nats a token, {p_text(pair.p)}"


# --- all of it ----------------------------------------------------------------------------------------


def results(
    family: Family,
    out: Path,
    wanted: Wanted,
    command: str,
    chosen: Sequence[Setting] = SETTINGS,
) -> None:
    """Measure what is missing, then write the file and its curves."""
    figures = members(family, wanted)
    rows = settings(family, wanted, chosen)
    found = {
        name: searched(family, name, dev, wanted)
        for name, dev in dev_split(family, wanted.dev).items()
    }
    test = tested(family, found["code"], wanted)
    title = "Held-out charts over lambda, 95 % intervals"
    loss = f"Loss of the code of {title.lower()}"
    plots = {
        "learning": ("Held-out loss of each stage", learning_curve(family)),
        "lambda": (title, settings_curve(rows, ("exec_rate", "low_level"), title)),
        "loss": (loss, settings_curve(rows, ("loss",), loss)),
        "samples": ("Held-out loss over samples", samples_curve(family, chosen, wanted)),
        "search": ("Losses over lambda", trade(found)),
    }
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, svg) in plots.items():
        if svg:
            write_atomically(folder / f"{name}.svg", svg + "\n")
    shown_as = {
        name: [f"![{title}]({folder.name}/{name}.svg)", ""] if svg else []
        for name, (title, svg) in plots.items()
    }
    lines = [
        "# Results of the embedded family", "",
        f"Written by `{command}` (viscodex {__version__}, Python {platform.python_version()}); the numbers are what",
        "came out, whatever they say. What the family is: [nano.md](nano.md).", "",
        *members_markdown(figures, steps(family)), *shown_as["learning"],
        *settings_markdown(rows, wanted), *shown_as["lambda"], *shown_as["loss"],
        *merging_markdown(family, wanted, chosen), *shown_as["samples"],
        *search_markdown(found), *shown_as["search"],
        *test_markdown(found["code"], test),
    ]  # fmt: skip
    write_atomically(out, "\n".join(lines).rstrip() + "\n")
    say(f"written: {out}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", type=Path)
    parser.add_argument("--size", default="", help="its recipe, if not the one that it was made by")
    parser.add_argument("--limit", type=int, default=Wanted.limit)
    parser.add_argument("--trials", type=int, default=Wanted.trials)
    parser.add_argument("--charts", type=int, default=Wanted.charts, help="that a setting writes")
    parser.add_argument("--dev", type=int, default=Wanted.dev, help="charts of the search")
    parser.add_argument("--steps", type=int, default=Wanted.steps, help="of fine-tuning a setting")
    parser.add_argument("--seeds", type=int, default=Wanted.seeds)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results.md"))
    asked = parser.parse_args()
    kept = {
        key: getattr(asked, key) for key in ("limit", "charts", "dev", "trials", "steps", "seeds")
    }
    options = " ".join(f"--{key} {value}" for key, value in kept.items())
    command = f"python benchmarks/results.py FAMILY {options}"
    try:
        family = Family(recipe_of(asked.family, asked.size), asked.family, Show(line=say))
        results(family, asked.out, Wanted(**kept), command)
    except ViscodexError as error:
        say(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()

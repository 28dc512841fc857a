"""The paper's experiments at the size of the family: lambda, methods, what fine-tuning starts from.

in:  a family's folder with its branches
out: FOLDER/tables/NAME: a model for each setting, its figures; rows.json with all of them, curve.json for the
     demonstration; low_data.json and its curves
not covered: what the numbers mean (docs/nano.md)

    setting --merge--> merged --fine-tune, seed 0, 1, 2--> tuned; or each share of the data to its end
                         |                                   |
                         `------- charts written and run, losses of held-out answers

Every setting is tuned on the same samples in the same order for a seed: settings differ in where they start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from viscodex.curve import Dot, Series, curve_svg
from viscodex.files import write_atomically
from viscodex.models.model import open_model
from viscodex.nano.family import Family, merge_family
from viscodex.nano.measure import LOSSES, Figure, losses, measure, read_figures
from viscodex.tasks.summary import interval

LAMBDAS = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0)
CURVE = ("exec_rate", "low_level", "loss")
"""Metrics that curve.json has of charts."""

SHARE = 0.005
"""Of the data of fine-tuning, held out of it for the learning curve."""

MANY = 8
"""Samples that fine-tuning draws from, for each that it learns from: all would be measured first."""

PROJECTOR = dict.fromkeys(("vision_tower", "language_model", "embed_tokens", "lm_head"), False)
"""What does not learn while the projector is aligned."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to a model: how the branches are put together, and how it is tuned."""

    name: str
    lam: float | None
    recipe: Mapping[str, Any] = field(default_factory=dict)  # further keys of the merge recipe
    align: bool = False  # the projector learns alone, as many steps, before all of it does


Tuner = Callable[[Setting, int, str], Path]
"""A setting, a seed, the name of a run -> the folder of that run."""

SETTINGS: tuple[Setting, ...] = (
    *(Setting(f"lambda_{lam:g}", lam) for lam in LAMBDAS),
    Setting("ties", None, {"merge_method": "ties", "parameters": {"density": 0.5}}),
    Setting("dare_linear", None, {"merge_method": "dare_linear", "parameters": {"density": 0.5}}),
    Setting("replace_aligned", None, {"merge_method": "replace"}, align=True),
)
"""lambda_1 is the vision-language model itself, "no merge"; lambda_0 has the code model's weights: replacing."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What is spent on each point."""

    charts: int = 40  # held-out charts that are written, run and scored; 0: none
    losses: int = 40  # held-out answers of each kind whose loss is measured; 0: none
    steps: int = 0  # of fine-tuning; 0: none
    batch: int = 4  # samples of a step
    seeds: int = 1  # of fine-tuning
    shares: tuple[float, ...] = ()  # of the data, a run for each; the smaller lie in the larger
    epochs: float = 2.0  # over each share

    @property
    def every(self) -> int:
        """Steps between two points of the learning curve."""
        return max(1, self.steps // 4)


def make_tables(
    family: Family,
    effort: Effort,
    say: Callable[[str], None],
    settings: Sequence[Setting] = SETTINGS,
) -> Path:
    """Merge by each setting and measure; with steps also after fine-tuning, seed by seed.

    Returns:
        the file of the rows: setting, lam, stage (merged, tuned), data, metric, value, low, high, n, seeds
        (a value for each).
    """
    tables = family.folder / "tables"
    tuners = {"tuned": partial(tune, family, effort)} if effort.steps else {}
    rows = _rows(family, effort, say, settings, tuners)
    rows += _code_alone(family, effort, say) if effort.losses else []
    write_atomically(tables / "rows.json", json.dumps(rows, indent=1))
    if {one.lam for one in SETTINGS} <= {one.lam for one in settings}:  # a part is no curve
        curve = [
            row for row in rows
            if row["lam"] is not None and row["data"] == "charts" and row["metric"] in CURVE
        ]  # fmt: skip
        write_atomically(tables / "curve.json", json.dumps(curve, indent=1))
    return tables / "rows.json"


def make_low_data(
    family: Family,
    effort: Effort,
    say: Callable[[str], None],
    settings: Sequence[Setting] = SETTINGS,
) -> Path:
    """Each setting fine-tuned on shares of the data, each in a run of its own whose learning rate goes down to zero.

    Returns:
        the file of the rows, as of make_tables, with the stages merged and share X; beside it low_data_METRIC.svg.
    """
    tables = family.folder / "tables"
    tuners = {f"share {x:g}": partial(tune_on_share, family, effort, x) for x in effort.shares}
    rows = _rows(family, effort, say, settings, tuners)
    write_atomically(tables / "low_data.json", json.dumps(rows, indent=1))
    for metric in CURVE:
        if svg := low_data_curve(rows, metric):
            write_atomically(tables / f"low_data_{metric}.svg", svg + "\n")
    return tables / "low_data.json"


def _rows(
    family: Family,
    effort: Effort,
    say: Callable[[str], None],
    settings: Sequence[Setting],
    tuners: Mapping[str, Tuner],
) -> list[dict[str, Any]]:
    """Every setting merged, and fine-tuned in each stage with each seed; measured, as rows."""
    for setting in settings:
        lam = family.recipe.lam if setting.lam is None else setting.lam
        place = family.folder / "tables" / setting.name
        merge_family(family.folder, place / "model", lam, **setting.recipe)
        _measure(family, place, effort, say)
    for seed in range(effort.seeds):
        for stage, tuner in tuners.items():
            for setting in settings:
                _measure(family, tuner(setting, seed, run_name(setting, stage, seed)), effort, say)
    return [row for one in settings for row in rows_of(family, one, effort, tuple(tuners))]


# --- points -----------------------------------------------------------------------------------------


def run_name(setting: Setting, stage: str, seed: int) -> str:
    """The run of a setting, in the family's folder; stage: tuned, share X."""
    return f"tables/{setting.name}_{stage.replace(' ', '_')}_{seed}"


def tune(family: Family, effort: Effort, setting: Setting, seed: int, name: str) -> Path:
    """The merge of a setting fine-tuned; the folder of its run."""
    data = [one for one in family.recipe.tuned_on if one in family.recipe.data]
    n = sum(len(family.dataset(one)) for one in data)
    how = {
        "max_steps": effort.steps, "schedule": "constant", "eval_every": effort.every,
        "share": min(1.0, MANY * effort.steps * effort.batch / n),
    }  # fmt: skip
    return _tune(family, setting, name, {**how, "seed": seed, "batch": effort.batch})


def tune_on_share(
    family: Family, effort: Effort, share: float, setting: Setting, seed: int, name: str
) -> Path:
    """The same on a share of the data, until the learning rate is zero; the folder of its run."""
    how = {"max_steps": None, "epochs": effort.epochs, "eval_every": None, "share": share}
    return _tune(family, setting, name, {**how, "seed": seed, "batch": effort.batch})


def _tune(family: Family, setting: Setting, name: str, how: Mapping[str, Any]) -> Path:
    """A setting's merge fine-tuned; where it aligns, its projector first."""
    start, how = f"tables/{setting.name}", {**how, "save_every": None, "eval_share": SHARE}
    if setting.align:
        learn = {**PROJECTOR, "projector": True}
        family.tune(family.model(start), f"{name}_projector", **how, learn=learn)
        start = f"{name}_projector"
    family.tune(family.model(start), name, **how)
    return family.folder / name


def _measure(family: Family, place: Path, effort: Effort, say: Callable[[str], None]) -> None:
    """What is not measured yet of the model of a place."""
    measured, held_out = place / "measured", family.folder / "held_out"
    with open_model(str(place / "model"), batch=16) as model:
        if effort.charts:
            measure(model, held_out, measured, effort.charts, say, ("charts",))
        if effort.losses:
            kinds = [kind for kind, (name, _) in LOSSES.items() if (held_out / name).exists()]
            found = losses(model, held_out, measured / "losses.json", effort.losses, kinds)
            told = (f"{kind} {fmean(each):.3f}" for kind, each in found.items())
            say(f"{place.name}: losses: {', '.join(told)}")


def _code_alone(family: Family, effort: Effort, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The code branch by itself on problems in words: it has no eyes for the rest."""
    held_out, measured = family.folder / "held_out", family.folder / "tables" / "code" / "measured"
    if not (held_out / "problems").exists():
        return []
    with open_model(str(family.model("code"))) as model:
        losses(model, held_out, measured / "losses.json", effort.losses, ("problems",))
    return [
        _row("code", None, "alone", figure, seeds) for figure, seeds in _loss_figures([measured])
    ]


# --- rows -------------------------------------------------------------------------------------------


def places_of(
    family: Family, setting: Setting, effort: Effort, stages: Sequence[str]
) -> dict[str, list[Path]]:
    """Stage -> folders of `measured`: of the merge, and one for each seed of the stages of fine-tuning."""
    runs = {
        stage: [run_name(setting, stage, seed) for seed in range(effort.seeds)] for stage in stages
    }
    named = {"merged": [f"tables/{setting.name}"], **runs}
    return {
        stage: [family.folder / name / "measured" for name in names]
        for stage, names in named.items()
    }


def rows_of(
    family: Family, setting: Setting, effort: Effort, stages: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The rows of a setting: means over seeds, intervals over samples."""
    for stage, places in places_of(family, setting, effort, stages).items():
        figures = list(_figures(places)) if effort.charts else []
        figures += list(_loss_figures(places)) if effort.losses else []
        for figure, seeds in figures:
            yield _row(setting.name, setting.lam, stage, figure, seeds)


def _row(
    name: str, lam: float | None, stage: str, figure: Figure, seeds: Sequence[float]
) -> dict[str, Any]:
    return {
        "setting": name, "lam": lam, "stage": stage, "data": figure.data, "metric": figure.metric,
        "value": figure.value, "low": figure.low, "high": figure.high, "n": figure.n,
        "seeds": list(seeds),
    }  # fmt: skip


def _figures(places: Sequence[Path]) -> Iterator[tuple[Figure, list[float]]]:
    """Means of scores over seeds; their interval is the mean of the seeds' own."""
    each = [[Figure(**row) for row in read_figures(place)] for place in places]
    for same in zip(*each, strict=True):
        first = same[0]
        value, low, high = (fmean([getattr(f, k) for f in same]) for k in ("value", "low", "high"))
        yield Figure(first.data, first.metric, value, low, high, first.n), [f.value for f in same]


def _loss_figures(places: Sequence[Path]) -> Iterator[tuple[Figure, list[float]]]:
    for kind, each in losses_of(places).items():
        by_sample = [fmean(same) for same in zip(*each, strict=True)]
        figure = Figure(kind, "loss", fmean(by_sample), *interval(by_sample), len(by_sample))
        yield figure, [fmean(values) for values in each]


def losses_of(places: Sequence[Path]) -> dict[str, list[list[float]]]:
    """Kind -> for each seed, the loss of each held-out answer."""
    found: list[dict[str, list[float]]] = [
        json.loads((place / "losses.json").read_text()) for place in places
    ]
    return {kind: [one[kind] for one in found] for kind in found[0]}


def low_data_curve(rows: Sequence[Mapping[str, Any]], metric: str) -> str:
    """A metric of charts over the share of the data, a curve for each setting, with its 95 % intervals over samples.

    Returns:
        SVG; empty where nothing of the kind was measured.
    """
    scale = 1 if metric == "loss" else 100
    series: dict[str, list[Dot]] = {}
    for row in rows:
        stage, _, share = row["stage"].partition(" ")
        if stage == "share" and (row["data"], row["metric"]) == ("charts", metric):
            dot = Dot(100 * float(share), *(scale * row[key] for key in ("value", "low", "high")))
            series.setdefault(row["setting"], []).append(dot)
    return curve_svg(
        [Series(name, tuple(dots)) for name, dots in series.items()],
        title=f"Held-out charts, {metric}: runs on shares of the data, 95 % intervals",
        x_label="percent of the data",
        y_label="nats a token" if metric == "loss" else "percent",
    )

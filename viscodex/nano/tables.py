"""The paper's experiments at the size of the family: lambda, methods, what fine-tuning starts from.

in:  a family's folder with its branches
out: FOLDER/tables/NAME: a model for each setting, its figures; curve.json for plots and the demonstration
not covered: what the numbers mean (docs/nano.md)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viscodex.files import write_atomically
from viscodex.models.model import open_model
from viscodex.nano.family import Family, merge_family
from viscodex.nano.measure import Figure, measure

LAMBDAS = (0.0, 0.25, 0.5, 0.7, 0.85, 1.0)
CURVE = ("exec_rate", "low_level")
"""Metrics that curve.json has."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to a model: how the branches are put together."""

    name: str
    lam: float | None
    recipe: Mapping[str, Any] = field(default_factory=dict)  # further keys of the merge recipe


SETTINGS: tuple[Setting, ...] = (
    *(Setting(f"lambda_{lam:g}", lam) for lam in LAMBDAS),
    Setting("ties", None, {"merge_method": "ties", "parameters": {"density": 0.5}}),
    Setting("dare_linear", None, {"merge_method": "dare_linear", "parameters": {"density": 0.5}}),
    Setting("replace", None, {"merge_method": "replace"}),
)


def make_tables(
    family: Family, n: int, say: Callable[[str], None], tuned_steps: int = 0,
    settings: Sequence[Setting] = SETTINGS,
) -> Path:  # fmt: skip
    """Merge by each setting and measure; with `tuned_steps` also after so many steps of fine-tuning.

    Returns:
        the file of the curve.
    """
    rows: list[dict[str, Any]] = []
    for setting in settings:
        place = family.folder / "tables" / setting.name
        lam = family.recipe.lam if setting.lam is None else setting.lam
        merge_family(family.folder, place / "model", lam, **setting.recipe)
        rows += _rows(setting, "merged", _figures(family, place, n, say))
        if tuned_steps:
            name = f"tables/{setting.name}_tuned"
            start = f"tables/{setting.name}"
            family.train_nano(start, name, max_steps=tuned_steps)
            rows += _rows(setting, "tuned", _figures(family, family.folder / name, n, say))
        write_atomically(family.folder / "tables" / "rows.json", json.dumps(rows, indent=1))
    curve = [row for row in rows if row["lam"] is not None and row["metric"] in CURVE]
    out = family.folder / "tables" / "curve.json"
    write_atomically(out, json.dumps(curve, indent=1))
    return out


def _figures(family: Family, place: Path, n: int, say: Callable[[str], None]) -> list[Figure]:
    with open_model(str(place / "model"), batch=16) as model:
        kinds = ("charts",)
        return measure(model, family.folder / "held_out", place / "measured", n, say, kinds)


def _rows(setting: Setting, stage: str, figures: Sequence[Figure]) -> list[dict[str, Any]]:
    return [
        {
            "setting": setting.name, "lam": setting.lam, "stage": stage, "data": f.data,
            "metric": f.metric, "value": f.value, "low": f.low, "high": f.high, "n": f.n,
        }
        for f in figures
    ]  # fmt: skip

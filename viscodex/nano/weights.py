"""The weights that come with the package: shipping them, and knowing that they are whole.

in:  a family's folder
out: viscodex/nano/weights/NAME: a checkpoint in bfloat16 with its card and training log; and back: a folder
     around the shipped members
not covered: training (family.py), opening (models/local.py)

nano-merged is not shipped: it is what `viscodex merge` makes of base, vlm and code, and its hash stands in
merged.json.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viscodex.errors import BadCheckpoint
from viscodex.files import write_atomically
from viscodex.nano.family import LOGS, MEMBERS, RECIPE, merge_family, take_over
from viscodex.nano.measure import read_figures

SHARD = "15MB"
MAX_BYTES = 80_000_000  # of all files together

SEES = (
    "It has learnt on two CPU cores for a few hours: it sees kinds, layout, titles and colours; values and long texts it",
    "often guesses. Its world: charts of 336 x 252 px, twelve kinds in one plain hand (viscodex/nano/small_charts.py), and",
    "pages of 336 x 224 px, eight kinds (viscodex/nano/small_pages.py); any other picture gets a best effort, with a notice.",
)
READS = ("It has no eyes. What it has read is told in that world's words.",)

ABOUT = {
    "base": ("a small Qwen2.5 language model, pre-trained on descriptions, markup and code", READS),
    "vlm": ("base behind a vision tower, taught to see and not to write code from pictures", SEES),
    "code": ("base taught to write matplotlib, HTML and Python functions from words; it has never seen a picture", READS),
    "nano": ("vlm and code merged over base, then fine-tuned on pictures and their code, and on problems; log and recipe are those of its last training", SEES),
}  # fmt: skip
"""What each member is, and what it knows."""


def ship(family: Path, out: Path | None = None) -> Path:
    """Write the members of a family below `out` as they are shipped; what was there goes when all are written.

    Raises:
        BadCheckpoint: a member is not there, or all together are too large.
    """
    out = out or Path(__file__).parent / "weights"
    for name in MEMBERS:
        source = family / name / "model"
        if not (source / "config.json").exists():
            raise BadCheckpoint(
                "a member of the family is not trained yet", str(source), "viscodex nano train"
            )
    part = out / "part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name in MEMBERS:
        _copy(family / name / "model", part / name)
        _card(family, name, part / name)
    write_atomically(part / "merged.json", json.dumps(_merged(family, part), indent=1) + "\n")
    curve = family / "tables" / "curve.json"
    if not curve.exists():
        curve = out / "curve.json"
    if curve.exists():
        shutil.copyfile(curve, part / curve.name)
    if (family / RECIPE).exists():
        told = _relative(json.loads((family / RECIPE).read_text("utf-8")), _places(family))
        write_atomically(part / RECIPE, json.dumps(told, indent=1) + "\n")
    size = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
    if size > MAX_BYTES:
        raise BadCheckpoint("the weights are too large to ship", f"{part}: {size:,} bytes")
    for made in sorted(part.iterdir()):
        if made.is_dir():
            shutil.rmtree(out / made.name, ignore_errors=True)
        made.replace(out / made.name)
    part.rmdir()
    return out


def unpack(family: Path, weights: Path | None = None) -> None:
    """Lay the shipped members out as `viscodex nano train` leaves them; what is there already stays.

    Raises:
        BadCheckpoint: this installation has no weights.
    """
    weights = weights or Path(__file__).parent / "weights"
    for name in MEMBERS:
        if not (weights / name / "config.json").exists():
            raise BadCheckpoint(
                "there are no weights here", str(weights / name), "Install viscodex again."
            )
        take_over(weights / name, family / name)


def _copy(source: Path, out: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    sees = hasattr(AutoConfig.from_pretrained(source), "vision_config")
    auto = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    shutil.rmtree(out, ignore_errors=True)
    model = auto.from_pretrained(source, dtype=torch.bfloat16)
    model.save_pretrained(out, max_shard_size=SHARD)
    for file in source.iterdir():
        known = file.suffix in (".json", ".txt", ".jinja") and not file.name.startswith("model")
        if known and not (out / file.name).exists() and file.name != "merge_report.json":
            shutil.copyfile(file, out / file.name)


def _card(family: Path, name: str, out: Path) -> None:
    run = family / name
    for shipped, as_trained in LOGS.items():
        if (run / as_trained).exists():
            write_atomically(out / shipped, (run / as_trained).read_text("utf-8"))
    recipe = out / "training_recipe.json"
    if recipe.exists():
        told = _relative(json.loads(recipe.read_text("utf-8")), _places(family))
        write_atomically(recipe, json.dumps(told, indent=1) + "\n")
    if figures := read_figures(family / "measured" / name):
        write_atomically(out / "figures.json", json.dumps(figures, indent=1) + "\n")
    what, knows = ABOUT[name]
    lines = [
        f"# {'nano' if name == 'nano' else f'nano-{name}'}", "", f"What it is: {what}.",
        "Made by `viscodex nano train` on procedural data (CC0-1.0); licence as the project's.", "",
        *knows,
    ]  # fmt: skip
    if (out / "figures.json").exists():
        rows = json.loads((out / "figures.json").read_text("utf-8"))
        lines += [
            "",
            "Figures on held-out samples, 95 % bootstrap intervals, by `viscodex nano measure`:",
            "",
        ]
        lines += ["| data | metric | value | interval | n |", "|---|---|---|---|---|"]
        lines += [
            f"| {r['data']} | {r['metric']} | {r['value']:.3f} | {r['low']:.3f} to {r['high']:.3f} | {r['n']} |"
            for r in rows
        ]  # fmt: skip
    write_atomically(out / "README.md", "\n".join(lines) + "\n")


def _places(family: Path) -> tuple[str, ...]:
    """The folder of this family, and of the one that it goes on from."""
    file = family / RECIPE
    told = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return tuple(filter(None, (str(family), told.get("start"))))


def _relative(told: Any, places: Sequence[str]) -> Any:
    """A recipe with `family` for these folders."""
    if isinstance(told, dict):
        return {key: _relative(value, places) for key, value in told.items()}
    if isinstance(told, list):
        return [_relative(value, places) for value in told]
    for place in places:
        if isinstance(told, str) and (told == place or told.startswith(f"{place}/")):
            return f"family{told[len(place) :]}"
    return told


def _merged(family: Path, weights: Path) -> dict[str, Any]:
    """Lambda and hash of nano-merged, made of the shipped branches as the family's was."""
    import tempfile

    from viscodex.types import MergeReport, from_json

    made = family / "merged" / "model" / "merge_report.json"
    lam = float(json.loads(made.read_text("utf-8"))["recipe"]["lam"]) if made.exists() else LAMBDA
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "merged"
        merge_family(weights, out, lam)
        report = from_json(MergeReport, (out / "merge_report.json").read_text())
    return {"lam": lam, "output_hash": report.output_hash}


LAMBDA = 0.7
"""The paper's, with which nano-merged is made where nothing else is said."""

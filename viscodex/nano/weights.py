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
from pathlib import Path
from typing import Any

from viscodex.errors import BadCheckpoint
from viscodex.files import write_atomically
from viscodex.nano.family import LOGS, MEMBERS, merge_family, take_over

SHARD = "15MB"
MAX_BYTES = 80_000_000  # of all files together

ABOUT = {
    "base": "a small Qwen2.5 language model, pre-trained on descriptions, markup and code",
    "vlm": "base behind a vision tower, taught to see and not to write code from pictures",
    "code": "base taught to write matplotlib, HTML and Python functions from words; it has never seen a picture",
    "nano": "vlm and code merged over base, then fine-tuned on pictures and their code, and on problems",
}


def ship(family: Path, out: Path | None = None) -> Path:
    """Write the members of a family below `out` as they are shipped.

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
        _copy(source, out / name)
        _card(family, name, out / name)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    if size > MAX_BYTES:
        raise BadCheckpoint("the weights are too large to ship", f"{out}: {size:,} bytes")
    write_atomically(out / "merged.json", json.dumps(_merged(family, out), indent=1) + "\n")
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
    for shipped, as_trained in LOGS.items():
        if (family / name / as_trained).exists():
            text = (family / name / as_trained).read_text("utf-8")
            write_atomically(out / shipped, text.replace(str(family), "family"))
    measured = sorted((family / "measured" / name).glob("*.json"))
    rows = [row for file in measured for row in json.loads(file.read_text())]
    lines = [
        f"# nano-{name}", "", f"What it is: {ABOUT[name]}.",
        "Made by `viscodex nano train` on procedural data (CC0-1.0); licence as the project's.", "",
        "Its world: charts of 336 x 252 px, twelve kinds in one plain hand (viscodex/nano/small_charts.py), and pages of",
        "336 x 224 px, eight kinds (viscodex/nano/small_pages.py); any other picture gets a best effort. It has learnt on",
        "two CPU cores for a few hours: it sees kinds, layout, titles and colours; values and long texts it often guesses.",
        "Figures on held-out samples, 95 % bootstrap intervals, by `viscodex nano measure`:", "",
        "| data | metric | value | interval | n |", "|---|---|---|---|---|",
        *(
            f"| {r['data']} | {r['metric']} | {r['value']:.3f} | {r['low']:.3f} to {r['high']:.3f} | {r['n']} |"
            for r in rows
        ),
    ]  # fmt: skip
    write_atomically(out / "README.md", "\n".join(lines) + "\n")


def _merged(family: Path, weights: Path) -> dict[str, Any]:
    """Lambda and hash of nano-merged, made of the shipped branches."""
    import tempfile

    from viscodex.types import MergeReport, from_json

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "merged"
        merge_family(weights, out, LAMBDA)
        report = from_json(MergeReport, (out / "merge_report.json").read_text())
    return {"lam": LAMBDA, "output_hash": report.output_hash}


LAMBDA = 0.7
"""The paper's, with which nano-merged is made."""

"""Tasks of lm-eval and lmms-eval, where these are installed: names are passed through.

in:  lm_eval/NAME[,NAME...] or lmms_eval/NAME[,NAME...], a model
out: results.json in a folder, as the harness gives it without its samples
not covered: our own checks of what a merge kept (tasks/retention.py)

They run in this process through their Python interface, and load the checkpoint themselves.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from viscodex.errors import BadRecipe, MissingPart, OutputRefused
from viscodex.files import write_atomically
from viscodex.merge.checkpoint import read_checkpoint
from viscodex.models.model import DEFAULT, weights_folder

RESULT = "results.json"
INSTALL = {"lm_eval": "pip install lm-eval", "lmms_eval": "pip install lmms-eval"}
KINDS: dict[str, dict[str, str]] = {
    "lm_eval": {"": "hf", "qwen2_vl": "hf-multimodal", "qwen2_5_vl": "hf-multimodal"},
    "lmms_eval": {"qwen2_vl": "qwen2_vl", "qwen2_5_vl": "qwen2_5_vl"},
}
"""Harness -> model_type of a checkpoint -> what the harness calls such models."""


def run_harness(
    name: str,
    model: str,
    place: Path,
    *,
    limit: int | None = None,
    batch: int | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Run the named tasks and write their results.

    Args:
        name: lm_eval/TASK or lmms_eval/TASK; several tasks with commas between.
        model: nano, a checkpoint directory or hub name.
        limit, batch, device: as the harness has them.

    Raises:
        MissingPart: the harness is not installed.
        BadRecipe: no task is named, or the harness knows no such model.
        OutputRefused: the place has something else.
    """
    which, _, tasks = name.partition("/")
    names = [task for task in tasks.split(",") if task]
    if not names:
        raise BadRecipe("no task is named", name, f"Give {which}/TASK, several with commas.")
    try:
        harness = import_module(f"{which}.evaluator")
    except ImportError as error:
        raise MissingPart(
            f"{which} is not installed", f"{name}: {error}", INSTALL[which]
        ) from error
    file = place / RESULT
    if place.exists() and not file.exists() and (not place.is_dir() or any(place.iterdir())):
        raise OutputRefused(
            "the folder is not empty and holds no results", str(place), "Choose another with -o."
        )
    kind, path = _model(which, model)
    found = harness.simple_evaluate(
        model=kind,
        model_args=f"pretrained={path}",
        tasks=names,
        limit=limit,
        batch_size=batch or 1,
        device=device,
        log_samples=False,
    )
    told = {key: value for key, value in (found or {}).items() if key != "samples"}
    place.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(told, indent=1, default=str))
    return told


def _model(which: str, model: str) -> tuple[str, str]:
    """(what the harness calls such models, path or hub name)"""
    if model.startswith(("openai/", "replay/", "inspect/")):
        raise BadRecipe(
            f"{which} loads checkpoints itself", model, "Give a checkpoint directory or hub name."
        )
    path = str(weights_folder(model)) if model == DEFAULT and not Path(model).exists() else model
    kind = str(read_checkpoint(path).config.get("model_type", ""))
    kinds = KINDS[which]
    found = kinds.get(kind, kinds.get(""))
    if found is None:
        raise BadRecipe(
            f"{which} is not told how to load such a model",
            f"{model}: model_type {kind}", f"Known are {', '.join(kinds)}.",
        )  # fmt: skip
    return found, path

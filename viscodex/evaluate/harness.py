"""Tasks of lm-eval and lmms-eval, where these are installed: names are passed through.

in:  lm_eval/NAME[,NAME...] or lmms_eval/NAME[,NAME...], a model
out: results.json in a folder, as the harness gives it without its samples
not covered: our own checks of what a merge kept (tasks/retention.py)

They run in this process through their Python interface, and load the checkpoint themselves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from viscodex.errors import BadRecipe, MissingPart, OutputRefused
from viscodex.files import write_atomically
from viscodex.merge.checkpoint import Checkpoint, read_checkpoint
from viscodex.models.model import DEFAULT, weights_folder

RESULT = "results.json"
INSTALL = {"lm_eval": "pip install lm-eval", "lmms_eval": "pip install lmms-eval"}
LMMS_NEEDS = {"qwen_vl_utils": "qwen-vl-utils", "decord": "decord", "torchvision": "torchvision"}
"""What the Qwen classes of lmms-eval import beside it: module -> distribution."""
MULTIMODAL = "hf-multimodal"
KINDS: dict[str, dict[str, str]] = {
    "lm_eval": {"": "hf", "qwen2_vl": MULTIMODAL, "qwen2_5_vl": MULTIMODAL},
    "lmms_eval": {"qwen2_vl": "qwen2_vl", "qwen2_5_vl": "qwen2_5_vl"},
}
"""Harness -> model_type of a checkpoint -> what the harness calls such models."""
LMMS_LEAST_PIXELS = 256 * 28 * 28


def run_harness(
    name: str,
    model: str,
    place: Path,
    *,
    tasks_in: Path | None = None,
    limit: int | None = None,
    batch: int | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Run the named tasks and write their results.

    Args:
        name: lm_eval/TASK or lmms_eval/TASK; several tasks with commas between.
        model: nano, a checkpoint directory or hub name.
        tasks_in: folder of further task files, which the harness calls include_path.
        limit, batch, device: as the harness has them.

    Raises:
        MissingPart: the harness is not installed, or something that it needs.
        BadRecipe: no task is named, one is not there, or the harness knows no such model.
        OutputRefused: the place has something else.
    """
    which, _, tasks = name.partition("/")
    names = [task for task in tasks.split(",") if task]
    if not names:
        raise BadRecipe("no task is named", name, f"Give {which}/TASK, several with commas.")
    try:
        harness = import_module(f"{which}.evaluator")
    except ImportError as error:
        what = "is not installed" if find_spec(which) is None else "misses a library of its own"
        raise MissingPart(f"{which} {what}", f"{name}: {error}", INSTALL[which]) from error
    file = place / RESULT
    if place.exists() and not file.exists() and (not place.is_dir() or any(place.iterdir())):
        raise OutputRefused(
            "the folder is not empty and holds no results", str(place), "Choose another with -o."
        )
    asked = _model(which, model, batch or 1, device)
    known = _tasks(which, tasks_in, names, asked["model"])
    try:
        found = harness.simple_evaluate(
            **asked, tasks=names, task_manager=known, limit=limit, log_samples=False
        )
    except ValueError as error:
        if "multimodal" not in str(error) or find_spec("torchvision"):
            raise
        raise MissingPart(
            "lm-eval shows pictures to a model only with torchvision",
            f"{name}: {' '.join(str(error).split())[:200]}", "pip install torchvision",
        ) from error  # fmt: skip
    told = {key: value for key, value in (found or {}).items() if key != "samples"}
    place.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(told, indent=1, default=str))
    return told


def _tasks(which: str, folder: Path | None, names: Sequence[str], model: Any) -> Any:
    """The harness's own tasks, and those of a folder; the named ones are among them.

    Args:
        model: what the harness calls it; tasks of lmms-eval may word their questions by it.

    Raises:
        BadRecipe: there is no such folder or task.
    """
    if folder is not None and not folder.is_dir():
        raise BadRecipe(
            "there is no such folder of tasks", str(folder),
            f"Give one with the YAML files of {which}, or leave --data out.",
        )  # fmt: skip
    more = {"model_name": model} if which == "lmms_eval" else {}
    place = str(folder) if folder else None
    known = import_module(f"{which}.tasks").TaskManager(include_path=place, **more)
    if unknown := [name for name in names if name not in known.all_tasks]:
        raise BadRecipe(
            f"{which} has no such task", ", ".join(unknown),
            "Take a name from its list of tasks, or give the folder of your own with --data.",
        )  # fmt: skip
    return known


def _model(which: str, model: str, batch: int, device: str | None) -> dict[str, Any]:
    """What the harness is told of a model: its name for such ones and the path, or the model itself."""
    if model.startswith(("openai/", "replay/", "inspect/")):
        raise BadRecipe(
            f"{which} loads checkpoints itself", model, "Give a checkpoint directory or hub name."
        )
    path = str(weights_folder(model)) if model == DEFAULT and not Path(model).exists() else model
    checkpoint = read_checkpoint(path)
    kind = str(checkpoint.config.get("model_type", ""))
    kinds = KINDS[which]
    found = kinds.get(kind, kinds.get(""))
    if found is None:
        raise BadRecipe(
            f"{which} is not told how to load such a model",
            f"{model}: model_type {kind}", f"Known are {', '.join(kinds)}.",
        )  # fmt: skip
    from viscodex.models.weights import choose_device

    place = choose_device(device)  # where none is named, a harness takes a GPU, there or not
    told: Any = {"pretrained": path}
    if which == "lmms_eval":
        _check_lmms(found)
        told = _lmms_arguments(path, checkpoint, place)
    if found == MULTIMODAL and find_spec("torchvision") is None:
        return {"model": _without_eyes(checkpoint, batch, place)}
    return {"model": found, "model_args": told, "batch_size": batch, "device": place}


def _check_lmms(kind: str) -> None:
    """What its classes of Qwen models import is there.

    Raises:
        MissingPart: it is not.
    """
    missing = [name for module, name in LMMS_NEEDS.items() if find_spec(module) is None]
    if missing:
        raise MissingPart(
            "lmms-eval needs more libraries for such a model", f"{kind}: {', '.join(missing)}",
            f"pip install {' '.join(missing)}",
        )  # fmt: skip


def _lmms_arguments(path: str, checkpoint: Checkpoint, device: str) -> str:
    """What lmms-eval is told of a checkpoint: one text, parted by commas.

    Without device_map it takes a GPU. It enlarges pictures to 448 x 448 pixels; a checkpoint that was made
    for less says so.

    Raises:
        BadRecipe: the path has a comma.
    """
    if "," in path:
        raise BadRecipe("lmms-eval takes no path with a comma", path, "Rename or link it.")
    told = {"pretrained": path, "device_map": device, **_pixels(checkpoint)}
    return ",".join(f"{name}={value}" for name, value in told.items())


def _pixels(checkpoint: Checkpoint) -> dict[str, int]:
    """Least and most pixels of a picture, where the most is less than lmms-eval's least."""
    file = checkpoint.path / "preprocessor_config.json"
    size = json.loads(file.read_text("utf-8")).get("size") or {} if file.exists() else {}
    low, high = size.get("shortest_edge", 0), size.get("longest_edge", LMMS_LEAST_PIXELS)
    return {"min_pixels": low, "max_pixels": high} if high < LMMS_LEAST_PIXELS else {}


def _without_eyes(checkpoint: Checkpoint, batch: int, device: str) -> Any:
    """A vision-language model as lm-eval's `hf`, for texts alone: its way to pictures needs torchvision."""
    from transformers import AutoTokenizer

    from viscodex.models.weights import load

    model = load(checkpoint, device, "bfloat16" if device.startswith("cuda") else "float32")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.path)
    hf = import_module("lm_eval.models.huggingface")
    return hf.HFLM(pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=batch)

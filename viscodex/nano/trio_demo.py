"""The demonstration where no weights are: a random trio, merged, loaded again, reported.

in:  a folder
out: FOLDER/base, vlm, code, merged and FOLDER/geometry.html
not covered: models that have learnt something
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from viscodex.errors import BadRecipe


def run_trio_demo(folder: Path, say: Callable[[str], None]) -> None:
    """Make, merge, load, compare; say what is done.

    Raises:
        BadRecipe: the folder holds something that is not an earlier demonstration.
    """
    from viscodex.merge.apply import merge

    marker = folder / ".viscodex-demo"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise BadRecipe("the folder is not empty", str(folder), "Give another one with -o DIR.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()
    start = time.perf_counter()
    _make(folder, say)
    began = time.perf_counter()
    report = merge(
        vlm=folder / "vlm",
        code=folder / "code",
        base=folder / "base",
        lam=0.7,
        out=folder / "merged",
    )
    seconds = time.perf_counter() - began
    counts = ", ".join(f"{n} {action}" for action, n in report.counts.items())
    say(f"merged in {seconds:.2f} s with theta = 0.7 theta_vlm + 0.3 theta_code: {counts}")
    for use in report.inputs:
        say(
            f"  {use.label}: {use.n_tensors} tensors = {use.used} used + {use.dropped} dropped + {use.unread} not read"
        )
    say("task vectors, by module:")
    say(
        (folder / "merged" / "README.md")
        .read_text()
        .split("## Geometry")[1]
        .split("## ")[0]
        .strip()
    )
    _reload(folder, say)
    _draw(folder, say)
    say(f"done in {time.perf_counter() - start:.0f} s")


def _make(folder: Path, say: Callable[[str], None]) -> None:
    from transformers.utils import logging

    from viscodex.nano.trio import make_trio

    logging.disable_progress_bar()
    make_trio(folder)
    say(f"made a trio below {folder}: base and code (Qwen2.5), vlm (Qwen2.5-VL), random weights")


def _reload(folder: Path, say: Callable[[str], None]) -> None:
    """Load the merged model, as a user would, and let it answer."""
    import torch
    from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

    model, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder / "merged", output_loading_info=True
    )
    say(
        f"transformers loads it: {len(info['missing_keys'])} tensors missing, "
        f"{len(info['unexpected_keys'])} unexpected"
    )
    tokenizer = AutoTokenizer.from_pretrained(folder / "merged")
    message = [{"role": "user", "content": "Redraw this chart as matplotlib code."}]
    inputs = tokenizer.apply_chat_template(
        message, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    with torch.inference_mode():
        answer = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    text = tokenizer.decode(answer[0, inputs["input_ids"].shape[1] :])
    say(f"it answers (untrained, so noise): {text!r}")


def _draw(folder: Path, say: Callable[[str], None]) -> None:
    from viscodex.files import write_atomically
    from viscodex.merge.checkpoint import read_checkpoint
    from viscodex.merge.geometry import measure_geometry
    from viscodex.merge.layout import understand
    from viscodex.merge.summary import describe
    from viscodex.plots import geometry_page

    models = [
        understand(read_checkpoint(folder / label), label) for label in ("base", "vlm", "code")
    ]
    page = geometry_page(
        [describe(model) for model in models], measure_geometry(models[0], models[1:])
    )
    write_atomically(folder / "geometry.html", page)
    say(f"plots: {folder / 'geometry.html'}")

"""The run: exact bytes, bounded blocks, interruptions, refusals."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viscodex
from tests.merge.models import (
    all_bytes,
    arrays_of,
    near,
    same_bits,
    text_arrays,
    vision_arrays,
    write_model,
    write_trio,
)
from viscodex.errors import (
    BadCheckpoint,
    BadRecipe,
    MergeRefused,
    MissingPart,
    NotEnoughSpace,
    OutputRefused,
    ShapeMismatch,
    ViscodexError,
)
from viscodex.recipe import MergeRecipe, check_recipe
from viscodex.types import MergeReport, from_json


def text_recipe(paths: dict[str, Path], method: str = "ties", **extra: Any) -> dict[str, Any]:
    return {
        "merge_method": method, "vlm": str(paths["vlm"]), "code": str(paths["code"]),
        "base": str(paths["base"]), **extra,
    }  # fmt: skip


# --- exact bytes ----------------------------------------------------------------------------------


def test_lam_1_gives_the_vlms_bytes_and_lam_0_the_code_models(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    for lam, source in ((1.0, "vlm"), (0.0, "code")):
        viscodex.merge(paths["vlm"], paths["code"], lam=lam, out=tmp_path / f"out-{source}")
        out, vlm = arrays_of(tmp_path / f"out-{source}"), arrays_of(paths["vlm"])
        expected = {**vlm, **arrays_of(paths[source])}
        assert set(out) == set(vlm)
        assert all(same_bits(out[name], expected[name]) for name in out)


def test_replace_gives_the_code_models_language_model_and_the_vlms_tower(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    viscodex.merge(paths["vlm"], paths["code"], method="replace", out=tmp_path / "out")
    expected = {**arrays_of(paths["vlm"]), **arrays_of(paths["code"])}
    assert all(same_bits(a, expected[n]) for n, a in arrays_of(tmp_path / "out").items())


def test_the_papers_merge_reads_no_byte_of_the_base(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    report = viscodex.merge(paths["vlm"], paths["code"], paths["base"], 0.7, tmp_path / "out")
    base = next(use for use in report.inputs if use.label == "base")
    assert (base.used, base.unread) == (0, base.n_tensors)
    assert report.input_hashes["base"] == "not read"


def test_all_tensors_of_all_inputs_are_accounted_for(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    for method in ("task_arithmetic", "ties", "replace", "model_stock"):
        plan = viscodex.plan_merge(check_recipe(MergeRecipe, text_recipe(paths, method)))
        for use in plan.inputs:
            assert use.used + use.dropped + use.unread == use.n_tensors
        written = plan.count("merge") + plan.count("copy") + plan.count("add")
        assert written == len(arrays_of(paths["vlm"]))


@pytest.mark.parametrize(
    "method", ["ties", "dare_ties", "della", "slerp", "model_stock", "task_arithmetic"]
)
def test_streaming_in_small_blocks_equals_one_block(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_trio(tmp_path)
    density = {"parameters": {"density": 0.5}} if method in ("ties", "dare_ties", "della") else {}
    recipe = text_recipe(paths, method, **density)
    if method == "task_arithmetic":
        recipe = {"merge_method": method, "base_model": str(paths["base"]),
                  "models": [{"model": str(paths[k]), "parameters": {"weight": 0.6}} for k in ("vlm", "code")]}  # fmt: skip
    viscodex.merge(recipe=recipe, out=tmp_path / "whole")
    monkeypatch.setattr("viscodex.merge.plan.BLOCK_ELEMENTS", 32)
    monkeypatch.setattr("viscodex.merge.plan.PIECE_BLOCKS", 2)
    viscodex.merge(recipe=recipe, out=tmp_path / "blocks")
    whole, blocks = arrays_of(tmp_path / "whole"), arrays_of(tmp_path / "blocks")
    differing = sum(int((whole[n] != blocks[n]).sum()) for n in whole)
    # an angle is a sum over blocks: its last bit may move one element in a million
    assert differing == 0 or (method in ("slerp", "model_stock") and differing <= 2)


def test_threads_and_shards_do_not_change_a_byte(tmp_path: Path) -> None:
    paths = write_trio(tmp_path, shards=3)
    recipe = text_recipe(paths, "ties", parameters={"density": 0.5})
    one = viscodex.merge(recipe=recipe, out=tmp_path / "one", threads=1)
    many = viscodex.merge(recipe=recipe, out=tmp_path / "many", threads=7, shard_bytes=2000)
    assert one.output_hash == many.output_hash
    assert (tmp_path / "many" / "model.safetensors.index.json").exists()
    left, right = arrays_of(tmp_path / "one"), arrays_of(tmp_path / "many")
    assert all(same_bits(left[n], right[n]) for n in left)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_output_dtype_casts_every_tensor_and_the_config(dtype: str, tmp_path: Path) -> None:
    paths = write_trio(tmp_path, "float32")
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, dtype=dtype, out=tmp_path / "out")
    assert {str(a.dtype) for a in arrays_of(tmp_path / "out").values()} == {dtype}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"] == dtype


def test_sidecars_are_the_vlms_byte_for_byte_and_the_report_reads_back(
    trio: Path, tmp_path: Path
) -> None:
    report = viscodex.merge(trio / "vlm", trio / "code", lam=0.7, out=tmp_path / "out")
    ours, theirs = all_bytes(tmp_path / "out"), all_bytes(trio / "vlm")
    kept = {n for n in theirs if not n.endswith(".safetensors")}
    assert {
        "tokenizer.json",
        "processor_config.json",
        "preprocessor_config.json",
        "config.json",
    } <= kept
    assert all(ours[name] == theirs[name] for name in kept)
    assert from_json(MergeReport, ours["merge_report.json"]) == report
    assert "lam: 0.7" in ours["README.md"].decode()


def test_an_index_is_written_last_and_no_partial_folder_stays(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out", shard_bytes=1500)
    assert not (tmp_path / "out.partial").exists()
    newest = max((tmp_path / "out").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    assert newest.name == "model.safetensors.index.json"


# --- interruptions --------------------------------------------------------------------------------

SLOW = """
import sys, time
from viscodex.merge import output
write = output.Output.write
def slowly(self, *args):
    time.sleep(0.03)
    write(self, *args)
output.Output.write = slowly
import viscodex
viscodex.merge(recipe=sys.argv[1], out=sys.argv[2], threads=2, resume=True, shard_bytes=4000)
"""


def test_kill_9_at_20_random_moments_then_resume_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps(text_recipe(paths, "ties", parameters={"density": 0.5})))
    expected_at = tmp_path / "expected"
    viscodex.merge(recipe=recipe, out=expected_at, shard_bytes=4000)
    expected = all_bytes(expected_at)
    command = [sys.executable, "-c", SLOW, str(recipe), str(tmp_path / "out")]
    generator = random.Random(0)
    journal = tmp_path / "out.partial" / "journal.jsonl"
    kills = 0
    while kills < 20 and not (tmp_path / "out").exists():
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        before = journal.stat().st_size if journal.exists() else 0
        deadline = time.monotonic() + 30
        # every other kill waits for some progress; the rest hit whatever comes first
        while process.poll() is None and time.monotonic() < deadline:
            started = journal.exists() and (kills % 3 or journal.stat().st_size > before)
            if started and process.poll() is None:
                break
            time.sleep(0.001)
        time.sleep(generator.random() * (0.02 if kills % 3 == 0 else 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if not (tmp_path / "out").exists():
            assert (tmp_path / "out.partial").exists(), "never half a model under the final name"
    assert kills >= 10
    viscodex.merge(recipe=recipe, out=tmp_path / "out", resume=True, shard_bytes=4000)
    assert all_bytes(tmp_path / "out") == expected
    assert not (tmp_path / "out.partial").exists()


def interrupt(
    paths: dict[str, Path], out: Path, monkeypatch: pytest.MonkeyPatch, after: int = 5
) -> None:
    """Fail in the middle, as a full disk or Ctrl-C does."""
    from viscodex.merge.output import Output

    done = [0]
    finish = Output.finish_tensor

    def failing(self: Output, name: str, entry: dict[str, Any]) -> None:
        finish(self, name, entry)
        done[0] += 1
        if done[0] == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Output, "finish_tensor", failing)
        with pytest.raises(KeyboardInterrupt):
            viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=out, threads=1)


def test_without_resume_an_interrupted_merge_is_neither_lost_nor_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_trio(tmp_path)
    interrupt(paths, tmp_path / "out", monkeypatch)
    with pytest.raises(OutputRefused, match="--resume"):
        viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out")
    with pytest.raises(OutputRefused, match="another one"):
        viscodex.merge(paths["vlm"], paths["code"], lam=0.6, out=tmp_path / "out", resume=True)
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out", resume=True)
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "fresh")
    assert all_bytes(tmp_path / "out") == all_bytes(tmp_path / "fresh")


def test_resume_mends_bytes_that_a_power_failure_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_trio(tmp_path)
    interrupt(paths, tmp_path / "out", monkeypatch)
    shard = tmp_path / "out.partial" / "model" / "model.safetensors"
    header = int.from_bytes(shard.read_bytes()[:8], "little") + 8
    with shard.open("r+b") as stream:
        stream.seek(header)
        stream.write(bytes(shard.stat().st_size - header))
    journal = tmp_path / "out.partial" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"tensor": "cut in the mid')
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out", resume=True)
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "fresh")
    assert all_bytes(tmp_path / "out") == all_bytes(tmp_path / "fresh")


def test_resume_of_a_finished_merge_changes_nothing(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    first = viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out")
    before = all_bytes(tmp_path / "out")
    again = viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out", resume=True)
    assert again == first and all_bytes(tmp_path / "out") == before


def test_two_merges_into_one_place_do_not_mix(tmp_path: Path) -> None:
    import fcntl

    paths = write_trio(tmp_path)
    (tmp_path / "out.partial").mkdir()
    with (tmp_path / "out.partial" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputRefused, match="another merge"):
            viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out")


# --- refusals -------------------------------------------------------------------------------------


def refused(kind: type[ViscodexError], say: str, out: Path, **arguments: Any) -> str:
    """The message of a refusal; nothing may be left under the output's name."""
    with pytest.raises(kind, match=say) as caught:
        viscodex.merge(out=out, **arguments)
    assert not out.exists()
    message = str(caught.value)
    assert message.startswith(kind.__name__) or type(caught.value).__name__ in message
    return message


def test_other_sizes_are_refused_with_both_numbers(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    wide = {n: np.repeat(a, 2, axis=-1) for n, a in arrays_of(paths["code"]).items()}
    other = write_model(tmp_path / "wide", wide, hidden_size=32)
    message = refused(
        ShapeMismatch, "hidden_size", tmp_path / "o", vlm=paths["vlm"], code=other, lam=0.5
    )
    assert "(20, 16)" in message and "(20, 32)" in message


def test_equal_shapes_with_other_heads_are_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    other = write_model(tmp_path / "heads", arrays_of(paths["code"]), num_attention_heads=4)
    refused(
        ShapeMismatch, "num_attention_heads", tmp_path / "o", vlm=paths["vlm"], code=other, lam=0.5
    )


def test_other_depth_and_missing_tensors_are_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    arrays = arrays_of(paths["code"])
    shallow = {n: a for n, a in arrays.items() if "layers.2." not in n}
    other = write_model(tmp_path / "shallow", shallow, num_hidden_layers=2)
    refused(
        ShapeMismatch, "num_hidden_layers", tmp_path / "o", vlm=paths["vlm"], code=other, lam=0.5
    )
    del arrays["model.layers.1.mlp.down_proj.weight"]
    cut = write_model(tmp_path / "cut", arrays)
    message = refused(
        MergeRefused, "missing in the code", tmp_path / "o", vlm=paths["vlm"], code=cut
    )
    assert "model.layers.1.mlp.down_proj.weight" in message


def test_a_base_that_is_no_ancestor_is_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    stranger = write_model(tmp_path / "stranger", text_arrays(99))
    recipe = text_recipe({**paths, "base": stranger})
    refused(MergeRefused, "not an ancestor", tmp_path / "o", recipe=recipe)


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    other = write_model(
        tmp_path / "awq", arrays_of(paths["code"]), quantization_config={"quant_method": "awq"}
    )
    refused(MergeRefused, "quantised", tmp_path / "o", vlm=paths["vlm"], code=other, lam=0.5)
    whole = {n: a.view(np.uint16).astype(np.int64) for n, a in arrays_of(paths["code"]).items()}
    other = write_model(tmp_path / "ints", whole)
    refused(MergeRefused, "I64", tmp_path / "o", vlm=paths["vlm"], code=other, lam=0.5)


def test_not_enough_disk_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    paths = write_trio(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    refused(
        NotEnoughSpace, "too small", tmp_path / "o", vlm=paths["vlm"], code=paths["code"], lam=0.5
    )
    assert not (tmp_path / "o.partial").exists()


def test_an_output_inside_an_input_or_around_it_or_taken_is_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path / "models")
    pair = {"vlm": paths["vlm"], "code": paths["code"], "lam": 0.5}
    for out in (paths["vlm"], paths["vlm"] / "merged", tmp_path / "models"):
        with pytest.raises(OutputRefused, match="inside one another"):
            viscodex.merge(out=out, **pair)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputRefused, match="exists already"):
        viscodex.merge(out=tmp_path / "taken", **pair)
    assert (tmp_path / "taken" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_named(value: float, tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    arrays = {n: a.copy() for n, a in arrays_of(paths["code"]).items()}
    arrays["model.layers.1.mlp.down_proj.weight"][3, 7] = value
    other = write_model(tmp_path / "broken", arrays)
    message = refused(
        BadCheckpoint, "not a finite", tmp_path / "o", vlm=paths["vlm"], code=other, lam=0.5
    )
    assert "model.layers.1.mlp.down_proj.weight, element 79" in message


def test_a_sum_too_large_for_float16_is_refused(tmp_path: Path) -> None:
    base = text_arrays(1, dtype="float32")
    base["model.norm.weight"][:] = 60000.0
    vlm = write_model(tmp_path / "vlm", {**base, **vision_arrays(2, "float32")}, "qwen2_5_vl")
    code = write_model(tmp_path / "code", near(base, 3))
    models = [
        {"model": str(p), "parameters": {"weight": 0.9, "normalize": False}} for p in (vlm, code)
    ]
    recipe = {"merge_method": "linear", "parameters": {"normalize": False}, "models": models}
    refused(MergeRefused, "too large for F16", tmp_path / "o", recipe=recipe, dtype="float16")


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({"merge_method": "ties", "base": None}, "needs the base"),
        ({"lam": 2}, "outside 0 to 1"),
        ({"parameters": {"density": 1.5}, "merge_method": "ties"}, "density"),
        ({"parameters": {"density": 0.1, "epsilon": 0.2}, "merge_method": "della"}, "epsilon"),
        ({"merge_method": "passthrough"}, "merge_method"),
    ],
)
def test_recipes_that_cannot_be_meant_are_refused(
    change: dict[str, Any], say: str, tmp_path: Path
) -> None:
    paths = write_trio(tmp_path)
    recipe = {k: v for k, v in {**text_recipe(paths), **change}.items() if v is not None}
    refused(BadRecipe, say, tmp_path / "o", recipe=recipe)


def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    refused(
        MissingPart,
        "cuda:99",
        tmp_path / "o",
        vlm=paths["vlm"],
        code=paths["code"],
        device="cuda:99",
    )


def test_a_recipe_and_arguments_together_are_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    refused(BadRecipe, "a recipe and", tmp_path / "o", recipe=text_recipe(paths), lam=0.5)


# --- mergekit's words -----------------------------------------------------------------------------


def test_gradients_filters_and_slices_reach_the_right_tensors(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    vlm, code = str(paths["vlm"]), str(paths["code"])
    rules = [
        {"filter": "mlp", "value": [1.0, 0.0]},
        {"filter": "lm_head", "value": 0.25},
        {"value": 0.5},
    ]
    flip = [
        {"filter": "mlp", "value": [0.0, 1.0]},
        {"filter": "lm_head", "value": 0.75},
        {"value": 0.5},
    ]
    recipe = {
        "merge_method": "task_arithmetic", "base_model": str(paths["base"]), "dtype": "bfloat16",
        "slices": [{"sources": [
            {"model": vlm, "layer_range": [0, 3], "parameters": {"weight": rules}},
            {"model": code, "layer_range": [0, 3], "parameters": {"weight": flip}},
        ]}],
    }  # fmt: skip
    plan = viscodex.plan_merge(check_recipe(MergeRecipe, recipe))
    weights = {step.name: step.settings.get("weight") for step in plan.steps}
    assert weights["model.layers.0.mlp.down_proj.weight"] == (1.0,)
    assert weights["model.layers.1.mlp.down_proj.weight"] == (0.5, 0.5)
    assert weights["model.layers.2.mlp.down_proj.weight"] == (1.0,)
    assert weights["lm_head.weight"] == (0.25, 0.75)
    assert weights["model.norm.weight"] == (0.5, 0.5)


def test_lam_over_depth_merges_each_layer_with_its_own_share(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    viscodex.merge(paths["vlm"], paths["code"], lam=[1.0, 0.0], out=tmp_path / "out")
    out, vlm, code = (arrays_of(p) for p in (tmp_path / "out", paths["vlm"], paths["code"]))
    assert same_bits(
        out["model.layers.0.mlp.down_proj.weight"], vlm["model.layers.0.mlp.down_proj.weight"]
    )
    assert same_bits(
        out["model.layers.2.mlp.down_proj.weight"], code["model.layers.2.mlp.down_proj.weight"]
    )


@pytest.mark.parametrize(
    "lam", [[0.1, 0.35, 0.8], [0.3, 0.9], [{"filter": "mlp", "value": [0.1, 0.9]}, {"value": 0.7}]]
)
def test_a_gradient_lam_merges_without_a_base(lam: Any, tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    report = viscodex.merge(paths["vlm"], paths["code"], lam=lam, out=tmp_path / "out")
    assert {use.label for use in report.inputs} == {"vlm", "code"}


def test_a_vlm_of_unknown_type_is_written_and_not_mistaken_for_a_text_model(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    arrays = arrays_of(paths["vlm"])
    renamed = {n.replace("visual.", "model.vision_tower."): a for n, a in arrays.items()}
    vlm = write_model(tmp_path / "odd", renamed, "llava_qwen")
    models = [{"model": str(p), "parameters": {"weight": 0.5}} for p in (paths["code"], vlm)]
    viscodex.merge(recipe={"merge_method": "linear", "models": models}, out=tmp_path / "out")
    assert set(arrays_of(tmp_path / "out")) == set(renamed)


def test_one_directory_under_two_names_is_refused(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    link = tmp_path / "alias"
    link.symlink_to(paths["vlm"])
    refused(BadRecipe, "one and the same", tmp_path / "o", vlm=paths["vlm"], code=link, lam=0.5)


def test_resume_does_not_take_an_output_of_other_weights_or_without_weights_for_done(
    tmp_path: Path,
) -> None:
    paths = write_trio(tmp_path)
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out")
    (tmp_path / "out" / "model.safetensors").unlink()
    with pytest.raises(OutputRefused, match="exists already"):
        viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out", resume=True)


def test_a_refused_merge_leaves_no_partial_folder(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    recipe = text_recipe({**paths, "base": write_model(tmp_path / "stranger", text_arrays(99))})
    refused(MergeRefused, "not an ancestor", tmp_path / "o", recipe=recipe)
    assert not (tmp_path / "o.partial").exists()


@pytest.mark.parametrize(
    "form", ["null parameters", "torch dtype", "base in slices", "base not listed"]
)
def test_mergekit_files_run_unchanged(form: str, tmp_path: Path) -> None:
    paths = {k: str(p) for k, p in write_trio(tmp_path).items()}
    weighted = [{"model": paths[k], "parameters": {"weight": 0.5}} for k in ("vlm", "code")]
    recipe: dict[str, Any] = {
        "merge_method": "task_arithmetic",
        "base_model": paths["base"],
        "models": weighted,
    }
    if form == "null parameters":
        recipe |= {
            "parameters": None,
            "models": [*weighted, {"model": paths["base"], "parameters": None}],
        }
    elif form == "torch dtype":
        recipe |= {
            "dtype": "torch.bfloat16",
            "tokenizer_source": "base",
            "parameters": {"int8_mask": True},
        }
    elif form == "base in slices":
        sources = [{**w, "layer_range": [0, 3]} for w in weighted]
        del recipe["base_model"], recipe["models"]
        recipe |= {
            "slices": [{"sources": sources, "base_model": paths["base"], "residual_weight": None}]
        }
    else:
        recipe = {"merge_method": "linear", "base_model": paths["base"], "parameters": {"weight": 1},
                  "models": [{"model": paths[k]} for k in ("vlm", "code")]}  # fmt: skip
    viscodex.merge(recipe=recipe, out=tmp_path / "out")
    name = "model.layers.1.mlp.down_proj.weight"
    vlm, code, base, out = (arrays_of(Path(p))[name].astype(float) for p in (*(paths[k] for k in ("vlm", "code", "base")), tmp_path / "out"))  # fmt: skip
    expected = (vlm + code + base) / 3 if form == "base not listed" else (vlm + code) / 2
    assert np.abs(out - expected).max() < 2**-8 * np.abs(expected).max()


def test_the_plan_reads_headers_only(tmp_path: Path) -> None:
    """Every tensor byte is a hole in the file: a plan that read weights would see NaN or take long."""
    paths = write_trio(tmp_path)
    for path in paths.values():
        file = path / "model.safetensors"
        size = file.stat().st_size
        header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
        os.truncate(file, header)
        os.truncate(file, size)
    plan = viscodex.plan_merge(check_recipe(MergeRecipe, text_recipe(paths)))
    assert plan.count("merge") == len(text_arrays(1))


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    seen: list[tuple[str, int, int]] = []
    report: Callable[[str, int, int], None] = lambda *event: seen.append(event)  # noqa: E731
    viscodex.merge(paths["vlm"], paths["code"], lam=0.7, out=tmp_path / "out", progress=report)
    assert seen[-1][0] == "merging" and max(e[1] for e in seen if e[0] == "merging") == seen[-1][2]

"""Whole runs: what is learnt, what stays, what a finished model opens in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.train import models
from tests.train.conftest import plain_recipe
from viscodex.errors import (
    BadCheckpoint,
    BadDataset,
    BadRecipe,
    NotEnoughSpace,
    OutputRefused,
    TrainingFailed,
)
from viscodex.merge.checkpoint import read_checkpoint
from viscodex.merge.layout import understand
from viscodex.nano.trio import make_trio
from viscodex.train import run as run_module
from viscodex.train.budget import Reader
from viscodex.train.checkpoint import checkpoints, load_trained, read_trained
from viscodex.train.encode import Encoder
from viscodex.train.mixture import Mixture
from viscodex.train.parts import prepare_parts
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import TrainReport, export_checkpoint, train
from viscodex.train.samples import Written, write_samples
from viscodex.train.start import IMAGE_TOKEN, load_start
from viscodex.train.trainer import Measured
from viscodex.train.watch import Show
from viscodex.types import Execution, Message, Sample

Make = Callable[..., TrainRecipe]


def losses(
    recipe: TrainRecipe, data: Sequence[Any], **hooks: Any
) -> tuple[list[float], TrainReport]:
    steps: list[Measured] = []
    report = train(recipe, sources=[data], show=Show(step=lambda m, _: steps.append(m)), **hooks)
    return [step.loss for step in steps], report


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- what is learnt -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_sixteen_samples_are_learnt_by_heart(
    family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder: Path = request.getfixturevalue(family)
    plain = plain_recipe(folder, tmp_path / "run") | {
        "batch": 16, "max_steps": 170, "lr": 8e-3, "schedule": "cosine", "warmup": 0.05,
        "learn": {"projector": True, "vision_tower": True}, "row_tokens": 2048,
    }  # fmt: skip
    recipe = TrainRecipe.model_validate(plain)
    data = models.mixed(16)
    found, report = losses(recipe, data)
    assert found[0] > 4
    assert found[-1] < 0.02
    start = load_start(recipe.model_copy(update={"model": report.model}))
    reader = Reader(
        Mixture([data]), Encoder(start.tokenizer, IMAGE_TOKEN), start.pictures(recipe), 256
    )
    written = write_samples(start.model, reader, range(16), 0, 80)
    assert [one.sample.id for one in written if not one.is_exact] == []
    assert all(one.is_finished for one in written)


def test_loss_equals_a_plain_loop(qwen2_5_vl: Path, recipe: Make) -> None:
    """Stock model and processor, one sample at a time, AdamW: no line of ours but the order."""
    data = models.mixed(12)
    ours, _ = losses(recipe(batch=4, epochs=2, max_grad_norm=0, lr=1e-3), data)
    order = [row["items"] for row in _orders(recipe(batch=4, epochs=2), data)]
    model = transformers.AutoModelForImageTextToText.from_pretrained(qwen2_5_vl)
    tokenizer = transformers.AutoTokenizer.from_pretrained(qwen2_5_vl)
    eyes = transformers.Qwen2VLImageProcessorPil.from_pretrained(qwen2_5_vl)
    eyes.size = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 16}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("visual" not in name)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-3, weight_decay=0.0
    )
    model.train()
    theirs = []
    for step in order:
        batch = [_stock_inputs(data[item], tokenizer, eyes) for item in step]
        n = sum(int((inputs["labels"] != -100).sum()) for inputs in batch)
        total = 0.0
        for inputs in batch:
            loss = model(**inputs, num_items_in_batch=n).loss
            loss.backward()
            total += loss.item()
        optimizer.step()
        optimizer.zero_grad()
        theirs.append(total)
    assert len(ours) == len(theirs) == 6
    assert max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) < 1e-5


def _orders(recipe: TrainRecipe, data: Sequence[Any]) -> list[dict[str, Any]]:
    from viscodex.train.plan import Part, Plan

    lengths = np.ones(len(data), np.int64)
    plan = Plan(lengths, [Part(np.arange(len(data)), 1.0)], batch=recipe.batch, row_tokens=9999)
    return [{"items": plan.samples(step)} for step in range(plan.n_steps(recipe.epochs))]


def _stock_inputs(sample: Sample, tokenizer: Any, eyes: Any) -> dict[str, Any]:
    """Text by the chat template, pictures by the stock processor, labels by hand."""
    import io

    from PIL import Image

    text, inputs = "", {}
    if sample.images:
        done = eyes(images=[Image.open(io.BytesIO(sample.images[0]))], return_tensors="pt")
        n = int(done["image_grid_thw"].prod()) // 4
        inputs = dict(done)
        pads = "<|vision_start|>" + "<|image_pad|>" * n + "<|vision_end|>"
    ids: list[int] = []
    labels: list[int] = []
    for message in sample.messages:
        content = message.content.replace("<image>", pads if sample.images else "")
        if message.role == "user":
            text += f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"
            piece = tokenizer.encode(text)
            ids += piece
            labels += [-100] * len(piece)
            text = ""
        else:
            piece = tokenizer.encode(f"{content}<|im_end|>")
            ids += piece
            labels += piece
            text = "\n"
    row = torch.tensor([ids])
    kinds = (row == tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
    mask = torch.ones_like(row)
    more = {"mm_token_type_ids": kinds} if sample.images else {}
    return {
        "input_ids": row,
        "labels": torch.tensor([labels]),
        "attention_mask": mask,
        **inputs,
        **more,
    }


def test_packed_steps_equal_padded_steps(recipe: Make, tmp_path: Path) -> None:
    data = models.mixed(12)
    packed, _ = losses(recipe(batch=6, epochs=2), data)
    padded, report = losses(recipe(batch=6, epochs=2, pack=False, out=str(tmp_path / "b")), data)
    assert max(abs(a - b) for a, b in zip(packed, padded, strict=True)) < 1e-4
    assert report.padding_share > 0


def test_frozen_parts_keep_their_bytes_and_the_layout_is_that_of_the_start(tmp_path: Path) -> None:
    make_trio(tmp_path / "trio")  # bfloat16
    vlm = tmp_path / "trio" / "vlm"
    plain = plain_recipe(vlm, tmp_path / "run") | {"learn": {"embed_tokens": False}, "batch": 4}
    report = train(TrainRecipe.model_validate(plain), sources=[models.mixed(8)])
    before, after = (
        load_file(folder / "model.safetensors") for folder in (vlm, Path(report.model))
    )
    assert before.keys() == after.keys()
    parts = understand(read_checkpoint(vlm), "vlm").parts
    assert understand(read_checkpoint(report.model), "trained").parts == parts
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        same = torch.equal(after[name].view(torch.int16), tensor.view(torch.int16))
        frozen = parts[name] in ("vision_tower", "projector", "embed_tokens")
        assert same == frozen or not frozen, name
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert any("layers.3.mlp" in name for name in moved)
    assert "lm_head.weight" in moved
    for file in vlm.iterdir():
        if file.suffix != ".safetensors":
            assert (Path(report.model) / file.name).read_bytes() == file.read_bytes(), file.name


def test_rows_without_pictures_teach_what_sees_nothing(recipe: Make, tmp_path: Path) -> None:
    parts = ("vision_tower", "language_model", "embed_tokens", "lm_head")
    aligned = {"learn": {**dict.fromkeys(parts, False), "projector": True}, "pack": False}
    data = models.mixed(8)
    blind = [sample for sample in data if not sample.images]
    assert blind and len(blind) < len(data)
    for name, samples in (("blind", blind), ("all", data)):
        made = recipe(**aligned, batch=1, max_steps=8, try_largest=True, out=str(tmp_path / name))
        report = train(made, sources=[samples], show=Show())
        before, after = (
            load_file(Path(str(folder)) / "model.safetensors")
            for folder in (made.model, report.model)
        )
        moved = [key for key in before if not torch.equal(before[key], after[key])]
        assert bool(moved) is (name == "all")


def test_a_part_may_have_a_rate_of_its_own(recipe: Make) -> None:
    from viscodex.train.parts import parameter_groups, part_table

    made = recipe(learn={"projector": 1e-4, "lm_head": False}, weight_decay=0.1)
    model = prepare_parts(load_start(made).model, made.learn, None)
    groups = parameter_groups(model, made.learn, made.lr, made.weight_decay)
    assert {(g["lr"], g["weight_decay"]) for g in groups} == {
        (3e-3, 0.1), (3e-3, 0.0), (1e-4, 0.1), (1e-4, 0.0),
    }  # fmt: skip
    table = {row.part: row for row in part_table(model, made.learn, made.lr, None)}
    assert (table["projector"].lr, table["lm_head"].lr, table["vision_tower"].lr) == (
        1e-4,
        None,
        None,
    )
    assert sum(row.parameters for row in table.values()) == sum(
        p.numel() for p in model.parameters()
    )
    learning = sum(p.numel() for group in groups for p in group["params"])
    assert sum(row.learns for row in table.values()) == learning


def test_adapters_merged_equal_adapters_applied(qwen2_5_vl: Path, recipe: Make) -> None:
    made = recipe(lora={"rank": 4, "alpha": 8, "dropout": 0.1}, batch=4, save_every=2)
    _, report = losses(made, models.mixed(8))
    trained = read_trained(checkpoints(Path(made.out))[-1].path)
    assert trained and all(".lora_" in name for name in trained)
    start = load_start(made)
    applied = prepare_parts(start.model, made.learn, made.lora).eval()
    load_trained(applied, trained)
    merged = transformers.AutoModelForImageTextToText.from_pretrained(report.model).eval()
    plain = transformers.AutoModelForImageTextToText.from_pretrained(qwen2_5_vl).eval()
    ids = torch.arange(40)[None] + 5
    with torch.no_grad():
        a, b, c = (m(input_ids=ids).logits for m in (applied, merged, plain))
    assert torch.allclose(a, b, atol=1e-5)
    assert not torch.allclose(b, c, atol=1e-3)
    frozen = [
        n for n in load_file(qwen2_5_vl / "model.safetensors") if "visual" in n or "embed" in n
    ]
    before, after = (load_file(f / "model.safetensors") for f in (qwen2_5_vl, Path(report.model)))
    assert frozen and all(torch.equal(before[n], after[n]) for n in frozen)


def test_stages_follow_one_another(recipe: Make) -> None:
    made = recipe(
        batch=4,
        stages=[
            {
                "lr": 1e-2,
                "learn": {
                    "projector": True,
                    "language_model": False,
                    "embed_tokens": False,
                    "lm_head": False,
                },
            },
            {"max_steps": 1},
        ],
    )
    _, report = losses(made, models.mixed(8))
    out = Path(made.out)
    start, aligned, final = (
        load_file(folder / "model.safetensors")
        for folder in (Path(str(made.model)), out / "stage-1" / "model", Path(report.model))
    )
    moved = {n for n in start if not torch.equal(start[n], aligned[n])}
    assert moved and all("merger" in name for name in moved)
    moved = {n for n in start if not torch.equal(aligned[n], final[n])}
    assert moved and not any("visual" in name for name in moved)


def test_a_language_model_is_trained_from_scratch(tmp_path: Path) -> None:
    make_trio(tmp_path / "trio")
    path = tmp_path / "text.jsonl"
    path.write_text("".join(json.dumps({"text": models.code(n) * 9}) + "\n" for n in range(8)))
    recipe = TrainRecipe.model_validate({
        "config": {"model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
                   "num_attention_heads": 4, "num_key_value_heads": 2},
        "tokenizer": str(tmp_path / "trio" / "code"), "out": str(tmp_path / "lm"), "data": [{"path": str(path)}],
        "loss": "everything", "batch": 8, "epochs": 20, "max_tokens": 128, "lr": 5e-3, "precision": "fp32",
        "gradient_checkpointing": False,
    })  # fmt: skip
    steps: list[Measured] = []
    report = train(recipe, show=Show(step=lambda m, _: steps.append(m)))
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert steps[0].n_answer_tokens > 0.9 * steps[0].n_tokens
    model = transformers.AutoModelForCausalLM.from_pretrained(report.model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(report.model)
    assert model.config.vocab_size == len(tokenizer)
    assert understand(read_checkpoint(report.model), "lm").layout == "qwen2"


@pytest.mark.parametrize("changes", [{"gradient_checkpointing": True}, {"precision": "bf16"}])
def test_other_ways_to_compute_it(recipe: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    plain, _ = losses(recipe(batch=8), models.mixed(8))
    other, _ = losses(
        recipe(batch=8, try_largest=True, out=str(tmp_path / "b"), **changes), models.mixed(8)
    )
    tolerance = 1e-6 if "precision" not in changes else 0.05
    assert abs(plain[0] - other[0]) < tolerance


def test_mixtures_and_held_out_data(recipe: Make) -> None:
    made = recipe(
        data=[{"path": "a", "weight": 2}, {"path": "b", "weight": 0.5}], eval_share=0.2, batch=5,
        eval_every=2, save_every=2,
    )  # fmt: skip
    charts = [models.chart(n) for n in range(10)]
    problems = [models.problem(n) for n in range(10)]
    report = train(made, sources=[charts, problems])
    assert report.n_samples == 16 + 4
    assert report.eval_loss is not None and math.isfinite(report.eval_loss)
    rows = lines(Path(made.out) / "metrics.jsonl")
    assert sum(row.get("n_samples", 0) for row in rows) == 20


# --- what is seen ---------------------------------------------------------------------------------


def test_a_run_shows_itself(recipe: Make) -> None:
    ran: list[Written] = []

    def execute(written: Sequence[Written]) -> list[Execution | None]:
        ran.extend(written)
        return [
            Execution("ok", images=(models.picture(5),)),
            Execution("error", reason="<NameError>"),
        ]

    made = recipe(
        batch=4, epochs=2, eval_share=0.25, eval_every=2, save_every=2, sample_every=2, n_samples=2,
        sample_tokens=8,
    )  # fmt: skip
    shown: list[str] = []
    report = train(made, sources=[models.mixed(12)], execute=execute, show=Show(line=shown.append))
    out = Path(made.out)
    rows = lines(out / "metrics.jsonl")
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, report.steps + 1))
    assert all(row["n_tokens"] > row["n_answer_tokens"] > 0 for row in steps)
    assert {row["sample_exec_rate"] for row in rows if "sample_exec_rate" in row} == {0.5}
    page = (out / "training.html").read_text()
    assert page.count("<svg") >= 5
    assert "&lt;NameError&gt;" in page and "<NameError>" not in page
    for name in {part.split('"')[0] for part in page.split('src="')[1:]}:
        assert (out / name).is_file()
    assert len(ran) == 2 * len({row["step"] for row in rows if "sample_exact" in row})
    assert any("median" in line for line in shown)
    assert any("rows of up to" in line for line in shown)


def test_the_best_checkpoint_is_kept_and_can_be_the_final_one(recipe: Make) -> None:
    made = recipe(
        batch=2, epochs=3, lr=0.05, eval_share=0.25, eval_every=1, save_every=1, final="best"
    )
    report = train(made, sources=[models.mixed(12)])
    out = Path(made.out)
    evals = {r["step"]: r["eval_loss"] for r in lines(out / "metrics.jsonl") if "eval_loss" in r}
    best = min(evals, key=lambda step: evals[step])
    kept = [checkpoint.step for checkpoint in checkpoints(out)]
    assert kept == sorted({best, report.steps})
    export_checkpoint(made, out / f"checkpoint-{best:06d}", out / "exported")
    a, b = (load_file(out / name / "model.safetensors") for name in ("exported", "model"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    with pytest.raises(OutputRefused):
        export_checkpoint(made, out / f"checkpoint-{best:06d}", out / "exported")
    with pytest.raises(BadCheckpoint, match="neither"):
        export_checkpoint(made, out / "model", out / "other")


# --- what goes wrong ------------------------------------------------------------------------------


def test_bad_samples_are_counted_and_the_rest_is_learnt(recipe: Make) -> None:
    data = [
        *models.mixed(6),
        replace(models.chart(7), images=()),
        replace(models.chart(8), images=(b"broken",)),
        Sample("empty", "qa", (Message("user", "a"), Message("assistant", " "))),
    ]
    _, report = losses(recipe(batch=4), data)
    assert (report.n_samples, report.n_rejected) == (6, 3)
    told = lines(Path(report.model).parent / "rejects.jsonl")
    assert sorted((row["id"], row["kind"]) for row in told) == [
        ("chart-7", "images"), ("chart-8", "images"), ("empty", "empty_answer"),
    ]  # fmt: skip


def test_a_picture_that_breaks_later_is_left_out_and_noted(recipe: Make) -> None:
    whole = models.picture(3)
    torn = whole[:-60]  # the header is sound: only decoding shows it
    data = [*models.mixed(6), replace(models.chart(3), id="torn", images=(torn,))]
    steps: list[Measured] = []
    report = train(recipe(batch=7), sources=[data], show=Show(step=lambda m, _: steps.append(m)))
    assert report.n_rejected == 0
    assert [item for step in steps for item, _ in step.rejected] == [6]
    assert any(row["item"] == 6 for row in lines(Path(report.model).parent / "rejects.jsonl"))


def test_nothing_left_to_learn_is_an_error(recipe: Make) -> None:
    with pytest.raises(BadDataset, match="too_long"):
        train(recipe(max_tokens=16), sources=[models.mixed(4)])
    made = recipe(eval_every=1, eval_data=[{"path": "held"}])
    empty = [Sample("x", "qa", (Message("user", "a"), Message("assistant", "")))]
    with pytest.raises(BadDataset, match="evaluate"):
        train(made, sources=[models.mixed(4)], eval_sources=[empty])


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(
    qwen2_5_vl: Path, recipe: Make
) -> None:
    made = recipe(batch=2, lr=3e37, max_grad_norm=0, save_every=1)
    with pytest.raises(TrainingFailed, match="in step 2") as caught:
        train(made, sources=[models.mixed(8)])
    assert "samples" in str(caught.value) and "lr" in str(caught.value)
    assert [checkpoint.step for checkpoint in checkpoints(Path(made.out))] == [1]
    assert not (Path(made.out) / "model").exists()


def test_another_model_recipe_or_data_does_not_go_on_with_a_run(
    recipe: Make, qwen2_5_vl: Path, tmp_path: Path
) -> None:
    made = recipe(batch=4, save_every=1)
    train(made, sources=[models.mixed(8)])
    assert train(made, sources=[models.mixed(8)]).steps == 2  # finished before
    with pytest.raises(OutputRefused, match="finished model"):
        train(recipe(batch=4, save_every=1, lr=1e-3), sources=[models.mixed(8)])
    (Path(made.out) / "report.json").unlink()
    other = models.make_qwen2_5_vl(tmp_path / "other", seed=1)
    for changes in ({"model": str(other)}, {"lr": 1e-3}):
        with pytest.raises(OutputRefused, match="another run"):
            train(recipe(**{"batch": 4, "save_every": 1, **changes}), sources=[models.mixed(8)])
    before = (Path(made.out) / "model" / "model.safetensors").read_bytes()
    train(made, sources=[models.mixed(8)])  # killed between model and report: finishes again
    assert (Path(made.out) / "model" / "model.safetensors").read_bytes() == before


def test_what_does_not_fit_into_memory_is_told_before_the_first_step(
    recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate 80 GiB")

    monkeypatch.setattr("viscodex.train.trainer.row_loss", full)
    with pytest.raises(BadRecipe, match="largest row") as caught:
        train(recipe(try_largest=True), sources=[models.mixed(8)])
    assert "row_tokens" in str(caught.value) and "tokens" in caught.value.where


def test_tokenizers_and_files_that_do_not_fit(
    qwen2_5_vl: Path, recipe: Make, tmp_path: Path
) -> None:
    import shutil

    big = tmp_path / "big"
    shutil.copytree(qwen2_5_vl, big)
    text = json.loads((big / "tokenizer.json").read_text())
    text["added_tokens"].append({**text["added_tokens"][-1], "id": 5000, "content": "<|new|>"})
    (big / "tokenizer.json").write_text(json.dumps(text))
    with pytest.raises(BadCheckpoint, match="does not fit"):
        train(recipe(model=str(big)), sources=[models.mixed(4)])
    torn = tmp_path / "torn"
    shutil.copytree(qwen2_5_vl, torn)
    tensors = load_file(torn / "model.safetensors")
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, torn / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadCheckpoint, match="lacks tensors"):
        train(recipe(model=str(torn)), sources=[models.mixed(4)])
    with pytest.raises(BadCheckpoint, match="no such checkpoint"):
        train(recipe(model=str(tmp_path / "none" / "such")), sources=[models.mixed(4)])


def test_a_disk_that_is_too_small_is_refused_before_the_first_step(
    recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("viscodex.train.checkpoint.shutil.disk_usage", lambda _: usage)
    with pytest.raises(NotEnoughSpace, match="too small"):
        train(recipe(save_every=1), sources=[models.mixed(4)])


def test_two_processes_do_not_share_a_run_folder(recipe: Make) -> None:
    made = recipe()
    Path(made.out).mkdir()
    with run_module._locked(Path(made.out)), pytest.raises(OutputRefused, match="another process"):
        train(made, sources=[models.mixed(4)])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"model_type": "qwen2"}}, "either model"),
        ({"row_tokens": 100}, "longest sample"),
        ({"eval_every": 5}, "eval_data or eval_share"),
        ({"final": "best", "eval_share": 0.1}, "needs eval_every"),
        ({"stages": [{"out": "x"}]}, "a stage has no"),
        ({"learn": {"vision": True}}, "unknown key"),
        ({"data": []}, "data"),
    ],
)
def test_recipes_that_cannot_be_meant(
    qwen2_5_vl: Path, changes: dict[str, Any], words: str
) -> None:
    from viscodex.recipe import check_recipe

    with pytest.raises(BadRecipe, match=words):
        check_recipe(TrainRecipe, plain_recipe(qwen2_5_vl, Path("run")) | changes)


def test_nothing_that_learns_is_an_error(recipe: Make) -> None:
    off = dict.fromkeys(("language_model", "embed_tokens", "lm_head"), False)
    with pytest.raises(BadRecipe, match="nothing would learn"):
        train(recipe(learn=off), sources=[models.mixed(4)])
    with pytest.raises(BadRecipe, match="find no layer"):
        train(recipe(lora={"targets": ["no_such_proj"]}), sources=[models.mixed(4)])

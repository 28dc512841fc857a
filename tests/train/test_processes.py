"""Processes: killed and resumed, two for one, sharded and opened by one."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.train import models, sharded, worker
from tests.train.conftest import plain_recipe
from viscodex.errors import NotEnoughSpace
from viscodex.train.checkpoint import SHARDS, checkpoints, read_trained
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import export_checkpoint, train

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


PROCESSES = multiprocessing.get_context("forkserver")  # which has all libraries loaded
PROCESSES.set_forkserver_preload(["tests.train.worker", "tests.train.sharded"])


def start(target: Callable[..., None], *args: Any) -> BaseProcess:
    """A process of its own."""
    process = PROCESSES.Process(target=target, args=args)
    process.start()
    return process


def end(process: BaseProcess, code: int = 0) -> None:
    process.join(300)
    assert process.exitcode == code


def launch(recipe: dict[str, Any], folder: Path, *words: str) -> subprocess.Popen[str]:
    """Two processes by accelerate."""
    path = folder / f"{Path(recipe['out']).name}.json"
    path.write_text(json.dumps(recipe))
    config = ROOT / "recipes/train/accelerate/cpu2.yaml"
    launcher = ["-m", "accelerate.commands.launch", "--config_file", str(config)]
    command = [
        sys.executable, *launcher, "--main_process_port", "0", "-m", "tests.train.worker", str(path), *words
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )  # fmt: skip


def metrics(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model" / "model.safetensors")
    return found


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_killed_twice_ends_as_one_that_was_not(qwen2_5_vl: Path, tmp_path: Path) -> None:
    """Adapters with dropout, so that random numbers count too; kill -9 between checkpoints, and while one
    is being written."""
    plain = plain_recipe(qwen2_5_vl, tmp_path / "whole") | {
        "batch": 4, "epochs": 2, "save_every": 3, "eval_share": 0.2, "eval_every": 3, "schedule": "cosine",
        "lora": {"rank": 4, "dropout": 0.2}, "try_largest": True, "learn": {"projector": True},
    }  # fmt: skip
    killed = tmp_path / "killed"
    broken = plain | {"out": str(killed)}
    train(TrainRecipe.model_validate(plain), sources=[models.mixed(20)])
    end(start(worker.run, broken, 20, "5"), -9)
    assert [checkpoint.step for checkpoint in checkpoints(killed)] == [3]
    assert metrics(killed)[-1]["step"] == 5
    end(start(worker.run, broken, 20, "writing"), -9)
    assert list(killed.glob("checkpoint-*.part"))
    assert [checkpoint.step for checkpoint in checkpoints(killed)] == [3]
    report = train(TrainRecipe.model_validate(broken), sources=[models.mixed(20)])
    assert report.steps == 8
    assert not list(killed.glob("*.part"))
    assert metrics(killed) == metrics(tmp_path / "whole")
    assert same(weights(killed), weights(tmp_path / "whole"))


def test_two_processes_equal_one(qwen2_5_vl: Path, tmp_path: Path) -> None:
    """DDP over gloo by accelerate; the vision tower learns, and steps have fewer pictures than devices and rows."""
    plain = plain_recipe(qwen2_5_vl, tmp_path / "one") | {
        "batch": 5, "epochs": 1, "max_tokens": 96, "learn": {"projector": True, "vision_tower": True},
        "eval_share": 0.2, "eval_every": 2, "save_every": 2, "lr": 1e-3,
    }  # fmt: skip
    process = launch(plain | {"out": str(tmp_path / "two")}, tmp_path, "16")
    train(TrainRecipe.model_validate(plain), sources=[models.mixed(16)])
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told[-3000:]
    assert checkpoints(tmp_path / "two")[-1].facts["world"] == 2
    one, two = metrics(tmp_path / "one"), metrics(tmp_path / "two")
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        for key in ("loss", "eval_loss", "grad_norm"):
            if key in a:
                assert abs(a[key] - b[key]) < 1e-4 * max(1, abs(a[key])), (key, a, b)
        assert a.get("n_answer_tokens") == b.get("n_answer_tokens")
    a, b = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert max(float((a[name] - b[name]).abs().max()) for name in a) < 1e-3
    resumed = plain | {"out": str(tmp_path / "two")}
    assert train(TrainRecipe.model_validate(resumed), sources=[models.mixed(16)]).steps == 3


def test_shards_of_two_processes_open_on_one(qwen2_5_vl: Path, tmp_path: Path) -> None:
    """FSDP2 (fully_shard) over gloo: our rows, our loss, a sharded checkpoint, a standard model of it."""
    plain = plain_recipe(qwen2_5_vl, tmp_path / "sharded") | {
        "learn": {"projector": True, "vision_tower": True}, "batch": 8, "lr": 1e-3, "max_steps": 1,
        "max_grad_norm": 0,
    }  # fmt: skip
    processes = [start(sharded.run, rank, 2, plain, tmp_path / "checkpoint") for rank in range(2)]
    one = plain | {"out": str(tmp_path / "one"), "save_every": 1}
    recipe = TrainRecipe.model_validate(one)
    train(recipe, sources=[models.mixed(8)])
    for process in processes:
        end(process)
    told = json.loads((tmp_path / "checkpoint" / "told.json").read_text())
    assert told["sharded"] > 20
    assert abs(told["loss"] - metrics(tmp_path / "one")[0]["loss"]) < 1e-5
    assert (tmp_path / "checkpoint" / SHARDS / ".metadata").is_file()
    found, whole = (
        read_trained(tmp_path / "checkpoint"),
        read_trained(checkpoints(tmp_path / "one")[0].path),
    )
    assert found.keys() == whole.keys()
    assert max(float((found[name] - whole[name]).abs().max()) for name in whole) < 1e-4
    export_checkpoint(recipe, tmp_path / "checkpoint", tmp_path / "exported")
    exported = load_file(tmp_path / "exported" / "model.safetensors")
    finished = weights(tmp_path / "one")
    assert exported.keys() == finished.keys()
    assert max(float((exported[n] - finished[n]).abs().max()) for n in finished) < 1e-4


def test_a_full_disk_loses_nothing(qwen2_5_vl: Path, tmp_path: Path) -> None:
    """In a process that may write the weights, but not the larger state of the optimiser."""
    plain = plain_recipe(qwen2_5_vl, tmp_path / "run") | {"batch": 4, "epochs": 2, "save_every": 1}
    end(start(worker.run, plain, 8, "full"), 1)
    refused = (tmp_path / worker.REFUSED).read_text()
    assert refused.startswith(f"{NotEnoughSpace.__name__}: the disk filled up")
    out = tmp_path / "run"
    assert [checkpoint.step for checkpoint in checkpoints(out)] == [1]
    assert not list(out.glob("*.part"))
    report = train(TrainRecipe.model_validate(plain), sources=[models.mixed(8)])
    other = plain | {"out": str(tmp_path / "undisturbed")}
    train(TrainRecipe.model_validate(other), sources=[models.mixed(8)])
    assert report.steps == 4
    assert same(weights(out), weights(tmp_path / "undisturbed"))


@pytest.mark.parametrize("torso", ["checkpoint-000009", "checkpoint-000009.part", "checkpoint-x"])
def test_half_written_checkpoints_do_not_count(tmp_path: Path, torso: str) -> None:
    (tmp_path / torso).mkdir()
    (tmp_path / torso / "trained.safetensors").write_bytes(b"half")
    assert checkpoints(tmp_path) == []

"""The tower's lessons: they are learnt, and go on where they stopped."""

import json

import pytest
from safetensors.torch import load_file
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

from viscodex.nano.reading import Schooling, teach_reading

WORDS = ("one", "two", "three")


def _config():
    return Qwen2_5_VLVisionConfig(
        depth=1, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=32,
        patch_size=14, window_size=112, fullatt_block_indexes=[0],
    )  # fmt: skip


def _school(**how):
    return Schooling(**{"steps": 6, "batch": 2, "max_tokens": 12, "measure_every": 3, "save_every": 3, **how})  # fmt: skip


def test_an_interrupted_school_ends_with_the_same_weights(tmp_path):
    teach_reading(_config(), WORDS, tmp_path / "whole", _school(), lambda line: None)
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        if "step 6" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach_reading(_config(), WORDS, tmp_path / "cut", _school(), interrupt)
    teach_reading(_config(), WORDS, tmp_path / "cut", _school(), said.append)
    assert any("going on at step 3" in line for line in said)
    whole, cut = (load_file(tmp_path / name / "vision.safetensors") for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all((whole[name] == cut[name]).all() for name in whole)
    rows = [json.loads(x) for x in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 6]


def test_the_loss_falls(tmp_path):
    how = _school(steps=30, measure_every=10, lr=3e-3)
    teach_reading(_config(), WORDS, tmp_path, how, lambda line: None)
    rows = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]

"""The tower's lessons: they are learnt, and go on where they stopped."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

from viscodex.errors import OutputRefused
from viscodex.nano.letters import draw_lesson
from viscodex.nano.reading import Names, Schooling, teach_reading
from viscodex.nano.trio import make_tokenizer

WORDS = ("one", "two", "three")


def _config():
    return Qwen2_5_VLVisionConfig(
        depth=1, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=32,
        patch_size=14, window_size=112, fullatt_block_indexes=[0],
    )  # fmt: skip


def _school(**how):
    return Schooling(**{"steps": 6, "batch": 2, "max_tokens": 12, "measure_every": 3, "save_every": 3, **how})  # fmt: skip


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_interrupted_school_ends_with_the_same_weights(tmp_path, optimizer):
    how = _school(optimizer=optimizer)
    teach_reading(_config(), WORDS, tmp_path / "whole", how, lambda line: None)
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        if "step 6" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach_reading(_config(), WORDS, tmp_path / "cut", how, interrupt)
    other = _school(optimizer="muon" if optimizer == "adamw" else "adamw")
    with pytest.raises(OutputRefused, match="another optimiser"):
        teach_reading(_config(), WORDS, tmp_path / "cut", other, said.append)
    teach_reading(_config(), WORDS, tmp_path / "cut", how, said.append)
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


def test_vision_tokens_are_drawn_to_the_words_that_they_show(tmp_path):
    teach_reading(_config(), WORDS, tmp_path / "reading", _school(), lambda line: None)
    torch.manual_seed(0)
    names = Names(make_tokenizer(), torch.randn(512, 32))
    how = _school(steps=40, measure_every=20, lr=3e-3)
    start = tmp_path / "reading" / "reader.safetensors"
    teach_reading(
        _config(), WORDS, tmp_path / "naming", how, lambda line: None, start=start, names=names
    )
    rows = [json.loads(x) for x in (tmp_path / "naming" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert all(0 <= row["word_accuracy"] <= 1 for row in rows)


def test_a_name_stands_where_its_word_does():
    tokenizer = make_tokenizer()
    lessons = [draw_lesson(WORDS, 0, k, 12, 0) for k in range(3)]
    names = Names(tokenizer, torch.randn(512, 256))
    where, found = names.places(lessons)
    assert len(where) == len(found) > 0
    assert int(where.max()) < sum(len(lesson.letters) for lesson in lessons)
    text = "".join(line.text for lesson in lessons for line in lesson.lines)
    assert all(part in text for part in tokenizer.batch_decode(found[:, None]))
    seen = torch.zeros(sum(len(lesson.letters) for lesson in lessons), 256)
    seen.index_add_(0, where, names.embedding[found])
    assert names.found(seen, where, found) > 0.8

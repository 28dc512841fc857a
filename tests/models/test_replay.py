"""Recorded answers as a model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from viscodex.errors import BadInput
from viscodex.models.model import Decoding, Prompt, open_model, prompt_hash
from viscodex.models.replay import record
from viscodex.types import Completion, Message


def asked(text: str, name: str = "") -> Prompt:
    return Prompt((Message("user", text),), (), name)


def test_what_is_recorded_is_replayed_by_id_and_by_prompt(tmp_path: Path) -> None:
    said = Completion("code\nü", "length", 3, 4, 0.5, 0.9)
    lines = [
        record(asked("one", "a"), said),
        record(asked("two"), Completion("", "error", error="x")),
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(lines) + "\n\n")
    with open_model(f"replay/{tmp_path}/r.jsonl", device="cpu") as model:
        prompts = [asked("other words", "a"), asked("one"), asked("two"), asked("three", "c")]
        by_id, by_prompt, failed, none = model.complete(prompts, Decoding())
        assert by_id == by_prompt == said
        assert failed.error == "x"
        assert (none.finish_reason, none.text) == ("error", "") and "c" in none.error
        assert "".join(model.stream(prompts[0], Decoding())) == said.text
        first = model.identity
    (tmp_path / "r.jsonl").write_text(lines[0])
    with open_model(f"replay/{tmp_path}/r.jsonl") as model:
        assert model.identity["sha256"] != first["sha256"]


def test_lines_of_one_id_are_its_answers_in_order(tmp_path: Path) -> None:
    rows = [record(asked("q", "a"), Completion(f"answer {k}")) for k in range(2)]
    (tmp_path / "r.jsonl").write_text("\n".join(rows))
    with open_model(f"replay/{tmp_path}/r.jsonl") as model:
        told = list(model.complete([asked("q", "a")], Decoding(n=3, temperature=1.0)))
    assert [c.text for c in told[:2]] == ["answer 0", "answer 1"]
    assert "number 3" in told[2].error


def test_ids_do_not_change_the_hash_and_pictures_do() -> None:
    plain = asked("q", "a")
    assert prompt_hash(plain) == prompt_hash(asked("q"))
    assert prompt_hash(plain) != prompt_hash(dataclasses.replace(plain, images=(b"1",)))


@pytest.mark.parametrize(
    "text", ["no json", '{"answer": "x"}', '{"id": "a"}', "[1]", '{"id": "a", "answer": 3}']
)
def test_files_that_cannot_be_read_are_named_with_their_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.jsonl").write_text('{"id": "a", "answer": "b"}\n' + text + "\n")
    with pytest.raises(BadInput, match="line 2"):
        open_model(f"replay/{tmp_path}/r.jsonl")
    with pytest.raises(BadInput, match="cannot be read"):
        open_model(f"replay/{tmp_path}/none.jsonl")

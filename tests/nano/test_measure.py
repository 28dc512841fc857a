"""Measuring goes on, grows, and never takes one model's answers for another's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.nano.test_family import family as family
from viscodex.errors import BadInput
from viscodex.models.model import open_model
from viscodex.nano import measure as measuring
from viscodex.nano.measure import kinds_for, losses, measure, read_figures, values_read


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in measuring.MAX_TOKENS:
        monkeypatch.setitem(measuring.MAX_TOKENS, kind, 16)


def test_more_samples_are_measured_anew_and_no_answer_is_asked_twice(
    family: Any, tmp_path: Path
) -> None:
    held_out = family.folder / "held_out"
    asked: list[str] = []
    with open_model(str(family.model("nano")), batch=2) as model:
        complete = model.complete

        def counted(prompts: Any, decoding: Any) -> Any:
            prompts = list(prompts)
            asked.extend(p.id for p in prompts)
            return complete(prompts, decoding)

        model.complete = counted  # type: ignore[method-assign]
        few = measure(model, held_out, tmp_path, 1, print, ("pages",))
        answers = (tmp_path / "pages.jsonl").read_bytes()
        (tmp_path / "pages.jsonl").write_bytes(
            answers + b'{"id": "half a li'
        )  # as a kill leaves it
        more = measure(model, held_out, tmp_path, 2, print, ("pages",))
        again = measure(model, held_out, tmp_path, 1, print, ("pages",))
    assert {f.n for f in few} == {1} and {f.n for f in more} == {2} and again == more
    assert len(asked) == len(set(asked)) == 2
    assert (tmp_path / "pages.jsonl").read_bytes().startswith(answers)
    assert read_figures(tmp_path) == json.loads((tmp_path / "pages.json").read_text())["figures"]


def test_what_was_measured_of_other_weights_is_refused(family: Any, tmp_path: Path) -> None:
    held_out, file = family.folder / "held_out", tmp_path / "losses.json"
    with open_model(str(family.model("vlm"))) as model:
        first = losses(model, held_out, file, 1, ("charts",))
        assert [len(each) for each in losses(model, held_out, file, 2, ("charts",)).values()] == [2]
    assert len(first["charts"]) == 1
    moved = shutil.copytree(family.model("vlm"), tmp_path / "moved")
    with open_model(str(moved)) as model:  # the same weights in another place
        assert len(losses(model, held_out, file, 1, ("charts",))["charts"]) == 1
    with open_model(str(family.model("nano"))) as model:
        with pytest.raises(BadInput, match="other weights"):
            losses(model, held_out, file, 2, ("charts",))
        with pytest.raises(BadInput, match="other weights"):
            measure(model, held_out, tmp_path, 2, print, ("charts",))


def test_a_model_without_eyes_writes_from_words(family: Any, tmp_path: Path) -> None:
    held_out = family.folder / "held_out"
    kinds = kinds_for(held_out, sees=False)
    assert kinds == ["chart_words", "page_words"]
    with open_model(str(family.model("code")), batch=2) as model:
        found = measure(model, held_out, tmp_path, 1, print, kinds)
        with pytest.raises(BadInput, match="no such kind"):
            measure(model, held_out, tmp_path, 1, print, ["chart"])
    assert {(f.data, f.metric) for f in found} >= {
        ("chart_words", "exec_rate"),
        ("page_words", "block_match"),
    }


TABLE = "| month | a | b |\n| --- | --- | --- |\n| Jan | 10 | 200 |\n| 2024 | 30.5 | -4 |"


@pytest.mark.parametrize(
    "said, share",
    [
        (TABLE, 1.0),
        (TABLE.replace("200", "209"), 1.0),
        (TABLE.replace("200", "212"), 0.75),
        (TABLE.replace("| Jan | 10 | 200 |\n", ""), 0.0),
        (TABLE + "\n| x | 1 | 2 |", 4 / 6),
        ("a plain sentence", 0.0),
    ],
)
def test_values_are_read_to_five_percent_each_in_its_place(said: str, share: float) -> None:
    assert values_read(said, TABLE) == pytest.approx(share)

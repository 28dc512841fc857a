"""The budget: lengths known before the first step, rejects with reasons, nothing cut."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.train import models
from tests.train.conftest import plain_recipe
from viscodex.errors import BadDataset
from viscodex.train.budget import (
    Budget,
    Reader,
    histogram,
    load_budget,
    measure,
    save_budget,
)
from viscodex.train.encode import Document, Encoder, Rejected
from viscodex.train.mixture import McdFile, Mixture, TextFile, split
from viscodex.train.pictures import Pictures
from viscodex.train.recipe import DataPart, TrainRecipe
from viscodex.train.start import IMAGE_TOKEN, load_start
from viscodex.types import Message, Sample


@pytest.fixture
def pictures(qwen2_5_vl: Path) -> Pictures:
    return Pictures(qwen2_5_vl, 28 * 28, 28 * 28 * 16)


def reader_of(
    samples: list[Sample | Document],
    folder: Path,
    pictures: Pictures,
    limit: int = 256,
    resize: bool = True,
) -> Reader:
    start = load_start(TrainRecipe.model_validate(plain_recipe(folder, folder)))
    encoder = Encoder(start.tokenizer, IMAGE_TOKEN)
    return Reader(Mixture([samples]), encoder, pictures, limit, resize)


def budget_of(reader: Reader) -> Budget:
    return measure(reader, np.arange(len(reader.items)))


def test_measured_lengths_are_those_that_are_computed(qwen2_5_vl: Path, pictures: Pictures) -> None:
    reader = reader_of([*models.mixed(8)], qwen2_5_vl, pictures)
    budget = budget_of(reader)
    for unit in range(8):
        seen = reader.see(unit, 0, int(budget.max_pixels[unit]))
        assert len(seen.encoded) == budget.lengths[unit]
        assert seen.encoded.is_image.sum() == budget.n_vision[unit]
        assert seen.encoded.learnt.sum() == budget.n_answer[unit]
    assert any("median" in line for line in histogram(budget, 256))


def test_a_long_sample_gets_a_smaller_picture_and_is_never_cut(
    qwen2_5_vl: Path, pictures: Pictures
) -> None:
    plain = budget_of(reader_of([models.chart(0)], qwen2_5_vl, pictures))
    limit = int(plain.lengths[0]) - 4
    reader = reader_of([models.chart(0)], qwen2_5_vl, pictures, limit)
    budget = budget_of(reader)
    assert budget.max_pixels[0] > 0
    assert budget.lengths[0] <= limit
    seen = reader.see(0, 0, int(budget.max_pixels[0]))
    assert len(seen.encoded) == budget.lengths[0]
    assert seen.encoded.learnt.sum() == plain.n_answer[0]
    refused = budget_of(reader_of([models.chart(0)], qwen2_5_vl, pictures, limit, resize=False))
    assert [r.kind for r in refused.refusals] == ["too_long"]


def test_too_much_text_is_refused_with_numbers(qwen2_5_vl: Path, pictures: Pictures) -> None:
    messages = (Message("user", "x"), Message("assistant", "ab cd " * 200))
    reader = reader_of(
        [Sample("long", "qa", messages), models.problem(1)], qwen2_5_vl, pictures, 128
    )
    budget = budget_of(reader)
    assert [(r.id, r.kind) for r in budget.refusals] == [("long", "too_long")]
    assert "> 128" in budget.refusals[0].reason
    assert budget.item.tolist() == [1]
    assert any("1 rejected, too_long" in line for line in histogram(budget, 128))


@pytest.mark.parametrize("data", [b"", b"no picture", models.picture(0)[:40]])
def test_a_picture_that_does_not_open_is_refused(
    qwen2_5_vl: Path, pictures: Pictures, data: bytes
) -> None:
    broken = replace(models.chart(0), images=(data,))
    budget = budget_of(reader_of([broken], qwen2_5_vl, pictures))
    assert [r.kind for r in budget.refusals] == ["images"]


def test_a_picture_too_narrow_for_the_model_is_refused(pictures: Pictures) -> None:
    with pytest.raises(Rejected, match="aspect ratio"):
        pictures.grid(3000, 2)


def test_a_long_document_goes_on_in_another_unit(qwen2_5_vl: Path, pictures: Pictures) -> None:
    document = Document("d", "".join(models.code(n) for n in range(40)))
    reader = reader_of([document], qwen2_5_vl, pictures, 64)
    budget = budget_of(reader)
    whole = reader.encoder.encode(document)
    assert len(budget.item) == -(-len(whole) // 64)
    again = [reader.see(0, int(start)).encoded.ids for start in budget.start]
    assert np.concatenate(again).tolist() == whole.ids[: len(np.concatenate(again))].tolist()
    assert budget.n_text.sum() >= len(whole) - 1


def test_a_kept_budget_is_used_for_the_same_data_only(
    qwen2_5_vl: Path, pictures: Pictures, tmp_path: Path
) -> None:
    samples = [*models.mixed(5), replace(models.chart(9), images=())]
    budget = budget_of(reader_of(samples, qwen2_5_vl, pictures))
    path = tmp_path / "budget.npz"
    save_budget(budget, path, "one")
    kept = load_budget(path, "one")
    assert kept is not None
    assert kept.refusals == budget.refusals
    assert np.array_equal(kept.lengths, budget.lengths)
    assert load_budget(path, "two") is None
    path.write_bytes(path.read_bytes()[:100])
    assert load_budget(path, "one") is None


# --- files ----------------------------------------------------------------------------------------


def write_mcd(folder: Path) -> Path:
    (folder / "mcd_images" / "chart_images").mkdir(parents=True)
    (folder / "mcd_images" / "chart_images" / "1.png").write_bytes(models.picture(1))
    rows = [
        {
            "images": ["mcd_images/chart_images/1.png"],
            "messages": [
                {"role": "user", "content": '<image>\nRedraw "it" as {code} [now] \\"'},
                {"role": "assistant", "content": "```python\nplt.plot([1])\n```"},
            ],
            "category": "chart",
        },
        {"images": ["chart_images/1.png"], "messages": [], "category": "chart"},
        {"images": ["chart_images/none.png"], "messages": [], "category": "html"},
        {"images": ["../../etc/passwd"], "messages": [], "category": "html"},
        {"nothing": {"of": ["this"]}},
    ]
    path = folder / "mcd.json"
    path.write_text(json.dumps(rows, indent=1))
    return path


def test_the_published_layout_is_read_record_by_record(tmp_path: Path) -> None:
    data = McdFile(write_mcd(tmp_path))
    assert len(data) == 5
    sample = data[0]
    assert sample.messages[0].content == '<image>\nRedraw "it" as {code} [now] \\"'
    assert (sample.category, sample.images) == ("chart", (models.picture(1),))
    assert data[1].images == (models.picture(1),)  # the prefix may be absent
    for index, kind in ((2, "missing_image"), (3, "missing_image"), (4, "bad_row")):
        with pytest.raises(Rejected) as caught:
            data[index]
        assert caught.value.kind == kind


def test_records_are_found_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_mcd(tmp_path)
    spans = McdFile(path)._spans
    for size in (1, 2, 3, 7):
        monkeypatch.setattr("viscodex.train.mixture.CHUNK", size)
        assert McdFile(path)._spans == spans
    text = path.read_text()
    assert [json.loads(text[a:b]) for a, b in spans] == json.loads(text)


def test_text_files_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    path.write_text('{"text": "import os"}\n{"id": "b", "text": "x = 1"}\nno json\n{"a": 1}\n')
    data = TextFile(path)
    assert (data[0].id, data[0].text, data[1].id) == ("text.jsonl:1", "import os", "b")
    for index in (2, 3):
        with pytest.raises(Rejected):
            data[index]


def test_files_that_are_not_there_are_one_clear_error(tmp_path: Path) -> None:
    for kind, name in ((McdFile, "no.json"), (TextFile, "no.jsonl")):
        with pytest.raises(BadDataset, match="cannot be read"):
            kind(tmp_path / name)
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(BadDataset, match="no records"):
        McdFile(tmp_path / "empty.json")


# --- split ----------------------------------------------------------------------------------------


class Told(list[Sample]):
    """A data set whose drafts were told as two samples each."""

    def rows(self) -> list[object]:
        return [type("Row", (), {"id": s.id, "task": s.task})() for s in self]


def told(n: int) -> Told:
    pairs = [
        (models.chart(i), replace(models.chart(i), id=f"chart-{i}-table", task="table"))
        for i in range(n)
    ]
    return Told([sample for pair in pairs for sample in pair])


def test_samples_of_one_picture_stay_on_one_side() -> None:
    data = told(50)
    shares, held = split(Mixture([data]), [DataPart(path="x")], 0.1, 3)
    assert len(held) == 10
    assert not set(held.tolist()) & set(shares[0].items.tolist())
    sides = [
        {data[i].id.removesuffix("-table") for i in items} for items in (held, shares[0].items)
    ]
    assert not sides[0] & sides[1]
    assert sorted([*held.tolist(), *shares[0].items.tolist()]) == list(range(100))


def test_small_shares_lie_within_larger_ones_and_held_out_samples_stay() -> None:
    found = []
    for share in (0.01, 0.05, 0.2, 1.0):
        shares, held = split(Mixture([told(500)]), [DataPart(path="x", share=share)], 0.02, 0)
        found.append((set(shares[0].items.tolist()), held.tolist()))
    assert [len(items) for items, _ in found] == [10, 48, 196, 980]
    assert found[0][0] < found[1][0] < found[2][0] < found[3][0]
    assert len({tuple(held) for _, held in found}) == 1


def test_samples_of_one_picture_stay_on_one_side_of_several_parts_too() -> None:
    data = told(50)
    parts = [
        Told([one for one in data if (one.task == "table") == table]) for table in (True, False)
    ]
    mixture = Mixture(parts)
    shares, held = split(mixture, [DataPart(path="x"), DataPart(path="x", share=0.5)], 0.1, 3)
    names = {
        number: {mixture[k].id.removesuffix("-table") for k in held if k in mixture.numbers(number)}
        for number in (0, 1)
    }
    assert names[0] == names[1] and len(names[0]) == 5
    for number, n in ((0, 45), (1, 22)):
        learnt = {mixture[k].id.removesuffix("-table") for k in shares[number].items}
        assert len(learnt) == n and not learnt & names[0]

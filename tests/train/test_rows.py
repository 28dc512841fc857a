"""Rows: packed equals unpacked, no sample sees another, positions are the model's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.train import models
from tests.train.conftest import plain_recipe
from viscodex.nano.trio import make_text_model, make_tokenizer
from viscodex.train.budget import Reader
from viscodex.train.encode import Encoder
from viscodex.train.mixture import Mixture
from viscodex.train.recipe import TrainRecipe
from viscodex.train.rows import (
    LOGIT_ROWS,
    RowBatch,
    Seen,
    mrope_positions,
    packed_row,
    padded_row,
    row_loss,
)
from viscodex.train.start import IMAGE_TOKEN, Start, load_start
from viscodex.types import Message, Sample

FAMILIES = ("qwen2_5_vl", "qwen3_vl")


def two_pictures() -> Sample:
    messages = (
        Message("user", "First <image> then <image>, which is wider?"),
        Message("assistant", "the second"),
    )
    return Sample("two", "qa", messages, (models.picture(0), models.picture(2)))


SAMPLES = (models.chart(0), models.problem(1), models.chart(2), two_pictures(), models.problem(4))


def started(folder: Path, **changes: Any) -> tuple[Start, list[Seen], int]:
    """A model and the samples as it sees them."""
    recipe = TrainRecipe.model_validate(plain_recipe(folder, folder) | changes)
    start = load_start(recipe)
    pictures = start.pictures(recipe)
    assert pictures is not None
    encoder = Encoder(start.tokenizer, IMAGE_TOKEN)
    reader = Reader(Mixture([SAMPLES]), encoder, pictures, 512)
    return start, [reader.see(n) for n in range(len(SAMPLES))], pictures.merge


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def gradients(model: Any, rows: list[RowBatch]) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    total = sum(row.n_answer_tokens for row in rows)
    loss = torch.stack([row_loss(model, row) / total for row in rows]).sum()
    loss.backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), found


def test_packed_equals_unpacked(family: Path) -> None:
    start, seen, merge = started(family)
    packed = gradients(start.model, [packed_row(seen, merge)])
    alone = gradients(start.model, [packed_row([one], merge) for one in seen])
    pad_id = start.tokenizer.pad_token_id
    padded = gradients(start.model, [padded_row(seen, pad_id)])
    single = gradients(start.model, [padded_row([one], pad_id) for one in seen])
    for loss, grads in (alone, padded, single):
        assert abs(packed[0] - loss) < 1e-5
        assert grads.keys() == packed[1].keys()
        for name, grad in grads.items():
            assert torch.allclose(grad, packed[1][name], atol=1e-5), name


def test_segments_equal_the_block_diagonal_mask_of_transformers(family: Path) -> None:
    start, seen, merge = started(family)
    other, _, _ = started(family, attention="sdpa")
    row = packed_row(seen, merge)
    assert start.model.model.language_model.config._attn_implementation == "segments"
    assert other.model.model.language_model.config._attn_implementation == "sdpa"
    ours, theirs = gradients(start.model, [row]), gradients(other.model, [row])
    assert abs(ours[0] - theirs[0]) < 1e-5
    for name, grad in theirs[1].items():
        assert torch.allclose(grad, ours[1][name], atol=1e-5), name


def test_no_sample_of_a_row_sees_another(family: Path) -> None:
    start, seen, merge = started(family)

    def last_answer(row: list[Seen]) -> torch.Tensor:
        with torch.no_grad():
            batch = packed_row(row, merge)
            logits: torch.Tensor = start.model(**batch.inputs).logits[0]
        return logits[-int(row[-1].encoded.learnt.sum()) :]

    before = last_answer([seen[0], seen[2], seen[3]])
    patches = tuple(p.flip(0) for p in seen[2].patches)
    changed = replace(seen[2], patches=patches)
    ids = changed.encoded.ids.copy()
    ids[~changed.encoded.is_image] = ids[~changed.encoded.is_image][::-1]
    changed = replace(changed, encoded=replace(changed.encoded, ids=ids))
    after = last_answer([seen[4], changed, seen[3]])
    assert torch.allclose(before, after, atol=1e-5)


def test_positions_are_those_of_the_model(family: Path) -> None:
    start, seen, merge = started(family)
    for one in seen:
        e = one.encoded
        kinds = torch.from_numpy(e.is_image).int()[None]
        grids = torch.tensor(one.grids) if one.grids else None
        theirs, _ = start.model.model.get_rope_index(
            torch.from_numpy(e.ids)[None], mm_token_type_ids=kinds, image_grid_thw=grids,
            attention_mask=torch.ones(1, len(e), dtype=torch.long),
        )  # fmt: skip
        ours = mrope_positions(e.is_image, one.grids, merge)
        assert np.array_equal(ours, theirs[:, 0].numpy())


def test_logits_are_made_for_answer_places_only(qwen2_5_vl: Path) -> None:
    start, seen, merge = started(qwen2_5_vl)
    row = packed_row(seen, merge)
    n_learnt = sum(int(one.encoded.learnt.sum()) for one in seen)
    with torch.no_grad():
        assert start.model(**row.inputs).logits.shape[:2] == (1, n_learnt)
    assert (row.n_answer_tokens, row.n_padding) == (n_learnt, 0)


def test_text_models_pack_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    model = make_text_model(tokenizer, num_hidden_layers=2)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    start = load_start(TrainRecipe.model_validate(plain_recipe(tmp_path, tmp_path)))
    encoder = Encoder(start.tokenizer, None)
    seen = [Seen(encoder.encode(models.problem(n))) for n in (1, 22, 333)]
    packed = gradients(start.model, [packed_row(seen, None)])
    alone = gradients(start.model, [padded_row([one], 0) for one in seen])
    assert abs(packed[0] - alone[0]) < 1e-5
    for name, grad in alone[1].items():
        assert torch.allclose(grad, packed[1][name], atol=1e-5), name


@pytest.mark.parametrize("pack", [True, False])
def test_a_blank_weighs_nothing_but_reaches_every_weight(qwen2_5_vl: Path, pack: bool) -> None:
    start, seen, merge = started(qwen2_5_vl)
    blank = replace(seen[0], counts=False)

    def rows(samples: list[Seen]) -> list[RowBatch]:
        return [packed_row(samples, merge) if pack else padded_row(samples, 0)]

    without, with_blank = (
        gradients(start.model, rows([seen[1]])),
        gradients(start.model, rows([seen[1], blank])),
    )
    assert abs(without[0] - with_blank[0]) < 1e-6
    for name, grad in with_blank[1].items():
        wanted = without[1].get(name, torch.zeros_like(grad))
        assert torch.allclose(grad, wanted, atol=1e-6), name
    start.model.zero_grad()
    only = rows([blank])[0]
    row_loss(start.model, only).backward()
    assert only.n_answer_tokens == 0
    for parameter in start.model.parameters():
        assert parameter.grad is not None and not parameter.grad.any()


def test_many_answer_tokens_are_summed_in_pieces() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 2 * LOGIT_ROWS + 5, 11, requires_grad=True)
    targets = torch.randint(0, 11, (1, 2 * LOGIT_ROWS + 5))
    row = RowBatch({}, targets, targets.numel(), 0, 0)

    class Whole:
        def __call__(self, **_: object) -> Any:
            return type("Out", (), {"logits": logits})

    loss = row_loss(Whole(), row)
    loss.backward()
    ours = logits.grad.clone()
    logits.grad = None
    plain = torch.nn.functional.cross_entropy(logits[0], targets[0], reduction="sum")
    plain.backward()
    assert torch.allclose(loss, plain, rtol=1e-6)
    assert torch.allclose(ours, logits.grad, atol=1e-6)

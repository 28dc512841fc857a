"""Muon beside AdamW: the library's steps, and a state that goes on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate.utils import DistributedType
from safetensors.torch import load_file
from torch import nn

from tests.train import models
from viscodex.errors import BadRecipe
from viscodex.train import muon
from viscodex.train.muon import Muon, MuonInPlainPrecision, orthogonal, split_groups
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import train
from viscodex.train.trainer import Measured, RowTrainer
from viscodex.train.watch import Show


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(11, 8)
        self.up = nn.Linear(8, 12)
        self.norm = nn.LayerNorm(12)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.norm(self.up(self.embed_tokens(ids))).square().mean(-1).sin().sum()


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    group = {"params": list(model.parameters()), "lr": 1e-2, "weight_decay": 0.1}
    return split_groups([group], model)


def _steps(model: nn.Module, optimizers: list[torch.optim.Optimizer], first: int, n: int) -> None:
    for k in range(first, first + n):
        for optimizer in optimizers:
            optimizer.zero_grad()
        model(torch.arange(k, k + 5) % 11).backward()
        for optimizer in optimizers:
            optimizer.step()


@pytest.fixture
def model() -> Small:
    torch.manual_seed(0)
    return Small()


def test_matrices_are_muons_and_tables_and_vectors_are_not(model: Small) -> None:
    groups = _groups(model)
    assert [(g["muon"], len(g["params"])) for g in groups] == [(True, 1), (False, 4)]
    assert groups[0]["params"][0] is model.up.weight


def test_its_steps_are_those_of_the_library(model: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "has_bfloat16", lambda device: True)
    other = copy.deepcopy(model)
    _steps(model, [Muon(_groups(model), betas=(0.9, 0.95))], 0, 4)
    rest = [p for name, p in other.named_parameters() if name != "up.weight"]
    matrices = torch.optim.Muon(
        [other.up.weight], lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW(rest, lr=1e-2, weight_decay=0.1, betas=(0.9, 0.95))
    _steps(other, [matrices, adamw], 0, 4)
    for (name, a), b in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (16, 16)])
def test_the_step_in_plain_precision_is_that_of_the_library(shape: tuple[int, int]) -> None:
    torch.manual_seed(1)
    one, other = (nn.Parameter(w) for w in torch.randn(shape).expand(2, *shape).clone())
    settings = {"lr": 0.1, "weight_decay": 0.1, "momentum": 0.9, "adjust_lr_fn": "match_rms_adamw"}
    library = torch.optim.Muon([one], **settings)
    plain = MuonInPlainPrecision([other], **settings)
    before = one.detach().clone()
    for _ in range(3):
        one.grad = torch.randn(shape)
        other.grad = one.grad.clone()
        library.step()
        plain.step()
    moved = (one - before).norm()
    assert (one - other).norm() < 0.02 * moved  # what bfloat16 rounds
    assert plain.state[other]["momentum_buffer"].equal(library.state[one]["momentum_buffer"])


def test_newton_and_schulz_make_singular_values_about_one() -> None:
    torch.manual_seed(2)
    found = orthogonal(torch.randn(40, 12), (3.4445, -4.7750, 2.0315), 5, 1e-7)
    values = torch.linalg.svdvals(found)
    assert found.shape == (40, 12) and values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize("fast", [True, False])
def test_a_device_without_bfloat16_computes_in_plain_precision(
    model: Small, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "has_bfloat16", lambda device: fast)
    (part,) = [p for p in Muon(_groups(model))._parts if isinstance(p, torch.optim.Muon)]
    assert isinstance(part, MuonInPlainPrecision) is not fast


def test_it_goes_on_from_its_state(model: Small) -> None:
    other = copy.deepcopy(model)
    whole = Muon(_groups(model))
    _steps(model, [whole], 0, 5)
    first = Muon(_groups(other))
    _steps(other, [first], 0, 2)
    second = Muon(_groups(other))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    _steps(other, [second], 2, 3)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_killed_run_ends_with_the_same_weights(
    recipe: Callable[..., TrainRecipe], tmp_path: Path
) -> None:
    data = models.mixed(8)
    settings = {"optimizer": "muon", "batch": 4, "max_steps": 4, "save_every": 1, "lr": 1e-3}
    whole = train(recipe(**settings, out=str(tmp_path / "whole")), sources=[data], show=Show())

    def stop(measured: Measured, _: int) -> None:
        if measured.step == 3:
            raise KeyboardInterrupt

    cut = recipe(**settings, out=str(tmp_path / "cut"))
    with pytest.raises(KeyboardInterrupt):
        train(cut, sources=[data], show=Show(step=stop))
    again = train(cut, sources=[data], show=Show())
    one, other = (load_file(Path(report.model) / "model.safetensors") for report in (whole, again))
    assert all(torch.equal(one[name], other[name]) for name in one)
    plain = train(
        recipe(**{**settings, "optimizer": "adamw_torch"}, out=str(tmp_path / "adamw")),
        sources=[data],
        show=Show(),
    )
    adamw = load_file(Path(plain.model) / "model.safetensors")
    assert any(not torch.equal(one[name], adamw[name]) for name in one)


@pytest.mark.parametrize("kind, fsdp", [("FSDP", True), ("DEEPSPEED", False)])
def test_sharded_weights_are_refused(kind: str, fsdp: bool) -> None:
    accelerator = SimpleNamespace(distributed_type=DistributedType[kind])
    sharded = SimpleNamespace(accelerator=accelerator, is_fsdp_enabled=fsdp)
    with pytest.raises(BadRecipe, match="whole matrices"):
        RowTrainer._refuse_sharded_muon(sharded)  # type: ignore[arg-type]

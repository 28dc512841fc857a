"""`precision: auto` is what the machine computes in, and what a run records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.train import models
from viscodex.train import precision
from viscodex.train.precision import has_bfloat16, with_precision
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import train
from viscodex.train.watch import Show


@pytest.mark.parametrize("fast, meant", [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_device_computes_in(
    recipe: Callable[..., TrainRecipe], fast: bool, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: fast)
    assert with_precision(recipe(precision="auto")).precision == meant
    for named in ("bf16", "fp32", "bf16_weights"):
        assert with_precision(recipe(precision=named)).precision == named


def test_a_run_records_what_auto_was(recipe: Callable[..., TrainRecipe], tmp_path: Path) -> None:
    made = recipe(precision="auto", batch=4, max_steps=1, out=str(tmp_path / "run"))
    train(made, sources=[models.mixed(8)], show=Show())
    recorded = json.loads((tmp_path / "run" / "recipe.json").read_text())["precision"]
    fast = torch.cuda.is_available() or has_bfloat16(torch.device("cpu"))
    assert recorded == ("bf16" if fast else "fp32")

"""Fixtures of the training tests: models made once, one thread, a recipe to vary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.train import models
from viscodex.train.recipe import TrainRecipe


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small products are ten times slower on two threads of a busy machine."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def qwen2_5_vl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2.5-VL of two layers, float32; read only."""
    return models.make_qwen2_5_vl(tmp_path_factory.mktemp("qwen2_5_vl"))


@pytest.fixture(scope="session")
def qwen3_vl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3-VL of two layers, float32; read only."""
    return models.make_qwen3_vl(tmp_path_factory.mktemp("qwen3_vl"))


@pytest.fixture
def recipe(qwen2_5_vl: Path, tmp_path: Path) -> Callable[..., TrainRecipe]:
    """A recipe for the small Qwen2.5-VL; keywords override."""

    def make(**changes: Any) -> TrainRecipe:
        return TrainRecipe.model_validate(plain_recipe(qwen2_5_vl, tmp_path / "run") | changes)

    return make


def plain_recipe(model: Path, out: Path) -> dict[str, Any]:
    """Plain data of a small recipe."""
    return {
        "model": str(model), "out": str(out), "data": [{"path": "in memory"}], "batch": 8,
        "epochs": 1, "max_tokens": 256, "max_pixels": 28 * 28 * 16, "min_pixels": 28 * 28,
        "lr": 3e-3, "schedule": "constant", "warmup": 0, "precision": "fp32",
        "gradient_checkpointing": False, "try_largest": False,
    }  # fmt: skip

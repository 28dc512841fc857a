"""Fixtures: small real checkpoints of each family, made once a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.train import models


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small products are ten times slower on two threads of a busy machine."""
    import torch

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

"""Fixtures: small real checkpoints of each family, made once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.train.conftest import qwen2_5_vl, qwen3_vl  # noqa: F401 - fixtures of these tests, too


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small products are ten times slower on two threads of a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

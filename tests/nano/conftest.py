"""Fixtures: what runs drafts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from viscodex.data.draft import Machine


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The pools of a build."""
    with Machine() as machine:
        yield machine

"""Fixtures of the scoring tests: golden data of ours and, where given, of the folder --golden."""

from __future__ import annotations

from pathlib import Path

import pytest

OURS = Path(__file__).parents[1] / "golden"


@pytest.fixture(params=["ours", "given"], scope="session")
def goldens(request: pytest.FixtureRequest) -> Path:
    """tests/golden, then DIR of --golden DIR."""
    if request.param == "ours":
        return OURS
    folder: Path = request.getfixturevalue("golden")
    return folder

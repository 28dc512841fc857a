"""Fixtures of the sandbox tests."""

from __future__ import annotations

import pytest

from viscodex.execute import sandbox


@pytest.fixture(params=["A", "B"])
def tier(request: pytest.FixtureRequest) -> str:
    if request.param < sandbox.isolation().tier:
        pytest.skip("this machine has no tier A")
    if request.param == "B" and not any("landlock" in line for line in sandbox.isolation().holds):
        pytest.skip("this kernel has no landlock")
    return str(request.param)

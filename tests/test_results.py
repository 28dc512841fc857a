"""benchmarks/results.py: the whole document of a family in which nothing is learnt, made once."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.nano.test_family import family as family
from viscodex.data.store import open_dataset
from viscodex.nano.measure import MAX_TOKENS
from viscodex.nano.tables import SETTINGS

ROOT = Path(__file__).parents[1]
CHOSEN = [one for one in SETTINGS if one.name in ("lambda_0", "lambda_1")]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module; its models say little."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "results", raising=False)
    for kind in MAX_TOKENS:
        monkeypatch.setitem(MAX_TOKENS, kind, 24)
    import results

    return results


def test_one_command_writes_tables_curves_and_the_test_of_the_search(
    family: Any,
    program: Any,
    tmp_path: Path,
) -> None:
    out = tmp_path / "docs" / "results.md"
    wanted = program.Wanted(limit=2, charts=2, dev=6, trials=3, batch=4, steps=2, seeds=2)
    program.results(family, out, wanted, "the command", chosen=CHOSEN)
    told = out.read_text()
    for head in ("on held-out samples", "Ways to merge", "Against no merge", "Search for lambda", "The chosen recipe against lambda 0.7"):  # fmt: skip
        assert f"## {head}" in told or head in told, head
    assert "| charts | exec_rate |" in told
    assert "| lambda_0 | merged |" in told and "| lambda_0 | tuned |" in told
    assert re.search(r"\| lambda_0 \| tuned \| \W*[+-]0\.\d{3} .*\[[012] of 2\] \|", told)
    assert not re.search(r"\bnan\b", told.lower())
    plots = re.findall(r"\]\((results/\w+\.svg)\)", told)
    names = ("learning", "lambda", "loss", "samples", "search")
    assert plots == [f"results/{name}.svg" for name in names]
    for plot in plots:
        ET.parse(out.parent / plot)
    dev = family.folder / "results" / "dev"
    assert {s.task for s in open_dataset(dev / "code")} == {"code"}
    assert "code" not in {s.task for s in open_dataset(dev / "seen")}
    names = (
        "answers",
        "points",
        "loss",
    )  # with seconds or of long work: made again they would differ
    kept = {f: f.read_bytes() for f in family.folder.rglob("*.json*") if f.name.startswith(names)}
    program.results(family, out, wanted, "the command", chosen=CHOSEN)
    assert out.read_text() == told
    assert {f: f.read_bytes() for f in kept} == kept
    assert any("points" in f.name for f in kept) and any("loss" in f.name for f in kept)

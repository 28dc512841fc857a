"""viscodex data build: the table, JSON, exit status, one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.data.small_sources import Cards
from viscodex.cli import app
from viscodex.cli.data import BuildProgress
from viscodex.data.progress import Snapshot, SourceProgress
from viscodex.errors import BadRecipe


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    entry = {"source": f"{Cards.__module__}:Cards", "n": 8, "settings": {"refuse": 0.3}}
    file = tmp_path / "recipe.yaml"
    data = {"sources": {"card": entry}, "workers": 1, "samples_per_part": 4}
    file.write_text(yaml.safe_dump(data))
    return str(file)


def test_build_prints_a_row_for_each_source(recipe: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["data", "build", recipe, "-o", str(tmp_path / "set")])
    assert done.exit_code == 0
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("│ card")]
    assert [cell.strip() for cell in row.split("│")[1:5]] == ["card", "qa", "8", "8"]
    assert "unlucky" in row
    assert "8 samples kept" in done.stdout and str(tmp_path / "set") in done.stdout


def test_build_prints_json_and_tells_a_missed_quota_by_its_status(
    recipe: str, tmp_path: Path
) -> None:
    words = ["sources.card.settings.refuse=0.9", "sources.card.tries=1", "sources.card.n=20"]
    command = ["data", "build", recipe, *words, "-o", str(tmp_path / "set"), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert report["status"] == "short"
    assert 0 < report["sources"]["card"]["kept"] == report["n_samples"] < 20
    assert report["sources"]["card"]["rejected"]["unlucky"] > 0


@pytest.mark.parametrize("words", [["a.yaml", "b.yaml"], ["seed=1"], ["missing.yaml"]])
def test_build_refuses_what_is_no_recipe(words: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["data", "build", *words, "-o", str(tmp_path / "set")])
    assert isinstance(done.exception, BadRecipe)


def test_progress_is_a_line_every_ten_seconds_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("viscodex.cli.data.time.monotonic", lambda: now[0])
    with BuildProgress() as progress:
        for second in range(25):
            now[0] = float(second)
            source = SourceProgress(100, 2 * second, 3 * second, {"blank": second}, 2.0)
            progress.update(Snapshot("making samples", {"chart": source}, second, 75.0))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "10 s: chart 20/100 (-10, 2.0/s), 1 min 15 s left",
        "20 s: chart 40/100 (-20, 2.0/s), 1 min 15 s left",
    ]

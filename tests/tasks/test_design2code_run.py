"""viscodex score design2code from the published files to the report, in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from viscodex.cli import app
from viscodex.execute.page import PagePool
from viscodex.tasks.design2code.visual import METRICS

RICK = Path(__file__).parents[1] / "golden" / "design2code" / "rick.jpg"
PAGE = (
    "<!DOCTYPE html><html><body><h1>Harbour Works</h1><img src='rick.jpg' width='200'>"
    "<p>Boats since {n}</p><p>Winter storage</p></body></html>"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that all tests of this file share."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISCODEX_HOME", str(place))
        yield place


@pytest.fixture
def pages(tmp_path: Path, home: Path) -> Path:
    """Two pages as Design2Code is published: N.html, N.png, rick.jpg."""
    folder = tmp_path / "testset"
    folder.mkdir()
    shutil.copy(RICK, folder / "rick.jpg")
    for n in (1, 2):
        (folder / f"{n}.html").write_text(PAGE.format(n=1900 + n))
        Image.new("RGB", (8, 8)).save(folder / f"{n}.png")
    return folder


def _score(pages: Path, answers: dict[str, str], *more: str) -> tuple[Any, dict[str, Any]]:
    place = pages.parent
    lines = [json.dumps({"id": key, "answer": text}) + "\n" for key, text in answers.items()]
    (place / "answers.jsonl").write_text("".join(lines))
    words = ["score", "design2code", "--data", str(pages), "--answers", str(place / "answers.jsonl"), "-o", str(place / "run"), "--workers", "1"]  # fmt: skip
    done = CliRunner().invoke(app, [*words, *more], catch_exceptions=False)
    return done, json.loads((place / "run" / "report.json").read_text())


def _rows(pages: Path) -> list[dict[str, Any]]:
    text = (pages.parent / "run" / "scores.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_page_without_texts_is_summed_up_alike_when_its_score_is_read_again(pages: Path) -> None:
    (pages / "1.html").write_text("<!DOCTYPE html><html><body></body></html>")
    answers = {"1": "```html\n<p>Words</p>\n```", "2": f"```html\n{PAGE.format(n=1902)}\n```"}
    done, first = _score(pages, answers)
    assert done.exit_code == 0, done.output
    assert first["paper"]["totals"]["coverage"] == 1.0
    assert _score(pages, answers)[1] == first


def test_both_protocols_missing_answers_and_the_clip_column_without_weights(pages: Path) -> None:
    done, reports = _score(pages, {"1": f"```html\n{PAGE.format(n=1901)}\n```"})
    assert done.exit_code == 0, done.output
    assert list(reports) == ["paper", "strict"]
    for report in reports.values():
        assert (report["n"], report["n_answered"]) == (2, 1)
        assert report["problems"] == {"unanswered": 1}
        for name in METRICS:
            assert report["metrics"][name]["all"] == pytest.approx(0.5)
            assert report["metrics"][name]["scored"] == pytest.approx(1.0)
        for name in ("clip", "final"):
            assert report["metrics"][name]["n_scored"] == 0
        assert report["settings"]["clip"] == "no weights: clip and final are NaN"
        assert report["settings"]["render"]["browser"]
        assert report["settings"]["render"]["fonts"]
        assert report["totals"]["coverage"] == 1.0
    assert "1 of 2 items answered" in done.output
    with Image.open(pages.parent / "run" / "pictures" / "1.png") as shown:
        assert shown.width == 1280


def test_a_run_goes_on_and_renders_nothing_twice(pages: Path, monkeypatch: Any) -> None:
    answers = {"1": PAGE.format(n=1901), "2": PAGE.format(n=1999)}
    _, first = _score(pages, answers)
    scores = pages.parent / "run" / "scores.jsonl"
    lines = scores.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    killed = b"".join(lines[:2]) + lines[2][:40]  # while writing
    rendered: list[str] = []
    render_each = PagePool.render_each

    def counted(pool: PagePool, copies: Any, **how: Any) -> Any:
        rendered.extend(copies)
        return render_each(pool, copies, **how)

    monkeypatch.setattr(PagePool, "render_each", counted)
    for most in (0, 3):  # executions are kept; without them, one candidate and its copies
        scores.write_bytes(killed)
        _, again = _score(pages, answers)
        assert len(rendered) == most
        assert again["paper"]["metrics"] == first["paper"]["metrics"]
        assert scores.read_bytes() == b"".join(lines)
        shutil.rmtree(pages.parent / "run" / "executions")
    rendered.clear()
    _score(pages, answers)  # references are kept, and so are scores
    assert not rendered


def test_hostile_and_broken_answers_stop_nothing(pages: Path) -> None:
    done, reports = _score(
        pages,
        {"1": "<html><body><em style='color:'>Harbour Works</em>", "2": "<div>" * 3000 + "Harbour"},
    )
    assert done.exit_code == 0, done.output
    rows = _rows(pages)
    crash = [row for row in rows if row["sample_id"] == "1"]
    assert [row["values"]["low_level"] for row in crash] == [0.0, 0.0]
    assert all(any("official code crashes" in note for note in row["notes"]) for row in crash)
    assert reports["paper"]["n_answered"] == 2


def test_a_picture_that_is_not_there_is_broken_as_officially(pages: Path) -> None:
    """Not grey, not the placeholder: without a size it takes next to no room."""
    (pages / "1.html").write_text(PAGE.format(n=1901).replace("rick.jpg", "gone.jpg"))
    (pages / "2.html").write_text(PAGE.format(n=1902).replace(" width='200'", ""))
    gone = PAGE.format(n=1902).replace("rick.jpg' width='200'", "gone.jpg'")
    _, _ = _score(pages, {"1": (pages / "1.html").read_text(), "2": gone}, "--protocol", "paper")
    rows = {row["sample_id"]: row["values"] for row in _rows(pages)}
    assert rows["1"]["low_level"] == pytest.approx(1.0)
    assert rows["2"]["text"] == 1.0 and rows["2"]["position"] < 0.9


def test_clip_weights_fill_their_column(pages: Path, tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        projection_dim=16, image_size=224, patch_size=32,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(tmp_path / "clip")
    page = (pages / "1.html").read_text()
    done, reports = _score(
        pages, {"1": page}, "--clip", str(tmp_path / "clip"), "--protocol", "strict", "--limit", "1"
    )
    assert done.exit_code == 0, done.output
    metrics = reports["strict"]["metrics"]
    assert metrics["clip"]["scored"] == pytest.approx(1.0, abs=1e-5)
    assert metrics["final"]["scored"] == pytest.approx(1.0, abs=1e-5)

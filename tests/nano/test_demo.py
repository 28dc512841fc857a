"""The demonstration: a whole run with a small real family, and its page in a real browser."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.generate.conftest import PICTURES
from viscodex.errors import BadInput, BadRecipe
from viscodex.execute.page import PagePool
from viscodex.generate.attempt import Attempt
from viscodex.generate.generated import Generated
from viscodex.generate.picture import read_picture
from viscodex.merge.apply import merge
from viscodex.nano import demo
from viscodex.nano.demo_page import curve_plot, demo_page
from viscodex.types import Answer, Completion, Execution, MergeReport, Score

CURVE = [
    {"lam": k / 5, "stage": stage, "metric": metric, "value": v, "low": v - 0.1, "high": v + 0.1}
    for stage, shift in (("merged", 0.0), ("tuned", 0.3))
    for metric in ("low_level", "block_match")
    for k, v in enumerate(
        [0.1 + shift, 0.2 + shift, 0.35 + shift, 0.5 + shift, 0.4 + shift, 0.2 + shift]
    )
]


@pytest.fixture(scope="module")
def family(trio: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the shipped weights, of random models; nano is their merge."""
    place = tmp_path_factory.mktemp("weights")
    for name in ("base", "vlm", "code"):
        (place / name).symlink_to(trio / name)
    models = {name: place / name for name in ("base", "vlm", "code")}
    report = merge(**models, lam=0.6, out=place / "nano")  # type: ignore[arg-type]
    (place / "merged.json").write_text(json.dumps({"lam": 0.6, "output_hash": report.output_hash}))
    (place / "curve.json").write_text(json.dumps(CURVE))
    return place


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A chart and a page, with their code."""
    place = tmp_path / "pictures"
    place.mkdir()
    for first in (sorted(PICTURES.glob("chart_*.png"))[0], sorted(PICTURES.glob("page_*.png"))[0]):
        for file in PICTURES.glob(f"{first.stem}.*"):
            (place / file.name).write_bytes(file.read_bytes())
    return place


def test_it_merges_writes_runs_scores_and_shows(
    family: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "MAX_TOKENS", 12)
    said: list[str] = []
    page, shown = demo.run_demo(tmp_path / "demo", said.append, weights=family, pictures=pictures)
    assert shown.is_expected and shown.lam == 0.6
    assert (tmp_path / "demo" / "merged" / "merge_report.json").exists()
    assert [example.generated.task for example in shown.examples] == ["chart", "html"]
    for example in shown.examples:
        assert example.reference and example.score is not None
        assert example.generated.best.answer.completion.completion_tokens
    assert {"low_level", "exec_rate"} <= set(shown.examples[0].score.values)  # type: ignore[union-attr]
    assert {"block_match", "text"} <= set(shown.examples[1].score.values)  # type: ignore[union-attr]
    text = page.read_text()
    assert text.count("data:image/png") >= 2 and "http" not in text.replace("http-equiv", "")
    assert any(str(page) in line for line in said)
    monkeypatch.setattr(demo, "_write", lambda *a, **k: ([], {}))  # what follows is about the merge
    (tmp_path / "w").mkdir()
    for name in ("base", "vlm", "code", "nano"):
        (tmp_path / "w" / name).symlink_to(family / name)
    (tmp_path / "w" / "merged.json").write_text('{"lam": 0.6, "output_hash": "00"}')
    _, other = demo.run_demo(
        tmp_path / "demo", said.append, weights=tmp_path / "w", pictures=pictures
    )
    assert other.is_expected is False and not other.ok


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(BadRecipe, match="not empty"):
        demo.clear(tmp_path)


def test_a_broken_curve_is_named(tmp_path: Path) -> None:
    assert demo.read_curve(tmp_path) == ()
    (tmp_path / "curve.json").write_text('[{"lam": 0.1}]')
    with pytest.raises(BadInput, match=r"curve\.json"):
        demo.read_curve(tmp_path)


def _demo(report: MergeReport) -> demo.Demo:
    """Two pictures: one whose own code came out, one that failed with a hostile reason."""
    examples = []
    for path in (sorted(PICTURES.glob("chart_*.png"))[0], sorted(PICTURES.glob("page_*.png"))[0]):
        picture = read_picture(path)
        done = Execution("ok", images=(picture.data,))
        answer = Answer(path.stem, Completion("x", "stop", completion_tokens=9), "a = '<b>'" * 300)
        made = Generated(picture, "chart", "?", "nano", (Attempt("first", answer, done, 0.93),))
        off = demo.difference_picture(picture.data, picture.data)
        score = Score(
            path.stem, {"low_level": 0.8, "text": 1.0, "layout": 1.0, "type": 0.5, "color": 0.7}
        )
        examples.append(demo.Example(path.stem, "ref", made, score, off))
    bad = Attempt(
        "first", examples[1].generated.best.answer, Execution("error", reason="<script>alert(1)")
    )
    failed = dataclasses.replace(examples[1].generated, attempts=(bad,), notices=("a notice",))
    examples[1] = dataclasses.replace(examples[1], generated=failed, score=None, difference=None)
    return demo.Demo(report, True, 0.7, tuple(examples), {"all": 12.0}, tuple(CURVE))


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_narrow_and_wide_windows_and_shows_everything(
    trio: Path, tmp_path: Path, width: int
) -> None:
    report = merge(vlm=trio / "vlm", code=trio / "code", out=tmp_path / "m")
    page = demo_page(_demo(report))
    assert "&lt;script&gt;" in page and "<script" not in page
    with PagePool(1) as pool:
        done = pool.render(page, width=width, height=900)
    assert done.status == "ok" and done.page is not None
    assert done.page.width == width  # nothing runs over the right edge
    texts = " ".join(block.text for block in done.page.blocks)
    for words in (report.output_hash, "a notice", "ChartMimic low-level", "lambda", "runs"):
        assert words in texts
    assert not done.page.console and not done.page.refused


def test_the_curve_has_a_point_for_every_row() -> None:
    rows = [row for row in CURVE if row["metric"] == "low_level"]
    svg = curve_plot(rows, "low_level")
    assert svg.count("<circle") == len(rows) == 12
    assert svg.count('class="band') == 2
    assert curve_plot([], "nothing").startswith("<svg")

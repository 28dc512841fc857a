"""The demonstration: a whole run with a small real family, and its page in a real browser."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.generate.conftest import PICTURES
from viscodex.cli import app
from viscodex.errors import BadInput, BadRecipe
from viscodex.execute import runtime
from viscodex.execute.page import PagePool
from viscodex.generate.attempt import Attempt
from viscodex.generate.generated import Generated
from viscodex.generate.picture import read_picture
from viscodex.merge.apply import merge
from viscodex.nano import demo
from viscodex.nano.demo_page import curve_plot, demo_page
from viscodex.types import Answer, Completion, Execution, MergeReport, Score

ROOT = Path(__file__).parents[2]
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
    parts = r"\(merge \d+, write and run \d+, score \d+\)"
    assert re.fullmatch(rf"done in \d+ s {parts}; open {re.escape(str(page))}", said[-1])
    monkeypatch.setattr(demo, "_write", lambda *a, **k: [])  # what follows is about the merge
    (tmp_path / "w").mkdir()
    for name in ("base", "vlm", "code", "nano"):
        (tmp_path / "w" / name).symlink_to(family / name)
    (tmp_path / "w" / "merged.json").write_text('{"lam": 0.6, "output_hash": "00"}')
    words = ["-o", tmp_path / "demo", "--weights", tmp_path / "w", "--pictures", pictures]
    done = CliRunner().invoke(app, ["demo", *map(str, words)])
    assert done.exit_code == 1
    assert "not as it should be: the merge has not the hash that was recorded" in done.output
    assert "the code of 0 of 0 pictures runs; 9 in 10 should" in done.output


@pytest.mark.parametrize(
    ("ran", "of", "ok"),
    [(11, 11, True), (10, 11, True), (9, 11, False), (1, 11, False), (9, 10, True), (0, 1, False)],
)
def test_it_is_ok_where_the_code_of_nine_pictures_in_ten_runs(ran: int, of: int, ok: bool) -> None:
    shown = _demo(REPORT)
    good, bad = shown.examples
    examples = (good,) * ran + (bad,) * (of - ran)
    one = dataclasses.replace(shown, examples=examples)
    assert one.ok is ok
    fault = f"the code of {ran} of {of} pictures runs; 9 in 10 should"
    assert one.faults == (() if ok else (fault,))
    assert not dataclasses.replace(one, is_expected=False).ok
    assert dataclasses.replace(one, is_expected=None).ok is ok  # own weights: nothing is recorded


def test_it_asks_of_itself_what_is_recorded_of_the_embedded_model() -> None:
    recorded = json.loads((Path(__file__).parent / "recorded.json").read_text())
    assert recorded["exec_rate"] == demo.LEAST_RUN[0] / demo.LEAST_RUN[1]


def test_an_answer_without_a_score_is_named_and_left_out_of_the_mean() -> None:
    made = []
    for path, error in zip(sorted(PICTURES.glob("chart_*.png")), ("cut off", ""), strict=False):
        answer = Answer(path.stem, Completion("no code", "stop", error=error), "")
        tried = (Attempt("first", answer, Execution("no_code")),)
        made.append(Generated(read_picture(path), "chart", "?", "nano", tried))
    said: list[str] = []
    examples = demo._scored(made, said.append, allow_unsafe=False)
    assert [bool(example.score and example.score.values) for example in examples] == [False, True]
    assert f"  {examples[0].name}: not scored: cut off" in said
    assert "ChartMimic low-level of charts, mean of 1: 0.0" in said


def test_means_of_command_and_page_leave_out_what_has_no_value() -> None:
    shown = _demo(REPORT)
    good = shown.examples[0]
    assert good.score is not None
    scores = [
        None,
        *(
            dataclasses.replace(good.score, values=values)
            for values in ({}, {"low_level": math.nan}, {"low_level": 0.5}, {"low_level": 0.9})
        ),
    ]
    examples = tuple(dataclasses.replace(good, score=score) for score in scores)
    ((label, mean, n),) = demo.mean_scores(examples)
    assert (mean, n) == (pytest.approx(0.7), 2)
    page = demo_page(dataclasses.replace(shown, examples=examples))
    assert f"<b>70 %</b><span>{label}, mean of 2</span>" in page
    assert "nan" not in re.sub(r"nano|base64,[^\"]*", "", page)
    assert demo.mean_scores(examples[:3]) == []


def test_pictures_are_found_whatever_the_case_of_their_names_and_before_any_work(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    demo.clear(out)
    (out / "earlier").touch()
    for wrong, why in ((tmp_path / "absent", "cannot be read"), (out, "no picture")):
        with pytest.raises(BadInput, match=why):
            demo.run_demo(out, print, weights=tmp_path, pictures=wrong)
    assert (out / "earlier").exists()  # nothing was touched
    for path in pictures.glob("*.png"):
        path.rename(path.with_suffix(".PNG"))
    found: list[str] = []
    monkeypatch.setattr(demo, "_merge", lambda *a: (REPORT, None, 0.7))
    monkeypatch.setattr(
        demo, "_write", lambda weights, shown, *a, **k: found.extend(p.name for p in shown) or []
    )
    demo.run_demo(out, print, weights=tmp_path, pictures=pictures)
    assert [Path(name).suffix for name in found] == [".PNG", ".PNG"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(BadRecipe, match="not empty"):
        demo.clear(tmp_path)


def test_a_broken_curve_is_named(tmp_path: Path) -> None:
    assert demo.read_curve(tmp_path) == ()
    (tmp_path / "curve.json").write_text('[{"lam": 0.1}]')
    with pytest.raises(BadInput, match=r"curve\.json"):
        demo.read_curve(tmp_path)


REPORT = MergeReport(
    "", "", "task_arithmetic", {}, (), {}, {}, {}, (), {}, "a hash", {}, (), "", ()
)  # fmt: skip


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
        examples.append(demo.Example(path.stem, "chart", "ref", made, score, off))
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


# --- installed, in another place ------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
@pytest.mark.parametrize("target", ["runtime", "runtimes"])
def test_make_asks_for_the_runtimes_where_they_lie(target: str, tmp_path: Path) -> None:
    """No file of the virtual environment stands for what lies in the cache of a user."""
    if runtime.installed()["current"] is None or runtime.installed()["chartmimic"] is None:
        pytest.skip("not all runtimes are installed")
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "bin").symlink_to(Path(sys.prefix) / "bin")
    for marker in (".demo", ".test", ".runtime", ".runtimes"):
        (venv / marker).touch()
    (tmp_path / "file").touch()

    def make(home: Path) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "VISCODEX_HOME": str(home), "PIP_FIND_LINKS": "none"}
        command = ["make", "--no-print-directory", target, f"VENV={venv}"]
        return subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )

    whole = make(runtime.home())
    assert whole.returncode == 0, whole.stderr
    assert f"current: {runtime.folder_of('current')}" in whole.stdout
    assert make(tmp_path / "file" / "home").returncode != 0  # no runtime there, nor can there be


def _has_namespaces() -> bool:
    """Whether a process of ours can be without network."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return (
        subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not _has_namespaces(), reason="no network namespaces: not root, or no unshare")
def test_it_runs_without_network_and_with_an_empty_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "pictures").mkdir()
    for file in PICTURES.glob("chart_bar.*"):
        shutil.copy(file, tmp_path / "pictures")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT),
        "VISCODEX_HOME": str(runtime.home()), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = ["unshare", "-n", sys.executable, "-m", "viscodex", "demo"]
    done = subprocess.run(
        [*command, "--pictures", "pictures"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 run" in done.stdout and "ChartMimic low-level of charts, mean of 1" in done.stdout
    assert (tmp_path / "demo" / "demo.html").exists()

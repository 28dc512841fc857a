"""data check, stats and the commands: what is wrong is found, named and counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.data.samples import CHART, chart, png, problem
from viscodex.cli import app
from viscodex.data.card import finish_dataset
from viscodex.data.check import check_dataset, spread
from viscodex.data.draft import Reject
from viscodex.data.stats import histogram, measure
from viscodex.data.store import open_dataset, rejects_path, shard_path, write_rejects, write_shard
from viscodex.execute.chart import run_chart
from viscodex.types import Message, Sample

PAGE = "<!doctype html><title>Shop</title><h1>Shop</h1>"


def saved(folder: Path, samples: list[Sample]) -> Path:
    """A finished data set of these."""
    write_shard(shard_path(folder, 0, 1), samples)
    rejects = [Reject("chart-7", "chart", "blank", "no ink")]
    write_rejects(rejects_path(folder, 0, 1), rejects)
    finish_dataset(folder)
    return folder


def page(index: int, code: str = PAGE) -> Sample:
    """An html sample."""
    words = (Message("user", "<image>Build it."), Message("assistant", f"```html\n{code}\n```"))
    return Sample(f"html-{index:07d}", "html", words, (png(),), reference=code, language="html", meta={"window": [800, 600]})  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sample of each category; the chart's picture is what its code draws."""
    drawn = run_chart(CHART).image
    assert drawn is not None
    qa = replace(chart(1), id="qa-0000001", category="qa", reference="print(sum(range(4)))")
    samples = [
        chart(0, images=(drawn,)),
        page(0),
        problem(),
        qa,
        chart(2, task="ocr", reference=""),
    ]
    return saved(tmp_path_factory.mktemp("check") / "sound", samples)


# --- check ----------------------------------------------------------------------------------------


def test_a_sound_data_set_runs_whole(sound: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check_dataset(
        open_dataset(sound), progress=lambda _, done, all_: seen.append((done, all_))
    )
    assert report.failures == ()
    assert (report.n_samples, report.n_pictures, report.n_ran, report.n_tested) == (5, 4, 4, 1)
    assert report.n_redrawn == 1
    assert report.skipped == {"no code": 1}
    assert seen == [(n, 5) for n in range(1, 6)]


UNSOUND: list[tuple[Sample, str, str]] = [
    (chart(0, reference="import nothing_like_this"), "run", "nothing_like_this"),
    (chart(1, reference="print('no figure')"), "run", "draws nothing"),
    (page(2, "<script>for (let i = 0; i < 20000; i++) console.error('x')</script>"), "run", "blocked"),
    (problem(3, "print(3)\n"), "tests", "1 of 2 tests pass"),
    (replace(problem(4), tests="{"), "tests", "cannot be read"),
    (replace(problem(5), tests='{"inputs": ["1"], "outputs": []}'), "tests", "cannot be read"),
    (replace(problem(6), reference="def f(a):\n    return a\n", tests='{"inputs": [[1]], "outputs": [2], "fn_name": "f"}'), "tests", "0 of 1"),
    (chart(7, messages=chart().messages[:1]), "turn_order", "user"),
    (chart(8, messages=(Message("user", "no mark"), Message("assistant", "x"))), "image_marks", "0 marks"),
    (chart(9, category="video"), "unknown_category", "video"),
    (chart(10, messages=(Message("robot", "<image>"), Message("assistant", "x"))), "unknown_role", "robot"),  # type: ignore[arg-type]
    (chart(11, images=(png(300, 300)[:200],)), "broken_image", "picture 0"),
    (chart(0, reference="", meta={"n": 2}), "duplicate_id", "two samples"),
]  # fmt: skip


@pytest.fixture(scope="module")
def unsound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("check") / "unsound", [sample for sample, _, _ in UNSOUND])


def test_each_flaw_is_found_and_named(unsound: Path) -> None:
    report = check_dataset(open_dataset(unsound))
    found = {(f.id, f.what): f for f in report.failures}
    for row, (sample, what, why) in enumerate(UNSOUND):
        failure = found.pop((sample.id, what))
        assert why in failure.why
        assert failure.where == f"data/train-00000-of-00001.parquet row {row}"
    assert not found
    assert not report.sound


def test_without_running_only_the_rows_are_looked_at(unsound: Path) -> None:
    report = check_dataset(open_dataset(unsound), run=False)
    assert {f.what for f in report.failures} == {what for _, what, _ in UNSOUND} - {"run", "tests"}
    assert (report.n_ran, report.skipped) == (0, {})


def test_a_limit_spreads_over_the_data_set(tmp_path: Path) -> None:
    folder = saved(tmp_path, [chart(i, images=()) for i in range(100)])
    failures = check_dataset(open_dataset(folder), run=False, limit=4).failures
    assert [f.id for f in failures] == [f"chart-{i:07d}" for i in (0, 40, 55, 96)]


def test_a_limit_meets_all_categories_of_a_regular_mixture() -> None:
    places = spread(3200, 20)
    assert len(set(places)) == 20 and [p // 160 for p in places] == list(range(20))
    assert len({p % 32 for p in places}) > 10


def test_changed_and_missing_files_and_damaged_rows_are_failures(tmp_path: Path) -> None:
    folder = saved(tmp_path, [chart(i) for i in range(40)])
    shard = shard_path(folder, 0, 1)
    data = bytearray(shard.read_bytes())
    data[data.index(chart(3).images[0]) + 50] ^= 1
    shard.write_bytes(data)
    rejects_path(folder, 0, 1).unlink()
    failures = check_dataset(open_dataset(folder), run=False).failures
    assert [(f.what, f.where) for f in failures[:2]] == [
        ("hash", "data/train-00000-of-00001.parquet"),
        ("hash", "rejects/rejects-00000-of-00001.parquet"),
    ]
    assert [f.what for f in failures[2:]] == ["row"] * 32  # of the damaged row group
    (folder / "manifest.json").unlink()
    assert check_dataset(open_dataset(folder), run=False).failures[0].what == "manifest"


def answer(index: int, language: str, code: str, run: dict[str, str] | None) -> Sample:
    """A qa sample whose code is a part of a program."""
    meta = {} if run is None else {"run": run}
    return replace(chart(index), id=f"qa-{index:07d}", category="qa", reference=code, language=language, meta=meta)  # fmt: skip


def test_parts_of_programs_run_with_what_they_need(tmp_path: Path) -> None:
    table = "CREATE TABLE t (a); INSERT INTO t VALUES (4), (7);"
    query = "SELECT max(a) FROM t;"
    samples = [
        answer(0, "sql", query, {"before": table, "output": "7\n"}),
        answer(1, "sql", query, {"before": table, "output": "8"}),
        answer(2, "sql", query, {"before": ""}),
        answer(3, "sql", query, None),
        answer(4, "python", "y = x + 1", {"before": "x = 1", "after": "print(y)", "output": "2"}),
        answer(5, "klingon", "qapla", None),
    ]
    report = check_dataset(open_dataset(saved(tmp_path, samples)))
    assert [(f.id, f.what) for f in report.failures] == [
        ("qa-0000001", "output"),
        ("qa-0000002", "run"),
    ]
    assert "prints '7\\n', not '8'" in report.failures[0].why
    assert (report.n_ran, sum(report.skipped.values())) == (4, 2)


# --- stats ----------------------------------------------------------------------------------------


def test_stats_count_and_find_shared_pictures(tmp_path: Path) -> None:
    samples = [
        *(chart(i) for i in range(10)),
        chart(3, id="chart-0000003-ocr", task="ocr"),  # the same draft: no surprise
        chart(90, id="chart-0000090", images=chart(5).images),
        problem(),
    ]
    found = measure(open_dataset(saved(tmp_path, samples)), pictures=True)
    assert (found.n_samples, found.n_drafts, found.n_rejects) == (13, 12, 1)
    assert found.counts["chart"]["ocr"] == {"line": 1}
    assert found.rejects == {"blank": 1}
    assert found.languages == {"python": 13}
    tokens = found.spreads["text tokens"]
    assert (tokens.n, tokens.min, tokens.p50, tokens.max) == (12, 50, 54, 140)
    assert found.pictures is not None
    assert (found.pictures.n, found.pictures.distinct, found.pictures.shared) == (12, 10, 1)
    assert found.pictures.examples == (("chart-0000005", "chart-0000090"),)
    assert sum(n for _, _, n in found.histogram) == 12


def test_histogram_bins_double_and_hold_everything() -> None:
    assert histogram([0, 127, 128, 1000, 1024]) == (
        (0, 128, 2), (128, 256, 1), (256, 512, 0), (512, 1024, 1), (1024, 2048, 1),
    )  # fmt: skip
    assert histogram([]) == ()


# --- commands -------------------------------------------------------------------------------------


def viscodex(*words: Any) -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


def test_commands_go_from_export_to_import_to_check(sound: Path, tmp_path: Path) -> None:
    done = viscodex("data", "export", sound, "--format", "mcd", "-o", tmp_path / "mcd")
    assert (done.exit_code, done.exception) == (0, None)
    done = viscodex("data", "import", tmp_path / "mcd" / "mcd.json", "--images", tmp_path / "mcd", "-o", tmp_path / "back", "--json")  # fmt: skip
    assert json.loads(done.stdout)["n_samples"] == 5
    done = viscodex("data", "check", tmp_path / "back", "--no-run", "--json")
    assert (done.exit_code, json.loads(done.stdout)["failures"]) == (0, [])
    done = viscodex("data", "stats", tmp_path / "back", "--json")
    assert json.loads(done.stdout)["pictures"]["n"] == 4
    done = viscodex("data", "stats", sound)
    assert "5 samples of 5 drafts" in done.stdout
    done = viscodex("data", "view", sound, "--files")
    assert done.stdout.split() == [str(sound / "gallery.html"), str(sound / "rejects.html")]
    done = viscodex(
        "data", "export", sound, "-f", "openai", "--category", "qa", "-o", tmp_path / "qa"
    )
    assert "1 samples" in done.stdout


def test_failures_are_listed_with_exit_status_1(unsound: Path) -> None:
    done = viscodex("data", "check", unsound, "--no-run")
    assert done.exit_code == 1
    assert "unknown_role" in done.stdout
    assert "7 failures" not in viscodex("data", "check", unsound, "--no-run", "--limit", "1").stdout


def test_import_prints_the_bad_rows(tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "category": "qa"}  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps([good, {**good, "category": "x"}, 3]))
    done = viscodex("data", "import", tmp_path / "rows.json", "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert "unknown_category" in done.stdout
    assert "1 samples kept, 2 rejected" in done.stdout
    (tmp_path / "cut.json").write_text(json.dumps([good, good])[:-9])
    done = viscodex("data", "import", tmp_path / "cut.json", "-o", tmp_path / "cut")
    assert (done.exit_code, "cut_off" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("stats", "none"), ("check", "none"), ("view", "none"), ("export", "none", "-f", "mcd", "-o", "x"),
        ("import", "none.json", "-o", "x"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_error(words: tuple[str, ...], tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "viscodex", "data", *words]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_view_serves_until_interrupted(sound: Path) -> None:
    argv = [sys.executable, "-m", "viscodex", "data", "view", str(sound)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as server:  # fmt: skip
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert b"chart-0000000" in answer.read()
        finally:
            server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 130
    assert "Traceback" not in errors

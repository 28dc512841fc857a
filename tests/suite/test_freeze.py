"""Frozen suites: only what holds, with hashes that tell of every change; read by `viscodex score`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.suite.drafts import PYTHON, judged_case, keyword_case, python_case
from viscodex.cli import app
from viscodex.errors import BadDataset, OutputRefused
from viscodex.suite.check import check_suite
from viscodex.suite.drafts import Drafts
from viscodex.suite.freeze import freeze_drafts
from viscodex.suite.layout import read_manifest
from viscodex.tasks.answers import read_answers
from viscodex.tasks.infibench import InfiBenchV
from viscodex.tasks.judge import judge_of
from viscodex.tasks.run import score_answers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three accepted drafts, a rejected one, an undecided one."""
    place = tmp_path_factory.mktemp("drafts")
    drafts = Drafts(place, make=True)
    (place / "tests").mkdir()
    (place / "tests" / "sum.py").write_text("assert total([5]) == 5\n")
    tested = PYTHON + "    - path: tests/sum.py\n"
    for draft in (
        keyword_case(place, status="accepted", prompt="Lines\n\n    with trailing  \n<image 1>"),
        python_case(place, status="accepted", grading=tested),
        judged_case(place, status="accepted"),
        keyword_case(place, "fe-0002", status="rejected", grading="nonsense"),
        keyword_case(place, "fe-0003", grading="nonsense"),
    ):
        drafts.add(draft)
    return place


@pytest.fixture(scope="module")
def frozen(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "suite"
    freeze_drafts(folder, out)
    return out


@pytest.fixture
def suite(frozen: Path, tmp_path: Path) -> Path:
    """A private copy."""
    place = tmp_path / "suite"
    shutil.copytree(frozen, place)
    return place


def test_a_frozen_suite_holds_what_was_accepted_and_nothing_else(frozen: Path) -> None:
    checked = check_suite(frozen)
    assert [case.id for case in checked.cases] == ["ds-0001", "fe-0001", "io-0001"]
    assert checked.problems == ()
    assert {v.answer: v.score for case in checked.cases for v in case.verdicts if case.id == "io-0001"} == {
        "reference": 1.0, "wrong": 0.1, "empty": 0.0,
    }  # fmt: skip
    manifest = read_manifest(frozen)
    assert manifest is not None
    assert manifest.counts["metric"] == {"judge": 1, "keywords": 1, "unit_test": 1}
    assert manifest.counts["licence"] == {"CC-BY-SA-4.0": 1}
    assert manifest.judged_by == ("an expert",)
    assert "https://example.org/q/1, A. Writer, CC-BY-SA-4.0" in (frozen / "SOURCES.md").read_text()
    case = yaml.safe_load((frozen / "cases" / "fe-0001.yaml").read_text())
    assert case["prompt"] == "Lines\n\n    with trailing  \n<image 1>"


def test_score_reads_it_with_its_own_answers_and_judge(frozen: Path, tmp_path: Path) -> None:
    task, benchmark = InfiBenchV(), InfiBenchV().read(frozen)
    judge = judge_of(f"recorded/{frozen / 'answers' / 'judge.jsonl'}")
    means = {}
    for name in ("reference", "wrong"):
        answers = read_answers(frozen / "answers" / f"{name}.jsonl")
        reports = score_answers(
            task, benchmark, answers, tmp_path / name, protocols=("strict",), workers=1, judge=judge
        )
        means[name] = reports["strict"].metrics["score"].all
    assert means == {"reference": 1.0, "wrong": pytest.approx(0.1 / 3)}


def test_equal_drafts_give_equal_bytes(folder: Path, frozen: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    freeze_drafts(folder, again)
    assert (again / "manifest.json").read_bytes() == (frozen / "manifest.json").read_bytes()


def test_each_change_of_a_frozen_suite_is_told(suite: Path) -> None:
    reference = suite / "answers" / "wrong.jsonl"
    reference.write_text(reference.read_text().replace("float: left", "flex-wrap: no, float: l"))
    (suite / "pictures" / "ds-0001-1.png").write_bytes(b"\x89PNG no")
    (suite / "extra.txt").write_text("x")
    (suite / "SOURCES.md").unlink()
    problems = "\n".join(check_suite(suite).problems)
    for told in (
        "answers/wrong.jsonl: has changed",
        "pictures/ds-0001-1.png: has changed",
        "extra.txt: is not in the manifest",
        "SOURCES.md: is missing",
        "ds-0001): images[0].sha256",
    ):
        assert told in problems


def test_answers_that_do_not_score_as_they_must_are_told(suite: Path) -> None:
    rows = {"reference": "Nothing to the point.", "wrong": "Use flex-wrap."}
    for name, text in rows.items():
        place = suite / "answers" / f"{name}.jsonl"
        lines = [json.loads(line) for line in place.read_text().splitlines()]
        told = [
            row | {"answer": text} if row["id"] == "fe-0001" else row
            for row in lines
            if row["id"] != "io-0001"
        ]
        place.write_text("".join(json.dumps(row) + "\n" for row in told))
    checked = check_suite(suite, frozen=False)
    problems = "\n".join(checked.problems)
    assert "fe-0001: the reference answer scores 0.00, not 1" in problems
    assert "fe-0001: the wrong answer scores 1.00, not below 0.5" in problems
    assert "io-0001: there is no reference answer" in problems


def test_one_accepted_case_that_does_not_hold_keeps_the_suite_from_being_written(
    folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "drafts"
    shutil.copytree(folder, place)
    drafts = Drafts(place)
    drafts.change("fe-0001", 1, "Ada", {"wrong": "flex-wrap it"})
    changed = drafts.read("io-0001").reference + " Now."
    drafts.change("io-0001", 1, "Ada", {"reference": changed})  # its mark is of another text
    with pytest.raises(BadDataset) as refused:
        freeze_drafts(place, tmp_path / "out")
    assert "fe-0001: the wrong answer scores 1.00" in refused.value.where
    assert (
        "io-0001: the reference answer is not graded: the record has no reply"
        in refused.value.where
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drafts"]
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    with pytest.raises(OutputRefused):
        freeze_drafts(place, tmp_path / "taken")


def test_nothing_accepted_and_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path, make=True)
    drafts.add(keyword_case(tmp_path))
    with pytest.raises(BadDataset, match="no case is accepted"):
        freeze_drafts(tmp_path, tmp_path / "out")
    grading = "unit_test: {lang: python, tests: [{path: ../secret.py}]}"
    drafts.add(replace(keyword_case(tmp_path, "fe-0002", grading=grading), status="accepted"))
    with pytest.raises(BadDataset, match="not there"):
        freeze_drafts(tmp_path, tmp_path / "out")


def test_the_commands(folder: Path, suite: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    done = run(app, ["suite", "check", str(suite), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["area"] == {"ds-ml": 1, "front-end": 1, "it-ops": 1}
    (suite / "extra.txt").write_text("x")
    done = run(app, ["suite", "check", str(suite)])
    assert done.exit_code == 1
    assert "extra.txt: is not in the manifest" in done.stdout
    assert run(app, ["suite", "freeze", str(suite)]).exit_code == 0
    assert "extra.txt" in (suite / "manifest.json").read_text()
    with pytest.raises(Exception, match="-o is missing"):
        run(app, ["suite", "freeze", str(folder)], catch_exceptions=False)


def test_a_language_that_this_machine_lacks_is_not_run_and_no_fault(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = suite / "cases" / "ds-0001.yaml"
    path.write_text(path.read_text().replace("lang: python", "lang: c#"))
    checked = check_suite(suite, frozen=False)
    assert checked.problems == ()
    assert list(checked.missing) == ["ds-0001"]
    done = CliRunner().invoke(app, ["suite", "freeze", str(suite), "--allow-missing"])
    assert done.exit_code == 0
    run = CliRunner().invoke
    assert run(app, ["suite", "check", str(suite)]).exit_code == 1
    assert run(app, ["suite", "check", str(suite), "--allow-missing"]).exit_code == 0

"""InfiBench's scores and MMCode's verdicts equal the official ones."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from viscodex.errors import MissingPart
from viscodex.execute import runtime
from viscodex.execute.program import find_tool, language_of
from viscodex.tasks import mmcode
from viscodex.tasks.cases import Case, CaseReader
from viscodex.tasks.grading import grade, reduce
from viscodex.tasks.handlers import Handler
from viscodex.tasks.mmcode import Problem
from viscodex.tasks.patterns import Fault
from viscodex.tasks.totals import CasePoints, totals
from viscodex.tasks.unit_tests import extract

OURS = Path(__file__).parents[1] / "golden"

# --- InfiBench ------------------------------------------------------------------------------------


def _handlers(folder: Path) -> dict[str, Handler]:
    """The handlers that synthetic cases name: part of the golden data, trusted like a test."""
    spec = importlib.util.spec_from_file_location("synhandlers", folder / "synhandlers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {f"synhandlers:{name}": value for name, value in vars(module).items() if callable(value)}


def _entries(goldens: Path) -> tuple[Path, list[dict[str, Any]]]:
    folder = goldens / "infibench"
    if not (folder / "golden.json").exists():
        pytest.skip(f"no {folder}/golden.json")
    entries: list[dict[str, Any]] = json.loads((folder / "golden.json").read_text("utf-8"))
    if goldens != OURS:
        ours = json.loads((OURS / "infibench" / "golden.json").read_text("utf-8"))
        known = {one["id"] for one in ours}
        entries = [one for one in entries if one["id"] not in known]
    return folder, entries


def _case(folder: Path, entry: dict[str, Any]) -> Case:
    file = folder / entry["case_yaml"]
    reader = CaseReader(file.parent, folder, official=True, handlers=_handlers(folder))
    return reader.read(yaml.safe_load(file.read_text("utf-8")))


def _lacks_r(entry: dict[str, Any]) -> bool:
    """Whether an answer needs a package of R that is not here."""
    needs = " ".join(entry.get("needs", ()))
    if "R package" not in needs or shutil.which("Rscript") is None:
        return False
    asked = (
        'quit(status = !all(sapply(c("assert", "tidyverse"), requireNamespace, quietly = TRUE)))'
    )
    return subprocess.run(["Rscript", "-e", asked], capture_output=True).returncode != 0


def _agrees(folder: Path, entry: dict[str, Any], **how: Any) -> str:
    """Empty, or what differs; "not run" where this machine lacks the language."""
    case = _case(folder, entry)
    try:
        found = grade(case, entry["response"], official=True, **how)
    except Fault as fault:
        return "" if entry["official"]["score"] is None else f"{entry['id']}: {fault}"
    if math.isnan(found.score):
        return "not run"
    if found.score != entry["official"]["score"]:
        return f"{entry['id']}: {found.score} {entry['official']['score']} {found.reason}"
    return ""


def test_infibench_scores_equal_the_official_ones(goldens: Path) -> None:
    folder, entries = _entries(goldens)
    quick = [one for one in entries if "unit_test" not in one["metrics"]]
    assert not [wrong for one in quick if (wrong := _agrees(folder, one))]
    assert len(quick) > 60


def test_infibench_code_is_taken_out_as_the_official_grader_does(goldens: Path) -> None:
    folder, entries = _entries(goldens)
    tested = [one for one in entries if one["official"].get("extracted_code")]
    for one in tested:
        case = _case(folder, one)
        lang = language_of(case.grading.unit_test_lang).name
        found = [extract(one["response"], lang, t) for t in case.grading.unit_test or ()]
        assert found == one["official"]["extracted_code"], one["id"]
    assert tested


def test_infibench_unit_tests_equal_the_official_verdicts(goldens: Path) -> None:
    """Answers that run into a limit officially get a tenth of it here: they still do."""
    folder, entries = _entries(goldens)
    tested = [one for one in entries if "unit_test" in one["metrics"] and not _lacks_r(one)]
    installed = runtime.install("chartmimic")  # pandas of the time
    said = [
        _agrees(
            folder,
            one,
            seconds=0.2 if "timeout" in one["kind"] else 1.0,
            python=str(installed.python),
        )
        for one in tested
    ]
    assert not [line for line in said if line not in ("", "not run")]
    for one in (one for one, line in zip(tested, said, strict=True) if line == "not run"):
        with pytest.raises(MissingPart):
            find_tool(language_of(_case(folder, one).grading.unit_test_lang).name)


def test_infibench_reductions_equal_the_official_ones(goldens: Path) -> None:
    file = goldens / "infibench" / "reduce.json"
    if not file.exists():
        pytest.skip(f"no {file}")
    for one in json.loads(file.read_text("utf-8")):
        score, std = reduce(one["mode"], one["scores"])
        assert (score, std) == (one["official"]["score"], one["official"]["std"])


def test_infibench_totals_equal_the_official_table(golden: Path) -> None:
    file = golden / "infibench" / "aggregate.json"
    if not file.exists():
        pytest.skip(f"no {file}")
    data = json.loads(file.read_text("utf-8"))
    found = totals([_points(case) for case in data["results"].values()])
    wanted = data["official_stats"]
    assert found["overall"]["score"] == wanted["tot_score"]
    assert found["overall"]["std"] == wanted["tot_std"]
    assert found["overall"]["full"] == wanted["tot_full_score"]
    for kind, official in (("lang", "perlang"), ("type", "perarea"), ("metric", "peritem")):
        for name, n in wanted[f"{official}_freq"].items():
            line = found[kind][name]
            assert (line["n"], line["full"]) == (n, wanted[f"{official}_full_score"][name])
            assert line["score"] == wanted[f"{official}_get_score"][name]
            assert line["std"] == wanted[f"{official}_get_score_std"][name]


def _points(case: dict[str, Any]) -> CasePoints:
    answers = []
    for detail in case["detail"]:
        names = [key.removesuffix("_totscore") for key in detail if key.endswith("_totscore")]
        answers.append(
            {
                case.get("real_metric_type", name) if name == "custom" else name: (
                    detail[f"{name}_score"],
                    detail[f"{name}_totscore"],
                )
                for name in names
            }
        )
    first = case["detail"][0]
    limits = first.get("max_score"), first.get("min_score")
    return CasePoints(case["lang"], case["type"], tuple(answers), case["full_score"], *limits)


# --- MMCode ---------------------------------------------------------------------------------------


def _mmcode(goldens: Path) -> dict[str, Any]:
    file = goldens / "mmcode" / "golden.json"
    if not file.exists():
        pytest.skip(f"no {file}")
    data: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return data


def test_mmcode_verdicts_equal_the_official_ones(goldens: Path) -> None:
    """All but those that run into the official 20 s; the next test has these, at a twentieth."""
    cases = [case for case in _mmcode(goldens)["exec"] if not case.get("slow")]
    wrong = []
    for case in cases:
        tests = json.loads(case["input_output"])
        problem = Problem(tuple(tests["inputs"]), tuple(tests["outputs"]), tests.get("fn_name"))
        verdict = mmcode.judge(problem, case["solution"], compat=True)
        official = case["official"]
        if (list(verdict.results), verdict.passed) != (official["results"], official["passed"]):
            wrong.append(f"{case['id']}: {verdict.results} {official}")
    assert not wrong
    assert cases


def test_mmcode_limits_give_the_official_verdicts(golden: Path) -> None:
    """Endless answers, at a twentieth of the official limits; sums of honest times are not scaled."""
    cases = [case for case in _mmcode(golden)["exec"] if case.get("slow")]
    endless = [case for case in cases if "while True" in case["solution"]]
    for case in endless:
        tests = json.loads(case["input_output"])
        problem = Problem(tuple(tests["inputs"]), tuple(tests["outputs"]), tests.get("fn_name"))
        verdict = mmcode.judge(problem, case["solution"], compat=True, seconds=1.0)
        assert list(verdict.results) == case["official"]["results"], case["id"]


@pytest.mark.parametrize("part", ["extract", "pass_at_k", "prompt", "aggregate"])
def test_mmcode_rules_equal_the_official_ones(golden: Path, part: str) -> None:
    for one in _mmcode(golden)[part]:
        if part == "extract":
            assert mmcode.extract(one["response"]) == one["official"]
        elif part == "pass_at_k":
            assert mmcode.pass_at_k(one["n"], one["c"], one["k"]) == one["official"]
        elif part == "prompt":
            problem = one["problem"]
            names = ("question", "input_output", "starter_code")
            assert mmcode.question_text(*(problem[name] for name in names)) == one["official"]
        else:
            tags = {name: problem["image_tags"] for name, problem in one["problems"].items()}
            found = {"all": mmcode.aggregate(one["results"], tags, one["k"]), "categories": {}}
            assert found == one["official"]

"""InfiBench and InfiBench-V: rules, case files read with suspicion, faults that stop nothing."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from viscodex.cli import app
from viscodex.errors import BadDataset
from viscodex.tasks import patterns, rouge
from viscodex.tasks.blanks import fill, grade_blanks, read_blanks
from viscodex.tasks.cases import CaseError, CaseReader
from viscodex.tasks.check import check_benchmark
from viscodex.tasks.condition import read_condition
from viscodex.tasks.grading import grade, reduce
from viscodex.tasks.infibench import InfiBench, InfiBenchV
from viscodex.tasks.keywords import grade_keywords, read_rule
from viscodex.tasks.patterns import Fault
from viscodex.tasks.task import Mark, Question
from viscodex.tasks.totals import CasePoints, totals
from viscodex.text import read_answer
from viscodex.types import Completion

# --- conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("context[-1] == 'match'", True),
        ("context[0].startswith('un') and not context[1] == 'unmatch'", True),
        ("context.count('match') >= 1", False),  # lists become text: use == on items
        ("len(context) == 2 or context[9]", True),
        ("ans.count('a') + 1 > 3 - 1", True),
        ("'banana' in ans", True),
        ("0 < len(ans) < 3", False),
    ],
)
def test_condition_is_a_small_part_of_python(text: str, value: bool) -> None:
    names = {"ans": "banana", "context": ["unmatch", "match"]}
    if "context.count" in text:
        assert isinstance(read_condition(text, ("context",)).holds(names), bool)
    else:
        assert read_condition(text, ("ans", "context")).holds(names) is value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "ans.__class__",
        "ans.format(1)",
        "[c for c in ans]",
        "(lambda: 1)()",
        "open('x')",
        "other == 1",
        "ans ** 9",
        "ans * 999999999",
        "f'{ans}'",
        "ans if ans else 1",
        "a b",
        "x" * 2000,
        "(" * 300 + ")" * 300,
    ],
)
def test_condition_refuses_all_else(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        read_condition(text, ("ans",))


# --- keywords -------------------------------------------------------------------------------------


def _keywords(
    rules: list[Any], response: str, official: bool = False
) -> tuple[float, float, list[str]]:
    return grade_keywords([read_rule(rule) for rule in rules], response, official=official)


def test_keywords_weights_negatives_and_clauses() -> None:
    rules = [
        "flex-wrap",
        {
            "content": {"or": [{"regex": True, "content": r"gap:\s*\d+px"}, "column-gap"]},
            "weight": 2.0,
        },
        {"content": "float:", "neg": True, "weight": 0.5},
    ]
    assert _keywords(rules, "flex-wrap; gap: 4px")[:2] == (3.0, 3.0)
    assert _keywords(rules, "flex-wrap; float: left")[:2] == (0.5, 3.0)
    assert _keywords(rules, "")[:2] == (0.0, 3.0)


def test_to_lower_of_a_pattern_spoils_classes_only_officially() -> None:
    rule = {"content": {"content": r"\S+Box", "regex": True}, "to_lower": True}
    assert _keywords([rule], "FLEXBOX", official=True)[0] == 0  # \s+box
    assert _keywords([rule], "FLEXBOX")[0] == 1


def test_to_lower_inside_of_a_clause_counts_only_by_our_rules() -> None:
    rule = {"content": {"content": "Grid", "to_lower": True}}
    assert (_keywords([rule], "GRID", official=True)[0], _keywords([rule], "GRID")[0]) == (0, 1)


@pytest.mark.parametrize(
    "rule", [{}, {"content": {}}, {"content": {"or": "x"}}, 3, None, {"content": 3}]
)
def test_what_is_no_rule_is_refused(rule: Any) -> None:
    with pytest.raises(ValueError, match=r"clause|keyword|lists"):
        read_rule(rule)


@given(st.lists(st.text(min_size=1, max_size=5), max_size=5), st.text(max_size=40))
def test_more_of_the_words_never_costs_points(words: list[str], text: str) -> None:
    assert _keywords(words, text)[0] <= _keywords(words, text + " ".join(words))[0] == len(words)


def test_a_pattern_that_explodes_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    with pytest.raises(Fault, match="took more than"):
        patterns.found(r"^(a|aa)+$", "a" * 60 + "b")


@pytest.mark.parametrize("pattern", ["(", "a{3,1}", "(?<=a+)b", "a++b++(?&x)"])
def test_a_bad_pattern_is_a_fault(pattern: str) -> None:
    with pytest.raises(Fault, match="bad pattern"):
        patterns.check(pattern)


# --- blanks, rouge --------------------------------------------------------------------------------


@given(st.text("xyz", min_size=1, max_size=8), st.text("xyz", min_size=1, max_size=8))
def test_a_filled_template_gives_back_its_fills(first: str, second: str) -> None:
    data = {"template": "Open [blank] and then press [blank] twice.", "targets": [first, second]}
    blanks = read_blanks(data, official=False)
    response = f"Open {first} and then press {second} twice."
    assert fill(blanks, response) == (1.0, [first, second])
    assert grade_blanks(blanks, response, official=False)[:2] == (2.0, 2.0)
    assert grade_blanks(blanks, "", official=False)[0] == 0.0


def test_a_mapping_as_target_means_what_it_says_only_by_our_rules() -> None:
    data = {
        "template": "It is [blank], I think so.",
        "targets": [{"content": {"or": ["red", "blue"]}}],
    }
    said = "It is blue, I think so."
    assert grade_blanks(read_blanks(data, official=True), said, official=True)[0] == 0
    assert grade_blanks(read_blanks(data, official=False), said, official=False)[0] == 1


def test_long_answers_are_aligned_in_no_time() -> None:
    import time

    template = "lorem ipsum " * 60 + "[blank] dolor sit amet"
    blanks = read_blanks({"template": template, "targets": ["x"]}, official=False)
    fill(blanks, "warm")
    start = time.process_time()
    fill(blanks, "lorem ipsum " * 500)
    assert time.process_time() - start < 2.0  # 4 million cells; a minute in plain Python


@given(st.text("ab \n", max_size=30))
def test_rouge_of_a_text_with_itself(text: str) -> None:
    n = len(rouge.tokens(text))
    for metric in rouge.METRICS:
        value = rouge.rouge(metric, text, text)
        if metric == "rougeLsum":
            assert 0 <= value <= 1
        else:
            assert value == (1.0 if n >= (2 if metric == "rouge2" else 1) else 0.0)


@given(st.text("abc \n", max_size=30), st.text("abc \n", max_size=30))
def test_rouge_is_a_share(one: str, other: str) -> None:
    assert all(0 <= rouge.rouge(metric, one, other) <= 1 for metric in rouge.METRICS)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_best_of_more_is_never_worse(scores: list[float]) -> None:
    means = [reduce(f"avg_max_{n}", scores)[0] for n in (1, len(scores))]
    assert means[0] <= means[1] + 1e-12
    assert means[1] == reduce("max", scores)[0] >= reduce("min", scores)[0]


def test_totals_of_one_answer_each() -> None:
    case = CasePoints("python", "code completion", ({"keywords": (1.0, 2.0)},), area="ds-ml")
    told = totals([case, case], 1)
    assert told["overall"] == {"n": 2, "score": 1.0, "std": 0.0, "full": 2.0}
    assert told["area"]["ds-ml"]["score"] == told["metric"]["keywords"]["score"] == 1.0


# --- InfiBench-V: case files ----------------------------------------------------------------------


def _png(color: str = "red") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(_png())
    (tmp_path / "ref.md").write_text("Use flex-wrap.")
    (tmp_path / "test.py").write_text("assert f(1) == 2\n")
    return tmp_path


def _data(name: str = "fe-1", **changes: Any) -> dict[str, Any]:
    return {
        "format": "infibench-v/1",
        "id": name,
        "area": "front-end",
        "lang": "python",
        "type": "code completion",
        "prompt": "Why does the box in <image 1> overlap?",
        "images": [{"path": "images/a.png", "sha256": hashlib.sha256(_png()).hexdigest(), "width": 8, "height": 6}],
        "grading": {
            "keywords": ["flex-wrap", {"content": "float:", "neg": True}],
            "unit_test": {"tests": [{"path": "test.py"}, {"content": "assert f(2) == 3"}]},
            "metric_weights": {"unit_test": 3},
        },
        **changes,
    }  # fmt: skip


def _write(suite: Path, *cases: dict[str, Any]) -> Path:
    (suite / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    return suite


def _score(place: Path, response: str, judge: Any = None) -> Any:
    task = InfiBenchV()
    benchmark = task.read(place)
    with task.scorer(benchmark, protocols=("strict",), judge=judge) as scorer:
        item = benchmark.items[0]
        return scorer.score(item, read_answer(item.id, Completion(response)))[0]


def test_case_of_infibench_v_is_graded(suite: Path) -> None:
    place = _write(suite, _data())
    good = "Use flex-wrap.\n```python\ndef f(x):\n    return x + 1\n```"
    score = _score(place, good)
    assert score.values == {"score": 1.0, "keywords": 1.0, "unit_test": 1.0}
    half = _score(place, good.replace("flex-wrap", "nothing"))
    assert half.values == {"score": 0.75, "keywords": 0.0, "unit_test": 1.0}
    assert _score(place, "").values["score"] == 0
    assert _score(place, "def f(x):\n    return x + 1").values["unit_test"] == 1.0  # unfenced
    cheat = "flex-wrap\n```python\nimport os\nos._exit(0)\n```"
    assert _score(place, cheat).values["unit_test"] == 0.0


def test_prompt_has_its_picture_where_it_says(suite: Path) -> None:
    (item,) = InfiBenchV().read(_write(suite, _data())).items
    assert item.prompt[1].content == "Why does the box in <image> overlap?"
    assert item.images[0].read() == _png()
    (item,) = InfiBenchV().read(_write(suite, _data(prompt="Why?"))).items
    assert item.prompt[1].content == "<image>\nWhy?"
    assert item.groups == {
        "lang": ("python",),
        "type": ("code completion",),
        "area": ("front-end",),
    }


def test_judged_case_without_a_judge_is_unscored_and_with_one_scored(suite: Path) -> None:
    class Half:
        settings: ClassVar[dict[str, Any]] = {}
        identity = "half"

        def mark(self, question: Question, protocol: str) -> Mark:
            assert question.texts["response"] == "x"
            return Mark({"correctness": 25.0, "completeness": 25.0})

    grading = {"judge": {"rubric": "correctness_completeness"}}
    place = _write(suite, _data(grading=grading, reference={"path": "ref.md"}))
    score = _score(place, "x")
    assert (score.status, score.reason) == ("unscored", "no judge is given")
    assert math.isnan(score.values["score"])
    assert _score(place, "x", Half()).values == {"score": 0.5, "judge": 0.5}
    assert _score(place, " ", Half()).values["score"] == 0.0  # nothing to ask about


def test_language_that_this_machine_lacks_is_not_run(suite: Path) -> None:
    place = _write(suite, _data(lang="vba", grading={"unit_test": {"tests": ["x"]}}))
    score = _score(place, "```\nx\n```")
    assert (score.status, math.isnan(score.values["score"])) == ("unscored", True)
    assert "not run" in score.reason


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "infibench-v/2"}, "format"),
        ({"area": "kitchen"}, "area: 'kitchen'"),
        ({"type": "riddle"}, "type"),
        ({"id": "a b"}, "id"),
        ({"colour": 1}, "colour: no such key"),
        ({"images": []}, "images: at least one"),
        ({"images": [{"path": "images/a.png", "sha256": "0" * 64}]}, "sha256"),
        ({"images": [{"path": "images/b.png", "sha256": ""}]}, "there is no file images/b.png"),
        ({"images": [{"path": "../a.png", "sha256": ""}]}, "leads out of the suite"),
        ({"images": [{"path": "/etc/passwd", "sha256": ""}]}, "leads out of the suite"),
        ({"prompt": 3}, "text is needed"),
        ({"full_score": "many"}, "a number is needed"),
        ({"samples": {"reduce": "median"}}, "median"),
        ({"grading": {}}, "one of keywords"),
        ({"grading": {"keywords": "x"}}, "a list is needed"),
        ({"grading": {"keywords": [{"content": {"content": "(", "regex": True}}]}}, "bad pattern"),
        ({"grading": {"keywords": [{"content": {"content": "a", "cond": "exit()"}}]}}, "not allowed"),
        ({"grading": {"blank_filling": {"template": "a [blank]", "targets": ["x"]}}}, "ends with a blank"),
        ({"grading": {"blank_filling": {"template": "[blank] a", "targets": []}}}, "1 blanks and 0"),
        ({"grading": {"unit_test": {"tests": [{"path": "none.py"}]}}}, "no file none.py"),
        ({"grading": {"unit_test": {"tests": [{"content": "x", "timetout": 3}]}}}, "timetout"),
        ({"grading": {"similarity": [{"metric": "bleu", "references": []}]}}, "bleu"),
        ({"grading": {"judge": {}}}, "reference: a judge needs one"),
        ({"grading": {"customized": {"module": "os", "func": "system"}}}, "no handler os:system"),
        ({"grading": {"keywords": ["a"], "combine": "product"}}, "combine"),
        ({"grading": {"keywords": ["a"], "metric_weights": {"luck": 1}}}, "luck"),
        ({"grading": {"keywords": ["a"], "max_score": 1}}, "only with combine: sum"),
    ],
)  # fmt: skip
def test_broken_case_is_refused_with_the_place(
    suite: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(CaseError) as caught:
        CaseReader(suite, suite, strict=True).read(_data(**changes))
    assert said in str(caught.value)


def test_every_broken_case_is_named_before_a_run(suite: Path) -> None:
    (suite / "bad.yaml").write_text("id: !!python/object/apply:os.system ['x']\n")
    cases = [_data("a"), _data("b", area="moon"), _data("c", format="x"), _data("a")]
    place = _write(suite, *cases)
    found = check_benchmark(place, "infibench_v")
    assert len(found.broken) == 4
    assert "no YAML that is safe" in found.broken["bad.yaml"]
    assert any("there twice" in why for why in found.broken.values())
    with pytest.raises(BadDataset, match="4 cases are broken") as caught:
        InfiBenchV().read(place)
    assert "moon" in str(caught.value)


def test_a_case_without_grading_is_broken_and_not_passed_over(suite: Path) -> None:
    case = {key: value for key, value in _data("a").items() if key != "grading"}
    (suite / "a.yaml").write_text(yaml.safe_dump(case))
    told = CliRunner().invoke(app, ["data", "check", str(suite), "--benchmark", "infibench_v"])
    assert told.exit_code == 1 and "a.yaml" in told.stdout and "1 broken" in told.stdout
    (suite / "a.yaml").unlink()
    _write(suite, _data("a"))
    told = CliRunner().invoke(app, ["data", "check", str(suite), "--benchmark", "infibench_v"])
    assert told.exit_code == 0 and "1 items read, 0 broken" in told.stdout


def test_a_picture_that_is_none_is_refused(suite: Path) -> None:
    (suite / "images" / "b.png").write_bytes(b"GIF89a no picture")
    digest = hashlib.sha256(b"GIF89a no picture").hexdigest()
    with pytest.raises(CaseError, match="no png"):
        CaseReader(suite, suite, strict=True).read(
            _data(images=[{"path": "images/b.png", "sha256": digest}])
        )


# --- InfiBench: suites ----------------------------------------------------------------------------


def _infibench(folder: Path) -> Path:
    (folder / "cases").mkdir()
    for n, grading in enumerate(
        [
            {"keywords": ["alpha"]},
            {"keywords": [{"content": {"content": "(", "regex": True}}]},
            {"similarity": [{"metric": "rouge1", "references": ["alpha beta gamma"]}]},
        ]
    ):
        case = {
            "id": f"0-0-{n}", "prompt_path": f"p{n}.txt", "type": TYPE, "lang": "python", "grading": grading
        }  # fmt: skip
        (folder / "cases" / f"eval_{n}.yaml").write_text(yaml.safe_dump(case))
        (folder / "cases" / f"p{n}.txt").write_text(f"Question {n}")
    paths = [f"cases/eval_{n}.yaml" for n in range(3)]
    suite = {"version": "9", "attempt_reduce_mode": "avg_max_2", "cases": [paths[0], {"path": paths[1], "weight": 3}, paths[2]]}  # fmt: skip
    (folder / "suite.yaml").write_text(yaml.safe_dump(suite))
    return folder


TYPE = "knowledge question-answering"


@pytest.mark.parametrize("form", ["file", "folder", "zip"])
def test_suite_is_read_as_published(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISCODEX_HOME", str(tmp_path / "home"))
    (tmp_path / "s").mkdir()
    place = _infibench(tmp_path / "s")
    if form == "file":
        place = place / "suite.yaml"
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
            for file in sorted(place.rglob("*")):
                archive.write(file, file.relative_to(place))
        place = tmp_path / "s.zip"
    benchmark = InfiBench().read(place)
    assert [item.id for item in benchmark.items] == ["0-0-0", "0-0-1", "0-0-2"]
    assert benchmark.settings == {"split": "", "version": "9", "reduce": "avg_max_2"}
    assert benchmark.items[0].prompt[1].content == "Question 0"
    assert "briefly" in benchmark.items[2].prompt[0].content
    assert "briefly" not in benchmark.items[0].prompt[0].content
    assert len(benchmark.notes) == 1


def test_a_faulty_case_leaves_the_table_officially_and_stops_nothing(tmp_path: Path) -> None:
    task = InfiBench()
    benchmark = task.read(_infibench(tmp_path))
    with task.scorer(benchmark, protocols=("paper", "strict")) as scorer:
        rows: dict[str, dict[str, list[Any]]] = {"paper": {}, "strict": {}}
        for item in benchmark.items:
            for attempt, text in enumerate(["alpha beta gamma", "no", "alpha"]):
                for score in scorer.score(
                    item, read_answer(item.id, Completion(text), "", attempt)
                ):
                    rows[score.protocol].setdefault(item.id, []).append(score)
    assert {s.status for s in rows["paper"]["0-0-1"]} == {"unscored"}
    assert "bad pattern" in rows["paper"]["0-0-1"][0].reason
    assert task.values(benchmark.items[0], rows["paper"]["0-0-0"])["score"] == 1.0
    told = task.totals(benchmark, rows["paper"], "paper")
    assert told["overall"]["full"] == 2.0
    assert told["metric"]["keywords"]["score"] == 1.0


def test_a_fault_while_grading_counts_zero_under_our_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    case = {
        "id": "a", "lang": "x", "type": TYPE, "prompt": "?",
        "grading": {"keywords": [{"content": {"content": "^(a|aa)+$", "regex": True}}]},
    }  # fmt: skip
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(case))
    task = InfiBench()
    benchmark = task.read(tmp_path)
    with task.scorer(benchmark, protocols=("paper", "strict")) as scorer:
        answer = read_answer("a", Completion("a" * 60 + "!"))
        paper, strict = scorer.score(benchmark.items[0], answer)
    assert (paper.status, math.isnan(paper.values["score"])) == ("unscored", True)
    assert (strict.status, strict.values["score"]) == ("error", 0.0)
    assert "took more than" in strict.reason


def test_several_suites_ask_for_one(tmp_path: Path) -> None:
    place = _infibench(tmp_path)
    (place / "dev.yaml").write_text((place / "suite.yaml").read_text())
    with pytest.raises(BadDataset, match="several suites"):
        InfiBench().read(place)
    assert len(InfiBench().read(place, "dev").items) == 3


def test_grade_of_nothing_to_get_is_a_fault() -> None:
    case = CaseReader(Path(), Path()).read(
        {
            "id": "a",
            "lang": "x",
            "prompt": "?",
            "grading": {"keywords": [{"content": "a", "neg": True}]},
        }
    )
    with pytest.raises(Fault, match="nothing to get"):
        grade(case, "b")

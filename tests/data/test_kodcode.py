"""Problem sets with tests of their own: the driver beside real pytest, rows, filters, a build."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.data.problem_set import SUBSETS, good_rows, odd_rows, write_parquet
from viscodex.data.build import build
from viscodex.data.check import check_dataset
from viscodex.data.draft import Exhausted, Machine, Unfit
from viscodex.data.kodcode.driver import driver_script, read_outcomes
from viscodex.data.kodcode.rows import ProblemRows
from viscodex.data.kodcode.source import KodCodeSource, declaration
from viscodex.data.kodcode.trial import hollow_programs
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset, read_rejects
from viscodex.errors import BadRecipe

SOLUTION = """
import math

class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        if not self.items:
            raise IndexError("pop from an empty stack")
        return self.items.pop()

def area(r):
    if r < 0:
        raise ValueError("negative radius")
    return math.pi * r * r

def greet(name):
    print(f"Hello {name}")
"""

TESTS = """
import unittest
import warnings
from math import inf, nan

import pytest
from pytest import approx
from solution import *
import solution

@pytest.fixture
def stack():
    s = Stack()
    s.push(1)
    yield s
    s.items.clear()

@pytest.fixture(name="two")
def make_two(stack):
    stack.push(2)
    return stack

def test_pop(stack):
    assert stack.pop() == 1

def test_fixture_of_a_fixture(two, stack):
    assert two is stack and two.items == [1, 2]

def test_wrong(stack):
    assert stack.pop() == 2

def test_raises():
    with pytest.raises(ValueError, match="negative"):
        area(-1)
    with pytest.raises((IndexError, KeyError)) as info:
        Stack().pop()
    assert "empty" in str(info.value)
    pytest.raises(ValueError, area, -2)

def test_does_not_raise():
    with pytest.raises(ValueError):
        area(1)

def test_raises_another():
    with pytest.raises(KeyError):
        area(-1)

def test_raises_another_text():
    with pytest.raises(ValueError, match="positive"):
        area(-1)

@pytest.mark.parametrize("r, wanted", [(1, 3.14159265), (2, 12.5663706), pytest.param(3, 0, id="wrong"), pytest.param(0, 9, marks=pytest.mark.skip)])
def test_area(r, wanted):
    assert area(r) == pytest.approx(wanted)

@pytest.mark.parametrize("a", [1, 2])
@pytest.mark.parametrize("b", [3, 4])
def test_grid(a, b):
    assert a < b

def test_approx():
    assert 0.1 + 0.2 == approx(0.3)
    assert [0.1 + 0.2, 1] == approx([0.3, 1.0])
    assert {"a": 1.0000001} == approx({"a": 1.0})
    assert 1.1 != approx(1.0)
    assert 100 == approx(101, abs=1)
    assert inf == approx(inf)
    assert nan != approx(nan)
    assert (1, 2) != approx((1, 2, 3))
    assert None == approx(None)

def test_approx_wrong():
    assert 1.01 == approx(1.0)

def test_capsys(capsys):
    greet("Ann")
    assert capsys.readouterr().out == "Hello Ann\\n"
    greet("Bob")
    out, err = capsys.readouterr()
    assert out.strip() == "Hello Bob" and err == ""

def test_monkeypatch(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *a: "7")
    assert input() == "7"
    monkeypatch.setattr(solution, "area", lambda r: 5)
    assert solution.area(1) == 5

def test_patch_is_undone():
    assert solution.area(1) != 5

def test_tmp_path(tmp_path):
    (tmp_path / "x").write_text("y")
    assert (tmp_path / "x").read_text() == "y"

def test_skips():
    pytest.skip("why not")

@pytest.mark.skip(reason="no")
def test_is_skipped():
    assert False

@pytest.mark.skipif(True, reason="no")
def test_is_skipped_too():
    assert False

@pytest.mark.skipif(False, reason="no")
def test_is_not_skipped():
    assert True

def test_fails():
    pytest.fail("because")

def test_exits():
    raise SystemExit(0)

def test_warns():
    with pytest.warns(UserWarning):
        warnings.warn("x")

class TestStack:
    def setup_method(self):
        self.stack = Stack()

    def test_push(self):
        self.stack.push(3)
        assert self.stack.items == [3]

    @pytest.mark.parametrize("item", [1, "a", None])
    def test_push_pop(self, item):
        self.stack.push(item)
        assert self.stack.pop() == item

    def test_wrong(self):
        assert self.stack.items

    def helper(self):
        assert False

class TestUnit(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()

    def test_empty(self):
        self.assertRaises(IndexError, self.stack.pop)

    def test_wrong(self):
        self.assertEqual(self.stack.items, [1])

    @unittest.skip("no")
    def test_skipped(self):
        self.fail()

def helper():
    assert False
"""


@pytest.fixture(scope="module")
def machine() -> Any:
    with Machine() as found:
        yield found


def _outcomes(machine: Machine, tests: str, *programs: str) -> tuple[tuple[str, ...], ...]:
    done = machine.charts.run(driver_script(tests, programs, 99, "nonce:"), images=False)
    assert done.status == "ok", done
    found = read_outcomes(done.stdout, "nonce:")
    assert found is not None
    return found.answers


def test_driver_agrees_with_pytest(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text(SOLUTION)
    (tmp_path / "test_solution.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "--tb=no"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    counts = dict(re.findall(r"(\d+) (passed|failed|skipped)", done.stdout.splitlines()[-1]))
    wanted = {name: int(n) for n, name in counts.items()}
    (mine,) = _outcomes(machine, TESTS, SOLUTION)
    assert Counter(one.partition(":")[0] for one in mine) == wanted
    assert wanted["passed"] >= 20 and wanted["failed"] >= 9 and wanted["skipped"] >= 5


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ("def test_a(request):\n    pass", "unsupported"),
        ("import pytest\n@pytest.fixture(params=[1])\ndef f(request):\n    return 1\ndef test_a(f):\n    pass", "unsupported"),
        ("async def test_a():\n    assert False", "unsupported"),
        ("import pytest\n@pytest.mark.parametrize('a', [1], indirect=True)\ndef test_a(a):\n    pass", "unsupported"),
        ("from solution import nothing", "error"),
        ("raise SystemExit", "error"),
        ("import pytest\n@pytest.mark.parametrize('a, b', [(1,)])\ndef test_a(a, b):\n    pass", "error"),
    ],
)  # fmt: skip
def test_what_the_driver_cannot_do_is_never_passed(
    machine: Machine, test: str, outcome: str
) -> None:
    (told,) = _outcomes(machine, test, "x = 1")
    assert [one.partition(":")[0] for one in told] == [outcome]


def test_programs_do_not_see_one_another(machine: Machine) -> None:
    tests = "from solution import f\nimport solution\n\ndef test_a():\n    assert f() == 1 and not hasattr(solution, 'g')\n"
    programs = ("def f(): return 1\ndef g(): pass", "def f(): return 1", "def f(): return 2")
    answers = _outcomes(machine, tests, *programs)
    assert [a[0].partition(":")[0] for a in answers] == ["failed", "passed", "failed"]


def test_hollow_programs_keep_names_and_arguments() -> None:
    made = hollow_programs(
        "class A:\n    def f(self, n):\n        return n\n\ndef g(x, y=1):\n    return x"
    )
    assert any("return None" in text for text in made)
    assert any("return n\n" in text and "return x" in text for text in made)
    assert all("def g(x, y=1)" in text for text in made)


# --- rows -----------------------------------------------------------------------------------------


def test_rows_of_parquet_and_lines_are_the_same_in_any_order(tmp_path: Path) -> None:
    rows = [{"subset": SUBSETS[i % 5], "style": "instruct", "question": f"q{i}"} for i in range(70)]
    write_parquet(tmp_path / "a.parquet", rows)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    of_parquet = ProblemRows(tmp_path / "a.parquet", 3, ("taco", "code contests"))
    of_lines = ProblemRows(tmp_path / "a.jsonl", 3, ("Taco", "Code_Contests"))
    assert len(of_parquet) == 28 == len(of_lines)
    mine = [of_parquet[i]["question"] for i in range(28)]
    assert mine == [of_lines[i]["question"] for i in range(28)]
    assert mine != sorted(mine, key=lambda q: int(q[1:]))
    assert {of_lines[i]["subset"] for i in range(28)} == {"Taco", "Code_Contests"}


def test_broken_line_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"question": "q"}\nno json\n\n{"question": "\xff"}\n')
    source = KodCodeSource(data=str(tmp_path / "a.jsonl"))
    assert len(source.rows) == 3
    for index in range(3):
        with pytest.raises(Unfit) as error:
            source.draft(index)
        assert error.value.filter == "bad_row"
    with pytest.raises(Exhausted):
        source.draft(3)


def test_unknown_subset_is_named_with_those_there_are(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [{"subset": "Taco", "style": "", "question": "q"}])
    with pytest.raises(BadRecipe, match="There are: Taco"):
        ProblemRows(tmp_path / "a.parquet", 0, ("Leetcode",))


INFO = [
    {"function_name": "helper", "parameter_list": "(a)", "function_declaration": "def helper(a):", "docstring": None},
    {"function_name": "solve", "parameter_list": "(n, k=2)", "function_declaration": "def solve(n, k=2):", "docstring": "Solve."},
]  # fmt: skip
CALL = "\n\nIt is called as:\n\n```python\ndef solve(n, k=2):\n```"


@pytest.mark.parametrize(
    ("info", "question", "told"),
    [
        (INFO, "Solve it.", CALL),  # the solution's own helper is not told
        (INFO, "Write solve(n, k).", ""),
        (INFO[1], "Solve it.", CALL),
        (json.dumps(INFO), "Solve it.", CALL),
        (None, "Solve it.", ""),  # as where the solution has classes
        ([], "Solve it.", ""),
        ([3, {"function_name": None}], "Solve it.", ""),
        ("no json", "Solve it.", ""),
    ],
)
@pytest.mark.parametrize("column", ["test", "test_code"])
def test_a_question_tells_how_the_tests_call_it(
    info: Any, question: str, told: str, column: str
) -> None:
    tests = "from solution import solve\n\ndef test_a():\n    assert solve(1) == 2\n"
    assert declaration(question, {"test_info": info, column: tests}) == told


# --- the source -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", odd_rows())
def test_what_becomes_of_an_odd_row(wanted: str, tmp_path: Path, machine: Machine) -> None:
    write_parquet(tmp_path / "a.parquet", [odd_rows()[wanted]])
    source = KodCodeSource(data=str(tmp_path / "a.parquet"), min_pass=0.5)
    wanted = {"ends_the_process": "execute", "never_ends": "execute", "lies": "execute"}.get(
        wanted, wanted
    )
    try:
        draft = source.draft(0)
        evidence = source.execute(draft, machine)
    except Unfit as error:
        assert error.filter == wanted
        return
    if evidence.executions[0].status != "ok":
        assert wanted == "execute", evidence.executions[0].reason
        return
    findings = {f.name: f.check(draft, evidence) for f in source.filters}
    objects = [name for name, finding in findings.items() if finding is not None]
    assert (objects[0] if objects else "kept") == wanted


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kodcode")
    rows = good_rows(110) + list(odd_rows().values())[1:9]
    write_parquet(folder / "set.parquet", rows)
    settings = {
        "data": str(folder / "set.parquet"),
        "subsets": SUBSETS,
        "min_pass": 0.5,
        "mutants": 4,
    }
    recipe = DataRecipe.model_validate(
        {
            "sources": {"kodcode": {"n": 100, "settings": settings, "tries": 2}},
            "filters": {"licences": ["cc-by-nc-4.0"]},
            "duplicates": None, "workers": 1, "samples_per_part": 50, "rounds": 1,
        }
    )  # fmt: skip
    report = build(recipe, folder / "out")
    assert report.n_samples >= 80, report.shortages()
    return folder / "out"


def test_build_of_a_problem_set(built: Path) -> None:
    dataset = open_dataset(built)
    sample = dataset[0]
    assert sample.meta["source"] == "KodCode" and sample.meta["licence"] == "CC-BY-NC-4.0"
    assert sample.meta["killed"] >= 0.5 and sample.meta["n_tests"] >= 2
    assert "from solution import" in json.loads(sample.tests)["pytest"]
    assert {s.meta["kind"].partition("/")[0] for s in dataset} == {s.lower() for s in SUBSETS}
    reasons = Counter(reject.filter for reject in read_rejects(built))
    wanted = {"hollow_tests", "few_tests", "execute", "bad_tests", "bad_row", "unsupported_tests", "hard_for_its_publisher"}  # fmt: skip
    assert wanted <= set(reasons), reasons
    card = (built / "README.md").read_text()
    assert "min_killed" in card and "hollow_tests" in card and "CC-BY-NC-4.0" in card


def test_check_runs_the_tests_of_the_set_again(built: Path) -> None:
    report = check_dataset(open_dataset(built), limit=12, workers=1)
    assert (report.n_tested, report.failures) == (12, ())

"""Programs in every language of this machine; the judges against what MMCode's checker said."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.errors import MissingPart
from viscodex.execute import sandbox
from viscodex.execute.program import (
    LANGUAGES,
    find_tool,
    judge_calls,
    judge_stdio,
    language_of,
    run_program,
    run_unit_test,
    same_output,
    same_value,
)
from viscodex.execute.sandbox import Limits

LIMITS = Limits(wall=60, cpu=10)

pytestmark = pytest.mark.skipif(
    sandbox.isolation().tier == "C", reason="this machine confines nothing"
)

ECHO = {
    "python": "print(input()[::-1])",
    "javascript": "console.log(require('fs').readFileSync(0, 'utf8').trim().split('').reverse().join(''))",
    "typescript": "const back: (s: string) => string = s => s.split('').reverse().join('')\nconsole.log(back('abc'))",
    "java": "import java.util.*;\npublic class Echo { static class In {} public static void main(String[] a) {\n"
    "System.out.println(new StringBuilder(new Scanner(System.in).next()).reverse()); } }",
    "c": '#include <stdio.h>\nint main(void) { char b[9]; scanf("%8s", b); printf("%c%c%c", b[2], b[1], b[0]); }',
    "c++": "#include <algorithm>\n#include <iostream>\nint main() { std::string s; std::cin >> s;\n"
    "std::reverse(s.begin(), s.end()); std::cout << s; }",
    "go": 'package main\nimport "fmt"\nfunc main() { var s string; fmt.Scan(&s)\n'
    "fmt.Println(string([]byte{s[2], s[1], s[0]})) }",
    "rust": "fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap();\n"
    'println!("{}", s.trim().chars().rev().collect::<String>()); }',
    "php": "<?php echo strrev(trim(fgets(STDIN)));",
    "r": 's <- readLines("stdin"); cat(rev(strsplit(s, "")[[1]]), sep = "")',
    "bash": "rev",
    "sql": "select 'cba';",
}  # fmt: skip
"""Reads abc, prints cba."""

BROKEN = {
    "python": "def f(:",
    "javascript": "function (",
    "typescript": "const x: = 1",
    "java": "class Main {",
    "c": "int main( {",
    "c++": "int main( {",
    "go": "package main\nfunc",
    "rust": "fn main( {",
    "php": "<?php function (",
    "r": "f <- function(",
    "bash": "if then",
    "sql": "selec 1;",
}


def _skip_without(language: str) -> None:
    try:
        find_tool(language_of(language).name)
    except MissingPart as missing:
        pytest.skip(missing.todo)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_reads_and_prints(language: str) -> None:
    _skip_without(language)
    done = run_program(ECHO[language], language, stdin="abc\n", limits=LIMITS)
    assert (done.status, done.stdout.strip(), done.stderr) == ("ok", "cba", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broken_program_is_an_error_with_the_compilers_words(language: str) -> None:
    _skip_without(language)
    done = run_program(BROKEN[language], language, limits=LIMITS)
    assert done.status == "error"
    assert done.stderr
    assert done.reason
    if LANGUAGES[language].compile:
        assert done.reason.startswith("does not compile")


@pytest.mark.parametrize(
    "name", ["py", "Python", "JS", "c/c++", " cpp ", "golang", "shell", "sqlite"]
)
def test_languages_have_their_usual_names(name: str) -> None:
    assert language_of(name).name in LANGUAGES


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(MissingPart, match="brainfuck"):
        run_program("+", "brainfuck")


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    find_tool.cache_clear()
    monkeypatch.setattr("viscodex.execute.program.shutil.which", lambda *_, **__: None)
    with pytest.raises(MissingPart, match="apt-get install golang-go"):
        run_program("package main", "go")
    find_tool.cache_clear()


def test_files_lie_beside_the_program() -> None:
    done = run_program("print(open('data/x.txt').read())", "python", files={"data/x.txt": b"hello"})
    assert done.stdout == "hello\n"


def test_compiling_and_running_have_limits_of_their_own() -> None:
    _skip_without("c")
    source = 'int main(void) { for (;;) __asm__ volatile(""); }'
    slow = run_program(source, "c", limits=Limits(wall=10, cpu=1))
    assert slow.status == "timeout"
    deep = "#define A(x) x x x x x x x x\nint main(void) { A(A(A(A(A(A(A(A(0;))))))))) }"
    done = run_program(deep, "c", compile_limits=Limits(wall=1, cpu=1, memory=256 << 20))
    assert done.status != "ok"
    assert done.reason.startswith("does not compile")


@pytest.mark.parametrize("language", ["javascript", "java"])
def test_memory_limits_hold_for_runtimes_that_reserve_much(language: str) -> None:
    _skip_without(language)
    code = {
        "javascript": "const x = []; for (;;) x.push(Buffer.alloc(1 << 20, 1))",
        "java": "import java.util.*; class Main { public static void main(String[] a) {\n"
        "List<byte[]> x = new ArrayList<>(); while (true) x.add(new byte[1 << 20]); } }",
    }[language]
    done = run_program(code, language, limits=Limits(wall=60, cpu=20, memory=256 << 20))
    assert done.status == "memory"


# --- MMCode ---------------------------------------------------------------------------------------


def _assert_agrees(case: dict[str, Any]) -> None:
    tests = json.loads(case["input_output"])
    code, inputs, outputs = case["solution"], tests["inputs"], tests["outputs"]
    if "fn_name" in tests:
        verdict = judge_calls(code, tests["fn_name"], inputs, outputs)
    else:
        verdict = judge_stdio(code, list(zip(inputs, outputs, strict=True)), compat=True)
    official = case["official"]
    assert (list(verdict.results), verdict.passed) == (official["results"], official["passed"])


_KEPT = json.loads((Path(__file__).parents[1] / "golden" / "mmcode" / "golden.json").read_text())


@pytest.mark.parametrize("case", _KEPT["exec"], ids=lambda case: case["id"])
def test_the_judge_agrees_with_mmcode(case: dict[str, Any]) -> None:
    _assert_agrees(case)


def test_the_judge_agrees_with_mmcode_on_all_golden_cases(golden: Path) -> None:
    file = golden / "mmcode" / "golden.json"
    if not file.exists():
        pytest.skip(f"no {file}")
    cases = json.loads(file.read_text())["exec"]
    quick = [case for case in cases if not case["slow"]]
    assert len(quick) > 40
    for case in quick:
        _assert_agrees(case)


def test_a_loop_in_one_test_leaves_the_other_results() -> None:
    code = "n = int(input())\nwhile n == 4:\n    pass\nprint(n * 2)\n"
    tests = [("3\n", "6\n"), ("4\n", "8\n"), ("5\n", "10\n")]
    assert judge_stdio(code, tests, compat=True, seconds=1).results == (True, -1, True)
    assert judge_stdio(code, tests, seconds=1).results == (True, -1, True)


def test_all_results_are_lost_beyond_the_time_of_all_tests() -> None:
    code = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.8:\n    pass\nprint(int(input()) * 2)\n"
    tests = [("3\n", "6\n")] * 4
    verdict = judge_stdio(code, tests, compat=True, seconds=1)
    assert verdict.results == (-1,) * 4
    assert verdict.execution.status == "timeout"


def test_a_program_as_it_stands_may_use_the_buffer_and_exit() -> None:
    code = "import sys\nprint(len(sys.stdin.buffer.read()))\nexit()\n"
    assert judge_stdio(code, [("abc", "3")]).results == (True,)
    assert judge_stdio(code, [("abc", "3")], compat=True).results == (-1,)


def test_other_languages_are_judged_by_the_same_rules() -> None:
    _skip_without("c")
    code = '#include <stdio.h>\nint main(void) { int n; scanf("%d", &n); if (n < 0) return 1; printf("%d.0\\n", n); }'
    assert judge_stdio(code, [("3", "3"), ("-1", "1"), ("4", "5")], "c").results == (
        True,
        -1,
        False,
    )
    assert judge_stdio("int main( {", [("3", "3")], "c").results == (-2,)


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("1 2 \n\n", "1 2", True),
        ("1 2", "1\n2", False),
        ("c b a", "a b c", True),
        ("b\na", "a\nb", True),
        ("1 2", "1 1 2", True),
        ("1.00049 x", "1.0001 x", False),
        ("1.00049 2", "1.0001 2", True),
        ("007", "7", True),
        ("Yes", "yes", False),
        ("1\n2\n3", "1\n2", False),
        ("nan", "nan", True),
        ("inf", "1e999", True),
        ("", "", True),
        ("", "0", False),
        ("1\n2", ["1", "2"], True),
    ],
)
def test_printed_text_is_compared_as_mmcode_does(printed: str, expected: Any, same: bool) -> None:
    assert same_output(printed, expected) is same


@pytest.mark.parametrize(
    ("answer", "expected", "same"),
    [
        (5, [5, 6, 7], True),
        ([5], [5], True),
        ((1, 2), [1, 2], True),
        ([(1, 2)], [[[1, 2]]], True),
        ([(1, 2)], [[1, 2]], False),
        (True, 1, True),
        ("3", 3, False),
        (0.1 + 0.2, 0.3, False),
        ({7: 1}, {"7": 1}, True),
        ({"a": 1}, {"a": 1}, True),
        (None, [], False),
    ],
)
def test_returned_values_are_compared_as_mmcode_does(
    answer: Any, expected: Any, same: bool
) -> None:
    assert same_value(answer, expected) is same


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_returned_values_come_back_unchanged(value: Any) -> None:
    from viscodex.execute.harness import _plain
    from viscodex.execute.program import _value

    back = _value(json.loads(json.dumps(_plain(value, 0))), 100)
    assert repr(back) == repr(value)


def test_values_of_other_kinds_come_back_as_mmcode_sees_them() -> None:
    code = """
def f(kind):
    return {'big': 10 ** 5000, 'fraction': fractions.Fraction(1, 2), 'numpy': np.int64(5),
            'array': np.array([1, 2]), 'set': {1}, 'counter': Counter('aab')}[kind]
"""
    kinds = ["big", "fraction", "numpy", "array", "set", "counter"]
    expected = [10**5000, 0.5, 5, [1, 2], [1], [{"a": 2, "b": 1}]]
    verdict = judge_calls(code, "f", [[kind] for kind in kinds], expected)
    assert verdict.results == (True, True, True, -1, False, True)


# --- InfiBench ------------------------------------------------------------------------------------

ADD = {
    "python": ("def add(a, b):\n    return a + b", "assert add(1, 2) == 3", "import os; os._exit(0)"),
    "javascript": (
        "function add(a, b) { return a + b }",
        "require('assert').equal(add(1, 2), 3); setTimeout(() => {}, 10)",
        "process.exit(0)",
    ),
    "typescript": (
        "function add(a: number, b: number) { return a + b }",
        "if (add(1, 2) != 3) throw new Error()",
        "process.exit(0)",
    ),
    "java": (
        "class Sum { static int add(int a, int b) { return a + b; } /**/ }",
        "public class Main { public static void main(String[] a) {\n"
        "if (Sum.add(1, 2) != 3) throw new RuntimeException(); } }",
        "static { System.exit(0); }",
    ),
    "c++": (
        "#include <cstdlib>\nint add(int a, int b) { return a + b; }",
        "#include <cassert>\nint main() { assert(add(1, 2) == 3); }",
        "struct S { S() { std::exit(0); } } s;",
    ),
    "go": (
        'package main\nimport "os"\nvar _ = os.Args\nfunc add(a int, b int) int { return a + b }',
        'func main() { if add(1, 2) != 3 { panic("no") } }',
        "func init() { os.Exit(0) }",
    ),
    "rust": (
        "fn add(a: i32, b: i32) -> i32 { return a + b; }",
        "fn main() { assert_eq!(add(1, 2), 3); }",
        "",
    ),
    "php": ("<?php function add($a, $b) { return $a + $b; }", "if (add(1, 2) != 3) exit(1);", "exit(0);"),
    "r": ("add <- function(a, b) a + b", "stopifnot(add(1, 2) == 3)", "quit(status = 0)"),
    "bash": ("add() { echo $(($1 + $2)); }", '[ "$(add 1 2)" = 3 ] || exit 1', "exit 0"),
}  # fmt: skip
"""Answer, test, and what an answer says to end before its test."""


@pytest.mark.parametrize("language", ADD)
def test_a_unit_test_is_passed_failed_and_not_cheated(language: str) -> None:
    _skip_without(language)
    code, test, leave = ADD[language]
    for compat in (True, False):
        good = run_unit_test(code, test, language, compat=compat)
        assert (good.status, good.reason) == ("ok", "")
        wrong = run_unit_test(code.replace("a + b", "a - b").replace("$1 +", "$1 -").replace("$a +", "$a -"), test, language, compat=compat)  # fmt: skip
        assert wrong.status == "error"
    if leave:
        early = code.replace("/**/", leave) if "/**/" in code else f"{code}\n{leave}"
        done = run_unit_test(early, test, language)
        assert (done.status, done.reason) == ("error", "ended before its end")


def test_c_is_tested_as_c_plus_plus() -> None:
    _skip_without("c++")
    assert (
        run_unit_test("int f() { return 1; }", "int main() { return f() - 1; }", "c").status == "ok"
    )


@pytest.mark.parametrize(
    "code",
    [
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int",
        "import asyncio\nasync def f(): await asyncio.sleep(0)\nasyncio.run(f())",
        "import numpy as np\nx = np.linspace(0, 1, 5).sum()",
        "import re, json, logging, collections, functools, itertools, decimal, unittest, typing",
        "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
        "import subprocess\nsubprocess.run(['true'], check=True)",
        "import tempfile, shutil, os\nwith tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').write('x')",
        "import warnings\nwarnings.warn('x')\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    import traceback; traceback.print_exc()",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select 1')",
        "import multiprocessing",
        "import pickle\npickle.loads(pickle.dumps({'a': [1]}))",
        "import sys\nsys.setrecursionlimit(5000)\ndef f(n): return n and f(n - 1)\nf(4000)",
    ],
)  # fmt: skip
def test_honest_python_passes_its_tests(code: str) -> None:
    done = run_unit_test(code, "assert True", "python")
    assert (done.status, done.reason) == ("ok", ""), done.stderr


def test_python_is_not_main_as_infibench_has_it() -> None:
    code = "if __name__ == '__main__':\n    raise SystemError"
    assert run_unit_test(code, "pass", "python").status == "ok"


@pytest.mark.parametrize("ending", ["raise ValueError('no')", "raise SystemExit(0)", "assert 0"])
def test_any_exception_fails_a_python_test(ending: str) -> None:
    for compat in (True, False):
        assert run_unit_test("x = 1", ending, "python", compat=compat).status == "error"


def test_a_unit_test_finds_its_files_and_modules() -> None:
    test = textwrap.dedent("""
        import helper
        assert helper.x == 1 and open('data.txt').read() == 'hello'
    """)
    files = {"helper.py": b"x = 1", "data.txt": b"hello"}
    assert run_unit_test("", test, "python", files=files).status == "ok"


# --- answers that send what no value is -----------------------------------------------------------

NO_VALUES = {
    "a ratio over zero": "class F(__import__('fractions').Fraction):\n"
    "    def as_integer_ratio(s): return (1, 0)\n"
    "def f(x): return F(1, 2)",
    "a number that is a word": "import decimal\n"
    "class D(decimal.Decimal):\n"
    "    def is_finite(s): return False\n"
    "    def __str__(s): return 'boo'\n"
    "def f(x): return D(1)",
    "a key that cannot be one": "class T(tuple):\n"
    "    def __hash__(s): return 1\n"
    "def f(x): return {T([[]]): 1}",
    "a table of colliding keys": "class D(dict):\n"
    "    def items(self): return ((k * (2**61 - 1), 0) for k in range(1, 100000))\n"
    "def f(x): return D()",
}


@pytest.mark.parametrize("code", NO_VALUES.values(), ids=NO_VALUES)
def test_an_answer_that_sends_no_value_is_wrong_and_raises_nothing(code: str) -> None:
    for expected in (1, {"a": 1}):
        verdict = judge_calls(code, "f", [[1]], [expected])
        assert not verdict.passed and len(verdict.results) == 1


def test_tables_are_still_compared() -> None:
    code = "def f(n): return {f'k{i}': {'x': i} for i in range(n)}"
    expected = {f"k{i}": {"x": i} for i in range(5)}
    assert judge_calls(code, "f", [[5]], [[expected]]).passed
    assert not judge_calls(code, "f", [[6]], [[expected]]).passed


def test_inputs_and_outputs_go_in_pairs() -> None:
    with pytest.raises(ValueError, match="2 inputs and 1 outputs"):
        judge_calls("def f(x): return x", "f", [[1], [2]], [1])


def test_javascript_that_returns_early_proves_nothing() -> None:
    _skip_without("javascript")
    assert run_unit_test("return;", "throw new Error('no')", "javascript").status == "error"
    assert (
        run_unit_test("var a = 1;", "if (a !== 1) throw new Error('no')", "javascript").status
        == "ok"
    )


@pytest.mark.parametrize(
    "files", [{"a": b"", "a/b": b""}, {"n" * 300: b""}, {"big": bytes(70 << 20)},
              {f"f{i}": b"" for i in range(2000)}], ids=["clash", "name", "size", "number"],
)  # fmt: skip
def test_files_that_cannot_be_given_are_the_callers_error(files: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=r"file|name"):
        run_program("print(1)", "python", files=files)

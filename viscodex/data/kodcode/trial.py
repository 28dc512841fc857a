"""What tests say of a solution, of faulty ones and of empty ones.

in:  a solution, its tests (pytest, or input and output), a Machine
out: Trial: whether the solution passes, and whether anything else would, too
not covered: rows (rows.py), samples (source.py)

Tests that an empty program passes prove nothing, and neither do those that no fault fails (DeMillo,
Lipton, Sayward 1978). All programs of a problem run in one sandbox.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viscodex.data.draft import Machine
from viscodex.data.kodcode.driver import Outcomes, driver_script, read_outcomes
from viscodex.data.problems.draw import Draw
from viscodex.data.problems.mutate import counted, mutants
from viscodex.data.problems.trial import read_trial, trial_script
from viscodex.execute.program import same_output
from viscodex.syntax import parse
from viscodex.types import Execution

HOLLOW = ("None", "0", "1", "True", "False", "''", "[]", "{}")
"""What empty solutions return, each all the time; one more returns its first argument."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of all programs."""

    execution: Execution  # of the sandbox
    passed: int  # tests that the solution passes
    failure: str = ""  # the first test that it does not pass; or what is wrong with the tests
    unsupported: bool = False
    hollow: float = 0.0  # largest share of the tests that an empty program passes
    killed: float = 0.0  # share of the faulty programs that a test notices
    tried: int = 0  # faulty programs


def try_tests(
    code: str, tests: str | dict[str, Any], machine: Machine, draw: Draw, n_mutants: int
) -> Trial:
    """Run the tests against the solution, against empty and against faulty ones.

    Args:
        tests: text for pytest that imports `solution`; or {"inputs": [...], "outputs": [...]} of
            programs that read standard input.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: the solution is no Python.
    """
    faulty = [counted(mutant) for mutant in mutants(code, draw, n_mutants)]
    stdio = isinstance(tests, dict)
    empty = _silent(tests["outputs"]) if isinstance(tests, dict) else hollow_programs(code)
    programs = [counted(code), code, *empty, *faulty]  # the first cannot run for ever
    first_faulty = 2 + len(
        empty
    )  # of an empty one all tests are asked, of a faulty one till it fails
    if isinstance(tests, dict):
        script = trial_script(programs, tests["inputs"], None, first_faulty)
    else:
        nonce = hashlib.sha256(f"{code}\0{tests}".encode("utf-8", "replace")).hexdigest()[:16]
        script = driver_script(tests, programs, first_faulty, nonce, guarded=True)
    done = machine.charts.run(script, images=False)
    if done.status != "ok":
        return Trial(done, 0, done.reason or done.status)
    found = (
        _stdio_outcomes(done.stdout, tests["outputs"])
        if isinstance(tests, dict)
        else read_outcomes(done.stdout, nonce)
    )
    if found is None or len(found.answers) != len(programs):
        return Trial(done, 0, "the tests ended the program that ran them")
    return _judged(done, found, len(empty), stdio)


def _judged(done: Execution, found: Outcomes, n_empty: int, stdio: bool) -> Trial:
    again, own = found.answers[:2]
    told = [one for one in own if one != "skipped"]
    passed = sum(one == "passed" for one in told)
    wrong = next((one for one in (*again, *told) if one not in ("passed", "skipped")), "")
    unsupported = any(one.startswith("unsupported") for one in again)
    empty, faulty = found.answers[2 : 2 + n_empty], found.answers[2 + n_empty :]
    shares = [sum(one == "passed" for one in each) / max(1, passed) for each in empty]
    noticed = sum(not _passes(each, passed) for each in faulty)
    return Trial(
        execution=done,
        passed=passed,
        failure=wrong,
        unsupported=unsupported,
        hollow=max(shares, default=0.0),
        killed=noticed / len(faulty) if faulty else 0.0,
        tried=len(faulty),
    )


def _passes(outcomes: Sequence[str], passed: int) -> bool:
    told = [one for one in outcomes if one != "skipped"]
    return len(told) == passed and all(one == "passed" for one in told)


def _stdio_outcomes(printed: str, outputs: Sequence[str]) -> Outcomes | None:
    trial = read_trial(printed)
    if trial is None:
        return None

    def outcome(answer: dict[str, Any], wanted: str) -> str:
        if "error" in answer:
            return f"failed: {answer['error']}"
        return "passed" if same_output(answer["output"], wanted) else "failed: another output"

    answers = []
    for each in trial.answers:
        told = [outcome(a, w) for a, w in zip(each, outputs, strict=False)]
        answers.append((*told, *["failed: did not end"] * (len(outputs) - len(told))))
    return Outcomes(tuple(answers), trial.ticks)


# --- empty programs -------------------------------------------------------------------------------


def hollow_programs(code: str) -> list[str]:
    """The solution with every function and method emptied, once for each value that it may return."""
    made = []
    whole = parse(code)
    for value in (*HOLLOW, ""):
        tree = copy.deepcopy(whole)
        outer = list(tree.body)
        outer += [n for c in outer if isinstance(c, ast.ClassDef) for n in c.body]
        for node in outer:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = [_return(node, value)]
        made.append(ast.unparse(ast.fix_missing_locations(tree)))
    return list(dict.fromkeys(made))


def _return(node: ast.FunctionDef | ast.AsyncFunctionDef, value: str) -> ast.stmt:
    if node.name == "__init__":
        return ast.Pass()
    names = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
    text = value or (names[0] if names else "None")
    return ast.Return(parse(text, "eval").body)


def _silent(outputs: Sequence[str]) -> list[str]:
    """Programs that read nothing: one prints nothing, one always the commonest output."""
    common = max(outputs, key=list(outputs).count) if outputs else ""
    return ["pass\n", f"print({common!r})\n"]


def tests_text(tests: str | dict[str, Any]) -> str:
    """What stands in a sample: MMCode's layout, or {"pytest": text}."""
    return json.dumps(tests if isinstance(tests, dict) else {"pytest": tests})

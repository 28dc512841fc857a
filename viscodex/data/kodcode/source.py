"""The algorithm source over a problem set with tests: what its own tests verify, and nothing else.

in:  rows in KodCode's layout
out: drafts, their evidence, the samples told of them; the filters with named thresholds
not covered: reading files (rows.py), running tests (trial.py)
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from viscodex.data.draft import Draft, Evidence, Exhausted, Filter, Finding, Machine, Unfit
from viscodex.data.kodcode.rows import ProblemRows
from viscodex.data.kodcode.trial import tests_text, try_tests
from viscodex.data.problems.draw import Draw, draw_for
from viscodex.data.settings import settings_of
from viscodex.errors import BadInput, BadRecipe
from viscodex.syntax import parse
from viscodex.text import read_answer
from viscodex.types import Category, Completion, Message, Sample

DEFAULTS: dict[str, Any] = {
    "data": "",  # file or folder: parquet, JSON lines
    "subsets": (),  # empty: all
    "styles": (),  # instruct, complete, online_judge; empty: all
    "answer": "",  # column of a whole answer (r1_solution); empty: the solution in a fence
    "licence": "CC-BY-NC-4.0",  # of the data set, as its card says it
    "origin": "KodCode",
    "min_pass": 0.0,  # share of the publisher's own trials that passed
    "min_tests": 2,
    "mutants": 8,  # faulty solutions tried
    "min_killed": 0.5,  # share of them that the tests must notice
    "max_hollow": 0.5,  # share of the tests that an empty solution may pass
    "max_statement_chars": 6_000,
    "max_answer_chars": 16_000,
    "kinds": (),
}
COLUMNS = (
    "question", "solution", "test", "test_code", "test_info", "test_entry_point", "subset", "style",
    "question_id", "conversation_id", "gpt_difficulty", "gpt_pass_percentage",
)  # fmt: skip
_DIFFICULTY = {"easy": 0.25, "medium": 0.5, "hard": 0.8}
_INPUTS, _OUTPUTS = ("inputs", "stdin", "input"), ("outputs", "stdout", "output")


class KodCodeSource:
    """Problems of a set with tests.

    Args:
        seed: of the order and of the faults.
        settings: see DEFAULTS; unknown names are refused.

    Raises:
        BadRecipe: a setting, subset or style that there is not.
        BadInput: no such file, or not of this layout.
    """

    name = "kodcode"
    category: Category = "algorithm"

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.seed = seed
        self.settings: Mapping[str, Any] = settings_of(self.name, seed, settings, DEFAULTS, ())
        if not self.settings["data"]:
            raise BadRecipe("the kodcode source needs its files", "settings.data")
        self._rows: ProblemRows | None = None
        self.filters = _filters(self.settings)

    @property
    def rows(self) -> ProblemRows:
        """The rows, which are looked through when the first is wanted."""
        if self._rows is None:
            own = self.settings
            columns = (*COLUMNS, own["answer"]) if own["answer"] else COLUMNS
            self._rows = ProblemRows(
                Path(own["data"]).expanduser(), self.seed, own["subsets"], own["styles"], columns
            )
        return self._rows

    def draft(self, index: int) -> Draft:
        """The row at a place of the drawn order.

        Raises:
            Exhausted: there are no more.
            Unfit: it cannot become a sample.
        """
        if index >= len(self.rows):
            raise Exhausted
        try:
            row = self.rows[index]
        except BadInput as error:
            raise Unfit("bad_row", f"{error.what}: {error.where}"[:300]) from None
        question, code, answer = self._texts(row)
        share = row.get("gpt_pass_percentage")
        if isinstance(share, int | float) and share < self.settings["min_pass"]:
            raise Unfit("hard_for_its_publisher", f"{share:.0%} of the trials passed")
        return Draft(
            id=f"{self.name}-{index:07d}",
            category=self.category,
            kind=f"{row.get('subset') or 'unknown'}/{row.get('style') or 'unknown'}".lower(),
            code=code,
            language="python",
            difficulty=_DIFFICULTY.get(str(row.get("gpt_difficulty")).lower(), 0.5),
            seed=self.seed,
            facts={
                "question": question,
                "answer": answer,
                "tests": tests_of(row),
                "origin_id": str(row.get("question_id") or row.get("conversation_id") or ""),
                "file": row["file"],
                "row": row["row"],
                "pass": share,
            },
        )

    def _texts(self, row: Mapping[str, Any]) -> tuple[str, str, str]:
        """(question, code, answer) of a row."""
        question, code = row.get("question"), row.get("solution")
        if not isinstance(question, str) or not question.strip():
            raise Unfit("bad_row", "no question")
        answer = row.get(self.settings["answer"]) if self.settings["answer"] else None
        if self.settings["answer"]:
            if not isinstance(answer, str) or not answer.strip():
                raise Unfit("bad_row", f"no {self.settings['answer']}")
            code = read_answer("", Completion(answer), "python").code
        if not isinstance(code, str) or not code.strip():
            raise Unfit("bad_row", "no solution")
        code = code.replace("\r\n", "\n").strip("\n") + "\n"
        try:
            parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise Unfit("bad_row", f"the solution is no Python: {error}"[:200], code=code) from None
        question = question.strip() + declaration(question, row)
        return question, code, answer or f"```python\n{code.rstrip()}\n```"

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """The tests against the solution, empty and faulty ones."""
        tests, draw = draft.facts["tests"], _draw(self.seed, draft)
        trial = try_tests(draft.code, tests, machine, draw, self.settings["mutants"])
        if trial.unsupported:
            raise Unfit("unsupported_tests", trial.failure, code=draft.code)
        done = trial.execution
        if trial.failure:
            status = done.status if done.status != "ok" else "error"
            done = replace(done, status=status, reason=trial.failure[:300])
        numbers = {
            "tests": float(trial.passed),
            "hollow": trial.hollow,
            "killed": trial.killed,
            "mutants": float(trial.tried),
        }
        return Evidence((done,), (), numbers)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The one sample of a row."""
        facts, own = draft.facts, self.settings
        meta = {
            "source": own["origin"],
            "licence": own["licence"],
            "kind": draft.kind,
            "seed": draft.seed,
            "difficulty": draft.difficulty,
            "origin_id": facts["origin_id"],
            "file": facts["file"],
            "row": facts["row"],
            "n_tests": int(evidence.numbers["tests"]),
            "killed": round(evidence.numbers["killed"], 3),
            "mutants": int(evidence.numbers["mutants"]),
        }
        if facts["pass"] is not None:
            meta["pass"] = facts["pass"]
        sample = Sample(
            id=draft.id,
            category=self.category,
            messages=(Message("user", facts["question"]), Message("assistant", facts["answer"])),
            task="code",
            reference=draft.code,
            language="python",
            tests=tests_text(facts["tests"]),
            meta=meta,
        )
        return (sample,)


def _draw(seed: int, draft: Draft) -> Draw:
    return draw_for(seed, "kodcode", int(draft.id.rpartition("-")[2]))


def declaration(question: str, row: Mapping[str, Any]) -> str:
    """How the tests call the solution, where the question does not say it.

    `test_info` has every function of the solution (KodCode's pipeline/utils.py); what the tests do
    not name is the solution's own business.
    """
    info = row.get("test_info")
    if isinstance(info, str):
        try:
            info = json.loads(info)
        except ValueError:
            info = None
    tests = str(row.get("test") or row.get("test_code") or "")
    lines, names = [], []
    for one in [info] if isinstance(info, Mapping) else info if isinstance(info, list) else []:
        name = str(one.get("function_name") or "") if isinstance(one, Mapping) else ""
        if name and re.search(rf"\b{re.escape(name)}\b", tests):
            names.append(name)
            lines.append(str(one.get("function_declaration") or "").strip())
    lines = [line for line in lines if line]
    if not lines and isinstance(row.get("test_entry_point"), str):
        lines = names = [row["test_entry_point"]] if row["test_entry_point"] else []
    if not lines or all(name in question for name in names):
        return ""
    told = "\n".join(lines)
    return f"\n\nIt is called as:\n\n```python\n{told}\n```"


def tests_of(row: Mapping[str, Any]) -> str | dict[str, list[str]]:
    """The tests of a row: text for pytest, or inputs and outputs.

    Raises:
        Unfit: there are none, or they cannot be read.
    """
    given = row.get("test") or row.get("test_code")
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = (
                ast.literal_eval(parse(given.lstrip(" \t"), "eval"))
                if "'" in given[:12]
                else json.loads(given)
            )
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise Unfit("bad_tests", "neither pytest nor inputs and outputs") from None
    if isinstance(given, Mapping):
        inputs = next((given[name] for name in _INPUTS if name in given), None)
        outputs = next((given[name] for name in _OUTPUTS if name in given), None)
        if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
            return {
                "inputs": [str(one) for one in inputs],
                "outputs": [str(one) for one in outputs],
            }
        raise Unfit("bad_tests", f"keys {', '.join(map(str, given))}"[:200])
    if not isinstance(given, str) or not given.strip():
        raise Unfit("bad_tests", "no tests")
    try:
        parse(given)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unfit("bad_tests", f"the tests are no Python: {error}"[:200]) from None
    return given.replace("\r\n", "\n")


def _filters(settings: Mapping[str, Any]) -> tuple[Filter, ...]:
    """In the order in which they are asked; the first ones object while a draft is made."""

    def never(draft: Draft, evidence: Evidence) -> Finding | None:
        return None

    def named(*names: str) -> dict[str, Any]:
        return {name: settings[name] for name in names}

    def few(draft: Draft, evidence: Evidence) -> Finding | None:
        n, least = evidence.numbers["tests"], settings["min_tests"]
        return None if n >= least else Finding("too few tests", {"tests": n, "min_tests": least})

    def hollow(draft: Draft, evidence: Evidence) -> Finding | None:
        share, most = evidence.numbers["hollow"], settings["max_hollow"]
        if share <= most and share < 1:
            return None
        return Finding(
            f"an empty solution passes {share:.0%} of the tests",
            {"hollow": share, "max_hollow": most},
        )

    def killed(draft: Draft, evidence: Evidence) -> Finding | None:
        share, least = evidence.numbers["killed"], settings["min_killed"]
        if share > 0 and share >= least:
            return None
        return Finding("too few faulty solutions fail", {"killed": share, "min_killed": least})

    def length(draft: Draft, evidence: Evidence) -> Finding | None:
        for what, limit in (("question", "max_statement_chars"), ("answer", "max_answer_chars")):
            if (size := len(draft.facts[what])) > settings[limit]:
                return Finding(f"a long {what}", {"chars": size, "max": settings[limit]})
        return None

    return (
        Filter("bad_row", "A row has question, solution in Python, and what the recipe asks for.", never),
        Filter("bad_tests", "Tests are Python for pytest, or inputs and outputs.", never),
        Filter("unsupported_tests", "Tests use no more of pytest than the driver knows.", never),
        Filter("hard_for_its_publisher", "The publisher's own trials passed often enough.", never, named("min_pass")),
        Filter("long_statement", "A statement must leave room for the answer.", length, named("max_statement_chars", "max_answer_chars")),
        Filter("few_tests", "A single test proves little.", few, named("min_tests")),
        Filter("hollow_tests", "Tests that an empty solution passes prove nothing.", hollow, named("max_hollow")),
        Filter("mutation", "Tests must fail on faulty solutions.", killed, named("mutants", "min_killed")),
    )  # fmt: skip

"""A problem set in KodCode's layout, made of our own problems, with every oddity."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from viscodex.data.problems import ProblemSource
from viscodex.data.problems.problem import signature_of

SUBSETS = ("Leetcode", "Codeforces", "Taco", "Apps", "Code_Contests")

GOOD = """from solution import {name}
import pytest


@pytest.mark.parametrize("given,wanted", {cases!r})
def test_cases(given, wanted):
    assert {name}(*given) == wanted
"""
WEAK = """from solution import {name}


def test_it_is_there():
    assert {name} is not None


def test_it_can_be_called():
    assert callable({name})
"""


def good_rows(n: int, seed: int = 5) -> list[dict[str, Any]]:
    """Rows whose tests hold and bite."""
    source = ProblemSource(seed=seed, pictures=0.0, stdio=0.0)
    rows: list[dict[str, Any]] = []
    index = 0
    while len(rows) < n:
        draft = source.draft(index)
        index += 1
        if draft.facts["form"] != "calls":
            continue
        names: dict[str, Any] = {}
        exec(draft.code, names)
        name = signature_of(draft.code).name
        cases = [(c, names[name](*copy.deepcopy(c))) for c in draft.facts["inputs"]]
        rows.append(
            {
                "style": "instruct",
                "subset": SUBSETS[len(rows) % 5],
                "question_id": f"q{len(rows)}",
                "question": draft.facts["ask"],
                "solution": draft.code,
                "test": GOOD.format(name=name, cases=cases),
                "test_info": [
                    {
                        "docstring": "",
                        "function_name": name,
                        "function_declaration": draft.facts["header"],
                        "parameter_list": "",
                    }
                ],
                "gpt_difficulty": "medium",
                "gpt_pass_percentage": 0.7,
            }
        )
    return rows


ODD = "def double(n: int) -> int:\n    return 2 * n\n"


def odd_rows() -> dict[str, dict[str, Any]]:
    """What must become of each -> a row."""
    row = {
        "style": "instruct", "subset": "Leetcode", "question_id": "odd", "question": "Double a number that is given to you.",
        "solution": ODD, "test_info": [], "gpt_difficulty": "easy", "gpt_pass_percentage": 0.9,
        "test": "from solution import double\n\ndef test_a():\n    assert double(2) == 4\n\ndef test_b():\n    assert double(-3) == -6\n",
    }  # fmt: skip
    stdio = json.dumps({"stdin": ["1\n", "2\n", "5\n"], "stdout": ["2\n", "4\n", "10\n"]})
    return {
        "kept": {**row, "question_id": "stdio", "style": "online_judge", "solution": "def main():\n    n = int(input())\n    print(n + n)\n\nmain()\n", "test": stdio},
        "hollow_tests": {**row, "test": WEAK.format(name="double")},
        "few_tests": {**row, "test": "from solution import double\n\ndef test_a():\n    assert double(2) == 4\n"},
        "execute": {**row, "test": row["test"].replace("== 4", "== 5")},
        "bad_tests": {**row, "test": "def test_a(:\n"},
        "bad_row": {**row, "solution": "function double(n) { return 2 * n }"},
        "unsupported_tests": {**row, "test": "from solution import double\n\ndef test_a(recwarn):\n    assert double(2) == 4\n"},
        "hard_for_its_publisher": {**row, "gpt_pass_percentage": 0.1},
        "ends_the_process": {**row, "solution": "import os\n\ndef double(n: int) -> int:\n    os._exit(0)\n"},
        "never_ends": {**row, "solution": "def double(n: int) -> int:\n    while True:\n        n += 1\n"},
        "lies": {**row, "solution": "def double(n: int) -> int:\n    print('{\"most\": 0, \"answers\": [[\"passed\", \"passed\"]]}')\n    return 0\n"},
    }  # fmt: skip


def write_parquet(path: Path, rows: list[dict[str, Any]], group: int = 16) -> None:
    """As the publisher stores it."""
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=group)

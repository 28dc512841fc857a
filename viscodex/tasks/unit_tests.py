"""InfiBench's unit tests: the code of a response, the program around it.

in:  a response, the test of a case
out: the program that is run, and whether it passed
not covered: running it (execute/program.py), the score of a case (grading.py)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from viscodex.errors import MissingPart
from viscodex.execute.program import language_of, run_unit_test
from viscodex.execute.sandbox import Limits
from viscodex.tasks.patterns import Fault
from viscodex.text import read_answer
from viscodex.types import Completion, Execution

SECONDS = {
    "python": 10, "javascript": 10, "typescript": 20, "java": 10, "c++": 60, "c": 60, "r": 20,
    "go": 20, "rust": 60, "c#": 20,
}  # fmt: skip
"""Official limits, compiling included; ours are of CPU time, and compiling has limits of its own."""

OFFICIAL = ("python", "javascript", "typescript", "java", "c++", "c", "c#", "r", "go")
"""What the official grader can run; for anything else it raises."""

_FENCES = ("```", "\\begin{code}", "\\end{code}")
_PYTHON = (
    "import math", "import re", "import sys", "import copy", "import datetime", "import itertools",
    "import collections", "import heapq", "import statistics", "import functools",
    "import hashlib", "import string", "from typing import *", "from collections import *",
)  # fmt: skip
_PYTHON_LARGE = {
    "numpy": "import numpy, numpy as np", "np": "import numpy as np", "pandas": "import pandas",
    "pd": "import pandas as pd", "requests": "import requests", "openpyxl": "import openpyxl",
    "xlsxwriter": "import xlsxwriter", "yolk": "import yolk",
}  # fmt: skip
"""Libraries that the official program imports always, ours where their name occurs."""

_CPP = """\
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#if __has_include(<boost/any.hpp>)
#include <boost/any.hpp>
#endif
using namespace std;
"""
_HEADS = {"c++": _CPP, "c": _CPP, "r": "rm(list=ls())\nlibrary(assert)\n"}


@dataclass(frozen=True, slots=True)
class UnitTest:
    """One test of a case; all sources are read already."""

    source: str
    prefix: str = ""  # text before the response, in the official grader lost with the prose
    before: str = ""  # source before the response (prefix_path)
    setup: str = ""  # source before everything, teardown after it; in the language of the test
    teardown: str = ""
    weight: float = 1.0
    timeout: float | None = None  # seconds of CPU; None: SECONDS
    only_longest: bool = False
    network: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict)


def extract(response: str, language: str, test: UnitTest, *, official: bool = True) -> str:
    """The code of a response.

    Args:
        official: as the grader takes it; of an unfenced Python or Go answer nothing is left.
            Otherwise an unfenced answer is kept whole, and the prefix is put before the code.
    """
    text = f"{test.prefix}\n{response}"
    if sum(text.count(fence) for fence in _FENCES) >= 2:
        code = _fenced(text, test.only_longest)
        return code if official or not test.prefix else f"{test.prefix}\n{code}"
    if official:
        return _unfenced(text, language)
    found = read_answer("", Completion(response, "stop"), language)
    return f"{test.prefix}\n{found.code or response}" if test.prefix else found.code or response


def _fenced(text: str, only_longest: bool) -> str:
    """Lines between the first and second fence, the third and fourth, ...; tags do not matter."""
    lines = text.split("\n")
    fences = [n for n, line in enumerate(lines) if any(fence in line for fence in _FENCES)]
    blocks = [lines[a + 1 : b] for a, b in zip(fences[::2], fences[1::2], strict=False)]
    if not blocks:
        return ""
    if only_longest:
        blocks = [max(blocks, key=len)]
    return "\n\n".join("\n".join(block) for block in blocks)


def _unfenced(text: str, language: str) -> str:
    cuts = {
        "python": ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\nassert"),
        "go": ("\n//", "\nfunc main(", "struct", "\nfunc"),
    }
    for word in cuts.get(language, ()):
        text = text.split(word, 1)[0]
    if language == "python":
        lines = text.split("\n")
        ends = [n for n, line in enumerate(lines) if line.strip() and not line[0].isspace()]
        return "\n".join(lines[: ends[0]] if ends else lines)
    if language == "java":
        text = _without_main(text)
    if language in ("javascript", "c++", "c", "go", "rust", "java"):
        return _closed(text, 2 if language == "java" else 1)
    return text


def _closed(text: str, depth: int) -> str:
    """Up to the brace that ends what was open before the text, else up to the last brace."""
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "}" and depth == 0:
            return text[: at + 1]
    return text[: text.rfind("}") + 1] if "}" in text else text


def _without_main(text: str) -> str:
    head, main, _ = text.partition("public static void main")
    if main and head.count("{") > head.count("}"):
        head += "}"
    return head


def program(code: str, test: UnitTest, language: str) -> tuple[str, str]:
    """(what runs before the test: import lines, prefix file, code; the test's own source)."""
    parts = (test.setup, test.before, code)
    head = _HEADS.get(language, "")
    body = "\n".join(part for part in parts if part)
    if language == "python":
        head, body = _python_head(f"{body}\n{test.source}"), body
    after = f"{test.source}\n{test.teardown}" if test.teardown else test.source
    whole = f"{head}{body}"
    if language == "python":  # these must come first
        future = re.findall(r"^from __future__ import .*$", whole, re.MULTILINE)
        whole = "\n".join([*future, re.sub(r"^from __future__ import .*$", "", whole, flags=re.M)])
    return whole, after


def _python_head(text: str) -> str:
    words = set(re.findall(r"\w+", text))
    large = [line for name, line in _PYTHON_LARGE.items() if name in words]
    return "\n".join([*_PYTHON, *large]) + "\n"


def run_test(
    response: str,
    language: str,
    test: UnitTest,
    *,
    official: bool,
    seconds: float = 1.0,
    **where: Any,
) -> Execution:
    """Run one test; status "ok" means passed.

    Args:
        seconds: factor on the limits.
        where: python, tier, allow_unsafe of run_unit_test.

    Raises:
        Fault: the official grader does not know the language.
        MissingPart: this machine cannot run the language, or the test needs the network.
    """
    name = language.strip().lower()
    try:
        kind = "c" if name == "c" else language_of(name).name
    except MissingPart:
        if official and name not in ("c#", "csharp", "cs"):
            raise Fault(f"the official grader does not run {language}") from None
        raise
    if official and kind not in OFFICIAL:
        raise Fault(f"the official grader does not run {language}")
    if test.network:
        raise MissingPart("the test needs the network", language, "It is not run.")
    code = extract(response, kind, test, official=official)
    before, after = program(code, test, kind)
    limit = (test.timeout or SECONDS.get(kind, 20)) * seconds
    limits = Limits(wall=3 * limit + 5, cpu=limit)
    return run_unit_test(
        before, after, kind, compat=official, files=dict(test.files), limits=limits, **where
    )

"""One process that runs many programs on the same tests: reference, brute force, mutants.

in:  programs as text, tests as JSON
out: the script that runs them in the sandbox, and what it printed, read back
not covered: comparing outputs with what is expected (source.py): that happens outside

A run of its own for each of some ten programs on a dozen tests would cost a hundred processes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SCRIPT = """
import contextlib, copy, io, json, sys
ORDER = json.loads($order)
spent, budget = 0, 10 ** 6

class Stop(BaseException):
    pass

def tick():
    global spent
    spent += 1
    if spent > budget:
        raise Stop

def one(code, given):
    global spent
    spent = 0
    names = {"__name__": "__main__", "_tick": tick}
    printed = io.StringIO()
    sys.stdin = io.StringIO(given if isinstance(given, str) else "")
    with contextlib.redirect_stdout(printed):
        exec(code, names)
        if ORDER["fn_name"]:
            value = names[ORDER["fn_name"]](*copy.deepcopy(given))
            return json.loads(json.dumps(value))
    return printed.getvalue()

def outputs(text):
    global most
    found = []
    try:
        code = compile(text, "main.py", "exec")
    except SyntaxError as error:
        return [{"error": str(error)}]
    for given in ORDER["inputs"]:
        try:
            found.append({"output": one(code, given)})
        except (Exception, SystemExit, Stop) as error:
            found.append({"error": f"{type(error).__name__}: {error}"[:200]})
            if budget != 10 ** 6:
                break
        most = max(most, spent)
    return found

most, answers = 0, []
for number, text in enumerate(ORDER["programs"]):
    if number == ORDER["limited_from"]:
        budget = 10 * most + 1000
    answers.append(outputs(text))
print("\\n" + json.dumps({"most": most, "answers": answers}))
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the programs gave, in their order: a list of {"output": ...} or {"error": text}."""

    answers: tuple[tuple[dict[str, Any], ...], ...]
    ticks: int  # rounds of loops and calls of the slowest test


def trial_script(
    programs: Sequence[str], inputs: Sequence[Any], fn_name: str | None, limited_from: int
) -> str:
    """The script; programs from number `limited_from` on are stopped after ten times the rounds
    that the slowest of those before needed, and at their first error.
    """
    order = {
        "programs": list(programs),
        "inputs": list(inputs),
        "fn_name": fn_name,
        "limited_from": limited_from,
    }
    return _SCRIPT.replace("$order", repr(json.dumps(order)))


def read_trial(printed: str) -> Trial | None:
    """What the script printed; None where it is not whole."""
    lines = printed.strip().splitlines()
    if not lines:
        return None
    try:
        said = json.loads(lines[-1])
        return Trial(tuple(tuple(answer) for answer in said["answers"]), int(said["most"]))
    except (ValueError, KeyError, TypeError):
        return None

"""How a problem is asked and answered: layouts, instructions, prose around the code.

in:  a draft of the algorithm source, its tests
out: the text of the question, of the answer, and of the reading task
not covered: what is asked (the templates)
"""

from __future__ import annotations

from typing import Any

from viscodex.data.draft import Draft
from viscodex.data.problems.draw import Draw

_OPEN = (
    "Solve this programming problem in Python.",
    "Write a Python solution for the following task.",
    "Here is a programming exercise; please solve it in Python.",
    "You are given a small programming problem. Answer with Python code and a short explanation.",
    "Please read the problem and write correct Python code for it.",
    "",
)
_OPEN_PICTURE = (
    "Solve this programming problem in Python; you need the picture.",
    "The picture belongs to the problem below. Write a Python solution.",
    "Read the data off the picture, then solve the task in Python.",
    "Part of this problem's data is only in the image. Please write Python code that solves it.",
    "",
)
_BEFORE = ("", "", "Approach: ", "The idea: ", "**Idea.** ")
_AFTER = (
    "",
    "",
    "",
    "It handles the edge cases of the constraints as well.",
    "All examples come out as stated.",
)


def question_text(draft: Draft, tests: dict[str, Any]) -> str:
    """Instruction, statement, form, constraints and examples; the mark where a picture goes."""
    facts, draw = draft.facts, Draw(f"question/{draft.facts['wording']}")
    picture = bool(facts["picture"])
    heading = draw.pick("### {}\n", "**{}**\n", "{}:\n", "## {}\n")
    parts = [draw.pick(*(_OPEN_PICTURE if picture else _OPEN))]
    mark = draw.pick("first", "after") if picture else ""
    parts = ["<image>", *parts] if mark == "first" else parts
    parts.append(facts["ask"])
    parts += ["<image>"] if mark == "after" else []
    parts.append(_form(facts, draw, heading))
    if facts["limits"]:
        lines = "\n".join(f"- {limit}" for limit in facts["limits"])
        parts.append(heading.format("Constraints") + lines)
    parts.append(_examples(facts, tests, draw, heading))
    return "\n\n".join(part for part in parts if part)


def _form(facts: dict[str, Any], draw: Draw, heading: str) -> str:
    if facts["form"] == "stdio":
        end = draw.pick("", " Read with `input()` or `sys.stdin`, write with `print`.")
        title = heading.format(draw.pick("Input and output", "Format"))
        return f"{title}{facts['format']}{end}"
    text = draw.pick(
        "Write this function; it returns the result and prints nothing:",
        "Implement the function below.",
        "Use this signature and return the result:",
        "Your code must define:",
    )
    return f"{text}\n```python\n{facts['header']}\n```"


def _examples(facts: dict[str, Any], tests: dict[str, Any], draw: Draw, heading: str) -> str:
    count = draw.pick(1, 2, 2, 3)
    short = sorted(
        range(len(tests["inputs"])), key=lambda k: (len(str(tests["inputs"][k])) > 160, k)
    )
    chosen = [k for k in short if len(str(tests["inputs"][k])) > 2] or short
    found = []
    for number, k in enumerate(chosen[:count], 1):
        given, wanted = tests["inputs"][k], tests["outputs"][k]
        title = f"Example {number}" if count > 1 else "Example"
        if facts["form"] == "stdio":
            body = f"Input:\n```\n{given.rstrip()}\n```\nOutput:\n```\n{wanted.rstrip()}\n```"
        else:
            arguments = ", ".join(map(repr, given))
            body = f"```\n>>> {tests['fn_name']}({arguments})\n{wanted!r}\n```"
        found.append(heading.format(title) + body)
    return "\n\n".join(found)


def answer_text(draft: Draft) -> str:
    """The idea, and the reference in a fenced block."""
    draw = Draw(f"answer/{draft.facts['wording']}")
    before, after = draw.pick(*_BEFORE), draw.pick(*_AFTER)
    parts = [before + draft.facts["idea"], f"```python\n{draft.code.rstrip()}\n```", after]
    return "\n\n".join(part for part in parts if part)


_ASK = {
    "describe": (
        "<image>\nWhat does this picture show? Write down all of its data.",
        "Read the data of this picture, nothing else.\n<image>",
        "<image>\nTranscribe the picture so that somebody who cannot see it could work with its data.",
    )
}


def inverse_text(draft: Draft) -> tuple[str, str]:
    """The task to read the picture, and what it shows."""
    draw = Draw(f"inverse/{draft.facts['wording']}")
    shown = draft.facts["shown"]
    data = "\n".join(f"{name}: {value}" for name, value in shown["data"].items())
    return draw.pick(*_ASK["describe"]), f"{shown['title']}\n\n{data}"

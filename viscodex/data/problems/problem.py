"""A problem with its reference, and the two forms in which a program can be asked for.

in:  a story, one annotated Python function that solves it, arguments for tests
out: Problem; as calls (fn_name) or as a program that reads standard input; the statement
not covered: the problems themselves (arrays.py, graphs.py, ...), running them (source.py)

What a parameter looks like on standard input follows from its annotation:

    int, str            a line
    list[int]           a line with their number, a line with the numbers
    list[str]           a line with their number, then a line each
    list[list[int]]     a line with the number of rows, then a line for each row
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from viscodex.syntax import parse


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, drawn from a template."""

    ask: str  # what is wanted, in words; parameters stand in back-ticks
    code: str  # imports, constants and functions; the last function is the one that is asked for
    cases: list[list[Any]]  # arguments; the first ones become the examples
    idea: str  # how it is solved, for the answer
    limits: tuple[str, ...] = ()  # constraints
    brute: str = ""  # a slower solution found another way; same signature
    picture: str = ""  # a matplotlib script; the data stands in its picture alone
    shown: dict[str, Any] = field(default_factory=dict)  # what the picture shows, for inverse tasks
    difficulty: float = 0.3
    form: str = ""  # "calls" where MMCode's comparison of printed words would miss their order


@dataclass(frozen=True, slots=True)
class Signature:
    """Name, parameters with types, and type of the result."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    returns: str


def signature_of(code: str) -> Signature:
    """That of the last function of a text."""
    function = [n for n in parse(code).body if isinstance(n, ast.FunctionDef)][-1]
    assert function.returns is not None
    pairs = ((a.arg, ast.unparse(a.annotation)) for a in function.args.args if a.annotation)
    return Signature(function.name, tuple(pairs), ast.unparse(function.returns))


_READ = {
    "int": "$p = int(input())",
    "str": "$p = input()",
    "list[int]": "int(input())\n$p = list(map(int, input().split()))",
    "list[str]": "$p = [input() for _ in range(int(input()))]",
    "list[list[int]]": "$p = [list(map(int, input().split())) for _ in range(int(input()))]",
}
_READ_LINES = {
    "int": "$p = int(next(lines))",
    "str": "$p = next(lines)",
    "list[int]": "next(lines)\n$p = [int(word) for word in next(lines).split()]",
    "list[str]": "$p = [next(lines) for _ in range(int(next(lines)))]",
    "list[list[int]]": "$p = [[int(word) for word in next(lines).split()] for _ in range(int(next(lines)))]",
}
_WRITE = {
    "int": "print($r)",
    "str": "print($r)",
    "bool": 'print("Yes" if $r else "No")',
    "list[int]": "print(*$r)",
    "list[str]": 'print("\\n".join($r))',
    "list[list[int]]": "for row in $r:\n    print(*row)",
}
_INPUT_WORDS = {
    "int": "a line with the integer `$p`",
    "str": "a line with the text `$p`",
    "list[int]": "a line with the length of `$p`, then a line with its integers, separated by blanks",
    "list[str]": "a line with the number of entries of `$p`, then one entry a line",
    "list[list[int]]": "a line with the number of rows of `$p`, then a line for each row, its integers separated by blanks",
}
_OUTPUT_WORDS = {
    "int": "one integer",
    "str": "one line of text",
    "bool": "`Yes` or `No`",
    "list[int]": "the integers on one line, separated by blanks (an empty line if there are none)",
    "list[str]": "one entry a line",
    "list[list[int]]": "a line for each row, its integers separated by blanks",
}


def stdio_program(code: str, style: int) -> str:
    """The function as a program that reads standard input and prints; two styles of reading."""
    wanted = signature_of(code)
    table = _READ_LINES if style else _READ
    lines = [table[kind].replace("$p", name) for name, kind in wanted.parameters]
    call = f"{wanted.name}({', '.join(name for name, _ in wanted.parameters)})"
    lines.append(_WRITE[wanted.returns].replace("$r", call))
    if not style:
        return f"{code.strip()}\n\n\n" + "\n".join(lines) + "\n"
    body = "\n".join(['lines = iter(sys.stdin.read().splitlines() + [""])', *lines])
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"import sys\n{code.strip()}\n\n\ndef main():\n{indented}\n\n\nmain()\n"


def stdin_text(code: str, arguments: Sequence[Any]) -> str:
    """What a test gives on standard input."""
    lines: list[str] = []
    for (_, kind), value in zip(signature_of(code).parameters, arguments, strict=True):
        if kind in ("int", "str"):
            lines.append(str(value))
            continue
        lines.append(str(len(value)))
        if kind == "list[int]":
            lines.append(" ".join(map(str, value)))
        elif kind == "list[str]":
            lines += value
        else:
            lines += [" ".join(map(str, row)) for row in value]
    return "\n".join(lines) + "\n"


def input_format(code: str) -> str:
    """Input and output of the program, in words."""
    wanted = signature_of(code)
    parts = [_INPUT_WORDS[kind].replace("$p", name) for name, kind in wanted.parameters]
    given = "; ".join(parts) if parts else "nothing"
    return f"Standard input holds, in this order: {given}. Print {_OUTPUT_WORDS[wanted.returns]}."


def header(code: str) -> str:
    """The line that begins the function."""
    wanted = signature_of(code)
    parameters = ", ".join(f"{name}: {kind}" for name, kind in wanted.parameters)
    return f"def {wanted.name}({parameters}) -> {wanted.returns}:"

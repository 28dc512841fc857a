"""Spreadsheet formulas: just enough of them to check an answer.

in:  a formula, the columns and rows of a sheet (headings in row 1)
out: its value as text
not covered: other functions than FUNCTIONS, array formulas, references to other sheets
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

Value = Any  # a number, a text, or a list of them (a range)

_TOKEN = re.compile(r'\s*(?:(\d+(?:\.\d+)?)|"((?:[^"]|"")*)"|(\$?[A-Z]\$?\d+)|([A-Z]+)(?=\()|(<>|<=|>=|[-+*/&=<>():,]))')  # fmt: skip
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def _numbers(values: Sequence[Value]) -> list[float]:
    flat = [v for value in values for v in (value if isinstance(value, list) else [value])]
    return [v for v in flat if isinstance(v, int | float)]


def _meets(value: Value, criterion: Value) -> bool:
    """A criterion of COUNTIF and its kin: a value, or a text that begins with a comparison."""
    found = re.fullmatch(r"(<>|<=|>=|=|<|>)(.*)", str(criterion))
    sign, right = (found[1], found[2]) if found else ("=", str(criterion))
    try:
        number = float(right)
    except ValueError:
        return isinstance(value, str) and _COMPARE[sign](value.lower(), right.lower())
    return isinstance(value, int | float) and _COMPARE[sign](float(value), number)


def _chosen(size: int, pairs: Sequence[Value]) -> list[int]:
    return [
        k for k in range(size)
        if all(_meets(pairs[i][k], pairs[i + 1]) for i in range(0, len(pairs), 2))
    ]  # fmt: skip


def _sumifs(values: list[Value], *pairs: Value) -> float:
    return sum(_numbers([values[k] for k in _chosen(len(values), pairs)]))


def _averageif(where: list[Value], criterion: Value, values: list[Value]) -> float:
    found = _numbers([values[k] for k in _chosen(len(where), (where, criterion))])
    return sum(found) / len(found)


def _round(value: float, digits: float) -> float:
    return round(value + (1e-12 if value > 0 else -1e-12), int(digits))


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "SUM": lambda *v: sum(_numbers(v)),
    "AVERAGE": lambda *v: sum(_numbers(v)) / len(_numbers(v)),
    "MAX": lambda *v: max(_numbers(v)),
    "MIN": lambda *v: min(_numbers(v)),
    "COUNT": lambda *v: len(_numbers(v)),
    "COUNTIF": lambda where, criterion: len(_chosen(len(where), (where, criterion))),
    "COUNTIFS": lambda *pairs: len(_chosen(len(pairs[0]), pairs)),
    "SUMIF": lambda where, criterion, values: _sumifs(values, where, criterion),
    "SUMIFS": _sumifs,
    "AVERAGEIF": _averageif,
    "MAXIFS": lambda values, *pairs: max(_numbers([values[k] for k in _chosen(len(values), pairs)])),
    "MINIFS": lambda values, *pairs: min(_numbers([values[k] for k in _chosen(len(values), pairs)])),
    "SUMPRODUCT": lambda a, b: sum(p * q for p, q in zip(a, b, strict=True)),
    "INDEX": lambda values, place: values[int(place) - 1],
    "MATCH": lambda value, values, kind=0: values.index(value) + 1,
    "IF": lambda test, yes, no: yes if test else no,
    "ROUND": _round,
    "LARGE": lambda values, k: sorted(_numbers(values), reverse=True)[int(k) - 1],
    "SMALL": lambda values, k: sorted(_numbers(values))[int(k) - 1],
    "ABS": lambda value: abs(value),
}  # fmt: skip


def evaluate(formula: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """The value of a formula, as a cell shows it.

    Raises:
        ValueError: it is no formula, or uses what is not known here.
    """
    if not formula.startswith("="):
        raise ValueError(f"a formula begins with =: {formula}")
    value = _Reader(formula[1:], [list(columns), *map(list, rows)]).whole()
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


class _Reader:
    """Recursive descent; one method for each level of precedence."""

    def __init__(self, text: str, cells: list[list[Value]]) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.cells, self.at, place = cells, 0, 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise ValueError(f"no formula: {text}")
            kind = ("number", "text", "cell", "name", "sign")[int(found.lastindex or 1) - 1]
            self.tokens.append((kind, str(found[found.lastindex or 1])))
            place = found.end()

    def whole(self) -> Value:
        value = self.compared()
        if self.at != len(self.tokens):
            raise ValueError("text behind the end of a formula")
        return value

    def sign(self, *signs: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at] in [("sign", s) for s in signs]:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def compared(self) -> Value:
        value = self.joined()
        while sign := self.sign(*_COMPARE):
            value = _COMPARE[sign](value, self.joined())
        return value

    def joined(self) -> Value:
        value = self.added()
        while self.sign("&"):
            other = self.added()
            value = f"{value}{other}"
        return value

    def added(self) -> Value:
        value = self.multiplied()
        while sign := self.sign("+", "-"):
            other = self.multiplied()
            value = value + other if sign == "+" else value - other
        return value

    def multiplied(self) -> Value:
        value = self.single()
        while sign := self.sign("*", "/"):
            other = self.single()
            value = value * other if sign == "*" else value / other
        return value

    def single(self) -> Value:
        if self.sign("-"):
            return -self.single()
        if self.sign("("):
            value = self.compared()
            self.sign(")")
            return value
        if self.at >= len(self.tokens):
            raise ValueError("a formula ends too early")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "text":
            return text.replace('""', '"')
        if kind == "cell":
            return self.range(text)
        if kind == "name" and text in FUNCTIONS:
            return FUNCTIONS[text](*self.arguments())
        raise ValueError(f"not known in a formula: {text}")

    def arguments(self) -> list[Value]:
        self.sign("(")
        found = [self.compared()]
        while self.sign(","):
            found.append(self.compared())
        self.sign(")")
        return found

    def range(self, start: str) -> Value:
        if not self.sign(":"):
            return self.cell(start)
        end = self.tokens[self.at][1]
        self.at += 1
        (c, r), (c2, r2) = self.place(start), self.place(end)
        return [self.cells[y][x] for y in range(r, r2 + 1) for x in range(c, c2 + 1)]

    def cell(self, name: str) -> Value:
        column, row = self.place(name)
        return self.cells[row][column]

    @staticmethod
    def place(name: str) -> tuple[int, int]:
        bare = name.replace("$", "")
        return ord(bare[0]) - ord("A"), int(bare[1:]) - 1

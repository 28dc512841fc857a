"""Conditions in case files: a small language that looks like Python and can do little.

in:  the text of a `cond`
out: a Condition that is evaluated with the names it may use
not covered: anything but literals, the given names, comparison, and/or/not, +, -, items by whole
     numbers, len() and the text methods below
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from viscodex.syntax import parse

MAX_LENGTH = 1000  # characters of a condition
_METHODS = ("startswith", "endswith", "count", "lower", "upper", "strip")
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read and found harmless."""

    text: str
    tree: ast.expr

    def holds(self, names: Mapping[str, Any]) -> bool:
        """Whether it is true.

        Raises:
            IndexError, TypeError: as the same Python expression would.
        """
        return bool(_value(self.tree, names))


def read_condition(text: str, names: tuple[str, ...]) -> Condition:
    """Parse a condition.

    Args:
        names: that it may use.

    Raises:
        ValueError: with what is not allowed.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a condition of {len(text)} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = parse(text.strip(), "eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"not a condition: {text!r}: {error}") from error
    _check(tree, names)
    return Condition(text, tree)


def _check(node: ast.expr, names: tuple[str, ...]) -> None:
    inner: list[ast.expr]
    match node:
        case ast.Constant(value=str() | int() | None):
            inner = []
        case ast.Name(id=name) if name in names:
            inner = []
        case ast.BoolOp(values=values):
            inner = values
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            inner = [operand]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            inner = [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARISONS for op in ops
        ):
            inner = [left, *others]
        case ast.Subscript(value=value, slice=index):
            inner = [value, index]
        case ast.Call(func=ast.Name(id="len"), args=[argument], keywords=[]):
            inner = [argument]
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=args, keywords=[]) if (
            method in _METHODS and len(args) <= 1
        ):
            inner = [value, *args]
        case _:
            raise ValueError(f"not allowed in a condition: {ast.unparse(node)}")
    for each in inner:
        _check(each, names)


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.BoolOp(op=op, values=values):
            result: Any = None
            for each in values:
                result = _value(each, names)
                if bool(result) == isinstance(op, ast.Or):
                    break
            return result
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, names)
        case ast.UnaryOp(operand=operand):
            return -_value(operand, names)
        case ast.BinOp(left=left, op=op, right=right):
            sides = _value(left, names), _value(right, names)
            return operator.add(*sides) if isinstance(op, ast.Add) else operator.sub(*sides)
        case ast.Compare(left=left, ops=ops, comparators=others):
            first = _value(left, names)
            for comparison, other in zip(ops, others, strict=True):
                second = _value(other, names)
                if not _COMPARISONS[type(comparison)](first, second):
                    return False
                first = second
            return True
        case ast.Subscript(value=value, slice=index):
            return _value(value, names)[_value(index, names)]
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=args):
            return getattr(str(_value(value, names)), method)(*(_value(a, names) for a in args))
        case ast.Call(args=[argument]):
            return len(_value(argument, names))
    raise TypeError(ast.dump(node))

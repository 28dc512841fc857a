"""Small faults put into a program: what a set of tests must notice.

in:  Python source
out: mutants of it, each with one fault, and instrumented so that it cannot run for ever
not covered: running them and counting the killed (source.py)

After DeMillo, Lipton, Sayward 1978: a test set that no mutant fails would also pass wrong answers.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from viscodex.data.problems.draw import Draw
from viscodex.syntax import parse

COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.BitXor: ast.BitOr, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Pow: ast.Mult,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "popleft": "pop"}


def mutants(code: str, draw: Draw, n: int) -> list[str]:
    """At most n different mutants: operator, constant, branch dropped, early return, name."""
    tree = parse(code)
    sites = list(range(sum(1 for _ in _faults(copy.deepcopy(tree)))))
    draw.shuffle(sites)
    found: list[str] = []
    for site in sites:
        if len(found) == n:
            break
        changed = copy.deepcopy(tree)
        for k, fault in enumerate(_faults(changed)):
            if k == site:
                fault()
                break
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text not in found and text != ast.unparse(tree):
            found.append(text)
    return found


class _Fault:
    """Sets attributes of a node."""

    def __init__(self, node: ast.AST, **changes: object) -> None:
        self.node, self.changes = node, changes

    def __call__(self) -> None:
        for name, value in self.changes.items():
            setattr(self.node, name, value)


def _faults(tree: ast.AST) -> Iterator[_Fault]:
    """Every fault that can be put into its functions and methods; constants around them are data."""
    outer = list(ast.iter_child_nodes(tree))
    outer += [n for c in outer if isinstance(c, ast.ClassDef) for n in ast.iter_child_nodes(c)]
    functions = [n for n in outer if isinstance(n, ast.FunctionDef)]
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARE:
            yield _Fault(node, ops=[COMPARE[type(node.ops[0])](), *node.ops[1:]])
        elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
            yield _Fault(node, op=ARITHMETIC[type(node.op)]())
        elif isinstance(node, ast.BoolOp):
            yield _Fault(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        elif (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        ):
            yield _Fault(node, op=ast.UAdd())
        elif isinstance(node, ast.Lambda) and isinstance(node.body, ast.Tuple):
            yield _Fault(node.body, elts=node.body.elts[:-1])
            yield _Fault(node.body, elts=node.body.elts[1:])
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield _Fault(node, value=node.value + 1)
            yield _Fault(node, value=node.value - 1)
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield _Fault(node, value=not node.value)
        elif isinstance(node, ast.Name) and node.id in NAMES:
            yield _Fault(node, id=NAMES[node.id])
        elif isinstance(node, ast.If):
            yield _Fault(node, test=ast.Constant(False))
            yield _Fault(node, test=ast.Constant(True))
        elif isinstance(node, ast.For | ast.While):
            yield _Fault(node, body=[*node.body, ast.Break()])
        elif isinstance(node, ast.FunctionDef):
            yield from _early_returns(node)


def _early_returns(node: ast.FunctionDef) -> Iterator[_Fault]:
    """Return what the end returns, before the last loop or branch ran; or drop a statement."""
    last = node.body[-1]
    for k, statement in enumerate(node.body[:-1]):
        if isinstance(statement, ast.For | ast.While | ast.If) and isinstance(last, ast.Return):
            yield _Fault(node, body=[*node.body[:k], last])
        elif isinstance(statement, ast.Expr):
            yield _Fault(node, body=[*node.body[:k], ast.Pass(), *node.body[k + 1 :]])


def counted(code: str) -> str:
    """The program with a call of _tick() at the start of each function and each round of a loop."""
    tree = parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.While | ast.FunctionDef):
            node.body.insert(0, ast.Expr(ast.Call(ast.Name("_tick", ast.Load()), [], [])))
    return ast.unparse(ast.fix_missing_locations(tree))

"""Runs inside the sandbox: one Python answer under a judge, and the proof that it came to its end.

in:  a JSON order on an inherited descriptor: `python -I harness.py FD`; standard library only
out: nonce + JSON on the descriptor named in the order; without the nonce nothing is believed
not covered: whether an answer is right: expected results never come in here (program.py)

Modes: `unit` runs a program with its tests to the end. `stdio` and `calls` do what MMCode's checker
does with an answer, its peculiarities included.

The nonce lives in the closure of an audit hook, to which Python code has no path. The hook writes it only
when called from the last line of `_main`, on the main thread, with nothing of the answer on the
stack. It never raises, so that no traceback leads into it; signal handlers, whose frame would, are
refused by the system call filter in mode `unit`. The order is read and closed before the answer
starts. The plain ways into the interpreter's memory (gc, ctypes, crafted code, tracing) end the process; not
all ways are closed: a library that reads any address (numpy can) finds the nonce. What an answer can
forge is its own result, no other.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import re
import signal
import sys
import threading
import types
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

TAMPERED = 87
"""Exit status when the answer reached for the interpreter's own memory."""

_REFUSED = frozenset(
    {
        "cpython.PyInterpreterState_New", "gc.get_objects", "gc.get_referents",
        "gc.get_referrers", "sys._current_exceptions", "sys._current_frames", "sys.setprofile",
        "sys.settrace",
    }
)  # fmt: skip
_PRELUDE = """\
import sys, time, itertools, collections, math, fractions, random, heapq
from itertools import accumulate, product, permutations, combinations
from collections import Counter, OrderedDict, deque, defaultdict, ChainMap
from functools import lru_cache
from math import sqrt, sin, cos, tan, ceil, fabs, floor, gcd, exp, log, log2
from typing import List, Tuple
from heapq import *
"""
"""Names that MMCode's checker gives every answer; numpy as np too, if the answer speaks of it."""

_TAKEN = {
    "os": (
        "chdir", "chmod", "chown", "chroot", "fchdir", "fchmod", "fchown", "fork", "forkpty",
        "getcwd", "kill", "killpg", "lchown", "putenv", "remove", "removedirs", "rename", "renames",
        "replace", "rmdir", "setuid", "system", "truncate", "unlink",
    ),
    "shutil": ("chown", "move", "rmtree"),
    "subprocess": ("Popen",),
    "builtins": ("exit", "quit", "help"),
}  # fmt: skip
"""What MMCode's checker sets to None before it runs an answer."""

Order = dict[str, Any]


class _Boundary:
    """Lets an answer fail in any way, SystemExit and the like included; `error` says how."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> _Boundary:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        self.error = error
        return True


class _TimeUp(BaseException):
    """The limit of one test."""


def _arm(nonce: bytes, result: int, main: types.FrameType) -> None:
    """Put the nonce out of everybody's reach."""
    write, leave, frame_of, thread = os.write, os._exit, sys._getframe, threading.get_ident
    refused, owner = _REFUSED, threading.get_ident()
    last = max(line for _, _, line in main.f_code.co_lines() if line)
    coroutine = types.coroutine.__code__  # asyncio marks a function with it, by code.replace
    trusted = tuple({f"{place}/" for place in (sys.prefix, sys.base_prefix, "/usr/lib", "/lib")})
    is_text = str

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        done = False
        try:
            if event == "viscodex.finish":
                caller = frame_of(1)
                if caller is main and caller.f_lineno == last and thread() == owner:
                    payload = arguments[0]
                    write(result, nonce + payload)
                    leave(0)
            elif event == "import":
                file = arguments[1]  # of a native module; None for others
                if file is None or (
                    type(file) is is_text and file.startswith(trusted) and "/../" not in file
                ):
                    done = True
            elif event == "code.__new__":
                done = frame_of(1).f_code is coroutine
            elif event not in refused and event[:7] != "ctypes.":
                done = True
        finally:
            if not done:
                write(2, b"the answer reached for the interpreter's own memory\n")
                leave(TAMPERED)

    sys.addaudithook(hook)


# --- unit tests -----------------------------------------------------------------------------------


def _unit(order: Order) -> Callable[[], bytes]:
    """The program as one unit, so that only its whole run comes back to us."""
    import ast

    if order["compat"]:
        program = compile("\n".join(order["parts"]), "<answer>", "exec", dont_inherit=True)
    else:  # each part is whole by itself: an open string cannot swallow the tests
        trees = [ast.parse(part) for part in order["parts"]]
        body = [node for tree in trees for node in tree.body]
        future = [n for n in body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
        tree = ast.Module([*future, *(n for n in body if n not in future)], [])
        program = compile(tree, "<answer>", "exec", dont_inherit=True)
    flush = (sys.stdout.flush, sys.stderr.flush)

    def run() -> bytes:
        exec(program, {})
        for each in flush:
            each()
        return b"{}"

    return run


# --- MMCode ---------------------------------------------------------------------------------------


def _mmcode(order: Order) -> Callable[[], bytes]:
    """All tests of one problem in one process, as its checker has it."""
    prelude = _PRELUDE
    if re.search(r"\b(np|numpy)\b", order["code"]):  # it takes its time
        __import__("numpy")
        prelude += "import numpy as np\n"
    for module, names in _TAKEN.items():
        for name in names:
            setattr(__import__(module), name, None)
    ask = _call if order["mode"] == "calls" else _feed
    code = order["code"].replace("__main__", "tmp_sol")
    source = prelude + (code if order["mode"] == "calls" else _as_function(code))
    seconds, tests, function_name = order["seconds"], order["tests"], order["function"]

    def late(*_: object) -> None:
        raise _TimeUp

    signal.signal(signal.SIGPROF, late)
    signal.signal(signal.SIGALRM, late)

    def run() -> bytes:
        sys.stdin = io.StringIO()
        module = types.ModuleType("tmp_sol")
        sys.modules["tmp_sol"] = module
        function: Any = None
        with _Boundary() as loading:
            _clock(seconds)
            exec(compile(source, "<answer>", "exec", dont_inherit=True), module.__dict__)
            holder = module.Solution() if "class Solution" in code else module
            function = getattr(holder, function_name)
        _clock(0)
        if loading.error is not None:
            return json.dumps({"loaded": False, "why": _line(loading.error)}).encode()
        results = []
        for test in tests:
            with _Boundary() as end:
                _clock(seconds)
                result = ask(function, test)
                _clock(0)
            _clock(0)
            results.append({"error": _line(end.error)} if end.error else result)
        return json.dumps({"loaded": True, "results": results}).encode()

    return run


def _clock(seconds: float) -> None:
    """CPU time decides; the wall is generous, for a loaded machine is no failure."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds)


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def _as_function(code: str) -> str:
    """The answer's text as a function `code`; imports at its top stay outside."""
    lines: list[str] = []
    started = False
    for line in code.split("\n"):
        if started or not line.startswith(("from ", "import ")):
            if not started:
                lines += ["stdin = sys.stdin", "stdout = sys.stdout", "def code():"]
            started = True
            lines.append("\t" + line)
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _feed(function: Any, text: str) -> dict[str, Any]:
    """What the answer prints for one standard input."""
    printed = io.StringIO()
    streams = sys.stdin, sys.stdout
    opened = builtins.open
    sys.stdin, sys.stdout = io.StringIO(text), printed
    builtins.open = lambda *_, **__: io.StringIO(text)  # type: ignore[assignment]
    try:
        function()
    except SystemExit:
        pass
    finally:
        sys.stdin, sys.stdout = streams
        builtins.open = opened
    return {"printed": printed.getvalue()}


def _call(function: Any, arguments: list[Any]) -> dict[str, Any]:
    """What the answer returns for one list of arguments."""
    if arguments and isinstance(arguments[0], dict):
        with _Boundary():  # and the other arguments are dropped
            arguments = [{int(key): value for key, value in arguments[0].items()}]
    streams = sys.stdout
    sys.stdout = io.StringIO()
    try:
        value = function(*arguments)
    finally:
        sys.stdout = streams
    return {"value": _plain(value, 0)}


def _plain(value: Any, depth: int) -> Any:
    """A returned value as JSON: [kind, content]; no code of the answer is asked for equality."""
    if depth > 50:
        return ["other", "too deep"]
    kind = type(value)
    if kind.__module__.startswith("numpy") and hasattr(value, "item"):
        if kind.__name__ in ("ndarray", "matrix"):
            raise ValueError("the truth of a comparison with an array is ambiguous")
        value = value.item()
    if value is None or isinstance(value, bool):
        return ["is", value]
    if isinstance(value, str):
        return ["is", str.__str__(value)]
    if isinstance(value, int):  # JSON has a limit of digits, hexadecimal has none
        return ["hex", hex(int.__int__(value))]
    if isinstance(value, float):
        return ["float", float.__repr__(value)]
    if isinstance(value, Fraction | Decimal | complex):
        return ["number", repr(complex(value))] if isinstance(value, complex) else _ratio(value)
    for kind_, name in ((list, "list"), (tuple, "tuple")):
        if isinstance(value, kind_):
            return [name, [_plain(item, depth + 1) for item in value]]
    if isinstance(value, dict):
        pairs = [[_plain(k, depth + 1), _plain(v, depth + 1)] for k, v in value.items()]
        return ["dict", pairs]
    return ["other", type(value).__name__]


def _ratio(value: Any) -> list[Any]:
    if isinstance(value, Decimal) and not value.is_finite():
        return ["float", str(value)]
    over, under = value.as_integer_ratio()
    return ["ratio", [hex(over), hex(under)]]


# --- begin and end --------------------------------------------------------------------------------


def _read(descriptor: int) -> Order:
    with open(descriptor, "rb") as pipe:
        order: Order = json.load(pipe)
    return order


def _main(order: Order, arm: Callable[..., None], audit: Callable[..., None]) -> None:
    run = _unit(order) if order["mode"] == "unit" else _mmcode(order)
    __import__("ctypes")  # numpy and others import it, which asks for the C library
    arm(bytes.fromhex(order.pop("nonce")), order["result"], sys._getframe())
    order.clear()  # the tests are nothing for the answer to read
    payload = run()
    audit("viscodex.finish", payload)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 (pathlib is not needed otherwise)
    _main(_read(int(sys.argv[1])), _arm, sys.audit)

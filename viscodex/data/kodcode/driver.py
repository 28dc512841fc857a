"""The script that runs tests written for pytest against many programs, in one sandbox.

in:  the text of the tests, programs that stand for the module `solution`
out: a script; read_outcomes reads what it prints
not covered: which programs (trial.py)

pytest itself would cost half a second of start for every problem and is not in every runtime. What
problem sets use of it is little, and that is here: plain asserts, raises, approx, parametrize,
fixtures, skip, classes, unittest. A test that needs more is told as `unsupported`, never as passed.
Tests compare both on the same files (tests/data/test_kodcode.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

_SCRIPT = r'''
import contextlib, inspect, io, itertools, json, math, os, pathlib, re, sys, tempfile, types, unittest
import warnings as _warnings
ORDER = json.loads($order)
spent, budget = 0, 10 ** 7
told = sys.stdout  # whatever a program makes of it

class Stop(BaseException):
    pass

class Skipped(BaseException):
    pass

class Unsupported(BaseException):
    pass

def tick():
    global spent
    spent += 1
    if spent > budget:
        raise Stop

class _Raises:
    def __init__(self, expected, match=None):
        self.expected, self.match, self.value, self.type = expected, match, None, None
    def __enter__(self):
        return self
    def __exit__(self, kind, value, trace):
        if kind is None:
            raise AssertionError("DID NOT RAISE " + str(self.expected))
        if not issubclass(kind, self.expected):
            return False
        self.value, self.type = value, kind
        if self.match is not None and not re.search(self.match, str(value)):
            raise AssertionError("pattern not found: " + str(self.match))
        return True

def raises(expected, *args, match=None, **kwargs):
    if not args:
        return _Raises(expected, match)
    with _Raises(expected) as found:
        args[0](*args[1:], **kwargs)
    return found

class _Warns(_warnings.catch_warnings):
    def __init__(self, expected=Warning, match=None):
        super().__init__(record=True)
        self.expected, self.match = expected, match
    def __enter__(self):
        self.list = super().__enter__()
        _warnings.simplefilter("always")
        return self.list
    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        if kind is None and not any(issubclass(w.category, self.expected) and
                (self.match is None or re.search(self.match, str(w.message))) for w in self.list):
            raise AssertionError("DID NOT WARN")

class approx:
    __array_ufunc__, __array_priority__ = None, 100
    def __init__(self, expected, rel=None, abs=None, nan_ok=False):
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok
    def _one(self, actual, expected):
        if isinstance(expected, bool) or not isinstance(expected, (int, float, complex)):
            try:
                expected = float(expected)
            except (TypeError, ValueError):
                return actual == expected
        if actual == expected:
            return True
        if isinstance(expected, float) and math.isnan(expected):
            return self.nan_ok and math.isnan(actual)
        if abs(expected) == math.inf:
            return False
        absolute = 1e-12 if self.abs is None else self.abs
        relative = (1e-6 if self.rel is None else self.rel) * abs(expected)
        if self.abs is not None and self.rel is None:
            relative = 0
        try:
            return bool(abs(actual - expected) <= max(absolute, relative))
        except TypeError:
            return False
    def __eq__(self, actual):
        expected = self.expected
        if isinstance(expected, dict):
            return set(actual) == set(expected) and all(self._one(actual[k], v) for k, v in expected.items())
        if hasattr(expected, "tolist"):
            expected = expected.tolist()
        if hasattr(actual, "tolist"):
            actual = actual.tolist()
        if isinstance(expected, (list, tuple)):
            return (len(actual) == len(expected)
                and all(approx(b, self.rel, self.abs, self.nan_ok) == a for a, b in zip(actual, expected)))
        return self._one(actual, expected)
    def __ne__(self, actual):
        return not self == actual
    __hash__ = None

class _Param:
    def __init__(self, *values, id=None, marks=()):
        marks = marks if isinstance(marks, (list, tuple)) else [marks]
        self.values = values
        self.skip = any(getattr(mark, "_skips", False) for mark in marks)

class _Mark:
    def __init__(self, name):
        self.name, self._skips = name, name in ("skip", "xfail")
    def __call__(self, *args, **kwargs):
        if self.name == "skipif":
            made = _Mark("skipif")
            made._skips = bool(args and args[0] is True)
            return _Decorator(made)
        if self.name == "parametrize":
            return _parametrize(*args, **kwargs)
        if len(args) == 1 and callable(args[0]) and not kwargs:
            return _marked(args[0], self)
        return _Decorator(self)

class _Decorator:
    def __init__(self, mark):
        self.mark, self._skips = mark, mark._skips
    def __call__(self, what):
        return _marked(what, self.mark)

def _marked(what, mark):
    if mark.name == "usefixtures":
        what._unsupported = "usefixtures"
    if mark._skips:
        what._skipped = True
    return what

def _parametrize(names, values, indirect=False, ids=None, scope=None):
    names = [n.strip() for n in names.split(",") if n.strip()] if isinstance(names, str) else list(names)
    rows = []
    for value in values:
        skip = isinstance(value, _Param) and value.skip
        given = value.values if isinstance(value, _Param) else ((value,) if len(names) == 1 else tuple(value))
        if len(given) != len(names):
            raise ValueError("parametrize: wrong number of values")
        rows.append((dict(zip(names, given)), skip))
    def decorate(what):
        if indirect:
            what._unsupported = "indirect"
        what._rows = [rows] + list(getattr(what, "_rows", []))
        return what
    return decorate

class _Marks:
    def __getattr__(self, name):
        return _Mark(name)

def fixture(function=None, **kwargs):
    def decorate(function):
        function._fixture = kwargs
        if kwargs.get("params") is not None:
            function._unsupported = "fixture params"
        return function
    return decorate(function) if function is not None else decorate

def _skip(reason="", **kwargs):
    raise Skipped(reason)

def _fail(reason="", **kwargs):
    raise AssertionError(reason)

def _importorskip(name, *args, **kwargs):
    try:
        return __import__(name)
    except ImportError:
        raise Skipped(name)

class Capture:
    def __init__(self):
        self.out, self.err = io.StringIO(), io.StringIO()
    def readouterr(self):
        both = (self.out.getvalue(), self.err.getvalue())
        for stream in (self.out, self.err):
            stream.seek(0), stream.truncate()
        return _Captured(*both)

class _Captured(tuple):
    def __new__(cls, out, err):
        return super().__new__(cls, (out, err))
    out = property(lambda self: self[0])
    err = property(lambda self: self[1])

class MonkeyPatch:
    def __init__(self):
        self._undo = []
    def setattr(self, target, name, value=None, raising=True):
        if isinstance(target, str):
            value, path = name, target
            module, _, name = path.rpartition(".")
            __import__(module)
            target = sys.modules[module]
        missing = not hasattr(target, name)
        if missing and raising:
            raise AttributeError(name)
        old = None if missing else getattr(target, name)
        self._undo.append(lambda: delattr(target, name) if missing else setattr(target, name, old))
        setattr(target, name, value)
    def setitem(self, target, key, value):
        missing, old = key not in target, target.get(key)
        self._undo.append(lambda: target.pop(key, None) if missing else target.__setitem__(key, old))
        target[key] = value
    def setenv(self, name, value):
        self.setitem(os.environ, name, str(value))
    def undo(self):
        while self._undo:
            self._undo.pop()()

pytest = types.ModuleType("pytest")
for _name, _value in dict(raises=raises, warns=_Warns, approx=approx, param=_Param, mark=_Marks(),
        fixture=fixture, skip=_skip, fail=_fail, importorskip=_importorskip).items():
    setattr(pytest, _name, _value)
pytest.main = lambda *args, **kwargs: 0
sys.modules["pytest"] = pytest

class Run:
    """One test with its fixtures."""
    def __init__(self, module, holder):
        self.module, self.holder, self.made, self.ends = module, holder, {}, []
        self.capture, self.patch = Capture(), MonkeyPatch()
        self.ends.append(self.patch.undo)
    def find(self, name):
        for place in (self.holder, self.module):
            found = getattr(place, name, None) if place is not None else None
            if hasattr(found, "_fixture"):
                return found
        for value in vars(self.module).values():
            if inspect.isfunction(value) and hasattr(value, "_fixture") and value._fixture.get("name") == name:
                return value
        return None
    def get(self, name):
        if name in self.made:
            return self.made[name]
        if name == "capsys":
            value = self.capture
        elif name == "monkeypatch":
            value = self.patch
        elif name == "tmp_path":
            value = pathlib.Path(tempfile.mkdtemp())
        else:
            function = self.find(name)
            if function is None or getattr(function, "_unsupported", None):
                raise Unsupported("fixture " + name)
            value = function(**self.arguments(function, {}))
            if inspect.isgenerator(value):
                source, value = value, next(value)
                self.ends.append(lambda: next(source, None))
        self.made[name] = value
        return value
    def arguments(self, function, given):
        wanted = [p.name for p in inspect.signature(function).parameters.values()
                  if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        return {name: given[name] if name in given else self.get(name) for name in wanted} | given

def automatic(run, module):
    for name, value in list(vars(module).items()):
        if inspect.isfunction(value) and hasattr(value, "_fixture") and value._fixture.get("autouse"):
            run.get(name)

def call(module, holder, function, given):
    run = Run(module, holder)
    with contextlib.redirect_stdout(run.capture.out), contextlib.redirect_stderr(run.capture.err):
        try:
            automatic(run, module)
            for name, place, extra in (("setup_function", module, [function]), ("setup_method", holder, [function])):
                before = getattr(place, name, None) if (place is holder) == (holder is not None) else None
                if before is not None:
                    before(*extra[:len(inspect.signature(before).parameters)])
            outcome = function(**run.arguments(function, given))
            if inspect.iscoroutine(outcome):
                outcome.close()
                raise Unsupported("async")
            after = getattr(holder, "teardown_method", None)
            if after is not None:
                after(*[function][:len(inspect.signature(after).parameters)])
        finally:
            for end in reversed(run.ends):
                end()

def one(module, holder, function, given):
    global spent
    spent = 0
    sys.stdin = io.StringIO("")
    try:
        call(module, holder, function, given)
        return "passed"
    except Skipped:
        return "skipped"
    except Unsupported as error:
        return "unsupported: " + str(error)
    except unittest.SkipTest:
        return "skipped"
    except (Exception, SystemExit, KeyboardInterrupt, Stop) as error:
        return ("failed: " + type(error).__name__ + ": " + str(error))[:200]

def cases(function):
    tables = getattr(function, "_rows", None)
    if not tables:
        return [({}, False)]
    made = []
    for combination in itertools.product(*tables):
        given, skip = {}, False
        for values, skips in combination:
            given.update(values)
            skip = skip or skips
        made.append((given, skip))
    return made

def functions(module):
    """(holder, function) of every test, in order."""
    for name, value in list(vars(module).items()):
        if inspect.isclass(value) and issubclass(value, unittest.TestCase) and value.__module__ == module.__name__:
            for test in unittest.defaultTestLoader.getTestCaseNames(value):
                yield value, test
        elif inspect.isclass(value) and name.startswith("Test") and value.__module__ == module.__name__:
            if "__init__" in vars(value):
                continue
            if hasattr(value, "setup_class"):
                value.setup_class()
            for test, method in list(inspect.getmembers(value, inspect.isfunction)):
                if test.startswith("test"):
                    if getattr(value, "_skipped", False):
                        method._skipped = True
                    holder = value()
                    yield holder, getattr(holder, test)
        elif name.startswith("test") and inspect.isfunction(value) and not hasattr(value, "_fixture"):
            yield None, value

def unit(value, test):
    global spent
    spent = 0
    result = unittest.TestResult()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            value(test).run(result)
        except (Stop, SystemExit) as error:
            return "failed: " + type(error).__name__
    if result.skipped:
        return "skipped"
    wrong = result.errors + result.failures
    return "passed" if not wrong else "failed: " + wrong[0][1].strip().splitlines()[-1][:200]

def outcomes(text, stop):
    """What the tests say of one program."""
    global most
    found = []
    solution = types.ModuleType("solution")
    solution._tick = tick
    sys.modules["solution"] = solution
    module = types.ModuleType("test_solution")
    module.__file__ = "test_solution.py"
    sys.modules["test_solution"] = module
    try:
        sys.stdin = io.StringIO("")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(text, "solution.py", "exec"), vars(solution))
            exec(compile(ORDER["tests"], "test_solution.py", "exec"), vars(module))
        for holder, function in functions(module):
            if isinstance(function, str):
                found.append(unit(holder, function))
            else:
                inner = getattr(function, "__func__", function)
                if getattr(inner, "_unsupported", None):
                    found.append("unsupported: " + inner._unsupported)
                    continue
                for given, skip in cases(inner):
                    skip = skip or getattr(inner, "_skipped", False)
                    found.append("skipped" if skip else one(module, holder, function, given))
                    most = max(most, spent)
                    if stop and found[-1].startswith("failed"):
                        return found
            most = max(most, spent)
            if stop and found[-1].startswith("failed"):
                return found
    except Skipped:
        found.append("skipped")
    except (Exception, SystemExit, Stop) as error:
        found.append(("error: " + type(error).__name__ + ": " + str(error))[:200])
    return found

most, answers = 0, []
for number, text in enumerate(ORDER["programs"]):
    limited = number >= ORDER["limited_from"]
    if number == ORDER["limited_from"]:
        budget = 10 * most + 10000
    guards = ORDER["guarded"] and number == 0
    answers.append(outcomes(text, limited or guards))
    if guards and any(one not in ("passed", "skipped") for one in answers[0]):
        answers += [["error: not tried"] for other in ORDER["programs"][1:]]
        break
print("\n" + ORDER["nonce"] + json.dumps({"most": most, "answers": answers}), file=told)
'''


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the tests said of each program: passed, skipped, "failed: ...", "error: ...",
    "unsupported: ..."; of limited ones up to the first failure."""

    answers: tuple[tuple[str, ...], ...]
    ticks: int  # rounds of loops and calls of the slowest test


def driver_script(
    tests: str, programs: Sequence[str], limited_from: int, nonce: str, *, guarded: bool = False
) -> str:
    """The script; programs from number `limited_from` on are stopped after ten times the rounds
    that the slowest test of those before needed, and at their first failure.

    Args:
        nonce: begins the line of the result, so that nothing a program prints is taken for it.
        guarded: where the first program fails, no other is tried.
    """
    order = {
        "guarded": guarded,
        "tests": tests,
        "programs": list(programs),
        "limited_from": limited_from,
        "nonce": nonce,
    }
    return _SCRIPT.replace("$order", repr(json.dumps(order)))


def read_outcomes(printed: str, nonce: str) -> Outcomes | None:
    """What the script printed; None where it is not whole."""
    lines = [line for line in printed.splitlines() if line.startswith(nonce)]
    try:
        said = json.loads(lines[-1].removeprefix(nonce))
        answers = tuple(tuple(str(one) for one in each) for each in said["answers"])
        return Outcomes(answers, int(said["most"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return None

"""Programs in a dozen languages, and the judges of MMCode and InfiBench.

in:  the text of a program, its language, standard input, tests
out: an Execution; a Verdict with one result for each test
not covered: finding the code in an answer (text.py), scores over many answers (tasks/)

Compiling and running are two sandboxes with limits of their own; what the compiler made goes from
one to the other as bytes. Expected results never enter a sandbox: outputs are compared here.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from viscodex.errors import MissingPart
from viscodex.execute import harness, sandbox
from viscodex.execute.sandbox import Limits
from viscodex.types import Execution

RUN_LIMITS = Limits()
COMPILE_LIMITS = Limits(
    wall=120, cpu=60, memory=4 << 30, disk=512 << 20, output=64 << 20, files=1024
)
"""Of a compiler; its output is the compiled program."""


@dataclass(frozen=True, slots=True)
class Language:
    """How programs of one language are compiled and run. {tool} is the program's full path."""

    name: str
    file: str  # name of the source
    run: tuple[str, ...]
    tools: tuple[str, ...]  # the first that exists
    package: str  # Debian's name of what brings the tool
    aliases: tuple[str, ...] = ()
    compile: tuple[str, ...] = ()
    product: str = ""  # file that the compiler makes
    address_space: bool = True  # False: reserves far more than it uses


def _native(name: str, tools: tuple[str, ...], package: str, suffix: str, *words: str, aliases: tuple[str, ...] = ()) -> Language:  # fmt: skip
    return Language(
        name, f"main.{suffix}", ("./main",), tools, package, aliases, ("{tool}", *words), "main"
    )


_JAVA = '"$1"c -encoding UTF-8 -nowarn -d made Main.java && "$(dirname "$(readlink -f "$1"c)")"/jar cf main.jar -C made .'

_TSC = (  # errors of types do not keep a program from running, those of syntax (TS1...) do
    'said=$("$@"); code=$?; echo "$said" >&2; '
    'case $said in *"error TS1"[0-9][0-9][0-9]:*) exit $code;; esac; test -s main.js'
)
LANGUAGES: dict[str, Language] = {
    language.name: language
    for language in (
        Language("python", "main.py", ("{tool}", "main.py"), ("python3",), "python3", ("py", "python3")),
        Language("javascript", "main.js", ("{tool}", "main.js"), ("node", "nodejs"), "nodejs", ("js", "node"), address_space=False),
        Language(
            "typescript", "main.ts", ("{node}", "main.js"), ("tsc",), "node-typescript", ("ts",),
            ("/bin/sh", "-c", _TSC, "sh", "{tool}", "--target", "es2022", "--module", "commonjs", "--skipLibCheck", "main.ts"),
            "main.js", address_space=False,
        ),
        Language(
            "java", "Main.java",
            ("{tool}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", "main.jar", "{class}"),
            ("java",), "default-jdk-headless", (), ("/bin/sh", "-c", _JAVA, "sh", "{tool}"),
            "main.jar", address_space=False,
        ),
        _native("c", ("gcc", "cc", "clang"), "gcc", "c", "-O2", "-o", "main", "main.c", "-lm"),
        _native("c++", ("g++", "c++", "clang++"), "g++", "cpp", "-O2", "-o", "main", "main.cpp", aliases=("cpp", "cxx", "cc", "c/c++", "c++/c")),
        replace(_native("go", ("go",), "golang-go", "go", "build", "-o", "main", "main.go", aliases=("golang",)), address_space=False),
        _native("rust", ("rustc",), "rustc", "rs", "-O", "--edition", "2021", "-o", "main", "main.rs", aliases=("rs",)),
        Language("php", "main.php", ("{tool}", "main.php"), ("php",), "php-cli"),
        Language("r", "main.R", ("{tool}", "--vanilla", "main.R"), ("Rscript",), "r-base-core"),
        Language("bash", "main.sh", ("{tool}", "main.sh"), ("bash",), "bash", ("sh", "shell")),
        Language("sql", "main.sql", ("{tool}", "-batch", "-bail", ":memory:", ".read main.sql"), ("sqlite3",), "sqlite3", ("sqlite",)),
    )
}  # fmt: skip
"""Name -> language. TypeScript runs on node alone where that is 22 or newer."""


def language_of(name: str) -> Language:
    """The language of a name or alias, in any case.

    Raises:
        MissingPart: there is none of that name.
    """
    wanted = name.strip().lower()
    for language in LANGUAGES.values():
        if wanted == language.name or wanted in language.aliases:
            return language
    raise MissingPart(
        "programs in this language cannot be run", name, f"Known are {', '.join(LANGUAGES)}."
    )


@dataclass(frozen=True, slots=True)
class Tool:
    """Where this machine has a language."""

    path: str
    readable: tuple[Path, ...]  # directories outside of /usr that it needs
    node: str = ""  # what runs compiled TypeScript, or all of it


@cache
def find_tool(name: str) -> Tool:
    """The compiler or interpreter of a language (a key of LANGUAGES).

    Raises:
        MissingPart: with the Debian package that brings it.
    """
    language = LANGUAGES[name]
    if name == "python" and Path("/usr/bin/python3").exists():
        return Tool("/usr/bin/python3", ())
    if name == "python":
        return Tool(sys.executable, ())
    node = ""
    if name == "typescript":
        node = find_tool("javascript").path
        if _node_version(node) >= 22:
            return Tool(node, (), node)
    for command in language.tools:
        path = shutil.which(command, path="/usr/local/bin:/usr/bin:/bin") or shutil.which(command)
        if path is None:
            continue
        if name == "rust" and not path.startswith("/usr/"):  # rustup's is a switch, not a compiler
            root = Path(_ask(path, "--print", "sysroot"))
            return Tool(str(root / "bin" / "rustc"), (root,))
        if name == "java" and not shutil.which(f"{path}c"):
            continue  # runs programs, but does not compile them
        return Tool(path, _installation(Path(path).resolve()), node)
    raise MissingPart(
        f"this machine cannot run {name}",
        f"none of {', '.join(language.tools)} is on the path",
        f"apt-get install {language.package}",
    )


def _installation(program: Path) -> tuple[Path, ...]:
    """What an executable outside of /usr needs: its prefix, but never somebody's whole home."""
    prefix = program.parent.parent
    if program.is_relative_to("/usr"):
        return ()
    private = (Path.home(), Path.home() / ".local", Path("/"))
    return (program if prefix in private or program.parent.name != "bin" else prefix,)


def _ask(*argv: str) -> str:
    """What a trusted tool of this machine says of itself."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip()


@cache
def _node_version(node: str) -> int:
    found = re.match(r"v(\d+)", _ask(node, "--version"))
    return int(found[1]) if found else 0


# --- programs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ready:
    """A program that is ready to run."""

    argv: list[str]
    files: dict[str, bytes]
    how: dict[str, Any]  # further arguments of sandbox.run


def run_program(
    code: str,
    language: str,
    *,
    stdin: str = "",
    files: Mapping[str, bytes] = {},
    limits: Limits = RUN_LIMITS,
    compile_limits: Limits = COMPILE_LIMITS,
    tier: str | None = None,
    allow_unsafe: bool = False,
) -> Execution:
    """Compile a program if need be, and run it once.

    Args:
        language: a name or alias of LANGUAGES.
        files: relative name -> content, beside the program.
        tier, allow_unsafe: as sandbox.start has them.

    Raises:
        MissingPart: this machine lacks the language.
        IsolationMissing: it cannot confine programs.
    """
    ready = _prepare(
        code, language_of(language), limits, compile_limits, _where(tier, allow_unsafe)
    )
    return ready if isinstance(ready, Execution) else _run(ready, files, stdin, limits)


def _where(tier: str | None, allow_unsafe: bool) -> dict[str, Any]:
    return {"tier": tier, "allow_unsafe": allow_unsafe}


def _run(
    ready: _Ready, files: Mapping[str, bytes], stdin: str, limits: Limits, **more: Any
) -> Execution:
    done = sandbox.run(
        ready.argv,
        stdin=stdin.encode(errors="replace"),
        limits=limits,
        files={**files, **ready.files},
        **ready.how,
        **more,
    )
    return _execution(done)


def _execution(done: sandbox.Outcome) -> Execution:
    return Execution(
        status=done.status,
        stdout=done.stdout.decode(errors="replace"),
        stderr=done.stderr.decode(errors="replace"),
        seconds=done.seconds,
        cpu_seconds=done.cpu_seconds,
        exit_code=done.exit_code,
        reason=done.reason,
        tier=done.tier,
    )


def _prepare(
    code: str,
    language: Language,
    limits: Limits,
    compile_limits: Limits,
    where: Mapping[str, Any],
    beside: Mapping[str, str] = {},
    words: Sequence[str] = (),
    warned: bool = False,
) -> _Ready | Execution:
    """A runnable program, or the Execution of a compiler that refused it.

    Args:
        beside: further source files, name -> text.
        words: further words for the compiler.
        warned: a program that came out runs, whatever the compiler had to say: tsc writes one
            also where types are wrong.
    """
    tool = find_tool(language.name)
    how: dict[str, Any] = {**where, "read_only": tool.readable}
    how["address_space"] = language.address_space
    sources = {language.file: code.encode(errors="replace")}
    sources |= {name: text.encode(errors="replace") for name, text in beside.items()}
    names = {
        "{tool}": tool.path,
        "{node}": tool.node,
        "{class}": _main_class(code),
        "-Xshare:auto": f"-Xmx{limits.memory * 3 // 4 >> 20}m",
    }
    argv = [names.get(word, word) for word in language.run]
    if language.name == "typescript" and tool.path == tool.node:
        return _Ready(
            [tool.path, "--experimental-strip-types", "--no-warnings", "main.ts"], sources, how
        )
    if not language.compile:
        return _Ready(argv, sources, how)
    if language.name == "java":
        sources = {_java_file(code): sources[language.file], **{n: sources[n] for n in beside}}
    compiler = [names.get(word, word) for word in language.compile]
    compiler = [word.replace("Main.java", " ".join(sources)) for word in compiler] + [*words]
    then = '; test -e "$0" &&' if warned else " &&"
    script = f'"$@" >&2{then} exec cat -- "$0"'
    done = sandbox.run(
        ["/bin/sh", "-c", script, language.product, *compiler],
        limits=compile_limits,
        files=sources,
        **{**how, "address_space": False},
    )
    if done.status != "ok":
        failed = _execution(replace(done, stdout=b""))
        return replace(failed, reason=f"does not compile: {done.reason}")
    return _Ready(argv, {language.product: done.stdout}, how)


_JAVA_WORDS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/'
    r"|(?P<brace>[{}])|\b(?:class|enum|record|interface)\s+(?P<name>\w+)|(?P<main>\bvoid\s+main\b)",
    re.DOTALL,
)


def _main_class(code: str) -> str:
    """The Java class whose main is run: the outermost one around the first `void main`."""
    depth, name = 0, "Main"
    for word in _JAVA_WORDS.finditer(code):
        if word["brace"]:
            depth += 1 if word["brace"] == "{" else -1
        elif word["name"] and depth == 0:
            name = word["name"]
        elif word["main"]:
            break
    package = re.search(r"^\s*package\s+([\w.]+)\s*;", code, re.MULTILINE)
    return f"{package[1]}.{name}" if package else name


def _java_file(code: str) -> str:
    public = re.search(r"\bpublic\s+(?:\w+\s+)*?(?:class|enum|record|interface)\s+(\w+)", code)  # fmt: skip
    return f"{public[1] if public else 'Main'}.java"


# --- MMCode ---------------------------------------------------------------------------------------

RUN_ERROR, LOAD_ERROR = -1, -2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found."""

    results: tuple[bool | int, ...]  # one a test: True, False, -1 run error; (-2,): not loadable
    execution: Execution  # of the last process

    @property
    def passed(self) -> bool:
        """Every test came out right."""
        return bool(self.results) and all(result is True for result in self.results)


def judge_stdio(
    code: str,
    tests: Sequence[tuple[str | Sequence[str], str | Sequence[str]]],
    language: str = "python",
    *,
    compat: bool = False,
    seconds: float = 20.0,
    limits: Limits | None = None,
    tier: str | None = None,
    allow_unsafe: bool = False,
) -> Verdict:
    """Standard input in, printed lines out, compared by MMCode's rules.

    Args:
        tests: (standard input, expected output); a list stands for its lines.
        compat: do as MMCode's checker: all tests in one Python process, the answer as the body of
            a function, text input without a buffer, exit() and os.system taken away, 21 s of CPU
            time for all together. Otherwise each test is a run of the program as it stands.
        seconds: CPU time of one test.
        limits: of each process; None fits them to `seconds`.

    Raises:
        MissingPart, IsolationMissing: as run_program does.
    """
    pairs = [(_lines(given), expected) for given, expected in tests]
    where = _where(tier, allow_unsafe)
    if compat:
        if language_of(language).name != "python":
            raise ValueError("MMCode's own checker knows Python only")
        order = {"mode": "stdio", "function": "code", "tests": [given for given, _ in pairs]}

        def right(index: int, result: dict[str, Any]) -> bool:
            return same_output(result["printed"], pairs[index][1])

        return _judge_inside(code, order, len(pairs), right, seconds, limits, where)
    limits = limits or Limits(wall=3 * seconds + 10, cpu=seconds)
    ready = _prepare(code, language_of(language), limits, COMPILE_LIMITS, where)
    if isinstance(ready, Execution):
        return Verdict((LOAD_ERROR,), ready)
    results: list[bool | int] = []
    execution = Execution("error", reason="there are no tests")
    for given, expected in pairs:
        execution = _run(ready, {}, given, limits)
        good = execution.status == "ok"
        results.append(same_output(execution.stdout, expected) if good else RUN_ERROR)
    return Verdict(tuple(results), execution)


def judge_calls(
    code: str,
    fn_name: str,
    inputs: Sequence[Sequence[Any]],
    outputs: Sequence[Any],
    *,
    seconds: float = 20.0,
    limits: Limits | None = None,
    tier: str | None = None,
    allow_unsafe: bool = False,
) -> Verdict:
    """Arguments in, returned value out, compared by MMCode's rules; Python only.

    Args:
        fn_name: a function, or a method of `Solution` where the text speaks of that class.
        inputs: the arguments of each test; values as JSON has them.
        outputs: what is expected of each.
        seconds, limits: as in judge_stdio; all tests share one process.
    """
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs")
    order = {"mode": "calls", "function": fn_name, "tests": [list(i) for i in inputs]}
    most = max(map(_largest_table, outputs), default=0)

    def right(index: int, result: dict[str, Any]) -> bool:
        return same_value(_value(result["value"], most), outputs[index])

    return _judge_inside(
        code, order, len(inputs), right, seconds, limits, _where(tier, allow_unsafe)
    )


def _judge_inside(
    code: str,
    order: dict[str, Any],
    n_tests: int,
    right: Callable[[int, dict[str, Any]], bool],
    seconds: float,
    limits: Limits | None,
    where: Mapping[str, Any],
) -> Verdict:
    """All tests in one process, results through the harness."""
    limits = limits or Limits(wall=3 * (seconds + 1) + 10, cpu=seconds + 1)
    order |= {"code": code, "seconds": seconds}
    execution, said = _in_harness(sys.executable, order, {}, limits, where)
    if said is None:
        return Verdict((RUN_ERROR,) * n_tests, execution)
    try:
        if not said["loaded"]:
            why = str(said["why"])[:300]
            return Verdict((LOAD_ERROR,), replace(execution, status="error", reason=why))
        results = [_result(said["results"][index], index, right) for index in range(n_tests)]
        errors = [str(result["error"]) for result in said["results"] if "error" in result]
    except _NO_VALUE:
        reason = "sent results that are none"
        return Verdict((RUN_ERROR,) * n_tests, replace(execution, status="blocked", reason=reason))
    if errors:
        execution = replace(execution, status="error", reason=errors[0][:300])
    return Verdict(tuple(results), execution)


_NO_VALUE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a value raises that no value could be: an answer may send anything."""


def _result(
    result: dict[str, Any], index: int, right: Callable[[int, dict[str, Any]], bool]
) -> bool | int:
    try:
        return RUN_ERROR if "error" in result else right(index, result)
    except _NO_VALUE:
        return RUN_ERROR


def _in_harness(
    python: str,
    order: dict[str, Any],
    files: Mapping[str, bytes],
    limits: Limits,
    where: Mapping[str, Any],
    **more: Any,
) -> tuple[Execution, Any]:
    """Run an order (harness.py); (execution, what it proved), the second None without proof."""
    nonce = secrets.token_bytes(32)
    ask, answer = (os.memfd_create(name, os.MFD_CLOEXEC) for name in ("order", "answer"))
    try:
        with os.fdopen(os.dup(ask), "wb") as file:
            file.write(json.dumps(order | {"nonce": nonce.hex(), "result": answer}).encode())
        os.lseek(ask, 0, os.SEEK_SET)
        name = f"harness-{secrets.token_hex(8)}.py"  # not a name that an answer's files have
        done = sandbox.run(
            [python, "-I", "-B", name, str(ask)],
            limits=limits,
            files={**files, name: Path(harness.__file__).read_bytes()},
            pass_fds=[ask, answer],
            proc=False,
            **where,
            **more,
        )
        said = os.pread(answer, min(os.fstat(answer).st_size, 64 << 20), 0)
    finally:
        os.close(ask)
        os.close(answer)
    execution = _execution(done)
    if done.status == "error" and done.exit_code == harness.TAMPERED:
        reason = "reached for the interpreter's own memory"
        return replace(execution, status="blocked", reason=reason), None
    if not secrets.compare_digest(said[: len(nonce)], nonce):
        if execution.status == "ok":
            execution = replace(execution, status="error", reason="ended before its end")
        return execution, None
    try:
        return execution, json.loads(said[len(nonce) :])
    except (ValueError, RecursionError):
        return replace(execution, status="blocked", reason="sent results that are none"), None


def _lines(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else "\n".join(map(str, text))


def same_output(printed: str, expected: str | Sequence[str]) -> bool:
    """MMCode's comparison of printed text: white space, blank lines, small differences of numbers,
    and the order of lines and of words in them do not count.
    """
    wanted = _lines(expected)
    out = printed.splitlines()
    lines = [line.strip() for line in wanted.split("\n") if line.strip()]
    if "\n".join(out).strip() == wanted.strip():
        return True
    if "\n".join(line.strip() for line in out).strip() == wanted.strip():
        return True
    full = [line for line in out if line.strip()]
    if lines in (out, full):
        return True
    if len(full) == len(lines) and _close(full, lines):
        return True
    words = [{frozenset(line.split()) for line in side} for side in (full, lines)]
    if words[0] == words[1]:
        return True
    try:
        rounded = [{frozenset(round(float(w), 3) for w in line) for line in side} for side in words]
    except (ValueError, OverflowError):
        return False
    return rounded[0] == rounded[1]


def _close(out: Sequence[str], lines: Sequence[str]) -> bool:
    """One number a line, all within 1e-8 + 1e-5 of the expected one."""
    try:
        pairs = [(float(a), float(b)) for a, b in zip(out, lines, strict=True)]
    except ValueError:
        return False
    return all(
        a == b or (math.isfinite(b) and abs(a - b) <= 1e-8 + 1e-5 * abs(b)) for a, b in pairs
    )


def same_value(answer: Any, expected: Any) -> bool:
    """MMCode's comparison of a returned value: equal to what is expected, or to its first item."""
    if isinstance(expected, dict):
        expected = _int_keys(expected)
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        expected = _int_keys(expected[0]) or expected
    if isinstance(answer, tuple):
        answer = list(answer)
    if bool(answer == expected):
        return True
    if not (isinstance(expected, list) and expected):
        return False
    if bool(answer == expected[0]):
        return True
    tuples = isinstance(answer, list) and answer and isinstance(answer[0], tuple)
    return bool(tuples) and _as_lists(answer) == expected[0]


def _as_lists(rows: Sequence[Any]) -> list[Any]:
    return [list(row) if isinstance(row, list | tuple | str | dict) else row for row in rows]


def _int_keys(table: dict[str, Any]) -> Any:
    """A list of the table with whole numbers as keys; the table itself where they are none."""
    try:
        return [{int(key): value for key, value in table.items()}]
    except ValueError:
        return table


class _Other:
    """A value that equals nothing."""


def _largest_table(value: Any) -> int:
    """Pairs of the largest dict in a value."""
    if isinstance(value, dict):
        return max([len(value), *map(_largest_table, value.values())])
    return max(map(_largest_table, value), default=0) if isinstance(value, list | tuple) else 0


def _value(said: Any, most: int) -> Any:
    """What harness._plain wrote; dicts of more than `most` pairs equal nothing that is expected.

    Keys may be made to collide, which makes a large dict quadratically slow to build.
    """
    kind, content = said
    if kind == "hex":
        return int(content, 16)
    if kind == "float":
        return float(content)
    if kind == "number":
        return complex(content)
    if kind == "ratio":
        return Fraction(int(content[0], 16), int(content[1], 16))
    if kind in ("list", "tuple"):
        items = [_value(item, most) for item in content]
        return items if kind == "list" else tuple(items)
    if kind == "dict" and len(content) > most:
        return _Other()
    if kind == "dict":
        pairs = [(_value(key, most), _value(value, most)) for key, value in content]
        hashable = [(k, v) for k, v in pairs if not isinstance(k, list | dict)]
        return dict(hashable) if len(hashable) == len(pairs) else _Other()
    return content if kind == "is" else _Other()


# --- InfiBench ------------------------------------------------------------------------------------

_DONE_C = """
#include <stdio.h>
extern "C" int __real_main(int, char**, char**);
extern "C" int __wrap_main(int c, char** v, char** e) {
  int code = __real_main(c, v, e);
  char nonce[65] = {0}; FILE* in = fdopen(NONCE, "r"); FILE* out = fdopen(RESULT, "w");
  if (code == 0 && in && out && fread(nonce, 1, 64, in) == 64) { fputs(nonce, out); fclose(out); }
  return code;
}
"""
_DONE_GO = """
package main
import "os"
func main() {
	viscodexMain()
	nonce := make([]byte, 64)
	n, _ := os.NewFile(NONCE, "nonce").Read(nonce)
	os.NewFile(RESULT, "result").Write(nonce[:n])
}
"""
_DONE_RUST = """
fn main() {
    use std::io::{Read, Write};
    use std::os::unix::io::FromRawFd;
    viscodex_main();
    let mut nonce = String::new();
    let mut source = unsafe { std::fs::File::from_raw_fd(NONCE) };
    source.read_to_string(&mut nonce).unwrap();
    let mut result = unsafe { std::fs::File::from_raw_fd(RESULT) };
    result.write_all(nonce.as_bytes()).unwrap();
}
"""
_DONE_JAVA = """
public class ViscodexDone {
  public static void main(String[] words) throws Exception {
    CLASS.main(words);
    try (var in = new java.io.FileInputStream("/proc/self/fd/NONCE");
         var out = new java.io.FileOutputStream("/proc/self/fd/RESULT")) {
      out.write(in.readNBytes(64));
    }
  }
}
"""
_DONE_NODE = """
const fs = require("fs"), write = fs.writeSync.bind(fs), path = require("path");
const nonce = fs.readFileSync(NONCE, "utf8"); fs.closeSync(NONCE);
let whole = false;
process.once("beforeExit", () => { if (whole && !process.exitCode) write(RESULT, nonce); });
globalThis.TOKEN = () => { whole = true; };
require(path.resolve("FILE"));
"""
_ENDINGS = {  # interpreters that read a program from top to bottom: its last line gives the proof
    "r": 'local({ con <- file("/proc/self/fd/NONCE", "r"); x <- readLines(con, warn = FALSE); cat(x, file = "/proc/self/fd/RESULT") })',
    "php": 'file_put_contents("php://fd/RESULT", file_get_contents("php://fd/NONCE"));',
    "bash": "cat <&NONCE >&RESULT",
}  # fmt: skip


def run_unit_test(
    code: str,
    test: str,
    language: str,
    *,
    compat: bool = False,
    files: Mapping[str, bytes] = {},
    limits: Limits | None = None,
    python: str | None = None,
    tier: str | None = None,
    allow_unsafe: bool = False,
) -> Execution:
    """A program and its tests, run to the end: status "ok" means passed.

    Args:
        code: the answer, what goes before it included (import lines, prefix).
        test: source that follows it.
        compat: passed means exit status 0 (Python: no exception) of what the compiler wrote, as
            InfiBench has it. Otherwise
            the program must also prove that it came to its end, so os._exit(0) or exit() in an
            answer passes nothing; a Python answer must be whole without its test. This stops
            early ends and ordinary trickery; compiled programs, and code that reads its own
            process's memory, can still forge their own result.
        files: relative name -> content, in the working directory.
        python: interpreter with the libraries of the benchmark; None takes ours.

    Raises:
        MissingPart, IsolationMissing: as run_program does.
    """
    kind = language_of("c++" if language.lower() == "c" else language)
    limits = limits or Limits(wall=90, cpu=60 if kind.name == "c++" else 20)
    where = _where(tier, allow_unsafe)
    if kind.name == "python":
        order = {"mode": "unit", "parts": [code, test], "compat": compat}
        interpreter = python or sys.executable
        return _in_harness(interpreter, order, files, limits, where, refuse=["rt_sigaction"])[0]
    whole = f"{code}\n{test}\n"
    if compat or kind.name == "sql":
        ready = _prepare(whole, kind, limits, COMPILE_LIMITS, where, warned=compat)
        return ready if isinstance(ready, Execution) else _run(ready, files, "", limits)
    return _run_with_proof(whole, kind, files, limits, where)


def _run_with_proof(
    code: str,
    kind: Language,
    files: Mapping[str, bytes],
    limits: Limits,
    where: Mapping[str, Any],
) -> Execution:
    """Status "ok" only when the program's main came back and wrote the nonce after that."""
    nonce = secrets.token_hex(32)
    ask, answer = (os.memfd_create(name, os.MFD_CLOEXEC) for name in ("nonce", "answer"))
    try:
        os.pwrite(ask, nonce.encode(), 0)

        def fill(text: str) -> str:
            return text.replace("NONCE", str(ask)).replace("RESULT", str(answer))

        token = ""
        beside: dict[str, str] = {}
        words: list[str] = []
        if kind.name == "c++":
            beside, words = {"done.cpp": fill(_DONE_C)}, ["done.cpp", "-Wl,--wrap=main"]
        elif kind.name in ("go", "rust"):
            old, new = (
                ("func main", "func viscodexMain")
                if kind.name == "go"
                else ("fn main", "fn viscodex_main")
            )
            code = re.sub(rf"^(\s*(?:pub\s+)?){old}\b", rf"\g<1>{new}", code, flags=re.MULTILINE)
            if kind.name == "go":
                beside, words = {"done.go": fill(_DONE_GO)}, ["done.go"]
            else:
                code += fill(_DONE_RUST)
        elif kind.name == "java":
            beside = {"ViscodexDone.java": fill(_DONE_JAVA).replace("CLASS", _main_class(code))}
        elif kind.name in ("javascript", "typescript"):  # an early return does not come here
            token = f"_end_{secrets.token_hex(8)}"
            code += (
                f"\n;(globalThis as any).{token}();\n"
                if kind.name == "typescript"
                else f"\n;globalThis.{token}();\n"
            )
        elif kind.name in _ENDINGS:
            code += f"\n{fill(_ENDINGS[kind.name])}\n"
        ready = _prepare(code, kind, limits, COMPILE_LIMITS, where, beside, words)
        if isinstance(ready, Execution):
            return ready
        if kind.name == "java":
            ready = replace(ready, argv=[*ready.argv[:-1], "ViscodexDone"])
        if kind.name in ("javascript", "typescript"):
            script = fill(_DONE_NODE).replace("FILE", ready.argv[-1]).replace("TOKEN", token)
            ready = replace(
                ready,
                argv=[*ready.argv[:-1], "viscodex-done.cjs"],
                files={**ready.files, "viscodex-done.cjs": script.encode()},
            )
        done = _run(ready, files, "", limits, pass_fds=[ask, answer])
        proof = os.pread(answer, 65, 0).decode(errors="replace").strip()
    finally:
        os.close(ask)
        os.close(answer)
    if done.status == "ok" and not secrets.compare_digest(proof.encode(), nonce.encode()):
        return replace(done, status="error", reason="ended before its end")
    return done

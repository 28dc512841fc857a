"""House rules: who may import whom, no way out of the sandbox, documented names, true documents."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import viscodex
from viscodex import errors

ROOT = Path(__file__).parents[1]

LEVELS = {
    "types": 0, "errors": 0, "files": 0,
    "recipe": 1, "text": 1, "syntax": 1, "images": 1, "web": 1, "chat": 1,
    "execute": 2, "curve": 2, "merge.checkpoint": 2, "merge.layout": 2,
    "merge": 3, "models": 3, "data": 3,
    "train": 4, "tasks": 4,
    "evaluate": 5, "generate": 5, "report": 5, "plots": 5, "suite": 5,
    "merge.search": 6, "playground": 6, "nano": 6, "doctor": 6,
    "cli": 7, "__init__": 7, "__main__": 8,
}  # fmt: skip
"""DESIGN.md, "Who may import whom"; a folder stands for its modules unless one has its own line."""

NEVER = {
    "tasks": ("models", "train", "data", "merge"),  # a task never calls a model
    "train": ("execute",),
    "execute": ("merge", "recipe"),
}
"""Narrower than the levels; DESIGN.md, the arrows beside the levels."""

HEAVY = ("torch", "transformers", "numpy", "matplotlib", "pydantic")

MODULES = {
    ".".join(file.relative_to(ROOT / "viscodex").with_suffix("").parts): file
    for file in sorted((ROOT / "viscodex").rglob("*.py"))
}
each_module = pytest.mark.parametrize("module", MODULES)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


# --- imports --------------------------------------------------------------------------------------


def _level(module: str) -> int:
    """The line of the table that says most about a module."""
    parts = module.split(".")
    known = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    name = next((name for name in known if name in LEVELS), None)
    assert name is not None, f"viscodex/{'/'.join(parts)}.py has no line in LEVELS"
    return LEVELS[name]


def _absolute(module: str, node: ast.ImportFrom) -> str:
    """The dotted name that `from X import ...` reads, relative ones resolved."""
    if not node.level:
        return node.module or ""
    package = ["viscodex", *module.split(".")]
    return ".".join([*package[: len(package) - node.level], *filter(None, [node.module])])


def _imports(module: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import of a module, in functions too."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(module, node)
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def _own_imports(module: str) -> Iterator[tuple[int, str]]:
    """(line, module of ours) of every import of ours."""
    for line, name in _imports(module):
        if name != "viscodex.__version__" and name.split(".")[0] == "viscodex":
            parts = name.split(".")[1:]
            while parts and ".".join(parts) not in MODULES:
                if ".".join([*parts, "__init__"]) in MODULES:
                    parts.append("__init__")
                    break
                parts.pop()
            yield line, ".".join(parts) or "__init__"


@each_module
def test_modules_import_only_lower_levels_or_their_own_folder(module: str) -> None:
    folder = module.split(".")[0] if "." in module else ""
    wrong = []
    for line, other in _own_imports(module):
        same_folder = folder and other.startswith(f"{folder}.")
        if _level(other) > _level(module) or (
            _level(other) == _level(module) and not same_folder and other != module
        ):
            wrong.append(f"{module}:{line} imports {other}")
        if other.split(".")[0] in NEVER.get(module.split(".")[0], ()):
            wrong.append(f"{module}:{line} imports {other}, which it never may")
    assert not wrong


@each_module
def test_types_import_nothing_of_ours_and_execution_no_torch(module: str) -> None:
    roots = {name.split(".")[0] for _, name in _imports(module)}
    if module == "types":
        assert "viscodex" not in roots
    if module.startswith("execute."):
        assert not roots & {"torch", "transformers"}


ESCAPES = re.compile(
    r"(subprocess|multiprocessing|pty|pickle|marshal|shelve|dill|cloudpickle|joblib)(\..*)?"
    r"|os\.(system|popen|exec[lv]\w*|spawn\w+|posix_spawnp?|fork|forkpty)"
    r"|asyncio\.(subprocess.*|create_subprocess_\w+)"
    r"|concurrent\.futures\.(process.*|ProcessPoolExecutor)|ProcessPoolExecutor"
    r"|torch\.load|(builtins\.)?(eval|exec|compile|__import__)"
    r"|yaml\.(unsafe_load\w*|full_load\w*|UnsafeLoader|FullLoader|Loader)"
)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _safe_loaders(tree: ast.Module) -> set[str]:
    """SafeLoader and the classes of a module that extend it."""
    names = {"yaml.SafeLoader", "yaml.CSafeLoader"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and {_dotted(base) for base in node.bases} & names:
            names.add(node.name)
    return names


def _escapes(tree: ast.Module, imports: Iterator[tuple[int, str]]) -> list[str]:
    found = [f"{line}: {name}" for line, name in imports if ESCAPES.fullmatch(name)]
    safe = _safe_loaders(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and ESCAPES.fullmatch(_dotted(node)):
            found.append(f"{node.lineno}: {_dotted(node)}")
        if isinstance(node, ast.Call):
            keywords = {k.arg: k.value for k in node.keywords}
            if _dotted(node.func) in ("yaml.load", "yaml.load_all"):
                loader = keywords.get("Loader") or (node.args[1:2] or [ast.Name("none")])[0]
                if _dotted(loader) not in safe:
                    found.append(f"{node.lineno}: yaml.load without a SafeLoader")
            allow = keywords.get("allow_pickle")
            if allow is not None and not (isinstance(allow, ast.Constant) and allow.value is False):
                found.append(f"{node.lineno}: allow_pickle")
    return found


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith("execute.")])
def test_nothing_outside_execute_starts_a_process_or_runs_data(module: str) -> None:
    assert not _escapes(_tree(module), _imports(module))


@pytest.mark.parametrize(
    "line",
    [
        "os.system('x')",
        "os.execvp('x', [])",
        "eval('1')",
        "run = exec",
        "torch.load('x')",
        "yaml.load('x')",
        "yaml.load('x', Loader=yaml.Loader)",
        "yaml.load('x', yaml.UnsafeLoader)",
        "np.load('x', allow_pickle=True)",
        "asyncio.create_subprocess_exec('x')",
    ],
)
def test_the_escape_rule_itself_catches(line: str) -> None:
    assert _escapes(ast.parse(line), iter(()))


def _catches_all(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and _dotted(node.func).endswith("suppress"):
        return any(_dotted(arg) in ("Exception", "BaseException") for arg in node.args)
    if not isinstance(node, ast.ExceptHandler):
        return False
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    names = {"" if kind is None else _dotted(kind) for kind in kinds}
    last = node.body[-1]
    cleans_up = names == {"BaseException"} and isinstance(last, ast.Raise) and last.exc is None
    return bool(names & {"", "Exception", "BaseException"}) and not cleans_up


@each_module
def test_no_handler_swallows_everything(module: str) -> None:
    """BaseException may be caught to clean up, where the handler ends with a bare `raise`."""
    assert not [n.lineno for n in ast.walk(_tree(module)) if _catches_all(n)]  # type: ignore[attr-defined]


# --- documentation --------------------------------------------------------------------------------


@each_module
def test_module_says_in_out_and_not_covered(module: str) -> None:
    text = ast.get_docstring(_tree(module)) or ""
    assert text
    if module.split(".")[-1] != "__main__" or "\n" in text:
        starts = [line.split(":")[0].strip() for line in text.splitlines() if ":" in line]
        assert [s for s in starts if s in ("in", "out", "not covered")] == [
            "in",
            "out",
            "not covered",
        ]


def _undocumented(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from _undocumented(node.body)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{node.name} in line {node.lineno}"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(node.body)


@each_module
def test_every_public_function_class_and_method_has_a_docstring(module: str) -> None:
    assert not list(_undocumented(_tree(module).body))


def test_the_error_tree_in_the_docstring_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^    ([ │├└─]*)([A-Z]\w+)", line):
            depth = len(found[1]) // 4
            path = [*path[:depth], found[2]]
            drawn[found[2]] = path[depth - 1] if depth else "Exception"
    real = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__base__ is not None
    }
    assert drawn == real


# --- public names ---------------------------------------------------------------------------------


def test_public_names_are_what_type_checkers_are_told() -> None:
    told = {
        alias.asname or alias.name
        for node in _tree("__init__").body
        if isinstance(node, ast.If) and _dotted(node.test) == "TYPE_CHECKING"
        for inner in node.body
        if isinstance(inner, ast.ImportFrom)
        for alias in inner.names
    }
    assert set(viscodex.__all__) == told | {"__version__"}
    assert len(set(viscodex.__all__)) == len(viscodex.__all__)
    assert dir(viscodex) == sorted(viscodex.__all__)


def test_public_names_are_bound_where_type_checkers_are_told() -> None:
    for node in ast.walk(_tree("__init__")):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("viscodex."):
            for alias in node.names:
                home = vars(viscodex)["_HOME"].get(alias.name, node.module)
                assert (alias.name, home) == (alias.name, node.module)


@pytest.mark.parametrize("name", [n for n in viscodex.__all__ if n != "__version__"])
def test_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(viscodex, name)
    assert callable(value)
    assert inspect.getdoc(value)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = viscodex.no_such_name


@pytest.mark.parametrize(
    "code",
    [
        "import viscodex",
        "import viscodex; dir(viscodex); viscodex.merge; viscodex.ViscodexError",
        "import runpy; sys.argv = ['viscodex', '--help']; runpy.run_module('viscodex', {}, '__main__')",
        "import runpy; sys.argv = ['viscodex', '--version'];"
        "runpy.run_module('viscodex', {}, '__main__')",
    ],
)
def test_import_and_help_load_nothing_heavy(code: str) -> None:
    report = f"sys.stderr.write(' '.join(m for m in {HEAVY} if m in sys.modules))"
    script = f"import atexit, sys\natexit.register(lambda: {report})\n{code}\n"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- files of the repository ----------------------------------------------------------------------


def test_no_committed_file_names_a_registry_or_a_place_of_one_machine() -> None:
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    banned = ["pypi" + ".org", "huggingface" + ".co", "/opt" + "/", "/work" + "/"]
    found = []
    for name in filter(None, done.stdout.split("\0")):
        file = ROOT / name
        if file.is_file():
            text = file.read_bytes().decode("utf-8", "ignore")
            found += [f"{name}: {word}" for word in banned if word in text]
    assert not found


def _commands(text: str) -> Iterator[list[str]]:
    """The words after `viscodex` of every such command in a shell text, one command each."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
        lexer.whitespace_split = True
        command: list[str] | None = None
        for word in [*lexer, ";"]:
            if command is None:
                command = [] if Path(word).name == "viscodex" else None
            elif set(word) <= set("|;&<>"):
                yield command
                command = None
            else:
                command.append(word)


def _assert_understood(words: list[str]) -> None:
    """Every verb exists, its --help works, and it knows every option that is given."""
    import typer
    from typer.testing import CliRunner

    from viscodex.cli import app

    command: Any = typer.main.get_command(app)
    path: list[str] = []
    for word in words:
        if word.startswith("-"):
            continue
        if not hasattr(command, "commands"):
            break
        assert word in command.commands, f"viscodex {' '.join([*path, word])}: no such command"
        command = command.commands[word]
        path.append(word)
    help_ = CliRunner().invoke(app, [*path, "--help"])
    assert help_.exit_code == 0
    known = {"--help"}.union(*(set(p.opts) | set(p.secondary_opts) for p in command.params))
    given = {word.split("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)}
    assert given <= known, f"viscodex {shlex.join(words)}"


DOCUMENTS = [p for p in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if p.exists()]
each_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))


@each_document
def test_commands_of_the_document_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", text, re.M | re.S):
        for words in _commands(block):
            _assert_understood(words)


@each_document
def test_relative_links_of_the_document_resolve(file: Path) -> None:
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"\]\(<?([^)\s>]+)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    paths = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert not [path for path in paths if not (file.parent / path).exists()]


RECIPES = sorted(p for p in (ROOT / "recipes").rglob("*.yaml") if p.parent.name != "accelerate")
KINDS = {
    "merge": "viscodex.recipe:MergeRecipe",
    "search": "viscodex.merge.search.recipe:SearchRecipe",
    "data": "viscodex.data.recipe:DataRecipe",
    "train": "viscodex.train.recipe:TrainRecipe",
    "paper": "viscodex.train.recipe:TrainRecipe",
    "suite": "viscodex.suite.recipe:SuiteRecipe",
    "nano": "viscodex.nano.recipe:NanoRecipe",
}
"""Folder of recipes/ -> the class that its files are read as."""


@pytest.mark.parametrize("file", RECIPES, ids=lambda p: str(p.relative_to(ROOT)))
def test_recipe_begins_with_its_command_and_is_valid(file: Path) -> None:
    from viscodex.recipe import read_recipe

    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# viscodex ")
    ((*words,),) = _commands(first.removeprefix("# "))
    _assert_understood(words)
    assert str(file.relative_to(ROOT)) in words
    kind = file.relative_to(ROOT / "recipes").parts[0] if file.parent.name != "recipes" else "merge"
    assert kind in KINDS, f"add the class of recipes/{kind}/ to KINDS"
    module, _, name = KINDS[kind].partition(":")
    recipe = read_recipe(getattr(importlib.import_module(module), name), file)
    if kind == "merge":
        assert recipe.sections()


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda p: p.name)
def test_example_is_short_and_says_what_it_does(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert ast.get_docstring(ast.parse(text))

"""Suites of case files: which cases there are, each read and checked.

in:  a suite file, a folder, a zip or tar, JSON lines of InfiBench-V
out: the cases by id; what is broken, by name
not covered: grading
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from viscodex.errors import BadDataset
from viscodex.tasks.archive import unpacked
from viscodex.tasks.cases import REDUCE, Case, CaseError, CaseReader
from viscodex.tasks.handlers import Handler
from viscodex.tasks.task import ProtocolName

MAX_YAML = 2_000_000  # bytes of one case or suite file
STEPS = (
    "InfiBench: clone infi-coder/infibench-evaluation-harness (or infibench-evaluator) and give the\n"
    "suite file. InfiBench-V: a folder with cases as *.yaml or *.jsonl in the format infibench-v/1\n"
    "(docs/evaluation.md); the questions of the paper are not public."
)


@dataclass(frozen=True, slots=True)
class InfiItem:
    """A case as either protocol reads it."""

    paper: Case | None
    strict: Case | None
    reason: str = ""  # why one of them is None
    reduce: str = ""

    def case(self, protocol: ProtocolName) -> Case | None:
        """The case of a protocol; None where it is broken."""
        return self.paper if protocol == "paper" else self.strict


@dataclass(slots=True)
class Suite:
    """What a suite holds."""

    items: dict[str, InfiItem] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)  # file or id -> what is wrong
    reduce: str = ""
    version: str = ""
    revision: str = ""


def read_suite(
    place: Path,
    split: str = "",
    *,
    visual: bool = False,
    handlers: Mapping[str, Handler] | None = None,
) -> Suite:
    """All cases of a suite, whole or broken.

    Args:
        place: a suite file (`cases:` has paths), a folder of case files or with one suite file,
            JSON lines, or an archive of these.
        split: name of the suite file, where a folder has several.
        visual: InfiBench-V.

    Raises:
        BadDataset: no cases are found at all.
    """
    if not place.exists():
        raise BadDataset("there is no such file or folder", str(place), STEPS)
    if place.is_file() and place.suffix.lower() in (".zip", ".tar", ".gz", ".tgz"):
        place = unpacked(place)
    suite, digest = Suite(), hashlib.sha256()
    root = place if place.is_dir() else place.parent
    for name, folder, data in _cases(place, split, suite):
        if isinstance(data, str):
            suite.broken[name] = data
            continue
        digest.update(json.dumps([name, data], default=str, sort_keys=True).encode())
        key, item = _read(name, folder, root, data, visual, handlers or {})
        if item.reason:
            suite.broken[f"{name} ({key})"] = item.reason
        if key in suite.items:
            suite.broken[name] = f"id: {key} is there twice"
        suite.items[key] = InfiItem(
            item.paper, item.strict, item.reason, item.reduce or suite.reduce
        )
    if not suite.items and not suite.broken:
        raise BadDataset("there are no cases in it", str(place), STEPS)
    suite.revision = digest.hexdigest()
    return suite


def _read(
    name: str, folder: Path, root: Path, data: Any, visual: bool, handlers: Mapping[str, Handler]
) -> tuple[str, InfiItem]:
    key = str(data.get("id", name)) if isinstance(data, dict) else name
    readers = [
        CaseReader(folder, root, strict=visual, official=not visual and paper, handlers=handlers)
        for paper in (True, False)
    ]
    cases: list[Case | None] = []
    reason = ""
    for reader in readers:
        try:
            cases.append(reader.read(data))
        except (CaseError, OSError) as error:
            cases.append(None)
            reason = str(error)
    paper, strict = cases
    mode = next((case.reduce for case in cases if case), "")
    return key, InfiItem(paper, strict, reason, mode)


def _cases(place: Path, split: str, suite: Suite) -> Iterator[tuple[str, Path, Any]]:
    """(name for people, folder of its paths, the mapping or what is wrong with the file)."""
    if place.is_file():
        yield from _file(place, suite, place.parent)
        return
    files = sorted(p for p in place.rglob("*") if p.suffix in (".yaml", ".yml", ".jsonl"))
    top = [(file, _load(file)) for file in files if file.suffix != ".jsonl"]
    suites = [file for file, data in top if isinstance(data, dict) and "cases" in data]
    chosen = [file for file in suites if not split or split in (file.stem, file.name)]
    if len(chosen) > 1:
        names = ", ".join(sorted(file.name for file in chosen))
        raise BadDataset(
            "there are several suites", f"{place}: {names}", "Choose one with --split."
        )
    if chosen:
        yield from _file(chosen[0], suite, place)
        return
    for file, data in top:
        if isinstance(data, str) or (isinstance(data, dict) and _is_case(data)):
            yield file.relative_to(place).as_posix(), file.parent, data
    for file in files:
        if file.suffix == ".jsonl":
            yield from _file(file, suite, place)


def _is_case(data: dict[str, Any]) -> bool:
    """It grades, or says that it is a case: one that forgot its grading is broken, not absent."""
    return "grading" in data or str(data.get("format")).startswith("infibench-v")


def _file(file: Path, suite: Suite, root: Path) -> Iterator[tuple[str, Path, Any]]:
    if file.suffix == ".jsonl":
        for n, line in enumerate(file.read_text("utf-8", "replace").split("\n"), 1):
            if line.strip():
                try:
                    yield f"{file.name}:{n}", file.parent, json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield f"{file.name}:{n}", file.parent, f"no JSON: {error}"
        return
    data = _load(file)
    if not isinstance(data, dict) or "cases" not in data:
        yield file.name, file.parent, data
        return
    suite.reduce, suite.version = (
        str(data.get("attempt_reduce_mode", "")),
        str(data.get("version", "")),
    )
    if suite.reduce and not REDUCE.fullmatch(suite.reduce):
        suite.broken[file.name] = f"attempt_reduce_mode: {suite.reduce!r} is unknown"
        suite.reduce = ""
    for one in data["cases"] if isinstance(data["cases"], list) else ():
        name = str(one.get("path") if isinstance(one, dict) else one)
        path = next((p for p in (file.parent / name, root / name) if p.is_file()), None)
        if path is None or not path.resolve().is_relative_to(root.resolve()):
            yield name, file.parent, "there is no such case file"
        else:
            yield name, path.parent, _load(path)


def _load(file: Path) -> Any:
    """The content of a YAML file; text says what is wrong with it."""
    if file.stat().st_size > MAX_YAML:
        return f"more than {MAX_YAML:,} bytes"
    try:
        return yaml.load(file.read_bytes(), yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"no YAML that is safe: {' '.join(str(error).split())[:200]}"

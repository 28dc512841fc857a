"""Rows of benchmarks: which of their columns are question, code and pictures.

in:  a row of a table as JSON, YAML, CSV or parquet gives it
out: BenchmarkItem; the nouns of reading a benchmark
not covered: files and folders (benchmarks.py)

Columns are known by their names: those that the benchmarks here use, at any depth; any longer text
counts as a question besides. Pictures are bytes or base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from viscodex.text import fences

MAX_NODES = 200_000
"""Of one row: YAML can say in 300 bytes what takes for ever to walk through."""
LONG_TEXT = 80
"""Characters from which a text in a column of any name is looked at."""

QUESTIONS = ("question", "prompt", "instruction", "problem", "description", "query")
CODES = (
    "code", "solution", "solutions", "canonical_solution", "reference", "references", "gt_code",
    "ground_truth_code", "ground_truth_figure_code", "html", "answer", "tests", "starter_code",
)  # fmt: skip
IDS = ("id", "problem_id", "task_id", "idx", "index", "name", "file")
SKIPPED = ("url", "raw_problem", "input_output", "licence", "license", "source")

ROW_LAYOUTS: dict[str, tuple[frozenset[str], ...]] = {
    "infibench": (frozenset({"grading"}), frozenset({"cases"})),
    "mmcode": (frozenset({"question", "solutions"}),),
    "chartmimic": (
        frozenset({"ground_truth_figure_code"}),
        frozenset({"idx", "width", "height"}),
    ),
    "design2code": (frozenset({"image", "text"}),),
}
"""Layout -> columns of which one set is there."""


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One piece of a benchmark that a training set must not contain."""

    benchmark: str  # name of the folder
    id: str
    file: str  # relative to the folder; of a row with its number: test.jsonl:17
    layout: str = "folder"  # design2code, chartmimic, mmcode, infibench, infibench-v
    code: tuple[str, ...] = ()  # references, solutions, pages
    language: str = "python"  # of the code
    question: str = ""
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file or row that could not be read."""

    file: str
    reason: str


@dataclass(slots=True)
class ReadLog:
    """What of a folder was not read."""

    bad: list[BadFile] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)  # suffix -> files of unknown kind

    def note(self, file: str, reason: str) -> None:
        """Put down what could not be read."""
        self.bad.append(BadFile(file, " ".join(reason.split())[:300]))


@dataclass(slots=True)
class _Found:
    """What of a row is question, code and picture."""

    questions: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    nodes: int = 0


def items_of_row(
    row: Any, item: BenchmarkItem, number: int, log: ReadLog
) -> Iterator[BenchmarkItem]:
    """The item that a row of a table is; none where it holds nothing to compare.

    Args:
        row: what JSON, YAML, CSV or parquet gave.
        item: of the file.
        number: of the row in it, from 1; 0 where the file is the row.
        log: gets rows that are too large to look through.
    """
    where = f"{item.file}:{number}" if number else item.file
    found = _Found()
    try:
        _take(found, "", row, 0)
    except ValueError as error:
        log.note(where, str(error))
        return
    named = row if isinstance(row, dict) else {}
    label = next((str(named[key]) for key in IDS if named.get(key) not in (None, "")), "")
    if found.questions or found.code or found.images:
        yield replace(
            item,
            id=label or (f"{item.id}:{number}" if number else item.id),
            file=where,
            layout=_row_layout(named),
            code=tuple(found.code),
            language=_language(named, found.code),
            question="\n".join(found.questions),
            images=tuple(found.images),
        )


def _language(row: Mapping[str, Any], code: list[str]) -> str:
    said = row.get("language") or row.get("lang")
    if isinstance(said, str):
        return said.casefold()
    return "html" if any(map(_is_page, code)) else "python"


def _row_layout(row: Mapping[str, Any]) -> str:
    if str(row.get("format", "")).startswith("infibench-v"):
        return "infibench-v"
    layouts = (name for name, sets in ROW_LAYOUTS.items() if any(keys <= set(row) for keys in sets))
    return next(layouts, "folder")


def _take(found: _Found, key: str, value: Any, depth: int) -> None:
    """Sort a value, and all that it holds, by the name of the column it stands in."""
    found.nodes += 1
    if found.nodes > MAX_NODES or depth > 50:
        raise ValueError(f"a row of more than {MAX_NODES} values or 50 levels")
    if isinstance(value, dict):
        if "role" in value and "content" in value:  # a turn of a conversation
            key = "question" if value["role"] != "assistant" else "answer"
            value = {key: value["content"]}
        for name, inner in value.items():
            # a nested column without a telling name is what its parent is
            _take(found, name if _is_known(name) else key or str(name), inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _take(found, key, inner, depth + 1)
    elif isinstance(value, bytes):
        found.images.append(value)
    elif isinstance(value, str) and value.strip() and key not in SKIPPED:
        _take_text(found, key, value)


def _is_known(name: Any) -> bool:
    return name in QUESTIONS or name in CODES or name in SKIPPED


def _take_text(found: _Found, key: str, text: str) -> None:
    picture = _picture(text)
    if picture is not None:
        found.images.append(picture)
    elif key in CODES or _is_page(text):
        blocks = [block.code for block in fences(text)]
        if key == "solutions" and text.lstrip().startswith("["):  # a list, as JSON in a string
            blocks = _strings(text)
        found.code += blocks or [text]
        if blocks:
            found.questions.append(text)
    elif key in QUESTIONS or len(text) >= LONG_TEXT:
        found.questions.append(text)
        found.code += [block.code for block in fences(text)]


def _strings(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _is_page(text: str) -> bool:
    start = text.lstrip()[:200].casefold()
    return start.startswith(("<!doctype html", "<html"))


def _picture(text: str) -> bytes | None:
    """The picture that a text is in base64, with or without data:image/png;base64, before it."""
    body = text.partition("base64,")[2] if text.startswith("data:") else text
    if not body.startswith(("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk")) or len(body) < 60:
        return None
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None

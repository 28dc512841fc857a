"""Recorded answers of any system.

in:  JSON lines (plain or gzipped): {"id": ..., "answer": ...} and what is said beside
out: sample id -> its completions, in order
not covered: finding code in them (text.py)
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from viscodex.errors import BadDataset, BadInput
from viscodex.tasks.archive import Row, is_table, read_rows
from viscodex.types import Completion

ID_KEYS = ("sample_id", "id", "task_id", "problem_id", "question_id", "idx", "index", "name")
TEXT_KEYS = (
    "answer", "text", "response", "responses", "answers", "completion", "completions", "prediction",
    "output", "generation", "generations", "content",
)  # fmt: skip
"""The first of these names that a row has; lists are several answers to one question."""
_LINE = 'Each line: {"id": "...", "answer": "..."}'


def read_answers(path: Path) -> dict[str, list[Completion]]:
    """Sample id -> completions; rows with the same id are further answers to one question.

    Raises:
        BadInput: with the row that cannot be read; or there is none.
        OSError: the file cannot be read.
    """
    if not is_table(path.name):
        raise BadInput(
            "answers are read from JSON lines",
            str(path),
            _LINE,
        )
    try:
        rows = read_rows(path.name, path.read_bytes())
    except BadDataset as error:
        raise BadInput("the answers cannot be read", f"{path}: {error.__cause__}", _LINE) from error
    if not rows:
        raise BadInput("there are no answers in it", str(path), _LINE)
    answers: dict[str, list[Completion]] = {}
    for n, row in enumerate(rows, 1):
        key = next((row[name] for name in ID_KEYS if row.get(name) is not None), None)
        name = next((name for name in TEXT_KEYS if name in row), None)
        if key is None or name is None or isinstance(key, dict | list):
            raise BadInput(
                "a row has no id, or no answer", f"{path}, row {n}: {', '.join(map(str, row))[:200]}",
                f"Name them `id` and `answer` (also known: {', '.join((*ID_KEYS, *TEXT_KEYS))}).",
            )  # fmt: skip
        said = row[name] if isinstance(row[name], list) else [row[name]]
        answers.setdefault(str(key), []).extend(_completion(one, row, path, n) for one in said)
    return answers


def _completion(said: Any, row: Row, path: Path, n: int) -> Completion:
    if isinstance(said, dict):
        row, said = {**row, **said}, next((said[k] for k in TEXT_KEYS if k in said), None)
    if said is not None and not isinstance(said, str):
        raise BadInput(
            "an answer is no text", f"{path}, row {n}: {type(said).__name__}", "Give a string."
        )
    reason = row.get("finish_reason") or row.get("stop_reason")
    return Completion(
        text=said or "",
        finish_reason=str(reason) if reason else None,
        prompt_tokens=_count(row.get("prompt_tokens")),
        completion_tokens=_count(row.get("completion_tokens")),
        seconds=float(row["seconds"]) if isinstance(row.get("seconds"), int | float) else None,
        error=row["error"] if isinstance(row.get("error"), str) else "",
    )


def _count(value: Any) -> int | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if usable else None

"""Recorded answers as a model: of any system, found by the id of the sample or by the prompt.

in:  JSON lines: {"id": ..., "answer": ...} or {"prompt": hash of the prompt, "answer": ...}
out: the recorded completions
not covered: making such files (record), scoring them without a model (tasks/answers.py)
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput
from viscodex.models.model import Decoding, Model, Prompt, prompt_hash
from viscodex.types import Completion

_LINE = (
    'Each line: {"id": "...", "answer": "..."} or {"prompt": "...", "answer": "..."},\n'
    "as `record` of viscodex/models/replay.py writes them."
)


class Replay:
    """Answers from a file; a prompt that is not in it has an error for an answer.

    Several lines of one id or prompt are its first answer, its second, ...

    Raises:
        BadInput: with the line that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"replay/{path}"
        self._answers: dict[str, list[Completion]] = defaultdict(list)
        data = _read(path)
        self.identity: dict[str, Any] = {
            "kind": "replay", "file": path.name, "sha256": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        for n, line in enumerate(data.splitlines(), 1):
            if line.strip():
                keys, completion = _row(line, f"{path}, line {n}")
                for key in keys:
                    self._answers[key].append(completion)

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def complete(self, prompts: Iterable[Prompt], decoding: Decoding) -> Iterator[Completion]:
        """See Model.complete; decoding matters for the number of answers alone."""
        for prompt in prompts:
            found = self._answers.get(f"id {prompt.id}") if prompt.id else None
            if found is None:
                found = self._answers.get(f"prompt {prompt_hash(prompt)}", [])
            for k in range(decoding.n):
                yield found[k] if k < len(found) else _missing(prompt, k)

    def stream(self, prompt: Prompt, decoding: Decoding) -> Generator[str, None, Completion]:
        """See Model.stream; the answer comes in one piece."""
        completion = next(iter(self.complete([prompt], decoding)))
        if completion.text:
            yield completion.text
        return completion


def _missing(prompt: Prompt, k: int) -> Completion:
    what = prompt.id or prompt_hash(prompt)
    which = f"no answer number {k + 1}" if k else "no answer"
    return Completion("", "error", error=f"there is {which} to {what} among the recorded ones")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput("the recorded answers cannot be read", f"{path}: {why}", _LINE) from error


def _row(line: bytes, where: str) -> tuple[list[str], Completion]:
    """The keys of a recorded answer, and the answer."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BadInput("a recorded answer is no JSON", f"{where}: {error}", _LINE) from error
    keys = [
        f"{name} {row[name]}"
        for name in ("id", "prompt")
        if isinstance(row, dict) and row.get(name) not in (None, "")
    ]
    if not keys or not isinstance(row.get("answer"), str):
        raise BadInput("a recorded answer has no id, or no text", where, _LINE)
    numbers = {
        name: row[name]
        for name in ("prompt_tokens", "completion_tokens", "seconds", "probability")
        if isinstance(row.get(name), int | float)
    }
    reason = row.get("finish_reason")
    done = Completion(
        row["answer"], str(reason) if reason else None, error=str(row.get("error") or ""), **numbers
    )
    return keys, done


def record(prompt: Prompt, completion: Completion) -> str:
    """The line of an answer, without its newline; open_model("replay/FILE") reads it."""
    row: dict[str, Any] = {"id": prompt.id} if prompt.id else {}
    row |= {"prompt": prompt_hash(prompt), "answer": completion.text}
    for name in ("finish_reason", "prompt_tokens", "completion_tokens", "seconds", "probability"):
        if getattr(completion, name) is not None:
            row[name] = getattr(completion, name)
    if completion.error:
        row["error"] = completion.error
    return json.dumps(row, ensure_ascii=False)


def open_replay(path: str, **_: object) -> Model:
    """The model of recorded answers; settings are of no use to it."""
    return Replay(Path(path))

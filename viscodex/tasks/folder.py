"""A run on disk: what was asked and answered, each score as it came, the reports.

in:  a folder
out: run.json, answers.jsonl, scores.jsonl, report.json, pictures/: docs/evaluation.md has the format
not covered: scoring (run.py), asking a model (evaluate/), pages for people (report)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from viscodex.errors import OutputRefused
from viscodex.files import whole_lines, write_atomically
from viscodex.types import Completion, Score, from_json

Key = tuple[str, int, str, str]  # sample, attempt, protocol, hash of the answer

_ANOTHER = "Choose another folder with -o, or remove this one."


@dataclass(frozen=True, slots=True)
class Given:
    """One line of answers.jsonl: a completion, and what it answers."""

    sample_id: str
    attempt: int  # 0 is the first answer to the question
    completion: Completion
    key: str = ""  # hash of all that the answer depends on; empty: it came from elsewhere

    @property
    def line(self) -> str:
        """JSON without a newline: id, attempt, key, answer, then what is known of the Completion."""
        said = self.completion
        row = {"id": self.sample_id, "attempt": self.attempt, "key": self.key, "answer": said.text}
        for field in fields(Completion):
            value = getattr(said, field.name)
            if field.name != "text" and value not in (None, ""):
                row[field.name] = value
        return json.dumps(row)


def given_from_line(line: bytes) -> Given:
    """What `Given.line` wrote.

    Raises:
        ValueError, LookupError, TypeError: it is no such line.
    """
    row = json.loads(line)
    known = {f.name: row[f.name] for f in fields(Completion) if f.name in row}
    return Given(
        str(row["id"]), int(row["attempt"]), Completion(row["answer"], **known), str(row["key"])
    )


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of `viscodex score` and `viscodex eval`."""

    place: Path

    @property
    def scores(self) -> Path:
        """One Score a line, in the order in which they came."""
        return self.place / "scores.jsonl"

    @property
    def answers(self) -> Path:
        """One Given a line: in the order in which they came, once all are there in that of the items."""
        return self.place / "answers.jsonl"

    def open(
        self, identity: Mapping[str, Any], about: Mapping[str, Any] | None = None
    ) -> dict[Key, Score]:
        """Begin or resume; the scores that are there already.

        Args:
            identity: what a resumed run must agree in.
            about: what else run.json says, in its key `about`; that of the last session stays.

        Raises:
            OutputRefused: something else is there, or a run of another benchmark or model.
        """
        if self.place.exists() and not self.place.is_dir():
            raise OutputRefused("the output is a file", str(self.place), "Choose another with -o.")
        self.place.mkdir(parents=True, exist_ok=True)
        file = self.place / "run.json"
        if file.exists():
            there = self.identity()
            names = [*identity, *(k for k in there if k not in identity and k != "about")]
            differ = [k for k in names if there.get(k) != identity.get(k)]
            if differ:
                raise OutputRefused(
                    "this folder has another run",
                    "\n".join(
                        f"{k}: {there.get(k)} there, {identity.get(k)} asked" for k in differ
                    ),
                    _ANOTHER,
                )
        elif any(self.place.iterdir()):
            raise OutputRefused(
                "the folder is not empty and holds no run",
                str(self.place),
                "Choose another with -o.",
            )
        told = {**identity, "about": dict(about or {})}
        write_atomically(file, json.dumps(told, indent=1))
        return self.read()

    def identity(self) -> dict[str, Any]:
        """What run.json says; empty where it cannot be read."""
        try:
            there = json.loads((self.place / "run.json").read_text("utf-8"))
        except ValueError:
            there = None
        return there if isinstance(there, dict) else {}

    def read(self) -> dict[Key, Score]:
        """All whole lines of the scores; what a killed run left unfinished is dropped."""
        try:
            scores = [from_json(Score, line) for line in whole_lines(self.scores)]
        except ValueError as error:
            raise self._unreadable("scores", self.scores, error) from error
        return {key_of(score): score for score in scores}

    def read_answers(self) -> dict[tuple[str, int], Given]:
        """(sample, attempt) -> the last whole line about it.

        Raises:
            OutputRefused: the file is there and is not of a run.
        """
        try:
            found = [given_from_line(line) for line in whole_lines(self.answers)]
        except (ValueError, LookupError, TypeError) as error:
            raise self._unreadable("answers", self.answers, error) from error
        return {(one.sample_id, one.attempt): one for one in found}

    def write_answers(self, answers: Iterable[Given]) -> None:
        """Write all of answers.jsonl, in this order."""
        write_atomically(self.answers, "".join(f"{one.line}\n" for one in answers))

    def _unreadable(self, what: str, file: Path, error: Exception) -> OutputRefused:
        return OutputRefused(
            f"the {what} of this run cannot be read",
            f"{file}: {' '.join(str(error).split())[:200]}",
            _ANOTHER,
        )


def key_of(score: Score) -> Key:
    """What a score is the score of."""
    return score.sample_id, score.attempt, score.protocol, score.answer_hash


def hash_of(completion: Completion) -> str:
    """Identity of an answer's text, or of why there is none."""
    said = f"{completion.finish_reason}\0{completion.text}"
    if completion.error:
        said += f"\0{completion.error}"
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]

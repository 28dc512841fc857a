"""What came of a picture: the code that was chosen, what it draws, all that was tried.

in:  attempts
out: Generated; a row for JSON lines; HTML for notebooks
not covered: how it was made (writer.py)
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput
from viscodex.files import write_atomically
from viscodex.generate.attempt import Attempt
from viscodex.generate.picture import Picture
from viscodex.generate.question import TaskName
from viscodex.images import data_url
from viscodex.types import Execution


@dataclass(frozen=True, slots=True)
class Generated:
    """The code of a picture. In a notebook it shows picture, code and render."""

    picture: Picture
    task: TaskName
    prompt: str  # that was asked
    model: str
    attempts: tuple[Attempt, ...]  # in the order in which they were made
    notices: tuple[str, ...] = ()  # what a person should know
    seconds: float = 0.0  # wall time of all of it

    @property
    def best(self) -> Attempt:
        """The attempt that was chosen; see Attempt.rank. Of equal ones the first."""
        return max(self.attempts, key=lambda attempt: attempt.rank)

    @property
    def code(self) -> str:
        """The code; empty where the answer has none."""
        return self.best.answer.code

    @property
    def language(self) -> str:
        """python, html, ...; empty: not known."""
        return self.best.answer.language

    @property
    def text(self) -> str:
        """The whole answer."""
        return self.best.answer.completion.text

    @property
    def execution(self) -> Execution | None:
        """What became of the code; None where nothing was run."""
        return self.best.execution

    @property
    def render(self) -> bytes | None:
        """What the code draws, PNG; None where it failed or was not run."""
        return self.best.render

    @property
    def likeness(self) -> float:
        """Of the render to the picture, 0 .. 1 (likeness.py); NaN where there is no render."""
        return self.best.likeness

    @property
    def status(self) -> str:
        """ok; unanswered: the model gave nothing; or the status of the execution."""
        completion = self.best.answer.completion
        if completion.error:
            return "unanswered"
        if self.execution is not None:
            return self.execution.status
        if self.task == "qa":
            return "ok" if completion.text.strip() else "unanswered"
        return "ok" if self.code.strip() else "no_code"

    @property
    def reason(self) -> str:
        """Why the status is not ok; one line."""
        error = self.best.answer.completion.error
        if error or self.execution is None:
            return error or ("" if self.status == "ok" else "there is no code in the answer")
        return self.execution.reason

    @property
    def ok(self) -> bool:
        """The code ran, or the question was answered."""
        return self.status == "ok"

    @property
    def output(self) -> str:
        """What was asked for: the code; the answer where the question was no request for code."""
        return self.text if self.task == "qa" else self.code

    def __str__(self) -> str:
        return self.output

    def save(self, path: str | Path) -> None:
        """Write the code to a file, which stays as it is where there is no code.

        Raises:
            BadInput: there is none.
        """
        text = self.output
        if not text.strip():
            raise BadInput("there is no code", f"{self.picture.name}: {self.status}", self.reason)
        write_atomically(Path(path), text if text.endswith("\n") else text + "\n")

    def save_render(self, path: str | Path) -> None:
        """Write what the code draws to a PNG file.

        Raises:
            BadInput: there is none.
        """
        if self.render is None:
            raise BadInput("there is no render", f"{self.picture.name}: {self.status}", self.reason)
        write_atomically(Path(path), self.render)

    def row(self) -> dict[str, Any]:
        """JSON: one line of what `viscodex generate` writes for many pictures."""
        best, completion = self.best, self.best.answer.completion
        return {
            "image": self.picture.name,
            "sha256": self.picture.sha256,
            "task": self.task,
            "prompt": self.prompt,
            "model": self.model,
            "status": self.status,
            "reason": self.reason,
            "code": self.code,
            "language": self.language,
            "answer": self.text,
            "problem": best.answer.problem,
            "likeness": None if math.isnan(self.likeness) else round(self.likeness, 4),
            "kind": best.kind,
            "attempts": len(self.attempts),
            "finish_reason": completion.finish_reason,
            "completion_tokens": completion.completion_tokens,
            "probability": completion.probability,
            "notices": list(self.notices),
            "seconds": round(self.seconds, 3),
        }

    def _repr_html_(self) -> str:
        """Picture, code and render beside one another; nothing of the answer is markup here."""
        facts = [self.task, self.model, self.status]
        if not math.isnan(self.likeness):
            facts.append(f"likeness {self.likeness:.2f}")
        notes = "".join(
            f"<div>{html.escape(note)}</div>"
            for note in (*filter(None, [self.reason]), *self.notices)
        )
        shown = (
            f'<img src="{data_url(self.render)}" alt="render" style="max-width:100%">'
            if self.render is not None
            else f"<i>no render: {html.escape(self.status)}</i>"
        )
        cell = "flex:1 1 18rem;min-width:0"
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start">'
            f'<div style="{cell}"><img src="{data_url(self.picture.data)}" alt="picture" '
            'style="max-width:100%"></div>'
            f'<pre style="{cell};margin:0;max-height:24rem;overflow:auto;white-space:pre-wrap">'
            f"{html.escape(self.output)}</pre>"
            f'<div style="{cell}">{shown}</div></div>'
            f'<div style="opacity:.75;font-size:.85em">{html.escape(" · ".join(facts))}{notes}</div>'
        )

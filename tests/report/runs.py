"""Runs of known values, made by the real scoring loop with a scorer that reads them off the answer."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from viscodex.tasks.run import score_answers
from viscodex.tasks.task import Benchmark, Item, Picture, mean_of_attempts, write_picture
from viscodex.types import Answer, Completion, Message, Score

KINDS = ("bar", "line", "pie")


def drawing(text: str, colour: str = "#3b76d6", size: tuple[int, int] = (320, 240)) -> bytes:
    """A small picture that tells itself from others."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for n, letter in enumerate(text[:8]):
        height = 20 + 20 * (ord(letter) % 9)
        pen.rectangle((20 + 35 * n, 220 - height, 45 + 35 * n, 220), fill=colour)
    pen.text((20, 8), text, fill="black")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Told:
    """A benchmark whose answers say what they are worth: {"values": ..., "status": ..., ...}.

    What they say under the name of a protocol is of that one alone.
    """

    language = "python"
    options = ()

    def __init__(self, name: str, metrics: Sequence[str]) -> None:
        self.name, self.headline = name, tuple(metrics)
        self.settings: dict[str, Any] = {"tier": "A", "render": {"browser": "1", "fonts": "f"}}
        self.pictures: Path | None = None

    def scorer(self, benchmark: Benchmark, *, protocols: Sequence[str], **how: Any) -> Told:
        self.protocols, self.pictures = protocols, how.get("pictures")
        return self

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        told = json.loads(answer.completion.text.partition("#")[2].partition("\n")[0])
        if self.pictures is not None and "draws" in told:
            write_picture(self.pictures, item.id, answer.attempt, drawing(told["draws"]))
        each = {protocol: {**told, **told.get(protocol, {})} for protocol in self.protocols}
        return tuple(
            Score(
                item.id, {k: float(v) for k, v in one["values"].items()}, one.get("reason", ""),
                one.get("status", "ok"), answer.problem, answer.notes, answer.attempt, protocol,
            )
            for protocol, one in each.items()
        )  # fmt: skip

    values = staticmethod(lambda item, scores: mean_of_attempts(scores))
    totals = staticmethod(lambda benchmark, rows, protocol: {})


def answer(values: Mapping[str, float | str], more: str = "", **told: Any) -> str:
    """An answer that Told scores so; `more` is the rest of its text."""
    return f"```python\n#{json.dumps({'values': values, **told})}\n{more or 'print(1)'}\n```"


def benchmark(name: str, n: int, revision: str = "r1", split: str = "direct") -> Benchmark:
    """n questions of three kinds, each with its picture."""
    items = tuple(
        Item(
            f"{KINDS[i % 3]}_{i}",
            (Message("user", f"<image>Draw {i} again."),),
            (Picture(drawing(f"{KINDS[i % 3]}{i}")),),
            None,
            {"type": (KINDS[i % 3],)},
        )
        for i in range(n)
    )
    return Benchmark(name, items, "here", revision, settings={"split": split})


def make_run(
    place: Path,
    answers: Mapping[str, str | Sequence[str]],
    *,
    name: str = "chartmimic",
    metrics: Sequence[str] = ("exec_rate", "low_level"),
    n: int = 12,
    revision: str = "r1",
    scorer_settings: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    protocols: Sequence[Any] = ("paper", "strict"),
) -> Path:
    """A run of the real loop over these answers."""
    task = Told(name, metrics)
    task.settings |= scorer_settings or {}
    said = {
        key: [Completion(one) for one in ([text] if isinstance(text, str) else text)]
        for key, text in answers.items()
    }
    score_answers(
        task, benchmark(name, n, revision), said, place,  # type: ignore[arg-type]
        protocols=protocols, workers=1, settings=settings,
    )  # fmt: skip
    return place

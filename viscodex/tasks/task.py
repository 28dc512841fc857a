"""What a benchmark is: items to ask, a scorer of answers, a way to sum up.

in:  nothing
out: Picture, Item, Benchmark; the Task and Scorer that each benchmark implements
not covered: the loop over answers (run.py), means and intervals (summary.py)

    task.read(place) -> Benchmark                  its items, each with the prompt of the paper
    with task.scorer(benchmark, ...) as scorer:    pools and caches live this long
        scorer.score(item, answer) -> Scores       one for each protocol; never raises for an answer
    task.values(item, scores) -> values            one row for an item with several answers
    task.totals(rows) -> further figures           what only this benchmark has
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

from viscodex.errors import BadRecipe
from viscodex.files import write_atomically
from viscodex.types import Answer, Message, Score

ProtocolName = Literal["paper", "strict"]
PROTOCOLS: tuple[ProtocolName, ...] = ("paper", "strict")
"""paper: equal to the official scorer. strict: the same idea where that is blind or broken."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a question; read when it is asked for."""

    source: Path | bytes
    min_height: int | None = None  # pixels; a lower picture is enlarged to it

    def read(self) -> bytes:
        """The bytes of the file; PNG where it was enlarged.

        Raises:
            OSError: it cannot be read, or is no picture.
        """
        data = self.source if isinstance(self.source, bytes) else self.source.read_bytes()
        return data if self.min_height is None else _enlarged(data, self.min_height)


def _enlarged(data: bytes, min_height: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        if picture.height >= min_height:
            return data
        width = max(1, round(picture.width * min_height / picture.height))
        file = io.BytesIO()
        picture.convert("RGBA").resize((width, min_height)).save(file, "PNG")
        return file.getvalue()


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a benchmark."""

    id: str
    prompt: tuple[Message, ...]  # system, user; "<image>" stands where the next picture goes
    images: tuple[Picture, ...]
    data: Any  # what the scorer needs; the task's own
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)  # kind -> groups of this item
    metrics: tuple[str, ...] = ()  # that this item has; empty: all of the task


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The items that were read, and what they were read from."""

    task: str
    items: tuple[Item, ...]
    place: str
    revision: str  # sha256 over all that is asked and expected
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)  # of the suite


@dataclass(frozen=True, slots=True)
class Question:
    """What a judge is asked about one answer."""

    sample_id: str
    attempt: int
    rubric: str  # name in rubrics.RUBRICS
    texts: dict[str, str]  # slot of the prompt -> text; `response` is the answer's
    pictures: tuple[tuple[str, bytes], ...]  # (what it is, PNG), in the order of showing


@dataclass(frozen=True, slots=True)
class Mark:
    """What came of asking a judge."""

    points: dict[str, float]  # by part, as the rubric has them; empty: there is no mark
    reason: str = ""  # why there is none
    detail: dict[str, Any] = field(default_factory=dict)  # JSON: what the points rest on


class Judge(Protocol):
    """Marks answers as a person would; judge.py has those that ask a model or a function."""

    settings: dict[str, Any]  # what marks depend on: model, prompts, limits

    @property
    def identity(self) -> str:
        """What a resumed run must agree in."""
        ...

    def mark(self, question: Question, protocol: ProtocolName) -> Mark:
        """The mark of one answer; never raises for what a judge replies.

        Raises:
            RunStopped: the budget is spent, or the judge cannot be reached at all.
        """
        ...


class Scorer(AbstractContextManager["Scorer"], Protocol):
    """Scores answers; may be called from several threads at once."""

    settings: dict[str, Any]  # what the numbers depend on: stamp, tier, versions

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        """One Score for each protocol. Failures of the answer are scores, not exceptions."""
        ...


class Task(Protocol):
    """A benchmark."""

    name: str
    language: str  # of the answers; empty: any
    headline: tuple[str, ...]
    options: tuple[str, ...]  # of the command, that only some have: judge, clip

    def read(self, place: Path, split: str = "") -> Benchmark:
        """All items of a folder or file.

        Raises:
            BadDataset: it is not this benchmark, or not whole.
        """
        ...

    def scorer(
        self, benchmark: Benchmark, *, protocols: Sequence[ProtocolName], **how: Any
    ) -> Scorer:
        """Pools and caches, ready to score.

        Args:
            how: workers, tier, allow_unsafe, judge, pictures: what a task has no use for it leaves.
        """
        ...

    def values(self, item: Item, scores: Sequence[Score]) -> dict[str, float]:
        """The values of an item from those of its answers, in order; NaN is unscored."""
        ...

    def totals(
        self, benchmark: Benchmark, rows: Mapping[str, Sequence[Score]], protocol: ProtocolName
    ) -> dict[str, Any]:
        """What only this benchmark reports."""
        ...


TASKS: dict[str, str] = {
    "design2code": "viscodex.tasks.design2code:Design2Code",
    "chartmimic": "viscodex.tasks.chartmimic:ChartMimic",
    "mmcode": "viscodex.tasks.mmcode:MMCode",
    "infibench": "viscodex.tasks.infibench:InfiBench",
    "infibench_v": "viscodex.tasks.infibench:InfiBenchV",
    "retention": "viscodex.tasks.retention:Retention",
}
"""Name -> class; a benchmark from outside is given by such a dotted path."""


def task(name: str) -> Task:
    """The benchmark of a name, or of a dotted path package.module:name.

    Raises:
        BadRecipe: there is none.
    """
    path = name if ":" in name else TASKS.get(name.replace("-", "_").lower(), "")
    module, _, attribute = path.partition(":")
    try:
        made: Task = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        if path and isinstance(error, ImportError) and error.name and error.name not in path:
            raise  # a library that the task needs
        known = ", ".join(TASKS)
        raise BadRecipe(
            "there is no such benchmark", name, f"Known are {known}; or package.module:name."
        ) from error
    return made


def protocols_of(task: Task, wanted: str) -> tuple[ProtocolName, ...]:
    """The protocols of `paper`, `strict` or `both`; a task without an official scorer has one.

    Raises:
        BadRecipe: there is no such protocol.
    """
    known: tuple[ProtocolName, ...] = getattr(task, "protocols", PROTOCOLS)
    if wanted == "both":
        return known
    chosen = tuple(name for name in known if name == wanted)
    if not chosen:
        raise BadRecipe(
            "there is no such protocol",
            f"{task.name}: {wanted}",
            f"Known are {', '.join(known)}, both.",
        )
    return chosen


def mean(values: Sequence[float]) -> float:
    """The mean of what is not NaN; NaN where nothing is."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")


def mean_of_attempts(scores: Sequence[Score]) -> dict[str, float]:
    """Each value, averaged over the answers to one item."""
    names = dict.fromkeys(name for score in scores for name in score.values)
    return {name: mean([s.values[name] for s in scores if name in s.values]) for name in names}


def write_picture(folder: Path, sample_id: str, attempt: int, picture: bytes) -> None:
    """Keep what an answer drew: FOLDER/ID.png; later attempts as ID.1.png, ID.2.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{file_stem(sample_id, attempt)}.png", picture)


def file_stem(sample_id: str, number: int = 0) -> str:
    """Name of a picture without its ending: of an answer's or a question's first, second, ..."""
    return re.sub(r"[^\w.-]", "_", sample_id)[:120] + (f".{number}" if number else "")

"""What a run keeps of its questions and answers, so that pages can be made of it anywhere, later.

in:  a benchmark, the answers to it, the values of its items
out: RUN/items.jsonl (a line for each item), RUN/inputs (the pictures of the questions)
not covered: scores of single answers (run.py), pages (report/)

Pictures that lie on the same disk are linked, not copied.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from viscodex.errors import BadInput
from viscodex.files import write_atomically
from viscodex.tasks.task import Item, Picture, ProtocolName, file_stem
from viscodex.types import Completion, from_json, to_json

ITEMS_FILE = "items.jsonl"
INPUTS = "inputs"


@dataclass(frozen=True, slots=True)
class KeptItem:
    """One item of a run: what was asked, what was answered, what came of it."""

    id: str
    prompt: str  # all turns, as text
    n_images: int
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()  # that this item has; empty: all of the task
    answers: tuple[Completion, ...] = ()
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    """protocol -> metric -> value over all answers; NaN is unscored; no protocol: unanswered."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}


def keep_items(
    place: Path,
    items: Sequence[Item],
    answers: Mapping[str, Sequence[Completion]],
    values: Mapping[ProtocolName, Mapping[str, Mapping[str, float]]],
) -> None:
    """Write RUN/items.jsonl, whole or not at all.

    Args:
        values: protocol -> item -> metric -> value.
    """
    kept = (
        KeptItem(
            id=item.id,
            prompt=_whole("\n\n".join(message.content for message in item.prompt)),
            n_images=len(item.images),
            groups=item.groups,
            metrics=item.metrics,
            answers=tuple(replace(a, text=_whole(a.text)) for a in answers.get(item.id, ())),
            values={p: dict(rows[item.id]) for p, rows in values.items() if item.id in rows},
        )
        for item in items
    )
    write_atomically(place / ITEMS_FILE, "".join(f"{to_json(item)}\n" for item in kept))


def _whole(text: str) -> str:
    """Text that can be written: halves of characters, which an answer may hold, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_items(place: Path) -> Iterator[KeptItem]:
    """The items of a run, in the benchmark's order; nothing for a run of an older version.

    Raises:
        BadInput: the file is damaged.
    """
    file = place / ITEMS_FILE
    if not file.exists():
        return
    with file.open("rb") as stream:
        for n, line in enumerate(stream, 1):
            try:
                yield from_json(KeptItem, line)
            except ValueError as error:
                raise BadInput(
                    "the items of this run cannot be read",
                    f"{file}, line {n}: {' '.join(str(error).split())[:200]}",
                    "Score it again.",
                ) from error


def keep_inputs(place: Path, items: Sequence[Item]) -> None:
    """Put the pictures of the questions into RUN/inputs; those that are there stay."""
    folder = place / INPUTS
    there = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    for item in items:
        for number, picture in enumerate(item.images):
            name = f"{file_stem(item.id, number)}.img"
            if name not in there:
                folder.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):  # a question without its picture is still one
                    _put(picture, folder / name)


def _put(picture: Picture, place: Path) -> None:
    if isinstance(picture.source, Path):
        with contextlib.suppress(OSError):
            os.link(picture.source.resolve(), place)
            return
        place.write_bytes(picture.source.read_bytes())
    else:
        write_atomically(place, picture.source)


def input_picture(place: Path, sample_id: str, number: int = 0) -> bytes | None:
    """A picture of a question of a run; None where none was kept."""
    try:
        return (place / INPUTS / f"{file_stem(sample_id, number)}.img").read_bytes()
    except OSError:
        return None


def drawn_picture(place: Path, sample_id: str, attempt: int = 0) -> bytes | None:
    """What an answer drew, PNG; None where it drew nothing or nothing was kept."""
    try:
        return (place / "pictures" / f"{file_stem(sample_id, attempt)}.png").read_bytes()
    except OSError:
        return None

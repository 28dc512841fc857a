"""The dev split: which items a search may look at, and proof that none of them is a test item.

in:  a data set or a benchmark, and what the result will be measured on
out: items to evaluate, chosen by seed; a refusal where one is shared
not covered: near duplicates (data/decontaminate.py finds those)

Two items are the same where a picture is, or where the reference, the tests or, without any
picture, the question is, whatever their white space. A short answer that is no code - a month, a
number - is that of many items.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.data.store import open_dataset
from viscodex.errors import BadRecipe
from viscodex.merge.search.recipe import Data, Objective
from viscodex.tasks.from_samples import benchmark_of_samples
from viscodex.tasks.task import Benchmark, Item, task
from viscodex.types import Message, Sample

TELLING = 40
"""Characters from which a reference that is no code belongs to one item."""


@dataclass(frozen=True, slots=True)
class Dev:
    """The items of a search."""

    items: tuple[Any, ...]  # Samples, or Items of the benchmark: for every choice
    confirm: tuple[Any, ...]  # for the winner alone
    identity: str  # hash over all of them
    n_test: int  # test items that they were held against
    benchmark: Benchmark | None = None


def read_dev(objective: Objective, test: Iterable[Data]) -> Dev:
    """The dev split.

    Raises:
        BadRecipe: too few items, or one that is a test item.
        BadDataset: data that cannot be read.
    """
    if objective.kind == "function":
        return Dev((), (), "", 0)
    items, benchmark = _read(objective)
    wanted = objective.n + objective.confirm
    if len(items) < wanted:
        raise BadRecipe(
            "there are too few items for the dev split",
            f"{objective.data}: {len(items)}; n {objective.n} + confirm {objective.confirm} wanted",
            "Lower objective.n or objective.confirm.",
        )
    order = sorted(items, key=lambda item: item.id)
    random.Random(objective.seed).shuffle(order)
    chosen = order[:wanted]
    n_test = _check_disjoint(chosen, test)
    digest = hashlib.sha256()
    for item in chosen:
        digest.update(json.dumps([item.id, sorted(marks_of(item))]).encode())
    split = objective.n
    return Dev(tuple(chosen[:split]), tuple(chosen[split:]), digest.hexdigest(), n_test, benchmark)


def _read(data: Data) -> tuple[list[Any], Benchmark | None]:
    if data.task is None:
        return list(open_dataset(Path(data.data))), None
    place = Path(data.data)
    if (place / "manifest.json").exists():
        benchmark = benchmark_of_samples(data.task, open_dataset(place))
    else:
        benchmark = task(data.task).read(place, data.split)
    return list(benchmark.items), benchmark


def _check_disjoint(chosen: Iterable[Any], test: Iterable[Data]) -> int:
    mine = {mark: item.id for item in chosen for mark in marks_of(item)}
    n, shared = 0, []
    for data in test:
        for item in _read(data)[0]:
            n += 1
            found = next((mark for mark in marks_of(item) if mark in mine), None)
            if found is not None:
                shared.append(
                    f"{mine[found]} is {item.id} of {data.data}: {found.partition(' ')[0]}"
                )
    if shared:
        raise BadRecipe(
            f"the dev split shares {len(shared)} items with the test set",
            "\n".join(shared[:5]) + ("\n..." if len(shared) > 5 else ""),
            "Search on other items: what is chosen on the test set cannot be measured on it.",
        )
    return n


def marks_of(item: Sample | Item) -> Iterator[str]:
    """Hashes by which two items are the same: `picture HASH`, `reference HASH`, ..."""
    if isinstance(item, Sample):
        pictures = list(item.images)
        question = [m for m in item.messages if m.role != "assistant"]
        said = item.reference or item.answer
        tells = item.task == "code" or len(said) >= TELLING
        texts = {"reference": said if tells else "", "tests": item.tests}
    else:
        pictures = [picture.read() for picture in item.images]
        question = list(item.prompt)
        texts = {name: _text(item.data, name) for name in ("reference", "inputs")}
    for picture in pictures:
        yield f"picture {_hash(picture)}"
    for name, text in texts.items():
        if text.strip():
            yield f"{name} {_hash(_plain(text))}"
    if not pictures:
        yield f"question {_hash(_plain(_told(question)))}"


def _text(data: Any, name: str) -> str:
    found = getattr(data, name, "")
    if found in (None, "", ()):
        return ""
    return found if isinstance(found, str) else json.dumps(found, default=str)


def _told(messages: Iterable[Message]) -> str:
    return "\n".join(message.content for message in messages)


def _plain(text: str) -> bytes:
    return " ".join(text.split()).encode("utf-8", "surrogatepass")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]

"""The mixture: data sets opened as sequences of samples or documents, and the split for evaluation.

in:  data parts of a recipe, or sequences in memory
out: Mixture: every item under one number; which of them train, which evaluate
not covered: their lengths (budget.py), their order (plan.py)
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from viscodex.errors import BadDataset
from viscodex.train.encode import Document, Item, Rejected
from viscodex.train.recipe import DataPart
from viscodex.types import CATEGORIES, Category, Message, Sample

CHUNK = 1 << 20


class TextFile(Sequence[Item]):
    """A *.jsonl of {"text": ..., "id": ...}: one document a line, read by offset.

    Raises:
        BadDataset: the file cannot be read or is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        ends = [0]
        try:
            with path.open("rb") as stream:
                for line in stream:
                    ends.append(ends[-1] + len(line))
        except OSError as error:
            raise BadDataset("the file cannot be read", f"{path}: {error.strerror}") from error
        self._offsets = np.array(ends, np.int64)
        if len(self) == 0:
            raise BadDataset("the file holds no documents", str(path), "Give a *.jsonl with lines.")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: Any) -> Any:
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        with self.path.open("rb") as stream:
            stream.seek(start)
            line = stream.read(end - start)
        try:
            row = json.loads(line)
            return Document(str(row.get("id", f"{self.path.name}:{index + 1}")), str(row["text"]))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Rejected("bad_row", f'line {index + 1} is no {{"text": ...}}') from None


class McdFile(Sequence[Item]):
    """The published layout: one JSON array of {images, messages, category}, pictures beside it.

    Only the offsets of the records are held in memory. (`viscodex data import` makes a data set of
    the same file, which is checked once and read faster.)

    Raises:
        BadDataset: the file cannot be read or is no such array.
    """

    def __init__(self, path: Path, images: Path | None = None) -> None:
        self.path, self.images = path, images or path.parent
        try:
            self._spans = list(_records(path))
        except OSError as error:
            raise BadDataset("the file cannot be read", f"{path}: {error.strerror}") from error
        if not self._spans:
            raise BadDataset("the file holds no records", str(path), "Give the published *.json.")

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: Any) -> Any:
        start, end = self._spans[index]
        with self.path.open("rb") as stream:
            stream.seek(start)
            text = stream.read(end - start)
        try:
            row = json.loads(text)
            messages = tuple(Message(m["role"], str(m["content"])) for m in row["messages"])
            category = row.get("category", "qa")
            names = [str(name) for name in row.get("images") or ()]
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Rejected("bad_row", f"record {index} is no {{images, messages}}") from None
        if category not in CATEGORIES:
            category = "qa"
        pictures = tuple(self._picture(name) for name in names)
        return Sample(f"{self.path.stem}-{index:07d}", cast(Category, category), messages, pictures)

    def _picture(self, name: str) -> bytes:
        plain = name.removeprefix("mcd_images/")
        root = self.images.resolve()
        for place in (root / name, root / plain, root / "mcd_images" / plain):
            if place.resolve().is_relative_to(root) and place.is_file():
                return place.read_bytes()
        raise Rejected("missing_image", f"{name} is not in {self.images}")


def _records(path: Path) -> Iterator[tuple[int, int]]:
    """(start, end) in bytes of every object of a JSON array, without parsing it."""
    depth, start, at, text, escaped = 0, 0, 0, False, -1
    marks = re.compile(rb'["\\{}\[\]]')
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            for mark in marks.finditer(chunk):
                place, sign = at + mark.start(), mark[0]
                if place == escaped:
                    continue
                if text:
                    if sign == b"\\":
                        escaped = place + 1
                    elif sign == b'"':
                        text = False
                elif sign == b'"':
                    text = True
                elif sign in b"{[":
                    depth += 1
                    if depth == 2:
                        start = place
                elif sign in b"}]":
                    depth -= 1
                    if depth == 1:
                        yield start, place + 1
            at += len(chunk)


def open_part(part: DataPart) -> Sequence[Item]:
    """The items of one part of the mixture, filtered.

    Raises:
        BadDataset: not there, or damaged.
    """
    path = Path(part.path).expanduser()
    if path.suffix == ".jsonl":
        return TextFile(path)
    if path.suffix == ".json":
        return McdFile(path, None if part.images is None else Path(part.images))
    from viscodex.data.store import open_dataset  # pyarrow, which plain files do not need

    dataset = open_dataset(path)
    if part.categories is not None or part.tasks is not None:
        dataset = dataset.filter(category=part.categories, task=part.tasks)
    if not len(dataset):
        raise BadDataset("nothing of the data set is left to learn from", f"{path}: {part}", "")
    return cast(Sequence[Item], dataset)


def fingerprint_of(source: Sequence[Item]) -> str:
    """What a change of a source changes: names, sizes and times of its files."""
    manifest = getattr(source, "manifest", None)
    if manifest is not None:
        return f"{manifest.content}:{len(source)}"
    path = getattr(source, "path", None) or getattr(source, "folder", None)
    if path is None:
        return ""
    files = sorted(Path(path).rglob("*.parquet")) if Path(path).is_dir() else [Path(path)]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((stats, len(source))).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Share:
    """The items of one source that are used for one purpose."""

    name: str
    items: NDArray[np.int64]  # numbers in the mixture
    weight: float


class Mixture(Sequence[Item]):
    """Several sources as one sequence."""

    def __init__(self, sources: Sequence[Sequence[Item]]) -> None:
        self.sources = tuple(sources)
        self.starts = np.cumsum([0, *(len(source) for source in self.sources)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, index: Any) -> Any:
        number = bisect_right(self.starts, index) - 1
        return self.sources[number][int(index - self.starts[number])]

    def numbers(self, source: int) -> NDArray[np.int64]:
        """Numbers of the items of one source."""
        return np.arange(self.starts[source], self.starts[source + 1])


def split(
    mixture: Mixture, parts: Sequence[DataPart], eval_share: float, seed: int
) -> tuple[list[Share], NDArray[np.int64]]:
    """What trains, and what is held out; samples told of one picture stay on one side.

    The shares of one seed lie within one another: 1 % within 5 % within 20 %; and the held-out
    samples are the same for all of them.

    Returns:
        One Share per part; numbers of the held-out items.
    """
    shares: list[Share] = []
    held: list[NDArray[np.int64]] = []
    paths = [part.path for part in parts]
    known: dict[str, dict[str, int]] = {path: {} for path in paths}  # several parts may be of one
    groups = []
    for number, path in enumerate(paths):
        keys = _groups(mixture.sources[number], number)
        numbers = (known[path].setdefault(key, len(known[path])) for key in keys)
        groups.append(np.fromiter(numbers, np.int64))
    for number, part in enumerate(parts):
        items = mixture.numbers(number)
        seeds = [seed, paths.index(part.path)]
        order = np.random.default_rng(seeds).permutation(len(known[part.path]))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        at = place[groups[number]]  # of each item's group in the shuffled order
        n_held = int(np.ceil(eval_share * len(order))) if eval_share else 0
        n_kept = max(1, round(part.share * (len(order) - n_held)))
        shares.append(Share(part.path, items[at < n_kept], part.weight))
        held.append(items[at >= len(order) - n_held])
    return shares, np.concatenate(held) if held else np.zeros(0, np.int64)


def _groups(source: Sequence[Item], number: int) -> list[str]:
    """A name per item, equal where samples were told of one draft: chart-7 and chart-7-describe."""
    rows = getattr(source, "rows", None)
    keys = [str(row.id).removesuffix(f"-{row.task}") for row in rows()] if rows is not None else []
    return keys if len(keys) == len(source) else [f"{number} {k}" for k in range(len(source))]

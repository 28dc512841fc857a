"""The index of benchmarks: from the items of folders to sorted runs of tokens and picture hashes.

in:  benchmark folders
out: arrays that say which run of tokens stands in which text of which item; hashes of pictures
not covered: looking a sample up, the cache (decontaminate.py), reading folders (benchmarks.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from viscodex.data.benchmark_rows import BenchmarkItem, ReadLog
from viscodex.data.benchmarks import benchmark_files, read_benchmark
from viscodex.data.shingles import code_tokens, shingles, text_tokens
from viscodex.errors import BadInput
from viscodex.images import SKETCH_BYTES, image_hash, image_sketch, open_image

CODE_GRAM = 13
"""Tokens of a run of code."""
TEXT_GRAM = 8
"""Words of a run of text."""
LEAST_RUNS = {"code": 12, "question": 5}
"""A text with fewer runs of its own is too short to be known again."""
MOST_ITEMS = 5
"""A run that stands in more items is a phrase of the benchmark."""
LEAST_EDGES = 40
"""Of a picture's sketch; a picture with fewer is plain."""

_FORMAT = "viscodex benchmark index 1"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What of one benchmark folder stands in the index."""

    benchmark: str
    layouts: dict[str, int]  # layout -> items
    n_items: int
    n_code: int  # programs with enough runs of their own
    n_questions: int
    n_images: int  # that are not plain
    bad: tuple[tuple[str, str], ...]  # file, reason
    ignored: dict[str, int]  # suffix -> files that were not tried


@dataclass(slots=True)
class IndexBuilder:
    """An index that grows folder by folder."""

    items: list[tuple[str, str, str]] = field(default_factory=list)  # benchmark, id, file
    folders: list[Indexed] = field(default_factory=list)
    runs: dict[str, list[NDArray[np.uint64]]] = field(
        default_factory=lambda: {"code": [], "question": []}
    )
    owners: dict[str, list[int]] = field(default_factory=lambda: {"code": [], "question": []})
    looks: list[tuple[int, int, bytes]] = field(default_factory=list)  # item, hash, sketch

    def read(self, folder: Path) -> None:
        """Take down the items of a folder."""
        log, layouts = ReadLog(), Counter[str]()
        before = self._counts()
        for item in read_benchmark(folder, log):
            layouts[item.layout] += 1
            self._take(item, log)
        n_items, n_code, n_questions, n_images = self._counts() - before
        self.folders.append(
            Indexed(
                folder.resolve().name,
                dict(layouts.most_common()),
                int(n_items),
                int(n_code),
                int(n_questions),
                int(n_images),
                tuple((each.file, each.reason) for each in log.bad),
                dict(log.ignored),
            )
        )

    def _counts(self) -> NDArray[np.int64]:
        lists = (self.items, self.runs["code"], self.runs["question"], self.looks)
        return np.array([len(each) for each in lists])

    def _take(self, item: BenchmarkItem, log: ReadLog) -> None:
        number = len(self.items)
        self.items.append((item.benchmark, item.id, item.file))
        for code in item.code:
            self._take_runs("code", number, code_runs([code], item.language))
        self._take_runs("question", number, text_runs(item.question))
        for data in item.images:
            try:
                picture = open_image(data, where=item.file)
            except BadInput as error:
                log.note(item.file, error.where)
                continue
            sketch = image_sketch(picture)
            if int.from_bytes(sketch[:SKETCH_BYTES]).bit_count() >= LEAST_EDGES:
                self.looks.append((number, image_hash(picture), sketch))

    def _take_runs(self, kind: str, number: int, runs: NDArray[np.uint64]) -> None:
        if len(runs) >= LEAST_RUNS[kind]:
            self.runs[kind].append(runs)
            self.owners[kind].append(number)

    def finish(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The arrays of the index, and what is said of them."""
        arrays: dict[str, NDArray[Any]] = {
            "image_items": np.array([item for item, _, _ in self.looks], np.int64),
            "image_hashes": np.array([looks for _, looks, _ in self.looks], np.uint64),
            "image_sketches": np.frombuffer(
                b"".join(sketch for _, _, sketch in self.looks), np.uint8
            ).reshape(len(self.looks), -1 if self.looks else 0),
        }
        for kind in ("code", "question"):
            arrays |= _inverted(kind, self.runs[kind], np.array(self.owners[kind], np.int64))
        about = {"folders": [asdict(each) for each in self.folders], "items": self.items}
        return arrays, about


def _inverted(
    kind: str, runs: list[NDArray[np.uint64]], owners: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Run -> texts that have it, without the runs of many items; sorted, as offsets into one list."""
    every = np.concatenate([np.empty(0, np.uint64), *runs])
    text = np.repeat(np.arange(len(runs)), [len(each) for each in runs])
    known, which = np.unique(every, return_inverse=True)
    pairs = (
        np.unique(np.stack([which, owners[text]]), axis=1) if len(every) else np.empty((2, 0), int)
    )
    rare = np.bincount(pairs[0], minlength=len(known)) <= MOST_ITEMS
    kept = rare[which]
    order = np.lexsort((text[kept], which[kept]))
    sizes = np.bincount(text[kept], minlength=len(runs))
    enough = sizes >= LEAST_RUNS[kind]
    return {
        f"{kind}_runs": known[rare],
        f"{kind}_starts": np.append(
            0, np.cumsum(np.bincount(which[kept], minlength=len(known))[rare])
        ),
        f"{kind}_texts": text[kept][order],
        # of a text that is all phrases no share is large
        f"{kind}_sizes": np.where(enough, sizes, np.iinfo(np.int64).max),
        f"{kind}_items": owners,
    }


def index_identity(folders: list[Path]) -> str:
    """Hash over the names and bytes of all files, and over how they are indexed."""
    hasher = xxhash.xxh3_128(
        f"{_FORMAT} {CODE_GRAM} {TEXT_GRAM} {LEAST_RUNS} {MOST_ITEMS} {LEAST_EDGES}".encode()
    )
    for folder in folders:
        hasher.update(f"\0{folder.resolve().name}\0".encode())
        for file in benchmark_files(folder):
            hasher.update(
                f"\0{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode()
            )
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    hasher.update(block)
    return hasher.hexdigest()


def code_runs(programs: Iterable[str], language: str) -> NDArray[np.uint64]:
    """Hashes of the runs of some programs, each once, ascending; # (R,)"""
    runs = [_whole_runs(code_tokens(code, language), CODE_GRAM) for code in programs]
    return np.unique(np.concatenate(runs)) if runs else np.empty(0, np.uint64)


def text_runs(text: str) -> NDArray[np.uint64]:
    """Hashes of the runs of a text, each once, ascending; # (R,)"""
    return _whole_runs(text_tokens(text), TEXT_GRAM)


def _whole_runs(tokens: list[str], run: int) -> NDArray[np.uint64]:
    """Shingles, but none of a text shorter than a run."""
    return shingles(tokens if len(tokens) > run else [], run)

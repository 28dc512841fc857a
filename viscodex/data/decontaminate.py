"""Decontamination: no training sample repeats an item of a benchmark.

in:  benchmark folders; samples, one at a time
out: BenchmarkIndex; Contamination: which item a sample repeats, in what, and how much of it
not covered: reading the folders (benchmarks.py), duplicates within the data (duplicates.py)

An item is repeated when a large share of its runs of tokens stands in a sample (code: 13 tokens,
names and layout aside; text: 8 words), when a sample consists of runs of an item, or when a picture
looks the same. Runs that stand in many items are phrases of the benchmark or boilerplate and prove
nothing; neither do plain pictures, such as the blue placeholder of Design2Code.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from viscodex.data.benchmark_index import (
    LEAST_RUNS,
    IndexBuilder,
    Indexed,
    code_runs,
    index_identity,
    text_runs,
)
from viscodex.data.duplicates import (
    IMAGE_DISTANCE,
    IMAGE_SIMILARITY,
    Signature,
    code_of,
    sketch_similarity,
)
from viscodex.files import write_atomically
from viscodex.images import image_hash, image_sketch, open_image
from viscodex.text import fences
from viscodex.types import Sample

Kind = Literal["code", "question", "image"]
KINDS: tuple[Kind, ...] = ("code", "question", "image")

OVERLAP = 0.6
"""Share of runs from which an item is repeated."""


@dataclass(frozen=True, slots=True)
class Contamination:
    """A sample that repeats an item of a benchmark."""

    sample: str  # id
    benchmark: str  # name of its folder
    item: str
    file: str  # of the item, relative to the folder
    kind: Kind
    overlap: float  # 0..1: share of runs of tokens, or of the picture's edges


class BenchmarkIndex:
    """The items of some benchmarks, ready to be looked up; `build` makes one.

    Attributes:
        folders: what was indexed of each folder, and what could not be read.
    """

    def __init__(
        self,
        arrays: dict[str, NDArray[Any]],
        about: dict[str, Any],
        *,
        overlap: float = OVERLAP,
        image_distance: int = IMAGE_DISTANCE,
        image_similarity: float = IMAGE_SIMILARITY,
    ) -> None:
        self._arrays, self._about = arrays, about
        self._overlap, self._distance = overlap, image_distance
        self._similarity = image_similarity
        self.folders = tuple(
            Indexed(**each | {"bad": tuple(map(tuple, each["bad"]))}) for each in about["folders"]
        )

    @classmethod
    def build(
        cls,
        folders: Iterable[str | Path],
        cache: Path | None = None,
        *,
        overlap: float = OVERLAP,
        image_distance: int = IMAGE_DISTANCE,
        image_similarity: float = IMAGE_SIMILARITY,
    ) -> BenchmarkIndex:
        """Read the folders, or the index of the same content from the cache.

        Args:
            folders: of benchmarks, of any layout that benchmarks.py reads.
            cache: a folder for indexes, named by the content of what they were made from.
            overlap: least share of common runs of tokens, 0..1.
            image_distance: most bits in which the hashes of two pictures differ.
            image_similarity: least share of common edges, 0..1.

        Raises:
            BadInput: no such folder, or nothing in it.
        """
        paths = [Path(folder) for folder in folders]
        file = None if cache is None else cache / f"{index_identity(paths)}.npz"
        parts = None if file is None else _read(file)
        if parts is None:
            builder = IndexBuilder()
            for path in paths:
                builder.read(path)
            parts = builder.finish()
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(file, _packed(*parts))
        return cls(
            *parts,
            overlap=overlap,
            image_distance=image_distance,
            image_similarity=image_similarity,
        )

    def match(self, sample: Sample, signature: Signature | None = None) -> Contamination | None:
        """What of a benchmark the sample repeats most; None: nothing.

        Args:
            signature: of the sample, where it is known: its pictures are not opened again.

        Raises:
            BadInput: a picture that cannot be read.
        """
        found = [
            *self._match_runs(sample, "code", code_runs(_programs(sample), sample.language)),
            *self._match_runs(sample, "question", text_runs("\n".join(_texts(sample)))),
            *self._match_images(sample, signature),
        ]
        return max(found, key=lambda c: (c.overlap, -KINDS.index(c.kind)), default=None)

    def _match_runs(
        self, sample: Sample, kind: Kind, runs: NDArray[np.uint64]
    ) -> Iterable[Contamination]:
        """The text of this kind that shares most runs with the sample, where they are enough."""
        known, starts = self._arrays[f"{kind}_runs"], self._arrays[f"{kind}_starts"]
        n_runs, places = len(runs), np.searchsorted(known, runs)
        runs, places = runs[places < len(known)], places[places < len(known)]
        hits = places[known[places] == runs]
        if not len(hits):
            return
        texts = self._arrays[f"{kind}_texts"]
        parts = [texts[starts[hit] : starts[hit + 1]] for hit in hits]
        sizes = self._arrays[f"{kind}_sizes"]
        common = np.bincount(np.concatenate(parts), minlength=len(sizes))
        of_item = common / sizes
        of_sample = np.where(common >= 2 * LEAST_RUNS[kind], common / n_runs, 0.0)
        share = np.maximum(of_item, of_sample)
        best = int(share.argmax())
        if share[best] >= self._overlap:
            item = self._arrays[f"{kind}_items"][best]
            yield self._contamination(sample, int(item), kind, float(share[best]))

    def _match_images(self, sample: Sample, signature: Signature | None) -> Iterable[Contamination]:
        hashes, sketches = self._arrays["image_hashes"], self._arrays["image_sketches"]
        for looks, sketch in _looks(sample, signature):
            distance = np.bitwise_count(hashes ^ np.uint64(looks))
            for place in np.flatnonzero(distance <= self._distance):
                share = sketch_similarity(sketch, sketches[place].tobytes())
                if share >= self._similarity:
                    item = int(self._arrays["image_items"][place])
                    yield self._contamination(sample, item, "image", share)

    def _contamination(
        self, sample: Sample, item: int, kind: Kind, overlap: float
    ) -> Contamination:
        benchmark, name, file = self._about["items"][item]
        return Contamination(sample.id, benchmark, name, file, kind, round(overlap, 4))

    def report(self, found: Iterable[Contamination], n_samples: int) -> dict[str, Any]:
        """What was indexed, what could not be read, and what matched what; plain data for JSON."""
        matches = sorted(found, key=lambda c: (c.benchmark, c.file, c.sample))
        return {
            "n_samples": n_samples,
            "n_contaminated": len({match.sample for match in matches}),
            "by_kind": dict(Counter(match.kind for match in matches)),
            "overlap": self._overlap,
            "image_distance": self._distance,
            "image_similarity": self._similarity,
            "benchmarks": [asdict(folder) for folder in self.folders],
            "matches": [asdict(match) for match in matches],
        }


def _read(file: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """An index from the cache; None where there is none, or a damaged one: it is made anew."""
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        return arrays, json.loads(arrays.pop("about").tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _packed(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    members: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    np.savez(stream, **(members | arrays))
    return stream.getvalue()


def report_sentence(report: dict[str, Any] | None) -> str:
    """What the card says of the report of an index; of none, that nothing was compared."""
    if report is None:
        return "Compared with no benchmark: the recipe has no `decontaminate`."
    names = ", ".join(f"{b['benchmark']} ({b['n_items']:,} items)" for b in report["benchmarks"])
    return (
        f"Compared with {names}: {report['n_contaminated']:,} of {report['n_samples']:,} samples "
        "repeated an item, none of which was kept (contamination.md of the build)."
    )


def report_markdown(report: dict[str, Any], n_shown: int = 200) -> str:
    """The report of an index as Markdown: a table of benchmarks, then one of matches."""
    lines = [
        f"{report['n_contaminated']} of {report['n_samples']} samples repeat an item of a benchmark.",
        "",
        "| benchmark | layout | items | programs | questions | pictures | unreadable | not tried |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for b in report["benchmarks"]:
        layouts = ", ".join(f"{name} {n}" for name, n in b["layouts"].items())
        ignored = ", ".join(f"{n} {suffix}" for suffix, n in b["ignored"].items()) or "0"
        cells = (
            b["benchmark"], layouts, b["n_items"], b["n_code"], b["n_questions"], b["n_images"],
            len(b["bad"]), ignored,
        )  # fmt: skip
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    if report["matches"]:
        lines += [
            "",
            "| sample | benchmark | item | file | by | overlap |",
            "|---|---|---|---|---|---|",
        ]
    for m in report["matches"][:n_shown]:
        told = (m["sample"], m["benchmark"], m["item"], m["file"], m["kind"], m["overlap"])
        lines.append("| " + " | ".join(map(_cell, told)) + " |")
    if (more := len(report["matches"]) - n_shown) > 0:
        lines += ["", f"... and {more} more."]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


# --- what is compared of a sample -----------------------------------------------------------------


def _programs(sample: Sample) -> list[str]:
    """All code of a sample: its reference, and fenced blocks of question and answer."""
    blocks = [block.code for message in sample.messages for block in fences(message.content)]
    return list(dict.fromkeys([code_of(sample), *blocks]))


def _texts(sample: Sample) -> list[str]:
    return [message.content.replace("<image>", " ") for message in sample.messages]


def _looks(sample: Sample, signature: Signature | None) -> Iterable[tuple[int, bytes]]:
    if signature is not None:
        return zip(signature.images, signature.sketches, strict=True)
    pictures = [open_image(data, where=sample.id) for data in sample.images]
    return [(image_hash(picture), image_sketch(picture)) for picture in pictures]

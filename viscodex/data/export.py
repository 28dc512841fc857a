"""Data sets in the layouts that other tools read.

in:  a Dataset
out: a folder: MCD's JSON with its pictures, LLaMA-Factory's, OpenAI's chat lines, or parquet
not covered: the way back (importing.py)

Sample by sample, in memory that does not grow; equal data sets give equal bytes, also where an export
was killed and gone on with. What a layout has no place for goes into a key that its readers pass over
(conversion.py), for OpenAI's, whose services refuse unknown keys, into a file beside.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from viscodex import __version__
from viscodex.data.card import finish_dataset
from viscodex.data.conversion import EXTRA, extra_of
from viscodex.data.dataset import Dataset
from viscodex.data.parts import disk_checked
from viscodex.data.shards import ShardInfo, numbered_shards, write_shards
from viscodex.data.sound import MARK
from viscodex.data.staging import Stage, resumed_folder
from viscodex.errors import BadRecipe
from viscodex.images import data_url
from viscodex.types import Sample

NOTED_ROWS = 1_000  # samples after which it is noted how far an export is: what a kill may cost
Progress = Callable[[str, int, int], None]
Samples = Callable[[int], Iterator[Sample]]
"""The samples of a data set from a number on."""

_SUFFIXES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"RIFF": "webp",
    b"GIF8": "gif",
    b"BM": "bmp",
}
"""First bytes of a picture -> suffix of its file."""


def export_dataset(
    dataset: Dataset, out: Path, format: str, *, progress: Progress | None = None
) -> int:
    """Write the samples of a data set in another layout.

    Args:
        out: folder to write; it is there only when it is whole. What a killed call left beside it
            is gone on with.
        format: a key of FORMATS.
        progress: called with ("samples", done, total).

    Returns:
        The number of samples.

    Raises:
        BadRecipe: there is no such format.
        OutputRefused: `out` is taken, or was begun with another data set or format.
        BadDataset: a shard is damaged.
        NotEnoughSpace: the disk is full; what is there is kept.
    """
    if format not in FORMATS:
        raise BadRecipe(
            "there is no such format", f"--format {format}", f"Choose one of {', '.join(FORMATS)}."
        )
    identity = {
        "format": format,
        "data set": dataset.fingerprint(),
        "versions": [__version__, pa.__version__],
    }

    def samples(first: int) -> Iterator[Sample]:
        for number in range(first, len(dataset)):
            yield dataset[number]
            if progress is not None:
                progress("samples", number + 1, len(dataset))

    with disk_checked(out), resumed_folder(out, identity, dataset.folder) as stage:
        FORMATS[format](stage, dataset, samples)
    return len(dataset)


class _Lines:
    """Files of text that grow with the samples; cut back to what a killed export had noted."""

    def __init__(self, stage: Stage, *names: str) -> None:
        sizes = stage.state.get("sizes", {})
        self.done = int(stage.state.get("done", 0))  # samples that are in the files
        self._stage = stage
        self._streams = {name: (stage.folder / name).open("ab") for name in names}
        for name, stream in self._streams.items():
            stream.truncate(sizes.get(name, 0))
            stream.seek(0, os.SEEK_END)

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: object) -> None:
        for stream in self._streams.values():
            stream.close()

    def write(self, name: str, text: str) -> None:
        """Put text at the end of a file."""
        self._streams[name].write(text.encode())

    def sample_done(self) -> None:
        """All files have one sample more."""
        self.done += 1
        if self.done % NOTED_ROWS:
            return
        for stream in self._streams.values():
            stream.flush()
            os.fsync(stream.fileno())
        sizes = {name: stream.tell() for name, stream in self._streams.items()}
        self._stage.save(done=self.done, sizes=sizes)


# --- MCD, LLaMA-Factory ---------------------------------------------------------------------------


def _write_mcd(stage: Stage, dataset: Dataset, samples: Samples) -> None:
    """mcd.json and mcd_images/chart_images/...; paper, section 3."""
    _write_array(stage, "mcd.json", "mcd_images/{}_images", samples)


def _write_llamafactory(stage: Stage, dataset: Dataset, samples: Samples) -> None:
    """dataset_info.json, viscodex.json (its "sharegpt" formatting) and images/."""
    file = f"{EXTRA}.json"
    roles = {f"{role}_tag": role for role in ("user", "assistant", "system")}
    entry = {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", **roles},
    }
    _write_array(stage, file, "images/{}", samples)
    info = json.dumps({EXTRA: entry}, indent=2)
    (stage.folder / "dataset_info.json").write_text(f"{info}\n", encoding="utf-8")


def _record(sample: Sample, images: list[str]) -> dict[str, Any]:
    return {
        "images": images,
        "messages": [{"role": m.role, "content": m.content} for m in sample.messages],
        "category": sample.category,
        EXTRA: extra_of(sample),
    }


def _save(sample: Sample, folder: Path, below: str) -> list[str]:
    """Write the pictures of a sample; equal ones share a file, which is named by its hash."""
    names = []
    for picture in sample.images:
        name = f"{below}/{xxhash.xxh3_128_hexdigest(picture)}.{_suffix(picture)}"
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f"{path.name}.part")
            beside.write_bytes(picture)
            beside.replace(path)
        names.append(name)
    return names


def _suffix(picture: bytes) -> str:
    return next((s for magic, s in _SUFFIXES.items() if picture.startswith(magic)), "png")


def _write_array(stage: Stage, file: str, below: str, samples: Samples) -> None:
    """One JSON array, a record a line, with its pictures in a folder for each category."""
    with _Lines(stage, file) as lines:
        for sample in samples(lines.done):
            images = _save(sample, stage.folder, below.format(sample.category))
            lines.write(file, (",\n" if lines.done else "[\n") + _json(_record(sample, images)))
            lines.sample_done()
        lines.write(file, "\n]\n" if lines.done else "[]\n")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- OpenAI ---------------------------------------------------------------------------------------


def _write_openai(stage: Stage, dataset: Dataset, samples: Samples) -> None:
    """chat.jsonl, pictures as data URLs; viscodex.jsonl has the rest, line by line."""
    with _Lines(stage, "chat.jsonl", f"{EXTRA}.jsonl") as lines:
        for sample in samples(lines.done):
            lines.write("chat.jsonl", _json({"messages": _chat(sample)}) + "\n")
            extra = {"category": sample.category, **extra_of(sample)}
            lines.write(f"{EXTRA}.jsonl", _json(extra) + "\n")
            lines.sample_done()


def _chat(sample: Sample) -> list[dict[str, Any]]:
    pictures = iter(sample.images)
    return [
        {"role": message.role, "content": _content(message.content, pictures)}
        for message in sample.messages
    ]


def _content(text: str, pictures: Iterator[bytes]) -> str | list[dict[str, Any]]:
    """Text, or its parts where pictures stand in it."""
    first, *others = text.split(MARK)
    if not others:
        return text
    parts: list[dict[str, Any]] = [{"type": "text", "text": first}]
    for other in others:
        parts.append({"type": "image_url", "image_url": {"url": data_url(next(pictures, b""))}})
        parts.append({"type": "text", "text": other})
    return [part for part in parts if part.get("text") != ""]


# --- parquet --------------------------------------------------------------------------------------


def _write_parquet(stage: Stage, dataset: Dataset, samples: Samples) -> None:
    """A data set again, without its rejects: what a hub takes."""
    done = tuple(ShardInfo(**row) for row in stage.state.get("shards", ()))
    numbered_shards(stage.folder / "data", len(done))

    def save(shards: Sequence[ShardInfo]) -> None:
        stage.save(shards=[asdict(shard) for shard in shards])

    left = samples(sum(shard.rows for shard in done))
    shards = write_shards(stage.folder, left, done=done, saved=save)
    manifest = dataset.manifest
    if manifest is None:
        finish_dataset(stage.folder, shards=shards)
    else:
        finish_dataset(
            stage.folder,
            shards=shards,
            recipe=manifest.recipe,
            filters=manifest.filters,
            versions=manifest.versions,
            notes=manifest.notes,
        )


FORMATS: dict[str, Callable[[Stage, Dataset, Samples], None]] = {
    "mcd": _write_mcd,
    "llamafactory": _write_llamafactory,
    "openai": _write_openai,
    "parquet": _write_parquet,
}
"""Name -> what writes it."""

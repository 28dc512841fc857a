"""Data sets in the layouts that other tools read.

in:  a Dataset
out: a folder: MCD's JSON with its pictures, LLaMA-Factory's, OpenAI's chat lines, or parquet
not covered: the way back (importing.py)

Sample by sample, in memory that does not grow; equal data sets give equal bytes. What a layout has
no place for goes into a key that its readers pass over (conversion.py), for OpenAI's, whose
services refuse unknown keys, into a file beside.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import xxhash

from viscodex.data.card import finish_dataset
from viscodex.data.conversion import EXTRA, extra_of
from viscodex.data.dataset import Dataset
from viscodex.data.shards import write_shards
from viscodex.data.sound import MARK
from viscodex.data.staging import staged_folder
from viscodex.errors import BadRecipe
from viscodex.types import Sample

Progress = Callable[[str, int, int], None]

_SUFFIXES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"RIFF": "webp",
    b"GIF8": "gif",
    b"BM": "bmp",
}
"""First bytes of a picture -> suffix of its file, and subtype of its MIME type but for jpg."""


def export_dataset(
    dataset: Dataset, out: Path, format: str, *, progress: Progress | None = None
) -> int:
    """Write the samples of a data set in another layout.

    Args:
        out: folder to write; it is there only when it is whole.
        format: a key of FORMATS.
        progress: called with ("samples", done, total).

    Returns:
        The number of samples.

    Raises:
        BadRecipe: there is no such format.
        OutputRefused: `out` is taken.
        BadDataset: a shard is damaged.
    """
    if format not in FORMATS:
        raise BadRecipe(
            "there is no such format", f"--format {format}", f"Choose one of {', '.join(FORMATS)}."
        )
    with staged_folder(out, dataset.folder) as folder:
        FORMATS[format](folder, dataset, _counted(dataset, progress))
    return len(dataset)


def _counted(dataset: Dataset, progress: Progress | None) -> Iterator[Sample]:
    for done, sample in enumerate(dataset, start=1):
        yield sample
        if progress is not None:
            progress("samples", done, len(dataset))


# --- MCD, LLaMA-Factory ---------------------------------------------------------------------------


def _write_mcd(folder: Path, dataset: Dataset, samples: Iterable[Sample]) -> None:
    """mcd.json and mcd_images/chart_images/...; paper, section 3."""
    _write_array(
        folder / "mcd.json",
        (
            _record(sample, _save(sample, folder, f"mcd_images/{sample.category}_images"))
            for sample in samples
        ),
    )


def _write_llamafactory(folder: Path, dataset: Dataset, samples: Iterable[Sample]) -> None:
    """dataset_info.json, viscodex.json (its "sharegpt" formatting) and images/."""
    file = f"{EXTRA}.json"
    roles = {f"{role}_tag": role for role in ("user", "assistant", "system")}
    entry = {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", **roles},
    }
    _write_array(
        folder / file, (_record(s, _save(s, folder, f"images/{s.category}")) for s in samples)
    )
    info = json.dumps({EXTRA: entry}, indent=2)
    (folder / "dataset_info.json").write_text(f"{info}\n", encoding="utf-8")


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
            path.write_bytes(picture)
        names.append(name)
    return names


def _suffix(picture: bytes) -> str:
    return next((s for magic, s in _SUFFIXES.items() if picture.startswith(magic)), "png")


def _write_array(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """One JSON array, a record a line."""
    with path.open("w", encoding="utf-8") as stream:
        between = "[\n"
        for record in records:
            stream.write(between)
            _write_json(stream, record)
            between = ",\n"
        stream.write("[]\n" if between == "[\n" else "\n]\n")


def _write_json(stream: TextIO, value: Mapping[str, Any]) -> None:
    stream.write(json.dumps(value, ensure_ascii=False))


# --- OpenAI ---------------------------------------------------------------------------------------


def _write_openai(folder: Path, dataset: Dataset, samples: Iterable[Sample]) -> None:
    """chat.jsonl, pictures as data URLs; viscodex.jsonl has the rest, line by line."""
    with (
        (folder / "chat.jsonl").open("w", encoding="utf-8") as chat,
        (folder / f"{EXTRA}.jsonl").open("w", encoding="utf-8") as extra,
    ):
        for sample in samples:
            _write_json(chat, {"messages": _chat(sample)})
            chat.write("\n")
            _write_json(extra, {"category": sample.category, **extra_of(sample)})
            extra.write("\n")


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
        parts.append({"type": "image_url", "image_url": {"url": _data_url(next(pictures, b""))}})
        parts.append({"type": "text", "text": other})
    return [part for part in parts if part.get("text") != ""]


def _data_url(picture: bytes) -> str:
    kind = _suffix(picture).replace("jpg", "jpeg")
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


# --- parquet --------------------------------------------------------------------------------------


def _write_parquet(folder: Path, dataset: Dataset, samples: Iterable[Sample]) -> None:
    """A data set again, without its rejects: what a hub takes."""
    shards = write_shards(folder, samples)
    manifest = dataset.manifest
    if manifest is None:
        finish_dataset(folder, shards=shards)
    else:
        finish_dataset(
            folder,
            shards=shards,
            recipe=manifest.recipe,
            filters=manifest.filters,
            versions=manifest.versions,
            notes=manifest.notes,
        )


FORMATS: dict[str, Callable[[Path, Dataset, Iterable[Sample]], None]] = {
    "mcd": _write_mcd,
    "llamafactory": _write_llamafactory,
    "openai": _write_openai,
    "parquet": _write_parquet,
}
"""Name -> what writes it."""

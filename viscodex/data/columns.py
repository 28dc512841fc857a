"""What a stored row looks like: the columns of the parquet shards, and samples to and from them.

in:  samples and rejects; tables of these columns
out: arrow tables whose bytes depend on the content alone; samples and rejects again, equal
not covered: files and folders (store.py)

Some keys of a sample's meta have columns of their own, so that a table shows and filters them; a
value that does not fit its column (a seed beyond 64 bits) stays in the JSON with the rest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import pyarrow as pa
import xxhash

from viscodex.data.draft import Reject
from viscodex.errors import BadInput
from viscodex.images import image_size
from viscodex.types import Category, Message, Sample

META_COLUMNS: dict[str, pa.DataType] = {
    "source": pa.string(),
    "kind": pa.string(),
    "licence": pa.string(),
    "seed": pa.int64(),
    "difficulty": pa.float64(),
    "n_text_tokens": pa.int32(),
    "n_vision_tokens": pa.int32(),
}
"""Keys of Sample.meta that are columns; null where a sample lacks the key."""

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SIZE = pa.struct([("width", pa.int32()), ("height", pa.int32())])
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_NUMBER = pa.struct([("name", pa.string()), ("value", pa.float64())])


def _with_features(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    """The schema, with the note by which `datasets` knows that the images are pictures."""
    features = {name: _feature(kind) for name, kind in columns.items()}
    note = json.dumps({"info": {"features": features}}, separators=(",", ":"))
    return pa.schema(list(columns.items()), metadata={"huggingface": note})


def _feature(kind: pa.DataType) -> Any:
    if kind == _IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    names = {"double": "float64"}  # arrow prints float64 so
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}


SAMPLE_SCHEMA = _with_features(
    {
        "id": pa.string(),
        "category": pa.string(),
        "task": pa.string(),
        "messages": pa.list_(_MESSAGE),
        "images": pa.list_(_IMAGE),
        "image_sizes": pa.list_(_SIZE),
        "n_characters": pa.int32(),  # of all messages
        "reference": pa.string(),
        "language": pa.string(),
        "tests": pa.string(),
        **META_COLUMNS,
        "meta": pa.string(),  # JSON: what has no column
    }
)

REJECT_SCHEMA = _with_features(
    {
        "id": pa.string(),
        "category": pa.string(),
        "kind": pa.string(),
        "filter": pa.string(),
        "reason": pa.string(),
        "numbers": pa.list_(_NUMBER),
        "code": pa.string(),
        "image": _IMAGE,
    }
)


# --- samples --------------------------------------------------------------------------------------


def table_from_samples(samples: Sequence[Sample]) -> pa.Table:
    """One table; equal samples give equal tables.

    Raises:
        BadInput: a sample cannot be stored: text that is no Unicode, meta that is no JSON, a
            picture without a readable size.
    """
    rows = [row_from_sample(sample) for sample in samples]
    return pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)


def row_from_sample(sample: Sample) -> dict[str, Any]:
    """The row of one sample, as plain data.

    Raises:
        BadInput: as table_from_samples.
    """
    own, rest = split_meta(sample.meta)
    sizes = [
        image_size(picture, where=f"{sample.id}, picture {index}")
        for index, picture in enumerate(sample.images)
    ]
    row: dict[str, Any] = {
        "id": sample.id,
        "category": sample.category,
        "task": sample.task,
        "messages": [{"role": m.role, "content": m.content} for m in sample.messages],
        "images": [{"bytes": picture, "path": None} for picture in sample.images],
        "image_sizes": [{"width": width, "height": height} for width, height in sizes],
        "n_characters": sum(len(m.content) for m in sample.messages),
        "reference": sample.reference,
        "language": sample.language,
        "tests": sample.tests,
        **own,
        "meta": _as_json(rest, sample.id),
    }
    _check_text(row, sample.id)
    return row


def sample_from_row(row: Mapping[str, Any]) -> Sample:
    """The sample that `row_from_sample` was given.

    Raises:
        ValueError: the meta is not JSON, or a column that must have a value is null.
    """
    meta = json.loads(row["meta"])
    if not isinstance(meta, dict):
        raise ValueError("meta is no JSON object")
    own = {key: row[key] for key in META_COLUMNS if row[key] is not None}
    messages = [Message(m["role"], m["content"]) for m in row["messages"] or ()]
    images = tuple(cast("bytes", image["bytes"]) for image in row["images"] or ())
    if None in images:
        raise ValueError("a picture without bytes")
    return Sample(
        id=row["id"],
        category=cast("Category", row["category"]),
        messages=tuple(messages),
        images=images,
        task=row["task"],
        reference=row["reference"],
        language=row["language"],
        tests=row["tests"],
        meta=own | meta,
    )


def split_meta(meta: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what has a column and fits it, the rest)."""
    own = {key: meta[key] for key in META_COLUMNS if key in meta and _fits(key, meta[key])}
    return own, {key: value for key, value in meta.items() if key not in own}


def _fits(key: str, value: Any) -> bool:
    kind = META_COLUMNS[key]
    if kind == pa.string():
        return isinstance(value, str)
    if kind == pa.float64():
        return isinstance(value, float) and math.isfinite(value)
    bits = 63 if kind == pa.int64() else 31
    return type(value) is int and -(1 << bits) <= value < 1 << bits


def sample_hash(sample: Sample) -> str:
    """XXH3 (128 bits) of a sample's content; the same whatever wrote or stored it."""
    content = {
        "id": sample.id,
        "category": sample.category,
        "task": sample.task,
        "messages": [[m.role, m.content] for m in sample.messages],
        "images": [xxhash.xxh3_128_hexdigest(picture) for picture in sample.images],
        "reference": sample.reference,
        "language": sample.language,
        "tests": sample.tests,
        "meta": sample.meta,
    }
    return xxhash.xxh3_128_hexdigest(_as_json(content, sample.id).encode())


def _as_json(value: Mapping[str, Any], where: str) -> str:
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(
            "the meta of a sample is not JSON",
            f"{where}: {error}",
            "Keep text, finite numbers, lists and objects with text keys in it.",
        ) from None


def _check_text(row: Mapping[str, Any], where: str) -> None:
    texts = [value for value in row.values() if isinstance(value, str)]
    texts += [m[key] for m in row["messages"] for key in ("role", "content")]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            "a sample has text that is not Unicode",
            f"{where}: half a surrogate pair, {error.object[error.start]!a}",
            "Replace or reject it.",
        ) from None


# --- rejects --------------------------------------------------------------------------------------


def table_from_rejects(rejects: Iterable[Reject]) -> pa.Table:
    """One table; text that is not Unicode is escaped, never refused."""
    rows = [
        {
            "id": _plain(reject.id),
            "category": _plain(reject.category),
            "kind": _plain(reject.kind),
            "filter": _plain(reject.filter),
            "reason": _plain(reject.reason),
            "numbers": [{"name": _plain(k), "value": v} for k, v in sorted(reject.numbers.items())],
            "code": _plain(reject.code),
            "image": None if reject.image is None else {"bytes": reject.image, "path": None},
        }
        for reject in rejects
    ]
    return pa.Table.from_pylist(rows, schema=REJECT_SCHEMA)


def reject_from_row(row: Mapping[str, Any]) -> Reject:
    """The reject of one row."""
    return Reject(
        id=row["id"],
        category=row["category"],
        filter=row["filter"],
        reason=row["reason"],
        numbers={number["name"]: number["value"] for number in row["numbers"]},
        kind=row["kind"],
        code=row["code"],
        image=row["image"]["bytes"] if row["image"] else None,
    )


def _plain(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()

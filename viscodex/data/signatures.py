"""Signatures on disk: one small parquet file for a part, a column for each field.

in:  the signatures of a part; or the files of all parts
out: a file; or the signatures again
not covered: what a signature is, and what is found with it (duplicates.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from viscodex.data.duplicates import Signature

_COLUMNS: dict[str, pa.DataType] = {
    "str": pa.string(),
    "bytes": pa.binary(),
    "tuple[int, ...]": pa.list_(pa.uint64()),
    "tuple[bytes, ...]": pa.list_(pa.binary()),
}
_NAMES = [field.name for field in fields(Signature)]
_SCHEMA = pa.schema([(field.name, _COLUMNS[str(field.type)]) for field in fields(Signature)])


def write_signatures(path: Path, signatures: Iterable[Signature]) -> None:
    """Write the signatures of a part; beside its place, renamed."""
    rows = [{name: getattr(one, name) for name in _NAMES} for one in signatures]
    beside = path.with_name(path.name + ".part")
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), beside)
    beside.replace(path)


def read_signatures(paths: Iterable[Path]) -> Iterator[Signature]:
    """The signatures of several parts, in order; one file in memory at a time."""
    for path in paths:
        for row in pq.read_table(path, schema=_SCHEMA).to_pylist():
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in row.items()
            }
            yield Signature(**values)

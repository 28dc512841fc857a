"""Many pictures in one go: a line of JSON for each, and a file that an interrupted run goes on with.

in:  paths of pictures, a Writer, a file
out: rows, appended whole as they come; renders beside them
not covered: asking and running (writer.py)

A row says which settings it was made with. A file with rows of other settings is not touched.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput, OutputRefused
from viscodex.files import write_atomically
from viscodex.generate.generated import Generated
from viscodex.generate.picture import Picture, read_picture
from viscodex.generate.writer import Progress, Writer

CHUNK = 16  # pictures that are asked, run and mended together

Row = dict[str, Any]


def generate_many(
    paths: Sequence[Path],
    writer: Writer,
    out: Path | None = None,
    *,
    renders: Path | None = None,
    progress: Progress = lambda phase, done, total: None,
) -> Iterator[Row]:
    """A row for each picture, in order; those that are in the file already are not asked again.

    Rows without an answer (unanswered) and pictures that could not be read are tried again.

    Args:
        out: JSON lines; None: rows are yielded and not kept.
        renders: folder of what the codes draw.

    Raises:
        OutputRefused: the file has rows of other settings, or is none of ours.
    """
    settings = settings_hash(writer.facts)
    kept = _read(out, settings) if out is not None else {}
    progress("pictures", 0, len(paths))
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        for done, row in enumerate(_chunk(chunk, writer, kept, settings, renders), start + 1):
            is_new = row.pop("is_new")
            if out is not None and is_new:
                _append(out, row)
            progress("pictures", done, len(paths))
            yield row


def settings_hash(facts: Mapping[str, Any]) -> str:
    """16 hex digits of all that results depend on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _chunk(
    paths: Sequence[Path],
    writer: Writer,
    kept: Mapping[tuple[str, str], Row],
    settings: str,
    renders: Path | None,
) -> Iterator[Row]:
    """The rows of some pictures; `is_new` tells those that were made now."""
    rows: dict[int, Row] = {}
    todo: list[tuple[int, Picture]] = []
    for k, path in enumerate(paths):
        try:
            picture = read_picture(path)
        except BadInput as error:
            reason = f"{error.what}: {error.where}"
            rows[k] = {
                "image": str(path), "sha256": None, "status": "unreadable", "reason": reason,
                "code": "", "settings": settings, "is_new": True,
            }  # fmt: skip
            continue
        known = kept.get((picture.name, picture.sha256))
        if known is not None:
            rows[k] = {**known, "is_new": False}
        else:
            todo.append((k, picture))
    made = writer.write([picture for _, picture in todo]) if todo else []
    for (k, _), result in zip(todo, made, strict=True):
        rows[k] = {**result.row(), "settings": settings, "is_new": True}
        if renders is not None and result.render is not None:
            rows[k]["render"] = str(_save_render(renders, result))
    for k in range(len(paths)):
        yield rows[k]


def _save_render(folder: Path, result: Generated) -> Path:
    """FOLDER/NAME-HASH.png: pictures of two folders may share a name."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{Path(result.picture.name).stem}-{result.picture.sha256[:8]}.png"
    assert result.render is not None
    write_atomically(place, result.render)
    return place


def _read(out: Path, settings: str) -> dict[tuple[str, str], Row]:
    """Rows that need not be made again; what a killed run left unfinished is cut off."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        return {}
    if not out.is_file():
        raise OutputRefused("the output is no file", str(out), "Give a file: -o results.jsonl")
    data = out.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    kept: dict[tuple[str, str], Row] = {}
    lines: list[bytes] = []
    for n, line in enumerate(whole.splitlines(), 1):
        row = _row(line, f"{out}, line {n}")
        if row["settings"] != settings:
            raise OutputRefused(
                "the file has results of other settings",
                f"{out}, line {n}: {row['settings']} there, {settings} asked",
                "Give another file with -o, or remove this one.",
            )
        if row["status"] not in ("unreadable", "unanswered"):
            kept[(row["image"], row["sha256"])] = row
            lines.append(line + b"\n")
    if b"".join(lines) != data:
        write_atomically(out, b"".join(lines))
    return kept


def _row(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line)
        if not all(name in row for name in ("image", "sha256", "status", "settings")):
            raise ValueError("it is no result of viscodex generate")
    except (ValueError, TypeError) as error:
        raise OutputRefused(
            "the file is not one of results", f"{where}: {error}", "Give another file with -o."
        ) from error
    found: Row = row
    return found


def _append(out: Path, row: Row) -> None:
    """One whole line, on the disk before the next picture."""
    with out.open("ab") as stream:
        stream.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        stream.flush()
        os.fsync(stream.fileno())

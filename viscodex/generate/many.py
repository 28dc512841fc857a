"""Many pictures in one go: a line of JSON for each, and a file that an interrupted run goes on with.

in:  paths of pictures, a Writer, a file
out: rows, each appended whole as soon as it is made; renders beside them
not covered: asking and running (writer.py)

A row says which settings it was made with. A file with rows of other settings is not touched. A run
that is killed loses what was under way: `_portions` says how many pictures that is.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput, OutputRefused
from viscodex.files import write_atomically
from viscodex.generate.picture import Picture, read_picture
from viscodex.generate.writer import Progress, Writer
from viscodex.types import Completion

CHUNK = 16  # pictures asked together of a model that says nothing about it

Row = dict[str, Any]
Portion = Sequence[tuple[int, Path]]  # pictures that are asked, run and mended together


def generate_many(
    paths: Sequence[Path],
    writer: Writer,
    out: Path | None = None,
    *,
    renders: Path | None = None,
    progress: Progress = lambda phase, done, total: None,
) -> Iterator[Row]:
    """A row for each picture, in order; those that are in the file already are not asked again.

    Rows without an answer (unanswered) and pictures that could not be read are tried again. The file
    has its rows in the order in which they were made.

    Args:
        out: JSON lines; None: rows are yielded and not kept.
        renders: folder of what the codes draw; rows of the file without a render are run once more.

    Raises:
        OutputRefused: the file has rows of other settings, or is none of ours.
    """
    settings = settings_hash(writer.facts)
    kept = _read(out, settings) if out is not None else {}
    progress("pictures", 0, len(paths))
    size, at_once = _portions(writer)
    numbered = list(enumerate(paths))
    portions = [numbered[start : start + size] for start in range(0, len(paths), size)]
    lock = threading.Lock()

    def make(portion: Portion) -> dict[int, Row]:
        rows = {}
        for k, row, is_new in _rows(portion, writer, kept, settings, renders):
            rows[k] = row
            if out is not None and is_new:
                with lock:
                    _append(out, row)
        return rows

    there: dict[int, Row] = {}
    due = n_done = 0
    for rows in _as_they_come(make, portions, at_once):
        there |= rows
        n_done += len(rows)
        progress("pictures", n_done, len(paths))
        while due in there:
            yield there.pop(due)
            due += 1


def settings_hash(facts: Mapping[str, Any]) -> str:
    """16 hex digits of all that results depend on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _portions(writer: Writer) -> tuple[int, int]:
    """Pictures that are asked together, and how many such portions at once.

    A model with `batch` (local.py) answers so many prompts in the time of one; one with `workers`
    (endpoint.py) answers each by itself, so many at once.
    """
    workers = getattr(writer.model, "workers", None)
    if workers is not None:
        return 1, max(1, workers // writer.best_of)
    return getattr(writer.model, "batch", CHUNK), 1


def _as_they_come(
    make: Callable[[Portion], dict[int, Row]], portions: Sequence[Portion], at_once: int
) -> Iterator[dict[int, Row]]:
    """The rows of each portion as soon as they are made; none is begun long before it is wanted."""
    if at_once == 1:
        yield from map(make, portions)
        return
    waiting: set[Future[dict[int, Row]]] = set()
    with ThreadPoolExecutor(at_once) as threads:
        for portion in portions:
            waiting.add(threads.submit(make, portion))
            while len(waiting) >= at_once:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)


def _rows(
    portion: Portion,
    writer: Writer,
    kept: Mapping[tuple[str, str], Row],
    settings: str,
    renders: Path | None,
) -> Iterator[tuple[int, Row, bool]]:
    """Place and row of each picture, and whether it was made now."""
    rows: dict[int, tuple[Row, bool]] = {}
    todo: list[tuple[int, Picture]] = []
    for k, path in portion:
        try:
            picture = read_picture(path)
        except BadInput as error:
            reason = f"{error.what}: {error.where}"
            rows[k] = {
                "image": str(path), "sha256": None, "status": "unreadable", "reason": reason,
                "code": "", "settings": settings,
            }, True  # fmt: skip
            continue
        known = kept.get((picture.name, picture.sha256))
        if known is not None:
            rows[k] = _with_render(known, picture, writer, renders), False
        else:
            todo.append((k, picture))
    made = writer.write([picture for _, picture in todo]) if todo else []
    for (k, picture), result in zip(todo, made, strict=True):
        row = {**result.row(), "settings": settings}
        if renders is not None and result.render is not None:
            row["render"] = str(_save_render(renders, picture, result.render))
        rows[k] = row, True
    for k, _ in portion:
        yield k, *rows[k]


def _with_render(row: Row, picture: Picture, writer: Writer, renders: Path | None) -> Row:
    """A row of the file; its code is run again where its render is wanted and not there."""
    if renders is None or row["status"] != "ok" or row["task"] == "qa":
        return row
    place = _place(renders, picture)
    if not place.is_file():
        said = Completion(row["answer"], row["finish_reason"])
        render = writer.stage.run(picture, row["task"], said, row["kind"]).render
        if render is None:
            return row
        _save_render(renders, picture, render)
    return {**row, "render": str(place)}


def _place(folder: Path, picture: Picture) -> Path:
    """FOLDER/NAME-HASH.png: pictures of two folders may share a name."""
    return folder / f"{Path(picture.name).stem}-{picture.sha256[:8]}.png"


def _save_render(folder: Path, picture: Picture, render: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = _place(folder, picture)
    write_atomically(place, render)
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
    """One whole line, on the disk before anything else is done."""
    with out.open("ab") as stream:
        stream.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
        stream.flush()
        os.fsync(stream.fileno())

"""Cases under review: one file each, changed by one reviewer at a time, nothing ever lost.

in:  a folder; drafts, changes to them with the revision that they were made to
out: DIR/drafts/ID.json, DIR/history/ID.jsonl with every earlier revision
not covered: the page (review.py), where drafts come from (draft.py)

A change names the revision that its author saw. Where another one came first it is refused with
what is there now: a lock on the folder holds over processes, so no edit can overwrite another.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from viscodex.errors import BadDataset
from viscodex.files import write_atomically
from viscodex.suite.recorded import RecordedMark
from viscodex.types import from_json, to_json

Status = Literal["draft", "accepted", "rejected"]
EDITABLE = ("area", "lang", "type", "prompt", "reference", "wrong", "grading", "note", "marks")
"""What a reviewer changes; the rest is as the builder made it."""
MAX_TEXT = 200_000  # characters of one field
_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")


@dataclass(frozen=True, slots=True)
class DraftImage:
    """A picture of a case, relative to the folder."""

    path: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DraftCase:
    """A case before it is part of a suite."""

    id: str
    area: str
    lang: str
    prompt: str
    reference: str = ""  # a whole response that shall score 1
    wrong: str = ""  # a plausible one that shall score below 0.5
    grading: str = ""  # YAML: what stands under `grading:` in a case file
    type: str = ""
    images: tuple[DraftImage, ...] = ()
    marks: dict[str, RecordedMark] = field(default_factory=dict)  # reference, wrong -> mark
    source: dict[str, Any] = field(default_factory=dict)  # url, author, licence, paraphrased, ...
    evidence: dict[str, Any] = field(
        default_factory=dict
    )  # original, answers with and without picture
    status: Status = "draft"
    note: str = ""  # of the reviewer; why it was rejected
    reviewer: str = ""  # who made this revision
    changed: str = ""  # when, UTC
    revision: int = 0


class Conflict(Exception):
    """Somebody else changed the draft first.

    Attributes:
        current: what is there now.
    """

    def __init__(self, current: DraftCase) -> None:
        self.current = current
        super().__init__(f"{current.id} is at revision {current.revision} by {current.reviewer}")


class Drafts:
    """The drafts of a folder; safe to use from several threads and processes.

    Raises:
        BadDataset: the folder holds no drafts.
    """

    def __init__(self, folder: Path, *, make: bool = False) -> None:
        self.folder = folder
        if make:
            (folder / "drafts").mkdir(parents=True, exist_ok=True)
        if not (folder / "drafts").is_dir():
            raise BadDataset(
                "there are no draft cases",
                str(folder),
                "Make some: viscodex suite draft RECIPE -o DIR",
            )
        self._lock = threading.Lock()

    def ids(self) -> list[str]:
        """The ids of all drafts, sorted."""
        found = (path.stem for path in (self.folder / "drafts").glob("*.json"))
        return sorted(name for name in found if _ID.fullmatch(name))

    def read(self, key: str) -> DraftCase:
        """A draft as it is now.

        Raises:
            KeyError: there is none of that id.
            BadDataset: its file cannot be read.
        """
        if not _ID.fullmatch(key):
            raise KeyError(key)
        path = self._path(key)
        try:
            return from_json(DraftCase, path.read_bytes())
        except FileNotFoundError:
            raise KeyError(key) from None
        except ValueError as error:
            first = str(error).splitlines()[0]
            raise BadDataset("a draft cannot be read", f"{path}: {first}") from None

    def all(self) -> list[DraftCase]:
        """All drafts, by id.

        Raises:
            BadDataset: one cannot be read.
        """
        return [self.read(key) for key in self.ids()]

    def add(self, draft: DraftCase) -> DraftCase:
        """Write a new draft; one that is there already stays as it is.

        Returns:
            What is there now.
        """
        with self._locked():
            try:
                return self.read(draft.id)
            except KeyError:
                return self._write(replace(draft, revision=1))

    def change(
        self, key: str, revision: int, reviewer: str, changes: Mapping[str, Any]
    ) -> DraftCase:
        """Change a draft.

        Args:
            revision: that the changes were made to.
            changes: fields of EDITABLE, and `status`.

        Returns:
            What is there now; the same revision where nothing differs.

        Raises:
            Conflict: somebody else was first; nothing is changed.
            KeyError: there is no such draft.
            ValueError: a field that cannot be changed, or a value that it cannot have.
        """
        wanted = checked_changes(changes)
        with self._locked():
            now = self.read(key)
            if now.revision != revision:
                raise Conflict(now)
            changed = from_json(DraftCase, to_json(replace(now, **wanted)))  # checks the types
            if changed == now:
                return now
            self._keep(now)
            return self._write(
                replace(changed, revision=revision + 1, reviewer=reviewer, changed=_now())
            )

    def history(self, key: str) -> list[DraftCase]:
        """The earlier revisions of a draft, oldest first."""
        self.read(key)
        path = self._history(key)
        lines = path.read_bytes().splitlines() if path.exists() else []
        found: dict[int, DraftCase] = {}
        for line in lines:  # a line cut off by a crash was written again, with its revision
            with contextlib.suppress(ValueError):
                draft = from_json(DraftCase, line)
                found[draft.revision] = draft
        return [found[revision] for revision in sorted(found)]

    # .. files

    def _path(self, key: str) -> Path:
        return self.folder / "drafts" / f"{key}.json"

    def _history(self, key: str) -> Path:
        return self.folder / "history" / f"{key}.jsonl"

    def _write(self, draft: DraftCase) -> DraftCase:
        write_atomically(self._path(draft.id), to_json(draft, indent=1) + "\n")
        return draft

    def _keep(self, draft: DraftCase) -> None:
        path = self._history(draft.id)
        path.parent.mkdir(exist_ok=True)
        with path.open("ab+") as file:
            file.seek(0, os.SEEK_END)
            if size := file.tell():
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(to_json(draft).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock, (self.folder / "drafts" / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def checked_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as values of a DraftCase.

    Raises:
        ValueError: a field that cannot be changed, or a value that it cannot have.
    """
    unknown = sorted(set(changes) - {*EDITABLE, "status"})
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: cannot be changed")
    wanted: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "marks":
            wanted[name] = _marks(value)
        elif not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
            raise ValueError(f"{name}: text of at most {MAX_TEXT:,} characters is needed")
        else:
            wanted[name] = value.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    if wanted.get("status", "draft") not in ("draft", "accepted", "rejected"):
        raise ValueError(f"status: {wanted['status']!r:.40} is none of draft, accepted, rejected")
    return wanted


def _marks(value: Any) -> dict[str, RecordedMark]:
    names = {one.name for one in fields(RecordedMark)}
    if not isinstance(value, Mapping) or not set(value) <= {"reference", "wrong"}:
        raise ValueError("marks: a mapping of reference and wrong is needed")
    marks = {}
    for answer, mark in value.items():
        if isinstance(mark, RecordedMark):
            marks[str(answer)] = mark
            continue
        if not isinstance(mark, Mapping) or set(mark) != names:
            raise ValueError(f"marks.{answer}: keys are {', '.join(sorted(names))}")
        if not all(isinstance(text, str) for text in mark.values()):
            raise ValueError(f"marks.{answer}: values are texts")
        marks[str(answer)] = RecordedMark(**mark)
    return marks


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def public(draft: DraftCase) -> dict[str, Any]:
    """A draft as plain JSON data."""
    data: dict[str, Any] = json.loads(to_json(draft))
    return data

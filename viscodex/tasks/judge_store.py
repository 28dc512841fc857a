"""Replies of judges on disk: a cache by content, and the record of a run.

in:  replies
out: CACHE/judge/KEY.json; RUN/judge.jsonl, a line for each reply that the run's scores rest on
not covered: asking (judge.py)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viscodex.execute import runtime
from viscodex.files import whole_lines, write_atomically
from viscodex.tasks.rubrics import Reply
from viscodex.types import from_json, to_json


class Replies:
    """All replies to a request, in the order in which they came.

    Args:
        folder: None: below the cache directory of viscodex.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or runtime.home() / "judge"

    def read(self, key: str) -> list[Reply]:
        """What is known."""
        try:
            data = json.loads((self._folder / f"{key}.json").read_bytes())
            return [from_json(Reply, json.dumps(one)) for one in data["replies"]]
        except (OSError, ValueError, LookupError, TypeError):  # not there, or of another version
            return []

    def write(self, key: str, asked: Mapping[str, Any], replies: Sequence[Reply]) -> None:
        """Keep them, with what was asked."""
        self._folder.mkdir(parents=True, exist_ok=True)
        told = {"asked": asked, "replies": [json.loads(to_json(reply)) for reply in replies]}
        write_atomically(self._folder / f"{key}.json", json.dumps(told, indent=1))


class Record:
    """RUN/judge.jsonl; safe to use from several threads.

    Args:
        place: the file; made when the first line is written. None: nothing is kept.
    """

    def __init__(self, place: Path | None) -> None:
        self._place, self._lock = place, threading.Lock()
        self._known = {(row["key"], row["try"]) for row in self.read()}

    def read(self) -> list[dict[str, Any]]:
        """All whole lines; what a killed run left unfinished is dropped."""
        return [] if self._place is None else [json.loads(row) for row in whole_lines(self._place)]

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a line, once for each reply."""
        with self._lock:
            name = row["key"], row["try"]
            if self._place is None or name in self._known:
                return
            self._known.add(name)
            with self._place.open("ab") as file:
                file.write(json.dumps(row).encode() + b"\n")

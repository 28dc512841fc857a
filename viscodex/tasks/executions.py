"""What answers did when they ran, kept so that they can be scored again without running.

in:  all that an execution depends on, a way to execute
out: the execution: from RUN/executions where it is there, else made and kept
not covered: references, which all runs share (chartmimic.py, design2code/page.py)

What a busy machine may have caused (a time-out, no memory) is not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from viscodex.files import write_atomically
from viscodex.types import from_json, to_json

Kept = TypeVar("Kept")


class Executions:
    """A folder of executions; safe to use from several threads.

    Args:
        folder: None: nothing is kept.
        code: modules whose source decides what comes out.
        basis: JSON: what else does: render stamp, tier, limits.
    """

    def __init__(self, folder: Path | None, code: Sequence[ModuleType], *basis: Any) -> None:
        self._folder = folder
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        digest = hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode())
        for module in code:
            digest.update(Path(str(module.__file__)).read_bytes())
        self._basis = digest.hexdigest()

    def get(
        self,
        noun: type[Kept],
        told: Sequence[Any],
        execute: Callable[[], Kept],
        is_final: Callable[[Kept], bool],
    ) -> Kept:
        """The execution of what is told: the code, how it is run.

        Args:
            noun: a dataclass that JSON can hold.
            told: JSON.
            is_final: whether it would come out so again.
        """
        if self._folder is None:
            return execute()
        text = json.dumps([self._basis, *told], default=str)
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        place = self._folder / f"{key}.json"
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:  # equal answers that come together run once
            try:
                return from_json(noun, place.read_bytes())
            except (OSError, ValueError):  # not there, or not whole
                done = execute()
            if is_final(done):
                with contextlib.suppress(ValueError):  # half a character, which JSON cannot hold
                    text = to_json(done)
                    self._folder.mkdir(parents=True, exist_ok=True)
                    write_atomically(place, text)
            return done


def is_final(status: str) -> bool:
    """Whether an execution with this status would come out so again."""
    return status in ("ok", "error", "no_code", "blocked")

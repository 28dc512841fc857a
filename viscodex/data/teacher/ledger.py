"""What a build has spent and may spend, and how fast: one file that all its workers share.

in:  requests before they are sent, what became of them
out: FOLDER/ledger.jsonl; pauses; RunStopped before a budget would be passed
not covered: sending and repeating (teacher.py)

A line before a request is sent, with the most that it may take; a line when it is settled. What a
killed worker left unsettled counts with its most: the endpoint may have worked for it. So the budget
holds whatever happens, and all workers, on all machines, keep to one rate.

    {"id": .., "key": .., "t": .., "in": .., "out": ..}      sent; "in" and "out" from above
    {"id": .., "in": .., "out": .., "paid": true}            settled
    {"key": .., "known": true}                               found in the cache
    {"key": .., "failure": ..}                               given up
    {"until": ..}                                            nobody asks before
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.data.teacher.settings import TeacherSettings
from viscodex.data.teacher.store import file_lock
from viscodex.errors import RunStopped

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What a build has spent so far."""

    requests: int = 0  # that were sent, repetitions included
    replies: int = 0  # that came
    known: int = 0  # that were found in the cache instead
    failures: int = 0  # that were given up
    tokens_in: int = 0
    tokens_out: int = 0
    money: float = 0.0  # 0 without a price
    open: int = 0  # sent and not settled: under way, or lost with a worker; counted with their most


class Ledger:
    """The books of one teacher in one build; safe to use from threads and processes.

    Args:
        place: the file; None: in memory, for a teacher without a build.
        settings: price, budgets, rates.
    """

    def __init__(self, place: Path | None, settings: TeacherSettings) -> None:
        self.place, self.settings = place, settings
        self._lock = threading.Lock()
        self._at = 0  # bytes of the file that are counted
        self._memory: list[bytes] = []
        self._open: dict[str, tuple[int, int]] = {}
        self._recent: deque[tuple[float, int]] = deque()  # (when, tokens) of requests
        self._until = 0.0
        self._requests = self._replies = self._known = self._failures = 0
        self._tokens = [0, 0]
        self._seen: dict[str, str] = {}  # key -> failure, or empty

    # .. before and after a request

    def send(self, key: str, tokens_in: int, tokens_out: int) -> tuple[str, float]:
        """Book a request that is about to be sent.

        Args:
            tokens_in, tokens_out: the most that it may take.

        Returns:
            Its id, and 0; or an empty id and the seconds to wait before this is called again.

        Raises:
            RunStopped: it might pass a budget.
        """
        with self._books():
            self._afford(tokens_in, tokens_out)
            now = time.time()
            pause = self._pause(now, tokens_in + tokens_out)
            if pause > 0:
                return "", pause
            name = secrets.token_hex(8)
            self._write({"id": name, "key": key, "t": now, "in": tokens_in, "out": tokens_out})
            return name, 0.0

    def settle(self, name: str, tokens_in: int, tokens_out: int, *, paid: bool) -> None:
        """Book what a request took; `paid`: a reply came."""
        with self._books():
            self._write({"id": name, "in": tokens_in, "out": tokens_out, "paid": paid})

    def note(self, key: str, failure: str = "") -> None:
        """Book a reply that needed no request, or a failure that was the end of it."""
        with self._books():
            if failure:
                self._write({"key": key, "failure": failure})
            elif key not in self._seen:
                self._write({"key": key, "known": True})

    def hold(self, seconds: float) -> None:
        """Nobody asks for a while: the endpoint said so."""
        with self._books():
            self._write({"until": time.time() + seconds})

    # .. sums

    def spent(self) -> Spent:
        """The sums, with what other workers wrote."""
        with self._books():
            tokens_in, tokens_out = self._sums()
            return Spent(
                self._requests, self._replies, self._known, self._failures, tokens_in, tokens_out,
                self._money(tokens_in, tokens_out), len(self._open),
            )  # fmt: skip

    def keys(self) -> dict[str, str]:
        """Every request of the build -> why it was given up; empty where there is a reply."""
        with self._books():
            return dict(self._seen)

    def _sums(self) -> tuple[int, int]:
        tokens_in = self._tokens[0] + sum(tokens for tokens, _ in self._open.values())
        tokens_out = self._tokens[1] + sum(tokens for _, tokens in self._open.values())
        return tokens_in, tokens_out

    def _money(self, tokens_in: int, tokens_out: int) -> float:
        price = self.settings.price
        return price.of(tokens_in, tokens_out) if price is not None else 0.0

    # .. rules

    def _afford(self, tokens_in: int, tokens_out: int) -> None:
        spent_in, spent_out = self._sums()
        settings, more = self.settings, "What is there is kept. Give the same command with a higher"
        if settings.token_budget is not None:
            total, most = spent_in + spent_out, tokens_in + tokens_out
            if total + most > settings.token_budget:
                raise RunStopped(
                    "the teacher's budget of tokens is used up",
                    f"{total:,} of {settings.token_budget:,} tokens; the next request may take {most:,}",
                    f"{more} teacher.token_budget.",
                )
        if settings.budget is not None:
            money, most_money = self._money(spent_in, spent_out), self._money(tokens_in, tokens_out)
            if money + most_money > settings.budget:
                raise RunStopped(
                    "the teacher's budget is spent",
                    f"{money:.4f} of {settings.budget:g}; the next request may cost {most_money:.4f}",
                    f"{more} teacher.budget.",
                )

    def _pause(self, now: float, tokens: int) -> float:
        """Seconds until a request keeps within the rates; 0: at once."""
        if now < self._until:
            return self._until - now
        while self._recent and self._recent[0][0] <= now - WINDOW_S:
            self._recent.popleft()
        n, limit = len(self._recent), self.settings.requests_per_minute
        if limit is not None and n >= limit:
            return self._recent[n - limit][0] + WINDOW_S - now
        most = self.settings.tokens_per_minute
        if most is not None and self._recent:  # one request alone may be larger than the rate
            room = most - tokens
            left = sum(size for _, size in self._recent)
            for when, size in self._recent:
                if left <= room:
                    break
                left -= size
                if left <= room or left == 0:
                    return when + WINDOW_S - now
        return 0.0

    # .. the file

    @contextlib.contextmanager
    def _books(self) -> Iterator[None]:
        """Alone with the books, which are up to date."""
        with self._lock:
            if self.place is None:
                yield
                return
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.place, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                with file_lock(self._file):
                    self._catch_up()
                    yield
            finally:
                os.close(self._file)

    def _catch_up(self) -> None:
        """Count what others wrote; a line that a full disk cut is ended, and counts for nothing."""
        size = os.fstat(self._file).st_size
        fresh = os.pread(self._file, size - self._at, self._at) if size > self._at else b""
        if fresh and not fresh.endswith(b"\n"):
            os.write(self._file, b"\n")
            fresh += b"\n"
        self._at += len(fresh)
        for line in fresh.splitlines():
            with contextlib.suppress(ValueError, LookupError, TypeError):
                self._count(json.loads(line))

    def _write(self, row: dict[str, Any]) -> None:
        line = json.dumps(row).encode() + b"\n"
        if self.place is not None:
            os.write(self._file, line)
            self._at += len(line)
        self._count(row)

    def _count(self, row: dict[str, Any]) -> None:
        if "t" in row:
            self._open[row["id"]] = row["in"], row["out"]
            self._recent.append((row["t"], row["in"] + row["out"]))
            self._requests += 1
            self._seen.setdefault(row["key"], "")
        elif "id" in row:
            if self._open.pop(row["id"], None) is not None:
                self._tokens[0] += row["in"]
                self._tokens[1] += row["out"]
                self._replies += bool(row["paid"])
        elif "known" in row:
            self._known += 1
            self._seen.setdefault(row["key"], "")
        elif "failure" in row:
            self._failures += 1
            self._seen[row["key"]] = row["failure"]
        elif "until" in row:
            self._until = max(self._until, row["until"])

"""The funnel: steps that candidates pass or end at, each with its reason; every step goes on.

in:  candidates, what is done to one
out: DIR/funnel/NAME.jsonl, a row for each candidate; counts of what was rejected, and why
not covered: what the steps do (ask.py, grade.py)

A row is written when it is known, so a run that was killed goes on where it ended. What a teacher
did not answer for now (silence) is no row: it is asked again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viscodex.data.draft import Unfit
from viscodex.files import whole_lines

Progress = Callable[[str, int, int], None]
Row = Mapping[str, Any]
"""{"id", "data"} of one that passed; {"id", "filter", "reason", "numbers"} of one that did not."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did."""

    name: str
    n_in: int
    n_kept: int
    rejected: dict[str, int] = field(default_factory=dict)  # reason -> candidates


@dataclass(slots=True)
class Step:
    """One step of the funnel.

    Args:
        name: of its file.
        folder: of the drafts.
    """

    name: str
    folder: Path
    rows: dict[str, Row] = field(init=False)  # of all runs, by candidate
    waiting: Counter[str] = field(default_factory=Counter)  # not decided in this run

    def __post_init__(self) -> None:
        self.rows = {row["id"]: row for row in read_rows(self.place)}

    def run(
        self,
        ids: Sequence[str],
        do: Callable[[str], dict[str, Any]],
        *,
        workers: int = 1,
        progress: Progress = lambda *_: None,
    ) -> list[str]:
        """Do what is left to do.

        Args:
            ids: of the candidates, in order.
            do: what passes is returned as JSON data; Unfit rejects.
            workers: candidates at once.

        Returns:
            The ids that passed, in order.

        Raises:
            RunStopped: from `do`; what is done is kept.
        """
        left = [key for key in ids if key not in self.rows]
        self.place.parent.mkdir(parents=True, exist_ok=True)
        with self.place.open("ab") as file:
            for row in _results(left, do, workers):
                if _asks_again(row):
                    self.waiting[str(row["filter"])] += 1
                else:
                    file.write(
                        json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
                    )
                    file.flush()
                    self.rows[row["id"]] = row
                progress(self.name, len(ids) - len(left) + 1, len(ids))
                left = left[1:]
        return [key for key in ids if "data" in self.rows.get(key, {})]

    @property
    def place(self) -> Path:
        """The file of the rows."""
        return self.folder / "funnel" / f"{self.name}.jsonl"

    def data(self, key: str) -> dict[str, Any]:
        """What the step made of a candidate that passed."""
        data: dict[str, Any] = self.rows[key]["data"]
        return data

    def report(self, ids: Sequence[str]) -> StepReport:
        """The counts over these candidates."""
        rows = [self.rows[key] for key in ids if key in self.rows]
        rejected = Counter(str(row["filter"]) for row in rows if "filter" in row)
        rejected.update(self.waiting)
        kept = sum("data" in row for row in rows)
        return StepReport(self.name, len(ids), kept, dict(sorted(rejected.items())))


def read_rows(place: Path) -> list[Row]:
    """The whole rows of a file; what a killed run left unfinished is cut off."""
    return [json.loads(line) for line in whole_lines(place)]


def _asks_again(row: Row) -> bool:
    return row.get("filter") == "no_reply" and str(row["reason"]).startswith("silent")


def _results(ids: Sequence[str], do: Callable[[str], dict[str, Any]], workers: int) -> Any:
    """Rows as they come; a failure lets those under way come to their end."""

    def one(key: str) -> Row:
        try:
            return {"id": key, "data": do(key)}
        except Unfit as error:
            found = error.finding
            told = {"filter": error.filter, "reason": found.reason, "numbers": found.numbers}
            return {"id": key, **told}

    coming = iter(ids)
    failed: BaseException | None = None
    with ThreadPoolExecutor(workers) as threads:
        running: set[Future[Row]] = set()
        while True:
            while failed is None and len(running) < workers and (key := next(coming, None)):
                running.add(threads.submit(one, key))
            if not running:
                break
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                if (error := future.exception()) is not None:
                    failed = failed or error
                else:
                    yield future.result()
    if failed is not None:
        raise failed

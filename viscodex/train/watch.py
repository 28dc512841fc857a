"""What a run shows of itself: metrics.jsonl, TensorBoard, samples, a page.

in:  measurements of steps, evaluations, answers of the model in training
out: RUN/metrics.jsonl, RUN/training.html, RUN/samples/, RUN/rejects.jsonl, RUN/tensorboard/ where installed
not covered: drawing (page.py), the terminal (cli/train.py)
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from viscodex.files import write_atomically
from viscodex.train.budget import Budget, Progress
from viscodex.train.page import training_page
from viscodex.train.parts import PartRow
from viscodex.train.samples import Execute, Written
from viscodex.train.trainer import Measured
from viscodex.types import Execution

METRICS = "metrics.jsonl"
PAGE = "training.html"
Report = Callable[[Measured, int], None]
"""Told every step: what it showed, and of how many steps."""


@dataclass(frozen=True, slots=True)
class Show:
    """What is told while a run goes on; every field may be left at doing nothing."""

    line: Callable[[str], None] = lambda text: None  # a line for a person
    progress: Progress = lambda what, done, total: None
    table: Callable[[Sequence[PartRow]], None] = lambda rows: None
    step: Callable[[Measured, int], None] = lambda measured, n_steps: None


class Watch:
    """Writes what a run shows; on the main process only.

    Args:
        run: its folder.
        first_step: steps done before; later lines of an earlier process are dropped.
        n_steps: of the whole run.
        execute: runs the code in answers; None: they are shown without.
    """

    def __init__(
        self, run: Path, first_step: int, n_steps: int, execute: Execute | None, report: Report
    ) -> None:
        self.run, self.n_steps, self._execute, self._report = run, n_steps, execute, report
        self.rows = [row for row in read_lines(run / METRICS) if row["step"] <= first_step]
        self.written = [r for r in read_lines(run / "samples.jsonl") if r["step"] <= first_step]
        _rewrite(run / METRICS, self.rows)
        _rewrite(run / "samples.jsonl", self.written)
        self._board = _board(run / "tensorboard", first_step)

    def measured(self, step: Measured) -> None:
        """A step is done."""
        row = {key: value for key, value in asdict(step).items() if key != "rejected"}
        self._add(row)
        for item, reason in step.rejected:
            _append(self.run / "rejects.jsonl", {"item": item, "kind": "read", "reason": reason})
        self._report(step, self.n_steps)

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        """The held-out samples were measured."""
        self._add({"step": step, **metrics})
        self.draw()

    def wrote(self, written: Sequence[Written]) -> None:
        """The model answered; its code is run where there is a hook for that."""
        ran: Sequence[Execution | None] = [None] * len(written)
        if self._execute is not None:
            ran = self._execute(written)
        folder = self.run / "samples"
        folder.mkdir(exist_ok=True)
        for one, execution in zip(written, ran, strict=True):
            row = self._row(one, execution, folder)
            self.written.append(row)
            _append(self.run / "samples.jsonl", row)
        exact = sum(one.is_exact for one in written) / max(len(written), 1)
        facts: dict[str, Any] = {"step": written[0].step if written else 0, "sample_exact": exact}
        if self._execute is not None:
            n_ok = sum(e is not None and e.status == "ok" for e in ran)
            facts["sample_exec_rate"] = n_ok / max(len(written), 1)
        self._add(facts)
        self.draw()

    def _row(self, one: Written, execution: Execution | None, folder: Path) -> dict[str, Any]:
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in one.sample.id)[:80]
        shown = one.sample.images[0] if one.sample.images else None
        drawn = None if execution is None else execution.image
        row: dict[str, Any] = {
            "step": one.step, "id": one.sample.id, "text": one.text, "is_exact": one.is_exact,
            "is_finished": one.is_finished, "status": execution.status if execution else "",
            "reason": execution.reason if execution else "", "input": "", "output": "",
        }  # fmt: skip
        for key, data, place in (
            ("input", shown, folder / f"{name}-input.png"),
            ("output", drawn, folder / f"{name}-{one.step:06d}.png"),
        ):
            if data is not None:
                write_atomically(place, data)
                row[key] = f"samples/{place.name}"
        return row

    def draw(self) -> None:
        """The page of the run so far."""
        text = training_page(self.run.name, self.rows, self.written, self.n_steps)
        write_atomically(self.run / PAGE, text)

    def close(self) -> None:
        """The last page; TensorBoard's file ends."""
        self.draw()
        if self._board is not None:
            self._board.close()

    def _add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        _append(self.run / METRICS, row)
        if self._board is not None:
            for key, value in row.items():
                if key != "step":
                    self._board.add_scalar(key, value, row["step"])


def write_refusals(run: Path, budget: Budget) -> None:
    """What is not learnt from, one line each."""
    _rewrite(
        run / "rejects.jsonl",
        [{"item": r.item, "id": r.id, "kind": r.kind, "reason": r.reason} for r in budget.refusals],
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a *.jsonl; a line that was cut off by a kill is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def _rewrite(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    write_atomically(path, "".join(json.dumps(row) + "\n" for row in rows))


def _board(folder: Path, first_step: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=first_step + 1)

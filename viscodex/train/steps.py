"""Steps as the loader makes them: the rows of one device, read and cut into patches when they are needed.

in:  a plan, a reader, a budget
out: Steps, a data set of torch whose items are steps
not covered: what a row holds (rows.py), which samples make it (plan.py)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch.utils.data import Dataset

from viscodex.train.budget import Budget, Reader
from viscodex.train.encode import Rejected
from viscodex.train.plan import Plan, Row
from viscodex.train.rows import RowBatch, Seen, packed_row, padded_row


@dataclass
class Rows:
    """The rows of one step on one device."""

    step: int
    samples: tuple[int, ...]  # items of the whole step
    rows: list[RowBatch]
    rejected: list[tuple[int, str]] = field(default_factory=list)


class RowMaker:
    """Makes the tensors of rows; works in the loader's processes too.

    Args:
        blank: a sample of weight 0 that keeps devices in step: same number of rows, and, where
            `blank_always`, a picture in every row, without which sharded vision towers would wait
            for one another for ever.
    """

    def __init__(
        self, reader: Reader, budget: Budget, merge: int | None, pack: bool, blank: Seen
    ) -> None:
        self.reader, self.budget, self.merge, self.pack = reader, budget, merge, pack
        self.blank = blank
        self.blank_always = False

    def make(self, row: Row, rejected: list[tuple[int, str]]) -> RowBatch:
        """The tensors of a row; what cannot be read after all is left out and noted."""
        seen: list[Seen] = []
        for unit in row:
            b, item = self.budget, int(self.budget.item[unit])
            try:
                seen.append(self.reader.see(item, int(b.start[unit]), int(b.max_pixels[unit])))
            except Rejected as error:
                rejected.append((item, str(error)))
        needs_picture = self.blank_always and not any(sample.patches for sample in seen)
        if not seen or needs_picture:
            seen.append(self.blank)
        if self.pack:
            return packed_row(seen, self.merge)
        return padded_row(seen, int(self.reader.encoder.tokenizer.pad_token_id or 0))


class Steps(Dataset[Rows]):  # type: ignore[misc]
    """The steps of a run on one device, by number."""

    def __init__(self, plan: Plan, maker: RowMaker, n_steps: int, rank: int) -> None:
        self.plan, self.maker, self.n_steps, self.rank = plan, maker, n_steps, rank

    def __len__(self) -> int:
        return self.n_steps

    def __getitem__(self, step: int) -> Rows:
        rejected: list[tuple[int, str]] = []
        rows = [self.maker.make(row, rejected) for row in self.plan.own_rows(step, self.rank)]
        items = tuple(int(self.maker.budget.item[unit]) for unit in self.plan.samples(step))
        return Rows(step, items, rows, rejected)


def only(batch: list[Rows]) -> Rows:
    """The step of a batch of one."""
    return batch[0]

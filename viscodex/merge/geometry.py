"""Geometry: how the task vectors of the models lie to one another, layer by layer.

in:  a base and models with understood layouts
out: TensorGeometry per tensor of the language model: norms, cosine, sign conflict
not covered: plots of it (plots.py), what it means for scores (merge/search)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from viscodex.errors import MergeRefused
from viscodex.merge.checkpoint import TensorReader
from viscodex.merge.layout import EMBED, HEAD, Model, layer_of, module_of
from viscodex.merge.vocabulary import align
from viscodex.types import TensorGeometry, TensorInfo

if TYPE_CHECKING:
    from viscodex.merge.block import Floats
    from viscodex.merge.vocabulary import Rows

BLOCK_ELEMENTS = 1 << 18
SAMPLE_RUNS, SAMPLE_RUN_ELEMENTS = 16, 1 << 12
"""A sample is 16 evenly spaced runs of 4,096 elements: 65,536 of a tensor."""

UNRELATED = 0.8
"""Where a task vector counts as no descent: its norm over that of two unrelated models' difference.

|m - b| / sqrt(|m|^2 + |b|^2) is 1 for unrelated weights of any size, 0 for equal ones, and 0.58 for
a model that added noise as large as its base."""


@dataclass(slots=True)
class _Sums:
    """Running sums over the measured elements of one tensor."""

    labels: Sequence[str]
    base: float = 0.0
    n: int = 0
    own: dict[str, float] = field(default_factory=dict)
    squares: dict[str, float] = field(default_factory=dict)
    dots: dict[str, float] = field(default_factory=dict)
    conflicts: dict[str, float] = field(default_factory=dict)

    def add(self, base: Floats, models: Sequence[Floats]) -> None:
        """Take in one block, float64."""
        self.n += base.size
        self.base += float((base * base).sum())
        taus = {label: model - base for label, model in zip(self.labels, models, strict=True)}
        for label, model in zip(self.labels, models, strict=True):
            tau = taus[label]
            self.own[label] = self.own.get(label, 0.0) + float((model * model).sum())
            self.squares[label] = self.squares.get(label, 0.0) + float((tau * tau).sum())
        for one, other in combinations(self.labels, 2):
            product = taus[one] * taus[other]
            key = f"{one},{other}"
            self.dots[key] = self.dots.get(key, 0.0) + float(product.sum())
            self.conflicts[key] = self.conflicts.get(key, 0.0) + float((product < 0).sum())

    def geometry(self, name: str, n_elements: int) -> TensorGeometry:
        """The finished row."""
        norms = {label: math.sqrt(value) for label, value in self.squares.items()}
        cosines: dict[str, float | None] = {}
        for key, dot in self.dots.items():
            one, other = key.split(",")
            product = norms[one] * norms[other]
            cosines[key] = max(-1.0, min(1.0, dot / product)) if product > 0 else None
        return TensorGeometry(
            name=name,
            layer=layer_of(name),
            module=module_of(name),
            n_elements=n_elements,
            n_measured=self.n,
            base_norm=math.sqrt(self.base),
            norms=norms,
            model_norms={label: math.sqrt(value) for label, value in self.own.items()},
            cosines=cosines,
            sign_conflicts={key: value / max(1, self.n) for key, value in self.conflicts.items()},
        )


def measure_geometry(
    base: Model,
    models: Sequence[Model],
    *,
    sample: bool = False,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> tuple[TensorGeometry, ...]:
    """Norms, cosines and sign conflicts of the task vectors `model - base`.

    Args:
        base: the common ancestor, or any model to measure from.
        models: with equal language models but for vocabularies, which are matched by token.
        sample: measure 65,536 evenly spaced elements of a tensor instead of all.
        progress: called with the number of tensors done, from any thread.

    Returns:
        One row per tensor that all of them have, in the base's order.

    Raises:
        MergeRefused: the language models differ in shape.
    """
    shared = [n for n in base.language_model if all(_find(m, n) is not None for m in models)]
    rows = _vocabulary_rows(base, models)
    with TensorReader() as reader, ThreadPoolExecutor(threads) as pool:

        def measure(name: str) -> TensorGeometry:
            infos = [base.language_model[name], *(_info(m, name) for m in models)]
            table = rows if name in (EMBED, HEAD) else None
            row = _measure(reader, name, infos, [m.label for m in models], table, sample)
            if progress is not None:
                progress(1)
            return row

        return tuple(pool.map(measure, shared))


def _find(model: Model, name: str) -> TensorInfo | None:
    return model.language_model.get(EMBED if name == HEAD and model.is_tied else name)


def _info(model: Model, name: str) -> TensorInfo:
    found = _find(model, name)
    assert found is not None, "only shared names are measured"
    return found


def _vocabulary_rows(base: Model, models: Sequence[Model]) -> Mapping[str, Rows] | None:
    others = [(m.label, m.checkpoint.path, m.language_model[EMBED].shape[0]) for m in models]
    n_rows = base.language_model[EMBED].shape[0]
    return align(base.checkpoint.path, n_rows, others, base.label).rows


def _measure(
    reader: TensorReader,
    name: str,
    infos: Sequence[TensorInfo],
    labels: Sequence[str],
    rows: Mapping[str, Rows] | None,
    sample: bool,
) -> TensorGeometry:

    from viscodex.merge.block import BlockReader, widened

    base, *others = infos
    skip = 0 if rows is None else 1
    for label, info in zip(labels, others, strict=True):
        if info.shape[skip:] != base.shape[skip:]:
            raise MergeRefused(
                "the language models differ in shape",
                f"{name}: base {base.shape}, {label} {info.shape}",
                "Give models of one family and size.",
            )
    readers = [BlockReader(reader, base)]
    readers += [
        BlockReader(reader, info, None if rows is None else rows[label])
        for label, info in zip(labels, others, strict=True)
    ]
    width = math.prod(base.shape[1:])
    unit = width if rows is not None else 1
    sums = _Sums(labels)
    for start, stop in _ranges(base.n_elements, unit, sample):
        blocks = [widened(one.read(start, stop)) for one in readers]
        if rows is not None:
            there = next(iter(rows.values()))[start // width : stop // width] >= 0
            blocks = [block.reshape(-1, width)[there] for block in blocks]
        sums.add(blocks[0], blocks[1:])
    return sums.geometry(name, base.n_elements)


def _ranges(n: int, unit: int, sample: bool) -> Iterator[tuple[int, int]]:
    """Blocks over all elements, or the runs of a sample; bounds are multiples of `unit`."""
    run = max(1, SAMPLE_RUN_ELEMENTS // unit) * unit
    if sample and n > SAMPLE_RUNS * run:
        step = (n - run) // unit / (SAMPLE_RUNS - 1)
        for i in range(SAMPLE_RUNS):
            start = int(i * step) * unit
            yield start, min(n, start + run)
        return
    block = max(1, BLOCK_ELEMENTS // unit) * unit
    for start in range(0, n, block):
        yield start, min(n, start + block)


def unrelatedness(rows: Sequence[TensorGeometry], label: str) -> float:
    """Median over the matrices of |m - b| / sqrt(|m|^2 + |b|^2): 0 equal, 1 unrelated; see UNRELATED."""
    ratios = sorted(
        row.norms[label] / math.hypot(row.model_norms[label], row.base_norm)
        for row in rows
        if "norm" not in row.module and not row.name.endswith(".bias")
        if row.model_norms[label] + row.base_norm > 0
    )
    return ratios[len(ratios) // 2] if ratios else 0.0


def by_module(rows: Sequence[TensorGeometry]) -> dict[str, dict[int | None, TensorGeometry]]:
    """Weight and bias of a module combined: module -> layer -> geometry."""
    table: dict[str, dict[int | None, TensorGeometry]] = {}
    for row in rows:
        layers = table.setdefault(row.module, {})
        layers[row.layer] = combined([layers[row.layer], row]) if row.layer in layers else row
    return table


def combined(rows: Sequence[TensorGeometry]) -> TensorGeometry:
    """Several tensors as one long vector."""
    first = rows[0]
    norms = {k: math.sqrt(sum(r.norms[k] ** 2 for r in rows)) for k in first.norms}
    n = sum(row.n_measured for row in rows)
    cosines: dict[str, float | None] = {}
    for key in first.cosines:
        one, other = key.split(",")
        dot = sum((row.cosines[key] or 0.0) * row.norms[one] * row.norms[other] for row in rows)
        product = norms[one] * norms[other]
        cosines[key] = dot / product if product > 0 else None
    return TensorGeometry(
        name=first.name,
        layer=first.layer if all(row.layer == first.layer for row in rows) else None,
        module=first.module,
        n_elements=sum(row.n_elements for row in rows),
        n_measured=n,
        base_norm=math.sqrt(sum(row.base_norm**2 for row in rows)),
        norms=norms,
        model_norms={k: math.sqrt(sum(r.model_norms[k] ** 2 for r in rows)) for k in first.norms},
        cosines=cosines,
        sign_conflicts={
            k: sum(r.sign_conflicts[k] * r.n_measured for r in rows) / max(1, n)
            for k in first.sign_conflicts
        },
    )

"""Verified samples of ours as items of a benchmark, so that held-out data can be scored like one.

in:  Samples with code that runs: charts, pages, problems
out: a Benchmark of chartmimic, design2code or mmcode, each item asked with the sample's own prompt
not covered: reading data sets (data/store.py), published benchmarks
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from viscodex.errors import BadDataset, BadRecipe
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.task import Benchmark, Item, Picture
from viscodex.types import Category, Sample


def _chart(sample: Sample, number: int) -> Any:
    kind = str(sample.meta.get("kind", "chart"))
    return ChartItem(f"{kind}_{number}", "direct", sample.reference)


def _page(sample: Sample, number: int) -> Any:
    from viscodex.tasks.design2code.items import PageItem

    return PageItem(sample.reference, {})


def _problem(sample: Sample, number: int) -> Any:
    from viscodex.tasks.mmcode import Problem

    tests = json.loads(sample.tests)
    return Problem(tuple(tests["inputs"]), tuple(tests["outputs"]), tests.get("fn_name"))


KINDS: dict[str, tuple[Category, Callable[[Sample, int], Any]]] = {
    "chartmimic": ("chart", _chart),
    "design2code": ("html", _page),
    "mmcode": ("algorithm", _problem),
}
"""Benchmark -> the category of samples that it can score, and what its scorer needs of one."""


def benchmark_of_samples(name: str, samples: Sequence[Sample]) -> Benchmark:
    """Samples that ask for code, as items of a benchmark; others are left out.

    Raises:
        BadRecipe: a benchmark that samples of ours cannot be items of.
        BadDataset: none of the samples can be.
    """
    if name not in KINDS:
        raise BadRecipe(
            "a data set cannot be scored as this benchmark", name, f"Known are {', '.join(KINDS)}."
        )
    category, data = KINDS[name]
    chosen = [
        s for s in samples
        if s.category == category and s.task == "code" and (s.tests if category == "algorithm" else s.reference)
    ]  # fmt: skip
    if not chosen:
        raise BadDataset(
            f"no sample of it can be scored as {name}",
            f"{len(samples)} samples; wanted: category {category}, task code",
            "Give a data set with such samples.",
        )
    items = tuple(
        Item(
            sample.id,
            sample.messages[:-1],
            tuple(Picture(image) for image in sample.images),
            data(sample, number),
            {"kind": (str(sample.meta.get("kind", "")),)},
        )
        for number, sample in enumerate(chosen)
    )
    told = hashlib.sha256("\0".join(f"{s.id}\0{s.reference}\0{s.tests}" for s in chosen).encode())
    return Benchmark(name, items, "a data set", told.hexdigest(), settings={"split": ""})

"""Samples of ours as items of benchmarks: what is asked, what is expected, what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.data.samples import chart, problem
from viscodex.errors import BadDataset, BadRecipe
from viscodex.tasks import chart_scripts
from viscodex.tasks.from_samples import benchmark_of_samples

SAMPLES = [chart(0), chart(1), replace(chart(2), task="describe"), problem()]


def test_charts_are_asked_with_their_own_prompt_and_picture() -> None:
    benchmark = benchmark_of_samples("chartmimic", SAMPLES)
    assert [item.id for item in benchmark.items] == [chart(0).id, chart(1).id]
    item = benchmark.items[1]
    assert item.prompt == chart(1).messages[:-1]
    assert [picture.read() for picture in item.images] == list(chart(1).images)
    assert item.data.reference == chart(1).reference
    assert item.data.name.endswith("_1")


def test_problems_bring_their_tests() -> None:
    (item,) = benchmark_of_samples("mmcode", SAMPLES).items
    assert len(item.data.inputs) == len(item.data.outputs) > 0


def test_the_revision_is_of_what_is_expected() -> None:
    first = benchmark_of_samples("chartmimic", SAMPLES)
    other = [replace(SAMPLES[0], reference="x = 1"), *SAMPLES[1:]]
    assert benchmark_of_samples("chartmimic", other).revision != first.revision
    assert benchmark_of_samples("chartmimic", SAMPLES[:3]).revision == first.revision


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(BadRecipe, match="cannot be scored"):
        benchmark_of_samples("infibench", SAMPLES)
    with pytest.raises(BadDataset, match="category html"):
        benchmark_of_samples("design2code", SAMPLES)


def test_a_reference_that_only_shows_its_figure_saves_it() -> None:
    code = "import matplotlib.pyplot as plt\nplt.title('t')\nplt.show()\n"
    told = chart_scripts.reference(code, "bar_0")
    assert told.endswith('plt.savefig("bar_0.pdf")') and "plt.show" not in told
    assert chart_scripts.reference(told, "bar_0") == told

"""Properties of ChartMimic's metrics: identity, nothing, growing defects, order."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.tasks import color
from viscodex.tasks.chart_metrics import alike, bags, beyond, colors, counts, distinct, low_level
from viscodex.types import AxesRecord, FigureRecord, Series

HEX = st.integers(0, 0xFFFFFF).map("#{:06X}".format)
COLORS = st.lists(st.tuples(st.sampled_from(["a/bar", "b/plot", "c/fill"]), HEX | st.just("viridis")), max_size=9, unique=True)  # fmt: skip
RECORDS = st.builds(
    FigureRecord,
    texts=st.lists(st.sampled_from("abcde"), max_size=6).map(tuple),
    layouts=st.lists(st.just((1, 2, 0, 0, 0, 0)) | st.just((2, 2, 0, 1, 0, 0)), max_size=4).map(
        tuple
    ),
    calls=st.dictionaries(st.sampled_from(["plot", "bar", "pie"]), st.integers(1, 5)),
    colors=COLORS.map(tuple),
)


@given(RECORDS)
def test_a_figure_agrees_with_itself(record: FigureRecord) -> None:
    there = (record.texts, record.layouts, record.calls, record.colors)
    for has, agreement in zip(there, low_level(record, record).values(), strict=True):
        assert agreement.f1 == pytest.approx(1.0 if has else 0.0, abs=1e-12)


@given(RECORDS)
def test_an_empty_figure_agrees_with_nothing(record: FigureRecord) -> None:
    empty = FigureRecord((), (), {}, ())
    assert all(a.f1 == 0 for a in low_level(record, empty).values())
    assert all(a.f1 == 0 for a in low_level(empty, record).values())


@given(RECORDS, RECORDS)
def test_agreement_is_a_share_and_symmetric(one: FigureRecord, other: FigureRecord) -> None:
    there, back = low_level(one, other), low_level(other, one)
    for name, agreement in there.items():
        assert 0 <= agreement.precision <= 1 + 1e-12
        assert 0 <= agreement.recall <= 1 + 1e-12
        assert agreement.f1 == pytest.approx(back[name].f1, abs=1e-12)


@given(RECORDS, RECORDS, st.randoms())
def test_order_does_not_matter(one: FigureRecord, other: FigureRecord, random: Any) -> None:
    mixed = replace(
        other,
        texts=tuple(random.sample(other.texts, len(other.texts))),
        layouts=tuple(random.sample(other.layouts, len(other.layouts))),
        colors=tuple(random.sample(other.colors, len(other.colors))),
    )
    assert low_level(one, other) == low_level(one, mixed)


def test_scores_fall_as_a_defect_grows() -> None:
    texts = [f"label {n}" for n in range(10)]
    scores = [bags(texts, texts[n:] + ["wrong"] * n).f1 for n in range(11)]
    assert scores == sorted(scores, reverse=True)
    assert (scores[0], scores[-1]) == (1.0, 0.0)
    reds = [
        colors([("bar", "#FF0000")], [("bar", f"#FF{n:02X}{n:02X}")]).f1 for n in range(0, 256, 15)
    ]
    assert reds == sorted(reds, reverse=True)
    assert reds[0] == 1.0 > reds[-1]


@given(COLORS, COLORS)
def test_assignment_is_the_best_of_all(wanted: Any, found: Any) -> None:
    wanted, found = wanted[:4], found[:4]
    total = 0.0
    for function in {name for name, _ in wanted + found}:
        rows = [c for name, c in wanted if name == function]
        columns = [c for name, c in found if name == function]
        if rows and columns:
            table = alike(rows, columns)
            if table.shape[0] > table.shape[1]:
                table = table.T
            total += max(
                sum(table[i, j] for i, j in enumerate(order))
                for order in itertools.permutations(range(table.shape[1]), table.shape[0])
            )
    agreement = colors(wanted, found)
    assert agreement.precision == pytest.approx(
        total / len(found) if found and wanted else 0, abs=1e-12
    )


def test_filter_of_many_colours_keeps_those_that_differ() -> None:
    many = [("bar", f"#{n:02X}0000") for n in range(0, 256, 20)]
    kept = distinct(many)
    assert 0 < len(kept) < len(many)
    table = alike([c for _, c in kept], [c for _, c in kept])
    assert (table - np.eye(len(kept))).max() <= 0.7
    assert distinct(many[:10]) == many[:10]
    assert colors(many, many, all_count=True).f1 == pytest.approx(1.0)


def test_thousands_of_colours_are_no_trap() -> None:
    many = [("bar", f"#{n:06X}") for n in range(0, 0xFFFFFF, 9001)]
    assert len(many) > 1500
    assert colors(many, many, all_count=True).f1 == pytest.approx(1.0)


def test_names_of_colormaps_are_equal_or_not() -> None:
    table = alike(["viridis", "magma", "#FF0000"], ["viridis", "#FF0000"])
    assert table.tolist() == [[1, 0], [0, 0], [0, 1]]


@given(HEX, HEX)
def test_difference_of_colours_is_symmetric_and_zero_for_equals(one: str, other: str) -> None:
    there, back = color.similarity([one], [other])[0, 0], color.similarity([other], [one])[0, 0]
    assert there == pytest.approx(back, abs=1e-12)
    assert 0 <= there <= 1
    assert color.similarity([one], [one])[0, 0] == 1.0


def test_ciede2000_of_published_pairs() -> None:
    """Sharma, Wu and Dalal 2005, table 1 (pairs whose hues lie less than 180 degrees apart)."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 3.1736, 0.5854), 1.0),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for one, other, wanted in pairs:
        assert float(color.ciede2000(one, other)) == pytest.approx(wanted, abs=5e-5)


def test_counts_are_those_of_the_smaller_side() -> None:
    from collections import Counter

    found = counts(Counter({"plot": 3, "bar": 1}), Counter({"plot": 1, "pie": 1}))
    assert (found.precision, found.recall) == (0.5, 0.25)


# --- legend, grid, data ---------------------------------------------------------------------------


def _record(
    *series: Series, legend: tuple[str, ...] | None = None, grid: bool = False
) -> FigureRecord:
    ax = AxesRecord(0, "rectilinear", "", ("", ""), ((0, 1), (0, 1)), ("linear",) * 2, (grid, grid), legend, "", series)  # fmt: skip
    return FigureRecord((), (), {}, (), (ax,))


def test_data_legend_and_grid_are_compared() -> None:
    line = Series("line", "a", ("#ff0000ff",), (1.0, 2.0, 3.0), (1.0, 4.0, 9.0))
    wanted = _record(line, legend=("a", "b"), grid=True)
    assert beyond(wanted, wanted) == {"legend": 1.0, "grid": 1.0, "data": 1.0}
    shifted = replace(line, y=(1.0, 4.0, 9.1))
    found = beyond(wanted, _record(shifted, legend=("a",)))
    assert found["data"] == pytest.approx(2 / 3)
    assert found["legend"] == pytest.approx(2 / 3)
    assert found["grid"] == 0
    nothing = beyond(_record(), wanted)
    assert all(math.isnan(value) for value in nothing.values())

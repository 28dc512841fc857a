"""The plan: every sample once, rows that fit, the same for any number of devices."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viscodex.train.plan import Part, Plan

lengths = st.lists(st.integers(1, 300), min_size=1, max_size=60)


def plan_of(sizes: list[int], **settings: object) -> Plan:
    values: dict[str, object] = {"batch": 7, "row_tokens": 300, **settings}
    parts = [Part(np.arange(len(sizes)), 1.0)]
    return Plan(np.array(sizes), parts, **values)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(lengths, st.integers(1, 5), st.booleans(), st.integers(0, 3))
def test_rows_hold_every_sample_of_an_epoch_once_and_fit(
    sizes: list[int], world: int, pack: bool, epoch: int
) -> None:
    plan = plan_of(sizes, world=world, pack=pack)
    seen: Counter[int] = Counter()
    for step in range(epoch * plan.steps_per_epoch, (epoch + 1) * plan.steps_per_epoch):
        rows = plan.rows(step)
        assert len(rows) % world == 0
        assert sorted(i for row in rows for i in row) == sorted(plan.samples(step))
        for row in rows:
            seen.update(row)
            if len(row) > 1:
                used = [sizes[i] for i in row]
                assert (sum(used) if pack else max(used) * len(used)) <= 300
    assert seen == Counter(range(len(sizes)))


@settings(max_examples=30)
@given(lengths, st.integers(2, 4))
def test_a_step_is_the_same_samples_on_any_number_of_devices(sizes: list[int], world: int) -> None:
    one, many = plan_of(sizes), plan_of(sizes, world=world)
    for step in range(one.steps_per_epoch):
        assert one.samples(step) == many.samples(step)
        dealt = [row for rank in range(world) for row in many.own_rows(step, rank)]
        assert sorted(dealt) == sorted(many.rows(step))


def test_a_plan_made_again_is_the_same_and_another_seed_or_epoch_is_not() -> None:
    sizes = list(range(10, 110))
    assert [plan_of(sizes).rows(s) for s in range(30)] == [
        plan_of(sizes).rows(s) for s in range(30)
    ]
    plan = plan_of(sizes)
    assert plan.samples(0) != plan_of(sizes, seed=1).samples(0)
    assert plan.samples(0) != plan.samples(plan.steps_per_epoch)


def test_weights_are_passes_in_an_epoch() -> None:
    parts = [Part(np.arange(10), 2.0), Part(np.arange(10, 30), 0.25), Part(np.arange(30, 34), 1.5)]
    plan = Plan(np.full(34, 5), parts, batch=100, row_tokens=50)
    assert plan.per_epoch == 20 + 5 + 6
    counts = Counter(plan.samples(0))
    assert [counts[i] for i in range(10)] == [2] * 10
    assert sum(counts[i] for i in range(10, 30)) == 5
    assert sorted(counts[i] for i in range(30, 34)) == [1, 1, 2, 2]
    assert Counter(plan.samples(1)) != counts  # another quarter of the second part


def test_packed_rows_are_balanced() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(20, 300, 64).tolist()
    rows = plan_of(sizes, batch=64, row_tokens=1000, world=4).rows(0)
    used = [sum(sizes[i] for i in row) for row in rows]
    assert max(used) - min(used) < 60


@pytest.mark.parametrize("pack", [True, False])
def test_largest_row_is_about_as_large_as_any(pack: bool) -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(20, 300, 200).tolist()
    plan = plan_of(sizes, batch=50, row_tokens=900, pack=pack)

    def cost(row: tuple[int, ...]) -> int:
        used = [sizes[i] for i in row]
        return sum(used) if pack else len(used) * max(used)

    every = [cost(row) for step in range(4) for row in plan.rows(step)]
    assert 0.98 * max(every) <= cost(plan.largest()) <= 900


def test_waste_is_what_padding_computes_for_nothing() -> None:
    plan = plan_of([10, 20, 30], batch=3, row_tokens=100, pack=False)
    assert plan.waste(0) == (30, 90)
    assert plan_of([10, 20, 30], batch=3, row_tokens=100).waste(0) == (0, 60)


def test_steps_of_a_part_of_an_epoch() -> None:
    plan = plan_of([5] * 70)
    assert (plan.steps_per_epoch, plan.n_steps(0.5), plan.n_steps(2), plan.n_steps(0.01)) == (
        10,
        5,
        20,
        1,
    )

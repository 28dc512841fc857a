"""Intervals and tests keep their promises: coverage, rate of false alarms, exactness, order."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.report import statistics
from viscodex.report.statistics import holm, paired, permutation_p, resampled_means

values = st.lists(st.floats(0, 1), min_size=1, max_size=9)


@given(values, st.integers(0, 99))
def test_exact_test_is_the_count_over_all_signs(data: list[float], seed: int) -> None:
    differences = np.array(data) - 0.4
    kept = [d for d in differences if abs(d) > 1e-9]
    sums = [abs(sum(s * d for s, d in zip(signs, kept, strict=True))) for signs in itertools.product((1, -1), repeat=len(kept))]  # fmt: skip
    reached = sum(total >= abs(sum(kept)) - 1e-9 for total in sums)
    assert permutation_p(differences, seed=seed) == pytest.approx(reached / len(sums), abs=1e-12)


def test_large_test_agrees_with_the_normal_approximation() -> None:
    random = np.random.default_rng(1)
    differences = random.normal(0.02, 0.1, 300)
    z = abs(differences.sum()) / math.sqrt((differences**2).sum())
    expected = math.erfc(z / math.sqrt(2))
    assert permutation_p(differences) == pytest.approx(expected, abs=0.01)


@given(values, st.randoms())
def test_order_does_not_matter_and_swapping_turns_the_sign(a: list[float], random: object) -> None:
    b = [min(1.0, x / 2 + 0.3) for x in a]
    one, other = paired(a, b), paired(b, a)
    pairs = list(zip(a, b, strict=True))
    random.shuffle(pairs)  # type: ignore[attr-defined]
    shuffled = paired([x for x, _ in pairs], [y for _, y in pairs])
    assert shuffled.p == one.p
    assert shuffled.difference == pytest.approx(one.difference, abs=1e-12)
    assert (shuffled.wins, shuffled.losses, shuffled.ties) == (one.wins, one.losses, one.ties)
    assert other.difference == pytest.approx(-one.difference)
    assert (other.wins, other.losses) == (one.losses, one.wins)
    assert other.p == pytest.approx(one.p, abs=1e-12)


def test_equal_systems_tie_everywhere_and_nothing_is_clear() -> None:
    same = paired([0.1, 0.9, 0.5], [0.1, 0.9, 0.5])
    assert (same.difference, same.p, same.ties, same.is_clear) == (0.0, 1.0, 3, False)
    assert paired([], []).n == 0
    assert math.isnan(paired([0.1], [0.2]).low)


def _pairs(n: int, effect: float, random: np.random.Generator) -> tuple[list[float], list[float]]:
    """Scores as benchmarks give them: correlated, many zeros, clipped to 0..1."""
    skill = random.beta(1.2, 1.0, n)
    a = np.clip(skill + random.normal(0, 0.15, n), 0, 1) * (random.random(n) > 0.2)
    b = a + effect + random.normal(0, 0.2, n) * (random.random(n) > 0.4)
    return a.tolist(), b.tolist()


def test_interval_covers_a_known_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "PERMUTATIONS", 19)  # the test is not looked at here
    monkeypatch.setattr(statistics, "RESAMPLES", 600)
    random = np.random.default_rng(2)
    n_trials, covered = 400, 0
    for seed in range(n_trials):
        a, b = _pairs(100, 0.03, random)
        differences = np.sort(np.array(b) - np.array(a))
        low, high = statistics._interval(differences, seed)
        covered += low <= 0.03 <= high
    # 95 % of 400 with a standard error of 1.1 %
    assert 0.91 <= covered / n_trials <= 0.985


def test_false_alarms_are_as_rare_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "PERMUTATIONS", 399)
    random = np.random.default_rng(3)
    n_trials, alarms = 500, 0
    for seed in range(n_trials):
        a, b = _pairs(60, 0.0, random)
        differences = np.array(b) - np.array(a)
        alarms += permutation_p(differences, seed=seed) < 0.05
    # 5 % of 500 with a standard error of 1 %
    assert 0.02 <= alarms / n_trials <= 0.08


def test_a_real_effect_is_found() -> None:
    random = np.random.default_rng(4)
    found = [paired(*_pairs(200, 0.06, random)).is_clear for _ in range(20)]
    assert sum(found) >= 17


def test_columns_are_resampled_together() -> None:
    random = np.random.default_rng(5)
    column = random.random(50)
    means = resampled_means(np.stack([column, 1 - column], axis=1))
    assert np.allclose(means.sum(axis=1), 1.0)


@given(st.dictionaries(st.text(max_size=3), st.floats(0.0001, 1), min_size=1, max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values: dict[str, float]) -> None:
    adjusted = holm(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)
    least = min(p_values, key=lambda name: p_values[name])
    assert adjusted[least] == pytest.approx(min(1.0, p_values[least] * len(p_values)))
    ordered = sorted(p_values, key=lambda name: p_values[name])
    assert [adjusted[name] for name in ordered] == sorted(adjusted.values())

"""Formulas against independent float64 references, and rounding against exact fractions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import viscodex
from tests.merge.models import DTYPES, Arrays, arrays_of, same_bits, write_trio
from viscodex.merge.block import rounded, summed, widened
from viscodex.merge.kernels import fill_uniform
from viscodex.merge.magnitude import kth_largest_magnitudes
from viscodex.merge.methods import METHODS, linear, task_arithmetic

Floats = NDArray[np.float64]


def correctly_rounded(value: float, bits: int, least_exponent: int) -> float:
    """Round to nearest, ties to even, in exact arithmetic."""
    if value == 0 or not np.isfinite(value):
        return value
    exponent = max(int(np.frexp(value)[1]) - 1, least_exponent)
    ulp = Fraction(2) ** (exponent - bits + 1)
    quotient = Fraction(value) / ulp
    floor = quotient.__floor__()
    rest = quotient - floor
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and floor % 2 == 1)
    return float((floor + up) * ulp)


FORMATS = {"bfloat16": (8, -126), "float16": (11, -14), "float32": (24, -126)}


@given(
    st.sampled_from(sorted(FORMATS)),
    st.integers(-(2**12), 2**12),
    st.integers(-160, 15),
    st.sampled_from([0.0, 2.0**-52, -(2.0**-52), 2.0**-40, -(2.0**-30), 2.0**-20]),
)
def test_rounding_is_exact_next_to_ties_and_below_the_normal_range(
    name: str, significand: int, exponent: int, nudge: float
) -> None:
    value = float(np.ldexp(float(significand) + 0.5, exponent)) * (1 + nudge)
    bits, least = FORMATS[name]
    if abs(value) >= float(np.finfo(DTYPES[name]).max) if name != "bfloat16" else False:
        return
    result = rounded(np.array([value]), DTYPES[name]).astype(np.float64)
    assert result[0] == correctly_rounded(value, bits, least)


EVERY_BFLOAT16 = np.arange(1 << 16, dtype=np.uint16).view(DTYPES["bfloat16"])


def test_every_bfloat16_widens_and_rounds_to_itself() -> None:
    values = widened(EVERY_BFLOAT16)
    with np.errstate(invalid="ignore"):
        expected = EVERY_BFLOAT16.astype(np.float64)
    assert np.array_equal(values, expected, equal_nan=True)
    back = rounded(values, EVERY_BFLOAT16.dtype)
    is_nan = np.isnan(values)
    assert np.isnan(widened(back[is_nan])).all()
    assert same_bits(back[~is_nan], EVERY_BFLOAT16[~is_nan])


def test_a_value_above_the_largest_becomes_infinite_and_zero_keeps_its_sign() -> None:
    largest = 2.0**128 - 2.0**120
    values = np.array([largest, 2.0**128 - 2.0**119, 1e300, -1e308, np.inf, -0.0, -(2.0**-140)])
    expected = [largest, np.inf, np.inf, -np.inf, np.inf, -0.0, -0.0]
    out = widened(rounded(values, DTYPES["bfloat16"]))
    assert same_bits(out, np.array(expected))


@pytest.mark.parametrize("n", [0, 1, 1023, 1024, 5000])
@pytest.mark.parametrize("lam", [1.0, 0.4])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("weight", [(0.7, 0.3), (0.7, 0.5, -0.4), (1.0,), (1.0, -1.0)])
def test_the_compiled_sum_has_the_bits_of_the_formula(
    n: int, lam: float, normalize: bool, weight: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(n)
    blocks = [rng.choice(EVERY_BFLOAT16, n) for _ in range(len(weight) + 1)]
    blocks = [np.where(np.isfinite(widened(b)), b, b.dtype.type(1)) for b in blocks]
    base, *models = blocks
    wide = [widened(model) for model in models]
    settings: dict[str, Any] = {"weight": weight, "normalize": normalize}
    dtype = base.dtype
    with np.errstate(all="ignore"):
        expected = rounded(task_arithmetic(widened(base), wide, lam=lam, **settings), dtype)
        assert same_bits(summed(base, models, lam=lam, **settings), expected)
        expected = rounded(linear(None, wide, **settings), dtype)
        assert same_bits(summed(None, models, **settings), expected)


def test_random_numbers_are_splitmix64_at_any_place() -> None:
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]  # seed 1234567
    whole, part = np.empty(1000), np.empty(300)
    fill_uniform(np.uint64(1234567), 0, whole)
    assert [int(v * 2**53) for v in whole[:3]] == [v >> 11 for v in published]
    fill_uniform(np.uint64(1234567), 400, part)
    assert np.array_equal(part, whole[400:700])
    assert whole.min() >= 0 and whole.max() < 1


# --- references, written from the papers, one element at a time or by plain numpy ------------------


def trim(tau: Floats, density: float) -> Floats:
    keep = max(1, int(density * tau.size))
    limit = np.sort(np.abs(tau).ravel())[::-1][keep - 1]
    return np.where(np.abs(tau) >= limit, tau, 0.0)


def crumbs(tau: Floats, density: float, gamma: float) -> Floats:
    """Equal magnitudes stay or go together, as documented."""
    ordered = np.sort(np.abs(tau).ravel())[::-1]
    keep = int(density * tau.size)
    top = min(int(gamma * tau.size), tau.size - keep)
    low, high = ordered[top + keep - 1], ordered[top]
    return np.where((np.abs(tau) >= low) & (np.abs(tau) <= high), tau, 0.0)


def elected(taus: Sequence[Floats], weights: Sequence[float], normalize: bool) -> Floats:
    stack = np.stack([w * t for w, t in zip(weights, taus, strict=True)])
    sign = np.where(stack.sum(0) >= 0, 1.0, -1.0)
    agree = np.sign(stack) == sign
    total = (stack * agree).sum(0)
    if normalize:
        shares = np.stack([np.full(t.shape, w) for w, t in zip(weights, taus, strict=True)])
        divisor = (shares * agree).sum(0)
        total = total / np.where(divisor == 0, 1.0, divisor)
    return total


def reference(method: str, base: Floats, vlm: Floats, code: Floats) -> Floats:
    a, b = vlm - base, code - base
    match method:
        case "task_arithmetic":
            return base + (0.6 * a + 0.9 * b)
        case "linear":
            return (0.6 * vlm + 0.9 * code) / (0.6 + 0.9)
        case "slerp":
            cosine = float((vlm * code).sum() / np.linalg.norm(vlm) / np.linalg.norm(code))
            if abs(cosine) > 0.9995:
                return 0.7 * vlm + 0.3 * code
            theta = np.arccos(cosine)
            return (np.sin(0.7 * theta) * vlm + np.sin(0.3 * theta) * code) / np.sin(theta)
        case "ties":
            return base + elected([trim(a, 0.4), trim(b, 0.4)], [0.6, 0.9], True)
        case "breadcrumbs":
            return base + (0.6 * crumbs(a, 0.4, 0.1) + 0.9 * crumbs(b, 0.4, 0.1))
        case "breadcrumbs_ties":
            return base + elected([crumbs(a, 0.4, 0.1), crumbs(b, 0.4, 0.1)], [0.6, 0.9], False)
        case "model_stock":
            cosine = float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
            t = 2 * cosine / (1 + cosine)
            return t * (vlm + code) / 2 + (1 - t) * base
    raise AssertionError(method)


def recipe_for(method: str, paths: dict[str, Path]) -> dict[str, Any]:
    vlm, code, base = (str(paths[k]) for k in ("vlm", "code", "base"))
    if method == "slerp":
        return {"merge_method": "slerp", "base_model": vlm, "models": [{"model": vlm}, {"model": code}], "parameters": {"t": 0.3}}  # fmt: skip
    shared = {"density": 0.4, "gamma": 0.1} if "breadcrumbs" in method else {}
    shared |= {"density": 0.4} if method == "ties" else {}
    entries: list[dict[str, Any]] = [{"model": vlm}, {"model": code}]
    if method != "model_stock":
        for entry, weight in zip(entries, (0.6, 0.9), strict=True):
            entry["parameters"] = {"weight": weight}
    recipe = {"merge_method": method, "models": entries, "parameters": shared}
    return recipe if method == "linear" else {**recipe, "base_model": base}


def test_breadcrumbs_drop_outliers_and_keep_what_is_as_frequent_as_a_plateau() -> None:
    from viscodex.merge.methods import breadcrumbs, measure_magnitudes

    rng = np.random.default_rng(0)
    steps = np.concatenate([np.full(50, 8.0), rng.choice([-0.5, 0.5, 2.0, -2.0], 3534)])
    for tau, density in ((steps, 0.1), (np.where(np.arange(3584) % 3 == 0, 2.0**-7, 0.0), 0.9)):
        base = np.zeros_like(tau)
        facts = measure_magnitudes(
            lambda b=base, t=tau: iter([(b, [t])]),
            n=tau.size,
            density=[density],
            gamma=[0.1 if density == 0.1 else 0.01],
        )  # type: ignore[misc]
        kept = breadcrumbs(base, [tau], weight=[1.0], **facts)
        assert (kept != 0).sum() >= density * (tau != 0).sum() * 0.9
        assert not (np.abs(kept) == 8).any()


def test_density_0_changes_nothing(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    for method in ("ties", "breadcrumbs", "della", "dare_linear"):
        recipe = recipe_for("task_arithmetic", paths) | {
            "merge_method": method,
            "parameters": {"density": 0},
        }
        viscodex.merge(recipe=recipe, out=tmp_path / method)
        out, base = arrays_of(tmp_path / method), arrays_of(paths["base"])
        assert all(same_bits(out[n], base[n]) for n in base)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=6), st.integers(2, 9))
def test_a_gradient_lam_never_needs_the_base(lam: list[float], layers: int) -> None:
    from viscodex.recipe import complement, read_setting, setting_at

    setting = read_setting(lam)
    other = complement(setting)
    for layer in range(layers):
        depth = layer / (layers - 1)
        total = float(setting_at(setting, "", depth) or 0) + float(
            setting_at(other, "", depth) or 0
        )
        assert abs(total - 1) < 1e-12


def to_dtype(values: Floats, dtype: str) -> NDArray[Any]:
    bits, least = FORMATS[dtype]
    exact = [correctly_rounded(float(v), bits, least) for v in values.ravel()]
    return np.array(exact).astype(DTYPES[dtype]).reshape(values.shape)


CLOSED_FORM = ["task_arithmetic", "linear", "slerp", "ties", "breadcrumbs", "breadcrumbs_ties", "model_stock"]  # fmt: skip


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("method", CLOSED_FORM)
def test_method_equals_the_float64_reference_correctly_rounded(
    method: str, dtype: str, tmp_path: Path
) -> None:
    paths = write_trio(tmp_path, dtype)
    viscodex.merge(recipe=recipe_for(method, paths), out=tmp_path / "out")
    base, vlm, code, out = (arrays_of(p) for p in (paths["base"], paths["vlm"], paths["code"], tmp_path / "out"))  # fmt: skip
    wide = [{n: a.astype(np.float64) for n, a in arrays.items()} for arrays in (base, vlm, code)]
    exact = total = 0
    for name in base:
        expected = reference(method, *(arrays[name] for arrays in wide))
        ulp = np.spacing(np.abs(out[name])).astype(np.float64)
        error = np.abs(out[name].astype(np.float64) - expected)
        assert (error <= ulp / 2 * (1 + 1e-9)).all(), name
        exact += int((out[name] == to_dtype(expected, dtype)).sum())
        total += out[name].size
    # slerp and model_stock measure an angle, whose last bit depends on the order of a sum
    assert exact == total or (method in ("slerp", "model_stock") and exact > 0.999 * total)


def test_the_papers_merge_is_bitwise_the_papers_formula(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    viscodex.merge(vlm=paths["vlm"], code=paths["code"], lam=0.7, out=tmp_path / "out")
    vlm, code, out = (arrays_of(p) for p in (paths["vlm"], paths["code"], tmp_path / "out"))
    for name in code:
        expected = 0.7 * vlm[name].astype(np.float64) + (1 - 0.7) * code[name].astype(np.float64)
        # 1 - 0.7 is a bit more than the 0.3 that is used: exact ties may fall to the other side
        assert (to_dtype(expected, "bfloat16") == out[name]).mean() > 0.9, name
        assert np.abs(out[name].astype(np.float64) - expected).max() <= float(
            np.spacing(np.abs(out[name])).astype(np.float64).max() / 2 * (1 + 1e-9)
        )


@pytest.mark.parametrize("method", sorted(METHODS))
def test_order_of_models_does_not_change_a_bit(method: str, tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    if method in ("slerp", "replace"):
        pytest.skip("the two models play different parts")
    recipe = recipe_for(method, paths)
    if "d" in method and METHODS[method].per_model.get("density"):
        recipe["parameters"]["density"] = 0.5
    third = write_trio(tmp_path / "third", scale=0.02)["code"]
    extra: dict[str, Any] = {"model": str(third)}
    if "weight" in METHODS[method].per_model:
        extra["parameters"] = {"weight": 0.35}
    models = [*recipe["models"], extra]
    outs = []
    for number, order in enumerate((models, models[::-1], models[1:] + models[:1])):
        out = tmp_path / f"out-{number}"
        viscodex.merge(recipe={**recipe, "models": order}, out=out)
        outs.append(arrays_of(out))
    for name in outs[0]:
        assert same_bits(outs[0][name], outs[1][name]) and same_bits(
            outs[0][name], outs[2][name]
        ), name


# --- random methods: no closed form, but known statistics -----------------------------------------


def taus(out: Arrays, base: Arrays) -> Floats:
    return np.concatenate(
        [(out[n].astype(np.float64) - base[n].astype(np.float64)).ravel() for n in base]
    )


@pytest.mark.parametrize(("method", "kept"), [("dare_linear", 0.3), ("della_linear", 0.3)])
def test_dropping_keeps_the_share_and_the_mean_of_the_changes(
    method: str, kept: float, tmp_path: Path
) -> None:
    paths = write_trio(tmp_path, "float32")
    outs = []
    for seed in range(40):
        recipe = {
            "merge_method": method, "base_model": str(paths["base"]), "seed": seed,
            "models": [{"model": str(paths["vlm"]), "parameters": {"weight": 0.0}},
                       {"model": str(paths["code"]), "parameters": {"weight": 1.0, "density": kept}}],
        }  # fmt: skip
        viscodex.merge(recipe=recipe, out=tmp_path / f"{seed}")
        outs.append(taus(arrays_of(tmp_path / f"{seed}"), arrays_of(paths["base"])))
    tau = taus(arrays_of(paths["code"]), arrays_of(paths["base"]))
    shares = [float((out != 0).mean()) for out in outs]
    assert abs(np.mean(shares) - kept) < 0.02
    assert len({out.tobytes() for out in outs}) == len(outs), "seeds give different masks"
    mean = np.mean(outs, axis=0)
    assert np.corrcoef(mean, tau)[0, 1] > 0.9
    assert abs(float((mean * tau).sum() / (tau * tau).sum()) - 1) < 0.1


def test_random_masks_depend_on_the_tensor_name_and_not_on_threads_or_shards(
    tmp_path: Path,
) -> None:
    paths = write_trio(tmp_path)
    recipe = recipe_for("task_arithmetic", paths) | {"merge_method": "dare_ties", "parameters": {"density": 0.5}}  # fmt: skip
    viscodex.merge(recipe=recipe, out=tmp_path / "one", threads=1)
    viscodex.merge(recipe=recipe, out=tmp_path / "two", threads=6, shard_bytes=3000)
    one, two = arrays_of(tmp_path / "one"), arrays_of(tmp_path / "two")
    assert all(same_bits(one[n], two[n]) for n in one)
    base = arrays_of(paths["base"])
    q0, q1 = (f"model.layers.{i}.self_attn.q_proj.weight" for i in (0, 1))
    assert ((one[q0] != base[q0]) != (one[q1] != base[q1])).any(), "layers share no mask"


# --- order statistics over blocks -----------------------------------------------------------------


@given(
    st.lists(
        st.floats(-(2.0**90), 2.0**90, width=32) | st.sampled_from([0.0, -0.0, 1.0, -1.0]),
        min_size=1,
        max_size=200,
    ),
    st.integers(1, 50),
    st.data(),
)
def test_kth_magnitude_is_exact_however_the_tensor_is_cut(
    values: list[float], block: int, data: st.DataObject
) -> None:
    array = np.array(values, dtype=np.float64)
    k = data.draw(st.integers(1, len(values)))

    def passes() -> Iterator[list[Floats]]:
        for start in range(0, len(array), block):
            yield [array[start : start + block]]

    found = kth_largest_magnitudes(passes, [(0, k)])
    assert found[(0, k)] == np.sort(np.abs(array))[::-1][k - 1]


def test_kth_magnitude_is_exact_with_more_ties_than_fit_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("viscodex.merge.magnitude.GATHER_LIMIT", 10)
    array = np.round(np.random.default_rng(0).normal(size=5000), 1)
    found = kth_largest_magnitudes(
        lambda: iter([[array[:3000]], [array[3000:]]]), [(0, 100), (0, 2500)]
    )
    ordered = np.sort(np.abs(array))[::-1]
    assert found == {(0, 100): ordered[99], (0, 2500): ordered[2499]}

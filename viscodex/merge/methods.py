"""Merge methods: pure functions of one tensor, or of a block of it.

in:  the same block from the base and from each model, floating point, equal shapes
out: the merged block in the same dtype; rounding to the output dtype is apply.py's business
not covered: matching names (layout.py), vocabularies (vocabulary.py), reading and writing

A block is any run of a tensor's elements (of whole rows where Method.whole_rows says so). What a
formula must know about the whole tensor - a threshold, an angle - is measured first, over all
blocks, and comes in as a keyword. So a tensor of any size merges in the same few megabytes, and
one block that is the whole tensor gives the same result.

Arrays are numpy's, or torch's on a GPU: only operators and the Array API standard are used.

The words and defaults are mergekit's; the formulas are from the papers named at each function.
tau_i = m_i - base is the task vector of model i, w_i its weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from array_api_compat import array_namespace

from viscodex.merge.magnitude import kth_largest_magnitudes

if TYPE_CHECKING:
    Array = Any  # numpy.ndarray or torch.Tensor, float64
    Block = tuple[Array | None, Sequence[Array]]
    Blocks = Callable[[], Iterator[Block]]  # a fresh pass over all blocks of one tensor


# --- sums -----------------------------------------------------------------------------------------


def task_arithmetic(
    base: Array | None,
    models: Sequence[Array],
    *,
    weight: Sequence[float],
    lam: float = 1.0,
    normalize: bool = False,
) -> Array:
    """base + lam * sum_i w_i tau_i; Ilharco et al. 2023, eq. 1.

    With weights (lambda, 1 - lambda) this is the merge of VisCodex (arXiv 2508.09945, section 2):
    theta = theta_base + lambda * tau_vlm + (1 - lambda) * tau_code. There the weights sum to 1 and
    the base cancels: theta = lambda * theta_vlm + (1 - lambda) * theta_code. The caller then gives
    no base, and none is read.
    """
    if base is None:
        return linear(None, models, weight=weight, normalize=normalize)
    if not models:
        return base
    total = _scaled(
        _weighted_sum(_taus(base, models), weight), sum(weight) if normalize else 1.0, lam
    )
    total += base
    return total


def linear(
    base: Array | None,
    models: Sequence[Array],
    *,
    weight: Sequence[float],
    normalize: bool = True,
) -> Array:
    """sum_i w_i m_i, divided by sum_i w_i if normalised; Wortsman et al. 2022 (model soups)."""
    return _scaled(_weighted_sum(models, weight), sum(weight) if normalize else 1.0, 1.0)


def _weighted_sum(terms: Sequence[Array], weights: Sequence[float]) -> Array:
    """Products first, then sums: no fused multiply-add, so every machine gives the same bits."""
    total = terms[0] * weights[0]
    for term, weight in zip(terms[1:], weights[1:], strict=True):
        total += term * weight
    return total


def _scaled(total: Array, divisor: float, factor: float) -> Array:
    if abs(divisor) > 1e-8 and divisor != 1.0:
        total /= divisor
    if factor != 1.0:
        total *= factor
    return total


# --- trimmed, dropped and elected task vectors ----------------------------------------------------


def ties(
    base: Array | None,
    models: Sequence[Array],
    *,
    weight: Sequence[float],
    threshold: Sequence[float],
    scale: Sequence[float] | None = None,
    lam: float = 1.0,
    normalize: bool = True,
    **_: Any,
) -> Array:
    """Trim, elect the sign, take the mean of those that agree; Yadav et al. 2023, section 4.

    Args:
        threshold: per model, the smallest magnitude that is kept (measured from `density`); equal
            magnitudes are kept together.
        scale: per model, factor on what is left (measured where `rescale` is set).
    """
    taus = [
        _kept(tau, abs(tau) >= limit)
        for tau, limit in zip(_taus(base, models), threshold, strict=True)
    ]
    return _elect(base, _rescaled(taus, scale), weight, lam, normalize)


def breadcrumbs(
    base: Array | None,
    models: Sequence[Array],
    *,
    weight: Sequence[float],
    threshold: Sequence[float],
    outlier: Sequence[float],
    scale: Sequence[float] | None = None,
    lam: float = 1.0,
    normalize: bool = False,
    elect: bool = False,
    **_: Any,
) -> Array:
    """Drop the small and the very large changes; Davari and Belilovsky 2023, section 3.

    Args:
        threshold, outlier: per model, the smallest and the largest magnitude that are kept
            (measured from `density` and `gamma`); equal magnitudes stay or go together.
        elect: elect signs as TIES does (breadcrumbs_ties).
    """
    taus = [
        _kept(tau, (abs(tau) >= low) & (abs(tau) <= high))
        for tau, low, high in zip(_taus(base, models), threshold, outlier, strict=True)
    ]
    combine = _elect if elect else _sum
    return combine(base, _rescaled(taus, scale), weight, lam, normalize)


def dare(
    base: Array | None,
    models: Sequence[Array],
    *,
    weight: Sequence[float],
    density: Sequence[float],
    uniform: Callable[[int], Array],
    rescale: bool = True,
    lam: float = 1.0,
    normalize: bool = False,
    elect: bool = False,
    **_: Any,
) -> Array:
    """Keep each change with probability p = density, divide it by p; Yu et al. 2024, eq. 3.

    Args:
        uniform: i -> numbers in [0, 1) for the elements of model i in this block.
        elect: elect signs as TIES does (dare_ties).
    """
    taus = []
    for i, (tau, p) in enumerate(zip(_taus(base, models), density, strict=True)):
        kept = tau if p >= 1 else _kept(tau, uniform(i) < p)
        taus.append(kept / p if rescale and 0 < p < 1 else kept)
    combine = _elect if elect else _sum
    return combine(base, taus, weight, lam, normalize)


def della(
    base: Array | None,
    models: Sequence[Array],
    *,
    weight: Sequence[float],
    density: Sequence[float],
    epsilon: Sequence[float],
    uniform: Callable[[int], Array],
    rescale: bool = True,
    lam: float = 1.0,
    normalize: bool = True,
    elect: bool = True,
    **_: Any,
) -> Array:
    """Keep larger changes with higher probability; Deep et al. 2024, section 3.

    Within each row (an output neuron) the keep probability rises with the rank of the magnitude
    from density - epsilon to density + epsilon; what is kept is divided by its probability.
    Blocks are whole rows (R, C); a vector counts as one row.
    """
    taus = []
    triples = zip(_taus(base, models), density, epsilon, strict=True)
    for i, (tau, p, spread) in enumerate(triples):
        if p >= 1 or p <= 0:
            taus.append(tau if p >= 1 else 0.0 * tau)
            continue
        xp = array_namespace(tau)
        order = xp.argsort(abs(tau), axis=-1, stable=True)  # (R, C)
        rank = xp.astype(xp.argsort(order, axis=-1), tau.dtype)  # (R, C) 0 to C - 1
        rank /= max(tau.shape[-1] - 1, 1)
        keep = (p - spread) + rank * (2 * spread)
        kept = _kept(tau, uniform(i) < keep)
        taus.append(kept / keep if rescale else kept)
    combine = _elect if elect else _sum
    return combine(base, taus, weight, lam, normalize)


def _taus(base: Array | None, models: Sequence[Array]) -> list[Array]:
    assert base is not None, "the plan gives a base to every method that needs one"
    return [model - base for model in models]


def _kept(tau: Array, mask: Array) -> Array:
    return tau * mask  # a product, so that what is not finite stays to be found


def _rescaled(taus: list[Array], scale: Sequence[float] | None) -> list[Array]:
    if scale is None:
        return taus
    return [tau * factor for tau, factor in zip(taus, scale, strict=True)]


def _sum(
    base: Array | None, taus: list[Array], weight: Sequence[float], lam: float, normalize: bool
) -> Array:
    total = _scaled(_weighted_sum(taus, weight), sum(weight) if normalize else 1.0, lam)
    return total if base is None else base + total


def _elect(
    base: Array | None, taus: list[Array], weight: Sequence[float], lam: float, normalize: bool
) -> Array:
    """Per element: the sign of the weighted sum wins, only the changes of that sign count."""
    weighted = [tau * w for tau, w in zip(taus, weight, strict=True)]
    is_positive = sum(weighted[1:], start=weighted[0]) >= 0
    total: Array = 0.0
    divisor: Array = 0.0
    for term, w in zip(weighted, weight, strict=True):
        agrees = (is_positive & (term > 0)) | (~is_positive & (term < 0))
        total = _kept(term, agrees) + total
        if normalize:
            divisor = array_namespace(term).astype(agrees, term.dtype) * w + divisor
    if normalize:
        divisor[divisor == 0] = 1.0
        total /= divisor
    total = _scaled(total, 1.0, lam)
    return total if base is None else base + total


def measure_magnitudes(
    blocks: Blocks,
    *,
    n: int,
    density: Sequence[float],
    gamma: Sequence[float] | None = None,
    rescale: bool = False,
    **_: Any,
) -> dict[str, Any]:
    """Thresholds of `ties` and `breadcrumbs`: exact order statistics of |tau_i|, in few passes.

    Of the tensor's n elements, int(density * n) are kept (at least one, unless the density is 0). For
    breadcrumbs the int(gamma * n) largest are left out first, fewer where the density would not be
    reached otherwise.
    """
    ranks: dict[str, dict[int, int]] = {"threshold": {}, "outlier": {}}  # model -> rank, 1-based
    for i, share in enumerate(density):
        keep = n if share >= 1 else max(1, int(share * n)) if share > 0 else 0
        top = 0 if gamma is None or share >= 1 else min(int(gamma[i] * n), n - keep)
        if keep:
            ranks["threshold"][i] = top + keep
        if keep and top:
            ranks["outlier"][i] = top + 1
    found = kth_largest_magnitudes(
        lambda: (_taus(base, models) for base, models in blocks()),
        [rank for of_models in ranks.values() for rank in of_models.items()],
    )

    def limits(kind: str, otherwise: float) -> list[float]:
        ranked = ranks[kind]
        return [found[i, ranked[i]] if i in ranked else otherwise for i in range(len(density))]

    low, high = limits("threshold", math.inf), limits("outlier", math.inf)
    facts: dict[str, Any] = {"threshold": low, "outlier": high}
    if rescale:
        facts["scale"] = _scales(blocks, low, high)
    return facts


def _scales(blocks: Blocks, low: Sequence[float], high: Sequence[float]) -> list[float]:
    """Per model, sum |tau| over all elements / over the kept ones (the rescaling of mergekit)."""
    before, after = [0.0] * len(low), [0.0] * len(low)
    for base, models in blocks():
        for i, tau in enumerate(_taus(base, models)):
            size = abs(tau)
            before[i] += float(size.sum())
            after[i] += float(size[(size >= low[i]) & (size <= high[i])].sum())
    return [b / a if min(a, b) >= 1e-7 else 1.0 for b, a in zip(before, after, strict=True)]


# --- angles ---------------------------------------------------------------------------------------


def slerp(
    base: Array | None, models: Sequence[Array], *, coefficients: tuple[float, float], **_: Any
) -> Array:
    """sin((1-t) theta)/sin(theta) * base + sin(t theta)/sin(theta) * model; Shoemake 1985.

    Args:
        coefficients: the two factors (measured from `t` and the angle of the whole tensors).
    """
    assert base is not None, "the plan gives slerp a base"
    return base * coefficients[0] + models[0] * coefficients[1]


def measure_angle(blocks: Blocks, *, t: float, **_: Any) -> dict[str, Any]:
    """The factors of `slerp`: linear where the tensors are almost parallel (|cos| > 0.9995)."""
    dot, norm_0, norm_1 = 0.0, 0.0, 0.0
    for base, models in blocks():
        assert base is not None
        dot += float((base * models[0]).sum())
        norm_0 += float((base * base).sum())
        norm_1 += float((models[0] * models[0]).sum())
    norms = math.sqrt(norm_0) * math.sqrt(norm_1)
    cosine = max(-1.0, min(1.0, dot / norms)) if norms > 0 else 1.0
    if abs(cosine) > 0.9995:
        return {"coefficients": (1.0 - t, float(t))}
    theta = math.acos(cosine)
    return {
        "coefficients": (
            math.sin((1 - t) * theta) / math.sin(theta),
            math.sin(t * theta) / math.sin(theta),
        )
    }


def model_stock(
    base: Array | None,
    models: Sequence[Array],
    *,
    ratio: float | None = None,
    filter_wise: bool = False,
    **_: Any,
) -> Array:
    """t * mean_i m_i + (1 - t) * base, t = N cos / (1 + (N - 1) cos); Jang et al. 2024, eq. 4.

    Args:
        ratio: t of the whole tensor (measured); with `filter_wise` each row has its own instead.
    """
    assert base is not None, "the plan gives model_stock a base"
    t: Any = ratio
    if filter_wise:
        t = _stock_ratio(_dots(base, models))[..., None]  # (R, 1)
    mean = _weighted_sum(models, [1.0] * len(models)) / len(models)
    return mean * t + base * (1 - t)


def measure_stock(blocks: Blocks, *, filter_wise: bool = False, **_: Any) -> dict[str, Any]:
    """The interpolation ratio of `model_stock` for a whole tensor."""
    if filter_wise:
        return {}
    total: Any = 0.0
    for base, models in blocks():
        assert base is not None
        total = total + _dots(base.reshape(1, -1), [model.reshape(1, -1) for model in models])
    return {"ratio": float(_stock_ratio(total)[0])}


def _dots(base: Array, models: Sequence[Array]) -> Array:
    """Inner products of all pairs of task vectors, per row: (N, N, R)."""
    xp, taus = array_namespace(base), _taus(base, models)
    rows = [xp.stack([xp.sum(a * b, axis=-1) for b in taus]) for a in taus]
    return xp.stack(rows)


def _stock_ratio(dots: Array) -> Array:
    """t from the mean pairwise cosine; 0 (the base) where the formula has no finite value."""
    xp, n = array_namespace(dots), dots.shape[0]
    norms = [xp.sqrt(dots[i, i]) for i in range(n)]
    cosines = [
        xp.clip(dots[i, j] / xp.clip(norms[i] * norms[j], 1e-6, None), -1.0, 1.0)
        for i in range(n)
        for j in range(i + 1, n)
    ]
    cosine = sum(cosines[1:], start=cosines[0]) / len(cosines)
    denominator = 1 + (n - 1) * cosine
    singular = abs(denominator) < 1e-6
    denominator[singular] = 1.0
    ratio = n * cosine / denominator
    ratio[singular] = 0.0
    return ratio


# --- the table ------------------------------------------------------------------------------------

REQUIRED = object()
"""Marks a parameter without a default."""


@dataclass(frozen=True, slots=True)
class Method:
    """A row of METHODS."""

    formula: Callable[..., Array]
    per_model: dict[str, Any]  # parameter -> default
    shared: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)  # keywords that make the variant
    measure: Callable[..., dict[str, Any]] | None = None
    reads_base: bool = True
    whole_rows: bool = False
    is_sum: bool = False  # block.summed gives the same bits
    n_models: tuple[int, int | None] = (1, None)  # least and most models beside the base


_WEIGHT = {"weight": REQUIRED}
_TRIM = {"weight": REQUIRED, "density": 1.0}
_GAMMA = {**_TRIM, "gamma": 0.01}
_EPSILON = {**_TRIM, "epsilon": 0.15}


def _shared(normalize: bool, rescale: bool | None = None) -> dict[str, Any]:
    scaling = {} if rescale is None else {"rescale": rescale}
    return {"lam": 1.0, "normalize": normalize, **scaling}


METHODS: dict[str, Method] = {
    "task_arithmetic": Method(task_arithmetic, _WEIGHT, _shared(normalize=False), is_sum=True),
    "replace": Method(
        task_arithmetic, _WEIGHT, _shared(normalize=False), is_sum=True, n_models=(2, 2)
    ),
    "linear": Method(linear, _WEIGHT, {"normalize": True}, reads_base=False, is_sum=True),
    "slerp": Method(slerp, {}, {"t": REQUIRED}, measure=measure_angle, n_models=(1, 1)),
    "ties": Method(ties, _TRIM, _shared(True, rescale=False), measure=measure_magnitudes),
    "dare_linear": Method(dare, _TRIM, _shared(False, rescale=True)),
    "dare_ties": Method(dare, _TRIM, _shared(False, rescale=True), {"elect": True}),
    "della": Method(della, _EPSILON, _shared(True, rescale=True), whole_rows=True),
    "della_linear": Method(
        della, _EPSILON, _shared(False, rescale=True), {"elect": False}, whole_rows=True
    ),
    "breadcrumbs": Method(
        breadcrumbs, _GAMMA, _shared(False, rescale=False), measure=measure_magnitudes
    ),
    "breadcrumbs_ties": Method(
        breadcrumbs, _GAMMA, _shared(False, rescale=False), {"elect": True}, measure_magnitudes
    ),
    "model_stock": Method(
        model_stock, {}, {"filter_wise": False}, measure=measure_stock, whole_rows=True,
        n_models=(2, None),
    ),
}  # fmt: skip

"""Loops compiled by numba: what as a chain of numpy passes would cost more than reading and writing.

in:  bfloat16 bits; float64 values
out: float64 values; bfloat16 bits
not covered: other dtypes, which numpy converts at full speed (block.py), and other formulas

The first use on a machine compiles them (a second) and keeps the result beside this file, or in
the user's cache directory, or nowhere if neither can be written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

EXPONENT = 0x7FF0000000000000
"""The exponent bits of a float64: alone, they are the power of two below the value."""

CHUNK = 1024
"""Elements whose float64 values stay in the nearest cache."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled at the first call, run without the interpreter's lock, kept on disk if possible.

    No flag allows the compiler to fuse or to reorder arithmetic: the bits are those of numpy.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except (RuntimeError, OSError):  # no place for the cache
        return numba.njit(**options)(function)  # type: ignore[no-any-return]


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _wide(bits: Any) -> Any:
    """The value of a bfloat16: the upper half of a float32."""
    return np.float64(np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32))


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _nearest(v: Any) -> Any:
    """The bits of the bfloat16 nearest to a float64, ties to even.

    With s = 1.5 * 2**(e + 45), where 2**e <= |v| < 2**(e + 1), the unit in the last place of v + s
    is 2**(e - 7): bfloat16's at v. So the processor's own addition rounds v to 8 significant bits,
    and subtracting s again is exact. Below 2**-126 bfloat16's unit stays what it is there;
    from 2**128 on every value becomes infinite.
    """
    power = np.int64(np.float64(v).view(np.int64) & EXPONENT).view(np.float64)
    s = min(max(power, 2.0**-126), 2.0**128) * (1.5 * 2.0**45)
    near = np.copysign((v + s) - s, v) if power < np.inf else v
    return np.float32(near).view(np.uint32) >> np.uint32(16)  # float32 holds 8 bits exactly


@_compiled
def widen_bfloat16(bits: Any, out: Any) -> None:
    """bfloat16 bits (N,) to float64 (N,)."""
    for i in range(bits.size):
        out[i] = _wide(bits[i])


@_compiled
def round_bfloat16(values: Any, out: Any) -> None:
    """float64 (N,) to the bits (N,) of the nearest bfloat16; what is too large becomes infinite."""
    for i in range(values.size):
        out[i] = _nearest(values[i])


@_compiled
def sum_bfloat16(
    base: Any, models: Any, weights: Any, divisor: float, factor: float, out: Any
) -> None:
    """task_arithmetic and linear of methods.py with both conversions in one pass, to the same bits.

    Args:
        base: bits (N,), or (0,) for none.
        models: a tuple of bits (N,).
        weights: float64 (number of models,).
        out: bits (N,).
    """
    origin, total = np.zeros(CHUNK), np.empty(CHUNK)
    for start in range(0, out.size, CHUNK):
        n = min(CHUNK, out.size - start)
        if base.size:
            for i in range(n):
                origin[i] = _wide(base[start + i])
        for k in range(len(models)):
            bits, weight = models[k][start : start + n], weights[k]
            if k == 0:
                for i in range(n):
                    total[i] = (_wide(bits[i]) - origin[i]) * weight
            else:
                for i in range(n):
                    total[i] += (_wide(bits[i]) - origin[i]) * weight
        if divisor != 1.0:
            for i in range(n):
                total[i] /= divisor
        if factor != 1.0:
            for i in range(n):
                total[i] *= factor
        if base.size:
            for i in range(n):
                total[i] += origin[i]
        rounded = out[start : start + n]
        for i in range(n):
            rounded[i] = _nearest(total[i])


@_compiled
def count_digits(values: Any, prefix: int, shift: int, next_shift: int, counts: Any) -> None:
    """Histogram of the next bits of |v|, among the values whose bits above `shift` are `prefix`.

    Args:
        values: float64 (N,).
        counts: int64 (2**(shift - next_shift),), added to.
    """
    for i in range(values.size):
        bits = np.float64(abs(values[i])).view(np.int64)
        if (bits >> shift) == prefix:
            counts[(bits >> next_shift) & (counts.size - 1)] += 1


@_compiled
def gather_prefix(values: Any, prefix: int, shift: int, out: Any) -> int:
    """Copy each |v| whose bits above `shift` are `prefix` to `out` (M,); how many there were."""
    found = 0
    for i in range(values.size):
        size = np.float64(abs(values[i]))
        if (size.view(np.int64) >> shift) == prefix:
            out[found] = size
            found += 1
    return found


@_compiled
def fill_uniform(seed: Any, start: int, out: Any) -> None:
    """Numbers in [0, 1) at places start, start + 1, ... of the sequence of `seed`: SplitMix64.

    Steele, Lea and Flood 2014: each number is a mix of seed and place alone, so a block needs
    nothing of the blocks before it.

    Args:
        seed: uint64.
        out: float64 (N,).
    """
    for i in range(out.size):
        z = np.uint64(seed + np.uint64(start + i + 1) * np.uint64(0x9E3779B97F4A7C15))
        z = np.uint64((z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
        z = np.uint64((z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
        z = np.uint64(z ^ (z >> np.uint64(31)))
        out[i] = np.float64(z >> np.uint64(11)) * 2.0**-53

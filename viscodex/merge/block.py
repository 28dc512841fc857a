"""Blocks: runs of a tensor's elements, from disk into float64, and back with one rounding.

in:  byte ranges of safetensors files
out: float64 arrays; correctly rounded arrays of the output dtype
not covered: what is computed in between (methods.py), where it is written (apply.py)
"""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from viscodex.merge.checkpoint import PAGE_BYTES, TensorReader
from viscodex.merge.kernels import round_bfloat16, sum_bfloat16, widen_bfloat16
from viscodex.types import TensorInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viscodex.merge.vocabulary import Rows

    Floats = NDArray[np.float64]

NUMPY_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The memory of a contiguous array, without a copy."""
    return memoryview(array.view(np.uint8).data)


def aligned_empty(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An uninitialised array that begins at a page, as direct writes need it."""
    raw = np.empty(n * dtype.itemsize + PAGE_BYTES, dtype=np.uint8)
    skip = -raw.ctypes.data % PAGE_BYTES
    return raw[skip : skip + n * dtype.itemsize].view(dtype)


def keep_freed_memory() -> None:
    """Let the C library reuse freed blocks instead of handing each back to the kernel.

    By default glibc unmaps a block of this size at every free, and the page faults of the next
    allocation cost more than the arithmetic (measured: a third of a merge). Elsewhere: no effect.
    """
    m_trim_threshold, m_mmap_threshold, size = -1, -3, 64 << 20
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_threshold, size)
        libc.mallopt(m_trim_threshold, size)


class BlockReader:
    """Reads runs of one tensor's elements in the layout of the output.

    Args:
        rows: for vocabulary tensors, the row to read for each row of the output (-1: none).
    """

    def __init__(self, reader: TensorReader, info: TensorInfo, rows: Rows | None = None) -> None:
        self.info = info
        self.digest: Any = None  # a hash object that takes in all that is read
        self._reader, self._rows = reader, rows
        self._dtype = NUMPY_DTYPES.get(info.dtype, np.dtype(np.uint8))
        self._width = math.prod(info.shape[1:])

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Elements `start` to `stop`, flat, in the file's dtype; rows that are not there are 0."""
        block = np.empty(stop - start, dtype=self._dtype)
        size = self._dtype.itemsize
        view = bytes_of(block)
        if self._rows is None:
            self._reader.read_into(self.info, start * size, view)
            if self.digest is not None:
                self.digest.update(view)
            return block
        row_bytes = self._width * size
        block.view(np.uint8)[:] = 0
        for at, source, n in _runs(self._rows[start // self._width : stop // self._width]):
            place = view[at * row_bytes : (at + n) * row_bytes]
            self._reader.read_into(self.info, source * row_bytes, place)
        return block


def _runs(rows: Rows) -> Iterator[tuple[int, int, int]]:
    """Consecutive source rows: (place in the block, first source row, number of rows)."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    starts = [0, *breaks.tolist()] if len(rows) else []
    for first, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        # rows of -1 follow one another without a step of 1: each is a run by itself
        if rows[first] >= 0:
            yield first, int(rows[first]), end - first


def widened(block: NDArray[Any]) -> Floats:
    """The same values in float64."""
    if block.dtype != ml_dtypes.bfloat16:
        return block.astype(np.float64)
    values = np.empty(block.shape, dtype=np.float64)
    widen_bfloat16(block.view(np.uint16).reshape(-1), values.reshape(-1))
    return values


def rounded(values: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    """float64 to the output dtype with one rounding, to nearest, ties to even."""
    if dtype != ml_dtypes.bfloat16:
        return values.astype(dtype, copy=False)  # numpy rounds float64 to these once
    result = np.empty(values.shape, dtype=dtype)
    round_bfloat16(values.reshape(-1), result.view(np.uint16).reshape(-1))
    return result


def summed(
    base: NDArray[Any] | None,
    models: Sequence[NDArray[Any]],
    *,
    weight: Sequence[float],
    lam: float = 1.0,
    normalize: bool = False,
) -> NDArray[Any]:
    """`task_arithmetic` or `linear` of methods.py, all in bfloat16, rounded: the same bits sooner."""
    total = sum(weight)
    divides = normalize and abs(total) > 1e-8  # as in methods.py: else the sum is left as it is
    result = np.empty(models[0].shape, dtype=models[0].dtype)
    bits = tuple(model.view(np.uint16) for model in models)
    origin = np.empty(0, dtype=np.uint16) if base is None else base.view(np.uint16)
    weights = np.array(weight, dtype=np.float64)
    sum_bfloat16(origin, bits, weights, total if divides else 1.0, lam, result.view(np.uint16))
    return result


def all_finite(block: NDArray[Any]) -> bool:
    """Whether no element is NaN or infinite."""
    if block.dtype == ml_dtypes.bfloat16:  # a look at the exponents is much faster
        return not block.size or bool((block.view(np.int16) & 0x7F80).max() < 0x7F80)
    return bool(np.isfinite(block).all())

"""Alignments of sequences by common subsequences: the loops, compiled.

in:  two sequences as int32 arrays
out: tables of lengths, and of where they come from
not covered: what is aligned (blanks.py, rouge.py)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled at the first call (a second), kept on disk where there is a place for it."""
    try:
        return njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except (RuntimeError, OSError):
        return njit(nogil=True)(function)  # type: ignore[no-any-return]


def codes(text: str) -> Ints:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<i4").astype(np.int32)


@_compiled
def align(template: Any, response: Any) -> Any:
    """InfiBench's table of a template (n) and a response (m), n and m > 0.

    Returns:
        (length of the common subsequence, links (n, m): for each cell the column of its last match).
        Cells of the first row and column count only their own match: nothing is carried over.
    """
    n, m = len(template), len(response)
    links = np.zeros((n, m), np.int32)
    above, here = np.zeros(m, np.int32), np.zeros(m, np.int32)
    for i in range(n):
        for j in range(m):
            if i == 0 or j == 0:
                same = template[i] == response[j]
                here[j] = 1 if same else 0
                links[i, j] = j if same else 0
            elif template[i] == response[j]:
                here[j] = above[j - 1] + 1
                links[i, j] = j
            else:
                left, up = here[j - 1], above[j]
                here[j] = max(left, up)
                if left == up:
                    links[i, j] = max(links[i, j - 1], links[i - 1, j])
                elif left > up:
                    links[i, j] = links[i, j - 1]
                else:
                    links[i, j] = links[i - 1, j]
        above, here = here, above
    return above[m - 1], links


@_compiled
def trace(template: Any, response: Any, links: Any) -> Any:
    """Where each character of the template is in the response, or would stand; (n,)."""
    n, m = links.shape
    places = np.zeros(n, np.int32)
    place = links[n - 1, m - 1]
    for i in range(n - 1, -1, -1):
        if template[i] == response[place]:
            places[i] = place
            place = links[i - 1, place - 1]  # before the first column: the last, as in Python
        else:
            places[i] = place + 1
    return places


@_compiled
def common(a: Any, b: Any) -> Any:
    """Lengths of the longest common subsequences of all beginnings: (len(a) + 1, len(b) + 1)."""
    table = np.zeros((len(a) + 1, len(b) + 1), np.int32)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if a[i - 1] == b[j - 1]:
                table[i, j] = table[i - 1, j - 1] + 1
            else:
                table[i, j] = max(table[i - 1, j], table[i, j - 1])
    return table


@_compiled
def marked(a: Any, b: Any) -> Any:
    """Which elements of a are in its longest common subsequence with b; (len(a),)."""
    table = common(a, b)
    marks = np.zeros(len(a), np.bool_)
    i, j = len(a), len(b)
    while i > 0 and j > 0:
        if a[i - 1] == b[j - 1]:
            marks[i - 1] = True
            i -= 1
            j -= 1
        elif table[i, j - 1] > table[i - 1, j]:
            j -= 1
        else:
            i -= 1
    return marks

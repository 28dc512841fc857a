"""ROUGE without stemming: rouge1, rouge2, rougeL, rougeLsum as F-measures; Lin 2004.

in:  a reference and a response
out: the F-measure, digits as those of the package rouge-score
not covered: aggregation over samples
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from viscodex.tasks import alignment

METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def rouge(metric: str, reference: str, response: str) -> float:
    """One F-measure.

    Args:
        metric: one of METRICS.
    """
    if metric == "rougeLsum":
        return _summary(reference, response)
    wanted, found = tokens(reference), tokens(response)
    if metric == "rougeL":
        if not wanted or not found:
            return 0.0
        length = int(alignment.common(*_numbered(wanted, found))[-1, -1])
        return _f(length, len(found), len(wanted))
    n = int(metric.removeprefix("rouge"))
    grams = [Counter(zip(*(side[i:] for i in range(n)), strict=False)) for side in (wanted, found)]
    both = (grams[0] & grams[1]).total()
    return _f(both, grams[1].total(), grams[0].total())


def tokens(text: str) -> list[str]:
    """Runs of a-z and 0-9 of the text in lower case; all else, accents too, parts them."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).split()


def _f(both: int, n_found: int, n_wanted: int) -> float:
    precision, recall = both / max(n_found, 1), both / max(n_wanted, 1)
    return 2 * precision * recall / (precision + recall) if both else 0.0


def _numbered(*sides: Sequence[str]) -> list[alignment.Ints]:
    """Words as numbers, the same word the same number."""
    numbers: dict[str, int] = {}
    return [
        np.array([numbers.setdefault(word, len(numbers)) for word in side], dtype=np.int32)
        for side in sides
    ]


def _summary(reference: str, response: str) -> float:
    """Over lines: words of each wanted line that are in a common subsequence with any found line."""
    wanted = [line for text in reference.split("\n") if (line := tokens(text))]
    found = [line for text in response.split("\n") if (line := tokens(text))]
    n_wanted, n_found = sum(map(len, wanted)), sum(map(len, found))
    if not n_wanted or not n_found:
        return 0.0
    left = [Counter(word for line in side for word in line) for side in (wanted, found)]
    numbered = _numbered(*wanted, *found)
    hits = 0
    for numbers, words in zip(numbered, wanted, strict=False):
        union = np.zeros(len(numbers), np.bool_)
        for other in numbered[len(wanted) :]:
            union |= alignment.marked(numbers, other)
        for at in np.flatnonzero(union):
            word = words[at]
            if (
                left[0][word] > 0 and left[1][word] > 0
            ):  # no word counts more often than it is there
                hits += 1
                left[0][word] -= 1
                left[1][word] -= 1
    return _f(hits, n_found, n_wanted)

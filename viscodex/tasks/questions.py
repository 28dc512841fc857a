"""What a judge is asked: two charts side by side, or a response beside its reference.

in:  items, answers, pictures
out: Questions; points as values of 0 to 1
not covered: asking (judge.py), the words of the request (rubrics.py)
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from viscodex.tasks.cases import Case, Judged
from viscodex.tasks.task import Item, Mark, Question
from viscodex.types import Answer

MAX_PIXELS = 50_000_000
"""Of a picture that is decoded for a judge."""


def chart_question(item: Item, answer: Answer, reference: bytes, candidate: bytes) -> Question:
    """How well a chart reproduces another; the reference is always shown first."""
    pictures = (
        ("Picture 1, the reference", as_png(reference)),
        ("Picture 2, the candidate", as_png(candidate)),
    )
    return Question(item.id, answer.attempt, "chart", {}, pictures)


def response_question(item: Item, answer: Answer, case: Case, response: str) -> Question:
    """How right and whole a response is."""
    seen = item.images if case.grading.judge and case.grading.judge.see_images else ()
    pictures = tuple(
        (f"Picture {k} of the question", as_png(picture.read()))
        for k, picture in enumerate(seen, 1)
    )
    texts = {"question": case.prompt, "reference": case.reference, "response": response}
    return Question(item.id, answer.attempt, "response", texts, pictures)


def chart_value(mark: Mark) -> float:
    """Points of 100 as a value; NaN where there are none."""
    return mark.points["score"] / 100 if mark.points else math.nan


def response_value(mark: Mark, judged: Judged) -> float:
    """Correctness and completeness, weighted; with a threshold 1 or 0; NaN without points."""
    if not mark.points:
        return math.nan
    weights = {name: judged.weights.get(name, 0.0) for name in mark.points}
    whole = sum(weights.values())
    value = sum(weights[n] * mark.points[n] / 50 for n in weights) / whole if whole else math.nan
    if judged.threshold is None or math.isnan(value):
        return value
    return 1.0 if 100 * value >= judged.threshold else 0.0


# --- pictures -------------------------------------------------------------------------------------


def as_png(data: bytes) -> bytes:
    """A picture as it is sent: PNG without transparency, the first frame of an animation.

    Raises:
        OSError: it is no picture, or a very large one.
    """
    with _opened(data) as picture:
        if picture.format == "PNG" and picture.mode in ("RGB", "L"):
            return data
        file = io.BytesIO()
        _on_white(picture).save(file, "PNG")
        return file.getvalue()


def is_blank(data: bytes) -> bool:
    """Every pixel is white: a figure on which nothing was drawn."""
    with _opened(data) as picture:
        return not ImageChops.invert(_on_white(picture)).getbbox()


def _opened(data: bytes) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP"))
    except Image.DecompressionBombError as error:
        raise OSError(str(error)) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise OSError(f"a picture of {picture.width} x {picture.height} pixels")
    return picture


def _on_white(picture: Image.Image) -> Image.Image:
    shown = picture.convert("RGBA")
    white = Image.new("RGBA", shown.size, "white")
    return Image.alpha_composite(white, shown).convert("RGB")


# --- agreement ------------------------------------------------------------------------------------


def agreement(
    rows: Sequence[Mapping[str, float]], judged: str, rules: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """How a judge's values go with those of rules.

    Args:
        rows: values of the answers.
        judged: name of the judge's value.
        rules: names of the values to compare with.

    Returns:
        Name of a rule -> n, pearson, spearman; None where there are fewer than three pairs or one
        side never changes.
    """
    found = {}
    for name in rules:
        pairs = [(row[judged], row[name]) for row in rows if judged in row and name in row]
        pairs = [(a, b) for a, b in pairs if not math.isnan(a + b)]
        if pairs:
            ours, theirs = np.array(pairs, dtype=np.float64).T  # (pairs,)
            found[name] = {
                "n": len(pairs),
                "pearson": _correlation(ours, theirs),
                "spearman": _correlation(_ranks(ours), _ranks(theirs)),
            }
    return found


def _correlation(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float | None:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if len(a) > 2 and size > 1e-12 else None


def _ranks(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: np.ndarray[Any, Any] = (last - (counts - 1) / 2)[inverse]
    return ranks

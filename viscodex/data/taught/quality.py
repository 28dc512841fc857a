"""How good a picture looks: what a judge says, and a cheap score of our own beside it.

in:  the picture of a chart or page, what was measured of it, a judge
out: two scores of 0 to 100, and two filters
not covered: sound pictures (charts/filters.py, pages/filters.py); those come first. By how much the
             scores agree (data/agreement.py)

The local score is 100 times the mean of shares, each 0 .. 1; ramp(x, a, b) is 0 up to a, 1 from b on,
and straight between them.

    chart   legible     ramp(smallest font in px, 7, 12) * ramp(least contrast of a text, 40, 130)
            free        1 - ramp(largest overlap of texts, 0, 0.1)
            filled      share of rows and of columns of the picture that the ink spans, multiplied
            quiet       1 - ramp(lines of text, 40, 120)
            worded      of title, x label, y label (or legend, or a slice's label): how many there are
            colourful   ramp(colourfulness, 4, 25) * (1 - ramp(colourfulness, 90, 140))
    page    legible     1 - ramp(share of unreadable letters, 0, 0.03)
            aligned     ramp(texts that share their left edge with two others / all texts, 0.2, 0.7)
            filled      1 - ramp(longest empty band / height, 0.1, 0.4)
            ordered     different heights of text: 1 for 3 to 6, less for fewer and for more
            varied      ramp(share of pixels that are not of the most common colour, 0.05, 0.3)
            colourful   as above

Colourfulness is Hasler and Suesstrunk's (2003): of rg = R - G and yb = (R + G) / 2 - B, the root of
the sum of their variances, plus 0.3 times that of their squared means.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viscodex.data.agreement import JUDGED, LOCAL
from viscodex.data.draft import Draft, Evidence, Filter, Finding, Unfit
from viscodex.data.teacher import Reply, Teacher, object_of
from viscodex.types import FigureRecord, PageRecord

POINTS = ("readable", "composed", "styled", "meaningful")
"""What a judge gives 0 to 10 points for, each."""
THRESHOLDS: dict[str, float] = {LOCAL: 45.0, JUDGED: 50.0}
"""Least scores that a sample is kept with."""

Pixels = NDArray[np.uint8]
_REMEMBERED = 256


# --- the judge ------------------------------------------------------------------------------------


class PictureJudge:
    """Asks a judge about pictures; what it said is remembered. Safe to use from several threads.

    Args:
        judge: the model.
        prompt: chart_judge-1, page_judge-1.
    """

    def __init__(self, judge: Teacher, prompt: str) -> None:
        self.judge, self.prompt = judge, prompt
        self._said: OrderedDict[bytes, tuple[float, Reply]] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, picture: bytes) -> tuple[float, Reply]:
        """The mean of its points as 0 to 100, and the reply.

        Raises:
            Unfit: no_judgement, where the reply holds no points.
        """
        name = hashlib.sha256(picture).digest()
        with self._lock:
            if name in self._said:
                return self._said[name]
        reply = self.judge.ask(self.prompt, {}, [picture])
        try:
            said = points_score(object_of(reply)), reply
        except (Unfit, ValueError) as error:
            why = error.finding.reason if isinstance(error, Unfit) else str(error)
            raise Unfit("no_judgement", why) from None
        with self._lock:
            self._said[name] = said
            if len(self._said) > _REMEMBERED:
                self._said.popitem(last=False)
        return said


def points_score(points: Mapping[str, Any]) -> float:
    """100 times the mean of a judge's points over ten.

    Raises:
        ValueError: one is missing, no number, or out of range.
    """
    total = 0.0
    for name in POINTS:
        value = points.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
            raise ValueError(f"{name} is no number of points from 0 to 10: {value!r:.40}")
        total += value
    return 100 * total / (10 * len(POINTS))


def quality_filters(least: Mapping[str, float], judge: PictureJudge | None) -> tuple[Filter, ...]:
    """The filters of both scores; the judge is asked last, since it costs.

    Args:
        least: a value for LOCAL and JUDGED.
        judge: None: only the local score decides.
    """

    def local(draft: Draft, evidence: Evidence) -> Finding | None:
        found = evidence.numbers.get(LOCAL, 0.0)
        return None if found >= least[LOCAL] else _low("the local score", found, least[LOCAL], {})

    def judged(draft: Draft, evidence: Evidence) -> Finding | None:
        assert judge is not None
        score, _ = judge.score(evidence.images[0])
        scores = {LOCAL: evidence.numbers.get(LOCAL, 0.0), JUDGED: score}
        return (
            None
            if score >= least[JUDGED]
            else _low("the judge's score", score, least[JUDGED], scores)
        )

    filters = [
        Filter(
            LOCAL, "A cheap score of how it looks (docs/mcd.md has the formula).", local,
            {"least": least[LOCAL]},
        )
    ]  # fmt: skip
    if judge is not None:
        explain = "What a judge gives for readable, composed, styled, meaningful; 0 to 100."
        filters.append(Filter(JUDGED, explain, judged, {"least": least[JUDGED]}))
        note = "The judge's reply must hold its points."
        filters.append(Filter("no_judgement", note, lambda draft, evidence: None))
    return tuple(filters)


def _low(what: str, found: float, least: float, more: Mapping[str, float]) -> Finding:
    return Finding(f"{what} is {found:.0f}; at least {least:g}", {"least": least, **more})


def quality_meta(judge: PictureJudge | None, evidence: Evidence) -> dict[str, Any]:
    """Both scores of a sample that was kept, and who judged it."""
    meta: dict[str, Any] = {LOCAL: round(evidence.numbers.get(LOCAL, 0.0), 1)}
    if judge is None:
        return {"quality": meta}
    score, reply = judge.score(evidence.images[0])
    return {"quality": {**meta, JUDGED: score}, "judge": reply.meta()}


# --- the local score ------------------------------------------------------------------------------


def ramp(value: float, low: float, high: float) -> float:
    """0 up to low, 1 from high on, straight between them."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def pixels_of(png: bytes) -> Pixels:
    """RGB of a picture that we took ourselves.  (H, W, 3)"""
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))


def colourfulness(pixels: Pixels) -> float:
    """Hasler and Suesstrunk 2003; 0 for grey, about 30 for a moderate photo."""
    r, g, b = (pixels[::2, ::2, k].astype(np.float64) for k in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    spread = float(np.hypot(rg.std(), yb.std()))
    return spread + 0.3 * float(np.hypot(rg.mean(), yb.mean()))


def _colourful(pixels: Pixels) -> float:
    found = colourfulness(pixels)
    return ramp(found, 4, 25) * (1 - ramp(found, 90, 140))


def _ground(pixels: Pixels) -> tuple[NDArray[np.bool_], float]:
    """Where the picture is not of its most common colour, and how much that is.  (H, W)"""
    wide = pixels.astype(np.uint32)
    packed = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    values, counts = np.unique(packed[::2, ::2], return_counts=True)
    ink = packed != values[counts.argmax()]
    return ink, float(ink.mean())


def chart_quality(
    numbers: Mapping[str, float], figure: FigureRecord | None, png: bytes
) -> dict[str, float]:
    """The shares of the local score of a chart, and the score itself under LOCAL.

    Args:
        numbers: of charts/measure.py.
    """
    pixels = pixels_of(png)
    ink, _ = _ground(pixels)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    spans = [
        (found[-1] - found[0] + 1) / size if len(found) else 0.0
        for found, size in ((rows, ink.shape[0]), (columns, ink.shape[1]))
    ]
    shares = {
        "legible": ramp(numbers.get("smallest", 0.0), 7, 12)
        * ramp(numbers.get("contrast", 0.0), 40, 130),
        "free": 1 - ramp(numbers.get("overlap", 0.0), 0, 0.1),
        "filled": float(spans[0] * spans[1]),
        "quiet": 1 - ramp(numbers.get("texts", 0.0), 40, 120),
        "worded": _worded(figure),
        "colourful": _colourful(pixels),
    }
    return _scored(shares)


def _worded(figure: FigureRecord | None) -> float:
    axes = [ax for ax in figure.axes if ax.figure == 0] if figure is not None else []
    if not axes or figure is None:
        return 0.0
    title = any(ax.title for ax in axes) or len(figure.texts) > sum(len(ax.labels) for ax in axes)
    named = any(ax.legend or any(s.kind == "wedge" for s in ax.series) for ax in axes)
    x = any(ax.labels[:1] and ax.labels[0] for ax in axes)
    y = any(ax.labels[1:2] and ax.labels[1] for ax in axes)
    return sum((title, x or named, y or named)) / 3


def page_quality(numbers: Mapping[str, float], page: PageRecord, png: bytes) -> dict[str, float]:
    """The shares of the local score of a page, and the score itself under LOCAL.

    Args:
        numbers: of pages/source.py, measure.
    """
    pixels = pixels_of(png)
    _, varied = _ground(pixels)
    edges = Counter(round(block.x / 4) for block in page.blocks)
    aligned = sum(n for n in edges.values() if n >= 3) / max(1, len(page.blocks))
    heights = len({round(block.height / 2) for block in page.blocks if block.height <= 80})
    shares = {
        "legible": 1 - ramp(numbers.get("unreadable_share", 0.0), 0, 0.03),
        "aligned": ramp(aligned, 0.2, 0.7),
        "filled": 1 - ramp(_empty_band(pixels), 0.1, 0.4),
        "ordered": min(1.0, heights / 3) * (1 - ramp(heights, 6, 14)),
        "varied": ramp(varied, 0.05, 0.3),
        "colourful": _colourful(pixels),
    }
    return _scored(shares)


def _empty_band(pixels: Pixels) -> float:
    """The longest stretch of rows of one colour each, as a share of the height."""
    flat = (pixels == pixels[:, :1]).all(axis=(1, 2))
    longest = run = 0
    for empty in flat.tolist():
        run = run + 1 if empty else 0
        longest = max(longest, run)
    return longest / max(1, len(flat))


def _scored(shares: Mapping[str, float]) -> dict[str, float]:
    score = 100 * sum(shares.values()) / len(shares)
    return {**{f"quality_{name}": share for name, share in shares.items()}, LOCAL: score}

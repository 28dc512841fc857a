"""Design2Code: write the page of a screenshot again.

in:  reference pages and recorded answers
out: block match, text, position, colour, CLIP; their mean
not covered: reading the published files (items.py), the stages of the metric (__init__.py)

Under `paper` text, position and colour are means over matched blocks alone, and a page that does
not render is compared as a white one, as officially. Under `strict` every block of either page
counts: one without a partner has similarity 0; a page that does not render has 0 in all. Pages for
which the official code ends with an exception have 0 under both, with a note; no official score
exists for them.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from viscodex.errors import BadRecipe
from viscodex.execute import runtime
from viscodex.execute.page import PagePool
from viscodex.execute.visit import grey_picture
from viscodex.tasks.design2code import blocks, markup, page
from viscodex.tasks.design2code.clip import Clip, clip_picture
from viscodex.tasks.design2code.items import PLACEHOLDER, PageItem, Prompt, read_design2code
from viscodex.tasks.design2code.markup import clean
from viscodex.tasks.design2code.matching import Match, join_equal_boxes, match
from viscodex.tasks.design2code.page import References, Side, read_pixels, see
from viscodex.tasks.design2code.visual import METRICS, compare
from viscodex.tasks.executions import Executions, is_final
from viscodex.tasks.task import (
    Benchmark,
    Item,
    ProtocolName,
    mean,
    mean_of_attempts,
    write_picture,
)
from viscodex.types import Answer, Score

_FENCES = re.compile(r"```(?:html)?", re.IGNORECASE)


def extract(answer: str) -> str:
    """The page in an answer, as the official clean-up takes it."""
    text = _FENCES.sub("", answer).strip()
    text = re.sub(r"^html\b", "", text, flags=re.IGNORECASE).strip()
    start = re.search(r"<!doctype", text, re.IGNORECASE)
    text = text[start.start() :] if start else text
    end = text.lower().find("</html>")
    return text[: end + len("</html>")] if end >= 0 else text


class Design2Code:
    """The benchmark of arXiv 2403.03163: 484 pages, and 80 harder ones."""

    name = "design2code"
    language = "html"
    headline: tuple[str, ...] = (*METRICS, "clip", "low_level", "final")
    options: tuple[str, ...] = ("clip",)

    def read(self, place: Path, split: str = "") -> Benchmark:
        """All pages of a folder, archive or table; `split` is the prompt: direct, text_augmented."""
        if split not in ("", "direct", "text_augmented"):
            raise BadRecipe(
                "there is no such prompt",
                f"design2code, --split {split}",
                "Known are direct, text_augmented; HARD is a folder of its own: give it with --data.",
            )
        prompt: Prompt = "text_augmented" if split == "text_augmented" else "direct"
        return read_design2code(place, prompt)

    def scorer(
        self, benchmark: Benchmark, *, protocols: Sequence[ProtocolName] = ("paper",), **how: Any
    ) -> PageScorer:
        """The browser and the cache of references, ready to score."""
        files = benchmark.items[0].data.files if benchmark.items else {}
        return PageScorer(protocols, files, **how)

    def values(self, item: Item, scores: Sequence[Score]) -> dict[str, float]:
        """The mean over the answers to an item."""
        return mean_of_attempts(scores)

    def totals(
        self, benchmark: Benchmark, rows: Mapping[str, Sequence[Score]], protocol: ProtocolName
    ) -> dict[str, Any]:
        """How much of the pages the means over matched blocks speak of."""
        found = [s.detail.get("coverage") for scores in rows.values() for s in scores]
        covered = [value for value in found if value is not None]  # a page without texts has none
        return {"coverage": mean(covered)} if covered else {}


class PageScorer:
    """Renders each page three times in one warm browser; what references show is kept on disk.

    Args:
        protocols: what to score.
        files: what pages may load: name -> content.
        workers: pages at once.
        pictures: directory for a screenshot of each candidate; None: none are kept.
        cache: directory of the reference sides; None: below the cache directory of viscodex.
        executions: directory of what candidates showed; None: nothing is kept.
        clip: directory or hub name of CLIP ViT-B/32; None: the CLIP column is NaN.
        tier, allow_unsafe: of the isolation.
    """

    def __init__(
        self,
        protocols: Sequence[ProtocolName] = ("paper",),
        files: Mapping[str, bytes] = {},
        *,
        workers: int | None = None,
        pictures: Path | None = None,
        cache: Path | None = None,
        executions: Path | None = None,
        clip: str | None = None,
        tier: str | None = None,
        allow_unsafe: bool = False,
        **_: object,
    ) -> None:
        self.protocols, self.pictures = tuple(protocols), pictures
        self.files = {PLACEHOLDER: grey_picture(), **files}
        self.clip = None if clip is None else Clip(clip)
        self.pool = PagePool(workers or 2, tier=tier, allow_unsafe=allow_unsafe)
        self.pool.__enter__()
        folder = cache or runtime.home() / "references"
        self.references = References(self.pool, self.files, folder, clip=clip is not None)
        shown = self.pool.render("")
        self.settings: dict[str, Any] = {
            "render": shown.stamp,
            "tier": shown.tier,
            "clip": clip or "no weights: clip and final are NaN",
        }
        pictures_of_pages = {
            name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()
        }
        self.executions = Executions(
            executions, (blocks, markup, page), shown.stamp, shown.tier, pictures_of_pages
        )

    def __enter__(self) -> PageScorer:
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.close()

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        """One Score for each protocol; both from the same renders."""
        asked: PageItem = item.data
        reference = self.references.get(asked.reference)
        html = clean(extract(answer.completion.text.replace("\r\n", "\n").replace("\r", "\n")))
        candidate = self.executions.get(
            Side,
            (html,),
            lambda: see(html, self.pool, self.files),
            lambda side: is_final(side.status),
        )
        found = None
        if candidate.blocks and reference.blocks:
            found = match(candidate.blocks, reference.blocks)
        likeness = self._likeness(candidate, reference, found)
        if self.pictures is not None and candidate.png is not None:
            write_picture(self.pictures, item.id, answer.attempt, candidate.png)
        return tuple(
            self._score(name, item, answer, candidate, reference, found, likeness)
            for name in self.protocols
        )

    def _likeness(self, candidate: Side, reference: Side, found: Match | None) -> float:
        """The cosine of CLIP's embeddings; NaN without weights."""
        if self.clip is None or reference.clip is None:
            return math.nan
        blocks = candidate.blocks if found is None else found.candidate
        seen = clip_picture(read_pixels(candidate.png), blocks)
        with Image.open(io.BytesIO(reference.clip)) as picture:
            return float(self.clip.embed(seen) @ self.clip.embed(picture))

    def _score(
        self,
        protocol: ProtocolName,
        item: Item,
        answer: Answer,
        candidate: Side,
        reference: Side,
        found: Match | None,
        likeness: float,
    ) -> Score:
        crash = candidate.crash or reference.crash
        values = dict.fromkeys(METRICS, 0.0)
        if found is not None and not crash:
            values = compare(found) if protocol == "paper" else _over_all(found)
        failed = crash or (protocol == "strict" and candidate.status != "ok")
        values["clip"] = 0.0 if failed else likeness
        values["low_level"] = mean([values[name] for name in METRICS])
        values["final"] = 0.2 * sum(values[name] for name in (*METRICS, "clip"))
        reason = candidate.reason or crash
        if math.isnan(values["clip"]):
            reason = reason or "no weights of CLIP were given"
        status: str = candidate.status
        if reference.status != "ok":
            status, reason = "unscored", f"the reference did not render: {reference.reason}"
            values = dict.fromkeys(values, math.nan)
        return Score(
            sample_id=item.id,
            values=values,
            reason=reason,
            status=status,
            problem=answer.problem,
            notes=(*answer.notes, *([f"official code crashes: {crash}"] if crash else [])),
            attempt=answer.attempt,
            protocol=protocol,
            detail=_detail(candidate, reference, found),
        )


def _over_all(found: Match) -> dict[str, float]:
    """As `compare`, but blocks without a partner count as 0 in every mean."""
    values = compare(found)
    share = len(found.pairs) / max(len(found.candidate), len(found.reference))
    return {name: v if name == "block_match" else v * share for name, v in values.items()}


def _detail(candidate: Side, reference: Side, found: Match | None) -> dict[str, Any]:
    theirs = found.reference if found else join_equal_boxes(reference.blocks)
    n = len(found.pairs) if found else 0
    return {
        "blocks": len(found.candidate if found else candidate.blocks),
        "reference_blocks": len(theirs),
        "matched": n,
        "coverage": n / len(theirs) if theirs else None,
    }

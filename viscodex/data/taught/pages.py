"""Pages that a teacher designs after the picture of another one, or rewrites from its code.

in:  a teacher, a judge, a folder or table of pictures of pages
out: DesignedPages, a Source
not covered: reading pictures (seeds.py), scores (quality.py), filters of pages (pages/filters.py)

    mode: design    the picture is a style seed; the page is new: the paper's way
    mode: rewrite   the code that lies beside the picture is cleaned up: the way that the paper tried and
                    dropped; kept so that the two can be compared
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from viscodex.data.charts.source import stable_seed
from viscodex.data.draft import Draft, Evidence, Exhausted, Filter, Finding, Machine, Unfit
from viscodex.data.duplicates import sketch_similarity
from viscodex.data.pages.answers import instruction
from viscodex.data.pages.filters import THRESHOLDS, page_filters
from viscodex.data.pages.source import measure
from viscodex.data.settings import merged, same_as_before
from viscodex.data.taught import quality as scores
from viscodex.data.taught.charts import LICENCE, of_kind, prompt_hashes
from viscodex.data.taught.quality import PictureJudge, page_quality, quality_filters, quality_meta
from viscodex.data.taught.seeds import Seed, Seeds, shown_seed
from viscodex.data.taught.topics import page_slots
from viscodex.data.teacher import Request, Teacher, code_of
from viscodex.data.teacher.reading import reply_filters
from viscodex.errors import BadInput
from viscodex.images import image_hash, image_sketch
from viscodex.types import Category, Message, Sample

Mode = Literal["design", "rewrite"]
PROMPTS: dict[str, str] = {"design": "page_design-1", "rewrite": "page_rewrite-1"}
SEED_FILTERS: dict[str, str] = {
    "bad_seed": "A seed must be a picture that opens, large enough to take a style from.",
    "no_code_of_seed": "To rewrite a page, its code must lie beside its picture.",
}
"""Why a seed gives no draft; the names of the rejects."""
COPY_DISTANCE, COPY_SIMILARITY = 8, 0.8
"""Bits of image_hash, and likeness of edges, from which a new page is a copy of its seed."""


class DesignedPages:
    """A page a draft, after one seed picture each; after the last seed comes the first again.

    Args:
        seed: of topics.
        teacher: designs.
        judge: scores the pictures.
        seeds: folder or table of pictures of pages.
        columns: of tables: {image: ..., code: ..., licence: ..., name: ...}.
        mode: design or rewrite.
        rounds: times that every seed is used, at most; to rewrite, once.
        seed_px: longer side of the picture that the teacher is shown.
        window: of the browser, WIDTHxHEIGHT.
        max_characters: of the code that is given to be rewritten.
        licence: of what is designed; to rewrite, of seeds that do not say theirs.
        judged, quality, prompts, material: as in charts.py and scripts.py.
        thresholds: of the filters of pages; see pages/filters.py.
    """

    name = "html_designed"
    category: Category = "html"

    def __init__(
        self,
        seed: int = 0,
        *,
        teacher: Teacher,
        judge: Teacher,
        seeds: str,
        columns: Mapping[str, str] | None = None,
        mode: Mode = "design",
        rounds: int = 4,
        seed_px: int = 896,
        window: str = "1280x720",
        max_characters: int = 30_000,
        licence: str = LICENCE,
        prompt: str | None = None,
        judged: bool = True,
        quality: Mapping[str, float] | None = None,
        thresholds: Mapping[str, float] | None = None,
        prompts: Mapping[str, str] | None = None,
        material: str | None = None,
    ) -> None:
        if mode not in PROMPTS:
            raise ValueError(f"mode is {mode!r}; known are {', '.join(PROMPTS)}")
        if rounds < 1 or seed_px < 64:
            raise ValueError("rounds must be above 0, seed_px 64 or more")
        self.seed, self.teacher, self.mode, self._licence = seed, teacher, mode, licence
        self.name = "html_designed" if mode == "design" else "html_rewritten"
        self._prompt, self._max = prompt or PROMPTS[mode], max_characters
        self._rounds, self._seed_px = (rounds if mode == "design" else 1), seed_px
        self._window = _window(window)
        self.seeds = Seeds(Path(seeds).expanduser(), columns)
        self._limits = merged(self.name, "thresholds", THRESHOLDS, thresholds)
        least = merged(self.name, "quality", scores.THRESHOLDS, quality)
        self._judge = PictureJudge(judge, "page_judge-1") if judged else None
        self.judging = (judge.prompt("page_judge-1"),) if judged else ()
        self.prompts = (teacher.prompt(self._prompt), *self.judging)
        self.ahead = teacher.ahead
        self.filters: tuple[Filter, ...] = (
            *(Filter(n, t, lambda draft, evidence: None) for n, t in SEED_FILTERS.items()),
            *reply_filters(),
            *page_filters(self._limits),
            *((self._copied(),) if mode == "design" else ()),
            *quality_filters(least, self._judge),
        )
        hashes, there = prompt_hashes(self.prompts), self.seeds.shelf.fingerprint()
        same_as_before(self.name, "prompts", hashes, prompts)
        same_as_before(self.name, "material", there, material)
        self.settings: Mapping[str, Any] = {
            "seeds": seeds, "columns": dict(columns or {}), "mode": mode, "rounds": self._rounds,
            "seed_px": seed_px, "window": window, "max_characters": max_characters, "licence": licence,
            "prompt": self._prompt, "judged": judged, "quality": least, "thresholds": self._limits,
            "prompts": hashes, "material": there,
        }  # fmt: skip

    def request(self, index: int) -> Request | None:
        """What the teacher is asked for a draft; None: nothing."""
        try:
            return self._request(index, self.seeds[index % len(self.seeds)])
        except Unfit:
            return None

    def _request(self, index: int, seed: Seed) -> Request:
        """The request for a seed.

        Raises:
            Unfit: bad_seed, no_code_of_seed.
        """
        try:
            picture = shown_seed(seed.picture, self._seed_px)
        except BadInput as error:
            raise Unfit("bad_seed", f"{seed.name}: {error.what}: {error.where}") from None
        if self.mode == "design":
            rng = Random(stable_seed(self.seed, self.name, index))
            return Request(self._prompt, page_slots(rng)[0], (("Style seed", picture),))
        if not seed.code.strip() or len(seed.code) > self._max:
            why = f"{len(seed.code)} characters; from 1 to {self._max}"
            raise Unfit("no_code_of_seed", f"{seed.name}: {why}")
        return Request(self._prompt, {"page": seed.code}, (("The page", picture),))

    def draft(self, index: int) -> Draft:
        """The page that the teacher writes.

        Raises:
            Unfit: the seed or the reply gives none.
            Exhausted: every seed was used as often as it may be.
            RunStopped: as Teacher.ask.
        """
        turn, number = divmod(index, len(self.seeds))
        if turn >= self._rounds:
            raise Exhausted
        stable = stable_seed(self.seed, self.name, index)
        seed = self.seeds[number]
        request = self._request(index, seed)
        reply = self.teacher.ask(request.prompt, request.slots, request.pictures)
        try:
            code = code_of(reply, "html").strip() + "\n"
        except Unfit as unfit:
            raise of_kind(unfit, self.mode, reply) from None
        slots, difficulty = page_slots(Random(stable))
        design = self.mode == "design"
        facts = {
            "licence": self._licence if design else seed.licence or self._licence,
            "teacher": reply.meta(),
            "style_seed": {"name": seed.name, "number": number},
            "asked": dict(slots) if design else {},
        }
        level = difficulty if design else 0.5
        return Draft(
            f"{self.name}-{index:07d}", "html", self.mode, code, "html", level, stable, facts
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Render it and measure the picture."""
        width, height = self._window
        shown = machine.pages.render(draft.code, width=width, height=height)
        numbers = {"window_width": float(width)}
        if shown.image is not None and shown.page is not None:
            numbers |= measure(shown, self._limits["min_contrast"])
            numbers |= page_quality(numbers, shown.page, shown.image)
        return Evidence((shown,), shown.images, numbers)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The page as code."""
        shown = evidence.executions[0]
        ask = instruction(Random(draft.seed ^ 0x7E11))
        meta = {
            "source": "teacher" if self.mode == "design" else "rewritten",
            "kind": draft.kind,
            "licence": draft.facts["licence"],
            "seed": draft.seed,
            "difficulty": draft.difficulty,
            "window": list(self._window),
            "teacher": draft.facts["teacher"],
            **quality_meta(self._judge, evidence),
            "style_seed": draft.facts["style_seed"],
            "asked": draft.facts["asked"],
            "stamp": dict(shown.stamp),
        }
        answer = f"```html\n{draft.code.strip()}\n```"
        sample = Sample(
            id=draft.id,
            category="html",
            messages=(Message("user", f"<image>\n{ask}"), Message("assistant", answer)),
            images=shown.images[:1],
            reference=draft.code,
            language="html",
            meta=meta,
        )
        return (sample,)

    def _copied(self) -> Filter:
        """A new page must not look like its seed."""
        look = lru_cache(maxsize=64)(self._look)

        def check(draft: Draft, evidence: Evidence) -> Finding | None:
            known, sketch = look(draft.facts["style_seed"]["number"])
            picture = shown_seed(evidence.images[0], self._seed_px)
            distance = (known ^ image_hash(picture)).bit_count()
            if distance > COPY_DISTANCE:
                return None
            likeness = sketch_similarity(sketch, image_sketch(picture))
            if likeness < COPY_SIMILARITY:
                return None
            numbers = {"distance": float(distance), "similarity": likeness}
            return Finding("the page looks like its style seed", numbers)

        limits = {"distance": COPY_DISTANCE, "similarity": COPY_SIMILARITY}
        return Filter("copied", "A designed page must be new, not its seed again.", check, limits)

    def _look(self, number: int) -> tuple[int, bytes]:
        picture = shown_seed(self.seeds[number].picture, self._seed_px)
        return image_hash(picture), image_sketch(picture)


def _window(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise ValueError(f"window is {text!r}; write it as 1280x720")
    return int(width), int(height)

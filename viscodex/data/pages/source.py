"""The source of web pages: draft, render, measure, tell.

in:  a seed and settings: kinds, difficulty, windows, shares of the inverse tasks, thresholds
out: PageSource, a Source (data/draft.py)
not covered: what is on a page (kinds.py), what is asked about it (answers.py)
"""

from __future__ import annotations

import difflib
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viscodex.data.draft import Draft, Evidence, Filter, Machine
from viscodex.data.pages.answers import INVERSE_TASKS, instruction
from viscodex.data.pages.filters import THRESHOLDS, page_filters
from viscodex.data.pages.kinds import KINDS, OLD_KINDS
from viscodex.data.pages.page import Page
from viscodex.data.pages.told import Told
from viscodex.errors import BadRecipe
from viscodex.types import Category, Execution, Message, Sample, TextBlock

LICENCE = "CC0-1.0"
"""Of what the grammar makes."""

SHARES: dict[str, float] = {"describe": 0.15, "table": 0.3, "question": 0.25, "ocr": 0.08}
"""Inverse task -> share of the pages that get it, where it can be asked."""

WINDOWS: dict[str, float] = {"1280x720": 1.0}
"""Window -> weight; Design2Code's pictures are taken in this one."""


class PageSource:
    """Pages from a grammar; a pure function of the seed and the index.

    Args:
        seed: of everything.
        kinds: kind -> weight; kinds that are not named do not occur. None: all alike.
        difficulty: lowest and highest, within 0 to 1.
        windows: "WIDTHxHEIGHT" -> weight.
        shares: inverse task -> share of pages; what is not named keeps its default.
        thresholds: name -> value; what is not named keeps its default.

    Raises:
        BadRecipe: a name or value that cannot be meant.
    """

    name = "html"
    category: Category = "html"

    def __init__(
        self,
        seed: int = 0,
        *,
        kinds: Mapping[str, float] | None = None,
        difficulty: Sequence[float] = (0.0, 1.0),
        windows: Mapping[str, float] = WINDOWS,
        shares: Mapping[str, float] = SHARES,
        thresholds: Mapping[str, float] = THRESHOLDS,
    ) -> None:
        self.seed = seed
        self.kinds = dict.fromkeys(KINDS, 1.0) if kinds is None else dict(kinds)
        self.difficulty = tuple(map(float, difficulty))
        self.windows = dict(windows)
        self.shares = {**SHARES, **shares}
        self.thresholds = {**THRESHOLDS, **thresholds}
        _known("kinds", self.kinds, KINDS)
        _known("shares", self.shares, SHARES)
        _known("thresholds", self.thresholds, THRESHOLDS)
        _weights("kinds", self.kinds)
        _weights("windows", self.windows)
        self._sizes = {name: _window(name) for name in self.windows}
        if len(self.difficulty) != 2 or not 0 <= self.difficulty[0] <= self.difficulty[1] <= 1:
            raise BadRecipe(
                "difficulty of pages is not a range", f"difficulty: {list(difficulty)}",
                "give the lowest and the highest, e.g. [0, 1]",
            )  # fmt: skip
        for task, share in self.shares.items():
            if not 0 <= share <= 1:
                raise BadRecipe("a share is not within 0 and 1", f"shares.{task}: {share}")
        self.filters: tuple[Filter, ...] = page_filters(self.thresholds)

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that steers it, defaults filled in."""
        return {
            "seed": self.seed,
            "kinds": self.kinds,
            "difficulty": list(self.difficulty),
            "windows": self.windows,
            "shares": self.shares,
            "thresholds": self.thresholds,
        }

    def draft(self, index: int) -> Draft:
        """The page of this index."""
        digest = hashlib.blake2b(f"html {self.seed} {index}".encode(), digest_size=6).digest()
        seed = int.from_bytes(digest, "big")
        rng = Random(seed)
        kind = rng.choices(list(self.kinds), list(self.kinds.values()))[0]
        window = rng.choices(list(self.windows), list(self.windows.values()))[0]
        difficulty = round(rng.uniform(*self.difficulty), 3)
        page = Page(kind, rng.getrandbits(48), difficulty, old=kind in OLD_KINDS)
        code = KINDS[kind](page)
        facts = {"window": self._sizes[window], "parts": page.notes, "dark": page.look.dark}
        facts["colors"] = asdict(page.look.palette)
        return Draft(f"html-{index:07d}", "html", kind, code, "html", difficulty, seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Render it and measure the picture."""
        width, height = draft.facts.get("window", (1280, 720))
        shown = machine.pages.render(draft.code, width=width, height=height, alone=False)
        numbers = {"window_width": float(width)}
        if shown.image is not None and shown.page is not None:
            numbers |= measure(shown, self.thresholds["min_contrast"])
        return Evidence((shown,), shown.images, numbers)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The page as code, then what else is asked of its picture."""
        shown = evidence.executions[0]
        assert shown.page is not None
        rng = Random(draft.seed ^ 0x7E11)
        told = Told(draft, shown.page, rng)
        fence = f"```html\n{draft.code.strip()}\n```"
        window = draft.facts.get("window", (1280, 720))
        samples = [page_sample(draft, shown, "code", (instruction(rng), fence), window)]
        for task, ask in INVERSE_TASKS.items():
            wanted = rng.random() < self.shares[task]
            pair = ask(told) if wanted else None
            if pair is not None:
                samples.append(page_sample(draft, shown, task, pair, window))
        return tuple(samples)


def page_sample(
    draft: Draft, shown: Execution, task: str, pair: tuple[str, str], window: Sequence[int]
) -> Sample:
    """One thing that is asked of a page, as a sample.

    Args:
        pair: question and answer.
        window: width and height at which it was shown, px.
    """
    code = task == "code"
    ask, answer = pair
    return Sample(
        id=draft.id if code else f"{draft.id}-{task}",
        category="html",
        messages=(Message("user", f"<image>\n{ask}"), Message("assistant", answer)),
        images=shown.images[:1],
        task=task,
        reference=draft.code if code else "",
        language="html",
        meta={
            "source": "procedural",
            "kind": draft.kind,
            "licence": LICENCE,
            "seed": draft.seed,
            "difficulty": draft.difficulty,
            "window": list(window),
            "stamp": shown.stamp,
        },
    )


def _known(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            raise BadRecipe(
                f"{where} of pages has an unknown name", f"{where}.{name}",
                f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}",
            )  # fmt: skip


def _weights(where: str, weights: Mapping[str, float]) -> None:
    if min(weights.values(), default=-1) < 0 or sum(weights.values()) <= 0:
        raise BadRecipe(
            f"{where} of pages are no weights", f"{where}: {dict(weights)}",
            "give numbers from 0, not all of them 0",
        )  # fmt: skip


def _window(name: str) -> list[int]:
    width, cross, height = name.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()) or not (
        200 <= int(width) <= 4096 and 200 <= int(height) <= 4096
    ):
        raise BadRecipe(
            "a window of pages has no size", f"windows.{name}", "write it as 1280x720, 200 to 4096"
        )
    return [int(width), int(height)]


def measure(shown: Execution, min_contrast: float) -> dict[str, float]:
    """What several filters want to know of the picture.

    Returns:
        one_color_share: share of the most frequent colour, on a grid of every 4th pixel;
        unreadable_share: share of letters whose text hardly differs from its ground.
    """
    assert shown.image is not None and shown.page is not None
    with Image.open(io.BytesIO(shown.image)) as picture:
        pixels = np.asarray(picture.convert("RGB"))  # (height, width, 3)
    grid = pixels[::4, ::4].astype(np.uint32)
    packed = (grid[..., 0] << 16 | grid[..., 1] << 8 | grid[..., 2]).ravel()
    share = float(np.unique(packed, return_counts=True)[1].max() / packed.size)
    letters = unreadable = 0
    for block in shown.page.blocks:
        letters += len(block.text)
        if contrast_of(block, pixels) < min_contrast:
            unreadable += len(block.text)
    return {"one_color_share": share, "unreadable_share": unreadable / max(letters, 1)}


def contrast_of(block: TextBlock, pixels: NDArray[np.uint8]) -> float:
    """WCAG contrast of a text with the median colour of its box: glyphs cover less than half."""
    ground = ground_of(block, pixels)
    return 21.0 if ground is None else _contrast(np.array([block.color, ground], dtype=np.float64))


def ground_of(block: TextBlock, pixels: NDArray[np.uint8]) -> tuple[int, int, int] | None:
    """The median colour of a text's box; None where the picture does not show it."""
    x, y = max(int(block.x), 0), max(int(block.y), 0)
    box = pixels[y : y + max(round(block.height), 1), x : x + max(round(block.width), 1)]
    step = max(1, int((box.shape[0] * box.shape[1] / 900) ** 0.5))
    box = box[::step, ::step].reshape(-1, 3)
    if not len(box):
        return None
    r, g, b = (int(v) for v in np.median(box, axis=0))
    return r, g, b


def _contrast(colors: NDArray[np.float64]) -> float:
    parts = colors / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    one, other = linear @ np.array((0.2126, 0.7152, 0.0722))
    return float((max(one, other) + 0.05) / (min(one, other) + 0.05))

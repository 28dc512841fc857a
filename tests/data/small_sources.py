"""Small sources for the tests of the engine: real charts, real pages, and drafts that cost little."""

from __future__ import annotations

import io
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from viscodex.data.draft import Draft, Evidence, Filter, Finding, Machine
from viscodex.types import Category, Execution, Message, Sample

VERBS = ["mix", "fold", "cut", "turn", "lift", "sort", "join", "bend", "pack", "roll"]
LICENCE = {"source": "tests", "licence": "cc0-1.0"}


def _removed(path: str) -> bool:
    if not path or not Path(path).exists():
        return False
    Path(path).unlink()
    return True


def _wait_for(path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def _tall(draft: Draft, evidence: Evidence) -> Finding | None:
    height = int.from_bytes(evidence.images[0][20:24], "big")
    if height > 900:
        return Finding(f"{height} px high", {"height": height, "max_height": 900})
    return None


def _samples(draft: Draft, evidence: Evidence, question: str) -> tuple[Sample, ...]:
    meta = {**LICENCE, "kind": draft.kind, "seed": draft.seed, "difficulty": draft.difficulty}
    code = Message("user", f"<image>\n{question}")
    answer = Message("assistant", f"```{draft.language}\n{draft.code}\n```")
    describe = Message("user", "<image>\nWhat does the picture show?")
    told = Message("assistant", str(draft.facts["shows"]))
    return (
        Sample(
            draft.id, draft.category, (code, answer), evidence.images,
            reference=draft.code, language=draft.language, meta=meta,
        ),
        Sample(
            f"{draft.id}-describe", draft.category, (describe, told), evidence.images,
            task="describe", meta=meta,
        ),
    )  # fmt: skip


class Charts:
    """Bars of random heights; every fifth script fails."""

    name = "chart"
    category: Category = "chart"
    filters = (Filter("tall", "pictures of more than 900 pixels", _tall),)

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.settings: Mapping[str, Any] = {}

    def draft(self, index: int) -> Draft:
        rng = random.Random(f"{self.seed}/{index}")
        values = [rng.randint(1, 99) for _ in range(rng.randint(3, 9))]
        broken = "raise SystemExit(3)\n" if index % 5 == 4 else ""
        code = (
            f"import matplotlib.pyplot as plt\n{broken}values = {values}\n"
            f"plt.figure(figsize=(4, {rng.choice([3, 4, 10])}))\n"
            f"plt.bar(range(len(values)), values, color='C{rng.randint(0, 9)}')\n"
            f"plt.title('Series {index} of {rng.randint(1, 999)}')\n"
        )
        facts = {"shows": f"A bar chart of {values}."}
        return Draft(f"chart-{index:07d}", "chart", "bar", code, "python", 0.1, self.seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        execution = machine.charts.run(draft.code)
        return Evidence((execution,), execution.images)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        return _samples(draft, evidence, "Write the code of this chart.")


class Pages:
    """A heading and boxes of random colours; some pages are too tall."""

    name = "html"
    category: Category = "html"
    filters = (Filter("tall", "pictures of more than 900 pixels", _tall),)

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.settings: Mapping[str, Any] = {}

    def draft(self, index: int) -> Draft:
        rng = random.Random(f"{self.seed}/{index}")
        boxes = "".join(
            f"<div style='width:{rng.randint(50, 600)}px;height:{rng.randint(40, 300)}px;"
            f"background:#{rng.randrange(1 << 24):06x}'>{rng.randint(1, 9999)}</div>"
            for _ in range(rng.randint(2, 5))
        )
        code = f"<!DOCTYPE html><html><body><h1>Page {index}</h1>{boxes}</body></html>"
        facts = {"shows": f"Page {index}."}
        return Draft(f"html-{index:07d}", "html", "boxes", code, "html", 0.2, self.seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        execution = machine.pages.render(draft.code, width=640, height=480)
        return Evidence((execution,), execution.images)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        return _samples(draft, evidence, "Write the page.")


class Watched(Pages):
    """The same pages; a file takes down which process drove which browser.

    Args:
        file: a line for each page: our process, the outermost one of the browser.
    """

    def __init__(self, seed: int = 0, *, file: str) -> None:
        super().__init__(seed)
        self.file = Path(file)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        evidence = super().execute(draft, machine)
        browser = machine.pages._browser
        assert browser is not None
        with self.file.open("a") as file:
            file.write(f"{os.getpid()} {browser.job.pid}\n")
        return evidence


class Cards:
    """Drawn here, in a millisecond: for what is about the engine and not about execution.

    Args:
        shape: (width, height) of the pictures, px.
        repeat: every so many drafts the first one comes again; 0: never.
        refuse: share of drafts that the filter refuses.
        fail: the step that raises: draft, execute or tell; empty: none.
        kill: a file: the worker that comes to the fourth draft while it is there removes it and
            kills itself; or "always".
        nap: seconds that a draft takes.
        hold: a file that the sixth draft waits for, a minute at most: the second of the last of three parts.
    """

    category: Category = "qa"

    def __init__(
        self,
        seed: int = 0,
        name: str = "card",
        shape: tuple[int, int] = (64, 48),
        repeat: int = 0,
        refuse: float = 0.0,
        words: int = 5,
        fail: str = "",
        kill: str = "",
        nap: float = 0.0,
        hold: str = "",
    ) -> None:
        if not 0 <= refuse <= 1:
            raise ValueError(f"refuse = {refuse} is outside 0 to 1")
        self.seed, self.name, self.shape, self.repeat = seed, name, tuple(shape), repeat
        self.words, self.fail, self.kill, self.nap = words, fail, kill, nap
        self.hold = hold
        self.settings: Mapping[str, Any] = {"refuse": refuse, "repeat": repeat, "words": words}
        self.filters = (Filter("unlucky", "drafts that are drawn to be refused", self._unlucky),)
        self.refuse = refuse

    def _unlucky(self, draft: Draft, evidence: Evidence) -> Finding | None:
        luck = random.Random(f"luck {draft.id}").random()
        return Finding("bad luck", {"luck": luck}) if luck < self.refuse else None

    def draft(self, index: int) -> Draft:
        if self.fail == "draft" and index % 3:
            raise KeyError(f"no draft {index}")
        shown = 0 if self.repeat and index % self.repeat == 0 else index
        rng = random.Random(f"{self.name}/{self.seed}/{shown}")
        words = [rng.choice(VERBS) + str(
            rng.randint(0, 9999)) for _ in range(12 * self.words)]  # fmt: skip
        code = "\n".join(f"{word} = '{word}'" for word in words)
        facts = {"shows": " ".join(words[: self.words])}
        name = f"{self.name}-{index:07d}"
        return Draft(name, "qa", "card", code, "python", 0.0, self.seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        if self.fail == "execute":
            raise ZeroDivisionError("no evidence")
        if draft.id.endswith("-0000003") and (self.kill == "always" or _removed(self.kill)):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.nap:
            time.sleep(self.nap)
        if self.hold and draft.id.endswith("-0000005"):
            _wait_for(Path(self.hold), 60)
        rng = random.Random(draft.code)
        picture = Image.new("RGB", self.shape, tuple(rng.randrange(256) for _ in range(3)))
        pen = ImageDraw.Draw(picture)
        for _ in range(12):
            x, y = rng.randrange(self.shape[0]), rng.randrange(self.shape[1])
            box = (x, y, x + rng.randint(4, 30), y + rng.randint(4, 30))
            pen.rectangle(box, fill=tuple(rng.randrange(256) for _ in range(3)))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        png = stream.getvalue()
        return Evidence((Execution("ok", images=(png,)),), (png,))

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        if self.fail == "tell":
            raise IndexError("no words")
        return _samples(draft, evidence, f"Which code draws {draft.facts['shows']}?")

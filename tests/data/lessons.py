"""A teacher made of our own sources: real scripts and pages, some of them spoiled in every way."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from PIL import Image

from tests.tasks.chat_server import Answer, says
from viscodex.data.agreement import JUDGED, LOCAL
from viscodex.data.charts import ChartSource
from viscodex.data.draft import Draft, Evidence, Machine
from viscodex.data.pages import PageSource
from viscodex.data.taught.quality import PictureJudge, quality_filters, quality_meta
from viscodex.data.teacher import Request, Teacher, code_of
from viscodex.data.teacher.reading import reply_filters
from viscodex.types import Category, Execution, Message, Sample

CHARTS = ChartSource(11, difficulty=(0.0, 0.5))
PAGES = PageSource(12, difficulty=(0.0, 0.4))

FAULTS: tuple[Callable[[str, str], Answer], ...] = (
    lambda code, fence: says("I'm sorry, but I can't help with that request."),
    lambda code, fence: says(f"```{fence}\n{code[: len(code) // 2]}", finish="length"),
    lambda code, fence: says(f"Here it is:\n```{fence}\n{code[: len(code) // 3]}"),
    lambda code, fence: says("```javascript\nconst chart = new Chart(canvas, {type: 'bar'});\n```"),
    lambda code, fence: says(f"````markdown\n```{fence}\n{code}\n```\n````\nIt shows it."),
    lambda code, fence: says("plt.plot " * 400),
    lambda code, fence: says(""),
    lambda code, fence: says(None),
    lambda code, fence: says(f"```{fence}\n{code}\n```", finish="content_filter"),
    lambda code, fence: says(f"Sure.\n```{fence}\nraise SystemExit(3)\n```"),
)  # fmt: skip
"""What teachers do to code; the fifth is a fence in a fence, and sound."""


@lru_cache(maxsize=512)
def chart(number: int) -> str:
    """A script of the grammar."""
    return CHARTS.draft(number).code


@lru_cache(maxsize=512)
def page(number: int) -> str:
    """A page of the grammar."""
    return PAGES.draft(number).code


def number_of(text: str, most: int = 100_000) -> int:
    """A number that a text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) % most


def teach(body: dict[str, Any], spoiled: int = 5) -> Answer:
    """The answer to a request, whatever it asks; a function of the body alone.

    Args:
        spoiled: one reply in so many is a fault; 0: none.
    """
    system = body["messages"][0]["content"]
    parts = body["messages"][1]["content"]
    text = "".join(part.get("text", "") for part in parts)
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    n = number_of(text + "".join(pictures))
    if "You rate" in system:
        return says(judged(pictures[0], n)) if not spoiled or n % 29 else says("A fine picture!")
    if "You cut plotting code" in system:
        return cut(text)
    chart_like = "Python scripts" in system
    code, fence = (chart(n), "python") if chart_like else (page(n), "html")
    if spoiled and n % spoiled == 0:
        return FAULTS[n // spoiled % len(FAULTS)](code, fence)
    return says(f"Here is what you asked for.\n\n```{fence}\n{code}\n```\nIt runs as it is.")


def cut(text: str) -> Answer:
    """The figures that a file of `published` has."""
    numbers = [int(found) for found in re.findall(r"^# figure (\d+)$", text, re.MULTILINE)]
    if not numbers:
        return says("NONE")
    blocks = [f"```python\n{chart(number)}\n```" for number in numbers]
    return says("\n\n".join(blocks))


def published(numbers: list[int]) -> str:
    """A file as people publish it: several figures, data from elsewhere."""
    pieces = ["import sys\nimport pandas as pd\nframe = pd.read_csv(sys.argv[1])\n"]
    pieces += [f"# figure {number}\n{chart(number)}" for number in numbers]
    return "\n".join(pieces)


def judged(url: str, n: int) -> str:
    """Points that grow with what a picture holds, and a little chance."""
    size = len(base64.b64decode(url.partition(",")[2]))
    level = min(9, 4 + size // 12_000 + n % 2)
    points = dict.fromkeys(("readable", "composed", "styled", "meaningful"), level)
    return "```json\n" + json.dumps({**points, "why": "because"}) + "\n```"


# --- a source that costs nothing but questions ----------------------------------------------------


class AskedCards:
    """Asks the teacher for a script and the judge for points; draws a card instead of running it."""

    name = "card"
    category: Category = "chart"

    def __init__(
        self, seed: int = 0, *, teacher: Teacher, judge: Teacher, nap: float = 0.0
    ) -> None:
        self.seed, self.teacher, self.nap = seed, teacher, nap
        self.judge = PictureJudge(judge, "chart_judge-1")
        self.ahead = teacher.ahead
        least = {LOCAL: 0.0, JUDGED: 50.0}
        self.filters = (*reply_filters(), *quality_filters(least, self.judge))
        self.prompts = (teacher.prompt("chart_write-1"), judge.prompt("chart_judge-1"))
        self.judging = self.prompts[1:]
        self.settings: Mapping[str, Any] = {}

    def request(self, index: int) -> Request:
        """What is asked for a draft."""
        slots = {"kind": "bar", "topic": f"card {index}", "style": "plain", "difficulty": "simple"}
        return Request("chart_write-1", slots)

    def draft(self, index: int) -> Draft:
        """The script of a reply."""
        asked = self.request(index)
        reply = self.teacher.ask(asked.prompt, asked.slots)
        facts = {"teacher": reply.meta()}
        code = code_of(reply, "python")
        return Draft(f"card-{index:07d}", "chart", "card", code, "python", 0.0, self.seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """A picture that the code decides."""
        time.sleep(self.nap)
        rng = random.Random(draft.code)
        picture = Image.new("RGB", (96, 64))
        picture.putdata([tuple(rng.randrange(256) for _ in range(3)) for _ in range(96 * 64)])
        file = io.BytesIO()
        picture.save(file, "PNG")
        png = file.getvalue()
        return Evidence((Execution("ok", images=(png,)),), (png,), {LOCAL: rng.uniform(40, 90)})

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """One sample, with both scores."""
        messages = (
            Message("user", "<image>\nWrite it."),
            Message("assistant", f"```python\n{draft.code}\n```"),
        )
        meta = {"source": "tests", "kind": "card", "licence": "cc0-1.0"}
        meta |= {"teacher": draft.facts["teacher"], **quality_meta(self.judge, evidence)}
        sample = Sample(
            draft.id, "chart", messages, evidence.images, reference=draft.code, language="python", meta=meta
        )  # fmt: skip
        return (sample,)

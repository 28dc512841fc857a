"""What the base reads, and what the code branch answers: text of the data sources, without pictures.

in:  a seed and an index; for the code branch a folder of built charts, pages and problems
out: documents for the base; spelling exercises for the eyes; Samples "in words -> code" for the code branch
not covered: running any of it: the base learns a language, the code branch from what has already run
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from viscodex.data.charts.describe import describe
from viscodex.data.charts.source import ChartSource
from viscodex.data.charts.tell import markdown
from viscodex.data.dataset import Dataset
from viscodex.data.draft import Draft
from viscodex.data.problems.source import ProblemSource
from viscodex.files import write_atomically
from viscodex.nano.letters import draw_line
from viscodex.nano.small_pages import SmallPages
from viscodex.types import Message, Sample

CHARTS = {
    "difficulty": (0.0, 0.5),
    "inches": (4.0, 5.0),
    "kinds": {"multi": 0, "candlestick": 0, "ridgeline": 0, "timeline": 0, "treemap": 0},
}
"""The settings of recipes/data/nano_charts.yaml that decide the texts."""

SHARES = {"chart": 0.55, "page": 0.25, "problem": 0.2}
MAX_PROBLEM = 700  # characters of a solution that a small model is to learn


class Corpus:
    """Documents for the base: descriptions, tables, markup and code; a function of seed and index."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @cached_property
    def _charts(self) -> ChartSource:
        return ChartSource(self.seed, **CHARTS)  # type: ignore[arg-type]

    @cached_property
    def _pages(self) -> SmallPages:
        return SmallPages(self.seed)

    @cached_property
    def _problems(self) -> ProblemSource:
        return ProblemSource(self.seed, pictures=0.0)

    def document(self, index: int) -> str:
        """The document of this index."""
        rng = Random(f"corpus {self.seed} {index}")
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
        if kind == "chart":
            return _chart_text(self._charts.draft(index), rng)
        if kind == "page":
            return f"```html\n{self._pages.draft(index).code.strip()}\n```"
        draft = self._problems.draft(index)
        return f"{draft.facts['ask']}\n\n```python\n{draft.code.strip()}\n```"


def _chart_text(draft: Draft, rng: Random) -> str:
    panels = draft.facts["panels"]
    parts = [f"```python\n{draft.code.strip()}\n```"]
    if rng.random() < 0.5:
        parts.insert(0, describe(panels, draft.facts["title"], rng))
    if rng.random() < 0.3 and len(panels) == 1 and 0 < len(panels[0]["rows"]) <= 30:
        parts.insert(0, markdown(panels[0]))
    return "\n\n".join(parts)


def write_corpus(path: Path, n: int, seed: int) -> None:
    """n documents as lines of {"id", "text"}; what is there already is left."""
    if path.exists():
        return
    corpus = Corpus(seed)
    rows = (json.dumps({"id": f"text-{i:07d}", "text": corpus.document(i)}) for i in range(n))
    write_atomically(path, "\n".join(rows) + "\n")


def read_texts(path: Path, n: int | None = None) -> Iterator[str]:
    """The texts of a corpus, the first n of them."""
    with path.open(encoding="utf-8") as lines:
        for line in islice(lines, n):
            yield json.loads(line)["text"]


def words_of(texts: Iterable[str], characters: str) -> list[str]:
    """The words that texts show in charts and pages: what stands in quotes or between tags."""
    allowed = set(characters)
    found: set[str] = set()
    for text in texts:
        for shown in re.findall(r'"([^"\n]+)"|>([^<>\n]+)<', text):
            found |= {w for w in "".join(shown).replace("\\n", " ").split() if len(w) <= 18}
    return sorted(word for word in found if set(word) <= allowed)


class InWords(Sequence[Sample]):
    """Built samples of code, asked for in words: a description, a table, a problem; no picture.

    Args:
        dataset: with the inverse tasks of its pictures, whose answers become the question.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._pairs = _pairs(dataset)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: Any) -> Any:
        code, told = self._pairs[index]
        sample = self.dataset[code]
        answers = [self.dataset[place].answer for place in told]
        ask = sample.messages[0].content.replace("<image>\n", "")
        if answers:
            ask = "\n\n".join([*answers, WRITE[sample.category]])
        messages = (Message("user", ask), sample.messages[-1])
        return dataclasses.replace(sample, messages=messages, images=())


WRITE = {
    "chart": "Write Python code that draws this chart.",
    "html": "Write the HTML and CSS of this page.",
}
"""What is asked for after a description."""


def _pairs(dataset: Dataset) -> list[tuple[int, tuple[int, ...]]]:
    """Each sample of code that can be asked for in words, with the places of what tells it."""
    places = {row.id: place for place, row in enumerate(dataset.rows())}
    found = []
    for place, row in enumerate(dataset.rows()):
        if row.task != "code":
            continue
        told = [places[k] for task in ("describe", "table") if (k := f"{row.id}-{task}") in places]
        if told or row.category not in WRITE:
            found.append((place, tuple(told)))
    return found


class Spelling(Sequence[Sample]):
    """Small pictures of words and numbers, and the question what they say; harder towards the end.

    A language model that is shown whole charts at once goes on guessing from what it has read; one that
    must spell a word has nothing but the picture to go by.
    """

    def __init__(self, words: Sequence[str], n: int, seed: int) -> None:
        self.words, self.n, self.seed = list(words), n, seed

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        place = range(self.n)[index]
        picture, text = draw_line(self.words, self.seed, place, place / self.n)
        messages = (Message("user", "<image>\nRead the text."), Message("assistant", text))
        return Sample(f"spelling-{place:07d}", "qa", messages, (picture,), task="ocr")

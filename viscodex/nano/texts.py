"""What the base reads, and what the code branch answers: text of the data sources, without pictures.

in:  a seed and an index; for the code branch a folder of built charts, pages and problems
out: documents for the base; all that is asked of a picture as one talk, for the eyes; Samples
     "in words -> code" for the code branch
not covered: running any of it: the base learns a language, the code branch from what has already run
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from viscodex.nano import small_charts, small_pages
from viscodex.nano.letters import CHARACTERS
from viscodex.nano.small_charts import Plot, SmallCharts
from viscodex.nano.small_pages import SmallPages, told
from viscodex.types import Message, Sample

CHARTS = {
    "difficulty": (0.0, 0.5),
    "inches": (4.0, 5.0),
    "kinds": {"multi": 0, "candlestick": 0, "ridgeline": 0, "timeline": 0, "treemap": 0},
}
"""The settings of the larger charts of recipes/data/nano_large_charts_gpu.yaml that decide the texts."""

SHARES = {"chart": 0.5, "page": 0.3, "problem": 0.2, "large_chart": 0.0, "echo": 0.0}
"""Of the documents: small charts and pages, problems, charts of every kind, lines told twice."""

DRILL = {"chart": 0.25, "page": 0.15, "problem": 0.1, "echo": 0.5}
"""Of the documents that teach copying."""


WORDS_OF = 1500  # documents whose words are told twice


class Corpus:
    """Documents for the base: descriptions, tables, markup and code; a function of seed and index.

    What is said of a chart or a page stands before its code, so the base learns to take titles, names
    and values from what it was given: what the other branches do with pictures.
    """

    def __init__(self, seed: int, shares: Mapping[str, float] = SHARES) -> None:
        self.seed, self.shares = seed, {**dict.fromkeys(SHARES, 0.0), **shares}

    @cached_property
    def _small(self) -> SmallCharts:
        return SmallCharts(self.seed)

    @cached_property
    def _words(self) -> list[str]:
        plain = Corpus(self.seed, {"chart": 0.6, "page": 0.4})
        return words_of((plain.document(k) for k in range(WORDS_OF)), CHARACTERS)

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
        kind = rng.choices(list(self.shares), list(self.shares.values()))[0]
        if kind == "chart":
            return _small_text(self._small.draft(index), rng)
        if kind == "echo":
            return _echo(self._words, rng)
        if kind == "large_chart":
            return _chart_text(self._charts.draft(index), rng)
        if kind == "page":
            return _page_text(self._pages.draft(index), rng)
        draft = self._problems.draft(index)
        return f"{draft.facts['ask']}\n\n```python\n{draft.code.strip()}\n```"


def _echo(words: Sequence[str], rng: Random) -> str:
    """A few lines, and the same again: nothing but copying tells the second half."""
    lines = [
        " ".join(rng.choices(words, k=rng.choice((1, 1, 2, 3)))) for _ in range(rng.randint(3, 9))
    ]
    for k in range(len(lines)):
        if rng.random() < 0.25:
            lines[k] = f"{rng.uniform(0, 10 ** rng.randint(1, 4)):.{rng.choice((0, 0, 1, 2))}f}"
    between = rng.choice(("", "Texts:", "The same again:"))
    return "\n".join([*lines, "", *([between] if between else []), *lines])


def _small_text(draft: Draft, rng: Random) -> str:
    plot = Plot(**draft.facts)
    ways = [small_charts.texts, small_charts.describe, small_charts.table]
    parts = [way(plot) for way in rng.sample(ways, rng.choice((1, 2, 2, 3)))]
    return "\n\n".join([*parts, f"```python\n{draft.code.strip()}\n```"])


def _page_text(draft: Draft, rng: Random) -> str:
    lines = told(draft.code)
    parts = rng.sample(
        ["\n".join(lines), small_pages.describe(draft, lines)], rng.choice((1, 1, 2))
    )
    return "\n\n".join([*parts, f"```html\n{draft.code.strip()}\n```"])


def _chart_text(draft: Draft, rng: Random) -> str:
    panels = draft.facts["panels"]
    parts = [f"```python\n{draft.code.strip()}\n```"]
    if rng.random() < 0.5:
        parts.insert(0, describe(panels, draft.facts["title"], rng))
    if rng.random() < 0.3 and len(panels) == 1 and 0 < len(panels[0]["rows"]) <= 30:
        parts.insert(0, markdown(panels[0]))
    return "\n\n".join(parts)


def write_corpus(path: Path, n: int, seed: int, shares: Mapping[str, float] = SHARES) -> None:
    """n documents as lines of {"id", "text"}; what is there already is left."""
    if path.exists():
        return
    corpus = Corpus(seed, shares)
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
        return replace(sample, messages=messages, images=())


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


class Talk(Sequence[Sample]):
    """All that is asked of a picture but its code, in one talk, in an order of its own.

    One look at the picture then teaches several answers, and no answer is always told by another.

    Args:
        dataset: with the inverse tasks of its pictures.
        tasks: those that are talked of.
    """

    def __init__(self, dataset: Dataset, tasks: Sequence[str]) -> None:
        self.dataset = dataset
        pictures: dict[str, list[int]] = {}
        for place, row in enumerate(dataset.rows()):
            if row.task in tasks:
                pictures.setdefault(row.id.removesuffix(f"-{row.task}"), []).append(place)
        self._pictures = list(pictures.items())

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: Any) -> Any:
        name, places = self._pictures[index]
        samples = [self.dataset[place] for place in places]
        Random(f"talk {name}").shuffle(samples)
        messages = [message for sample in samples for message in sample.messages]
        bare = [replace(m, content=m.content.replace("<image>\n", "")) for m in messages]
        bare[0] = replace(bare[0], content=f"<image>\n{bare[0].content}")
        return replace(samples[0], id=f"{name}-talk", messages=tuple(bare), task="talk")

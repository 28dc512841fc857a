"""From parts to a data set: the samples that stay, mixed, in shards; the rejects; the card.

in:  finished parts, and the choice among their samples
out: the folder as store.py describes it, whole or not there
not covered: what the files look like (shards.py), card and galleries (card.py)

The sources are merged by how far each is, so that every stretch of the data set has all of them
in their shares; a few row groups of each are in memory, however many samples there are.
"""

from __future__ import annotations

import heapq
import itertools
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viscodex.data.agreement import Pair, agreement, pair_of
from viscodex.data.card import finish_dataset
from viscodex.data.choose import Choice
from viscodex.data.columns import REJECT_SCHEMA, reject_from_row, sample_from_row
from viscodex.data.dataset import Shard
from viscodex.data.decontaminate import OVERLAP
from viscodex.data.draft import Reject, Source
from viscodex.data.duplicates import IMAGE_DISTANCE, IMAGE_SIMILARITY, Duplicate
from viscodex.data.filters import common_filters
from viscodex.data.manifest import FilterNote, Manifest
from viscodex.data.parts import Part, Workplace, in_order
from viscodex.data.recipe import DataRecipe
from viscodex.data.shards import rejects_path, shard_path, write_rejects, write_shard
from viscodex.data.teacher.prompts import Prompt
from viscodex.types import Sample

PUBLISHED = (
    "data", "rejects", "prompts", "contamination.json", "contamination.md", "gallery.html",
    "rejects.html", "README.md",
)  # fmt: skip
"""What a data set consists of; manifest.json follows last."""

ENGINE_FILTERS = {
    "execute": "code that does not run to its end, or a page that cannot be rendered",
    "source_error": "a mistake of the source itself: see the reason",
    "too_long": "more tokens, of text and vision, than max_tokens",
    "bad_picture": "a picture that cannot be read again",
    "contaminated": "code, question or picture of a benchmark in `decontaminate`",
    "duplicate": "code, question or picture of another draft, or nearly so",
}
"""Reasons of the engine's own, for the card."""

_NO_RANK = "no rank correlation (fewer than three, or one score never differs)"

Progress = Callable[[str, int, int], None]


def engine_thresholds(recipe: DataRecipe, name: str) -> dict[str, Any]:
    """The keys of the recipe that decide about a reason of the engine's own."""
    if name == "too_long":
        return {"max_tokens": recipe.max_tokens}
    if name == "duplicate" and recipe.duplicates is not None:
        return recipe.duplicates.model_dump()
    if name == "contaminated" and recipe.decontaminate:
        return {
            "overlap": OVERLAP, "image_distance": IMAGE_DISTANCE, "image_similarity": IMAGE_SIMILARITY
        }  # fmt: skip
    return {}


@dataclass(slots=True)
class Tokens:
    """Tokens of the samples that were written, by source."""

    text: Counter[str] = field(default_factory=Counter)
    vision: Counter[str] = field(default_factory=Counter)


class Assembly:
    """One build's last step.

    Args:
        parts: all of them, finished.
        counts: (source, filter) -> rejects.
    """

    def __init__(
        self,
        recipe: DataRecipe,
        place: Workplace,
        parts: Sequence[Part],
        choice: Choice,
        counts: Mapping[tuple[str, str], int],
    ) -> None:
        self.recipe, self.place, self.parts, self.choice = recipe, place, parts, choice
        self.counts = counts
        self.kept = choice.kept(recipe)
        self.tokens = Tokens()
        self.scores: dict[str, list[Pair]] = {label: [] for label in self.kept}
        self.prompts: Counter[str] = Counter()  # hash -> samples that a prompt had a part in

    def write(
        self,
        sources: Mapping[str, Source],
        versions: Mapping[str, str],
        recipe: Mapping[str, object],
        progress: Progress,
        said: str = "",
    ) -> Manifest:
        """Write everything into the workplace.

        Args:
            said: a sentence for the card before all others.

        Raises:
            NotEnoughSpace: as disk_checked does, around it.
        """
        final, size = self.place.final, self.recipe.samples_per_shard
        shutil.rmtree(final, ignore_errors=True)
        total, stream, shards = sum(self.kept.values()), self.samples(), []
        n_shards = -(-total // size)
        for i in range(n_shards):
            progress("writing shards", i, n_shards)
            shards.append(
                write_shard(shard_path(final, i, n_shards), itertools.islice(stream, size))
            )
        n_rejects = sum(self.counts.values())
        rejects = self.rejects()
        for i in range(n := -(-n_rejects // size)):
            progress("writing rejects", i, n)
            write_rejects(rejects_path(final, i, n), itertools.islice(rejects, size))
        progress("writing the card", 0, 1)
        self.write_prompts(sources)
        return finish_dataset(
            final,
            shards=shards,
            recipe=recipe,
            filters=self.filter_notes(sources),
            versions=versions,
            notes=[
                *([said] if said else []),
                *self.notes(),
                *self.prompt_notes(sources),
                *self.score_notes(),
            ],
            name=self.place.out.absolute().name,
        )

    def publish(self) -> None:
        """Move what was written to its place; the manifest last."""
        for name in (*PUBLISHED, "manifest.json"):
            fresh, place = self.place.final / name, self.place.out / name
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
            if fresh.exists():
                fresh.rename(place)

    # .. streams

    def samples(self) -> Iterator[Sample]:
        """The samples that stay, of all sources, each spread evenly over the whole."""
        streams = [
            _at_places(self.samples_of(label), n, rank)
            for rank, (label, n) in enumerate(self.kept.items())
        ]
        return (sample for _, sample in heapq.merge(*streams, key=lambda item: item[0]))

    def samples_of(self, label: str) -> Iterator[Sample]:
        """The samples of one source that stay, in the order of its candidates' parts."""
        stay = (
            sample
            for part in in_order(self.parts, label)
            for sample in read_samples(self.place, part)
            if sample.meta["draft"] not in self.choice.dropped
        )
        for sample in itertools.islice(stay, self.kept[label]):
            self.tokens.text[label] += sample.meta["n_text_tokens"]
            self.tokens.vision[label] += sample.meta["n_vision_tokens"]
            self.note(label, sample)
            yield sample

    def rejects(self) -> Iterator[Reject]:
        """Everything that was not kept: first what a part rejected, then its near-duplicates."""
        for label in self.kept:
            for part in in_order(self.parts, label):
                for reject in read_rejects_of(self.place, part):
                    pair = pair_of(reject.numbers)
                    self.scores[label] += [] if pair is None else [pair]
                    yield reject
                if self.choice.duplicates[label]:
                    yield from self.duplicates_of(part)

    def duplicates_of(self, part: Part) -> Iterator[Reject]:
        """The near-duplicates of a part, one reject for each draft."""
        seen: set[str] = set()
        for sample in read_samples(self.place, part):
            draft = sample.meta["draft"]
            if draft in self.choice.dropped and draft not in seen:
                seen.add(draft)
                yield _duplicate(sample, self.choice.dropped[draft])

    # .. words

    def filter_notes(self, sources: Mapping[str, Source]) -> list[FilterNote]:
        """Every filter that was asked, with what it rejected."""
        notes = []
        for label, source in sources.items():
            for rule in source.filters:
                n = self.counts.get((label, rule.name), 0)
                limits = dict(rule.thresholds)
                notes.append(FilterNote(rule.name, rule.explain, source.category, limits, n, label))
        rules = common_filters(**self.recipe.filters.model_dump())
        common = [(rule.name, rule.explain, dict(rule.thresholds)) for rule in rules]
        for name, explain in ENGINE_FILTERS.items():
            common.append((name, explain, engine_thresholds(self.recipe, name)))
        for name, explain, limits in common:
            n = sum(n for (_, found), n in self.counts.items() if found == name)
            notes.append(FilterNote(name, explain, "", limits, n))
        return notes

    def note(self, label: str, sample: Sample) -> None:
        """Take down what the card says of teachers and judges."""
        meta = sample.meta
        pair = pair_of(meta.get("quality", {}))
        self.scores[label] += [] if pair is None else [pair]
        asked = {meta.get(who, {}).get("prompt_sha256") for who in ("teacher", "judge")}
        self.prompts.update(name for name in asked if name)

    def write_prompts(self, sources: Mapping[str, Source]) -> None:
        """Every prompt that was used, as it was sent."""
        for prompt in _prompts(sources):
            folder = self.place.final / "prompts"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{prompt.name}.txt").write_text(prompt.text, "utf-8")

    def prompt_notes(self, sources: Mapping[str, Source]) -> list[str]:
        """Which prompts were asked, and for how many of the samples."""
        return [
            f"Prompt {prompt.name} (prompts/{prompt.name}.txt, SHA-256 {prompt.sha256}): "
            f"{self.prompts[prompt.sha256]:,} samples."
            for prompt in _prompts(sources)
        ]

    def score_notes(self) -> list[str]:
        """By how much the judge and the local score agree."""
        notes = []
        for label, pairs in self.scores.items():
            if pairs:
                found = agreement(pairs)
                known = not math.isnan(found.spearman)
                share = (
                    f"the rank correlation {found.spearman:.2f} (Spearman)" if known else _NO_RANK
                )
                notes.append(
                    f"{label}: the judge's and the local score of quality have {share} over "
                    f"{found.n:,} pictures, kept and rejected."
                )
        return notes

    def notes(self) -> list[str]:
        """What a reader of the card must know."""
        return [
            f"{label}: {self.kept[label]:,} samples of {entry.n:,} that were wanted."
            for label, entry in self.recipe.wanted.items()
            if self.kept[label] < entry.n
        ]


def _prompts(sources: Mapping[str, Source]) -> list[Prompt]:
    """The prompts of all sources, each once."""
    found = (prompt for source in sources.values() for prompt in getattr(source, "prompts", ()))
    return sorted({prompt.sha256: prompt for prompt in found}.values(), key=lambda p: p.name)


def read_samples(place: Workplace, part: Part) -> Iterator[Sample]:
    """The samples of a part, a row group in memory at a time."""
    shard = Shard(place.samples(part))
    for group in range(len(shard.groups)):
        for row in shard.read(group).to_pylist():
            yield sample_from_row(row)


def read_rejects_of(place: Workplace, part: Part) -> Iterator[Reject]:
    """The rejects of a part."""
    shard = Shard(place.rejects(part), REJECT_SCHEMA)
    for group in range(len(shard.groups)):
        for row in shard.read(group).to_pylist():
            yield reject_from_row(row)


def _at_places(
    samples: Iterable[Sample], n: int, rank: int
) -> Iterator[tuple[tuple[float, int], Sample]]:
    """Each sample with its place between 0 and 1; `rank` settles which source comes first."""
    for i, sample in enumerate(samples):
        yield ((i + 0.5) / n, rank), sample


def _duplicate(sample: Sample, because: Duplicate) -> Reject:
    return Reject(
        id=sample.meta["draft"],
        category=sample.category,
        filter="duplicate",
        reason=f"{because.kind} like {because.kept}",
        numbers={"similarity": because.similarity},
        kind=str(sample.meta.get("kind", "")),
        code=sample.reference,
        image=sample.images[0] if sample.images else None,
    )

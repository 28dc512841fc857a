"""The blocks of a part, each a small datatrove step: propose, run, judge, tell, measure, write.

in:  a plan of parts; a task's rank says which one is to be made
out: its samples, rejects, signatures and report
not covered: what needs all parts (choose.py), who runs the tasks (executors.py)

A candidate goes through all blocks before the next one is drawn, so that drawing stops when the
part has its quota. Where a source waits for a teacher (`source.ahead`), some candidates are drawn and
judged at once, in threads; they are taken in order, and what was drawn beyond the quota counts for
nothing. A block that rejects says so on the candidate and passes it on; the last block writes both,
what is kept and what is not.
"""

from __future__ import annotations

import contextlib
import json
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from datatrove.pipeline.base import PipelineStep

from viscodex.data.ahead import in_order
from viscodex.data.decontaminate import BenchmarkIndex, Contamination
from viscodex.data.draft import (
    Draft,
    Evidence,
    Exhausted,
    Finding,
    Reject,
    Source,
    Unfit,
)
from viscodex.data.duplicates import Signature, signature
from viscodex.data.filters import common_filters, judge_sample
from viscodex.data.parts import Part, PartReport, Workplace, disk_checked, locked
from viscodex.data.progress import Pulse
from viscodex.data.recipe import DataRecipe
from viscodex.data.shards import write_rejects, write_shard
from viscodex.data.signatures import write_signatures
from viscodex.data.sources import BUGS, make_source
from viscodex.data.tokens import TokenCount, TokenCounter
from viscodex.data.workers import machine_for
from viscodex.errors import BadInput, ViscodexError
from viscodex.files import write_atomically
from viscodex.types import Sample, to_json

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(slots=True)
class Candidate:
    """A draft on its way through the blocks of a part."""

    draft: Draft
    evidence: Evidence | None = None
    samples: list[Sample] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    signature: Signature | None = None

    @property
    def lost(self) -> bool:
        """Nothing of it is kept: no further block looks at it."""
        return bool(self.rejects) and not self.samples

    def reject(self, name: str, finding: Finding) -> None:
        """Give the whole draft up."""
        image = self.evidence.images[0] if self.evidence and self.evidence.images else None
        self.samples.clear()
        self.rejects.append(
            Reject(
                id=self.draft.id,
                category=self.draft.category,
                filter=name,
                reason=finding.reason,
                numbers=finding.numbers,
                kind=self.draft.kind,
                code=self.draft.code,
                image=image,
            )
        )


class Bench:
    """What the blocks of one part share: its source, what runs code, and the counts so far.

    It travels to the worker as a recipe and a plan; all that is alive begins with `open`.
    """

    def __init__(self, recipe: DataRecipe, parts: tuple[Part, ...], place: Workplace) -> None:
        self.recipe, self.parts, self.place = recipe, parts, place

    @contextlib.contextmanager
    def open(self, rank: int) -> Iterator[Part]:
        """Get ready for one part.

        Raises:
            BadRecipe: as make_source does.
        """
        self.part = self.parts[rank]
        self.source: Source = make_source(self.recipe, self.part.source, self.place.folder)
        self.ahead = int(getattr(self.source, "ahead", 1))
        self.start = time.monotonic()
        self.n_kept = self.n_candidates = 0
        self.n_text_tokens = self.n_vision_tokens = 0
        self.rejects: list[Reject] = []
        self.signatures: list[Signature] = []
        self.told: list[int] = []
        self.contaminations: list[Contamination] = []
        pulse = Pulse(self.place.progress / f"{self.part.name}.json")
        with machine_for(self.recipe.runtime) as self.machine, pulse as self.pulse:
            self.pulse.beat(self.report())
            yield self.part

    def ahead_of(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in order; where the source waits for a teacher, several are in work at once."""
        if self.ahead == 1:
            yield from map(work, items)
        else:
            for _, result in in_order(work, items, self.ahead, each=1):
                yield result

    def report(self) -> PartReport:
        """What was done so far."""
        return PartReport(
            part=self.part,
            n_kept=self.n_kept,
            n_candidates=self.n_candidates,
            rejected=dict(sorted(Counter(reject.filter for reject in self.rejects).items())),
            n_text_tokens=self.n_text_tokens,
            n_vision_tokens=self.n_vision_tokens,
            seconds=time.monotonic() - self.start,
            told=tuple(self.told),
            contaminations=tuple(self.contaminations),
        )


Candidates = Iterator[Candidate]


class Block(PipelineStep):  # type: ignore[misc]
    """A step of the pipeline at a shared bench."""

    type = "viscodex"

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    def run(self, data: Candidates, rank: int = 0, world_size: int = 1) -> Candidates:
        """Work on the candidates of which something is left; pass all of them on."""
        for candidate in data:
            if not candidate.lost:
                with self.track_time():
                    self.work(candidate)
            yield candidate

    def work(self, candidate: Candidate) -> None:
        """What the block does to a candidate."""
        raise NotImplementedError


class Propose(Block):
    """Draws candidates until the part is full or the tries are used up."""

    name = "propose"

    def run(self, data: object, rank: int = 0, world_size: int = 1) -> Candidates:
        """The candidates of the part with this rank."""
        for candidate in self.bench.ahead_of(self.draw, self.wanted()):
            if candidate is None:
                return
            yield candidate

    def wanted(self) -> Iterator[int]:
        """Indexes, as long as the part is not full."""
        for index in self.bench.part.indexes():
            if self.bench.n_kept >= self.bench.part.quota:
                return
            yield index

    def draw(self, index: int) -> Candidate | None:
        """The candidate with an index; a source that fails here gives one that is lost.

        Returns:
            None where the source is exhausted.
        """
        try:
            return Candidate(self.bench.source.draft(index))
        except Exhausted:
            return None
        except Unfit as unfit:
            return self.lost(index, unfit.filter, unfit.finding, unfit.kind, unfit.code)
        except BUGS as error:
            return self.lost(index, "source_error", _bug("draft", error))

    def lost(
        self, index: int, name: str, finding: Finding, kind: str = "", code: str = ""
    ) -> Candidate:
        """A candidate of which no draft came."""
        source, seed = self.bench.source, self.bench.recipe.seed
        draft = Draft(f"{source.name}-{index:07d}", source.category, kind, code, "", 0.0, seed)
        candidate = Candidate(draft)
        candidate.reject(name, finding)
        return candidate


class Execute(Block):
    """Runs or renders a draft in the sandbox; what does not end well is rejected."""

    name = "execute"

    def work(self, candidate: Candidate) -> None:
        """Give the candidate its evidence."""
        try:
            evidence = self.bench.source.execute(candidate.draft, self.bench.machine)
        except Unfit as unfit:
            return candidate.reject(unfit.filter, unfit.finding)
        except BUGS as error:
            return candidate.reject("source_error", _bug("execute", error))
        candidate.evidence = evidence
        if not evidence.executions:
            return candidate.reject("execute", Finding("the source ran nothing"))
        failed = next((e for e in evidence.executions if e.status != "ok"), None)
        if failed is not None:
            numbers = {"exit_code": float(failed.exit_code)} if failed.exit_code else {}
            candidate.reject("execute", Finding(f"{failed.status}: {failed.reason}", numbers))
        return None


class Judge(Block):
    """Asks the filters of the source, in order; the first that objects decides."""

    name = "judge"

    def run(self, data: Candidates, rank: int = 0, world_size: int = 1) -> Candidates:
        """As every block; a filter may ask a judge, and waits for it."""
        if self.bench.ahead == 1:
            yield from super().run(data, rank, world_size)
        else:
            yield from self.bench.ahead_of(self.judged, data)

    def judged(self, candidate: Candidate) -> Candidate:
        """The candidate, rejected or not."""
        if not candidate.lost:
            self.work(candidate)
        return candidate

    def work(self, candidate: Candidate) -> None:
        """Reject what a filter objects to."""
        assert candidate.evidence is not None
        for rule in self.bench.source.filters:
            try:
                finding = rule.check(candidate.draft, candidate.evidence)
            except Unfit as unfit:
                return candidate.reject(unfit.filter, unfit.finding)
            except BUGS as error:
                return candidate.reject("source_error", _bug(rule.name, error))
            if finding is not None:
                return candidate.reject(rule.name, finding)
        return None


class Tell(Block):
    """Tells a draft that passed as samples; they carry the id of their draft."""

    name = "tell"

    def work(self, candidate: Candidate) -> None:
        """Give the candidate its samples."""
        assert candidate.evidence is not None
        try:
            told = self.bench.source.tell(candidate.draft, candidate.evidence)
        except Unfit as unfit:
            return candidate.reject(unfit.filter, unfit.finding)
        except BUGS as error:
            return candidate.reject("source_error", _bug("tell", error))
        if not told:
            return candidate.reject("source_error", Finding("the source told no sample"))
        candidate.samples = [
            replace(sample, meta={**sample.meta, "draft": candidate.draft.id}) for sample in told
        ]
        return None


class Screen(Block):
    """Asks the filters of all categories; a sample is rejected alone, the code with its draft."""

    name = "screen"

    def run(self, data: Candidates, rank: int = 0, world_size: int = 1) -> Candidates:
        """As every block."""
        self.filters = common_filters(**self.bench.recipe.filters.model_dump())
        yield from super().run(data, rank, world_size)

    def work(self, candidate: Candidate) -> None:
        """Keep the samples to which no filter objects."""
        kept = []
        for sample in candidate.samples:
            found = judge_sample(sample, self.filters)
            if found is None:
                kept.append(sample)
            elif sample is candidate.samples[0]:
                return candidate.reject(*found)
            else:
                candidate.rejects.append(_of_sample(sample, *found))
        candidate.samples = kept
        return None


class CountTokens(Block):
    """Counts text and vision tokens; a sample that is too long is rejected alone."""

    name = "tokens"

    def run(self, data: Candidates, rank: int = 0, world_size: int = 1) -> Candidates:
        """As every block; the tokenizer is read once for the part."""
        self.counter = TokenCounter(self.bench.recipe.tokenizer)
        yield from super().run(data, rank, world_size)

    def work(self, candidate: Candidate) -> None:
        """Note the tokens of each sample."""
        limit = self.bench.recipe.max_tokens
        counted = []
        for sample in candidate.samples:
            count = self.counter.count(sample)
            if limit is not None and count.total > limit:
                candidate.rejects.append(_of_sample(sample, "too_long", _too_long(count, limit)))
                continue
            tokens = {"n_text_tokens": count.text, "n_vision_tokens": count.vision}
            counted.append(replace(sample, meta=sample.meta | tokens))
        candidate.samples = counted


class Decontaminate(Block):
    """Rejects a draft of which a sample repeats an item of a benchmark."""

    name = "decontaminate"

    def run(self, data: Candidates, rank: int = 0, world_size: int = 1) -> Candidates:
        """As every block; the index of the benchmarks is read once for the part."""
        bench = self.bench
        self.index = BenchmarkIndex.build(bench.recipe.decontaminate, bench.place.benchmarks)
        yield from super().run(data, rank, world_size)

    def work(self, candidate: Candidate) -> None:
        """Look every sample up."""
        for sample in candidate.samples:
            found = self.index.match(sample)
            if found is not None:
                self.bench.contaminations.append(found)
                reason = f"{found.kind} of {found.benchmark}: {found.item} ({found.file})"
                return candidate.reject("contaminated", Finding(reason, {"overlap": found.overlap}))
        return None


class Sign(Block):
    """Takes down what near-duplicates are found by: one signature for a draft."""

    name = "sign"

    def work(self, candidate: Candidate) -> None:
        """Sign the first sample, which has the code and the pictures."""
        try:
            candidate.signature = signature(candidate.samples[0])
        except BadInput as error:
            candidate.reject("bad_picture", Finding(f"{error.what}: {error.where}"))


class WritePart(PipelineStep):  # type: ignore[misc]
    """Takes all candidates of a part and writes what it leaves: the report last."""

    type, name = "viscodex", "write"

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench

    def run(self, data: Candidates, rank: int = 0, world_size: int = 1) -> None:
        """Make the part, unless it is there or comes from a worker that is still at it."""
        place, part = self.bench.place, self.bench.parts[rank]
        with disk_checked(place.out), locked(place.parts / f"{part.name}.lock", wait=True):
            if place.read_report(part) is None:
                try:
                    self.make(data, rank)
                except BaseException as error:
                    _note_failure(place.failure(part), error)
                    raise

    def make(self, data: Candidates, rank: int) -> None:
        """Write the files of a part; samples as they come."""
        bench, place = self.bench, self.bench.place
        with bench.open(rank) as part:
            write_shard(place.samples(part), self.kept(data))
            write_rejects(place.rejects(part), bench.rejects)
            write_signatures(place.signatures(part), bench.signatures)
            write_atomically(place.report(part), to_json(bench.report(), indent=1))

    def kept(self, data: Candidates) -> Iterator[Sample]:
        """The samples up to the quota; the rest of each candidate is put down on the way."""
        bench = self.bench
        for candidate in data:
            if bench.n_kept >= bench.part.quota:
                return  # drawn ahead, and not needed
            bench.n_candidates += 1
            bench.rejects += candidate.rejects
            room = bench.part.quota - bench.n_kept
            samples = candidate.samples[:room]
            if samples and candidate.signature is not None:
                bench.signatures.append(candidate.signature)
                bench.told.append(len(samples))
            for sample in samples:
                bench.n_kept += 1
                bench.n_text_tokens += sample.meta["n_text_tokens"]
                bench.n_vision_tokens += sample.meta["n_vision_tokens"]
                yield sample
            bench.pulse.beat(bench.report())


def pipeline(recipe: DataRecipe, parts: tuple[Part, ...], place: Workplace) -> list[PipelineStep]:
    """The blocks that make the parts of a round; task number i makes parts[i]."""
    bench = Bench(recipe, parts, place)
    check = (Decontaminate,) if recipe.decontaminate else ()
    blocks = (Propose, Execute, Judge, Tell, Screen, CountTokens, *check, Sign, WritePart)
    return [block(bench) for block in blocks]


def _note_failure(path: Path, error: BaseException) -> None:
    """For those who do not see the exception: executors on other machines."""
    if isinstance(error, SystemExit):  # the pool ends its workers, for another's failure
        return
    noun = [str(part) for part in error.args] if isinstance(error, ViscodexError) else []
    trace = traceback.format_exc()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"error": type(error).__name__, "args": noun, "trace": trace}))


def _bug(where: str, error: BaseException) -> Finding:
    return Finding(f"{where}: {type(error).__name__}: {str(error)[:300]}")


def _too_long(count: TokenCount, limit: int) -> Finding:
    numbers = {"text": float(count.text), "vision": float(count.vision), "max_tokens": float(limit)}
    return Finding(f"{count.total} tokens, {limit} allowed", numbers)


def _of_sample(sample: Sample, name: str, finding: Finding) -> Reject:
    return Reject(
        id=sample.id,
        category=sample.category,
        filter=name,
        reason=finding.reason,
        numbers=finding.numbers,
        kind=str(sample.meta.get("kind", "")),
        code=sample.reference,
        image=sample.images[0] if sample.images else None,
    )

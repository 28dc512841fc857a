"""Whether a data set is what it says: every picture opens, every code still runs.

in:  a Dataset
out: CheckReport: what was looked at, what failed and where, what could not be tried here
not covered: making the samples (build.py); figures (stats.py)

Charts and Python of answers run in the chart pool, pages in the browser, problems against their
tests by MMCode's judge, other languages in the sandbox where this machine has them. A reference
that is a part of a program says in meta["run"] what it needs: {"before": ..., "after": ...,
"output": ...}, texts that stand around it and what is printed; each may be left out.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from viscodex.data.ahead import in_order
from viscodex.data.dataset import Dataset
from viscodex.data.draft import Machine
from viscodex.data.kodcode.driver import driver_script, read_outcomes
from viscodex.data.manifest import Manifest
from viscodex.data.shards import hash_file
from viscodex.data.sound import flaws
from viscodex.errors import BadDataset, IsolationMissing, MissingPart
from viscodex.execute.program import judge_calls, judge_stdio, run_program
from viscodex.execute.visit import MAX_HEIGHT_PX, MAX_WIDTH_PX
from viscodex.types import Execution, Sample

Progress = Callable[[str, int, int], None]
GOLDEN = 0.6180339887498949  # its multiples, modulo 1, are spread evenly
WINDOW = (1280, 720)  # px, of pages that do not say theirs in meta["window"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as it should be."""

    id: str  # of the sample; empty where a file is meant
    what: str  # hash, row, broken_image, image_marks, duplicate_id, run, tests, ...
    why: str
    where: str  # file, or file and row


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found."""

    n_samples: int  # looked at
    n_pictures: int
    n_ran: int  # codes and pages that were tried
    n_tested: int  # of them against tests
    n_redrawn: int  # whose picture came out the same, byte for byte
    failures: tuple[Failure, ...]
    skipped: dict[str, int] = field(default_factory=dict)  # why not tried -> samples

    @property
    def sound(self) -> bool:
        """Nothing failed."""
        return not self.failures


def check_dataset(
    dataset: Dataset,
    *,
    run: bool = True,
    limit: int | None = None,
    workers: int | None = None,
    runtime: str = "current",
    progress: Progress | None = None,
) -> CheckReport:
    """Look at every sample; run its code.

    Args:
        run: run code and pages, too.
        limit: samples to look at, spread evenly over the data set; None: all.
        workers: codes at once; None takes the number of cores, at most 8.
        runtime: in which charts run.
        progress: called with ("checking", done, total).

    Raises:
        MissingPart, IsolationMissing: generated code cannot be run on this machine.
    """
    tally = _Tally()
    tally.failures += _file_failures(dataset)
    places = spread(len(dataset), limit)
    count = workers or min(8, len(os.sched_getaffinity(0)))
    with Machine(runtime, count) as machine:  # starts nothing before it is asked
        runner = Runner(machine) if run else None
        _check_samples(dataset, places, tally, runner, progress)
    return tally.report()


def spread(total: int, limit: int | None) -> list[int]:
    """Numbers below a total, at most so many, spread evenly and yet meeting no regular order."""
    if limit is None or limit >= total:
        return list(range(total))
    starts = [index * total // limit for index in range(limit + 1)]
    # Within its stretch each place is another one: sources are mixed in a regular order, and equal
    # steps could meet one category alone.
    return [
        start + int(index * GOLDEN % 1 * (end - start))
        for index, (start, end) in enumerate(pairwise(starts))
    ]


def _file_failures(dataset: Dataset) -> Iterator[Failure]:
    """Files whose bytes are not those that were written."""
    if dataset.manifest is None:
        yield Failure("", "manifest", "there is none: hashes cannot be compared", "manifest.json")
        return
    yield from _hash_failures(dataset, dataset.manifest)


def _hash_failures(dataset: Dataset, manifest: Manifest) -> Iterator[Failure]:
    for below, infos in (("data", manifest.shards), ("rejects", manifest.rejects)):
        for info in infos:
            path = dataset.folder / below / info.file
            where = f"{below}/{info.file}"
            if not path.is_file():
                yield Failure("", "hash", "the file is missing", where)
            elif (found := hash_file(path)) != info.xxh3:
                yield Failure("", "hash", f"XXH3 {found}, {info.xxh3} in manifest.json", where)


class _Tally:
    """What adds up; the worker threads only return, this is filled by one."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.ids: set[str] = set()

    def add(self, where: str, sample: Sample, outcome: Outcome) -> None:
        """Count one sample."""
        if sample.id in self.ids:
            self.failures.append(Failure(sample.id, "duplicate_id", "an id of two samples", where))
        self.ids.add(sample.id)
        self.counts["samples"] += 1
        self.counts["pictures"] += len(sample.images)
        for what, why in outcome.failures:
            self.failures.append(Failure(sample.id, what, why, where))
        for name in outcome.did:
            self.counts[name] += 1
        if outcome.skipped:
            self.skipped[outcome.skipped] += 1

    def report(self) -> CheckReport:
        """The noun."""
        counts = self.counts
        return CheckReport(
            counts["samples"], counts["pictures"], counts["ran"], counts["tested"],
            counts["redrawn"], tuple(self.failures), dict(self.skipped),
        )  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What became of one sample."""

    failures: list[tuple[str, str]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)  # ran, tested, redrawn
    skipped: str = ""


def _check_samples(
    dataset: Dataset,
    places: list[int],
    tally: _Tally,
    runner: Runner | None,
    progress: Progress | None,
) -> None:
    def look(item: tuple[str, Sample | BadDataset]) -> Outcome:
        sample = item[1]
        if isinstance(sample, BadDataset):
            return Outcome([("row", f"{sample.what}: {sample.where}")])
        outcome = Outcome([(flaw.name, flaw.why) for flaw in flaws(sample)])
        if runner is not None:
            runner.run(sample, outcome)
        return outcome

    looked = in_order(look, _samples(dataset, places), runner.workers if runner else None)
    for done, ((where, sample), outcome) in enumerate(looked, start=1):
        if isinstance(sample, BadDataset):
            tally.failures += [Failure("", what, why, where) for what, why in outcome.failures]
        else:
            tally.add(where, sample, outcome)
        if progress is not None:
            progress("checking", done, len(places))


def _samples(dataset: Dataset, places: list[int]) -> Iterator[tuple[str, Sample | BadDataset]]:
    for index in places:
        where = dataset.where(index)
        try:
            yield where, dataset[index]
        except BadDataset as error:
            yield where, error


class Runner:
    """Runs the code of samples; the pools of a Machine start when they are first needed."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._lock = machine, threading.Lock()
        self.workers = machine.workers

    def run(self, sample: Sample, outcome: Outcome) -> None:
        """Run the reference of a sample, if it has one that this machine can run."""
        language = sample.language.lower()
        if not sample.reference:
            outcome.skipped = "no code"
        elif sample.tests:
            self._judge(sample, outcome)
        elif language == "html":
            self._render(sample, outcome)
        elif language == "python":
            self._draw(sample, outcome)
        else:
            self._program(sample, language, outcome)

    def _draw(self, sample: Sample, outcome: Outcome) -> None:
        with self._lock:
            charts = self._machine.charts
        done = charts.run(_whole(sample), name=sample.id)
        _note(done, sample, outcome)
        if sample.category == "chart" and done.status == "ok" and done.image is None:
            outcome.failures.append(("run", "the script draws nothing"))

    def _render(self, sample: Sample, outcome: Outcome) -> None:
        with self._lock:
            pages = self._machine.pages
        width, height = _window(sample.meta.get("window"))
        _note(pages.render(sample.reference, width=width, height=height), sample, outcome)

    def _program(self, sample: Sample, language: str, outcome: Outcome) -> None:
        try:
            _note(run_program(_whole(sample), language), sample, outcome)
        except IsolationMissing:
            raise
        except MissingPart as error:
            outcome.skipped = f"{language}: {error.what}"

    def _judge(self, sample: Sample, outcome: Outcome) -> None:
        try:
            tests = json.loads(sample.tests)
            if "pytest" in tests:
                self._try_pytest(sample, str(tests["pytest"]), outcome)
                return
            inputs, outputs = tests["inputs"], tests["outputs"]
            name = tests.get("fn_name")
            if name:
                verdict = judge_calls(sample.reference, name, inputs, outputs)
            else:
                pairs = list(zip(inputs, outputs, strict=True))
                verdict = judge_stdio(sample.reference, pairs, sample.language or "python")
        except IsolationMissing:
            raise
        except MissingPart as error:
            outcome.skipped = f"{sample.language}: {error.what}"
            return
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            outcome.failures.append(("tests", f"the tests cannot be read: {error!r}"[:300]))
            return
        outcome.did += ["ran", "tested"]
        if not verdict.passed:
            right = sum(result is True for result in verdict.results)
            why = f"{right} of {len(inputs)} tests pass; {verdict.execution.reason}".rstrip("; ")
            outcome.failures.append(("tests", why))

    def _try_pytest(self, sample: Sample, tests: str, outcome: Outcome) -> None:
        """Tests written for pytest, by the driver that verified them."""
        with self._lock:
            charts = self._machine.charts
        nonce = f"{sample.id}:"
        done = charts.run(driver_script(tests, [sample.reference], 1, nonce), images=False)
        found = read_outcomes(done.stdout, nonce) if done.status == "ok" else None
        told = [one for one in found.answers[0] if one != "skipped"] if found else []
        outcome.did += ["ran", "tested"]
        wrong = next((one for one in told if one != "passed"), "")
        if wrong or not told:
            outcome.failures.append(("tests", wrong or done.reason or "no test ran"))


def _window(given: Any) -> tuple[int, int]:
    """The size of the window that a page was made for."""
    match given:
        case [int(width), int(height)] if (
            1 <= width <= MAX_WIDTH_PX and 1 <= height <= MAX_HEIGHT_PX
        ):
            return width, height
    return WINDOW


def _surroundings(sample: Sample) -> dict[str, str]:
    """meta["run"]: what stands before and after the reference when it runs, and what is printed."""
    given = sample.meta.get("run")
    if not isinstance(given, dict):
        return {}
    return {key: value for key, value in given.items() if isinstance(value, str)}


def _whole(sample: Sample) -> str:
    around = _surroundings(sample)
    parts = (around.get("before"), sample.reference, around.get("after"))
    return "\n".join(part for part in parts if part)


def _note(done: Execution, sample: Sample, outcome: Outcome) -> None:
    """An execution that must have ended well."""
    around = _surroundings(sample)
    if done.status == "error" and sample.category == "qa" and not around:
        outcome.skipped = "a part of a program: its meta does not say how it runs"
        return
    outcome.did.append("ran")
    wanted = around.get("output")
    if done.status != "ok":
        outcome.failures.append(("run", f"{done.status}: {done.reason}"))
    elif wanted is not None and _lines(done.stdout) != _lines(wanted):
        outcome.failures.append(("output", f"prints {done.stdout[:200]!r}, not {wanted[:200]!r}"))
    elif sample.images and done.image is not None and done.image == sample.images[0]:
        outcome.did.append("redrawn")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]

"""Build a data set: make the parts, choose among their samples, write what stays.

in:  a recipe and a folder
out: the data set in that folder, and a BuildReport
not covered: the blocks (blocks.py), who runs them (executors.py), the files (store.py)

    round 0    parts of samples_per_part samples, each by one task       blocks.py, executors.py
    choose     near-duplicates go, over all parts                        choose.py
    round 1..  parts that fill up what was lost, while any quota is short
    assemble   shards, rejects, card, galleries                          assemble.py

All that is written under `FOLDER/.build` is whole or not there, so a build may be killed at any
moment; the same call goes on from what is there and ends with the same bytes.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from viscodex import __version__
from viscodex.data.assemble import Assembly
from viscodex.data.choose import Choice, choose, read_reports, shortfall
from viscodex.data.decontaminate import BenchmarkIndex, report_markdown, report_sentence
from viscodex.data.draft import Source
from viscodex.data.executors import make_parts
from viscodex.data.parts import Part, PartReport, Workplace, disk_checked, locked, plan_round
from viscodex.data.progress import Snapshot, Tracker, every
from viscodex.data.recipe import DataRecipe
from viscodex.data.sources import make_sources, try_sources
from viscodex.data.teacher import Teacher
from viscodex.data.teacher.ledger import Spent
from viscodex.errors import BuildFailed, MissingPart, OutputRefused
from viscodex.execute.runtime import runtime
from viscodex.files import write_atomically
from viscodex.types import from_json, to_json

_WATCH_S = 0.5


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source."""

    category: str
    wanted: int  # samples
    kept: int
    candidates: int  # drafts
    rejected: Mapping[str, int] = field(default_factory=dict)  # filter -> drafts or samples
    n_text_tokens: int = 0  # of the samples that were kept
    n_vision_tokens: int = 0
    seconds: float = 0.0  # of the tasks, one after the other


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did."""

    status: Literal["done", "short", "submitted"]  # short: a quota was not reached
    folder: str
    sources: Mapping[str, SourceReport]
    n_samples: int = 0
    n_rejects: int = 0
    content: str = ""  # hash of all samples in order
    rounds: int = 0
    seconds: float = 0.0  # of this call
    note: str = ""
    teachers: Mapping[str, Spent] = field(default_factory=dict)  # what was asked, of all calls

    def shortages(self) -> list[str]:
        """One line for each source that has fewer samples than were wanted, with its reasons."""
        lines = []
        for label, s in self.sources.items():
            if s.kept < s.wanted:
                most = sorted(s.rejected.items(), key=lambda item: -item[1])[:3]
                why = ", ".join(f"{name} {n}" for name, n in most) or "no rejects"
                lines.append(
                    f"{label}: {s.kept} of {s.wanted} samples from {s.candidates} candidates; "
                    f"rejected: {why}. Raise sources.{label}.tries or rounds, or loosen the filters."
                )
        return lines


Watch = Callable[[Snapshot], None]


def build(
    recipe: DataRecipe, out: Path, *, watch: Watch | None = None, resubmit: bool = False
) -> BuildReport:
    """Make the data set of a recipe, or go on with it.

    A script that calls this needs `if __name__ == "__main__":` around it: worker processes import
    the script again.

    Args:
        out: folder of the data set; a new or empty one, or one that this recipe was begun in.
        watch: called twice a second, from a thread, with how far the build is.
        resubmit: on Slurm, submit the missing parts again.

    Raises:
        BadRecipe: a source or its settings cannot be meant.
        OutputRefused: the folder is taken, begun with another recipe, or being written.
        NotEnoughSpace: the disk is full; what is finished is kept.
        MissingPart: the browser, a runtime or a library is missing; before work starts.
        BuildFailed: workers were killed, a task failed, or nothing at all was kept.
    """
    place = Workplace(out)
    sources = make_sources(recipe, place.folder)
    _check_out(place)
    found = out.exists(), place.folder.exists()
    with disk_checked(out), locked(place.folder / "lock", wait=False) as held:
        if not held:
            raise OutputRefused("another build is writing there", str(out), "Wait for it.")
        with _left_as_found(place, *found):
            return _Build(recipe, place, sources, watch or (lambda snapshot: None), resubmit).run()


class _Build:
    """One call of build, with the lock held."""

    def __init__(
        self,
        recipe: DataRecipe,
        place: Workplace,
        sources: Mapping[str, Source],
        watch: Watch,
        resubmit: bool,
    ) -> None:
        self.recipe, self.place, self.sources = recipe, place, sources
        self.watch, self.resubmit = watch, resubmit
        self.start = time.monotonic()
        wanted = {label: entry.n for label, entry in recipe.wanted.items()}
        self.tracker = Tracker(place, wanted)
        self.content = recipe.content()
        for label, source in sources.items():  # with defaults filled in
            self.content["sources"][label]["settings"] = json.loads(
                json.dumps(dict(source.settings), default=str)
            )
        self.versions = _versions(recipe)

    def run(self) -> BuildReport:
        """All steps; those that are done already are quick."""
        identity = {"recipe": self.content, "versions": self.versions}
        begun = _is_begun(self.place, identity)
        done = self.place.folder / "done.json"
        if done.exists():
            self.clear()
            return from_json(BuildReport, done.read_bytes())
        self.check_machine()
        if not begun:
            write_atomically(self.place.folder / "begun.json", json.dumps(identity, indent=1))
        parts, choice = self.make_samples()
        if choice is None:
            return self.submitted(parts)
        report = replace(self.assemble(parts, choice), teachers=self.settle())
        write_atomically(done, to_json(report, indent=1))
        self.clear()
        return report

    def check_machine(self) -> None:
        """What is missing shows now, not when the first part needs it."""
        if self.recipe.decontaminate:
            self.phase("reading benchmarks", 0, 1)
            BenchmarkIndex.build(self.recipe.decontaminate, self.place.benchmarks)
        if self.recipe.executor == "local":
            self.phase("trying the sources", 0, 1)
            try_sources(self.sources, self.recipe.runtime)

    def make_samples(self) -> tuple[list[Part], Choice | None]:
        """Round after round, until all quotas are met; no choice where jobs are under way."""
        parts: list[Part] = []
        choice: Choice | None = None
        wanted = {label: entry.n for label, entry in self.recipe.wanted.items()}
        first: dict[str, int] = {}
        for number in range(self.recipe.rounds):
            planned = plan_round(self.recipe, number, wanted, first)
            if not planned:
                break
            parts += planned
            self.tracker.follow(planned)
            with every(_WATCH_S, lambda: self.watch(self.tracker.snapshot())):
                finished = make_parts(
                    self.recipe, self.place, planned, self.tracker, resubmit=self.resubmit
                )
            if not finished:
                return parts, None
            self.watch(self.tracker.snapshot())
            self.phase("finding near-duplicates", 0, 1)
            choice = choose(self.recipe, self.place, parts)
            reports = read_reports(self.place, parts)
            wanted = shortfall(self.recipe, choice, reports)
            for report in reports:
                label = report.part.source
                first[label] = max(first.get(label, 0), report.next_index)
        return parts, choice

    def assemble(self, parts: Sequence[Part], choice: Choice) -> BuildReport:
        """Write the data set and move it to its place."""
        reports = read_reports(self.place, parts)
        counts = _reject_counts(reports, choice)
        report = self.report(reports, choice, counts)
        if not any(choice.left.values()):
            raise BuildFailed(
                "nothing was kept",
                "\n".join(report.shortages()),
                "See .build/parts for the rejects.",
            )
        assembly = Assembly(self.recipe, self.place, parts, choice, counts)
        told = self.contamination(reports)
        manifest = assembly.write(
            self.sources, self.versions, self.content, self.phase, report_sentence(told)
        )
        if told is not None:
            final = self.place.final
            write_atomically(final / "contamination.json", json.dumps(told, indent=1))
            write_atomically(final / "contamination.md", report_markdown(told))
        assembly.publish()
        tokens = assembly.tokens
        return BuildReport(
            status="short" if report.shortages() else "done",
            folder=str(self.place.out),
            sources={
                label: _with_tokens(s, tokens.text[label], tokens.vision[label])
                for label, s in report.sources.items()
            },
            n_samples=manifest.n_samples,
            n_rejects=manifest.n_rejects,
            content=manifest.content,
            rounds=1 + max(part.round for part in parts),
            seconds=time.monotonic() - self.start,
        )

    def settle(self) -> dict[str, Spent]:
        """Record the replies where the recipe says so; what was spent."""
        spent = {}
        for name in ("teacher", "judge"):
            settings = getattr(self.recipe, name)
            if settings is not None and settings.replay is None:
                teacher = Teacher(settings, self.place.folder / name)
                if settings.record is not None:
                    teacher.record(Path(settings.record))
                spent[name] = teacher.ledger.spent()
        return spent

    def contamination(self, reports: Sequence[PartReport]) -> dict[str, Any] | None:
        """What matched what of the benchmarks; None where the recipe names none."""
        if not self.recipe.decontaminate:
            return None
        index = BenchmarkIndex.build(self.recipe.decontaminate, self.place.benchmarks)
        found = [one for report in reports for one in report.contaminations]
        n = sum(report.n_candidates for report in reports)
        return index.report(found, n)

    def report(
        self,
        reports: Sequence[PartReport],
        choice: Choice | None,
        counts: Mapping[tuple[str, str], int],
    ) -> BuildReport:
        """The counts as far as the parts know them."""
        kept = choice.kept(self.recipe) if choice else {}
        rows: dict[str, SourceReport] = {}
        for label, entry in self.recipe.wanted.items():
            own = [report for report in reports if report.part.source == label]
            rows[label] = SourceReport(
                category=self.sources[label].category,
                wanted=entry.n,
                kept=kept.get(label, sum(report.n_kept for report in own)),
                candidates=sum(report.n_candidates for report in own),
                rejected={name: n for (of, name), n in sorted(counts.items()) if of == label},
                seconds=sum(report.seconds for report in own),
            )
        return BuildReport("done", str(self.place.out), rows)

    def submitted(self, parts: Sequence[Part]) -> BuildReport:
        """What to say while jobs of Slurm are under way."""
        found = [self.place.read_report(part) for part in parts]
        reports = [report for report in found if report is not None]
        job = json.loads(
            (self.place.logs / f"round-{parts[-1].round}" / "submitted.json").read_text()
        )["job"]
        counts = _reject_counts(reports, None)
        rows = self.report(reports, None, counts).sources
        note = (
            f"Slurm job {job}: {len(reports)} of {len(parts)} parts are finished. Give the same "
            "command again when it has ended; with --resubmit, parts that failed are tried again."
        )
        return BuildReport("submitted", str(self.place.out), rows, note=note)

    def phase(self, name: str, done: int, total: int) -> None:
        """Say that another step has begun."""
        seconds = time.monotonic() - self.start
        self.watch(Snapshot(name, {}, seconds, None, done, total))

    def clear(self) -> None:
        """Remove what only a build in work needs."""
        place = self.place
        for folder in (place.parts, place.progress, place.final, place.benchmarks):
            shutil.rmtree(folder, ignore_errors=True)


def _with_tokens(row: SourceReport, text: int, vision: int) -> SourceReport:
    return replace(row, n_text_tokens=text, n_vision_tokens=vision)


def _reject_counts(
    reports: Sequence[PartReport], choice: Choice | None
) -> dict[tuple[str, str], int]:
    """(source, filter) -> rejects."""
    counts: Counter[tuple[str, str]] = Counter()
    for report in reports:
        for name, n in report.rejected.items():
            counts[report.part.source, name] += n
    for label, n in (choice.duplicates if choice else {}).items():
        if n:
            counts[label, "duplicate"] += n
    return dict(counts)


# --- the folder -----------------------------------------------------------------------------------


def _check_out(place: Workplace) -> None:
    out = place.out
    if out.exists() and not out.is_dir():
        raise OutputRefused("the output is a file", str(out), "Choose another name.")
    if out.is_dir() and any(out.iterdir()) and not place.folder.is_dir():
        raise OutputRefused(
            "the folder has files in it that are not of a build",
            str(out),
            "Choose a new folder, or empty this one.",
        )


@contextlib.contextmanager
def _left_as_found(place: Workplace, out: bool, workplace: bool) -> Iterator[None]:
    """Where a build is refused before its work has begun, nothing of it stays.

    Args:
        out, workplace: whether these folders were there before.
    """
    try:
        yield
    finally:
        if not workplace and not (place.folder / "begun.json").exists():
            shutil.rmtree(place.folder, ignore_errors=True)
            if not out:
                with contextlib.suppress(OSError):
                    place.out.rmdir()


def _is_begun(place: Workplace, identity: Mapping[str, Any]) -> bool:
    """Whether work has begun here; refuse to go on with anything else than it was begun with."""
    path = place.folder / "begun.json"
    if not path.exists():
        return False
    begun = json.loads(path.read_text())
    differences = list(_differences(begun, json.loads(json.dumps(identity))))
    if differences:
        more = f"\n... and {len(differences) - 8} more" if len(differences) > 8 else ""
        raise OutputRefused(
            "the folder was begun with another recipe, or with other versions",
            "\n".join([f"{place.out}: here / there", *differences[:8]]) + more,
            "Give the recipe that it was begun with, or choose a new folder.",
        )
    return True


def _differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            inner = f"{key}.{name}" if key else str(name)
            yield from _differences(old.get(name), new.get(name), inner)
    elif old != new:
        yield f"{key}: {new!r:.60} / {old!r:.60}"


def _versions(recipe: DataRecipe) -> dict[str, str]:
    """What decides the bytes of a data set beside its recipe."""
    versions = {name: importlib.metadata.version(name) for name in ("pyarrow", "pillow", "numpy")}
    with contextlib.suppress(MissingPart):  # only charts need it; they say so themselves
        stamp = runtime(recipe.runtime).stamp
        versions |= {f"runtime {key}": value for key, value in sorted(stamp.items())}
    return {"viscodex": __version__, **versions}

"""Which drafts stay, decided over all parts at once: near-duplicates go, each quota is met.

in:  the signatures and reports of all finished parts
out: Choice: the drafts that go and why, and how many samples of each source are left
not covered: what makes two drafts alike (duplicates.py), writing (assemble.py)

A function of the parts alone: a build that was killed decides the same again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from viscodex.data.duplicates import Duplicate, Signature, find_duplicates
from viscodex.data.parts import Part, PartReport, Workplace, in_order
from viscodex.data.recipe import DataRecipe
from viscodex.data.signatures import read_signatures
from viscodex.errors import BadDataset


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of the samples of all parts."""

    dropped: Mapping[str, Duplicate]  # draft -> because of which one it goes
    left: Mapping[str, int]  # source -> samples that stay, before its quota cuts them
    duplicates: Mapping[str, int]  # source -> drafts that go

    def kept(self, recipe: DataRecipe) -> dict[str, int]:
        """Samples of each source that are written."""
        return {
            label: min(entry.n, self.left.get(label, 0)) for label, entry in recipe.wanted.items()
        }


def read_reports(place: Workplace, parts: Sequence[Part]) -> list[PartReport]:
    """The reports of parts that are all finished.

    Raises:
        BadDataset: one is missing.
    """
    reports = []
    for part in parts:
        report = place.read_report(part)
        if report is None:
            raise BadDataset(
                "a part of the build is missing",
                str(place.report(part)),
                "Give the same command again: what is missing is made anew.",
            )
        reports.append(report)
    return reports


def choose(recipe: DataRecipe, place: Workplace, parts: Sequence[Part]) -> Choice:
    """Find the near-duplicates within and across the sources, and count what is left.

    Raises:
        BadDataset: a part is missing.
    """
    labels = list(recipe.wanted)
    ordered = [part for label in labels for part in in_order(parts, label)]
    reports = read_reports(place, ordered)
    because: dict[str, Duplicate] = {}
    if recipe.duplicates is not None and any(report.told for report in reports):
        signatures = read_signatures(map(place.signatures, ordered))
        thresholds = recipe.duplicates.model_dump()
        because = {d.dropped: d for d in find_duplicates(signatures, **thresholds)}
    dropped: dict[str, Duplicate] = {}
    left, duplicates = dict.fromkeys(labels, 0), dict.fromkeys(labels, 0)
    for report in reports:
        for one, n_samples in _drafts(place, report):
            label = report.part.source
            if one.id in because:
                dropped[one.group] = because[one.id]
                duplicates[label] += 1
            else:
                left[label] += n_samples
    return Choice(dropped, left, duplicates)


def _drafts(place: Workplace, report: PartReport) -> Iterator[tuple[Signature, int]]:
    """(signature, number of samples) of every draft of a part that was kept."""
    return zip(read_signatures([place.signatures(report.part)]), report.told, strict=True)


def shortfall(recipe: DataRecipe, choice: Choice, reports: Sequence[PartReport]) -> dict[str, int]:
    """How many samples the next round must make, allowing for the loss seen so far.

    A source of which the last round kept nothing is given up.
    """
    last = max((report.part.round for report in reports), default=0)
    wanted: dict[str, int] = {}
    for label, entry in recipe.wanted.items():
        own = [report for report in reports if report.part.source == label]
        lacking = entry.n - choice.left.get(label, 0)
        fresh = sum(report.n_kept for report in own if report.part.round == last)
        if lacking > 0 and fresh > 0:
            made, left = sum(report.n_kept for report in own), choice.left.get(label, 0)
            wanted[label] = min(-(-lacking * made // max(1, left)), 2 * lacking + 8)
    return wanted

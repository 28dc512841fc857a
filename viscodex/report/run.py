"""Runs as they lie on disk, read for tables and pages.

in:  folders that `viscodex score` and `viscodex eval` wrote, perhaps with names: NAME=RUN
out: System: a name and its Runs, one for each benchmark
not covered: what the numbers mean (table.py, compare.py)

A folder that is no run but holds runs is one system: its runs are its benchmarks.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput
from viscodex.tasks.folder import RunFolder, hash_of
from viscodex.tasks.kept import KeptItem, read_items
from viscodex.types import Report, Score, from_json

REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One system on one benchmark."""

    place: Path
    name: str  # of the system
    task: str
    reports: dict[str, Report]  # protocol -> report, without rows
    items: tuple[KeptItem, ...]  # in the benchmark's order
    scores: dict[tuple[str, str], tuple[Score, ...]]  # (protocol, item) -> of each answer

    @property
    def settings(self) -> dict[str, Any]:
        """What the numbers depend on; the same under every protocol."""
        return next(iter(self.reports.values())).settings

    def protocol(self, wanted: str) -> str:
        """The wanted protocol, or the only one that this benchmark has."""
        return wanted if wanted in self.reports else next(iter(self.reports))

    def values(self, protocol: str, metric: str) -> dict[str, float | None]:
        """Item -> value of a metric, NaN where unscored, None where unanswered.

        Items that do not have the metric are left out.
        """
        return {
            item.id: item.values.get(protocol, {}).get(metric) if item.answers else None
            for item in self.items
            if not item.metrics or metric in item.metrics
        }

    def status(self, protocol: str, item_id: str) -> str:
        """Of the first answer: ok, error, ...; unanswered where there is none."""
        scores = self.scores.get((protocol, item_id), ())
        return scores[0].status or "ok" if scores else "unanswered"


@dataclass(frozen=True, slots=True)
class System:
    """What is compared: a model and how it was asked, on one or several benchmarks."""

    name: str
    runs: dict[str, Run]  # benchmark -> run


def read_systems(words: Sequence[str]) -> tuple[System, ...]:
    """The systems of a command line: RUN, FOLDER of runs, or NAME=RUN, in this order.

    Raises:
        BadInput: no run there, a damaged one, or two runs of one benchmark under one name.
    """
    found: dict[str, dict[str, Run]] = {}
    for word in words:
        name, place = _split(word)
        for run in _runs(place, name):
            runs = found.setdefault(run.name, {})
            if run.task in runs:
                raise BadInput(
                    f"two runs of {run.task} under one name",
                    f"{run.name}: {runs[run.task].place}, {run.place}",
                    "Name them apart: viscodex report first=RUN second=RUN.",
                )
            runs[run.task] = run
    return tuple(System(name, runs) for name, runs in found.items())


def _split(word: str) -> tuple[str, Path]:
    """NAME=RUN; a folder whose own name has the sign is found first."""
    name, sign, place = word.partition("=")
    if sign and name and not Path(word).exists():
        return name, Path(place)
    return "", Path(word)


def _runs(place: Path, name: str) -> list[Run]:
    if (place / REPORT_FILE).is_file():
        return [read_run(place, name)]
    inside = sorted(file.parent for file in place.glob(f"*/{REPORT_FILE}"))
    if not inside:
        unfinished = (place / "run.json").exists()
        raise BadInput(
            "this run has no report yet" if unfinished else "there is no run in it",
            str(place),
            "Let viscodex score or eval come to its end." if unfinished else "Give a folder that viscodex score or eval wrote.",
        )  # fmt: skip
    return [read_run(one, name or place.resolve().name) for one in inside]


def read_run(place: Path, name: str = "") -> Run:
    """A finished run.

    Args:
        name: of the system; default: the model, or the folder's name.

    Raises:
        BadInput: a file is missing or damaged.
    """
    file = place / REPORT_FILE
    try:
        said = json.loads(file.read_text("utf-8"))
        reports = {
            protocol: from_json(Report, json.dumps(one)) for protocol, one in dict(said).items()
        }
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(
            "the report of this run cannot be read",
            f"{file}: {' '.join(str(error).split())[:200]}",
            "Score it again, or give another folder.",
        ) from error
    if not reports:
        raise BadInput("the report of this run is empty", str(file), "Score it again.")
    scores = _scores(place)
    items = tuple(read_items(place)) or _items_of_scores(scores)
    first = next(iter(reports.values()))
    return Run(
        place=place,
        name=name or _name(first.settings, place),
        task=first.task,
        reports=reports,
        items=items,
        scores=_current(scores, items),
    )


def _name(settings: dict[str, Any], place: Path) -> str:
    model = settings.get("model")
    if isinstance(model, dict):
        model = model.get("name")
    return str(model) if model else place.resolve().name


def _scores(place: Path) -> list[Score]:
    """All whole lines; one that is being written is left out."""
    file = RunFolder(place).scores
    try:
        data = file.read_bytes()
        return [from_json(Score, line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
    except (OSError, ValueError) as error:
        raise BadInput(
            "the scores of this run cannot be read",
            f"{file}: {' '.join(str(error).split())[:200]}",
            "Score it again, or give another folder.",
        ) from error


def _current(
    scores: Sequence[Score], items: Sequence[KeptItem]
) -> dict[tuple[str, str], tuple[Score, ...]]:
    """The scores of the answers that the run has now; the file keeps those of earlier ones too."""
    now = {(item.id, n): hash_of(answer) for item in items for n, answer in enumerate(item.answers)}
    chosen: dict[tuple[str, str, int], Score] = {}
    for score in scores:
        key = (score.protocol, score.sample_id, score.attempt)
        held = chosen.get(key)
        if held is None or held.answer_hash != now.get((score.sample_id, score.attempt)):
            chosen[key] = score
    found: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for (protocol, name, _), score in sorted(chosen.items(), key=lambda pair: pair[0]):
        found[protocol, name].append(score)
    return {key: tuple(each) for key, each in found.items()}


def _items_of_scores(scores: Sequence[Score]) -> tuple[KeptItem, ...]:
    """For runs that kept no items: what their scores say, unanswered ones left out."""
    from viscodex.tasks.task import mean_of_attempts
    from viscodex.types import Completion

    by_item: dict[str, dict[str, list[Score]]] = {}
    for score in scores:
        by_item.setdefault(score.sample_id, {}).setdefault(score.protocol, []).append(score)
    return tuple(
        KeptItem(
            id=name,
            prompt="",
            n_images=0,
            answers=(Completion(""),) * max(len(each) for each in protocols.values()),
            values={p: mean_of_attempts(each) for p, each in protocols.items()},
        )
        for name, protocols in by_item.items()
    )

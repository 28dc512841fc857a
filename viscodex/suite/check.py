"""Whether a suite is whole and its cases can be answered, and missed.

in:  the folder of a suite
out: SuiteCheck: every case tried three ways, pictures opened, hashes compared
not covered: a suite that is still under review (review.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from viscodex.errors import BadDataset, BadInput
from viscodex.images import open_image
from viscodex.suite.layout import ANSWERS, JUDGE, SUITE, file_hashes, read_manifest
from viscodex.suite.trial import Verdict, three_ways
from viscodex.tasks.answers import read_answers
from viscodex.tasks.cases import Case
from viscodex.tasks.judge import RecordedJudge
from viscodex.tasks.suite import Suite, read_suite
from viscodex.tasks.task import Judge

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class CaseCheck:
    """One case."""

    id: str
    area: str
    lang: str
    metrics: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    faults: tuple[str, ...]  # besides the verdicts: pictures that do not open

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, one line each; what this machine lacks is no fault of the case."""
        said = [v.reason for v in self.verdicts if not v.holds and not v.missing]
        return (*self.faults, *said)

    @property
    def missing(self) -> str:
        """What this machine lacks to grade the case; empty: nothing."""
        return next((v.reason for v in self.verdicts if v.missing), "")


@dataclass(frozen=True, slots=True)
class SuiteCheck:
    """What a check found."""

    cases: tuple[CaseCheck, ...]
    faults: tuple[str, ...]  # of the suite as a whole: broken files, hashes
    revision: str
    is_frozen: bool

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong, one line each."""
        return (
            *self.faults,
            *(f"{case.id}: {why}" for case in self.cases for why in case.problems),
        )

    @property
    def missing(self) -> dict[str, str]:
        """Cases that this machine cannot grade -> what it lacks."""
        return {case.id: case.missing for case in self.cases if case.missing}

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Cases by area, language and metric."""
        return {
            "area": _counted([case.area for case in self.cases]),
            "lang": _counted([case.lang for case in self.cases]),
            "metric": _counted([name for case in self.cases for name in case.metrics]),
        }


def _counted(values: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def check_suite(
    place: Path,
    *,
    judge: Judge | None = None,
    workers: int = 1,
    frozen: bool = True,
    progress: Progress = lambda *_: None,
    **where: Any,
) -> SuiteCheck:
    """Try every case of a suite three ways, open its pictures, compare its hashes.

    Args:
        judge: None: the recorded one of the suite.
        workers: cases at once.
        frozen: a suite without manifest is faulty.
        where: seconds, tier, allow_unsafe of the unit tests.

    Raises:
        BadInput: it is no suite, or its answers or manifest cannot be read.
    """
    if not (place / SUITE).is_file():
        todo = "Give the folder that `viscodex suite freeze` wrote."
        raise BadDataset(f"there is no {SUITE}", str(place), todo)
    suite = read_suite(place / SUITE, visual=True)
    record = place / ANSWERS / JUDGE
    if judge is None and record.is_file():
        judge = RecordedJudge(record)
    answers = {name: _answers(place, name) for name in ("reference", "wrong")}
    faults = [f"{name}: {why}" for name, why in suite.broken.items()]
    if frozen:
        faults += _hash_faults(place, suite)
    for name, texts in answers.items():
        if stale := sorted(set(texts) - set(suite.items)):
            faults.append(f"{name}.jsonl answers cases that are not there: {', '.join(stale)}")
    cases = [item.strict for item in suite.items.values() if item.strict is not None]
    progress("checking", 0, len(cases))

    def check(case: Case) -> CaseCheck:
        responses = {name: texts.get(case.id, "") for name, texts in answers.items()}
        return _check(case, responses, judge, where)

    done = []
    with ThreadPoolExecutor(workers) as threads:
        for result in threads.map(check, cases):
            done.append(result)
            progress("checking", len(done), len(cases))
    is_frozen = read_manifest(place) is not None
    return SuiteCheck(tuple(done), tuple(faults), suite.revision, is_frozen)


def _answers(place: Path, name: str) -> dict[str, str]:
    """Id -> text; where there are several answers to a case, the first."""
    file = place / ANSWERS / f"{name}.jsonl"
    if not file.is_file():
        return {}
    return {key: found[0].text for key, found in read_answers(file).items()}


def _check(
    case: Case, responses: Mapping[str, str], judge: Judge | None, where: dict[str, Any]
) -> CaseCheck:
    faults = []
    for image in case.images:
        try:
            open_image(image.path.read_bytes(), where=image.path.name)
        except BadInput as error:
            faults.append(f"{error.what}: {error.where}")
    verdicts = three_ways(case, responses, judge=judge, **where)
    return CaseCheck(case.id, case.area, case.lang, case.grading.metrics, verdicts, tuple(faults))


def _hash_faults(place: Path, suite: Suite) -> list[str]:
    manifest = read_manifest(place)
    if manifest is None:
        return ["there is no manifest.json: the suite is not frozen"]
    found, faults = file_hashes(place), []
    for name in sorted(set(found) | set(manifest.files)):
        if name not in found:
            faults.append(f"{name}: is missing")
        elif name not in manifest.files:
            faults.append(f"{name}: is not in the manifest")
        elif found[name] != manifest.files[name]:
            faults.append(f"{name}: has changed since the suite was frozen")
    if manifest.revision != suite.revision:
        faults.append(f"the revision is {suite.revision}, the manifest has {manifest.revision}")
    return faults

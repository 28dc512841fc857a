"""A suite from what experts accepted, or the manifest of one written by hand; hashes over all of it.

in:  a folder of drafts, or of a suite
out: a suite (layout.py) whose every case was tried three ways before anything was written
not covered: reviewing (review.py); trying an existing suite again (check.py)
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from viscodex.errors import BadDataset, OutputRefused
from viscodex.suite.check import SuiteCheck, check_suite
from viscodex.suite.drafts import DraftCase, Drafts
from viscodex.suite.layout import (
    ANSWERS,
    CASES,
    JUDGE,
    SUITE,
    SuiteManifest,
    file_hashes,
    sha256_of,
    to_yaml,
    write_lines,
    write_manifest,
)
from viscodex.suite.mapping import case_mapping, paths_of, read_case, with_paths
from viscodex.suite.trial import item_of
from viscodex.tasks.cases import CaseError
from viscodex.tasks.judge import recorded_reply
from viscodex.tasks.questions import response_question
from viscodex.tasks.suite import read_suite
from viscodex.types import Answer, Completion

ORIGIN = "draft.json"
"""What `suite draft` leaves about itself in the folder of the drafts."""


def freeze_drafts(
    folder: Path, out: Path, *, version: str = "1.0", allow_missing: bool = False, **how: Any
) -> SuiteManifest:
    """Write the accepted drafts as a suite.

    Args:
        folder: of the drafts.
        out: folder to write; it must not exist, or be empty.
        allow_missing: also where this machine cannot run the tests of some cases.
        how: workers, progress, tier, allow_unsafe, as check_suite takes them.

    Raises:
        OutputRefused: out is taken.
        BadDataset: nothing is accepted, or an accepted case does not hold; all are named.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputRefused("the folder is not empty", str(out), "Choose another with -o.")
    accepted = [draft for draft in Drafts(folder).all() if draft.status == "accepted"]
    if not accepted:
        raise BadDataset(
            "no case is accepted", str(folder), f"Review them first: viscodex suite review {folder}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with _beside(out) as place:
        for draft in accepted:
            _write_case(draft, folder, place)
        (place / SUITE).write_text(_suite_file(accepted, version), "utf-8")
        _write_answers(accepted, folder, place)
        (place / "SOURCES.md").write_text(_sources(accepted), "utf-8")
        manifest = freeze_suite(
            place, allow_missing=allow_missing, origin=_origin(folder), named=folder, **how
        )
        if out.exists():
            out.rmdir()
        place.rename(out)
    return manifest


def freeze_suite(
    place: Path,
    *,
    allow_missing: bool = False,
    origin: dict[str, Any] | None = None,
    named: Path | None = None,
    **how: Any,
) -> SuiteManifest:
    """Try all cases of a suite and write its manifest.

    Args:
        named: what an error calls the suite.

    Raises:
        BadDataset: a case does not hold; all are named. The old manifest stays.
    """
    checked = check_suite(place, frozen=False, **how)
    _demand(checked, allow_missing, named or place)
    suite = read_suite(place / SUITE, visual=True)
    licences = Counter(
        str((one.get("source") or {}).get("licence", "")) for one in _mappings(place)
    )
    manifest = SuiteManifest(
        version=suite.version,
        revision=suite.revision,
        n_cases=len(checked.cases),
        counts={
            **checked.counts,
            "licence": {name: n for name, n in sorted(licences.items()) if name},
        },
        files=file_hashes(place),
        judged_by=_judges(place),
        origin=origin or {},
    )
    write_manifest(place, manifest)
    return manifest


def _demand(checked: SuiteCheck, allow_missing: bool, place: Path) -> None:
    problems = list(checked.problems)
    if not allow_missing:
        problems += [f"{key}: {why}" for key, why in checked.missing.items()]
    if not checked.cases and not problems:
        problems = ["there are no cases"]
    if problems:
        shown = problems[:50] + ([f"... and {len(problems) - 50} more"] if problems[50:] else [])
        raise BadDataset(
            f"the suite cannot be frozen: {len(problems)} problems",
            "\n".join(shown),
            f"Mend the cases in {place} and freeze again; nothing was written.",
        )


@contextlib.contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A folder beside the output that is gone afterwards, unless it was renamed."""
    place = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _write_case(draft: DraftCase, folder: Path, place: Path) -> None:
    try:
        data = case_mapping(draft)
    except CaseError as error:
        raise BadDataset("an accepted case cannot be graded", f"{draft.id}: {error}") from error
    names = [image.path for image in draft.images] + list(paths_of(data["grading"]))
    for name in names:
        source, target = (folder / name).resolve(), place / name
        if not source.is_relative_to(folder.resolve()) or not source.is_file():
            raise BadDataset("a case names a file that is not there", f"{draft.id}: {name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    data["images"] = [{**one, "path": f"../{one['path']}"} for one in data["images"]]
    data["grading"] = with_paths(data["grading"], lambda path: f"../{path}")
    (place / CASES).mkdir(exist_ok=True)
    (place / CASES / f"{draft.id}.yaml").write_text(to_yaml(data), "utf-8")


def _write_answers(drafts: list[DraftCase], folder: Path, place: Path) -> None:
    """The three answers to each case; of the recorded marks those that are of these very texts."""
    marks = []
    for name in ("reference", "wrong", "empty"):
        texts = {draft.id: getattr(draft, name, "") for draft in drafts}
        rows = ({"id": key, "answer": text} for key, text in texts.items())
        write_lines(place / ANSWERS / f"{name}.jsonl", rows)
        for draft in drafts:
            mark = draft.marks.get(name)
            if mark is not None and mark.sha256 == sha256_of(texts[draft.id]):
                case = read_case(draft, folder)
                given = Answer(draft.id, Completion(texts[draft.id], "stop"))
                question = response_question(item_of(case), given, case, texts[draft.id])
                marks.append(recorded_reply(question, mark.by, mark.reply))
    if marks:
        write_lines(place / ANSWERS / JUDGE, marks)


def _judges(place: Path) -> tuple[str, ...]:
    file = place / ANSWERS / JUDGE
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return tuple(sorted({json.loads(line)["judge"] for line in lines}))


def _suite_file(drafts: list[DraftCase], version: str) -> str:
    head = {"version": version, "attempt_reduce_mode": "avg"}
    return to_yaml({**head, "cases": [f"{CASES}/{draft.id}.yaml" for draft in drafts]})


def _sources(drafts: list[DraftCase]) -> str:
    """Who wrote what the cases derive from; CC BY-SA asks for it."""
    lines = ["# Sources", "", "Each case is a changed, paraphrased form of what is named here.", ""]
    for draft in drafts:
        posts = draft.source.get("posts") or [draft.source]
        told = [
            ", ".join(str(post[key]) for key in ("url", "author", "licence") if post.get(key))
            for post in posts
        ]
        lines.append(f"- {draft.id}: {'; '.join(filter(None, told)) or 'not known'}")
    return "\n".join(lines) + "\n"


def _origin(folder: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((folder / ORIGIN).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return data


def _mappings(place: Path) -> Iterator[dict[str, Any]]:
    import yaml

    suite = yaml.load((place / SUITE).read_bytes(), yaml.CSafeLoader)
    for one in suite.get("cases") or ():
        name = one.get("path") if isinstance(one, dict) else one
        yield yaml.load((place / str(name)).read_bytes(), yaml.CSafeLoader)

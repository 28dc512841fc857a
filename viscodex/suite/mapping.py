"""A draft as a case file has it.

in:  a DraftCase
out: the mapping of format infibench-v/1, the Case that grading takes
not covered: grading (trial.py); writing suites (freeze.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from viscodex.suite.drafts import DraftCase
from viscodex.tasks.cases import FORMAT, Case, CaseError, CaseReader

_PATHS = ("path", "prefix_path")  # keys of `grading` that name files


def read_case(draft: DraftCase, folder: Path) -> Case:
    """The case of a draft, checked as one of a suite is.

    Args:
        folder: of the drafts; pictures and files of tests lie below it.

    Raises:
        CaseError: it cannot be graded; the message says what and where.
    """
    return CaseReader(folder, folder, strict=True).read(case_mapping(draft))


def case_mapping(draft: DraftCase) -> dict[str, Any]:
    """A draft in the format infibench-v/1; paths are relative to the folder of the drafts.

    Raises:
        CaseError: its grading is no YAML.
    """
    head: dict[str, Any] = {
        "format": FORMAT,
        "id": draft.id,
        "area": draft.area,
        "lang": draft.lang,
    }
    if draft.type:
        head["type"] = draft.type
    if draft.source:
        head["source"] = draft.source
    images = [
        {"path": one.path, "sha256": one.sha256, "width": one.width, "height": one.height}
        for one in draft.images
    ]
    return {
        **head,
        "prompt": draft.prompt,
        "images": images,
        "reference": draft.reference,
        "grading": read_grading(draft.grading),
    }


def read_grading(text: str) -> dict[str, Any]:
    """What stands under `grading:`.

    Raises:
        CaseError: no YAML that is safe, or no mapping.
    """
    try:
        data = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CaseError(f"grading: no YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(data, dict):
        raise CaseError(f"grading: a mapping is needed, not {type(data).__name__}")
    return data


def paths_of(grading: Any) -> Iterator[str]:
    """The files that a grading names."""
    names: list[str] = []

    def note(path: str) -> str:
        names.append(path)
        return path

    with_paths(grading, note)
    yield from dict.fromkeys(names)


def with_paths(grading: Any, change: Callable[[str], str]) -> Any:
    """A grading with all its paths changed."""
    if isinstance(grading, list):
        return [with_paths(one, change) for one in grading]
    if not isinstance(grading, Mapping):
        return grading
    made: dict[str, Any] = {}
    for key, value in grading.items():
        if key in _PATHS and isinstance(value, str):
            made[key] = change(value)
        elif key == "files" and isinstance(value, Mapping):
            made[key] = {name: change(str(path)) for name, path in value.items()}
        else:
            made[key] = with_paths(value, change)
    return made

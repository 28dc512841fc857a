"""What lies where in a suite.

in:  the folder of a suite
out: the names of its files, their hashes, its manifest
not covered: reading and grading cases (tasks/suite.py)

    SUITE/suite.yaml                version, cases: the paths of the case files
          cases/ID.yaml             a question and how its answers are graded: infibench-v/1
          pictures/ tests/          what case files name
          answers/reference.jsonl   to each question a response that scores 1,
                  wrong.jsonl       a plausible one that scores below 0.5,
                  empty.jsonl       and none; all three as `viscodex score --answers` takes them
                  judge.jsonl       what a judge said of the first two (--judge recorded/FILE)
          manifest.json             sha256 of all of these
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from viscodex.errors import BadDataset
from viscodex.files import write_atomically
from viscodex.types import from_json, to_json

SUITE, MANIFEST = "suite.yaml", "manifest.json"
CASES, PICTURES, ANSWERS = "cases", "pictures", "answers"
JUDGE = "judge.jsonl"  # in ANSWERS
FORMAT = 1  # of the manifest; a newer one is refused


@dataclass(frozen=True, slots=True)
class SuiteManifest:
    """manifest.json of a suite; its bytes depend on the content of the suite alone."""

    version: str
    revision: str  # as `viscodex score infibench_v` reports it: over all that is asked and expected
    n_cases: int
    counts: dict[str, dict[str, int]]  # area, lang, type, metric, licence -> value -> cases
    files: dict[str, str]  # path in the suite -> sha256
    judged_by: tuple[str, ...] = ()  # whose marks judge.jsonl holds
    origin: dict[str, Any] = field(
        default_factory=dict
    )  # of a built suite: recipe, prompts, funnel
    format: int = FORMAT


def sha256_of(data: str | bytes) -> str:
    """Hash of a text or file, hex."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def file_hashes(folder: Path) -> dict[str, str]:
    """sha256 of all files of a suite but the manifest, by path.

    Hidden files and what Python compiled are no part of it.

    Raises:
        BadDataset: a link, which would not be what it is elsewhere.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if hidden or name.as_posix() == MANIFEST:
            continue
        if path.is_symlink():
            raise BadDataset("a suite holds no links", str(path), "Put the file itself there.")
        if path.is_file():
            found[name.as_posix()] = sha256_of(path.read_bytes())
    return found


def write_manifest(folder: Path, manifest: SuiteManifest) -> None:
    """Write manifest.json; whole or not there."""
    write_atomically(folder / MANIFEST, to_json(manifest, indent=1) + "\n")


def read_manifest(folder: Path) -> SuiteManifest | None:
    """The manifest of a suite; None where it is not frozen.

    Raises:
        BadDataset: it cannot be read, or a newer viscodex wrote it.
    """
    path = folder / MANIFEST
    try:
        manifest = from_json(SuiteManifest, path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise BadDataset(
            "the manifest cannot be read", f"{path}: {first}", "Freeze the suite again."
        ) from None
    if manifest.format > FORMAT:
        raise BadDataset(
            "the suite is of a newer format",
            f"{path}: format {manifest.format}; this viscodex reads {FORMAT}",
            "Update viscodex.",
        )
    return manifest


def to_yaml(data: Any) -> str:
    """YAML for people: keys in their order, texts of several lines as they stand."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text.encode("utf-8", "replace").decode(), "utf-8")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)

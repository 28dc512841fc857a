"""manifest.json: what a data set consists of, and how it came about.

in:  what was written, counted and rejected
out: a small file whose bytes depend on the content alone; the same noun again
not covered: the card for people (card.py)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viscodex.data.shards import ShardInfo
from viscodex.errors import BadDataset
from viscodex.files import write_atomically
from viscodex.types import from_json, to_json

FORMAT = 1  # of the folder; a newer one is refused


@dataclass(frozen=True, slots=True)
class FilterNote:
    """One filter as the card tells of it."""

    name: str
    explain: str
    category: str = ""  # whose samples it looks at; empty: all
    thresholds: dict[str, Any] = field(default_factory=dict)
    n_rejects: int | None = None  # None: to be counted by finish_dataset
    source: str = ""  # key of the recipe whose drafts it looks at; empty: all of the category


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json: what a data set consists of and how it came about."""

    viscodex_version: str
    shards: tuple[ShardInfo, ...]
    rejects: tuple[ShardInfo, ...]
    n_samples: int
    n_rejects: int
    content: str  # hash of all samples in order
    counts: dict[str, dict[str, dict[str, int]]]  # category -> task -> kind -> samples
    filters: tuple[FilterNote, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)  # of what decides content
    sources: dict[str, int] = field(default_factory=dict)  # source -> samples
    licences: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    format: int = FORMAT


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json; whole or not there."""
    write_atomically(folder / "manifest.json", to_json(manifest, indent=1) + "\n")


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a data set; None where it has none.

    Raises:
        BadDataset: it cannot be read, or a newer viscodex wrote it.
    """
    path = folder / "manifest.json"
    try:
        manifest = from_json(Manifest, path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise BadDataset(
            "the manifest cannot be read",
            f"{path}: {str(error).splitlines()[0]}",
            "Copy or build the data set again.",
        ) from None
    if manifest.format > FORMAT:
        raise BadDataset(
            "the data set is of a newer format",
            f"{path}: format {manifest.format}; this viscodex reads {FORMAT}",
            "Update viscodex.",
        )
    return manifest

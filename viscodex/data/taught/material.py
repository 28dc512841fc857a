"""Plotting code as people publish it: folders of scripts and notebooks, tables of files.

in:  a folder with .py, .ipynb, .parquet, or one such file
out: Files by number
not covered: what is done with them (scripts.py)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from viscodex.data.taught.shelf import Shelf

COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("content", "code", "text", "script"),
    "name": ("path", "max_stars_repo_path", "file", "name", "id"),
    "licence": ("licence", "license", "max_stars_repo_licenses", "licenses"),
    "origin": ("url", "repo", "repo_name", "max_stars_repo_name", "repository"),
}
"""Role -> what its column is called in tables of code, the first that is there."""

_MAGIC = re.compile(r"^\s*(?:[%!]|\?|get_ipython\(\))")


@dataclass(frozen=True, slots=True)
class File:
    """One file of code."""

    name: str  # for people, and for the teacher
    code: str  # empty where there is none
    licence: str = ""  # as it is said there; empty: not said
    origin: str = ""  # repository or address, where a table has one
    problem: str = ""  # why there is no code


class Scripts:
    """The files of a shelf.

    Args:
        place: folder or file.
        columns: role -> column of tables.

    Raises:
        BadRecipe: as Shelf.
    """

    def __init__(self, place: Path, columns: Mapping[str, str] | None = None) -> None:
        self.shelf = Shelf(place, (".py", ".ipynb"), COLUMNS, columns, needed="code")

    def __len__(self) -> int:
        return len(self.shelf)

    def __getitem__(self, number: int) -> File:
        item = self.shelf[number]
        if item.row is not None:
            code = item.row.get("code")
            if not isinstance(code, str) or not code.strip():
                return File(item.name, "", problem="the row has no code")
            licence, origin = _licence(item.row.get("licence")), str(item.row.get("origin") or "")
            return File(item.name, code, licence, origin)
        try:
            text = item.path.read_bytes().decode("utf-8", "replace")
            code = notebook_code(text) if item.path.suffix == ".ipynb" else text
        except (OSError, ValueError, RecursionError) as error:
            return File(item.name, "", problem=f"{type(error).__name__}: {error}"[:200])
        return File(item.name, code)


def _licence(value: object) -> str:
    """One expression; several licences of one file hold all at once."""
    if isinstance(value, list):
        return " and ".join(str(one).lower() for one in value if one)
    return str(value or "").lower()


def notebook_code(text: str) -> str:
    """The code cells of a notebook, in order; magics are commented out.

    Raises:
        ValueError: it is no notebook.
    """
    data = json.loads(text)
    cells = data.get("cells") if isinstance(data, dict) else None
    if cells is None and isinstance(data, dict):  # format 3
        sheets = data.get("worksheets")
        first = sheets[0] if isinstance(sheets, list) and sheets else None
        cells = first.get("cells") if isinstance(first, dict) else None
    if not isinstance(cells, list):
        raise ValueError("not a notebook: it has no cells")
    parts = []
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        whole = "".join(map(str, source)) if isinstance(source, list) else str(source)
        lines = whole.splitlines()
        if lines and lines[0].startswith("%%"):
            continue  # a cell of another language
        parts.append("\n".join(f"# {line}" if _MAGIC.match(line) else line for line in lines))
    return "\n\n# %%\n".join(part for part in parts if part.strip())

"""The items of ChartMimic as they are published.

in:  a folder, zip or tar with subsets such as direct_600 (NAME.py, NAME.png, NAME.txt), or a table
     (JSON lines, TSV of VLMEvalKit, parquet)
out: a Benchmark
not covered: scores (chartmimic.py); fetching anything
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from viscodex.errors import BadDataset
from viscodex.tasks.archive import Row, Tree, is_table, picture_of, read_rows
from viscodex.tasks.task import Benchmark, Item, Picture
from viscodex.types import Message

SUBSET = re.compile(r"(?P<task>ori|direct|customized|edit)(?:_[a-z-]+)?_?(?P<size>\d+)?$")
"""Names of the published subsets: ori_500, customized_500, direct_600, customized_1800, ..."""

_STEPS = (
    "Fetch the archive of ChartMimic/ChartMimic (dataset-iclr.tar.gz, or dataset-old.tar.gz for the\n"
    "500 + 500 of v1) from its data set page, and give it or the unpacked folder, with --split\n"
    "direct_600, customized_600, direct_1800, ..."
)

_SYSTEM = "You write Python code that draws charts with matplotlib."
_DIRECT = (
    "<image>\nYou are an expert Python developer. The picture above is a chart from a STEM paper. Write "
    "Python code that reproduces it with matplotlib as exactly as you can: chart types, layout, texts, "
    "data, colours, style.{size} Give the whole script in one ```python block."
)
_CUSTOMIZED = (
    "<image>\nYou are an expert Python developer. The picture above is a chart from a STEM paper. "
    "Write Python code that draws a chart of the same style with other data:\n\n{instruction}\n\n{size}"
    "Give the whole script in one ```python block."
)
"""Our wording of what the paper asks; the hash of the prompts stands in every report."""


@dataclass(frozen=True, slots=True)
class ChartItem:
    """What scoring needs of an item."""

    name: str  # base name of the reference: line_1; the official code looks at it
    task: Literal["direct", "customized"]
    reference: str
    instruction: str = ""
    size_inches: tuple[float, float] | None = None


def read_chartmimic(place: Path, split: str = "") -> Benchmark:
    """All items of a subset.

    Args:
        split: name of the subset, where there are several.

    Raises:
        BadDataset: nothing is there, several subsets are, or a file is missing.
    """
    if not place.exists():
        raise BadDataset("there is no such folder or file", str(place), _STEPS)
    if place.is_file() and is_table(place.name):
        tree = Tree(place.parent)
        found = list(
            _from_rows(read_rows(place.name, place.read_bytes()), tree, split or place.stem)
        )
    else:
        found = list(_from_tree(Tree(place), split, str(place)))
    if not found:
        raise BadDataset(
            "there are no items of ChartMimic in it", f"{place} {split}".strip(), _STEPS
        )
    items = tuple(_item(*one) for one in found)
    ids = [item.id for item in items]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise BadDataset("an item is there twice", f"{place}: {twice}", "Choose one with --split.")
    told = json.dumps([[i.id, i.data.task, i.data.reference, i.data.instruction] for i in items])
    revision = hashlib.sha256(told.encode()).hexdigest()
    return Benchmark("chartmimic", items, str(place), revision, settings={"split": split})


Found = tuple[str, ChartItem, Picture | None]


def _from_tree(tree: Tree, split: str, where: str) -> Iterator[Found]:
    """NAME.py with NAME.png and, of the customized task, NAME.txt in a folder for each subset."""
    subsets: dict[str, list[str]] = {}
    for folder, names in tree.folders().items():
        if any(name.endswith(".py") for name in names):
            label = PurePosixPath(folder).name if folder != "." else tree.place.name
            subsets.setdefault(label, []).extend(names)
    if split:
        subsets = {name: files for name, files in subsets.items() if name == split}
    if len(subsets) > 1:
        raise BadDataset(
            "there are several subsets",
            f"{where}: {', '.join(sorted(subsets))}",
            "Choose one with --split.",
        )
    tables = [name for name in tree.names if is_table(name) and PurePosixPath(name).stem == split]
    if not subsets and tables:
        yield from _from_rows(read_rows(tables[0], tree.read(tables[0])), tree, split)
    for label, names in subsets.items():
        task = _task(label)
        by_name = {PurePosixPath(name).name: name for name in names}
        for file, path in sorted(by_name.items()):
            if not file.endswith(".py"):
                continue
            stem = file.removesuffix(".py")
            text = by_name.get(f"{stem}.txt")
            item = ChartItem(stem, task, tree.text(path), tree.text(text) if text else "")
            picture = by_name.get(f"{stem}.png")
            yield stem, item, tree.picture(picture) if picture else None


def _task(label: str, row: Row | None = None) -> Literal["direct", "customized"]:
    said = f"{(row or {}).get('task', '')} {label}".lower()
    return "customized" if "customized" in said or "edit" in said else "direct"


def _from_rows(rows: list[Row], tree: Tree, label: str) -> Iterator[Found]:
    """Rows with the script itself, or with its path beside the table."""
    for n, row in enumerate(rows):
        code = _first(row, "ground_truth_figure_code", "code", "reference")
        name = str(_first(row, "name", "idx", "index", "id") or n)
        if code and code.strip().endswith(".py") and "\n" not in code.strip():
            path = tree.find(code.strip())
            if path is None:
                raise BadDataset(
                    "a reference script is missing", f"row {n + 1}: {code}",
                    f"Unpack the archive of scripts beside the table ({tree.place}).",
                )  # fmt: skip
            name, code = PurePosixPath(path).stem, tree.text(path)
        if not code:
            raise BadDataset(
                "a row has no reference script", f"row {n + 1}: {', '.join(map(str, row))}", _STEPS
            )
        size = None
        if row.get("width") and row.get("height"):
            size = (float(row["width"]), float(row["height"]))
        instruction = str(_first(row, "instruction", "question") or "")
        key = str(row["index"]) if "index" in row else name
        figure = _first(row, "input_figure", "image", "figure", "input_image")
        path = tree.find(figure) if isinstance(figure, str) and len(figure) < 500 else None
        picture = tree.picture(path) if path else picture_of(figure)
        yield key, ChartItem(name, _task(label, row), code, instruction, size), picture


def _first(row: Row, *names: str) -> str | None:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _item(key: str, item: ChartItem, picture: Picture | None) -> Item:
    size = (
        f" Use figsize=({item.size_inches[0]:g}, {item.size_inches[1]:g})."
        if item.size_inches
        else ""
    )
    asked = _DIRECT if item.task == "direct" else _CUSTOMIZED
    text = asked.format(size=size, instruction=item.instruction.strip())
    kind = item.name.rpartition("_")[0] or item.name
    return Item(
        id=key,
        prompt=(Message("system", _SYSTEM), Message("user", text)),
        images=(picture,) if picture else (),
        data=item,
        groups={"type": (kind,)},
    )

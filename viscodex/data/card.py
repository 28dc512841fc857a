"""What makes a folder of shards a data set: manifest, card and galleries.

in:  a folder with its shards and rejects; recipe, filters, versions
out: manifest.json, README.md, gallery.html, rejects.html; equal input gives equal bytes
not covered: the shards themselves (shards.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import xxhash
import yaml

from viscodex import __version__
from viscodex.data.columns import sample_hash
from viscodex.data.dataset import Dataset
from viscodex.data.gallery import write_galleries
from viscodex.data.manifest import FilterNote, Manifest, write_manifest
from viscodex.data.shards import ShardInfo, hash_file
from viscodex.data.stats import Stats, count_rows, histogram_lines, measure
from viscodex.data.store import open_dataset, read_rejects
from viscodex.files import write_atomically


def finish_dataset(
    folder: Path,
    *,
    shards: Sequence[ShardInfo] = (),
    recipe: Mapping[str, Any] | None = None,
    filters: Iterable[FilterNote] = (),
    versions: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    rebuild: str = "",
    name: str = "Multimodal coding data",
) -> Manifest:
    """Write manifest, card and galleries of a folder whose shards and rejects are complete.

    Args:
        folder: with data/*.parquet and, where anything was rejected, rejects/*.parquet.
        shards: what write_shard returned; those that are not given are read and hashed.
        recipe: plain data from which the data set can be made again; goes into card and manifest.
        filters: what was looked for; those without n_rejects are counted here.
        versions: of what decides the content: runtime, fonts, browser.
        notes: sentences for the card.
        rebuild: command that makes it again where no recipe does.
        name: title of the card.

    Raises:
        BadDataset: the folder is none, or a shard is damaged.
    """
    (folder / "manifest.json").unlink(missing_ok=True)  # of an earlier state
    dataset = open_dataset(folder)
    known = {info.file: info for info in shards}
    infos = tuple(
        known.get(path.name) or _info(path, dataset)
        for path in sorted((folder / "data").glob("*.parquet"))
    )
    refused = tuple(_info(path) for path in sorted((folder / "rejects").glob("*.parquet")))
    stats = measure(dataset)
    manifest = Manifest(
        viscodex_version=__version__,
        shards=infos,
        rejects=refused,
        n_samples=stats.n_samples,
        n_rejects=stats.n_rejects,
        content=xxhash.xxh3_128_hexdigest("".join(info.content for info in infos).encode()),
        counts=stats.counts,
        filters=tuple(_counted(filters, _by_filter(folder))),
        recipe=dict(recipe or {}),
        versions=dict(sorted((versions or {}).items())),
        sources=stats.sources,
        licences=stats.licences,
        notes=tuple(notes),
    )
    write_galleries(folder, dataset)
    write_atomically(folder / "README.md", dataset_card(manifest, stats, name, rebuild))
    write_manifest(folder, manifest)
    return manifest


def _info(path: Path, dataset: Dataset | None = None) -> ShardInfo:
    """What write_shard would have said of a file; without a dataset, of a file of rejects."""
    hashes = xxhash.xxh3_128()
    for sample in dataset.shard(path.name) if dataset is not None else ():
        hashes.update(sample_hash(sample).encode())
    return ShardInfo(
        file=path.name,
        rows=pq.ParquetFile(path).metadata.num_rows,
        bytes=path.stat().st_size,
        xxh3=hash_file(path),
        content="" if dataset is None else hashes.hexdigest(),
    )


def _by_filter(folder: Path) -> Counter[tuple[str, str]]:
    return Counter((reject.category, reject.filter) for reject in read_rejects(folder))


def _counted(
    filters: Iterable[FilterNote], rejects: Mapping[tuple[str, str], int]
) -> Iterator[FilterNote]:
    """The filters with their counts, then the reasons that no filter explains.

    Args:
        rejects: (category, filter) -> how many.
    """
    names = set()
    for note in filters:
        names.add(note.name)
        if note.n_rejects is not None:
            yield note
            continue
        found = (
            n
            for (category, name), n in rejects.items()
            if name == note.name and note.category in ("", category)
        )
        yield replace(note, n_rejects=sum(found))
    for (category, name), n in sorted(rejects.items()):
        if name not in names:
            yield FilterNote(name, "", category, n_rejects=n)


# --- the card -------------------------------------------------------------------------------------


def dataset_card(manifest: Manifest, stats: Stats, name: str, rebuild: str = "") -> str:
    """The text of README.md."""
    parts = [
        f"---\n{_front(manifest)}---",
        f"# {_plain(name)}",
        f"{manifest.n_samples:,} samples of multimodal coding data, made by viscodex "
        f"{manifest.viscodex_version}; {manifest.n_rejects:,} more were rejected. Look at them: "
        "[kept samples](gallery.html), [rejects](rejects.html).",
        *[f"- {_plain(note)}" for note in manifest.notes],
        "## What is in it",
        _table(("category", "task", "kind", "samples"), count_rows(stats), numbers=1),
        f"## Length in {stats.histogram_of}",
        "```\n" + "\n".join(histogram_lines(stats)) + "\n```",
        "Of all messages and pictures; the tokenizer is named in the recipe."
        if stats.histogram_of == "tokens"
        else "Tokens were not counted.",
        "## Rejects",
        _rejects(manifest, stats),
        "## Sources and licences",
        _table(("source", "samples"), stats.sources.items(), numbers=1),
        _table(("licence", "samples"), stats.licences.items(), numbers=1),
        "## Load",
        "```python\nfrom datasets import load_dataset\n\n"
        'samples = load_dataset("path/to/this/folder", split="train")\n'
        'samples[0]["images"][0]  # a PIL picture\n```',
        "```python\nfrom viscodex.data.store import open_dataset, read_rejects\n\n"
        'samples = open_dataset("path/to/this/folder")  # by number, little memory\n```',
        '"<image>" stands in the messages where the next picture goes. Columns: `messages`, `images`, '
        "`reference` (the code of the answer as it runs), `tests`, `meta` (JSON: the rest).",
        *_recipe(manifest, rebuild),
        "## Hashes",
        f"Content `{manifest.content}` (XXH3, 128 bits, over all samples in order).",
        _table(
            ("file", "samples", "bytes", "XXH3"),
            ((f"data/{s.file}", s.rows, s.bytes, f"`{s.xxh3}`") for s in manifest.shards),
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(manifest: Manifest) -> str:
    front = {
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/*.parquet"}],
            }
        ],
        "tags": ["viscodex", "multimodal", "code"],
        "task_categories": ["image-text-to-text"],
        "size_categories": [_size_category(manifest.n_samples)],
    }
    return yaml.safe_dump(front, sort_keys=False)


def _size_category(n: int) -> str:
    limits = [
        (1_000, "n<1K"),
        (10_000, "1K<n<10K"),
        (100_000, "10K<n<100K"),
        (1_000_000, "100K<n<1M"),
    ]
    return next((name for limit, name in limits if n < limit), "1M<n<10M")


def _rejects(manifest: Manifest, stats: Stats) -> str:
    drafts = stats.n_drafts + manifest.n_rejects
    rows = (
        (
            note.source or note.category or "all",
            note.name,
            note.explain,
            ", ".join(f"{key} = {value}" for key, value in note.thresholds.items()),
            note.n_rejects or 0,
            f"{100 * (note.n_rejects or 0) / max(1, drafts):.2f} %",
        )
        for note in manifest.filters
    )
    table = _table(("of", "filter", "looks for", "threshold", "rejected", "share"), rows)
    share = f"Share: of {drafts:,} drafts, {stats.n_drafts:,} of which were kept."
    return f"{table}\n\n{share}" if manifest.filters else "None."


def _recipe(manifest: Manifest, rebuild: str) -> list[str]:
    if not manifest.recipe:
        return ["## Make it again", f"```bash\n{_plain(rebuild)}\n```"] if rebuild else []
    text = yaml.safe_dump(manifest.recipe, sort_keys=False, allow_unicode=True)
    lines = [f"- {_plain(key)} {_plain(value)}" for key, value in manifest.versions.items()]
    return [
        "## Make it again",
        "Put this into `recipe.yaml`, then `viscodex data build recipe.yaml -o DIR`:",
        f"```yaml\n{text.replace('```', '` ` `')}```",
        *(["Made with:", "\n".join(lines)] if lines else []),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """A table of Markdown; the last `numbers` columns are right-aligned."""
    marks = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(marks) + "|"]
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else _plain(str(cell)) for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text that is no markup: names come from data."""
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")

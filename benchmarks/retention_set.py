"""The built-in set of `viscodex eval retention`, from a data set of ours: mini.yaml.

    viscodex data build recipes/data/mini.yaml -o mini
    python benchmarks/retention_set.py mini -o viscodex/tasks/retention_items

Pictures are kept with 64 colours and at most 900 pixels a side; what a question is asked about stays legible.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from viscodex.data.store import open_dataset
from viscodex.images import open_image
from viscodex.types import Sample

N = {"algorithm": 32, "completion": 24, "reading": 18, "values": 30, "types": 20}
PER_KIND = {"algorithm": 1, "completion": 2, "reading": 1, "values": 2, "types": 1}
NAMES = {
    "bar": "vertical bar chart", "barh": "horizontal bar chart", "line": "line chart",
    "scatter": "scatter plot", "pie": "pie chart", "donut": "donut chart", "box": "box plot",
    "violin": "violin plot", "histogram": "histogram", "heatmap": "heatmap", "area": "area chart",
    "radar": "radar chart", "step": "step chart", "stem": "stem plot", "bubble": "bubble chart",
    "treemap": "treemap", "waterfall": "waterfall chart", "contour": "contour plot",
    "quiver": "quiver plot", "candlestick": "candlestick chart", "surface": "3d surface plot",
    "graph": "network graph",
}  # fmt: skip
ASK_TYPE = "Which type of chart is this? Answer with one of: {}."
MAX_BYTES = 60_000  # of the picture in the data set; larger ones are left out


def rows(sample: Sample) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(set, kind, row) for each use that a sample has."""
    first, answer = sample.messages[0].content, sample.messages[1].content
    question = first.replace("<image>", "").strip()
    kind = str(sample.meta.get("kind", ""))
    if sample.category == "algorithm" and sample.task == "code" and not sample.images:
        yield "algorithm", kind, {"question": question, "tests": sample.tests}
    if sample.task == "code" and 300 < len(sample.reference) < 1500:
        yield "completion", sample.category + kind[:2], {"text": sample.reference}
    if len(sample.images) != 1 or len(sample.images[0]) > MAX_BYTES:
        return
    if sample.task == "ocr" and len(answer) < 500:
        yield "reading", kind, {"question": question, "answer": answer}
    if sample.task == "question" and len(answer) < 60:
        yield "values", kind, {"question": question, "answer": answer}
    if sample.category == "chart" and sample.task == "code" and kind in NAMES:
        asked = ASK_TYPE.format(", ".join(sorted(NAMES.values())))
        yield "types", kind, {"question": asked, "answer": NAMES[kind]}


def small(data: bytes) -> bytes:
    """The picture with few colours."""
    picture = open_image(data)
    picture.thumbnail((900, 900))
    file = io.BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    (given.out / "pictures").mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    lines = []
    for sample in open_dataset(given.dataset):
        for name, kind, row in rows(sample):
            if counts[name] >= N[name] or kinds[name, kind] >= PER_KIND[name]:
                continue
            counts[name] += 1
            kinds[name, kind] += 1
            told = {"id": f"{name}-{counts[name]:02}", "set": name, **row}
            if name in ("reading", "values", "types"):
                told["picture"] = f"pictures/{told['id']}.png"
                (given.out / told["picture"]).write_bytes(small(sample.images[0]))
            lines.append(told)
    lines.sort(key=lambda row: row["id"])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines)
    (given.out / "items.jsonl").write_text(text, encoding="utf-8")
    print(dict(counts), sum(f.stat().st_size for f in given.out.rglob("*.*")), "bytes")


if __name__ == "__main__":
    main()

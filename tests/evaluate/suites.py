"""Benchmarks that cost little: InfiBench-V by keywords, MMCode with two-line programs."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image


def png(width: int = 8, height: int = 6, color: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


def write_suite(folder: Path, n: int, picture: bytes | None = None) -> Path:
    """InfiBench-V: case `c-K` is right when the answer has `wordK`."""
    (folder / "images").mkdir(parents=True)
    data = picture or png()
    (folder / "images" / "a.png").write_bytes(data)
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    image = {
        "path": "images/a.png", "sha256": hashlib.sha256(data).hexdigest(), "width": width, "height": height,
    }  # fmt: skip
    cases = [
        {
            "format": "infibench-v/1", "id": f"c-{k}", "area": ("front-end", "back-end")[k % 2],
            "lang": "python", "prompt": f"Case {k}: which word is in <image 1>?", "images": [image],
            "grading": {"keywords": [f"word{k}."]},
        }
        for k in range(n)
    ]  # fmt: skip
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    return folder


def write_problems(file: Path, n: int) -> Path:
    """MMCode: problem `pK` asks for the sum of K and 1."""
    rows = [
        {
            "problem_id": f"p{k}", "question": f"Add {k}.", "data_split": "test",
            "input_output": json.dumps({"inputs": [f"{k} 1"], "outputs": [str(k + 1)]}),
            "image_tags": ["Math"],
        }
        for k in range(n)
    ]  # fmt: skip
    write_lines(file, rows)
    return file


def write_lines(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


RIGHT = "```python\nprint(sum(map(int, input().split())))\n```"
WRONG = "```python\nprint(-1)\n```"


def text_of(body: dict[str, Any]) -> str:
    """What the user says in a request to an endpoint."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def report_of(run: Path) -> dict[str, Any]:
    """report.json without what may differ between two runs of the same answers: seconds."""
    told: dict[str, Any] = json.loads((run / "report.json").read_text())
    for report in told.values():
        report["settings"]["usage"].pop("seconds", None)
    return told


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]

"""Drafts for the tests: small, gradable, with a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from viscodex.suite.drafts import DraftCase, DraftImage
from viscodex.suite.layout import sha256_of
from viscodex.suite.recorded import mark_of

KEYWORDS = "keywords:\n  - flex-wrap\n  - {content: 'float:', neg: true}\n"
PYTHON = """unit_test:
  lang: python
  tests:
    - content: |
        assert total([3, 4]) == 7
"""
JUDGE = "judge: {rubric: correctness_completeness}\n"


def picture(folder: Path, name: str, text: str = "x") -> DraftImage:
    """A PNG below the folder."""
    image = Image.new("RGB", (320, 200), "white")
    ImageDraw.Draw(image).text((20, 90), text, fill="black")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    path = folder / "pictures" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return DraftImage(f"pictures/{name}", sha256_of(stream.getvalue()), 320, 200)


def keyword_case(folder: Path, key: str = "fe-0001", **changes: Any) -> DraftCase:
    """Graded by keywords."""
    given: dict[str, Any] = {
        "area": "front-end",
        "lang": "css",
        "type": "code debugging",
        "prompt": "Why do the boxes of <image 1> stand in one line?",
        "reference": "Set `flex-wrap: wrap` on the container.",
        "wrong": "Give the boxes `float: left`.",
        "grading": KEYWORDS,
        "source": {
            "url": "https://example.org/q/1",
            "author": "A. Writer",
            "licence": "CC-BY-SA-4.0",
        },
        "evidence": {"question": "Boxes do not wrap"},
    }
    return DraftCase(id=key, images=(picture(folder, f"{key}-1.png", key),), **{**given, **changes})


def python_case(folder: Path, key: str = "ds-0001", **changes: Any) -> DraftCase:
    """Graded by a unit test."""
    given: dict[str, Any] = {
        "area": "ds-ml",
        "lang": "python",
        "prompt": "Write `total(numbers)` as <image 1> shows it.",
        "reference": "```python\ndef total(numbers):\n    return sum(numbers)\n```",
        "wrong": "```python\ndef total(numbers):\n    return len(numbers)\n```",
        "grading": PYTHON,
    }
    return DraftCase(id=key, images=(picture(folder, f"{key}-1.png", key),), **{**given, **changes})


def judged_case(folder: Path, key: str = "io-0001", **changes: Any) -> DraftCase:
    """Graded by a judge whose marks are recorded."""
    reference, wrong = "Port 80 is taken by nginx: stop it.", "Reinstall the system."
    given: dict[str, Any] = {
        "area": "it-ops",
        "lang": "bash",
        "prompt": "What does the terminal of <image 1> complain about?",
        "reference": reference,
        "wrong": wrong,
        "grading": JUDGE,
        "marks": {
            "reference": mark_of(key, "reference", reference, 50, 50, "an expert", ""),
            "wrong": mark_of(key, "wrong", wrong, 5, 5, "an expert", ""),
        },
    }
    return DraftCase(id=key, images=(picture(folder, f"{key}-1.png", key),), **{**given, **changes})

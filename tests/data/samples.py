"""Small samples and pictures for the tests of the store."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from viscodex.types import Category, Message, Sample


def png(width: int = 40, height: int = 30, color: tuple[int, int, int] = (200, 30, 60)) -> bytes:
    """A plain PNG."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), color).save(stream, "PNG")
    return stream.getvalue()


CHART = (
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 3, 2])\nplt.show()\n"
)


def chart(index: int = 0, **more: Any) -> Sample:
    """A chart sample with a picture of its own; `more` replaces fields."""
    fields: dict[str, Any] = {
        "id": f"chart-{index:07d}",
        "category": "chart",
        "messages": (
            Message("user", "<image>\nWrite the code of this chart."),
            Message("assistant", f"Here:\n```python\n{CHART}```"),
        ),
        "images": (png(40 + index % 50, 30, (index % 256, 30, 60)),),
        "reference": CHART,
        "language": "python",
        "meta": {
            "kind": ("line", "bar", "pie")[index % 3],
            "source": "procedural",
            "licence": "CC0-1.0",
            "seed": index,
            "difficulty": 0.25,
            "n_text_tokens": 50 + index,
            "n_vision_tokens": 64,
            "facts": {"title": "Größe", "values": [1, 2.5, None]},
        },
    }
    return Sample(**{**fields, **more})


def problem(
    index: int = 0, code: str = "a, b = map(int, input().split())\nprint(a + b)\n"
) -> Sample:
    """An algorithm sample: the sum of two numbers."""
    category: Category = "algorithm"
    return Sample(
        id=f"algorithm-{index:07d}",
        category=category,
        messages=(
            Message("user", "Print the sum of two numbers."),
            Message("assistant", f"```python\n{code}```"),
        ),
        reference=code,
        language="python",
        tests='{"inputs": ["1 2\\n", "5 7\\n"], "outputs": ["3\\n", "12\\n"]}',
        meta={"kind": "sum", "source": "procedural", "licence": "CC0-1.0"},
    )

"""A source of one's own: dots to count, drawn, run and written. `python examples/data.py`"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from viscodex.data.build import build
from viscodex.data.draft import Draft, Evidence, Machine
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset
from viscodex.recipe import check_recipe
from viscodex.types import Message, Sample


class Dots:
    """Scatter plots with a known number of points."""

    name, category, filters = "dots", "chart", ()

    def __init__(self, seed: int = 0, most: int = 9) -> None:
        self.seed, self.settings = seed, {"most": most}

    def draft(self, index: int) -> Draft:
        """A function of seed and index alone."""
        draw = random.Random(f"{self.seed}/{index}")
        n = draw.randint(2, self.settings["most"])
        points = [(draw.randint(0, 99), draw.randint(0, 99)) for _ in range(n)]
        code = (
            f"import matplotlib.pyplot as plt\n\nplt.scatter(*zip(*{points}))\nplt.title('Dots')\n"
        )
        return Draft(f"dots-{index:07d}", "chart", "dots", code, "python", 0.0, self.seed, {"n": n})

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """In the sandbox."""
        done = machine.charts.run(draft.code)
        return Evidence((done,), done.images[:1])

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """Two tasks of one picture."""
        meta = {"source": "example", "kind": "dots", "licence": "CC0-1.0"}
        asked = Message("user", "<image>\nWrite the matplotlib code of this chart.")
        said = Message("assistant", f"```python\n{draft.code}```")
        count = Message("user", "<image>\nHow many dots are there?")
        told = Message("assistant", f"There are {draft.facts['n']} dots.")
        return (
            Sample(draft.id, "chart", (asked, said), evidence.images, "code", draft.code, "python", meta=meta),
            Sample(f"{draft.id}-question", "chart", (count, told), evidence.images, "question", meta=meta),
        )  # fmt: skip


if __name__ == "__main__":
    out = Path(tempfile.mkdtemp()) / "dots"
    entry = {"n": 12, "source": "__main__:Dots"}
    print(build(check_recipe(DataRecipe, {"sources": {"dots": entry}, "workers": 1}), out))
    print(open_dataset(out)[0].answer)

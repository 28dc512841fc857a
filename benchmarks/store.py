"""Speed and memory of the store: write, read in order and at random, plan from light rows, import.

    python benchmarks/store.py [--samples 4000]

Samples have a noisy picture of about 45 kB, the mean of MCD, and a kilobyte of text. Each line has
seconds of CPU, rate, and the peak memory of the process so far.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from viscodex.data.export import export_dataset
from viscodex.data.importing import import_dataset
from viscodex.data.shards import write_shards
from viscodex.data.store import open_dataset
from viscodex.types import Message, Sample


def pictures(n: int) -> list[bytes]:
    """PNG files of noise in few grey levels."""
    found = []
    for seed in range(n):
        noise = np.random.default_rng(seed).integers(0, 4, (400, 460), np.uint8) * 60
        stream = io.BytesIO()
        Image.fromarray(noise).save(stream, "PNG")
        found.append(stream.getvalue())
    return found


def samples(n: int) -> Iterator[Sample]:
    """Charts, one after the other."""
    drawn = pictures(16)
    for i in range(n):
        code = f"plt.plot([{i}])\n" * 60
        messages = (
            Message("user", "<image>\nDraw it."),
            Message("assistant", f"```python\n{code}```"),
        )
        yield Sample(f"chart-{i:07d}", "chart", messages, (drawn[i % 16],), meta={"kind": "line"})


def timed(name: str, n: int, work: Callable[[], object]) -> None:
    """Do it and print a line."""
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    memory = int(peak[1]) // 1024 if peak else 0
    print(f"{name:28} {seconds:8.2f} s CPU {n / seconds:10,.0f} /s {memory:8,} MB peak")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=4000)
    n = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "set"
        timed("write", n, lambda: write_shards(folder, samples(n)))
        dataset = open_dataset(folder)
        print(f"{dataset.n_bytes / 1e6:,.0f} MB in {n:,} samples")
        timed("light rows", n, lambda: sum(1 for _ in dataset.rows()))
        timed("read in order", n, lambda: sum(1 for _ in dataset))
        order = random.Random(0).sample(range(n), min(n, 1000))
        timed("read at random", len(order), lambda: [dataset[i].id for i in order])
        timed("export as MCD", n, lambda: export_dataset(dataset, Path(place) / "mcd", "mcd"))
        source, out = Path(place) / "mcd" / "mcd.json", Path(place) / "back"
        timed("import of it, with card", n, lambda: import_dataset(source, out))


if __name__ == "__main__":
    main()

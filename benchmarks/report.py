"""The report page of many samples: seconds, memory, size, and whether a browser can use it.

    python benchmarks/report.py [--golden DIR] [--n 5000] [--runs DIR] [--playwright PYTHON]

in:  the golden ChartMimic pairs (default: ../shared/golden, else tests/golden); with --playwright an
     interpreter that has it (pip install playwright, in an environment of its own)
out: two runs of N replayed answers each, executed and scored (kept, and gone on with, in --runs); a
     Markdown table of what `viscodex report --html` and `viscodex compare --html` take
not covered: what the page says (tests/report)

The pairs repeat, and equal scripts run once in a run: what is measured is the page. So that it cannot save a
picture that it has already, each one, of questions and of what was drawn, has a number inside the file.
The second system gives the reference itself to every fifth question.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from score import GOLDEN, HERE, pairs_of

from viscodex.evaluate.run import Plan, evaluate
from viscodex.evaluate.system import open_system
from viscodex.execute.chart import ChartPool
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.chartmimic import ChartMimic
from viscodex.tasks.task import Benchmark, Item, Picture
from viscodex.types import Message

ASKED = (Message("user", "<image>Draw it again."),)
DRIVER = HERE / "benchmarks" / "report_browser.py"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a command took."""

    seconds: float
    cpu_seconds: float
    memory_mb: float
    size_mb: float


def numbered(png: bytes, number: str) -> bytes:
    """The picture with its number as a comment before its last chunk, so that its bytes are its own."""
    body = b"tEXtnumber\0" + number.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-12] + chunk + png[-12:]


def benchmark_of(pairs: list[dict[str, Any]], n: int) -> Benchmark:
    """n items: the pairs, again and again."""
    with ChartPool("chartmimic", workers=1) as pool:
        drawn = [pool.run(pair["reference"], name=pair["name"]).image for pair in pairs]
    items = tuple(_item(pairs[k % len(pairs)], drawn[k % len(pairs)], k) for k in range(n))
    return Benchmark("chartmimic", items, "golden", f"golden {n}", settings={"split": "direct"})


def _item(pair: dict[str, Any], drawn: bytes | None, k: int) -> Item:
    assert drawn is not None, f"the reference {pair['name']} draws nothing"
    chart = ChartItem(pair["name"], pair["task"], pair["reference"])
    kind = pair["name"].rpartition("_")[0]
    return Item(
        f"{pair['name']}-{k}", ASKED, (Picture(numbered(drawn, str(k))),), chart, {"type": (kind,)}
    )


def answers_of(pairs: list[dict[str, Any]], n: int, every: int, file: Path) -> Path:
    """Recorded answers: the candidate, and the reference to each question that `every` divides."""
    rows = []
    for k in range(n):
        pair = pairs[k % len(pairs)]
        right = every and k % every == 0
        code = pair["reference" if right else "candidate"]
        rows.append({"id": f"{pair['name']}-{k}", "answer": f"```python\n{code}\n```"})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def evaluated(benchmark: Benchmark, answers: Path, place: Path) -> float:
    """Evaluate recorded answers; seconds."""
    began = time.perf_counter()
    with open_system(f"replay/{answers}") as system:
        outcome = evaluate(
            ChartMimic(), benchmark, system, place, Plan(), protocols=("strict",), workers=1
        )
    report = outcome.reports["strict"]
    assert report.n_answered == len(benchmark.items)
    seconds = time.perf_counter() - began
    for k, file in enumerate(sorted((place / "pictures").iterdir())):
        file.write_bytes(numbered(file.read_bytes(), f"{place.name} {k}"))
    return seconds


def taken(page: Path, *words: str) -> Taken:
    """Run viscodex with these words; it writes the page."""
    began = time.perf_counter()
    job = subprocess.Popen([sys.executable, "-m", "viscodex", *words, "--html", str(page)])
    _, status, usage = os.wait4(job.pid, 0)
    assert status == 0, words
    seconds = time.perf_counter() - began
    cpu = usage.ru_utime + usage.ru_stime
    return Taken(seconds, cpu, usage.ru_maxrss / 1024, page.stat().st_size / 1e6)


@contextlib.contextmanager
def folder_of(place: Path | None) -> Iterator[Path]:
    """The folder that is to be kept, or one that goes away."""
    if place is None:
        with tempfile.TemporaryDirectory(prefix="viscodex-bench-") as name:
            yield Path(name)
    else:
        place.mkdir(parents=True, exist_ok=True)
        yield place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", type=Path, default=GOLDEN)
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--playwright", metavar="PYTHON")
    asked = parser.parse_args()
    pairs = [pair for pair in pairs_of(asked.golden, 25) if pair["task"] == "direct"]
    with folder_of(asked.runs) as folder:
        benchmark = benchmark_of(pairs, asked.n)
        print("| | seconds | CPU seconds | peak memory, MB | page, MB |\n|---|---|---|---|---|")
        for name, every in (("first", 0), ("second", 5)):
            answers = answers_of(pairs, asked.n, every, folder / f"{name}.jsonl")
            seconds = evaluated(benchmark, answers, folder / name)
            print(f"| evaluating {name} | {seconds:.0f} | | | |", flush=True)
        runs = [str(folder / name) for name in ("first", "second")]
        for verb in ("report", "compare"):
            names = [f"{name}={run}" for name, run in zip(("first", "second"), runs, strict=True)]
            page = folder / f"{verb}.html"
            took = taken(page, verb, *names)
            print(
                f"| viscodex {verb} | {took.seconds:.1f} | {took.cpu_seconds:.1f} | "
                f"{took.memory_mb:.0f} | {took.size_mb:.1f} |", flush=True,
            )  # fmt: skip
            if asked.playwright:
                subprocess.run([asked.playwright, str(DRIVER), str(page)], check=True)


if __name__ == "__main__":
    main()

"""Evaluating recorded answers against the rate of the execution pool itself.

    python benchmarks/replay.py [--golden DIR] [--n 25]

in:  candidates of the golden ChartMimic pairs (default: ../shared/golden, else tests/golden)
out: CPU seconds an answer: the pool alone; `viscodex eval` with a model of recorded answers, its asking,
     scoring and writing included; the ratio, which shall be 0.8 or more
not covered: the start of the pool and of inspect_ai, once a run: told apart

What is paid once a run is taken out by running N and 3 N answers, either way: the difference is that
of 2 N.
Each answer opens with a comment of its own, since equal ones run once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from score import GOLDEN, Meter, pairs_of

from viscodex.evaluate.run import Plan, evaluate
from viscodex.evaluate.system import open_system
from viscodex.execute.chart import ChartPool
from viscodex.tasks import chart_scripts
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.chartmimic import ChartMimic, ChartScorer
from viscodex.tasks.task import Benchmark, Item
from viscodex.types import Message

ASKED = (Message("user", "Draw it again."),)


def benchmark_of(pairs: list[dict[str, Any]], n: int) -> Benchmark:
    """n items: the pairs, again and again."""
    items = tuple(
        Item(f"{pairs[k % len(pairs)]['name']}-{k}", ASKED, (), _chart(pairs[k % len(pairs)]))
        for k in range(n)
    )
    return Benchmark("chartmimic", items, "golden", f"golden {n}")


def candidate_of(pairs: list[dict[str, Any]], k: int) -> str:
    """The k-th answer's script, unlike all others."""
    return f"# {k}\n{pairs[k % len(pairs)]['candidate']}"


def _chart(pair: dict[str, Any]) -> ChartItem:
    return ChartItem(pair["name"], pair["task"], pair["reference"])


def evaluated(pairs: list[dict[str, Any]], n: int, folder: Path, meter: Meter) -> float:
    """CPU seconds of `viscodex eval` over n recorded answers."""
    benchmark = benchmark_of(pairs, n)
    rows = [
        {"id": item.id, "answer": f"```python\n{candidate_of(pairs, k)}\n```"}
        for k, item in enumerate(benchmark.items)
    ]
    answers = folder / f"answers-{n}.jsonl"
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with meter.measured() as spent, open_system(f"replay/{answers}") as system:
        outcome = evaluate(
            ChartMimic(), benchmark, system, folder / f"run-{n}", Plan(),
            protocols=("strict",), workers=1, cache=folder / "references",
        )  # fmt: skip
    report = outcome.reports["strict"]
    assert report.n_answered == n
    assert report.metrics["exec_rate"].n_scored == n
    assert len(list((folder / f"run-{n}" / "executions").iterdir())) == n
    return spent.seconds


def alone(pairs: list[dict[str, Any]], n: int, meter: Meter) -> tuple[float, float]:
    """CPU seconds of the pool over n scripts, and of its start."""
    with meter.measured() as start:
        pool = ChartPool("chartmimic", workers=1)
        pool.run("1", images=False)
    with meter.measured() as work:
        for k in range(n):
            pair = pairs[k % len(pairs)]
            code = candidate_of(pairs, k)
            if pair["task"] == "customized":
                code = chart_scripts.with_data(code, pair["reference"])
            pool.run(code, name=pair["name"], record="plain", images=True)
    pool.close()
    return work.seconds, start.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", type=Path, default=GOLDEN)
    parser.add_argument("--n", type=int, default=25)
    asked = parser.parse_args()
    meter = Meter()
    pairs = pairs_of(asked.golden, asked.n)
    n = asked.n
    try:
        with tempfile.TemporaryDirectory(prefix="viscodex-bench-") as name:
            folder = Path(name)
            with ChartScorer(("strict",), workers=1, cache=folder / "references") as scorer:
                for pair in pairs:  # references are traced once, whoever is evaluated
                    scorer.references.get(pair["reference"], pair["name"], "plain")
            few = evaluated(pairs, n, folder, meter)
            many = evaluated(pairs, 3 * n, folder, meter)
            first, start = alone(pairs, n, meter)
            own = alone(pairs, 3 * n, meter)[0] - first
    finally:
        meter.close()
    ours = many - few
    print("| way | CPU seconds an answer | pool / this |\n|---|---|---|")
    print(f"| the pool alone | {own / (2 * n):.3f} | 1 |")
    print(f"| eval of recorded answers | {ours / (2 * n):.3f} | {own / ours:.2f} |")
    print(f"\nOnce a run: {few - ours / 2:.1f} s, of which the pool's start {start:.1f} s.")


if __name__ == "__main__":
    main()

"""Execute: warm pools against one sandboxed process, or one browser, for each job.

    python benchmarks/execute.py [--rounds 3] [--only charts pages] [--chromium /usr/bin/chromium]

in:  the runtime `current` (viscodex runtime install current), a headless browser, bubblewrap
out: a Markdown table: seconds per job and ratios, all ways in turn in one run
not covered: correctness (tests/execute)

Charts: two jobs at a time, as many as the pool has workers. `warm process` is the least that a
chart can cost: a process without a sandbox that has imported everything, one after another;
it is compared with a pool of one worker. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from viscodex.execute.chart import ChartPool
from viscodex.execute.page import PagePool
from viscodex.execute.runtime import python_of
from viscodex.execute.sandbox import Limits, isolation, run

MATPLOTLIB = [
    f"""
import numpy as np
import matplotlib.pyplot as plt
rng = np.random.default_rng({i})
fig, axes = plt.subplots(1, 2, figsize=(8, 4))
x = np.arange(12)
axes[0].{kind}
axes[0].set_title("Panel {i}"); axes[0].set_xlabel("month"); axes[0].set_ylabel("value")
axes[1].scatter(rng.normal(size=80), rng.normal(size=80), c=rng.random(80), label="points")
axes[1].legend(); axes[1].grid(True)
fig.tight_layout()
plt.savefig("out.png")
"""
    for i, kind in enumerate(
        [
            'bar(x, rng.random(12), color="teal", label="a")',
            'plot(x, rng.random((12, 3)), marker="o")',
            'hist(rng.normal(size=500), bins=20, edgecolor="white")',
            "fill_between(x, rng.random(12), alpha=0.5)",
            "boxplot([rng.normal(size=50) for _ in range(4)])",
            "imshow(rng.random((8, 8)))",
            "errorbar(x, rng.random(12), yerr=0.1)",
            'pie([1, 2, 3, 4], labels=list("abcd"))',
        ]
    )
]
SEABORN = [
    f"""
import numpy as np, pandas as pd, seaborn as sns
import matplotlib.pyplot as plt
rng = np.random.default_rng({i})
frame = pd.DataFrame({{"group": rng.choice(list("abcd"), 200), "x": rng.normal(size=200),
                      "y": rng.normal(size=200), "kind": rng.choice(["u", "v"], 200)}})
plt.figure(figsize=(7, 5))
{call}
plt.title("Panel {i}")
plt.tight_layout()
plt.savefig("out.png")
"""
    for i, call in enumerate(
        [
            'sns.barplot(frame, x="group", y="y", errorbar=None)',
            'sns.boxplot(frame, x="group", y="y", hue="kind")',
            'sns.scatterplot(frame, x="x", y="y", hue="group")',
            'sns.heatmap(frame.pivot_table(index="group", columns="kind", values="y"), annot=True)',
            'frame.groupby("group").mean(numeric_only=True).plot.bar(ax=plt.gca())',
            'sns.histplot(frame, x="x", hue="kind")',
        ]
    )
]
WARM = """
import io, json, sys, time
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt, numpy, pandas, seaborn, scipy.stats, networkx
scripts = json.load(sys.stdin)
def draw(code):
    code = code.replace('plt.savefig("out.png")', 'plt.savefig(io.BytesIO(), format="png")')
    exec(compile(code, "chart", "exec"), {"__name__": "__main__", "io": io})
    plt.close("all")
for code in scripts: draw(code)
start = time.perf_counter()
for code in scripts: draw(code)
print(time.perf_counter() - start)
"""
CARD = (
    '<div class="card"><h2>Card {n}</h2><p>{text}</p>'
    '<img src="rick.jpg" width="120" height="80"><a href="#">more</a></div>'
)
PAGE = """<!DOCTYPE html><html><head><title>Page {i}</title><style>
body {{ font-family: Arial, sans-serif; margin: 0; background: #fafafa }}
.grid {{ display: grid; grid-template-columns: repeat(4, 1fr); gap: 16px; padding: 24px }}
.card {{ background: white; border-radius: 8px; box-shadow: 0 1px 4px #0003; padding: 12px }}
</style></head><body><h1>Page {i}</h1><div class="grid">{cards}</div></body></html>"""
PAGES = [
    PAGE.format(i=i, cards="".join(CARD.format(n=n, text="words " * 12) for n in range(24)))
    for i in range(12)
]
ROOMY = Limits(wall=120, cpu=60)


def per_job(jobs: list[str], work: Callable[[str], object], at_once: int) -> float:
    """Seconds a job, `at_once` at a time; every job must come out well."""
    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        results = list(threads.map(work, jobs))
    seconds = time.perf_counter() - start
    bad = [r for r in results if getattr(r, "status", "ok") != "ok"]
    if bad:
        raise SystemExit(f"{len(bad)} of {len(jobs)} jobs failed: {bad[0]}")
    return seconds / len(jobs)


def cold_chart(code: str) -> object:
    python = python_of("current")
    return run(
        [str(python), "chart.py"],
        files={"chart.py": code.encode()},
        env={"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        read_only=[python.parent.parent],
        limits=ROOMY,
    )


def warm_process(scripts: list[str]) -> float:
    import json

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(python_of("current")), "-c", WARM],
        input=json.dumps(scripts), capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return float(done.stdout) / len(scripts)


def charts(rounds: int, copies: int) -> list[str]:
    lines = []
    for name, kinds in (("matplotlib", MATPLOTLIB), ("pandas + seaborn", SEABORN)):
        scripts = kinds * copies
        seconds: dict[str, list[float]] = {way: [] for way in ("pool", "cold", "pool of 1", "warm")}
        with ChartPool(workers=2) as two, ChartPool(workers=1) as one:
            per_job(kinds, two.run, 2)  # both pools have started
            per_job(kinds, one.run, 1)
            for _ in range(rounds):
                seconds["pool"].append(per_job(scripts, two.run, 2))
                seconds["cold"].append(per_job(kinds, cold_chart, 2))
                seconds["pool of 1"].append(per_job(scripts, one.run, 1))
                seconds["warm"].append(warm_process(scripts))
        s = {way: statistics.median(values) for way, values in seconds.items()}
        lines += [
            f"| charts, {name}: pool of 2 | {s['pool']:.3f} | 1 |",
            f"| charts, {name}: a sandboxed python each, 2 at a time | {s['cold']:.3f} | {s['cold'] / s['pool']:.1f} |",
            f"| charts, {name}: pool of 1 | {s['pool of 1']:.3f} | 1 |",
            f"| charts, {name}: warm process, no sandbox | {s['warm']:.3f} | {s['warm'] / s['pool of 1']:.2f} "
            f"(ours takes {s['pool of 1'] / s['warm']:.2f} of it) |",
        ]
    return lines


def new_browser(executable: str) -> Callable[[str], object]:
    """A screenshot with a browser of its own: what people's scripts do."""

    def shoot(html: str) -> object:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_content(html)
            picture = page.screenshot(full_page=True)
            browser.close()
        return picture

    return shoot


def pages(rounds: int, chromium: str | None) -> list[str]:
    shell = shutil.which("chromium-headless-shell")
    ways = {"a new headless browser each": shell, "a new full Chromium each": chromium}
    seconds: dict[str, list[float]] = {way: [] for way in ("pool", *ways)}
    with PagePool() as pool:
        per_job(PAGES[:2], pool.render, 2)
        for _ in range(rounds):
            seconds["pool"].append(per_job(PAGES, pool.render, 2))
            for way, executable in ways.items():
                if executable:
                    seconds[way].append(per_job(PAGES[:6], new_browser(executable), 2))
    ours = statistics.median(seconds["pool"])
    lines = [f"| pages: one browser, a context each, 2 at a time | {ours:.3f} | 1 |"]
    for way in ways:
        if seconds[way]:
            s = statistics.median(seconds[way])
            lines.append(f"| pages: {way}, 2 at a time | {s:.3f} | {s / ours:.1f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=3, help="each script so often in the pool")
    parser.add_argument("--only", nargs="*", choices=("charts", "pages"))
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="a full Chromium")
    args = parser.parse_args()
    tempfile.tempdir = str(Path(tempfile.mkdtemp(prefix="viscodex-bench-")))
    wanted = args.only or ("charts", "pages")
    lines = charts(args.rounds, args.copies) if "charts" in wanted else []
    lines += pages(args.rounds, args.chromium) if "pages" in wanted else []
    print(
        f"isolation {isolation().tier}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, "
        f"medians of {args.rounds}, {sys.platform}\n\n| way | seconds a job | x ours |\n|---|---|---|"
    )
    print("\n".join(lines))
    shutil.rmtree(tempfile.tempdir, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Soak: thousands of mixed jobs, a tenth hostile; nothing lost, nothing that grows.

    python benchmarks/soak.py [--jobs 5000] [--at-once 4]

in:  the runtime `current`, a headless browser, bubblewrap
out: counts by kind and status; memory, descriptors and processes over time; exit status 1 if a job
     is lost, has a wrong status, or something grows
not covered: speed (execute.py)
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from viscodex.execute.chart import ChartPool
from viscodex.execute.page import PagePool
from viscodex.execute.program import run_program
from viscodex.execute.sandbox import Limits
from viscodex.types import Execution

TIGHT = Limits(wall=20, cpu=2, memory=512 << 20)

CHART = "import matplotlib.pyplot as plt\nplt.plot([1, {n}, 2]); plt.title('chart {n}'); plt.savefig('x.png')"
PAGE = "<h1>page {n}</h1><p style='color:#123456'>text</p><img src='a.png' width=50 height=50>"
PROGRAM = "print(sum(map(int, input().split())) + {n})"

HOSTILE_CHARTS = {
    "import os; os._exit(0)": {"error", "blocked"},
    "while True: pass": {"timeout"},
    "x = bytearray(10 << 30)": {"memory"},
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass": {
        "timeout",
        "error",
        "blocked",
    },
    "import gc; gc.get_objects()": {"blocked"},
    "import sys\nsys.stdout.write('x' * (1 << 28))": {"blocked"},
    "import os, signal; os.kill(-1, signal.SIGKILL)": {"error", "blocked"},
}
HOSTILE_PAGES = {
    "<script>while (true) {}</script>": {"timeout"},
    "<script>while (true) alert(1)</script>": {"timeout", "blocked"},
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:1/'>x": {"ok"},
    "<div style='height:50000px'>x</div>": {"ok"},
}
HOSTILE_PROGRAMS = {
    "while True: pass": {"timeout"},
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass": {
        "timeout",
        "error",
        "blocked",
    },
    "x = bytearray(10 << 30)": {"memory"},
    "print('x' * (1 << 28))": {"blocked", "memory"},
    "import signal, os; os.kill(os.getppid(), 9)": {"error", "blocked", "ok"},
    "open('x', 'wb').write(b'x' * (200 << 20))": {"error", "memory", "blocked"},
}

Job = tuple[str, str, Callable[[], Execution], Callable[[Execution], bool]]


def jobs(n: int, charts: ChartPool, pages: PagePool) -> Iterator[Job]:
    """name, kind, work, whether its result is right."""
    rng = random.Random(0)
    for i in range(n):
        kind = rng.choices(("chart", "page", "program"), (5, 2, 3))[0]
        hostile = rng.random() < 0.1
        sources = {"chart": HOSTILE_CHARTS, "page": HOSTILE_PAGES, "program": HOSTILE_PROGRAMS}[
            kind
        ]
        source, expected = rng.choice(list(sources.items()))
        if kind == "chart":
            code = source if hostile else CHART.format(n=i)
            work = lambda c=code: charts.run(c, limits=TIGHT)  # noqa: E731
            right = lambda e, t=f"chart {i}": e.figure is not None and t in e.figure.texts  # noqa: E731
        elif kind == "page":
            code = source if hostile else PAGE.format(n=i)
            work = lambda c=code: pages.render(c, limits=TIGHT)  # noqa: E731
            right = lambda e, t=f"page {i}": e.page is not None and e.page.blocks[0].text == t  # noqa: E731
        else:
            code = source if hostile else PROGRAM.format(n=i)
            work = lambda c=code: run_program(c, "python", stdin="1 2", limits=TIGHT)  # noqa: E731
            right = lambda e, t=f"{i + 3}\n": e.stdout == t  # noqa: E731
        if hostile:
            right = lambda e, allowed=expected: e.status in allowed  # noqa: E731
        label = f"{'hostile ' if hostile else ''}{kind}"
        yield label, code, work, right


def usage() -> dict[str, float]:
    """Memory (MB) and descriptors of this process; processes and memory of all its descendants."""
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
                )
                resident[int(entry.name)] = int((entry / "statm").read_text().split()[1]) * page
            except (OSError, IndexError):
                continue
    family, grown = {os.getpid()}, True
    while grown:
        new = {pid for pid, parent in parents.items() if parent in family} - family
        family |= new
        grown = bool(new)
    return {
        "memory": resident.get(os.getpid(), 0) / 1e6,
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "processes": len(family),
        "family": sum(resident.get(pid, 0) for pid in family) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--at-once", type=int, default=4)
    args = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    marks: list[dict[str, float]] = []
    start = time.monotonic()
    with (
        ChartPool(workers=2) as charts,
        PagePool() as pages,
        ThreadPoolExecutor(args.at_once) as threads,
    ):
        pending: dict[Future[Execution], Job] = {}
        source = jobs(args.jobs, charts, pages)
        done = 0
        while True:
            while len(pending) < args.at_once and (job := next(source, None)):
                pending[threads.submit(job[2])] = job
            if not pending:
                break
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                label, code, _, right = pending.pop(future)
                error = future.exception()
                status = type(error).__name__ if error else future.result().status
                counts[label, status] += 1
                if error or not right(future.result()):
                    wrong.append(f"{label}: {error or future.result()!r:.600}\n{code[:200]}")
                done += 1
                if done % max(1, args.jobs // 20) == 0:
                    marks.append(usage())
                    rate = done / (time.monotonic() - start)
                    print(f"{done} jobs, {rate:.1f}/s, {marks[-1]}", file=sys.stderr)
    print("| job | status | number |\n|---|---|---|")
    for (label, status), number in sorted(counts.items()):
        print(f"| {label} | {status} | {number} |")
    print(f"\n{sum(counts.values())} of {args.jobs} jobs came back, {len(wrong)} of them wrong")
    for line in wrong[:10]:
        print(line)
    grown = False
    if len(marks) >= 8:
        early, late = marks[3 : len(marks) // 2], marks[len(marks) // 2 :]
        for key, slack in (
            ("memory", 1.15),
            ("descriptors", 1.3),
            ("processes", 1.5),
            ("family", 1.4),
        ):
            a, b = (sum(m[key] for m in part) / len(part) for part in (early, late))
            print(f"{key}: {a:.0f} in the first half, {b:.0f} in the second")
            grown = grown or b > a * slack
    if wrong or grown or sum(counts.values()) != args.jobs:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

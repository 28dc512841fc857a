"""Scoring: our single traced run against the official way, equal scores checked, CPU seconds.

    python benchmarks/score.py [--golden DIR] [--pairs 12] [--only chartmimic] [--heavy]
        [--playwright PYTHON]

in:  the golden pairs (default: ../shared/golden, else tests/golden), the runtime `chartmimic`
out: a Markdown table: CPU seconds a pair, and the ratio; the scores of all ways, which must agree
not covered: correctness beyond these pairs (tests/tasks)

ChartMimic's own code is in no package registry, so its way of running is re-enacted by a driver of
ours: ten Python processes a pair, one after another, without a sandbox (checker, interpreter, then text,
type, colour and layout of the candidate and of the reference, each with the imports and hooks that it
needs). The matching of colours, for which the official code tries all permutations in a pool of
processes, is not charged to it. Ours runs in the sandbox.

Design2Code's code is in no registry either, and does not parse; pages_official.py says how its way is
re-enacted. Its screenshots come from the original, playwright, where --playwright names an interpreter that
has it (pip install playwright, in an environment of its own); the scores must then be equal to ours.

CPU seconds are those of a cgroup (cpuacct) where one can be made, so that nothing escapes; else of
getrusage.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.execute import recorder
from viscodex.execute.runtime import python_of
from viscodex.tasks import chart_metrics, chart_scripts
from viscodex.tasks.chart_items import ChartItem
from viscodex.tasks.chartmimic import METRICS, ChartScorer
from viscodex.tasks.task import Item
from viscodex.text import read_answer
from viscodex.types import Completion, FigureRecord

HERE = Path(__file__).resolve().parents[1]
SHARED = HERE.parent / "shared" / "golden"
GOLDEN = SHARED if SHARED.is_dir() else HERE / "tests" / "golden"
"""The recorded scores: all of them, or the small part that comes with the project."""
RICK = HERE / "tests" / "golden" / "design2code" / "rick.jpg"
LOG = {"text": "texts", "type": "calls", "color": "colors", "layout": "layouts"}
DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
log, script, name, out = sys.argv[2:6]
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import recorder
code = open(script).read()
hooks = recorder.Recorder(
    recorder.sites() if log in ("calls", "colors") else [], frozenset([log]),
    bare=True, official=True, images=False,
)
hooks.install()
if log == "texts":
    at = code.find("plt.savefig")
    code = code[:at] + recorder.TICKS + code[at:]
scope = {"__name__": "__main__", "__file__": script}
exec(compile(code, script, "exec"), scope)
record = hooks.finish(scope, name=name, ended=True)["record"]
json.dump(record[log], open(out, "w"))
"""


@dataclass
class Spent:
    """CPU seconds of a block."""

    seconds: float = 0.0


class Meter:
    """CPU time of this process and of everything that it starts, by a control group of its own.

    The groups of the sandbox lie below the one in which they are first used, so the meter is made
    before anything runs.
    """

    def __init__(self) -> None:
        self.root = Path("/sys/fs/cgroup/cpuacct")
        self.group: Path | None = self.root / f"viscodex-bench-{os.getpid()}"
        try:
            self.group.mkdir()
            (self.group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            self.group = None

    @contextlib.contextmanager
    def measured(self) -> Iterator[Spent]:
        """CPU time of a block."""
        spent, before = Spent(), self._usage()
        yield spent
        spent.seconds = self._usage() - before

    def close(self) -> None:
        """Leave the group and remove it."""
        if self.group is not None:
            (self.root / "cgroup.procs").write_text(str(os.getpid()))
            with contextlib.suppress(OSError):  # something is still ending
                self.group.rmdir()

    def _usage(self) -> float:
        if self.group is not None:
            return int((self.group / "cpuacct.usage").read_text()) / 1e9
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))


def pairs_of(golden: Path, most: int) -> list[dict[str, Any]]:
    """Pairs that run to their end: endless ones would measure a limit."""
    folder = golden / "chartmimic"
    ours = folder / "scores.json"
    items = json.loads((ours if ours.exists() else folder / "golden.json").read_text("utf-8"))[
        "items"
    ]
    for item in items:
        if "reference" not in item:
            for key, suffix in (("reference", "gt"), ("candidate", "cand")):
                item[key] = (folder / f"{item['id']}_{suffix}.py").read_text("utf-8")
    usable = [i for i in items if i["exec_ok"] and not i["color_order_dependent"]]
    return usable[:most]


def official(item: dict[str, Any], folder: Path) -> dict[str, float]:
    """The ten processes of a pair; F1 of the four metrics."""
    name = item["name"]
    code = chart_scripts.extract(f"```python\n{item['candidate']}```")
    assert code is not None
    if item["task"] == "customized":
        code = chart_scripts.with_data(code, item["reference"])
    scripts = {
        "checker": chart_scripts.checked(code, name),
        "cand": chart_scripts.evaluated(code, name),
        "gt": item["reference"],
    }
    files = {side: folder / f"{side}.py" for side in scripts}
    for side, text in scripts.items():
        files[side].write_text(text)
    python, environment = str(python_of("chartmimic")), {**os.environ, "MPLBACKEND": "Agg"}

    def call(*words: str) -> None:
        subprocess.run(
            [python, *words], cwd=folder, env=environment, capture_output=True, check=False
        )

    call(str(files["checker"]))
    call(str(files["cand"]))
    logs: dict[str, dict[str, Any]] = {"cand": {}, "gt": {}}
    for log in LOG.values():
        for side in ("cand", "gt"):
            out = folder / "out.json"
            out.unlink(missing_ok=True)
            place = str(Path(recorder.__file__).parent)
            call("-c", DRIVER, place, log, str(files[side]), name, str(out))
            logs[side][log] = json.loads(out.read_text()) if out.exists() else {}
    found = chart_metrics.low_level(*(_figure(logs[side]) for side in ("gt", "cand")))
    return {metric: found[metric].f1 for metric in METRICS}


def _figure(logs: dict[str, Any]) -> FigureRecord:
    layouts = tuple(tuple(one) for one in logs["layouts"])
    colors = tuple((name, color) for name, color in logs["colors"])
    return FigureRecord(tuple(logs["texts"]), layouts, dict(logs["calls"]), colors)


def ours(
    items: list[dict[str, Any]], cache: Path, meter: Meter
) -> tuple[list[dict[str, float]], float, float]:
    """Our way: (scores, CPU seconds of starting the pool, of scoring and closing)."""
    scores = []
    with meter.measured() as start:
        scorer = ChartScorer(("paper",), workers=1, cache=cache)
        scorer.pool.run("1", images=False)  # its worker is warm
    with meter.measured() as work, scorer:
        for item in items:
            chart = ChartItem(item["name"], item["task"], item["reference"])
            reply = Completion(f"```python\n{item['candidate']}```")
            answer = read_answer(item["name"], reply)
            (score,) = scorer.score(Item(item["name"], (), (), chart), answer)
            scores.append({metric: score.values[metric] for metric in METRICS})
    return scores, start.seconds, work.seconds


def chartmimic(golden: Path, most: int, meter: Meter) -> list[str]:
    """The rows of ChartMimic."""
    items = pairs_of(golden, most)
    with tempfile.TemporaryDirectory(prefix="viscodex-bench-") as name:
        folder = Path(name)
        with meter.measured() as theirs:
            wanted = [official(item, folder) for item in items]
        cache = folder / "references"
        found, start_1, first = ours(items, cache, meter)
        cached, start_2, again = ours(items, cache, meter)
    wrong = [
        f"{item['id']} {metric}: {a[metric]} {b[metric]} {c[metric]}"
        for item, a, b, c in zip(items, wanted, found, cached, strict=True)
        for metric in METRICS
        if max(abs(a[metric] - b[metric]), abs(b[metric] - c[metric])) > 1e-9
    ]
    golden_wrong = [
        item["id"]
        for item, b in zip(items, found, strict=True)
        for metric in METRICS
        if abs(item["metrics"]["chart_type" if metric == "type" else metric]["f1"] - b[metric])
        > 1e-9
    ]
    if wrong or golden_wrong:
        raise SystemExit("the scores differ:\n" + "\n".join(wrong + golden_wrong))
    n = len(items)
    rows = [
        ("the official way: 10 processes, no sandbox, matching not charged", theirs.seconds),
        ("ours: references traced", first),
        ("ours: references traced, start of the pool included", first + start_1),
        ("ours: references cached", again),
        ("ours: references cached, start of the pool included", again + start_2),
    ]
    return [
        f"| ChartMimic low level, {label} | {seconds / n:.3f} | {theirs.seconds / seconds:.1f} |"
        for label, seconds in rows
    ] + [
        f"\n{n} pairs; the pool's start, once a run: {start_1:.1f} s. Scores of all ways and of the "
        "golden data are equal (1e-9)."
    ]


# --- Design2Code ----------------------------------------------------------------------------------

HEAVY = ("10", "12")
"""Pairs of 130 to 150 blocks, of 8,000 pixels of height: minutes of CPU officially."""


def page_pairs(golden: Path, most: int, heavy: bool) -> list[dict[str, Any]]:
    """Pairs with both sides as text and the recorded scores."""
    folder = golden / "design2code"
    data = json.loads((folder / "golden.json").read_text("utf-8"))["pairs"]
    names = [name for name in data if heavy or name not in HEAVY][:most]
    return [
        {
            "id": name,
            "scores": data[name]["scores"],
            "recorded": data[name].get("timing_official", {}).get("cpu_python_s"),
            **{
                side: (folder / "pairs" / f"{name}_{side}.html").read_text("utf-8")
                for side in ("ref", "cand")
            },
        }
        for name in names
    ]


def our_pages(
    pairs: list[dict[str, Any]], cache: Path, meter: Meter
) -> tuple[list[dict[str, float]], float, float]:
    """Our way: (scores, CPU seconds of starting the browser, of scoring and closing)."""
    from viscodex.tasks.design2code.items import PageItem
    from viscodex.tasks.design2code.task import PageScorer

    scores = []
    with meter.measured() as start:
        scorer = PageScorer(("paper",), {RICK.name: RICK.read_bytes()}, workers=1, cache=cache)
    with meter.measured() as work, scorer:
        for pair in pairs:
            item = Item(pair["id"], (), (), PageItem(pair["ref"], {}))
            answer = read_answer(item.id, Completion(pair["cand"]), "html")
            (score,) = scorer.score(item, answer)
            scores.append(score.values)
    return scores, start.seconds, work.seconds


def design2code(
    golden: Path, most: int, meter: Meter, playwright: Path | None, heavy: bool
) -> list[str]:
    """The rows of Design2Code."""
    import pages_official

    pairs, names = page_pairs(golden, most, heavy), ("block_match", "text", "position", "color")
    with tempfile.TemporaryDirectory(prefix="viscodex-bench-") as name:
        folder = Path(name)
        (folder / RICK.name).write_bytes(RICK.read_bytes())
        found, start_1, first = our_pages(pairs, folder / "references", meter)
        cached, _, again = our_pages(pairs, folder / "references", meter)
        wanted, theirs = [], 0.0
        for pair in pairs:
            with meter.measured() as spent:
                scores = pages_official.score(pair["ref"], pair["cand"], folder, playwright)
            wanted.append(scores)
            theirs += spent.seconds
    wrong = [
        f"{pair['id']} {metric}: {a[metric]} {b[metric]} {c[metric]}"
        for pair, a, b, c in zip(pairs, wanted, found, cached, strict=True)
        for metric in names
        if max(abs(a[metric] - b[metric]), abs(b[metric] - c[metric])) > 1e-12
    ]
    if wrong and playwright is not None:
        raise SystemExit("the scores differ:\n" + "\n".join(wrong))
    recorded = sum(
        all(abs(pair["scores"][m] - b[m]) <= 1e-12 for m in names)
        for pair, b in zip(pairs, found, strict=True)
    )
    n, label = len(pairs), "all pairs" if heavy else "ordinary pairs"
    how = "6 x (Python, playwright, browser)" if playwright else "6 browser processes alone"
    rows = [
        (f"the official way: {how}, loops, difflib", theirs),
        ("ours: references rendered", first),
        ("ours: references rendered, start of the browser included", first + start_1),
        ("ours: references cached", again),
    ]
    equal = "equal (1e-12)" if not wrong else f"different in {len(wrong)} (other screenshots)"
    return [
        f"| Design2Code without CLIP, {label}, {text} | {spent_s / n:.3f} | {theirs / spent_s:.1f} |"
        for text, spent_s in rows
    ] + [
        f"\n{n} pairs; scores of all ways are {equal}; {recorded} are those of the golden data in "
        f"every digit, the others come out in other fonts. The browser's start, once a run: {start_1:.1f} s."
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--golden", type=Path, default=GOLDEN)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--only", nargs="*", choices=("chartmimic", "design2code"))
    parser.add_argument(
        "--heavy", action="store_true", help="Design2Code's heavy pairs too: minutes"
    )
    parser.add_argument(
        "--playwright", type=Path, metavar="PYTHON", help="an interpreter that has playwright"
    )
    args = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    print("| way | CPU seconds a pair | official / this |\n|---|---|---|")
    meter = Meter()
    try:
        if not args.only or "chartmimic" in args.only:
            print("\n".join(chartmimic(args.golden, args.pairs, meter)))
        if not args.only or "design2code" in args.only:
            rows = design2code(args.golden, args.pairs, meter, args.playwright, args.heavy)
            print("\n".join(rows))
    finally:
        meter.close()
    print(f"\n{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

"""Data: whole builds with warm pools against a process or a browser for each draft; memory.

    python benchmarks/data.py [--rounds 3] [--only charts pages memory] [--samples 400]

in:  the runtime `current` (viscodex runtime install current), a headless browser, bubblewrap
out: Markdown tables: samples per second, CPU seconds and ratios, both ways in turn; peak memory
not covered: the pools alone (execute.py), correctness (tests/data)

Both ways build the same recipe, with the same blocks, two parts at a time, and end with the same
samples. They differ in one thing: where the engine asks its warm pool, the straightforward way
starts a python in the same sandbox for each run of a script, or a headless browser without one for
each page. What the filters need to know of a figure, such a process does not tell: it is taken
from a recording made before the clock starts.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from PIL import Image, ImageDraw

from viscodex.data.build import build
from viscodex.data.charts import ChartSource
from viscodex.data.draft import Draft, Evidence, Filter, Machine
from viscodex.data.pages import PageSource
from viscodex.data.recipe import DataRecipe
from viscodex.execute.runtime import python_of
from viscodex.execute.sandbox import Limits, isolation, run
from viscodex.recipe import check_recipe
from viscodex.types import Category, Execution, Message, Sample, from_json, to_json

ROOT = Path(__file__).parents[1]
ROOMY = Limits(wall=120, cpu=60)
SAVE = "\nimport matplotlib.pyplot\nmatplotlib.pyplot.savefig('out.png')\n"


# --- the two ways ---------------------------------------------------------------------------------


class Recorder:
    """Runs by a warm pool and writes down what came of it; or reads that and runs its own way."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def file(self, code: str, how: Mapping[str, Any]) -> Path:
        key = hashlib.sha256(repr((code, sorted(how.items()))).encode()).hexdigest()
        return self.folder / f"{key}.json"

    def recording(self, work: Callable[..., Execution]) -> Callable[..., Execution]:
        def record(code: str, **how: Any) -> Execution:
            execution = work(code, **how)
            self.file(code, how).write_text(to_json(execution))
            return execution

        return record

    def cold(self, work: Callable[[str], object]) -> Callable[..., Execution]:
        def replay(code: str, **how: Any) -> Execution:
            known = from_json(Execution, self.file(code, how).read_bytes())
            work(code)
            return known

        return replay


def cold_chart(code: str) -> object:
    """A python in the sandbox for one script."""
    python = python_of("current")
    return run(
        [str(python), "chart.py"],
        files={"chart.py": (code + SAVE).encode()},
        env={"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        read_only=[python.parent.parent],
        limits=ROOMY,
    )


def cold_page(html: str) -> object:
    """A headless browser for one page, without a sandbox: what people's scripts do."""
    shell = shutil.which("chromium-headless-shell")
    assert shell is not None
    with tempfile.TemporaryDirectory() as name:
        page, picture = Path(name) / "page.html", Path(name) / "page.png"
        page.write_text(html)
        command = [shell, "--no-sandbox", "--disable-gpu", "--window-size=1280,720"]
        command += [f"--user-data-dir={name}/profile", f"--screenshot={picture}", f"file://{page}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return picture.read_bytes()


class RecordedCharts(ChartSource):
    """Charts by the warm pool; what came of each run is kept in a folder."""

    def __init__(self, seed: int = 0, *, folder: str, **settings: Any) -> None:
        super().__init__(seed, **settings)
        self.recorder = Recorder(folder)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        charts = SimpleNamespace(run=self.recorder.recording(machine.charts.run))
        return super().execute(draft, SimpleNamespace(charts=charts))  # type: ignore[arg-type]


class ColdCharts(RecordedCharts):
    """The same charts, a process for each run."""

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        charts = SimpleNamespace(run=self.recorder.cold(cold_chart))
        return ChartSource.execute(self, draft, SimpleNamespace(charts=charts))  # type: ignore[arg-type]


class RecordedPages(PageSource):
    """Pages by the warm pool; what came of each is kept in a folder."""

    def __init__(self, seed: int = 0, *, folder: str, **settings: Any) -> None:
        super().__init__(seed, **settings)
        self.recorder = Recorder(folder)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        pages = SimpleNamespace(render=self.recorder.recording(machine.pages.render))
        return super().execute(draft, SimpleNamespace(pages=pages))  # type: ignore[arg-type]


class ColdPages(RecordedPages):
    """The same pages, a browser for each."""

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        pages = SimpleNamespace(render=self.recorder.cold(cold_page))
        return PageSource.execute(self, draft, SimpleNamespace(pages=pages))  # type: ignore[arg-type]


WAYS: dict[str, tuple[str, str, str, str]] = {
    "charts": ("chart", "RecordedCharts", "ColdCharts", "a sandboxed python each"),
    "pages": ("html", "RecordedPages", "ColdPages", "a new headless browser each"),
}
"""What is made -> source of ours, source that records, source of the straightforward way, words."""


class Meter:
    """Seconds of the clock, and of the CPU of all processes below, dead ones and sandboxes included.

    CPU time needs a writable control group of version 1; else it is None.
    """

    def __enter__(self) -> Meter:
        self.cpu: float | None = None
        self._group = self._own_group()
        if self._group is not None:
            (self._group / "cgroup.procs").write_text(str(os.getpid()))
        self._start, self._used = time.perf_counter(), self._usage()
        return self

    def _own_group(self) -> Path | None:
        try:
            lines = Path("/proc/self/cgroup").read_text().splitlines()
            own = next(line.split(":", 2)[2] for line in lines if "cpuacct" in line.split(":")[1])
            self._above = Path("/sys/fs/cgroup/cpuacct") / own.strip("/")
            group = self._above / f"viscodex-bench-{os.getpid()}"
            group.mkdir(exist_ok=True)
        except (OSError, StopIteration):
            return None
        return group

    def _usage(self) -> float:
        return int((self._group / "cpuacct.usage").read_text()) / 1e9 if self._group else 0.0

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._start
        if self._group is not None:
            self.cpu = self._usage() - self._used
            (self._above / "cgroup.procs").write_text(str(os.getpid()))


def compare(what: str, rounds: int, samples: int, folder: Path) -> list[str]:
    """Build the same samples both ways, in turn."""
    ours, recorded, cold, words = WAYS[what]
    records = folder / f"records-{what}"
    records.mkdir()

    def made(source: str, settings: dict[str, Any], name: str) -> tuple[Meter, str]:
        entry = {"source": source, "n": samples, "settings": settings}
        keys = {"sources": {what: entry}, "samples_per_part": -(-samples // 2), "workers": 2}
        out = folder / name
        with Meter() as meter:
            report = build(check_recipe(DataRecipe, keys | {"duplicates": None}), out)
        shutil.rmtree(out)
        cpu = "" if meter.cpu is None else f", {meter.cpu:.1f} s CPU"
        print(f"{what}, {name}: {meter.seconds:.1f} s{cpu}", file=sys.stderr)
        return meter, report.content

    _, content = made(f"benchmarks.data:{recorded}", {"folder": str(records)}, "recording")
    meters: dict[str, list[Meter]] = {"engine": [], "cold": []}
    for n in range(rounds):
        for way, source, settings in (
            ("engine", ours, {}),
            ("cold", f"benchmarks.data:{cold}", {"folder": str(records)}),
        ):
            meter, same = made(source, settings, f"{way}-{n}")
            if same != content:
                raise SystemExit(f"{what}, {way}: other samples than were recorded")
            meters[way].append(meter)
    clock = {way: statistics.median(m.seconds for m in meters[way]) for way in meters}
    cpu = {way: statistics.median(m.cpu or 0.0 for m in meters[way]) for way in meters}
    return [
        f"| {what}: {name} | {samples / clock[way]:.2f} | {clock[way] / clock['engine']:.1f} "
        f"| {cpu[way] / samples:.2f} | {cpu[way] / (cpu['engine'] or 1):.1f} |"
        for way, name in (("engine", "the engine"), ("cold", words))
    ]


# --- memory ---------------------------------------------------------------------------------------


class Cheap:
    """Boxes, drawn here in a millisecond: many drafts for little work."""

    name = "cheap"
    category: Category = "qa"
    filters: tuple[Filter, ...] = ()

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.settings: Mapping[str, Any] = {}

    def draft(self, index: int) -> Draft:
        rng = random.Random(f"{self.seed}/{index}")
        code = "\n".join(f"name_{rng.randrange(10**6)} = {rng.random()}" for _ in range(30))
        return Draft(
            f"cheap-{index:07d}", "qa", f"kind {index % 7}", code, "python", 0.0, self.seed
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        rng = random.Random(draft.code)
        picture = Image.new("RGB", (320, 240), "white")
        pen = ImageDraw.Draw(picture)
        for _ in range(40):
            x, y = rng.randrange(300), rng.randrange(220)
            pen.rectangle((x, y, x + 40, y + 30), tuple(rng.randrange(256) for _ in range(3)))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        return Evidence((Execution("ok", images=(stream.getvalue(),)),), (stream.getvalue(),))

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        question = Message("user", f"<image>\nWhich numbers are drawn by {draft.code[:40]}?")
        answer = Message("assistant", f"```python\n{draft.code}\n```")
        meta = {"source": "benchmark", "kind": draft.kind, "licence": "cc0-1.0"}
        images = evidence.images
        return (
            Sample(draft.id, "qa", (question, answer), images, reference=draft.code, meta=meta),
        )


def memory(folder: Path, sizes: tuple[int, ...] = (1_000, 20_000)) -> list[str]:
    """Peak resident memory of the building process and of its largest worker, by size."""
    lines = []
    for n in sizes:
        recipe = folder / f"cheap-{n}.yaml"
        entry = {"source": "benchmarks.data:Cheap", "n": n}
        recipe.write_text(yaml.safe_dump({"sources": {"cheap": entry}, "workers": 2}))
        command = [sys.executable, "-m", "viscodex", "data", "build", str(recipe)]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "-o", str(folder / f"cheap-{n}")], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        peaks: dict[int, int] = {}
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        if process.wait():
            raise SystemExit(f"the build of {n} ended with {process.returncode}")
        watcher.join()
        seconds = time.perf_counter() - start
        parent = peaks.pop(process.pid) / 2**20
        worker = max(peaks.values()) / 2**20
        lines.append(f"| {n:,} | {parent:.0f} | {worker:.0f} | {seconds:.0f} |")
    return lines


def _watch(process: subprocess.Popen[bytes], peaks: dict[int, int]) -> None:
    """Resident bytes of a process and all of its descendants, at most, by process."""
    page = os.sysconf("SC_PAGE_SIZE")
    while process.poll() is None:
        parents: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(entry.parts[2])] = int(entry.read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
        family = {process.pid}
        while grown := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= grown
        for pid in family:
            try:
                resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
            except (OSError, IndexError):
                continue
            peaks[pid] = max(peaks.get(pid, 0), resident)
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=400, help="of each build that is timed")
    parser.add_argument("--only", nargs="*", choices=(*WAYS, "memory"))
    args = parser.parse_args()
    wanted = args.only or [*WAYS, "memory"]
    with tempfile.TemporaryDirectory(prefix="viscodex-bench-") as name:
        folder = Path(name)
        rows = [
            line
            for what in WAYS
            if what in wanted
            for line in compare(what, args.rounds, args.samples, folder)
        ]
        sizes = memory(folder) if "memory" in wanted else []
    print(
        f"isolation {isolation().tier}, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f}, medians of {args.rounds}\n"
    )
    if rows:
        print("| way | samples a second | x ours | CPU s a sample | x ours |")
        print("|---|---|---|---|---|", *rows, sep="\n")
    if sizes:
        print("\n| samples | building process, MB | largest worker, MB | seconds |")
        print("|---|---|---|---|", *sizes, sep="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # workers import the sources above from benchmarks.data
    main()

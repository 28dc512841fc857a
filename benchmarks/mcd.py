"""Import of a synthetic MCD file, and a build of all four categories by a recorded teacher.

in:  number of records; samples of each category
out: a table on stdout
not covered: real pictures (the published ones are 40 kB each), running code (viscodex data audit);
    what a model would write

    python benchmarks/mcd.py --only import --records 200000
    python benchmarks/mcd.py --only end-to-end --samples 200 -o breadth
    python benchmarks/mcd.py --only rates --samples 60 -o rates

Every tenth record has a picture out of a zip archive of as many; one in fifty is broken. The import
runs in a process of its own, whose peak of resident memory is read; a second one is killed with
SIGKILL when half of the shards are there, and goes on.

The build is that of tests/data/test_breadth.py, larger: charts written and cut from scripts, pages
designed and rewritten, posts, problems; a local HTTP teacher that is often busy; benchmarks with planted
items; all of its processes killed twice on the way.

The rates are those of viscodex/data/scale.py for sources that ask a teacher, posts and problem sets: each
source alone, a quarter of the samples and all of them, one worker; what the larger build takes beyond the
smaller one, of processor time (other work on the machine does not count) and of disk.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

IMPORT = r"""
import re, sys, time
from pathlib import Path
from viscodex.data.importing import import_dataset
start = time.process_time()
m = import_dataset(Path(sys.argv[1]), Path(sys.argv[2]), images=Path(sys.argv[3]))
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(m.n_samples, m.n_rejects, peak, round(time.process_time() - start, 1), m.content)
"""


def write_mcd(folder: Path, n: int) -> tuple[Path, Path]:
    """(mcd.json, images.zip)."""
    draw = random.Random(1)
    with zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_STORED) as archive:
        for i in range(0, n, 10):
            picture = Image.new("RGB", (96, 64), (i % 256, i // 256 % 256, 90))
            stream = io.BytesIO()
            picture.save(stream, "PNG")
            archive.writestr(f"mcd_images/chart_images/{i}.png", stream.getvalue())
    with (folder / "mcd.json").open("w") as stream:
        for i in range(n):
            prefix = "mcd_images/" if i % 3 else ""
            images = [f"{prefix}chart_images/{i}.png"] if i % 10 == 0 else []
            code = "\n".join(f"value_{k} = {draw.randrange(10**9)}" for k in range(40))
            record = {
                "images": images,
                "messages": [
                    {"role": "user", "content": f"{'<image>' * len(images)}\nRecord {i}?"},
                    {"role": "assistant", "content": f"```python\n{code}\n```"},
                ],
                "category": "robot" if i % 50 == 7 else "chart",
            }
            stream.write(("[\n" if i == 0 else ",\n") + json.dumps(record))
        stream.write("\n]\n")
    return folder / "mcd.json", folder / "images.zip"


def run(file: Path, images: Path, out: Path, kill: bool) -> str:
    """What the import prints; killed once on the way, if so wanted."""
    argv = [sys.executable, "-c", IMPORT, str(file), str(out), str(images)]
    if kill:
        process = subprocess.Popen(argv)
        state = out.with_name(f"{out.name}.partial") / "state.json"
        wanted = json.dumps({})
        while process.poll() is None:
            time.sleep(0.2)
            wanted = state.read_text() if state.exists() else wanted
            done = re.search(r'"next": (\d+)', wanted)
            if done and int(done[1]) > 0.4 * int(os.environ["RECORDS"]):
                os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done_ = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done_.stdout.strip()


def compare_imports(n: int, kills: tuple[bool, ...]) -> None:
    """Make the file, import it undisturbed and killed."""
    os.environ["RECORDS"] = str(n)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, images = write_mcd(folder, n)
        print(f"{n:,} records, {file.stat().st_size / 1e6:,.0f} MB of JSON")
        contents = set()
        for kill in kills:
            samples, rejects, peak, cpu, content = run(
                file, images, folder / f"out{kill}", kill
            ).split()
            what = "killed and gone on" if kill else "at once"
            print(f"{what}: {samples} samples, {rejects} rejects, peak {peak} MB, {cpu} s of CPU")
            contents.add(content)
        print("the same content" if len(contents) == 1 else "DIFFERENT CONTENT")


def build_all(n: int, out: Path) -> None:
    """Build n samples of each category, killed twice on the way."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.data import breadth
    from viscodex.data.store import open_dataset, read_rejects

    breadth.write_material(out / "material", n)
    start = time.monotonic()
    killed, teacher = breadth.build_by_teacher(out, n, kills=2, budget=1000)
    seconds = time.monotonic() - start
    samples = open_dataset(out / "set", verify=True)
    kept = Counter(sample.id.rsplit("-", 1)[0] for sample in samples)
    lost = Counter(reject.filter for reject in read_rejects(out / "set"))
    answers = [len(keys) for keys in teacher.worked.values()]
    print(f"{len(samples):,} samples in {seconds:,.0f} s, killed {killed} times")
    print("  ".join(f"{name} {kept[name]} of {m}" for name, m in breadth.wanted(n).items()))
    print(f"rejects: {', '.join(f'{name} {m}' for name, m in lost.most_common())}")
    print(
        f"{len(teacher.chat.requests):,} requests: {sum(teacher.trouble.values())} refused by a busy server, "
        f"{len(answers):,} different ones answered, {sum(answers) - len(answers)} answered again"
    )


RATED = ("chart_written", "chart_script", "html_designed", "post", "kodcode")


def measure_rates(n: int, out: Path, labels: list[str]) -> None:
    """Print seconds of a processor for a draft and bytes of a sample, for each of the sources."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.data import breadth
    from tests.tasks.chat_server import chat_server

    breadth.write_material(out / "material", n)
    with chat_server() as chat:
        chat.behaviour = lambda body, number: breadth.teach(body)
        told = breadth.recipe(out / "material", n, endpoint=chat.url, concurrency=1)
        told["sources"]["kodcode"]["settings"]["mutants"] = 8
        for label in labels:
            small, large = (build_alone(out / f"{label}-{m}", told, label, m) for m in (n // 4, n))
            cpu, drafts, samples, size = (b - a for a, b in zip(small, large, strict=True))
            print(
                f"{label}: {cpu / drafts:.3f} s of CPU a draft, {size / samples / 1000:.1f} kB a sample "
                f"({drafts:.0f} drafts, {samples:.0f} samples)",
                flush=True,
            )


def build_alone(
    place: Path, told: dict[str, Any], label: str, n: int
) -> tuple[float, float, float, float]:
    """(seconds of CPU, drafts, samples, bytes) of a build of one source by one worker."""
    place.mkdir(parents=True)
    teacher = {**told["teacher"], "cache": str(place / "cache")}
    entry = {**told["sources"][label], "n": n}
    alone = {**told, "sources": {label: entry}, "teacher": teacher}
    (place / "recipe.yaml").write_text(json.dumps({**alone, "workers": 1, "samples_per_part": 15}))
    argv = [sys.executable, "-m", "viscodex", "data", "build", str(place / "recipe.yaml")]
    env = os.environ | {"OPENAI_API_KEY": "none"}
    with cpu_group(f"mcd-{os.getpid()}-{label}") as (group, seconds):
        join = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        shell = ["sh", "-c", join, "sh", *argv, "-o", str(place / "set")]
        subprocess.run(shell, check=True, env=env, stdout=subprocess.DEVNULL)
        cpu = seconds()
    row = json.loads((place / "set" / ".build" / "done.json").read_text())["sources"][label]
    size = sum(file.stat().st_size for file in (place / "set" / "data").iterdir())
    return cpu, row["candidates"], row["kept"], size


@contextlib.contextmanager
def cpu_group(name: str) -> Iterator[tuple[Path, Callable[[], float]]]:
    """A control group and the seconds of CPU of all that was in it: sandboxes end without a parent."""
    root = Path("/sys/fs/cgroup")
    first = (root / "cpuacct").is_dir()
    group = root / "cpuacct" / name if first else root / name
    group.mkdir()

    def seconds() -> float:
        if first:
            return int((group / "cpuacct.usage").read_text()) / 1e9
        return int((group / "cpu.stat").read_text().split()[1]) / 1e6

    try:
        yield group, seconds
    finally:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and (group / "cgroup.procs").read_text():
            time.sleep(0.1)
        group.rmdir()


def main() -> None:
    """Both, or one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("import", "end-to-end", "rates"))
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("-o", "--out", type=Path, default=Path("breadth"))
    parser.add_argument("--sources", nargs="+", choices=RATED, default=list(RATED))
    given = parser.parse_args()
    if given.only in (None, "import"):
        compare_imports(given.records, (False,) if given.no_kill else (False, True))
    if given.only in (None, "end-to-end"):
        build_all(given.samples, given.out)
    if given.only == "rates":
        measure_rates(given.samples, given.out, given.sources)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"CPU of all: {used.ru_utime + used.ru_stime:.1f} s")


if __name__ == "__main__":
    main()

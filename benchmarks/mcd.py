"""Import of a synthetic MCD file: memory, speed, and what a kill costs.

in:  number of records
out: a table on stdout
not covered: real pictures (the published ones are 40 kB each), running code (viscodex data audit)

    python benchmarks/mcd.py --records 200000

Every tenth record has a picture out of a zip archive of as many; one in fifty is broken. The import
runs in a process of its own, whose peak of resident memory is read; a second one is killed with
SIGKILL when half of the shards are there, and goes on.
"""

from __future__ import annotations

import argparse
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
from pathlib import Path

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


def main() -> None:
    """Make the file, import it twice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--no-kill", action="store_true")
    n = parser.parse_args().records
    os.environ["RECORDS"] = str(n)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, images = write_mcd(folder, n)
        print(f"{n:,} records, {file.stat().st_size / 1e6:,.0f} MB of JSON")
        contents = set()
        for kill in (False,) if "--no-kill" in sys.argv else (False, True):
            samples, rejects, peak, cpu, content = run(
                file, images, folder / f"out{kill}", kill
            ).split()
            what = "killed and gone on" if kill else "at once"
            print(f"{what}: {samples} samples, {rejects} rejects, peak {peak} MB, {cpu} s of CPU")
            contents.add(content)
        print("the same content" if len(contents) == 1 else "DIFFERENT CONTENT")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"CPU of all: {used.ru_utime + used.ru_stime:.1f} s")


if __name__ == "__main__":
    main()

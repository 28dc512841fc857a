"""Builds that are killed, interrupted, starved or made elsewhere end with the same bytes."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.data.test_build import HERE, a_recipe, files_of
from viscodex.data.build import build
from viscodex.data.parts import Workplace, locked
from viscodex.errors import BadRecipe, BuildFailed, MissingPart, NotEnoughSpace, OutputRefused

ROOT = Path(__file__).parents[2]
CARD = {"refuse": 0.2, "repeat": 5}
N = 60


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a build that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "set"
    build(a_recipe(n=N, card=CARD), out)
    return files_of(out)


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same in few parts, for executors to which each costs much."""
    out = tmp_path_factory.mktemp("coarse") / "set"
    build(a_recipe(n=N, card=CARD, samples_per_part=30), out)
    return files_of(out)


def start(folder: Path, *overrides: str, nap: float = 0.02, **how: Any) -> subprocess.Popen[str]:
    """The command line on the same recipe, in a process group of its own."""
    entry = {"source": f"{HERE}:Cards", "n": N, "settings": CARD | {"nap": nap}}
    data = {"sources": {"card": entry}, "samples_per_part": 6}
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(data))
    command = [sys.executable, "-m", "viscodex", "data", "build", str(file), *overrides]
    return subprocess.Popen(
        [*command, "-o", str(folder / "set")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **how,
    )


def wait_for(there: Callable[[], Any], process: subprocess.Popen[str]) -> bool:
    """Whether it came before the process ended."""
    while process.poll() is None:
        if there():
            return True
        time.sleep(0.002)
    return bool(there())


def kill(process: subprocess.Popen[str], *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
    process.communicate()


def _processes_of(folder: Path) -> list[str]:
    """Command lines of processes that name a folder: what a killed build left behind."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode())
    return [line for line in found if str(folder) in line]


# --- killed ---------------------------------------------------------------------------------------


def test_killed_at_every_stage_it_goes_on_to_the_same_bytes(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """Alone, so that its workers live on for a while, and with all of its processes."""
    out, build_folder = tmp_path / "set", tmp_path / "set" / ".build"
    rng = random.Random(time.time_ns())
    moments: list[Callable[[], Any]] = [
        lambda: any(build_folder.glob("progress/*.json")),
        lambda: any(build_folder.glob("parts/card-0-0000*.json")),
        lambda: any(build_folder.glob("parts/card-1-*.parquet*")),
        lambda: any(build_folder.glob("final/data/*")),
        lambda: (build_folder / "final" / "manifest.json").exists() or (out / "data").exists(),
        lambda: (build_folder / "done.json").exists(),
    ]
    for number, moment in enumerate(moments):
        process = start(tmp_path, f"workers={1 + number % 2}", nap=0.02 if number < 2 else 0.0)
        wait_for(moment, process)
        time.sleep(rng.random() * 0.05)
        kill(process, group=bool(number % 2))
    finished = start(tmp_path, "workers=1", nap=0.0)
    _, said = finished.communicate()
    assert finished.returncode == 0, said
    assert files_of(out) == whole
    assert not (build_folder / "parts").exists()
    assert not _processes_of(tmp_path)


def test_a_killed_worker_is_replaced(tmp_path: Path, whole: dict[str, bytes]) -> None:
    (tmp_path / "kill").touch()
    report = build(
        a_recipe(n=N, workers=2, card=CARD | {"kill": str(tmp_path / "kill")}), tmp_path / "set"
    )
    assert not (tmp_path / "kill").exists()
    assert report.status == "done"
    assert files_of(tmp_path / "set") == whole


def test_a_worker_that_is_killed_again_and_again_is_one_error(tmp_path: Path) -> None:
    recipe = a_recipe(workers=2, card={"kill": "always"})
    with pytest.raises(BuildFailed, match="a worker process was killed, 3 times") as error:
        build(recipe, tmp_path / "set")
    assert "fewer workers" in str(error.value)


# --- interrupted, starved, locked out -------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_says_that_it_goes_on_and_does(
    tmp_path: Path, whole: dict[str, bytes], workers: int
) -> None:
    process = start(tmp_path, f"workers={workers}", nap=0.1)
    assert wait_for(lambda: any(tmp_path.glob("set/.build/parts/*.json")), process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "finished parts are kept; the same command goes on" in said
    assert said.count("interrupted") == 1
    assert "Traceback" not in said
    build(a_recipe(n=N, card=CARD), tmp_path / "set")
    assert files_of(tmp_path / "set") == whole


@pytest.mark.parametrize("limit", [4_000, 30_000])
def test_a_full_disk_is_one_error_and_loses_nothing(
    tmp_path: Path, whole: dict[str, bytes], limit: int
) -> None:
    """The largest size of a file stands for the disk: it fails at the same write."""
    process = start(tmp_path, "workers=1", nap=0.0, preexec_fn=lambda: _limit_files(limit))
    _, said = process.communicate()
    assert process.returncode == 2, said
    assert said.startswith("NotEnoughSpace: the disk filled up")
    assert "give the same command again" in said
    assert "Traceback" not in said
    assert not (tmp_path / "set" / "manifest.json").exists()
    build(a_recipe(n=N, card=CARD), tmp_path / "set")
    assert files_of(tmp_path / "set") == whole


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_two_builds_in_one_folder_are_refused(tmp_path: Path) -> None:
    process = start(tmp_path, nap=0.3)
    assert wait_for(lambda: any(tmp_path.glob("set/.build/progress/*.json")), process)
    try:
        with pytest.raises(OutputRefused, match="another build is writing there"):
            build(a_recipe(n=N, card=CARD), tmp_path / "set")
    finally:
        kill(process, group=True)


def test_a_missing_runtime_is_one_error_before_work(tmp_path: Path) -> None:
    recipe = a_recipe(runtime="nowhere").model_dump()
    recipe["sources"]["card"] = {"source": f"{HERE}:Charts", "n": 4}
    from viscodex.data.recipe import DataRecipe
    from viscodex.recipe import check_recipe

    with pytest.raises((MissingPart, BadRecipe)):
        build(check_recipe(DataRecipe, recipe), tmp_path / "set")
    assert not list(tmp_path.glob("set/.build/parts/*"))


def test_a_lock_ends_with_its_process_and_is_no_childs(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", wait=False) as held:
        assert held
        code = (
            "import sys; from pathlib import Path; from viscodex.data.parts import locked\n"
            f"with locked(Path({str(tmp_path / 'lock')!r}), wait=False) as held: print(held)"
        )
        ask = [sys.executable, "-c", code]
        during = subprocess.run(ask, capture_output=True, text=True, check=True, cwd=ROOT)
    after = subprocess.run(ask, capture_output=True, text=True, check=True, cwd=ROOT)
    assert (during.stdout, after.stdout) == ("False\n", "True\n")


# --- elsewhere ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # Ray's own, at import and start
def test_a_local_ray_makes_the_same_bytes(tmp_path: Path, coarse: dict[str, bytes]) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'viscodex[ray]'")
    keys = ("samples_per_part=30", "executor=ray", "workers=2", "ray.mem_per_cpu_gb=0.2")
    process = start(tmp_path, *keys, nap=0.0)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert files_of(tmp_path / "set") == coarse


SBATCH = """#!/bin/sh
# stands in for Slurm: takes the job; `cluster` runs it later
for script; do :; done
grep -q merge_stats "$script" || cp "$script" "$HERE/job.sh"
echo "Submitted batch job 7"
"""
CLUSTER = """
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$HERE/job.sh")
for task in $(seq 0 $last); do
  SLURM_ARRAY_TASK_ID=$task SLURM_NODELIST=here RUN_OFFSET=0 sh "$HERE/job.sh"
done
"""


def test_slurm_gets_an_array_of_jobs_that_make_the_same_bytes(
    tmp_path: Path, coarse: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("sbatch", SBATCH), ("scontrol", "#!/bin/sh\necho here\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HERE", str(tmp_path))
    slurm = {
        "partition": "fast",
        "time": "00:10:00",
        "srun": False,
        "sbatch_args": {"account": "x"},
    }
    recipe = a_recipe(n=N, card=CARD, executor="slurm", slurm=slurm, samples_per_part=30)
    told = build(recipe, tmp_path / "set")
    assert (told.status, "Slurm job 7" in told.note) == ("submitted", True)
    script = (tmp_path / "set/.build/logs/round-0/launch_script.slurm").read_text()
    for line in ("--partition=fast", "--time=00:10:00", "--array=0-1", "--account=x"):
        assert f"#SBATCH {line}" in script
    again = build(recipe, tmp_path / "set")
    assert "0 of 2 parts are finished" in again.note
    while told.status == "submitted":  # a second round fills up what was lost
        subprocess.run(["sh", "-c", CLUSTER], capture_output=True, check=True)
        told = build(recipe, tmp_path / "set")
    assert told.n_samples == N
    assert files_of(tmp_path / "set") == coarse


def test_without_slurm_the_script_is_written_and_the_error_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPart, match="Slurm's commands are not on this machine") as error:
        build(a_recipe(executor="slurm"), tmp_path / "set")
    assert "launch_script.slurm" in str(error.value)
    script = Workplace(tmp_path / "set").logs / "round-0" / "launch_script.slurm"
    assert "launch_pickled_pipeline" in script.read_text()


def test_a_disk_error_is_told_from_a_full_disk(tmp_path: Path) -> None:
    import errno

    from viscodex.data.parts import disk_checked

    with pytest.raises(NotEnoughSpace), disk_checked(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), disk_checked(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")

"""What a worker keeps from part to part: one browser, which ends with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.data.test_build import HERE
from viscodex.data.build import build
from viscodex.data.recipe import DataRecipe
from viscodex.data.workers import kept_machines, machine_for
from viscodex.execute.cgroup import _layout
from viscodex.recipe import check_recipe

ROOT = Path(__file__).parents[2]


def recipe(file: Path, **keys: Any) -> dict[str, Any]:
    """Eight pages in four parts; `file` takes down who rendered them."""
    entry = {"source": f"{HERE}:Watched", "n": 8, "settings": {"file": str(file)}}
    return {"sources": {"html": entry}, "samples_per_part": 2, "duplicates": None} | keys


def browsers(file: Path) -> dict[int, set[int]]:
    """Process -> its browsers, without those of the process that calls."""
    found: dict[int, set[int]] = {}
    for line in file.read_text().splitlines():
        worker, browser = map(int, line.split())
        found.setdefault(worker, set()).add(browser)
    return found


def left_behind(found: dict[int, set[int]]) -> list[str]:
    """Processes that still run, and control groups that are still there."""
    pids = {*found, *(pid for each in found.values() for pid in each)} - {os.getpid()}
    lives = [f"process {pid}" for pid in pids if Path(f"/proc/{pid}").exists()]
    layout = _layout()
    folders = list(layout.parents.values()) if layout else []
    groups = [g.name for up in folders for pid in found for g in up.glob(f"viscodex-{pid}-*")]
    return lives + groups


def test_a_worker_renders_all_of_its_parts_in_one_browser_and_closes_it(tmp_path: Path) -> None:
    """Two workers beside this process, which has tried the source in a browser of its own."""
    build(check_recipe(DataRecipe, recipe(tmp_path / "who", workers=2)), tmp_path / "set")
    found = browsers(tmp_path / "who")
    assert len(found.pop(os.getpid())) == 1
    assert 1 <= len(found) <= 2 and all(len(each) == 1 for each in found.values())
    assert left_behind(found) == []


def test_one_worker_keeps_its_browser_until_the_build_ends(tmp_path: Path) -> None:
    build(check_recipe(DataRecipe, recipe(tmp_path / "who", workers=1)), tmp_path / "set")
    found = browsers(tmp_path / "who")
    assert len(found[os.getpid()]) == 2  # the trial's and the parts'
    assert left_behind(found) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ended_build_leaves_no_browser(tmp_path: Path, number: signal.Signals) -> None:
    file, who = tmp_path / "recipe.yaml", tmp_path / "who"
    data = recipe(who, workers=2)
    data["sources"]["html"]["n"] = 400
    file.write_text(yaml.safe_dump(data))
    command = [sys.executable, "-m", "viscodex", "data", "build", str(file), "-o", "set"]
    how: dict[str, Any] = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, **how)
    while process.poll() is None and not (who.exists() and len(browsers(who)) == 3):
        time.sleep(0.05)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    process.wait()
    end = time.monotonic() + 30
    while left_behind(browsers(who)) and time.monotonic() < end:
        time.sleep(0.05)
    assert left_behind(browsers(who)) == []


def test_kept_machines_are_the_same_until_the_end_of_the_block() -> None:
    with machine_for("current") as one, machine_for("current") as two:
        assert one is not two
    with kept_machines():
        with machine_for("current") as one:
            pass
        with machine_for("current") as two, machine_for("other") as other:
            assert one is two is not other
    with machine_for("current") as fresh:
        assert fresh is not one

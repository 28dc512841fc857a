"""A worker that is killed while it is idle holds the lock of the pool's queue: nothing may hang."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.data.test_build import a_recipe
from viscodex.data import losses
from viscodex.data.build import build
from viscodex.data.parts import Workplace
from viscodex.data.progress import Tracker


def _kill_the_idle_one(place: Workplace, killed: list[int], done: Path) -> None:
    """Of two workers at three parts, the one that has none left; then the other may go on."""
    tracker, deadline = Tracker(place, {}), time.monotonic() + 60
    before: set[int] = set()
    while time.monotonic() < deadline and not killed:
        enrolled = {int(file.name) for file in place.progress.glob("workers/*")}
        reports = len(list(place.parts.glob("card-0-0000?.json")))
        idle = enrolled - {beat.pid for beat in tracker.beats()}
        if len(enrolled) == 2 and reports == 2 and len(idle) == 1 and idle == before:
            killed += idle
            os.kill(killed[0], signal.SIGKILL)
        before = idle
        time.sleep(0.3)  # so long idle, it waits for a task
    done.touch()


@pytest.mark.parametrize(
    "look", [pytest.param(0.1, id="before-the-last-part"), pytest.param(6.0, id="after-it")]
)
def test_an_idle_worker_that_is_killed_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: float
) -> None:
    """Noticed while a part is missing, or only when all are there and the pool does not end."""
    monkeypatch.setattr(losses, "LOOK_S", look)
    monkeypatch.setattr(losses, "PATIENCE_S", 1.0)
    killed: list[int] = []
    place = Workplace(tmp_path / "set")
    done = tmp_path / "done"
    killer = threading.Thread(target=_kill_the_idle_one, args=(place, killed, done))
    killer.start()
    report = build(a_recipe(n=18, workers=2, card={"nap": 0.05, "hold": str(done)}), place.out)
    killer.join()
    assert len(killed) == 1
    assert report.content == build(a_recipe(n=18), tmp_path / "whole").content


def test_a_pool_that_does_not_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "LOOK_S", 0.05)
    monkeypatch.setattr(losses, "PATIENCE_S", 0.2)
    start = time.monotonic()
    with (
        pytest.raises(losses.Lost, match="the pool did not end"),
        losses.watched(Tracker(Workplace(tmp_path), {}), []),
    ):
        try:
            time.sleep(60)
        finally:
            time.sleep(60)  # as the pool's own end may hang: it is left, too
    assert time.monotonic() - start < 30

"""Executions are kept: equal ones run once, other ones are other ones, what may have been chance is not kept."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from viscodex.execute import program
from viscodex.execute.program import Verdict
from viscodex.tasks import executions
from viscodex.tasks.executions import Executions, is_final
from viscodex.types import Execution, Status


class Runs:
    """Counts how often something ran."""

    def __init__(self, status: Status = "ok", stdout: str = "said") -> None:
        self.n, self.status, self.stdout = 0, status, stdout

    def __call__(self) -> Execution:
        self.n += 1
        time.sleep(0.01)
        return Execution(self.status, stdout=self.stdout, images=(b"\x89PNG",))


def get(kept: Executions, runs: Runs, *told: object) -> Execution:
    return kept.get(Execution, told, runs, lambda done: is_final(done.status))


def test_what_ran_is_not_run_again_by_this_process_or_the_next(tmp_path: Path) -> None:
    runs = Runs()
    kept = Executions(tmp_path, (program,), "stamp")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: get(kept, runs, "code", True), range(16)))
    assert runs.n == 1
    assert found[0].images == (b"\x89PNG",)
    again = get(Executions(tmp_path, (program,), "stamp"), runs, "code", True)
    assert runs.n == 1
    assert again.images == found[0].images


@pytest.mark.parametrize("other", ["code", "basis", "module"])
def test_what_is_not_the_same_runs(other: str, tmp_path: Path) -> None:
    runs = Runs()
    get(Executions(tmp_path, (program,), "stamp"), runs, "code")
    module = executions if other == "module" else program
    kept = Executions(tmp_path, (module,), "stamp" + "2" * (other == "basis"))
    get(kept, runs, "code" + "2" * (other == "code"))
    assert runs.n == 2


@pytest.mark.parametrize("status", ["timeout", "memory"])
def test_what_a_busy_machine_may_have_caused_is_not_kept(status: Status, tmp_path: Path) -> None:
    runs = Runs(status)
    kept = Executions(tmp_path, (program,))
    get(kept, runs, "code")
    get(kept, runs, "code")
    assert runs.n == 2
    assert not list(tmp_path.iterdir())


def test_a_broken_file_is_made_again_and_no_folder_keeps_nothing(tmp_path: Path) -> None:
    runs = Runs()
    get(Executions(tmp_path, ()), runs, "code")
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text()[:20])
    get(Executions(tmp_path, ()), runs, "code")
    get(Executions(None, ()), runs, "code")
    assert runs.n == 3


def test_what_cannot_be_written_is_still_an_execution(tmp_path: Path) -> None:
    runs = Runs(stdout="\ud83d half")
    assert get(Executions(tmp_path, ()), runs, "code").stdout == "\ud83d half"
    assert not list(tmp_path.iterdir())


def test_verdicts_are_kept_as_they_are(tmp_path: Path) -> None:
    verdict = Verdict((True, False, -1), Execution("ok"))
    kept = Executions(tmp_path, ())
    for _ in range(2):
        found = kept.get(Verdict, ("x",), lambda: verdict, lambda v: True)
        assert found == verdict
        assert found.results[0] is True

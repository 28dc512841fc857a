"""Many samples, some of which go wrong; runs that are killed at each stage."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.evaluate.suites import (
    RIGHT,
    WRONG,
    lines_of,
    report_of,
    text_of,
    write_lines,
    write_problems,
    write_suite,
)
from tests.tasks.chat_server import Answer, chat_server, fails, says
from viscodex.cli import app

N = 2000
FAULTS = ("time-out", "429", "500", "broken", "empty")
SLOW = 4  # samples whose request is never answered in time


def fault_of(k: int) -> str:
    """5 % of the samples, all kinds alike; those that time out come early and are few."""
    if k % 20 != 7:
        return ""
    kind = FAULTS[(k // 20) % 5]
    return kind if kind != "time-out" or k // 100 < SLOW else "half"


def faulty(body: dict[str, Any], n: int) -> Answer:
    (k,) = map(int, re.findall(r"Case (\d+):", text_of(body)))
    kind = fault_of(k)
    if kind == "time-out":
        time.sleep(12)
    if kind in ("429", "500"):
        return fails(int(kind))
    if kind == "broken":
        return 200, {"content-type": "application/json"}, b'{"choices": [{"mess'
    status, headers, data = says("" if kind == "empty" else f"word{k}.", usage=(30, 5))
    return status, {**headers, "x-half": "1"} if kind == "half" else headers, data


def test_of_2000_samples_with_faults_every_one_is_accounted_for(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite", N)
    with chat_server() as chat:
        chat.behaviour = faulty
        done = CliRunner().invoke(
            app,
            ["eval", "infibench_v", "--model", f"openai/m@{chat.url}", "--data", str(suite),
             "-o", str(tmp_path / "run"), "--timeout", "8", "--retries", "1", "--json"],
        )  # fmt: skip
        n_requests = len(chat.requests)
    assert done.exit_code == 1, done.output[-2000:]  # finished with failures
    report = json.loads(done.stdout)["strict"]
    kinds = Counter(fault_of(k) for k in range(N))
    n_missing = sum(n for kind, n in kinds.items() if kind not in ("", "empty"))
    assert sum(kinds.values()) - kinds[""] == N // 20
    assert (report["n"], report["n_answered"]) == (N, N - n_missing)
    assert report["statuses"]["missing"] == sum(report["unscored"].values()) == n_missing
    assert report["problems"]["unanswered"] == n_missing
    assert report["problems"]["empty"] == kinds["empty"]
    assert report["metrics"]["score"]["all"] == pytest.approx(kinds[""] / N)
    assert report["metrics"]["score"]["n_scored"] == N - n_missing
    rows = {row["id"]: row for row in lines_of(tmp_path / "run" / "answers.jsonl")}
    assert [*rows] == [f"c-{k}" for k in range(N)]
    for k in range(N):
        assert bool(rows[f"c-{k}"].get("error")) == (fault_of(k) not in ("", "empty")), k
    assert len(lines_of(tmp_path / "run" / "scores.jsonl")) == N
    assert N + n_missing <= n_requests


def answer_some(body: dict[str, Any], n: int) -> Answer:
    (k,) = map(int, re.findall(r"Add (\d+)\.", text_of(body)))
    time.sleep(0.1)
    return says(RIGHT if k % 3 else WRONG, usage=(20, 9))


def _start(model: str, problems: Path, run: Path, *more: str) -> subprocess.Popen[bytes]:
    words = [
        sys.executable, "-m", "viscodex", "eval", "mmcode", "--model", model,
        "--data", str(problems), "-o", str(run), "--protocol", "strict", *more,
    ]  # fmt: skip
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)


def _kill_when(process: subprocess.Popen[bytes], is_time: Callable[[], bool]) -> None:
    """SIGKILL as soon as it is time; the process must not come to its end before."""
    while process.poll() is None:
        if is_time():
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was done before it was killed"


def _has_lines(file: Path, n: int) -> Callable[[], bool]:
    return lambda: file.exists() and file.read_bytes().count(b"\n") >= n


def test_a_run_killed_while_asking_and_while_scoring_gives_the_same_report(tmp_path: Path) -> None:
    problems = write_problems(tmp_path / "mmcode_test.jsonl", 30)
    with chat_server() as chat:
        chat.behaviour = answer_some
        run = tmp_path / "run"
        start = (f"openai/m@{chat.url}", problems, run, "--connections", "2")
        _kill_when(_start(*start), _has_lines(run / "answers.jsonl", 8))
        asked_before = len(chat.requests)
        with (run / "answers.jsonl").open("ab") as file:
            file.write(b'{"id": "p29", "att')  # killed while writing
        _kill_when(_start(*start), _has_lines(run / "scores.jsonl", 5))
        n_scored = (run / "scores.jsonl").read_bytes().count(b"\n")
        assert 30 <= len(chat.requests) <= 30 + 4, "only what was under way is asked again"
        assert asked_before < 30
        asked_after = len(chat.requests)
        done = _start(*start)
        assert done.wait(300) == 0, done.communicate()
        done.communicate()
        assert len(chat.requests) == asked_after
        assert n_scored < 30
        assert len(lines_of(run / "scores.jsonl")) == 30
        words = ["eval", "mmcode", "--model", f"openai/m@{chat.url}", "--data", str(problems),
                 "-o", str(tmp_path / "whole"), "--protocol", "strict"]  # fmt: skip
        assert CliRunner().invoke(app, words).exit_code == 0
    assert report_of(run) == report_of(tmp_path / "whole")
    assert report_of(run)["strict"]["totals"] == {"solved": 20, "of": 30}


def test_a_run_killed_while_code_executes_executes_nothing_twice(tmp_path: Path) -> None:
    problems = write_problems(tmp_path / "mmcode_test.jsonl", 8)
    programs = [f"# {k}\n{'import time; time.sleep(5)' * (k == 4)}\n" for k in range(8)]
    rows = [
        {"id": f"p{k}", "answer": (RIGHT if k % 3 else WRONG).replace("\n", f"\n{own}", 1)}
        for k, own in enumerate(programs)
    ]
    model = f"replay/{write_lines(tmp_path / 'a.jsonl', rows)}"
    run, began = tmp_path / "run", 0.0

    def fifth_sleeps() -> bool:
        nonlocal began
        if not began and len(_executions(run)) == 4:
            began = time.monotonic()
        return bool(began) and time.monotonic() - began > 1

    _kill_when(_start(model, problems, run, "--workers", "1"), fifth_sleeps)
    before = _executions(run)
    assert len(before) == 4
    assert len(lines_of(run / "scores.jsonl")) <= 4
    (run / "scores.jsonl").write_text("")  # as if it had been killed before any of them was scored
    done = _start(model, problems, run, "--workers", "1")
    assert done.wait(300) == 0, done.communicate()
    done.communicate()
    after = _executions(run)
    assert len(after) == 8
    assert {name: after[name] for name in before} == before  # none was written again
    words = ["eval", "mmcode", "--model", model, "--data", str(problems),
             "-o", str(tmp_path / "whole"), "--protocol", "strict"]  # fmt: skip
    assert CliRunner().invoke(app, words).exit_code == 0
    assert report_of(run) == report_of(tmp_path / "whole")
    assert report_of(run)["strict"]["totals"] == {"solved": 5, "of": 8}


def _executions(run: Path) -> dict[str, int]:
    """What was executed, and when."""
    return {file.name: file.stat().st_mtime_ns for file in run.glob("executions/*.json")}

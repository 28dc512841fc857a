"""Many samples, some of which go wrong; runs that are killed at each stage."""

from __future__ import annotations

import base64
import json
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.evaluate.sessions import executions, finish, has_lines, kill_when, start
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
from tests.generate.conftest import PICTURES
from tests.tasks.chat_server import Answer, Chat, chat_server, fails, says
from viscodex.cli import app
from viscodex.models.model import Decoding, Prompt, open_model
from viscodex.types import Completion, Message

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


def _words(model: str, problems: Path, run: Path, *more: str) -> tuple[object, ...]:
    return "mmcode", "--model", model, "--data", problems, "-o", run, "--protocol", "strict", *more


def test_a_run_killed_while_asking_and_while_scoring_gives_the_same_report(tmp_path: Path) -> None:
    problems = write_problems(tmp_path / "mmcode_test.jsonl", 30)
    log = tmp_path / "log"
    with chat_server() as chat:
        chat.behaviour = answer_some
        run = tmp_path / "run"
        words = _words(f"openai/m@{chat.url}", problems, run, "--connections", "2")
        kill_when(start(log, *words), has_lines(run / "answers.jsonl", 8))
        asked_before = len(chat.requests)
        with (run / "answers.jsonl").open("ab") as file:
            file.write(b'{"id": "p29", "att')  # killed while writing
        kill_when(start(log, *words), has_lines(run / "scores.jsonl", 5))
        n_scored = (run / "scores.jsonl").read_bytes().count(b"\n")
        assert 30 <= len(chat.requests) <= 30 + 4, "only what was under way is asked again"
        assert asked_before < 30
        asked_after = len(chat.requests)
        finish(start(log, *words), log)
        assert len(chat.requests) == asked_after
        assert n_scored < 30
        assert len(lines_of(run / "scores.jsonl")) == 30
        whole = _words(f"openai/m@{chat.url}", problems, tmp_path / "whole")
        finish(start(log, *whole), log)
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
    run, log, began = tmp_path / "run", tmp_path / "log", 0.0

    def fifth_sleeps() -> bool:
        nonlocal began
        if not began and len(executions(run)) == 4:
            began = time.monotonic()
        return bool(began) and time.monotonic() - began > 1

    words = _words(model, problems, run, "--workers", "1")
    kill_when(start(log, *words), fifth_sleeps)
    before = executions(run)
    assert len(before) == 4
    assert len(lines_of(run / "scores.jsonl")) <= 4
    (run / "scores.jsonl").write_text("")  # as if it had been killed before any of them was scored
    finish(start(log, *words), log)
    after = executions(run)
    assert len(after) == 8
    assert {name: after[name] for name in before} == before  # none was written again
    finish(start(log, *_words(model, problems, tmp_path / "whole")), log)
    assert report_of(run) == report_of(tmp_path / "whole")
    assert report_of(run)["strict"]["totals"] == {"solved": 5, "of": 8}


@contextmanager
def nano_behind(chat: Chat) -> Iterator[None]:
    """The server answers with the shipped weights, one question after another, equal ones once."""
    turn, said = threading.Lock(), dict[str, Completion]()
    with open_model("nano") as model:

        def answer(body: dict[str, Any], n: int) -> Answer:
            system, user = (message["content"] for message in body["messages"])
            (url,) = (part["image_url"]["url"] for part in user if part["type"] == "image_url")
            picture = base64.b64decode(url.partition(",")[2])
            asked = (Message("system", system), Message("user", f"<image>{text_of(body)}"))
            with turn:
                if url not in said:
                    decoding = Decoding(max_tokens=body["max_tokens"])
                    (said[url],) = model.complete([Prompt(asked, (picture,))], decoding)
            done = said[url]
            usage = (done.prompt_tokens or 0, done.completion_tokens or 0)
            return says(done.text, finish=done.finish_reason or "stop", usage=usage)

        chat.behaviour = answer
        yield


def test_nano_killed_at_each_stage_gives_the_report_of_a_run_that_was_not(tmp_path: Path) -> None:
    """Real weights, charts and processes, so it takes its time: four answers, the pool of charts four times."""
    charts = tmp_path / "direct_4"
    charts.mkdir()
    for kind in ("bar", "barh", "donut", "lines"):
        for file in PICTURES.glob(f"chart_{kind}.*"):
            shutil.copy(file, charts)
    run, whole, log = tmp_path / "run", tmp_path / "whole", tmp_path / "log"
    with chat_server() as chat, nano_behind(chat):
        words = (
            "chartmimic", "--model", f"openai/nano@{chat.url}", "--data", charts, "--workers", 1,
            "--connections", 1, "--max-tokens", 300, "--protocol", "strict", "-o",
        )  # fmt: skip
        kill_when(start(log, *words, run), has_lines(run / "answers.jsonl", 1))
        assert len(chat.requests) < 4
        kill_when(start(log, *words, run), lambda: len(executions(run)) >= 1)
        assert 4 <= (n_asked := len(chat.requests)) <= 5
        kept = executions(run)
        kill_when(start(log, *words, run), has_lines(run / "scores.jsonl", 2))
        assert len(lines_of(run / "scores.jsonl")) < 4
        finish(start(log, *words, run), log)
        assert len(chat.requests) == n_asked
        assert executions(run).items() >= kept.items()
        finish(start(log, *words, whole), log)
    assert report_of(run) == report_of(whole)
    report = report_of(run)["strict"]
    assert report["n_answered"] == 4
    assert report["metrics"]["exec_rate"]["all"] >= 0.75
    drawn = [sorted(file.name for file in (of / "pictures").iterdir()) for of in (run, whole)]
    assert drawn[0] == drawn[1]

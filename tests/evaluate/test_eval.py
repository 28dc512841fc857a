"""viscodex eval: asks once, resumes, keeps within its limits, tells what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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
from tests.tasks.chat_server import Chat, chat_server, fails, says
from viscodex.cli import app
from viscodex.errors import BadRecipe, OutputRefused


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_server() as server:
        yield server


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["eval", *map(str, words)])


def word_for_word(body: dict[str, Any], n: int) -> Any:
    """The right answer to a case of write_suite; its seed beside it."""
    (k,) = re.findall(r"Case (\d+):", text_of(body))
    return says(f"It is word{k}. Seed {body.get('seed')}.", usage=(50, 10))


def test_answers_scores_and_report_are_there_and_nothing_is_asked_twice(
    chat: Chat, tmp_path: Path
) -> None:
    chat.behaviour = word_for_word
    suite = write_suite(tmp_path / "suite", 4)
    words = (
        "infibench_v", "--model", f"openai/m@{chat.url}", "--data", suite, "-o", tmp_path / "run",
        "--json",
    )  # fmt: skip
    done = run(*words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["strict"]
    assert told["metrics"]["score"]["all"] == 1
    assert told["settings"]["usage"] | {"seconds": 0} == {
        "answers": 4, "failed": 0, "prompt_tokens": 200, "completion_tokens": 40, "seconds": 0,
    }  # fmt: skip
    rows = lines_of(tmp_path / "run" / "answers.jsonl")
    assert [row["id"] for row in rows] == ["c-0", "c-1", "c-2", "c-3"]
    assert rows[2]["answer"] == "It is word2. Seed 0."
    assert len({row["key"] for row in rows}) == 4
    picture = chat.requests[0]["messages"][-1]["content"]
    assert any(part["type"] == "image_url" for part in picture)
    there = json.loads((tmp_path / "run" / "run.json").read_text())
    assert there["model"]["model"] == "m"
    assert there["decoding"]["max_tokens"] == 2048
    assert there["about"]["data"] == str(suite)
    assert run(*words).exit_code == 0
    assert len(chat.requests) == 4
    with pytest.raises(OutputRefused, match="decoding"):
        raise run(*words, "--temperature", "0.5").exception
    assert len(chat.requests) == 4


def test_a_longer_run_asks_only_what_is_new(chat: Chat, tmp_path: Path) -> None:
    chat.behaviour = word_for_word
    words = (
        "infibench_v", "--model", f"openai/m@{chat.url}",
        "--data", write_suite(tmp_path / "suite", 3), "-o", tmp_path / "run", "--temperature", "0.7",
    )  # fmt: skip
    assert run(*words, "--limit", "2").exit_code == 0
    assert run(*words, "--epochs", "2").exit_code == 0
    assert len(chat.requests) == 6
    assert sorted(body["seed"] for body in chat.requests) == [0, 0, 0, 1, 1, 1]
    rows = lines_of(tmp_path / "run" / "answers.jsonl")
    assert [(row["id"], row["attempt"]) for row in rows[:3]] == [("c-0", 0), ("c-0", 1), ("c-1", 0)]
    assert len(lines_of(tmp_path / "run" / "scores.jsonl")) == 6


def test_an_answer_to_something_else_is_asked_again(
    chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.behaviour = word_for_word
    words = (
        "infibench_v", "--model", f"openai/m@{chat.url}",
        "--data", write_suite(tmp_path / "suite", 2), "-o", tmp_path / "run",
    )  # fmt: skip
    assert run(*words).exit_code == 0
    monkeypatch.setattr("viscodex.evaluate.asking.__version__", "another")
    assert run(*words).exit_code == 0
    assert len(chat.requests) == 4


def test_pass_at_k_is_the_unbiased_estimate_over_epochs(tmp_path: Path) -> None:
    problems = write_problems(tmp_path / "mmcode_test.jsonl", 2)
    answers = write_lines(
        tmp_path / "a.jsonl",
        [{"id": f"p{k}", "answer": RIGHT if n < 2 - k else WRONG} for k in range(2) for n in range(5)],
    )  # fmt: skip
    done = run(
        "mmcode", "--model", f"replay/{answers}", "--data", problems, "-o", tmp_path / "run",
        "--epochs", 5, "--protocol", "strict",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = report_of(tmp_path / "run")["strict"]["metrics"]
    assert told["pass@1"]["all"] == pytest.approx((2 / 5 + 1 / 5) / 2)
    assert told["pass@5"]["all"] == 1
    assert [row["answer"] for row in lines_of(tmp_path / "run" / "answers.jsonl")][5:7] == [
        RIGHT,
        WRONG,
    ]


def test_several_greedy_answers_are_refused(chat: Chat, tmp_path: Path) -> None:
    done = run(
        "infibench_v", "--model", f"openai/m@{chat.url}",
        "--data", write_suite(tmp_path / "suite", 1), "-o", tmp_path / "run", "--epochs", 3,
    )  # fmt: skip
    assert isinstance(done.exception, BadRecipe)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("money", [False, True], ids=["tokens", "money"])
def test_a_limit_is_never_passed_and_the_run_goes_on_with_a_higher_one(
    money: bool, chat: Chat, tmp_path: Path
) -> None:
    chat.behaviour = word_for_word  # 60 tokens each
    words = (
        "infibench_v", "--model", f"openai/m@{chat.url}",
        "--data", write_suite(tmp_path / "suite", 12), "-o", tmp_path / "run", "--max-tokens", 100,
    )  # fmt: skip
    price = ("--price", "1000000,1000000")
    limit = ("--cost-limit", "1000", *price) if money else ("--token-limit", "1000")
    done = run(*words, *limit)
    assert done.exit_code == 1
    assert "stopped: the limit of" in done.output
    n_asked = len(chat.requests)
    assert 2 <= n_asked < 12
    assert 60 * n_asked <= 1000
    report = report_of(tmp_path / "run")["strict"]
    assert report["statuses"]["missing"] == 12 - n_asked
    assert report["n_answered"] == n_asked
    assert [*report["unscored"]] == [f"not asked: {report['settings']['stopped']}"]
    higher = ("--cost-limit", "9e9", *price) if money else ("--token-limit", "1000000")
    assert run(*words, *higher).exit_code == 0
    assert len(chat.requests) == 12
    assert report_of(tmp_path / "run")["strict"]["metrics"]["score"]["all"] == 1


def test_a_time_limit_ends_the_asking(chat: Chat, tmp_path: Path) -> None:
    chat.behaviour = word_for_word
    done = run(
        "infibench_v", "--model", f"openai/m@{chat.url}",
        "--data", write_suite(tmp_path / "suite", 3), "-o", tmp_path / "run", "--time-limit", 0,
    )  # fmt: skip
    assert done.exit_code == 1
    assert chat.requests == []
    assert report_of(tmp_path / "run")["strict"]["statuses"] == {"missing": 3}


def test_a_wrong_key_ends_the_run_with_what_to_do(chat: Chat, tmp_path: Path) -> None:
    chat.replies(fails(401))
    done = run(
        "infibench_v", "--model", f"openai/m@{chat.url}",
        "--data", write_suite(tmp_path / "suite", 30), "-o", tmp_path / "run",
    )  # fmt: skip
    assert done.exit_code == 1
    assert "OPENAI_API_KEY" in done.output
    assert len(chat.requests) < 30
    assert not (tmp_path / "run" / "report.json").exists()


def test_missing_answers_are_asked_for_again(chat: Chat, tmp_path: Path) -> None:
    chat.behaviour = lambda body, n: (
        fails(400) if "Case 1:" in text_of(body) else word_for_word(body, n)
    )
    words = (
        "infibench_v", "--model", f"openai/m@{chat.url}", "--retries", 0,
        "--data", write_suite(tmp_path / "suite", 3), "-o", tmp_path / "run",
    )  # fmt: skip
    assert run(*words).exit_code == 1
    report = report_of(tmp_path / "run")["strict"]
    assert report["statuses"]["missing"] == 1
    assert report["metrics"]["score"]["n_scored"] == 2
    assert report["metrics"]["score"]["all"] == pytest.approx(2 / 3)
    (why,) = report["unscored"]
    assert "400" in why
    chat.behaviour = word_for_word
    n = len(chat.requests)
    assert run(*words).exit_code == 0
    assert len(chat.requests) == n + 1
    assert report_of(tmp_path / "run")["strict"]["metrics"]["score"]["all"] == 1


def test_the_answers_of_a_run_are_a_model_and_answers_to_score(chat: Chat, tmp_path: Path) -> None:
    chat.behaviour = word_for_word
    suite = write_suite(tmp_path / "suite", 3)
    assert run("infibench_v", "--model", f"openai/m@{chat.url}", "--data", suite, "-o", tmp_path / "a").exit_code == 0  # fmt: skip
    answers = tmp_path / "a" / "answers.jsonl"
    again = run(
        "infibench_v", "--model", f"replay/{answers}", "--data", suite, "-o", tmp_path / "b"
    )
    assert again.exit_code == 0, again.output
    words = ["score", "infibench_v", "--answers", answers, "--data", suite, "-o", tmp_path / "c"]
    assert CliRunner().invoke(app, [*map(str, words)]).exit_code == 0
    means = [report_of(tmp_path / name)["strict"]["metrics"] for name in "abc"]
    assert means[0] == means[1] == means[2]
    assert {file.name for file in (tmp_path / "a").iterdir()} - {"answers.jsonl", "logs"} == {
        file.name for file in (tmp_path / "c").iterdir()
    }

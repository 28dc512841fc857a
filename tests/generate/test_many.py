"""Many pictures: rows as they come, runs that go on, files of others left alone; the command."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.generate.conftest import fenced
from tests.tasks.chat_server import Answer, chat_server, fails, says
from viscodex.cli import app
from viscodex.errors import OutputRefused, RunStopped
from viscodex.generate.many import generate_many
from viscodex.generate.writer import Writer
from viscodex.models.chat import data_url
from viscodex.models.model import Decoding, open_model

Recorded = Callable[[Mapping[Path, str | list[str]]], str]
BROKEN = "```python\nimport matplotlib.pyplot as plt\nplt.bar(nothing)\n```"


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_come_in_order_and_an_interrupted_run_goes_on(
    charts: list[Path], recorded: Recorded, tmp_path: Path
) -> None:
    out, broken = tmp_path / "rows.jsonl", tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    paths = [charts[0], broken, charts[1], charts[2]]
    model = recorded({charts[0]: fenced(charts[0]), charts[1]: BROKEN})
    with Writer(model, run=False) as writer:
        first = list(generate_many(paths, writer, out))
    assert [r["status"] for r in first] == ["ok", "unreadable", "ok", "unanswered"]
    assert rows_of(out) == first
    whole = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(whole[0] + whole[1] + whole[2][:40])  # killed in the middle of a line
    asked: list[str] = []
    with Writer(model, run=False) as writer:
        write = writer.write
        writer.write = lambda pictures, *a: (
            asked.extend(p.name for p in pictures) or write(pictures)
        )  # type: ignore[func-returns-value, method-assign, assignment, misc]
        second = list(generate_many(paths, writer, out))
    assert asked == [str(charts[1]), str(charts[2])]  # not what was whole; what failed again
    drop = {"seconds"}
    assert [{k: v for k, v in r.items() if k not in drop} for r in second] == [
        {k: v for k, v in r.items() if k not in drop} for r in first
    ]
    assert sorted(r["image"] for r in rows_of(out)) == sorted(map(str, paths))


def test_files_of_other_settings_or_of_others_are_not_touched(
    charts: list[Path], recorded: Recorded, tmp_path: Path
) -> None:
    out, model = tmp_path / "rows.jsonl", recorded({charts[0]: BROKEN})
    with Writer(model, run=False) as writer:
        list(generate_many(charts[:1], writer, out))
    before = out.read_bytes()
    with (
        Writer(model, run=False, task="html") as other,
        pytest.raises(OutputRefused, match="other settings"),
    ):
        list(generate_many(charts[:1], other, out))
    assert out.read_bytes() == before
    out.write_text('{"name": "mine"}\n')
    with (
        Writer(model, run=False) as writer,
        pytest.raises(OutputRefused, match="not one of results"),
    ):
        list(generate_many(charts[:1], writer, out))
    with Writer(model, run=False) as writer, pytest.raises(OutputRefused, match="no file"):
        list(generate_many(charts[:1], writer, tmp_path))


def test_a_picture_is_on_the_disk_while_an_endpoint_still_answers_another(
    charts: list[Path], tmp_path: Path
) -> None:
    out, slow = tmp_path / "rows.jsonl", data_url(charts[0].read_bytes())
    until = time.monotonic() + 60

    def answer(body: dict[str, Any], n: int) -> Answer:
        if slow in json.dumps(body):  # answered once the others are on the disk
            while len(out.read_text().splitlines() if out.exists() else ()) < 2:
                assert time.monotonic() < until
                time.sleep(0.02)
        return says(BROKEN)

    with chat_server() as server:
        server.behaviour = answer
        with open_model(f"openai/m@{server.url}") as model, Writer(model, run=False) as writer:
            rows = list(generate_many(charts[:3], writer, out))
    assert [row["image"] for row in rows] == [str(path) for path in charts[:3]]
    assert rows_of(out)[-1]["image"] == str(charts[0])
    assert sorted(map(str, rows)) == sorted(map(str, rows_of(out)))


def test_what_an_endpoint_answered_before_it_died_is_kept(
    charts: list[Path], pages: list[Path], tmp_path: Path
) -> None:
    out, paths = tmp_path / "rows.jsonl", [*charts, *pages]
    with chat_server() as server:
        server.behaviour = lambda body, n: says(BROKEN) if n < 3 else fails(401)
        with (
            open_model(f"openai/m@{server.url}", workers=1) as model,
            Writer(model, run=False) as writer,
            pytest.raises(RunStopped),
        ):
            list(generate_many(paths, writer, out))
        assert [row["image"] for row in rows_of(out)] == [str(path) for path in paths[:3]]
        server.behaviour = lambda body, n: says(BROKEN)
        with open_model(f"openai/m@{server.url}") as model, Writer(model, run=False) as writer:
            list(generate_many(paths, writer, out))
        assert len(server.requests) == 4 + len(paths) - 3
    assert sorted(row["image"] for row in rows_of(out)) == sorted(map(str, paths))


def test_a_local_model_writes_the_pictures_of_a_batch_together(
    charts: list[Path], trio: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    few = Decoding(max_tokens=2)
    with (
        open_model(str(trio / "vlm"), device="cpu", batch=2) as model,
        Writer(model, run=False, decoding=few) as writer,
    ):
        rows = generate_many(charts[:3], writer, out)
        next(rows)
        assert len(rows_of(out)) == 2
        list(rows)
    assert [row["image"] for row in rows_of(out)] == [str(path) for path in charts[:3]]


# --- the command ----------------------------------------------------------------------------------


def command(*words: object) -> Any:
    return CliRunner().invoke(app, ["generate", *map(str, words)], catch_exceptions=False)


def test_one_picture_prints_its_code_and_writes_what_is_asked_for(
    charts: list[Path], recorded: Recorded, tmp_path: Path
) -> None:
    model = recorded({charts[0]: fenced(charts[0])})
    done = command(charts[0], "--model", model, "--render", tmp_path / "again.png")
    assert done.exit_code == 0
    assert done.stdout.rstrip() == charts[0].with_suffix(".py").read_text().rstrip()
    assert "likeness" in done.stderr and "taken for a chart" in done.stderr
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")
    done = command(charts[0], "--model", model, "--no-run", "-o", tmp_path / "again.py")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "again.py").read_text().rstrip() in fenced(charts[0])


def test_code_that_fails_is_printed_and_exits_with_1(
    charts: list[Path], recorded: Recorded
) -> None:
    done = command(charts[0], "--model", recorded({charts[0]: BROKEN}), "--json")
    row = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (row["status"], row["task"]) == ("error", "chart")
    assert "plt.bar(nothing)" in row["code"]
    assert "error: NameError" in done.stderr


def test_a_folder_becomes_json_lines(
    charts: list[Path], pages: list[Path], recorded: Recorded, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for path in (charts[0], pages[0]):
        (folder / path.name).write_bytes(path.read_bytes())
    answers = {folder / path.name: fenced(path) for path in (charts[0], pages[0])}
    words = folder, "--model", recorded(answers), "-o", tmp_path / "r.jsonl"
    done = command(*words, "--render", tmp_path / "r")
    assert (done.exit_code, done.stdout) == (0, "")
    rows = rows_of(tmp_path / "r.jsonl")
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert all(Path(row["render"]).read_bytes().startswith(b"\x89PNG") for row in rows)
    assert command(*words).exit_code == 0
    assert rows_of(tmp_path / "r.jsonl") == rows
    assert command(*words, "--render", tmp_path / "late").exit_code == 0  # nothing is asked again
    drawn = [{p.name: p.read_bytes() for p in (tmp_path / d).iterdir()} for d in ("r", "late")]
    assert len(drawn[0]) == 2 and drawn[0] == drawn[1]
    assert rows_of(tmp_path / "r.jsonl") == rows


def test_bad_input_is_refused_before_a_model_is_opened(charts: list[Path], tmp_path: Path) -> None:
    from viscodex.errors import BadInput, BadRecipe

    ask = ("--prompt", "How many bars?", "--model", "replay/none")
    for words, error in (
        ((tmp_path / "none.png",), BadInput),
        ((charts[0], "-o", tmp_path / "no" / "x.py"), OutputRefused),
        ((charts[0], "-o", tmp_path), OutputRefused),
        ((charts[0], charts[1], "--render", charts[0]), OutputRefused),
        ((charts[0], "--task", "qa", "--model", "replay/none"), BadRecipe),
        ((charts[0], *ask, "--task", "qa", "--best-of", 3), BadRecipe),
        ((charts[0], *ask, "--repair", 1), BadRecipe),
        ((charts[0], *ask, "--no-run", "--render", tmp_path / "x.png"), BadRecipe),
    ):
        with pytest.raises(error):
            command(*words)


def test_a_file_that_is_there_outlives_an_answer_without_code(
    charts: list[Path], recorded: Recorded, tmp_path: Path
) -> None:
    place = tmp_path / "chart.py"
    place.write_text("good = 1\n")
    for answers in ({charts[0]: "I see bars."}, {charts[1]: BROKEN}):
        done = command(charts[0], "--model", recorded(answers), "-o", place)
        assert done.exit_code == 1
        assert f"nothing is written to {place}" in done.stderr
        assert place.read_text() == "good = 1\n"


def test_on_a_terminal_the_answer_is_shown_as_it_comes_and_stdout_is_the_code(
    charts: list[Path], recorded: Recorded
) -> None:
    model = recorded({charts[0]: "A bar chart, I think.\x1b[2J\n" + BROKEN})
    terminal, theirs = pty.openpty()
    words = ["generate", str(charts[0]), "--model", model, "--no-run"]
    done = subprocess.run(
        [sys.executable, "-m", "viscodex", *words],
        stdout=subprocess.PIPE, stderr=theirs, check=True, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    shown = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    assert done.stdout.decode().strip() == BROKEN.removeprefix("```python\n").removesuffix("\n```")
    assert "A bar chart, I think." in shown and "plt.bar(nothing)" in shown
    assert "\x1b[2J" not in shown  # what a model says does nothing to a terminal

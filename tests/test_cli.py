"""The command line as a user meets it: real processes, exit status, messages, files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.merge.models import all_bytes, arrays_of, write_trio

ROOT = Path(__file__).parents[1]


def run(
    *arguments: object, cwd: Path | None = None, expect: int = 0
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "viscodex", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd or ROOT, env=env, timeout=120
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_help_names_every_command_with_examples() -> None:
    assert {"merge", "inspect", "run", "runtime", "doctor", "demo"} <= set(
        run("--help").stdout.split()
    )
    for command in ("merge", "inspect", "run"):
        assert "Examples" in run(command, "--help").stdout
    assert re.fullmatch(r"viscodex \d+\.\d+\.\d+", run("--version").stdout.strip())


def test_merge_by_options_and_by_recipe_give_the_same_weights(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    run(
        "merge",
        "--vlm",
        paths["vlm"],
        "--code",
        paths["code"],
        "--lam",
        "0.7",
        "-o",
        tmp_path / "a",
    )
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"vlm: {paths['vlm']}\ncode: {paths['code']}\nlam: 0.1\n")
    done = run("merge", recipe, "lam=0.7", "-o", tmp_path / "b")
    assert "written" in done.stdout
    assert all_bytes(tmp_path / "a") == all_bytes(tmp_path / "b")


def test_dry_run_writes_nothing_and_shows_the_plan(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    arguments = [
        "merge",
        "--vlm",
        paths["vlm"],
        "--code",
        paths["code"],
        "--dry-run",
        "-o",
        tmp_path / "out",
    ]
    shown = run(*arguments).stdout
    assert "merged" in shown and "peak memory" in shown
    plan = json.loads(run(*arguments, "--json").stdout)
    assert len(plan["steps"]) == len(arrays_of(paths["vlm"]))
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["merge", "-o", "x"], "nothing to merge"),
        (["merge", "nowhere.yaml", "-o", "x"], "cannot be read"),
        (["merge", "--vlm", "no-such-dir", "--code", "b", "-o", "x"], "no such checkpoint"),
        (["merge", "--vlm", "a", "--code", "b", "--lam", "1.5", "-o", "x"], "outside 0 to 1"),
        (["merge", "--vlm", "a", "--code", "b", "--method", "tis", "-o", "x"], "did you mean ties"),
        (["merge", "--vlm", "a", "--code", "b", "lamm=1", "-o", "x"], "did you mean lam"),
        (["merge", "--vlm", "a", "--code", "b"], "-o DIR is missing"),
        (["merge", "a.yaml", "b.yaml", "-o", "x"], "one recipe at a time"),
        (["inspect", "nowhere"], "no such checkpoint"),
        (["merge", "--vlm", "a", "--code", "b", "--shard-size", "many", "-o", "x"], "not a size"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_clear_message(
    arguments: list[str], say: str, tmp_path: Path
) -> None:
    done = run(*arguments, cwd=tmp_path, expect=2)
    assert say in done.stderr and "Traceback" not in done.stderr and not done.stdout
    assert not list(tmp_path.iterdir())


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    slow = (
        "import sys, time\nfrom viscodex.merge import output\nwrite = output.Output.write\n"
        "def slowly(self, *a):\n    time.sleep(0.1)\n    write(self, *a)\n"
        "output.Output.write = slowly\nfrom viscodex.cli import main\nmain()"
    )
    command = [
        sys.executable,
        "-c",
        slow,
        "merge",
        "--vlm",
        str(paths["vlm"]),
        "--code",
        str(paths["code"]),
    ]
    process = subprocess.Popen(
        [*command, "-o", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True
    )
    journal = tmp_path / "out.partial" / "journal.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        journal.exists() and journal.read_bytes().count(b"\n") > 2
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in stderr and "Traceback" not in stderr
    assert not (tmp_path / "out").exists() and journal.exists()
    run("merge", "--vlm", paths["vlm"], "--code", paths["code"], "-o", tmp_path / "out", expect=2)
    run("merge", "--vlm", paths["vlm"], "--code", paths["code"], "-o", tmp_path / "out", "--resume")
    assert (tmp_path / "out" / "merge_report.json").exists()


def test_ctrl_c_ends_any_command_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("print('begun', flush=True)\nwhile True: pass\n")
    command = [sys.executable, "-m", "viscodex", "run", "--as", "program", "loop.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    threads, begun = Path(f"/proc/{process.pid}/task"), False
    while not begun:  # until the sandbox is there
        assert process.poll() is None
        time.sleep(0.05)
        with contextlib.suppress(OSError):  # a thread that has just ended
            begun = any(f.read_text() for f in threads.glob("*/children"))
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=30)[1], process.returncode) == ("interrupted\n", 130)


def test_inspect_shows_parts_and_geometry_and_draws_them(tmp_path: Path) -> None:
    paths = write_trio(tmp_path)
    order = [paths["base"], paths["vlm"], paths["code"]]
    shown = run("inspect", *order, "--html", tmp_path / "g.html").stdout
    assert "vision_tower" in shown and "cos vlm,code" in shown
    page = (tmp_path / "g.html").read_text()
    assert "<svg" in page and "mlp.down_proj" in page
    assert not re.search(r"<script|(src|href)=\"http", page), "the page needs no network"
    facts = json.loads(run("inspect", *order, "--json").stdout)
    rows = {row["name"]: row for row in facts["geometry"]}
    base, vlm, code = (arrays_of(p) for p in order)
    name = "model.layers.1.mlp.down_proj.weight"
    a, b = (m[name].astype(float) - base[name].astype(float) for m in (vlm, code))
    assert rows[name]["norms"]["vlm"] == pytest.approx(float((a**2).sum() ** 0.5), rel=1e-12)
    cosine = float((a * b).sum() / ((a**2).sum() * (b**2).sum()) ** 0.5)
    assert rows[name]["cosines"]["vlm,code"] == pytest.approx(cosine, rel=1e-9)
    assert rows[name]["sign_conflicts"]["vlm,code"] == pytest.approx(float((a * b < 0).mean()))


def test_doctor_says_what_is_missing_and_how_to_get_it() -> None:
    findings = {f["name"]: f for f in json.loads(run("doctor", "--json").stdout)}
    assert findings["torch"]["found"] and findings["Python"]["found"]
    assert all(f["remedy"] for f in findings.values() if not f["found"])
    assert "Python" in run("doctor").stdout


def test_the_demonstration_leaves_a_folder_of_something_else_alone(tmp_path: Path) -> None:
    (tmp_path / "work.txt").write_text("keep")
    assert "not empty" in run("demo", "-o", tmp_path, expect=2).stderr
    assert (tmp_path / "work.txt").read_text() == "keep"


def test_examples_run_as_they_stand(tmp_path: Path) -> None:
    for example in sorted((ROOT / "examples").glob("*.py")):
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, str(example)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


# --- run ------------------------------------------------------------------------------------------

CHART = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('hello')\nplt.show()\n"


def test_run_renders_a_chart_and_prints_the_execution(tmp_path: Path) -> None:
    (tmp_path / "chart.py").write_text(CHART)
    done = run("run", tmp_path / "chart.py", "--render", tmp_path / "chart.png")
    result = json.loads(done.stdout)
    assert result["status"] == "ok" and "hello" in result["figure"]["texts"]
    picture = (tmp_path / "chart.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) == result["images"][0]["bytes"]
    assert f"written: {tmp_path / 'chart.png'}" in done.stderr


def test_run_renders_a_page(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<title>T</title><p style='color: red'>words</p>")
    done = run("run", tmp_path / "page.html", "--render", tmp_path / "page.png", "--json")
    result = json.loads(done.stdout)
    assert (result["status"], result["page"]["title"]) == ("ok", "T")
    assert result["page"]["blocks"][0]["text"] == "words"
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert done.stderr == ""


def test_run_gives_a_program_its_input_and_keeps_escapes_from_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("print('\\x1b[2J' + input())")
    (tmp_path / "in.txt").write_text("words\n")
    done = run("run", tmp_path / "p.py", "--stdin", tmp_path / "in.txt")
    assert json.loads(done.stdout)["stdout"] == "\x1b[2Jwords\n"
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "status"), [("1/0", "error"), ("while True: pass", "timeout"), ("", "no_code")]
)
def test_a_program_that_fails_is_printed_and_makes_exit_status_1(
    tmp_path: Path, code: str, status: str
) -> None:
    (tmp_path / "p.py").write_text(code)
    done = run("run", tmp_path / "p.py", "--timeout", "1", expect=1)
    assert json.loads(done.stdout)["status"] == status


def test_run_refuses_what_it_cannot_run(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("?")
    (tmp_path / "b.py").write_bytes(b"\xff\xfe")
    (tmp_path / "c.py").write_text("print()")
    for words, expected in (
        (["a.xyz"], "suffix"),
        (["b.py"], "UTF-8"),
        (["nowhere.py"], "No such file"),
        (["c.py", "--as", "poem"], "no such kind"),
        (["c.py", "--render", "no/where.png"], "cannot be written there"),
        (["c.py", "--render", "/"], "cannot be written there"),
        (["c.py", "--stdin", "b.py"], "UTF-8"),
        (["c.py", "--timeout", "inf"], "Invalid value"),
        (["/dev/zero"], "not a regular file"),
        (["c.py", "--as", "chart", "--runtime", "old"], "no such runtime"),
    ):
        done = run("run", *(tmp_path / w if w[1:2] == "." else w for w in words), expect=2)
        assert expected in done.stderr and done.stdout == "", words


def test_runtime_list_names_all() -> None:
    assert {"current:", "chartmimic:"} <= set(run("runtime", "list").stdout.split())

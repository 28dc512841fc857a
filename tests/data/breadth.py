"""Material and a recorded teacher for builds of all four categories in one recipe.

in:  a folder, samples wanted of each category
out: scripts, seeds, a store of posts, a problem set, four benchmarks with planted items; a recipe;
    an HTTP server whose reply is decided by the request alone
not covered: what models say; the server says what our grammars would, and often something spoiled
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.data import lessons, post_dump, problem_set
from tests.data.test_decontaminate import (
    chartmimic_folder,
    design2code_folder,
    infibench_v_lines,
    mmcode_row,
    picture,
    prose,
)
from tests.tasks.chat_server import Answer, Chat, chat_server, fails, says
from viscodex.data.posts.fetch import fetch_pictures
from viscodex.data.posts.index import build_store

ROOT = Path(__file__).parents[2]
PLANTED = 77_777  # number of the chart and the page that a benchmark has, too
THREAD = 38  # number of the thread that InfiBench-V has, too
LICENCES = ["cc0-1.0", "mit", "apache-2.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0"]


# --- material -------------------------------------------------------------------------------------


def write_material(folder: Path, n: int) -> None:
    """All that the sources of a recipe of n samples a category read."""
    folder.mkdir(parents=True)
    _write_scripts(folder / "scripts", n)
    _write_seeds(folder / "seeds", n)
    _write_posts(folder, 2 * n + 10)
    rows = problem_set.good_rows(n + n // 2 + 10)
    odd = list(problem_set.odd_rows().values())[1:9]
    problem_set.write_parquet(folder / "problems.parquet", rows + odd)
    _write_benchmarks(folder / "benchmarks", rows[:6])


def _write_scripts(folder: Path, n: int) -> None:
    folder.mkdir()
    for i in range(n // 2 + 8):
        text = lessons.published([100_000 + 2 * i, 100_001 + 2 * i])
        if i % 5 == 4:
            cells = [{"cell_type": "code", "source": text}]
            (folder / f"s{i}.ipynb").write_text(json.dumps({"cells": cells}))
        else:
            (folder / f"s{i}.py").write_text(text)
    (folder / "no_plot.py").write_text("print('no plot')\n")
    (folder / "broken.ipynb").write_text('{"cells": [')


def _write_seeds(folder: Path, n: int) -> None:
    folder.mkdir()
    for i in range(n // 2 + 12):
        (folder / f"p{i}.png").write_bytes(picture(i, (640, 860)))
        (folder / f"p{i}.html").write_text(lessons.page(110_000 + i))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")


def _write_posts(folder: Path, n: int) -> None:
    """A dump of n ordinary threads and every oddity, its store and pictures."""
    rows, names = [], []
    for i in range(1, n + 1):
        question, answer, name = thread(i)
        rows += [question, answer]
        names.append(name)
    odd = [row for rows_ in post_dump.odd_rows().values() for row in rows_]
    body = [*rows, *odd, *post_dump.never_threads()]
    (folder / "Posts.xml").write_text("<posts>\n" + "".join(body) + "</posts>\n")
    (folder / "Users.xml").write_text(post_dump.USERS)
    build_store(folder / "Posts.xml", folder / "posts", users=folder / "Users.xml")
    (folder / "saved").mkdir()
    for i, name in enumerate(names):
        (folder / "saved" / name).write_bytes(post_dump.picture(i))
    for i, name in enumerate(("early", "noowner", "entity", "large", "linked", "inject")):
        (folder / "saved" / f"{name}.png").write_bytes(post_dump.picture(5_000 + i))
    fetch_pictures(folder / "posts", pictures=folder / "saved")


def ask(i: int) -> str:
    """What the question of a thread says."""
    return f"{prose(9_000 + i, 40)}? It is number {i}."


def thread(i: int) -> tuple[str, str, str]:
    """(question, answer, name of the picture) of a thread of which no two are alike."""
    page, name = i % 3 == 0, f"t{i}.png"
    code = (
        post_dump.page_of(i) + f"\n<p>{prose(20_000 + i, 30)}</p>"
        if page
        else lessons.chart(120_000 + i)
    )
    told = f"<p>{prose(5_000 + i, 25)}:</p>{post_dump.code(code, '' if page else 'py')}"
    number = 10 * i
    keys = {"AcceptedAnswerId": number + 2, "Score": 3 + i % 40, "ViewCount": 50 + i}
    title = {"Title": f"Why {prose(7_000 + i, 6)}?", "Tags": "<html><css>" if page else "<python>"}
    question = f"<p>{ask(i)}</p>{post_dump.shown(name)}"
    return (
        post_dump.row(number + 1, 1, question, **keys, **title, OwnerUserId=i % 7 + 1),
        post_dump.row(number + 2, 2, told, ParentId=number + 1, Score=4, OwnerUserId=i % 5 + 1),
        name,
    )


def _write_benchmarks(folder: Path, problems: list[dict[str, Any]]) -> None:
    """The four benchmarks, each with something that a source will come upon."""
    for name in ("Design2Code", "ChartMimic", "MMCode", "InfiBench-V"):
        (folder / name).mkdir(parents=True)
    design2code_folder(folder / "Design2Code")
    (folder / "Design2Code" / "0.html").write_text(lessons.page(PLANTED))
    chartmimic_folder(folder / "ChartMimic")
    (folder / "ChartMimic" / "direct_600" / "bar_0.py").write_text(lessons.chart(PLANTED))
    same = [{"question": row["question"], "solutions": [row["solution"]]} for row in problems]
    lines = "".join(json.dumps(mmcode_row(i) | row) + "\n" for i, row in enumerate(same))
    (folder / "MMCode" / "mmcode_test.jsonl").write_text(lines)
    infibench_v_lines(folder / "InfiBench-V")
    cases = folder / "InfiBench-V" / "cases.jsonl"
    first, *others = map(json.loads, cases.read_text().splitlines())
    first["prompt"] = ask(THREAD)
    cases.write_text("".join(json.dumps(row) + "\n" for row in (first, *others)))


# --- recipe ---------------------------------------------------------------------------------------


def wanted(n: int) -> dict[str, int]:
    """Samples of each source for n of each category, and a fifth of it rewritten pages."""
    return {
        "chart_written": n - 2 * n // 5, "chart_script": 2 * n // 5, "html_designed": n,
        "html_rewritten": n // 5, "post": n, "kodcode": n,
    }  # fmt: skip


def recipe(folder: Path, n: int, **teacher: Any) -> dict[str, Any]:
    """All sources over the material of a folder."""
    seeds = str(folder / "seeds")
    problems = {"data": str(folder / "problems.parquet"), "subsets": list(problem_set.SUBSETS)}
    settings: dict[str, dict[str, Any]] = {
        "chart_written": {},
        "chart_script": {"scripts": str(folder / "scripts"), "licence": "mit"},
        "html_designed": {"seeds": seeds, "rounds": 20},
        "html_rewritten": {"seeds": seeds, "mode": "rewrite", "licence": "mit"},
        "post": {"store": str(folder / "posts"), "run": "try"},
        "kodcode": {**problems, "min_pass": 0.5, "mutants": 4},
    }
    entries = {k: {"n": m, "tries": 8, "settings": settings[k]} for k, m in wanted(n).items()}
    entries["html_rewritten"]["source"] = "html_designed"
    return {
        "sources": entries,
        "teacher": {"model": "recorded", "concurrency": 4, **teacher},
        "filters": {"licences": LICENCES},
        "decontaminate": sorted(str(one) for one in (folder / "benchmarks").iterdir()),
        "samples_per_part": max(5, n // 5),
        "workers": 2,
    }


# --- teacher --------------------------------------------------------------------------------------


def teach(body: dict[str, Any]) -> Answer:
    """The reply to a request, whatever is asked; a function of the body alone."""
    system = body["messages"][0]["content"]
    parts = body["messages"][1]["content"]
    text = "".join(part.get("text", "") for part in parts)
    if "posts of a question-and-answer site" in system:
        return says(post_dump.reply_to(body["messages"]))
    if "You clean up the code of web pages" in system:
        return _cleaned(text)
    if "You rate" not in system and "You cut" not in system and lessons.number_of(text) % 9 == 4:
        chart = "Python scripts" in system
        code = lessons.chart(PLANTED) if chart else lessons.page(PLANTED)
        return says(f"```{'python' if chart else 'html'}\n{code}\n```")
    return lessons.teach(body)


def _cleaned(text: str) -> Answer:
    """The page of a request, its lines without indentation; now and then a refusal or a half."""
    found = re.search(r"<<<data (\w{16})\n(.*)\n\1>>>", text, re.DOTALL)
    assert found is not None
    page = "\n".join(line.strip() for line in found[2].splitlines() if line.strip())
    fault = lessons.number_of(text) % 9
    if fault == 0:
        return says("I'm sorry, but I can't help with that request.")
    if fault == 1:
        return says(f"```html\n{page[: len(page) // 2]}", finish="length")
    return says(f"The same page, cleaned up:\n\n```html\n{page}\n```")


class Recorded:
    """The teacher as a server has it: often busy, and it counts what it works for.

    Attributes:
        worked: digest of a request's body -> idempotency keys under which it was answered.
    """

    def __init__(self, chat: Chat) -> None:
        self.chat, self.worked = chat, dict[str, list[str]]()
        self.trouble = Counter[int]()
        self._lock = threading.Lock()

    def __call__(self, body: dict[str, Any], n: int) -> Answer:
        if n % 31 in (3, 17):
            status = 429 if n % 31 == 3 else 500
            with self._lock:
                self.trouble[status] += 1
            return fails(status)
        answer = teach(body)
        key = self.chat.headers[n].get("idempotency-key", "")
        with self._lock:
            self.worked.setdefault(json.dumps(body, sort_keys=True), []).append(key)
        if n % 41 == 7:
            return answer[0], {**answer[1], "x-half": "1"}, answer[2]
        return answer


# --- a build that is killed and gone on with ------------------------------------------------------


def build_by_teacher(folder: Path, n: int, kills: int, budget: float) -> tuple[int, Recorded]:
    """Build FOLDER/set of FOLDER/material by a teacher whose replies are recorded; kill it on the way.

    Returns:
        How often it was killed before it ended, and the teacher.
    """
    with chat_server() as chat:
        chat.behaviour = teacher = Recorded(chat)
        told = recipe(
            folder / "material", n, endpoint=chat.url, cache=str(folder / "cache"),
            record=str(folder / "replies.jsonl.gz"), price={"in": 2, "out": 8}, budget=budget,
        )  # fmt: skip
        return build_killed(folder, told, folder / "set", chat, kills), teacher


def build_killed(folder: Path, told: dict[str, Any], out: Path, chat: Chat, kills: int) -> int:
    """Build by the command line; SIGKILL to all of its processes at so many random moments.

    Returns:
        How often it was killed before it ended.

    Raises:
        subprocess.CalledProcessError: the last call fails.
    """
    file = folder / f"{out.name}.yaml"
    file.write_text(yaml.safe_dump(told))
    argv = [sys.executable, "-m", "viscodex", "data", "build", str(file), "-o", str(out)]
    hidden = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
    env = {k: v for k, v in os.environ.items() if k not in hidden} | {"OPENAI_API_KEY": "none"}
    draw, n_killed = random.Random(len(told["sources"])), 0
    for _ in range(kills):
        goal = len(chat.requests) + draw.randrange(10, 12 + 40 * sum(wanted_of(told)) // 100)
        process = subprocess.Popen(argv, cwd=ROOT, env=env, start_new_session=True)
        while process.poll() is None and len(chat.requests) < goal:
            time.sleep(0.01)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            n_killed += 1
        process.wait()
    subprocess.run(argv, cwd=ROOT, env=env, check=True)
    return n_killed


def wanted_of(told: dict[str, Any]) -> list[int]:
    """Samples wanted of each source of a recipe."""
    return [entry["n"] for entry in told["sources"].values()]

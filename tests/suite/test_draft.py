"""Draft cases of a dump: each question ends where it must, and nothing is paid twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.suite.posts import FATES, Teacher, make_store, recipe_of
from tests.tasks.chat_server import Answer, Chat, chat_server
from viscodex.cli import app
from viscodex.data.posts.store import PostStore
from viscodex.errors import OutputRefused
from viscodex.suite.check import check_suite
from viscodex.suite.draft import DraftReport, make_drafts
from viscodex.suite.drafts import DraftCase, Drafts
from viscodex.suite.freeze import freeze_drafts
from viscodex.suite.layout import read_manifest
from viscodex.suite.recipe import SuiteRecipe

KEPT = ["be-q14", "ds-q12", "ds-q2", "fe-q1", "io-q3"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("posts"))


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_server() as server:
        server.behaviour = Teacher()
        yield server


Made = tuple[DraftReport, Path, Path, list[dict[str, Any]], list[str]]


@pytest.fixture(scope="module")
def made(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """(report, drafts, recording, requests, lines for people) of one run with a real teacher."""
    folder = tmp_path_factory.mktemp("made")
    recording, said = folder / "replies.jsonl", list[str]()
    with chat_server() as server:
        server.behaviour = Teacher()
        given = recipe_of(store, server, folder)
        given["teacher"] |= {"record": str(recording), "price": {"in": 1, "out": 2}}
        report = make_drafts(SuiteRecipe(**given), folder / "drafts", tell=said.append)
        return report, folder / "drafts", recording, list(server.requests), said


def plain(folder: Path) -> list[DraftCase]:
    return Drafts(folder).all()


def repeated(requests: list[dict[str, Any]]) -> list[str]:
    """Requests that were sent more than once, but for those that the endpoint failed."""
    texts = Counter(json.dumps(body, sort_keys=True) for body in requests)
    return [
        text
        for text, n in texts.items()
        if n > 1 and "ase 14" not in text and "Fate 14" not in text
    ]


def test_every_question_ends_where_it_must(made: Made) -> None:
    report, folder, _, requests, said = made
    assert [draft.id for draft in plain(folder)] == KEPT
    reasons: Counter[str] = Counter()
    for step in report.steps:
        reasons.update(step.rejected)
    assert reasons == {
        "not_popular": 1, "picture_missing": 1, "answered_blind": 1, "picture_no_help": 1,
        "open_ended": 1, "refusal": 1, "half_reply": 1, "too_close": 1, "pictures_lost": 1,
    }  # fmt: skip
    ends = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    by_fate = {FATES[int(row["id"][1:])][2]: row["filter"] for row in ends}
    assert by_fate == {
        "unpopular": "not_popular", "gone": "picture_missing", "blind": "answered_blind",
        "helpless": "picture_no_help", "open": "open_ended", "refused": "refusal",
        "half": "half_reply", "parrot": "too_close", "unmarked": "pictures_lost",
    }  # fmt: skip
    assert (report.n_drafts, report.n_holding, report.stopped) == (5, 4, "")
    assert report.spent["money"] > 0
    assert repeated(requests) == []
    assert "12 questions" in said[0]
    assert "of money" in said[0]


def test_blind_requests_have_no_picture_and_seeing_ones_have_it(made: Made) -> None:
    _, _, _, requests, _ = made
    asked = [body for body in requests if body["messages"][0]["content"].startswith("You help")]
    shown = {True: 0, False: 0}
    for body in asked:
        parts = body["messages"][1]["content"]
        told = "\n".join(part["text"] for part in parts if part["type"] == "text")
        pictures = sum(part["type"] == "image_url" for part in parts)
        assert (pictures == 0) == ("cannot be shown" in told)
        shown[pictures > 0] += 1
    assert shown[False] > shown[True] > 0


def test_rules_that_the_reference_does_not_bear_out_are_left_out(made: Made) -> None:
    drafts = {draft.id: draft for draft in plain(made[1])}
    kept = yaml.safe_load(drafts["fe-q1"].grading)["keywords"]
    assert [rule.get("neg", False) for rule in kept] == [False, True]
    notes = "\n".join(drafts["fe-q1"].evidence["notes"])
    assert "nowhere to be found" in notes
    assert "bad pattern" in notes
    assert yaml.safe_load(drafts["ds-q2"].grading)["unit_test"]["tests"] == [
        {"content": "assert total([3, 4]) == 7"}
    ]
    notes = "\n".join(drafts["ds-q2"].evidence["notes"])
    assert "unit test 2 left out, the reference answer fails it" in notes
    assert "unit test 3 left out, an empty answer passes it" in notes
    assert list(yaml.safe_load(drafts["io-q3"].grading)) == ["judge"]


def test_a_draft_names_its_authors_licence_and_prompt(made: Made) -> None:
    draft = next(draft for draft in plain(made[1]) if draft.id == "fe-q1")
    assert draft.source["url"] == "https://stackoverflow.com/questions/1"
    assert draft.source["licence"] == "CC-BY-SA-4.0"
    assert draft.source["posts"][1]["author"] == "user 1 <b>"
    assert draft.source["teacher"]["prompt"] == "suite_rewrite-1"
    assert draft.source["teacher"]["prompt_sha256"] == made[0].prompts["suite_rewrite-1"]
    assert "10 points of 100" in draft.evidence["answers_without_pictures"][0]
    assert "95 points of 100" in draft.evidence["answers_with_pictures"][0]


def test_a_recording_makes_the_same_drafts_without_an_endpoint(
    made: Made, store: Path, tmp_path: Path
) -> None:
    given = recipe_of(store, None, tmp_path)
    given["teacher"]["replay"] = str(made[2])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(given))
    done = CliRunner().invoke(
        app, ["suite", "draft", str(recipe), "-o", str(tmp_path / "again"), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_holding"] == 4
    assert plain(tmp_path / "again") == plain(made[1])


def test_interrupted_again_and_again_it_ends_with_the_same_drafts_and_pays_nothing_twice(
    made: Made, store: Path, tmp_path: Path, chat: Chat
) -> None:
    recipe = SuiteRecipe(**recipe_of(store, chat, tmp_path))
    for limit in (1, 4, 7, 5):

        def stop(phase: str, done: int, total: int, left: list[int] = [limit]) -> None:  # noqa: B006
            left[0] -= phase != "reading posts"
            if left[0] < 0:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make_drafts(recipe, tmp_path / "drafts", progress=stop)
        for place in (tmp_path / "drafts" / "funnel").glob("*.jsonl"):  # as if killed while writing
            place.write_bytes(place.read_bytes() + b'{"id": "q1", "da')
    report = make_drafts(recipe, tmp_path / "drafts")
    assert plain(tmp_path / "drafts") == plain(made[1])
    assert repeated(chat.requests) == []
    assert report.steps == made[0].steps
    n = len(chat.requests)
    make_drafts(recipe, tmp_path / "drafts")
    assert len(chat.requests) == n


def test_killed_without_a_warning_only_what_was_under_way_is_asked_again(
    made: Made, store: Path, tmp_path: Path, chat: Chat
) -> None:
    given = recipe_of(store, chat, tmp_path)
    given["teacher"]["concurrency"] = 1
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(given))
    teacher, running = chat.behaviour, list[subprocess.Popen[bytes]]()

    def kill(body: dict[str, Any], n: int) -> Answer:
        if n in (7, 30):
            running[-1].kill()
        return teacher(body, n)

    chat.behaviour = kill
    command = [
        sys.executable,
        "-m",
        "viscodex",
        "suite",
        "draft",
        str(recipe),
        "-o",
        str(tmp_path / "d"),
    ]
    for status in (-signal.SIGKILL, -signal.SIGKILL, 0):
        with (tmp_path / "said").open("wb") as said:
            running.append(subprocess.Popen(command, stdout=said, stderr=said))
            assert running[-1].wait() == status, (tmp_path / "said").read_text()
    assert plain(tmp_path / "d") == plain(made[1])
    assert len(repeated(chat.requests)) <= 2


KILLED = r"""
import os, signal, sys
from pathlib import Path
import yaml
from viscodex.data.teacher import Teacher
from viscodex.suite import ask, draft, drafts
from viscodex.suite.recipe import SuiteRecipe

recipe, out, point = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dies(owner, name, call, before=False, half=None):
    whole, calls = getattr(owner, name), []
    def doing(*given, **named):
        calls.append(1)
        if before:
            die()
        done = whole(*given, **named)
        if len(calls) == call:
            if half is not None:
                with (Path(out) / "funnel" / half).open("ab") as file:
                    file.write(b'{"id": "q1", "da')
            die()
        return done
    setattr(owner, name, doing)

def progress(phase, done, total):
    if point == "a row is written" and (phase, done) == ("rewritten", 2):
        die()

if point == "answers without a row":
    dies(ask, "indispensable", 3)
if point == "half a row":
    dies(ask, "sort", 2, half="sorted.jsonl")
if point == "a paraphrase without a row":
    dies(ask, "rewrite", 1)
if point == "some of the drafts":
    dies(drafts.Drafts, "add", 2)
if point == "no origin":
    dies(draft, "_write_origin", 1, before=True)
if point == "no recording":
    dies(Teacher, "record", 1, before=True)
draft.make_drafts(SuiteRecipe(**yaml.safe_load(Path(recipe).read_text())), Path(out), progress=progress)
"""
POINTS = (
    "answers without a row", "half a row", "a row is written", "a paraphrase without a row",
    "some of the drafts", "no origin", "no recording",
)  # fmt: skip


def test_killed_at_every_point_of_the_way_no_request_is_paid_twice(
    made: Made, store: Path, tmp_path: Path, chat: Chat
) -> None:
    """With one request at a time none is under way when a point is reached: none comes again."""
    given = recipe_of(store, chat, tmp_path)
    given["teacher"] |= {"concurrency": 1, "record": str(tmp_path / "replies.jsonl")}
    recipe, seen = tmp_path / "recipe.yaml", [0]
    recipe.write_text(yaml.safe_dump(given))
    for point in (*POINTS, ""):
        argv = [sys.executable, "-c", KILLED, str(recipe), str(tmp_path / "d"), point]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == (-signal.SIGKILL if point else 0), (point, done.stderr)
        assert repeated(chat.requests) == [], point
        seen.append(len(chat.requests))
    assert seen[1] < seen[2] < seen[3] <= seen[4] < seen[5] == seen[6] == seen[-1]
    assert plain(tmp_path / "d") == plain(made[1])
    ours, theirs = ((place / "draft.json") for place in (tmp_path / "d", made[1]))
    assert json.loads(ours.read_bytes())["funnel"] == json.loads(theirs.read_bytes())["funnel"]
    lines = [
        sorted(path.read_text().splitlines()) for path in (tmp_path / "replies.jsonl", made[2])
    ]
    assert lines[0] == lines[1]


def test_a_budget_stops_the_run_before_it_is_passed_and_more_goes_on(
    made: Made, store: Path, tmp_path: Path, chat: Chat
) -> None:
    given = recipe_of(store, chat, tmp_path)
    given["teacher"] |= {"token_budget": 25_000, "concurrency": 1}
    report = make_drafts(SuiteRecipe(**given), tmp_path / "drafts")
    assert "budget of tokens is used up" in report.stopped
    assert report.spent["tokens_in"] + report.spent["tokens_out"] <= 25_000
    assert report.n_drafts == 0
    given["teacher"]["token_budget"] = 1_000_000
    report = make_drafts(SuiteRecipe(**given), tmp_path / "drafts")
    assert report.stopped == ""
    assert plain(tmp_path / "drafts") == plain(made[1])
    assert repeated(chat.requests) == []


def test_other_rules_need_another_folder_and_reviewed_drafts_stay(
    made: Made, store: Path, tmp_path: Path
) -> None:
    given = recipe_of(store, None, tmp_path)
    given["teacher"]["replay"] = str(made[2])
    recipe = SuiteRecipe(**given)
    make_drafts(recipe, tmp_path / "drafts")
    Drafts(tmp_path / "drafts").change("fe-q1", 1, "Ada", {"note": "mine"})
    make_drafts(recipe, tmp_path / "drafts")
    assert Drafts(tmp_path / "drafts").read("fe-q1").note == "mine"
    other = SuiteRecipe(**{**given, "rewrite": {"attempts": 2, "max_overlap": 0.5}})
    with pytest.raises(OutputRefused, match="other rules"):
        make_drafts(other, tmp_path / "drafts")


def test_from_the_dump_to_a_frozen_suite(made: Made, tmp_path: Path) -> None:
    drafts, place = Drafts(made[1]), tmp_path / "reviewed"
    own = Drafts(place, make=True)
    for draft in drafts.all():
        if draft.id != "io-q3":
            own.add(replace(draft, status="accepted"))
    (place / "pictures").symlink_to(made[1] / "pictures")
    (place / "draft.json").write_bytes((made[1] / "draft.json").read_bytes())
    # a link out of the folder of drafts is not followed
    with pytest.raises(Exception, match=r"cannot be graded|not there"):
        freeze_drafts(place, tmp_path / "no")
    (place / "pictures").unlink()
    (place / "pictures").mkdir()
    for picture in (made[1] / "pictures").iterdir():
        (place / "pictures" / picture.name).write_bytes(picture.read_bytes())
    freeze_drafts(place, tmp_path / "suite")
    assert check_suite(tmp_path / "suite").problems == ()
    manifest = read_manifest(tmp_path / "suite")
    assert manifest is not None
    assert manifest.origin["prompts"] == made[0].prompts
    assert manifest.origin["funnel"][2]["rejected"]["answered_blind"] == 1
    assert "user 14 <b>" in (tmp_path / "suite" / "SOURCES.md").read_text()


def test_the_store_of_the_test_is_what_it_says(store: Path) -> None:
    assert [thread.question.id for thread in PostStore(store)][-1] == 13  # the least popular

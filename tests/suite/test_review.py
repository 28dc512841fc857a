"""The review page: in a real browser, against a real server; what comes from elsewhere is refused."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.suite.chromium import Chromium, Tab
from tests.suite.conftest import fill
from viscodex.suite.review import MAX_BODY, Reviewer
from viscodex.tasks.judge import FunctionJudge
from viscodex.tasks.task import Judge

# --- the server -----------------------------------------------------------------------------------


def ask(
    server: Reviewer, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """(status, headers, body) of one request; with the key, unless another Cookie is given."""
    port = server.server_address[1]
    given = {"Cookie": f"viscodex-review-{port}={server.key}", "Host": f"127.0.0.1:{port}"}
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            method, path, data, given | {k.replace("_", "-"): v for k, v in headers.items()}
        )
        reply = connection.getresponse()
        read = reply.read()
        is_json = reply.headers.get_content_type() == "application/json"
        return reply.status, dict(reply.headers), json.loads(read) if is_json else read
    finally:
        connection.close()


def put(server: Reviewer, key: str, revision: int, **changes: Any) -> tuple[int, Any]:
    body = {"revision": revision, "reviewer": "Ada", "changes": changes}
    status, _, data = ask(server, "PUT", f"/api/cases/{key}", body)
    return status, data


def test_only_who_holds_the_key_on_this_machine_gets_anything(review: Reviewer) -> None:
    port = review.server_address[1]
    assert review.server_address[0] == "127.0.0.1"
    for path in ("/", "/api/cases", "/review.js", "/picture/fe-0001/0"):
        assert ask(review, "GET", path, Cookie="")[0] == 401
        assert ask(review, "GET", path, Cookie=f"viscodex-review-{port}=wrong")[0] == 401
        assert ask(review, "GET", path, Host="evil.example")[0] == 403
        assert ask(review, "GET", path)[0] == 200
    assert ask(review, "GET", "/?key=wrong", Cookie="")[0] == 403
    status, headers, _ = ask(review, "GET", f"/?key={review.key}", Cookie="")
    assert (status, headers["Location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in headers["Set-Cookie"]


def test_changes_of_other_pages_and_odd_requests_are_refused(review: Reviewer) -> None:
    body = {"revision": 1, "reviewer": "Ada", "changes": {"note": "x"}}
    path = "/api/cases/fe-0001"
    assert ask(review, "PUT", path, body, Origin="http://evil.example")[0] == 403
    assert ask(review, "PUT", path, body, Content_Type="text/plain")[0] == 403
    assert ask(review, "POST", f"{path}/trial", body, Origin="null")[0] == 403
    for odd in (b"[]", b"{", b"[" * 100_000, b"{}", b'{"revision": "1", "reviewer": "A"}'):
        assert ask(review, "PUT", path, odd)[0] == 422
    assert ask(review, "PUT", path, b"{}", Content_Length=str(MAX_BODY + 1))[0] == 422
    for nothing in (
        "/api/cases/..%2f..%2fx",
        "/api/cases/nobody",
        "/picture/fe-0001/7",
        "/../x",
        "/x",
    ):
        assert ask(review, "GET", nothing)[0] == 404
    assert review.drafts.read("fe-0001").revision == 1


def test_hostile_text_travels_as_data_under_a_strict_policy(review: Reviewer) -> None:
    status, headers, data = ask(review, "GET", "/api/cases/fe-0002")
    assert status == 200
    assert "onerror" in data["prompt"]
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/", "/api/cases", "/review.js", "/nothing"):
        policy = ask(review, "GET", path)[1]["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
    assert ask(review, "GET", "/picture/fe-0002/0")[2].startswith(b"\x89PNG")


def test_decisions_that_a_case_does_not_bear_are_refused_with_the_reasons(review: Reviewer) -> None:
    status, data = put(review, "fe-0001", 1, status="accepted", wrong="flex-wrap it")
    assert status == 422
    assert "the wrong answer scores 1.00, not below 0.5" in data["problems"][0]
    assert [row["answer"] for row in data["verdicts"]] == ["reference", "wrong", "empty"]
    assert put(review, "fe-0001", 1, status="accepted", grading="keywords: [")[0] == 422
    assert put(review, "fe-0001", 1, status="accepted", area="moon")[0] == 422
    assert "note" in put(review, "fe-0001", 1, status="rejected")[1]["problems"][0]
    assert put(review, "fe-0001", 1, images=[])[0] == 422
    assert review.drafts.read("fe-0001").revision == 1
    status, data = put(review, "fe-0001", 1, status="accepted")
    assert (status, data["status"], data["revision"], data["reviewer"]) == (
        200,
        "accepted",
        2,
        "Ada",
    )
    status, data = put(review, "fe-0001", 1, note="late")
    assert (status, data["current"]["revision"]) == (409, 2)
    history = ask(review, "GET", "/api/cases/fe-0001/history")[2]
    assert [one["revision"] for one in history] == [1]


def test_marks_are_of_the_text_that_was_marked(review: Reviewer) -> None:
    status, data = put(review, "io-0001", 1, reference="Another answer.", status="accepted")
    assert status == 422
    assert "no mark is recorded for this response" in data["problems"][0]
    marks = {
        "reference": {"correctness": 50, "completeness": 50},
        "wrong": {"correctness": 0, "completeness": 9},
    }
    status, data = put(
        review, "io-0001", 1, reference="Another answer.", marks=marks, status="accepted"
    )
    assert status == 200
    assert data["marks"]["reference"]["by"] == "Ada"
    for bad in (
        {"correctness": 51, "completeness": 0},
        {"correctness": None, "completeness": 0},
        7,
    ):
        assert put(review, "io-0001", 2, marks={"wrong": bad})[0] == 422


def test_a_judge_that_is_there_can_be_asked(judged_review: Callable[[Judge], Reviewer]) -> None:
    judge = FunctionJudge("tests:judge", lambda question: '{"correctness": 41, "completeness": 40}')
    server = judged_review(judge)
    path = "/api/cases/io-0001/judge"
    status, _, mark = ask(
        server, "POST", path, {"changes": {"reference": "New."}, "answer": "reference"}
    )
    assert status == 200
    assert (json.loads(mark["reply"])["correctness"], mark["by"]) == (41, "tests:judge")
    assert put(server, "io-0001", 1, reference="New.", marks={"reference": mark})[0] == 200
    assert ask(server, "POST", path, {"answer": "empty"})[0] == 422
    assert ask(server, "POST", "/api/cases/fe-0001/judge", {"answer": "wrong"})[0] == 422


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    fill(tmp_path)
    command = [sys.executable, "-u", "-m", "viscodex", "suite", "review", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        connection.request("GET", f"/?{address.query}")
        reply = connection.getresponse()
        assert reply.status == 303
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


# --- the page in a browser ------------------------------------------------------------------------


def opened(chromium: Chromium, server: Reviewer, name: str) -> Tab:
    tab = chromium.tab()
    tab.open(server.address)
    tab.until("document.getElementById('name')?.textContent")
    tab.fill("reviewer", name)
    tab.value("document.getElementById('reviewer').dispatchEvent(new Event('change'))")
    return tab


def at(tab: Tab, key: str) -> None:
    tab.until(f"document.getElementById('name').textContent === '{key}'")


def says(tab: Tab, text: str) -> None:
    tab.until(f"document.getElementById('said').textContent.includes({json.dumps(text)})")


def test_an_expert_reviews_by_keyboard_alone(chromium: Chromium, review: Reviewer) -> None:
    tab = opened(chromium, review, "Ada")
    assert "key" not in tab.value("location.href")
    at(tab, "ds-0001")
    tab.key("t")
    tab.until("document.querySelectorAll('#verdicts tr').length === 3")
    assert tab.value("document.querySelector('#verdicts').innerText").count("holds") == 3
    tab.key("a")
    says(tab, "ds-0001: accepted")
    tab.key("j")
    at(tab, "fe-0001")
    tab.key("r")
    says(tab, "Say in the note")
    assert tab.value("document.activeElement.id") == "note"
    tab.call("Input.insertText", text="not about the picture")
    tab.key("Escape")
    tab.key("r")
    says(tab, "fe-0001: rejected")
    tab.key("j")
    at(tab, "fe-0002")
    assert tab.value("document.title") != "owned"
    assert tab.value("document.querySelectorAll('main img').length") == 1
    assert tab.value("document.querySelectorAll('#evidence a').length") == 0
    assert "onerror" in tab.value("document.getElementById('evidence').textContent")
    tab.key("j")
    at(tab, "io-0001")
    tab.fill("own", "Try this.")
    tab.key("t")
    tab.until("document.querySelectorAll('#verdicts tr').length === 4")
    tab.key("e")
    tab.call("Input.insertText", text="jat?")  # keys in a field are letters
    assert tab.value("document.getElementById('prompt').value").endswith("jat?")
    tab.key("s", modifiers=2)
    says(tab, "saved")
    tab.key("Escape")
    drafts = review.drafts
    assert drafts.read("ds-0001").status == "accepted"
    rejected = drafts.read("fe-0001")
    assert (rejected.status, rejected.note) == ("rejected", "not about the picture")
    assert drafts.read("io-0001").prompt.endswith("jat?")
    assert tab.complaints() == []


def test_two_reviewers_keep_both_edits_and_decide_on_the_same_field(
    chromium: Chromium, review: Reviewer
) -> None:
    ada, ben = opened(chromium, review, "Ada"), opened(chromium, review, "Ben")
    for tab in (ada, ben):
        tab.key("j")
        at(tab, "fe-0001")
    ada.fill("prompt", "Ada's question about <image 1>")
    ada.key("s")
    says(ada, "saved")
    ben.fill("wrong", "Ben's wrong answer, long float: left")
    ben.key("a")  # a decision about what Ben has not seen
    says(ben, "look at it, then decide again")
    assert ben.value("document.getElementById('prompt').value") == "Ada's question about <image 1>"
    ben.key("s")
    says(ben, "saved")
    both = review.drafts.read("fe-0001")
    assert (both.prompt, both.wrong) == (
        "Ada's question about <image 1>",
        "Ben's wrong answer, long float: left",
    )
    ada.value("refresh()")  # as every few seconds: what Ben saved is shown
    says(ada, "Ben changed this case")
    ada.until("document.getElementById('wrong').value.startsWith('Ben')")
    ben.fill("lang", "css3")
    ben.key("s")
    says(ben, "saved")
    ada.fill("note", "Ada's note")
    ada.key("s")  # joined: Ben changed another field
    says(ada, "saved")
    ben.fill("note", "Ben's note")
    ben.key("s")
    ben.until("!document.getElementById('clash').hidden")
    assert review.drafts.read("fe-0001").note == "Ada's note"
    assert ben.value("document.getElementById('note').value") == "Ben's note"
    ben.value(
        "[...document.querySelectorAll('#clash button')].find(b => b.textContent === 'Keep mine').click()"
    )
    ben.key("s")
    says(ben, "saved")
    notes = [draft.note for draft in review.drafts.history("fe-0001")]
    assert review.drafts.read("fe-0001").note == "Ben's note"
    assert "Ada's note" in notes


def test_what_is_typed_is_saved_before_another_case_is_shown(
    chromium: Chromium, review: Reviewer
) -> None:
    tab = opened(chromium, review, "Ada")
    tab.fill("note", "typed and left")
    tab.key("j")
    at(tab, "fe-0001")
    assert review.drafts.read("ds-0001").note == "typed and left"
    tab.fill("grading", "keywords: [")
    tab.key("a")
    tab.until("!document.getElementById('problems').hidden")
    assert "no YAML" in tab.value("document.getElementById('problems').innerText")
    review.shutdown()
    review.server_close()
    tab.key("s")
    says(tab, "does not answer")
    assert tab.value("document.getElementById('grading').value") == "keywords: ["


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_window(
    chromium: Chromium, review: Reviewer, width: int, tmp_path: Path
) -> None:
    tab = opened(chromium, review, "Ada")
    for dark in (False, True):
        assert tab.picture(dark=dark, width=width).startswith(b"\x89PNG")
        assert tab.value("document.documentElement.scrollWidth") <= width

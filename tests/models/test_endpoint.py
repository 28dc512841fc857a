"""Endpoints that behave and misbehave, over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.tasks.chat_server import SOON, Answer, Chat, chat_server, fails, says
from tests.train.models import picture
from viscodex.errors import BadRecipe, RunStopped
from viscodex.models import endpoint
from viscodex.models.endpoint import EndpointModel
from viscodex.models.model import Decoding, Prompt, open_model
from viscodex.types import Completion, Message


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a request that failed and the next."""
    monkeypatch.setattr(endpoint, "FIRST_PAUSE_S", 0.005)


@pytest.fixture
def server() -> Iterator[Chat]:
    with chat_server() as running:
        yield running


def asked(text: str) -> Prompt:
    return Prompt((Message("user", text),))


def opened(server: Chat, **settings: Any) -> EndpointModel:
    model = open_model(f"openai/my-model@{server.url}", **settings)
    assert isinstance(model, EndpointModel)
    return model


def events(*deltas: str, end: str = "stop", half: bool = False) -> Answer:
    """A stream of server-sent events."""
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": d}, "finish_reason": None}]} for d in deltas
    ]
    if not half:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": end}]})
        chunks.append(
            {
                "choices": [],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
            }
        )
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    body = "".join(f"data: {json.dumps({**frame, **chunk})}\n\n" for chunk in chunks)
    return (
        200,
        {"content-type": "text/event-stream", **({"x-half": "1"} if half else {})},
        (body + ("" if half else "data: [DONE]\n\n")).encode(),
    )


def test_messages_pictures_and_decoding_arrive(server: Chat) -> None:
    server.replies(says("```python\n```", usage=(11, 4)))
    prompt = Prompt(
        (Message("system", "Be brief."), Message("user", "Before <image> after")), (picture(0),)
    )
    decoding = Decoding(max_tokens=77, temperature=0.5, top_p=0.9, seed=3, stop=("END",))
    with opened(server) as model:
        (answer,) = model.complete([prompt], decoding)
    body = server.requests[0]
    assert {k: body[k] for k in ("model", "max_tokens", "temperature", "top_p", "seed", "stop")} == {
        "model": "my-model", "max_tokens": 77, "temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["END"],
    }  # fmt: skip
    system, user = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "text"]
    assert user["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert (answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == ("stop", 11, 4)


def test_answers_come_in_order_though_they_arrive_out_of_order(server: Chat) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def slow(body: dict[str, Any], n: int) -> Answer:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        number = int(body["messages"][0]["content"])
        time.sleep(0.05 if number % 3 == 0 else 0.0)
        with lock:
            busy -= 1
        return says(f"{number} {body['seed']}")

    server.behaviour = slow
    with opened(server, workers=4) as model:
        told = list(
            model.complete((asked(str(k)) for k in range(20)), Decoding(n=2, temperature=1.0))
        )
    assert [c.text for c in told] == [f"{k} {seed}" for k in range(20) for seed in (0, 1)]
    assert 1 < most <= 4


def test_what_passes_is_asked_again_and_waits_as_it_is_told(server: Chat) -> None:
    server.replies(
        (429, {"retry-after": "0.2", "content-type": "application/json"}, b'{"error": {"message": "slow"}}'),
        fails(503), (200, {**SOON, "x-half": "1"}, b'{"choi'), (200, SOON, b"no json"), says("at last"),
    )  # fmt: skip
    began = time.perf_counter()
    with opened(server, max_retries=6) as model:
        (answer,) = model.complete([asked("x")], Decoding())
    assert answer.text == "at last"
    assert len(server.requests) == 5
    assert time.perf_counter() - began > 0.2


@pytest.mark.parametrize(
    "reply", [fails(500), (200, SOON, b"{}"), (200, SOON, b"<html>gateway</html>"), says(None)]
)
def test_broken_replies_are_completions_never_exceptions(server: Chat, reply: Answer) -> None:
    server.replies(reply)
    with opened(server, max_retries=1) as model:
        (answer,) = model.complete([asked("x")], Decoding())
    assert answer.text == ""
    if answer.finish_reason != "stop":  # an answer without text is an answer
        assert answer.finish_reason == "error"
        assert "2 tries" in answer.error
        assert len(server.requests) == 2


def test_a_refused_request_is_not_repeated_and_does_not_stop_the_others(server: Chat) -> None:
    def some(body: dict[str, Any], n: int) -> Answer:
        return (
            fails(400, code="context_length_exceeded")
            if body["messages"][0]["content"] == "bad"
            else says("ok")
        )

    server.behaviour = some
    prompts = [asked("bad")] * 8 + [
        asked("good"),
        Prompt((Message("user", "<image>"),), (b"broken",)),
    ]
    with opened(server, workers=1) as model:
        told = list(model.complete(prompts, Decoding()))
    assert [c.finish_reason for c in told] == ["error"] * 8 + ["stop", "error"]
    assert "400" in told[0].error and "not a picture" in told[-1].error
    assert len(server.requests) == 9


@pytest.mark.parametrize(
    ("status", "code"), [(401, None), (404, None), (429, "insufficient_quota")]
)
def test_what_concerns_all_requests_stops_the_run(
    server: Chat, status: int, code: str | None
) -> None:
    server.replies(fails(status, code=code))
    with opened(server, workers=2) as model, pytest.raises(RunStopped, match="my-model"):
        list(model.complete([asked("x")] * 20, Decoding()))
    assert len(server.requests) < 10


def test_an_endpoint_that_is_down_stops_the_run_after_some_prompts(server: Chat) -> None:
    server.replies(fails(503))
    with (
        opened(server, workers=1, max_retries=0) as model,
        pytest.raises(RunStopped, match="does not reply"),
    ):
        list(model.complete([asked("x")] * 50, Decoding()))
    assert len(server.requests) < 10


def test_options_that_a_model_does_not_take_are_renamed_or_left_out(server: Chat) -> None:
    def picky(body: dict[str, Any], n: int) -> Answer:
        for name in ("max_tokens", "temperature", "seed"):
            if name in body:
                return fails(400, param=name, code="unsupported_parameter")
        return says("fine")

    server.behaviour = picky
    with opened(server) as model:
        assert next(iter(model.complete([asked("x")], Decoding(max_tokens=9)))).text == "fine"
    assert server.requests[-1]["max_completion_tokens"] == 9


def whole(model: EndpointModel, prompt: Prompt) -> tuple[list[str], Completion]:
    stream, pieces = model.stream(prompt, Decoding()), []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


def test_streams_give_pieces_and_the_whole(server: Chat) -> None:
    server.replies(events("pl", "t.", "show()"))
    with opened(server) as model:
        pieces, done = whole(model, asked("x"))
    assert pieces == ["pl", "t.", "show()"]
    assert (done.text, done.finish_reason) == ("plt.show()", "stop")
    assert (done.prompt_tokens, done.completion_tokens) == (7, 3)
    assert server.requests[0]["stream"] is True


def test_streams_that_break_off_keep_what_they_said(server: Chat) -> None:
    server.replies(events("pl", "t.", half=True))
    with opened(server) as model:
        pieces, done = whole(model, asked("x"))
        assert (done.text, done.finish_reason) == ("plt.", "error")
        assert "broke off" in done.error and pieces == ["pl", "t."]
        server.replies(fails(400))
        _, refused = whole(model, asked("x"))
        assert refused.finish_reason == "error"
        server.replies(fails(401))
        with pytest.raises(RunStopped):
            whole(model, asked("x"))


def test_a_stream_that_is_left_is_closed(server: Chat) -> None:
    server.replies(events("a", "b", "c"))
    with opened(server) as model:
        stream = model.stream(asked("x"), Decoding())
        assert next(stream) == "a"
        stream.close()
        server.replies(says("again"))
        assert next(iter(model.complete([asked("y")], Decoding()))).text == "again"


def test_names_identity_and_settings(server: Chat) -> None:
    with open_model(f"openai/org/my@model@{server.url.replace('://', '://user:secret@')}") as model:
        assert model.identity["model"] == "org/my@model"
        assert "secret" not in json.dumps(model.identity) + model.name
    with open_model("openai/gpt-x") as model:
        assert model.identity["url"].startswith("https://")
    for name, settings in (
        ("openai/", {}),
        ("openai/a b", {}),
        ("openai/m@http://x/v1", {"workers": 0}),
    ):
        with pytest.raises(BadRecipe):
            open_model(name, **settings)

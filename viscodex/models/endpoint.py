"""A model behind an OpenAI-compatible endpoint: vLLM, a gateway, a provider.

in:  NAME@URL
out: completions, several requests at once, in the order of the prompts
not covered: one request (viscodex/chat.py); budgets and caches of a teacher (data/teacher/)
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from viscodex.chat import OPENAI_URL, Again, Chat, Declined, Received, Unusable
from viscodex.errors import BadInput, BadRecipe, RunStopped
from viscodex.models.chat import openai_messages
from viscodex.models.model import Decoding, Model, Prompt
from viscodex.types import Completion

WORKERS = 8
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0  # between a request that failed and the next
IN_A_ROW = 5
"""Prompts left without an answer, one after another, that end a run: the endpoint is down."""
_NAME = re.compile(r"(?P<model>[^@\s]+(?:@(?!https?://)[^@\s]+)*)(?:@(?P<url>https?://\S+))?")


class EndpointModel:
    """Asks an endpoint; a request without a reply is a Completion with an error.

    Args:
        model: its name there.
        url: up to and with /v1.
        workers: requests at once.
        timeout_s: of one request.
        max_retries: of a request that met 429, 5xx, a timeout, a broken connection or a broken
            reply; the pause doubles from one to the next, or is what the endpoint asks for.

    Raises:
        BadRecipe: a setting below its least value.
    """

    def __init__(
        self,
        model: str,
        url: str = OPENAI_URL,
        *,
        workers: int | None = None,
        timeout_s: float = 300.0,
        max_retries: int = 5,
        **_: object,
    ) -> None:
        self.workers = WORKERS if workers is None else workers
        self.max_retries = max_retries
        if self.workers < 1 or timeout_s <= 0 or max_retries < 0:
            raise BadRecipe(
                "an endpoint cannot be asked so",
                f"workers={workers}, timeout_s={timeout_s}, max_retries={max_retries}",
                "workers is 1 or more, timeout_s above 0, max_retries 0 or more.",
            )
        self.chat = Chat(model, url, timeout_s=timeout_s)
        self.name = f"openai/{model}@{self.chat.url}"
        self.identity: dict[str, Any] = {
            "kind": "endpoint", "model": model, "url": self.chat.url,
        }  # fmt: skip
        self._lock = threading.Lock()
        self._open_at = 0.0  # nobody asks before: the endpoint has said so
        self._unmet = 0

    def __enter__(self) -> EndpointModel:
        return self

    def __exit__(self, *error: object) -> None:
        self.chat.close()

    def complete(self, prompts: Iterable[Prompt], decoding: Decoding) -> Iterator[Completion]:
        """See Model.complete."""
        waiting: deque[Future[Completion]] = deque()
        with ThreadPoolExecutor(self.workers) as threads:
            try:
                for prompt in prompts:
                    for k in range(decoding.n):
                        waiting.append(threads.submit(self._answer, prompt, decoding, k))
                    while len(waiting) >= 2 * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def stream(self, prompt: Prompt, decoding: Decoding) -> Generator[str, None, Completion]:
        """See Model.stream; a stream that breaks off keeps what it said, with an error."""
        began, said = time.perf_counter(), ""
        try:
            pieces = self.chat.stream(openai_messages(prompt), _options(decoding, 0))
            with contextlib.closing(pieces):
                while True:
                    try:
                        piece = next(pieces)
                    except StopIteration as end:
                        return _completion(end.value, began)
                    said += piece
                    yield piece
        except Unusable as error:
            raise self._stopped("the endpoint refuses all requests", error) from error
        except BadInput as error:
            return Completion("", "error", error=f"{error.what}: {error.where}")
        except (Again, Declined) as error:
            return Completion(said, "error", error=str(error))

    def _answer(self, prompt: Prompt, decoding: Decoding, k: int) -> Completion:
        began = time.perf_counter()
        try:
            messages = openai_messages(prompt)
        except BadInput as error:
            return Completion("", "error", error=f"{error.what}: {error.where}")
        why = ""
        for attempt in range(self.max_retries + 1):
            time.sleep(max(0.0, self._open_at - time.monotonic()))
            try:
                received = self.chat.send(messages, _options(decoding, k))
            except Unusable as error:
                raise self._stopped("the endpoint refuses all requests", error) from error
            except Declined as error:
                self._met()
                return Completion("", "error", error=str(error))
            except Again as error:
                why = str(error)
                if attempt < self.max_retries:
                    self._wait(error, attempt)
                continue
            self._met()
            return _completion(received, began)
        self._not_met(why)
        return Completion("", "error", error=f"no answer after {self.max_retries + 1} tries: {why}")

    def _wait(self, error: Again, attempt: int) -> None:
        """All wait where the rate was too high, else this request alone."""
        pause = error.after_s
        if pause is None:
            pause = FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1.0)
        pause = min(pause, LONGEST_PAUSE_S)
        if error.limited:
            with self._lock:
                self._open_at = max(self._open_at, time.monotonic() + pause)
        else:
            time.sleep(pause)

    def _met(self) -> None:
        with self._lock:
            self._unmet = 0

    def _not_met(self, why: str) -> None:
        with self._lock:
            self._unmet += 1
            is_down = self._unmet >= IN_A_ROW
        if is_down:
            raise self._stopped("the endpoint does not reply", why)

    def _stopped(self, what: str, why: object) -> RunStopped:
        return RunStopped(
            what,
            f"{self.name}: {why}",
            "What is done is kept. Check the name, the URL and OPENAI_API_KEY, then run the same\n"
            "command again.",
        )


def _completion(received: Received, began: float) -> Completion:
    return Completion(
        received.text or received.refusal,
        received.finish_reason,
        received.prompt_tokens,
        received.completion_tokens,
        time.perf_counter() - began,
    )


def _options(decoding: Decoding, k: int) -> dict[str, Any]:
    """Of the k-th answer; what is at the default of the API is not said."""
    options: dict[str, Any] = {
        "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature,
        "seed": decoding.seed + k,
    }
    if decoding.top_p < 1:
        options["top_p"] = decoding.top_p
    if decoding.stop:
        options["stop"] = list(decoding.stop)
    return options


def open_endpoint(name: str, **settings: Any) -> Model:
    """The model of NAME@URL, or of NAME at OpenAI.

    Raises:
        BadRecipe: no such name, or a setting that cannot be meant.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadRecipe(
            "this is no endpoint",
            f"openai/{name}",
            "Give openai/NAME@URL, with the URL up to /v1: openai/my-model@http://localhost:8000/v1",
        )
    return EndpointModel(found["model"], found["url"] or OPENAI_URL, **settings)

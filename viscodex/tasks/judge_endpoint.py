"""A model behind an OpenAI-compatible endpoint, asked as a judge.

in:  messages
out: a Reply; NoReply where this request got none, RunStopped where none will
not covered: what is asked and how replies are read (rubrics.py), caching (judge.py)

The key is OPENAI_API_KEY of the environment; an endpoint without keys needs none.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import openai

from viscodex.errors import RunStopped
from viscodex.tasks.rubrics import Reply

OPENAI_URL = "https://api.openai.com/v1"
IN_A_ROW = 5
"""Requests without a reply, one after another, that end a run: the endpoint is down."""


class NoReply(Exception):
    """A request that got no reply, all its repetitions included; another one may."""


class Endpoint:
    """Safe to use from several threads.

    Args:
        model: its name there.
        url: up to and with /v1.
        timeout_s: of one request.
        max_retries: of a request that met 429, 5xx, a timeout or a broken connection; the pause
            grows from one to the next, and is what the endpoint asks for where it does.
    """

    def __init__(
        self, model: str, url: str = OPENAI_URL, *, timeout_s: float = 120, max_retries: int = 5
    ) -> None:
        self.model, self.url = model, _without_secrets(url)
        key = os.environ.get("OPENAI_API_KEY") or "none"
        self._client = openai.OpenAI(
            api_key=key, base_url=url, timeout=timeout_s, max_retries=max_retries
        )
        self.options: dict[str, Any] = {"temperature": 0}
        self._limit = "max_tokens"  # what the parameter is called
        self._failed, self._lock = 0, threading.Lock()

    def ask(self, messages: list[dict[str, Any]], *, max_tokens: int, seed: int) -> Reply:
        """One reply.

        Raises:
            NoReply: this request failed.
            RunStopped: the key or the name of the model is wrong, the quota is used up, or several
                requests in a row failed.
        """
        try:
            reply = self._once(messages, max_tokens, seed)
        except NoReply as error:
            with self._lock:
                self._failed += 1
                down = self._failed >= IN_A_ROW
            if down:
                raise self._stopped("the judge does not reply", str(error)) from error
            raise
        with self._lock:
            self._failed = 0
        return reply

    def _once(self, messages: list[dict[str, Any]], max_tokens: int, seed: int) -> Reply:
        options = {**self.options, self._limit: max_tokens}
        if "temperature" in options:
            options["seed"] = seed
        create: Any = self._client.chat.completions.create
        try:
            done = create(model=self.model, messages=messages, **options)
        except openai.BadRequestError as error:
            if self._adapt(error):
                return self._once(messages, max_tokens, seed)
            raise NoReply(f"400: {_line(error)}") from error
        except (
            openai.AuthenticationError,
            openai.PermissionDeniedError,
            openai.NotFoundError,
        ) as error:
            raise self._stopped("the judge refuses all requests", _line(error)) from error
        except openai.RateLimitError as error:
            if error.code == "insufficient_quota":
                raise self._stopped("the quota at the judge is used up", _line(error)) from error
            raise NoReply(f"429 after all retries: {_line(error)}") from error
        except (openai.OpenAIError, ValueError) as error:  # ValueError: a body that is no JSON
            raise NoReply(_line(error)) from error
        return _reply(done)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _adapt(self, error: openai.BadRequestError) -> bool:
        """Leave out what this model does not take: some know no temperature, or another limit."""
        with self._lock:
            if error.param == "max_tokens" and self._limit == "max_tokens":
                self._limit = "max_completion_tokens"
                return True
            if error.param in ("temperature", "seed") and "temperature" in self.options:
                del self.options["temperature"]
                return True
        return False

    def _stopped(self, what: str, why: str) -> RunStopped:
        return RunStopped(
            what,
            f"{self.model} at {self.url}: {why}",
            "What is scored is kept. Check the name, the URL and OPENAI_API_KEY, then run the same\n"
            "command again.",
        )


def _reply(done: Any) -> Reply:
    """What a body holds; endpoints send odd ones."""
    try:
        choice = done.choices[0]
        text = choice.message.content
    except (AttributeError, IndexError, TypeError) as error:
        raise NoReply("the endpoint sent no chat completion") from error
    refusal = getattr(choice.message, "refusal", None)
    said = text if isinstance(text, str) else refusal if isinstance(refusal, str) else ""
    usage = getattr(done, "usage", None)
    reason = choice.finish_reason
    return Reply(
        said,
        reason if isinstance(reason, str) else None,
        _count(getattr(usage, "prompt_tokens", None)),
        _count(getattr(usage, "completion_tokens", None)),
    )


def _count(value: Any) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if usable else None


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))

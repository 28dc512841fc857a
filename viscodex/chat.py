"""One request to an OpenAI-compatible endpoint, and what came of it.

in:  messages of the chat protocol, options, headers
out: Received, whole or in pieces; Again, Declined or Unusable where there is none
not covered: repeating, pausing, caching, budgets (data/teacher/)

The key is OPENAI_API_KEY of the environment; an endpoint without keys needs none.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import openai

try:
    from httpx2 import HTTPError
except ImportError:  # what openai speaks through before its version 3
    from httpx import HTTPError  # type: ignore[assignment]

OPENAI_URL = "https://api.openai.com/v1"
LONGEST_PAUSE_S = 600.0
"""More than this is not waited for, whatever an endpoint asks."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a model said."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None  # None: the endpoint does not say
    completion_tokens: int | None = None
    refusal: str = ""  # the protocol's own field; most models refuse in their text


class Again(Exception):
    """No reply this time; the same request may get one.

    Args:
        after_s: the pause that the endpoint asks for, seconds; None: it does not say.
        limited: it was refused for its rate, which concerns all requests.
        perhaps_paid: the endpoint may have worked on it: the connection broke, or time ran out.
    """

    def __init__(
        self,
        why: str,
        after_s: float | None = None,
        *,
        limited: bool = False,
        perhaps_paid: bool = False,
    ) -> None:
        super().__init__(why)
        self.after_s, self.limited, self.perhaps_paid = after_s, limited, perhaps_paid


class Declined(Exception):
    """The endpoint will never answer this request: a filter of content, a picture that it refuses."""


class Unusable(Exception):
    """The endpoint answers no request: a wrong key, no such model, a quota that is used up."""


class Chat:
    """A model behind an endpoint; safe to use from several threads.

    Args:
        model: its name there.
        url: up to and with /v1.
        timeout_s: of one request.
    """

    def __init__(self, model: str, url: str = OPENAI_URL, *, timeout_s: float = 120.0) -> None:
        self.model, self.url = model, without_secrets(url)
        self._client = openai.OpenAI(
            api_key=os.environ.get("OPENAI_API_KEY") or "none",
            base_url=url,
            timeout=timeout_s,
            max_retries=0,
        )
        self._unknown: dict[
            str, str | None
        ] = {}  # option -> what it is called here; None: left out
        self._lock = threading.Lock()

    def send(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        headers: Mapping[str, str] = {},
    ) -> Received:
        """One request, one answer.

        Args:
            options: of the body: max_tokens, temperature, ...; what this model does not know
                (newer ones call max_tokens max_completion_tokens) is renamed or left out.

        Raises:
            Again, Declined, Unusable: there is no answer.
        """
        return _received(self._open(messages, options, headers))

    def stream(
        self, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
    ) -> Generator[str, None, Received]:
        """The pieces of one answer as they come; the whole is the generator's value.

        Args:
            options: as those of `send`.

        Raises:
            Again, Declined, Unusable: there is no answer; Again also where it breaks off.
        """
        wanted = {**options, "stream": True, "stream_options": {"include_usage": True}}
        said, reason, usage = "", None, None
        with contextlib.closing(self._open(messages, wanted, {})) as chunks:
            try:
                for chunk in chunks:
                    usage = getattr(chunk, "usage", None) or usage
                    choice = next(iter(getattr(chunk, "choices", None) or ()), None)
                    reason = getattr(choice, "finish_reason", None) or reason
                    piece = getattr(getattr(choice, "delta", None), "content", None)
                    if isinstance(piece, str) and piece:
                        said += piece
                        yield piece
            except (openai.OpenAIError, HTTPError, ValueError, TypeError) as error:
                raise Again(f"the answer broke off: {_line(error)}", perhaps_paid=True) from error
        if not isinstance(reason, str):
            raise Again("the answer broke off without a finish_reason", perhaps_paid=True)
        return Received(
            said,
            reason,
            _count(getattr(usage, "prompt_tokens", None)),
            _count(getattr(usage, "completion_tokens", None)),
        )

    def _open(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Any:
        """The reply as the library gives it."""
        told = self._adapted(options)
        body = {name: told.pop(name) for name in _KNOWN & set(told)}
        create: Any = self._client.chat.completions.create
        try:
            return create(
                model=self.model,
                messages=list(messages),
                extra_headers=dict(headers),
                extra_body=told or None,
                **body,
            )
        except openai.APIStatusError as error:
            if self._adapt(error, options):
                return self._open(messages, options, headers)
            raise _status(error) from error
        except openai.APITimeoutError as error:
            raise Again("no answer in time", perhaps_paid=True) from error
        except openai.APIConnectionError as error:
            refused = type(error.__cause__).__name__ == "ConnectError"  # of httpx, whichever
            raise Again(_line(error), perhaps_paid=not refused) from error
        except (openai.OpenAIError, ValueError) as error:  # no JSON, half a body
            raise Again(_line(error), perhaps_paid=True) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _adapted(self, options: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            names = {name: self._unknown.get(name, name) for name in options}
        return {called: options[name] for name, called in names.items() if called is not None}

    def _adapt(self, error: openai.APIStatusError, options: Mapping[str, Any]) -> bool:
        """Whether an option that this model refuses is now called otherwise, or left out."""
        name = error.param if error.status_code == 400 else None
        if name is None or name not in options:
            return False
        with self._lock:
            if name in self._unknown:
                return False
            self._unknown[name] = "max_completion_tokens" if name == "max_tokens" else None
        return True


_KNOWN = frozenset({
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "n", "stream", "stream_options",
})  # fmt: skip
"""Options that the openai library knows by name; others are put into the body as they are."""


def _status(error: openai.APIStatusError) -> Exception:
    """What a status means for this request and for others."""
    status, line = error.status_code, f"{error.status_code}: {_line(error)}"
    if status in (401, 403, 404):
        return Unusable(line)
    if status == 402 or error.code == "insufficient_quota":
        return Unusable(line)
    pause = _pause(error.response.headers)
    if status == 429:
        return Again(line, pause, limited=True)
    if status in (408, 409, 425) or status >= 500:
        return Again(line, pause)
    return Declined(line)


def _pause(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After: a number or a date; retry-after-ms where there is one."""
    with contextlib.suppress(KeyError, ValueError):
        return _bounded(float(headers["retry-after-ms"]) / 1000)
    told = headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return _bounded(float(told))
    with contextlib.suppress(ValueError, TypeError):
        return _bounded(parsedate_to_datetime(told).timestamp() - time.time())
    return None


def _bounded(seconds: float) -> float | None:
    return min(max(seconds, 0.0), LONGEST_PAUSE_S) if seconds == seconds else None


def _received(done: Any) -> Received:
    """What a body holds; endpoints send odd ones."""
    try:
        choice = done.choices[0]
        text, refusal = choice.message.content, getattr(choice.message, "refusal", None)
    except (AttributeError, IndexError, TypeError) as error:
        raise Again("the endpoint sent no chat completion", perhaps_paid=True) from error
    usage, reason = getattr(done, "usage", None), choice.finish_reason
    return Received(
        text if isinstance(text, str) else "",
        reason if isinstance(reason, str) else None,
        _count(getattr(usage, "prompt_tokens", None)),
        _count(getattr(usage, "completion_tokens", None)),
        refusal if isinstance(refusal, str) else "",
    )


def _count(value: Any) -> int | None:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if usable else None


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def without_secrets(url: str) -> str:
    """A URL without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))

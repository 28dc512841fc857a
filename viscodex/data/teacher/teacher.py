"""Asks a teacher: once for each request, whatever happens in between.

in:  the name of a prompt, slots, pictures
out: Reply, from the recording, the cache or the endpoint
not covered: prompts (prompts.py), what a reply must be like (reading.py), books (ledger.py)

    recording ─ only where `replay` is set; what it lacks is an error
    cache ───── by prompt file, slots, pictures, model and decoding
    endpoint ── booked first (budget, rate), repeated on 429, 5xx and silence, kept at once

A request that was under way when its worker was killed has no reply on disk and is sent again, with
the same Idempotency-Key: an endpoint that knows the header does not work twice.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viscodex.data.teacher.ledger import Ledger
from viscodex.data.teacher.prompts import Picture, Prompt, messages, read_prompt
from viscodex.data.teacher.settings import TeacherSettings
from viscodex.data.teacher.store import Cache, Recording, Stored, record
from viscodex.errors import BadInput, MissingPart, RunStopped
from viscodex.execute.runtime import home
from viscodex.images import image_size

if TYPE_CHECKING:
    from viscodex.chat import Again, Chat, Received

IN_A_ROW = 5
"""Requests without a reply, one after another, that end a build: the endpoint is down."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
_OVERHEAD = 20  # tokens of a request beside its texts and pictures


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    prompt: str  # name of the file: chart_write-1
    slots: Mapping[str, str]
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the teacher said, or why it did not."""

    text: str
    finish_reason: str | None  # stop, length, ...; None: not known
    prompt_tokens: int | None
    completion_tokens: int | None
    failure: str  # "declined: ...", "silent: ..."; empty: there is a text
    key: str  # SHA-256 of the whole request
    prompt: str  # name of its file
    prompt_sha256: str
    model: str

    def meta(self) -> dict[str, str]:
        """What stands in every sample that the reply had a part in."""
        return {
            "model": self.model,
            "prompt": self.prompt,
            "prompt_sha256": self.prompt_sha256,
            "reply": self.key[:16],
        }


class Teacher:
    """A model that is asked; safe to use from several threads.

    Args:
        settings: the section of the recipe.
        folder: of the build, for the ledger; None: the books end with this object.
    """

    def __init__(self, settings: TeacherSettings, folder: Path | None = None) -> None:
        self.settings = settings
        self.cache = Cache(
            Path(settings.cache).expanduser() if settings.cache else home() / "teacher"
        )
        self.ledger = Ledger(None if folder is None else folder / "ledger.jsonl", settings)
        self._recording: Recording | None = None
        self._chat: Chat | None = None
        self._guard = threading.Lock()
        self._silent = 0

    @property
    def ahead(self) -> int:
        """Drafts that a part may have in work at once: one where all replies are recorded."""
        return 1 if self.settings.replay is not None else self.settings.concurrency

    def prompt(self, name: str) -> Prompt:
        """A prompt as this teacher reads it.

        Raises:
            BadRecipe: there is none.
        """
        return read_prompt(name, self.settings.prompts)

    def ask(self, prompt: str, slots: Mapping[str, str], pictures: Sequence[Picture] = ()) -> Reply:
        """The reply to a request.

        Args:
            prompt: NAME-VERSION of its file.
            slots: a text for each slot of the prompt; `{quote:NAME}` quotes it as data.
            pictures: PNG, JPEG, WebP or GIF, each perhaps with a label: ("Picture 1", png).

        Returns:
            Also where the endpoint declined or stayed silent: then `failure` says so.

        Raises:
            RunStopped: a budget is used up, the endpoint is down or refuses all requests.
            BadInput: a recording lacks the reply.
            BadRecipe: there is no such prompt.
            ValueError: slots that the prompt does not have.
        """
        file = self.prompt(prompt)
        asked, options = self._asked(file, slots, pictures), self._options(file)
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        if self.settings.replay is not None:
            return self._reply(file, key, self._replayed(key, prompt))
        told = messages(file, slots, pictures, self.settings.detail)
        with self.cache.alone(key):
            stored = self.cache.read(key)
            if stored is not None:
                self.ledger.note(key)
            else:
                stored = self._send(key, asked, told, options, pictures)
        return self._reply(file, key, stored)

    # .. what a request is

    def _options(self, prompt: Prompt) -> dict[str, Any]:
        own = self.settings.temperature
        return {
            "max_tokens": prompt.max_tokens,
            "temperature": prompt.temperature if own is None else own,
            **self.settings.options,
        }

    def _asked(
        self, prompt: Prompt, slots: Mapping[str, str], pictures: Sequence[Picture]
    ) -> dict[str, Any]:
        """All that a reply depends on."""
        shown = [p if isinstance(p, tuple) else ("", p) for p in pictures]
        return {
            "model": self.settings.model,
            "prompt": prompt.name,
            "prompt_sha256": prompt.sha256,
            "slots": {name: _clean(text) for name, text in slots.items()},
            "pictures": [[label, hashlib.sha256(data).hexdigest()] for label, data in shown],
            "options": self._options(prompt),
            "detail": self.settings.detail,
        }

    def _reply(self, prompt: Prompt, key: str, stored: Stored) -> Reply:
        return Reply(
            text=stored.text,
            finish_reason=stored.finish_reason,
            prompt_tokens=stored.prompt_tokens,
            completion_tokens=stored.completion_tokens,
            failure=stored.failure,
            key=key,
            prompt=prompt.name,
            prompt_sha256=prompt.sha256,
            model=self.settings.model,
        )

    # .. recordings

    def _replayed(self, key: str, prompt: str) -> Stored:
        with self._guard:
            if self._recording is None:
                self._recording = Recording(Path(self.settings.replay or ""))
        stored = self._recording.read(key)
        if stored is None:
            raise RunStopped(
                "the recording has no reply to a request",
                f"{self._recording.place}: {key[:16]} of the prompt {prompt}",
                "It is of another recipe, prompt or model, or of a build that was not finished.",
            )
        return stored

    def record(self, place: Path) -> int:
        """Write all replies of the build so far into a recording; how many there are."""

        def replies() -> Any:
            for key, failure in sorted(self.ledger.keys().items()):
                stored = self.cache.read(key)  # it may have come after a silence
                if stored is None and failure:
                    stored = Stored("", failure=failure)
                if stored is not None:
                    yield key, stored

        return record(place, replies())

    # .. the endpoint

    def _send(
        self,
        key: str,
        asked: Mapping[str, Any],
        told: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
        pictures: Sequence[Picture],
    ) -> Stored:
        """The reply, which is on disk before it is booked; silence is not kept."""
        from viscodex.chat import Again, Declined, Unusable

        most_in, most_out = most_tokens(told, pictures), int(options["max_tokens"])
        for attempt in range(self.settings.retries + 1):
            name = self._book(key, most_in, most_out)
            took, paid = (most_in, most_out), False
            try:
                received = self._open().send(told, options, {"Idempotency-Key": key})
                took, paid = _took(received, most_in, most_out), True
                return self._kept(key, asked, self._received(received, took))
            except Again as again:
                took = took if again.perhaps_paid else (0, 0)
                missed = again
            except Declined as declined:
                took = (0, 0)
                return self._kept(key, asked, self._declined(key, str(declined)))
            except Unusable as unusable:
                took = (0, 0)
                raise self._stopped("the teacher refuses all requests", str(unusable)) from None
            finally:
                self.ledger.settle(name, *took, paid=paid)
            if attempt < self.settings.retries:
                self._wait(missed, attempt)
        return self._silence(key, str(missed))

    def _kept(self, key: str, asked: Mapping[str, Any], stored: Stored) -> Stored:
        self.cache.write(key, asked, stored)
        return stored

    def _received(self, received: Received, took: tuple[int, int]) -> Stored:
        with self._guard:
            self._silent = 0
        refused = f"declined: {received.refusal}" if received.refusal else ""
        return Stored(received.text, received.finish_reason, *took, failure=refused)

    def _declined(self, key: str, why: str) -> Stored:
        with self._guard:
            self._silent = 0
        self.ledger.note(key, f"declined: {why}")
        return Stored("", failure=f"declined: {why}")

    def _book(self, key: str, most_in: int, most_out: int) -> str:
        while True:
            name, pause = self.ledger.send(key, most_in, most_out)
            if name:
                return name
            time.sleep(min(pause, 5.0) * random.uniform(1.0, 1.1))

    def _wait(self, again: Again, attempt: int) -> None:
        """Pause: what the endpoint asks for, else longer each time; with jitter."""
        pause = again.after_s
        if pause is None:
            pause = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
        if again.limited:
            self.ledger.hold(pause)
        time.sleep(pause * random.uniform(1.0, 1.1))

    def _silence(self, key: str, why: str) -> Stored:
        with self._guard:
            self._silent += 1
            down = self._silent >= IN_A_ROW
        if down:
            raise self._stopped("the teacher does not reply", why)
        self.ledger.note(key, f"silent: {why}")
        return Stored("", failure=f"silent: {why}")

    def _open(self) -> Chat:
        with self._guard:
            if self._chat is None:
                try:
                    from viscodex.chat import OPENAI_URL, Chat
                except ImportError as error:
                    raise MissingPart(
                        "a teacher needs the openai library",
                        str(error),
                        "pip install 'viscodex[data]'",
                    ) from error
                self._chat = Chat(
                    self.settings.model,
                    self.settings.endpoint or OPENAI_URL,
                    timeout_s=self.settings.timeout_s,
                )
                weakref.finalize(self, self._chat.close)
            return self._chat

    def _stopped(self, what: str, why: str) -> RunStopped:
        return RunStopped(
            what,
            f"{self.settings.model} at {self._open().url}: {why}",
            "All replies are kept. Check name, URL and OPENAI_API_KEY, then give the same command\n"
            "again.",
        )


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _took(received: Received, most_in: int, most_out: int) -> tuple[int, int]:
    """Tokens of a reply; where the endpoint does not say, the most that it may have been."""
    told_in, told_out = received.prompt_tokens, received.completion_tokens
    return (
        most_in if told_in is None else told_in,
        most_out if told_out is None else told_out,
    )


# --- tokens ---------------------------------------------------------------------------------------


def most_tokens(told: Sequence[Mapping[str, Any]], pictures: Sequence[Picture]) -> int:
    """Tokens of a request, from above."""
    return text_bytes(told) // 3 + sum(max(picture_tokens(p)) for p in pictures) + _OVERHEAD


def text_bytes(told: Sequence[Mapping[str, Any]]) -> int:
    """Bytes of all texts of a request."""
    size = 0
    for message in told:
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        size += sum(len(part.get("text", "").encode()) for part in parts)
    return size


def picture_tokens(picture: Picture) -> tuple[int, int]:
    """(tiles of 512 pixels as OpenAI counts them, patches of 28 pixels as Qwen does)."""
    data = picture[1] if isinstance(picture, tuple) else picture
    try:
        width, height = image_size(data)
    except BadInput:
        return 0, 0  # the endpoint will decline it
    shrink = min(1.0, 2048 / max(width, height))
    shrink = min(shrink, 768 / min(width, height))
    tiles = math.ceil(width * shrink / 512) * math.ceil(height * shrink / 512)
    patches = min(16_384, math.ceil(width / 28) * math.ceil(height / 28))
    return 85 + 170 * tiles, patches

"""The judge of charts and responses: a model behind an endpoint, a function, or a record of one.

in:  Questions
out: Marks; every reply in the cache and in RUN/judge.jsonl
not covered: what is asked (questions.py), in which words (rubrics.py), at what cost (judge_cost.py)

A reply that holds no number in range is no mark: the judge is asked again, and after the last try the
answer is unscored, never 0. Under `paper` charts are read as the official port reads them, for which
the first reply counts and a reply without a score is 0; the Mark says so.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from viscodex.errors import BadRecipe, MissingPart
from viscodex.tasks.judge_cost import Price, Purse, estimate
from viscodex.tasks.judge_store import Record, Replies
from viscodex.tasks.rubrics import RUBRICS, Reply, Rubric, messages
from viscodex.tasks.run import FAULTS
from viscodex.tasks.task import Mark, ProtocolName, Question

TRIES = 3
ORDER = "charts: reference first, then candidate; said in the text beside each"
_ENDPOINT = re.compile(r"openai/(?P<model>.+?)(?:@(?P<url>https?://\S+))?")
_RECORD = re.compile(r"recorded/(?P<file>.+)")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def judge_of(
    spec: str,
    *,
    record: Path | None = None,
    cache: Path | None = None,
    price: Price | None = None,
    budget: float | None = None,
    tries: int = TRIES,
    **endpoint: Any,
) -> ModelJudge | FunctionJudge | RecordedJudge:
    """The judge of `openai/NAME@URL`, `package.module:name` or `recorded/FILE`.

    Args:
        record: file of the run's replies.
        cache: folder of replies; None: below the cache directory of viscodex.
        price, budget: see judge_cost.Purse.
        tries: replies that are asked for until one holds a mark.
        endpoint: timeout_s, max_retries.

    Raises:
        BadRecipe: it is none of them.
        MissingPart: the openai library is not installed.
    """
    if found := _ENDPOINT.fullmatch(spec):
        return ModelJudge(
            _endpoint(found["model"], found["url"], endpoint),
            Purse(price, budget), record=record, cache=cache, tries=tries,
        )  # fmt: skip
    if found := _RECORD.fullmatch(spec):
        return RecordedJudge(Path(found["file"]), record=record)
    if _FUNCTION.fullmatch(spec):
        return FunctionJudge(spec, _function(spec), record=record)
    raise BadRecipe(
        "this is no judge", spec,
        "Give openai/NAME@URL (an OpenAI-compatible endpoint, its URL up to /v1) or\n"
        "package.module:name (a function of a Question that returns the text of a reply), or\n"
        "recorded/FILE (the judge.jsonl of a run, to repeat it).",
    )  # fmt: skip


def _endpoint(model: str, url: str | None, how: dict[str, Any]) -> Any:
    try:
        from viscodex.tasks.judge_endpoint import OPENAI_URL, Endpoint
    except ImportError as error:
        raise MissingPart(
            "a judge needs the openai library", str(error), "pip install 'viscodex[eval]'"
        ) from error
    return Endpoint(model, url or OPENAI_URL, **how)


def _function(spec: str) -> Callable[[Question], str]:
    module, _, name = spec.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadRecipe(
            "there is no such function", f"{spec}: {error}", "Is its folder on PYTHONPATH?"
        ) from error
    if not callable(found):
        raise BadRecipe("this is no function", spec, "It is called with a Question.")
    function: Callable[[Question], str] = found
    return function


def _prompts() -> dict[str, dict[str, str]]:
    return {n: {"file": f"{r.prompt}.txt", "sha256": r.sha256} for n, r in RUBRICS.items()}


def _basis(rubric: Rubric, question: Question, judge: str) -> dict[str, Any]:
    """What is said beside every mark."""
    return {
        "judge": judge,
        "prompt": rubric.prompt,
        "prompt_sha256": rubric.sha256,
        "pictures": [
            {"shown_as": label, "sha256": hashlib.sha256(png).hexdigest()}
            for label, png in question.pictures
        ],
    }


class ModelJudge:
    """Asks an endpoint; what was asked before is read from disk.

    Args:
        endpoint: judge_endpoint.Endpoint.
        purse: of the run; what its record tells is booked.
        record, cache, tries: see judge_of.
    """

    def __init__(
        self,
        endpoint: Any,
        purse: Purse,
        *,
        record: Path | None = None,
        cache: Path | None = None,
        tries: int = TRIES,
    ) -> None:
        self.endpoint, self.purse, self.tries = endpoint, purse, tries
        self._replies, self._record = Replies(cache), Record(record)
        for row in self._record.read():
            if not row["cached"]:
                purse.settle(0.0, *row.get("tokens", (0, 0)))
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self.settings: dict[str, Any] = {
            "model": endpoint.model,
            "url": endpoint.url,
            "prompts": _prompts(),
            "order": ORDER,
            "tries": tries,
            "temperature": 0,
        }

    @property
    def identity(self) -> str:
        """What a resumed run must agree in."""
        return f"openai/{self.endpoint.model}@{self.endpoint.url}"

    def mark(self, question: Question, protocol: ProtocolName) -> Mark:
        """The mark of one answer; see task.Judge."""
        rubric = RUBRICS[question.rubric]
        basis = _basis(rubric, question, self.identity)
        key = _key(basis, question)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            return self._mark(key, rubric, question, protocol, basis)

    def _mark(
        self,
        key: str,
        rubric: Rubric,
        question: Question,
        protocol: ProtocolName,
        basis: dict[str, Any],
    ) -> Mark:
        from viscodex.tasks.judge_endpoint import NoReply

        replies, why = self._replies.read(key), ""
        for n in range(self.tries):
            known = n < len(replies)
            tokens, tag = (0, 0), ""
            if not known:
                try:
                    reply, tokens, tag = self._ask(rubric, question, n)
                except NoReply as error:
                    reason = f"the judge did not reply: {error}"
                    return Mark({}, reason, {**basis, "again": True})
                replies.append(reply)
                self._replies.write(key, basis, replies)
            self._tell(key, n, question, replies[n], basis, known, tokens, tag)
            found = rubric.read(replies[n], protocol)
            if not isinstance(found, str):
                return _mark(found, replies[n], rubric, {**basis, "key": key, "replies": n + 1})
            why = found
        reason = f"{self.tries} replies of the judge hold no mark; the last: {why}"
        return Mark({}, reason, {**basis, "key": key, "replies": self.tries})

    def _ask(
        self, rubric: Rubric, question: Question, n: int
    ) -> tuple[Reply, tuple[int, int], str]:
        """(reply, tokens in and out, the random tag)"""
        asked, tag = estimate(question), secrets.token_hex(8)
        aside = self.purse.set_aside(asked)
        tokens = 0, 0
        try:
            reply = self.endpoint.ask(
                messages(rubric, question, tag), max_tokens=rubric.max_tokens, seed=n
            )
            tokens = (
                asked.in_high if reply.prompt_tokens is None else reply.prompt_tokens,
                asked.out_high if reply.completion_tokens is None else reply.completion_tokens,
            )
        finally:
            self.purse.settle(aside, *tokens)
        return reply, tokens, tag

    def _tell(
        self,
        key: str,
        n: int,
        question: Question,
        reply: Reply,
        basis: dict[str, Any],
        known: bool,
        tokens: tuple[int, int],
        tag: str,
    ) -> None:
        self._record.add(
            {
                "sample_id": question.sample_id,
                "attempt": question.attempt,
                "rubric": question.rubric,
                **basis,
                "key": key,
                "try": n,
                "tag": tag,
                "reply": reply.text,
                "finish_reason": reply.finish_reason,
                "tokens": tokens,  # estimated from above where the endpoint does not say
                "cached": known,
            }
        )


def _mark(points: dict[str, float], reply: Reply, rubric: Rubric, detail: dict[str, Any]) -> Mark:
    """The Mark of points; what only the official reading takes for a mark is said."""
    odd = rubric.read(reply, "strict")
    said = {"odd": odd} if isinstance(odd, str) else {}
    return Mark(points, "", {**detail, "points": points, **said})


def _key(basis: dict[str, Any], question: Question) -> str:
    """Identity of a request; the random tag is no part of it."""
    texts = json.dumps([basis, sorted(question.texts.items())], sort_keys=True)
    return hashlib.sha256(texts.encode("utf-8", "surrogatepass")).hexdigest()


class FunctionJudge:
    """Asks a function; nothing is cached, one call is one reply.

    Args:
        spec: its dotted path.
        function: of a Question; returns the text of a reply, which is read as a model's is.
        record: file of the run's replies.
    """

    def __init__(
        self, spec: str, function: Callable[[Question], str], *, record: Path | None = None
    ) -> None:
        self._spec, self._function, self._record = spec, function, Record(record)
        self.settings: dict[str, Any] = {"function": spec, "prompts": _prompts(), "order": ORDER}

    @property
    def identity(self) -> str:
        """What a resumed run must agree in."""
        return self._spec

    def mark(self, question: Question, protocol: ProtocolName) -> Mark:
        """The mark of one answer; a fault of the function is no mark."""
        rubric = RUBRICS[question.rubric]
        basis = _basis(rubric, question, self.identity)
        key = _key(basis, question)
        try:
            text = self._function(question)
        except FAULTS as error:
            reason = (
                f"the judge failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            )
            return Mark({}, reason, {**basis, "again": True})
        if not isinstance(text, str):
            return Mark({}, f"the judge returned {type(text).__name__}, not text", basis)
        self._record.add(recorded_reply(question, self.identity, text))
        found = rubric.read(Reply(text), protocol)
        if isinstance(found, str):
            return Mark({}, f"the reply of the judge holds no mark: {found}", basis)
        return _mark(found, Reply(text), rubric, {**basis, "key": key})


class RecordedJudge:
    """Says again what a record says: scores without a network, equal to those of then.

    A reply is found by all that was asked: prompt, question, reference, response and pictures.

    Args:
        place: RUN/judge.jsonl of the run to repeat.
        record: file of this run's replies.

    Raises:
        BadRecipe: there is no such record.
    """

    def __init__(self, place: Path, *, record: Path | None = None) -> None:
        if not place.is_file():
            raise BadRecipe(
                "there is no such record of a judge", str(place), "Give RUN/judge.jsonl."
            )
        self._replies: dict[str, dict[int, dict[str, Any]]] = {}
        rows = Record(place).read()
        for row in rows:
            self._replies.setdefault(row["key"], {})[row["try"]] = row
        self._judges = list(dict.fromkeys(row["judge"] for row in rows))
        self._record = Record(record)
        digest = hashlib.sha256(place.read_bytes()).hexdigest()
        self.settings: dict[str, Any] = {
            "recorded": self._judges,
            "record_sha256": digest,
            "prompts": _prompts(),
            "order": ORDER,
        }

    @property
    def identity(self) -> str:
        """What a resumed run must agree in."""
        return f"recorded/{self.settings['record_sha256']}"

    def mark(self, question: Question, protocol: ProtocolName) -> Mark:
        """The mark of one answer; what was never asked is no mark."""
        rubric = RUBRICS[question.rubric]
        why = "the record has no reply to this answer"
        for judge in self._judges:
            basis = _basis(rubric, question, judge)
            key = _key(basis, question)
            for n, row in sorted(self._replies.get(key, {}).items()):
                self._record.add({**row, "cached": True})
                reply = Reply(row["reply"], row.get("finish_reason"))
                found = rubric.read(reply, protocol)
                if not isinstance(found, str):
                    return _mark(found, reply, rubric, {**basis, "key": key, "replies": n + 1})
                why = found
        return Mark({}, why, _basis(rubric, question, self.identity))


def recorded_reply(question: Question, judge: str, text: str) -> dict[str, Any]:
    """A line of a record: what a judge, or a person in its place, says of an answer."""
    basis = _basis(RUBRICS[question.rubric], question, judge)
    return {
        "sample_id": question.sample_id,
        "attempt": question.attempt,
        "rubric": question.rubric,
        **basis,
        "key": _key(basis, question),
        "try": 0,
        "reply": text,
        "cached": False,
    }

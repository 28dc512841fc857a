"""How a judge is asked and how its replies are read.

in:  a Question; the text of a reply
out: the messages of a request; points, or why a reply holds none
not covered: sending anything (judge.py); what is asked of which benchmark (questions.py)

Prompts are files: prompts/NAME-VERSION.txt, never changed once used, since results name them by their
hash. A reply is data: a number in range is taken out of it, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from viscodex.tasks.task import ProtocolName, Question

Points = dict[str, float]
MAX_REPLY = 100_000  # characters that are read
_SLOT = re.compile(r"\{(\w+)\}")
_USER = "\n=== user ===\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge said."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Rubric:
    """A way to judge."""

    prompt: str  # file in prompts/, without its ending
    max_tokens: int  # of a reply
    strict: Callable[[str], Points | str]  # points, or why there are none
    paper: Callable[[str], Points | str]

    @property
    def text(self) -> str:
        """The prompt as it stands."""
        return _prompt(self.prompt)

    @property
    def sha256(self) -> str:
        """Hash of the prompt."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def read(self, reply: Reply, protocol: ProtocolName) -> Points | str:
        """The points of a reply, or why it has none."""
        if protocol == "paper":
            return self.paper(reply.text[:MAX_REPLY])
        if reply.finish_reason not in (None, "stop"):
            return f"the reply is not whole ({reply.finish_reason})"
        if len(reply.text) > MAX_REPLY:
            return f"the reply has more than {MAX_REPLY:,} characters"
        return self.strict(reply.text)


@cache
def _prompt(name: str) -> str:
    return (files("viscodex.tasks") / "prompts" / f"{name}.txt").read_text("utf-8")


def messages(rubric: Rubric, question: Question, tag: str) -> list[dict[str, Any]]:
    """The request in the form of the OpenAI chat protocol.

    Slots are filled in one pass: braces in a text of the question stay what they are.

    Args:
        tag: random; the answer cannot know it.
    """
    system, _, user = rubric.text.partition(_USER)
    texts: Mapping[str, str] = {**question.texts, "tag": tag}
    parts: list[dict[str, Any]] = []

    def say(text: str) -> None:
        if parts and parts[-1]["type"] == "text":
            parts[-1]["text"] += text
        elif text.strip():
            parts.append({"type": "text", "text": text.lstrip("\n")})

    for n, piece in enumerate(_SLOT.split(user.strip())):
        if n % 2 == 0:
            say(piece)
        elif piece == "pictures":
            for label, png in question.pictures:
                say(f"\n{label}:\n")
                parts.append(
                    {"type": "image_url", "image_url": {"url": _url(png), "detail": "high"}}
                )
        else:
            say(texts[piece])
    return [
        {"role": "system", "content": system.strip()},
        {"role": "user", "content": parts},
    ]


def _url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


# --- replies about charts -------------------------------------------------------------------------

_MARKS = r"[\s*_`]*"  # of Markdown
_LINE = re.compile(rf"^{_MARKS}score\s*:{_MARKS}(\d+){_MARKS}/\s*100", re.IGNORECASE | re.MULTILINE)
_ANYWHERE = re.compile(rf"score\s*:{_MARKS}(\d+)", re.IGNORECASE)
_BEGINS = re.compile(r"^[\s>#*_`-]*(?:(?:final|total|overall) )?score\b", re.IGNORECASE)
_FINAL = re.compile(
    rf"{_BEGINS.pattern}{_MARKS}:{_MARKS}(\d+(?:\.\d+)?){_MARKS}(?:/{_MARKS}100|out of 100)?[\s*_`.]*$",
    re.IGNORECASE,
)


def read_score_officially(text: str) -> Points:
    """The score as VLMEvalKit's port of ChartMimic reads it; ChartMimic itself has no reader.

    The first line `Score: N/100`, else the last `Score: N` anywhere, a part's own included; no such
    thing is 0, and 120 is 120.
    """
    if found := _LINE.search(text):
        return {"score": float(found[1])}
    everywhere = _ANYWHERE.findall(text)
    return {"score": float(everywhere[-1]) if everywhere else 0.0}


def read_score(text: str) -> Points | str:
    """The one score of a reply, 0 to 100; several different ones are none."""
    lines = [line for line in text.splitlines() if _BEGINS.match(line)]
    found = [_FINAL.match(line) for line in lines]
    values = {float(one[1]) for one in found if one}
    if not lines:
        return "the reply has no line `Score: N/100`"
    if not all(found) or len(values) != 1:
        return f"the reply has no one score: {'; '.join(line.strip()[:40] for line in lines[:3])}"
    (value,) = values
    return {"score": value} if value <= 100 else f"the score is out of range: {value:g}"


# --- replies about responses ----------------------------------------------------------------------

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL | re.IGNORECASE)
_MOST = 50  # points of each part


def read_parts(text: str) -> Points | str:
    """correctness and completeness, whole numbers of 0 to 50, of a reply that is one JSON object."""
    fenced = _FENCE.match(text)
    try:
        data = json.loads(
            fenced[1] if fenced else text, object_pairs_hook=_once, parse_constant=_refused
        )
    except (ValueError, RecursionError) as error:
        return f"the reply is no JSON object: {' '.join(str(error).split())[:80]}"
    if not isinstance(data, dict):
        return f"the reply is no JSON object but {type(data).__name__}"
    points: Points = {}
    for name in ("correctness", "completeness"):
        value = data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{name} is no number: {value!r:.40}"
        if not 0 <= value <= _MOST:
            return f"{name} is out of range: {value!r:.40}"
        if value != int(value):
            return f"{name} is no whole number: {value!r:.40}"
        points[name] = float(value)
    return points


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


RUBRICS: dict[str, Rubric] = {
    "chart": Rubric("chartmimic-1", 1024, read_score, read_score_officially),
    "response": Rubric("infibench_v-1", 512, read_parts, read_parts),
}
"""Name -> rubric. Of `response` no official reader is public: both protocols read it alike."""

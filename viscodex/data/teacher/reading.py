"""What a teacher's reply must be like: whole, no refusal, code of the wanted language, one object.

in:  a Reply
out: its text, its code, its object; Unfit where it has none
not covered: whether the code runs (the source's execute); natural languages (data/filters.py)

A reply is data: nothing in it steers anything but what is read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from viscodex.data.draft import Filter, Unfit
from viscodex.data.teacher.teacher import Reply
from viscodex.syntax import parse
from viscodex.text import LENGTH_REASONS, read_answer, repeats
from viscodex.types import Completion

REPLY_FILTERS: dict[str, str] = {
    "no_reply": "The teacher must reply: no filter of the endpoint, no silence after all tries.",
    "refusal": "The teacher must do what it is asked, not say why it will not.",
    "half_reply": "The reply must be whole: not cut at its limit, not lost in a loop.",
    "no_code": "The reply must hold what was asked for: code in a fence, or one JSON object.",
    "wrong_language": "The code must be of the language that was asked for.",
}
"""Why a reply is no use; the names of the rejects."""

MOST_FENCES = 400
_THOUGHT = re.compile(r"^.*</think(?:ing)?>", re.DOTALL)
_OPEN = re.compile(r"^[ \t>]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*?)[ \t]*$")
_PAGE = re.compile(r"(?:<!doctype\s+html|<html[\s>]).*</html\s*>", re.IGNORECASE | re.DOTALL)
_WRAPS = {"markdown", "md", "text", "txt", "plain", "plaintext", "code", ""}
"""What a fence says of whose content nothing is known."""
_REFUSAL = re.compile(
    r"\A\W*(?:(?:i'?m|i am|we'?re|my apologies|apologies|unfortunately|sorry|as an? (?:ai|language))\b"
    r"[^.\n]{0,120}?\b(?:sorry|can(?:no|')t|cannot|unable|not able|won't|will not|decline|not allowed)\b"
    r"|i (?:can(?:no|')t|cannot|won't|must decline|am unable|do not feel)\b"
    r"|(?:i'?m|i am) (?:sorry|afraid)\b|sorry, (?:but )?i\b)",
    re.IGNORECASE,
)


def reply_filters() -> tuple[Filter, ...]:
    """Rows of the card for what is found before anything runs; they object to no draft themselves."""
    return tuple(Filter(n, text, lambda draft, evidence: None) for n, text in REPLY_FILTERS.items())


def text_of(reply: Reply) -> str:
    """The text of a whole reply that is no refusal; what a model thought first is cut off.

    Raises:
        Unfit: no_reply, refusal, half_reply.
    """
    if reply.failure:
        raise Unfit("no_reply", reply.failure[:300])
    text = _THOUGHT.sub("", reply.text.replace("\r\n", "\n")).strip()
    if not text:
        raise Unfit("no_reply", "the reply is empty")
    if reply.finish_reason in LENGTH_REASONS:
        raise Unfit("half_reply", f"the reply was cut at its limit ({reply.finish_reason})")
    if reply.finish_reason == "content_filter":
        raise Unfit("no_reply", "a filter of the endpoint ended the reply")
    if repeats(text):
        raise Unfit("half_reply", "the reply ends in a loop")
    if "```" not in text and _REFUSAL.match(text.replace("\u2019", "'")):
        raise Unfit("refusal", " ".join(text.split())[:200])
    return text


def code_of(reply: Reply, language: str) -> str:
    """The code of a reply: the longest sound block of the language.

    Raises:
        Unfit: as text_of; no_code, wrong_language, half_reply.
    """
    codes = codes_of(reply, language)
    sound = [code for code in codes if _sound(language)(code)]
    return max(sound or codes, key=len)


def codes_of(reply: Reply, language: str) -> list[str]:
    """All blocks of code of the language, in order; at least one.

    Raises:
        Unfit: as code_of.
    """
    text = text_of(reply)
    found = blocks(text, language)
    if not found and language == "html" and (page := _PAGE.search(text)):
        found = [(page[0], True)]
    if not found:
        answer = read_answer(reply.key, Completion(text, reply.finish_reason), language)
        if not answer.code.strip():
            raise Unfit("no_code", f"there is no {language} in it: {' '.join(text.split())[:120]}")
        if answer.language not in _same(language):
            raise Unfit("wrong_language", f"the code is {answer.language}, not {language}")
        found = [(answer.code, answer.problem != "truncated")]
    whole = [code for code, closed in found if closed or _sound(language)(code)]
    if not whole:
        raise Unfit("half_reply", "the code ends before its fence does")
    if language == "html" and not any(_ends_html(code) for code in whole):
        raise Unfit("half_reply", "the page has no </html> at its end")
    return whole


def blocks(text: str, language: str) -> list[tuple[str, bool]]:
    """(code, closed) of each fenced block of a language, also where fences stand within it.

    A block ends at the first closing fence that leaves sound code: Python that can be parsed, a page
    with its end. Where there is none, it ends at the first closing fence. Blocks that do not say
    their language count where none says this one.
    """
    lines, sound = text.split("\n"), _sound(language)
    fences = [n for n, line in enumerate(lines) if _OPEN.match(line)][:MOST_FENCES]
    named: list[tuple[str, bool]] = []
    unnamed: list[tuple[str, bool]] = []
    at = 0
    while at < len(fences):
        first = _OPEN.match(lines[fences[at]])
        assert first is not None
        info = re.split(r"[\s,{}:]", first["info"].lstrip("{."), maxsplit=1)[0].lower()
        ends = [k for k in range(at + 1, len(fences)) if _closes(first["mark"], lines[fences[k]])]
        pieces = [(k, "\n".join(lines[fences[at] + 1 : fences[k]])) for k in ends]
        into = named if info in _same(language) else unnamed if info in _WRAPS else None
        best = next(((k, c) for k, c in pieces if into is not None and sound(c)), None)
        if best is None and info in _WRAPS and _wraps(lines, fences, at):
            at += 1  # an answer that stands in a fence as a whole
            continue
        rest = "\n".join(lines[fences[at] + 1 :])
        end, code = best or (pieces[0] if pieces else (len(fences), rest))
        if into is not None and code.strip() and (into is named or sound(code)):
            into.append((code, bool(pieces)))
        at = end + 1
    return named or unnamed


def _wraps(lines: list[str], fences: list[int], at: int) -> bool:
    """The next fence opens a block with a language: this one is around it."""
    following = _OPEN.match(lines[fences[at + 1]]) if at + 1 < len(fences) else None
    return following is not None and bool(following["info"])


def _closes(mark: str, line: str) -> bool:
    found = _OPEN.match(line)
    return found is not None and not found["info"] and found["mark"].startswith(mark)


def _same(language: str) -> set[str]:
    from viscodex.text import ALIASES

    return {language, *ALIASES.get(language, ())}


def _sound(language: str) -> Callable[[str], bool]:
    return {"python": parses, "html": _ends_html}.get(language, lambda code: bool(code.strip()))


def parses(code: str) -> bool:
    """Whether it is Python that can be parsed, and not nothing."""
    try:
        return bool(parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _ends_html(code: str) -> bool:
    return bool(re.search(r"</html\s*>\s*(?:<!--.*?-->\s*)*\Z", code, re.IGNORECASE | re.DOTALL))


# --- objects --------------------------------------------------------------------------------------


def object_of(reply: Reply) -> dict[str, Any]:
    """The one JSON object of a reply, in a fence or not, perhaps with prose around it.

    Raises:
        Unfit: as text_of; no_code: none, several, or a key that is there twice.
    """
    text = text_of(reply)
    fenced = [code for code, _ in blocks(text, "json")]
    if len(fenced) > 1:
        raise Unfit("no_code", f"{len(fenced)} blocks of JSON")
    text = fenced[0] if fenced else text
    at = text.find("{")
    if at < 0:
        raise Unfit("no_code", f"there is no JSON object: {' '.join(text.split())[:120]}")
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
    try:
        value, end = decoder.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise Unfit("no_code", f"not JSON: {error}"[:200]) from None
    if "{" in text[end:]:
        raise Unfit("no_code", "there is more than one JSON object")
    found: dict[str, Any] = value
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")

"""What a teacher is asked about a candidate: answers with and without pictures, area, paraphrase.

in:  a Candidate, its pictures, a Teacher
out: JSON data; Unfit where the candidate ends here
not covered: the funnel around it (funnel.py); grading rules (grade.py)

Every request goes through the teacher's cache: what was asked before is not paid again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from viscodex.data.draft import Unfit
from viscodex.data.shingles import shingles, text_tokens
from viscodex.data.teacher import Reply, Teacher, object_of, text_of
from viscodex.suite.areas import LANGUAGES, area_of_tags, language_named, language_of_tags
from viscodex.suite.candidate import Candidate, marks_of
from viscodex.suite.recipe import IndispensableRules, RewriteRules
from viscodex.tasks.cases import AREAS, TYPES

PROMPTS = {
    "answer": "suite_answer-1",
    "grade": "suite_grade-1",
    "sort": "suite_sort-1",
    "rewrite": "suite_rewrite-1",
    "rules": "suite_rules-1",
}
"""Step -> file of the prompt; its hash stands in draft.json and beside every case."""

FILTERS: dict[str, str] = {
    "answered_blind": "Whoever does not see the pictures must be unable to answer.",
    "picture_no_help": "Whoever sees them must do better than who does not.",
    "no_area": "The question must belong to one of the five areas, in a language of the list.",
    "open_ended": "There must be one answer that an expert can check.",
    "too_close": "The paraphrase must share few runs of words with the post.",
    "pictures_lost": "The paraphrase must name every picture, and none that is not there.",
    "no_text": "Question, reference and wrong answer must be texts, and differ.",
    "gives_away": "The reference answer must not stand in the question.",
}
"""Reason for which a candidate ends -> what is looked for; those of replies: teacher/reading.py."""

_SHOWN = "The pictures of the question follow, <image 1> first."
_HIDDEN = "The pictures cannot be shown; <image 1>, <image 2>, ... stand where they were."
_RUN = 5  # words of a run that a paraphrase may share with its post
_BLOCK = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)


def labelled(pictures: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Pictures with the names that the texts call them by."""
    return [(f"<image {number}>", data) for number, data in enumerate(pictures, 1)]


def indispensable(
    teacher: Teacher, candidate: Candidate, pictures: Sequence[bytes], rules: IndispensableRules
) -> dict[str, Any]:
    """Whether the question can only be answered by who sees its pictures.

    Asked without them first: what is answered right then costs no further request.

    Returns:
        blind and seeing: for each attempt {answer, points, reason}.

    Raises:
        Unfit: answered_blind, picture_no_help; as the replies are unfit.
    """
    blind = []
    for attempt in range(rules.attempts):
        blind.append(_attempt(teacher, candidate, pictures, attempt, shown=False))
        points = blind[-1]["points"]
        if points >= rules.right_from:
            numbers = {"points": points, "limit": rules.right_from}
            raise Unfit("answered_blind", f"without pictures: {points:g} points", numbers)
    seeing = [
        _attempt(teacher, candidate, pictures, attempt, shown=True)
        for attempt in range(rules.attempts)
    ]
    best, without = (max(one["points"] for one in group) for group in (seeing, blind))
    if best - without < rules.gain:
        numbers = {"seeing": best, "blind": without, "gain": rules.gain}
        raise Unfit("picture_no_help", f"{best:g} points with, {without:g} without", numbers)
    return {"blind": blind, "seeing": seeing}


def _attempt(
    teacher: Teacher, candidate: Candidate, pictures: Sequence[bytes], attempt: int, *, shown: bool
) -> dict[str, Any]:
    slots = {
        "question": candidate.text,
        "shown": _SHOWN if shown else _HIDDEN,
        "attempt": str(attempt + 1),
    }
    seen = labelled(pictures)
    answer = text_of(teacher.ask(PROMPTS["answer"], slots, seen if shown else ()))
    asked = {"question": candidate.text, "accepted": candidate.accepted, "answer": answer}
    found = object_of(teacher.ask(PROMPTS["grade"], asked, seen))
    return {
        "answer": answer,
        "points": number_of(found, "points", 0, 100),
        "reason": str(found.get("reason", ""))[:300],
    }


def sort(teacher: Teacher, candidate: Candidate, pictures: Sequence[bytes]) -> dict[str, Any]:
    """Area, language and type of a question.

    What the teacher says outside of the closed lists is decided by the tags.

    Raises:
        Unfit: no_area, open_ended; as the replies are unfit.
    """
    slots = {
        "areas": ", ".join(AREAS),
        "languages": ", ".join(LANGUAGES),
        "types": ", ".join(f'"{name}"' for name in TYPES),
        "tags": ", ".join(candidate.tags) or "none",
        "question": candidate.text,
        "accepted": candidate.accepted,
    }
    found = object_of(teacher.ask(PROMPTS["sort"], slots, labelled(pictures)))
    if found.get("single") is False:
        raise Unfit("open_ended", "the teacher sees no single right answer")
    said, by_tags = str(found.get("area", "")), area_of_tags(candidate.tags)
    area = said if said in AREAS else by_tags
    lang = language_named(str(found.get("lang", ""))) or language_of_tags(candidate.tags)
    if not area or not lang:
        raise Unfit("no_area", f"area {said[:40]!r}, language {str(found.get('lang'))[:40]!r}")
    kind = str(found.get("type", ""))
    return {
        "area": area,
        "lang": lang,
        "type": kind if kind in TYPES else "",
        "area_by_tags": by_tags,
        "lang_by_tags": language_of_tags(candidate.tags),
    }


def rewrite(
    teacher: Teacher,
    candidate: Candidate,
    pictures: Sequence[bytes],
    lang: str,
    rules: RewriteRules,
) -> dict[str, Any]:
    """The question told anew, its answer, and a plausible wrong one.

    Returns:
        question, reference, wrong; overlap with the post; meta of the reply.

    Raises:
        Unfit: why the last attempt was no use.
    """
    last: Unfit | None = None
    for attempt in range(rules.attempts):
        slots = {
            "question": candidate.text,
            "accepted": candidate.accepted,
            "lang": lang,
            "n_pictures": str(len(pictures)),
            "attempt": str(attempt + 1),
        }
        reply = teacher.ask(PROMPTS["rewrite"], slots, labelled(pictures))
        try:
            return _rewritten(reply, candidate, len(pictures), rules)
        except Unfit as error:
            if error.filter == "no_reply":
                raise
            last = error
    assert last is not None
    raise last


def _rewritten(
    reply: Reply, candidate: Candidate, n_pictures: int, rules: RewriteRules
) -> dict[str, Any]:
    found = object_of(reply)
    texts = {}
    for name in ("question", "reference", "wrong"):
        value = found.get(name)
        if not isinstance(value, str) or not value.strip():
            raise Unfit("no_text", f"{name} is {type(value).__name__}, or empty")
        texts[name] = value.replace("\r\n", "\n").strip()
    if texts["reference"] == texts["wrong"]:
        raise Unfit("no_text", "the wrong answer is the reference answer")
    if texts["reference"] in texts["question"]:
        raise Unfit("gives_away", "the reference answer stands in the question")
    named, there = marks_of(texts["question"]), set(range(1, n_pictures + 1))
    if named != there:
        told = ", ".join(map(str, sorted(named))) or "none"
        raise Unfit("pictures_lost", f"it names pictures {told} of {n_pictures}")
    overlap = shared_runs(texts["question"], candidate.text)
    if overlap > rules.max_overlap:
        numbers = {"overlap": overlap, "limit": rules.max_overlap}
        raise Unfit("too_close", f"shares {overlap:.0%} of its runs of words", numbers)
    return {**texts, "overlap": overlap, "meta": reply.meta()}


def shared_runs(text: str, other: str) -> float:
    """The share of the runs of five words of a text that stand in another: 0..1.

    Blocks of code are left out: a question keeps the code that it is about.
    """
    prose = (_BLOCK.sub("\n", one) for one in (text, other))
    mine, theirs = (shingles(text_tokens(one), _RUN) for one in prose)
    return float(np.isin(mine, theirs).mean()) if len(mine) else 0.0


def number_of(found: dict[str, Any], name: str, low: float, high: float) -> float:
    """A number of a reply.

    Raises:
        Unfit: no_code: there is none in range.
    """
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Unfit("no_code", f"{name} is no number of {low:g} to {high:g}: {value!r:.40}")
    return float(value)

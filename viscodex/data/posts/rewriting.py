"""Question and answer of a post as the teacher rewrites them.

in:  the texts of a thread, its pictures, a teacher
out: Rewritten: question with a mark for each picture, answer, its code
not covered: asking (teacher/), which threads are asked about (source.py)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from viscodex.data.draft import Unfit
from viscodex.data.posts.html import MARK
from viscodex.data.teacher import Request, Teacher, text_of
from viscodex.data.teacher.reading import blocks, parses

PROMPT = "qa_refine-1"
REFINE_FILTERS = {
    "teacher_unfit": "The teacher must find that the post can become an example.",
    "bad_rewriting": "A rewritten post has a question, an answer, and each picture once.",
    "drifted": "A rewritten answer must keep the names of the accepted code: it is not another one.",
}
_PART = re.compile(r"^[ \t]*===[ \t]*(question|answer|unfit)[ \t]*===[ \t]*$", re.M | re.I)
_PICTURE = re.compile(r"[ \t]*\[picture (\d+)\][ \t]*", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w{2,}")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What the teacher made of a thread."""

    question: str  # with MARKs
    answer: str
    code: str  # the longest block of the language that is whole
    kept: float  # share of the names in the accepted code that are in the answer's code
    order: tuple[int, ...]  # which picture each mark stands for, in order
    meta: dict[str, str]  # Reply.meta()


def request_of(
    *,
    title: str,
    question: str,
    answer: str,
    tags: Sequence[str],
    language: str,
    pictures: Sequence[bytes],
) -> Request:
    """What the teacher is asked.

    Args:
        question: Markdown with MARKs.
    """
    numbers = iter(range(1, len(pictures) + 1))
    asked = re.sub(re.escape(MARK), lambda _: f"[picture {next(numbers)}]", question)
    labelled = tuple((f"Picture {n}", data) for n, data in enumerate(pictures, start=1))
    slots = {
        "count": str(len(pictures)), "language": {"html": "HTML"}.get(language, "Python"),
        "tags": ", ".join(tags), "title": title, "question": asked, "answer": answer,
    }  # fmt: skip
    return Request(PROMPT, slots, labelled)


def rewrite(teacher: Teacher, request: Request, *, language: str, code: str) -> Rewritten:
    """Ask the teacher, and read what it says.

    Args:
        code: the accepted answer's, of the language.

    Raises:
        Unfit: a reply that is no use: the names of teacher.reading, or of REFINE_FILTERS.
    """
    reply = teacher.ask(request.prompt, request.slots, request.pictures)
    parts = _parts(text_of(reply))
    if "unfit" in parts:
        raise Unfit("teacher_unfit", " ".join(parts["unfit"].split())[:300])
    told, order = _with_marks(parts["question"], len(request.pictures))
    found = [text for text, closed in blocks(parts["answer"], language) if closed]
    sound = [text for text in found if language != "python" or parses(text)]
    if not sound:
        names = re.findall(r"^[ \t]*```([\w+#-]+)", parts["answer"], re.M)
        name = "wrong_language" if names and not found else "no_code"
        raise Unfit(name, f"no whole block of {language}; there are: {', '.join(names) or 'none'}")
    whole = max(sound, key=len)
    return Rewritten(told, parts["answer"], whole, kept_share(code, found), order, reply.meta())


def _parts(text: str) -> dict[str, str]:
    """The parts of a reply; exactly what was asked for."""
    heads = list(_PART.finditer(text))
    names = [head[1].lower() for head in heads]
    ends = [head.start() for head in heads[1:]] + [len(text)]
    parts = {
        name: text[head.end() : end].strip()
        for name, head, end in zip(names, heads, ends, strict=True)
    }
    if names == ["unfit"] or (names == ["question", "answer"] and all(parts.values())):
        return parts
    raise Unfit("bad_rewriting", f"parts: {', '.join(names) or 'none'}")


def _with_marks(question: str, n: int) -> tuple[str, tuple[int, ...]]:
    order = tuple(int(number) - 1 for number in _PICTURE.findall(question))
    if sorted(order) != list(range(n)) or MARK in question:
        told = ", ".join(str(number + 1) for number in order) or "none"
        raise Unfit("bad_rewriting", f"{n} pictures; named are {told}"[:300])
    return _PICTURE.sub(MARK, question).strip(), order


def kept_share(code: str, answers: Sequence[str]) -> float:
    """Of the different names in a code, those that stand in one of the others; 1 without names."""
    names = set(_NAME.findall(code))
    there = {name for text in answers for name in _NAME.findall(text)}
    return len(names & there) / len(names) if names else 1.0

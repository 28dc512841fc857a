"""A question with pictures and an accepted answer, on its way to a case.

in:  nothing
out: Candidate; its JSON both ways
not covered: where candidates come from (posts.py), what is asked about them (ask.py)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

MARK = re.compile(r"<image (\d+)>")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One question of the dump; Markdown throughout."""

    id: str  # q4711: of the question
    title: str
    question: str  # with <image 1>, <image 2>, ... where its pictures stand
    accepted: str  # the accepted answer, without pictures
    tags: tuple[str, ...]
    score: int
    views: int
    urls: tuple[str, ...]  # of its pictures, in order
    source: dict[str, Any] = field(default_factory=dict)  # url, licence, author, posts, paraphrased

    @property
    def text(self) -> str:
        """Title and question, as a teacher is asked."""
        return f"{self.title}\n\n{self.question}".strip()

    @property
    def rank(self) -> tuple[int, int, str]:
        """Popular ones first: by score, then by views; the id decides between equals."""
        return -self.score, -self.views, self.id


def numbered(markdown: str, mark: str) -> str:
    """A text whose marks are <image 1>, <image 2>, ... in order."""
    pieces = markdown.split(mark)
    made = pieces[0]
    for number, piece in enumerate(pieces[1:], 1):
        made += f"<image {number}>{piece}"
    return made


def marks_of(text: str) -> set[int]:
    """The numbers of the pictures that a text names."""
    return {int(number) for number in MARK.findall(text)}

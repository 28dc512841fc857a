"""One post of a Stack Exchange site.

in:  a row of Posts.xml
out: Post: body, score, author, licence, link; or BadRow with the reason
not covered: where rows come from (dump.py), what stands in the body (html.py)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

PROBLEMS: dict[str, str] = {
    "not_unicode": "a row is UTF-8",
    "broken_row": "a row consists of names and values in quotes, and ends",
    "no_id": "a row has an id, a kind and a score that are numbers",
    "too_large": "a row has a size that a post can have",
}
"""Why a row is no post -> what is looked for."""

Kind = Literal["question", "answer", "other"]
_KINDS: dict[str, Kind] = {"1": "question", "2": "answer"}

_ROW = re.compile(r'\s*((?:[A-Za-z_][\w.:-]*\s*=\s*"[^"]*"\s*)*)/?>\s*')
_VALUE = re.compile(r'([A-Za-z_][\w.:-]*)\s*=\s*"([^"]*)"')
_ENTITY = re.compile(r"&(?:#[xX]([0-9a-fA-F]{1,8})|#(\d{1,8})|(lt|gt|amp|quot|apos));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}

CHANGES = (("2018-05-02", "CC-BY-SA-4.0"), ("2011-04-08", "CC-BY-SA-3.0"), ("", "CC-BY-SA-2.5"))
"""From this day on a contribution is under this licence: stackoverflow.com/help/licensing."""


class BadRow(Exception):
    """A row that is no post.

    Attributes:
        problem: a key of PROBLEMS.
    """

    def __init__(self, problem: str, why: str) -> None:
        self.problem, self.why = problem, why
        super().__init__(f"{problem}: {why}")


@dataclass(frozen=True, slots=True)
class Post:
    """A question, an answer, or something else that has a page."""

    id: int
    kind: Kind
    body: str  # HTML
    created: str  # 2012-03-04T05:06:07.890; empty where it is not known
    score: int = 0
    views: int = 0  # of questions
    title: str = ""  # of questions
    tags: tuple[str, ...] = ()
    accepted: int | None = None  # id of the answer
    parent: int | None = None  # id of the question that it answers
    owner: int | None = None  # None: deleted account
    owner_name: str = ""  # where there is no account; names of accounts are in Users.xml
    licence: str = ""  # SPDX


def licence_at(created: str) -> str:
    """The licence of what was contributed on a day, where the dump does not say it.

    Empty where the day is not known.
    """
    if not re.match(r"\d{4}-\d\d-\d\d", created):
        return ""
    return next(licence for since, licence in CHANGES if created >= since)


def link_of(post_id: int, kind: Kind, site: str = "stackoverflow.com") -> str:
    """The address of a post."""
    return f"https://{site}/{'a' if kind == 'answer' else 'questions'}/{post_id}"


def attributes(text: bytes) -> dict[str, str]:
    """The values of a row, decoded.

    A reference to a character that XML does not know stays as it is; one to no character at all
    becomes U+FFFD.

    Raises:
        BadRow: not UTF-8, or no row.
    """
    try:
        row = text.decode()
    except UnicodeDecodeError as error:
        raise BadRow("not_unicode", f"byte {error.start}: {error.reason}") from None
    whole = _ROW.match(row)
    if whole is None:
        raise BadRow("broken_row", row[:200])
    return {name: _ENTITY.sub(_character, value) for name, value in _VALUE.findall(whole[1])}


def _character(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    number = int(found[1], 16) if found[1] else int(found[2])
    if (
        number > 0x10FFFF
        or 0xD800 <= number < 0xE000
        or (number < 32 and number not in (9, 10, 13))
    ):
        return "\ufffd"
    return chr(number)


def post_from_row(text: bytes) -> Post:
    """The post of a row.

    Raises:
        BadRow: with the reason.
    """
    given = attributes(text)
    number = _number(given.get("Id"))
    if number is None or not given.get("PostTypeId", "").isdecimal():
        raise BadRow("no_id", f"Id {given.get('Id')!r}, PostTypeId {given.get('PostTypeId')!r}")
    created = given.get("CreationDate", "")
    licence = re.sub(r"\s+", "-", given.get("ContentLicense", "").strip())
    return Post(
        id=number,
        kind=_KINDS.get(given["PostTypeId"], "other"),
        body=given.get("Body", ""),
        created=created,
        score=_number(given.get("Score")) or 0,
        views=_number(given.get("ViewCount")) or 0,
        title=given.get("Title", ""),
        tags=tuple(re.findall(r"[^<>|\s]+", given.get("Tags", ""))),
        accepted=_number(given.get("AcceptedAnswerId")),
        parent=_number(given.get("ParentId")),
        owner=_number(given.get("OwnerUserId")),
        owner_name=given.get("OwnerDisplayName", ""),
        licence=licence or licence_at(created),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,15}", text) else None

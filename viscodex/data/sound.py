"""What must hold of every sample, whoever made it; looked at when importing and when checking.

in:  a sample
out: its flaws: a name, and words for a person
not covered: whether its code runs (check.py)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from viscodex.errors import BadInput
from viscodex.images import open_image
from viscodex.types import CATEGORIES, Message, Sample

MARK = "<image>"
ROLES = ("system", "user", "assistant")
MAX_CHARACTERS = 1_000_000  # of all messages
MAX_PICTURES = 64
MAX_RATIO = 200  # of the sides of a picture; Qwen's processors refuse more

FLAWS: dict[str, str] = {
    "unknown_category": f"the category is one of {', '.join(CATEGORIES)}",
    "unknown_role": f"each message is by one of {', '.join(ROLES)}",
    "turn_order": "user and assistant alternate, a system message comes first, an answer last",
    "empty_message": "no message is empty",
    "image_marks": f"there are as many marks {MARK} as pictures",
    "broken_image": "every picture opens, within the limits on bytes and pixels",
    "odd_shape": f"no side of a picture is more than {MAX_RATIO} times the other: models refuse it",
    "not_unicode": "all text is Unicode, without halves of surrogate pairs",
    "too_large": f"at most {MAX_CHARACTERS:,} characters and {MAX_PICTURES} pictures",
}
"""Name of a flaw -> what is looked for."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a sample."""

    name: str  # a key of FLAWS, or of importing.py's table
    why: str
    numbers: dict[str, float] = field(default_factory=dict)


def flaws(sample: Sample) -> Iterator[Flaw]:
    """All flaws of a sample; decodes its pictures."""
    if sample.category not in CATEGORIES:
        yield Flaw("unknown_category", f"category {sample.category!r}")
    yield from _text_flaws(sample)
    yield from _turn_flaws(sample.messages)
    marks = sum(message.content.count(MARK) for message in sample.messages)
    if marks != len(sample.images):
        numbers = {"marks": float(marks), "pictures": float(len(sample.images))}
        yield Flaw(
            "image_marks", f"{marks} marks {MARK} for {len(sample.images)} pictures", numbers
        )
    for index, picture in enumerate(sample.images[:MAX_PICTURES]):
        try:
            width, height = open_image(picture).size
        except BadInput as error:
            yield Flaw("broken_image", f"picture {index}: {error.what}: {error.where}")
            continue
        if max(width, height) > MAX_RATIO * min(width, height):
            numbers = {"width": float(width), "height": float(height)}
            yield Flaw("odd_shape", f"picture {index}: {width} x {height} pixels", numbers)


def _text_flaws(sample: Sample) -> Iterator[Flaw]:
    characters = sum(len(message.content) for message in sample.messages)
    if characters > MAX_CHARACTERS or len(sample.images) > MAX_PICTURES:
        why = f"{characters:,} characters, {len(sample.images)} pictures"
        numbers = {"characters": float(characters), "pictures": float(len(sample.images))}
        yield Flaw("too_large", why, numbers)
    texts = [sample.id, sample.task, sample.reference, sample.language, sample.tests]
    texts += [message.content for message in sample.messages]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        yield Flaw("not_unicode", f"half a surrogate pair: {error.object[error.start]!a}")


def _turn_flaws(messages: tuple[Message, ...]) -> Iterator[Flaw]:
    roles = [message.role for message in messages]
    if unknown := [role for role in roles if role not in ROLES]:
        yield Flaw("unknown_role", f"role {unknown[0]!r}")
        return
    turns = roles[1:] if roles[:1] == ["system"] else roles
    wanted = ["user", "assistant"] * (len(turns) // 2)
    if not turns or turns != wanted:
        yield Flaw("turn_order", f"roles {', '.join(roles[:12]) or 'none'}")
    for index, message in enumerate(messages):
        if not message.content.strip():
            yield Flaw("empty_message", f"message {index} of the {message.role}")

"""InfiBench's blank filling: what a response says where a template has blanks.

in:  a template with blanks, what may stand in each, a response
out: points, of how many, and what stood in each blank
not covered: reading case files (cases.py), post handlers and the score of a case (grading.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viscodex.tasks import alignment, patterns
from viscodex.tasks.condition import Condition, read_condition

NAMES = ("grading_details", "ans_str", "ans_re", "response_str")
"""What a cond may use: lines of the blanks before, the alternative, what the response says."""

MIN_RATE = 0.8  # of the template's own characters that the response must have, in order
_ESCAPE = " '\"`"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One text or pattern that may stand in a blank."""

    text: str
    regex: bool = False
    cond: Condition | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What may stand in one blank."""

    alternatives: tuple[Alternative, ...]
    weight: float = 1.0
    to_lower: bool = False
    substr_match: bool = False  # found in it, instead of equal to it


@dataclass(frozen=True, slots=True)
class Blanks:
    """A template and its targets."""

    template: str
    targets: tuple[Target, ...]
    blank: str = "[blank]"
    escape: str = _ESCAPE  # characters taken off both ends of what was filled in
    prefix: str = ""  # put before the response

    @property
    def starts(self) -> list[int]:
        """Where the blanks begin."""
        found, at = [], self.template.find(self.blank)
        while at >= 0:
            found.append(at)
            at = self.template.find(self.blank, at + len(self.blank))
        return found


def read_blanks(data: Any, *, official: bool) -> Blanks:
    """The value of `blank_filling`.

    Args:
        official: a mapping {or: [...]} under a target means its keys, as the official grader has
            it; otherwise what it says.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("template"), str):
        raise ValueError("blank_filling is a mapping with a template")
    if not isinstance(data.get("targets"), list):
        raise ValueError("blank_filling needs a list of targets")
    blanks = Blanks(
        template=data["template"],
        targets=tuple(_target(one, official) for one in data["targets"]),
        blank=str(data.get("blank_str", "[blank]")),
        escape=str(data.get("escape", _ESCAPE)),
        prefix=str(data.get("prefix", "")),
    )
    if not blanks.blank:
        raise ValueError("blank_str is empty")
    return blanks


def _target(data: Any, official: bool) -> Target:
    if isinstance(data, str):
        return Target((Alternative(data),))
    if not isinstance(data, Mapping) or "content" not in data:
        raise ValueError(f"a target is text or a mapping with content, not {data!r:.80}")
    content = data["content"]
    if isinstance(content, Mapping) and official:
        content = list(content)  # iterated by key: only the word "or" would be right
    elif isinstance(content, Mapping):
        content = content["or"] if isinstance(content.get("or"), list) else [content]
    if not isinstance(content, list):
        content = [content]
    return Target(
        tuple(_alternative(one) for one in content),
        weight=float(data.get("weight", 1.0)),
        to_lower=bool(data.get("to_lower", False)),
        substr_match=bool(data.get("substr_match", False)),
    )


def _alternative(data: Any) -> Alternative:
    if isinstance(data, Mapping) and "content" in data:
        cond = read_condition(str(data["cond"]), NAMES) if "cond" in data else None
        return Alternative(str(data["content"]), bool(data.get("regex", False)), cond)
    if isinstance(data, Mapping | list):
        raise ValueError(f"an alternative is text or a mapping with content, not {data!r:.80}")
    return Alternative(str(data))


def faults(blanks: Blanks) -> list[str]:
    """What makes the official grader fail on every response."""
    found = []
    starts = blanks.starts
    if len(starts) != len(blanks.targets):
        found.append(f"{len(starts)} blanks and {len(blanks.targets)} targets")
    if blanks.template.endswith(blanks.blank):
        found.append("the template ends with a blank: its end cannot be found")
    if len(blanks.template) == len(starts) * len(blanks.blank):
        found.append("the template has nothing but blanks")
    return found


def grade_blanks(
    blanks: Blanks, response: str, *, official: bool
) -> tuple[float, float, list[str]]:
    """(points, of how many, a line on each blank).

    Args:
        official: to_lower turns a pattern into lower case too.

    Raises:
        Fault: the template and its targets do not fit, or a pattern or condition fails.
    """
    if wrong := faults(blanks):
        raise patterns.Fault("; ".join(wrong))
    total = sum(target.weight for target in blanks.targets)
    rate, fills = fill(blanks, response)
    if rate < MIN_RATE:
        return 0.0, total, [f"unmatched: match rate too low - {rate}"] * len(fills)
    score = 0.0
    details: list[str] = []
    for target, said in zip(blanks.targets, fills, strict=True):
        hit = _first_match(target, said, details, official)
        shown = hit or target.alternatives[0] if target.alternatives else Alternative("")
        word = "matched" if hit else "unmatched"
        details.append(f"{word}: response string: {said}, ans: {shown.text}")
        score += target.weight if hit else 0.0
    return score, total, details


def fill(blanks: Blanks, response: str) -> tuple[float, list[str]]:
    """(share of the template's own characters found, what stands in each blank)."""
    text = blanks.prefix + response or " "
    template, said = alignment.codes(blanks.template), alignment.codes(text)
    length, links = alignment.align(template, said)
    starts, size = blanks.starts, len(blanks.blank)
    rate = int(length) / (len(template) - len(starts) * size)
    if rate < MIN_RATE:
        return rate, [""] * len(starts)
    places = alignment.trace(template, said, links)
    fills = []
    for start in starts:
        begin = places[start - 1] + 1 if start else places[0]
        fills.append(text[begin : places[start + size]].strip(blanks.escape))
    return rate, fills


def _first_match(
    target: Target, said: str, details: Sequence[str], official: bool
) -> Alternative | None:
    for one in target.alternatives:
        if _matches(one, target, said, official) and _allowed(one, said, details):
            return one
    return None


def _matches(one: Alternative, target: Target, said: str, official: bool) -> bool:
    if one.regex and target.to_lower and not official:
        return patterns.found(one.text, said, whole=not target.substr_match, ignore_case=True)
    wanted, said = (one.text.lower(), said.lower()) if target.to_lower else (one.text, said)
    if one.regex:
        return patterns.found(wanted, said, whole=not target.substr_match)
    return wanted in said if target.substr_match else wanted == said


def _allowed(one: Alternative, said: str, details: Sequence[str]) -> bool:
    if one.cond is None:
        return True
    names = {
        "grading_details": list(details),
        "ans_str": one.text,
        "ans_re": one.text,
        "response_str": said,
    }
    try:
        return one.cond.holds(names)
    except (IndexError, TypeError, KeyError) as error:
        raise patterns.Fault(f"{type(error).__name__} in cond {one.cond.text!r}") from error


def patterns_of(blanks: Blanks) -> list[str]:
    """All regular expressions of the targets, for the validator."""
    return [one.text for target in blanks.targets for one in target.alternatives if one.regex]

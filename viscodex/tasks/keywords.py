"""InfiBench's keywords: phrases and patterns that a good answer has, or must not have.

in:  rules as a case file has them, a response
out: points, of how many, and which rule matched
not covered: reading case files (cases.py), the score of a case (grading.py)

    rule    text, or {content: text or clause, weight, to_lower, neg}
    clause  {or: [...]} | {and: [...]} | {content: ...}, with regex (inherited) and cond
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viscodex.tasks import patterns
from viscodex.tasks.condition import Condition, read_condition

NAMES = ("ans", "context")
"""What a cond may use: the response; match or unmatch of each rule before."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A phrase, or clauses of which any or all must hold."""

    text: str = ""
    any: tuple[Clause, ...] | None = None
    all: tuple[Clause, ...] | None = None
    regex: bool = False
    lower: bool = False  # to_lower inside of the clause; the official grader ignores it
    cond: Condition | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A clause and its points."""

    clause: Clause
    weight: float = 1.0
    to_lower: bool = False
    neg: bool = False  # a match costs the weight; no match gives nothing


def read_rule(data: Any) -> Rule:
    """One entry of `keywords`.

    Raises:
        ValueError: it is no rule.
    """
    if isinstance(data, str):
        return Rule(Clause(data))
    if not isinstance(data, Mapping) or "content" not in data:
        raise ValueError(f"a keyword is text or a mapping with content, not {data!r:.80}")
    content = data["content"]
    return Rule(
        read_clause(content),
        weight=float(data.get("weight", 1.0)),
        to_lower=bool(data.get("to_lower", False)),
        neg=bool(data.get("neg", False)),
    )


def read_clause(data: Any, regex: bool = False) -> Clause:
    """A clause; `or` is looked for first, then `and`, then `content`; the others are ignored.

    Raises:
        ValueError: it is no clause, or its cond is not allowed.
    """
    if isinstance(data, str):
        return Clause(data, regex=regex)
    if not isinstance(data, Mapping):
        raise ValueError(f"a clause is text or a mapping, not {data!r:.80}")
    regex = bool(data.get("regex", regex))
    lower = bool(data.get("to_lower", False))
    cond = read_condition(str(data["cond"]), NAMES) if "cond" in data else None
    if "or" in data:
        return Clause(any=_clauses(data["or"], regex), lower=lower, cond=cond)
    if "and" in data:
        return Clause(all=_clauses(data["and"], regex), lower=lower, cond=cond)
    if "content" in data:
        return Clause(all=(read_clause(data["content"], regex),), lower=lower, cond=cond)
    raise ValueError("a clause needs one of or, and, content")


def _clauses(data: Any, regex: bool) -> tuple[Clause, ...]:
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise ValueError(f"or and and take lists, not {data!r:.80}")
    return tuple(read_clause(one, regex) for one in data)


def grade_keywords(
    rules: Sequence[Rule], response: str, *, official: bool
) -> tuple[float, float, list[str]]:
    """(points, of how many, match or unmatch of each rule).

    Args:
        official: as InfiBench's grader: to_lower turns a pattern into lower case too (so that \\S
            becomes \\s), and counts nothing inside of clauses.

    Raises:
        Fault: a pattern or a condition fails.
    """
    score = total = 0.0
    context: list[str] = []
    for rule in rules:
        hit = _holds(rule.clause, response, rule.to_lower, context, official)
        if hit:
            score += -rule.weight if rule.neg else rule.weight
        if not rule.neg:
            total += rule.weight
        context.append("match" if hit else "unmatch")
    return score, total, context


def _holds(clause: Clause, response: str, lower: bool, context: list[str], official: bool) -> bool:
    lower = lower or (clause.lower and not official)
    if clause.any is not None:
        hit = any(_holds(one, response, lower, context, official) for one in clause.any)
    elif clause.all is not None:
        hit = all(_holds(one, response, lower, context, official) for one in clause.all)
    else:
        hit = _says(clause, response, lower, official)
    if hit and clause.cond is not None:
        try:
            return clause.cond.holds({"ans": response, "context": context})
        except (IndexError, TypeError, KeyError) as error:
            raise patterns.Fault(f"{type(error).__name__} in cond {clause.cond.text!r}") from error
    return hit


def _says(clause: Clause, response: str, lower: bool, official: bool) -> bool:
    if not clause.regex:
        return (clause.text.lower() in response.lower()) if lower else clause.text in response
    if lower and official:
        return patterns.found(clause.text.lower(), response.lower())
    return patterns.found(clause.text, response, ignore_case=lower)


def patterns_of(clause: Clause) -> list[str]:
    """All regular expressions in a clause, for the validator."""
    inner = [*(clause.any or ()), *(clause.all or ())]
    own = [clause.text] if clause.regex and clause.text else []
    return own + [pattern for one in inner for pattern in patterns_of(one)]

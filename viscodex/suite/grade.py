"""Grading rules for a draft, as a teacher proposes them and its own answers bear them out.

in:  a draft case with question, reference and wrong answer; a Teacher
out: `grading` of the case as YAML; notes for the expert on what was thrown away
not covered: what an expert makes of it (review.py)

What the reference answer does not meet is no rule: keywords that are not in it, tests that it fails
or that an empty answer passes are left out, each with a note. Tests run in the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from viscodex.data.teacher import Teacher, object_of
from viscodex.execute.program import LANGUAGES
from viscodex.suite.ask import PROMPTS, labelled
from viscodex.suite.drafts import DraftCase
from viscodex.suite.layout import to_yaml
from viscodex.suite.mapping import read_case
from viscodex.suite.trial import try_response
from viscodex.tasks import patterns
from viscodex.tasks.cases import CaseError
from viscodex.tasks.keywords import grade_keywords, patterns_of, read_rule
from viscodex.tasks.patterns import Fault

MOST_RULES, MOST_TESTS = 8, 4
_RULE = {"content", "weight", "to_lower", "neg"}
JUDGE = {"rubric": "correctness_completeness"}


def propose(
    teacher: Teacher,
    draft: DraftCase,
    pictures: Sequence[bytes],
    folder: Path,
    **where: Any,
) -> dict[str, Any]:
    """The grading of a draft.

    Args:
        folder: of the drafts.
        where: tier, allow_unsafe of the unit tests.

    Returns:
        grading: YAML; notes; meta of the reply.

    Raises:
        Unfit: as the reply is unfit.
    """
    slots = {
        "runnable": ", ".join(LANGUAGES),
        "question": draft.prompt,
        "reference": draft.reference,
        "wrong": draft.wrong,
        "lang": draft.lang,
    }
    reply = teacher.ask(PROMPTS["rules"], slots, labelled(pictures))
    found, notes = object_of(reply), list[str]()
    grading: dict[str, Any] = {}
    if rules := _keywords(found.get("keywords"), draft, notes):
        grading["keywords"] = rules
    if tests := _tests(found.get("unit_test"), draft, folder, notes, where):
        grading["unit_test"] = tests
    if found.get("judge") is True or not grading:
        if not grading:
            notes.append("no rule and no test held: graded by the judge alone")
        grading["judge"] = dict(JUDGE)
    return {"grading": to_yaml(grading), "notes": notes, "meta": reply.meta()}


# --- keywords -------------------------------------------------------------------------------------


def _keywords(found: Any, draft: DraftCase, notes: list[str]) -> list[Any]:
    """The rules that the reference answer meets."""
    if not isinstance(found, list):
        return []
    kept = []
    for one in found[:MOST_RULES]:
        why = _fault(one, draft)
        if why:
            notes.append(f"keyword left out, {why}: {str(one)[:200]}")
        else:
            kept.append(one)
    if not any(isinstance(one, str) or not one.get("neg") for one in kept):
        return []
    return kept


def _fault(one: Any, draft: DraftCase) -> str:
    """What is wrong with a rule; empty: nothing."""
    if isinstance(one, Mapping) and not set(one) <= _RULE:
        return "it has other keys"
    try:
        rule = read_rule(one)
        for pattern in patterns_of(rule.clause):
            patterns.check(pattern)
        hit, in_nothing = (
            grade_keywords([rule], text, official=False)[2] == ["match"]
            for text in (draft.reference, "")
        )
    except (ValueError, TypeError, RecursionError, Fault) as error:
        return " ".join(str(error).split())[:120]
    if in_nothing:
        return "an empty answer meets it"
    if rule.neg:
        return "the reference answer has it" if hit else ""
    return "" if hit else "the reference answer does not meet it"


# --- unit tests -----------------------------------------------------------------------------------


def _tests(
    found: Any, draft: DraftCase, folder: Path, notes: list[str], where: dict[str, Any]
) -> dict[str, Any] | None:
    """The tests that the reference answer passes and an empty one fails."""
    if not isinstance(found, Mapping):
        return None
    lang, tests = str(found.get("lang", "")).lower(), found.get("tests")
    sources = [t for t in tests if isinstance(t, str)] if isinstance(tests, list) else []
    if lang not in LANGUAGES or not sources:
        notes.append(f"unit tests left out: no tests in a language that can be run ({lang[:20]})")
        return None
    spec = {"lang": lang, "tests": [{"content": source} for source in sources[:MOST_TESTS]]}
    passed = _passed(spec, draft, draft.reference, folder, where)
    if passed is None:
        notes.append(f"unit tests not tried: this machine cannot run {lang}")
        return spec
    empty = _passed(spec, draft, "", folder, where) or []
    kept = []
    for number, test in enumerate(spec["tests"]):
        if passed[number] is not True:
            notes.append(f"unit test {number + 1} left out, the reference answer fails it")
        elif empty[number : number + 1] == [True]:
            notes.append(f"unit test {number + 1} left out, an empty answer passes it")
        else:
            kept.append(test)
    return {"lang": lang, "tests": kept} if kept else None


def _passed(
    spec: dict[str, Any], draft: DraftCase, response: str, folder: Path, where: dict[str, Any]
) -> list[bool] | None:
    """Which tests a response passes; None where this machine cannot run them."""
    tried = replace(draft, grading=to_yaml({"unit_test": spec}))
    try:
        case = read_case(tried, folder)
    except CaseError:
        return [False] * len(spec["tests"])
    verdict = try_response(case, response, **where)
    if verdict.missing:
        return None
    found = verdict.detail.get("unit_test") or [{"passed": False}] * len(spec["tests"])
    return [bool(one["passed"]) for one in found]

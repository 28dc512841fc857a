"""What the review page asks of a draft: is it a case, does it hold, what does the judge say.

in:  a DraftCase and changes to it that are not saved yet
out: verdicts as JSON data; the changes as drafts.py takes them; Refused with the reasons
not covered: HTTP (review.py), keeping changes (drafts.py)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from viscodex.suite.drafts import DraftCase, checked_changes
from viscodex.suite.mapping import read_case, read_grading
from viscodex.suite.recorded import RecordedMark, mark_of, recorded_judge
from viscodex.suite.trial import Verdict, item_of, three_ways, try_response
from viscodex.tasks.cases import Case, CaseError
from viscodex.tasks.questions import response_question
from viscodex.tasks.task import Judge, Mark, ProtocolName, Question
from viscodex.types import Answer, Completion


class Refused(Exception):
    """A decision that the case does not bear.

    Attributes:
        problems: why, one line each.
        verdicts: JSON data, where it was tried.
    """

    def __init__(self, problems: list[str], verdicts: list[dict[str, Any]] | None = None) -> None:
        self.problems, self.verdicts = problems, verdicts or []
        super().__init__("; ".join(problems))


class Assessor:
    """Tries drafts.

    Args:
        folder: of the drafts.
        judge: asked for marks that are not recorded; None: only the recorded ones.
        where: seconds, tier, allow_unsafe of the unit tests.
    """

    def __init__(self, folder: Path, judge: Judge | None, where: Mapping[str, Any]) -> None:
        self.folder, self.judge, self.where = folder, judge, dict(where)
        self.judge_name = judge.identity if judge else ""

    def prepared(
        self, draft: DraftCase, revision: int, reviewer: str, changes: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The changes as Drafts.change takes them; to accept, the case must hold.

        Marks may be given as {reference: {correctness, completeness}}: then they are the reviewer's.

        Raises:
            Refused: it is to be accepted and does not hold, or rejected without a word why.
            ValueError: a change that cannot be.
        """
        made, wanted = self._changed(draft, changes, reviewer)
        if draft.revision != revision:  # refused for that, before anything is tried
            return wanted
        if made.status == "rejected" and not made.note.strip():
            raise Refused(["Say in the note why the case is rejected."])
        if made.status == "accepted":
            verdicts = self._verdicts(made)
            problems = [v.reason for v in verdicts if not v.holds and not v.missing]
            if problems:
                raise Refused(problems, [self._told(made, verdict) for verdict in verdicts])
        return wanted

    def trial(self, draft: DraftCase, changes: Mapping[str, Any], own: str) -> dict[str, Any]:
        """The verdicts on reference, wrong and empty, and on a response of the reviewer's.

        Raises:
            ValueError: a change that cannot be.
        """
        made, _ = self._changed(draft, changes, "trial")
        try:
            verdicts = list(self._verdicts(made))
            if own.strip():
                case = read_case(made, self.folder)
                verdicts.append(try_response(case, own, judge=self._judge(made), **self.where))
        except Refused as error:
            return {"problems": error.problems, "verdicts": []}
        problems = [v.reason for v in verdicts if not v.holds]
        return {"problems": problems, "verdicts": [self._told(made, v) for v in verdicts]}

    def asked(self, draft: DraftCase, changes: Mapping[str, Any], answer: str) -> dict[str, Any]:
        """The mark of the judge for the reference or the wrong answer, as drafts keep it.

        Raises:
            Refused: there is no judge, the case asks for none, or it gave no mark.
        """
        if self.judge is None:
            raise Refused(["There is no judge: start the page with --judge, or mark it yourself."])
        if answer not in ("reference", "wrong"):
            raise ValueError("answer: reference or wrong")
        made, _ = self._changed(draft, changes, "trial")
        case = self._case(made)
        if case.grading.judge is None:
            raise Refused(["The grading has no `judge`."])
        response = made.reference if answer == "reference" else made.wrong
        given = Answer(case.id, Completion(response, "stop"))
        said = self.judge.mark(response_question(item_of(case), given, case, response), "strict")
        if not said.points:
            raise Refused([f"The judge gave no mark: {said.reason}"])
        correctness, completeness = (int(said.points[n]) for n in ("correctness", "completeness"))
        mark = mark_of(
            made.id, answer, response, correctness, completeness, by=self.judge_name, why=""
        )
        return asdict(mark)

    # .. parts

    def _changed(
        self, draft: DraftCase, changes: Mapping[str, Any], reviewer: str
    ) -> tuple[DraftCase, dict[str, Any]]:
        marks = changes.get("marks")
        plain = checked_changes({k: v for k, v in changes.items() if k != "marks"})
        made = replace(draft, **plain)
        if marks is not None:
            plain["marks"] = _own_marks(made, marks, reviewer)
            made = replace(made, marks=plain["marks"])
        return made, plain

    def _case(self, draft: DraftCase) -> Case:
        try:
            return read_case(draft, self.folder)
        except CaseError as error:
            raise Refused([str(error)]) from error

    def _judge(self, draft: DraftCase) -> Judge:
        recorded = recorded_judge(draft.marks.values())
        return recorded if self.judge is None else _Either(recorded, self.judge)

    def _verdicts(self, draft: DraftCase) -> tuple[Verdict, ...]:
        responses = {"reference": draft.reference, "wrong": draft.wrong}
        judge = recorded_judge(draft.marks.values())
        return three_ways(self._case(draft), responses, judge=judge, **self.where)

    def _told(self, draft: DraftCase, verdict: Verdict) -> dict[str, Any]:
        """A verdict as JSON data: NaN is null, rules stand beside what became of them."""
        return {
            "answer": verdict.answer,
            "score": None if math.isnan(verdict.score) else verdict.score,
            "holds": verdict.holds,
            "missing": verdict.missing,
            "reason": verdict.reason,
            "values": {k: None if math.isnan(v) else v for k, v in verdict.values.items()},
            "lines": _lines(read_grading(draft.grading), verdict.detail),
        }


class _Either:
    """The recorded judge, and where it knows nothing a live one."""

    def __init__(self, recorded: Judge, live: Judge) -> None:
        self._recorded, self._live = recorded, live
        self.settings: dict[str, Any] = live.settings

    @property
    def identity(self) -> str:
        """Of the live one."""
        return self._live.identity

    def mark(self, question: Question, protocol: ProtocolName) -> Mark:
        """See task.Judge."""
        said = self._recorded.mark(question, protocol)
        return said if said.points else self._live.mark(question, protocol)


def _own_marks(draft: DraftCase, marks: Any, reviewer: str) -> dict[str, RecordedMark]:
    """Marks as kept: whole ones as they are, numbers of the reviewer made whole."""
    if not isinstance(marks, Mapping):
        raise ValueError("marks: a mapping of reference and wrong is needed")
    made = {}
    for answer, given in marks.items():
        if isinstance(given, Mapping) and set(given) == {"correctness", "completeness"}:
            first, second = given["correctness"], given["completeness"]
            if not all(isinstance(n, int) and not isinstance(n, bool) for n in (first, second)):
                raise ValueError(f"marks.{answer}: two whole numbers of 0 to 50 are needed")
            response = draft.reference if answer == "reference" else draft.wrong
            made[answer] = asdict(
                mark_of(draft.id, answer, response, first, second, reviewer, "by an expert")
            )
        else:
            made[answer] = given
    kept: dict[str, RecordedMark] = checked_changes({"marks": made})["marks"]
    return kept


def _lines(grading: Mapping[str, Any], detail: Mapping[str, Any]) -> list[list[str]]:
    """What became of each rule and test: (sign, text)."""
    lines: list[list[str]] = []
    rules = [r for r in grading.get("keywords") or () if not _is_handler(r)]
    for rule, became in zip(rules, detail.get("keywords") or (), strict=False):
        text = rule if isinstance(rule, str) else json.dumps(rule, ensure_ascii=False, default=str)
        neg = isinstance(rule, Mapping) and bool(rule.get("neg"))
        sign = "+" if (became == "match") != neg else "-"
        lines.append([sign, f"{'forbidden' if neg else 'keyword'} {text}"])
    for number, test in enumerate(detail.get("unit_test") or (), 1):
        why = f": {test['reason']}" if test.get("reason") else ""
        lines.append(["+" if test["passed"] else "-", f"unit test {number}{why}"])
    judged = detail.get("judge")
    if isinstance(judged, Mapping) and judged.get("points"):
        points = ", ".join(f"{name} {value:g} of 50" for name, value in judged["points"].items())
        lines.append(["", f"judge {judged.get('judge', '')}: {points}"])
    for line in detail.get("blank_filling") or ():
        lines.append(["+" if str(line).startswith("match") else "-", f"blank {line}"])
    return lines


def _is_handler(rule: Any) -> bool:
    return isinstance(rule, Mapping) and "post_handler" in rule

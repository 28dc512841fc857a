"""InfiBench's own files, unchanged, and InfiBench-V: free-form questions with rules, tests, a judge.

in:  a suite of case files, recorded answers
out: the score of each case; totals by area, language, type and metric
not covered: grading one response (grading.py), reading one case (cases.py), the judge (judge.py)

InfiBench under `paper` is graded as the official grader does, faults included: a case on which it
fails leaves numerator and denominator. Under `strict`, and always for InfiBench-V, of which no
official grader is public, a fault counts 0 and is listed, patterns ignore case by a flag, clauses mean
what they say, unfenced code is code, and a program must prove that it came to its end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viscodex.errors import BadDataset
from viscodex.execute import runtime
from viscodex.execute.sandbox import isolation
from viscodex.tasks.cases import Case
from viscodex.tasks.grading import MAX_RESPONSE, Grade, grade, reduce, share
from viscodex.tasks.handlers import Handler
from viscodex.tasks.patterns import Fault
from viscodex.tasks.questions import agreement, response_question, response_value
from viscodex.tasks.suite import STEPS, InfiItem, read_suite
from viscodex.tasks.task import Benchmark, Item, Judge, Picture, ProtocolName, Question
from viscodex.tasks.totals import CasePoints, totals
from viscodex.types import Answer, Message, Score

SYSTEM = (
    "You are a professional assistant for programmers. By default, questions and answers are in "
    "Markdown format."
)
BRIEF = " You are chatting with programmers, so please answer as briefly as possible."
"""Added by InfiBench where similarity is the only metric."""


class InfiBench:
    """InfiBench, 234 questions in 15 languages; arXiv 2404.07940."""

    name = "infibench"
    language = ""
    headline: tuple[str, ...] = ("score",)
    options: tuple[str, ...] = ("judge",)
    visual = False
    default_reduce = "avg_max_10"

    def __init__(self, handlers: Mapping[str, Handler] | None = None) -> None:
        self.handlers = dict(handlers or {})

    def read(self, place: Path, split: str = "") -> Benchmark:
        """The cases of a suite file, a folder or an archive; `split` picks one of several suites."""
        suite = read_suite(place, split, visual=self.visual, handlers=self.handlers)
        if self.visual and suite.broken:
            lines = [f"{name}: {why}" for name, why in suite.broken.items()]
            raise BadDataset(f"{len(lines)} cases are broken", "\n".join(lines[:50]), STEPS)
        items = tuple(self._item(key, data) for key, data in suite.items.items())
        notes = tuple(f"{name}: {why}" for name, why in suite.broken.items())
        settings = {
            "split": split,
            "version": suite.version,
            "reduce": suite.reduce or self.default_reduce,
        }
        return Benchmark(self.name, items, str(place), suite.revision, notes, settings)

    def scorer(
        self, benchmark: Benchmark, *, protocols: Sequence[ProtocolName] = ("paper",), **how: Any
    ) -> InfiScorer:
        """Ready to score."""
        return InfiScorer(protocols, visual=self.visual, **how)

    def values(self, item: Item, scores: Sequence[Score]) -> dict[str, float]:
        """Score and metrics of a case, reduced over its answers; NaN where one of them is."""
        data: InfiItem = item.data
        mode = data.reduce or self.default_reduce
        names = dict.fromkeys(name for score in scores for name in score.values)
        values = {}
        for name in names:
            each = [score.values.get(name, math.nan) for score in scores]
            unknown = any(math.isnan(value) for value in each)
            values[name] = math.nan if unknown else reduce(mode, each)[0]
        return values

    def totals(
        self, benchmark: Benchmark, rows: Mapping[str, Sequence[Score]], protocol: ProtocolName
    ) -> dict[str, Any]:
        """Points, deviation and full score: overall, by language, type, area and metric."""
        cases = []
        for item in benchmark.items:
            case = item.data.case(protocol)
            scores = rows.get(item.id, ())
            if case is None or (scores and not all("points" in s.detail for s in scores)):
                continue  # as the official tool: what could not be graded leaves the table
            points = tuple(
                {
                    name: (float(got), float(of))
                    for name, (got, of) in score.detail["points"].items()
                }
                for score in scores
            ) or ({"null": (case.null_score, case.full_score)},)
            limits = case.grading
            cases.append(
                CasePoints(
                    case.lang, case.type, points, case.full_score,
                    limits.max_score, limits.min_score, case.area,
                )
            )  # fmt: skip
        mode = benchmark.settings["reduce"]
        most = max((len(case.points) for case in cases), default=1)
        size = {"avg": 1, "max": most, "min": most}.get(mode) or int(mode.rpartition("_")[2])
        return {**totals(cases, size), **_judging([s for scores in rows.values() for s in scores])}

    def question(self, item: Item, answer: Answer) -> Question | None:
        """What a judge will be asked of this answer, for an estimate; None: nothing."""
        case = item.data.strict or item.data.paper
        text = answer.completion.text[:MAX_RESPONSE]
        if case is None or case.grading.judge is None or not text.strip():
            return None
        return response_question(item, answer, case, text)

    def _item(self, key: str, data: InfiItem) -> Item:
        case = data.strict or data.paper
        if case is None:
            return Item(key, (Message("user", ""),), (), data)
        brief = case.grading.metrics == ("similarity",)
        system = {"": SYSTEM, "default": SYSTEM, "brief": SYSTEM + BRIEF}.get(
            case.system, case.system
        )
        if not case.system and brief and not self.visual:
            system += BRIEF
        prompt = Message("system", system), Message("user", _marked(case))
        groups = {"lang": case.lang, "type": case.type, "area": case.area}
        return Item(
            id=key,
            prompt=prompt,
            images=tuple(Picture(image.path) for image in case.images),
            data=data,
            groups={kind: (name,) for kind, name in groups.items() if name},
            metrics=("score", *(_counted_as(case, name) for name in case.grading.metrics)),
        )


class InfiBenchV(InfiBench):
    """InfiBench-V in our format infibench-v/1: the questions of the paper are not public."""

    name = "infibench_v"
    visual = True
    default_reduce = "avg"
    protocols: tuple[ProtocolName, ...] = ("strict",)  # no official grader is public


def _marked(case: Case) -> str:
    """The prompt with our marks where it says <image k>; pictures that it does not name come first."""
    text = case.prompt
    unnamed = 0
    for k in range(1, len(case.images) + 1):
        mark = f"<image {k}>"
        if mark in text:
            text = text.replace(mark, "<image>", 1).replace(mark, f"image {k}")
        else:
            unnamed += 1
    return "<image>\n" * unnamed + text


class InfiScorer:
    """Grades responses.

    Args:
        protocols: what to score.
        visual: InfiBench-V, which has no official grader.
        judge: for cases that need one; without it they are NaN.
        seconds: factor on the limits of unit tests.
        runtime_name: whose Python runs unit tests under `paper`, for the libraries of the time;
            the own interpreter where it is not installed, and under `strict`.
        tier, allow_unsafe: of the isolation.
    """

    def __init__(
        self,
        protocols: Sequence[ProtocolName] = ("paper",),
        *,
        visual: bool = False,
        judge: Judge | None = None,
        seconds: float = 1.0,
        runtime_name: str = "chartmimic",
        tier: str | None = None,
        allow_unsafe: bool = False,
        **_: object,
    ) -> None:
        self.protocols, self.judge, self.seconds, self.visual = (
            tuple(protocols),
            judge,
            seconds,
            visual,
        )
        self.where: dict[str, Any] = {"tier": tier, "allow_unsafe": allow_unsafe}
        found = runtime.installed().get(runtime_name)
        self.python = str(found.python) if found else None
        self.settings: dict[str, Any] = {
            "tier": tier or isolation().tier,
            "limit_factor": seconds,
            "unit_test_python": dict(found.stamp) if found else "own",
            "judge": judge.settings if judge else "none: cases that need one are unscored",
        }

    def __enter__(self) -> InfiScorer:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        """One Score for each protocol."""
        return tuple(self._score(item, answer, name) for name in self.protocols)

    def _score(self, item: Item, answer: Answer, protocol: ProtocolName) -> Score:
        data: InfiItem = item.data
        case = data.case(protocol)
        official = protocol == "paper" and not self.visual

        def told(values: dict[str, float], reason: str, status: str, **detail: Any) -> Score:
            return Score(
                item.id, values, reason, status, answer.problem, answer.notes, answer.attempt,
                protocol, detail=detail,
            )  # fmt: skip

        if case is None:
            return told({"score": math.nan}, f"broken case: {data.reason}", "unscored")

        judged: dict[str, Any] = {}

        def mark(case: Case, response: str) -> tuple[float, str]:
            if not response.strip():
                return 0.0, ""
            if self.judge is None or case.grading.judge is None:
                return math.nan, "no judge is given"
            said = self.judge.mark(response_question(item, answer, case, response), protocol)
            judged["judge"] = said.detail
            return response_value(said, case.grading.judge), said.reason

        where = {**self.where, "python": self.python} if official and self.python else self.where
        try:
            found = grade(
                case,
                answer.completion.text,
                official=official,
                mark=mark,
                seconds=self.seconds,
                **where,
            )
        except Fault as fault:  # the official grader drops the case; ours counts it as failed
            if official:
                return told({"score": math.nan}, f"the grader fails: {fault}", "unscored")
            points = dict.fromkeys(case.grading.metrics, (0.0, 1.0))
            return told({"score": 0.0}, f"the grader fails: {fault}", "error", points=points)
        return told(
            _values(case, found),
            found.reason,
            "unscored" if math.isnan(found.score) else found.status,
            **({} if math.isnan(found.score) else {"points": found.points}),
            **found.detail,
            **judged,
        )


def _judging(scores: Sequence[Score]) -> dict[str, Any]:
    """What became of judging, and how it goes with the rules of the same cases."""
    details = [score.detail["judge"] for score in scores if "judge" in score.detail]
    if not details:
        return {}
    asked = [s.values for s in scores if s.detail.get("judge", {}).get("points")]
    rules = dict.fromkeys(name for row in asked for name in row if name not in ("score", "judge"))
    counts = {"marked": len(asked), "without_mark": len(details) - len(asked)}
    return {"judge": {**counts, "agreement": agreement(asked, "judge", list(rules))}}


def _values(case: Case, found: Grade) -> dict[str, float]:
    values = {"score": found.score / case.full_score if case.full_score else 0.0}
    for name, (got, of) in found.points.items():
        values[_counted_as(case, name)] = share(got, of)
    return values


def _counted_as(case: Case, name: str) -> str:
    return case.grading.customized_as if name == "customized" else name

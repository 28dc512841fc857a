"""The algorithm source: small problems in words or about a picture, with tests that bite.

in:  a seed and an index
out: drafts, their evidence, the samples told of them; the filters with named thresholds
not covered: the problems (see TEMPLATES), the forms of a program (problem.py)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from viscodex.data.draft import Draft, Evidence, Filter, Finding, Machine
from viscodex.data.problems.catalogue import PICTURES, TEMPLATES
from viscodex.data.problems.draw import draw_for
from viscodex.data.problems.mutate import counted, mutants
from viscodex.data.problems.pixels import ink
from viscodex.data.problems.problem import (
    Problem,
    header,
    input_format,
    signature_of,
    stdin_text,
    stdio_program,
)
from viscodex.data.problems.trial import Trial, read_trial, trial_script
from viscodex.data.problems.wording import answer_text, inverse_text, question_text
from viscodex.data.settings import settings_of
from viscodex.execute.program import judge_calls, judge_stdio, same_output, same_value
from viscodex.types import Category, Execution, Message, Sample

DEFAULTS: dict[str, Any] = {
    "pictures": 0.35,  # share of drafts whose data stands in a picture
    "stdio": 0.5,  # share of programs on standard input; the others are functions
    "inverse": 0.15,  # share of pictures that are also asked to be read
    "mutants": 8,  # tried for each draft
    "min_killed": 0.5,  # share of the mutants that the tests must notice
    "min_tests": 8,
    "min_distinct_outputs": 2,
    "max_statement_chars": 4000,
    "min_ink": 0.01,  # share of a picture's pixels that are not its background
    "kinds": (),  # names of templates; empty: all
}


class ProblemSource:
    """Algorithm problems with a reference solution and MMCode's tests.

    Args:
        seed: of everything that is drawn.
        settings: see DEFAULTS; unknown names are refused.

    Raises:
        BadRecipe: a setting that there is not, or a kind that there is not.
    """

    name = "algorithm"
    category: Category = "algorithm"

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.seed = seed
        known = (*TEMPLATES, *PICTURES)
        self.settings: Mapping[str, Any] = settings_of(self.name, seed, settings, DEFAULTS, known)
        kinds = list(self.settings["kinds"])
        self._words = [k for k in TEMPLATES if not kinds or k in kinds]
        self._pictures = [k for k in PICTURES if not kinds or k in kinds]
        self.filters = _filters(self.settings)

    def draft(self, index: int) -> Draft:
        """A problem, its tests' inputs, and the programs that try them."""
        draw = draw_for(self.seed, self.name, index)
        drawn = draw.flag(self.settings["pictures"]) if self._words else True
        kind = draw.pick(*(self._pictures if drawn and self._pictures else self._words))
        problem = (PICTURES | TEMPLATES)[kind](draw)
        form = "stdio" if draw.flag(self.settings["stdio"]) else "calls"
        form = problem.form or form
        style = draw.randint(0, 1)

        def program(code: str) -> str:
            return stdio_program(code, style) if form == "stdio" else code.strip() + "\n"

        wanted = signature_of(problem.code)
        broken = mutants(problem.code, draw, self.settings["mutants"])
        facts: dict[str, Any] = {
            "ask": problem.ask,
            "idea": problem.idea,
            "limits": list(problem.limits),
            "form": form,
            "fn_name": wanted.name if form == "calls" else None,
            "header": header(problem.code),
            "format": input_format(problem.code),
            "inputs": [
                stdin_text(problem.code, case) if form == "stdio" else case
                for case in problem.cases
            ],
            "brute": program(problem.brute) if problem.brute else "",
            "counted": program(counted(problem.code)),
            "mutants": [program(counted(code)) for code in broken],
            "picture": problem.picture,
            "shown": problem.shown,
            "wording": draw.randrange(1 << 30),
            "inverse": bool(problem.picture) and draw.flag(self.settings["inverse"]),
        }
        facts = json.loads(json.dumps(facts))
        return Draft(
            id=f"{self.name}-{index:07d}",
            category=self.category,
            kind=kind,
            code=program(problem.code),
            language="python",
            difficulty=_difficulty(problem, form),
            seed=self.seed,
            facts=facts,
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """All programs on all inputs, the judge on the reference, and the picture."""
        facts = draft.facts
        programs = [draft.code, facts["counted"], *filter(None, [facts["brute"]])]
        script = trial_script(
            [*programs, *facts["mutants"]], facts["inputs"], facts["fn_name"], len(programs)
        )
        done = machine.charts.run(script, images=False)
        trial = read_trial(done.stdout) if done.status == "ok" else None
        if trial is None:
            return Evidence((_failed(done, "the reference did not run"),))
        errors = [a["error"] for a in trial.answers[0] if "error" in a]
        if errors:
            return Evidence((_failed(done, errors[0]),))
        numbers = _measure(draft, trial)
        tests = tests_of(draft, trial)
        executions = [done]
        images: tuple[bytes, ...] = ()
        if facts["picture"]:
            drawn = machine.charts.run(facts["picture"])
            executions.append(drawn)
            images = drawn.images[:1]
            numbers["ink"] = ink(images[0]) if images else 0.0
            if drawn.status != "ok":
                executions.insert(0, executions.pop())
        numbers["judged"] = float(_judged(draft.code, tests))
        return Evidence(tuple(executions), images, numbers)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The problem; for some pictures also the task to read what it shows."""
        trial = read_trial(evidence.executions[0].stdout)
        assert trial is not None
        tests = tests_of(draft, trial)
        stamp = next((e.stamp for e in evidence.executions[1:] if e.stamp), {})
        meta: dict[str, Any] = {
            "source": "procedural",
            "kind": draft.kind,
            "licence": "CC0-1.0",
            "seed": draft.seed,
            "difficulty": draft.difficulty,
            "form": draft.facts["form"],
            "killed": evidence.numbers["killed"],
            "mutants": evidence.numbers["mutants"],
        }
        if evidence.images:
            meta |= {"render": dict(stamp), "picture_code": draft.facts["picture"]}
        question, answer = question_text(draft, tests), answer_text(draft)
        told = [
            Sample(
                id=draft.id,
                category=self.category,
                messages=(Message("user", question), Message("assistant", answer)),
                images=evidence.images,
                task="code",
                reference=draft.code,
                language="python",
                tests=json.dumps(tests),
                meta=meta,
            )
        ]
        if draft.facts["inverse"] and evidence.images:
            ask, say = inverse_text(draft)
            told.append(
                replace(
                    told[0],
                    id=f"{draft.id}-describe",
                    messages=(Message("user", ask), Message("assistant", say)),
                    task="describe",
                    reference="",
                    language="",
                    tests="",
                )
            )
        return tuple(told)


def tests_of(draft: Draft, trial: Trial) -> dict[str, Any]:
    """MMCode's input_output: inputs, and what the reference gave for them."""
    outputs = [answer["output"] for answer in trial.answers[0]]
    tests: dict[str, Any] = {"inputs": draft.facts["inputs"], "outputs": outputs}
    if draft.facts["fn_name"]:
        tests["fn_name"] = draft.facts["fn_name"]
    return tests


def _difficulty(problem: Problem, form: str) -> float:
    lines = min(len(problem.code.splitlines()), 40)
    return round(min(1.0, 0.6 * problem.difficulty + 0.009 * lines + 0.04 * (form == "stdio")), 2)


def _failed(done: Execution, reason: str) -> Execution:
    status = done.status if done.status != "ok" else "error"
    return replace(done, status=status, reason=done.reason or reason)


def _same(draft: Draft, answer: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if "error" in answer:
        return False
    if draft.facts["form"] == "stdio":
        return same_output(answer["output"], wanted["output"])
    return same_value(answer["output"], wanted["output"])


def _agree(draft: Draft, trial: Trial, number: int) -> bool:
    mine, wanted = trial.answers[number], trial.answers[0]
    return len(mine) == len(wanted) and all(
        _same(draft, a, b) for a, b in zip(mine, wanted, strict=True)
    )


def _measure(draft: Draft, trial: Trial) -> dict[str, float]:
    """Numbers of the trial: agreement, mutants killed, different outputs."""
    first = 2 + bool(draft.facts["brute"])
    alive = sum(_agree(draft, trial, n) for n in range(first, len(trial.answers)))
    tried = len(trial.answers) - first
    return {
        "tests": float(len(draft.facts["inputs"])),
        "agrees": float(all(_agree(draft, trial, n) for n in range(1, first))),
        "mutants": float(tried),
        "killed": (tried - alive) / tried if tried else 0.0,
        "distinct": float(len({json.dumps(a["output"]) for a in trial.answers[0]})),
        "ticks": float(trial.ticks),
    }


def _judged(code: str, tests: dict[str, Any]) -> bool:
    """Whether MMCode's checker, as the benchmark runs it, passes the reference."""
    if "fn_name" in tests:
        return judge_calls(code, tests["fn_name"], tests["inputs"], tests["outputs"]).passed
    pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))
    return judge_stdio(code, pairs, compat=True).passed


def _filters(settings: Mapping[str, Any]) -> tuple[Filter, ...]:
    """In the order in which they are asked."""

    def named(*names: str) -> dict[str, Any]:
        return {name: settings[name] for name in names}

    def brute(draft: Draft, evidence: Evidence) -> Finding | None:
        return (
            None if evidence.numbers["agrees"] else Finding("the brute force gives other outputs")
        )

    def judged(draft: Draft, evidence: Evidence) -> Finding | None:
        return (
            None if evidence.numbers["judged"] else Finding("MMCode's checker fails the reference")
        )

    def at_least(number: str, setting: str, reason: str) -> Any:
        def check(draft: Draft, evidence: Evidence) -> Finding | None:
            value, least = evidence.numbers[number], settings[setting]
            return None if value >= least else Finding(reason, {number: value, setting: least})

        return check

    def killed(draft: Draft, evidence: Evidence) -> Finding | None:
        share, least = evidence.numbers["killed"], settings["min_killed"]
        if share > 0 and share >= least:
            return None
        return Finding("too few mutants fail the tests", {"killed": share, "min_killed": least})

    def length(draft: Draft, evidence: Evidence) -> Finding | None:
        trial = read_trial(evidence.executions[0].stdout)
        size = len(question_text(draft, tests_of(draft, trial))) if trial else 0
        most = settings["max_statement_chars"]
        return None if size <= most else Finding("a long statement", {"chars": size, "max": most})

    def blank(draft: Draft, evidence: Evidence) -> Finding | None:
        if not draft.facts["picture"]:
            return None
        share, least = evidence.numbers["ink"], settings["min_ink"]
        return None if share >= least else Finding("a blank picture", {"ink": share, "min": least})

    return (
        Filter("brute_force", "Reference and an independent solution must agree.", brute),
        Filter("judge", "The benchmark's own checker must pass the reference.", judged),
        Filter("few_tests", "A handful of tests proves little.", at_least("tests", "min_tests", "too few tests"),
               named("min_tests")),
        Filter(
            "constant_output",
            "Tests with one and the same output are passed by a guess.",
            at_least("distinct", "min_distinct_outputs", "the tests have too few different outputs"),
            named("min_distinct_outputs"),
        ),
        Filter("mutation", "Tests must fail on faulty solutions.", killed, named("mutants", "min_killed")),
        Filter("long_statement", "A statement must leave room for the answer.", length, named("max_statement_chars")),
        Filter("blank_picture", "A picture must show something.", blank, named("min_ink")),
    )  # fmt: skip

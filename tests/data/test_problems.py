"""Algorithm problems: every template end to end in the sandbox, filters against bad drafts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from viscodex.data.draft import Draft, Evidence, Finding, Machine
from viscodex.data.problems import ProblemSource
from viscodex.data.problems.catalogue import PICTURES, TEMPLATES
from viscodex.data.problems.draw import Draw, draw_for, fill
from viscodex.data.problems.mutate import counted, mutants
from viscodex.data.problems.pixels import changed, ink, size_px
from viscodex.data.problems.problem import signature_of, stdin_text, stdio_program
from viscodex.errors import BadRecipe
from viscodex.execute.program import judge_calls, judge_stdio


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


def judged(source: ProblemSource, draft: Draft, evidence: Evidence) -> tuple[str, Finding] | None:
    """The first filter that objects."""
    for rule in source.filters:
        if finding := rule.check(draft, evidence):
            return rule.name, finding
    return None


def finding(source: ProblemSource, name: str, draft: Draft, evidence: Evidence) -> Finding | None:
    return {rule.name: rule for rule in source.filters}[name].check(draft, evidence)


def first_good(
    kind: str, machine: Machine, **settings: Any
) -> tuple[ProblemSource, Draft, Evidence]:
    source = ProblemSource(seed=7, kinds=[kind], **settings)
    for index in range(4):  # a template may give a few drafts that its own filters reject
        draft = source.draft(index)
        evidence = source.execute(draft, machine)
        assert all(e.status == "ok" for e in evidence.executions), evidence.executions[0].reason
        if judged(source, draft, evidence) is None:
            return source, draft, evidence
    raise AssertionError(f"four drafts of {kind} were rejected")


def test_there_are_enough_templates() -> None:
    assert len(TEMPLATES) >= 60
    assert len(PICTURES) >= 12
    assert not set(TEMPLATES) & set(PICTURES)


@pytest.mark.parametrize("kind", [*TEMPLATES, *PICTURES])
def test_template_gives_a_verified_sample(kind: str, machine: Machine) -> None:
    source, draft, evidence = first_good(kind, machine, inverse=1.0)
    told = source.tell(draft, evidence)
    sample = told[0]
    tests = json.loads(sample.tests)
    assert sample.id == draft.id and sample.task == "code" and sample.category == "algorithm"
    assert len(tests["inputs"]) == len(tests["outputs"]) >= 8
    assert not re.search(r"\$[a-z]", sample.messages[0].content)
    assert sample.reference.strip() in sample.answer
    assert sample.messages[0].content.count("<image>") == len(sample.images)
    assert sample.meta["licence"] == "CC0-1.0" and sample.meta["source"] == "procedural"
    if kind in PICTURES:
        assert [s.task for s in told] == ["code", "describe"]
        assert min(size_px(sample.images[0])) >= 120 and sample.meta["render"]
        assert told[1].images == sample.images and told[1].answer.count("\n") >= 3
    else:
        assert len(told) == 1 and not sample.images


@pytest.mark.parametrize("kind", ["window", "maze", "drawn_weights"])
def test_the_tests_of_a_sample_pass_the_judge_and_fail_a_wrong_answer(
    kind: str, machine: Machine
) -> None:
    source, draft, evidence = first_good(kind, machine)
    sample = source.tell(draft, evidence)[0]
    tests = json.loads(sample.tests)
    wrong = sample.reference.replace("return ", "return None and ").replace("print(", "print('x', ")
    for code, right in ((sample.reference, True), (wrong, False)):
        if "fn_name" in tests:
            verdict = judge_calls(code, tests["fn_name"], tests["inputs"], tests["outputs"])
        else:
            pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))
            verdict = judge_stdio(code, pairs, compat=True)
        assert verdict.passed is right


def test_the_data_of_a_picture_is_not_in_the_words(machine: Machine) -> None:
    source, draft, evidence = first_good("drawn_numbers", machine)
    question = source.tell(draft, evidence)[0].messages[0].content
    rows = [str(value) for value in draft.facts["shown"]["data"].values()]
    assert rows and not any(row in question for row in rows)


# --- determinism ----------------------------------------------------------------------------------


def test_drafts_are_a_function_of_seed_and_index() -> None:
    one, other = ProblemSource(seed=3), ProblemSource(seed=3)
    drafts = [one.draft(index) for index in range(40)]
    assert [other.draft(index) for index in reversed(range(40))] == drafts[::-1]
    assert ProblemSource(seed=4).draft(0) != drafts[0]
    assert len({draft.kind for draft in drafts}) > 15
    assert json.loads(json.dumps(drafts[0].facts)) == drafts[0].facts


def test_evidence_and_samples_are_equal_when_made_again(machine: Machine) -> None:
    source, draft, evidence = first_good("drawn_tree", machine)
    again = source.execute(draft, machine)
    assert source.tell(draft, again) == source.tell(draft, evidence)


def test_random_streams_differ_by_seed_source_and_index() -> None:
    streams = [
        draw_for(*key).random() for key in ((1, "a", 0), (1, "a", 1), (2, "a", 0), (1, "b", 0))
    ]
    assert len(set(streams)) == 4
    assert draw_for(1, "a", 0).random() == streams[0]


# --- settings -------------------------------------------------------------------------------------


def test_unknown_settings_and_kinds_are_refused() -> None:
    with pytest.raises(BadRecipe, match="mutant_count"):
        ProblemSource(seed=1, mutant_count=3)
    with pytest.raises(BadRecipe, match="no_such_kind"):
        ProblemSource(seed=1, kinds=["no_such_kind"])


def test_shares_are_settings() -> None:
    words = ProblemSource(seed=1, pictures=0.0, stdio=0.0)
    assert {d.facts["form"] for d in map(words.draft, range(30))} == {"calls"}
    assert not any(d.facts["picture"] for d in map(words.draft, range(30)))
    drawn = ProblemSource(seed=1, pictures=1.0)
    assert all(d.facts["picture"] for d in map(drawn.draft, range(10)))


# --- filters --------------------------------------------------------------------------------------


def changed_facts(draft: Draft, **changes: Any) -> Draft:
    return replace(draft, facts={**draft.facts, **changes})


def test_mutation_filter_rejects_a_vacuous_test_set(machine: Machine) -> None:
    source, draft, good = first_good("pipeline", machine, stdio=0.0)
    assert finding(source, "mutation", draft, good) is None
    vacuous = changed_facts(draft, inputs=[[[]]] * 8)
    evidence = source.execute(vacuous, machine)
    found = finding(source, "mutation", vacuous, evidence)
    assert found is not None and found.numbers["killed"] < 0.5
    assert finding(source, "constant_output", vacuous, evidence) is not None


def test_brute_force_filter_rejects_a_reference_that_is_wrong(machine: Machine) -> None:
    source, draft, good = first_good("knapsack", machine, stdio=0.0)
    assert finding(source, "brute_force", draft, good) is None
    name = draft.facts["fn_name"]
    arguments = ", ".join(p for p, _ in signature_of(draft.code).parameters)
    wrong = changed_facts(draft, brute=f"def {name}({arguments}):\n    return 12345\n")
    assert finding(source, "brute_force", wrong, source.execute(wrong, machine)) is not None


def test_judge_filter_rejects_what_only_a_script_can_do(machine: Machine) -> None:
    source, draft, _ = first_good("coins", machine, stdio=1.0)
    code = "seen = 0\n\n\ndef f():\n    global seen\n    seen += 1\n    return seen\n\n\nprint(f() + int(input()))\n"
    bad = replace(changed_facts(draft, counted=code, brute="", mutants=[]), code=code)
    evidence = source.execute(bad, machine)
    assert evidence.executions[0].status == "ok"
    assert finding(source, "judge", bad, evidence) is not None


def test_few_tests_long_statements_and_blank_pictures_are_rejected(machine: Machine) -> None:
    source, draft, good = first_good("drawn_bars", machine)
    few = changed_facts(draft, inputs=draft.facts["inputs"][:3])
    assert finding(source, "few_tests", few, source.execute(few, machine)) is not None
    short = ProblemSource(seed=7, kinds=["drawn_bars"], max_statement_chars=50)
    assert finding(short, "long_statement", draft, good) is not None
    white = "import matplotlib.pyplot as plt\nplt.figure()\nplt.show()\n"
    blank = changed_facts(draft, picture=white)
    assert finding(source, "blank_picture", blank, source.execute(blank, machine)) is not None
    assert judged(source, draft, good) is None


def test_a_reference_that_fails_is_an_execution_with_a_reason(machine: Machine) -> None:
    source, draft, _ = first_good("coins", machine, stdio=0.0)
    broken = replace(draft, code=draft.code.replace("return", "return 1 // 0 +"))
    evidence = source.execute(broken, machine)
    assert evidence.executions[0].status == "error"
    assert "ZeroDivisionError" in evidence.executions[0].reason


def test_an_endless_mutant_is_stopped_and_counts_as_killed(machine: Machine) -> None:
    source, draft, _ = first_good("coins", machine, stdio=0.0)
    endless = counted(draft.code.replace("best =", "while True:\n        pass\n    best ="))
    one = changed_facts(draft, mutants=[endless])
    evidence = source.execute(one, machine)
    assert evidence.executions[0].status == "ok" and evidence.numbers["killed"] == 1.0


# --- parts ----------------------------------------------------------------------------------------

CODE = """
LIMIT = 10


def f(a: list[int], b: str) -> int:
    total = 0
    for x in a:
        if x > 3:
            total += x
    return total
"""


def test_mutants_differ_from_the_code_and_leave_its_data_alone() -> None:
    found = mutants(CODE, Draw("x"), 20)
    assert len(found) == len(set(found)) >= 6
    for text in found:
        ast.parse(text)
        assert "LIMIT = 10" in text and text != ast.unparse(ast.parse(CODE))
    assert mutants(CODE, Draw("x"), 3) == mutants(CODE, Draw("x"), 3)


def test_counted_code_ticks_in_loops_and_functions() -> None:
    assert counted(CODE).count("_tick()") == 2


def test_forms_of_a_program() -> None:
    assert signature_of(CODE).parameters == (("a", "list[int]"), ("b", "str"))
    assert stdin_text(CODE, [[1, 2], "hi"]) == "2\n1 2\nhi\n"
    for style in (0, 1):
        verdict = judge_stdio(
            stdio_program(CODE, style), [("3\n1 5 9\nx\n", "14"), ("0\n\nx\n", "0")]
        )
        assert verdict.passed


def test_fill_keeps_indentation_and_unknown_names() -> None:
    assert fill("if x:\n    $body\n$other", body="a\nb") == "if x:\n    a\n    b\n$other"


def test_measures_of_pixels(machine: Machine) -> None:
    one, other = (
        machine.charts.run(
            f"import matplotlib.pyplot as plt\nplt.bar([1, 2], [1, {h}])\nplt.show()"
        ).image
        for h in (2, 3)
    )
    assert one and other
    assert changed(one, one) == 0.0 < changed(one, other) < 0.5
    assert 0.1 < ink(one) < 0.9

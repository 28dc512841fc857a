"""Questions about pictures: every kind end to end in sandbox and browser, filters, formulas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from viscodex.data.draft import Draft, Evidence, Finding, Machine
from viscodex.data.problems.draw import Draw
from viscodex.data.problems.pixels import size_px
from viscodex.data.questions import QuestionSource, errors, layouts, plots
from viscodex.data.questions.catalogue import TEMPLATES
from viscodex.data.questions.formulas import evaluate
from viscodex.data.questions.screens import THEMES, highlight, notebook_traceback, screen_html
from viscodex.errors import BadRecipe
from viscodex.text import fences


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


def judged(source: QuestionSource, draft: Draft, evidence: Evidence) -> tuple[str, Finding] | None:
    for rule in source.filters:
        if finding := rule.check(draft, evidence):
            return rule.name, finding
    return None


def finding(source: QuestionSource, name: str, draft: Draft, evidence: Evidence) -> Finding | None:
    return {rule.name: rule for rule in source.filters}[name].check(draft, evidence)


def made(kind: str, machine: Machine, index: int = 0) -> tuple[QuestionSource, Draft, Evidence]:
    source = QuestionSource(seed=11, kinds=[kind], inverse=1.0)
    draft = source.draft(index)
    return source, draft, source.execute(draft, machine)


def changed_facts(draft: Draft, **changes: Any) -> Draft:
    return replace(draft, facts={**draft.facts, **changes})


def test_there_are_enough_kinds() -> None:
    assert len(TEMPLATES) >= 14


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("kind", TEMPLATES)
def test_kind_gives_a_verified_sample(kind: str, index: int, machine: Machine) -> None:
    source, draft, evidence = made(kind, machine, index)
    assert all(e.status == "ok" for e in evidence.executions), evidence.executions[0].reason
    assert judged(source, draft, evidence) is None
    told = source.tell(draft, evidence)
    sample = told[0]
    assert sample.id == draft.id and sample.category == "qa" and sample.task == "code"
    assert sample.messages[0].content.count("<image>") == len(sample.images) == 1
    assert "{" not in sample.messages[0].content.split("```")[0].replace("{1", "")
    codes = [fence.code.strip() for fence in fences(sample.answer)]
    assert sample.reference.strip() in codes and sample.answer.split("```")[0].strip()
    assert min(size_px(sample.images[0])) >= 80
    assert sample.meta["licence"] == "CC0-1.0" and sample.meta["render"]
    assert [s.task for s in told[1:]] in ([], ["ocr"])


@pytest.mark.parametrize("bug", errors.BUGS, ids=lambda bug: bug.__name__)
def test_every_bug_fails_and_every_repair_prints_what_is_wanted(bug: Any, machine: Machine) -> None:
    for seed in ("a", "b"):
        made_bug = bug(Draw(seed))
        broken = machine.charts.run(f"{made_bug.head}{made_bug.wrong}{made_bug.tail}")
        fixed = machine.charts.run(f"{made_bug.head}{made_bug.right}{made_bug.tail}")
        assert broken.status == "error" and "Error" in broken.stderr
        assert fixed.status == "ok" and fixed.stdout.split() == made_bug.wanted.split()


@pytest.mark.parametrize("fault", plots.FAULTS, ids=lambda fault: fault.__name__)
def test_every_plot_fault_is_visible_and_repaired(fault: Any, machine: Machine) -> None:
    one = fault(Draw("plot"))
    pictures = [
        machine.charts.run(f"{one.head}{part}{one.tail}").image
        for part in (one.wrong, one.right, one.wanted)
    ]
    assert all(pictures)
    assert pictures[1] == pictures[2] != pictures[0]


def test_every_layout_flaw_is_drawn_by_some_seed() -> None:
    causes = {layouts.broken_layout(Draw(f"layout/{k}")).prose for k in range(80)}
    assert len(causes) == len(layouts.FLAWS)


# --- determinism and settings ---------------------------------------------------------------------


def test_drafts_are_a_function_of_seed_and_index() -> None:
    one, other = QuestionSource(seed=3), QuestionSource(seed=3)
    drafts = [one.draft(index) for index in range(60)]
    assert [other.draft(index) for index in reversed(range(60))] == drafts[::-1]
    assert QuestionSource(seed=4).draft(0) != drafts[0]
    assert len({draft.kind for draft in drafts}) > 12
    assert json.loads(json.dumps(drafts[0].facts)) == drafts[0].facts


def test_samples_are_equal_when_made_again(machine: Machine) -> None:
    source, draft, evidence = made("error_notebook", machine)
    assert source.tell(draft, source.execute(draft, machine)) == source.tell(draft, evidence)


def test_unknown_settings_and_kinds_are_refused() -> None:
    with pytest.raises(BadRecipe, match="colour"):
        QuestionSource(seed=1, colour="red")
    with pytest.raises(BadRecipe, match="no_such_kind"):
        QuestionSource(seed=1, kinds=["no_such_kind"])


# --- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["error_terminal", "wrong_output", "wrong_plot", "broken_layout"])
def test_code_that_is_not_broken_leaves_nothing_to_ask(kind: str, machine: Machine) -> None:
    source, draft, good = made(kind, machine)
    assert finding(source, "nothing_to_ask", draft, good) is None
    fine = changed_facts(draft, broken=draft.code)
    assert finding(source, "nothing_to_ask", fine, source.execute(fine, machine)) is not None


@pytest.mark.parametrize("kind", ["data_frame", "wrong_plot", "layout_pair", "spreadsheet"])
def test_an_answer_that_gives_something_else_is_rejected(kind: str, machine: Machine) -> None:
    source, draft, good = made(kind, machine)
    assert finding(source, "wrong_answer", draft, good) is None
    wanted = draft.facts["broken"] or draft.facts["wanted"] + "1"
    bad = changed_facts(draft, wanted=wanted)
    assert finding(source, "wrong_answer", bad, source.execute(bad, machine)) is not None


def test_an_answer_that_fails_is_an_execution_with_a_reason(machine: Machine) -> None:
    source, draft, _ = made("error_editor", machine)
    evidence = source.execute(replace(draft, code="raise ValueError('no')\n"), machine)
    assert evidence.executions[0].status == "error"
    assert "ValueError" in evidence.executions[0].reason


def test_blank_and_tall_pictures_are_rejected(machine: Machine) -> None:
    source, draft, good = made("json_tree", machine)
    assert finding(source, "blank_picture", draft, good) is None
    blank = changed_facts(draft, screen={"style": "drawn", "body": ""})
    assert finding(source, "blank_picture", blank, source.execute(blank, machine)) is not None
    tall = changed_facts(draft, screen={"style": "drawn", "body": "<p>line</p>" * 90})
    assert finding(source, "tall_picture", tall, source.execute(tall, machine)) is not None


def test_code_that_cannot_be_cut_out_of_the_answer_is_rejected(machine: Machine) -> None:
    source, draft, good = made("terminal_log", machine)
    assert finding(source, "no_code", draft, good) is None
    fenced = replace(draft, code="x = '''\n```\n'''\n")
    assert finding(source, "no_code", fenced, good) is not None
    assert finding(source, "no_code", replace(draft, code="\n"), good) is not None


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("=SUM(B2:B4)", "60"),
        ('=SUMIF(A2:A4,"x",B2:B4)', "40"),
        ('=COUNTIF(B2:B4,">=20")', "2"),
        ('=COUNTIF(A2:A4,"<>x")', "1"),
        ("=INDEX(A2:A4,MATCH(MAX(B2:B4),B2:B4,0))", "x"),
        ("=ROUND(AVERAGE(B2:B4)/3,2)", "6.67"),
        ('=IF($B$2<B3,"up","down")&"!"', "up!"),
        ("=2*(B2+1)-B3/4", "17"),
        ('=SUMIFS(B2:B4,A2:A4,"x",B2:B4,"<30")', "10"),
        ("=-LARGE(B2:B4,2)", "-20"),
    ],
)
def test_formulas(formula: str, value: str) -> None:
    assert evaluate(formula, ["kind", "n"], [["x", 10], ["y", 20], ["x", 30]]) == value


@pytest.mark.parametrize("formula", ["SUM(B2:B4)", "=FOO(B2)", "=SUM(B2:B4", "=", "=1 2", "=#"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    if formula == "=SUM(B2:B4":
        assert evaluate(formula, ["kind", "n"], [["x", 10], ["y", 20], ["x", 30]]) == "60"
        return
    with pytest.raises(ValueError, match="formula"):
        evaluate(formula, ["kind", "n"], [["x", 10], ["y", 20], ["x", 30]])


def test_screens_escape_what_they_show() -> None:
    printed = "<script>alert(1)</script> & more"
    for style in ("terminal", "editor", "notebook"):
        screen = errors.screen_of(Draw("s"), style, "print('<b>')", "main")
        page = screen_html(screen, printed)
        assert "<script>" not in page and "&lt;script&gt;" in page and "<b>" not in page


def test_highlighting_keeps_the_text() -> None:
    from html import unescape
    from re import sub

    code = "def f(x):  # a < b\n    return f\"{x}\" + 'y' * 3\n"
    assert {unescape(sub(r"<[^>]+>", "", highlight(code, theme))) for theme in THEMES} == {code}


def test_a_notebook_shows_own_lines_of_a_traceback(machine: Machine) -> None:
    code = "def f(x):\n    return 1 / x\n\n\nprint(f(0))\n"
    printed = machine.charts.run(code, name="cell").stderr.replace('File "', 'File "')
    folder = printed.split('File "')[1].split("/cell.py")[0]
    text = notebook_traceback(code, printed, folder, "cell.py", 4)
    assert "Cell In[4], line 5" in text and "----> 2     return 1 / x" in text
    assert text.endswith("ZeroDivisionError: division by zero")

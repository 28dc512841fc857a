"""The public suite of InfiBench-V: every case three ways, pictures that are needed, a card that is true."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image, ImageDraw

from viscodex.errors import MissingPart
from viscodex.execute.program import LANGUAGES, language_of
from viscodex.images import open_image
from viscodex.suite.check import _hash_faults
from viscodex.suite.layout import read_manifest
from viscodex.suite.trial import three_ways, try_response
from viscodex.tasks.cases import AREAS, Case
from viscodex.tasks.judge import RecordedJudge
from viscodex.tasks.suite import Suite, read_suite

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "suites" / "infibench_v_public"
IDS = sorted(path.stem for path in (SUITE / "cases").glob("*.yaml"))
each_case = pytest.mark.parametrize("key", IDS)

MOST_BYTES, MOST_BYTES_IN_ALL = 60_000, 4_000_000  # of pictures
ALWAYS_HERE = ("python", "bash")  # a machine without these cannot run viscodex at all
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
"""There `make test` has installed all languages (DEBIAN_TEST of the Makefile): none is skipped."""


@cache
def _suite() -> Suite:
    return read_suite(SUITE, visual=True)


def _case(key: str) -> Case:
    case = _suite().items[key].strict
    assert case is not None
    return case


@cache
def _answers(name: str) -> dict[str, str]:
    lines = (SUITE / "answers" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row["answer"] for row in map(json.loads, lines)}


@cache
def _judge() -> RecordedJudge:
    return RecordedJudge(SUITE / "answers" / "judge.jsonl")


def _skip_unless_run(case: Case, *missing: str) -> None:
    why = next(filter(None, missing), "")
    if why:
        assert not IN_CI, f"{case.id} was not checked: {why}"
        assert case.grading.unit_test_lang not in ALWAYS_HERE, why
        pytest.skip(why)


@each_case
def test_case_tells_right_from_wrong_and_from_nothing(key: str) -> None:
    case = _case(key)
    responses = {name: _answers(name)[key] for name in ("reference", "wrong")}
    verdicts = three_ways(case, responses, judge=_judge())
    _skip_unless_run(case, *(v.reason if v.missing else "" for v in verdicts))
    assert [v.reason for v in verdicts if not v.holds] == []
    assert [v.answer for v in verdicts] == ["reference", "wrong", "empty"]
    assert _answers("empty")[key] == ""


def test_make_test_installs_every_language_of_the_suite() -> None:
    """What the cases' unit tests run in, by the Debian packages that bring it."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (listed,) = re.findall(r"^DEBIAN_TEST := (.*)$", makefile, re.MULTILINE)
    wanted = {_case(key).grading.unit_test_lang for key in IDS} - {"", *ALWAYS_HERE}
    assert len(wanted) >= 5
    packages = {language_of(name).package for name in wanted}
    assert packages <= set(listed.split())
    assert {one.package for one in LANGUAGES.values()} <= {*listed.split(), "python3", "bash"}


@each_case
def test_question_without_its_picture_does_not_give_the_answer_away(key: str) -> None:
    """Whoever repeats the question has everything of it that is not in the picture."""
    case = _case(key)
    rules = replace(case.grading, judge=None)
    if not rules.metrics:
        pytest.skip("a judge alone: it has no rules that a text could meet")
    verdict = try_response(replace(case, grading=rules), case.prompt)
    _skip_unless_run(case, verdict.reason if verdict.missing else "")
    assert verdict.score < 0.5, verdict.values


@pytest.mark.parametrize("key", sorted(_answers("alternative")))
def test_another_right_answer_scores_as_the_reference(key: str) -> None:
    """Rules of words are for what is said, not for how the reference says it."""
    case = _case(key)
    verdict = try_response(
        replace(case, grading=replace(case.grading, judge=None)), _answers("alternative")[key]
    )
    _skip_unless_run(case, verdict.reason if verdict.missing else "")
    assert verdict.score == pytest.approx(1), verdict.detail


@each_case
def test_picture_is_named_opens_and_is_small(key: str) -> None:
    case = _case(key)
    assert "<image 1>" in case.prompt
    assert len(case.images) == 1
    data = case.images[0].path.read_bytes()
    assert case.images[0].path.name == f"{key}.png"
    assert len(data) < MOST_BYTES
    picture = open_image(data)
    assert picture.width >= 200 and picture.height >= 90
    assert len(picture.getcolors(1 << 24) or ()) >= 8, "nearly nothing is drawn"


def test_every_picture_is_another_one_with_a_source_and_a_case() -> None:
    pictures = {path.stem: path.read_bytes() for path in (SUITE / "pictures").glob("*.png")}
    assert len(set(pictures.values())) == len(pictures)
    sources = [p.stem for p in (SUITE / "drawings").iterdir() if p.suffix in (".html", ".py")]
    assert sorted(pictures) == sorted(sources) == IDS
    assert sum(map(len, pictures.values())) < MOST_BYTES_IN_ALL


def test_suite_is_as_broad_as_it_was_asked_for() -> None:
    cases = [_case(key) for key in IDS]
    assert not _suite().broken
    assert list(_suite().items) == IDS
    assert len(cases) >= 60
    assert {case.area for case in cases} == set(AREAS)
    assert len({case.lang for case in cases}) >= 10
    graders = {name for case in cases for name in case.grading.metrics}
    assert graders == {"keywords", "unit_test", "blank_filling", "judge"}
    prompts = [" ".join(case.prompt.split()) for case in cases]
    assert len({prompt[:40] for prompt in prompts}) == len(prompts)


def _table(card: str, head: str) -> dict[str, int]:
    rows = card.split(f"| {head} | cases |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    return {name: int(n) for name, n in (re.findall(r"[^|]+", row)[:2] for row in rows)}


def test_card_counts_what_is_there() -> None:
    card = (SUITE / "README.md").read_text("utf-8")
    cases = [_case(key) for key in IDS]
    counted = {
        "area": Counter(case.area for case in cases),
        "language": Counter(case.lang for case in cases),
        "type": Counter(case.type for case in cases),
        "grader": Counter(name for case in cases for name in case.grading.metrics),
    }
    for head, counts in counted.items():
        told = {name.strip(): n for name, n in _table(card, head).items()}
        assert told == dict(counts), head
    assert card.splitlines()[2].startswith(f"{len(cases)} questions")
    assert f"**Judge**: {counted['grader']['judge']} cases" in card


def test_reference_answers_are_those_of_the_cases() -> None:
    assert _answers("reference") == {key: _case(key).reference for key in IDS}
    assert sorted(_answers("wrong")) == sorted(_answers("empty")) == IDS


def test_suite_is_frozen_as_it_stands() -> None:
    manifest = read_manifest(SUITE)
    assert manifest is not None
    assert _hash_faults(SUITE, _suite()) == []
    assert manifest.n_cases == len(IDS)
    assert manifest.counts["licence"] == {"Apache-2.0": len(IDS)}
    assert manifest.judged_by == ("the authors of the suite",)


# --- pictures are made again ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """make.py of the suite."""
    spec = importlib.util.spec_from_file_location("public_suite_make", SUITE / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("kind", "key"), [("html", "fe-16"), ("html", "ds-16"), ("py", "ds-12")])
def test_picture_drawn_again_is_the_same_in_every_byte(
    make: ModuleType, kind: str, key: str
) -> None:
    recorded = json.loads((SUITE / "pictures" / "stamp.json").read_text())[kind]
    try:
        png, stamp = make.draw([key])[key]
    except MissingPart as error:
        pytest.skip(str(error))
    if other := {k: (v, stamp.get(k)) for k, v in recorded.items() if stamp.get(k) != v}:
        pytest.skip(f"drawn elsewhere with other parts: {other}")
    assert png == (SUITE / "pictures" / f"{key}.png").read_bytes()


def test_small_keeps_text_and_drops_empty_margins(make: ModuleType) -> None:
    page = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(page).rectangle((20, 20, 100, 80), fill="#c0392b")
    file = io.BytesIO()
    page.save(file, "PNG")
    with Image.open(io.BytesIO(make.small(file.getvalue()))) as found:
        assert found.size == (101 + 14, 81 + 14)
        assert found.convert("RGB").getpixel((50, 50)) == (0xC0, 0x39, 0x2B)

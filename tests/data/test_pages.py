"""Pages from the grammar: pure functions of seed and index, sound markup, every kind believable."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from viscodex.data.draft import Draft, Evidence, Machine
from viscodex.data.pages import PageSource
from viscodex.data.pages.kinds import KINDS
from viscodex.data.pages.look import color_name, contrast
from viscodex.data.pages.markup import VOID
from viscodex.errors import BadRecipe
from viscodex.types import Sample

LEVELS = (0.0, 0.5, 1.0)
ALL_TASKS = dict.fromkeys(("describe", "table", "question", "ocr"), 1.0)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


def _source(kind: str, difficulty: float, **settings: object) -> PageSource:
    span = (difficulty, difficulty)
    return PageSource(seed=7, kinds={kind: 1}, difficulty=span, **settings)  # type: ignore[arg-type]


# --- a pure function ------------------------------------------------------------------------------


def test_a_draft_depends_on_seed_and_index_alone() -> None:
    forward = [PageSource(seed=3).draft(i) for i in range(40)]
    source = PageSource(seed=3)
    backward = [source.draft(i) for i in reversed(range(40))]
    assert forward == backward[::-1]
    assert {draft.code for draft in forward}.isdisjoint(
        PageSource(seed=4).draft(i).code for i in range(40)
    )


def test_another_process_with_another_hash_seed_draws_the_same_pages() -> None:
    script = (
        "import hashlib; from viscodex.data.pages import PageSource; s = PageSource(seed=5);"
        "print(hashlib.sha256(''.join(s.draft(i).code for i in range(60)).encode()).hexdigest())"
    )
    source = PageSource(seed=5)
    here = hashlib.sha256("".join(source.draft(i).code for i in range(60)).encode()).hexdigest()
    for hash_seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.strip() == here


def test_settings_hold_every_default_and_make_the_same_source_again() -> None:
    source = PageSource(seed=9, kinds={"shop": 2, "faq": 1}, shares={"ocr": 0.5})
    settings = json.loads(json.dumps(source.settings))
    assert settings["shares"]["ocr"] == 0.5
    assert settings["shares"]["describe"] > 0
    assert PageSource(**settings).draft(3) == source.draft(3)


def test_facts_are_json_and_kinds_windows_and_difficulty_are_as_set() -> None:
    source = PageSource(
        seed=1,
        kinds={"shop": 1, "faq": 3, "docs": 0},
        difficulty=(0.2, 0.4),
        windows={"1024x768": 1},
    )
    drafts = [source.draft(i) for i in range(200)]
    kinds = [draft.kind for draft in drafts]
    assert set(kinds) == {"shop", "faq"}
    assert 110 < kinds.count("faq") < 185
    for draft in drafts:
        assert 0.2 <= draft.difficulty <= 0.4
        assert json.loads(json.dumps(draft.facts)) == draft.facts
        assert draft.facts["window"] == [1024, 768]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"kinds": {"lading": 1}}, "landing"),
        ({"kinds": {"landing": -1}}, "weights"),
        ({"kinds": {}}, "weights"),
        ({"shares": {"ocr": 2}}, "shares.ocr"),
        ({"thresholds": {"min_letter": 2}}, "min_letters"),
        ({"windows": {"wide": 1}}, "1280x720"),
        ({"difficulty": (0.6, 0.2)}, "difficulty"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(BadRecipe) as refusal:
        PageSource(**settings)  # type: ignore[arg-type]
    assert word in str(refusal.value)


# --- markup ---------------------------------------------------------------------------------------


class Balance(HTMLParser):
    """Follows tags; collects what is wrong with them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.wrong.append(f"{tag} has an attribute twice: {names}")
        if tag == "p" and "p" in self.open[:-1]:
            self.wrong.append("p within p")
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.labels += [given["for"]] if "for" in given else []
        self.addresses += [given[name] for name in ("src", "href") if name in given]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")


@pytest.mark.parametrize("kind", KINDS)
def test_markup_is_balanced_self_contained_html5(kind: str) -> None:
    for i in range(12):
        draft = PageSource(seed=2, kinds={kind: 1}).draft(i)
        page = Balance()
        page.feed(draft.code)
        page.close()
        assert not page.wrong
        assert not page.open
        assert len(set(page.ids)) == len(page.ids)
        assert set(page.labels) <= set(page.ids)
        assert set(page.addresses) <= {"rick.jpg", "#"}
        assert draft.code.startswith('<!DOCTYPE html>\n<html lang="en">')
        assert '<meta charset="UTF-8">' in draft.code
        assert re.search(r"<title>[^<{]{3,}</title>", draft.code)
        assert "<script" not in draft.code
        assert not re.search(r"@import|url\(|https?://(?!api\.)", draft.code)
        assert "{brand}" not in draft.code


def test_more_difficulty_means_more_page() -> None:
    def mean_length(difficulty: float) -> float:
        source = PageSource(seed=4, difficulty=(difficulty, difficulty))
        return sum(len(source.draft(i).code) for i in range(150)) / 150

    low, middle, high = map(mean_length, LEVELS)
    assert low * 1.4 < middle
    assert middle * 1.25 < high


def test_pages_differ_from_one_another() -> None:
    """No two of 160 share more than 0.7 of their 5-grams of tokens."""
    source = PageSource(seed=6)
    grams = []
    for i in range(160):
        words = re.findall(r"\w+|[^\w\s]", source.draft(i).code.lower())
        grams.append(set(zip(*(words[k:] for k in range(5)), strict=False)))
    for i, one in enumerate(grams):
        for other in grams[:i]:
            shared = len(one & other)
            assert shared <= 0.7 * (len(one) + len(other) - shared)


def test_palettes_carry_their_texts() -> None:
    for i in range(150):
        colors = PageSource(seed=8).draft(i).facts["colors"]
        for text, ground in (
            ("text", "background"), ("text", "surface"), ("text", "soft"), ("muted", "surface"),
            ("muted", "background"), ("muted", "soft"), ("on_primary", "primary"),
            ("on_primary", "accent"), ("on_deep", "deep"), ("on_deep_muted", "deep"),
        ):  # fmt: skip
            assert contrast(colors[text], colors[ground]) >= 4.0, (i, text, ground)


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("#ffffff", "white"), ("#000000", "black"), ("#808080", "grey"), ("#d32f2f", "red"),
        ("#1565c0", "blue"), ("#2e7d32", "green"), ("#0b1d51", "dark blue"), ("#faf6ee", "cream"),
        ("#6d4c1d", "dark brown"), ("#7b1fa2", "purple"), ("#dff3e4", "pale green"),
    ],
)  # fmt: skip
def test_colours_have_the_names_that_people_use(color: str, name: str) -> None:
    assert color_name(color) == name


# --- rendered -------------------------------------------------------------------------------------


def _judge(source: PageSource, draft: Draft, evidence: Evidence) -> list[str]:
    found = [(f.name, f.check(draft, evidence)) for f in source.filters]
    return [f"{name}: {finding.reason}" for name, finding in found if finding]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_passes_its_filters_at_every_difficulty(kind: str, machine: Machine) -> None:
    for difficulty in LEVELS:
        source = _source(kind, difficulty)
        draft = source.draft(0)
        evidence = source.execute(draft, machine)
        assert not _judge(source, draft, evidence), (difficulty, draft.code)
        page = evidence.executions[0].page
        assert page is not None
        assert page.width == 1280
        assert set(page.refused) == set()


def test_the_same_page_in_a_narrower_window_is_kept_too(machine: Machine) -> None:
    source = PageSource(seed=12, windows={"1024x768": 1})
    kept = 0
    for i in range(8):
        draft = source.draft(i)
        kept += not _judge(source, draft, source.execute(draft, machine))
    assert kept >= 7


def test_samples_begin_with_the_code_and_hold_what_a_dataset_needs(machine: Machine) -> None:
    source = _source("shop", 0.6, shares=ALL_TASKS)
    draft = source.draft(1)
    evidence = source.execute(draft, machine)
    samples = source.tell(draft, evidence)
    assert [s.task for s in samples] == ["code", "describe", "table", "question", "ocr"]
    assert samples == source.tell(draft, evidence)
    first = samples[0]
    assert first.id == draft.id
    assert first.answer == f"```html\n{draft.code.strip()}\n```"
    assert first.reference == draft.code
    for sample in samples:
        _assert_well_formed(sample, draft)


def _assert_well_formed(sample: Sample, draft: Draft) -> None:
    assert sample.category == sample.language == "html"
    assert sample.id == draft.id + ("" if sample.task == "code" else f"-{sample.task}")
    assert [message.role for message in sample.messages] == ["user", "assistant"]
    assert sample.messages[0].content.startswith("<image>\n")
    assert sum(message.content.count("<image>") for message in sample.messages) == 1
    assert [image[:4] for image in sample.images] == [b"\x89PNG"]
    assert (sample.reference != "") == (sample.task == "code")
    meta = sample.meta
    assert (meta["source"], meta["licence"]) == ("procedural", "CC0-1.0")
    assert (meta["kind"], meta["seed"], meta["difficulty"]) == (draft.kind, draft.seed, draft.difficulty)  # fmt: skip
    assert meta["stamp"]["viewport"] == "1280x720"


def test_shares_of_inverse_tasks_are_kept_to(machine: Machine) -> None:
    source = _source("faq", 0.3, shares={"describe": 0, "table": 0, "question": 0, "ocr": 0})
    draft = source.draft(0)
    assert [s.task for s in source.tell(draft, source.execute(draft, machine))] == ["code"]


def test_instructions_are_worded_in_many_ways(machine: Machine) -> None:
    source = _source("message", 0.1, shares=dict.fromkeys(ALL_TASKS, 0.0))
    evidence = source.execute(source.draft(0), machine)
    asked = {source.tell(source.draft(i), evidence)[0].messages[0].content for i in range(60)}
    assert len(asked) >= 10
    assert all("rick.jpg" in text for text in asked)

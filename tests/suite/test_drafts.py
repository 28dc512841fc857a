"""Drafts: no edit is lost, whoever comes first; everything earlier is kept."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.suite.drafts import judged_case, keyword_case
from viscodex.errors import BadDataset
from viscodex.suite.areas import SHARES, area_of_tags, language_named, language_of_tags, quotas
from viscodex.suite.ask import shared_runs
from viscodex.suite.candidate import marks_of, numbered
from viscodex.suite.drafts import Conflict, Drafts
from viscodex.suite.mapping import paths_of, with_paths


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    made = Drafts(tmp_path, make=True)
    made.add(keyword_case(tmp_path))
    return made


def test_a_change_names_what_it_was_made_to_and_the_second_of_two_is_refused(
    drafts: Drafts,
) -> None:
    first = drafts.change("fe-0001", 1, "Ada", {"prompt": "Ada's <image 1>"})
    assert (first.revision, first.reviewer) == (2, "Ada")
    with pytest.raises(Conflict) as refused:
        drafts.change("fe-0001", 1, "Ben", {"prompt": "Ben's <image 1>"})
    assert refused.value.current == first
    assert drafts.read("fe-0001") == first


def test_every_earlier_revision_is_kept_also_behind_a_torn_line(drafts: Drafts) -> None:
    original = drafts.read("fe-0001")
    drafts.change("fe-0001", 1, "Ada", {"note": "one"})
    place = drafts.folder / "history" / "fe-0001.jsonl"
    place.write_bytes(place.read_bytes() + b'{"id": "fe-0001", "rev')
    drafts.change("fe-0001", 2, "Ada", {"note": "two"})
    kept = drafts.history("fe-0001")
    assert [draft.revision for draft in kept] == [1, 2]
    assert kept[0] == original
    assert drafts.change("fe-0001", 3, "Ada", {"note": "two"}).revision == 3  # nothing differs


def test_many_reviewers_at_once_lose_nothing(drafts: Drafts) -> None:
    """Each opens the folder anew, as another process would, and adds a line to the note."""

    def review(name: str) -> None:
        own = Drafts(drafts.folder)
        for _ in range(3):
            while True:
                seen = own.read("fe-0001")
                note = f"{seen.note}{name}\n"
                try:
                    own.change("fe-0001", seen.revision, name, {"note": note})
                    break
                except Conflict:
                    continue

    names = [f"reviewer {n}" for n in range(4)]
    threads = [threading.Thread(target=review, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = drafts.read("fe-0001").note.splitlines()
    assert sorted(lines) == sorted(names * 3)
    assert len(drafts.history("fe-0001")) == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "other"},
        {"source": {}},
        {"status": "perfect"},
        {"prompt": 7},
        {"prompt": "x" * 200_001},
        {"prompt": "a\0b"},
        {"marks": {"empty": {}}},
        {"marks": {"wrong": {"id": "x"}}},
    ],
)
def test_what_a_reviewer_must_not_change_is_refused(
    drafts: Drafts, changes: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        drafts.change("fe-0001", 1, "Ada", changes)
    assert drafts.read("fe-0001").revision == 1


def test_adding_again_keeps_what_reviewers_did(drafts: Drafts, tmp_path: Path) -> None:
    drafts.change("fe-0001", 1, "Ada", {"note": "mine"})
    assert drafts.add(keyword_case(tmp_path)).note == "mine"


@pytest.mark.parametrize("key", ["../drafts/fe-0001", "", ".lock", "nobody", "a/b"])
def test_a_draft_that_there_is_not_is_a_key_error(drafts: Drafts, key: str) -> None:
    with pytest.raises(KeyError):
        drafts.read(key)


def test_a_folder_without_drafts_and_a_broken_draft_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="no draft cases"):
        Drafts(tmp_path)
    drafts = Drafts(tmp_path, make=True)
    drafts.add(judged_case(tmp_path))
    (tmp_path / "drafts" / "io-0001.json").write_text("{")
    with pytest.raises(BadDataset, match=r"io-0001\.json"):
        drafts.all()


# --- small parts ----------------------------------------------------------------------------------


@given(st.integers(1, 2000))
def test_quotas_give_out_exactly_what_there_is(n: int) -> None:
    made = quotas(n, SHARES)
    assert sum(made.values()) == n
    assert all(abs(made[area] - n * share) < 1 for area, share in SHARES.items())


def test_areas_and_languages_by_tags() -> None:
    assert area_of_tags(("android", "java", "layout")) == "mobile-desktop"
    assert area_of_tags(("pandas", "python")) == "ds-ml"
    assert area_of_tags(("nothing",)) == ""
    assert language_of_tags(("android", "kotlin")) == "kotlin"
    assert language_of_tags(("pandas",)) == "python"
    assert language_named(" JS ") == "javascript"
    assert language_named("Brainfuck") == ""


def test_pictures_are_numbered_in_their_order() -> None:
    text = numbered("see <image> and <image>", "<image>")
    assert text == "see <image 1> and <image 2>"
    assert marks_of(text) == {1, 2}


def test_shared_runs_look_at_prose_alone() -> None:
    post = "my boxes stay in one line however I try\n\n```css\na { b: c }\n```"
    assert shared_runs(post, post) == 1.0
    assert shared_runs("the layout of this row breaks on small phones", post) == 0.0
    code = "```python\nfor item in range(10): print(item, item * 2)\n```"
    assert shared_runs(f"why does this loop end early\n{code}", f"other words here\n{code}") == 0.0


def test_paths_of_a_grading_are_found_and_changed() -> None:
    grading = {
        "unit_test": {
            "tests": [
                {"path": "tests/a.py", "files": {"d.csv": "tests/d.csv"}, "setup": {"path": "s.py"}}
            ]
        },
        "keywords": ["path"],
    }
    assert list(paths_of(grading)) == ["tests/a.py", "tests/d.csv", "s.py"]
    moved = with_paths(grading, lambda path: f"../{path}")
    assert moved["unit_test"]["tests"][0]["files"] == {"d.csv": "../tests/d.csv"}
    assert moved["keywords"] == ["path"]

"""Builds: the same content whoever makes it, counted rejects, quotas, one clear error."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscodex.data.assemble import Assembly
from viscodex.data.build import BuildReport, build
from viscodex.data.choose import Choice
from viscodex.data.parts import Workplace, plan_round
from viscodex.data.progress import Snapshot, duration
from viscodex.data.recipe import DataRecipe
from viscodex.data.sources import make_sources
from viscodex.data.store import open_dataset, read_rejects
from viscodex.errors import BadInput, BadRecipe, BuildFailed, OutputRefused
from viscodex.recipe import check_recipe, read_recipe

HERE = "tests.data.small_sources"


def a_recipe(**keys: Any) -> DataRecipe:
    """A recipe of cards, small and on one worker; `card` holds the source's settings."""
    settings = keys.pop("card", {})
    entry = {"source": f"{HERE}:Cards", "n": keys.pop("n", 12), "settings": settings}
    entry |= {"tries": keys.pop("tries")} if "tries" in keys else {}
    known = {"sources": {"card": entry}, "workers": 1, "samples_per_part": 6}
    return check_recipe(DataRecipe, known | keys)


def files_of(folder: Path) -> dict[str, bytes]:
    """The data set without what the build worked with."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".build" not in path.parts
    }


# --- what is promised -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildReport]:
    """Real charts and pages, by one worker."""
    out = tmp_path_factory.mktemp("one") / "set"
    return out, build(real_recipe(workers=1), out)


def real_recipe(**keys: Any) -> DataRecipe:
    sources = {
        "chart": {"source": f"{HERE}:Charts", "n": 8},
        "html": {"source": f"{HERE}:Pages", "n": 6},
        "card": {"source": f"{HERE}:Cards", "n": 10, "settings": {"refuse": 0.3}},
    }
    known = {"sources": sources, "samples_per_part": 4, "samples_per_shard": 10}
    return check_recipe(DataRecipe, known | keys)


def test_a_build_keeps_what_ran_and_passed_and_counts_the_rest(
    real: tuple[Path, BuildReport],
) -> None:
    out, report = real
    assert report.status == "done"
    assert {label: s.kept for label, s in report.sources.items()} == {
        "chart": 8,
        "html": 6,
        "card": 10,
    }
    assert report.sources["chart"].rejected["execute"] >= 1
    dataset = open_dataset(out, verify=True)
    assert len(dataset) == report.n_samples == 24
    assert dataset.manifest is not None
    assert dataset.manifest.content == report.content
    rejects = list(read_rejects(out))
    assert len(rejects) == report.n_rejects
    failed = next(reject for reject in rejects if reject.filter == "execute")
    assert "SystemExit" in failed.reason or "exit" in failed.reason
    assert "raise SystemExit" in failed.code
    for sample in dataset:
        assert sample.images[0].startswith(b"\x89PNG")
        assert sample.meta["n_text_tokens"] > 0 and sample.meta["n_vision_tokens"] > 0
        assert sample.id.startswith(sample.meta["draft"])
    tokens = sum(sample.meta["n_text_tokens"] for sample in dataset)
    assert tokens == sum(s.n_text_tokens for s in report.sources.values())


def test_every_shard_has_all_sources(real: tuple[Path, BuildReport]) -> None:
    categories = [sample.category for sample in open_dataset(real[0])]
    assert len(set(categories[:8])) == len(set(categories[8:16])) == 3


def test_two_workers_make_the_same_bytes_as_one(
    real: tuple[Path, BuildReport], tmp_path: Path
) -> None:
    build(real_recipe(workers=2), tmp_path / "set")
    assert files_of(tmp_path / "set") == files_of(real[0])


def test_another_seed_makes_other_samples(tmp_path: Path) -> None:
    contents = {build(a_recipe(seed=seed), tmp_path / f"{seed}").content for seed in (0, 1)}
    assert len(contents) == 2


def test_a_finished_folder_is_left_as_it_is(tmp_path: Path) -> None:
    first = build(a_recipe(), tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.parquet")}
    assert build(a_recipe(), tmp_path / "set") == first
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_near_duplicates_go_and_the_quota_is_filled_up(tmp_path: Path) -> None:
    report = build(a_recipe(n=40, card={"repeat": 4}), tmp_path / "set")
    assert (report.status, report.n_samples) == ("done", 40)
    assert report.rounds > 1
    assert report.sources["card"].rejected["duplicate"] >= 4
    drafts = {sample.meta["draft"] for sample in open_dataset(tmp_path / "set")}
    assert sum(int(draft[-7:]) % 4 == 0 for draft in drafts) == 1
    gone = [r for r in read_rejects(tmp_path / "set") if r.filter == "duplicate"]
    assert len(gone) == report.sources["card"].rejected["duplicate"]
    assert all(r.image and r.code and "card-0000000" in r.reason for r in gone)


def test_without_thresholds_duplicates_stay(tmp_path: Path) -> None:
    report = build(a_recipe(card={"repeat": 2}, duplicates=None), tmp_path / "set")
    assert (report.rounds, report.n_rejects) == (1, 0)


def test_common_filters_are_asked_and_stand_on_the_card(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="rejected: length 12"):
        build(a_recipe(tries=1, filters={"max_lines": 1}), tmp_path / "lines")
    unasked = {"language": None, "licences": None, "min_characters": 0}
    assert build(a_recipe(filters=unasked), tmp_path / "none").n_rejects == 0
    listed = [
        (note.name, note.n_rejects) for note in open_dataset(tmp_path / "none").manifest.filters
    ]  # type: ignore[union-attr]
    assert ("length", 0) in listed and "language" not in dict(listed)
    with pytest.raises(BadRecipe, match="language"):
        a_recipe(filters={"language": "xx"})


def test_the_card_names_each_threshold_and_its_value(tmp_path: Path) -> None:
    """Those of the sources, of all categories, and of the engine."""
    sources = {
        "chart": {"n": 1, "settings": {"thresholds": {"min_font": 9.5}}},
        "html": {"n": 1, "settings": {"thresholds": {"max_aspect": 3.5}}},
        "algorithm": {"n": 1, "settings": {"min_killed": 0.4}},
        "qa": {"n": 1, "settings": {"min_changed": 0.005}},
    }
    keys = {"max_tokens": 7000, "filters": {"max_lines": 900}, "duplicates": {"image_distance": 3}}
    recipe = check_recipe(DataRecipe, {"sources": sources, "workers": 1, **keys})
    assembly = Assembly(recipe, Workplace(tmp_path), [], Choice({}, {}, {}), {})
    notes = {
        (n.category, n.name): n.thresholds for n in assembly.filter_notes(make_sources(recipe))
    }
    assert notes["chart", "unreadable_text"] == {"min_font": 9.5, "min_contrast": 48}
    assert notes["html", "size"]["max_aspect"] == 3.5
    assert notes["algorithm", "mutation"] == {"mutants": 8, "min_killed": 0.4}
    assert notes["qa", "nothing_to_ask"] == {"min_changed": 0.005}
    assert notes["", "length"]["max_lines"] == 900
    assert notes["", "too_long"] == {"max_tokens": 7000}
    assert notes["", "duplicate"]["image_distance"] == 3


def test_samples_that_are_too_long_are_rejected_alone(tmp_path: Path) -> None:
    report = build(a_recipe(n=6, max_tokens=200), tmp_path / "set")
    assert report.sources["card"].rejected == {"too_long": report.sources["card"].candidates}
    assert {sample.task for sample in open_dataset(tmp_path / "set")} == {"describe"}
    reject = next(read_rejects(tmp_path / "set"))
    assert reject.numbers["text"] + reject.numbers["vision"] > reject.numbers["max_tokens"] == 200


def test_what_a_benchmark_has_is_rejected_and_reported(tmp_path: Path) -> None:
    import json

    from tests.data.small_sources import Cards

    (tmp_path / "exam").mkdir()
    (tmp_path / "exam" / "item.py").write_text(Cards().draft(2).code)
    recipe = a_recipe(decontaminate=[str(tmp_path / "exam")])
    report = build(recipe, tmp_path / "set")
    assert report.sources["card"].rejected == {"contaminated": 1}
    (reject,) = read_rejects(tmp_path / "set")
    assert reject.id == "card-0000002" and "item.py" in reject.reason
    text = json.dumps(json.loads((tmp_path / "set" / "contamination.json").read_text()))
    assert "card-0000002" in text and "item.py" in text


# --- quotas and bad sources -----------------------------------------------------------------------


def test_a_quota_out_of_reach_gives_what_there_is_and_says_why(tmp_path: Path) -> None:
    report = build(a_recipe(n=30, tries=1, card={"refuse": 0.9}), tmp_path / "set")
    assert report.status == "short"
    assert 0 < report.n_samples < 30
    (line,) = report.shortages()
    assert f"card: {report.n_samples} of 30 samples" in line and "unlucky" in line
    assert "of 30 that were wanted" in (tmp_path / "set" / "README.md").read_text()


def test_a_build_that_keeps_nothing_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="nothing was kept") as error:
        build(a_recipe(tries=1, card={"refuse": 1.0}), tmp_path / "set")
    assert "unlucky 12" in str(error.value)
    assert not (tmp_path / "set" / "data").exists()


def test_a_source_that_fails_now_and_then_costs_drafts(tmp_path: Path) -> None:
    report = build(a_recipe(card={"fail": "draft"}), tmp_path / "set")
    assert report.n_samples == 12
    assert report.sources["card"].rejected["source_error"] >= 8
    assert next(read_rejects(tmp_path / "set")).reason.startswith("draft: KeyError: 'no draft")


@pytest.mark.parametrize("step", ["execute", "tell"])
def test_a_source_that_always_fails_is_one_error(tmp_path: Path, step: str) -> None:
    with pytest.raises((BadInput, BuildFailed), match=r"first draft|nothing was kept"):
        build(a_recipe(card={"fail": step}), tmp_path / "set")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"source": "chrat"}, "Did you mean chart"),
        ({"source": "nowhere.at_all:Name"}, "No module named 'nowhere'"),
        ({"source": f"{HERE}:Card"}, "has no attribute 'Card'"),
        ({"source": "json:JSONDecoder"}, "is a class with draft, execute and tell"),
        ({"source": f"{HERE}:Cards", "settings": {"refus": 1}}, "did you mean refuse"),
        ({"source": f"{HERE}:Cards", "settings": {"refuse": 7}}, "refuse = 7 is outside 0 to 1"),
        ({"source": f"{HERE}:Cards", "settings": {"seed": 7}}, "settings.seed: unknown key"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(
    tmp_path: Path, entry: dict[str, Any], message: str
) -> None:
    recipe = check_recipe(DataRecipe, {"sources": {"card": {"n": 1, **entry}}})
    with pytest.raises(BadRecipe, match=message):
        build(recipe, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    entry = {"source": f"{HERE}:Cards", "n": 1}
    recipe = check_recipe(DataRecipe, {"sources": {"a": entry, "b": entry}})
    with pytest.raises(BadRecipe, match=r"sources\.a and sources\.b: both are named card"):
        build(recipe, tmp_path / "set")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"source": {}}, "source: unknown key; did you mean sources"),
        ({"max_token": 9}, "max_token: unknown key; did you mean max_tokens"),
        ({"executor": "rai"}, "did you mean ray"),
        (
            {"sources": {"a": {"n": 1, "trys": 2}}},
            "sources.a.trys: unknown key; did you mean tries",
        ),
        ({"slurm": {"partion": "x"}}, "slurm.partion: unknown key; did you mean partition"),
        ({"duplicates": {"code_similarty": 1}}, "did you mean code_similarity"),
        ({"sources": {"a": {"n": 0}}}, "nothing is wanted"),
        ({"sources": {}}, "sources"),
        ({"sources": {"../up": {"n": 1}}}, "sources"),
        ({"sources": {"a": {"n": -1}}}, "sources.a.n"),
        ({"workers": 0}, "workers"),
        ({"samples_per_part": 0}, "samples_per_part"),
    ],
)
def test_a_bad_recipe_is_refused_at_its_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRecipe) as error:
        check_recipe(DataRecipe, {"sources": {"a": {"n": 1}}} | data)
    assert message in str(error.value)


# --- the folder -----------------------------------------------------------------------------------


def test_another_recipe_is_refused_with_its_differences(tmp_path: Path) -> None:
    build(a_recipe(), tmp_path / "set")
    before = files_of(tmp_path / "set")
    with pytest.raises(OutputRefused, match=r"recipe.sources.card.n: 14 / 12") as error:
        build(a_recipe(n=14, seed=3), tmp_path / "set")
    assert "recipe.seed: 3 / 0" in str(error.value)
    assert files_of(tmp_path / "set") == before


def test_executor_and_workers_are_no_difference(tmp_path: Path) -> None:
    first = build(a_recipe(), tmp_path / "set")
    assert build(a_recipe(executor="slurm", workers=7), tmp_path / "set") == first


def test_a_folder_of_other_things_and_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    for place in (tmp_path / "mine", tmp_path / "mine" / "letter.txt"):
        with pytest.raises(OutputRefused):
            build(a_recipe(), place)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [({"decontaminate": ["no/such/benchmark"]}, "no/such/benchmark"), ({"card": {"fail": "execute"}}, "first draft")],
)  # fmt: skip
def test_a_build_refused_before_its_work_leaves_the_folder_to_a_better_recipe(
    tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    (tmp_path / "given").mkdir()
    for name in ("given", "new"):
        with pytest.raises(BadInput, match=message):
            build(a_recipe(**keys), tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["given"]
    assert build(a_recipe(), tmp_path / "given").status == "done"


def test_a_refusal_takes_nothing_of_a_build_in_work(tmp_path: Path) -> None:
    build(a_recipe(n=6), tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    with pytest.raises(OutputRefused):
        build(a_recipe(decontaminate=["no/such/benchmark"]), tmp_path / "set")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")} == before


def test_what_a_part_left_without_a_report_is_made_again(tmp_path: Path) -> None:
    """As after a kill between the files of a part, or when somebody removed one."""
    build(a_recipe(), tmp_path / "a" / "set")
    place = Workplace(tmp_path / "b" / "set")
    (part, *_) = plan_round(a_recipe(), 0, {"card": 12}, {})
    place.parts.mkdir(parents=True)
    place.samples(part).write_bytes(b"half a file")
    marker = place.logs / "round-0" / "completions" / "00000"
    marker.parent.mkdir(parents=True)
    marker.touch()
    build(a_recipe(), place.out)
    assert files_of(place.out) == files_of(tmp_path / "a" / "set")


# --- plans and words ------------------------------------------------------------------------------


@given(
    n=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 400), min_size=1),
    size=st.integers(1, 60),
    first=st.integers(0, 10**6),
    tries=st.floats(1, 5),
)
def test_parts_share_the_quota_and_never_a_candidate(
    n: dict[str, int], size: int, first: int, tries: float
) -> None:
    entries = {label: {"n": count, "tries": tries} for label, count in n.items()}
    recipe = check_recipe(DataRecipe, {"sources": entries, "samples_per_part": size})
    parts = plan_round(recipe, 1, n, dict.fromkeys(n, first))
    assert len({part.name for part in parts}) == len(parts)
    for label, count in n.items():
        own = [part for part in parts if part.source == label]
        assert sum(part.quota for part in own) == count
        assert all(0 < part.quota <= size and part.tries >= part.quota * tries for part in own)
        indexes = [index for part in own for index in part.indexes()]
        assert len(set(indexes)) == len(indexes) and min(indexes) == first


def test_progress_says_kept_rejected_rate_and_time_left(tmp_path: Path) -> None:
    seen: list[Snapshot] = []
    build(a_recipe(n=30, card={"nap": 0.1, "refuse": 0.2}), tmp_path / "set", watch=seen.append)
    during = [s for s in seen if s.phase == "making samples"]
    assert len(during) >= 2
    kept = [s.sources["card"].kept for s in during]
    assert kept == sorted(kept) and kept[-1] == 30
    assert any(s.seconds_left for s in during)
    assert "card 30/30 (-" in during[-1].line() and "/s)" in during[-1].line()
    assert {"finding near-duplicates", "writing shards"} <= {s.phase for s in seen}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7500, "2 h 05 min")]
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("file", sorted(Path("recipes/data").glob("*.yaml")), ids=lambda p: p.stem)
def test_our_recipes_are_valid(file: Path) -> None:
    assert read_recipe(DataRecipe, file).wanted


def test_compared_folders_are_not_the_same_folder(real: tuple[Path, BuildReport]) -> None:
    """Guards `files_of`: it sees shards, rejects, card, galleries and manifest."""
    names = set(files_of(real[0]))
    assert {"manifest.json", "README.md", "gallery.html", "rejects.html"} < names
    assert filecmp.cmp(real[0] / "manifest.json", real[0] / "manifest.json", shallow=False)
    assert sum(name.startswith("data/") for name in names) == 3

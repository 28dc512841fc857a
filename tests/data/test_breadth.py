"""All four categories in one recipe, by a recorded teacher: killed, gone on with, made again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.data import breadth
from viscodex.data.build import build
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset, read_manifest, read_rejects
from viscodex.recipe import check_recipe

N = 20
CONCURRENCY, WORKERS, KILLS = 4, 2, 2


class Built(NamedTuple):
    """A build of all sources."""

    place: Path
    n_killed: int
    teacher: breadth.Recorded


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Through the command line, killed on the way."""
    place = tmp_path_factory.mktemp("breadth")
    breadth.write_material(place / "material", N)
    return Built(place, *breadth.build_by_teacher(place, N, KILLS, budget=50))


def test_every_source_reaches_its_quota_and_every_sample_says_what_made_it(built: Built) -> None:
    samples = open_dataset(built.place / "set", verify=True)
    kept = Counter(sample.id.rsplit("-", 1)[0] for sample in samples)
    assert kept == breadth.wanted(N)
    assert all(n >= N for n in Counter(sample.category for sample in samples).values())
    for sample in samples:
        assert sample.meta["licence"].lower() in [
            *breadth.LICENCES,
            "cc-by-sa-3.0 and cc-by-sa-4.0",
        ]
        if sample.category != "algorithm":
            assert sample.images and len(sample.meta["teacher"]["prompt_sha256"]) == 64
        assert sample.tests or sample.category != "algorithm"
    modes = Counter(s.meta["teacher"]["prompt"] for s in samples if s.category == "html")
    assert modes == {"page_design-1": N, "page_rewrite-1": N // 5}


def test_killed_on_the_way_nothing_with_an_answer_on_disk_was_asked_again(built: Built) -> None:
    assert built.n_killed == KILLS
    assert built.teacher.trouble[429] and built.teacher.trouble[500]
    again = {body: keys for body, keys in built.teacher.worked.items() if len(keys) > 1}
    assert all(len(set(keys)) == 1 for keys in again.values())  # under one idempotency key
    halves = sum(map(len, built.teacher.worked.values())) // 41 + 2  # half of a reply came
    assert len(again) <= built.n_killed * CONCURRENCY * WORKERS + halves


def test_what_benchmarks_have_is_rejected_and_reported(built: Built) -> None:
    report = json.loads((built.place / "set" / "contamination.json").read_text())
    rejects = [r for r in read_rejects(built.place / "set") if r.filter == "contaminated"]
    assert {reject.category for reject in rejects} == {"chart", "html", "qa", "algorithm"}
    found = {match["sample"] for match in report["matches"]}
    assert {reject.id for reject in rejects} <= found  # others went as duplicates
    assert report["n_contaminated"] == len(found)
    assert not found & {sample.id for sample in open_dataset(built.place / "set")}
    told = (built.place / "set" / "contamination.md").read_text()
    for name in ("Design2Code", "ChartMimic", "MMCode", "InfiBench-V"):
        assert name in told


def test_the_card_tells_sources_licences_prompts_rejects_and_has_galleries(built: Built) -> None:
    card = (built.place / "set" / "README.md").read_text()
    rows = [
        f"| {label} | no_reply |" for label in ("chart_script", "html_designed", "html_rewritten")
    ]
    compared = "Compared with ChartMimic (20 items), Design2Code"
    for text in (*breadth.wanted(N), "mit", "page_rewrite-1", "hollow_tests", compared, *rows):
        assert text in card, text
    assert (built.place / "set" / "gallery.html").stat().st_size > 10_000
    assert (built.place / "set" / "rejects.html").stat().st_size > 10_000
    rejects = Counter(reject.filter for reject in read_rejects(built.place / "set"))
    for name in ("refusal", "no_plot", "bad_seed", "hollow_tests", "teacher_unfit", "contaminated"):
        assert rejects[name], rejects


def test_card_and_recording_make_the_same_samples_again_without_an_endpoint(
    built: Built, tmp_path: Path
) -> None:
    card = (built.place / "set" / "README.md").read_text()
    told = yaml.safe_load(card.partition("```yaml\n")[2].partition("\n```")[0])
    told["teacher"]["replay"] = str(built.place / "replies.jsonl.gz")
    for label, entry in told["sources"].items():
        entry["n"] = 3 if label != "html_rewritten" else 2
    report = build(check_recipe(DataRecipe, told), tmp_path / "again")
    assert report.status == "done", report.shortages()
    whole = {sample.id: sample for sample in open_dataset(built.place / "set")}
    again = list(open_dataset(tmp_path / "again"))
    assert len(again) == 17
    assert all(whole[sample.id] == sample for sample in again)
    manifest = read_manifest(built.place / "set")
    assert manifest is not None and manifest.n_samples == len(whole)

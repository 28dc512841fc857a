"""The weights that come with the package: whole, of one family, and good for what is said of them."""

import json
from pathlib import Path

import pytest

from tests.generate.conftest import PICTURES
from viscodex.generate.picture import read_picture
from viscodex.generate.writer import Writer
from viscodex.merge.apply import merge
from viscodex.models.model import DEFAULT, Decoding, open_model, weights_folder
from viscodex.nano import demo
from viscodex.nano.weights import MAX_BYTES, MEMBERS

WEIGHTS = weights_folder(DEFAULT).parent
RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
"""Least mean of each metric on the example pictures: what was recorded, less up to a tenth for other CPUs."""


def test_files_are_small_and_every_member_has_its_card_and_log():
    files = [file for file in WEIGHTS.rglob("*") if file.is_file()]
    assert max(file.stat().st_size for file in files) <= 16_000_000
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES
    for name in MEMBERS:
        for kept in ("README.md", "training_log.jsonl", "training_recipe.json", "config.json"):
            assert (WEIGHTS / name / kept).exists(), (name, kept)


def test_merging_the_branches_makes_nano_merged(tmp_path):
    expected = json.loads((WEIGHTS / "merged.json").read_text())
    models = {name: WEIGHTS / name for name in ("base", "vlm", "code")}
    report = merge(**models, lam=expected["lam"], out=tmp_path / "merged")
    assert report.output_hash == expected["output_hash"]


@pytest.fixture(scope="module")
def made():
    """What nano writes for the example pictures, run."""
    paths = sorted(PICTURES.glob("*.png"))
    decoding = Decoding(max_tokens=600)
    with open_model(DEFAULT) as model, Writer(model, decoding=decoding) as writer:
        return writer.write([read_picture(path) for path in paths])


def test_nano_writes_code_of_the_example_pictures_that_runs(made):
    assert len(made) >= 10
    assert sum(one.ok for one in made) / len(made) >= RECORDED["exec_rate"]
    assert {one.task for one in made if "chart_" in one.picture.name} == {"chart"}


def test_nano_looks(made):
    charts = [one.code for one in made if "chart_" in one.picture.name]
    assert len(set(charts)) == len(charts)
    examples = demo._scored(made, lambda line: None, allow_unsafe=False)
    for name, least in RECORDED["scores"].items():
        kind, _, metric = name.partition(" ")
        found = [
            example.score.values[metric]
            for example in examples
            if example.score is not None and example.name.startswith(kind)
        ]
        assert found and sum(found) / len(found) >= least, name

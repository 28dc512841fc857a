"""viscodex train on a data set on disk: merge first, train, run what the model writes, go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.train import models
from tests.train.conftest import plain_recipe
from viscodex.cli import app
from viscodex.data.store import write_shard
from viscodex.nano.trio import make_trio


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["train", *words])


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "data set"
    write_dataset(folder)
    return folder


def write_dataset(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    write_shard(folder / "data" / "train-00000-of-00001.parquet", models.mixed(12))


def test_a_recipe_merges_trains_shows_and_is_found_finished(dataset: Path, tmp_path: Path) -> None:
    make_trio(tmp_path / "trio", dtype="float32")
    merge = tmp_path / "merge.yaml"
    merge.write_text(yaml.safe_dump({k: str(tmp_path / "trio" / k) for k in ("vlm", "code")}))
    plain = plain_recipe(tmp_path / "merged", tmp_path / "run") | {
        "merge": str(merge), "data": [{"path": str(dataset), "categories": ["chart"]}], "batch": 4,
        "eval_share": 0.1, "eval_every": 2, "save_every": 2, "sample_every": 2, "n_samples": 1,
        "sample_tokens": 8, "workers": 1,
    }  # fmt: skip
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(plain))
    done = run(str(path), "--json", "--no-run-samples", "epochs=1")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["steps"], report["n_samples"]) == (2, 8)
    assert report["loss"] > 0
    assert "merging" in done.stderr and "step 2/2" in done.stderr and "tokens/s" in done.stderr
    assert "vision_tower" in done.stderr and "median" in done.stderr
    assert (tmp_path / "run" / "model" / "config.json").is_file()
    again = run(str(path), "epochs=1")
    assert again.exit_code == 0
    assert "finished before" in again.stderr
    checkpoint = tmp_path / "run" / "checkpoint-000002"
    exported = run(
        str(path), "epochs=1", "--export", str(checkpoint), "-o", str(tmp_path / "exported")
    )
    assert exported.exit_code == 0, exported.output
    weights = "model.safetensors"
    same = (tmp_path / "exported" / weights).read_bytes() == (
        tmp_path / "run/model" / weights
    ).read_bytes()
    assert same


def test_answers_are_run_in_the_sandbox() -> None:
    import contextlib

    from viscodex.cli.train import _executor
    from viscodex.train.samples import Written
    from viscodex.types import Message, Sample

    chart = models.chart(1)
    page = Sample("p", "html", (Message("user", "a page"), Message("assistant", "x")))
    text = models.problem(1)
    with contextlib.ExitStack() as stack:
        execute = _executor(stack)
        assert execute is not None
        written = [
            Written(
                1,
                chart,
                "```python\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n```",
                False,
                True,
            ),
            Written(
                1,
                chart,
                "```python\nimport os\nraise OSError(os.listdir('/root'))\n```",
                False,
                True,
            ),
            Written(1, page, "```html\n<h1>Hello</h1>\n```", False, True),
            Written(1, text, "def f(): return 1", False, True),
        ]
        drawn, failed, shown, nothing = execute(written)
    assert drawn is not None and drawn.status == "ok" and drawn.image
    assert failed is not None and failed.status == "error"
    assert shown is not None and shown.status == "ok" and shown.image
    assert nothing is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a.yaml", "b.yaml"), "one recipe at a time"),
        (("none.yaml",), "cannot be read"),
        (("RECIPE", "lr=-1"), "greater than 0"),
        (("RECIPE", "batc=1"), "did you mean batch"),
        (("RECIPE", "--export", "x"), "go together"),
    ],
)
def test_words_that_cannot_be_meant(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(plain_recipe(tmp_path, tmp_path / "run")))
    done = run(*(str(path) if word == "RECIPE" else word for word in words))
    assert done.exit_code != 0
    assert told in str(done.exception)

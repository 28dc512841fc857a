"""Export and import: there and back nothing is lost; what others read is what they expect."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.samples import chart, png, problem
from viscodex.data import export, staging
from viscodex.data.card import finish_dataset
from viscodex.data.dataset import Dataset
from viscodex.data.export import FORMATS, export_dataset
from viscodex.data.importing import import_dataset
from viscodex.data.store import FilterNote, open_dataset, read_manifest, shard_path, write_shard
from viscodex.errors import BadRecipe, OutputRefused
from viscodex.types import CATEGORIES, Message, Sample

ODD = 'a\u2028b\u202e\0\x85"\\ </script> \U0001f600 ä\ud7ff\ue000 \ufffd'
SYSTEM = (
    Message("system", "Be short."),
    *chart(0).messages,
    Message("user", ODD),
    Message("assistant", ODD),
)
SAMPLES = [
    *(chart(i) for i in range(5)),
    chart(7, messages=SYSTEM),
    chart(8, images=(png(), png(9, 9)), messages=(Message("user", f"<image>{ODD}<image>"), Message("assistant", "y"))),
    problem(),
    replace(problem(1), meta={"seed": 1 << 70, "kind": 3, "deep": [{"x": [None, True, 0.1, ODD]}]}),
    chart(9, category="html", task="describe", reference="", language="", meta={}),
]  # fmt: skip


def dataset_of(folder: Path, samples: list[Sample]) -> Dataset:
    """A finished data set of these."""
    write_shard(shard_path(folder, 0, 1), samples)
    finish_dataset(folder, recipe={"seed": 4}, filters=[FilterNote("blank", "ink", n_rejects=3)])
    return open_dataset(folder)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset_of(tmp_path_factory.mktemp("export") / "set", SAMPLES)


@pytest.mark.parametrize("format", FORMATS)
def test_export_and_import_give_the_same_samples(
    dataset: Dataset, tmp_path: Path, format: str
) -> None:
    assert export_dataset(dataset, tmp_path / "out", format) == len(SAMPLES)
    manifest = import_dataset(tmp_path / "out", tmp_path / "back")
    assert manifest.n_rejects == 0
    assert list(open_dataset(tmp_path / "back", verify=True)) == SAMPLES


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30).filter(
    lambda text: text.strip() and "<image>" not in text
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(texts, texts, st.sampled_from(CATEGORIES), st.dictionaries(texts, texts, max_size=2)), min_size=1, max_size=5),
    st.sampled_from(sorted(FORMATS)),
)  # fmt: skip
def test_any_text_survives_any_format(
    tmp_path_factory: pytest.TempPathFactory, told: list[Any], format: str
) -> None:
    place = tmp_path_factory.mktemp("any")
    samples = [
        Sample(f"{n}-{ask}", category, (Message("user", f"{ask}<image>"), Message("assistant", say)), (png(),), reference=say, meta=meta)
        for n, (ask, say, category, meta) in enumerate(told)
    ]  # fmt: skip
    export_dataset(dataset_of(place / "set", samples), place / "out", format)
    import_dataset(place / "out", place / "back")
    assert list(open_dataset(place / "back")) == samples


@pytest.mark.parametrize("format", FORMATS)
def test_equal_data_sets_export_equal_bytes(dataset: Dataset, tmp_path: Path, format: str) -> None:
    for name in ("a", "b"):
        export_dataset(dataset, tmp_path / name, format)
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_mcd_is_laid_out_as_published(dataset: Dataset, tmp_path: Path) -> None:
    export_dataset(dataset, tmp_path / "mcd", "mcd")
    records = json.loads((tmp_path / "mcd" / "mcd.json").read_text(encoding="utf-8"))
    assert len(records) == len(SAMPLES)
    first = records[0]
    assert first["category"] == "chart"
    assert first["messages"][1] == {"role": "assistant", "content": SAMPLES[0].answer}
    (name,) = first["images"]
    assert name.startswith("mcd_images/chart_images/")
    assert (tmp_path / "mcd" / name).read_bytes() == SAMPLES[0].images[0]
    assert records[7]["images"] == []


def test_equal_pictures_share_a_file(tmp_path: Path) -> None:
    same = [chart(i, images=(png(),)) for i in range(4)]
    export_dataset(dataset_of(tmp_path / "set", same), tmp_path / "mcd", "mcd")
    assert len(list((tmp_path / "mcd" / "mcd_images").rglob("*.png"))) == 1


def test_llamafactory_folder_describes_itself_and_loads_as_one_table(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    out = tmp_path / "lf"
    export_dataset(dataset, out, "llamafactory")
    info = json.loads((out / "dataset_info.json").read_text())["viscodex"]
    assert info["formatting"] == "sharegpt"
    assert info["columns"] == {"messages": "messages", "images": "images"}
    assert info["tags"]["role_tag"] == "role"
    rows = datasets.load_dataset(
        "json",
        data_files=str(out / info["file_name"]),
        split="train",
        cache_dir=str(tmp_path / "c"),
    )  # as LLaMA-Factory loads it: columns of one type each
    assert rows.num_rows == len(SAMPLES)
    for row in rows:
        marks = sum(m["content"].count("<image>") for m in row["messages"])
        assert marks == len(row["images"])
        assert all((out / name).is_file() for name in row["images"])


def test_openai_lines_hold_pictures_as_data_urls_and_no_foreign_keys(
    dataset: Dataset, tmp_path: Path
) -> None:
    export_dataset(dataset, tmp_path / "chat", "openai")
    lines = (tmp_path / "chat" / "chat.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    rows = [json.loads(line) for line in lines]
    assert [set(row) for row in rows] == [{"messages"}] * len(SAMPLES)
    picture, text = rows[0]["messages"][0]["content"]
    assert text == {"type": "text", "text": "\nWrite the code of this chart."}
    head, _, data = picture["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == SAMPLES[0].images[0]
    assert rows[0]["messages"][1] == {"role": "assistant", "content": SAMPLES[0].answer}


def test_parquet_export_is_a_data_set_without_rejects(dataset: Dataset, tmp_path: Path) -> None:
    export_dataset(dataset.filter(category="algorithm"), tmp_path / "hub", "parquet")
    assert list(open_dataset(tmp_path / "hub", verify=True)) == SAMPLES[7:9]
    assert not (tmp_path / "hub" / "rejects").exists()
    manifest = read_manifest(tmp_path / "hub")
    assert manifest is not None
    assert (manifest.recipe, manifest.filters[0].n_rejects) == ({"seed": 4}, 3)


# --- the place ------------------------------------------------------------------------------------


def test_a_place_that_is_taken_is_refused_and_left_alone(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("x")
    (tmp_path / "half.partial").mkdir()
    (tmp_path / "half.partial" / "mine.txt").write_text("x")
    for place in (tmp_path / "taken", tmp_path / "half", dataset.folder, dataset.folder / "inside"):
        with pytest.raises(OutputRefused):
            export_dataset(dataset, place, "mcd")
    assert [p.name for p in (tmp_path / "taken").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    export_dataset(dataset, tmp_path / "empty", "mcd")
    with pytest.raises(BadRecipe, match="llamafactory"):
        export_dataset(dataset, tmp_path / "new", "yolo")


# --- kill and go on -------------------------------------------------------------------------------

N = 90
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of a few shards."""
    folder = tmp_path_factory.mktemp("larger") / "set"
    pictures = [png(9 + i % 60, 8) for i in range(N)]  # a third of them twice
    dataset_of(folder, [chart(i, images=(pictures[i],)) for i in range(N)])
    return folder


@pytest.fixture(scope="module")
def wholes(larger: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Format -> name of a file -> its bytes, exported at once."""
    place = tmp_path_factory.mktemp("wholes")
    for format in FORMATS:
        export_dataset(open_dataset(larger), place / format, format)
    return {format: _files(place / format) for format in FORMATS}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _start(source: Path, out: Path, format: str, end: str = "") -> int:
    """A process of its own that exports, and kills itself where `end` says; its number."""
    if child := os.fork():
        return child
    status = 1
    with contextlib.suppress(BaseException):
        _die_at(end)
        export.NOTED_ROWS = 16
        export_dataset(
            open_dataset(source), out, format, progress=lambda _, done, __: _at(done, end)
        )
        status = 0
    os._exit(status)


def _ended(child: int) -> int:
    """As subprocess has it: a signal is negative."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at(done: int, end: str) -> None:
    if str(done) == end:
        _die()


def _die_at(end: str) -> None:
    """In a child that ends soon: let what it writes be cut short."""
    whole_note, whole_name, whole_end = staging.write_atomically, Path.replace, Path.unlink
    left = iter(range(20))

    def note(path: Path, data: str | bytes) -> None:
        if '"done": 32' in str(data):
            path.with_name(f"{path.name}.part").write_text(str(data)[:20])
            _die()
        whole_note(path, data)

    def name(self: Path, to: Path) -> Path:
        if "images" in str(self) and next(left, None) is None:
            self.write_bytes(self.read_bytes()[:9])
            _die()
        return whole_name(self, to)

    def gone(self: Path, missing_ok: bool = False) -> None:
        if self.name == "lock":
            _die()
        whole_end(self, missing_ok)

    if end == "half a note":
        staging.write_atomically = note  # type: ignore[attr-defined]
    if end == "half a picture":
        Path.replace = name  # type: ignore[method-assign,assignment]
    if end == "renamed":  # the folder has its last name, and its notes are still in it
        Path.unlink = gone  # type: ignore[method-assign,assignment]


@forks
@pytest.mark.parametrize("format", FORMATS)
def test_killed_anywhere_an_export_goes_on_to_the_same_bytes(
    larger: Path, wholes: dict[str, dict[str, bytes]], tmp_path: Path, format: str
) -> None:
    out, ends = tmp_path / "out", ["3", "33", str(N), "renamed"]
    if format != "parquet":  # which is one shard here: nothing is noted on the way
        ends.insert(1, "half a note")
    if format in ("mcd", "llamafactory"):
        ends.insert(1, "half a picture")
    for end in ends:
        assert _ended(_start(larger, out, format, end)) == -signal.SIGKILL, end
        assert out.exists() == (end == "renamed")
    assert _files(out) != wholes[format]
    export_dataset(open_dataset(larger), out, format)
    assert _files(out) == wholes[format]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@forks
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_chance_an_export_goes_on_to_the_same_bytes(
    larger: Path, wholes: dict[str, dict[str, bytes]], tmp_path: Path, seed: int
) -> None:
    draw, out, kills = random.Random(seed), tmp_path / "out", 0
    while not out.exists():
        child = _start(larger, out, "mcd")
        time.sleep(draw.uniform(0.002, 0.03 * (1 + kills)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        kills += _ended(child) == -signal.SIGKILL
    export_dataset(open_dataset(larger), tmp_path / "again", "mcd")
    if (out / "state.json").exists():  # killed between the last name and the end
        export_dataset(open_dataset(larger), out, "mcd")
    assert kills >= 1
    assert _files(out) == _files(tmp_path / "again") == wholes["mcd"]


def test_a_parquet_export_keeps_its_shards(
    larger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscodex.data.shards.SHARD_ROWS", 20)
    seen: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_dataset(open_dataset(larger), tmp_path / "out", "parquet", progress=stop)
    assert not (tmp_path / "out").exists()
    export_dataset(open_dataset(larger), tmp_path / "out", "parquet", progress=stop)
    assert seen[50:] == list(range(41, N + 1))
    export_dataset(open_dataset(larger), tmp_path / "whole", "parquet")
    assert _files(tmp_path / "out") == _files(tmp_path / "whole")


@forks
def test_an_export_of_something_else_is_not_gone_on_with(
    dataset: Dataset, larger: Path, tmp_path: Path
) -> None:
    assert _ended(_start(larger, tmp_path / "out", "mcd", "20")) == -signal.SIGKILL
    for other, format, words in (
        (dataset, "mcd", "data set"),
        (open_dataset(larger), "llamafactory", "format"),
        (open_dataset(larger).select(range(30)), "mcd", "data set"),
    ):
        with pytest.raises(OutputRefused, match=f"partial: .*{words}"):
            export_dataset(other, tmp_path / "out", format)
    export_dataset(open_dataset(larger), tmp_path / "out", "mcd")

"""The store: what goes in comes out, bytes follow from content, damage is named."""

from __future__ import annotations

import json
import pickle
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.samples import chart, png, problem
from viscodex.data.card import finish_dataset
from viscodex.data.columns import sample_from_row, table_from_samples
from viscodex.data.draft import Reject
from viscodex.data.manifest import FilterNote
from viscodex.data.shards import GROUP_ROWS, write_shards
from viscodex.data.store import (
    Rejects,
    open_dataset,
    read_manifest,
    read_rejects,
    rejects_path,
    shard_path,
    write_rejects,
    write_shard,
)
from viscodex.errors import BadDataset, BadInput
from viscodex.types import Message, Sample

MIXED = [
    *(chart(i) for i in range(70)),
    problem(0),
    *(chart(i, task="describe") for i in (900, 901)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data set of 73 samples in two shards, with rejects."""
    folder = tmp_path_factory.mktemp("store") / "set"
    write_shard(shard_path(folder, 0, 2), MIXED[:50])
    write_shard(shard_path(folder, 1, 2), MIXED[50:])
    rejects = [Reject("chart-9", "chart", "blank", "no ink", {"ink": 0.0}, "bar", "x = 1", png())]
    write_rejects(rejects_path(folder, 0, 1), rejects * 40)
    finish_dataset(folder, recipe={"seed": 1}, filters=[FilterNote("blank", "too little ink")])
    return folder


# --- round trip -----------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
own_keys = st.sampled_from(["source", "kind", "licence", "seed", "difficulty", "n_text_tokens"])
samples = st.builds(
    Sample,
    id=texts,
    category=st.sampled_from(["chart", "html", "qa", "algorithm"]),
    messages=st.lists(
        st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts), max_size=3
    ).map(tuple),
    images=st.lists(st.sampled_from([png(), png(7, 9)]), max_size=2).map(tuple),
    task=texts,
    reference=texts,
    language=texts,
    tests=texts,
    meta=st.dictionaries(own_keys | texts, values, max_size=5),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(samples, max_size=3))
def test_any_sample_comes_back_as_it_was(items: list[Sample]) -> None:
    rows = table_from_samples(items).to_pylist()
    assert [sample_from_row(row) for row in rows] == items
    kinds = [type(value) for item in items for value in item.meta.values()]
    back = [sample_from_row(row).meta for row in rows]
    for item, meta in zip(items, back, strict=True):
        assert {k: type(v) for k, v in meta.items()} == {k: type(v) for k, v in item.meta.items()}
    assert len(kinds) == sum(len(meta) for meta in back)


def test_samples_are_read_by_number_in_order_and_from_the_end(folder: Path) -> None:
    dataset = open_dataset(folder, verify=True)
    assert len(dataset) == len(MIXED)
    assert list(dataset) == MIXED
    for index in (72, 0, 49, 50, 33, -1, -73):
        assert dataset[index] == MIXED[index]
    for index in (73, -74):
        with pytest.raises(IndexError):
            dataset[index]


def test_filters_slices_and_selections_compose(folder: Path) -> None:
    dataset = open_dataset(folder)
    described = dataset.filter(category="chart", task=["describe"])
    assert list(described) == MIXED[71:]
    assert list(dataset.filter(category=("algorithm",))) == [MIXED[70]]
    charts = dataset.filter(category="chart")[10:60][::2].select([3, 1])
    assert list(charts) == [MIXED[16], MIXED[12]]
    assert [(row.index, row.id) for row in charts.rows()] == [(0, MIXED[16].id), (1, MIXED[12].id)]
    assert not len(dataset.filter(category="html"))
    assert list(dataset.filter(category="html").rows()) == []


def test_rows_tell_sizes_and_tokens_without_pictures(folder: Path) -> None:
    rows = list(open_dataset(folder).rows())
    assert [row.index for row in rows] == list(range(len(MIXED)))
    assert rows[3].image_sizes == ((43, 30),)
    assert rows[3].n_characters == sum(len(m.content) for m in MIXED[3].messages)
    assert (rows[3].n_text_tokens, rows[3].n_vision_tokens) == (53, 64)
    assert (rows[70].image_sizes, rows[70].n_text_tokens, rows[70].kind) == ((), None, "sum")
    assert (rows[3].source, rows[3].licence) == ("procedural", "CC0-1.0")


def test_a_dataset_goes_to_other_threads_and_processes(folder: Path) -> None:
    dataset = open_dataset(folder).filter(category="chart")
    twin = pickle.loads(pickle.dumps(dataset))
    assert list(twin) == list(dataset)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(dataset.__getitem__, range(72))) == list(dataset)


def test_datasets_library_opens_the_folder_and_decodes_pictures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    assert list(loaded) == ["train"]  # the rejects are not a part of it
    train = loaded["train"]
    assert train.num_rows == len(MIXED)
    row = train[3]
    assert row["images"][0].size == (43, 30)
    assert row["images"][0].convert("RGB").getpixel((1, 1)) == (3, 30, 60)
    assert [m["role"] for m in row["messages"]] == ["user", "assistant"]
    assert json.loads(row["meta"])["facts"]["title"] == "Größe"
    assert row["seed"] == 3


# --- bytes ----------------------------------------------------------------------------------------


def test_equal_samples_give_equal_bytes_and_card(tmp_path: Path) -> None:
    infos = []
    for name in ("a", "b"):
        infos.append(write_shard(shard_path(tmp_path / name, 0, 1), iter(MIXED)))
        write_rejects(rejects_path(tmp_path / name, 0, 1), [Reject("r", "chart", "blank", "why")])
        finish_dataset(tmp_path / name, recipe={"seed": 1})
    assert infos[0] == infos[1]
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert {str(f) for f in files} >= {"README.md", "manifest.json", "gallery.html", "rejects.html"}
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_the_order_of_meta_does_not_matter_and_its_content_does(tmp_path: Path) -> None:
    plain = chart(1, meta={"a": 1, "seed": 2})
    turned = replace(plain, meta={"seed": 2, "a": 1})
    other = replace(plain, meta={"seed": 3, "a": 1})
    infos = [write_shard(tmp_path / "x.parquet", [s]) for s in (plain, turned, other)]
    assert infos[0] == infos[1] != infos[2]
    assert infos[0].content != infos[2].content


def test_shards_are_cut_into_small_row_groups(tmp_path: Path) -> None:
    write_shard(tmp_path / "many.parquet", (chart(i) for i in range(100)))
    groups = pq.ParquetFile(tmp_path / "many.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(4)] == [GROUP_ROWS] * 3 + [4]
    long = chart(
        0,
        reference="",
        messages=(Message("user", "x" * (3 << 20)), Message("assistant", "y")),
        images=(),
    )
    write_shard(tmp_path / "long.parquet", [long, long, long])
    assert pq.ParquetFile(tmp_path / "long.parquet").metadata.num_row_groups == 3


def test_shards_are_filled_and_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viscodex.data.shards.SHARD_ROWS", 30)
    infos = write_shards(tmp_path, iter(MIXED))
    assert [(i.file, i.rows) for i in infos] == [
        ("train-00000-of-00003.parquet", 30),
        ("train-00001-of-00003.parquet", 30),
        ("train-00002-of-00003.parquet", 13),
    ]
    assert list(open_dataset(tmp_path)) == MIXED
    assert [i.rows for i in write_shards(tmp_path / "none", [])] == [0]
    assert len(open_dataset(tmp_path / "none")) == 0


def test_an_interrupted_shard_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Sample]:
        yield from MIXED[:40]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "data" / "x.parquet", broken())
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"meta": {"x": float("nan")}}, "meta"),
        ({"meta": {"x": {1, 2}}}, "meta"),
        ({"reference": "half \ud800 pair"}, "not Unicode"),
        ({"images": (b"no picture",)}, "picture"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message) as error:
        write_shard(tmp_path / "x.parquet", [chart(5, **change)])
    assert "chart-0000005" in str(error.value)
    assert list(tmp_path.iterdir()) == []


# --- rejects, manifest ----------------------------------------------------------------------------


def test_rejects_come_back_whatever_they_hold(tmp_path: Path) -> None:
    odd = Reject(
        "a\ud800", "", "bad_row", "\0 \ud83d", {"x": float("inf")}, "k", "c\n", b"no picture"
    )
    plain = Reject("b", "chart", "blank", "why", {"ink": 0.5, "threshold": 1.0}, image=png())
    write_rejects(rejects_path(tmp_path, 0, 1), [odd, plain])
    found = list(read_rejects(tmp_path))
    assert found[1] == plain
    assert found[0] == replace(odd, id="a\\ud800", reason="\0 \\ud83d")
    index = Rejects(tmp_path)
    assert index.labels == [("bad_row", "", "k"), ("blank", "chart", "")]
    assert [index[i] for i in (1, -2)] == [plain, found[0]]
    assert list(read_rejects(tmp_path / "none")) == []


def test_manifest_and_card_count_everything(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest is not None
    assert (manifest.n_samples, manifest.n_rejects) == (73, 40)
    assert manifest.counts["chart"]["code"] == {"bar": 23, "line": 24, "pie": 23}
    assert manifest.filters == (FilterNote("blank", "too little ink", n_rejects=40),)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "| chart | code | line | 24 |" in card
    assert "| all | blank | too little ink |  | 40 | 35.40 % |" in card
    for info in manifest.shards:
        assert info.xxh3 in card


def test_filters_are_counted_by_category_and_unexplained_ones_are_listed(tmp_path: Path) -> None:
    write_shard(shard_path(tmp_path, 0, 1), [chart()])
    rejects = [
        Reject("1", c, f, "") for c, f in (("chart", "blank"), ("html", "blank"), ("qa", "odd"))
    ]
    write_rejects(rejects_path(tmp_path, 0, 1), rejects)
    notes = [FilterNote("blank", "e", "chart"), FilterNote("blank", "e", "html", n_rejects=0)]
    found = finish_dataset(tmp_path, filters=notes).filters
    assert [(f.name, f.category, f.n_rejects) for f in found] == [
        ("blank", "chart", 1), ("blank", "html", 0), ("odd", "qa", 1),
    ]  # fmt: skip


def test_names_from_data_cannot_break_the_card(tmp_path: Path) -> None:
    kind = "a|b</td><script>\n# heading"
    write_shard(shard_path(tmp_path, 0, 1), [chart(meta={"kind": kind, "source": "```"})])
    finish_dataset(tmp_path, recipe={"x": "```\n# heading"}, notes=["<b>"])
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "<script>" not in card
    assert "\n# heading" not in card
    assert r"a\|b&lt;/td>&lt;script> # heading" in card


# --- damage ---------------------------------------------------------------------------------------


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy of the data set to damage."""
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "copy"))


def first(folder: Path) -> Path:
    """Its first shard."""
    return shard_path(folder, 0, 2)


def _remove(folder: Path) -> None:
    first(folder).unlink()


def _truncate(folder: Path) -> None:
    first(folder).write_bytes(first(folder).read_bytes()[:-100])


def _empty(folder: Path) -> None:
    first(folder).write_bytes(b"")


def _swap(folder: Path) -> None:
    write_shard(first(folder), MIXED[:49])


def _add(folder: Path) -> None:
    write_shard(folder / "data" / "more.parquet", MIXED[:1])


def _manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"shards": 3}')


def _newer(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"format": 1', '"format": 2'))


def _foreign(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    pq.write_table(pa.table({"text": ["a"]}), first(folder))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_remove, "missing"), (_truncate, "cut short"), (_empty, "cut short"), (_swap, "not the one"),
        (_add, "does not know"), (_manifest, "manifest"), (_newer, "newer"), (_foreign, "data import"),
    ],
)  # fmt: skip
def test_a_damaged_folder_is_refused_with_file_and_advice(
    copy: Path, damage: Any, message: str
) -> None:
    damage(copy)
    with pytest.raises(BadDataset, match=message) as error:
        open_dataset(copy)
    assert error.value.where
    assert error.value.todo


def test_a_missing_shard_is_noticed_without_a_manifest(copy: Path) -> None:
    (copy / "manifest.json").unlink()
    assert len(open_dataset(copy)) == 73
    first(copy).unlink()
    with pytest.raises(BadDataset, match=r"train-00000-of-00002\.parquet"):
        open_dataset(copy)


@pytest.mark.parametrize("place", ["none", "file", "empty"])
def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadDataset):
        open_dataset(tmp_path / place)


def test_an_unfinished_build_is_called_so(tmp_path: Path) -> None:
    (tmp_path / ".build").mkdir()
    with pytest.raises(BadDataset, match="not finished"):
        open_dataset(tmp_path)


def test_a_flipped_byte_is_found_by_hash_and_by_checksum(copy: Path) -> None:
    data = bytearray(first(copy).read_bytes())
    at = data.index(MIXED[3].images[0])  # pictures lie there as they are
    data[at + 60] ^= 1
    first(copy).write_bytes(data)
    dataset = open_dataset(copy)
    with pytest.raises(BadDataset, match="damaged"):
        dataset[3]
    assert dataset[49] == MIXED[49]  # another row group
    with pytest.raises(BadDataset, match="hash"):
        open_dataset(copy, verify=True)


def test_a_row_that_is_no_sample_is_named(tmp_path: Path) -> None:
    table = table_from_samples([chart(1)])
    place = table.schema.get_field_index("meta")
    table = table.set_column(place, table.schema.field(place), pa.array(["[1]"]))
    (tmp_path / "data").mkdir()
    pq.write_table(table, shard_path(tmp_path, 0, 1))
    with pytest.raises(BadDataset, match="chart-0000001"):
        open_dataset(tmp_path)[0]


def test_parquet_of_another_writer_with_wide_types_is_read(tmp_path: Path) -> None:
    table = table_from_samples(MIXED[:3])
    wide = table.set_column(0, "id", table.column("id").cast(pa.large_string()))
    (tmp_path / "data").mkdir()
    pq.write_table(wide, tmp_path / "data" / "0000.parquet")
    assert list(open_dataset(tmp_path)) == MIXED[:3]


def test_letters_of_a_name_are_kept() -> None:
    name = string.printable + "ä\u202e\U0001f600"
    row = table_from_samples([chart(0, id=name)]).to_pylist()[0]
    assert sample_from_row(row).id == name

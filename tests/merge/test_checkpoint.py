"""Checkpoints: what a file claims is checked before it is believed; what we write, others read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

from viscodex.errors import BadCheckpoint
from viscodex.files import write_atomically
from viscodex.merge.checkpoint import (
    INDEX_FILE,
    MAX_HEADER_BYTES,
    SINGLE_FILE,
    Checkpoint,
    TensorReader,
    fingerprint,
    hash_of_tensors,
    hash_tensor,
    index_json,
    lay_out,
    read_checkpoint,
    read_header,
    read_json,
    sidecars,
)
from viscodex.types import BYTES_PER_ELEMENT, TensorInfo

NUMPY: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
shapes = st.lists(st.integers(0, 5), max_size=4).map(tuple)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name != "__metadata__"
)
tensors = st.dictionaries(names, st.tuples(st.sampled_from(sorted(NUMPY)), shapes), max_size=6)


def _raw(header: object, body: bytes = b"", *, text: bytes | None = None) -> bytes:
    """A safetensors file with this header, right or wrong."""
    text = json.dumps(header).encode() if text is None else text
    return len(text).to_bytes(8, "little") + text + body


def _entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    shape, offsets = (list(x) if isinstance(x, tuple) else x for x in (shape, offsets))
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def _read(raw: bytes) -> list[TensorInfo]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, SINGLE_FILE)
        file.write_bytes(raw)
        return read_header(file)


def _checkpoint(folder: Path, **files: dict[str, Any]) -> Path:
    """A checkpoint of shards given as name -> tensors, with a truthful index."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    for name, content in files.items():
        (folder / f"{name}.safetensors").write_bytes(save(content))
    weight_map = {t: f"{name}.safetensors" for name, content in files.items() for t in content}
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))
    return folder


A, B = np.ones(2, np.float32), np.zeros((2, 3), np.float16)


# --- agreement with the safetensors library -------------------------------------------------------


@given(tensors)
@settings(max_examples=150)
def test_header_agrees_with_what_safetensors_wrote(content: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    arrays = {n: rng.integers(0, 2, shape).astype(NUMPY[d]) for n, (d, shape) in content.items()}
    raw = save(arrays, metadata={"format": "pt"})
    infos = {info.name: info for info in _read(raw)}
    assert {n: (i.dtype, i.shape) for n, i in infos.items()} == content
    for name, info in infos.items():
        assert raw[info.offset : info.offset + info.nbytes] == arrays[name].tobytes()
        assert info.n_elements == arrays[name].size


def _is_consistent(infos: list[TensorInfo], size: int) -> bool:
    """Tensors that tile the file from the header to its end, each as large as its shape."""
    end = infos[0].offset if infos else size
    for info in infos:
        elements = 1
        for dimension in info.shape:
            elements *= dimension
        if info.offset != end or info.nbytes != elements * BYTES_PER_ELEMENT[info.dtype]:
            return False
        end += info.nbytes
    return end == size


SOUND = save({"a": A, "b.weight": B, "empty": np.zeros((0, 3), np.float32)})
HEADER = 8 + int.from_bytes(SOUND[:8], "little")


@pytest.mark.parametrize("size", range(len(SOUND)))
def test_a_truncated_file_is_refused(size: int) -> None:
    with pytest.raises(BadCheckpoint):
        _read(SOUND[:size])


def _accepted_is_consistent(raw: bytes) -> None:
    try:
        infos = _read(raw)
    except BadCheckpoint:
        return
    assert _is_consistent(infos, len(raw))


@given(place=st.integers(0, HEADER - 1), byte=st.integers(0, 255))
@settings(max_examples=500)
def test_a_changed_header_byte_is_refused_or_consistent(place: int, byte: int) -> None:
    _accepted_is_consistent(SOUND[:place] + bytes([byte]) + SOUND[place + 1 :])


@given(first=st.integers(8, HEADER), last=st.integers(8, HEADER), patch=st.binary(max_size=12))
@settings(max_examples=300)
def test_a_patched_header_is_refused_or_consistent(first: int, last: int, patch: bytes) -> None:
    text = SOUND[8 : min(first, last)] + patch + SOUND[max(first, last) : HEADER]
    _accepted_is_consistent(_raw(None, SOUND[HEADER:], text=text))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        # a list or an object as dtype: test_a_dtype_that_is_no_text_is_refused
        "dtype": st.sampled_from(sorted(BYTES_PER_ELEMENT)) | st.text(max_size=3) | st.none(),
        "shape": st.lists(st.integers(-1, 3), max_size=3) | json_values,
        "data_offsets": st.lists(st.integers(0, 16), max_size=3) | json_values,
        "other": json_values,
    },
)


@given(header=st.dictionaries(st.text(max_size=3), entries | json_values, max_size=3), n=st.just(8))
@settings(max_examples=300)
def test_an_arbitrary_header_is_refused_or_consistent(header: object, n: int) -> None:
    _accepted_is_consistent(_raw(header, bytes(n)))


# --- headers that lie -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "n_bytes", "match"),
    [
        ({"a": _entry(), "b": _entry(offsets=(0, 4))}, 4, "overlap"),
        ({"a": _entry(), "b": _entry(offsets=(2, 6))}, 6, "overlap"),
        ({"a": _entry(offsets=(4, 8))}, 8, "gap"),
        ({"a": _entry(), "b": _entry(offsets=(8, 12))}, 12, "gap"),
        ({"a": _entry()}, 3, "another size"),
        ({"a": _entry()}, 5, "another size"),
        ({"a": _entry(shape=(2**40,), offsets=(0, 2**42))}, 4, "another size"),
        ({"a": _entry(dtype="F16")}, 4, "do not match"),
        ({"a": _entry(dtype="F33")}, 4, "unknown dtype"),
        ({"a": _entry(dtype="float32")}, 4, "unknown dtype"),
        ({"a": _entry(dtype=None)}, 4, "unknown dtype"),
        ({"a": _entry(shape=(-1,), offsets=(4, 0))}, 4, "not negative"),
        ({"a": _entry(shape=(-1, -1))}, 4, "not negative"),
        ({"a": _entry(offsets=(-4, 0))}, 4, "not negative"),
        ({"a": _entry(shape=(2**63,), offsets=(0, 2**65))}, 4, "whole numbers"),
        ({"a": _entry(shape=(2**32, 2**32, 0, 2**62))}, 4, "whole numbers"),
        ({"a": _entry(shape=(True,))}, 4, "whole numbers"),
        ({"a": _entry(shape=(1.0,))}, 4, "whole numbers"),
        ({"a": _entry(offsets=(False, 4))}, 4, "whole numbers"),
        ({"a": _entry(offsets=(0, 4.0))}, 4, "whole numbers"),
        ({"a": _entry(shape=(float("nan"),))}, 4, "whole numbers"),
        ({"a": _entry(shape="1")}, 4, "whole numbers"),
        ({"a": _entry(shape=None)}, 4, "whole numbers"),
        ({"a": _entry(shape={"0": 1})}, 4, "whole numbers"),
        ({"a": _entry(shape=([1],))}, 4, "whole numbers"),
        ({"a": _entry(offsets=(0,))}, 4, "not of the form"),
        ({"a": _entry(offsets=(0, 4, 4))}, 4, "not of the form"),
        ({"a": _entry(offsets=4)}, 4, "not of the form"),
        ({"a": {}}, 0, "not of the form"),
        ({"a": []}, 0, "not of the form"),
        ({"a": "F32"}, 0, "not of the form"),
        ({"a": None}, 0, "not of the form"),
        ([], 0, "not an object"),
        (None, 0, "not an object"),
        ("a", 0, "not an object"),
    ],
)
def test_a_header_that_lies_is_refused(header: object, n_bytes: int, match: str) -> None:
    with pytest.raises(BadCheckpoint, match=match):
        _read(_raw(header, bytes(n_bytes)))


@pytest.mark.parametrize("dtype", [[], {}, ["F32"]])
def test_a_dtype_that_is_no_text_is_refused(dtype: object) -> None:
    with pytest.raises(BadCheckpoint):
        _read(_raw({"a": _entry(dtype=dtype)}, bytes(4)))


def test_a_product_of_huge_sizes_is_refused() -> None:
    with pytest.raises(BadCheckpoint):
        _read(_raw({"a": _entry(shape=(2**61,) * 300)}, bytes(4)))


@pytest.mark.parametrize("inner", ['"a": 1, "a": 1', '"dtype": "F32", "dtype": "F32"'])
def test_a_name_twice_is_refused(inner: str) -> None:
    with pytest.raises(BadCheckpoint, match="twice"):
        _read(_raw(None, text=f'{{"x": {{{inner}}}}}'.encode()))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{}}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "open", "two", "utf16", "bom", "deep-list", "deep-object", "long-number"],
)
def test_a_header_that_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        _read(_raw(None, text=text))


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, MAX_HEADER_BYTES + 1, 1000])
def test_a_header_longer_than_file_or_limit_is_refused_unread(tmp_path: Path, length: int) -> None:
    file = tmp_path / SINGLE_FILE
    file.write_bytes(length.to_bytes(8, "little"))
    if length > 1000:
        os.truncate(file, 2 * MAX_HEADER_BYTES)  # sparse: the disk holds a page of it
    with pytest.raises(BadCheckpoint, match="header is cut"):
        read_header(file)


# --- directories ----------------------------------------------------------------------------------


def test_shards_and_single_file_are_read_alike(tmp_path: Path) -> None:
    shards = read_checkpoint(_checkpoint(tmp_path / "two", one={"a": A}, two={"b": B}))
    whole = read_checkpoint(_checkpoint(tmp_path / "one", model={"a": A, "b": B}))
    assert set(shards.tensors) == set(whole.tensors) == {"a", "b"}
    assert shards.n_parameters == whole.n_parameters == A.size + B.size
    assert shards.nbytes == whole.nbytes == A.nbytes + B.nbytes
    with TensorReader() as reader:
        assert fingerprint(shards, reader) == fingerprint(whole, reader)


def test_a_single_file_goes_before_an_index(tmp_path: Path) -> None:
    _checkpoint(tmp_path, one={"a": A}, two={"b": B})
    (tmp_path / SINGLE_FILE).write_bytes(save({"only": A}))
    assert list(read_checkpoint(tmp_path).tensors) == ["only"]


@pytest.mark.parametrize(
    "shard", ["../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "", "./x"]
)
def test_an_index_that_leaves_the_folder_is_refused(tmp_path: Path, shard: str) -> None:
    _checkpoint(tmp_path / "in", one={"a": A})
    _checkpoint(tmp_path, one={"a": A})  # what the path would reach is sound
    (tmp_path / "in" / INDEX_FILE).write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(BadCheckpoint, match="outside the checkpoint"):
        read_checkpoint(tmp_path / "in")


@pytest.mark.parametrize(
    ("weight_map", "match"),
    [
        ({"a": "one.safetensors"}, "not listed"),
        ({"a": "one.safetensors", "b": "one.safetensors"}, "in no shard"),
        ({"a": "two.safetensors", "b": "one.safetensors"}, "do not agree"),
        ({"a": "one.safetensors", "b": "gone.safetensors"}, "cannot be read"),
        ({"a": "one.safetensors", "b": "config.json"}, "header is cut"),
        ({"a": "one.safetensors", "b": None}, "cannot be read"),
        ({"a": "one.safetensors", "b": ["two.safetensors"]}, "cannot be read"),
        ({"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}, "in no shard"),
    ],
)
def test_an_index_that_lies_is_refused(
    tmp_path: Path, weight_map: dict[str, Any], match: str
) -> None:
    _checkpoint(tmp_path, one={"a": A}, two={"b": B})
    if match == "not listed":
        (tmp_path / "one.safetensors").write_bytes(save({"a": A, "extra": B}))
    (tmp_path / INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(BadCheckpoint, match=match):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("shard", ["a\0b", "\ud800"])
def test_a_shard_name_that_no_file_can_have_is_refused(tmp_path: Path, shard: str) -> None:
    _checkpoint(tmp_path, one={"a": A})
    (tmp_path / INDEX_FILE).write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(BadCheckpoint):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        "{}",
        '{"weight_map": {}}',
        '{"weight_map": []}',
        "\0",
        "[" * 99999,
        '{"weight_map": null}',
        '{"metadata": {"total_size": 1}}',
    ],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    _checkpoint(tmp_path, one={"a": A})
    (tmp_path / INDEX_FILE).write_text(text)
    with pytest.raises(BadCheckpoint):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("raw", [None, b"", b"[]", b"null", b"{", b"\xff\xfe\x00", b"[" * 99999])
def test_a_config_that_is_none_is_refused(tmp_path: Path, raw: bytes | None) -> None:
    _checkpoint(tmp_path, one={"a": A})
    (tmp_path / "config.json").unlink()
    if raw is not None:
        (tmp_path / "config.json").write_bytes(raw)
    with pytest.raises(BadCheckpoint, match=r"config\.json"):
        read_checkpoint(tmp_path)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    for name in ("config.json", SINGLE_FILE):
        (tmp_path / name).mkdir()
        with pytest.raises(BadCheckpoint, match="cannot be read"):
            read_checkpoint(tmp_path)
        (tmp_path / name).rmdir()
        (tmp_path / name).write_text("{}")
    with pytest.raises(BadCheckpoint):
        read_json(tmp_path)


@pytest.mark.parametrize(
    ("files", "match"),
    [
        (["adapter_model.safetensors"], "adapter"),
        (["adapter_model.safetensors", "pytorch_model.bin"], "adapter"),
        (["model-00001-of-00002.safetensors"], "index is not"),
        (["pytorch_model.bin"], "Only safetensors are read"),
        (["model.gguf"], "Only safetensors are read"),
        (["notes.txt"], "Give the directory"),
        ([], "Give the directory"),
    ],
)
def test_other_weights_get_their_own_message(tmp_path: Path, files: list[str], match: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    for name in files:  # never opened: their content would execute in other readers
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(BadCheckpoint, match=match):
        read_checkpoint(tmp_path)


def test_a_file_is_not_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / SINGLE_FILE).write_bytes(SOUND)
    with pytest.raises(BadCheckpoint, match="this is a file"):
        read_checkpoint(tmp_path / SINGLE_FILE)


@pytest.mark.parametrize("reference", ["no/such/folder", "name", "a\0b", "\ud800", "a b/c", "/no"])
def test_a_reference_that_is_nothing_is_refused(reference: str) -> None:
    with pytest.raises(BadCheckpoint, match="no such checkpoint"):
        read_checkpoint(reference)


@pytest.mark.parametrize("reference", ["~nosuchuser/model", "x" * 5000], ids=["home", "long"])
def test_a_reference_that_the_system_refuses_is_refused(reference: str) -> None:
    with pytest.raises(BadCheckpoint):
        read_checkpoint(reference)


# --- hub names ------------------------------------------------------------------------------------


def _offline(cache: Path, reference: str) -> subprocess.CompletedProcess[str]:
    """Read a reference in a fresh process, as huggingface_hub reads its settings at import."""
    code = (
        "import sys; from viscodex.merge.checkpoint import read_checkpoint as r\n"
        "from viscodex.errors import BadCheckpoint\n"
        "try: print(*r(sys.argv[1]).tensors)\n"
        "except BadCheckpoint as e: print(e); sys.exit(2)"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache), "HF_HOME": str(cache)}
    command = [sys.executable, "-c", code, reference]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub cache that holds owner/name once, with a branch and a tag."""
    folder = tmp_path_factory.mktemp("hub")
    home, revision = folder / "models--owner--name", "0123456789abcdef" * 2 + "01234567"
    (home / "snapshots").mkdir(parents=True)
    _checkpoint(home / "snapshots" / revision, one={"a": A}, two={"b": B})
    (home / "refs").mkdir()
    for ref in ("main", "v1"):
        (home / "refs" / ref).write_text(revision)
    return folder


@pytest.mark.parametrize("reference", ["owner/name", "owner/name@v1", "owner/name@main"])
def test_a_hub_name_in_the_cache_is_found_offline(cache: Path, reference: str) -> None:
    done = _offline(cache, reference)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["a", "b"], "")


@pytest.mark.parametrize("reference", ["owner/other", "owner/name@v2", "./model"])
def test_an_unknown_hub_name_offline_is_refused(cache: Path, reference: str) -> None:
    done = _offline(cache, reference)
    assert (done.returncode, done.stderr) == (2, "")
    assert f"  {reference}: " in done.stdout


# --- bytes ----------------------------------------------------------------------------------------


def test_a_reader_gives_the_bytes_of_any_range(tmp_path: Path) -> None:
    file = tmp_path / SINGLE_FILE
    file.write_bytes(save({"a": np.arange(100, dtype=np.uint8), "b": B}))
    info = next(i for i in read_header(file) if i.name == "a")
    with TensorReader() as reader:
        for start, stop in [(0, 100), (7, 8), (50, 100), (100, 100)]:
            buffer = bytearray(stop - start)
            reader.read_into(info, start, memoryview(buffer))
            assert list(buffer) == list(range(start, stop))


def test_a_file_that_shrank_since_is_refused(tmp_path: Path) -> None:
    file = tmp_path / SINGLE_FILE
    file.write_bytes(save({"a": A}))
    (info,) = read_header(file)
    os.truncate(file, info.offset + 4)
    with TensorReader() as reader, pytest.raises(BadCheckpoint, match="changed"):
        hash_tensor(reader, info)


def test_hashes_tell_contents_apart_and_ignore_order(tmp_path: Path) -> None:
    same = _checkpoint(tmp_path / "x", model={"a": A, "a2": A, "c": A + 1})
    checkpoint = read_checkpoint(same)
    with TensorReader() as reader:
        hashes = {name: hash_tensor(reader, info) for name, info in checkpoint.tensors.items()}
    assert hashes["a"] == hashes["a2"] != hashes["c"]
    assert hash_of_tensors(hashes) == hash_of_tensors(dict(reversed(hashes.items())))
    assert hash_of_tensors(hashes) != hash_of_tensors({**hashes, "a": hashes["c"]})


# --- writing --------------------------------------------------------------------------------------


@given(content=tensors, shard_bytes=st.integers(1, 2000))
@settings(max_examples=60)
def test_written_layout_opens_in_safetensors_and_respects_the_limit(
    content: dict[str, tuple[str, tuple[int, ...]]], shard_bytes: int
) -> None:
    shards = lay_out([(n, d, s) for n, (d, s) in content.items()], shard_bytes)
    with tempfile.TemporaryDirectory() as text:
        folder, found = Path(text), {}
        for shard in shards:
            (folder / shard.name).write_bytes(
                shard.header + bytes(shard.nbytes - len(shard.header))
            )
            assert sum(i.nbytes for i in shard.tensors.values()) <= shard_bytes or (
                sum(i.nbytes > 0 for i in shard.tensors.values()) == 1
            )
            with safe_open(folder / shard.name, framework="np") as opened:
                assert opened.metadata() == {"format": "pt"}
                for name in opened.keys():  # noqa: SIM118 - not a dict
                    piece = opened.get_slice(name)
                    found[name] = (piece.get_dtype(), tuple(piece.get_shape()))
            ours = {i.name: i for i in read_header(folder / shard.name)}
            assert ours.keys() == shard.tensors.keys()
            for name, info in shard.tensors.items():
                assert (ours[name].offset, ours[name].nbytes) == (info.offset, info.nbytes)
        assert found == content
        if len(shards) > 1:
            (folder / INDEX_FILE).write_text(index_json(shards))
        (folder / "config.json").write_text("{}")
        assert set(read_checkpoint(folder).tensors) == set(content)


def test_shards_fill_in_the_given_order() -> None:
    shards = lay_out([(f"t{i}", "F32", (10,)) for i in range(5)], 80)
    assert [sorted(shard.tensors) for shard in shards] == [["t0", "t1"], ["t2", "t3"], ["t4"]]
    assert [shard.name for shard in shards] == [
        f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)
    ]
    assert json.loads(index_json(shards))["metadata"]["total_size"] == 200


def test_one_file_needs_no_number() -> None:
    assert [shard.name for shard in lay_out([("a", "BF16", (3,))], 6)] == [SINGLE_FILE]
    assert [shard.name for shard in lay_out([], 6)] == [SINGLE_FILE]


def test_sidecars_are_everything_but_weights_hidden_and_rewritten(tmp_path: Path) -> None:
    kept = ["config.json", "LICENSE", "merges.txt", "model.py", "sub/README.md", "tokenizer.json"]
    left = ["README.md", "merge_report.json", ".gitattributes", ".cache/x.json", INDEX_FILE]
    left += ["pytorch_model.bin", "pytorch_model.bin.index.json", "sub/x.gguf", SINGLE_FILE]
    for name in [*kept, *left]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = [str(path) for path in sidecars(Checkpoint(tmp_path, {}, {}))]
    assert sorted(found) == sorted(kept)


def test_a_write_replaces_the_file_and_leaves_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    for content in ("ä", b"\xff"):
        write_atomically(file, content)
        assert file.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "folder", "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "x.json"]
    assert file.read_text() == "old"

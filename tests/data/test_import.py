"""Import: every bad row is one counted reject with its reason; every layout is understood."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.samples import chart, png
from viscodex.data.export import export_dataset
from viscodex.data.importing import REASONS, import_dataset
from viscodex.data.pictures import candidates
from viscodex.data.records import read_records
from viscodex.data.store import open_dataset, read_rejects, shard_path, write_shard
from viscodex.errors import BadInput, OutputRefused

USER = {"role": "user", "content": "<image>\nDraw it."}
ANSWER = {"role": "assistant", "content": "```python\nprint(1)\n```"}
GOOD = {
    "images": ["mcd_images/chart_images/92.png"],
    "messages": [USER, ANSWER],
    "category": "chart",
}


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def piece(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    pixels = piece(b"IDAT", zlib.compress(b"\0" * 100_000))
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + pixels + piece(b"IEND", b"")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the pictures of MCD's layout."""
    folder = tmp_path / "mcd_images" / "chart_images"
    folder.mkdir(parents=True)
    (folder / "92.png").write_bytes(png())
    (folder / "cut.png").write_bytes(png()[:60])
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "page.png").write_text("<html>")
    (folder / "line.png").write_bytes(png(5000, 2))
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "link.png").symlink_to(tmp_path.parent / "outside.png")
    (tmp_path.parent / "outside.png").write_bytes(png())
    return tmp_path


def load(place: Path, content: bytes | list[Any], name: str = "mcd.json", **options: Any) -> Any:
    """Import a file of this content; (samples, rejects, manifest)."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (place / name).write_bytes(data)
    manifest = import_dataset(place / name, place / "out", **options)
    dataset, rejects = open_dataset(place / "out", verify=True), list(read_rejects(place / "out"))
    assert (len(dataset), len(rejects)) == (manifest.n_samples, manifest.n_rejects)
    counted = Counter({note.name: note.n_rejects for note in manifest.filters})
    assert +counted == Counter(reject.filter for reject in rejects)
    return list(dataset), rejects, manifest


# --- MCD ------------------------------------------------------------------------------------------


def test_a_record_of_mcd_becomes_a_sample(place: Path) -> None:
    (sample,), rejects, _ = load(place, [GOOD], licence="mit")
    assert rejects == []
    assert sample.id == "chart-0000000"
    assert sample.images == (png(),)
    assert [(m.role, m.content) for m in sample.messages] == [
        ("user", USER["content"]), ("assistant", ANSWER["content"]),
    ]  # fmt: skip
    assert (sample.reference.strip(), sample.language, sample.task) == (
        "print(1)",
        "python",
        "code",
    )
    assert sample.meta == {"source": "mcd", "licence": "mit"}


@pytest.mark.parametrize("name", ["mcd_images/chart_images/92.png", "chart_images/92.png"])
@pytest.mark.parametrize("given", ["folder above", "folder itself", "zip", "zip without prefix"])
def test_pictures_are_found_with_and_without_the_prefix(place: Path, name: str, given: str) -> None:
    images = {"folder above": place, "folder itself": place / "mcd_images"}.get(given)
    if images is None:
        images = place / "images.zip"
        prefix = "" if "without" in given else "mcd_images/"
        with zipfile.ZipFile(images, "w") as archive:
            archive.writestr(f"{prefix}chart_images/92.png", png())
    samples, rejects, _ = load(place, [{**GOOD, "images": [name]}], images=images)
    assert (len(samples), rejects) == (1, [])


def image(name: Any) -> dict[str, Any]:
    return {**GOOD, "images": name if isinstance(name, list) else [name]}


def said(*messages: Any) -> dict[str, Any]:
    return {**GOOD, "messages": list(messages)}


BAD: list[tuple[str, Any, str]] = [
    ("no record", 17, "wrong_type"),
    ("null", None, "wrong_type"),
    ("no messages", {"images": [], "category": "chart"}, "wrong_type"),
    ("messages are text", {**GOOD, "messages": "hello"}, "wrong_type"),
    ("a message is text", said("hello", ANSWER), "wrong_type"),
    ("content is a number", said({"role": "user", "content": 3}, ANSWER), "wrong_type"),
    ("unknown part", said({"role": "user", "content": [{"type": "audio"}]}, ANSWER), "wrong_type"),
    ("unknown role", said({**USER, "role": "robot"}, ANSWER), "unknown_role"),
    ("role is a list", said({**USER, "role": ["user"]}, ANSWER), "unknown_role"),
    ("no role", said({"content": "<image>"}, ANSWER), "unknown_role"),
    ("no turns", said(), "turn_order"),
    ("no answer", said(USER), "turn_order"),
    ("two users", said(USER, USER, ANSWER), "turn_order"),
    ("answer first", said(ANSWER, USER), "turn_order"),
    ("late system", said(USER, {"role": "system", "content": "x"}, ANSWER), "turn_order"),
    ("empty answer", said(USER, {**ANSWER, "content": " \n"}), "empty_message"),
    ("no category", {k: v for k, v in GOOD.items() if k != "category"}, "unknown_category"),
    ("unknown category", {**GOOD, "category": "video"}, "unknown_category"),
    ("category is a number", {**GOOD, "category": 4}, "unknown_category"),
    ("no mark", said({**USER, "content": "Draw it."}, ANSWER), "image_marks"),
    ("two marks", said({**USER, "content": "<image><image>"}, ANSWER), "image_marks"),
    ("no picture", image([]), "image_marks"),
    ("images are null", {**GOOD, "images": None}, "image_marks"),
    ("missing picture", image("mcd_images/chart_images/93.png"), "missing_image"),
    ("a folder as picture", image("mcd_images/chart_images"), "missing_image"),
    ("name with zero", image("a\0b"), "missing_image"),
    ("name too long", image("x" * 5000), "missing_image"),
    ("climbs out", image("../outside.png"), "missing_image"),
    ("climbs out inside", image("mcd_images/../../outside.png"), "missing_image"),
    ("absolute", image("/etc/hostname"), "missing_image"),
    ("link out", image("mcd_images/chart_images/link.png"), "missing_image"),
    ("name is a number", image(92), "wrong_type"),
    ("cut picture", image("mcd_images/chart_images/cut.png"), "broken_image"),
    ("bomb", image("mcd_images/chart_images/bomb.png"), "broken_image"),
    ("a line", image("mcd_images/chart_images/line.png"), "odd_shape"),
    ("no picture file", image("mcd_images/chart_images/page.png"), "broken_image"),
    ("not base64", said({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,?"}}]}, ANSWER), "broken_image"),
    ("remote picture", said({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}, ANSWER), "missing_image"),
    ("half a pair", said({**USER, "content": "<image>\ud800"}, ANSWER), "not_unicode"),
    ("too long", said({**USER, "content": "<image>" + "x" * 1_000_001}, ANSWER), "too_large"),
    ("too many", {**GOOD, "images": GOOD["images"] * 65, "messages": [{**USER, "content": "<image>" * 65}, ANSWER]}, "too_large"),
    ("extra is text", {**GOOD, "viscodex": "x"}, "wrong_type"),
    ("id is a number", {**GOOD, "viscodex": {"id": 3}}, "wrong_type"),
    ("meta is a list", {**GOOD, "viscodex": {"meta": "[]"}}, "wrong_type"),
    ("meta is no JSON", {**GOOD, "viscodex": {"meta": "{"}}, "wrong_type"),
    ("meta has half a pair", {**GOOD, "viscodex": {"meta": '{"a": "\\ud800"}'}}, "wrong_type"),
    ("meta has NaN", {**GOOD, "viscodex": {"meta": '{"a": NaN}'}}, "wrong_type"),
]  # fmt: skip


def test_every_bad_row_is_a_reject_between_good_ones(place: Path) -> None:
    """One file with all of them: each spoils only itself."""
    rows = [row for _, record, _ in BAD for row in (record, GOOD)]
    samples, rejects, _ = load(place, rows)
    assert len(samples) == len(BAD)
    assert [(r.filter, r.numbers["row"]) for r in rejects] == [
        (reason, 2.0 * n) for n, (_, _, reason) in enumerate(BAD)
    ]
    for reject in rejects:
        assert reject.reason
        assert reject.code
        assert reject.filter in REASONS
    assert "robot" in rejects[7].reason


def test_an_id_that_comes_again_is_rejected(place: Path) -> None:
    row = {**GOOD, "viscodex": {"id": "mine"}}
    (sample,), (reject,), _ = load(place, [row, row])
    assert (sample.id, reject.filter, reject.id) == ("mine", "duplicate_id", "mine")


# --- broken files ---------------------------------------------------------------------------------

TEXT = json.dumps(GOOD).encode()


@pytest.mark.parametrize(
    ("content", "kept", "reasons"),
    [
        (b"[" + TEXT + b"," + TEXT[:-20], 1, ["cut_off"]),
        (b"[" + TEXT, 0, ["cut_off"]),
        (b"[" + TEXT + b',{"a": "', 1, ["cut_off"]),
        (b"[", 0, ["cut_off"]),
        (b"[]", 0, []),
        (b"\xef\xbb\xbf [ " + TEXT + b" ] \n", 1, []),
        (b"[" + TEXT + b",]", 1, []),
        (b"[" + TEXT + b",," + TEXT + b"]", 2, ["bad_json"]),
        (b"[" + TEXT + b"] more", 1, ["bad_json"]),
        (b"[" + TEXT + b',{"a": b},' + TEXT + b"]", 2, ["bad_json"]),
        (b"[" + TEXT + b',{"a": [}},' + TEXT + b"]", 2, ["bad_json"]),
        (b"[" + TEXT + b',{"a": ]},' + TEXT + b"]", 2, ["bad_json"]),
        (b"[" + TEXT + b',{"a": "\xff\xfe"},' + TEXT + b"]", 2, ["not_unicode"]),
        (b"[" + TEXT + b',{"a": "\xe4},' + b'"},' + TEXT + b"]", 2, ["not_unicode"]),
        (b"[" + TEXT + b',{"a": NaN},' + TEXT + b"]", 2, ["bad_json"]),
        (b"[" + TEXT + b"," + b"[" * 100_000 + b"]" * 100_000 + b"," + TEXT + b"]", 2, ["bad_json"]),
        (b'["' + b"\\" * 9 + b'",' + TEXT + b"]", 0, ["cut_off"]),
    ],
)  # fmt: skip
def test_a_broken_array_loses_only_what_is_broken(
    place: Path, content: bytes, kept: int, reasons: list[str]
) -> None:
    samples, rejects, _ = load(place, content)
    assert (len(samples), [r.filter for r in rejects]) == (kept, reasons)


def test_broken_lines_lose_only_themselves(place: Path) -> None:
    lines = [TEXT, b"", b"{", b"\xff", TEXT, TEXT[:-4]]
    samples, rejects, _ = load(place, b"\n".join(lines), "chat.jsonl")
    assert (len(samples), [r.filter for r in rejects]) == (
        2,
        ["bad_json", "not_unicode", "bad_json"],
    )


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_a_record_without_end_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr("viscodex.data.records.MAX_RECORD", 3 << 20)
    file = tmp_path / f"long.{suffix}"
    start, end = (
        (b'[{"a": 1},{"b": "', b'"}]') if suffix == "json" else (b'{"a": 1}\n"', b'"\n{"c": 1}')
    )
    file.write_bytes(start + b"x" * (9 << 20) + end)
    records = list(read_records(file))
    assert [r.problem for r in records] == ["", "too_large"] + [""] * (suffix == "jsonl")
    assert all(len(r.text) <= 4000 for r in records)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8)), st.integers(1, 64), st.booleans())  # fmt: skip
def test_an_array_is_cut_where_json_says(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], chunk: int, is_ascii: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "cut.json"
    file.write_bytes(json.dumps(values, ensure_ascii=is_ascii).encode(errors="replace"))
    expected = json.loads(file.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("viscodex.data.records._CHUNK", chunk)
        records = list(read_records(file))
    assert [r.data for r in records] == expected
    assert {r.problem for r in records} <= {""}


@pytest.mark.parametrize("content", [b"", b"{}", b"hello", b"\0\0", b'"[]"'])
def test_a_file_that_is_no_array_is_refused(place: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="no JSON array"):
        load(place, content)
    assert not list(place.glob("out*"))


def test_what_is_not_there_or_taken_is_refused(place: Path) -> None:
    (place / "mcd.json").write_bytes(b"[]")
    (place / "out").mkdir()
    (place / "out" / "x").write_text("x")
    with pytest.raises(OutputRefused):
        import_dataset(place / "mcd.json", place / "out")
    with pytest.raises(BadInput, match="pictures"):
        import_dataset(place / "mcd.json", place / "new", images=place / "none.zip")
    (place / "no.zip").write_text("no")
    with pytest.raises(BadInput, match="archive"):
        import_dataset(place / "mcd.json", place / "new", images=place / "no.zip")
    (place / "bare").mkdir()
    with pytest.raises(BadInput, match="nothing to import"):
        import_dataset(place / "bare", place / "new")
    (place / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="parquet"):
        import_dataset(place / "bad.parquet", place / "new")
    assert not (place / "new").exists()


# --- archives -------------------------------------------------------------------------------------


def test_a_hostile_archive_costs_rows_not_the_import(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscodex.data.pictures.MAX_BYTES", 1 << 20)
    path = place / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", png())
        archive.writestr("huge.png", b"\0" * (2 << 20))
        archive.writestr("liar.png", b"\0" * (2 << 20))
        archive.writestr("broken.png", png(300, 300))
        archive.writestr("../outside.png", png())
    data = bytearray(path.read_bytes())
    data[data.index(b"broken.png") + 12] ^= 0xFF  # inside the packed bytes
    at = data.rindex(b"liar.png") - 46 + 24  # size in the directory
    data[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(data)
    rows = [
        image(name)
        for name in ("good.png", "huge.png", "liar.png", "broken.png", "../outside.png", "none.png")
    ]
    samples, rejects, _ = load(place, rows, images=path)
    assert len(samples) == 1
    assert [r.filter for r in rejects] == ["broken_image"] * 3 + ["missing_image"] * 2


@given(st.text(st.sampled_from("./\\a\0")))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    for found in candidates(name):
        path = os.path.normpath(f"/root/{found}")
        assert path.startswith("/root/")


# --- other layouts --------------------------------------------------------------------------------


def test_sharegpt_and_alpaca_are_understood(place: Path) -> None:
    name = GOOD["images"]
    rows = [
        {"conversations": [{"from": "human", "value": "<image>a"}, {"from": "gpt", "value": "b"}], "images": name, "system": "Be short."},
        {"instruction": "<image>a", "input": "more", "output": "b", "history": [["q", "r"]], "images": name[0]},
    ]  # fmt: skip
    (one, two), rejects, _ = load(place, rows, category="qa")
    assert rejects == []
    assert [(m.role, m.content) for m in one.messages] == [
        ("system", "Be short."), ("user", "<image>a"), ("assistant", "b"),
    ]  # fmt: skip
    assert [m.content for m in two.messages] == ["q", "r", "<image>a\nmore", "b"]
    assert (one.category, one.task, one.reference) == ("qa", "question", "")


def test_dataset_info_says_what_keys_mean(place: Path) -> None:
    turns = [{"who": "Frage", "what": "<image>a"}, {"who": "Antwort", "what": "b"}]
    (place / "rows.json").write_text(
        json.dumps([{"talk": turns, "pics": GOOD["images"], "category": "qa"}])
    )
    entry = {
        "file_name": "rows.json",
        "formatting": "sharegpt",
        "columns": {"messages": "talk", "images": "pics"},
        "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "Frage", "assistant_tag": "Antwort"},
    }  # fmt: skip
    (place / "dataset_info.json").write_text(
        json.dumps({"mine": entry, "remote": {"hf_hub_url": "x"}})
    )
    manifest = import_dataset(place, place.parent / f"{place.name}-out")
    assert (manifest.n_samples, manifest.n_rejects) == (1, 0)
    (place / "dataset_info.json").write_text(
        json.dumps({"mine": {**entry, "file_name": "none.json"}})
    )
    with pytest.raises(BadInput, match="names no files"):
        import_dataset(place, place.parent / f"{place.name}-new")


def test_parquet_as_hubs_have_it(place: Path) -> None:
    url = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "a"}]
    rows = [
        {"messages": [USER, ANSWER], "images": [{"bytes": png(), "path": None}], "category": "chart"},
        {"messages": [USER, ANSWER], "images": [{"bytes": b"no", "path": None}], "category": "chart"},
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), place / "hub.parquet")
    manifest = import_dataset(place / "hub.parquet", place / "a")
    assert (manifest.n_samples, manifest.n_rejects) == (1, 1)
    (sample,), _, _ = load(
        place, [{"messages": [{"role": "user", "content": parts}, ANSWER], "category": "qa"}]
    )
    assert (sample.messages[0].content, sample.images) == ("<image>a", (png(),))


def test_rows_of_a_damaged_row_group_are_counted(tmp_path: Path) -> None:
    write_shard(shard_path(tmp_path / "set", 0, 1), [chart(i) for i in range(70)])
    file = shard_path(tmp_path / "set", 0, 1)
    data = bytearray(file.read_bytes())
    data[data.index(chart(40).images[0]) + 50] ^= 1
    file.write_bytes(data)
    manifest = import_dataset(tmp_path / "set", tmp_path / "out")
    assert (manifest.n_samples, manifest.n_rejects) == (38, 32)
    assert {r.filter for r in read_rejects(tmp_path / "out")} == {"damaged"}


def test_openai_lines_and_their_file_beside_must_fit(tmp_path: Path) -> None:
    write_shard(shard_path(tmp_path / "set", 0, 1), [chart(0), chart(1)])
    export_dataset(open_dataset(tmp_path / "set"), tmp_path / "chat", "openai")
    beside = tmp_path / "chat" / "viscodex.jsonl"
    beside.write_text(beside.read_text().splitlines()[0])
    with pytest.raises(BadInput, match="belong together"):
        import_dataset(tmp_path / "chat", tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


# --- size -----------------------------------------------------------------------------------------


def many(n: int) -> Iterator[str]:
    """Records as JSON, every tenth of them bad."""
    for i in range(n):
        words = [
            {"role": "user", "content": f"Task {i} " + "word " * 60},
            {"role": "assistant", "content": f"It is {i}."},
        ]
        yield json.dumps({"messages": words, "category": "algorithm" if i % 10 else "robot"})


READ = r"""
import re, sys
from pathlib import Path
from viscodex.data.records import read_records
n = sum(1 for record in read_records(Path(sys.argv[1])) if not record.problem)
print(n, 0, int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""

IMPORT = r"""
import re, sys
from pathlib import Path
from viscodex.data.importing import import_dataset
m = import_dataset(Path(sys.argv[1]), Path(sys.argv[1] + "-out"))
print(m.n_samples, m.n_rejects, int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.parametrize(
    ("script", "sizes", "most"),
    [(READ, (1_000, 200_000), 8), (IMPORT, (2_000, 14_000), 50)],
    ids=["read 200,000 records", "import 14,000"],
)  # growth in MB; an import holds ids, lengths and one group of rejects
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, script: str, sizes: tuple[int, int], most: int
) -> None:
    """In processes of their own: the peak with few records, and with many."""
    peaks = []
    for n in sizes:
        file = tmp_path / f"{n}.json"
        file.write_text("[" + ",".join(many(n)) + "]")
        argv = [sys.executable, "-c", script, str(file)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        kept, rejected, peak = map(int, done.stdout.split())
        assert (kept, rejected) in [(n, 0), (n * 9 // 10, n // 10)]
        peaks.append(peak)
    assert peaks[1] - peaks[0] < most


# --- kill and go on -------------------------------------------------------------------------------

SLOW = r"""
import sys
from pathlib import Path
import viscodex.data.shards as shards
import viscodex.data.importing as importing
shards.SHARD_ROWS, importing.FLUSH_ROWS = 40, 7
importing.import_dataset(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "parquet" in path.suffix
    }


def test_a_killed_import_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between random shards, some rows bad, one id twice."""
    import os
    import random
    import signal
    import time

    file = tmp_path / "mcd.json"
    file.write_text("[" + ",\n".join(many(700)) + ", {no json}]")
    argv = [sys.executable, "-c", SLOW, str(file)]
    draw = random.Random(3)
    state = tmp_path / "killed.partial" / "state.json"
    kills = 0
    for _ in range(3):
        process = subprocess.Popen([*argv, str(tmp_path / "killed")])
        wanted = draw.randrange(1, 4)
        seen: set[float] = set()
        while process.poll() is None and len(seen) <= wanted:
            if state.exists():
                seen.add(state.stat().st_mtime_ns)
        if process.poll() is not None:
            break
        time.sleep(draw.random() * 0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 1
    if not (tmp_path / "killed").exists():
        subprocess.run([*argv, str(tmp_path / "killed")], check=True)
    subprocess.run([*argv, str(tmp_path / "whole")], check=True)
    assert _files(tmp_path / "killed") == _files(tmp_path / "whole")
    killed, whole = open_dataset(tmp_path / "killed").manifest, open_dataset(tmp_path / "whole").manifest  # fmt: skip
    assert killed is not None and whole is not None
    assert (killed.content, killed.n_rejects) == (whole.content, whole.n_rejects)
    assert killed.n_samples == 630 and killed.n_rejects == 71
    assert not (tmp_path / "killed.partial").exists()


def test_what_was_begun_with_another_input_is_refused(tmp_path: Path) -> None:
    from viscodex.data.staging import resumed_folder

    file = tmp_path / "a.json"
    file.write_text("[" + ",".join(many(10)) + "]")
    with pytest.raises(KeyboardInterrupt), resumed_folder(tmp_path / "out", {"a": 1}) as stage:
        stage.save(next=3)
        raise KeyboardInterrupt
    with pytest.raises(OutputRefused, match="begun with something else"):
        import_dataset(file, tmp_path / "out")
    with resumed_folder(tmp_path / "out", {"a": 1}) as stage:
        assert stage.state == {"next": 3}
    assert [path.name for path in (tmp_path / "out").iterdir()] == []


# --- audit ----------------------------------------------------------------------------------------


def _audited(folder: Path) -> Path:
    """Answers of every kind, as MCD's rows."""
    good = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('a')\n"
    answers = [
        ("chart", f"```python\n{good}```"),
        ("chart", f"```python\n{good}plt.plot([1, 2"),  # cut
        ("chart", "```python\nimport nothing_of_that_name\n```"),
        ("chart", "I cannot do that."),
        ("html", "```html\n<!DOCTYPE html><html><body><p>x</p></body></html>\n```"),
        ("html", "```html\n<!DOCTYPE html><html><body><p>x"),  # cut
        ("algorithm", "```python\ndef f(a):\n    return a\n```"),
        ("algorithm", "```python\ndef f(a):\n    return (a\n```"),  # cut
        ("qa", "Use `a` for it."),
    ]
    rows = [
        {"messages": [{"role": "user", "content": f"Do {i}."}, {"role": "assistant", "content": text}], "category": category}
        for i, (category, text) in enumerate(answers)
    ]  # fmt: skip
    (folder / "mcd.json").write_text(json.dumps(rows))
    import_dataset(folder / "mcd.json", folder / "mcd")
    return folder / "mcd"


def test_audit_counts_what_opens_runs_renders_and_is_cut(tmp_path: Path) -> None:
    from viscodex.data.audit import audit_dataset, audit_markdown

    notes = tmp_path / "notes.json"
    dataset = open_dataset(_audited(tmp_path))
    audit = audit_dataset(dataset, limit=None, workers=1, notes=notes)
    chart, html = audit.categories["chart"], audit.categories["html"]
    assert (chart.rows, chart.cut, chart.no_code) == (4, 1, 1)
    assert (chart.tried, chart.ran) == (3, 1)
    assert any("ModuleNotFoundError" in why for why in chart.why)
    assert (html.cut, html.tried) == (1, 2)
    assert audit.categories["algorithm"].cut == 1 and audit.categories["qa"].no_code == 1
    assert "33.3%" in audit_markdown(audit)
    noted = json.loads(notes.read_text())
    noted["at"], noted["counts"]["chart"]["ran"] = 8, 1000  # it goes on behind what is noted
    notes.write_text(json.dumps(noted))
    assert (
        audit_dataset(dataset, limit=None, workers=1, notes=notes).categories["chart"].ran == 1000
    )


def test_wilson_interval_against_the_textbook() -> None:
    from viscodex.data.audit import wilson

    share, low, high = wilson(8, 10)
    assert (round(share, 3), round(low, 4), round(high, 4)) == (0.8, 0.4902, 0.9433)
    assert wilson(0, 10)[1] == 0.0 and wilson(10, 10)[2] == pytest.approx(1.0)

"""Published formats of ChartMimic and MMCode, read from small sets in those formats."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from viscodex.errors import BadDataset, BadRecipe
from viscodex.tasks.archive import Tree, read_rows, unpacked
from viscodex.tasks.chart_items import read_chartmimic
from viscodex.tasks.check import check_benchmark
from viscodex.tasks.mmcode import read_mmcode, with_marks
from viscodex.tasks.task import Benchmark, task


def _png(height: int = 6) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, height), "red").save(out, "PNG")
    return out.getvalue()


def _packed(folder: Path, form: str, place: Path) -> Path:
    """A folder as it is, as zip, or as tar.gz."""
    if form == "folder":
        return folder
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    if form == "zip":
        with zipfile.ZipFile(place / "packed.zip", "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(folder.parent))
        return place / "packed.zip"
    with tarfile.open(place / "packed.tar.gz", "w:gz") as tar:
        for file in files:
            tar.add(file, file.relative_to(folder.parent))
    return place / "packed.tar.gz"


# --- ChartMimic -----------------------------------------------------------------------------------


def _charts(place: Path) -> Path:
    folder = place / "dataset-iclr"
    for subset in ("direct_600", "customized_600"):
        (folder / subset).mkdir(parents=True)
        for name in ("line_1", "errorpoint_2"):
            (folder / subset / f"{name}.py").write_text(f"# {name}\nplt.savefig('{name}.pdf')\n")
            (folder / subset / f"{name}.png").write_bytes(_png())
            (folder / subset / f"{name}.pdf").write_bytes(b"%PDF")
            if subset == "customized_600":
                (folder / subset / f"{name}.txt").write_text(f"Draw {name} with x = [1, 2].")
    return folder


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_chartmimic_folders(tmp_path: Path, form: str) -> None:
    place = _packed(_charts(tmp_path), form, tmp_path)
    direct = read_chartmimic(place, "direct_600")
    assert [item.id for item in direct.items] == ["errorpoint_2", "line_1"]
    item = direct.items[1]
    assert (item.data.name, item.data.task, item.groups) == (
        "line_1",
        "direct",
        {"type": ("line",)},
    )
    assert item.data.reference.startswith("# line_1")
    assert item.images[0].read() == _png()
    assert item.prompt[1].content.startswith("<image>")
    customized = read_chartmimic(place, "customized_600").items[1]
    assert (customized.data.task, customized.data.instruction) == (
        "customized",
        "Draw line_1 with x = [1, 2].",
    )
    assert "Draw line_1" in customized.prompt[1].content


def test_chartmimic_revision_changes_with_the_references(tmp_path: Path) -> None:
    folder = _charts(tmp_path)
    before = read_chartmimic(folder / "direct_600").revision
    assert read_chartmimic(folder / "direct_600").revision == before
    (folder / "direct_600" / "line_1.py").write_text("other")
    assert read_chartmimic(folder / "direct_600").revision != before


def test_chartmimic_subsets_must_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="several subsets") as caught:
        read_chartmimic(_charts(tmp_path))
    assert "direct_600" in str(caught.value)


def _chart_rows() -> list[dict[str, Any]]:
    return [
        {
            "idx": "line_1",
            "width": 6.4,
            "height": 4.8,
            "code": "# line_1\nplt.savefig('line_1.pdf')",
        },
        {
            "idx": "box_2",
            "width": 5,
            "height": 4,
            "code": "# box_2\n",
            "instruction": "with y = [3]",
        },
    ]


def test_chartmimic_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "dimentions_info_edit.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in _chart_rows()))
    items = read_chartmimic(file, "customized").items
    assert [item.data.name for item in items] == ["line_1", "box_2"]
    assert "figsize=(6.4, 4.8)" in items[0].prompt[1].content
    assert items[1].data.task == "customized"


def test_chartmimic_parquet_of_a_hub(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{**row, "image": {"bytes": _png(), "path": None}} for row in _chart_rows()]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "test.parquet")
    items = read_chartmimic(tmp_path / "test.parquet").items
    assert [item.id for item in items] == ["line_1", "box_2"]
    assert items[0].images[0].read() == _png()


def test_chartmimic_tsv_of_vlmevalkit(tmp_path: Path) -> None:
    folder = _charts(tmp_path)
    lines = ["index\ttask\tquestion\tinput_figure\tground_truth_figure_code"]
    lines.append('0\tDirect Mimic\t"a\nquestion"\tdirect_600/line_1.png\tdirect_600/line_1.py')
    lines.append("1\tCustomized Mimic\twith x\tcustomized_600/errorpoint_2.png\tcustomized_600/errorpoint_2.py")  # fmt: skip
    (folder / "ChartMimic.tsv").write_text("\n".join(lines) + "\n")
    first, second = read_chartmimic(folder / "ChartMimic.tsv").items
    assert (first.id, first.data.name, first.data.task) == ("0", "line_1", "direct")
    assert (second.data.name, second.data.task) == ("errorpoint_2", "customized")
    assert first.images[0].read() == _png()
    (folder / "direct_600" / "line_1.py").unlink()
    with pytest.raises(BadDataset, match="reference script is missing"):
        read_chartmimic(folder / "ChartMimic.tsv")


# --- MMCode ---------------------------------------------------------------------------------------


def _problem(n: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "problem_id": f"cf_{n}_A",
        "name": "Sum",
        "source": "codeforces",
        "question": "Add ![image](1.png) and ![image](2.png).",
        "input_output": json.dumps({"inputs": ["1 2\n"], "outputs": ["3\n"]}),
        "starter_code": "",
        "data_split": "test",
        "image_tags": ["Tree", "Math"],
        "images": [base64.b64encode(_png()).decode(), base64.b64encode(_png(500)).decode()],
        **changes,
    }


def _assert_problem(benchmark: Benchmark) -> None:
    (item,) = benchmark.items
    assert item.id == "cf_1_A"
    assert item.prompt[1].content.count("<image>") == 2
    assert "Add <image> and <image>." in item.prompt[1].content
    assert item.prompt[1].content.endswith("i.e. input() and print().\nANSWER:\n")
    assert (item.data.inputs, item.data.outputs, item.data.fn_name) == (("1 2\n",), ("3\n",), None)
    assert item.groups["tag"] == ("Tree", "Math")
    from PIL import Image

    sizes = [Image.open(io.BytesIO(picture.read())).size for picture in item.images]
    assert sizes == [(640, 480), (8, 500)]  # low pictures are enlarged


@pytest.mark.parametrize("name", ["mmcode_test.jsonl", "mmcode_test.jsonl.gz", "test.parquet"])
def test_mmcode_tables(tmp_path: Path, name: str) -> None:
    rows = [_problem(), _problem(2, data_split="extra")]
    file = tmp_path / name
    if name.endswith("parquet"):
        import pyarrow as pa
        from pyarrow import parquet

        for row in rows:
            row["images"] = [
                {"bytes": base64.b64decode(one), "path": None} for one in row["images"]
            ]
        parquet.write_table(pa.Table.from_pylist(rows), file)
    else:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        file.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    _assert_problem(read_mmcode(file))
    assert [item.id for item in read_mmcode(file, "extra").items] == ["cf_2_A"]


def test_a_split_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    row = {key: value for key, value in _problem().items() if key != "data_split"}
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps(row))
    assert len(read_mmcode(file).items) == 1
    place = tmp_path / "pages"
    place.mkdir()
    with pytest.raises(BadDataset, match="of which split"):
        read_mmcode(file, "valid")
    with pytest.raises(BadRecipe, match="no such prompt"):
        task("design2code").read(place, "HARD")


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_mmcode_folders(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "MMCode"
    (folder / "cf_1_A" / "images").mkdir(parents=True)
    problem = {key: value for key, value in _problem().items() if key != "images"}
    (folder / "cf_1_A" / "data.json").write_text(json.dumps(problem, indent=1))
    for n, height in ((1, 6), (2, 500)):
        (folder / "cf_1_A" / "images" / f"{n}.png").write_bytes(_png(height))
    _assert_problem(read_mmcode(_packed(folder, form, tmp_path)))


@pytest.mark.parametrize(
    "changes",
    [
        {"question": ""},
        {"input_output": "no json"},
        {"input_output": json.dumps({"inputs": ["1"], "outputs": []})},
    ],
)
def test_mmcode_problem_that_is_not_whole_is_named(tmp_path: Path, changes: dict[str, str]) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text(json.dumps(_problem(**changes)))
    with pytest.raises(BadDataset, match="not whole") as caught:
        read_mmcode(file)
    assert "cf_1_A (row 1)" in str(caught.value)
    assert check_benchmark(file, "mmcode").broken


def test_marks_follow_the_official_rule() -> None:
    assert with_marks("a ![image](1.png) b ![image](2.png)", 1) == "a <image> b "
    assert with_marks("a ![image](1.png) b", 3) == "a <image> b"
    assert with_marks("no tag", 2) == "no tag<image>"
    assert with_marks("no tag", 0) == "no tag"


# --- what is not there ----------------------------------------------------------------------------


@pytest.mark.parametrize(("read", "word"), [(read_chartmimic, "ChartMimic"), (read_mmcode, "mmcode_test.jsonl.gz")])  # fmt: skip
def test_missing_data_say_where_to_fetch_them(tmp_path: Path, read: Any, word: str) -> None:
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(BadDataset) as caught:
            read(place)
        assert word in caught.value.todo


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK no")
    with pytest.raises(BadDataset, match="no folder, zip or tar"):
        Tree(tmp_path / "x.zip")
    with pytest.raises(BadDataset, match="line 2"):
        read_rows("x.jsonl", b'{"a": 1}\n{')
    with pytest.raises(BadDataset, match="cannot be read"):
        read_rows("x.parquet", b"PAR1")


def test_archive_cannot_write_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISCODEX_HOME", str(tmp_path / "home"))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../../evil.yaml", "x")
    with pytest.raises(BadDataset, match="leads out"):
        unpacked(tmp_path / "x.zip")
    assert not list(tmp_path.rglob("evil.yaml"))

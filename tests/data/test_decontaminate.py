"""Decontamination: what was planted from a benchmark of any layout is found, clean samples are not."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from viscodex.data.benchmark_rows import ReadLog
from viscodex.data.benchmarks import read_benchmark
from viscodex.data.decontaminate import BenchmarkIndex, Contamination, report_markdown
from viscodex.data.duplicates import signature
from viscodex.errors import BadInput
from viscodex.types import Category, Message, Sample

WORDS = [
    "river",
    "market",
    "engine",
    "garden",
    "signal",
    "copper",
    "window",
    "planet",
    "bridge",
    "harvest",
    "motor",
    "silver",
    "letter",
    "forest",
    "camera",
    "ticket",
    "island",
    "pepper",
    "orbit",
    "castle",
    "lantern",
    "valley",
    "mirror",
    "anchor",
    "ribbon",
    "tunnel",
    "basket",
    "violin",
    "pocket",
    "thunder",
    "meadow",
    "kettle",
]


def prose(seed: int, n: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=n))


def script(seed: int) -> str:
    rng = random.Random(seed)
    values = [rng.randint(1, 999) for _ in range(24)]
    calls = rng.sample(["bar", "plot", "scatter", "step", "stem", "fill_between", "barh"], 3)
    drawn = "\n".join(f"ax.{call}(x, y, alpha=0.{rng.randint(1, 9)})" for call in calls)
    return (
        "import matplotlib.pyplot as plt\nimport numpy as np\n"
        f"x = np.arange(24)\ny = np.array({values})\nfig, ax = plt.subplots()\n{drawn}\n"
        f"ax.set_title('{prose(seed, 5)}')\nplt.tight_layout()\nplt.savefig('chart.png')\n"
    )


def page(seed: int) -> str:
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>Page</title></head>\n"
        f"<body><h1>{prose(seed, 6)}</h1><p class='a'>{prose(seed + 1, 40)}</p>"
        f"<ul><li>{prose(seed + 2, 8)}</li><li>{prose(seed + 3, 8)}</li></ul></body></html>"
    )


def picture(seed: int, size: tuple[int, int] = (640, 480), form: str = "PNG") -> bytes:
    rng = random.Random(seed)
    image = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = rng.randint(0, 560), rng.randint(0, 420)
        color = (rng.randint(0, 200), rng.randint(0, 200), rng.randint(0, 200))
        draw.rectangle((x, y, x + rng.randint(20, 160), y + rng.randint(20, 120)), fill=color)
    stream = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(stream, form)
    return stream.getvalue()


def sample(
    code: str = "",
    question: str = "<image>Write code that draws this.",
    *,
    images: tuple[bytes, ...] = (),
    language: str = "python",
    category: Category = "chart",
    answer: str = "Here it is.",
) -> Sample:
    messages = (Message("user", question), Message("assistant", answer))
    return Sample("train-1", category, messages, images, reference=code, language=language)


# --- benchmarks of every layout -------------------------------------------------------------------


def design2code_folder(folder: Path) -> None:
    for i in range(4):
        (folder / f"{i}.html").write_text(page(10 * i))
        (folder / f"{i}.png").write_bytes(picture(i))
    blue = io.BytesIO()
    Image.new("RGB", (320, 180), (0, 90, 200)).save(blue, "JPEG")
    (folder / "rick.jpg").write_bytes(blue.getvalue())


def design2code_parquet(folder: Path) -> None:
    rows = [{"image": {"bytes": picture(i), "path": None}, "text": page(10 * i)} for i in range(4)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000.parquet")


def chartmimic_folder(folder: Path) -> None:
    for kind in ("direct_600", "customized_600"):
        (folder / kind).mkdir()
        for i in range(4):
            (folder / kind / f"bar_{i}.py").write_text(script(i))
            (folder / kind / f"bar_{i}.png").write_bytes(picture(i))
            (folder / kind / f"bar_{i}.pdf").write_bytes(b"%PDF-1.4")
    rows = [{"idx": i, "width": 8, "height": 6, "code": script(i), "instruction": prose(900)} for i in range(4)]  # fmt: skip
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def chartmimic_tsv(folder: Path) -> None:
    lines = ["index\ttask\tquestion\tinput_figure\tground_truth_figure_code"]
    for i in range(4):
        quoted = script(i).replace('"', '""')
        image = base64.b64encode(picture(i)).decode()
        lines.append(f'{i}\tDirect\t"{prose(700 + i)}"\t{image}\t"{quoted}"')
    (folder / "ChartMimic.tsv").write_text("\n".join(lines) + "\n")


def mmcode_row(i: int) -> dict[str, Any]:
    return {
        "problem_id": f"cf_{i}_A",
        "question": f"{prose(10 * i)}\n![image](1.png)",
        "solutions": [script(i), script(100 + i)],
        "input_output": json.dumps({"inputs": ["1\n"], "outputs": ["2\n"]}),
        "images": [base64.b64encode(picture(i)).decode()],
        "url": "https://example.com",
    }


def mmcode_jsonl(folder: Path) -> None:
    with gzip.open(folder / "mmcode_test.jsonl.gz", "wt") as stream:
        stream.write("".join(json.dumps(mmcode_row(i)) + "\n" for i in range(4)))


def mmcode_folders(folder: Path) -> None:
    for i in range(4):
        (folder / f"problem_{i}" / "images").mkdir(parents=True)
        row = mmcode_row(i)
        row["solutions"] = json.dumps(row["solutions"])
        del row["images"]
        (folder / f"problem_{i}" / "data.json").write_text(json.dumps(row))
        (folder / f"problem_{i}" / "images" / "1.png").write_bytes(picture(i))


def infibench_folder(folder: Path) -> None:
    for name in ("cases", "images", "refs"):
        (folder / name).mkdir()
    cases = []
    for i in range(4):
        (folder / "refs" / f"{i}.md").write_text(f"Use this:\n\n```python\n{script(i)}```\n")
        (folder / "images" / f"{i}.png").write_bytes(picture(i))
        (folder / "cases" / f"{i}.md").write_text(prose(10 * i))
        case = {
            "id": f"fe-{i}", "lang": "python", "prompt_path": f"{i}.md",
            "reference": {"path": f"../refs/{i}.md"}, "images": [{"path": f"../images/{i}.png"}],
            "grading": {"keywords": ["flex-wrap"], "unit_test": {"tests": [{"content": script(50 + i)}]}},
        }  # fmt: skip
        (folder / "cases" / f"{i}.yaml").write_text(yaml.safe_dump(case))
        cases.append(f"cases/{i}.yaml")
    (folder / "suite.yaml").write_text(yaml.safe_dump({"version": "1", "cases": cases}))


def infibench_v_lines(folder: Path) -> None:
    rows = [
        {
            "format": "infibench-v/1", "id": f"fe-{i}", "lang": "python", "prompt": prose(10 * i),
            "reference": script(i), "images": [{"path": f"{i}.png"}], "grading": {"judge": {}},
        }
        for i in range(4)
    ]  # fmt: skip
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for i in range(4):
        (folder / f"{i}.png").write_bytes(picture(i))


def own_folder(folder: Path) -> None:
    """A data set as ours and others' exports are: conversations with pictures in a sub-folder."""
    (folder / "deep" / "er").mkdir(parents=True)
    turns = [
        {"messages": [{"role": "user", "content": prose(10 * i)}, {"role": "assistant", "content": f"```python\n{script(i)}```"}]}
        for i in range(4)
    ]  # fmt: skip
    (folder / "rows.json").write_text(json.dumps(turns))
    for i in range(4):
        (folder / "deep" / "er" / f"{i}.jpg").write_bytes(picture(i, form="JPEG"))


CODE, PAGE, QUESTION, IMAGE = "code", "page", "question", "image"
LAYOUTS: dict[Callable[[Path], None], tuple[str, tuple[str, ...]]] = {
    design2code_folder: ("design2code", (PAGE, IMAGE)),
    design2code_parquet: ("design2code", (PAGE, IMAGE)),
    chartmimic_folder: ("chartmimic", (CODE, IMAGE)),
    chartmimic_tsv: ("chartmimic", (CODE, IMAGE)),
    mmcode_jsonl: ("mmcode", (CODE, QUESTION, IMAGE)),
    mmcode_folders: ("mmcode", (CODE, QUESTION, IMAGE)),
    infibench_folder: ("infibench", (CODE, QUESTION, IMAGE)),
    infibench_v_lines: ("infibench-v", (CODE, QUESTION, IMAGE)),
    own_folder: ("folder", (CODE, QUESTION, IMAGE)),
}

PLANTS: dict[str, Sample] = {
    CODE: sample(script(2).replace("ax", "axes").replace("'", '"') + "# mine\n"),
    PAGE: sample(page(20).replace("class='a'", "class='b'"), language="html", category="html"),
    QUESTION: sample("", f"<image>Please solve. {prose(20).upper()} Thank you!", category="algorithm"),
    IMAGE: sample("print(1)", images=(picture(77), picture(2, (800, 600), "JPEG"))),
}  # fmt: skip

CLEAN = [
    sample(script(300), "<image>Draw " + prose(301), images=(picture(300),)),
    sample(page(400), "<image>Build this.", images=(picture(400),), language="html", category="html"),
    sample("", prose(500), category="qa", answer=f"```python\n{script(501)}```"),
]  # fmt: skip


@pytest.fixture(params=LAYOUTS, ids=lambda make: make.__name__)
def benchmark_folder(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Path]:
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "README.md").write_text(prose(300) * 5)
    request.param(folder)
    return request.param, folder


def test_planted_samples_are_found_and_clean_ones_are_not(
    benchmark_folder: tuple[Any, Path],
) -> None:
    make, folder = benchmark_folder
    layout, kinds = LAYOUTS[make]
    index = BenchmarkIndex.build([folder])
    assert layout in index.folders[0].layouts
    assert index.folders[0].bad == ()
    for kind in kinds:
        found = index.match(PLANTS[kind])
        assert found is not None, kind
        assert found.kind == ("code" if kind == PAGE else kind)
        assert "2" in found.item or found.file.endswith(":3"), found
        assert found.benchmark == "bench"
        assert 0.6 <= found.overlap <= 1
    assert [index.match(clean) for clean in CLEAN] == [None] * len(CLEAN)


def test_code_in_a_question_or_an_answer_counts_and_so_does_a_part_of_an_item(
    tmp_path: Path,
) -> None:
    mmcode_jsonl(tmp_path)
    index = BenchmarkIndex.build([tmp_path])
    fenced = f"```python\n{script(1)}```"
    for told in (
        sample("", f"What is wrong here?\n{fenced}", category="qa"),
        sample("", "Please.", category="qa", answer=f"Sure:\n{fenced}\nDone."),
        sample(script(1) + script(301)),
    ):
        found = index.match(told)
        assert found is not None and (found.item, found.kind) == ("cf_1_A", "code")
    long = "\n".join(script(seed) for seed in range(600, 612))
    (tmp_path / "long.py").write_text(long)
    part = BenchmarkIndex.build([tmp_path]).match(sample(script(605)))
    assert part is not None and part.item == "long"


def test_phrases_of_a_benchmark_and_plain_pictures_prove_nothing(tmp_path: Path) -> None:
    ask = "You are an expert developer, write the code that draws the picture you are given here."
    rows = [{"question": f"{ask} {prose(i)}", "solution": script(i)} for i in range(8)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    design2code_folder(tmp_path)
    index = BenchmarkIndex.build([tmp_path])
    assert index.match(sample("print(1)", f"<image>{ask}")) is None
    for color in ("white", "#0a5ac8"):
        stream = io.BytesIO()
        Image.new("RGB", (320, 180), color).save(stream, "PNG")
        assert index.match(sample("print(1)", images=(stream.getvalue(),))) is None


def test_a_signature_saves_opening_the_pictures_and_changes_nothing(tmp_path: Path) -> None:
    design2code_folder(tmp_path)
    index = BenchmarkIndex.build([tmp_path])
    planted = PLANTS[IMAGE]
    found = index.match(planted, signature(planted))
    assert found == index.match(planted)
    unopened = dataclasses.replace(planted, images=(b"", b""))
    assert index.match(unopened, signature(planted)) == found


def test_files_that_cannot_be_read_are_listed_and_the_rest_is_used(tmp_path: Path) -> None:
    design2code_folder(tmp_path)
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n"
        for p, c in zip("abcdefghi", "bcdefghij", strict=True)
    )
    wrong = {
        "cut.png": picture(1)[:300],
        "bad.parquet": b"PAR1 no",
        "bad.json": b'{"a": ',
        "bad.jsonl.gz": b"\x1f\x8b\x08 not really",
        "bad.yaml": b"a: [1, {",
        "object.yaml": b"!!python/object/apply:os.system ['touch pwned']",
        "bomb.yaml": bomb.encode(),
        "rows.jsonl": b'{"question": "' + prose(4).encode() + b'"}\nnot json\n\xff\xfe\n',
    }
    for name, data in wrong.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "data.zip").write_bytes(b"PK")
    index = BenchmarkIndex.build([tmp_path])
    folder = index.folders[0]
    files = [name.split(":")[0] for name, _ in folder.bad]
    assert sorted(set(files)) == sorted(wrong)
    assert files.count("rows.jsonl") == 2
    assert all(reason for _, reason in folder.bad)
    assert folder.ignored == {".zip": 1}
    assert index.match(PLANTS[PAGE]) is not None
    assert index.match(sample("", prose(4), category="qa")) is not None
    assert not Path("pwned").exists()


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.rmdir()])
def test_a_folder_without_files_is_bad_input(make: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "none"
    folder.mkdir()
    make(folder)
    for build in (lambda: BenchmarkIndex.build([folder]), lambda: list(read_benchmark(folder))):
        with pytest.raises(BadInput, match="no such benchmark"):
            build()


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=100),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["question", "code", "images", "messages", "role", "content", "x"]), inner, max_size=4),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_json_is_read_or_listed(tmp_path_factory: pytest.TempPathFactory, row: Any) -> None:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "rows.jsonl").write_text(json.dumps(row))
    log = ReadLog()
    for item in read_benchmark(folder, log):
        assert item.file == "rows.jsonl:1"
        assert item.question or item.code or item.images
    assert not log.bad


def test_the_index_is_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cache = tmp_path / "bench", tmp_path / "cache"
    folder.mkdir()
    mmcode_jsonl(folder)
    first = BenchmarkIndex.build([folder], cache)
    (file,) = cache.iterdir()
    wanted = first.match(PLANTS[CODE])
    with monkeypatch.context() as patch:
        patch.setattr("viscodex.data.decontaminate.IndexBuilder", None)  # nothing is read again
        again = BenchmarkIndex.build([folder], cache)
    assert again.match(PLANTS[CODE]) == wanted is not None
    assert again.folders == first.folders

    file.write_bytes(file.read_bytes()[:1000])
    assert BenchmarkIndex.build([folder], cache).match(PLANTS[CODE]) == wanted
    (folder / "more.py").write_text(script(9))
    grown = BenchmarkIndex.build([folder], cache)
    assert len(list(cache.iterdir())) == 2
    assert grown.match(sample(script(9))) is not None


def test_the_report_says_what_matched_what(tmp_path: Path) -> None:
    one, two = tmp_path / "charts", tmp_path / "pages"
    one.mkdir()
    two.mkdir()
    chartmimic_folder(one)
    design2code_folder(two)
    index = BenchmarkIndex.build([one, two])
    found = [index.match(PLANTS[CODE]), index.match(PLANTS[PAGE]), index.match(CLEAN[0])]
    report = index.report([each for each in found if each], 3)
    assert json.loads(json.dumps(report))["n_contaminated"] == 1  # both have one id
    assert report["by_kind"] == {"code": 2}
    assert [b["benchmark"] for b in report["benchmarks"]] == ["charts", "pages"]
    assert report["benchmarks"][0]["ignored"] == {".pdf": 8}
    text = report_markdown(report)
    assert "| charts | chartmimic" in text
    assert "| train-1 | pages | 2 | 2.html | code |" in text
    short = report_markdown(report, n_shown=1)
    assert "... and 1 more." in short
    empty = report_markdown(index.report([], 3))
    assert "0 of 3 samples" in empty


def test_thresholds_are_settable(tmp_path: Path) -> None:
    mmcode_jsonl(tmp_path)
    lines = script(2).splitlines()
    half = sample("\n".join([*lines[:4], *script(800).splitlines()[4:]]))
    assert BenchmarkIndex.build([tmp_path], overlap=0.95).match(half) is None
    found = BenchmarkIndex.build([tmp_path], overlap=0.2).match(half)
    assert isinstance(found, Contamination)

"""Design2Code: every stage equals what the official scorer recorded; odd pages harm nobody."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import cydifflib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from viscodex.errors import BadDataset
from viscodex.tasks.design2code import markup
from viscodex.tasks.design2code.blocks import Block, Pixels, find_blocks
from viscodex.tasks.design2code.clip import Clip, clip_picture, masked_square
from viscodex.tasks.design2code.items import PageItem, read_design2code, visible_texts
from viscodex.tasks.design2code.matching import join_equal_boxes, match
from viscodex.tasks.design2code.task import PageScorer, extract
from viscodex.tasks.design2code.visual import METRICS, compare
from viscodex.tasks.task import Item
from viscodex.text import read_answer
from viscodex.types import Completion, Score

HERE = Path(__file__).parents[1] / "golden" / "design2code"
TOLERANCE = 1e-14  # of the colour term alone; all else is exact


@pytest.fixture(params=["committed", "all"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Recorded stages: the part in this repository, and all of --golden."""
    if request.param == "committed":
        return HERE
    place: Path = request.getfixturevalue("golden") / "design2code"
    if not place.is_dir():
        pytest.skip(f"no {place}")
    return place


def _pairs(folder: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """(number, recorded stages, markup of both sides as it is rendered)."""
    data = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    for number, pair in data["pairs"].items():
        reference = (folder / "pairs" / f"{number}_ref.html").read_text(encoding="utf-8")
        cleaned = pair["stage_markup"]["cand_after_preprocess"]
        yield number, pair, {"cand": cleaned, "ref": reference}


def _blocks(recorded: list[dict[str, Any]]) -> list[Block]:
    return [
        Block(b["text"], tuple(b["bbox"]), tuple(float(v) for v in b["color"]))  # type: ignore[arg-type]
        for b in recorded
    ]


def _pixels(file: Path) -> Pixels:
    return np.asarray(Image.open(file).convert("RGB"))


# --- parity, stage by stage -----------------------------------------------------------------------


def test_markup_is_cleaned_and_recoloured_as_officially(folder: Path) -> None:
    for number, pair, sides in _pairs(folder):
        given_ = (folder / "pairs" / f"{number}_cand.html").read_text(encoding="utf-8")
        assert markup.clean(given_) == sides["cand"], number
        assert markup.clean(sides["cand"]) == sides["cand"], number
        for side, html in sides.items():
            copies = markup.recolor(html)
            for name, text in (("inject0", copies.first), ("inject50", copies.second)):
                digest = hashlib.sha256(text.encode()).hexdigest()
                assert digest == pair["stage_markup"]["sha256"][f"{side}_{name}"], (number, side)


def test_blocks_of_recorded_screenshots_are_the_official_ones(folder: Path) -> None:
    n = 0
    for number, pair, sides in _pairs(folder):
        for side, html in sides.items():
            files = [
                folder / "shots" / f"{number}_{side}_{k}.png"
                for k in ("orig", "inject0", "inject50")
            ]
            if not files[0].exists():
                continue
            found = find_blocks(*map(_pixels, files), markup.recolor(html).texts)  # type: ignore[call-arg, arg-type]
            assert found == _blocks(pair["stage_blocks"][side]), (number, side)
            n += 1
    assert n >= 4


def _assert_match(ours: list[Block], theirs: list[Block], official: dict[str, Any]) -> None:
    scores = official["scores"]
    if not ours or not theirs:
        assert set(scores.values()) == {0.0}
        return
    found = match(ours, theirs)
    values = compare(found)
    assert {n: values[n] for n in METRICS[:3]} == {n: scores[n] for n in METRICS[:3]}
    assert values["color"] == pytest.approx(scores["color"], abs=TOLERANCE)
    assert list(found.candidate) == _blocks(official["cand_merged"])
    assert list(found.reference) == _blocks(official["ref_merged"])
    assert [list(b.box) for b in found.candidate] == official["masks_cand"]
    assert [list(b.box) for b in found.reference_joined] == official["masks_ref"]
    if "kept" in official:
        pairs = [[p.candidate, p.reference, p.similarity] for p in found.pairs]
        assert pairs == official["kept"]


def test_matching_of_recorded_blocks_is_the_official_one(folder: Path) -> None:
    for _, pair, _ in _pairs(folder):
        stage = pair["stage_blocks"]
        official = {**pair["stage_match"], **pair["stage_clip"], "scores": pair["scores"]}
        _assert_match(_blocks(stage["cand"]), _blocks(stage["ref"]), official)


def test_matching_of_synthetic_block_lists_is_the_official_one(folder: Path) -> None:
    cases = json.loads((folder / "matcher_cases.json").read_text(encoding="utf-8"))
    assert cases
    for case in cases:
        _assert_match(_blocks(case["cand"]), _blocks(case["ref"]), case["official"])


def test_pictures_for_clip_are_the_official_ones(folder: Path) -> None:
    for number, pair, sides in _pairs(folder):
        recorded = {one["side"]: one["sha256_rgb"] for one in pair["stage_clip"]["square_inputs"]}
        for side in sides:
            file = folder / "shots" / f"{number}_{side}_orig.png"
            if not file.exists():
                continue
            boxes = pair["stage_clip"][f"masks_{side}"]
            blocks = [Block("", tuple(box), (0, 0, 0)) for box in boxes]
            square = masked_square(_pixels(file), blocks)
            assert hashlib.sha256(square.tobytes()).hexdigest() == recorded[side], (number, side)
            small = np.asarray(clip_picture(_pixels(file), blocks))
            assert (small == _pixels(folder / "clip224" / f"{number}_{side}.png")).all()


# --- end to end -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageScorer]:
    files = {"rick.jpg": (HERE / "rick.jpg").read_bytes()}
    cache = tmp_path_factory.mktemp("references")
    with PageScorer(("paper", "strict"), files, workers=2, cache=cache) as scorer:
        yield scorer


def _score(scorer: PageScorer, reference: str, answer: str) -> tuple[Score, Score]:
    item = Item("page", (), (), PageItem(reference, {}))
    paper, strict = scorer.score(item, read_answer("page", Completion(answer), "html"))
    return paper, strict


def _has_the_fonts(recorded: dict[str, str], html: str) -> bool:
    """The families of this page come out as the recorded fonts."""
    program = shutil.which("fc-match")
    odd = re.search(r"monospace|<(pre|code|tt|kbd|textarea)\b|cursive", html)
    if program is None or odd or any(ord(c) > 0x24F for c in html):
        return False
    names = ("serif", "sans-serif", "Arial", "Times New Roman")
    said = (subprocess.run([program, n], capture_output=True, text=True).stdout for n in names)
    return all(recorded[name] in line for name, line in zip(names, said, strict=True))


def test_scores_from_html_to_value_are_the_official_ones(scorer: PageScorer, folder: Path) -> None:
    data = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    environment = data["environment"]
    build = scorer.settings["render"]["browser"].split()[-1]
    if build != environment["browser"].split()[-1]:
        pytest.skip(f"recorded with {environment['browser']}, here is {build}")
    n = 0
    for number, pair, sides in _pairs(folder):
        if number == "12" or not _has_the_fonts(environment["fc_match"], "".join(sides.values())):
            continue  # 12 takes long and is compared in its stages
        candidate = (folder / "pairs" / f"{number}_cand.html").read_text(encoding="utf-8")
        paper, _ = _score(scorer, sides["ref"], candidate)
        for name, value in pair["scores"].items():
            assert paper.values[name] == pytest.approx(value, abs=TOLERANCE), (number, name)
        n += 1
    if not n:
        pytest.skip("recorded with other fonts than those of this machine")


PAGE = (
    "<!DOCTYPE html><html><body><h1>Harbour Works</h1><p style='color:#336699'>Boats since 1920</p>"
    "<ul><li>Sloops and yawls</li><li>Repairs of all kinds</li><li>Winter storage</li></ul></body></html>"
)


def test_identity_scores_one_and_emptiness_nothing(scorer: PageScorer) -> None:
    for score in _score(scorer, PAGE, f"Here it is:\n```html\n{PAGE}\n```"):
        assert {name: score.values[name] for name in METRICS} == dict.fromkeys(METRICS, 1.0)
        assert score.status == "ok"
        assert np.isnan(score.values["clip"]) and "CLIP" in score.reason
    for answer in ("", "I cannot do that.", "<html></html>"):
        for score in _score(scorer, PAGE, answer):
            assert score.values["block_match"] < 0.2


def test_strict_sees_missing_blocks_where_paper_does_not(scorer: PageScorer) -> None:
    half = PAGE.replace("<li>Repairs of all kinds</li><li>Winter storage</li>", "")
    paper, strict = _score(scorer, PAGE, half)
    assert paper.values["text"] == 1.0
    assert strict.values["text"] == pytest.approx(3 / 5)
    assert strict.detail["coverage"] == pytest.approx(3 / 5)


def test_scores_fall_as_texts_are_lost(scorer: PageScorer) -> None:
    answers = [PAGE, *(re.sub(r"<li>.*?</li>", "", PAGE, count=n) for n in (1, 2, 3))]
    found = [_score(scorer, PAGE, answer)[1].values["low_level"] for answer in answers]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1.0 and found[-1] < 0.7


@pytest.mark.parametrize(
    ("html", "why"),
    [
        ("<body><section style='color:'>x</section>", "inline style"),
        ("<body><section style='border-color'>x</section>", "inline style"),
        ("<p>x</p>" * 40 + "<b>y</b><b>z</b>" * 2100, "more than 4096"),
    ],
)
def test_pages_that_crash_the_official_code_score_nothing_and_say_so(html: str, why: str) -> None:
    with pytest.raises(markup.CannotRecolor, match=why):
        markup.recolor(html)


def test_crash_is_a_score_with_a_note(scorer: PageScorer) -> None:
    for score in _score(
        scorer, PAGE, "<html><body><em style='color:'>Harbour Works</em></body></html>"
    ):
        assert score.values["low_level"] == 0.0
        assert any("official code crashes" in note for note in score.notes)


def test_page_that_never_ends_has_a_status_and_no_credit_under_strict(scorer: PageScorer) -> None:
    from viscodex.execute.sandbox import Limits

    limits = Limits(wall=3, cpu=2)
    endless = "<html><body><p>Harbour Works</p><script>for(;;);</script></body></html>"
    assert scorer.pool.render(endless, limits=limits).status == "timeout"
    assert _score(scorer, PAGE, PAGE)[0].values["block_match"] == 1.0


def test_references_come_from_disk_the_second_time(scorer: PageScorer) -> None:
    _score(scorer, PAGE, PAGE)
    pages = scorer.pool._browser.pages if scorer.pool._browser else 0
    again = scorer.references.get(PAGE)
    assert again.status == "ok" and len(again.blocks) == 5
    assert scorer.pool._browser is None or scorer.pool._browser.pages == pages


# --- pieces ---------------------------------------------------------------------------------------


@given(st.text("ab cd\n", max_size=400), st.text("ab cd\n", max_size=400))
def test_fast_ratio_is_difflibs(first: str, second: str) -> None:
    ours = cydifflib.SequenceMatcher(None, first, second).ratio()
    assert ours == SequenceMatcher(None, first, second).ratio()


@given(
    st.lists(
        st.builds(
            Block,
            st.sampled_from(["a", "bb", "a bb", "ccc dd"]),
            st.tuples(*[st.sampled_from([0.1, 0.2, 0.3])] * 4),
            st.tuples(*[st.sampled_from([0.0, 255.0])] * 3),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_values_are_fractions_and_identity_is_one(blocks: list[Block]) -> None:
    values = compare(match(blocks, blocks))
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in values.values())
    assert len({b.box for b in join_equal_boxes(blocks)}) == len(join_equal_boxes(blocks))


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        ("```html\n<!DOCTYPE html><html>x</html>\n```\nDone.", "<!DOCTYPE html><html>x</html>"),
        ("Sure!\n<!doctype html><html>x</html> trailing", "<!doctype html><html>x</html>"),
        ("html\n<p>x</p>", "<p>x</p>"),
        ("<p>x</p>", "<p>x</p>"),
        ("", ""),
    ],
)
def test_page_is_taken_out_of_the_answer(answer: str, page: str) -> None:
    assert extract(answer) == page


def test_loop_is_cut_and_copies_beyond_fifty_go() -> None:
    assert markup.clean("<html><body><i>x</i></body></html>").count("<i>") == 1
    many = "<html><body>" + "<i>x</i>" * 80 + "</body></html>"
    assert markup.clean(many).count("<i>") == 50
    loop = "<html><body><p>begin</p>" + ("lorem ipsum dolor sit amet " * 60) + "</body></html>"
    assert len(markup.clean(loop)) < len(loop) / 2


@pytest.mark.parametrize("depth", [1_000, 20_000])
def test_elements_in_one_another_take_no_longer_than_beside(depth: int) -> None:
    html = "<html><body>" + "<div>" * depth + "deep"
    begin = time.process_time()
    copies = None
    cleaned = markup.clean(html)
    if depth < 4_096:
        copies = markup.recolor(cleaned)
        assert [text.text for text in copies.texts] == ["deep"]
    assert cleaned.count("<div>") == depth
    assert time.process_time() - begin < 20


def test_black_bare_text_is_never_found() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    page = white.copy()
    page[5:8, 5:8] = 0
    second = white.copy()
    second[5:8, 5:8] = 50
    assert find_blocks(page, page, second, [markup.Text("x", (0, 0, 0))]) == []


def test_folder_and_parquet_are_read_alike(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    pages = tmp_path / "pages"
    pages.mkdir()
    for n in (2, 10):
        (pages / f"{n}.html").write_text(f"<p>page {n}", encoding="utf-8")
        (pages / f"{n}.png").write_bytes(picture.getvalue())
    (pages / "rick.jpg").write_bytes((HERE / "rick.jpg").read_bytes())
    rows = [{"image": {"bytes": picture.getvalue()}, "text": f"<p>page {n}"} for n in (2, 10)]
    (tmp_path / "hub").mkdir()
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "hub" / "test.parquet")
    folder, table = read_design2code(pages), read_design2code(tmp_path / "hub")
    assert [item.id for item in folder.items] == ["2", "10"]
    for benchmark in (folder, table):
        assert [item.data.reference for item in benchmark.items] == ["<p>page 2", "<p>page 10"]
        assert [item.images[0].read() for item in benchmark.items] == [picture.getvalue()] * 2
    assert folder.items[0].data.files.keys() == {"rick.jpg"}
    assert table.notes and not folder.notes


def test_nothing_to_read_names_the_steps(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="SALT-NLP/Design2Code"):
        read_design2code(tmp_path / "nowhere")
    with pytest.raises(BadDataset, match="no pages"):
        read_design2code(tmp_path)


def test_text_augmented_prompt_has_the_texts_and_not_the_styles() -> None:
    html = "<head><title>t</title><style>p{}</style></head><body><p>One</p><!-- no --><p>Two  three"
    assert visible_texts(html) == ["One", "Two three"]


def test_clip_embeds_pictures_of_a_model_on_disk(tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        projection_dim=16, image_size=224, patch_size=32,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    clip = Clip(str(tmp_path))
    first = clip.embed(Image.new("RGB", (224, 224), "red"))
    second = clip.embed(Image.effect_noise((224, 224), 80).convert("RGB"))
    assert first.shape == (16,)
    assert float(first @ first) == pytest.approx(1.0, abs=1e-5)
    assert float(first @ second) < 0.999

"""Near-duplicates: copies are found whatever was done to them, neighbours of one template are not."""

from __future__ import annotations

import dataclasses
import io
import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from viscodex.data.duplicates import (
    PERMUTATIONS,
    Signature,
    find_duplicates,
    group_of,
    minhash,
    signature,
    sketch_similarity,
)
from viscodex.data.shingles import CODE_RUN, code_tokens, shingles, text_tokens
from viscodex.errors import BadInput, BadRecipe
from viscodex.types import Category, Message, Sample

CHART = """\
import matplotlib.pyplot as plt
import numpy as np

# sales by quarter
quarters = ["Q1", "Q2", "Q3", "Q4"]
north = np.array([12.5, 18.0, 9.25, 22.0])
south = np.array([8.0, 11.5, 14.0, 7.75])
fig, ax = plt.subplots(figsize=(8, 5))
ax.bar(np.arange(4) - 0.2, north, width=0.4, label="North", color="#4c72b0")
ax.bar(np.arange(4) + 0.2, south, width=0.4, label="South", color="#dd8452")
ax.set_xticks(np.arange(4), quarters)
ax.set_title(f"Sales of {len(quarters)} quarters")
ax.set_ylabel("Sales (M$)")
ax.legend(loc="upper left")
fig.tight_layout()
plt.savefig("out.png", dpi=100)
"""

RENAMED = """\
import matplotlib.pyplot as mpl
import numpy as num
labels = ['Q1', 'Q2',
          'Q3', 'Q4',]
a = num.array([12.50, 18, 9.25, 2.2e1])   # first region
b = num.array([8, 11.50, 14, 7.75])
figure, axes = mpl.subplots(figsize=(8, 5))
axes.bar(num.arange(4) - .2, a, width=.4, label='North', color='#4c72b0')
axes.bar(num.arange(4) + .2, b, width=.4, label='South', color='#dd8452')
axes.set_xticks(num.arange(4), labels)
axes.set_title(f'Sales of {len(labels)} quarters')
axes.set_ylabel('Sales (M$)'); axes.legend(loc='upper left')
figure.tight_layout()
mpl.savefig('out.png', dpi=100)
"""

OTHER_DATA = (
    CHART.replace("12.5, 18.0, 9.25, 22.0", "31.0, 4.5, 6.0, 17.5")
    .replace("8.0, 11.5, 14.0, 7.75", "2.0, 29.0, 3.5, 10.0")
    .replace("North", "Coffee")
    .replace("South", "Tea")
    .replace("Sales", "Imports")
    .replace("quarters", "seasons")
)

OTHER_CHART = CHART.replace("ax.bar(np.arange(4) - 0.2, north, width=0.4,", "ax.plot(north, marker='o',").replace(
    "ax.bar(np.arange(4) + 0.2, south, width=0.4,", "ax.plot(south, marker='s',"
)  # fmt: skip

PAGE = """<!DOCTYPE html>
<html lang="en"><head><style>
/* the look */
.hero { background: #223344; color: white; padding: 40px } #top { margin: 0 auto }
.card { border: 1px solid #ccc; border-radius: 8px }
</style></head><body>
<div class="hero" id="top"><h1>Northwind Bakery</h1><p>Fresh bread since 1962, every morning.</p></div>
<!-- cards -->
<div class="card"><h2>Rye loaf</h2><p>Dark and dense, baked for six hours.</p><b>$4.50</b></div>
<div class="card"><h2>Baguette</h2><p>Crisp crust, made three times a day.</p><b>$2.20</b></div>
</body></html>"""


def png(picture: Image.Image, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, quality=80)
    return stream.getvalue()


def bars(seed: int, color: str = "#4c72b0") -> Image.Image:
    """A bar chart on white with a legend and a title."""
    rng = random.Random(seed)
    picture = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((60, 50, 600, 430), outline="black")
    n = rng.randint(3, 9)
    for i in range(n):
        left, width = 70 + i * 520 // n, 380 // n
        draw.rectangle((left, 430 - rng.randint(20, 360), left + width, 430), fill=color)
    draw.text((rng.randint(150, 300), 25), "".join(rng.choices("abcdefgh ", k=25)), fill="black")
    return picture


def sample(
    name: str,
    code: str = "",
    question: str = "<image>Write the code.",
    *,
    category: Category = "chart",
    language: str = "python",
    task: str = "code",
    images: tuple[bytes, ...] = (),
) -> Sample:
    messages = (Message("user", question), Message("assistant", "here"))
    return Sample(name, category, messages, images, task, reference=code, language=language)


def pairs(*samples: Sample, **limits: float) -> list[tuple[str, str, str]]:
    found = find_duplicates([signature(each) for each in samples], **limits)  # type: ignore[arg-type]
    return [(each.kept, each.dropped, each.kind) for each in found]


# --- normalised code ------------------------------------------------------------------------------


def test_renamed_reformatted_and_commented_copies_have_the_same_tokens() -> None:
    assert code_tokens(CHART, "python") == code_tokens(RENAMED, "python")
    assert pairs(sample("a", CHART), sample("b", RENAMED)) == [("a", "b", "exact")]


def test_a_page_with_other_class_names_and_no_comments_has_the_same_tokens() -> None:
    copy = PAGE.replace("hero", "intro").replace("card", "tile").replace('"top"', "'head'")
    copy = copy.replace("#top", "#head").replace("/* the look */", "").replace("<!-- cards -->", "")
    assert code_tokens(PAGE, "html") == code_tokens(copy.replace("\n", "\n    "), "html")


@pytest.mark.parametrize(
    ("language", "one", "two"),
    [
        ("javascript", "const a = 1; // one\nfoo(a)", "const b = 1\n/* two */ foo(b)"),
        ("sql", "-- all\nSELECT x FROM t WHERE y = 3", "SELECT x FROM t\nWHERE y = 3.0"),
        ("python", "x = 'a' # b\ny = x", 'z = "a"\nw = z'),
        ("python", "for i in range(3): print(i)", "for number in range(3):\n    print(number)"),
        ("go", "func add(a int) int { return a }", "func plus(b int) int {\n\treturn b\n}"),
    ],
)
def test_names_and_comments_go_in_every_language(language: str, one: str, two: str) -> None:
    assert code_tokens(one, language) == code_tokens(two, language)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("ax.bar(x, y)", "ax.barh(x, y)"),
        ("ax.plot(x, y, lw=2)", "ax.plot(x, y, lw=3)"),
        ("ax.plot(x, y, lw=2)", "ax.plot(x, y, ms=2)"),
        ("ax.set_title('Oil')", "ax.set_title('Gas')"),
        ("x = a + b", "x = a - b"),
        ("color = '#ff0000'", "color = '#00ff00'"),
    ],
)
def test_calls_arguments_literals_and_operators_stay(one: str, two: str) -> None:
    assert code_tokens(one, "python") != code_tokens(two, "python")


@settings(max_examples=200)
@given(st.text(max_size=300), st.sampled_from(["python", "html", "javascript", "sql", "", "zig"]))
def test_any_text_has_tokens_and_shingles(text: str, language: str) -> None:
    for tokens in (code_tokens(text, language), text_tokens(text)):
        hashes = shingles(tokens, CODE_RUN)
        assert len(hashes) <= max(len(tokens) - CODE_RUN + 1, 1)
        assert (np.diff(hashes.astype(object)) > 0).all()
        assert bool(len(hashes)) == bool(tokens)


def test_hostile_code_is_cut_in_linear_time() -> None:
    bombs = (
        '"' * 90_000,
        '\\"' * 50_000,
        "/*" * 50_000,
        "<!--" * 25_000,
        "f'{" * 30_000,
        ".a " * 30_000,
    )
    for bomb in bombs:  # fmt: skip
        for language in ("python", "html", "javascript"):
            start = time.process_time()
            code_tokens(bomb, language)
            assert time.process_time() - start < 5


# --- MinHash --------------------------------------------------------------------------------------


def test_equal_minima_estimate_the_jaccard_similarity() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for overlap in (0, 100, 300, 450, 500):
        values = rng.integers(0, 2**63, 1000 - overlap, dtype=np.uint64)
        one, two = values[:500], values[500 - overlap : 1000 - overlap]
        estimate = (np.frombuffer(minhash(one), "<u4") == np.frombuffer(minhash(two), "<u4")).mean()
        errors.append(estimate - overlap / (1000 - overlap))
    assert np.abs(errors).max() < 4 * np.sqrt(0.25 / PERMUTATIONS)
    assert errors[-1] == 0


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.randoms())
def test_a_minhash_is_of_the_set(values: list[int], rng: random.Random) -> None:
    again = [*values, rng.choice(values)]
    rng.shuffle(again)
    assert minhash(np.array(values, np.uint64)) == minhash(np.array(again, np.uint64))


def test_minhash_stays_the_same_for_ever_and_large_sets_are_taken_in_pieces() -> None:
    values = np.arange(5000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    whole = np.frombuffer(minhash(values), "<u4")
    halves = [np.frombuffer(minhash(part), "<u4") for part in np.array_split(values, 3)]
    assert (whole == np.minimum.reduce(halves)).all()
    assert whole[:3].tolist() == [94485, 70477, 364402]
    assert minhash(np.empty(0, np.uint64)) == b""


# --- signatures -----------------------------------------------------------------------------------


def test_a_signature_is_a_parquet_row() -> None:
    signed = signature(sample("chart-1", CHART, images=(png(bars(1)), png(bars(2)))))
    kinds = {"code": pa.binary(), "question": pa.binary(), "images": pa.list_(pa.uint64())}
    kinds["sketches"] = pa.list_(pa.binary())
    names = [each.name for each in dataclasses.fields(Signature)]
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    table = pa.Table.from_pylist([dataclasses.asdict(signed)], schema)
    row = table.to_pylist()[0]
    again = Signature(**row | {k: tuple(row[k]) for k in ("images", "sketches")})
    assert again == signed
    assert (len(signed.code), len(signed.images), len(signed.sketches[0])) == (512, 2, 304)


def test_a_picture_that_cannot_be_read_names_the_sample() -> None:
    with pytest.raises(BadInput, match="chart-9"):
        signature(sample("chart-9", CHART, images=(b"no picture",)))


@pytest.mark.parametrize(
    ("name", "task", "group"),
    [
        ("chart-0000017", "code", "chart-0000017"),
        ("chart-0000017-describe", "describe", "chart-0000017"),
        ("chart-0000017-question-2", "question", "chart-0000017"),
        ("my-2-charts-0000017-ocr", "ocr", "my-2-charts-0000017"),
        ("mcd-12", "ocr", "mcd-12"),
    ],
)
def test_samples_of_a_draft_have_its_group(name: str, task: str, group: str) -> None:
    assert group_of(sample(name, task=task)) == group
    told = dataclasses.replace(sample(name, task=task), meta={"draft": "other"})
    assert group_of(told) == "other"


# --- what is a duplicate --------------------------------------------------------------------------


def test_charts_of_one_template_with_other_data_or_marks_stay() -> None:
    charts = [CHART, OTHER_DATA, OTHER_CHART]
    pictures = [(png(bars(i)),) for i in range(3)]
    told = [sample(f"c{i}", code, images=pictures[i]) for i, code in enumerate(charts)]
    assert pairs(*told) == []


def test_a_copy_with_one_changed_number_goes() -> None:
    changed = CHART.replace("dpi=100", "dpi=120")
    assert pairs(sample("a", CHART), sample("b", changed)) == [("a", "b", "code")]


def test_the_same_picture_from_other_code_goes_and_a_similar_one_stays() -> None:
    one = sample("a", CHART, images=(png(bars(5)),))
    copy = bars(5).resize((960, 720), Image.Resampling.BICUBIC)
    same = sample("b", OTHER_CHART, images=(png(copy, "JPEG"),))
    recoloured = sample("c", OTHER_DATA, images=(png(bars(5, "#dd8452")),))
    assert pairs(one, same, recoloured) == [("a", "b", "image")]


def test_samples_of_one_draft_share_a_picture_and_stay_or_go_together() -> None:
    picture = (png(bars(5)),)
    drafts = []
    for draft in ("chart-1", "chart-2"):
        drafts.append(sample(draft, CHART, images=picture))
        for task in ("describe", "table", "question", "ocr"):
            ask = f"<image>Please {task} what this picture shows in your own words."
            drafts.append(sample(f"{draft}-{task}", "", ask, images=picture, task=task))
    assert find_duplicates(map(signature, drafts[:5])) == []
    (found,) = find_duplicates(map(signature, drafts))
    assert (found.kept, found.dropped) == ("chart-1", "chart-2")
    assert set(found.samples) == {each.id for each in drafts[5:]}


def test_duplicates_are_found_across_categories() -> None:
    picture = (png(bars(5)),)
    told = [
        sample("chart-1", CHART, images=picture),
        sample(
            "qa-1", RENAMED, "<image>Why are the bars of the south missing here?", category="qa"
        ),
    ]
    assert pairs(*told) == [("chart-1", "qa-1", "code")]


STORY = (
    "A gardener has {n} flower beds in a row and wants to water them so that no two neighbours are "
    "watered on the same day. Given the litres each bed needs, print the largest total that can be "
    "poured in one day. The first line holds the number of beds, the second their litres."
)
TALE = (
    "A thief walks along a street of houses; alarms ring when two adjacent ones are robbed. You are "
    "told how much money lies in every house. Find out how much can be taken at most."
)
SOLUTION = "n = int(input())\na = b = 0\nfor x in map(int, input().split()):\n    a, b = b, max(b, a + x)\nprint(b)\n"  # fmt: skip


def test_problems_with_one_solution_and_other_words_stay() -> None:
    told = [
        sample(f"algorithm-{i}", SOLUTION, words, category="algorithm")
        for i, words in enumerate((STORY.format(n=7), TALE))
    ]
    assert pairs(*told) == []


def test_problems_in_the_same_words_go_unless_their_pictures_differ() -> None:
    words = "<image>" + STORY.format(n=5)

    def problem(name: str, picture: int, text: str = words) -> Sample:
        images = (png(bars(picture)),)
        return sample(name, SOLUTION, text, category="algorithm", images=images)

    one = problem("p1", 1)
    assert pairs(one, problem("p2", 1, words.replace("5", "6"))) == [("p1", "p2", "question")]
    assert pairs(one, problem("p2", 2)) == []


def test_questions_without_code_are_compared_by_their_words() -> None:
    ask = "Why does my loop print the list twice when I call the function once and then return it?"
    one = sample("q1", "", ask, category="qa")
    assert pairs(one, sample("q2", "", ask.upper() + "!!", category="qa")) == [
        ("q1", "q2", "exact")
    ]
    assert pairs(one, sample("q2", "", TALE, category="qa")) == []


def test_likeness_is_not_handed_on() -> None:
    """b repeats a and goes; c repeats b alone, and stays."""
    values = [
        f"x = [{', '.join(str(i) for i in range(start, start + 200))}]" for start in (0, 10, 20)
    ]
    assert pairs(*(sample(n, c) for n, c in zip("abc", values, strict=True))) == [
        ("a", "b", "code")
    ]
    assert pairs(*(sample(n, c) for n, c in zip("bc", values[1:], strict=True))) != []


def test_an_empty_and_a_single_data_set_have_no_duplicates() -> None:
    assert find_duplicates([]) == []
    assert pairs(sample("a", CHART)) == []
    assert pairs(sample("a"), sample("b", question="<image>Something else is asked.")) == []


@pytest.mark.parametrize("limits", [{"code_similarity": 0.0}, {"image_similarity": 1.5}, {"image_distance": 65}])  # fmt: skip
def test_thresholds_out_of_range_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(BadRecipe):
        pairs(sample("a", CHART), **limits)


@pytest.mark.parametrize("distance", [0, 1, 7, 15, 16, 40, 64])
def test_every_image_distance_is_possible(distance: int) -> None:
    told = [
        sample(n, code, images=(png(bars(5)),)) for n, code in (("a", CHART), ("b", OTHER_DATA))
    ]
    assert pairs(*told, image_distance=distance) == [("a", "b", "image")]


# --- order and size -------------------------------------------------------------------------------


def families(n: int, seed: int) -> list[Signature]:
    """Signatures of which every third repeats an earlier one in nine of ten shingles."""
    rng = np.random.default_rng(seed)
    sets: list[np.ndarray] = []
    signed = []
    for i in range(n):
        fresh = rng.integers(0, 2**63, 200, dtype=np.uint64)
        if i % 3 == 2:
            fresh[10:] = sets[int(rng.integers(0, i))][10:]
        sets.append(fresh)
        name = f"chart-{i:07d}"
        signed.append(Signature(name, name, "chart", "code", name, code=minhash(fresh)))
    return signed


@settings(max_examples=10, deadline=None)
@given(st.randoms())
def test_the_order_of_signatures_does_not_matter(rng: random.Random) -> None:
    signed = families(120, 3)
    wanted = find_duplicates(signed)
    rng.shuffle(signed)
    assert find_duplicates(signed) == wanted
    assert len(wanted) > 25
    assert all(each.kept < each.dropped for each in wanted)


def test_every_planted_copy_among_many_is_found_and_nothing_else() -> None:
    signed = families(3000, 4)
    found = {each.dropped for each in find_duplicates(signed)}
    planted = {each.id for each in signed[2::3]}
    assert found <= planted
    assert len(found) >= 0.97 * len(planted)  # copies of copies differ by more


def test_a_bucket_in_which_all_meet_is_not_quadratic_in_copies() -> None:
    code = minhash(np.arange(300, dtype=np.uint64))
    signed = [
        Signature(f"s{i:06d}", f"s{i:06d}", "chart", "code", f"{i}", code=code)
        for i in range(10_000)
    ]
    start = time.process_time()
    assert len(find_duplicates(signed)) == 9_999
    assert time.process_time() - start < 20


def test_sketches_of_other_colours_are_not_alike() -> None:
    one, two = (signature(sample("a", images=(png(bars(1, c)),))).sketches[0] for c in ("red", "blue"))  # fmt: skip
    assert sketch_similarity(one, one) == 1.0
    assert sketch_similarity(one, two) == 0.0

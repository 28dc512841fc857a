"""What the base reads, and the eyes' first exercises."""

import re

from viscodex.data.build import build
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset
from viscodex.nano.letters import CHARACTERS
from viscodex.nano.texts import Corpus, Talk, read_texts, words_of, write_corpus


def test_the_corpus_holds_charts_pages_and_problems(tmp_path):
    path = tmp_path / "text.jsonl"
    write_corpus(path, 40, 3)
    texts = list(read_texts(path))
    assert len(texts) == 40
    assert any("matplotlib" in text for text in texts)
    assert any("```html" in text for text in texts)
    assert texts[7] == Corpus(3).document(7)
    written = path.stat().st_mtime_ns
    write_corpus(path, 40, 3)
    assert path.stat().st_mtime_ns == written


def test_words_are_what_pictures_show():
    words = words_of(['ax.set_title("Sales by\\nregion")', "<b>Order</b><i>\u4e2d</i>"], CHARACTERS)
    assert words == ["Order", "Sales", "by", "region"]


def test_what_is_said_of_a_picture_stands_before_its_code():
    for index in range(30):
        said, _, code = Corpus(3, {"chart": 1.0}).document(index).partition("```python")
        title = re.search(r'set_title\("(.*)"\)', code)[1]
        assert title in said or said.startswith("| ")


def test_a_talk_holds_all_that_is_asked_of_a_picture_and_not_its_code(tmp_path):
    recipe = DataRecipe(
        sources={"chart": {"n": 10, "source": "viscodex.nano.small_charts:SmallCharts"}}, workers=1
    )
    build(recipe, tmp_path / "charts")
    dataset = open_dataset(tmp_path / "charts")
    talks = Talk(dataset, ("describe", "table", "question", "ocr"))
    by_id = {sample.id: sample for sample in dataset}
    assert len(talks) == sum(row.task == "code" for row in dataset.rows()) > 0
    for talk in talks:
        name = talk.id.removesuffix("-talk")
        said = [m.content for m in talk.messages]
        assert talk.images == by_id[name].images
        assert [text.startswith("<image>") for text in said] == [True] + [False] * (len(said) - 1)
        assert not any("```python" in text for text in said)
        for task in ("describe", "ocr", "table"):
            if f"{name}-{task}" in by_id:
                assert by_id[f"{name}-{task}"].answer in said


def test_lines_are_told_twice():
    for index in range(5):
        lines = Corpus(4, {"echo": 1.0}).document(index).splitlines()
        first = lines[: lines.index("")]
        assert len(first) >= 3 and lines[-len(first) :] == first

"""What the base reads, and the eyes' first exercises."""

import io

from PIL import Image

from viscodex.nano.letters import CHARACTERS
from viscodex.nano.texts import Corpus, Spelling, read_texts, words_of, write_corpus


def test_the_corpus_holds_charts_pages_and_problems(tmp_path):
    path = tmp_path / "text.jsonl"
    write_corpus(path, 40, 3)
    texts = list(read_texts(path))
    assert len(texts) == 40
    assert any("matplotlib" in text for text in texts)
    assert any(text.startswith("```html") for text in texts)
    assert texts[7] == Corpus(3).document(7)
    written = path.stat().st_mtime_ns
    write_corpus(path, 40, 3)
    assert path.stat().st_mtime_ns == written


def test_words_are_what_pictures_show():
    words = words_of(['ax.set_title("Sales by\\nregion")', "<b>Order</b><i>\u4e2d</i>"], CHARACTERS)
    assert words == ["Order", "Sales", "by", "region"]


def test_spelling_exercises_grow_harder_and_say_what_they_show():
    exercises = Spelling(["north", "Revenue"], 60, 1)
    first, last = exercises[0], exercises[-1]
    assert exercises[3] == exercises[3] and len(exercises) == len(list(exercises)) == 60
    assert " " not in first.answer and "\n" not in first.answer
    assert any(" " in exercises[k].answer for k in range(45, 60))
    for sample in (first, last):
        width, height = Image.open(io.BytesIO(sample.images[0])).size
        assert width % 28 == 0 and height == 28 * len(sample.answer.splitlines())

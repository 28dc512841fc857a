"""What the base reads."""

from viscodex.nano.letters import CHARACTERS
from viscodex.nano.texts import Corpus, read_texts, words_of, write_corpus


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

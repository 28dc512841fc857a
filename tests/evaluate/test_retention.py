"""What a merge kept: replies compared as a person would, programs run, the built-in set sound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluate.suites import png, write_lines
from viscodex.errors import BadDataset
from viscodex.images import image_size
from viscodex.tasks.retention import (
    BUILT_IN,
    SETS,
    Asked,
    Retention,
    plain,
    read_rows,
    reading,
    type_of,
    value_of,
)
from viscodex.text import read_answer
from viscodex.types import Completion


@pytest.mark.parametrize(
    ("said", "right", "value"),
    [
        ("Body", "Body", 1),
        ("It is `Body`.", "Body", 1),
        ("Aroma", "Body", 0),
        ("about 4.9", "about 4.8", 1),  # 5 %
        ("5.5", "about 4.8", 0),
        ("1,200 km", "1200", 1),
        ("-3", "3", 0),
        ("12 and 30", "12, 30", 1),
        ("12", "12, 30", 0),
        ("", "Body", 0),
        ("Antibody", "Body", 0),
        ("Acidity Bitterness Body Aroma Aftertaste Sweetness " * 4, "Body", 0),
        ("\u201cGolden & Price\u201d", "Golden & Price", 1),
    ],
)
def test_a_value_is_read_or_not(said: str, right: str, value: float) -> None:
    assert value_of(said, Asked("values", right)) == value


def test_a_type_is_named_alone() -> None:
    types = ("bar chart", "horizontal bar chart", "pie chart")
    asked = Asked("types", "bar chart", others=types)
    assert type_of("This is a bar chart.", asked) == 1
    assert type_of("A horizontal bar chart", asked) == 0
    assert type_of("A horizontal bar chart", Asked("types", types[1], others=types)) == 1
    assert type_of("bar chart or pie chart", asked) == 0
    assert type_of("", asked) == 0


def test_reading_is_measured_in_order() -> None:
    asked = Asked("reading", "Sales\n2021\n2022")
    assert reading("Sales 2021 2022", asked) == 1
    assert reading("```\nsales\n2021\n2022\n```", asked) == 1
    assert 0.3 < reading("2022 2021 Sales", asked) < 1
    assert reading("", asked) == 0
    assert plain("“A”  B.\n") == "a b"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1"),
        ('{"id": "a", "set": "fog"}', "no set fog"),
        ('{"id": "a", "set": "values", "question": "?", "picture": "p.png"}', "no answer"),
        ('{"id": "a", "set": "values", "question": "?", "answer": "1", "picture": "q.png"}', "no picture"),
        ('{"id": "a", "set": "algorithm", "question": "?"}', "no tests"),
        ('{"set": "completion", "text": "x"}', "id"),
    ],
)  # fmt: skip
def test_a_question_that_is_not_whole_is_named(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(png())
    (tmp_path / "items.jsonl").write_text(line + "\n")
    with pytest.raises(BadDataset, match=said):
        read_rows(tmp_path)


def test_a_program_is_run_and_words_are_compared(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "set": "algorithm", "question": "Add.", "tests": json.dumps({"inputs": ["1 2", "3 4"], "outputs": ["3", "7"]})},
        {"id": "v", "set": "values", "question": "Who?", "answer": "Body", "picture": "p.png"},
    ]  # fmt: skip
    (tmp_path / "p.png").write_bytes(png())
    write_lines(tmp_path / "items.jsonl", rows)
    task = Retention()
    benchmark = task.read(tmp_path)
    assert [item.metrics for item in benchmark.items] == [
        ("text", "algorithm", "score"),
        ("vision", "values", "score"),
    ]
    texts = ["```python\nprint(sum(map(int, input().split())))\n```", "body"]
    with task.scorer(benchmark) as scorer:
        scores = [
            scorer.score(item, read_answer(item.id, Completion(text)))[0]
            for item, text in zip(benchmark.items, texts, strict=True)
        ]
    assert [score.values for score in scores] == [
        {"text": 1.0, "algorithm": 1.0, "score": 1.0},
        {"vision": 1.0, "values": 1.0, "score": 1.0},
    ]  # fmt: skip
    assert task.read(tmp_path, "vision").revision != benchmark.revision
    assert [item.id for item in task.read(tmp_path, "vision").items] == ["v"]
    with pytest.raises(BadDataset):
        task.read(tmp_path, "reading")


def test_the_built_in_set_is_whole_and_answers_itself() -> None:
    benchmark = Retention().read(BUILT_IN)
    kinds = [item.data.set for item in benchmark.items]
    assert all(kinds.count(name) >= 16 for name in SETS)
    for item in benchmark.items:
        asked: Asked = item.data
        assert ("<image>" in item.prompt[0].content) == bool(item.images)
        if asked.set == "values":
            assert value_of(asked.answer, asked) == 1, item.id
        if asked.set == "types":
            assert type_of(asked.answer, asked) == 1, item.id
        if asked.problem:
            assert len(asked.problem.inputs) >= 2
        for picture in item.images:
            assert max(image_size(picture.read())) <= 900
    texts = [row for row in read_rows(BUILT_IN) if row["set"] == "completion"]
    assert len(texts) >= 16
    assert sum(file.stat().st_size for file in BUILT_IN.rglob("*.png")) < 2_000_000

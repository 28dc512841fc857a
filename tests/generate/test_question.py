"""Which task a picture is of, what is asked, how an answer is given back for repair."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from viscodex.data.charts import wordings
from viscodex.data.pages import answers
from viscodex.errors import BadRecipe
from viscodex.generate import question
from viscodex.generate.question import check_task, find_task, prompt_of, repair_prompt
from viscodex.text import read_answer
from viscodex.types import Completion, Execution


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_charts_and_pages_are_told_apart(charts: list[Path], pages: list[Path]) -> None:
    assert len(charts) >= 4 and len(pages) >= 4
    found = {path.name: find_task(path.read_bytes(), None, None) for path in [*charts, *pages]}
    wanted = {p.name: "chart" for p in charts} | {p.name: "html" for p in pages}
    assert {name: task for name, (task, _) in found.items()} == wanted
    assert all(how for _, how in found.values())


def test_a_band_from_edge_to_edge_is_a_page_and_an_empty_picture_is_no_crash() -> None:
    picture = Image.new("RGB", (400, 300), "white")
    assert find_task(png(picture), None, None)[0] == "html"
    ImageDraw.Draw(picture).rectangle((0, 40, 399, 90), fill="navy")
    task, how = find_task(png(picture), None, None)
    assert task == "html" and "edge" in how


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Write the HTML of this screenshot.", "html"),
        ("Redraw this chart as matplotlib code.", "chart"),
        ("Which Python code draws this figure?", "chart"),
        ("Which month has the highest bar?", "qa"),
        ("What colour is the button?", "qa"),
    ],
)
def test_words_of_a_prompt_decide_where_no_task_is_given(text: str, task: str) -> None:
    blank = png(Image.new("RGB", (10, 10)))
    assert find_task(blank, None, text)[0] == task
    assert find_task(blank, "html", text) == ("html", "")


def test_we_ask_in_words_of_the_training_data() -> None:
    assert question.ASK["chart"] in wordings.CODE
    assert question.ASK["html"] in answers.INSTRUCTIONS
    prompt = prompt_of(b"x", "chart", None, "a")
    assert prompt.messages[0].content == f"<image>\n{question.ASK['chart']}"
    assert (prompt.images, prompt.id) == ((b"x",), "a")


def test_a_prompt_of_ones_own_is_asked_as_it_is() -> None:
    assert prompt_of(b"x", "qa", "How many?").messages[0].content == "<image>\nHow many?"
    assert (
        prompt_of(b"x", "qa", "In <image>: how many?").messages[0].content
        == "In <image>: how many?"
    )


def test_tasks_that_cannot_be_meant() -> None:
    with pytest.raises(BadRecipe, match="no such task"):
        check_task("poem", None)
    with pytest.raises(BadRecipe, match="nothing is asked"):
        check_task("qa", "  ")
    assert check_task("chart", None) == "chart"
    assert check_task(None, None) is None


def repaired(done: Execution | None, answer: str, *, show: bool = False) -> tuple[str, int]:
    picture = png(Image.new("RGB", (64, 64), "white"))
    prompt = prompt_of(picture, "chart", None)
    told = read_answer("x", Completion(answer), "python")
    again = repair_prompt(prompt, told, done, show_render=show)
    marks = sum(m.content.count("<image>") for m in again.messages)
    assert marks == len(again.images)
    assert [m.role for m in again.messages] == ["user", "assistant", "user"]
    return again.messages[-1].content, len(again.images)


CODE = "```python\nimport matplotlib.pyplot as plt\nplt.plot([1])\n```"


def test_repair_tells_the_error_and_the_last_lines_of_it() -> None:
    done = Execution("error", stderr="Traceback\n  line 3\nNameError: x", reason="NameError: x")
    text, n = repaired(done, CODE)
    assert "does not run: NameError: x" in text and "line 3" in text and n == 1


def test_repair_tells_the_difference_and_shows_the_render() -> None:
    drawn = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(drawn).rectangle((0, 0, 30, 30), fill=(214, 39, 40))
    text, n = repaired(Execution("ok", images=(png(drawn),)), CODE, show=True)
    assert "top left" in text and "red" in text and n == 2
    assert repaired(Execution("ok", images=(png(drawn),)), CODE)[1] == 1


def test_repair_of_an_answer_without_code_and_of_one_with_a_mark_in_it() -> None:
    text, _ = repaired(Execution("no_code"), "I cannot do that.")
    assert "no code" in text
    repaired(Execution("error", reason="bad"), CODE.replace("[1]", "'<image>'"))

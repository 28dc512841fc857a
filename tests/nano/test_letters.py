"""Lessons in reading: what stands where."""

import numpy as np
import pytest
from PIL import Image

from viscodex.nano.letters import CHARACTERS, COLUMNS, ROWS, SIDE, draw_lesson

WORDS = ("Revenue", "north", "average", "of", "Units")


@pytest.mark.parametrize("hardness", [0, 1, 2])
def test_a_character_stands_where_there_is_ink(hardness):
    marked = blank = 0.0
    for index in range(6):
        lesson = draw_lesson(WORDS, 0, index, 40, hardness)
        grey = np.asarray(lesson.picture.convert("L"), float)
        down, across = grey.shape[0] // SIDE, grey.shape[1] // SIDE
        cells = grey.reshape(down, ROWS, SIDE // ROWS, across, COLUMNS, SIDE // COLUMNS)
        contrast = (cells.max((2, 5)) - cells.min((2, 5))).transpose(0, 2, 1, 3)
        there = lesson.letters.reshape(down, across, ROWS, COLUMNS) > 0
        marked += contrast[there].mean()
        blank += contrast[~there].mean()
    assert marked > 1.5 * blank


def test_the_characters_of_a_page_are_those_of_its_words():
    lesson = draw_lesson(("xyz",), 3, 1, 30, 0)
    found = {CHARACTERS[k - 1] for k in lesson.letters.ravel() if k}
    assert {"x", "y", "z"} & found


def test_a_lesson_is_a_function_of_seed_and_index():
    one, same, other = (draw_lesson(WORDS, 1, k, 96) for k in (5, 5, 6))
    assert one.picture.tobytes() == same.picture.tobytes()
    assert (one.letters == same.letters).all()
    assert one.picture.tobytes() != other.picture.tobytes()


def test_sides_are_whole_tokens_and_colors_are_of_the_picture():
    lesson = draw_lesson(WORDS, 2, 0, 96)
    across, down = lesson.picture.width // SIDE, lesson.picture.height // SIDE
    assert lesson.picture.size == (across * SIDE, down * SIDE)
    assert len(lesson.letters) == len(lesson.colors) == across * down <= 96
    upper_left = lesson.picture.crop((0, 0, 14, 14)).resize((1, 1), Image.Resampling.BOX)
    assert np.allclose(lesson.colors[0, :3] * 255, upper_left.getpixel((0, 0)), atol=2)


def test_lines_say_what_stands_where():
    lesson = draw_lesson(("xyz",), 3, 1, 30, 0)
    assert lesson.lines
    for line in lesson.lines:
        assert len(line.centers) == len(line.text)
        for character, (x, y) in zip(line.text, line.centers, strict=True):
            cells = lesson.letters[lesson.token_at(x, y)]
            assert character == " " or CHARACTERS.index(character) + 1 in cells

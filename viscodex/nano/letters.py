"""Pictures of words, with what stands where: the first lessons of the vision tower.

in:  words; a seed and an index
out: Lesson: a picture of text among bars, lines and grids, a dense target for each vision token, and
     the lines of text with the place of each character
not covered: learning from them (reading.py); charts and pages (viscodex/data)

A vision token sees a square of 28 x 28 px. Its target is that square cut into ROWS x COLUMNS cells: the
character whose centre lies in each, or none; and the mean colour of its four quarters. So one picture
teaches several hundred small facts, where a caption teaches one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE = 28  # px of a vision token
ROWS, COLUMNS = 4, 7  # cells of a token: 7 px high, 4 px wide
CHARACTERS = (
    "".join(map(chr, range(33, 127)))
    + "\u00b0\u00b2\u00b3\u00b5\u2013\u2014\u00b7\u00d7\u20ac\u00a3"
)
N_CLASSES = len(CHARACTERS) + 1  # 0: no character has its centre here
_CLASS = {character: number for number, character in enumerate(CHARACTERS, 1)}

FONTS = (
    "DejaVuSans.ttf", "DejaVuSans.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf",
    "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf",
    "LiberationSerif-Bold.ttf",
)  # fmt: skip
"""As often as the small charts and pages use them."""

SIZES = ((11,), (10, 11, 12, 13), (10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 14, 18, 20, 22))
"""px, by level."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a picture."""

    text: str
    centers: tuple[tuple[float, float], ...]  # px from the left and the top, of each character


@dataclass(frozen=True, slots=True)
class Lesson:
    """A picture and its targets."""

    picture: Image.Image  # RGB; sides are multiples of 28 px
    letters: NDArray[np.int64]  # (tokens, ROWS * COLUMNS), a class each; tokens row by row
    colors: NDArray[np.float32]  # (tokens, 4 * 3), 0 .. 1: quarters from the upper left, row by row
    lines: tuple[Line, ...] = ()

    def token_at(self, x: float, y: float) -> int:
        """The vision token that sees this place, px."""
        across, down = self.picture.width // SIDE, self.picture.height // SIDE
        column = min(max(int(x) // SIDE, 0), across - 1)
        return min(max(int(y) // SIDE, 0), down - 1) * across + column


@lru_cache(maxsize=512)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    try:
        return ImageFont.truetype(name, size)
    except OSError:  # not among the system's: matplotlib brings DejaVu
        folder = f"{matplotlib.get_data_path()}/fonts/ttf"
        return ImageFont.truetype(f"{folder}/DejaVuSans.ttf", size)


def draw_lesson(
    words: Sequence[str], seed: int, index: int, max_tokens: int = 96, hardness: float = 2.0
) -> Lesson:
    """The lesson of this index.

    Args:
        words: from which texts are put together.
        max_tokens: vision tokens of the picture at most.
        hardness: 0 to 2; between two levels it is the chance of the higher one. Level 0: black on
            white, one font and size, each line in the middle of a row of patches; 1: anywhere, in
            four sizes; 2: all fonts, sizes, colours and grounds, and turned upwards. (Without
            level 0 the tower does not begin to read for a long time.)
    """
    rng = Random(f"letters {seed} {index}")
    most = rng.choice((max_tokens // 3, max_tokens // 2, max_tokens))
    across = rng.randint(4, 4 + most // 12)
    down = max(3, min(11, most // across))
    width, height = across * SIDE, down * SIDE
    level = int(hardness) + (rng.random() < hardness % 1)
    hard = level == 2
    scale = rng.choice((1.0, 1.0, 1.0, 1.5)) if hard else 1.0  # shrunk afterwards, as charts are
    paper = _paper(rng) if hard else (255, 255, 255)
    canvas = Image.new("RGB", (round(width * scale), round(height * scale)), paper)
    if hard:
        _scenery(ImageDraw.Draw(canvas), canvas.size, rng, scale)
    lines: list[Line] = []
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(rng.randint(across * down // 4, across * down)):
        line = _text(canvas, _line(words, rng), rng, scale, taken, level)
        lines += [line] if line else []
    picture = canvas.resize((width, height), Image.Resampling.BICUBIC)
    letters = np.zeros((down, across, ROWS, COLUMNS), np.int64)
    for line in lines:
        for character, (x, y) in zip(line.text, line.centers, strict=True):
            if character in _CLASS and 0 <= x < width and 0 <= y < height:
                column, row = int(x * COLUMNS / SIDE), int(y * ROWS / SIDE)
                place = row // ROWS, column // COLUMNS, row % ROWS, column % COLUMNS
                letters[place] = _CLASS[character]
    return Lesson(picture, letters.reshape(down * across, -1), _quarters(picture), tuple(lines))


def _quarters(picture: Image.Image) -> NDArray[np.float32]:
    wide, high = picture.width // SIDE, picture.height // SIDE
    small = picture.resize((2 * wide, 2 * high), Image.Resampling.BOX)
    values = np.asarray(small, np.float32).reshape(high, 2, wide, 2, 3) / 255
    return np.ascontiguousarray(values.transpose(0, 2, 1, 3, 4).reshape(high * wide, 12))


def _line(words: Sequence[str], rng: Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return _number(rng)
    if kind < 0.42:
        return "".join(rng.choice(CHARACTERS[:94]) for _ in range(rng.randint(1, 7)))
    text = " ".join(rng.choice(words) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))))
    return text.title() if rng.random() < 0.15 else text


def _number(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.2:
        return str(rng.randint(1990, 2025))
    size = 10 ** rng.uniform(0, 4)
    value = rng.uniform(0, size)
    text = f"{value:.{rng.choice((0, 0, 1, 2))}f}"
    return rng.choice(("{}", "{}", "{}", "-{}", "{}%", "{}k", "${}")).format(text)


def _paper(rng: Random) -> tuple[int, int, int]:
    if rng.random() < 0.6:
        return (255, 255, 255)
    if rng.random() < 0.7:
        light = rng.randint(225, 250)
        return (light, light + rng.randint(-5, 5), light + rng.randint(-5, 5))
    return _color(rng)


def _color(rng: Random) -> tuple[int, int, int]:
    return (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))


def _scenery(pen: ImageDraw.ImageDraw, size: tuple[int, int], rng: Random, scale: float) -> None:
    """Bars, lines, dots and grids behind the text."""
    width, height = size
    for _ in range(rng.randint(0, 7)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        kind, color = rng.random(), _color(rng)
        if kind < 0.45:
            box = (x, y, x + rng.uniform(8, 70) * scale, y + rng.uniform(6, 120) * scale)
            pen.rectangle(box, fill=color)
        elif kind < 0.75:
            points = [(rng.uniform(0, width), rng.uniform(0, height)) for _ in range(4)]
            pen.line(points, fill=color, width=max(1, round(rng.uniform(0.7, 2) * scale)))
        elif kind < 0.9:
            radius = rng.uniform(2, 40) * scale
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        else:
            gap = rng.uniform(15, 50) * scale
            for k in range(1, int(width // gap)):
                pen.line((k * gap, 0, k * gap, height), fill=(205, 205, 205))


def _text(
    canvas: Image.Image, text: str, rng: Random, scale: float,
    taken: list[tuple[float, float, float, float]], level: int,
) -> Line | None:  # fmt: skip
    """Write a line where there is room; where its characters stand, px of the final picture."""
    hard = level == 2
    size = rng.choice(SIZES[level])
    font = _font(rng.choice(FONTS if hard else FONTS[:1]), max(6, round(size * scale)))
    wide = math.ceil(font.getlength(text)) + 2
    high = math.ceil(size * scale * 1.25)
    upright = not hard or rng.random() < 0.85
    box = (wide, high) if upright else (high, wide)
    room = canvas.width - box[0], canvas.height - box[1]
    if min(room) < 0:
        return None
    for _ in range(12):
        x, y = rng.uniform(0, room[0]), rng.uniform(0, room[1])
        if all(x + box[0] < a or c < x or y + box[1] < b or d < y for a, b, c, d in taken):
            break
    else:
        return None
    taken.append((x, y, x + box[0], y + box[1]))
    left, top = int(x), int(y)
    if level == 0:  # lines stand in the middle of a row of patches
        top = round((top + high / 2 - 7) / 14) * 14 + 7 - high // 2
    ink = (0, 0, 0)
    if hard:
        under = canvas.crop((left, top, left + box[0], top + box[1]))
        ink = _ink(under.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)), rng)  # type: ignore[arg-type]
    mask = Image.new("L", (wide, high), 0)
    ImageDraw.Draw(mask).text((1, high / 2), text, font=font, fill=255, anchor="lm")
    canvas.paste(ink, (left, top), mask if upright else mask.rotate(90, expand=True))
    centers = []
    for k, character in enumerate(text):
        along = 1 + font.getlength(text[:k]) + font.getlength(character) / 2
        dx, dy = (along, high / 2) if upright else (high / 2, wide - along)
        centers.append(((left + dx) / scale, (top + dy) / scale))
    return Line(text, tuple(centers))


def _ink(ground: tuple[int, int, int], rng: Random) -> tuple[int, int, int]:
    """A colour that stands out: mostly black or white, now and then any."""
    light = 0.3 * ground[0] + 0.59 * ground[1] + 0.11 * ground[2]
    if rng.random() < 0.7:
        grey = rng.randint(0, 60)
        return (grey, grey, grey) if light > 120 else (255 - grey, 255 - grey, 255 - grey)
    for _ in range(20):
        color = _color(rng)
        if abs(0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2] - light) > 90:
            return color
    return (0, 0, 0) if light > 120 else (255, 255, 255)

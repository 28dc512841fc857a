"""Likeness of pictures: equal ones have 1, and what is nearer has more."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from viscodex.errors import BadInput
from viscodex.generate.likeness import SAME, differences, likeness
from viscodex.images import open_image


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_a_picture_is_wholly_like_itself(charts: list[Path], pages: list[Path]) -> None:
    for path in [*charts, *pages]:
        assert likeness(path.read_bytes(), path.read_bytes()) == pytest.approx(1)


def test_every_other_picture_is_less_like_it(charts: list[Path], pages: list[Path]) -> None:
    everything = [path.read_bytes() for path in [*charts, *pages]]
    for k, one in enumerate(everything):
        assert all(likeness(one, other) < 0.75 for j, other in enumerate(everything) if j != k)


def test_likeness_falls_as_a_picture_is_changed_more(charts: list[Path]) -> None:
    whole = charts[0].read_bytes()
    picture = open_image(whole)
    moved = [png(ImageChops.offset(picture, k, 0)) for k in (1, 4, 16)]
    tinted = picture.copy()
    ImageDraw.Draw(tinted).rectangle((0, 0, 60, 60), fill="red")
    blank = png(Image.new("RGB", picture.size, "white"))
    values = [likeness(whole, other) for other in (whole, *moved)]
    assert values == sorted(values, reverse=True)
    assert likeness(whole, blank) < likeness(whole, png(tinted)) < SAME


def test_shape_counts_and_size_alone_does_not(pages: list[Path]) -> None:
    whole = pages[0].read_bytes()
    picture = open_image(whole)
    twice = png(picture.resize((2 * picture.width, 2 * picture.height)))
    wide = png(picture.resize((2 * picture.width, picture.height)))
    assert likeness(whole, twice) > 0.9
    assert likeness(whole, wide) < 0.6


def test_two_blank_pictures_are_alike_and_broken_ones_are_refused() -> None:
    blank = png(Image.new("RGB", (40, 30), "white"))
    assert likeness(blank, blank) == pytest.approx(1)
    tiny = png(Image.new("RGB", (1, 1), "white"))
    assert 0 <= likeness(blank, tiny) <= 1
    with pytest.raises(BadInput):
        likeness(blank, b"no picture")


def test_differences_are_named() -> None:
    one, other = Image.new("RGB", (200, 100), "white"), Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(one).rectangle((150, 60, 190, 90), fill=(44, 160, 44))
    ImageDraw.Draw(other).rectangle((5, 5, 30, 30), fill=(31, 119, 180))
    text = differences(png(one), png(other))
    for words in (
        "200 x 100 px, yours is 100 x 100",
        "bottom right",
        "missing: green",
        "not in the picture: blue",
    ):
        assert words in text
    assert differences(png(one), png(one)) == "Small details differ."

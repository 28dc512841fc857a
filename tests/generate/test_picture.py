"""Pictures from paths, bytes and PIL; folders; what lies outside of the embedded model's world."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from viscodex.errors import BadInput
from viscodex.generate import world
from viscodex.generate.picture import find_pictures, read_picture


def test_sources_of_a_picture(charts: list[Path]) -> None:
    path = charts[0]
    by_path, by_text, by_bytes = (
        read_picture(source) for source in (path, str(path), path.read_bytes())
    )
    assert by_path == by_text
    assert by_bytes.data == by_path.data and by_bytes.name == "picture"
    with Image.open(path) as opened:
        from_pil = read_picture(opened)
    assert (from_pil.width, from_pil.height) == (by_path.width, by_path.height)
    clear = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    assert read_picture(clear).width == 30


@pytest.mark.parametrize("what", ["missing.png", "folder", "broken.png", "long.png", "text.png"])
def test_what_is_no_picture_is_named_in_three_parts(tmp_path: Path, what: str) -> None:
    place = tmp_path / what
    if what == "folder":
        place.mkdir()
    elif what == "broken.png":
        stream = io.BytesIO()
        Image.new("RGB", (300, 300), "red").save(stream, "PNG")
        place.write_bytes(stream.getvalue()[:200])
    elif what == "long.png":
        Image.new("1", (60_000, 1000)).save(place)
    elif what == "text.png":
        place.write_text("hello")
    with pytest.raises(BadInput) as caught:
        read_picture(place)
    assert str(place) in caught.value.where and caught.value.todo


def test_folders_give_their_pictures_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.png", "a.jpg", "in/c.PNG", "notes.txt"):
        (tmp_path / name).touch()
    found = find_pictures([tmp_path / "b.png", tmp_path])
    assert [str(p.relative_to(tmp_path)) for p in found] == ["b.png", "a.jpg", "in/c.PNG"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no picture in the folder"):
        find_pictures([tmp_path / "empty"])


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_examples_are_inside_of_the_world_of_nano(charts: list[Path], pages: list[Path]) -> None:
    assert [world.notices_of(p.read_bytes()) for p in [*charts, *pages]] == [[]] * len(
        charts + pages
    )


def test_photos_and_pictures_too_large_small_or_narrow_get_a_notice() -> None:
    rng = random.Random(0)
    photo = Image.frombytes("RGB", (16, 12), rng.randbytes(16 * 12 * 3)).resize(
        (320, 240), Image.Resampling.BICUBIC
    )
    assert any("photo" in note for note in world.notices_of(png(photo)))
    for size, words in (
        ((1600, 1000), "smaller"),
        ((90, 80), "smaller than any"),
        ((600, 150), "narrower"),
    ):
        notes = world.notices_of(png(Image.new("RGB", size, "white")))
        assert any(words in note for note in notes), size


@pytest.mark.parametrize("size", [(480, 360), (336, 200), (160, 120), (640, 360), (200, 340)])
def test_sizes_away_from_what_nano_has_seen_get_a_notice(size: tuple[int, int]) -> None:
    assert world.notices_of(png(Image.new("RGB", size, "white")))


@pytest.mark.parametrize("size", [(336, 252), (336, 224), (252, 336), (400, 300), (280, 210)])
def test_sizes_about_those_that_nano_has_seen_get_none(size: tuple[int, int]) -> None:
    assert not world.notices_of(png(Image.new("RGB", size, "white")))


def test_a_figure_of_matplotlibs_own_size_is_larger_than_nano_can_read() -> None:
    from viscodex.execute.chart import run_chart

    code = "import matplotlib.pyplot as plt\nplt.bar(['a', 'b'], [3, 1])\nplt.title('Two bars')"
    image = run_chart(code).image
    assert image is not None
    picture = read_picture(image)
    assert (picture.width, picture.height) == (640, 480)
    (note,) = world.notices_of(image)
    assert "1.9 times smaller" in note


def test_an_answer_of_little_probability_gets_a_notice() -> None:
    assert world.unsure(0.3) and not world.unsure(0.95) and not world.unsure(None)

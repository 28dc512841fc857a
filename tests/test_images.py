"""Pictures: every format and mode, bombs and lies, hashes that mean something, token counts."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from viscodex.errors import BadInput
from viscodex.images import (
    MAX_BYTES,
    MAX_SCANS,
    content_hash,
    image_hash,
    image_size,
    image_sketch,
    open_image,
    resized,
    vision_tokens,
)


def encoded(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def scene(width: int = 90, height: int = 60) -> Image.Image:
    """A red corner on blue: tells turned pictures apart."""
    picture = Image.new("RGB", (width, height), (20, 40, 200))
    picture.paste((220, 30, 30), (0, 0, width // 3, height // 3))
    return picture


def chart(heights: tuple[int, ...], title: str = "Sales", color: str = "#1f77b4") -> Image.Image:
    """Bars on white, as a plotting library draws them."""
    picture = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((80, 60, 580, 420), outline="black")
    width = 500 // len(heights)
    for i, height in enumerate(heights):
        left = 80 + i * width + width // 5
        draw.rectangle((left, 420 - height, left + 3 * width // 5, 420), fill=color)
    draw.text((300, 30), title, fill="black")
    return picture


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_claiming(width: int, height: int, body: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(body))
    return b"\x89PNG\r\n\x1a\n" + parts + png_chunk(b"IEND", b"")


# --- formats and modes ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_every_format_opens_as_rgb_of_the_size_in_its_header(form: str) -> None:
    data = encoded(scene(), form)
    picture = open_image(data)
    assert (picture.mode, picture.size) == ("RGB", (90, 60))
    assert image_size(data) == (90, 60)
    assert np.abs(np.asarray(picture, int) - np.asarray(scene(), int)).mean() < 6


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("alpha", [True, False])
def test_each_form_of_the_webp_container_tells_its_size(lossless: bool, alpha: bool) -> None:
    picture = scene().convert("RGBA" if alpha else "RGB")
    if alpha:
        picture.putalpha(120)
    data = encoded(picture, "WEBP", lossless=lossless)
    assert image_size(data) == open_image(data).size == (90, 60)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_colour_models_become_rgb(mode: str) -> None:
    form = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    picture = open_image(encoded(scene().convert(mode), form))
    assert picture.mode == "RGB"
    expected = np.asarray(scene().convert(mode).convert("RGB"), int)
    assert np.abs(np.asarray(picture, int) - expected).mean() < 6


def test_sixteen_bits_become_eight_by_their_upper_byte() -> None:
    levels = np.linspace(0, 65535, 64 * 4).astype(np.uint16).reshape(4, 64)
    grey = np.asarray(open_image(encoded(Image.fromarray(levels))))
    assert (grey[..., 0] == levels >> 8).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 8, 4))
    if mode == "P":
        data = encoded(picture.convert("RGB").quantize(2), transparency=0)
        assert open_image(data).getpixel((0, 0)) == (255, 255, 255)
        return
    flat = np.asarray(open_image(encoded(picture.convert(mode))))
    assert (flat[:4] == 0).all()
    assert (flat[4:] == 255).all()


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "lime", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
        pixel = open_image(data).getpixel((20, 15))
        assert isinstance(pixel, tuple)
        assert pixel[0] > 240 and max(pixel[1:]) < 15, form


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_exif_says_and_so_is_its_size(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for form in ("JPEG", "PNG", "WEBP"):
        data = encoded(scene(), form, exif=exif.tobytes())
        picture = open_image(data)
        assert picture.size == image_size(data) == ((60, 90) if orientation > 4 else (90, 60))
        corners = {(0, 0): 1, (1, 0): 2, (1, 1): 3, (0, 1): 4}
        red = {
            number
            for (x, y), number in corners.items()
            if picture.getpixel((x * (picture.width - 1), y * (picture.height - 1)))[0] > 150  # type: ignore[index]
        }
        assert red == {{1: 1, 2: 2, 3: 3, 4: 4, 5: 1, 6: 2, 7: 3, 8: 4}[orientation]}


def test_exif_that_cannot_be_read_is_left_aside() -> None:
    data = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert open_image(data).size == image_size(data) == (90, 60)


# --- harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        png_claiming(50_000, 50_000),
        png_claiming(2**31 - 1, 2**31 - 1),
        encoded(scene(), "GIF")[:6] + struct.pack("<HH", 65535, 65535) + encoded(scene(), "GIF")[10:],
        b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + b"\0" * 40,
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0) + b"\0" * 8,
    ],
    ids=["png", "png_max", "gif", "webp", "bmp"],
)  # fmt: skip
def test_a_bomb_is_refused_by_its_header(data: bytes) -> None:
    for read in (open_image, image_size):
        with pytest.raises(BadInput, match="above the limit") as refused:
            read(data, where="sample-7")
        assert "sample-7" in refused.value.where
        assert refused.value.todo


def test_a_jpeg_that_claims_more_than_it_holds_is_refused_in_time() -> None:
    data = bytearray(encoded(scene(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65500, 65500)
    with pytest.raises(BadInput, match="above the limit"):
        open_image(bytes(data))


def test_limits_are_settable_and_exact() -> None:
    data = encoded(scene())
    assert open_image(data, max_pixels=90 * 60).size == (90, 60)
    with pytest.raises(BadInput, match="90 x 60 = 5400 pixels; the limit is 5399"):
        open_image(data, max_pixels=90 * 60 - 1)
    with pytest.raises(BadInput, match=str(MAX_BYTES)):
        open_image(data + b"\0" * MAX_BYTES)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = encoded(scene(), "JPEG", progressive=True)
    assert open_image(data).size == (90, 60)
    scan = data[data.index(b"\xff\xda") : -2]
    with pytest.raises(BadInput, match="scans"):
        open_image(data[:-2] + scan * (MAX_SCANS // scan.count(b"\xff\xda") + 1) + data[-2:])


def test_text_in_a_png_that_unpacks_without_end_is_refused_or_left_aside() -> None:
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * (200 << 20)))
    data = encoded(scene())
    at = data.index(b"IDAT") - 4
    with pytest.raises(BadInput):
        open_image(data[:at] + bomb + data[at:])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_file_that_is_cut_off_is_refused(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(BadInput) as refused:
        open_image(data[: len(data) // 2], where="cut")
    assert refused.value.where.startswith("cut: ")


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", b"%PDF-1.7", b"BM", b"RIFF....WEBP"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    for read in (open_image, image_size):
        with pytest.raises(BadInput, match="not a picture"):
            read(data)


@settings(max_examples=150, deadline=None)
@given(
    form=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP"]),
    wounds=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=12),
    end=st.integers(10, 4000),
)
def test_a_damaged_file_opens_or_is_bad_input_and_nothing_else(
    form: str, wounds: list[tuple[int, int]], end: int
) -> None:
    data = bytearray(encoded(scene(30, 20), form))
    for at, value in wounds:
        data[at % len(data)] = value
    whole = bytes(data[:end])
    try:
        size = image_size(whole)
    except BadInput:
        size = None
    try:
        picture = open_image(whole)
    except BadInput:
        return
    assert picture.mode == "RGB"
    assert picture.size == size


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM"]))  # fmt: skip
def test_any_bytes_open_or_are_bad_input(body: bytes, start: bytes) -> None:
    for read in (open_image, image_size):
        try:
            read(start + body)
        except BadInput as error:
            assert error.todo


# --- hashes ---------------------------------------------------------------------------------------


def distance(one: Image.Image, two: Image.Image) -> int:
    return (image_hash(one) ^ image_hash(two)).bit_count()


def test_hashes_stay_the_same_for_ever() -> None:
    """Stored signatures must remain comparable: a new value here means a new format."""
    data = encoded(chart((100, 200, 300, 150), title=""))
    assert f"{image_hash(data):016x}" == "d81f3648d98677a2"
    assert content_hash(image_sketch(data)) == "769388a5d69dc11721309a1ff4ebfcfb"


def test_equal_content_is_known_by_its_bytes() -> None:
    data = encoded(scene())
    assert content_hash(data) == content_hash(bytes(data)) != content_hash(data + b"\0")


def test_another_format_or_size_keeps_the_hash_and_other_bars_change_it() -> None:
    picture = chart((120, 300, 210, 90, 260))
    copies = [
        open_image(encoded(picture, "JPEG", quality=70)),
        open_image(encoded(picture, "WEBP", quality=70)),
        picture.resize((320, 240), Image.Resampling.LANCZOS),
        picture.resize((960, 720), Image.Resampling.LANCZOS),
    ]
    assert max(distance(picture, copy) for copy in copies) <= 4
    assert distance(picture, chart((300, 90, 120, 260, 210))) > 8
    assert distance(picture, scene()) > 16


def test_bytes_and_picture_give_the_same_hash() -> None:
    picture = chart((1, 2, 3))
    assert image_hash(encoded(picture)) == image_hash(picture)
    assert image_sketch(encoded(picture)) == image_sketch(picture)


def test_a_blank_picture_has_no_edges_in_its_sketch_even_with_noise() -> None:
    noise = np.random.default_rng(0).integers(253, 256, (480, 640, 3), np.uint8)
    assert not any(image_sketch(Image.fromarray(noise))[:256])


# --- vision tokens --------------------------------------------------------------------------------

SIZES = [
    (1, 1), (28, 28), (13, 200), (200, 13), (224, 224), (640, 480), (1280, 720), (1280, 8192),
    (4096, 4096), (5000, 3000), (41, 8100), (1919, 1081), (56, 55), (70, 14), (42, 42), (98, 70),
]  # fmt: skip


@pytest.mark.parametrize(
    ("patch", "low", "high"), [(14, 3136, 12_845_056), (14, 200_704, 1_003_520), (16, 65_536, 16_777_216)]
)  # fmt: skip
def test_sizes_and_tokens_are_those_of_transformers(patch: int, low: int, high: int) -> None:
    from transformers.models.qwen2_vl import image_processing_pil_qwen2_vl as theirs

    processor = theirs.Qwen2VLImageProcessorPil(
        patch_size=patch, size={"shortest_edge": low, "longest_edge": high}
    )
    for width, height in SIZES:
        wide, tall = resized(width, height, patch, 2, low, high)
        assert (tall, wide) == theirs.smart_resize(height, width, 2 * patch, low, high)
        patches = processor.get_number_of_image_patches(height, width, {})
        assert vision_tokens(width, height, patch, 2, low, high) * 4 == patches


def test_tokens_are_those_of_pictures_that_the_processor_really_cut() -> None:
    from transformers import Qwen2VLImageProcessorPil

    processor = Qwen2VLImageProcessorPil()
    for size in ((640, 480), (101, 57), (31, 29), (300, 900)):
        grid = processor(images=[scene(*size)], return_tensors="np")["image_grid_thw"][0]
        assert vision_tokens(*size) == grid.prod() // 4


@given(
    st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([14, 16]), st.integers(1, 3),
    st.integers(10_000, 5_000_000),
)  # fmt: skip
def test_resized_keeps_its_promises(
    width: int, height: int, patch: int, merge: int, most: int
) -> None:
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(BadInput, match="shape"):
            resized(width, height, patch, merge, 3136, most)
        return
    wide, high = resized(width, height, patch, merge, 3136, most)
    factor = patch * merge
    assert wide % factor == high % factor == 0
    assert min(wide, high) >= factor
    # a strip that would be thinner than one cell is made one cell wide, above the limit
    assert wide * high <= most or min(wide, high) == factor
    assert vision_tokens(width, height, patch, merge, 3136, most) * factor**2 == wide * high

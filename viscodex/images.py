"""Pictures from anywhere: opened under limits, measured, hashed, counted in vision tokens.

in:  the bytes of a PNG, JPEG, GIF, WebP or BMP file, which may be broken or meant to do harm
out: an RGB picture; width and height from the header alone; hashes; the number of vision tokens
not covered: what to do with two pictures that look alike (data/duplicates.py)

Pillow's plugins are called one by one, by the first bytes of the file: none but these five formats
is ever tried, and our limit on pixels holds instead of Pillow's, which is a global of the process.
"""

from __future__ import annotations

import base64
import contextlib
import io
import math
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from viscodex.errors import BadInput

MAX_PIXELS = 50_000_000
"""About 150 MB as RGB; a page of 1280 x 8192, the longest that we render, has 10.5 million."""
MAX_BYTES = 64 << 20
"""Of the file."""
MAX_SCANS = 100
"""Of a progressive JPEG: encoders write about ten; each costs a pass over the whole picture."""

_PLUGINS: dict[bytes, Callable[[io.BytesIO], ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"GIF87a": GifImagePlugin.GifImageFile,
    b"GIF89a": GifImagePlugin.GifImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
}
"""First bytes -> the reader of the format."""

_MEDIA = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif", b"BM": "bmp"}
"""First bytes -> subtype of the MIME type."""

_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    EOFError, MemoryError, NotImplementedError, RuntimeError, struct.error, zlib.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
"""What Pillow's plugins raise on files that are not what they say."""

_FILTERS = threading.Lock()
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what undoes it."""


# --- open -----------------------------------------------------------------------------------------


def open_image(data: bytes, *, max_pixels: int = MAX_PIXELS, where: str = "") -> Image.Image:
    """Decode a picture into RGB: first frame, turned as EXIF says, transparency on white.

    Args:
        data: the file; PNG, JPEG, GIF, WebP or BMP.
        max_pixels: a picture that claims more is refused before a pixel is decoded.
        where: names the picture in the error: a file, a sample.

    Raises:
        BadInput: not such a file, broken, cut off, or above a limit.
    """
    picture = _open(data, max_pixels, where)
    try:
        turn = _orientation(picture)
        picture.load()
        flat = _rgb(picture)
        return flat.transpose(_TURNS[turn]) if turn in _TURNS else flat
    except _BROKEN as error:
        raise _unreadable(where, f"{picture.format}: {error}") from error


def image_size(data: bytes, *, max_pixels: int = MAX_PIXELS, where: str = "") -> tuple[int, int]:
    """Width and height in pixels, as `open_image` would give them, from the header alone.

    Raises:
        BadInput: not such a file, or it claims more than max_pixels.
    """
    picture = _open(data, max_pixels, where)
    width, height = picture.size
    return (height, width) if _orientation(picture) >= 5 else (width, height)


def _open(data: bytes, max_pixels: int, where: str) -> ImageFile:
    """The header read, no pixel decoded."""
    reader = next((r for magic, r in _PLUGINS.items() if data.startswith(magic)), None)
    if reader is None:
        start = data[:8].hex(" ") or "nothing"
        raise _unreadable(where, f"{len(data)} bytes that begin with {start}")
    if len(data) > MAX_BYTES:
        raise _too_large(where, f"{len(data)} bytes; the limit is {MAX_BYTES}")
    if data.startswith(b"\xff\xd8") and (scans := data.count(b"\xff\xda")) > MAX_SCANS:
        raise _too_large(where, f"{scans} scans of a JPEG; the limit is {MAX_SCANS}")
    if data.startswith(b"RIFF"):  # its reader makes room for the canvas as soon as it is opened
        _check_pixels(_webp_size(data, where), max_pixels, where)
    try:
        with _quiet():
            picture = reader(io.BytesIO(data))
    except _BROKEN as error:
        raise _unreadable(where, str(error)) from error
    _check_pixels(picture.size, max_pixels, where)
    return picture


def _webp_size(data: bytes, where: str) -> tuple[int, int]:
    """Of the canvas; the three forms of the WebP container."""
    kind, head = data[12:16], data[20:30]
    if data[8:12] != b"WEBP" or len(head) < 10:
        raise _unreadable(where, "a RIFF file that is no WebP picture")
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", head[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _check_pixels(size: tuple[int, int], max_pixels: int, where: str) -> None:
    width, height = size
    if min(width, height) < 1:
        raise _unreadable(where, f"{width} x {height} pixels")
    if width * height > max_pixels:
        text = f"{width} x {height} = {width * height} pixels; the limit is {max_pixels}"
        raise _too_large(where, text)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of damaged metadata, which we do without; their filters are the process's."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _orientation(picture: ImageFile) -> int:
    """1 to 8; 1 where the file says nothing that can be read."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # looking for it behind the pixels would decode them
    try:
        with _quiet():
            found = picture.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1  # every viewer shows such a picture as it lies
    return found if isinstance(found, int) and found in _TURNS else 1


def _rgb(picture: Image.Image) -> Image.Image:
    """RGB on white; 16 bits become 8 by their upper byte."""
    if picture.mode.startswith("I"):
        high = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(high, "L").convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ink = picture.convert("RGBA")
    paper = Image.new("RGBA", ink.size, "white")
    return Image.alpha_composite(paper, ink).convert("RGB")


def _unreadable(where: str, found: str) -> BadInput:
    return BadInput(
        "not a picture that can be read",
        f"{where}: {found}" if where else found,
        "give a whole PNG, JPEG, GIF, WebP or BMP file",
    )


def _too_large(where: str, found: str) -> BadInput:
    return BadInput(
        "a picture above the limit",
        f"{where}: {found}" if where else found,
        "make it smaller",
    )


# --- hashes ---------------------------------------------------------------------------------------


def content_hash(data: bytes) -> str:
    """XXH3 (128 bits) of the file, as hex: equal files, not equal looks."""
    return xxhash.xxh3_128_hexdigest(data)


def image_hash(picture: bytes | Image.Image) -> int:
    """What a picture looks like, in 64 bits; alike pictures differ in few of them.

    In the manner of pHash (Zauner 2010): of 32 x 32 grey levels the 64 lowest frequencies of the
    2-D DCT-II, without the mean, each against their median. White pictures with few lines come out
    alike: to be sure compare their `image_sketch` too.

    Raises:
        BadInput: bytes that are no readable picture.
    """
    if isinstance(picture, bytes):
        picture = open_image(picture)
    small = picture.convert("L").resize((32, 32), Image.Resampling.BOX)
    cosines, lowest = _cosines()
    spectrum = cosines @ np.asarray(small, np.float64) @ cosines.T  # (12, 12)
    # sums in another order, on another machine, must not flip a bit
    low = np.round(spectrum.ravel()[lowest], 6)  # (64,)
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


@cache
def _cosines() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The first rows of the DCT-II matrix, (12, 32), and where the 64 lowest frequencies come."""
    k, n = np.arange(12)[:, None], np.arange(32)[None, :]
    places = sorted(range(1, 144), key=lambda at: ((at // 12) ** 2 + (at % 12) ** 2, at))
    return np.cos(math.pi * k * (2 * n + 1) / 64), np.array(places[:64])


SKETCH_CELLS = 32
SKETCH_BYTES = 2 * SKETCH_CELLS * SKETCH_CELLS // 8
COLOR_CELLS = 4
COLOR_BYTES = 3 * COLOR_CELLS * COLOR_CELLS


def image_sketch(picture: bytes | Image.Image) -> bytes:
    """Where a picture has edges, and its colours: finer than `image_hash`, to check a match.

    256 bytes: of 33 x 33 grey cells, which are clearly darker than their right neighbour and which
    than their lower one (a difference hash with a dead zone, so that paper stays 0 under noise);
    48 bytes: mean colour of 4 x 4 cells.

    Raises:
        BadInput: bytes that are no readable picture.
    """
    if isinstance(picture, bytes):
        picture = open_image(picture)
    side = SKETCH_CELLS + 1
    small = picture.convert("L").resize((side, side), Image.Resampling.BOX)
    grey = np.asarray(small, np.int16)
    right = np.abs(grey[:-1, 1:] - grey[:-1, :-1]) > 4
    below = np.abs(grey[1:, :-1] - grey[:-1, :-1]) > 4
    edges = np.packbits(np.concatenate([right.ravel(), below.ravel()]))
    colors = picture.resize((COLOR_CELLS, COLOR_CELLS), Image.Resampling.BOX)
    return edges.tobytes() + colors.convert("RGB").tobytes()


# --- vision tokens --------------------------------------------------------------------------------


def resized(
    width: int,
    height: int,
    patch_size: int = 14,
    merge_size: int = 2,
    min_pixels: int = 3136,
    max_pixels: int = 12_845_056,
) -> tuple[int, int]:
    """Width and height at which a Qwen-VL model looks at a picture of this size.

    The rule of Qwen2-VL's image processor (`smart_resize`): sides that are multiples of patch_size
    * merge_size, between min_pixels and max_pixels, the ratio kept as well as may be. The defaults
    are those of Qwen2-VL and Qwen2.5-VL; Qwen3-VL has patches of 16 pixels and other limits.

    Raises:
        BadInput: a side below 1, or one side more than 200 times the other.
    """
    if min(width, height) < 1 or max(width, height) > 200 * min(width, height):
        raise BadInput(
            "a picture of a shape that the model refuses",
            f"{width} x {height} pixels; the longer side may be 200 times the shorter one",
            "cut it into parts, or leave it out",
        )
    factor = patch_size * merge_size
    wide, high = round(width / factor) * factor, round(height / factor) * factor
    if wide * high > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
        high = max(factor, math.floor(height / shrink / factor) * factor)
    elif wide * high < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        wide = math.ceil(width * grow / factor) * factor
        high = math.ceil(height * grow / factor) * factor
    return wide, high


def vision_tokens(
    width: int,
    height: int,
    patch_size: int = 14,
    merge_size: int = 2,
    min_pixels: int = 3136,
    max_pixels: int = 12_845_056,
) -> int:
    """Image tokens that a picture of this size takes in the language model; see `resized`.

    Raises:
        BadInput: a shape that the model refuses.
    """
    wide, high = resized(width, height, patch_size, merge_size, min_pixels, max_pixels)
    return (wide // (patch_size * merge_size)) * (high // (patch_size * merge_size))


def data_url(picture: bytes) -> str:
    """A picture as a URL that holds it; what it is by its first bytes, png where these say nothing."""
    kind = next((name for start, name in _MEDIA.items() if picture.startswith(start)), "png")
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"

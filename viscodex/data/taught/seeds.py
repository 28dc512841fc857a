"""Pictures that pages are designed after: folders of pictures, tables with them.

in:  a folder of .png .jpg .webp .gif .bmp and .parquet (WebSight, Web2Code), or one table
out: Seeds by number, with the page's code where it lies beside; what a teacher is shown of one
not covered: what is made of them (pages.py)
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from viscodex.data.taught.shelf import Shelf
from viscodex.errors import BadInput
from viscodex.images import open_image

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
COLUMNS: dict[str, tuple[str, ...]] = {
    "image": ("image", "picture", "screenshot", "images"),
    "code": ("text", "html", "code", "label"),
    "licence": ("licence", "license"),
    "name": ("name", "path", "id", "url"),
}
"""Role -> what its column is called in tables of pages; WebSight has image and text."""

MOST_ASPECT = 1.6
"""Height by width; what is below is cut off: a style is told by the upper part."""
LEAST_SIDE_PX = 48


@dataclass(frozen=True, slots=True)
class Seed:
    """One picture, and what lies beside it."""

    name: str
    picture: bytes  # as it stands there; empty where there is none
    code: str = ""  # of the page that it shows, where that is known
    licence: str = ""


class Seeds:
    """The pictures of a shelf; page.html beside page.png is the code of it.

    Args:
        place: folder or file.
        columns: role -> column of tables.

    Raises:
        BadRecipe: as Shelf.
    """

    def __init__(self, place: Path, columns: Mapping[str, str] | None = None) -> None:
        self.shelf = Shelf(place, PICTURES, COLUMNS, columns, needed="image")

    def __len__(self) -> int:
        return len(self.shelf)

    def __getitem__(self, number: int) -> Seed:
        item = self.shelf[number]
        if item.row is not None:
            code, licence = item.row.get("code"), str(item.row.get("licence") or "")
            picture = _bytes(item.row.get("image"))
            return Seed(item.name, picture, code if isinstance(code, str) else "", licence)
        beside = item.path.with_suffix(".html")
        code = beside.read_bytes().decode("utf-8", "replace") if beside.is_file() else ""
        return Seed(item.name, item.path.read_bytes(), code)


def _bytes(value: Any) -> bytes:
    """A picture as tables hold it: bytes, {bytes, path}, or a list whose first it is."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("bytes")
    return value if isinstance(value, bytes) else b""


def shown_seed(picture: bytes, side_px: int) -> bytes:
    """A seed as the teacher sees it: its upper part, smaller, as JPEG.

    Args:
        side_px: of the longer side, at most.

    Raises:
        BadInput: no picture, or one that is too small.
    """
    image = open_image(picture)
    width, height = image.size
    image = image.crop((0, 0, width, min(height, round(MOST_ASPECT * width))))
    if min(image.size) < LEAST_SIDE_PX:
        raise BadInput("a picture too small to take a style from", f"{width} x {height} pixels")
    shrink = min(1.0, side_px / max(image.size))
    size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BOX).save(file, "JPEG", quality=85)
    return file.getvalue()

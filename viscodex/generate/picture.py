"""Pictures from wherever they are: a file, a folder, bytes, an open picture.

in:  paths, bytes, PIL pictures
out: Picture, decoded once to be sure that it can be
not covered: what a model makes of it (models/inputs.py)
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from viscodex.errors import BadInput
from viscodex.images import MAX_BYTES, open_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
Source = str | Path | bytes | Image.Image


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be read."""

    name: str  # the path as it was given; "picture" where there is none
    data: bytes  # the file
    width: int  # px
    height: int

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.data).hexdigest()


def read_picture(source: Source) -> Picture:
    """The picture of a path, of the bytes of a file, or of an open PIL picture.

    Raises:
        BadInput: not there, no picture, broken, or above a limit.
    """
    name, data = "picture", b""
    if isinstance(source, Image.Image):
        stream = io.BytesIO()
        source.convert("RGBA" if source.has_transparency_data else "RGB").save(stream, "PNG")
        data = stream.getvalue()
    elif isinstance(source, bytes):
        data = source
    else:
        name, data = str(source), _read(Path(source))
    width, height = open_image(data, where=name).size
    return Picture(name, data, width, height)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise BadInput("this is a folder", str(path), "Give a picture.")
        if size > MAX_BYTES:
            raise BadInput(
                "a picture above the limit",
                f"{path}: {size} bytes; the limit is {MAX_BYTES}",
                "make it smaller",
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            "the picture cannot be read", f"{path}: {why}", "Check the name and the rights."
        ) from error


def find_pictures(places: Iterable[Path]) -> list[Path]:
    """All pictures of files and folders; of a folder those below it too, in the order of their names.

    Raises:
        BadInput: a folder has no picture.
    """
    found: dict[Path, None] = {}
    for place in places:
        if not place.is_dir():
            found[place] = None
            continue
        inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise BadInput(
                "there is no picture in the folder",
                str(place),
                f"Pictures are files that end in {', '.join(SUFFIXES)}.",
            )
        found |= dict.fromkeys(inside)
    return list(found)

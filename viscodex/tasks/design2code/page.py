"""One page as the metric sees it: rendered three times, its blocks found.

in:  the markup of a page, a browser
out: a Side: blocks, screenshot, and why there is none
not covered: comparing two sides (task.py)
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from viscodex.execute.page import PagePool
from viscodex.execute.visit import MAX_PIXELS
from viscodex.files import write_atomically
from viscodex.tasks.design2code import blocks as blocks_module
from viscodex.tasks.design2code import markup
from viscodex.tasks.design2code.blocks import Block, Pixels, find_blocks
from viscodex.tasks.design2code.clip import clip_picture
from viscodex.tasks.design2code.matching import join_equal_boxes
from viscodex.types import Status

_WHITE = (960, 1280, 3)  # the official stand-in for a page that could not be rendered


@dataclass(frozen=True, slots=True)
class Side:
    """A page, seen."""

    status: Status  # of rendering it; not "ok": the pixels are the official white stand-in
    reason: str
    blocks: tuple[Block, ...]
    crash: str = ""  # why the official code would have ended with an exception
    png: bytes | None = None  # screenshot of the page itself
    clip: bytes | None = None  # PNG, what CLIP sees; of a reference only

    __pydantic_config__: ClassVar[dict[str, str]] = {
        "ser_json_bytes": "base64",
        "val_json_bytes": "base64",
    }


def read_pixels(png: bytes | None) -> Pixels:
    """(height, width, 3); white where there is no picture."""
    if png is None:
        return np.full(_WHITE, 255, np.uint8)
    with Image.open(io.BytesIO(png)) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError("a screenshot of more pixels than the browser gives")
        return np.asarray(picture.convert("RGB"), dtype=np.uint8)


def see(html: str, pool: PagePool, files: Mapping[str, bytes]) -> Side:
    """Render a page and both recoloured copies, find its blocks.

    Args:
        files: what the page may load. Any other picture is broken, as in the official pipeline.
    """
    try:
        copies = markup.recolor(html)
    except markup.CannotRecolor as error:
        own = pool.render(html, files=files, placeholder=b"")
        return Side(own.status, own.reason, (), crash=str(error), png=own.image)
    own, first, second = pool.render_each(
        (html, copies.first, copies.second), files=files, placeholder=b""
    )
    side = Side(own.status, own.reason, (), png=own.image)
    page, one, other = (read_pixels(done.image) for done in (own, first, second))
    return replace(side, blocks=tuple(find_blocks(page, one, other, copies.texts)))


class References:
    """The reference side of pages, kept on disk by content, pictures, browser and fonts.

    Args:
        pool: that renders.
        files: what pages may load.
        folder: of the cache.
        clip: make the picture for CLIP too.
    """

    def __init__(
        self, pool: PagePool, files: Mapping[str, bytes], folder: Path, *, clip: bool
    ) -> None:
        self._pool, self._files, self._folder, self._clip = pool, files, folder, clip
        stamp = sorted(pool.render("").stamp.items())
        code = [Path(str(m.__file__)).read_bytes() for m in (markup, blocks_module)]
        given = [name.encode() + b"\0" + data for name, data in sorted(files.items())]
        self._identity = hashlib.sha256(
            b"\0".join([json.dumps(stamp).encode(), *code, *given])
        ).hexdigest()

    def get(self, html: str) -> Side:
        """The reference side of a page."""
        key = hashlib.sha256(f"{self._identity}\0{html}".encode()).hexdigest()
        place = self._folder / f"{key}.json"
        try:
            found: dict[str, Any] = json.loads(place.read_bytes())
            picture = place.with_suffix(".png").read_bytes() if self._clip else None
            blocks = tuple(
                Block(text, tuple(box), tuple(color)) for text, box, color in found["blocks"]
            )
            return Side(found["status"], found["reason"], blocks, found["crash"], clip=picture)
        except (OSError, ValueError, LookupError, TypeError):  # not there, or of another version
            side = self._see(html)
        if side.status in ("ok", "error"):  # not what a busy machine may have caused
            self._keep(place, side)
        return side

    def _see(self, html: str) -> Side:
        side = see(html, self._pool, self._files)
        if not self._clip:
            return replace(side, png=None)
        picture = clip_picture(read_pixels(side.png), join_equal_boxes(side.blocks))
        file = io.BytesIO()
        picture.save(file, "PNG")
        return replace(side, clip=file.getvalue(), png=None)

    def _keep(self, place: Path, side: Side) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        told = {
            "status": side.status,
            "reason": side.reason,
            "crash": side.crash,
            "blocks": [[b.text, b.box, b.color] for b in side.blocks],
        }
        if side.clip is not None:
            write_atomically(place.with_suffix(".png"), side.clip)
        write_atomically(place, json.dumps(told))

"""Pictures of a page: small, each once, within a budget.

in:  pictures that models' programs drew, and those they were asked about
out: data addresses; how many had to be left out
not covered: which samples come first (samples.py)
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from viscodex.errors import BadInput
from viscodex.images import image_size, open_image

MAX_BYTES = 24_000_000  # of all pictures of a page, as base64
MAX_PICTURES = 4_000  # that are decoded
MAX_PIXELS = 4_000_000_000  # of them, together: with their number it bounds the time
LEFT_OUT = -2  # instead of the number of a picture that is there, but not on the page
SIDES = ((300, 460), (1200, 320), (4_000, 220))
"""Up to so many pictures -> longest width in pixels."""
_TALL = 2.2  # height of a thumbnail by its width; longer pages are cut there
_BATCH = 64


class Album:
    """The pictures of one page; equal ones are kept once.

    Args:
        n_wanted: about how many there will be; decides their size.
    """

    def __init__(self, n_wanted: int) -> None:
        self.addresses: list[str] = []
        self.left_out = 0
        self._known: dict[str, int] = {}
        self._bytes = 0
        self._n = 0
        self._pixels = 0
        self.width = next((side for n, side in SIDES if n_wanted <= n), SIDES[-1][1])

    def add_all(self, readers: Sequence[Callable[[], bytes | None]]) -> list[int]:
        """Numbers of the pictures; they are read and made small in threads.

        -1 is none, LEFT_OUT one that is there but had no room.
        """
        numbers: list[int] = []
        with ThreadPoolExecutor(4) as threads:
            for start in range(0, len(readers), _BATCH):
                batch = readers[start : start + _BATCH]
                if self._is_full():
                    numbers += [self._missing(read) for read in batch]
                    continue
                for digest, address, pixels in threads.map(self._small, batch):
                    self._pixels += pixels
                    numbers.append(self._keep(digest, address))
        return numbers

    def _is_full(self) -> bool:
        return self._bytes > MAX_BYTES or self._n > MAX_PICTURES or self._pixels > MAX_PIXELS

    def _missing(self, read: Callable[[], bytes | None]) -> int:
        data = read()
        if data is None:
            return -1
        known = self._known.get(hashlib.sha256(data).hexdigest())
        if known is not None:  # one that is on the page already needs no room
            return known
        self.left_out += 1
        return LEFT_OUT

    def _small(self, read: Callable[[], bytes | None]) -> tuple[str, str, int]:
        """Digest of a picture's file, its address, the pixels that were decoded for it."""
        data = read()
        if data is None:
            return "", "", 0
        digest = hashlib.sha256(data).hexdigest()
        if digest in self._known:
            return digest, "", 0
        try:
            width, height = image_size(data)
        except BadInput:
            return digest, "", 0
        return digest, small(data, self.width), width * height

    def _keep(self, digest: str, address: str) -> int:
        if digest not in self._known and address:
            self._known[digest] = len(self.addresses)
            self.addresses.append(address)
            self._bytes += len(address)
            self._n += 1
        return self._known.get(digest, -1)


def small(data: bytes, width: int) -> str:
    """A picture as a data address of WebP, at most so wide; empty where it cannot be opened."""
    try:
        image = open_image(data)
    except BadInput:
        return ""
    image = image.crop((0, 0, image.width, min(image.height, round(image.width * _TALL))))
    image.thumbnail((width, round(width * _TALL)))
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=70, method=2)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"

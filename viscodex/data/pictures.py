"""Pictures by the names that records give them: from a folder or a zip archive.

in:  names such as mcd_images/chart_images/92.png, which may be wrong or meant to do harm
out: the bytes of the file; nothing outside of the folder is ever read
not covered: whether they are pictures (viscodex/images.py)
"""

from __future__ import annotations

import lzma
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from viscodex.errors import BadInput
from viscodex.images import MAX_BYTES

PREFIX = "mcd_images/"
"""MCD's names begin with it, or leave it out."""

MAX_NAME = 1_000  # characters


class Pictures(Protocol):
    """Where the pictures of records come from; may be asked from several threads."""

    def read(self, name: str) -> bytes:
        """The file of this name.

        Raises:
            KeyError: there is none.
            BadInput: it is too large or its archive is damaged.
        """
        ...


def candidates(name: str) -> Iterator[str]:
    """The names under which a picture may be found: as it is, without and with the prefix."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return
    if "\0" in name or len(name) > MAX_NAME:
        return
    plain = str(path)
    yield plain
    yield plain.removeprefix(PREFIX) if plain.startswith(PREFIX) else PREFIX + plain


class FolderPictures:
    """Pictures below a folder; links that lead out of it are not followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = folder.resolve()

    def read(self, name: str) -> bytes:
        """See Pictures."""
        for candidate in candidates(name):
            path = (self._root / candidate).resolve()
            if path.is_relative_to(self._root) and path.is_file():
                if path.stat().st_size > MAX_BYTES:
                    raise _too_large(name, path.stat().st_size)
                return path.read_bytes()
        raise KeyError(name)


class ZipPictures:
    """Pictures in a zip archive; its directory is held in memory, about half a kilobyte a file.

    Raises:
        BadInput: the file is no zip archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadInput(
                "the archive of pictures cannot be opened",
                f"{path}: {error}",
                "Give a whole zip file, or a folder.",
            ) from None
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes:
        """See Pictures."""
        for candidate in candidates(name):
            try:
                info = self._archive.getinfo(candidate)
            except KeyError:
                continue
            if info.file_size > MAX_BYTES:
                raise _too_large(name, info.file_size)
            return self._unpack(info)
        raise KeyError(name)

    def _unpack(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._lock, self._archive.open(info) as stream:
                data = stream.read(MAX_BYTES + 1)
        except (
            zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError,
            NotImplementedError, ValueError,
        ) as error:  # fmt: skip
            raise BadInput(
                "a picture of the archive is damaged", f"{info.filename}: {error}"
            ) from None
        if len(data) > MAX_BYTES:  # the directory lied
            raise _too_large(info.filename, len(data))
        return data

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


def _too_large(name: str, size: int) -> BadInput:
    return BadInput(
        "a picture above the limit", f"{name}: {size:,} bytes; the limit is {MAX_BYTES:,}"
    )

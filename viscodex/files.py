"""Files that are whole or not there.

in:  a path and what it shall hold
out: the file
not covered: large files and directories that grow and resume (merge/output.py)
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a small file beside its place and rename it: whole or not there."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def whole_lines(file: Path) -> list[bytes]:
    """The lines of a file that grows; what a killed process left unfinished at its end is cut off."""
    if not file.exists():
        return []
    data = file.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(file, len(whole))
    return whole.splitlines()

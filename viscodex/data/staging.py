"""A folder that is made as a whole: written beside its place, renamed when it is complete.

in:  where the folder shall be
out: the folder, or nothing; a place that is taken is refused
not covered: folders that grow over several runs (parts.py)
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from viscodex.errors import OutputRefused


@contextlib.contextmanager
def staged_folder(out: Path, *inputs: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `out` at the end, and vanishes if anything fails.

    Args:
        inputs: folders and files that are read meanwhile.

    Raises:
        OutputRefused: the place is taken, cannot be written, or lies inside an input.
    """
    place = out.absolute()
    partial = place.with_name(place.name + ".partial")
    _check(out, inputs)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
    except FileExistsError:
        raise OutputRefused(
            "the output is being written, or was left unfinished",
            str(partial),
            "If nothing else is writing it, remove that folder.",
        ) from None
    except OSError as error:
        raise OutputRefused(
            "the output cannot be created there",
            f"{out}: {error.strerror or error}",
            "Choose another place.",
        ) from None
    try:
        yield partial
        if place.is_dir():
            place.rmdir()  # it was empty
        partial.rename(place)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(partial)
        raise


def _check(out: Path, inputs: tuple[Path, ...]) -> None:
    place = out.resolve()
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise OutputRefused(
            "the output exists already", str(out), "Choose another name, or remove it."
        )
    for path in inputs:
        if place == path.resolve() or path.resolve() in place.parents:
            raise OutputRefused(
                "the output lies inside what is read",
                f"output {out}\ninput  {path}",
                "Choose a folder outside of it.",
            )

"""A folder that is made as a whole: written beside its place, renamed when it is complete.

in:  where the folder shall be
out: the folder, or nothing; a place that is taken is refused
not covered: folders that many processes fill (parts.py)
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from viscodex.data.parts import locked
from viscodex.errors import OutputRefused, ViscodexError
from viscodex.files import write_atomically

_STATE = "state.json"


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


class Stage:
    """A folder that is filled over several runs, and how far it is."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder, self._identity = folder, dict(identity)
        self.state: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            self.state = json.loads((folder / _STATE).read_bytes())["state"]

    def save(self, **state: Any) -> None:
        """Note how far it is: what a killed run leaves, the next one goes on with."""
        self.state = state
        text = json.dumps({"identity": self._identity, "state": state})
        write_atomically(self.folder / _STATE, text)


@contextlib.contextmanager
def resumed_folder(out: Path, identity: Mapping[str, Any], *inputs: Path) -> Iterator[Stage]:
    """As staged_folder, but a folder that a killed or interrupted run left is gone on with.

    Args:
        identity: plain data; what was begun with another identity is refused.

    Raises:
        OutputRefused: as staged_folder; another process is writing it; begun with something else.
    """
    place = out.absolute()
    partial = place.with_name(place.name + ".partial")
    _check(out, inputs)
    plain = json.loads(json.dumps(dict(identity)))
    fresh = not partial.exists()
    if not fresh:
        _check_begun(partial, plain)
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(
            "the output cannot be created there",
            f"{out}: {error.strerror or error}",
            "Choose another place.",
        ) from None
    with locked(partial / "lock", wait=False) as held:
        if not held:
            raise OutputRefused(
                "another process is writing the output", str(partial), "Wait for it."
            )
        stage = Stage(partial, plain)
        if fresh:
            stage.save()
        try:
            yield stage
        except ViscodexError:
            with contextlib.suppress(OSError):
                shutil.rmtree(partial)
            raise
        if place.is_dir():
            place.rmdir()  # it was empty
        partial.rename(place)
        for name in (_STATE, "lock"):
            (place / name).unlink()


def _check_begun(partial: Path, identity: dict[str, Any]) -> None:
    try:
        begun = json.loads((partial / _STATE).read_bytes())["identity"]
    except (OSError, ValueError, LookupError, TypeError):
        raise OutputRefused(
            "the output is being written, or was left unfinished",
            str(partial),
            "If nothing else is writing it, remove that folder.",
        ) from None
    if begun != identity:
        differ = [key for key in identity if begun.get(key) != identity[key]]
        raise OutputRefused(
            "the output was begun with something else",
            f"{partial}: {', '.join(differ)}",
            "Give what it was begun with, or remove that folder.",
        )


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

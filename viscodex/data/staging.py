"""A folder that is made as a whole: written beside its place, renamed when it is complete.

in:  where the folder shall be, and what decides its content
out: the folder, or what a killed run left beside it to go on with; a place that is taken is refused
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
_OURS = ("lock", f"{_STATE}.part", _STATE)
"""What lies in an unfinished folder beside its content; the last one makes it one to go on with."""


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
    """A folder to fill, which becomes `out` at the end; what a killed run left is gone on with.

    Args:
        identity: plain data; what was begun with another identity is refused.
        inputs: folders and files that are read meanwhile.

    Raises:
        OutputRefused: the place is taken, cannot be written, or lies inside an input; another
            process is writing it; it was begun with something else.
    """
    place = out.absolute()
    partial = place.with_name(place.name + ".partial")
    plain = json.loads(json.dumps(dict(identity)))
    if not partial.exists() and _begun_with(place) == plain:
        place.rename(partial)  # killed between its last name and the end
    _check(out, inputs)
    fresh = _is_untouched(partial)
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
        for name in _OURS:
            (place / name).unlink(missing_ok=True)


def _is_untouched(partial: Path) -> bool:
    """Whether nothing was begun: there is no folder, or one whose maker was killed at once."""
    return not partial.is_dir() or {path.name for path in partial.iterdir()} <= {*_OURS[:-1]}


def _begun_with(folder: Path) -> Any:
    """The identity of an unfinished folder; None: it is none."""
    try:
        return json.loads((folder / _STATE).read_bytes())["identity"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _check_begun(partial: Path, identity: dict[str, Any]) -> None:
    begun = _begun_with(partial)
    if not isinstance(begun, dict):
        raise OutputRefused(
            "the output is being written, or was left unfinished",
            str(partial),
            "If nothing else is writing it, remove that folder.",
        )
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

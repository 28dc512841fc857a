"""Pinned environments in which generated charts run, never in ours.

in:  a list of exact versions for each runtime (runtimes/*.txt)
out: a virtual environment of its own for each, below the cache directory, and its stamp
not covered: running anything in it (chart.py)

    $VISCODEX_HOME/runtimes/NAME/         default: ~/.cache/viscodex; of root /var/cache/viscodex
        viscodex.json                     written last: what is installed; without it, unfinished
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from viscodex.errors import MissingPart, ViscodexError
from viscodex.execute.confined import closed_to_others
from viscodex.files import write_atomically

NAMES = ("current", "chartmimic")
"""current: the newest plotting stack; chartmimic: what ChartMimic's reference values came from."""

_PINS = Path(__file__).parent / "runtimes"
_MARKER = "viscodex.json"
_STAMPED = ("matplotlib", "numpy", "pandas", "seaborn")


@dataclass(frozen=True, slots=True)
class Runtime:
    """An installed environment."""

    name: str
    folder: Path
    python: Path
    stamp: Mapping[str, str]  # what decides pixels: versions, digests of pins and fonts

    def __str__(self) -> str:
        return str(self.folder)


def home() -> Path:
    """The cache directory: $VISCODEX_HOME, else viscodex/ in the user's cache.

    Of root it is in the system's: generated code runs as another user, who must be able to read
    what lies there even where nothing can be mounted for it (tier B).
    """
    if place := os.environ.get("VISCODEX_HOME"):
        return Path(place).expanduser().absolute()
    own = "/var/cache" if os.geteuid() == 0 else "~/.cache"
    cache = os.environ.get("XDG_CACHE_HOME") or own
    return Path(cache).expanduser().absolute() / "viscodex"


def pins_of(name: str) -> dict[str, str]:
    """Distribution -> exact version.

    Raises:
        MissingPart: there is no runtime of that name.
    """
    file = _PINS / f"{name}.txt"
    if name not in NAMES:
        raise MissingPart(
            "there is no such runtime", name, f"Choose one of: {', '.join(NAMES)}."
        )  # fmt: skip
    lines = [line.split("#")[0].strip() for line in file.read_text("utf-8").splitlines()]
    return dict(line.split("==") for line in lines if line)


def digest_of(name: str) -> str:
    """Identity of a runtime's pins and of the Python that they are installed for."""
    text = json.dumps([sys.version_info[:2], sorted(pins_of(name).items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def folder_of(name: str) -> Path:
    """Where a runtime lies, installed or not."""
    return home() / "runtimes" / name


def installed() -> dict[str, Runtime | None]:
    """All known runtimes; None for what is not there, not whole, or has other pins."""
    return {name: _read(name) for name in NAMES}


def runtime(name: str) -> Runtime:
    """An installed runtime.

    Raises:
        MissingPart: it is not installed, or with other pins.
    """
    digest_of(name)
    found = _read(name)
    if found is None:
        raise MissingPart(
            f"the runtime {name!r} is not installed",
            str(folder_of(name)),
            f"viscodex runtime install {name}",
        )
    return found


def python_of(name: str) -> Path:
    """The interpreter of an installed runtime.

    Raises:
        MissingPart: it is not installed, or with other pins.
    """
    return runtime(name).python


def _read(name: str) -> Runtime | None:
    folder = folder_of(name)
    try:
        marker = json.loads((folder / _MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(marker, dict) or marker.get("pins") != digest_of(name):
        return None
    if not (folder / "bin" / "python").exists():  # a link to a Python that is gone
        return None
    return Runtime(name, folder, folder / "bin" / "python", marker["stamp"])


def install(name: str, progress: Callable[[str], None] = lambda line: None) -> Runtime:
    """Make a runtime, or leave it as it is where it is whole.

    An environment has absolute paths inside: it is made in its place, and its marker is written
    last. An unfinished one, or one with other pins, is removed first.

    Args:
        name: one of NAMES.
        progress: called with one line for each step.

    Raises:
        MissingPart: no such runtime, or the versions could not be had.
        ViscodexError: the directory cannot be written.
    """
    pins = pins_of(name)
    folder = folder_of(name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.parent / f".{name}.lock"):
            found = _read(name)
            if found is not None:
                return found
            if folder.exists():
                progress(f"removing what is unfinished or has other versions: {folder}")
                shutil.rmtree(folder)
            _make(name, folder, pins, progress)
    except OSError as error:
        raise ViscodexError(
            f"the runtime {name!r} cannot be written: {error.strerror}",
            str(error.filename or folder),
            "Set VISCODEX_HOME to a directory with 1 GB of free space.",
        ) from error
    return runtime(name)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Two installations of one runtime wait for one another."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(name: str, folder: Path, pins: dict[str, str], progress: Callable[[str], None]) -> None:
    progress(f"making {folder}")
    _call([_base_python(), "-I", "-m", "venv", str(folder)], name)
    progress(f"installing {len(pins)} pinned distributions")
    python = str(folder / "bin" / "python")
    wanted = [f"{distribution}=={version}" for distribution, version in pins.items()]
    _call(
        [
            python,
            "-I",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--compile",
            "--only-binary",
            ":all:",
            "--no-warn-script-location",
            *wanted,
        ],
        name,
    )
    fonts = _fonts_digest(folder)
    stamp = {
        "runtime": name,
        "pins": digest_of(name),
        **{distribution: pins[distribution] for distribution in _STAMPED if distribution in pins},
        "python": _version_of(folder / "bin" / "python"),
        "fonts": fonts,
        "dpi": "100",
    }
    text = json.dumps({"pins": digest_of(name), "stamp": stamp}, indent=1)
    write_atomically(folder / _MARKER, text)


def _base_python() -> str:
    """The interpreter that environments are made of.

    Not that of another environment, which would then lie in two; and for root one that every user
    can read, where the system has it in our version and can make environments with it.
    """
    version = f"python3.{sys.version_info[1]}"
    own = Path(sys.base_prefix) / "bin" / version
    if os.geteuid() == 0 and closed_to_others(own):
        for system in (Path("/usr/local/bin") / version, Path("/usr/bin") / version):
            command = [str(system), "-I", "-c", "import ensurepip, venv"]
            if system.exists() and not subprocess.run(command, check=False).returncode:
                return str(system)
    return str(own) if own.exists() else sys.executable


def _call(command: list[str], name: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False
    )  # fmt: skip
    if done.returncode:
        raise MissingPart(
            f"the runtime {name!r} could not be installed",
            "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-6:]),
            f"Its versions stand in {_PINS / name}.txt; pip must be able to fetch them as wheels.",
        )


def _version_of(python: Path) -> str:
    command = [str(python), "-I", "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _fonts_digest(folder: Path) -> str:
    """Identity of the fonts in matplotlib's wheel, which are all that charts see."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("lib/python*/site-packages/matplotlib/mpl-data/fonts/*/*")):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]

"""One file, whatever it is: a chart script, a page, or a program.

in:  a path
out: an Execution, and its pictures on disk if wanted
not covered: many files at once (ChartPool, PagePool)
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput, MissingPart
from viscodex.files import write_atomically
from viscodex.types import Execution

PLOTTING = re.compile(
    r"^\s*(?:from|import)\s+(?:[\w.]+(?:\s+as\s+\w+)?\s*,\s*)*"
    r"(?:matplotlib|seaborn|pylab|networkx|squarify|pandas\.plotting)\b",
    re.MULTILINE,
)
PAGES = (".html", ".htm", ".xhtml", ".svg")
MAX_BYTES = 10_000_000  # of a source file; a model's answer has a thousandth of it


def kind_of(path: Path, code: str) -> str:
    """`chart`, `page` or `program`: by the suffix, and for Python by what it imports."""
    if path.suffix.lower() in PAGES:
        return "page"
    if path.suffix.lower() == ".py" and PLOTTING.search(code):
        return "chart"
    return "program"


def run_file(
    path: Path,
    *,
    kind: str | None = None,
    seconds: float | None = None,
    memory: int | None = None,
    runtime: str = "current",
    stdin: str = "",
    allow_unsafe: bool = False,
) -> Execution:
    """Run or render one file in the sandbox.

    Args:
        kind: chart, page or program; default: `kind_of`.
        seconds: of CPU and of wall time; default: the limits of the kind.
        memory: bytes; default: the limit of the kind.
        runtime: the environment of charts, see `viscodex runtime`.
        stdin: for programs.
        allow_unsafe: go on where only resource limits confine the code (tier C).

    Raises:
        BadInput: the file is not text, too large, or of an unknown language.
        MissingPart: the runtime, browser or language is not on this machine.
        IsolationMissing: the code cannot be confined here and allow_unsafe is not set.
    """
    code = read_text(path)
    if not code.strip():
        return Execution("no_code", reason="the file is empty")
    kind = kind or kind_of(path, code)
    asked: dict[str, Any] = {} if seconds is None else {"wall": seconds, "cpu": seconds}
    if memory is not None:
        asked["memory"] = memory
    if kind == "chart":
        from viscodex.execute.chart import CHART_LIMITS, run_chart

        limits = replace(CHART_LIMITS, **asked)
        return run_chart(
            code, name=path.name, runtime=runtime, allow_unsafe=allow_unsafe, limits=limits
        )
    if kind == "page":
        from viscodex.execute.page import PAGE_LIMITS, render_page

        limits = replace(PAGE_LIMITS, **asked)
        return render_page(code, allow_unsafe=allow_unsafe, limits=limits)
    from viscodex.execute.program import RUN_LIMITS, language_of, run_program

    try:
        language = language_of(path.suffix[1:] or path.name)
    except MissingPart as error:
        raise BadInput(
            "the language of a program is not known by its suffix",
            str(path),
            "Use a usual suffix, such as .py .js .ts .java .c .cpp .go .rs .php .R .sh .sql; "
            "or .html for a page.",
        ) from error
    limits = replace(RUN_LIMITS, **asked)
    return run_program(code, language.name, stdin=stdin, allow_unsafe=allow_unsafe, limits=limits)


def read_text(path: Path) -> str:
    """A text file from the user, of sensible size.

    Raises:
        BadInput: it is no regular file, too large, or not UTF-8.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if not path.is_file() or size > MAX_BYTES:
        what = (
            "this is not a regular file"
            if not path.is_file()
            else "the file is too large for a program"
        )
        raise BadInput(
            what, f"{path}: {size:,} bytes", f"Give one text file below {MAX_BYTES:,} bytes."
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            "the file is not UTF-8 text",
            f"{path}, byte {error.start}",
            "Give the source text; convert it with: iconv -t utf-8",
        ) from error


def write_pictures(execution: Execution, place: Path) -> list[Path]:
    """The first picture to `place`, others beside it as NAME-2.png, NAME-3.png, ..."""
    places = [
        place if number == 1 else place.with_name(f"{place.stem}-{number}{place.suffix}")
        for number in range(1, len(execution.images) + 1)
    ]
    for path, picture in zip(places, execution.images, strict=True):
        write_atomically(path, picture)
    return places

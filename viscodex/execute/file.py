"""One file, whatever it is: a chart script, a page, or a program.

in:  a path
out: an Execution, and its pictures on disk if wanted
not covered: many files at once (ChartPool, PagePool)
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from viscodex.errors import BadInput, MissingPart
from viscodex.execute.sandbox import Limits
from viscodex.types import Execution

PLOTTING = re.compile(r"^\s*(import|from)\s+(matplotlib|seaborn|pylab|networkx|squarify)\b", re.M)
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
    limits: Limits | None = None,
    runtime: str = "current",
    stdin: str = "",
    allow_unsafe: bool = False,
) -> Execution:
    """Run or render one file in the sandbox.

    Args:
        kind: chart, page or program; default: `kind_of`.
        limits: default: those of the kind.
        runtime: the environment of charts, see `viscodex runtime`.
        stdin: for programs.
        allow_unsafe: go on where only resource limits confine the code (tier C).

    Raises:
        BadInput: the file is not text, too large, or of an unknown language.
        MissingPart: the runtime, browser or language is not on this machine.
        IsolationMissing: the code cannot be confined here and allow_unsafe is not set.
    """
    code = _read(path)
    if not code.strip():
        return Execution("no_code", reason="the file is empty")
    kind = kind or kind_of(path, code)
    given: dict[str, Any] = {} if limits is None else {"limits": limits}
    if kind == "chart":
        from viscodex.execute.chart import run_chart

        return run_chart(code, name=path.name, runtime=runtime, allow_unsafe=allow_unsafe, **given)
    if kind == "page":
        from viscodex.execute.page import render_page

        return render_page(code, allow_unsafe=allow_unsafe, **given)
    from viscodex.execute.program import language_of, run_program

    try:
        language = language_of(path.suffix[1:] or path.name)
    except MissingPart as error:
        raise BadInput(
            "the language of a program is not known by its suffix",
            str(path),
            "Use a usual suffix, such as .py .js .ts .java .c .cpp .go .rs .php .R .sh .sql; "
            "or .html for a page.",
        ) from error
    return run_program(code, language.name, stdin=stdin, allow_unsafe=allow_unsafe, **given)


def _read(path: Path) -> str:
    size = path.stat().st_size
    if path.is_dir() or size > MAX_BYTES:
        what = (
            "a directory is no program" if path.is_dir() else "the file is too large for a program"
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
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(picture)
        part.replace(path)
    return places

"""viscodex data posts: a Stack Exchange dump becomes a store of threads with their pictures.

in:  arguments
out: counts on stdout (or JSON with --json), progress on stderr, the exit status
not covered: the work (data/posts/); making samples of the threads (cli/data.py)
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.terminal import Progress, say
from viscodex.errors import BadRecipe, MissingPart

if TYPE_CHECKING:
    from viscodex.data.posts.fetch import FetchReport
    from viscodex.data.posts.index import StoreReport

POSTS_EXAMPLES = """
Examples:

\b
  viscodex data posts stackoverflow.com-Posts.7z -o posts
  viscodex data posts Posts.xml --users Users.xml --site cooking.stackexchange.com -o posts
  viscodex data posts -o posts --fetch                      pictures, a request a second
  viscodex data posts -o posts --pictures saved_pictures    pictures out of a folder

Interrupted or killed, the same command goes on. Exit status: 0 done, 1 pictures are left to get,
2 no dump.
"""


def posts(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of the store.")],
    dump: Annotated[
        Path | None, typer.Argument(metavar="[DUMP]", help="Posts.xml, also as .bz2 or in a .7z.")
    ] = None,
    users: Annotated[
        Path | None, typer.Option(help="Users.xml of the same dump: names of the authors.")
    ] = None,
    site: Annotated[str, typer.Option(help="Whose dump it is.")] = "stackoverflow.com",
    min_score: Annotated[int, typer.Option(help="Of a question.")] = 1,
    min_views: Annotated[int, typer.Option(help="Of a question.")] = 0,
    fetch: Annotated[bool, typer.Option("--fetch", help="Get the pictures by the net.")] = False,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Take the pictures out of a folder.")
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="That may be asked; again for more. Default: the site's."),
    ] = None,
    delay: Annotated[float, typer.Option(min=0.1, help="Seconds between requests.")] = 1.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Pictures in this call.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Read a dump into a store of questions with pictures and accepted answers; get the pictures."""
    _needs("pyarrow", "PIL", "bs4")
    if dump is None and not fetch and pictures is None:
        raise BadRecipe("nothing to do", str(out), "Give a dump, --fetch or --pictures DIR.")
    from viscodex.types import to_json

    reports: list[StoreReport | FetchReport] = []
    if dump is not None:
        from viscodex.data.posts.index import build_store

        reports.append(
            build_store(
                dump, out, users=users, site=site, min_score=min_score, min_views=min_views,
                progress=_read_so_far(),
            )
        )  # fmt: skip
    if fetch or pictures is not None:
        reports.append(_get(out, host, pictures, delay, limit))
    for report in reports:
        typer.echo(to_json(report, indent=1) if as_json else _line(report))
    if any(getattr(report, "left", 0) for report in reports):
        raise typer.Exit(1)


def _needs(*libraries: str) -> None:
    from importlib.util import find_spec

    for library in libraries:
        if find_spec(library) is None:
            raise MissingPart(
                "a library for posts is missing", library, "pip install 'viscodex[mcd]'"
            )


def _get(
    out: Path, hosts: list[str] | None, pictures: Path | None, delay: float, limit: int | None
) -> FetchReport:
    from viscodex.data.posts.fetch import HOSTS, fetch_pictures
    from viscodex.data.posts.web import Web

    web = Web(hosts or HOSTS, delay_s=delay)
    with Progress() as progress:
        return fetch_pictures(
            out, web=web, pictures=pictures, limit=limit, progress=progress.update
        )


def _read_so_far() -> Any:
    """A line every ten seconds; how long a packed dump is cannot be told beforehand."""
    said = time.monotonic()

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= 10:
            said = time.monotonic()
            say(f"{stage}: {done / 1e9:.2f} GB read")

    return tell


def _line(report: StoreReport | FetchReport) -> str:
    from viscodex.data.posts.index import StoreReport

    if isinstance(report, StoreReport):
        skipped = ", ".join(f"{name} {n:,}" for name, n in report.skipped.items() if n)
        return (
            f"{report.rows:,} posts, {report.questions:,} questions: {report.threads:,} threads "
            f"with a picture and an accepted answer\nnot taken: {skipped or 'none'}"
        )
    failed = ", ".join(f"{name} {n:,}" for name, n in sorted(report.failed.items()))
    return (
        f"{report.there:,} of {report.addresses:,} pictures are there, {report.left:,} left to get; "
        f"failed: {failed or 'none'}"
    )

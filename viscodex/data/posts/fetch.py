"""Pictures of posts, by the net or out of a folder, into their store.

in:  a finished store; hosts that may be asked
out: files named by their hash, a state for each address; what failed says why
not covered: single requests (web.py), which addresses a post names (html.py)

One request after another to a host, with a pause between them, longer where its robots.txt or a 429
asks for it. Every picture is committed when it comes, so a killed run goes on; what failed for good
is not asked again. What a folder did not have, or a host that was not allowed, is no failure of the
picture: another folder, the net or a longer list of hosts is tried.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from viscodex.data.parts import disk_checked, locked
from viscodex.data.pictures import FolderPictures
from viscodex.data.posts.index import picture_addresses
from viscodex.data.posts.store import open_database, read_state, write_state
from viscodex.data.posts.web import Later, Refused, Web, renamed
from viscodex.errors import BadInput, OutputRefused
from viscodex.images import open_image

HOSTS = ("i.sstatic.net", "i.stack.imgur.com", "i.imgur.com")
"""Where Stack Exchange keeps the pictures of posts, and the host that it used before."""
TYPES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp"}
_OF_FOLDER = ("not_in_folder", "not_read")
MAX_TRIES = 3
GIVE_UP = 10  # failures of a host in a row that may pass; it is left alone until the next run
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What became of the pictures."""

    addresses: int
    there: int
    failed: dict[str, int] = field(default_factory=dict)  # why -> addresses
    left: int = 0  # to be asked by another run


def fetch_pictures(
    folder: Path,
    *,
    hosts: Sequence[str] = HOSTS,
    pictures: Path | None = None,
    web: Web | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> FetchReport:
    """Get the pictures of a store, or go on with it.

    Args:
        folder: of the store.
        hosts: that may be asked; an address elsewhere fails as `host_not_allowed`.
        pictures: a folder that has them: the net is not asked at all. A picture is looked for as
            HOST/PATH, PATH and NAME of its address.
        web: asks; None: one with the limits of web.py.
        limit: pictures to get at most in this call.
        progress: called with ("pictures", done, total).

    Raises:
        BadInput: the store is not finished.
        OutputRefused: another process fills it.
        NotEnoughSpace: the disk is full.
    """
    with disk_checked(folder), locked(folder / "lock", wait=False) as held:
        if not held:
            raise OutputRefused("another process fills this store", str(folder), "Wait for it.")
        database = open_database(folder, write=True)
        try:
            _list_addresses(database, folder)
            if pictures is not None:
                _Getter(database, folder, limit, progress).from_folder(pictures)
            else:
                asked = web or Web(hosts)
                _Getter(database, folder, limit, progress).from_web(asked)
            return _report(database)
        finally:
            database.close()


def _list_addresses(database: sqlite3.Connection, folder: Path) -> None:
    state = read_state(database)
    if state.get("stage") != "done":
        raise BadInput(
            "the store of posts is not finished",
            str(folder),
            "Give `viscodex data posts DUMP -o FOLDER` first.",
        )
    if state.get("listed"):
        return
    rows = ((url,) for url in picture_addresses(database))
    database.executemany("insert or ignore into pictures (url, state) values (?, 'todo')", rows)
    write_state(database, listed=True)
    database.commit()


def _report(database: sqlite3.Connection) -> FetchReport:
    counts: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    rows = database.execute("select state, reason, count(*) from pictures group by 1, 2")
    for state, reason, n in rows:
        counts[state] += n
        if state == "failed":
            failed[reason.partition(":")[0]] += n
    return FetchReport(sum(counts.values()), counts["ok"], dict(failed), counts["todo"])


class _Getter:
    """One call of fetch_pictures."""

    def __init__(
        self,
        database: sqlite3.Connection,
        folder: Path,
        limit: int | None,
        progress: Progress | None,
    ) -> None:
        self.database, self.folder = database, folder / "pictures"
        self.limit, self.progress = limit, progress
        self.done = 0

    def todo(self) -> Iterator[str]:
        """Addresses that are left, in the order of ranks."""
        limit = -1 if self.limit is None else self.limit
        query = "select url from pictures where state = 'todo' order by rowid limit ?"
        urls = self.database.execute(query, (limit,)).fetchall()
        for (url,) in urls:
            yield url
            self.done += 1
            if self.progress is not None:
                self.progress("pictures", self.done, len(urls))

    def anew(self, *reasons: str, hosts: Sequence[str] | None = None) -> None:
        """Try again what failed for these reasons; with `hosts`, only what lies there."""
        failed = "select url, reason from pictures where state = 'failed'"
        urls = [
            (url,)
            for url, reason in self.database.execute(failed).fetchall()
            if reason.partition(":")[0] in reasons
            and (hosts is None or _host(renamed(url)) in hosts)
        ]
        again = "update pictures set state = 'todo', reason = null where url = ?"
        self.database.executemany(again, urls)
        self.database.commit()

    def from_folder(self, pictures: Path) -> None:
        """Take them out of a folder."""
        if not pictures.is_dir():
            raise BadInput("there is no such folder of pictures", str(pictures))
        source = FolderPictures(pictures)
        if self.limit is None:  # with a limit, calls go through the addresses one after another
            self.anew(*_OF_FOLDER)
        for url in self.todo():
            try:
                self.keep(url, self._find(source, url))
            except Refused as error:
                self.fail(url, error.reason)

    def _find(self, source: FolderPictures, url: str) -> bytes:
        parts = urlsplit(url)
        path = unquote(parts.path).lstrip("/")
        for name in (f"{parts.hostname}/{path}", path, path.rpartition("/")[2]):
            if name:
                try:
                    return source.read(name)
                except KeyError:
                    continue
                except (BadInput, OSError, ValueError) as error:
                    raise Refused(f"not_read: {error}") from None
        raise Refused("not_in_folder")

    def from_web(self, web: Web) -> None:
        """Ask for them; hosts take turns, so that the pause of one is the work of another."""
        self.anew(*_OF_FOLDER)
        self.anew("host_not_allowed", hosts=tuple(web.hosts))
        strikes: Counter[str] = Counter()
        for url in _in_turns(self.todo()):
            host = _host(renamed(url))
            if strikes[host] >= GIVE_UP:
                continue
            try:
                self.keep(url, web.get(url))
                strikes[host] = 0
            except Later as error:
                strikes[host] += 1
                self.again(url, error.reason)
            except Refused as error:
                self.fail(url, error.reason)

    def keep(self, url: str, data: bytes) -> None:
        """Store a picture that opens, under its hash."""
        suffix = next((end for magic, end in TYPES.items() if data.startswith(magic)), None)
        if suffix is None:
            raise Refused(f"wrong_type: begins with {data[:8].hex(' ')}")
        try:
            open_image(data)
        except BadInput as error:
            raise Refused(f"broken: {error.where}"[:300]) from None
        digest = hashlib.sha256(data).hexdigest()
        name = f"{digest[:2]}/{digest}{suffix}"
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part")
            beside.write_bytes(data)
            beside.replace(path)
        self.database.execute(
            "update pictures set state = 'ok', file = ?, reason = null where url = ?", (name, url)
        )
        self.database.commit()

    def fail(self, url: str, reason: str) -> None:
        """Never ask again."""
        self.database.execute(
            "update pictures set state = 'failed', reason = ? where url = ?", (reason[:300], url)
        )
        self.database.commit()

    def again(self, url: str, reason: str) -> None:
        """Ask in another run, unless it was asked often enough."""
        self.database.execute(
            "update pictures set tries = tries + 1, reason = ?,"
            " state = case when tries + 1 >= ? then 'failed' else 'todo' end where url = ?",
            (reason[:300], MAX_TRIES, url),
        )
        self.database.commit()


def _in_turns(urls: Iterable[str], window: int = 256) -> Iterator[str]:
    """The addresses of a window, host by host in turns."""
    held: list[str] = []
    for url in urls:
        held.append(url)
        if len(held) == window:
            yield from _turns(held)
            held = []
    yield from _turns(held)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _turns(urls: list[str]) -> Iterator[str]:
    by_host: dict[str, list[str]] = defaultdict(list)
    for url in urls:
        by_host[_host(url)].append(url)
    queues = [iter(own) for own in by_host.values()]
    while queues:
        for queue in list(queues):
            if (following := next(queue, None)) is None:
                queues.remove(queue)
            else:
                yield following

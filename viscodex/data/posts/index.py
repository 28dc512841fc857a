"""From a dump of a hundred gigabytes to the threads that a data set can be made of.

in:  Posts.xml, and Users.xml where authors shall be named
out: a store (store.py): questions with a picture, joined with their accepted answers, ranked
not covered: pictures (fetch.py), text and code of the posts (html.py)

Stages, each of which goes on where a killed run left it:

    questions   all rows; questions that may do, and answers of those seen before
    answers     all rows again, while answers are missing: those that stand before their question
    users       names of the authors, where Users.xml is given
    done        threads by rank: score, then views

A row is decoded only if a look at its bytes says that it may be wanted, and the rows go into SQLite:
memory holds one row.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from viscodex.data.parts import disk_checked, locked
from viscodex.data.posts.dump import RawRow, check_file, read_rows
from viscodex.data.posts.post import BadRow, Post, attributes, post_from_row
from viscodex.data.posts.store import open_database, read_state, write_state
from viscodex.errors import OutputRefused

COMMIT_BYTES = 32 << 20  # of the dump between two commits: what a kill may cost
Progress = Callable[[str, int, int], None]

_QUESTION, _ANSWER = b'PostTypeId="1"', b'PostTypeId="2"'
_ID = re.compile(rb'(?:\s|^)Id="(\d{1,15})"')
_SHOWS = re.compile(rb"&lt;img\s|&lt;a\s[^&]*?href=&quot;[^&]*?\.(?:png|jpe?g|gif|webp|bmp)", re.I)


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What became of a dump."""

    folder: str
    threads: int  # questions with a picture and an accepted answer
    rows: int
    questions: int  # in the dump
    skipped: dict[str, int] = field(default_factory=dict)  # why not -> rows


def build_store(
    dump: Path,
    folder: Path,
    *,
    users: Path | None = None,
    site: str = "stackoverflow.com",
    min_score: int = 1,
    min_views: int = 0,
    progress: Progress | None = None,
) -> StoreReport:
    """Make the store of a dump, or go on with it.

    Args:
        users: Users.xml of the same dump.
        site: whose dump it is, for links.
        min_score, min_views: of a question.
        progress: called with (stage, bytes of the uncompressed dump, 0).

    Raises:
        BadInput: the dump as a whole is none, damaged or cut short; what was read is kept.
        OutputRefused: the folder was begun with another dump or other settings, or is in use.
        NotEnoughSpace: the disk is full.
    """
    given = {"site": site, "min_score": min_score, "min_views": min_views, **_identity(dump, users)}
    for path, member in ((dump, "Posts.xml"), (users, "Users.xml")):
        if path is not None:  # names of users are read last, after hours
            check_file(path, member)
    with disk_checked(folder), locked(folder / "lock", wait=False) as held:
        if not held:
            raise OutputRefused("another process fills this store", str(folder), "Wait for it.")
        database = open_database(folder, write=True)
        try:
            return _Filler(database, folder, dump, users, given, progress).run()
        finally:
            database.close()


def _identity(dump: Path, users: Path | None) -> dict[str, Any]:
    """What the files are, as far as may be told without reading them."""
    found: dict[str, Any] = {}
    for name, path in (("dump", dump), ("users_file", users)):
        if path is not None and path.is_file():
            with path.open("rb") as stream:
                begin = xxhash.xxh3_64_hexdigest(stream.read(1 << 20))
            found[name] = [path.name, path.stat().st_size, begin]
    return found


class _Filler:
    """One call of build_store."""

    def __init__(
        self,
        database: sqlite3.Connection,
        folder: Path,
        dump: Path,
        users: Path | None,
        given: dict[str, Any],
        progress: Progress | None,
    ) -> None:
        self.database, self.folder, self.dump, self.users = database, folder, dump, users
        self.given, self.progress = given, progress
        state = read_state(database)
        self._check(state)
        self.stage: str = state.get("stage", "questions")
        self.at: int = state.get("at", 0)
        self.counts: Counter[str] = Counter(state.get("counts", {}))
        self.last = 0  # id of the row before

    def _check(self, state: dict[str, Any]) -> None:
        begun = {key: state[key] for key in self.given if key in state}
        if state and begun != self.given:
            differ = [key for key in self.given if begun.get(key) != self.given[key]]
            raise OutputRefused(
                "the store was begun with another dump or other settings",
                f"{self.folder}: {', '.join(differ)}",
                "Choose a new folder.",
            )
        if not state:
            with self.database:
                write_state(self.database, **self.given)

    def run(self) -> StoreReport:
        """The stages that are left."""
        stages: dict[str, Callable[[], None]] = {
            "questions": lambda: self.read(self.dump, "Posts.xml", self.take),
            "answers": self.answers,
            "users": self.names,
        }
        for name, work in stages.items():
            if self.stage == name:
                work()
                following = [*stages, "ranks"]
                self.save(following[following.index(name) + 1], 0)
        if self.stage == "ranks":
            self.rank()
        counts = self.counts
        known = ("rows", "questions", "out_of_order")
        return StoreReport(
            folder=str(self.folder),
            threads=int(read_state(self.database)["threads"]),
            rows=counts["rows"],
            questions=counts["questions"],
            skipped={name: n for name, n in sorted(counts.items()) if name not in known},
        )

    # .. reading

    def read(self, path: Path, member: str, take: Callable[[RawRow], None]) -> None:
        """Give every row to `take`, committing now and then."""
        saved = self.at
        for row in read_rows(path, member=member, start=self.at):
            if row.at - saved >= COMMIT_BYTES:
                self.save(self.stage, row.at)
                saved = row.at
                if self.progress is not None:
                    self.progress(self.stage, row.at, 0)
            try:
                take(row)
            except BadRow as error:
                self.counts[error.problem] += 1

    def save(self, stage: str, at: int) -> None:
        """Commit what was taken, together with how far it is."""
        write_state(self.database, stage=stage, at=at, counts=dict(self.counts))
        self.database.commit()
        self.stage, self.at = stage, at

    def take(self, row: RawRow) -> None:
        """Stage questions."""
        self.counts["rows"] += 1
        if row.problem:
            raise BadRow(row.problem, "")
        text = row.text
        found = _ID.search(text)
        number = int(found[1]) if found else self.last
        self.counts["out_of_order"] += number < self.last
        self.last = number
        if _ANSWER in text:
            self.take_answer(text)
        elif _QUESTION in text:
            self.counts["questions"] += 1
            self.take_question(text)
        elif b"PostTypeId=" not in text:
            post_from_row(text)  # says what is wrong with it

    def take_question(self, text: bytes) -> None:
        """Store a question that may do."""
        if b"AcceptedAnswerId=" not in text:
            self.counts["no_accepted_answer"] += 1
            return
        if not _SHOWS.search(text):
            self.counts["no_picture"] += 1
            return
        post = post_from_row(text)
        if post.accepted is None:
            self.counts["no_accepted_answer"] += 1
        elif post.score < self.given["min_score"] or post.views < self.given["min_views"]:
            self.counts["not_popular"] += 1
        else:
            self.database.execute(
                "insert or ignore into questions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    post.id, post.accepted, post.score, post.views, _text(post.title),
                    json.dumps(post.tags), _text(post.body), post.created, post.owner,
                    _text(post.owner_name), post.licence,
                ),
            )  # fmt: skip

    def take_answer(self, text: bytes) -> None:
        """Store an answer that a stored question accepted."""
        found = _ID.search(text)
        if found is None:
            post_from_row(text)
            return
        wanted = self.database.execute(
            "select id from questions where accepted = ?", (int(found[1]),)
        ).fetchone()
        if wanted is None:
            return
        post: Post = post_from_row(text)
        if post.parent is not None and post.parent != wanted[0]:
            self.counts["answer_of_another_question"] += 1
            return
        self.database.execute(
            "insert or ignore into answers values (?, ?, ?, ?, ?, ?, ?)",
            (
                post.id, post.score, _text(post.body), post.created, post.owner,
                _text(post.owner_name), post.licence,
            ),
        )  # fmt: skip

    def answers(self) -> None:
        """Read the dump again where an answer stands before its question."""
        missing = "select count(*) from questions where accepted not in (select id from answers)"
        if not self.counts["out_of_order"]:  # dumps are in the order of ids
            missing += " and accepted < id"
        if self.database.execute(missing).fetchone()[0]:

            def take(row: RawRow) -> None:
                if not row.problem and _ANSWER in row.text:
                    self.take_answer(row.text)

            before = Counter(self.counts)
            self.read(self.dump, "Posts.xml", take)
            self.counts = before  # the same rows again
        gone = "delete from questions where accepted not in (select id from answers)"
        self.counts["answer_not_in_dump"] = self.database.execute(gone).rowcount

    def names(self) -> None:
        """Names of the authors."""
        if self.users is None:
            return
        wanted = (
            "select 1 from questions where owner = ?1 union select 1 from answers where owner = ?1"
        )
        self.database.execute("create index if not exists q_owner on questions (owner)")
        self.database.execute("create index if not exists a_owner on answers (owner)")

        def take(row: RawRow) -> None:
            found = _ID.search(row.text)
            if found and self.database.execute(wanted, (int(found[1]),)).fetchone():
                name = attributes(row.text).get("DisplayName", "")
                self.database.execute(
                    "insert or replace into users values (?, ?)", (int(found[1]), _text(name))
                )

        self.read(self.users, "Users.xml", take)

    def rank(self) -> None:
        """Number the threads; the most popular first."""
        self.database.execute("delete from ranks")
        self.database.execute(
            "insert into ranks select row_number() over (order by score desc, views desc, id) - 1, id"
            " from questions"
        )
        threads = self.database.execute("select count(*) from ranks").fetchone()[0]
        digest = xxhash.xxh3_128(json.dumps(self.given, sort_keys=True).encode())
        for row in self.database.execute("select question from ranks order by rank"):
            digest.update(str(row[0]).encode())
        write_state(self.database, threads=threads, identity=digest.hexdigest())
        self.save("done", 0)


def _text(text: str) -> str:
    """SQLite takes no halves of surrogate pairs; the entities of a dump can give none, either."""
    return text.encode("utf-8", "replace").decode()


def picture_addresses(database: sqlite3.Connection) -> Iterator[str]:
    """Addresses of all pictures of the questions, by rank."""
    from viscodex.data.posts.html import BadText, links_of

    rows = database.execute(
        "select q.body from ranks r join questions q on q.id = r.question order by r.rank"
    )
    for (body,) in rows:
        try:
            links = links_of(body)
        except (BadText, RecursionError):
            continue
        for link in links:
            yield link.url

"""Questions with a picture and their accepted answers, on disk: one SQLite file, read by rank.

in:  the folder that `viscodex data posts` made
out: Thread number 0, 1, ... by popularity; pictures by their address
not covered: filling it (index.py), getting the pictures (fetch.py)

    FOLDER/posts.sqlite                questions, answers, names, pictures, how far the work is
    FOLDER/pictures/ab/abcd....png     by SHA-256 of their bytes
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viscodex.data.posts.post import Kind, Post
from viscodex.errors import BadInput

SCHEMA = """
create table if not exists state (key text primary key, value text not null);
create table if not exists questions (
  id integer primary key, accepted integer not null, score integer, views integer, title text,
  tags text, body text, created text, owner integer, owner_name text, licence text);
create index if not exists by_answer on questions (accepted);
create table if not exists answers (
  id integer primary key, score integer, body text, created text, owner integer, owner_name text,
  licence text);
create table if not exists users (id integer primary key, name text not null);
create table if not exists ranks (rank integer primary key, question integer not null);
create table if not exists pictures (
  url text primary key, state text not null, file text, reason text, tries integer default 0);
create index if not exists by_state on pictures (state);
"""


@dataclass(frozen=True, slots=True)
class Thread:
    """A question and the answer that its asker accepted."""

    rank: int  # 0 is the most popular
    question: Post
    answer: Post
    authors: tuple[str, str]  # names of asker and answerer; empty where they are not known


def open_database(folder: Path, *, write: bool = False) -> sqlite3.Connection:
    """The file of a store.

    Raises:
        BadInput: there is none, or it is damaged.
    """
    path = folder / "posts.sqlite"
    if not write and not path.is_file():
        raise BadInput(
            "there is no such store of posts",
            str(folder),
            "Make it with `viscodex data posts DUMP -o FOLDER`.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    mode = "rwc" if write else "ro"
    try:
        database = sqlite3.connect(
            f"file:{_escaped(path)}?mode={mode}", uri=True, timeout=60, check_same_thread=False
        )
        if write:
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = normal")
            database.executescript(SCHEMA)
        database.execute("select count(*) from state").fetchone()
    except sqlite3.DatabaseError as error:
        raise BadInput("the store of posts cannot be read", f"{path}: {error}") from None
    return database


def _escaped(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def read_state(database: sqlite3.Connection) -> dict[str, Any]:
    """How far the work is, as plain data."""
    rows = database.execute("select key, value from state").fetchall()
    return {key: json.loads(value) for key, value in rows}


def write_state(database: sqlite3.Connection, **values: Any) -> None:
    """Set keys of the state, within the transaction that is open."""
    rows = [(key, json.dumps(value)) for key, value in values.items()]
    database.executemany("insert or replace into state values (?, ?)", rows)


class PostStore:
    """Read only; safe to use from several threads.

    Raises:
        BadInput: there is no store, or it is not finished.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._local = threading.local()
        state = read_state(self._database)
        if state.get("stage") != "done":
            raise BadInput(
                "the store of posts is not finished",
                f"{folder}: {state.get('stage', 'nothing')} since byte {state.get('at', 0):,}",
                "Give its `viscodex data posts` again: it goes on.",
            )
        self.site: str = state["site"]
        self.identity: str = state["identity"]
        self._size = int(state["threads"])

    @property
    def _database(self) -> sqlite3.Connection:
        """A connection for each thread."""
        found: sqlite3.Connection | None = getattr(self._local, "database", None)
        if found is None:
            found = self._local.database = open_database(self.folder)
        return found

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Thread]:
        return (self[rank] for rank in range(len(self)))

    def __getitem__(self, rank: int) -> Thread:
        """The thread of a rank, by popularity."""
        if not 0 <= rank < self._size:
            raise IndexError(rank)
        row = self._database.execute(
            "select q.*, a.*, asker.name, answerer.name from ranks r "
            "join questions q on q.id = r.question join answers a on a.id = q.accepted "
            "left join users asker on asker.id = q.owner "
            "left join users answerer on answerer.id = a.owner where r.rank = ?",
            (rank,),
        ).fetchone()
        question, answer = _question(row[:11]), _answer(row[11:18], row[0])
        names = (row[18] or question.owner_name, row[19] or answer.owner_name)
        return Thread(rank, question, answer, names)

    def picture(self, url: str) -> Path | None:
        """The file of a picture; None where it was not got."""
        row = self._database.execute(
            "select file from pictures where url = ? and state = 'ok'", (url,)
        ).fetchone()
        return None if row is None else self.folder / "pictures" / str(row[0])


def _question(row: tuple[Any, ...]) -> Post:
    number, accepted, score, views, title, tags, body, created, owner, name, licence = row
    return _post(
        number, "question", body, created, score, owner, name, licence,
        views=views, title=title, tags=tuple(json.loads(tags)), accepted=accepted,
    )  # fmt: skip


def _answer(row: tuple[Any, ...], parent: int) -> Post:
    number, score, body, created, owner, name, licence = row
    return _post(number, "answer", body, created, score, owner, name, licence, parent=parent)


def _post(
    number: int,
    kind: Kind,
    body: str,
    created: str,
    score: int,
    owner: int | None,
    name: str,
    licence: str,
    **more: Any,
) -> Post:
    return Post(
        id=number, kind=kind, body=body, created=created, score=score, owner=owner,
        owner_name=name, licence=licence, **more,
    )  # fmt: skip

"""Posts: a dump with every oddity, pictures from a server that misbehaves, a recorded teacher."""

from __future__ import annotations

import bz2
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.data.post_dump import (
    INJECTION,
    USERS,
    PictureServer,
    TeacherServer,
    good_thread,
    odd_rows,
    picture,
    write_dump,
)
from viscodex.data.build import build
from viscodex.data.draft import Draft, Unfit
from viscodex.data.posts.dump import read_posts, read_rows
from viscodex.data.posts.fetch import MAX_TRIES, fetch_pictures
from viscodex.data.posts.html import MARK, BadText, looks_like, text_of
from viscodex.data.posts.index import StoreReport, build_store
from viscodex.data.posts.post import BadRow, licence_at, post_from_row
from viscodex.data.posts.source import PostSource
from viscodex.data.posts.store import PostStore
from viscodex.data.posts.web import Refused, Web, renamed
from viscodex.data.recipe import DataRecipe
from viscodex.data.store import open_dataset, read_rejects
from viscodex.errors import BadInput, BadRecipe, OutputRefused

N = 130


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """(Posts.xml, pictures)."""
    folder = tmp_path_factory.mktemp("dump")
    pictures = write_dump(folder / "Posts.xml", N)
    (folder / "Users.xml").write_text(USERS)
    return folder / "Posts.xml", pictures


@pytest.fixture(scope="module")
def store(dump: tuple[Path, dict[str, bytes]]) -> tuple[Path, StoreReport]:
    """(folder of the store with its pictures, report)."""
    path, pictures = dump
    folder = path.parent / "store"
    report = build_store(path, folder, users=path.with_name("Users.xml"))
    saved = path.parent / "saved"
    saved.mkdir()
    for name, data in pictures.items():
        (saved / name).write_bytes(data)
    fetch_pictures(folder, pictures=saved)
    return folder, report


# --- the dump -------------------------------------------------------------------------------------


def test_a_dump_reads_the_same_in_every_packing_and_from_every_row(
    dump: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    import py7zr

    path = dump[0]
    rows = list(read_rows(path))
    assert [row.number for row in rows] == list(range(len(rows)))
    assert [row.problem for row in rows if row.problem] == ["too_large"]
    (tmp_path / "Posts.xml.bz2").write_bytes(bz2.compress(path.read_bytes(), 1))
    with py7zr.SevenZipFile(
        tmp_path / "site.7z", "w", filters=[{"id": py7zr.FILTER_LZMA2, "preset": 0}]
    ) as archive:
        archive.writestr(USERS, "Users.xml")
        archive.write(path, "sub/Posts.xml")
    for packed in (tmp_path / "Posts.xml.bz2", tmp_path / "site.7z"):
        assert list(read_rows(packed)) == rows
    assert len(list(read_rows(tmp_path / "site.7z", member="Users.xml"))) == 8
    draw = random.Random(2)
    for start in draw.sample(rows, 5):
        for packed in (path, tmp_path / "site.7z"):
            rest = list(read_rows(packed, start=start.at))
            assert [(r.at, r.text) for r in rest] == [(r.at, r.text) for r in rows[start.number :]]


def test_a_reader_that_stops_early_leaves_no_thread(
    dump: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    import threading

    import py7zr

    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.write(dump[0], "Posts.xml")
    before = threading.active_count()
    rows = read_rows(tmp_path / "a.7z")
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04", "no dump"),
        ('<?xml version="1.0"?><posts></posts>'.encode("utf-16"), "not UTF-8"),
        (b'<?xml version="1.0" encoding="windows-1252"?>\n<posts></posts>', "not UTF-8"),
        (b'<posts>\n  <row Id="1" PostTypeId="1" Body="cut', "cut short"),
        (b"", "no dump"),
        (
            b'<?xml version="1.0"?>\n<users>\n  <row Id="1" />\n</users>',
            "another one than Posts.xml",
        ),
    ],
)
def test_what_is_no_dump_is_said_at_once(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "Posts.xml").write_bytes(content)
    with pytest.raises(BadInput, match=words):
        list(read_rows(tmp_path / "Posts.xml"))


@pytest.mark.parametrize("name", ["a.xml.bz2", "a.7z"])
def test_a_damaged_archive_is_an_error_and_no_hang(tmp_path: Path, name: str) -> None:
    import py7zr

    body = b"<posts>" + os.urandom(300_000).hex().encode() + b"</posts>"
    if name.endswith("7z"):
        with py7zr.SevenZipFile(tmp_path / name, "w") as archive:
            archive.writestr(body, "Posts.xml")
    else:
        (tmp_path / name).write_bytes(bz2.compress(body))
    packed = bytearray((tmp_path / name).read_bytes())
    packed[len(packed) // 2 : len(packed) // 2 + 400] = bytes(400)
    (tmp_path / name).write_bytes(packed)
    with pytest.raises(BadInput, match="damaged"):
        list(read_rows(tmp_path / name))


def test_rows_that_are_no_posts_are_counted(dump: tuple[Path, dict[str, bytes]]) -> None:
    skipped: Counter[str] = Counter()
    posts = list(read_posts(dump[0], skipped))
    assert skipped == {"too_large": 1, "not_unicode": 1, "broken_row": 2, "no_id": 2}
    kinds = Counter(post.kind for post in posts)
    assert kinds["other"] == 1 and kinds["question"] > N and kinds["answer"] > N


def test_entities_of_a_row() -> None:
    post = post_from_row(
        b' Id="7" PostTypeId="2" Body="a &amp;lt; &#65;&#x42; &nbsp; &#0; &#xDFFF; &quot;" />'
    )
    assert post.body == 'a &lt; AB &nbsp; \ufffd \ufffd "'
    with pytest.raises(BadRow) as error:
        post_from_row(b' Id="7" PostTypeId="2" Body="a" b="')
    assert error.value.problem == "broken_row"


@pytest.mark.parametrize(
    ("created", "licence"),
    [
        ("2011-04-07T23:59:59", "CC-BY-SA-2.5"),
        ("2011-04-08T00:00:00", "CC-BY-SA-3.0"),
        ("2018-05-01T23:00:00", "CC-BY-SA-3.0"),
        ("2018-05-02T00:00:00", "CC-BY-SA-4.0"),
        ("", ""),
    ],
)
def test_licence_by_date(created: str, licence: str) -> None:
    assert licence_at(created) == licence


# --- HTML -----------------------------------------------------------------------------------------


def test_code_is_kept_to_the_letter() -> None:
    text = "def f(a):\n\n    return a['<b>'] & ~a  # ``` \\* _x_ \t\n"
    import html as escaper

    body = f"<p>x</p><pre class='lang-py'><code>{escaper.escape(text)}</code></pre>"
    found = text_of(body)
    assert found.codes[0].text == text.rstrip("\n") and found.codes[0].language == "python"
    assert f"````python\n{text}````" in found.markdown


def test_pictures_are_marked_where_they_stand() -> None:
    body = (
        '<p>a<img src="//x.org/1.png">b</p><a href="https://x.org/2.JPG">see</a>'
        '<a href="https://x.org/3.png"><img src="https://x.org/3t.png"></a>'
        '<img src="/relative.png"><img src="data:image/png;base64,AA"><img><img src="//x.org/1.png">'
        '<a href="https://x.org/page">no</a><script>alert(1)</script><pre>x <img src="//x.org/9.png"></pre>'
    )
    found = text_of(body)
    urls = ["https://x.org/1.png", "https://x.org/2.JPG", "https://x.org/3.png"]
    assert [link.url for link in found.pictures] == urls
    assert found.markdown.count(MARK) == 3 and "alert" not in found.markdown
    assert found.markdown.index("a<image>b") < found.markdown.index("see <image>")


@pytest.mark.parametrize("body", ["<div>" * 5000, "&lt;image&gt;", "x" * 300_000])
def test_what_no_text_can_be_made_of(body: str) -> None:
    with pytest.raises(BadText):
        text_of(body)


@pytest.mark.parametrize(
    ("code", "tags", "language"),
    [
        ("import numpy as np\nx = np.arange(3)", (), "python"),
        ("plt.plot([1])", ("matplotlib", "python"), "python"),
        ("<div class='a'>b</div>", (), "html"),
        ("SELECT a FROM b;", ("python",), ""),
        ("const a = 1;\nprint(a);", (), ""),
        ("public class A {\n}", (), ""),
        ("a b c", ("python",), ""),
    ],
)
def test_language_of_code(code: str, tags: tuple[str, ...], language: str) -> None:
    assert looks_like(code, tags) == language


# --- the store ------------------------------------------------------------------------------------


def test_store_holds_what_may_do_and_counts_the_rest(store: tuple[Path, StoreReport]) -> None:
    folder, report = store
    assert report.threads == N + len(odd_rows())
    wanted = {"no_accepted_answer": 2, "no_picture": 1, "answer_not_in_dump": 1, "not_popular": 1}
    wanted |= {"too_large": 1, "not_unicode": 1, "broken_row": 2, "no_id": 1}
    assert {name: report.skipped[name] for name in wanted} == wanted
    posts = PostStore(folder)
    scores = [(t.question.score, t.question.views) for t in posts]
    assert scores == sorted(scores, reverse=True)
    early = next(t for t in posts if t.answer.id < t.question.id or "early" in t.question.body)
    assert early.answer.parent == early.question.id
    good = next(t for t in posts if t.question.id == 71)
    assert good.authors == ("Name & 1", "Name & 3") and good.answer.licence == "CC-BY-SA-4.0"


def test_another_dump_or_setting_is_refused(
    dump: tuple[Path, dict[str, bytes]], store: tuple[Path, StoreReport]
) -> None:
    with pytest.raises(OutputRefused, match="min_score"):
        build_store(dump[0], store[0], users=dump[0].with_name("Users.xml"), min_score=4)


KILLED = r"""
import sys
from pathlib import Path
import viscodex.data.posts.index as index
index.COMMIT_BYTES = 20_000
index.build_store(Path(sys.argv[1]), Path(sys.argv[2]), users=Path(sys.argv[3]))
"""


def test_a_killed_store_goes_on_and_ends_the_same(
    dump: tuple[Path, dict[str, bytes]], store: tuple[Path, StoreReport], tmp_path: Path
) -> None:
    """Killed at random points; rows behind a commit are not read again."""
    path = dump[0]
    argv = [
        sys.executable,
        "-c",
        KILLED,
        str(path),
        str(tmp_path / "s"),
        str(path.with_name("Users.xml")),
    ]
    draw = random.Random(4)
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        target = tmp_path / "s" / "posts.sqlite-wal"
        grown = draw.randrange(1_000, 90_000)
        while process.poll() is None and not (target.exists() and target.stat().st_size > grown):
            time.sleep(0.001)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    process.wait()
    report = build_store(path, tmp_path / "s", users=path.with_name("Users.xml"))
    assert kills >= 1
    assert (report.threads, report.rows, report.skipped) == (store[1].threads, store[1].rows, store[1].skipped)  # fmt: skip
    mine, other = PostStore(tmp_path / "s"), PostStore(store[0])
    assert list(mine) == list(other) and mine.identity == other.identity


def test_an_unfinished_store_is_called_so(
    dump: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    (tmp_path / "Posts.xml").write_bytes(dump[0].read_bytes()[:30_000])
    with pytest.raises(BadInput, match="cut short"):
        build_store(tmp_path / "Posts.xml", tmp_path / "s")
    with pytest.raises(BadInput, match="not finished"):
        PostStore(tmp_path / "s")
    with pytest.raises(BadInput, match="no such store"):
        PostSource(store=str(tmp_path / "none"), refine=False)


# --- pictures -------------------------------------------------------------------------------------


def a_web(**more: Any) -> Web:
    """Asks this machine, fast."""
    keys = {"delay_s": 0.0, "timeout_s": 2.0, "deadline_s": 1.0, "max_bytes": 1 << 20, "allow_private": True}  # fmt: skip
    return Web(("127.0.0.1",), **{**keys, **more})


@pytest.fixture(scope="module")
def server() -> Any:
    with PictureServer({f"good{i}.png": picture(i) for i in range(1, 30)}) as found:
        yield found


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing.png", "gone"),
        ("redirect.png", "redirect_off_list"),
        ("loop.png", "too_many_redirects"),
        ("page.png", "wrong_type"),
        ("large.bin.png", "too_large"),
        ("endless.png", "too_large"),
        ("drip.png", "too_slow"),
        ("cut.png", "cut_off"),
        ("error.png", "busy"),
        ("private/a.png", "robots"),
    ],
)
def test_a_server_that_misbehaves(server: PictureServer, name: str, reason: str) -> None:
    start = time.monotonic()
    with pytest.raises(Refused) as error:
        a_web().get(server.url(name))
    assert error.value.reason.partition(":")[0] in (reason, "no_reply" if reason in ("too_slow", "cut_off") else reason)  # fmt: skip
    assert time.monotonic() - start < 20


def test_a_picture_that_has_moved_on_the_same_host(server: PictureServer) -> None:
    assert a_web().get(server.url("moved.png")) == picture(1)


@pytest.mark.parametrize(
    ("hosts", "url", "reason"),
    [
        (("127.0.0.1",), "http://127.0.0.1/a.png", "private_address"),
        (("localhost",), "https://localhost/a.png", "private_address"),
        (("169.254.169.254",), "http://169.254.169.254/latest", "private_address"),
        (("0x7f000001",), "http://0x7f000001/a.png", "private_address"),
        (("[::1]", "::1"), "http://[::1]/a.png", "private_address"),
        (("a.org",), "http://b.org/a.png", "host_not_allowed"),
        (("a.org",), "http://a.org:22/a.png", "host_not_allowed"),
        (("a.org",), "http://a.org@b.org/a.png", "bad_address"),
        (("a.org",), "http://b.org@a.org/a.png", "bad_address"),
        (("a.org",), "file:///etc/passwd", "bad_address"),
        (("a.org",), "http://[a.org/a.png", "bad_address"),
    ],
)
def test_no_way_to_another_place(hosts: tuple[str, ...], url: str, reason: str) -> None:
    with pytest.raises(Refused) as error:
        Web(hosts, delay_s=0).get(url)
    told = error.value.reason.partition(":")[0]
    assert told in (reason, "host_not_allowed") if reason == "bad_address" else told == reason


def test_requests_to_a_host_keep_their_pause(server: PictureServer) -> None:
    web = a_web(delay_s=0.3)
    start = time.monotonic()
    for n in range(1, 4):
        web.get(server.url(f"good{n}.png"))
    assert time.monotonic() - start >= 0.9  # robots.txt, then three pictures


def test_old_addresses_lead_to_the_host_of_today() -> None:
    assert renamed("http://i.stack.imgur.com/a.png?x=1") == "https://i.sstatic.net/a.png?x=1"


def make_store(folder: Path, urls: list[str]) -> Path:
    """A store whose only questions show these pictures."""
    from tests.data.post_dump import code, python_of, row

    rows = []
    for n, url in enumerate(urls):
        body = f'<p>Look</p><img src="{url}">'
        rows.append(row(10 * n + 1, 1, body, AcceptedAnswerId=10 * n + 2, Score=5, Title="T"))
        rows.append(row(10 * n + 2, 2, code(python_of(n)), ParentId=10 * n + 1))
    (folder / "Posts.xml").write_text("<posts>\n" + "".join(rows) + "</posts>\n")
    build_store(folder / "Posts.xml", folder / "store")
    return folder / "store"


def test_fetching_goes_on_asks_nothing_twice_and_gives_up_in_the_end(tmp_path: Path) -> None:
    good = {f"good{i}.png": picture(i) for i in range(1, 30)}
    with PictureServer(good) as server:
        names = [
            *good,
            "page.png",
            "liar.png",
            "broken.png",
            "busy.png",
            "error.png",
            "redirect.png",
        ]
        folder = make_store(tmp_path, [server.url(name) for name in names])
        first = fetch_pictures(folder, web=a_web(), limit=10)
        assert (first.there, first.left) == (10, len(names) - 10)
        second = fetch_pictures(folder, web=a_web())
        assert second.failed == {"wrong_type": 2, "broken": 1, "redirect_off_list": 1}
        assert second.left == 2  # busy and error, which may do another time
        for _ in range(MAX_TRIES):
            last = fetch_pictures(folder, web=a_web())
        assert (last.there, last.left, last.failed["busy"]) == (30, 0, 1)
        counts = Counter(server.asked)
        assert all(counts[f"/{name}"] == 1 for name in [*good, "page.png", "redirect.png"])
        assert counts["/error.png"] == MAX_TRIES
    posts = PostStore(folder)
    path = posts.picture(server.url("good3.png"))
    assert path is not None and path.read_bytes() == picture(3)


def test_what_one_folder_or_list_of_hosts_lacks_another_may_have(tmp_path: Path) -> None:
    names = ("good1.png", "good2.png", "page.png")
    with PictureServer({name: picture(n) for n, name in enumerate(names[:2])}) as server:
        folder = make_store(tmp_path, [server.url(name) for name in names])
        elsewhere = Web(("a.org",), delay_s=0.0)
        assert fetch_pictures(folder, web=elsewhere).failed == {"host_not_allowed": 3}
        (tmp_path / "empty").mkdir()
        assert fetch_pictures(folder, pictures=tmp_path / "empty", limit=1).left == 0
        some = fetch_pictures(folder, web=a_web(), limit=1)
        assert (some.there, some.left) == (1, 2)
        assert fetch_pictures(folder, pictures=tmp_path / "empty").failed == {"not_in_folder": 2}
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "good2.png").write_bytes(picture(1))
        assert fetch_pictures(folder, pictures=tmp_path / "full").there == 2
        last = fetch_pictures(folder, web=a_web())
        assert (last.there, last.left, last.failed) == (2, 0, {"wrong_type": 1})
        assert Counter(server.asked)["/good1.png"] == 1


def test_names_of_users_are_looked_for_before_the_dump_is_read(tmp_path: Path) -> None:
    (tmp_path / "Posts.xml").write_text("<posts>\n</posts>\n")
    for users in ("Users.xml", "Posts.xml"):
        with pytest.raises(BadInput, match=r"no such dump|another one than Users\.xml"):
            build_store(tmp_path / "Posts.xml", tmp_path / "s", users=tmp_path / users)
    assert not (tmp_path / "s").exists()


# --- the source -----------------------------------------------------------------------------------


def drafts_of(folder: Path, **settings: Any) -> tuple[list[Draft], Counter[str]]:
    source = PostSource(store=str(folder), refine=False, **settings)
    drafts, lost = [], Counter[str]()
    for index in range(len(PostStore(folder))):
        try:
            drafts.append(source.draft(index))
        except Unfit as error:
            lost[error.filter] += 1
    return drafts, lost


def test_what_becomes_of_every_oddity(store: tuple[Path, StoreReport]) -> None:
    drafts, lost = drafts_of(store[0])
    wanted = Counter(name.partition(":")[0] for name in odd_rows())
    assert len(drafts) == N + wanted.pop("kept")
    assert lost == wanted
    by_text = {key: d for d in drafts for key in ("user77", "nosuch", "Ignore all") if key in json.dumps(d.facts)}  # fmt: skip
    assert by_text["user77"].facts["provenance"]["authors"][0] == {"name": "user77", "link": ""}
    assert INJECTION.split("<")[0].strip() in by_text["Ignore all"].facts["question"]


def test_every_draft_has_a_mark_for_each_picture_and_its_origin(
    store: tuple[Path, StoreReport],
) -> None:
    for draft in drafts_of(store[0])[0]:
        assert draft.facts["question"].count(MARK) == len(draft.facts["pictures"]) >= 1
        told = draft.facts["provenance"]
        assert told["licence"].startswith("CC-BY-SA") and len(told["links"]) == 2
        assert told["links"][1].startswith("https://stackoverflow.com/a/")


def test_settings_are_checked(store: tuple[Path, StoreReport]) -> None:
    folder = str(store[0])
    for settings, words in (
        ({}, "store"),
        ({"store": folder}, "teacher"),
        ({"store": folder, "refine": False, "run": "perhaps"}, "perhaps"),
        ({"store": folder, "refine": False, "languages": ["perl"]}, "perl"),
        ({"store": folder, "max_views": 3}, "max_views"),
    ):
        with pytest.raises(BadRecipe, match=words):
            PostSource(**settings)


# --- end to end -----------------------------------------------------------------------------------


def recipe_of(folder: Path, **teacher: Any) -> DataRecipe:
    settings = {"store": str(folder), "run": "try"}
    return DataRecipe.model_validate(
        {
            "sources": {"post": {"n": 120, "settings": settings, "tries": 2}},
            "teacher": {"model": "test", **teacher},
            "workers": 1, "samples_per_part": 120, "rounds": 1, "duplicates": None,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(store: tuple[Path, StoreReport], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:  # fmt: skip
    """(data set by a teacher at a real endpoint, times that it was asked)."""
    out = tmp_path_factory.mktemp("built")
    with TeacherServer() as teacher, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "none")
        recipe = recipe_of(
            store[0], endpoint=teacher.url, cache=str(out / "cache"), record=str(out / "rec.jsonl")
        )
        report = build(recipe, out / "set")
        assert report.n_samples > 80, report.shortages()
        return out, teacher.n_asked


def test_build_with_a_teacher(built: tuple[Path, int]) -> None:
    dataset = open_dataset(built[0] / "set")
    for sample in dataset:
        assert sample.messages[0].content.count(MARK) == len(sample.images)
        assert "CC-BY-SA" in sample.meta["licence"] and "HACKED" not in sample.answer
        assert sample.meta["teacher"]["prompt"] == "qa_refine-1" and sample.meta["kept"] >= 0.3
        assert (
            sample.meta["changes"] == "rewritten by a model" and sample.reference in sample.answer
        )
    verified = Counter((s.language, s.meta["verified"]) for s in dataset)
    assert verified["python", "runs"] > 40 and verified["html", "renders"] > 20
    reasons = Counter(reject.filter for reject in read_rejects(built[0] / "set"))
    for name in ("teacher_unfit", "refusal", "bad_rewriting", "wrong_language", "drifted", "missing_picture"):  # fmt: skip
        assert reasons[name] >= 1, reasons
    card = (built[0] / "set" / "README.md").read_text()
    assert "min_kept" in card and "drifted" in card


def test_the_recording_makes_the_same_data_set_again(
    built: tuple[Path, int], store: tuple[Path, StoreReport], tmp_path: Path
) -> None:
    recipe = recipe_of(store[0], replay=str(built[0] / "rec.jsonl"))
    report = build(recipe, tmp_path / "again")
    manifest = open_dataset(built[0] / "set").manifest
    assert manifest is not None and report.content == manifest.content


def test_sqlite_of_the_store_is_sound(store: tuple[Path, StoreReport]) -> None:
    database = sqlite3.connect(store[0] / "posts.sqlite")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    assert good_thread(3)[2] == "good3.png"

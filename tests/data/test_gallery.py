"""Galleries and the viewer: hostile samples stay text, in a real browser; the choice is fair."""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.data.samples import chart, png, problem
from viscodex.data import gallery
from viscodex.data.card import finish_dataset
from viscodex.data.draft import Reject
from viscodex.data.gallery import card_of_sample, stratified
from viscodex.data.store import open_dataset, rejects_path, shard_path, write_rejects, write_shard
from viscodex.data.view import PAGE_ROWS, Viewer
from viscodex.execute.page import PagePool
from viscodex.types import Message, Sample

HOSTILE = (
    "</pre></article></main><script>document.title = 'owned'; "
    "document.body.textContent = 'owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><iframe src='http://example.com/'></iframe>"
    "<style>body { display: none }</style><!-- <base href='http://example.com/'> "
    "\u202e\x00\x1b[31m \"'`&amp; {{7*7}} ${7*7}"
)
SAMPLES = [
    *(chart(i) for i in range(60)),
    problem(),
    chart(
        61,
        id=f"chart-0000061{HOSTILE}",
        task=HOSTILE,
        language=HOSTILE,
        reference=HOSTILE,
        tests=HOSTILE,
        messages=(Message("user", f"<image>{HOSTILE}"), Message("assistant", HOSTILE)),
        meta={"kind": HOSTILE, HOSTILE: HOSTILE},
    ),
]
REJECTS = [
    *(Reject(f"chart-{i}", "chart", "blank", "too little ink", {"ink": 0.001}, "bar", "x = 1", png()) for i in range(30)),
    Reject(HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: 1.0}, HOSTILE, HOSTILE, b"no picture"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with hostile samples and rejects."""
    folder = tmp_path_factory.mktemp("gallery")
    write_shard(shard_path(folder, 0, 1), SAMPLES)
    write_rejects(rejects_path(folder, 0, 1), REJECTS)
    finish_dataset(folder)
    return folder


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gallery.html", "rejects.html"])
def test_text_of_samples_never_becomes_markup(folder: Path, name: str) -> None:
    page = (folder / name).read_text(encoding="utf-8")
    assert "&lt;/pre&gt;&lt;/article&gt;" in page
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<iframe" not in page
    assert "<img src=x" not in page
    assert not re.search("[\0-\x08\x0b-\x1f\u202a-\u202e]", page)
    assert set(re.findall(r'(?:src|href)="([^":]+)', page)) <= {
        "gallery.html",
        "rejects.html",
        "data",
    }
    assert "http" not in re.sub(r"&lt;.*?&gt;|http-equiv|http://example.com/", "", page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")])  # fmt: skip
def test_the_browser_shows_hostile_samples_as_text(folder: Path, width: int, scheme: str) -> None:
    with PagePool(1) as pool:
        for name, title, n in (
            ("gallery.html", "Kept samples", 62),
            ("rejects.html", "Rejects", 31),
        ):
            page = (folder / name).read_text(encoding="utf-8")
            if scheme == "dark":
                page = page.replace("(prefers-color-scheme: dark)", "all")
            shown = pool.render(page, width=width, full_page=False)
            assert shown.status == "ok", shown.reason
            assert shown.page is not None
            assert (shown.page.title, shown.page.console, shown.page.refused) == (title, (), ())
            assert shown.page.width == width  # nothing sticks out, narrow or wide
            texts = [block.text for block in shown.page.blocks]
            assert f"{n} shown" in texts  # our script ran, theirs did not
            assert any("document.title = 'owned'" in text for text in texts)
            assert shown.image is not None
            paper = Image.open(BytesIO(shown.image)).convert("L").getpixel((3, 700))
            assert isinstance(paper, int)
            assert (paper < 60) == (scheme == "dark")


@pytest.mark.parametrize(
    ("tests", "shown"),
    [
        ('{"pytest": "def test_a():\\n    assert f(1) == 2"}', [("tests, pytest", "def test_a():\n    assert f(1) == 2")]),
        ('{"stdin": ["1"]}', [("tests", '{"stdin": ["1"]}')]),
        ("[" * 9_000, [("tests", "[" * 9_000)]),
    ],
    ids=["text", "lists", "no JSON"],
)  # fmt: skip
def test_tests_are_shown_with_their_lines(tests: str, shown: list[tuple[str, str]]) -> None:
    sample = Sample("a-1", "algorithm", (Message("user", "f?"),), (), tests=tests)
    assert card_of_sample(sample, ()).parts[1:] == tuple(shown)


def test_a_page_does_not_outgrow_its_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "MAX_PAGE_BYTES", 30_000)
    cards = [gallery.card_of_sample(sample, []) for sample in SAMPLES]
    page = gallery.gallery_page("Kept", cards, 62, ("a", "b"))
    assert 20_000 < len(page.encode()) < 45_000
    shown = page.count("<article")
    assert 5 < shown < 62
    assert f"{shown} of 62" in page


def test_large_pictures_and_long_texts_are_cut_down(tmp_path: Path) -> None:
    sample = chart(0, images=(png(4000, 3000),), reference="y" * 9000)
    address = gallery.small_picture(sample.images[0])
    assert len(address) < 20_000
    article = gallery.article_of(gallery.card_of_sample(sample, [address]))
    assert "1,000 more characters" in article
    assert gallery.small_picture(b"no picture") == ""


def test_the_choice_is_even_over_kinds_and_always_the_same() -> None:
    items = [("common", i) for i in range(5000)] + [("rare", i) for i in range(3)]
    chosen = stratified(iter(items), lambda x: x[0], lambda x: f"{x[0]}-{x[1]}", 20)
    assert Counter(kind for kind, _ in chosen) == {"common": 17, "rare": 3}
    turned = stratified(reversed(items), lambda x: x[0], lambda x: f"{x[0]}-{x[1]}", 20)
    assert chosen == turned
    assert [n for _, n in chosen if n > 100]  # not just the first ones


# --- the viewer -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def viewer(folder: Path) -> Iterator[Viewer]:
    with Viewer(open_dataset(folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(viewer: Viewer, path: str, host: str = "") -> tuple[int, str, bytes]:
    """(status, type, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", viewer.server_address[1], timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()


def test_the_viewer_pages_through_all_samples(viewer: Viewer) -> None:
    ids: list[str] = []
    for page in range(1, 5):
        status, kind, body = get(viewer, f"/?page={page}")
        assert (status, kind) == (200, "text/html; charset=utf-8")
        found = re.findall(r"<h2>(chart-\d+|algorithm-\d+)", body.decode())
        assert len(found) == (PAGE_ROWS if page < 4 else len(SAMPLES) - 3 * PAGE_ROWS)
        ids += found
    assert ids == [sample.id.removesuffix(HOSTILE) for sample in SAMPLES]
    assert b"next" not in body
    assert b"page 4 of 4" in body


def test_the_viewer_filters(viewer: Viewer) -> None:
    assert b"1 of 62" in get(viewer, "/?category=algorithm")[2]
    assert b"20 of 62" in get(viewer, "/?kind=bar&task=code")[2]
    assert b"1 of 62" in get(viewer, "/?id=chart-0000017")[2]
    assert b"There are none" in get(viewer, "/?kind=none")[2]
    assert b"30 of 31" in get(viewer, "/rejects?filter=blank")[2]
    assert b"too little ink" in get(viewer, "/rejects?page=2")[2]


def test_the_viewer_sends_pictures_anew_and_nothing_else(viewer: Viewer) -> None:
    status, kind, body = get(viewer, "/picture/3/0")
    assert (status, kind) == (200, "image/png")
    assert Image.open(BytesIO(body)).size == (43, 30)
    assert get(viewer, "/rejected/0")[0] == 200
    assert get(viewer, "/rejected/30")[0] == 500  # "no picture" is none
    for path in ("/picture/3/1", "/picture/62/0", "/picture/x/0", "/../manifest.json", "/manifest.json", "/rejected/31", "/?page=x"):  # fmt: skip
        assert get(viewer, path)[0] == 404, path
    assert get(viewer, "/", host="evil.example:80")[0] == 403
    assert get(viewer, "/", host="localhost:1")[0] == 200
    assert viewer.server_address[0] == "127.0.0.1"


def test_the_viewer_escapes_what_it_is_asked(viewer: Viewer) -> None:
    body = get(viewer, "/?id=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&x=%3Cb%3E")[2].decode()
    assert "<script>alert" not in body
    assert "<b>" not in body
    hostile = get(viewer, "/?page=4")[2].decode()
    assert hostile.count("<script>") == 1
    assert "&lt;/pre&gt;&lt;/article&gt;" in hostile

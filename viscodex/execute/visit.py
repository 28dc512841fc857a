"""One page on its way: what it may load, how long it may take, what is taken down of it.

in:  the text of a page, its files and limits; a running browser
out: an Execution with a PNG and a PageRecord, or a status that says why there is none
not covered: which browser, and what to do when it dies (page.py)

What a page may not do is refused several times over: there is no network around the browser; every
request is answered by us; a content security policy blocks sockets, workers, dialogs, new windows
and downloads in the page.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import mimetypes
import re
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from viscodex.execute.browser import (
    Browser,
    BrowserGone,
    CommandFailed,
    PageGone,
    Tab,
    flags_digest,
    fonts,
)
from viscodex.execute.sandbox import Limits
from viscodex.types import Execution, PageRecord, Status, TextBlock

T = TypeVar("T")

MAX_HEIGHT_PX = 16_384
MAX_WIDTH_PX = 8_192
MAX_PIXELS = 42_000_000

_ORIGIN = "http://page.localhost"  # trusted like a local file: randomUUID, clipboard, crypto exist
_REPORT = _ORIGIN + "/.policy-violation"
_REMOTE = "http: https: data: blob:"  # asked for, so that we can answer and count
_POLICY = (
    f"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' {_REMOTE}; "
    f"style-src 'unsafe-inline' {_REMOTE}; img-src {_REMOTE}; font-src {_REMOTE}; "
    f"media-src {_REMOTE}; frame-src {_REMOTE}; worker-src blob: data:; "
    f"connect-src {_ORIGIN} data: blob:; object-src 'none'; report-uri {_REPORT}; "
    "sandbox allow-scripts allow-same-origin"
)
_MEDIA = {
    "prefers-color-scheme": "light",
    "prefers-reduced-motion": "no-preference",
    "forced-colors": "none",
    "prefers-contrast": "no-preference",
}
_FONT_FAMILIES = {  # what playwright sets; without it "monospace" may come out as another font
    "standard": "Times New Roman",
    "fixed": "Monospace",
    "serif": "Times New Roman",
    "sansSerif": "Arial",
    "cursive": "Comic Sans MS",
    "fantasy": "Impact",
}
_WORLD = "viscodex"
_STAY = """
globalThis.left = [];  // where the page wanted to go; a navigation that begins ends the parsing
if (self === top) navigation.addEventListener("navigate", (event) => {
  if (event.destination.sameDocument || !event.cancelable) return;
  event.preventDefault();
  if (left.length < 100) left.push(event.destination.url);
});
"""
_TICK_S = 0.05  # how often CPU time and memory of a page are looked at
_CLOSE_S = 1.0
_LISTED = 100  # console messages, refused addresses
_EVENTS = 5_000  # of one page; more is a flood
_EXTRACT = {"blocks": 5_000, "outline": 2_000, "text": 4_000, "characters": 1_000_000}
SCRIPTED = re.compile(r"<script|\bon[a-z]+\s*=|javascript:", re.IGNORECASE)
LONELY = re.compile(
    rf"{SCRIPTED.pattern}|<(?:i?frame|frameset|object|embed)\b|http-equiv", re.IGNORECASE
)
"""Pages that might leave something behind for the next one in their tab."""
_BLOCKED = re.compile(r"Blocked (?:form submission to|opening) '([^']+)'")
_NOISE = ("Failed to load resource",)  # said again, with the address, by PageRecord.refused


class Stop(Exception):
    """The page is over: a status and a reason for a person."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Visit:
    """One page, from its text to its Execution; may be tried again from the start."""

    def __init__(
        self,
        html: str,
        window: tuple[int, int],
        full_page: bool,
        files: Mapping[str, bytes],
        limits: Limits,
        placeholder: bytes,
        javascript: bool,
        settle: float,
    ) -> None:
        self.body = html.encode("utf-8", "replace")
        self.window, self.full_page, self.limits = window, full_page, limits
        self.files = {_address(name): content for name, content in files.items()}
        self.placeholder, self.javascript, self.settle = placeholder, javascript, settle
        self._forget()

    def _forget(self) -> None:
        self.tab: Tab | None = None
        self.cpu_before = 0.0  # that the tab's process had used for them
        self.loaded: Future[None] = Future()
        self.served = False
        self.frame = ""  # our document is in it
        self.events = self.event_bytes = 0
        self.flood = ""
        self.console: list[str] = []
        self.refused: dict[str, None] = {}
        self.peak = (0.0, 0)

    def render(self, browser: Browser, begin: float) -> Execution:
        """One attempt.

        Raises:
            BrowserGone: the browser ended, this page's fault or not.
        """
        out_of_memory = browser.job.out_of_memory()
        tab = self.open(browser, begin)
        try:
            self._prepare(tab)
            png, seen = self._show(tab)
            return self.result(browser, begin, None, png, self._record(seen))
        except Stop as stop:
            self._usage()
            tab.kill()
            return self.result(browser, begin, stop)
        except PageGone:
            if self.flood:
                return self.result(browser, begin, Stop("blocked", self.flood))
            heavy = self.peak[1] > self.limits.memory / 2
            if heavy or browser.job.out_of_memory() > out_of_memory:
                return self.result(browser, begin, self._too_much_memory())
            return self.result(browser, begin, Stop("error", "the process of the page crashed"))
        except (CommandFailed, LookupError, TypeError, ValueError) as error:
            why = " ".join(str(error).split())[:200] or type(error).__name__
            return self.result(browser, begin, Stop("error", f"the browser failed: {why}"))
        finally:
            self.leave(tab)

    def render_next(self, tab: Tab, begin: float, *, first: bool) -> Execution | None:
        """One page of several in a tab, which is left open.

        Args:
            first: of its tab.

        Returns:
            None where anything is amiss: the page is to be rendered by itself then.

        Raises:
            BrowserGone: the browser ended.
        """
        self._forget()
        self.end = begin + self.limits.wall
        self._enter(tab)
        self.cpu_before = tab.usage()[0]
        try:
            if first:
                self._prepare(tab)
            png, seen = self._show(tab)
            return self.result(tab.browser, begin, None, png, self._record(seen))
        except (Stop, PageGone, CommandFailed, LookupError, TypeError, ValueError):
            return None

    def open(self, browser: Browser, begin: float) -> Tab:
        """An empty tab for this page."""
        self._forget()
        self.end = begin + self.limits.wall
        tab = browser.new_page(*self.window)
        self._enter(tab)
        return tab

    def _enter(self, tab: Tab) -> None:
        self.tab, tab.on_event = tab, self._on_event
        tab.awaited[:] = [self.loaded]

    def leave(self, tab: Tab) -> None:
        """Close the tab; the browser is ended if it does not obey."""
        if not tab.close(_CLOSE_S) and not (tab.kill() and tab.close(_CLOSE_S)):
            tab.browser.job.kill()  # it does not obey; other pages are tried again
        tab.release()

    def result(
        self,
        browser: Browser,
        begin: float,
        stop: Stop | None,
        png: bytes | None = None,
        record: PageRecord | None = None,
    ) -> Execution:
        """The Execution of this attempt."""
        digest, names = fonts()
        return Execution(
            status="ok" if stop is None else stop.status,
            seconds=time.monotonic() - begin,
            cpu_seconds=self._usage()[0],
            reason="" if stop is None else stop.reason,
            tier=browser.tier,
            images=() if png is None else (png,),
            page=record,
            stamp={
                "browser": f"{browser.program.name} {browser.version}",
                "browser_sandbox": "on" if browser.own_sandbox else "off",
                "fonts": digest,
                "font_names": names,
                "viewport": "x".join(map(str, self.window)),
                "flags": flags_digest(),
                "placeholder": hashlib.sha256(self.placeholder).hexdigest()[:16],
            },
        )

    # .. waiting under limits

    def _usage(self) -> tuple[float, int]:
        """(CPU seconds, most bytes seen) of the page's process."""
        if self.tab is not None:
            cpu, memory = self.tab.usage()
            self.peak = max(cpu - self.cpu_before, self.peak[0]), max(memory, self.peak[1])
        return self.peak

    def _too_much_memory(self) -> Stop:
        return Stop("memory", f"more than {self.limits.memory >> 20} MB of memory")

    def _wait(self, reply: Future[T]) -> T:
        """The result of a command; looks at the limits meanwhile."""
        while True:
            left = self.end - time.monotonic()
            try:
                return reply.result(max(0.0, min(_TICK_S, left)))
            except TimeoutError:
                self._check(left)

    def _check(self, left: float) -> None:
        cpu, memory = self._usage()
        if memory > self.limits.memory:
            raise self._too_much_memory()
        if self.flood:
            raise Stop("blocked", self.flood)
        if cpu > self.limits.cpu:
            raise Stop("timeout", f"more than {self.limits.cpu:g} s of CPU time")
        if left <= 0:
            raise Stop("timeout", f"more than {self.limits.wall:g} s of wall time")

    # .. the way of a page

    def _prepare(self, tab: Tab) -> None:
        ready = [tab.call(method, **params) for method, params in self._preparations(tab)]
        for reply in ready:  # a page that navigates before them crashes
            self._wait(reply)

    def _show(self, tab: Tab) -> tuple[bytes, dict[str, Any]]:
        width, height = self.window
        gone = self._wait(tab.call("Page.navigate", url=_ORIGIN + "/"))
        if "errorText" in gone:
            raise Stop("error", f"the page did not open: {gone['errorText']}")
        self._wait(self.loaded)
        rest = time.monotonic() + self.settle
        while (left := min(rest, self.end) - time.monotonic()) > 0:
            time.sleep(min(_TICK_S, left))
            self._check(self.end - time.monotonic())
        frame = gone["frameId"]
        world = self._wait(tab.call("Page.createIsolatedWorld", frameId=frame, worldName=_WORLD))
        world_id = world["executionContextId"]
        seen = self._evaluate(tab, world_id, f"{_extract()}({json.dumps(_EXTRACT)})")
        for address in seen["left"]:
            self._refuse(str(address))
        seen["picture"] = size = self._picture_size(seen)
        beyond = size[0] > width or size[1] > height
        area = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        shot: dict[str, Any] = {"clip": area, "captureBeyondViewport": beyond}
        taken = tab.call(
            "Page.captureScreenshot",
            format="png",
            optimizeForSpeed=True,
            **(shot if self.full_page else {}),
        )
        try:
            png = base64.b64decode(self._wait(taken)["data"])
        except CommandFailed as error:  # the process that paints is gone, perhaps by another page
            tab.browser.job.kill()
            raise BrowserGone from error
        try:  # the world ends with the document
            address = self._evaluate(tab, world_id, "location.href")
        except CommandFailed:
            address = "another page"
        if not str(address).startswith(_ORIGIN):
            raise Stop("error", f"the page went to {str(address)[:100]}")
        if png[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", png[16:24]) != size:
            raise Stop("error", "the browser took a picture of another size")
        return png, seen

    def _preparations(self, tab: Tab) -> Iterator[tuple[str, dict[str, Any]]]:
        width, height = self.window
        yield "Page.enable", {}
        yield (
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        yield "Emulation.setFocusEmulationEnabled", {"enabled": True}
        yield "Emulation.setTimezoneOverride", {"timezoneId": "UTC"}
        yield "Emulation.setLocaleOverride", {"locale": "en_US"}
        features = [{"name": name, "value": value} for name, value in _MEDIA.items()]
        yield "Emulation.setEmulatedMedia", {"features": features}
        yield "Page.setFontFamilies", {"fontFamilies": _FONT_FAMILIES}
        script = {"source": _STAY, "worldName": _WORLD}
        yield "Page.addScriptToEvaluateOnNewDocument", script
        yield "Fetch.enable", {"patterns": [{"urlPattern": "*"}]}
        yield "Log.enable", {}
        if self.javascript:
            yield "Runtime.enable", {}
        else:
            yield "Emulation.setScriptExecutionDisabled", {"value": True}

    def _evaluate(self, tab: Tab, world: int, expression: str) -> Any:
        reply = self._wait(
            tab.call(
                "Runtime.evaluate",
                expression=expression,
                contextId=world,
                awaitPromise=True,
                returnByValue=True,
            )
        )
        if "exceptionDetails" in reply:
            raise CommandFailed(_exception_text(reply["exceptionDetails"]))
        return reply["result"]["value"]

    def _picture_size(self, seen: Mapping[str, Any]) -> tuple[int, int]:
        if not self.full_page:
            return self.window
        width = max(1, min(int(seen["width"]), MAX_WIDTH_PX))
        return width, max(1, min(int(seen["height"]), MAX_HEIGHT_PX, MAX_PIXELS // width))

    def _record(self, seen: Mapping[str, Any]) -> PageRecord:
        width, height = int(seen["width"]), int(seen["height"])
        return PageRecord(
            title=str(seen["title"]),
            width=width,
            height=height,
            clipped=seen["picture"][0] < width or seen["picture"][1] < height,
            blocks=tuple(
                TextBlock(
                    str(text), float(x), float(y), float(w), float(h), (int(r), int(g), int(b))
                )
                for text, x, y, w, h, r, g, b in seen["blocks"]
            ),
            outline=tuple(map(str, seen["outline"])),
            console=tuple(self.console),
            refused=tuple(self.refused),
        )

    # .. what the page does; called by the thread that reads from the browser

    def _on_event(self, method: str, params: Mapping[str, Any], size: int) -> None:
        self.events += 1
        self.event_bytes += size
        if self.events > _EVENTS or self.event_bytes > 16 * self.limits.output:
            self.flood = "a flood of messages or requests"
            if self.tab is not None:
                self.tab.kill()
        if method == "Fetch.requestPaused":
            self._answer(params)
        elif self.flood:
            return
        elif (method == "Page.loadEventFired" and self.served) or (
            method == "Page.frameStoppedLoading" and params["frameId"] == self.frame
        ):
            with contextlib.suppress(InvalidStateError):
                self.loaded.set_result(None)
        elif method == "Page.frameNavigated":
            if params["frame"]["url"] == _ORIGIN + "/" and "parentId" not in params["frame"]:
                self.frame = params["frame"]["id"]
        elif method == "Runtime.consoleAPICalled":
            if params["type"] in ("error", "assert"):
                self._say(" ".join(map(_value_text, params["args"])))
        elif method == "Runtime.exceptionThrown":
            self._say(_exception_text(params["exceptionDetails"]))
        elif method == "Log.entryAdded":
            entry = params["entry"]
            if found := _BLOCKED.match(entry["text"]):
                self._refuse(found[1])
            if entry["level"] == "error" and not entry["text"].startswith(_NOISE):
                self._say(entry["text"])
        elif method == "Page.javascriptDialogOpening":
            self._call("Page.handleJavaScriptDialog", accept=False)
        elif method == "Inspector.detached" and self.tab is not None:
            self.tab.fail(PageGone())

    def _say(self, text: str) -> None:
        if len(self.console) < _LISTED:
            self.console.append(_sound(text)[:500])

    def _refuse(self, address: str) -> None:
        if len(self.refused) < _LISTED:
            self.refused[_sound(address.removeprefix(_ORIGIN + "/"))[:500]] = None

    def _call(self, method: str, **params: Any) -> None:
        if self.tab is not None:
            self.tab.call(method, **params)

    def _answer(self, params: Mapping[str, Any]) -> None:
        """Answer a request of the page."""
        request, kind, number = params["request"], params["resourceType"], params["requestId"]
        address = str(request["url"]).partition("#")[0]
        if self.flood:
            return self._call("Fetch.failRequest", requestId=number, errorReason="BlockedByClient")
        if address == _ORIGIN + "/" and not self.served:
            self.served = True
            headers = {
                "Content-Security-Policy": _POLICY,
                "Content-Type": "text/html; charset=utf-8",
            }
            return self._fulfil(number, self.body, headers)
        if address == _REPORT:
            with contextlib.suppress(ValueError, AttributeError, RecursionError):
                # a page may send there what it likes
                report = json.loads(request.get("postData") or "{}").get("csp-report", {})
                self._refuse(str(report.get("blocked-uri", "")))
            return self._fulfil(number, b"", {}, 204)
        content = self.files.get(
            unquote(address), self.files.get(unquote(address.partition("?")[0]))
        )
        if content is not None:
            headers = {"Content-Type": _media_type(address.partition("?")[0], content)}
            headers["Content-Security-Policy"] = _POLICY
            return self._fulfil(number, content, headers)
        if kind == "Image":
            if not address.startswith(_ORIGIN):
                self._refuse(address)
            media = {"Content-Type": _media_type("", self.placeholder)}
            return self._fulfil(number, self.placeholder, media)
        self._refuse(address)
        if kind == "Document":  # "no content": the page stays where it is
            return self._fulfil(number, b"", {}, 204)
        return self._call("Fetch.failRequest", requestId=number, errorReason="BlockedByClient")

    def _fulfil(
        self, number: str, body: bytes, headers: Mapping[str, str], status: int = 200
    ) -> None:
        both = {"Access-Control-Allow-Origin": "*", **headers}
        self._call(
            "Fetch.fulfillRequest",
            requestId=number,
            responseCode=status,
            responseHeaders=[{"name": name, "value": value} for name, value in both.items()],
            body=base64.b64encode(body).decode(),
        )


def _address(name: str) -> str:
    """The address under which a page asks for a file."""
    if re.match(r"https?://", name):
        return unquote(name.partition("#")[0])
    return f"{_ORIGIN}/{unquote(name).removeprefix('./').lstrip('/')}"


def _sound(text: str) -> str:
    """Without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _value_text(value: Mapping[str, Any]) -> str:
    return str(value.get("value", value.get("description", value.get("type", ""))))


def _exception_text(details: Mapping[str, Any]) -> str:
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details.get("text", ""))


_MAGIC = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}


def _media_type(name: str, content: bytes) -> str:
    guessed = mimetypes.guess_type(urlsplit(name).path)[0] if name else None
    found = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    kind = guessed or found or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


@cache
def _extract() -> str:
    return Path(__file__).with_name("extract.js").read_text(encoding="utf-8")


@cache
def grey_picture(width: int = 1920, height: int = 1080) -> bytes:
    """A plain light grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\xcc" * width) * height
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    )

"""One headless browser in the sandbox, spoken to over a pipe.

in:  the tier of isolation, how many pages it must hold at once
out: a Browser: new_page gives a Tab, a session with one page in a context of its own
not covered: what a page may do and what is taken from it (page.py)

The DevTools protocol is spoken by ourselves. A driver that passes every console message of a
hostile page through its own event loop is starved by a page that writes without end, and then
neither limits nor other pages work; here a flood is counted and thrown away by one thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from functools import cache
from pathlib import Path
from typing import Any

from viscodex.errors import MissingPart
from viscodex.execute.sandbox import Confined, Limits, start

_LAUNCH_S = 30.0
_FOR_EVER_S = 1e8
_FORK_S = 0.2
_CALL_S = 10.0  # for commands that no page has a part in
_MESSAGE_BYTES = 256 << 20  # one message; the largest picture that we ask for is smaller
_PROGRAMS = (
    "/usr/lib/chromium/chromium-headless-shell",  # the program itself, without its shell script
    "chromium-headless-shell",
    "chrome-headless-shell",
    "/usr/lib/chromium/chromium",
    "chromium",
)
_FLAGS = (
    "--headless", "--remote-debugging-pipe", "--no-startup-window",
    # pixels: the same on every machine that has the same browser and fonts
    "--disable-gpu", "--disable-lcd-text", "--force-color-profile=srgb",
    "--force-device-scale-factor=1", "--hide-scrollbars", "--mute-audio",
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    # no network, even where there is one: no name resolves, and the proxy is a dead port
    "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>", "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # nothing of its own accord
    "--disable-background-networking", "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows", "--disable-back-forward-cache", "--disable-breakpad",
    "--disable-client-side-phishing-detection", "--disable-component-extensions-with-background-pages",
    "--disable-component-update", "--disable-crash-reporter", "--disable-default-apps",
    "--disable-dev-shm-usage", "--disable-domain-reliability", "--disable-extensions",
    "--disable-field-trial-config", "--disable-hang-monitor", "--disable-notifications",
    "--disable-prompt-on-repost", "--disable-renderer-backgrounding", "--disable-sync",
    "--metrics-recording-only", "--no-default-browser-check", "--no-first-run", "--no-pings",
    "--no-service-autorun", "--password-store=basic", "--use-mock-keychain",
    # one page, one process: its frames too
    "--disable-site-isolation-trials", "--renderer-process-limit=64",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,IsolateOrigins,"
    "IsolateSandboxedIframes,MediaRouter,OptimizationHints,PaintHolding,"
    "SpareRendererForSitePerProcess,Translate,site-per-process",
    "--enable-features=CDPScreenshotNewSurface",
)  # fmt: skip
_BARE_FLAGS = ("--no-sandbox", "--no-zygote", "--in-process-gpu")
"""Where it cannot make namespaces and /proc is hidden from it (tier B)."""
_FONT_NAMES = (
    "sans-serif", "serif", "monospace", "cursive", "fantasy", "system-ui", "emoji",
    "Arial", "Helvetica", "Times New Roman", "Courier New", "Georgia", "Verdana",
    "sans-serif:lang=zh", "sans-serif:lang=ja", "sans-serif:lang=ar",
)  # fmt: skip


class BrowserGone(Exception):
    """The browser ended while it was needed."""


class PageGone(Exception):
    """The process of the page ended while it was needed."""


class CommandFailed(Exception):
    """The browser refused a command."""


def find_browser() -> Path:
    """The headless browser of this machine.

    Raises:
        MissingPart: there is none.
    """
    for name in _PROGRAMS:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise MissingPart(
        "no headless browser on this machine",
        "looked for chromium-headless-shell and chromium",
        "apt-get install chromium-headless-shell",
    )


@cache
def fonts() -> tuple[str, str]:
    """(digest, names) of the fonts that the usual families come out as, by fontconfig."""
    program = shutil.which("fc-match")
    if program is None:
        return "unknown", ""
    found = []
    for name in _FONT_NAMES:
        done = subprocess.run(
            [program, "-f", "%{family} %{style} %{fontversion} %{file|basename}", name],
            env={"HOME": "/nonexistent", "LANG": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        found.append(f"{name}: {done.stdout.decode(errors='replace')}")
    digest = hashlib.sha256("\n".join(found).encode()).hexdigest()
    return digest[:16], "; ".join(found[:3])


def flags_digest() -> str:
    """Names the command line, which decides pixels too."""
    return hashlib.sha256("\n".join(_FLAGS).encode()).hexdigest()[:16]


class Browser:
    """A running browser.

    Args:
        tier, allow_unsafe: as sandbox.start.
        memory: bytes that the whole browser may use.

    Raises:
        MissingPart: there is no browser, or it does not start.
        IsolationMissing: the sandbox cannot be made.
    """

    def __init__(
        self, *, tier: str | None = None, allow_unsafe: bool = False, memory: int = 6 << 30
    ) -> None:
        self.program = find_browser()
        self._calls = itertools.count(1)
        self._pending: dict[int, tuple[str, Future[Any]]] = {}
        self._handlers: dict[str, Tab] = {}
        self._lock = threading.Lock()  # of the two above
        self._write = threading.Lock()
        self._making = threading.Lock()
        self.gone = False
        self.pages = 0  # ever made
        self.said = b""
        problems = []
        for own_sandbox in (True, False):
            try:
                self._start(tier, allow_unsafe, memory, own_sandbox)
                break
            except (BrowserGone, TimeoutError):
                problems.append(self.said.decode(errors="replace").strip())
                self.close()
        else:
            raise MissingPart(
                "the headless browser does not start",
                f"{self.program}\n{problems[-1]}".strip(),
                "Try it by hand: chromium-headless-shell --dump-dom about:blank",
            )

    def _start(self, tier: str | None, allow_unsafe: bool, memory: int, own_sandbox: bool) -> None:
        flags = [*_FLAGS, *([] if own_sandbox else _BARE_FLAGS)]
        # the protocol's descriptors are 3 and 4
        shell = 'exec "$@" --user-data-dir="$HOME/profile" 3<&0 4>&1 </dev/null >/dev/null'
        readable = [] if self.program.is_relative_to("/usr") else [self.program.parent]
        self.job: Confined = start(
            ["/bin/sh", "-c", shell, "sh", str(self.program), *flags],
            limits=Limits(
                wall=_FOR_EVER_S, cpu=_FOR_EVER_S, memory=memory, disk=512 << 20,
                processes=2048, files=4096,
            ),
            tier=tier,
            allow_unsafe=allow_unsafe,
            read_only=readable,
            nested=own_sandbox,  # its own sandbox is made of namespaces
            address_space=False,
        )  # fmt: skip
        self.own_sandbox, self.gone, self.said = own_sandbox, False, b""
        self._parents: set[int] = set()  # of renderers
        self._threads = [
            threading.Thread(target=loop, args=(self.job,), daemon=True)
            for loop in (self._read, self._drain)
        ]
        for thread in self._threads:
            thread.start()
        version = self.call("Browser.getVersion").result(_LAUNCH_S)
        self.version = str(version["product"]).partition("/")[2]

    @property
    def tier(self) -> str:
        """Of isolation."""
        return self.job.tier

    # .. protocol

    def call(self, method: str, session: str = "", /, **params: Any) -> Future[Any]:
        """Send a command; the result comes by itself, commands are worked off in order."""
        reply: Future[Any] = Future()
        with self._lock:
            if self.gone:
                reply.set_exception(BrowserGone())
                return reply
            number = next(self._calls)
            self._pending[number] = session, reply
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = memoryview(json.dumps(message).encode() + b"\0")
        try:
            with self._write:
                while data:
                    data = data[os.write(self.job.stdin.fileno(), data) :]
        except (OSError, ValueError):  # closed
            self._lost()
        return reply

    def _read(self, job: Confined) -> None:
        parts: list[bytes] = []
        size = 0
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(job.stdout.fileno(), 1 << 20):
                first, *rest = part.split(b"\0")
                parts.append(first)
                size += len(first)
                for following in rest:
                    self._receive(b"".join(parts))
                    parts, size = [following], len(following)
                if size > _MESSAGE_BYTES:
                    break
        self._lost()

    def _receive(self, data: bytes) -> None:
        """Hand over a message. It may be forged by a renderer that was taken over."""
        try:
            message = json.loads(data)
            if "id" in message:
                with self._lock:
                    _, reply = self._pending.pop(message["id"], ("", None))
                if reply is None:
                    return
                if "error" in message:
                    reply.set_exception(CommandFailed(str(message["error"]["message"])))
                else:
                    reply.set_result(message["result"])
                return
            with self._lock:
                tab = self._handlers.get(message.get("sessionId", ""))
            if tab is not None:
                if message["method"] == "Inspector.targetCrashed":
                    tab.fail(PageGone())
                else:
                    tab.on_event(message["method"], message["params"], len(data))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            self.job.kill()

    def _drain(self, job: Confined) -> None:
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(job.stderr.fileno(), 1 << 16):
                self.said = (self.said + part)[-4096:]

    def _lost(self) -> None:
        with self._lock:
            self.gone = True
            waiting = [reply for _, reply in self._pending.values()]
            self._pending.clear()
            tabs = list(self._handlers.values())
        for reply in waiting:
            reply.set_exception(BrowserGone())
        for tab in tabs:
            tab.fail(BrowserGone())

    def _forget(self, session: str, error: Exception) -> None:
        """Fail what is waited for in a session."""
        with self._lock:
            mine = [number for number, (of, _) in self._pending.items() if of == session]
            waiting = [self._pending.pop(number)[1] for number in mine]
        for reply in waiting:
            reply.set_exception(error)

    # .. pages

    def new_page(self, width: int, height: int) -> Tab:
        """An empty page in a context of its own.

        Raises:
            BrowserGone: it ended, or does not answer.
        """
        try:
            with self._making:  # so that a new renderer is that of this page
                before = self._renderers()
                context = self.call("Target.createBrowserContext", disposeOnDetach=True)
                context_id = str(context.result(_CALL_S)["browserContextId"])
                target = self.call(
                    "Target.createTarget",
                    url="about:blank",
                    browserContextId=context_id,
                    width=width,
                    height=height,
                ).result(_CALL_S)["targetId"]
                attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
                session = str(attached.result(_CALL_S)["sessionId"])
                new = self._renderers() - before
                end = time.monotonic() + _FORK_S
                while not new and time.monotonic() < end:
                    time.sleep(0.002)
                    new = self._renderers() - before
        except (TimeoutError, CommandFailed) as error:
            self.job.kill()
            raise BrowserGone from error
        self.pages += 1
        tab = Tab(self, session, context_id, new.pop() if len(new) == 1 else None)
        with self._lock:
            self._handlers[session] = tab
            if self.gone:
                raise BrowserGone
        return tab

    def _renderers(self) -> set[int]:
        """Process numbers of the renderers, as this machine counts."""
        kind = b"--type=zygote" if self.own_sandbox else b"--remote-debugging-pipe"
        if not self._parents:
            self._parents = {p for p in _descendants(self.job.pid) if kind in _command(p)}
        found = set().union(*map(_children, self._parents)) - self._parents
        if self.own_sandbox:  # what a zygote starts is a renderer, before it says so
            return found
        return {pid for pid in found if b"--type=renderer" in _command(pid)}

    def forget(self, tab: Tab) -> None:
        """Events of a page are of no interest any more."""
        with self._lock:
            self._handlers.pop(tab.session, None)
        self._forget(tab.session, PageGone())

    def close(self) -> None:
        """End the browser with all that is in it."""
        if hasattr(self, "job"):
            self.job.kill()
            for thread in self._threads:  # before their descriptors mean something else
                thread.join(_CALL_S)
            self.job.close()
        self._lost()


class Tab:
    """A page of a browser and its session.

    Attributes:
        on_event: called by the reading thread with method, parameters and size of each event.
    """

    def __init__(self, browser: Browser, session: str, context: str, pid: int | None) -> None:
        self.browser, self.session = browser, session
        self._context, self._pid = context, pid
        self._handle: int | None = None
        with contextlib.suppress(OSError):
            self._handle = None if pid is None else os.pidfd_open(pid)
        self.on_event: Callable[[str, Mapping[str, Any], int], None] = lambda *_: None
        self.awaited: list[Future[Any]] = []  # fail when the page does
        self.failed: Exception | None = None

    def call(self, method: str, /, **params: Any) -> Future[Any]:
        """Send a command to the page."""
        if self.failed is not None:
            reply: Future[Any] = Future()
            reply.set_exception(self.failed)
            return reply
        return self.browser.call(method, self.session, **params)

    def fail(self, error: Exception) -> None:
        """Nothing will come from the page any more."""
        if self.failed is not None:
            return
        self.failed = error
        self.browser._forget(self.session, error)
        for reply in self.awaited:
            with contextlib.suppress(InvalidStateError):
                reply.set_exception(error)

    def usage(self) -> tuple[float, int]:
        """(CPU seconds, resident bytes) of the page's process so far; zeros where unknown."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            if self._pid is not None:
                fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
                cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                return cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        return 0.0, 0

    def kill(self) -> bool:
        """End the page's process; False if it is not known."""
        if self._handle is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        return True

    def close(self, patience: float) -> bool:
        """Throw the page and its context away; False if that took more than `patience` seconds."""
        done = self.browser.call("Target.disposeBrowserContext", browserContextId=self._context)
        try:
            done.result(patience)
        except TimeoutError:
            return False
        except (BrowserGone, CommandFailed):
            return self.browser.gone
        finally:
            self.browser.forget(self)
        return True

    def release(self) -> None:
        """Let go of the handle of the page's process; nothing can be asked of the tab any more."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError, ValueError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found.update(map(int, (task / "children").read_text().split()))
    return found


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    todo = [pid]
    while todo:
        new = _children(todo.pop()) - found
        found |= new
        todo += new
    return found

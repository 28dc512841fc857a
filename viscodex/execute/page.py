"""HTML to picture, text blocks and outline, in a headless browser without a network.

in:  the text of a page; local files and a placeholder picture that it may load
out: an Execution with a PNG and a PageRecord, or a status that says why there is none
not covered: a page on its way (visit.py), speaking to the browser (browser.py), isolation (sandbox.py)

A page has a context and a process of its own, thrown away with it; the browser is shared and warm.
Pages without scripts and frames may follow one another in a tab, where the caller allows it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from viscodex.execute.browser import (
    Browser,
    BrowserGone,
)
from viscodex.execute.sandbox import Limits
from viscodex.execute.series import Series
from viscodex.execute.visit import (
    LONELY,
    MAX_HEIGHT_PX,
    MAX_WIDTH_PX,
    SCRIPTED,
    Stop,
    Visit,
    grey_picture,
)
from viscodex.types import Execution

PAGE_LIMITS = Limits(wall=30, cpu=15, memory=2 << 30)
"""Of one page: wall and CPU seconds, bytes of its process; console of at most 16 x output bytes."""

_SETTLE_S = 0.1  # after load, where there are scripts


class PagePool:
    """A warm browser that renders pages; a context manager, safe to use from several threads.

    Args:
        contexts: pages at the same time; more callers wait.
        recycle: pages after which the browser is replaced.
        tier: "A" or "B"; None takes the best of this machine.
        allow_unsafe: also render where nothing confines the browser (tier C).

    Raises:
        MissingPart: there is no browser, or it does not start.
        IsolationMissing: this machine cannot confine the browser.
    """

    def __init__(
        self,
        contexts: int = 2,
        *,
        recycle: int = 300,
        tier: str | None = None,
        allow_unsafe: bool = False,
    ) -> None:
        if contexts < 1 or recycle < 1:
            raise ValueError("contexts and recycle must be above 0")
        self.contexts, self.recycle = contexts, recycle
        self._tier, self._allow_unsafe = tier, allow_unsafe
        self._slots = threading.Semaphore(contexts)
        self._all_slots = threading.Lock()  # held while one caller collects all of them
        self._lock = threading.Lock()  # of what follows
        self._browser: Browser | None = None
        self._users: dict[Browser, int] = {}
        self._kept: list[Series] = []  # tabs that wait for their next page; the newest last
        self._owner = os.getpid()
        self._closed = False
        self.launches = 0

    def __enter__(self) -> PagePool:
        self._release(self._acquire())  # what is missing shows at once
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all browsers. Pages that are being rendered end with a RuntimeError."""
        with self._lock:
            self._closed = True
            browsers, self._browser = list(self._users), None
            if self._owner != os.getpid():
                browsers = []
            self._users.clear()
            self._forget_kept()
        for browser in browsers:
            browser.close()

    def render(
        self,
        html: str,
        *,
        width: int = 1280,
        height: int = 720,
        full_page: bool = True,
        files: Mapping[str, bytes] = {},
        limits: Limits = PAGE_LIMITS,
        placeholder: bytes | None = None,
        javascript: bool = True,
        settle: float = _SETTLE_S,
        alone: bool = True,
    ) -> Execution:
        """Show a page and take down what is to be seen.

        Args:
            html: the page.
            width, height: of the window, pixels.
            full_page: the picture shows the whole page, not the window alone. It ends at 16,384
                pixels of height, 8,192 of width and 42 million in all; then `page.clipped`.
            files: what the page may load: name relative to the page, or full address -> content.
            limits: of this page. wall begins when a place is free; memory and cpu are those of
                the page's process.
            placeholder: any picture that is not in `files` looks like this one (PNG, JPEG, GIF,
                WebP or SVG); None: a plain grey one of 1920 x 1080 pixels, the size of the
                placeholder of Design2Code.
            javascript: scripts run.
            settle: seconds between load and picture if the page has scripts.
            alone: the page has a context and a process of its own. False: one without scripts,
                frames and files may follow others in theirs, which takes half of the time.

        Returns:
            status "ok" with one picture and a PageRecord, or without pictures: "timeout" (wall,
            CPU), "memory", "blocked" (a flood of messages or requests), "error" (the page left
            or closed itself, or the browser died of it three times).

        Raises:
            MissingPart, IsolationMissing: as the pool does, when the browser has to be replaced.
        """
        if not (1 <= width <= MAX_WIDTH_PX and 1 <= height <= MAX_HEIGHT_PX):
            raise ValueError(f"a window of {width} x {height} pixels")
        wait = settle if javascript and SCRIPTED.search(html) else 0.0
        picture = grey_picture() if placeholder is None else placeholder
        page = Visit(html, (width, height), full_page, files, limits, picture, javascript, wait)
        series = not (alone or files or LONELY.search(html))
        with self._slots:
            done = self._follow(page, (width, height, javascript, picture)) if series else None
            done = done or self._try(page)
        if done is None:  # the browser ended, perhaps through another page
            with self._alone():
                done = self._try(page) or self._try(page, last=True)
        assert done is not None
        return done

    def render_each(
        self,
        pages: Sequence[str],
        *,
        files: Mapping[str, bytes] = {},
        placeholder: bytes | None = None,
    ) -> list[Execution]:
        """Render pages that may know of one another, such as recoloured copies of one page.

        Pages without scripts and frames share a context and a process, which takes half of the
        time; others, and all where one of them fails, are rendered as by `render`.

        Args:
            pages, files, placeholder: as `html` and the others of `render`.
        """
        picture = grey_picture() if placeholder is None else placeholder
        if len(pages) > 1 and not any(LONELY.search(html) for html in pages):
            visits = [
                Visit(html, (1280, 720), True, files, PAGE_LIMITS, picture, True, 0.0)
                for html in pages
            ]
            with self._slots:
                done = self._row(visits)
            if done is not None:
                return done
        return [self.render(html, files=files, placeholder=placeholder) for html in pages]

    def _row(self, pages: Sequence[Visit]) -> list[Execution] | None:
        """All of the pages in a tab of their own; None where one of them fails."""
        browser = self._acquire()
        series = Series(browser)
        done: list[Execution] = []
        try:
            for page in pages:
                shown = series.render(page)
                if shown is None:
                    return None
                done.append(shown)
            return done
        except BrowserGone:
            return None
        finally:
            series.close()
            self._release(browser)

    def _follow(self, page: Visit, shared: Hashable) -> Execution | None:
        """In the tab of an earlier page, or in a new one that is kept; None where that fails."""
        browser = self._acquire()
        series, left = self._kept_for(browser, shared), None
        try:
            done = series.render(page)
            browser.pages += series.n_pages > 1  # the first was counted with its tab
            return done
        except BrowserGone:
            return None
        finally:
            with self._lock:
                if series.full or browser is not self._browser or self._closed:
                    left = series
                else:
                    self._kept.append(series)
                    if len(self._kept) > 2 * self.contexts:
                        left = self._kept.pop(0)
            if left is not None:
                left.close()
            self._release(browser)

    def _kept_for(self, browser: Browser, shared: Hashable) -> Series:
        with self._lock:
            for place, series in enumerate(self._kept):
                if series.browser is browser and series.shared == shared:
                    return self._kept.pop(place)
        return Series(browser, shared)

    def _forget_kept(self) -> None:
        """With the lock held: the tabs end with their browser."""
        for series in self._kept:
            series.forget()
        self._kept.clear()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._all_slots:
            for _ in range(self.contexts):
                self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release(self.contexts)

    def _try(self, page: Visit, *, last: bool = False) -> Execution | None:
        """The result, or None if the browser ended under the page."""
        browser = self._acquire()
        begin = time.monotonic()
        try:
            return page.render(browser, begin)
        except BrowserGone:
            if self._closed:
                raise RuntimeError("the pool is closed") from None
            if not last:
                return None
            if browser.job.out_of_memory():
                stop = Stop("memory", "the browser ran out of memory on this page")
            else:
                stop = Stop("error", "the browser ended on this page, three times")
            return page.result(browser, begin, stop)
        finally:
            self._release(browser)

    def _acquire(self) -> Browser:
        """The browser for the next page; a new one if the old one is dead or has done its share."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            if self._owner != os.getpid():  # after a fork the browser is the parent's
                self._browser, self._users, self._owner = None, {}, os.getpid()
                self._forget_kept()
            old = self._browser
            if old is not None and (old.gone or old.pages >= self.recycle):
                self._browser = None
                self._forget_kept()
                if not self._users[old]:
                    del self._users[old]
                    old.close()
            if self._browser is None:
                self._browser = Browser(
                    tier=self._tier,
                    allow_unsafe=self._allow_unsafe,
                    memory=(self.contexts + 1) * PAGE_LIMITS.memory,
                )
                self._users[self._browser] = 0
                self.launches += 1
            self._users[self._browser] += 1
            return self._browser

    def _release(self, browser: Browser) -> None:
        with self._lock:
            if browser not in self._users:  # closed
                return
            self._users[browser] -= 1
            if not self._users[browser] and browser is not self._browser:
                del self._users[browser]
                browser.close()


def render_page(html: str, **options: Any) -> Execution:
    """Render one page in a browser of its own; options as PagePool.render, and tier, allow_unsafe.

    Raises:
        MissingPart, IsolationMissing: as PagePool does.
    """
    pool = {name: options.pop(name) for name in ("tier", "allow_unsafe") if name in options}
    with PagePool(1, **pool) as browser:
        return browser.render(html, **options)

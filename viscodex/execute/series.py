"""Pages that follow one another in one tab: half of what a page costs is its process and context.

in:  visits to pages without scripts and frames, which have window and placeholder in common
out: what `Visit.render` gives, the same picture and record; None where a page is to be alone
not covered: which pages may follow one another (visit.LONELY), when a tab is kept (page.py)
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Hashable

from viscodex.execute.browser import Browser, BrowserGone, Tab
from viscodex.execute.visit import Visit
from viscodex.types import Execution

MAX_PAGES = 50
MAX_MEMORY = 512 << 20  # bytes of the process, after which it takes no further page


class Series:
    """A tab and the pages that it has shown.

    Args:
        browser: that has the tab.
        shared: what all pages have in common.
    """

    def __init__(self, browser: Browser, shared: Hashable = None) -> None:
        self.browser, self.shared = browser, shared
        self.n_pages = 0
        self._tab: Tab | None = None
        self._last: Visit | None = None

    def render(self, page: Visit) -> Execution | None:
        """The next page; None where anything is amiss, and then the series is over.

        Raises:
            BrowserGone: the browser ended.
        """
        begin = time.monotonic()
        first = self._tab is None
        if self._tab is None:
            self._tab = page.open(self.browser, begin)
        self._last = page
        self.n_pages += 1
        done = page.render_next(self._tab, begin, first=first)
        if done is None:
            self.close()
        return done

    @property
    def full(self) -> bool:
        """Whether the next page needs another tab."""
        if self._tab is None or self.n_pages >= MAX_PAGES or self._tab.failed is not None:
            return True
        return self._tab.usage()[1] > MAX_MEMORY

    def close(self) -> None:
        """Close the tab."""
        tab, self._tab = self._tab, None
        if tab is not None and self._last is not None:
            with contextlib.suppress(BrowserGone):
                self._last.leave(tab)

    def forget(self) -> None:
        """The browser ends with all of its tabs, or is another process's."""
        tab, self._tab = self._tab, None
        if tab is not None:
            tab.release()

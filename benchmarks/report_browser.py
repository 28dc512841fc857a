"""Opens a report page as a reader does, and uses it: milliseconds, on standard output as a table.

    PYTHON benchmarks/report_browser.py PAGE.html [--pictures PREFIX]

in:  a page of viscodex report or compare; an interpreter with playwright, and Chromium of the system
out: how long opening, filtering, searching, sorting and turning the page take, until they are drawn; the CPU
     time of the page's main thread beside it
not covered: making the page (report.py)
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
SHELL = Path("/usr/lib/chromium/chromium-headless-shell")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--pictures", metavar="PREFIX", help="Screenshots, narrow and wide.")
    asked = parser.parse_args()
    browser_path = SHELL if SHELL.exists() else shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(browser_path), args=["--no-sandbox"])
        used(browser, asked.page)
        if asked.pictures:
            photographed(browser, asked.page, asked.pictures)
        browser.close()


def used(browser: Any, page: Path) -> None:
    """Time each thing that a reader does."""
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    watch = tab.context.new_cdp_session(tab)
    watch.send("Performance.enable", {"timeDomain": "threadTicks"})

    def timed(what: str, act: Any) -> None:
        began, before = time.perf_counter(), thread_seconds(watch)
        act()
        tab.evaluate(DRAWN)
        took, busy = time.perf_counter() - began, thread_seconds(watch) - before
        told = tab.locator("#count").inner_text()
        print(f"| {what} | {1000 * took:.0f} ms | {1000 * busy:.0f} ms | {told} |", flush=True)

    print("| in the browser | takes | CPU of the page's thread | samples |\n|---|---|---|---|")
    timed("open", lambda: tab.goto(page.resolve().as_uri()))
    timed("show where the second is better", lambda: tab.select_option("#outcome", "win"))
    timed("sort by name", lambda: tab.select_option("#sort", "id"))
    timed("turn the page", lambda: tab.click("#on"))
    timed("show all", lambda: tab.select_option("#outcome", ""))
    timed("search, pause of typing included", lambda: searched(tab, "linspace"))
    heap = tab.evaluate("() => performance.memory.usedJSHeapSize / 1e6")
    print(f"| heap | {heap:.0f} MB | | |")
    assert not faults, faults


def thread_seconds(watch: Any) -> float:
    """CPU seconds of the page's main thread so far: what a busy machine does not stretch."""
    told = watch.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in told if one["name"] == "TaskDuration"))


def searched(tab: Any, word: str) -> None:
    before = tab.locator("#count").inner_text()
    tab.fill("#find", word)
    tab.wait_for_function("b => document.getElementById('count').textContent !== b", arg=before)


def photographed(browser: Any, page: Path, prefix: str) -> None:
    """Screenshots: narrow and wide, light and dark."""
    for width, scheme in ((390, "light"), (390, "dark"), (1400, "light"), (1400, "dark")):
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.goto(page.resolve().as_uri())
        tab.evaluate(DRAWN)
        tab.screenshot(path=f"{prefix}-{width}-{scheme}.png", full_page=True)
        tab.screenshot(path=f"{prefix}-{width}-{scheme}-top.png")
        tab.close()


if __name__ == "__main__":
    main()

"""Design2Code's official way of running, re-enacted: six browsers a pair, loops over pixels, difflib.

in:  the markup of both pages, their files, a browser
out: the four scores of `paper`, which must equal ours
not covered: CLIP; measuring (score.py)

The official repository is in no registry, and does not parse since May 2024. Written from a description
of it; what the speed does not depend on (recoloured markup, the gain of a merge, the last sums) is taken from
viscodex.tasks. Left out, so that this is cheaper than the original: the picture for CLIP, colour
conversions by colormath, the printing of every element when recolouring. Screenshots are made as officially,
by a new Python process with playwright for each, where an interpreter that has playwright is given; else by
a new browser process alone, without Python, driver or sandbox (a third of the official cost).
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.optimize import linear_sum_assignment

from viscodex.execute.browser import find_browser
from viscodex.tasks.design2code import markup, matching
from viscodex.tasks.design2code.blocks import Block
from viscodex.tasks.design2code.matching import Match, Pair, join_equal_boxes
from viscodex.tasks.design2code.task import extract
from viscodex.tasks.design2code.visual import METRICS, compare

SCREENSHOT = """
import sys
from playwright.sync_api import sync_playwright
url, out, program = sys.argv[1:4]
with sync_playwright() as p:
    browser = p.chromium.launch(executable_path=program)
    page = browser.new_page()
    page.goto(url, timeout=60000)
    page.screenshot(path=out, full_page=True, animations="disabled", timeout=60000)
    browser.close()
"""


def score(reference: str, answer: str, folder: Path, playwright: Path | None) -> dict[str, float]:
    """The four scores of a pair; `folder` has what the pages load.

    Args:
        playwright: a Python that has playwright; None: the browser is called alone.
    """
    sides = {"cand": markup.clean(extract(answer)), "ref": reference}
    blocks = {side: _blocks(side, html, folder, playwright) for side, html in sides.items()}
    if not blocks["cand"] or not blocks["ref"]:
        return dict.fromkeys(METRICS, 0.0)
    return compare(_match(blocks["cand"], blocks["ref"]))


def _blocks(side: str, html: str, folder: Path, playwright: Path | None) -> list[Block]:
    copies = markup.recolor(html)
    shots = []
    for name, text in (("orig", html), ("first", copies.first), ("second", copies.second)):
        page, shot = folder / f"{side}_{name}.html", folder / f"{side}_{name}.png"
        page.write_text(text, encoding="utf-8")
        _screenshot(page, shot, playwright)
        shots.append(shot)
    marked = _text_pixels(shots[1], shots[2])
    found = [_block(text, shots[0], shots[1], marked) for text in copies.texts] if marked else []
    return [block for block in found if block is not None]


def _screenshot(page: Path, shot: Path, playwright: Path | None) -> None:
    program = str(find_browser())
    if playwright is not None:
        command = [str(playwright), "-c", SCREENSHOT, page.as_uri(), str(shot), program]
    else:
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-lcd-text", "--force-color-profile=srgb", "--window-size=1280,8000",
            f"--screenshot={shot}", page.as_uri(),
        ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _text_pixels(first: Path, second: Path) -> set[tuple[int, int]]:
    """(x, y) of the pixels that differ between the copies by the shift, one by one."""
    a, b = Image.open(first).convert("RGB"), Image.open(second).convert("RGB")
    if a.size != b.size:
        return set()
    left, right = a.load(), b.load()
    assert left is not None and right is not None
    found = set()
    for x in range(a.width):
        for y in range(a.height):
            r, g, b_ = left[x, y]  # type: ignore[misc]
            s, t, u = right[x, y]  # type: ignore[misc]
            if (
                abs((r + 50) % 256 - s) <= 8
                and abs((g + 50) % 256 - t) <= 8
                and abs((b_ + 50) % 256 - u) <= 8
            ):
                found.add((x, y))
    return found


def _block(
    text: markup.Text, page: Path, first: Path, marked: set[tuple[int, int]]
) -> Block | None:
    """The pictures are opened again for every text, as officially."""
    pixels = np.array(Image.open(first).convert("RGB"))
    own = np.array(Image.open(page).convert("RGB"))
    wanted = np.array(text.color, dtype=np.uint8)
    low, high = wanted - np.uint8(4), wanted + np.uint8(4)
    near = ((pixels >= low) & (pixels <= high)).all(axis=2)
    places = [(x, y) for y, x in np.argwhere(near).tolist() if (x, y) in marked]
    if not places:
        return None
    height, width = pixels.shape[:2]
    xs, ys = [x for x, _ in places], [y for _, y in places]
    box = (min(xs) / width, min(ys) / height, (max(xs) - min(xs) + 1) / width,
           (max(ys) - min(ys) + 1) / height)  # fmt: skip
    mean = [float(int(sum(int(own[y, x, k]) for x, y in places) / len(places))) for k in range(3)]
    return Block(text.text.lower(), box, (mean[0], mean[1], mean[2]))


# --- matching: every trial computes every similarity again ----------------------------------------


def _costs(ours: Sequence[Block], theirs: Sequence[Block]) -> matching.Costs:
    rows = [[-SequenceMatcher(None, a.text, b.text).ratio() for b in theirs] for a in ours]
    return np.array(rows, dtype=np.float64)


def _assigned(ours: Sequence[Block], theirs: Sequence[Block]) -> list[float]:
    costs = _costs(ours, theirs)
    return [float(cost) for cost in costs[linear_sum_assignment(costs)]]


def _merged(blocks: list[Block], others: list[Block], *, candidate: bool) -> list[Block]:
    def now(these: list[Block]) -> list[float]:
        return _assigned(these, others) if candidate else _assigned(others, these)

    before, gains = now(blocks), []
    for i in range(len(blocks) - 1):
        trial = [*blocks[:i], matching._join(blocks[i], blocks[i + 1]), *blocks[i + 2 :]]
        gain = matching._gain(before, now(trial))
        if gain > 0.05:
            gains.append((i, gain))
    merged: set[int] = set()
    for i, _ in sorted(gains, key=lambda item: -item[1]):
        if not merged & {i - 1, i, i + 1}:
            merged.add(i)
    return [
        matching._join(block, blocks[i + 1]) if i in merged else block
        for i, block in enumerate(blocks)
        if i - 1 not in merged
    ]


def _match(candidate: list[Block], reference: list[Block]) -> Match:
    joined = join_equal_boxes(reference)
    ours, theirs = join_equal_boxes(candidate), list(joined)
    while True:
        n = len(ours) + len(theirs)
        ours = _merged(ours, theirs, candidate=True)
        theirs = _merged(theirs, ours, candidate=False)
        if len(ours) + len(theirs) == n:
            break
    costs = _costs(ours, theirs)
    rows, columns = linear_sum_assignment(matching._with_context(costs))
    chosen = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
    pairs = [Pair(i, j, -float(costs[i, j])) for i, j in chosen if -costs[i, j] >= 0.5]
    return Match(tuple(ours), tuple(theirs), tuple(joined), tuple(chosen), tuple(pairs))

"""Reasons for which a rendered page is rejected; they hold for pages of any origin.

in:  a Draft and the Evidence of its rendering
out: page_filters(thresholds): Filters in the order in which they are asked; THRESHOLDS
not covered: near-duplicates, contamination, length in tokens
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from viscodex.data.draft import Draft, Evidence, Filter, Finding
from viscodex.types import PageRecord, TextBlock

THRESHOLDS: dict[str, float] = {
    "one_color_share": 0.993,  # of the picture, above which a page is blank
    "min_letters": 20,  # of visible text
    "min_blocks": 2,  # runs of visible text
    "min_height_px": 240,
    "max_height_px": 6000,
    "max_aspect": 4.8,  # height by width
    "beyond_px": 4,  # that a page or a text may be wider than the window
    "max_overlap_share": 0.02,  # of text blocks that lie on one another
    "min_contrast": 2.4,  # of a text with its ground; WCAG asks for 4.5
    "max_unreadable_share": 0.03,  # of letters below that contrast
    "max_console": 0,  # errors of scripts
    "max_refused": 0,  # requests that led nowhere
}
"""Name -> default; each may be set by the recipe."""

_Check = Callable[[PageRecord, Evidence, Mapping[str, float]], Finding | None]


def page_filters(thresholds: Mapping[str, float]) -> tuple[Filter, ...]:
    """The filters of pages.

    Args:
        thresholds: all of THRESHOLDS, with the values that hold.
    """
    return (
        Filter("error", "The browser must show the page: no crash, timeout or refusal.", _error),
        *(
            Filter(
                name, text, _on_record(check, thresholds), {key: thresholds[key] for key in used}
            )
            for name, text, check, used in _CHECKS
        ),
    )


def _error(draft: Draft, evidence: Evidence) -> Finding | None:
    first = evidence.executions[0]
    if first.status == "ok" and first.page is not None and evidence.images:
        return None
    return Finding(f"{first.status}: {first.reason or 'there is no picture'}")


def _on_record(
    check: _Check, thresholds: Mapping[str, float]
) -> Callable[[Draft, Evidence], Finding | None]:
    def ask(draft: Draft, evidence: Evidence) -> Finding | None:
        page = evidence.executions[0].page
        return None if page is None else check(page, evidence, thresholds)

    return ask


def _blank(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    share, most = evidence.numbers.get("one_color_share", 0.0), t["one_color_share"]
    if share > most:
        return Finding(f"{share:.1%} of the picture has one colour", {"share": share, "most": most})
    if not page.blocks:
        return Finding("there is no visible text", {"blocks": 0})
    return None


def _little_text(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    letters = sum(len(block.text) for block in page.blocks)
    if letters < t["min_letters"] or len(page.blocks) < t["min_blocks"]:
        return Finding(
            f"only {letters} letters in {len(page.blocks)} texts",
            {"letters": letters, "least": t["min_letters"], "blocks": len(page.blocks)},
        )
    return None


def _size(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    aspect = page.height / max(page.width, 1)
    numbers = {"width": page.width, "height": page.height, "aspect": aspect}
    if not t["min_height_px"] <= page.height <= t["max_height_px"]:
        least, most = t["min_height_px"], t["max_height_px"]
        return Finding(f"{page.height} px high, not {least:g} to {most:g}", numbers)
    if aspect > t["max_aspect"]:
        return Finding(f"{aspect:.1f} times as high as wide", numbers)
    return None


def _clipped(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    if page.clipped:
        return Finding("the picture ends before the page does", {"height": page.height})
    return None


def _overflow(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    window = evidence.numbers.get("window_width", page.width)
    most = window + t["beyond_px"]
    if page.width > most:
        numbers = {"width": page.width, "window": window}
        return Finding(f"{page.width} px wide in a window of {window:g}", numbers)
    for block in page.blocks:
        right = block.x + block.width
        if right > most or block.x < -t["beyond_px"]:
            return Finding(f"the text {block.text[:40]!r} leaves the window", {"right": right})
    return None


def _requests(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    if len(page.refused) > t["max_refused"]:
        numbers = {"refused": len(page.refused), "most": t["max_refused"]}
        return Finding(f"asked for {page.refused[0][:80]}", numbers)
    return None


def _console(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    if len(page.console) > t["max_console"]:
        numbers = {"errors": len(page.console), "most": t["max_console"]}
        return Finding(f"error of a script: {page.console[0][:80]}", numbers)
    return None


def _overlap(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    lying = overlapping(page.blocks)
    share = len(lying) / max(len(page.blocks), 1)
    if share > t["max_overlap_share"]:
        first = page.blocks[min(lying)].text[:40]
        numbers = {"share": share, "most": t["max_overlap_share"], "blocks": len(lying)}
        return Finding(f"{len(lying)} texts lie on others, the first is {first!r}", numbers)
    return None


def _contrast(page: PageRecord, evidence: Evidence, t: Mapping[str, float]) -> Finding | None:
    share = evidence.numbers.get("unreadable_share", 0.0)
    if share > t["max_unreadable_share"]:
        return Finding(
            f"{share:.0%} of the letters hardly differ from their ground",
            {"share": share, "most": t["max_unreadable_share"], "contrast": t["min_contrast"]},
        )
    return None


_CHECKS: tuple[tuple[str, str, _Check, tuple[str, ...]], ...] = (
    ("blank", "The picture must show something: not nearly one colour, not without text.", _blank,
     ("one_color_share",)),
    ("little_text", "A page with hardly a word teaches no layout.", _little_text,
     ("min_letters", "min_blocks")),
    ("size", "Very flat, long or narrow pages are no screenshots that anybody takes.", _size,
     ("min_height_px", "max_height_px", "max_aspect")),
    ("clipped", "The whole page must be on the picture.", _clipped,
     ()),
    ("overflow", "Nothing may leave the window sideways: that is a broken layout.", _overflow,
     ("beyond_px",)),
    ("requests", "The page must be self-contained; pictures of the page's folder are placeholders "
     "and allowed, everything else that it asks for is missing from the picture.", _requests,
     ("max_refused",)),
    ("console", "Scripts must run without errors.", _console,
     ("max_console",)),
    ("overlap", "Texts that lie on one another are a broken layout and cannot be read.", _overlap,
     ("max_overlap_share",)),
    ("contrast", "Texts must differ from their ground, or the picture does not show them.", _contrast,
     ("min_contrast", "max_unreadable_share")),
)  # fmt: skip
"""Name, explanation, check, thresholds that it looks at."""


def overlapping(blocks: tuple[TextBlock, ...]) -> set[int]:
    """Indices of text blocks of which a good part lies on another one.

    The box of a text that runs over several lines surrounds links and other runs of the same
    paragraph: runs of one paragraph do not count.
    """
    paragraphs = [0]
    for before, block in pairwise(blocks):
        paragraphs.append(paragraphs[-1] + (not in_one_flow(before, block)))
    found: set[int] = set()
    order = sorted(range(len(blocks)), key=lambda i: blocks[i].y)
    for place, i in enumerate(order):
        a = blocks[i]
        for j in order[place + 1 :]:
            b = blocks[j]
            if b.y >= a.y + a.height:
                break
            across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
            down = min(a.y + a.height, b.y + b.height) - b.y
            smaller = min(a.width * a.height, b.width * b.height)
            if paragraphs[i] != paragraphs[j] and across > 0 and across * down > 0.3 * smaller:
                found |= {i, j}
    return found


_LINES = 1.7  # times as high as one line: a text of two lines or more
_SPACE = 0.45  # of the height of a line: the widest gap between words


def in_one_flow(before: TextBlock, after: TextBlock) -> bool:
    """Whether a text goes on where the one before it ends, as a link within a sentence does."""
    end, bottom = before.x + before.width, before.y + before.height
    line = bottom - after.y  # the one that both stand on
    if line <= 0 or after.y < before.y - 2 or after.y + after.height < bottom - 2:
        return False
    if before.height >= _LINES * line:
        return before.x - 2 <= after.x <= end
    if after.height >= _LINES * line:
        return after.x <= before.x + 2
    return -2 <= after.x - end <= _SPACE * line


def reading_lines(blocks: tuple[TextBlock, ...]) -> list[str]:
    """The texts in reading order, those of one paragraph joined."""
    lines: list[str] = []
    before: TextBlock | None = None
    for block in blocks:
        if before is not None and in_one_flow(before, block):
            lines[-1] += ("" if block.text[0] in ".,;:!?)" else " ") + block.text
        else:
            lines.append(block.text)
        before = block
    return lines

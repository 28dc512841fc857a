"""Each filter of pages rejects a page that is bad in its way, and passes a good one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from viscodex.data.draft import Draft, Evidence, Finding, Machine
from viscodex.data.pages import PageSource
from viscodex.data.pages.filters import THRESHOLDS, overlapping, reading_lines
from viscodex.execute.page import PAGE_LIMITS
from viscodex.types import TextBlock

GOOD = """<!DOCTYPE html><html><head><title>Harbour</title></head><body style="font-family: Arial">
<h1>The harbour in winter</h1>
<p>Boats lie on the quay until <a href="#">April</a>, when the ice is gone and the fishermen come
back from the yards with <strong>new paint</strong> and old stories, which they tell to anybody who
will listen, and to many who will not, until the evening ferry leaves.</p>
<p><img src="rick.jpg" width="300" height="200" alt="boats"> <button>Read on</button></p>
<pre>def sail():\n    return <b>"away"</b></pre></body></html>"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


_seen: dict[tuple[str, float | None], Evidence] = {}  # a page is rendered once


def _ask(name: str, code: str, machine: Machine, **thresholds: float) -> Finding | None:
    source = PageSource(thresholds=thresholds)
    draft = Draft("html-0", "html", "found", code, "html", 0.5, 0)
    key = code, thresholds.get("min_contrast")
    evidence = _seen.get(key) or source.execute(draft, machine)
    _seen[key] = evidence
    found = {f.name: f.check(draft, evidence) for f in source.filters}
    return found[name]


def test_a_good_page_passes_all_filters(machine: Machine) -> None:
    for filter_ in PageSource().filters:
        assert filter_.explain.endswith(".")
        assert _ask(filter_.name, GOOD, machine) is None, filter_.name


TEXT = "<p>Some words that one can read without any trouble at all.</p><p>And more of them.</p>"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("blank", "<body><p>.</p></body>"),
        ("blank", '<body style="background: #234">&nbsp;</body>'),
        ("blank", '<body><img src="rick.jpg"></body>'),
        ("little_text", "<h1>Hi</h1><p>you</p>"),
        ("little_text", f"<p>{'one text alone ' * 5}</p>"),
        ("size", f'{TEXT}<div style="height: 9000px"></div>'),
        ("size", f'<body style="margin: 0"><div style="height: 6500px; width: 1px"></div>{TEXT}'),
        ("clipped", f'{TEXT}<div style="height: 20000px"></div>'),
        ("overflow", f'<div style="width: 1900px">{TEXT}</div>'),
        ("overflow", f'{TEXT}<p style="position: absolute; left: 1270px; white-space: nowrap">Far</p>'),
        ("requests", f'<link rel="stylesheet" href="https://fonts.example/css">{TEXT}'),
        ("requests", f'{TEXT}<img src="https://pictures.example/a.png">'),
        ("requests", f'<link rel="stylesheet" href="style.css">{TEXT}'),
        ("console", f"{TEXT}<script>nothing.here()</script>"),
        ("overlap", f'<div style="position: absolute; top: 20px">{TEXT}</div>'
                    f'<div style="position: absolute; top: 24px">{TEXT}</div>'),
        ("contrast", f'<div style="color: #eee">{TEXT}</div>'),
        ("contrast", f'<div style="background: #224; color: #112">{TEXT}</div>'),
    ],
)  # fmt: skip
def test_a_bad_page_is_rejected_by_its_filter(name: str, code: str, machine: Machine) -> None:
    finding = _ask(name, code, machine)
    assert finding is not None
    assert finding.reason
    assert finding.numbers


def test_a_page_that_does_not_render_is_rejected_by_the_first_filter(machine: Machine) -> None:
    source = PageSource()
    draft = Draft("html-0", "html", "found", "", "html", 0.5, 0)
    limits = replace(PAGE_LIMITS, wall=20, cpu=0.5)
    stuck = machine.pages.render("<p>x</p><script>while (true) {}</script>", limits=limits)
    evidence = Evidence((stuck,), stuck.images)
    first = source.filters[0]
    finding = first.check(draft, evidence)
    assert first.name == "error"
    assert finding is not None
    assert finding.reason.startswith("timeout")
    assert not [f.name for f in source.filters[1:] if f.check(draft, evidence)]


def test_every_threshold_can_be_set_and_changes_the_verdict(machine: Machine) -> None:
    assert set(THRESHOLDS) == {
        "one_color_share", "min_letters", "min_blocks", "min_height_px", "max_height_px", "max_aspect",
        "beyond_px", "max_overlap_share", "min_contrast", "max_unreadable_share", "max_console",
        "max_refused",
    }  # fmt: skip
    for name, thresholds in (
        ("blank", {"one_color_share": 0.3}),
        ("little_text", {"min_letters": 5000}),
        ("little_text", {"min_blocks": 400}),
        ("size", {"min_height_px": 900}),
        ("size", {"max_height_px": 300}),
        ("size", {"max_aspect": 0.2}),
        ("overflow", {"beyond_px": -1200}),
        ("contrast", {"min_contrast": 30}),
        ("overlap", {"max_overlap_share": -1}),
        ("requests", {"max_refused": -1}),
        ("console", {"max_console": -1}),
    ):
        if max(thresholds.values()) < 0 and name != "overflow":
            continue  # nothing of them on a good page; the pages below have some
        assert _ask(name, GOOD, machine, **thresholds) is not None, thresholds
    style = '<link rel="stylesheet" href="style.css">'
    assert _ask("requests", style + GOOD, machine, max_refused=1) is None
    assert _ask("console", GOOD + "<script>nothing.here()</script>", machine, max_console=1) is None
    faint = f'{GOOD}<p style="color: #eee">pale pale</p>'
    assert _ask("contrast", faint, machine, max_unreadable_share=0.5) is None
    lying = GOOD + '<p style="margin-top: -1.6em">Over</p><p style="margin-top: -2.2em">Under</p>'
    assert _ask("overlap", lying, machine) is not None
    assert _ask("overlap", lying, machine, max_overlap_share=0.9) is None


def _block(text: str, x: float, y: float, width: float, height: float = 18) -> TextBlock:
    return TextBlock(text, x, y, width, height, (0, 0, 0))


def test_links_within_a_paragraph_do_not_overlap_it() -> None:
    paragraph = _block("a long text" * 30, 0, 0, 600, 90)
    link = _block("a link", 200, 72, 50)
    end = _block("and the rest of it," * 20, 0, 72, 600, 90)
    assert not overlapping((paragraph, link, end))
    assert len(reading_lines((paragraph, link, end))) == 1
    aside = _block("a note at the side", 300, 36, 200)
    assert overlapping((paragraph, aside)) == {0, 1}
    assert overlapping((_block("one word", 0, 0, 70), _block("another", 5, 4, 60))) == {0, 1}


def test_lines_join_what_stands_beside_one_another() -> None:
    blocks = (
        _block("Total", 0, 0, 40), _block("$5", 44, 0, 20), _block(".", 64, 0, 5),
        _block("Far away", 400, 0, 60), _block("Next line", 0, 30, 70),
    )  # fmt: skip
    assert reading_lines(blocks) == ["Total $5.", "Far away", "Next line"]

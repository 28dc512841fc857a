"""The page of a comparison: the verdict first, then by how much, why, where, and the samples.

in:  two systems and their comparisons
out: one self-contained HTML page
not covered: tests (statistics.py), the sample browser (samples.py)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from viscodex.report.compare import Comparison, p_text, points, reasons
from viscodex.report.page import browser, forest, section, verdict_line
from viscodex.report.run import Run, System
from viscodex.report.samples import SCRIPT, STYLE
from viscodex.report.statistics import Paired
from viscodex.report.table import TITLES
from viscodex.web import ZOOM, page_of, plain


def compare_page(first: System, second: System, comparisons: Sequence[Comparison]) -> str:
    """The page of `viscodex compare --html`."""
    shared = [
        System(s.name, {c.task: _common(s.runs[c.task], c) for c in comparisons})
        for s in (first, second)
    ]
    protocol = comparisons[0].protocol
    main: dict[str, Comparison] = {}  # under the first protocol of each
    for one in comparisons:
        main.setdefault(one.task, one)
    body = "".join(verdict_line(one) for one in comparisons if main[one.task] is one)
    for one in comparisons:
        told = _comparison(one)
        title = f"{TITLES.get(one.task, one.task)}, protocol {one.protocol}"
        if main[one.task] is one:
            body += section(title, told)
        else:  # as a rule it says the same
            text = f"{title}: {points(one.lead.difference, sign=True)} points, {p_text(one.lead.p)}"
            body += f"<details><summary>{plain(text)}</summary>{told}</details>"
    title = f"{second.name} against {first.name}"
    lead = ", ".join(f"{TITLES.get(t, t)}: {c.lead.n:,} items" for t, c in main.items())
    return page_of(
        title, lead, "", body + browser(shared, protocol), script=f"{SCRIPT}{ZOOM}", style=STYLE
    )


def _common(run: Run, one: Comparison) -> Run:
    """The run with the items that were compared alone."""
    compared = {change.id for change in one.changes}
    return replace(run, items=tuple(item for item in run.items if item.id in compared))


def _comparison(one: Comparison) -> str:
    pair = one.lead
    count = f"{one.b} is better on {pair.wins:,} items, worse on {pair.losses:,}, equal on {pair.ties:,}."
    why = "".join(f"<li>{plain(text)}</li>" for text in reasons(one))
    cautions = "".join(f'<p class="caution">{plain(text)}</p>' for text in one.cautions)
    parts = [
        f"<p>{plain(count)}</p>",
        cautions,
        f"<p>{plain(one.code)}</p>" if one.code else "",
        "<h4>By how much</h4>" + _pairs(one.metrics, one, "metric"),
        f"<h4>Why</h4><ul>{why}</ul>{_causes(one)}" if one.causes else "",
    ]
    for kind, groups in one.groups.items():
        if len(groups) > 1:
            is_long = len(groups) > 12
            table = _pairs(groups, one, kind)
            parts.append(
                f"<details{'' if is_long else ' open'}><summary>{plain(f'Where, by {kind}: {one.metric}')}"
                f"</summary>{table}</details>"
            )
    return "".join(parts)


def _pairs(pairs: Mapping[str, Paired], one: Comparison, kind: str) -> str:
    """A row for each metric or group: both means, the difference with its interval, the test."""
    known = [max(abs(p.low), abs(p.high)) for p in pairs.values() if not math.isnan(p.low)]
    widest = max(known, default=0.0)
    by_metric = kind == "metric"
    rows = ""
    for name, pair in pairs.items():
        p = p_text(pair.p)
        if by_metric and len(pairs) > 1:
            p += f"<small>Holm: {p_text(one.adjusted[name])}</small>"
        both = one.both_scored[name] if by_metric else pair
        scored = (
            f"<small>{plain(points(both.difference, sign=True))} of {both.n} scored in both</small>"
            if by_metric and both.n != pair.n
            else ""
        )
        interval = f"{points(pair.low, sign=True)} to {points(pair.high, sign=True)}"
        rows += (
            f'<tr><th>{plain(name)}</th><td class="late" data-of="items">{pair.n:,}</td>'
            f'<td data-of="{plain(one.a)}">{points(pair.a)}</td><td data-of="{plain(one.b)}">{points(pair.b)}</td>'
            f'<td data-of="difference"><b>{points(pair.difference, sign=True)}</b>{scored}</td>'
            f'<td class="range">{forest(pair, widest)}<small>{interval}</small></td>'
            f'<td class="late" data-of="test">{p}</td>'
            f'<td class="late" data-of="better / equal / worse">{pair.wins:,} / {pair.ties:,} / {pair.losses:,}</td></tr>'
        )
    notes = {
        True: "Of all items, what is missing counts 0; paired bootstrap (5,000 resamples) and sign-flip "
        "permutation test over items. Holm: corrected for these metrics together.",
        False: "Not corrected for the number of groups: a hint where to look, not a proof.",
    }
    heads = f"<th>{plain(kind)}</th><th>items</th><th>{plain(one.a)}</th><th>{plain(one.b)}</th>"
    return (
        f'<div class="wide"><table class="pairs"><thead><tr>{heads}<th>difference</th><th>95 % interval</th><th>test</th>'
        f"<th>better / equal / worse</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="note">{notes[by_metric]}</p>'
    )


def _causes(one: Comparison) -> str:
    """The parts of the difference as bars; they sum up to it."""
    widest = max(abs(cause.share) for cause in one.causes)
    rows = ""
    for cause in one.causes:
        width = 100 * abs(cause.share) / widest if widest else 0.0
        minus = " minus" if cause.share < 0 else ""
        rows += (
            f"<tr><th>{plain(cause.name)}</th><td>{cause.n:,}</td><td>{points(cause.share, sign=True)}</td>"
            f'<td class="bar"><span class="share{minus}" style="width: {width:.1f}%"></span></td></tr>'
        )
    return (
        '<div class="wide"><table><thead><tr><th>answers</th><th>items</th><th>points</th><th></th></tr>'
        f'</thead><tbody>{rows}</tbody></table></div><p class="note">The points sum up to the difference '
        f"of {points(one.lead.difference, sign=True)}.</p>"
    )

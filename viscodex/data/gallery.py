"""Galleries: pages that show kept and rejected samples, picture beside code, in one file each.

in:  a data set
out: gallery.html and rejects.html: a few hundred of each, the same ones every time, self-contained
not covered: all samples, page by page (view.py)

What is shown is hostile: all text is escaped, pictures are decoded and encoded again, and a policy
in the head of the page lets no script run but ours, and nothing be fetched.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import xxhash

from viscodex.data.dataset import Dataset
from viscodex.data.draft import Reject
from viscodex.data.store import read_rejects
from viscodex.errors import BadInput
from viscodex.files import write_atomically
from viscodex.images import open_image
from viscodex.types import Sample
from viscodex.web import ZOOM, page_of, plain

SHOWN = 240  # samples of a gallery
SHOWN_REJECTS = 160
MAX_PAGE_BYTES = 14_000_000
MAX_SIDE = (760, 1400)  # px: pictures are made smaller than this
MAX_CODE = 8_000  # characters of one text; what is cut off is counted
Item = TypeVar("Item")


# --- which ones -----------------------------------------------------------------------------------


def stratified(
    items: Iterable[Item], stratum: Callable[[Item], object], name: Callable[[Item], str], n: int
) -> list[Item]:
    """At most n items, evenly from all strata, chosen by a hash of their names.

    Needs one pass, and memory for n items of each stratum.
    """
    best: dict[object, list[tuple[str, Item]]] = {}
    for item in items:
        held = best.setdefault(stratum(item), [])
        held.append((xxhash.xxh3_64_hexdigest(name(item).encode()), item))
        if len(held) >= 2 * n:
            held.sort(key=lambda pair: pair[0])
            del held[n:]
    columns = [sorted(best[key], key=lambda pair: pair[0]) for key in sorted(best, key=str)]
    turns = itertools.zip_longest(*columns)  # the first of each stratum, then the second, ...
    chosen = [pair[1] for turn in turns for pair in turn if pair is not None]
    return chosen[:n]


# --- cards ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Card:
    """One sample or reject as the pages show it; plain text throughout."""

    id: str
    labels: tuple[tuple[str, str], ...]  # (filter of the page, value): category, kind, task
    pictures: tuple[str, ...]  # addresses; empty text for one that cannot be shown
    parts: tuple[tuple[str, str], ...]  # (heading, text): question, answer, code, tests
    reason: str = ""
    facts: tuple[tuple[str, str], ...] = ()  # (name, value)


def card_of_sample(sample: Sample, pictures: Sequence[str]) -> Card:
    """What is worth seeing of a sample."""
    parts: list[tuple[str, str]] = [(m.role, m.content) for m in sample.messages]
    if sample.reference and sample.reference.strip() not in sample.answer:
        parts.append((f"reference, {sample.language}", sample.reference))
    if sample.tests:
        parts += _tests(sample.tests)
    labels = {
        "category": sample.category,
        "task": sample.task,
        "kind": str(sample.meta.get("kind", "")),
    }
    facts = [(key, _short(value)) for key, value in sorted(sample.meta.items()) if key != "kind"]
    return Card(sample.id, tuple(labels.items()), tuple(pictures), tuple(parts), "", tuple(facts))


def card_of_reject(reject: Reject, pictures: Sequence[str]) -> Card:
    """What is worth seeing of a reject: why, in numbers, and what there is of it."""
    labels = {"filter": reject.filter, "category": reject.category, "kind": reject.kind}
    parts = (("code", reject.code),) if reject.code else ()
    facts = tuple((name, f"{value:g}") for name, value in sorted(reject.numbers.items()))
    return Card(reject.id, tuple(labels.items()), tuple(pictures), parts, reject.reason, facts)


def _tests(tests: str) -> list[tuple[str, str]]:
    """Tests that are JSON of texts as these texts, with their line breaks; others as they are."""
    try:
        found = json.loads(tests)
    except (ValueError, RecursionError):
        found = None
    if not (isinstance(found, dict) and found and all(isinstance(v, str) for v in found.values())):
        return [("tests", tests)]
    return [(f"tests, {name}", text) for name, text in found.items()]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 600 else f"{text[:600]} ..."


def small_picture(picture: bytes) -> str:
    """A picture as a data address, decoded and made small; empty where it cannot be opened."""
    try:
        image = open_image(picture)
    except BadInput:
        return ""
    image.thumbnail(MAX_SIDE)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=82, method=2)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


# --- the two pages --------------------------------------------------------------------------------


def write_galleries(folder: Path, dataset: Dataset) -> None:
    """Write gallery.html and rejects.html into the folder of a data set.

    Raises:
        BadDataset: a shard is damaged.
    """
    rows = stratified(
        dataset.rows(), lambda row: (row.category, row.task, row.kind), lambda row: row.id, SHOWN
    )
    samples = (dataset[row.index] for row in rows)
    cards = (card_of_sample(s, [small_picture(p) for p in s.images]) for s in samples)
    page = gallery_page("Kept samples", cards, len(dataset), ("rejects.html", "Rejects"))
    write_atomically(folder / "gallery.html", page)

    total = itertools.count()
    rejects = (reject for reject, _ in zip(read_rejects(folder), total, strict=False))
    chosen = stratified(
        rejects, lambda r: (r.filter, r.category, r.kind), lambda r: r.id, SHOWN_REJECTS
    )
    refused = (card_of_reject(r, [small_picture(r.image)] if r.image else []) for r in chosen)
    page = gallery_page("Rejects", refused, next(total), ("gallery.html", "Kept samples"))
    write_atomically(folder / "rejects.html", page)


def gallery_page(title: str, cards: Iterable[Card], total: int, other: tuple[str, str]) -> str:
    """One self-contained page; ends before it grows above MAX_PAGE_BYTES.

    Args:
        total: how many there are altogether.
        other: address and title of the page that belongs to it.
    """
    shown: list[tuple[Card, str]] = []
    size = 0
    for card in cards:
        article = article_of(card)
        size += len(article.encode())
        if size > MAX_PAGE_BYTES:
            break
        shown.append((card, article))
    shown.sort(key=lambda pair: (pair[0].labels, pair[0].id))
    lead = f"{len(shown):,} of {total:,}, evenly over all kinds"
    menu = f'<a href="{plain(other[0])}">{plain(other[1])}</a>'
    controls = "".join(_choices([card for card, _ in shown]))
    body = "".join(article for _, article in shown) or "<p>There are none.</p>"
    return page_of(title, lead, f"{controls}{menu}", body, script=f"{_FILTER}{ZOOM}")


def _choices(cards: Sequence[Card]) -> Iterator[str]:
    """A menu for each label, and a field to search in."""
    names = dict.fromkeys(name for card in cards for name, _ in card.labels)
    for name in names:
        values = sorted({value for card in cards for key, value in card.labels if key == name})
        options = "".join(f"<option>{plain(value)}</option>" for value in values if value)
        yield f'<label>{plain(name)} <select data-label="{plain(name)}"><option value="">all</option>{options}</select></label>'
    yield '<label>text <input type="search" placeholder="id, code, reason"></label>'
    yield '<output aria-live="polite"></output>'


def article_of(card: Card) -> str:
    """The HTML of one card."""
    data = "".join(f' data-{name}="{plain(value)}"' for name, value in card.labels)
    badges = "".join(f"<span>{plain(value)}</span>" for _, value in card.labels if value)
    reason = f'<p class="reason">{plain(card.reason)}</p>' if card.reason else ""
    title = "numbers" if card.reason else "facts"
    facts = _facts(card.facts, title, is_open=bool(card.reason))
    parts = "".join(_part(heading, text) for heading, text in card.parts)
    pictures = "".join(_picture(address, card.id) for address in card.pictures)
    beside = f'<div class="pictures">{pictures}</div>' if pictures else ""
    return (
        f"<article{data}><header><h2>{plain(card.id)}</h2>{badges}</header>{reason}"
        f'<div class="{"pair" if beside else "alone"}">{beside}'
        f'<div class="texts">{parts}{facts}</div></div></article>\n'
    )


def _picture(address: str, name: str) -> str:
    if not address:
        return '<p class="none">a picture that cannot be opened</p>'
    source = plain(address)
    return f'<img src="{source}" alt="{plain(name)}" loading="lazy" tabindex="0">'


def _part(heading: str, text: str) -> str:
    rest = len(text) - MAX_CODE
    more = f'<p class="none">{rest:,} more characters</p>' if rest > 0 else ""
    return f'<h3>{plain(heading)}</h3><pre tabindex="0">{plain(text[:MAX_CODE])}</pre>{more}'


def _facts(facts: Sequence[tuple[str, str]], title: str, *, is_open: bool) -> str:
    if not facts:
        return ""
    rows = "".join(f"<dt>{plain(name)}</dt><dd>{plain(value)}</dd>" for name, value in facts)
    return f"<details{' open' if is_open else ''}><summary>{plain(title)}</summary><dl>{rows}</dl></details>"


# --- what acts on the page ------------------------------------------------------------------------

_FILTER = """
const menus = [...document.querySelectorAll("select[data-label]")];
const search = document.querySelector("input[type=search]");
const articles = [...document.querySelectorAll("article")];
function show() {
  const text = search.value.toLowerCase();
  let n = 0;
  for (const a of articles) {
    const fits = menus.every(m => !m.value || a.getAttribute("data-" + m.dataset.label) === m.value)
      && (!text || a.textContent.toLowerCase().includes(text));
    a.hidden = !fits;
    n += fits;
  }
  document.querySelector("output").textContent = n + " shown";
}
for (const field of [...menus, search]) field.addEventListener("input", show);
show();
"""

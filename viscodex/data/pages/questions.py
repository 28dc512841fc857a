"""Questions about a page with short true answers.

in:  a Told
out: one question with its answer, drawn from all that the page's parts allow
not covered: descriptions (prose.py), tables and texts (answers.py)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from viscodex.data.pages.told import Told, Unseen, count

Note = dict[str, Any]
Pairs = Iterator[tuple[str, str]]

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def ask(told: Told) -> tuple[str, str] | None:
    """One of the questions that the page allows; parts are equally likely."""
    notes = [note for note in told.parts if note["part"] in _PARTS]
    told.rng.shuffle(notes)
    unique = Counter(note["part"] for note in notes)
    for note in notes:
        if unique[note["part"]] > 1:  # the question would not say which of them
            continue
        pairs = list(_seen(_PARTS[note["part"]](told, note)))
        if pairs:
            return told.rng.choice(pairs)
    return None


def _seen(pairs: Pairs) -> Pairs:
    """Pairs up to the first whose texts are not to be seen."""
    try:
        yield from pairs
    except Unseen:
        return


def _navigation(t: Told, n: Note) -> Pairs:
    links = [t.shown(link) for link in n["links"]]
    i = t.rng.randrange(min(len(links), len(_ORDINALS)))
    yield f"Which link is {_ORDINALS[i]} in the navigation at the top?", f"“{links[i]}”."
    yield "How many links does the navigation at the top have, not counting the name and buttons?", count(len(links), "link").capitalize() + "."  # fmt: skip
    yield "What is the name of the site, as written at the top?", f"{t.shown(n['brand'])}."
    if n["button"]:
        yield "What does the button in the bar at the top say?", f"“{t.shown(n['button'])}”."
    yield "What colour is the bar at the top?", f"It is {t.color(n['ground'])}."


def _hero(t: Told, n: Note) -> Pairs:
    yield "What is the main heading of this page?", f"“{t.shown(n['heading'])}”."
    yield "Is there a picture in the opening section?", "Yes, beside the text." if n["picture"] == "beside" else "Yes, above the text." if n["picture"] else "No, only text and buttons."  # fmt: skip
    yield "Which text stands below the main heading?", f"“{t.shown(n['text'])}”."
    first = t.only(n["buttons"][0])
    yield f"What colour is the button “{first}”?", f"It is {t.color(n['button_color'])}."


def _heading(t: Told, n: Note) -> Pairs:
    content = [part for part in t.parts if part["part"] not in _FRAME]
    if content and content[0] is n:
        yield "What is the heading of this page?", f"“{t.shown(n['heading'])}”."
        if n["text"]:
            yield "Which line stands below the heading of the page?", f"“{t.shown(n['text'])}”."


_FRAME = ("notice", "navigation", "breadcrumbs", "menu", "rail", "footer")


def _call(t: Told, n: Note) -> Pairs:
    yield (
        f"Which button follows the line “{t.shown(n['heading'])}”?",
        f"“{t.shown(n['buttons'][0])}”.",
    )
    yield (
        f"What colour is the button “{t.only(n['buttons'][0])}”?",
        f"It is {t.color(n['button_color'])}.",
    )


def _features(t: Told, n: Note) -> Pairs:
    items = [t.shown(name) for name in n["items"]]
    yield f"How many points are listed under “{t.shown(n['heading'])}”?", count(len(items), "point").capitalize() + "."  # fmt: skip
    i = t.rng.randrange(len(items))
    yield f"What does the page say about “{items[i]}”?", t.shown(n["texts"][i])


def _numbers(t: Told, n: Note) -> Pairs:
    label, value = t.rng.choice(n["items"])
    yield f"What value does the page show for “{t.only(label)}”?", f"{t.shown(value)}."


def _voices(t: Told, n: Note) -> Pairs:
    name, text = t.rng.choice(n["items"])
    yield f"What does {t.shown(name)} say?", t.shown(f"“{text}”")
    yield "How many customers are quoted?", count(len(n["items"]), "customer").capitalize() + "."


def _plans(t: Told, n: Note) -> Pairs:
    plan = t.rng.choice(n["items"])
    yield f"How much does the plan “{t.shown(plan['name'])}” cost?", f"{t.shown(plan['price'])} per {plan['period']}."  # fmt: skip
    yield "Which plan is highlighted?", f"“{t.shown(n['best'])}”, marked “{t.shown(n['mark'])}”."
    yield "How many plans can one choose from?", count(len(n["items"]), "plan").capitalize() + "."
    perks = ", ".join(t.shown(perk) for perk in plan["perks"])
    yield f"What is included in the plan “{t.shown(plan['name'])}”?", f"{perks}."


def _goods(t: Told, n: Note) -> Pairs:
    items = [(t.shown(name), t.shown(price)) for name, price in n["items"]]
    name, price = t.rng.choice(items)
    yield f"What does “{name}” cost?", f"{price}."
    yield (
        "How many products are shown in the grid?",
        count(len(items), "product").capitalize() + ".",
    )
    yield from _extreme(items, "product")


def _extreme(items: list[tuple[str, str]], noun: str) -> Pairs:
    values = [(_number(value), name, value) for name, value in items]
    for word, (best, name, value) in (("cheapest", min(values)), ("most expensive", max(values))):
        if [v for v, *_ in values].count(best) == 1 and len(values) > 1:
            yield f"Which {noun} is the {word}, and what does it cost?", f"“{name}”, at {value}."


def _number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text) or 0)


def _product(t: Told, n: Note) -> Pairs:
    yield "Which product does the page sell, and at what price?", f"“{t.shown(n['name'])}”, at {t.shown(n['price'])}."  # fmt: skip
    yield f"What colour is the button “{t.only(n['button'])}” beside the large picture?", f"It is {t.color(n['button_color'])}."  # fmt: skip


def _posts(t: Told, n: Note) -> Pairs:
    post = t.rng.choice(n["items"])
    t.shown(f"{post['date']} · {post['author']}")
    if [p["title"] for p in n["items"]].count(post["title"]) == 1:
        yield (
            f"Who wrote “{t.shown(post['title'])}”, and when?",
            f"{post['author']}, on {post['date']}.",
        )
    yield (
        "How many articles are previewed in cards?",
        count(len(n["items"]), "article").capitalize() + ".",
    )


def _questions(t: Told, n: Note) -> Pairs:
    question, answer = t.rng.choice(n["items"])
    yield f"What answer does the page give to “{t.shown(question)}”?", t.shown(answer)
    yield "How many questions are answered on this page?", count(len(n["items"]), "question").capitalize() + "."  # fmt: skip


def _people(t: Told, n: Note) -> Pairs:
    name, role = t.rng.choice(n["items"])
    yield f"What is the role of {t.shown(name)}?", f"{t.shown(role)}."
    yield "How many people are presented in cards?", count(len(n["items"]), "person", "people").capitalize() + "."  # fmt: skip


def _article(t: Told, n: Note) -> Pairs:
    yield "What is the title of the article?", f"“{t.shown(n['heading'])}”."
    if any(line.startswith(f"By {n['author']} · {n['date']}") for line in t.lines):
        yield "Who wrote the article, and when?", f"{n['author']}, on {n['date']}."


def _form(t: Told, n: Note) -> Pairs:
    labels = [t.shown(label) for label in n["fields"] if label]
    yield "What does the button at the end of the form say?", f"“{t.shown(n['button'])}”."
    yield "What does the form ask for? Name the labels in order.", ", ".join(labels) + "."
    yield "What colour is the form's button?", f"It is {t.color(n['button_color'])}."
    for label, options in n["choices"].items():
        if label:
            yield f"Which choices are offered under “{t.shown(label)}”?", ", ".join(t.shown(o) for o in options) + "."  # fmt: skip


def _table(t: Told, n: Note) -> Pairs:
    head, rows = [t.shown(name) for name in n["head"]], n["rows"]
    yield "How many rows does the table have, without its head?", count(len(rows), "row").capitalize() + "."  # fmt: skip
    yield "What are the columns of the table?", ", ".join(head) + "."
    row, j = t.rng.choice(rows), t.rng.randrange(1, len(head))
    if row[j] and [r[0] for r in rows].count(row[0]) == 1:
        yield f"What stands in the column “{head[j]}” of the row “{t.shown(row[0])}”?", f"{t.shown(row[j])}."  # fmt: skip
    for i, name in enumerate(head):
        if i and all(re.fullmatch(r"\$?[\d,.]+%?", r[i]) for r in rows):
            values = [_number(r[i]) for r in rows]
            if values.count(max(values)) == 1:
                best = rows[values.index(max(values))]
                yield f"In which row is “{name}” highest?", f"In the row “{t.shown(best[0])}”, with {t.shown(best[i])}."  # fmt: skip


def _summary(t: Told, n: Note) -> Pairs:
    _, value = n["items"][-1]
    yield f"What is the total under “{t.shown(n['title'])}”?", f"{t.shown(value)}."
    yield "How many different items are being bought?", count(len(n["items"]) - 2, "item").capitalize() + "."  # fmt: skip


def _bars(t: Told, n: Note) -> Pairs:
    values = [(_number(share), name, share) for name, share in n["items"]]
    for _, name, share in values:
        t.shown(f"{name} ({share})")
    best = max(values)
    if [v for v, *_ in values].count(best[0]) == 1:
        yield (
            f"Which bar under “{t.shown(n['title'])}” is the longest?",
            f"{best[1]}, with {best[2]}.",
        )


def _chart(t: Told, n: Note) -> Pairs:
    heights = sorted(n["heights"])
    names = [t.shown(name) for name in n["names"]]
    if heights[-1] - heights[-2] >= 4:
        yield "Where is the bar chart highest?", f"At {names[n['heights'].index(heights[-1])]}."
    if heights[1] - heights[0] >= 4:
        yield (
            "Which bar of the bar chart is the lowest?",
            f"{names[n['heights'].index(heights[0])]}.",
        )
    yield "How many bars does the bar chart have?", count(len(names), "bar").capitalize() + "."


def _agenda(t: Told, n: Note) -> Pairs:
    slot = t.rng.choice(n["items"])
    if [s["title"] for s in n["items"]].count(slot["title"]) == 1:
        yield f"When does “{t.shown(slot['title'])}” begin?", f"At {t.shown(slot['time'])}."
    yield f"What begins at {t.shown(slot['time'])}?", f"“{t.shown(slot['title'])}”."


def _board(t: Told, n: Note) -> Pairs:
    lane = t.rng.choice(n["items"])
    t.shown(f"{lane['name']} ({len(lane['items'])})")
    yield f"How many cards are in the column “{lane['name']}”?", count(len(lane["items"]), "card").capitalize() + "."  # fmt: skip
    yield (
        f"What is the first card in the column “{lane['name']}”?",
        f"“{t.shown(lane['items'][0])}”.",
    )


def _invoice(t: Told, n: Note) -> Pairs:
    t.shown(f"Total {n['total']}")
    yield "What is the total, and who has to pay it?", f"{n['total']}, to be paid by {t.shown(n['customer'])}."  # fmt: skip
    t.shown(f"Issued {n['date']}")
    yield "When was it issued?", f"On {n['date']}."


def _messages(t: Told, n: Note) -> Pairs:
    mail = t.rng.choice(n["items"])
    yield f"What does {t.shown(mail['from'])} write?", t.shown(mail["text"])
    yield "From whom is the topmost message?", f"From {t.shown(n['items'][0]['from'])}."


def _gallery(t: Told, n: Note) -> Pairs:
    yield "How many pictures does the gallery show, and how many in a row?", f"{count(n['pictures'], 'picture').capitalize()}, {n['columns']} in a row."  # fmt: skip


def _footer(t: Told, n: Note) -> Pairs:
    if n["columns"]:
        title, links = t.rng.choice(list(n["columns"].items()))
        yield f"Which links stand in the footer under “{t.shown(title)}”?", ", ".join(t.shown(x) for x in links) + "."  # fmt: skip
    yield "What colour is the footer?", f"It is {t.color(n['ground'])}."
    yield "What does the last line of the footer say?" if n["columns"] else "Which line about the owner is in the footer?", f"“{t.shown(n['text'])}”."  # fmt: skip


def _rail(t: Told, n: Note) -> Pairs:
    links = [t.shown(link) for link in n["links"]]
    i = t.rng.randrange(min(len(links), len(_ORDINALS)))
    yield f"Which link is {_ORDINALS[i]} in the bar at the left?", f"“{links[i]}”."
    yield "Which link in the bar at the left is highlighted?", f"“{t.shown(n['active'])}”."


def _menu(t: Told, n: Note) -> Pairs:
    if n["active"]:
        yield "Which entry of the menu at the side is highlighted?", f"“{t.shown(n['active'])}”."
    yield (
        "How many links are in the list at the side?",
        count(len(n["links"]), "link").capitalize() + ".",
    )


def _groups(t: Told, n: Note) -> Pairs:
    group = t.rng.choice(n["items"])
    yield f"Which links are listed under “{t.shown(group['name'])}”?", ", ".join(t.shown(x) for x in group["items"]) + "."  # fmt: skip
    yield "How many groups of links are there in the main part?", count(len(n["items"]), "group").capitalize() + "."  # fmt: skip


def _results(t: Told, n: Note) -> Pairs:
    yield "Which word was searched for?", f"“{t.shown(n['word'])}”."
    yield "What is the first result?", f"“{t.shown(n['items'][0])}”."
    yield (
        "How many results are shown on this page?",
        count(len(n["items"]), "result").capitalize() + ".",
    )


def _profile(t: Told, n: Note) -> Pairs:
    t.shown(n["text"])
    yield (
        "Whose profile is this, and what is the role?",
        f"{t.shown(n['name'])}, {n['role'].lower()}.",
    )
    yield (
        f"What colour is the button “{t.only(n['button'])}”?",
        f"It is {t.color(n['button_color'])}.",
    )


def _doc(t: Told, n: Note) -> Pairs:
    yield "What is the title of this guide?", f"“{t.shown(n['heading'])}”."
    yield "How many blocks of code are on the page?", count(len(n["snippets"]), "block").capitalize() + "."  # fmt: skip


def _paper(t: Told, n: Note) -> Pairs:
    yield "What is the lead story, and in which paper?", f"“{t.shown(n['lead'])}”, in {t.shown(n['heading'])}."  # fmt: skip
    t.shown(f"By {n['author']}")
    yield "Who wrote the lead story?", f"{n['author']}."


def _facts(t: Told, n: Note) -> Pairs:
    name, value = t.rng.choice(n["items"])
    yield f"What is given under “{t.shown(name)}”?", f"{t.shown(value)}"


def _steps(t: Told, n: Note) -> Pairs:
    i = t.rng.randrange(len(n["items"]))
    yield f"Which step is number {i + 1}?", f"“{t.shown(n['items'][i])}”."


def _partners(t: Told, n: Note) -> Pairs:
    yield f"Which names stand below “{t.shown(n['heading'])}”?", ", ".join(t.shown(x) for x in n["items"]) + "."  # fmt: skip


def _years(t: Told, n: Note) -> Pairs:
    year, text = t.rng.choice(n["items"])
    yield f"What does the page say about the year {t.shown(year)}?", t.shown(text)


_PARTS: dict[str, Callable[[Told, Note], Pairs]] = {
    "navigation": _navigation, "heading": _heading, "hero": _hero, "call": _call, "features": _features, "stats": _numbers,
    "tiles": _numbers, "testimonials": _voices, "plans": _plans, "goods": _goods, "product": _product,
    "posts": _posts, "questions": _questions, "people": _people, "article": _article, "form": _form,
    "table": _table, "summary": _summary, "bars": _bars, "chart": _chart, "agenda": _agenda, "board": _board,
    "invoice": _invoice, "messages": _messages, "gallery": _gallery, "footer": _footer, "rail": _rail,
    "menu": _menu, "groups": _groups, "results": _results, "profile": _profile, "doc": _doc, "paper": _paper,
    "facts": _facts, "steps": _steps, "partners": _partners, "years": _years,
}  # fmt: skip
"""Part -> questions about it."""

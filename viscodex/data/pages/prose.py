"""A page in words: its layout, sections, colours and texts.

in:  a Told
out: instruction and description; every sentence quotes only what the browser showed
not covered: pages that we did not draw: of them there are no notes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from viscodex.data.pages.told import Told, Unseen, count, enumerate_words, links, with_article

_ASK = (
    "Describe this web page: its layout, sections, colours and texts.",
    "What does this screenshot show? Describe the page from top to bottom.",
    "Describe the design so that a developer could build it without seeing it.",
    "Give a detailed description of this web page.",
    "Explain how this page is laid out and what it says.",
)
_KINDS = {
    "landing": "a company's landing page", "article": "an article", "pricing": "a page with prices",
    "shop": "a shop page with products", "product": "a product page", "gallery": "a picture gallery",
    "profile": "a person's profile", "docs": "a page of technical documentation", "faq": "a page of questions and answers",
    "blog": "a blog's list of articles", "news": "the front page of a newspaper", "directory": "a directory of links",
    "about": "a page about a company", "search": "a page with search results", "message": "a page with a short message",
    "classic": "a web page in the style of the early 2000s", "login": "a page with a form for signing in or up", "contact": "a contact page",
    "checkout": "a checkout page", "survey": "a survey", "settings": "a settings page", "dashboard": "a dashboard",
    "table": "a page with a table", "schedule": "a timetable or programme", "board": "a board with columns of cards",
    "invoice": "a bill", "inbox": "a list of messages",
}  # fmt: skip

Note = dict[str, Any]


def describe(told: Told) -> tuple[str, str] | None:
    """What a person would say who describes the page."""
    kind = _KINDS.get(told.draft.kind)
    if kind is None:
        return None
    scheme = "dark" if told.draft.facts.get("dark") else "light"
    accents = told.color("primary")
    ground = told.color("background")
    first = told.rng.choice((
        f"The screenshot shows {kind} in a {scheme} design: the background is {ground}, buttons and highlights are {accents}.",
        f"This is {kind}. The page has {with_article(ground)} background and {accents} as its main colour.",
        f"It is {kind}, {scheme} in style, with {with_article(ground)} ground and {accents} accents.",
    ))  # fmt: skip
    sentences = []
    for note in told.parts:
        say = _PARTS.get(note["part"])
        try:
            text = say(told, note) if say else ""
        except Unseen:
            continue
        if text:
            sentences.append(text)
    if not sentences:
        return None
    text = " ".join([first, *sentences])
    for end in ".?!":
        text = text.replace(f"{end}”.", f"{end}”")  # a quoted sentence needs one mark at its end
    return told.rng.choice(_ASK), text


def _navigation(t: Told, n: Note) -> str:
    brand = t.quoted(n["brand"])
    press = f" and a button {t.quoted(n['button'])}" if n["button"] else ""
    return f"At the top is {with_article(t.color(n['ground']))} bar with the name {brand}, {links(t, n['links'])}{press}."


def _rail(t: Told, n: Note) -> str:
    return (
        f"At the left edge {with_article(t.color(n['ground']))} bar over the whole height holds the name {t.quoted(n['brand'])} and "
        f"{links(t, n['links'])}, of which {t.quoted(n['active'])} is highlighted."
    )


def _footer(t: Told, n: Note) -> str:
    ground = t.color(n["ground"])
    if n["columns"]:
        parts = [
            f"{t.quoted(title)} with {t.listed(texts)}" for title, texts in n["columns"].items()
        ]
        return f"The {ground} footer has columns of links: {'; '.join(parts)}. Its last line is {t.quoted(n['text'])}."
    more = f" and {links(t, n['links'])}" if n["links"] else ""
    return f"The {ground} footer has the line {t.quoted(n['text'])}{more}."


def _heading(t: Told, n: Note) -> str:
    below = f", below it the line {t.quoted(n['text'])}" if n["text"] else ""
    return f"There is a heading {t.quoted(n['heading'])}{below}."


def _hero(t: Told, n: Note) -> str:
    buttons = n["buttons"]
    press = f"{'a button' if len(buttons) == 1 else 'the buttons'} {t.listed(buttons)}"
    side = (
        ", beside a picture"
        if n["picture"] == "beside"
        else ", below a wide picture"
        if n["picture"]
        else ""
    )
    side += ", centred" if n["centered"] else ""
    return (
        f"The opening section on {with_article(t.ground(n['tone']))} ground has the large heading {t.quoted(n['heading'])}, "
        f"the text {t.quoted(n['text'])} and {press}{side}."
    )


def _features(t: Told, n: Note) -> str:
    return (
        f"A section headed {t.quoted(n['heading'])} presents {count(len(n['items']), 'point')} in {count(n['columns'], 'column')}: "
        f"{t.listed(n['items'])}."
    )


def _rows(t: Told, n: Note) -> str:
    rows = "A row of picture and text presents" if len(n["items"]) == 1 else "Rows of picture and text, whose sides alternate, present"  # fmt: skip
    return f"{rows} {t.listed(n['items'])}."


def _numbers(t: Told, n: Note) -> str:
    pairs = [f"{t.shown(label)} {t.shown(value)}" for label, value in n["items"]]
    where = (
        "A row of cards"
        if n["part"] == "tiles"
        else f"{with_article(t.ground(n['tone'])).capitalize()} band"
    )
    return f"{where} shows {count(len(pairs), 'figure')}: {enumerate_words(pairs)}."


def _testimonials(t: Told, n: Note) -> str:
    names = [t.shown(name) for name, _ in n["items"]]
    what = "stands a quote" if len(names) == 1 else "stand quotes"
    return f"Under {t.quoted(n['heading'])} {what} of {enumerate_words(names)}."


def _call(t: Told, n: Note) -> str:
    return f"{with_article(t.ground(n['tone'])).capitalize()} band asks {t.quoted(n['heading'])} and has a button {t.listed(n['buttons'])}."


def _plans(t: Told, n: Note) -> str:
    plans = [
        f"{t.quoted(plan['name'])} for {t.shown(plan['price'])} per {plan['period']}"
        for plan in n["items"]
    ]
    return (
        f"{count(len(plans), 'plan').capitalize()} stand side by side: {enumerate_words(plans)}. "
        f"{t.quoted(n['best'])} is framed and marked {t.quoted(n['mark'])}; each plan has a button {t.quoted(n['button'])}."
    )


def _goods(t: Told, n: Note) -> str:
    names = [f"{t.quoted(name)} for {t.shown(price)}" for name, price in n["items"]]
    press = f", with a button {t.quoted(n['button'])}" if n["button"] else ""
    return (
        f"{count(len(names), 'product').capitalize()} are shown in rows of {n['columns']}, each with a picture{press}: "
        f"{enumerate_words(names)}."
    )


def _posts(t: Told, n: Note) -> str:
    titles = t.listed(post["title"] for post in n["items"])
    return f"{count(len(n['items']), 'teaser').capitalize()} in rows of {n['columns']} lead to articles: {titles}."


def _questions(t: Told, n: Note) -> str:
    return f"A list of questions with answers follows: {t.listed(question for question, _ in n['items'])}."


def _people(t: Told, n: Note) -> str:
    people = [f"{t.shown(name)} ({t.shown(role)})" for name, role in n["items"]]
    return f"Cards in a row show the people {enumerate_words(people)}."


def _article(t: Told, n: Note) -> str:
    return (
        f"The article {t.quoted(n['heading'])} is by {n['author']} and dated {n['date']}."
        if t.quoted(n["heading"])
        else ""
    )


def _prose(t: Told, n: Note) -> str:
    word = "heading" if len(n["headings"]) == 1 else "headings"
    heads = f" under the {word} {t.listed(n['headings'])}" if n["headings"] else ""
    return (
        f"A text of {count(n['paragraphs'], 'section' if heads else 'paragraph')} follows{heads}."
    )


def _form(t: Told, n: Note) -> str:
    fields = t.listed(label for label in n["fields"] if label)
    return (
        f"A form headed {t.quoted(n['heading'])} asks for {fields}; its {t.color(n['button_color'])} button says {t.quoted(n['button'])}."
    )  # fmt: skip


def _table(t: Told, n: Note) -> str:
    return f"A table with the columns {t.listed(n['head'])} has {count(len(n['rows']), 'row')}."


def _summary(t: Told, n: Note) -> str:
    lines = [f"{t.shown(name)} {t.shown(value)}" for name, value in n["items"]]
    return f"A box {t.quoted(n['title'])} lists {enumerate_words(lines)}."


def _bars(t: Told, n: Note) -> str:
    return f"A panel {t.quoted(n['title'])} shows horizontal bars: {enumerate_words([f'{name} {share}' for name, share in n['items']])}."


def _chart(t: Told, n: Note) -> str:
    first, last = t.shown(n["names"][0]), t.shown(n["names"][-1])
    return f"A bar chart {t.quoted(n['title'])} runs from {first} to {last}."


def _events(t: Told, n: Note) -> str:
    return (
        f"A panel {t.quoted(n['title'])} lists events: {t.listed(what for what, _ in n['items'])}."
    )


def _agenda(t: Told, n: Note) -> str:
    slots = [f"{t.shown(slot['time'])} {t.quoted(slot['title'])}" for slot in n["items"]]
    return f"The programme lists {enumerate_words(slots)}."


def _board(t: Told, n: Note) -> str:
    lanes = [f"“{lane['name']}” with {t.listed(lane['items'])}" for lane in n["items"]]
    return f"{count(len(lanes), 'column').capitalize()} of cards stand side by side: {'; '.join(lanes)}."


def _invoice(t: Told, n: Note) -> str:
    return f"The sheet is headed {t.quoted(n['heading'])}, made out to {t.shown(n['customer'])}, with a total of {n['total']}."


def _messages(t: Told, n: Note) -> str:
    return f"Messages are listed one below the other, with a round mark at the left and the date at the right: from {enumerate_words([t.shown(m['from']) for m in n['items']])}."


def _product(t: Told, n: Note) -> str:
    return (
        f"A large picture stands beside the name {t.quoted(n['name'])}, the price {t.shown(n['price'])}, a text and the "
        f"{t.color(n['button_color'])} button {t.quoted(n['button'])}."
    )


def _gallery(t: Told, n: Note) -> str:
    captions = f", with the captions {t.listed(n['items'])}" if n["items"] else ", without captions"
    return f"{count(n['pictures'], 'picture').capitalize()} are laid out {n['columns']} in a row{captions}."


def _profile(t: Told, n: Note) -> str:
    return f"In the middle of the head are a round mark, the name {t.quoted(n['name'])}, the text {t.quoted(n['text'])} and a button {t.quoted(n['button'])}."


def _doc(t: Told, n: Note) -> str:
    return f"The text {t.quoted(n['heading'])} has {'the section' if len(n['headings']) == 1 else 'the sections'} {t.listed(n['headings'])} and code on {with_article(t.color('deep'))} ground."


def _paper(t: Told, n: Note) -> str:
    return f"The name of the paper, {t.quoted(n['heading'])}, stands over the page; the lead story is {t.quoted(n['lead'])}."


def _groups(t: Told, n: Note) -> str:
    groups = [f"{t.quoted(group['name'])} with {t.listed(group['items'])}" for group in n["items"]]
    return f"Links stand in {count(len(groups), 'group')}: {'; '.join(groups)}."


def _menu(t: Told, n: Note) -> str:
    title = f" headed {t.quoted(n['title'])}" if n["title"] else ""
    return f"A list of links at the side{title} has {t.listed(n['links'])}."


_PARTS: dict[str, Callable[[Told, Note], str]] = {
    "navigation": _navigation, "rail": _rail, "footer": _footer, "heading": _heading, "hero": _hero,
    "features": _features, "rows": _rows, "stats": _numbers, "tiles": _numbers, "testimonials": _testimonials,
    "call": _call, "plans": _plans, "goods": _goods, "posts": _posts, "questions": _questions, "people": _people,
    "article": _article, "prose": _prose, "form": _form, "table": _table, "summary": _summary, "bars": _bars,
    "chart": _chart, "events": _events, "agenda": _agenda, "board": _board, "invoice": _invoice,
    "messages": _messages, "product": _product, "gallery": _gallery, "profile": _profile, "doc": _doc,
    "paper": _paper, "groups": _groups, "menu": _menu,
    "newsletter": lambda t, n: f"A band headed {t.quoted(n['heading'])} has a field for an email address and a button {t.quoted(n['button'])}.",
    "steps": lambda t, n: f"Under {t.quoted(n['heading'])} stand three numbered steps: {t.listed(n['items'])}.",
    "partners": lambda t, n: f"Below {t.quoted(n['heading'])} the names {t.listed(n['items'])} stand in a row.",
    "notice": lambda t, n: f"A narrow {t.color(n['ground'])} strip at the very top says {t.quoted(n['text'])}.",
    "breadcrumbs": lambda t, n: f"A trail of links shows {t.listed(n['trail'])}.",
    "aside": lambda t, n: f"A box at the side headed {t.quoted(n['heading'])} says {t.quoted(n['text'])}.",
    "link": lambda t, n: f"Below it is a link {t.quoted(n['text'])}.",
    "picture": lambda t, n: f"The {n['side']} half of the page is a large picture.",
    "facts": lambda t, n: "Beside it are " + enumerate_words([f"{t.shown(k)}: {t.shown(v)}" for k, v in n["items"]]) + ".",
    "list": lambda t, n: f"A list with bullets says {t.listed(n['items'])}.",
    "callout": lambda t, n: f"A box with a line at its left edge says {t.quoted(n['text'])}.",
    "pages": lambda t, n: f"Links to further pages follow: {t.listed(n['items'])}.",
    "briefs": lambda t, n: f"Short items at the right are {t.listed(n['items'])}.",
    "years": lambda t, n: "A line of years tells the history: " + enumerate_words([t.shown(y) for y, _ in n["items"]]) + ".",
    "results": lambda t, n: f"Below a search field with {t.quoted(n['word'])} the line {t.quoted(n['line'])} stands over the results {t.listed(n['items'])}.",
    "links": lambda t, n: f"Below it stand {links(t, n['items'])}.",
    "line": lambda t, n: f"A small line says {t.quoted(n['text'])}.",
    "buttons": lambda t, n: f"There is a button {t.listed(n['items'])}.",
}  # fmt: skip
"""Part -> what is said of it."""

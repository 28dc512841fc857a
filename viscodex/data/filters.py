"""Filters that every category shares: length, language, repetition, licence.

in:  a draft, or a sample as one; thresholds from the recipe
out: Filters (data/draft.py), each of which gives a Finding or None
not covered: what only charts, pages or programs can get wrong (charts/, pages/, problems/)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viscodex.data.draft import Draft, Evidence, Filter, Finding
from viscodex.data.duplicates import code_of, question_of
from viscodex.data.shingles import spoken_text
from viscodex.errors import BadRecipe
from viscodex.types import Sample

LICENCES = (
    "apache-2.0", "mit", "mit-0", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0",
    "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "odc-by-1.0",
)  # fmt: skip
"""Under which a sample may be handed on; SPDX names in lower case."""

LEAST_TELLING = 6
"""Telling words from which a language can be told; a text with fewer passes."""
LEAST_DIFFERENT = 3
"""Different telling words of one language: one alone may be a name that occurs often."""
LEAST_LETTERS = 40
"""Letters from which a script can be told."""
LONGEST_PHRASE = 200
"""Tokens of a phrase that is looked for again and again."""
LEAST_TURNS = 4
"""Times that a phrase must follow itself."""

_TELLING: dict[str, str] = {
    "en": (
        "and are as be but by can could does each from had has have how if into is it its not "
        "of on only or should so than that the their then there these they this to was we were "
        "what when where which while who why will with without would you your"
    ),
    "de": (
        "aber als auf aus bei das dem den der durch ein eine einen einer es für ist mit nach "
        "nicht oder sich sie sind und von wenn werden wie wird zu zum zur über"
    ),
    "fr": (
        "au aux avec ce cette dans de des du elle est et il la le les leur mais nous ou où pas "
        "pour que qui ses sont sur un une vous à été"
    ),
    "es": (
        "al con cuando de del desde el ella es esta este la las los más para pero por que ser "
        "sobre su sus un una"
    ),
    "it": (
        "al alla che con da dal dei del della di gli il la le ma nel nella non più questo "
        "quando si sono su un una è"
    ),
    "pt": (
        "ao com da das de dos ela em esta este mais mas na nas não os ou para pela pelo por que "
        "ser sobre são sua um uma é"
    ),
    "nl": (
        "aan als bij dat de deze door een en er het hij maar naar niet ook tot uit van voor "
        "werd wordt zijn zo"
    ),
}
TELLING = {name: frozenset(words.split()) for name, words in _TELLING.items()}
"""Language -> short words that hold the sentences of a language together, none of them a word of English."""

_LETTER = re.compile(r"[^\W\d_]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def common_filters(
    *,
    language: str | None = "en",
    least_language: float = 0.6,
    min_characters: int = 20,
    max_characters: int = 30_000,
    max_lines: int = 1_000,
    max_line: int = 2_000,
    licences: Iterable[str] | None = LICENCES,
    max_repetition: float = 0.5,
) -> tuple[Filter, ...]:
    """The filters of all categories, in the order in which they are asked.

    Args:
        language: of questions, texts, comments and strings (en, de, fr, es, it, pt, nl);
            None: any.
        least_language: least share of letters in Latin script, and of telling words that are of
            the language rather than of the likeliest other one.
        min_characters, max_characters: of the code, where there is some.
        max_lines: of the code.
        max_line: characters of its longest line.
        licences: those allowed, as SPDX names; None: any, and none.
        max_repetition: largest share of all tokens in one stretch that repeats a phrase four
            times or more.

    Raises:
        BadRecipe: a language that has no list of telling words.
    """
    filters: list[Filter] = [
        _length(min_characters, max_characters, max_lines, max_line),
        _repetition(max_repetition),
    ]
    if language is not None:
        filters.insert(1, _language(language, least_language))
    if licences is not None:
        filters.append(_licence(frozenset(licence.casefold() for licence in licences)))
    return tuple(filters)


def judge_sample(sample: Sample, filters: Iterable[Filter]) -> tuple[str, Finding] | None:
    """(name of the filter, its finding) of the first that objects to a sample; None: it passes.

    For samples that no draft stands behind, such as imported ones. Here a licence must be given.
    """
    draft = Draft(
        id=sample.id,
        category=sample.category,
        kind=str(sample.meta.get("kind", "")),
        code=code_of(sample),
        language=sample.language,
        difficulty=0.0,
        seed=0,
        facts={
            "question": question_of(sample),
            "answer": sample.answer,
            "licence": sample.meta.get("licence") or "",
        },
    )
    for each in filters:
        finding = each.check(draft, Evidence(()))
        if finding is not None:
            return each.name, finding
    return None


# --- length ---------------------------------------------------------------------------------------


def _length(min_characters: int, max_characters: int, max_lines: int, max_line: int) -> Filter:
    def check(draft: Draft, _: Evidence) -> Finding | None:
        lines = draft.code.splitlines()
        measured = {
            "characters": (len(draft.code), min_characters, max_characters),
            "lines": (len(lines), 0, max_lines),
            "characters in one line": (max(map(len, lines), default=0), 0, max_line),
        }
        for what, (found, least, most) in measured.items() if lines else ():
            if not least <= found <= most:
                limit = most if found > most else least
                return Finding(
                    f"{found} {what}; the limit is {limit}", {"found": found, "limit": limit}
                )
        return None

    return Filter(
        "length",
        f"Code of {min_characters} to {max_characters} characters, at most {max_lines} lines and "
        f"{max_line} characters a line: more is data or packed code, which teaches little.",
        check,
        {
            "min_characters": min_characters,
            "max_characters": max_characters,
            "max_lines": max_lines,
            "max_line": max_line,
        },
    )


# --- language -------------------------------------------------------------------------------------


def _language(language: str, least: float) -> Filter:
    if language not in TELLING:
        raise BadRecipe("a language that cannot be told", language, f"Known: {', '.join(TELLING)}.")

    def check(draft: Draft, _: Evidence) -> Finding | None:
        text = "\n".join([spoken_text(draft.code, draft.language), *_strings(draft.facts)])
        for what, share in (
            ("letters", latin_share(text)),
            ("words", language_share(text, language)),
        ):
            if share is not None and share < least:
                reason = f"{share:.0%} of the {what} are of the language {language}"
                return Finding(reason, {"share": share, "least": least})
        return None

    return Filter(
        "language",
        f"Questions, texts and strings in the language {language} (at least {least:.0%} of letters "
        "and of telling words), the one that the prompts are in.",
        check,
        {"least_language": least},
    )


def latin_share(text: str) -> float | None:
    """Share of letters that are Latin; None where there are too few letters to say."""
    letters = _LETTER.findall(text)
    if len(letters) < LEAST_LETTERS:
        return None
    return sum(1 for letter in letters if _LATIN.match(letter)) / len(letters)


def language_share(text: str, language: str = "en") -> float | None:
    """Of the telling words of a language and of the likeliest other, the share of the former.

    None where there are too few to say.
    """
    words = _WORD.findall(text.casefold())
    hits = dict.fromkeys(TELLING, 0)
    for name, telling in TELLING.items():
        found = [word for word in words if word in telling]
        if len(set(found)) >= LEAST_DIFFERENT:
            hits[name] = len(found)
    own = hits.pop(language)
    other = max(hits.values())
    return None if max(own, other) < LEAST_TELLING else own / (own + other)


def _strings(value: Any) -> Iterator[str]:
    """All texts of several words in a piece of JSON."""
    if isinstance(value, str):
        if len(value.split()) > 2:
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


# --- repetition -----------------------------------------------------------------------------------


def _repetition(most: float) -> Filter:
    def check(draft: Draft, _: Evidence) -> Finding | None:
        for text in (draft.code, *_strings(draft.facts)):
            share = repetition(text)
            if share > most:
                reason = f"{share:.0%} of a text is one phrase, again and again"
                return Finding(reason, {"share": share, "most": most})
        return None

    return Filter(
        "repetition",
        f"No text of which more than {most:.0%} is a phrase that follows itself {LEAST_TURNS} times "
        "or more: what a model writes that has lost its way.",
        check,
        {"max_repetition": most},
    )


def repetition(text: str) -> float:
    """Share of the tokens in the longest stretch in which a phrase follows itself; 0..1."""
    tokens = _TOKEN.findall(text.casefold())
    if len(tokens) < 50:
        return 0.0
    numbers: dict[str, int] = {}
    ids = np.array([numbers.setdefault(t, len(numbers)) for t in tokens], np.int32)  # (T,)
    longest = 0
    for period in range(1, min(LONGEST_PHRASE, len(ids) // LEAST_TURNS) + 1):
        same = ids[period:] == ids[:-period]
        if int(np.count_nonzero(same)) + period <= max(longest, LEAST_TURNS * period - 1):
            continue  # no stretch can be longer than all that repeats; counting is quick
        stretch = _longest_run(same) + period
        if stretch >= LEAST_TURNS * period:
            longest = max(longest, stretch)
    return longest / len(ids)


def _longest_run(same: NDArray[np.bool_]) -> int:
    """Length of the longest run of true values."""
    breaks = np.flatnonzero(~same)
    edges = np.concatenate([[-1], breaks, [len(same)]])
    return int(np.diff(edges).max()) - 1


# --- licence --------------------------------------------------------------------------------------


def _licence(allowed: frozenset[str]) -> Filter:
    def check(draft: Draft, _: Evidence) -> Finding | None:
        named = draft.facts.get("licence")
        if named is None:  # the source's own work; it names its licence when it tells samples
            return None
        if not is_allowed(str(named), allowed):
            return Finding(f"licence {named or 'unknown'}: not one of those allowed")
        return None

    return Filter(
        "licence",
        f"A licence under which the sample may be handed on: {', '.join(sorted(allowed))}.",
        check,
    )


def is_allowed(expression: str, allowed: Iterable[str] = LICENCES) -> bool:
    """Whether an SPDX expression allows it: one side of OR, both sides of AND."""
    known = set(allowed)
    choices = re.split(r"\s+or\s+", expression.casefold().replace("(", " ").replace(")", " "))
    return any(
        all(part.strip() in known for part in re.split(r"\s+and\s+", choice)) for choice in choices
    )

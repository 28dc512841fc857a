"""Filters that every category shares: language, length, licence, repetition.

in:  a draft and its evidence; thresholds from the recipe
out: Filters (data/draft.py), each of which gives a Finding or None
not covered: what only charts, pages or programs can get wrong (charts/, pages/, ...)
"""

from __future__ import annotations

from collections.abc import Iterable

from viscodex.data.draft import Filter

LICENCES = (
    "apache-2.0",
    "mit",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "odc-by",
)
"""Under which a sample may be handed on, by SPDX name, lower case."""


def common_filters(
    *,
    language: str | None = "en",
    least_language: float = 0.5,
    min_characters: int = 20,
    max_characters: int = 20_000,
    max_lines: int = 600,
    max_line: int = 1_000,
    licences: Iterable[str] | None = LICENCES,
    max_repetition: float = 0.5,
) -> tuple[Filter, ...]:
    """The filters of all categories, in the order in which they are asked.

    Args:
        language: of comments, strings and questions; None: any.
        least_language: least share of words that may be of that language.
        min_characters, max_characters: of the code.
        max_lines: of the code.
        max_line: characters of its longest line.
        licences: those allowed, SPDX names; None: any.
        max_repetition: largest share of the text that repeats earlier lines or phrases.
    """
    raise NotImplementedError

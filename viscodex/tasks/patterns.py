"""Patterns of case files on text of models: with a limit of time.

in:  a regular expression, a text
out: whether it is found, or matches the whole
not covered: what is looked for (keywords.py, blanks.py)
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

import regex

SECONDS = 2.0  # for one pattern on one text


class Fault(Exception):
    """Grading a case could not go on: a bad pattern, a condition beyond its list, out of time."""


def check(pattern: str) -> None:
    """Raises Fault where the pattern is none."""
    try:
        _compiled(pattern, False)
    except _BAD as error:
        raise Fault(f"bad pattern {pattern[:80]!r}: {error}") from error


_BAD = (re.error, regex.error, OverflowError, RecursionError, MemoryError)


@lru_cache(4096)
def _compiled(pattern: str, ignore_case: bool) -> Any:
    """Searched by `regex`, which can be stopped; but what Python's own `re` refuses is no pattern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        re.compile(pattern)
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)


def found(pattern: str, text: str, *, whole: bool = False, ignore_case: bool = False) -> bool:
    """`re.search`, or `re.fullmatch`, within SECONDS.

    Raises:
        Fault: the pattern is bad, or takes too long on this text.
    """
    try:
        compiled = _compiled(pattern, ignore_case)
        look = compiled.fullmatch if whole else compiled.search
        return look(text, timeout=SECONDS) is not None
    except TimeoutError:
        raise Fault(f"pattern {pattern[:80]!r} took more than {SECONDS:g} s") from None
    except _BAD as error:
        raise Fault(f"bad pattern {pattern[:80]!r}: {error}") from error

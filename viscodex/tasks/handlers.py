"""Named handlers that case files may ask for by module and func. Case files cannot bring code.

in:  the name module:func
out: a function of a response, or of (score, total, lines)
not covered: the handler modules of InfiBench itself, which are code of others
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Handler = Callable[..., tuple[float, float, Any]]
"""customized: (response) -> (points, of how many, detail); post_handler: (points, of how many,
lines on rules or blanks) -> the same."""


def all_or_nothing(score: float, total: float, lines: Sequence[str]) -> tuple[float, float, Any]:
    """All points if every rule or blank matched, else none."""
    whole = all(line.startswith("match") for line in lines)
    return (total if whole else 0.0), total, {"whole": whole}


HANDLERS: dict[str, Handler] = {"viscodex:all_or_nothing": all_or_nothing}


def find_handler(name: str, further: Mapping[str, Handler]) -> Handler | None:
    """The handler of a name module:func."""
    return further.get(name) or HANDLERS.get(name)

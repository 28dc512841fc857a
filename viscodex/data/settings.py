"""The settings of a source: defaults filled in, what there is not refused.

in:  what a recipe sets, the source's defaults and kinds
out: all settings as plain data
not covered: sources with thresholds of their own (charts/source.py, pages/source.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from viscodex.errors import BadRecipe


def settings_of(
    source: str,
    seed: int,
    given: Mapping[str, Any],
    defaults: Mapping[str, Any],
    kinds: Iterable[str],
) -> dict[str, Any]:
    """Seed, defaults and what was given, in this order.

    Args:
        source: its name, for the error.
        kinds: all that the setting `kinds` may name.

    Raises:
        BadRecipe: a setting that there is not, or a kind that there is not.
    """
    if unknown := sorted(set(given) - set(defaults)):
        todo = f"Known are {', '.join(defaults)}."
        raise BadRecipe(f"a setting that the {source} source has not", ", ".join(unknown), todo)
    settings = {"seed": seed, **defaults, **given}
    if wrong := sorted(set(settings["kinds"]) - set(kinds)):
        raise BadRecipe(f"a kind that the {source} source has not", ", ".join(wrong))
    return settings


def merged(
    source: str, setting: str, usual: Mapping[str, float], given: Mapping[str, float] | None
) -> dict[str, float]:
    """Named numbers with those that a recipe sets.

    Raises:
        BadRecipe: a name that there is not.
    """
    for name in given or {}:
        if name not in usual:
            near = get_close_matches(name, usual, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(usual)}"
            raise BadRecipe(f"{setting} of the {source} source has an unknown name", name, hint)
    return {name: float((given or {}).get(name, value)) for name, value in usual.items()}


def same_as_before(source: str, what: str, now: Any, before: Any) -> None:
    """Refuse a recipe that names what it was made of, where that is something else by now.

    Raises:
        BadRecipe: both are named.
    """
    if before is not None and before != now:
        raise BadRecipe(
            f"the {what} of the {source} source are not those that the recipe names",
            f"recipe: {before}\nhere:   {now}",
            f"Leave the key `{what}` out to take what is here.",
        )

"""The settings of a source: defaults filled in, what there is not refused.

in:  what a recipe sets, the source's defaults and kinds
out: all settings as plain data
not covered: sources with thresholds of their own (charts/source.py, pages/source.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

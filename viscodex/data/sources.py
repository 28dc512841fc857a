"""The sources that a recipe can name, and how an entry of a recipe becomes one.

in:  the entries of a recipe
out: sources, constructed with the recipe's seed and their settings
not covered: what they make (charts, pages, problems, questions)
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from viscodex.data.draft import Draft, Evidence, Exhausted, Machine, Source, Unfit
from viscodex.data.recipe import DataRecipe, SourceEntry
from viscodex.data.teacher import Teacher
from viscodex.errors import BadInput, BadRecipe
from viscodex.types import CATEGORIES

SOURCES: dict[str, str] = {
    "chart": "viscodex.data.charts:ChartSource",
    "html": "viscodex.data.pages:PageSource",
    "algorithm": "viscodex.data.problems:ProblemSource",
    "qa": "viscodex.data.questions:QuestionSource",
    "chart_written": "viscodex.data.taught:WrittenCharts",
    "chart_script": "viscodex.data.taught:ScriptCharts",
    "html_designed": "viscodex.data.taught:DesignedPages",
    "post": "viscodex.data.posts:PostSource",
    "kodcode": "viscodex.data.kodcode:KodCodeSource",
}
"""Name in a recipe -> where the class is."""

BUGS = (
    ArithmeticError, AssertionError, AttributeError, BadInput, LookupError, NameError,
    RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What a source may raise through a mistake of its own; it costs the draft, not the build."""


GIVEN = ("seed", "teacher", "judge")
"""Parameters of a source that come from the recipe, not from its settings."""


def make_sources(recipe: DataRecipe, work: Path | None = None) -> dict[str, Source]:
    """The wanted sources of a recipe, by their keys in it.

    Args:
        work: folder of the build, where teachers keep their books.

    Raises:
        BadRecipe: no such source, unknown or refused settings, two sources of one name.
    """
    sources = {label: make_source(recipe, label, work) for label in recipe.wanted}
    names: dict[str, str] = {}
    for label, source in sources.items():
        other = names.setdefault(source.name, label)
        if other != label:
            raise BadRecipe(
                "two sources give their samples the same ids",
                f"sources.{other} and sources.{label}: both are named {source.name}",
                "Give each a name of its own where the source has such a setting, or make two "
                "data sets.",
            )
    return sources


def make_source(recipe: DataRecipe, label: str, work: Path | None = None) -> Source:
    """One source of a recipe; as make_sources."""
    entry = recipe.sources[label]
    place = f"sources.{label}"
    cls = _source_class(entry, label)
    known = inspect.signature(cls).parameters
    settings = _settings(entry, recipe.seed)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
    for key in settings:
        if key in GIVEN or not (open_ended or key in known):
            _refuse_setting(f"{place}.settings.{key}", key, [k for k in known if k not in GIVEN])
    given: dict[str, Any] = {"seed": recipe.seed}
    given |= {key: one for key, one in _teachers(recipe, work).items() if key in known}
    needed = "teacher" in known and known["teacher"].default is inspect.Parameter.empty
    if needed and given["teacher"] is None:
        raise BadRecipe(
            "a source asks a teacher, and the recipe has none",
            f"{place}: {entry.source or label}",
            "Add a section `teacher: {model: ..., endpoint: ...}` (docs/mcd.md).",
        )
    try:
        source = cls(**given, **settings)
    except (ValueError, TypeError) as error:
        raise BadRecipe(
            "a source refuses its settings", f"{place}.settings: {error}", ""
        ) from error
    if source.category not in CATEGORIES:
        raise BadRecipe(
            "a source makes samples of no known category",
            f"{place}: {source.category!r}",
            f"Categories: {', '.join(CATEGORIES)}.",
        )
    return cast("Source", source)


def _settings(entry: SourceEntry, seed: int) -> dict[str, Any]:
    """The settings of an entry; the recipe's seed among them, as cards have it, says nothing new."""
    return {k: v for k, v in entry.settings.items() if (k, v) != ("seed", seed)}


def _teachers(recipe: DataRecipe, work: Path | None) -> dict[str, Teacher | None]:
    """The teacher and the judge of a recipe; without a judge, the teacher judges."""
    settings = {"teacher": recipe.teacher, "judge": recipe.judge}
    made = {
        name: None if own is None else Teacher(own, None if work is None else work / name)
        for name, own in settings.items()
    }
    return {**made, "judge": made["judge"] or made["teacher"]}


def _source_class(entry: SourceEntry, label: str) -> Any:
    name = entry.source or label
    place = f"sources.{label}{'.source' if entry.source else ''}: {name}"
    path = SOURCES.get(name, name)
    module, colon, attribute = path.partition(":")
    if not colon:
        near = get_close_matches(name, SOURCES, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise BadRecipe(
            "no such source",
            place,
            f"{hint}Known: {', '.join(SOURCES)}; or give `source: package.module:Name`.",
        )
    try:
        cls = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadRecipe(
            "a source cannot be imported",
            f"{place}: {error}",
            "Give package.module:Name of a class that Python finds from here.",
        ) from error
    if not (isinstance(cls, type) and all(hasattr(cls, m) for m in ("draft", "execute", "tell"))):
        raise BadRecipe(
            "what a recipe names as a source is none",
            place,
            "A source is a class with draft, execute and tell (viscodex/data/draft.py).",
        )
    return cls


def _refuse_setting(place: str, key: str, known: list[str]) -> None:
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise BadRecipe("the recipe cannot be meant", f"{place}: unknown key; {hint}", "")


def try_sources(sources: Mapping[str, Source], runtime: str) -> None:
    """Draw and run the first draft of every source, so that what is missing shows before work.

    Raises:
        MissingPart, IsolationMissing: no browser, runtime or isolation.
        BadInput: a source cannot make its first draft, or gives something else.
    """
    with Machine(runtime) as machine:
        for label, source in sources.items():
            try:
                draft = source.draft(0)
                evidence = source.execute(draft, machine)
            except (Unfit, Exhausted):
                continue  # what it is made of has no sample there; the build counts it
            except BUGS as error:
                raise BadInput(
                    "a source fails on its first draft",
                    f"sources.{label}: {type(error).__name__}: {error}",
                    "Mend the source; `draft(0)` and `execute` of it are what was called.",
                ) from error
            if not isinstance(draft, Draft) or not isinstance(evidence, Evidence):
                raise BadInput(
                    "a source gives something else than a draft and its evidence",
                    f"sources.{label}: {type(draft).__name__}, {type(evidence).__name__}",
                    "See viscodex/data/draft.py.",
                )

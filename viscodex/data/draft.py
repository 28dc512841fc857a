"""The nouns of a build: a draft is proposed, executed, judged by filters, and told as samples.

in:  nothing; the sources make drafts, the blocks of the pipeline pass them on
out: Draft, Evidence, Reject, Unfit; the Source and Filter that each category implements
not covered: the pipeline itself (build.py), what a stored sample is (viscodex/types.py)

    source.draft(index) -> Draft            a function of the recipe's seed and the index alone
    source.execute(draft, machine) -> Evidence         runs or renders it in the sandbox
    each filter of source.filters: (draft, evidence) -> Finding or None
    source.tell(draft, evidence) -> samples            the code sample first, then the inverse tasks
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from viscodex.execute.chart import ChartPool
from viscodex.execute.page import PagePool
from viscodex.types import Category, Execution, Sample


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample before anything of it ran."""

    id: str  # "chart-0000017": source and index; the samples told of it are named after it
    category: Category
    kind: str  # bar, landing, knapsack, wrong_plot, ...
    code: str  # what runs: chart script, page, reference solution
    language: str  # python, html, ...
    difficulty: float  # 0 plain .. 1 dense
    seed: int  # from which everything of it was drawn
    facts: dict[str, Any] = field(default_factory=dict)
    """JSON: what the picture shows, question and answer texts, tests, further code to run."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What running a draft showed."""

    executions: tuple[Execution, ...]  # the first is that of draft.code
    images: tuple[bytes, ...] = ()  # of the sample, PNG; often the first execution's
    numbers: dict[str, float] = field(default_factory=dict)  # measured once, for several filters


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a filter rejects a draft."""

    reason: str  # one line for a person
    numbers: dict[str, float] = field(default_factory=dict)  # what was measured, and the threshold


@dataclass(frozen=True, slots=True)
class Filter:
    """One reason for which drafts are rejected."""

    name: str  # blank, overflow, unseeded, ...
    explain: str  # what it looks for and why, one sentence; stands on the card
    check: Callable[[Draft, Evidence], Finding | None]
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    """Setting -> value at which it decides; stands on the card, too."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A draft or row that was not kept, with what there is of it."""

    id: str
    category: str
    filter: str  # execute, the name of the filter, duplicate, contaminated, too_long, bad_row
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)
    kind: str = ""
    code: str = ""
    image: bytes | None = None


class Unfit(Exception):
    """Raised by draft, execute or tell: there is no sample in this material; it costs the draft.

    Args:
        filter: the name under which it is counted: refusal, no_code, ...
        reason: one line for a person.
        numbers: what was measured.
        kind, code: of the draft, where it came that far; they stand in the reject.
    """

    def __init__(
        self,
        filter: str,
        reason: str,
        numbers: Mapping[str, float] | None = None,
        *,
        kind: str = "",
        code: str = "",
    ) -> None:
        super().__init__(filter, reason)
        self.filter, self.finding = filter, Finding(reason, dict(numbers or {}))
        self.kind, self.code = kind, code


class Exhausted(Exception):
    """Raised by draft: the source has no draft of this index, nor of any higher one."""


class Machine:
    """What runs drafts: pools that start when they are first needed. One for each process.

    Args:
        runtime: of the charts (viscodex runtime install NAME).
        workers: scripts or pages at once.
    """

    def __init__(self, runtime: str = "current", workers: int = 1) -> None:
        self.runtime, self.workers = runtime, workers
        self._stack = contextlib.ExitStack()

    @cached_property
    def charts(self) -> ChartPool:
        """Runs chart scripts."""
        return self._stack.enter_context(ChartPool(self.runtime, workers=self.workers))

    @cached_property
    def pages(self) -> PagePool:
        """Renders pages."""
        return self._stack.enter_context(PagePool(self.workers))

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


class Source(Protocol):
    """A category's way from an index to samples; constructed as Source(seed=..., **settings).

    Attributes:
        name: "chart"; begins the ids.
        category: of its samples.
        filters: in the order in which they are asked; thresholds are settings of the source.
        settings: all that steers it, as plain data, with defaults filled in: for card and identity.
    """

    name: str
    category: Category
    filters: tuple[Filter, ...]
    settings: Mapping[str, Any]

    def draft(self, index: int) -> Draft:
        """The draft of this index; equal on every machine and in every order."""
        ...

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run or render it. A failure is an Execution with a status, never an exception."""
        ...

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The samples of a draft that passed: ids draft.id, then draft.id + "-describe", ..."""
        ...

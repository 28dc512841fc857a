"""viscodex: merge a coding LLM into a vision-language model, and prove it by running its code.

in:  checkpoints, pictures, answers
out: merged models, code, scores
not covered: anything heavy at import; each name below loads its library when it is used
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from viscodex.errors import ViscodexError as ViscodexError
    from viscodex.execute.chart import ChartPool as ChartPool
    from viscodex.execute.page import PagePool as PagePool
    from viscodex.execute.program import run_program as run_program
    from viscodex.generate.writer import generate as generate
    from viscodex.merge.apply import merge as merge
    from viscodex.merge.checkpoint import read_checkpoint as read_checkpoint
    from viscodex.merge.geometry import measure_geometry as measure_geometry
    from viscodex.merge.plan import plan_merge as plan_merge
    from viscodex.types import Execution as Execution
    from viscodex.types import MergePlan as MergePlan
    from viscodex.types import MergeReport as MergeReport

_HOME = {
    "ChartPool": "viscodex.execute.chart",
    "Execution": "viscodex.types",
    "MergePlan": "viscodex.types",
    "MergeReport": "viscodex.types",
    "PagePool": "viscodex.execute.page",
    "ViscodexError": "viscodex.errors",
    "measure_geometry": "viscodex.merge.geometry",
    "plan_merge": "viscodex.merge.plan",
    "read_checkpoint": "viscodex.merge.checkpoint",
    "run_program": "viscodex.execute.program",
}

_FOLDERS = ("generate", "merge")
"""Folders that can be called by their own name: see merge/__init__.py."""

__all__ = ["__version__", *_FOLDERS, *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return import_module(f"viscodex.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'viscodex' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

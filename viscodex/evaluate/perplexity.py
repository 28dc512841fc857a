"""How well a model continues code: a text-only check that needs no answers.

in:  a system, the texts of a retention set
out: perplexity and bits per byte, kept in RUN/perplexity.json
not covered: the likelihoods themselves (models/likelihood.py)
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from viscodex.evaluate.system import System
from viscodex.files import write_atomically
from viscodex.tasks.retention import COMPLETION, read_rows
from viscodex.tasks.task import Benchmark


def code_perplexity(system: System, benchmark: Benchmark, place: Path) -> dict[str, Any] | str:
    """The figures, or why there are none; measured once for each model and set.

    Args:
        place: of the run.
    """
    texts = [row["text"] for row in read_rows(Path(benchmark.place)) if row["set"] == COMPLETION]
    if system.identity.get("kind") != "local" or system.own is None:
        return "unknown: only a local model tells how likely a text is"
    if not texts:
        return "unknown: the set has no texts for it"
    told = json.dumps([system.identity, texts], sort_keys=True, default=str)
    key = hashlib.sha256(told.encode()).hexdigest()
    file = place / "perplexity.json"
    if file.exists():
        known: dict[str, Any] = json.loads(file.read_text("utf-8"))
        if known.pop("key", "") == key:
            return known
    from viscodex.models.likelihood import likelihoods, perplexity
    from viscodex.models.local import LocalModel

    if not isinstance(system.own, LocalModel):
        return "unknown: only a model of transformers tells how likely a text is"
    found: dict[str, Any] = dict(perplexity(likelihoods(system.own, texts)))
    write_atomically(file, json.dumps({"key": key, **found}, indent=1))
    return found

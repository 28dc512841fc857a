"""What a point is worth on each item: a loss, a benchmark's metric, or a function of the model.

in:  a model with a point's weights, items
out: one value an item; None where it could not be found
not covered: which items (dev.py), setting weights (place.py), what is done with values (run.py)
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

import torch

from viscodex.errors import BadRecipe
from viscodex.merge.checkpoint import Checkpoint
from viscodex.merge.search.dev import Dev
from viscodex.merge.search.recipe import Objective
from viscodex.models.likelihood import AnswerLosses
from viscodex.models.local import LocalModel
from viscodex.models.model import Decoding, Prompt
from viscodex.report.table import PAPER_COLUMNS
from viscodex.tasks.run import score_one
from viscodex.tasks.task import Item, ProtocolName, Task, protocols_of, task
from viscodex.text import read_answer
from viscodex.types import Sample

Value = float | None


class SearchModel(LocalModel):
    """A local model whose weights may be set."""

    @property
    def module(self) -> Any:
        """The model of transformers."""
        return self._model


def open_search_model(checkpoint: Checkpoint, objective: Objective, device: str | None, dtype: str | None) -> SearchModel:  # fmt: skip
    """The vision-language model, loaded once for all points."""
    return SearchModel(
        checkpoint,
        str(checkpoint.path),
        device=device,
        dtype=dtype,
        batch=objective.batch,
        max_pixels=objective.max_pixels,
    )


class Evaluator(Protocol):
    """Values of items under the weights that the model has now."""

    def values(self, items: Sequence[Any]) -> list[Value]:
        """One for each item."""
        ...


@contextlib.contextmanager
def evaluator(objective: Objective, model: SearchModel, dev: Dev) -> Iterator[Evaluator]:
    """The evaluator of an objective; pools and browsers live as long as it.

    Raises:
        BadRecipe: no such metric or function.
        MissingPart: what the benchmark needs is not here.
    """
    if objective.kind == "loss":
        yield LossEvaluator(model, objective)
    elif objective.kind == "function":
        yield FunctionEvaluator(model, objective)
    else:
        with task_evaluator(objective, model, dev) as found:
            yield found


# --- loss -----------------------------------------------------------------------------------------


class LossEvaluator:
    """Mean negative log-likelihood of the answer's tokens, its end token included; nats a token."""

    def __init__(self, model: SearchModel, objective: Objective) -> None:
        self._losses = AnswerLosses(model, batch=objective.batch, max_tokens=objective.max_tokens)

    def values(self, items: Sequence[Sample]) -> list[Value]:
        """See Evaluator; None for a sample that the model cannot take."""
        return self._losses.of(items)


# --- a benchmark ----------------------------------------------------------------------------------


class TaskEvaluator:
    """A benchmark's metric: answers are generated, run and scored."""

    def __init__(self, objective: Objective, model: SearchModel, scorer: Any) -> None:
        self._task = task(str(objective.task))
        self._objective, self._model, self._scorer = objective, model, scorer
        self.metric = objective.metric or _lead(self._task)
        self.protocol = _protocol(self._task, objective)

    def values(self, items: Sequence[Item]) -> list[Value]:
        """See Evaluator; an answer that could not be made or run is 0, one that cannot be scored None."""
        prompts = (
            Prompt(item.prompt, tuple(p.read() for p in item.images), item.id) for item in items
        )
        decoding = Decoding(max_tokens=self._objective.max_tokens)
        found: list[Value] = []
        for item, said in zip(items, self._model.complete(prompts, decoding), strict=True):
            answer = read_answer(item.id, said, self._task.language, 0)
            scores = score_one(self._scorer, item, answer, (self.protocol,))
            values = self._task.values(item, scores)
            if scores and self.metric not in values and not item.metrics and values:
                raise BadRecipe(
                    "the benchmark has no such metric",
                    f"{self._task.name}: {self.metric}; it has {', '.join(values)}",
                    "Change objective.metric.",
                )
            value = values.get(self.metric, math.nan)
            found.append(None if math.isnan(value) else value)
        return found


@contextlib.contextmanager
def task_evaluator(objective: Objective, model: SearchModel, dev: Dev) -> Iterator[TaskEvaluator]:
    """The evaluator of a benchmark with its scorer."""
    known = task(str(objective.task))
    protocol = _protocol(known, objective)
    how = {} if objective.runtime is None else {"runtime_name": objective.runtime}
    assert dev.benchmark is not None, "a benchmark was read for this kind"
    with known.scorer(dev.benchmark, protocols=(protocol,), **how) as scorer:
        yield TaskEvaluator(objective, model, scorer)


def _protocol(known: Task, objective: Objective) -> ProtocolName:
    """The wanted one, or the only one that there is."""
    there = protocols_of(known, "both")
    return objective.protocol if objective.protocol in there else there[0]


def _lead(known: Any) -> str:
    for column in PAPER_COLUMNS:
        if column.task == known.name:
            return column.metric
    return str(known.headline[-1])


# --- a function -----------------------------------------------------------------------------------


class FunctionEvaluator:
    """A function of the model of transformers, from outside."""

    def __init__(self, model: SearchModel, objective: Objective) -> None:
        module, _, name = str(objective.function).partition(":")
        try:
            self._function = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise BadRecipe(
                "there is no such function", f"{objective.function}: {error}", "package.module:name"
            ) from error
        self._model = model

    def values(self, items: Sequence[Any]) -> list[Value]:
        """See Evaluator; the function knows its items itself."""
        with torch.inference_mode():
            return [float(value) for value in self._function(self._model.module)]

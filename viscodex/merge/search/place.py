"""Merged weights set in place into a model of transformers.

in:  a model that was loaded from the vision-language model's files; recipes
out: the same model with the merged weights, equal in every bit to one loaded from a merged checkpoint
not covered: merging (merge/memory.py), asking the model (objective.py)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from viscodex.errors import BadCheckpoint
from viscodex.merge.layout import HEAD, Model
from viscodex.merge.memory import Merger
from viscodex.merge.plan import Job
from viscodex.recipe import MergeRecipe

TORCH_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
}  # fmt: skip
_EYES = ("visual", "vision", "image_newline")


class InPlace:
    """Sets one point after another.

    Args:
        module: of transformers; its language model is overwritten.
        merger: holds the inputs.
        seen: called with each tensor that is set, before the model's dtype is applied.
    """

    def __init__(
        self,
        module: Any,
        merger: Merger,
        seen: Callable[[Job, torch.Tensor], None] = lambda job, tensor: None,
    ) -> None:
        self.module, self.merger, self._seen = module, merger, seen
        self.n_set = 0  # tensors, over all points
        self._names: dict[str, str] = {}

    def set(self, recipe: MergeRecipe) -> None:
        """Make the model the merge of a recipe; tensors that stay the same are not touched.

        Raises:
            ViscodexError: the recipe is refused; the model is then between two points, and the next
                call sets what is left.
        """
        work = self.merger.plan(recipe)
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        self._untie(work.jobs, parameters)
        with torch.no_grad():
            for job, data in self.merger.changed(work):
                raw = torch.from_numpy(data).view(TORCH_DTYPES[job.step.dtype])
                tensor = raw.reshape(job.step.shape)
                parameter = parameters[self._name(job.canonical, work.target, parameters)]
                parameter.copy_(tensor)
                self._seen(job, tensor)
                self.n_set += 1
            head = _head(parameters)
            if head is not None and all(job.canonical != HEAD for job in work.jobs.values()):
                embedding = self.module.get_input_embeddings().weight
                if parameters[head] is not embedding:  # untied by an earlier point
                    parameters[head].copy_(embedding)

    def _untie(self, jobs: dict[str, Job], parameters: dict[str, Any]) -> None:
        """A head of its own where a point has one and the model's is its embedding."""
        head = _head(parameters)
        if head is None or all(job.canonical != HEAD for job in jobs.values()):
            return
        if parameters[head] is self.module.get_input_embeddings().weight:
            own = torch.nn.Parameter(parameters[head].detach().clone(), requires_grad=False)
            self.module.get_output_embeddings().weight = own
            parameters[head] = own

    def _name(self, plain: str, target: Model, parameters: dict[str, Any]) -> str:
        """The parameter that holds a tensor of the language model."""
        if plain not in self._names:
            inner = plain.removeprefix("model.")
            shape = target.language_model[plain].shape if plain in target.language_model else None
            found = [
                name
                for name, value in parameters.items()
                if (name == inner or name.endswith(f".{inner}"))
                and not any(word in name for word in _EYES)
                and (shape is None or tuple(value.shape) == shape)
            ]
            if len(found) != 1:
                raise BadCheckpoint(
                    "this model cannot be merged in place",
                    f"{target.checkpoint.path}: {plain} belongs to {', '.join(found) or 'no parameter'}",
                    "transformers keeps its weights in another form; search with viscodex merge and\n"
                    "viscodex eval, point by point.",
                )
            self._names[plain] = found[0]
        return self._names[plain]


def _head(parameters: dict[str, Any]) -> str | None:
    return next((name for name in parameters if name == HEAD or name.endswith(f".{HEAD}")), None)

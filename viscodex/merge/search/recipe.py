"""What a search is: models, objective, the data that it must not share, curve and optimiser.

in:  YAML
out: SearchRecipe, checked
not covered: whether models and data exist (run.py)
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from viscodex.recipe import Frozen, MergeMethod


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Share = Annotated[float, Field(ge=0, le=1)]
Range = tuple[Share, Share]


class Data(Frozen):
    """A benchmark as it was published, or a data set of `viscodex data` (scored as one, with task)."""

    data: str
    task: str | None = None  # of a benchmark; None: a data set
    split: str = ""


class Objective(Data):
    """What is made best, on which samples.

    loss: mean negative log-likelihood of a data set's answers, nats a token; lower is better.
    task: the metric of a benchmark: answers are generated, run and scored; higher is better.
    function: package.module:name, called with the model of transformers, returns a value for each
        item; higher is better. Needs no data.
    """

    kind: Literal["loss", "task", "function"]
    data: str = ""
    function: str | None = None
    n: Annotated[int, Field(ge=2)] = 64  # items of the dev split
    confirm: Annotated[int, Field(ge=0)] = 0
    """Further items that no choice is made on: the winner against the paper's lambda."""
    seed: Annotated[int, Field(ge=0)] = 0
    metric: str | None = None  # default: the one that the benchmark is compared by
    protocol: Literal["paper", "strict"] = "strict"
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    batch: Annotated[int, Field(ge=1)] = 4
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    runtime: str | None = None  # in which charts are run

    @model_validator(mode="after")
    def _whole(self) -> Objective:
        if self.kind == "function":
            if self.function is None or ":" not in self.function:
                raise ValueError("a function is given as package.module:name")
            return self
        if not self.data:
            raise ValueError(f"{self.kind} needs data: a folder")
        if (self.kind == "task") != (self.task is not None):
            raise ValueError("task: names the benchmark of kind task, and goes with no other kind")
        return self

    @property
    def is_lower_better(self) -> bool:
        """Whether small values are good."""
        return self.kind == "loss"


class Curve(Frozen):
    """Lambda on a grid, once for each method and code model."""

    lam: tuple[Share, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 1.0)
    methods: tuple[MergeMethod, ...] = ("task_arithmetic",)
    density: Share | None = None  # of the methods that have one


class Optimise(Frozen):
    """An optimiser over coefficients, methods and code models."""

    trials: Annotated[int, Field(ge=0)] = 30
    seed: Annotated[int, Field(ge=0)] = 0
    sampler: Literal["tpe", "random"] = "tpe"
    methods: tuple[MergeMethod, ...] = ("task_arithmetic",)
    coefficients: Literal["global", "depth", "module"] = "global"
    knots: Annotated[int, Field(ge=2, le=16)] = 3  # of depth: lambda is linear between them
    modules: Names = ("embed_tokens", "self_attn", "mlp", "lm_head")
    """Parts of tensor names that have a lambda of their own; all others share one."""
    lam: Range = (0.0, 1.0)
    density: Range = (0.2, 1.0)
    prune: bool = True

    @model_validator(mode="after")
    def _ranges(self) -> Optimise:
        for name in ("lam", "density"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name}: [{low}, {high}] is no range; the lower end comes first")
        return self


class SearchRecipe(Frozen):
    """A search."""

    vlm: str
    code: Names
    base: str | None = None
    together: bool = False
    """Several code models: merge all of them at once, each with a share of 1 - lambda."""
    objective: Objective
    test: tuple[Data, ...]
    """What the chosen recipe will be measured on: nothing of it may be in the dev split. May be [],
    and the page then says so."""
    curve: Curve | None = None
    optimise: Optimise | None = None
    device: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] | None = None

    @model_validator(mode="after")
    def _something(self) -> SearchRecipe:
        if self.curve is None and self.optimise is None:
            raise ValueError("nothing to search: give curve, optimise or both")
        if not self.code or len(set(self.code)) != len(self.code):
            raise ValueError("code: one model, or several different ones")
        if self.together and len(self.code) < 2:
            raise ValueError("together needs several code models")
        methods = {*(self.curve.methods if self.curve else ()), *(self.optimise.methods if self.optimise else ())}  # fmt: skip
        odd = methods & ({"replace", "model_stock"} | ({"slerp"} if self.together else set()))
        if odd:
            raise ValueError(f"{', '.join(sorted(odd))} has no lambda to search here")
        return self

    def identity(self) -> dict[str, Any]:
        """What a resumed search must agree in: all but the number of trials."""
        told = self.model_dump(mode="json")
        if told["optimise"]:
            del told["optimise"]["trials"]
        return told

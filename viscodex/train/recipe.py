"""The training recipe: what learns from what, how fast, and what is kept.

in:  YAML (viscodex/recipe.py reads it)
out: TrainRecipe; its stages as recipes of their own
not covered: whether model and data exist and fit one another (run.py)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from viscodex.recipe import Frozen, check_recipe
from viscodex.types import Category


def _rate(value: object) -> object:
    """YAML reads 1e-5 as text; a rate is True, False or a number."""
    return float(value) if isinstance(value, str | int) and not isinstance(value, bool) else value


Rate = Annotated[bool | Annotated[float, Field(gt=0)], BeforeValidator(_rate)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class DataPart(Frozen):
    """One data set of the mixture."""

    path: str  # folder of a data set; the published MCD *.json; *.jsonl of {"text": ...}
    images: str | None = None  # of MCD: the folder with mcd_images
    weight: Annotated[float, Field(gt=0)] = 1.0  # passes over it in an epoch
    share: Share = 1.0  # of its samples; 0.01 lies within 0.05, that within 0.2 (same seed)
    categories: tuple[Category, ...] | None = None
    tasks: tuple[str, ...] | None = None


class Learn(Frozen):
    """Which part learns: true (at `lr`), false (frozen), or a learning rate of its own."""

    vision_tower: Rate = False
    projector: Rate = False
    language_model: Rate = True
    embed_tokens: Rate = True
    lm_head: Rate = True


class Lora(Frozen):
    """Low-rank adapters on the linear layers of the language model; Hu et al. 2021."""

    rank: Count = 64
    alpha: Count = 128
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    targets: tuple[str, ...] = (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip


class TrainRecipe(Frozen):
    """A training run; `stages` makes several of it, each starting from the model before."""

    # what starts
    model: str | None = None  # checkpoint: directory or hub name
    merge: str | None = None  # merge recipe that makes the directory `model` where it is absent
    config: dict[str, Any] | None = None  # instead of model: a config, weights from scratch
    tokenizer: str | None = None  # with config: directory of the tokenizer
    out: str  # run folder
    # what it learns from
    data: Annotated[tuple[DataPart, ...], Field(min_length=1)]
    eval_data: tuple[DataPart, ...] = ()
    eval_share: Annotated[float, Field(ge=0, lt=1)] = 0.0  # held out of `data` for evaluation
    loss: Literal["answers", "last_answer", "everything"] = "answers"
    # sizes
    epochs: Annotated[float, Field(gt=0)] = 2.0
    max_steps: Count | None = None
    batch: Count = 128  # samples of one optimiser step, over all devices
    max_tokens: Count = 8192  # of one sample, text and vision
    row_tokens: Count | None = None  # of one forward pass on one device; None: max_tokens
    pack: bool = True
    max_pixels: Count = 1_003_520
    min_pixels: Count = 3_136
    too_long: Literal["resize", "reject"] = "resize"  # of samples whose pictures can shrink
    # what learns, and how fast
    learn: Learn = Learn()
    lora: Lora | None = None
    lr: Annotated[float, Field(gt=0)] = 1e-5
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03  # share of the steps
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    optimizer: str = "adamw_torch"  # muon (muon.py), or a name of transformers' optim
    seed: Annotated[int, Field(ge=0)] = 0
    # how it is computed
    precision: Literal["auto", "bf16", "fp32", "bf16_weights"] = "auto"
    """bf16: arithmetic in bfloat16, weights and optimizer in float32; bf16_weights: all bfloat16; auto: bf16
    where the device computes in it, else fp32 (precision.py)."""
    gradient_checkpointing: bool = True
    liger: Literal["auto", "off"] = "auto"
    attention: Literal["auto", "segments", "sdpa", "flash_attention_2"] = "auto"
    workers: Annotated[int, Field(ge=0)] = 0  # processes that read and resize pictures
    try_largest: bool = True  # forward and backward of the largest row before step 1
    # what is seen and kept
    log_every: Count = 1
    eval_every: Count | None = None
    save_every: Count | None = None  # None: at the end only
    final: Literal["last", "best"] = "last"
    sample_every: Count | None = None
    n_samples: Count = 4
    sample_tokens: Count = 1024
    # several stages
    stages: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> TrainRecipe:
        if (self.model is None) == (self.config is None):
            raise ValueError("give either model (a checkpoint) or config (from scratch)")
        if (self.config is None) != (self.tokenizer is None):
            raise ValueError("config and tokenizer go together: a model from scratch needs both")
        if self.merge is not None and self.model is None:
            raise ValueError("merge makes the directory that model names: give model too")
        if self.config is not None and self.lora is not None:
            raise ValueError("lora adapts a trained model; from scratch there is none")
        if self.row_tokens is not None and self.row_tokens < self.max_tokens:
            raise ValueError(
                f"row_tokens = {self.row_tokens} is less than max_tokens = {self.max_tokens}: "
                "a row must hold the longest sample"
            )
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels {self.min_pixels} > max_pixels {self.max_pixels}")
        needs = self.final == "best" or self.eval_every is not None
        if needs and not self.eval_data and not self.eval_share:
            raise ValueError("evaluation needs eval_data or eval_share")
        if self.final == "best" and self.eval_every is None:
            raise ValueError("final: best needs eval_every")
        for stage in self.stages:
            if {"stages", "out", "model", "merge", "config", "tokenizer"} & set(stage):
                raise ValueError("a stage has no stages, out, model, merge, config or tokenizer")
        return self

    @property
    def row(self) -> int:
        """Tokens of one forward pass on one device."""
        return self.row_tokens or self.max_tokens


def stages_of(recipe: TrainRecipe) -> Iterator[TrainRecipe]:
    """The stages of a recipe in order, each a recipe: stage n starts from the model of n - 1.

    Raises:
        BadRecipe: a stage has a key or value that cannot be meant.
    """
    if not recipe.stages:
        yield recipe
        return
    shared = recipe.model_dump(exclude={"stages"}, exclude_unset=True)
    start: dict[str, Any] = {}
    for number, stage in enumerate(recipe.stages, start=1):
        out = str(Path(recipe.out) / f"stage-{number}")
        own = {**shared, **start, **stage, "out": out}
        yield check_recipe(TrainRecipe, own, where=f"stages.{number - 1}")
        start = {"model": str(Path(out) / "model"), "merge": None}
        start |= {"config": None, "tokenizer": None}

"""The recipe of the embedded family: sizes, data, and how long each stage learns.

in:  YAML (recipes/nano/cpu.yaml, gpu.yaml)
out: NanoRecipe
not covered: what the stages do (family.py)
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from viscodex.nano.texts import SHARES
from viscodex.recipe import Frozen

Count = Annotated[int, Field(ge=1)]


class TextSizes(Frozen):
    """The language model, in the words of Qwen2's config."""

    hidden_size: Count = 256
    intermediate_size: Count = 704
    num_hidden_layers: Count = 6
    num_attention_heads: Count = 4
    num_key_value_heads: Count = 2
    max_position_embeddings: Count = 2048
    vocab_size: Count = 4096


class VisionSizes(Frozen):
    """The vision tower, in the words of Qwen2.5-VL's config."""

    depth: Count = 4
    hidden_size: Count = 192
    intermediate_size: Count = 512
    num_heads: Count = 3


class Reading(Frozen):
    """The first lessons of the tower (reading.py)."""

    steps: Count = 2000
    batch: Count = 16
    lr: float = 1.0e-3
    optimizer: Literal["adamw", "muon"] = "adamw"
    max_tokens: Count = 48  # vision tokens of a lesson
    ramp: tuple[int, int, int] = (250, 500, 900)


class NanoRecipe(Frozen):
    """All stages of the family. The dicts are keys of a train recipe (viscodex train)."""

    seed: int = 0
    start: str | None = None
    """Folder of a family to go on from: its base stays, tower, vlm and code learn more (family.py)."""
    keep_branches: bool = False
    """With `start`: vlm and code stay too, and nano goes on from that family's nano."""
    further: Annotated[float, Field(gt=0, le=1)] = 1.0
    """With `keep_branches`: how far nano goes along what it has learnt further; below 1 it forgets less."""
    text: TextSizes = TextSizes()
    vision: VisionSizes = VisionSizes()
    max_vision_tokens: Count = 108
    data: dict[str, str]  # charts, pages, problems: recipes of viscodex data build
    samples: dict[str, Count] = Field(default_factory=dict)  # of `data`, instead of its recipe's n
    held_out: Count = (
        120  # a quarter of the held-out samples of each of `data`, from a seed of their own
    )
    only_held_out: dict[str, str] = Field(default_factory=dict)
    """Further held-out data, as its recipe says: what nothing is trained on (measure.WRITTEN)."""
    documents: Count = 12000  # that the base reads
    corpus: dict[str, float] = Field(default_factory=lambda: dict(SHARES))  # of what they are
    drills: Count = 6000  # documents that teach the base to copy
    reading: Reading = Reading()
    naming: Reading = Reading(steps=600, lr=5e-4, ramp=(0, 0, 1))
    train: dict[str, Any] = Field(
        default_factory=dict
    )  # of every stage that trains a language model
    language: dict[str, Any] = Field(default_factory=dict)
    base: dict[str, Any] = Field(default_factory=dict)
    vlm: dict[str, Any] = Field(default_factory=dict)
    code: dict[str, Any] = Field(default_factory=dict)
    tuned: dict[str, Any] = Field(default_factory=dict)
    tuned_on: dict[str, float] = Field(  # of `data`: how often an epoch goes over it
        default_factory=lambda: {"charts": 1.0, "pages": 1.0, "problems": 1.0}
    )
    tuned_seeing: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of what else is asked of the pictures that is among the tuned samples."""
    lam: Annotated[float, Field(ge=0, le=1)] = 0.7

    @model_validator(mode="after")
    def _fits(self) -> NanoRecipe:
        unknown = sorted(set(self.samples) - set(self.data))
        if unknown:
            raise ValueError(f"samples: there are no data called {', '.join(unknown)}")
        if self.keep_branches and not self.start:
            raise ValueError("keep_branches: whose? It wants `start`, the folder of a family")
        if self.further < 1 and not self.keep_branches:
            raise ValueError("further: than what? It wants keep_branches: true")
        return self

"""What a device computes in.

in:  a device, or a recipe whose precision is "auto"
out: whether bfloat16 is worth while there; the recipe with the precision that it means here
not covered: the cast of weights (start.py), autocast (transformers' Trainer, by trainer.py)
"""

from __future__ import annotations

import torch

from viscodex.train.recipe import TrainRecipe


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16. Many CPUs (all without avx512_bf16 or amx_bf16) only imitate it:
    30 times slower than float32 in a product of 4,096 x 256 x 704."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def with_precision(recipe: TrainRecipe) -> TrainRecipe:
    """The recipe as this machine computes it: "auto" is bf16 where there is bfloat16, else fp32."""
    if recipe.precision != "auto":
        return recipe
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return recipe.model_copy(update={"precision": "bf16" if has_bfloat16(device) else "fp32"})

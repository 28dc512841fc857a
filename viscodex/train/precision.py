"""What a device computes in.

in:  a device, or a recipe whose precision is "auto"
out: whether bfloat16 is worth while there; the recipe with the precision that it means here
not covered: the cast of weights (start.py), autocast (transformers' Trainer, by trainer.py)
"""

from __future__ import annotations

import platform

import torch

from viscodex.train.recipe import TrainRecipe


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16.

    Many CPUs only imitate it: on one with AVX2 a product of 4,096 x 256 x 704 is 30 times slower than in float32. Of
    x86 those with avx512_bf16 or amx_bf16 do compute in it; mkldnn takes it from any with AVX-512.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return True
    if platform.machine().lower() in ("x86_64", "amd64"):
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def with_precision(recipe: TrainRecipe) -> TrainRecipe:
    """The recipe as this machine computes it: "auto" is bf16 where there is bfloat16, else fp32."""
    if recipe.precision != "auto":
        return recipe
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return recipe.model_copy(update={"precision": "bf16" if has_bfloat16(device) else "fp32"})

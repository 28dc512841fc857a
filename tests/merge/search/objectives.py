"""Objectives whose optimum is known by construction."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from viscodex.merge.block import BlockReader, widened
from viscodex.merge.checkpoint import TensorReader, read_checkpoint
from viscodex.merge.layout import understand

TARGETS = {"self_attn": 0.25, "mlp": 0.8, "embed_tokens": 0.5, "lm_head": 0.5}
LAMBDA = 0.43
N = 24


def lambdas(module: Any, trio: Path) -> dict[str, float]:
    """Which lambda each group of the model's weights has: its projection on the line from code to vlm."""
    sums: dict[str, list[float]] = {}
    parameters = dict(module.named_parameters())
    models = {
        name: understand(read_checkpoint(str(trio / name)), name, None) for name in ("vlm", "code")
    }
    with TensorReader() as reader:
        for plain in models["code"].language_model:
            group = next((g for g in TARGETS if g in plain), None)
            if group is None:
                continue
            vlm, code = (
                widened(BlockReader(reader, info).read(0, info.n_elements))
                for info in (models[name].language_model[plain] for name in ("vlm", "code"))
            )
            name = "lm_head.weight" if group == "lm_head" else plain.replace("model.", "model.language_model.", 1)  # fmt: skip
            merged = parameters[name].detach().double().numpy().reshape(-1)
            held = sums.setdefault(group, [0.0, 0.0])
            held[0] += float((merged - code) @ (vlm - code))
            held[1] += float((vlm - code) @ (vlm - code))
    return {group: dot / square for group, (dot, square) in sums.items()}


def _noisy(value: float) -> list[float]:
    """A value for each of N items, whose mean is the value."""
    noise = np.linspace(-0.05, 0.05, N)
    return [value + float(step) for step in noise]


def one_lambda(module: Any) -> list[float]:
    """Best where every group has LAMBDA."""
    found = lambdas(module, Path(os.environ["SEARCH_TRIO"]))
    time.sleep(float(os.environ.get("SEARCH_SLEEP", "0")))
    return _noisy(1.0 - 4.0 * float(np.mean([(v - LAMBDA) ** 2 for v in found.values()])))


def by_module(module: Any) -> list[float]:
    """Best where attention and MLP have the lambdas of TARGETS."""
    found = lambdas(module, Path(os.environ["SEARCH_TRIO"]))
    return _noisy(1.0 - sum((found[g] - TARGETS[g]) ** 2 for g in ("self_attn", "mlp")))

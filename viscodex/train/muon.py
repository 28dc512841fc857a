"""Muon for the matrices of a model, AdamW for the rest, as one optimiser.

in:  parameter groups (parts.py) and their model
out: torch.optim.Muon and torch.optim.AdamW behind one list of groups and one state
not covered: the step itself (torch), sharded weights (the orthogonal step needs the whole matrix)

Muon (Jordan et al. 2024) replaces the update of a weight matrix by the nearest orthogonal one, so no few
directions of it do all the learning. Its step is scaled to the root mean square of an AdamW step (Liu et
al. 2025, arXiv 2502.16982), so one learning rate fits both. torch makes the orthogonal matrix in bfloat16;
where weights lie on a CPU that only imitates it (30 times slower, measured), the same step runs in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from viscodex.train.precision import has_bfloat16

NAME = "muon"
HEADS = ("lm_head",)


def split_groups(
    groups: Iterable[dict[str, Any]], model: nn.Module, heads: Sequence[str] = HEADS
) -> list[dict[str, Any]]:
    """Each group as up to two: the matrices inside the model, marked `muon`, and the rest.

    Args:
        heads: what stands in the names of linear layers whose rows learn each on its own, as those of tables do.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    tables = {id(one.weight) for one in model.modules() if isinstance(one, nn.Embedding)}

    def is_matrix(parameter: nn.Parameter) -> bool:
        inside = not any(head in names[id(parameter)] for head in heads)
        return parameter.ndim == 2 and inside and id(parameter) not in tables

    found = []
    for group in groups:
        for muon in (True, False):
            params = [p for p in group["params"] if is_matrix(p) == muon]
            if params:
                found.append({**group, "params": params, "muon": muon})
    return found


def orthogonal(
    matrix: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> torch.Tensor:
    """About the nearest orthogonal matrix, by quintic Newton-Schulz steps in the precision of `matrix`.

    Args:
        matrix: (n, m).
        coefficients: of the first, third and fifth power.
    """
    a, b, c = coefficients
    wide = matrix if matrix.size(0) <= matrix.size(1) else matrix.T
    wide = wide / wide.norm().clamp(min=eps)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide if wide.shape == matrix.shape else wide.T


class MuonInPlainPrecision(torch.optim.Muon):  # type: ignore[misc]
    """torch's Muon, its orthogonal matrix made in the precision of the weights."""

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self) -> None:
        """One step, as the library's; a closure is called by the optimiser around it."""
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            newton = group["ns_coefficients"], group["ns_steps"], group["eps"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                mean = state["momentum_buffer"].lerp_(weight.grad, 1 - momentum)
                direction = orthogonal(weight.grad.lerp(mean, momentum), *newton)
                weight.mul_(1 - lr * group["weight_decay"])
                weight.add_(direction, alpha=-0.2 * math.sqrt(max(weight.shape)) * lr)


class Muon(torch.optim.Optimizer):  # type: ignore[misc]
    """Both optimisers as one: one list of groups, one state, one state_dict.

    Args:
        groups: with lr, weight_decay and `muon`, True for those of matrices (split_groups).
        betas, eps: of AdamW.
        momentum: of Muon.
    """

    def __init__(
        self,
        groups: Sequence[dict[str, Any]],
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        momentum: float = 0.95,
    ) -> None:
        self._betas, self._eps, self._momentum = betas, eps, momentum
        super().__init__(groups, {"muon": False})
        self._share()

    def _share(self) -> None:
        """Let the two work on the groups and the state of this one."""
        self._parts: list[torch.optim.Optimizer] = []
        for muon in (True, False):
            groups = [group for group in self.param_groups if group["muon"] == muon]
            if not groups:
                continue
            part: torch.optim.Optimizer
            if muon:
                fast = all(has_bfloat16(p.device) for group in groups for p in group["params"])
                kind = torch.optim.Muon if fast else MuonInPlainPrecision
                part = kind(groups, momentum=self._momentum, adjust_lr_fn="match_rms_adamw")
            else:
                part = torch.optim.AdamW(groups, betas=self._betas, eps=self._eps)
            part.state = self.state
            self._parts.append(part)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> Any:
        """One step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state_dict of such an optimiser."""
        super().load_state_dict(state_dict)
        self._share()

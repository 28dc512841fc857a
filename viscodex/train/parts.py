"""What learns: parts of a model, frozen or with a learning rate; low-rank adapters.

in:  a loaded model; Learn and Lora of a recipe
out: requires_grad set; parameter groups for the optimiser; the table that is shown before training
not covered: the optimiser itself (trainer.py)
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

from viscodex.errors import BadRecipe, MissingPart
from viscodex.merge.layout import EMBED, HEAD, LAYOUTS
from viscodex.train.recipe import Learn, Lora
from viscodex.types import Part

PARTS: tuple[Part, ...] = (
    "vision_tower", "projector", "language_model", "embed_tokens", "lm_head", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PartRow:
    """A row of the table before training."""

    part: Part
    parameters: int
    learns: int  # parameters of it that learn; adapters included
    lr: float | None  # None: frozen
    note: str = ""


def part_of(name: str, model_type: str) -> Part:
    """The part of a parameter by its name in the loaded model, adapters included."""
    plain = name.removeprefix("base_model.model.")
    rules = LAYOUTS.get(model_type, LAYOUTS["qwen2"])
    found = max(
        (rule for rule in rules if plain.startswith(rule[0])),
        key=lambda rule: len(rule[0]),
        default=None,
    )
    if found is None:
        return "other"
    prefix, part, renamed = found
    if renamed is None:
        return part
    canonical = renamed + plain[len(prefix) :]
    return {EMBED: "embed_tokens", HEAD: "lm_head"}.get(canonical, part)  # type: ignore[return-value]


def rate_of(part: Part, learn: Learn, lr: float) -> float | None:
    """The learning rate of a part; None where it is frozen."""
    rate = getattr(learn, part, False)
    return lr if rate is True else None if rate is False else float(rate)


def prepare_parts(model: Any, learn: Learn, lora: Lora | None) -> Any:
    """Freeze what does not learn; put adapters where they are asked for.

    Returns:
        The model, wrapped by peft where there is `lora`.

    Raises:
        BadRecipe: nothing would learn, or the adapters find no layer.
        MissingPart: peft is not installed.
    """
    model_type = str(model.config.model_type)
    if lora is not None:
        model = _with_adapters(model, lora, model_type)
    n_learning = 0
    for name, parameter in model.named_parameters():
        part = part_of(name, model_type)
        is_adapter = ".lora_" in name
        own = rate_of(part, learn, 1.0) is not None
        in_adapted = lora is not None and part in ("language_model", "embed_tokens", "lm_head")
        learns = is_adapter if in_adapted else own
        parameter.requires_grad_(learns)
        n_learning += learns * parameter.numel()
    if not n_learning:
        raise BadRecipe("nothing would learn", f"learn: {learn}", "Set a part to true or a rate.")
    return model


def _with_adapters(model: Any, lora: Lora, model_type: str) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingPart(
            "lora needs peft", "", "Install it: pip install 'viscodex[train]'"
        ) from error
    names = [
        name
        for name, _ in model.named_modules()
        if name.rsplit(".", 1)[-1] in lora.targets
        and part_of(f"{name}.weight", model_type) == "language_model"
    ]
    if not names:
        raise BadRecipe(
            "the adapters find no layer in the language model",
            f"lora.targets: {', '.join(lora.targets)}",
            "Name linear layers as the model has them: q_proj, down_proj, ...",
        )
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="|".join(re.escape(name) for name in names),
    )
    with warnings.catch_warnings():  # of transformers, about a name that peft still asks for
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)


def parameter_groups(
    model: Any, learn: Learn, lr: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups of the optimiser: one per part and per decay; norms and biases do not decay."""
    model_type = str(model.config.model_type)
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = rate_of(part_of(name, model_type), learn, lr) or lr
            decay = weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": params, "lr": rate, "weight_decay": decay}
        for (rate, decay), params in groups.items()
    ]


def part_table(model: Any, learn: Learn, lr: float, lora: Lora | None) -> list[PartRow]:
    """Part, parameters, how many learn, at what rate; a part that the model lacks has no row."""
    model_type = str(model.config.model_type)
    totals = dict.fromkeys(PARTS, 0)
    learning = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        part = part_of(name, model_type)
        totals[part] += parameter.numel()
        learning[part] += parameter.numel() if parameter.requires_grad else 0
    rows = []
    tied = totals["embed_tokens"] and not totals["lm_head"]
    for part in PARTS:
        if not totals[part]:
            continue
        rate = rate_of(part, learn, lr) or lr if learning[part] else None
        note = "is lm_head too" if part == "embed_tokens" and tied else ""
        if lora is not None and part == "language_model":
            note = f"LoRA of rank {lora.rank}"
        rows.append(PartRow(part, totals[part], learning[part], rate, note))
    return rows

"""The models of a merge: which is which, and whether they may be merged with one another.

in:  a MergeRecipe
out: the models that it names, read, understood, labelled and checked; or a refusal
not covered: what becomes of each tensor (plan.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from viscodex.errors import BadRecipe, MergeRefused, ShapeMismatch
from viscodex.merge.checkpoint import Checkpoint, read_checkpoint
from viscodex.merge.layout import (
    EMBED,
    HEAD,
    LAYOUTS,
    SIZES,
    TEXT_CONFIG_KEYS,
    TEXT_TYPES,
    Model,
    understand,
)
from viscodex.recipe import MergeRecipe, Section
from viscodex.types import MERGEABLE_DTYPES

# --- which model is which -------------------------------------------------------------------------


def read_models(
    recipe: MergeRecipe, sections: Sequence[Section]
) -> tuple[Model, tuple[Model, ...], Model | None, dict[str, Model]]:
    """Read and check all models of a recipe.

    Returns:
        the model to write; those whose weights flow into it, it among them; the base, if any;
        all by the reference that the recipe uses.

    Raises:
        BadRecipe, BadCheckpoint, MergeRefused: see viscodex/errors.py.
    """
    references = recipe.references()
    checkpoints = {reference: read_checkpoint(reference) for reference in references}
    base_reference = recipe.base_reference
    like: Model | None = None
    found: dict[str, Model] = {}
    # known layouts first, text models before others: they tell which part of an unknown one is
    # the language model
    for reference in sorted(
        references, key=lambda r: _familiarity(checkpoints[r], r == recipe.vlm)
    ):
        found[reference] = understand(checkpoints[reference], reference, like)
        like = like or found[reference]
    target_reference = _target(recipe, found)
    labels = _labels(recipe, references, target_reference)
    models = {r: replace(model, label=labels[r]) for r, model in found.items()}
    _check_distinct(models)
    entries = dict.fromkeys(entry.model for section in sections for entry in section.models)
    flowing = dict.fromkeys([target_reference, *entries])
    base = models[base_reference] if base_reference is not None else None
    if recipe.merge_method != "linear" and base_reference not in (None, target_reference):
        flowing.pop(str(base_reference), None)
    target, merged = models[target_reference], tuple(models[r] for r in flowing)
    for model in (*merged, base):
        if model is not None:
            _check_weights(model)
            if model is not target:
                _check_sizes(target, model)
    return target, merged, base, models


def _familiarity(checkpoint: Checkpoint, is_vlm: bool) -> int:
    model_type = str(checkpoint.config.get("model_type"))
    if model_type in LAYOUTS:
        return 0 if model_type in TEXT_TYPES else 1
    return 3 if is_vlm or any(key in checkpoint.config for key in TEXT_CONFIG_KEYS) else 2


def _check_distinct(models: Mapping[str, Model]) -> None:
    """One directory under two names would be merged with itself."""
    seen: dict[Path, str] = {}
    for reference, model in models.items():
        place = model.checkpoint.path.resolve()
        if place in seen:
            raise BadRecipe(
                "two names of the recipe are one and the same directory",
                f"{seen[place]}\n{reference}",
                "Write it the same way everywhere, or give another model.",
            )
        seen[place] = reference


def _target(recipe: MergeRecipe, models: Mapping[str, Model]) -> str:
    """The model to write: the vision-language model; among text models the base, else the first."""
    if recipe.vlm is not None:
        return recipe.vlm
    visual = [r for r in recipe.references() if models[r].is_vision_language]
    pool = visual or list(recipe.references())
    base = recipe.base_reference
    if len(visual) > 1 and base not in visual:
        same = {str(models[r].checkpoint.config.get("model_type")) for r in visual}
        if len(same) > 1:
            raise MergeRefused(
                "several vision-language models of different kinds: which one is to be written?",
                "\n".join(f"{models[r].layout}: {r}" for r in visual),
                "Add a key vlm: with the one whose vision tower and layout the output shall have.",
            )
    return base if base in pool and base is not None else pool[0]


def _labels(recipe: MergeRecipe, references: Sequence[str], target: str) -> dict[str, str]:
    labels = {target: "vlm"}
    base = recipe.base_reference
    if base is not None and base != target:
        labels[base] = "base"
    others = [reference for reference in references if reference not in labels]
    for number, reference in enumerate(others, 1):
        labels[reference] = "code" if len(others) == 1 else f"code_{number}"
    return labels


# --- refusals -------------------------------------------------------------------------------------


def _check_weights(model: Model) -> None:
    """Only plain floating-point weights merge."""
    config = model.checkpoint.config
    scheme = config.get("quantization_config") or model.text_config.get("quantization_config")
    odd = [i for i in model.language_model.values() if i.dtype not in MERGEABLE_DTYPES]
    if scheme or odd:
        detail = f"{model.label}: {model.checkpoint.path}"
        if scheme:
            kind = scheme.get("quant_method", "unknown") if isinstance(scheme, dict) else scheme
            detail += f"\nconfig.json: quantization_config, quant_method {kind}"
        if odd:
            detail += f"\n{odd[0].name}: {odd[0].dtype}"
        raise MergeRefused(
            "quantised weights cannot be merged",
            detail,
            "Use the unquantised checkpoint (bf16, fp16 or fp32); quantise after the merge.",
        )


def _check_sizes(target: Model, model: Model) -> None:
    """Every tensor of the language model on both sides, in equal shapes but for vocabulary rows."""
    ours, theirs = target.text_config, model.text_config
    differing = {
        key: (ours[key], theirs[key])
        for key in SIZES
        if ours.get(key) is not None and theirs.get(key) is not None and ours[key] != theirs[key]
    }
    sizes = ", ".join(f"{key} ({a}, {b})" for key, (a, b) in differing.items())
    todo = "A task vector needs one shared base:\nchoose a code model of the same family and size."
    for name, info in target.language_model.items():
        other = model.language_model.get(name)
        if other is None:
            continue
        skip = 1 if name in (EMBED, HEAD) else 0
        if other.shape[skip:] != info.shape[skip:]:
            raise ShapeMismatch(
                name,
                f"{target.label}  {info.shape}  {info.file}\n{model.label}  {other.shape}  {other.file}",
                f"The two language models differ in {sizes or 'shape'}. {todo}",
            )
    if differing:
        raise ShapeMismatch(
            "the language models differ in size",
            f"{target.label}: {target.checkpoint.path / 'config.json'}\n"
            f"{model.label}: {model.checkpoint.path / 'config.json'}",
            f"They differ in {sizes}. {todo}",
        )
    missing = _unmatched(target, model)
    extra = _unmatched(model, target)
    for names, owner, poorer in ((missing, target, model), (extra, model, target)):
        if names:
            raise MergeRefused(
                f"{len(names)} tensors of the {owner.label}'s language model are missing in the "
                f"{poorer.label}",
                f"{owner.label}: {owner.checkpoint.path}\n{poorer.label}: {poorer.checkpoint.path}\n"
                + ", ".join(names[:3]),
                f"The two are of different architectures, or a file is not whole. {todo}",
            )


def _unmatched(owner: Model, other: Model) -> list[str]:
    return [n for n in owner.language_model if n not in other.language_model and n != HEAD]

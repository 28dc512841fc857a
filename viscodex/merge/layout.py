"""Layouts: which tensor of a checkpoint belongs to which part, and its canonical name.

in:  a Checkpoint
out: the part of every tensor; the language model under the names of a plain text model
not covered: vocabularies (vocabulary.py), what is done with the tensors (plan.py)

Canonical names are those of a stand-alone text model: `model.embed_tokens.weight`,
`model.layers.N.*`, `model.norm.weight`, `lm_head.weight`. To add a vision-language model, add a row
to LAYOUTS (docs/how_to_add.md); a model without a row is understood by structure.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from viscodex.errors import BadCheckpoint, MergeRefused
from viscodex.merge.checkpoint import Checkpoint
from viscodex.types import Part, TensorInfo

EMBED = "model.embed_tokens.weight"
HEAD = "lm_head.weight"
LAYER = re.compile(r"model\.layers\.(\d+)\.(.+?)(?:\.(?:weight|bias))?$")

Rule = tuple[str, Part, str | None]
"""(prefix in the file, part, prefix of the canonical name; None outside the language model)."""

_TEXT: tuple[Rule, ...] = (
    ("model.", "language_model", "model."),
    ("lm_head.", "language_model", "lm_head."),
)

_QWEN_VL: tuple[Rule, ...] = (
    *_TEXT,  # files of the first generation: model.layers.*, visual.*
    ("model.language_model.", "language_model", "model."),  # second: model.language_model.*
    ("visual.", "vision_tower", None),
    ("visual.merger.", "projector", None),
    ("visual.deepstack_merger_list.", "projector", None),
    ("model.visual.", "vision_tower", None),
    ("model.visual.merger.", "projector", None),
    ("model.visual.deepstack_merger_list.", "projector", None),  # Qwen3-VL
)

_LLAVA: tuple[Rule, ...] = (
    ("language_model.model.", "language_model", "model."),  # first generation
    ("language_model.lm_head.", "language_model", "lm_head."),
    ("vision_tower.", "vision_tower", None),
    ("multi_modal_projector.", "projector", None),
    ("image_newline", "projector", None),
    ("model.language_model.", "language_model", "model."),  # second generation
    ("lm_head.", "language_model", "lm_head."),
    ("model.vision_tower.", "vision_tower", None),
    ("model.multi_modal_projector.", "projector", None),
    ("model.image_newline", "projector", None),
)

_INTERNVL_CHAT: tuple[Rule, ...] = (  # the authors' own layout, before transformers'
    ("language_model.model.", "language_model", "model."),
    ("language_model.lm_head.", "language_model", "lm_head."),
    ("vision_model.", "vision_tower", None),
    ("mlp1.", "projector", None),
)

LAYOUTS: dict[str, tuple[Rule, ...]] = {
    # vision-language models, by model_type of config.json; the longest matching prefix decides
    "qwen2_vl": _QWEN_VL,
    "qwen2_5_vl": _QWEN_VL,
    "qwen3_vl": _QWEN_VL,
    "internvl": _LLAVA,
    "internvl_chat": _INTERNVL_CHAT,
    "llava": _LLAVA,
    "llava_next": _LLAVA,
    "llava_onevision": _LLAVA,
    # text models
    "qwen2": _TEXT,
    "qwen3": _TEXT,
    "llama": _TEXT,
    "mistral": _TEXT,
}
TEXT_TYPES = tuple(name for name, rules in LAYOUTS.items() if rules is _TEXT)

TEXT_CONFIG_KEYS = ("text_config", "llm_config", "language_config")
SIZES = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "intermediate_size",
)  # fmt: skip
"""Sizes of a text config that must agree: equal shapes with other head counts are another model."""

BEHAVIOUR = ("rms_norm_eps", "hidden_act", "rope_theta", "sliding_window", "use_sliding_window")
"""Values that change what equal weights compute: a difference is worth a notice."""

BUFFERS = ("rotary_emb.inv_freq", "masked_bias", "attention.bias")
"""Endings of tensors that old files carry and that no model needs: computed, not learnt."""


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint whose tensors are understood."""

    label: str  # vlm, code, base, model_2, ...
    checkpoint: Checkpoint
    layout: str  # name of the row of LAYOUTS, or "by structure"
    language_model: dict[str, TensorInfo]  # canonical name -> tensor
    parts: dict[str, Part]  # name in the file -> part
    canonical: dict[str, str]  # name in the file -> canonical name; language model only

    @property
    def is_vision_language(self) -> bool:
        """Whether anything stands beside the language model."""
        return any(part in ("vision_tower", "projector") for part in self.parts.values())

    @property
    def text_config(self) -> dict[str, Any]:
        """The language model's own part of config.json."""
        return text_config(self.checkpoint.config)

    @property
    def is_tied(self) -> bool:
        """Whether the head shares its weights with the embedding."""
        return HEAD not in self.language_model or tie_flag(self.checkpoint.config) is True


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """The nested text config, or the flat config itself."""
    for key in TEXT_CONFIG_KEYS:
        if isinstance(config.get(key), dict):
            return dict(config[key])
    return config


def tie_flag(config: dict[str, Any]) -> bool | None:
    """`tie_word_embeddings`: of the whole model, else of its text part, else None."""
    for place in (config, text_config(config)):
        if isinstance(place.get("tie_word_embeddings"), bool):
            return bool(place["tie_word_embeddings"])
    return None


def understand(checkpoint: Checkpoint, label: str, like: Model | None = None) -> Model:
    """Assign every tensor to a part.

    Args:
        like: a model with a known language model; needed to understand an unknown layout.

    Raises:
        BadCheckpoint: no language model is found.
        MergeRefused: an unknown layout without `like`, or with two candidates.
    """
    model_type = str(checkpoint.config.get("model_type"))
    rules = LAYOUTS.get(model_type)
    layout = model_type
    if rules is None and like is not None:
        rules, layout = _rules_by_structure(checkpoint, label, like), "by structure"
    if rules is None:
        if not any(name.startswith("model.layers.") for name in checkpoint.tensors):
            raise MergeRefused(
                f"the layout of model_type {model_type!r} is not known",
                f"{checkpoint.path}\nknown: {', '.join(LAYOUTS)}",
                "Give a code model of a known family: the tensors that match it by name and shape "
                "are then taken as the language model.",
            )
        rules, layout = _TEXT, "by structure"
    return _assign(checkpoint, label, layout, rules)


def _assign(checkpoint: Checkpoint, label: str, layout: str, rules: tuple[Rule, ...]) -> Model:
    language_model: dict[str, TensorInfo] = {}
    parts: dict[str, Part] = {}
    canonical: dict[str, str] = {}
    for name, info in checkpoint.tensors.items():
        found = max(
            (r for r in rules if name.startswith(r[0])), key=lambda r: len(r[0]), default=None
        )
        if found is None or name.endswith(BUFFERS):
            parts[name] = "other"
            continue
        prefix, part, renamed = found
        if renamed is not None:
            plain = renamed + name[len(prefix) :]
            if plain in language_model:
                raise BadCheckpoint(
                    "two tensors of the checkpoint are the same one under two names",
                    f"{checkpoint.path}: {canonical_source(canonical, plain)} and {name}",
                    "Remove one of the two generations of names from the files.",
                )
            part = {EMBED: "embed_tokens", HEAD: "lm_head"}.get(plain, part)  # type: ignore[assignment]
            language_model[plain] = info
            canonical[name] = plain
        parts[name] = part
    if EMBED not in language_model or not any(LAYER.match(name) for name in language_model):
        raise BadCheckpoint(
            "no language model is found in the checkpoint",
            f"{checkpoint.path}: layout {layout}, no {EMBED} or no model.layers.*",
            "Check that config.json belongs to the weights.",
        )
    return Model(label, checkpoint, layout, language_model, parts, canonical)


def canonical_source(canonical: dict[str, str], plain: str) -> str:
    """The name in the file of a canonical name."""
    return next(name for name, other in canonical.items() if other == plain)


def _rules_by_structure(checkpoint: Checkpoint, label: str, like: Model) -> tuple[Rule, ...]:
    """Rules for an unknown layout: the one sub-tree with the names and shapes of `like`."""
    wanted = {
        name.removeprefix("model."): info.shape
        for name, info in like.language_model.items()
        if name not in (EMBED, HEAD)
    }
    counts: Counter[str] = Counter()
    for name, info in checkpoint.tensors.items():
        pieces = name.split(".")
        for i in range(len(pieces)):
            suffix = ".".join(pieces[i:])
            if wanted.get(suffix) == info.shape:
                counts[".".join([*pieces[:i], ""]) if i else ""] += 1
    whole = [prefix for prefix, n in counts.items() if n == len(wanted)]
    if len(whole) > 1:
        raise MergeRefused(
            "two parts of the checkpoint match the text model",
            f"{label}: {checkpoint.path}\n{' and '.join(f'{p}*' for p in whole)}",
            "Add a row to LAYOUTS in viscodex/merge/layout.py that says which one it is.",
        )
    if not whole:
        best = counts.most_common(1)
        raise MergeRefused(
            f"no part of the {label} matches the text model by names and shapes",
            f"{label}: {checkpoint.path}\n{like.label}: {like.checkpoint.path}, {len(wanted)} tensors; "
            + (f"best match {best[0][0]}*: {best[0][1]}" if best else "no match at all"),
            "The two are of different families or sizes: choose models that share one base.",
        )
    prefix = whole[0]
    hidden = like.language_model[EMBED].shape[-1]
    heads = [
        name
        for name, info in checkpoint.tensors.items()
        if name.endswith("lm_head.weight") and info.shape[-1:] == (hidden,)
    ]
    rules: list[Rule] = [(prefix, "language_model", "model.")]
    rules += [(name, "language_model", HEAD) for name in heads[:1]]
    inside = {prefix + suffix for suffix in [*wanted, EMBED.removeprefix("model.")]}
    rest = [name for name in checkpoint.tensors if name not in inside and name not in heads[:1]]
    return (*rules, *((name, _guess_part(name), None) for name in rest))


def _guess_part(name: str) -> Part:
    if re.search(r"project|merger|connector|mlp1|resampler|adapter", name):
        return "projector"
    return "vision_tower" if re.search(r"vis|image|vit|clip|siglip", name) else "other"


def layer_of(canonical: str) -> int | None:
    """Number of the layer of a canonical name; None outside the layers."""
    found = LAYER.match(canonical)
    return int(found[1]) if found else None


def module_of(canonical: str) -> str:
    """Module of a canonical name: `self_attn.q_proj`, `mlp.down_proj`, `embed_tokens`, `norm`, ..."""
    found = LAYER.match(canonical)
    if found:
        return found[2]
    return re.sub(r"^model\.|\.(weight|bias)$", "", canonical)


def layer_pattern(name: str) -> str:
    """A tensor's name with its layer number replaced by N, to show equal layers together."""
    return re.sub(r"\.\d+\.", ".N.", name)

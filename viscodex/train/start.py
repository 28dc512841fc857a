"""What a run starts from, and the finished model in the same layout.

in:  a checkpoint, or a config and a tokenizer for weights from scratch
out: Start: model, tokenizer, pictures; export: start + trained tensors = a standard checkpoint
not covered: which parts learn (parts.py), checkpoints within a run (checkpoint.py)
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError

from viscodex.errors import BadCheckpoint, BadRecipe
from viscodex.files import write_atomically
from viscodex.merge.checkpoint import Checkpoint, read_checkpoint, sidecars
from viscodex.train import attention
from viscodex.train.checkpoint import disk_errors
from viscodex.train.parts import prepare_parts
from viscodex.train.pictures import Pictures
from viscodex.train.recipe import TrainRecipe

MROPE_TYPES = ("qwen2_5_vl", "qwen3_vl")
"""Vision-language models whose rows are packed with M-RoPE positions."""

PACKED_TEXT_TYPES = ("qwen2", "qwen3")
IMAGE_TOKEN = "<|image_pad|>"
SCRATCH_SIDECARS = (
    "tokenizer",
    "vocab",
    "merges",
    "special_tokens",
    "added_tokens",
    "chat_template",
)
DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}


@dataclass(frozen=True, slots=True)
class Start:
    """A model ready to be prepared for training, with what belongs to it."""

    model: Any
    tokenizer: Any
    folder: Path  # of tokenizer and processor files
    checkpoint: Checkpoint | None  # None from scratch

    @property
    def model_type(self) -> str:
        """qwen2_5_vl, qwen3_vl, qwen2, ..."""
        return str(self.model.config.model_type)

    @property
    def sees(self) -> bool:
        """Whether it takes pictures."""
        return hasattr(self.model.config, "vision_config")

    @property
    def packs(self) -> bool:
        """Whether several samples may share a row."""
        return self.model_type in (*MROPE_TYPES, *PACKED_TEXT_TYPES)

    def pictures(self, recipe: TrainRecipe) -> Pictures | None:
        """The image processor within the recipe's limits; None for a model without eyes."""
        return Pictures(self.folder, recipe.min_pixels, recipe.max_pixels) if self.sees else None

    def identity(self) -> str:
        """A hash of what tells this start from another: headers, probes of the weights, tokenizer."""
        if self.checkpoint is None:
            facts: object = self.model.config.to_dict()
        else:
            tensors = self.checkpoint.tensors
            files = sorted({tensor.file for tensor in tensors.values()})
            facts = [(t.name, t.shape, t.dtype) for t in tensors.values()], list(map(_probe, files))
        text = repr(
            (facts, sorted(self.tokenizer.get_vocab().items()), self.tokenizer.chat_template)
        )
        return hashlib.sha256(text.encode()).hexdigest()


def load_start(recipe: TrainRecipe, *, dtype: torch.dtype | None = None) -> Start:
    """Load model and tokenizer, and check that they fit one another.

    Args:
        dtype: of the weights; None: as the recipe's precision says.

    Raises:
        BadCheckpoint: not a whole model, or a tokenizer that does not fit it.
        BadRecipe: a config that transformers does not take.
    """
    wanted = dtype or (torch.bfloat16 if recipe.precision == "bf16_weights" else torch.float32)
    how = attention_of(recipe)
    if recipe.config is not None:
        folder = Path(str(recipe.tokenizer))
        tokenizer = _tokenizer(folder)
        model = _from_scratch(recipe, tokenizer, wanted, how)
        return _checked(Start(model, tokenizer, folder, None))
    checkpoint = read_checkpoint(str(recipe.model))
    config = checkpoint.config
    sees = "vision_config" in config
    auto = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    try:
        model, told = auto.from_pretrained(
            checkpoint.path, dtype=wanted, attn_implementation=how, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise BadCheckpoint(
            "transformers cannot load the checkpoint",
            f"{checkpoint.path}: {str(error).splitlines()[0][:300]}",
            "Look at it with viscodex inspect.",
        ) from error
    if told["missing_keys"]:
        missing = sorted(told["missing_keys"])
        raise BadCheckpoint(
            "the checkpoint lacks tensors of its model",
            f"{checkpoint.path}: {', '.join(missing[:4])} and {max(0, len(missing) - 4)} more",
            "Copy or merge it again.",
        )
    return _checked(Start(model, _tokenizer(checkpoint.path), checkpoint.path, checkpoint))


def attention_of(recipe: TrainRecipe) -> Any:
    """The attention that the recipe means on this machine, as transformers takes it."""
    attention.register()
    name = recipe.attention
    if name == "auto":
        flash = torch.cuda.is_available() and importlib.util.find_spec("flash_attn") is not None
        name = "flash_attention_2" if flash and recipe.precision != "fp32" else "segments"
    if name != "segments":
        return name
    return {"text_config": attention.NAME, "vision_config": "sdpa", "": attention.NAME}


def _tokenizer(folder: Path) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise BadCheckpoint(
            "the tokenizer cannot be loaded",
            f"{folder}: {str(error).splitlines()[0][:300]}",
            "The directory needs tokenizer.json and tokenizer_config.json.",
        ) from error


def _from_scratch(recipe: TrainRecipe, tokenizer: Any, dtype: torch.dtype, how: Any) -> Any:
    settings = dict(recipe.config or {})
    model_type = str(settings.pop("model_type", "qwen2"))
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    try:
        config = transformers.AutoConfig.for_model(
            model_type, **{"vocab_size": len(tokenizer), "bos_token_id": None, **ids, **settings}
        )
        torch.manual_seed(recipe.seed)
        auto = transformers.AutoModelForCausalLM
        model = auto.from_config(config, attn_implementation=how).to(dtype)
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        raise BadRecipe(
            "the config makes no model", f"config: {str(error).splitlines()[0][:300]}", ""
        ) from error
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def _probe(file: Path) -> str:
    """A hash of the size and of 64 pieces of 4 kB all over a file: told in no time, also of 70 GB."""
    digest = hashlib.sha256(str(size := file.stat().st_size).encode())
    with file.open("rb") as stream:
        for number in range(64):
            stream.seek(number * max(0, size - 4096) // 63)
            digest.update(stream.read(4096))
    return digest.hexdigest()


def _checked(start: Start) -> Start:
    """Refuse a tokenizer whose ids are not those of the model's embedding."""
    rows = start.model.get_input_embeddings().weight.shape[0]
    highest = max(start.tokenizer.get_vocab().values())
    if highest >= rows and rows:  # 0 rows: sharded at load time
        raise BadCheckpoint(
            "the tokenizer does not fit the model",
            f"{start.folder}: highest token id {highest}, rows of the embedding {rows}",
            "Use the tokenizer files that belong to the checkpoint.",
        )
    if start.sees:
        config = start.model.config
        found = start.tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
        if found != config.image_token_id:
            raise BadCheckpoint(
                "the tokenizer does not fit the model",
                f"{start.folder}: {IMAGE_TOKEN} is {found}, config.json says {config.image_token_id}",
                "Use the tokenizer files of the vision-language model.",
            )
    return start


# --- the finished model ---------------------------------------------------------------------------


def export(recipe: TrainRecipe, trained: Mapping[str, torch.Tensor], out: Path) -> None:
    """Write start + trained tensors as a standard checkpoint; whole or not there.

    Adapters are merged into the weights that they adapt. The dtype is that of the start (float32 where it
    mixes several), so what did not learn keeps its bytes; all other files are copied from the start.

    Raises:
        BadCheckpoint: the trained tensors are of another model.
        NotEnoughSpace: the disk filled up.
    """
    start = load_start(recipe, dtype=torch.float32)
    model = prepare_parts(start.model, recipe.learn, recipe.lora)
    own = dict(model.named_parameters())
    wrong = [n for n, t in trained.items() if n not in own or own[n].shape != t.shape]
    lacking = [n for n, p in own.items() if p.requires_grad and n not in trained]
    if wrong or lacking:
        raise BadCheckpoint(
            "the trained tensors are of another model or recipe",
            f"{start.folder}: {', '.join((wrong or lacking)[:4])}",
            "Export with the recipe of the run.",
        )
    with torch.no_grad():
        for name, tensor in trained.items():
            own[name].copy_(tensor)
    if recipe.lora is not None:
        model = model.merge_and_unload()
    _cast(model, start.checkpoint, recipe)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    with disk_errors(part):
        model.save_pretrained(part)
        _copy_rest(start, part)
        shutil.rmtree(out, ignore_errors=True)  # of a run that ended before its report
        part.replace(out)


def _cast(model: Any, checkpoint: Checkpoint | None, recipe: TrainRecipe) -> None:
    """Each parameter to the dtype of its tensor in the start; from scratch, to the recipe's."""
    plain = torch.float32 if recipe.precision == "fp32" else torch.bfloat16
    known = {} if checkpoint is None else _dtypes(checkpoint)
    if len(set(known.values())) == 1:  # the names on disk need not be those in memory
        plain = next(iter(known.values()))
    elif known:
        plain = torch.float32
    model.to(plain)
    model.config.dtype = plain


def _dtypes(checkpoint: Checkpoint) -> dict[str, torch.dtype]:
    return {n: DTYPES[t.dtype] for n, t in checkpoint.tensors.items() if t.dtype in DTYPES}


def _copy_rest(start: Start, out: Path) -> None:
    """Tokenizer, processor, licence, code; and config.json as the start has it."""
    if start.checkpoint is None:
        names = [p.name for p in start.folder.iterdir() if p.name.startswith(SCRATCH_SIDECARS)]
    else:
        names = [str(path) for path in sidecars(start.checkpoint)]
    for name in names:
        place = out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if name != "config.json" or _same_dtype(start.folder / name, place):
            shutil.copyfile(start.folder / name, place)


def _same_dtype(old: Path, new: Path) -> bool:
    """Whether two config.json name one dtype, so that the old one still says the truth."""
    names = [json.loads(path.read_text(encoding="utf-8")) for path in (old, new)]
    a, b = (str(c.get("dtype", c.get("torch_dtype"))).removeprefix("torch.") for c in names)
    return a == b


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Plain facts as indented JSON."""
    write_atomically(path, json.dumps(facts, indent=1, default=str) + "\n")

"""From files to a model in memory: device, dtype, what transformers makes of a checkpoint.

in:  a Checkpoint whose headers were read
out: a model of transformers, ready to answer
not covered: tokens and pictures (inputs.py), answering (local.py)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import logging

from viscodex.errors import BadCheckpoint, MissingPart
from viscodex.merge.checkpoint import Checkpoint

DEVICES = ("cpu", "cuda")
DTYPES = ("float32", "bfloat16", "float16")
_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


def is_memory(error: BaseException) -> bool:
    """Whether memory ran out, on a GPU or not."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error).lower() for words in _NO_MEMORY)


def choose_device(wanted: str | None) -> str:
    """The device that is wanted; a GPU when there is one and none is named.

    Raises:
        MissingPart: it is not here.
    """
    if wanted is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    there = kind == "cpu" or (kind == "cuda" and torch.cuda.is_available())
    if kind not in DEVICES or not there or (number and int(number) >= torch.cuda.device_count()):
        raise MissingPart(
            "there is no such device",
            f"{wanted}; {torch.cuda.device_count()} GPUs are seen",
            "Give cpu or cuda.",
        )
    return wanted


def context_of(config: dict[str, Any]) -> int:
    """Tokens that prompt and answer may have together."""
    text = config.get("text_config") or config
    found = text.get("max_position_embeddings")
    return int(found) if isinstance(found, int) and found > 0 else 32768


def load(checkpoint: Checkpoint, device: str, dtype: str) -> Any:
    """The model of transformers, on its device, for answering.

    Raises:
        BadCheckpoint: it cannot be loaded, or not whole.
        MissingPart: there is no memory for the weights.
    """
    sees = "vision_config" in checkpoint.config
    kind = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, told = kind.from_pretrained(
            checkpoint.path, dtype=getattr(torch, dtype), output_loading_info=True
        )
        model = model.to(device)
    except (RuntimeError, MemoryError) as error:
        if is_memory(error):
            raise MissingPart(
                "there is no memory for the weights",
                f"{checkpoint.path}: {checkpoint.n_parameters:,} parameters as {dtype} on {device}",
                "Take a smaller dtype or model, or serve it elsewhere and give openai/NAME@URL.",
            ) from error
        raise _bad(checkpoint.path, str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise _bad(checkpoint.path, str(error)) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    missing = sorted(told["missing_keys"])
    if missing:
        raise _bad(checkpoint.path, f"{len(missing)} tensors are missing: {', '.join(missing[:3])}")
    return model.eval()


def _bad(path: Path, why: str) -> BadCheckpoint:
    lines = why.splitlines() or ["no reason given"]
    return BadCheckpoint(
        "transformers cannot load the checkpoint",
        f"{path}: {lines[0][:300]}",
        "Is it whole, and of a model that this version of transformers knows?",
    )

"""Checkpoints for tests, as plain numpy arrays: no model code between the test and the bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from viscodex.merge.block import NUMPY_DTYPES
from viscodex.merge.checkpoint import read_checkpoint

Arrays = dict[str, NDArray[Any]]
NAMES = {np.dtype(dtype): name for name, dtype in NUMPY_DTYPES.items()} | {
    np.dtype(np.int64): "I64"
}
DTYPES = {
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float16": np.dtype(np.float16),
    "float32": np.dtype(np.float32),
}
CONFIG = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 24, "rms_norm_eps": 1e-6,
}  # fmt: skip


def text_arrays(
    seed: int, vocabulary: int = 20, dtype: str = "bfloat16", tied: bool = False
) -> Arrays:
    """A Qwen2-like language model of three layers, hidden size 16."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (vocabulary, 16)}
    for layer in range(3):
        prefix = f"model.layers.{layer}."
        shapes |= {
            f"{prefix}self_attn.q_proj.weight": (16, 16),
            f"{prefix}self_attn.q_proj.bias": (16,),
            f"{prefix}mlp.down_proj.weight": (16, 24),
            f"{prefix}input_layernorm.weight": (16,),
        }
    shapes["model.norm.weight"] = (16,)
    if not tied:
        shapes["lm_head.weight"] = (vocabulary, 16)
    return {n: rng.normal(0, 0.05, shape).astype(DTYPES[dtype]) for n, shape in shapes.items()}


def near(base: Arrays, seed: int, scale: float = 0.01) -> Arrays:
    """The same model after some training: noise on every tensor."""
    rng = np.random.default_rng(seed)
    return {
        n: (a.astype(np.float64) + rng.normal(0, scale, a.shape)).astype(a.dtype)
        for n, a in base.items()
    }


def vision_arrays(seed: int, dtype: str = "bfloat16") -> Arrays:
    """What stands beside the language model in a Qwen2.5-VL of the first naming."""
    rng = np.random.default_rng(seed)
    return {
        "visual.blocks.0.attn.qkv.weight": rng.normal(size=(24, 8)).astype(DTYPES[dtype]),
        "visual.merger.mlp.0.weight": rng.normal(size=(16, 8)).astype(DTYPES[dtype]),
    }


def write_model(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    model_type: str = "qwen2",
    tokens: Mapping[str, int] | None = None,
    shards: int = 1,
    **config: Any,
) -> Path:
    """Write a checkpoint directory."""
    folder.mkdir(parents=True)
    names = list(arrays)
    groups = [names[i::shards] for i in range(shards)]
    weight_map = {}
    for number, group in enumerate(groups):
        file = "model.safetensors" if shards == 1 else f"part-{number}.safetensors"
        header: dict[str, Any] = {}
        offset = 0
        for name in group:
            array = arrays[name]
            end = offset + array.nbytes
            header[name] = {
                "dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end],
            }  # fmt: skip
            offset = end
            weight_map[name] = file
        text = json.dumps(header).encode()
        body = b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name in group)
        (folder / file).write_bytes(len(text).to_bytes(8, "little") + text + body)
    if shards > 1:
        index = {"metadata": {}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, **CONFIG, **config}))
    if tokens is not None:
        tokenizer = {
            "model": {"type": "BPE", "vocab": dict(tokens), "merges": []},
            "added_tokens": [],
        }
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def write_trio(
    folder: Path, dtype: str = "bfloat16", shards: int = 1, scale: float = 0.01
) -> dict[str, Path]:
    """base, vlm and code that fit one another."""
    base = text_arrays(1, dtype=dtype)
    vlm = {**near(base, 2, scale), **vision_arrays(3, dtype)}
    return {
        "base": write_model(folder / "base", base, shards=shards),
        "code": write_model(folder / "code", near(base, 4, scale), shards=shards),
        "vlm": write_model(folder / "vlm", vlm, "qwen2_5_vl", shards=shards),
    }


def arrays_of(folder: Path) -> Arrays:
    """All tensors of a checkpoint."""
    found: Arrays = {}
    for name, info in read_checkpoint(folder).tensors.items():
        with info.file.open("rb") as stream:
            stream.seek(info.offset)
            raw = stream.read(info.nbytes)
        dtype = NUMPY_DTYPES.get(info.dtype, np.dtype(np.uint8))
        found[name] = np.frombuffer(raw, dtype).reshape(info.shape)
    return found


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Equal shape, dtype and bytes."""
    return (a.shape, a.dtype, a.tobytes()) == (b.shape, b.dtype, b.tobytes())

"""Small real models of true layout and samples to learn, for the tests of training."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from viscodex.nano.trio import (
    make_tokenizer,
    make_vision_language_model,
    save_processor,
    text_sizes,
)
from viscodex.types import Message, Sample

QUESTION = "Redraw this chart as matplotlib code."


def picture(n: int) -> bytes:
    """Four bars; three shapes of picture."""
    image = Image.new("RGB", (120 + n % 3 * 30, 90), "white")
    draw = ImageDraw.Draw(image)
    for k in range(4):
        height = 10 + (n * 7 + k * 13) % 60
        colour = ("red", "green", "blue", "orange")[(k + n) % 4]
        draw.rectangle([10 + k * 26, 85 - height, 28 + k * 26, 85], fill=colour)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def code(n: int) -> str:
    """The answer that belongs to a picture."""
    bars = [10 + (n * 7 + k * 13) % 60 for k in range(4)]
    return f"plt.bar(range(4), {bars})\nplt.show()\n"


def chart(n: int) -> Sample:
    """A question about a picture."""
    messages = (Message("user", f"<image>{QUESTION}"), Message("assistant", code(n)))
    return Sample(f"chart-{n}", "chart", messages, (picture(n),))


def problem(n: int) -> Sample:
    """A question without a picture, in two turns."""
    messages = (
        Message("user", f"Case {n}?"),
        Message("assistant", f"def f(): return {n}"),
        Message("user", "And twice?"),
        Message("assistant", f"def f(): return {2 * n}"),
    )
    return Sample(f"algorithm-{n}", "algorithm", messages)


def mixed(n: int) -> list[Sample]:
    """Samples with and without pictures, of unequal length."""
    return [problem(i) if i % 4 == 3 else chart(i) for i in range(n)]


def make_qwen2_5_vl(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """A Qwen2.5-VL checkpoint, float32."""
    import torch

    torch.manual_seed(seed)
    tokenizer = make_tokenizer([code(n) for n in range(50)])
    model = make_vision_language_model(tokenizer, **{"num_hidden_layers": 2, **sizes})
    return _save(model, tokenizer, folder)


def make_qwen3_vl(folder: Path, seed: int = 0) -> Path:
    """A Qwen3-VL checkpoint with deepstack, float32."""
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = make_tokenizer([code(n) for n in range(50)])
    text = text_sizes(tokenizer, num_hidden_layers=2, head_dim=16)
    del text["bos_token_id"]
    text["rope_parameters"] = {
        "rope_type": "default", "rope_theta": 5e6, "mrope_interleaved": True, "mrope_section": [4, 2, 2],
    }  # fmt: skip
    ids = {
        key: tokenizer.convert_tokens_to_ids(token)
        for key, token in (
            ("image_token_id", "<|image_pad|>"), ("video_token_id", "<|video_pad|>"),
            ("vision_start_token_id", "<|vision_start|>"), ("vision_end_token_id", "<|vision_end|>"),
        )
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16,
        "out_hidden_size": text["hidden_size"], "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }  # fmt: skip
    config = transformers.Qwen3VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=False, **ids
    )
    model = transformers.Qwen3VLForConditionalGeneration(config)
    _save(model, tokenizer, folder)
    for name in ("processor_config.json", "preprocessor_config.json"):
        text_ = (folder / name).read_text().replace("Qwen2_5_VLProcessor", "Qwen3VLProcessor")
        data = json.loads(text_)
        for block in (data, *(v for v in data.values() if isinstance(v, dict))):
            if "patch_size" in block:
                block |= {"patch_size": 16, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        (folder / name).write_text(json.dumps(data))
    return folder


def _save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids("<|im_end|>")
    model.generation_config.pad_token_id = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    model.save_pretrained(folder)
    save_processor(tokenizer, folder)
    return folder

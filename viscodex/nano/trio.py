"""A trio to try the merge on: base, vlm and code, small, with random weights, related by descent.

in:  a directory
out: DIR/base and DIR/code (Qwen2.5), DIR/vlm (Qwen2.5-VL): real layouts, tokenizer and processor
not covered: skill; these models have seen no data
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SPECIAL_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

CHAT_TEMPLATE = (  # newlines stand inside {{ }}: one before a {%- tag would be eaten
    "{%- macro body(c) -%}{%- if c is string -%}{{ c }}{%- else -%}{%- for p in c -%}"
    "{%- if p['type'] == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>"
    "{%- elif 'text' in p -%}{{ p['text'] }}{%- endif -%}{%- endfor -%}{%- endif -%}{%- endmacro -%}"
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + body(message['content']) + '<|im_end|>\n' }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)

SNIPPETS = (
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(6, 4))\n",
    "ax.bar(range(4), [3, 1, 4, 1])\nax.set_title('Sales by quarter')\nplt.show()\n",
    "<div class='card'><h1>Pricing</h1><p>Choose a plan.</p></div>\n",
    "def solve(n: int) -> int:\n    return sum(range(n + 1))\n",
    "Redraw this chart as matplotlib code.\n",
)


def make_tokenizer(
    texts: Iterable[str] = SNIPPETS, n_tokens: int = 512, special: Sequence[str] = SPECIAL_TOKENS
) -> PreTrainedTokenizerBase:
    """A byte-level BPE with Qwen's pre-tokeniser; the special tokens follow the BPE as in Qwen's."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=n_tokens - len(special), initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    learnt = json.loads(bpe.to_str())["model"]
    return Qwen2Tokenizer(
        vocab=learnt["vocab"],
        merges=[tuple(pair) for pair in learnt["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        bos_token=None,
        additional_special_tokens=list(special),
        model_max_length=4096,
        chat_template=CHAT_TEMPLATE,
    )


def text_sizes(tokenizer: PreTrainedTokenizerBase, **sizes: Any) -> dict[str, Any]:
    """A small Qwen2.5 text config; `sizes` overrides its keys."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "pad_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        "rms_norm_eps": 1e-6,
        **sizes,
    }


def make_text_model(
    tokenizer: PreTrainedTokenizerBase, tied: bool = False, **sizes: Any
) -> PreTrainedModel:
    """A Qwen2.5 language model with random weights."""
    import transformers

    rope = {"rope_type": "default", "rope_theta": 1e6}
    config = transformers.Qwen2Config(
        **{"rope_parameters": rope, **text_sizes(tokenizer, **sizes)}, tie_word_embeddings=tied
    )
    return transformers.Qwen2ForCausalLM(config)


def make_vision_language_model(
    tokenizer: PreTrainedTokenizerBase,
    tied: bool = False,
    tower: Mapping[str, Any] | None = None,
    **sizes: Any,
) -> PreTrainedModel:
    """A Qwen2.5-VL with random weights; `tower` overrides the keys of its vision config."""
    import transformers

    text = text_sizes(tokenizer, **sizes)
    half = text["hidden_size"] // text["num_attention_heads"] // 2
    sections = [half // 4, (half - half // 4) // 2]
    rope = {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [*sections, half - sum(sections)],
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": text["hidden_size"],
        "patch_size": 14,
        "window_size": 56,
        "fullatt_block_indexes": [1],
        **(tower or {}),
    }
    ids = {
        key: tokenizer.convert_tokens_to_ids(token)
        for key, token in (
            ("image_token_id", "<|image_pad|>"),
            ("video_token_id", "<|video_pad|>"),
            ("vision_start_token_id", "<|vision_start|>"),
            ("vision_end_token_id", "<|vision_end|>"),
        )
    }
    config = transformers.Qwen2_5_VLConfig(
        text_config={**text, "rope_parameters": rope, "tie_word_embeddings": tied},
        vision_config=vision,
        tie_word_embeddings=tied,
        **ids,
    )
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


def save_processor(
    tokenizer: PreTrainedTokenizerBase, folder: Path, max_vision_tokens: int = 64
) -> None:
    """Tokenizer, processor_config.json and preprocessor_config.json, as the hub's models have them."""
    from transformers import Qwen2VLImageProcessorPil

    tokenizer.save_pretrained(folder)
    size = {"shortest_edge": 28 * 28, "longest_edge": max_vision_tokens * 28 * 28}
    images = Qwen2VLImageProcessorPil(size=size).to_dict()
    processor = {
        "processor_class": "Qwen2_5_VLProcessor",
        "image_processor": images,
        "video_processor": {
            **{key: value for key, value in images.items() if key != "image_processor_type"},
            "video_processor_type": "Qwen2VLVideoProcessor",
        },
    }
    for name, data in (
        ("processor_config.json", processor),
        ("preprocessor_config.json", {**images, "processor_class": "Qwen2_5_VLProcessor"}),
    ):
        (folder / name).write_text(json.dumps(data, indent=2) + "\n")


def make_trio(folder: Path, *, seed: int = 0, dtype: str = "bfloat16", noise: float = 0.1) -> None:
    """Write base, vlm and code below a folder; vlm and code are the base plus noise of their own.

    Args:
        noise: standard deviation of the noise, relative to that of each tensor.
    """
    import torch

    tokenizer = make_tokenizer()
    torch.manual_seed(seed)
    base = make_text_model(tokenizer)
    shared = {name: value.clone() for name, value in base.state_dict().items()}
    code = make_text_model(tokenizer)
    code.load_state_dict(_near(shared, noise))
    vlm = make_vision_language_model(tokenizer)
    near = _near(shared, noise)
    renamed = {name.replace("model.", "model.language_model.", 1): v for name, v in near.items()}
    vlm.load_state_dict(renamed, strict=False)
    for name, model in (("base", base), ("vlm", vlm), ("code", code)):
        place = folder / name
        model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids("<|im_end|>")
        model.generation_config.pad_token_id = tokenizer.convert_tokens_to_ids("<|endoftext|>")
        model.to(getattr(torch, dtype)).save_pretrained(place)
        if name == "vlm":
            save_processor(tokenizer, place)
        else:
            tokenizer.save_pretrained(place)


def _near(weights: dict[str, Any], noise: float) -> dict[str, Any]:
    import torch

    return {
        name: value + noise * max(float(value.std()), 0.01) * torch.randn_like(value)
        if value.is_floating_point() and value.numel() > 1
        else value
        for name, value in weights.items()
    }

"""Token counts: what the model's own processor makes of a sample, without the model."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from viscodex.data.tokens import TokenCounter, VisionSizes
from viscodex.errors import BadInput
from viscodex.images import vision_tokens
from viscodex.types import Message, Sample

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]  # fmt: skip

TEMPLATE = (
    "{% set image_count = namespace(value=0) %}"
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}{% endgeneration %}"
    "{% elif message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{ '<|im_end|>\n' }}{% endfor %}"
)
"""In the form of Qwen2.5-VL's."""


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(stream, "PNG")
    return stream.getvalue()


def sample(*sizes: tuple[int, int], system: str = "") -> Sample:
    ask = "<image>" * len(sizes) + "Write the matplotlib code of this chart, please."
    messages = [Message("user", ask), Message("assistant", "```python\nplt.plot([1, 2])\n```")]
    if system:
        messages.insert(0, Message("system", system))
    return Sample("chart-1", "chart", tuple(messages), tuple(png(*size) for size in sizes))


@pytest.fixture(scope="module")
def processor() -> Any:
    """A Qwen2.5-VL processor for pictures alone, with a small byte-level vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2VLImageProcessorPil
    from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    text = ["import matplotlib.pyplot as plt", "Write the matplotlib code of this chart"]
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=alphabet, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
    )  # fmt: skip

    class PicturesOnly(Qwen2_5_VLProcessor):  # type: ignore[misc]
        def __init__(self, image_processor: Any = None, tokenizer: Any = None, **kwargs: Any):
            super().__init__(image_processor, tokenizer, None, **kwargs)

    return PicturesOnly(Qwen2VLImageProcessorPil(), wrapped, chat_template=TEMPLATE)


@pytest.fixture(scope="module")
def checkpoint(processor: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    processor.tokenizer.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "asked",
    [
        sample((640, 480)),
        sample((1280, 2200), (31, 29)),
        sample(),
        sample((300, 300), system="You write code."),
    ],
    ids=["one", "two", "none", "system"],
)
def test_counts_are_the_length_of_what_the_processor_makes(
    asked: Sample, processor: Any, checkpoint: Path
) -> None:
    parts = []
    for message in asked.messages:
        pieces: list[dict[str, str]] = [{"type": "image"}] * message.content.count("<image>")
        text = {"type": "text", "text": message.content.replace("<image>", "")}
        content: Any = [*pieces, text] if pieces else message.content
        parts.append({"role": message.role, "content": content})
    text = processor.tokenizer.apply_chat_template(parts, tokenize=False)
    pictures = [Image.open(io.BytesIO(data)) for data in asked.images]
    inputs = processor(text=[text], images=pictures or None)
    ids = inputs["input_ids"][0]
    pads = sum(token == processor.image_token_id for token in ids)
    count = TokenCounter(checkpoint).count(asked)
    assert (count.text + count.vision, count.vision) == (len(ids), pads)
    assert count.total == len(ids)
    assert not count.estimated


def test_a_file_and_text_paths_name_the_same_tokenizer(checkpoint: Path) -> None:
    counts = {TokenCounter(name).count(sample((64, 64))) for name in (checkpoint, str(checkpoint), checkpoint / "tokenizer.json")}  # fmt: skip
    assert len(counts) == 1


def test_sizes_come_from_the_checkpoint_or_from_the_caller(
    checkpoint: Path, tmp_path: Path
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    old = {"patch_size": 16, "merge_size": 2, "min_pixels": 65536, "max_pixels": 262144}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    count = TokenCounter(tmp_path).count(sample((1280, 720)))
    assert count.vision == vision_tokens(1280, 720, 16, 2, 65536, 262144)
    (tmp_path / "preprocessor_config.json").unlink()
    new = {"size": {"shortest_edge": 65536, "longest_edge": 262144}, "patch_size": 16}
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": new}))
    assert TokenCounter(tmp_path).count(sample((1280, 720))) == count
    own = VisionSizes(max_pixels=100_352)
    assert TokenCounter(tmp_path, vision=own).count(sample((1280, 720))).vision <= 128


def test_a_checkpoint_without_template_is_taken_as_chatml(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes((checkpoint / "tokenizer.json").read_bytes())
    asked = sample((64, 64))
    assert TokenCounter(tmp_path).count(asked) == TokenCounter(checkpoint).count(asked)


@pytest.mark.parametrize("place", ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"])  # fmt: skip
def test_the_template_is_found_wherever_checkpoints_keep_it(
    place: str, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_bytes((checkpoint / "tokenizer.json").read_bytes())
    source = "{% for m in messages %}{{ m.role + m.content }}{% break %}{% endfor %}"
    named = {"chat_template": [{"name": "default", "template": source}]}
    plain = place.endswith("jinja")
    (tmp_path / place).write_text(source if plain else json.dumps(named))
    assert TokenCounter(tmp_path).count(sample()).total < TokenCounter(checkpoint).count(sample()).total  # fmt: skip


def test_a_template_runs_in_a_sandbox_and_what_it_refuses_is_bad_input(
    checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_bytes((checkpoint / "tokenizer.json").read_bytes())
    file = tmp_path / "chat_template.jinja"
    for source in ("{{ raise_exception('no system role') }}", "{{ ().__class__.__mro__[1].__subclasses__() }}"):  # fmt: skip
        file.write_text(source)
        with pytest.raises(BadInput, match="chart-1"):
            TokenCounter(tmp_path).count(sample())
    file.write_text("{% for %}")
    with pytest.raises(BadInput, match="chat template"):
        TokenCounter(tmp_path)


def test_without_a_tokenizer_the_count_is_an_estimate_and_says_so() -> None:
    count = TokenCounter().count(sample((640, 480)))
    assert count.estimated
    assert count.vision == vision_tokens(640, 480)
    # two turns and the system prompt: three start marks, three end marks, two marks of the picture
    size = sum(len(m.content.encode()) for m in sample().messages)
    assert size / 4 < count.text < size / 2 + 40
    longer = sample((640, 480), system="x" * 3000)
    assert TokenCounter().count(longer).text - count.text > 850


def test_the_estimate_is_above_what_a_small_vocabulary_needs_per_word() -> None:
    words = Sample("t", "qa", (Message("user", "how are you " * 100), Message("assistant", "ok")))
    assert 300 <= TokenCounter().count(words).text <= 600


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"model": 3}', '{"version": "1.0", '])
def test_what_is_no_tokenizer_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(BadInput, match="no tokenizer"):
        TokenCounter(tmp_path)
    with pytest.raises(BadInput, match="no tokenizer"):
        TokenCounter(tmp_path / "nowhere")


def test_pictures_that_cannot_be_counted_name_their_sample() -> None:
    for data in (b"junk", png(4001, 20)):
        broken = Sample("qa-7", "qa", (Message("user", "<image>"), Message("assistant", "x")), (data,))  # fmt: skip
        with pytest.raises(BadInput):
            TokenCounter().count(broken)

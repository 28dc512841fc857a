"""Encoding: exactly the answers are learnt, and they are what generation continues from the prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from tests.train import models
from viscodex.errors import BadCheckpoint
from viscodex.train.encode import Document, Encoder, Rejected, chat_parts
from viscodex.types import Message, Sample

IMAGE = "<|image_pad|>"


@pytest.fixture(scope="module")
def tokenizer(qwen2_5_vl: Path) -> Any:
    return AutoTokenizer.from_pretrained(qwen2_5_vl)


@pytest.fixture
def encoder(tokenizer: Any) -> Encoder:
    return Encoder(tokenizer, IMAGE)


def test_learnt_are_the_tokens_of_the_answer_and_its_end(encoder: Encoder, tokenizer: Any) -> None:
    encoded = encoder.encode(models.chart(1), [6])
    learnt = encoded.ids[encoded.learnt].tolist()
    assert learnt == tokenizer.encode(models.code(1) + "<|im_end|>")
    assert tokenizer.decode(encoded.ids[-len(learnt) :]) == models.code(1) + "<|im_end|>"
    assert encoded.is_image.sum() == 6
    assert not (encoded.learnt & encoded.is_image).any()


def test_all_turns_or_the_last_one(encoder: Encoder, tokenizer: Any) -> None:
    sample = models.problem(3)
    every = encoder.encode(sample)
    text = tokenizer.decode(every.ids[every.learnt])
    assert text == "def f(): return 3<|im_end|>def f(): return 6<|im_end|>"
    last = Encoder(tokenizer, IMAGE, "last_answer").encode(sample)
    assert tokenizer.decode(last.ids[last.learnt]) == "def f(): return 6<|im_end|>"
    assert last.ids.tolist() == every.ids.tolist()


def test_everything_but_pictures_is_learnt_where_that_is_asked(tokenizer: Any) -> None:
    encoded = Encoder(tokenizer, IMAGE, "everything").encode(models.chart(1), [4])
    assert (encoded.learnt == ~encoded.is_image).all()


def test_prompt_is_a_prefix_and_equals_the_template(encoder: Encoder, tokenizer: Any) -> None:
    sample = models.chart(2)
    prompt, whole = encoder.prompt(sample, [5]), encoder.encode(sample, [5])
    assert whole.ids[: len(prompt)].tolist() == prompt.ids.tolist()
    rendered = tokenizer.apply_chat_template(
        chat_parts(sample.messages[:-1]), tokenize=False, add_generation_prompt=True
    )
    assert prompt.ids.tolist() == tokenizer.encode(rendered.replace(IMAGE, IMAGE * 5))


def test_an_answer_that_begins_with_a_newline_keeps_its_own_tokens(
    encoder: Encoder, tokenizer: Any
) -> None:
    sample = Sample("x", "qa", (Message("user", "a"), Message("assistant", "\nb")))
    encoded = encoder.encode(sample)
    assert encoded.ids[encoded.learnt].tolist() == tokenizer.encode("\nb<|im_end|>")


def answered(text: str) -> Sample:
    return Sample("x", "qa", (Message("user", "hello"), Message("assistant", text)))


@pytest.mark.parametrize(
    ("sample", "tokens", "kind"),
    [
        (answered("  \n"), [], "empty_answer"),
        (Sample("x", "qa", (Message("user", "hello"),)), [], "no_answer"),
        (Sample("x", "qa", ()), [], "no_answer"),
        (answered("a <|im_end|> b"), [], "special_token"),
        (answered("a <|image_pad|> b"), [], "special_token"),
        (replace(models.chart(0), images=()), [], "images"),
        (models.chart(0), [1, 1], "images"),
        (answered("see <image>"), [1], "images"),
    ],
)
def test_what_cannot_be_learnt_from_is_rejected(
    encoder: Encoder, sample: Sample, tokens: list[int], kind: str
) -> None:
    with pytest.raises(Rejected) as caught:
        encoder.encode(sample, tokens)
    assert caught.value.kind == kind


def test_a_model_without_eyes_takes_no_pictures(tokenizer: Any) -> None:
    with pytest.raises(Rejected, match="takes no pictures"):
        Encoder(tokenizer, None).encode(models.chart(0), [1])


def test_a_document_is_learnt_whole_and_ends(encoder: Encoder, tokenizer: Any) -> None:
    encoded = encoder.encode(Document("d", "import os\n"))
    assert tokenizer.decode(encoded.ids) == "import os\n<|endoftext|>"
    assert encoded.learnt.all()
    with pytest.raises(Rejected):
        encoder.encode(Document("d", " \n"))


def test_a_template_that_cannot_be_trained_with_is_refused(qwen2_5_vl: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(qwen2_5_vl)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(BadCheckpoint, match=r"<\|im_end\|>"):
        Encoder(tokenizer, IMAGE).encode(answered("b"))
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}now:{% endif %}"
    )
    with pytest.raises(BadCheckpoint, match="generation prompt"):
        Encoder(tokenizer, IMAGE).encode(answered("b"))


def test_a_tokenizer_without_the_image_token_is_refused(tokenizer: Any) -> None:
    with pytest.raises(BadCheckpoint, match="image token"):
        Encoder(tokenizer, "<|no_such|>")

"""From a sample to token ids, and which of them are learnt.

in:  a Sample or Document, the number of vision tokens of each picture, a tokenizer with chat template
out: Encoded: ids and a mask that is true on exactly the answer's tokens and its end token
not covered: pictures (pictures.py), rows of several samples (rows.py)

Text is tokenised in the pieces in which a model meets it when it writes: the prompt as a whole, then
the answer. So the ids that are learnt are those that generation continues from the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from viscodex.errors import BadCheckpoint
from viscodex.types import Message, Sample

IMAGE_MARK = "<image>"
LossOn = Literal["answers", "last_answer", "everything"]


@dataclass(frozen=True, slots=True)
class Document:
    """A plain text for pre-training."""

    id: str
    text: str


Item = Sample | Document


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sample as the model sees it, one picture token per vision token."""

    ids: NDArray[np.int64]  # (T,)
    learnt: NDArray[np.bool_]  # (T,) whether the token at this place is predicted in the loss
    is_image: NDArray[np.bool_]  # (T,)

    def __len__(self) -> int:
        return len(self.ids)


class Rejected(Exception):
    """A sample that cannot be learnt from; str() is the reason, `kind` a word to count by."""

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        super().__init__(reason)


def chat_parts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates take them; content with pictures becomes a list of parts."""
    told: list[dict[str, Any]] = []
    for message in messages:
        pieces = message.content.split(IMAGE_MARK)
        if len(pieces) == 1:
            told.append({"role": message.role, "content": message.content})
            continue
        parts: list[dict[str, str]] = []
        for number, piece in enumerate(pieces):
            if number:
                parts.append({"type": "image"})
            if piece:
                parts.append({"type": "text", "text": piece})
        told.append({"role": message.role, "content": parts})
    return told


class Encoder:
    """Encodes samples for one tokenizer.

    Args:
        tokenizer: of transformers, with a chat template that ends an answer with its eos token.
        image_token: that a picture becomes in the text; None for a model without eyes.
        loss_on: answers of all turns, of the last one, or everything but pictures.

    Raises:
        BadCheckpoint: no chat template, no end token, or the image token is none of the vocabulary.
    """

    def __init__(
        self, tokenizer: Any, image_token: str | None, loss_on: LossOn = "answers"
    ) -> None:
        self.tokenizer, self.image_token, self.loss_on = tokenizer, image_token, loss_on
        where = str(tokenizer.name_or_path)
        if not tokenizer.eos_token:
            raise BadCheckpoint("the tokenizer has no end token", where, "Set eos_token in it.")
        self.image_id = (
            None if image_token is None else tokenizer.convert_tokens_to_ids(image_token)
        )
        if image_token is not None and self.image_id in (None, tokenizer.unk_token_id):
            raise BadCheckpoint(
                "the tokenizer does not fit the model: it lacks the image token",
                f"{where}: no {image_token}",
                "Use the tokenizer files of the vision-language model.",
            )
        self.special = tuple(
            token for token in tokenizer.get_added_vocab() if token.startswith("<|")
        )
        self.document_end = tokenizer.pad_token or tokenizer.eos_token

    def encode(self, item: Item, vision_tokens: Sequence[int] = ()) -> Encoded:
        """The ids of a sample and what is learnt of them.

        Args:
            vision_tokens: tokens of each picture, in the order of the marks.

        Raises:
            Rejected: marks and pictures disagree, an empty answer, special tokens in the text, ...
            BadCheckpoint: the chat template cannot be used for training.
        """
        if isinstance(item, Document):
            return self._document(item)
        self._check(item, len(vision_tokens))
        ids: list[int] = []
        learnt: list[bool] = []
        for text, is_learnt in self._pieces(item):
            piece = self._ids(text)
            ids += piece
            learnt += [is_learnt] * len(piece)
        return self._expanded(ids, learnt, vision_tokens)

    def prompt(self, sample: Sample, vision_tokens: Sequence[int] = ()) -> Encoded:
        """The ids from which the sample's answer would be generated; nothing of it is learnt."""
        messages = chat_parts(sample.messages[:-1])
        ids = self._ids(self._render(messages, generate=True))
        return self._expanded(ids, [False] * len(ids), vision_tokens)

    def _document(self, item: Document) -> Encoded:
        if not item.text.strip():
            raise Rejected("empty", "the document is empty")
        self._check_text(item.text)
        ids = self._ids(item.text + self.document_end)
        return Encoded(np.array(ids), np.ones(len(ids), bool), np.zeros(len(ids), bool))

    def _check(self, sample: Sample, n_pictures: int) -> None:
        if not sample.messages or sample.messages[-1].role != "assistant":
            raise Rejected("no_answer", "the last message is not the assistant's")
        if not sample.answer.strip():
            raise Rejected("empty_answer", "the answer is empty")
        marks = sum(m.content.count(IMAGE_MARK) for m in sample.messages)
        if marks != n_pictures:
            raise Rejected("images", f"{marks} {IMAGE_MARK} marks, {n_pictures} pictures")
        if n_pictures and self.image_id is None:
            raise Rejected("images", "the model takes no pictures")
        for message in sample.messages:
            if IMAGE_MARK in message.content and message.role == "assistant":
                raise Rejected("images", "a picture in an answer")
            self._check_text(message.content)

    def _check_text(self, text: str) -> None:
        if "<|" in text:
            found = next((token for token in self.special if token in text), None)
            if found is not None:
                raise Rejected("special_token", f"the text holds the special token {found}")

    def _pieces(self, sample: Sample) -> list[tuple[str, bool]]:
        """The rendered conversation cut where answers begin and end: (text, is learnt)."""
        messages = chat_parts(sample.messages)
        last = len(messages) - 1
        pieces: list[tuple[str, bool]] = []
        done = ""
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = self._render(messages[:number], generate=True)
            whole = self._render(messages[: number + 1], generate=False)
            if not prompt.startswith(done) or not whole.startswith(prompt):
                raise self._bad_template("the generation prompt is not how an answer begins")
            end = whole.rfind(self.tokenizer.eos_token, len(prompt))
            if end < 0:
                raise self._bad_template(f"no {self.tokenizer.eos_token} after an answer")
            end += len(self.tokenizer.eos_token)
            all_learnt = self.loss_on == "everything"
            learnt = all_learnt or self.loss_on == "answers" or number == last
            pieces += [(prompt[len(done) :], all_learnt), (whole[len(prompt) : end], learnt)]
            done = whole[:end]
        return pieces

    def _render(self, messages: Sequence[Any], generate: bool) -> str:
        text = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=generate
        )
        return str(text)

    def _bad_template(self, what: str) -> BadCheckpoint:
        return BadCheckpoint(
            f"the chat template cannot be trained with: {what}",
            str(self.tokenizer.name_or_path),
            "Use the chat template of the instruct model.",
        )

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return found

    def _expanded(
        self, ids: Sequence[int], learnt: Sequence[bool], vision_tokens: Sequence[int]
    ) -> Encoded:
        """One image token per picture becomes as many as it has vision tokens; none is learnt."""
        plain = np.array(ids, np.int64)
        is_image = plain == (-1 if self.image_id is None else self.image_id)
        if int(is_image.sum()) != len(vision_tokens):
            raise Rejected(
                "images", f"{int(is_image.sum())} image tokens, {len(vision_tokens)} pictures"
            )
        repeats = np.ones(len(plain), np.int64)
        repeats[is_image] = vision_tokens
        mask = np.array(learnt, bool) & ~is_image
        return Encoded(
            np.repeat(plain, repeats), np.repeat(mask, repeats), np.repeat(is_image, repeats)
        )

"""Prompts in the two forms in which models take them.

in:  a Prompt
out: messages for chat templates of transformers; messages for an OpenAI-compatible endpoint
not covered: tokens and patches (inputs.py), requests (endpoint.py)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from viscodex.errors import BadInput
from viscodex.images import data_url, open_image
from viscodex.models.model import Prompt
from viscodex.types import Message

IMAGE_MARK = "<image>"


def check_marks(prompt: Prompt) -> None:
    """Raise where pictures and their marks disagree.

    Raises:
        BadInput: there are more or fewer marks than pictures, or no message of the user at the end.
    """
    marks = sum(message.content.count(IMAGE_MARK) for message in prompt.messages)
    if marks != len(prompt.images):
        raise BadInput(
            "the prompt does not fit its pictures",
            f"{marks} {IMAGE_MARK} marks, {len(prompt.images)} pictures",
            f"Put {IMAGE_MARK} into the text once for each picture.",
        )
    if not prompt.messages or prompt.messages[-1].role == "assistant":
        raise BadInput("the prompt does not end with a question", prompt.id, "Ask something.")


def _pieces(message: Message, image: str) -> Iterator[dict[str, Any]]:
    """The parts of a message with marks; a mark becomes {"type": image}."""
    for number, piece in enumerate(message.content.split(IMAGE_MARK)):
        if number:
            yield {"type": image}
        if piece:
            yield {"type": "text", "text": piece}


def chat_parts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates take them; content with pictures becomes a list of parts."""
    return [
        {
            "role": message.role,
            "content": list(_pieces(message, "image"))
            if IMAGE_MARK in message.content
            else message.content,
        }
        for message in messages
    ]


def openai_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """Messages of a chat completion; pictures are data URLs.

    Raises:
        BadInput: pictures and marks disagree, or a picture cannot be read.
    """
    check_marks(prompt)
    for picture in prompt.images:
        open_image(picture)  # an endpoint's error about a broken picture is hard to read
    pictures = iter(prompt.images)
    told = chat_parts(prompt.messages)
    for message in told:
        if isinstance(message["content"], list):
            message["content"] = [
                part
                if part["type"] == "text"
                else {"type": "image_url", "image_url": {"url": data_url(next(pictures))}}
                for part in message["content"]
            ]
    return told

"""Prompts as chat messages of inspect_ai, and back.

in:  Prompt, Completion
out: ChatMessages with inline pictures, ModelOutput; the way back loses nothing
not covered: asking (provider.py)
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    Content,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    StopReason,
)

from viscodex.images import data_url
from viscodex.models.chat import IMAGE_MARK, check_marks
from viscodex.models.model import Decoding, Prompt
from viscodex.types import Completion, Message

_REASONS: dict[str, StopReason] = {"stop": "stop", "length": "max_tokens"}
_FACTS = ("finish_reason", "seconds", "probability")  # of a Completion, kept beside the output
SAMPLE = "viscodex"
"""Key of a message's metadata: id of the sample, number of the attempt."""


def chat_from_prompt(prompt: Prompt, attempt: int = 0) -> list[ChatMessage]:
    """The messages, with each picture where its mark stands.

    Raises:
        BadInput: there are more or fewer marks than pictures.
    """
    check_marks(prompt)
    pictures = iter(prompt.images)
    last = len(prompt.messages) - 1
    chat: list[ChatMessage] = []
    for n, message in enumerate(prompt.messages):
        first, *rest = message.content.split(IMAGE_MARK)
        parts: list[Content] = [ContentText(text=first)] if first else []
        for piece in rest:
            parts.append(_image(next(pictures)))
            if piece:
                parts.append(ContentText(text=piece))
        content = parts if rest else message.content
        beside = {SAMPLE: {"id": prompt.id, "attempt": attempt}} if n == last else None
        if message.role == "system":
            chat.append(ChatMessageSystem(content=content, metadata=beside))
        elif message.role == "assistant":
            chat.append(ChatMessageAssistant(content=content, metadata=beside))
        else:
            chat.append(ChatMessageUser(content=content, metadata=beside))
    return chat


def _image(data: bytes) -> ContentImage:
    return ContentImage(image=data_url(data))


def prompt_from_chat(chat: Sequence[ChatMessage]) -> tuple[Prompt, int]:
    """The prompt of messages, and the attempt that it is.

    Raises:
        ValueError: a message of a tool, sound or video, a picture that is not inline.
    """
    messages: list[Message] = []
    images: list[bytes] = []
    beside: dict[str, Any] = {}
    for message in chat:
        if message.role == "tool":
            raise ValueError("models of viscodex call no tools")
        parts = message.content if isinstance(message.content, list) else [message.content]
        text = ""
        for part in parts:
            if isinstance(part, str | ContentText):
                text += part if isinstance(part, str) else part.text
            elif isinstance(part, ContentImage) and part.image.startswith("data:"):
                images.append(base64.b64decode(part.image.partition(",")[2]))
                text += IMAGE_MARK
            else:
                raise ValueError(f"models of viscodex read no {part.type}")
        messages.append(Message(message.role, text))
        beside = (message.metadata or {}).get(SAMPLE, beside)
    return Prompt(tuple(messages), tuple(images), beside.get("id", "")), beside.get("attempt", 0)


def decoding_from_config(config: GenerateConfig) -> Decoding:
    """What of a configuration our models know.

    Raises:
        BadRecipe: a number out of its range.
    """
    known = {
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed,
        "stop": tuple(config.stop_seqs) if config.stop_seqs else None,
    }
    given: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    return Decoding(**given)


def output_from_completion(name: str, completion: Completion) -> ModelOutput:
    """A completion as inspect_ai has it; one without an answer tells why in `error`."""
    output = ModelOutput.from_content(
        name,
        completion.text,
        stop_reason=_REASONS.get(completion.finish_reason or "", "unknown"),
        error=completion.error or None,
    )
    tokens_in, tokens_out = completion.prompt_tokens, completion.completion_tokens
    output.usage = ModelUsage(
        input_tokens=tokens_in or 0,
        output_tokens=tokens_out or 0,
        total_tokens=(tokens_in or 0) + (tokens_out or 0),
    )
    output.time = completion.seconds
    output.metadata = {SAMPLE: {name: getattr(completion, name) for name in _FACTS}}
    if tokens_in is None and tokens_out is None:
        output.metadata[SAMPLE]["no_usage"] = True
    return output


def completion_from_output(output: ModelOutput) -> Completion:
    """The completion of any provider's output."""
    facts = (output.metadata or {}).get(SAMPLE)
    usage = output.usage
    if not output.choices or output.error:
        return Completion("", "error", error=output.error or "the model sent no choice")
    reason = output.stop_reason
    if facts is None:
        known = {"max_tokens": "length", "model_length": "length", "unknown": None}
        facts = {"finish_reason": known.get(reason, reason), "seconds": output.time}
    counted = usage is not None and "no_usage" not in facts
    return Completion(
        text=output.completion,
        prompt_tokens=usage.input_tokens if usage and counted else None,
        completion_tokens=usage.output_tokens if usage and counted else None,
        **{name: facts[name] for name in _FACTS if name in facts},
    )

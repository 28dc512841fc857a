"""What a model is: a name, an identity, prompts in and completions out.

in:  the name of a model
out: Prompt, Decoding, Model; open_model
not covered: how each kind answers (local.py, endpoint.py, replay.py), what is asked of it

    nano                        the embedded model, the default
    DIR, owner/name             a checkpoint, through transformers (local.py)
    openai/NAME@URL             an OpenAI-compatible endpoint, such as vLLM (endpoint.py)
    replay/FILE.jsonl           recorded answers (replay.py)
    package.module:name         a function from outside: of this name and the settings, to a Model
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from viscodex.errors import BadRecipe, MissingPart
from viscodex.types import Completion, Message

DEFAULT = "nano"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: a conversation that ends with the user, and its pictures."""

    messages: tuple[Message, ...]  # "<image>" stands where the next picture goes
    images: tuple[bytes, ...] = ()  # PNG, JPEG, GIF, WebP or BMP, in the order of the marks
    id: str = ""  # of the sample; recorded answers are found by it


@dataclass(frozen=True, slots=True)
class Decoding:
    """How an answer is drawn. Part of a result's identity: `asdict` is what a report prints."""

    max_tokens: int = 2048  # of the answer
    temperature: float = 0.0  # 0: greedy
    top_p: float = 1.0
    seed: int = 0  # equal seeds give equal answers of the same model on the same machine
    n: int = 1  # answers to each prompt
    stop: tuple[str, ...] = ()  # texts that end an answer; they are not part of it

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            BadRecipe: a number out of its range, or several greedy answers.
        """
        wrong = [
            f"{name}={value}: {why}"
            for name, value, right, why in (
                ("max_tokens", self.max_tokens, self.max_tokens >= 1, "1 or more"),
                ("temperature", self.temperature, 0 <= self.temperature <= 10, "between 0 and 10"),
                ("top_p", self.top_p, 0 < self.top_p <= 1, "above 0, at most 1"),
                ("n", self.n, self.n >= 1, "1 or more"),
                ("stop", self.stop, all(self.stop), "no empty texts"),
            )
            if not right
        ]
        if self.n > 1 and self.temperature == 0:
            wrong.append(f"n={self.n}: several greedy answers are all the same; set a temperature")
        if wrong:
            raise BadRecipe("this is no way to decode", "\n".join(wrong), "Change these values.")


class Model(AbstractContextManager["Model"], Protocol):
    """Answers prompts; safe to use from several threads. A context manager that frees what it holds.

    Attributes:
        name: as it was asked for.
    """

    name: str

    @property
    def identity(self) -> dict[str, Any]:
        """JSON: all that answers depend on beside prompt and decoding: weights, URL, versions."""
        ...

    def complete(self, prompts: Iterable[Prompt], decoding: Decoding) -> Iterator[Completion]:
        """The completions in the order of the prompts, `decoding.n` of each after one another.

        Prompts are drawn as they are needed, answered in batches or at once, and yielded as soon
        as all before them are there. A prompt that cannot be answered yields a Completion without
        text whose finish_reason is "error" and whose `error` says why.

        Raises:
            ViscodexError: no prompt can be answered: a wrong key, no such model, no memory.
        """
        ...

    def stream(self, prompt: Prompt, decoding: Decoding) -> Generator[str, None, Completion]:
        """The pieces of one answer as they come; the whole Completion is the generator's value."""
        ...


def prompt_hash(prompt: Prompt) -> str:
    """SHA-256, 16 hex digits, of messages and pictures; ids do not count."""
    digest = hashlib.sha256(
        json.dumps([[m.role, m.content] for m in prompt.messages]).encode("utf-8", "surrogatepass")
    )
    for image in prompt.images:
        digest.update(b"\0" + hashlib.sha256(image).digest())
    return digest.hexdigest()[:16]


def decoding_facts(decoding: Decoding) -> dict[str, Any]:
    """JSON of a Decoding, for reports and identities."""
    return {**asdict(decoding), "stop": list(decoding.stop)}


KINDS: dict[str, str] = {
    "openai/": "viscodex.models.endpoint:open_endpoint",
    "replay/": "viscodex.models.replay:open_replay",
    "": "viscodex.models.local:open_local",
}
"""How a name begins -> the function that opens it, of the rest of the name and the settings."""

SETTINGS = ("device", "dtype", "batch", "max_pixels", "workers", "timeout_s", "max_retries")
"""What models can be opened with; each kind takes its own and leaves the others."""

EXTRAS = {"openai": "eval", "torch": "model", "transformers": "model", "PIL": "model"}
"""Library -> the extra of viscodex that brings it."""


def weights_folder(name: str) -> Path:
    """Where the embedded models lie: base, vlm, code, merged, nano."""
    return Path(__file__).parents[1] / "nano" / "weights" / name


def open_model(name: str = DEFAULT, **settings: Any) -> Model:
    """The model of a name; see the top of this module.

    Args:
        settings: local ones take device, dtype, batch, max_pixels; endpoints workers, timeout_s,
            max_retries. Each kind leaves the others.

    Raises:
        BadRecipe: no such model, or a setting that cannot be meant.
        BadCheckpoint: a checkpoint that is not whole.
        MissingPart: a library, a device or the weights are not here.
    """
    if unknown := sorted(set(settings) - set(SETTINGS)):
        raise BadRecipe(
            "models have no such setting", ", ".join(unknown), f"Known are {', '.join(SETTINGS)}."
        )
    kind = next(start for start in KINDS if name.startswith(start))
    rest, path = name[len(kind) :], KINDS[kind]
    if not kind and ":" in name and not Path(name).exists():
        rest, path = name, name
    module, _, attribute = path.partition(":")
    try:
        opener = getattr(import_module(module), attribute)
    except ImportError as error:
        library = (error.name or "").split(".")[0]
        if library in EXTRAS:
            raise MissingPart(
                f"this model needs the {library} library",
                f"{name}: {error}",
                f"pip install 'viscodex[{EXTRAS[library]}]'",
            ) from error
        raise _no_such_model(name, str(error)) from error
    except (AttributeError, ValueError) as error:
        raise _no_such_model(name, str(error)) from error
    model: Model = opener(rest, **settings)
    return model


def _no_such_model(name: str, why: str) -> BadRecipe:
    return BadRecipe(
        "there is no such model",
        f"{name}: {why}",
        "Give nano, a checkpoint directory, a hub name, openai/NAME@URL, replay/FILE.jsonl or\n"
        "package.module:name.",
    )

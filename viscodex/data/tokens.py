"""Tokens of a sample, text and vision, counted without a model.

in:  samples; a tokenizer of a checkpoint directory or of the hub, or none
out: TokenCount
not covered: refusing samples that are too long (blocks.py), what a batch is made of (train/)

The messages go through the checkpoint's own chat template and tokenizer; each picture counts as
many tokens as its size gives by the rule of the Qwen-VL models (viscodex/images.py). So the total
is the length of input_ids that the model's processor would make. Without a tokenizer the text is
estimated from its bytes, and every count says so.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from viscodex.errors import BadInput, MissingPart
from viscodex.images import image_size, vision_tokens
from viscodex.types import Message, Sample

BYTES_PER_TOKEN = 3.3
"""Of the estimate, digits aside: each of those is a token of Qwen's. docs/decontamination.md
compares the estimate with a Qwen vocabulary."""

IMAGE_PAD = "<|image_pad|>"
IMAGE_TEXT = f"<|vision_start|>{IMAGE_PAD}<|vision_end|>"
"""One picture in the text of a Qwen-VL model; the processor repeats the pad for each token."""

CHATML = (
    "{% for message in messages %}"
    "{% if loop.first and message.role != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}"
)
"""The form of Qwen2.5-VL, for checkpoints without a chat template and for the estimate."""

_DIGIT = re.compile(r"[0-9]")
_WANTED = (
    "tokenizer*.json",
    "chat_template.*",
    "preprocessor_config.json",
    "processor_config.json",
)


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one sample as a model reads it, chat template included."""

    text: int  # all but what stands for the content of pictures
    vision: int
    estimated: bool = False  # text was estimated from its bytes

    @property
    def total(self) -> int:
        """What counts against the model's context."""
        return self.text + self.vision


@dataclass(frozen=True, slots=True)
class VisionSizes:
    """How an image processor of the Qwen-VL family cuts pictures."""

    patch_size: int = 14
    merge_size: int = 2
    min_pixels: int = 3136
    max_pixels: int = 12_845_056

    def tokens(self, data: bytes, where: str = "") -> int:
        """Tokens of one picture.

        Raises:
            BadInput: its size cannot be read, or the model refuses its shape.
        """
        width, height = image_size(data, where=where)
        sizes = (self.patch_size, self.merge_size, self.min_pixels, self.max_pixels)
        return vision_tokens(width, height, *sizes)


class TokenCounter:
    """Counts the tokens of samples as one model reads them.

    Args:
        tokenizer: a checkpoint directory, its tokenizer.json, or a name on the hub; None: estimate.
        vision: how pictures are cut; None: as the checkpoint says, else as Qwen2.5-VL does.

    Raises:
        BadInput: no tokenizer there, or one that cannot be read.
        MissingPart: the tokenizers or huggingface_hub library is not installed.
    """

    def __init__(
        self, tokenizer: str | Path | None = None, *, vision: VisionSizes | None = None
    ) -> None:
        folder = None if tokenizer is None else _folder(tokenizer)
        self._n_tokens = None if folder is None else _tokenizer(folder)
        self.vision = vision or (VisionSizes() if folder is None else _vision_sizes(folder))
        source = (folder and _chat_template(folder)) or CHATML
        self._template = _compiled(source, str(tokenizer))
        self._takes_parts = "image" in source  # a template of a text-only model wants plain text

    def count(self, sample: Sample) -> TokenCount:
        """The tokens of one sample.

        Raises:
            BadInput: a picture whose size cannot be read or that the model refuses, or messages
                that the chat template refuses.
        """
        vision = sum(self.vision.tokens(data, sample.id) for data in sample.images)
        text = self._text(sample)
        pads = text.count(IMAGE_PAD)
        if self._n_tokens is not None:
            return TokenCount(self._n_tokens(text) - pads, vision)
        marks = text.count("<|")  # special tokens: one each, whatever their length
        digits = len(_DIGIT.findall(text))
        plain = len(text.encode("utf-8", "surrogatepass")) - 12 * marks - digits
        estimate = math.ceil(max(plain, 0) / BYTES_PER_TOKEN) + digits + marks - pads
        return TokenCount(estimate, vision, True)

    def _text(self, sample: Sample) -> str:
        """All messages as the model reads them, one pad for each picture."""
        tell = _parts if self._takes_parts else _plain
        try:
            return self._template.render(messages=[tell(m) for m in sample.messages])
        except (jinja2.TemplateError, TypeError, ValueError, LookupError) as error:
            raise BadInput(
                "the chat template refuses a sample",
                f"{sample.id}: {error}",
                "check the roles of its messages and their order",
            ) from error


def _parts(message: Message) -> dict[str, Any]:
    if "<image>" not in message.content:
        return {"role": message.role, "content": message.content}
    content: list[dict[str, str]] = []
    for i, text in enumerate(message.content.split("<image>")):
        if i:
            content.append({"type": "image"})
        if text:
            content.append({"type": "text", "text": text})
    return {"role": message.role, "content": content}


def _plain(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": message.content.replace("<image>", IMAGE_TEXT)}


# --- files of a checkpoint ------------------------------------------------------------------------


def _folder(tokenizer: str | Path) -> Path:
    """The directory of a tokenizer; one from the hub is fetched, without weights."""
    path = Path(tokenizer)
    if path.is_dir():
        return path
    if path.is_file():
        return path.parent
    if isinstance(tokenizer, Path) or path.is_absolute() or str(tokenizer).count("/") != 1:
        raise _no_tokenizer(str(tokenizer), "no such file or directory")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise _missing("huggingface_hub") from error
    try:
        return Path(snapshot_download(str(tokenizer), allow_patterns=list(_WANTED)))
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        raise _no_tokenizer(str(tokenizer), str(error).splitlines()[0]) from error


def _tokenizer(folder: Path) -> Callable[[str], int]:
    """Text -> number of tokens."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _missing("tokenizers") from error
    file = folder / "tokenizer.json"
    if not isinstance(_json(file).get("model"), dict):
        raise _no_tokenizer(str(file), "not there, or not a tokenizer's JSON")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _chat_template(folder: Path) -> str:
    """The template of a checkpoint, from whichever of three files has it; empty where none has."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    for name in ("chat_template.json", "tokenizer_config.json", "processor_config.json"):
        found = _json(folder / name).get("chat_template")
        if isinstance(found, list):  # several, by name
            found = next((f.get("template") for f in found if f.get("name") == "default"), None)
        if isinstance(found, str):
            return found
    return ""


def _vision_sizes(folder: Path) -> VisionSizes:
    """What the image processor of a checkpoint says of sizes."""
    config = _json(folder / "preprocessor_config.json")
    config = config or _json(folder / "processor_config.json").get("image_processor") or {}
    size = config.get("size") or {}
    default = VisionSizes()
    return VisionSizes(
        patch_size=config.get("patch_size") or default.patch_size,
        merge_size=config.get("merge_size") or default.merge_size,
        min_pixels=config.get("min_pixels") or size.get("shortest_edge") or default.min_pixels,
        max_pixels=config.get("max_pixels") or size.get("longest_edge") or default.max_pixels,
    )


def _json(file: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _no_tokenizer(str(file), str(error)) from error
    return found if isinstance(found, dict) else {}


def _no_tokenizer(where: str, why: str) -> BadInput:
    return BadInput(
        "no tokenizer that can be read",
        f"{where}: {why}",
        "give a checkpoint directory with tokenizer.json, or a name on the hub",
    )


def _missing(library: str) -> MissingPart:
    return MissingPart(
        f"counting with a tokenizer needs {library}", "", 'pip install "viscodex[model]"'
    )


# --- chat template --------------------------------------------------------------------------------


class _Generation(jinja2.ext.Extension):
    """{% generation %} ... {% endgeneration %}: marks what is trained on; the text is the same."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """The nodes between the two tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _compiled(source: str, where: str) -> jinja2.Template:
    """A chat template as transformers runs it, in Jinja's sandbox."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = lambda x, **k: json.dumps(x, ensure_ascii=False, **k)
    environment.globals["raise_exception"] = _refuse
    try:
        return environment.from_string(source)
    except jinja2.TemplateError as error:
        raise _no_tokenizer(where, f"its chat template: {error}") from error


def _refuse(message: str) -> str:
    raise jinja2.TemplateError(message)

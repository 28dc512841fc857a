"""From prompts to tensors: token ids with a place for every vision token, patches, grids.

in:  a Prompt, the folder of a checkpoint
out: Encoded, and a batch of them padded on the left
not covered: generation (local.py), samples with answers to learn (train/encode.py)

The checkpoint's image processor is used alone: the whole processors of transformers need
torchvision for videos, which nobody asks about here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from viscodex.errors import BadCheckpoint, BadInput
from viscodex.images import open_image
from viscodex.models.chat import chat_parts, check_marks
from viscodex.models.model import Prompt

SEEING = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
"""model_type of the vision-language models whose pictures are understood here."""

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt as a model takes it."""

    ids: list[int]  # one image token for each vision token
    patches: tuple[torch.Tensor, ...]  # of each picture (P, channels * 2 * patch * patch)
    grids: tuple[tuple[int, int, int], ...]  # time, height, width, in patches


class Encoder:
    """Encodes prompts for one checkpoint.

    Args:
        folder: with tokenizer and, for a model that sees, preprocessor_config.json.
        config: the checkpoint's config.json.
        max_pixels: of a picture after it was made smaller; None: what the checkpoint says.

    Raises:
        BadCheckpoint: no tokenizer, chat template or image processor that can be used.
    """

    def __init__(self, folder: Path, config: dict[str, Any], max_pixels: int | None = None) -> None:
        self.tokenizer = _tokenizer(folder)
        self.eos_ids = _end_ids(folder, self.tokenizer)
        self.image_id: int | None = None
        self._pictures: Any = None
        self._size: dict[str, int] = {}
        if "vision_config" in config:
            self._open_eyes(folder, config, max_pixels)
        self._special = [t for t in self.tokenizer.get_added_vocab() if t.startswith("<|")]

    def _open_eyes(self, folder: Path, config: dict[str, Any], max_pixels: int | None) -> None:
        from transformers import Qwen2VLImageProcessorPil  # of Qwen3-VL too

        if config.get("model_type") not in SEEING:
            raise BadCheckpoint(
                "pictures of this kind of model are not understood here",
                f"{folder}: model_type {config.get('model_type')}",
                f"Known are {', '.join(SEEING)}. Serve others with vLLM and give\n"
                "--model openai/NAME@URL.",
            )
        try:
            self._pictures = Qwen2VLImageProcessorPil.from_pretrained(folder)
            self._merge = int(self._pictures.merge_size)
            size = self._pictures.size
            low, high = int(size["shortest_edge"]), int(size["longest_edge"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadCheckpoint(
                "the checkpoint has no image processor that can be used",
                f"{folder}: {str(error).splitlines()[0]}",
                "Copy preprocessor_config.json from the vision-language model.",
            ) from error
        self.max_pixels = max_pixels or high
        self._size = {"shortest_edge": min(low, self.max_pixels), "longest_edge": self.max_pixels}
        self.image_id = int(config.get("image_token_id", 151655))
        if self.image_id >= len(self.tokenizer):
            raise BadCheckpoint(
                "the tokenizer does not fit the model: it lacks the image token",
                f"{folder}: id {self.image_id} of {len(self.tokenizer)}",
                "Use the tokenizer files of the vision-language model.",
            )

    def encode(self, prompt: Prompt) -> Encoded:
        """The ids, patches and grids of a prompt.

        Raises:
            BadInput: marks and pictures disagree, a picture cannot be read or has an impossible
                shape, the model sees nothing, special tokens in the text.
        """
        check_marks(prompt)
        for message in prompt.messages:
            found = next((t for t in self._special if t in message.content), None)
            if found is not None:
                raise BadInput("the prompt holds a special token", found, "Leave it out.")
        if prompt.images and self._pictures is None:
            raise BadInput(
                "this model sees no pictures",
                f"{len(prompt.images)} in the prompt",
                "Choose a vision-language model with --model.",
            )
        text = self.tokenizer.apply_chat_template(
            chat_parts(prompt.messages), tokenize=False, add_generation_prompt=True
        )
        plain: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        looked = [self._look(image) for image in prompt.images]
        grids = tuple(grid for _, grid in looked)
        return Encoded(self._expanded(plain, grids), tuple(p for p, _ in looked), grids)

    def _look(self, image: bytes) -> tuple[torch.Tensor, tuple[int, int, int]]:
        picture = open_image(image)
        try:
            done = self._pictures(images=[picture], size=self._size, return_tensors="pt")
        except ValueError as error:
            raise BadInput(
                "a picture of a shape that the model refuses",
                f"{picture.width} x {picture.height} pixels: {error}",
                "Cut it into parts.",
            ) from None
        time, high, wide = done["image_grid_thw"][0].tolist()
        return done["pixel_values"], (time, high, wide)

    def _expanded(self, ids: list[int], grids: Sequence[tuple[int, int, int]]) -> list[int]:
        """One image token a picture becomes as many as it has vision tokens."""
        whole: list[int] = []
        left = iter(grids)
        for token in ids:
            if self.image_id is not None and token == self.image_id:
                grid = next(left, None)
                if grid is None:
                    break
                time, high, wide = grid
                whole += [token] * (time * high * wide // self._merge**2)
            else:
                whole.append(token)
        if sum(token == self.image_id for token in ids) != len(grids):
            raise BadInput(
                "the chat template does not show the pictures",
                f"{sum(token == self.image_id for token in ids)} of {len(grids)}",
                "Use the chat template of the vision-language model.",
            )
        return whole

    def batch(self, prompts: Sequence[Encoded], device: str) -> dict[str, torch.Tensor]:
        """What `generate` takes: input_ids and attention_mask (B, T), padded on the left."""
        longest = max(len(one.ids) for one in prompts)
        pad = self.pad_id
        rows = [[pad] * (longest - len(one.ids)) + one.ids for one in prompts]
        mask = [[0] * (longest - len(one.ids)) + [1] * len(one.ids) for one in prompts]
        ids = torch.tensor(rows)  # (B, T)
        inputs = {"input_ids": ids, "attention_mask": torch.tensor(mask)}
        patches = [p for one in prompts for p in one.patches]
        if patches:
            inputs["pixel_values"] = torch.cat(patches)  # (P of all pictures, C)
            inputs["image_grid_thw"] = torch.tensor([g for one in prompts for g in one.grids])
            inputs["mm_token_type_ids"] = (ids == self.image_id).int()
        return {name: value.to(device) for name, value in inputs.items()}

    @property
    def pad_id(self) -> int:
        """Of the padding token; an end token where there is none."""
        pad = self.tokenizer.pad_token_id
        return self.eos_ids[0] if pad is None else int(pad)


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        if not any((folder / name).exists() for name in TOKENIZER_FILES):
            raise OSError(f"none of {', '.join(TOKENIZER_FILES)} is there")  # else it is made empty
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadCheckpoint(
            "the checkpoint has no tokenizer that can be used",
            f"{folder}: {str(error).splitlines()[0]}",
            "Copy tokenizer.json and tokenizer_config.json from the model it was made of.",
        ) from error
    if not tokenizer.chat_template:
        raise BadCheckpoint(
            "the tokenizer has no chat template",
            str(folder),
            "Use an instruct model, or copy its chat_template.jinja.",
        )
    return tokenizer


def _end_ids(folder: Path, tokenizer: Any) -> list[int]:
    """Tokens that end an answer: of generation_config.json, and the tokenizer's own."""
    from viscodex.merge.checkpoint import read_json

    path = folder / "generation_config.json"
    told = read_json(path).get("eos_token_id") if path.exists() else None
    ids = [told] if isinstance(told, int) else list(told or [])
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in ids:
        ids.append(tokenizer.eos_token_id)
    if not ids:
        raise BadCheckpoint("the tokenizer has no end token", str(folder), "Set eos_token in it.")
    return ids

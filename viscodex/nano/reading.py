"""Teach a vision tower to read, before it meets a language model.

in:  the config of a Qwen2.5-VL, words, the number of steps; for naming, a language model's embedding
out: FOLDER/vision.safetensors, metrics.jsonl; character accuracy on held-out pictures
not covered: the pictures (letters.py), the language model behind the tower (recipes)

reading: two linear heads on the merged vision tokens learn the dense targets of letters.py: whatever a
    token must tell the language model - which characters stand where, in which colours - is then
    linearly readable in its 28 x 28 px square. The heads are thrown away.
naming: the vision tokens themselves are drawn to the embeddings of the words that they show. What a
    picture says then reaches the language model in the words that it knows, and the ways in which it
    copies from a text serve for pictures, too. Without this, 7,000 captions taught it nothing.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from transformers import Qwen2VLImageProcessorPil
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
)

from viscodex.errors import OutputRefused
from viscodex.files import write_atomically
from viscodex.nano.letters import COLUMNS, N_CLASSES, ROWS, Lesson, draw_lesson
from viscodex.train.muon import Muon, split_groups
from viscodex.train.precision import has_bfloat16

HELD_OUT = 1_000_003  # seed of the pictures that measure
BLANK_WEIGHT = 0.1  # of a cell without a character: there are many
SHARPNESS = 20.0  # of cosines as logits
HEADS = ("letters.", "colors.")
BETAS = (0.9, 0.98)  # of AdamW
NEAREST = 4  # tokens: a vision token shows up to two lines of two words


@dataclass(frozen=True, slots=True)
class Schooling:
    """How long and how fast the tower learns."""

    steps: int = 1600
    batch: int = 16  # pictures
    lr: float = 1.0e-3
    optimizer: str = "adamw"  # or muon
    warmup: int = 50
    max_tokens: int = 96
    ramp: tuple[int, int, int] = (250, 500, 900)  # steps: level 0 until, level 1 at, level 2 from
    seed: int = 0
    measure_every: int = 100
    save_every: int = 100


class Reader(nn.Module):  # type: ignore[misc]
    """A vision tower with the two heads."""

    def __init__(self, vision_config: Any) -> None:
        super().__init__()
        self.tower = Qwen2_5_VisionTransformerPretrainedModel(vision_config)
        width = vision_config.out_hidden_size
        self.letters = nn.Linear(width, ROWS * COLUMNS * N_CLASSES)
        self.colors = nn.Linear(width, 12)

    def forward(
        self, pixel_values: torch.Tensor, grid: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Vision tokens (tokens, H), logits (tokens, cells, classes) and colours (tokens, 12)."""
        seen = self.tower(pixel_values, grid_thw=grid).pooler_output
        return seen, self.letters(seen).view(len(seen), -1, N_CLASSES), self.colors(seen)


class Names:
    """What a language model calls the texts of pictures.

    Args:
        tokenizer: of the model; a fast one, which knows where its tokens stand in a text.
        embedding: (V, H) of the model.
    """

    def __init__(self, tokenizer: Any, embedding: torch.Tensor) -> None:
        self.tokenizer = tokenizer
        self.embedding = embedding
        self.unit = functional.normalize(embedding, dim=-1)
        self.loudness = embedding.norm(dim=-1).mean()

    def to(self, device: torch.device | str) -> Names:
        """The same on a device."""
        return Names(self.tokenizer, self.embedding.to(device))

    def places(self, lessons: Sequence[Lesson]) -> tuple[torch.Tensor, torch.Tensor]:
        """(vision token, token of the text) of each token of the lines, where its middle stands."""
        found: list[tuple[int, int]] = []
        start = 0
        for lesson in lessons:
            for line in lesson.lines:
                told = self.tokenizer(line.text, return_offsets_mapping=True)
                for name, (first, end) in zip(
                    told["input_ids"], told["offset_mapping"], strict=True
                ):
                    x, y = line.centers[(first + end - 1) // 2]
                    found.append((start + lesson.token_at(x, y), name))
            start += len(lesson.letters)
        pairs = torch.tensor(sorted(set(found)), dtype=torch.long).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def loss(self, seen: torch.Tensor, where: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        """How far vision tokens (N, H) are from the words that they show.

        A contrast to all other tokens of the vocabulary, the angle to the sum of a place's words,
        and the difference in length to a word's embedding.
        """
        device = seen.device
        where, names = where.to(device), names.to(device)
        unit = functional.normalize(seen, dim=-1)
        logits = SHARPNESS * unit[where] @ self.unit.T  # (pairs, V)
        shown = torch.zeros(len(seen), len(self.unit), dtype=torch.bool, device=device)
        shown[where, names] = True
        others = shown[where]
        others[torch.arange(len(names)), names] = False
        contrast = functional.cross_entropy(logits.masked_fill(others, -torch.inf), names)
        there = shown.any(-1)
        sums = functional.normalize(shown[there].to(self.unit.dtype) @ self.embedding, dim=-1)
        angle = (1 - (unit[there] * sums).sum(-1)).mean()
        loud = (seen.norm(dim=-1) / self.loudness).clamp_min(1e-4).log().pow(2).mean()
        return contrast + angle + 0.1 * loud

    def found(self, seen: torch.Tensor, where: torch.Tensor, names: torch.Tensor) -> float:
        """Share of the words that are among the NEAREST of their vision token."""
        near = (functional.normalize(seen, dim=-1)[where] @ self.unit.T).topk(NEAREST).indices
        return float((near == names[:, None].to(near.device)).any(-1).float().mean())


def teach_reading(
    vision_config: Any,
    words: Sequence[str],
    folder: Path,
    how: Schooling,
    say: Callable[[str], None],
    *,
    start: Path | None = None,
    tower: Mapping[str, torch.Tensor] | None = None,
    names: Names | None = None,
) -> None:
    """Train a tower; go on where an earlier process stopped.

    Args:
        vision_config: of the Qwen2.5-VL that will have the tower.
        start: reader.safetensors of an earlier school; None: random weights.
        tower: weights of a tower without heads, instead of `start`.
        names: of the language model whose words the vision tokens are to be; None: reading alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(how.seed)
    vision_config._attn_implementation = "sdpa"
    reader = Reader(vision_config)
    if start is not None:
        reader.load_state_dict(load_file(start))
    if tower is not None:
        reader.tower.load_state_dict(tower)
    reader.to(device)
    names = names and names.to(device)
    optimizer = _optimizer(reader, how)
    state = folder / "state.safetensors"
    done = 0
    if state.exists():
        done = _restore(state, reader, optimizer, how)
        say(f"{folder.name}: going on at step {done} of {how.steps}")
    began = time.perf_counter()
    for step in range(done, how.steps):
        for group in optimizer.param_groups:
            group["lr"] = how.lr * _rate(step, how)
        hardness = float(np.interp(step, how.ramp, (0, 1, 2)))
        lessons = [
            draw_lesson(words, how.seed, step * how.batch + k, how.max_tokens, hardness)
            for k in range(how.batch)
        ]
        loss = _loss(reader, lessons, device, names)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        last = step + 1 == how.steps
        if (step + 1) % how.measure_every == 0 or last:
            found = accuracies(reader, words, how.max_tokens, names)
            _log(folder, {"step": step + 1, "loss": round(float(loss.detach()), 4), **found})
            pace = (time.perf_counter() - began) / (step + 1 - done)
            left = (how.steps - step - 1) * pace / 60
            say(
                f"{folder.name}: step {step + 1} of {how.steps}, loss {float(loss.detach()):.3f}, "
                f"{told(found)}, {left:.0f} min left"
            )
        if (step + 1) % how.save_every == 0 or last:
            _keep(state, reader, optimizer, {"step": str(step + 1), "optimizer": how.optimizer})
    _save(reader, folder / "reader.safetensors")
    _save(reader.tower, folder / "vision.safetensors")


def told(found: Mapping[str, float]) -> str:
    """Accuracies in words."""
    return ", ".join(f"{value:.1%} of {name.split('_')[0]}s" for name, value in found.items())


def _save(module: nn.Module, path: Path) -> None:
    part = path.with_suffix(".part")
    save_file({k: v.contiguous().cpu() for k, v in module.state_dict().items()}, part)
    part.replace(path)


def patches(lessons: Sequence[Lesson]) -> tuple[torch.Tensor, torch.Tensor]:
    """pixel_values (patches, 1176) and grid (pictures, 3), as the model's own processor makes them."""
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 10**8})
    done: Any = processor(images=[lesson.picture for lesson in lessons], return_tensors="pt")
    return done["pixel_values"], done["image_grid_thw"]


def accuracies(
    reader: Reader, words: Sequence[str], max_tokens: int, names: Names | None = None, n: int = 48
) -> dict[str, float]:
    """Shares of the characters of held-out pictures that are read where they stand, and of the words."""
    lessons = [draw_lesson(words, HELD_OUT, k, max_tokens) for k in range(n)]
    pixels, grid = patches(lessons)
    device = next(reader.parameters()).device
    with torch.inference_mode(), _precision(device):
        seen, logits, _ = reader(pixels.to(device), grid.to(device))
    wanted = torch.from_numpy(np.concatenate([lesson.letters for lesson in lessons])).to(device)
    there = wanted > 0
    found = {"character_accuracy": float((logits.argmax(-1) == wanted)[there].float().mean())}
    if names is not None:
        found["word_accuracy"] = names.found(seen.float(), *names.places(lessons))
    return found


def _precision(device: torch.device) -> Any:
    """bfloat16 where the device computes in it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def _loss(
    reader: Reader, lessons: Sequence[Lesson], device: str, names: Names | None
) -> torch.Tensor:
    pixels, grid = patches(lessons)
    with _precision(torch.device(device)):
        tokens, logits, colors = reader(pixels.to(device), grid.to(device))
    wanted = torch.from_numpy(np.concatenate([lesson.letters for lesson in lessons])).to(device)
    seen = torch.from_numpy(np.concatenate([lesson.colors for lesson in lessons])).to(device)
    weights = torch.ones(N_CLASSES, device=device)
    weights[0] = BLANK_WEIGHT
    reading = functional.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), weights)
    loss = reading + 5 * functional.mse_loss(colors.float(), seen)
    return loss if names is None else loss + names.loss(tokens.float(), *names.places(lessons))


def _rate(step: int, how: Schooling) -> float:
    if step < how.warmup:
        return (step + 1) / how.warmup
    return 0.5 * (1 + math.cos(math.pi * (step - how.warmup) / max(1, how.steps - how.warmup)))


def _log(folder: Path, row: dict[str, float]) -> None:
    file = folder / "metrics.jsonl"
    rows = file.read_text().splitlines() if file.exists() else []
    rows = [line for line in rows if json.loads(line)["step"] < row["step"]]
    write_atomically(file, "\n".join([*rows, json.dumps(row)]) + "\n")


def _optimizer(reader: Reader, how: Schooling) -> torch.optim.Optimizer:
    group = {"params": list(reader.parameters()), "lr": how.lr, "weight_decay": 0.01}
    if how.optimizer == "muon":
        return Muon(split_groups([group], reader, heads=HEADS), betas=BETAS)
    return torch.optim.AdamW([group], betas=BETAS)


def _keep(
    state: Path, reader: Reader, optimizer: torch.optim.Optimizer, facts: dict[str, str]
) -> None:
    """Weights and the optimiser's moments in one file, whole or not at all."""
    tensors = {f"reader.{name}": value for name, value in reader.state_dict().items()}
    for name, parameter in reader.named_parameters():
        moments = optimizer.state[parameter]
        tensors |= {f"{key}.{name}": value for key, value in moments.items() if key != "step"}
    part = state.with_suffix(".part")
    save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, part, facts)
    part.replace(state)


def _restore(state: Path, reader: Reader, optimizer: torch.optim.Optimizer, how: Schooling) -> int:
    """Put back what _keep wrote; the number of steps that were done."""
    with safe_open(state, "pt") as kept:
        facts = kept.metadata()
        if facts.get("optimizer", "adamw") != how.optimizer:
            raise OutputRefused(
                "the school was begun with another optimiser",
                f"{state}: {facts.get('optimizer', 'adamw')}, not {how.optimizer}",
                "Give that optimizer, or remove the folder.",
            )
        step = int(facts["step"])
        tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118 - no mapping
    reader.load_state_dict({n[7:]: v for n, v in tensors.items() if n.startswith("reader.")})
    parameters = dict(reader.named_parameters())
    for key, name in (full.split(".", 1) for full in tensors):
        if key != "reader":
            moments = optimizer.state[parameters[name]]
            moments[key] = tensors[f"{key}.{name}"].to(parameters[name].device)
            moments["step"] = torch.tensor(float(step))
    return step

"""Teach a vision tower to read, before it meets a language model.

in:  the config of a Qwen2.5-VL, words, the number of steps
out: FOLDER/vision.safetensors, metrics.jsonl; character accuracy on held-out pictures
not covered: the pictures (letters.py), the language model behind the tower (recipes)

Two linear heads on the merged vision tokens learn the dense targets of letters.py: whatever a token
must tell the language model - which characters stand where, in which colours - is then linearly
readable in its 28 x 28 px square. The heads are thrown away.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from transformers import Qwen2VLImageProcessorPil
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
)

from viscodex.files import write_atomically
from viscodex.nano.letters import COLUMNS, N_CLASSES, ROWS, Lesson, draw_lesson

HELD_OUT = 1_000_003  # seed of the pictures that measure
BLANK_WEIGHT = 0.1  # of a cell without a character: there are many


@dataclass(frozen=True, slots=True)
class Schooling:
    """How long and how fast the tower learns."""

    steps: int = 1600
    batch: int = 16  # pictures
    lr: float = 1.0e-3
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
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (tokens, cells, classes) and colours (tokens, 12)."""
        seen = self.tower(pixel_values, grid_thw=grid).pooler_output
        return self.letters(seen).view(len(seen), -1, N_CLASSES), self.colors(seen)


def teach_reading(
    vision_config: Any,
    words: Sequence[str],
    folder: Path,
    how: Schooling,
    say: Callable[[str], None],
) -> float:
    """Train a tower; go on where an earlier process stopped.

    Args:
        vision_config: of the Qwen2.5-VL that will have the tower.

    Returns:
        the share of characters on held-out pictures that are read right.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(how.seed)
    vision_config._attn_implementation = "sdpa"
    reader = Reader(vision_config).to(device)
    optimizer = torch.optim.AdamW(
        reader.parameters(), lr=how.lr, betas=(0.9, 0.98), weight_decay=0.01
    )
    state = folder / "state.safetensors"
    done = 0
    if state.exists():
        done = _restore(state, reader, optimizer)
        say(f"reading: going on at step {done} of {how.steps}")
    began = time.perf_counter()
    accuracy = float("nan")
    for step in range(done, how.steps):
        for group in optimizer.param_groups:
            group["lr"] = how.lr * _rate(step, how)
        hardness = float(np.interp(step, how.ramp, (0, 1, 2)))
        lessons = [
            draw_lesson(words, how.seed, step * how.batch + k, how.max_tokens, hardness)
            for k in range(how.batch)
        ]
        loss = _loss(reader, lessons, device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        last = step + 1 == how.steps
        if (step + 1) % how.measure_every == 0 or last:
            accuracy = character_accuracy(reader, words, how.max_tokens)
            _log(folder, step + 1, float(loss.detach()), accuracy)
            pace = (time.perf_counter() - began) / (step + 1 - done)
            left = (how.steps - step - 1) * pace / 60
            say(
                f"reading: step {step + 1} of {how.steps}, loss {float(loss.detach()):.3f}, "
                f"{accuracy:.1%} of characters, {left:.0f} min left"
            )
        if (step + 1) % how.save_every == 0 or last:
            _keep(state, reader, optimizer, step + 1)
    tower = {name: value.contiguous().cpu() for name, value in reader.tower.state_dict().items()}
    part = folder / "vision.part"
    save_file(tower, part)
    part.replace(folder / "vision.safetensors")
    if math.isnan(accuracy):
        accuracy = character_accuracy(reader, words, how.max_tokens)
    return accuracy


def patches(lessons: Sequence[Lesson]) -> tuple[torch.Tensor, torch.Tensor]:
    """pixel_values (patches, 1176) and grid (pictures, 3), as the model's own processor makes them."""
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 10**8})
    done: Any = processor(images=[lesson.picture for lesson in lessons], return_tensors="pt")
    return done["pixel_values"], done["image_grid_thw"]


def character_accuracy(reader: Reader, words: Sequence[str], max_tokens: int, n: int = 48) -> float:
    """Share of the characters of held-out pictures that are found where they stand."""
    lessons = [draw_lesson(words, HELD_OUT, k, max_tokens) for k in range(n)]
    pixels, grid = patches(lessons)
    device = next(reader.parameters()).device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
        logits, _ = reader(pixels.to(device), grid.to(device))
    wanted = torch.from_numpy(np.concatenate([lesson.letters for lesson in lessons])).to(device)
    there = wanted > 0
    return float((logits.argmax(-1) == wanted)[there].float().mean())


def _loss(reader: Reader, lessons: Sequence[Lesson], device: str) -> torch.Tensor:
    pixels, grid = patches(lessons)
    with torch.autocast(device, torch.bfloat16):
        logits, colors = reader(pixels.to(device), grid.to(device))
    wanted = torch.from_numpy(np.concatenate([lesson.letters for lesson in lessons])).to(device)
    seen = torch.from_numpy(np.concatenate([lesson.colors for lesson in lessons])).to(device)
    weights = torch.ones(N_CLASSES, device=device)
    weights[0] = BLANK_WEIGHT
    reading = functional.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), weights)
    return reading + 5 * functional.mse_loss(colors.float(), seen)


def _rate(step: int, how: Schooling) -> float:
    if step < how.warmup:
        return (step + 1) / how.warmup
    return 0.5 * (1 + math.cos(math.pi * (step - how.warmup) / max(1, how.steps - how.warmup)))


def _log(folder: Path, step: int, loss: float, accuracy: float) -> None:
    file = folder / "metrics.jsonl"
    rows = file.read_text().splitlines() if file.exists() else []
    rows = [row for row in rows if json.loads(row)["step"] < step]
    rows.append(json.dumps({"step": step, "loss": round(loss, 4), "character_accuracy": accuracy}))
    write_atomically(file, "\n".join(rows) + "\n")


MOMENTS = ("exp_avg", "exp_avg_sq")


def _keep(state: Path, reader: Reader, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Weights and both moments of AdamW in one file, whole or not at all."""
    tensors = {f"reader.{name}": value for name, value in reader.state_dict().items()}
    for name, parameter in reader.named_parameters():
        moments = optimizer.state[parameter]
        tensors |= {f"{moment}.{name}": moments[moment] for moment in MOMENTS}
    part = state.with_suffix(".part")
    save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, part, {"step": str(step)})
    part.replace(state)


def _restore(state: Path, reader: Reader, optimizer: torch.optim.Optimizer) -> int:
    """Put back what _keep wrote; the number of steps that were done."""
    with safe_open(state, "pt") as kept:
        step = int(kept.metadata()["step"])
        names = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118 - no mapping
    reader.load_state_dict({n[7:]: v for n, v in names.items() if n.startswith("reader.")})
    for name, parameter in reader.named_parameters():
        optimizer.state[parameter] = {
            "step": torch.tensor(float(step)),
            **{moment: names[f"{moment}.{name}"].to(parameter.device) for moment in MOMENTS},
        }
    return step

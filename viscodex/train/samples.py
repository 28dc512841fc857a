"""Samples of the model's writing while it learns.

in:  the model in training, a few held-out samples
out: Written: what the model answers to each, greedily
not covered: running the code in the answers: a hook from outside does (run.py, cli/train.py)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from viscodex.train.budget import Reader
from viscodex.train.encode import Rejected
from viscodex.types import Execution, Sample


@dataclass(frozen=True, slots=True)
class Written:
    """An answer of the model in training."""

    step: int
    sample: Sample
    text: str
    is_exact: bool  # word for word the sample's answer
    is_finished: bool  # ended on its own, within the limit


Execute = Callable[[Sequence[Written]], Sequence[Execution | None]]
"""Runs the code in answers; None where there is none to run."""


def write_samples(
    model: Any, reader: Reader, items: Sequence[int], step: int, max_tokens: int
) -> list[Written]:
    """Let the model answer; leaves its mode and the random numbers as they were."""
    was_training = model.training
    model.eval()
    written = []
    tokenizer = reader.encoder.tokenizer
    for item in items:
        sample = reader.items[item]
        if not isinstance(sample, Sample):
            continue
        try:
            patches, grids, tokens = reader.look(sample.images)
            prompt = reader.encoder.prompt(sample, tokens)
        except Rejected:
            continue
        ids = torch.from_numpy(prompt.ids)[None].to(model.device)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if patches:
            inputs["pixel_values"] = torch.cat(patches).to(model.device)
            inputs["image_grid_thw"] = torch.tensor(grids, device=model.device)
            kinds = torch.from_numpy(prompt.is_image).int()[None]
            inputs["mm_token_type_ids"] = kinds.to(model.device)
        with torch.no_grad():
            whole = model.generate(
                **inputs, max_new_tokens=max_tokens, do_sample=False, use_cache=True,
                eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        answer = whole[0, ids.shape[1] :].tolist()
        ends = tokenizer.eos_token_id in answer
        text = tokenizer.decode(answer, skip_special_tokens=True)
        written.append(Written(step, sample, text, text == sample.answer, ends))
    model.train(was_training)
    return written

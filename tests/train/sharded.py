"""One step on a sharded model, and its checkpoint in shards; two processes over gloo.

in:  the number of each process, a recipe, a folder
out: a checkpoint in shards and told.json in the folder
not covered: what it is compared with (test_processes.py)
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.fsdp import fully_shard

from tests.train.models import mixed
from viscodex.train.budget import Reader, measure
from viscodex.train.checkpoint import SHARDS, load_trained, trained_tensors
from viscodex.train.encode import Encoder
from viscodex.train.mixture import Mixture
from viscodex.train.parts import parameter_groups, prepare_parts
from viscodex.train.plan import Part, Plan
from viscodex.train.prepare import blank_sample
from viscodex.train.recipe import TrainRecipe
from viscodex.train.rows import row_loss
from viscodex.train.start import IMAGE_TOKEN, load_start
from viscodex.train.steps import RowMaker


def run(rank: int, world: int, plain: dict[str, Any], folder: Path) -> None:
    """Shard, step, save.

    Args:
        rank: of this process, of world.
        world: processes.
        plain: the recipe.
        folder: of the checkpoint; the processes meet at a file beside it.
    """
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    meeting = f"file://{folder.with_suffix('.meeting')}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
    recipe = TrainRecipe.model_validate(plain)
    start = load_start(recipe)
    model = prepare_parts(start.model, recipe.learn, recipe.lora)
    reader = Reader(
        Mixture([mixed(8)]),
        Encoder(start.tokenizer, IMAGE_TOKEN),
        start.pictures(recipe),
        recipe.max_tokens,
    )
    budget = measure(reader, np.arange(8))
    plan = Plan(
        budget.lengths, [Part(np.arange(8), 1.0)], batch=recipe.batch, row_tokens=recipe.row,
        world=world, seed=recipe.seed,
    )  # fmt: skip
    maker = RowMaker(
        reader,
        budget,
        reader.pictures.merge if reader.pictures else None,
        True,
        blank_sample(reader),
    )
    maker.blank_always = True
    for block in (*model.model.language_model.layers, *model.model.visual.blocks):
        fully_shard(block)
    fully_shard(model)
    groups = parameter_groups(model, recipe.learn, recipe.lr, recipe.weight_decay)
    optimizer = torch.optim.AdamW(groups)
    rows = [maker.make(row, []) for row in plan.own_rows(0, rank)]
    total = torch.tensor(float(sum(row.n_answer_tokens for row in rows)))
    dist.all_reduce(total)
    mean = torch.zeros(())
    for row in rows:
        loss = row_loss(model, row) / total * world
        loss.backward()
        mean += loss.detach() / world
    dist.all_reduce(mean)
    optimizer.step()
    trained = trained_tensors(model)
    load_trained(model, trained)  # there and back changes nothing, or the checkpoint shows it
    dcp.save({"model": model.state_dict()}, checkpoint_id=folder / SHARDS)
    if rank == 0:
        n = sum(hasattr(parameter, "device_mesh") for parameter in model.parameters())
        (folder / "told.json").write_text(json.dumps({"loss": float(mean), "sharded": n}))
    dist.barrier()
    dist.destroy_process_group()

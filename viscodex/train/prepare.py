"""Before the first step: the merge, the data, the budget, the plan.

in:  a recipe and a loaded start
out: Prepared: everything that a run needs beside the model
not covered: the run itself (run.py)
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from accelerate import PartialState
from numpy.typing import NDArray
from PIL import Image

from viscodex.errors import BadDataset, BadRecipe
from viscodex.recipe import MergeRecipe, read_recipe
from viscodex.train.budget import (
    Budget,
    Reader,
    histogram,
    identity_of,
    load_budget,
    measure,
    save_budget,
)
from viscodex.train.encode import Encoder, Item
from viscodex.train.mixture import Mixture, Share, fingerprint_of, open_part, split
from viscodex.train.plan import Part, Plan
from viscodex.train.recipe import DataPart, TrainRecipe
from viscodex.train.rows import Seen
from viscodex.train.start import IMAGE_TOKEN, Start, write_facts
from viscodex.train.steps import RowMaker
from viscodex.train.watch import Show, write_refusals
from viscodex.types import Message, Sample

NOT_OF_IDENTITY = {
    "out", "model", "merge", "workers", "log_every", "eval_every", "save_every", "sample_every", "final",
    "n_samples", "sample_tokens", "try_largest", "stages", "liger", "attention",
}  # fmt: skip
"""Keys of a recipe that a run may change and still go on with its checkpoints."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that is decided before the first step."""

    reader: Reader
    budget: Budget
    plan: Plan
    maker: RowMaker
    eval_items: NDArray[np.int64]
    n_steps: int
    identity: str


def merge_first(recipe: TrainRecipe, show: Show) -> None:
    """Make the start by its merge recipe where it is not there yet."""
    if (
        recipe.merge is None
        or recipe.model is None
        or (Path(recipe.model) / "config.json").exists()
    ):
        return
    from viscodex.merge.apply import apply
    from viscodex.merge.plan import plan_work

    show.line(f"merging {recipe.merge} into {recipe.model}")
    work = plan_work(read_recipe(MergeRecipe, Path(recipe.merge)))
    apply(work, Path(recipe.model), resume=True)


def prepare(
    recipe: TrainRecipe,
    start: Start,
    sources: Sequence[Sequence[Item]] | None,
    eval_sources: Sequence[Sequence[Item]] | None,
    state: PartialState,
    show: Show,
) -> Prepared:
    """Open the data, measure it, plan the steps."""
    opened = list(sources) if sources is not None else [open_part(part) for part in recipe.data]
    parts = recipe.data
    if len(opened) != len(parts):
        raise BadRecipe("one source per part of data", f"{len(opened)} and {len(parts)}", "")
    tested = (
        list(eval_sources)
        if eval_sources is not None
        else [open_part(part) for part in recipe.eval_data]
    )
    mixture = Mixture([*opened, *tested])
    shares, held = split(mixture, parts, recipe.eval_share, recipe.seed)
    if tested:
        chosen, _ = split(
            Mixture(tested),
            recipe.eval_data or (DataPart(path="eval"),) * len(tested),
            0.0,
            recipe.seed,
        )
        offset = int(mixture.starts[len(opened)])
        held = np.concatenate([held, *(share.items + offset for share in chosen)])
    encoder = Encoder(start.tokenizer, IMAGE_TOKEN if start.sees else None, recipe.loss)
    pictures = start.pictures(recipe)
    resize = recipe.too_long == "resize"
    reader = Reader(mixture, encoder, pictures, recipe.max_tokens, resize)
    facts = [fingerprint_of(source) for source in mixture.sources]
    settings = recipe.model_dump(mode="json", exclude=NOT_OF_IDENTITY)
    identity = identity_of(start.identity(), facts, len(mixture), settings)
    items = np.unique(np.concatenate([*(share.items for share in shares), held]))
    budget = _budget(Path(recipe.out), reader, items, identity, state, show)
    if state.is_main_process:
        write_refusals(Path(recipe.out), budget)
    plan = _plan(recipe, budget, shares, state.num_processes, recipe.pack and start.packs)
    if recipe.eval_every and not len(budget.units_of(held)):
        raise BadDataset(
            "nothing is left to evaluate on",
            f"{len(held)} samples held out, all of them rejected",
            "Raise eval_share, or look at rejects.jsonl in the run folder.",
        )
    n_steps = recipe.max_steps or plan.n_steps(recipe.epochs)
    maker = RowMaker(reader, budget, _merge_of(start, reader), plan.pack, blank_sample(reader))
    if state.is_main_process:
        _tell(recipe, budget, plan, n_steps, show)
        write_facts(Path(recipe.out) / "recipe.json", recipe.model_dump(mode="json"))
    return Prepared(reader, budget, plan, maker, held, n_steps, identity)


def _merge_of(start: Start, reader: Reader) -> int | None:
    return None if reader.pictures is None or not start.packs else reader.pictures.merge


def _budget(
    run: Path,
    reader: Reader,
    items: NDArray[np.int64],
    identity: str,
    state: PartialState,
    show: Show,
) -> Budget:
    """Measured by the main process, read by all; kept for the next start."""
    path = run / "budget.npz"
    if state.is_main_process and load_budget(path, identity) is None:
        save_budget(measure(reader, items, show.progress), path, identity)
    state.wait_for_everyone()
    budget = load_budget(path, identity)
    if budget is None:
        raise BadRecipe(
            "the processes do not see one run folder", str(path), "Put out on a shared disk."
        )
    return budget


def _plan(
    recipe: TrainRecipe, budget: Budget, shares: Sequence[Share], world: int, pack: bool
) -> Plan:
    parts = [Part(budget.units_of(share.items), share.weight) for share in shares]
    for share, part in zip(shares, parts, strict=True):
        if not part.per_epoch:
            reasons = {r.kind: r.reason for r in budget.refusals}
            raise BadDataset(
                "nothing of a data set is left to learn from",
                f"{share.name}: {len(share.items)} samples; "
                + "; ".join(f"{kind}: {reason}" for kind, reason in list(reasons.items())[:3]),
                "Look at rejects.jsonl in the run folder; raise max_tokens or weight.",
            )
    return Plan(
        budget.lengths, parts, batch=recipe.batch, row_tokens=recipe.row, world=world,
        seed=recipe.seed, pack=pack,
    )  # fmt: skip


def blank_sample(reader: Reader) -> Seen:
    """A sample of weight 0, with a white picture where the model sees."""
    if reader.pictures is None:
        sample = Sample("blank", "qa", (Message("user", "blank"), Message("assistant", "blank")))
        return Seen(reader.encoder.encode(sample), counts=False)
    stream = io.BytesIO()
    side = 2 * reader.pictures.factor
    Image.new("RGB", (side, side), "white").save(stream, "PNG")
    sample = Sample(
        "blank",
        "qa",
        (Message("user", "<image>blank"), Message("assistant", "blank")),
        (stream.getvalue(),),
    )
    patches, grids, tokens = reader.look(sample.images)
    return Seen(reader.encoder.encode(sample, tokens), patches, grids, counts=False)


def _tell(recipe: TrainRecipe, budget: Budget, plan: Plan, n_steps: int, show: Show) -> None:
    show.line("tokens of a sample")
    for line in histogram(budget, recipe.max_tokens):
        show.line(line)
    waste = [plan.waste(step) for step in range(min(n_steps, 20))]
    padding = sum(a for a, _ in waste) / max(1, sum(b for _, b in waste))
    how = "packed" if plan.pack else "grouped by length"
    rows = [len(plan.rows(step)) for step in range(min(n_steps, 20))]
    show.line(
        f"{n_steps:,} steps of {min(recipe.batch, plan.per_epoch):,} samples, about {np.mean(rows):.1f} rows of up to "
        f"{recipe.row:,} tokens a step, {how}, {100 * padding:.1f} % padding, {plan.world} process"
        f"{'es' if plan.world > 1 else ''}"
    )

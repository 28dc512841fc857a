"""A training run from recipe to finished model.

in:  a TrainRecipe; hooks for showing and for running what the model writes
out: TrainReport; the run folder
not covered: the command line (cli/train.py)

    RUN/recipe.json budget.npz rejects.jsonl metrics.jsonl training.html samples/ checkpoint-N/
    RUN/model/        the finished model: opens in transformers, in viscodex merge and inspect
    RUN/report.json   what the run did

The same command goes on where a killed run stopped, and finds a finished run finished.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from transformers import TrainerCallback, set_seed

from viscodex import __version__
from viscodex.errors import OutputRefused
from viscodex.train.checkpoint import (
    RunCheckpoint,
    check_room,
    checkpoints,
    last_checkpoint,
    read_trained,
    remove_partial,
    trained_tensors,
)
from viscodex.train.encode import Item
from viscodex.train.parts import PartRow, part_table, prepare_parts
from viscodex.train.precision import with_precision
from viscodex.train.prepare import Prepared, merge_first, prepare
from viscodex.train.recipe import TrainRecipe, stages_of
from viscodex.train.samples import Execute, write_samples
from viscodex.train.start import export, load_start, write_facts
from viscodex.train.trainer import Measured, RowTrainer, arguments
from viscodex.train.watch import Show, Watch


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a run did."""

    model: str  # folder of the finished model
    steps: int
    epochs: float
    loss: float | None  # of the last step
    eval_loss: float | None  # the last one
    best_eval_loss: float | None
    n_samples: int  # that trained
    n_rejected: int
    n_tokens: int  # computed, padding included
    n_answer_tokens: int
    padding_share: float
    seconds: float
    parts: tuple[PartRow, ...]
    versions: dict[str, str]
    identity: str


def train(
    recipe: TrainRecipe,
    *,
    sources: Sequence[Sequence[Item]] | None = None,
    eval_sources: Sequence[Sequence[Item]] | None = None,
    execute: Execute | None = None,
    show: Show | None = None,
) -> TrainReport:
    """Train by a recipe, all its stages; go on where an earlier process of the same run stopped.

    Args:
        sources, eval_sources: opened data in place of what the recipe's `data` and `eval_data` name.
        execute: runs the code in samples of the model's writing.

    Raises:
        ViscodexError: model, data, recipe or disk do not allow it; nothing that was written is lost.
    """
    show = show or Show()
    report: TrainReport | None = None
    stages = [with_precision(stage) for stage in stages_of(recipe)]
    for number, stage in enumerate(stages, start=1):
        if len(stages) > 1:
            show.line(f"stage {number} of {len(stages)}")
        report = _train_stage(stage, sources, eval_sources, execute, show)
    assert report is not None
    return report


def _train_stage(
    recipe: TrainRecipe,
    sources: Sequence[Sequence[Item]] | None,
    eval_sources: Sequence[Sequence[Item]] | None,
    execute: Execute | None,
    show: Show,
) -> TrainReport:
    run = Path(recipe.out)
    run.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    args = arguments(recipe, 1)  # also joins the process group
    state = PartialState()
    with _locked(run) if state.is_main_process else contextlib.nullcontext():
        if state.is_main_process:
            remove_partial(run)
            merge_first(recipe, show)
        state.wait_for_everyone()
        start = load_start(recipe)
        ready = prepare(recipe, start, sources, eval_sources, state, show)
        done = _finished(run, ready.identity)
        if done is not None:
            show.line(f"finished before: {done.model}")
            return done
        resumed = last_checkpoint(run, ready.identity)
        set_seed(recipe.seed)  # adapters begin at random
        model = prepare_parts(start.model, recipe.learn, recipe.lora)
        table = part_table(model, recipe.learn, recipe.lr, recipe.lora)
        _check_disk(run, table, recipe)
        args.max_steps = ready.n_steps
        args.warmup_steps = int(np.ceil(recipe.warmup * ready.n_steps))
        trainer, watch = _trainer(recipe, args, model, ready, resumed, execute, show, table)
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed.path))
        return _finish(recipe, trainer, watch, ready, table, time.perf_counter() - began)


# --- before the first step ------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(run: Path) -> Iterator[None]:
    """One process group at a time in a run folder."""
    handle = os.open(run / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise OutputRefused(
            "another process trains in this folder", str(run), "Wait, or give another out=DIR."
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def _check_disk(run: Path, table: Sequence[PartRow], recipe: TrainRecipe) -> None:
    n_kept = 0 if recipe.save_every is None else 3 if recipe.eval_every else 2
    check_room(run, sum(r.learns for r in table), sum(r.parameters for r in table), n_kept)


def _finished(run: Path, identity: str) -> TrainReport | None:
    """The report of a run that is done already; an unfinished model folder cannot exist."""
    if not (run / "model").is_dir() or not (run / "report.json").is_file():
        return None
    facts = json.loads((run / "report.json").read_text(encoding="utf-8"))
    if facts.get("identity") != identity:
        raise OutputRefused(
            "the run folder holds a finished model of another run",
            str(run / "model"),
            "Give another out=DIR, or remove the folder.",
        )
    facts["parts"] = tuple(PartRow(**row) for row in facts["parts"])
    return TrainReport(**facts)


# --- the run --------------------------------------------------------------------------------------


def _trainer(
    recipe: TrainRecipe,
    args: Any,
    model: Any,
    ready: Prepared,
    resumed: RunCheckpoint | None,
    execute: Execute | None,
    show: Show,
    table: Sequence[PartRow],
) -> tuple[RowTrainer, Watch]:
    first = 0 if resumed is None else resumed.step
    state = PartialState()
    watch = (
        Watch(Path(recipe.out), first, ready.n_steps, execute, show.step)
        if state.is_main_process
        else _Deaf()
    )
    if state.is_main_process:
        show.table(table)
        if first:
            show.line(f"going on after step {first}")
    trainer = RowTrainer(
        model=model,
        args=args,
        recipe=recipe,
        plan=ready.plan,
        maker=ready.maker,
        eval_units=ready.budget.units_of(ready.eval_items),
        identity=ready.identity,
        measured=watch.measured,
        evaluated=watch.evaluated,
        callbacks=[_Sampling(recipe, ready, watch)],
    )
    return trainer, watch  # type: ignore[return-value]


class _Deaf:
    """The watch of all processes but the main one."""

    def measured(self, step: Measured) -> None:
        """Nothing."""

    def evaluated(self, step: int, metrics: dict[str, float]) -> None:
        """Nothing."""


class _Sampling(TrainerCallback):  # type: ignore[misc]
    """Lets the model write every `sample_every` steps, on the main process."""

    def __init__(self, recipe: TrainRecipe, ready: Prepared, watch: Any) -> None:
        self._recipe, self._ready, self._watch = recipe, ready, watch
        kept = set(ready.budget.item.tolist())
        pool = ready.eval_items if len(ready.eval_items) else np.unique(ready.budget.item)
        self._items = [item for item in pool.tolist() if item in kept][: recipe.n_samples]

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        every = self._recipe.sample_every
        if every is None or (state.global_step % every and state.global_step != state.max_steps):
            return
        if state.is_world_process_zero and not any(
            hasattr(p, "device_mesh") or hasattr(p, "ds_id") for p in model.parameters()
        ):
            plain = getattr(model, "module", model)
            reader, n = self._ready.reader, self._recipe.sample_tokens
            self._watch.wrote(write_samples(plain, reader, self._items, state.global_step, n))
        PartialState().wait_for_everyone()


def _finish(
    recipe: TrainRecipe,
    trainer: RowTrainer,
    watch: Watch,
    ready: Prepared,
    table: Sequence[PartRow],
    seconds: float,
) -> TrainReport:
    """Write the finished model and the report."""
    run = Path(recipe.out)
    trained = trained_tensors(trainer.model, trainer.accelerator)  # on all processes together
    report: TrainReport | None = None
    if trainer.is_world_process_zero():
        if recipe.final == "best":
            trained = _best(run, trainer.state.best_global_step) or trained
        _leave_deepspeed(trainer)
        export(recipe, trained, run / "model")
        watch.close()
        report = _report(run, watch.rows, ready, table, seconds)
        write_facts(run / "report.json", asdict(report))
    trainer.accelerator.wait_for_everyone()
    return report or _report(run, [], ready, table, seconds)


def _best(run: Path, step: int | None) -> dict[str, torch.Tensor] | None:
    found = [checkpoint for checkpoint in checkpoints(run) if checkpoint.step == step]
    return read_trained(found[0].path) if found else None


def _leave_deepspeed(trainer: RowTrainer) -> None:
    """Models loaded from now on are whole."""
    if trainer.is_deepspeed_enabled:
        from transformers.integrations.deepspeed import unset_hf_deepspeed_config

        unset_hf_deepspeed_config()


def _report(
    run: Path,
    rows: Sequence[dict[str, Any]],
    ready: Prepared,
    table: Sequence[PartRow],
    seconds: float,
) -> TrainReport:
    steps = [row for row in rows if "loss" in row]
    tested = [row["eval_loss"] for row in rows if "eval_loss" in row]
    n_tokens = sum(row["n_tokens"] for row in steps)
    names = ("torch", "transformers", "accelerate", "peft", "safetensors")
    versions = {"viscodex": __version__}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return TrainReport(
        model=str(run / "model"),
        steps=ready.n_steps,
        epochs=ready.n_steps / ready.plan.steps_per_epoch,
        loss=steps[-1]["loss"] if steps else None,
        eval_loss=tested[-1] if tested else None,
        best_eval_loss=min(tested) if tested else None,
        n_samples=ready.plan.per_epoch,
        n_rejected=len(ready.budget.refusals),
        n_tokens=n_tokens,
        n_answer_tokens=sum(row["n_answer_tokens"] for row in steps),
        padding_share=sum(row["n_padding"] for row in steps) / max(n_tokens, 1),
        seconds=round(seconds, 3),
        parts=tuple(table),
        versions=versions,
        identity=ready.identity,
    )


def export_checkpoint(recipe: TrainRecipe, checkpoint: Path, out: Path) -> None:
    """Make a standard model of a checkpoint of a run, whole or sharded, on one process.

    Raises:
        BadCheckpoint, OutputRefused, NotEnoughSpace.
    """
    if out.exists():
        raise OutputRefused("there is something already", str(out), "Give another -o DIR.")
    stages = {Path(stage.out).resolve(): with_precision(stage) for stage in stages_of(recipe)}
    stage = stages.get(checkpoint.resolve().parent, next(iter(stages.values())))
    export(stage, read_trained(checkpoint), out)

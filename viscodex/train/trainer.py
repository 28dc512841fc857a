"""The trainer: transformers' Trainer, with our rows, loss, checkpoints and measurements.

in:  a prepared model, a plan, a reader, the recipe
out: a trained model; checkpoints that resume exactly; one Measured per step
not covered: what is done with the measurements (watch.py), the finished model (start.py)

Trainer brings devices (DDP, FSDP2 and DeepSpeed through accelerate), precision, optimisers, schedules,
clipping, activation checkpointing. Replaced are: batches (a step is a list of rows), the loss (a sum over
answer tokens, divided by those of the whole step on all devices), checkpoints (whole or not there,
only what learns, under the names in memory) and evaluation.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import DistributedType
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from viscodex.errors import BadRecipe, TrainingFailed
from viscodex.train import muon
from viscodex.train.checkpoint import (
    TRAINED,
    checkpoint_path,
    disk_errors,
    keep,
    load_trained,
    read_trained,
    seal,
    trained_tensors,
)
from viscodex.train.parts import parameter_groups
from viscodex.train.plan import Plan, Row, packed, padded
from viscodex.train.recipe import TrainRecipe
from viscodex.train.rows import RowBatch, n_right, row_loss
from viscodex.train.steps import RowMaker, Rows, Steps, only

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one step showed; a line of metrics.jsonl."""

    step: int  # steps done, this one included
    epoch: float
    loss: float  # mean over the answer tokens of the step
    grad_norm: float
    lr: float
    seconds: float
    n_samples: int
    n_tokens: int  # computed, on all devices
    n_answer_tokens: int
    n_padding: int
    rejected: tuple[tuple[int, str], ...] = ()  # (item, reason) that failed only when read


def arguments(recipe: TrainRecipe, n_steps: int) -> TrainingArguments:
    """The recipe in transformers' words. Made before the model: DeepSpeed wants to know first.

    Raises:
        BadRecipe: a value that transformers does not take.
    """
    on_cpu = not torch.cuda.is_available()
    try:
        return TrainingArguments(
            output_dir=recipe.out,
            max_steps=n_steps,
            learning_rate=recipe.lr,
            lr_scheduler_type=SCHEDULES[recipe.schedule],
            warmup_steps=math.ceil(recipe.warmup * n_steps),
            weight_decay=recipe.weight_decay,
            adam_beta1=recipe.betas[0],
            adam_beta2=recipe.betas[1],
            max_grad_norm=recipe.max_grad_norm,
            optim="adamw_torch" if recipe.optimizer == muon.NAME else recipe.optimizer,
            per_device_train_batch_size=1,
            bf16=recipe.precision != "fp32",
            activation_checkpointing=recipe.gradient_checkpointing,
            activation_checkpointing_kwargs={"use_reentrant": False},
            use_liger_kernel=_liger(recipe),
            liger_kernel_config={"fused_linear_cross_entropy": False, "cross_entropy": False},
            use_cpu=on_cpu,
            dataloader_num_workers=recipe.workers,
            dataloader_pin_memory=not on_cpu,
            ddp_find_unused_parameters=False,
            logging_strategy="no",
            logging_nan_inf_filter=False,
            save_strategy="steps" if recipe.save_every else "no",
            save_steps=recipe.save_every or 1,
            eval_strategy="steps" if recipe.eval_every else "no",
            eval_steps=recipe.eval_every or 1,
            metric_for_best_model="eval_loss" if recipe.eval_every else None,
            greater_is_better=False,
            seed=recipe.seed,
            disable_tqdm=True,
            report_to="none",
            remove_unused_columns=False,
        )
    except (ValueError, TypeError, ImportError) as error:
        raise BadRecipe("transformers refuses a value", str(error)[:300], "") from error


def _liger(recipe: TrainRecipe) -> bool:
    import importlib.util

    there = importlib.util.find_spec("liger_kernel") is not None
    return recipe.liger == "auto" and there and torch.cuda.is_available()


class RowTrainer(Trainer):  # type: ignore[misc]
    """Trains on rows.

    Args:
        measured: told after every step, on the main process.
        identity: of the run; stands in its checkpoints.
        evaluated: told the step and the metrics of an evaluation, on the main process.
    """

    optimizer: Any
    control: Any

    def __init__(
        self,
        *,
        model: Any,
        args: TrainingArguments,
        recipe: TrainRecipe,
        plan: Plan,
        maker: RowMaker,
        eval_units: NDArray[np.int64],
        identity: str,
        measured: Callable[[Measured], None],
        evaluated: Callable[[int, dict[str, float]], None],
        callbacks: list[TrainerCallback],
    ) -> None:
        self.recipe, self.plan, self.maker = recipe, plan, maker
        self.eval_units, self.identity = eval_units, identity
        self._measured, self._evaluated = measured, evaluated
        self._tried = not recipe.try_largest
        self._grad_norm = self._lr = math.nan
        self._began = time.perf_counter()
        steps = Steps(plan, maker, args.max_steps, args.process_index)
        super().__init__(
            model=model, args=args, train_dataset=steps, eval_dataset=steps, data_collator=only,
            callbacks=[_StepEnd(self), *callbacks],
        )  # fmt: skip
        if recipe.optimizer == muon.NAME:
            self._refuse_sharded_muon()
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False
        maker.blank_always = args.world_size > 1 and bool(maker.blank.patches)
        self._last: tuple[Rows, torch.Tensor, torch.Tensor] | None = None

    # --- batches ----------------------------------------------------------------------------------

    def get_train_dataloader(self) -> DataLoader[Rows]:
        """Steps in order; each device makes its own rows, so nothing is dealt out by accelerate."""
        n = self.recipe.workers
        return DataLoader(
            self.train_dataset,
            batch_size=1,
            collate_fn=only,
            num_workers=n,
            prefetch_factor=2 if n else None,
            pin_memory=False,
            generator=torch.Generator().manual_seed(
                self.recipe.seed
            ),  # leaves the global one alone
        )

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> None:
        return None

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted here: benchmarks/train.py does."""
        return 0

    # --- one step ---------------------------------------------------------------------------------

    def create_optimizer(self, model: Any = None) -> Any:
        """An optimiser with a learning rate per part."""
        optimizer: Any = self.optimizer
        if optimizer is None:
            of = self.model if model is None else model
            recipe = self.recipe
            groups = parameter_groups(of, recipe.learn, recipe.lr, recipe.weight_decay)
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args, of)
            if recipe.optimizer == muon.NAME:
                settings = {key: settings[key] for key in ("betas", "eps")}
                kind, groups = muon.Muon, muon.split_groups(groups, of)
            self.optimizer = optimizer = kind(groups, **settings)
        return optimizer

    def _refuse_sharded_muon(self) -> None:
        deepspeed = self.accelerator.distributed_type == DistributedType.DEEPSPEED
        if self.is_fsdp_enabled or deepspeed:
            raise BadRecipe(
                "muon needs whole matrices, and these weights are sharded",
                "optimizer: muon with FSDP or DeepSpeed",
                "Use optimizer: adamw_torch, or devices that each hold the whole model (DDP).",
            )

    def training_step(self, model: Any, inputs: Rows, num_items_in_batch: Any = None) -> Any:
        """Forward and backward of all rows of a step; the mean loss over its answer tokens."""
        model.train()
        self._try_largest(model)
        self._lr = float(self.optimizer.param_groups[0]["lr"])  # other parts: the same schedule
        counts = torch.tensor(
            [
                sum(getattr(row, name) for row in inputs.rows)
                for name in ("n_answer_tokens", "n_tokens", "n_padding")
            ],
            device=self.args.device,
        )
        counts = self.accelerator.reduce(counts, "sum")
        total = counts[0].clamp(min=1)
        loss = torch.zeros((), device=self.args.device)
        for number, row in enumerate(inputs.rows):
            is_last = number == len(inputs.rows) - 1
            self.accelerator.gradient_state._set_sync_gradients(is_last)
            with self._synced(model, is_last):
                loss += self._backward(model, row, total)
        self._check_finite(loss, inputs, "loss")
        self._last = (inputs, loss, counts)
        return loss

    def _backward(self, model: Any, row: RowBatch, total: torch.Tensor) -> torch.Tensor:
        """Gradients are averaged over devices, hence the factor of their number.

        A row without a picture teaches nothing where only what sees learns.
        """
        with self.compute_loss_context_manager():
            loss = row_loss(model, row.to(self.args.device)) / total * self.args.world_size
        deepspeed = self.accelerator.distributed_type == DistributedType.DEEPSPEED
        if loss.requires_grad:
            self.accelerator.backward(loss, **({"scale_wrt_gas": False} if deepspeed else {}))
        return loss.detach()

    def _synced(self, model: Any, is_last: bool) -> Any:
        deepspeed = self.accelerator.distributed_type == DistributedType.DEEPSPEED
        if is_last or deepspeed:
            return contextlib.nullcontext()
        return self.accelerator.no_sync(model)

    def _try_largest(self, model: Any) -> None:
        """The fullest row there may be goes first: what does not fit into memory fails now."""
        if self._tried or self.accelerator.distributed_type == DistributedType.DEEPSPEED:
            return
        self._tried = True
        row = self.plan.largest()
        devices = [self.args.device.index or 0] if self.args.device.type == "cuda" else []
        try:
            with torch.random.fork_rng(devices):
                total = torch.ones((), device=self.args.device)
                self._backward(model, self.maker.make(row, []), total)
                model.zero_grad()
        except torch.OutOfMemoryError as error:
            n = int(self.plan.lengths[list(row)].sum())
            raise BadRecipe(
                "the largest row does not fit into the memory of the device",
                f"{len(row)} samples, {n:,} tokens: {str(error).splitlines()[0][:200]}",
                f"Lower row_tokens (now {self.recipe.row}), max_tokens or max_pixels, or use more "
                "devices (recipes/train/accelerate).",
            ) from error

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if hasattr(norm, "full_tensor"):
            norm = norm.full_tensor()
        self._grad_norm = float(norm) if norm is not None else math.nan
        if norm is not None and not math.isfinite(self._grad_norm) and self._last is not None:
            self._check_finite(torch.tensor(self._grad_norm), self._last[0], "gradient")
        return norm

    def _check_finite(self, value: torch.Tensor, rows: Rows, what: str) -> None:
        """The same on all devices, so that all stop."""
        if self.args.world_size > 1:
            value = self.accelerator.reduce(value.detach().clone().to(self.args.device), "sum")
        if torch.isfinite(value):
            return
        raise TrainingFailed(
            f"the {what} is {float(value)} in step {rows.step + 1}",
            f"samples {', '.join(map(str, rows.samples[:8]))}"
            f"{' ...' if len(rows.samples) > 8 else ''}; nothing was learnt from this step",
            "Lower lr, raise warmup, or look at these samples. The last checkpoint is whole; the same "
            "command goes on from it.",
        )

    def step_ended(self) -> None:
        """Tell what the step showed; called when the optimiser has stepped."""
        assert self._last is not None
        rows, loss, counts = self._last
        mean = float(self.accelerator.reduce(loss.clone(), "mean"))
        now = time.perf_counter()
        seconds, self._began = now - self._began, now
        if not self.is_world_process_zero():
            return
        n_answer, n_tokens, n_padding = counts.tolist()
        epoch = (rows.step + 1) / self.plan.steps_per_epoch
        self._measured(
            Measured(
                rows.step + 1, epoch, mean, self._grad_norm, self._lr, seconds, len(rows.samples),
                n_tokens, n_answer, n_padding, tuple(rows.rejected),
            )
        )  # fmt: skip

    # --- evaluation -------------------------------------------------------------------------------

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Mean loss and accuracy over the answer tokens of what is held out."""
        model = self.model_wrapped if self.model_wrapped is not None else self.model
        was_training = model.training
        model.eval()
        sums = torch.zeros(3, dtype=torch.float64, device=self.args.device)
        for row in self._eval_rows():
            batch = self.maker.make(row, []).to(self.args.device)
            with self.compute_loss_context_manager():
                loss, right = n_right(model, batch)
            sums += torch.stack(
                [loss.double(), right.double(), loss.new_tensor(batch.n_answer_tokens).double()]
            )
        model.train(was_training)
        total, hits, n = self.accelerator.reduce(sums, "sum").tolist()
        metrics = {"eval_loss": total / max(n, 1), "eval_token_accuracy": hits / max(n, 1)}
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        if self.is_world_process_zero():
            self._evaluated(self.state.global_step, metrics)
        self._began = time.perf_counter()
        return metrics

    def _eval_rows(self) -> Iterator[Row]:
        units = self.eval_units.tolist()
        length = {unit: int(self.plan.lengths[unit]) for unit in units}
        world = self.args.world_size
        deal = packed if self.maker.pack else padded
        for start in range(0, len(units), 256):
            rows = deal(units[start : start + 256], length, self.recipe.row, world)
            yield from rows[self.args.process_index :: world]

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        is_best = bool(super()._determine_best_metric(metrics, trial))
        if is_best and self.recipe.save_every:
            self.state.best_global_step = self.state.global_step
            self.control.should_save = True
        return is_best

    # --- checkpoints ------------------------------------------------------------------------------

    def _save_checkpoint(self, model: Any, trial: Any = None) -> None:
        run = Path(self.args.output_dir)
        step = self.state.global_step
        whole = checkpoint_path(run, step)
        if whole.exists():
            return
        part = whole.with_name(whole.name + ".part")
        part.mkdir(exist_ok=True)
        with disk_errors(part):
            self._write_trained(part)
            self._save_optimizer_and_scheduler(str(part))
            self._save_scaler(str(part))
            self._save_rng_state(str(part))
            self.accelerator.wait_for_everyone()
            if self.is_world_process_zero():
                self.state.save_to_json(str(part / "trainer_state.json"))
                facts = {"identity": self.identity, "step": step, "world": self.args.world_size}
                best = self.state.best_global_step
                seal(part, whole, {**facts, "best_step": best})
                keep(run, best)
        self.accelerator.wait_for_everyone()
        self._began = time.perf_counter()

    def _write_trained(self, folder: Path) -> None:
        if self._is_sharded_on_disk:
            return  # _save_optimizer_and_scheduler writes the model's shards beside the optimiser's
        trained = trained_tensors(self.model, self.accelerator)
        if self.is_world_process_zero():
            save_file(trained, folder / TRAINED)

    @property
    def _is_sharded_on_disk(self) -> bool:
        if not self.is_fsdp_enabled:
            return False
        return "SHARDED" in str(self.accelerator.state.fsdp_plugin.state_dict_type)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        path = Path(resume_from_checkpoint)
        if self.is_fsdp_enabled and not (path / TRAINED).is_file():
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        load_trained(self.model if model is None else model, read_trained(path))


class _StepEnd(TrainerCallback):  # type: ignore[misc]
    """Calls the trainer when a step is done, before it evaluates or saves."""

    def __init__(self, trainer: RowTrainer) -> None:
        self._trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._trainer.step_ended()

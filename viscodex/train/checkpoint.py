"""Checkpoints within a run: whole or not there, of this run or refused.

in:  the folder of a run
out: the last whole checkpoint; its trained tensors; room kept by removing all but last and best
not covered: what the trainer writes into a checkpoint (trainer.py), the finished model (start.py)

    RUN/checkpoint-000120/           whole: the rename is the last thing that happens to it
        trained.safetensors          what learns, float32, by its name in the loaded model
        optimizer.pt scheduler.pt rng_state*.pth trainer_state.json      as transformers writes them
        viscodex.json                step, identity of the run, measurements so far
    RUN/checkpoint-000140.part/      was being written when something happened; removed
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from accelerate.utils import DistributedType
from safetensors import SafetensorError
from safetensors.torch import load_file

from viscodex.errors import BadCheckpoint, NotEnoughSpace, OutputRefused

TRAINED = "trained.safetensors"
FACTS = "viscodex.json"
SHARDS = "pytorch_model_fsdp_0"  # accelerate's name for the model of a sharded checkpoint
NAME = re.compile(r"checkpoint-(\d+)")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_WORDS = (
    "No space left",
    "File too large",
    "PytorchStreamWriter",
    "unexpected pos",
    "os error 28",
    "os error 27",
)


@dataclass(frozen=True, slots=True)
class RunCheckpoint:
    """A whole checkpoint of a run."""

    path: Path
    step: int  # steps done
    identity: str
    facts: dict[str, Any]


def checkpoint_path(run: Path, step: int) -> Path:
    """Where the checkpoint after this step lies."""
    return run / f"checkpoint-{step:06d}"


def checkpoints(run: Path) -> list[RunCheckpoint]:
    """The whole checkpoints of a run, oldest first."""
    found = []
    for path in run.glob("checkpoint-*"):
        match = NAME.fullmatch(path.name)
        if match is None or not (path / FACTS).is_file():
            continue
        try:
            facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
            found.append(RunCheckpoint(path, int(match[1]), str(facts["identity"]), facts))
        except (ValueError, KeyError, OSError):
            continue
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def last_checkpoint(run: Path, identity: str) -> RunCheckpoint | None:
    """The checkpoint to go on from; None for a fresh start.

    Raises:
        OutputRefused: the run folder holds checkpoints of another model, recipe or data.
    """
    found = checkpoints(run)
    if not found:
        return None
    last = found[-1]
    if last.identity != identity:
        raise OutputRefused(
            "the run folder holds checkpoints of another run",
            f"{last.path}: of another model, recipe or data than this one",
            "Give another out=DIR, or remove the folder.",
        )
    return last


def remove_partial(run: Path) -> None:
    """Remove what was being written when the last process ended."""
    for path in run.glob("*.part"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def seal(part: Path, whole: Path, facts: dict[str, Any]) -> None:
    """Make a written checkpoint count: facts, fsync of every file, then the rename."""
    (part / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    for path in [*part.rglob("*"), part]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    shutil.rmtree(whole, ignore_errors=True)
    part.replace(whole)


def keep(run: Path, best_step: int | None) -> None:
    """Remove all whole checkpoints but the last and the best."""
    for checkpoint in checkpoints(run)[:-1]:
        if checkpoint.step != best_step:
            gone = checkpoint.path.with_name(checkpoint.path.name + ".part")
            shutil.rmtree(gone, ignore_errors=True)
            checkpoint.path.replace(gone)  # so that a kill leaves no half of it
            shutil.rmtree(gone, ignore_errors=True)


def read_trained(path: Path) -> dict[str, torch.Tensor]:
    """The trained tensors of a checkpoint, on one process, whole or sharded.

    Raises:
        BadCheckpoint: there are none, or the file is damaged.
    """
    try:
        if (path / TRAINED).is_file():
            return dict(load_file(path / TRAINED))
        if (path / SHARDS).is_dir():
            return read_shards(path / SHARDS)
    except (OSError, ValueError, SafetensorError) as error:
        raise BadCheckpoint("the checkpoint is damaged", f"{path}: {error}", "") from error
    raise BadCheckpoint(
        "the folder is no checkpoint of a run",
        f"{path}: neither {TRAINED} nor {SHARDS}/",
        "Give RUN/checkpoint-N.",
    )


def read_shards(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a sharded (FSDP2) model, gathered on one process without a process group."""
    metadata = dcp.FileSystemReader(folder).read_metadata()
    tensors: dict[str, Any] = {
        name: torch.empty(info.size, dtype=info.properties.dtype)
        for name, info in metadata.state_dict_metadata.items()
        if hasattr(info, "size")
    }
    with warnings.catch_warnings():  # that there is no process group is meant
        warnings.simplefilter("ignore", UserWarning)
        dcp.load(tensors, checkpoint_id=folder, no_dist=True)
    return {
        name.removeprefix("model.") if _nested(tensors) else name: t for name, t in tensors.items()
    }


def _nested(tensors: dict[str, Any]) -> bool:
    """Whether accelerate's outer key `model` stands before every name."""
    return all(name.startswith("model.") for name in tensors) and any(
        name.startswith(("model.model.", "model.lm_head", "model.base_model.")) for name in tensors
    )


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn a full disk, in whichever words a library tells it, into one error; remove the torso.

    Raises:
        NotEnoughSpace: the disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        full = getattr(error, "errno", None) in FULL or any(w in str(error) for w in FULL_WORDS)
        shutil.rmtree(place, ignore_errors=True)
        if not full:
            raise
        raise NotEnoughSpace(
            "the disk filled up while a checkpoint was written",
            f"{place}: {str(error).splitlines()[0][:200]}",
            "What was written before is whole. Make room and run the same command again.",
        ) from error


def check_room(run: Path, n_trained: int, n_total: int, n_kept: int) -> None:
    """Refuse to start where checkpoints and the finished model will not fit.

    Args:
        n_trained, n_total: parameters that learn, and all.
        n_kept: checkpoints that lie there at once, the one being written included.

    Raises:
        NotEnoughSpace: less room than that.
    """
    need = n_kept * n_trained * 12 + 2 * n_total  # float32 weights and two moments; 2 bytes final
    free = shutil.disk_usage(run).free
    if free < need:
        raise NotEnoughSpace(
            "the disk is too small for this run",
            f"{run}: {free / 1e9:.1f} GB free, about {need / 1e9:.1f} GB needed",
            "Make room, or give out=DIR on another disk.",
        )


# --- what learns, into and out of a model ---------------------------------------------------------


def trained_tensors(model: Any, accelerator: Any = None) -> dict[str, torch.Tensor]:
    """What learns, whole, on the CPU, by its name in the loaded model; a collective where sharded."""
    plain = model if accelerator is None else accelerator.unwrap_model(model)
    if accelerator is not None and accelerator.distributed_type == DistributedType.DEEPSPEED:
        whole = accelerator.get_state_dict(model)
        names = [name for name, p in plain.named_parameters() if p.requires_grad]
        return {name: whole[name].cpu().contiguous() for name in names if whole and name in whole}
    found = {}
    for name, parameter in plain.named_parameters():
        if parameter.requires_grad:
            value = parameter.detach()
            full = value.full_tensor() if hasattr(value, "full_tensor") else value
            found[name] = full.cpu().contiguous()
    return found


def load_trained(model: Any, trained: dict[str, torch.Tensor]) -> None:
    """Put trained tensors back into a model, sharded or not.

    Raises:
        KeyError: a name that the model lacks; identities make that impossible in a run.
    """
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, tensor in trained.items():
            parameter = own[name]
            if hasattr(parameter, "device_mesh"):
                from torch.distributed.tensor import distribute_tensor

                tensor = distribute_tensor(
                    tensor.to(parameter.device), parameter.device_mesh, parameter.placements
                )
            parameter.copy_(tensor)

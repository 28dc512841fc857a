"""A training process of its own, for tests that kill it, fill its disk or run two of it.

in:  python -m tests.train.worker RECIPE.json N_SAMPLES, or `run` in a process that has this module
out: what train writes; where it refuses, its words in REFUSED beside the run's folder
not covered: what the finished run is compared with (test_processes.py)
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.train.models import mixed
from viscodex.errors import NotEnoughSpace
from viscodex.train import trainer
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import train
from viscodex.train.trainer import Measured
from viscodex.train.watch import Show

REFUSED = "refused.txt"


def run(plain: dict[str, Any], n_samples: int, end: str = "") -> None:
    """Train.

    Args:
        plain: the recipe.
        n_samples: of the data.
        end: a step, after which SIGKILL comes; "writing", where it comes within a checkpoint;
            "full": after two steps no file may be larger than the weights are.
    """
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    recipe = TrainRecipe.model_validate(plain)
    if end == "writing":
        trainer.save_file = _half  # type: ignore[attr-defined]

    def step(measured: Measured, n_steps: int) -> None:
        if end == str(measured.step):
            os.kill(os.getpid(), signal.SIGKILL)
        if end == "full" and measured.step == 2:
            _limit_files(Path(recipe.out))

    try:
        train(recipe, sources=[mixed(n_samples)], show=Show(step=step))
    except NotEnoughSpace as error:
        Path(recipe.out).with_name(REFUSED).write_text(str(error))
        sys.exit(1)


def _half(tensors: object, path: Path) -> None:
    path.write_bytes(b"\0" * 100)
    os.kill(os.getpid(), signal.SIGKILL)


def _limit_files(out: Path) -> None:
    """Room for the weights of a checkpoint, but not for the larger state of the optimiser."""
    size = next(out.glob("*/trained.safetensors")).stat().st_size + 1000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


if __name__ == "__main__":
    run(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]))

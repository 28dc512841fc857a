"""A training process of its own, for tests that kill it or run two of it.

python -m tests.train.worker RECIPE.json N_SAMPLES [KILL_AFTER_STEP | KILL_WHILE_WRITING]
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from pathlib import Path

import torch

from tests.train.models import mixed
from viscodex.train import trainer
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import train
from viscodex.train.trainer import Measured
from viscodex.train.watch import Show


def main() -> None:
    """Train; end by SIGKILL where that is asked for."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    recipe = TrainRecipe.model_validate(json.loads(Path(sys.argv[1]).read_text()))
    kill = sys.argv[3] if len(sys.argv) > 3 else ""

    def step(measured: Measured, n_steps: int) -> None:
        if kill == str(measured.step):
            os.kill(os.getpid(), signal.SIGKILL)

    if kill == "writing":

        def half(tensors: object, path: Path) -> None:
            path.write_bytes(b"\0" * 100)
            os.kill(os.getpid(), signal.SIGKILL)

        trainer.save_file = half  # type: ignore[attr-defined]
    train(recipe, sources=[mixed(int(sys.argv[2]))], show=Show(step=step))


if __name__ == "__main__":
    main()

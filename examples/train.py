"""Teach a small vision-language model sixteen charts, and let it write one. Makes everything; needs no download."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

from viscodex.nano.trio import make_trio
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import train
from viscodex.train.watch import Show
from viscodex.types import Message, Sample

torch.set_num_threads(1)  # a model this small is slower on more
folder = Path("example-train")
if not (folder / "trio").exists():
    make_trio(folder / "trio", dtype="float32")


def chart(n: int) -> Sample:
    """A picture, the question about it, and the code that drew it."""
    code = f"plt.bar(range(3), {[1 + n % 4, 2 + n % 3, 1 + n % 5]})\n"
    figure = plt.figure(figsize=(1.2, 1), dpi=72)
    plt.bar(range(3), [1 + n % 4, 2 + n % 3, 1 + n % 5])
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    plt.close(figure)
    question = "<image>Redraw this chart as matplotlib code."
    messages = (Message("user", question), Message("assistant", code))
    return Sample(f"chart-{n}", "chart", messages, (stream.getvalue(),))


# the same keys as in a YAML recipe (recipes/train, recipes/paper)
recipe = TrainRecipe.model_validate(
    {
        "model": str(folder / "trio" / "vlm"),
        "out": str(folder / "run"),
        "data": [{"path": "in memory"}],
        "learn": {"vision_tower": False, "projector": True},
        "batch": 16,
        "epochs": 60,
        "max_tokens": 512,
        "lr": 5e-3,
        "precision": "fp32",
        "gradient_checkpointing": False,
        "save_every": 20,  # kill it and run it again: it goes on, exactly
        "sample_every": 60,
        "sample_tokens": 40,
    }
)
report = train(recipe, sources=[[chart(n) for n in range(16)]], show=Show(line=print))
print(f"loss {report.loss:.3f} after {report.steps} steps; see {recipe.out}/training.html")

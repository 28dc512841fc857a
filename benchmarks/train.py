"""Fine-tuning: ours against plain trl with padding, on the same samples in one run.

    python benchmarks/train.py [--data DIR] [--steps 12] [--batch 8] [--rounds 3]
    python benchmarks/train.py --gpu [--steps 20]

in:  nothing: samples of realistic spread are drawn; or a data set of viscodex (--data)
out: a Markdown table: answer tokens a second of wall time and of CPU time, padding, ratios in this run;
     with --gpu the shape of Qwen2.5-VL-3B with random weights in bf16: model FLOP utilisation, peak memory
not covered: quality; both sides see the same samples, freeze the same parts and step the same optimiser

Plain trl is SFTTrainer with prompt and completion, an images column, max_length=None (so that it cuts
nothing) and its own padding; samples without a picture are left out, as trl batches no such mixture.
Both are warmed up by two steps. Ways take turns; medians over the rounds are printed.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image

from viscodex.nano.trio import make_tokenizer, make_vision_language_model, save_processor
from viscodex.train.recipe import TrainRecipe
from viscodex.train.run import train
from viscodex.train.trainer import Measured
from viscodex.train.watch import Show
from viscodex.types import Message, Sample

WARM_UP = 2
H100_FLOPS = 989e12  # bf16, dense, by the maker
PEAKS = {"H100": H100_FLOPS, "H200": H100_FLOPS, "A100": 312e12, "L40S": 362e12, "4090": 165e12}


@dataclass(frozen=True, slots=True)
class Speed:
    """What a way took for its timed steps."""

    answer_tokens: int
    wall_s: float
    cpu_s: float
    padding: float  # share of the tokens computed
    peak_gb: float = 0.0
    flops: float = 0.0


def draw_samples(n: int, seed: int = 0, scale: float = 1.0) -> list[Sample]:
    """Charts and pages whose answers spread as in MCD: log-normal, a few times longer than the median."""
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(n):
        lines = int(np.clip(rng.lognormal(2.2, 0.8), 3, 80) * scale)
        code = "".join(
            f"ax{int(rng.integers(4))}.bar({int(rng.integers(99))}, {rng.random() * 100:.1f}, color='C{k}')\n"
            for k in range(lines)
        )
        side = rng.choice([112, 168, 224, 336], size=2) * (1 if scale < 4 else 3)
        pixels = rng.integers(0, 255, (int(side[0]) // 28, int(side[1]) // 28, 3), np.uint8)
        picture = Image.fromarray(pixels).resize((int(side[1]), int(side[0])))
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        messages = (
            Message("user", "<image>Redraw this chart as code."),
            Message("assistant", code),
        )
        samples.append(Sample(f"chart-{index}", "chart", messages, (stream.getvalue(),)))
    return samples


def small_model(folder: Path, samples: list[Sample]) -> Path:
    """About the size of the embedded models: 8 layers of 256, 2,048 tokens."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer([sample.answer for sample in samples[:200]], n_tokens=2048)
    model = make_vision_language_model(
        tokenizer,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=8,
        num_attention_heads=4,
    )
    model.save_pretrained(folder)
    save_processor(tokenizer, folder)
    return folder


def model_3b(folder: Path, samples: list[Sample]) -> Path:
    """The shape of Qwen2.5-VL-3B, random weights, a vocabulary of its size."""
    tokenizer = make_tokenizer([sample.answer for sample in samples[:200]], n_tokens=4096)
    small = make_vision_language_model(tokenizer)
    config = small.config
    text, vision = config.text_config, config.vision_config
    text.hidden_size, text.intermediate_size, text.num_hidden_layers = 2048, 11008, 36
    text.num_attention_heads, text.num_key_value_heads = 16, 2
    text.vocab_size, text.max_position_embeddings = 151936, 32768
    text.layer_types = ["full_attention"] * 36
    text.rope_parameters = {**text.rope_parameters, "mrope_section": [16, 24, 24]}
    vision.depth, vision.hidden_size, vision.intermediate_size, vision.num_heads = (
        32,
        1280,
        3420,
        16,
    )
    vision.out_hidden_size, vision.window_size = 2048, 112
    vision.fullatt_block_indexes = [7, 15, 23, 31]
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = transformers.Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    save_processor(tokenizer, folder)
    return folder


# --- the two ways ---------------------------------------------------------------------------------


def ours(model: Path, samples: list[Sample], args: argparse.Namespace, out: Path) -> Speed:
    """viscodex train, packed."""
    steps: list[tuple[Measured, float, float]] = []

    def step(measured: Measured, _: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        steps.append((measured, time.perf_counter(), time.process_time()))

    recipe = TrainRecipe.model_validate(
        {
            "model": str(model), "out": str(out), "data": [{"path": "drawn"}], "batch": args.batch,
            "max_steps": args.steps + WARM_UP, "max_tokens": args.max_tokens, "row_tokens": args.row_tokens,
            "max_pixels": args.max_pixels, "min_pixels": 784, "lr": 1e-4,
            "precision": "bf16_weights" if args.gpu else "fp32", "gradient_checkpointing": args.gpu,
            "workers": 8 if args.gpu else 0, "try_largest": False,
        }
    )  # fmt: skip
    train(recipe, sources=[samples], show=Show(step=step))
    timed = [measured for measured, _, _ in steps[WARM_UP:]]
    n = sum(measured.n_answer_tokens for measured in timed)
    tokens = sum(measured.n_tokens for measured in timed)
    padding = sum(measured.n_padding for measured in timed) / tokens
    (_, wall, cpu), (_, end, cpu_end) = steps[WARM_UP - 1], steps[-1]
    peak = torch.cuda.max_memory_allocated() / 1e9 if args.gpu else 0.0
    return Speed(n, end - wall, cpu_end - cpu, padding, peak, 6.0 * _parameters(model) * tokens)


def _parameters(model: Path) -> int:
    """Of the language model without the embedding, which multiplies nothing."""
    from viscodex.merge.checkpoint import read_checkpoint
    from viscodex.merge.layout import understand

    found = understand(read_checkpoint(model), "model")
    return sum(
        info.n_elements
        for name, info in found.checkpoint.tensors.items()
        if found.parts[name] in ("language_model",)
    )


class ImageProcessor(transformers.Qwen2_5_VLProcessor):  # type: ignore[misc]
    """The stock processor without its video part, which needs torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, **rest: Any) -> None:
        super().__init__(image_processor, tokenizer, None, chat_template=tokenizer.chat_template)


def plain_trl(model: Path, samples: list[Sample], args: argparse.Namespace, out: Path) -> Speed:
    """trl's SFTTrainer as its documentation shows it for a vision-language model."""
    import datasets
    import trl

    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    eyes = transformers.Qwen2VLImageProcessorPil.from_pretrained(model)
    eyes.size = {"shortest_edge": 784, "longest_edge": args.max_pixels}
    rows = [
        {
            "images": [Image.open(io.BytesIO(sample.images[0]))],
            "prompt": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image"},
                        {"type": "text", "text": sample.messages[0].content.replace("<image>", "")},
                    ],
                }
            ],
            "completion": [
                {"role": "assistant", "content": [{"type": "text", "text": sample.answer}]}
            ],
        }
        for sample in samples
    ]
    learner = transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(
        model, dtype=torch.bfloat16 if args.gpu else torch.float32
    )
    learner.model.visual.requires_grad_(False)
    settings = trl.SFTConfig(
        output_dir=str(out), max_steps=args.steps + WARM_UP, per_device_train_batch_size=args.batch,
        learning_rate=1e-4, report_to="none", use_cpu=not args.gpu, bf16=args.gpu, save_strategy="no",
        max_length=None, disable_tqdm=True, logging_strategy="no", packing=False,
        gradient_checkpointing=args.gpu, dataloader_num_workers=8 if args.gpu else 0,
    )  # fmt: skip
    counts: list[tuple[int, int, int]] = []
    times: list[tuple[float, float]] = []

    class Counting(trl.SFTTrainer):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
            mask = inputs["attention_mask"]
            n_answer = int((inputs["labels"] != -100).sum())
            counts.append((n_answer, mask.numel(), int((mask == 0).sum())))
            return super().training_step(model, inputs, *rest, **more)

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            if args.gpu:
                torch.cuda.synchronize()
            times.append((time.perf_counter(), time.process_time()))

    trainer = Counting(
        model=learner, args=settings, train_dataset=datasets.Dataset.from_list(rows),
        processing_class=ImageProcessor(eyes, tokenizer), callbacks=[Clock()],
    )  # fmt: skip
    trainer.train()
    n, tokens, padding = (sum(column) for column in zip(*counts[WARM_UP:], strict=True))
    (wall, cpu), (end, cpu_end) = times[WARM_UP - 1], times[-1]
    peak = torch.cuda.max_memory_allocated() / 1e9 if args.gpu else 0.0
    useful = 6.0 * _parameters(model) * (tokens - padding)
    return Speed(n, end - wall, cpu_end - cpu, padding / tokens, peak, useful)


# --- the table ------------------------------------------------------------------------------------


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a data set of viscodex")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=2048)
    parser.add_argument("--max-pixels", type=int, default=200_704)
    parser.add_argument("--row-tokens", type=int, help="default: twice the longest sample")
    parser.add_argument("--gpu", action="store_true", help="the shape of Qwen2.5-VL-3B, bf16")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(8 if args.gpu else 1)
    if args.gpu:
        args.max_tokens, args.max_pixels = 8192, 1_003_520
    args.row_tokens = args.row_tokens or args.max_tokens * (1 if args.gpu else 2)
    samples = _samples(args)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = (model_3b if args.gpu else small_model)(folder / "start", samples)
        found: dict[str, list[Speed]] = {"viscodex": [], "trl": []}
        for number in range(args.rounds):
            for way, function in (("viscodex", ours), ("trl", plain_trl)):
                if args.gpu:
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                found[way].append(function(model, samples, args, folder / f"{way}-{number}"))
    _print(found, args, len(samples))


def _samples(args: argparse.Namespace) -> list[Sample]:
    n = (args.steps + WARM_UP) * args.batch
    if args.data is None:
        return draw_samples(n, scale=6.0 if args.gpu else 1.0)
    from viscodex.data.store import open_dataset

    every = open_dataset(args.data)
    order = np.random.default_rng(0).permutation(len(every)).tolist()
    usable = (every[index] for index in order)
    found = []
    for sample in usable:
        if len(sample.images) == 1 and len(sample.answer) < 2 * args.max_tokens:
            found.append(sample)
        if len(found) == n:
            break
    return found


def _print(found: dict[str, list[Speed]], args: argparse.Namespace, n: int) -> None:
    def median(way: str, value: Any) -> float:
        return statistics.median(value(speed) for speed in found[way])

    print(
        f"\n{n} samples, {args.steps} steps of {args.batch}, {args.rounds} rounds, torch {torch.__version__}\n"
    )
    print("| way | answer tokens/s (wall) | answer tokens/s (CPU) | padding | peak GB | MFU |")
    print("|---|---|---|---|---|---|")
    for way in found:
        wall = median(way, lambda s: s.answer_tokens / s.wall_s)
        cpu = median(way, lambda s: s.answer_tokens / s.cpu_s)
        padding = median(way, lambda s: s.padding)
        peak = f"{median(way, lambda s: s.peak_gb):.1f}" if args.gpu else ""
        print(
            f"| {way} | {wall:,.0f} | {cpu:,.0f} | {100 * padding:.1f} % | {peak} | {_mfu(found[way], args)} |"
        )
    for name, value in (
        ("wall", lambda s: s.answer_tokens / s.wall_s),
        ("CPU", lambda s: s.answer_tokens / s.cpu_s),
    ):
        print(f"\nviscodex / trl, {name}: {median('viscodex', value) / median('trl', value):.2f}")


def _mfu(speeds: list[Speed], args: argparse.Namespace) -> str:
    """6 x parameters of the language model x tokens that are no padding, over the peak of the device.

    Recomputation, attention and the (frozen) vision tower are not counted: a lower bound.
    """
    if not args.gpu:
        return ""
    name = torch.cuda.get_device_name()
    peak = next((flops for key, flops in PEAKS.items() if key in name), None)
    if peak is None:
        return f"unknown peak of {name}"
    return f"{100 * statistics.median(s.flops / s.wall_s for s in speeds) / peak:.1f} %"


if __name__ == "__main__":
    main()

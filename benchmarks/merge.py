"""Merge at the width of Qwen2.5-VL-7B: ours against mergekit, transformers and the copy limit.

    python benchmarks/merge.py --work DIR [--layers 2] [--rounds 3] [--mergekit-python VENV/bin/python]

in:  a directory with 30 GB free; checkpoints of true width and reduced depth are made there once
out: a Markdown table: wall and CPU seconds, peak resident memory, ratios within this run
not covered: quality; weights are random, related by descent

Every way runs as a process of its own, from a warm page cache, in turn, `--rounds` times; medians
are printed. mergekit (from PyPI, in an environment of its own) cannot merge a VLM with a text model;
its inputs are dressed up as one architecture first, which is not timed, and its output is
compared with ours.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HIDDEN, FFN, HEADS, KV_HEADS, VOCABULARY = 3584, 18944, 28, 4, 152064
VISION, VISION_FFN, VISION_DEPTH = 1280, 3420, 8
DTYPE_BYTES = 2


# --- checkpoints of real width --------------------------------------------------------------------


def language_shapes(layers: int) -> dict[str, tuple[int, ...]]:
    kv = HIDDEN // HEADS * KV_HEADS
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    for i in range(layers):
        p = f"model.layers.{i}."
        for name, rows in (("q", HIDDEN), ("k", kv), ("v", kv)):
            shapes[f"{p}self_attn.{name}_proj.weight"] = (rows, HIDDEN)
            shapes[f"{p}self_attn.{name}_proj.bias"] = (rows,)
        shapes[f"{p}self_attn.o_proj.weight"] = (HIDDEN, HIDDEN)
        shapes[f"{p}mlp.gate_proj.weight"] = (FFN, HIDDEN)
        shapes[f"{p}mlp.up_proj.weight"] = (FFN, HIDDEN)
        shapes[f"{p}mlp.down_proj.weight"] = (HIDDEN, FFN)
        shapes[f"{p}input_layernorm.weight"] = (HIDDEN,)
        shapes[f"{p}post_attention_layernorm.weight"] = (HIDDEN,)
    shapes["model.norm.weight"] = (HIDDEN,)
    shapes["lm_head.weight"] = (VOCABULARY, HIDDEN)
    return shapes


def vision_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"visual.patch_embed.proj.weight": (VISION, 3, 2, 14, 14)}
    for i in range(VISION_DEPTH):
        p = f"visual.blocks.{i}."
        shapes |= {
            f"{p}norm1.weight": (VISION,),
            f"{p}norm2.weight": (VISION,),
            f"{p}attn.qkv.weight": (3 * VISION, VISION),
            f"{p}attn.qkv.bias": (3 * VISION,),
            f"{p}attn.proj.weight": (VISION, VISION),
            f"{p}attn.proj.bias": (VISION,),
        }
        for name, (rows, columns) in (
            ("gate", (VISION_FFN, VISION)),
            ("up", (VISION_FFN, VISION)),
            ("down", (VISION, VISION_FFN)),
        ):
            shapes[f"{p}mlp.{name}_proj.weight"] = (rows, columns)
            shapes[f"{p}mlp.{name}_proj.bias"] = (rows,)
    shapes |= {
        "visual.merger.ln_q.weight": (VISION,),
        "visual.merger.mlp.0.weight": (4 * VISION, 4 * VISION),
        "visual.merger.mlp.0.bias": (4 * VISION,),
        "visual.merger.mlp.2.weight": (HIDDEN, 4 * VISION),
        "visual.merger.mlp.2.bias": (HIDDEN,),
    }
    return shapes


def text_config(layers: int) -> dict[str, object]:
    return {
        "hidden_size": HIDDEN, "intermediate_size": FFN, "num_hidden_layers": layers,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCABULARY,
        "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 32768,
        "tie_word_embeddings": False, "hidden_act": "silu", "torch_dtype": "bfloat16",
        "bos_token_id": 151643, "eos_token_id": 151645,
    }  # fmt: skip


def configs(layers: int) -> dict[str, dict[str, object]]:
    text = text_config(layers)
    qwen = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", **text}
    vlm = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        **text,
        "text_config": {**text, "model_type": "qwen2_5_vl_text",
                        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}},
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "image_token_id": 151655, "video_token_id": 151656,
        "vision_start_token_id": 151652, "vision_end_token_id": 151653,
        "vision_config": {
            "depth": VISION_DEPTH, "hidden_size": VISION, "intermediate_size": VISION_FFN,
            "num_heads": 16, "in_chans": 3, "out_hidden_size": HIDDEN, "patch_size": 14,
            "spatial_merge_size": 2, "window_size": 112, "fullatt_block_indexes": [3, 7],
            "hidden_act": "silu", "model_type": "qwen2_5_vl",
        },
    }  # fmt: skip
    return {"base": qwen, "code": qwen, "vlm": vlm}


def make_checkpoints(work: Path, layers: int) -> None:
    """base; code and vlm = base + noise; sharded by about 1 GB, vision tower in a shard of its own."""
    import torch
    from safetensors.torch import save_file

    marker = work / f".made-{layers}"
    if marker.exists():
        return
    print(f"making checkpoints of {layers} layers below {work}", file=sys.stderr)
    generator = torch.Generator().manual_seed(0)
    folders = {name: work / name for name in ("base", "code", "vlm")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    groups: list[list[str]] = [[]]
    size = 0
    shapes = language_shapes(layers)
    for name, shape in shapes.items():
        nbytes = DTYPE_BYTES * int(torch.tensor(shape).prod())
        if groups[-1] and size + nbytes > 1_200_000_000:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += nbytes
    maps: dict[str, dict[str, str]] = {name: {} for name in folders}
    for number, group in enumerate(groups):
        shard = f"model-{number + 1:05d}.safetensors"
        base = {n: (torch.randn(shapes[n], generator=generator) * 0.02).bfloat16() for n in group}
        for name, folder in folders.items():
            tensors = base
            if name != "base":
                tensors = {}
                for n, value in base.items():
                    noise = torch.empty(value.shape, dtype=torch.bfloat16).normal_(
                        0, 0.002, generator=generator
                    )
                    tensors[n] = value + noise
            save_file(tensors, folder / shard, metadata={"format": "pt"})
            maps[name] |= dict.fromkeys(group, shard)
    vision = {
        n: (torch.randn(s, generator=generator) * 0.02).bfloat16()
        for n, s in vision_shapes().items()
    }
    save_file(vision, folders["vlm"] / "model-vision.safetensors", metadata={"format": "pt"})
    maps["vlm"] |= dict.fromkeys(vision, "model-vision.safetensors")
    for name, folder in folders.items():
        write_model_files(folder, configs(layers)[name], maps[name])
    for name in ("base", "code"):  # for mergekit: the same weights under the VLM's architecture
        dressed = work / f"{name}-dressed"
        shutil.rmtree(dressed, ignore_errors=True)
        dressed.mkdir()
        for shard in {*maps[name].values()}:
            (dressed / shard).symlink_to(folders[name] / shard)
        (dressed / "model-vision.safetensors").symlink_to(
            folders["vlm"] / "model-vision.safetensors"
        )
        weight_map = {**maps[name], **dict.fromkeys(vision, "model-vision.safetensors")}
        write_model_files(dressed, configs(layers)["vlm"], weight_map)
    marker.touch()


def write_model_files(folder: Path, config: dict[str, object], weight_map: dict[str, str]) -> None:
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


SIZE_72B = {"HIDDEN": 8192, "FFN": 29568, "HEADS": 64, "KV_HEADS": 8}
LAYERS_72B = 80


def make_sparse_72b(work: Path) -> dict[str, Path]:
    """A VLM and a code model of 72B: true headers, weights that are holes in the files."""
    globals().update(SIZE_72B)
    described, layers = configs(LAYERS_72B), LAYERS_72B
    folders = {name: work / f"sparse-{name}" for name in ("vlm", "code")}
    for name, folder in folders.items():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shapes = language_shapes(layers) | (vision_shapes() if name == "vlm" else {})
        shards: list[dict[str, tuple[int, ...]]] = [{}]
        for tensor, shape in shapes.items():
            if sum(math.prod(s) for s in shards[-1].values()) * DTYPE_BYTES > 4_000_000_000:
                shards.append({})
            shards[-1][tensor] = shape
        weight_map = {}
        for number, tensors in enumerate(shards):
            header, offset = {}, 0
            for tensor, shape in tensors.items():
                end = offset + math.prod(shape) * DTYPE_BYTES
                header[tensor] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
                offset = end
            shard = f"model-{number + 1:05d}.safetensors"
            text = json.dumps(header).encode()
            with (folder / shard).open("wb") as stream:
                stream.write(len(text).to_bytes(8, "little") + text)
                stream.truncate(8 + len(text) + offset)
            weight_map |= dict.fromkeys(tensors, shard)
        write_model_files(folder, described[name], weight_map)
    return folders


def plan_72b(work: Path) -> None:
    """Time `merge --dry-run` at 72B: it reads headers only."""
    folders = make_sparse_72b(work)
    command = [sys.executable, "-m", "viscodex", "merge", "--dry-run"]
    for name, folder in folders.items():
        command += [f"--{name}", str(folder)]
    runs = [timed(command, work / "out-none", work / "log.txt") for _ in range(3)]
    print(f"merge --dry-run at 72B: {min(r['wall'] for r in runs):.1f} s, {runs[0]['rss']:.2f} GB")
    for folder in folders.values():
        shutil.rmtree(folder)


# --- the ways -------------------------------------------------------------------------------------

COPY = """
import os, sys
out, *inputs = sys.argv[1:]
piece = bytearray(8 << 20)
for folder in inputs:
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with open(os.path.join(folder, name), "rb", buffering=0) as stream:
                target = open(os.path.join(out, name), "wb", buffering=0) if folder == inputs[0] else None
                while n := stream.readinto(piece):
                    if target:
                        target.write(memoryview(piece)[:n])
"""

NAIVE = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
out, vlm, code, base, w_vlm, w_code = sys.argv[1:]
load = dict(dtype=torch.bfloat16)
model = AutoModelForImageTextToText.from_pretrained(vlm, **load)
code = AutoModelForCausalLM.from_pretrained(code, **load).state_dict()
base = AutoModelForCausalLM.from_pretrained(base, **load).state_dict() if base != "-" else None
state = model.state_dict()
for name, value in code.items():
    key = name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name
    if base is None:
        state[key].copy_(float(w_vlm) * state[key] + float(w_code) * value)
    else:
        b = base[name]
        state[key].copy_(b + float(w_vlm) * (state[key] - b) + float(w_code) * (value - b))
model.save_pretrained(out, max_shard_size="5GB")
"""


def mergekit_yaml(
    work: Path, method: str, weights: tuple[float, float], density: float | None
) -> str:
    def entry(folder: str, weight: float) -> dict[str, object]:
        extra = {} if density is None else {"density": density}
        return {"model": str(work / folder), "parameters": {"weight": weight, **extra}}

    recipe = {
        "merge_method": method,
        "base_model": str(work / "base-dressed"),
        "models": [entry("vlm", weights[0]), entry("code-dressed", weights[1])],
        "dtype": "bfloat16",
    }
    return json.dumps(recipe)


def ours(
    work: Path, out: Path, method: str, weights: tuple[float, float], density: float | None
) -> list[str]:
    recipe = json.loads(mergekit_yaml(work, method, weights, density).replace("-dressed", ""))
    path = work / f"ours-{method}-{weights[0]}-{weights[1]}-{density}.yaml"
    path.write_text(json.dumps(recipe))
    return [sys.executable, "-m", "viscodex", "merge", str(path), "-o", str(out)]


def mergekit(
    work: Path,
    out: Path,
    python: str,
    method: str,
    weights: tuple[float, float],
    density: float | None,
) -> list[str]:
    path = work / f"mergekit-{method}-{weights[0]}-{weights[1]}-{density}.yaml"
    path.write_text(mergekit_yaml(work, method, weights, density))
    tool = str(Path(python).parent / "mergekit-yaml")
    return [tool, str(path), str(out), "--quiet", "--no-copy-tokenizer", "--no-write-model-card"]


# --- measuring ------------------------------------------------------------------------------------


def timed(command: list[str], out: Path, log: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak resident GB of a process with its children."""
    shutil.rmtree(out, ignore_errors=True)
    os.sync()
    # a virtual machine takes back free memory; who comes next pays for it: let nobody timed pay
    subprocess.run(
        [sys.executable, "-c", "x = bytearray(8 << 30); x[::4096] = bytes(2 << 20)"], check=True
    )
    if command[1] == "-c":
        out.mkdir()
    start = time.perf_counter()
    with log.open("a") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {' '.join(command)}\n{log.read_text()[-3000:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss / 1e6}


def in_a_process_of_its_own(function, *arguments):  # type: ignore[no-untyped-def]
    """A child's peak memory counts from its parent's: the parent stays small."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def compare(ours: Path, theirs: Path) -> str:
    """How two outputs differ: share of equal elements, largest difference in units of last place."""
    from safetensors import safe_open

    def tensors(folder: Path) -> dict[str, Path]:
        files = sorted(folder.glob("*.safetensors"))
        return {name: file for file in files for name in safe_open(file, "pt").keys()}  # noqa: SIM118

    def key(name: str) -> str:
        return name.replace("model.language_model.", "model.").replace("model.visual.", "visual.")

    left = tensors(ours)
    right = {key(name): (name, path) for name, path in tensors(theirs).items()}
    equal = total = 0
    worst = 0.0
    for name, path in left.items():
        with safe_open(path, "pt") as a, safe_open(right[key(name)][1], "pt") as b:
            x, y = a.get_slice(name), b.get_slice(right[key(name)][0])
            for start in range(0, x.get_shape()[0], 4096):
                p, q = x[start : start + 4096], y[start : start + 4096]
                equal += int((p == q).sum())
                worst = max(worst, float((p.float() - q.float()).abs().max()))
                total += p.numel()
    return f"{equal / total:.2%} of {total:,} elements equal, largest difference {worst:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=1, help="rounds of mergekit and naive")
    parser.add_argument("--mergekit-python", help="python of an environment that has mergekit")
    parser.add_argument("--plan-72b", action="store_true", help="time --dry-run at 72B only")
    parser.add_argument("--only", nargs="*", help="names of ways to run")
    args = parser.parse_args()
    work: Path = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if args.plan_72b:
        plan_72b(work)
        return
    in_a_process_of_its_own(make_checkpoints, work, args.layers)
    log = work / "log.txt"
    paper, free = (0.7, 0.3), (0.7, 0.5)
    out = {n: work / f"out-{n}" for n in ("ours", "mergekit", "other")}
    folders = {name: str(work / name) for name in ("vlm", "code", "base")}
    python = sys.executable
    ways: dict[str, tuple[list[str], Path]] = {
        "copy limit, 2 inputs": ([python, "-c", COPY, str(out["other"]), folders["vlm"], folders["code"]], out["other"]),
        "copy limit, 3 inputs": ([python, "-c", COPY, str(out["other"]), *folders.values()], out["other"]),
        "ours, paper's method": (ours(work, out["ours"], "task_arithmetic", paper, None), out["ours"]),
        "ours, task_arithmetic 0.7 + 0.5": (ours(work, out["ours"], "task_arithmetic", free, None), out["ours"]),
        "ours, ties 0.5": (ours(work, out["ours"], "ties", paper, 0.5), out["ours"]),
        "ours, dare_ties 0.5": (ours(work, out["ours"], "dare_ties", paper, 0.5), out["ours"]),
        "naive transformers, paper's method": (
            [python, "-c", NAIVE, str(out["other"]), folders["vlm"], folders["code"], "-", "0.7", "0.3"], out["other"]),
    }  # fmt: skip
    if args.mergekit_python:
        for name, method, weights, density in (
            ("mergekit, paper's method", "task_arithmetic", paper, None),
            ("mergekit, task_arithmetic 0.7 + 0.5", "task_arithmetic", free, None),
            ("mergekit, ties 0.5", "ties", paper, 0.5),
            ("mergekit, dare_ties 0.5", "dare_ties", paper, 0.5),
        ):
            command = mergekit(
                work, out["mergekit"], args.mergekit_python, method, weights, density
            )
            ways[name] = (command, out["mergekit"])
    chosen = {n: way for n, way in ways.items() if not args.only or any(o in n for o in args.only)}
    for folder in folders.values():  # a warm page cache for all
        for path in Path(folder).glob("*.safetensors"):
            with path.open("rb") as stream:
                while stream.read(64 << 20):
                    pass
    results: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    for round_number in range(args.rounds):
        for name, (command, place) in chosen.items():
            for folder in out.values():  # equal memory and disk for all
                shutil.rmtree(folder, ignore_errors=True)
            if round_number >= args.slow_rounds and not name.startswith(("ours", "copy")):
                continue
            results[name].append(timed(command, place, log))
            print(f"{name}: {results[name][-1]}", file=sys.stderr)
            pair = name.replace("mergekit", "ours")
            if (
                name.startswith("mergekit")
                and round_number == 0
                and pair in ways
                and "dare" not in name
            ):
                timed(ways[pair][0], out["ours"], log)
                print(
                    f"{name} against ours: {in_a_process_of_its_own(compare, out['ours'], place)}",
                    file=sys.stderr,
                )
    median = {
        name: {key: statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "rss")}
        for name, runs in results.items()
    }
    print(
        f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {args.layers} layers; "
        f"medians of {args.rounds} (mergekit, naive: {args.slow_rounds})\n"
    )
    print(
        "| way | wall s | CPU s | peak RSS GB | x copy limit | x ours |\n|---|---|---|---|---|---|"
    )
    for name, row in median.items():
        method = name.partition(", ")[2]
        limit = median.get("copy limit, 2 inputs" if "paper" in name else "copy limit, 3 inputs")
        own = median.get(f"ours, {method}")
        times_limit = f"{row['wall'] / limit['wall']:.2f}" if limit else "-"
        times_ours = f"{row['wall'] / own['wall']:.2f}" if own else "-"
        print(
            f"| {name} | {row['wall']:.1f} | {row['cpu']:.1f} | {row['rss']:.2f} | {times_limit} | {times_ours} |"
        )
    for folder in out.values():
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

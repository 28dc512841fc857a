"""viscodex merge, viscodex inspect.

in:  arguments
out: plan, report and geometry, for people or as JSON
not covered: the work (merge/)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.terminal import Progress, console
from viscodex.errors import BadRecipe

if TYPE_CHECKING:
    from viscodex.merge.layout import Model
    from viscodex.recipe import MergeRecipe
    from viscodex.types import Action, MergePlan, TensorGeometry

MERGE_EXAMPLES = """
Examples:

\b
  viscodex merge recipes/merge/qwen2_5_vl_7b.yaml -o merged
  viscodex merge recipes/merge/qwen2_5_vl_7b.yaml lam=0.85 -o merged --dry-run
  viscodex merge --vlm Qwen/Qwen2.5-VL-7B-Instruct --code Qwen/Qwen2.5-Coder-7B --lam 0.7 -o merged
  viscodex merge --vlm VLM --code CODE --base BASE --method ties parameters.density=0.5 -o merged
  viscodex merge recipe.yaml -o merged --resume
"""


def merge(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECIPE.yaml] [KEY=VALUE]...", help="Recipe and overrides."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Directory to write.")
    ] = None,
    vlm: Annotated[
        str | None, typer.Option(help="Vision-language model: directory or hub name.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="Code model of the same base.")] = None,
    base: Annotated[
        str | None, typer.Option(help="Common ancestor; needed by most methods.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="task_arithmetic, ties, slerp, ...")] = None,
    lam: Annotated[
        float | None, typer.Option(help="Weight of the VLM, 0 to 1; the code model has the rest.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="bfloat16, float16, float32; default: VLM's.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N, for the arithmetic.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Default: all cores, at most 16.")
    ] = None,
    shard_size: Annotated[str, typer.Option(help="Limit for one output file.")] = "5GB",
    dry_run: Annotated[bool, typer.Option(help="Print the plan; read headers only.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on after an interruption.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print plan or report as JSON.")] = False,
) -> None:
    """Merge a coding LLM into the language model of a vision-language model."""
    import os

    from viscodex.merge.apply import apply
    from viscodex.merge.output import check_output, check_space
    from viscodex.merge.plan import plan_work
    from viscodex.types import to_json

    options = {"vlm": vlm, "code": code, "base": base, "merge_method": method, "lam": lam}
    checked = _merge_recipe(recipe or [], options, dtype)
    n_threads = threads or min(16, len(os.sched_getaffinity(0)))
    if out is None and not dry_run:
        raise BadRecipe("a merge needs a place to write to", "-o DIR is missing", "Add -o DIR.")
    work = plan_work(checked, shard_bytes=_bytes(shard_size), threads=n_threads)
    if dry_run:
        if out is not None:
            if not resume:
                check_output(out, [model.checkpoint.path for model in work.inputs])
            check_space(out, work.plan.output_bytes)
        typer.echo(to_json(work.plan, indent=1)) if as_json else _show_plan(work.plan)
        return
    assert out is not None
    with Progress() as progress:
        report = apply(
            work, out, device=device, threads=n_threads, resume=resume, progress=progress.update
        )
    if as_json:
        typer.echo(to_json(report, indent=1))
        return
    _show_plan(work.plan)
    _show_geometry(report.geometry, report.geometry_note)
    typer.echo(f"hash {report.output_hash}\nwritten: {out}")


def _merge_recipe(words: list[str], options: dict[str, Any], dtype: str | None) -> MergeRecipe:
    """The recipe of the command line: a file, or options; then the overrides."""
    from viscodex.recipe import MergeRecipe, check_recipe, read_recipe

    files = [word for word in words if "=" not in word]
    overrides = [word for word in words if "=" in word]
    given = {key: value for key, value in options.items() if value is not None}
    if dtype is not None:
        given["out_dtype"] = dtype
    if len(files) > 1:
        raise BadRecipe(
            "one recipe at a time", " ".join(files), "An override has the form key=value."
        )
    if not files:
        if not any(options.values()):
            raise BadRecipe(
                "nothing to merge", "no recipe, no --vlm and --code", "See viscodex merge --help."
            )
        return check_recipe(MergeRecipe, given, overrides, where="command line")
    return read_recipe(MergeRecipe, Path(files[0]), overrides, values=given)


def _bytes(text: str) -> int:
    """5GB, 500MB, 2.5e9 -> bytes."""
    units = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "B": 1.0}
    upper = text.strip().upper()
    unit = next((u for u in units if upper.endswith(u)), "")
    try:
        size = int(float(upper.removesuffix(unit)) * units.get(unit, 1.0))
    except (ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise BadRecipe("not a size", f"--shard-size {text}", "Write it like 5GB or 500MB.")
    return size


INSPECT_EXAMPLES = """
Examples:

\b
  viscodex inspect Qwen2.5-VL-7B
  viscodex inspect base vlm code                     geometry of the two task vectors
  viscodex inspect base vlm code --html geometry.html
"""


def inspect(
    checkpoints: Annotated[list[str], typer.Argument(metavar="DIR [DIR ...]")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plots there.")
    ] = None,
    sample: Annotated[
        bool, typer.Option(help="Measure 65,536 elements of each tensor instead of all.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Default: all cores, at most 16.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Parts, tensors, parameters, vocabulary; with base, vlm and code: the geometry."""
    import json
    import os

    from viscodex.merge.checkpoint import read_checkpoint
    from viscodex.merge.geometry import measure_geometry
    from viscodex.merge.layout import understand
    from viscodex.merge.summary import describe
    from viscodex.types import to_json

    labels = _labels(len(checkpoints))
    read = [read_checkpoint(name) for name in checkpoints]
    like = None
    models: list[Model] = []
    for label, checkpoint in zip(labels, read, strict=True):
        models.append(understand(checkpoint, label, like))
        like = like or models[0]
    summaries = [describe(model) for model in models]
    rows: tuple[TensorGeometry, ...] = ()
    if len(models) > 1:
        n_threads = threads or min(16, len(os.sched_getaffinity(0)))
        with Progress() as progress:
            done = [0]

            def step(count: int) -> None:
                done[0] += count
                progress.update("measuring", done[0], len(models[0].language_model))

            rows = measure_geometry(
                models[0], models[1:], sample=sample, threads=n_threads, progress=step
            )
    if html is not None:
        from viscodex.files import write_atomically
        from viscodex.plots import geometry_page

        write_atomically(html, geometry_page(summaries, rows))
    if as_json:
        facts = {"models": summaries, "geometry": [json.loads(to_json(row)) for row in rows]}
        typer.echo(json.dumps(facts, indent=1))
        return
    for summary in summaries:
        _show_summary(summary)
    if rows:
        _show_geometry(rows, f"task vectors: model - {labels[0]}")
    if html is not None:
        typer.echo(f"written: {html}")


def _labels(n: int) -> list[str]:
    if n == 1:
        return ["model"]
    return ["base", "vlm", "code", *[f"code_{i}" for i in range(2, n)]][:n]


# --- what people read ----------------------------------------------------------------------------


def _show_plan(plan: MergePlan) -> None:
    """Inputs, steps (layers of one kind together), sizes, notices."""
    from rich.markup import escape
    from rich.table import Column, Table

    from viscodex.merge.layout import layer_pattern

    terminal = console()
    table = Table("input", "path", "tensors", "parameters", "used", "dropped", "not read")
    for use in plan.inputs:
        numbers = (use.n_tensors, use.n_parameters, use.used, use.dropped, use.unread)
        table.add_row(use.label, escape(use.path), *(f"{n:,}" for n in numbers))
    terminal.print(table)
    groups: dict[tuple[str, ...], list[int]] = {}
    for step in plan.steps:
        labels = ", ".join(label for label, _ in step.sources)
        coefficients = ", ".join(f"{w:g}" for w in step.weights or ())
        name = step.part if step.action in ("copy", "drop") else layer_pattern(step.name)
        key = (step.action, name, labels, coefficients, step.reason, step.dtype)
        count = groups.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += step.n_elements
    table = Table(
        "action",
        Column("tensors", overflow="fold"),
        "n",
        "parameters",
        "from",
        "weights",
        "dtype",
        "why",
    )
    for (action, name, labels, weights, reason, dtype), (n, elements) in groups.items():
        table.add_row(action, name, f"{n}", f"{elements:,}", labels, weights, dtype, reason)
    terminal.print(table)
    for name, rows in plan.rows.items():
        terminal.print(f"{name}: " + ", ".join(f"{n:,} {kind}" for kind, n in rows.items()))
    for notice in plan.notices:
        terminal.print(f"note: {notice}", markup=False, highlight=False)
    counts = ", ".join(f"{plan.count(a)} {w}" for a, w in _ACTIONS.items())
    terminal.print(
        f"{counts}; output {plan.output_bytes / 1e9:.3f} GB in {len(plan.output_files)} files, "
        f"peak memory about {plan.peak_memory_bytes / 1e9:.2f} GB"
    )


_ACTIONS: dict[Action, str] = {
    "merge": "merged",
    "copy": "copied",
    "add": "added",
    "drop": "dropped",
}


def _show_geometry(rows: tuple[TensorGeometry, ...], note: str) -> None:
    from rich.table import Table

    from viscodex.merge.card import relative, shown
    from viscodex.merge.geometry import by_module, combined

    if not rows:
        return
    table = Table("module", title=note)
    for label in rows[0].norms:
        table.add_column(f"|tau {label}| / |base|", justify="right")
    for pair in rows[0].cosines:
        table.add_column(f"cos {pair}", justify="right")
        table.add_column("sign conflict", justify="right")
    for module, layers in by_module(rows).items():
        row = combined(list(layers.values()))
        cells = [shown(relative(row, label)) for label in row.norms]
        for pair, cosine in row.cosines.items():
            cells += [shown(cosine), shown(row.sign_conflicts[pair])]
        table.add_row(module, *cells)
    console().print(table)


def _show_summary(summary: dict[str, Any]) -> None:
    from rich.table import Table

    title = f"{summary['label']}: {summary['path']} ({summary['model_type']}, {summary['layout']})"
    table = Table("part", "tensors", "parameters", "MB", "dtypes", title=title)
    for part, row in summary["parts"].items():
        dtypes = ", ".join(row["dtypes"])
        table.add_row(
            part,
            f"{row['tensors']:,}",
            f"{row['parameters']:,}",
            f"{row['bytes'] / 1e6:,.1f}",
            dtypes,
        )
    terminal = console()
    terminal.print(table)
    facts = ", ".join(f"{key} {value}" for key, value in summary["sizes"].items())
    terminal.print(f"{facts}\nvocabulary: {summary['vocabulary']}\n")

"""The command line: one verb per arrow of the design.

in:  arguments
out: tables on stdout (or JSON with --json), progress and errors on stderr, the exit status
not covered: the work; each command imports what it needs when it runs

Exit status: 0 done, 1 finished with failures, 2 bad usage or input, 130 interrupted.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex import __version__
from viscodex.errors import BadRecipe, ViscodexError

if TYPE_CHECKING:
    from viscodex.merge.layout import Model
    from viscodex.recipe import MergeRecipe
    from viscodex.types import Action, Execution, MergePlan, TensorGeometry

app = typer.Typer(
    name="viscodex",
    help="Models that look at a picture and write the code: merge, inspect, run, check the machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; turn our errors into exit status 2 and one clear message."""
    try:
        app()
    except ViscodexError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output left: viscodex ... | head
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        place = f"\n  {error.filename}" if error.filename else ""
        sys.stderr.write(f"{type(error).__name__}: {error.strerror or error}{place}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"viscodex {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# --- merge ----------------------------------------------------------------------------------------

MERGE_EXAMPLES = """
Examples:

\b
  viscodex merge recipes/merge/qwen2_5_vl_7b.yaml -o merged
  viscodex merge recipes/merge/qwen2_5_vl_7b.yaml lam=0.85 -o merged --dry-run
  viscodex merge --vlm Qwen2.5-VL-7B --code Coder-7B --lam 0.7 -o merged
  viscodex merge --vlm VLM --code CODE --base BASE --method ties parameters.density=0.5 -o merged
  viscodex merge recipe.yaml -o merged --resume
"""


@app.command(epilog=MERGE_EXAMPLES)
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
    with _Progress() as progress:
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


# --- inspect --------------------------------------------------------------------------------------

INSPECT_EXAMPLES = """
Examples:

\b
  viscodex inspect Qwen2.5-VL-7B
  viscodex inspect base vlm code                     geometry of the two task vectors
  viscodex inspect base vlm code --html geometry.html
"""


@app.command(epilog=INSPECT_EXAMPLES)
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
        with _Progress() as progress:
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


# --- run, runtime ---------------------------------------------------------------------------------

RUN_EXAMPLES = """
Examples:

\b
  viscodex run chart.py --render chart.png
  viscodex run page.html --render page.png
  viscodex run solution.cpp --stdin input.txt --timeout 2 --memory 256
  viscodex run chart.py --json | jq .figure.texts

The Execution is printed as JSON. Exit status: 0 if its status is ok, else 1.
"""


@app.command(epilog=RUN_EXAMPLES)
def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Chart (.py), page (.html), program.")
    ],
    render: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Write the picture here (NAME-2.png, ... too)."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="S", min=0.1, max=86400, help="Seconds, of CPU and of the clock."),
    ] = None,
    memory: Annotated[int | None, typer.Option(metavar="MB", min=16, help="Default: 2048.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--as", help="chart, page or program; default: by suffix and imports."),
    ] = None,
    runtime: Annotated[
        str, typer.Option(help="Environment of charts: current, chartmimic.")
    ] = "current",
    stdin: Annotated[Path | None, typer.Option(metavar="FILE", help="A program's input.")] = None,
    allow_unsafe: Annotated[
        bool, typer.Option(help="Run even where only resource limits confine the code.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON only, no summary on stderr.")
    ] = False,
) -> None:
    """Run one chart script, page or program in the sandbox; print the Execution as JSON."""
    import os

    from viscodex.execute.file import read_text, run_file, write_pictures

    if kind not in (None, "chart", "page", "program"):
        raise BadRecipe("no such kind of file", f"--as {kind}", "chart, page or program")
    if render is not None and (
        not render.name or render.is_dir() or not os.access(render.parent, os.W_OK)
    ):
        raise BadRecipe(
            "the picture cannot be written there",
            f"--render {render}",
            "Give the name of a file in a directory that is there and yours.",
        )
    result = run_file(
        file,
        kind=kind,
        seconds=timeout,
        memory=None if memory is None else memory << 20,
        runtime=runtime,
        stdin=read_text(stdin) if stdin else "",
        allow_unsafe=allow_unsafe,
    )
    written = write_pictures(result, render) if render else []
    typer.echo(_execution_json(result, written))
    if not as_json:
        _show_execution(result, written, wanted=render)
    if result.status != "ok":
        raise typer.Exit(1)


runtimes = typer.Typer(
    help="Pinned environments in which generated charts run.", no_args_is_help=True
)
app.add_typer(runtimes, name="runtime")

RUNTIME_EXAMPLES = """
Examples:

\b
  viscodex runtime install current
  viscodex runtime install chartmimic
  viscodex runtime list
"""


@runtimes.command("install", epilog=RUNTIME_EXAMPLES)
def runtime_install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="current or chartmimic.")],
) -> None:
    """Make a pinned environment; quick when it is already there."""
    from viscodex.execute.runtime import install

    typer.echo(f"{name}: {install(name, progress=_say)}")


@runtimes.command("list", epilog=RUNTIME_EXAMPLES)
def runtime_list() -> None:
    """Which environments there are, and where."""
    from viscodex.execute.runtime import installed

    for name, place in installed().items():
        typer.echo(f"{name}: {place or 'not installed; viscodex runtime install ' + name}")


def _say(line: str) -> None:
    typer.echo(line, err=True)


# --- doctor, demo ---------------------------------------------------------------------------------


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """What this machine has: libraries, GPU, browser, isolation, languages; what is missing."""
    import json
    from dataclasses import asdict

    from viscodex.doctor import examine

    findings = examine()
    if as_json:
        typer.echo(json.dumps([asdict(f) for f in findings], indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "here", "for", "how to get it")
    for finding in findings:
        state = finding.value if finding.found else f"missing ({finding.value})"
        todo = "" if finding.found else finding.remedy
        table.add_row(
            finding.name,
            state,
            finding.purpose,
            escape(todo),
            style=None if finding.found else "yellow",
        )
    _console().print(table)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where to work.")] = Path(
        "demo"
    ),
) -> None:
    """Make a small trio of models, merge it, load the result in transformers, print the report."""
    from viscodex.nano.demo import run_demo

    run_demo(out, typer.echo)


# --- what people read -----------------------------------------------------------------------------


def _console() -> Any:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=140)


def _show_plan(plan: MergePlan) -> None:
    """Inputs, steps (layers of one kind together), sizes, notices."""
    from rich.markup import escape
    from rich.table import Column, Table

    from viscodex.merge.layout import layer_pattern

    console = _console()
    table = Table("input", "path", "tensors", "parameters", "used", "dropped", "not read")
    for use in plan.inputs:
        numbers = (use.n_tensors, use.n_parameters, use.used, use.dropped, use.unread)
        table.add_row(use.label, escape(use.path), *(f"{n:,}" for n in numbers))
    console.print(table)
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
    console.print(table)
    for name, rows in plan.rows.items():
        console.print(f"{name}: " + ", ".join(f"{n:,} {kind}" for kind, n in rows.items()))
    for notice in plan.notices:
        console.print(f"note: {notice}", markup=False, highlight=False)
    counts = ", ".join(f"{plan.count(a)} {w}" for a, w in _ACTIONS.items())
    console.print(
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
    _console().print(table)


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
    console = _console()
    console.print(table)
    facts = ", ".join(f"{key} {value}" for key, value in summary["sizes"].items())
    console.print(f"{facts}\nvocabulary: {summary['vocabulary']}\n")


def _execution_json(result: Execution, written: list[Path]) -> str:
    """As `to_json`, with each picture's size, hash and place instead of its bytes."""
    import hashlib
    import json

    from viscodex.types import to_json

    values = json.loads(to_json(replace(result, images=())))
    values["images"] = [
        {
            "width": int.from_bytes(picture[16:20], "big"),  # of the IHDR chunk
            "height": int.from_bytes(picture[20:24], "big"),
            "bytes": len(picture),
            "sha256": hashlib.sha256(picture).hexdigest(),
            "path": str(written[i]) if i < len(written) else None,
        }
        for i, picture in enumerate(result.images)
    ]
    return json.dumps(values, indent=1)


def _show_execution(result: Execution, written: list[Path], *, wanted: Path | None) -> None:
    """A summary for people; nothing that the program wrote reaches the terminal raw."""
    reason = f": {_printable(result.reason)}" if result.reason else ""
    isolation = f"isolation {result.tier}" if result.tier else "not run"
    _say(
        f"{result.status}{reason} ({result.seconds:.2f} s, {result.cpu_seconds:.2f} s CPU, {isolation})"
    )
    for path in written:
        _say(f"written: {path}")
    if wanted is not None and not written:
        _say(f"no picture: {wanted} is not written")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class _Progress:
    """Progress on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

    def __enter__(self) -> _Progress:
        import threading
        import time

        self._lock, self._clock = threading.Lock(), time.monotonic
        self._phase, self._start, self._said, self._first = "", 0.0, 0.0, 0
        self._bar: Any = None
        self._task: Any = None
        return self

    def update(self, phase: str, done: int, total: int) -> None:
        with self._lock:
            now = self._clock()
            if phase != self._phase:
                self._phase, self._start, self._said, self._first = phase, now, now, done
                self._open_bar(phase, total)
            if self._bar is not None:
                self._bar.update(self._task, completed=done)
            elif now - self._said > 10:
                self._said = now
                rate = (done - self._first) / (now - self._start)
                left = f"{(total - done) / rate:.0f} s left" if rate > 0 else ""
                sys.stderr.write(f"{phase}: {100 * done // max(1, total)} %, {left}\n")

    def _open_bar(self, phase: str, total: int) -> None:
        if not sys.stderr.isatty():
            return
        from rich import progress
        from rich.console import Console

        self._close()
        is_bytes = phase == "merging"
        columns: list[Any] = [progress.TextColumn("{task.description}"), progress.BarColumn()]
        if is_bytes:
            columns += [progress.DownloadColumn(), progress.TransferSpeedColumn()]
        else:
            columns += [progress.MofNCompleteColumn()]
        columns += [progress.TimeRemainingColumn()]
        self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(phase, total=total)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close()
        if kind is KeyboardInterrupt and self._phase == "merging":
            sys.stderr.write("interrupted: what is finished is kept; go on with --resume\n")

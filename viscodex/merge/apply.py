"""Carry out a merge: stream every tensor through its formula into the output directory.

in:  a recipe, or two checkpoints and lambda
out: a checkpoint in the VLM's layout, merge_report.json, a model card; the MergeReport
not covered: the formulas (methods.py), what happens to which tensor (plan.py)

One lane handles one tensor at a time, block by block: read, compute in float64, round once, write. Blocks depend on the tensor's shape alone, sums run in an order that depends on the models'
contents alone: so neither threads, shards, the order of the models nor an interruption changes a bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viscodex import __version__
from viscodex.errors import BadCheckpoint, BadRecipe, MergeRefused, MissingPart
from viscodex.files import write_atomically
from viscodex.merge.block import (
    NUMPY_DTYPES,
    BlockReader,
    aligned_empty,
    all_finite,
    bytes_of,
    keep_freed_memory,
    rounded,
    summed,
    widened,
)
from viscodex.merge.card import model_card
from viscodex.merge.checkpoint import (
    INDEX_FILE,
    TensorReader,
    fingerprint,
    hash_of_tensors,
    hash_tensor,
    index_json,
    new_hash,
    sidecars,
)
from viscodex.merge.geometry import UNRELATED, measure_geometry, unrelatedness
from viscodex.merge.kernels import fill_uniform
from viscodex.merge.methods import METHODS, Method
from viscodex.merge.output import Output, Sink, check_output, check_space, out_of_space, partial_of
from viscodex.merge.plan import SHARD_BYTES, Job, Work, block_elements, pieces, plan_work
from viscodex.recipe import MergeRecipe, check_recipe, read_recipe
from viscodex.types import MergeReport, TensorGeometry, TensorInfo, from_json, to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viscodex.merge.methods import Block

REPORT_FILE = "merge_report.json"
Progress = Callable[[str, int, int], None]
"""Called from any thread with a phase, what is done and what there is: tensors or bytes."""


def merge(
    vlm: str | os.PathLike[str] | None = None,
    code: str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    lam: Any = None,
    out: str | os.PathLike[str] | None = None,
    *,
    method: str | None = None,
    recipe: MergeRecipe | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    dtype: str | None = None,
    device: str = "cpu",
    threads: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    resume: bool = False,
    progress: Progress | None = None,
) -> MergeReport:
    """Merge a code model into the language model of a vision-language model.

    With the default method this is theta = lam * theta_vlm + (1 - lam) * theta_code for the
    language model, and the VLM's bytes for everything else (VisCodex, section 2).

    Args:
        vlm, code, base: checkpoint directories or hub names; `base` is the common ancestor, read
            only by methods in which it does not cancel.
        lam: weight of the VLM, 0 to 1; also a list over depth or rules by name. Default 0.7.
        out: directory to write; must not exist, or be empty.
        method: a name in `viscodex.merge.methods.METHODS`; default task_arithmetic.
        recipe: a recipe file, its data or a MergeRecipe, instead of vlm, code, base, lam, method.
        dtype: bfloat16, float16 or float32 for the output; default: as in the VLM.
        device: `cpu`, `cuda` or `cuda:N`, for the arithmetic.
        threads: default: the cores this process may use, at most 16.
        shard_bytes: limit for one output file.
        resume: go on after an interruption; the result has the bytes of an uninterrupted run.
        progress: called as the work goes on.

    Raises:
        ViscodexError: the tree in viscodex/errors.py; nothing is left under the name `out`.
    """
    if out is None:
        raise BadRecipe("a merge needs a place to write to", "out", "Give out=DIR.")
    given = {"vlm": vlm, "code": code, "base": base, "lam": lam, "merge_method": method}
    checked = _recipe(recipe, given, dtype)
    n_threads = threads or min(16, len(os.sched_getaffinity(0)))
    work = plan_work(checked, shard_bytes=shard_bytes, threads=n_threads)
    return apply(
        work, Path(out), device=device, threads=n_threads, resume=resume, progress=progress
    )


def _recipe(recipe: Any, given: Mapping[str, Any], dtype: str | None) -> MergeRecipe:
    values = {k: os.fspath(v) if isinstance(v, os.PathLike) else v for k, v in given.items()}
    values = {key: value for key, value in values.items() if value is not None}
    extra = {} if dtype is None else {"out_dtype": dtype}
    if recipe is None:
        return check_recipe(MergeRecipe, {**values, **extra}, where="arguments of merge")
    if values:
        raise BadRecipe(
            "a recipe and single arguments are given", ", ".join(values), "Put all into the recipe."
        )
    if isinstance(recipe, MergeRecipe):
        return recipe.model_copy(update=extra)
    if isinstance(recipe, Mapping):
        return check_recipe(MergeRecipe, {**recipe, **extra})
    overrides = [f"{key}={value}" for key, value in extra.items()]
    return read_recipe(MergeRecipe, Path(recipe), overrides)


def apply(
    work: Work,
    out: Path,
    *,
    device: str = "cpu",
    threads: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> MergeReport:
    """Carry out planned work; arguments and errors as for `merge`."""
    _check_device(device)
    report = progress or (lambda phase, done, total: None)
    with TensorReader() as reader:
        prints = {m.label: fingerprint(m.checkpoint, reader) for m in work.inputs}
        identity = _identity(work, prints)
        finished = _finished(work, out, identity) if resume else None
        if finished is not None:
            return finished
        check_output(out, [model.checkpoint.path for model in work.inputs])
        check_space(out, work.plan.output_bytes)
        with Output(out, work.shards, identity, resume=resume) as output:
            geometry, note = _geometry(work, threads, report)
            if resume and output.done:
                report("checking what is done", 0, len(output.done))
                output.verify(threads)
            _merge_tensors(work, prints, reader, output, device, threads, report)
            result = _report(work, output, identity, geometry, note)
            _write_rest(work, output, result)
            output.publish()
    return result


def _finished(work: Work, out: Path, identity: str) -> MergeReport | None:
    """The report of this very merge, if it was killed after its last step or ran to its end."""
    try:
        report = from_json(MergeReport, (out / REPORT_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    files = [(out / shard.name, shard.nbytes) for shard in work.shards]
    whole = all(file.is_file() and file.stat().st_size == nbytes for file, nbytes in files)
    if report.identity != identity or not whole:
        return None
    shutil.rmtree(partial_of(out), ignore_errors=True)
    return report


def _plain_recipe(recipe: MergeRecipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude_defaults=True, by_alias=True)


def _check_device(device: str) -> None:
    """The CPU needs numpy alone; anything else is torch's."""
    if device == "cpu":
        return
    try:
        import torch

        torch.empty(0, device=device)
    except ImportError as error:
        raise MissingPart(
            "merging on a GPU needs torch", f"--device {device}", "pip install 'viscodex[model]'"
        ) from error
    except (RuntimeError, AssertionError) as error:
        raise MissingPart(
            "the device is not there",
            f"--device {device}: {str(error).splitlines()[0]}",
            "Leave out --device to merge on the CPU: the result has the same bytes.",
        ) from error


def _identity(work: Work, prints: Mapping[str, str]) -> str:
    """Hash of all that decides the output's bytes; input paths and threads do not."""
    steps = [to_json(step) for step in work.plan.steps]
    facts = [
        __version__,
        work.recipe.seed,
        steps,
        [s.header.decode("latin-1") for s in work.shards],
    ]
    inputs = [
        [label, prints[label], [[i.file.stat().st_size, i.file.stat().st_mtime_ns] for i in files]]
        for label, files in (
            (m.label, {i.file: i for i in m.checkpoint.tensors.values()}.values())
            for m in work.inputs
        )
    ]
    return hashlib.sha256(json.dumps([facts, inputs]).encode()).hexdigest()


# --- geometry: is the base an ancestor at all? ----------------------------------------------------


def _geometry(work: Work, threads: int, report: Progress) -> tuple[tuple[TensorGeometry, ...], str]:
    models = [model for model in work.models if model is not work.base]
    origin, note = work.base, "task vectors: model - base"
    if origin is None:
        origin, note = work.target, "no base was given: differences from the VLM"
        models = [model for model in models if model is not work.target]
    if not models:
        return (), "one model only: nothing to compare"
    n = len(origin.language_model)
    done = [0]

    def step(count: int) -> None:
        done[0] += count
        report("comparing the models", done[0], n)

    rows = measure_geometry(origin, models, sample=True, threads=threads, progress=step)
    for model in models:
        ratio = unrelatedness(rows, model.label)
        if ratio > UNRELATED and work.base is not None:
            raise MergeRefused(
                f"the base is not an ancestor of the {model.label}",
                f"base: {origin.checkpoint.path}\n{model.label}: {model.checkpoint.path}\n"
                f"norm of the task vector relative to unrelated weights: {ratio:.2f} "
                f"(limit {UNRELATED}; unrelated models give 1, fine-tuned ones 0.0 to 0.3)",
                "Give the model that both were fine-tuned from.",
            )
        if ratio > UNRELATED:
            note += f"; {model.label} looks unrelated to the VLM ({ratio:.2f} of 1)"
    measured = max((row.n_measured for row in rows), default=0)
    whole = all(row.n_measured == row.n_elements for row in rows)
    return rows, note + ("; all elements" if whole else f"; a sample of {measured} a tensor")


# --- tensors --------------------------------------------------------------------------------------


class _Cancelled(Exception):
    """Another thread failed; this one stops quietly."""


def _merge_tensors(
    work: Work,
    prints: Mapping[str, str],
    reader: TensorReader,
    output: Output,
    device: str,
    threads: int,
    report: Progress,
) -> None:
    """All jobs, largest first, in lanes of two threads; the first error stops the rest."""
    total = sum(job.step.nbytes for job in work.jobs.values())
    todo = [job for name, job in work.jobs.items() if name not in output.done]
    done = [total - sum(job.step.nbytes for job in todo)]
    lock, stop = threading.Lock(), threading.Event()

    def advance(nbytes: int) -> None:
        if stop.is_set():
            raise _Cancelled
        with lock:
            done[0] += nbytes
        report("merging", done[0], total)

    def run(job: Job) -> None:
        with ThreadPoolExecutor(1, "merge-io") as io:
            task = TensorTask(job, work.recipe.seed, prints, reader, output, device, io, advance)
            with np.errstate(all="ignore"):  # what is not finite is found and named
                digest = task.run()
            output.finish_tensor(job.step.name, {"hash": digest, "inputs": task.input_hashes()})

    report("merging", done[0], total)
    keep_freed_memory()
    todo.sort(key=lambda job: -job.step.nbytes)
    with (
        ThreadPoolExecutor(threads, "merge") as lanes,
        ThreadPoolExecutor(1, "merge-copy") as copier,
    ):
        futures: list[Future[None]] = []
        try:
            for job in todo:
                futures.append((copier if job.is_byte_copy else lanes).submit(run, job))
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            for future in futures:
                future.cancel()
    errors = [f.exception() for f in futures if not f.cancelled() and f.exception() is not None]
    for error in sorted(errors, key=lambda e: isinstance(e, _Cancelled)):
        assert error is not None
        raise error


def _seed(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


class TensorTask:
    """One output tensor, from its sources to its bytes, in a lane of two threads.

    The calling thread computes block by block; the lane's other thread reads the next piece (some
    blocks of every source) and hashes and writes the last one meanwhile.
    """

    def __init__(
        self,
        job: Job,
        seed: int,
        prints: Mapping[str, str],
        reader: TensorReader,
        output: Sink,
        device: str,
        io: ThreadPoolExecutor,
        advance: Callable[[int], None],
    ) -> None:
        self.job, self._reader, self._output, self._io = job, reader, output, io
        self._advance, self._device = advance, device
        self._rows = job.alignment.rows if job.alignment else None
        self._covered = next(iter(self._rows.values())) >= 0 if self._rows else None
        self._width = math.prod(job.step.shape[1:])
        # a content-given order, whatever order the recipe lists the models in
        order = sorted(range(len(job.models)), key=lambda i: (prints[job.models[i][0]], i))
        labels = [job.models[i][0] for i in order]
        self._settings: dict[str, Any] = {
            key: tuple(value[i] for i in order) if isinstance(value, tuple) else value
            for key, value in job.step.settings.items()
        }
        self._seeds = [_seed(f"{seed} {job.canonical} {prints[label]}") for label in labels]
        self._models = [self._block_reader(*job.models[i]) for i in order]
        self._base = self._block_reader(job.base_label, job.base) if job.base else None
        self._own = BlockReader(reader, job.fallback) if self._rows else None
        self._digest = new_hash()
        dtypes = {one.info.dtype for one in self._sources()} | {job.step.dtype}
        self._is_plain_sum = (
            not job.is_copy
            and METHODS[job.step.method].is_sum
            and dtypes == {"BF16"}
            and device == "cpu"
        )

    def _block_reader(self, label: str, info: TensorInfo) -> BlockReader:
        return BlockReader(self._reader, info, self._rows.get(label) if self._rows else None)

    def run(self) -> str:
        """Write the tensor; the hash of its bytes."""
        job = self.job
        if job.is_byte_copy:
            self._copy()
            return str(self._digest.hexdigest())
        facts = {} if job.is_copy else self._facts()
        sources = self._sources()
        if self._rows is None:  # the last pass sees every byte once, in order
            for one in sources:
                one.digest = new_hash()
        written: list[Future[None]] = []
        for start, stop, arrays in self._pieces(sources):
            piece = aligned_empty(stop - start, NUMPY_DTYPES[job.step.dtype])
            for first in range(start, stop, block_elements(job)):
                last = min(stop, first + block_elements(job))
                blocks = [array[first - start : last - start] for array in arrays]
                piece[first - start : last - start] = self._block(first, last, blocks, facts)
            if not all_finite(piece) and not (job.is_copy and not np.isfinite(arrays[-1]).all()):
                self._refuse(start, stop)
            written.append(self._io.submit(self._write, start * piece.itemsize, bytes_of(piece)))
            if len(written) > 1:
                written.pop(0).result()
        for future in written:
            future.result()
        return str(self._digest.hexdigest())

    def _sources(self) -> list[BlockReader]:
        """Readers in the order in which `_block` takes their blocks."""
        own = [self._own] if self._own is not None else []
        return [*own, *([self._base] if self._base is not None else []), *self._models]

    def _pieces(
        self, readers: Sequence[BlockReader]
    ) -> Iterator[tuple[int, int, list[NDArray[Any]]]]:
        """(first element, end, arrays of all readers), the next one read meanwhile."""
        n, size = self.job.step.n_elements, block_elements(self.job) * pieces(self.job)

        def read(start: int) -> list[NDArray[Any]]:
            self._advance(0)
            return [one.read(start, min(n, start + size)) for one in readers]

        starts = range(0, n, size)
        ahead = self._io.submit(read, 0) if n else None
        for start in starts:
            assert ahead is not None
            arrays = ahead.result()
            ahead = self._io.submit(read, start + size) if start + size < n else None
            yield start, min(n, start + size), arrays

    def _write(self, start: int, data: memoryview) -> None:
        self._digest.update(data)
        self._output.write(self.job.step.name, start, data)
        self._advance(len(data))

    def _copy(self) -> None:
        """The bytes as they are, of any dtype."""
        info = self.job.source
        source = new_hash()
        buffer = bytes_of(aligned_empty(min(max(1, info.nbytes), 1 << 22), np.dtype(np.uint8)))
        for start in range(0, info.nbytes, len(buffer)):
            view = buffer[: min(len(buffer), info.nbytes - start)]
            self._reader.read_into(info, start, view)
            source.update(view)
            self._write(start, view)
        for one in self._sources():
            one.digest = source

    def _facts(self) -> dict[str, Any]:
        """What the formula must know about the whole tensor."""
        method = METHODS[self.job.step.method]
        if method.measure is None:
            return {}
        readers = [*([self._base] if self._base else []), *self._models]

        def blocks() -> Iterator[Block]:
            for start, stop, arrays in self._pieces(readers):
                for first in range(start, stop, block_elements(self.job)):
                    last = min(stop, first + block_elements(self.job))
                    wide = [widened(a[first - start : last - start]) for a in arrays]
                    if self._covered is not None:
                        there = self._covered[first // self._width : last // self._width]
                        wide = [a.reshape(-1, self._width)[there].reshape(-1) for a in wide]
                    yield (wide[0], wide[1:]) if self._base else (None, wide)

        n = self.job.step.n_elements
        if self._covered is not None:
            n = int(self._covered.sum()) * self._width
        return method.measure(blocks, n=n, **self._keywords(method))

    def _block(
        self, start: int, stop: int, blocks: list[NDArray[Any]], facts: Mapping[str, Any]
    ) -> NDArray[Any]:
        """One block of the output, rounded."""
        dtype = NUMPY_DTYPES[self.job.step.dtype]
        own = blocks.pop(0) if self._own is not None else None
        if self._is_plain_sum:
            base = blocks.pop(0) if self._base is not None else None
            result = summed(base, blocks, **self._keywords(METHODS[self.job.step.method]))
        else:
            wide: list[Any] = [widened(block) for block in blocks]
            values = wide[0] if self.job.is_copy else self._formula(start, stop, wide, facts)
            result = rounded(values, dtype)
        if own is not None and self._covered is not None:
            # rows whose token some model lacks are the VLM's
            missing = ~self._covered[start // self._width : stop // self._width]
            kept = own.reshape(-1, self._width)[missing]
            result.reshape(-1, self._width)[missing] = rounded(widened(kept), dtype)
        return result

    def _formula(self, start: int, stop: int, wide: list[Any], facts: Mapping[str, Any]) -> Any:
        method = METHODS[self.job.step.method]
        shape: tuple[int, ...] = (stop - start,)
        if method.whole_rows:
            is_vector = len(self.job.step.shape) < 2
            shape = (1, stop - start) if is_vector else (-1, self._width)
        wide = [self._place(array.reshape(shape)) for array in wide]
        base = wide.pop(0) if self._base is not None else None
        keywords = {**self._keywords(method), **method.fixed, **facts}
        if "density" in method.per_model and method.measure is None:
            keywords["uniform"] = lambda i: self._place(
                self._uniform(i, start, stop).reshape(shape)
            )
        values: Any = method.formula(base, wide, **keywords).reshape(-1)
        return values if self._device == "cpu" else values.cpu().numpy()

    def _place(self, array: NDArray[Any]) -> Any:
        if self._device == "cpu":
            return array
        import torch

        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _keywords(self, method: Method) -> dict[str, Any]:
        return {key: self._settings[key] for key in (*method.per_model, *method.shared)}

    def _uniform(self, i: int, start: int, stop: int) -> NDArray[np.float64]:
        """Numbers in [0, 1) for elements start to stop: a function of seed, tensor, model, place."""
        numbers = np.empty(stop - start)
        fill_uniform(self._seeds[i], start, numbers)
        return numbers

    def _refuse(self, start: int, stop: int) -> None:
        """Name the source of a value that is not finite, or say that the output dtype is too small."""
        job = self.job
        for label, info in [*job.models, *([(job.base_label, job.base)] if job.base else [])]:
            block = self._block_reader(label, info).read(start, stop)
            bad = np.flatnonzero(~np.isfinite(block))
            if len(bad):
                place, value = start + int(bad[0]), float(block[bad[0]])
                raise BadCheckpoint(
                    "a weight is not a finite number",
                    f"{info.file}: {info.name}, element {place} is {value} ({label})",
                    "The checkpoint is damaged: fetch it again, or train it again from before.",
                )
        raise MergeRefused(
            f"a merged weight is too large for {job.step.dtype}",
            f"{job.step.name}, among elements {start} to {stop - 1}",
            "Write another dtype (out_dtype: bfloat16), or use smaller coefficients.",
        )

    def input_hashes(self) -> dict[str, dict[str, str]]:
        """label -> tensor -> hash of the tensor's bytes, for all that was read."""
        hashes = {one.info: one.digest for one in self._sources()}
        named: list[tuple[str, TensorInfo]] = list(self.job.models)
        if self.job.base is not None:
            named.append((self.job.base_label, self.job.base))
        if self._own is not None:
            named.append(("vlm", self.job.fallback))
        found: dict[str, dict[str, str]] = {}
        for label, info in named:
            digest = hashes.get(info)  # None where rows were read in another order
            value = hash_tensor(self._reader, info) if digest is None else digest.hexdigest()
            found.setdefault(label, {})[info.name] = value
        return found


# --- the rest of the directory --------------------------------------------------------------------


def _report(
    work: Work, output: Output, identity: str, geometry: Sequence[TensorGeometry], note: str
) -> MergeReport:
    hashes: dict[str, dict[str, str]] = {model.label: {} for model in work.inputs}
    for entry in output.done.values():
        for label, tensors in entry["inputs"].items():
            hashes[label].update(tensors)
    tensor_hashes = {name: output.done[name]["hash"] for name in work.jobs}
    parameters: dict[str, int] = {}
    for step in work.plan.steps:
        parameters[step.action] = parameters.get(step.action, 0) + step.n_elements
    parameters["output"] = sum(job.step.n_elements for job in work.jobs.values())
    plan = work.plan
    return MergeReport(
        viscodex_version=__version__,
        identity=identity,
        method=plan.method,
        recipe=_plain_recipe(work.recipe),
        inputs=plan.inputs,
        counts={action: plan.count(action) for action in ("merge", "copy", "add", "drop")},
        parameters=parameters,
        rows=plan.rows,
        notices=plan.notices,
        input_hashes={k: hash_of_tensors(v) if v else "not read" for k, v in hashes.items()},
        output_hash=hash_of_tensors(tensor_hashes),
        tensor_hashes=tensor_hashes,
        geometry=tuple(geometry),
        geometry_note=note,
        steps=plan.steps,
    )


def _write_rest(work: Work, output: Output, report: MergeReport) -> None:
    """Sidecars, config, report, card; the index last: without it, shards are no model."""
    source = work.target.checkpoint.path
    with out_of_space(output.out):
        for relative in sidecars(work.target.checkpoint):
            place = output.folder / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / relative, place)
        if (source / "README.md").is_file():
            shutil.copyfile(source / "README.md", output.folder / "README.vlm.md")
        if work.config is not None:
            text = json.dumps(work.config, indent=2, ensure_ascii=False) + "\n"
            write_atomically(output.folder / "config.json", text)
        write_atomically(output.folder / REPORT_FILE, to_json(report, indent=1) + "\n")
        write_atomically(output.folder / "README.md", model_card(report))
        if len(work.shards) > 1:
            write_atomically(output.folder / INDEX_FILE, index_json(work.shards))

"""Who makes the parts: datatrove's executors on this machine, on Ray or on Slurm.

in:  the parts of a round
out: all of them finished, or one error; on Slurm, jobs that are under way
not covered: what a task does (blocks.py)

Which parts are finished is for their reports to say; datatrove's own markers are made to agree.
A worker process that is killed (the kernel does so where memory runs out) would leave datatrove's
local pool waiting for ever; that is noticed (losses.py), and the round is begun again.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.executor.ray import RayPipelineExecutor
from datatrove.executor.slurm import SlurmPipelineExecutor
from loguru import logger

from viscodex import errors
from viscodex.data.blocks import pipeline
from viscodex.data.losses import Lost, enrol, watched
from viscodex.data.parts import Part, Workplace
from viscodex.data.progress import Tracker
from viscodex.data.recipe import DataRecipe
from viscodex.data.sources import BUGS
from viscodex.data.workers import keep_until_exit, kept_machines
from viscodex.errors import BuildFailed, MissingPart, ViscodexError
from viscodex.files import write_atomically

MAX_LOSSES = 2  # worker processes that may be killed in a round, before the build gives up
TASK_FAILURES = (*BUGS, OSError, RuntimeError)
"""What a task may end with that is no error of ours; it becomes a BuildFailed."""


class _Local(LocalPipelineExecutor):  # type: ignore[misc]
    place: Workplace

    def _launch_run_for_rank(self, *args: Any, **how: Any) -> Any:
        logger.disable("datatrove")  # in the worker, where it is imported anew
        if self.workers > 1:
            enrol(self.place)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
            keep_until_exit()
        return super()._launch_run_for_rank(*args, **how)


class _Ray(RayPipelineExecutor):  # type: ignore[misc]
    def _run_for_rank(self, *args: Any, **how: Any) -> Any:
        logger.disable("datatrove")
        return super()._run_for_rank(*args, **how)


def make_parts(
    recipe: DataRecipe, place: Workplace, parts: Sequence[Part], tracker: Tracker, *, resubmit: bool
) -> bool:
    """Make the parts that are not there yet.

    Returns:
        Whether all are finished: False only on Slurm, where jobs are under way.

    Raises:
        MissingPart, BadRecipe, NotEnoughSpace: as the tasks do.
        BuildFailed: workers were killed, or a task failed otherwise.
    """
    logs = place.logs / f"round-{parts[0].round}"
    if not _mark_finished(place, parts, logs):
        return True
    place.progress.mkdir(parents=True, exist_ok=True)
    for beat in tracker.lost():
        (place.progress / f"{beat.report.part.name}.json").unlink(missing_ok=True)
    with _hushed():
        finished = MAKERS[recipe.executor](recipe, place, tuple(parts), tracker, logs, resubmit)
    missing = [part for part in parts if place.read_report(part) is None]
    if finished and missing:
        raise _failure(place, missing)
    return not missing


def _mark_finished(place: Workplace, parts: Sequence[Part], logs: Path) -> int:
    """Make datatrove's markers agree with the reports; how many parts are missing."""
    folder = logs / "completions"
    folder.mkdir(parents=True, exist_ok=True)
    missing = 0
    for rank, part in enumerate(parts):
        marker = folder / f"{rank:05d}"
        if place.read_report(part) is not None:
            marker.touch()
        else:
            missing += 1
            marker.unlink(missing_ok=True)
            place.failure(part).unlink(missing_ok=True)
    return missing


def _failure(place: Workplace, missing: Sequence[Part]) -> ViscodexError:
    """The error of the first part that left a note; else that parts are missing."""
    for part in missing:
        with contextlib.suppress(OSError, ValueError):
            note = json.loads(place.failure(part).read_text())
            kind = getattr(errors, note["error"], None)
            if isinstance(kind, type) and issubclass(kind, ViscodexError):
                return kind(*note["args"])
            last = note["trace"].strip().splitlines()[-1]
            return BuildFailed(
                "a task of the build failed",
                f"part {part.name}: {last}",
                f"The whole trace is in {place.failure(part)}. Finished parts are kept.",
            )
    return BuildFailed(
        "tasks of the build ended without their parts",
        f"{len(missing)} parts, the first is {missing[0].name}",
        f"See the logs in {place.logs}; give the same command again to go on.",
    )


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    logger.disable("datatrove")
    try:
        yield
    finally:
        logger.enable("datatrove")


def worker_count(recipe: DataRecipe) -> int:
    """Parts at once on this machine."""
    return recipe.workers or len(os.sched_getaffinity(0))


# --- this machine ---------------------------------------------------------------------------------


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_forks_end_with_us = False


def _end_with_parent() -> None:
    """In a fork of this process: the kernel ends it when its parent dies."""
    if _forks_end_with_us:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if sys.platform == "linux":
    os.register_at_fork(after_in_child=_end_with_parent)


@contextlib.contextmanager
def _no_orphans() -> Iterator[None]:
    """datatrove's local executor forks a process for its queues, which a kill would leave behind."""
    global _forks_end_with_us
    _forks_end_with_us = True
    try:
        yield
    finally:
        _forks_end_with_us = False


def _make_here(
    recipe: DataRecipe,
    place: Workplace,
    parts: tuple[Part, ...],
    tracker: Tracker,
    logs: Path,
    resubmit: bool,
) -> bool:
    workers = min(worker_count(recipe), len(parts))
    for loss in range(MAX_LOSSES + 1):
        executor = _Local(
            pipeline(recipe, parts, place), tasks=len(parts), workers=workers, logging_dir=str(logs)
        )
        executor.place = place
        watch = watched(tracker, parts) if workers > 1 else contextlib.nullcontext()
        try:
            with kept_machines(), _no_orphans(), watch:
                executor.run()
            return True
        except Lost as lost:
            if all(place.read_report(part) is not None for part in parts):
                return True  # it was killed when its work was done
            if loss == MAX_LOSSES:
                raise BuildFailed(
                    f"a worker process was killed, {loss + 1} times",
                    str(lost),
                    "Most often memory ran out: try fewer workers (workers=1), and give the same "
                    "command again. Finished parts are kept.",
                ) from None
        except ViscodexError as error:
            raise error from None  # without the trace of the worker
        except TASK_FAILURES as error:
            missing = [part for part in parts if place.read_report(part) is None]
            raise _failure(place, missing) from error
    return False


# --- Ray ------------------------------------------------------------------------------------------


def _make_on_ray(
    recipe: DataRecipe,
    place: Workplace,
    parts: tuple[Part, ...],
    tracker: Tracker,
    logs: Path,
    resubmit: bool,
) -> bool:
    try:
        import ray
    except ImportError as error:
        raise MissingPart(
            "Ray is not installed", "executor: ray", "pip install 'viscodex[ray]'"
        ) from error
    workers = worker_count(recipe) if recipe.ray.address is None else recipe.workers or -1
    begun = not ray.is_initialized()
    if begun:
        local: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
        local = {} if recipe.ray.address else local
        ray.init(
            address=recipe.ray.address, log_to_driver=False, logging_level=logging.ERROR, **local
        )
    try:
        _Ray(
            pipeline(recipe, parts, place),
            tasks=len(parts),
            workers=workers,
            logging_dir=str(logs),
            mem_per_cpu_gb=recipe.ray.mem_per_cpu_gb,
        ).run()
    finally:
        if begun:
            ray.shutdown()
    return True


# --- Slurm ----------------------------------------------------------------------------------------


def _make_on_slurm(
    recipe: DataRecipe,
    place: Workplace,
    parts: tuple[Part, ...],
    tracker: Tracker,
    logs: Path,
    resubmit: bool,
) -> bool:
    """Submit an array of jobs, once for a round; who asks again is told how far it is."""
    submitted = logs / "submitted.json"
    if submitted.exists() and not resubmit:
        return False
    executor = slurm_executor(recipe, place, parts, logs)
    try:
        executor.run()
    except FileNotFoundError as error:
        raise MissingPart(
            "Slurm's commands are not on this machine",
            f"executor: slurm; {error.filename}",
            f"The script is written: {logs / 'launch_script.slurm'}. Give the same command on a "
            "login node of the cluster that sees this folder.",
        ) from error
    write_atomically(submitted, json.dumps({"job": str(executor.job_id)}))
    return False


def slurm_executor(
    recipe: DataRecipe, place: Workplace, parts: tuple[Part, ...], logs: Path
) -> SlurmPipelineExecutor:
    """The executor that submits the parts as an array of jobs."""
    own = recipe.slurm
    here = Path(sys.executable).parent
    return SlurmPipelineExecutor(
        pipeline(recipe, parts, place),
        tasks=len(parts),
        workers=recipe.workers or -1,
        time=own.time,
        partition=own.partition,
        qos=own.qos,
        cpus_per_task=own.cpus_per_task,
        mem_per_cpu_gb=own.mem_per_cpu_gb,
        env_command=own.env_command or f'export PATH="{here}:$PATH"',
        sbatch_args=dict(own.sbatch_args),
        with_srun=own.srun,
        job_name=f"viscodex-{place.out.name}",
        logging_dir=str(logs.absolute()),
    )


Maker = Callable[
    [DataRecipe, Workplace, tuple[Part, ...], Tracker, Path, bool],
    bool,
]
MAKERS: dict[str, Maker] = {"local": _make_here, "ray": _make_on_ray, "slurm": _make_on_slurm}
"""Executor of a recipe -> what runs its parts."""

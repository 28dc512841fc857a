"""Scoring recorded answers: a run folder that grows, survives, and resumes.

in:  a benchmark, the answers of some system
out: scores as they come and the reports, in a run folder (folder.py, kept.py)
not covered: getting answers from a model (evaluate/), pages for people (report)
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from viscodex import __version__
from viscodex.errors import IsolationMissing, RunStopped, ViscodexError
from viscodex.files import write_atomically
from viscodex.tasks import summary
from viscodex.tasks.folder import Key, RunFolder, hash_of, key_of
from viscodex.tasks.kept import keep_inputs, keep_items
from viscodex.tasks.task import Benchmark, Item, Judge, ProtocolName, Scorer, Task
from viscodex.text import read_answer
from viscodex.types import Answer, Completion, Report, Score, to_json

Progress = Callable[[str, int, int], None]

FAULTS = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError,
    MemoryError, RuntimeError,
)  # fmt: skip
"""What a hostile answer might bring our own code to raise: it costs that answer its score, no more."""


def score_answers(
    task: Task,
    benchmark: Benchmark,
    answers: Mapping[str, Sequence[Completion]],
    place: Path,
    *,
    protocols: Sequence[ProtocolName] = ("paper", "strict"),
    workers: int | None = None,
    pictures: bool = True,
    settings: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress = lambda phase, done, total: None,
    before: Callable[[Sequence[tuple[Item, Answer]]], None] = lambda left: None,
    **how: Any,
) -> dict[ProtocolName, Report]:
    """Score all answers, append each as it comes, sum up.

    Args:
        answers: sample id -> completions; ids that the benchmark does not have are an error of
            the caller (see unknown_ids).
        place: of the run; an unfinished one of the same benchmark goes on.
        workers: answers at once; None takes the number of cores.
        pictures: keep what was drawn in RUN/pictures.
        settings: further facts for the report: the system's name, the answers' file, ...
        identity: what a resumed run must agree in beside benchmark, protocols and judge.
        about: what else run.json shall say: where the data lie, ...
        before: called with what is left to score, before any of it is.
        how: further arguments of the task's scorer.

    Raises:
        OutputRefused: the place has something else.
        RunStopped: the judge's budget is spent or it cannot be reached; the run can go on.
        MissingPart: a runtime or isolation that all scores need is not there.
    """
    workers = workers or len(os.sched_getaffinity(0))
    folder = RunFolder(place)
    judge = how.get("judge")
    done = folder.open(identity_of(benchmark, protocols, judge, identity), about)
    wanted = [
        (item, read_answer(item.id, completion, task.language, attempt))
        for item in benchmark.items
        for attempt, completion in enumerate(answers.get(item.id, ()))
    ]
    if pictures:
        keep_inputs(place, benchmark.items)
    how |= {
        "workers": workers,
        "pictures": place / "pictures" if pictures else None,
        "executions": place / "executions",
    }
    with task.scorer(benchmark, protocols=protocols, **how) as scorer:
        basis = _basis(scorer)
        final = {k for k, one in done.items() if one.basis == basis and not _asks_again(one)}
        left = [one for one in wanted if not final.issuperset(_keys(*one, protocols))]
        before(left)
        facts = {**_versions(benchmark), **scorer.settings, **_usage(answers), **(settings or {})}
        with folder.scores.open("ab") as file:
            _score_all(scorer, basis, left, protocols, workers, file, done, progress, len(wanted))
    keys = {key for one in wanted for key in _keys(*one, protocols)}
    scores = [score for key, score in done.items() if key in keys]
    reports = {
        protocol: report(
            task, benchmark, [s for s in scores if s.protocol == protocol], protocol, facts
        )
        for protocol in protocols
    }
    values = {p: _values(task, benchmark, r.rows)[1] for p, r in reports.items()}
    keep_items(place, benchmark.items, answers, values)
    said = {name: json.loads(to_json(replace(one, rows=()))) for name, one in reports.items()}
    write_atomically(place / "report.json", json.dumps(said, indent=1))
    return reports


def identity_of(
    benchmark: Benchmark,
    protocols: Sequence[ProtocolName],
    judge: Judge | None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a resumed run must agree in: the top of run.json."""
    return {
        "task": benchmark.task,
        "revision": benchmark.revision,
        "protocols": list(protocols),
        "judge": judge.identity if judge else None,
        **(more or {}),
    }


def _basis(scorer: Scorer) -> str:
    """Hash of what scores depend on beside the answer: versions, render stamp, limits, judge."""
    told = json.dumps([__version__, scorer.settings], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _usage(answers: Mapping[str, Sequence[Completion]]) -> dict[str, Any]:
    """What the answers took, as far as they say it."""
    each = [one for completions in answers.values() for one in completions]
    usage: dict[str, Any] = {"answers": len(each), "failed": sum(bool(c.error) for c in each)}
    for name in ("prompt_tokens", "completion_tokens", "seconds"):
        known = [value for c in each if (value := getattr(c, name)) is not None]
        if known:
            usage[name] = round(sum(known), 3)
    return {"usage": usage}


def _asks_again(score: Score) -> bool:
    """The judge could not be asked: a later session tries once more."""
    told = score.detail.get("judge")
    return isinstance(told, dict) and bool(told.get("again"))


def _keys(item: Item, answer: Answer, protocols: Sequence[ProtocolName]) -> list[Key]:
    hashed = hash_of(answer.completion)
    return [(item.id, answer.attempt, protocol, hashed) for protocol in protocols]


def _score_all(
    scorer: Scorer,
    basis: str,
    left: Sequence[tuple[Item, Answer]],
    protocols: Sequence[ProtocolName],
    workers: int,
    file: Any,
    done: dict[Key, Score],
    progress: Progress,
    total: int,
) -> None:
    """Score in threads, write in order of arrival."""
    lock, n_done = threading.Lock(), total - len(left)
    progress("scoring", n_done, total)
    waiting = iter(left)
    with ThreadPoolExecutor(workers) as threads:
        running: set[Future[tuple[Score, ...]]] = set()
        try:
            while True:
                while len(running) < 2 * workers and (one := next(waiting, None)):
                    running.add(threads.submit(score_one, scorer, *one, protocols))
                if not running:
                    return
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    with lock:
                        for found in future.result():
                            score = replace(found, basis=basis)
                            file.write(to_json(score).encode() + b"\n")
                            done[key_of(score)] = score
                        file.flush()
                    n_done += 1
                    progress("scoring", n_done, total)
        except BaseException:
            for future in running:
                future.cancel()
            raise


def score_one(
    scorer: Scorer, item: Item, answer: Answer, protocols: Sequence[ProtocolName]
) -> tuple[Score, ...]:
    """The scores of one answer; a fault of the scorer is an unscored answer, with its reason."""
    hashed = hash_of(answer.completion)
    if answer.completion.error:
        return _without_values(item, answer, protocols, "missing", answer.completion.error, hashed)
    try:
        scores = scorer.score(item, answer)
    except (IsolationMissing, RunStopped):  # true of every answer: nothing is hidden by stopping
        raise
    except ViscodexError as error:
        reason = f"{type(error).__name__}: {error.what}: {error.where}"
    except FAULTS as error:
        reason = f"fault of the scorer: {type(error).__name__}: {error}"
    else:
        return tuple(replace(score, answer_hash=hashed) for score in scores)
    return _without_values(item, answer, protocols, "unscored", reason, hashed)


def _without_values(
    item: Item,
    answer: Answer,
    protocols: Sequence[ProtocolName],
    status: str,
    reason: str,
    hashed: str,
) -> tuple[Score, ...]:
    """The rows of an answer that is missing or could not be scored."""
    missing = status == "missing"
    return tuple(
        Score(
            item.id, {}, " ".join(reason.split())[:300], status,
            "none" if missing else answer.problem, () if missing else answer.notes,
            answer.attempt, protocol, hashed,
        )
        for protocol in protocols
    )  # fmt: skip


def _versions(benchmark: Benchmark) -> dict[str, Any]:
    told = json.dumps([[m.role, m.content] for item in benchmark.items for m in item.prompt])
    return {
        "benchmark": benchmark.task,
        "revision": benchmark.revision,
        "place": Path(benchmark.place).name,
        "prompts": hashlib.sha256(told.encode()).hexdigest()[:16],
        "viscodex": __version__,
        "python": platform.python_version(),
        **benchmark.settings,
    }


def report(
    task: Task,
    benchmark: Benchmark,
    scores: Sequence[Score],
    protocol: ProtocolName,
    settings: Mapping[str, Any],
) -> Report:
    """Sum up the scores of one protocol."""
    by_item, rows = _values(task, benchmark, scores)
    unscored = Counter(s.reason or "no reason given" for s in scores if s.status in _NO_VALUE)
    return Report(
        task=benchmark.task,
        protocol=protocol,
        n=len(benchmark.items),
        n_answered=len(rows),
        headline=task.headline,
        metrics=summary.means(benchmark.items, rows),
        groups=summary.groups(benchmark.items, rows, task.headline),
        problems=_problems(benchmark, by_item, scores),
        statuses=dict(sorted(Counter(s.status for s in scores if s.status).items())),
        unscored=dict(unscored.most_common(50)),
        settings=dict(settings),
        totals=task.totals(benchmark, by_item, protocol),
        rows=tuple(scores),
    )


def _values(
    task: Task, benchmark: Benchmark, scores: Sequence[Score]
) -> tuple[dict[str, list[Score]], dict[str, dict[str, float]]]:
    """The scores of each answered item in order of its answers, and its values over them."""
    by_item: dict[str, list[Score]] = defaultdict(list)
    for score in sorted(scores, key=lambda s: (s.sample_id, s.attempt)):
        if score.status != "missing":
            by_item[score.sample_id].append(score)
    rows = {
        item.id: task.values(item, by_item[item.id])
        for item in benchmark.items
        if item.id in by_item
    }
    return by_item, rows


_NO_VALUE = ("unscored", "missing")
_WRITTEN = ("empty", "no_fence", "several_fences", "prose")  # notes of text.py


def _problems(
    benchmark: Benchmark, by_item: Mapping[str, Sequence[Score]], scores: Sequence[Score]
) -> dict[str, int]:
    """What was wrong with answers, and how they were written; unanswered items too."""
    found: Counter[str] = Counter(s.problem for s in scores if s.problem != "none")
    found.update(note for s in scores for note in s.notes if note in _WRITTEN)
    found["unanswered"] = sum(item.id not in by_item for item in benchmark.items)
    return {name: n for name, n in sorted(found.items()) if n}


def unknown_ids(benchmark: Benchmark, answers: Mapping[str, Any]) -> list[str]:
    """Ids of answers to no item of the benchmark."""
    known = {item.id for item in benchmark.items}
    return [name for name in answers if name not in known]

"""How well a member of the family does on held-out samples: sees, reads, and writes code that runs.

in:  a model, the held-out data sets of a family's folder
out: Figures: execution and ChartMimic, Design2Code, pass@1, reading, each with its interval; losses of answers
     (of problems apart too: those whose solution stands in the family's own data, and the others)
not covered: published benchmarks (viscodex eval); making the data (family.py)

The samples come from seeds that no training set has. Each is asked with the prompt of its own sample;
the scorers are those of viscodex score.
"""

from __future__ import annotations

import difflib
import json
import re
import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from viscodex.data.store import open_dataset
from viscodex.errors import BadInput
from viscodex.files import whole_lines, write_atomically
from viscodex.models.model import Decoding, Model, Prompt
from viscodex.models.replay import Replay, record
from viscodex.nano.texts import InWords
from viscodex.tasks.from_samples import benchmark_of_samples
from viscodex.tasks.run import score_answers
from viscodex.tasks.summary import interval
from viscodex.tasks.task import task
from viscodex.types import Completion, Report, Sample

CHART = ("exec_rate", "low_level", "text", "layout", "type", "color")
PAGE = ("block_match", "text", "position", "color")


@dataclass(frozen=True, slots=True)
class Written:
    """A kind of held-out samples whose answers are code."""

    data: str  # folder of the held-out samples
    task: str  # benchmark whose scorer counts
    metrics: tuple[str, ...]
    max_tokens: int  # of an answer
    in_words: bool = False  # asked for by a description, as nano-code was


WRITTEN = {
    "charts": Written("charts", "chartmimic", CHART, 900),
    "pages": Written("pages", "design2code", PAGE, 600),
    "problems": Written("problems", "mmcode", ("pass@1",), 500),
    "middle": Written("middle", "chartmimic", CHART, 900),
    "drawn": Written("drawn", "mmcode", ("pass@1",), 500),
    "chart_words": Written("charts", "chartmimic", CHART, 900, in_words=True),
    "page_words": Written("pages", "design2code", PAGE, 600, in_words=True),
}
"""middle: charts of the full grammar, which no training set has; drawn: problems that rest on a picture."""

MAIN = ("charts", "pages", "problems")
KINDS = (*MAIN, "reading", "middle", "drawn")
WITHOUT_EYES = ("problems", "chart_words", "page_words")
"""What a model that has never seen a picture is measured on."""

ALL = (*WRITTEN, "reading")

MAX_TOKENS = {**{name: how.max_tokens for name, how in WRITTEN.items()}, "reading": 400}
SEEN = ("ocr", "table", "describe", "question")
"""Tasks whose answers are compared as text."""

CLOSE = 0.05
"""Of a number that counts as read: how far it may be from the right one, relative to it."""

LOSSES = {
    "charts": ("charts", ("code",)),
    "pages": ("pages", ("code",)),
    "problems": ("problems", ("code",)),
    "seeing": ("charts", SEEN),
}
"""Kind of answer -> data set and tasks. `seeing` is all that is asked of a chart but its code."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one model."""

    data: str  # a name of WRITTEN, or reading
    metric: str
    value: float  # 0 .. 1
    low: float  # 95 % bootstrap interval over samples
    high: float
    n: int


def measure(
    model: Model,
    held_out: Path,
    place: Path,
    n: int,
    say: Callable[[str], None],
    kinds: Sequence[str] = (*MAIN, "reading"),
) -> list[Figure]:
    """All figures of a model; what was measured before on as many samples is read.

    Args:
        held_out: folder with the data sets charts, pages, problems; beside it `data`, those of training.
        place: folder of the answers and scores.
        n: samples of each kind.

    Raises:
        BadInput: no such kind; or what lies in `place` was measured of other weights.
    """
    if unknown := [kind for kind in kinds if kind not in ALL]:
        raise BadInput("there is no such kind", ", ".join(unknown), f"Known are {', '.join(ALL)}.")
    _claim(place, model)
    figures: list[Figure] = []
    for kind in kinds:
        file = place / f"{kind}.json"
        row: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"n": 0}
        if row["n"] < n:
            if row["n"]:  # scores of fewer samples go, their answers stay
                shutil.rmtree(_run_of(place, kind), ignore_errors=True)
            found = _read(model, held_out, place, n) if kind == "reading" else _write(model, kind, held_out, place, n)  # fmt: skip
            row = {"n": n, "figures": [asdict(figure) for figure in found]}
            write_atomically(file, json.dumps(row, indent=1))
        known = [Figure(**figure) for figure in row["figures"]]
        told = ", ".join(f"{f.metric} {f.value:.3g}" for f in known)
        say(f"{model.name}: {kind}: {told}")
        figures += known
    return figures


def read_figures(place: Path) -> list[dict[str, Any]]:
    """The rows of all that was measured of a member, kind by kind; empty where nothing was."""
    files = [place / f"{kind}.json" for kind in ALL]
    return [row for f in files if f.exists() for row in json.loads(f.read_text())["figures"]]


def kinds_for(held_out: Path, sees: bool) -> list[str]:
    """What can be measured on these held-out samples."""
    kinds = KINDS if sees else WITHOUT_EYES
    data = {kind: WRITTEN[kind].data if kind in WRITTEN else "charts" for kind in kinds}
    return [kind for kind in kinds if (held_out / data[kind]).exists()]


def losses(
    model: Model, held_out: Path, file: Path, n: int, kinds: Sequence[str] = tuple(LOSSES)
) -> dict[str, list[float]]:
    """The loss of each of n held-out answers of every kind, nats a token; from `file` where they are there.

    Raises:
        BadInput: the model is behind an endpoint, or cannot take a sample; or `file` is of other weights.
    """
    _claim(file.parent, model)
    known: dict[str, list[float]] = json.loads(file.read_text()) if file.exists() else {}
    found = {}
    for kind in kinds:
        name, tasks = LOSSES[kind]
        data = open_dataset(held_out / name)
        places = [row.index for row in data.rows() if row.task in tasks][:n]
        there = known.get(kind, [])
        found[kind] = there if len(there) == len(places) else _losses(model, [data[k] for k in places])  # fmt: skip
    if found != known:
        write_atomically(file, json.dumps(found))
    return found


def _claim(place: Path, model: Model) -> None:
    """Let a folder be of this model's weights alone, wherever they lie."""
    place.mkdir(parents=True, exist_ok=True)
    file, identity = place / "model.json", dict(model.identity)
    known = json.loads(file.read_text("utf-8")) if file.exists() else None
    for each in (identity, known or {}):
        if "weights" in each:
            each.pop("model", None)  # a path
    if known is None:
        write_atomically(file, json.dumps(identity, indent=1, sort_keys=True))
    elif known != identity:
        raise BadInput(
            "what was measured there is of other weights",
            f"{place}, not of {model.name}",
            "Remove that folder, or move it away.",
        )


def _losses(model: Model, samples: Sequence[Sample]) -> list[float]:
    from viscodex.models.likelihood import AnswerLosses
    from viscodex.models.local import LocalModel

    if not isinstance(model, LocalModel):
        raise BadInput("only a local model tells a loss", model.name, "Give a checkpoint.")
    found = AnswerLosses(model).of(samples)
    refused = [sample.id for sample, loss in zip(samples, found, strict=True) if loss is None]
    if refused:
        raise BadInput("the model cannot take these samples", f"{model.name}: {', '.join(refused)}")
    return [loss for loss in found if loss is not None]


# --- code -----------------------------------------------------------------------------------------


def _write(model: Model, kind: str, held_out: Path, place: Path, n: int) -> list[Figure]:
    how, tokens = WRITTEN[kind], MAX_TOKENS[kind]
    data = open_dataset(held_out / how.data)
    if how.in_words:
        asked = InWords(data)
        samples = [asked[k] for k in range(min(n, len(asked)))]
    else:
        samples = [data[row.index] for row in data.rows() if row.task == "code"][:n]
    benchmark = benchmark_of_samples(how.task, samples)
    answers = _answers(model, samples, place / f"{kind}.jsonl", tokens)
    by_id = {item.id: [answers[s.id]] for item, s in zip(benchmark.items, samples, strict=True)}
    run = _run_of(place, kind)
    run.parent.mkdir(parents=True, exist_ok=True)
    reports = score_answers(
        task(benchmark.task), benchmark, by_id, run, protocols=("paper",), workers=2
    )
    figures = _figures(kind, reports["paper"])
    learnt = held_out.parent / "data" / how.data
    if kind == "problems" and learnt.exists():
        figures += _apart(
            kind, samples, reports["paper"], {s.reference for s in open_dataset(learnt)}
        )
    return figures


def _run_of(place: Path, kind: str) -> Path:
    """The scores of a kind; `viscodex report` and `compare` read one run of a benchmark in `place` itself."""
    return place / kind if kind in MAIN else place / "more" / kind


def _figures(kind: str, report: Report) -> list[Figure]:
    known = [name for name in WRITTEN[kind].metrics if name in report.metrics]
    return [
        Figure(kind, name, mean.all, mean.low, mean.high, report.n)
        for name in known
        for mean in (report.metrics[name],)
    ]


def _figure(data: str, metric: str, values: Sequence[float]) -> Figure:
    """The mean of some samples; one alone has no interval but itself."""
    ends = interval(values) if len(values) > 1 else (values[0], values[0])
    return Figure(data, metric, fmean(values), *ends, len(values))


def _apart(
    kind: str, samples: Sequence[Sample], report: Report, learnt: Container[str]
) -> list[Figure]:
    """The first metric on problems whose solution the data of the folder do not have, and on those new in words only."""
    metric = WRITTEN[kind].metrics[0]
    values = {row.sample_id: row.values.get(metric, 0.0) for row in report.rows}
    found = []
    for known, name in ((False, "solution not in data"), (True, "solution in data")):
        mine = [values.get(s.id, 0.0) for s in samples if (s.reference in learnt) is known]
        if mine:
            found.append(_figure(kind, f"{metric}, {name}", mine))
    return found


# --- reading --------------------------------------------------------------------------------------


def _read(model: Model, held_out: Path, place: Path, n: int) -> list[Figure]:
    """How much of the text of an answer about a picture is right, by task."""
    figures = []
    for kind in ("charts", "pages"):
        data = open_dataset(held_out / kind)
        for name in SEEN:
            places = [row.index for row in data.rows() if row.task == name][:n]
            if not places:
                continue
            samples = [data[k] for k in places]
            answers = _answers(
                model, samples, place / f"{kind}-{name}.jsonl", MAX_TOKENS["reading"]
            )
            pairs = [(answers[s.id].text, _first_answer(s)) for s in samples]
            scores = {name: [_alike(name, said, wanted) for said, wanted in pairs]}
            if name == "table":
                scores["values"] = [values_read(said, wanted) for said, wanted in pairs]
            figures += [_figure("reading", f"{kind} {what}", each) for what, each in scores.items()]
    return figures


def _first_answer(sample: Sample) -> str:
    return next(m.content for m in sample.messages if m.role == "assistant")


def _alike(name: str, said: str, wanted: str) -> float:
    """Exact for questions; for longer texts the F1 of their words in order."""
    if name == "question":
        return float(said.strip().casefold() == wanted.strip().casefold())
    a, b = said.split(), wanted.split()
    if not a or not b:
        return float(a == b)
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return 2 * sum(block.size for block in blocks) / (len(a) + len(b))


def values_read(said: str, wanted: str) -> float:
    """The share of numbers in the cells of a table that are read to 5 %, each in its place.

    Numbers that are too many count as wrong.
    """
    a, b = _numbers(said), _numbers(wanted)
    if not b:
        return float(not a)
    right = sum(abs(x - y) <= CLOSE * abs(y) for x, y in zip(a, b, strict=False))
    return right / max(len(a), len(b))


def _numbers(table: str) -> list[float]:
    rows = [line.strip().strip("|").split("|") for line in table.splitlines()[2:]]
    cells = [cell.strip() for row in rows for cell in row[1:]]
    return [float(cell) for cell in cells if re.fullmatch(r"-?\d+(\.\d+)?", cell)]


# --- answers --------------------------------------------------------------------------------------


def _answers(
    model: Model, samples: Sequence[Sample], file: Path, max_tokens: int
) -> Mapping[str, Completion]:
    """The model's first answer to each sample; those of an earlier process are read."""
    prompts = [Prompt(sample.messages[:1], sample.images, sample.id) for sample in samples]
    decoding = Decoding(max_tokens=max_tokens)
    answers = dict(zip((s.id for s in samples), _recorded(file, prompts), strict=True))
    left = [prompt for prompt in prompts if answers[str(prompt.id)].error]
    with file.open("a", encoding="utf-8") as lines:
        for prompt, completion in zip(left, model.complete(left, decoding), strict=True):
            answers[str(prompt.id)] = completion
            if not completion.error:  # else it is asked again
                lines.write(record(prompt, completion) + "\n")
                lines.flush()
    return answers


def _recorded(file: Path, prompts: Sequence[Prompt]) -> Iterator[Completion]:
    """What the file has of them, an error for the rest; half a line at its end, of a kill, goes."""
    file.touch()
    whole_lines(file)
    return Replay(file).complete(prompts, Decoding())

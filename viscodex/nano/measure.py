"""How well a member of the family does on held-out samples: sees, reads, and writes code that runs.

in:  a model, the held-out data sets of a family's folder
out: Figures: execution and ChartMimic, Design2Code, pass@1, reading, each with its interval; losses of answers
not covered: published benchmarks (viscodex eval); making the data (family.py)

The samples come from seeds that no training set has. Each is asked with the prompt of its own sample;
the scorers are those of viscodex score.
"""

from __future__ import annotations

import difflib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from viscodex.data.dataset import Dataset
from viscodex.data.store import open_dataset
from viscodex.errors import BadInput
from viscodex.files import write_atomically
from viscodex.models.model import Decoding, Model, Prompt
from viscodex.tasks.from_samples import benchmark_of_samples
from viscodex.tasks.run import score_answers
from viscodex.tasks.task import task
from viscodex.types import Completion, Report, Sample

MAX_TOKENS = {"charts": 900, "pages": 600, "problems": 500, "reading": 400}
SEEN = ("ocr", "table", "describe", "question")
"""Tasks whose answers are compared as text."""

TASKS = {"charts": "chartmimic", "pages": "design2code", "problems": "mmcode"}

LOSSES = {
    "charts": ("charts", ("code",)),
    "pages": ("pages", ("code",)),
    "problems": ("problems", ("code",)),
    "seeing": ("charts", SEEN),
}
"""Kind of answer -> data set and tasks. `seeing` is all that is asked of a chart but its code."""

METRICS = {
    "charts": ("exec_rate", "low_level", "text", "layout", "type", "color"),
    "pages": ("block_match", "text", "position", "color"),
    "problems": ("pass@1",),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one model."""

    data: str  # charts, pages, problems, reading
    metric: str
    value: float  # 0 .. 100 for charts' F1, 0 .. 1 elsewhere, as the scorers have it
    low: float  # 95 % bootstrap interval over samples
    high: float
    n: int


def measure(
    model: Model,
    held_out: Path,
    place: Path,
    n: int,
    say: Callable[[str], None],
    kinds: Sequence[str] = ("charts", "pages", "problems", "reading"),
) -> list[Figure]:
    """All figures of a model; what was measured before is read.

    Args:
        held_out: folder with the data sets charts, pages, problems.
        place: folder of the answers and scores.
        n: samples of each kind.
    """
    figures: list[Figure] = []
    for kind in kinds:
        file = place / f"{kind}.json"
        if not file.exists():
            if kind == "reading":
                found = _read(model, held_out, place, n)
            else:
                found = _write(model, kind, open_dataset(held_out / kind), place, n)
            write_atomically(file, json.dumps([asdict(figure) for figure in found], indent=1))
        known = [Figure(**row) for row in json.loads(file.read_text())]
        told = ", ".join(f"{f.metric} {f.value:.3g}" for f in known)
        say(f"{model.name}: {kind}: {told}")
        figures += known
    return figures


def losses(
    model: Model, held_out: Path, file: Path, n: int, kinds: Sequence[str] = tuple(LOSSES)
) -> dict[str, list[float]]:
    """The loss of each of n held-out answers of every kind, nats a token; from `file` where it is there.

    Raises:
        BadInput: the model is behind an endpoint, or cannot take a sample.
    """
    if not file.exists():
        found = {}
        for kind in kinds:
            name, tasks = LOSSES[kind]
            data = open_dataset(held_out / name)
            places = [row.index for row in data.rows() if row.task in tasks][:n]
            found[kind] = _losses(model, [data[k] for k in places])
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(found))
    known: dict[str, list[float]] = json.loads(file.read_text())
    return known


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


def _write(model: Model, kind: str, data: Dataset, place: Path, n: int) -> list[Figure]:
    samples = [data[row.index] for row in data.rows() if row.task == "code"][:n]
    benchmark = benchmark_of_samples(TASKS[kind], samples)
    answers = _answers(model, samples, place / f"{kind}.jsonl", MAX_TOKENS[kind])
    by_id = {item.id: [answers[s.id]] for item, s in zip(benchmark.items, samples, strict=True)}
    reports = score_answers(
        task(benchmark.task), benchmark, by_id, place / kind, protocols=("paper",), workers=2
    )
    return _figures(kind, reports["paper"])


def _figures(kind: str, report: Report) -> list[Figure]:
    known = [name for name in METRICS[kind] if name in report.metrics]
    return [
        Figure(kind, name, mean.all, mean.low, mean.high, report.n)
        for name in known
        for mean in (report.metrics[name],)
    ]


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
            scores = [_alike(name, said, wanted) for said, wanted in pairs]
            figures.append(_mean("reading", f"{kind} {name}", scores))
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


def _mean(data: str, metric: str, scores: Sequence[float]) -> Figure:
    rng = random.Random(0)
    n = len(scores)
    means = sorted(sum(rng.choices(scores, k=n)) / n for _ in range(1000))
    return Figure(data, metric, sum(scores) / n, means[25], means[974], n)


# --- answers --------------------------------------------------------------------------------------


def _answers(
    model: Model, samples: Sequence[Sample], file: Path, max_tokens: int
) -> Mapping[str, Completion]:
    """The model's first answer to each sample; those of an earlier process are read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    known: dict[str, Completion] = {}
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            name = row.pop("id")
            known[name] = Completion(**row)
    left = [sample for sample in samples if sample.id not in known]
    prompts = [Prompt(sample.messages[:1], sample.images, sample.id) for sample in left]
    said = model.complete(prompts, Decoding(max_tokens=max_tokens))
    with file.open("a", encoding="utf-8") as lines:
        for sample, completion in zip(left, said, strict=True):
            known[sample.id] = completion
            lines.write(json.dumps({"id": sample.id, **asdict(completion)}) + "\n")
    return known

"""The demonstration: merge two models, turn pictures into code with the result, run it, score it, show it.

in:  the embedded weights, pictures with their reference code beside them
out: FOLDER/merged, FOLDER/demo.html
not covered: the page (demo_page.py)
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from viscodex.errors import BadInput, BadRecipe
from viscodex.files import write_atomically
from viscodex.generate.generated import Generated
from viscodex.generate.picture import Picture, find_pictures, read_picture
from viscodex.generate.writer import Writer
from viscodex.images import open_image
from viscodex.models.model import DEFAULT, Decoding, open_model
from viscodex.types import MergeReport, Score

MARKER = ".viscodex-demo"
MAX_TOKENS = 1024  # of an answer; the code of the examples has less than half of that
SUFFIX = {"chart": ".py", "html": ".html"}  # of the reference code beside a picture
LEAST_RUN = (9, 10)  # nine pictures in ten: where the code of fewer runs, something is wrong

MEANS = (
    ("chart", "low_level", "ChartMimic low-level of charts"),
    ("html", "block_match", "Design2Code block match of pages"),
    ("html", "text", "Design2Code text of pages"),
)
"""Kind of reference, metric, and how its mean is called."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, what was made of it, and how that scores."""

    name: str
    kind: str  # of the reference: chart or html; empty: not known
    reference: str  # the code that drew the picture; empty: not known
    generated: Generated
    score: Score | None = None  # ChartMimic or Design2Code against the reference
    difference: bytes | None = None  # PNG; None where there is no render

    def value(self, metric: str) -> float:
        """Of the score; NaN where the answer or this metric has none."""
        return math.nan if self.score is None else self.score.values.get(metric, math.nan)


@dataclass(frozen=True, slots=True)
class Demo:
    """All that the page shows."""

    report: MergeReport
    is_expected: bool | None  # the merge has the hash that was recorded; None: none is recorded
    lam: float
    examples: tuple[Example, ...]
    seconds: dict[str, float]  # part of the job -> wall time
    curve: tuple[dict[str, Any], ...] = ()  # lam, stage, metric, value, low, high

    @property
    def faults(self) -> tuple[str, ...]:
        """What a demonstration must not have: another merge than recorded, too little that runs."""
        faults = []
        if self.is_expected is False:
            faults.append("the merge has not the hash that was recorded")
        ran, of = sum(example.generated.ok for example in self.examples), len(self.examples)
        least, out_of = LEAST_RUN
        if not ran or ran * out_of < of * least:
            faults.append(f"the code of {ran} of {of} pictures runs; {least} in {out_of} should")
        return tuple(faults)

    @property
    def ok(self) -> bool:
        """The merge came out as recorded, and of nine pictures in ten the code ran."""
        return not self.faults


def run_demo(
    folder: Path, say: Say, *, weights: Path, pictures: Path, allow_unsafe: bool = False
) -> tuple[Path, Demo]:
    """Merge, write, run, score, show; say what is done.

    Args:
        folder: to work in; an earlier demonstration in it is replaced.
        weights: folder of base, vlm, code, nano, merged.json and curve.json.
        pictures: folder of pictures, NAME.png, with NAME.py or NAME.html beside.

    Returns:
        The page and what it shows.

    Raises:
        BadRecipe: the folder holds something that is not an earlier demonstration.
        BadInput: there are no pictures, or one cannot be read.
        ViscodexError: weights, browser or runtime are missing.
    """
    begin = time.perf_counter()
    shown = [read_picture(path) for path in find_pictures([pictures])]
    clear(folder)
    seconds: dict[str, float] = {}
    with _timed(seconds, "merge"):
        report, is_expected, lam = _merge(folder, weights, say)
    with _timed(seconds, "write and run"):
        made = _write(weights, shown, say, allow_unsafe=allow_unsafe)
    with _timed(seconds, "score"):
        examples = _scored(made, say, allow_unsafe=allow_unsafe)
    parts = ", ".join(f"{part} {spent:.0f}" for part, spent in seconds.items())
    seconds["all"] = time.perf_counter() - begin
    demo = Demo(report, is_expected, lam, tuple(examples), seconds, read_curve(weights))
    from viscodex.nano.demo_page import demo_page

    page = folder / "demo.html"
    write_atomically(page, demo_page(demo))
    say(f"done in {seconds['all']:.0f} s ({parts}); open {page}")
    return page, demo


def clear(folder: Path) -> None:
    """An empty folder with our mark in it.

    Raises:
        BadRecipe: it holds something that is not an earlier demonstration.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise BadRecipe("the folder is not empty", str(folder), "Give another one with -o DIR.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()


@contextlib.contextmanager
def _timed(seconds: dict[str, float], part: str) -> Any:
    began = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - began


# --- merge ----------------------------------------------------------------------------------------


def _merge(folder: Path, weights: Path, say: Say) -> tuple[MergeReport, bool | None, float]:
    """nano-vlm and nano-code over nano-base, by the command's own function."""
    from viscodex.merge.apply import merge

    known: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError):
        known = json.loads((weights / "merged.json").read_text("utf-8"))
    lam = float(known.get("lam", 0.7))
    report = merge(
        vlm=weights / "vlm", code=weights / "code", base=weights / "base", lam=lam,
        out=folder / "merged",
    )  # fmt: skip
    counts = ", ".join(f"{n} {action}" for action, n in report.counts.items())
    say(f"merged: theta = {lam:g} theta_vlm + {1 - lam:g} theta_code; tensors: {counts}")
    expected = known.get("output_hash")
    is_expected = None if expected is None else expected == report.output_hash
    verdict = {None: "no hash is recorded", True: "as recorded", False: f"recorded is {expected}"}
    say(f"  hash {report.output_hash}: {verdict[is_expected]}")
    return report, is_expected, lam


# --- write and run --------------------------------------------------------------------------------


def _write(
    weights: Path, pictures: Sequence[Picture], say: Say, *, allow_unsafe: bool
) -> list[Generated]:
    """The embedded model writes the code of every picture; the code runs."""
    began = time.perf_counter()
    with open_model(str(weights / DEFAULT)) as model:
        model.name = DEFAULT
        say(f"loaded nano in {time.perf_counter() - began:.1f} s")
        how: dict[str, Any] = {"decoding": Decoding(max_tokens=MAX_TOKENS)}
        with Writer(model, allow_unsafe=allow_unsafe, **how) as writer:
            made = writer.write(pictures)
    for one in made:
        likeness = "" if one.render is None else f", likeness {one.likeness:.2f}"
        said = f": {one.reason}" if one.reason else ""
        say(f"  {Path(one.picture.name).name}: {one.task}, {one.status}{likeness}{said}")
    n_ok = sum(one.ok for one in made)
    say(f"wrote and ran the code of {len(made)} pictures: {n_ok} run")
    return made


# --- score ----------------------------------------------------------------------------------------


def _scored(made: Sequence[Generated], say: Say, *, allow_unsafe: bool) -> list[Example]:
    """ChartMimic's low-level score of charts, Design2Code's of pages, against the code beside them."""
    references = [_reference(one) for one in made]
    scores: dict[int, Score] = {}
    for task in ("chart", "html"):
        wanted = [k for k, one in enumerate(made) if references[k][0] == task and one.text]
        if wanted:
            found = _score(task, [(made[k], references[k][1]) for k in wanted], allow_unsafe)
            scores |= dict(zip(wanted, found, strict=True))
    examples = []
    for k, one in enumerate(made):
        render = one.render
        shown = None if render is None else difference_picture(one.picture.data, render)
        name = Path(one.picture.name).stem
        examples.append(Example(name, *references[k], one, scores.get(k), shown))
        if k in scores and all(math.isnan(value) for value in scores[k].values.values()):
            say(f"  {name}: not scored: {scores[k].reason}")
    for label, mean, n in mean_scores(examples):
        say(f"{label}, mean of {n}: {100 * mean:.1f}")
    return examples


def mean_scores(examples: Sequence[Example]) -> list[tuple[str, float, int]]:
    """(label, mean, of how many) of each of MEANS; what has no value is left out."""
    means = []
    for kind, metric, label in MEANS:
        values = [example.value(metric) for example in examples if example.kind == kind]
        known = [value for value in values if not math.isnan(value)]
        if known:
            means.append((label, sum(known) / len(known), len(known)))
    return means


def _reference(one: Generated) -> tuple[str, str]:
    """(chart or html, the code beside the picture); empty where there is none."""
    path = Path(one.picture.name)
    for task, suffix in SUFFIX.items():
        if path.with_suffix(suffix).exists():
            return task, path.with_suffix(suffix).read_text("utf-8", "replace")
    return "", ""


def _score(task: str, pairs: Sequence[tuple[Generated, str]], allow_unsafe: bool) -> list[Score]:
    """Scores under `paper`; what a page or script showed before is not kept on disk."""
    import tempfile

    from viscodex.tasks.run import score_one
    from viscodex.tasks.task import Item

    with tempfile.TemporaryDirectory() as cache:
        how: dict[str, Any] = {"cache": Path(cache), "workers": 2, "allow_unsafe": allow_unsafe}
        with _scorer(task, how) as scorer:
            scores = []
            for number, (one, reference) in enumerate(pairs):
                name = f"{Path(one.picture.name).stem}_{number}"
                item = Item(name, (), (), _item(task, name, reference))
                scores.append(score_one(scorer, item, one.best.answer, ("paper",))[0])
    return scores


def _scorer(task: str, how: dict[str, Any]) -> Any:
    if task == "chart":
        from viscodex.tasks.chartmimic import ChartScorer

        return ChartScorer(("paper",), runtime_name="current", **how)
    from viscodex.tasks.design2code.task import PageScorer

    return PageScorer(("paper",), {}, **how)


def _item(task: str, name: str, reference: str) -> Any:
    if task == "chart":
        from viscodex.tasks.chart_items import ChartItem

        return ChartItem(name, "direct", reference)
    from viscodex.tasks.design2code.items import PageItem

    return PageItem(reference, {})


def difference_picture(picture: bytes, render: bytes) -> bytes:
    """The picture in pale grey, and in red how far the render is off; PNG."""
    one = open_image(picture)
    other = open_image(render).resize(one.size, Image.Resampling.BILINEAR)
    a, b = (np.asarray(p, np.float64) for p in (one, other))
    off = np.abs(a - b).max(-1, keepdims=True) / 255  # (H, W, 1)
    pale = 255 - (255 - a.mean(-1, keepdims=True)) * 0.25
    red = np.array([214.0, 39.0, 40.0])
    shown = pale * (1 - off) + red * off
    file = io.BytesIO()
    Image.fromarray(shown.astype(np.uint8)).save(file, "PNG", optimize=True)
    return file.getvalue()


def read_curve(weights: Path) -> tuple[dict[str, Any], ...]:
    """What curve.json says of the family: empty where it is not there.

    Raises:
        BadInput: the file is not such a list.
    """
    path = weights / "curve.json"
    if not path.exists():
        return ()
    try:
        rows = json.loads(path.read_text("utf-8"))
        return tuple(
            {
                "stage": str(row["stage"]), "metric": str(row["metric"]),
                **{key: float(row[key]) for key in ("lam", "value", "low", "high")},
            }
            for row in rows
        )  # fmt: skip
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(
            "the lambda curve cannot be read",
            f"{path}: {error}",
            "Each row: lam, stage, metric, value, low, high.",
        ) from error

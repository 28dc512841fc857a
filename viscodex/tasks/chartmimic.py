"""ChartMimic: draw the chart of a picture again (direct), or with other data (customized).

in:  reference scripts and recorded answers
out: execution rate; F1 of text, layout, type and colour; their mean low_level
not covered: reading the published files (chart_items.py); the judge's high_level (judge.py)

Under `paper` an answer that crashes keeps no credit, as in the official notebooks; what it would
have with its partial figure stands beside as *_no_filter. Under `strict` the answer's script runs
as it stands, once, under hooks that seaborn understands, against a reference run the same way:
nothing is cut or re-indented, tick labels do not count, all colours do, and a metric for which the
reference has nothing to find is NaN instead of 0. Both run once what the official code runs ten times.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from viscodex.errors import BadInput
from viscodex.execute import axes, recorder, runtime
from viscodex.execute.chart import CHART_LIMITS, ChartPool
from viscodex.execute.sandbox import Limits
from viscodex.files import write_atomically
from viscodex.tasks import chart_metrics, chart_scripts
from viscodex.tasks.chart_items import ChartItem, read_chartmimic
from viscodex.tasks.executions import Executions, is_final
from viscodex.tasks.questions import agreement, chart_question, chart_value, is_blank
from viscodex.tasks.task import (
    Benchmark,
    Item,
    Judge,
    Mark,
    ProtocolName,
    Question,
    mean,
    mean_of_attempts,
    write_picture,
)
from viscodex.types import Answer, Execution, FigureRecord, Score, from_json, to_json

METRICS = ("text", "layout", "type", "color")
_EMPTY = FigureRecord((), (), {}, ())


class ChartMimic:
    """The benchmark of arXiv 2406.09961; v1 of 500 and v2 of 600 and 1,800 items a task."""

    name = "chartmimic"
    language = "python"
    headline: tuple[str, ...] = ("exec_rate", *METRICS, "low_level")
    options: tuple[str, ...] = ("judge",)

    def read(self, place: Path, split: str = "") -> Benchmark:
        """All items of a folder, archive or table; `split` picks one of several subsets."""
        return read_chartmimic(place, split)

    def scorer(
        self, benchmark: Benchmark, *, protocols: Sequence[ProtocolName] = ("paper",), **how: Any
    ) -> ChartScorer:
        """Pools and the cache of references, ready to score."""
        return ChartScorer(protocols, **how)

    def values(self, item: Item, scores: Sequence[Score]) -> dict[str, float]:
        """The mean over the answers to an item."""
        return mean_of_attempts(scores)

    def totals(
        self, benchmark: Benchmark, rows: Mapping[str, Sequence[Score]], protocol: ProtocolName
    ) -> dict[str, Any]:
        """How the judge goes with the rules; under `paper` the figure that some papers report:
        partial credit for what crashed (no_filter)."""
        each = [score for scores in rows.values() for score in scores]
        judged = _judging(each)
        if protocol == "strict":
            return judged
        values = [mean_of_attempts(scores) for scores in rows.values()]
        names = [f"{name}_no_filter" for name in (*METRICS, "low_level")]
        sums = {n: math.fsum(v[n] for v in values if v.get(n, math.nan) == v.get(n)) for n in names}
        n_items = max(1, len(benchmark.items))
        return {"no_filter": {n: 100 * s / n_items for n, s in sums.items()}, **judged}

    def question(self, item: Item, answer: Answer) -> Question | None:
        """About what a judge will be asked, for an estimate: the reference stands for what is drawn."""
        if not answer.code.strip():
            return None
        picture = item.images[0].read() if item.images else _usual_picture()
        return chart_question(item, answer, picture, picture)


class ChartScorer:
    """Runs each script once; what references draw is kept on disk.

    Args:
        protocols: what to score.
        workers: scripts at once; None takes the number of cores.
        runtime_name: environment of the charts. ChartMimic's numbers came from `chartmimic`; in
            another one reference and candidate still run alike.
        pictures: directory for a PNG of each candidate; None: none are kept.
        cache: directory of what references drew; None: below the cache directory of viscodex.
        executions: directory of what candidates drew; None: nothing is kept.
        limits: of a script. CPU time counts, so that a loaded machine fails nobody.
        judge: marks pictures; gives high_level.
        tier, allow_unsafe: of the isolation.
    """

    def __init__(
        self,
        protocols: Sequence[ProtocolName] = ("paper",),
        *,
        workers: int | None = None,
        runtime_name: str = "chartmimic",
        pictures: Path | None = None,
        cache: Path | None = None,
        executions: Path | None = None,
        limits: Limits = CHART_LIMITS,
        judge: Judge | None = None,
        tier: str | None = None,
        allow_unsafe: bool = False,
        **_: object,
    ) -> None:
        self.protocols, self.judge = tuple(protocols), judge
        self.pictures = pictures
        self.pool = ChartPool(
            runtime_name, workers=workers, limits=limits, tier=tier, allow_unsafe=allow_unsafe
        )
        self.references = References(self.pool, cache)
        self.executions = Executions(
            executions, (recorder, axes), self.pool.stamp, self.pool.tier, limits
        )
        self.settings: dict[str, Any] = {
            "render": self.pool.stamp,
            "tier": self.pool.tier,
            "cpu_limit_s": limits.cpu,
            "recorder": self.references.recorder,
            "judge": judge.settings if judge else "none: there is no high_level",
        }

    def __enter__(self) -> ChartScorer:
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.close()

    def score(self, item: Item, answer: Answer) -> tuple[Score, ...]:
        """One Score for each protocol."""
        return tuple(
            self._paper(item, answer) if name == "paper" else self._strict(item, answer)
            for name in self.protocols
        )

    # --- paper ------------------------------------------------------------------------------------

    def _paper(self, item: Item, answer: Answer) -> Score:
        chart: ChartItem = item.data
        code = chart_scripts.extract(answer.completion.text)
        if code is None:  # the official checker passes over it
            values = _values(dict.fromkeys(METRICS, chart_metrics.NOTHING), passed=False)
            reason = "there is no ```python block"
            return self._marked(item, answer, "paper", values, reason, Execution("no_code"))
        if chart.task == "customized":
            code = chart_scripts.with_data(code, chart.reference)
        done = self._run(chart_scripts.evaluated(code, chart.name), chart.name, "chartmimic")
        passed = done.status == "ok" and chart_scripts.MARK not in done.stderr
        status, reason = done.status, done.reason
        if not passed and done.status != "timeout":  # indented and not, scripts may differ
            script = chart_scripts.checked(code, chart.name)
            checked = self._execute(script, chart.name, "chartmimic", images=False)
            passed = checked.status == "ok"
            status, reason = checked.status, checked.reason
        saving = chart_scripts.reference(chart.reference, chart.name)
        reference = self.references.get(saving, chart.name, "chartmimic")
        found = chart_metrics.low_level(reference.figure or _EMPTY, done.figure or _EMPTY)
        shown = Execution(status, reason=reason, images=done.images if passed else ())
        notes = reference.figure.notes if reference.figure else ()
        if reference.status != "ok":
            notes = (*notes, f"the reference failed: {reference.reason}")
        return self._marked(
            item, answer, "paper", _values(found, passed), reason, shown, (*notes, *_notes(done))
        )

    # --- strict -----------------------------------------------------------------------------------

    def _strict(self, item: Item, answer: Answer) -> Score:
        chart: ChartItem = item.data
        reference = self.references.get(chart.reference, chart.name, "plain")
        if reference.status != "ok" or reference.figure is None:
            names = (*self._names(), "legend", "grid", "data")
            reason = f"the reference did not run: {reference.reason}"
            shown = Execution("error", reason=reason)
            values = dict.fromkeys(names, math.nan)
            return self._marked(item, answer, "strict", values, reason, shown, status="unscored")
        code = answer.code
        if code.strip() and chart.task == "customized":
            code = chart_scripts.with_data(code, chart.reference)
        done = self._run(code, chart.name, "plain")
        passed = done.status == "ok" and bool(done.images)
        reason = done.reason or ("" if passed else "drew nothing")
        drawn = done.figure if passed and done.figure else _EMPTY
        values = {"exec_rate": float(passed), **_strict_values(reference.figure, drawn)}
        lacks = [f"the reference has no {name}" for name in METRICS if math.isnan(values[name])]
        return self._marked(item, answer, "strict", values, reason, done, (*lacks, *_notes(done)))

    # --- both -------------------------------------------------------------------------------------

    def _names(self) -> tuple[str, ...]:
        return ("exec_rate", *METRICS, "low_level")

    def _run(self, code: str, name: str, record: Literal["plain", "chartmimic"]) -> Execution:
        wanted = record == "plain" or self.pictures is not None or self.judge is not None
        return self._execute(code, name, record, images=wanted)

    def _execute(
        self, code: str, name: str, record: Literal["plain", "chartmimic"], *, images: bool
    ) -> Execution:
        return self.executions.get(
            Execution,
            (code, name, record, images),
            lambda: self.pool.run(code, name=name, record=record, images=images),
            lambda done: is_final(done.status),
        )

    def _marked(
        self,
        item: Item,
        answer: Answer,
        protocol: ProtocolName,
        values: dict[str, float],
        reason: str,
        done: Execution,
        notes: Sequence[str] = (),
        status: str = "",
    ) -> Score:
        """The Score, with the judge's mark where there is a judge; the picture is kept."""
        if self.pictures is not None and done.images:
            write_picture(self.pictures, item.id, answer.attempt, done.images[0])
        detail: dict[str, Any] = {}
        if self.judge is not None and math.isnan(values["exec_rate"]):  # there is no reference
            values |= dict.fromkeys(("high_level", "overall"), math.nan)
        elif self.judge is not None:
            shown = done.images[0] if values["exec_rate"] == 1 and done.images else None
            mark = self._judged(self.judge, item, answer, protocol, shown)
            values["high_level"] = chart_value(mark)
            values["overall"] = (values["low_level"] + values["high_level"]) / 2
            reason = reason or mark.reason
            status = status if mark.points else "unscored"
            detail["judge"] = mark.detail
        return Score(
            sample_id=item.id,
            values=values,
            reason=reason,
            status=status or done.status,
            problem=answer.problem,
            notes=(*answer.notes, *notes),
            attempt=answer.attempt,
            protocol=protocol,
            detail=detail,
        )

    def _judged(
        self,
        judge: Judge,
        item: Item,
        answer: Answer,
        protocol: ProtocolName,
        shown: bytes | None,
    ) -> Mark:
        """The judge's mark; what shows nothing has 0 points, as officially, and is not asked about."""
        if shown is None or is_blank(shown):
            return Mark({"score": 0.0}, detail={"not_asked": "there is no chart to see"})
        chart: ChartItem = item.data
        if item.images and chart.task == "direct":
            reference = item.images[0].read()
        else:  # the picture of a customized item shows the chart before the change
            reference = self.references.picture(chart.reference, chart.name)
        return judge.mark(chart_question(item, answer, reference, shown), protocol)


def _judging(scores: Sequence[Score]) -> dict[str, Any]:
    """What became of judging, and how it goes with the rules over the answers that were shown."""
    details = [score.detail["judge"] for score in scores if "judge" in score.detail]
    if not details:
        return {}
    asked = [s.values for s in scores if s.detail.get("judge", {}).get("points")]
    counts = {
        "marked": len(asked),
        "not_asked": sum("not_asked" in one for one in details),
        "without_mark": len(details) - len(asked) - sum("not_asked" in one for one in details),
        "read_officially_only": sum("odd" in one for one in details),
    }
    return {
        "judge": {**counts, "agreement": agreement(asked, "high_level", (*METRICS, "low_level"))}
    }


@functools.cache
def _usual_picture() -> bytes:
    """A white picture of matplotlib's default size, where an item has none."""
    file = io.BytesIO()
    Image.new("RGB", (640, 480), "white").save(file, "PNG")
    return file.getvalue()


def _notes(done: Execution) -> tuple[str, ...]:
    return done.figure.notes if done.figure else ()


def _values(found: Mapping[str, chart_metrics.Agreement], passed: bool) -> dict[str, float]:
    """All values of `paper`: with the official filter (code_pass), and without."""
    values = {"exec_rate": float(passed)}
    for name in METRICS:
        values[name] = found[name].f1 * passed
    values["low_level"] = mean([values[name] for name in METRICS])
    for name in METRICS:
        values[f"{name}_precision"] = found[name].precision * passed
        values[f"{name}_recall"] = found[name].recall * passed
        values[f"{name}_no_filter"] = found[name].f1
    values["low_level_no_filter"] = mean([found[name].f1 for name in METRICS])
    return values


def _strict_values(reference: FigureRecord, drawn: FigureRecord) -> dict[str, float]:
    found = chart_metrics.low_level(reference, drawn)
    found["color"] = chart_metrics.colors(reference.colors, drawn.colors, all_count=True)
    there = (reference.texts, reference.layouts, reference.calls, reference.colors)
    values = {
        name: found[name].f1 if has else math.nan for name, has in zip(METRICS, there, strict=True)
    }
    values["low_level"] = mean([values[name] for name in METRICS])
    return {**values, **chart_metrics.beyond(reference, drawn)}


class References:
    """What reference scripts draw: run once for each text, name, kind of record and runtime.

    Args:
        pool: that runs them.
        cache: directory; None: below the cache directory of viscodex.
    """

    def __init__(self, pool: ChartPool, cache: Path | None = None) -> None:
        self._pool = pool
        self._folder = cache or runtime.home() / "references"
        sources = [Path(str(module.__file__)).read_bytes() for module in (recorder, axes)]
        self.recorder = hashlib.sha256(b"\0".join(sources)).hexdigest()[:16]
        self._known: dict[str, Execution] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, code: str, name: str, record: Literal["plain", "chartmimic"]) -> Execution:
        """The execution of a reference, without pictures."""
        key = self._key(code, name, record)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._known:
                self._known[key] = self._read(key) or self._make(key, code, name, record)
            return self._known[key]

    def picture(self, code: str, name: str) -> bytes:
        """What a reference draws, PNG.

        Raises:
            BadInput: it draws nothing.
        """
        place = self._folder / f"{self._key(code, name, 'picture')}.png"
        with contextlib.suppress(OSError):
            return place.read_bytes()
        done = self._pool.run(code, name=name, record="plain")
        if done.image is None:
            raise BadInput("the reference draws nothing", name, done.reason)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(place, done.image)
        return done.image

    def _key(self, code: str, name: str, record: str) -> str:
        limits = self._pool.limits
        text = json.dumps(
            [code, name, record, sorted(self._pool.stamp.items()), self.recorder, limits.cpu]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def _read(self, key: str) -> Execution | None:
        try:
            return from_json(Execution, (self._folder / f"{key}.json").read_bytes())
        except (OSError, ValueError):  # not there, or written by another version
            return None

    def _make(
        self, key: str, code: str, name: str, record: Literal["plain", "chartmimic"]
    ) -> Execution:
        done = self._pool.run(code, name=name, record=record, images=False)
        if done.status in ("ok", "error"):  # not what a busy machine may have caused
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{key}.json", to_json(done))
        return done

"""Charts that a teacher writes from a type of chart, a topic and a look.

in:  a teacher, a judge, a seed and settings
out: WrittenCharts, a Source; what it shares with charts from real scripts (scripts.py)
not covered: the words of the prompts (data/prompts/), scores (quality.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from viscodex.data.charts.filters import THRESHOLDS, filters, uses_chance
from viscodex.data.charts.measure import difference, measure
from viscodex.data.charts.source import stable_seed
from viscodex.data.charts.wordings import CODE
from viscodex.data.draft import Draft, Evidence, Filter, Machine, Unfit
from viscodex.data.settings import merged, same_as_before
from viscodex.data.taught import quality
from viscodex.data.taught.quality import PictureJudge, chart_quality, quality_filters, quality_meta
from viscodex.data.taught.topics import CHART_KINDS, chart_slots
from viscodex.data.teacher import Prompt, Reply, Request, Teacher, code_of
from viscodex.data.teacher.reading import reply_filters
from viscodex.types import Category, Message, Sample

LICENCE = "cc0-1.0"
"""Of what a teacher writes of its own, where the recipe says nothing else."""


class WrittenCharts:
    """A script a draft, written by the teacher.

    Args:
        seed: of types, topics and looks.
        teacher: writes.
        judge: scores the pictures.
        kinds: type of chart -> weight; those that are not named keep theirs, 0 leaves one out.
        prompt: file of what is asked.
        judged: ask the judge; False: only the local score decides.
        quality: least local and judged score, 0 .. 100.
        thresholds: of the filters of charts; names and defaults in charts/filters.py.
        licence: of the samples.
        prompts: name -> hash, as a card has them; refused where the files are others by now.
    """

    name = "chart_written"
    category: Category = "chart"

    def __init__(
        self,
        seed: int = 0,
        *,
        teacher: Teacher,
        judge: Teacher,
        kinds: Mapping[str, float] | None = None,
        prompt: str = "chart_write-1",
        judged: bool = True,
        quality: Mapping[str, float] | None = None,
        thresholds: Mapping[str, float] | None = None,
        licence: str = LICENCE,
        prompts: Mapping[str, str] | None = None,
    ) -> None:
        self.seed, self.teacher, self._prompt, self._licence = seed, teacher, prompt, licence
        self._kinds = merged(self.name, "kinds", CHART_KINDS, kinds)
        self.charts = TaughtCharts(self.name, judge if judged else None, quality, thresholds)
        self.filters: tuple[Filter, ...] = (*reply_filters(), *self.charts.filters)
        self.judging = self.charts.prompts
        self.prompts = (teacher.prompt(prompt), *self.judging)
        self.ahead = teacher.ahead
        hashes = prompt_hashes(self.prompts)
        same_as_before(self.name, "prompts", hashes, prompts)
        self.settings: Mapping[str, Any] = {
            "kinds": self._kinds,
            "prompt": prompt,
            "judged": judged,
            **self.charts.settings,
            "licence": licence,
            "prompts": hashes,
        }

    def request(self, index: int) -> Request:
        """What the teacher is asked for a draft."""
        rng = Random(stable_seed(self.seed, self.name, index))
        return Request(self._prompt, chart_slots(rng, self._kinds)[0])

    def draft(self, index: int) -> Draft:
        """The script that the teacher writes.

        Raises:
            Unfit: the reply has none.
            RunStopped: as Teacher.ask.
        """
        seed = stable_seed(self.seed, self.name, index)
        slots, difficulty = chart_slots(Random(seed), self._kinds)
        reply = self.teacher.ask(self._prompt, slots)
        try:
            code = code_of(reply, "python").strip() + "\n"
        except Unfit as unfit:
            raise of_kind(unfit, slots["kind"], reply) from None
        facts = {"asked": slots, "teacher": reply.meta(), "licence": self._licence}
        name = f"{self.name}-{index:07d}"
        return Draft(name, "chart", slots["kind"], code, "python", difficulty, seed, facts)

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run it and measure what it drew."""
        return self.charts.execute(draft, machine)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The code sample."""
        asked = {"asked": draft.facts["asked"]}
        return (self.charts.sample(draft, evidence, {"source": "teacher", **asked}),)


class TaughtCharts:
    """What charts from a teacher share, whoever wrote their scripts first.

    Args:
        source: its name, for errors.
        judge: None: pictures are not judged.
        least: of the two scores; see quality.THRESHOLDS.
        thresholds: see charts/filters.py.
    """

    def __init__(
        self,
        source: str,
        judge: Teacher | None,
        least: Mapping[str, float] | None,
        thresholds: Mapping[str, float] | None,
    ) -> None:
        usual = {name: threshold.value for name, threshold in THRESHOLDS.items()}
        limits = merged(source, "thresholds", usual, thresholds)
        scores = merged(source, "quality", quality.THRESHOLDS, least)
        self.judge = None if judge is None else PictureJudge(judge, "chart_judge-1")
        self.prompts = () if judge is None else (judge.prompt("chart_judge-1"),)
        self.filters = (*filters(limits), *quality_filters(scores, self.judge))
        self.settings: dict[str, Any] = {"quality": scores, "thresholds": limits}

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run a script; a second time with another seed where its text hints at chance."""
        first = machine.charts.run(draft.code)
        numbers, runs = measure(first), [first]
        if first.status == "ok" and first.images:
            numbers |= chart_quality(numbers, first.figure, first.images[0])
            if uses_chance(draft.code):
                runs.append(machine.charts.run(draft.code, seed=1))
                other = runs[-1].image
                same = difference(first.images[0], other) if other is not None else 1.0
                numbers["repeat_difference"] = same
        return Evidence(tuple(runs), first.images[:1], numbers)

    def sample(self, draft: Draft, evidence: Evidence, more: Mapping[str, Any]) -> Sample:
        """The sample that asks for the code of the picture."""
        ask = Random(f"{draft.seed} tell").choice(CODE)
        answer = f"```python\n{draft.code.rstrip()}\n```"
        return Sample(
            id=draft.id,
            category="chart",
            messages=(Message("user", f"<image>\n{ask}"), Message("assistant", answer)),
            images=evidence.images,
            reference=draft.code,
            language="python",
            meta={
                "kind": draft.kind,
                "licence": draft.facts["licence"],
                "seed": draft.seed,
                "difficulty": draft.difficulty,
                "teacher": draft.facts["teacher"],
                **quality_meta(self.judge, evidence),
                "stamp": dict(evidence.executions[0].stamp),
                **more,
            },
        )


def of_kind(unfit: Unfit, kind: str, reply: Reply) -> Unfit:
    """The same with what is known of the draft, so that the reject shows it."""
    return Unfit(
        unfit.filter,
        unfit.finding.reason,
        unfit.finding.numbers,
        kind=kind,
        code=reply.text[:20_000],
    )


def prompt_hashes(prompts: tuple[Prompt, ...]) -> dict[str, str]:
    """Name of each prompt -> its hash."""
    return {prompt.name: prompt.sha256 for prompt in prompts}

"""Charts from real scripts: a teacher cuts published plotting code into scripts that run alone.

in:  a teacher, a judge, a folder of scripts, notebooks or tables of them
out: ScriptCharts, a Source
not covered: reading the folder (material.py), running and scoring (charts.py, quality.py)

The paper's 46 thousand charts from GitHub: rewritten by a model, executed, filtered by rules, scored.
Drafts are numbered so that the first script of every file comes before the second of any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viscodex.data.charts.source import stable_seed
from viscodex.data.draft import Draft, Evidence, Exhausted, Filter, Machine, Unfit
from viscodex.data.settings import same_as_before
from viscodex.data.taught.charts import TaughtCharts, of_kind, prompt_hashes
from viscodex.data.taught.material import File, Scripts
from viscodex.data.teacher import Request, Teacher, codes_of
from viscodex.data.teacher.reading import parses, reply_filters, text_of
from viscodex.types import Category, Sample

FILE_FILTERS: dict[str, str] = {
    "bad_file": "A file must be readable, and no longer than a teacher is asked about.",
    "no_plot": "A file must import a plotting library and draw; nothing is asked about others.",
    "no_further_script": "The teacher found no such figure in the file, or fewer than there were asked for.",
}
"""Why a file gives no draft; the names of the rejects."""

_IMPORTS = re.compile(
    r"^\s*(?:import|from)\s+(?:matplotlib|pylab|seaborn)\b|\.plot\s*\(", re.MULTILINE
)
_DRAWS = re.compile(
    r"\.(?:plot|scatter|bar|barh|hist|hist2d|pie|boxplot|violinplot|imshow|contourf?|errorbar|stem|step|fill_between|"
    r"stackplot|quiver|streamplot|pcolormesh|hexbin|plot_surface|heatmap|lineplot|barplot|scatterplot|histplot|kdeplot|"
    r"draw|draw_networkx)\s*\("
)
_NONE = re.compile(r"\W*none\W*", re.IGNORECASE)


class ScriptCharts:
    """The k-th figure of a file a draft, cut out by the teacher.

    Args:
        seed: of the wording of questions.
        teacher: cuts.
        judge: scores the pictures.
        scripts: folder or file; .py, .ipynb, .parquet.
        columns: of tables: {code: ..., name: ..., licence: ..., origin: ...}.
        licence: of files that do not say theirs; None: such files are rejected as of no licence.
        per_file: scripts of one file, at most.
        max_characters: of a file; longer ones are not asked about.
        prompt, judged, quality, thresholds, prompts: as WrittenCharts.
        material: hash of the folder, as a card has it; refused where it is another by now.
    """

    name = "chart_script"
    category: Category = "chart"

    def __init__(
        self,
        seed: int = 0,
        *,
        teacher: Teacher,
        judge: Teacher,
        scripts: str,
        columns: Mapping[str, str] | None = None,
        licence: str | None = None,
        per_file: int = 3,
        max_characters: int = 40_000,
        prompt: str = "chart_cut-1",
        judged: bool = True,
        quality: Mapping[str, float] | None = None,
        thresholds: Mapping[str, float] | None = None,
        prompts: Mapping[str, str] | None = None,
        material: str | None = None,
    ) -> None:
        if per_file < 1 or max_characters < 1:
            raise ValueError("per_file and max_characters must be above 0")
        self.seed, self.teacher, self._prompt, self._licence = seed, teacher, prompt, licence
        self._per_file, self._max = per_file, max_characters
        self.files = Scripts(Path(scripts).expanduser(), columns)
        self.charts = TaughtCharts(self.name, judge if judged else None, quality, thresholds)
        notes = (Filter(n, text, lambda draft, evidence: None) for n, text in FILE_FILTERS.items())
        self.filters: tuple[Filter, ...] = (*notes, *reply_filters(), *self.charts.filters)
        self.judging = self.charts.prompts
        self.prompts = (teacher.prompt(prompt), *self.judging)
        self.ahead = teacher.ahead
        hashes, there = prompt_hashes(self.prompts), self.files.shelf.fingerprint()
        same_as_before(self.name, "prompts", hashes, prompts)
        same_as_before(self.name, "material", there, material)
        self.settings: Mapping[str, Any] = {
            "scripts": scripts,
            "columns": dict(columns or {}),
            "licence": licence,
            "per_file": per_file,
            "max_characters": max_characters,
            "prompt": prompt,
            "judged": judged,
            **self.charts.settings,
            "prompts": hashes,
            "material": there,
        }

    def request(self, index: int) -> Request | None:
        """What the teacher is asked for a draft; None: nothing, or nothing new."""
        if index >= len(self.files):
            return None
        file = self.files[index]
        return None if self._objection(file) else self._request(file)

    def _request(self, file: File) -> Request:
        slots = {"most": str(self._per_file), "name": file.name, "script": file.code}
        return Request(self._prompt, slots)

    def _objection(self, file: File) -> tuple[str, str] | None:
        """Why nothing is asked about a file."""
        if file.problem:
            return "bad_file", file.problem
        if len(file.code) > self._max:
            return "bad_file", f"{len(file.code)} characters; the limit is {self._max}"
        if not (_IMPORTS.search(file.code) and _DRAWS.search(file.code)):
            return "no_plot", "nothing of a plotting library is imported and called"
        return None

    def draft(self, index: int) -> Draft:
        """The script that the teacher cut out.

        Raises:
            Unfit: the file or the reply has none.
            Exhausted: all scripts of all files were drafts.
            RunStopped: as Teacher.ask.
        """
        which, number = divmod(index, len(self.files))
        if which >= self._per_file:
            raise Exhausted
        file = self.files[number]
        if objection := self._objection(file):
            name, why = objection if which == 0 else ("no_further_script", objection[1])
            raise Unfit(name, f"{file.name}: {why}", kind="script")
        request = self._request(file)
        reply = self.teacher.ask(request.prompt, request.slots)
        try:
            if _NONE.fullmatch(text_of(reply)):
                raise Unfit("no_further_script", f"{file.name}: the teacher found no figure")
            codes = codes_of(reply, "python")
        except Unfit as unfit:
            raise of_kind(unfit, "script", reply) from None
        codes = ([c for c in codes if parses(c)] or codes)[: self._per_file]
        if which >= len(codes):
            raise Unfit("no_further_script", f"{file.name}: {len(codes)} figures", kind="script")
        licence = file.licence or self._licence or ""
        origin = {"file": file.name, "figure": which, "of": len(codes), "origin": file.origin}
        facts = {"licence": licence, "teacher": reply.meta(), "origin": origin}
        seed = stable_seed(self.seed, self.name, index)
        code = codes[which].strip() + "\n"
        return Draft(
            f"{self.name}-{index:07d}", "chart", "script", code, "python", 0.5, seed, facts
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run it and measure what it drew."""
        return self.charts.execute(draft, machine)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The code sample, with where the code came from."""
        more = {"source": "scripts", "origin": draft.facts["origin"]}
        return (self.charts.sample(draft, evidence, more),)

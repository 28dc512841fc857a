"""The qa source: programming questions about a picture, with an answer that was run.

in:  a seed and an index
out: drafts, their evidence, the samples told of them; the filters with named thresholds
not covered: the questions (see TEMPLATES), the screens (screens.py)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from viscodex.data.draft import Draft, Evidence, Filter, Finding, Machine
from viscodex.data.problems.draw import Draw, draw_for
from viscodex.data.problems.pixels import beside, changed, ink
from viscodex.data.questions.catalogue import TEMPLATES
from viscodex.data.questions.screens import clean_paths, screen_html
from viscodex.data.settings import settings_of
from viscodex.errors import MissingPart
from viscodex.execute.program import run_program
from viscodex.text import fences
from viscodex.types import Category, Execution, Message, Sample

DEFAULTS: dict[str, Any] = {
    "inverse": 0.12,  # share of pictures of text that are also asked to be read
    "min_ink": 0.01,  # share of a picture's pixels that are not its background
    "min_changed": 0.004,  # share of pixels in which a wrong picture differs from the wanted one
    "max_changed": 0.0005,  # the same for the answer's picture
    "max_height_px": 1600,
    "kinds": (),  # names of templates; empty: all
}

_READ = (
    "<image>\nTranscribe the text of this screenshot.",
    "What exactly does the screen show? Write down its text.\n<image>",
    "<image>\nPlease copy the output in this picture as plain text.",
)


class QuestionSource:
    """Programming questions about pictures; answers are Markdown with verified code.

    Args:
        seed: of everything that is drawn.
        settings: see DEFAULTS; unknown names are refused.

    Raises:
        BadRecipe: a setting that there is not, or a kind that there is not.
    """

    name = "qa"
    category: Category = "qa"

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.seed = seed
        self.settings: Mapping[str, Any] = settings_of(
            self.name, seed, settings, DEFAULTS, TEMPLATES
        )
        kinds = list(self.settings["kinds"])
        self._kinds = kinds or list(TEMPLATES)
        self.filters = _filters(self.settings)

    def draft(self, index: int) -> Draft:
        """A question with everything that will be run for it."""
        draw = draw_for(self.seed, self.name, index)
        kind = draw.pick(*self._kinds)
        question = TEMPLATES[kind](draw)
        facts = {
            name: getattr(question, name)
            for name in ("mode", "ask", "prose", "wanted", "broken", "beside", "behind", "screen", "show", "width_px", "seen", "after")
        }  # fmt: skip
        facts["mark"] = draw.pick("before", "after", "after")
        facts["inverse"] = bool(question.screen) and draw.flag(self.settings["inverse"])
        facts["wording"] = draw.randrange(1 << 30)
        return Draft(
            id=f"{self.name}-{index:07d}",
            category=self.category,
            kind=kind,
            code=question.code.strip() + "\n",
            language=question.language,
            difficulty=round(min(1.0, question.difficulty), 2),
            seed=self.seed,
            facts=json.loads(json.dumps(facts)),
        )

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Run the answer, what is broken, and what is wanted; take the picture."""
        if draft.facts["mode"] in ("plot", "page"):
            return _compare_pictures(draft, machine)
        return _compare_outputs(draft, machine)

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The question; for some screens also the task to read them."""
        facts = draft.facts
        ask = (
            f"<image>\n{facts['ask']}"
            if facts["mark"] == "before"
            else f"{facts['ask']}\n\n<image>"
        )
        fence = {"javascript": "js"}.get(draft.language, draft.language)
        parts = [facts["prose"], f"```{fence}\n{draft.code.rstrip()}\n```", facts["after"]]
        answer = "\n\n".join(part for part in parts if part)
        picture = evidence.executions[-1]
        meta = {
            "source": "procedural",
            "kind": draft.kind,
            "licence": "CC0-1.0",
            "seed": draft.seed,
            "difficulty": draft.difficulty,
            "mode": facts["mode"],
            "render": dict(picture.stamp),
            "run": _how_it_runs(facts),
        }
        told = [
            Sample(
                id=draft.id,
                category=self.category,
                messages=(Message("user", ask), Message("assistant", answer)),
                images=evidence.images,
                task="code",
                reference=draft.code,
                language=draft.language,
                meta=meta,
            )
        ]
        text = facts["seen"] or _printed(draft, evidence)
        if facts["inverse"] and text:
            question = Draw(f"read/{facts['wording']}").pick(*_READ)
            said = f"```\n{text.rstrip()}\n```"
            told.append(
                replace(
                    told[0],
                    id=f"{draft.id}-ocr",
                    messages=(Message("user", question), Message("assistant", said)),
                    task="ocr",
                    reference="",
                    language="",
                )
            )
        return tuple(told)


def _how_it_runs(facts: Mapping[str, Any]) -> dict[str, str]:
    """What stands around the answer's code when it runs, and what it prints: for `data check`."""
    given = {"before": facts["beside"], "after": facts["behind"]}
    if facts["mode"] not in ("plot", "page"):
        given["output"] = facts["wanted"]
    return {name: text for name, text in given.items() if text}


def run_code(draft: Draft, code: str, machine: Machine) -> Execution:
    """Run a text of the draft's language: Python in the warm sandbox, other ones alone."""
    facts = draft.facts
    name = facts["screen"].get("file", "main.py").removesuffix(".py")
    whole = "\n".join(part for part in (facts["beside"], code, facts["behind"]) if part)
    if draft.language == "python":
        return machine.charts.run(whole, name=name)
    try:
        return run_program(whole, draft.language)
    except MissingPart as missing:
        return Execution("error", reason=str(missing).replace("\n", " "))


def _same_text(one: str, other: str) -> bool:
    lines = [[line.rstrip() for line in text.strip().splitlines()] for text in (one, other)]
    return lines[0] == lines[1]


def _compare_outputs(draft: Draft, machine: Machine) -> Evidence:
    facts = draft.facts
    numbers: dict[str, float] = {}
    if draft.language == "formula":
        from viscodex.data.questions.formulas import evaluate

        screen = facts["screen"]
        shown = evaluate(draft.code.strip(), screen["columns"], screen["rows"])
        answer = Execution("ok", stdout=f"{shown}\n")
    else:
        answer = run_code(draft, draft.code, machine)
    numbers["right"] = float(_same_text(answer.stdout, facts["wanted"]))
    printed = answer.stdout
    if facts["broken"]:
        broken = run_code(draft, facts["broken"], machine)
        failed = broken.status == "error"
        differs = broken.status == "ok" and not _same_text(broken.stdout, facts["wanted"])
        numbers["wrong"] = float(failed if facts["mode"] == "error" else differs)
        printed = broken.stdout + broken.stderr
    if answer.status != "ok":
        return Evidence((answer,), (), numbers)
    folder = facts["screen"].get("folder", "")
    printed = clean_paths(facts["screen"].get("body_text", printed), folder)
    html = screen_html(facts["screen"], printed)
    page = machine.pages.render(
        html, width=facts["width_px"], height=80, javascript=False, alone=False
    )
    numbers |= _picture_numbers(page)
    return Evidence((replace(answer, stderr=printed), page), page.images[:1], numbers)


def _picture_numbers(page: Execution) -> dict[str, float]:
    if page.image is None:
        return {"ink": 0.0, "height": 0.0}
    height = float(page.page.height) if page.page else 0.0
    return {"ink": ink(page.image), "height": height}


def _printed(draft: Draft, evidence: Evidence) -> str:
    """What the screen shows, where it shows what a program printed."""
    style = draft.facts["screen"].get("style")
    return evidence.executions[0].stderr if style == "terminal" else ""


def _compare_pictures(draft: Draft, machine: Machine) -> Evidence:
    facts = draft.facts

    def show(code: str) -> Execution:
        if facts["mode"] == "plot":
            return machine.charts.run(code)
        return machine.pages.render(
            code, width=facts["width_px"], height=120, javascript=False, alone=False
        )

    runs = [show(code) for code in (draft.code, facts["wanted"], facts["broken"])]
    pictures = [run.image for run in runs]
    numbers = {"right": 0.0, "wrong": 0.0}
    images: tuple[bytes, ...] = ()
    answer, wanted, broken = pictures
    if answer and wanted and broken:
        numbers["answer_changed"] = changed(answer, wanted)
        numbers["broken_changed"] = changed(broken, wanted)
        both = beside(broken, wanted)
        images = ({"broken": broken, "wanted": wanted, "both": both}[facts["show"]],)
        if facts["show"] == "two":
            images = (broken, wanted)
        numbers |= {"ink": ink(images[0]), "height": _picture_numbers(runs[1])["height"]}
    return Evidence(tuple(runs), images, numbers)


def _filters(settings: Mapping[str, Any]) -> tuple[Filter, ...]:
    """In the order in which they are asked."""

    def named(*names: str) -> dict[str, Any]:
        return {name: settings[name] for name in names}

    def right(draft: Draft, evidence: Evidence) -> Finding | None:
        if draft.facts["mode"] in ("plot", "page"):
            share, most = evidence.numbers.get("answer_changed", 1.0), settings["max_changed"]
            reason = "the answer's picture is not the wanted one"
            return None if share <= most else Finding(reason, {"changed": share, "max": most})
        if evidence.numbers.get("right"):
            return None
        return Finding("the answer prints something else than what is wanted")

    def wrong(draft: Draft, evidence: Evidence) -> Finding | None:
        numbers = evidence.numbers
        if draft.facts["mode"] in ("plot", "page"):
            share, least = numbers.get("broken_changed", 0.0), settings["min_changed"]
            reason = "wrong and wanted picture are too alike"
            return None if share >= least else Finding(reason, {"changed": share, "min": least})
        if not draft.facts["broken"] or numbers.get("wrong"):
            return None
        return Finding("what is called broken works: there is nothing to ask")

    def blank(draft: Draft, evidence: Evidence) -> Finding | None:
        share, least = evidence.numbers.get("ink", 0.0), settings["min_ink"]
        return None if share >= least else Finding("a blank picture", {"ink": share, "min": least})

    def tall(draft: Draft, evidence: Evidence) -> Finding | None:
        height, most = evidence.numbers.get("height", 0.0), settings["max_height_px"]
        return (
            None if height <= most else Finding("a tall picture", {"height": height, "max": most})
        )

    def code(draft: Draft, evidence: Evidence) -> Finding | None:
        text = f"```{draft.language}\n{draft.code.rstrip()}\n```"
        found = [fence.code for fence in fences(text) if fence.code.strip()]
        whole = len(found) == 1 and found[0].strip() == draft.code.strip()
        return None if whole else Finding("no code can be cut out of the answer")

    return (
        Filter("no_code", "The code of an answer must come out of its fence as it was run.", code),
        Filter("wrong_answer", "The answer must give what is wanted when it runs.", right, named("max_changed")),
        Filter("nothing_to_ask", "What is asked about must really be broken.", wrong, named("min_changed")),
        Filter("blank_picture", "A picture must show something.", blank, named("min_ink")),
        Filter("tall_picture", "A screen that nobody could photograph.", tall, named("max_height_px")),
    )  # fmt: skip

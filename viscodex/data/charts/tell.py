"""A chart that passed, told as samples: the code, then what else can be asked of its picture.

in:  a Draft with facts, the Evidence of its run, the shares of the inverse tasks
out: Samples: code, describe, table, question, ocr
not covered: making facts (kinds), whether they are true (verify.py)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from viscodex.data.charts import wordings
from viscodex.data.charts.describe import describe
from viscodex.data.charts.questions import questions
from viscodex.data.charts.verify import agrees, plain, seen
from viscodex.data.draft import Draft, Evidence
from viscodex.types import FigureRecord, Message, Sample, TextBox

TASKS: Mapping[str, float] = {"describe": 0.3, "table": 0.25, "question": 0.45, "ocr": 0.15}
"""The inverse tasks, and of which share of the drafts each is told by default."""

MAX_ROWS = 30  # of a table that is asked for
MAX_TEXTS = 80  # of a picture whose texts are asked for

Facts = Mapping[str, Any]
Turn = tuple[str, str]  # question, answer


def tell(draft: Draft, evidence: Evidence, shares: Mapping[str, float]) -> tuple[Sample, ...]:
    """The samples of a draft; the inverse ones only where the picture agrees with the facts."""
    rng = Random(f"{draft.seed} tell")
    samples = [sample_of(draft, evidence, "code", code_turns(draft, rng))]
    figure = evidence.executions[0].figure
    drawn = {task: rng.random() < share for task, share in shares.items()}
    if figure is None:
        return tuple(samples)
    panels = [seen(p, figure) for p in draft.facts.get("panels", ()) if agrees(p, figure)]
    whole = len(panels) == len(draft.facts.get("panels", ()))
    for task, wanted in drawn.items():
        turns = _turns(task, draft, panels, figure, whole, Random(f"{draft.seed} {task}"))
        if wanted and turns:
            samples.append(sample_of(draft, evidence, task, turns))
    return tuple(samples)


def sample_of(draft: Draft, evidence: Evidence, task: str, turns: Sequence[Turn]) -> Sample:
    """One thing that is asked of a chart, as a sample: questions and answers in their order."""
    messages = []
    for k, (question, answer) in enumerate(turns):
        messages.append(Message("user", question if k else f"<image>\n{question}"))
        messages.append(Message("assistant", answer))
    code = task == "code"
    meta: dict[str, Any] = {
        "source": "procedural", "kind": draft.kind, "licence": "CC0-1.0", "seed": draft.seed,
        "difficulty": draft.difficulty, "stamp": dict(evidence.executions[0].stamp),
    }  # fmt: skip
    if "panels" in draft.facts:
        meta["facts"] = {"idiom": draft.facts.get("idiom", ""), "panels": _outline(draft.facts)}
    return Sample(
        id=draft.id if code else f"{draft.id}-{task}",
        category="chart",
        messages=tuple(messages),
        images=evidence.images,
        task=task,
        reference=draft.code if code else "",
        language=draft.language if code else "",
        meta=meta,
    )


def _outline(facts: Facts) -> list[dict[str, Any]]:
    return [{"kind": p["kind"], "title": p["title"]} for p in facts["panels"]]


def code_turns(draft: Draft, rng: Random) -> list[Turn]:
    """Its code, asked for in one of many wordings."""
    return [(rng.choice(wordings.CODE), f"```python\n{draft.code.rstrip()}\n```")]


def _turns(
    task: str, draft: Draft, panels: list[Facts], figure: FigureRecord, whole: bool, rng: Random
) -> list[Turn]:
    if task == "ocr":
        return _ocr(figure, rng)
    if not panels or not whole:
        return []
    if task == "describe":
        title = draft.facts.get("title", "")
        return [(rng.choice(wordings.DESCRIBE), describe(panels, title, rng))]
    if task == "table":
        return _table(panels, rng)
    return _questions(panels, rng)


# --- table ----------------------------------------------------------------------------------------


def _table(panels: list[Facts], rng: Random) -> list[Turn]:
    titles = [p["title"] for p in panels]
    fit = [
        p
        for p in panels
        if p["readable"] and len(p["columns"]) > 1 and p["rows"] and len(p["rows"]) <= MAX_ROWS and titles.count(p["title"]) == 1
    ]  # fmt: skip
    if not fit:
        return []
    panel = rng.choice(fit)
    form = rng.choice(("Markdown", "Markdown", "CSV"))
    where = f' in the panel "{panel["title"]}"' if len(panels) > 1 else ""
    question = rng.choice(wordings.TABLE).format(form=form, panel=where)
    return [(question, markdown(panel) if form == "Markdown" else csv(panel))]


def markdown(panel: Facts) -> str:
    """The table of a panel in Markdown."""
    head = "| " + " | ".join(map(str, panel["columns"])) + " |"
    rule = "|" + "|".join(" --- " for _ in panel["columns"]) + "|"
    return "\n".join(
        [head, rule, *("| " + " | ".join(map(str, row)) + " |" for row in panel["rows"])]
    )


def csv(panel: Facts) -> str:
    """The table of a panel as CSV in a fence."""
    rows = [",".join(_field(v) for v in row) for row in (panel["columns"], *panel["rows"])]
    return "```csv\n" + "\n".join(rows) + "\n```"


def _field(value: Any) -> str:
    words = str(value)
    return '"' + words.replace('"', '""') + '"' if "," in words or '"' in words else words


# --- questions ------------------------------------------------------------------------------------


def _questions(panels: list[Facts], rng: Random) -> list[Turn]:
    titles = [p["title"] for p in panels]
    found = []
    for panel in panels:
        if titles.count(panel["title"]) == 1:
            where = f'In the panel "{panel["title"]}": ' if len(panels) > 1 else ""
            found += [
                (kind, _put(where, question), answer)
                for kind, question, answer in questions(panel, rng)
                if not (where and kind == "title")
            ]
    if len(panels) > 1:
        found.append(("count", "How many panels does the figure have?", str(len(panels))))
    kinds = sorted({kind for kind, _, _ in found})
    common = [k for k in kinds if k in ("title", "label", "type", "legend", "count")]
    rare = [k for k in kinds if k not in common]
    wanted = rng.sample(rare, min(len(rare), rng.choice((1, 1, 2, 2, 3))))
    if not wanted or rng.random() < 0.35:
        wanted += rng.sample(common, 1)
    turns = []
    for kind in wanted:
        _, question, answer = rng.choice([t for t in found if t[0] == kind])
        turns.append((rng.choice(wordings.QUESTION_LEADS).format(question=question), answer))
    return turns


def _put(where: str, question: str) -> str:
    return where + (question[0].lower() + question[1:] if where else question)


# --- texts ----------------------------------------------------------------------------------------


def _ocr(figure: FigureRecord, rng: Random) -> list[Turn]:
    boxes = [box for box in figure.boxes if box.figure == 0 and plain(box.text)]
    if not 0 < len(boxes) <= MAX_TEXTS:
        return []
    return [(rng.choice(wordings.OCR), "\n".join(plain(box.text) for box in reading_order(boxes)))]


def reading_order(boxes: Sequence[TextBox]) -> list[TextBox]:
    """Lines from top to bottom, each from left to right; texts of nearly one height are a line."""
    lines: list[list[TextBox]] = []
    for box in sorted(boxes, key=lambda b: (b.y, b.x)):
        line = lines[-1] if lines else None
        if line is not None and box.y - line[0].y < 0.5 * max(1.0, min(box.size, line[0].size)):
            line.append(box)
        else:
            lines.append([box])
    return [box for line in lines for box in sorted(line, key=lambda b: b.x)]

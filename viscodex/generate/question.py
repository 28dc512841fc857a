"""What is asked of a picture: code of a chart, code of a page, or a question of one's own.

in:  a picture; a task or none; a text or none
out: the task, the prompt; the prompts of a repair
not covered: asking (writer.py)

Where no task is given a rule of three measures finds it (`guess_task`): pages have bands that reach
the left and right edge, rows without anything between their lines of text, and room below; figures of matplotlib
have an even margin around, and axes that leave hardly a row empty. With a text and no task its words decide.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from PIL import Image

from viscodex.data.charts.wordings import CODE as CHART_WORDINGS
from viscodex.data.pages.answers import INSTRUCTIONS as PAGE_WORDINGS
from viscodex.errors import BadRecipe
from viscodex.generate.likeness import differences
from viscodex.images import open_image
from viscodex.models.chat import IMAGE_MARK
from viscodex.models.model import Prompt
from viscodex.types import Answer, Execution, Message

TaskName = Literal["chart", "html", "qa"]
TASKS: tuple[TaskName, ...] = ("chart", "html", "qa")

ASK: dict[str, str] = {"chart": CHART_WORDINGS[0], "html": PAGE_WORDINGS[0]}
"""What is asked where the user says nothing: word for word of the data that models are trained on."""
LANGUAGE: dict[str, str] = {"chart": "python", "html": "html", "qa": ""}

BLANK_ROWS, EDGE, BELOW = 0.12, 0.02, 0.14
"""Above any of these a picture is taken for a page; see `measure_layout`."""
SIDE = 400  # px of the longer side at which they are measured

_WORDS: dict[TaskName, re.Pattern[str]] = {
    "html": re.compile(r"\b(html|css|web ?page|web ?site|screenshot|user interface|mock-?up)\b", re.I),
    "chart": re.compile(r"\b(matplotlib|pyplot|seaborn|plotting code|(python|code|script)\b.*\b(chart|plot|figure|graph)|"
                        r"(chart|plot|figure|graph)\b.*\b(python|code|script))\b", re.I | re.S),
}  # fmt: skip


def check_task(task: str | None, text: str | None) -> TaskName | None:
    """The task as it was given.

    Raises:
        BadRecipe: there is no such task, or qa without a question.
    """
    if task is not None and task not in TASKS:
        raise BadRecipe("there is no such task", task, f"Known are {', '.join(TASKS)}.")
    if task == "qa" and not (text or "").strip():
        raise BadRecipe("nothing is asked", "task qa", "Give the question with --prompt TEXT.")
    return next((name for name in TASKS if name == task), None)


def find_task(picture: bytes, task: TaskName | None, text: str | None) -> tuple[TaskName, str]:
    """The task, and how it was found; empty where it was given."""
    if task is not None:
        return task, ""
    if text and text.strip():
        name = _task_of_words(text)
        how = "the prompt asks for no code" if name == "qa" else "by the words of the prompt"
        return name, how
    return guess_task(open_image(picture))


def is_question(task: TaskName | None, text: str | None) -> bool:
    """Whether no picture can make it anything but a question: by its task, or by its words."""
    asks = bool(text and text.strip())
    return task == "qa" or (task is None and asks and _task_of_words(text or "") == "qa")


def _task_of_words(text: str) -> TaskName:
    return next((name for name, words in _WORDS.items() if words.search(text)), "qa")


def guess_task(picture: Image.Image) -> tuple[TaskName, str]:
    """Chart or page, with the measure that decided."""
    found = measure_layout(picture)
    if found["edge"] > EDGE:
        return "html", f"bands reach the edge ({found['edge']:.2f} of it)"
    if found["blank_rows"] > BLANK_ROWS:
        return "html", f"{found['blank_rows']:.2f} of its rows are empty"
    if found["below"] > BELOW:
        return "html", f"the lowest {found['below']:.2f} of it is empty"
    return "chart", "even margins, hardly an empty row"


def measure_layout(picture: Image.Image) -> dict[str, float]:
    """Shares of a picture that tell pages from charts.

    Returns:
        edge: share of the outermost ring of pixels that are not of its most common colour.
        blank_rows: share of the rows between the first and the last that show something which are
            empty from side to side.
        below: share of the height under the last row that shows something.
    """
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, np.int64)  # (H, W, 3)
    ring = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    colors, counts = np.unique(ring, axis=0, return_counts=True)
    ink = (np.abs(pixels - colors[counts.argmax()]).max(-1) > 24).any(1)  # (H,) by row
    rows = np.flatnonzero(ink)
    if not len(rows):
        return {"edge": 0.0, "blank_rows": 0.0, "below": 1.0}
    return {
        "edge": 1 - float(counts.max()) / len(ring),
        "blank_rows": 1 - float(ink[rows[0] : rows[-1] + 1].mean()),
        "below": 1 - float(rows[-1] + 1) / len(pixels),
    }


def prompt_of(picture: bytes, task: TaskName, text: str | None, name: str = "") -> Prompt:
    """The question about a picture; the user's own text instead of ours where there is one."""
    asked = text if text and text.strip() else ASK[task]
    asked = asked if IMAGE_MARK in asked else f"{IMAGE_MARK}\n{asked}"
    return Prompt((Message("user", asked),), (picture,), name)


def repair_prompt(
    prompt: Prompt, answer: Answer, done: Execution | None, *, show_render: bool
) -> Prompt:
    """The same conversation, with the answer and what was wrong with it.

    Args:
        prompt: the first question, about one picture.
        done: what became of the answer's code.
        show_render: also show what the code drew, beside the words.
    """
    said = answer.completion.text.replace(IMAGE_MARK, "<picture>")
    images = prompt.images
    if done is None or done.status == "no_code" or not answer.code.strip():
        trouble = "Your answer has no code."
    elif done.image is None or done.status != "ok":
        trouble = f"Your code does not run: {done.reason or done.status}.{_trace(done)}"
    else:
        trouble = f"Your code runs, but draws another picture. {differences(prompt.images[0], done.image)}"
        if show_render:
            trouble += f" This is what it draws: {IMAGE_MARK}"
            images = (*images, done.image)
    more = f"{trouble}\nCorrect it and write the whole code again."
    messages = (*prompt.messages, Message("assistant", said), Message("user", more))
    return Prompt(messages, images, prompt.id)


def _trace(done: Execution) -> str:
    """The last lines of what the script said."""
    lines = [line for line in done.stderr.splitlines() if line.strip()][-6:]
    return "\n" + "\n".join(line[:200] for line in lines) if lines else ""

"""Ask for code, run it, choose the best, mend it.

in:  pictures, a model, how hard to try
out: Generated
not covered: folders of pictures and their results on disk (many.py)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from viscodex.errors import BadRecipe
from viscodex.generate import world
from viscodex.generate.attempt import Attempt, Kind, Stage
from viscodex.generate.generated import Generated
from viscodex.generate.likeness import SAME
from viscodex.generate.picture import Picture, Source, read_picture
from viscodex.generate.question import (
    TaskName,
    check_task,
    find_task,
    prompt_of,
    repair_prompt,
)
from viscodex.models.model import DEFAULT, Decoding, Model, Prompt, decoding_facts, open_model
from viscodex.types import Completion

WARM = 0.7  # temperature of further answers, where the first one is greedy
KINDS: dict[TaskName, str] = {"chart": "a chart", "html": "a page", "qa": "a question"}
Progress = Callable[[str, int, int], None]
Question = tuple[Picture, TaskName, str, Prompt]  # how the task was found stands third


class Writer:
    """A model with what runs its code. A context manager.

        with Writer("nano", best_of=4) as writer:
            (result,) = writer.write([read_picture("chart.png")])

    Args:
        model: a name (viscodex.models.model), or a Model, which stays open.
        task: chart, html or qa; None: found for each picture (question.py).
        prompt: what to ask instead of our own question.
        repair: rounds in which an answer that fails or draws something else is given back with what was
            wrong; the best of all attempts is kept.
        best_of: answers to each picture, of which the one that runs and looks most alike is taken.
        decoding: of the first answer; further ones are drawn at temperature 0.7 where it is greedy.
        run: off: the code is neither run nor compared.
        workers: answers run at once; None takes the number of cores, at most 8.
        runtime, allow_unsafe: of the sandbox; see attempt.Stage.
        settings: of the model where a name is given; see open_model.

    Raises:
        BadRecipe: a value that cannot be meant.
        ViscodexError: the model cannot be opened.
    """

    def __init__(
        self,
        model: str | Model = DEFAULT,
        *,
        task: str | None = None,
        prompt: str | None = None,
        repair: int = 0,
        best_of: int = 1,
        decoding: Decoding | None = None,
        run: bool = True,
        workers: int | None = None,
        runtime: str = "current",
        allow_unsafe: bool = False,
        **settings: Any,
    ) -> None:
        if repair < 0 or best_of < 1:
            raise BadRecipe(
                "so many tries cannot be meant",
                f"repair={repair}, best_of={best_of}",
                "repair is 0 or more, best_of 1 or more.",
            )
        if not run and (repair or best_of > 1):
            raise BadRecipe(
                "answers cannot be chosen or mended without running them",
                f"repair={repair}, best_of={best_of}, and the code shall not be run",
                "Let it run, or leave repair and best_of out.",
            )
        self.task, self.prompt = check_task(task, prompt), prompt
        self.repair, self.best_of = repair, best_of
        self.decoding = decoding or Decoding()
        cores = min(8, len(os.sched_getaffinity(0)))
        self.stage = Stage(workers or cores, runtime=runtime, run=run, allow_unsafe=allow_unsafe)
        self._is_ours = isinstance(model, str)
        self.model: Model = open_model(model, **settings) if isinstance(model, str) else model

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self.stage.__exit__()
        if self._is_ours:
            self.model.__exit__(None, None, None)

    @property
    def facts(self) -> dict[str, Any]:
        """JSON: all that results depend on."""
        return {
            "model": self.model.identity,
            "decoding": decoding_facts(self.decoding),
            "task": self.task,
            "prompt": self.prompt,
            "repair": self.repair,
            "best_of": self.best_of,
            "run": self.stage.runs,
        }

    def write(
        self, pictures: Sequence[Picture], progress: Progress = lambda phase, done, total: None
    ) -> list[Generated]:
        """The code of each picture; the model answers all of them in batches.

        Raises:
            ViscodexError: the model answers nothing, or nothing can be run here.
        """
        began = time.perf_counter()
        questions = [self._question(picture) for picture in pictures]
        self.stage.prepare(task for _, task, *_ in questions)
        attempts = self._first(questions, progress)
        for k in range(self.repair):
            self._mend(questions, attempts, progress, k)
        seconds = (time.perf_counter() - began) / max(1, len(pictures))
        return [
            self._generated(question, tried, seconds)
            for question, tried in zip(questions, attempts, strict=True)
        ]

    def _question(self, picture: Picture) -> Question:
        task, how = find_task(picture.data, self.task, self.prompt)
        return picture, task, how, prompt_of(picture.data, task, self.prompt, picture.name)

    def _first(self, questions: Sequence[Question], progress: Progress) -> list[list[Attempt]]:
        """The first answer to each, and those drawn beside it, run."""
        total = self.best_of * len(questions)
        progress("writing", 0, total)
        first, more = self.decoding, self.best_of - 1
        rounds: list[tuple[Decoding, Kind, int]] = [(first, "first", 1)]
        if more and first.temperature > 0:
            rounds = [(replace(first, n=self.best_of), "drawn", self.best_of)]
        elif more:
            rounds.append((replace(first, n=more, temperature=WARM), "drawn", more))
        attempts: list[list[Attempt]] = [[] for _ in questions]
        done = 0
        for decoding, kind, n in rounds:
            jobs: list[tuple[Picture, TaskName, Completion, Kind]] = []
            prompts = [prompt for *_, prompt in questions]
            for k, completion in enumerate(self.model.complete(prompts, decoding)):
                picture, task, *_ = questions[k // n]
                jobs.append((picture, task, completion, kind))
                done += 1
                progress("writing", done, total)
            for k, attempt in enumerate(self.stage.run_all(jobs)):
                attempts[k // n].append(attempt)
        return attempts

    def _mend(
        self,
        questions: Sequence[Question],
        attempts: Sequence[list[Attempt]],
        progress: Progress,
        k: int,
    ) -> None:
        """One more answer where the best one fails or draws something else."""
        left = [
            (question, tried, max(tried, key=lambda attempt: attempt.rank))
            for question, tried in zip(questions, attempts, strict=True)
        ]
        left = [
            (question, tried, best)
            for question, tried, best in left
            if question[1] != "qa"
            and not best.answer.completion.error
            and (best.render is None or best.likeness < SAME)
        ]
        if not left:
            return
        shows = self.model.name != DEFAULT  # the embedded model has never seen two pictures at once
        prompts = [
            repair_prompt(prompt, best.answer, best.execution, show_render=shows)
            for (*_, prompt), _, best in left
        ]
        phase = f"repairing, round {k + 1}"
        jobs: list[tuple[Picture, TaskName, Completion, Kind]] = []
        progress(phase, 0, len(left))
        answers = self.model.complete(prompts, self.decoding)
        for done, (((picture, task, *_), *_), completion) in enumerate(
            zip(left, answers, strict=True), 1
        ):
            jobs.append((picture, task, completion, "repair"))
            progress(phase, done, len(left))
        for (_, tried, _), attempt in zip(left, self.stage.run_all(jobs), strict=True):
            tried.append(attempt)

    def _generated(self, question: Question, tried: list[Attempt], seconds: float) -> Generated:
        picture, task, how, prompt = question
        asked = prompt.messages[0].content.removeprefix("<image>\n")
        result = Generated(picture, task, asked, self.model.name, tuple(tried), (), seconds)
        notices = [f"taken for {KINDS[task]}: {how}"] if how else []
        best = result.best.answer
        if self.model.name == DEFAULT:
            notices += world.notices_of(picture.data)
            notices += world.unsure(best.completion.probability)
        if best.problem in ("truncated", "repetition"):
            what = "ends in a loop" if best.problem == "repetition" else "was cut off"
            notices.append(f"the answer {what} after {best.completion.completion_tokens} tokens")
        return replace(result, notices=tuple(notices))


def generate(image: Source, model: str | Model = DEFAULT, **how: Any) -> Generated:
    """Write the code of a picture, run it, compare what it draws.

        viscodex.generate("chart.png")            # in a notebook: picture, code and render
        viscodex.generate(image, "openai/my-model@http://localhost:8000/v1", best_of=4, repair=2)

    Args:
        image: path, bytes of a file, or a PIL picture.
        model: nano, a checkpoint, an endpoint, recorded answers: viscodex.models.model.
        how: task, prompt, repair, best_of, decoding, run, ...: see Writer.

    Returns:
        Generated: .code, .render, .likeness, .status, .notices, .save(path).

    Raises:
        BadInput: the picture cannot be read.
        ViscodexError: the model cannot be opened, or code cannot be run on this machine.
    """
    picture = read_picture(image)
    with Writer(model, **how) as writer:
        return writer.write([picture])[0]

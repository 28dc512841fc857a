"""Ask for code, run it, choose the best, mend it.

in:  pictures, a model, how hard to try
out: Generated
not covered: folders of pictures and their results on disk (many.py)
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter, defaultdict
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
    is_question,
    prompt_of,
    repair_prompt,
)
from viscodex.models.model import DEFAULT, Decoding, Model, Prompt, decoding_facts, open_model
from viscodex.types import Completion

WARM = 0.7  # temperature of further answers, where the first one is greedy
KINDS: dict[TaskName, str] = {"chart": "a chart", "html": "a page", "qa": "a question"}
Progress = Callable[[str, int, int], None]
Watch = Callable[[str], None]  # is told each piece of an answer as it is written
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
            wrong; the best of all attempts is kept. What was given back before is given back again with
            another seed, at temperature 0.7 where answers are greedy.
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
        if (repair or best_of > 1) and is_question(self.task, prompt):
            raise BadRecipe(
                "answers to a question cannot be chosen or mended: nothing in them is run",
                f"repair={repair}, best_of={best_of}, and the prompt asks for no code",
                "Leave repair and best_of out, or say that code is asked for: task chart or html.",
            )
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
        self,
        pictures: Sequence[Picture],
        progress: Progress = lambda phase, done, total: None,
        watch: Watch | None = None,
    ) -> list[Generated]:
        """The code of each picture; the model answers all of them in batches.

        Args:
            watch: sees the first answer as it comes where one picture is asked about, and once.

        Raises:
            ViscodexError: the model answers nothing, or nothing can be run here.
        """
        began = time.perf_counter()
        questions = [self._question(picture) for picture in pictures]
        self.stage.prepare(task for _, task, *_ in questions)
        if watch is not None and len(questions) == self.best_of == 1:
            attempts = [[self._streamed(questions[0], watch)]]
        else:
            attempts = self._first(questions, progress)
        given: Counter[Prompt] = Counter()
        for k in range(self.repair):
            self._mend(questions, attempts, given, f"repairing, round {k + 1}", progress)
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

    def _streamed(self, question: Question, watch: Watch) -> Attempt:
        """The first answer, run; a stream that breaks off is asked for again, in one piece."""
        picture, task, _, prompt = question
        stream = self.model.stream(prompt, self.decoding)
        with contextlib.closing(stream):
            while True:
                try:
                    watch(next(stream))
                except StopIteration as end:
                    completion: Completion = end.value
                    break
        if completion.error:
            (completion,) = self.model.complete([prompt], self.decoding)
        return self.stage.run(picture, task, completion, "first")

    def _mend(
        self,
        questions: Sequence[Question],
        attempts: Sequence[list[Attempt]],
        given: Counter[Prompt],
        phase: str,
        progress: Progress,
    ) -> None:
        """One more answer where the best one fails or draws something else.

        Args:
            given: how often each repair was asked for; counted on.
        """
        shows = self.model.name != DEFAULT  # the embedded model has never seen two pictures at once
        left: dict[int, list[tuple[int, Prompt]]] = defaultdict(list)  # by how often it was asked
        for n, ((_, task, _, prompt), tried) in enumerate(zip(questions, attempts, strict=True)):
            best = max(tried, key=lambda attempt: attempt.rank)
            is_right = best.render is not None and best.likeness >= SAME
            if task == "qa" or best.answer.completion.error or is_right:
                continue
            again = repair_prompt(prompt, best.answer, best.execution, show_render=shows)
            left[given[again]].append((n, again))
        total = sum(map(len, left.values()))
        if not total:
            return
        progress(phase, 0, total)
        jobs: list[tuple[Picture, TaskName, Completion, Kind]] = []
        places: list[int] = []
        for times, asked in left.items():
            prompts = [prompt for _, prompt in asked]
            given.update(prompts)
            answers = self.model.complete(prompts, self._decoding_of(times))
            for (n, _), completion in zip(asked, answers, strict=True):
                picture, task, *_ = questions[n]
                jobs.append((picture, task, completion, "repair"))
                places.append(n)
                progress(phase, len(jobs), total)
        for n, attempt in zip(places, self.stage.run_all(jobs), strict=True):
            attempts[n].append(attempt)

    def _decoding_of(self, times: int) -> Decoding:
        """Of a repair that was asked for so many times before: the same draw would say the same."""
        if not times:
            return self.decoding
        warm = self.decoding.temperature or WARM
        return replace(self.decoding, temperature=warm, seed=self.decoding.seed + times)

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

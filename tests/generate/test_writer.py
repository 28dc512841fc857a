"""Pictures to code that runs: in the real sandbox, with recorded answers and a real small model."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import viscodex
from tests.generate.conftest import fenced
from viscodex.errors import BadInput, BadRecipe
from viscodex.generate.picture import read_picture
from viscodex.generate.writer import Writer
from viscodex.models.model import Decoding, Prompt
from viscodex.types import Completion

Recorded = Callable[[Mapping[Path, str | list[str]]], str]


class Scripted:
    """A model from outside: a function of the number of messages and of the answer's number."""

    name = "scripted"
    identity: dict[str, Any] = {"kind": "scripted"}  # noqa: RUF012

    def __init__(self, say: Callable[[Prompt, int], str]) -> None:
        self.say, self.asked = say, list[tuple[Prompt, Decoding]]()

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *error: object) -> None:
        self.asked.append((Prompt(()), Decoding()))  # would show that somebody closed it

    def complete(self, prompts: Iterable[Prompt], decoding: Decoding) -> Iterator[Completion]:
        for prompt in prompts:
            self.asked.append((prompt, decoding))
            for k in range(decoding.n):
                yield Completion(self.say(prompt, k), "stop", completion_tokens=5)

    def stream(self, prompt: Prompt, decoding: Decoding) -> Generator[str, None, Completion]:
        yield ""
        return Completion("")


BROKEN = "```python\nimport matplotlib.pyplot as plt\nplt.bar(nothing)\n```"
OTHER = "```python\nimport matplotlib.pyplot as plt\nplt.plot([1, 5, 2])\nplt.title('Something else')\n```"


def test_charts_and_pages_become_code_that_draws_them_again(
    charts: list[Path], pages: list[Path], recorded: Recorded
) -> None:
    paths = [charts[0], pages[0], charts[1], pages[1]]
    with Writer(recorded({path: fenced(path) for path in paths}), workers=2) as writer:
        results = writer.write([read_picture(path) for path in paths])
    for path, result in zip(paths, results, strict=True):
        assert result.ok, (path, result.reason)
        assert result.likeness > 0.9, path
        assert result.task == ("chart" if path in charts else "html")
        assert result.render is not None and result.render.startswith(b"\x89PNG")
    assert results[0].code.rstrip() == charts[0].with_suffix(".py").read_text().rstrip()


def test_answers_that_do_not_run_are_results_with_a_reason(
    charts: list[Path], recorded: Recorded
) -> None:
    said = {
        charts[0]: BROKEN,
        charts[1]: "I see a bar chart.",
        charts[2]: "```python\nprint('no picture')\n```",
        charts[3]: "```java\nclass A {}\n```",
    }
    with Writer(recorded(said), workers=2) as writer:
        results = writer.write([read_picture(path) for path in said])
    assert [r.status for r in results] == ["error", "no_code", "error", "no_code"]
    for result, words in zip(results, ("nothing", "no code", "draws nothing", "java"), strict=True):
        assert words in result.reason
        assert result.render is None and not result.ok
        with pytest.raises(BadInput, match="no render"):
            result.save_render("never.png")


def test_an_unanswered_prompt_is_a_result(charts: list[Path], recorded: Recorded) -> None:
    with Writer(recorded({charts[0]: "x"})) as writer:
        (result,) = writer.write([read_picture(charts[1])])
    assert (result.status, result.code) == ("unanswered", "")
    assert "no answer" in result.reason
    with pytest.raises(BadInput, match="no code"):
        result.save("never.py")


def test_the_best_of_several_runs_and_looks_most_alike(charts: list[Path]) -> None:
    answers = [OTHER, fenced(charts[0]), BROKEN]
    model = Scripted(lambda prompt, k: answers[k])
    with Writer(model, best_of=4, decoding=Decoding(temperature=0.0), workers=2) as writer:
        (result,) = writer.write([read_picture(charts[0])])
    (_, first), (_, more) = model.asked
    assert (first.n, first.temperature) == (1, 0.0)
    assert more.n == 3 and more.temperature > 0
    assert [a.execution.status for a in result.attempts if a.execution] == [
        "ok",
        "ok",
        "ok",
        "error",
    ]
    assert result.code in fenced(charts[0])
    assert result.best is result.attempts[2]


def test_code_that_fails_is_more_than_no_answer_and_is_mended(
    charts: list[Path], tmp_path: Path
) -> None:
    file, name = tmp_path / "answers.jsonl", str(charts[0])
    rows = [{"id": name, "answer": "", "error": "no reply"}, *[{"id": name, "answer": BROKEN}] * 2]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Writer(f"replay/{file}", best_of=3, repair=1, workers=2) as writer:
        (result,) = writer.write([read_picture(charts[0])])
    assert (result.status, result.best.kind) == ("error", "drawn")
    assert "plt.bar(nothing)" in result.code
    assert [a.kind for a in result.attempts] == ["first", "drawn", "drawn", "repair"]


def test_a_repair_that_was_no_better_is_asked_for_again_with_another_draw(
    charts: list[Path], trio: Path
) -> None:
    """The model writes noise: no repair is better, and each must be another one."""
    greedy = Decoding(max_tokens=12)
    with Writer(str(trio / "vlm"), repair=3, decoding=greedy, device="cpu", workers=1) as writer:
        (result,) = writer.write([read_picture(charts[0])])
    repairs = [a.answer.completion.text for a in result.attempts if a.kind == "repair"]
    assert len(repairs) == len(set(repairs)) == 3


def test_warm_repairs_take_another_seed_each_round(charts: list[Path]) -> None:
    model = Scripted(lambda prompt, k: BROKEN)
    with Writer(model, repair=3, decoding=Decoding(temperature=0.5, seed=7), workers=1) as writer:
        writer.write([read_picture(charts[0])])
    assert [(d.temperature, d.seed) for _, d in model.asked[1:]] == [(0.5, 7), (0.5, 8), (0.5, 9)]


FORGED = """
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
head = bytes.fromhex("89504e470d0a1a0a0000000d49484452" "0000000400000004" "0802000000" "26930929")
forged = head + b"no pixels" + b"\\0\\0\\0\\0IEND\\xaeB`\\x82"
FigureCanvasAgg.print_figure = lambda canvas, out, **_: out.write(forged)
plt.plot([1, 2])
"""


def test_a_forged_picture_is_a_status_and_no_end_of_the_run(
    charts: list[Path], recorded: Recorded
) -> None:
    said = {charts[0]: f"```python{FORGED}```", charts[1]: fenced(charts[1])}
    with Writer(recorded(said), repair=1, workers=2) as writer:
        forged, good = writer.write([read_picture(path) for path in said])
    assert (forged.status, forged.render, good.status) == ("error", None, "ok")
    assert "what it draws cannot be read" in forged.reason
    assert good.likeness > 0.9


def test_repair_gives_back_what_was_wrong_until_it_is_right(charts: list[Path]) -> None:
    steps: list[str] = []

    def answer(prompt: Prompt, k: int) -> str:
        said = prompt.messages[-1].content
        steps.append(said)
        if len(prompt.messages) == 1:
            return BROKEN
        return OTHER if "does not run" in said else fenced(charts[0])

    model = Scripted(answer)
    with Writer(model, repair=4, workers=2) as writer:
        (result,) = writer.write([read_picture(charts[0])])
    assert len(steps) == 3  # after the third answer there is nothing left to mend
    assert "nothing" in steps[1] and "another picture" in steps[2]
    assert len(model.asked[2][0].images) == 2  # the picture, and what was drawn instead
    assert [a.kind for a in result.attempts] == ["first", "repair", "repair"]
    assert result.ok and result.likeness > 0.95


def test_a_repair_that_makes_it_worse_is_not_taken(charts: list[Path]) -> None:
    model = Scripted(lambda prompt, k: OTHER if len(prompt.messages) == 1 else BROKEN)
    with Writer(model, repair=1, workers=2) as writer:
        (result,) = writer.write([read_picture(charts[0])])
    assert result.ok and result.best.kind == "first" and len(result.attempts) == 2


def test_questions_are_answered_and_nothing_runs(charts: list[Path], recorded: Recorded) -> None:
    answer = "The third one.\n```python\nraise SystemExit\n```"
    result = viscodex.generate(
        charts[0], recorded({charts[0]: answer}), prompt="Which bar is highest?"
    )
    assert (result.task, result.ok, str(result)) == ("qa", True, answer)
    assert result.execution is None


def test_code_is_not_run_where_nobody_wants_it(charts: list[Path], recorded: Recorded) -> None:
    result = viscodex.generate(charts[0], recorded({charts[0]: BROKEN}), run=False)
    assert result.ok and result.execution is None and "plt.bar(nothing)" in result.code
    with pytest.raises(BadRecipe, match="without running"):
        Writer(recorded({charts[0]: BROKEN}), run=False, best_of=2)
    with pytest.raises(BadRecipe, match="repair=-1"):
        Writer(recorded({charts[0]: BROKEN}), repair=-1)


def test_in_a_notebook_it_shows_picture_code_and_render(
    charts: list[Path], recorded: Recorded, tmp_path: Path
) -> None:
    code = fenced(charts[0]).replace("```python\n", "```python\n# <script>alert(1)</script>\n")
    result = viscodex.generate(charts[0], recorded({charts[0]: code}))
    shown = result._repr_html_()
    assert shown.count("data:image/png;base64,") == 2
    assert "&lt;script&gt;" in shown and "<script>" not in shown
    assert "likeness" in shown
    result.save(tmp_path / "again.py")
    result.save_render(tmp_path / "again.png")
    assert (tmp_path / "again.py").read_text() == result.code + "\n"
    assert read_picture(tmp_path / "again.png").width == read_picture(charts[0]).width
    bad = viscodex.generate(charts[0], recorded({charts[0]: BROKEN}))._repr_html_()
    assert "no render: error" in bad


def test_a_model_that_was_given_stays_open(charts: list[Path]) -> None:
    model = Scripted(lambda prompt, k: OTHER)
    with Writer(model, run=False) as writer:
        writer.write([read_picture(charts[0])])
    assert len(model.asked) == 1


def test_a_real_model_writes_and_its_noise_is_an_honest_result(
    charts: list[Path], trio: Path
) -> None:
    result = viscodex.generate(
        charts[0], str(trio / "vlm"), decoding=Decoding(max_tokens=8), device="cpu"
    )
    assert result.status in ("no_code", "error", "ok")
    assert result.best.answer.completion.completion_tokens
    assert result.best.answer.completion.probability
    assert "cut off after 8 tokens" in " ".join(result.notices) or result.text

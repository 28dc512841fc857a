"""Models of all kinds behind inspect_ai: nothing is lost on the way, faults are told, batches are made."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import inspect_ai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.model import GenerateConfig, ModelOutput, ModelUsage, get_model
from typer.testing import CliRunner

from tests.evaluate.suites import (
    RIGHT,
    WRONG,
    lines_of,
    png,
    report_of,
    write_lines,
    write_problems,
    write_suite,
)
from viscodex.cli import app
from viscodex.errors import BadInput, BadRecipe, MissingPart, RunStopped
from viscodex.evaluate import harness
from viscodex.evaluate.messages import (
    chat_from_prompt,
    completion_from_output,
    output_from_completion,
    prompt_from_chat,
)
from viscodex.evaluate.provider import Batches
from viscodex.evaluate.run import Plan, evaluate
from viscodex.evaluate.system import System, open_system
from viscodex.merge.checkpoint import read_checkpoint
from viscodex.models.model import Decoding, Prompt, weights_folder
from viscodex.models.weights import choose_device
from viscodex.tasks.task import task
from viscodex.types import Completion, Message

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(TEXTS, st.lists(TEXTS, max_size=3), TEXTS, st.integers(0, 9))
@settings(max_examples=60)
def test_a_prompt_is_the_same_after_its_way_through_messages(
    system: str, pieces: list[str], name: str, attempt: int
) -> None:
    pieces = [piece.replace("<image>", "") for piece in pieces] or ["?"]
    system = system.replace("<image>", "")
    images = tuple(png(8 + k) for k in range(len(pieces) - 1))
    asked = Prompt(
        (Message("system", system), Message("user", "<image>".join(pieces))), images, name
    )
    assert prompt_from_chat(chat_from_prompt(asked, attempt)) == (asked, attempt)


def test_a_prompt_that_does_not_fit_its_pictures_is_refused() -> None:
    with pytest.raises(BadInput, match="does not fit"):
        chat_from_prompt(Prompt((Message("user", "<image> what?"),)))


@pytest.mark.parametrize(
    "said",
    [
        Completion("x", "stop", 3, 4, 0.5, 0.25),
        Completion("x", "length", 3, 4, 0.5),
        Completion("", "stop"),
        Completion("x", "cancelled"),
    ],
)
def test_a_completion_is_the_same_after_its_way_through_outputs(said: Completion) -> None:
    assert completion_from_output(output_from_completion("m", said)) == said


def test_an_output_with_an_error_is_no_answer() -> None:
    said = completion_from_output(output_from_completion("m", Completion("", "error", error="429")))
    assert (said.text, said.error) == ("", "429")
    assert completion_from_output(ModelOutput(model="m", choices=[])).error


class Counting:
    """A model that notes its batches, and fails as it is told."""

    name = "counting"
    identity: dict[str, Any] = {"kind": "counting"}  # noqa: RUF012

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def complete(self, prompts: Iterable[Prompt], decoding: Decoding) -> Iterator[Completion]:
        asked = list(prompts)
        self.batches.append([prompt.id for prompt in asked])
        self.threads.add(threading.get_ident())
        for prompt in asked:
            if prompt.id == "bad":
                raise ValueError("not this one")
            if prompt.id == "fatal":
                raise RunStopped("no key")
            if prompt.id == "few":
                return
            yield Completion(f"{prompt.id} {decoding.seed}")


def _together(model: Counting, size: int, names: list[str], seeds: list[int]) -> list[Any]:
    batches = Batches(model, size, 1)  # type: ignore[arg-type]
    found: list[Any] = [None] * len(names)

    async def one(n: int) -> None:
        try:
            asked = Prompt((Message("user", "?"),), (), names[n])
            (found[n],) = await batches.complete(asked, Decoding(seed=seeds[n]))
        except RunStopped as error:
            found[n] = error

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            for n in range(len(names)):
                group.start_soon(one, n)

    anyio.run(all_of_them)
    batches.close()
    return found


def test_calls_that_come_together_are_a_batch_of_equal_decoding() -> None:
    model = Counting()
    names = [f"p{n}" for n in range(7)]
    found = _together(model, 3, names, [0, 0, 0, 0, 1, 1, 1])
    assert [one.text for one in found] == [f"p{n} {int(n > 3)}" for n in range(7)]
    assert max(map(len, model.batches)) == 3
    assert sorted(name for batch in model.batches for name in batch) == names
    assert len(model.threads) == 1


def test_a_batch_that_fails_costs_the_answers_that_were_not_there_yet() -> None:
    found = _together(Counting(), 4, ["a", "bad", "c", "d"], [0] * 4)
    assert found[0].text == "a 0"
    assert all("not this one" in one.error for one in found[1:])
    assert "fewer answers" in _together(Counting(), 1, ["few"], [0])[0].error
    assert isinstance(_together(Counting(), 1, ["fatal"], [0])[0], RunStopped)


def test_a_foreign_provider_that_raises_stops_nothing(tmp_path: Path) -> None:
    usage = ModelUsage(input_tokens=7, output_tokens=3, total_tokens=10)

    def reply(messages: Any, *_: Any) -> ModelOutput:
        (k,) = [int(w) for w in messages[-1].text.replace(":", " ").split() if w.isdigit()]
        if k == 2:
            raise ZeroDivisionError("the provider is broken")
        output = ModelOutput.from_content("mockllm", f"word{k}.")
        output.usage = usage
        return output

    of = task("infibench_v")
    benchmark = of.read(write_suite(tmp_path / "suite", 4))
    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    system = System("inspect/mockllm/model", model, {"kind": "inspect"}, 2)
    outcome = evaluate(of, benchmark, system, tmp_path / "run", Plan(), protocols=("strict",))
    report = outcome.reports["strict"]
    assert report.metrics["score"].all == 3 / 4
    assert report.statuses["missing"] == 1
    (why,) = report.unscored
    assert why == "ZeroDivisionError: the provider is broken"
    assert report.settings["usage"]["prompt_tokens"] == 21


def test_models_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="inspect_ai cannot open"), open_system("inspect/nobody/x"):
        pass


@pytest.mark.parametrize("which", ["lm_eval", "lmms_eval"])
def test_a_harness_that_is_not_there_is_named_with_its_installation(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (which, f"{which}.evaluator"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    run = tmp_path / "x"
    words = ["eval", f"{which}/some", "--model", str(tmp_path), "-o", str(run)]
    failed = CliRunner().invoke(app, words).exception
    assert isinstance(failed, MissingPart)
    assert f"{which} is not installed" in str(failed)
    assert f"pip install {which.replace('_', '-')}" in str(failed)
    assert not run.exists()
    words[1] = f"{which}/,"
    assert isinstance(CliRunner().invoke(app, words).exception, BadRecipe)


def test_a_harness_is_told_of_own_tasks_and_of_a_device_that_is_there(
    tmp_path: Path, trio: Path
) -> None:
    with pytest.raises(BadRecipe, match="no such folder of tasks"):
        harness._tasks("lm_eval", tmp_path / "none", ["some"], "hf")
    told = harness._model("lm_eval", str(trio / "code"), 4, None)
    assert told["model"] == "hf"
    assert told["model_args"] == {"pretrained": str(trio / "code")}
    assert told["device"] == choose_device(None)  # without one a harness takes a GPU, there or not
    with pytest.raises(BadRecipe, match="loads checkpoints itself"):
        harness._model("lm_eval", "openai/m@http://localhost:1", 1, None)
    with pytest.raises(BadRecipe, match="not told how"):
        harness._model("lmms_eval", str(trio / "code"), 1, None)


def test_lmms_eval_is_told_of_a_checkpoint_in_one_text_and_of_small_pictures() -> None:
    nano = read_checkpoint(weights_folder("nano"))
    told = harness._lmms_arguments("some/nano", nano, "cpu")
    assert told == "pretrained=some/nano,device_map=cpu,min_pixels=784,max_pixels=84672"
    with pytest.raises(BadRecipe, match="comma"):
        harness._lmms_arguments("a,b", nano, "cpu")
    if any(find_spec(module) is None for module in harness.LMMS_NEEDS):
        with pytest.raises(MissingPart, match="pip install") as failed:
            harness._model("lmms_eval", "nano", 1, None)
        assert "qwen2_5_vl" in str(failed.value)


def test_inspect_eval_finds_task_and_provider_by_entry_point(tmp_path: Path) -> None:
    problems = write_problems(tmp_path / "mmcode_test.jsonl", 3)
    answers = write_lines(
        tmp_path / "a.jsonl", [{"id": "p0", "answer": RIGHT}, {"id": "p1", "answer": WRONG}]
    )
    (log,) = inspect_ai.eval(
        "viscodex/mmcode", model=f"viscodex/replay/{answers}", task_args={"data": str(problems)},
        display="none", log_dir=str(tmp_path / "logs"), ctl_server=False, log_realtime=False,
    )  # fmt: skip
    assert log.status == "success", log.error
    assert log.results is not None
    assert log.samples is not None
    (score,) = log.results.scores
    assert score.metrics["mean"].value == 0.5
    assert score.unscored_samples == 1
    assert log.samples[0].scores is not None
    (first,) = log.samples[0].scores.values()
    assert first.answer is not None
    assert first.answer.strip() in RIGHT


@pytest.fixture
def tiny(trio: Path) -> str:
    return str(trio / "vlm")


def test_a_checkpoint_sees_pictures_in_batches_and_is_known_by_its_weights(
    tiny: str, tmp_path: Path
) -> None:
    suite = write_suite(tmp_path / "suite", 3, png(56, 56))
    words = [
        "eval", "infibench_v", "--model", tiny, "--data", str(suite), "-o", str(tmp_path / "run"),
        "--max-tokens", "6", "--batch", "2", "--device", "cpu",
    ]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    rows = lines_of(tmp_path / "run" / "answers.jsonl")
    assert [row["id"] for row in rows] == ["c-0", "c-1", "c-2"]
    assert all(row["completion_tokens"] <= 6 and row["prompt_tokens"] > 4 for row in rows)
    first = report_of(tmp_path / "run")
    assert "weights" in first["strict"]["settings"]["model"]
    (tmp_path / "run" / "answers.jsonl").write_text("")  # as if it had been killed at once
    (tmp_path / "run" / "scores.jsonl").write_text("")
    assert CliRunner().invoke(app, words).exit_code == 0
    assert report_of(tmp_path / "run") == first


def test_retention_asks_text_and_vision_and_measures_perplexity(tiny: str, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "set": "algorithm", "question": "Add two numbers.", "tests": '{"inputs": ["1 2"], "outputs": ["3"]}'},
        {"id": "v", "set": "values", "question": "How many?", "answer": "about 12", "picture": "p.png"},
        {"id": "c", "set": "completion", "text": "def f(x):\n    return x\n"},
    ]  # fmt: skip
    folder = tmp_path / "set"
    folder.mkdir()
    write_lines(folder / "items.jsonl", rows)
    (folder / "p.png").write_bytes(png(56, 56))
    words = [
        "eval", "retention", "--model", tiny, "--data", str(folder), "-o", str(tmp_path / "run"),
        "--max-tokens", "4", "--device", "cpu",
    ]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    report = report_of(tmp_path / "run")["strict"]
    assert report["n_answered"] == 2
    assert report["metrics"]["text"]["all"] == 0
    code = report["settings"]["code"]
    assert 50 < code["perplexity"] < 5000  # random weights over 512 tokens
    assert code["n_texts"] == 1
    with open_system(tiny, device="cpu") as system:
        assert GenerateConfig() == system.model.config
        with pytest.raises(BadRecipe, match="greedy"):
            evaluate(task("retention"), task("retention").read(folder), system, tmp_path / "x", Plan(epochs=2))  # fmt: skip

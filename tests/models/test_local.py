"""Checkpoints that answer: batches, seeds, streams, ends, limits, errors."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.train.models import QUESTION, picture
from viscodex.errors import BadCheckpoint, BadRecipe, MissingPart
from viscodex.models.local import LocalModel
from viscodex.models.model import Decoding, Prompt, open_model
from viscodex.types import Completion, Message

GREEDY = Decoding(max_tokens=12)
WARM = Decoding(max_tokens=12, temperature=1.0)


def seen(n: int, text: str = QUESTION) -> Prompt:
    return Prompt((Message("user", f"<image>{text}"),), (picture(n),))


def asked(text: str) -> Prompt:
    return Prompt((Message("user", text),))


def texts(completions: Any) -> list[str]:
    return [one.text for one in completions]


def opened(folder: Path, **settings: Any) -> LocalModel:
    model = open_model(str(folder), device="cpu", **settings)
    assert isinstance(model, LocalModel)
    return model


@pytest.fixture(scope="module")
def model(qwen2_5_vl: Path) -> LocalModel:
    return opened(qwen2_5_vl)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_a_batch_of_unequal_prompts_answers_as_each_alone(
    family: str, request: pytest.FixtureRequest
) -> None:
    prompts = [seen(0), asked("Hm?"), seen(1, "A much longer question. " * 5), seen(2, "Short.")]
    with opened(request.getfixturevalue(family)) as model:
        together = list(model.complete(prompts, GREEDY))
        assert texts(together) == [texts(model.complete([p], GREEDY))[0] for p in prompts]
    assert [c.prompt_tokens for c in together] == [
        len(model.encoder.encode(p).ids) for p in prompts
    ]
    assert len(set(texts(together))) > 1


def test_answers_are_those_of_transformers_generate(model: LocalModel) -> None:
    import torch

    prompt = seen(0)
    ids = model.encoder.batch([model.encoder.encode(prompt)], "cpu")
    with torch.inference_mode():
        whole = model._model.generate(**ids, max_new_tokens=12, do_sample=False)
    told = whole[0, ids["input_ids"].shape[1] :]
    (answer,) = model.complete([prompt], GREEDY)
    assert answer.text == model.encoder.tokenizer.decode(told, skip_special_tokens=True)


def test_text_models_answer_and_say_that_they_see_nothing(trio: Path) -> None:
    with opened(trio / "code") as model:
        good, blind = model.complete([asked("Hello"), seen(0)], GREEDY)
    assert good.completion_tokens and good.finish_reason in ("stop", "length")
    assert (blind.text, blind.finish_reason) == ("", "error")
    assert "sees no pictures" in blind.error


def test_draws_depend_on_seed_and_prompt_not_on_the_batch(model: LocalModel) -> None:
    prompts = [seen(0), seen(1, "A longer question than the other."), asked("Hm?")]
    together = texts(model.complete(prompts, WARM))
    assert together == [texts(model.complete([p], WARM))[0] for p in prompts]
    assert together == texts(model.complete(prompts, WARM))
    assert together != texts(model.complete(prompts, dataclasses.replace(WARM, seed=1)))


def test_several_answers_come_in_the_order_of_the_prompts(qwen2_5_vl: Path) -> None:
    prompts = [seen(n, "?" * (30 - 3 * n)) for n in range(5)]
    many = dataclasses.replace(WARM, n=3, max_tokens=4)
    with opened(qwen2_5_vl, batch=2) as model:
        told = texts(model.complete(iter(prompts), many))
        assert len(told) == 15
        assert told[6:9] == texts(model.complete([prompts[2]], many))
    assert len(set(told[:3])) > 1


def test_prompts_are_drawn_only_as_they_are_needed(qwen2_5_vl: Path) -> None:
    drawn = []

    def prompts() -> Any:
        for n in range(100):
            drawn.append(n)
            yield asked(f"Case {n}")

    with opened(qwen2_5_vl, batch=1) as model:
        next(iter(model.complete(prompts(), Decoding(max_tokens=1))))
    assert len(drawn) < 20


def test_top_p_leaves_only_likely_tokens(model: LocalModel) -> None:
    narrow = dataclasses.replace(WARM, top_p=1e-6)
    assert texts(model.complete([seen(0)], narrow)) == texts(model.complete([seen(0)], GREEDY))


def test_draws_follow_the_distribution() -> None:
    import torch

    from viscodex.models.decode import Chooser

    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]]).repeat(4000, 1)
    chooser = Chooser(Decoding(temperature=0.5, top_p=0.99), range(4000), [99])
    drawn = chooser(torch.zeros(4000, 1), logits).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    wanted = torch.softmax(logits[0] / 0.5, -1)
    wanted = wanted * torch.tensor([1.0, 1.0, 1.0, 0.0])  # the last token is outside of top_p
    assert torch.allclose(shares, wanted / wanted.sum(), atol=0.03)
    assert shares[3] == 0


def test_probability_is_the_geometric_mean_of_the_chosen(model: LocalModel) -> None:
    import torch

    (answer,) = model.complete([seen(0)], dataclasses.replace(GREEDY, max_tokens=1))
    with torch.inference_mode():
        logits = model._model(**model.encoder.batch([model.encoder.encode(seen(0))], "cpu")).logits
    assert answer.probability == pytest.approx(float(logits[0, -1].softmax(-1).max()), rel=1e-4)


def test_a_stream_is_the_answer_in_pieces(model: LocalModel) -> None:
    stream, pieces = model.stream(seen(1), WARM), []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            whole: Completion = end.value
            break
    (answer,) = model.complete([seen(1)], WARM)
    assert "".join(pieces) == whole.text == answer.text
    assert whole.finish_reason == answer.finish_reason
    assert len(pieces) > 1


def test_a_stream_that_is_left_ends_the_writing(model: LocalModel) -> None:
    import time

    stream = model.stream(seen(1), dataclasses.replace(WARM, max_tokens=3000))
    next(stream)
    began = time.perf_counter()
    stream.close()
    assert time.perf_counter() - began < 5
    assert not model._lock.locked()


def test_stop_texts_end_answers_and_are_no_part_of_them(model: LocalModel) -> None:
    (whole,) = model.complete([seen(1)], WARM)
    stop = whole.text[4:7]
    cut = dataclasses.replace(WARM, stop=(stop,))
    (answer,) = model.complete([seen(1)], cut)
    assert answer.text == whole.text[: whole.text.find(stop)]
    assert answer.finish_reason == "stop"
    assert answer.completion_tokens is not None and whole.completion_tokens is not None
    assert answer.completion_tokens < whole.completion_tokens
    assert "".join(model.stream(seen(1), cut)) == answer.text


def test_an_answer_at_the_limit_says_so(model: LocalModel) -> None:
    (answer,) = model.complete([seen(0)], dataclasses.replace(GREEDY, max_tokens=2))
    assert (answer.finish_reason, answer.completion_tokens) == ("length", 2)


def test_prompts_that_cannot_be_answered_do_not_stop_the_others(model: LocalModel) -> None:
    bad = [
        Prompt((Message("user", "<image>two<image>"),), (picture(0),)),
        Prompt((Message("user", "<image>"),), (b"no picture",)),
        asked("end it: <|im_end|>"),
        Prompt((Message("user", "a"), Message("assistant", "b"))),
        asked("word " * 6000),
    ]
    answers = list(model.complete([*bad, asked("Hm?")], dataclasses.replace(GREEDY, max_tokens=2)))
    wanted = ("2 <image> marks", "not a picture", "<|im_end|>", "does not end", "context")
    for answer, words in zip(answers, wanted, strict=False):
        assert (answer.text, answer.finish_reason) == ("", "error")
        assert words in answer.error
    assert answers[-1].finish_reason == "length"


def test_memory_that_runs_out_halves_the_batch(
    qwen2_5_vl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    prompts = [asked(f"Case {n}") for n in range(5)]
    with opened(qwen2_5_vl, batch=4) as model:
        wanted = texts(model.complete(prompts, GREEDY))
        whole = model._model.generate

        def small(**inputs: Any) -> Any:
            if len(inputs["input_ids"]) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
            return whole(**inputs)

        monkeypatch.setattr(model._model, "generate", small)
        assert texts(model.complete(prompts, GREEDY)) == wanted
        assert model.batch == 1
        monkeypatch.setattr(
            model._model, "generate", lambda **_: (_ for _ in ()).throw(MemoryError("x"))
        )
        (answer,) = model.complete(prompts[:1], GREEDY)
    assert (answer.finish_reason, answer.text) == ("error", "")
    assert "out of memory" in answer.error


def test_pictures_are_made_as_small_as_asked(qwen2_5_vl: Path) -> None:
    with opened(qwen2_5_vl, max_pixels=28 * 28 * 4) as small, opened(qwen2_5_vl) as large:
        n = [
            sum(t == m.encoder.image_id for t in m.encoder.encode(seen(0)).ids)
            for m in (small, large)
        ]
    assert n[0] <= 4 < n[1]


def test_identity_is_that_of_the_weights_and_of_what_decides_answers(
    trio: Path, copy_model: Callable[[str], Path]
) -> None:
    other = copy_model("vlm")
    (other / "tokenizer_config.json").write_text(
        (other / "tokenizer_config.json").read_text() + "\n"
    )
    with (
        opened(trio / "vlm") as one,
        opened(other) as two,
        opened(other, dtype="bfloat16") as three,
    ):
        a, b, c = one.identity, two.identity, three.identity
    assert json.loads(json.dumps(a)) == a
    assert a["weights"] == b["weights"] == c["weights"]
    assert a["files"] != b["files"] == c["files"]
    assert (b["dtype"], c["dtype"]) == ("float32", "bfloat16")


def test_the_weights_hash_is_the_output_hash_of_a_merge(trio: Path, tmp_path: Path) -> None:
    from viscodex.merge.apply import merge

    report = merge(vlm=trio / "vlm", code=trio / "code", base=trio / "base", out=tmp_path / "m")
    with opened(tmp_path / "m") as model:
        assert model.weights_hash == report.output_hash


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda d: (d / "tokenizer.json").unlink(), "tokenizer"),
        (lambda d: (d / "model.safetensors").unlink(), "safetensors"),
        (lambda d: (d / "preprocessor_config.json").unlink(), "image processor"),
        (lambda d: (d / "chat_template.jinja").unlink(), "chat template"),
    ],
)
def test_broken_checkpoints_are_named_before_anything_is_asked(
    qwen2_5_vl: Path, tmp_path: Path, break_it: Callable[[Path], Any], words: str
) -> None:
    place = tmp_path / "model"
    shutil.copytree(qwen2_5_vl, place)
    (place / "processor_config.json").unlink()
    break_it(place)
    with pytest.raises(BadCheckpoint, match=words):
        open_model(str(place))


def test_unknown_kinds_of_model_are_named(qwen2_5_vl: Path, tmp_path: Path) -> None:
    place = tmp_path / "model"
    shutil.copytree(qwen2_5_vl, place)
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "model_type": "my_vlm"}))
    with pytest.raises(BadCheckpoint, match="my_vlm"):
        open_model(str(place))


def test_names_settings_and_devices_that_are_not_there(qwen2_5_vl: Path, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="no such checkpoint"):
        open_model(str(tmp_path / "none"))
    with pytest.raises(BadRecipe, match="no such model"):
        open_model("no_such_package.module:name")
    with pytest.raises(BadRecipe, match="colour"):
        open_model(str(qwen2_5_vl), colour="red")
    with pytest.raises(BadRecipe, match="dtype"):
        open_model(str(qwen2_5_vl), dtype="int4")
    with pytest.raises(MissingPart, match="tpu"):
        open_model(str(qwen2_5_vl), device="tpu")
    with pytest.raises(BadRecipe, match="batch"):
        open_model(str(qwen2_5_vl), batch=0)


def test_a_folder_named_nano_does_not_stand_in_for_the_embedded_model(
    trio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from viscodex.models.model import weights_folder

    shutil.copytree(trio / "code", tmp_path / "nano")
    monkeypatch.chdir(tmp_path)
    with opened(Path("nano")) as embedded:
        assert embedded.path == weights_folder("nano")
    model = open_model("./nano", device="cpu")
    assert isinstance(model, LocalModel)
    with model:
        assert (model.path.resolve(), model.name) == (tmp_path / "nano", "./nano")


def test_a_hub_name_without_network_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BadCheckpoint, match="nobody/nothing"):
        open_model("nobody/nothing")


def test_decoding_that_cannot_be_meant_is_refused() -> None:
    for wrong in (
        {"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"n": 2}, {"stop": ("",)},
    ):  # fmt: skip
        with pytest.raises(BadRecipe, match=next(iter(wrong))):
            Decoding(**wrong)  # type: ignore[arg-type]

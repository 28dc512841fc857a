"""The search with real models: bits as in a merge, optima that are known, resume after kill -9."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml

from tests.data.samples import chart, png
from tests.merge.search import objectives
from viscodex.data.card import finish_dataset
from viscodex.data.store import shard_path, write_shard
from viscodex.errors import BadRecipe, MergeRefused, OutputRefused
from viscodex.execute.page import PagePool
from viscodex.merge.apply import merge
from viscodex.merge.memory import Merger
from viscodex.merge.search.dev import marks_of, read_dev
from viscodex.merge.search.features import correlations
from viscodex.merge.search.objective import LossEvaluator, open_search_model
from viscodex.merge.search.place import InPlace
from viscodex.merge.search.points import Point, PointFile
from viscodex.merge.search.recipe import Data, Objective, SearchRecipe
from viscodex.merge.search.result import result_data, search_page, sentences, write_result
from viscodex.merge.search.run import _Runner, search
from viscodex.recipe import MergeRecipe, check_recipe, read_recipe

ROOT = Path(__file__).parents[3]


def _load(folder: Path) -> Any:
    return transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=torch.bfloat16
    )


def _points_of(trio: Path) -> list[dict[str, Any]]:
    pair = {"vlm": str(trio / "vlm"), "code": str(trio / "code")}
    base = {**pair, "base": str(trio / "base")}
    rules = [{"filter": "self_attn", "value": 0.2}, {"filter": "mlp", "value": 0.9}, {"value": 0.5}]
    return [
        {**pair, "lam": 0.62},
        {**pair, "lam": rules},
        {**pair, "lam": [0.1, 0.9, 0.4]},
        {**base, "merge_method": "ties", "lam": 0.6, "parameters": {"density": 0.4}},
        {**base, "merge_method": "dare_ties", "lam": 0.6, "parameters": {"density": 0.5}},
        {**base, "merge_method": "della", "lam": 0.6, "parameters": {"density": 0.5}},
        {**pair, "merge_method": "slerp", "lam": 0.3},
        {**pair, "lam": 1.0},
    ]


def test_a_point_has_every_bit_of_the_merge(trio: Path, tmp_path: Path) -> None:
    module = _load(trio / "vlm")
    with Merger(threads=2) as merger:
        place = InPlace(module, merger)
        for n, data in enumerate(_points_of(trio)):
            place.set(check_recipe(MergeRecipe, data))
            merge(recipe=data, out=tmp_path / str(n), threads=1)
            expected = _load(tmp_path / str(n)).state_dict()
            found = module.state_dict()
            assert found.keys() == expected.keys()
            differ = [name for name in expected if not torch.equal(found[name], expected[name])]
            assert not differ, (data, differ[:3])
        done = place.n_set
        place.set(check_recipe(MergeRecipe, _points_of(trio)[-1]))
        assert place.n_set == done  # nothing changed, nothing is set
        assert merger.reader.nbytes > 0


def test_a_head_of_its_own_comes_and_goes(tmp_path: Path) -> None:
    """The VLM's head is its embedding; the code model's is not."""
    from viscodex.nano.trio import (  # fmt: skip
        make_text_model,
        make_tokenizer,
        make_vision_language_model,
        save_processor,
    )

    torch.manual_seed(3)
    tokenizer = make_tokenizer()
    vlm, code = make_vision_language_model(tokenizer, tied=True), make_text_model(tokenizer)
    for name, model in (("vlm", vlm), ("code", code)):
        model.to(torch.bfloat16).save_pretrained(tmp_path / name)
    save_processor(tokenizer, tmp_path / "vlm")
    tokenizer.save_pretrained(tmp_path / "code")
    module = _load(tmp_path / "vlm")
    with Merger() as merger:
        place = InPlace(module, merger)
        for n, lam in enumerate((0.5, 1.0, 0.25)):
            data = {"vlm": str(tmp_path / "vlm"), "code": str(tmp_path / "code"), "lam": lam}
            place.set(check_recipe(MergeRecipe, data))
            merge(recipe=data, out=tmp_path / f"out{n}")
            expected = _load(tmp_path / f"out{n}")
            for kind in ("get_input_embeddings", "get_output_embeddings"):
                weights = [getattr(one, kind)().weight for one in (module, expected)]
                assert torch.equal(*weights), (lam, kind)


def test_a_recipe_that_cannot_be_merged_leaves_the_next_one_right(
    trio: Path, tmp_path: Path
) -> None:
    module = _load(trio / "vlm")
    good, other = _points_of(trio)[0], _points_of(trio)[2]
    with Merger() as merger:
        place = InPlace(module, merger)
        place.set(check_recipe(MergeRecipe, good))
        bad = {**other, "merge_method": "ties"}  # needs a base
        with pytest.raises(BadRecipe, match="needs the base"):
            place.set(check_recipe(MergeRecipe, bad))
        with pytest.raises(BadRecipe, match="keeps the dtype"):
            place.set(check_recipe(MergeRecipe, {**good, "out_dtype": "float32"}))
        place.set(check_recipe(MergeRecipe, other))
    merge(recipe=other, out=tmp_path / "m")
    expected = _load(tmp_path / "m").state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in module.state_dict().items())


# --- objectives -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of charts with pictures."""
    folder = tmp_path_factory.mktemp("samples")
    rows = [
        chart(n, images=(png(56 + 28 * (n % 2), 56, (n, 90, 60)),), reference=f"x = {n}\n")
        for n in range(12)
    ]
    write_shard(shard_path(folder, 0, 1), rows)
    finish_dataset(folder)
    return folder


def test_the_loss_is_that_of_transformers_however_it_is_batched(trio: Path, samples: Path) -> None:
    from viscodex.merge.checkpoint import read_checkpoint
    from viscodex.models.model import Prompt

    found = {}
    for batch in (1, 3):
        objective = Objective(kind="loss", data=str(samples), n=6, batch=batch)
        dev = read_dev(objective, ())
        checkpoint = read_checkpoint(str(trio / "vlm"))
        with open_search_model(checkpoint, objective, "cpu", "float32") as model:
            found[batch] = LossEvaluator(model, objective).values(dev.items)
            sample = dev.items[0]
            asked = model.encoder.encode(Prompt(sample.messages[:-1], sample.images))
            said = model.encoder.tokenizer.encode(sample.answer, add_special_tokens=False)
            said = [*said, model.encoder.eos_ids[0]]
            inputs = model.encoder.batch([asked], "cpu")
            ids = torch.tensor([[*asked.ids, *said]])
            inputs |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            inputs["mm_token_type_ids"] = (ids == model.encoder.image_id).int()
            labels = torch.tensor([[-100] * len(asked.ids) + said])
            with torch.inference_mode():
                loss = float(model.module(**inputs, labels=labels).loss)
        assert found[batch][0] == pytest.approx(loss, abs=1e-4)
    assert found[1] == pytest.approx(found[3], abs=1e-4)
    assert found[1][0] == pytest.approx(math.log(512), rel=0.2)  # it has learnt nothing


def test_the_dev_split_shares_nothing_with_the_test_set(samples: Path, tmp_path: Path) -> None:
    objective = Objective(kind="loss", data=str(samples), n=4, confirm=2)
    dev = read_dev(objective, ())
    assert (len(dev.items), len(dev.confirm)) == (4, 2)
    assert not {s.id for s in dev.items} & {s.id for s in dev.confirm}
    assert read_dev(objective, ()).identity == dev.identity
    assert read_dev(Objective(kind="loss", data=str(samples), n=4, seed=1), ()).items != dev.items
    other = tmp_path / "other"
    write_shard(shard_path(other, 0, 1), [chart(900, images=(png(80, 80),), reference="other = 1")])
    finish_dataset(other)
    assert read_dev(objective, (Data(data=str(other)),)).n_test == 1
    shared = tmp_path / "shared"
    theirs = chart(901, images=(png(90, 90),), reference=f"\n {dev.items[0].reference}  \n")
    write_shard(shard_path(shared, 0, 1), [theirs])
    finish_dataset(shared)
    with pytest.raises(BadRecipe, match="shares 1 items") as error:
        read_dev(objective, (Data(data=str(other)), Data(data=str(shared))))
    assert f"{dev.items[0].id} is {theirs.id}" in str(error.value)
    with pytest.raises(BadRecipe, match="too few"):
        read_dev(Objective(kind="loss", data=str(samples), n=13), ())


def test_many_items_have_the_same_short_answer() -> None:
    first, second = (
        chart(n, task="question", images=(png(70 + n, 70),), reference="January") for n in (1, 2)
    )
    assert not set(marks_of(first)) & set(marks_of(second))
    long = "A bar chart of the rainfall of six months, with a legend."
    first, second = (replace(sample, reference=long) for sample in (first, second))
    assert set(marks_of(first)) & set(marks_of(second))


# --- the search -----------------------------------------------------------------------------------


def _recipe(trio: Path, function: str = "one_lambda", **more: Any) -> dict[str, Any]:
    return {
        "vlm": str(trio / "vlm"),
        "code": str(trio / "code"),
        "base": str(trio / "base"),
        "objective": {"kind": "function", "function": f"tests.merge.search.objectives:{function}"},
        "test": [],
        **more,
    }


@pytest.fixture
def known(trio: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The trio, known to the objectives."""
    monkeypatch.setenv("SEARCH_TRIO", str(trio))
    yield trio


def test_search_finds_the_known_lambda_and_its_recipe_merges(known: Path, tmp_path: Path) -> None:
    curve = {"lam": [0.0, 0.25, 0.5, 0.7, 1.0]}
    optimise = {"trials": 14, "methods": ["task_arithmetic"]}
    wanted = check_recipe(SearchRecipe, _recipe(known, curve=curve, optimise=optimise))
    found = search(wanted, tmp_path / "s", threads=1)
    write_result(found, tmp_path / "s")
    best = found.best
    assert best is not None
    assert best.params["lam"] == pytest.approx(objectives.LAMBDA, abs=0.05)
    assert found.paper is not None
    assert found.paper.recipe["lam"] == 0.7
    chosen = read_recipe(MergeRecipe, tmp_path / "s" / "recipe.yaml")
    assert chosen.lam == best.params["lam"]
    merge(recipe=tmp_path / "s" / "recipe.yaml", out=tmp_path / "m")
    module = _load(tmp_path / "m").float()
    assert objectives.lambdas(module, known)["mlp"] == pytest.approx(best.params["lam"], abs=0.01)
    told = result_data(found)
    json.dumps(told, allow_nan=False)
    features = {one["feature"]: one["rho"] for one in told["geometry"]}
    assert "distance from vlm" in features
    assert "cosine with tau code" in features
    assert "difference +" in sentences(found)[1]
    svg = (tmp_path / "s" / "curve.svg").read_text()
    assert svg.count("<circle") >= 6
    assert "<script" not in svg


def test_search_finds_coefficients_by_module(known: Path, tmp_path: Path) -> None:
    optimise = {"trials": 45, "coefficients": "module", "modules": ["self_attn", "mlp"], "seed": 2}
    wanted = check_recipe(SearchRecipe, _recipe(known, "by_module", optimise=optimise))
    best = search(wanted, tmp_path / "s", threads=1).best
    assert best is not None
    for group in ("self_attn", "mlp"):
        assert best.params[f"lam.{group}"] == pytest.approx(objectives.TARGETS[group], abs=0.15)


def test_failed_points_are_data_and_a_search_of_none_but_failures_is_an_error(
    known: Path, tmp_path: Path
) -> None:
    curve = {"lam": [0.5], "methods": ["task_arithmetic", "ties"]}
    found = search(
        check_recipe(SearchRecipe, {**_recipe(known, curve=curve), "base": None}), tmp_path / "s"
    )
    assert [point.state for point in found.points] == ["done", "failed"]
    assert "needs the base model" in found.points[1].reason
    alone = {**_recipe(known, curve={"lam": [0.5], "methods": ["ties"]}), "base": None}
    with pytest.raises(MergeRefused, match="no point of the curve"):
        search(check_recipe(SearchRecipe, alone), tmp_path / "t")


def _command(recipe: Path, out: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "viscodex",
        "search",
        str(recipe),
        "-o",
        str(out),
        "--threads",
        "1",
    ]


def _facts(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "points.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_search_that_was_killed_makes_the_same_points(known: Path, tmp_path: Path) -> None:
    data = _recipe(known, curve={"lam": [0.0, 0.7, 1.0]}, optimise={"trials": 6})
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(data))
    whole = search(check_recipe(SearchRecipe, data), tmp_path / "whole", threads=1)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SEARCH_SLEEP": "0.5"}
    process = subprocess.Popen(_command(tmp_path / "r.yaml", tmp_path / "s"), env=env, cwd=ROOT)
    file = tmp_path / "s" / "points.jsonl"
    deadline = time.monotonic() + 900
    while not (file.exists() and file.read_bytes().count(b"\n") >= 4):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(_facts(tmp_path / "s")) < 9
    again = search(check_recipe(SearchRecipe, data), tmp_path / "s", threads=1)
    assert _facts(tmp_path / "s") == _facts(tmp_path / "whole")
    assert again.best is not None
    assert whole.best is not None
    assert again.best.key == whole.best.key
    more = {**data, "optimise": {"trials": 8}}
    assert len(search(check_recipe(SearchRecipe, more), tmp_path / "s", threads=1).points) == 11
    other = {**data, "optimise": {"trials": 8, "seed": 1}}
    with pytest.raises(OutputRefused, match="another search"):
        search(check_recipe(SearchRecipe, other), tmp_path / "s", threads=1)


def test_loss_and_benchmark_objectives_run_from_end_to_end(
    trio: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viscodex.merge.search.run.CHUNK", 2)
    models = {k: str(trio / k) for k in ("vlm", "code")}
    loss = {**models, "objective": {"kind": "loss", "data": str(samples), "n": 4, "confirm": 2}, "test": [], "curve": {"lam": [0.0, 0.7]}}  # fmt: skip
    found = search(check_recipe(SearchRecipe, loss), tmp_path / "loss", threads=1)
    assert [point.kind for point in found.points] == ["curve", "curve", "confirm", *["confirm"] * (found.best is not found.paper)]  # fmt: skip
    assert found.best is not None
    assert found.best.mean == min(point.mean for point in found.points[:2])
    rows = [
        {"problem_id": f"p{n}", "question": f"Add {n}. ![image](1.png)", "data_split": "test",
         "input_output": json.dumps({"inputs": [f"{n} 1"], "outputs": [str(n + 1)]})}
        for n in range(3)
    ]  # fmt: skip
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wanted = {"kind": "task", "task": "mmcode", "data": str(tmp_path / "p.jsonl"), "n": 2, "max_tokens": 3}  # fmt: skip
    bench = {**models, "objective": wanted, "test": [], "curve": {"lam": [0.7]}}
    (point,) = search(check_recipe(SearchRecipe, bench), tmp_path / "bench", threads=1).points
    assert point.values == (0.0, 0.0)  # untrained models solve nothing, and that is a value


# --- choices --------------------------------------------------------------------------------------


def _search_of(values: list[tuple[str, tuple[float, ...]]], **more: Any) -> Any:
    from viscodex.merge.search.run import Search

    objective = {"kind": "task", "task": "mmcode", "data": "d", **more}
    data = {"vlm": "V<b>", "code": "C", "objective": objective, "test": [], "curve": {}}
    points = tuple(
        Point(n, "curve", {"lam": float(lam)}, {"merge_method": "task_arithmetic", "vlm": "V<b>", "code": "C", "lam": float(lam)}, "done", found)
        for n, (lam, found) in enumerate(values)
    )  # fmt: skip
    return Search(check_recipe(SearchRecipe, data), points, {"dev items": 4})


def test_hopeless_points_are_given_up_and_close_ones_are_not(tmp_path: Path) -> None:
    best = tuple([1.0, 0.0] * 20)
    found = _search_of([("0.5", best)])
    with PointFile(tmp_path / "s", {}) as file:
        from viscodex.merge.search.dev import Dev

        runner = _Runner(found.recipe, Dev((), (), "", 0), file, lambda *_: None)
        assert runner._is_hopeless([0.0] * 40, found.points[0])
        assert not runner._is_hopeless([0.0] * 6, found.points[0])  # too early to say
        close = [value if n % 4 else 0.0 for n, value in enumerate(best)]
        assert not runner._is_hopeless(close[:16], found.points[0])


def test_sentences_name_the_winner_and_how_sure_it_is() -> None:
    found = _search_of([("0.7", (0.0, 0.0, 1.0, 0.0) * 10), ("0.6", (1.0, 0.0, 1.0, 0.0) * 10)])
    first, second, *_ = sentences(found)
    assert first.startswith(
        "Best on the dev split: task_arithmetic, lambda 0.6; 50.0 (95 % interval "
    )
    assert "The paper's lambda 0.7: 25.0" in second
    assert "difference +25.0" in second
    assert "clear)" in second
    assert any("measure it on the test set" in text for text in sentences(found))


def test_the_geometry_of_points_is_correlated_with_their_score() -> None:
    rows = [{"a": n / 10, "b": float(n % 2), "c": 1.0} for n in range(12)]
    found = {one.feature: one for one in correlations(rows, [n**3 for n in range(12)])}
    assert set(found) == {"a", "b"}
    assert found["a"].rho == pytest.approx(1.0)
    assert found["b"].low < 0.2 < found["b"].high
    assert correlations(rows[:4], [1, 2, 3, 4]) == ()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_shows_curve_and_recipe_in_a_real_browser(
    tmp_path: Path, width: int, scheme: str
) -> None:
    steps: list[tuple[str, Callable[[int], float]]] = [
        (f"{lam / 10}", lambda n, lam=lam: float((n * 7 + lam) % 10 < 5 + lam % 4)) for lam in range(11)  # type: ignore[misc]
    ]  # fmt: skip
    found = _search_of([(lam, tuple(value(n) for n in range(40))) for lam, value in steps])
    page = search_page(found, tmp_path / "</pre><script>document.title='owned'</script>")
    if scheme == "dark":
        page = page.replace("(prefers-color-scheme: dark)", "all")
    with PagePool(1) as pool:
        shown = pool.render(page, width=width)
    assert shown.page is not None
    assert (shown.page.title, shown.page.console) == ("Search for lambda", ())
    assert shown.page.width == width
    said = " ".join(block.text for block in shown.page.blocks)
    assert "Best on the dev split" in said
    assert "merge_method: task_arithmetic" in said

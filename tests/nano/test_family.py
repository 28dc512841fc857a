"""The whole family at a size at which nothing is learnt: every stage runs, resumes, and fits the next."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import yaml
from safetensors import safe_open

from viscodex.cli import app
from viscodex.data.recipe import DataRecipe
from viscodex.errors import BadInput, BadRecipe, OutputRefused
from viscodex.models.model import open_model
from viscodex.nano.family import Family, read_family_recipe, recipe_of, take_over
from viscodex.nano.measure import measure
from viscodex.nano.recipe import NanoRecipe
from viscodex.nano.tables import SETTINGS, Effort, make_low_data, make_tables
from viscodex.nano.texts import InWords
from viscodex.nano.weights import ship, unpack
from viscodex.recipe import check_recipe, read_recipe
from viscodex.train.recipe import TrainRecipe
from viscodex.train.watch import Show, read_lines

DATA = {
    "charts": {"chart": {"n": 10, "source": "viscodex.nano.small_charts:SmallCharts"}},
    "pages": {"html": {"n": 9, "source": "viscodex.nano.small_pages:SmallPages"}},
}


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nano")
    data = {}
    for name, sources in DATA.items():
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"sources": sources, "seed": 4}))
        data[name] = str(path)
    recipe = {
        "data": data,
        "held_out": 2,
        "documents": 30,
        "drills": 10,
        "text": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 600},
        "vision": {"depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2},
        "reading": {"steps": 2, "batch": 2, "max_tokens": 16},
        "naming": {"steps": 2, "batch": 2, "max_tokens": 16},
        "train": {"batch": 2, "max_steps": 2, "max_tokens": 2048, "precision": "fp32",
                  "gradient_checkpointing": False, "try_largest": False,
                  "eval_share": 0.1, "eval_every": 2},
        "vlm": {"learn": {"vision_tower": 1e-3, "projector": True}},
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    made = Family(read_recipe(NanoRecipe, path), folder / "family", Show())
    made.run()
    return made


def _tensors(folder: Path) -> dict[str, bytes]:
    found = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - no mapping
                found[name] = tensors.get_tensor(name).float().numpy().tobytes()
    return found


def test_every_member_is_there_and_a_second_run_changes_nothing(family):
    files = {f: f.stat().st_mtime_ns for f in family.folder.rglob("*.safetensors")}
    assert {f.parent.parent.name for f in files if f.parent.name == "model"} == {
        "language", "base", "vlm", "code", "merged", "nano",
    }  # fmt: skip
    family.run()
    assert files == {f: f.stat().st_mtime_ns for f in family.folder.rglob("*.safetensors")}


def test_fine_tuning_leaves_the_eyes_of_the_vlm(family):
    vlm, nano = _tensors(family.model("vlm")), _tensors(family.model("nano"))
    eyes = [name for name in vlm if ".visual." in name or name.startswith("visual.")]
    assert eyes and all(vlm[name] == nano[name] for name in eyes)
    assert any(vlm[name] != nano[name] for name in vlm)


def test_the_code_branch_is_asked_in_words(family):
    data = family.dataset("charts")
    asked = InWords(data)
    assert len(asked) > 0
    for k in range(len(asked)):
        sample = asked[k]
        assert not sample.images and "<image>" not in sample.messages[0].content
        assert sample.answer.startswith("```python")


def test_held_out_samples_are_no_training_samples(family):
    from viscodex.data.store import open_dataset

    for name in DATA:
        learnt = {s.reference for s in family.dataset(name) if s.task == "code"}
        held = [s for s in open_dataset(family.folder / "held_out" / name) if s.task == "code"]
        assert held and not learnt & {s.reference for s in held}


def test_a_member_is_measured_once(family, tmp_path):
    said: list[str] = []
    with open_model(str(family.model("nano")), batch=2) as model:
        model_calls = measure(
            model, family.folder / "held_out", tmp_path, 2, said.append, ("pages", "reading")
        )
        again = measure(
            model, family.folder / "held_out", tmp_path, 2, said.append, ("pages", "reading")
        )
        (tmp_path / "pages.json").unlink()  # the answers are there, and are scored again
        scored = measure(model, family.folder / "held_out", tmp_path, 2, said.append, ("pages",))
    assert model_calls == again
    assert scored == [figure for figure in again if figure.data == "pages"]
    assert {f.data for f in again} == {"pages", "reading"} and all(1 <= f.n <= 2 for f in again)


def test_shipping_keeps_files_small_and_the_merge_repeatable(family, tmp_path):
    with open_model(str(family.model("nano")), batch=2) as model:
        place = family.folder / "measured" / "nano"
        measure(model, family.folder / "held_out", place, 1, print, ("pages",))
    out = ship(family.folder, tmp_path / "weights")
    members = {"base", "vlm", "code", "nano"}
    assert {p.name for p in out.iterdir()} == {*members, "merged.json", "family.json"}
    assert "| pages | block_match |" in (out / "nano" / "README.md").read_text()
    assert "| data |" not in (out / "code" / "README.md").read_text()
    further = tmp_path / "further"
    take_over(out / "nano", further / "nano")  # its figures come along, and are shipped again
    for name in ("base", "vlm", "code"):
        take_over(family.folder / name, further / name)
    again = ship(further, tmp_path / "again")
    assert (again / "nano" / "README.md").read_bytes() == (out / "nano" / "README.md").read_bytes()
    recipe = (out / "nano" / "training_recipe.json").read_text()
    assert str(family.folder) not in recipe and "family/merged/model" in recipe
    assert json.loads(recipe)["out"] == "family/nano"
    first = json.loads((out / "merged.json").read_text())
    assert json.loads((ship(family.folder, out) / "merged.json").read_text()) == first
    with open_model(str(out / "nano")) as model:
        assert model.identity


def test_shipped_members_are_laid_out_as_trained(family, tmp_path):
    weights, other = ship(family.folder, tmp_path / "weights"), tmp_path / "family"
    (other / "vlm" / "model").mkdir(parents=True)
    unpack(other, weights)
    assert not list((other / "vlm" / "model").iterdir())  # what is there stays
    (other / "vlm" / "model").rmdir()
    unpack(other, weights)
    (other / "merged" / "model").mkdir(parents=True)  # as a merge that was killed at once leaves it
    Family(family.recipe, other, Show()).run(["merged"])
    assert _tensors(other / "code" / "model") == _tensors(weights / "code")
    assert (other / "nano" / "metrics.jsonl").read_bytes() == (
        family.folder / "nano" / "metrics.jsonl"
    ).read_bytes()
    assert not list(other.rglob("training_*"))
    hashed = json.loads((weights / "merged.json").read_text())["output_hash"]
    report = json.loads((other / "merged" / "model" / "merge_report.json").read_text())
    assert report["output_hash"] == hashed


@pytest.mark.parametrize("size", ["cpu", "gpu", "longer", "further", "tables"])
def test_recipes_of_all_sizes_can_be_meant(size, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # recipes come with the package
    recipe = read_family_recipe(size)
    for path in (*recipe.data.values(), *recipe.only_held_out.values()):
        assert read_recipe(DataRecipe, Path(path)).sources
    for stage in ("language", "base", "vlm", "code", "tuned"):
        needed = {"model": "m", "data": [{"path": "d"}], "out": "o"}
        settings = {**recipe.train, **getattr(recipe, stage), **needed}
        learnt = check_recipe(TrainRecipe, settings, where=stage)
        assert (learnt.batch, learnt.max_tokens) == (settings["batch"], settings["max_tokens"])


def test_settings_are_merged_tuned_and_measured_once(family):
    chosen = [s for s in SETTINGS if s.name in ("lambda_1", "replace_aligned")]
    effort = Effort(charts=0, losses=2, steps=2, batch=2, seeds=2)
    file = make_tables(family, effort, print, chosen)
    rows = {(r["setting"], r["stage"], r["data"]): r for r in json.loads(file.read_text())}
    assert {key[:2] for key in rows} == {(s.name, stage) for s in chosen for stage in ("merged", "tuned")}  # fmt: skip
    assert {key[2] for key in rows} == {"charts", "pages", "seeing"}  # there are no problems
    for row in rows.values():
        assert (
            row["metric"] == "loss" and row["n"] == 2 and row["low"] <= row["value"] <= row["high"]
        )
        assert row["value"] == pytest.approx(sum(row["seeds"]) / len(row["seeds"]))
    tuned = rows["lambda_1", "tuned", "charts"]
    assert len(tuned["seeds"]) == 2 and tuned["seeds"][0] != tuned["seeds"][1]
    assert tuned["value"] < rows["lambda_1", "merged", "charts"]["value"]
    tables = family.folder / "tables"
    start, aligned = _tensors(tables / "replace_aligned" / "model"), _tensors(
        tables / "replace_aligned_tuned_0_projector" / "model"
    )  # fmt: skip
    changed = {name for name in start if start[name] != aligned[name]}
    assert changed and all("merger" in name for name in changed)
    before = {f: f.stat().st_mtime_ns for f in tables.rglob("losses.json")}
    assert make_tables(family, effort, print, chosen).read_text() == json.dumps(list(rows.values()), indent=1)  # fmt: skip
    assert before == {f: f.stat().st_mtime_ns for f in tables.rglob("losses.json")}
    assert not (tables / "curve.json").exists()  # some settings are not a curve


def test_shares_of_the_data_are_each_learnt_to_the_end(family):
    effort = Effort(charts=0, losses=2, batch=2, seeds=2, shares=(0.25, 1.0), epochs=4)
    chosen = [s for s in SETTINGS if s.name in ("lambda_0.7", "replace_aligned")]
    file = make_low_data(family, effort, print, chosen)
    rows = json.loads(file.read_text())
    stages = dict.fromkeys(row["stage"] for row in rows)
    assert list(stages) == ["merged", "share 0.25", "share 1"]
    assert {len(row["seeds"]) for row in rows if row["stage"] != "merged"} == {2}
    tables, learnt = family.folder / "tables", {}
    for share in ("0.25", "1"):
        assert (tables / f"replace_aligned_share_{share}_0_projector" / "model").exists()
        run = tables / f"lambda_0.7_share_{share}_1"
        steps = [r for r in read_lines(run / "metrics.jsonl") if "lr" in r]
        learnt[share] = sum(row["n_samples"] for row in steps)
        assert steps[-1]["lr"] < max(row["lr"] for row in steps) / 2
    assert 0 < learnt["0.25"] < learnt["1"]
    svg = (tables / "low_data_loss.svg").read_text()
    assert svg.count("<polyline") == 2 and "lambda_0.7" in svg and "percent of the data" in svg
    assert not (tables / "low_data_exec_rate.svg").exists()  # no chart was written
    before = {f: f.stat().st_mtime_ns for f in tables.rglob("losses.json")}
    assert json.loads(make_low_data(family, effort, print, chosen).read_text()) == rows
    assert before == {f: f.stat().st_mtime_ns for f in tables.rglob("losses.json")}


@pytest.mark.parametrize("shares", ["0", "1.5", "nan", "half", "0.5,-1"])
def test_a_share_is_a_part_of_the_data(family, shares):
    with pytest.raises(BadInput, match="no share of the data"):
        app(["nano", "tables", str(family.folder), "--shares", shares], standalone_mode=False)


def test_a_family_goes_on_from_another_one(family, tmp_path):
    plain = family.recipe.model_dump(exclude_unset=True)
    plain["naming"]["optimizer"] = "muon"
    plain["train"]["optimizer"] = "muon"
    more = {"start": str(family.folder), "samples": {"charts": 15}, "tuned_seeing": 0.5}
    recipe = NanoRecipe.model_validate({**plain, **more})
    longer = Family(recipe, tmp_path / "longer", Show())
    longer.run()
    for same in ("base/model", "held_out/charts/data"):
        files = [
            f for f in (longer.folder / same).iterdir() if f.suffix in (".safetensors", ".parquet")
        ]
        assert files
        for file in files:
            before = family.folder / file.relative_to(longer.folder)
            assert file.read_bytes() == before.read_bytes(), file
    assert not (longer.folder / "language").exists() and not (longer.folder / "reading").exists()
    assert len(longer.dataset("charts")) > len(family.dataset("charts"))
    for name in ("vlm", "code", "merged", "nano"):
        before, after = _tensors(family.model(name)), _tensors(longer.model(name))
        assert before.keys() == after.keys() and before != after
    assert json.loads((longer.folder / "code" / "recipe.json").read_text())["model"] == str(
        family.model("code")
    )


def test_nano_goes_on_where_the_branches_are_kept(family, tmp_path):
    plain = family.recipe.model_dump(exclude_unset=True)
    with pytest.raises(ValueError, match="keep_branches: whose"):
        NanoRecipe.model_validate({**plain, "keep_branches": True})
    more = {"start": str(family.folder), "keep_branches": True, "further": 0.5}
    with pytest.raises(ValueError, match="further: than what"):
        NanoRecipe.model_validate({**plain, "further": 0.5})
    further = Family(NanoRecipe.model_validate({**plain, **more}), tmp_path / "further", Show())
    further.run()
    for name in ("base", "vlm", "code", "merged"):
        assert _tensors(further.model(name)) == _tensors(family.model(name)), name
    before, after = _tensors(family.model("nano")), _tensors(further.model("nano"))
    assert before.keys() == after.keys() and before != after
    start = json.loads((further.folder / "nano" / "recipe.json").read_text())["model"]
    assert start == str(family.model("nano"))
    both = [
        safetensors.torch.load_file(place / "model.safetensors")
        for place in (family.model("nano"), further.model("learnt"), further.model("nano"))
    ]
    for name, was in both[0].items():
        middle = (was.double() + both[1][name].double()) / 2
        assert (both[2][name].double() - middle).abs().max() <= 2**-7 * middle.abs().max(), name
    made = {"data", "held_out", "base", "vlm", "code", "merged", "learnt", "nano", "family.json"}
    assert {place.name for place in further.folder.iterdir()} == made


def test_a_family_does_not_go_on_from_itself(family):
    recipe = family.recipe.model_copy(update={"start": str(family.folder)})
    with pytest.raises(BadInput, match="from itself"):
        Family(recipe, family.folder, Show()).run()


def test_a_member_of_another_recipe_is_not_taken_for_this_one(family):
    tuned = {**family.recipe.tuned, "max_steps": 3}
    other = Family(family.recipe.model_copy(update={"tuned": tuned}), family.folder, Show())
    with pytest.raises(OutputRefused, match="max_steps"):
        other.run(["nano"])
    family.run(["nano"])  # its own is


def test_a_family_says_its_recipe(family, tmp_path):
    assert recipe_of(family.folder) == family.recipe
    told = json.loads((family.folder / "family.json").read_text())
    assert set(told["data_recipes"]) == set(DATA)
    with pytest.raises(BadRecipe, match="--size"):
        recipe_of(tmp_path)


def test_there_must_be_a_family_to_go_on_from(family, tmp_path):
    take_over(family.folder / "base", tmp_path / "half" / "base")
    recipe = family.recipe.model_copy(update={"start": str(tmp_path / "half")})
    with pytest.raises(BadRecipe, match="no family to go on from"):
        Family(recipe, tmp_path / "longer", Show()).run(["base"])
    assert not (tmp_path / "longer").exists()


def test_samples_are_of_data_that_are_there(family):
    plain = family.recipe.model_dump(exclude_unset=True)
    with pytest.raises(ValueError, match="no data called chart"):
        NanoRecipe.model_validate({**plain, "samples": {"chart": 15}})


def test_an_unknown_stage_is_refused(family):
    with pytest.raises(BadInput, match="bases"):
        family.run(["bases"])

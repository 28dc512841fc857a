"""The shipped recipes: the paper's runs and the same at nano size, what they start from, how they launch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from viscodex.recipe import MergeRecipe, read_recipe
from viscodex.train.recipe import TrainRecipe, stages_of

ROOT = Path(__file__).parents[2]
PAPER = {
    "8b_merge_sft", "8b_no_merge_sft", "8b_replace_1stage", "8b_replace_2stage", "33b_merge_sft", "8b_lora",
    "8b_merge_sft_1pct", "8b_merge_sft_5pct", "8b_merge_sft_20pct",
}  # fmt: skip
FILES = [
    *sorted((ROOT / "recipes/paper").glob("*.yaml")),
    *sorted((ROOT / "recipes/train").glob("*.yaml")),
]


def test_every_run_of_the_paper_has_a_recipe_at_both_sizes() -> None:
    assert {path.stem for path in (ROOT / "recipes/paper").glob("*.yaml")} == PAPER
    nano = {path.stem for path in (ROOT / "recipes/train").glob("nano_*.yaml")}
    wanted = {name.replace("8b_", "nano_") for name in PAPER if name.startswith("8b_")}
    assert nano == wanted | {"nano_lm"}


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_recipe_is_complete(file: Path) -> None:
    recipe = read_recipe(TrainRecipe, file)
    for stage in stages_of(recipe):
        assert stage.max_tokens <= stage.row
    if recipe.merge is not None:
        merge = read_recipe(MergeRecipe, ROOT / recipe.merge)
        first = (ROOT / recipe.merge).read_text().splitlines()[0]
        assert merge.sections()
        assert file.parent.name == "paper" or f"-o {recipe.model}" in first
    assert recipe.out == f"runs/{file.stem}"


def test_the_paper_freezes_the_eyes_and_trains_the_whole_language_model() -> None:
    for name in ("8b_merge_sft", "33b_merge_sft", "8b_merge_sft_5pct"):
        learn = read_recipe(TrainRecipe, ROOT / f"recipes/paper/{name}.yaml").learn
        assert (learn.vision_tower, learn.projector) == (False, False)
        assert learn.language_model is learn.embed_tokens is learn.lm_head is True


def test_two_stages_align_the_projector_first() -> None:
    for folder, name in (("paper", "8b"), ("train", "nano")):
        recipe = read_recipe(TrainRecipe, ROOT / f"recipes/{folder}/{name}_replace_2stage.yaml")
        first, second = stages_of(recipe)
        assert (first.learn.projector, first.learn.language_model) == (True, False)
        assert (second.learn.projector, second.learn.language_model) == (False, True)
        assert second.model == f"{first.out}/model"
        assert second.merge is None


@pytest.mark.parametrize("name", ["fsdp2", "zero3", "ddp", "cpu2"])
def test_accelerate_takes_the_shipped_configs(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.utils import FullyShardedDataParallelPlugin

    path = ROOT / f"recipes/train/accelerate/{name}.yaml"
    config: Any = load_config_from_file(str(path))
    assert config.num_processes >= 2
    plain = yaml.safe_load(path.read_text())
    kinds = {"fsdp2": "FSDP", "zero3": "DEEPSPEED", "ddp": "MULTI_GPU", "cpu2": "MULTI_GPU"}
    assert str(config.distributed_type).endswith(kinds[name])
    if name == "fsdp2":
        settings = plain["fsdp_config"]
        plugin = FullyShardedDataParallelPlugin(
            fsdp_version=settings["fsdp_version"],
            reshard_after_forward=settings["fsdp_reshard_after_forward"],
            auto_wrap_policy=settings["fsdp_auto_wrap_policy"],
            transformer_cls_names_to_wrap=settings["fsdp_transformer_layer_cls_to_wrap"].split(","),
            state_dict_type=settings["fsdp_state_dict_type"],
        )
        assert plugin.fsdp_version == 2
        assert "SHARDED" in str(plugin.state_dict_type)

"""Layouts: real transformers models of every supported family, merged and loaded again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers import PreTrainedModel, Qwen2VLImageProcessorPil

import viscodex
from tests.merge.models import Arrays, arrays_of, near, same_bits, text_arrays, write_model
from viscodex.errors import BadCheckpoint, MergeRefused
from viscodex.merge.checkpoint import read_checkpoint
from viscodex.merge.layout import understand
from viscodex.merge.summary import describe

VISION = {"hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "depth": 2}
TEXT = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
    "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0, "rms_norm_eps": 1e-6,
}  # fmt: skip
IDS = {
    "image_token_id": 90,
    "video_token_id": 91,
    "vision_start_token_id": 92,
    "vision_end_token_id": 93,
}
MROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 1, 1]}
SIGLIP = {
    "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48,
    "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14,
}  # fmt: skip


def vision_language_model(family: str, tied: bool = False) -> PreTrainedModel:
    """A small model of a family, random weights."""
    t = transformers
    text = {**TEXT, "rope_parameters": MROPE, "tie_word_embeddings": tied}
    if family == "qwen2_vl":
        vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2}
        config: Any = t.Qwen2VLConfig(
            text_config=text, vision_config=vision, tie_word_embeddings=tied, **IDS
        )
        return t.Qwen2VLForConditionalGeneration(config)
    if family == "qwen2_5_vl":
        vision = {**VISION, "out_hidden_size": 32, "window_size": 56, "fullatt_block_indexes": [1]}
        config = t.Qwen2_5_VLConfig(
            text_config=text, vision_config=vision, tie_word_embeddings=tied, **IDS
        )
        return t.Qwen2_5_VLForConditionalGeneration(config)
    if family == "qwen3_vl":
        text["head_dim"] = 8
        text["rope_parameters"] = {**MROPE, "mrope_interleaved": True}
        del text["bos_token_id"]
        vision = {
            **VISION,
            "out_hidden_size": 32,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0, 1],
        }
        config = t.Qwen3VLConfig(
            text_config=text, vision_config=vision, tie_word_embeddings=tied, **IDS
        )
        return t.Qwen3VLForConditionalGeneration(config)
    rope = {"rope_type": "default", "rope_theta": 1e6}
    plain = {**TEXT, "model_type": "qwen2", "tie_word_embeddings": tied, "rope_parameters": rope}
    if family == "internvl":
        vision = {
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": [28, 28], "patch_size": [14, 14],
        }  # fmt: skip
        config = t.InternVLConfig(
            text_config=plain, vision_config=vision, image_token_id=90, tie_word_embeddings=tied
        )
        return t.InternVLForConditionalGeneration(config)
    config = t.LlavaOnevisionConfig(
        text_config=plain, vision_config=SIGLIP, image_token_index=90, video_token_index=91,
        image_grid_pinpoints=[[28, 28]], tie_word_embeddings=tied,
    )  # fmt: skip
    return t.LlavaOnevisionForConditionalGeneration(config)


def code_model(family: str, tied: bool = False) -> PreTrainedModel:
    """A text model that fits the family's language model."""
    rope = {"rope_type": "default", "rope_theta": 1e6}
    sizes = {**TEXT, "rope_parameters": rope, "tie_word_embeddings": tied}
    if family == "qwen3_vl":
        return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**sizes, head_dim=8))
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**sizes))


FAMILIES = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "internvl", "llava_onevision"]


@pytest.fixture(scope="module", params=FAMILIES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """vlm and code of one family below a folder."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    transformers.utils.logging.disable_progress_bar()
    vision_language_model(request.param).save_pretrained(folder / "vlm")
    code_model(request.param).save_pretrained(folder / "code")
    return request.param, folder


def load(cls: type[Any], path: Path) -> Any:
    model, info = cls.from_pretrained(path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    return model.eval()


def text_logits(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=tokens).logits  # type: ignore[no-any-return]


def test_at_lam_0_the_merged_model_speaks_as_the_code_model(
    pair: tuple[str, Path], tmp_path: Path
) -> None:
    family, folder = pair
    viscodex.merge(folder / "vlm", folder / "code", lam=0.0, out=tmp_path / "out")
    merged = load(type(vision_language_model(family)), tmp_path / "out")
    code = load(type(code_model(family)), folder / "code")
    tokens = torch.randint(2, 80, (1, 12))
    assert torch.allclose(text_logits(merged, tokens), text_logits(code, tokens), atol=1e-5)


def test_at_lam_1_every_tensor_is_the_vlms_and_all_parts_are_known(
    pair: tuple[str, Path], tmp_path: Path
) -> None:
    family, folder = pair
    viscodex.merge(folder / "vlm", folder / "code", lam=1.0, out=tmp_path / "out")
    before, after = arrays_of(folder / "vlm"), arrays_of(tmp_path / "out")
    assert set(before) == set(after) and all(same_bits(before[n], after[n]) for n in before)
    parts = describe(understand(read_checkpoint(folder / "vlm"), "vlm"))["parts"]
    assert {"vision_tower", "projector", "language_model", "embed_tokens", "lm_head"} <= set(parts)
    assert "other" not in parts, family


def test_the_tower_is_copied_and_the_language_model_is_merged(
    pair: tuple[str, Path], tmp_path: Path
) -> None:
    _, folder = pair
    report = viscodex.merge(folder / "vlm", folder / "code", lam=0.5, out=tmp_path / "out")
    before, after = arrays_of(folder / "vlm"), arrays_of(tmp_path / "out")
    for step in report.steps:
        assert step.action == ("copy" if step.part in ("vision_tower", "projector") else "merge")
        if step.action == "copy":
            assert same_bits(before[step.name], after[step.name])
    merged = [step for step in report.steps if step.action == "merge"]
    assert len(merged) == len(arrays_of(folder / "code"))


def other_generation(source: Path, out: Path) -> None:
    """The same Qwen2.5-VL under the newer names: model.language_model.*, model.visual.*."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, out)
    renamed = {
        name.replace("visual.", "model.visual.", 1)
        if name.startswith("visual.")
        else name.replace("model.", "model.language_model.", 1)
        if name.startswith("model.")
        else name: value
        for name, value in load_file(source / "model.safetensors").items()
    }
    save_file(renamed, out / "model.safetensors", metadata={"format": "pt"})


def test_both_name_generations_of_qwen2_5_vl_give_equal_logits_with_text_and_image(
    trio: Path, tmp_path: Path
) -> None:
    other_generation(trio / "vlm", tmp_path / "newer")
    assert any(n.startswith("model.visual.") for n in arrays_of(tmp_path / "newer"))
    models = {}
    for generation, vlm in (("older", trio / "vlm"), ("newer", tmp_path / "newer")):
        for lam in (0.0, 0.7, 1.0):
            out = tmp_path / f"{generation}-{lam}"
            viscodex.merge(vlm, trio / "code", lam=lam, out=out)
            assert set(arrays_of(out)) == set(arrays_of(vlm)), "the VLM's own naming is kept"
            models[generation, lam] = load(transformers.Qwen2_5_VLForConditionalGeneration, out)
    tokens = torch.randint(2, 300, (1, 16))
    code = load(transformers.Qwen2ForCausalLM, trio / "code")
    reference = text_logits(code, tokens)
    for generation in ("older", "newer"):
        assert torch.equal(text_logits(models[generation, 0.0], tokens), reference)
    for lam in (0.0, 0.7, 1.0):
        assert torch.equal(
            text_logits(models["older", lam], tokens), text_logits(models["newer", lam], tokens)
        )
    inputs = with_picture(trio / "vlm")
    seen = load(transformers.Qwen2_5_VLForConditionalGeneration, trio / "vlm")
    with torch.inference_mode():
        expected = seen(**inputs).logits
        for generation in ("older", "newer"):
            assert torch.equal(models[generation, 1.0](**inputs).logits, expected)


def with_picture(path: Path) -> dict[str, torch.Tensor]:
    """Token ids and pixels of one picture, as the processor would make them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    processor = Qwen2VLImageProcessorPil.from_pretrained(path)
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (56, 84, 3), dtype=np.uint8)
    )
    pixels = processor(images=[picture], return_tensors="pt")
    n_tokens = int(pixels["image_grid_thw"].prod()) // 4
    ids = tokenizer(
        "<|vision_start|>" + "<|image_pad|>" * n_tokens + "<|vision_end|>Redraw",
        return_tensors="pt",
    )
    mark = (ids["input_ids"] == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long()
    return {**ids, **pixels, "mm_token_type_ids": mark}


def test_llama_and_mistral_language_models_merge_too(tmp_path: Path) -> None:
    for number, model_type in enumerate(("llama", "mistral", "qwen3", "qwen2")):
        base = text_arrays(number)
        for name, seed in (("one", 1), ("two", 2)):
            write_model(tmp_path / model_type / name, near(base, seed), model_type)
        one, two = (str(tmp_path / model_type / n) for n in ("one", "two"))
        models = [
            {"model": one, "parameters": {"weight": 0.5}},
            {"model": two, "parameters": {"weight": 0.5}},
        ]
        recipe = {"merge_method": "linear", "models": models}
        report = viscodex.merge(recipe=recipe, out=tmp_path / model_type / "out")
        assert report.counts["merge"] == len(base)
        assert any("text model" in notice for notice in report.notices)


# --- unknown layouts ------------------------------------------------------------------------------


def unknown(prefix: str, base: Arrays, head: str) -> Arrays:
    renamed = {
        prefix + n.removeprefix("model."): a for n, a in base.items() if n != "lm_head.weight"
    }
    tower = {
        f"eye.layers.{i}.self_attn.q_proj.weight": np.ones((8, 8), np.float32) for i in range(2)
    }
    return {
        **renamed,
        head: base["lm_head.weight"],
        **tower,
        "bridge.weight": np.ones((16, 8), np.float32),
    }


@pytest.mark.parametrize("prefix", ["mind.", "inner.text.model.", ""])
def test_an_unknown_vlm_is_understood_by_structure(prefix: str, tmp_path: Path) -> None:
    base = text_arrays(0)
    vlm = write_model(
        tmp_path / "vlm", unknown(prefix, base, "mouth.lm_head.weight"), "argus", vision_config={}
    )
    code = write_model(tmp_path / "code", near(base, 1))
    report = viscodex.merge(vlm, code, lam=0.0, out=tmp_path / "out")
    assert report.counts["merge"] == len(base)
    out, expected = arrays_of(tmp_path / "out"), arrays_of(code)
    assert set(out) == set(arrays_of(vlm))
    for name, array in expected.items():
        theirs = (
            "mouth.lm_head.weight"
            if name == "lm_head.weight"
            else prefix + name.removeprefix("model.")
        )
        assert same_bits(out[theirs], array)


def test_an_unknown_vlm_without_a_match_or_with_two_is_refused(tmp_path: Path) -> None:
    base = text_arrays(0)
    code = write_model(tmp_path / "code", near(base, 1))
    twice = {**unknown("one.", base, "lm_head.weight"), **unknown("two.", base, "lm_head.weight")}
    vlm = write_model(tmp_path / "twice", twice, "argus", vision_config={})
    with pytest.raises(MergeRefused, match="two parts"):
        viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "out")
    none = {
        n: a for n, a in unknown("one.", base, "lm_head.weight").items() if "layers.1.mlp" not in n
    }
    vlm = write_model(tmp_path / "none", none, "argus", vision_config={})
    with pytest.raises(MergeRefused, match="no part"):
        viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "out")


def test_one_tensor_under_two_generations_of_names_is_refused(tmp_path: Path) -> None:
    base = text_arrays(0)
    both = {
        **base,
        "model.language_model.norm.weight": base["model.norm.weight"],
        "visual.x": base["model.norm.weight"],
    }
    vlm = write_model(tmp_path / "vlm", both, "qwen2_5_vl")
    with pytest.raises(BadCheckpoint, match="two names"):
        understand(read_checkpoint(vlm), "vlm")


def test_behaviour_that_weights_cannot_tell_is_noted(tmp_path: Path) -> None:
    base = text_arrays(0)
    vlm = write_model(
        tmp_path / "vlm",
        {**base, "visual.x": base["model.norm.weight"]},
        "qwen2_5_vl",
        rope_theta=1e6,
    )
    code = write_model(tmp_path / "code", near(base, 1), rope_theta=1e4)
    report = viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "out")
    assert any("rope_theta" in notice for notice in report.notices)
    card = (tmp_path / "out" / "README.md").read_text()
    assert (
        "rope_theta" in card
        and json.loads((tmp_path / "out" / "config.json").read_text())["rope_theta"] == 1e6
    )

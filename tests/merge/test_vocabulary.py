"""Vocabularies: padding, added tokens, other numbers, tied and untied heads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import viscodex
from tests.merge.models import arrays_of, near, text_arrays, vision_arrays, write_model
from viscodex.errors import BadCheckpoint, MergeRefused
from viscodex.merge.vocabulary import read_tokens

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
TOKENS = {f"t{i}": i for i in range(16)}


def model(folder: Path, seed: int, rows: int, tokens: dict[str, int] | None, kind: str = "qwen2", tied: bool = False) -> Path:  # fmt: skip
    arrays = near(text_arrays(0, 40), seed)
    for name in (EMBED, HEAD):
        arrays[name] = arrays[name][:rows]
    if tied:
        del arrays[HEAD]
    if kind != "qwen2":
        arrays |= vision_arrays(9)
    return write_model(folder, arrays, kind, tokens, vocab_size=rows, tie_word_embeddings=tied)


def mean(x: np.ndarray, y: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return (0.5 * x.astype(np.float64) + 0.5 * y.astype(np.float64)).astype(x.dtype)


def test_equal_vocabularies_merge_like_any_other_tensor_padding_included(tmp_path: Path) -> None:
    vlm, code = (
        model(tmp_path / "v", 1, 20, TOKENS, "qwen2_5_vl"),
        model(tmp_path / "c", 2, 20, TOKENS),
    )
    report = viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "o")
    v, c, o = (arrays_of(p)[EMBED] for p in (vlm, code, tmp_path / "o"))
    assert (o == mean(v, c)).all()
    assert report.rows[EMBED] == {"merged": 20}


@pytest.mark.parametrize("rows", [16, 18, 32])
def test_other_padding_keeps_the_vlms_padding(rows: int, tmp_path: Path) -> None:
    vlm, code = (
        model(tmp_path / "v", 1, 20, TOKENS, "qwen2_5_vl"),
        model(tmp_path / "c", 2, rows, TOKENS),
    )
    report = viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "o")
    for name in (EMBED, HEAD):
        v, c, o = (arrays_of(p)[name] for p in (vlm, code, tmp_path / "o"))
        assert (o[:16] == mean(v[:16], c[:16])).all() and (o[16:] == v[16:]).all()
        assert report.rows[name] == {
            "merged": 16, "vlm_only_tokens": 0, "vlm_padding": 4, "code_rows_dropped": rows - 16,
        }  # fmt: skip


def test_rows_follow_their_tokens_and_tokens_of_one_model_only_stay_or_go(tmp_path: Path) -> None:
    theirs = {f"t{i}": (i * 7 + 3) % 16 for i in range(14)} | {"only-code": 16}
    ours = {**TOKENS, "<image>": 16}
    vlm, code = (
        model(tmp_path / "v", 1, 18, ours, "qwen2_5_vl"),
        model(tmp_path / "c", 2, 17, theirs),
    )
    report = viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "o")
    v, c, o = (arrays_of(p)[EMBED] for p in (vlm, code, tmp_path / "o"))
    for token, row in ours.items():
        expected = mean(v[row], c[theirs[token]]) if token in theirs else v[row]
        assert (o[row] == expected).all(), token
    assert (o[17] == v[17]).all()
    assert report.rows[EMBED]["vlm_only_tokens"] == 3 and report.rows[EMBED]["vlm_padding"] == 1


@pytest.mark.parametrize(
    "method", ["ties", "dare_ties", "della", "model_stock", "slerp", "task_arithmetic"]
)
def test_every_method_keeps_rows_that_the_others_lack(method: str, tmp_path: Path) -> None:
    fewer = {t: i for t, i in TOKENS.items() if i < 10}
    vlm = model(tmp_path / "v", 1, 20, TOKENS, "qwen2_5_vl")
    code, base = model(tmp_path / "c", 2, 12, fewer), model(tmp_path / "b", 3, 14, fewer)
    recipe = {"merge_method": method, "vlm": str(vlm), "code": str(code), "base": str(base)}
    if method in ("ties", "dare_ties", "della"):
        recipe["parameters"] = {"density": 0.5}  # type: ignore[assignment]
    viscodex.merge(recipe=recipe, out=tmp_path / "o")
    v, o = (arrays_of(p)[EMBED] for p in (vlm, tmp_path / "o"))
    assert (o[10:] == v[10:]).all() and (o[:10] != v[:10]).any()


def test_without_tokenizers_equal_sizes_are_matched_by_number_and_others_refused(
    tmp_path: Path,
) -> None:
    vlm = model(tmp_path / "v", 1, 20, None, "qwen2_5_vl")
    report = viscodex.merge(vlm, model(tmp_path / "c", 2, 20, None), lam=0.5, out=tmp_path / "o")
    assert any("number by number" in notice for notice in report.notices)
    with pytest.raises(MergeRefused, match="no tokenizer"):
        viscodex.merge(vlm, model(tmp_path / "d", 2, 18, TOKENS), lam=0.5, out=tmp_path / "p")


@pytest.mark.parametrize("vlm_tied", [False, True])
@pytest.mark.parametrize("code_tied", [False, True])
def test_tied_and_untied_heads_in_any_combination(
    vlm_tied: bool, code_tied: bool, tmp_path: Path
) -> None:
    vlm = model(tmp_path / "v", 1, 20, TOKENS, "qwen2_5_vl", vlm_tied)
    code = model(tmp_path / "c", 2, 20, TOKENS, tied=code_tied)
    report = viscodex.merge(vlm, code, lam=0.5, out=tmp_path / "o")
    v, c, o = arrays_of(vlm), arrays_of(code), arrays_of(tmp_path / "o")
    assert (o[EMBED] == mean(v[EMBED], c[EMBED])).all()
    tied = json.loads((tmp_path / "o" / "config.json").read_text())["tie_word_embeddings"]
    assert tied == (HEAD not in o) == (vlm_tied and code_tied)
    if HEAD in o:
        assert (o[HEAD] == mean(v.get(HEAD, v[EMBED]), c.get(HEAD, c[EMBED]))).all()
    assert report.counts["add"] == int(vlm_tied and not code_tied)


def test_a_head_can_be_kept_tied_by_request(tmp_path: Path) -> None:
    vlm, code = (
        model(tmp_path / "v", 1, 20, TOKENS, "qwen2_5_vl", True),
        model(tmp_path / "c", 2, 20, TOKENS),
    )
    recipe = {"vlm": str(vlm), "code": str(code), "lam": 0.5, "lm_head": "tied"}
    report = viscodex.merge(recipe=recipe, out=tmp_path / "o")
    assert HEAD not in arrays_of(tmp_path / "o") and report.counts["drop"] == 1
    assert (tmp_path / "o" / "config.json").read_bytes() == (vlm / "config.json").read_bytes()


def test_a_tied_head_that_was_written_out_is_dropped(tmp_path: Path) -> None:
    arrays = near(text_arrays(0, 20), 1)
    arrays[HEAD] = arrays[EMBED]
    vlm = write_model(
        tmp_path / "v",
        {**arrays, **vision_arrays(9)},
        "qwen2_5_vl",
        TOKENS,
        tie_word_embeddings=True,
    )
    report = viscodex.merge(
        vlm, model(tmp_path / "c", 2, 20, TOKENS, tied=True), lam=0.5, out=tmp_path / "o"
    )
    assert HEAD not in arrays_of(tmp_path / "o")
    assert [s.reason for s in report.steps if s.action == "drop"] == [
        "tied: the same weights as the embedding"
    ]


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"model": {"vocab": 3}}', '{"model": {"vocab": {"a": -1}}}', '{"model": {"vocab": {"a": "b"}}}', "\xff"]
)  # fmt: skip
def test_broken_tokenizer_files_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadCheckpoint, match=r"tokenizer\.json"):
        read_tokens(tmp_path)


def test_vocab_json_with_added_tokens_reads_like_tokenizer_json(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0, "b": 1}')
    (tmp_path / "added_tokens.json").write_text('{"<x>": 2}')
    (tmp_path / "tokenizer_config.json").write_text(
        '{"added_tokens_decoder": {"3": {"content": "<y>"}}}'
    )
    assert read_tokens(tmp_path) == {"a": 0, "b": 1, "<x>": 2, "<y>": 3}
    assert read_tokens(tmp_path / "nowhere") is None

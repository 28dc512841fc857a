"""Recipes: every form is understood, everything else is a BadRecipe that says where and what."""

from __future__ import annotations

import json
import math
import string
import tempfile
import time
import tomllib
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viscodex.recipe as recipe_module
from viscodex.errors import BadRecipe
from viscodex.recipe import (
    MAX_RECIPE_BYTES,
    MergeRecipe,
    Rule,
    Section,
    check_recipe,
    complement,
    read_recipe,
    read_setting,
    setting_at,
)

SHORT = {"vlm": "V", "code": "C"}
SHORT_TEXT = "vlm: V\ncode: C\n"


def _check(data: dict[str, Any], *overrides: str) -> MergeRecipe:
    return check_recipe(MergeRecipe, data, overrides)


def _read(folder: Path, text: str | bytes, *overrides: str) -> MergeRecipe:
    file = folder / "recipe.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_recipe(MergeRecipe, file, overrides)


def _refusal(data: dict[str, Any], *overrides: str) -> str:
    with pytest.raises(BadRecipe) as caught:
        _check(data, *overrides)
    return str(caught.value)


def _only_section(data: dict[str, Any]) -> Section:
    (section,) = _check(data).sections()
    return section


def _weights(data: dict[str, Any]) -> list[Any]:
    section = _only_section(data)
    return [section.setting("weight", entry, "any", 0.0) for entry in section.models]


# --- the short form -------------------------------------------------------------------------------


def test_short_form_weighs_vlm_by_lam_and_code_by_the_rest() -> None:
    assert _weights({**SHORT, "lam": 0.7}) == [0.7, 0.3]


def test_short_form_without_lam_is_seven_to_three() -> None:
    assert _weights(SHORT) == [0.7, 0.3]


def test_short_form_slerp_starts_from_the_vlm() -> None:
    data = {**SHORT, "merge_method": "slerp", "lam": 0.7, "base": "B"}
    assert _check(data).base_reference == "V"
    assert _only_section(data).setting("t", None, "any", 0.0) == 0.3


@pytest.mark.parametrize("method", ["model_stock", "replace"])
def test_methods_without_weights_get_none_from_the_short_form(method: str) -> None:
    assert _weights({**SHORT, "merge_method": method}) == [None, None]


def test_explicit_weight_parameter_wins_over_the_default_lam() -> None:
    assert _weights({**SHORT, "parameters": {"weight": 0.5}}) == [0.5, 0.5]


@pytest.mark.parametrize("lam", [-0.1, 1.1, [0.5, 2], {"filter": "mlp", "value": 3}, "7", -1e-9])
def test_lam_outside_0_to_1_is_refused(lam: object) -> None:
    assert "outside 0 to 1" in _refusal({**SHORT, "lam": lam})


def test_text_that_is_a_number_counts_as_one() -> None:
    assert _check({**SHORT, "lam": "1e-3"}).lam == 1e-3


def test_lambda_is_the_alias_of_lam_in_parameters() -> None:
    assert _check({**SHORT, "parameters": {"lambda": 0.5}}).parameters.lam == 0.5


def test_references_names_every_model_once_in_order() -> None:
    data = {
        "slices": [
            {
                "sources": [
                    {"model": "A", "layer_range": [0, 2]},
                    {"model": "D", "layer_range": [0, 2]},
                ]
            },
            {"sources": [{"model": "A", "layer_range": [2, 4]}]},
        ],
        "base_model": "B",
    }
    assert _check(data).references() == ("B", "A", "D")
    assert _check({**SHORT, "base": "V"}).references() == ("V", "C")


def test_a_recipe_cannot_be_changed() -> None:
    recipe = _check(SHORT)
    with pytest.raises(ValueError, match="frozen"):
        recipe.vlm = "other"  # type: ignore[misc]


# --- mergekit's forms -----------------------------------------------------------------------------


def test_models_form_keeps_order_and_parameters() -> None:
    data = {
        "models": [{"model": "A", "parameters": {"weight": 0.2}}, {"model": "B"}],
        "parameters": {"weight": 0.9},
    }
    assert _weights(data) == [0.2, 0.9]


def test_slices_form_makes_one_section_a_slice() -> None:
    source = {"model": "A", "parameters": {"weight": 1}}
    data = {
        "slices": [
            {"sources": [{**source, "layer_range": [0, 3]}]},
            {"sources": [{**source, "layer_range": [3, 4]}]},
        ]
    }
    assert [(s.start, s.stop) for s in _check(data).sections()] == [(0, 3), (3, 4)]


@pytest.mark.parametrize(
    "ranges",
    [
        [[[1, 2]]],  # does not begin at 0
        [[[0, 2]], [[3, 4]]],  # leaves a layer out
        [[[0, 2]], [[1, 3]]],  # repeats one
        [[[0, 2], [0, 3]]],  # sources differ
        [[[0, 0]]],  # empty
        [[[0, -1]]],
    ],
)
def test_slices_that_change_the_depth_are_refused(ranges: list[list[list[int]]]) -> None:
    slices = [
        {"sources": [{"model": f"m{i}", "layer_range": r} for i, r in enumerate(piece)]}
        for piece in ranges
    ]
    with pytest.raises(BadRecipe, match="depth or the order"):
        _check({"slices": slices}).sections()


def test_a_slice_with_another_base_is_refused() -> None:
    piece = {"sources": [{"model": "A", "layer_range": [0, 1]}], "base_model": "other"}
    with pytest.raises(BadRecipe, match="base model of its own"):
        _check({"slices": [piece], "base_model": "B"}).sections()


def _precedence(own: object, piece: object, whole: object) -> Any:
    def parameters(value: object) -> dict[str, object]:
        return {} if value is None else {"density": value}

    source = {"model": "A", "layer_range": [0, 1], "parameters": parameters(own)}
    data = {
        "slices": [{"sources": [source], "parameters": parameters(piece)}],
        "parameters": parameters(whole),
    }
    section = _only_section(data)
    return section.setting("density", section.models[0], "model.mlp.weight", 0.0)


def test_model_goes_before_slice_before_recipe() -> None:
    assert _precedence(0.1, 0.2, 0.3) == 0.1
    assert _precedence(None, 0.2, 0.3) == 0.2
    assert _precedence(None, None, 0.3) == 0.3
    assert _precedence(None, None, None) is None


def test_zero_is_a_value_and_does_not_fall_through() -> None:
    assert _precedence(0, 0.2, 0.3) == 0
    assert _precedence(False, 0.2, 0.3) is False


def test_rules_that_do_not_match_fall_through() -> None:
    other, mlp = {"filter": "attn", "value": 0.1}, {"filter": "mlp", "value": 0.2}
    assert _precedence([other], [mlp], 0.3) == 0.2
    assert _precedence([other], [other], 0.3) == 0.3
    assert _precedence([other], [other], [other]) is None


def test_shared_parameters_do_not_read_the_models_own() -> None:
    data = {"models": [{"model": "A", "parameters": {"t": 0.1}}], "parameters": {"t": 0.4}}
    assert _only_section(data).setting("t", None, "any", 0.0) == 0.4


def test_first_matching_rule_wins_and_star_means_all() -> None:
    rules = read_setting(
        [
            {"filter": "mlp", "value": 1},
            {"filter": "mlp.down", "value": 2},
            {"filter": "*", "value": 3},
            {"value": 4},
        ]
    )
    assert setting_at(rules, "model.layers.0.mlp.down_proj.weight", 0.0) == 1
    assert setting_at(rules, "lm_head.weight", 0.0) == 3
    assert setting_at(read_setting([{"value": 4}]), "lm_head.weight", 0.0) == 4


def test_a_filter_is_a_substring_not_a_pattern() -> None:
    rules = read_setting([{"filter": "m.p", "value": 1}])
    assert setting_at(rules, "mlp", 0.0) is None
    assert setting_at(rules, "m.p", 0.0) == 1


def test_a_rule_may_hold_a_gradient() -> None:
    rules = read_setting({"filter": "mlp", "value": [0, 1]})
    assert setting_at(rules, "mlp", 0.25) == 0.25


def _reference(values: list[float], depth: float) -> Fraction:
    """Piecewise linear over equal steps, in exact arithmetic."""
    exact, place = [Fraction(v) for v in values], Fraction(depth) * (len(values) - 1)
    for i in range(len(exact) - 1):
        if i <= place <= i + 1:
            return exact[i] + (place - i) * (exact[i + 1] - exact[i])
    return exact[-1]


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.integers(-9, 9), min_size=1, max_size=9),
    depth=st.floats(0, 1),
)
def test_gradients_agree_with_exact_linear_interpolation(values: list[float], depth: float) -> None:
    got = setting_at(read_setting(values), "any", depth)
    assert got is not None
    assert abs(Fraction(got) - _reference(values, depth)) <= 1e-12 * max(1, *map(abs, values), 1)
    assert setting_at(read_setting(values), "any", 0.0) == values[0]
    assert setting_at(read_setting(values), "any", 1.0) == values[-1]


@given(values=st.lists(st.booleans(), min_size=1, max_size=9), depth=st.floats(0, 1))
def test_gradients_of_booleans_are_never_mixed(values: list[bool], depth: float) -> None:
    got = setting_at(read_setting(values), "any", depth)
    assert got is values[math.floor(depth * (len(values) - 1))]


# --- complement -----------------------------------------------------------------------------------


@given(hundredths=st.integers(0, 1000))
def test_complement_is_exact_in_decimals(hundredths: int) -> None:
    value = float(f"0.{hundredths:03d}") if hundredths < 1000 else 1.0
    rest = 1000 - hundredths
    assert complement(value) == (float(f"0.{rest:03d}") if rest < 1000 else 1.0)
    assert complement(complement(value)) == value


def test_complement_goes_into_gradients_and_rules() -> None:
    assert complement(0.7) == 0.3
    assert complement((0.7, 1, 0)) == (0.3, 0.0, 1.0)
    assert complement((Rule((0.7, 0.9), "mlp"), Rule(0.1))) == (
        Rule((0.3, 0.1), "mlp"),
        Rule(0.9),
    )


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "key", "nearest"),
    [
        ({**SHORT, "lamb": 0.5}, "lamb", "lam"),
        ({**SHORT, "merge_methd": "ties"}, "merge_methd", "merge_method"),
        ({**SHORT, "parameters": {"densty": 1}}, "parameters.densty", "density"),
        ({**SHORT, "parameters": {"lamda": 1}}, "parameters.lamda", "lambda"),
        (
            {"models": [{"model": "A", "parameters": {"weigth": 1}}]},
            "models.0.parameters.weigth",
            "weight",
        ),
        (
            {"slices": [{"sources": [{"model": "A", "layer_rang": [0, 1]}]}]},
            "slices.0.sources.0.layer_rang",
            "layer_range",
        ),
    ],
)
def test_unknown_key_is_refused_with_its_place_and_the_nearest(
    data: dict[str, Any], key: str, nearest: str
) -> None:
    assert f"{key}: unknown key; did you mean {nearest}?" in _refusal(data)


def test_unknown_key_far_from_all_lists_the_known_ones() -> None:
    message = _refusal({**SHORT, "zzzzzz": 1})
    assert "unknown key; known: merge_method" in message


@pytest.mark.parametrize("key", ["json", "jsonl_file", "tuple[", "function-x", "lax-y"])
def test_unknown_key_that_looks_like_a_pydantic_tag_is_refused(key: str) -> None:
    assert f"{key}: unknown key" in _refusal({**SHORT, key: 1})


def test_unknown_method_names_the_nearest() -> None:
    assert "did you mean dare_ties?" in _refusal({**SHORT, "merge_method": "dare_tie"})


def test_many_findings_are_counted_not_all_printed() -> None:
    message = _refusal({**SHORT, **{f"unknown{i}": 1 for i in range(500)}})
    assert "494 more" in message
    assert len(message) < 3000


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"vlm": "V"},
        {"code": "C"},
        {**SHORT, "models": [{"model": "A"}]},
        {"models": [{"model": "A"}], "slices": []},
        {"models": []},
        {"slices": []},
        {"slices": [{"sources": []}]},
        {**SHORT, "base": "B", "base_model": "B"},
        {"models": [{"model": "A"}], "lam": 0.5},
    ],
)
def test_half_a_form_or_two_forms_are_refused(data: dict[str, Any]) -> None:
    _refusal(data)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vlm", 1),
        ("vlm", ["V"]),
        ("lam", "much"),
        ("lam", []),
        ("lam", [[0.5]]),
        ("lam", [0.5, {"value": 0.5}]),
        ("lam", {"filter": "mlp"}),
        ("lam", {"value": 0.5, "other": 1}),
        ("lam", {"value": []}),
        ("lam", {"value": {"value": 0.5}}),
        ("lam", math.nan),
        ("lam", math.inf),
        ("lam", [0.5, -math.inf]),
        ("lam", {"value": math.nan}),
        ("lam", "nan"),
        ("lam", "1e999"),
        ("parameters", []),
        ("parameters", {"weight": math.inf}),
        ("parameters", {"density": "nan"}),
        ("models", {"model": "A"}),
        ("models", [1]),
        ("models", [{}]),
        ("slices", [{"sources": [{"model": "A", "layer_range": [0]}]}]),
        ("slices", [{"sources": [{"model": "A", "layer_range": [0, 1, 2]}]}]),
        ("slices", [{"sources": [{"model": "A", "layer_range": [0, 1.5]}]}]),
        ("slices", [{"sources": [{"model": "A", "layer_range": [0, math.nan]}]}]),
        ("dtype", "float128"),
        ("out_dtype", 16),
        ("merge_method", []),
        ("lm_head", "untied"),
        ("seed", -1),
        ("seed", "x"),
        ("seed", 0.5),
    ],
)
def test_wrong_type_is_refused_at_its_key(key: str, value: object) -> None:
    data = {key: value} if key in ("models", "slices") else {**SHORT, key: value}
    assert key in _refusal(data)


def test_a_number_too_large_for_a_float_is_refused() -> None:
    _refusal({**SHORT, "lam": 10**400})


def test_a_filter_that_is_not_text_is_refused() -> None:
    _refusal({**SHORT, "lam": {"filter": {"mlp": 1}, "value": 0.5}})


# --- YAML -----------------------------------------------------------------------------------------


def test_a_good_file_is_read(tmp_path: Path) -> None:
    text = "# comment\nvlm: V  # ä\ncode: C\nlam: [0.5, 1]\nparameters: {density: 5e-1}\n"
    recipe = _read(tmp_path, text)
    assert (recipe.lam, recipe.parameters.density) == ((0.5, 1), 0.5)


def test_recipes_of_the_package_are_found_anywhere_and_own_ones_go_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ours = Path("recipes/merge/qwen2_5_vl_7b.yaml")
    assert read_recipe(MergeRecipe, ours).vlm == "Qwen/Qwen2.5-VL-7B-Instruct"
    ours.parent.mkdir(parents=True)
    ours.write_text("vlm: a\ncode: b\nbase: c\n", "utf-8")
    assert read_recipe(MergeRecipe, ours).vlm == "a"
    with pytest.raises(BadRecipe, match=r"recipes/merge/none\.yaml: No such file"):
        read_recipe(MergeRecipe, Path("recipes/merge/none.yaml"))


def test_an_installed_package_has_its_recipes_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipe_module, "__file__", str(tmp_path / "site/viscodex/recipe.py"))
    inside = tmp_path / "site/viscodex/recipes/merge/one.yaml"
    inside.parent.mkdir(parents=True)
    inside.write_text("vlm: a\ncode: b\nbase: c\n", "utf-8")
    assert read_recipe(MergeRecipe, Path("recipes/merge/one.yaml")).vlm == "a"
    packed = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    wheel = packed["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"recipes": "viscodex/recipes"}


@pytest.mark.parametrize("text", ["lam: 0.1\nlam: 0.2\n", "parameters: {t: 1, t: 1}\n"])
def test_a_key_given_twice_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRecipe, match="given twice"):
        _read(tmp_path, SHORT_TEXT + text)


def test_aliases_are_allowed(tmp_path: Path) -> None:
    recipe = _read(
        tmp_path,
        "models:\n- {model: A, parameters: &p {weight: 0.5}}\n- {model: B, parameters: *p}\n",
    )
    assert recipe.models is not None
    assert [entry.parameters.weight for entry in recipe.models] == [0.5, 0.5]


def _laughs(open_: str, close: str, item: str, depth: int) -> str:
    lines = [f"l0: &l0 {open_}{item.format('1')}{close}"]
    for i in range(1, depth):
        inner = ", ".join([item.format(f"*l{i - 1}")] * 9)
        lines.append(f"l{i}: &l{i} {open_}{inner}{close}")
    return SHORT_TEXT + "\n".join(lines) + f"\nlam: *l{depth - 1}\n"


def _cost(folder: Path, text: str, *overrides: str) -> tuple[float, int]:
    """Seconds and peak bytes of refusing a recipe."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(BadRecipe):
            _read(folder, text, *overrides)
        return time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_laughs("[", "]", "{}", 30), id="lists"),
        pytest.param(_laughs("{x: [", "]}", "{}", 30), id="maps"),
        pytest.param("&a {vlm: V, code: *a}", id="inside-itself"),
        pytest.param(_laughs("!!pairs [", "]", "x: {}", 6), id="pairs"),
        pytest.param(
            SHORT_TEXT + f"name: &s {'A' * 100_000}\nlam: [{', '.join(['*s'] * 500)}]",
            id="long-text",
        ),
    ],
)
def test_a_billion_laughs_are_refused_quickly_and_small(tmp_path: Path, text: str) -> None:
    seconds, peak = _cost(tmp_path, text)
    assert seconds < 5
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"# only a comment\n",
        b"- a list\n",
        b"just text",
        b"3",
        b"vlm: [",
        b"vlm: \xff\xfe",
        "vlm: ä".encode("latin-1"),
        SHORT_TEXT.encode("utf-16"),
        b"vlm: \x00",
        b"a: !!python/object/apply:os.getcwd []",
        b"a: !unknown 1",
        b"a: *nowhere",
        b"--- {}\n--- {}\n",
        b"lam: 2024-99-99",
        b"{[a]: 1}",
        b"1: 2",
        b"lam: " + b"9" * 5000,
        b"lam: " + b"[" * 5000,
        b"vlm: V\ncode: C\nlam: " + b"[" * 150 + b"]" * 150,
        b'"\\ud800": 1',
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(BadRecipe):
        _read(tmp_path, raw)


@pytest.mark.parametrize(
    "value",
    [
        "!!map [a]",
        "!!set [a]",
        "!!bool x",
        '!!int ""',
        '!!float ""',
        "!!timestamp x",
        '"\\UFFFFFFFF"',
    ],
)
def test_a_yaml_tag_on_the_wrong_value_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadRecipe):
        _read(tmp_path, f"{SHORT_TEXT}lam: {value}\n")


def test_a_huge_file_is_refused_unparsed(tmp_path: Path) -> None:
    seconds, _ = _cost(tmp_path, SHORT_TEXT + "#" * MAX_RECIPE_BYTES)
    assert seconds < 1


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRecipe, match="cannot be read"):
        read_recipe(MergeRecipe, tmp_path / name)


# --- overrides ------------------------------------------------------------------------------------

MODELS = {"models": [{"model": "A", "parameters": {"weight": 0.1}}, {"model": "B"}]}


def test_overrides_reach_keys_and_list_items() -> None:
    recipe = _check(MODELS, "models.0.parameters.weight=0.9", "models.1.parameters.density=[0, 1]")
    assert recipe.models is not None
    assert recipe.models[0].parameters.weight == 0.9
    assert recipe.models[1].parameters.density == (0, 1)


def test_the_later_override_wins_and_the_data_stays_as_it_was() -> None:
    before = json.dumps(MODELS)
    recipe = _check(MODELS, "models.0.model=X", "models.0.model=Y")
    assert recipe.models is not None
    assert recipe.models[0].model == "Y"
    assert json.dumps(MODELS) == before


def test_an_override_of_one_alias_leaves_the_other(tmp_path: Path) -> None:
    text = "models:\n- {model: A, parameters: &p {weight: 0.5}}\n- {model: B, parameters: *p}\n"
    recipe = _read(tmp_path, text, "models.0.parameters.weight=1")
    assert recipe.models is not None
    assert [entry.parameters.weight for entry in recipe.models] == [1, 0.5]


def test_an_override_value_may_contain_equals_and_be_empty() -> None:
    assert _check(SHORT, "vlm=a=b").vlm == "a=b"
    assert _check(SHORT, "name=").name is None


@pytest.mark.parametrize(
    "override",
    [
        "lam",
        "=1",
        "",
        "lam=[",
        "lam=nan",
        "models.9.model=X",
        "models.x.model=X",
        "models.0.model.deep=X",
        "models.0..weight=1",
        "unknown=1",
        "unknown.deep=1",
        "..=1",
        "lam={a: 1, a: 2}",
        f"models.{'9' * 30}.model=X",
    ],
)
def test_an_override_that_cannot_be_meant_is_refused(override: str) -> None:
    _refusal(MODELS, override)


@pytest.mark.parametrize(
    "override",
    [
        "lam=2024-99-99",
        "lam=!!bool x",
        pytest.param("lam=" + "9" * 5000, id="long-number"),
        pytest.param("lam=" + "[" * 3000, id="deep"),
    ],
)
def test_an_override_that_yaml_cannot_build_is_refused(override: str) -> None:
    _refusal(SHORT, override)


# --- arbitrary data -------------------------------------------------------------------------------

KEYS = [*MergeRecipe.model_fields, "model", "layer_range", "sources", "weight", "lambda", "filter"]
KEYS += ["value", "t", "density"]
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["ties", "slerp", "bfloat16", "auto", "0.5", "nan", "*"])
)
data = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
        | st.dictionaries(leaves, inner, max_size=2)
    ),
    max_leaves=25,
)
model = st.fixed_dictionaries({"model": st.just("A")}, optional={"parameters": data})
source = st.fixed_dictionaries(
    {"model": st.just("A"), "layer_range": st.lists(st.integers(0, 3), min_size=2, max_size=2)},
    optional={"parameters": data},
)
near = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(KEYS, data),
        "vlm": st.just("V") | data,
        "code": st.just("C") | data,
        "lam": st.lists(st.floats(0, 1), max_size=3) | data,
        "models": st.lists(model, max_size=2) | data,
        "slices": st.lists(st.fixed_dictionaries({"sources": st.lists(source, max_size=2)})) | data,
    },
)


def _only_bad_recipe(read: Any) -> None:
    try:
        recipe = read()
        recipe.references()
        sections = recipe.sections()
    except BadRecipe as error:
        assert len(str(error)) < 5000
        return
    for section in sections:
        for entry in section.models:
            value = section.setting("weight", entry, "model.layers.0.mlp.weight", 0.5)
            assert value is None or math.isfinite(value)


@given(data=near | st.dictionaries(st.sampled_from(KEYS) | leaves, data, max_size=4))
@settings(max_examples=200)
def test_arbitrary_data_is_a_recipe_or_a_bad_recipe(data: Any) -> None:
    _only_bad_recipe(lambda: check_recipe(MergeRecipe, data))


SYNTAX = st.sampled_from(
    [
        *KEYS,
        *"[]{}'\"#!%~\\|>?-:&*\n\t",
        ": ",
        "- ",
        "  ",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "---\n",
        "0x_",
    ]
)


@given(text=st.lists(SYNTAX | st.text(string.printable, max_size=3), max_size=25).map("".join))
@settings(max_examples=200)
def test_arbitrary_text_is_a_recipe_or_a_bad_recipe(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _only_bad_recipe(lambda: _read(Path(folder), text))
        _only_bad_recipe(lambda: check_recipe(MergeRecipe, dict(SHORT), [f"lam={text}"]))


@given(key=st.lists(st.sampled_from([*KEYS, "0", "-1", "x"]), max_size=4).map(".".join), data=near)
@settings(max_examples=100)
def test_arbitrary_override_is_followed_or_a_bad_recipe(key: str, data: Any) -> None:
    _only_bad_recipe(lambda: check_recipe(MergeRecipe, data, [f"{key}=0.5"]))

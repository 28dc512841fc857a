"""Recipes: YAML files and key=value overrides, as frozen pydantic models.

in:  YAML text, dotted overrides (`parameters.density=0.5`)
out: a checked recipe; every unknown key is refused with the nearest known one
not covered: whether the models that a recipe names exist or fit one another (merge/plan.py)
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from viscodex.errors import BadRecipe

# --- coefficients, in mergekit's words ------------------------------------------------------------


Number = bool | int | float
MAX_NUMBER = 1e300


@dataclass(frozen=True, slots=True)
class Rule:
    """A value for the tensors whose name contains `filter`; no filter or `*` means all."""

    value: Number | tuple[Number, ...]
    filter: str | None = None


Setting = Number | tuple[Number, ...] | tuple[Rule, ...]
"""One number; a list over depth (gradient); or rules by tensor-name filter."""


def read_setting(value: object) -> Setting:
    """A setting from plain YAML data.

    Raises:
        ValueError: none of the three forms, or a number that is not finite.
    """
    if isinstance(value, Mapping):
        return (_rule(value),)
    if not isinstance(value, (list, tuple)):
        return _number(value)
    if not value:
        raise ValueError("an empty list has no value")
    if all(isinstance(item, (Mapping, Rule)) for item in value):
        return tuple(item if isinstance(item, Rule) else _rule(item) for item in value)
    return tuple(_number(item) for item in value)


def _rule(value: Mapping[Any, Any]) -> Rule:
    if "value" not in value or set(value) - {"filter", "value"}:
        keys = ", ".join(map(str, value))
        raise ValueError(f"a rule has the keys filter and value; here: {keys}")
    inner, pattern = value["value"], value.get("filter")
    if isinstance(pattern, (Mapping, list, tuple)):
        raise ValueError("the filter of a rule is a part of a tensor's name")
    numbers = tuple(map(_number, inner)) if isinstance(inner, (list, tuple)) else _number(inner)
    if numbers == ():
        raise ValueError("an empty list has no value")
    return Rule(numbers, None if pattern is None else str(pattern))


def _number(value: object) -> Number:
    """A finite number; text such as 1e-3 (which YAML reads as text) counts as one."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if not isinstance(value, (bool, int, float)):
        raise ValueError("expected a number, a list over depth, or rules {filter, value}")
    if abs(value) > MAX_NUMBER or not math.isfinite(value):
        shown = value if isinstance(value, float) else "a number of many digits"
        raise ValueError(f"{shown} is not a finite number")
    return value


def setting_at(setting: Setting, tensor: str, depth: float) -> bool | int | float | None:
    """The value of a setting for one tensor, in mergekit's semantics.

    Args:
        tensor: canonical name of the tensor, matched against the filters as a substring.
        depth: 0 at the first layer, 1 at the last, 0 for tensors outside the layers.

    Returns:
        The value; None where no rule matches.
    """
    if not isinstance(setting, tuple):
        return setting
    values: list[Number] = []
    for item in setting:
        if not isinstance(item, Rule):
            values.append(item)
        elif item.filter in (None, "*") or str(item.filter) in tensor:
            return setting_at(item.value, tensor, depth)
    if not values:
        return None
    scaled = depth * (len(values) - 1)
    low = int(scaled)
    if any(isinstance(value, bool) for value in values):
        return values[low]
    high = min(low + 1, len(values) - 1)
    share = scaled - low
    return values[low] if share == 0 else (1 - share) * values[low] + share * values[high]


def complement(setting: Setting) -> Setting:
    """1 - setting, for each number in it, exact in decimals: 0.7 gives 0.3."""
    if not isinstance(setting, tuple):
        return float(1 - Decimal(str(float(setting))))
    items: list[Any] = [
        Rule(complement(item.value), item.filter) if isinstance(item, Rule) else complement(item)  # type: ignore[arg-type]
        for item in setting
    ]
    return tuple(items)


class Frozen(BaseModel):
    """Base of all recipe models: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


# --- the merge recipe -----------------------------------------------------------------------------

MergeMethod = Literal[
    "task_arithmetic", "linear", "slerp", "ties", "dare_linear", "dare_ties", "della",
    "della_linear", "breadcrumbs", "breadcrumbs_ties", "model_stock", "replace",
]  # fmt: skip


def _plain_dtype(value: object) -> object:
    return value.removeprefix("torch.") if isinstance(value, str) else value


def _or_empty(value: object) -> object:
    return {} if value is None else value


OutputDtype = Annotated[
    Literal["bfloat16", "float16", "float32", "float64"], BeforeValidator(_plain_dtype)
]


YamlSetting = Annotated[Any, PlainValidator(read_setting)]


class Parameters(Frozen):
    """Parameters of the merge methods. Which method reads which: `viscodex.merge.methods.METHODS`."""

    weight: YamlSetting | None = None
    density: YamlSetting | None = None
    gamma: YamlSetting | None = None
    epsilon: YamlSetting | None = None
    t: YamlSetting | None = None
    lam: YamlSetting | None = Field(default=None, alias="lambda")
    normalize: YamlSetting | None = None
    rescale: YamlSetting | None = None
    filter_wise: YamlSetting | None = None
    int8_mask: YamlSetting | None = None  # a memory hint of mergekit's; nothing to do here
    embed_slerp: YamlSetting | None = None  # mergekit: only with a merged tokenizer; not followed


MaybeParameters = Annotated[Parameters, BeforeValidator(_or_empty)]


class ModelEntry(Frozen):
    """One model of the merge with its parameters."""

    model: str
    parameters: MaybeParameters = Parameters()


class SliceSource(ModelEntry):
    """One model's share of a slice."""

    layer_range: tuple[int, int]


class Slice(Frozen):
    """A range of layers with parameters of its own; depth runs from 0 to 1 inside it."""

    sources: tuple[SliceSource, ...]
    base_model: str | None = None
    residual_weight: float | None = None  # of mergekit's; no method here uses it
    parameters: MaybeParameters = Parameters()


@dataclass(frozen=True, slots=True)
class Section:
    """What every form of a recipe comes down to: the models of a range of layers."""

    start: int
    stop: int | None  # None: to the last layer
    models: tuple[ModelEntry, ...]
    parameters: tuple[Parameters, ...]  # shared by the models; the first that has a value wins

    def setting(
        self, name: str, entry: ModelEntry | None, tensor: str, depth: float
    ) -> bool | int | float | None:
        """A parameter for one tensor: the model's own, else the slice's, else the recipe's.

        Args:
            entry: the model; None for a parameter that the models share.
            tensor, depth: as for `setting_at`.
        """
        own = () if entry is None else (entry.parameters,)
        for parameters in (*own, *self.parameters):
            setting = getattr(parameters, name)
            value = None if setting is None else setting_at(setting, tensor, depth)
            if value is not None:
                return value
        return None


class MergeRecipe(Frozen):
    """A merge, in the short form (vlm, code, lam) or in mergekit's form (models or slices)."""

    merge_method: MergeMethod = "task_arithmetic"
    # the short form
    vlm: str | None = None
    code: str | None = None
    base: str | None = None
    lam: YamlSetting | None = None
    # mergekit's form
    models: tuple[ModelEntry, ...] | None = None
    slices: tuple[Slice, ...] | None = None
    base_model: str | None = None
    parameters: MaybeParameters = Parameters()
    dtype: OutputDtype | None = None
    out_dtype: OutputDtype | None = None
    tokenizer_source: Any = None  # read for a notice only: the tokenizer is the VLM's
    tokenizer: Any = None
    chat_template: Any = None
    name: str | None = None
    # both
    lm_head: Literal["auto", "tied"] = "auto"
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_form(self) -> MergeRecipe:
        forms = [name for name in ("code", "models", "slices") if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError(
                "give either vlm and code, or models, or slices; here: "
                + (" and ".join(forms) or "none of them")
            )
        if (
            self.models == ()
            or self.slices == ()
            or any(p.sources == () for p in self.slices or ())
        ):
            raise ValueError("an empty list of models")
        if self.code is not None and self.vlm is None:
            raise ValueError("code needs vlm: the vision-language model to write")
        if self.base is not None and self.base_model is not None:
            raise ValueError("base and base_model mean the same: give one")
        if self.code is None and self.lam is not None:
            raise ValueError("lam goes with vlm and code; with models give each one a weight")
        for number in _numbers(self.lam):
            if not 0 <= number <= 1:
                raise ValueError(
                    f"lam = {number} is outside 0 to 1; for free coefficients give models, "
                    "each with a weight"
                )
        return self

    @property
    def base_reference(self) -> str | None:
        """The base model, by either of its two keys; slerp starts from the VLM."""
        if self.merge_method == "slerp" and self.code is not None:
            return self.vlm
        own = {piece.base_model for piece in self.slices or ()} - {None}
        if self.base is None and self.base_model is None and len(own) == 1:
            return own.pop()
        return self.base if self.base is not None else self.base_model

    @property
    def output_dtype(self) -> OutputDtype | None:
        """The dtype of the written tensors; None keeps the VLM's."""
        return self.out_dtype or self.dtype

    def references(self) -> tuple[str, ...]:
        """Every model that the recipe names, once, in order."""
        names = [self.vlm, self.code, self.base_reference]
        names += [entry.model for section in self.sections() for entry in section.models]
        names += [piece.base_model for piece in self.slices or ()]
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def sections(self) -> tuple[Section, ...]:
        """The models by ranges of layers, whichever form the recipe is in.

        Raises:
            BadRecipe: slices that change the depth or the order of the layers.
        """
        if self.code is not None and self.vlm is not None:
            lam = 0.7 if self.lam is None else self.lam
            own = [Parameters(weight=lam), Parameters(weight=complement(lam))]
            shared = self.parameters
            if self.merge_method == "slerp" and shared.t is None:
                shared = shared.model_copy(update={"t": complement(lam)})
            weightless = ("model_stock", "replace", "slerp")
            if self.merge_method in weightless or shared.weight is not None:
                own = [Parameters(), Parameters()]
            pair = zip((self.vlm, self.code), own, strict=True)
            entries = tuple(ModelEntry(model=model, parameters=p) for model, p in pair)
            return (Section(0, None, entries, (shared,)),)
        if self.models is not None:
            return (Section(0, None, self.models, (self.parameters,)),)
        return tuple(self._section(piece) for piece in self._checked_slices())

    def _section(self, piece: Slice) -> Section:
        start, stop = piece.sources[0].layer_range
        return Section(start, stop, tuple(piece.sources), (piece.parameters, self.parameters))

    def _checked_slices(self) -> Iterator[Slice]:
        expected = 0
        for number, piece in enumerate(self.slices or ()):
            ranges = {source.layer_range for source in piece.sources}
            start, stop = piece.sources[0].layer_range
            if len(ranges) != 1 or start != expected or stop <= start:
                raise BadRecipe(
                    "the slices change the depth or the order of the layers",
                    f"slices.{number}: layer_range "
                    + ", ".join(f"[{a}, {b}]" for a, b in sorted(ranges))
                    + f"; expected [{expected}, ...] in every source",
                    "Here each output layer is merged from the same layer of every model: let the "
                    "slices follow one another from 0, with equal ranges in all sources.",
                )
            if piece.base_model not in (None, self.base_reference):
                raise BadRecipe(
                    "a slice has a base model of its own",
                    f"slices.{number}.base_model: {piece.base_model}; recipe: {self.base_reference}",
                    "Give one base_model for the whole recipe.",
                )
            expected = stop
            yield piece


def _numbers(setting: Setting | None) -> Iterator[float]:
    if isinstance(setting, tuple):
        for item in setting:
            yield from _numbers(item.value if isinstance(item, Rule) else item)
    elif setting is not None:
        yield float(setting)


# --- reading --------------------------------------------------------------------------------------

Recipe = TypeVar("Recipe", bound=Frozen)
MAX_RECIPE_BYTES = 100_000
MAX_RECIPE_VALUES = 20_000


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def read_recipe(
    cls: type[Recipe],
    path: Path,
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Recipe:
    """Read a recipe file, apply `key=value` overrides, then plain values; check it.

    A path that begins with recipes/ and is not there is looked up among the recipes that came with the package.

    Raises:
        BadRecipe: no file, no YAML, unknown keys, wrong types, values out of range.
    """
    path = _with_package(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRecipe(
            "the recipe cannot be read",
            f"{path}: {error.strerror}",
            "Give the path of a YAML file.",
        ) from error
    if len(raw) > MAX_RECIPE_BYTES:
        raise BadRecipe(
            "the recipe is too large", f"{path}: {len(raw)} bytes > {MAX_RECIPE_BYTES}", ""
        )
    data = _parse(raw, str(path))
    if not isinstance(data, dict):
        raise BadRecipe(
            "a recipe is a mapping of keys to values",
            f"{path}: found {'nothing' if data is None else type(data).__name__}",
            "Start from a file in recipes/.",
        )
    return check_recipe(cls, data, overrides, where=str(path), values=values)


def _with_package(path: Path) -> Path:
    """The path itself, or recipes/... of the package: inside of an installed one, beside that of a checkout."""
    if path.parts[:1] != ("recipes",) or path.exists():
        return path
    package = Path(__file__).parent
    places = (folder / path for folder in (package, package.parent))
    return next((place for place in places if place.is_file()), path)


def _parse(raw: bytes, where: str) -> Any:
    """YAML of bounded size; whatever its tags make the reader trip over is bad YAML."""
    try:
        data = yaml.load(raw.decode("utf-8"), Loader=_StrictLoader)
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
    ) as error:
        detail = str(error).strip() or type(error).__name__
        raise BadRecipe("the recipe is not valid YAML", f"{where}: {detail[:300]}", "") from error
    if _expanded_size(data, {}) > MAX_RECIPE_VALUES:
        raise BadRecipe(
            "the recipe is too large", f"{where}: over {MAX_RECIPE_VALUES} values, aliases expanded"
        )
    return data


def _expanded_size(value: Any, sizes: dict[int, int]) -> int:
    """Number of values with YAML aliases written out; beyond the limit for a value that contains itself."""
    if isinstance(value, str):
        return 1 + len(value) // 100
    if not isinstance(value, (dict, list, tuple, set)):
        return 1
    if id(value) not in sizes:
        sizes[id(value)] = MAX_RECIPE_VALUES + 1  # stands while the value is open
        inner = value.values() if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(_expanded_size(item, sizes) for item in inner)
    return sizes[id(value)]


def check_recipe(
    cls: type[Recipe],
    data: Mapping[str, Any],
    overrides: Sequence[str] = (),
    where: str = "recipe",
    values: Mapping[str, Any] | None = None,
) -> Recipe:
    """A checked recipe from plain data.

    Raises:
        BadRecipe: as `read_recipe`.
    """
    merged: dict[str, Any] = dict(data)
    for override in overrides:
        _override(merged, override)
    merged.update(values or {})
    try:
        return cls.model_validate(merged)
    except ValidationError as error:
        raise BadRecipe(*_explain(cls, error, where)) from error


def _override(data: dict[str, Any], override: str) -> None:
    """Set `a.b.0.c=value` in place; the value is read as YAML, lists are addressed by number."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise BadRecipe("an override has the form key=value", repr(override), "Example: lam=0.8")
    value = _parse(text.encode("utf-8", "replace"), override[:80])
    *path, last = key.split(".")
    place: Any = data
    try:
        for step in path:
            if isinstance(place, list):
                place[int(step)] = place = _copy(place[int(step)])
            else:
                place[step] = place = _copy(place.get(step) or {})
        place[int(last) if isinstance(place, list) else last] = value
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise BadRecipe(
            "an override points to a place that the recipe does not have",
            f"{override}: no {key}",
            "Address keys by name and list items by number: models.0.parameters.weight=0.5",
        ) from error


def _copy(value: Any) -> Any:
    return (
        dict(value)
        if isinstance(value, dict)
        else list(value)
        if isinstance(value, list)
        else value
    )


def _explain(cls: type[BaseModel], error: ValidationError, where: str) -> tuple[str, str, str]:
    """pydantic's findings as one message: unknown keys first, with the nearest known key."""
    lines: list[str] = []
    todo = ""
    for item in error.errors(include_url=False):
        place = [str(step) for step in item["loc"]]
        if item["type"] == "extra_forbidden":
            known = _known_keys(cls, item["loc"][:-1])
            near = get_close_matches(place[-1], known, n=1, cutoff=0.5)
            line = f"{'.'.join(place)}: unknown key"
            line += f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
            lines.insert(0, line)
            continue
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "literal_error":
            near = get_close_matches(str(item["input"]), _allowed(cls, item["loc"]), n=1)
            message += f"; did you mean {near[0]}?" if near else ""
        given = item.get("input")
        shown = f" (given: {given!r:.80})" if isinstance(given, (str, int, float)) else ""
        lines.append(f"{'.'.join(place) or where}: {message}{shown}")
    unique = list(dict.fromkeys(lines))
    if len(unique) > 6:
        unique, todo = unique[:6], f"... and {len(unique) - 6} more."
    return "the recipe cannot be meant", "\n".join([where, *unique]), todo


def _known_keys(cls: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that are known at a place of the recipe."""
    model = cls
    for step in loc:
        found = model.model_fields.get(str(step))
        if found is not None:
            model = next(_models_in(found.annotation), model)
    return [info.alias or name for name, info in model.model_fields.items()]


def _allowed(cls: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The words that a Literal key of the recipe takes."""
    field = cls.model_fields.get(str(loc[0]))
    inner = list(getattr(field.annotation, "__args__", ())) if field else []
    return [w for a in inner for w in (a,) if isinstance(w, str)] + [
        w for a in inner for w in getattr(a, "__args__", ()) if isinstance(w, str)
    ]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)

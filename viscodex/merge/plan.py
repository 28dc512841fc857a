"""The plan: what becomes of every tensor, decided from headers, configs and tokenizers alone.

in:  a MergeRecipe
out: Work - a MergePlan to show, and the resolved sources of every output tensor to carry out
not covered: which models may be merged (inputs.py), reading weights (apply.py), formulas (methods.py)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from viscodex.errors import BadRecipe, MergeRefused
from viscodex.merge.checkpoint import (
    INDEX_FILE,
    Shard,
    index_json,
    lay_out,
    sidecars,
)
from viscodex.merge.inputs import read_models
from viscodex.merge.layout import (
    BEHAVIOUR,
    BUFFERS,
    EMBED,
    HEAD,
    Model,
    layer_of,
)
from viscodex.merge.methods import METHODS, REQUIRED, Method
from viscodex.merge.vocabulary import Alignment, align
from viscodex.recipe import MergeRecipe, ModelEntry, Section
from viscodex.types import (
    BYTES_PER_ELEMENT,
    MERGEABLE_DTYPES,
    InputUse,
    MergePlan,
    Part,
    TensorInfo,
    TensorStep,
)

DTYPE_NAMES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32", "float64": "F64"}
SHARD_BYTES = 5_000_000_000
BLOCK_ELEMENTS = 1 << 17
"""Elements of one step of arithmetic: few enough that the float64 copies stay in the caches."""

PIECE_BLOCKS = 8
"""Blocks that are read and written together: large enough to hide the cost of each call."""

LIBRARY_BYTES = 165_000_000  # resident before the first tensor, measured


@dataclass(frozen=True, slots=True)
class Job:
    """One output tensor: its step, and where its bytes come from."""

    step: TensorStep
    canonical: str  # name in the language model; the name itself outside it
    base: TensorInfo | None
    models: tuple[tuple[str, TensorInfo], ...]  # (label, tensor); all that the formula gets
    fallback: TensorInfo  # the target's tensor: rows that no formula covers
    alignment: Alignment | None
    base_label: str

    @property
    def is_copy(self) -> bool:
        """Whether the bytes are those of one source, cast if the dtypes differ."""
        if self.step.action == "copy":
            return True
        whole = self.alignment is None or self.alignment.rows is None
        alone = len(self.models) + (self.base is not None) == 1
        plain = self.step.method in ("task_arithmetic", "replace", "linear")
        return whole and alone and plain and self.step.weights in ((), (1.0,))

    @property
    def is_byte_copy(self) -> bool:
        """Whether the output has the very bytes of one source."""
        return self.is_copy and self.source.dtype == self.step.dtype

    @property
    def source(self) -> TensorInfo:
        """The one source of a copy."""
        return self.models[0][1] if self.models else self.base or self.fallback


@dataclass(frozen=True, slots=True)
class Work:
    """A plan with all that is needed to carry it out."""

    recipe: MergeRecipe
    plan: MergePlan
    target: Model
    models: tuple[Model, ...]  # all that flow in besides the base; the target among them
    base: Model | None
    jobs: dict[str, Job]  # output tensor -> job
    shards: tuple[Shard, ...]
    config: dict[str, Any] | None  # of the output, where it is not the target's file

    @property
    def inputs(self) -> tuple[Model, ...]:
        """All models that the recipe names."""
        extra = () if self.base is None or self.base in self.models else (self.base,)
        return (*self.models, *extra)


def plan_merge(
    recipe: MergeRecipe, *, shard_bytes: int = SHARD_BYTES, threads: int = 1
) -> MergePlan:
    """What a merge will do, tensor by tensor; reads headers, configs and tokenizers only.

    Args:
        shard_bytes: limit for one output file.
        threads: of the run; for the estimate of peak memory.

    Raises:
        BadRecipe, BadCheckpoint, MergeRefused, ShapeMismatch: the merge is refused.
    """
    return plan_work(recipe, shard_bytes=shard_bytes, threads=threads).plan


def plan_work(recipe: MergeRecipe, *, shard_bytes: int = SHARD_BYTES, threads: int = 1) -> Work:
    """As `plan_merge`, with the resolved sources."""
    sections = recipe.sections()
    target, models, base, by_reference = read_models(recipe, sections)
    planner = _Planner(recipe, sections, target, models, base, by_reference)
    jobs = {job.step.name: job for job in planner.jobs()}
    drops = tuple(planner.drops(jobs))
    shards = lay_out(
        [(job.step.name, job.step.dtype, job.step.shape) for job in jobs.values()], shard_bytes
    )
    config = planner.config(jobs)
    inputs = (*models, *(() if base is None or base in models else (base,)))
    extra_bytes = sum(
        (target.checkpoint.path / f).stat().st_size for f in sidecars(target.checkpoint)
    )
    plan = MergePlan(
        method=recipe.merge_method,
        inputs=tuple(_account(model, jobs, drops) for model in inputs),
        steps=(*(job.step for job in jobs.values()), *drops),
        rows={n: j.alignment.counts for n, j in jobs.items() if j.alignment is not None},
        notices=tuple(dict.fromkeys(planner.notices)),
        output_bytes=sum(shard.nbytes for shard in shards) + extra_bytes + len(index_json(shards)),
        output_files=tuple(shard.name for shard in shards)
        + ((INDEX_FILE,) if len(shards) > 1 else ()),
        peak_memory_bytes=_peak_memory(jobs, threads),
    )
    return Work(recipe, plan, target, models, base, jobs, shards, config)


# --- one step per tensor --------------------------------------------------------------------------


@dataclass(slots=True)
class _Planner:
    recipe: MergeRecipe
    sections: tuple[Section, ...]
    target: Model
    models: tuple[Model, ...]
    base: Model | None
    by_reference: dict[str, Model]
    notices: list[str]
    alignments: dict[str, Alignment]
    n_layers: int
    method: Method

    def __init__(
        self,
        recipe: MergeRecipe,
        sections: tuple[Section, ...],
        target: Model,
        models: tuple[Model, ...],
        base: Model | None,
        by_reference: dict[str, Model],
    ) -> None:
        self.recipe, self.sections, self.target, self.models = recipe, sections, target, models
        self.base, self.by_reference = base, by_reference
        self.notices, self.alignments = [], {}
        self.method = METHODS[recipe.merge_method]
        layers = [layer_of(name) for name in target.language_model]
        self.n_layers = 1 + max((layer for layer in layers if layer is not None), default=-1)
        self._check_sections()
        self._note_differences()

    # .. output tensors

    def jobs(self) -> Iterator[Job]:
        """One job per output tensor, in the order of the target's files."""
        target = self.target
        untied = self._untied()
        if untied and target.is_tied:
            self.notices.append(
                "the code model has a head of its own, the VLM's is tied to its embedding: the "
                "output gets an lm_head and tie_word_embeddings: false (lm_head: tied prevents it)"
            )
        for name, info in target.checkpoint.tensors.items():
            plain = target.canonical.get(name)
            if plain == HEAD and target.is_tied and not untied:
                continue  # a tied head that was written out: drops() lists it
            if plain is None:
                yield self._copy(name, info)
            else:
                yield self._merge(name, plain, "merge")
        if untied and HEAD not in target.language_model:
            embed = target.language_model[EMBED].name
            inner = "." + EMBED  # llm.model.embed_tokens.weight goes with llm.lm_head.weight
            first = embed.removesuffix(EMBED) if embed.endswith(inner) else ""
            yield self._merge(first + HEAD, HEAD, "add")

    def _untied(self) -> bool:
        """Whether the output has a head of its own."""
        if not self.target.is_tied:
            return True
        heads = [m for m in self.models if m is not self.target and not m.is_tied]
        if not heads or self.recipe.lm_head == "tied":
            return False
        entry_weights = self._settings(HEAD).get("weight")
        if entry_weights is None:
            return True
        weights = dict(zip([m.label for m in self._entries(HEAD)], entry_weights, strict=True))
        return any(weights.get(model.label, 0.0) != 0 for model in heads)

    def _copy(self, name: str, info: TensorInfo) -> Job:
        part = self.target.parts[name]
        dtype = self._dtype(info)
        reason = "outside the language model: the VLM's bytes"
        if dtype != info.dtype:
            reason = f"outside the language model: cast from {info.dtype}"
        step = TensorStep(
            name, "copy", part, info.shape, dtype, ((self.target.label, name),), reason
        )
        return Job(step, name, None, ((self.target.label, info),), info, None, "")

    def _merge(self, name: str, plain: str, action: Any) -> Job:
        own = _tensor(self.target, plain)
        settings = self._settings(plain)
        entries = self._entries(plain)
        pairs = [(model.label, _tensor(model, plain)) for model in entries]
        base: tuple[str, TensorInfo] | None = None
        if self.base is not None:
            base = (self.base.label, _tensor(self.base, plain))
        reason = self._reduce(plain, settings, pairs, base)
        if not self.method.reads_base or reason.startswith("base cancels"):
            base = None
        alignment = self._alignment(plain, pairs, base)
        part: Part = {EMBED: "embed_tokens", HEAD: "lm_head"}.get(plain, "language_model")  # type: ignore[assignment]
        step = TensorStep(
            name=name,
            action=action,
            part=part,
            shape=own.shape,
            dtype=self._dtype(own),
            sources=tuple(
                (label, info.name) for label, info in [*pairs, *([base] if base else [])]
            ),
            reason=reason,
            settings=settings,
            layer=layer_of(plain),
        )
        base_label, base_info = base or ("", None)
        return Job(step, plain, base_info, tuple(pairs), own, alignment, base_label)

    def _reduce(
        self,
        plain: str,
        settings: dict[str, Any],
        pairs: list[tuple[str, TensorInfo]],
        base: tuple[str, TensorInfo] | None,
    ) -> str:
        """Leave out sources that cannot matter: zero weights, a base that cancels. In place."""
        name = self.recipe.merge_method
        if "weight" in settings:
            kept = [i for i, weight in enumerate(settings["weight"]) if weight != 0]
            silent = [pairs[i][0] for i in range(len(pairs)) if i not in kept]
            pairs[:] = [pairs[i] for i in kept]
            for key in self.method.per_model:
                settings[key] = tuple(settings[key][i] for i in kept)
            exact = sum((Decimal(str(w)) for w in settings["weight"]), Decimal(0))
            if name in ("linear", "task_arithmetic", "replace") and settings.get("normalize"):
                if exact == 0 and name == "linear":
                    raise BadRecipe(
                        "the weights sum to 0 and cannot be normalised", plain, "Change a weight."
                    )
                if exact != 0 and settings.get("lam", 1.0) == 1.0:
                    exact = Decimal(1)
                if len(pairs) == 1:
                    settings.update(weight=(1.0,), normalize=False)
            cancels = abs(exact - 1) < Decimal("1e-12")  # gradients are interpolated in floats
            note = f"; weight 0: {', '.join(silent)}" if silent else ""
            if not self.method.reads_base:
                return f"weighted mean{note}"
            if name in ("task_arithmetic", "replace") and cancels and settings["lam"] == 1.0:
                return f"base cancels: the weights sum to 1{note}"
            if not pairs:
                settings.update(method="task_arithmetic", weight=())
        else:
            note = ""
        if base is None:
            raise BadRecipe(
                f"{name} needs the base model"
                + (f": here the weights sum to {exact}, not to 1" if "weight" in settings else ""),
                plain,
                "Give --base DIR, or base_model: in the recipe: the common ancestor of the models.",
            )
        return f"{name} on the base{note}"

    def _alignment(
        self,
        plain: str,
        pairs: Sequence[tuple[str, TensorInfo]],
        base: tuple[str, TensorInfo] | None,
    ) -> Alignment | None:
        if plain not in (EMBED, HEAD):
            return None
        flowing = [*pairs, *([base] if base else [])]
        key = plain + "".join(sorted(label for label, _ in flowing))
        if key not in self.alignments:
            target = self.target
            by_label = {model.label: model for model in self.by_reference.values()}
            others = [
                (label, by_label[label].checkpoint.path, info.shape[0])
                for label, info in dict(flowing).items()
                if label != target.label
            ]
            n_rows = target.language_model[EMBED].shape[0]
            found = align(target.checkpoint.path, n_rows, others, target.label)
            if found.counts["merged"] == 0:
                raise MergeRefused(
                    "the tokenizers have no token in common",
                    "\n".join(str(model.checkpoint.path) for model in by_label.values()),
                    "Models of one base share a vocabulary: check that each has its own tokenizer.",
                )
            if found.notice:
                self.notices.append(found.notice)
            self.alignments[key] = found
        return self.alignments[key]

    # .. settings

    def _section(self, plain: str) -> tuple[Section, float]:
        """The section that a tensor falls in, and its depth there (mergekit's rule: 0 outside)."""
        layer = layer_of(plain)
        if layer is None:
            return (self.sections[0] if plain == EMBED else self.sections[-1]), 0.0
        section = next(s for s in self.sections if s.stop is None or layer < s.stop)
        n = (self.n_layers if section.stop is None else section.stop) - section.start
        return section, (layer - section.start) / (n - 1) if n > 1 else 1.0

    def _entries(self, plain: str) -> list[Model]:
        section, _ = self._section(plain)
        return [self.by_reference[entry.model] for entry in self._chosen(section)]

    def _chosen(self, section: Section) -> list[ModelEntry]:
        """The models of a section; the base is none of them, save where a mean includes it."""
        base = self.recipe.base_reference
        if not self.method.reads_base:  # a mean includes a base that is named
            named = {entry.model for entry in section.models}
            extra = [ModelEntry(model=base)] if base is not None and base not in named else []
            return [*section.models, *extra]
        return [entry for entry in section.models if entry.model != base or self.base is None]

    def _settings(self, plain: str) -> dict[str, Any]:
        """All parameters of the method for one tensor."""
        section, depth = self._section(plain)
        if self.recipe.merge_method == "replace":
            weight = tuple(
                float(e.model != self._target_reference()) for e in self._chosen(section)
            )
            return {"method": "replace", "weight": weight, "lam": 1.0, "normalize": False}
        values: dict[str, Any] = {"method": self.recipe.merge_method}
        for name, default in self.method.shared.items():
            value = section.setting(name, None, plain, depth)
            values[name] = _checked(name, value, default, plain, "the recipe")
        for name, default in self.method.per_model.items():
            values[name] = tuple(
                _checked(name, section.setting(name, e, plain, depth), default, plain, e.model)
                for e in self._chosen(section)
            )
        for density, epsilon in zip(
            values.get("density", ()), values.get("epsilon", ()), strict=False
        ):
            if 0 < density < 1 and not (density - epsilon > 0 and density + epsilon < 1):
                raise BadRecipe(
                    "epsilon is too large for the density",
                    f"{plain}: density {density}, epsilon {epsilon}",
                    "density - epsilon and density + epsilon must lie between 0 and 1.",
                )
        return values

    def _target_reference(self) -> str:
        return next(r for r, model in self.by_reference.items() if model is self.target)

    def _dtype(self, info: TensorInfo) -> str:
        wanted = self.recipe.output_dtype
        if wanted is None or info.dtype not in MERGEABLE_DTYPES:
            return info.dtype
        return DTYPE_NAMES[wanted]

    # .. checks and notices

    def _check_sections(self) -> None:
        last = self.sections[-1].stop
        if last is not None and last != self.n_layers:
            raise BadRecipe(
                "the slices do not cover the layers of the models",
                f"slices end at {last}, the models have {self.n_layers} layers",
                "Let the layer_range of the slices run from 0 to the number of layers.",
            )
        least, most = self.method.n_models
        for section in self.sections:
            entries = self._chosen(section)
            names = [entry.model for entry in entries]
            if len(names) < least or (most is not None and len(names) > most):
                limit = (
                    f"{least}"
                    if least == most
                    else f"{least} to {most}"
                    if most
                    else f"{least} or more"
                )
                raise BadRecipe(
                    f"{self.recipe.merge_method} takes {limit} models beside the base",
                    f"here: {len(names)} ({', '.join(names) or 'none'})",
                    "Change the list of models, or the method.",
                )
            if len(set(names)) != len(names):
                raise BadRecipe("a model is listed twice", ", ".join(names), "Add up its weights.")
        if self.recipe.merge_method == "replace" and all(
            entry.model != self._target_reference() for entry in self.sections[0].models
        ):
            raise BadRecipe("replace needs the VLM among its models", "", "Use vlm: and code:.")

    def _note_differences(self) -> None:
        recipe = self.recipe
        for key in ("tokenizer_source", "tokenizer", "chat_template"):
            if getattr(recipe, key) is not None:
                self.notices.append(f"{key} is not followed: tokenizer and template are the VLM's")
        if recipe.lam is not None and recipe.merge_method in ("replace", "model_stock"):
            self.notices.append(f"{recipe.merge_method} does not use lam")
        if recipe.base is not None and recipe.merge_method == "slerp":
            self.notices.append("slerp goes from the VLM to the code model and does not use a base")
        if not self.target.is_vision_language:
            self.notices.append("no vision-language model: a text model is written")
        known = {*self.method.per_model, *self.method.shared}
        for section in self.sections:
            given = [p for entry in section.models for p in (entry.parameters,)]
            for parameters in (*given, *section.parameters):
                for name in parameters.model_fields_set - known - {"int8_mask", "embed_slerp"}:
                    if getattr(parameters, name) is not None:
                        self.notices.append(f"{recipe.merge_method} does not use {name}")
        for other in (*self.models, self.base):
            if other is not None and other is not self.target:
                self._note_behaviour(other)
        for model in self.models:
            if "density" in self.method.per_model and model.label == "code":
                densities = self._settings(EMBED)["density"]
                if all(density == 1 for density in densities):
                    self.notices.append(f"density is 1: {recipe.merge_method} drops nothing")

    def _note_behaviour(self, model: Model) -> None:
        ours, theirs = _behaviour(self.target), _behaviour(model)
        for key in BEHAVIOUR:
            if key in ours and key in theirs and ours[key] != theirs[key]:
                self.notices.append(
                    f"{key} differs: {self.target.label} {ours[key]}, {model.label} {theirs[key]}; "
                    "the output keeps the VLM's"
                )

    # .. inputs that go nowhere

    def drops(self, jobs: Mapping[str, Job]) -> Iterator[TensorStep]:
        """A step for every input tensor that does not reach the output by its nature."""
        tied_out = all(job.step.part != "lm_head" for job in jobs.values())
        inputs = {m.label: m for m in (*self.models, self.base) if m is not None}
        for label, model in inputs.items():
            for name, info in model.checkpoint.tensors.items():
                reason = self._drop_reason(model, name, tied_out)
                if reason:
                    part = model.parts[name]
                    yield TensorStep(
                        name, "drop", part, info.shape, info.dtype, ((label, name),), reason
                    )
                    if part == "other" and not name.endswith(BUFFERS):
                        self.notices.append(f"{label}: {name} is dropped: {reason}")

    def _drop_reason(self, model: Model, name: str, tied_out: bool) -> str:
        plain = model.canonical.get(name)
        if plain == HEAD and model.is_tied and (model is not self.target or tied_out):
            return "tied: the same weights as the embedding"
        if plain == HEAD and tied_out:
            return "the output's head is tied to its embedding"
        if plain is None and model is not self.target:
            if name.endswith(BUFFERS):
                return "a computed buffer, not a weight"
            return f"not part of the language model; {model.parts[name]} comes from the VLM"
        return ""

    def config(self, jobs: Mapping[str, Job]) -> dict[str, Any] | None:
        """The output's config where it must differ from the target's file; else None."""
        changed = False
        config = _deep_copy(self.target.checkpoint.config)
        places = [config, *(v for v in config.values() if isinstance(v, dict))]
        if self.target.is_tied and any(job.step.part == "lm_head" for job in jobs.values()):
            config["tie_word_embeddings"] = False
            for place in places[1:]:
                if "tie_word_embeddings" in place:
                    place["tie_word_embeddings"] = False
            changed = True
        wanted = self.recipe.output_dtype
        if wanted is not None:
            keys = [(p, k) for p in places for k in ("torch_dtype", "dtype") if k in p]
            for place, key in keys or [(config, "torch_dtype")]:
                changed = changed or place.get(key) != wanted
                place[key] = wanted
        return config if changed else None


def _behaviour(model: Model) -> dict[str, Any]:
    """The text config with the rotary settings of either generation at its top."""
    config = model.text_config
    rope = config.get("rope_parameters")
    return {**rope, **config} if isinstance(rope, dict) else config


def _tensor(model: Model, plain: str) -> TensorInfo:
    """A tensor of the language model; the embedding stands in for a tied head."""
    if plain == HEAD and model.is_tied:
        plain = EMBED
    return model.language_model[plain]


def _checked(name: str, value: Any, default: Any, plain: str, owner: str) -> Any:
    """A parameter's value in its range, or its default."""
    shown = "lambda" if name == "lam" else name
    if value is None:
        if default is REQUIRED:
            raise BadRecipe(
                f"the parameter {shown} is missing",
                f"{owner}: for {plain}",
                f"Give parameters.{shown} for the model or for the whole recipe.",
            )
        return default
    if isinstance(default, bool):
        return bool(value)
    if isinstance(value, bool):
        raise BadRecipe(f"{shown} is a number, not yes or no", f"{owner}: {value}", "")
    low, high = {"density": (0, 1), "gamma": (0, 1), "epsilon": (0, 1), "t": (0, 1)}.get(
        name, (-math.inf, math.inf)
    )
    if not low <= value <= high:
        raise BadRecipe(
            f"{shown} = {value} is outside {low} to {high}", f"{owner}: for {plain}", ""
        )
    return float(value)


def _deep_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _deep_copy(inner) for key, inner in value.items()}
    return [_deep_copy(inner) for inner in value] if isinstance(value, list) else value


# --- totals ---------------------------------------------------------------------------------------


def _account(model: Model, jobs: Mapping[str, Job], drops: Sequence[TensorStep]) -> InputUse:
    used = {
        name for job in jobs.values() for label, name in job.step.sources if label == model.label
    }
    used |= {
        job.fallback.name
        for job in jobs.values()
        if job.alignment and job.alignment.rows and model.label == "vlm"
    }
    dropped = sum(step.sources[0][0] == model.label for step in drops)
    checkpoint = model.checkpoint
    return InputUse(
        label=model.label,
        path=str(checkpoint.path),
        n_tensors=len(checkpoint.tensors),
        n_parameters=checkpoint.n_parameters,
        nbytes=checkpoint.nbytes,
        used=len(used),
        dropped=dropped,
        unread=len(checkpoint.tensors) - len(used) - dropped,
    )


def _peak_memory(jobs: Mapping[str, Job], threads: int) -> int:
    """Libraries, and per lane the largest pieces: two of each source, two of the output, working copies."""
    largest = 0
    for job in jobs.values():
        n_sources = len(job.models) + (job.base is not None)
        widest = max([BYTES_PER_ELEMENT[i.dtype] for _, i in job.models] + [2])
        block = block_elements(job)
        piece = min(block * pieces(job), job.step.n_elements)
        method = METHODS.get(job.step.method)
        search = 64 << 20 if method is not None and method.measure is not None else 0
        largest = max(
            largest, search + piece * widest * 2 * (n_sources + 1) + block * 8 * 3 * (n_sources + 2)
        )
    return LIBRARY_BYTES + threads * largest


def block_elements(job: Job) -> int:
    """Elements of one block of this tensor: fixed by its shape and method alone."""
    row = math.prod(job.step.shape[1:]) if len(job.step.shape) > 1 else max(1, job.step.n_elements)
    aligned = job.alignment is not None and job.alignment.rows is not None
    method = METHODS.get(job.step.method)
    if aligned or (method is not None and method.whole_rows):
        return max(1, BLOCK_ELEMENTS // max(1, row)) * max(1, row)
    return BLOCK_ELEMENTS


def pieces(job: Job) -> int:
    """Blocks that are read together."""
    return max(1, PIECE_BLOCKS * BLOCK_ELEMENTS // block_elements(job))

"""The nouns: frozen dataclasses that the stages hand to one another.

in:  nothing of ours
out: TensorInfo, TensorStep, InputUse, MergePlan, TensorGeometry, MergeReport;
     Execution with its FigureRecord or PageRecord; Answer, Score, Report; JSON both ways
not covered: how any of them is made
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

Part = Literal["language_model", "embed_tokens", "lm_head", "vision_tower", "projector", "other"]
Action = Literal["merge", "copy", "add", "drop"]
Setting = tuple[float, ...] | float | bool | str
Noun = TypeVar("Noun")

BYTES_PER_ELEMENT: dict[str, int] = {
    "F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4,
    "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
"""Sizes in bytes of the safetensors dtypes, by the format's own names."""

MERGEABLE_DTYPES = ("BF16", "F16", "F32", "F64")
"""Plain floating-point dtypes; all others are quantised or not weights."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a checkpoint, known from the safetensors header alone."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # safetensors' name: BF16, F16, F32, ...
    file: Path
    offset: int  # bytes from the start of the file to the first element
    nbytes: int

    @property
    def n_elements(self) -> int:
        """Product of the shape; 1 for a scalar."""
        return self.nbytes // BYTES_PER_ELEMENT[self.dtype]


@dataclass(frozen=True, slots=True)
class TensorStep:
    """What becomes of one tensor: a row of the plan."""

    name: str  # of the output tensor; of the input tensor where the action is drop
    action: Action
    part: Part
    shape: tuple[int, ...]
    dtype: str  # of the output
    sources: tuple[tuple[str, str], ...]  # (label of the input, name of the tensor in it)
    reason: str
    settings: dict[str, Setting] = field(default_factory=dict)  # weight, t, ...; merge only
    layer: int | None = None

    @property
    def method(self) -> str:
        """The merge method of this tensor; empty for a copy."""
        return str(self.settings.get("method", ""))

    @property
    def weights(self) -> tuple[float, ...] | None:
        """One weight per model, in the order of the sources; None where there are none."""
        found = self.settings.get("weight")
        return found if isinstance(found, tuple) else None

    @property
    def n_elements(self) -> int:
        """Product of the shape."""
        n = 1
        for size in self.shape:
            n *= size
        return n

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor in its dtype."""
        return self.n_elements * BYTES_PER_ELEMENT[self.dtype]


@dataclass(frozen=True, slots=True)
class InputUse:
    """The account of one input: used + dropped + unread = all of its tensors."""

    label: str  # vlm, code, base, model_2, ...
    path: str
    n_tensors: int
    n_parameters: int
    nbytes: int
    used: int  # tensors that flow into the output
    dropped: int  # tensors with a drop step
    unread: int  # tensors of a base that cancels or of a model whose weight is 0


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Everything that a merge will do, decided from headers, configs and tokenizers alone."""

    method: str
    inputs: tuple[InputUse, ...]
    steps: tuple[TensorStep, ...]  # one per output tensor in file order, then the drops
    rows: dict[str, dict[str, int]]  # vocabulary tensors: rows by where they came from
    notices: tuple[str, ...]
    output_bytes: int
    output_files: tuple[str, ...]
    peak_memory_bytes: int  # estimate

    def count(self, action: Action) -> int:
        """Number of steps with this action."""
        return sum(step.action == action for step in self.steps)


@dataclass(frozen=True, slots=True)
class TensorGeometry:
    """How the task vectors of one tensor lie to one another."""

    name: str  # canonical name in the language model
    layer: int | None
    module: str  # self_attn.q_proj, mlp.down_proj, embed_tokens, ...
    n_elements: int
    n_measured: int  # fewer than n_elements where a sample was measured
    base_norm: float  # norm of the base over the measured elements
    norms: dict[str, float]  # label -> norm of model - base
    model_norms: dict[str, float]  # label -> norm of the model itself
    cosines: dict[str, float | None]  # "vlm,code" -> of the two task vectors; None if one is 0
    sign_conflicts: dict[str, float]  # "vlm,code" -> share of elements with opposite signs


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge did; written beside the weights as merge_report.json."""

    viscodex_version: str
    identity: str  # hash of plan, inputs and version: what --resume goes by
    method: str
    recipe: dict[str, Any]
    inputs: tuple[InputUse, ...]
    counts: dict[str, int]  # action -> tensors
    parameters: dict[str, int]  # action -> elements; total of the output under "output"
    rows: dict[str, dict[str, int]]
    notices: tuple[str, ...]
    input_hashes: dict[str, str]  # label -> hash over the tensors read (see docs/merging.md)
    output_hash: str
    tensor_hashes: dict[str, str]  # output tensor -> XXH3 (128 bits) of its bytes
    geometry: tuple[TensorGeometry, ...]
    geometry_note: str  # what was measured, and on how much
    steps: tuple[TensorStep, ...]


Status = Literal["ok", "error", "timeout", "memory", "blocked", "no_code"]
Number = int | float | str
"""A value of a chart: a number, or the text of a category or date; not finite numbers are text."""


@dataclass(frozen=True, slots=True)
class Series:
    """One drawn data set of an axes."""

    kind: str  # line, bar, scatter, image, wedge, polygon, mesh, ...
    label: str
    colors: tuple[str, ...]  # #rrggbbaa
    x: tuple[Number, ...] = ()
    y: tuple[Number, ...] = ()
    z: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True)
class AxesRecord:
    """What one axes of a figure shows."""

    figure: int  # 0 is the first figure
    kind: str  # rectilinear, polar, 3d, ...
    title: str
    labels: tuple[str, ...]  # of x, y (and z)
    limits: tuple[tuple[float, float], ...]
    scales: tuple[str, ...]  # linear, log, ...
    grid: tuple[bool, ...]
    legend: tuple[str, ...] | None  # None: there is no legend
    legend_title: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class TextBox:
    """One line of text as a figure shows it; pixels of its picture."""

    text: str
    x: float  # centre, from the left edge
    y: float  # centre, from the top edge
    width: float  # along the line, before it is turned
    height: float
    angle: float  # degrees, counter-clockwise
    size: float  # of the font, pixels
    tick: bool = False  # a tick label; these are not in FigureRecord.texts
    figure: int = 0


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """What a chart script drew.

    texts, layouts, calls and colors are what the official evaluators of ChartMimic log (see
    docs/sandbox.md); axes holds what those leave out.
    """

    texts: tuple[str, ...]
    layouts: tuple[tuple[int, ...], ...]  # rows, columns, first and last row, first and last column
    calls: dict[str, int]  # "file--function" -> number of calls
    colors: tuple[tuple[str, str], ...]  # (file--function, hex colour or name of a colormap)
    axes: tuple[AxesRecord, ...] = ()
    notes: tuple[str, ...] = ()  # what the official code would have stumbled over
    boxes: tuple[TextBox, ...] = ()  # in drawing order; not with record="chartmimic"


@dataclass(frozen=True, slots=True)
class TextBlock:
    """One run of visible text of a page."""

    text: str
    x: float  # left, CSS pixels from the page's left edge
    y: float  # top, from the page's top edge
    width: float
    height: float
    color: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What a page shows beside its picture."""

    title: str
    width: int  # CSS pixels of the whole page
    height: int
    clipped: bool  # the picture ends before the page does
    blocks: tuple[TextBlock, ...]
    outline: tuple[str, ...]  # one element a line, two blanks of indent a level
    console: tuple[str, ...]  # errors of scripts and of the console
    refused: tuple[str, ...]  # addresses that the page asked for in vain


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of one chart script, page or program."""

    status: Status
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0  # wall time
    cpu_seconds: float = 0.0
    exit_code: int | None = None
    reason: str = ""  # one line for a person; empty when all is well
    tier: str = ""  # isolation: A, B or C (docs/sandbox.md)
    images: tuple[bytes, ...] = ()  # PNG, one per figure; a page has one
    figure: FigureRecord | None = None
    page: PageRecord | None = None
    stamp: dict[str, str] = field(default_factory=dict)  # what decides pixels: versions, fonts, dpi

    __pydantic_config__: ClassVar[dict[str, str]] = {
        "ser_json_bytes": "base64",
        "val_json_bytes": "base64",
    }

    @property
    def image(self) -> bytes | None:
        """The first picture, PNG."""
        return self.images[0] if self.images else None


Category = Literal["chart", "html", "qa", "algorithm"]
"""The four kinds of multimodal coding data; paper, section 3."""

CATEGORIES: tuple[Category, ...] = ("chart", "html", "qa", "algorithm")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str  # "<image>" stands where the next picture of the sample goes


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a data set: a question, its pictures and the verified answer."""

    id: str  # unique in its data set
    category: Category
    messages: tuple[Message, ...]  # the last one is the assistant's: the answer
    images: tuple[bytes, ...] = ()  # PNG, JPEG or WebP, in the order of the "<image>" marks
    task: str = "code"  # code; or what else is asked of the picture: describe, table, question, ocr
    reference: str = ""  # the code of the answer, as it runs; empty where the answer has none
    language: str = ""  # of the reference: python, html, ...
    tests: str = ""  # JSON as in MMCode: {"inputs": [...], "outputs": [...], "fn_name": ...}; {"pytest": text}
    meta: dict[str, Any] = field(default_factory=dict)
    """JSON: source, kind, licence, seed, difficulty, render stamp, facts."""

    __pydantic_config__: ClassVar[dict[str, str]] = {
        "ser_json_bytes": "base64",
        "val_json_bytes": "base64",
    }

    @property
    def answer(self) -> str:
        """What the assistant says last."""
        return self.messages[-1].content


Problem = Literal["none", "no_code", "truncated", "repetition"]
"""What is wrong with an answer before anything of it runs."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said to one question."""

    text: str
    finish_reason: str | None = None  # stop, length, error, ...; None: not known
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None  # wall time
    probability: float | None = None  # geometric mean over its tokens, before temperature
    error: str = ""  # why there is no answer; finish_reason is "error" then


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion and the code that was found in it (text.py)."""

    sample_id: str
    completion: Completion
    code: str = ""
    language: str = ""  # what the fence says, or what the code looks like; empty: not known
    problem: Problem = "none"
    notes: tuple[str, ...] = ()  # empty, no_fence, several_fences, prose
    attempt: int = 0  # 0 is the first answer to the question


@dataclass(frozen=True, slots=True)
class Score:
    """How one answer did. NaN is unscored and has a reason; 0 is a failure of the answer."""

    sample_id: str
    values: dict[str, float]  # metric -> value; may be NaN
    reason: str = ""  # why a value is NaN or what the answer failed at; one line
    status: str = ""  # of its execution (Status), or: missing, unscored; empty where nothing ran
    problem: Problem = "none"
    notes: tuple[str, ...] = ()  # of the answer, and what the scorer stumbled over
    attempt: int = 0
    protocol: str = "paper"
    answer_hash: str = ""  # of the text that was scored
    basis: str = ""  # hash of what else it rests on: version, render stamp, limits, judge
    detail: dict[str, Any] = field(default_factory=dict)  # JSON: what the values came from

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}


@dataclass(frozen=True, slots=True)
class Mean:
    """A metric over all items, with both denominators."""

    all: float  # sum over the scored / number of items: what has no answer or no score counts 0
    scored: float  # sum over the scored / their number
    low: float  # 95 % bootstrap interval of `scored` over items; NaN below two items
    high: float
    n_scored: int

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}


@dataclass(frozen=True, slots=True)
class Report:
    """How a system did on a benchmark under one protocol."""

    task: str
    protocol: str  # paper or strict
    n: int  # items, answered or not
    n_answered: int
    headline: tuple[str, ...]  # the metrics that a paper's table would show
    metrics: dict[str, Mean]
    groups: dict[str, dict[str, dict[str, Mean]]]  # kind of group -> group -> metric
    problems: dict[str, int]  # what was wrong with answers -> how many
    statuses: dict[str, int]  # of the executions
    unscored: dict[str, int]  # reason -> how many
    settings: dict[str, Any]  # what a number depends on: revision, hashes, stamp, tier, versions
    totals: dict[str, Any] = field(default_factory=dict)  # what only this benchmark has
    rows: tuple[Score, ...] = ()  # kept in scores.jsonl, not in report.json

    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_inf_nan": "strings"}


@functools.cache
def _make_adapter(cls: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


_adapter: Callable[[Any], Any] = _make_adapter
"""pydantic's reader and writer of a noun, which takes longer to make than to use."""


def to_json(noun: object, *, indent: int | None = None) -> str:
    """A noun as JSON text; paths become strings."""
    text: bytes = _adapter(type(noun)).dump_json(noun, indent=indent)
    return text.decode()


def from_json(cls: type[Noun], text: str | bytes) -> Noun:
    """The noun that `to_json` wrote.

    Raises:
        pydantic.ValidationError: the text is not JSON or not of this noun.
    """
    noun: Noun = _adapter(cls).validate_json(text)
    return noun

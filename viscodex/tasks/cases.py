"""Case files of InfiBench and InfiBench-V: read with suspicion, checked before a run.

in:  a mapping as YAML or JSON has it, the folder that its paths are relative to
out: a Case with everything read: prompts, tests, references, rules
not covered: grading (grading.py); the suite around the cases (infibench.py)

Case files are data: YAML tags, imports by name and expressions beyond condition.py are refused, and
so are paths out of the suite. InfiBench-V (format: infibench-v/1) is docs/evaluation.md's format:
unknown keys are errors there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from viscodex.tasks import blanks, keywords, patterns, rouge
from viscodex.tasks.handlers import Handler, find_handler
from viscodex.tasks.unit_tests import UnitTest

FORMAT = "infibench-v/1"
AREAS = ("front-end", "back-end", "ds-ml", "mobile-desktop", "it-ops")
TYPES = ("code completion", "code debugging", "knowledge question-answering", "non-code debugging")
METRICS = ("keywords", "unit_test", "judge", "blank_filling", "similarity", "customized")
REDUCE = re.compile(r"avg|max|min|avg_max_[1-9]\d*")
MAX_FILE = 5_000_000  # bytes of a file that a case names

_KEYS = {
    "format", "id", "area", "lang", "type", "source", "prompt", "prompt_path", "images", "system",
    "samples", "full_score", "null_score", "reference", "grading",
}  # fmt: skip
_GRADING = {*METRICS, "combine", "metric_weights", "max_score", "min_score"}
_TEST = {
    "path", "content", "prefix", "prefix_path", "cleanup_path", "setup", "teardown", "files",
    "timeout", "weight", "only_longest", "network",
}  # fmt: skip
_LIMITS = {"rouge1": 0.53}
"""Upper ends of the normalisation of similarity; 0.51 for the other metrics, 0.3 the lower end."""


class CaseError(ValueError):
    """A case file that cannot be graded; the message says what and where in it."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """One entry of `similarity`."""

    metric: str
    references: tuple[str, ...]
    low: float
    high: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge is asked of a case."""

    rubric: str = "correctness_completeness"
    weights: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None  # points of 100; None: the value is points / 100
    see_images: bool = True
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Grading:
    """How a case is graded; what is not used is None."""

    keywords: tuple[keywords.Rule, ...] | None = None
    keywords_handler: Handler | None = None
    blank_filling: blanks.Blanks | None = None
    blanks_handler: Handler | None = None
    unit_test: tuple[UnitTest, ...] | None = None
    unit_test_lang: str = ""
    similarity: tuple[Similarity, ...] | None = None
    customized: Handler | None = None
    customized_as: str = "customized"  # the metric that it counts as
    judge: Judged | None = None
    combine: str = "sum"
    metric_weights: Mapping[str, float] = field(default_factory=dict)
    max_score: float | None = None
    min_score: float | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics in use."""
        return tuple(name for name in METRICS if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True)
class CaseImage:
    """A picture of a question."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Case:
    """One question and how its answers are graded."""

    id: str
    lang: str
    type: str
    prompt: str
    grading: Grading
    area: str = ""
    system: str = ""  # empty: the default of the format
    full_score: float = 1.0
    null_score: float = 0.0
    reference: str = ""
    images: tuple[CaseImage, ...] = ()
    reduce: str = ""  # how several answers count; empty: as the suite has it


class CaseReader:
    """Reads one case; every fault is a CaseError that names the place.

    Args:
        folder: that paths are relative to.
        root: of the suite; no path may lead out of it.
        strict: InfiBench-V: unknown keys are errors, and images, areas and checksums are required.
        official: read as the official grader does (compat).
        handlers: further named handlers, beside those of handlers.py.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        strict: bool = False,
        official: bool = False,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        self.folder, self.root = folder, root.resolve()
        self.strict, self.official = strict, official
        self.handlers = handlers or {}

    def read(self, data: Any) -> Case:
        """The case of a mapping.

        Raises:
            CaseError: it cannot be graded.
        """
        case = self._mapping(data, "the case")
        self._known(case, _KEYS, "")
        if not isinstance(case.get("id"), str | int) or not re.fullmatch(
            r"[\w.-]+", str(case["id"])
        ):
            raise CaseError("id: needed, of letters, digits, _ . -")
        kind, area = str(case.get("type", "")), str(case.get("area", ""))
        if self.strict:
            self._one_of(case.get("format"), (FORMAT,), "format")
            self._one_of(area, AREAS, "area")
            if kind:
                self._one_of(kind, TYPES, "type")
        samples = self._mapping(case.get("samples", {}), "samples")
        reduce = str(samples.get("reduce", ""))
        if reduce and not REDUCE.fullmatch(reduce):
            raise CaseError(f"samples.reduce: {reduce!r} is none of avg, max, min, avg_max_N")
        made = Case(
            id=str(case["id"]),
            lang=self._text(case, "lang", ""),
            type=kind,
            area=area,
            prompt=self._prompt(case),
            system=str(case.get("system", "")),
            full_score=self._number(case.get("full_score", 1.0), "full_score"),
            null_score=self._number(case.get("null_score", 0.0), "null_score"),
            reference=self._source(case.get("reference", ""), "reference"),
            images=self._images(case.get("images") or ()),
            grading=self._grading(case.get("grading"), str(case.get("lang", ""))),
            reduce=reduce,
        )
        if made.grading.judge and not made.reference:
            raise CaseError("reference: a judge needs one")
        return made

    # --- parts ------------------------------------------------------------------------------------

    def _prompt(self, case: Mapping[str, Any]) -> str:
        if "prompt" in case:
            return self._text(case, "prompt", "")
        path = str(case.get("prompt_path", ""))
        if not path:
            raise CaseError("prompt or prompt_path: one is needed")
        if not self.strict and not (self.folder / path).exists():
            return ""  # recorded answers can be scored without the question
        return self._file(path, "prompt_path")

    def _images(self, data: Any) -> tuple[CaseImage, ...]:
        if self.strict and not data:
            raise CaseError("images: at least one is needed")
        images = []
        for n, one in enumerate(self._list(data, "images")):
            image = self._mapping(one, f"images[{n}]")
            path = self._path(self._text(image, "path", f"images[{n}].path"), f"images[{n}].path")
            digest = str(image.get("sha256", ""))
            actual = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != actual and (digest or self.strict):
                raise CaseError(f"images[{n}].sha256: {digest or 'none'}, the file has {actual}")
            self._check_image(path, image, f"images[{n}]")
            images.append(CaseImage(path, actual))
        return tuple(images)

    def _check_image(self, path: Path, image: Mapping[str, Any], where: str) -> None:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path, formats=("PNG", "JPEG", "GIF", "WEBP")) as picture:
                size = picture.size
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise CaseError(
                f"{where}: no png, jpeg, gif or webp of sensible size: {error}"
            ) from error
        said = image.get("width", size[0]), image.get("height", size[1])
        if said != size:
            raise CaseError(f"{where}: said to be {said}, is {size}")

    def _grading(self, data: Any, lang: str) -> Grading:
        grading = self._mapping(data, "grading")
        self._known(grading, _GRADING, "grading.")
        rules, rules_handler = self._keywords(grading.get("keywords"))
        blank_filling, blanks_handler = self._blanks(grading.get("blank_filling"))
        tests, tests_lang = self._unit_test(grading.get("unit_test"), lang)
        customized = grading.get("customized")
        made = Grading(
            keywords=rules,
            keywords_handler=rules_handler,
            blank_filling=blank_filling,
            blanks_handler=blanks_handler,
            unit_test=tests,
            unit_test_lang=tests_lang,
            similarity=self._similarity(grading.get("similarity")),
            customized=self._handler(customized, "customized") if customized else None,
            customized_as=str((customized or {}).get("real_metric_type", "customized")),
            judge=self._judge(grading.get("judge")),
            combine=str(grading.get("combine", "mean" if self.strict else "sum")),
            metric_weights=self._weights(grading.get("metric_weights") or {}),
            max_score=self._optional(grading.get("max_score"), "max_score"),
            min_score=self._optional(grading.get("min_score"), "min_score"),
        )
        self._one_of(made.combine, ("mean", "sum"), "grading.combine")
        if not made.metrics:
            raise CaseError(f"grading: one of {', '.join(METRICS)} is needed")
        if made.combine == "mean" and made.max_score is not None:
            raise CaseError("grading.max_score: only with combine: sum")
        return made

    def _keywords(self, data: Any) -> tuple[tuple[keywords.Rule, ...] | None, Handler | None]:
        if data is None:
            return None, None
        rules, handler = [], None
        for n, one in enumerate(self._list(data, "grading.keywords")):
            if isinstance(one, Mapping) and "post_handler" in one:
                handler = self._handler(one["post_handler"], f"grading.keywords[{n}].post_handler")
                continue
            rule = self._try(partial(keywords.read_rule, one), f"grading.keywords[{n}]")
            for pattern in keywords.patterns_of(rule.clause):
                self._pattern(pattern, f"grading.keywords[{n}]")
            rules.append(rule)
        return tuple(rules), handler

    def _blanks(self, data: Any) -> tuple[blanks.Blanks | None, Handler | None]:
        if data is None:
            return None, None
        where = "grading.blank_filling"
        made = self._try(lambda: blanks.read_blanks(data, official=self.official), where)
        for pattern in blanks.patterns_of(made):
            self._pattern(pattern, where)
        if not self.official and (wrong := blanks.faults(made)):
            raise CaseError(f"{where}: {'; '.join(wrong)}")
        handler = data.get("post_handler")
        return made, self._handler(handler, f"{where}.post_handler") if handler else None

    def _unit_test(self, data: Any, lang: str) -> tuple[tuple[UnitTest, ...] | None, str]:
        if data is None:
            return None, ""
        spec = self._mapping(data, "grading.unit_test")
        tests = self._list(spec.get("tests"), "grading.unit_test.tests")
        read = tuple(
            self._test(one, f"grading.unit_test.tests[{n}]") for n, one in enumerate(tests)
        )
        return read, str(spec.get("lang") or lang)

    def _test(self, data: Any, where: str) -> UnitTest:
        if isinstance(data, str):
            return UnitTest(data)
        test = self._mapping(data, where)
        self._known(test, _TEST, f"{where}.")
        path = test.get("path")
        source = (
            self._file(str(path), f"{where}.path") if path else self._text(test, "content", where)
        )
        prefix = test.get("prefix_path")
        files = self._mapping(test.get("files", {}), f"{where}.files")
        return UnitTest(
            source=source,
            prefix=str(test.get("prefix") or ""),
            before=self._file(str(prefix), f"{where}.prefix_path") if prefix else "",
            setup=self._source(test.get("setup", ""), f"{where}.setup"),
            teardown=self._source(test.get("teardown", ""), f"{where}.teardown"),
            weight=self._number(test.get("weight", 1.0), f"{where}.weight"),
            timeout=self._optional(test.get("timeout"), f"{where}.timeout"),
            only_longest=bool(test.get("only_longest", False)),
            network=bool(test.get("network", False)),
            files={
                name: self._path(str(path), f"{where}.files.{name}").read_bytes()
                for name, path in files.items()
            },
        )

    def _similarity(self, data: Any) -> tuple[Similarity, ...] | None:
        if data is None:
            return None
        entries = []
        for n, one in enumerate(self._list(data, "grading.similarity")):
            where = f"grading.similarity[{n}]"
            entry = self._mapping(one, where)
            metric = str(entry.get("metric"))
            self._one_of(metric, rouge.METRICS, f"{where}.metric")
            listed = self._list(entry.get("references"), f"{where}.references")
            low = self._number(entry.get("min_score", 0.3), f"{where}.min_score")
            high = self._number(entry.get("max_score", _LIMITS.get(metric, 0.51)), where)
            if high <= low:
                raise CaseError(f"{where}: max_score {high} is not above min_score {low}")
            entries.append(
                Similarity(
                    metric=metric,
                    references=tuple(self._source(ref, f"{where}.references") for ref in listed),
                    low=low,
                    high=high,
                    weight=self._number(entry.get("weight", 1.0), f"{where}.weight"),
                )
            )
        return tuple(entries)

    def _judge(self, data: Any) -> Judged | None:
        if data is None:
            return None
        spec = self._mapping(data, "grading.judge")
        self._known(
            spec, {"rubric", "weights", "threshold", "see_images", "weight"}, "grading.judge."
        )
        self._one_of(
            spec.get("rubric", "correctness_completeness"),
            ("correctness_completeness",),
            "grading.judge.rubric",
        )
        weights = {str(k): float(v) for k, v in (spec.get("weights") or {}).items()}
        return Judged(
            weights=weights or {"correctness": 0.5, "completeness": 0.5},
            threshold=self._optional(spec.get("threshold"), "grading.judge.threshold"),
            see_images=bool(spec.get("see_images", True)),
            weight=self._number(spec.get("weight", 1.0), "grading.judge.weight"),
        )

    def _weights(self, data: Any) -> dict[str, float]:
        weights = self._mapping(data, "grading.metric_weights")
        for name in weights:
            self._one_of(name, METRICS, "grading.metric_weights")
        return {str(name): self._number(w, f"metric_weights.{name}") for name, w in weights.items()}

    # --- values -----------------------------------------------------------------------------------

    def _known(self, data: Mapping[str, Any], keys: set[str], where: str) -> None:
        unknown = [str(key) for key in data if key not in keys]
        if self.strict and unknown:
            raise CaseError(
                f"{where}{unknown[0]}: no such key; known are {', '.join(sorted(keys))}"
            )

    def _mapping(self, data: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            raise CaseError(f"{where}: a mapping is needed, not {type(data).__name__}")
        return data

    def _list(self, data: Any, where: str) -> Sequence[Any]:
        if not isinstance(data, list | tuple):
            raise CaseError(f"{where}: a list is needed, not {type(data).__name__}")
        return data

    def _text(self, data: Mapping[str, Any], key: str, where: str) -> str:
        if not isinstance(data.get(key), str):
            raise CaseError(f"{where or key}: text is needed, not {type(data.get(key)).__name__}")
        return str(data[key])

    def _number(self, value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise CaseError(f"{where}: a number is needed, not {value!r:.40}")
        return float(value)

    def _optional(self, value: Any, where: str) -> float | None:
        return None if value is None else self._number(value, where)

    def _one_of(self, value: Any, known: Sequence[str], where: str) -> None:
        if value not in known:
            raise CaseError(f"{where}: {value!r:.60} is none of {', '.join(known)}")

    def _source(self, data: Any, where: str) -> str:
        """Text as it stands, or {path: ...}."""
        if isinstance(data, Mapping):
            return self._file(self._text(data, "path", f"{where}.path"), f"{where}.path")
        return str(data)

    def _path(self, name: str, where: str) -> Path:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.root):
            raise CaseError(f"{where}: {name} leads out of the suite")
        if not path.is_file():
            raise CaseError(f"{where}: there is no file {name}")
        if path.stat().st_size > MAX_FILE:
            raise CaseError(f"{where}: {name} has more than {MAX_FILE:,} bytes")
        return path

    def _file(self, name: str, where: str) -> str:
        return self._path(name, where).read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")

    def _handler(self, data: Any, where: str) -> Handler:
        spec = self._mapping(data, where)
        name = f"{spec.get('module')}:{spec.get('func')}"
        found = find_handler(name, self.handlers)
        if found is None:
            raise CaseError(f"{where}: there is no handler {name}; case files cannot bring code")
        return found

    def _pattern(self, pattern: str, where: str) -> None:
        if not self.official:  # the official grader fails when it comes to it
            self._try(lambda: patterns.check(pattern), where)

    def _try(self, read: Callable[[], Any], where: str) -> Any:
        try:
            return read()
        except (ValueError, TypeError, KeyError, patterns.Fault) as error:
            raise CaseError(f"{where}: {error}") from error

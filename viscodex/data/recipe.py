"""The recipe of a data set: what to make, how much of it, what to refuse, where to work.

in:  YAML and key=value overrides (viscodex.recipe.read_recipe)
out: DataRecipe
not covered: whether a source exists and understands its settings (sources.py)
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from viscodex.data.duplicates import (
    CODE_SIMILARITY,
    IMAGE_DISTANCE,
    IMAGE_SIMILARITY,
    QUESTION_SIMILARITY,
)
from viscodex.data.filters import LICENCES
from viscodex.data.teacher.settings import TeacherSettings
from viscodex.recipe import Frozen

Count = Annotated[int, Field(ge=1)]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}$")]
Share = Annotated[float, Field(gt=0, le=1)]


def _or_empty(value: object) -> object:
    return {} if value is None else value


class SourceEntry(Frozen):
    """One source and how much of it."""

    n: Annotated[int, Field(ge=0, le=100_000_000)]  # samples wanted, inverse tasks included
    source: str | None = None  # a known name, or package.module:Name; default: the entry's own key
    settings: Annotated[dict[str, Any], BeforeValidator(_or_empty)] = Field(default_factory=dict)
    tries: Annotated[float, Field(ge=1, le=1000)] = 4.0  # candidates drawn for each wanted sample


class Duplicates(Frozen):
    """How near is too near; the measures are explained in duplicates.py."""

    code_similarity: Share = CODE_SIMILARITY
    question_similarity: Share = QUESTION_SIMILARITY
    image_distance: Annotated[int, Field(ge=0, le=64)] = IMAGE_DISTANCE
    image_similarity: Share = IMAGE_SIMILARITY


class Common(Frozen):
    """What samples of every category must be like; explained in filters.py. null: not asked."""

    language: Literal["en", "de", "fr", "es", "it", "pt", "nl"] | None = "en"
    least_language: Share = 0.6
    min_characters: Annotated[int, Field(ge=0)] = 8  # a spreadsheet's formula is an answer, too
    max_characters: Count = 30_000
    max_lines: Count = 1_000
    max_line: Count = 2_000
    max_repetition: Share = 0.5
    licences: tuple[str, ...] | None = LICENCES


class Slurm(Frozen):
    """What sbatch needs to know; the words are datatrove's."""

    partition: str = "cpu"
    time: str = "04:00:00"  # of one part
    qos: str | None = "normal"
    cpus_per_task: Count = 1
    mem_per_cpu_gb: Count = 4
    env_command: str | None = None  # puts this Python on the path: source /shared/venv/bin/activate
    sbatch_args: Annotated[dict[str, str], BeforeValidator(_or_empty)] = Field(default_factory=dict)
    srun: bool = True  # each part by srun; off where sbatch alone starts it


class Ray(Frozen):
    """Where Ray runs."""

    address: str | None = None  # of a cluster; None starts Ray on this machine
    mem_per_cpu_gb: Annotated[float, Field(gt=0)] = 2.0


class DataRecipe(Frozen):
    """A data set. Executor, workers, ray, slurm, and where and how fast a teacher is asked, do not
    change its content; all else does."""

    sources: Annotated[dict[Label, SourceEntry], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    teacher: TeacherSettings | None = None  # for sources that ask one
    judge: TeacherSettings | None = None  # scores what such sources make; None: the teacher does
    runtime: str = "current"  # of the charts: viscodex runtime install NAME
    max_tokens: Count | None = 8192  # text and vision of a sample; more is rejected: too_long
    tokenizer: str | None = None  # directory or file of a tokenizer; None: the counter's own
    filters: Annotated[Common, BeforeValidator(_or_empty)] = Common()
    duplicates: Duplicates | None = Duplicates()  # null: near-duplicates stay
    decontaminate: tuple[str, ...] = ()  # folders of benchmarks that no sample may resemble
    rounds: Annotated[int, Field(ge=1, le=20)] = 4  # the first, and those that fill up what is lost
    samples_per_part: Count = 100  # a part is what one task makes, and what a kill may cost
    samples_per_shard: Count = 1000
    executor: Literal["local", "ray", "slurm"] = "local"
    workers: Count | None = None  # parts at once; None: the number of cores
    ray: Annotated[Ray, BeforeValidator(_or_empty)] = Ray()
    slurm: Annotated[Slurm, BeforeValidator(_or_empty)] = Slurm()

    @field_validator("sources")
    @classmethod
    def _wanted(cls, sources: dict[str, SourceEntry]) -> dict[str, SourceEntry]:
        if not any(entry.n for entry in sources.values()):
            raise ValueError("no source has an n above 0: nothing is wanted")
        return sources

    @property
    def wanted(self) -> dict[str, SourceEntry]:
        """The sources with an n above 0, in the order of the recipe."""
        return {label: entry for label, entry in self.sources.items() if entry.n}

    def content(self) -> dict[str, Any]:
        """All keys that decide the content, as plain data."""
        beside = {"executor", "workers", "ray", "slurm", "teacher", "judge"}
        content: dict[str, Any] = self.model_dump(mode="json", exclude=beside)
        asked = {"teacher": self.teacher, "judge": self.judge}
        return content | {name: one.content() for name, one in asked.items() if one is not None}

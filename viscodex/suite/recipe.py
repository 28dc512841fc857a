"""The recipe of draft cases.

in:  YAML
out: SuiteRecipe
not covered: the section `teacher:` (data/teacher/settings.py); reading YAML (viscodex/recipe.py)
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from viscodex.data.teacher import TeacherSettings
from viscodex.recipe import Frozen
from viscodex.suite.areas import SHARES
from viscodex.tasks.cases import AREAS

Count = Annotated[int, Field(ge=1)]
Points = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class PopularRules(Frozen):
    """Which questions count as popular."""

    keep: Count = 40_000  # the first of the store by rank: score, then views
    min_score: int = 3
    min_views: Annotated[int, Field(ge=0)] = 0


class PictureRules(Frozen):
    """What pictures a question may have."""

    most: Count = 3  # pictures of one question
    min_side: Count = 48  # pixels
    max_pixels: Count = 6_000_000


class IndispensableRules(Frozen):
    """When a picture counts as indispensable."""

    attempts: Annotated[int, Field(ge=1, le=9)] = 2  # with and without pictures, each
    right_from: Points = 70  # points from which an answer without pictures is right
    gain: Points = 20  # points that the best answer with pictures has above the best without


class RewriteRules(Frozen):
    """What a paraphrase must be like."""

    attempts: Annotated[int, Field(ge=1, le=9)] = 2
    max_overlap: Share = 0.2  # of its runs of five words with the post


class Quota(Frozen):
    """How many drafts of each area."""

    n: Count = 322  # cases that the experts shall come to
    spare: Annotated[float, Field(ge=1, le=20)] = 2.0  # drafts for each case: experts reject many
    shares: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: dict(SHARES))

    @field_validator("shares")
    @classmethod
    def _areas(cls, shares: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(shares) - set(AREAS)):
            raise ValueError(f"{', '.join(unknown)}: areas are {', '.join(AREAS)}")
        if not sum(shares.values()):
            raise ValueError("all shares are 0")
        return shares


class SuiteRecipe(Frozen):
    """Draft cases of InfiBench-V, from a store of posts."""

    posts: str  # folder that `viscodex data posts DUMP -o FOLDER` made
    teacher: TeacherSettings
    popular: PopularRules = PopularRules()
    pictures: PictureRules = PictureRules()
    ask: Count = 4_000  # of the popular ones: as many as the teacher is asked about at most
    indispensable: IndispensableRules = IndispensableRules()
    rewrite: RewriteRules = RewriteRules()
    quota: Quota = Quota()

    def content(self) -> dict[str, Any]:
        """The keys that decide what a step makes of a candidate; others may grow as work goes on."""
        content: dict[str, Any] = {
            "popular": self.popular.model_dump(mode="json", exclude={"keep"}),
            "pictures": self.pictures.model_dump(mode="json"),
            "indispensable": self.indispensable.model_dump(mode="json"),
            "rewrite": self.rewrite.model_dump(mode="json"),
        }
        return {**content, "teacher": self.teacher.content()}

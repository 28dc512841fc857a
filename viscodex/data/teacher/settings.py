"""The `teacher:` and `judge:` sections of a recipe.

in:  YAML
out: TeacherSettings; which of its keys decide the content of a data set
not covered: asking (teacher.py)
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from viscodex.recipe import Frozen

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Price(Frozen):
    """What a million tokens cost, in the user's currency."""

    tokens_in: Annotated[float, Field(ge=0, alias="in")]
    tokens_out: Annotated[float, Field(ge=0, alias="out")]

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """The price of these tokens."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1_000_000


class TeacherSettings(Frozen):
    """A model that is asked, what it may cost, and where its replies are kept."""

    model: str  # its name at the endpoint; part of every request's identity
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None  # None: as each prompt says
    options: Annotated[dict[str, Any], BeforeValidator(lambda v: {} if v is None else v)] = Field(
        default_factory=dict
    )  # further keys of the request's body: top_p, reasoning_effort, chat_template_kwargs, ...
    detail: Literal["low", "high", "auto"] = "high"  # of pictures
    prompts: str | None = None  # folder whose prompts come before the package's

    endpoint: str | None = None  # URL up to /v1; None: that of OpenAI
    replay: str | None = None  # recorded replies, file or folder: nothing else is asked
    record: str | None = None  # file (.jsonl, .jsonl.gz) that gets all replies of the build
    cache: str | None = None  # folder of all replies; None: below the cache of viscodex
    price: Price | None = None
    budget: Positive | None = None  # money, for the whole build
    token_budget: Count | None = None  # tokens in and out, for the whole build
    concurrency: Count = 8  # requests at once, of each worker
    requests_per_minute: Count | None = None  # of the whole build
    tokens_per_minute: Count | None = None
    timeout_s: Positive = 180.0
    retries: Annotated[int, Field(ge=0, le=30)] = 6  # of a request that met 429, 5xx or silence

    @model_validator(mode="after")
    def _priced(self) -> TeacherSettings:
        if self.budget is not None and self.price is None:
            raise ValueError("a budget needs a price: {in: ..., out: ...} of a million tokens")
        return self

    def content(self) -> dict[str, Any]:
        """The keys that decide what is asked; all others may differ when a build goes on."""
        keys = {"model", "temperature", "options", "detail", "prompts"}
        content: dict[str, Any] = self.model_dump(mode="json", include=keys)
        return content

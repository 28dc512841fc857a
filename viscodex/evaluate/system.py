"""What --model names, ready for inspect_ai: a model of ours, or of any of its providers.

in:  a name and settings
out: System: the model, its identity, how many calls at once
not covered: how models answer (models/, provider.py)

    nano, DIR, owner/name, openai/NAME@URL, replay/FILE    models/model.py, through our provider
    inspect/PROVIDER/NAME                                  a provider of inspect_ai: anthropic, google,
                                                           vllm, mockllm, openai-api, ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import inspect_ai
from inspect_ai.model import GenerateConfig, Model, get_model

from viscodex.errors import BadRecipe, MissingPart
from viscodex.evaluate.provider import ViscodexAPI
from viscodex.models.model import Model as OwnModel
from viscodex.models.model import open_model

FOREIGN = "inspect/"
_CONNECTIONS = 8  # calls at once to a foreign provider
_MAX_RETRIES = 5
_ATTEMPT_S = 300


@dataclass(frozen=True, slots=True)
class System:
    """A model that is evaluated."""

    name: str
    model: Model
    identity: dict[str, Any]  # JSON: what its answers depend on beside prompt and decoding
    connections: int  # calls at once
    max_retries: int | None = None  # by inspect_ai; ours repeat requests themselves
    attempt_timeout_s: int | None = None
    own: OwnModel | None = None  # where it is one of ours

    @property
    def recorded(self) -> bool:
        """Its answers are read from a file: seeds and temperature are of no use to it."""
        return self.identity.get("kind") == "replay"


@contextmanager
def open_system(name: str, **settings: Any) -> Iterator[System]:
    """The system of a name; closed at the end.

    Args:
        settings: of open_model; workers, timeout_s and max_retries for foreign providers too.

    Raises:
        BadRecipe: no such model or provider.
        BadCheckpoint, MissingPart: see open_model.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    if name.startswith(FOREIGN):
        yield _foreign(name, given)
        return
    with open_model(name, **given) as opened:
        api = ViscodexAPI(name, opened=opened)
        try:
            identity = dict(opened.identity)
            if "weights" in identity:  # these say it all; a name depends on who calls it from where
                identity.pop("model", None)
            model = Model(api, GenerateConfig())
            yield System(name, model, identity, api.max_connections(), own=opened)
        finally:
            api.close()


def _foreign(name: str, settings: dict[str, Any]) -> System:
    rest = name.removeprefix(FOREIGN)
    try:
        model = get_model(rest)
    except ImportError as error:
        raise MissingPart(
            "this provider of inspect_ai needs a library", f"{name}: {error}", "Install it."
        ) from error
    except (ValueError, LookupError, RuntimeError, OSError) as error:
        raise BadRecipe(
            "inspect_ai cannot open this model",
            f"{name}: {' '.join(str(error).split())[:300]}",
            "Give inspect/PROVIDER/NAME as inspect_ai's documents have it; keys are in the environment.",
        ) from error
    identity = {"kind": "inspect", "model": rest, "inspect_ai": inspect_ai.__version__}
    if model.api.base_url:
        identity["url"] = model.api.base_url
    return System(
        name,
        model,
        identity,
        int(settings.get("workers", _CONNECTIONS)),
        int(settings.get("max_retries", _MAX_RETRIES)),
        int(settings.get("timeout_s", _ATTEMPT_S)),
    )

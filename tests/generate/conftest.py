"""Fixtures: the example pictures with their code, recorded answers as a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

PICTURES = Path(__file__).parents[2] / "examples" / "pictures"


def fenced(path: Path) -> str:
    """The code beside a picture as a model would answer it."""
    for suffix, language in ((".py", "python"), (".html", "html")):
        if path.with_suffix(suffix).exists():
            return f"```{language}\n{path.with_suffix(suffix).read_text()}```"
    raise AssertionError(path)


@pytest.fixture(scope="session")
def charts() -> list[Path]:
    """Pictures of charts."""
    return sorted(PICTURES.glob("chart_*.png"))


@pytest.fixture(scope="session")
def pages() -> list[Path]:
    """Pictures of pages."""
    return sorted(PICTURES.glob("page_*.png"))


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[Mapping[Path, str | list[str]]], str]:
    """The name of a model that gives these answers, by the path of the picture."""

    def make(answers: Mapping[Path, str | list[str]]) -> str:
        file = tmp_path / "answers.jsonl"
        rows = [
            {"id": str(path), "answer": text, "finish_reason": "stop"}
            for path, said in answers.items()
            for text in ([said] if isinstance(said, str) else said)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return f"replay/{file}"

    return make

"""Fixtures: small real models, made once a session."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# before any library reads it, and for processes that tests start: small products on two threads of
# a busy machine mostly wait for each other (tests/nano/test_reading.py: 52 s of CPU time, 12 s on one)
os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, whose children
    signal.signal(signal.SIGINT, signal.default_int_handler)  # would ignore a test's interrupt, too

settings.register_profile("no_deadline", deadline=None)  # a loaded machine is no failure
settings.load_profile("no_deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        type=Path,
        default=Path(__file__).parents[2] / "shared" / "golden",
        help="recorded results of the official graders; tests that need them skip without",
    )


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Path:
    """Directory of what the official graders gave."""
    folder: Path = request.config.getoption("--golden")
    if not folder.is_dir():
        pytest.skip(f"no golden data in {folder}; give --golden DIR")
    return folder


@pytest.fixture(scope="session")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base, vlm and code of true Qwen2.5 and Qwen2.5-VL layout, bf16; read only."""
    from transformers.utils import logging

    from viscodex.nano.trio import make_trio

    logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("trio")
    make_trio(folder)
    return folder


@pytest.fixture
def copy_model(trio: Path, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A private copy of one of the trio."""

    def copy(name: str) -> Path:
        place = tmp_path / f"{name}-copy"
        shutil.copytree(trio / name, place)
        return place

    yield copy

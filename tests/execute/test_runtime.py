"""Runtimes: exactly the pinned versions, whole or not there at all."""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from viscodex.errors import MissingPart, ViscodexError
from viscodex.execute import runtime


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VISCODEX_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path) -> Path:
    """A runtime "current" of one wheel, so that real installations take seconds."""
    pins = tmp_path / "pins"
    pins.mkdir()
    (pins / "current.txt").write_text("# one wheel\nsquarify==0.4.5\n")
    monkeypatch.setattr(runtime, "_PINS", pins)
    return pins / "current.txt"


@pytest.mark.parametrize("name", runtime.NAMES)
def test_every_pin_is_exact(name: str) -> None:
    pins = runtime.pins_of(name)
    assert {"matplotlib", "numpy", "pandas", "seaborn", "scipy", "networkx", "squarify"} <= set(
        pins
    )
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in pins.values())


def test_reference_versions_of_chartmimic_are_kept() -> None:
    pins = runtime.pins_of("chartmimic")
    reference = {
        "matplotlib": "3.8.4", "numpy": "1.26.1", "networkx": "3.2.1", "squarify": "0.4.3",
        "matplotlib-venn": "0.11.10", "scipy": "1.12.0", "seaborn": "0.13.2", "pillow": "10.2.0",
    }  # fmt: skip
    assert {name: pins[name] for name in reference} == reference


@pytest.mark.parametrize("name", runtime.NAMES)
def test_installed_runtime_has_the_pinned_versions(name: str) -> None:
    found = runtime.install(name)
    assert runtime.installed()[name] == found
    code = "import importlib.metadata as m, sys; print({d.name.lower(): d.version for d in m.distributions()})"
    done = subprocess.run(
        [runtime.python_of(name), "-I", "-c", code], capture_output=True, text=True, check=True
    )
    have = json.loads(done.stdout.replace("'", '"'))
    pins = {key.lower(): version for key, version in runtime.pins_of(name).items()}
    assert {key: have.get(key) for key in pins} == pins


def test_missing_runtime_names_the_command(home: Path) -> None:
    assert not any(runtime.installed().values())
    with pytest.raises(MissingPart, match="viscodex runtime install chartmimic"):
        runtime.python_of("chartmimic")


@pytest.mark.parametrize("name", ["newest", "", "../current"])
def test_unknown_name_is_refused_with_the_known_ones(home: Path, name: str) -> None:
    with pytest.raises(MissingPart, match="current, chartmimic"):
        runtime.install(name)
    with pytest.raises(MissingPart, match="current, chartmimic"):
        runtime.runtime(name)


def test_unfinished_installation_is_not_there_and_is_made_anew(home: Path, small: Path) -> None:
    rubbish = home / "runtimes" / "current" / "bin" / "python"
    rubbish.parent.mkdir(parents=True)
    rubbish.write_text("rubbish")
    assert not any(runtime.installed().values())
    lines: list[str] = []
    found = runtime.install("current", lines.append)
    assert any("unfinished" in line for line in lines)
    assert runtime.installed()["current"] == found


def test_second_installation_changes_nothing_and_other_pins_install_anew(
    home: Path, small: Path
) -> None:
    found = runtime.install("current")
    marker = found.folder / "viscodex.json"
    before = marker.stat().st_mtime_ns
    assert runtime.install("current") == found
    assert marker.stat().st_mtime_ns == before
    small.write_text("squarify==0.4.4\n")
    assert not any(runtime.installed().values())
    assert runtime.install("current").stamp["pins"] != found.stamp["pins"]


def test_versions_that_cannot_be_had_leave_nothing_that_counts(home: Path, small: Path) -> None:
    small.write_text("squarify==0.0.0.99\n")
    with pytest.raises(MissingPart, match=r"squarify==0\.0\.0\.99"):
        runtime.install("current")
    assert not any(runtime.installed().values())


def test_two_installations_at_once_make_one(home: Path, small: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(runtime.install, ["current", "current"])
    assert first == second == runtime.runtime("current")


def test_home_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VISCODEX_HOME", str(tmp_path / "file"))
    with pytest.raises(ViscodexError, match="VISCODEX_HOME"):
        runtime.install("current")


def test_cache_directory_follows_the_usual_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("VISCODEX_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert runtime.folder_of("current") == tmp_path / "viscodex" / "runtimes" / "current"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert runtime.home() == tmp_path / ".cache" / "viscodex"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert runtime.home() == Path("/var/cache/viscodex")


def test_a_runtime_whose_python_is_gone_is_made_again(small: Path) -> None:
    made = runtime.install("current")
    made.python.unlink()
    assert runtime.installed()["current"] is None
    assert runtime.install("current").python.exists()
    (made.folder / "viscodex.json").write_text("[]")
    assert runtime.installed()["current"] is None

"""What this machine has, and how to get what is missing.

in:  the machine: libraries, devices, programs on the path, kernel features
out: one Finding per line; nothing is changed
not covered: whether the sandbox holds against attacks (tests/execute)
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from viscodex.errors import MissingPart


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the project can use."""

    name: str
    found: bool
    value: str  # a version, a path, a size
    purpose: str
    remedy: str


LIBRARIES = (  # distribution, purpose, extra
    ("torch", "models, merging on a GPU", "model"),
    ("transformers", "loading models", "model"),
    ("trl", "fine-tuning", "train"),
    ("datatrove", "data sets", "data"),
    ("inspect-ai", "evaluation runs", "eval"),
    ("gradio", "playground", "serve"),
)


def examine() -> list[Finding]:
    """All findings, in reading order."""
    return [
        *_machine(), *map(_library, LIBRARIES), _gpu(),
        *_isolation(), _browser(), *_runtimes(), *_languages(),
    ]  # fmt: skip


def _machine() -> list[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    cores = len(os.sched_getaffinity(0))
    return [
        Finding("Python", True, platform.python_version(), "everything", ""),
        Finding("cores", True, str(cores), "everything", ""),
        Finding("memory", memory > 4, f"{memory:.0f} GB", "training; a merge needs 0.2 GB", "4 GB or more"),
        Finding("free disk here", free > 5, f"{free:.0f} GB", "a merged 7B model needs 17 GB", "free some space"),
    ]  # fmt: skip


def _library(entry: tuple[str, str, str]) -> Finding:
    name, purpose, extra = entry
    remedy = f"pip install 'viscodex[{extra}]'"
    try:
        return Finding(name, True, importlib.metadata.version(name), purpose, remedy)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", purpose, remedy)


def _gpu() -> Finding:
    devices = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    remedy = "the CPU does all jobs of the embedded models"
    return Finding(
        "GPU", bool(devices), ", ".join(devices) or "none", "training, large models", remedy
    )


def _isolation() -> list[Finding]:
    """The tier of the sandbox, and what it rests on: tried, not looked up."""
    from viscodex.execute.sandbox import isolation

    here = isolation()
    tiers = {
        "A": "A: own namespaces, system call filter, limits",
        "B": "B: no namespaces; landlock, system call filter, limits",
        "C": "C: limits only; generated code is refused",
    }
    purpose = "isolation of generated code"
    remedy = "apt-get install bubblewrap, and a kernel that lets users make namespaces"
    findings = [Finding("isolation", here.tier == "A", tiers[here.tier], purpose, remedy)]
    for found, sentences in ((True, here.holds), (False, here.missing)):
        for sentence in sentences:
            name, _, value = sentence.partition(": ")
            findings.append(Finding(name, found, value, purpose, "docs/sandbox.md, Tiers"))
    return findings


def _runtimes() -> list[Finding]:
    from viscodex.execute.runtime import installed

    findings = []
    for name, runtime in installed().items():
        value = f"matplotlib {runtime.stamp['matplotlib']}" if runtime else "not installed"
        remedy = f"viscodex runtime install {name}"
        found = runtime is not None
        findings.append(Finding(f"runtime {name}", found, value, "running charts", remedy))
    return findings


def _browser() -> Finding:
    from viscodex.execute.browser import find_browser

    remedy = "apt-get install chromium-headless-shell"
    try:
        return Finding("browser", True, str(find_browser()), "rendering pages", remedy)
    except MissingPart as error:
        return Finding("browser", False, error.what, "rendering pages", error.todo)


def _languages() -> list[Finding]:
    from viscodex.execute.program import LANGUAGES, find_tool

    findings = []
    for name in LANGUAGES:
        purpose = f"running {name} answers"
        try:
            findings.append(Finding(name, True, find_tool(name).path, purpose, ""))
        except MissingPart as error:
            findings.append(Finding(name, False, "not on the path", purpose, error.todo))
    return findings

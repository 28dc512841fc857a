"""What this machine has, and how to get what is missing.

in:  the machine: libraries, devices, programs on the path, kernel features
out: one Finding per line; nothing is changed and no process is started
not covered: whether a sandbox really holds (execute/)
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path


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
PROGRAMS = (  # name, alternatives on the path, purpose, Debian package
    ("browser", ("chromium-headless-shell", "chromium", "google-chrome"), "rendering pages", "chromium-headless-shell"),
    ("bubblewrap", ("bwrap",), "isolation of generated code", "bubblewrap"),
    ("node", ("node", "nodejs"), "running JavaScript answers", "nodejs"),
    ("C compiler", ("cc", "gcc"), "running C answers", "gcc"),
    ("Java", ("java",), "running Java answers", "default-jre-headless"),
)  # fmt: skip


def examine() -> list[Finding]:
    """All findings, in reading order."""
    return [*_machine(), *map(_library, LIBRARIES), _gpu(), *map(_program, PROGRAMS), *_isolation()]


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


def _program(entry: tuple[str, tuple[str, ...], str, str]) -> Finding:
    name, commands, purpose, package = entry
    path = next((found for command in commands if (found := shutil.which(command))), None)
    return Finding(
        name, path is not None, path or "not on the path", purpose, f"apt-get install {package}"
    )


def _isolation() -> list[Finding]:
    spaces = Path("/proc/sys/user/max_user_namespaces")
    limit = int(spaces.read_text()) if spaces.exists() else 0
    clone = Path("/proc/sys/kernel/unprivileged_userns_clone")
    allowed = limit > 0 and (not clone.exists() or clone.read_text().strip() != "0")
    abi = _landlock_abi()
    seccomp = Path("/proc/sys/kernel/seccomp/actions_avail").exists()
    purpose = "isolation of generated code"
    return [
        Finding("user namespaces", allowed, f"limit {limit}", purpose, "sysctl user.max_user_namespaces=15000"),
        Finding("landlock", abi > 0, f"ABI {abi}" if abi > 0 else "not available", purpose, "a kernel of 5.13 or newer"),
        Finding("seccomp", seccomp, "available" if seccomp else "not available", purpose, "a kernel with seccomp"),
    ]  # fmt: skip


def _landlock_abi() -> int:
    """Version of landlock that the kernel offers; below 1: none."""
    create_ruleset, version_flag = 444, 1
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.syscall(create_ruleset, None, 0, version_flag))
    return 0

"""A review page over four drafts, and a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.suite.chromium import Chromium
from tests.suite.drafts import judged_case, keyword_case, python_case
from viscodex.suite.drafts import Drafts
from viscodex.suite.review import Reviewer
from viscodex.tasks.task import Judge

HOSTILE = "</textarea></script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@contextmanager
def _running(server: Reviewer) -> Iterator[Reviewer]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(folder: Path) -> Drafts:
    """Four drafts: three sound ones and one full of hostile text."""
    drafts = Drafts(folder, make=True)
    for draft in (
        python_case(folder),
        keyword_case(folder),
        keyword_case(
            folder, "fe-0002", prompt=f"{HOSTILE} <image 1>", reference=HOSTILE, wrong=HOSTILE,
            note=HOSTILE, lang=HOSTILE[:40], source={"url": "javascript:alert(1)", "author": HOSTILE},
            evidence={HOSTILE: HOSTILE, "answers": [HOSTILE, {"x": HOSTILE}]},
        ),
        judged_case(folder),
    ):  # fmt: skip
        drafts.add(draft)
    return drafts


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Reviewer]:
    """A running server."""
    fill(tmp_path)
    with _running(Reviewer(tmp_path)) as server:
        yield server


@pytest.fixture
def judged_review(tmp_path: Path) -> Iterator[Callable[[Judge], Reviewer]]:
    """Starts one with a judge."""
    fill(tmp_path)
    with ExitStack() as stack:
        yield lambda judge: stack.enter_context(_running(Reviewer(tmp_path, judge=judge)))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all."""
    with Chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser

"""Python source as a tree, from any thread.

in:  source text
out: the module of ast
not covered: parsing where generated code runs (execute/harness.py, execute/recorder.py): one thread does it there
"""

from __future__ import annotations

import ast
import threading
from typing import Any

_ONE = threading.Lock()


def parse(source: str, mode: str = "exec") -> Any:
    """ast.parse, one thread at a time.

    CPython 3.11 counts the depth of the trees that it builds for all threads together, and raises SystemError
    where two of them build at once (python/cpython issue 106905).

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as ast.parse does.
    """
    with _ONE:
        return ast.parse(source, mode=mode)

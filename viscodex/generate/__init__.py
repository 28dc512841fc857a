"""A picture becomes code that runs.

in:  pictures, a model
out: code, what it draws, how alike that is to the picture
not covered: models (models/), running code (execute/), scores against a reference (tasks/)

Reading order: writer.py (ask, run, choose, repair) -> question.py (what is asked), attempt.py (running),
likeness.py (choosing), generated.py (the result); many.py for folders.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Generate(ModuleType):
    """This package, callable: `viscodex.generate("chart.png")` is `writer.generate`.

    The function and the folder share the name that users expect of each. Importing anything from
    the folder binds `viscodex.generate` to the folder, so the folder itself answers the call.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from viscodex.generate.writer import generate

        return generate(*args, **kwargs)


sys.modules[__name__].__class__ = _Generate

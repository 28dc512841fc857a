"""Merge a coding LLM into the language model of a vision-language model.

in:  checkpoints of one family (directories of safetensors)
out: a checkpoint in the vision-language model's own layout, with a report
not covered: training after the merge (train/), scoring the result (tasks/)

Reading order: apply.py (the run) -> methods.py (the formulas); plan.py decides what happens to each
tensor from layout.py (names) and vocabulary.py (tokens); checkpoint.py reads and writes the files.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Merge(ModuleType):
    """This package, callable: `viscodex.merge(vlm=..., code=...)` is `apply.merge`.

    The function and the folder share the name that users expect of each. Importing anything from
    the folder binds `viscodex.merge` to the folder, so the folder itself answers the call.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from viscodex.merge.apply import merge

        return merge(*args, **kwargs)


sys.modules[__name__].__class__ = _Merge

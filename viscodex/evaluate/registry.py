"""What inspect_ai finds here by entry point: the tasks and the provider, both called `viscodex/...`.

in:  nothing
out: names that inspect_ai registers when this module is imported
not covered: what they do (inspect_tasks.py, provider.py)
"""

from viscodex.evaluate.inspect_tasks import chartmimic, design2code, infibench, infibench_v, mmcode
from viscodex.evaluate.provider import ViscodexAPI

__all__ = ["ViscodexAPI", "chartmimic", "design2code", "infibench", "infibench_v", "mmcode"]

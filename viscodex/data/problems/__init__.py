"""Programming problems that are made from templates, with reference solution and tests.

in:  a seed and an index
out: ProblemSource, the "algorithm" source of a build
not covered: problems of contest sites, problems that a teacher writes
"""

from viscodex.data.problems.source import ProblemSource

__all__ = ["ProblemSource"]

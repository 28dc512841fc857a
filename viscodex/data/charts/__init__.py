"""Charts made by a grammar of our own, and the tasks told of them.

in:  a seed and settings
out: ChartSource, a Source of the pipeline
not covered: the pipeline (build.py), other sources
"""

from viscodex.data.charts.source import ChartSource

__all__ = ["ChartSource"]

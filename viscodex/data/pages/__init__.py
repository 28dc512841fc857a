"""Web pages from a grammar, rendered, filtered, and told as code and as questions about them.

in:  a seed and settings
out: PageSource
not covered: rendering (execute/page.py), the pipeline (data/build.py)
"""

from __future__ import annotations

from viscodex.data.pages.source import PageSource

__all__ = ["PageSource"]

"""Charts and pages that a teacher writes, cuts out of real scripts, or designs after a picture.

in:  a teacher; topics and styles, or a folder of scripts, or a folder of pictures
out: WrittenCharts, ScriptCharts, DesignedPages, Sources of the pipeline (data/draft.py)
not covered: the teacher (teacher/), posts (posts/), the pipeline (build.py)
"""

from viscodex.data.taught.charts import WrittenCharts
from viscodex.data.taught.pages import DesignedPages
from viscodex.data.taught.scripts import ScriptCharts

__all__ = ["DesignedPages", "ScriptCharts", "WrittenCharts"]

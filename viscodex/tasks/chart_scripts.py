"""What ChartMimic makes of an answer before it runs: pure functions of text.

in:  a model's reply; of the customised task also the reference script
out: the script that tells whether the code passes, and the one that is evaluated
not covered: running them, metrics (chartmimic.py, chart_metrics.py)
"""

from __future__ import annotations

import re

_BLOCK = re.compile(r"```python(.*?)```", re.DOTALL)
_DATA = re.compile(
    r"# Part 2: Data Preparation[^\n]*\n\s*#\s*=+[^\n]*\n(?P<data>.*?)"
    r"\n\s*#\s*=+[^\n]*\n\s*# Part 3: Plot Configuration and Rendering",
    re.DOTALL,
)
_IMPORTS = ";".join(
    (
        "import warnings",
        "warnings.filterwarnings('ignore', category=UserWarning)",
        "warnings.filterwarnings('ignore', category=FutureWarning)",
        "import matplotlib.pyplot as plt",
        "import pandas as pd",
        "import numpy as np",
        "np.random.seed(0)",
        "import math",
        "from matplotlib_venn import venn2",
        "from matplotlib import cm",
        "from scipy.stats import gaussian_kde",
        "import networkx as nx",
        "from matplotlib.gridspec import GridSpec",
        "from scipy.stats import multivariate_normal",
        "import colorsys",
        "import matplotlib.colors as mcolors",
        "from matplotlib.colors import LogNorm",
        "from scipy.stats import norm",
        "import matplotlib.gridspec as gridspec",
        "import seaborn as sns",
    )
)
"""What the customised task puts before every answer, on one line."""

MARK = "viscodex: the code stopped at an exception\n"
"""Written to stderr when the evaluated script swallowed one."""


def extract(reply: str) -> str | None:
    """The text of the first ```python block; None where there is none."""
    found = _BLOCK.search(reply)
    return found[1] if found else None


def with_data(code: str, reference: str) -> str:
    """The customised task: imports and the reference's data block before the code.

    A reference without the two banners gives the imports alone.
    """
    found = _DATA.search(reference)
    data = found["data"].strip("\n") if found else ""
    return f"#Variable Code Block\n{_IMPORTS}\n{data}\n\n{code.strip()}"


def cut(code: str) -> str:
    """Without the first `plt.savefig(`, then the first `plt.show(`, and all that follows each.

    Purely textual, as the official code has it: in comments, strings and functions too.
    """
    for call in (r"plt\.savefig\(.*", r"plt\.show\(.*"):
        code = re.sub(call, "", code, flags=re.DOTALL)
    return code


def checked(code: str, name: str) -> str:
    """The script that tells whether the code passes: it does if the figure is saved."""
    return f'{cut(code).strip()}\nplt.savefig("{name}.pdf")'


def reference(code: str, name: str) -> str:
    """A reference that saves its figure, as those of the benchmark all do.

    What is drawn counts when it is saved, so one that only shows its figure would have no text.
    """
    return code if "savefig(" in code else checked(code, name)


def evaluated(code: str, name: str) -> str:
    """The script whose drawings are compared: an exception ends it early, but the figure counts.

    Indented as text, so a string over several lines gains four blanks a line. The official code
    says `pass` where ours says so on stderr.
    """
    body = "\n".join("    " + line for line in cut(code).strip().split("\n"))
    said = f"__import__('os').write(2, {MARK.encode()!r})"
    return f'try:\n{body}\nexcept Exception as e:\n    {said}\nplt.savefig("{name}.pdf")'

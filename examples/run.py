"""Run a chart script and a page in the sandbox, in a few lines.

    viscodex runtime install current
    python examples/run.py [OUT]

Writes chart.png and page.png to OUT (default: rendered) and prints what was seen in them.
"""

import sys
from pathlib import Path

from viscodex.execute.chart import run_chart
from viscodex.execute.file import write_pictures
from viscodex.execute.page import render_page

CHART = """
import matplotlib.pyplot as plt
plt.bar(["merge", "train", "run"], [3, 5, 8], color="teal", label="speed")
plt.title("Arrows")
plt.legend()
plt.show()
"""
PAGE = """
<style>body { font-family: Arial; background: #f4f4f4 } h1 { color: teal }</style>
<h1>Arrows</h1><p>merge, train, run</p><img src="photo.jpg" width="160">
"""

out = Path(sys.argv[1] if len(sys.argv) > 1 else "rendered")
out.mkdir(parents=True, exist_ok=True)
chart, page = run_chart(CHART), render_page(PAGE)
for result, name in ((chart, "chart.png"), (page, "page.png")):
    print(name, result.status, result.reason, *write_pictures(result, out / name))
if chart.figure and page.page:
    print("texts of the chart:", *chart.figure.texts, sep="\n  ")
    print("texts of the page:", *(block.text for block in page.page.blocks), sep="\n  ")

"""A picture becomes code that runs, in a few lines.

    viscodex runtime install current
    python examples/generate.py [PICTURE [MODEL]]

MODEL is nano (default), a checkpoint directory, a hub name, or openai/NAME@URL. Writes again.py (or
again.html) and again.png.
"""

import sys
from pathlib import Path

import viscodex

here = Path(__file__).parent
picture = sys.argv[1] if len(sys.argv) > 1 else here / "pictures" / "chart_bar.png"
model = sys.argv[2] if len(sys.argv) > 2 else "nano"

result = viscodex.generate(picture, model, best_of=2)  # in a notebook: picture, code and render
print(result.code)
for notice in result.notices:
    print("notice:", notice)
print(f"{result.task}: {result.status} {result.reason}; likeness {result.likeness:.2f}")
result.save("again.html" if result.language == "html" else "again.py")
if result.render:
    result.save_render("again.png")
sys.exit(0 if result.ok else 1)

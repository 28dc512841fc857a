"""Design2Code's metrics: blocks found by colour, matched by text, compared in size, place, colour.

in:  a reference page and a candidate page, HTML
out: block match, text, position, colour, CLIP; each stage by itself
not covered: reading the benchmark and running it (tasks/pages.py), the browser (execute/page.py)

The stages in their order: markup.py (what is rendered), blocks.py (what is seen), matching.py (what
belongs together), visual.py (how alike it is), inpaint.py (the picture that CLIP sees).
"""

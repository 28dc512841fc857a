"""Design2Code: blocks found by colour, matched by text, compared in size, place and colour.

in:  reference pages and answers with pages
out: block match, text, position, colour, CLIP; each stage by itself
not covered: the browser (execute/page.py)

The stages in their order: markup.py (what is rendered), page.py (rendering it), blocks.py (what is
seen), matching.py (what belongs together), visual.py (how alike it is), clip.py (what CLIP sees).
"""

from viscodex.tasks.design2code.task import Design2Code as Design2Code

"""Reports and comparisons of runs.

in:  run folders, as tasks/run.py writes them
out: tables in the paper's columns, paired tests, pages with pictures side by side
not covered: scores (tasks/), asking models (evaluate.py)
"""

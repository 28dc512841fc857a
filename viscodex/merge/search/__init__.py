"""The search for coefficients: curves over lambda, an optimiser, one load of the models.

in:  a SearchRecipe
out: DIR with points.jsonl, search.html, curve.svg, result.json and recipe.yaml, ready to merge
not covered: merging to files (merge/apply.py), scores (tasks/)
"""

"""Data sets of pictures and code whose every sample was executed before it was kept.

in:  a recipe: sources, numbers, thresholds, seed
out: a dataset: a folder of parquet shards with a card and galleries
not covered: training on it (train/), benchmarks (tasks/)
"""

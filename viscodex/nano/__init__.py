"""Small models that need no download.

in:  nothing
out: checkpoints of the true Qwen2.5 and Qwen2.5-VL architecture
not covered: large models; see docs/merging.md for those
"""

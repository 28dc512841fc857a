"""Benchmarks: what is asked, and what an answer is worth. No model here.

in:  a benchmark's folder and recorded answers of any system
out: a Score for each answer, a Report over all of them
not covered: getting answers from a model (evaluate.py)
"""

"""Where a model meets a task: benchmarks as tasks of inspect_ai, models as one of its providers.

in:  a benchmark, a model
out: a run folder (run.py); curves under disturbed pictures (robustness.py); what a merge kept (retention.py)
not covered: scoring (tasks/), pages for people (report)
"""

"""InfiBench-V's way: from a dump of questions to a frozen suite of cases.

in:  a dump of Stack Exchange, a teacher, experts at a browser
out: draft cases (draft.py), reviewed ones (review.py), a suite with hashes (freeze.py), proof that
     its cases can be answered and missed (check.py)
not covered: scoring models on a suite (tasks/infibench.py)
"""

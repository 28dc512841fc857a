"""Models that answer: on this machine, behind an endpoint, recorded.

in:  prompts of messages and pictures
out: completions
not covered: what is asked, what becomes of the answers (generate/, evaluate.py); merging, training
"""

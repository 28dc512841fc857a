"""Generated code, run and rendered in isolation: the only place of the project that starts a process.

in:  a chart script, a page, a program in some language
out: an Execution: status, output, pictures, and the record that the metrics need
not covered: whether the result is right (tasks/)
"""

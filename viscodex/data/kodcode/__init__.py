"""Problems with a solution and tests that somebody wrote, in KodCode's layout.

in:  parquet or JSON lines: question, solution, test, test_info, subset, style, ...
out: ProblemRows, KodCodeSource for recipes; the trial of solutions by their own tests
not covered: problems that are drawn here (data/problems)

    rows.py      rows by number, of chosen subsets and styles
    driver.py    the script that runs tests against many programs in one sandbox
    trial.py     what the tests say of the solution, of faulty ones and of empty ones
    source.py    the samples
"""

from viscodex.data.kodcode.source import KodCodeSource

__all__ = ["KodCodeSource"]

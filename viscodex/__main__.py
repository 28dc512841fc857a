"""`python -m viscodex`: the command line."""

from viscodex.cli import main

main()

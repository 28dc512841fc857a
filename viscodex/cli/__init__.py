"""The command line: one verb per arrow of the design.

in:  arguments
out: tables on stdout (or JSON with --json), progress and errors on stderr, the exit status
not covered: the work; each command imports what it needs when it runs

Exit status: 0 done, 1 finished with failures, 2 bad usage or input, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from viscodex import __version__
from viscodex.cli import (
    data,
    evaluate,
    generate,
    machine,
    merge,
    nano,
    report,
    run,
    score,
    search,
    suite,
    train,
)
from viscodex.errors import ViscodexError

app = typer.Typer(
    name="viscodex",
    help="Models that look at a picture and write the code: merge, run, make data, train, score.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; turn our errors into exit status 2 and one clear message."""
    try:
        app()
    except ViscodexError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output left: viscodex ... | head
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        place = f"\n  {error.filename}" if error.filename else ""
        sys.stderr.write(f"{type(error).__name__}: {error.strerror or error}{place}\n")
        sys.exit(2)
    except SystemExit as done:
        if done.code == 130:  # typer has caught the Ctrl-C and says nothing
            sys.stderr.write("interrupted\n")
        raise


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"viscodex {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("merge", epilog=merge.MERGE_EXAMPLES)(merge.merge)
app.command("inspect", epilog=merge.INSPECT_EXAMPLES)(merge.inspect)
app.add_typer(data.data, name="data")
app.command("train", epilog=train.TRAIN_EXAMPLES)(train.train)
app.command("generate", epilog=generate.GENERATE_EXAMPLES)(generate.generate)
app.command("eval", epilog=evaluate.EVAL_EXAMPLES)(evaluate.evaluate)
app.command("score", epilog=score.SCORE_EXAMPLES)(score.score)
app.command("search", epilog=search.SEARCH_EXAMPLES)(search.search)
app.command("report", epilog=report.REPORT_EXAMPLES)(report.report)
app.command("compare", epilog=report.COMPARE_EXAMPLES)(report.compare)
app.add_typer(suite.suite, name="suite")
app.command("run", epilog=run.RUN_EXAMPLES)(run.run)
app.add_typer(run.runtimes, name="runtime")
app.add_typer(nano.nano, name="nano")
app.command("doctor")(machine.doctor)
app.command("demo")(machine.demo)

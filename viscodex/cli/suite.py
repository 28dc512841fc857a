"""viscodex suite: draft, review, freeze and check suites of InfiBench-V.

in:  arguments
out: tables on stdout (or JSON with --json), the review page, errors on stderr, the exit status
not covered: the work (suite/); scoring models on a suite (cli/score.py)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from viscodex.cli.terminal import Progress, console, printable, say
from viscodex.errors import BadRecipe, MissingPart

if TYPE_CHECKING:
    from viscodex.suite.check import SuiteCheck
    from viscodex.suite.draft import DraftReport
    from viscodex.suite.layout import SuiteManifest

suite = typer.Typer(
    help="Make suites of InfiBench-V: draft cases, review, freeze and check them.",
    no_args_is_help=True,
)

DRAFT_EXAMPLES = """
Examples:

\b
  viscodex suite draft recipes/suite/infibench_v.yaml -o drafts
  viscodex suite draft recipes/suite/infibench_v.yaml quota.n=40 teacher.budget=20 -o drafts

Interrupted, or stopped by a budget, the same command goes on; no request is paid twice. Exit status:
0 done, 1 fewer cases than asked for, or stopped by a budget, 2 bad recipe or dump.
"""

REVIEW_EXAMPLES = """
Examples:

\b
  viscodex suite review drafts
  viscodex suite review drafts --port 8020 --judge openai/gpt-4o

The page is for this machine alone; its address holds a key. Every decision is on disk at once.
"""

FREEZE_EXAMPLES = """
Examples:

\b
  viscodex suite freeze drafts -o infibench_v
  viscodex suite freeze suites/infibench_v_public         a suite that is there: its manifest

Every case is tried three ways first; if one does not hold nothing is written (exit status 2).
"""

CHECK_EXAMPLES = """
Examples:

\b
  viscodex suite check suites/infibench_v_public
  viscodex suite check infibench_v --judge openai/gpt-4o --workers 4

Exit status: 0 all holds, 1 something does not, or this machine lacks a language (unless
--allow-missing), 2 no suite.
"""

Workers = Annotated[int, typer.Option(min=1, help="Cases at once.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Also where this machine lacks a language.")
]
AllowUnsafe = Annotated[
    bool, typer.Option("--allow-unsafe", help="Run even where only resource limits confine code.")
]
JudgeOption = Annotated[
    str | None, typer.Option(metavar="M", help="openai/NAME@URL or package.module:name.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def _needs(*libraries: str) -> None:
    from importlib.util import find_spec

    for library in libraries:
        if find_spec(library) is None:
            raise MissingPart(
                "a library for suites is missing", library, "pip install 'viscodex[mcd,eval]'"
            )


# --- draft ----------------------------------------------------------------------------------------


@suite.command("draft", epilog=DRAFT_EXAMPLES)
def draft(
    words: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE.yaml [KEY=VALUE]...", help="Recipe and overrides."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write.")],
    as_json: AsJson = False,
) -> None:
    """Make draft cases of a dump of questions: the funnel, paraphrase, grading; or go on with it."""
    _needs("PIL", "bs4", "markdownify", "openai")
    from viscodex.recipe import read_recipe
    from viscodex.suite.draft import make_drafts
    from viscodex.suite.recipe import SuiteRecipe
    from viscodex.types import to_json

    files = [word for word in words if "=" not in word]
    if len(files) != 1:
        raise BadRecipe(
            "one recipe at a time" if files else "nothing to draft",
            " ".join(words),
            "Give one RECIPE.yaml; an override has the form key=value.",
        )
    recipe = read_recipe(SuiteRecipe, Path(files[0]), [word for word in words if "=" in word])
    with Progress() as progress:
        report = make_drafts(recipe, out, progress=progress.update, tell=say)
    if as_json:
        typer.echo(to_json(report, indent=1))
    else:
        _show_draft(report, out)
    if report.stopped or report.n_drafts < report.wanted:
        raise typer.Exit(1)


def _show_draft(report: DraftReport, out: Path) -> None:
    from rich.table import Table

    table = Table("step", title="funnel", title_justify="left")
    table.add_column("in", justify="right")
    table.add_column("kept", justify="right")
    table.add_column("rejected by", overflow="fold")
    for step in report.steps:
        by = sorted(step.rejected.items(), key=lambda pair: (-pair[1], pair[0]))
        reasons = ", ".join(f"{name} {n:,}" for name, n in by)
        table.add_row(step.name, f"{step.n_in:,}", f"{step.n_kept:,}", printable(reasons))
    console().print(table)
    for name, n in report.areas.items():
        say(f"{name}: {n}")
    if report.stopped:
        say(f"stopped: {report.stopped}")
    typer.echo(
        f"{report.n_drafts} of {report.wanted} draft cases, {report.n_holding} of them hold already; "
        f"next: viscodex suite review {out}"
    )


# --- review ---------------------------------------------------------------------------------------


@suite.command("review", epilog=REVIEW_EXAMPLES)
def review(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the drafts.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 0,
    judge: JudgeOption = None,
    allow_unsafe: AllowUnsafe = False,
) -> None:
    """Edit, try, accept and reject draft cases in a browser; for this machine alone."""
    _needs("PIL")
    from viscodex.suite.review import Reviewer

    asked = _judge(judge, folder / "judge.jsonl")
    server = Reviewer(folder, port, judge=asked, allow_unsafe=allow_unsafe)
    typer.echo(server.address)
    say("Open it in a browser; Ctrl-C ends. Decisions are on disk already.")
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _judge(spec: str | None, record: Path | None = None) -> Any:
    if spec is None:
        return None
    from viscodex.tasks.judge import judge_of

    return judge_of(spec, record=record)


# --- freeze ---------------------------------------------------------------------------------------


@suite.command("freeze", epilog=FREEZE_EXAMPLES)
def freeze(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of drafts, or a suite.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="SUITE", help="Folder to write.")
    ] = None,
    version: Annotated[str, typer.Option(help="Of the suite.")] = "1.0",
    workers: Workers = 1,
    allow_missing: AllowMissing = False,
    allow_unsafe: AllowUnsafe = False,
    as_json: AsJson = False,
) -> None:
    """Write the accepted drafts as a suite with hashes, or the manifest of a suite."""
    _needs("PIL")
    from viscodex.suite.freeze import freeze_drafts, freeze_suite
    from viscodex.suite.layout import SUITE
    from viscodex.types import to_json

    is_suite = (folder / SUITE).is_file()
    if is_suite != (out is None):
        todo = "Drafts need -o SUITE; a suite is frozen where it is."
        raise BadRecipe("-o does not fit" if is_suite else "-o is missing", str(folder), todo)
    with Progress() as progress:
        how: dict[str, Any] = {
            "workers": workers,
            "progress": progress.update,
            "allow_missing": allow_missing,
            "allow_unsafe": allow_unsafe,
        }
        if out is None:
            manifest = freeze_suite(folder, **how)
        else:
            manifest = freeze_drafts(folder, out, version=version, **how)
    if as_json:
        typer.echo(to_json(manifest, indent=1))
    else:
        _show_manifest(manifest, out or folder)


def _show_manifest(manifest: SuiteManifest, place: Path) -> None:
    for kind, counts in manifest.counts.items():
        told = ", ".join(f"{printable(name)} {n}" for name, n in counts.items())
        console().print(f"{kind}: {told}", markup=False)
    typer.echo(
        f"{manifest.n_cases} cases, {len(manifest.files)} files, revision {manifest.revision[:16]}\n"
        f"written: {place}"
    )


# --- check ----------------------------------------------------------------------------------------


@suite.command("check", epilog=CHECK_EXAMPLES)
def check(
    place: Annotated[Path, typer.Argument(metavar="SUITE", help="Folder of the suite.")],
    judge: JudgeOption = None,
    workers: Workers = 1,
    allow_missing: AllowMissing = False,
    allow_unsafe: AllowUnsafe = False,
    as_json: AsJson = False,
) -> None:
    """Try every case three ways, open all pictures, compare all hashes."""
    import json

    _needs("PIL")
    from viscodex.suite.check import check_suite
    from viscodex.types import to_json

    with Progress() as progress:
        found = check_suite(
            place,
            judge=_judge(judge),
            workers=workers,
            progress=progress.update,
            allow_unsafe=allow_unsafe,
        )
    if as_json:
        told = {"problems": found.problems, "missing": found.missing, "counts": found.counts}
        typer.echo(json.dumps({**told, **json.loads(to_json(found))}, indent=1))
    else:
        _show_check(found)
    if found.problems or (found.missing and not allow_missing):
        raise typer.Exit(1)


def _show_check(found: SuiteCheck) -> None:
    for kind, counts in found.counts.items():
        told = ", ".join(f"{printable(name)} {n}" for name, n in counts.items())
        console().print(f"{kind}: {told}", markup=False)
    for line in found.problems:
        typer.echo(f"wrong: {printable(line)}")
    for key, why in found.missing.items():
        typer.echo(f"not run: {printable(f'{key}: {why}')}")
    holding = sum(not case.problems and not case.missing for case in found.cases)
    typer.echo(
        f"{holding} of {len(found.cases)} cases hold three ways, {len(found.problems)} problems, "
        f"{len(found.missing)} not run here; revision {found.revision[:16]}"
    )

"""viscodex search: the coefficients of a merge, chosen on a dev split.

in:  arguments
out: a folder with the chosen recipe, the curve and a page; a summary, or with --json the result
not covered: the work (merge/search/)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from viscodex.cli.terminal import Progress, printable, say
from viscodex.errors import BadRecipe

SEARCH_EXAMPLES = """
Examples:

\b
  viscodex search recipes/search/nano_lambda.yaml -o runs/search/lambda
  viscodex search recipes/search/nano_depth.yaml optimise.trials=60 -o runs/search/depth
  viscodex merge runs/search/lambda/recipe.yaml -o merged

The models are loaded once; each point is set in place. A search that was killed goes on where it
was: the same command again. More trials may be asked for later; nothing else may change.
"""


def search(
    recipe: Annotated[
        list[str], typer.Argument(metavar="RECIPE.yaml [KEY=VALUE]...", help="And overrides.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder to write.")],
    threads: Annotated[int | None, typer.Option(min=1, help="Tensors at once.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a section for a document.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Lambda curve and optimiser over merge coefficients, on a dev split, without checkpoints."""
    import json

    from viscodex.files import write_atomically
    from viscodex.merge.search.recipe import SearchRecipe
    from viscodex.merge.search.result import (
        result_data,
        search_markdown,
        sentences,
        write_result,
    )
    from viscodex.merge.search.run import search as run_search
    from viscodex.recipe import read_recipe

    files = [word for word in recipe if "=" not in word]
    if len(files) != 1:
        raise BadRecipe(
            "one recipe at a time", " ".join(files), "An override has the form key=value."
        )
    wanted = read_recipe(SearchRecipe, Path(files[0]), [w for w in recipe if "=" in w])
    with Progress() as progress:
        found = run_search(wanted, out, threads=threads, progress=progress.update)
    write_result(found, out)
    if markdown is not None:
        picture = Path(os.path.relpath(out / "curve.svg", markdown.parent)).as_posix()
        text = search_markdown(found, out, picture)
        if markdown == Path("-"):
            sys.stdout.write(text)
        else:
            markdown.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(markdown, text)
    if as_json:
        typer.echo(json.dumps(result_data(found), indent=1))
    elif markdown != Path("-"):
        for text in sentences(found):
            typer.echo(printable(text))
    say(f"recipe, curve and page: {out}")
    if found.best is None:
        raise typer.Exit(1)

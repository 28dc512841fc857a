"""viscodex nano: the embedded family.

in:  arguments
out: the family's checkpoints in a folder; figures of its members
not covered: the stages (nano/family.py), the figures (nano/measure.py)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

nano = typer.Typer(
    help="Train the embedded family from nothing, measure it, ship it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

TRAIN_EXAMPLES = """
\b
Examples:
  viscodex nano train -o family                      all stages; run it again to go on
  viscodex nano train -o family --stages data,text   what the others wait for; then, for two cores,
  viscodex nano train -o family --stages language,base
  viscodex nano train -o family --stages reading     at the same time, elsewhere
  viscodex nano train --size gpu -o family
  viscodex nano train --size further -o further      go on from what unpack laid out in ./family
"""

MEASURE_EXAMPLES = """
\b
Examples:
  viscodex nano measure family                       vlm, merged and nano on held-out samples
  viscodex nano measure family --models nano --limit 40
  viscodex nano measure family --models code                       from words: it has no eyes
"""

TABLES_EXAMPLES = """
\b
Examples:
  viscodex nano tables family                                   merged, as they are
  viscodex nano tables family --tuned-steps 40 --seeds 3        and tuned a little, three times each
  viscodex nano tables family --tuned-steps 40 --limit 0        losses only: quick
  viscodex nano tables family --settings lambda_0.7,lambda_1    the merge against no merge
  viscodex nano tables family --settings lambda_0.7,lambda_1 --shares 0.25,0.5,1     with little data and more
"""

Folder = Annotated[Path, typer.Option("-o", "--out", help="Folder of the family.")]


@nano.command("train", epilog=TRAIN_EXAMPLES)
def train(
    size: Annotated[
        str,
        typer.Option(
            help="A name in recipes/nano (cpu, gpu, longer, further), a recipe file, or auto: gpu when there is one."
        ),
    ] = "auto",
    out: Folder = Path("nano_family"),
    stages: Annotated[str, typer.Option(help="Stages to run, with commas; all by default.")] = "",
) -> None:
    """Data, base, reading, vlm, code, merge and fine-tuning: one resumable job."""
    from viscodex.cli.terminal import Progress, say
    from viscodex.cli.train import StepLines
    from viscodex.nano.family import Family, read_family_recipe
    from viscodex.train.watch import Show

    recipe = read_family_recipe(size)
    with Progress() as progress:
        show = Show(line=say, progress=progress.update, step=StepLines(10).step)
        Family(recipe, out, show).run(_listed(stages))
    say(f"the family is in {out}")


@nano.command("measure", epilog=MEASURE_EXAMPLES)
def measure(
    family: Annotated[Path, typer.Argument(help="Folder of viscodex nano train.")],
    models: Annotated[
        str, typer.Option(help="Members to measure, with commas.")
    ] = "vlm,merged,nano",
    limit: Annotated[int, typer.Option(min=2, help="Held-out samples of each kind.")] = 100,
    kinds: Annotated[
        str,
        typer.Option(help="What to measure, with commas; all that it has samples for by default."),
    ] = "",
    batch: Annotated[int, typer.Option(min=1, help="Prompts at once.")] = 16,
) -> None:
    """Execution, ChartMimic, Design2Code, pass@1 and reading of members, on held-out samples."""
    from viscodex.cli.terminal import say
    from viscodex.models.model import open_model
    from viscodex.nano import measure as figures

    held_out, asked = family / "held_out", _listed(kinds)
    for name in _listed(models):
        own = asked or figures.kinds_for(held_out, sees=name not in ("base", "code"))
        with open_model(str(family / name / "model"), batch=batch) as model:
            figures.measure(model, held_out, family / "measured" / name, limit, say, own)


@nano.command("ship")
def ship(
    family: Annotated[Path, typer.Argument(help="Folder of viscodex nano train.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Default: the weights of this installation.")
    ] = None,
) -> None:
    """Copy the members as bfloat16 in files of at most 15 MB, with cards, logs and recipes."""
    from viscodex.cli.terminal import say
    from viscodex.nano.weights import ship as copy

    say(f"written: {copy(family, out)}")


@nano.command("unpack")
def unpack(
    size: Annotated[
        str, typer.Option(help="Recipe of the data: a name in recipes/nano, or a file.")
    ] = "tables",
    out: Folder = Path("nano_family"),
) -> None:
    """A family's folder around the weights of this installation: members, data, held-out samples."""
    from viscodex.cli.terminal import Progress, say
    from viscodex.nano.family import Family, read_family_recipe
    from viscodex.nano.weights import unpack as lay_out
    from viscodex.train.watch import Show

    recipe = read_family_recipe(size)
    lay_out(out)
    with Progress() as progress:
        Family(recipe, out, Show(line=say, progress=progress.update)).run(["data", "merged"])
    say(f"the family is in {out}")


@nano.command("tables", epilog=TABLES_EXAMPLES)
def tables(
    family: Annotated[Path, typer.Argument(help="Folder of viscodex nano train or unpack.")],
    size: Annotated[str, typer.Option(help="Its recipe, if not the one that it was made by.")] = "",
    limit: Annotated[
        int, typer.Option(min=0, help="Held-out charts written and run for each point; 0: none.")
    ] = 40,
    losses: Annotated[
        int, typer.Option(min=0, help="Held-out answers whose loss is measured, of each kind.")
    ] = 40,
    tuned_steps: Annotated[
        int, typer.Option(min=0, help="Also after so many steps of fine-tuning; 0: not.")
    ] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of fine-tuning.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Samples of a step of fine-tuning.")] = 4,
    settings: Annotated[str, typer.Option(help="Some of the settings, with commas.")] = "",
    shares: Annotated[
        str,
        typer.Option(
            help="Low data: also fine-tuned on these shares of the data, each to its end."
        ),
    ] = "",
    epochs: Annotated[float, typer.Option(min=0.01, help="Over each of the shares.")] = 2.0,
) -> None:
    """Lambda, TIES, DARE and replacing: every setting merged, fine-tuned and measured."""
    from viscodex.cli.terminal import say
    from viscodex.errors import BadInput
    from viscodex.nano.family import Family, recipe_of
    from viscodex.nano.tables import SETTINGS, Effort, make_low_data, make_tables
    from viscodex.train.watch import Show

    asked = _listed(settings)
    known = {setting.name: setting for setting in SETTINGS}
    if unknown := [name for name in asked if name not in known]:
        raise BadInput(
            "there is no such setting", ", ".join(unknown), f"Known are {', '.join(known)}."
        )
    made = Family(recipe_of(family, size), family, Show(line=say))
    of_data = tuple(sorted({_share(word) for word in _listed(shares)}))
    effort = Effort(limit, losses, tuned_steps, batch, seeds, of_data, epochs)
    chosen = [known[name] for name in asked or known]
    make = make_low_data if of_data else make_tables
    say(f"written: {make(made, effort, say, chosen)}")


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def _share(word: str) -> float:
    from viscodex.errors import BadInput

    try:
        share = float(word)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise BadInput("no share of the data", f"--shares: {word}", "Above 0, at most 1.")
    return share

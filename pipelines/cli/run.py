"""The command `run`: the whole pipeline on this machine."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.runtime.steps import STEPS
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.arguments import MinDrift, MinNewRows, Overrides, RecipeName, with_thresholds

if TYPE_CHECKING:
    from stillhouse.pipelines.recipes.recipe import Recipe

DIFFERS = 1
"""Exit code: a repeated run came to other weights, or to another verdict."""


def run(
    recipe: RecipeName = "",
    home: Annotated[Path, typer.Option(envvar="STILLHOUSE_HOME", help="Folder of everything that is written.")] = HOME,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    verbose: Annotated[bool, typer.Option("--verbose", help="Stream the logs instead of the table.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step, unchanged or not.")] = False,
    min_new_rows: MinNewRows = None,
    min_drift: MinDrift = None,
    from_verdict: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="In the place of a recipe: train again what a verdict.intoto.jsonl says, in a home folder of its own, "
            "and say what is the same. Exit code 1: weights or verdict are not.",
        ),
    ] = None,
) -> None:
    """Run the whole pipeline on this machine.

    The same command goes on where an interrupted one stopped, and takes seconds when nothing changed.
    """
    if bool(recipe) == bool(from_verdict):
        raise UserError("stillhouse run: name a recipe, or in its place --from-verdict FILE.")
    from stillhouse.pipelines.recipes.recipe import load_recipe

    given = with_thresholds(overrides, min_new_rows, min_drift)
    if from_verdict:
        _repeat(from_verdict, home, given, verbose)
        return
    from rich.console import Console

    loaded = load_recipe(recipe, given)
    from stillhouse.pipelines.local.outcome import show_outcome

    _run(loaded, home, verbose, lambda folder: show_outcome(Console(), folder), cache=not no_cache)


def _run(recipe: "Recipe", home: Path, verbose: bool, conclude: Callable[[Path], None], *, cache: bool) -> None:
    from stillhouse.pipelines.local.run import RETRAIN, RETRAIN_WITHOUT_PRETRAINING, Job, run_pipeline

    parameters = recipe.parameters()
    idle, pipeline = (), RETRAIN
    if parameters["train_pretraining"] == "none":
        idle, pipeline = ("pretrain",), RETRAIN_WITHOUT_PRETRAINING
    run_pipeline(Job(recipe.name, parameters, STEPS, pipeline, idle, cache=cache), home, verbose, conclude)


def _repeat(file: Path, home: Path, overrides: list[str], verbose: bool) -> None:
    os.environ["STILLHOUSE_HOME"] = str(home.absolute())
    from stillhouse.pipelines.local.repeat import Repeat
    from stillhouse.pipelines.recipes.recipe import load_recipe

    repeat, same = Repeat(file, home), list[bool]()
    loaded = load_recipe(str(repeat.write()), overrides)
    _run(loaded, repeat.home, verbose, lambda folder: same.append(repeat.compare(folder, typer.echo)), cache=False)
    if not all(same):
        sys.exit(DIFFERS)

"""The command `run`: the whole pipeline on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.runtime.steps import STEPS
from stillhouse.pipelines.cli.arguments import MinDrift, MinNewRows, Overrides, RecipeName, with_thresholds


def run(
    recipe: RecipeName,
    home: Annotated[Path, typer.Option(envvar="STILLHOUSE_HOME", help="Folder of everything that is written.")] = HOME,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    verbose: Annotated[bool, typer.Option("--verbose", help="Stream the logs instead of the table.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step, unchanged or not.")] = False,
    min_new_rows: MinNewRows = None,
    min_drift: MinDrift = None,
) -> None:
    """Run the whole pipeline on this machine.

    The same command goes on where an interrupted one stopped, and takes seconds when nothing changed.
    """
    from stillhouse.pipelines.recipes.recipe import load_recipe

    loaded = load_recipe(recipe, with_thresholds(overrides, min_new_rows, min_drift))
    from rich.console import Console

    from stillhouse.pipelines.local.outcome import show_outcome
    from stillhouse.pipelines.local.run import RETRAIN, RETRAIN_WITHOUT_PRETRAINING, Job, run_pipeline

    parameters = loaded.parameters()
    idle, pipeline = (), RETRAIN
    if parameters["train_pretraining"] == "none":
        idle, pipeline = ("pretrain",), RETRAIN_WITHOUT_PRETRAINING
    job = Job(loaded.name, parameters, STEPS, pipeline, idle, cache=not no_cache)

    run_pipeline(job, home, verbose, lambda folder: show_outcome(Console(), folder))

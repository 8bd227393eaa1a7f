"""The command line; nothing heavy is imported before a command needs it: `stillhouse --help` is instant."""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stillhouse import __version__
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.thresholds import MinDrift, MinNewRows, with_thresholds

STEPS = ("inspect", "prepare", "pretrain", "finetune", "distill", "evaluate", "promote")
"""In the order they run."""
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""For commands that hand everything, --help included, to a program of their own."""


class Group(TyperGroup):
    """Ends as a person expects: a mistake is one sentence and exit code 2, Ctrl-C is exit code 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        except KeyboardInterrupt as stopped:
            number = stopped.args[0] if stopped.args else signal.SIGINT
            sys.exit(128 + number)


app = typer.Typer(
    cls=Group,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Retrains, distills and promotes models: the same pipeline on a laptop and on a cluster.",
)

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Name of a recipe that ships, or path of a YAML file.")
]
Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as finetune.loop.epochs=2; repeatable."),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _later(name: str, about: str) -> None:
    """The command `name` is a program of its own, NAME_command.py, which is imported when it is asked for."""

    @app.command(name, help=about, context_settings=PASS_ON)
    def command(context: typer.Context) -> None:
        program = import_module(f"stillhouse.pipelines.{name}_command")
        program.app(context.args, prog_name=f"stillhouse {name}")


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Retrains, distills and promotes models."""


@app.command()
def run(
    recipe: RecipeName,
    home: Annotated[Path, typer.Option(envvar="STILLHOUSE_HOME", help="Folder of everything that is written.")] = Path(
        "runs"
    ),
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
    from stillhouse.pipelines.recipes.recipe_lock import write_lock

    loaded = load_recipe(recipe, with_thresholds(overrides, min_new_rows, min_drift))
    from rich.console import Console

    from stillhouse.pipelines.local.outcome import show_outcome
    from stillhouse.pipelines.local.run import RETRAIN, RETRAIN_WITHOUT_PRETRAINING, Job, run_pipeline

    parameters = loaded.parameters()
    idle, pipeline = (), RETRAIN
    if parameters["train_pretraining"] == "none":
        idle, pipeline = ("pretrain",), RETRAIN_WITHOUT_PRETRAINING
    job = Job(loaded.name, parameters, STEPS, pipeline, idle, cache=not no_cache)

    def conclude(folder: Path) -> None:
        write_lock(loaded, folder)
        show_outcome(Console(), folder)

    run_pipeline(job, home, verbose, conclude)


_later("init", "Look at a table and write the recipe for it: `stillhouse init FILE`.")
_later("explain", "Every setting of a recipe, and where it comes from: `stillhouse explain RECIPE`.")
_later("compile", "Write the pipeline as KFP YAML, with the recipe's values as the defaults of its parameters.")
_later("submit", "Start a run on a cluster: `stillhouse submit RECIPE --endpoint http://...`.")
_later(
    "doctor",
    "Say what would fail on a cluster, before a GPU is paid for: `stillhouse doctor RECIPE --endpoint http://...`.",
)


@app.command(context_settings=PASS_ON)
def schedule(context: typer.Context) -> None:
    """Start runs on a cluster again and again: `stillhouse schedule RECIPE --cron '0 3 * * *'`."""
    from stillhouse.pipelines.cli.schedule import run_command

    run_command(context.args)


_later("watch", "What the pods of a run on a cluster are doing, and why they wait: `stillhouse watch RUN`.")
_later("cancel", "End a run on a cluster, and wait for its end: `stillhouse cancel RUN`.")
_later("logs", "What a step has written, on a cluster or on this machine: `stillhouse logs RUN STEP`.")
_later("runs", "The runs with their verdicts, the newest first.")
_later("ui", "Open MLflow at the newest run.")


@app.command(context_settings=PASS_ON)
def step(context: typer.Context) -> None:
    """Run one step alone: `stillhouse step finetune --help` lists its settings."""
    name, *rest = context.args or ["--help"]
    if name in ("--help", "-h"):
        typer.echo(f"Usage: stillhouse step NAME [OPTIONS]\n\nNAME is one of: {', '.join(STEPS)}.\n")
        typer.echo("`stillhouse step NAME --help` lists what a step takes.")
        return
    if name not in STEPS:
        raise UserError(f"There is no step '{name}'; use one of: {', '.join(STEPS)}.")
    become(name, rest)


@app.command(context_settings=PASS_ON)
def predict(context: typer.Context) -> None:
    """Answer for a file or a folder: `stillhouse predict models:/NAME@champion FILE`."""
    become("predict", context.args)


@app.command(context_settings=PASS_ON)
def rollback(context: typer.Context) -> None:
    """Put the previous model back into production: `stillhouse rollback NAME`."""
    become("promote.rollback", context.args)


@app.command()
def replay(
    home: Annotated[Path, typer.Option(envvar="STILLHOUSE_HOME", help="Folder of everything that was written.")] = Path(
        "runs"
    ),
) -> None:
    """Send to MLflow what earlier runs could not: each point once. Exit code 1 when something is left."""
    from stillhouse.pipelines.cli.replay import replay_runs

    raise typer.Exit(replay_runs(home))


_later("sweep", "Remove what ended runs have left and nothing refers to: `stillhouse sweep --dry-run`.")


def become(module: str, arguments: list[str]) -> None:
    """Go on as the program `stillhouse.components.<module>`; signals and the exit code are its own."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", f"stillhouse.components.{module}", *arguments])

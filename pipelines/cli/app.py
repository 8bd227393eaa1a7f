"""The command line; nothing heavy is imported before a command needs it: `stillhouse --help` is instant."""

import signal
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stillhouse import __version__
from stillhouse.errors import USER_ERROR, UserError
from stillhouse.pipelines.cli.approval import approve, reject
from stillhouse.pipelines.cli.forget import forget
from stillhouse.pipelines.cli.predict import predict
from stillhouse.pipelines.cli.replay import replay
from stillhouse.pipelines.cli.rollback import rollback
from stillhouse.pipelines.cli.run import run
from stillhouse.pipelines.cli.step import step
from stillhouse.pipelines.cli.verify import verify

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""For commands that hand everything, --help included, to a program of their own."""


class Group(TyperGroup):
    """Ends as a person expects: a mistake is one sentence and exit code 2, Ctrl-C is exit code 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(USER_ERROR)
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


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _later(name: str, about: str) -> None:
    """The command `name` is a program of its own, cli/NAME.py, which is imported when it is asked for."""

    @app.command(name, help=about, context_settings=PASS_ON)
    def command(context: typer.Context) -> None:
        program = import_module(f"stillhouse.pipelines.cli.{name}")
        program.app(context.args, prog_name=f"stillhouse {name}")


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Retrains, distills and promotes models."""


app.command()(run)
_later("init", "Look at a table and write the recipe for it: `stillhouse init FILE`.")
_later("explain", "Every setting of a recipe, and where it comes from: `stillhouse explain RECIPE`.")
_later("compile", "Write the pipeline as KFP YAML, with the recipe's values as the defaults of its parameters.")
_later("submit", "Start a run on a cluster: `stillhouse submit RECIPE --endpoint http://...`.")
_later(
    "doctor",
    "Say what would fail on a cluster, before a GPU is paid for: `stillhouse doctor RECIPE --endpoint http://...`.",
)
_later("schedule", "Start runs on a cluster again and again: `stillhouse schedule RECIPE --cron '0 3 * * *'`.")
_later("watch", "What the pods of a run on a cluster are doing, and why they wait: `stillhouse watch RUN`.")
_later("cancel", "End a run on a cluster, and wait for its end: `stillhouse cancel RUN`.")
_later("logs", "What a step has written, on a cluster or on this machine: `stillhouse logs RUN STEP`.")
_later("runs", "The runs with their verdicts, the newest first.")
_later("verdicts", "What became of each run of a model, as a table and a page with curves: `stillhouse verdicts NAME`.")
_later("ui", "Open MLflow at the newest run.")
app.command(context_settings=PASS_ON)(step)
app.command(context_settings=PASS_ON)(predict)
app.command(context_settings=PASS_ON)(approve)
app.command(context_settings=PASS_ON)(reject)
app.command(context_settings=PASS_ON)(rollback)
app.command(context_settings=PASS_ON)(forget)
app.command(context_settings=PASS_ON)(verify)
app.command()(replay)
_later("sweep", "Remove what ended runs have left and nothing refers to: `stillhouse sweep --dry-run`.")

"""The command `schedule`: runs on a cluster at given times, and what looks after them."""

import sys
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stillhouse.errors import UserError
from stillhouse.pipelines.cli.arguments import MinDrift, MinNewRows, Overrides, RecipeName, with_thresholds
from stillhouse.pipelines.cluster.clock_changes import clock_warning
from stillhouse.pipelines.cluster.due_times import at_cron, at_interval
from stillhouse.pipelines.cluster.endpoint import EndpointOption, NamespaceOption, TokenOption
from stillhouse.pipelines.compiling.options import NO_STORE, ClusterOptions, with_cluster_options
from stillhouse.pipelines.recipes.recipe import load_recipe

SHOWN = 3
"""How many of the next times are printed."""
MOST_AT_ONCE = 10
"""Limit of KFP."""
PIPED_WIDTH = 300
ASSUMED = "KFP does not say its time zone here; UTC is assumed, which is its default."

started = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
kept = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
"""What is done to schedules that are there."""

ScheduleName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")]


def app(arguments: list[str], prog_name: str = "stillhouse schedule") -> None:
    """Run `stillhouse schedule ARGUMENTS`; a recipe file with the name of a subcommand is given as ./list."""
    names = {command.name for command in kept.registered_commands}
    command = kept if arguments and arguments[0] in names else started
    command(arguments, prog_name=prog_name)


@started.command()
@with_cluster_options
def schedule(
    recipe: RecipeName,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    cron: Annotated[
        str, typer.Option(metavar="EXPRESSION", help="When runs are due, in five fields: '0 3 * * *', or @daily.")
    ] = "",
    every: Annotated[str, typer.Option(metavar="DURATION", help="Or how often: 30m, 6h, 1d.")] = "",
    name: Annotated[str, typer.Option(help="Name of the schedule; by default the recipe's.")] = "",
    max_concurrency: Annotated[
        int, typer.Option(min=1, max=MOST_AT_ONCE, help="Runs at the same time; one that is due waits.")
    ] = 1,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Make up for each run that was missed, not for the latest only.")
    ] = False,
    min_new_rows: MinNewRows = None,
    min_drift: MinDrift = None,
    endpoint: EndpointOption = "",
    namespace: NamespaceOption = "",
    token: TokenOption = "",
    *,
    cluster: ClusterOptions,
) -> None:
    """Run the pipeline on a cluster again and again, and print the next times.

    The same command again replaces the schedule of that name. `stillhouse schedule list` shows all of them, and
    `schedule pause NAME`, `schedule resume NAME` and `schedule delete NAME` change one.
    """
    if bool(cron) == bool(every):
        raise UserError("Say when runs are due: either --cron '0 3 * * *' or --every 6h.")
    when = at_cron(cron) if cron else at_interval(every)
    loaded = load_recipe(recipe, with_thresholds(overrides, min_new_rows, min_drift))
    from stillhouse.pipelines.cluster import schedule as scheduling
    from stillhouse.pipelines.cluster.connection import connect
    from stillhouse.pipelines.doctor.check import Visit
    from stillhouse.pipelines.doctor.run_checks import refuse_failures

    kfp = connect(endpoint, namespace, token)
    refuse_failures(Visit(loaded, cluster, kfp))
    zone = scheduling.zone(kfp)
    called = name or loaded.name
    scheduling.schedule(kfp, loaded, when, cluster, name=called, max_concurrency=max_concurrency, catch_up=catch_up)
    if not cluster.store:
        typer.echo(NO_STORE, err=True)
    for due in islice(when.due(datetime.now(zone.info)), SHOWN):
        typer.echo(_shown(due))
    if when.six_fields and (warning := clock_warning(when.six_fields, zone.info, datetime.now(UTC))):
        typer.echo(warning, err=True)
    if not zone.known:
        typer.echo(ASSUMED, err=True)


@kept.command("list")
def list_(endpoint: EndpointOption = "", namespace: NamespaceOption = "", token: TokenOption = "") -> None:
    """Show the schedules, the next time of each, and how its last run went."""
    from stillhouse.pipelines.cluster import schedule as scheduling
    from stillhouse.pipelines.cluster.connection import connect

    kfp = connect(endpoint, namespace, token)
    zone = scheduling.zone(kfp)
    table = Table(box=None)
    for title in ("name", "recipe", "when", "state", "next", "last run", "its state"):
        table.add_column(title, no_wrap=True)
    for found in scheduling.schedules(kfp):
        last = scheduling.last_run(kfp, found)
        times = found.when.due(datetime.now(zone.info), last.scheduled_at if last else None)
        table.add_row(
            found.name,
            found.recipe,
            found.when.said,
            "active" if found.active else "paused",
            _shown(next(times)) if found.active else "",
            last.run_id if last else "",
            str(last.state).lower() if last else "",
        )
    # As wide as it has to be where nobody looks: a script would get lines cut off.
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
    if not zone.known:
        typer.echo(ASSUMED, err=True)


@kept.command("pause")
def pause(
    name: ScheduleName, endpoint: EndpointOption = "", namespace: NamespaceOption = "", token: TokenOption = ""
) -> None:
    """Start no further runs until it is resumed; those under way go on."""
    _change("pause", name, (endpoint, namespace, token))


@kept.command("resume")
def resume(
    name: ScheduleName, endpoint: EndpointOption = "", namespace: NamespaceOption = "", token: TokenOption = ""
) -> None:
    """Start runs again; one that was missed meanwhile starts at once."""
    _change("resume", name, (endpoint, namespace, token))


@kept.command("delete")
def delete(
    name: ScheduleName, endpoint: EndpointOption = "", namespace: NamespaceOption = "", token: TokenOption = ""
) -> None:
    """Delete the schedule; its runs stay."""
    _change("delete", name, (endpoint, namespace, token))


def _change(verb: str, name: str, where: tuple[str, str, str]) -> None:
    from stillhouse.pipelines.cluster import schedule as scheduling
    from stillhouse.pipelines.cluster.connection import connect

    getattr(scheduling, verb)(connect(*where), name)


def _shown(time: datetime) -> str:
    return f"{time:%a %Y-%m-%d %H:%M %Z}"

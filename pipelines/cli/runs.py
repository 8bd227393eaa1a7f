"""The command `runs`: the runs of this machine, and of the store, with what became of them."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption

SHOWN = 20
PIPED_WIDTH = 300

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def runs_(
    home: HomeOption = HOME,
    last: Annotated[int, typer.Option("--last", min=1, help="How many to show, the newest first.")] = SHOWN,
    lock: Annotated[str, typer.Option(metavar="RUN", help="Print this run's recipe.lock.yaml instead.")] = "",
) -> None:
    """List runs, the newest first: when each began, its state, its verdict and why.

    Those of this machine lie in --home; of those on a cluster the store that STILLHOUSE_STORE names knows the verdicts.
    """
    from stillhouse.pipelines.local.run_list import list_runs, lock_of

    if lock:
        typer.echo(lock_of(home.absolute(), lock), nl=False)
        return
    found = list_runs(home.absolute())
    if not found:
        typer.echo(f"There are no runs in '{home}'; `stillhouse run RECIPE` makes one, --home looks elsewhere.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("run", "began", "state", "verdict", "version"):
        table.add_column(title, no_wrap=True)
    table.add_column("why", overflow="fold")
    for run in found[:last]:
        began = f"{run.began:%Y-%m-%d %H:%M}" if run.began else ""
        table.add_row(run.id, began, run.state, run.decision, run.version, run.why)
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)
    if len(found) > last:
        typer.echo(f"{len(found) - last} older ones are not shown; --last {len(found)} shows all.")

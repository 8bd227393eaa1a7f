"""The command `verdicts`: what became of every run of a model name."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption

SHOWN = 30
PIPED_WIDTH = 300

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def verdicts(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as the recipe has it.")],
    home: HomeOption = HOME,
    last: Annotated[int, typer.Option("--last", min=1, help="How many to show, the newest first.")] = SHOWN,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the HTML page goes; by default into --home.")
    ] = None,
) -> None:
    """Show the verdicts of a model name as a table, and write a page with curves of quality, flips, drift and cost.

    Runs on a cluster are in the store that STILLHOUSE_STORE names.
    """
    from stillhouse.components.storage.home import local_store
    from stillhouse.pipelines.local.verdict_history import COLUMNS, cells, history, told_saved, write_history

    nights = history(local_store(), name)
    table = Table(box=None, pad_edge=False)
    for title in COLUMNS:
        table.add_column(title, no_wrap=True)
    for night in reversed(nights[-last:]):
        table.add_row(*map(escape, cells(night)))
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)
    if saved := told_saved(nights):
        typer.echo(saved)
    if len(nights) > last:
        typer.echo(f"{len(nights) - last} older ones are not shown; --last {len(nights)} shows all.")
    path = page or home.absolute() / f"verdicts-{name}.html"
    write_history(path, name, nights)
    typer.echo(f"page       {path}")

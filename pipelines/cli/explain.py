"""The command `explain`: every setting that counts, and where it comes from."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stillhouse.pipelines.cli.arguments import Overrides, RecipeName

PIPED_WIDTH = 300

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def explain_(
    recipe: RecipeName,
    overrides: Overrides = [],  # noqa: B006 - typer reads the default
    given: Annotated[bool, typer.Option("--given", help="Leave out settings that have their default.")] = False,
) -> None:
    """Print every setting of every step, its value, and where it comes from: recipe's line, --set, or default.

    How long a run takes is not said: it depends on the rows, which only the steps read; the table of a run shows the
    time that is left.
    """
    from stillhouse.pipelines.recipes.explain import effective_settings

    table = Table(box=None, pad_edge=False)
    for title in ("setting", "value", "from"):
        table.add_column(title, overflow="fold")
    for setting in effective_settings(recipe, overrides):
        if not (given and setting.is_default):
            value = setting.value if isinstance(setting.value, str) and setting.value else json.dumps(setting.value)
            table.add_row(setting.key, escape(value), escape(setting.origin))
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)

"""The command `ui`: MLflow, on the right store, at the newest run."""

from typing import Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption

PORT = 5000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def ui_(
    home: HomeOption = HOME,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where MLflow listens on this machine.")] = PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page, or print it only.")] = True,
) -> None:
    """Open MLflow at the newest run: the database in --home, or the server that MLFLOW_TRACKING_URI names.

    For a database MLflow is started on this machine, to be reached from it alone, until Ctrl-C.
    """
    from stillhouse.pipelines.local.mlflow_page import open_page

    raise typer.Exit(open_page(home.absolute(), port, browser))

"""Send what earlier runs could not send to MLflow."""

import os
from pathlib import Path
from typing import Annotated

import typer

from stillhouse.components.config.home import HOME


def replay(
    home: Annotated[Path, typer.Option(envvar="STILLHOUSE_HOME", help="Folder of everything that was written.")] = HOME,
) -> None:
    """Send to MLflow what earlier runs could not: each point once. Exit code 1 when something is left."""
    raise typer.Exit(replay_runs(home))


def replay_runs(home: Path) -> int:
    """Send what runs under `home`, and in the store that STILLHOUSE_STORE names, have left; print a line for each run.

    Returns:
        The exit code: 0 when everything is sent, 1 when something is left, which is said on stderr.

    Raises:
        UserError: the store cannot be read.
    """
    from stillhouse.components.storage.home import local_store
    from stillhouse.components.tracking import leftovers
    from stillhouse.components.tracking.sender import replay
    from stillhouse.components.tracking.settings import tracking_uri
    from stillhouse.redaction import redact

    home = home.absolute()
    store = local_store() if os.environ.get("STILLHOUSE_STORE") else None
    if store:
        leftovers.bring(store, home)
    replayed = replay(home)
    if store:
        leftovers.settle(store, home)
    for run in replayed:
        typer.echo(str(run))
    if not replayed:
        typer.echo(f"Nothing is unsent in '{home}'.")
    if not any(run.why for run in replayed):
        return 0
    mend = "look there, then run `stillhouse replay` again; nothing is lost until then"
    typer.echo(redact(f"MLflow at {tracking_uri(home)} has not taken everything: {mend}."), err=True)
    return 1

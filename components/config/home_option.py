"""The option `--home`, which every command has that reads or writes there."""

import os
from pathlib import Path
from typing import Annotated

import typer


def _set(home: Path) -> Path:
    """Hand it to all that asks the environment, in this process and in those that it starts."""
    os.environ["STILLHOUSE_HOME"] = str(home)
    return home


HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="STILLHOUSE_HOME", help="Folder of everything that runs write.", callback=_set),
]

"""The command `forget`, in a process of its own: python -m stillhouse.components.forget FILE."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.forget.forget import forget
from stillhouse.components.storage.home import local_store
from stillhouse.errors import USER_ERROR, UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A file or folder with the rows, in the columns of the training data."),
    ],
    home: HomeOption = HOME,
) -> None:
    """Keep rows out of every later dataset, and say which models have learnt from them; done again, only say it."""
    try:
        for sentence in forget(source, local_store(), home.absolute()):
            typer.echo(sentence)
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(USER_ERROR)


if __name__ == "__main__":
    app(prog_name="stillhouse forget")

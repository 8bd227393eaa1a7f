"""The command `predict`: answers for a file or a folder."""

import typer

from stillhouse.pipelines.cli.become import become


def predict(context: typer.Context) -> None:
    """Answer for a file or a folder: `stillhouse predict models:/NAME@champion FILE`."""
    become("predict", context.args)

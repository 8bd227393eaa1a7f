"""The command `rollback`: the previous model back into production."""

import typer

from stillhouse.pipelines.cli.become import become


def rollback(context: typer.Context) -> None:
    """Put the previous model back into production: `stillhouse rollback NAME`."""
    become("promote.rollback", context.args)

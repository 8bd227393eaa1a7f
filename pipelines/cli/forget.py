"""The command `forget`: rows that no later dataset holds, and who has learnt from them."""

import typer

from stillhouse.pipelines.cli.become import become


def forget(context: typer.Context) -> None:
    """Keep rows out of every later dataset, and name the models that learnt from them: `stillhouse forget FILE`."""
    become("forget", context.args)

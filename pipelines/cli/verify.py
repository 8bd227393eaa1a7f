"""The command `verify`: whether a model is what was signed."""

import typer

from stillhouse.pipelines.cli.become import become


def verify(context: typer.Context) -> None:
    """Say whether a model is what was signed, and as what, offline: `stillhouse verify MODEL`."""
    become("promote.verify", context.args)

"""The commands `approve` and `reject`: what a person says of a candidate that waits."""

import typer

from stillhouse.pipelines.cli.become import become


def approve(context: typer.Context) -> None:
    """Promote the candidate that waits for approval: `stillhouse approve NAME`."""
    become("promote.approve", context.args)


def reject(context: typer.Context) -> None:
    """Reject the candidate that waits for approval: `stillhouse reject NAME`."""
    become("promote.reject", context.args)

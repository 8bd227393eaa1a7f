"""The command `step`: one step alone."""

import typer

from stillhouse.components.runtime.steps import STEPS
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.become import become


def step(context: typer.Context) -> None:
    """Run one step alone: `stillhouse step finetune --help` lists its settings."""
    name, *rest = context.args or ["--help"]
    if name in ("--help", "-h"):
        typer.echo(f"Usage: stillhouse step NAME [OPTIONS]\n\nNAME is one of: {', '.join(STEPS)}.\n")
        typer.echo("`stillhouse step NAME --help` lists what a step takes.")
        return
    if name not in STEPS:
        raise UserError(f"There is no step '{name}'; use one of: {', '.join(STEPS)}.")
    become(name, rest)

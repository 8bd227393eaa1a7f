"""Options of the command `sweep`, which the command line and the process that does the work share."""

from typing import Annotated

import typer

from stillhouse.components.sweep.settings import SweepSettings

DEFAULTS = SweepSettings()

KeepDays = Annotated[float, typer.Option(help="What is younger stays.")]
KeepRuns = Annotated[int, typer.Option(help="What this many of the last runs made or used stays.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")]

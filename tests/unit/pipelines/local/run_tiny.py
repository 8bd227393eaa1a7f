"""Runs the pipeline of tiny.py as `stillhouse run` runs the real one."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer

from stillhouse.components.tracking import run as tracking
from stillhouse.pipelines.cli.app import Group
from stillhouse.pipelines.local.run import Job, run_pipeline

app = typer.Typer(cls=Group, pretty_exceptions_enable=False)


@app.callback()
def callback() -> None:
    """Stands for `stillhouse`."""


@app.command()
def run(
    home: Path,
    text: str = "lib/python3.11/x",
    seconds: float = 0.1,
    fail: str = "",
    no_cache: bool = False,
    verbose: bool = False,
) -> None:
    """Stands for `stillhouse run`."""
    # The sender has tests of its own; here its import of MLflow would take most of the time.
    replaceable: Any = tracking
    replaceable._sender = lambda home, run_id: nullcontext()
    parameters = {"text": text, "seconds": seconds, "fail": fail}
    job = Job("tiny", parameters, ("write", "train"), pipeline="tiny:tiny", cache=not no_cache)
    run_pipeline(job, home, verbose, lambda folder: typer.echo(f"outcome of {folder.name}"))


if __name__ == "__main__":
    app()

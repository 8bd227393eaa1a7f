"""approve: promote the candidate that waits for a person.

python -m stillhouse.components.promote.approve NAME
"""

import getpass
import os
import sys
from typing import Annotated

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.config.settings import shown
from stillhouse.components.promote.approval import decide
from stillhouse.components.storage.home import local_store
from stillhouse.errors import USER_ERROR, UserError

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name in the model registry.")]
Run = Annotated[str, typer.Option(help="The run whose candidate is meant; by default whichever waits.")]
By = Annotated[str, typer.Option(help="Who decides; by default the user of this machine.")]
Note = Annotated[str, typer.Option(help="A sentence that is kept with the decision.")]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(name: Name, run: Run = "", by: By = "", note: Note = "", home: HomeOption = HOME) -> None:
    """Promote the candidate that waits for approval, unless the champion has changed since it was compared."""
    answer(name, approves=True, run=run, by=by or this_user(), note=note)


def this_user() -> str:
    """Who is at work on this machine; empty where it does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def answer_form(name: str, *, decision: str, by: str, run: str, note: str) -> None:
    """What a person has filled in on a cluster."""
    # The step has a run of its own where KFP's plugin for MLflow makes one; this is about another.
    os.environ.pop("MLFLOW_RUN_ID", None)
    if decision not in ("approve", "reject"):
        typer.echo(f"decision is {shown(decision)}; fill in approve or reject.", err=True)
        sys.exit(USER_ERROR)
    answer(name, approves=decision == "approve", run=run, by=by, note=note)


def answer(name: str, *, approves: bool, run: str, by: str, note: str) -> None:
    """Decide, and say what came of it; exit code 2 where an approval did not promote."""
    try:
        decided, notes = decide(local_store(), name, approves=approves, by=by, run=run, note=note)
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(USER_ERROR)
    said = f"{decided.decision}: '{name}', the candidate of the run {decided.run}: {decided.why}"
    fails = approves and decided.decision != "promoted"
    typer.echo(" ".join([said, *notes]), err=fails)
    if fails:
        sys.exit(USER_ERROR)


if __name__ == "__main__":
    app(prog_name="stillhouse approve")

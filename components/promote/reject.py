"""reject: take away the candidate that waits for a person; production stays as it is.

python -m stillhouse.components.promote.reject NAME
"""

import typer

from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.promote.approve import By, Name, Note, Run, answer, this_user

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(name: Name, run: Run = "", by: By = "", note: Note = "", home: HomeOption = HOME) -> None:
    """Reject the candidate that waits for approval; a model of the same inputs is not proposed again."""
    answer(name, approves=False, run=run, by=by or this_user(), note=note)


if __name__ == "__main__":
    app(prog_name="stillhouse reject")

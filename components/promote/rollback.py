"""rollback: put the previous model back into production.

python -m stillhouse.components.promote.rollback NAME
"""

import sys
from typing import Annotated

import typer

from stillhouse.components.artifacts.kept import found_model, model_key
from stillhouse.components.artifacts.promotion_record import Record, change, model_names
from stillhouse.components.artifacts.proof import not_signed, verified_in_store
from stillhouse.components.config.home import HOME
from stillhouse.components.config.home_option import HomeOption
from stillhouse.components.promote.publish import publish
from stillhouse.components.promote.serving import serve
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.store import Store
from stillhouse.errors import USER_ERROR, UserError
from stillhouse.spelling import did_you_mean


def rollback(model_name: str, *, store: Store | None = None) -> str:
    """Exchange champion and previous in the promotion record, then move the aliases and the service that
    STILLHOUSE_SERVING names; twice changes nothing.

    Args:
        model_name: Name in the model registry.
        store: Where the record lies; by default the store of this machine.

    Returns:
        A sentence that says which model is the champion now.

    Raises:
        UserError: there is no previous model, its files are gone or are not what was signed, or another run changed the
            record at the same time.
    """
    store = store or local_store()
    seen: list[Record] = []
    unsigned: list[str] = []

    def edit(record: Record) -> Record:
        if record.champion is None:
            raise UserError(
                f"'{model_name}' has no promoted model in {store.url}; "
                + did_you_mean(model_name, model_names(store), "check the name and --home.")
            )
        if record.previous is None:
            raise UserError(
                f"'{model_name}' has no previous model in {store.url} to go back to; wait for a second promotion."
            )
        # Two people who roll back at once both want the model before this one, not to and fro.
        if seen and seen[0].champion != record.champion:
            raise UserError(
                f"the champion of '{model_name}' was changed by somebody else just now; "
                "look which it is, and roll back again if that is still wanted."
            )
        seen.append(record)
        if not found_model(store, record.previous.digest, ""):
            raise UserError(
                f"the previous model of '{model_name}', {record.previous.name}, is not whole at "
                f"{store.uri(model_key(record.previous.digest))}; copy it back from where the store was before."
            )
        unsigned[:] = [] if verified_in_store(store, record.previous) else [not_signed(record.previous)]
        return record.swapped()

    record = change(store, model_name, edit)
    notes = unsigned + publish(store, model_name, run=None) + serve(record, store)
    champion = record.champion
    assert champion is not None
    return " ".join([f"The champion of '{model_name}' is again {champion.name}.", *notes])


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name in the model registry.")], home: HomeOption = HOME
) -> None:
    """Put the previous model back into production; done twice, nothing has changed."""
    try:
        typer.echo(rollback(name))
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(USER_ERROR)


if __name__ == "__main__":
    app(prog_name="stillhouse rollback")

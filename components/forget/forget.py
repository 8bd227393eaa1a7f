"""forget: rows that no dataset holds any more, and which models have learnt from them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stillhouse.components.artifacts.forgotten import forget_rows
from stillhouse.components.artifacts.known_rows import RowsUnknown, known_rows
from stillhouse.components.forget.models import Held, held_models
from stillhouse.components.forget.rows import Hashes, hashes_of, reading_of
from stillhouse.components.storage.home import OUTPUTS, SOURCES
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError

CHECKPOINTS = "checkpoints"
"""In the store: what trainings go on from, and what teachers have told of each row."""


def forget(source: Path, store: Store, home: Path) -> Iterator[str]:
    """Keep the rows of a file or folder out of every later dataset of the store; what there is to say of it.

    Done again, it changes nothing and says who knows them by then.

    Raises:
        UserError: nobody can read the rows, or the store's list of forgotten rows; nothing is forgotten then.
    """
    models = held_models(store)
    read = _read(source, models, store)
    hashes = [found for found in read.values() if isinstance(found, Hashes)]
    rows = max(len(found.as_they_came) for found in hashes)
    if not rows:
        raise UserError(f"{source} holds no rows; name a file with those that are to be forgotten.")
    forget_rows(store, np.concatenate([part for found in hashes for part in found]))
    many, are = ("1 row", "is") if rows == 1 else (f"{rows:,} rows", "are")
    yield f"{many} of {source} {are} forgotten: no dataset that is made from now on holds them."
    said = [sentence for model in models if (sentence := _told(model, read, store))]
    yield from said
    if not said:
        yield f"Nothing in production or in {store.url} has learnt from any of them."
    if left := _left(store, home):
        yield f"What runs have left may still hold them, until `stillhouse sweep` removes it: {', '.join(left)}."


def _read(source: Path, models: list[Held], store: Store) -> dict[str, Hashes | UserError]:
    """The rows in each way in which models of the store read theirs, or why they cannot be read so.

    Raises:
        UserError: they can be read in none.
    """
    specs = {reading_of(model.spec): model.spec for model in models if model.spec}
    if not specs:
        raise UserError(
            f"{store.url} holds no model, and without one nothing says how rows are read; promote one first, or take "
            "the rows out of the source."
        )
    read: dict[str, Hashes | UserError] = {}
    for reading, spec in specs.items():
        try:
            read[reading] = hashes_of(source, spec)
        except UserError as error:
            read[reading] = error
    failed = [found for found in read.values() if isinstance(found, UserError)]
    if len(failed) == len(read):
        raise failed[0]
    return read


def _told(model: Held, read: dict[str, Hashes | UserError], store: Store) -> str:
    """What a model knows of the rows; empty for nothing."""
    try:
        if model.spec is None:
            raise RowsUnknown("its folder is not in the store")
        found = read[reading_of(model.spec)]
        if isinstance(found, UserError):
            raise found
        known = int(known_rows(store, model.digest).learnt_from(np.unique(found.identities)).sum())
    except UserError as error:
        return f"{_capital(model.title)}: whether it has learnt from them is not known ({str(error).rstrip('.')})."
    return f"{_capital(model.title)}, has learnt from {known:,} of them." if known else ""


def _left(store: Store, home: Path) -> list[str]:
    """Places with datasets, copies of data and checkpoints of earlier runs."""
    below = [str(home / name) for name in (OUTPUTS, SOURCES) if (home / name).is_dir()]
    return [*([store.uri(CHECKPOINTS)] if store.list(CHECKPOINTS) else []), *below]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]

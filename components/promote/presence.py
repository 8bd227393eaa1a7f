"""The models of a promotion record in the store at hand, before anything depends on them."""

from stillhouse.components.artifacts.kept import (
    AT_HAND,
    at_hand,
    found_model,
    found_statistics,
    model_key,
    rows_key,
    statistics_key,
)
from stillhouse.components.artifacts.known_rows import RowsUnknown, known_rows
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError


def present(store: Store, model_name: str, entry: Entry, *, needed: bool = True) -> Entry:
    """The entry with the addresses of where its model and dataset.json are now.

    Args:
        needed: Whether nothing can go on without them; if not, what is gone keeps an address that leads nowhere (the
            model), or none (its dataset.json).

    Raises:
        UserError: they are gone, and needed.
    """
    model = found_model(store, entry.digest, entry.uri)
    statistics = found_statistics(store, entry.dataset_digest, entry.statistics_uri)
    if needed and not (model and statistics):
        key = statistics_key(entry.dataset_digest) if model else model_key(entry.digest)
        what = "the statistics of its data, against which drift is measured, are" if model else "its model is"
        raise UserError(
            f"the champion of '{model_name}', {entry.name}: {what} not whole at {store.uri(key)}; copy it back from "
            f"where the store was before, or `stillhouse rollback {model_name}`, or go on without it for one run: "
            "--set promote.replace_incomparable=true."
        )
    if needed and (lost := _lost_key(store, entry)):
        raise UserError(
            f"the champion of '{model_name}', {entry.name}, cannot be compared: {lost}, or go on without it for one "
            "run: --set promote.replace_incomparable=true."
        )
    return entry.model_copy(
        update={
            "uri": model or AT_HAND + model_key(entry.digest),
            "statistics_uri": statistics or "",
            "reference": entry.reference and at_hand(entry.reference),
            "reference_model": entry.reference_model and at_hand(entry.reference_model),
            "compared_with": entry.compared_with and _assumed(entry.compared_with),
        }
    )


def _lost_key(store: Store, entry: Entry) -> str:
    """Why the rows that it has learnt from cannot be told from others, where they are kept; empty if they can."""
    if not store.list(rows_key(entry.digest)):
        return ""
    try:
        known_rows(store, entry.digest)
    except RowsUnknown as error:
        return str(error)
    return ""


def _assumed(entry: Entry) -> Entry:
    """The entry as if all it refers to were at hand: a predecessor, on which little hangs any more."""
    return entry.model_copy(
        update={
            "uri": AT_HAND + model_key(entry.digest),
            "statistics_uri": AT_HAND + statistics_key(entry.dataset_digest),
        }
    )

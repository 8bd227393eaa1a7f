"""Rows that no dataset may hold any more: one list for a store, of hashes with its key."""

from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from stillhouse.components.storage.digests import sha256_bytes
from stillhouse.components.storage.row_key import LostKey, RowKey, kept_key, row_key
from stillhouse.components.storage.store import Conflict, NotFound, Store
from stillhouse.errors import UserError

FORGOTTEN = "forgotten/rows"
"""Where the list lies in a store."""


@dataclass(frozen=True)
class Forgotten:
    """The list as it is now."""

    key: RowKey
    """Of the store."""
    hashes: np.ndarray
    """int64 [rows]: keyed hashes, ascending."""
    digest: str
    """sha256 of the list; empty as long as there is none."""
    version: str | None = None
    """For the conditional write."""

    def __len__(self) -> int:
        return len(self.hashes)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """bool [rows]: which rows of these short hashes, int64 [rows], are forgotten."""
        return np.isin(self.key.hashes(rows), self.hashes)


def forgotten_rows(store: Store) -> Forgotten | None:
    """The list; None as long as nothing is forgotten.

    Raises:
        UserError: it cannot be read, or the store has not the key that it was written with.
    """
    place = store.uri(FORGOTTEN)
    try:
        data, version = store.read(FORGOTTEN)
    except NotFound:
        return None
    try:
        found, key = load(data), kept_key(store, place)
        key.check(found["key"], place)
        return Forgotten(key, found["hashes"], sha256_bytes(data), version)
    except LostKey as error:
        mend = f"or remove '{place}' and name all rows to `stillhouse forget` again"
        raise UserError(f"{error}, {mend}: without it nobody can tell which rows are forgotten.") from None
    except (SafetensorError, KeyError) as error:
        raise UserError(f"'{place}' cannot be read ({error}); copy it back from a copy of the store.") from None


def forget_rows(store: Store, rows: np.ndarray) -> Forgotten:
    """The list with the rows of these short hashes, int64 [rows]; of several writers none loses what it adds.

    Raises:
        UserError: as above.
    """
    while True:
        before = forgotten_rows(store) or Forgotten(row_key(store), np.zeros(0, np.int64), "")
        hashes = np.union1d(before.hashes, before.key.hashes(rows))
        if len(hashes) == len(before):
            return before
        data = save({"hashes": hashes, "key": before.key.mark})
        try:
            version = store.put_if(FORGOTTEN, data, before.version)
        except Conflict:
            continue
        return Forgotten(before.key, hashes, sha256_bytes(data), version)

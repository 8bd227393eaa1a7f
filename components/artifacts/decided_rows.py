"""Which test rows have helped to decide, and how often: their shelf life.

One file for each state, `decided/DIGEST` in the store: whoever has it by its digest has it unchanged. Rows are in it as
hashes with the store's key, each takes 16 bytes.
"""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save

from stillhouse.components.artifacts.kept import decided_key
from stillhouse.components.storage.row_key import LostKey, RowKey, row_key
from stillhouse.components.storage.store import NotFound, Store
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

TEST_ROWS = "test_rows.safetensors"
"""In a dataset's folder: the short hashes of its test rows, for a step that reads no Parquet."""


def _no_rows(kind: type) -> np.ndarray:
    return np.zeros(0, kind)


@dataclass(frozen=True)
class DecidedRows:
    """Rows that have helped to decide."""

    key: RowKey
    """Of the store."""
    hashes: np.ndarray = field(default_factory=lambda: _no_rows(np.int64))
    """int64 [rows]: their keyed hashes, ascending."""
    times: np.ndarray = field(default_factory=lambda: _no_rows(np.int32))
    """int32 [rows]: looks that each was part of."""
    first: np.ndarray = field(default_factory=lambda: _no_rows(np.int32))
    """int32 [rows]: number of the first of them."""

    def times_of(self, hashes: np.ndarray) -> np.ndarray:
        """int64 [rows]: how often the rows of these short hashes, int64 [rows], have helped to decide."""
        return self._of(self.key.hashes(hashes), self.times)

    def first_of(self, hashes: np.ndarray) -> np.ndarray:
        """int64 [rows]: the look in which each of them did so first; 0 for one that never did."""
        return self._of(self.key.hashes(hashes), self.first)

    def after(self, hashes: np.ndarray, look: int) -> "DecidedRows":
        """With the rows of another look; `hashes` is int64 [rows], their short hashes."""
        deciding = self.key.hashes(hashes)
        every = np.union1d(self.hashes, deciding)
        first = self._of(every, self.first)
        times = self._of(every, self.times) + np.isin(every, deciding)
        first, times = np.where(first == 0, look, first).astype(np.int32), times.astype(np.int32)
        return DecidedRows(self.key, every, times, first)

    def put(self, store: Store) -> str:
        """Write it to the store; its digest."""
        data = save({"hashes": self.hashes, "times": self.times, "first": self.first, "key": self.key.mark})
        digest = hashlib.sha256(data).hexdigest()
        store.put(decided_key(digest), data)
        return digest

    def _of(self, hashes: np.ndarray, values: np.ndarray) -> np.ndarray:
        found = np.zeros(len(hashes), np.int64)
        if len(self.hashes):
            place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
            known = self.hashes[place] == hashes
            found[known] = values[place[known]]
        return found


def decided_rows(store: Store, digest: str | None) -> DecidedRows:
    """What is known under this digest; nothing where the store has it, or its key, no more: the count begins anew."""
    key = row_key(store)
    if digest is None:
        return DecidedRows(key)
    place = decided_key(digest)
    try:
        found = load(store.get(place))
        if "key" not in found:
            return _of_plain(key, **found)
        key.check(found.pop("key"), store.uri(place))
        return DecidedRows(key, **found)
    except LostKey as error:
        logger.warning("%s; how often test rows have decided is counted anew", error)
    except (NotFound, SafetensorError, TypeError):
        logger.warning("the store does not hold %s any more", place)
    return DecidedRows(key)


def _of_plain(key: RowKey, hashes: np.ndarray, times: np.ndarray, first: np.ndarray) -> DecidedRows:
    """What an earlier release wrote, with plain hashes."""
    keyed = key.hashes(hashes)
    order = np.argsort(keyed)
    return DecidedRows(key, keyed[order], times[order], first[order])


def rows_tested(dataset: Path) -> np.ndarray:
    """int64 [rows]: the short hashes of a dataset's test rows, ascending.

    Raises:
        UserError: the dataset is one of an earlier release, which wrote none.
    """
    try:
        return load_file(dataset / TEST_ROWS)["hashes"]
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{dataset / TEST_ROWS} cannot be read ({error}); make the dataset again with prepare."
        ) from None


def rows_digest(hashes: np.ndarray) -> str:
    """sha256 of short hashes, int64 [rows], ascending."""
    return hashlib.sha256(np.ascontiguousarray(hashes, "<i8").tobytes()).hexdigest()

"""Hashes of rows that tell nothing to whoever has not the store's key.

Whoever reads a plain hash can test whether a text is among the rows. What a store keeps of rows are therefore keyed
hashes: BLAKE2b with a key (Saarinen and Aumasson, 2015, RFC 7693) over the short hash of `examples`. The key is made
once for a store, stays there, and is in no log, no parameter and no folder of a model.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

import numpy as np

from stillhouse.components.storage.store import Conflict, NotFound, Store
from stillhouse.errors import UserError

KEY = "keys/rows"
"""Where the key lies in a store."""
KEY_BYTES = 32
_ROW, _MARK = b"row", b"mark"
"""What is hashed, so that no hash of one kind is one of the other."""


class LostKey(UserError):
    """The store has not the key that its hashes of rows were made with."""


@dataclass(frozen=True)
class RowKey:
    """The key of a store."""

    secret: bytes = field(repr=False)
    store: str
    """Address of the store, for messages."""

    def hashes(self, rows: np.ndarray) -> np.ndarray:
        """int64 [rows]: the keyed hashes of short hashes, int64 [rows], in their order."""
        data = np.ascontiguousarray(rows, "<i8").tobytes()
        keyed = b"".join(self._hash(data[at : at + 8], _ROW) for at in range(0, len(data), 8))
        return np.frombuffer(keyed, "<i8").astype(np.int64)

    @property
    def mark(self) -> np.ndarray:
        """int64 [1], beside hashes: by it they are known to be of this key, and the key is not known by it."""
        return np.frombuffer(self._hash(b"", _MARK), "<i8").astype(np.int64)

    def check(self, mark: np.ndarray, place: str) -> None:
        """See that hashes with this mark, int64 [1], are of this key; `place` is their address.

        Raises:
            LostKey: they are of another.
        """
        if not np.array_equal(mark, self.mark):
            raise LostKey(f"'{self.store}/{KEY}' is not the key that '{place}' was written with; copy the old one back")

    def _hash(self, data: bytes, kind: bytes) -> bytes:
        return hashlib.blake2b(data, key=self.secret, digest_size=8, person=kind).digest()


def row_key(store: Store) -> RowKey:
    """The store's key, made if there is none yet; of several processes that make one, all take the first.

    Raises:
        UserError: what lies there is not a key.
    """
    try:
        return kept_key(store, "")
    except LostKey:
        secret = secrets.token_bytes(KEY_BYTES)
    try:
        store.put_if(KEY, secret, None)
        return RowKey(secret, store.url)
    except Conflict:
        return kept_key(store, "")


def kept_key(store: Store, place: str) -> RowKey:
    """The store's key, to read hashes that were made with it; `place` is their address.

    Raises:
        LostKey: there is none.
        UserError: what lies there is not a key.
    """
    try:
        secret = store.get(KEY)
    except NotFound:
        raise LostKey(f"'{store.uri(KEY)}', the key that '{place}' was written with, is gone; copy it back") from None
    if len(secret) != KEY_BYTES:
        raise UserError(f"'{store.uri(KEY)}' is not a key of {KEY_BYTES} bytes; copy it back from a copy of the store.")
    return RowKey(secret, store.url)
